"""Generators in the eigenframes of the nodes of panels, and in those that all orders lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part, polar_factor
from anticrossing.dynamics import _blocks, _orders
from anticrossing.dynamics._stacks import (
    BoolArray,
    Nodes,
    diagonals,
    half_and_slope,
    largest_entries,
    rotate,
)
from anticrossing.dynamics.chebyshev import Grid

MOST_ORDERS = 12


def in_eigenframes(
    g: npt.NDArray[Any],
    energies: FloatArray,
    rotation: npt.NDArray[Any],
    exact: BoolArray,
    grid: Grid,
    wanted: Nodes,
) -> tuple[ComplexArray, npt.NDArray[Any]]:
    """Return the generator in the eigenframes of the nodes, and these at wanted nodes.

    `rotation` holds eigenvectors v_k where `exact` (P,), whose slope is known without differences:
    v_k′ = Σ_j v_j ⟨v_j|G′|v_k⟩/(E_k − E_j); elsewhere the exponents of `rotate`.
    """
    if not exact.any():
        return rotate(g, rotation, grid, wanted)
    if not exact.all():
        rows, others = np.flatnonzero(exact), np.flatnonzero(~exact)
        turned = np.empty(g.shape, dtype=np.complex128)
        frame = np.empty(rotation[:, wanted].shape, dtype=rotation.dtype)
        for part in (rows, others):
            turned[part], frame[part] = in_eigenframes(
                g[part], energies[part], rotation[part], exact[part], grid, wanted
            )
        return turned, frame
    _, slope = half_and_slope(g, grid)
    apart = energies[..., None, :] - energies[..., :, None]
    diagonals(apart)[...] = np.inf
    turning = dagger(rotation) @ slope @ rotation / apart
    if np.iscomplexobj(rotation):
        # Eigenvectors have no slope of their phase but what keeps diagonal elements real.
        own = diagonals(rotation)
        moved = np.sum(rotation * turning.swapaxes(-1, -2), axis=-1)
        diagonals(turning)[...] = -1j * moved.imag / own.real
    turned = hermitian_part(-1j * turning)
    diagonals(turned)[...] += energies
    return turned, rotation[:, wanted]


def aligned_blocks(
    vectors: npt.NDArray[Any], joined: BoolArray
) -> tuple[npt.NDArray[Any], BoolArray]:
    """Return unitary matrices within blocks that turn eigenvectors towards the axes, if near."""
    panels, n = vectors.shape[:2]
    found, near = np.zeros_like(vectors), np.ones(panels, dtype=np.bool_)
    node = np.arange(n)[:, None, None]
    for size, panel, first in _blocks.runs(joined):
        places = first[:, None] + np.arange(size)
        rows, columns = places[:, None, :, None], places[:, None, None, :]
        own = panel[:, None, None, None], node, rows, columns
        turned, good = polar_factor(dagger(vectors[own]))
        found[own] = turned
        np.logical_and.at(near, panel, good)
    return found, near


def all_orders(
    g: ComplexArray,
    first: ComplexArray,
    energies: FloatArray,
    basis: ComplexArray,
    cluster: npt.NDArray[np.int64],
    block: npt.NDArray[np.int64],
    weight: FloatArray,
    grid: Grid,
    tolerance: float,
    wanted: Nodes,
) -> tuple[ComplexArray, ComplexArray, FloatArray]:
    """Return the generator in the frames that all orders lead to, and these at wanted nodes.

    As far as they converge; also the largest element of what they leave, times `weight`. An order
    takes one product, where a rotation takes ten.
    """
    given: tuple[npt.NDArray[Any], ...] = (g, energies, basis, cluster, block, weight)
    given = tuple(np.ascontiguousarray(a) for a in given)  # Numba compiles for every order
    half, slope = half_and_slope(first, grid)
    x = 2 * half
    best_x = x.copy()
    best, size = np.full(g.shape[0], np.inf), np.empty(g.shape[0])
    rows = np.arange(g.shape[0])
    for _ in range(MOST_ORDERS):
        new = x.copy()
        _orders.next_order(given[0], new, given[0] @ x, slope, *given[1:], size)
        better = size < best[rows]
        going_on = better & (size < 0.5 * best[rows]) & (size > 0.3 * tolerance)
        best_x[rows[better]], best[rows[better]] = x[better], size[better]
        if not going_on.any():
            break
        if not going_on.all():
            rows, new, size = rows[going_on], new[going_on], size[going_on]
            given = tuple(a[going_on] for a in given)
        half, slope = half_and_slope(new, grid)
        x = 2 * half
    alone = np.all(block[..., 1] - block[..., 0] == 1, axis=-1) & (best <= tolerance)
    if not alone.any():
        turned, q = _turned(g, best_x, grid, wanted)
        return turned, q, largest_entries(weight[:, None] * turned)
    # Levels on their own have but a phase, of Λ's real part, and the frame counts at wanted nodes.
    turned = np.zeros_like(g)
    diagonals(turned)[...] = (diagonals(g) + np.sum(g * best_x.swapaxes(-1, -2), axis=-1)).real
    q, good = _unitary(best_x[:, wanted])
    rows = np.flatnonzero(~(alone & good))
    if rows.size:
        turned[rows], q[rows] = _turned(g[rows], best_x[rows], grid, wanted)
        best[rows] = largest_entries(weight[rows, None] * turned[rows])
    return turned, q, best


def _turned(
    g: ComplexArray, x: ComplexArray, grid: Grid, wanted: Nodes
) -> tuple[ComplexArray, ComplexArray]:
    """Return the generator in the frame of the columns of 1 + X, and that at wanted nodes."""
    q, good = _unitary(x)
    q[~good] = np.eye(g.shape[-1])
    _, slope = half_and_slope(q, grid)
    return hermitian_part(dagger(q) @ (g @ q - 1j * slope)), np.asarray(q[:, wanted])


def _unitary(x: ComplexArray) -> tuple[ComplexArray, BoolArray]:
    """Return the unitary matrices next to 1 + X, and on which panels there are some."""
    # The columns are at right angles but for what is left.
    q = x + np.eye(x.shape[-1])
    q /= np.sqrt(np.sum(q.real**2 + q.imag**2, axis=-2, keepdims=True))
    return polar_factor(q)
