"""Stochastic thermodynamics of Markov chains in discrete time with several reservoirs (k_B = 1).

A system with M states jumps between them at the steps i = 0, 1, …; every jump exchanges energy and
particles with one of R reservoirs, and between the jumps the energies of the states are moved from
outside. The equations are (A1)-(A15) of F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from anticrossing._core.checks import (
    FloatArray,
    at_most,
    choice,
    describe,
    fail,
    index,
    integer,
    last_axis,
    non_negative,
    of_shape,
)
from anticrossing._core.unchanging import Unchanging
from anticrossing.thermodynamics.arguments import MOST_SAMPLES
from anticrossing.thermodynamics.markov_ledger import MarkovLedger, keep_ledger
from anticrossing.thermodynamics.markov_stationary import product, stationary
from anticrossing.thermodynamics.markov_statistics import SUM_TOLERANCE, ChainStatistics
from anticrossing.thermodynamics.reservoirs import DrivenSystem, Reservoir, log_ratios, relax

BALANCE_TOLERANCE = 1e-9
"""How far ln(M/Mᵀ) may be from its value by local detailed balance, relative to 1 + |value|."""


class MarkovChain(ChainStatistics, Unchanging):
    """A driven system of M states that jumps under R reservoirs at once, in discrete time.

    ``p(i+1) = Σ_ν M^ν(i) p(i)``, and every reservoir obeys local detailed balance with the energies
    of its step::

        ln M^ν_mm′(i)/M^ν_m′m(i) = −[(e_m(i) − e_m′(i)) − μ_ν(i)(n_m − n_m′)]/T_ν(i)

    The energies change from e(i) to e(i+1) after the jump of step i, on p(i+1).

    Only the sum of the diagonals ``Σ_ν M^ν_mm``, the probability to stay, has a meaning: a system
    that stays exchanges nothing, and no result depends on how the diagonal is divided among the
    reservoirs. It is computed from the jumps, so that probability is conserved to rounding; the
    diagonals given must agree with that.

    `from_attempts` and `from_rates` build chains that obey local detailed balance by construction.

    Parameters
    ----------
    energies : array_like, shape (steps + 1, M)
        Energies ``e_m(i)`` of the states before each step, and after the last.
    reservoirs : sequence of Reservoir
        The R reservoirs.
    transition_matrices : array_like, shape (steps, R, M, M) or (R, M, M)
        ``M^ν(i)``, ``[final, initial]``, not negative. Columns of the sum over ν add to one.
    particle_numbers : array_like, shape (M,), optional
        Particle numbers ``n_m``; needed if a chemical potential is not zero.
    local_detailed_balance : {"require", "report"}
        Raise where the matrices break it, or only keep `local_detailed_balance_violation`. A jump
        whose reverse is forbidden then produces infinite entropy, and the entropy flow, which is
        defined by the matrices, is no longer heat over temperature.

    Attributes
    ----------
    energies, reservoirs, particle_numbers
        As given.
    transition_matrices : array, shape (steps, R, M, M)
        As given.
    transition_matrix : array, shape (steps, M, M)
        Their sum over the reservoirs.
    local_detailed_balance_violation : array, shape (steps, R)
        The largest difference, over all pairs, between both sides of the equation above.

    Raises
    ------
    InputError
        For shapes that do not fit, negative entries, columns that do not add to one, or broken
        local detailed balance; the message names step, reservoir and pair.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), equations (A1), (A2) and
    (A14).

    Examples
    --------
    A level is lifted from energy 0 to 1 while a reservoir at T = 1 fills and empties it:

    >>> chain = MarkovChain(
    ...     energies=[[0.0, 0.0], [0.0, 1.0]],
    ...     reservoirs=[Reservoir(1.0)],
    ...     transition_matrices=[[[0.75, 0.25], [0.25, 0.75]]],
    ... )
    >>> ledger = chain.run([0.0, 1.0])
    >>> ledger.probabilities[-1], ledger.mechanical_work, ledger.entropy_production.round(4)
    (array([0.25, 0.75]), array([0.75]), array([0.5623]))
    """

    def __init__(
        self,
        *,
        energies: npt.ArrayLike,
        reservoirs: Sequence[Reservoir],
        transition_matrices: npt.ArrayLike,
        particle_numbers: npt.ArrayLike | None = None,
        local_detailed_balance: str = "require",
    ) -> None:
        mode = choice("local_detailed_balance", local_detailed_balance, ("require", "report"))
        system = DrivenSystem.check(energies, reservoirs, particle_numbers)
        matrices = system.per_pair("transition_matrices", transition_matrices)

        total = matrices.sum(axis=1)
        wrong = np.abs(total.sum(axis=-2) - 1)
        if np.max(wrong) > SUM_TOLERANCE:
            step, state = _largest(wrong)
            raise fail(
                "transition_matrices",
                "have columns that add to one when summed over the reservoirs",
                f"in step {step} column {state} adds to {total[step, :, state].sum():.12g}",
            )
        predicted = -system.exchange / system.temperatures[..., None, None]
        self._log_ratio, difference = log_ratios(matrices, predicted)
        if mode == "require":
            excess = difference / (1 + np.abs(predicted))
            if np.max(excess, initial=0.0) > BALANCE_TOLERANCE:
                step, reservoir, final, initial = at = _largest(excess)
                raise fail(
                    "transition_matrices",
                    'obey local detailed balance (or pass local_detailed_balance="report")',
                    f"in step {step}, reservoir {reservoir}, states {initial} → {final}, "
                    f"ln(M/Mᵀ) is {self._log_ratio[at]:.6g} instead of {predicted[at]:.6g}",
                )
        self._system = system
        self._jumps = matrices * ~np.eye(system.states, dtype=bool)
        stay = np.maximum(1 - self._jumps.sum(axis=(1, 2)), 0.0)
        self._stay = stay
        self.energies = system.energies
        self.particle_numbers = system.particle_numbers
        self.reservoirs = system.reservoirs
        self.transition_matrices = matrices
        self.transition_matrix = self._jumps.sum(axis=1) + stay[:, None, :] * np.eye(system.states)
        self.local_detailed_balance_violation = np.max(difference, axis=(-2, -1))

    @classmethod
    def from_attempts(
        cls,
        *,
        energies: npt.ArrayLike,
        reservoirs: Sequence[Reservoir],
        attempts: npt.ArrayLike,
        particle_numbers: npt.ArrayLike | None = None,
    ) -> MarkovChain:
        """Build a chain from the probabilities with which each reservoir attempts each pair.

        ``M^ν_mm′ = a^ν_mm′ / (exp(x) + 1)``, ``x = [(e_m − e_m′) − μ_ν(n_m − n_m′)]/T_ν``: a
        pair is redrawn with probability ``a^ν`` from its equilibrium. For a level, this is
        ``a f`` in and ``a (1 − f)`` out; with ``a = 1 − R_i`` it is the chain of crossings.

        Parameters
        ----------
        energies, reservoirs, particle_numbers
            As for `MarkovChain`.
        attempts : array_like, shape (steps, R, M, M) or (R, M, M)
            ``a^ν_mm′(i)``, symmetric, not negative, with zero diagonal.

        Raises
        ------
        InputError
            As for `MarkovChain`, or if a state would be left with a probability above one.

        Examples
        --------
        >>> chain = MarkovChain.from_attempts(
        ...     energies=[[0.0, 1.0], [0.0, 1.0]],
        ...     reservoirs=[Reservoir(1.0), Reservoir(2.0)],
        ...     attempts=[[[0.0, 0.2], [0.2, 0.0]], [[0.0, 0.1], [0.1, 0.0]]],
        ... )
        >>> chain.transition_matrix[0].round(4)
        array([[0.9085, 0.2085],
               [0.0915, 0.7915]])
        """
        system = DrivenSystem.check(energies, reservoirs, particle_numbers)
        jumps = system.heat_bath(system.symmetric("attempts", attempts))
        leaving = jumps.sum(axis=(1, 2))
        if np.max(leaving) > 1 + SUM_TOLERANCE:
            step, state = _largest(leaving)
            raise fail(
                "attempts",
                "leave every state with a probability of at most one",
                f"in step {step} state {state} is left with {leaving[step, state]:.6g}",
            )
        share = np.maximum(1 - leaving, 0.0)[:, None, None, :] / len(system.reservoirs)
        return cls(
            energies=energies,
            reservoirs=reservoirs,
            transition_matrices=jumps + share * np.eye(system.states),
            particle_numbers=particle_numbers,
        )

    @classmethod
    def from_rates(
        cls,
        *,
        energies: npt.ArrayLike,
        reservoirs: Sequence[Reservoir],
        rates: npt.ArrayLike,
        durations: npt.ArrayLike,
        particle_numbers: npt.ArrayLike | None = None,
    ) -> MarkovChain:
        """Build a chain of contacts in continuous time, one reservoir after the other.

        ``M^ν(i) = exp(W τ_i)`` with ``W_mm′ = Γ_mm′ / (exp(x) + 1)``, x as in `from_attempts`, and
        columns of W that add to zero. Heat and entropy production belong to the whole contact.

        At most one reservoir may act in a step. With several, the heat each one gives depends on
        the path within the step (in through one, out through another), which the matrix over the
        step does not tell, and no division of ``exp(Σ_ν W^ν τ)`` among them recovers it. Cut such a
        step into short contacts that alternate, or into short steps of `from_attempts` with
        ``a = Γ δτ``; both converge to the process with all reservoirs at once.

        Parameters
        ----------
        energies, reservoirs, particle_numbers
            As for `MarkovChain`.
        rates : array_like, shape (steps, R, M, M) or (R, M, M)
            Attempt rates ``Γ^ν_mm′(i)`` (1/time), symmetric, not negative, with zero diagonal; zero
            for every reservoir that is not in contact.
        durations : array_like, shape (steps,) or a number
            ``τ_i`` (time).

        Raises
        ------
        InputError
            As for `MarkovChain`, or if two reservoirs act in one step.

        Examples
        --------
        A qubit is warmed, then cooled; a long contact ends in equilibrium:

        >>> chain = MarkovChain.from_rates(
        ...     energies=[[0.0, 1.0]] * 3,
        ...     reservoirs=[Reservoir(1.0), Reservoir(0.2)],
        ...     rates=[[[[0, 1], [1, 0]], np.zeros((2, 2))], [np.zeros((2, 2)), [[0, 1], [1, 0]]]],
        ...     durations=50.0,
        ... )
        >>> chain.run([1.0, 0.0]).probabilities[:, 1].round(4)
        array([0.    , 0.2689, 0.0067])
        """
        system = DrivenSystem.check(energies, reservoirs, particle_numbers)
        strength = system.symmetric("rates", rates)
        times = non_negative("durations", durations)
        of_shape("durations", times, (), (system.steps,))
        acts = np.any(strength > 0, axis=(-2, -1))
        if np.any(acts.sum(axis=1) > 1):
            step = int(np.argmax(acts.sum(axis=1) > 1))
            first, second = np.flatnonzero(acts[step])[:2]
            raise fail(
                "rates",
                "let one reservoir act in each step (cut the step into shorter ones)",
                f"reservoirs {first} and {second} both act in step {step}",
            )
        flows = system.heat_bath(strength).sum(axis=1) * times.reshape(-1, 1, 1)
        matrices = np.zeros((system.steps, len(system.reservoirs), system.states, system.states))
        matrices[np.arange(system.steps), np.argmax(acts, axis=1)] = relax(flows)
        return cls(
            energies=energies,
            reservoirs=reservoirs,
            transition_matrices=matrices,
            particle_numbers=particle_numbers,
        )

    def equilibrium(self, *, step: int = 0, reservoir: int = 0) -> FloatArray:
        """Return ``p_m ∝ exp(−(e_m − μ_ν n_m)/T_ν)`` of one reservoir at one step, shape (M,).

        Raises
        ------
        InputError
            If there is no such step or reservoir.

        Examples
        --------
        >>> chain = MarkovChain(
        ...     energies=[[0.0, 1.0], [0.0, 2.0]],
        ...     reservoirs=[Reservoir(0.5)],
        ...     transition_matrices=[np.eye(2)],
        ... )
        >>> chain.equilibrium().round(4)
        array([0.8808, 0.1192])
        """
        system = self._system
        i = index("step", step, system.steps)
        r = index("reservoir", reservoir, len(self.reservoirs))
        grand = system.energies[i] - system.potentials[i, r] * system.particle_numbers
        return np.asarray(softmax(-grand / system.temperatures[i, r]))

    def periodic_state(self) -> FloatArray:
        """Return the distribution that comes back after all steps, ``p = M(steps−1) … M(0) p``.

        For one step it is the stationary state; for a closed cycle of energies, the state in which
        an engine runs after many cycles.

        Returns
        -------
        array, shape (M,)

        Raises
        ------
        ConvergenceError
            If there is more than one, because the steps leave some states unconnected.

        Examples
        --------
        A level that two reservoirs at infinite and at almost zero temperature redraw equally often:

        >>> chain = MarkovChain.from_attempts(
        ...     energies=[[0.0, 1.0], [0.0, 1.0]],
        ...     reservoirs=[Reservoir(1e9), Reservoir(0.01)],
        ...     attempts=[[[0.0, 0.3], [0.3, 0.0]], [[0.0, 0.3], [0.3, 0.0]]],
        ... )
        >>> chain.periodic_state().round(4)
        array([0.75, 0.25])
        """
        return stationary(product(self.transition_matrix))

    def run(self, initial: npt.ArrayLike) -> MarkovLedger:
        """Follow a distribution through all steps and keep the books.

        Parameters
        ----------
        initial : array_like, shape (..., M)
            ``p(0)``: not negative, adding to one. Leading axes are a batch; the memory needed is
            batch × steps × R × M².

        Returns
        -------
        MarkovLedger

        Raises
        ------
        InputError
            If this is not a distribution over M states.
        """
        start = non_negative("initial", initial)
        states = self._system.states
        last_axis("initial", start, states)
        sums = start.sum(axis=-1, keepdims=True)
        if np.any(np.abs(sums - 1) > SUM_TOLERANCE):
            raise fail("initial", "add to one", f"it is {describe(initial)}")
        probabilities = np.empty((*start.shape[:-1], self._system.steps + 1, states))
        probabilities[..., 0, :] = start / sums
        for step, matrix in enumerate(self.transition_matrix):
            probabilities[..., step + 1, :] = probabilities[..., step, :] @ matrix.T
        return keep_ledger(
            probabilities=probabilities,
            energies=self.energies,
            particle_numbers=self.particle_numbers,
            chemical_potentials=self._system.potentials,
            jumps=self._jumps,
            stay=self._stay,
            log_ratio=self._log_ratio,
            names=tuple(
                reservoir.name or f"reservoir {index}"
                for index, reservoir in enumerate(self.reservoirs)
            ),
        )

    def repeated(self, cycles: int) -> MarkovChain:
        """Return the chain of many cycles, one after the other.

        Parameters
        ----------
        cycles : int
            How often all steps are made.

        Raises
        ------
        InputError
            If the energies do not end where they began, or the chain becomes too long to hold.

        Examples
        --------
        >>> chain = MarkovChain(
        ...     energies=[[0.0, 1.0]] * 2,
        ...     reservoirs=[Reservoir(1.0)],
        ...     transition_matrices=[np.eye(2)],
        ... )
        >>> chain.repeated(100)
        MarkovChain(100 steps, 2 states, 1 reservoirs)
        """
        count = integer("cycles", cycles, minimum=1)
        at_most("cycles", count, MOST_SAMPLES // self.transition_matrices.size)
        if np.any(self.energies[0] != self.energies[-1]):
            raise fail("energies", "end where they began to be repeated", "they do not")
        order = np.tile(np.arange(self._system.steps), count)
        return self._of_steps(order, np.concatenate([self.energies[order], self.energies[-1:]]))

    def backward(self) -> MarkovChain:
        """Return the reversed protocol: first the last lift undone, then the jumps in reverse.

        Jumps come before lifts in a step, so that the reversed chain has one step more, of which
        the first makes no jump.

        Examples
        --------
        >>> chain = MarkovChain(
        ...     energies=[[0.0, 1.0], [0.0, 2.0]],
        ...     reservoirs=[Reservoir(1.0)],
        ...     transition_matrices=[np.eye(2)],
        ... )
        >>> chain.backward().energies[:, 1]
        array([2., 1., 1.])
        """
        last = self._system.steps - 1
        order = np.append(last, np.arange(last, -1, -1))
        energies = np.concatenate([self.energies[::-1], self.energies[:1]])
        return self._of_steps(order, energies, resting=True)

    def _of_steps(
        self, order: npt.NDArray[np.int64], energies: FloatArray, *, resting: bool = False
    ) -> MarkovChain:
        """Return a chain of these steps; `resting` keeps every state in the first one."""
        matrices = self.transition_matrices[order]
        if resting:
            matrices[0] = np.eye(self._system.states) / len(self.reservoirs)
        return MarkovChain(
            energies=energies,
            reservoirs=[reservoir.at(order) for reservoir in self.reservoirs],
            transition_matrices=matrices,
            particle_numbers=self.particle_numbers,
            local_detailed_balance="report",
        )

    def __repr__(self) -> str:
        system = self._system
        return (
            f"MarkovChain({system.steps} steps, {system.states} states, "
            f"{len(self.reservoirs)} reservoirs)"
        )


def _largest(values: FloatArray) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(np.argmax(values), values.shape))
