"""Any linear equation on panels: against the engines with a structure, and against small steps."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from anticrossing import propagate
from anticrossing.drive import Linear
from anticrossing.dynamics import liouville, panels
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear import LinearKernel
from anticrossing.environment import FixedAxisDephasing, Lindblad
from anticrossing.models import LandauZener

WINDOW = 50.0


def problem(rate, window=WINDOW):
    return LandauZener(gap=1.0), Linear(start=-window, stop=window, rate=rate)


def solved(rate, kernel, window=WINDOW):
    return panels.solve(Lanes.of(*problem(rate, window)), kernel, tolerance=1e-10)


def schroedinger(lanes, times, lane):
    return -1j * lanes.traceless(times, lane)


@pytest.mark.parametrize("rate", [10.0, 1.0, 1e-2, 1e-6])
def test_unitary_evolution_is_that_of_propagate(rate):
    exact = propagate(*problem(rate))
    found = solved(rate, LinearKernel(schroedinger, 2))
    ends = [
        np.linalg.eigh([[0.5 * x, 0.5], [0.5, -0.5 * x]])[1].astype(complex)
        for x in (-WINDOW, WINDOW)
    ]
    matrix = np.abs(ends[1].conj().T @ found.propagator[0] @ ends[0]) ** 2
    assert np.abs(matrix - exact.transition_matrix).max() < 1e-9
    assert found.panels[0] < 40


@pytest.mark.quick(1)
@pytest.mark.parametrize("strength", [0.05, 3.0])
def test_lindblad_evolution_is_that_of_propagate(strength):
    environment = FixedAxisDephasing(strength) + Lindblad([(0.3, [[0, 1], [0, 0]])])

    def generators(lanes, times, lane):
        found = liouville.generator(lanes, environment, times.reshape(1, -1))
        return found.reshape(*times.shape, 4, 4)

    kernel = LinearKernel(generators, 4, conserved=[1, 0, 0, 1])
    counts = []
    for rate in (1.0, 1e-2, 1e-4, 1e-6):
        exact = propagate(*problem(rate), environment=environment)
        found = solved(rate, kernel)
        assert np.abs(found.propagator[0] - exact.superoperator).max() < 1e-9
        counts.append(found.panels[0])
    assert max(counts) <= 3 * min(counts)


# At 2 the levels meet in the complex plane.
@pytest.mark.parametrize(
    "decay", [2.0, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.3, 30.0))]
)
def test_levels_that_decay_are_those_of_small_steps(decay):
    loss = np.diag([0.0, 0.5 * decay])

    def slope(t, y):
        return -1j * np.array([[0.5 * t, 0.5], [0.5, -0.5 * t]]) @ y - loss @ y

    def generators(lanes, times, lane):
        return schroedinger(lanes, times, lane) - loss

    window = 12.0
    found = solved(1.0, LinearKernel(generators, 2), window).propagator[0]
    start = np.eye(2, dtype=complex)
    columns = [
        solve_ivp(slope, (-window, window), y, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
        for y in start
    ]
    assert np.abs(found - np.stack(columns, axis=1)).max() < 1e-8


def test_what_is_conserved_is_kept_to_the_last_digit():
    swap = np.array([[-0.3, 0.1, 0.0], [0.2, -0.4, 0.5], [0.1, 0.3, -0.5]])

    def generators(lanes, times, lane):
        return (1 + 0.5 * np.sin(times))[..., None, None] * swap.astype(complex)

    found = solved(1.0, LinearKernel(generators, 3, conserved=np.ones(3)))
    assert np.abs(found.propagator[0].sum(axis=0) - 1).max() < 1e-15
    values, vectors = np.linalg.eig(swap)
    duration = 2 * WINDOW  # the sine cancels
    exact = vectors @ np.diag(np.exp(duration * values)) @ np.linalg.inv(vectors)
    assert np.abs(found.propagator[0] - exact).max() < 1e-10
