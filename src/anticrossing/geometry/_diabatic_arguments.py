"""Checks of the arguments of a diabatization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    at_least,
    describe,
    fail,
    increasing,
    integer,
    of_shape,
    real_number,
)
from anticrossing._core.linalg import dagger
from anticrossing.geometry._paths import check_levels
from anticrossing.hamiltonian import Hamiltonian, Matrices, check_entries, number_array

_ORTHOGONAL = 1e-10
_FINEST = 1e-13  # what rounding leaves of a transport


def point_index(name: str, value: int, count: int) -> int:
    if not -count <= integer(name, value) < count:
        raise fail(name, f"be an index of one of {count} points", f"it is {value}")
    return int(value) % count


def unitary_mixing(mixing: npt.ArrayLike | None, count: int) -> Matrices:
    if mixing is None:
        return np.eye(count)
    matrix = number_array("mixing", mixing)
    of_shape("mixing", matrix, (count, count))
    if not np.allclose(dagger(matrix) @ matrix, np.eye(count), rtol=0, atol=_ORTHOGONAL):
        raise fail("mixing", "be unitary", "its columns are not orthonormal")
    return matrix if np.any(matrix.imag) else matrix.real


def chosen_levels(hamiltonian: Hamiltonian, levels: npt.ArrayLike | None) -> npt.NDArray[np.intp]:
    """Return the levels of the set, ascending; all of them by default."""
    if levels is None:
        return np.arange(hamiltonian.dimension)
    chosen = check_levels("levels", levels, hamiltonian.dimension)
    if np.any(np.diff(np.atleast_1d(np.asarray(levels))) <= 0):
        raise fail("levels", "be ascending", f"it is {describe(levels)}")
    return np.array(chosen, dtype=np.intp)


def transport_tolerance(tolerance: float) -> float:
    value = real_number("tolerance", tolerance)
    at_least("tolerance", value, _FINEST)
    return value


def grid_points(hamiltonian: Hamiltonian, axes: Sequence[npt.ArrayLike]) -> FloatArray:
    names = hamiltonian.coordinates
    if len(names) < 2:
        raise fail("hamiltonian", "have several coordinates", "it has one: use `diabatize`")
    given = check_entries(
        "axes", axes, len(names), f"hold one array for each of {len(names)} coordinates"
    )
    values = []
    for name, axis in zip(names, given, strict=True):
        values.append(increasing(f"axes[{name}]", axis))
    return np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)


def transport_order(order: Sequence[str] | None, names: list[str]) -> list[int]:
    if order is None:
        return list(range(len(names)))
    must = f"name each of {', '.join(names)} once"
    given = check_entries("order", order, len(names), must)
    if sorted(map(str, given)) != sorted(names):
        raise fail("order", must, f"it is {describe(order)}")
    return [names.index(name) for name in given]


def grid_origin(reference: Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    if reference is None:
        return (0,) * len(shape)
    given = check_entries("reference", reference, len(shape), f"hold {len(shape)} indices")
    return tuple(point_index("reference", k, n) for k, n in zip(given, shape, strict=True))
