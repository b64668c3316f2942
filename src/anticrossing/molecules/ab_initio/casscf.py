"""Electronic states of a diatomic molecule along its bond: state-averaged CASSCF by PySCF."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    InputError,
    check_flag,
    describe,
    fail,
    integer,
    real_array,
)
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.molecules.ab_initio.wavefunctions import pyscf, state_dipoles, state_overlaps
from anticrossing.units import Units

ATOMIC_UNITS = Units("hartree", "atomic", "bohr")
_ENERGY_TOLERANCE = 1e-11
_GRADIENT_TOLERANCE = 1e-7
_STATE_TOLERANCE = 1e-9
_MOST_RESTARTS = 20
_MOST_CYCLES = 15
_SIGMA = 1e-6


def bond_scan(
    atoms: tuple[str, str],
    distances: npt.ArrayLike,
    *,
    basis: str = "6-31g",
    active_electrons: int = 2,
    active_orbitals: int = 2,
    states: int = 2,
    electron_translation: bool = False,
) -> AdiabaticData:
    """Return energies, couplings, overlaps and dipoles of Σ⁺ singlet states along a bond.

    State-averaged CASSCF with equal weights in an active space of σ orbitals, by PySCF (tried with
    2.14; the extra ``pyscf``), second order in the orbitals and with the symmetry C∞v. The centre
    of mass of the nuclei (of the most abundant isotopes) is at rest at the origin, the second atom
    at larger z.

    Parameters
    ----------
    atoms : pair of str
        Element symbols, e.g. ``("Li", "F")``; together an even number of electrons.
    distances : array, shape (k,)
        Bond lengths, ascending, at least four (bohr).
    basis : str
        A basis set that PySCF knows.
    active_electrons, active_orbitals : int
        The active space: that many electrons (even) in the σ orbitals about the Fermi level of the
        Hartree-Fock wave function at the first distance.
    states : int
        How many states, m ≥ 2, are averaged.
    electron_translation : bool
        Whether the couplings leave out the part that makes electrons follow the nuclei; see Notes.

    Returns
    -------
    AdiabaticData
        In hartree and bohr, with signs as the program happened to return them. The dipoles
        (k, 3, m, m) are in e·a₀.

    Raises
    ------
    MissingExtraError
        Without PySCF.
    InputError
        For distances that are not positive and ascending, or an active space that cannot be.
    ConvergenceError
        Where CASSCF does not converge.

    Examples
    --------
    Lithium fluoride through the crossing of its ionic and covalent states, about a minute; the
    result is stored in ``examples/data/lif_casscf.csv``.

    >>> from anticrossing.geometry.grid_files import write_data
    >>> scan = bond_scan(("Li", "F"), np.arange(3.0, 14.01, 0.25))      # doctest: +SKIP
    >>> write_data(scan, "examples/data/lif_casscf.csv")                # doctest: +SKIP

    Notes
    -----
    The coupling along the bond is ``d = Σ_A c_A d_A`` with the displacements c_A of the two atoms
    per bond length that keep the centre of mass. It is the full ``⟨φ_i|∂φ_j⟩``: the response of CI
    vectors and orbitals (which PySCF calls the part with electron translation factors) and the
    "CSF contribution", the change of the orbitals with the atoms that carry them. Overlaps of
    neighbouring geometries contain both, and their finite differences agree with it.

    Full couplings of the atoms do not add up to zero: their sum is the electronic momentum
    ``−⟨φ_i|∇_e|φ_j⟩``, so the coupling along the bond depends on which point is at rest. With
    `electron_translation` the CSF contribution is left out: the atoms' couplings then cancel in the
    sum and the coupling no longer depends on that point, but it is not the derivative of these wave
    functions, and overlaps do not agree with it.

    PySCF's documentation gives the sign as ``state = (ket, bra)``; against overlaps,
    ``kernel(state=(i, j))`` is ``⟨φ_i|∂φ_j⟩`` (both contributions, PySCF 2.14). Its one-step
    CASSCF stops, reporting convergence, where state energies still change by 1e-7 hartree, which
    spoils finite differences; hence the second-order solver.

    References
    ----------
    B. H. Lengsfield, P. Saxe, D. R. Yarkony, J. Chem. Phys. 81, 4549 (1984); S. Fatehi and
    J. E. Subotnik, J. Phys. Chem. Lett. 3, 2039 (2012) (translation factors); I. F. Galván,
    M. G. Delcey, T. B. Pedersen, F. Aquilante, R. Lindh, J. Chem. Theory Comput. 12, 3636 (2016).
    """
    pair = _pair(atoms)
    x = real_array("distances", distances, ndim=1)
    if x.size < 4 or np.any(x <= 0) or np.any(np.diff(x) <= 0):
        raise fail("distances", "hold at least four positive ascending numbers", f"they are {x}")
    electrons = integer("active_electrons", active_electrons, minimum=2)
    orbitals = integer("active_orbitals", active_orbitals, minimum=2)
    count = integer("states", states, minimum=2)
    if electrons % 2 or electrons >= 2 * orbitals:
        raise fail(
            "active_electrons", f"be even and below {2 * orbitals}", f"it is {electrons}"
        )  # fmt: skip
    if not isinstance(basis, str) or not basis:
        raise fail("basis", "name a basis set", f"it is {describe(basis)}")
    check_flag("electron_translation", electron_translation)
    pyscf("gto")
    found: list[Any] = []
    for distance in x:
        found.append(
            casscf_at(
                pair,
                float(distance),
                basis,
                electrons,
                orbitals,
                count,
                found[-1] if found else None,
            )
        )
    return AdiabaticData(
        x=x,
        energies=np.array([mc.e_states for mc in found]),
        couplings=np.array([bond_couplings(mc, electron_translation) for mc in found]),
        overlaps=np.array([state_overlaps(a, b) for a, b in pairwise(found)]),
        dipoles=np.array([state_dipoles(mc) for mc in found]),
        units=ATOMIC_UNITS,
    )


def casscf_at(
    atoms: tuple[str, str],
    distance: float,
    basis: str,
    active_electrons: int,
    active_orbitals: int,
    states: int,
    previous: Any = None,
) -> Any:
    """Return a converged PySCF CASSCF object at one distance, started from `previous`."""
    gto, mcscf, scf = (pyscf(module) for module in ("gto", "mcscf", "scf"))

    def molecule(places: FloatArray, symmetry: str | bool) -> Any:
        atom = [[name, (0.0, 0.0, float(z))] for name, z in zip(atoms, places, strict=True)]
        return gto.M(atom=atom, basis=basis, unit="bohr", symmetry=symmetry, verbose=0)

    places = distance * displacements(molecule(np.array([0.0, distance]), False))
    # Of the orbitals only rotations within a symmetry are allowed: the Σ states are often not the
    # lowest of the average, and without it a second-order solver falls into a Π solution.
    field = scf.RHF(molecule(places, "Coov"))
    field.conv_tol = 1e-12
    field.kernel()
    solver = mcscf.CASSCF(field, active_orbitals, active_electrons)
    solver.fcisolver.conv_tol = 1e-14
    solver.fix_spin_(ss=0)
    solver = solver.state_average([1 / states] * states).newton()
    solver.conv_tol, solver.conv_tol_grad = _ENERGY_TOLERANCE, _GRADIENT_TOLERANCE
    if previous is None:
        guess = mcscf.sort_mo(solver, field.mo_coeff, _sigma_orbitals(field, solver), base=0)
    else:
        guess = mcscf.project_init_guess(solver, previous.mo_coeff, previous.mol)
    # The average energy converges long before the energy of each state does, as it alone is
    # stationary in the orbitals, and the solver may stall just above its own gradient tolerance:
    # what counts is that the states no longer change when it starts afresh.
    solver.max_cycle_macro = _MOST_CYCLES
    energies = np.full(states, np.inf)
    for _ in range(_MOST_RESTARTS):
        solver.kernel(guess)
        change = np.abs(np.asarray(solver.e_states) - energies).max()
        if change < _STATE_TOLERANCE:
            return solver
        energies, guess = np.array(solver.e_states), solver.mo_coeff
    raise ConvergenceError(
        f"CASSCF did not converge at {distance:g} bohr: use closer distances or another active "
        "space."
    )


def bond_couplings(calculation: Any, electron_translation: bool = False) -> FloatArray:
    """Return ``d_ij = ⟨φ_i|∂φ_j/∂R⟩`` (m, m) along the bond of one calculation (1/bohr).

    See `bond_scan` for what `electron_translation` leaves out.
    """
    method = pyscf("nac.sacasscf").NonAdiabaticCouplings

    parts = displacements(calculation.mol)
    m = len(calculation.ci)
    result = np.zeros((m, m))
    for i in range(m):
        for j in range(i + 1, m):
            atoms = method(calculation).kernel(state=(i, j), use_etfs=electron_translation)
            result[i, j] = parts @ atoms[:, 2]
            result[j, i] = -result[i, j]
    return result


def displacements(mol: Any) -> FloatArray:
    """Return how far the two atoms move along z per bond length, the centre of mass at rest."""
    masses = np.asarray(mol.atom_mass_list(isotope_avg=False), dtype=np.float64)
    return np.array([-masses[1], masses[0]]) / masses.sum()


def _sigma_orbitals(field: Any, solver: Any) -> list[int]:
    """Return the orbitals of σ character for the active space, about the Fermi level."""
    labels = [label[3] for label in field.mol.ao_labels(fmt=False)]
    sigma = np.array([label in ("", "z", "z^2", "z^3") for label in labels])
    turning = np.abs(field.mo_coeff[~sigma]).max(axis=0, initial=0.0) > _SIGMA
    occupied = np.flatnonzero(~turning & (field.mo_occ > 0))
    empty = np.flatnonzero(~turning & (field.mo_occ == 0))
    pairs = sum(solver.nelecas) // 2
    wanted = solver.ncas - pairs
    if occupied.size < pairs or empty.size < wanted:
        raise InputError(
            f"The active space asks for {pairs} occupied and {wanted} empty σ orbitals, but the "
            f"basis gives {occupied.size} and {empty.size}."
        )
    return [int(k) for k in (*occupied[occupied.size - pairs :], *empty[:wanted])]


def _pair(atoms: Sequence[str]) -> tuple[str, str]:
    if (
        not isinstance(atoms, (tuple, list))
        or len(atoms) != 2
        or not all(isinstance(atom, str) for atom in atoms)
    ):
        raise fail("atoms", "be a pair of element symbols", f"it is {atoms!r}")
    return atoms[0], atoms[1]
