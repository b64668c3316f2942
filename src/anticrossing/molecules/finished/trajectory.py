"""A finished trajectory: times, energies of its states, and which of them it was on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    increasing,
    is_numeric,
    of_shape,
    real_array,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.units import Units

ATOMIC = Units("hartree", "atomic", "ħ/hartree")
_FEWEST = 5
_ALIKE = 1e-9  # hartree: components of a multiplet
_LETTERS = "SDTQ"  # of the multiplicities 1 to 4
_NAME = re.compile(rf"([{_LETTERS}]|M\d+_)(\d+)", re.ASCII)


@dataclass(frozen=True, eq=False)
class FinishedTrajectory(Result):
    """The energies of m states along a trajectory that is finished.

    Attributes
    ----------
    times : array, shape (k,)
        Ascending, at least five (ħ/hartree).
    energies : array, shape (k, m)
        In any order (hartree).
    active : array of int, shape (k,), optional
        The column of `energies` of the state it was on.
    kinetic : array, shape (k,), optional
        Kinetic energy of the nuclei (hartree).
    name : str
    warnings : tuple of str
    states : tuple of str, shape (m,), optional
        What the columns of `energies` are called: ``S0``, ``T1``; D and Q for doublets and
        quartets, ``M5_1`` for what is beyond. Levels of one multiplicity avoid each other; levels
        of two cross.

    Raises
    ------
    InputError
        If shapes do not fit, times do not ascend, or a number cannot be what it stands for.
    """

    times: FloatArray
    energies: FloatArray
    active: npt.NDArray[np.intp] | None = None
    kinetic: FloatArray | None = None
    name: str = "trajectory"
    warnings: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time", unit="ħ/hartree", of="times"),
        "energy": shown("time", "state", text="energies of the states", unit="hartree",
                        of="energies"),
        "active": shown("time", text="the state it is on", of="active"),
        "kinetic": shown("time", text="kinetic energy", unit="hartree", of="kinetic"),
    }  # fmt: skip

    def __post_init__(self) -> None:
        times = increasing("times", self.times, _FEWEST)
        energies = real_array("energies", self.energies, ndim=2)
        k = times.size
        if len(energies) != k or not energies.shape[1]:
            raise fail("energies", f"have shape ({k}, m)", f"its shape is {energies.shape}")
        checked: dict[str, Any] = {"times": times, "energies": energies}
        if self.active is not None:
            raw = np.asarray(self.active)
            if not is_numeric(raw) or not np.array_equal(raw, np.round(raw.real)):
                raise fail("active", "hold numbers of states", f"it is {describe(self.active)}")
            if np.any((raw.real < 0) | (raw.real >= energies.shape[1])):
                must = f"count the columns of energies, from 0 to {energies.shape[1] - 1}"
                raise fail("active", must, f"it goes from {raw.min():g} to {raw.max():g}")
            active = of_shape("active", raw.real.astype(np.intp), (k,))
            checked["active"] = active
        if self.kinetic is not None:
            kinetic = of_shape("kinetic", real_array("kinetic", self.kinetic), (k,))
            if np.any(kinetic < 0):
                raise fail("kinetic", "not be negative", f"one is {kinetic.min():g}")
            checked["kinetic"] = kinetic
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise fail("name", "be text", f"it is {describe(self.name)}")
        checked["states"] = _named(self.states, energies.shape[1])
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def multiplicities(self) -> npt.NDArray[np.intp]:
        """2S + 1 of every column of `energies`; 0 where no names tell."""
        found = [multiplicity(name) for name in self.states]
        return np.array(found or [0] * self.energies.shape[1], dtype=np.intp)

    @property
    def level_names(self) -> tuple[str, ...]:
        """The levels: one multiplicity after the other, by energy in each; 0 is the lowest."""
        if not self.states:
            return tuple(map(str, range(self.energies.shape[1])))
        return tuple(sorted(self.states, key=place))

    @property
    def level_order(self) -> npt.NDArray[np.intp]:
        """Which column of `energies` each level is, at every time, shape (k, m)."""
        apart = np.broadcast_to(self.multiplicities, self.energies.shape)
        return np.asarray(np.lexsort((self.energies, apart)))

    @property
    def active_level(self) -> npt.NDArray[np.intp] | None:
        """The level that the active state is; None if it is not known."""
        if self.active is None:
            return None
        return np.asarray(np.argmax(self.level_order == self.active[:, None], axis=1))

    def plot(self, ax: Any = None) -> Any:
        """Draw the energies over time, and the active one thick.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = new_axes() if ax is None else ax
        axes.plot(self.times, self.energies, lw=1)
        if self.active is not None:
            on = np.take_along_axis(self.energies, self.active[:, None], axis=1)
            axes.plot(self.times, on, "k", lw=2, label="active")
            axes.legend()
        axes.set_xlabel(ATOMIC.label("time", "coordinate"))
        axes.set_ylabel(ATOMIC.label("energy", "energy"))
        return axes

    def notes(self) -> tuple[str, ...]:
        """Return what was assumed."""
        return self.warnings


def multiplicity(name: str) -> int:
    """Return 2S + 1 of a state called `name`, 0 if the name does not tell."""
    return place(name)[0] if _NAME.fullmatch(name) else 0


def numbered(
    multiplicities: npt.ArrayLike, numbers: npt.ArrayLike | None = None
) -> tuple[str, ...]:
    """Return names of states; without numbers counted, singlets from S0 and others from T1."""
    found, counts = [], dict[int, int]()
    spins = [int(spin) for spin in np.asarray(multiplicities)]
    for k, spin in enumerate(spins):
        counts[spin] = counts.get(spin, -1 if spin == 1 else 0) + 1
        letter = _LETTERS[spin - 1] if spin <= len(_LETTERS) else f"M{spin}_"
        found.append(f"{letter}{counts[spin] if numbers is None else np.asarray(numbers)[k]}")
    return tuple(found)


def place(name: str) -> tuple[int, int]:
    """Return multiplicity and number of a state called `name`, or raise `ValueError`."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"no state: {name!r}")
    letter = found[1]
    return _LETTERS.index(letter) + 1 if letter in _LETTERS else int(letter[1:-1]), int(found[2])


def without_components(
    states: tuple[str, ...], energies: FloatArray, active: Any
) -> tuple[tuple[str, ...], FloatArray, Any]:
    """Keep one column of those of one multiplicity, above 1, that have the same energies."""
    first = list(range(len(states)))
    for k, name in enumerate(states):
        for j in range(k):
            alike = multiplicity(states[j]) == multiplicity(name) > 1
            if alike and np.all(np.abs(energies[:, j] - energies[:, k]) <= _ALIKE):
                first[k] = first[j]
                break
    kept = sorted(set(first))
    if len(kept) == len(states):
        return states, energies, active
    spins = [multiplicity(states[k]) for k in kept]
    names = tuple(states[k] for k in kept)
    names = names if len(set(names)) == len(names) else numbered(spins)
    if active is not None:
        active = np.array([kept.index(first[int(k)]) for k in active])
    return names, energies[:, kept], active


def _named(states: Any, count: int) -> tuple[str, ...]:
    names = tuple(states) if isinstance(states, (tuple, list)) else (states,)
    if not all(isinstance(name, str) and multiplicity(name) for name in names):
        raise fail("states", "be names such as S0 or T1", f"it is {describe(states)}")
    if names and (len(names) != count or len(set(map(place, names))) < count):
        raise fail("states", f"be {count} different names", f"it is {describe(states)}")
    return names
