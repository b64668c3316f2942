"""Crossings against closed forms, high precision and brute-force scans."""

import dataclasses
import time

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.signal

from anticrossing._core.checks import InputError
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import (
    Annealing,
    BlochBands,
    BowTie,
    DemkovOsherov,
    FluxQubit,
    Grover,
    LandauZener,
    SodiumIodide,
    SpinInField,
    TransverseIsing,
    TransverseIsingMode,
    ising_problem,
    transverse_field_driver,
)
from anticrossing.spectrum import Crossing, find_crossings, sectors
from anticrossing.spectrum._blocks import Blocks
from anticrossing.spectrum._grid import resolve
from tests.effort import slow


def only(crossings) -> Crossing:
    assert len(crossings) == 1, str(crossings)
    return crossings[0]


# ---- one crossing -----------------------------------------------------------------------------


@pytest.mark.parametrize("relative_gap", [1e-10, 1e-8, 1e-6, 1e-3, 0.1, 1.0])
@pytest.mark.parametrize("window", [(-1.0, 1.0), (-1.0, 1.3), (-70.3, 31.0), (-1e5, 1e5)])
def test_landau_zener_over_ten_decades(relative_gap, window):
    width = window[1] - window[0]
    gap = relative_gap * width
    crossing = only(find_crossings(LandauZener(gap=gap), *window))
    assert abs(crossing.position) < 1e-12 * width
    assert crossing.gap == pytest.approx(gap, rel=1e-6)
    assert crossing.slope_difference == pytest.approx(1.0, rel=1e-6)
    assert crossing.coupling == crossing.gap / 2
    assert crossing.levels == (0, 1)
    assert crossing.kind == "avoided"
    assert crossing.reason == "same symmetry sector"
    assert crossing.third_level_distance == np.inf
    assert crossing.centre_energy == pytest.approx(0.0, abs=1e-12 * width)


def test_position_is_accurate_where_the_crossing_is_not_at_zero():
    # Diabats x − 0.3 and exp(x)/5, with a coupling that varies: high-precision reference.
    H = Hamiltonian.from_matrix(
        [["x - 0.3", "c*(1 + x)"], ["c*(1 + x)", "exp(-2*x)/5"]], parameters={"c": 1e-5}
    )
    crossing = only(find_crossings(H, -1.0, 2.0))
    with mpmath.workdps(50):
        c = mpmath.mpf("1e-5")

        def squared(x):
            return (x - mpmath.mpf("0.3") - mpmath.exp(-2 * x) / 5) ** 2 + 4 * c**2 * (1 + x) ** 2

        position = mpmath.findroot(lambda x: mpmath.diff(squared, x), mpmath.mpf("0.4"))
        gap = mpmath.sqrt(squared(position))
        slope = mpmath.sqrt(mpmath.diff(squared, position, 2) / 2)
    # c = 1e-5 and 0.3 and 1/5 as doubles differ from the decimals by parts in 1e16.
    assert crossing.position == pytest.approx(float(position), rel=1e-12)
    assert crossing.gap == pytest.approx(float(gap), rel=1e-9)
    assert crossing.slope_difference == pytest.approx(float(slope), rel=1e-9)


def test_nearly_degenerate_levels_far_from_zero_energy():
    # A common shift of all levels costs digits, 1e-13 of it here, not more.
    H = Hamiltonian.affine([[100.0, 1e-6], [1e-6, 100.0]], [[1.0, 0.0], [0.0, -1.0]])
    crossing = only(find_crossings(H, -1.0, 1.0))
    assert crossing.gap == pytest.approx(2e-6, rel=1e-6)


