"""Transition frequencies of H along a control, with exact derivatives, for many parameters at once.

E_n(x; p) and ∂E_n = ⟨n|∂H|n⟩ (Hellmann and Feynman) at x = x₀ + s V. Where levels coincide to
rounding their vectors are any; then each takes the mean of the cluster, tr(∂H)/d, which no choice
of vectors changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.threads import few_threads
from anticrossing.hamiltonian import Hamiltonian

SHIFT, SCALE, OFFSET = "control_shift", "control_scale", "frequency_offset"
CALIBRATION = {SHIFT: 0.0, SCALE: 1.0, OFFSET: 0.0}
_ALIKE = 1e-11  # of the largest energy, between levels of one cluster


@dataclass(frozen=True)
class Transition:
    """From one level to a higher one, by one photon or several: f = (E_upper − E_lower)/photons."""

    lower: int
    upper: int
    photons: int = 1

    def __str__(self) -> str:
        several = "" if self.photons == 1 else f" ({self.photons} photons)"
        return f"{self.lower}→{self.upper}{several}"


@dataclass(frozen=True, eq=False)
class Transitions:
    """The frequencies of all transitions at the controls, as functions of the fitted parameters.

    Attributes
    ----------
    hamiltonian : Hamiltonian
        With one coordinate and single parameter values.
    control : array, shape (U,)
        Where lines were measured, each value once.
    transitions : tuple of Transition
        T of them.
    factor : float
        Of frequencies in units of H, to have them in the unit of the lines.
    fixed : dict of str to float
        All parameters, those of H and of the calibration, at their first values.
    varied : tuple of str
        The K fitted ones, in the order of the last axis of `values` below.
    """

    hamiltonian: Hamiltonian
    control: FloatArray
    transitions: tuple[Transition, ...]
    factor: float
    fixed: Mapping[str, float]
    varied: tuple[str, ...]

    def at(self, control: FloatArray, wanted: Sequence[Transition] | None = None) -> Transitions:
        """Return the same at other controls, perhaps of other transitions."""
        chosen = self.transitions if wanted is None else tuple(wanted)
        return Transitions(self.hamiltonian, control, chosen, self.factor, self.fixed, self.varied)

    def frequencies(self, values: FloatArray) -> FloatArray:
        """Return f, shape (S, U, T), at S sets of parameters (S, K); NaN where H is not finite."""
        _, _, matrices, bad = self._matrices(values)
        with few_threads(self.hamiltonian.dimension):
            energies = np.linalg.eigvalsh(matrices)
        return self._differences(energies, values, bad)

    def with_derivatives(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return f (S, U, T) and ∂f/∂p (S, U, T, K)."""
        x, own, matrices, bad = self._matrices(values)
        with few_threads(self.hamiltonian.dimension):
            energies, vectors = np.linalg.eigh(matrices)
        shape = (*energies.shape, len(self.varied))
        slopes = np.zeros(shape)
        along: FloatArray | None = None
        for k, name in enumerate(self.varied):
            if name == OFFSET:
                continue
            if name in (SHIFT, SCALE):
                if along is None:
                    along = _expected(self.hamiltonian.evaluate_derivative(x, own), vectors)
                slopes[..., k] = along if name == SHIFT else along * self.control[:, None]
            else:
                moved = self.hamiltonian.evaluate_parameter_derivative(x, own, name)
                slopes[..., k] = _expected(moved, vectors)
        _share(energies, slopes)
        lower, upper, photons = self._ends()
        derived = (slopes[..., upper, :] - slopes[..., lower, :]) * (self.factor / photons)[:, None]
        if OFFSET in self.varied:
            derived[..., self.varied.index(OFFSET)] = 1.0
        return self._differences(energies, values, bad), derived

    def parameters(self, values: FloatArray) -> dict[str, float]:
        """Return all parameters by name at one set (K,)."""
        return {**self.fixed, **dict(zip(self.varied, map(float, values), strict=True))}

    def positions(self, values: FloatArray) -> FloatArray:
        """Return x = x₀ + s V at one set (K,)."""
        named = self.parameters(values)
        return np.asarray(named[SHIFT] + named[SCALE] * self.control)

    def of_hamiltonian(self, values: FloatArray) -> dict[str, float]:
        """Return the parameters of H alone at one set (K,)."""
        named = self.parameters(values)
        return {name: named[name] for name in self.hamiltonian.parameters}

    def _ends(self) -> tuple[Any, Any, FloatArray]:
        lower = np.array([t.lower for t in self.transitions], dtype=np.intp)
        upper = np.array([t.upper for t in self.transitions], dtype=np.intp)
        return lower, upper, np.array([t.photons for t in self.transitions], dtype=np.float64)

    def _column(self, values: FloatArray, name: str) -> FloatArray:
        """Return a parameter at every set, shape (S, 1)."""
        if name in self.varied:
            return values[:, self.varied.index(name), None]
        return np.full((values.shape[0], 1), self.fixed[name])

    def _matrices(
        self, values: FloatArray
    ) -> tuple[FloatArray, dict[str, FloatArray], npt.NDArray[Any], npt.NDArray[np.bool_]]:
        x = self._column(values, SHIFT) + self._column(values, SCALE) * self.control
        own = {name: self._column(values, name) for name in self.hamiltonian.parameters}
        with np.errstate(all="ignore"):
            matrices = self.hamiltonian.evaluate(x, own)
        shape = (*x.shape, *matrices.shape[-2:])
        matrices = np.broadcast_to(matrices, shape)
        bad = np.asarray(~np.isfinite(matrices).all(axis=(-2, -1)))
        if np.any(bad):
            matrices = np.where(bad[..., None, None], 0.0, matrices)
        return x, own, matrices, bad

    def _differences(
        self, energies: FloatArray, values: FloatArray, bad: npt.NDArray[np.bool_]
    ) -> FloatArray:
        lower, upper, photons = self._ends()
        found = (energies[..., upper] - energies[..., lower]) * (self.factor / photons)
        found = found + self._column(values, OFFSET)[..., None]
        if np.any(bad):
            found[bad] = np.nan
        return np.asarray(found)


def _expected(matrices: npt.NDArray[Any], vectors: npt.NDArray[Any]) -> FloatArray:
    """Return ⟨n|M|n⟩ of all vectors."""
    return np.asarray(np.sum(vectors.conj() * (matrices @ vectors), axis=-2).real)


def _share(energies: FloatArray, slopes: FloatArray) -> None:
    """Let levels that coincide to rounding share their slopes, in place."""
    size = np.max(np.abs(energies), axis=-1, keepdims=True)
    close = np.diff(energies, axis=-1) <= _ALIKE * size
    for place in zip(*np.nonzero(np.any(close, axis=-1)), strict=True):
        number = np.concatenate([[0], np.cumsum(~close[place])])
        count = np.bincount(number)
        for k in range(slopes.shape[-1]):
            mean = np.bincount(number, slopes[place][:, k]) / count
            slopes[(*place, slice(None), k)] = mean[number]
