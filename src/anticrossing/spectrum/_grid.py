"""An adaptive grid on which every level of every sector is resolved, and what it brackets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, real_array
from anticrossing.spectrum._blocks import Blocks

EPSILON = float(np.finfo(np.float64).eps)
ROUNDING = 64 * EPSILON  # of an energy, relative to the largest one
_RESOLVED = 0.002  # interpolation error allowed, relative to the gap to a neighbouring level
_SMOOTH = 1e-4  # the same, relative to the spread of all levels
_MOST_POINTS, _FEWEST_MOST_POINTS = 50_000, 1_000
_MOST_WORK = 3e9  # points times (largest block)³
_LARGEST = 1e150  # the square of an energy must not overflow
_EQUIVALENT = 1e-11  # two sectors with levels this close everywhere are copies of each other


@dataclass
class Grid:
    """Levels and slopes of the inequivalent blocks on a common grid."""

    x: FloatArray
    energies: list[FloatArray]
    slopes: list[FloatArray]
    blocks: list[int]
    alike: list[list[int]]
    rounding: float
    slope_scale: float
    complete: bool

    @property
    def copies(self) -> list[int]:
        """How many blocks have the levels of each inequivalent one."""
        return [len(blocks) for blocks in self.alike]

    def level_noise(self, position: int) -> FloatArray:
        """Return the rounding error of the slope differences of neighbouring levels."""
        gaps = np.diff(self.energies[position], axis=1)
        return _slope_noise(gaps, self.rounding, self.slope_scale)


def first_grid(start: float, stop: float, samples: int, points: npt.ArrayLike | None) -> FloatArray:
    """Return even samples, and the points given that lie inside and apart."""
    even = np.linspace(start, stop, samples)
    if points is None:
        return even
    given = real_array("points", points, ndim=1)
    inside = given[(given > start) & (given < stop)]
    if inside.size > _MOST_POINTS:
        raise fail("points", f"be at most {_MOST_POINTS}", f"there are {inside.size}")
    grid = np.union1d(even, inside)
    return np.asarray(grid[np.append(np.diff(grid) > 1e-13 * (stop - start), True)])


def resolve(blocks: Blocks, x: FloatArray) -> Grid:
    """Sample the levels, first at `x`, halving every interval in which they are not yet smooth.

    An interval is smooth when the levels at its middle agree with the cubic through the levels and
    slopes at its ends, to a small part of the gap to the neighbouring levels, and no two levels
    approach each other so steeply at both ends that their tangents meet. A crossing with a tiny
    gap is therefore resolved down to its own width (or to rounding) and cannot hide.
    """
    samples, start, stop = x.size, float(x[0]), float(x[-1])
    count = len(blocks.indices)
    size, slope_scale = blocks.norm(x, 0), blocks.norm(x, 1)
    if not (size <= _LARGEST and slope_scale <= _LARGEST):
        raise InputError(
            f"H(x) and dH/dx must stay below {_LARGEST:g}, but they reach "
            f"{np.maximum(size, slope_scale):.3g}: choose other units."
        )
    blocks.cover(x)
    sampled = [blocks.levels(b, x) for b in range(count)]
    energies, slopes = [e for e, _ in sampled], [f for _, f in sampled]
    scale = max(float(np.abs(e).max()) for e in energies)
    kept, alike = _inequivalent(energies, _EQUIVALENT * scale)
    energies, slopes = [energies[b] for b in kept], [slopes[b] for b in kept]
    spread = max(float(e.max()) for e in energies) - min(float(e.min()) for e in energies)
    rounding = ROUNDING * scale
    pending = np.arange(x.size - 1)
    shortest = max(4 * EPSILON * max(abs(start), abs(stop)), 1e-15 * (stop - start))
    most = _MOST_WORK / max(blocks.size(block) for block in kept) ** 3
    most = min(max(most, _FEWEST_MOST_POINTS, 4 * samples), _MOST_POINTS)
    while pending.size and x.size < most:
        middle = (x[pending] + x[pending + 1]) / 2
        width = x[pending + 1] - x[pending]
        rough = np.zeros(pending.size, dtype=bool)
        for k, block in enumerate(kept):
            energy, slope = blocks.levels(block, middle)
            left, right = energies[k][pending], energies[k][pending + 1]
            bend = slopes[k][pending] - slopes[k][pending + 1]
            error = np.abs(energy - (left + right) / 2 - bend * width[:, np.newaxis] / 8)
            room = _room(left, energy, right)
            noise = _slope_noise(room, rounding, slope_scale) * width[:, np.newaxis] / 8
            allowed = np.minimum(_SMOOTH * spread, _RESOLVED * room)
            rough |= np.any(error > np.maximum(allowed, rounding + noise), axis=1)
            gap = [np.diff(e, axis=1) for e in (left, energy, right)]
            rate = [np.diff(f, axis=1) for f in (slopes[k][pending], slope, slopes[k][pending + 1])]
            for one in (0, 1):
                fall = -rate[one] - _slope_noise(gap[one], rounding, slope_scale)
                rise = rate[one + 1] - _slope_noise(gap[one + 1], rounding, slope_scale)
                ends = gap[one], fall, gap[one + 1], rise
                rough |= np.any(tangents_meet_below(*ends, width[:, np.newaxis] / 2), axis=1)
            energies[k] = np.insert(energies[k], pending + 1, energy, axis=0)
            slopes[k] = np.insert(slopes[k], pending + 1, slope, axis=0)
        x = np.insert(x, pending + 1, middle)
        rough &= width > 2 * shortest
        # The i-th halved interval now starts at pending[i] + i, its right half one further on.
        first = pending + np.arange(pending.size)
        pending = np.sort(np.concatenate([first[rough], first[rough] + 1]))
    complete = pending.size == 0
    return Grid(x, energies, slopes, kept, alike, rounding, slope_scale, complete)


def sign_changes(values: FloatArray, noise: FloatArray) -> list[tuple[int, int, int]]:
    """Return (i, j, sign at j) for successive samples of opposite sign, leaving out zeros."""
    signs = np.where(np.abs(values) > noise, np.sign(values), 0.0)
    clear = np.flatnonzero(signs)
    changes = np.flatnonzero(signs[clear[:-1]] * signs[clear[1:]] < 0)
    return [(int(clear[c]), int(clear[c + 1]), int(signs[clear[c + 1]])) for c in changes]


def tangents_meet_below(
    left: FloatArray, fall: FloatArray, right: FloatArray, rise: FloatArray, width: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether a positive quantity, falling at one sample and rising at the next, may reach zero.

    A convex function lies above its tangents, so where they meet above zero it stays positive.
    """
    approach = (fall > 0) & (rise > 0) & (left > 0) & (right > 0)
    return np.asarray(approach & (left * rise + right * fall < fall * rise * width))