def test_bands_qubit_and_search_closed_forms():
    band = find_crossings(BlochBands(hopping=1.0, gap=0.2), 0.0, 10.0)
    np.testing.assert_allclose(band.positions, [np.pi, 3 * np.pi], rtol=1e-12)
    np.testing.assert_allclose(band.gaps, 0.2, rtol=1e-12)
    # Z² = 16J²cos² + g²sin² at x/2 = π/2 + δ/2: slope difference √(4J² − g²/4).
    assert band[0].slope_difference == pytest.approx(np.sqrt(4 - 0.01), rel=1e-10)

    qubit = only(find_crossings(FluxQubit(gap=5.37, persistent_current=180.0), -10, 10))
    assert qubit.gap == pytest.approx(5.37, rel=1e-12)
    assert qubit.slope_difference == pytest.approx(180e-9 / 1.602176634e-19 * 1e-12, rel=1e-10)

    search = only(find_crossings(Grover(qubits=20), 0.0, 1.0))
    assert search.position == pytest.approx(0.5, abs=1e-13)
    assert search.gap == pytest.approx(2.0**-10, rel=1e-10)
    assert search.slope_difference == pytest.approx(2 * np.sqrt(1 - 2.0**-20), rel=1e-9)


def test_sodium_iodide():
    crossing = only(find_crossings(SodiumIodide(), 2.0, 14.0))
    minimum = scipy.optimize.minimize_scalar(
        lambda x: float(np.ptp(np.linalg.eigvalsh(SodiumIodide()(x)))),
        bracket=(6.5, 7.0, 7.5),
        tol=1e-12,
    )
    assert crossing.position == pytest.approx(minimum.x, abs=1e-6)
    assert crossing.gap == pytest.approx(minimum.fun, rel=1e-12)
    assert crossing.kind == "avoided"


def test_ising_mode_gap():
    crossing = only(find_crossings(TransverseIsingMode(momentum=0.1), 0.0, 3.0))
    assert crossing.position == pytest.approx(np.cos(0.1), rel=1e-12)
    assert crossing.gap == pytest.approx(4 * np.sin(0.1), rel=1e-12)
    assert crossing.slope_difference == pytest.approx(4.0, rel=1e-10)


# ---- none where there is none -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("H", "window"),
    [
        (LandauZener(gap=1.0), (0.1, 5.0)),
        (LandauZener(gap=1.0), (-5.0, 0.0)),
        (LandauZener(gap=1e-9), (1e-6, 1.0)),
        (Hamiltonian.affine(np.diag([0.0, 1.0]), np.eye(2)), (-1.0, 1.0)),
        (Hamiltonian.from_matrix([["cos(x)", "sin(x)"], ["sin(x)", "-cos(x)"]]), (-1.0, 10.0)),
        (Hamiltonian.from_matrix([["x**2", 0], [0, 0]]), (-1.0, 1.3)),
        (Hamiltonian.affine([[0.0]], [[1.0]]), (-1.0, 1.0)),
        (Hamiltonian.affine(np.zeros((3, 3)), np.eye(3)), (-1.0, 1.0)),
    ],
    ids=[
        "one side", "minimum at the edge", "narrow, outside", "parallel", "rotating",
        "touching", "one level", "degenerate",
    ],
)  # fmt: skip
def test_no_crossing(H, window):
    crossings = find_crossings(H, *window)
    assert len(crossings) == 0
    assert "No crossings" in str(crossings)


def test_no_crossing_for_a_function_with_numerical_slopes():
    H = Hamiltonian.from_function(
        lambda x: np.array([[np.cos(x), np.sin(x)], [np.sin(x), -np.cos(x)]])
    )
    assert len(find_crossings(H, -1.0, 10.0)) == 0


# ---- several ----------------------------------------------------------------------------------


def test_well_separated_ladder_is_found_with_its_couplings():
    levels, couplings = np.array([0.0, 1.0, 2.5, 4.0]), np.array([1e-8, 1e-4, 1e-6, 1e-3])
    found = find_crossings(DemkovOsherov(levels=levels, couplings=couplings), -10, 10)
    np.testing.assert_allclose(found.positions, levels, atol=1e-5)
    np.testing.assert_allclose(found.gaps, 2 * couplings, rtol=1e-4)
    assert [c.levels for c in found] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    np.testing.assert_allclose([c.third_level_distance for c in found], [1, 1, 1.5, 1.5], rtol=0.01)


