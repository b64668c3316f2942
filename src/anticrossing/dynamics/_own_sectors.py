"""The sectors that one state lives in: what is followed where no other state is asked for.

All that a state can become is spanned by what products of the terms of H make of it. That space is
found from the state alone, which takes far less than a search for all sectors. Where it is not
clear which states belong to it, or many places are read, all sectors are looked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics._level_order import TIED, Order, exchanged, unknown_energy
from anticrossing.dynamics._sectors import (
    UNIT,
    Sectored,
    block,
    common,
    is_full,
    lost_of_terms,
    may_have_sectors,
)
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import Request
from anticrossing.hamiltonian import TermHamiltonian
from anticrossing.spectrum.symmetry import LARGEST_ROTATED, present_terms

_FEWEST = 12  # levels below which all sectors are found as soon
_MOST_TIMES = 8  # at which all levels are worth computing in order to number some of them
_UNSEEN = 1e-14  # amplitude of a state in a sector: rounding
_NEW, _OLD = 1e-4, 1e-9  # of a product's size outside what is known: more is new, less rounding
_LEAK = 2e-15  # of a term's size times √N, across the edge of what is reached
_ALONE = 1e-5  # of the largest level: distance at which eigenvectors keep to their sectors
_NEGLIGIBLE = 1e-3  # of the wanted accuracy
_ROUNDS, _STEPS, _ENOUGH = 3, 40, 1e-4  # of the search for a better edge

Places = npt.NDArray[np.intp]
Ranks = Callable[[FloatArray], Order]


@dataclass(frozen=True)
class Own:
    """H in the coordinates of the sectors that a state lives in, m in all.

    Attributes
    ----------
    sectored : Sectored
        Those sectors alone.
    dimension : int
        N, of all of H.
    ranks : callable
        Takes times (lanes, K) to the numbers of the levels of every sector among all levels,
        (lanes, K, m).
    level : array of int, shape (lanes,), or None
        The coordinate of the initial level, if that is where the state starts.
    tied : bool
        Whether that level ties with another.
    outside : float
        A bound on the amplitude of the state in other sectors.
    """

    sectored: Sectored
    dimension: int
    ranks: Ranks
    level: Places | None
    tied: bool
    outside: float

    @classmethod
    def of(cls, request: Request) -> Own | None:
        """Return the sectors of the state of a request, or None if H has only one."""
        if request.symmetry is None:
            if not may_have_sectors(request.lanes):
                return None
            found = _reached(request)
            if found is not None:
                return found
        sectored = Sectored.of(request.lanes, request.symmetry)
        return None if sectored is None else _among_all(request, sectored)

    def columns(self, vector: ComplexArray) -> tuple[list[ComplexArray], list[FloatArray]]:
        """Return the parts of vectors (lanes, m) as columns of norm 1 for every block, and norms.

        The columns are (lanes, n, C), one for each sector of the block in order; the norms (lanes,)
        are those of every sector.
        """
        norms: list[FloatArray] = []
        columns: list[list[ComplexArray]] = [[] for _ in self.sectored.blocks]
        for own, number in zip(self.sectored.slices, self.sectored.owner, strict=True):
            part = vector[:, own]
            norm = np.linalg.norm(part, axis=-1)
            unit = np.eye(1, part.shape[1], dtype=np.complex128)
            safe = np.where(norm > 0, norm, 1.0)[:, None]
            columns[number].append(np.where(norm[:, None] > 0, part / safe, unit))
            norms.append(norm)
        return [np.stack(own, axis=-1) for own in columns], norms

    def to_given(self, vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return vectors (…, m) in the states H is written in, (…, N)."""
        if self.sectored.basis is not None:
            return vectors @ self.sectored.basis.T
        given = np.zeros((*vectors.shape[:-1], self.dimension), dtype=np.complex128)
        given[..., self.sectored.places] = vectors
        return given

    def numbered(self, values: FloatArray, times: FloatArray) -> tuple[FloatArray, Order]:
        """Return values (lanes, K, m) of the own levels among all levels, and their order."""
        ranks = self.ranks(times)
        every = np.zeros((*values.shape[:-1], self.dimension))
        np.put_along_axis(every, ranks.places, values, axis=-1)
        return every, ranks


def _start(request: Request) -> ComplexArray | int:
    """Return the state that a request starts in, or the number of an eigenstate."""
    if not isinstance(request.initial, int):
        return request.initial
    if request.basis != "diabatic":
        return request.initial
    return np.eye(request.lanes.hamiltonian.dimension, dtype=np.complex128)[request.initial]


