"""Checks of the arguments and the values of a Hamiltonian."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    hermitian,
    integer,
    is_numeric,
    joint_shape,
)

Matrices = npt.NDArray[Any]
"""A (…, N, N) array: float64 where every matrix is real, complex128 otherwise."""

_CLOSE = 4.0  # an offset this many times the differences costs digits
_LARGEST_ENERGY = 1e150  # its square must not overflow


def check_finite_hermitian(values: Matrices, x: npt.NDArray[Any]) -> None:
    """Raise `InputError` if any of the matrices H(x) is not finite or not Hermitian."""
    if not is_numeric(values) or np.ndim(values) < 2:
        hermitian("H", values)
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
    value = np.asarray(value)
    if value.ndim == 0:
        return f"{value.item():.6g}"
    if value.size == 0:
        return "<0 values>"
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
    return number_array("x", x)


def common_offset(diagonals: FloatArray) -> FloatArray:
    """Return what the diagonals (…, N) have in common, where it exceeds what sets them apart.

    It is one of the elements: differences of close numbers are exact, differences from a mean are
    not. Where levels are far apart nothing is taken out, which would move all of them by rounding.
    """
    in_order = np.sort(diagonals, axis=-1)
    middle = in_order[..., diagonals.shape[-1] // 2]
    with np.errstate(invalid="ignore", over="ignore"):
        spread = np.maximum(in_order[..., -1] - middle, middle - in_order[..., 0])
        return np.asarray(np.where(np.abs(middle) > _CLOSE * spread, middle, 0.0))


def number_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Return `value` as a finite float64 or complex128 array, or raise `InputError`."""
    if not is_numeric(value):
        raise fail(name, "be a number or an array of numbers", f"it is {describe(value)}")
    raw = np.asarray(value)
    array = raw.astype(np.complex128 if np.iscomplexobj(raw) else np.float64)
    if not np.isfinite(array).all():
        raise fail(name, "be finite", f"it contains NaN or infinity ({describe(value)})")
    return array


def check_entries(name: str, value: Any, count: int, must: str) -> list[Any]:
    """Return a list or an array of `count` entries as a list, or raise `InputError`."""
    entries = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(entries, (list, tuple)) or len(entries) != count:
        raise fail(name, must, f"it is {describe(value)}")
    return list(entries)


def check_broadcast(parameters: Mapping[str, FloatArray]) -> None:
    try:
        joint_shape(*(value.shape for value in parameters.values()))
    except ValueError:
        shapes = ", ".join(f"{key} {value.shape}" for key, value in parameters.items())
        raise InputError(f"Parameter shapes must broadcast, but they are {shapes}.") from None


def check_dims(dims: Any, dimension: int) -> tuple[tuple[int, ...], ...] | None:
    """Return the factors of a tensor product, whose product must be the dimension."""
    if dims is None:
        return None
    try:
        sides = tuple(tuple(integer("dims", int(n), minimum=1) for n in side) for side in dims)
    except (TypeError, ValueError):
        sides = ()
    if len(sides) != 2 or any(math.prod(side) != dimension for side in sides):
        raise fail(
            "dims",
            f"be two lists of factors with the product {dimension}",
            f"it is {describe(dims)}",
        )
    return sides
