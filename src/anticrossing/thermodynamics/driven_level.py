"""One Fermi level driven through a finite reservoir: the chain, the exact answer, the work."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing import drive as drives
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    choice,
    describe,
    fail,
    listed,
    number_between,
    real_array,
    real_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics.fermions import FermionEvolution, check_times
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.formulas.result import DomainCheck, failures
from anticrossing.thermodynamics.arguments import Thermal, equilibrium_parameters
from anticrossing.thermodynamics.chain import LandauZenerChain, per_level
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.equilibrium import fermi
from anticrossing.thermodynamics.exact import ExactLedger
from anticrossing.thermodynamics.exact_work import (
    DIRECTIONS,
    checked_scheme,
    exact_work,
    gibbs_state,
    joint_counting,
)
from anticrossing.thermodynamics.sequential_exact import Paths
from anticrossing.thermodynamics.work import WorkDistribution


@dataclass(frozen=True, eq=False, init=False, repr=False)
class DrivenLevel(Thermal, Result):
    """A Fermi level driven from `start` to `stop` through a reservoir of L levels.

    ``H(t) = ε_t c†c + Σ_i ε_i c_i†c_i + Σ_i γ_i (c†c_i + c_i†c)``, the reservoir at first in
    equilibrium, ``f_i = 1/(exp(β(ε_i − μ)) + 1)``. Every crossing is one Landau–Zener event in
    which the level keeps its occupation with probability ``R_i = exp(−2πγ_i²/|ε̇_i|)``; `run`
    follows that chain with its energy, heat and entropy, `evolve` solves the quantum problem
    exactly, and `work_distribution` gives the statistics of the work in either way.

    Parameters
    ----------
    levels : array, shape (L,)
        Reservoir levels ``ε_i`` (energy), strictly ascending.
    couplings : float or array, shape (L,)
        ``γ_i`` (energy), half the gaps ``δ_i``; real, of any sign.
    temperature : float
        Temperature ``T > 0`` of the reservoir (energy, k_B = 1), ``β = 1/T``.
    chemical_potential : float
        ``μ`` of the reservoir (energy).
    start, stop : float
        First and last energy of the driven level; it sinks if `stop` is lower.
    rate : float or array, shape (L,)
        Speed ``ε̇`` of the level (energy / time), negative for a level that sinks. An array gives
        the speed at every reservoir level; it changes half-way between two of them, and is that at
        the nearest level beyond the last.

    Raises
    ------
    InputError
        If the levels are not ascending, lengths differ, `temperature` is not positive, or the rate
        points away from `stop`.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), equation (2), figures 2 and 4.

    Examples
    --------
    >>> system = DrivenLevel(
    ...     levels=range(1, 10), couplings=0.2, temperature=1 / 1.2, chemical_potential=3.0,
    ...     start=0.0, stop=10.0, rate=1.0,
    ... )
    >>> chain, exact = system.run(1.0), system.evolve(1.0)
    >>> round(float(chain.occupations[-1]), 6), round(float(exact.occupations[-1]), 6)
    (0.211308, 0.224034)
    >>> work = system.work_distribution()
    >>> round(work.mean, 6), round(work.free_energy_difference, 6)
    (6.265397, 3.056781)
    """

    levels: FloatArray
    couplings: FloatArray
    temperature: float
    chemical_potential: float
    start: float
    stop: float
    rates: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "start": shown(text="energy at the start"),
        "stop": shown(text="energy at the end"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
        "energy": shown("level", text="energy of the reservoir level", of="levels"),
        "coupling": shown("level", text="coupling to the reservoir level"),
        "rate": shown("level", text="rate of the drive at the level"),
        "reservoir_occupation": shown("level", text="its occupation"),
    }

    def __init__(
        self,
        *,
        levels: npt.ArrayLike,
        couplings: npt.ArrayLike,
        temperature: float,
        chemical_potential: float = 0.0,
        start: float,
        stop: float,
        rate: npt.ArrayLike,
    ) -> None:
        energies = listed("levels", levels)
        steps = np.diff(energies)
        if np.any(steps <= 0):
            k = int(np.argmax(steps <= 0))
            word = "equal to" if steps[k] == 0 else "above"
            raise fail(
                "levels",
                "be strictly ascending",
                f"level {k} at {energies[k]:g} is {word} level {k + 1} at {energies[k + 1]:g}",
            )
        gamma = per_level("couplings", real_array("couplings", couplings), energies.size)
        warmth, potential = equilibrium_parameters(temperature, chemical_potential)
        first, last = real_number("start", start), real_number("stop", stop)
        if first == last:
            raise fail("stop", "differ from `start`", f"both are {first:g}")
        rates = per_level("rate", real_array("rate", rate), energies.size)
        if np.any(rates == 0) or np.any(np.sign(rates) != np.sign(last - first)):
            raise fail(
                "rate",
                "point from `start` to `stop` everywhere",
                f"start is {first:g}, stop is {last:g} and rate is {describe(rate)}",
            )
        vars(self).update(
            levels=energies,
            couplings=gamma,
            rates=rates,
            temperature=warmth,
            chemical_potential=potential,
            start=first,
            stop=last,
        )

    # ---- the model --------------------------------------------------------------------------

    @functools.cached_property
    def drive(self) -> Drive:
        """The energy of the driven level in time."""
        if np.all(self.rates == self.rates[0]):
            return drives.Linear(self.start, self.stop, rate=float(self.rates[0]))
        low, high = sorted((self.start, self.stop))
        middles = 0.5 * (self.levels[1:] + self.levels[:-1])
        turns = middles[(middles > low) & (middles < high)]
        first = int(np.searchsorted(middles, low, side="right"))
        speeds = self.rates[first : first + turns.size + 1]
        if self.stop < self.start:
            turns, speeds = turns[::-1], speeds[::-1]
        positions = np.concatenate([[self.start], turns, [self.stop]])
        times = np.concatenate([[0.0], np.cumsum(np.diff(positions) / speeds)])
        return drives.Piecewise(times, positions)

    @property
    def phase(self) -> float:
        """Spread of all energies times the length of the drive: how slow it is, in radians."""
        ends = np.concatenate([self.levels, [self.start, self.stop]])
        return float(np.ptp(ends) * (self.drive.stop_time - self.drive.start_time))

    def hamiltonian(self, energy: float) -> FloatArray:
        """Return the single-particle matrix with the driven level (index 0) at `energy`."""
        matrix = np.diag(np.concatenate([[real_number("energy", energy)], self.levels]))
        matrix[0, 1:] = matrix[1:, 0] = self.couplings
        return matrix

    @property
    def reservoir_occupations(self) -> FloatArray:
        """The Fermi occupations ``f_i`` of the reservoir levels, shape (L,)."""
        return fermi(self.levels, **self._bath)

    @functools.cached_property
    def chain(self) -> LandauZenerChain:
        """The sequence of Landau–Zener crossings, in the order in which the level meets them."""
        turn = slice(None, None, 1 if self.stop > self.start else -1)
        return LandauZenerChain(
            energies=self.levels[turn],
            couplings=self.couplings[turn],
            speeds=np.abs(self.rates[turn]),
            temperature=self.temperature,
            chemical_potential=self.chemical_potential,
            start=self.start,
            stop=self.stop,
        )

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether the crossings may be treated one by one, and whether all levels are met."""
        missed = self.levels.size - self.chain.energies.size
        return (
            *self.chain.checks,
            DomainCheck(
                "share of the reservoir levels outside [start, stop]",
                missed / self.levels.size,
                0.0,
                f"{missed} of {self.levels.size} levels are never met and left out of the chain",
            ),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is outside the domain of the chain, in words."""
        return failures(self.checks)

    # ---- dynamics ---------------------------------------------------------------------------

    def run(self, initial_occupation: npt.ArrayLike | None = None) -> ChainLedger:
        """Follow the Landau–Zener chain; see `LandauZenerChain.run`."""
        return self.chain.run(initial_occupation)

    def evolve(
        self,
        initial_occupation: float | None = None,
        *,
        coupled: bool = False,
        times: npt.ArrayLike | None = None,
    ) -> ExactLedger:
        """Solve level and reservoir exactly, at any coupling and speed.

        Slow drives cost no more than faster ones where the level passes all others slowly, or
        passes few; with hundreds of levels that it passes quickly the cost grows with the number of
        oscillations.

        Parameters
        ----------
        initial_occupation : float, optional
            Occupation of the level at the start, uncorrelated with the reservoir; by default its
            equilibrium there.
        coupled : bool
            Begin in the common equilibrium of the coupled level and reservoir instead.
        times : array, shape (K,), optional
            Increasing times inside the window of `drive`; its ends by default.

        Returns
        -------
        ExactLedger

        Raises
        ------
        InputError
            If the occupation lies outside [0, 1] or is given together with `coupled`, or times lie
            outside the window.
        ConvergenceError
            If there are hundreds of levels, and the drive is so slow that it would take more than
            a million panels.
        """
        wanted = check_times(times, float(self.drive.start_time), float(self.drive.stop_time))
        if coupled:
            if initial_occupation is not None:
                raise fail(
                    "initial_occupation", "not be given with `coupled`", "it would be ignored"
                )
            state = gibbs_state(self.hamiltonian(self.start), **self._bath)
        else:
            state = self._product(self.start, initial_occupation)
        return ExactLedger(
            self._follow(state, wanted),
            self.temperature,
            self.chemical_potential,
            state,
            state.energy(self.hamiltonian(self.start)),
            self.levels,
        )

    @functools.cached_property
    def propagator(self) -> ComplexArray:
        """The exact single-particle propagator over the whole drive, (L+1, L+1), level first."""
        return self._whole.propagator

    @property
    def propagator_error(self) -> float:
        """Bound on the error of any ``|W_ij|²``, and so of what the exact work follows from."""
        return self._whole.error_estimate

    # ---- work -------------------------------------------------------------------------------

    def work_distribution(
        self, *, method: str = "exact", scheme: str | None = None, direction: str = "forward"
    ) -> WorkDistribution:
        """Return the statistics of the mechanical work.

        Parameters
        ----------
        method : {"exact", "landau-zener"}
            The exact two-point measurement of the energy, or the chain.
        scheme : {"coupled", "decoupled", "product"}, optional
            Of the exact method. "coupled" (the default): Gibbs state of the coupled levels, whose
            total energy is measured. "decoupled": the coupling is switched on after the first
            measurement and off before the last, on a product of Gibbs states. "product": that
            state, but the energy measured includes the couplings; the fluctuation relations do not
            hold, and at most ten reservoir levels can be enumerated.
        direction : {"forward", "backward"}
            Backward: the reversed drive, from equilibrium at `stop`.

        Returns
        -------
        WorkDistribution

        Raises
        ------
        InputError
            For an unknown option, a scheme that the method would ignore, or a product scheme with
            more than ten reservoir levels.
        """
        scheme = checked_scheme(method, scheme, self.levels.size)
        forward = choice("direction", direction, DIRECTIONS) == "forward"
        if method == "landau-zener":
            chain = self.chain if forward else self.chain.backward()
            return WorkDistribution(
                chain.work_statistics(),
                temperature=self.temperature,
                free_energy_difference=chain.grand_potential_change,
                description=f"Landau-Zener chain, {direction}",
            )
        ends = (self.start, self.stop) if forward else (self.stop, self.start)
        return exact_work(
            self.propagator if forward else self.propagator.T,
            (self.hamiltonian(ends[0]), self.hamiltonian(ends[1])),
            scheme=scheme,
            description=f"exact, {scheme} scheme, {direction}",
            **self._bath,
        )

    def full_counting(self, *, direction: str = "forward") -> TwoPointStatistics:
        """Return the exact joint statistics of work, heat and particles (decoupled scheme).

        Counted are, in this order, the work ``w``, the heat ``q = −Δ Σ_i (ε_i − μ) n_i`` given by
        the reservoir, and the particles ``N`` received by the level. With the reversed drive
        ``P(w, q, N) = exp[β(w − ΔΩ)] P̃(−w, −q, −N)``.

        Parameters
        ----------
        direction : {"forward", "backward"}
            As for `work_distribution`.

        Returns
        -------
        TwoPointStatistics
        """
        forward = choice("direction", direction, DIRECTIONS) == "forward"
        ends = (self.start, self.stop) if forward else (self.stop, self.start)
        return joint_counting(
            self.propagator if forward else self.propagator.T,
            np.array(ends)[:, None],
            self.levels,
            **self._bath,
        )

    def __str__(self) -> str:
        chain = self.chain
        lines = [
            f"Level driven from {self.start:g} to {self.stop:g} through {self.levels.size} "
            "reservoir levels",
            f"  levels             {self.levels[0]:g} … {self.levels[-1]:g}",
            f"  reservoir          T = {self.temperature:g}, μ = {self.chemical_potential:g}",
        ]
        if chain.energies.size:
            least, most = chain.diabatic_probabilities.min(), chain.diabatic_probabilities.max()
            lines.append(f"  R per crossing     {least:.6g} … {most:.6g} ({chain.regime})")
        return "\n".join([*lines, *(f"  {check}" for check in self.checks)])

    # ---- parts ------------------------------------------------------------------------------

    @functools.cached_property
    def _whole(self) -> FermionEvolution:
        empty = GaussianState.product(np.zeros(self.levels.size + 1))
        return self._follow(empty, np.array([float(self.drive.stop_time)]))

    def _follow(self, state: GaussianState, times: FloatArray) -> FermionEvolution:
        # Times from the start: those of a linear drive far from zero have lost their digits.
        drive, begin = self.drive, float(self.drive.start_time)
        corners = np.concatenate([[begin], drive.breakpoints, [float(drive.stop_time)]])
        path = np.asarray(drive(corners), dtype=np.float64)
        path[[0, -1]] = self.start, self.stop
        local = corners - begin
        if local.size == 2:
            local[1] = (self.stop - self.start) / self.rates[0]
        when = np.where(times >= corners[-1], local[-1], np.minimum(times - begin, local[-1]))
        paths = Paths(local, path[None], self.levels, self.couplings[None])
        return dataclasses.replace(paths.follow(state, when), times=times)

    def _product(self, energy: float, occupation: float | None) -> GaussianState:
        if occupation is None:
            level = float(fermi(np.array(energy), **self._bath))
        else:
            level = number_between("initial_occupation", occupation, 0, 1)
        return GaussianState.product(np.concatenate([[level], self.reservoir_occupations]))

    @property
    def _bath(self) -> dict[str, float]:
        return {"temperature": self.temperature, "chemical_potential": self.chemical_potential}
