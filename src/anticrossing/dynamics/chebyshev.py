"""Chebyshev–Lobatto nodes on [−1, 1] and the matrices that differentiate, integrate and test."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from anticrossing._core.checks import FloatArray


@dataclass(frozen=True)
class Grid:
    """Nodes and matrices of a Chebyshev–Lobatto grid with `size` points, ends included.

    ``derivative @ f`` is f′ at the nodes, ``integral @ f`` the antiderivative that vanishes at −1,
    ``weights @ f`` the integral over [−1, 1], and ``tail @ f`` the last Chebyshev coefficients,
    which measure how well the nodes resolve f; ``slopes_at_ends @ f`` are f′ and f″ at the first
    node, then at the last; the last three matrices go between values (or slopes) at the nodes and
    Chebyshev coefficients.
    """

    size: int
    nodes: FloatArray
    derivative: FloatArray
    integral: FloatArray
    weights: FloatArray
    tail: FloatArray
    slopes_at_ends: FloatArray
    to_coefficients: FloatArray
    from_coefficients: FloatArray
    slope_from_coefficients: FloatArray


@functools.cache
def grid(size: int) -> Grid:
    """Return the (cached) grid with `size` nodes, an odd number so that 0 is one of them."""
    if size < 5 or size % 2 == 0:
        raise ValueError(f"the number of nodes must be odd and at least 5, not {size}")
    last = size - 1
    angles = np.pi * np.arange(size) / last
    nodes, to_coefficients = transform(size)

    # Differences of nodes as products of sines keep full relative accuracy near the ends.
    half_sum = (angles[:, None] + angles[None, :]) / 2
    half_difference = (angles[:, None] - angles[None, :]) / 2
    differences = 2 * np.sin(half_sum) * np.sin(half_difference)
    sign = (-1.0) ** np.arange(size)
    sign[[0, last]] /= 2
    np.fill_diagonal(differences, 1.0)
    derivative = (sign[None, :] / sign[:, None]) / differences
    np.fill_diagonal(derivative, 0.0)
    # Rows must annihilate constants exactly: the diagonal is minus the sum of the rest.
    np.fill_diagonal(derivative, -derivative.sum(axis=1))

    antiderivative = np.zeros((size + 1, size))
    antiderivative[1, 0] = 1.0
    for order in range(1, size):
        if order > 1:
            antiderivative[order - 1, order] -= 1 / (2 * (order - 1))
        antiderivative[order + 1, order] += 1 / (2 * (order + 1))
    values = np.cos(np.outer(angles, np.arange(size + 1))) * (-1.0) ** np.arange(size + 1)
    slopes = np.stack([chebyshev.chebval(nodes, chebyshev.chebder(row)) for row in np.eye(size)])
    integral = (values - values[0]) @ antiderivative @ to_coefficients
    integral[0] = 0.0

    return Grid(
        size=size,
        nodes=nodes,
        derivative=np.ascontiguousarray(derivative),
        integral=np.ascontiguousarray(integral),
        weights=np.ascontiguousarray(integral[-1]),
        tail=np.ascontiguousarray(to_coefficients[-2:]),
        slopes_at_ends=np.concatenate(
            [rows[[0]] for rows in (derivative, derivative @ derivative)]
            + [rows[[-1]] for rows in (derivative, derivative @ derivative)]
        ),
        to_coefficients=to_coefficients,
        from_coefficients=np.ascontiguousarray(values[:, :size]),
        slope_from_coefficients=np.ascontiguousarray(slopes.T),
    )


@functools.cache
def transform(size: int) -> tuple[FloatArray, FloatArray]:
    """Return the nodes, and the matrix from values there to Chebyshev coefficients."""
    last = size - 1
    angles = np.pi * np.arange(size) / last
    nodes = -np.cos(angles)
    if last % 2 == 0:
        nodes[last // 2] = 0.0
    # Coefficients of T_k(−cos θ) = (−1)^k cos kθ (discrete cosine transform, type I).
    k = np.arange(size)
    to_coefficients = 2.0 / last * np.cos(np.outer(k, angles)) * ((-1.0) ** k)[:, None]
    to_coefficients[:, [0, last]] /= 2
    to_coefficients[[0, last]] /= 2
    return nodes, to_coefficients


def interpolation(size: int, x: FloatArray) -> FloatArray:
    """Return the matrix from values at the nodes to values at x in [−1, 1]."""
    nodes, _ = transform(size)
    weights = (-1.0) ** np.arange(size)
    weights[[0, -1]] /= 2
    apart = x[:, None] - nodes
    hit = apart == 0
    on_node = np.flatnonzero(hit.any(axis=1))
    apart[hit] = 1.0
    found: FloatArray = weights / apart
    found /= found.sum(axis=1, keepdims=True)
    if on_node.size:
        found[on_node] = hit[on_node]
    return found


@functools.lru_cache(maxsize=512)
def resampling(size: int, count: int, centre: float, spread: float, equal: bool) -> FloatArray:
    """Return the matrix from values at `size` nodes to values at centre + spread x.

    These x are `count` nodes, or the middles of so many `equal` parts of [−1, 1].
    """
    x = (2 * np.arange(count) + 1) / count - 1 if equal else transform(count)[0]
    return interpolation(size, centre + spread * x)


@functools.cache
def powers(size: int) -> FloatArray:
    """Return the powers of every Chebyshev polynomial below degree `size`, in rows."""
    rows = [np.pad(p, (0, size - p.size)) for p in map(chebyshev.cheb2poly, np.eye(size))]
    return np.stack(rows)
