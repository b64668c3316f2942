"""The ledger of a Landau-Zener chain: energy, work, heat and entropy, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_expit, xlogy

from anticrossing._core.checks import FloatArray
from anticrossing._core.result import Result
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import Thermal
from anticrossing.thermodynamics.dissipation import Filling, entropy_of_mixing
from anticrossing.thermodynamics.equilibrium import binary_entropy
from anticrossing.thermodynamics.pictures import Totals, draw_along


@record
class ChainTotals(Totals):
    """Sums over all steps of a ledger, each of the batch shape of the initial occupation."""

    mechanical_work: FloatArray
    chemical_work: FloatArray
    heat: FloatArray
    energy_change: FloatArray
    entropy_change: FloatArray
    entropy_flow: FloatArray
    entropy_production: FloatArray
    dissipated_work: FloatArray
    grand_potential_change: FloatArray
    equilibrium_grand_potential_change: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mechanical_work": shown(text="mechanical work"),
        "chemical_work": shown(text="chemical work"),
        "heat": shown(text="heat from the reservoir"),
        "energy_change": shown(text="change of energy"),
        "entropy_change": shown(text="change of entropy"),
        "entropy_flow": shown(text="entropy from the reservoir"),
        "entropy_production": shown(text="entropy production"),
        "dissipated_work": shown(text="dissipated work"),
        "grand_potential_change": shown(text="change of the grand potential"),
        "equilibrium_grand_potential_change": shown(text="its change in equilibrium"),
    }


@dataclass(frozen=True, eq=False)
class ChainLedger(Thermal, Result):
    """What `LandauZenerChain.run` returns, for L crossings; indices as in the paper.

    *Points* are numbered 0 … L+1: the start, just before crossing i = 1 … L, the end. *Steps* are
    numbered 0 … L: step 0 lifts the level from the start to the first reservoir level, step i
    crosses level i and lifts to point i+1. Batch axes of the initial occupation come first.

    Attributes
    ----------
    positions : array, shape (L+2,)
        Energy of the system level at the points.
    filling : Filling
        Occupations ``p_1 … p_{L+1}`` of the system level on the steps, with their complements.
    reservoir : Filling
        The reservoir levels before their crossings, shape (L,).
    diabatic_probabilities, adiabatic_probabilities : array, shape (L,)
        ``R_i`` and ``1 − R_i``.
    temperature, chemical_potential : float
        Of the reservoir.
    """

    positions: FloatArray
    filling: Filling
    reservoir: Filling
    diabatic_probabilities: FloatArray
    adiabatic_probabilities: FloatArray
    temperature: float
    chemical_potential: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("place", text="energy of the level"),
        "particle_number": shown("place", text="occupation of the level"),
        "energy": shown("place", text="energy of the system"),
        "entropy": shown("place", text="entropy of the system"),
        "grand_potential": shown("place", text="grand potential"),
        "equilibrium_grand_potential": shown("place", text="grand potential in equilibrium"),
        "mechanical_work": shown("step", text="mechanical work"),
        "chemical_work": shown("step", text="chemical work"),
        "heat": shown("step", text="heat from the reservoir"),
        "energy_change": shown("step", text="change of energy"),
        "entropy_change": shown("step", text="change of entropy"),
        "entropy_flow": shown("step", text="entropy from the reservoir"),
        "entropy_production": shown("step", text="entropy production"),
        "dissipated_work": shown("step", text="dissipated work"),
        "reservoir_occupation": shown("crossing", text="occupation of the reservoir level before"),
        "diabatic_probability": shown("crossing", text="probability to keep the diabatic state"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the occupation of the level against its energy."""
        return draw_along(self.positions, self.particle_number, "energy of the level", ax)

    @property
    def occupations(self) -> FloatArray:
        """Occupations ``p_1 … p_{L+1}``, shape (..., L+1): on step k, after k crossings."""
        return self.filling.occupied

    @property
    def reservoir_occupations(self) -> FloatArray:
        """Occupations ``f_i`` of the reservoir levels before their crossings, shape (L,)."""
        return self.reservoir.occupied

    @property
    def reservoir_occupations_after(self) -> FloatArray:
        """Occupations ``f_i + p_i − p_{i+1}`` after the crossings, shape (..., L)."""
        keep, swap = self.diabatic_probabilities, self.adiabatic_probabilities
        return keep * self.reservoir.occupied + swap * self.occupations[..., :-1]

    @property
    def particle_number(self) -> FloatArray:
        """``N_i = p_i`` at the points, shape (..., L+2)."""
        return self._at_points(self.occupations)

    @property
    def energy(self) -> FloatArray:
        """``E_i = ε_i p_i`` at the points, shape (..., L+2)."""
        return self.positions * self.particle_number

    @property
    def entropy(self) -> FloatArray:
        """``S_i`` of the system level at the points, shape (..., L+2)."""
        return self._at_points(binary_entropy(self.occupations))

    @property
    def grand_potential(self) -> FloatArray:
        """Nonequilibrium ``Ω_i = E_i − μ N_i − T S_i`` at the points, shape (..., L+2)."""
        excess = (self.positions - self.chemical_potential) * self.particle_number
        return excess - self.entropy / self.beta

    @property
    def equilibrium_grand_potential(self) -> FloatArray:
        """``Ω_i^eq = T ln(1 − f(ε_i))`` at the points, shape (L+2,)."""
        return log_expit(self.beta * (self.positions - self.chemical_potential)) / self.beta

    @property
    def mechanical_work(self) -> FloatArray:
        """``W^m = (ε_{i+1} − ε_i) p_{i+1}`` of the steps, shape (..., L+1)."""
        return np.diff(self.positions) * self.occupations

    @property
    def chemical_work(self) -> FloatArray:
        """``W^c = μ (p_{i+1} − p_i)`` of the steps, shape (..., L+1)."""
        return self.chemical_potential * self._received

    @property
    def heat(self) -> FloatArray:
        """``Q = (ε_i − μ)(p_{i+1} − p_i)`` into the level, shape (..., L+1)."""
        return (self.positions[:-1] - self.chemical_potential) * self._received

    @property
    def energy_change(self) -> FloatArray:
        """``ΔE = E_{i+1} − E_i`` of the steps, shape (..., L+1)."""
        return np.diff(self.energy, axis=-1)

    @property
    def entropy_change(self) -> FloatArray:
        """``ΔS = S_{i+1} − S_i`` of the steps, shape (..., L+1)."""
        return np.diff(self.entropy, axis=-1)

    @property
    def entropy_flow(self) -> FloatArray:
        """``ln((1−f_i)/f_i) (p_{i+1} − p_i)``, ``Q/T`` for Fermi occupations; shape (..., L+1)."""
        received = self._received[..., 1:]
        odds = np.where(received == 0, 0.0, self.reservoir.log_odds)
        return self._after_approach(-odds * received)

    @property
    def entropy_production(self) -> FloatArray:
        """``Σ = D(p_i|f_i) − D(p_{i+1}|f_i) ≥ 0`` of the steps, shape (..., L+1).

        Equal to ``ΔS − entropy_flow`` and, for Fermi occupations, to ``(W^m − ΔΩ)/T``; the paper
        prints W without its index before (7), but the chemical work does not belong to it.
        """
        return self._after_approach(
            entropy_of_mixing(
                self.diabatic_probabilities,
                self.adiabatic_probabilities,
                self.filling[..., :-1],
                self.reservoir,
            )
        )

    @property
    def entropy_production_from_rates(self) -> FloatArray:
        """The paper's (6), ``(M⁺(1−p) − M⁻p) ln(M⁺(1−p)/M⁻p) − D(p_{i+1}|p_i)``; (..., L+1).

        ``M⁺ = (1−R)f`` and ``M⁻ = (1−R)(1−f)``. Infinite terms that cancel for p_i = 0 or 1 are
        left out together.
        """
        before = self.filling[..., :-1]
        after, empty = self.filling.occupied[..., 1:], self.filling.vacant[..., 1:]
        received = self._received[..., 1:]
        p, h = before.occupied, before.vacant
        inner = (p > 0) & (h > 0)
        log_p, log_h = np.log(np.where(inner, p, 0.5)), np.log(np.where(inner, h, 0.5))
        force = np.where(received == 0, 0.0, self.reservoir.log_odds)
        spread = xlogy(after, after) + xlogy(empty, empty)
        flux = received * (force + log_h - log_p)
        relative = spread - after * log_p - empty * log_h
        pure = received * force - spread
        return self._after_approach(np.where(inner, flux - relative, pure))

    @property
    def entropy_production_from_work(self) -> FloatArray:
        """The paper's (7), ``W^diss/T − D(p_{i+1}|f_{i+1}) + D(p_i|f_i)``; shape (..., L+1).

        Here ``f_i`` is the Fermi function at point i, so this is the entropy production only if
        the reservoir levels have Fermi occupations.
        """
        thermal = Filling.thermal(self.positions, self.beta, self.chemical_potential)
        points = Filling(
            self.particle_number,
            self._at_points(self.filling.vacant),
            self._at_points(self.filling.log_odds),
        )
        return self.beta * self.dissipated_work - np.diff(points.relative_entropy(thermal), axis=-1)

    @property
    def dissipated_work(self) -> FloatArray:
        """``W^diss = W^m − ΔΩ^eq`` of the steps, shape (..., L+1)."""
        return self.mechanical_work - np.diff(self.equilibrium_grand_potential)

    @property
    def totals(self) -> ChainTotals:
        """Sums over all steps."""

        names = [field.name for field in fields(ChainTotals) if hasattr(self, field.name)]
        potential, equilibrium = self.grand_potential, self.equilibrium_grand_potential
        return ChainTotals(
            **{name: np.asarray(np.sum(getattr(self, name), axis=-1)) for name in names},
            grand_potential_change=np.asarray(potential[..., -1] - potential[..., 0]),
            equilibrium_grand_potential_change=np.asarray(equilibrium[-1] - equilibrium[0]),
        )

    def __str__(self) -> str:
        crossings = self.reservoir.occupied.size
        lines = [
            f"Landau-Zener chain, {crossings} crossing{'' if crossings == 1 else 's'}, level from "
            f"{self.positions[0]:g} to {self.positions[-1]:g}"
        ]
        if self.occupations.ndim > 1:
            lines.append(f"  batch of initial occupations, shape {self.occupations.shape[:-1]}")
            return "\n".join(lines)
        totals = self.totals
        first, last = self.occupations[0], self.occupations[-1]
        lines += [
            f"  occupation            {first:.10g} -> {last:.10g}",
            f"  mechanical work       {totals.mechanical_work:.10g}",
            f"  chemical work         {totals.chemical_work:.10g}",
            f"  heat from reservoir   {totals.heat:.10g}",
            f"  energy change         {totals.energy_change:.10g}",
            f"  entropy change        {totals.entropy_change:.10g}",
            f"  entropy production    {totals.entropy_production:.10g}",
            f"  dissipated work       {totals.dissipated_work:.10g}",
        ]
        return "\n".join(lines)

    @property
    def _received(self) -> FloatArray:
        """Particles that enter the level in the steps, ``(1−R)(f − p)`` without cancellation."""
        excess = self.filling[..., :-1].excess_over(self.reservoir)
        return self._after_approach(-self.adiabatic_probabilities * excess)

    @staticmethod
    def _at_points(steps: FloatArray) -> FloatArray:
        """Return values on the steps at the points: the first one also at the start."""
        return np.concatenate((steps[..., :1], steps), axis=-1)

    @staticmethod
    def _after_approach(crossings: FloatArray) -> FloatArray:
        """Return values of the crossings with the zero of step 0, which crosses nothing."""
        zero = np.zeros((*crossings.shape[:-1], 1))
        return np.concatenate((zero, crossings), axis=-1)
