"""Vectorised step for panels of an N-level system, all panels at once.

As in `_two_level`: go to the instantaneous eigenframe, remove the off-diagonal part
order by order in the adiabaticity, and integrate exactly what remains. With many levels some pairs
may be too close in energy for that on a given panel. Such levels form a cluster that stays together
as one block: only its projector is followed, and the motion inside the block is solved by Picard
iteration in the interaction picture, like any remainder the nodes resolve.

Shapes: P panels, n nodes, N levels; all generators are scaled to τ ∈ [−1, 1].
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import _blocks
from anticrossing.dynamics._blocks import STRONGEST_PICARD, Solutions
from anticrossing.dynamics._eigenframes import aligned_blocks, all_orders, in_eigenframes
from anticrossing.dynamics._stacks import (
    ENDS,
    LAST_DIGIT,
    NOISE,
    BoolArray,
    Nodes,
    alignments,
    cut_short,
    doubt,
    in_middle_frame,
    inverse_cayley,
    largest_entries,
    nodes_resolve,
    rotate_some,
    tails,
)
from anticrossing.dynamics.chebyshev import Grid

MOST_ROTATIONS = 12
# Neighbours that turn against each other by less than this on a panel are kept together. A panel
# that fails with every level on its own is tried again with small, then with larger clusters.
CLUSTER_PHASES = (0.0, 3.0, 8.0)
# Couplings of pairs that turn by less than this are integrated, not rotated away.
NEAR_PHASE = 6.0
# Levels that turn against each other by this are told apart to the last digit of H.
_APART_PHASE = 1.0
_NEGLIGIBLE = 1e-3  # of the tolerance: pairs that couple less are left alone
# Last coefficients of the rotation into the eigenframes: those of near levels carry noise.
_HOPELESS = 1e-6
_DEGENERATE = 1e-5  # of the spread of all levels: closer ones are always a block


def solve_panels(
    matrices: npt.NDArray[Any],
    half_width: FloatArray,
    grid: Grid,
    tolerance: float,
    shifts: bool = True,
    unknown: FloatArray | None = None,
) -> Solutions:
    """Solve i y′ = H y on every panel; `matrices` is H at the nodes, shape (P, n, N, N).

    With `shifts` also for generators that differ from these by the noise of rounding. Of the
    elements of H `unknown` (P, N, N) is what no half of a panel knows better.
    """
    panels, _, levels, _ = matrices.shape
    g, energies, frame = in_middle_frame(matrices, half_width, grid)
    largest = np.max(np.abs(matrices), axis=1)
    allowed = np.full(panels, tolerance)
    if unknown is not None:
        largest = np.maximum(largest, unknown / (NOISE * LAST_DIGIT))
        allowed = np.maximum(tolerance, NOISE * half_width * np.max(unknown, axis=(1, 2)))
    resolved = nodes_resolve(grid, g, allowed)
    noise = doubt(matrices[:, grid.size // 2], energies, frame, largest)
    noise *= half_width[:, None, None]
    inside = functools.partial(solve_panels, shifts=False)
    finish = functools.partial(
        _blocks.evolve, grid=grid, tolerance=tolerance, inside=inside, shifts=shifts
    )
    result = Solutions.empty(panels, levels)
    spread = (energies[:, -1] - energies[:, 0]) * half_width
    index = np.flatnonzero(resolved & (spread < STRONGEST_PICARD))
    if index.size:
        whole = np.ones((index.size, levels - 1), dtype=np.bool_)
        solved = finish(g[index], whole, noise[index])
        result.put(index, _in_frames(solved, frame[index], frame[index]))
    index = np.flatnonzero(resolved & ~result.accepted)
    if index.size:
        g, frame, noise = g[index], frame[index], noise[index]
        energies, vectors = np.linalg.eigh(g)
        for joined, todo in attempts(energies, result.accepted, index):
            rows = np.flatnonzero(todo)
            if rows.size:
                solved = _superadiabatic(
                    g[rows],
                    energies[rows],
                    vectors[rows],
                    joined[rows],
                    grid,
                    tolerance,
                    noise[rows],
                    allowed[index[rows]],
                    finish,
                )
                result.put(index[rows], _in_frames(solved, frame[rows], frame[rows]))
    return result


def _in_frames(solved: Solutions, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Solutions:
    """Return solutions that were found in the frames `left` and `right` of the ends of panels."""
    solved.propagator = right @ solved.propagator @ dagger(left)
    solved.shifted = right @ solved.shifted @ dagger(left)
    return solved


def attempts(
    energies: FloatArray, accepted: BoolArray, index: npt.NDArray[np.intp]
) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Return which neighbours (P, N − 1) move as one, in several ways, and which panels to try."""
    apart = np.diff(energies, axis=-1)
    least, largest = np.min(apart, axis=1), np.max(apart, axis=1)
    spread = np.max(energies[..., -1] - energies[..., 0], axis=1)[:, None]
    degenerate = least < _DEGENERATE * spread
    masks = [
        degenerate | (2 * least < phase) | (least < ratio * largest)
        for phase, ratio in ((0.0, 0.0), (3.0, 0.05), (8.0, 0.3))
    ]
    masks.append(least < 0.2 * np.max(least, axis=-1, keepdims=True))
    return clusterings(masks, accepted, index)