def test_uncoupled_level_is_crossed_truly():
    H = DemkovOsherov(levels=[0.0, 1.0, 2.0], couplings=[0.1, 0.0, 0.1])
    found = find_crossings(H, -5, 5)
    assert [c.kind for c in found] == ["avoided", "true", "avoided"]
    true = found.true[0]
    assert true.reason == "different symmetry sectors"
    assert true.gap == 0.0
    assert true.coupling == 0.0
    # Crossing where the middle level of the three coupled ones is at 1: by symmetry at x = 1.
    assert true.position == pytest.approx(1.0, abs=1e-12)
    assert true.levels == (1, 2)


def test_crossings_closer_than_any_sample():
    # Two crossings of the sloped level 1e-7 apart in a window of 2, gaps 1e-10.
    H = DemkovOsherov(levels=[0.1234567, 0.1234568], couplings=[5e-11, 5e-11])
    found = find_crossings(H, -1.0, 1.0)
    np.testing.assert_allclose(found.positions, [0.1234567, 0.1234568], atol=1e-12)
    np.testing.assert_allclose(found.gaps, 1e-10, rtol=1e-4)


@pytest.mark.parametrize(("coupling", "kind"), [("1e-7", "avoided"), ("0", "true")])
def test_pair_that_crosses_and_crosses_back_between_two_samples(coupling, kind):
    H = Hamiltonian.from_matrix([["(x - 0.1)**2 - 1e-6", coupling], [coupling, "0"]])
    found = find_crossings(H, -1.0, 1.3)
    np.testing.assert_allclose(found.positions, [0.099, 0.101], atol=1e-9)
    assert {c.kind for c in found} == {kind}
    np.testing.assert_allclose([c.slope_difference for c in found], 2e-3, rtol=1e-6)


def test_overlapping_crossings_are_the_minima_of_the_gaps():
    H = DemkovOsherov(levels=[0.0, 0.3, 0.6], couplings=[0.25, 0.3, 0.2])
    assert_matches_scan(H, -6.0, 6.0)


def test_bow_tie_minima_and_its_degenerate_point():
    H = BowTie(slopes=[1.0, -1.0, 2.0], couplings=[0.1, 0.2, 0.3])
    found = find_crossings(H, -10, 10)
    # At x = 0 the star of couplings leaves two levels at exactly zero energy: a true crossing of
    # two levels of one sector.
    true = only(found.true)
    assert true.position == pytest.approx(0.0, abs=1e-12)
    assert true.reason == "gap below rounding"
    assert true.levels == (1, 2)
    assert len(found.avoided) == 4
    np.testing.assert_allclose(found.positions, -found.positions[::-1], atol=1e-9)


def test_molecular_magnet_crosses_at_its_resonant_fields():
    free = find_crossings(SpinInField(spin=2, transverse_field=0.0, anisotropy=-1.0), -4.5, 4.5)
    m = np.arange(-2, 3)
    expected = sorted(a + b for i, a in enumerate(m) for b in m[:i])
    np.testing.assert_allclose(free.positions, expected, atol=1e-12)
    assert all(c.kind == "true" for c in free)
    coupled = find_crossings(SpinInField(spin=2, transverse_field=0.01, anisotropy=-1.0), -4.5, 4.5)
    np.testing.assert_allclose(coupled.positions, expected, atol=1e-3)
    assert all(c.kind == "avoided" for c in coupled)
    # Fourth-order perturbation theory for m = ±2: four matrix elements over three denominators.
    ground = next(c for c in coupled if c.levels == (0, 1))
    elements = [np.sqrt(6 - k * (k + 1)) * 0.01 / 2 for k in (-2, -1, 0, 1)]
    denominators = [4 - 1, 4 - 0, 4 - 1]
    assert ground.gap == pytest.approx(2 * np.prod(elements) / np.prod(denominators), rel=1e-3)


def test_three_levels_through_one_point_are_three_true_crossings():
    found = find_crossings(SpinInField(spin=1, transverse_field=0.0), -1.0, 1.0)
    np.testing.assert_allclose(found.positions, 0.0, atol=1e-13)
    assert sorted(c.levels for c in found) == [(0, 1), (0, 2), (1, 2)]


