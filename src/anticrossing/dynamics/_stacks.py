"""Linear algebra on stacks of matrices at the nodes of panels: (P, n, N, N), P panels, n nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics.chebyshev import Grid

MOST_PICARD = 80
_LEAST_OVERLAP = 0.1
_FALLING = 30.0  # of coefficients, over the last eight
LAST_DIGIT = float(np.finfo(np.float64).eps)
NOISE = 4.0  # of one number, in the last coefficients of many

BoolArray = npt.NDArray[np.bool_]
Nodes = slice | list[int]
ALL_NODES, ENDS = slice(None), [0, -1]


def in_middle_frame(
    matrices: npt.NDArray[Any], half_width: FloatArray, grid: Grid
) -> tuple[npt.NDArray[Any], FloatArray, npt.NDArray[Any]]:
    """Return the scaled generator in the eigenframe of the middle node, energies, and the frame.

    They are real where the matrices are.
    """
    centre = matrices[:, grid.size // 2]
    energies, frame = np.linalg.eigh(centre)
    # Subtracting the middle node first keeps the rounding of a far level out of close pairs.
    change = dagger(frame)[:, None] @ (matrices - centre[:, None]) @ frame[:, None]
    g = change * half_width[:, None, None, None]
    diagonals(g)[...] += (energies * half_width[:, None])[:, None]
    return g, energies, frame


def alignments(vectors: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], BoolArray]:
    """Return the phases (P, n, N) that turn eigenvectors towards the axes, where these are near.

    For levels that are each on their own this is the polar factor of the diagonal.
    """
    diagonal = diagonals(vectors).conj()
    size = np.abs(diagonal)
    near = np.all(size > _LEAST_OVERLAP, axis=(1, 2))
    return np.asarray(diagonal / np.where(size > 0, size, 1.0)), np.asarray(near)


def doubt(
    matrices: npt.NDArray[Any], energies: FloatArray, vectors: npt.NDArray[Any], sizes: FloatArray
) -> FloatArray:
    """Return how far eigenvectors (P, N, N) may be from diagonalising what the matrices stand for.

    That is what they leave off the diagonal, and the last digit of elements of the given `sizes`.
    """
    # Vectors that are not quite orthogonal hide a rotation against each other.
    overlap = dagger(vectors) @ vectors - np.eye(vectors.shape[-1])
    mean = 0.5 * (energies[:, :, None] + energies[:, None, :])
    left = dagger(vectors) @ matrices @ vectors - mean * overlap
    diagonals(left)[...] -= energies
    weights = np.abs(vectors)
    return np.abs(left) + LAST_DIGIT * (weights.swapaxes(-1, -2) @ sizes @ weights)


def half_and_slope(s: npt.NDArray[Any], grid: Grid) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return s/2 and s′ at the nodes, of s smoothed.

    For the exponent of a rotation any smooth s near the wanted one will do, so its Chebyshev series
    is cut where it sinks into rounding noise, which the derivative would amplify by the square of
    the degree.
    """
    coefficients = along_nodes(grid.to_coefficients, s)
    envelope = np.max(np.abs(coefficients), axis=(2, 3))
    noise = 4 * np.max(envelope[:, -3:], axis=1)
    significant = envelope > noise[:, None]
    kept = np.flip(np.maximum.accumulate(np.flip(significant, axis=1), axis=1), axis=1)
    coefficients = coefficients * kept[:, :, None, None]
    half = along_nodes(0.5 * grid.from_coefficients, coefficients)
    return half, along_nodes(grid.slope_from_coefficients, coefficients)


def rotate(
    g: npt.NDArray[Any], s: npt.NDArray[Any], grid: Grid, wanted: Nodes = ALL_NODES
) -> tuple[ComplexArray, npt.NDArray[Any]]:
    """Return Q†GQ − iQ†Q′ at the nodes, and Q = (1 − s/2)⁻¹(1 + s/2) at the wanted ones.

    s is anti-Hermitian.
    """
    half, slope = half_and_slope(s, grid)
    identity = np.eye(g.shape[-1])
    inverse = np.linalg.inv(identity - half)
    q = 2 * inverse - identity
    rotated = dagger(q) @ g @ q - 1j * (dagger(inverse) @ slope @ inverse)
    return hermitian_part(rotated).astype(np.complex128), np.asarray(q[:, wanted])


