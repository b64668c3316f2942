"""Kinks of a seam: there a level also meets a neighbour within its own set.

There the energy along the seam has a corner, which may be its lowest point. The levels that meet
are a group of their own, degenerate on a smaller seam without corners.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.geometry._quasidegenerate import (
    EPSILON,
    Group,
    expand,
    gauss_newton,
    half_square,
    hamiltonian_at,
)
from anticrossing.geometry._seam_minimum import DegenerateLevels
from anticrossing.hamiltonian import Hamiltonian, Matrices

_MOST_RESTORING_STEPS = 30
_NEAR = 1e-3  # of the reach: how far from a kink its surroundings are looked at
_PROBES = 100
_BISECTIONS = 60


@dataclass(frozen=True)
class UncoupledSets:
    """H over two sets of states without what couples them, as far as a search needs it."""

    full: Hamiltonian
    states: tuple[list[int], list[int]]

    @property
    def parameters(self) -> Any:
        return self.full.parameters

    @property
    def coordinates(self) -> tuple[str, ...]:
        return self.full.coordinates

    @property
    def dimension(self) -> int:
        return len(self.states[0]) + len(self.states[1])

    def evaluate(self, x: npt.NDArray[Any], parameters: Any) -> Matrices:
        return self._cut(self.full.evaluate(x, parameters))

    def evaluate_gradient(self, x: npt.NDArray[Any], parameters: Any) -> Matrices:
        return self._cut(self.full.evaluate_gradient(x, parameters))

    def evaluate_second_derivatives(self, x: npt.NDArray[Any], parameters: Any) -> Matrices:
        return self._cut(self.full.evaluate_second_derivatives(x, parameters))

    def _cut(self, values: Matrices) -> Matrices:
        both, first = self.states[0] + self.states[1], len(self.states[0])
        block: Any = (..., *np.ix_(both, both))
        found = values[block]
        found[..., :first, first:] = found[..., first:, :first] = 0
        return found


class Kink(DegenerateLevels):
    """The points at which one level of each set and neighbours of theirs all meet."""

    def restore(self, point: FloatArray) -> FloatArray | None:
        here = point[np.newaxis]
        value = half_square(self.hamiltonian, self.group, here)
        for _ in range(_MOST_RESTORING_STEPS):
            if not np.isfinite(value[0]):
                return None
            expansion = expand(self.hamiltonian, self.group, here)
            there = here + gauss_newton(expansion)
            new = half_square(self.hamiltonian, self.group, there)
            if not new[0] < value[0]:
                return here[0] if 2 * value[0] <= expansion.noise[0] ** 2 else None
            here, value = there, new
        return None


def kinks(
    hamiltonian: Hamiltonian, states: tuple[list[int], list[int]], levels: tuple[int, int]
) -> Iterator[Kink]:
    """Yield the seams of corners: every choice of neighbours, fewest levels first."""
    sets = cast(Hamiltonian, UncoupledSets(hamiltonian, states))
    chosen = [
        [(k, k + 1), (k - 1, k + 1), (k, k + 2)] for k in levels
    ]  # the level alone, with the one below, with the one above
    pairs = sorted(itertools.product(*chosen), key=lambda p: sum(b - a for a, b in p))
    for (a, b), (c, d) in pairs[1:]:
        if min(a, c) >= 0 and b <= len(states[0]) and d <= len(states[1]):
            yield Kink(sets, Group(a + c, a + c + 1, b + d, "complex", 1.0))


def lowest_around(kink: Kink, levels: tuple[int, int], point: FloatArray, reach: float) -> bool:
    """Whether no point of the seam next to a kink is lower, in seeded random directions.

    Between two points beside the kink on either side of the seam lies a point on the seam.
    """
    here = kink.at(point)
    rng = np.random.default_rng(0)
    aims = rng.normal(size=(_PROBES, here.split.codimension)) @ here.split.branching
    around = point + _NEAR * reach * aims / np.linalg.norm(aims, axis=-1, keepdims=True)
    differ = np.diff(_pair(kink, levels, around))[:, 0]
    above, below = around[differ > 0], around[differ <= 0]
    if not len(above) or not len(below):
        return False
    high, low = (np.resize(side, around.shape) for side in (above, below))
    for _ in range(_BISECTIONS):
        middle = (high + low) / 2
        energies = _pair(kink, levels, middle)
        up = (energies[:, 1] > energies[:, 0])[:, np.newaxis]
        high, low = np.where(up, middle, high), np.where(up, low, middle)
    noise = 64 * EPSILON * (abs(here.energy) + np.abs(here.slope) @ np.abs(point))
    return bool(np.all(energies.mean(axis=-1) >= here.energy - noise))


def _pair(kink: Kink, levels: tuple[int, int], points: FloatArray) -> FloatArray:
    """Return the energies, shape (S, 2), of one level of each set."""
    values = hamiltonian_at(kink.hamiltonian, points)
    first = len(cast(UncoupledSets, kink.hamiltonian).states[0])
    blocks = values[:, :first, :first], values[:, first:, first:]
    both = zip(blocks, levels, strict=True)
    return np.stack([np.linalg.eigvalsh(block)[:, k] for block, k in both], axis=-1)
