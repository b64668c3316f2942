"""Numbers on points of one coordinate: what they scatter by, and polynomials through a few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray

_WINDOW = 7  # points, whose sixth divided difference is what no polynomial of degree 5 explains


def scatter(x: FloatArray, values: FloatArray) -> float:
    """Return by how much values (k, …) scatter about smooth curves, an upper bound in practice.

    The median over all windows of seven points of what no polynomial of degree five explains, in
    terms of a standard deviation; the largest of all curves. NaN for fewer than seven points.

    Examples
    --------
    >>> x = np.linspace(0, 1, 40)
    >>> rng = np.random.default_rng(0)
    >>> bool(0.5e-3 < scatter(x, np.sin(x) + 1e-3 * rng.normal(size=40)) < 2e-3)
    True
    """
    k = x.size
    if k < _WINDOW:
        return float("nan")
    columns = values.reshape(k, -1)
    at = np.arange(k - _WINDOW + 1)[:, None] + np.arange(_WINDOW)
    nodes = x[at] - x[at][:, :1]
    nodes = nodes / nodes[:, -1:]
    apart = nodes[:, :, None] - nodes[:, None, :] + np.eye(_WINDOW)
    weights = 1 / apart.prod(axis=-1)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    rest = np.abs(np.einsum("wj,wjc->wc", weights, columns[at]))
    return float(np.median(rest, axis=0).max(initial=0.0) / 0.6745)


def polynomial(x: FloatArray, values: FloatArray) -> npt.NDArray[np.float64]:
    """Return coefficients c_n of Σ c_n x^n through all the points, for few of them near zero."""
    scale = float(np.abs(x).max())
    matrix = (x / scale)[:, None] ** np.arange(x.size)
    found = np.linalg.solve(matrix, values)
    return np.asarray(found / scale ** np.arange(x.size))
