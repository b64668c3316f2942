"""The symmetry sector in which a system stays: what of H its passage is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.spectrum.symmetry import sectors


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


def sector_of(hamiltonian: Hamiltonian, drive: Drive, *, level: int = 0, state: int = -1) -> Sector:
    """Return the sector of a level at the start of the drive, or of a state H is written in."""
    times = np.linspace(float(drive.start_time), float(drive.stop_time), 65)
    found = sectors(hamiltonian, drive(times))
    everything = np.arange(hamiltonian.dimension)
    if found.count == 1:
        return Sector(hamiltonian, everything, everything, everything)
    basis = np.eye(hamiltonian.dimension) if found.basis is None else found.basis
    blocks = [basis[:, found.indices(k)] for k in range(found.count)]
    owner = np.repeat(np.arange(found.count), [block.shape[1] for block in blocks])
    places = []
    for time in (times[0], times[-1]):
        h = hamiltonian(float(drive(time)))
        energies = [np.linalg.eigvalsh(block.conj().T @ h @ block) for block in blocks]
        places.append(owner[np.argsort(np.concatenate(energies), kind="stable")])
    own = places[0][level]
    if state >= 0:
        own = int(found.labels[state])
    return Sector(
        _within(hamiltonian, blocks[own]),
        np.flatnonzero(places[0] == own),
        np.flatnonzero(places[1] == own),
        found.indices(int(own)) if found.basis is None else None,
    )


def _within(hamiltonian: Hamiltonian, basis: npt.NDArray[Any]) -> Hamiltonian:
    """Return H in the space of some orthonormal columns."""
    adjoint = basis.conj().T
    if isinstance(hamiltonian, TermHamiltonian):
        projected = [adjoint @ (matrix @ basis) for matrix in hamiltonian.matrices]
        terms = list(zip(hamiltonian.coefficients, projected, strict=True))
        return TermHamiltonian(
            terms, hamiltonian.parameters, hamiltonian.coordinates, units=hamiltonian.units
        )
    return Hamiltonian.from_function(
        lambda x: adjoint @ hamiltonian(x) @ basis,
        derivative=lambda x: adjoint @ hamiltonian.derivative(x) @ basis,
        vectorized=True,
        dimension=basis.shape[1],
        coordinates=hamiltonian.coordinates,
        units=hamiltonian.units,
    )
