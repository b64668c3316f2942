"""Single trajectories of levels that cross in sequence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from anticrossing._core.checks import FloatArray, fail, integer
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import MOST_SAMPLES, generator
from anticrossing.thermodynamics.dissipation import Filling
from anticrossing.thermodynamics.sequential_ledger import SequentialLedger, filled
from anticrossing.thermodynamics.sequential_statistics import exchange
from anticrossing.thermodynamics.trajectories import MOST_PATHS, BoolArray, Weighted

_MOST_NUMBERS = 1 << 30  # occupations kept


@record
class SequentialTrajectories(Weighted):
    """Trajectories of levels that cross in sequence, from `SequentialCrossings.trajectories`.

    At a crossing the two levels exchange their occupations with probability 1 − R. Shapes and
    signs are those of `SequentialLedger`, whose entries are the averages of the arrays here. With
    the occupations ``p_s`` of the ensemble and a reservoir that begins in equilibrium::

        Σ = Σ_s ln [p_s(n_s, start) / p_s(n_s, end)] − Q/T,      ⟨exp(−Σ)⟩ = 1

    ``Σ`` is ``ln P/P̃`` of trajectory and reversed one, which begins with independent driven levels
    of the final occupations and a reservoir in equilibrium.

    Attributes
    ----------
    ledger : SequentialLedger
        The ensemble.
    occupations : array of bool, shape (n, K+1, S)
        Of the driven levels before the first and after each crossing.
    reservoir_occupations : array of bool, shape (n, K+1, M)
    weights : array, shape (n,)
        Equal for trajectories that were drawn, their probabilities if they are all.
    diabatic_probabilities, adiabatic_probabilities : array, shape (K,)
    """

    ledger: SequentialLedger
    occupations: BoolArray
    reservoir_occupations: BoolArray
    weights: FloatArray
    diabatic_probabilities: FloatArray
    adiabatic_probabilities: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "weight": shown("trajectory", text="weight in averages"),
        "occupation": shown("trajectory", "moment", "level", text="whether occupied"),
        "mechanical_work": shown("trajectory", "moment", "level", text="mechanical work"),
        "chemical_work": shown("trajectory", "crossing", text="chemical work"),
        "heat": shown("trajectory", "crossing", text="heat from the reservoir"),
        "entropy_production": shown(
            "trajectory", "moment", text="entropy produced since the start"
        ),
        "log_probability": shown("trajectory", text="logarithm of its probability"),
        "integral_ratio": shown(text="⟨exp(−Σ)⟩"),
    }

    @property
    def temperature(self) -> float:  # type: ignore[override]
        """Temperature of the reservoir."""
        return self.ledger.temperature

    @property
    def received(self) -> npt.NDArray[np.int64]:
        """Particles that the driven levels receive at each crossing, shape (n, K)."""
        return np.diff(self.occupations.sum(axis=-1), axis=1)

    @property
    def mechanical_work(self) -> FloatArray:
        """Work done on each driven level before, between, after crossings; (n, K+1, S)."""
        return np.diff(self.ledger.positions, axis=0) * self.occupations

    @property
    def heat(self) -> FloatArray:
        """``q = (ε − μ) Δn`` into the driven levels at each crossing, shape (n, K)."""
        ledger = self.ledger
        levels = ledger.reservoir_energies[ledger.events.reservoir_levels]
        return np.asarray((levels - ledger.chemical_potential) * self.received, dtype=np.float64)

    @property
    def chemical_work(self) -> FloatArray:
        """``μ Δn`` at each crossing, shape (n, K)."""
        return np.asarray(self.ledger.chemical_potential * self.received, dtype=np.float64)

    @property
    def entropy_production(self) -> FloatArray:
        """``Σ`` since the start after each crossing, of either sign; shape (n, K+1)."""
        surprise = self._surprise
        flow = self.beta * np.cumsum(self.heat, axis=1)
        flow = np.concatenate((np.zeros((flow.shape[0], 1)), flow), axis=1)
        return surprise - surprise[:, :1] - flow

    @property
    def total_entropy_production(self) -> FloatArray:
        """``Σ`` of every trajectory as a whole, shape (n,)."""
        return self.entropy_production[:, -1]

    @property
    def log_probabilities(self) -> FloatArray:
        """``ln P`` of the trajectories, shape (n,)."""
        first = self._surprise[:, 0]
        return self._exchanges - first - self._reservoir_surprise(0)

    @property
    def log_reversed_probabilities(self) -> FloatArray:
        """``ln P̃`` of the reversed trajectories, shape (n,).

        They begin with independent driven levels of the final occupations, and with the reservoir
        as it was at the start.
        """
        return self._exchanges - self._surprise[:, -1] - self._reservoir_surprise(-1)

    @cached_property
    def _surprise(self) -> FloatArray:
        """``−Σ_s ln p_s(n_s)`` of the driven levels after each crossing, (n, K+1)."""
        ledger = self.ledger
        return _surprise(
            filled(ledger.system_occupations, ledger.system_vacancies), self.occupations
        )

    def _reservoir_surprise(self, moment: int) -> FloatArray:
        """Return the same of the reservoir's occupations at a moment, by their law at the start."""
        ledger = self.ledger
        law = filled(ledger.reservoir_occupations[0], ledger.reservoir_vacancies[0])
        return _surprise(law, self.reservoir_occupations[:, moment])

    @property
    def _exchanges(self) -> FloatArray:
        """Logarithm of the probability of what happens at the crossings, either way round."""
        events = self.ledger.events
        crossing = np.arange(events.times.size)
        system = self.occupations[:, crossing, events.system_levels]
        level = self.reservoir_occupations[:, crossing, events.reservoir_levels]
        after = self.occupations[:, crossing + 1, events.system_levels]
        with np.errstate(divide="ignore"):
            keep, swap = np.log(self.diabatic_probabilities), np.log(self.adiabatic_probabilities)
        steps = np.where(system == level, 0.0, np.where(after == system, keep, swap))
        return np.asarray(steps.sum(axis=1))


