"""Multiplets as blocks: what does not depend on the basis within them, and what is refused."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.geometry import (
    derivative_couplings,
    diagonal_correction,
    find_intersections,
    forces,
    hessians,
    minimum_energy_crossing,
    surfaces,
    wilson_loop,
)
from anticrossing.molecules.rates.through_crossing import rate_through_crossing

SOC = np.array([0.02j, 0.03, 0.01 + 0.02j])
POINTS = np.array([[0.2, 0.1], [0.7, -0.3], [-1.1, 0.4]])


def molecule(turn=None, soc=1.0, split=0.0):
    """Two coupled singlets and a triplet, whose components may be turned among themselves."""
    turn = np.eye(3) if turn is None else turn
    whole = np.eye(5, dtype=complex)
    whole[2:, 2:] = turn
    coupling = np.zeros((5, 5), dtype=complex)
    coupling[0, 2:] = SOC
    coupling = whole.conj().T @ (coupling + coupling.conj().T) @ whole
    mixing = np.zeros((5, 5))
    mixing[0, 1] = mixing[1, 0] = 1.0
    singlets, triplet = np.diag([1.0, 1, 0, 0, 0]), np.diag([0.0, 0, 1, 1, 1])
    return ac.Hamiltonian.from_terms(
        [
            ("(x**2 + y**2)/2", singlets + triplet),
            ("3/10 - x", np.diag([0.0, 1, 0, 0, 0])),
            ("1/5 + x + x*y**2/10", triplet),
            ("y/10 + 1/20", mixing),
            ("c*exp(-x**2)", coupling),
            ("s*x", np.diag([0.0, 0, 1, 0, -1])),
        ],
        coordinates=["x", "y"],
        parameters={"c": soc, "s": split},
    )


def turned(seed=0):
    rng = np.random.default_rng(seed)
    return np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]


def blocks(couplings, energies):
    """Norms of the couplings between multiplets, in order of energy, at one point."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(energies) > 1e-9]))
    groups = np.split(np.arange(energies.size), starts[1:])
    return np.array(
        [[np.linalg.norm(couplings[:, one][:, :, two]) for two in groups] for one in groups]
    )


@pytest.mark.parametrize("soc", [0.0, 1.0])
def test_block_norms_do_not_depend_on_the_components(soc):
    plain, other = molecule(soc=soc), molecule(turned(), soc=soc)
    one, two = (surfaces(h, POINTS, degenerate="multiplets") for h in (plain, other))
    assert not np.isnan(one.couplings).any()
    assert np.allclose(one.forces, two.forces, atol=1e-12)
    for k in range(len(POINTS)):
        first = blocks(one.couplings[k], one.energies[k])
        # a component 2e-4 above the others mixes with them by rounding over that gap
        assert np.allclose(first, blocks(two.couplings[k], two.energies[k]), rtol=1e-9, atol=1e-10)
        assert np.all(first.diagonal() == 0)
    corrections = [
        diagonal_correction(h, POINTS, 2.0, degenerate="multiplets") for h in (plain, other)
    ]
    assert np.allclose(*corrections, rtol=1e-9, atol=1e-13)
    second = [hessians(h, POINTS, degenerate="multiplets") for h in (plain, other)]
    assert np.allclose(*second, atol=1e-9)


def test_a_triplet_is_as_its_coupled_component_and_two_spectators():
    """The effective coupling √Σ|V_m|² in a 3×3 H gives the same surfaces and couplings."""
    strength = float(np.linalg.norm(SOC))
    small = ac.Hamiltonian.from_matrix(
        [
            ["(x**2 + y**2)/2", "y/10 + 1/20", "v*exp(-x**2)"],
            ["y/10 + 1/20", "(x**2 + y**2)/2 + 3/10 - x", 0],
            ["v*exp(-x**2)", 0, "(x**2 + y**2)/2 + 1/5 + x + x*y**2/10"],
        ],
        coordinates=["x", "y"],
        parameters={"v": strength},
    )
    whole = surfaces(molecule(), POINTS, degenerate="multiplets")
    part = surfaces(small, POINTS)
    for k in range(len(POINTS)):
        norms = blocks(whole.couplings[k], whole.energies[k])
        kept = [
            i
            for i, energy in enumerate(np.unique(whole.energies[k].round(9)))
            if np.abs(part.energies[k] - energy).min() < 1e-8
        ]
        expected = np.linalg.norm(part.couplings[k], axis=0)
        assert np.allclose(norms[np.ix_(kept, kept)], expected, rtol=1e-6)


