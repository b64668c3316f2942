"""Single trajectories of a Landau-Zener chain: what each of them costs, takes and produces."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from anticrossing._core.checks import FloatArray, fail, real_array
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import Thermal, exponential
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.chain_work import ChainWorkStatistics

BoolArray = npt.NDArray[np.bool_]
MOST_PATHS = 1 << 20  # a few arrays with a row for each take some hundred megabytes


class Weighted(Thermal, Result):
    """Base of trajectories, drawn or all of them, each with its weight in averages."""

    weights: FloatArray

    @property
    def total_entropy_production(self) -> FloatArray:
        """``Σ`` of every trajectory as a whole, shape (n,)."""
        raise NotImplementedError

    @property
    def integral_ratio(self) -> float:
        """``⟨exp(−Σ)⟩``: one by the integral fluctuation theorem.

        All trajectories together give it to rounding, drawn ones within their scatter. It is below
        one where the level begins certainly full or empty: some reversed trajectories then end
        where none begins.
        """
        return float(self.weights @ exponential(-self.total_entropy_production).real)

    def average(self, values: npt.ArrayLike) -> FloatArray:
        """Return the mean of an array (n, ...) over the trajectories, with their weights."""
        given = real_array("values", values)
        if given.ndim == 0 or given.shape[0] != self.weights.size:
            raise fail(
                "values", f"have {self.weights.size} rows", f"its shape is {np.shape(values)}"
            )
        return np.tensordot(self.weights, given, axes=1)

    def plot(self, ax: Any = None) -> Any:
        """Draw the histogram of the entropy production of single trajectories."""
        ax = new_axes() if ax is None else ax
        bins = min(60, max(10, int(np.sqrt(self.weights.size))))
        ax.hist(self.total_entropy_production, bins=bins, weights=self.weights)
        ax.axvline(0.0, color="black", linewidth=0.8)
        ax.set(xlabel="entropy production Σ", ylabel="probability")
        return ax


@record
class ChainTrajectories(Weighted):
    """Trajectories of a Landau-Zener chain, from `LandauZenerChain.trajectories`.

    A trajectory is the occupations ``n_0 … n_L = 0 or 1`` of the level on its lifts; points, steps
    and signs are those of `ChainLedger`, whose entries are the averages of the arrays here. With
    ``p_k`` the occupations of the ensemble::

        Σ = ln [p_1(n_0) / p_{L+1}(n_L)] − Q/T = ln P[n] / P̃[reversed n],    ⟨exp(−Σ)⟩ = 1

    where P̃ belongs to the backward chain that begins with the final occupation of the ensemble.

    Attributes
    ----------
    ledger : ChainLedger
        The ensemble.
    occupations : array of bool, shape (n, L+1)
    weights : array, shape (n,)
        Equal for trajectories that were drawn, their probabilities if they are all.

    References
    ----------
    U. Seifert, Phys. Rev. Lett. 95, 040602 (2005), equations (9), (15); F. Barra, M. Esposito,
    Phys. Rev. E 93, 062118 (2016).

    Examples
    --------
    >>> from anticrossing.thermodynamics.chain import LandauZenerChain
    >>> chain = LandauZenerChain(
    ...     energies=[1.0, 2.0], couplings=0.2, speeds=1.0, start=0.5, stop=2.5,
    ...     temperature=1 / 1.2, chemical_potential=3.0,
    ... )
    >>> every = chain.every_trajectory(0.5)
    >>> every.occupations.shape, round(every.integral_ratio, 12)
    ((8, 3), 1.0)
    >>> every.average(every.entropy_production).round(6)  # that of the ledger
    array([0.      , 0.205057, 0.029054])
    """

    ledger: ChainLedger
    occupations: BoolArray
    weights: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "weight": shown("trajectory", text="weight in averages"),
        "occupation": shown("trajectory", "step", text="whether occupied"),
        "mechanical_work": shown("trajectory", "step", text="mechanical work"),
        "chemical_work": shown("trajectory", "step", text="chemical work"),
        "heat": shown("trajectory", "step", text="heat from the reservoir"),
        "entropy_change": shown("trajectory", "step", text="change of ln 1/p"),
        "entropy_production": shown("trajectory", "step", text="entropy production"),
        "log_probability": shown("trajectory", text="logarithm of its probability"),
        "integral_ratio": shown(text="⟨exp(−Σ)⟩"),
    }

    @property
    def temperature(self) -> float:  # type: ignore[override]
        """Temperature of the reservoir."""
        return self.ledger.temperature

    @property
    def received(self) -> npt.NDArray[np.int64]:
        """Particles that enter the level in the steps: −1, 0 or 1; shape (n, L+1)."""
        numbers = self.occupations.astype(np.int64)
        return np.diff(numbers, axis=1, prepend=numbers[:, :1])

    @property
    def mechanical_work(self) -> FloatArray:
        """``(ε_{i+1} − ε_i) n_{i+1}`` of the steps, shape (n, L+1)."""
        return np.diff(self.ledger.positions) * self.occupations

    @property
    def chemical_work(self) -> FloatArray:
        """``μ (n_{i+1} − n_i)`` of the steps, shape (n, L+1)."""
        return np.asarray(self.ledger.chemical_potential * self.received, dtype=np.float64)

    @property
    def heat(self) -> FloatArray:
        """``q = (ε_i − μ)(n_{i+1} − n_i)`` into the level, shape (n, L+1)."""
        return (self.ledger.positions[:-1] - self.ledger.chemical_potential) * self.received

    @property
    def energy_change(self) -> FloatArray:
        """``ε_{i+1} n_{i+1} − ε_i n_i`` of the steps, shape (n, L+1)."""
        points = np.concatenate((self.occupations[:, :1], self.occupations), axis=1)
        return np.diff(self.ledger.positions * points, axis=1)

    @property
    def entropy_change(self) -> FloatArray:
        """``ln p_i(n_i) − ln p_{i+1}(n_{i+1})`` of the steps, shape (n, L+1)."""
        surprise = self._surprise
        return np.diff(surprise, axis=1, prepend=surprise[:, :1])

    @property
    def entropy_flow(self) -> FloatArray:
        """``ln((1−f_i)/f_i) (n_{i+1} − n_i)``, q/T for Fermi occupations; shape (n, L+1)."""
        odds = np.concatenate(([0.0], -self.ledger.reservoir.log_odds))
        received = self.received
        return np.where(received == 0, 0.0, odds) * received

    @property
    def entropy_production(self) -> FloatArray:
        """``σ_i = entropy_change − entropy_flow`` of the steps, of either sign; (n, L+1)."""
        return self.entropy_change - self.entropy_flow

    @property
    def dissipated_work(self) -> FloatArray:
        """``w − ΔΩ^eq`` of the steps, shape (n, L+1)."""
        return self.mechanical_work - np.diff(self.ledger.equilibrium_grand_potential)

    @property
    def total_entropy_production(self) -> FloatArray:
        """``Σ`` of every trajectory, shape (n,)."""
        surprise = self._surprise
        return surprise[:, -1] - surprise[:, 0] - self.entropy_flow.sum(axis=1)

    @property
    def log_probabilities(self) -> FloatArray:
        """``ln P[n]`` of the trajectories, shape (n,)."""
        return self._path(self.occupations[:, :-1], self.occupations[:, 1:], 0)

    @property
    def log_reversed_probabilities(self) -> FloatArray:
        """``ln P̃`` of the reversed trajectories in the backward chain, shape (n,).

        The backward chain begins with the final occupation of the ensemble; beginning with the
        equilibrium at the end instead, the difference to ``ln P[n]`` is ``β(w − ΔΩ)`` for an
        ensemble that begins in equilibrium.
        """
        return self._path(self.occupations[:, 1:], self.occupations[:, :-1], -1)

    @cached_property
    def _surprise(self) -> FloatArray:
        """``−ln p_k(n_k)`` on the steps."""
        odds = self.ledger.filling.log_odds
        return -log_expit(np.where(self.occupations, odds, -odds))

    @cached_property
    def _log_transitions(self) -> FloatArray:
        ledger = self.ledger
        return ChainWorkStatistics.of(
            positions=ledger.positions,
            chemical_potential=ledger.chemical_potential,
            initial=ledger.filling[..., 0],
            reservoir=ledger.reservoir,
            keep=ledger.diabatic_probabilities,
            swap=ledger.adiabatic_probabilities,
        ).log_transitions

    def _path(self, before: BoolArray, after: BoolArray, begin: int) -> FloatArray:
        """Return the logarithm of the probability of steps, from the beginning at one end."""
        crossing = np.arange(before.shape[1])
        steps = self._log_transitions[crossing, after.astype(int), before.astype(int)]
        return np.asarray(steps.sum(axis=1) - self._surprise[:, begin])


def every_path(
    log_initial: FloatArray, log_transitions: FloatArray
) -> tuple[BoolArray, FloatArray]:
    """Return all occupation histories of positive probability, and their probabilities."""
    crossings = log_transitions.shape[0]
    if 2 << crossings > MOST_PATHS:
        raise fail(
            "chain",
            f"have at most {MOST_PATHS.bit_length() - 2} crossings to follow every trajectory",
            f"it has {crossings}: draw some with `trajectories`",
        )
    numbers = np.arange(2 << crossings)
    occupied = (numbers[:, None] >> np.arange(crossings, -1, -1)) & 1
    logs = log_initial[occupied[:, 0]]
    for k in range(crossings):
        logs = logs + log_transitions[k, occupied[:, k + 1], occupied[:, k]]
    weights = np.exp(logs)
    return occupied[weights > 0].astype(bool), weights[weights > 0]
