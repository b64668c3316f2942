"""Exact statistics of work, heat and particle number along a Landau-Zener chain.

A trajectory is the sequence of occupations n_0 … n_L = 0 or 1 on the L+1 lifts. It costs the
mechanical work ``w = Σ_k Δε_k n_k`` and takes ``q = Σ_i (ε_i − μ)(n_i − n_{i−1})`` of heat and
``N = n_L − n_0`` particles from the reservoir.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from anticrossing._core.checks import ComplexArray, FloatArray, fail, integer, positive_number
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import broadcast, unwrap
from anticrossing.thermodynamics.arguments import (
    MOST_SAMPLES,
    counting_field,
    exponential,
    generator,
)
from anticrossing.thermodynamics.chain_atoms import WorkAtoms, common_step, enumerate_atoms
from anticrossing.thermodynamics.dissipation import Filling

_EXACT_INTEGERS = 2.0**53  # beyond, floats do not count multiples one by one


@record
class SampledTrajectories(Result):
    """Trajectories drawn by `ChainWorkStatistics.sample`, one a row.

    Attributes
    ----------
    occupations : array of bool, shape (n, L+1)
        Whether the level is occupied on each lift.
    work, heat : array, shape (n,)
        Mechanical work done on the level and heat taken from the reservoir (energy).
    particle_number : array of int, shape (n,)
        Particles taken from the reservoir: −1, 0 or 1.
    """

    occupations: npt.NDArray[np.bool_]
    work: FloatArray
    heat: FloatArray
    particle_number: npt.NDArray[np.int64]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "work": shown("trajectory", text="work done on the level"),
        "heat": shown("trajectory", text="heat from the reservoir"),
        "particle_number": shown("trajectory", text="particles from the reservoir"),
        "occupation": shown("trajectory", "lift", text="whether occupied"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the histogram of the work."""
        ax = new_axes() if ax is None else ax
        ax.hist(self.work, bins="auto")
        ax.set(xlabel="work", ylabel="number of trajectories")
        return ax


