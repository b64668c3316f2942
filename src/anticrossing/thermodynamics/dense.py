"""A reservoir that becomes dense at fixed Γ: the chain, the golden rule and the exact answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    at_most,
    fail,
    increasing,
    listed,
    non_negative_number,
    positive,
    real_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import DomainCheck, failures
from anticrossing.thermodynamics.driven_level import DrivenLevel
from anticrossing.thermodynamics.golden_rule import golden_rule_occupations
from anticrossing.thermodynamics.reservoirs import Reservoir
from anticrossing.thermodynamics.wide_band import wide_band_occupations

MOST_LEVELS = 4000
_COLUMNS = (
    "spacings", "chain", "exact", "chain_heat", "exact_heat", "chain_work", "exact_work",
    "chain_production", "exact_production", "coupling_energy",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class DenseLimit(Result):
    """What `dense_limit` returns, for n level spacings.

    Attributes
    ----------
    spacings : array, shape (n,)
        ``Δε`` (energy), descending.
    chain, exact : array, shape (n,)
        Final occupation by the chain of crossings and by the exact evolution.
    golden_rule, wide_band : float
        Where the two should go: by the master equation with rates, and by exact evolution with a
        band that has no edges.
    chain_heat, exact_heat, chain_work, exact_work : array, shape (n,)
        Heat from the reservoir and mechanical work; the exact heat counts what the reservoir loses.
    chain_production, exact_production : array, shape (n,)
        Entropy produced.
    coupling_energy : array, shape (n,)
        ``⟨V⟩`` at the end of the exact evolution, which the chain and the golden rule do not know.
    checks : tuple of DomainCheck
        Of the chain at the smallest spacing.
    """

    spacings: FloatArray
    chain: FloatArray
    exact: FloatArray
    golden_rule: float
    wide_band: float
    chain_heat: FloatArray
    exact_heat: FloatArray
    chain_work: FloatArray
    exact_work: FloatArray
    chain_production: FloatArray
    exact_production: FloatArray
    coupling_energy: FloatArray
    checks: tuple[DomainCheck, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "golden_rule": shown(text="final occupation by the golden rule"),
        "wide_band": shown(text="final occupation with a wide band, exactly"),
        "spacing": shown("spacing", text="level spacing"),
        "chain": shown("spacing", text="final occupation by the chain"),
        "exact": shown("spacing", text="final occupation, exactly"),
        "chain_heat": shown("spacing", text="heat by the chain"),
        "exact_heat": shown("spacing", text="heat, exactly"),
        "chain_work": shown("spacing", text="mechanical work by the chain"),
        "exact_work": shown("spacing", text="mechanical work, exactly"),
        "chain_production": shown("spacing", text="entropy production by the chain"),
        "exact_production": shown("spacing", text="entropy production, exactly"),
        "coupling_energy": shown("spacing", text="energy of the coupling at the end"),
    }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is outside the domain of the chain, in words."""
        return failures(self.checks)

    def plot(self, ax: Any = None) -> Any:
        """Draw the final occupations against the level spacing."""
        from anticrossing.plot.transport import dense_occupations

        return dense_occupations(self, ax=ax)


