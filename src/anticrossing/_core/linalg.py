"""Stacks of small matrices: conjugate transpose, and unitary matrices next to others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray

_MOST_STEPS = 9


def dagger(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the conjugate transpose of the last two axes."""
    return a.conj().swapaxes(-1, -2)


def hermitian_part(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the mean of a matrix and its conjugate transpose."""
    return 0.5 * (a + dagger(a))


def kron(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the Kronecker product over the last two axes, broadcasting the others."""
    product = np.einsum("...ij,...kl->...ikjl", a, b)
    rows, columns = a.shape[-2] * b.shape[-2], a.shape[-1] * b.shape[-1]
    return product.reshape(*product.shape[:-4], rows, columns)


def norm_bound(a: npt.NDArray[Any]) -> FloatArray:
    """Return ‖a⁴‖_F^(1/4) of Hermitian matrices (…, N, N), at least their norms and near them."""
    # The largest element is taken out so that no power leaves the doubles.
    a = np.ascontiguousarray(a)
    parts = a.view(a.real.dtype)  # real and imaginary parts side by side
    largest = np.abs(parts).max(axis=(-2, -1))
    # Single precision is enough for that, and takes a third of the time.
    with np.errstate(over="ignore"):
        fourth = a / np.where(largest > 0, largest, 1.0)[..., None, None]
        fourth = fourth.astype(np.complex64 if a.dtype.kind == "c" else np.float32)
        fourth = fourth @ fourth
        fourth = fourth @ fourth
        parts = fourth.view(np.float32)
        size = np.einsum("...ij,...ij->...", parts, parts).astype(np.float64)
        return np.asarray(largest * size**0.125)


def nearer_unitary(a: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
    """Return one Newton–Schulz step towards the nearest unitary matrix, and the defect before it.

    The defect is the largest element of a†a − 1; a step squares it.
    """
    beyond = dagger(a) @ a
    size = a.shape[-1]
    beyond.reshape(*a.shape[:-2], size * size)[..., :: size + 1] -= 1.0
    defect = np.abs(beyond).max(axis=(-2, -1), initial=0.0)
    return a - a @ (0.5 * beyond), np.asarray(defect)


def polar_factor(a: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return unitary polar factors by products alone, and which matrices are near enough for that.

    The verdict is one for all matrices of an entry along the first axis.
    """
    identity = np.eye(a.shape[-1])
    axes = tuple(range(1, a.ndim))
    found = np.array(a)
    good = np.zeros(a.shape[0], dtype=np.bool_)
    going_on = np.arange(a.shape[0])
    x = found
    for _ in range(_MOST_STEPS):
        gram = dagger(x) @ x
        defect = np.max(np.abs(gram - identity), axis=axes, initial=0.0)
        gram *= -0.5
        gram += 1.5 * identity
        x = x @ gram
        done = defect < 1e-7  # a step squares it
        if done.any():
            found[going_on[done]], good[going_on[done]] = x[done], True
            going_on, x = going_on[~done], x[~done]
        if going_on.size == 0:
            break
    found[going_on] = x
    return found, good


def polar(
    overlaps: npt.NDArray[Any], allowed: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[Any], FloatArray]:
    """Return unitary polar factors of any (…, m, m) overlaps and their least singular values.

    Elements outside `allowed` are set to zero first.
    """
    if overlaps.shape[-1] == 1:
        size = np.abs(overlaps)
        safe = np.where(size > 0, size, 1.0)
        return np.where(size > 0, overlaps / safe, 1.0), np.asarray(size[..., 0, 0])
    if allowed is not None:
        if allowed.ndim == 2 and np.array_equal(allowed, np.eye(allowed.shape[0])):
            diagonal = np.diagonal(overlaps, axis1=-2, axis2=-1)
            sizes = np.abs(diagonal)
            phases = np.where(sizes > 0, diagonal, 1.0) / np.where(sizes > 0, sizes, 1.0)
            return phases[..., None] * np.eye(allowed.shape[0]), sizes.min(axis=-1)
        overlaps = np.where(allowed, overlaps, 0.0)
    left, sizes, right = np.linalg.svd(overlaps)
    return left @ right, sizes[..., -1]
