"""Eigenvectors carried along a drive by parallel transport, from crossing to crossing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray, InputError
from anticrossing.analysis.meetings import PassageEvent
from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian, Matrices

_NEAREST = 1e-9  # how close the eigenvectors are followed to a crossing, relative to the next one
_ALIGNED = 0.9  # overlap of neighbouring eigenvectors that settles a sign ...
_ALIGNED_COMPLEX = 1 - 1e-5  # ... and a phase, to about 1e-5 over a whole crossing
_DEGENERATE = 1e-12  # relative to the largest level
_MOST_ROUNDS = 60
_MOST_POINTS = 100_000


@dataclass(frozen=True)
class Transport:
    """Eigenvectors at both ends, and ⟨upper|Ḣ|lower⟩ at the events, transported from the start."""

    first: Matrices
    last: Matrices
    elements: list[list[complex]]

    @classmethod
    def along(
        cls, hamiltonian: Hamiltonian, drive: Drive, groups: Sequence[Sequence[PassageEvent]]
    ) -> Transport:
        start, stop = float(drive.start_time), float(drive.stop_time)
        times = [start, *(group[0].time for group in groups), stop]
        true = [False, *(any(e.crossing.kind == "true" for e in g) for g in groups), False]
        # Powers of two towards both ends; a true crossing itself is left out.
        half = 0.5 * np.geomspace(2 * _NEAREST, 1.0, 31)
        inner = np.concatenate([half, 1 - half[-2::-1]])
        first: Matrices | None = None
        frame: Matrices | None = None
        elements: list[list[complex]] = []
        for k, (a, b) in enumerate(itertools.pairwise(times)):
            _check_apart(hamiltonian, drive, 0.5 * (a + b))
            mesh = np.concatenate(
                [[] if true[k] else [a], a + (b - a) * inner, [] if true[k + 1] else [b]]
            )
            vectors = _smooth_vectors(hamiltonian, drive, np.unique(mesh))
            if frame is not None:
                vectors[0] = _aligned(_exchanged(frame, groups[k - 1]), vectors[0])
            for earlier, later in itertools.pairwise(vectors):
                later[...] = _aligned(earlier, later)
            first = vectors[0] if first is None else first
            frame = vectors[-1]
            if k < len(groups):
                elements.append(_elements(hamiltonian, drive, groups[k], frame))
        assert first is not None
        assert frame is not None
        return cls(first, frame, elements)


def _check_apart(hamiltonian: Hamiltonian, drive: Drive, time: float) -> None:
    """Refuse levels that stay degenerate: between crossings all of them must be apart."""
    energies = np.linalg.eigvalsh(hamiltonian(float(drive(time))))
    if np.diff(energies).min(initial=np.inf) <= _DEGENERATE * np.abs(energies).max():
        raise InputError(
            f"The levels must be apart between crossings, but two of them are degenerate at "
            f"t = {time:.6g}: take one copy of them, or use `propagate` alone."
        )


def _smooth_vectors(hamiltonian: Hamiltonian, drive: Drive, times: FloatArray) -> Matrices:
    """Return eigenvectors on a mesh refined until neighbours are close, phases arbitrary."""
    for _ in range(_MOST_ROUNDS):
        _, vectors = np.linalg.eigh(hamiltonian(drive(times)))
        overlaps = np.abs(np.sum(vectors[:-1].conj() * vectors[1:], axis=-2)).min(axis=-1)
        enough = _ALIGNED_COMPLEX if np.iscomplexobj(vectors) else _ALIGNED
        apart = np.flatnonzero(overlaps < enough)
        if apart.size == 0:
            return np.asarray(vectors)
        middle = 0.5 * (times[apart] + times[apart + 1])
        if times.size + apart.size > _MOST_POINTS or np.any(np.isin(middle, times)):
            break
        times = np.union1d(times, middle)
    raise ConvergenceError(
        f"The eigenvectors cannot be followed through t = {times[apart[0]]:.9g}: levels meet "
        "there that are no simple crossing. Use `propagate` alone."
    )


def _aligned(earlier: Matrices, later: Matrices) -> Matrices:
    """Return `later` with the phase of each column that makes its overlap with `earlier` real."""
    overlap = np.sum(earlier.conj() * later, axis=0)
    if np.abs(overlap).min() < _ALIGNED:
        raise ConvergenceError(
            "The eigenvectors turn too fast next to a crossing to be followed: it is too narrow, "
            "or too close to another one. Use `propagate` alone."
        )
    return np.asarray(later * (overlap / np.abs(overlap)).conj())


def _exchanged(frame: Matrices, group: Sequence[PassageEvent]) -> Matrices:
    """Return the frame just behind the group: at true crossings the labels change, no vector."""
    result = frame.copy()
    for event in group:
        if event.crossing.kind == "true":
            i, j = event.levels
            result[:, [i, j]] = frame[:, [j, i]]
    return result


def _elements(
    hamiltonian: Hamiltonian, drive: Drive, group: Sequence[PassageEvent], frame: Matrices
) -> list[complex]:
    time = group[0].time
    slope = hamiltonian.derivative(float(drive(time))) * float(drive.velocity(time))
    return [
        complex(frame[:, event.levels[1]].conj() @ slope @ frame[:, event.levels[0]])
        for event in group
    ]
