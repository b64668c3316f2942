"""What the rounding of long phases does to probabilities.

A phase Φ is known to Φ times the rounding unit. It shows where ways of different phase lead to one
final state, such as those between two passages; the levels' phases beside a single passage do not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray
from anticrossing.dynamics._stacks import dagger
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.open_kernels import OpenKernel
from anticrossing.dynamics.panels import Evolution, Pieces

# Of a phase: its own rounding, and as much again for that of t, x and H.
_ROUNDING = 2 * float(np.finfo(np.float64).eps)
_NEGLIGIBLE = 0.05  # of the error estimate

_Maps = npt.NDArray[np.complex128]


def of_phases(evolution: Evolution) -> FloatArray:
    """Return a bound on what the rounding of its phases does to any element of U or to |U|²."""
    return np.minimum(2 * _ROUNDING * evolution.phase, 1.0)


def of_states(lanes: Lanes, evolution: Evolution, columns: _Maps, rows: _Maps) -> FloatArray:
    """Return a bound on the error of |rows† U columns|² of every lane through its phases.

    `columns` (lanes, N, i) are initial states, `rows` (lanes, N, f) final ones. With U = S P cut at
    the end of a panel, a phase δ of level j between them changes the probability by
    2 δ Im(U*_fi S_fj P_ji).
    """
    bound = of_phases(evolution)
    for lane in _telling(bound, evolution):
        pieces = evolution.pieces.of_lane(lane)
        phases, frames = _levels(lanes, lane, pieces)
        left = rows[lane].conj().T
        before, after = _parts(pieces.propagator, columns[lane], left)
        into, out = dagger(frames) @ before, after @ frames  # (panels, j, i), (panels, f, j)
        ways = np.einsum("kfj,kji->kfij", out, into)
        others = ways.sum(axis=-1, keepdims=True) - ways
        turned = np.abs((others.conj() * ways).imag)
        turns = np.minimum(_ROUNDING * phases, 2.0)  # whatever its phase, a way adds no more
        most = 2 * float(np.max(np.einsum("kj,kfij->fi", turns, turned)))
        bound[lane] = min(bound[lane], most)
    return bound


def of_densities(
    lanes: Lanes, kernel: OpenKernel, evolution: Evolution, columns: _Maps, rows: _Maps
) -> FloatArray:
    """Return the same for the Lindblad equation: rows M columns, in eigenbases at both ends.

    Phases turn the coherences between levels, which must be made before and read after that.
    """
    bound = of_phases(evolution)
    levels = lanes.hamiltonian.dimension
    apart = ~np.eye(levels, dtype=np.bool_).ravel()
    for lane in _telling(bound, evolution):
        pieces = evolution.pieces.of_lane(lane)
        phases, _ = _levels(lanes, lane, pieces)
        ends = np.append(lanes.start[lane], pieces.right)[None]
        frames = kernel.frames(lanes, ends, np.array([lane]))[0]
        entering, leaving = kernel.entering(frames[1:]), kernel.leaving(frames[1:])
        before, after = _parts(
            pieces.propagator,
            kernel.entering(frames[0]) @ columns[lane],
            rows[lane] @ kernel.leaving(frames[-1]),
        )
        into, out = np.abs(leaving @ before)[:, apart], np.abs(after @ entering)[..., apart]
        turns = np.minimum(2 * _ROUNDING * phases.max(axis=-1), 2.0)
        most = float(np.max(np.einsum("k,kfj,kji->fi", turns, out, into)))
        bound[lane] = min(bound[lane], most)
    return bound


def _telling(bound: FloatArray, evolution: Evolution) -> npt.NDArray[np.intp]:
    """Return the lanes in which the phases' rounding may be seen beside the other errors."""
    return np.flatnonzero(bound > _NEGLIGIBLE * evolution.error)


def _levels(lanes: Lanes, lane: int, pieces: Pieces) -> tuple[FloatArray, _Maps]:
    """Return the levels' phases over every panel, and the eigenvectors at its end."""
    times = np.stack([pieces.left, 0.5 * (pieces.left + pieces.right), pieces.right], axis=1)
    h = lanes.traceless(times.reshape(1, -1), np.array([lane]))[0]
    energies, frames = np.linalg.eigh(h)
    levels = h.shape[-1]
    largest = np.max(np.abs(energies).reshape(-1, 3, levels), axis=1)
    last = frames.reshape(-1, 3, levels, levels)[:, -1].astype(np.complex128)
    return (pieces.right - pieces.left)[:, None] * largest, last


def _parts(pieces: npt.NDArray[np.generic], columns: _Maps, rows: _Maps) -> tuple[_Maps, _Maps]:
    """Return the product up to the end of every panel, and from there on."""
    before, after = [], [rows]
    for piece in pieces:
        columns = piece @ columns
        before.append(columns)
    for piece in pieces[:0:-1]:
        after.append(after[-1] @ piece)
    return np.array(before), np.array(after[::-1])
