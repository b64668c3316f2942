"""Generators in the eigenframes of the nodes of panels, and blocks turned towards the axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part, polar_factor
from anticrossing.dynamics import _blocks
from anticrossing.dynamics._stacks import BoolArray, Nodes, diagonals, half_and_slope, rotate
from anticrossing.dynamics.chebyshev import Grid


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
