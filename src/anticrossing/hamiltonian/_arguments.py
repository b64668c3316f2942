"""Checks of what goes into a Hamiltonian and of what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing import expression
from anticrossing.checks import FloatArray, InputError, describe, fail, hermitian, real_array

Matrices = npt.NDArray[Any]
"""A (…, N, N) array: float64 where every matrix is real, complex128 otherwise."""

_LARGEST_ENERGY = 1e150  # its square must not overflow


def check_finite_hermitian(values: Matrices, x: npt.NDArray[Any]) -> None:
    """Raise `InputError` if any of the matrices H(x) is not finite or not Hermitian."""
    finite = np.isfinite(values).all(axis=(-2, -1))
    if not finite.all():
        where = _point_text(x, np.asarray(~finite))
        raise InputError(f"H(x) must be finite, but it contains NaN or infinity at x = {where}.")
    largest = np.abs(values).max(axis=(-2, -1), initial=0.0)
    if np.any(largest > _LARGEST_ENERGY):
        where = _point_text(x, np.asarray(largest > _LARGEST_ENERGY))
        raise InputError(
            f"H(x) must stay below {_LARGEST_ENERGY:g}, but it reaches {largest.max():.3g} near "
            f"x = {where}: choose other units."
        )
    hermitian("H", values)


def _point_text(x: npt.NDArray[Any], bad: npt.NDArray[np.bool_]) -> str:
    """Return the first of the bad points; with several coordinates x has one more axis."""
    try:
        points = np.broadcast_to(x, bad.shape)
    except ValueError:
        point = np.broadcast_to(x, (*bad.shape, x.shape[-1]))[bad][0]
        return "(" + ", ".join(f"{value:.6g}" for value in point) + ")"
    return f"{points[bad].ravel()[0]:.6g}"


def describe_value(value: FloatArray) -> str:
    """Return a parameter value, or the shape and range of an array, as short text."""
    if value.ndim == 0:
        return f"{float(value):.6g}"
    return f"<{value.size} values {value.min():.4g} … {value.max():.4g}>"


def coordinate_names(coordinates: str | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(coordinates, (str, list, tuple)):
        raise fail("coordinates", "be a name or a list of names", f"it is {describe(coordinates)}")
    names = (coordinates,) if isinstance(coordinates, str) else tuple(coordinates)
    if not names:
        raise fail("coordinates", "name at least one coordinate", "it is empty")
    for name in names:
        expression.check_name(name)
    if len(set(names)) != len(names):
        raise fail("coordinates", "be distinct", f"they are {', '.join(names)}")
    return names


def points_array(x: npt.ArrayLike) -> npt.NDArray[Any]:
    array = np.asarray(x)
    if np.iscomplexobj(array):
        return array.astype(np.complex128)
    return real_array("x", x)


def check_broadcast(parameters: Mapping[str, FloatArray]) -> None:
    try:
        np.broadcast_shapes(*(value.shape for value in parameters.values()))
    except ValueError:
        shapes = ", ".join(f"{key} {value.shape}" for key, value in parameters.items())
        raise InputError(f"Parameter shapes must broadcast, but they are {shapes}.") from None