def rotate_some(
    g: ComplexArray, s: ComplexArray, levels: npt.NDArray[np.intp], grid: Grid, wanted: Nodes = ENDS
) -> tuple[ComplexArray, ComplexArray]:
    """Return the same for s between some levels alone, (P, n, m, m), and Q (P, w, m, m)."""
    half, slope = half_and_slope(s, grid)
    identity = np.eye(levels.size)
    inverse = np.linalg.inv(identity - half)
    q = 2 * inverse - identity
    g = g.copy()
    g[..., levels] = g[..., levels] @ q
    rows = dagger(q) @ g[:, :, levels]
    rows[..., levels] -= 1j * (dagger(inverse) @ slope @ inverse)
    rows[..., levels] = hermitian_part(rows[..., levels])
    g[:, :, levels] = rows
    # A column is the mirror of its row, to the last digit.
    others = np.setdiff1d(np.arange(g.shape[-1]), levels)
    places = np.ix_(np.arange(g.shape[0]), np.arange(grid.size), others, levels)
    g[places] = dagger(rows[..., others])
    return g, np.asarray(q[:, wanted])


def inverse_cayley(q: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the anti-Hermitian s with q = (1 − s/2)⁻¹(1 + s/2), or 0 where there is none.

    A reflection turns one state by π, and rounding may make q + 1 singular to the last digit. The
    nodes do not resolve a single 0 among large s, so that such a panel is halved.
    """
    identity = np.eye(q.shape[-1])
    total = q + identity
    inverse: npt.NDArray[Any]
    try:
        inverse = np.linalg.inv(total)
    except np.linalg.LinAlgError:
        none = np.linalg.det(total) == 0
        inverse = np.linalg.inv(np.where(none[..., None, None], identity, total))
        inverse[none] = 0.0
    s = 2 * (q - identity) @ inverse
    return 0.5 * (s - dagger(s))


def nodes_resolve(grid: Grid, g: npt.NDArray[Any], allowed: float | FloatArray) -> BoolArray:
    """Whether the nodes resolve g: absolutely for couplings, to rounding for large phases."""
    return np.asarray(tails(grid, g) <= np.maximum(allowed, 4e-15 * largest_entries(g)))


def cut_short(grid: Grid, rotation: npt.NDArray[Any], tolerance: float) -> BoolArray:
    """Whether series of rotations end before they have converged, with too much of them left.

    The slope of what is left couples by n² times as much. A series that no longer falls is noise,
    which may not matter; of those that fall, one panel in fifty would be solved all the same.
    """
    last = tails(grid, rotation)
    before = np.abs(along_nodes(grid.to_coefficients[-10:-8], rotation))
    falling = np.max(before, axis=(1, 2, 3)) > _FALLING * last
    return np.asarray(falling & (grid.size**2 * last > tolerance))


def tails(grid: Grid, a: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(np.max(np.abs(along_nodes(grid.tail, a)), axis=(1, 2, 3)))


def along_nodes(matrix: FloatArray, a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Apply an (m, n) matrix along the node axis of (P, n, N, N)."""
    panels, n, rows, columns = a.shape
    if not np.iscomplexobj(a):
        flat = np.asarray(a, dtype=np.float64).reshape(panels, n, rows * columns)
        return (matrix @ flat).reshape(panels, -1, rows, columns)
    # Real and imaginary parts side by side: one real product instead of a complex one.
    pairs = np.ascontiguousarray(a, dtype=np.complex128).view(np.float64)
    product = matrix @ pairs.reshape(panels, n, 2 * rows * columns)
    return product.view(np.complex128).reshape(panels, -1, rows, columns)


def largest_entries(a: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(np.max(np.abs(a), axis=(1, 2, 3)))


def diagonals(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.einsum("...ii->...i", a)


def picard(
    kernel: ComplexArray, grid: Grid, tolerance: float, known: float | FloatArray = 0.0
) -> tuple[BoolArray, ComplexArray]:
    """Solve y′ = kernel(τ) y, y(−1) = 1, at the nodes by iterating the integral equation.

    The kernels are `known` no better than so.
    """
    identity = np.eye(kernel.shape[-1])
    y = np.broadcast_to(identity, kernel.shape).astype(np.complex128)
    solved = np.zeros(kernel.shape[0], dtype=np.bool_)
    active = np.arange(kernel.shape[0])
    for _ in range(MOST_PICARD):
        new = identity + along_nodes(grid.integral, kernel[active] @ y[active])
        change = np.max(np.abs(new - y[active]), axis=(1, 2, 3))
        y[active] = new
        done = change < 0.1 * tolerance
        solved[active[done]] = True
        active = active[~done]
        if active.size == 0:
            break
    solved &= tails(grid, y) <= np.maximum(tolerance, known)
    return solved, y
