"""Arrays as objects of QuTiP, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import require

Dims = tuple[tuple[int, ...], ...] | None
"""The factors of a tensor product in rows and columns, such as ((2, 3), (2, 3))."""


def qutip() -> Any:
    """Return the package QuTiP, or raise naming the extra."""
    return require("qutip", "qutip", "`to_qutip`")


def operator(matrix: Any, dims: Dims) -> Any:
    """Return a matrix, dense or sparse, as a `Qobj`."""
    return qutip().Qobj(matrix) if dims is None else qutip().Qobj(matrix, dims=_lists(dims))


def ket(vector: Any, dims: Dims) -> Any:
    """Return a vector as a `Qobj`."""
    if dims is None:
        return qutip().Qobj(vector)
    return qutip().Qobj(vector, dims=[list(dims[0]), [1] * len(dims[0])])


def superoperator(matrix: npt.NDArray[Any], dims: Dims) -> Any:
    """Return a map of matrices stacked row by row as a `Qobj`, which stacks column by column."""
    levels = round(matrix.shape[-1] ** 0.5)
    turned = column_stacked(matrix, levels)
    space = [[levels], [levels]] if dims is None else _lists(dims)
    return qutip().Qobj(turned, dims=[space, space])


def column_stacked(matrix: npt.NDArray[Any], levels: int) -> npt.NDArray[Any]:
    """Return a map of matrices stacked row by row for matrices stacked column by column."""
    return matrix.reshape(4 * (levels,)).transpose(1, 0, 3, 2).reshape(matrix.shape)


def nested(
    make: Callable[[Any, Dims], Any], arrays: npt.NDArray[Any], axes: int, dims: Dims
) -> Any:
    """Return the objects of an array whose last `axes` belong to one of them, in nested lists."""
    if arrays.ndim == axes:
        return make(np.asarray(arrays), dims)
    return [nested(make, inner, axes, dims) for inner in arrays]


def _lists(dims: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(side) for side in dims]
