"""The order in which levels on piecewise linear paths cross reservoir levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, increasing, real_array
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CrossingEvents(Result):
    """Crossings in the order of time, one an entry.

    Attributes
    ----------
    times : array, shape (K,)
        When they happen.
    system_levels, reservoir_levels : array of int, shape (K,)
        Which two levels cross.
    speeds : array, shape (K,)
        ``|dε/dt|`` of the system level (energy / time).
    """

    times: FloatArray
    system_levels: IntArray
    reservoir_levels: IntArray
    speeds: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time of the crossing"),
        "system_level": shown("time", text="level of the system"),
        "reservoir_level": shown("time", text="level of the reservoir"),
        "speed": shown("time", text="speed of the system level"),
    }

    @property
    def waits(self) -> FloatArray:
        """Time from each crossing to the nearest other one of either of its levels, shape (K,)."""
        found = np.full(self.times.shape, np.inf)
        for levels in (self.system_levels, self.reservoir_levels):
            for level in np.unique(levels):
                own = np.flatnonzero(levels == level)
                gaps = np.diff(self.times[own])
                found[own[1:]] = np.minimum(found[own[1:]], gaps)
                found[own[:-1]] = np.minimum(found[own[:-1]], gaps)
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw which reservoir level is met when, one row for each level."""
        ax = new_axes() if ax is None else ax
        ax.scatter(self.times, self.reservoir_levels, c=self.system_levels)
        ax.set(xlabel="time", ylabel="reservoir level")
        return ax


def crossing_sequence(
    *, times: npt.ArrayLike, system_energies: npt.ArrayLike, reservoir_energies: npt.ArrayLike
) -> CrossingEvents:
    """Find all crossings of piecewise linear system levels with fixed reservoir levels.

    A level that only touches a reservoir level, or that starts or ends on it, does not cross it.

    Parameters
    ----------
    times : array_like, shape (n,)
        Increasing times of the corners.
    system_energies : array_like, shape (S, n)
        Energies of the S system levels at the corners; they must not meet each other.
    reservoir_energies : array_like, shape (M,)
        Energies of the reservoir levels, all different, in any order.

    Returns
    -------
    CrossingEvents

    Raises
    ------
    InputError
        If times do not increase, shapes do not fit, system levels meet, or reservoir levels are
        equal.

    Examples
    --------
    >>> events = crossing_sequence(
    ...     times=[0.0, 4.0, 8.0], system_energies=[[0.0, 2.0, 0.0]], reservoir_energies=[1.5, 1.0]
    ... )
    >>> events.times, events.reservoir_levels, events.speeds
    (array([2., 3., 5., 6.]), array([1, 0, 0, 1]), array([0.5, 0.5, 0.5, 0.5]))
    """
    corners = increasing("times", times)
    systems = real_array("system_energies", system_energies)
    if systems.ndim != 2 or systems.shape[0] == 0 or systems.shape[1] != corners.size:
        raise fail(
            "system_energies", f"have shape (S, {corners.size})", f"its shape is {systems.shape}"
        )
    ordered = systems[np.argsort(systems[:, 0])]
    if np.any(np.diff(ordered, axis=0) <= 0):
        raise fail("system_energies", "hold levels that never meet each other", "two of them do")
    levels = real_array("reservoir_energies", reservoir_energies, ndim=1)
    if np.unique(levels).size < levels.size:
        raise fail("reservoir_energies", "be different", "two of them are equal")

    slopes = np.diff(systems, axis=1) / np.diff(corners)
    sides = _sides(systems[:, None, :] - levels[:, None])
    system, reservoir, piece = np.nonzero(sides[..., 1:] != sides[..., :-1])
    slope = slopes[system, piece]
    when = corners[piece] + (levels[reservoir] - systems[system, piece]) / slope
    order = np.argsort(when, kind="stable")
    return CrossingEvents(
        when[order], system[order], reservoir[order], np.asarray(np.abs(slope[order]))
    )


def _sides(distances: FloatArray) -> FloatArray:
    """Return the side of each corner, ±1; one on the level counts to the side it came from."""
    sides = np.sign(distances)
    place = np.where(sides != 0, np.arange(sides.shape[-1]), -1)
    latest = np.maximum.accumulate(place, axis=-1)
    first = np.argmax(sides != 0, axis=-1)[..., None]
    return np.take_along_axis(sides, np.where(latest < 0, first, latest), axis=-1)