def test_hessians_of_a_multiplet_by_differences():
    h, step = molecule(), 2e-4
    found = hessians(h, POINTS, degenerate="multiplets")
    for k, point in enumerate(POINTS):
        ahead, behind = (
            forces(h, point + side * step * np.eye(2)) for side in (1, -1)
        )  # each: coordinate moved, level, component
        numeric = -(ahead - behind).transpose(1, 0, 2) / (2 * step)
        assert np.allclose(found[k], numeric, atol=4e-6)


def test_levels_that_only_meet_are_no_multiplet():
    cone = ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    for function in (derivative_couplings, surfaces, hessians):
        with pytest.raises(InputError, match="levels 0 and 1 are degenerate"):
            function(cone, [0.0, 0.0], degenerate="multiplets")
    with pytest.raises(InputError, match="levels 0 and 1 are degenerate"):
        diagonal_correction(cone, [0.0, 0.0], 1.0, degenerate="multiplets")
    touching = ac.Hamiltonian.from_matrix([["x**2", 0], [0, "-x**2"]], coordinates=["x", "y"])
    assert derivative_couplings(touching, [0.0, 1.0], degenerate="multiplets").max() == 0
    with pytest.raises(InputError, match="Hessians"):  # they part to second order
        hessians(touching, [0.0, 1.0], degenerate="multiplets")
    with pytest.raises(InputError, match="degenerate"):
        derivative_couplings(molecule(), POINTS)
    split = molecule(split=0.1)  # no multiplet where its components part, at x = 0
    with pytest.raises(InputError, match="degenerate"):
        derivative_couplings(split.replace(c=0.0), [0.0, 0.5], degenerate="multiplets")


def test_a_crossing_of_multiplets_has_one_effective_coupling():
    found = [
        minimum_energy_crossing(molecule(turn), [0.0, 0.0], states=([0, 1], [2, 3, 4]))
        for turn in (None, turned(3))
    ]
    for crossing in found:
        x = crossing.position[0]
        assert crossing.degeneracies == (1, 3)
        lower = np.linalg.eigh(molecule()(crossing.position)[:2, :2])[1][0, 0]
        strength = abs(lower) * np.linalg.norm(SOC) * np.exp(-(x**2))
        assert abs(crossing.coupling) == pytest.approx(strength, rel=1e-9)
    rates = [
        float(
            rate_through_crossing(
                crossing, masses=1.0, reactant_energy=-0.1, temperature=0.1, partition_ratio=1.0
            )
        )
        for crossing in found
    ]
    assert rates[0] == pytest.approx(rates[1], rel=1e-9)
    alone = minimum_energy_crossing(molecule(), [0.0, 0.0], states=([0], [1]))
    assert alone.degeneracies == (1, 1)


@pytest.mark.slow
def test_a_region_of_equal_levels_is_no_intersection():
    """Where the triplet is lowest, levels 0 and 1 are two of its components."""
    found = find_intersections(molecule(soc=0.0), [(-2, 2), (-2, 2)], starts=60)
    assert len(found) > 0
    assert all(place.codimension > 0 for place in found)


def test_phases_of_a_multiplet_are_those_of_its_block():
    """A loop about a cone whose states are a doublet each: the Wilson loop is −1 in any basis."""
    cone = [["cos(a)", "sin(a)"], ["sin(a)", "-cos(a)"]]
    whole = [[0] * 4 for _ in range(4)]
    for i in range(2):
        for j in range(2):
            whole[i][j] = whole[i + 2][j + 2] = cone[i][j]
    h = ac.Hamiltonian.from_matrix(whole, coordinates=["a"])
    loop = wilson_loop(h, np.linspace(0, 2 * np.pi, 41), levels=[0, 1])
    assert np.allclose(np.exp(1j * np.asarray(loop.phases)), -1, atol=1e-12)
