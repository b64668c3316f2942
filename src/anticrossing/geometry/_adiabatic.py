"""Levels, eigenvectors and the gradient between them at many points, chunk by chunk.

The chunks depend on the size of the matrices only, and each is computed by one thread, so that a
result does not depend on the number of threads.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    integer,
    real_array,
)
from anticrossing._core.threads import few_threads
from anticrossing.geometry._paths import SMALLEST_GAP, check_hamiltonian
from anticrossing.hamiltonian import Hamiltonian, Matrices, TermHamiltonian, check_finite_hermitian

Indices = npt.NDArray[np.intp]

DEGENERATE_OPTIONS = ("refuse", "nan", "multiplets")

_CHUNK = 250_000  # numbers per chunk, which stay in the cache
_EPSILON = float(np.finfo(np.float64).eps)
_SAME_SLOPE = 1e-10  # of the largest slope
_SAME_LEVEL = 1e-13  # of the width of the spectrum: rounding in the levels themselves


@dataclass(frozen=True)
class Adiabatic:
    """The adiabatic basis at n points of a Hamiltonian with f coordinates.

    Attributes
    ----------
    energies : array, shape (n, N)
    vectors : array, shape (n, N, N)
        Columns, with the phases of the eigenvalue routine.
    slopes : array, shape (n, f, N, N)
        ``F_ij = ⟨φ_i|∂_a H|φ_j⟩``.
    gaps : array, shape (n, N, N)
        ``E_j − E_i`` at [i, j]; 1 on the diagonal, so that it can be divided by.
    degenerate : array of bool, shape (n, N, N)
        Pairs whose levels agree to rounding.
    """

    hamiltonian: Hamiltonian
    points: FloatArray
    parameters: dict[str, FloatArray]
    energies: FloatArray
    vectors: Matrices
    slopes: Matrices
    gaps: FloatArray
    degenerate: npt.NDArray[np.bool_]

    @cached_property
    def couplings(self) -> Matrices:
        """``d_ij = F_ij/(E_j − E_i)``, zero on the diagonal, NaN between degenerate levels."""
        count = self.energies.shape[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.slopes / self.gaps[:, np.newaxis]
        found[..., np.arange(count), np.arange(count)] = 0.0
        if self.degenerate.any():
            n, i, j = np.nonzero(self.degenerate)
            found[n, :, i, j] = np.nan
        return found

    def kept(self, found: npt.NDArray[Any], pairs: npt.NDArray[np.bool_] | None = None) -> Any:
        """Return an array over pairs, zero within multiplets: their states are kept as they are."""
        within = self.degenerate if pairs is None else pairs
        axes = tuple(range(1, found.ndim - 2))
        return np.where(np.expand_dims(within, axes), 0.0, found)

    def averaged(self, found: FloatArray) -> FloatArray:
        """Return an array over levels (n, N, …), averaged over each multiplet."""
        if not self.degenerate.any():
            return found
        weights = self.degenerate + np.eye(self.degenerate.shape[-1])
        weights = weights / weights.sum(axis=-1, keepdims=True)
        return np.asarray(np.einsum("pij,pj...->pi...", weights, found))

    @cached_property
    def parted(self) -> npt.NDArray[np.bool_]:
        """Degenerate pairs of levels that part in some direction, shape (n, N, N)."""
        found = np.zeros_like(self.degenerate)
        for point in np.flatnonzero(self.degenerate.any(axis=(1, 2))):
            slopes = self.slopes[point]
            own = np.einsum("ann->na", slopes).real
            differ = np.abs(own[:, np.newaxis] - own).max(axis=-1) + np.abs(slopes).max(axis=0)
            apart = differ > _SAME_SLOPE * np.abs(slopes).max()
            found[point] = self.degenerate[point] & apart
        return found

    def refuse_parting(self, what: str, levels: Indices, *, others: bool = True) -> None:
        """Raise where levels meet that are no multiplet: they part again nearby."""
        if self.parted.any():
            meeting = dataclasses.replace(self, degenerate=self.parted)
            meeting.refuse_degenerate(what, levels, others=others)

    def coupling_derivatives(self) -> Matrices:
        """Return ``∂_a d^a_ij`` where ``d_jj = 0`` along every coordinate line, (n, f, N, N).

        From ``∂F = ⟨φ_i|∂²H|φ_j⟩ + [F, d]``, which is what eigenvectors that turn with d make of
        the slopes, and ``∂(E_j − E_i) = F_jj − F_ii``.
        """
        own = np.einsum("paaij->paij", self.second_slopes())
        d, slopes, gaps = self.couplings, self.slopes, self.gaps[:, np.newaxis]
        turned = own + slopes @ d - d @ slopes
        diagonal = np.einsum("pann->pan", slopes).real
        opening = diagonal[..., np.newaxis, :] - diagonal[..., :, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (turned - d * opening) / gaps
        count = self.energies.shape[-1]
        found[..., np.arange(count), np.arange(count)] = 0.0
        return found

    def second_slopes(self) -> Matrices:
        """Return ``⟨φ_i|∂_a∂_b H|φ_j⟩``, shape (n, f, f, N, N)."""
        values = self.hamiltonian.evaluate_second_derivatives(self.points, self.parameters)
        n, f, _, count, _ = values.shape
        flat = values.reshape(n, f * f, count, count)
        return _rotate(flat, self.vectors).reshape(n, f, f, count, count)

    def refuse_degenerate(
        self, what: str, levels: Indices, index: int | None = None, *, others: bool = True
    ) -> None:
        """Raise for the first of `levels` that agrees with any other, or with another of them.

        At point `index`, or at any.
        """
        asked = np.zeros(self.degenerate.shape[1:], dtype=bool)
        asked[levels if others else np.ix_(levels, levels)] = True
        where = asked & (self.degenerate if index is None else self.degenerate[index : index + 1])
        if not where.any():
            return
        n, i, j = (int(k) for k in np.argwhere(where)[0])
        n += index or 0
        gap = abs(self.energies[n, j] - self.energies[n, i])
        raise fail(
            "x",
            f"avoid degenerate levels where {what} are asked for",
            f"levels {i} and {j} are degenerate at "
            f"{point_text(self.hamiltonian, self.points[n])} (gap {gap:.3g})",
        )


def point_text(hamiltonian: Hamiltonian, point: npt.NDArray[Any]) -> str:
    """Return a point as text with the names of its coordinates."""
    values = np.atleast_1d(point)
    if values.size > 6:
        return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"
    names = hamiltonian.coordinates
    return ", ".join(f"{name} = {value:.6g}" for name, value in zip(names, values, strict=True))


def adiabatic(
    hamiltonian: Hamiltonian, points: FloatArray, parameters: dict[str, FloatArray]
) -> Adiabatic:
    """Return the adiabatic basis at points (n,) or (n, f), with parameters of size 1 or n."""
    values = hamiltonian.evaluate(points, parameters)
    check_finite_hermitian(values, points)
    count = hamiltonian.dimension
    diagonal = np.arange(count)
    # Without their common part the levels, and so the gaps, are more accurate.
    mean = np.trace(values, axis1=-2, axis2=-1).real / count
    centred = np.array(values)
    centred[:, diagonal, diagonal] -= mean[:, np.newaxis]
    levels, vectors = np.linalg.eigh(centred)
    slopes = hamiltonian.evaluate_gradient(points, parameters)
    if not np.isfinite(slopes).all():
        bad = points[np.argmin(np.isfinite(slopes).all(axis=(1, 2, 3)))]
        raise InputError(
            "The derivative of H must be finite, but it contains NaN or infinity at "
            f"{point_text(hamiltonian, bad)}."
        )
    gaps = levels[:, np.newaxis, :] - levels[:, :, np.newaxis]
    width = levels[:, -1] - levels[:, 0]
    smallest = np.maximum(_SAME_LEVEL * width + 2 * _EPSILON * np.abs(mean), SMALLEST_GAP)
    close = np.abs(gaps) <= smallest[:, np.newaxis, np.newaxis]
    close[:, diagonal, diagonal] = False
    gaps[:, diagonal, diagonal] = 1.0
    return Adiabatic(
        hamiltonian=hamiltonian,
        points=points,
        parameters=parameters,
        energies=levels + mean[:, np.newaxis],
        vectors=vectors,
        slopes=_rotate(slopes, vectors),
        gaps=gaps,
        degenerate=close,
    )


def _rotate(matrices: Matrices, vectors: Matrices) -> Matrices:
    """Return V† G V for Hermitian G of shape (n, m, N, N), in two products per point."""
    n, m, count, _ = matrices.shape
    half = matrices.reshape(n, m * count, count) @ vectors
    turned = half.reshape(n, m, count, count).swapaxes(-1, -2).reshape(n, m * count, count)
    found = (turned @ vectors.conj()).reshape(n, m, count, count)
    # `found` is the transpose of V†GV, which is Hermitian: its conjugate.
    return found.conj() if np.iscomplexobj(found) else found


def over_points(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    compute: Callable[[Adiabatic], tuple[npt.NDArray[Any], ...]],
    *,
    order: int = 1,
    threads: int | None = None,
) -> tuple[npt.NDArray[Any], ...]:
    """Return what `compute` finds at all points, shape ``batch_shape + x.shape[:-1] + (…)``.

    `order` is the order of the highest derivative of H that `compute` needs.
    """
    check_hamiltonian(hamiltonian)
    points, parameters, shape = hamiltonian.flat_points(real_array("x", x))
    workers = _cores() if threads is None else integer("threads", threads, minimum=1)
    if not isinstance(hamiltonian, TermHamiltonian):
        # A user's function need not be safe on several threads.
        if threads is not None and workers > 1:
            raise fail("threads", "be 1 for a Hamiltonian given by a function", f"it is {threads}")
        workers = 1
    total = points.shape[0]
    per_point = len(hamiltonian.coordinates) ** order * hamiltonian.dimension**2
    size = max(1, _CHUNK // per_point)

    def part(start: int) -> tuple[npt.NDArray[Any], ...]:
        piece = slice(start, min(start + size, total))
        own = {k: v[piece] if v.size > 1 else v for k, v in parameters.items()}
        with np.errstate(over="ignore"):
            return compute(adiabatic(hamiltonian, points[piece], own))

    with few_threads(hamiltonian.dimension):
        first = part(0)
        results = tuple(np.empty((total, *a.shape[1:]), dtype=a.dtype) for a in first)

        def keep(start: int, found: tuple[npt.NDArray[Any], ...]) -> None:
            for result, values in zip(results, found, strict=True):
                if np.iscomplexobj(values) and not np.iscomplexobj(result):
                    raise InputError(
                        "H(x) must be real everywhere or complex everywhere, but the function "
                        "returned a complex matrix after real ones."
                    )
                result[start : start + values.shape[0]] = values

        keep(0, first)
        starts = range(size, total, size)
        if workers == 1 or len(starts) < 2:
            for start in starts:
                keep(start, part(start))
        else:
            with ThreadPoolExecutor(workers) as pool:
                for _ in pool.map(lambda start: keep(start, part(start)), starts):
                    pass  # raises what the thread raised
    return tuple(result.reshape(*shape, *result.shape[1:]) for result in results)


def drop_axes(hamiltonian: Hamiltonian, values: npt.NDArray[Any], *axes: int) -> Any:
    """Return `values` without the axes over coordinates if there is only one coordinate."""
    return values if len(hamiltonian.coordinates) > 1 else np.squeeze(values, axis=axes)


def check_levels(hamiltonian: Hamiltonian, levels: Any) -> Indices:
    """Return the levels asked for, all if none are named."""
    count = check_hamiltonian(hamiltonian).dimension
    if levels is None:
        return np.arange(count)
    if isinstance(levels, str) or np.ndim(levels) != 1 or len(levels) == 0:
        raise fail("levels", "be a list of levels", f"it is {describe(levels)}")
    chosen = [integer("levels", level, minimum=0) for level in levels]
    if max(chosen) >= count:
        raise fail("levels", f"be at most {count - 1}", f"it is {describe(levels)}")
    return np.array(chosen)


def check_degenerate(value: str) -> str:
    """Return the option `degenerate`, or raise `InputError`."""
    return choice("degenerate", value, DEGENERATE_OPTIONS)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
