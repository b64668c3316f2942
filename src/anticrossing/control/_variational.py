"""The best gauge potential among given operators.

``A = Σ_k α_k O_k`` minimises ``Tr ρ G²`` with ``G = ∂H + i[A, H]``, which vanishes off the diagonal
for the exact A. ρ weighs levels: all alike, by a temperature, or the lowest alone. In eigenstates
``(i[O_k, H])_nm = i (E_m − E_n) (O_k)_nm``, so the minimum is a problem of least squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

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

_AT_ONCE = 2048  # points
_POOR = 1e-3  # of the largest singular value, below which digits are lost
_STEP = 1e-2  # of the range of x
_AROUND = np.array([-5.0, -4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0])
_HALF = np.array([10.0, -100.0, 450.0, -1200.0, 2100.0]) / 2520  # exact to the ninth degree
_TO_MIDDLE = np.concatenate([_HALF, _HALF[::-1]])
_ROUNDING = 1e-14
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
    rank, step : int, float
        At single points, as of degenerate levels, H may tell fewer sums of operators apart than
        elsewhere: there A is the limit, from points a few steps away.
    """

    hamiltonian: Hamiltonian
    operators: ComplexArray
    temperature: float | None
    levels: int | None
    rank: int = 0
    step: float = 0.0

    @classmethod
    def make(
        cls, hamiltonian: Hamiltonian, x: FloatArray, operators: Any, temperature: Any, levels: Any
    ) -> Variational:
        """Check the operators, and what weighs the levels; x are positions to look at."""
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
        made = cls(hamiltonian, np.stack(given).astype(np.complex128), temperature, levels)
        samples = x.ravel()[:_AT_ONCE]
        rank = int(made._solved(samples)[1].max(initial=0))
        return replace(made, rank=rank, step=_STEP * max(float(np.ptp(samples)), _STEP))

    @property
    def _sizes(self) -> FloatArray:
        return np.asarray(np.linalg.norm(self.operators, axis=(-2, -1)))

    def coefficients(self, x: FloatArray) -> FloatArray:
        """Return α_k at x, shape (…, K)."""
        points = np.asarray(x, dtype=np.float64)
        flat = points.reshape(-1)
        found = np.empty((flat.size, self.operators.shape[0]))
        for first in range(0, flat.size, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            found[part], rank = self._solved(flat[part])
            poor = first + np.flatnonzero(rank < self.rank)
            if poor.size:
                around = self.step * _AROUND[:, None] + flat[poor]
                beside = self._solved(around.ravel())[0].reshape(_AROUND.size, poor.size, -1)
                found[poor] = np.tensordot(_TO_MIDDLE, beside, axes=1)
        return found.reshape(*points.shape, found.shape[1])

    def _solved(self, x: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
        """Return α_k, and how many sums of operators H tells apart well, at points (P,)."""
        values = self.hamiltonian(x)
        check_finite_hermitian(values, x)
        energies, vectors = np.linalg.eigh(values)
        turned = dagger(vectors)
        slope = turned @ self.hamiltonian.derivative(x) @ vectors
        moved = turned[:, None] @ self.operators @ vectors[:, None]
        # Of a Hermitian G the elements above the diagonal tell all; the diagonal no A changes.
        n, m = np.triu_indices(energies.shape[-1], 1)
        weights = self._weights(energies)
        roots = np.sqrt(weights[:, n] + weights[:, m])
        differences = roots * (energies[:, m] - energies[:, n])
        columns = 1j * differences[:, None] * moved[:, :, n, m]
        wanted = -roots * slope[:, n, m]
        matrix = np.concatenate([columns.real, columns.imag], axis=-1)
        right = np.concatenate([wanted.real, wanted.imag], axis=-1)
        # Rows, and operators, may differ in size by many orders: only their directions are cut.
        size = np.linalg.norm(matrix, axis=-1)
        largest = np.max(np.abs(differences), axis=-1)[:, None] * self._sizes
        scale = np.where(size > _ROUNDING * largest, size, np.inf)  # infinite: it commutes with H
        left, singular, right_ = np.linalg.svd(matrix / scale[..., None], full_matrices=False)
        largest = singular[:, :1]
        kept = singular > _DEPENDENT * largest
        parts = (right_ @ right[..., None])[..., 0] * kept / np.where(kept, singular, 1.0)
        found = (left @ parts[..., None])[..., 0] / scale
        return np.asarray(found), np.sum(singular > _POOR * largest, axis=-1)

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
