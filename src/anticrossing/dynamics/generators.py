"""The Lindblad generator in real numbers: matrices times functions of time, and short panels.

In an orthonormal basis of the Hermitian matrices the Lindblad equation is real: y′ = R(t) y with
D = N² numbers, where R is a sum of a few matrices times functions, or on a panel a polynomial.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import liouville
from anticrossing.dynamics.chebyshev import Grid, powers
from anticrossing.environment import EigenRates, Environment, Nodes

_FEW = 0.25  # of the elements of a matrix: below that they are named one by one
_CONSTANT = 2e-15  # of an operator, what is not one matrix times a function
ROUNDING, _NOTHING = 4e-15, 1e-17
_LONGEST = 6.0  # step times the norm


@dataclass(frozen=True)
class Source:
    """A part of the generator: values at the nodes, (P, n, k), and the matrix that they stand for.

    `matrix` takes weights (..., k) to real matrices (..., D, D), linearly.
    """

    values: FloatArray
    matrix: Callable[[FloatArray], FloatArray]


def sources(
    matrices: npt.NDArray[Any],
    vectors: ComplexArray,
    rates: EigenRates | None,
    jumps: list[ComplexArray],
    rest: ComplexArray | None = None,
) -> list[Source]:
    """Return what the generator is made of: H (P, n, N, N), its eigenvectors, the environment."""
    shape = matrices.shape
    elements = np.ascontiguousarray(matrices.reshape(*shape[:2], -1), dtype=np.complex128)

    def commutator(weights: FloatArray) -> FloatArray:
        packed = np.ascontiguousarray(weights).view(np.complex128)
        return real(liouville.commutator(packed.reshape(*weights.shape[:-1], *shape[2:])))

    found = [Source(elements.view(np.float64), commutator)]
    found += [_jump(jump) for jump in jumps]
    if rest is not None:
        found.append(_full(real(rest)))
    if rates is not None:
        turn = real(liouville.kron(vectors, vectors.conj()))
        inside = real(liouville.eigen_generator(rates))
        found.append(_full(turn @ inside @ turn.swapaxes(-1, -2)))
    return found


def sources_of(matrices: npt.NDArray[Any], nodes: Nodes, environment: Environment) -> list[Source]:
    """Return the same at nodes, with what an environment answers there."""
    return sources(
        matrices,
        nodes.vectors,
        environment.eigen_rates(nodes),
        environment.jump_operators(nodes),
        environment.superoperator(nodes),
    )


def _jump(jump: ComplexArray) -> Source:
    """Return the source of one jump operator (P, n, N, N): mostly one matrix times a function."""
    found = one_matrix(jump)
    if found is None:
        return _full(real(liouville.dissipator(jump)))
    unit = real(liouville.dissipator(found[1]))
    return Source(found[0][..., None], lambda w: w[..., None] * unit)


def one_matrix(jump: ComplexArray) -> tuple[FloatArray, ComplexArray] | None:
    """Return |c|² and M of a jump operator c M (P, n, N, N); None if it is more than one matrix."""
    flat = jump.reshape(-1, jump.shape[-1] ** 2)
    sizes = np.linalg.norm(flat, axis=1)
    pattern = jump.reshape(-1, *jump.shape[-2:])[np.argmax(sizes)]
    pattern = pattern / (float(np.linalg.norm(pattern)) or 1.0)
    weights = flat @ pattern.conj().ravel()
    # Each in its own size: one point of a batch may be a billion times weaker than another.
    apart = np.max(np.abs(flat - weights[:, None] * pattern.ravel()), axis=1)
    if np.any(apart > _CONSTANT * sizes):
        return None
    return np.abs(weights.reshape(jump.shape[:2])) ** 2, pattern


def _full(values: FloatArray) -> Source:
    """Return the source of a part known element by element, real (P, n, D, D)."""
    size = values.shape[-1]
    return Source(
        values.reshape(*values.shape[:-2], size**2), lambda w: w.reshape(*w.shape[:-1], size, size)
    )


def real(superoperator: ComplexArray) -> FloatArray:
    """Return superoperators (..., D, D) in the basis of Hermitian matrices."""
    first, second, factors = _elements_of_basis(math.isqrt(superoperator.shape[-1]))
    right = superoperator[..., first] * factors[0] + superoperator[..., second] * factors[1]
    left = factors.conj()[..., None]
    return np.asarray((left[0] * right[..., first, :] + left[1] * right[..., second, :]).real)


@functools.cache
def _elements_of_basis(
    levels: int,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], ComplexArray]:
    """Return the one or two elements that every matrix of the basis has: places, (2, D) values."""
    rows = liouville.hermitian_basis(levels).reshape(levels**2, -1)
    there = rows != 0
    first = np.argmax(there, axis=1)
    second = levels**2 - 1 - np.argmax(there[:, ::-1], axis=1)
    along = np.arange(levels**2)
    factors = np.stack([rows[along, first], np.where(first == second, 0.0, rows[along, second])])
    return first, second, factors


def elements(
    matrices: FloatArray,
) -> tuple[
    FloatArray, npt.NDArray[np.bool_], FloatArray, npt.NDArray[np.int64], npt.NDArray[np.int64]
]:
    """Return real matrices (K, D, D), which are dense, and the elements of the others."""
    there = np.abs(matrices) > _NOTHING * np.max(np.abs(matrices), axis=(1, 2), keepdims=True)
    is_dense = np.mean(there, axis=(1, 2)) > _FEW
    there[is_dense] = False
    places = np.nonzero(there)[2]
    counts = np.concatenate([[0], np.cumsum(np.sum(there, axis=-1).ravel())])
    size = matrices.shape[-1]
    starts = np.arange(matrices.shape[0])[:, None] * size + np.arange(size + 1)
    dense = np.ascontiguousarray(matrices)
    return dense, is_dense, matrices[there], places.astype(np.int64), counts[starts]


def short_panels(
    parts: list[Source], half_width: FloatArray, grid: Grid, tolerance: float
) -> tuple[npt.NDArray[np.bool_], ComplexArray, FloatArray]:
    """Carry all matrices across panels of few turns, step by step.

    Returns which panels the nodes resolve, their maps (P, D, D) of ρ stacked row by row, and the
    errors.
    """
    from anticrossing.dynamics import _steps

    total = sum(part.matrix(part.values) for part in parts) * half_width[:, None, None, None]
    panels, n, size, _ = total.shape
    coefficients = (grid.to_coefficients @ total.reshape(panels, n, -1)).reshape(total.shape)
    largest = np.max(np.abs(total), axis=(1, 2, 3))
    tail = np.max(np.abs(coefficients[:, -2:]), axis=(1, 2, 3))
    resolved = tail <= np.maximum(tolerance, ROUNDING * largest)
    # What is rounding must not become a power: they are large where they cancel.
    coefficients[np.abs(coefficients) <= ROUNDING * largest[:, None, None, None]] = 0.0
    maps, error = np.zeros((panels, size, size)), np.zeros(panels)
    for p in np.flatnonzero(resolved):
        present = np.flatnonzero(np.any(coefficients[p] != 0, axis=(1, 2)))
        terms = 1 + int(present.max(initial=0))  # one of a generator that vanishes
        matrices = np.tensordot(powers(n)[:terms, :terms].T, coefficients[p, :terms], axes=1)
        y, info = np.eye(size).ravel(), np.zeros(2)
        _steps.follow(
            *elements(matrices),
            np.eye(terms)[None],
            np.arange(terms)[None],
            np.full(1, 2.0),
            float(np.max(np.sum(np.abs(total[p]), axis=-1))),
            np.empty(0),
            np.zeros(2, dtype=np.int64),
            0.5 * tolerance,
            _LONGEST,
            y,
            np.empty((0, y.size)),
            info,
        )
        maps[p], error[p] = y.reshape(size, size), 2 * info[0] + tail[p]
    resolved &= np.isfinite(error)
    columns = liouville.hermitian_basis(math.isqrt(size)).reshape(size, size).T
    return resolved, columns @ maps @ columns.conj().T, error
