"""Exact statistics of work, heat, particles and entropy of levels that cross in sequence.

At a crossing two levels exchange their occupations with probability 1 − R. A trajectory is the
occupations of all levels at all times; a reservoir level matters from the first time it is met to
the last one only, so that at any moment few levels have to be known: the driven ones, and those
that wait to be met again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, integer
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import broadcast, unwrap
from anticrossing.thermodynamics.arguments import (
    MOST_SAMPLES,
    counting_field,
    exponential,
    generator,
)
from anticrossing.thermodynamics.atoms import draw_atoms
from anticrossing.thermodynamics.chain_atoms import EQUAL, common_step, lifted
from anticrossing.thermodynamics.crossing_events import IntArray
from anticrossing.thermodynamics.dissipation import Filling
from anticrossing.thermodynamics.exchange_moments import exchange_moments

MOST_ACTIVE = 14  # levels at a time: their occupations have 16384 states
_MOST_NUMBERS = 1 << 22  # states times values of the work, or times counting fields
_MOST_SKEW = 160  # levels for which third moments are followed


@dataclass(frozen=True, eq=False)
class SequentialStatistics(Result):
    """What `SequentialCrossings.work_statistics` returns.

    Mean, variance and skewness are exact for any number of levels; the characteristic functions
    and the list of values for at most `MOST_ACTIVE` levels at a time (`active_levels`), because
    the joint occupations of driven levels and those that are met again are followed; `sample`
    draws from the exact law whatever their number.

    Attributes
    ----------
    lifts : array, shape (K+1, S)
        Energy by which each driven level moves before, between and after the crossings.
    system_levels, reservoir_levels : array of int, shape (K,)
        Which two levels cross.
    excess_energies : array, shape (K,)
        ``ε − μ`` of the reservoir levels at the crossings.
    diabatic_probabilities, adiabatic_probabilities : array, shape (K,)
        ``R`` and ``1 − R``.
    initial, final : Filling
        Of the driven levels before the first and after the last crossing, shape (S,).
    reservoir : Filling
        Of the reservoir levels at the start, shape (M,).
    temperature : float
        Of the reservoir.
    """

    lifts: FloatArray
    system_levels: IntArray
    reservoir_levels: IntArray
    excess_energies: FloatArray
    diabatic_probabilities: FloatArray
    adiabatic_probabilities: FloatArray
    initial: Filling
    final: Filling
    reservoir: Filling
    temperature: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mean": shown(text="mean work"),
        "variance": shown(text="variance of the work"),
        "skewness": shown(text="skewness of the work"),
        "active_levels": shown(text="levels that have to be known at a time"),
        "lift": shown("lift", "level", text="energy of the lift"),
        "excess_energy": shown("crossing", text="ε − μ at the crossing"),
        "diabatic_probability": shown("crossing", text="probability to keep the diabatic state"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value of the work, or its mean and spread."""
        listed = self.atoms()
        if listed is not None:
            return draw_atoms(*listed, ax, label="work")
        ax = new_axes() if ax is None else ax
        ax.errorbar([self.mean], [0.0], xerr=[sqrt(self.variance)], fmt="o")
        ax.set_xlabel("work")
        ax.set_yticks([])
        return ax

    # ---- moments, for any number of levels ----------------------------------------------------

    @property
    def mean(self) -> float:
        """Mean work (energy)."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Variance of the work (energy²)."""
        return self._moments[1]

    @property
    def skewness(self) -> float:
        """Third central moment over the standard deviation cubed; NaN beyond 160 levels."""
        return self._moments[2]

    @cached_property
    def _moments(self) -> tuple[float, float, float]:
        levels = self.lifts.shape[1] + self.reservoir.occupied.size
        mean, variance, third = exchange_moments(
            np.concatenate([self.initial.occupied, self.reservoir.occupied]),
            self.lifts,
            np.stack([self.system_levels, self.lifts.shape[1] + self.reservoir_levels], axis=1),
            self.diabatic_probabilities,
            self.adiabatic_probabilities,
            third=levels <= _MOST_SKEW,
        )
        skewness = third / variance**1.5 if variance > 0 else float("nan")
        return mean, variance, skewness

    # ---- the joint occupations of the levels that are known at a time --------------------------

    @property
    def active_levels(self) -> int:
        """Driven levels and reservoir levels between two meetings, at most at any time."""
        return self.lifts.shape[1] + max((len(step.waiting) for step in self._plan), default=0)

    @cached_property
    def _plan(self) -> list[_Step]:
        met = np.flatnonzero(self.adiabatic_probabilities > 0)
        levels = self.reservoir_levels[met]
        first = {int(r): int(k) for k, r in zip(met[::-1], levels[::-1], strict=True)}
        last = {int(r): int(k) for k, r in zip(met, levels, strict=True)}
        waiting: list[int] = []
        steps = []
        for k in met.tolist():
            level = int(self.reservoir_levels[k])
            enters, leaves = first[level] == k, last[level] == k
            if enters:
                waiting = [*waiting, level]
            steps.append(_Step(k, tuple(waiting), enters, leaves))
            if leaves:
                waiting = [r for r in waiting if r != level]
        return steps

    def check_active(self) -> None:
        """Raise `InputError` where distributions are out of reach."""
        if self.active_levels > MOST_ACTIVE:
            raise InputError(
                f"{self.active_levels} levels have to be known at a time, and {MOST_ACTIVE} is the "
                "limit of exact distributions: use the mean, the variance or `sample`."
            )

    # ---- characteristic functions --------------------------------------------------------------

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
            If a field is not finite, or more than `MOST_ACTIVE` levels are active at a time.
        """
        logarithm = self.log_characteristic_function(
            work, heat=heat, particle_number=particle_number
        )
        return unwrap(exponential(logarithm))

    def log_characteristic_function(
        self,
        work: npt.ArrayLike = 0.0,
        *,
        heat: npt.ArrayLike = 0.0,
        particle_number: npt.ArrayLike = 0.0,
    ) -> ComplexArray:
        """Logarithm of `characteristic_function`, which neither overflows nor underflows.

        Its imaginary part is the phase in (−π, π].
        """
        given = broadcast(
            work=counting_field("work", work),
            heat=counting_field("heat", heat),
            particle_number=counting_field("particle_number", particle_number),
        )
        fields = [np.asarray(field).ravel() for field in given]
        return self._characteristic(*fields).reshape(given[0].shape)

    def entropy_characteristic_function(self, u: npt.ArrayLike) -> complex | ComplexArray:
        """Return ``⟨exp(iuΣ)⟩`` of the entropy production; at u = i it is ``⟨exp(−Σ)⟩ = 1``.

        ``Σ = Σ_s ln [p_s(n_s) / p′_s(n′_s)] − q/T`` with the occupations p, p′ of the driven levels
        at start and end, as for `SequentialTrajectories`.
        """
        given = counting_field("u", u)
        fields = given.ravel()
        nothing = np.zeros_like(fields)
        logarithm = self._characteristic(nothing, -fields / self.temperature, nothing, fields)
        return unwrap(exponential(logarithm.reshape(given.shape)))

    def _characteristic(
        self,
        work: ComplexArray,
        heat: ComplexArray,
        particles: ComplexArray,
        entropy: ComplexArray | None = None,
    ) -> ComplexArray:
        self.check_active()
        chunk = max(1, _MOST_NUMBERS >> (self.active_levels + 2))
        parts = [slice(k, k + chunk) for k in range(0, work.size, chunk)]
        found = [
            self._logarithms(
                work[part], heat[part], particles[part], None if entropy is None else entropy[part]
            )
            for part in parts
        ]
        return np.concatenate([*found, np.empty(0, dtype=np.complex128)])

    def _logarithms(
        self,
        work: ComplexArray,
        heat: ComplexArray,
        particles: ComplexArray,
        entropy: ComplexArray | None,
    ) -> ComplexArray:
        """Follow the logarithms of all weights: no tilt can overflow them."""
        systems, count = self.lifts.shape[1], work.size
        state = np.zeros((*(2,) * systems, count), dtype=np.complex128)
        power = np.ones(count) if entropy is None else 1 + 1j * entropy
        for s in range(systems):
            state = state + _along(state.ndim, s, *_powers(self.initial[s], power))
        done = 0
        for step in self._plan:
            lift = self.lifts[done : step.crossing + 1].sum(axis=0)
            state = state + _lifted(1j * work, lift, state.ndim)
            received = 1j * (heat * self.excess_energies[step.crossing] + particles)
            state = self._cross(state, step, received)
            done = step.crossing + 1
        state = state + _lifted(1j * work, self.lifts[done:].sum(axis=0), state.ndim)
        if entropy is not None:
            for s in range(systems):
                state = state + _along(state.ndim, s, *_powers(self.final[s], -1j * entropy))
        flat = state.reshape(-1, count)
        return _log_sum(flat)

    def _cross(
        self, state: npt.NDArray[Any], step: _Step, received: ComplexArray | None = None
    ) -> npt.NDArray[Any]:
        k, systems = step.crossing, self.lifts.shape[1]
        a, b = int(self.system_levels[k]), systems + step.place(int(self.reservoir_levels[k]))
        if step.enters:
            level = self.reservoir[int(self.reservoir_levels[k])]
            empty, full = log_expit(-level.log_odds), log_expit(level.log_odds)
            state = np.stack([state + empty, state + full], axis=b)
        with np.errstate(divide="ignore"):
            keep, swap = (
                np.log(self.diabatic_probabilities[k]),
                np.log(self.adiabatic_probabilities[k]),
            )
        swapped = np.swapaxes(state, a, b) + swap
        if received is not None:
            swapped = swapped + _along(state.ndim, a, 0 * received, received)
            swapped = swapped - _along(state.ndim, b, 0 * received, received)
        state = _log_add(state + keep, swapped)
        if step.leaves:
            state = _log_add(np.take(state, 0, axis=b), np.take(state, 1, axis=b))
        return state

    # ---- values ---------------------------------------------------------------------------------

    def atoms(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the values of the work and their probabilities, or None where there are too many.

        They are found by dynamic programming over the values and the occupations of the active
        levels; values on a lattice, or few of them, are merged as they meet.
        """
        return self._atoms

    @cached_property
    def _atoms(self) -> tuple[FloatArray, FloatArray] | None:
        systems, width = self.lifts.shape[1], self.active_levels
        if width > MOST_ACTIVE:
            return None
        limit = _MOST_NUMBERS >> (width + systems)
        sizes = np.abs(self.lifts).ravel()
        step = common_step(sizes[sizes > 0], limit) if np.any(sizes > 0) else 1.0
        lifts, equal = self.lifts, EQUAL * float(sizes.sum())
        if step is not None:
            lifts, equal = np.round(self.lifts / step), 0.5
        values = np.zeros(1)
        state = np.zeros((*(2,) * systems, 1))
        for s in range(systems):
            odds = self.initial.log_odds[s]
            state = state + _along(state.ndim, s, log_expit(-odds), log_expit(odds))
        done = 0
        for crossing in self._plan:
            lift = lifts[done : crossing.crossing + 1].sum(axis=0)
            values, state = lifted(values, state, lift, equal)
            if values.size > limit:
                return None
            state = self._cross(state, crossing)
            done = crossing.crossing + 1
        values, state = lifted(values, state, lifts[done:].sum(axis=0), equal)
        with np.errstate(divide="ignore"):
            probabilities = np.exp(_log_sum(state.reshape(-1, values.size)))
        reached = probabilities > 0
        return values[reached] * (step or 1.0), probabilities[reached]

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent values of the work (energy).

        Parameters
        ----------
        n : int
            Number of trajectories.
        rng : numpy.random.Generator
            Source of randomness.
        """
        count = integer("n", n, minimum=1, maximum=MOST_SAMPLES)
        generator("rng", rng)
        systems = self.lifts.shape[1]
        chance = np.concatenate([self.initial.occupied, self.reservoir.occupied])
        rows = rng.random((chance.size, count)) < chance[:, None]
        work = self.lifts[0] @ rows[:systems]
        for k, swap in enumerate(self.adiabatic_probabilities):
            exchange(
                rows, int(self.system_levels[k]), systems + int(self.reservoir_levels[k]), swap, rng
            )
            work += self.lifts[k + 1] @ rows[:systems]
        return work


@dataclass(frozen=True)
class _Step:
    """One crossing, and the reservoir levels known while it happens."""

    crossing: int
    waiting: tuple[int, ...]
    enters: bool
    leaves: bool

    def place(self, level: int) -> int:
        """Return the axis of a reservoir level among those that wait."""
        return self.waiting.index(level)


def exchange(
    rows: npt.NDArray[np.bool_], a: int, b: int, swap: float, rng: np.random.Generator
) -> None:
    """Exchange two rows of occupations (levels, n) in place, with probability `swap` in each."""
    differ = (rows[a] != rows[b]) & (rng.random(rows.shape[1]) < swap)
    rows[a] ^= differ
    rows[b] ^= differ


def _powers(filling: Filling, power: npt.NDArray[Any]) -> tuple[ComplexArray, ComplexArray]:
    """Return ``power · ln(1 − p)`` and ``power · ln p``, −∞ where nothing is."""
    nothing = np.full(power.shape, -np.inf, dtype=np.complex128)
    logs = [float(log_expit(sign * filling.log_odds)) for sign in (-1.0, 1.0)]
    empty, full = (nothing if np.isinf(x) else power.astype(np.complex128) * x for x in logs)
    return empty, full


def _along(ndim: int, axis: int, empty: Any, full: Any) -> Any:
    """Return a term (2, …) on one axis of a state, its fields along the last one."""
    term = np.stack(np.broadcast_arrays(np.atleast_1d(empty), np.atleast_1d(full)))
    shape = [1] * ndim
    shape[axis], shape[-1] = 2, term.shape[-1]
    return term.reshape(shape)


def _lifted(fields: ComplexArray, lifts: FloatArray, ndim: int) -> Any:
    """Return ``iu Σ_s Δε_s n_s`` for all occupations of the driven levels."""
    total: Any = np.zeros((1,) * ndim)
    for s, lift in enumerate(lifts):
        total = total + _along(ndim, s, 0 * fields, lift * fields)
    return total


def _log_add(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ``ln(e^a + e^b)`` of real or complex logarithms."""
    if not np.iscomplexobj(one) and not np.iscomplexobj(other):
        return np.asarray(np.logaddexp(one, other))
    top = np.maximum(one.real, other.real)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(one - top) + np.exp(other - top))


def _log_sum(state: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the logarithm of the sum of exponentials over the first axis."""
    top = np.max(state.real, axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(state - top).sum(axis=0))
