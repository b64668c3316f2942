"""Last digits of times, positions and large terms: what they leave unknown is told."""

import fractions
import itertools

import mpmath
import numpy as np
import pytest
import scipy.integrate

import anticrossing as ac
from tests.effort import slow

UP, FLIP = np.diag([0.5, -0.5]), np.array([[0, 0.5], [0.5, 0]])


def from_terms(*terms):
    return ac.Hamiltonian.from_terms(list(terms))


@pytest.mark.parametrize("offset", [1000.1, 1e5])
@pytest.mark.parametrize("levels", [2, 3])
def test_levels_close_at_an_end_are_known_no_better_than_their_position(offset, levels):
    """A position near 10⁵ has last digits of 10⁻¹¹, and the gap is 10⁻⁶."""
    coupling, slope = np.zeros((2, levels, levels))
    coupling[:2, :2], slope[:2, :2] = 1e-6 * FLIP, UP
    if levels == 3:
        coupling[2, 2], coupling[0, 2], coupling[2, 0] = 0.5e-6, 0.3e-6, 0.3e-6
    moved = ac.drive.Formula("c+3*sin(t)", -1.5, 1e-7, c=offset)
    result = ac.propagate(from_terms((f"x-{offset!r}", slope), (1, coupling)), moved)
    plain = ac.drive.Formula("3*sin(t)", -1.5, 1e-7)
    right = ac.propagate(from_terms(("x", slope), (1, coupling)), plain)
    error = np.max(np.abs(result.probabilities - right.probabilities))
    assert right.error_estimate < 1e-11
    assert 1e-9 < error < result.error_estimate < 200 * error
    assert result.warnings


@pytest.mark.parametrize(
    "terms",
    [
        [("x-1e9", UP), (1, FLIP), ("x-1e9", np.eye(2))],
        [("x", UP), (-1e9, UP), (1, FLIP), ("x", np.eye(2)), (-1e9, np.eye(2))],
    ],
    ids=["in a formula", "between terms"],
)
@pytest.mark.parametrize("duration", [10.0, 1000.0])
def test_energies_that_cancel_are_not_resolved_beyond_their_digits(terms, duration):
    drive = ac.drive.Linear(1e9 - 8, 1e9 + 8, rate=16 / duration)
    result = ac.propagate(ac.Hamiltonian.from_terms(terms), drive)
    plain = ac.drive.Linear(-8, 8, rate=16 / duration)
    right = ac.propagate(from_terms(("x", UP), (1, FLIP)), plain)
    error = np.max(np.abs(result.probabilities - right.probabilities))
    assert error < result.error_estimate < 1e-2
    assert result.evaluated_panels < 2000