def clusterings(
    ways: Sequence[BoolArray], accepted: BoolArray, index: npt.NDArray[np.intp]
) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Return each of the `ways` to join neighbours (P, N − 1), and which panels to try with it.

    What is accepted meanwhile is not tried again, nor a way that has been tried.
    """
    for number, joined in enumerate(ways):
        todo = ~accepted[index]
        for tried in ways[:number]:
            todo &= np.any(joined != tried, axis=-1)
        yield joined, todo


@dataclass
class Separated:
    """Levels told apart as far as the superadiabatic iteration carries, on the panels `rows`.

    Attributes
    ----------
    g : array, shape (P, n, N, N)
        The generator in the frame.
    frame : array, shape (P, w, N, N)
        The frame at the wanted nodes.
    together : array of bool, shape (P, N − 1)
        Which neighbours are not apart.
    residual : array, shape (P,)
        What couples the others.
    """

    rows: npt.NDArray[np.intp]
    g: ComplexArray
    frame: ComplexArray
    together: BoolArray
    noise: FloatArray
    residual: FloatArray

    @classmethod
    def none(cls, g: npt.NDArray[Any]) -> Separated:
        none, levels = np.empty(0), g.shape[-1]
        together = np.empty((0, levels - 1), dtype=np.bool_)
        return cls(none.astype(np.intp), g[:0], g[:0], together, g[:0, 0].real, none)


def _superadiabatic(
    g: npt.NDArray[Any],
    energies: FloatArray,
    vectors: npt.NDArray[Any],
    joined: BoolArray,
    grid: Grid,
    tolerance: float,
    noise: FloatArray,
    allowed: FloatArray,
    finish: Callable[[ComplexArray, BoolArray, FloatArray], Solutions],
) -> Solutions:
    """Follow the eigenframe, rotate couplings away order by order, and integrate what is left."""
    result = Solutions.empty(g.shape[0], g.shape[-1])
    found = separate(g, energies, vectors, joined, grid, tolerance, noise, allowed)
    if found.rows.size == 0:
        return result
    # Below the tolerance far pairs are independent; above it, the remainder is kept whole.
    independent = found.residual <= tolerance
    together = found.together | ~independent[:, None]
    finished = finish(found.g, together, found.noise)
    finished = _in_frames(finished, found.frame[:, 0], found.frame[:, 1])
    finished.error += np.where(independent, 2 * found.residual, 0.0)
    result.put(found.rows, finished)
    return result


def separate(
    g: npt.NDArray[Any],
    energies: FloatArray,
    vectors: npt.NDArray[Any],
    joined: BoolArray,
    grid: Grid,
    tolerance: float,
    noise: FloatArray,
    allowed: FloatArray,
    *,
    wanted: Nodes = ENDS,
) -> Separated:
    """Follow the eigenframe and rotate the coupling between blocks away, order by order."""
    same = in_one_block(joined)
    levels = g.shape[-1]
    result = Separated.none(g)

    # The frame nearest to the middle one: blocks follow their projectors, no phase is left free.
    alone = not joined.any()
    alignment, aligned = alignments(vectors) if alone else aligned_blocks(vectors, joined)
    usable = np.flatnonzero(aligned)
    if usable.size == 0:
        return result
    g, energies, same, alignment = g[usable], energies[usable], same[usable], alignment[usable]
    joined, noise = joined[usable], noise[usable]
    turn = alignment[:, :, None, :]
    vectors = vectors[usable] * turn if alone else vectors[usable] @ alignment
    exact = np.zeros(usable.size, dtype=np.bool_)
    if alone:
        exact = 2 * np.min(np.diff(energies, axis=-1), axis=(1, 2)) > _APART_PHASE
    rotation = vectors.copy()
    rotation[~exact] = inverse_cayley(vectors[~exact])
    # What the nodes do not resolve of the rotation, its slope couples the more.
    fine = (tails(grid, rotation) <= _HOPELESS) & ~cut_short(grid, rotation, tolerance)
    if not fine.any():
        return result
    usable, g, energies, same = usable[fine], g[fine], energies[fine], same[fine]
    alignment, rotation = alignment[fine], rotation[fine]
    joined, noise, exact = joined[fine], noise[fine], exact[fine]
    g, frame = in_eigenframes(g, energies, rotation, exact, grid, wanted)
    resolved = nodes_resolve(grid, g, np.maximum(tolerance, allowed[usable]))
    if not resolved.any():
        return result
    usable, g, energies, same = usable[resolved], g[resolved], energies[resolved], same[resolved]
    # Beyond this nothing is real: eigenframes that turn couple by i times their slope.
    alignment, frame = (a[resolved].astype(np.complex128) for a in (alignment, frame))
    joined, noise = joined[resolved], noise[resolved]

    # What turns so little is integrated together with its neighbours.
    together = joined | (2 * np.min(np.diff(energies, axis=-1), axis=1) < NEAR_PHASE)
    same = in_one_block(together)
    cluster, block = _ends(joined), _ends(together)
    difference = energies[..., :, None] - energies[..., None, :]
    phase = 2 * np.min(np.abs(difference), axis=1)[:, None]
    near = same | (phase < NEAR_PHASE)
    inverse = np.where(near, 0.0, 1.0 / np.where(near, 1.0, difference))
    # A smooth coupling between levels whose phase Φ turns quickly acts only as its size over Φ, so
    # rounding of size u·Φ, unavoidable there, is harmless.
    weight = np.where(near, 0.0, np.minimum(1.0, grid.size**2 / np.maximum(phase, 1.0)))
    best = largest_entries(weight * g)
    best_g, best_frame = g.copy(), frame.copy()
    active = np.flatnonzero(best > tolerance)
    for _ in range(MOST_ROTATIONS):
        if active.size == 0:
            break
        u, size = alignment[active], None
        off = np.where(near[active], 0.0, g[active])
        # Sylvester equation G_pp S − S G_qq = −O_pq in the eigenbasis of the blocks.
        if alone:
            couplings = np.max(weight[active] * np.abs(off), axis=(0, 1))
            coupled = np.flatnonzero(np.any(couplings > _NEGLIGIBLE * tolerance, axis=-1))
        if alone and 2 * coupled.size <= levels:
            some = np.ix_(np.arange(active.size), np.arange(grid.size), coupled, coupled)
            inverses = np.broadcast_to(inverse[active], off.shape)
            s = -off[some] * inverses[some]
            g[active], q = rotate_some(g[active], s, coupled, grid, wanted)
            columns = np.ix_(active, np.arange(frame.shape[1]), np.arange(levels), coupled)
            frame[columns] = frame[columns] @ q
        else:
            s = -off * inverse[active]
            if not alone:
                s = -dagger(u) @ ((u @ off @ dagger(u)) * inverse[active]) @ u
            g[active], q, size = all_orders(
                g[active],
                s,
                energies[active],
                s if alone else u,
                cluster[active],
                block[active],
                weight[active, 0],
                grid,
                tolerance,
                wanted,
            )
            frame[active] = frame[active] @ q
        if size is None:
            size = largest_entries(weight[active] * g[active])
        better = size < best[active]
        going_on = better & (size < 0.5 * best[active]) & (size > tolerance)
        rows = active[better]
        best[rows] = size[better]
        best_g[rows], best_frame[rows] = g[rows], frame[rows]
        active = active[going_on]

    return Separated(usable, best_g, best_frame, together, noise, best)


def in_one_block(joined: BoolArray) -> BoolArray:
    """Return which levels are in one block, (P, 1, N, N)."""
    first = np.zeros((joined.shape[0], 1), dtype=np.intp)
    block = np.concatenate([first, np.cumsum(~joined, axis=-1)], axis=-1)
    return np.asarray((block[:, :, None] == block[:, None, :])[:, None])


def _ends(joined: BoolArray) -> npt.NDArray[np.int64]:
    """Return where the block of every level begins and ends, (P, N, 2)."""
    panels, pairs = joined.shape
    levels = np.arange(pairs + 1)
    edge = np.ones((panels, 1), dtype=np.bool_)
    first = np.concatenate([edge, ~joined], axis=1)
    last = np.concatenate([~joined, edge], axis=1)
    begin = np.maximum.accumulate(np.where(first, levels, 0), axis=1)
    end = np.minimum.accumulate(np.where(last, levels + 1, pairs + 1)[:, ::-1], axis=1)[:, ::-1]
    return np.stack([begin, end], axis=-1)
