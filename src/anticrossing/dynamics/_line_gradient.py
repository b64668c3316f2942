"""U and its derivatives along straight lines in time, of few radians.

Where H = A + s B and ∂H = a + s b, all derivatives are contractions of the same two integrals,

    U†∂U = −i T/2 ∫ U† (a + s b) U ds ,   s ∈ [−1, 1] ,

so that what grows with their number is next to nothing. The overlaps of the columns are integrated
by Gauss sums within the steps of the Taylor series that carries them.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing.dynamics import direct, plan
from anticrossing.dynamics._straight import Straight
from anticrossing.dynamics._taylor import overlaps_on_line
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution, Pieces

_MOST_RADIANS = 14000.0  # over N^(3/2), in the mean, beyond which steps are doubled
_MOST_LEVELS = 8  # the overlaps have N⁴ elements
_MORE_PLACES = 9  # than radians of a step: its overlaps turn twice as fast as its columns


def follow(lanes: Lanes, changes: npt.NDArray[Any], tolerance: float) -> Evolution | None:
    """Return [U, ∂U, …] at the end of every window; None where this is not the way.

    `changes` are ∂H at the start and at the stop, (lanes, 2, K, N, N).
    """
    levels = lanes.hamiltonian.dimension
    if levels > _MOST_LEVELS or not lanes.is_straight or lanes.drive.breakpoints.size:
        return None
    phase = plan.phases(lanes)
    if not np.mean(phase) < _MOST_RADIANS / levels**1.5:
        return None
    straight, window = Straight.of(lanes), lanes.stop - lanes.start
    assert straight is not None
    every = np.arange(lanes.count)
    turned, common = straight.turned(every, lanes.start, lanes.stop)
    # Twice ∂H at the middle, and its change.
    moved = np.stack([changes[:, 0] + changes[:, 1], changes[:, 1] - changes[:, 0]], axis=2)
    integrals = 2 if moved[:, :, 1].any() else 1
    moved = moved[:, :, :integrals].reshape(lanes.count, -1, integrals * levels**2)
    final = np.empty((lanes.count, levels, levels), dtype=np.complex128)
    inside = np.empty((lanes.count, moved.shape[1], levels, levels), dtype=np.complex128)
    error, steps = np.empty(lanes.count), np.empty(lanes.count, dtype=np.intp)
    h = lanes.window.matrices[:, ::2].astype(np.complex128)
    for k, (width, size) in enumerate(zip(window.tolist(), phase.tolist(), strict=True)):
        rate, longest = direct.budget(width, tolerance, size)
        gram = np.zeros((integrals, 2, levels**2, levels**2))
        line = 0.5 * (h[k, 0] + h[k, 1]), 0.5 * (h[k, 1] - h[k, 0])
        limits, places = (size / width, rate, longest), _gauss(math.ceil(longest) + _MORE_PLACES)
        error[k], steps[k] = overlaps_on_line(*line, width, *limits, *places, final[k], gram)
        if not math.isfinite(error[k]):
            return None
        overlaps = (gram[:, 0] + 1j * gram[:, 1]).reshape(integrals, *(levels,) * 4)
        overlaps = overlaps.swapaxes(2, 3).reshape(-1, levels**2)
        inside[k] = (-0.25j * width * (moved[k] @ overlaps)).reshape(-1, levels, levels)
        lanes.tell((k + 1) / lanes.count)
    cleaned, defect = nearer_unitary(turned * final)
    cleaned = cleaned[:, None]
    whole = np.concatenate([cleaned, cleaned @ (0.5 * (inside - dagger(inside)))], axis=1)
    error, phase = defect + 2 * error, phase + common
    pieces = Pieces(every, lanes.start, lanes.stop, whole, error, phase)
    return Evolution(whole, whole[:, None][:, :0], steps, lanes.count, 1, error, phase, pieces)


@functools.cache
def _gauss(count: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss nodes and weights of [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (1 + nodes), 0.5 * weights
