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
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics import _spectral_kernels
from anticrossing.dynamics._elimination import (
    DEAD,
    Ends,
    Solutions,
    integrate,
    remembered,
    row_sums,
    surviving,
    transform,
)
from anticrossing.dynamics._many_level import MOST_ROTATIONS, NEAR_PHASE
from anticrossing.dynamics._stacks import ENDS, BoolArray, Nodes, diagonals
from anticrossing.dynamics.chebyshev import Grid

_PARALLEL = 0.7  # the cosine between two modes
_STRONGEST_MIXING = 0.3  # of two modes over a panel, in units of their distance
_WORST_VECTORS = 1e6  # condition above which a Schur form gives a group's subspace
_WORST_FRAME = 1e8
_WORST_BASIS = 1e11  # of eigenvectors that only have to separate groups
_WORST_PRODUCT = 1e8
_LEAST_DECAY = 1e-12
_UNIT = 1.1e-16
_DISTANT = 4.0  # groups, by n² radians times this: derivatives no longer add up
_STRONGEST_ROTATION = 1.9  # beyond norm 2 there may be none
_RENEWALS = 3  # of the eigenbasis in which the groups are separated


IndexArray = npt.NDArray[np.intp]


def solve(g: ComplexArray, ends: Ends, grid: Grid, tolerance: float) -> Solutions:
    """Carry generators `g` (P, n, D, D), given at the nodes, across their panels."""
    panels, _, size, _ = g.shape
    result = Solutions.empty(panels, size)
    for split in splits(g, grid, result.accepted):
        rows, frame, inverse = split.rows, split.frame, split.inverse
        there = Ends(inverse @ ends.left_inverse[rows], ends.right[rows] @ frame)
        known = split.rounding(g, grid)
        solved = _separate(split.g, there, split.same, grid, tolerance, known)
        solved.error += known
        result.put(rows, solved)
    return result