def test_copies_of_a_sector_count_once():
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    z, x = np.diag([0.5, -0.5]), np.array([[0, 0.05], [0.05, 0]])
    H = Hamiltonian.affine(*(turn @ np.kron(np.eye(2), m) @ turn.T for m in (x, z)))
    crossing = only(find_crossings(H, -1.0, 1.0))
    assert crossing.gap == pytest.approx(0.1, rel=1e-12)
    assert crossing.levels == (0, 2)


def test_ising_chain_lowest_even_pair_follows_the_fermion_mode():
    found = find_crossings(TransverseIsing(sites=4), 0.1, 2.0)
    # The two modes avoid at x = cos k with gaps 4 sin k: excitations of one pair cost twice ε_k.
    for k in (np.pi / 4, 3 * np.pi / 4):
        if np.cos(k) > 0.1:
            near = [c for c in found.avoided if abs(c.position - np.cos(k)) < 1e-9]
            assert any(c.gap == pytest.approx(4 * np.sin(k), rel=1e-9) for c in near)
    assert len(found.true) > 0


# ---- against brute force ----------------------------------------------------------------------


def assert_matches_scan(H, start, stop, points=40_001):
    """Every local minimum of a dense scan is found, and nothing else."""
    x = np.linspace(start, stop, points)
    gaps = np.diff(np.linalg.eigvalsh(H(x)), axis=1)
    expected = []
    for k, gap in enumerate(gaps.T):
        # Walls at the ends: only a maximum between two minima limits a minimum's prominence.
        walled = np.concatenate([[1e3], gap, [1e3]])
        peaks, details = scipy.signal.find_peaks(-walled, prominence=0.0)
        kept = peaks[(details["prominences"] > 0.01 * walled[peaks]) & (peaks > 1)]
        expected += [(float(x[i - 1]), k) for i in kept if i < points]
    expected.sort()
    found = sorted((c.position, c.levels[0]) for c in find_crossings(H, start, stop))
    assert len(found) == len(expected), (found, expected)
    step = x[1] - x[0]
    for (position, lower), (near, k) in zip(found, expected, strict=True):
        assert lower == k
        assert abs(position - near) <= step
        exact = scipy.optimize.minimize_scalar(
            lambda s, k=k: float(np.diff(np.linalg.eigvalsh(H(s)))[k]),
            bounds=(near - step, near + step),
            method="bounded",
            options={"xatol": 1e-10},
        )
        crossing = next(
            c for c in find_crossings(H, start, stop) if c.position == position and c.levels[0] == k
        )
        assert crossing.gap == pytest.approx(exact.fun, rel=1e-8)
        assert crossing.gap <= exact.fun * (1 + 1e-12)


@pytest.mark.parametrize("seed", [0, *map(slow, range(1, 6))])
@pytest.mark.parametrize("complex_entries", [False, True])
def test_random_affine_hamiltonians(seed, complex_entries):
    rng = np.random.default_rng([seed, complex_entries])
    size = int(rng.integers(2, 7))
    matrix = rng.normal(size=(size, size))
    if complex_entries:
        matrix = matrix + 1j * rng.normal(size=(size, size))
    coupling = 10.0 ** rng.uniform(-2, 0) * (matrix + matrix.conj().T)
    constant = coupling + np.diag(rng.normal(size=size))
    H = Hamiltonian.affine(constant, np.diag(rng.normal(size=size)))
    assert_matches_scan(H, -8.0, 8.0)


@pytest.mark.parametrize("seed", range(4))
def test_crossings_do_not_depend_on_a_constant_change_of_basis(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(5, 5)) + 1j * rng.normal(size=(5, 5))
    turn = np.linalg.qr(matrix)[0]
    constant = 0.02 * (matrix + matrix.conj().T) + np.diag(rng.normal(size=5))
    slope = np.diag(rng.normal(size=5))
    plain = find_crossings(Hamiltonian.affine(constant, slope), -5, 5)
    rotated = [turn @ m @ turn.conj().T for m in (constant, slope)]
    turned = find_crossings(Hamiltonian.affine(*((m + m.conj().T) / 2 for m in rotated)), -5, 5)
    np.testing.assert_allclose(turned.positions, plain.positions, atol=1e-11)
    np.testing.assert_allclose(turned.gaps, plain.gaps, rtol=1e-9)


