"""Whether averages over noise have settled: what is read of them, and their coherences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics.readout import readout
from anticrossing.dynamics.request import Request, density

_COHERENT = 1e-6  # coherences settle as well as this at least
_TINY = 0.01  # of what is allowed


@dataclass(frozen=True)
class Seen:
    """Which probabilities are read: of states `ways` (lanes, T, N, N), from combinations of starts.

    `starts` (lanes, S, M) take the M matrices that are followed to the S initial ones.
    """

    ways: ComplexArray
    starts: ComplexArray
    accuracy: float

    @classmethod
    def of(cls, request: Request, initial: ComplexArray) -> Seen:
        read, levels = readout(request, []), initial.shape[-1]
        ways = np.concatenate([read.between, read.last[:, None]], axis=1)
        if not request.whole:
            one = np.ones((initial.shape[0], 1, 1), dtype=np.complex128)
            return cls(ways, one, request.accuracy)
        first = read.first
        states = np.einsum("lia,lja->laij", first, first.conj())
        if not isinstance(request.initial, int):
            given = np.broadcast_to(density(request.initial), (len(first), 1, levels, levels))
            states = np.concatenate([states, given], axis=1)
        starts = np.einsum("lsij,lmij->lsm", states, initial.conj())
        return cls(ways, np.asarray(starts), request.accuracy)

    def distance(self, one: ComplexArray, other: ComplexArray) -> Left:
        """Return by how much averages differ."""
        moved = np.einsum("lsm,ltmij->ltsij", self.starts, one - other)
        read = np.einsum("ltia,ltsij,ltja->ltsa", self.ways.conj(), moved, self.ways)
        return Left(
            np.max(np.abs(read), axis=(1, 2, 3)),
            float(np.max(np.linalg.norm(moved, axis=(-2, -1)))),
            0.5 * self.accuracy,
        )


@dataclass(frozen=True)
class Left:
    """By how much averages differ at most: in probabilities (lanes,), and in states."""

    probabilities: FloatArray
    states: float
    allowed: float

    @property
    def is_little(self) -> bool:
        """Whether the probabilities have settled."""
        return bool(np.all(self.probabilities <= self.allowed))

    @property
    def coherent(self) -> bool:
        """Whether the states have settled, coherences too, though not as well perhaps."""
        return self.states <= max(_COHERENT, 20 * self.allowed)

    def settled(self, before: Left | None) -> bool:
        """Whether both have, and not by chance: the step before was small too, or this is tiny."""
        if not (self.is_little and self.coherent):
            return False
        if np.all(self.probabilities <= _TINY * self.allowed):
            return True
        return before is not None and bool(np.all(before.probabilities <= 10 * self.allowed))

    def larger(self, other: Left) -> Left:
        """Return the larger of two."""
        both = np.maximum(self.probabilities, other.probabilities)
        return Left(both, max(self.states, other.states), self.allowed)

    def said(self, of: str, more: str) -> list[str]:
        """Return what has not settled, in words."""
        if not self.is_little:
            return [f"{of} settle to {np.max(self.probabilities):.1g} only, {more}"]
        if not self.coherent:
            return [f"the coherences in {of} settle to {self.states:.1g} only, {more}"]
        return []
