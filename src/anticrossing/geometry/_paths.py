"""Eigenframes at points of configuration space, and the checks that paths and loops share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    hermitian,
    instance,
    real_array,
)
from anticrossing.hamiltonian import Hamiltonian, Matrices

CLOSED_GAP = 1e-12  # gap, relative to the largest energy, below which two levels meet
SMALLEST_GAP = 1e-150  # whatever the energies: the square of its inverse must not overflow
_PATTERN_STEPS = 200
_SAME_MATRIX = 1e-9  # relative difference below which H at two ends of a loop is the same


def check_hamiltonian(hamiltonian: Any) -> Hamiltonian:
    """Return a Hamiltonian, or raise `InputError`."""
    instance("hamiltonian", hamiltonian, Hamiltonian)
    return hamiltonian


def check_single(hamiltonian: Any) -> Hamiltonian:
    """Return a Hamiltonian with single parameter values, or raise `InputError`."""
    if check_hamiltonian(hamiltonian).batch_shape:
        raise fail(
            "hamiltonian",
            "have single parameter values here",
            f"its parameters have the batch shape {hamiltonian.batch_shape}",
        )
    checked: Hamiltonian = hamiltonian
    return checked


def check_levels(name: str, levels: Any, dimension: int) -> tuple[int, ...]:
    """Return the distinct level numbers in increasing order, or raise `InputError`."""
    try:
        numbers = np.atleast_1d(np.asarray(levels))
    except ValueError:  # rows of different lengths
        numbers = np.empty(0)
    if numbers.ndim != 1 or numbers.size == 0 or numbers.dtype.kind not in "iu":
        raise fail(name, "be a level number or a list of them", f"it is {describe(levels)}")
    if numbers.min() < 0 or numbers.max() >= dimension:
        raise fail(
            name, f"lie between 0 and {dimension - 1} (levels counted by energy)", f"it is {levels}"
        )
    if np.unique(numbers).size < numbers.size:
        raise fail(name, "name each level once", f"it is {describe(levels)}")
    return tuple(int(n) for n in np.sort(numbers))


def borders(levels: tuple[int, ...], dimension: int) -> npt.NDArray[np.intp]:
    """Return each i for which exactly one of the levels i and i + 1 is among `levels`."""
    inside = np.isin(np.arange(dimension), levels)
    return np.flatnonzero(inside[1:] != inside[:-1])


def check_points(name: str, hamiltonian: Hamiltonian, points: npt.ArrayLike) -> FloatArray:
    """Return the points of a path as an array (k, f), or raise `InputError`."""
    count = len(hamiltonian.coordinates)
    array = real_array(name, points)
    if count == 1 and array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.shape[1] != count:
        wanted = f"(k, {count})" if count > 1 else "(k,)"
        raise fail(
            name,
            f"have shape {wanted} (coordinates {', '.join(hamiltonian.coordinates)})",
            f"its shape is {np.shape(points)}",
        )
    return array


def field_points(hamiltonian: Hamiltonian, x: npt.ArrayLike) -> FloatArray:
    """Return any points as an array (…, f), also for one coordinate, or raise `InputError`."""
    points = real_array("x", x)
    count = len(hamiltonian.coordinates)
    if count == 1:
        return points[..., np.newaxis]
    if points.ndim == 0 or points.shape[-1] != count:
        raise fail(
            "x",
            f"have a last axis of length {count} (coordinates "
            f"{', '.join(hamiltonian.coordinates)})",
            f"its shape is {points.shape}",
        )
    return points


def own_shape(hamiltonian: Hamiltonian, points: FloatArray) -> FloatArray:
    """Return points (…, f) as the Hamiltonian takes them: one coordinate has no axis."""
    return points if len(hamiltonian.coordinates) > 1 else points[..., 0]


def describe_point(point: FloatArray) -> str:
    """Return a point as short text."""
    values = ", ".join(f"{value:.6g}" for value in np.atleast_1d(point))
    return f"({values})" if np.size(point) > 1 else values


def matrices(hamiltonian: Hamiltonian, points: FloatArray) -> Matrices:
    """Return H at points (…, f), checked; real where every element is."""
    values = hamiltonian(own_shape(hamiltonian, points))
    finite = np.isfinite(values).all(axis=(-2, -1))
    if not finite.all():
        where = describe_point(points[~finite][0])
        raise InputError(f"H must be finite, but it contains NaN or infinity at {where}.")
    hermitian("H", values)
    if np.iscomplexobj(values) and not values.imag.any():
        values = values.real
    return values


def gradients(hamiltonian: Hamiltonian, points: FloatArray) -> Matrices:
    """Return ∂H at points (…, f) as (…, f, N, N), also for one coordinate."""
    found = hamiltonian.gradient(own_shape(hamiltonian, points))
    return found if len(hamiltonian.coordinates) > 1 else found[..., np.newaxis, :, :]


def eigenframes(hamiltonian: Hamiltonian, points: FloatArray) -> tuple[FloatArray, Matrices]:
    """Return sorted energies (…, N) and eigenvectors (…, N, N) at points (…, f)."""
    energies, vectors = np.linalg.eigh(matrices(hamiltonian, points))
    return energies, vectors


def same_matrix(first: Matrices, second: Matrices) -> bool:
    """Return whether two sets of matrices agree to rounding, apart from a shift of all energies."""
    size = first.shape[-1]
    largest = max(float(np.abs(first).max()), float(np.abs(second).max()))
    first, second = (
        m - np.trace(m, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis] / size * np.eye(size)
        for m in (first, second)
    )
    scale = max(float(np.abs(first).max()), float(np.abs(second).max()))
    allowed = _SAME_MATRIX * scale + 32 * np.finfo(np.float64).eps * largest
    return bool(np.abs(first - second).max() <= allowed)


def polyline(points: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Return s → R(s) along straight segments: corner k at s = k."""
    last = points.shape[0] - 2

    def at(s: FloatArray) -> FloatArray:
        segment = np.clip(np.floor(s).astype(np.intp), 0, last)
        part = (s - segment)[..., np.newaxis]
        return np.asarray((1 - part) * points[segment] + part * points[segment + 1])

    return at


def smallest_values(
    function: Callable[[FloatArray], FloatArray], centres: FloatArray, widths: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return minima of a function on the unit cube, (c, d) places and (c,) values, near `centres`.

    A pattern search: it needs no derivative, which a gap does not have where it closes. The steps,
    `widths` (d,) at first, are halved whenever no neighbour on the pattern is lower.
    """
    count, dimension = centres.shape
    ticks = np.linspace(-1.0, 1.0, 5)
    pattern = np.stack(np.meshgrid(*[ticks] * dimension, indexing="ij"), axis=-1)
    pattern = pattern.reshape(-1, dimension)
    pattern = pattern[np.argsort(np.abs(pattern).sum(axis=1), kind="stable")]  # the centre first
    places, steps = centres.copy(), np.ones(count)
    rows = np.arange(count)
    values = np.full(count, np.inf)
    for _ in range(_PATTERN_STEPS):
        trial = places[:, np.newaxis] + steps[:, np.newaxis, np.newaxis] * pattern * widths
        trial = np.clip(trial, 0.0, 1.0)
        found = function(trial)
        best = np.argmin(found, axis=1)
        places, values = trial[rows, best], found[rows, best]
        steps = np.where(best == 0, steps / 2, steps)
        if np.all(steps * widths.max() < 1e-16):
            break
    return places, values
