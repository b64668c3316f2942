"""H(t) on a mesh of panels as a constant matrix and a few others times functions of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics._columns import kind
from anticrossing.dynamics._taylor import DIAGONAL
from anticrossing.dynamics.chebyshev import Grid, powers
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import TermHamiltonian

_MOST = 8
_MOST_POINTS = 1000  # at which a function may be looked at
_ROUNDING = 4e-15


@dataclass(frozen=True)
class Modes:
    """H = Σ_k φ_k(t) M_k with φ_0 = 1, in the basis of `basis`, or in the given one.

    Attributes
    ----------
    matrices : array, shape (K, N, N)
    functions : array, shape (P, n, K − 1)
        φ_1, φ_2, … at the nodes, of size 1 at most.
    rounding : array, shape (K − 1,)
        How well their values are known.
    basis : array, shape (N, N), or None
    """

    matrices: npt.NDArray[Any]
    functions: FloatArray
    rounding: FloatArray
    basis: npt.NDArray[Any] | None = None

    @classmethod
    def of(cls, lanes: Lanes, lane: int, times: FloatArray) -> Modes | None:
        """Return the modes of a lane from values at `times` (P, n), or None if they are many."""
        own = np.full(times.shape[0], lane)
        levels = lanes.hamiltonian.dimension
        if isinstance(lanes.hamiltonian, TermHamiltonian):
            size = lanes.hamiltonian.weights_of_terms()
            base = (
                lanes.hamiltonian.traceless_matrices()
                / np.where(size > 0, size, 1.0)[:, None, None]
            )
            values = lanes.coefficients(times, own)
        elif times.size > _MOST_POINTS:
            return None
        else:
            elements = lanes.traceless(times, own).astype(np.complex128)
            base = None
            values = elements.reshape(times.size, -1).view(np.float64)

        def combined(weights: FloatArray) -> npt.NDArray[Any]:
            if base is None:
                return np.ascontiguousarray(weights).view(np.complex128).reshape(-1, levels, levels)
            return np.tensordot(weights, base, axes=1)

        return cls.of_values(values.reshape(*times.shape, -1), combined)

    @classmethod
    def of_values(
        cls,
        given: FloatArray,
        combined: Callable[[FloatArray], npt.NDArray[Any]],
        most: int = _MOST,
    ) -> Modes | None:
        """Return the modes of values (P, n, k), or None if there are more than `most`.

        `combined` takes values (K, k) to the matrices (K, N, N) that they stand for, linearly.
        """
        values = given.reshape(-1, given.shape[-1])
        mean = values.mean(axis=0)
        left, sizes, directions = np.linalg.svd(values - mean, full_matrices=False)
        noise = _ROUNDING * float(np.max(np.abs(values), initial=0.0))
        rank = int(np.count_nonzero(sizes > noise * np.sqrt(values.shape[0])))
        if rank > most:
            return None
        functions = left[:, :rank] * sizes[:rank]
        largest = np.max(np.abs(functions), axis=0, initial=1e-300)
        matrices = np.concatenate(
            [combined(mean[None]), combined(directions[:rank] * largest[:, None])]
        )
        functions = (functions / largest).reshape(*given.shape[:2], rank)
        return cls(matrices, functions, np.maximum(noise / largest, _ROUNDING))

    @property
    def to_be_diagonalised(self) -> bool:
        """Whether another basis makes the one matrix that varies diagonal."""
        return self.matrices.shape[0] == 2 and kind(self.matrices[1]) != DIAGONAL

    def diagonalised(self) -> Modes:
        """Return the modes in the eigenbasis of the one matrix that varies."""
        values, basis = np.linalg.eigh(self.matrices[1])
        constant = dagger(basis) @ self.matrices[0] @ basis
        constant = 0.5 * (constant + dagger(constant))
        return Modes(
            np.stack([constant, np.diag(values).astype(constant.dtype)]),
            self.functions,
            self.rounding,
            basis,
        )

    def series(self, grid: Grid) -> tuple[FloatArray, npt.NDArray[np.int64], FloatArray]:
        """Return power series about the panels' middles (P, K, n), and their degrees (P, K).

        And the norm of what they leave out, (P,).
        """
        coefficients = np.einsum("cn,pnk->pkc", grid.to_coefficients, self.functions)
        # What is rounding must not become a power: they are large where they cancel.
        significant = np.abs(coefficients) > self.rounding[:, None]
        kept = np.flip(np.maximum.accumulate(np.flip(significant, axis=-1), axis=-1), axis=-1)
        largest = np.abs(self.matrices[1:]).max(axis=(-2, -1), keepdims=True)
        scaled = self.matrices[1:] / np.where(largest > 0, largest, 1.0)  # or squares overflow
        sizes = largest[:, 0, 0] * np.linalg.norm(scaled, axis=(-2, -1))
        lost = np.where(kept, 0.0, np.abs(coefficients)).sum(axis=-1) @ sizes
        series = np.where(kept, coefficients, 0.0) @ powers(grid.size)
        panels = series.shape[0]
        constant = np.zeros((panels, 1, grid.size))
        constant[..., 0] = 1.0
        degrees = np.maximum(np.count_nonzero(kept, axis=-1) - 1, 0)
        degrees = np.concatenate([np.zeros((panels, 1), dtype=np.int64), degrees], axis=1)
        return np.concatenate([constant, series], axis=1), degrees.astype(np.int64), lost
