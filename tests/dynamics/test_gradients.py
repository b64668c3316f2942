"""Derivatives of the evolution: against small steps of the equation of variations, and laws."""

import functools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing import Hamiltonian, InputError, propagate
from anticrossing.drive import (
    Formula,
    FormulaDrive,
    Gaussian,
    Linear,
    Piecewise,
    Samples,
    Tanh,
    Trapezoid,
)
from anticrossing.environment.noise import TelegraphNoise
from anticrossing.environment.spectral_density import Ohmic
from anticrossing.models import LandauZener


def symmetric(generator, levels):
    matrix = generator.normal(size=(levels, levels))
    return 0.5 * (matrix + matrix.T)


def fan(levels, seed=0, value=0.3):
    generator = np.random.default_rng(seed)
    constant, varied = symmetric(generator, levels), symmetric(generator, levels)
    slopes = np.diag(np.arange(levels) - 0.5 * (levels - 1))
    terms = [("1", constant), ("p", varied), ("x", slopes)]
    return Hamiltonian.from_terms(terms, parameters={"p": value})


def small_steps(hamiltonian, drive, parameter):
    """U and ∂U/∂p along a straight line, by an explicit method with error control."""
    levels, rate = hamiltonian.dimension, float(drive.parameters["rate"])
    constant, along = hamiltonian(0.0), hamiltonian.derivative(0.0)
    varied = None if parameter == "rate" else hamiltonian.parameter_derivative(parameter, 0.0)

    def slope(t, y):
        state, change = y.reshape(2, levels, levels)
        h = constant + rate * t * along
        moved = t * along if varied is None else varied
        return -1j * np.stack([h @ state, h @ change + moved @ state]).ravel()

    start = np.stack([np.eye(levels), np.zeros((levels, levels))]).astype(complex).ravel()
    window = float(drive.start_time), float(drive.stop_time)
    found = solve_ivp(slope, window, start, method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    return found.reshape(2, levels, levels)


@pytest.mark.parametrize(
    ("levels", "rate"),
    [(2, 10.0), (2, 1.0), (3, 10.0)]
    + [pytest.param(n, r, marks=pytest.mark.slow) for n in (3, 4, 5, 6) for r in (10.0, 1.0, 0.2)],
)
def test_derivatives_of_a_fan_of_levels(levels, rate):
    hamiltonian = fan(levels)
    drive = Formula("rate*t", -8.0 / rate, 8.0 / rate, rate=rate)  # a window that stays
    found = propagate(hamiltonian, drive, gradient=["p", "rate"])
    assert not found.warnings
    for name in ("p", "rate"):
        exact, change = small_steps(hamiltonian, drive, name)
        derivative = found.gradients[name]
        assert np.abs(exact - found.propagator).max() < 1e-9
        assert np.abs(change - derivative.propagator).max() < 1e-9 * (1 + np.abs(change).max())
        diabatic = propagate(hamiltonian, drive, gradient=name, basis="diabatic").gradients[name]
        wanted = 2 * (exact.conj() * change).real
        assert np.abs(wanted - diabatic.transition_matrix).max() < 1e-9 * (1 + np.abs(change).max())


@pytest.mark.parametrize("rate", [1.0, 0.2])
def test_adiabatic_states_move_with_the_parameter(rate):
    drive = FormulaDrive("rate*t + 0.1*sin(t)", -6, 6, parameters={"rate": rate})
    hamiltonian, size = fan(3), 3e-3
    found = propagate(hamiltonian, drive, gradient=["p"], tolerance=1e-12).gradients["p"]

    def at(value):
        return propagate(fan(3, value=value), drive, tolerance=1e-13).transition_matrix

    weights = {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}
    difference = sum(w * (at(0.3 + k * size) - at(0.3 - k * size)) for k, w in weights.items())
    assert np.abs(difference / size - found.transition_matrix).max() < 2e-9
    assert np.abs(found.transition_matrix.sum(axis=0)).max() < 1e-12  # nothing is lost
    assert np.abs(found.probabilities - found.transition_matrix[:, 0]).max() < 1e-12


def test_landau_zener_and_the_cost_of_slowness():
    gaps = np.array([0.5, 1.0])
    hamiltonian, drive = LandauZener(gap=gaps), Linear(-2000.0, 2000.0, rate=1.0)
    found = propagate(hamiltonian, drive, gradient="gap").gradients["gap"]
    exact = -np.pi * gaps * np.exp(-0.5 * np.pi * gaps**2)
    assert np.abs(found.transition_matrix[:, 1, 0] - exact).max() < 1e-5  # of the window
    assert np.all(found.error_estimate < 1e-4)
    assert np.abs(found.log_probabilities[:, 1] + np.pi * gaps).max() < 1e-3
    from anticrossing.dynamics import panels, slopes
    from anticrossing.dynamics.lanes import Lanes
    from anticrossing.dynamics.variation import VariationKernel

    counts = []
    for rate in (1.0, 1e-2, 1e-4, 1e-6):
        lanes = Lanes.of(fan(3), Linear(-20.0, 20.0, rate=rate))
        change = functools.partial(slopes.of_hamiltonian, slopes.find(lanes, None, ["p"]))
        kernel = VariationKernel(change, 3, 1)
        counts.append(panels.solve(lanes, kernel, tolerance=2e-12).evaluated)
    assert max(counts) <= 3 * counts[-1]


@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_a_phase_common_to_all_levels(offset):
    terms = [("e", np.eye(2)), ("g", [[0, 0.5], [0.5, 0]]), ("x", np.diag([0.5, -0.5]))]
    hamiltonian = Hamiltonian.from_terms(terms, parameters={"e": offset, "g": 1.0})
    found = propagate(hamiltonian, Linear(-5.0, 5.0, rate=1.0), gradient=["e", "g"])
    exact = -1j * 10.0 * found.propagator  # e only turns the phase, for the time 10
    rounding = 20.0 * float(found.phase_error)  # of the phase that ∂U is made of
    assert np.abs(found.gradients["e"].propagator - exact).max() < 1e-9 + rounding
    assert np.abs(found.gradients["e"].transition_matrix).max() < 1e-9
    plain = propagate(LandauZener(gap=1.0), Linear(-5.0, 5.0, rate=1.0), gradient="gap")
    mine, theirs = found.gradients["g"], plain.gradients["gap"]
    assert np.abs(mine.transition_matrix - theirs.transition_matrix).max() < 1e-9


def test_levels_of_other_sectors_that_cross_and_levels_that_nearly_do():
    couplings = np.zeros((4, 4))
    couplings[0, 1] = couplings[1, 0] = 0.4
    couplings[2, 3] = couplings[3, 2] = 1e-7
    slopes = np.diag([0.5, -0.5, 0.3, -0.7])
    terms = [("p", couplings), ("x", slopes), ("1", np.diag([0.0, 0.0, 0.1, 0.2]))]
    hamiltonian = Hamiltonian.from_terms(terms, parameters={"p": 1.0})
    drive = Linear(-6.0, 6.0, rate=0.5)
    found = propagate(hamiltonian, drive, gradient="p", basis="diabatic")
    _, change = small_steps(hamiltonian, drive, "p")
    assert np.abs(found.gradients["p"].propagator - change).max() < 1e-8


def test_units_count():
    gigahertz = ac.units.Units("GHz", "ns")
    plain = LandauZener(gap=2 * np.pi)
    sweep = Linear(-60.0, 60.0, rate=20.0)
    measured = Hamiltonian.from_terms(
        [("g", [[0, 0.5], [0.5, 0]]), ("x", np.diag([0.5, -0.5]))],
        parameters={"g": 1.0},
        units=gigahertz,
    )
    slow = Linear(-60.0 / (2 * np.pi), 60.0 / (2 * np.pi), rate=20.0 / (2 * np.pi))
    one = propagate(plain, sweep, gradient="gap").gradients["gap"].transition_matrix
    other = propagate(measured, slow, gradient="g").gradients["g"].transition_matrix
    assert np.abs(other - 2 * np.pi * one).max() < 1e-8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gradient": "gaps"}, "`gradient` must name parameters of H, the drive or the environ"),
        ({"gradient": []}, "`gradient` must name at least one"),
        ({"gradient": 3}, "`gradient` must be text or a list of names"),
        ({"gradient": [3]}, r"`gradient\[0\]` must be text"),
        ({"gradient": ["gap", "gap"]}, "`gradient` must name every parameter once"),
        ({"gradient": "gap", "whole": False}, "`whole` must be left out"),
        ({"gradient": "gap", "basis": "superadiabatic"}, "`basis` must be 'adiabatic'"),
        (
            {"gradient": "rate", "environment": ac.Dephasing(rate=0.1)},
            "say whose parameter it is, 'drive.rate' or 'environment.rate'",
        ),
        (
            {
                "gradient": "gap",
                "environment": TelegraphNoise(0.1, 0.3, operator=[[1, 0], [0, -1]]),
            },
            "`gradient` must be asked for without noise that remembers",
        ),
    ],
)
def test_what_cannot_be_differentiated_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        propagate(LandauZener(gap=1.0), Linear(-5, 5, rate=1.0), **given)


