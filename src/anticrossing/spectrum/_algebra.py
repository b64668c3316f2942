"""The common blocks of Hermitian matrices, by numbers: what no product of them connects.

References
----------
K. Murota, Y. Kanno, M. Kojima and S. Kojima, Japan J. Indust. Appl. Math. 27, 125 (2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing.hamiltonian import Matrices

ZERO_AS_GIVEN = 1e-15  # relative size below which a given matrix element counts as zero
ZERO_ROTATED = 1e-11  # the same after a numerical change of basis
_SEEDS = (1, 2, 3)
APART = 1e-4  # of the largest eigenvalue: their vectors are exact to far below ZERO_ROTATED
_MOST_MIXED = 0.5  # in one step, by which Newton and Schulz still find a unitary matrix
_ROUNDS, _STEPS, _ENOUGH = 3, 40, 1e-3
_EQUAL = 1e-10  # elements of two blocks in a basis of their own, which is known to about that
_SAME_LEVELS = 2e-14  # levels of two equal blocks, of the largest element
_KNOWN = 1e-7  # distance of eigenvalues that tells their vectors well enough to compare blocks

Parts = npt.NDArray[np.intp]


class Split(NamedTuple):
    """A basis as columns, None for the given one, and the block of each of its vectors."""

    basis: Matrices | None
    parts: Parts


def dense(matrix: Any) -> Matrices:
    """Return a matrix as an array, also a sparse one."""
    return np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())


def components(matrices: Sequence[Any], zero: float) -> Parts:
    """Return the connected component of each basis vector in the union of the sparsity graphs."""
    size = matrices[0].shape[0]
    dense = np.zeros((size, size), dtype=bool)
    sparse = []
    for matrix in matrices:
        links = abs(matrix) > zero * (abs(matrix).max() if size else 0.0)
        if isinstance(matrix, np.ndarray):
            dense |= links
        else:
            sparse.append(links)
    if not sparse:
        return _dense_components(dense | dense.T)
    import scipy.sparse
    import scipy.sparse.csgraph

    total = scipy.sparse.csr_matrix(dense)
    for links in sparse:
        total = total + scipy.sparse.csr_matrix(links)
    _, labels = scipy.sparse.csgraph.connected_components(total, directed=False)
    return np.asarray(labels, dtype=np.intp)


def _dense_components(links: npt.NDArray[np.bool_]) -> Parts:
    labels = np.full(links.shape[0], -1, dtype=np.intp)
    for first in range(labels.size):
        if labels[first] < 0:
            label, reached = labels.max() + 1, np.array([first])
            while reached.size:
                labels[reached] = label
                reached = np.flatnonzero(links[reached].any(axis=0) & (labels < 0))
    return labels


def split(matrices: Sequence[Any], labels: Parts, largest: int, zero: float | None = None) -> Split:
    """Split every component of the given basis that has at most so many states.

    Relative to the largest, elements below `zero` are none; without it those below 1e-11. With it
    the basis is as good as rounding allows.
    """
    size = labels.size
    real = not any(np.iscomplexobj(matrix) for matrix in matrices)
    basis: Matrices | None = None
    new = np.zeros(size, dtype=np.intp)
    count = 0
    for component in range(int(labels.max()) + 1):
        inside = np.flatnonzero(labels == component)
        if not 1 < inside.size <= largest:
            new[inside] = count
            count += 1
            continue
        blocks = np.stack([dense(matrix[inside][:, inside]) for matrix in matrices])
        vectors, parts = _decompose(blocks, zero)
        number = int(parts.max()) + 1
        if number > 1:
            if real:
                vectors = _real_basis(vectors, parts)
            basis = np.eye(size) if basis is None else basis
            basis = basis.astype(np.result_type(basis, vectors))
            basis[np.ix_(inside, inside)] = vectors
        new[inside] = count + parts
        count += number
    return Split(basis, new)


def _decompose(blocks: npt.NDArray[Any], zero: float | None) -> tuple[Matrices, Parts]:
    """Return (basis, part of each basis vector) of the finest common block form found."""
    size = blocks.shape[-1]
    scales = np.abs(blocks).max(axis=(1, 2), keepdims=True)
    blocks = blocks[scales[:, 0, 0] > 0] / scales[scales[:, 0, 0] > 0]
    if size == 1 or blocks.shape[0] == 0:
        # A zero block, or one level: every basis vector is its own sector.
        return np.eye(size), np.arange(size, dtype=np.intp)
    best: tuple[Matrices, Parts] = np.eye(size), np.zeros(size, dtype=np.intp)
    for seed in _SEEDS:
        vectors, apart = _aligned_eigenbasis(blocks, np.random.default_rng(seed))
        turned = dagger(vectors) @ blocks @ vectors
        parts = _dense_components(np.max(np.abs(turned), axis=0) > ZERO_ROTATED)
        if parts.max() > best[1].max():
            best = vectors, parts
        # What commutes with all is diagonal where no two eigenvalues agree: there is nothing finer.
        if apart or (best[1].max() > 0 and seed != _SEEDS[0]):
            break
    vectors, parts = best
    if parts.max() > 0 and zero is not None:
        vectors, across = _refined(blocks, vectors, parts, zero)
        parts = _dense_components((parts[:, None] == parts) | (across > zero))
    return vectors, parts


def _aligned_eigenbasis(
    blocks: npt.NDArray[Any], rng: np.random.Generator
) -> tuple[Matrices, bool]:
    """Diagonalise a generic element of the algebra; align the bases of its degenerate spaces."""
    # Also returns whether its eigenvalues are well apart.
    a, b, c, d, e = np.tensordot(rng.normal(size=(5, blocks.shape[0])), blocks, axes=1)
    # Sums alone need not separate sectors (two spins can share an eigenvalue for every field), so
    # products are added; the commutator makes the element generic among complex matrices too.
    generic = a + (b @ c + c @ b) / 2 + 1j * (d @ e - e @ d) / 2
    values, vectors = np.linalg.eigh(generic)
    scale = max(float(np.abs(values).max()), 1.0)
    spacings = np.diff(values)
    starts = np.flatnonzero(np.concatenate([[True], spacings > 1e-9 * scale]))
    if starts.size == values.size:
        return np.asarray(vectors), bool(spacings.min() > APART * scale)
    # Copies of one sector give equal eigenvalues, and between two such eigenspaces every element
    # of the algebra is a multiple of one unitary: carrying the basis over with it aligns them.
    weights = rng.normal(size=blocks.shape[0]) + 1j * rng.normal(size=blocks.shape[0])
    link = dagger(vectors) @ np.tensordot(weights, blocks, axes=1) @ vectors
    size = np.abs(link)
    strength = np.maximum.reduceat(np.maximum.reduceat(size, starts, axis=0), starts, axis=1)
    width = np.diff(np.append(starts, values.size))
    groups = [slice(first, first + n) for first, n in zip(starts, width, strict=True)]
    strength[width[:, None] != width] = 0.0
    turns: dict[int, Matrices] = {}
    for target, source in _spanning_tree(strength):
        if source is None:
            turns[target] = np.eye(width[target])
            continue
        left, _, right = np.linalg.svd(link[groups[target], groups[source]] @ turns[source])
        turns[target] = left @ right
    for group, turn in turns.items():
        vectors[:, groups[group]] = vectors[:, groups[group]] @ turn
    return np.asarray(vectors), False


def _spanning_tree(strength: npt.NDArray[np.float64]) -> list[tuple[int, int | None]]:
    """Return every node with the one before it, along the strongest links; None for a first one."""
    nodes = strength.shape[0]
    pending = np.ones(nodes, dtype=np.bool_)
    best, before = np.zeros(nodes), np.zeros(nodes, dtype=np.intp)
    tree: list[tuple[int, int | None]] = []
    for _ in range(nodes):
        target = int(np.argmax(np.where(pending, best, -1.0)))
        tree.append((target, int(before[target]) if best[target] > ZERO_ROTATED else None))
        pending[target] = False
        stronger = strength[:, target] > best
        best[stronger], before[stronger] = strength[stronger, target], target
    return tree


def _real_basis(vectors: Matrices, parts: Parts) -> Matrices:
    """Return a real basis of the same subspaces, where they are real."""
    real = np.empty(vectors.shape)
    for part in range(int(parts.max()) + 1):
        inside = parts == part
        count = int(inside.sum())
        own = vectors[:, inside]
        columns, sizes, _ = np.linalg.svd(np.hstack([own.real, own.imag]), full_matrices=False)
        if np.abs(sizes[:count] - 1).max() > 1e-10:
            return vectors
        real[:, inside] = columns[:, :count]
    return real


def _refined(
    blocks: npt.NDArray[Any], vectors: Matrices, parts: Parts, zero: float
) -> tuple[Matrices, npt.NDArray[np.float64]]:
    """Return a basis that leaves less between parts, and what it leaves between its vectors."""
    # Where eigenvalues of two parts happen to be close, their vectors are mixed by rounding over
    # the distance. The mixing X of two parts a, b solves A_k X − X B_k = −(what is between them).
    order = np.argsort(parts, kind="stable")
    vectors, parts = vectors[:, order], parts[order]
    starts = np.flatnonzero(np.diff(parts, prepend=-1))
    sizes = np.diff(np.append(starts, parts.size))
    apart = parts[:, None] != parts
    best = vectors, np.full(apart.shape, np.inf)
    for _ in range(_ROUNDS):
        turned = dagger(vectors) @ blocks @ vectors
        across = np.where(apart, np.max(np.abs(turned), axis=0), 0.0)
        if not across.max() < best[1].max():
            break
        best = vectors, across
        worst = np.maximum.reduceat(np.maximum.reduceat(across, starts, axis=0), starts, axis=1)
        one, other = np.nonzero(np.triu(worst) > 0.5 * zero)
        if one.size == 0:
            break
        mixing = np.zeros(vectors.shape, dtype=np.complex128)
        shapes = np.stack([sizes[one], sizes[other]])
        for rows, columns in np.unique(shapes, axis=1).T:  # pairs of one shape together
            alike = (shapes[0] == rows) & (shapes[1] == columns)
            here = starts[one[alike], None] + np.arange(rows)
            there = starts[other[alike], None] + np.arange(columns)
            x = _mixing(
                turned[:, here[:, :, None], here[:, None]],
                turned[:, there[:, :, None], there[:, None]],
                turned[:, here[:, :, None], there[:, None]],
            )
            mixing[here[:, :, None], there[:, None]] = x
            mixing[there[:, :, None], here[:, None]] = -dagger(x)
        if not np.max(np.sum(np.abs(mixing), axis=1)) <= _MOST_MIXED:
            break  # that is another basis
        vectors = vectors + vectors @ mixing
        for _ in range(2):
            vectors, _ = nearer_unitary(vectors)
    back = np.argsort(order)
    return best[0][:, back], best[1][np.ix_(back, back)]


def _mixing(a: npt.NDArray[Any], b: npt.NDArray[Any], between: npt.NDArray[Any]) -> Matrices:
    """Return X (P, n, m) for which A_k X − X B_k + C_k is least for all k together."""
    # Conjugate gradients for P problems at once; all arrays are (K, P, …).
    x = np.zeros(between.shape[1:], dtype=np.complex128)
    left = -between.astype(np.complex128)
    step = slope = np.sum(a @ left - left @ b, axis=0)
    size = np.sum(np.abs(slope) ** 2, axis=(1, 2))
    enough = _ENOUGH**2 * size
    for _ in range(_STEPS):
        going = (size > enough) & (np.max(np.abs(x), axis=(1, 2)) < _MOST_MIXED)
        if not going.any():
            break
        moved = a @ step - step @ b
        length = np.sum(np.abs(moved) ** 2, axis=(0, 2, 3))
        far = np.where(going, size / np.where(length > 0, length, 1.0), 0.0)[:, None, None]
        x, left = x + far * step, left - far * moved
        slope = np.sum(a @ left - left @ b, axis=0)
        size, previous = np.sum(np.abs(slope) ** 2, axis=(1, 2)), size
        ratio = np.where(previous > 0, size / np.where(previous > 0, previous, 1.0), 0.0)
        step = slope + ratio[:, None, None] * step
    return x


# ---- equal blocks -------------------------------------------------------------------------------


def equal_blocks(stacks: Sequence[npt.NDArray[Any]]) -> tuple[list[int], list[Matrices]]:
    """Return for every block (K, n, n) the first one that it equals, and a turn of its basis.

    Turned, equal blocks are the same matrices, and blocks that are real in some basis are real.
    The largest element of every term, in the whole space, is 1.
    """
    first: list[int] = []
    turns: list[Matrices] = []
    turned: list[npt.NDArray[Any]] = []
    for k, stack in enumerate(stacks):
        turns.append(_own_basis(stack))
        turned.append(dagger(turns[k]) @ stack @ turns[k])
        same = (j for j in dict.fromkeys(first) if _is_copy(turned[j], turned[k]))
        first.append(next(same, k))
    return first, turns


def _own_basis(stack: npt.NDArray[Any]) -> Matrices:
    """Return a basis of a block (K, n, n) that follows from its matrices alone, phases included.

    Equal blocks, whatever the basis they are written in, are the same matrices in it; blocks that
    are real in some basis are real in it. Where eigenvalues are too close to tell one, it is the
    basis as given.
    """
    size = stack.shape[-1]
    if size == 1:
        return np.eye(1)
    rng = np.random.default_rng(7)
    a, b, c, d, e, f = np.tensordot(rng.normal(size=(6, stack.shape[0])), stack, axes=1)
    values, vectors = np.linalg.eigh(a + (b @ c + c @ b) / 2)
    if not np.diff(values).min() > _KNOWN * max(float(np.abs(values).max()), 1.0):
        return np.eye(size)
    link = dagger(vectors) @ (d + (e @ f + f @ e) / 2) @ vectors
    strength = np.abs(link)
    np.fill_diagonal(strength, 0.0)
    phases = np.ones(size, dtype=link.dtype)
    for target, source in _spanning_tree(strength):
        if source is not None:
            turned = link[target, source] * phases[source]
            phases[target] = turned / abs(turned)
    return np.asarray(vectors * phases)


def _is_copy(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Whether two blocks (K, n, n), each in its own basis, are equal to rounding.

    The largest element of every term, in the whole space, is 1.
    """
    if one.shape != other.shape or np.abs(one - other).max() > _EQUAL:
        return False
    # A basis is known less well than the levels, and only they set phases that grow with time.
    weights = np.random.default_rng(11).normal(size=(4, one.shape[0]))
    levels = [np.linalg.eigvalsh(np.tensordot(weights, stack, axes=1)) for stack in (one, other)]
    return bool(np.abs(levels[0] - levels[1]).max() <= _SAME_LEVELS * one.shape[-1] ** 0.5)
