"""Phases between the crossings that a drive meets, and the signs of the jumps there."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.unchanging import frozen
from anticrossing.analysis.meetings import Place
from anticrossing.drive import Drive
from anticrossing.dynamics import features
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian

_GRADED = np.concatenate([[0.0], 0.5 ** np.arange(13, 0, -1), 1 - 0.5 ** np.arange(2, 14), [1.0]])
_PHASE, _ROUNDED = 1e-9, 1e-13  # how well ∫E dt is known: absolutely, and of itself
_MOST_ROUNDS, _MOST_PIECES = 40, 4000  # of halving
_MOST_COHERENT_EVENTS, _MOST_COHERENT_WORK = 300, 5e6  # events; events times N³


def interference_inputs(
    hamiltonian: Hamiltonian, drive: Drive, events: Sequence[Place]
) -> tuple[FloatArray, list[int]] | None:
    """Return phases ∫E dt between the events and the sign of each jump, for real symmetric H.

    None where signs are not enough (complex H, or crossings of levels that are not neighbours) and
    where there are too many crossings to follow.
    """
    if not isinstance(hamiltonian, TermHamiltonian) or hamiltonian.dtype is not np.float64:
        return None
    if too_many_to_follow(hamiltonian, events):
        return None
    if any(j != i + 1 for i, j in (event.crossing.levels for event in events)):
        return None
    phases = np.array(
        [phases_between(hamiltonian, drive, a.time, b.time) for a, b in itertools.pairwise(events)]
    )
    return phases, _jump_signs(hamiltonian, drive, events)


def too_many_to_follow(hamiltonian: Hamiltonian, events: Sequence[Place]) -> bool:
    """Whether the phases between so many crossings are left out for the time they would take."""
    work = len(events) * hamiltonian.dimension**3
    return len(events) > _MOST_COHERENT_EVENTS or work > _MOST_COHERENT_WORK


def phases_between(hamiltonian: Hamiltonian, drive: Drive, start: float, stop: float) -> FloatArray:
    """Return ∫E_j dt by Gauss–Legendre on pieces that shrink towards both crossings.

    Wherever two halves do not give what the whole does, as at a kink of the drive, a piece is cut.
    """
    if not stop > start:
        return np.zeros(hamiltonian.dimension)
    inner = _own_places(hamiltonian, drive)
    inner = inner[(inner > start) & (inner < stop)]
    edges = np.union1d(start + (stop - start) * _GRADED, inner)
    pieces = np.stack([edges[:-1], edges[1:]], axis=1)
    done = np.zeros((2, hamiltonian.dimension))
    for _ in range(_MOST_ROUNDS):
        middle = pieces.mean(axis=1)
        halves = np.stack([pieces[:, 0], middle, middle, pieces[:, 1]], axis=1).reshape(-1, 2)
        whole = _phases_on(hamiltonian, drive, pieces)
        parts = _phases_on(hamiltonian, drive, halves).reshape(len(pieces), 2, -1)
        finer = parts.sum(axis=1)
        allowed = _PHASE + _ROUNDED * (done[1] + np.abs(parts).sum(axis=(0, 1)))
        good = np.all(np.abs(finer - whole) <= allowed / _MOST_ROUNDS, axis=1)
        done += [finer[good].sum(axis=0), np.abs(finer[good]).sum(axis=0)]
        pieces = halves.reshape(-1, 2, 2)[~good].reshape(-1, 2)
        if not pieces.size or len(pieces) > _MOST_PIECES:
            break
    return np.asarray(done[0] + _phases_on(hamiltonian, drive, pieces).sum(axis=0))


def _phases_on(hamiltonian: Hamiltonian, drive: Drive, pieces: FloatArray) -> FloatArray:
    """Return ∫E_j dt over each of the pieces (n, 2), shape (n, N)."""
    nodes, weights = gauss_legendre(16)
    half = 0.5 * np.diff(pieces, axis=1)
    times = pieces[:, :1] + half * (nodes + 1)
    energies = np.linalg.eigvalsh(hamiltonian(drive(times.ravel())))
    energies = energies.reshape(*times.shape, hamiltonian.dimension)
    return np.asarray(np.einsum("n,pnj->pj", weights, energies) * half) * hamiltonian.units.angular


@functools.lru_cache(maxsize=8)
def _own_places(hamiltonian: Hamiltonian, drive: Drive) -> FloatArray:
    """Return the times at which H along the drive may do something in far less than the window."""
    return frozen(features.edges(Lanes.of(hamiltonian, drive)))


def _jump_signs(hamiltonian: Hamiltonian, drive: Drive, events: Sequence[Place]) -> list[int]:
    """Return the `direction` of `transfer_matrix` for each event, real H."""
    # It is the sign of ⟨upper|∂ₜ lower⟩ = −⟨upper|Ḣ|lower⟩/gap. At a true crossing the two levels
    # exchange their vectors as `transfer_matrix` does for P = 1.
    signs: list[int] = []
    frame: FloatArray | None = None
    previous = float(drive.start_time)
    for k, event in enumerate(events):
        following = events[k + 1].time if k + 1 < len(events) else float(drive.stop_time)
        i, j = event.crossing.levels
        true = event.crossing.kind == "true"
        reach = min(event.time - previous, following - event.time)
        steps = np.geomspace(1e-9, 0.5, 120) * reach
        before = np.concatenate([event.time - steps[::-1], [] if true else [event.time]])
        frame = _transport(hamiltonian, drive, before, frame)
        if true:
            signs.append(1)
            frame = frame.copy()
            frame[:, [i, j]] = np.stack([frame[:, j], -frame[:, i]], axis=-1)
        else:
            slope = hamiltonian.derivative(float(drive(event.time))) * float(
                drive.velocity(event.time)
            )
            element = float(frame[:, j] @ slope @ frame[:, i])
            signs.append(1 if element < 0 else -1)
        frame = _transport(hamiltonian, drive, event.time + steps, frame)
        previous = event.time
    return signs


def _transport(
    hamiltonian: Hamiltonian, drive: Drive, times: FloatArray, frame: FloatArray | None
) -> FloatArray:
    """Return the eigenvectors at the last time, with signs continued from `frame`."""
    _, vectors = np.linalg.eigh(hamiltonian(drive(times)))
    for current in vectors:
        if frame is not None:
            overlap = np.sum(frame * current, axis=0)
            current *= np.where(overlap < 0, -1.0, 1.0)
        frame = current
    assert frame is not None
    return frame