def test_degenerate_ends_are_refused():
    touching = Hamiltonian.from_terms([("x*g", [[0, 1], [1, 0]])], parameters={"g": 1.0})
    with pytest.raises(InputError, match="degenerate where they are read"):
        propagate(touching, Formula("t", 0, 1), gradient="g")


def test_many_levels_of_a_sparse_hamiltonian_are_refused():
    hamiltonian = ac.models.TransverseIsing(sites=10)
    with pytest.raises(InputError, match="`gradient` must be left out for a large sparse"):
        propagate(hamiltonian, Linear(2.0, 0.0, rate=-1.0), gradient="coupling")


def test_functions_are_differentiated_by_differences():
    def matrix(x, gap):
        return np.array([[0.5 * x, 0.5 * gap], [0.5 * gap, -0.5 * x]])

    function = Hamiltonian.from_function(matrix, parameters={"gap": 1.0}, dimension=2)
    sweep = Linear(-5.0, 5.0, rate=1.0)
    given = propagate(function, sweep, gradient=["gap", "rate"]).gradients
    known = propagate(LandauZener(gap=1.0), sweep, gradient=["gap", "rate"]).gradients
    for name, derivative in given.items():
        wanted = known[name].transition_matrix
        assert np.abs(derivative.transition_matrix - wanted).max() < 1e-9


