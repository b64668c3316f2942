"""Checks of the arguments of a diabatization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray, fail, integer, real_array
from anticrossing.geometry._diabatic_transport import adjoint
from anticrossing.hamiltonian import Hamiltonian, Matrices

_ORTHOGONAL = 1e-10


def single_hamiltonian(H: Hamiltonian) -> None:
    if not isinstance(H, Hamiltonian):
        raise fail("H", "be a Hamiltonian", f"it is {type(H).__name__}")
    if H.batch_shape != ():
        raise fail(
            "H",
            "have single parameter values",
            f"its parameters are a batch of shape {H.batch_shape}",
        )


def point_index(name: str, value: int, count: int) -> int:
    if not -count <= integer(name, value) < count:
        raise fail(name, f"be an index of one of {count} points", f"it is {value}")
    return int(value) % count


def unitary_mixing(mixing: npt.ArrayLike | None, count: int) -> Matrices:
    if mixing is None:
        return np.eye(count)
    try:
        matrix = np.asarray(mixing, dtype=np.complex128)
    except (TypeError, ValueError):
        raise fail("mixing", "be a matrix of numbers", f"it is {mixing!r}") from None
    if matrix.shape != (count, count):
        raise fail("mixing", f"have shape {(count, count)}", f"its shape is {matrix.shape}")
    if not np.allclose(adjoint(matrix) @ matrix, np.eye(count), rtol=0, atol=_ORTHOGONAL):
        raise fail("mixing", "be unitary", "its columns are not orthonormal")
    return matrix if np.any(matrix.imag) else matrix.real


def grid_points(H: Hamiltonian, axes: Sequence[npt.ArrayLike]) -> FloatArray:
    if len(H.coordinates) < 2:
        raise fail("H", "have several coordinates", "it has one: use `diabatize`")
    if len(axes) != len(H.coordinates):
        raise fail(
            "axes", f"hold one array for each of {len(H.coordinates)} coordinates",
            f"it holds {len(axes)}",
        )  # fmt: skip
    values = []
    for name, axis in zip(H.coordinates, axes, strict=True):
        value = real_array(f"axes[{name}]", axis, ndim=1)
        if value.size < 2 or np.any(np.diff(value) <= 0):
            raise fail(f"axes[{name}]", "hold at least two ascending values", f"it is {value}")
        values.append(value)
    return np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)


def transport_order(order: Sequence[str] | None, names: list[str]) -> list[int]:
    if order is None:
        return list(range(len(names)))
    if sorted(order) != sorted(names):
        raise fail("order", f"name each of {', '.join(names)} once", f"it is {list(order)}")
    return [names.index(name) for name in order]


def grid_origin(reference: Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    if reference is None:
        return (0,) * len(shape)
    if len(reference) != len(shape):
        raise fail("reference", f"hold {len(shape)} indices", f"it holds {len(reference)}")
    return tuple(point_index("reference", k, n) for k, n in zip(reference, shape, strict=True))
