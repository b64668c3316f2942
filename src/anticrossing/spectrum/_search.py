"""Brackets on the grid, and the root finding that turns them into crossings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError
from anticrossing.spectrum._blocks import Blocks, PairPoint
from anticrossing.spectrum._grid import EPSILON, Grid, sign_changes, tangents_meet_below

BoolArray = npt.NDArray[np.bool_]

BELOW_ROUNDING = "gap below rounding"
DIFFERENT_SECTORS = "different symmetry sectors"
"""Why a minimum of the gap within a sector counts as a true crossing."""

_MOST_STEPS = 200
_MOST_CROSSINGS, _MOST_UNRESOLVED = 10_000, 2000


@dataclass(frozen=True)
class Candidate:
    """A crossing before its place among all levels is known."""

    position: float
    members: tuple[tuple[int, int], tuple[int, int]]  # (position of the block in the grid, level)
    gap: float
    kind: str
    reason: str
    slope_difference: float


# ---- within a sector --------------------------------------------------------------------------


def avoided_candidates(
    blocks: Blocks, grid: Grid, tolerance: float, prominence: float
) -> list[Candidate]:
    """Return the local minima of the gaps between neighbouring levels of each sector."""
    candidates = []
    total = 0
    for k, block in enumerate(grid.blocks):
        gaps = np.diff(grid.energies[k], axis=1)
        gap_slopes = np.diff(grid.slopes[k], axis=1)
        noise = grid.level_noise(k)
        if blocks.noisy_slopes:
            noise = noise + 1e-9 * grid.slope_scale
        pairs = gaps.shape[1]
        if blocks.count is not None:  # the level above the last one asked for is context only
            pairs = min(pairs, blocks.count - 1)
        for lower in range(pairs):
            changes = sign_changes(gap_slopes[:, lower], noise[:, lower])
            total += len(changes) // 2
            _check_number(total, grid)
            found: list[tuple[float, PairPoint]] = []
            for i, j, sign in changes:
                if sign < 0:
                    continue
                guess = int(i + np.argmin(gaps[i : j + 1, lower]))
                found.append(_minimum(blocks, block, lower, grid.x[[i, guess, j]], tolerance))
            for position, point in _prominent(found, grid.x, gaps[:, lower], prominence):
                candidates.append(_avoided(grid, k, lower, position, point))
    return candidates


def _check_number(count: int, grid: Grid) -> None:
    """Refuse a stretch with more crossings than anybody could use, before polishing them."""
    most = _MOST_CROSSINGS if grid.complete else _MOST_UNRESOLVED
    if count > most:
        raise InputError(
            f"Argument `stop` must leave at most {most} crossings to find, but there are {count} "
            + ("or more." if grid.complete else "or more, not all resolved: is H(x) smooth?")
            + " Look at a shorter stretch."
        )


def _avoided(grid: Grid, k: int, lower: int, position: float, point: PairPoint) -> Candidate:
    hidden = point.gap <= grid.rounding
    squared = point.gap_slope**2 + point.gap_curvature
    return Candidate(
        position=position,
        members=((k, lower), (k, lower + 1)),
        gap=0.0 if hidden else point.gap,
        kind="true" if hidden else "avoided",
        reason=BELOW_ROUNDING if hidden else "same symmetry sector",
        slope_difference=math.sqrt(max(squared, 0.0)),
    )


def _minimum(
    blocks: Blocks, block: int, lower: int, bracket: FloatArray, tolerance: float
) -> tuple[float, PairPoint]:
    """Minimise the gap by Newton's method on Z Z′ (linear across a narrow crossing), bracketed."""
    left, x, right = (float(value) for value in bracket)
    best: tuple[float, PairPoint] | None = None

    def step(x: float) -> tuple[float, float]:
        nonlocal best
        point = blocks.pair(block, lower, x)
        if best is None or point.gap <= best[1].gap:
            best = x, point
        return point.gap_slope, point.gap * point.gap_slope / _slope_squared(point)

    x = _bracketed_newton(step, left, x, right, tolerance)
    step(x)
    assert best is not None  # `step` was just called
    # The last iterate has the smallest |Z′|; the smallest gap seen differs from it by rounding.
    final = blocks.pair(block, lower, x)
    return (x, final) if final.gap <= best[1].gap * (1 + 1e-9) else best


def _slope_squared(point: PairPoint) -> float:
    squared = point.gap_slope**2 + point.gap_curvature
    return squared if squared > 0 else point.gap_slope**2 or math.inf


def _prominent(
    minima: list[tuple[float, PairPoint]], x: FloatArray, gaps: FloatArray, prominence: float
) -> list[tuple[float, PairPoint]]:
    """Drop the higher of two minima whenever the maximum between them hardly rises above it."""
    # The ends of the stretch compete too: a ripple on a gap that falls towards an end is dropped.
    ends = [(float(x[e]), PairPoint(float(gaps[e]), 0.0, 0.0)) for e in (0, -1)]
    kept = [ends[0], *minima, ends[1]]
    index = 0
    while index + 1 < len(kept):
        (a, one), (b, two) = kept[index], kept[index + 1]
        between = gaps[(x > a) & (x < b)]
        higher = max(one.gap, two.gap)
        if between.max(initial=0.0) > (1 + prominence) * higher:
            index += 1
            continue
        kept.pop(index if one.gap >= two.gap else index + 1)
        index = max(index - 1, 0)
    return [entry for entry in kept if not any(entry is end for end in ends)]