def eighth_order(at, size, *names):
    """The derivatives at zero of what a function gives, by central differences."""
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    pairs = [(w, at(k * size), at(-k * size)) for k, w in weights.items()]
    if not names:
        return sum(w * (after - before) for w, after, before in pairs) / size
    return {
        name: sum(w * (getattr(a, name) - getattr(b, name)) for w, a, b in pairs) / size
        for name in names
    }


LOWERING = [[0, 1], [0, 0]]
OPEN = {
    "weak": (0.1, lambda p: ac.Dephasing(p), "gamma"),
    "fixed": (0.02, lambda p: ac.FixedAxisDephasing(p), "environment.rate"),
    "strong": (40.0, lambda p: ac.FixedAxisDephasing(p), "environment.rate"),
    "warm": (0.7, lambda p: ac.ThermalRelaxation(temperature=p, t1=30.0), "temperature"),
    "falling": (0.4, lambda p: ac.Lindblad([(p, LOWERING)]), "coefficients[0]"),
    "decaying": (0.3, lambda p: ac.Decay([0.0, p]), "widths[1]"),
    "both": (0.2, lambda p: ac.Dephasing(p) + ac.ThermalRelaxation(temperature=1.0, t1=50.0), "t1"),
    "bath": (0.5, lambda p: redfield(p), "temperature"),
}


def redfield(temperature):
    density = Ohmic(reorganization_energy=0.02, cutoff=5.0)
    return ac.Bath(np.diag([0.5, -0.5]), density, temperature, equation="redfield")


@pytest.mark.parametrize(
    ("case", "rate"),
    [("warm", 0.1), ("strong", 1.0), ("decaying", 1.0)]
    + [pytest.param(c, r, marks=pytest.mark.slow) for c in OPEN for r in (1.0, 0.03)],
)
def test_open_systems_against_differences(case, rate):
    value, environment, name = OPEN[case]
    times = np.array([-5.0, 3.0]) / rate

    def at(number=0.0, gap=1.0, tolerance=1e-13, **more):
        if case == "both":
            surroundings = ac.Dephasing(0.2)
            surroundings += ac.ThermalRelaxation(temperature=1.0, t1=50.0 + 100 * number)
        else:
            surroundings = environment(value + number)
        sweep = Linear(-8.0, 8.0, rate=rate)
        given = {"environment": surroundings, "times": times, "tolerance": tolerance}
        return propagate(LandauZener(gap=gap), sweep, **given, **more)

    found = at(tolerance=1e-11, gradient=[name, "gap"])
    assert not any("gradient" in text for text in found.warnings)
    scale = 100 if case == "both" else 1
    for key, moved, step in (
        (name, lambda s: at(number=s), 2e-2 * value / scale),
        ("gap", lambda s: at(gap=1.0 + s), 5e-3 * rate**0.5),
    ):
        one, derivative = scale if key == name else 1, found.gradients[key]
        seen = ("transition_matrix", "populations", "density_matrix")
        differences = eighth_order(moved, step, *seen[: 2 if case == "decaying" else 3])
        for what, values in differences.items():
            wanted = values / one
            apart = np.abs(getattr(derivative, what) - wanted).max()
            assert apart < 3e-9 * (1 + np.abs(wanted).max()) / rate**0.5, (key, what)