def two_of_three(far, coupling, rate):
    """Two levels that cross and a far one in a basis that mixes all, and the exact |U|² there."""
    q = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    fixed = np.diag([0, 0, far]) + coupling * np.pad([[0, 1], [1, 0]], ((0, 1), (0, 1)))
    terms = [q @ matrix @ q.T for matrix in (fixed, np.diag([0.5, -0.5, 0]))]
    fixed, slope = (0.5 * (matrix + matrix.T) for matrix in terms)
    end = 40 * np.sqrt(rate)
    drive = ac.drive.Linear(-end, 0.9 * end, rate=rate)
    with mpmath.workdps(40):  # the very doubles of H, turned back by a q of forty digits
        turn = mpmath.matrix(q.tolist())
        for _ in range(4):
            turn = (turn * (3 * mpmath.eye(3) - turn.T * turn)) / 2
        a, b = (turn.T * mpmath.matrix(m.tolist()) * turn for m in (fixed, slope))
        start, stop = mpmath.mpf(float(drive.start_time)), mpmath.mpf(float(drive.stop_time))
        mean, tilt = (a[0, 0] + a[1, 1]) / 2, (b[0, 0] + b[1, 1]) / 2
        way = mpmath.mpf(rate) * (stop**2 - start**2) / 2
        turned = (a[2, 2] - mean) * (stop - start) + (b[2, 2] - tilt) * way
        far_phase = complex(mpmath.expj(-turned))
        pairs = [(a, mean), (b, tilt)]
        inner = [
            np.array([[float(m[i, j] - c * (i == j)) for j in (0, 1)] for i in (0, 1)])
            for m, c in pairs
        ]
    solved = scipy.integrate.solve_ivp(
        lambda t, y: (-1j * (inner[0] + rate * t * inner[1]) @ y.reshape(2, 2)).ravel(),
        (float(start), float(stop)),
        np.eye(2, dtype=complex).ravel(),
        method="DOP853",
        rtol=1e-13,
        atol=1e-14,
    )
    whole = np.zeros((3, 3), dtype=complex)
    whole[:2, :2], whole[2, 2] = solved.y[:, -1].reshape(2, 2), far_phase
    return ac.Hamiltonian.affine(fixed, slope), drive, np.abs(q @ whole @ q.T) ** 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("far", "coupling", "rate"),
    [
        slow(1e5, 1e-3, 1e-6),
        slow(1e7, 0.5, 1.0),
        slow(1e7, 1e-3, 1e-6),
        slow(1e9, 1e-3, 1e-6),
        (1e9, 1e-4, 1e-8),
    ],
)
def test_a_sector_cut_from_large_terms_is_known_to_their_digits(far, coupling, rate):
    H, drive, right = two_of_three(far, coupling, rate)
    result = ac.propagate(H, drive, basis="diabatic")
    assert len(result.sectors) > 1
    error = np.max(np.abs(result.transition_matrix - right))
    assert 1e-8 < error < result.error_estimate < 1e3 * error
    assert result.warnings


@pytest.mark.parametrize(("energy", "duration"), [(1.0, 1e9), (1e3, 1e9), (1.0, 1e6)])
def test_sectors_interfere_with_the_phases_that_all_their_levels_share(energy, duration):
    """The same problem in another unit of time has other last digits."""
    fixed = np.array([[0, energy, 0.3], [energy, 0, 0.3], [0.3, 0.3, 0.25]])
    results = [
        ac.propagate(
            ac.Hamiltonian.affine(fixed / unit, np.diag([0, 0, 1 / unit])),
            ac.drive.Linear(-1, 1, rate=2 / (duration * unit)),
            basis="diabatic",
        )
        for unit in (1.0, 3.0, 7.0)
    ]
    assert results[0].sectors == (1, 2)
    found = np.stack([result.transition_matrix for result in results])
    spread = np.max(np.ptp(found, axis=0))
    assert spread < max(result.error_estimate for result in results) < 1e3 * spread


@pytest.mark.parametrize(("levels", "pair"), [(3, (0, 2)), (7, (0, 4)), (9, (0, 6))])
def test_no_two_levels_hide_what_rounding_does_to_both(levels, pair):
    rng = np.random.default_rng(2)
    fixed = np.diag(np.arange(levels) + 0.37 * rng.random(levels)) + 1e-6
    slope = np.diag(0.1 * rng.random(levels))
    turn, s = np.eye(levels), np.sqrt(0.5)
    turn[np.ix_(pair, pair)] = [[s, -s], [s, s]]
    fixed, slope = (turn @ matrix @ turn.T for matrix in (fixed, slope))
    slope[0, 1] += 1e-6
    slope[1, 0] += 1e-6
    fixed, slope = (0.5 * (matrix + matrix.T) for matrix in (fixed, slope))
    results = [
        ac.propagate(
            ac.Hamiltonian.affine(fixed / unit, slope / unit),
            ac.drive.Linear(-1, 1, rate=2 / (1e10 * unit)),
            basis="diabatic",
        )
        for unit in (1.0, 3.0, 7.0, 11.0, 1.7)
    ]
    assert results[0].sectors == (levels,)
    found = np.stack([result.transition_matrix for result in results])
    spread = np.max(np.ptp(found, axis=0))
    assert spread < max(result.error_estimate for result in results)


