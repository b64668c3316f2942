"""Panels on which a generator decays: groups of its eigenvalues as invariant subspaces.

The frame of H is no frame to start from where operators fixed in another basis act as strongly as H
does. There the generator itself is split: eigenvalues that lie apart on the panel, or couple weakly
for their distance, go to different groups; those that meet, as at an exceptional point, stay in
one. The invariant subspaces of the groups are followed over the nodes, derivatives included, until
what couples them is below the tolerance. All modes that decay to nothing on the panel are one group
and are dropped; the others are integrated on their own scale.

Shapes and coordinates are those of `_superoperator`: the first coordinate is the trace, whose row
of the generator is zero, so that the eigenvalue of the steady state is never a computed number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics._elimination import (
    DEAD,
    Ends,
    Solutions,
    integrate,
    row_sums,
    surviving,
    transform,
)
from anticrossing.dynamics._many_level import MOST_ROTATIONS, NEAR_PHASE
from anticrossing.dynamics._stacks import BoolArray, diagonals, largest_entries
from anticrossing.dynamics.chebyshev import Grid

_STRONGEST_MIXING = 0.3  # of two modes over a panel, in units of their distance
_WORST_VECTORS = 1e6  # condition above which a Schur form gives a group's subspace
_WORST_FRAME = 1e8
_WORST_BASIS = 1e11  # of eigenvectors that only have to separate groups
_UNIT = 1.1e-16
_RENEWALS = 3  # of the eigenbasis in which the groups are separated


IndexArray = npt.NDArray[np.intp]


def solve(g: ComplexArray, ends: Ends, grid: Grid, tolerance: float) -> Solutions:
    """Carry generators `g` (P, n, D, D), given at the nodes, across their panels."""
    panels, n, size, _ = g.shape
    result = Solutions.empty(panels, size)
    values, vectors = np.linalg.eig(g[:, n // 2, 1:, 1:])
    fine, coarse = _groups(g, vectors, grid)
    differ = np.any(fine != coarse, axis=(1, 2))
    for groups, todo in ((fine, np.ones(panels, dtype=np.bool_)), (coarse, differ)):
        rows = np.flatnonzero(todo & ~result.accepted)
        if rows.size == 0:
            break
        same = groups[rows]
        frame, inverse, good = _frames(g[rows, n // 2], values[rows], vectors[rows], same)
        rows, same, frame, inverse = rows[good], same[good], frame[good], inverse[good]
        if rows.size == 0:
            continue
        there = Ends(inverse @ ends.left_inverse[rows], ends.right[rows] @ frame)
        inside = inverse[:, None] @ g[rows] @ frame[:, None]
        inside[:, :, 0] = 0.0
        solved = _separate(inside, there, same, grid, tolerance)
        # Sums of large numbers leave their rounding in small elements; what decays forgets it.
        rounding = np.abs(inverse) @ np.abs(g[rows, n // 2]) @ np.abs(frame)
        decay = diagonals(inside).real.swapaxes(1, 2) @ grid.weights
        rounding *= np.exp(np.minimum(decay, 0.0))[:, None]
        solved.error += 4 * _UNIT * np.max(np.where(same, rounding, 0.0), axis=(1, 2))
        result.put(rows, solved)
    return result


def _groups(g: ComplexArray, vectors: ComplexArray, grid: Grid) -> tuple[BoolArray, BoolArray]:
    """Return which modes of the middle node belong together, (P, D, D); the trace is the first.

    Second the same with all that does not decay to nothing in one group.
    """
    panels, _, size, _ = g.shape
    with np.errstate(all="ignore"):
        inside = _inverses(vectors)[:, None] @ g[:, :, 1:, 1:] @ vectors[:, None]
        value = np.zeros((panels, g.shape[1], size), dtype=np.complex128)
        value[..., 1:] = diagonals(inside)
        apart = np.min(np.abs(value[..., :, None] - value[..., None, :]), axis=1)
        mixed = np.max(np.abs(inside) * np.abs(inside.swapaxes(-1, -2)), axis=1) ** 0.5
        joined = ~(2 * apart >= NEAR_PHASE)
        joined[:, 1:, 1:] |= ~(mixed <= _STRONGEST_MIXING * apart[:, 1:, 1:])
        dead = value.real.swapaxes(1, 2) @ grid.weights < -DEAD
    joined |= _die_together(g[:, g.shape[1] // 2, 1:, 1:], vectors, dead)
    coarse = joined | (~dead[:, :, None] & ~dead[:, None, :])
    return _closed(joined), _closed(coarse)


def _die_together(middle: ComplexArray, vectors: ComplexArray, dead: BoolArray) -> BoolArray:
    """Return the pairs of modes, (P, D, D), that need not be told apart to see that they die.

    Modes that decay at very different rates may be so far from orthogonal that a combination of
    them grows first: those go on as groups of their own.
    """
    together = np.zeros((*dead.shape, dead.shape[-1]), dtype=np.bool_)
    for p in np.flatnonzero(dead.any(axis=-1)):
        basis = np.linalg.qr(vectors[p][:, dead[p, 1:]])[0]
        growth = np.linalg.eigvalsh(hermitian_part(dagger(basis) @ middle[p] @ basis))[-1]
        if 2 * growth < -DEAD:
            together[p] = dead[p, :, None] & dead[p]
    return together


def _closed(joined: BoolArray) -> BoolArray:
    """Return the groups of which `joined` (P, D, D) names some pairs."""
    for _ in range(int(np.ceil(np.log2(joined.shape[-1])))):
        joined = (joined.astype(np.float32) @ joined.astype(np.float32)) > 0
    return joined


def _alike(same: BoolArray) -> Iterator[tuple[IndexArray, list[IndexArray]]]:
    """Yield panels with the same groups, and the members of each of these."""
    patterns, which = np.unique(same, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        groups = np.unique(pattern, axis=0)
        yield np.flatnonzero(np.ravel(which) == k), [np.flatnonzero(m) for m in groups]


def _frames(
    middle: ComplexArray, values: ComplexArray, vectors: ComplexArray, same: BoolArray
) -> tuple[ComplexArray, ComplexArray, BoolArray]:
    """Return bases of the groups' invariant subspaces at the middle node as columns, and inverses.

    They are orthonormal within a group. The first column is the steady state as far as it is known:
    the modes that are not in the group of the trace are counted from their equilibrium.
    """
    panels, size, _ = middle.shape
    frame = np.zeros((panels, size, size), dtype=np.complex128)
    frame[:, 0, 0] = 1.0
    for rows, groups in _alike(same):
        for group in groups:
            members = group[group > 0]
            if members.size == 0:
                continue
            own = vectors[rows][:, :, members - 1]
            frame[rows[:, None, None], 1 + np.arange(size - 1)[:, None], members] = np.linalg.qr(
                own
            )[0]
            lengths = np.linalg.svd(own, compute_uv=False)
            for p in rows[lengths[:, 0] > _WORST_VECTORS * lengths[:, -1]]:
                frame[p, 1:, members] = _subspace(middle[p, 1:, 1:], values[p], members - 1).T
    inverse = _inverses(frame)
    with np.errstate(all="ignore"):
        condition = row_sums(np.abs(frame)[:, None]) * row_sums(np.abs(inverse)[:, None])
        good = condition[:, 0] < _WORST_FRAME
    frame[~good] = inverse[~good] = np.eye(size)
    inside = inverse @ middle @ frame
    with_trace = same[:, 0, 1:]
    block = np.where(same[:, 1:, 1:], inside[:, 1:, 1:], 0.0)
    block = np.where(with_trace[:, :, None], np.eye(size - 1), block)
    driven = np.where(with_trace, 0.0, -inside[:, 1:, 0])
    solvable = np.linalg.cond(block) < 1 / _UNIT
    block[~solvable] = np.eye(size - 1)
    shift = np.linalg.solve(block, driven[..., None])
    frame[:, 1:, 0] = (frame[:, 1:, 1:] @ shift)[..., 0]
    inverse[:, 1:, 0] = -shift[..., 0]
    return frame, inverse, good & solvable


def _subspace(matrix: ComplexArray, values: ComplexArray, members: IndexArray) -> ComplexArray:
    """Return an orthonormal basis of the invariant subspace of some eigenvalues."""
    from scipy.linalg import schur

    inside = np.zeros(values.size, dtype=np.bool_)
    inside[members] = True

    def wanted(value: complex) -> bool:
        return bool(inside[np.argmin(np.abs(values - value))])

    _, basis, count = schur(matrix, output="complex", sort=wanted)
    found = np.zeros((values.size, members.size), dtype=np.complex128)
    if count == members.size:
        found[:] = basis[:, :count]
    return found  # zero where rounding moved an eigenvalue to another group: no frame


def _inverses(frame: ComplexArray) -> ComplexArray:
    """Return inverses; not a number where there is none."""
    try:
        return np.linalg.inv(frame)
    except np.linalg.LinAlgError:
        none = np.linalg.det(frame) == 0
        inverse = np.linalg.inv(np.where(none[..., None, None], np.eye(frame.shape[-1]), frame))
        inverse[none] = np.nan
        return inverse


def _separate(
    g: ComplexArray, ends: Ends, same: BoolArray, grid: Grid, tolerance: float
) -> Solutions:
    """Remove the couplings between groups order by order, then integrate every group."""
    panels, n, size, _ = g.shape
    near = same[:, None]
    g, best_g, best_ends = g.copy(), g.copy(), ends
    ends = Ends(ends.left_inverse.copy(), ends.right.copy())
    basis, back, values = np.empty_like(g), np.empty_like(g), np.empty((panels, n, size), complex)
    active = np.arange(panels)
    for order in range(MOST_ROTATIONS):
        if order < _RENEWALS:
            basis[active], back[active], values[active] = _eigenbases(g[active], same[active])
        if order == 0:
            phase = _distances(values, same)
            weight = np.where(same, 0.0, np.minimum(1.0, n**2 / np.maximum(phase, 1.0)))
            best = largest_entries((weight * surviving(g, grid))[:, None] * g)
            active = active[best > tolerance]
        if active.size == 0:
            break
        apart = np.where(near[active], np.inf, values[active, :, :, None] - values[active, :, None])
        s = -(back[active] @ np.where(near[active], 0.0, g[active]) @ basis[active]) / apart
        s = np.where(near[active], 0.0, basis[active] @ s @ back[active])
        s[:, :, 0] = 0.0
        # The column of the trace only moves the origin: it may be as large as it likes.
        inner = s[..., 1:, 1:]
        gentle = np.max(np.minimum(row_sums(inner), row_sums(inner.swapaxes(-1, -2))), axis=1) < 1.9
        active, s = active[gentle], s[gentle]
        if active.size == 0:
            break
        g[active], q_right, q_left_inverse = transform(g[active], s, grid)
        ends.right[active] = ends.right[active] @ q_right
        ends.left_inverse[active] = q_left_inverse @ ends.left_inverse[active]
        left = largest_entries((weight[active] * surviving(g[active], grid))[:, None] * g[active])
        better = left < best[active]
        enough = (left < 0.5 * best[active]) | (order < _RENEWALS)
        rows = active[better]
        best[rows] = left[better]
        best_g[rows], best_ends.right[rows] = g[rows], ends.right[rows]
        best_ends.left_inverse[rows] = ends.left_inverse[rows]
        active = active[better & enough & (left > tolerance)]
    separated = best <= tolerance
    kept = np.where(near | ~separated[:, None, None, None], best_g, 0.0)
    finished = integrate(kept, best_ends, grid, tolerance)
    finished.error = np.where(separated, np.maximum(2 * best, finished.error), finished.error)
    return finished


def _eigenbases(
    g: ComplexArray, same: BoolArray
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return the eigenvectors of every group at all nodes, their inverses and eigenvalues.

    Close to an exceptional point of a group its mean takes the place of its eigenvalues.
    """
    basis = np.broadcast_to(np.eye(g.shape[-1], dtype=np.complex128), g.shape).copy()
    back, values = basis.copy(), diagonals(g).copy()
    values[..., 0] = 0.0
    for rows, groups in _alike(same):
        for group in groups:
            if group.size == 1:
                continue
            block = (
                rows[:, None, None, None],
                np.arange(g.shape[1])[:, None, None],
                group[:, None],
                group,
            )
            found, vectors = np.linalg.eig(g[block])
            with np.errstate(all="ignore"):
                inverse = _inverses(vectors)
                known = row_sums(np.abs(inverse)) < _WORST_BASIS
            vectors[~known] = inverse[~known] = np.eye(group.size)
            found[~known] = np.mean(found[~known], axis=-1, keepdims=True)
            basis[block], back[block] = vectors, inverse
            values[rows[:, None, None], np.arange(g.shape[1])[:, None], group] = found
    return basis, back, values


def _distances(values: ComplexArray, same: BoolArray) -> FloatArray:
    """Return the smallest phase by which the groups of two modes differ on each panel."""
    phase = 2 * np.min(np.abs(values[..., :, None] - values[..., None, :]), axis=1)
    for rows, groups in _alike(same):
        for group in groups:
            phase[rows[:, None], group] = np.min(phase[rows[:, None], group], axis=1)[:, None]
        for group in groups:
            columns = (rows[:, None], slice(None), group)
            phase[columns] = np.min(phase[columns], axis=1)[:, None]
    return np.asarray(phase)
