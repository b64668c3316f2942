"""The symmetry sector in which a system stays: the part of H that matters to its passage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.analysis.meetings import where_to_look
from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum.subspace import within
from anticrossing.spectrum.symmetry import linked, sectors

_RETURNED = 1e-6  # of the farthest change of H: a path that ends where it began


@dataclass(frozen=True)
class Sector:
    """One sector of H along a drive.

    Attributes
    ----------
    hamiltonian : Hamiltonian
        H within the sector.
    first, last : array of int
        Which level of the whole H each of its levels is at the two ends of the window.
    states : array of int or None
        Which states of H its states are; None where they are superpositions.
    """

    hamiltonian: Hamiltonian
    first: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]
    states: npt.NDArray[np.intp] | None


def sector_of(
    hamiltonian: Hamiltonian, drive: Drive, level: int, *, of_state: bool = False
) -> Sector:
    """Return the sector of a level at the start of the drive, or of a state H is written in."""
    times = _moments(hamiltonian, drive)
    found = sectors(hamiltonian, drive(times))
    everything = np.arange(hamiltonian.dimension)
    if found.count == 1:
        return Sector(hamiltonian, everything, everything, everything)
    basis = np.eye(hamiltonian.dimension) if found.basis is None else found.basis
    blocks = [basis[:, found.indices(k)] for k in range(found.count)]
    owner = np.repeat(np.arange(found.count), [block.shape[1] for block in blocks])
    places = []
    ends = [hamiltonian(float(drive(time))) for time in (times[0], times[-1])]
    for h in ends:
        energies = [np.linalg.eigvalsh(block.conj().T @ h @ block) for block in blocks]
        places.append(owner[np.argsort(np.concatenate(energies), kind="stable")])
    own = int(found.labels[level] if of_state else places[0][level])
    block = blocks[own]
    if found.basis is not None:
        block = block @ _courses(block, *ends)
    return Sector(
        within(hamiltonian, block),
        np.flatnonzero(places[0] == own),
        np.flatnonzero(places[1] == own),
        found.indices(own) if found.basis is None else None,
    )


def linked_states(
    hamiltonian: Hamiltonian, drive: Drive, state: int
) -> tuple[Hamiltonian, npt.NDArray[np.intp]]:
    """Return H in the states that couplings of any strength link to one of them, and which."""
    found = linked(hamiltonian, drive(_moments(hamiltonian, drive)))
    states = np.flatnonzero(found == found[state])
    if states.size == hamiltonian.dimension:
        return hamiltonian, states
    return within(hamiltonian, np.eye(hamiltonian.dimension)[:, states]), states


def _moments(hamiltonian: Hamiltonian, drive: Drive) -> npt.NDArray[np.float64]:
    """Return times that tell which terms of H vary, be it in a narrow place only."""
    even = np.linspace(float(drive.start_time), float(drive.stop_time), 65)
    return np.union1d(even, where_to_look(hamiltonian, drive) or ())


def in_courses(
    hamiltonian: Hamiltonian, positions: npt.NDArray[np.float64]
) -> Iterator[Hamiltonian]:
    """Yield H in constant states that move apart along a path, of two also what mixes them evenly.

    Where the path comes back, its farthest place tells the states.
    """
    far = positions[np.argmax(np.abs(positions - positions[0]))]
    first, last, farthest = (hamiltonian(float(x)) for x in (positions[0], positions[-1], far))
    if np.abs(last - first).max() <= _RETURNED * np.abs(farthest - first).max():
        last = farthest
    basis = _courses(np.eye(hamiltonian.dimension), first, last)
    yield within(hamiltonian, basis)
    if hamiltonian.dimension == 2:  # what moves there is the coupling
        yield within(hamiltonian, basis @ np.array([[1, 1], [1, -1]]) / np.sqrt(2))


def _courses(
    block: npt.NDArray[Any], first: npt.NDArray[Any], last: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return states that move apart, and where they move together are not coupled at the start."""
    first, last = block.conj().T @ first @ block, block.conj().T @ last @ block
    moves, vectors = np.linalg.eigh(last - first)
    groups = np.cumsum(np.diff(moves, prepend=moves[0]) > 1e-9 * np.abs(moves).max())
    for group in np.unique(groups):
        own = vectors[:, groups == group]
        vectors[:, groups == group] = own @ np.linalg.eigh(own.conj().T @ first @ own)[1]
    return vectors
