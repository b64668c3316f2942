"""Exact answers where they are easy to get silently wrong, the second part."""

import mpmath
import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import interference
from tests.effort import slow

FLIP = ac.Hamiltonian.from_matrix([[0, "x/2"], ["x/2", 0]])  # at all times along one axis


@pytest.mark.quick(1)
@pytest.mark.parametrize("end", [0.1, slow(2.0), slow(3.0), slow(4.0), 5.0])
@pytest.mark.parametrize("unit", [1.0, slow(1.9), 3.7, 1e160])
def test_superadiabatic_states_of_a_short_window_say_how_far_they_still_couple(end, unit):
    """exp(−π/2) is the limit of long windows, whatever the unit.

    Orders of the expansion beyond the digits of the derivatives looked as if nothing coupled.
    """
    H = ac.Hamiltonian.affine([[0, unit / 2], [unit / 2, 0]], np.diag([0.5, -0.5]) * unit)
    drive = ac.drive.Linear(-end, end, rate=unit)
    result = ac.propagate(H, drive, basis="superadiabatic")
    off = abs(result.transition_matrix[1, 0] - np.exp(-np.pi / 2))
    assert off < 2 * result.readout_residual
    assert result.readout_residual < 0.52  # half the speed over the gap, where it ends
    assert any("still couple" in note for note in result.warnings)


@pytest.mark.parametrize("end", [9.0, 12.0, 30.0, 1000.0])
def test_superadiabatic_states_of_a_long_window_reach_the_limit(end):
    drive = ac.drive.Linear(-end, end, rate=1.0)
    result = ac.propagate(ac.models.LandauZener(gap=1.0), drive, basis="superadiabatic")
    assert abs(result.transition_matrix[1, 0] - np.exp(-np.pi / 2)) < 1e-10
    assert result.warnings == ()


def test_superadiabatic_states_of_a_window_of_no_length_are_not_known():
    """The mixing angle left is dθ/dt over the gap, 1/2 at a crossing of rate 1 and gap 1."""
    for end in (1e-3, 1e-6, 1e-9):
        drive = ac.drive.Linear(-end, end, rate=1.0)
        result = ac.propagate(ac.models.LandauZener(gap=1.0), drive, basis="superadiabatic")
        assert result.readout_residual == pytest.approx(0.5, rel=0.1)
        assert result.warnings


def test_degenerate_ends_are_noted_once_and_couple_nothing():
    """Kramers doublets pass each other in some basis: all within a doublet is a choice."""
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    constant, slope = (
        turn @ np.kron(m, np.eye(2)) @ turn.T for m in ([[0, 0.5], [0.5, 0]], np.diag([0.5, -0.5]))
    )
    result = ac.propagate(
        ac.Hamiltonian.affine(constant, slope),
        ac.drive.Linear(-1000, 1000, rate=1.0),
        basis="superadiabatic",
    )
    jumped = result.transition_matrix[2:, 0].sum()
    assert jumped == pytest.approx(np.exp(-np.pi / 2), abs=1e-10)
    assert len(result.warnings) == 1
    assert "degenerate" in result.warnings[0]


