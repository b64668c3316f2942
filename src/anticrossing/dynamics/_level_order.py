"""Which level of several sectors is which: their order by energy, and where it is not known.

Levels of different sectors cross. Close to a crossing their order hangs on the last digits of x
and H, and at it there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import TermHamiltonian

TIED = 1e-12  # of the largest level: levels that are nearer are one

_Places = npt.NDArray[np.intp]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Order:
    """Levels at times (lanes, K).

    Attributes
    ----------
    places : array of int, shape (lanes, K, N)
        The coordinate of every level, or the level of every coordinate.
    ties : array of bool, shape (lanes, K)
        Whether some are one.
    unsure : array of bool, shape (lanes, K, N)
        Which of them levels of other sectors may be as well.
    """

    places: _Places
    ties: _Flags
    unsure: _Flags

    @classmethod
    def of(cls, levels: FloatArray, sector: _Places, unknown: FloatArray) -> Order:
        """Return the coordinates of levels (lanes, K, N), each of a `sector` (N,), by energy.

        Within the sectors levels are sorted. Tied ones, which rounding would order, are in order of
        sectors. The energies are known but for `unknown` (lanes, K).
        """
        places = np.argsort(levels, axis=-1, kind="stable")
        apart = np.diff(np.take_along_axis(levels, places, axis=-1), axis=-1)
        told = apart > TIED * np.max(np.abs(levels), axis=-1, keepdims=True, initial=0.0)
        groups = np.zeros(places.shape, dtype=np.intp)
        groups[..., 1:] = np.cumsum(told, axis=-1)
        places = np.sort(groups * sector.size + places, axis=-1) % sector.size
        return cls(places, ~told.all(axis=-1), exchanged(apart, told, sector[places], unknown))

    @property
    def last(self) -> Order:
        """The order at the last time."""
        return Order(self.places[:, -1:], self.ties[:, -1:], self.unsure[:, -1:])

    def doubt(self, probabilities: FloatArray) -> FloatArray:
        """Return what is unknown of probabilities (lanes, K, N, …) of these levels."""
        flags = self.unsure.reshape(*self.unsure.shape, *(1,) * (probabilities.ndim - 3))
        moved = np.where(flags, probabilities, 0.0)
        return np.asarray(moved.reshape(len(moved), -1).max(axis=1, initial=0.0))


def exchanged(apart: FloatArray, told: _Flags, sector: _Places, unknown: FloatArray) -> _Flags:
    """Return which levels in order, each of a `sector` (lanes, K, N), others may be as well.

    Neighbours (lanes, K, N − 1) are `apart` by so much. Of those that are not `told` apart a
    warning tells.
    """
    unsure = told & (apart <= 2 * unknown[..., None])
    found = np.zeros(sector.shape, dtype=np.bool_)
    for place in map(tuple, np.argwhere(unsure.any(axis=-1))):
        edges = np.flatnonzero(told[place] & ~unsure[place]) + 1
        for group in np.split(np.arange(sector.shape[-1]), edges):
            several = np.ptp(sector[place][group]) > 0
            found[(*place, group)] = several and unsure[place][group[:-1]].any()
    return found


def unknown_energy(blocks: Sequence[Lanes], times: FloatArray) -> FloatArray:
    """Return a bound on what last digits do to the levels of blocks of H at times (lanes, K)."""
    _, factors, digits = blocks[0].factors_and_digits(times, np.arange(times.shape[0]))
    found = np.zeros(times.shape)
    for lanes in blocks:
        hamiltonian = lanes.hamiltonian
        assert isinstance(hamiltonian, TermHamiltonian)
        rows = np.abs(hamiltonian.traceless_matrices()).sum(axis=-1).max(axis=-1)
        own = digits @ (rows + np.abs(hamiltonian.offsets()))
        if lanes.lost is not None:
            own = own + np.abs(factors) @ lanes.lost * hamiltonian.dimension
        found = np.maximum(found, hamiltonian.units.angular * own)
    return found
