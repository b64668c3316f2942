"""When a drive meets the crossings of a Hamiltonian, and what interference between them needs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anticrossing.checks import FloatArray
from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.spectrum import Crossing, Crossings


@dataclass(frozen=True)
class Meeting:
    """The drive at a crossing: when, and how fast (coordinate per time)."""

    time: float
    velocity: float
    crossing: Crossing


class Timed(Protocol):
    """Anything with a time and a crossing."""

    @property
    def time(self) -> float: ...
    @property
    def crossing(self) -> Crossing: ...


def find_meetings(
    drive: Drive, crossings: Crossings, times: FloatArray, positions: FloatArray
) -> tuple[list[Meeting], list[str]]:
    """Return the moments x(t) passes a crossing, in order, and what could not be treated."""
    from scipy.optimize import brentq

    meetings: list[Meeting] = []
    warnings: list[str] = []
    for crossing in crossings:
        offset = positions - crossing.position
        exact = np.flatnonzero(offset[1:-1] == 0) + 1
        roots = [float(times[k]) for k in exact if offset[k - 1] * offset[k + 1] < 0]
        for k in np.flatnonzero(offset[:-1] * offset[1:] < 0):
            where = brentq(
                lambda t, x0=crossing.position: float(drive(t)) - x0,
                times[k],
                times[k + 1],
                xtol=4e-15 * max(abs(times[0]), abs(times[-1])),
                rtol=1e-15,
            )
            roots.append(float(where))
        for time in roots:
            velocity = float(drive.velocity(time))
            if velocity == 0 or crossing.slope_difference == 0:
                warnings.append(
                    f"at t = {time:.6g} the levels {crossing.levels} meet without moving through "
                    "each other: no closed form covers that"
                )
            else:
                meetings.append(Meeting(time, velocity, crossing))
        warnings += _near_turning_points(crossing, times, positions)
    return sorted(meetings, key=lambda m: m.time), warnings


def _near_turning_points(crossing: Crossing, times: FloatArray, positions: FloatArray) -> list[str]:
    moves = np.sign(np.diff(positions))
    turns = np.flatnonzero(moves[:-1] * moves[1:] < 0) + 1
    close = [k for k in turns if abs(positions[k] - crossing.position) < 2 * crossing.width]
    return [
        f"the drive turns at t = {times[k]:.6g}, within the width of the crossing at "
        f"{crossing.position:.6g}: passages there are not separate"
        for k in close
    ]


def interference_inputs(
    hamiltonian: Hamiltonian, drive: Drive, events: Sequence[Timed]
) -> tuple[FloatArray, list[int]] | None:
    """Return phases ∫E dt between the events and the sign of each jump, for real symmetric H.

    None where signs are not enough: complex H, or crossings of levels that are not neighbours.
    """
    if not isinstance(hamiltonian, TermHamiltonian) or hamiltonian.dtype is not np.float64:
        return None
    if any(j != i + 1 for i, j in (event.crossing.levels for event in events)):
        return None
    phases = np.array(
        [_phases_between(hamiltonian, drive, a.time, b.time) for a, b in itertools.pairwise(events)]
    )
    return phases, _jump_signs(hamiltonian, drive, events)


def _phases_between(
    hamiltonian: Hamiltonian, drive: Drive, start: float, stop: float
) -> FloatArray:
    """Return ∫E_j dt by Gauss–Legendre on pieces that shrink towards both crossings."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.concatenate([[0.0], 0.5 ** np.arange(30, -1, -1)])
    edges = start + (stop - start) * np.concatenate([half, 1 - half[-2::-1]])
    widths = np.diff(edges)
    times = edges[:-1, None] + 0.5 * widths[:, None] * (nodes + 1)
    energies = np.linalg.eigvalsh(hamiltonian(drive(times.ravel())))
    energies = energies.reshape(*times.shape, hamiltonian.dimension)
    phases = np.einsum("p,n,pnj->j", 0.5 * widths, weights, energies)
    return np.asarray(phases * hamiltonian.units.angular)


def _jump_signs(hamiltonian: Hamiltonian, drive: Drive, events: Sequence[Timed]) -> list[int]:
    """Follow the real eigenvectors along the path; the sign of ⟨upper|Ḣ|lower⟩ at each crossing.

    At a true crossing the two levels exchange their vectors; the sign is then part of the exchange.
    """
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
            signs.append(-1 if element < 0 else 1)
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