def area(function, start, stop, pieces=4000):
    """Gauss's quadrature, far finer than anything that happens."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = 0.5 * (stop - start) / pieces
    middles = start + half * (2 * np.arange(pieces) + 1)
    return half * float(np.sum(function(middles[:, None] + half * nodes) @ weights))


@pytest.mark.parametrize("factors", [slow(7), 10])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-10])
@pytest.mark.parametrize("place", [slow(1.2334), slow(1.7263), 2.4])
def test_products_of_harmonics_are_pulses_without_a_narrow_function(factors, tolerance, place):
    """Π cos⁶(2ᵏ(t − c)) has the width 2^−K, and vanishes at all nodes of eight panels."""
    formula = "*".join(f"cos({2**k}*(t-{place}))**6" for k in range(factors))
    whole = area(
        lambda t: np.prod([np.cos(2**k * (t - place)) ** 6 for k in range(factors)], 0), 0, 3
    )
    drive = ac.drive.Formula(f"A*{formula}", 0, 3, A=1.9 / whole)
    result = ac.propagate(FLIP, drive, basis="diabatic", tolerance=tolerance)
    off = abs(result.transition_matrix[1, 0] - np.sin(0.95) ** 2)
    assert off < 3 * result.error_estimate
    assert result.error_estimate < tolerance


def test_products_of_harmonics_in_surroundings():
    """Coherence falls by exp(−∫Γ dt), Γ a train of narrow bursts of one operator."""
    formula = "*".join(f"cos({2**k}*(t-1.2334))**3" for k in range(10))
    whole = area(lambda t: np.prod([np.cos(2**k * (t - 1.2334)) ** 6 for k in range(10)], 0), 0, 3)
    burst = ac.environment.Lindblad([(f"{(0.35 / whole) ** 0.5}*{formula}", np.diag([1.0, -1.0]))])
    result = ac.propagate(
        ac.Hamiltonian.affine(np.diag([0.01, -0.01]), np.zeros((2, 2))),
        ac.drive.Linear(0, 3, rate=1.0),
        environment=burst,
        initial=np.array([1, 1]) / np.sqrt(2),
        basis="diabatic",
    )
    assert 2 * abs(result.density_matrix[0, 1]) == pytest.approx(np.exp(-0.7), abs=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_rates_are_known_whatever_the_unit_of_their_operators(unit):
    """Coefficient and matrix make one rate: 10⁹ times 10⁻⁹ took 62,000 panels, and a warning."""
    height = float(np.sqrt(0.35) * 1e5**0.5 / unit)
    burst = (f"{height!r}*exp(-(t-0.3337)**2/4e-10)", unit * np.diag([1.0, -1.0]))
    result = ac.propagate(
        ac.Hamiltonian.affine(np.diag([0.01, -0.01]), np.zeros((2, 2))),
        ac.drive.Linear(0, 1, rate=1.0),
        environment=ac.environment.Lindblad([burst]),
        initial=np.array([1, 1]) / np.sqrt(2),
        basis="diabatic",
    )
    kept = 2 * abs(result.density_matrix[0, 1])
    assert kept == pytest.approx(np.exp(-0.7 * np.sqrt(2 * np.pi)), abs=1e-11)
    assert result.panels < 40
    assert result.warnings == ()


def test_the_phase_of_a_jump_operator_is_of_no_effect():
    """L e^{20it} has the generator of L, to all digits and at the same cost."""
    lower = np.array([[0.0, 0.5], [0.0, 0.0]])
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, rate=1.0)
    turning = ac.environment.Lindblad([(lambda x, t: np.exp(20j * t), lower)])
    found, right = (
        ac.propagate(H, drive, environment=environment, basis="diabatic")
        for environment in (turning, ac.environment.Lindblad([lower]))
    )
    assert np.max(np.abs(found.superoperator - right.superoperator)) < 1e-13
    assert found.panels == right.panels
    assert found.warnings == ()


def test_a_drive_that_is_no_number_somewhere_says_when():
    drive = ac.drive.Formula("sin(t)/t", -1.0, 1.0)
    with pytest.raises(ac.InputError, match=r"`drive` must be finite .* not at t = 0"):
        ac.propagate(ac.models.LandauZener(gap=1.0), drive)


def test_degenerate_levels_under_phases_no_double_holds_say_that_nothing_is_known():
    model = ac.models.SingletTripletCrossing(
        spin_orbit=[0.06, 0.0, 0.08], internal_coupling=0.2, triplet_position=400.0
    )
    drive = ac.drive.Linear(-400.0, 2.0**63, rate=1.0)
    result = ac.propagate(model, drive, basis="diabatic")
    assert result.error_estimate > 0.5
    assert "the error may be" in result.warnings[0]


def test_one_point_of_many_panels_is_bounded_on_its_own():
    """More numbers than are handled at once belong to a single parameter point."""
    drive = ac.drive.Formula("3*cos(t)-1", 0.0, 2 * np.pi * 60)
    H = ac.Hamiltonian.affine(np.array([[0.3, 0.2, 0.1], [0.2, 0.0, 0.3], [0.1, 0.3, -0.4]]),
                              np.diag([1.0, 0.0, -1.0]))  # fmt: skip
    whole = ac.propagate(H, drive, tolerance=1e-12).error_estimate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interference, "_MOST_NUMBERS", 10)
        assert ac.propagate(H, drive, tolerance=1e-12).error_estimate == whole


@pytest.mark.parametrize("w", [1e-3, 1e-4, 1e-5, 1e-6])
def test_late_passages_cost_no_more_than_early_ones(w):
    """Times of 10⁶ have last digits of 10⁻¹⁰: no panel is so narrow that H is known better."""
    H = ac.models.LandauZener(gap=1.0)
    late = ac.propagate(H, ac.drive.Formula("a*cos(w*t)", 0.4 / w, 3 / w, a=1 / w, w=w))
    shift = np.pi / 2
    early = ac.drive.Formula("-a*sin(w*t)", (0.4 - shift) / w, (3 - shift) / w, a=1 / w, w=w)
    right = ac.propagate(H, early)
    error = abs(late.transition_matrix[1, 0] - right.transition_matrix[1, 0])
    assert error < late.error_estimate + right.error_estimate
    assert late.error_estimate < 1e-7
    assert late.panels <= 120
    returns = ac.propagate(H, ac.drive.Formula("a*cos(w*t)", 0.4 / w, 8.5 / w, a=1 / w, w=w))
    assert returns.panels <= 400


@pytest.mark.parametrize("rate", [2.0**-10, 2.0**-20, 2.0**-30])
def test_a_formula_divided_by_a_parameter_is_as_well_known_as_another(rate):
    H = ac.models.LandauZener(gap=1.0)
    end = 64 / rate
    divided = ac.drive.Formula("32*(1-(t/T)**2)-8", -1.1 * end, end, T=end)
    times = ac.drive.Formula("32*(1-(t*s)**2)-8", -1.1 * end, end, s=1 / end)
    results = [ac.propagate(H, drive) for drive in (divided, times)]
    for result in results:
        assert result.warnings == ()
        assert result.error_estimate < 1e-10
    one, other = (result.transition_matrix[1, 0] for result in results)
    assert abs(one - other) < 1e-14


def close_levels():
    """Four levels, two of them 10⁻⁹ apart at x = 0, in a basis that is nobody's own."""
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    at_zero = q @ np.diag([5.0, 5.0 + 1e-9, -3.0, 2.0]) @ q.T
    slope = np.array([[1, 0.3, 0, 0], [0.3, -1, 0.2, 0.1], [0, 0.2, 0, 0.5], [0, 0.1, 0.5, 0.2]])
    slope = q @ slope @ q.T
    return 0.5 * (at_zero + at_zero.T), 0.5 * (slope + slope.T)