def test_slope_difference_reproduces_the_curvature_of_the_gap():
    H = DemkovOsherov(levels=[0.0, 0.5, 0.9], couplings=[0.1, 0.15, 0.05])
    for crossing in find_crossings(H, -4, 4):
        step = 1e-3 * crossing.width
        lower = crossing.levels[0]
        z = [
            float(np.diff(np.linalg.eigvalsh(H(crossing.position + s)))[lower])
            for s in (-step, 0.0, step)
        ]
        curvature = (z[0] - 2 * z[1] + z[2]) / step**2
        assert crossing.slope_difference == pytest.approx(np.sqrt(z[1] * curvature), rel=1e-5)


def test_function_and_terms_give_the_same_crossings():
    H = DemkovOsherov(levels=[0.0, 0.5, 0.9], couplings=[0.01, 1e-4, 0.05])
    function = Hamiltonian.from_function(lambda x: H(x))
    terms, sampled = find_crossings(H, -4, 4), find_crossings(function, -4, 4)
    np.testing.assert_allclose(sampled.positions, terms.positions, atol=1e-9)
    np.testing.assert_allclose(sampled.gaps, terms.gaps, rtol=1e-7)
    assert [c.levels for c in sampled] == [c.levels for c in terms]


def test_kramers_pairs_cross_where_their_gap_is_smallest():
    rng = np.random.default_rng(5)

    def symmetric_under_time_reversal():
        a = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
        b = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
        a, b = a + a.conj().T, b - b.T
        return np.block([[a, b], [-b.conj(), a.conj()]])

    H = Hamiltonian.from_terms(
        [("1", symmetric_under_time_reversal()), ("x", symmetric_under_time_reversal())]
    )
    found = find_crossings(H, -2, 2)
    assert len(found) > 0

    def gap(x, pair):
        energies = np.linalg.eigvalsh(H(x))[::2]
        return energies[pair + 1] - energies[pair]

    for crossing in found:
        pair = min(crossing.levels) // 2
        best = scipy.optimize.minimize_scalar(
            gap, bounds=(crossing.position - 0.1, crossing.position + 0.1), args=(pair,)
        )
        assert crossing.position == pytest.approx(best.x, abs=1e-4)
        assert crossing.gap == pytest.approx(best.fun, rel=1e-8)
        assert np.isfinite(crossing.slope_difference)


# ---- large and sparse -------------------------------------------------------------------------


@pytest.mark.slow
def test_sparse_annealing_agrees_with_dense(monkeypatch):
    monkeypatch.setattr("anticrossing.spectrum._blocks.LARGEST_DENSE", 100)
    rng = np.random.default_rng(24)
    problem = ising_problem(rng.normal(size=8), {(i, i + 1): float(rng.normal()) for i in range(7)})
    H = Annealing(initial=transverse_field_driver(8), problem=problem)
    assert H.is_sparse
    with pytest.raises(InputError, match="count"):
        find_crossings(H, 0.2, 1.0)
    found = find_crossings(H, 0.2, 0.99, count=2, samples=9)
    for crossing in found:
        dense = np.linalg.eigvalsh(H.sparse(crossing.position).toarray())
        assert crossing.gap == pytest.approx(dense[1] - dense[0], rel=1e-9)
        nearby = [
            np.diff(np.linalg.eigvalsh(H.sparse(crossing.position + s).toarray())[:2])[0]
            for s in (-1e-3, 1e-3)
        ]
        assert min(nearby) > crossing.gap
        step, gap = 1e-2 * crossing.width, crossing.gap
        z = [
            np.diff(np.linalg.eigvalsh(H.sparse(crossing.position + s).toarray())[:2])[0]
            for s in (-step, step)
        ]
        curvature = (z[0] - 2 * gap + z[1]) / step**2
        assert crossing.slope_difference == pytest.approx(np.sqrt(gap * curvature), rel=1e-3)
    assert len(found) == 1