def _slope_noise(gap: FloatArray, rounding: float, slope_scale: float) -> FloatArray:
    """Return the rounding error of the slope of a level with a neighbour at distance `gap`."""
    # An eigenvector is off by rounding/gap, and its slope by that times ‖H′‖.
    relative = rounding / np.maximum(gap, rounding) + 32 * EPSILON
    return np.asarray(relative * slope_scale)


def _room(*energies: FloatArray) -> FloatArray:
    """Return the smallest distance of each level to its neighbours at any of the given points."""
    room: npt.NDArray[np.float64] = np.full(energies[0].shape, np.inf)
    for energy in energies:
        gaps = np.diff(energy, axis=1)
        room[:, :-1] = np.minimum(room[:, :-1], gaps)
        room[:, 1:] = np.minimum(room[:, 1:], gaps)
    return room


def _inequivalent(
    energies: list[FloatArray], tolerance: float
) -> tuple[list[int], list[list[int]]]:
    """Keep one block of each set of copies (blocks with the same levels everywhere)."""
    kept: list[int] = []
    alike: list[list[int]] = []
    for block, energy in enumerate(energies):
        for k, other in enumerate(kept):
            same = energies[other].shape == energy.shape
            if same and np.abs(energies[other] - energy).max() <= tolerance:
                alike[k].append(block)
                break
        else:
            kept.append(block)
            alike.append([block])
    return kept, alike
