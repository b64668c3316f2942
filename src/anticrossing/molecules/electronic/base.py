"""What a source of electronic states answers, and how."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    fraction,
    integer,
    last_axis,
    positive_number,
    real_array,
    returned as checked,
)
from anticrossing.units import NATURAL, Units

LARGEST_JUMP = 0.01
LEAST_OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class StatePoint:
    """The states of one geometry.

    Attributes
    ----------
    position : array, shape (f,)
    energies : array, shape (N,)
    gradients : array, shape (N, f)
    couplings : array, shape (f, N, N), or None
        ``⟨φ_i|∂φ_j⟩``, antisymmetric.
    overlaps : array, shape (N, N), or None
        ``⟨φ_i(before)|φ_j(here)⟩`` with the point that came before, where there was one.
    wave : mapping of str to array
        What the source needs to compare this point with the next one; nothing else reads it.
    """

    position: FloatArray
    energies: FloatArray
    gradients: FloatArray
    couplings: FloatArray | None = None
    overlaps: FloatArray | None = None
    wave: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


class ElectronicStates(abc.ABC):
    """Energies and gradients of N states at one geometry, for searches and for trajectories.

    A subclass sets `dimension`, `coordinates`, `provides` in its ``__init__`` and writes `_solve`.
    As a function of a point (f,) it returns energies (N,) and gradients (N, f).

    Attributes
    ----------
    dimension : int
        The number N of states, in the order of energy unless they are told apart by spin.
    coordinates : tuple of str
        The names of the f coordinates.
    units : Units
    provides : str
        ``"overlaps"``, ``"couplings"``, ``"both"`` or ``"energies"``: what it knows besides
        energies and gradients.
    masses : array, shape (f,), or None
        Of the coordinates, in ħ²/(energy × coordinate²), where the source knows them.
    largest_jump : float
        The largest change of an energy in a step (energy) that its gradients do not explain.
    least_overlap : float
        The least singular value of `overlaps`: below it a state has been lost.
    """

    dimension: int
    coordinates: tuple[str, ...]
    units: Units = NATURAL
    provides: str = "energies"
    masses: FloatArray | None = None
    largest_jump: float = LARGEST_JUMP
    least_overlap: float = LEAST_OVERLAP

    @abc.abstractmethod
    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        """Return the states at a point."""

    def at(self, position: npt.ArrayLike, before: StatePoint | None = None) -> StatePoint:
        """Return the states at a point (f,), compared with those of the point before.

        Raises
        ------
        InputError
            For a point of another length, or a source that returns wrong shapes.
        ConvergenceError
            Where the source fails, or what it returns is not finite.
        """
        x = last_axis("position", real_array("position", position, ndim=1), len(self.coordinates))
        found = self._solve(x.copy(), before)
        n, f = self.dimension, len(self.coordinates)
        energies = checked("states", found.energies, (n,), np.float64)
        gradients = checked("states", found.gradients, (n, f), np.float64)
        if not (np.isfinite(energies).all() and np.isfinite(gradients).all()):
            raise ConvergenceError(f"The energies or gradients at {x} are not finite.")
        couplings = found.couplings
        if couplings is not None:
            couplings = checked("couplings", couplings, (f, n, n), np.float64)
        overlaps = found.overlaps
        if overlaps is not None:
            overlaps = checked("overlaps", overlaps, (n, n), np.float64)
        return StatePoint(x, energies, gradients, couplings, overlaps, found.wave)

    def __call__(self, position: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return energies (N,) and gradients (N, f) at a point (f,)."""
        found = self.at(position)
        return found.energies, found.gradients

    def guards(self, largest_jump: float | None, least_overlap: float | None) -> None:
        """Check and set what a step may not exceed (for a subclass's ``__init__``)."""
        if largest_jump is not None:
            self.largest_jump = positive_number("largest_jump", largest_jump)
        if least_overlap is not None:
            self.least_overlap = float(fraction("least_overlap", least_overlap))

    def __repr__(self) -> str:
        count = len(self.coordinates)
        return f"{type(self).__name__}({self.dimension} states, {count} coordinates)"


def numbered(count: int) -> tuple[str, ...]:
    """Return names of so many coordinates."""
    return tuple(f"x{k + 1}" for k in range(integer("count", count, minimum=1)))


def atomic(elements: list[str]) -> tuple[str, ...]:
    """Return the names of the Cartesian coordinates of atoms, as ``C1x``."""
    return tuple(f"{name}{k + 1}{axis}" for k, name in enumerate(elements) for axis in "xyz")
