"""The cost of a local adiabatic schedule from the lowest levels of a large sparse H."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing._core.threads import one_thread
from anticrossing.control._sectors import CLOSED, closed_gap
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.hamiltonian.sparse import SparseHamiltonian
from anticrossing.spectrum._lanczos import lowest_levels

_RESOLVED = 1e-9  # Lanczos vectors carry no more than that into 1/gap⁴
_UNCOUPLED = 1e-9  # of ‖∂H|0⟩‖, a matrix element that is rounding
_WARM = 1e-3  # of a random vector beside the states found before, so that no sector is lost


class LowestLevels:
    """``[Σ_n |⟨n|∂H|0⟩|²/(E_n − E_0)⁴]^½`` from above, with the k lowest levels.

    What the other levels add is at most ``(‖∂H|0⟩‖² − Σ_{n<k} |⟨n|∂H|0⟩|²)/(E_{k−1} − E_0)⁴``.
    """

    def __init__(self, hamiltonian: Hamiltonian, count: int) -> None:
        if not isinstance(hamiltonian, TermHamiltonian):
            must = "be left out unless H is a sum of terms"
            raise fail("levels", must, f"H is a {type(hamiltonian).__name__}")
        self._hamiltonian = hamiltonian
        self._terms = SparseHamiltonian(hamiltonian)
        self._slopes = hamiltonian._differentiated(hamiltonian.coordinates[0])
        self._count = count
        self._random = np.random.default_rng(0).normal(size=self._terms.size)
        self._random /= np.linalg.norm(self._random)
        self._latest = self._random

    def cost(self, x: FloatArray) -> tuple[FloatArray, float]:
        """Return the cost at points x, and how well it is known, relative."""
        with one_thread:
            return np.array([self._at(float(point)) for point in x]), _RESOLVED

    def _at(self, x: float) -> float:
        matrix = self._terms.at(x)
        start = self._latest + _WARM * self._random
        energies, states = lowest_levels(matrix.linear_operator(), self._count, start)
        self._latest = states.sum(axis=1) / np.sqrt(self._count)
        gaps = energies[1:] - energies[0]
        point = np.asarray(x)
        factors = self._hamiltonian._coefficient_values(
            self._slopes, point, self._hamiltonian.parameters
        )
        moved = self._terms.combined(np.asarray(factors)) @ states[:, 0]
        parts = np.abs(states.conj().T @ moved) ** 2
        whole = float(np.linalg.norm(moved) ** 2)
        coupled = parts[1:] > _UNCOUPLED**2 * whole
        if np.any(gaps[coupled] <= CLOSED * np.abs(energies).max()):
            raise closed_gap(x)
        rest = max(whole - float(parts.sum()), 0.0)
        ratio = parts[1:][coupled] / gaps[coupled] ** 4
        return float(np.sqrt(ratio.sum() + rest / gaps[-1] ** 4))