# ---- between sectors --------------------------------------------------------------------------


def true_candidates(blocks: Blocks, grid: Grid, tolerance: float) -> list[Candidate]:
    """Return the places where levels of different sectors change order."""
    sizes = [energy.shape[1] for energy in grid.energies]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    level = np.concatenate([np.arange(size) for size in sizes])
    energies = np.concatenate(grid.energies, axis=1)
    slopes = np.concatenate(grid.slopes, axis=1)
    noise = np.full(grid.x.size, grid.rounding)
    candidates: list[Candidate] = []
    for p in range(owner.size):
        others = np.flatnonzero(owner > owner[p])
        if others.size == 0:
            continue
        difference = energies[:, others] - energies[:, [p]]
        slope = slopes[:, others] - slopes[:, [p]]
        for column in np.flatnonzero(_may_cross(grid.x, difference, slope, grid.rounding)):
            q = int(others[column])
            one, two = (int(owner[p]), int(level[p])), (int(owner[q]), int(level[q]))
            distance = _Distance(blocks, grid, one, two)
            brackets = [
                (float(grid.x[i]), float(grid.x[j]), sign)
                for i, j, sign in sign_changes(difference[:, column], noise)
            ]
            brackets += _double_brackets(distance, grid, difference[:, column], slope[:, column])
            _check_number(len(candidates) + len(brackets), grid)
            for left, right, sign in brackets:
                candidates.append(_true(distance, left, right, sign, tolerance))
    return candidates


def _may_cross(x: FloatArray, d: FloatArray, slope: FloatArray, rounding: float) -> BoolArray:
    above, below = np.any(d > rounding, axis=0), np.any(d < -rounding, axis=0)
    dips = np.any(_tangents_meet_beyond(x, d, slope), axis=0)
    return np.asarray((above & below) | dips)


def _tangents_meet_beyond(x: FloatArray, d: FloatArray, slope: FloatArray) -> BoolArray:
    """Whether the tangents at neighbouring samples of one sign meet on the other side of zero."""
    sign = np.sign(d[:-1])
    width = np.diff(x).reshape((-1,) + (1,) * (d.ndim - 1))
    return tangents_meet_below(
        sign * d[:-1], -sign * slope[:-1], sign * d[1:], sign * slope[1:], width
    )


class _Distance:
    """The distance in energy of two levels of different sectors, and its slope."""

    def __init__(
        self, blocks: Blocks, grid: Grid, one: tuple[int, int], two: tuple[int, int]
    ) -> None:
        self.blocks, self.grid, self.members = blocks, grid, (one, two)

    def __call__(self, x: float) -> tuple[float, float]:
        point = np.array([x])
        values = []
        for k, level in self.members:
            energies, slopes = self.blocks.levels(self.grid.blocks[k], point)
            values.append((float(energies[0, level]), float(slopes[0, level])))
        return values[1][0] - values[0][0], values[1][1] - values[0][1]


def _double_brackets(
    distance: _Distance, grid: Grid, d: FloatArray, slope: FloatArray
) -> list[tuple[float, float, int]]:
    """Bracket the two crossings of a pair that crosses and crosses back between two samples."""
    brackets = []
    for i in np.flatnonzero(_tangents_meet_beyond(grid.x, d, slope)):
        left, right, sign = float(grid.x[i]), float(grid.x[i + 1]), int(np.sign(d[i]))
        low, high = left, right
        while high - low > 1e-9 * (right - left):
            middle = (low + high) / 2
            value, rate = distance(middle)
            if sign * value < -grid.rounding:
                brackets += [(left, middle, -sign), (middle, right, sign)]
                break
            low, high = (middle, high) if sign * rate < 0 else (low, middle)
    return brackets


def _true(distance: _Distance, left: float, right: float, sign: int, tolerance: float) -> Candidate:
    rate = 0.0

    def step(x: float) -> tuple[float, float]:
        nonlocal rate
        value, rate = distance(x)
        return sign * value, value / rate if rate else math.inf

    x = _bracketed_newton(step, left, (left + right) / 2, right, tolerance)
    return Candidate(
        position=x,
        members=distance.members,
        gap=0.0,
        kind="true",
        reason=DIFFERENT_SECTORS,
        slope_difference=abs(rate),
    )


# ---- root finding -----------------------------------------------------------------------------


def _bracketed_newton(
    step: Callable[[float], tuple[float, float]],
    left: float,
    x: float,
    right: float,
    tolerance: float,
) -> float:
    """Find the sign change from − to +; `step` returns (a value of that sign, Newton's step)."""
    # Newton's step is taken while it stays inside the bracket and the bracket or the step shrinks;
    # otherwise the bracket is halved.
    if not left < x < right:
        x = (left + right) / 2
    previous = math.inf
    for _ in range(_MOST_STEPS):
        value, change = step(x)
        if value == 0:
            return x
        left, right = (x, right) if value < 0 else (left, x)
        nearest = 2 * EPSILON * max(abs(left), abs(right))
        if abs(change) <= max(tolerance * 1e-3, nearest) or right - left <= nearest:
            return min(max(x - change, left), right)
        target = x - change
        if not left < target < right or abs(change) > 0.5 * previous:
            target, change = (left + right) / 2, (right - left) / 2
        previous, x = abs(change), target
    return x
