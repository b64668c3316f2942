"""Vectorised step for panels of an N-level system, all panels at once.

As in `_two_level`: go to the instantaneous eigenframe, remove the off-diagonal part
order by order in the adiabaticity, and integrate exactly what remains. With many levels some pairs
may be too close in energy for that on a given panel. Such levels form a cluster that stays together
as one block: only its projector is followed, and the motion inside the block is solved by Picard
iteration in the interaction picture, like any remainder the nodes resolve.

Shapes: P panels, n nodes, N levels; all generators are scaled to τ ∈ [−1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary, polar_factor
from anticrossing.dynamics._stacks import (
    ENDS,
    BoolArray,
    alignments,
    diagonals,
    in_middle_frame,
    inverse_cayley,
    largest_entries,
    nodes_resolve,
    picard,
    rotate,
    rotate_some,
    tails,
)
from anticrossing.dynamics.chebyshev import Grid

MOST_ROTATIONS = 12
STRONGEST_PICARD = 12.0
# Neighbours that turn against each other by less than this on a panel are kept together. A panel
# that fails with every level on its own is tried again with small, then with larger clusters.
CLUSTER_PHASES = (0.0, 3.0, 8.0)
# Couplings of pairs that turn by less than this are integrated, not rotated away.
NEAR_PHASE = 6.0
_NEGLIGIBLE = 1e-3  # of the tolerance: pairs that couple less are left alone
# Last coefficients of the rotation into the eigenframes: those of near levels carry noise.
_HOPELESS = 1e-6
_ALMOST_DEGENERATE = 1e-9
_ROUNDING = 1e-12  # of the largest gap: levels that are nearer are one
_COEFFICIENT_NOISE = 1e-16  # of a rotation's Chebyshev series


@dataclass
class Solutions:
    """What one pass over P panels gives; rows of refused panels hold no meaning."""

    accepted: BoolArray
    propagator: ComplexArray
    left: ComplexArray
    right: ComplexArray
    error: FloatArray
    phase: FloatArray
    residual: FloatArray

    @classmethod
    def empty(cls, panels: int, levels: int) -> Solutions:
        shape = (panels, levels, levels)
        return cls(
            np.zeros(panels, dtype=np.bool_),
            np.zeros(shape, dtype=np.complex128),
            np.zeros(shape, dtype=np.complex128),
            np.zeros(shape, dtype=np.complex128),
            np.zeros(panels),
            np.zeros(panels),
            np.full(panels, np.inf),
        )

    def put(self, index: npt.NDArray[np.intp], other: Solutions) -> None:
        """Store the accepted rows of `other`, which were solved for the panels `index`."""
        rows = index[other.accepted]
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)[other.accepted]


def solve_panels(
    matrices: npt.NDArray[Any], half_width: FloatArray, grid: Grid, tolerance: float
) -> Solutions:
    """Solve i y′ = H y on every panel; `matrices` is H at the nodes, shape (P, n, N, N)."""
    panels, _, levels, _ = matrices.shape
    g, energies, frame = in_middle_frame(matrices, half_width, grid)
    resolved = nodes_resolve(grid, g, tolerance)
    result = Solutions.empty(panels, levels)
    spread = (energies[:, -1] - energies[:, 0]) * half_width
    index = np.flatnonzero(resolved & (spread < STRONGEST_PICARD))
    if index.size:
        result.put(index, _finish(g[index], frame[index], frame[index], grid, tolerance))
    index = np.flatnonzero(resolved & ~result.accepted)
    if index.size:
        g, frame = g[index], frame[index]
        energies, vectors = np.linalg.eigh(g)
        phases = 2 * np.min(np.diff(energies, axis=-1), axis=1)
        for joined, todo in clusterings(phases, result.accepted, index):
            rows = np.flatnonzero(todo)
            if rows.size:
                solved = _superadiabatic(
                    g[rows], energies[rows], vectors[rows], joined[rows], grid, tolerance
                )
                solved.left = frame[rows] @ solved.left
                solved.right = frame[rows] @ solved.right
                solved.propagator = frame[rows] @ solved.propagator @ dagger(frame[rows])
                result.put(index[rows], solved)
    return result


def superadiabatic_frames(
    matrices: npt.NDArray[Any], half_width: FloatArray, grid: Grid, tolerance: float
) -> Solutions:
    """Return the best superadiabatic frames of each panel, solved or not: see `residual`."""
    g, _, frame = in_middle_frame(matrices, half_width, grid)
    energies, vectors = np.linalg.eigh(g)
    apart = np.zeros((g.shape[0], g.shape[-1] - 1), dtype=np.bool_)
    solved = _superadiabatic(g, energies, vectors, apart, grid, tolerance, frames_only=True)
    solved.left = frame @ solved.left
    solved.right = frame @ solved.right
    return solved


def clusterings(
    phases: FloatArray, accepted: BoolArray, index: npt.NDArray[np.intp]
) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Return for each threshold which neighbours (P, N − 1) move as one, and which panels to try.

    `phases` belong to the distances of the levels, in the panels `index`. What is accepted
    meanwhile is not tried again, nor what equals the last attempt.
    """
    tried = None
    for threshold in CLUSTER_PHASES:
        joined = phases < threshold
        todo = ~accepted[index]
        if tried is not None:
            todo &= np.any(joined != tried, axis=-1)
        tried = joined
        yield joined, todo


