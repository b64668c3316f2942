"""Single trajectories of a Markov chain: jumps, heat, work and entropy production of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown


@dataclass(frozen=True, eq=False)
class MarkovTrajectories(Result):
    """What `MarkovChain.trajectories` returns: n trajectories, one a row.

    The entropy that a trajectory produces in step i, in which it goes from m′ to m, is::

        σ(i) = ln p_m′(i) − ln p_m(i+1) + ln M^ν_mm′(i)/M^ν_m′m(i)

    without the last term if it stays. Its mean is (A13) of the ledger, and ``⟨exp(−σ)⟩ = 1`` for
    one step as for all, if no state is empty at the start.

    Attributes
    ----------
    states : array of int, shape (n, steps + 1)
        The state before each step, and after the last.
    reservoirs : array of int, shape (n, steps)
        The reservoir that made the jump, −1 where the system stayed.
    heat, particle_current, energy_current, entropy_flow : array, shape (n, steps, R)
        What enters from each reservoir.
    mechanical_work, chemical_work, entropy_production : array, shape (n, steps)
        Work done on the system, and σ.
    energies : array, shape (steps + 1, M)
        Of the chain.
    reservoir_names : tuple of str

    References
    ----------
    U. Seifert, Phys. Rev. Lett. 95, 040602 (2005); F. Barra, M. Esposito, Phys. Rev. E 93, 062118
    (2016), appendix.
    """

    states: npt.NDArray[np.int64]
    reservoirs: npt.NDArray[np.int64]
    energies: FloatArray
    particle_numbers: FloatArray
    chemical_potentials: FloatArray
    log_probabilities: FloatArray
    log_ratios: FloatArray
    reservoir_names: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "state": shown("trajectory", "moment", text="state"),
        "jump": shown("trajectory", "step", text="reservoir of the jump, or −1", of="reservoirs"),
        "mechanical_work": shown("trajectory", "step", text="mechanical work"),
        "chemical_work": shown("trajectory", "step", text="chemical work"),
        "entropy_production": shown("trajectory", "step", text="entropy production"),
        "reservoir": shown("reservoir", text="name", unit="", of="reservoir_names"),
        "energy_current": shown(
            "trajectory", "step", "reservoir", text="energy from the reservoir"
        ),
        "particle_current": shown(
            "trajectory", "step", "reservoir", text="particles from the reservoir"
        ),
        "heat": shown("trajectory", "step", "reservoir", text="heat from the reservoir"),
        "entropy_flow": shown("trajectory", "step", "reservoir", text="entropy from the reservoir"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the histogram of the entropy production of whole trajectories."""
        ax = new_axes() if ax is None else ax
        ax.hist(self.entropy_production.sum(axis=-1), bins="auto")
        ax.set(xlabel="entropy production", ylabel="number of trajectories")
        return ax

    @property
    def energy_current(self) -> FloatArray:
        """``e_m(i) − e_m′(i)`` to the reservoir of the jump, shape (n, steps, R)."""
        steps = np.arange(self.reservoirs.shape[1])
        energies = self.energies
        gap = energies[steps, self.states[:, 1:]] - energies[steps, self.states[:, :-1]]
        return self._by_reservoir(gap)

    @property
    def particle_current(self) -> FloatArray:
        """``n_m − n_m′`` to the reservoir of the jump, shape (n, steps, R)."""
        return self._by_reservoir(np.diff(self.particle_numbers[self.states], axis=1))

    @property
    def heat(self) -> FloatArray:
        """Energy less μ times particles, shape (n, steps, R)."""
        return self.energy_current - self.chemical_potentials * self.particle_current

    @property
    def mechanical_work(self) -> FloatArray:
        """``e_m(i+1) − e_m(i)`` of the state m after the jump, shape (n, steps)."""
        lifts = np.diff(self.energies, axis=0)
        return np.asarray(lifts[np.arange(lifts.shape[0]), self.states[:, 1:]])

    @property
    def chemical_work(self) -> FloatArray:
        """``Σ_ν μ_ν`` times particles, shape (n, steps)."""
        return np.asarray(np.sum(self.chemical_potentials * self.particle_current, axis=-1))

    @property
    def entropy_flow(self) -> FloatArray:
        """``−ln M^ν_mm′/M^ν_m′m`` of the jumps, shape (n, steps, R)."""
        steps = np.arange(self.reservoirs.shape[1])
        before, after = self.states[:, :-1], self.states[:, 1:]
        return self._by_reservoir(-self.log_ratios[steps, self.reservoirs, after, before])

    @property
    def entropy_production(self) -> FloatArray:
        """``σ``, shape (n, steps)."""
        moments = np.arange(self.states.shape[1])
        surprise = -self.log_probabilities[moments, self.states]
        return np.asarray(np.diff(surprise, axis=1) - self.entropy_flow.sum(axis=-1))

    def _by_reservoir(self, values: FloatArray) -> FloatArray:
        """Return values of the jumps in the column of their reservoir, zero elsewhere."""
        columns = self.reservoirs[..., None] == np.arange(len(self.reservoir_names))
        return np.where(columns, values[..., None], 0.0)


def draw_trajectories(
    count: int, rng: np.random.Generator, initial: FloatArray, jumps: FloatArray, stay: FloatArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return states (count, steps + 1) and reservoirs of the jumps (count, steps)."""
    steps, reservoirs, size = jumps.shape[:3]
    # One row a step, which is contiguous in memory.
    states = np.empty((steps + 1, count), dtype=np.int64)
    causes = np.empty((steps, count), dtype=np.int64)
    states[0] = _pick(initial[None, :], np.zeros(count, dtype=np.int64), rng)
    # What every state can do: jump by a reservoir to a state, or stay.
    everyone = np.arange(size)
    finals = np.tile(np.append(np.tile(everyone, reservoirs), 0), (size, 1))
    finals[:, -1] = everyone
    names = np.tile(np.append(np.repeat(np.arange(reservoirs), size), -1), size)
    for step in range(steps):
        chances = np.concatenate([jumps[step].reshape(-1, size), stay[step][None, :]]).T
        choice = _pick(chances, states[step], rng)
        np.take(names, choice, out=causes[step])
        np.take(finals.ravel(), choice, out=states[step + 1])
    return states.T, causes.T


def _pick(
    weights: FloatArray, rows: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return for every row index an index into `weights`, flat; one of weight zero never is."""
    shares = np.cumsum(weights, axis=1)
    shares /= shares[:, -1:]  # one from the last positive weight on
    # Row r holds the numbers from r to r + 1, so that one search serves all rows.
    floor = np.arange(weights.shape[0], dtype=np.float64)
    drawn = rng.random(rows.size)
    drawn += rows
    np.minimum(drawn, np.nextafter(floor + 1, 0.0)[rows], out=drawn)
    return np.searchsorted((shares + floor[:, None]).ravel(), drawn, side="right")