# ---- the result object and the arguments ------------------------------------------------------


def test_result_is_an_immutable_sequence_with_a_table():
    found = find_crossings(DemkovOsherov(levels=[0.0, 1.0], couplings=[0.1, 0.0]), -3, 3)
    assert len(found) == 2
    assert found[-1] is list(found)[1]
    assert found[:1] == (found[0],)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].gap = 1.0
    table = str(found).splitlines()
    assert table[0] == "2 crossings in x = -3 … 3"
    one = find_crossings(DemkovOsherov(levels=[0.0], couplings=[0.1]), -3, 3)
    assert str(one).startswith("1 crossing in x")
    assert table[1].split() == [
        "x", "levels", "kind", "gap", "slope", "diff.", "third", "level", "reason"
    ]  # fmt: skip
    assert "different symmetry sectors" in table[3]
    assert "avoided crossing of levels 0 and 1" in str(found[0])
    assert found[0].width == found[0].gap / found[0].slope_difference


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((1.0, -1.0), "reversed"),
        ((1.0, 1.0), "empty"),
        ((np.nan, 1.0), "finite"),
        (("0", 1.0), "start"),
        ((0.0, np.inf), "stop"),
        ((-1e308, 1e308), "start"),
        ((-1e200, 1e200), "choose other units"),
    ],
)
def test_wrong_windows_are_refused(arguments, match):
    with pytest.raises(InputError, match=match):
        find_crossings(LandauZener(gap=1.0), *arguments)


def test_wrong_hamiltonians_and_options_are_refused():
    with pytest.raises(InputError, match="batch"):
        find_crossings(LandauZener(gap=[1.0, 2.0]), -1, 1)
    two = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    with pytest.raises(InputError, match="coordinate"):
        find_crossings(two, -1, 1)
    with pytest.raises(InputError, match="Hamiltonian"):
        find_crossings(np.eye(2), -1, 1)
    with pytest.raises(InputError, match="samples"):
        find_crossings(LandauZener(gap=1.0), -1, 1, samples=2)
    with pytest.raises(InputError, match="samples"):
        find_crossings(LandauZener(gap=1.0), -1, 1, samples=10**9)
    with pytest.raises(InputError, match="finite"):
        find_crossings(Hamiltonian.from_matrix([["1/x", 1], [1, 0]]), -1, 1)
    with pytest.raises(InputError, match="tolerance"):
        find_crossings(LandauZener(gap=1.0), -1, 1, tolerance=0.0)