def _superadiabatic(
    g: ComplexArray,
    energies: FloatArray,
    vectors: ComplexArray,
    joined: BoolArray,
    grid: Grid,
    tolerance: float,
    frames_only: bool = False,
) -> Solutions:
    """Follow the eigenframe and rotate the coupling between blocks away, order by order."""
    panels, _, levels = energies.shape
    block = np.concatenate([np.zeros((panels, 1), dtype=int), np.cumsum(~joined, axis=-1)], axis=-1)
    same = (block[:, :, None] == block[:, None, :])[:, None]
    result = Solutions.empty(panels, levels)

    # The frame nearest to the middle one: blocks follow their projectors, no phase is left free.
    alone = not joined.any()
    alignment, aligned = (
        alignments(vectors) if alone else polar_factor(np.where(same, dagger(vectors), 0.0))
    )
    usable = np.flatnonzero(aligned)
    if usable.size == 0:
        return result
    g, energies, same, alignment = g[usable], energies[usable], same[usable], alignment[usable]
    turn = alignment[:, :, None, :]
    rotation = inverse_cayley(vectors[usable] * turn if alone else vectors[usable] @ alignment)
    # What the nodes do not resolve of the rotation, its slope couples the more.
    fine = tails(grid, rotation) <= _HOPELESS
    if not (fine.any() or frames_only):
        return result
    if not frames_only:
        usable, g, energies, same = usable[fine], g[fine], energies[fine], same[fine]
        alignment, rotation = alignment[fine], rotation[fine]
    g, frame = rotate(g, rotation, grid, ENDS)
    left, right = frame[:, 0], frame[:, -1]
    resolved = nodes_resolve(grid, g, tolerance)
    if not resolved.any():
        return result
    usable, g, energies, same = usable[resolved], g[resolved], energies[resolved], same[resolved]
    alignment, left, right = alignment[resolved], left[resolved], right[resolved]

    difference = energies[..., :, None] - energies[..., None, :]
    phase = 2 * np.min(np.abs(difference), axis=1)[:, None]
    least: float | FloatArray = NEAR_PHASE
    if frames_only:
        largest = np.max(phase, axis=(1, 2, 3), keepdims=True)
        least = np.maximum(_ALMOST_DEGENERATE * np.minimum(largest, 1.0), np.finfo(float).tiny)
    near = same | (phase < least)
    inverse = np.where(near, 0.0, 1.0 / np.where(near, 1.0, difference))
    # A smooth coupling between levels whose phase Φ turns quickly acts only as its size over Φ, so
    # rounding of size u·Φ, unavoidable there, is harmless.
    weight = np.where(near, 0.0, np.minimum(1.0, grid.size**2 / np.maximum(phase, 1.0)))
    if frames_only:
        # What matters for a read-out is the mixing angle that is left, not its effect on a panel.
        apart = ~same & (phase > _ROUNDING * largest)
        weight = np.where(apart, 2 / np.maximum(phase, least), 0.0)
    best = largest_entries(weight * g)
    if frames_only:
        best = np.maximum(best, largest_entries(np.where(apart, _unknown(1, phase), 0.0)))
    best_g, best_left, best_right = g.copy(), left.copy(), right.copy()
    active = np.flatnonzero(best > tolerance)
    for order in range(1, MOST_ROTATIONS + 1):
        if active.size == 0:
            break
        u = alignment[active]
        left_out = near[active]
        if frames_only:
            unknown = _unknown(order, phase[active])
            left_out = left_out | (unknown > best[active, None, None, None])
        off = np.where(left_out, 0.0, g[active])
        # Sylvester equation G_pp S − S G_qq = −O_pq in the eigenbasis of the blocks.
        if alone:
            size = np.max(weight[active] * np.abs(off), axis=(0, 1))
            coupled = np.flatnonzero(np.any(size > _NEGLIGIBLE * tolerance, axis=-1))
        if alone and 2 * coupled.size <= levels and not frames_only:
            some = np.ix_(np.arange(active.size), np.arange(grid.size), coupled, coupled)
            inverses = np.broadcast_to(inverse[active], off.shape)
            g[active], q = rotate_some(g[active], -off[some] * inverses[some], coupled, grid)
            ends = np.ix_(active, np.arange(levels), coupled)
            left[ends], right[ends] = left[ends] @ q[:, 0], right[ends] @ q[:, 1]
        else:
            s = -off * inverse[active]
            if not alone:
                s = -dagger(u) @ ((u @ off @ dagger(u)) * inverse[active]) @ u
            g[active], q = rotate(g[active], s, grid, ENDS)
            left[active] = left[active] @ q[:, 0]
            right[active] = right[active] @ q[:, 1]
        size = largest_entries(weight[active] * g[active])
        if frames_only:
            size = np.maximum(size, largest_entries(np.where(left_out, 0.0, unknown)))
        better = size < best[active]
        going_on = better & (size < 0.5 * best[active]) & (size > tolerance)
        rows = active[better]
        best[rows] = size[better]
        best_g[rows], best_left[rows], best_right[rows] = g[rows], left[rows], right[rows]
        active = active[going_on]

    # Below the tolerance far pairs are independent; above it, the remainder is kept whole.
    independent = best <= tolerance
    kept = np.where(near | ~independent[:, None, None, None], best_g, 0.0)
    finished = _finish(kept, best_left, best_right, grid, tolerance)
    finished.error = np.where(independent, np.maximum(2 * best, finished.error), finished.error)
    finished.residual = best
    if frames_only:
        finished.accepted[:] = True
    result.put(usable, finished)
    return result


