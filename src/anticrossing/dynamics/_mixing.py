"""How well levels of different sectors are known against each other, where they are close.

Rounding leaves the terms of H with some 1e-16 of their size between numerically found sectors. It
turns levels of different sectors against each other by that over their distance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.dynamics._level_order import TIED
from anticrossing.dynamics._sectors import Sectored


def doubt(
    sectored: Sectored, times: FloatArray, sizes: FloatArray, level: npt.NDArray[Any] | None = None
) -> FloatArray:
    """Return a bound on what these turns do to the squares of `sizes` (lanes, K, m, C).

    They are amplitudes of the sectors' levels at `times` (lanes, K), for m columns from every level
    at the start; one column may start at the coordinate `level` (lanes,), or at no level. Levels
    without any distance are left out; a warning tells of them.
    """
    lanes = sectored.blocks[0]
    if sectored.between is None or not sectored.between.any() or not times.size:
        return np.zeros(lanes.count)
    turned = _angles(sectored, times) @ sizes
    moved = turned
    if sizes.shape[-1] == sizes.shape[-2] > 1:
        moved = turned + sizes @ _angles(sectored, lanes.start[:, None])
    elif level is not None:
        first = _angles(sectored, lanes.start[:, None])[np.arange(lanes.count), 0, :, level]
        moved = turned + np.linalg.norm(first, axis=-1)[:, None, None, None]
    return np.asarray(np.max(2 * sizes * turned + moved**2, axis=(1, 2, 3)))


def _angles(sectored: Sectored, times: FloatArray) -> FloatArray:
    """Return the angles (lanes, K, m, m) between levels of different sectors."""
    everywhere = np.arange(times.shape[0])
    left = np.abs(sectored.blocks[0].factors(times, everywhere)) @ sectored.between
    with one_thread:
        energies = [np.linalg.eigvalsh(b.matrices(times, everywhere)) for b in sectored.blocks]
    levels = sectored.joined(energies)
    number = np.repeat(np.arange(len(sectored.sizes)), sectored.sizes)
    apart = np.abs(levels[..., :, None] - levels[..., None, :])
    scale = np.max(np.abs(levels), axis=-1)[..., None, None]
    told = (apart > TIED * scale) & (number[:, None] != number)
    return np.asarray(left[..., None, None] * np.where(told, 1 / np.where(told, apart, 1.0), 0.0))
