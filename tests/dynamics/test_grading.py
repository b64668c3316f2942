"""First panels that are cut before any is tried, and what comes of it."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import grading
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.open_kernels import BlochKernel

LOWERING = np.array([[0.0, 1.0], [0.0, 0.0]])


def test_crossings_are_where_the_levels_meet_in_complex_time() -> None:
    """H = ½(αt σz + g σx) has them at t = ±ig/α, whichever panel is asked."""
    gap, rate = 0.3, 1e-2
    lanes = Lanes.of(ac.models.LandauZener(gap=gap), ac.drive.Linear(-20, 20, rate))
    edges = np.array([-2000.0, -500.0, -3.0, 40.0, 1000.0, 2000.0])
    lane = np.zeros(edges.size - 1, dtype=np.intp)
    found = grading._crossings(lanes, lane, edges[:-1], edges[1:])
    assert np.max(np.abs(found.crossing.real)) < 1e-9
    assert np.max(np.abs(np.abs(found.crossing.imag) - gap / rate)) < 1e-9
    ends = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
    assert np.max(np.abs(found.largest / np.hypot(rate * ends, gap) - 1)) < 1e-9
    # What Chebyshev coefficients of 1/(t − t*) fall by, from one to the next.
    for left, right, radius, place in zip(
        edges[:-1], edges[1:], found.radius, found.crossing, strict=True
    ):
        z = (2 * place - left - right) / (right - left)
        moduli = [abs(z + sign * np.sqrt(z * z - 1)) for sign in (1, -1)]
        assert radius == pytest.approx(max(moduli), rel=1e-9)


def test_a_path_that_few_nodes_do_not_know_is_left_to_the_panels() -> None:
    """Where H oscillates between the nodes no crossing can be told."""
    drive = ac.drive.FormulaDrive("40*sin(50*t)", 0.0, 20.0)
    lanes = Lanes.of(ac.models.LandauZener(gap=1.0), drive)
    lane, left, right = np.zeros(1, dtype=np.intp), np.array([0.0]), np.array([20.0])
    found = grading._crossings(lanes, lane, left, right)
    assert np.isinf(found.crossing[0])
    assert np.isinf(found.radius[0])


@pytest.mark.quick(1)
@pytest.mark.parametrize("gap", [1e-6, pytest.param(0.1, marks=pytest.mark.slow), 1.0])
@pytest.mark.parametrize(
    "strength", [1.0, 3.0, *(pytest.param(v, marks=pytest.mark.slow) for v in (1e-3, 30.0))]
)
def test_graded_panels_change_no_answer_and_waste_none(
    monkeypatch: pytest.MonkeyPatch, gap: float, strength: float
) -> None:
    """Against panels that are cut when they are refused: fewer are tried, the map is the same."""
    H = ac.models.LandauZener(gap=gap)
    environment = ac.Lindblad([np.sqrt(strength) * LOWERING])
    results = []
    for _ in range(2):
        drives = (ac.drive.Linear(-20, 23, rate=rate) for rate in (1.0, 1e-5))
        results.append([ac.propagate(H, drive, environment=environment) for drive in drives])
        monkeypatch.setattr(BlochKernel, "graded", Kernel.graded)
    for graded, plain in zip(*results, strict=True):
        error = float(graded.error_estimate) + float(plain.error_estimate)
        assert np.max(np.abs(graded.superoperator - plain.superoperator)) <= error
        assert graded.evaluated_panels <= plain.evaluated_panels
        assert graded.panels <= 2 * plain.panels