def _surprise(law: Filling, occupied: BoolArray) -> FloatArray:
    """Return ``−ln p`` of independent occupations, summed over the levels."""
    odds = law.log_odds
    return np.asarray(-log_expit(np.where(occupied, odds, -odds)).sum(axis=-1))


def draw_trajectories(
    ledger: SequentialLedger, keep: FloatArray, swap: FloatArray, n: int, rng: np.random.Generator
) -> SequentialTrajectories:
    """Draw independent trajectories."""
    events = ledger.events
    systems = ledger.system_occupations.shape[-1]
    chance = np.concatenate([ledger.system_occupations[0], ledger.reservoir_occupations[0]])
    rows = (events.times.size + 1) * chance.size
    most = min(MOST_SAMPLES, _MOST_NUMBERS // rows)
    count = integer("n", n, minimum=1, maximum=most)
    generator("rng", rng)
    history = np.empty((events.times.size + 1, chance.size, count), dtype=bool)
    history[0] = rng.random((chance.size, count)) < chance[:, None]
    pairs = zip(events.system_levels, systems + events.reservoir_levels, strict=True)
    for k, (a, b) in enumerate(pairs):
        history[k + 1] = history[k]
        exchange(history[k + 1], int(a), int(b), float(swap[k]), rng)
    return _collected(ledger, history, np.full(count, 1 / count), keep, swap)


def every_history(
    ledger: SequentialLedger, keep: FloatArray, swap: FloatArray
) -> SequentialTrajectories:
    """Follow all trajectories that are possible."""
    events = ledger.events
    systems = ledger.system_occupations.shape[-1]
    chance = np.concatenate([ledger.system_occupations[0], ledger.reservoir_occupations[0]])
    _check_paths(1 << min(chance.size, 62))
    numbers = np.arange(1 << chance.size)
    states = ((numbers[:, None] >> np.arange(chance.size)) & 1).astype(bool)
    vacant = np.concatenate([ledger.system_vacancies[0], ledger.reservoir_vacancies[0]])
    weights = np.prod(np.where(states, chance, vacant), axis=1)
    states, weights = states[weights > 0], weights[weights > 0]
    history = states[None]
    pairs = zip(events.system_levels, systems + events.reservoir_levels, strict=True)
    for k, (a, b) in enumerate(pairs):
        now = history[-1]
        differ = now[:, a] != now[:, b]
        stays, turns = weights * np.where(differ, keep[k], 1.0), weights * swap[k] * differ
        turned = now.copy()
        turned[:, [a, b]] = now[:, [b, a]]
        new, same = turns > 0, stays > 0
        _check_paths(int(new.sum() + same.sum()))
        history = np.concatenate([history[:, same], history[:, new]], axis=1)
        history = np.concatenate([history, np.concatenate([now[same], turned[new]])[None]])
        weights = np.concatenate([stays[same], turns[new]])
    return _collected(ledger, history.transpose(0, 2, 1), weights, keep, swap)


def _check_paths(count: int) -> None:
    if count > MOST_PATHS:
        raise fail(
            "crossings",
            f"have at most {MOST_PATHS} trajectories to follow every one",
            "there are more: draw some with `trajectories`",
        )


def _collected(
    ledger: SequentialLedger,
    history: BoolArray,
    weights: FloatArray,
    keep: FloatArray,
    swap: FloatArray,
) -> SequentialTrajectories:
    """Collect occupations (moment, level, trajectory)."""
    systems = ledger.system_occupations.shape[-1]
    return SequentialTrajectories(
        ledger,
        history[:, :systems].transpose(2, 0, 1),
        history[:, systems:].transpose(2, 0, 1),
        weights,
        keep,
        swap,
    )