def _among_all(request: Request, sectored: Sectored) -> Own:
    """Return the own ones of all sectors."""
    lanes, state = request.lanes, _start(request)
    level, tied, outside = None, False, 0.0
    if isinstance(state, int):
        order = sectored.order(lanes.start[:, None])
        level, tied = order.places[:, 0, state], bool(order.ties.any())
        outside = float(order.unsure[:, 0, state].any())
        own = [bool(np.any((s.start <= level) & (level < s.stop))) for s in sectored.slices]
    else:
        vector = sectored.from_given(state)
        sizes = np.array([np.linalg.norm(vector[s]) for s in sectored.slices])
        own = (sizes > _UNSEEN).tolist()
        outside = float(np.linalg.norm(sizes[sizes <= _UNSEEN]))
    chosen = [k for k, inside in enumerate(own) if inside]
    places = np.arange(lanes.hamiltonian.dimension)
    coordinates = np.concatenate([places[sectored.slices[k]] for k in chosen])
    ends = np.cumsum([sectored.sizes[k] for k in chosen]).tolist()
    blocks = list(dict.fromkeys(sectored.owner[k] for k in chosen))

    def ranks(times: FloatArray) -> Order:
        order = sectored.order(times)
        own = np.argsort(order.places, axis=-1)[..., coordinates]
        return Order(own, order.ties, np.take_along_axis(order.unsure, own, axis=-1))

    part = dataclasses.replace(
        sectored,
        blocks=tuple(sectored.blocks[b] for b in blocks),
        owner=tuple(blocks.index(sectored.owner[k]) for k in chosen),
        slices=tuple(slice(a, b) for a, b in zip([0, *ends], ends, strict=False)),
        basis=None if sectored.basis is None else sectored.basis[:, coordinates],
        places=sectored.places[coordinates],
    )
    if level is not None:
        level = np.searchsorted(coordinates, level)
    return Own(part, places.size, ranks, level, tied, outside)


def _reached(request: Request) -> Own | None:
    """Return the space that the state reaches as one sector, or None where it is not clear."""
    lanes, hamiltonian = request.lanes, request.lanes.hamiltonian
    times = 0 if request.times is None else request.times.shape[-1]
    few = times <= _MOST_TIMES or request.basis == "diabatic"
    if lanes.count > 1 or not few:
        return None
    if not isinstance(hamiltonian, TermHamiltonian) or hamiltonian.dimension < _FEWEST:
        return None
    if hamiltonian.dimension > LARGEST_ROTATED and is_full(hamiltonian):
        return None
    state, energy = _start(request), np.nan
    with one_thread:
        if isinstance(state, int):
            energies, vectors = np.linalg.eigh(lanes.traceless(lanes.start[:, None], _LANE)[0, 0])
            distance = np.abs(np.delete(energies, state) - energies[state])
            if not distance.min() > _ALONE * np.max(np.abs(energies)):
                return None
            energy, vector = energies[state], vectors[:, state]
        else:
            vector = state
        basis = _closure(present_terms(hamiltonian), vector)
        if basis is None:
            return None
        stack = hamiltonian.traceless_matrices()
        moved = stack @ basis
        parts = dagger(basis) @ moved
        scale = np.max(np.abs(stack), axis=(1, 2))
        leak = np.max(np.abs(moved - basis @ parts), axis=(1, 2))
    if np.any(leak > _LEAK * scale * hamiltonian.dimension**0.5):
        return None
    count, defect = basis.shape[1], float(np.abs(np.sum(np.abs(basis) ** 2, axis=0) - 1).max())
    own = dataclasses.replace(block(lanes, hamiltonian, parts), lost=lost_of_terms(hamiltonian))
    sectored = Sectored(
        (own,),
        (0,),
        (slice(0, count),),
        basis,
        np.arange(count),
        common(lanes, hamiltonian),
        rounding=max(1.0, defect / UNIT),
        between=leak,
    )
    if sectored.leaked()[0] ** 2 > _NEGLIGIBLE * request.accuracy:
        return None
    level = None
    if isinstance(state, int):
        inside = np.linalg.eigvalsh(own.matrices(lanes.start[:, None], _LANE)[0, 0])
        level = np.argmin(np.abs(inside - energy), keepdims=True)

    def ranks(when: FloatArray) -> Order:
        return _ranks(lanes, own, when)

    return Own(sectored, hamiltonian.dimension, ranks, level, False, 0.0)