@pytest.mark.parametrize("gap", [1e160, 1e308])
def test_energies_whose_squares_overflow_are_refused(gap):
    with pytest.raises(InputError, match="choose other units"):
        find_crossings(LandauZener(gap=gap), -2.0, 2.0)
    with pytest.raises(InputError, match="choose other units"):
        find_crossings(Hamiltonian.affine([[gap, gap], [gap, 0]], np.diag([1, -1])), -2.0, 2.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_functions_that_are_nowhere_finite_are_refused(value):
    H = Hamiltonian.from_function(lambda x: np.array([[value, 0.1], [0.1, -x]]))
    for search in (sectors, lambda H: find_crossings(H, -2.0, 2.0)):
        with pytest.raises(InputError, match="must be finite, but it contains NaN"):
            search(H)


def test_prominence_leaves_out_ripples():
    H = Hamiltonian.from_matrix([["(1 + x**2 + r*cos(40*x))/2", 0.1], [0.1, 0]],
                                parameters={"r": 0.05})  # fmt: skip
    every = find_crossings(H, -1.0, 1.0)
    few = find_crossings(H, -1.0, 1.0, prominence=0.5)
    assert len(every) > 5
    assert len(few) == 1
    assert few[0].gap == min(every.gaps)


def test_prominence_leaves_out_ripples_between_hills():
    """The lowest of many ripples in a valley between two hills, beyond which the gap falls."""
    H = Hamiltonian.from_matrix([["(2 - cos(2*x) - 0.05*cos(40*x))/2", 0.1], [0.1, 0]])
    assert len(find_crossings(H, -2.6, 2.6)) > 5
    few = find_crossings(H, -2.6, 2.6, prominence=0.1)
    assert [crossing.position for crossing in few] == pytest.approx([0.0], abs=1e-6)


def test_limited_grid_is_reported(monkeypatch):
    H = DemkovOsherov(levels=[0.0, 0.1], couplings=[1e-9, 1e-9])
    assert find_crossings(H, -1, 1).complete
    monkeypatch.setattr("anticrossing.spectrum._grid._MOST_POINTS", 60)
    found = find_crossings(H, -1, 1, samples=9)
    assert not found.complete
    assert "may be missing" in str(found)


def test_touching_levels_of_one_sector_do_not_exhaust_the_grid():
    # Free fermions: two levels of one sector of the chain touch quadratically at x = 1.
    H = TransverseIsing(sites=6)
    grid = resolve(Blocks(H, sectors(H), None), np.linspace(0.9, 1.1, 129))
    assert grid.complete
    assert grid.x.size < 3000


def test_ten_levels_take_a_fraction_of_a_second():
    H = DemkovOsherov(levels=np.arange(9.0), couplings=[0.05] * 9)
    find_crossings(H, -3, 11)
    begin = time.perf_counter()
    assert len(find_crossings(H, -3, 11)) == 9
    assert time.perf_counter() - begin < 0.5


@pytest.mark.slow
def test_hundreds_of_crossings_are_found_and_thousands_refused():
    H = Hamiltonian.from_matrix([["sin(f*x)", 0.1], [0.1, "-sin(f*x)"]], parameters={"f": 60.0})
    found = find_crossings(H, 0.01, 10.01)
    zeros = np.arange(1, 192) * np.pi / 60
    np.testing.assert_allclose(found.positions, zeros[zeros < 10.01], atol=1e-12)
    began = time.perf_counter()
    with pytest.raises(InputError, match=r"at most 2000 crossings to find, but there are \d+"):
        find_crossings(H.replace(f=1e4), 0.01, 10.01)
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("reach", [2.0, 7.0, 1e3, 1e5])
def test_crossing_in_the_middle_is_at_zero(reach):
    for gap in (0.013, 0.5):
        assert find_crossings(LandauZener(gap=gap), -reach, reach)[0].position == 0.0


@pytest.mark.slow
def test_forty_levels_take_seconds():
    rng = np.random.default_rng(2)
    a, b = (m + m.T for m in rng.normal(size=(2, 40, 40)))
    began = time.perf_counter()
    found = find_crossings(Hamiltonian.affine(a, b), -10, 10)
    assert found.complete
    assert len(found) > 50
    assert time.perf_counter() - began < 20


def test_slopes_of_every_pair_where_three_lines_meet():
    H = Hamiltonian.from_matrix([["2*x", 0, 0], [0, "x", 0], [0, 0, "-x"]])
    found = {crossing.levels: crossing.slope_difference for crossing in find_crossings(H, -1, 1.3)}
    assert found == pytest.approx({(0, 1): 1.0, (0, 2): 3.0, (1, 2): 2.0}, rel=1e-12)


@pytest.mark.parametrize("offset", ["1e10", "-1e12", "1e5*x**2", "1e8*x+1e6*sin(x)"])
def test_what_all_levels_share_moves_no_crossing(offset):
    H = Hamiltonian.from_matrix([[f"{offset}+x/2", 0.01], [0.01, f"{offset}-x/2"]])
    (found,) = find_crossings(H, -3.0, 5.0)
    assert found.kind == "avoided"
    assert found.position == pytest.approx(0.0, abs=1e-12)
    assert found.gap == pytest.approx(0.02, rel=1e-12)
    assert found.centre_energy == pytest.approx(float(H(0.0)[0, 0].real), rel=1e-15)
