"""The best gauge potential among given operators.

``A = Σ_k α_k O_k`` minimises ``Tr ρ G²`` with ``G = ∂H + i[A, H]``, which vanishes off the diagonal
for the exact A. ρ weighs levels: all alike, by a temperature, or the lowest alone. In eigenstates
``(i[O_k, H])_nm = i (E_m − E_n) (O_k)_nm``, so the minimum is a problem of least squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    hermitian,
    integer,
    of_shape,
    positive_number,
)
from anticrossing._core.linalg import dagger
from anticrossing.hamiltonian import Hamiltonian, check_finite_hermitian

_DEPENDENT = 1e-12  # of the largest singular value, below which operators do nothing


@dataclass(frozen=True, eq=False)
class Variational:
    """A(x) by given operators.

    Attributes
    ----------
    hamiltonian : Hamiltonian
    operators : array, shape (K, N, N)
    temperature : float or None
        Levels count as exp(−E/temperature).
    levels : int or None
        How many of the lowest count.
    """

    hamiltonian: Hamiltonian
    operators: ComplexArray
    temperature: float | None
    levels: int | None

    @classmethod
    def make(
        cls, hamiltonian: Hamiltonian, operators: Any, temperature: Any, levels: Any
    ) -> Variational:
        """Check the operators, and what weighs the levels."""
        if not isinstance(operators, (Sequence, np.ndarray)) or len(operators) == 0:
            raise fail("operators", "be a list of at least one matrix", "it is not")
        size = hamiltonian.dimension
        given = [np.asarray(hermitian("operators", one, single=True)) for one in operators]
        for one in given:
            of_shape("operators", one, (size, size))
        if temperature is not None and levels is not None:
            raise fail("levels", "be left out beside a temperature", f"it is {levels}")
        if levels is not None:
            levels = integer("levels", levels, minimum=1, maximum=size)
        if temperature is not None:
            temperature = positive_number("temperature", temperature)
        return cls(hamiltonian, np.stack(given).astype(np.complex128), temperature, levels)

    def coefficients(self, x: FloatArray) -> FloatArray:
        """Return α_k at x, shape (…, K)."""
        points = np.asarray(x, dtype=np.float64)
        flat = points.reshape(-1)
        values = self.hamiltonian(flat)
        check_finite_hermitian(values, flat)
        energies, vectors = np.linalg.eigh(values)
        turned = dagger(vectors)
        slope = turned @ self.hamiltonian.derivative(flat) @ vectors
        differences = energies[:, None, :] - energies[:, :, None]
        roots = np.sqrt(self._weights(energies))[:, :, None]
        moved = turned[:, None] @ self.operators @ vectors[:, None]
        columns = (1j * roots * differences)[:, None] * moved
        same = np.eye(energies.shape[-1], dtype=np.bool_)
        wanted = np.where(same, 0.0, -roots * slope)  # the diagonal is out of reach of any A
        table = columns.reshape(flat.size, self.operators.shape[0], same.size)
        matrix = np.concatenate([table.real, table.imag], axis=-1)
        target = wanted.reshape(flat.size, same.size)
        right = np.concatenate([target.real, target.imag], axis=-1)
        found = np.linalg.pinv(np.swapaxes(matrix, -1, -2), rcond=_DEPENDENT) @ right[..., None]
        return np.asarray(found[..., 0].reshape(*points.shape, table.shape[1]))

    def __call__(self, x: FloatArray) -> ComplexArray:
        """Return A(x), shape (…, N, N)."""
        return np.asarray(np.tensordot(self.coefficients(x), self.operators, axes=1))

    def _weights(self, energies: FloatArray) -> FloatArray:
        if self.levels is not None:
            return (
                np.broadcast_to(np.arange(energies.shape[-1]) < self.levels, energies.shape) * 1.0
            )
        if self.temperature is None:
            return np.ones_like(energies)
        return np.asarray(np.exp(-(energies - energies[:, :1]) / self.temperature))
