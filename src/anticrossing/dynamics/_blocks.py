"""Evolution inside the blocks that are left once the coupling between them is gone.

Levels that stay close move together as one block. Its common energy only turns a phase, whatever
its size, and what is left of the block is small: it evolves on a scale of its own. Where a few
terms of an integral equation do not solve it on the panel, it has panels of its own, narrower ones
inside the panel: the block is a polynomial in time there, known between the nodes too. So a narrow
crossing of two out of many levels costs panels of two levels.

Shapes: P panels, B blocks, n nodes, s levels of a block; generators are scaled to τ ∈ [−1, 1].
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing.dynamics._stacks import BoolArray, along_nodes, diagonals, picard, tails
from anticrossing.dynamics.chebyshev import Grid, grid

STRONGEST_PICARD = 12.0
_MOST_ROUNDS = 60
_MOST_OPEN = 64  # narrower panels of one block at once
_TWO_LEVEL_NODES = 21
_LAST_DIGIT = 4e-16
_UNSEEN = 0.05  # of the tolerance: noise that does not matter
_GOLDEN = 0.5 * (np.sqrt(5.0) - 1)
_SINGLE = 1  # a level on its own

_Index = npt.NDArray[np.intp]


@dataclass
class Solutions:
    """What one pass over P panels gives; rows of refused panels hold no meaning.

    `shifted` are the propagators of generators that differ by as much as these are known.
    """

    accepted: BoolArray
    propagator: ComplexArray
    shifted: ComplexArray
    error: FloatArray
    phase: FloatArray

    @classmethod
    def empty(cls, panels: int, levels: int) -> Solutions:
        propagator, shifted = np.zeros((2, panels, levels, levels), np.complex128)
        accepted = np.zeros(panels, dtype=np.bool_)
        return cls(accepted, propagator, shifted, np.zeros(panels), np.zeros(panels))

    def at(self, index: _Index) -> Solutions:
        """Return the rows `index`."""
        return Solutions(*(getattr(self, field.name)[index] for field in fields(self)))

    def put(self, index: _Index, other: Solutions) -> None:
        """Store the accepted rows of `other`, which were solved for the panels `index`."""
        rows = index[other.accepted]
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)[other.accepted]


# Solves panels of s levels: matrices at the nodes, half widths, grid, tolerance.
Solver = Callable[[ComplexArray, FloatArray, Grid, float], Solutions]


def evolve(
    g: ComplexArray,
    joined: BoolArray,
    doubt: FloatArray,
    grid: Grid,
    tolerance: float,
    inside: Solver,
    shifts: bool,
) -> Solutions:
    """Integrate generators of which only neighbours that are `joined` (P, N − 1) still couple.

    `doubt` (P, N, N) is how far the generators may be from what they stand for; `inside`
    solves blocks of three levels and more on their own panels. With `shifts` all is done a second
    time for generators that differ by their noise, where that may be seen.
    """
    panels, n, levels, _ = g.shape
    result = Solutions.empty(panels, levels)
    theta = grid.weights @ diagonals(g).real
    result.phase = np.max(np.abs(theta), axis=-1)
    result.accepted[:] = True
    turns = _LAST_DIGIT * result.phase[:, None] * diagonals(pattern(levels)).real * shifts
    for size, panel, first in runs(joined):
        going_on = result.accepted[panel]
        panel, first = panel[going_on], first[going_on]
        if size == _SINGLE:
            turned = np.exp(-1j * theta[panel, first])
            result.propagator[panel, first, first] = turned
            result.shifted[panel, first, first] = turned * np.exp(-1j * turns[panel, first])
        elif panel.size:
            places = first[:, None] + np.arange(size)
            rows, columns = places[:, :, None], places[:, None, :]
            node = np.arange(n)[:, None, None]
            h = g[panel[:, None, None, None], node, rows[:, None], columns[:, None]]
            known = np.max(doubt[panel[:, None, None], rows, columns], axis=(1, 2))
            solver = inside if size < levels else None
            block = _block(h, known, grid, tolerance, solver, shifts)
            turned = np.exp(-1j * turns[panel, first])[:, None, None]
            result.propagator[panel[:, None, None], rows, columns] = block.propagator
            result.shifted[panel[:, None, None], rows, columns] = block.shifted * turned
            np.logical_and.at(result.accepted, panel, block.accepted)
            np.add.at(result.error, panel, block.error)
    return result


@functools.cache
def pattern(levels: int) -> ComplexArray:
    """Return a Hermitian matrix with elements of size one that no symmetry knows."""
    draw = np.random.default_rng(levels)
    upper = np.triu(np.exp(2j * np.pi * draw.random((levels, levels))), 1)
    # Two levels that turn alike would hide what they do together: none do, and neighbours least.
    rank = np.argsort(np.argsort(np.mod(np.arange(levels) * _GOLDEN, 1.0)))
    diagonal = 2 * rank / (levels - 1) - 1 if levels > 1 else np.ones(1)
    return np.asarray(upper + dagger(upper) + np.diag(diagonal))


def runs(joined: BoolArray) -> Iterator[tuple[int, _Index, _Index]]:
    """Yield sizes of blocks, with the panels that have some, and where these begin."""
    panels, pairs = joined.shape
    ends = np.ones((panels, pairs + 2), dtype=np.bool_)
    ends[:, 1:-1] = ~joined
    panel, edge = np.nonzero(ends)
    same = panel[1:] == panel[:-1]
    panel, first, size = panel[:-1][same], edge[:-1][same], np.diff(edge)[same]
    for value in np.unique(size):
        chosen = size == value
        yield int(value), panel[chosen], first[chosen]


def _block(
    h: ComplexArray,
    doubt: FloatArray,
    grid: Grid,
    tolerance: float,
    inside: Solver | None,
    shifts: bool,
) -> Solutions:
    """Solve blocks (B, n, s, s), and where it may be seen others within their noise."""
    blocks, _, size, _ = h.shape
    common = np.mean(diagonals(h).real, axis=-1)
    h = h.copy()
    diagonals(h)[...] -= common[..., None]
    h, noise = without_noise(h, doubt, grid)
    doubtful = np.flatnonzero(shifts & (noise > _UNSEEN * tolerance))
    change = noise[doubtful, None, None] * pattern(size)
    if inside is None:
        # Pairs that turn far are not integrated, and noise between them does nothing.
        theta = grid.integral @ diagonals(h[doubtful]).real
        turned = np.max(np.abs(theta[..., :, None] - theta[..., None, :]), axis=1)
        change[turned > grid.size] = 0.0
    other = h[doubtful] + change[:, None]
    both = _solve(np.concatenate([h, other]), grid, tolerance, inside)
    both.propagator *= np.exp(-1j * (np.concatenate([common, common[doubtful]]) @ grid.weights))[
        :, None, None
    ]
    result, again = both.at(np.arange(blocks)), both.at(np.arange(blocks, both.error.size))
    result.shifted[...] = result.propagator
    result.shifted[doubtful] = again.propagator
    result.accepted[doubtful] &= again.accepted
    return result


def without_noise(
    h: ComplexArray, doubt: FloatArray, grid: Grid
) -> tuple[ComplexArray, FloatArray]:
    """Cut the Chebyshev series of blocks where only noise is left; return how much there is."""
    # Noise at the nodes is no polynomial of low degree: panels inside would have to resolve it.
    coefficients = along_nodes(grid.to_coefficients, h)
    size = np.max(np.abs(coefficients), axis=(2, 3))
    floor = 4 * np.max(size[:, -3:], axis=1)
    kept = np.flip(np.maximum.accumulate(np.flip(size > floor[:, None], axis=1), axis=1), axis=1)
    smooth = along_nodes(grid.from_coefficients, coefficients * kept[:, :, None, None])
    return smooth, doubt + floor + _LAST_DIGIT * np.max(size, axis=1)


def _solve(h: ComplexArray, grid: Grid, tolerance: float, inside: Solver | None) -> Solutions:
    """Solve blocks whose levels have no common energy."""
    blocks, _, size, _ = h.shape
    result = Solutions.empty(blocks, size)
    solved = np.zeros(blocks, dtype=np.bool_)
    if size > 2 or inside is None:
        solved, result.propagator, result.error = _interaction(h, grid, tolerance)
        result.accepted = solved.copy()
    rows = np.flatnonzero(~solved)
    if rows.size and inside is not None:
        found = narrower(h[rows], grid, tolerance, _two if size == 2 else inside, np.matmul)
        result.accepted[rows], result.propagator[rows], result.error[rows] = found
    return result


def _interaction(
    h: ComplexArray, grid: Grid, tolerance: float
) -> tuple[BoolArray, ComplexArray, FloatArray]:
    """Solve generators of weak or slow coupling by iteration in the interaction picture."""
    panels, n, levels, _ = h.shape
    diagonal = diagonals(h).real
    theta = grid.integral @ diagonal
    coupling = h.copy()
    diagonals(coupling)[...] = 0.0
    strength = np.max(np.sum(np.abs(coupling), axis=-1), axis=(1, 2))
    inner = np.broadcast_to(np.eye(levels, dtype=np.complex128), (panels, levels, levels)).copy()
    error = np.zeros(panels)
    accepted = np.asarray(strength <= 1e-3 * tolerance)
    rows = np.flatnonzero(~accepted & (strength < STRONGEST_PICARD))
    if rows.size:
        turning = np.exp(1j * theta[rows])
        kernel = turning[..., :, None] * coupling[rows] * turning[..., None, :].conj()
        # Phases far beyond what the nodes resolve could look smooth by aliasing: only coupled pairs
        # matter, and none of them may turn that far.
        turned = np.max(np.abs(theta[rows][..., :, None] - theta[rows][..., None, :]), axis=1)
        coupled = np.max(np.abs(kernel), axis=1) > 1e-3 * tolerance
        spread = np.max(np.where(coupled, turned, 0.0), axis=(1, 2))
        fine = (tails(grid, kernel) <= tolerance) & (spread < 3.0 * n)
        rows, kernel = rows[fine], kernel[fine]
    if rows.size:
        solved, y = picard(-1j * kernel, grid, tolerance)
        inner[rows[solved]] = nearer_unitary(y[:, -1])[0][solved]
        accepted[rows[solved]] = True
        error[rows[solved]] = tolerance
    return accepted, np.exp(-1j * theta[:, -1])[..., None] * inner, error


def narrower(
    h: ComplexArray,
    outer: Grid,
    tolerance: float,
    solver: Callable[[ComplexArray, FloatArray, Grid, float], Any],
    multiply: Callable[[ComplexArray, ComplexArray], ComplexArray],
    parts: int = 1,
) -> tuple[BoolArray, ComplexArray, FloatArray]:
    """Solve blocks on panels inside [−1, 1], at first some `parts`, halved until all are accepted.

    Generators are (B, n, s, s), or with derivatives (B, n, 1 + K, s, s); what a `solver` finds has
    the attributes `accepted`, `propagator` and `error`, and `multiply` takes propagators of a later
    and of an earlier panel. Return the same three of all blocks.
    """
    blocks, size, shape = h.shape[0], h.shape[-1], h.shape[2:]
    accepted, error = np.ones(blocks, dtype=np.bool_), np.zeros(blocks)
    points = grid(_TWO_LEVEL_NODES) if shape == (2, 2) else outer
    coefficients = along_nodes(outer.to_coefficients, h.reshape(blocks, outer.size, -1, size))
    block = np.repeat(np.arange(blocks), parts)
    edges = np.linspace(-1.0, 1.0, parts + 1)
    left, right = np.tile(edges[:-1], blocks), np.tile(edges[1:], blocks)
    done: list[tuple[_Index, FloatArray, ComplexArray]] = []
    for _ in range(_MOST_ROUNDS):
        half = 0.5 * (right - left)
        times = (left + half)[:, None] + half[:, None] * points.nodes
        values = np.polynomial.chebyshev.chebvander(times, outer.size - 1)
        flat = coefficients[block].reshape(block.size, outer.size, -1)
        there = (values @ flat).reshape(block.size, points.size, *shape)
        found = solver(there, half, points, tolerance)
        fine = found.accepted
        done.append((block[fine], left[fine], found.propagator[fine]))
        np.add.at(error, block[fine], found.error[fine])
        block, left, right = block[~fine], left[~fine], right[~fine]
        many = np.bincount(block, minlength=blocks) > _MOST_OPEN
        accepted &= ~many
        going_on = accepted[block]
        block, left, right = block[going_on], left[going_on], right[going_on]
        if block.size == 0:
            break
        middle = left + 0.5 * (right - left)
        block = np.concatenate([block, block])
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    accepted[block] = False
    product = np.zeros((blocks, *shape), dtype=np.complex128)
    product.reshape(blocks, -1, size, size)[:, 0] = np.eye(size)
    return accepted, _multiplied(product, done, multiply), error


def _multiplied(
    product: ComplexArray,
    done: list[tuple[_Index, FloatArray, ComplexArray]],
    multiply: Callable[[ComplexArray, ComplexArray], ComplexArray],
) -> ComplexArray:
    """Multiply the propagators of narrower panels in order of time, from unity."""
    block, left, pieces = (np.concatenate(part) for part in zip(*done, strict=True))
    order = np.lexsort((left, block))
    block, pieces = block[order], pieces[order]
    count = np.bincount(block, minlength=len(product))
    first = np.cumsum(count) - count
    for step in range(int(count.max(initial=0))):
        active = np.flatnonzero(count > step)
        product[active] = multiply(pieces[first[active] + step], product[active])
    return product


def _two(matrices: ComplexArray, half_width: FloatArray, grid: Grid, tolerance: float) -> Solutions:
    """Solve panels of two levels with the compiled kernel."""
    from anticrossing.dynamics import _two_level

    panels = half_width.size
    found = Solutions.empty(panels, 2)
    info, status = np.zeros((panels, 2)), np.empty(panels, dtype=np.int64)
    _two_level.solve_panels(
        np.ascontiguousarray(matrices),
        np.zeros(panels),
        half_width,
        grid.derivative,
        grid.integral,
        grid.weights,
        grid.tail,
        tolerance,
        found.propagator,
        info,
        status,
    )
    found.accepted = status != _two_level.REFUSED
    found.error = info[:, 0]
    return found
