"""Finite reservoirs of free fermions, as lists of levels or as bands cut into levels."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    choice,
    describe,
    fail,
    finite,
    integer,
    is_numeric,
    listed,
    non_negative,
    real_number,
    returned,
)
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.unchanging import frozen
from anticrossing.thermodynamics.arguments import Thermal, equilibrium_parameters

GRIDS = ("gauss", "equidistant")
MOST_LEVELS = 2000  # of a band
_COLDEST = 1e70  # largest (ε − μ)/T, whose fourth power is still a float


@dataclass(frozen=True, eq=False)
class Lead(Thermal):
    """A finite reservoir of free fermions with its own temperature and chemical potential.

    Its levels ``ε_i`` do not couple to one another; ``γ_ic`` couples level i to the level c of a
    system: ``Σ_ic γ_ic a_i† c_c + h.c.``

    Parameters
    ----------
    energies : array, shape (n,)
        ``ε_i`` (energy), in any order.
    couplings : float, or array, shape (n,) or (n, m)
        ``γ_i`` to the only level of the system, or to each of its m levels (energy); complex in
        general.
    temperature : float
        ``T`` at the start (energy, k_B = 1), positive.
    chemical_potential : float
        ``μ`` at the start (energy).
    name : str
        What printed ledgers call it.

    Raises
    ------
    InputError
        If a number is not finite, a shape does not fit, or the temperature is not positive.

    Examples
    --------
    >>> Lead([1.0, 2.0], 0.1, temperature=0.5, chemical_potential=1.5, name="left").couplings.shape
    (2, 1)
    """

    energies: FloatArray
    couplings: ComplexArray
    temperature: float
    chemical_potential: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        energies = listed("energies", self.energies)
        count = energies.size
        if not is_numeric(self.couplings):
            must = "be a number or an array of numbers"
            raise fail("couplings", must, f"it is {describe(self.couplings)}")
        given = finite("couplings", np.array(self.couplings, dtype=np.complex128))
        if given.ndim == 0:
            given = np.full(count, given)
        if given.ndim not in (1, 2) or given.shape[0] != count or given.size == 0:
            must = f"have shape ({count},) or ({count}, m)"
            raise fail("couplings", must, f"its shape is {given.shape}")
        warmth, potential = equilibrium_parameters(self.temperature, self.chemical_potential)
        if not isinstance(self.name, str):
            raise fail("name", "be text", f"it is {describe(self.name)}")
        with np.errstate(over="ignore"):
            farthest = float(np.max(np.abs(energies - potential) / warmth))
        if not farthest <= _COLDEST:
            but = f"the farthest level is {farthest:.3g} temperatures from μ"
            raise fail("temperature", f"keep all levels within {_COLDEST:g} of it", but)
        vars(self).update(
            energies=frozen(energies),
            couplings=frozen(given.reshape(count, -1)),
            temperature=warmth,
            chemical_potential=potential,
        )

    @classmethod
    def band(
        cls,
        *,
        rate: float | Callable[[FloatArray], npt.ArrayLike],
        low: float,
        high: float,
        levels: int,
        temperature: float,
        chemical_potential: float = 0.0,
        amplitudes: npt.ArrayLike = (1.0,),
        grid: str = "gauss",
        name: str = "",
    ) -> Lead:
        """Return a band ``Γ(ε) = 2π Σ_i |γ_i|² δ(ε − ε_i)`` cut into levels.

        ``γ_i = sqrt(Γ(ε_i) w_i/2π)`` with the weights w_i of the grid. Until about
        half the `recurrence_time` the levels look like a continuous band: at Gauss points to
        rounding, at equidistant ones up to terms ``(t/recurrence_time)²`` from its edges.

        Parameters
        ----------
        rate : float or callable
            ``Γ``, or Γ(ε) for an array of energies, not negative (energy).
        low, high : float
            The edges of the band (energy).
        levels : int
            How many.
        temperature, chemical_potential, name
            As for the class.
        amplitudes : array, shape (m,)
            How the band couples to m levels of the system: ``γ_ic = γ_i · amplitude_c``.
        grid : {"gauss", "equidistant"}
            Gauss–Legendre points, or the middles of equal steps.

        Examples
        --------
        >>> lead = Lead.band(rate=0.5, low=-4, high=4, levels=64, temperature=0.1)
        >>> round(2 * np.pi * float(np.sum(abs(lead.couplings) ** 2)), 12)    # ∫ Γ dε
        4.0
        """
        count = integer("levels", levels, minimum=1, maximum=MOST_LEVELS)
        first, last = real_number("low", low), real_number("high", high)
        if not first < last:
            raise fail("high", "be above `low`", f"they are {last:g} and {first:g}")
        if choice("grid", grid, GRIDS) == "gauss":
            x, weights = gauss_legendre(count)
        else:
            x, weights = (2 * np.arange(count) + 1) / count - 1, np.full(count, 2 / count)
        half = 0.5 * last - 0.5 * first
        energies = 0.5 * first + 0.5 * last + half * x
        gamma: Any = rate(energies) if callable(rate) else rate
        gamma = non_negative("rate", returned("rate", gamma, (count,), np.float64))
        shape = np.array(amplitudes, dtype=np.complex128)
        if shape.ndim != 1 or shape.size == 0:
            raise fail("amplitudes", "have shape (m,)", f"its shape is {shape.shape}")
        with np.errstate(over="ignore"):
            strength = finite("rate", np.sqrt(gamma * half * weights / (2 * np.pi)))
        return cls(energies, strength[:, None] * shape, temperature, chemical_potential, name=name)

    @property
    def log_odds(self) -> FloatArray:
        """``ln[f_i/(1 − f_i)] = −(ε_i − μ)/T`` at the start, shape (n,)."""
        return (self.chemical_potential - self.energies) / self.temperature

    @property
    def recurrence_time(self) -> float:
        """``2π`` over the largest spacing: when what has left comes back; ∞ for one level."""
        if self.energies.size == 1:
            return float("inf")
        spacing = float(np.max(np.diff(np.sort(self.energies))))
        return 2 * np.pi / spacing if spacing > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Levels in the middle, first in every matrix, and the leads around them, at the start."""

    leads: tuple[Lead, ...]
    correlation: ComplexArray

    @property
    def levels(self) -> int:
        return int(self.correlation.shape[0])

    @functools.cached_property
    def energies(self) -> FloatArray:
        return np.concatenate([lead.energies for lead in self.leads])

    @functools.cached_property
    def couplings(self) -> ComplexArray:
        return np.concatenate([lead.couplings for lead in self.leads])

    @functools.cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the levels of each lead stand."""
        ends = np.cumsum([self.levels, *(lead.energies.size for lead in self.leads)])
        return tuple(slice(int(a), int(b)) for a, b in itertools.pairwise(ends))

    @functools.cached_property
    def _natural(self) -> tuple[FloatArray, ComplexArray]:
        occupied, vectors = np.linalg.eigh(self.correlation)
        return np.clip(occupied, 0.0, 1.0), vectors

    @functools.cached_property
    def log_odds(self) -> FloatArray:
        """Log-odds of the natural modes of the system and of the levels of all leads."""
        own = logit(self._natural[0])
        return np.concatenate([own, *(lead.log_odds for lead in self.leads)])

    def from_natural(self, matrix: ComplexArray) -> ComplexArray:
        """Return a matrix times the natural modes of the system."""
        m, moved = self.levels, matrix.copy()
        moved[:, :m] = matrix[:, :m] @ self._natural[1]
        return moved

    def values(self, name: str, number: int) -> FloatArray:
        """Return what a particle of each mode brings to a lead: 1, its energy, or its heat."""
        lead = self.leads[number]
        values = np.zeros(self.levels + self.energies.size)
        each = {
            "particles": np.ones(lead.energies.size),
            "energy": lead.energies,
            "heat": lead.energies - lead.chemical_potential,
        }
        values[self.slices[number]] = each[name]
        return values
