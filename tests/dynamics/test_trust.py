"""Exact answers where they are easy to get silently wrong: tails, pulses, offsets, noise."""

import mpmath
import numpy as np
import pytest
import scipy.integrate
from fuzz import truth
from scipy.special import gammaln, jv

import anticrossing as ac
from anticrossing.dynamics import between_nodes, features, panels
from anticrossing.dynamics.floquet import floquet
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.periodic import one_period_propagator, periodic_steady_state
from anticrossing.dynamics.quasi_energies import quasi_energies
from tests.effort import slow

HEIGHT = float(1.3 / np.sqrt(2 * np.pi))
PULSED = ac.Hamiltonian.from_matrix([["d/2", "x/2"], ["x/2", "-d/2"]], parameters={"d": 0.0})


def jump(hamiltonian, drive, **options):
    result = ac.propagate(hamiltonian, drive, basis="diabatic", **options)
    return float(result.transition_matrix[1, 0])


def pulse_map(operator, half):
    """The map of ρ, row by row, over [−half, half] with one Gaussian pulse, and its mean."""
    one, square = np.eye(2), operator.T @ operator
    still = np.kron(operator, operator) - 0.5 * (np.kron(square, one) + np.kron(one, square))
    flip = np.array([[0.0, 0.5], [0.5, 0.0]])
    turn = -1j * (np.kron(flip, one) - np.kron(one, flip))

    def slope(t, y):
        pulse = HEIGHT * np.exp(-(t**2) / 2) if abs(t) < 12 else 0.0
        here = y[:16].reshape(4, 4)
        return np.concatenate([((still + pulse * turn) @ here).ravel(), here.ravel()])

    y = np.concatenate([np.eye(4).ravel(), np.zeros(16)]).astype(complex)
    for left, right in ((-half, -12.0), (-12.0, 12.0), (12.0, half)):
        solved = scipy.integrate.solve_ivp(
            slope, (left, right), y, method="DOP853", rtol=1e-12, atol=1e-14
        )
        y = solved.y[:, -1]
    return y[:16].reshape(4, 4), y[16:].reshape(4, 4) / (2 * half)