@dataclass(frozen=True, eq=False)
class ChainWorkStatistics(Result):
    """What `LandauZenerChain.work_statistics` returns.

    For an equilibrium start and Fermi occupations, with ``P̃`` and ``χ̃`` for the backward
    chain (also from equilibrium)::

        P(w, q, N) / P̃(−w, −q, −N) = exp[β(w − ΔΩ^eq)]       χ(u) = e^{−βΔΩ^eq} χ̃(iβ − u)

    Attributes
    ----------
    lifts : array, shape (L+1,)
        ``Δε_k``: start to first crossing, between crossings, last crossing to stop.
    excess_energies : array, shape (L,)
        ``ε_i − μ`` at the crossings.
    log_initial : array, shape (2,)
        Logarithms of the probabilities that the level is empty and occupied at the start.
    log_transitions : array, shape (L, 2, 2)
        Logarithms of the transition probabilities ``[final, initial]`` at the crossings.
    """

    lifts: FloatArray
    excess_energies: FloatArray
    log_initial: FloatArray
    log_transitions: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "lift": shown("lift", text="energy of the lift"),
        "log_initial": shown("initial", text="logarithm of the initial probability"),
        "log_transition": shown("crossing", "final", "initial", text="its logarithm"),
        "excess_energy": shown("crossing", text="ε − μ at the crossing"),
    }

    @classmethod
    def of(
        cls,
        *,
        positions: FloatArray,
        chemical_potential: float,
        initial: Filling,
        reservoir: Filling,
        keep: FloatArray,
        swap: FloatArray,
    ) -> ChainWorkStatistics:
        """Collect what the statistics need from a chain."""
        fill, empty = log_expit(reservoir.log_odds), log_expit(-reservoir.log_odds)
        with np.errstate(divide="ignore"):
            change = np.log(swap)
            stay_empty = np.log(keep + swap * reservoir.vacant)
            stay_occupied = np.log(keep + swap * reservoir.occupied)
        transitions = [[stay_empty, change + empty], [change + fill, stay_occupied]]
        return cls(
            lifts=np.diff(positions),
            excess_energies=positions[1:-1] - chemical_potential,
            log_initial=np.array([log_expit(-initial.log_odds), log_expit(initial.log_odds)]),
            log_transitions=np.moveaxis(np.array(transitions), -1, 0),
        )

    def characteristic_function(
        self,
        work: npt.ArrayLike = 0.0,
        *,
        heat: npt.ArrayLike = 0.0,
        particle_number: npt.ArrayLike = 0.0,
    ) -> complex | ComplexArray:
        """Joint characteristic function ``χ(u, ξ, η) = ⟨exp i(u w + ξ q + η N)⟩``.

        Parameters
        ----------
        work, heat, particle_number : array_like of complex
            The fields ``u``, ``ξ`` (inverse energy) and ``η``; they broadcast.

        Returns
        -------
        complex or ndarray

        Raises
        ------
        InputError
            If a field is not finite, or the shapes do not broadcast.
        """
        return unwrap(exponential(self._log_characteristic(work, heat, particle_number)))

    def log_characteristic_function(
        self,
        work: npt.ArrayLike = 0.0,
        *,
        heat: npt.ArrayLike = 0.0,
        particle_number: npt.ArrayLike = 0.0,
    ) -> complex | ComplexArray:
        """Logarithm of `characteristic_function`, which neither overflows nor underflows.

        Its imaginary part is the phase in (−π, π].
        """
        return unwrap(self._log_characteristic(work, heat, particle_number))

    @property
    def mean(self) -> float:
        """Mean work, ``Σ_k Δε_k p_k`` (energy)."""
        return float(self.lifts @ self._occupations)

    @property
    def variance(self) -> float:
        """Variance of the work (energy²)."""
        return float(self._central_moments[2])

    @property
    def skewness(self) -> float:
        """Third central moment over the standard deviation cubed; NaN if the work is certain."""
        if self.variance == 0:
            return float("nan")
        return float(self._central_moments[3] / self.variance**1.5)

    def atoms(self, *, step: float | None = None, maximum_atoms: int = 1_000_000) -> WorkAtoms:
        """Return the exact distribution of the work, by dynamic programming over its values.

        Parameters
        ----------
        step : float, optional
            Energy of which all lifts are multiples. Found by itself if there is one; lifts without
            one give a number of values that doubles with every crossing.
        maximum_atoms : int
            Number of values above which the computation is refused.

        Returns
        -------
        WorkAtoms

        Raises
        ------
        InputError
            If a lift is not a multiple of `step`, or there are more values than `maximum_atoms`.

        Examples
        --------
        >>> from anticrossing.thermodynamics.chain import LandauZenerChain
        >>> chain = LandauZenerChain(
        ...     energies=[1.0], couplings=0.2, speeds=1.0, start=0.5, stop=2.0,
        ...     temperature=1 / 1.2, chemical_potential=3.0,
        ... )
        >>> atoms = chain.work_statistics().atoms()
        >>> atoms.values, atoms.probabilities.round(4)
        (array([0. , 0.5, 1. , 1.5]), array([0.0378, 0.0176, 0.0097, 0.935 ]))
        """
        limit = integer("maximum_atoms", maximum_atoms, minimum=1)
        if step is None:
            unit = common_step(self.lifts, limit)
        else:
            unit = positive_number("step", step)
            with np.errstate(over="ignore"):
                multiples = self.lifts / unit
            if np.abs(multiples).sum() > _EXACT_INTEGERS:
                raise fail(
                    "step", "not be below the rounding error of the lifts", f"it is {unit:g}"
                )
            if np.any(np.abs(multiples - np.round(multiples)) > 1e-9 * np.abs(multiples) + 1e-9):
                raise fail("step", "divide all lifts", f"a lift is not a multiple of {unit:g}")
        return enumerate_atoms(
            self.lifts, self.log_initial, self.log_transitions, step=unit, maximum_atoms=limit
        )

    def sample(self, n: int, rng: np.random.Generator) -> SampledTrajectories:
        """Draw independent trajectories.

        Parameters
        ----------
        n : int
            Number of trajectories.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        SampledTrajectories
        """
        count = integer("n", n, minimum=1, maximum=MOST_SAMPLES)
        generator("rng", rng)
        # One row a lift, which is contiguous in memory; sums go along, without a second copy.
        rows = np.empty((self.lifts.size, count), dtype=bool)
        rows[0] = rng.random(count) < np.exp(self.log_initial[1])
        work, heat = self.lifts[0] * rows[0], np.zeros(count)
        filled = np.exp(self.log_transitions[:, 1, :])
        for i, (from_empty, from_occupied) in enumerate(filled):
            chance = np.where(rows[i], from_occupied, from_empty)
            rows[i + 1] = rng.random(count) < chance
            work += self.lifts[i + 1] * rows[i + 1]
            heat += self.excess_energies[i] * (rows[i + 1].astype(np.int8) - rows[i])
        received = rows[-1].astype(np.int64) - rows[0]
        return SampledTrajectories(rows.T, work, heat, received)

    @cached_property
    def _occupations(self) -> FloatArray:
        filling = [np.exp(self.log_initial)]
        for transition in np.exp(self.log_transitions):
            filling.append(transition @ filling[-1])
        return np.array(filling)[:, 1]

    @cached_property
    def _central_moments(self) -> FloatArray:
        """Moments 0 … 3 of the work about its mean, by recursion over the lifts."""
        # Every lift is counted from its own mean, so that nothing cancels in the end.
        shifts = self.lifts[:, None] * (np.array([0.0, 1.0]) - self._occupations[:, None])
        transitions = np.exp(self.log_transitions)
        moments = np.zeros((4, 2))
        moments[0] = np.exp(self.log_initial)
        for k, shift in enumerate(shifts):
            if k:
                moments = moments @ transitions[k - 1].T
            moments = np.array(
                [
                    sum(comb(n, j) * shift ** (n - j) * moments[j] for j in range(n + 1))
                    for n in range(4)
                ]
            )
        return np.asarray(moments.sum(axis=1))

    def _log_characteristic(
        self, work: npt.ArrayLike, heat: npt.ArrayLike, particle_number: npt.ArrayLike
    ) -> ComplexArray:
        """Product of 2×2 matrices in a gauge in which no factor exceeds one."""
        # With the real recursion at the imaginary parts of the fields done in logarithms, what is
        # left is a Markov chain of its own (the tilted one) with phases at the real parts.
        given = broadcast(
            work=counting_field("work", work),
            heat=counting_field("heat", heat),
            particle_number=counting_field("particle_number", particle_number),
        )
        fields = np.stack([field.ravel() for field in given])
        tilts, index = np.unique(-fields.imag, axis=1, return_inverse=True)
        index = index.reshape(-1)
        gain = np.multiply.outer(self.excess_energies, tilts[1]) + tilts[2]
        phase = np.exp(
            1j * (np.multiply.outer(self.excess_energies, fields[1].real) + fields[2].real)
        )
        weights = np.repeat(self.log_initial[:, None], tilts.shape[1], axis=1)
        amplitudes = np.ones((2, fields.shape[1]), dtype=np.complex128)
        for k, lift in enumerate(self.lifts):
            if k:
                paths = self.log_transitions[k - 1][:, :, None] + weights
                paths[1, 0] += gain[k - 1]
                paths[0, 1] -= gain[k - 1]
                weights = np.logaddexp(paths[:, 0], paths[:, 1])
                share = np.exp(paths - np.where(np.isfinite(weights), weights, 0.0)[:, None])
                share = share[..., index]
                turned = phase[k - 1]
                amplitudes = np.stack(
                    [
                        share[0, 0] * amplitudes[0] + share[0, 1] * amplitudes[1] / turned,
                        share[1, 0] * amplitudes[0] * turned + share[1, 1] * amplitudes[1],
                    ]
                )
            weights[1] += lift * tilts[0]
            amplitudes[1] *= np.exp(1j * lift * fields[0].real)
        total = np.logaddexp(weights[0], weights[1])
        mixed = np.sum(np.exp(weights - total)[:, index] * amplitudes, axis=0)
        with np.errstate(divide="ignore"):
            logarithm = total[index] + np.log(mixed)
        return np.asarray(logarithm.reshape(given[0].shape))