def dense_limit(
    spacings: npt.ArrayLike,
    *,
    rate: float,
    band: tuple[float, float],
    temperature: float,
    chemical_potential: float = 0.0,
    start: float,
    stop: float,
    speed: float,
    initial_occupation: float | None = None,
) -> DenseLimit:
    """Compare chain, golden rule and exact evolution as a reservoir becomes dense at fixed Γ.

    The levels stand in the middles of steps ``Δε`` from one edge of the band to the other, with
    ``γ = sqrt(Γ Δε/2π)``. As ``Δε → 0`` the gap over the spacing, ``2γ/Δε = sqrt(2Γ/πΔε)``, grows
    without limit: crossings overlap, and the chain leaves its domain. Its occupation settles all
    the same, at that of the golden rule; the exact one settles elsewhere, at that of a wide band.
    What separates them is the width Γ of the level and the memory ``1/πT`` of the reservoir, and
    the energy ⟨V⟩ that sits in the coupling; none of it depends on Δε.

    Parameters
    ----------
    spacings : array, shape (n,)
        ``Δε`` (energy); each is rounded so that it divides the band.
    rate : float
        ``Γ = 2πγ²/Δε`` (energy).
    band : (float, float)
        The edges of the band (energy), around all that the level passes.
    temperature, chemical_potential : float
        Of the reservoir (energy).
    start, stop, speed : float
        First and last energy of the level, and ``|ε̇|`` (energy / time).
    initial_occupation : float, optional
        By default equilibrium at `start`.

    Returns
    -------
    DenseLimit

    Raises
    ------
    InputError
        For numbers out of range, a drive outside the band, or more than 4000 levels.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), section VI, the limit of the chain.

    Examples
    --------
    >>> limit = dense_limit(
    ...     [1.0, 0.25], rate=0.25, band=(-10.0, 20.0), temperature=0.25, chemical_potential=3.0,
    ...     start=0.0, stop=10.0, speed=1.0, initial_occupation=1.0,
    ... )
    >>> limit.chain.round(4), round(limit.golden_rule, 4)
    (array([0.1752, 0.1749]), 0.1749)
    >>> limit.exact.round(4), round(limit.wide_band, 4)
    (array([0.1514, 0.1786]), 0.1805)
    """
    low, high = (float(edge) for edge in increasing("band", band))
    gamma = non_negative_number("rate", rate)
    first, last = real_number("start", start), real_number("stop", stop)
    pace = float(positive("speed", real_number("speed", speed)))
    if not (low < min(first, last) and max(first, last) < high):
        raise fail("band", "reach beyond `start` and `stop`", f"it is ({low:g}, {high:g})")
    if first == last:
        raise fail("stop", "differ from `start`", f"both are {first:g}")
    wanted = np.sort(positive("spacings", listed("spacings", spacings)))[::-1]
    counts = np.maximum(1, np.round((high - low) / wanted))
    at_most("number of levels in the band", counts, MOST_LEVELS)
    rate_signed = math.copysign(pace, last - first)
    bath = {"temperature": temperature, "chemical_potential": chemical_potential}
    rows: list[tuple[Any, ...]] = []
    checks: tuple[DomainCheck, ...] = ()
    for count in counts.astype(int):
        step = (high - low) / count
        system = DrivenLevel(
            levels=low + step * (np.arange(count) + 0.5),
            couplings=math.sqrt(gamma * step / (2 * math.pi)),
            start=first,
            stop=last,
            rate=rate_signed,
            **bath,
        )
        chain, exact = system.run(initial_occupation), system.evolve(initial_occupation)
        checks = system.chain.checks
        rows.append(
            (
                step,
                chain.occupations[-1],
                exact.occupations[-1],
                chain.heat.sum(),
                exact.heat[-1],
                chain.mechanical_work.sum(),
                exact.work[-1],
                chain.entropy_production.sum(),
                exact.entropy_production[-1],
                exact.coupling_energy[-1],
            )
        )
    columns = [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
    named: dict[str, Any] = dict(zip(_COLUMNS, columns, strict=True))
    times = np.array([0.0, abs(last - first) / pace])

    def position(t: FloatArray) -> FloatArray:
        return first + rate_signed * t

    golden = golden_rule_occupations(
        times, position=position, rate=gamma, initial_occupation=initial_occupation, **bath
    )
    wide = wide_band_occupations(
        times,
        position=position,
        rates=gamma,
        reservoirs=Reservoir(temperature, chemical_potential),
        initial_occupation=initial_occupation,
    )
    return DenseLimit(
        golden_rule=float(golden.occupations[-1]),
        wide_band=float(wide.occupations[-1]),
        checks=checks,
        **named,
    )
