"""Derivatives of the evolution: against small steps of the equation of variations, and laws."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing import Hamiltonian, InputError, propagate
from anticrossing.drive import Formula, FormulaDrive, Linear
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
    from anticrossing.dynamics import panels
    from anticrossing.dynamics.gradients import _slope
    from anticrossing.dynamics.lanes import Lanes
    from anticrossing.dynamics.variation import VariationKernel

    counts = []
    for rate in (1.0, 1e-2, 1e-4, 1e-6):
        lanes = Lanes.of(fan(3), Linear(-20.0, 20.0, rate=rate))
        kernel = VariationKernel(lambda *a: _slope(*a, "p")[:, :, None], 3, 1)
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
        ({"gradient": "gaps"}, "`gradient` must name parameters of H or the drive"),
        ({"gradient": []}, "`gradient` must name at least one"),
        ({"gradient": 3}, "`gradient` must be text or a list of names"),
        ({"gradient": [3]}, r"`gradient\[0\]` must be text"),
        ({"gradient": ["gap", "gap"]}, "`gradient` must name every parameter once"),
        ({"gradient": "gap", "times": [0.0]}, "`times` must be left out"),
        ({"gradient": "gap", "whole": False}, "`whole` must be left out"),
        ({"gradient": "gap", "basis": "superadiabatic"}, "`basis` must be 'adiabatic'"),
        ({"gradient": "gap", "environment": ac.Dephasing(rate=0.1)}, "`environment` must be left"),
    ],
)
def test_what_cannot_be_differentiated_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        propagate(LandauZener(gap=1.0), Linear(-5, 5, rate=1.0), **given)


def test_functions_and_degenerate_ends_are_refused():
    function = Hamiltonian.from_function(lambda x: [[x, 0.1], [0.1, -x]], dimension=2)
    with pytest.raises(InputError, match="H is a Python function"):
        propagate(function, Linear(-1, 1, rate=1.0), gradient="gap")
    touching = Hamiltonian.from_terms([("x*g", [[0, 1], [1, 0]])], parameters={"g": 1.0})
    with pytest.raises(InputError, match="degenerate at an end"):
        propagate(touching, Formula("t", 0, 1), gradient="g")
