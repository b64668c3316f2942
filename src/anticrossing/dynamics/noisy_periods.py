"""Periodic steady states averaged over classical noise that remembers.

Noise that stands still has another steady state at each of its values, and their average is what a
measurement sees. A process is followed beside the density matrices, and what repeats itself are
these in all of its states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import hermitian_part
from anticrossing.dynamics import liouville, noise_averages, panels
from anticrossing.dynamics._period import GAUSS_POINTS, Period
from anticrossing.dynamics._steady import (
    MANY_PIECES,
    Equation,
    Frames,
    LindbladEquation,
    Steady,
    steady as of,
)
from anticrossing.dynamics.densities import Densities
from anticrossing.dynamics.kernels import FIRST_PANELS
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noise_blocks import Blocks
from anticrossing.dynamics.open_kernels import BlochKernel
from anticrossing.dynamics.settling import Seen
from anticrossing.environment import Environment
from anticrossing.environment.base import Combined
from anticrossing.environment.noise.base import MarkovNoise, Noise, split

LARGEST_BLOCKS = 150
"""The most numbers of density matrices beside all states of a noise, whose map is found."""

_UNIT = 2.3e-16


class BlockEquation(Equation):
    """Density matrices beside every state of a process, in real numbers."""

    def __init__(self, over: Period, blocks: Blocks) -> None:
        self.over, self.blocks = over, blocks
        levels = over.lanes.hamiltonian.dimension
        self.basis = liouville.hermitian_basis(levels)
        one = np.einsum("aii->a", self.basis).real
        self.trace = np.einsum("lk,a->lka", blocks.root, one).reshape(len(blocks.root), -1)

    def maps(
        self, tolerance: float, times: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        size = self.blocks.size
        every = np.broadcast_to(np.eye(size), (self.over.lanes.count, size, size))
        found = self._carried(every, tolerance, times)
        maps = found.numbers[:, :-1].swapaxes(-1, -2)
        return maps, found.error, _UNIT * np.asarray(found.phase)

    def matrices(self, numbers: npt.NDArray[np.inexact]) -> ComplexArray:
        parts = numbers.reshape(*numbers.shape[:-1], self.blocks.states, -1)
        mean = np.einsum("lk,l...ka->l...a", self.blocks.root, parts)
        return np.asarray(hermitian_part(np.tensordot(mean, self.basis, 1)))

    def states(
        self, numbers: npt.NDArray[np.inexact], tolerance: float, times: FloatArray
    ) -> ComplexArray:
        found = self._carried(numbers.real[:, None], tolerance, times)
        return self.matrices(found.numbers[:, :-1, 0])

    @property
    def pieces(self) -> int:
        many = noise_averages.steps_are_cheaper(self.blocks, 1, MANY_PIECES * GAUSS_POINTS)
        return MANY_PIECES if many else FIRST_PANELS

    def _carried(
        self, start: FloatArray, tolerance: float, times: FloatArray
    ) -> noise_averages.Carried:
        allowed = max(0.02 * tolerance, panels.SMALLEST_TOLERANCE)
        return noise_averages.carried(self.blocks, start, allowed, times=times)


@dataclass
class _Averaged:
    """Steady states at values of noise that stands still, as what is averaged over them.

    `alone` is all there is beside such noise, if it is one environment of two levels: those have
    compiled panels.
    """

    over: Period
    rest: Combined
    alone: Combined | None
    moving: list[MarkovNoise]
    wanted: FloatArray
    frames: Frames | None
    accuracy: float
    contraction: FloatArray

    def __call__(self, lanes: Lanes, resolution: int) -> Densities:
        """Return mean populations on a diagonal, and states at the start and at times."""
        over, copies = replace(self.over, lanes=lanes), lanes.copies
        equation: Equation
        if self.alone is not None:
            equation = LindbladEquation(over, BlochKernel(self.alone))
        else:
            blocks = Blocks.of(lanes, self.moving, self.rest, resolution)
            equation = BlockEquation(over, blocks)
        found = of(equation, np.repeat(self.wanted, copies, axis=0), self._read, self.accuracy)
        least = found.contraction.reshape(-1, copies).min(axis=1)
        self.contraction = np.minimum(self.contraction, least)
        levels = lanes.hamiltonian.dimension
        mean = found.populations[:, None, None, :, None] * np.eye(levels)
        states = np.concatenate(
            [mean, found.start[:, None, None], found.inside[:, :, None]], axis=1
        )
        nothing = np.zeros(lanes.count)
        taken = nothing, nothing.astype(np.intp), 0, noise_averages.METHOD
        return Densities(states.astype(np.complex128), found.error, *taken, by_steps=True)

    def _read(self, times: FloatArray) -> ComplexArray:
        """Return the states that are read out without the noise, for all its values."""
        levels, count = self.over.lanes.hamiltonian.dimension, self.over.lanes.count
        if self.frames is None:
            return np.broadcast_to(np.eye(levels, dtype=np.complex128), (1, 1, levels, levels))
        nominal = self.frames(times.reshape(count, -1))
        return np.asarray(nominal.reshape(*times.shape, levels, levels))


def steady(
    over: Period,
    environment: Environment,
    wanted: FloatArray,
    frames: Frames | None,
    accuracy: float,
) -> tuple[Steady, tuple[str, ...]]:
    """Return what `_steady.steady` does, averaged over the noise, and what does not settle."""
    lanes = over.lanes
    count, levels = lanes.count, lanes.hamiltonian.dimension
    noises, rest = split(environment.flat(lanes.batch_shape))
    noise_averages.check(lanes, noises)
    still = [noise for noise in noises if not isinstance(noise, MarkovNoise)]
    moving = [noise for noise in noises if isinstance(noise, MarkovNoise)]
    alone = split(environment)[1]
    simple = levels == 2 and not moving and alone.batch_shape == ()
    one = np.broadcast_to(np.eye(levels, dtype=np.complex128), (count, 1, levels, levels))
    ways = np.repeat(one, 2 + wanted.shape[1], axis=1)
    seen = Seen(ways, np.ones((count, 1, 1), dtype=np.complex128), accuracy)
    average = _Averaged(
        over,
        rest,
        alone if simple else None,
        moving,
        wanted,
        frames,
        accuracy,
        np.full(count, np.inf),
    )
    narrow = _narrowest(over, rest, still) if still else None
    found = noise_averages.settled(
        lanes, seen, still, moving, average, largest=LARGEST_BLOCKS, narrow=narrow
    )
    notes = (*found.warnings, *(note for noise in noises for note in noise.notes))
    mean = np.einsum("pii->pi", found.states[:, 0, 0]).real
    start, inside = found.states[:, 1, 0], found.states[:, 2:, 0]
    return Steady(mean, start, inside, average.contraction, found.error), tuple(notes)


def _narrowest(over: Period, rest: Combined, still: list[Noise]) -> FloatArray:
    """Return for each lane the least width, in radians per time, that a resonance may have.

    It is the slowest decay of a coherence, what turns; more power only makes it wider.
    """
    lanes = over.lanes
    if not rest.parts:
        return np.full(lanes.count, np.inf)  # nothing relaxes, which the map will say
    matrices, nodes = liouville.nodes_of(lanes, lanes.samples, np.arange(lanes.count))
    found = np.linalg.eigvals(liouville.generator_at(matrices, nodes, rest))
    return slowest_coherence(found.reshape(lanes.count, -1))


def slowest_coherence(eigenvalues: npt.NDArray[Any]) -> FloatArray:
    """Return the slowest decay of what turns, among eigenvalues (lanes, n) of generators."""
    rates = -eigenvalues.real
    turning = np.abs(eigenvalues.imag) > 1e-9 * np.max(np.abs(eigenvalues), axis=1, keepdims=True)
    least = np.min(np.where(turning & (rates > 0), rates, np.inf), axis=1)
    return np.asarray(least)