@pytest.mark.slow
def test_coupling_that_decays_through_the_smallest_numbers():
    # Its square is subnormal or zero long before it is: DOP853 gives 0.5225072.
    drive = ac.drive.Linear(-22, 22, rate=0.01)
    for times in (None, np.linspace(-2200, 2200, 400)):
        result = ac.propagate(ac.models.TullySimple(), drive, times=times)
        assert abs(result.transition_matrix[1, 0] - 0.5225072) < 1e-7
        assert np.allclose(result.transition_matrix.sum(axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("tail", [1e-100, 1e-154, 1e-160, 1e-200, 1e-308, 1e-320])
def test_levels_that_turn_by_way_of_a_tiny_coupling(tail):
    # The sweep passes a crossing far narrower than anything: every system jumps.
    hamiltonian = ac.Hamiltonian.affine([[0, tail], [tail, 0]], np.diag([0.5, -0.5]))
    result = ac.propagate(hamiltonian, ac.drive.Linear(-20, 20, rate=1.0))
    assert abs(result.transition_matrix[1, 0] - 1.0) < 1e-12
    assert result.error_estimate < 1e-9


@pytest.mark.quick(1)
@pytest.mark.parametrize("window", [31.0, 38.0, 60.0])
@pytest.mark.parametrize("kind", ["fixed axis", "operators"])
def test_dephasing_behind_the_tails_of_a_pulse(window, kind):
    # QuTiP with max_step, window ±31: 0.634, 0.366; outside of the pulse nothing changes these.
    flips = np.sqrt(5e-4) * np.diag([1.0, -1.0])
    environment = {
        "fixed axis": ac.environment.FixedAxisDephasing(1e-3),
        "operators": ac.environment.Lindblad([flips]),
    }[kind]
    drive = ac.drive.Formula("h*exp(-t**2/2)", -window, window, h=HEIGHT)
    right = pulse_map(flips, window)[0][3, 0].real
    assert abs(right - 0.366) < 5e-4
    assert abs(jump(PULSED, drive, environment=environment) - right) < 1e-9


@pytest.mark.parametrize("half", [37.9, 38.4, 38.55])
def test_surroundings_where_h_ends_among_the_smallest_numbers(half):
    """H = x(t) B, 1e-312 … 1e-322 at the ends: few digits, but everywhere the same few."""
    matrix = np.array([[1.01, -0.027], [-0.027, -0.16]])
    energies, vectors = np.linalg.eigh(matrix)
    turn = vectors @ np.diag(np.exp(-1j * energies * 1.55 * np.sqrt(2 * np.pi))) @ vectors.T
    result = ac.propagate(
        ac.Hamiltonian.from_terms([("x", matrix)]),
        ac.drive.Formula("1.55*exp(-t**2/2)", -half, half),
        environment=ac.Dephasing(rate=1e-13),
        basis="diabatic",
    )
    off = abs(result.transition_matrix[1, 0] - abs(turn[1, 0]) ** 2)
    assert off < 3 * result.error_estimate + 1e-12


@pytest.mark.quick(1)
@pytest.mark.parametrize("half", [27.0, 400.0])
def test_the_periodic_state_of_pulses_far_apart(half):
    lower = np.sqrt(0.02) * np.array([[0.0, 1.0], [0.0, 0.0]])
    drive = ac.drive.Formula("h*exp(-t**2/2)", -half, half, h=HEIGHT)
    state = ac.dynamics.periodic_steady_state(
        PULSED, drive, ac.environment.Lindblad([lower]), period=2 * half, basis="diabatic"
    )
    one_period, mean = pulse_map(lower, half)
    values, vectors = np.linalg.eig(one_period)
    rho = vectors[:, np.argmin(np.abs(values - 1))].reshape(2, 2)
    rho = rho / np.trace(rho)
    assert np.max(np.abs(state.density_matrix - rho)) < 1e-9
    assert np.max(np.abs(state.populations - (mean @ rho.ravel())[[0, 3]])) < 1e-9


@pytest.mark.quick(2)
@pytest.mark.parametrize("length", [1e2, slow(1e4), 1e6])
@pytest.mark.parametrize(
    ("formula", "area"),
    [
        ("h*exp(-(t-at)**2/2)", HEIGHT * np.sqrt(2 * np.pi)),
        ("h/cosh(t-at)", HEIGHT * np.pi),
        ("h/(1+(t-at)**2)**4", HEIGHT * np.pi * 5 / 16),
        ("h*(tanh(3*(t-at))-tanh(3*(t-at-1)))", 2 * HEIGHT),
        ("h*(exp(-(t-at)**2/2)+exp(-(t-1.7*at)**2/2))", 2 * HEIGHT * np.sqrt(2 * np.pi)),
    ],
)
def test_pulses_far_shorter_than_the_window_turn_by_their_area(formula, area, length):
    rng = np.random.default_rng(int(length))
    for place in rng.uniform(0.35, 0.55, 2):
        drive = ac.drive.Formula(formula, 0.0, length, h=HEIGHT, at=place * length)
        # The algebraic tails of (1 + t²)⁻⁴ beyond the window are below 1e-7.
        assert abs(jump(PULSED, drive) - np.sin(area / 2) ** 2) < 2e-8


FLIP = ac.Hamiltonian.from_matrix([[0, "x/2"], ["x/2", 0]])  # at all times along one axis
RESONANCE = "V*exp(-(x-x0)**2/(2*w**2))"


@pytest.mark.parametrize("segments", [slow(20), 100, slow(1000)])
def test_a_resonance_of_h_met_by_every_stroke_of_a_saw(segments):
    drive = ac.drive.Piecewise(np.linspace(0, 1, segments + 1), (-1.0) ** np.arange(segments + 1))
    width = 1e-3  # in x; each of the strokes adds as much, together 0.55
    H = ac.Hamiltonian.from_matrix(
        [[0, RESONANCE], [RESONANCE, 0]],
        parameters={"V": 1.1 / (np.sqrt(2 * np.pi) * width), "x0": 0.3313, "w": width},
    )
    result = ac.propagate(H, drive, basis="diabatic")
    assert result.transition_matrix[1, 0] == pytest.approx(np.sin(0.55) ** 2, abs=1e-9)


@pytest.mark.parametrize(("place", "width"), [(9.99, 1e-6), (9.9999, 1e-5)])
def test_a_resonance_passed_just_before_and_after_the_drive_turns(place, width):
    H = ac.Hamiltonian.from_matrix(
        [[0, RESONANCE], [RESONANCE, 0]],
        parameters={"V": 0.475 / (np.sqrt(2 * np.pi) * width), "x0": place, "w": width},
    )
    drive = ac.drive.Piecewise([0, 10, 23], [0, 10, -3])
    result = ac.propagate(H, drive, basis="diabatic", tolerance=1e-6)
    assert result.transition_matrix[1, 0] == pytest.approx(np.sin(0.95) ** 2, abs=1e-6)
    # In surroundings: two bursts of dephasing at the turning point, e^{−0.3} each.
    height = 0.3 / (np.sqrt(2 * np.pi) * width)
    burst = ac.FixedAxisDephasing(f"{height}*exp(-(x-{place})**2/(2*{width}**2))")
    across = ac.Hamiltonian.affine([[0, 0.5], [0.5, 0]], [[1e-30, 0], [0, -1e-30]])
    result = ac.propagate(across, drive, environment=burst, tolerance=1e-8)
    assert result.probabilities[1] == pytest.approx((1 - np.exp(-0.6)) / 2, abs=1e-8)


@pytest.mark.quick(4)
@pytest.mark.parametrize(
    ("pulse", "area"),
    [
        ("v*exp(-v)*(1+tanh(1e3*v))/2", 1.0),
        ("(v/20)**20*exp(20-v)", float(mpmath.gamma(21) * mpmath.exp(20) / 20**20)),
        ("exp(-v)-exp(-2*v)", 0.5),
        ("u**2*exp(-u**2/2)", np.sqrt(2 * np.pi)),
        ("tanh(u)**2/cosh(u)**2", 2 / 3),
        ("u**2/(1+u**2)**8", float(mpmath.beta(1.5, 6.5))),
        ("u**2/(1+u**40)", float(mpmath.beta(mpmath.mpf(3) / 40, mpmath.mpf(37) / 40) / 20)),
    ],
)
@pytest.mark.parametrize("width", [3e-6, slow(1e-4)])
def test_pulses_that_vanish_where_their_argument_does(pulse, area, width):
    """With v from the start of the window, and u from a place within it."""
    formula = pulse.replace("v", f"(t/{width})").replace("u", f"((t-0.313)/{width})")
    drive = ac.drive.Formula(f"A*({formula})", 0, 1, A=1.9 / area / width)
    result = ac.propagate(FLIP, drive, basis="diabatic", tolerance=1e-7)
    assert result.transition_matrix[1, 0] == pytest.approx(np.sin(0.95) ** 2, abs=1e-6)


@pytest.mark.parametrize("place", [0.3131, 0.31327, 0.3139])
def test_where_an_argument_turns_without_being_zero_is_found_to_rounding(place):
    drive = ac.drive.Formula("exp(-sqrt(1+(t-c)**2/w**2))", 0, 1, c=place, w=1e-3)
    assert np.min(np.abs(features.edges(Lanes.of(FLIP, drive)) - place)) < 1e-10


@pytest.mark.parametrize(
    ("omega", "power"), [slow(1000, 1000), (100, 1000), slow(1000, 400), slow(12345, 1000)]
)
def test_large_powers_of_harmonics_are_trains_of_pulses(omega, power):
    one = np.sqrt(np.pi) * np.exp(gammaln((power + 1) / 2) - gammaln(power / 2 + 1)) / omega
    pulses = np.count_nonzero((np.arange(omega) * np.pi + 0.7) / omega < 1)
    drive = ac.drive.Formula(f"A*cos({omega}*t-0.7)**{power}", 0, 1, A=1.1 / one / pulses)
    result = ac.propagate(FLIP, drive, basis="diabatic", tolerance=1e-8)
    assert result.transition_matrix[1, 0] == pytest.approx(np.sin(0.55) ** 2, abs=1e-7)


def test_pulses_in_the_hamiltonian_and_in_a_vectorised_function():
    for width in (1e-2, 1e-4, 1e-6):
        shape = f"{HEIGHT!r}*exp(-(x-0.37)**2/2/{width!r}**2)"
        written = ac.Hamiltonian.from_matrix([[0, f"{shape}/2"], [f"{shape}/2", 0]])
        drives = [ac.drive.Linear(0, 1, rate=width)]
        drives.append(ac.drive.Piecewise([0, 0.5 / width, 1 / width], [0, 0.5, 1]))
        for drive in drives:
            assert abs(jump(written, drive) - np.sin(0.65) ** 2) < 2e-9

    def matrix(x):
        values = np.zeros((*np.shape(x), 2, 2))
        values[..., 0, 1] = values[..., 1, 0] = 0.5 * HEIGHT * np.exp(-((x - 0.37) ** 2) / 2e-8)
        return values

    function = ac.Hamiltonian.from_function(matrix, vectorised=True)
    assert abs(jump(function, ac.drive.Linear(0, 1, rate=1e-4)) - np.sin(0.65) ** 2) < 1e-9


@pytest.mark.parametrize("form", ["x", "t", "function"])
def test_a_burst_of_dephasing(form):
    # Coherence falls by exp(−∫Γ dt) in the burst: equal superposition, H = 0 apart from a phase.
    width = 1e-5
    strength = {
        "x": ac.environment.FixedAxisDephasing(f"0.7*exp(-(x-0.37)**2/2/{width!r}**2)"),
        "t": ac.environment.Lindblad(
            [(f"sqrt(0.35)*exp(-(t-{0.37 / width!r})**2/4)", np.diag([1.0, -1.0]))]
        ),
        "function": ac.environment.FixedAxisDephasing(
            lambda x: 0.7 * np.exp(-((x - 0.37) ** 2) / 2 / width**2)
        ),
    }[form]
    hamiltonian = ac.Hamiltonian.affine(np.diag([0.01, -0.01]), np.zeros((2, 2)))
    result = ac.propagate(
        hamiltonian,
        ac.drive.Linear(0, 1, rate=width),
        environment=strength,
        initial=np.array([1, 1]) / np.sqrt(2),
        basis="diabatic",
    )
    kept = 2 * abs(result.density_matrix[0, 1])
    assert abs(kept - np.exp(-0.7 * np.sqrt(2 * np.pi))) < 1e-9


@pytest.mark.parametrize("offset", [slow(1e3), 1e7, slow(1e9), slow(1e12), slow(-1e12)])
@pytest.mark.slow
def test_a_multiple_of_the_identity_changes_nothing(offset):
    rng = np.random.default_rng(4)
    constant = rng.normal(size=(4, 4))
    terms = [(0.3, constant + constant.T), ("x", np.diag([0.0, 0.3, -0.7, 1.1]))]
    drive = ac.drive.Linear(-20, 20, rate=0.1)
    alone = ac.propagate(ac.Hamiltonian.from_terms(terms), drive)
    for common in (offset, f"{offset!r}*exp(-x**2)"):
        moved = ac.Hamiltonian.from_terms([*terms, (common, np.eye(4))])
        for environment in (None, ac.environment.Dephasing(rate=0.01)):
            before = alone
            if environment is not None:
                before = ac.propagate(
                    ac.Hamiltonian.from_terms(terms), drive, environment=environment
                )
            after = ac.propagate(moved, drive, environment=environment)
            assert np.allclose(after.transition_matrix, before.transition_matrix, atol=2e-12)
            if common is offset:
                assert after.panels == before.panels


def test_the_common_phase_is_kept():
    # U of H + f(x)·1 is that of H times exp(−i∫f dt).
    terms = [("x", np.diag([0.5, -0.5])), (0.4, [[0, 1], [1, 0]])]
    drive = ac.drive.Linear(-5, 5, rate=1.0)
    alone = ac.propagate(ac.Hamiltonian.from_terms(terms), drive)
    moved = ac.propagate(
        ac.Hamiltonian.from_terms([*terms, ("30 + 20*exp(-x**2/0.02)", np.eye(2))]), drive
    )
    phase = 300 + 20 * np.sqrt(0.02 * np.pi)
    expected = np.exp(-1j * phase) * alone.propagator
    assert np.max(np.abs(moved.propagator - expected)) < 1e-11


def test_small_probabilities_under_strong_dephasing_keep_their_digits():
    # p = α·(2/3g²)·γ/(1 + γ²) to first order in α, and 50 digits give 6.66666666666e-16.
    for rate, expected in ((1e-9, 6.66666666666e-16), (1e-12, 6.66666666666e-19)):
        result = ac.propagate(
            ac.models.LandauZener(gap=1.0),
            ac.drive.Linear(-1000, 1000, rate=rate),
            environment=ac.environment.Dephasing(1e6),
        )
        assert abs(result.transition_matrix[1, 0] / expected - 1) < 1e-10


def test_noise_that_an_offset_leaves_in_a_function_is_told():
    def matrix(x):
        return np.array([[x, 0.3], [0.3, -x]]) + 1e9 * np.eye(2)

    result = ac.propagate(ac.Hamiltonian.from_function(matrix), ac.drive.Linear(-20, 20, rate=0.5))
    exact = np.exp(-np.pi * 0.6**2 / 2)
    clean = ac.propagate(
        ac.Hamiltonian.affine([[0, 0.3], [0.3, 0]], np.diag([1.0, -1.0])),
        ac.drive.Linear(-20, 20, rate=0.5),
    ).transition_matrix[1, 0]
    assert abs(clean - exact) < 1e-3  # the window
    assert abs(result.transition_matrix[1, 0] - clean) < 3 * result.error_estimate
    assert result.warnings


@pytest.mark.parametrize("count", [1, 7, 40])
def test_points_between_the_nodes_lie_on_the_panel_and_in_no_step(count):
    points, interpolate = between_nodes.probe(21, count)
    assert np.all(np.abs(points) < 1)
    assert np.all(np.diff(points) > 0)
    assert count < 3 or np.diff(points, n=2).std() > 0.1 / count
    assert interpolate @ np.exp(between_nodes.grid(21).nodes) == pytest.approx(
        np.exp(points), rel=1e-14
    )


def test_error_estimates_bound_the_truth_on_random_problems():
    for index in range(6):  # thousands by `python -m fuzz.truth`
        rng = np.random.default_rng([7, index])
        kind = ("closed", "closed", "open")[index % 3]
        verdict, ratio = truth.judge(truth.draw(rng, kind))
        assert verdict in ("right", "refused", "warned"), (index, kind, verdict, ratio)


@pytest.mark.parametrize("index", [3487, 4536])
def test_what_the_iteration_leaves_out_under_relaxation_is_told(index):
    """Two levels under a jump operator: far below the tolerance, but far above the rounding."""
    rng = np.random.default_rng([0, index])
    problem = truth.draw(rng, str(rng.choice(truth.KINDS, p=truth.SHARES)))
    assert problem.kind == "open"
    assert truth.judge(problem)[0] == "right"


def test_levels_whose_frames_are_reflections_between_two_nodes():
    """Seven levels, whose eigenvectors at one node are a reflection of those in the middle."""
    rng = np.random.default_rng([3, 1630])
    problem = truth.draw(rng, str(rng.choice(truth.KINDS, p=truth.SHARES)))
    assert problem.constant.shape == (7, 7)
    assert truth.judge(problem)[0] == "right"


@pytest.mark.quick(2)
@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("surroundings", ["none", "weak dephasing"])
def test_phases_between_two_passages_are_known_to_their_rounding(gap, surroundings):
    """There and back at 20 % jumps: Weber's functions with 40 digits give the interference."""
    rate = float(gap**2)
    with mpmath.workdps(40):
        root = mpmath.sqrt(mpmath.mpf(rate)) * mpmath.expjpi(0.25)
        order = -1j * mpmath.mpf(gap) ** 2 / (4 * mpmath.mpf(rate))

        def solutions(t):
            columns = []
            for turn in (root, -root):
                value = mpmath.pcfd(order, turn * t)
                slope = turn * (turn * t / 2 * value - mpmath.pcfd(order + 1, turn * t))
                columns.append([value, (1j * slope - rate * t / 2 * value) * 2 / gap])
            return mpmath.matrix(columns).T

        end = mpmath.mpf(1) / mpmath.mpf(rate)
        there = solutions(end) * solutions(-end) ** -1
        swap = mpmath.matrix([[0, 1], [1, 0]])
        both = swap * there * swap * there
        right = float(abs(both[1, 0]) ** 2)
    environment = None if surroundings == "none" else ac.environment.FixedAxisDephasing(1e-30)
    drive = ac.drive.Piecewise([0.0, 2 / rate, 4 / rate], [-1.0, 1.0, -1.0])
    result = ac.propagate(
        ac.models.LandauZener(gap=gap), drive, environment=environment, basis="diabatic"
    )
    assert abs(result.transition_matrix[1, 0] - right) < 3 * result.error_estimate
    assert result.error_estimate < 1e-10 + 20 * 2.2e-16 * result.phase


@pytest.mark.quick(2)
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("levels", [2, 3])
def test_what_the_nodes_leave_of_a_commuting_h_is_told(tolerance, levels):
    """H = f(t) B turns by the integral of f, however little couples in its eigenbasis."""
    rng = np.random.default_rng(levels)
    b = rng.normal(size=(levels, levels))
    energies, vectors = np.linalg.eigh(b + b.T)
    hamiltonian = ac.Hamiltonian.from_terms([("x", (vectors * energies) @ vectors.T)])
    drive = ac.drive.Formula("h*(tanh(4*(t-at))-tanh(4*(t-at-1.5)))", 0, 28, h=0.47, at=20.4)
    area = 0.47 * (2 * 1.5)  # the tails are below 1e-26
    right = np.abs((vectors * np.exp(-1j * energies * area)) @ vectors.T) ** 2
    result = ac.propagate(hamiltonian, drive, basis="diabatic", tolerance=tolerance)
    off = np.max(np.abs(result.transition_matrix - right))
    assert off < max(3 * float(result.error_estimate), 1e-14)
    assert result.error_estimate < tolerance


def test_phases_that_no_double_holds_are_refused_at_once():
    qubit = ac.models.LandauZener(gap=1.0)
    with pytest.raises(ac.ConvergenceError, match="phase"):
        ac.propagate(qubit, ac.drive.Linear(-1000, 1e300, rate=0.5))
    with pytest.raises(ac.ConvergenceError, match="phase"):
        ac.dynamics.floquet(qubit, ac.drive.Sinusoidal(0.0, 1e200, 1.0))


@pytest.mark.parametrize("amplitude", [1e3, 1e6, 1e9, 1e12])
def test_quasi_energies_of_long_phases_say_how_well_they_are_known(amplitude):
    # Without a coupling they are the means of the levels, ±offset/2.
    H, drive = ac.models.LandauZener(gap=1e-30), ac.drive.Sinusoidal(0.5, amplitude, 1.0)
    found = floquet(H, drive)
    assert np.all(np.abs(found.quasi_energies - [-0.25, 0.25]) <= found.error_estimate)
    assert bool(found.warnings) == (amplitude > 1e5)
    assert "not reached" in str(found) or amplitude < 1e5
    scan = quasi_energies(H, drive, parameter="offset", values=[0.4, 0.5, 0.6])
    assert bool(scan.warnings) == (amplitude > 1e5)
    if amplitude > 1e5:
        with pytest.raises(ac.ConvergenceError, match="not reached"):
            one_period_propagator(H, drive)
    else:
        last = one_period_propagator(H, drive)[1, 1]
        assert abs(np.angle(last * np.exp(-0.25j * 2 * np.pi))) < 1e-11


@pytest.mark.parametrize("amplitude", [1e15, 1e20, 1e200])
def test_a_period_whose_phase_has_no_digits_is_refused_at_once(amplitude, monkeypatch):
    monkeypatch.setattr(panels, "solve", None)
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Sinusoidal(0.5, amplitude, 1.0)
    for call in (
        lambda: floquet(H, drive),
        lambda: one_period_propagator(H, drive),
        lambda: periodic_steady_state(H, drive, ac.Dephasing(0.1)),
    ):
        with pytest.raises(ac.ConvergenceError, match="phases"):
            call()


@pytest.mark.slow
def test_a_steady_state_of_long_phases_is_not_solved_more_finely_than_they_are_known(monkeypatch):
    solve, solved = panels.solve, []

    def counted(*arguments, **options):
        evolution = solve(*arguments, **options)
        solved.append(evolution.evaluated)
        return evolution

    monkeypatch.setattr(panels, "solve", counted)
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Sinusoidal(0.5, 1e12, 1.0)
    found = periodic_steady_state(H, drive, ac.Dephasing(0.1))
    assert sum(solved) < 300_000  # a million for the first map alone, at a finer tolerance
    assert found.populations == pytest.approx([0.5, 0.5], abs=1e-9)  # dephasing heats
    assert found.warnings


@pytest.mark.slow
@pytest.mark.parametrize("unit", [slow(1e-6), 1.0, slow(1e6)])
def test_gaps_of_resonances_are_known_to_the_error_estimate_in_any_unit(unit):
    # g J_n(A/ω) to first order in g: 2.5e-5, 3e-7, 3e-9, 2e-11, 8e-14, 3e-16.
    H, drive = ac.models.LandauZener(gap=1e-3 * unit), ac.drive.Sinusoidal(0.0, 0.05 * unit, unit)
    found = quasi_energies(H, drive, "offset", unit * np.linspace(0.5, 6.6, 90))
    assert [r.photons for r in found.resonances] == [1, 2, 3, 4, 5, 6]
    error = found.error_estimate.max()
    for r in found.resonances:
        exact = 1e-3 * unit * jv(r.photons, 0.05)
        assert abs(r.gap - exact) < error + 1e-5 * exact
    assert len(found.warnings) == sum(r.gap < error for r in found.resonances) == 2
