"""Statistics of a Markov chain beyond the means: trajectories, counting, cycles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    at_most,
    describe,
    fail,
    integer,
    non_negative,
    of_shape,
    positive_number,
)
from anticrossing._core.public import guard
from anticrossing.thermodynamics.arguments import MOST_SAMPLES, generator
from anticrossing.thermodynamics.markov_counting import CountingStatistics, Increments, increments
from anticrossing.thermodynamics.markov_cycle import CyclePerformance, cycle_performance
from anticrossing.thermodynamics.markov_ledger import MarkovLedger
from anticrossing.thermodynamics.markov_scaled import ScaledCounting, scaled_counting
from anticrossing.thermodynamics.markov_trajectories import MarkovTrajectories, draw_trajectories
from anticrossing.thermodynamics.reservoirs import DrivenSystem

SUM_TOLERANCE = 1e-10


class ChainStatistics:
    """What `MarkovChain` says about fluctuations."""

    _system: DrivenSystem
    _jumps: FloatArray
    _stay: FloatArray
    _log_ratio: FloatArray

    def periodic_state(self) -> FloatArray:
        raise NotImplementedError

    def run(self, initial: npt.ArrayLike) -> MarkovLedger:
        raise NotImplementedError

    def trajectories(
        self, count: int, rng: np.random.Generator, *, initial: npt.ArrayLike | None = None
    ) -> MarkovTrajectories:
        """Draw independent trajectories through all steps.

        Parameters
        ----------
        count : int
            Number of trajectories; at most 2·10⁷ over number of steps and of reservoirs.
        rng : numpy.random.Generator
            Source of randomness.
        initial : array_like, shape (M,), optional
            Distribution at the start; by default the periodic state.

        Returns
        -------
        MarkovTrajectories
            States and jumps, and heat, work and entropy production of every step.

        Raises
        ------
        InputError
            For too many trajectories, or a distribution of the wrong shape.
        ConvergenceError
            If there is no single periodic state to start from.

        Examples
        --------
        >>> from anticrossing.thermodynamics import MarkovChain, Reservoir
        >>> chain = MarkovChain.from_attempts(
        ...     energies=[[0.0, 0.0], [0.0, 1.0]],
        ...     reservoirs=[Reservoir(1.0)],
        ...     attempts=[[[0.0, 0.5], [0.5, 0.0]]],
        ... )
        >>> drawn = chain.trajectories(100_000, np.random.default_rng(1), initial=[0.9, 0.1])
        >>> drawn.heat.shape, bool(abs(np.exp(-drawn.entropy_production).mean() - 1) < 0.01)
        ((100000, 1, 1), True)
        """
        system = self._system
        n = integer("count", count, minimum=1)
        at_most("count", n, MOST_SAMPLES // (system.steps * len(system.reservoirs)))
        generator("rng", rng)
        start = self._start(initial)
        ledger = self.run(start)
        states, causes = draw_trajectories(n, rng, start, self._jumps, self._stay)
        return MarkovTrajectories(
            states=states,
            reservoirs=causes,
            energies=system.energies,
            particle_numbers=system.particle_numbers,
            chemical_potentials=system.potentials,
            log_probabilities=_log(ledger.probabilities),
            log_ratios=self._log_ratio,
            reservoir_names=ledger.reservoir_names,
        )

    def counting(
        self,
        initial: npt.ArrayLike | None = None,
        *,
        final: npt.ArrayLike | None = None,
        mechanical_work: npt.ArrayLike = 0.0,
        chemical_work: npt.ArrayLike = 0.0,
        energy_current: npt.ArrayLike = 0.0,
        particle_current: npt.ArrayLike = 0.0,
        heat: npt.ArrayLike = 0.0,
        entropy_flow: npt.ArrayLike = 0.0,
        entropy_production: npt.ArrayLike = 0.0,
    ) -> CountingStatistics:
        """Return the full statistics of a linear combination of what the ledger books.

        ``X = Σ w · (work, energy, particles, heat, entropy)``, added up over all steps of a
        trajectory; the arguments are the weights w. With ``entropy_production=1``,
        ``σ = ln p(m₀) − ln q(m_T) − Σ entropy flows``: it obeys ``⟨exp(−σ)⟩ = 1`` for any
        distribution q, unless a state is empty at the start, and
        ``P(σ)/P̃(−σ) = exp σ`` against `backward` from q with the reference p.

        Parameters
        ----------
        initial : array_like, shape (M,), optional
            Distribution p at the start; by default the periodic state.
        final : array_like, shape (M,), optional
            Reference q for the entropy production; by default the distribution at the end.
        mechanical_work, chemical_work, entropy_production : array_like, shape (K,) or ()
            Weights; K combinations may be counted together.
        energy_current, particle_current, heat, entropy_flow : array_like
            Weights for each reservoir, shape (K, R) or (R,); a number is for all of them.

        Returns
        -------
        CountingStatistics
            Cumulants, characteristic function, and the distribution itself (`atoms`).

        Raises
        ------
        InputError
            If all weights are zero, shapes differ, or an entropy that can be infinite is counted.
        ConvergenceError
            If there is no single periodic state to start from.

        References
        ----------
        M. Esposito, U. Harbola, S. Mukamel, Rev. Mod. Phys. 81, 1665 (2009); U.
        Seifert, Rep. Prog. Phys. 75, 126001 (2012).

        Examples
        --------
        >>> from anticrossing.thermodynamics import MarkovChain, Reservoir
        >>> chain = MarkovChain.from_attempts(
        ...     energies=[[0.0, 0.0], [0.0, 1.0]],
        ...     reservoirs=[Reservoir(1.0)],
        ...     attempts=[[[0.0, 0.5], [0.5, 0.0]]],
        ... )
        >>> work = chain.counting([0.5, 0.5], mechanical_work=1.0)
        >>> work.mean, work.variance, work.atoms().probabilities
        (0.5, 0.25, array([0.5, 0.5]))
        """
        start = self._start(initial)
        last = self.run(start).probabilities[-1]
        if final is not None:
            reached = last > 0
            last = _distribution("final", final, start.size)
            if np.any(reached & (last == 0)):
                must = "not be zero for a state that the chain can end in"
                raise fail("final", must, f"it is {describe(final)}")
        weights = {
            "mechanical_work": mechanical_work,
            "chemical_work": chemical_work,
            "energy_current": energy_current,
            "particle_current": particle_current,
            "heat": heat,
            "entropy_flow": entropy_flow,
            "entropy_production": entropy_production,
        }
        return CountingStatistics(self._increments(weights, start, last), start)

    def scaled_counting(
        self,
        *,
        mechanical_work: npt.ArrayLike = 0.0,
        chemical_work: npt.ArrayLike = 0.0,
        energy_current: npt.ArrayLike = 0.0,
        particle_current: npt.ArrayLike = 0.0,
        heat: npt.ArrayLike = 0.0,
        entropy_flow: npt.ArrayLike = 0.0,
        entropy_production: npt.ArrayLike = 0.0,
    ) -> ScaledCounting:
        """Return the cumulants of a linear combination for each cycle, if cycles go on for ever.

        The arguments are the weights, as for `counting`. One step is a stationary state. The ends
        of the trajectory do not count in the long run: σ is minus the sum of the entropy flows.

        Returns
        -------
        ScaledCounting
            Currents, noise, third cumulants, covariances, uncertainty ratios, and the scaled
            cumulant generating function.

        Raises
        ------
        InputError
            As for `counting`.
        ConvergenceError
            If there is no single periodic state.

        References
        ----------
        H. Touchette, Phys. Rep. 478, 1 (2009).

        Examples
        --------
        Particles through a level between two reservoirs; their noise is below Poisson's:

        >>> from anticrossing.thermodynamics import MarkovChain, Reservoir
        >>> pair = np.array([[0.0, 0.01], [0.01, 0.0]])
        >>> chain = MarkovChain.from_attempts(
        ...     energies=[[0.0, 0.0]] * 2, particle_numbers=[0, 1],
        ...     reservoirs=[Reservoir(1.0, 20.0), Reservoir(1.0, -20.0)], attempts=[pair, pair],
        ... )
        >>> flow = chain.scaled_counting(particle_current=[1.0, 0.0])
        >>> round(flow.current, 6), round(flow.noise / flow.current, 3)
        (0.005, 0.495)
        """
        state = self.periodic_state()
        weights = {
            "mechanical_work": mechanical_work,
            "chemical_work": chemical_work,
            "energy_current": energy_current,
            "particle_current": particle_current,
            "heat": heat,
            "entropy_flow": entropy_flow,
            "entropy_production": entropy_production,
        }
        ones = np.ones(state.size)
        production = float(self.run(state).entropy_production.sum())
        return scaled_counting(self._increments(weights, ones, ones), state, production)

    def cycle(self, duration: float | None = None) -> CyclePerformance:
        """Return work, heats and efficiency of one cycle between two temperatures.

        The system is in the periodic state, where it ends a cycle as it began it. A single step is
        a steady state, whose work is chemical.

        Parameters
        ----------
        duration : float, optional
            Of a cycle (time), for the power.

        Returns
        -------
        CyclePerformance
            Whether it is an engine, a refrigerator, a heater or an accelerator, and how good a one.

        Raises
        ------
        InputError
            If the energies do not end where they began, or the reservoirs at work do not have
            two temperatures.
        ConvergenceError
            If there is no single periodic state.

        Examples
        --------
        >>> from anticrossing.thermodynamics import Reservoir, otto_cycle
        >>> cooler = otto_cycle(
        ...     energies=[1.0, 0.2], reservoirs=[Reservoir(1.0), Reservoir(0.4)], rates=1.0,
        ...     durations=5.0,
        ... ).cycle()
        >>> cooler.mode, round(cooler.coefficient_of_performance, 12)
        ('refrigerator', 0.25)
        """
        system = self._system
        time = None if duration is None else positive_number("duration", duration)
        if np.any(system.energies[0] != system.energies[-1]):
            raise fail("energies", "end where they began in a cycle", "they do not")
        state = self.periodic_state()
        ledger = self.run(state)
        flows = self._jumps * ledger.probabilities[:-1, None, None, :]
        return cycle_performance(
            ledger,
            system.temperatures,
            flows.sum(axis=(-2, -1)),
            traffic=float(np.sum(np.abs(system.exchange) * flows)),
            lifted=bool(np.any(system.energies != system.energies[0])),
            duration=time,
        )

    def _increments(self, weights: Any, first: FloatArray, last: FloatArray) -> Increments:
        system = self._system
        gaps = system.energies[:-1, :, None] - system.energies[:-1, None, :]
        numbers = system.particle_numbers[:, None] - system.particle_numbers
        shape = self._jumps.shape
        flow = np.where(self._jumps > 0, -self._log_ratio, 0.0)
        if not np.all(np.isfinite(flow)):
            for name in ("entropy_flow", "entropy_production"):
                if np.any(np.asarray(weights[name]) != 0):
                    raise fail(
                        name, "be finite to be counted", "a jump has a reverse that is forbidden"
                    )
            flow = np.zeros(shape)
        stay = self._stay[:, None, :, None] * np.eye(system.states)
        return increments(
            weights,
            energies=system.energies,
            exchanged={
                "energy_current": np.broadcast_to(gaps[:, None], shape),
                "particle_current": np.broadcast_to(numbers, shape),
                "heat": system.exchange,
                "entropy_flow": flow,
            },
            potentials=system.potentials,
            moves=np.concatenate([self._jumps, stay], axis=1),
            boundary=(_log(first), _log(last)),
        )

    def _start(self, initial: npt.ArrayLike | None) -> FloatArray:
        if initial is None:
            return self.periodic_state()
        return _distribution("initial", initial, self._system.states)


def _distribution(name: str, value: npt.ArrayLike, states: int) -> FloatArray:
    array = of_shape(name, non_negative(name, value), (states,))
    if abs(array.sum() - 1) > SUM_TOLERANCE:
        raise fail(name, "add to one", f"it is {describe(value)}")
    return np.asarray(array / array.sum())


def _log(probabilities: FloatArray) -> FloatArray:
    return np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)


guard(__name__)
