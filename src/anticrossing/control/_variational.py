"""The best gauge potential among given operators.

``A = Σ_k α_k O_k`` minimises ``Tr ρ G²`` with ``G = ∂H + i[A, H]``, which vanishes off the diagonal
for the exact A. ρ weighs levels: all alike, by a temperature, or the lowest alone. In eigenstates
``(i[O_k, H])_nm = i (E_m − E_n) (O_k)_nm``, so the minimum is a problem of least squares.

At single points, as of degenerate levels, H tells fewer sums of operators apart than elsewhere. So
that the α_k stay smooth there, a singular value σ is inverted as ``[1 − (c²/(σ² + c²))^p]/σ``,
iterated Tikhonov regularisation: exact for σ well above the cutoff c, nothing well below.
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
    number_between,
    of_shape,
    positive_number,
)
from anticrossing._core.linalg import dagger
from anticrossing.hamiltonian import Hamiltonian, check_finite_hermitian

_AT_ONCE = 2048  # points
_ITERATED = 6
_LEAST, _MOST = 1e-10, 0.1


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
    cutoff : float
        c, relative to all singular values together.
    """

    hamiltonian: Hamiltonian
    operators: ComplexArray
    temperature: float | None
    levels: int | None
    cutoff: float

    @classmethod
    def make(
        cls, hamiltonian: Hamiltonian, operators: Any, temperature: Any, levels: Any, cutoff: Any
    ) -> Variational:
        """Check the operators, and what weighs the levels."""
        if not isinstance(operators, (Sequence, np.ndarray)) or len(operators) == 0:
            raise fail("operators", "be a list of at least one matrix", "it is not")
        size = hamiltonian.dimension
        given = [np.asarray(hermitian("operators", one, single=True)) for one in operators]
        for one in given:
            of_shape("operators", one, (size, size))
            if not np.any(one):
                raise fail("operators", "not vanish", "one is zero")
        if temperature is not None and levels is not None:
            raise fail("levels", "be left out beside a temperature", f"it is {levels}")
        if levels is not None:
            levels = integer("levels", levels, minimum=1, maximum=size)
        if temperature is not None:
            temperature = positive_number("temperature", temperature)
        least = number_between("cutoff", cutoff, _LEAST, _MOST)
        stacked = np.stack(given).astype(np.complex128)
        return cls(hamiltonian, stacked, temperature, levels, least)

    def coefficients(self, x: FloatArray) -> FloatArray:
        """Return α_k at x, shape (…, K)."""
        points = np.asarray(x, dtype=np.float64)
        flat = points.reshape(-1)
        found = np.empty((flat.size, self.operators.shape[0]))
        for first in range(0, flat.size, _AT_ONCE):
            found[first : first + _AT_ONCE] = self._solved(flat[first : first + _AT_ONCE])
        return found.reshape(*points.shape, found.shape[1])

    def __call__(self, x: FloatArray) -> ComplexArray:
        """Return A(x), shape (…, N, N)."""
        return np.asarray(np.tensordot(self.coefficients(x), self.operators, axes=1))

    def _solved(self, x: FloatArray) -> FloatArray:
        values = self.hamiltonian(x)
        check_finite_hermitian(values, x)
        energies, vectors = np.linalg.eigh(values)
        turned = dagger(vectors)
        slope = turned @ self.hamiltonian.derivative(x) @ vectors
        sizes = np.linalg.norm(self.operators, axis=(-2, -1))
        unit = self.operators / sizes[:, None, None]
        moved = turned[:, None] @ unit @ vectors[:, None]
        # Of a Hermitian G the elements above the diagonal tell all; the diagonal no A changes.
        n, m = np.triu_indices(energies.shape[-1], 1)
        weights = self._weights(energies)
        roots = np.sqrt(weights[:, n] + weights[:, m])
        differences = roots * (energies[:, m] - energies[:, n])
        columns = 1j * differences[:, None] * moved[:, :, n, m]
        wanted = -roots * slope[:, n, m]
        matrix = np.concatenate([columns.real, columns.imag], axis=-1)  # a row for each operator
        right = np.concatenate([wanted.real, wanted.imag], axis=-1)
        left, singular, rows = np.linalg.svd(matrix, full_matrices=False)
        whole = np.linalg.norm(singular, axis=-1, keepdims=True)
        relative = (singular / np.where(whole > 0, whole, 1.0) / self.cutoff) ** 2
        passed = 1 - (1 + relative) ** -float(_ITERATED)
        inverse = np.divide(passed, singular, out=np.zeros_like(singular), where=singular > 0)
        parts = inverse * (rows @ right[..., None])[..., 0]
        found: FloatArray = (left @ parts[..., None])[..., 0] / sizes
        return found

    def _weights(self, energies: FloatArray) -> FloatArray:
        if self.levels is not None:
            counted: FloatArray = np.zeros_like(energies)
            counted[:, : self.levels] = 1.0
            return counted
        if self.temperature is None:
            return np.ones_like(energies)
        return np.asarray(np.exp(-(energies - energies[:, :1]) / self.temperature))