def _unknown(order: int, phase: FloatArray) -> FloatArray:
    """Return how well the mixing angles of an order are known on panels of phase Φ."""
    # The rotation of order k is made of k-th derivatives, each divided by the gap; for Tₖ they are
    # 2ᵏ⁻¹ k!. On narrow panels orders of noise go on falling, and what couples seems to be gone.
    positive = np.maximum(phase, np.finfo(np.float64).tiny)
    logarithm = (order - 1) * math.log(2) + math.lgamma(order + 1) - order * np.log(positive)
    return np.asarray(_COEFFICIENT_NOISE * np.exp(np.minimum(logarithm, 300.0)))


def _finish(
    g: ComplexArray, left: ComplexArray, right: ComplexArray, grid: Grid, tolerance: float
) -> Solutions:
    """Integrate the remaining generator: phases by quadrature, couplings by Picard iteration."""
    panels, n, levels, _ = g.shape
    result = Solutions.empty(panels, levels)
    result.left, result.right = left, right
    diagonal = diagonals(g).real
    theta = grid.integral @ diagonal
    result.phase = np.max(np.abs(theta[:, -1]), axis=-1)
    coupling = g.copy()
    diagonals(coupling)[...] = 0.0
    strength = np.max(np.sum(np.abs(coupling), axis=-1), axis=(1, 2))
    inner = np.broadcast_to(np.eye(levels, dtype=np.complex128), (panels, levels, levels)).copy()

    diagonal_only = strength <= 1e-3 * tolerance
    result.accepted |= diagonal_only
    rows = np.flatnonzero(~diagonal_only & (strength < STRONGEST_PICARD))
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
        inner[rows[solved]] = nearer_unitary(y)[0][solved]
        result.accepted[rows[solved]] = True
        result.error[rows[solved]] = tolerance

    phases = np.exp(-1j * theta[:, -1])
    result.propagator = right @ (phases[..., None] * inner) @ dagger(left)
    return result