@pytest.mark.parametrize("strength", [1.0, 1e6])
def test_a_weak_part_beside_a_strong_one(strength):
    strong = ac.Lindblad([(np.sqrt(strength), [[1, 0], [0, -1]])])

    def at(rate, **more):
        surroundings = ac.FixedAxisDephasing(rate, [[0, 1], [1, 0]]) + strong
        sweep = Linear(-8.0, 8.0, rate=1.0)
        return propagate(LandauZener(gap=1.0), sweep, environment=surroundings, **more)

    found = at(1e-6, gradient="environment.rate").gradients["environment.rate"]
    none, once, twice = (at(k * 1e-4, tolerance=1e-13).transition_matrix for k in range(3))
    forward = (4 * once - 3 * none - twice) / 2e-4  # of the second order; at 0, not at 1e-6
    assert np.abs(forward).max() > 0.1
    assert np.abs(found.transition_matrix - forward).max() < 1e-4 * np.abs(forward).max()


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("rate", [1.0, 1e-2])
def test_more_levels_with_an_environment_against_differences(levels, rate):
    jump = np.diag(np.ones(levels - 1), 1)

    def at(value=0.3, weight=0.2, **more):
        surroundings = ac.Lindblad([(weight, jump)]) + ac.Dephasing(rate=0.05)
        sweep = Linear(-6.0, 6.0, rate=rate)
        return propagate(fan(levels, value=value), sweep, environment=surroundings, **more)

    found = at(gradient=["p", "coefficients[0]"])
    exact = {"tolerance": 1e-13}
    wanted = eighth_order(lambda s: at(value=0.3 + s, **exact).transition_matrix, 1e-2)
    assert np.abs(found.gradients["p"].transition_matrix - wanted).max() < 1e-8
    wanted = eighth_order(lambda s: at(weight=0.2 + s, **exact).transition_matrix, 1e-3)
    apart = np.abs(found.gradients["coefficients[0]"].transition_matrix - wanted).max()
    assert apart < 1e-8 * (1 + np.abs(wanted).max())


def test_the_cost_of_open_derivatives_does_not_grow_with_slowness():
    from anticrossing.dynamics import panels
    from anticrossing.dynamics.gradients import open_kernel
    from anticrossing.dynamics.lanes import Lanes
    from anticrossing.dynamics.slopes import find

    counts = []
    for rate in (1.0, 1e-3, 1e-6):
        lanes, surroundings = (
            Lanes.of(LandauZener(gap=1.0), Linear(-20, 20, rate=rate)),
            ac.Dephasing(0.1),
        )
        names = find(lanes, surroundings, ["gap", "drive.rate", "gamma"])
        evolution = panels.solve(lanes, open_kernel(lanes, surroundings, names), tolerance=2e-12)
        counts.append(evolution.evaluated)
    assert max(counts) <= 1.5 * counts[0]


DRIVES = {
    "start": (-6.0, lambda p: Linear(p, 5.0, rate=0.8)),
    "stop": (5.0, lambda p: Linear(-6.0, p, rate=0.8)),
    "rate": (0.8, lambda p: Linear(-6.0, 5.0, rate=p)),
    "stop_time": (4.0, lambda p: Formula("t + 0.1*t**2", -5.0, p)),
    "duration": (14.0, lambda p: Tanh(-4.0, 4.0, rate=1.0, duration=p)),
    "width": (1.5, lambda p: Gaussian(3.0, p, centre=0.3, offset=-1.0)),
    "rise": (2.0, lambda p: Trapezoid(3.0, hold=1.0, rise=p, fall=1.0, offset=-1.0)),
    "values[1]": (2.0, lambda p: Piecewise([0.0, 3.0, 6.0], [-3.0, p, -2.0])),
    "values[2]": (1.0, lambda p: Samples([0.0, 2.0, 4.0, 6.0], [-3.0, 2.0, p, -2.0])),
}