def populations_in_forty_digits(matrix, state):
    with mpmath.workdps(40):
        _, vectors = mpmath.eigsy(mpmath.matrix(matrix.tolist()))
        return np.array(
            [
                float(abs(sum(vectors[i, j] * mpmath.mpc(state[i]) for i in range(4))) ** 2)
                for j in range(4)
            ]
        )


@pytest.mark.parametrize("start", [-1.0, -3.0])
def test_close_levels_on_the_way_are_known_no_better_than_h(start):
    at_zero, slope = close_levels()
    H = ac.Hamiltonian.affine(at_zero, slope)
    result = ac.propagate(H, ac.drive.Linear(start, -start, rate=1.0), times=[0.0], initial=2)
    right = populations_in_forty_digits(at_zero, result.states[0])
    error = np.max(np.abs(result.populations[0] - right))
    assert error < result.error_estimate
    assert result.warnings


def turned(matrix, phase, state):
    """Probabilities of exp(−i phase M) ψ in the states M is written in, in 40 digits."""
    with mpmath.workdps(40):
        energies, vectors = mpmath.eigsy(mpmath.matrix(matrix.tolist()))
        parts = vectors.T * mpmath.matrix(state.tolist())
        for k in range(len(state)):
            parts[k] *= mpmath.expj(-energies[k] * phase)
        return np.array([float(abs(amplitude) ** 2) for amplitude in vectors * parts])


@pytest.mark.quick(2)
@pytest.mark.parametrize("superposition", [False, slow(True)])
@pytest.mark.parametrize(
    ("levels", "options"),
    [(2, {}), (3, {}), slow(4, {"whole": False}), slow(12, {}), (12, {"whole": False})],
)
def test_what_interferes_on_the_way_only_is_in_the_estimate(levels, options, superposition):
    """H = x(t) M with x odd in time: at the end no phase is left, on the way there were millions.

    Phases that are known to 10⁻⁶ were looked at for the end alone.
    """
    rng = np.random.default_rng(levels)
    for size, rate in ((3e3, 0.02), (4e4, 0.7)):
        matrix = rng.normal(size=(levels, levels))
        matrix = 0.5 * (matrix + matrix.T)
        state = rng.normal(size=levels) if superposition else np.eye(levels)[0]
        state /= np.linalg.norm(state)
        drive = ac.drive.Linear(-size, size, rate=rate)
        times = np.sort(rng.uniform(-size / rate, size / rate, 3))
        found = ac.propagate(
            ac.Hamiltonian.from_terms([("x", matrix)]),
            drive,
            basis="diabatic",
            times=times,
            initial=state if superposition else 0,
            **options,
        )
        with mpmath.workdps(40):
            start = mpmath.mpf(float(drive.start_time))
            phases = [mpmath.mpf(rate) * (mpmath.mpf(t) ** 2 - start**2) / 2 for t in times]
        exact = np.array([turned(matrix, phase, state) for phase in phases])
        assert np.max(np.abs(found.populations - exact)) <= found.error_estimate
        assert found.error_estimate < 1e-3