@pytest.mark.quick(1)
@pytest.mark.parametrize("offset", [213.03, 2e5])
@pytest.mark.parametrize("basis", ["diabatic", "superadiabatic"])
def test_an_offset_of_the_position_costs_the_digits_that_it_has(offset, basis):
    rng = np.random.default_rng(17)
    fixed, slope = rng.normal(size=(2, 4, 4))
    fixed, slope = fixed + fixed.T, slope + slope.T
    pulse = "4*exp(-t**2/2)"
    right = ac.propagate(
        from_terms((1, fixed), ("x", slope)), ac.drive.Formula(pulse, -6, 6), basis=basis
    )
    moved = ac.propagate(
        from_terms((1, fixed), ("x", slope), (-offset, slope)),
        ac.drive.Formula(f"{pulse}+c", -6, 6, c=offset),
        basis=basis,
    )
    error = np.max(np.abs(moved.transition_matrix - right.transition_matrix))
    stated = moved.error_estimate + right.error_estimate
    if basis == "superadiabatic":
        stated += moved.readout_residual + right.readout_residual
    assert error < stated


def test_couplings_at_the_edge_of_rounding_end_the_search_for_sectors_quietly():
    fixed = np.diag([1.0, 2.0, 3.0, 5.0])
    for i, j, value in ((0, 1, 1e-12), (2, 3, 2e-12), (1, 2, -1e-12)):
        fixed[i, j] = fixed[j, i] = value
    H = ac.Hamiltonian.affine(fixed, np.diag([1.0, -1.0, 0.3, 0.2]))
    with np.errstate(all="raise", under="ignore"):
        assert ac.spectrum.sectors(H).count >= 1


@pytest.mark.quick(1)
@pytest.mark.parametrize("w", [1e-3, 1e-5])
def test_late_passages_of_three_levels_cost_no_more_than_early_ones(w):
    H = ac.Hamiltonian.from_matrix([["x/2", 0.5, 0], [0.5, "-x/2", 0.3], [0, 0.3, "x/2+2"]])
    late = ac.propagate(H, ac.drive.Formula("a*cos(w*t)", 0.4 / w, 3 / w, a=1 / w, w=w))
    shift = np.pi / 2
    early = ac.drive.Formula("-a*sin(w*t)", (0.4 - shift) / w, (3 - shift) / w, a=1 / w, w=w)
    right = ac.propagate(H, early)
    error = np.max(np.abs(late.transition_matrix - right.transition_matrix))
    assert error < late.error_estimate + right.error_estimate
    assert late.panels <= 150


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("when", ["at the end", "on the way"])
def test_close_levels_with_an_environment_are_known_no_better_than_h(whole, when):
    """Two levels 10⁻⁹ apart where they are read, in a basis that is nobody's own."""
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    slope = [[1, 0.3, 0, 0], [0.3, -1, 0.2, 0.1], [0, 0.2, 0, 0.5], [0, 0.1, 0.5, 0.2]]
    there = [np.diag([5.0, 5.0 + 1e-9, -3.0, 2.0]), np.array(slope)]
    fixed, slope = (0.5 * (m + m.T) for m in (q @ m @ q.T for m in there))
    stop = 0.0 if when == "at the end" else 1.0
    result = ac.propagate(
        ac.Hamiltonian.affine(fixed, slope),
        ac.drive.Linear(-1, stop, rate=1.0),
        times=[0.0],
        environment=ac.environment.Lindblad([(0.05, np.diag([1.0, 2.0, 0.0, -1.0]))]),
        initial=2,
        whole=whole,
    )
    with mpmath.workdps(40):
        _, vectors = mpmath.eigsy(mpmath.matrix(fixed.tolist()))
        vectors = np.array(vectors.tolist(), dtype=float)
    rho = result.density_matrices[0]
    right = np.einsum("ia,ij,ja->a", vectors, rho, vectors).real
    error = np.max(np.abs(result.populations[0] - right))
    assert error < result.error_estimate < 1e-4
    assert result.warnings


