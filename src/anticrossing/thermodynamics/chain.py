"""A level driven through the levels of a reservoir: a chain of Landau-Zener crossings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    fraction,
    of_shape,
    positive,
    real_array,
    real_number,
)
from anticrossing._core.unchanging import Unchanging
from anticrossing.formulas.result import DomainCheck, context
from anticrossing.thermodynamics.arguments import Thermal, equilibrium_parameters
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.chain_work import ChainWorkStatistics
from anticrossing.thermodynamics.dissipation import Filling, mix
from anticrossing.thermodynamics.equilibrium import grand_potential
from anticrossing.thermodynamics.trajectories import ChainTrajectories, every_path

REGIME_LIMIT = 0.1  # "always" and "never" mean up to a tenth


class LandauZenerChain(Thermal, Unchanging):
    """A Fermi level that moves from `start` to `stop` and crosses reservoir levels one by one.

    At the crossing with level i, of coupling ``γ_i`` (gap ``δ_i = 2γ_i``) and speed ``ε̇_i``, the
    level keeps its occupation with probability ``R_i`` and exchanges it otherwise::

        R_i = exp(−π δ_i² / 2ε̇_i)          p_{i+1} = R_i p_i + (1 − R_i) f_i

    Each reservoir level is met once, so that its later state does not matter. The chain gives the
    occupations exactly (Demkov-Osherov) when the sweep is linear and long; `checks` tells how far
    the crossings are from each other and from the ends.

    Parameters
    ----------
    energies : array_like, shape (K,)
        Reservoir levels in the order in which they would be met: ascending if ``stop > start``,
        descending otherwise. Only those strictly between `start` and `stop` are met.
    couplings : array_like, shape (K,) or ()
        ``γ_i`` (energy), of any sign.
    speeds : array_like, shape (K,) or ()
        Speeds ``|ε̇_i|`` of the level at the crossings (energy / time), positive.
    temperature : float
        Temperature of the reservoir (energy, k_B = 1), positive.
    chemical_potential : float
        ``μ`` of the reservoir (energy).
    start, stop : float
        Energies of the level at the two ends.
    reservoir_occupations : array_like, shape (K,) or (), optional
        Occupations ``f_i`` of the reservoir levels before their crossings; Fermi occupations if
        not given. Others are exchanged just the same, but then heat over temperature is not the
        entropy flow and the work fluctuation theorem does not hold.

    Raises
    ------
    InputError
        If the levels are not in order, lengths differ, or a number is outside its range.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), equation (1), sections II and
    III.

    Examples
    --------
    >>> chain = LandauZenerChain(
    ...     energies=range(1, 10), couplings=0.2, speeds=1.0, start=0.0, stop=10.0,
    ...     temperature=1 / 1.2, chemical_potential=3.0,
    ... )
    >>> print(chain.run(1.0))
    Landau-Zener chain, 9 crossings, level from 0 to 10
      occupation            1 -> 0.2113077233
      mechanical work       6.298239907
      chemical work         -2.36607683
      heat from reservoir   -1.819085844
      energy change         2.113077233
      entropy change        0.5156841602
      entropy production    2.698587173
      dissipated work       3.275963032
    """

    start: float
    stop: float
    temperature: float
    chemical_potential: float
    energies: FloatArray
    couplings: FloatArray
    speeds: FloatArray
    reservoir: Filling
    diabatic_probabilities: FloatArray
    adiabatic_probabilities: FloatArray

    def __init__(
        self,
        *,
        energies: npt.ArrayLike,
        couplings: npt.ArrayLike,
        speeds: npt.ArrayLike,
        temperature: float,
        chemical_potential: float,
        start: float,
        stop: float,
        reservoir_occupations: npt.ArrayLike | None = None,
    ) -> None:
        levels = real_array("energies", energies, ndim=1).copy()
        self.start, self.stop = real_number("start", start), real_number("stop", stop)
        if self.start == self.stop:
            raise fail("stop", "differ from `start`", f"both are {self.start:g}")
        direction = 1.0 if self.stop > self.start else -1.0
        if np.any(direction * np.diff(levels) <= 0):
            order = "ascend for a rising level" if direction > 0 else "descend for a sinking level"
            raise fail("energies", f"strictly {order}", f"it is {describe(levels.tolist())}")
        gamma = per_level("couplings", real_array("couplings", couplings), levels.size)
        speed = per_level("speeds", positive("speeds", speeds), levels.size)
        self.temperature, self.chemical_potential = equilibrium_parameters(
            temperature, chemical_potential
        )
        reservoir = Filling.thermal(levels, self.beta, self.chemical_potential)
        if reservoir_occupations is not None:
            given = fraction("reservoir_occupations", reservoir_occupations)
            reservoir = Filling.of(per_level("reservoir_occupations", given, levels.size))

        met = (levels > min(self.start, self.stop)) & (levels < max(self.start, self.stop))
        self.energies = levels[met]
        self.reservoir = reservoir[met]
        gaps = np.abs(np.diff(levels))
        self._clearance = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))[met]
        self.couplings, self.speeds = gamma[met], speed[met]
        self.diabatic_probabilities, self.adiabatic_probabilities = crossing_probabilities(
            self.couplings, self.speeds
        )

    @property
    def positions(self) -> FloatArray:
        """Energies of the level at the start, at each crossing and at the end, shape (L+2,)."""
        return np.concatenate(([self.start], self.energies, [self.stop]))

    @property
    def grand_potential_change(self) -> float:
        """``ΔΩ^eq = T ln[(1−f_stop)/(1−f_start)]`` of the uncoupled level between its ends."""

        def potential(energy: float) -> float:
            return grand_potential(
                [energy], temperature=self.temperature, chemical_potential=self.chemical_potential
            )

        return potential(self.stop) - potential(self.start)

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Conditions ``Δε > √ε̇`` and ``Δε > δ`` between levels, and the same towards the ends."""
        gaps, widths = 2 * np.abs(self.couplings), np.sqrt(self.speeds)
        gaps, widths = (np.where(np.isinf(self.speeds), 0.0, x) for x in (gaps, widths))
        ends = np.minimum(np.abs(self.energies - self.start), np.abs(self.energies - self.stop))
        between = "the next reservoir level is met before the crossing is over"
        at_ends = "the sweep begins or ends inside a crossing"
        return (
            DomainCheck("√(speed) / level spacing", widths / self._clearance, 1.0, between),
            DomainCheck("gap / level spacing", gaps / self._clearance, 1.0, between),
            DomainCheck(
                "width of a crossing / distance from the ends",
                np.maximum(gaps, widths) / ends,
                1.0,
                at_ends,
            ),
        )

    @property
    def regime(self) -> str:
        """Whether transitions are diabatic or adiabatic at all crossings, or "intermediate"."""
        if np.all(self.adiabatic_probabilities <= REGIME_LIMIT):
            return "diabatic"
        if np.all(self.diabatic_probabilities <= REGIME_LIMIT):
            return "adiabatic"
        return "intermediate"

    def run(self, initial_occupation: npt.ArrayLike | None = None) -> ChainLedger:
        """Follow the occupation through all crossings.

        Parameters
        ----------
        initial_occupation : array_like, shape (...), optional
            ``p_1`` of the level at the start; by default its equilibrium there.

        Returns
        -------
        ChainLedger
            Occupations, work, heat and entropy, batch axes first.

        Raises
        ------
        InputError
            If an occupation is not between 0 and 1.
        """
        current = self._initial(initial_occupation)
        steps = [current]
        for i in range(self.energies.size):
            current = mix(
                self.diabatic_probabilities[i],
                self.adiabatic_probabilities[i],
                current,
                self.reservoir[i],
            )
            steps.append(current)
        return ChainLedger(
            positions=self.positions,
            filling=Filling(
                np.stack([step.occupied for step in steps], axis=-1),
                np.stack([step.vacant for step in steps], axis=-1),
                np.stack([step.log_odds for step in steps], axis=-1),
            ),
            reservoir=self.reservoir,
            diabatic_probabilities=self.diabatic_probabilities,
            adiabatic_probabilities=self.adiabatic_probabilities,
            temperature=self.temperature,
            chemical_potential=self.chemical_potential,
        )

    def work_statistics(self, initial_occupation: float | None = None) -> ChainWorkStatistics:
        """Return the exact statistics of work, heat and particles of this chain.

        Parameters
        ----------
        initial_occupation : float, optional
            Occupation of the level at the start; by default its equilibrium there, for which the
            work fluctuation theorem holds.
        """
        if initial_occupation is not None:
            real_number("initial_occupation", initial_occupation)
        return ChainWorkStatistics.of(
            positions=self.positions,
            chemical_potential=self.chemical_potential,
            initial=self._initial(initial_occupation),
            reservoir=self.reservoir,
            keep=self.diabatic_probabilities,
            swap=self.adiabatic_probabilities,
        )

    def trajectories(
        self, n: int, rng: np.random.Generator, initial_occupation: float | None = None
    ) -> ChainTrajectories:
        """Draw independent trajectories, with work, heat and entropy of every step.

        Parameters
        ----------
        n : int
            Number of trajectories.
        rng : numpy.random.Generator
            Source of randomness.
        initial_occupation : float, optional
            As for `work_statistics`.

        Returns
        -------
        ChainTrajectories
        """
        drawn = self.work_statistics(initial_occupation).sample(n, rng)
        ledger = self.run(initial_occupation)
        return ChainTrajectories(ledger, drawn.occupations, np.full(n, 1 / n))

    def every_trajectory(self, initial_occupation: float | None = None) -> ChainTrajectories:
        """Return all trajectories that are possible, with their probabilities as weights.

        Parameters
        ----------
        initial_occupation : float, optional
            As for `work_statistics`.

        Returns
        -------
        ChainTrajectories

        Raises
        ------
        InputError
            If there are more than 19 crossings.
        """
        statistics = self.work_statistics(initial_occupation)
        occupied, weights = every_path(statistics.log_initial, statistics.log_transitions)
        return ChainTrajectories(self.run(initial_occupation), occupied, weights)

    def backward(self) -> LandauZenerChain:
        """Return the reversed protocol: from `stop` to `start`, crossings in reverse order.

        The reservoir levels begin with the same occupations as in the forward protocol.
        """
        return self._with(
            start=self.stop,
            stop=self.start,
            energies=self.energies[::-1],
            reservoir=self.reservoir[::-1],
            _clearance=self._clearance[::-1],
            couplings=self.couplings[::-1],
            speeds=self.speeds[::-1],
            diabatic_probabilities=self.diabatic_probabilities[::-1],
            adiabatic_probabilities=self.adiabatic_probabilities[::-1],
        )

    def at_speeds(self, speeds: npt.ArrayLike) -> LandauZenerChain:
        """Return the same crossings at other speeds; at an infinite one nothing is exchanged.

        Parameters
        ----------
        speeds : array_like, shape (L,) or ()
            ``|ε̇_i|`` at the crossings that are met, positive (infinity is allowed).

        Raises
        ------
        InputError
            If a speed is not positive, or the shapes differ.
        """
        new = per_level("speeds", context("speeds", speeds), self.energies.size)
        return self._changed(self.couplings, new)

    def adiabatic_limit(self) -> LandauZenerChain:
        """Return the same chain at vanishing speed, where every crossing exchanges occupations.

        ``p_{i+1} = f_i``, ``Σ_i = D(p_i|f_i)``, so that with the level at the first reservoir
        level's occupation at first nothing is dissipated there and ``D(f_{i−1}|f_i)`` later.
        """
        return self._changed(self.couplings, np.zeros_like(self.speeds))

    def diabatic_limit(self) -> LandauZenerChain:
        """Return the same chain at vanishing couplings, where no crossing changes anything.

        ``p_{i+1} = p_1``, no heat and no entropy production;
        ``W^diss = T Σ_i [D(p_1|f_{i+1}) − D(p_1|f_i)]``.
        """
        return self._changed(np.zeros_like(self.couplings), self.speeds)

    def __repr__(self) -> str:
        return (
            f"LandauZenerChain({self.energies.size} crossings, {self.start:g} -> {self.stop:g}, "
            f"temperature={self.temperature:g}, chemical_potential={self.chemical_potential:g})"
        )

    def _changed(self, couplings: FloatArray, speeds: FloatArray) -> LandauZenerChain:
        stays, follows = crossing_probabilities(couplings, speeds)
        return self._with(
            couplings=couplings,
            speeds=speeds,
            diabatic_probabilities=stays,
            adiabatic_probabilities=follows,
        )

    def _initial(self, occupation: Any) -> Filling:
        if occupation is None:
            return Filling.thermal(np.asarray(self.start), self.beta, self.chemical_potential)
        return Filling.of(fraction("initial_occupation", occupation))


def crossing_probabilities(
    couplings: FloatArray, speeds: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ``R = exp(−2πγ²/|ε̇|)`` and ``1 − R``; R = 0 at zero speed unless uncoupled."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = np.where(couplings == 0, 0.0, 2 * np.pi * couplings**2 / speeds)
    return np.exp(-exponent), -np.expm1(-exponent)


def per_level(name: str, values: FloatArray, levels: int) -> FloatArray:
    """Return one number for every level, or raise `InputError`."""
    return np.broadcast_to(of_shape(name, values, (), (levels,)), (levels,))