@dataclass(frozen=True)
class Split:
    """Panels `rows` in the frame of their middle node, and which modes of it are one group."""

    rows: IndexArray
    g: ComplexArray
    frame: ComplexArray
    inverse: ComplexArray
    same: BoolArray

    def rounding(self, given: ComplexArray, grid: Grid) -> FloatArray:
        """Return what is not known of the panels for the rounding of all `given` generators."""
        # Sums of large numbers leave their rounding in small elements; what decays forgets what it
        # was, and where its equilibrium lies is as uncertain as its rate.
        middle = given[self.rows, grid.size // 2]
        rounding = np.abs(self.inverse) @ np.abs(middle) @ np.abs(self.frame)
        decay = diagonals(self.g).real.swapaxes(1, 2) @ grid.weights
        share = remembered(-decay)
        rounding *= np.minimum(share[:, :, None], share[:, None])
        together = self.same.copy()
        together[:, :, 0] = True
        return np.asarray(4 * _UNIT * np.max(np.where(together, rounding, 0.0), axis=(1, 2)))


def splits(
    g: ComplexArray, grid: Grid, accepted: BoolArray, *, told_apart: bool = False
) -> Iterator[Split]:
    """Yield ways to split the spectrum on those panels that no earlier one has `accepted`.

    First with all modes that die as one group, or with those `told_apart`.
    """
    n = g.shape[1]
    values, vectors = np.linalg.eig(g[:, n // 2, 1:, 1:])
    attempts, dead = _groupings(g, values, vectors, grid)
    die_together = 0
    if told_apart:
        attempts, die_together = [attempts[1], attempts[0], attempts[2]], 1
    for k, groups in enumerate(attempts):
        new = [np.any(groups != before, axis=(1, 2)) for before in attempts[:k]]
        rows = np.flatnonzero(~accepted & np.all(new, axis=0))
        if rows.size == 0:
            continue
        same = groups[rows]
        frame, inverse, good = _frames(
            g[rows, n // 2], values[rows], vectors[rows], same, dead[rows]
        )
        inside = inverse[:, None] @ g[rows] @ frame[:, None]
        inside[:, :, 0] = 0.0
        if k == die_together:  # modes of very different decay may not be seen to die together
            alive = surviving(inside, grid) > 0
            good &= ~np.any(alive & dead[rows][:, :, None] & dead[rows][:, None], axis=(1, 2))
        if good.any():
            yield Split(rows[good], inside[good], frame[good], inverse[good], same[good])


def _groupings(
    g: ComplexArray, values: ComplexArray, vectors: ComplexArray, grid: Grid
) -> tuple[list[BoolArray], BoolArray]:
    """Return which modes of the middle node belong together, (P, D, D); the trace is the first.

    To be tried in turn: with all that die as one group, with these told apart, and with all that
    live as one. Also which modes die, (P, D). Modes that are parallel but for a small angle are
    close to an exceptional point, where one of them means nothing.
    """
    panels, n, size, _ = g.shape
    parallel = np.abs(dagger(vectors) @ vectors) > _PARALLEL
    distance = np.abs(values[:, :, None] - values[:, None, :])
    joined = np.broadcast_to(np.eye(size, dtype=np.bool_), (panels, size, size)).copy()
    joined[:, 1:, 1:] |= parallel & (distance < 0.5 * np.abs(values)[:, None])
    basis = _orthonormal(vectors, _closed(joined))
    with np.errstate(all="ignore"):
        inside = _inverses(basis)[:, None] @ g[:, :, 1:, 1:] @ basis[:, None]
        value = np.zeros((panels, n, size), dtype=np.complex128)
        value[..., 1:] = diagonals(inside)
        apart = np.min(np.abs(value[..., :, None] - value[..., None, :]), axis=1)
        mixed = np.max(np.abs(inside) * np.abs(inside.swapaxes(-1, -2)), axis=1) ** 0.5
        joined |= ~(2 * apart >= NEAR_PHASE)
        joined[:, 1:, 1:] |= ~(mixed <= _STRONGEST_MIXING * apart[:, 1:, 1:])
        dead = value.real.swapaxes(1, 2) @ grid.weights < -DEAD
    gone = dead[:, :, None] & dead[:, None, :]
    alive = ~dead[:, :, None] & ~dead[:, None, :]
    return [_closed(joined | gone), _closed(joined), _closed(joined | gone | alive)], dead


def _closed(joined: BoolArray) -> BoolArray:
    """Return the groups of which `joined` (P, D, D) names some pairs."""
    joined = joined | joined.swapaxes(-1, -2)
    for _ in range(int(np.ceil(np.log2(joined.shape[-1])))):
        joined = (joined.astype(np.float32) @ joined.astype(np.float32)) > 0
    return joined


def _alike(same: BoolArray) -> Iterator[tuple[IndexArray, list[IndexArray]]]:
    """Yield panels with the same groups, and the members of each of these."""
    # By the first member of everyone's group: far quicker than unique matrices.
    first = np.argmax(same, axis=-1).astype(np.uint8)
    panels: dict[bytes, list[int]] = {}
    for p, pattern in enumerate(first):
        panels.setdefault(pattern.tobytes(), []).append(p)
    for rows in panels.values():
        groups = [np.flatnonzero(first[rows[0]] == k) for k in np.unique(first[rows[0]])]
        yield np.array(rows), groups


def _frames(
    middle: ComplexArray,
    values: ComplexArray,
    vectors: ComplexArray,
    same: BoolArray,
    dead: BoolArray,
) -> tuple[ComplexArray, ComplexArray, BoolArray]:
    """Return bases of the groups' invariant subspaces at the middle node as columns, and inverses.

    They are orthonormal within a group, in the scalar product in which it decays. The first column
    is the steady state as far as it is known: modes that are not in the group of the trace are
    counted from their equilibrium.
    """
    panels, size, _ = middle.shape
    frame = np.zeros((panels, size, size), dtype=np.complex128)
    frame[:, 0, 0] = 1.0
    frame[:, 1:, 1:] = _orthonormal(vectors, same)
    for rows, groups in _alike(same):
        for group in groups:
            members = group[group > 0]
            if members.size < 2:
                continue
            own = vectors[rows][:, :, members - 1]
            lengths = np.linalg.svd(own, compute_uv=False)
            for p in rows[lengths[:, 0] > _WORST_VECTORS * lengths[:, -1]]:
                frame[p, 1:, members] = _subspace(middle[p, 1:, 1:], values[p], members - 1).T
            for p in rows[np.all(dead[rows][:, members], axis=1)]:
                own = frame[p, 1:][:, members]
                own = own @ _decaying_basis(dagger(own) @ middle[p, 1:, 1:] @ own)
                frame[p, 1:, members] = own.T
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


def _orthonormal(vectors: ComplexArray, same: BoolArray) -> ComplexArray:
    """Return the modes without the trace, of length one, orthonormal within every group."""
    basis = np.zeros_like(vectors)
    for rows, groups in _alike(same[:, 1:, 1:]):
        for group in groups:
            found = vectors[rows][:, :, group]
            if group.size > 1:
                found = np.linalg.qr(found)[0]
            basis[rows[:, None, None], np.arange(vectors.shape[-1])[:, None], group] = found
    return basis


def _decaying_basis(block: ComplexArray) -> ComplexArray:
    """Return a basis, as columns, in which exp(block τ) shrinks from the first moment.

    Lyapunov's equation gives the scalar product. Where it loses too many digits, or where all
    shrinks anyhow, the basis is the present one.
    """
    from scipy.linalg import solve_continuous_lyapunov

    identity = np.eye(block.shape[0], dtype=np.complex128)
    if 2 * np.linalg.eigvalsh(hermitian_part(block))[-1] < -DEAD:
        return identity
    values = np.linalg.eigvals(block)
    slowest = np.max(values.real)
    if not slowest < -_LEAST_DECAY * np.max(np.abs(values)):  # it only dies elsewhere on the panel
        return identity
    shifted = block - 0.5 * slowest * identity
    lengths, axes = np.linalg.eigh(
        hermitian_part(solve_continuous_lyapunov(dagger(shifted), -identity))
    )
    if not lengths[0] * _WORST_PRODUCT > lengths[-1] > 0:
        return identity
    return np.asarray(axes * np.sqrt(lengths[-1] / lengths))


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
        return np.asarray(np.linalg.inv(frame), dtype=np.complex128)
    except np.linalg.LinAlgError:
        none = np.linalg.det(frame) == 0
        some = np.where(none[..., None, None], np.eye(frame.shape[-1]), frame)
        inverse = np.asarray(np.linalg.inv(some), dtype=np.complex128)
        inverse[none] = np.nan
        return inverse


def _separate(
    g: ComplexArray, ends: Ends, same: BoolArray, grid: Grid, tolerance: float, known: FloatArray
) -> Solutions:
    """Remove the couplings between groups order by order, then integrate every group."""
    if g.shape[-1] == _spectral_kernels.SIZE:
        weight = _weights(_values(g, same), same, grid)
        found, there = (
            np.array(g, np.complex128, order="C"),
            Ends(ends.left_inverse.copy(), ends.right.copy()),
        )
        best = np.empty(g.shape[0])
        _spectral_kernels.separate_panels(
            found,
            there.left_inverse,
            there.right,
            np.argmax(same, axis=-1),
            weight,
            grid.weights,
            grid.to_coefficients,
            grid.from_coefficients,
            grid.slope_from_coefficients,
            DEAD,
            _STRONGEST_ROTATION,
            MOST_ROTATIONS,
            tolerance,
            best,
        )
    else:
        parts = separate(g, same, grid, tolerance, ENDS)
        found, best = parts.g, parts.left
        there = Ends(parts.inverse[:, 0] @ ends.left_inverse, ends.right @ parts.frame[:, -1])
    separated = best <= tolerance
    kept = np.where(same[:, None] | ~separated[:, None, None, None], found, 0.0)
    finished = integrate(kept, there, grid, tolerance, known)
    finished.error = np.where(separated, np.maximum(2 * best, finished.error), finished.error)
    return finished


def _weights(values: ComplexArray, same: BoolArray, grid: Grid) -> FloatArray:
    """Return how much couplings between groups matter, or with a minus sign what removes them."""
    # What couples distant groups moves a mode, or the equilibrium, by what would remove it, and at
    # both ends by derivatives of that: the rounding of fast modes is large and moves little.
    n = grid.size
    phase = _distances(values, same)
    weight = np.where(same, 0.0, np.minimum(1.0, n**2 / np.maximum(phase, 1.0)))
    return np.where(phase > _DISTANT * n**2, -_DISTANT, weight)


@dataclass(frozen=True)
class Separated:
    """Generators (P, n, D, D) in frames that leave little between groups, and how much.

    `frame` and `inverse` are at the wanted nodes, in the coordinates of the given generators.
    """

    g: ComplexArray
    frame: ComplexArray
    inverse: ComplexArray
    left: FloatArray


def separate(
    g: ComplexArray, same: BoolArray, grid: Grid, tolerance: float, wanted: Nodes
) -> Separated:
    """Remove the couplings between groups order by order, as well as it can be done."""
    panels = g.shape[0]
    near = same[:, None]
    basis, back, values = _eigenbases(g, same)
    weight = _weights(values, same, grid)
    best = Separated(g.copy(), *_no_frames(g, wanted), np.full(panels, np.inf))
    g, frame, inverse = g.copy(), best.frame.copy(), best.inverse.copy()
    active = np.arange(panels)
    for order in range(MOST_ROTATIONS + 1):
        if 0 < order < _RENEWALS:
            basis[active], back[active], values[active] = _eigenbases(g[active], same[active])
        apart = np.where(near[active], np.inf, values[active, :, :, None] - values[active, :, None])
        s = -(back[active] @ np.where(near[active], 0.0, g[active]) @ basis[active]) / apart
        s = np.where(near[active], 0.0, basis[active] @ s @ back[active])
        share = weight[active][:, None]
        coupling = np.abs(share) * np.where(share < 0, np.abs(s), np.abs(g[active]))
        left = np.max(surviving(g[active], grid)[:, None] * coupling, axis=(1, 2, 3))
        better, enough = left < best.left[active], left < 0.5 * best.left[active]
        rows = active[better]
        best.left[rows], best.g[rows] = left[better], g[rows]
        best.frame[rows], best.inverse[rows] = frame[rows], inverse[rows]
        s[:, :, 0] = 0.0
        # The column of the trace only moves the origin: it may be as large as it likes.
        inner = s[..., 1:, 1:]
        turned = np.max(np.minimum(row_sums(inner), row_sums(inner.swapaxes(-1, -2))), axis=1)
        going_on = (turned < _STRONGEST_ROTATION) & enough & (left > tolerance)
        active, s = active[going_on], s[going_on]
        if active.size == 0 or order == MOST_ROTATIONS:
            break
        g[active], q, q_inverse = transform(g[active], s, grid)
        frame[active] = frame[active] @ q[:, wanted]
        inverse[active] = q_inverse[:, wanted] @ inverse[active]
    return best


def _no_frames(g: ComplexArray, wanted: Nodes) -> tuple[ComplexArray, ComplexArray]:
    frame = np.broadcast_to(np.eye(g.shape[-1], dtype=np.complex128), g[:, wanted].shape)
    return frame.copy(), frame.copy()


def _eigenbases(
    g: ComplexArray, same: BoolArray
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return the eigenvectors of every group at all nodes, their inverses and eigenvalues.

    Close to an exceptional point of a group its mean takes the place of its eigenvalues.
    """
    basis = np.broadcast_to(np.eye(g.shape[-1], dtype=np.complex128), g.shape).copy()
    back, values = basis.copy(), diagonals(g).copy()
    values[..., 0] = 0.0
    for block, own in _several(g, same):
        found, vectors = np.linalg.eig(g[block])
        with np.errstate(all="ignore"):
            inverse = _inverses(vectors)
            known = row_sums(np.abs(inverse)) < _WORST_BASIS
        vectors[~known] = inverse[~known] = np.eye(vectors.shape[-1])
        found[~known] = np.mean(found[~known], axis=-1, keepdims=True)
        basis[block], back[block], values[own] = vectors, inverse, found
    return basis, back, values


def _values(g: ComplexArray, same: BoolArray) -> ComplexArray:
    """Return the eigenvalues of every group at all nodes."""
    values = diagonals(g).copy()
    values[..., 0] = 0.0
    for block, own in _several(g, same):
        inside = g[block]
        values[own] = _pairs(inside) if inside.shape[-1] == 2 else np.linalg.eigvals(inside)
    return values


def _pairs(g: ComplexArray) -> ComplexArray:
    """Return both eigenvalues of (…, 2, 2); far quicker than LAPACK one by one."""
    mean = 0.5 * (g[..., 0, 0] + g[..., 1, 1])
    half = 0.5 * (g[..., 0, 0] - g[..., 1, 1])
    root = np.sqrt(half * half + g[..., 0, 1] * g[..., 1, 0])
    return np.stack([mean - root, mean + root], axis=-1)


def _several(
    g: ComplexArray, same: BoolArray
) -> Iterator[tuple[tuple[IndexArray, ...], tuple[IndexArray, ...]]]:
    """Yield where the generators of groups of several modes stand, and their diagonals."""
    node = np.arange(g.shape[1])
    for rows, groups in _alike(same):
        for group in groups:
            if group.size > 1:
                block = (rows[:, None, None, None], node[:, None, None], group[:, None], group)
                yield block, (rows[:, None, None], node[:, None], group)


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
