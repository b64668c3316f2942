"""Speeds at which a driven level dissipates least in a given time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    instance,
    integer,
    non_negative,
    number_between,
    positive_number,
    real_array,
    real_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.control._pooling import Crossings
from anticrossing.formulas.result import DomainCheck, failures
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.dissipation import Filling, entropy_of_mixing

_MOST_CELLS = 20_000


@dataclass(frozen=True, eq=False)
class LeastDissipation(Result):
    """What `least_dissipation` returns, for L crossings.

    Attributes
    ----------
    chain : LandauZenerChain
        The chain at the speeds found; a crossing that the level leaps over has an infinite one.
    constant_speed, metric_speed : LandauZenerChain
        The same at constant speed, and at the one of constant thermodynamic length per time.
    initial_occupation : float
        Of the level at the start.
    duration : float
        Time for the way from start to stop.
    cells : array, shape (L,)
        Lengths of the parts of the way that belong to the crossings (energy).
    durations : array, shape (L,)
        Times spent on them. They add to the duration, or to less if more time would only harm.
    price : float
        ``−∂W/∂τ``, the work that a little more time would save, per time.
    checks : tuple of DomainCheck
        Of the chain at these speeds, where a leap changes nothing; for a dense reservoir, whether
        the cells are fine enough.
    """

    chain: LandauZenerChain
    constant_speed: LandauZenerChain
    metric_speed: LandauZenerChain
    initial_occupation: float
    duration: float
    cells: FloatArray
    durations: FloatArray
    price: float
    checks: tuple[DomainCheck, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "dissipated_work": shown(text="least dissipated work"),
        "constant_speed_dissipated_work": shown(text="the same at constant speed"),
        "metric_dissipated_work": shown(text="at constant thermodynamic speed"),
        "gain": shown(text="constant speed over least"),
        "duration": shown(text="time for the way"),
        "price": shown(text="work saved by more time, per time"),
        "energy": shown("crossing", text="energy of the crossing"),
        "speed": shown("crossing", text="speed of the level there"),
        "time_spent": shown("crossing", text="time spent around it", of="durations"),
        "cell": shown("crossing", text="length of the way around it"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the energy of the level against time, and the constant speed beside it."""
        ax = drawing.new_axes() if ax is None else ax
        ax.plot(self.times, self.positions, label="least dissipation")
        ends = [self.chain.start, self.chain.stop]
        ax.plot([0.0, self.duration], ends, linestyle="--", label="constant speed")
        ax.set(xlabel="time", ylabel="energy of the level")
        ax.legend()
        return ax

    @property
    def energies(self) -> FloatArray:
        """Energies of the crossings, shape (L,)."""
        return self.chain.energies

    @property
    def speeds(self) -> FloatArray:
        """``|ε̇_i|``, shape (L,); infinite where the level leaps."""
        return self.chain.speeds

    @property
    def times(self) -> FloatArray:
        """Times at the borders of the cells, shape (L+1,); equal ones at a leap."""
        return np.concatenate([[0.0], np.cumsum(self.durations)])

    @property
    def positions(self) -> FloatArray:
        """Energies of the level at `times`, shape (L+1,)."""
        way = np.concatenate([[0.0], np.cumsum(self.cells)])
        way[-1] = abs(self.chain.stop - self.chain.start)
        return self.chain.start + np.copysign(way, self.chain.stop - self.chain.start)

    @property
    def dissipated_work(self) -> float:
        """``W^m − ΔΩ^eq``, the least there is (energy)."""
        return dissipated_work(self.chain, self.initial_occupation)

    @property
    def constant_speed_dissipated_work(self) -> float:
        """The same for a level at constant speed."""
        return dissipated_work(self.constant_speed, self.initial_occupation)

    @property
    def metric_dissipated_work(self) -> float:
        """The same at constant thermodynamic speed, the best profile in the slow limit."""
        return dissipated_work(self.metric_speed, self.initial_occupation)

    @property
    def gain(self) -> float:
        """Dissipated work at constant speed over the least."""
        return self.constant_speed_dissipated_work / self.dissipated_work

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check that fails."""
        return failures(self.checks)


def dissipated_work(chain: LandauZenerChain, occupation: float) -> float:
    """Return ``W^m − ΔΩ^eq = T [Σ + D(p|f) at the end − D(p|f) at the start]``."""
    ledger = chain.run(occupation)
    produced = float(ledger.totals.entropy_production)
    ends = Filling.thermal(
        np.array([chain.start, chain.stop]), chain.beta, chain.chemical_potential
    )
    states = ledger.filling[np.array([0, -1])]
    nothing = np.zeros(2)  # of the state is kept in equilibrium
    away = entropy_of_mixing(nothing, nothing + 1, states, ends)
    entropy = produced + float(away[1] - away[0])
    if not np.isfinite(entropy):  # where occupations are below the range of floats
        return float(ledger.totals.dissipated_work)
    return chain.temperature * entropy


def least_dissipation(
    chain: LandauZenerChain, duration: float, *, initial_occupation: float | None = None
) -> LeastDissipation:
    """Return the speeds at the crossings that dissipate least work in a given time.

    Around crossing i the level moves at the speed ``ε̇_i`` over a cell of length ``ℓ_i``, from half
    way to the neighbour before to half way to the next, or from the start, or to the end. Then
    ``R_i = exp(−Γ_i τ_i)``, ``Γ_i = 2πγ_i²/ℓ_i``, and the times ``τ_i = ℓ_i/ε̇_i`` are chosen for
    the least ``W^m − ΔΩ^eq`` under ``Σ τ_i = τ``. The minimum is the global one. It may begin
    and end with a leap at infinite speed, as such optima do.

    The entropy production alone has no sensible minimum: a level that waits in equilibrium and
    leaps at the end produces none until it relaxes. The dissipated work counts that too.

    Parameters
    ----------
    chain : LandauZenerChain
        The crossings; its own speeds are not used.
    duration : float
        ``τ`` from start to stop (time).
    initial_occupation : float, optional
        Of the level at the start; by default its equilibrium there.

    Returns
    -------
    LeastDissipation
        Speeds and times, and the dissipated work beside the ones at constant speed and at constant
        thermodynamic speed.

    Raises
    ------
    InputError
        If nothing is crossed, or the reservoir levels do not have Fermi occupations.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), for the chain; M. Esposito, R. Kawai, K.
    Lindenberg, C. Van den Broeck, EPL 89, 20003 (2010), for the limit of a dense reservoir.

    Examples
    --------
    >>> crossings = LandauZenerChain(
    ...     energies=range(1, 10), couplings=0.2, speeds=1.0, start=0.0, stop=10.0,
    ...     temperature=1 / 1.2, chemical_potential=3.0,
    ... )
    >>> best = least_dissipation(crossings, duration=10.0)
    >>> best.speeds.round(2)
    array([ inf,  inf, 0.55, 0.29, 0.29, 0.77,  inf,  inf,  inf])
    >>> round(best.dissipated_work, 6), round(best.constant_speed_dissipated_work, 6)
    (2.155502, 3.165976)
    """
    instance("chain", chain, LandauZenerChain)
    total = positive_number("duration", duration)
    if not chain.energies.size:
        raise fail("chain", "cross a reservoir level", "it crosses none")
    thermal = Filling.thermal(chain.energies, chain.beta, chain.chemical_potential)
    if not np.array_equal(chain.reservoir.occupied, thermal.occupied):
        raise fail("chain", "have reservoir levels in equilibrium", "their occupations are given")
    start = Filling.thermal(np.asarray(chain.start), chain.beta, chain.chemical_potential)
    if initial_occupation is not None:
        value = number_between("initial_occupation", initial_occupation, 0.0, 1.0)
        start = Filling.of(np.asarray(value))

    length = abs(chain.stop - chain.start)
    way = np.abs(chain.energies - chain.start)
    borders = np.concatenate([[0.0], 0.5 * (way[1:] + way[:-1]), [length]])
    cells = np.diff(borders)
    with np.errstate(over="ignore"):
        rates = 2 * np.pi * chain.couplings**2 / cells
    if not np.all(np.isfinite(rates)):
        raise fail("chain", "have finite rates 2πγ²/ℓ", "its couplings are too large")
    durations, price = _divide(chain, start, thermal, way, rates, total)
    with np.errstate(divide="ignore", over="ignore"):
        speeds = cells / durations
        weights = cells * np.sqrt(thermal.occupied * thermal.vacant / rates)
    weights = np.where(np.isfinite(weights), weights, 0.0)
    if np.any(weights > 0):
        with np.errstate(divide="ignore", over="ignore"):
            metric = cells * (weights.sum() / total) / weights
    else:
        metric = np.full(cells.size, length / total)
    found = chain.at_speeds(speeds)
    return LeastDissipation(
        chain=found,
        constant_speed=chain.at_speeds(np.full(cells.size, length / total)),
        metric_speed=chain.at_speeds(metric),
        initial_occupation=float(start.occupied),
        duration=total,
        cells=cells,
        durations=durations,
        price=price,
        checks=found.checks,
    )


def _divide(
    chain: LandauZenerChain,
    start: Filling,
    thermal: Filling,
    way: FloatArray,
    rates: FloatArray,
    duration: float,
) -> tuple[FloatArray, float]:
    """Return the time for every crossing; a sinking level is a rising hole."""
    rising = chain.stop > chain.start
    excess = start.excess_over(thermal) * (1 if rising else -1)
    # Where the reservoir level is fuller than the level, time there would only cost work.
    with np.errstate(divide="ignore", over="ignore"):
        memories = 1 / rates
    useful = np.flatnonzero((excess > 0) & np.isfinite(memories))
    durations = np.zeros(way.size)
    if not useful.size:
        return durations, 0.0
    levels = thermal[useful]
    steps = levels[:-1].excess_over(levels[1:]) * (1 if rising else -1)
    times, price = Crossings(
        lifts=np.diff(np.append(way[useful], abs(chain.stop - chain.start))),
        memories=memories[useful],
        steps=np.append(np.maximum(steps, 0.0), 0.0),
        excess=float(excess[useful[0]]),
    ).divide(duration)
    durations[useful] = times
    return durations, price


def least_dissipation_protocol(
    *,
    start: float,
    stop: float,
    duration: float,
    rate: float | Callable[[FloatArray], npt.ArrayLike],
    temperature: float,
    chemical_potential: float,
    initial_occupation: float | None = None,
    cells: int = 2000,
) -> LeastDissipation:
    """Return the protocol ε(t) of a level in a dense reservoir that dissipates least work.

    ``dp/dt = Γ(ε)[f(ε) − p]``, ``W = ∫ ε̇ p dt``. The way is cut into cells with f and Γ frozen at
    their middle, which is a chain of crossings; the error of the work falls as the square of their
    number. Times and positions of the result are at their borders; at the ends the level leaps.

    Parameters
    ----------
    start, stop : float
        Energies of the level at the two ends.
    duration : float
        Time for the way.
    rate : float or callable
        ``Γ``, or Γ(ε) for an array of energies, not negative (1/time).
    temperature, chemical_potential : float
        Of the reservoir.
    initial_occupation : float, optional
        Of the level at the start; by default its equilibrium there.
    cells : int
        Number of cells.

    Returns
    -------
    LeastDissipation

    Raises
    ------
    InputError
        For numbers out of range, or a rate that is negative or not finite.

    References
    ----------
    M. Esposito, R. Kawai, K. Lindenberg, C. Van den Broeck, EPL 89, 20003 (2010), for constant Γ.

    Examples
    --------
    >>> best = least_dissipation_protocol(
    ...     start=-2.0, stop=2.0, duration=5.0, rate=1.0, temperature=1.0, chemical_potential=0.0,
    ... )
    >>> round(best.dissipated_work, 4), round(best.constant_speed_dissipated_work, 4)
    (0.4289, 0.5051)
    """
    first, last = real_number("start", start), real_number("stop", stop)
    if first == last:
        raise fail("stop", "differ from `start`", f"both are {first:g}")
    count = integer("cells", cells, minimum=1, maximum=_MOST_CELLS)
    width = (last - first) / count
    middles = first + width * (np.arange(count, dtype=np.float64) + 0.5)
    gamma = non_negative("rate", real_array("rate", rate(middles) if callable(rate) else rate))
    if gamma.shape not in ((), middles.shape):
        raise fail("rate", "return one number for every energy", f"its shape is {gamma.shape}")
    try:
        chain = LandauZenerChain(
            energies=middles,
            couplings=np.sqrt(gamma * abs(width) / (2 * np.pi)),
            speeds=1.0,
            temperature=temperature,
            chemical_potential=chemical_potential,
            start=first,
            stop=last,
        )
    except InputError as error:
        if "`energies`" in str(error):
            raise fail(
                "cells", "be wider than the rounding of the energies", "they are not"
            ) from None
        raise
    found = least_dissipation(chain, duration, initial_occupation=initial_occupation)
    relaxed = 2 * np.pi * chain.couplings**2 / abs(width) * found.durations
    coarse = "the cells are too wide: give more of them"
    checks = (
        DomainCheck("cell width / temperature", abs(width) / chain.temperature, 0.1, coarse),
        DomainCheck("Γ · time spent on a cell", relaxed, 0.5, coarse),
    )
    return replace(found, checks=checks)
