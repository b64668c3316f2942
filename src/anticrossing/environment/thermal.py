"""Relaxation and thermal excitation between instantaneous eigenstates."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    check_flag,
    describe,
    fail,
    hermitian,
    non_negative_number,
    of_shape,
    positive_number,
    returned,
)
from anticrossing.environment.base import RATES_DIVERGE, EigenRates, Environment, Function, Nodes
from anticrossing.environment.spectral_density.integration import slope_at_zero

_ALIKE = 1e-28  # squares of differences of an operator that are rounding


class ThermalRelaxation(Environment):
    """Relaxation and thermal excitation between instantaneous eigenstates, in detailed balance.

    For ω = E_i − E_j > 0 the rates are Γ(i→j) = J(ω)(n(ω) + 1) and Γ(j→i) = J(ω) n(ω), with the
    Bose occupation n(ω) = 1/(e^{ω/T} − 1), each times |⟨j|A|i⟩|² if a coupling operator is given.
    With `t1` instead of J, Γ(i→j) + Γ(j→i) = 1/T₁ in the same ratio. Coherences decay at half the
    total rates out of their two levels, and with J and A also by what the same noise does at zero
    frequency, ½ S₀ (A_ii − A_jj)² with S₀ = T lim J(ω)/ω. Without A nothing says how levels differ
    in it, and T₁ is what it was measured to be: then there is none.

    Parameters
    ----------
    temperature : float
        T > 0 in the Hamiltonian's energy unit (k_B = 1).
    spectral_density : float or callable
        J(ω) ≥ 0 per time; ω in the Hamiltonian's unit, vectorised.
    t1 : float
        T₁ > 0, instead of `spectral_density`.
    operator : array, shape (N, N), optional
        Hermitian coupling operator A; by default every pair of levels is coupled equally.
    zero_frequency : bool
        With False the dephasing by noise at zero frequency is left out.

    Raises
    ------
    InputError
        For T ≤ 0, J and T₁ both or neither; for J that does not vanish at zero at least linearly
        where A makes levels differ, as the dephasing diverges, or where two levels meet that it
        couples, as their rates do.

    Examples
    --------
    >>> ThermalRelaxation(temperature=0.5, t1=1000.0)
    ThermalRelaxation(temperature=0.5, t1=1000)
    """

    def __init__(
        self,
        *,
        temperature: float,
        spectral_density: float | Function | None = None,
        t1: float | None = None,
        operator: npt.ArrayLike | None = None,
        zero_frequency: bool = True,
    ) -> None:
        self.temperature = positive_number("temperature", temperature)
        if (spectral_density is None) == (t1 is None):
            raise InputError(
                "ThermalRelaxation takes either `spectral_density` or `t1`, but "
                + ("both were given." if t1 is not None else "neither was given.")
            )
        self.t1 = None if t1 is None else positive_number("t1", t1)
        number = spectral_density is not None and not callable(spectral_density)
        self.spectral_density = (
            non_negative_number("spectral_density", spectral_density)
            if number
            else spectral_density
        )
        self.operator = None if operator is None else hermitian("operator", operator)
        self.zero_frequency = check_flag("zero_frequency", zero_frequency)

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        if self.operator is not None:
            of_shape("operator", self.operator, (levels, levels))

    def diverging(self, levels: int) -> list[ComplexArray]:
        if self.t1 is not None or np.isfinite(self._at_zero):  # Γ is T J/ω there
            return []
        ones = np.ones((levels, levels), dtype=np.complex128)
        return [ones if self.operator is None else self.operator]

    def eigen_rates(self, nodes: Nodes) -> EigenRates:
        energies = nodes.energies
        levels = energies.shape[-1]
        # omega[i, j] = E_j − E_i > 0: the transition j → i goes down.
        omega = energies[..., None, :] - energies[..., :, None]
        falling = omega.real > 0
        size = np.where(falling, omega, -omega) + 0.0  # no negative zero
        ratio = size / self.temperature
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if self.t1 is not None:
                down, up = 1 / (1 + np.exp(-ratio)), 1 / (1 + np.exp(ratio))
                strength = np.full(size.shape, 1 / self.t1)
            else:
                occupation = 1 / np.expm1(ratio)
                down, up = occupation + 1, occupation
                strength = self._density(size)
            rates = strength * np.where(falling, down, up)
        matrix = None
        if self.operator is not None:
            matrix = nodes.dual @ self.operator @ nodes.vectors
            back = matrix.swapaxes(-1, -2)
            rates = rates * (np.abs(matrix) ** 2 if nodes.left is None else matrix * back)
        rates = np.where(np.eye(levels, dtype=np.bool_), 0.0, rates)
        if not np.all(np.isfinite(rates)):
            raise InputError(RATES_DIVERGE)
        out = rates.sum(axis=-2)
        transfer = rates - out[..., None, :] * np.eye(levels)
        coherence = 0.5 * (out[..., :, None] + out[..., None, :]) * (1 - np.eye(levels))
        coherence = coherence.astype(np.complex128)
        if matrix is not None and self.t1 is None and self.zero_frequency:
            coherence += self._dephasing(matrix)
        return EigenRates(coherence, transfer)

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        return []

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        given = ("temperature", self.temperature), ("t1", self.t1), ("spectral_density", self._flat)
        return {name: np.asarray(value) for name, value in given if value is not None}

    def with_number(self, name: str, value: FloatArray) -> ThermalRelaxation:
        return self._with(**{name: float(value)})

    @property
    def _flat(self) -> float | None:
        """The spectral density, if it is one number."""
        return None if callable(self.spectral_density) else self.spectral_density

    def _dephasing(self, matrix: ComplexArray) -> ComplexArray:
        """Return ½ S₀ (A_ii − A_jj)² for A in the eigenbasis."""
        own = np.diagonal(matrix, axis1=-2, axis2=-1)
        difference = (own[..., :, None] - own[..., None, :]) ** 2
        if np.max(np.abs(difference), initial=0.0) < _ALIKE:
            return np.zeros(matrix.shape, dtype=np.complex128)
        noise = self._at_zero
        if not np.isfinite(noise):
            raise InputError(
                "ThermalRelaxation: the dephasing at zero frequency diverges; use a spectral "
                "density that vanishes at least linearly there, or `zero_frequency=False`."
            )
        return np.asarray(0.5 * noise * difference, dtype=np.complex128)

    @functools.cached_property
    def _at_zero(self) -> float:
        """T lim J(ω)/ω."""
        return self.temperature * slope_at_zero(self._density, self.temperature)

    def _density(self, omega: FloatArray) -> FloatArray:
        if not callable(self.spectral_density):
            return np.full(omega.shape, self.spectral_density)
        found, dtype = self.spectral_density(omega), omega.dtype
        values = returned("spectral_density", found, omega.shape, dtype)
        if np.iscomplexobj(omega):
            return values
        if np.any(values[omega > 0] < 0):
            raise fail(
                "spectral_density",
                "return a rate ≥ 0 for every frequency",
                f"it returned {describe(values)}",
            )
        return values

    def __repr__(self) -> str:
        rate = (
            f"t1={self.t1:g}"
            if self.t1 is not None
            else f"spectral_density={self.spectral_density}"
        )
        return f"ThermalRelaxation(temperature={self.temperature:g}, {rate})"