@pytest.mark.parametrize(
    ("name", "basis"),
    [("rate", "adiabatic"), ("rise", "adiabatic"), ("values[2]", "diabatic")]
    + [
        pytest.param(name, basis, marks=pytest.mark.slow)
        for name in DRIVES
        for basis in ("adiabatic", "diabatic")
    ],
)
def test_arguments_of_drives_against_differences(name, basis):
    value, drive = DRIVES[name]
    given = {"basis": basis, "tolerance": 1e-13}
    derivative = propagate(fan(3), drive(value), gradient=name, **given).gradients[name]
    differences = eighth_order(
        lambda s: propagate(fan(3), drive(value + s), **given),
        1e-3,
        "transition_matrix",
        "propagator",
    )
    for what, wanted in differences.items():
        apart = np.abs(getattr(derivative, what) - wanted).max()
        assert apart < 2e-9 * (1 + np.abs(wanted).max()), what


def test_all_values_of_a_drive_and_requested_times():
    drive = Piecewise([0.0, 3.0, 6.0], [-3.0, 2.0, -2.0])
    found = propagate(fan(3), drive, gradient="values", times=[2.0, 3.0, 5.0])
    assert list(found.gradients) == ["values[0]", "values[1]", "values[2]"]
    last = found.gradients["values[2]"]
    assert np.abs(last.populations[:2]).max() < 1e-12  # what comes later does nothing yet
    assert np.abs(last.populations[2]).max() > 1e-2
    assert np.abs(last.populations.sum(axis=-1)).max() < 1e-11


def test_a_batch_is_differentiated_point_by_point():
    gaps, rates = np.array([0.4, 1.0]), np.array([0.05, 0.2])
    surroundings, sweep = ac.FixedAxisDephasing(rates), Linear(-9.0, 9.0, rate=1.0)
    names = ["gap", "environment.rate"]
    together = propagate(LandauZener(gap=gaps), sweep, environment=surroundings, gradient=names)
    for k in range(2):
        one = ac.FixedAxisDephasing(rates[k])
        alone = propagate(LandauZener(gap=gaps[k]), sweep, environment=one, gradient=names)
        for name in names:
            here = together.gradients[name].transition_matrix[k]
            assert np.abs(here - alone.gradients[name].transition_matrix).max() < 1e-10


def test_levels_that_neither_stay_apart_nor_turn_little():
    generator = np.random.default_rng(0)
    terms = [("x", np.diag(np.arange(6) - 2.5))]
    terms += [(f"p{k}", 0.3 * symmetric(generator, 6)) for k in range(10)]
    hamiltonian = Hamiltonian.from_terms(terms, parameters={f"p{k}": 0.5 for k in range(10)})
    drive = Formula("t/20", -200, 200)
    found = propagate(hamiltonian, drive, gradient=[f"p{k}" for k in range(10)])
    assert found.method == "doubled steps"

    def at(shift):
        moved = hamiltonian.replace(p3=0.5 + shift)
        return propagate(moved, drive, tolerance=1e-13).transition_matrix

    wanted = eighth_order(at, 5e-4)
    assert np.abs(found.gradients["p3"].transition_matrix - wanted).max() < 1e-7
    assert np.abs(wanted).max() > 0.1


def test_an_operator_that_is_not_there_yet():
    """What it does is of second order in its coefficient."""
    jumps = ac.Lindblad([(0.0, LOWERING), (0.2, np.diag([1.0, -1.0]))])
    name = "coefficients[0]"
    found = propagate(
        LandauZener(gap=1.0), Linear(-4, 4, rate=1.0), environment=jumps, gradient=name
    )
    assert np.abs(found.gradients[name].transition_matrix).max() < 1e-9


@pytest.mark.slow
def test_strong_dephasing_that_does_not_depend_on_positions():
    """Differences along positions have no rounding where positions do not matter."""
    fast = ac.Dephasing(rate=300.0)

    def at(rate, **more):
        return propagate(fan(3), Linear(-4.0, 4.0, rate=rate), environment=fast, **more)

    found = at(1.0, gradient="drive.rate")
    difference = eighth_order(lambda s: at(1.0 + s).transition_matrix, 1e-2)
    assert found.panels.max() < 100
    assert np.abs(found.gradients["drive.rate"].transition_matrix - difference).max() < 1e-8


def test_a_level_that_crosses_the_mean_of_all():
    """√|E| has no derivative where E vanishes, and the answer was off by a thousandth."""
    sweep = Linear(-2.0, 2.0, rate=1.0)
    with pytest.raises(ac.ConvergenceError, match="no derivative"):
        propagate(fan(3), sweep, environment=ac.Dephasing(0.05), gradient="p")