@pytest.mark.parametrize("far", [2.0**14, 2.0**26])
def test_superadiabatic_states_where_large_terms_cancel(far):
    # What cancels leaves noise in the derivatives of H, and the states all the same.
    a, b = (m + m.T for m in np.random.default_rng(1).normal(size=(2, 2, 2)))
    given = {"basis": "superadiabatic", "times": [0.0, 1.0]}
    near = ac.propagate(ac.Hamiltonian.affine(a, b), ac.drive.Linear(-6, 6, rate=1.0), **given)
    given["times"] = [far, far + 1.0]
    sweep = ac.drive.Linear(far - 6, far + 6, rate=1.0)
    found = ac.propagate(ac.Hamiltonian.affine(a - far * b, b), sweep, **given)
    for name in ("transition_matrix", "populations"):
        off = np.max(np.abs(getattr(found, name) - getattr(near, name)))
        assert off < found.error_estimate < 1e-13 * far
    assert found.readout_residual == pytest.approx(float(near.readout_residual), rel=1e-3)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_phases_are_known_no_better_than_x_beside_a_common_slope(levels):
    """At x = 10⁶ a common slope of 10⁶ makes 10⁻⁴ of energy of the last digit of x."""
    far, slope, rng = 2.0**20, 1e6 / 3, np.random.default_rng(levels)
    a, b = (m + m.T for m in rng.normal(size=(2, levels, levels)))
    common = slope * np.eye(levels)
    sweep = ac.drive.Linear(far - 1.1, far + 0.7, rate=3.0)
    found = ac.propagate(ac.Hamiltonian.affine(a - far * (b + common), b + common), sweep)
    start, stop = (fractions.Fraction(float(t)) for t in (sweep.start_time, sweep.stop_time))
    # With y = x − far exactly: det U = exp(−i ∫ tr H dt), and H's trace is a straight line.
    moved = [a - far * (b + common), b + common]
    trace, steep = (sum(fractions.Fraction(m[k, k]) for k in range(levels)) for m in moved)
    phase = (trace + steep * 3 * (start + stop) / 2) * (stop - start)
    with mpmath.workdps(40):
        exact = complex(mpmath.expj(-mpmath.mpf(phase.numerator) / phase.denominator))
    off = abs(np.angle(np.linalg.det(found.propagator) / exact)) / levels
    assert off < found.phase_error
    assert found.phase_error > 1e-6  # and not Φ times the rounding unit
    assert found.phase * np.finfo(float).eps < 1e-8


def _parked(more, sectors, digits=0):
    """H(x) = A + x B whose lowest levels, a billionth apart at x = 1, are hardly coupled."""
    levels = 2 + more
    constant = np.diag([0.0, 1.0 + 1e-9, *(3.0 + np.arange(more))])
    constant[0, 1] = constant[1, 0] = 1e-11
    constant[1, 2:] = constant[2:, 1] = 1e-7
    rotated, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(levels, levels)))
    matrices = [rotated @ m @ rotated.T for m in (constant, np.diag([0.0, -1.0] + [0.1] * more))]
    constant, slope = (0.5 * (m + m.T) for m in matrices)
    initial, nothing = rotated[:, :2] @ [0.8, 0.6], np.zeros((levels, levels))
    other = constant + np.diag(np.arange(levels) + 0.3)
    constant[0, 0] += digits * np.spacing(constant[0, 0])
    if sectors:
        constant = np.block([[constant, nothing], [nothing, other]])
        slope = np.block([[slope, nothing], [nothing, slope]])
        initial = np.concatenate([initial, nothing[0]])
    return ac.Hamiltonian.affine(constant, slope), initial


@pytest.mark.quick(2)
@pytest.mark.parametrize("sectors", [False, True])
@pytest.mark.parametrize("rate", [10.0, 1e-3, 1e-6])
@pytest.mark.parametrize("more", [0, 1, 2])
def test_superpositions_of_levels_close_at_the_end(more, rate, sectors):
    # No level alone is shared out among the close ones, as the superposition is.
    found = []
    for digits in (0, -1, 1):
        hamiltonian, initial = _parked(more, sectors, digits)
        sweep = ac.drive.Linear(0, 1, rate=rate)
        found.append(
            [
                ac.propagate(hamiltonian, sweep, initial=initial, whole=whole)
                for whole in (True, False)
            ]
        )
    (every, one), *moved = found
    assert float(every.error_estimate) > 0.9 * float(one.error_estimate)
    for result in itertools.chain(*moved):
        difference = np.max(np.abs(result.probabilities - every.probabilities))
        assert 0 < difference < 0.5 * float(every.error_estimate)
    assert every.warnings
