"""The ledger of sequential crossings: occupations, work, heat and entropy along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import Thermal
from anticrossing.thermodynamics.crossing_events import CrossingEvents
from anticrossing.thermodynamics.dissipation import Filling
from anticrossing.thermodynamics.equilibrium import binary_entropy
from anticrossing.thermodynamics.pictures import draw_along


@dataclass(frozen=True, eq=False)
class SequentialLedger(Thermal, Result):
    """What `SequentialCrossings.run` returns, for K crossings; batch axes first.

    Attributes
    ----------
    events : CrossingEvents
        The crossings.
    system_occupations : array, shape (..., K+1, S)
        Occupations of the system levels before the first and after each crossing.
    reservoir_occupations : array, shape (..., K+1, M)
        Occupations of the reservoir levels.
    system_vacancies, reservoir_vacancies : array, shapes as above
        Their complements, which keep their digits where a level is almost full.
    positions : array, shape (K+2, S)
        Energies of the system levels at the start, at each crossing and at the end.
    reservoir_energies : array, shape (M,)
    temperature, chemical_potential : float
        Of the reservoir.
    """

    events: CrossingEvents
    system_occupations: FloatArray
    reservoir_occupations: FloatArray
    system_vacancies: FloatArray
    reservoir_vacancies: FloatArray
    positions: FloatArray
    reservoir_energies: FloatArray
    temperature: float
    chemical_potential: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "occupation": shown(
            "moment", "level", text="occupation of the level", of="system_occupations"
        ),
        "reservoir_occupation": shown("moment", "reservoir_level", text="its occupation"),
        "position": shown("place", "level", text="energy of the level"),
        "mechanical_work": shown("moment", "level", text="mechanical work"),
        "particles_received": shown("crossing", text="particles from the reservoir"),
        "heat": shown("crossing", text="heat from the reservoir"),
        "chemical_work": shown("crossing", text="chemical work"),
        "entropy_production": shown("moment", text="entropy produced since the start"),
        "energy_change": shown(text="change of energy"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the entropy produced since the start after each crossing."""
        ax = draw_along(
            np.arange(self.entropy_production.shape[-1]), self.entropy_production, "crossing", ax
        )
        ax.set_ylabel("entropy production")
        return ax

    @property
    def particles_received(self) -> FloatArray:
        """Particles that the system takes from the reservoir at each crossing, shape (..., K)."""
        changes = np.diff(self.system_occupations, axis=-2)
        return np.asarray(np.sum(changes, axis=-1))  # only one level changes at a crossing

    @property
    def heat(self) -> FloatArray:
        """``Q = (ε − μ) Δp`` into the system at each crossing, shape (..., K)."""
        levels = self.reservoir_energies[self.events.reservoir_levels]
        return (levels - self.chemical_potential) * self.particles_received

    @property
    def chemical_work(self) -> FloatArray:
        """``W^c = μ Δp`` at each crossing, shape (..., K)."""
        return self.chemical_potential * self.particles_received

    @property
    def mechanical_work(self) -> FloatArray:
        """``W^m`` done on each system level before, between, after crossings; (..., K+1, S)."""
        return np.diff(self.positions, axis=0) * self.system_occupations

    @property
    def energy_change(self) -> FloatArray:
        """Energy of the system at the end less that at the start, shape (...)."""
        last = self.positions[-1] * self.system_occupations[..., -1, :]
        first = self.positions[0] * self.system_occupations[..., 0, :]
        return np.asarray(np.sum(last - first, axis=-1))

    @property
    def entropy_production(self) -> FloatArray:
        """Entropy produced since the start, ``ΔS − Q/T``, after each crossing; (..., K+1).

        S is the sum over the system levels. The total is never negative if the reservoir begins
        in equilibrium, but where a reservoir level is met again it may fall from one crossing to
        the next: the reservoir gives back what it took.
        """
        entropy = np.sum(binary_entropy(self.system_occupations), axis=-1)
        flow = self.beta * np.cumsum(self.heat, axis=-1)
        flow = np.concatenate((np.zeros((*flow.shape[:-1], 1)), flow), axis=-1)
        return entropy - entropy[..., :1] - flow

    def filling(self, moment: int) -> Filling:
        """Return the occupations of the driven levels after so many crossings."""
        return filled(self.system_occupations[moment], self.system_vacancies[moment])

    def __str__(self) -> str:
        crossings, systems = self.events.times.size, self.positions.shape[1]
        lines = [f"Sequential crossings, {crossings} of {systems} system level(s)"]
        if self.system_occupations.ndim > 2:
            batch = self.system_occupations.shape[:-2]
            lines.append(f"  batch of initial occupations, shape {batch}")
            return "\n".join(lines)
        last = "  ".join(f"{p:.6g}" for p in self.system_occupations[-1])
        lines += [
            f"  final occupations     {last}",
            f"  mechanical work       {self.mechanical_work.sum():.10g}",
            f"  chemical work         {self.chemical_work.sum():.10g}",
            f"  heat from reservoir   {self.heat.sum():.10g}",
            f"  energy change         {self.energy_change:.10g}",
            f"  entropy production    {self.entropy_production[-1]:.10g}",
        ]
        return "\n".join(lines)


def mixed(
    events: CrossingEvents,
    keep: FloatArray,
    swap: FloatArray,
    system: FloatArray,
    reservoir: FloatArray,
) -> FloatArray:
    """Return occupations, or vacancies, after each crossing, (..., K+1, S+M)."""
    systems = system.shape[-1]
    found = np.empty((*system.shape[:-1], events.times.size + 1, systems + reservoir.size))
    found[..., 0, :systems] = system
    found[..., 0, systems:] = reservoir
    pairs = np.stack((events.system_levels, systems + events.reservoir_levels), axis=-1)
    for k, pair in enumerate(pairs):
        found[..., k + 1, :] = found[..., k, :]
        before = found[..., k, pair]
        found[..., k + 1, pair] = keep[k] * before + swap[k] * before[..., ::-1]
    return found


def filled(occupied: FloatArray, vacant: FloatArray) -> Filling:
    """Return occupations with complements that are known."""
    with np.errstate(divide="ignore"):
        return Filling(occupied, vacant, np.log(occupied) - np.log(vacant))