_LANE = np.zeros(1, dtype=np.intp)


def _closure(terms: list[Any], vector: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Return an orthonormal basis (N, m) of what products of the terms make of a vector.

    None if it is most of the space, or rounding leaves open what belongs to it.
    """
    size = vector.size
    sizes = [abs(term).sum(axis=0).max() for term in terms]
    scaled = [term / most for term, most in zip(terms, sizes, strict=True) if most > 0]
    known = (vector / np.linalg.norm(vector))[:, None]
    latest = known
    while latest.shape[1]:
        made = np.concatenate([term @ latest for term in scaled] or [latest[:, :0]], axis=1)
        for _ in range(2):
            made = made - known @ (dagger(known) @ made)
        left, lengths, _ = np.linalg.svd(made, full_matrices=False)
        new = lengths > _NEW
        if np.any(lengths[~new] > _OLD) or known.shape[1] + new.sum() > size // 2:
            return None
        latest = left[:, new]
        latest = latest - known @ (dagger(known) @ latest)
        latest = latest / np.linalg.norm(latest, axis=0)
        known = np.concatenate([known, latest], axis=1)
    return _sharpened(scaled, known)


def _sharpened(terms: list[Any], basis: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the basis (N, m) with less of the terms leading out of it.

    Products of products leave some 1e-12. What to add to the basis solves M X − X (B†MB) = −(what
    M leads out), for all terms M as well as possible: by conjugate gradients.
    """
    best, least = basis, np.inf
    for _ in range(_ROUNDS):
        moved = [term @ basis for term in terms]
        inside = [dagger(basis) @ own for own in moved]
        left = [basis @ own - out for own, out in zip(inside, moved, strict=True)]
        leak = max(float(np.abs(out).max()) for out in left)
        if not leak < least:
            break
        best, least = basis, leak
        if leak <= 0.1 * _LEAK * basis.shape[0] ** 0.5:
            break
        x = np.zeros_like(basis)
        step = slope = _led(terms, inside, basis, left)
        size = float(np.sum(np.abs(slope) ** 2))
        enough = _ENOUGH**2 * size
        for _ in range(_STEPS):
            if size <= enough:
                break
            out = [term @ step - step @ own for term, own in zip(terms, inside, strict=True)]
            length = sum(float(np.sum(np.abs(own) ** 2)) for own in out)
            if length == 0.0:
                break  # what is left is rounding, which no step lessens
            far = size / length
            x = x + far * step
            left = [one - far * own for one, own in zip(left, out, strict=True)]
            slope = _led(terms, inside, basis, left)
            size, previous = float(np.sum(np.abs(slope) ** 2)), size
            step = slope + (size / previous) * step
        basis = np.linalg.qr(basis + x)[0]
    return best


def _led(
    terms: list[Any],
    inside: list[npt.NDArray[Any]],
    basis: npt.NDArray[Any],
    left: list[npt.NDArray[Any]],
) -> npt.NDArray[Any]:
    """Return Σ (M R − R B†MB) over the terms M and residuals R, outside the basis."""
    total = sum(
        term @ own - own @ part for term, part, own in zip(terms, inside, left, strict=True)
    )
    return np.asarray(total - basis @ (dagger(basis) @ total))


def _ranks(lanes: Lanes, own: Lanes, times: FloatArray) -> Order:
    """Return the numbers of the levels of a part of H among all of its levels."""
    with one_thread:
        every = np.linalg.eigvalsh(lanes.traceless(times, _LANE))
        inside = np.linalg.eigvalsh(own.matrices(times, _LANE))
    unknown = unknown_energy([lanes], times) + unknown_energy([own], times)
    tied = TIED * np.max(np.abs(every), axis=-1)
    lowest = inside - np.maximum(tied, unknown)[..., None]
    places = np.empty(inside.shape, dtype=np.intp)
    for k in range(times.shape[1]):
        latest = -1
        for j, energy in enumerate(lowest[0, k]):
            latest = max(latest + 1, int(np.searchsorted(every[0, k], energy)))
            places[0, k, j] = latest
    apart = np.diff(every, axis=-1)
    told = apart > tied[..., None]
    sector = np.ones(every.shape, dtype=np.intp)
    np.put_along_axis(sector, places, 0, axis=-1)
    unsure = exchanged(apart, told, sector, unknown)
    return Order(places, ~told.all(axis=-1), np.take_along_axis(unsure, places, axis=-1))
