"""Pulses: their definitions, derivatives, batches, what they refuse, and evolution under them."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.signal.windows import dpss
from scipy.special import pro_ang1

import anticrossing as ac
from anticrossing import InputError, drive
from tests.effort import slow

TIMES, VALUES = [0.0, 1.0, 2.5, 3.0], [0.0, 1.0, 0.5, 0.0]


def samples(interpolation, rise_time=None, **more):
    return drive.Samples(TIMES, VALUES, interpolation=interpolation, rise_time=rise_time, **more)


def library(centre, **window):
    """Every pulse, on a window or its own one."""
    moved = {"centre": centre, **window}
    late = {"delay": centre - 1.5, **window}
    level = 0.0 if window else 0.1  # in a long window H must be diagonal far from the pulse
    return {
        "gaussian": drive.Gaussian(1.3, 0.5, **moved),
        "sech": drive.Sech(1.0, 0.4, offset=level, **moved),
        "chirp": drive.Chirp(2.0, 1.0, 0.3, width=1.0, phase=0.4, **moved),
        "trapezoid": drive.Trapezoid(2.0, 2.0, 1.0, 0.5, **moved),
        "cosine edges": drive.Trapezoid(2.0, 2.0, 1.0, 0.5, edges="cosine", **moved),
        "rectangle": drive.Trapezoid(2.0, 4.0, 0.0, **moved),
        "cosine": drive.Cosine(3.0, 4.0, **moved),
        "slepian": drive.Slepian(1.0, 5.0, bandwidth=1.5, offset=level, **moved),
        "cubic": samples("cubic", **late),
        "monotone": samples("monotone", **late),
        "linear": samples("linear", **late),
        "hold": samples("hold", **late),
        "filtered lines": samples("linear", 0.1, **late),
        "filtered steps": samples("hold", 0.1, amplitude=2.0, **late),
    }


def with_functions():
    """The library, and what begins at t = 0 or is made of functions."""
    return {
        **library(0.7),
        "fast adiabatic": drive.FastAdiabatic(8.0, 0.5, 0.6, 10.0),
        "annealing": drive.AnnealingSchedule([(0, 0), (2, 0.5), (5, 0.5), (5, 0.8), (6, 1)]),
        "function": drive.Function(lambda t: abs(t - 0.3) + np.sign(t + 0.2), -1.0, 1.0),
    }


def straight(interpolation, t):
    """The samples between straight lines or held, written out."""
    if interpolation == "linear":
        return np.interp(t, TIMES, VALUES)
    return np.select([t < 1.0, t < 2.5, t < 3.0], VALUES[:3], VALUES[3])


LIBRARY = with_functions()
H = ac.Hamiltonian.from_matrix([["d/2", "x/2"], ["x/2", "-d/2"]], parameters={"d": 0.3})


@pytest.mark.parametrize("name", LIBRARY)
def test_velocity_is_the_derivative_by_a_complex_step_and_by_differences(name):
    path = LIBRARY[name]
    start, stop = float(path.start_time), float(path.stop_time)
    inside = start + (stop - start) * (np.arange(40) + 0.4142) / 40
    near = np.min(np.abs(inside[:, None] - np.append(path.breakpoints, np.inf)), axis=1)
    inside = inside[near > 2e-3]
    scale = np.max(np.abs(path.velocity(inside))) + np.max(np.abs(path(inside)))
    if name != "annealing":  # straight lines have no values at complex times
        step = path(inside + 1e-30j).imag / 1e-30
        assert np.max(np.abs(step - path.velocity(inside))) < 1e-11 * scale
    h = 1e-3
    five = (8 * (path(inside + h) - path(inside - h)) - path(inside + 2 * h)) / (12 * h)
    five += path(inside - 2 * h) / (12 * h)
    assert np.max(np.abs(five - path.velocity(inside))) < 1e-5 * scale


def test_pulses_are_what_their_equations_say():
    t = np.linspace(-3.0, 3.0, 41)
    found = library(0.7, start_time=-3.0, stop_time=3.0)
    s = t - 0.7
    assert np.allclose(found["gaussian"](t), 1.3 * np.exp(-2 * s**2), atol=1e-15)
    assert np.allclose(found["sech"](t), 1 / np.cosh(s / 0.4), atol=1e-15)
    tone = 2 * np.cos(0.4 + s + 0.15 * s**2) * np.exp(-(s**2) / 2)
    assert np.allclose(found["chirp"](t), tone, atol=1e-14)
    edges = np.interp(s, [-1.75, -0.75, 1.25, 1.75], [0, 2, 2, 0])
    assert np.allclose(found["trapezoid"](t), edges, atol=1e-14)
    assert np.allclose(found["cosine edges"](t), 1 - np.cos(np.pi * edges / 2), atol=1e-14)
    assert np.allclose(found["rectangle"](t), 2.0 * (np.abs(s) < 2), atol=0)
    hann = np.where(np.abs(s) < 2, 1.5 * (1 + np.cos(np.pi * s / 2)), 0)
    assert np.allclose(found["cosine"](t), hann, atol=1e-14)


@pytest.mark.parametrize(
    ("pulse", "width", "area"),
    [
        (drive.Gaussian(1.0, 0.7), np.sqrt(8 * np.log(2)) * 0.7, np.sqrt(2 * np.pi) * 0.7),
        (drive.Sech(1.0, 0.7), 2 * np.arccosh(2.0) * 0.7, np.pi * 0.7),
        (drive.Cosine(1.0, 0.7), 0.35, 0.35),
    ],
    ids=["gaussian", "sech", "cosine"],
)
def test_widths_at_half_maximum_and_areas(pulse, width, area):
    assert np.allclose(pulse([-width / 2, width / 2]), 0.5, atol=1e-14)
    start, stop = float(pulse.start_time), float(pulse.stop_time)
    assert quad(pulse, start, stop, epsabs=1e-13)[0] == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize("bandwidth", [1.0, 2.5, 4.0])
def test_slepian_is_the_spheroidal_function_and_the_limit_of_the_window(bandwidth):
    pulse = drive.Slepian(1.0, 2.0, bandwidth=bandwidth)
    u = np.linspace(-0.95, 0.95, 9)
    exact = pro_ang1(0, 0, np.pi * bandwidth, u)[0] / pro_ang1(0, 0, np.pi * bandwidth, 0.0)[0]
    assert np.max(np.abs(pulse(u) - exact)) < 1e-11

    def missed(count):
        window = dpss(count, bandwidth)
        places = (np.arange(count) - (count - 1) / 2) / (count / 2)
        return np.max(np.abs(pulse(places) - window / window.max()))

    assert missed(4001) < 1e-6
    assert missed(4001) < missed(401) / 50  # as 1/M²


def test_fast_adiabatic_pulse_follows_its_angle():
    gap, first, middle, duration = 0.6, 8.0, 0.5, 10.0
    weights = np.array([1.0, -0.18, 0.04])
    pulse = drive.FastAdiabatic(first, middle, gap, duration, coefficients=weights)
    ends = np.arctan2(gap, [first, middle])
    hump = np.sum(weights * (1 - np.cos(np.pi * np.arange(1, 4))))

    def theta(tau):
        waves = 1 - np.cos(2 * np.pi * np.arange(1, 4) * tau)
        return ends[0] + (ends[1] - ends[0]) * np.dot(weights, waves) / hump

    total = quad(lambda tau: np.sin(theta(tau)), 0, 1, epsabs=1e-14)[0]
    for tau in (0.13, 0.37, 0.5, 0.81):
        t = duration * quad(lambda s: np.sin(theta(s)), 0, tau, epsabs=1e-14)[0] / total
        assert float(pulse(t)) == pytest.approx(gap / np.tan(theta(tau)), abs=1e-11)


def test_rectangle_jumps_within_rounding():
    pulse = drive.Trapezoid(2.0, 4.0, 0.0, centre=1000.3, start_time=900.0, stop_time=1100.0)
    edges = 998.3 + 1e-11, 1002.3 - 1e-11
    assert pulse([edges[0] - 2e-11, *edges, edges[1] + 2e-11]).tolist() == [0, 2, 2, 0]
    assert np.all(np.diff(np.sort(pulse.breakpoints).reshape(2, 2), axis=1) < 1e-11)


def reference(path, hamiltonian):
    """The propagator by DOP853, between breakpoints."""
    edges = [float(path.start_time), *path.breakpoints, float(path.stop_time)]
    total = np.eye(2, dtype=complex)
    for left, right in itertools.pairwise(edges):
        shift = 1e-13 * (abs(left) + abs(right))
        if right - left < 10 * shift:  # a jump
            continue

        def slope(t, y, ends=(left + shift, right - shift)):
            matrix = hamiltonian(float(path(min(max(t, ends[0]), ends[1]))))
            return (-1j * matrix @ y.reshape(2, 2)).ravel()

        ends = {"max_step": (right - left) / 4, "rtol": 1e-11, "atol": 1e-12}
        total = solve_ivp(slope, (left, right), total.ravel(), method="DOP853", **ends).y[:, -1]
        total = total.reshape(2, 2)
    return total


AGAIN = {"sech", "chirp", "trapezoid", "cosine", "monotone", "linear", "filtered lines"}


@pytest.mark.parametrize("name", [slow(name) if name in AGAIN else name for name in LIBRARY])
def test_evolution_under_every_pulse_is_that_of_a_runge_kutta_method(name):
    found = ac.propagate(H, LIBRARY[name], basis="diabatic")
    exact = np.abs(reference(LIBRARY[name], H)) ** 2
    assert np.max(np.abs(found.transition_matrix - exact)) < 1e-9
    assert found.error_estimate < 1e-9


@pytest.mark.parametrize("length", [1e5, slow(1e6)])
@pytest.mark.parametrize("share", [slow(0.0), 0.377])
def test_a_short_pulse_in_a_long_window_is_found(length, share):
    centre = share * length
    long = library(centre, start_time=-length / 2, stop_time=length / 2)
    near = library(0.0, start_time=-30.0, stop_time=30.0)
    for name in long:
        found = ac.propagate(H, long[name], basis="diabatic")
        exact = ac.propagate(H, near[name], basis="diabatic").transition_matrix
        assert exact[1, 0] > 0.01, name
        error = np.max(np.abs(found.transition_matrix - exact))
        assert error < min(found.error_estimate + 1e-11, 1e-8), name
    pulse = drive.Function(
        lambda t: 1.3 * np.exp(-2 * (t - centre) ** 2), -length / 2, length / 2, vectorised=True
    )
    found = ac.propagate(H, pulse, basis="diabatic", tolerance=1e-9)
    exact = ac.propagate(H, near["gaussian"], basis="diabatic").transition_matrix
    if length < 1e6:
        assert np.max(np.abs(found.transition_matrix - exact)) < 1e-9


@pytest.mark.parametrize(
    "name", ["rectangle", slow("cosine"), slow("slepian"), slow("filtered steps")]
)
def test_evolution_with_an_environment_is_that_of_the_master_equation(name):
    path = LIBRARY[name]
    jump = np.sqrt(0.2) * np.array([[0.0, 1.0], [0.0, 0.0]])
    environment = ac.environment.Lindblad([jump])
    found = ac.propagate(H, path, environment=environment, basis="diabatic").transition_matrix
    edges = [float(path.start_time), *path.breakpoints, float(path.stop_time)]
    identity, square = np.eye(2), jump.T @ jump
    decay = np.kron(jump, jump) - 0.5 * (np.kron(square, identity) + np.kron(identity, square))
    total = np.eye(4, dtype=complex)
    for left, right in itertools.pairwise(edges):
        shift = 1e-13 * (abs(left) + abs(right))
        if right - left < 10 * shift:
            continue

        def slope(t, y, ends=(left + shift, right - shift)):
            h = H(float(path(min(max(t, ends[0]), ends[1]))))
            generator = decay - 1j * (np.kron(h, identity) - np.kron(identity, h.T))
            return (generator @ y.reshape(4, 4)).ravel()

        ends = {"max_step": (right - left) / 4, "rtol": 1e-11, "atol": 1e-12}
        total = solve_ivp(slope, (left, right), total.ravel(), method="DOP853", **ends).y[:, -1]
        total = total.reshape(4, 4)
    exact = total[np.ix_([0, 3], [0, 3])].real
    assert np.max(np.abs(found - exact)) < 1e-9


@pytest.mark.parametrize(
    "make",
    [
        lambda w: drive.Gaussian(1.0, w, start_time=-9.0, stop_time=9.0),
        lambda w: drive.Sech(1.0, w, centre=[0.3, 0.1, 0.2], start_time=-9.0, stop_time=9.0),
        lambda w: drive.Chirp(1.0, w, 0.1, start_time=-9.0, stop_time=9.0),
        lambda w: drive.Trapezoid(1.0, w, [0.0, 0.1, 0.2], start_time=-9.0, stop_time=9.0),
        lambda w: drive.Cosine(w, w),
        lambda w: drive.Slepian(1.0, w),
        lambda w: drive.Samples(TIMES, VALUES, delay=w, amplitude=w),
        lambda w: drive.FastAdiabatic(5.0, 0.0, 0.4, 9.0, offset=w),
    ],
)
def test_a_batch_is_what_its_points_are_alone(make):
    widths = np.array([0.4, 0.9, 1.7])
    path = make(widths)
    assert path.batch_shape == (3,)
    together = ac.propagate(H, path, basis="diabatic").transition_matrix
    for k, width in enumerate(widths):
        alone = make(width)
        alone = alone if alone.batch_shape == () else None
        if alone is not None:
            single = ac.propagate(H, alone, basis="diabatic").transition_matrix
            assert np.max(np.abs(together[k] - single)) < 1e-10
    cuts = path.breakpoints_of((2, 3))
    assert cuts.shape[0] == 6
    assert np.all((np.nan_to_num(cuts, nan=0.0) > -20) & (np.nan_to_num(cuts, nan=0.0) < 20))


@pytest.mark.slow
def test_a_pulse_many_times_the_relaxation_time_keeps_its_cost():
    # Strong decay is followed by the continuation of the generator to complex times.
    environment = ac.environment.Lindblad([30.0 * np.array([[0.0, 1.0], [0.0, 0.0]])])
    found = ac.propagate(H, drive.Cosine(3.0, 40.0), environment=environment, basis="diabatic")
    limit = ac.propagate(
        H,
        drive.Gaussian(0.0, 1.0, start_time=-20, stop_time=20),
        environment=environment,
        basis="diabatic",
    )
    assert np.allclose(found.transition_matrix.sum(axis=0), 1.0, atol=1e-9)
    assert np.max(np.abs(found.transition_matrix - limit.transition_matrix)) < 1e-3


BAD = {
    "width": (lambda: drive.Gaussian(1.0, 0.0), "`width` must be positive"),
    "nan": (lambda: drive.Sech(np.nan, 1.0), "`amplitude` must be finite"),
    "shapes": (lambda: drive.Gaussian([1.0, 2.0], [1.0, 2.0, 3.0]), "must broadcast"),
    "shapes of edges": (lambda: drive.Trapezoid(1.0, [1.0, 2.0], [1.0, 2.0, 3.0]), "broadcast"),
    "window": (lambda: drive.Cosine(1.0, 2.0, start_time=3.0), "later than `start_time`"),
    "endless": (lambda: drive.Chirp(1.0, 2.0, 0.1), "`start_time` must be given"),
    "times": (lambda: drive.Trapezoid(1.0, -1.0, 1.0), "`hold` must"),
    "no time": (lambda: drive.Trapezoid(1.0, 0.0, 0.0), "some duration"),
    "edges": (lambda: drive.Trapezoid(1.0, 1.0, 1.0, edges="cosin"), "did you mean `cosine`"),
    "bandwidth": (lambda: drive.Slepian(1.0, 1.0, bandwidth=0.0), "`bandwidth` must"),
    "flat": (lambda: drive.FastAdiabatic(1.0, 1.0, 0.1, 5.0), "the pulse is flat"),
    "humps": (lambda: drive.FastAdiabatic(9.0, 0.0, 0.1, 5.0, coefficients=[0.1, 1.0]), "one hump"),
    "gap": (lambda: drive.FastAdiabatic(9.0, 0.0, 0.0, 5.0), "`gap` must be positive"),
    "hold": (lambda: samples("held"), "did you mean `hold`"),
    "order": (lambda: drive.Samples([0.0, 0.0], [1.0, 2.0]), "`times` must hold at least 2"),
    "counts": (lambda: drive.Samples([0.0, 1.0], [1.0, 2.0, 3.0]), "`values` must"),
    "filtered spline": (lambda: samples("cubic", 0.1), "left out with splines"),
    "filter": (lambda: samples("hold", 0.0), "`rise_time` must"),
    "schedule shape": (lambda: drive.AnnealingSchedule([0.0, 1.0]), "list of at least two"),
    "schedule times": (lambda: drive.AnnealingSchedule([(0, 0), (2, 1), (1, 1)]), "increase from"),
    "schedule range": (lambda: drive.AnnealingSchedule([(0, 0), (1, 1.2)]), "one is 1.2"),
    "schedule start": (lambda: drive.AnnealingSchedule([(0, 0.5), (1, 1)]), "reverse anneal"),
    "schedule jumps": (
        lambda: drive.AnnealingSchedule([(0, 0), (1, 0), (1, 0.5), (1, 1)]),
        "at most two",
    ),
    "not callable": (lambda: drive.Function(3.0, 0.0, 1.0), "be callable"),
    "fails": (lambda: drive.Function(lambda t: 1 / 0, 0.0, 1.0), "ZeroDivisionError"),
    "complex": (lambda: drive.Function(lambda t: 1j * t, 0.0, 1.0), "real numbers"),
    "infinite": (lambda: drive.Function(lambda t: np.inf, 0.0, 1.0), "return finite numbers"),
    "shape": (
        lambda: drive.Function(lambda t: np.zeros(3), 0.0, 1.0, vectorised=True),
        "array of shape",
    ),
    "reversed": (lambda: drive.Function(np.sin, 1.0, 0.0), "later than `start_time`"),
    "outside": (lambda: drive.Function(np.sin, 0.0, 1.0, breakpoints=[2.0]), "inside the window"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_refused_in_one_line(case):
    build, message = BAD[case]
    with pytest.raises(ac.InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_noise_is_refused_with_a_cure():
    rng = np.random.default_rng(0)
    with pytest.raises(ac.ConvergenceError, match="larger `tolerance`"):
        drive.Function(
            lambda t: np.sin(t) + 1e-9 * rng.standard_normal(t.shape), 0.0, 1.0, vectorised=True
        )


def test_functions_are_followed_between_jumps_and_kinks():
    def stairs(t):
        return np.floor(5 * t) + np.abs(np.sin(9 * t))

    path = drive.Function(stairs, -1.0, 1.0, vectorised=True)
    t = np.random.default_rng(1).uniform(-1, 1, 2000)
    assert np.max(np.abs(path(t) - stairs(t))) < 1e-12
    for place in (-0.8, -0.2, 0.4, np.pi / 9, -2 * np.pi / 9):
        assert np.min(np.abs(path.breakpoints - place)) < 1e-14
    assert drive.Function(np.sin, 0.0, 3.0, vectorised=True).breakpoints.size <= 3


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("function", "together"),
    {
        "takes arrays": (lambda t: np.sin(t) + t, True),
        "takes numbers": (lambda t: math.sin(t) + t, False),
        "takes the largest": (lambda t: np.sin(t) + t / max(1.0, np.max(t)), False),
        "chooses": (lambda t: np.sin(t) + t if t > -5 else 0.0, False),
        "one number": (lambda t: 1.0, False),
    }.values(),
)
def test_functions_are_called_with_arrays_where_these_give_the_same(function, together):
    shapes = []

    def watched(t):
        shapes.append(np.shape(t))
        return function(t)

    path = drive.Function(watched, 0.0, 3.0)
    assert (len(shapes) < 100) == together
    assert np.allclose(path([0.1, 2.9]), [function(0.1), function(2.9)], atol=1e-12)


def test_what_is_infinite_in_arrays_is_refused_by_its_time():
    with pytest.raises(InputError, match="finite numbers, but it does not at t = "):
        drive.Function(lambda t: np.exp(300 * t), 0.0, 4.0)


@pytest.mark.parametrize("interpolation", ["linear", "hold"])
def test_filtered_samples_are_a_convolution(interpolation):
    rise = 0.3
    path = samples(interpolation, rise)
    sigma = rise / 2.5631031310892007

    def kernel(s):
        return np.exp(-(s**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi) / sigma

    for t in (0.1, 0.97, 1.4, 2.6, 2.95):
        ends = (t - 9 * sigma, t + 9 * sigma)
        exact = quad(
            lambda s, t=t: straight(interpolation, s) * kernel(t - s),
            *ends,
            points=[p for p in TIMES if ends[0] < p < ends[1]],
            epsabs=1e-13,
        )[0]
        assert float(path(t)) == pytest.approx(exact, abs=1e-11)
    step = drive.Samples([0.0, 5.0, 10.0], [0.0, 1.0, 1.0], interpolation="hold", rise_time=rise)
    assert step([5 - rise / 2, 5 + rise / 2]) == pytest.approx([0.1, 0.9], abs=1e-12)


def test_samples_are_interpolated_as_scipy_does():
    from scipy.interpolate import CubicSpline, PchipInterpolator

    t = np.linspace(0, 3, 50)
    spline = CubicSpline(TIMES, VALUES, bc_type="natural")
    assert np.allclose(samples("cubic")(t), spline(t), atol=1e-14)
    assert np.allclose(samples("monotone")(t), PchipInterpolator(TIMES, VALUES)(t), atol=1e-14)
    inside = t[1:-1] + 1e-3
    for name in ("linear", "hold"):
        assert np.allclose(samples(name)(inside), straight(name, inside), atol=1e-14)


def test_a_long_record_of_samples_takes_no_longer_than_its_pieces():
    rng = np.random.default_rng(3)
    times, values = np.linspace(0, 200, 401), rng.normal(size=401)
    held = drive.Samples(times, values, interpolation="hold")
    found = ac.propagate(H, held, basis="diabatic")
    total = np.eye(2, dtype=complex)
    for k in range(400):
        energies, vectors = np.linalg.eigh(H(values[k]))
        total = (vectors * np.exp(-0.5j * energies)) @ vectors.T @ total
    assert np.max(np.abs(found.transition_matrix - np.abs(total) ** 2)) < 1e-10


def test_schedules_pause_quench_and_go_back():
    pause = drive.AnnealingSchedule([(0, 0), (20, 0.5), (120, 0.5), (140, 1)])
    assert pause([10, 20, 70, 130]).tolist() == [0.25, 0.5, 0.5, 0.75]
    quench = drive.AnnealingSchedule([(0, 1), (5, 0.4), (25, 0.4), (25, 1)])
    assert (float(quench(24.9)), float(quench.stop)) == (0.4, 1.0)
    assert float(quench.stop_time) == pytest.approx(25, abs=1e-13)


def test_sums_are_what_their_parts_add_up_to():
    pulses = [
        drive.Slepian(1.0, 4.0, centre=-5.0),
        drive.Trapezoid(-1.0, 2.0, 0.0, centre=5.0),
        drive.Piecewise([-1.0, 0.0, 1.0], [0.0, 0.7, 0.0]),
        samples("hold", amplitude=[1.0, 2.0], delay=8.0),
    ]
    total = drive.Sum(*pulses)
    assert total.batch_shape == (2,)
    assert (float(total.start_time), float(total.stop_time)) == (-7.0, 11.0)
    t = np.linspace(-7.0, 11.0, 37)[1:-1] + 0.01
    assert np.allclose(total(t), sum(pulse(t) for pulse in pulses), atol=1e-15)
    assert np.allclose(total.velocity(t), sum(pulse.velocity(t) for pulse in pulses), atol=1e-14)


@pytest.mark.slow
def test_evolution_under_a_sum_is_that_of_a_runge_kutta_method():
    pulses = [drive.Slepian(1.0, 4.0, centre=-5.0), drive.Trapezoid(-1.0, 2.0, 0.0, centre=5.0)]
    total = drive.Sum(*pulses, samples("hold", amplitude=[1.0, 2.0], delay=8.0))
    found = ac.propagate(H, total, basis="diabatic").transition_matrix
    alone = drive.Sum(*pulses, samples("hold", amplitude=2.0, delay=8.0))
    exact = np.abs(reference(alone, H)) ** 2
    assert np.max(np.abs(found[1] - exact)) < 1e-9


def test_a_train_of_short_pulses_is_found():
    length = 1e4  # the two pulses of a window 10⁴ times their width
    height = 1.3 / np.sqrt(2 * np.pi)
    pulses = [
        drive.Gaussian(height, 1.0, centre=share * length, start_time=0.0, stop_time=length)
        for share in (0.31, 0.77)
    ]
    found = ac.propagate(H.replace(d=[0.0, 0.3]), drive.Sum(*pulses), basis="diabatic")
    # By DOP853 on pieces of the window.
    assert found.transition_matrix[:, 1, 0] == pytest.approx([0.928444, 0.204130], abs=1e-6)
    tones = drive.Sum(drive.Sinusoidal(0.0, 1.0, 2.0), drive.Sinusoidal(0.0, 0.5, 3.0))
    assert tones.parameters.keys() >= {"frequency_1", "frequency_2"}
    assert float(tones(0.4)) == pytest.approx(np.cos(0.8) + 0.5 * np.cos(1.2))


def test_sums_refuse_in_one_line():
    pulse = drive.Cosine(1.0, 2.0)
    for given, message in (
        ((pulse,), "two or more"),
        ((pulse, 3.0), "drives of one coordinate"),
        ((pulse, drive.Gaussian(1.0, 1.0)), "Gaussian is one and Cosine is not"),
    ):
        with pytest.raises(ac.InputError, match=message):
            drive.Sum(*given)


def test_only_formulas_are_followed_to_complex_times():
    crossing = ac.models.LandauZener(gap=1.0)
    line = drive.Function(lambda t: t, -60.0, 60.0, vectorised=True)
    with pytest.raises(ac.InputError, match="be a formula, known at complex times"):
        ac.dynamics.log_probability(crossing, line)
    # A raised cosine is one analytic function, and reaches its middle without a knot.
    assert drive.Cosine(1.0, 3.0).breakpoints.size == 0
    assert drive.Cosine(1.0, 3.0, start_time=-2.0, stop_time=2.0).breakpoints.size == 2


def test_steep_samples_far_shorter_than_the_filter_are_followed():
    times, values = [-2.0, 0.3, 0.3001, 0.3003, 2.0], [0.4, 1.0, -1.0, 0.7, 0.2]
    path = drive.Samples(
        times, values, interpolation="linear", rise_time=5.0, start_time=-3.0, stop_time=3.0
    )
    sigma = 5.0 / 2.5631031310892007
    for t in (-1.0, 0.3, 2.5):
        cuts = sorted([t - 9 * sigma, *times, t + 9 * sigma])
        exact = sum(
            quad(
                lambda s, t=t: np.interp(s, times, values) * np.exp(-((t - s) ** 2) / 2 / sigma**2),
                *ends,
                epsabs=1e-14,
            )[0]
            for ends in itertools.pairwise(cuts)
        )
        exact /= np.sqrt(2 * np.pi) * sigma
        assert float(path(t)) == pytest.approx(exact, abs=1e-11)


def test_a_spline_is_the_one_of_scipy_and_lies_between_its_coefficients():
    from scipy.interpolate import BSpline

    c = np.random.default_rng(4).normal(size=9)
    drive = ac.drive.Spline(c, -1.0, 4.0, amplitude=[1.0, 2.0], offset=0.5)
    knots = np.concatenate([[-1.0] * 3, np.linspace(-1, 4, 7), [4.0] * 3])
    t = np.linspace(-1, 4, 401)
    exact = BSpline(knots, c, 3)
    assert drive(t)[1] == pytest.approx(0.5 + 2 * exact(t), abs=1e-13)
    assert drive.velocity(t)[0] == pytest.approx(exact.derivative()(t), abs=1e-12)
    assert drive.start == pytest.approx(0.5 + np.array([1, 2]) * c[0])
    assert np.all((drive(t)[0] >= 0.5 + c.min()) & (drive(t)[0] <= 0.5 + c.max()))
    for bad in ([1.0, 2.0, 3.0], [[1.0] * 4], ["a"] * 4):
        with pytest.raises(ac.InputError):
            ac.drive.Spline(bad, 0.0, 1.0)
    with pytest.raises(ac.InputError):
        ac.drive.Spline([0.0] * 4, 1.0, 1.0)


def test_a_shape_names_what_it_lacks() -> None:
    given = {"amplitude": np.ones(()), "width": np.ones(())}
    with pytest.raises(ac.InputError, match="centre, offset"):
        drive.EdgedDrive("pulse", "linear", given, None, None)
