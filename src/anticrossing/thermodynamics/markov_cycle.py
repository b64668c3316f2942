"""What a cycle between a hot and a cold temperature is good for: work, cooling, efficiency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.markov_ledger import MarkovLedger

_ROUNDING = 64 * float(np.finfo(np.float64).eps)
MODES = {
    (-1, 1, -1): "engine",
    (1, -1, 1): "refrigerator",
    (1, 1, -1): "accelerator",
    (1, -1, -1): "heater",
    (0, 1, -1): "conductor",
}
"""By the signs of work, heat from the hot and heat from the cold side, all into the system."""


@dataclass(frozen=True, eq=False)
class CyclePerformance(Result):
    """What `MarkovChain.cycle` returns: one cycle in the periodic state.

    With work and heats counted into the system, ``W + Q_h + Q_c = 0`` and
    ``Σ = −Q_h/T_h − Q_c/T_c ≥ 0``, so that ``η = −W/Q_h ≤ 1 − T_c/T_h`` for an engine and
    ``Q_c/W ≤ T_c/(T_h − T_c)`` for a refrigerator.

    Attributes
    ----------
    mode : str
        ``"engine"`` (W < 0), ``"refrigerator"`` (Q_c > 0), ``"heater"`` (both heats < 0),
        ``"accelerator"`` (work helps heat from hot to cold), ``"conductor"`` (W = 0), or
        ``"idle"``.
    hot_temperature, cold_temperature : float
        ``T_h`` and ``T_c``.
    mechanical_work, chemical_work : float
        Done on the system; ``W`` is their sum.
    hot_heat, cold_heat : float
        ``Q_h``, ``Q_c``, from all reservoirs of that temperature.
    heat : array, shape (R,)
        From each reservoir.
    entropy_production : float
        ``Σ`` of the cycle.
    duration : float or None
        Of the cycle, if given.
    reservoir_names : tuple of str

    References
    ----------
    F. L. Curzon, B. Ahlborn, Am. J. Phys. 43, 22 (1975); A. Solfanelli, M. Falsetti, M. Campisi,
    Phys. Rev. B 101, 054513 (2020), for the four modes.
    """

    mode: str
    hot_temperature: float
    cold_temperature: float
    mechanical_work: float
    chemical_work: float
    hot_heat: float
    cold_heat: float
    heat: FloatArray
    entropy_production: float
    duration: float | None
    reservoir_names: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "efficiency": shown(text="work taken out over heat from the hot side"),
        "carnot_efficiency": shown(text="1 − T_c/T_h"),
        "curzon_ahlborn_efficiency": shown(text="1 − √(T_c/T_h)"),
        "coefficient_of_performance": shown(text="heat from the cold side over work put in"),
        "carnot_coefficient": shown(text="T_c/(T_h − T_c)"),
        "power": shown(text="work taken out per time", unit="energy/time"),
        "work": shown(text="work done on the system"),
        "mechanical_work": shown(text="its mechanical part"),
        "chemical_work": shown(text="its chemical part"),
        "hot_heat": shown(text="heat from the hot side"),
        "cold_heat": shown(text="heat from the cold side"),
        "entropy_production": shown(text="entropy produced"),
        "duration": shown(text="duration of a cycle"),
        "reservoir": shown("reservoir", text="name", unit="", of="reservoir_names"),
        "heat": shown("reservoir", text="heat from the reservoir"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"mode": self.mode}

    def plot(self, ax: Any = None) -> Any:
        """Draw work and heats of the cycle, into the system, as bars."""
        ax = new_axes() if ax is None else ax
        ax.bar(
            ["work", *(f"heat from {name}" for name in self.reservoir_names)],
            [self.work, *self.heat],
        )
        ax.axhline(0.0, color="black", linewidth=0.8)
        ax.set(ylabel="energy into the system", title=self.mode)
        return ax

    @property
    def work(self) -> float:
        """``W`` done on the system, mechanical and chemical."""
        return self.mechanical_work + self.chemical_work

    @property
    def efficiency(self) -> float:
        """``η = −W/Q_h`` of an engine, else NaN."""
        return -self.work / self.hot_heat if self.mode == "engine" else math.nan

    @property
    def coefficient_of_performance(self) -> float:
        """``Q_c/W`` of a refrigerator, else NaN."""
        return self.cold_heat / self.work if self.mode == "refrigerator" else math.nan

    @property
    def carnot_efficiency(self) -> float:
        """``1 − T_c/T_h``."""
        return (self.hot_temperature - self.cold_temperature) / self.hot_temperature

    @property
    def carnot_coefficient(self) -> float:
        """``T_c/(T_h − T_c)``."""
        return self.cold_temperature / (self.hot_temperature - self.cold_temperature)

    @property
    def curzon_ahlborn_efficiency(self) -> float:
        """``1 − √(T_c/T_h)``, of an endoreversible engine at maximum power; no bound."""
        return 1 - math.sqrt(self.cold_temperature / self.hot_temperature)

    @property
    def power(self) -> float | None:
        """``−W`` per time; None without a duration."""
        return None if self.duration is None else -self.work / self.duration


def cycle_performance(
    ledger: MarkovLedger,
    temperatures: FloatArray,
    active: FloatArray,
    *,
    traffic: float,
    lifted: bool,
    duration: float | None,
) -> CyclePerformance:
    """Return what a ledger of one period amounts to.

    `active` (steps, R) marks what jumps, `traffic` is the heat that goes in and out, against which
    a sum counts as zero, and `lifted` tells whether the energies move at all.
    """
    used = np.unique(temperatures[active > 0])
    if used.size != 2:
        raise fail(
            "reservoirs",
            "have two temperatures for a cycle between hot and cold",
            f"{used.size} are at work",
        )
    cold, hot = (float(t) for t in used)
    totals = ledger.total()
    hot_heat = float(ledger.heat[temperatures == hot].sum())
    cold_heat = float(ledger.heat[temperatures == cold].sum())
    # By the first law, from the jumps alone: they have their digits, however rare they are.
    mechanical = -float(ledger.energy_current.sum()) if lifted else 0.0
    chemical = float(totals.chemical_work)
    least = _ROUNDING * traffic
    work, hot_sign, cold_sign = (
        0 if abs(x) <= least else int(math.copysign(1, x))
        for x in (mechanical + chemical, hot_heat, cold_heat)
    )
    return CyclePerformance(
        mode=MODES.get((work, hot_sign, cold_sign), "idle"),
        hot_temperature=hot,
        cold_temperature=cold,
        mechanical_work=mechanical,
        chemical_work=chemical,
        hot_heat=hot_heat,
        cold_heat=cold_heat,
        heat=totals.heat,
        entropy_production=float(totals.entropy_production),
        duration=duration,
        reservoir_names=ledger.reservoir_names,
    )
