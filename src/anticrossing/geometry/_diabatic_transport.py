"""Transport of a set of adiabatic states along straight segments, by the generator [P', P].

The projector P(R) on a set of levels moves by V' = [P', P] V with V(start) = 1: V carries the set
at the start of a segment onto the set at its end, and a frame C = V C₀ obeys C†C' = 0. Only energy
differences between the set and the other levels enter, so levels of the set may cross each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.geometry._paths import eigenframes, gradients
from anticrossing.geometry._unitary import MAGNUS_NODES, magnus_exponent, unitary_exponential
from anticrossing.hamiltonian import Hamiltonian, Matrices

_MOST_HALVINGS = 48
_MOST_SEGMENTS = 200_000


def transporters(
    H: Hamiltonian,
    start: FloatArray,
    stop: FloatArray,
    levels: npt.NDArray[np.intp],
    tolerance: float,
) -> Matrices:
    """Return V for straight segments from `start` to `stop`, both (n, f), as (n, N, N).

    Sixth-order Magnus steps, halved until two halves agree with the whole to `tolerance` and V
    carries the set of levels at one end onto the set at the other.

    Raises
    ------
    ConvergenceError
        Where a level of the set meets one outside it: the set is not defined there.
    """
    if levels.size == H.dimension:  # the set is complete: the frame does not move
        return np.tile(np.eye(H.dimension), (start.shape[0], 1, 1))
    owner = np.arange(start.shape[0])
    begin, end = np.zeros(owner.size), np.ones(owner.size)
    pieces = _Pieces(H, start, stop, levels)
    coarse = pieces.step(owner, begin, end)
    accepted: list[tuple[npt.NDArray[np.intp], FloatArray, Matrices]] = []
    for _ in range(_MOST_HALVINGS):
        middle = (begin + end) / 2
        first, second = pieces.step(owner, begin, middle), pieces.step(owner, middle, end)
        fine = second @ first
        error = np.abs(fine - coarse).max(axis=(-2, -1))
        good = np.maximum(error, pieces.leak(owner, begin, end, fine)) <= tolerance
        accepted.append((owner[good], begin[good], fine[good]))
        if good.all():
            return _ordered_product(accepted, start.shape[0])
        bad = ~good
        owner = np.repeat(owner[bad], 2)
        coarse = np.stack([first[bad], second[bad]], axis=1).reshape(-1, *coarse.shape[1:])
        begin, end = (
            np.stack([begin[bad], middle[bad]], axis=1).ravel(),
            np.stack([middle[bad], end[bad]], axis=1).ravel(),
        )
        if owner.size > _MOST_SEGMENTS:
            break
    where = ", ".join(
        f"{name} = {value:.8g}"
        for name, value in zip(H.coordinates, pieces.position(owner, begin)[0], strict=True)
    )
    raise ConvergenceError(
        f"The levels {levels.tolist()} could not be transported near {where}: one of them meets a "
        "level outside the set there. Include that level, or take another path."
    )


class _Pieces:
    """Pieces of straight segments, named by their segment and the stretch that they cover."""

    def __init__(
        self, H: Hamiltonian, start: FloatArray, stop: FloatArray, levels: npt.NDArray[np.intp]
    ) -> None:
        self.H, self.start, self.direction, self.levels = H, start, stop - start, levels
        inside = np.isin(np.arange(H.dimension), levels)
        self.outside = np.flatnonzero(~inside)
        self.moves = inside[np.newaxis, :] != inside[:, np.newaxis]

    def position(self, owner: npt.NDArray[np.intp], where: FloatArray) -> FloatArray:
        """Return points at parameters `where` (…, n) of the segments `owner` (n,)."""
        return self.start[owner] + where[..., np.newaxis] * self.direction[owner]

    def step(self, owner: npt.NDArray[np.intp], begin: FloatArray, end: FloatArray) -> Matrices:
        """Return one Magnus step."""
        nodes = begin + (end - begin) * MAGNUS_NODES[:, np.newaxis]
        a = self._generator(owner, nodes) * (end - begin)[:, np.newaxis, np.newaxis]
        return unitary_exponential(magnus_exponent(a))

    def leak(
        self, owner: npt.NDArray[np.intp], begin: FloatArray, end: FloatArray, carried: Matrices
    ) -> FloatArray:
        """Return how much of the carried set lies outside the set at the end of each piece."""
        _, vectors = eigenframes(self.H, self.position(owner, np.stack([begin, end])))
        left = dagger(vectors[1][..., self.outside]) @ carried @ vectors[0][..., self.levels]
        return np.abs(left).max(axis=(-2, -1))

    def _generator(self, owner: npt.NDArray[np.intp], nodes: FloatArray) -> Matrices:
        """Return [P', P] along each segment, from ⟨q|P'|p⟩ = ⟨q|H'|p⟩/(E_p − E_q)."""
        points = self.position(owner, nodes)
        energies, vectors = eigenframes(self.H, points)
        slope = np.einsum("nf,...nfij->...nij", self.direction[owner], gradients(self.H, points))
        difference = energies[..., np.newaxis, :] - energies[..., :, np.newaxis]
        # A difference below rounding makes the step useless: it is halved, and refused in the end.
        floor = (
            np.finfo(np.float64).eps * np.abs(energies).max(axis=-1)[..., np.newaxis, np.newaxis]
        )
        difference = np.where(
            np.abs(difference) > floor, difference, np.where(floor > 0, floor, 1.0)
        )
        couplings = np.where(self.moves, dagger(vectors) @ slope @ vectors / difference, 0.0)
        return vectors @ couplings @ dagger(vectors)


def _ordered_product(
    pieces: list[tuple[npt.NDArray[np.intp], FloatArray, Matrices]], count: int
) -> Matrices:
    """Multiply the pieces of each segment in the order in which they lie."""
    owner = np.concatenate([piece[0] for piece in pieces])
    begin = np.concatenate([piece[1] for piece in pieces])
    steps = np.concatenate([piece[2] for piece in pieces])
    total = np.tile(np.eye(steps.shape[-1], dtype=steps.dtype), (count, 1, 1))
    for index in np.lexsort((begin, owner)):
        total[owner[index]] = steps[index] @ total[owner[index]]
    return total


def carried_frames(
    vectors: Matrices,
    links: Sequence[Matrices],
    origin: tuple[int, ...],
    sequence: Sequence[int],
    anchor: Matrices,
) -> tuple[Matrices, Matrices]:
    """Return T and the diabatic states C, carried from the origin along one axis after another.

    A row of T is an adiabatic state: its phase follows the same row one point earlier.
    """
    shape = vectors.shape[:-2]
    start = _conventional(vectors[origin])
    dtype = np.result_type(start, anchor, *links)
    frame = np.empty((*shape, *vectors.shape[-2:]), dtype=dtype)
    rows = np.empty((*shape, *anchor.shape), dtype=dtype)
    frame[origin], rows[origin] = start @ anchor, anchor
    where: list[int | slice] = list(origin)
    for axis in sequence:
        where[axis] = slice(None)
        # Axes that have been walked are whole, those to come are at the origin.
        place = tuple(where)
        position = sum(isinstance(entry, slice) for entry in where[:axis])
        part, mixing = (np.moveaxis(a[place], position, 0) for a in (frame, rows))
        found, link = (np.moveaxis(a[place], position, 0) for a in (vectors, links[axis]))
        for old, new in _outward(shape[axis], origin[axis]):
            step = link[old] if new > old else dagger(link[new])
            part[new] = step @ part[old]
            row = dagger(found[new]) @ part[new]
            overlap = np.sum(mixing[old] * row.conj(), axis=-1)
            size = np.abs(overlap)
            phase = np.where(size > 1e-8, overlap, 1.0) / np.where(size > 1e-8, size, 1.0)
            mixing[new] = phase[..., np.newaxis] * row
    return rows, frame


def _outward(count: int, origin: int) -> list[tuple[int, int]]:
    """Return the steps (from, to) that reach every index from the origin."""
    return list(pairwise(range(origin, count))) + list(pairwise(range(origin, -1, -1)))


def _conventional(vectors: Matrices) -> Matrices:
    """Return vectors with the largest component of each real and positive."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[np.newaxis], axis=0)
    return vectors * (np.abs(largest) / largest)
