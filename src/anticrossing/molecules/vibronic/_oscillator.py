"""Polynomial Hamiltonians between products of harmonic-oscillator functions, as sparse matrices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, single_point
from anticrossing.hamiltonian import TermHamiltonian

IntArray = npt.NDArray[np.intp]
Monomials = list[tuple[tuple[int, ...], npt.NDArray[Any]]]
"""The potential as pairs (powers of the coordinates, constant matrix)."""

_HIGHEST_POWER = 12


def monomials(hamiltonian: TermHamiltonian) -> Monomials:
    """Return H(x) as a sum of monomials times matrices, or raise `InputError`."""
    import sympy

    from anticrossing._core import expression

    single_point("hamiltonian", hamiltonian)
    values = {
        expression.symbol(key): sympy.Float(float(value), 17)
        for key, value in hamiltonian.parameters.items()
    }
    symbols = [expression.symbol(name) for name in hamiltonian.coordinates]
    collected: dict[tuple[int, ...], Any] = {}
    for coefficient, matrix in zip(hamiltonian.coefficients, hamiltonian.matrices, strict=True):
        try:
            polynomial = sympy.Poly(coefficient.subs(values), *symbols)
        except sympy.PolynomialError:
            raise fail(
                "hamiltonian",
                f"be a polynomial in {', '.join(hamiltonian.coordinates)}",
                f"it contains {coefficient}",
            ) from None
        dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        for powers, factor in polynomial.terms():
            if max(powers) > _HIGHEST_POWER:
                raise InputError(
                    f"Argument `hamiltonian` must have no power above {_HIGHEST_POWER}, but it "
                    f"contains {coefficient}."
                )
            collected[powers] = collected.get(powers, 0) + float(factor) * dense
    return list(collected.items())


def product(sizes: tuple[int, ...]) -> IntArray:
    """Return the quantum numbers (B, f) of all products of the lowest `sizes` functions."""
    return np.indices(sizes).reshape(len(sizes), -1).T


def truncated(sizes: tuple[int, ...]) -> IntArray:
    """Return the quantum numbers n with Σ_i n_i/(sizes_i − 1) ≤ 1, in the order of `product`."""
    found, used = np.zeros((1, 0), dtype=np.intp), np.zeros(1)
    for size in sizes:
        share = used[:, None] + np.arange(size) / max(size - 1, 1)
        row, n = np.nonzero(share <= 1 + 1e-12)
        found, used = np.column_stack([found[row], n]), share[row, n]
    return found


def build(terms: Monomials, frequencies: FloatArray, numbers: IntArray) -> Any:
    """Return ½ Σ ω_i P_i² + V(Q) between oscillator products in CSR form, electronic state fastest.

    `numbers` (B, f) are quantum numbers in lexicographic order.
    """
    import scipy.sparse

    states, modes = len(terms[0][1]), numbers.shape[1]
    sizes = numbers.max(axis=0) + 1
    strides = np.cumprod([1, *sizes[:0:-1]])[::-1].astype(np.int64)
    codes = numbers @ strides
    one = [(tuple(np.eye(modes, dtype=int)[i]), w / 2) for i, w in enumerate(frequencies)]
    every: list[tuple[tuple[int, ...], npt.NDArray[Any], Callable[[int, int], Any]]]
    every = [(powers, matrix, position_power) for powers, matrix in terms]
    every += [(place, w * np.eye(states), _kinetic_power) for place, w in one]
    rows, columns, values = [], [], []
    for powers, matrix, element in every:
        target, source = codes, np.arange(len(codes))
        value = np.ones(len(codes))
        for mode in np.flatnonzero(powers):
            table = element(int(sizes[mode]), powers[mode]).tocsc()
            n = numbers[source, mode]
            count = np.diff(table.indptr)[n]
            # every entry of the columns n of the table, one after the other
            step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            entry = np.repeat(table.indptr[n], count) + step
            moved = (table.indices[entry] - np.repeat(n, count)) * strides[mode]
            target = np.repeat(target, count) + moved
            source, value = np.repeat(source, count), np.repeat(value, count) * table.data[entry]
        place = np.minimum(np.searchsorted(codes, target), len(codes) - 1)
        kept = codes[place] == target
        for a, b in np.argwhere(matrix):
            rows.append(place[kept] * states + a)
            columns.append(source[kept] * states + b)
            values.append(value[kept] * matrix[a, b])
    size = len(codes) * states
    joined = tuple(map(np.concatenate, (rows, columns)))
    return scipy.sparse.csr_matrix((np.concatenate(values), joined), shape=(size, size))


def _kinetic_power(size: int, _: int) -> Any:
    return kinetic(size)


@functools.lru_cache(maxsize=256)
def position_power(size: int, power: int) -> Any:
    """Return the matrix of Qⁿ between the lowest `size` functions, exact to rounding."""
    import scipy.sparse

    if power == 0:
        return scipy.sparse.identity(size, format="csr")
    # Multiplied in a larger basis, so that the cut does not change the elements that are kept.
    larger = size + power
    step = np.sqrt(np.arange(1, larger) / 2)
    position = scipy.sparse.diags([step, step], [-1, 1], format="csr")
    product = position
    for _ in range(power - 1):
        product = product @ position
    return product[:size, :size].tocsr()


@functools.lru_cache(maxsize=256)
def kinetic(size: int) -> Any:
    """Return the matrix of P² between the lowest `size` functions."""
    import scipy.sparse

    n = np.arange(size, dtype=np.float64)
    if size <= 2:
        return scipy.sparse.diags([n + 0.5], [0], format="csr")
    side = -np.sqrt((n[:-2] + 1) * (n[:-2] + 2)) / 2
    return scipy.sparse.diags([side, n + 0.5, side], [-2, 0, 2], format="csr")


def dimension(sizes: tuple[int, ...], states: int) -> int:
    """Return the number of product functions."""
    return math.prod(sizes) * states
