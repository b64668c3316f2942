"""States from ASE and PySCF: derivatives, crossings of molecules, trajectories on the fly."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from anticrossing._core.checks import InputError
from anticrossing.geometry.crossing_points import find_crossing_point
from anticrossing.molecules.electronic import AseStates, CachedStates, CasscfStates, PyscfStates
from anticrossing.molecules.trajectories import Fixed, run_trajectories

pytestmark = pytest.mark.filterwarnings("ignore")  # what the programs warn of is not ours to fix


def numeric_gradients(states, x, step=1e-3):
    columns = [
        (states(x + step * axis)[0] - states(x - step * axis)[0]) / (2 * step)
        for axis in np.eye(x.size)
    ]
    return np.transpose(columns)


@pytest.fixture(scope="module")
def pair():
    """Two calculators of ASE on a triatomic: Morse bonds of two lengths and depths."""
    ase = pytest.importorskip("ase", reason="ASE is not installed (extra `ase`)")
    from ase.calculators.morse import MorsePotential

    atoms = ase.Atoms("OHH", [[0, 0, 0], [0, 0.8, 0.7], [0.1, -0.8, 0.6]])
    cut = {"rcut1": 20.0, "rcut2": 30.0}
    return AseStates(
        atoms,
        [MorsePotential(epsilon=4.0, r0=1.0, rho0=3.0, **cut),
         MorsePotential(epsilon=2.4, r0=1.5, rho0=3.0, **cut)],
    )  # fmt: skip


def test_units_of_ase(pair):
    energies, gradients = pair(pair.start)
    assert_allclose(gradients, numeric_gradients(pair, pair.start), atol=1e-6)
    assert pair.coordinates[:4] == ("O1x", "O1y", "O1z", "H2x")
    assert pair.masses[0] == pytest.approx(15.999 * 1822.888, rel=1e-4)
    assert energies.shape == (2,)
    with pytest.raises(InputError):
        AseStates(pair._atoms, [])
    with pytest.raises(InputError):
        AseStates("H2", [1])


@pytest.mark.slow
def test_the_lowest_crossing_of_two_calculators_against_slsqp(pair):
    found = find_crossing_point(
        pair, pair.start, kind="crossing", gap_tolerance=1e-9, gradient_tolerance=1e-7
    )
    reference = scipy.optimize.minimize(
        lambda q: pair(q)[0].mean(), found.position + 0.02, jac=lambda q: pair(q)[1].mean(axis=0),
        method="SLSQP", options={"ftol": 1e-13, "maxiter": 300},
        constraints={"type": "eq", "fun": lambda q: np.diff(pair(q)[0])[0],
                     "jac": lambda q: np.diff(pair(q)[1], axis=0)[0]},
    )  # fmt: skip
    assert found.energy == pytest.approx(reference.fun, abs=1e-6)


@pytest.mark.slow
def test_hops_between_calculators_from_energies_and_gradients_alone(pair, tmp_path):
    """A second run takes every point from the folder, and ends at the same bits."""
    start = Fixed(pair.start, np.zeros(9), state=0)
    options = {
        "initial": start, "step": 10.0, "steps": 40, "count": 2, "seed": 1,
        "method": "landau-zener",
    }  # fmt: skip
    kept = CachedStates(pair, tmp_path)
    found = run_trajectories(kept, **options)
    assert found.energy_drift.max() < 1e-3  # of 0.15 hartree; falls with the square of the step
    computed = kept.computed
    again = run_trajectories(CachedStates(pair, tmp_path), **options)
    assert computed > 0
    assert_allclose(again.final_positions, found.final_positions, rtol=0, atol=0)


@pytest.fixture(scope="module")
def gto():
    pytest.importorskip("pyscf", reason="PySCF is not installed (extra `pyscf`)")
    from pyscf import gto

    return gto


@pytest.mark.slow
def test_singlet_and_triplet_methylene_against_slsqp(gto):
    from pyscf import scf

    def field(spin):
        mol = gto.M(atom="C 0 0 0; H 0 0.85 0.65; H 0 -0.85 0.65", basis="sto-3g", spin=spin,
                    verbose=0)  # fmt: skip
        method = (scf.UHF if spin else scf.RHF)(mol)
        method.conv_tol, method.conv_tol_grad = 1e-12, 1e-8
        return method

    states = PyscfStates([field(0), field(2)])
    assert_allclose(states(states.start)[1], numeric_gradients(states, states.start), atol=2e-6)
    found = find_crossing_point(states, states.start, kind="crossing")
    reference = scipy.optimize.minimize(
        lambda q: states(q)[0].mean(), found.position + 0.01,
        jac=lambda q: states(q)[1].mean(axis=0),
        method="SLSQP", options={"ftol": 1e-10, "maxiter": 40},
        constraints={"type": "eq", "fun": lambda q: np.diff(states(q)[0])[0],
                     "jac": lambda q: np.diff(states(q)[1], axis=0)[0]},
    )  # fmt: skip
    assert found.gap < 1e-6
    assert found.energy == pytest.approx(reference.fun, abs=1e-6)


@pytest.mark.slow
def test_three_hydrogen_atoms_meet_where_they_are_equally_far_apart(gto):
    """H₃⁺ + e: the two lowest doublets of H₃ cross at equilateral triangles, by symmetry."""
    mol = gto.M(atom="H 0 0 0; H 0 0 1.0; H 0 0.75 0.45", basis="sto-3g", spin=1, verbose=0)
    states = Doublets(mol)
    found = find_crossing_point(states, states.start, gap_tolerance=2e-5)
    x = found.position.reshape(3, 3)
    sides = np.linalg.norm(x - np.roll(x, 1, axis=0), axis=1)
    assert np.ptp(sides) < 1e-3

    def symmetric(side):
        y = side[0] * np.array([[0, 0, 0], [0, 0, 1], [0, np.sqrt(0.75), 0.5]])
        return float(states(y.ravel())[0].mean())

    best = scipy.optimize.minimize(symmetric, [sides.mean()], method="Nelder-Mead",
                                   options={"xatol": 1e-7, "fatol": 1e-12})  # fmt: skip
    assert found.energy == pytest.approx(best.fun, abs=1e-6)


class Doublets:
    """The two lowest doublets of H₃ by full CI, gradients by central differences."""

    def __init__(self, mol):
        self.mol, self.start = mol, mol.atom_coords().ravel()

    def energies(self, x):
        from pyscf import ao2mo, fci

        mol = self.mol.copy()
        mol.set_geom_(x.reshape(3, 3), unit="bohr")
        basis = _orthonormal(mol)
        core = basis.T @ (mol.intor("int1e_kin") + mol.intor("int1e_nuc")) @ basis
        pairs = ao2mo.restore(1, ao2mo.kernel(mol, basis), 3)
        found, _ = fci.direct_spin1.kernel(core, pairs, 3, (2, 1), nroots=2, conv_tol=1e-14)
        return np.array(found) + mol.energy_nuc()

    def __call__(self, x):
        step = 5e-4
        gradient = [
            (self.energies(x + step * e) - self.energies(x - step * e)) / (2 * step)
            for e in np.eye(9)
        ]
        return self.energies(x), np.transpose(gradient)


def _orthonormal(mol):
    values, vectors = np.linalg.eigh(mol.intor("int1e_ovlp"))
    return vectors @ np.diag(values**-0.5) @ vectors.T


@pytest.mark.slow
def test_the_conical_intersection_of_ethylene_against_slsqp(gto):
    """The search knows energies and gradients; SLSQP, with couplings, that W₀₀ = W₁₁, W₀₁ = 0.

    W is of the diabatic states with the largest overlaps with those at the start. Its gradient is
    exact where the levels meet.
    """
    atoms = (
        "C 0.16 0.48 1.33; C -0.01 0.12 -1.32; H 1.97 0.12 2.26; "
        "H -0.34 -1.72 0.87; H 1.09 -1.24 -2.44; H -1.57 0.95 -2.41"
    )
    mol = gto.M(atom=atoms, unit="bohr", basis="sto-3g", verbose=0)
    options = {"active_electrons": 2, "active_orbitals": 2, "states": 2}
    states = CasscfStates(mol, **options)
    point = [None]

    def surfaces(q):
        point[0] = states.at(q, point[0])
        return point[0].energies, point[0].gradients

    # The gradients of the program scatter by 1e-4 where the levels meet.
    found = find_crossing_point(
        surfaces, states.start, method="branching-plane", longest_step=0.1, gradient_tolerance=2e-4
    )
    coupled = CasscfStates(mol, **options, couplings=True)
    first, kept = coupled.at(states.start), {}

    def diabatic(q):
        if q.tobytes() not in kept:
            here = coupled.at(q, first)
            left, _, right = np.linalg.svd(here.overlaps)
            turn, e, x = left @ right, here.energies, np.array([[0.0, 1.0], [1.0, 0.0]])
            slopes = np.einsum("ka,ki->aki", here.gradients, np.eye(2))
            slopes += (e[1] - e[0]) * here.couplings[:, :1, 1:] * x
            both = (turn * e) @ turn.T, turn @ slopes @ turn.T
            kept[q.tobytes()] = [
                np.stack([W[..., 0, 0] + W[..., 1, 1], W[..., 0, 0] - W[..., 1, 1], W[..., 0, 1]])
                for W in both
            ]
        return kept[q.tobytes()]

    reference = scipy.optimize.minimize(
        lambda q: diabatic(q)[0][0] / 2, states.start, jac=lambda q: diabatic(q)[1][0] / 2,
        method="SLSQP", options={"ftol": 1e-8, "maxiter": 60},
        constraints={"type": "eq", "fun": lambda q: diabatic(q)[0][1:],
                     "jac": lambda q: diabatic(q)[1][1:]},
    )  # fmt: skip
    assert reference.success
    assert found.gap < 1e-6
    assert found.energy == pytest.approx(reference.fun, rel=0, abs=1e-6)
    one, two = (
        np.linalg.norm(x[:, np.newaxis] - x, axis=-1)
        for x in (found.position.reshape(6, 3), reference.x.reshape(6, 3))
    )
    assert_allclose(one, two, rtol=0, atol=5e-3)


@pytest.mark.slow
def test_lithium_hydride_on_the_fly(gto, tmp_path):
    """Twelve steps of 0.24 fs from 2.6 Å outwards: the energy drifts by less than 1e-4 hartree."""
    mol = gto.M(atom="Li 0 0 0; H 0 0 2.6", basis="sto-3g", verbose=0)
    states = CasscfStates(mol, active_electrons=2, active_orbitals=2, states=2, couplings=True)
    point = states.at(states.start)
    assert_allclose(point.gradients, numeric_gradients(states, states.start), atol=2e-5)
    away = states.at(states.start + 0.02 * np.eye(6)[5], point)
    turn = away.overlaps[0, 1] / 0.02
    assert 0.5 * (point.couplings + away.couplings)[5, 0, 1] == pytest.approx(turn, rel=0.02)
    kept = CachedStates(states, tmp_path)
    momentum = np.zeros(6)
    momentum[[2, 5]] = -8.0, 8.0
    options = {
        "initial": Fixed(states.start, momentum, state=1), "step": 10.0, "count": 2, "seed": 3,
    }  # fmt: skip
    first = run_trajectories(kept, steps=6, **options)
    computed = kept.computed
    found = run_trajectories(kept, steps=12, **options)
    assert kept.computed - computed <= computed  # the first half was taken from the folder
    assert found.energy_drift.max() < 1e-4
    assert not found.warnings
    assert first.energy_drift.max() <= found.energy_drift.max()


@pytest.mark.slow
def test_ethylene_on_the_fly(gto, tmp_path):
    """Ten steps of 0.24 fs of the twisted molecule: the energy drifts by less than 1e-4 hartree."""
    atoms = (
        "C 0 0 0.66; C 0 0 -0.66; H 0.65 0.65 1.22; H -0.65 -0.65 1.22; "
        "H 0.65 -0.65 -1.22; H -0.65 0.65 -1.22"
    )
    mol = gto.M(atom=atoms, basis="sto-3g", verbose=0)
    states = CasscfStates(mol, active_electrons=2, active_orbitals=2, states=2)
    kick = np.random.default_rng(1).normal(size=(6, 3))
    kick *= np.sqrt(states.masses.reshape(6, 3) * 0.002)  # a temperature of 630 K
    options = {
        "initial": Fixed(states.start, (kick - kick.mean(axis=0)).ravel(), state=1), "step": 10.0,
        "count": 2, "seed": 3, "rescaling": "velocity",
    }  # fmt: skip
    run_trajectories(CachedStates(states, tmp_path), steps=4, **options)
    kept = CachedStates(states, tmp_path)
    found = run_trajectories(kept, steps=10, **options)
    assert kept.computed <= 12  # both trajectories, and what the first run had, from the folder
    assert found.energy_drift.max() < 1e-4
    assert not found.warnings
