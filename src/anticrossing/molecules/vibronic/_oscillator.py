"""Polynomial Hamiltonians in a product of harmonic-oscillator bases, as sparse matrices."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, single_point
from anticrossing.hamiltonian import TermHamiltonian

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


def build(terms: Monomials, frequencies: FloatArray, sizes: tuple[int, ...]) -> Any:
    """Return ½ Σ ω_i P_i² + V(Q) in CSR form, electronic state fastest."""
    import scipy.sparse

    states = len(terms[0][1])
    identities = [scipy.sparse.identity(size, format="csr") for size in sizes]
    total: Any = None
    for i, (omega, size) in enumerate(zip(frequencies, sizes, strict=True)):
        factors = [*identities[:i], omega / 2 * kinetic(size), *identities[i + 1 :]]
        term = _kron([*factors, scipy.sparse.identity(states, format="csr")])
        total = term if total is None else total + term
    for powers, matrix in terms:
        factors = [position_power(size, power) for size, power in zip(sizes, powers, strict=True)]
        total = total + _kron([*factors, scipy.sparse.csr_matrix(matrix)])
    return total.tocsr()


def _kron(factors: list[Any]) -> Any:
    import scipy.sparse

    return functools.reduce(lambda a, b: scipy.sparse.kron(a, b, format="csr"), factors)


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
