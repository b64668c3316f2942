"""H(x(t)) sector by sector: as many small problems as there are different blocks.

Whatever H does, a state stays in the sectors it began in. Blocks that are equal, as symmetries that
do not commute make them, are solved once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import interference, plan
from anticrossing.dynamics._blocks import pattern
from anticrossing.dynamics._level_order import Order, unknown_energy
from anticrossing.dynamics._solved_sectors import Solved
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution
from anticrossing.hamiltonian import Hamiltonian, Matrices, TermHamiltonian
from anticrossing.spectrum import Symmetry
from anticrossing.spectrum._algebra import APART, ZERO_ROTATED, dense, equal_blocks
from anticrossing.spectrum.symmetry import LARGEST_ROTATED, conserved

_ALWAYS_TRIED = 32  # levels: eigenvectors at the ends cost little beside a search
_SMALLEST = 3  # of two levels a search costs as much as it could save
_MUCH = 32.0  # units of a block that may be lost unseen
UNIT = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Sectored:
    """H in the coordinates of its sectors, one sector after the other.

    Attributes
    ----------
    blocks : tuple of Lanes
        The different blocks.
    owner : tuple of int
        The block of each sector.
    slices : tuple of slice
        The coordinates of each sector.
    basis : array, shape (N, N), or None
        What they are in the states H is written in; None where they are such states.
    places : array of int, shape (N,)
        Those states.
    common : Lanes or None
        The multiple of the identity in H, as a problem of one level.
    rounding : float
        How much less well H is known in this basis, a factor.
    mismatch : float
        How well the bases of equal blocks fit.
    between : array, shape (K,), or None
        What the terms' constant matrices are left with between sectors.
    differs : array, shape (K,), or 0
        The same of sectors that count as equal.
    """

    blocks: tuple[Lanes, ...]
    owner: tuple[int, ...]
    slices: tuple[slice, ...]
    basis: Matrices | None
    places: npt.NDArray[np.intp]
    common: Lanes | None
    rounding: float = 1.0
    mismatch: float = 0.0
    between: FloatArray | None = None
    differs: FloatArray | float = 0.0

    @classmethod
    def of(cls, lanes: Lanes, symmetry: Symmetry | None = None) -> Sectored | None:
        """Return the sectors of H, found or those of a symmetry; None if there is only one."""
        hamiltonian = lanes.hamiltonian
        if not isinstance(hamiltonian, TermHamiltonian):
            return None
        if symmetry is None and not may_have_sectors(lanes):
            return None
        with one_thread:
            found = conserved(hamiltonian, symmetry)
            if found.count == 1:
                return None
            places = np.argsort(found.labels, kind="stable")
            ends = np.cumsum(found.sizes).tolist()
            slices = tuple(slice(a, b) for a, b in zip([0, *ends], ends, strict=False))
            if found.basis is None:
                return _given(lanes, hamiltonian, places, slices)
            return _rotated(lanes, hamiltonian, places, slices, found.basis)

    @classmethod
    def whole(cls, lanes: Lanes) -> Sectored:
        """Return all of H as one sector."""
        size = lanes.hamiltonian.dimension
        return cls((lanes,), (0,), (slice(0, size),), None, np.arange(size), None)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The dimension of every sector."""
        return tuple(own.stop - own.start for own in self.slices)

    def solve(
        self,
        tolerance: float,
        breakpoints: FloatArray | None = None,
        times: FloatArray | None = None,
        columns: Sequence[ComplexArray] | None = None,
    ) -> Solved:
        """Propagate every different block, or the columns (lanes, n, C) of each."""
        cuts: dict[str, Any] = {"tolerance": tolerance, "breakpoints": breakpoints, "times": times}
        followed: Sequence[ComplexArray | None] = columns or [None] * len(self.blocks)
        problems = list(zip(self.blocks, followed, strict=True))
        if self.common is not None:
            problems.insert(0, (self.common, None))
        found = [
            plan.solve(
                lanes.part(number, len(problems)),
                UnitaryKernel(lanes.hamiltonian.dimension),
                columns=own,
                **cuts,
            )
            for number, (lanes, own) in enumerate(problems)
        ]
        shared = found.pop(0) if self.common is not None else None
        own_problems = problems[-len(found) :]
        evolutions = [
            _with_twin(lanes, evolution, columns=own, **cuts)
            for (lanes, own), evolution in zip(own_problems, found, strict=True)
        ]
        return Solved(tuple(evolutions), shared, self.leaked() ** 2)

    def leaked(self) -> FloatArray:
        """Return a bound on the amplitude to change sector that rounding of the terms hides."""
        lanes = self.blocks[0]
        if self.between is None:
            return np.zeros(lanes.count)
        times, everywhere = lanes.samples, np.arange(lanes.count)
        factors = np.abs(lanes.factors(times, everywhere))
        amplitude = np.mean(factors @ (self.between + self.differs), axis=1)
        amplitude *= lanes.stop - lanes.start
        return np.asarray(np.minimum(amplitude, 1.0))

    def turns(self, solved: Solved) -> FloatArray:
        """Return a bound on what the rounding of all phases does to a probability."""
        return np.minimum(self.rounding * solved.turns, 1.0) + self.mismatch

    def interference(
        self,
        solved: Solved,
        amplitudes: ComplexArray,
        followed: Sequence[tuple[Evolution, ComplexArray]] | None = None,
    ) -> FloatArray:
        """Return a bound on what it does to |U|², (lanes, N, N), in the states H is written in.

        Of one state, the evolution and the column (lanes, n, 1) followed in every sector are given.
        """
        bound = solved.turns
        states = self._given_states()
        parts = []
        for k, (own, block) in enumerate(zip(self.slices, self.owner, strict=True)):
            rows = np.broadcast_to(states[own], (bound.size, *states[own].shape))
            evolution, columns = followed[k] if followed else (solved.blocks[block], rows)
            parts.append((self.blocks[block], evolution, columns, rows))
        return self._with_leaks(interference.of_sectors(parts, amplitudes, bound))

    def on_the_way(
        self, solved: Solved, followed: Sequence[tuple[Evolution, ComplexArray]], times: FloatArray
    ) -> FloatArray:
        """Return the same for one state at requested times (lanes, K)."""
        states = self._given_states()
        parts = []
        for own, block, (evolution, columns) in zip(self.slices, self.owner, followed, strict=True):
            rows = np.broadcast_to(states[own], (*times.shape, *states[own].shape))
            parts.append((self.blocks[block], evolution, columns, rows))
        return self._with_leaks(interference.on_the_way(parts, times, solved.turns))

    def _with_leaks(self, turned: FloatArray) -> FloatArray:
        """Return a bound on what turns of phases do, with what this basis leaves open."""
        return np.minimum(self.rounding * turned + 2 * self.leaked(), 1.0) + self.mismatch

    def _given_states(self) -> ComplexArray:
        """Return the states H is written in, as columns by sectors."""
        if self.basis is None:
            return np.eye(self.places.size, dtype=np.complex128)[self.places]
        return dagger(self.basis).astype(np.complex128)

    def diagonal(self, blocks: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return matrices (…, N, N) of the blocks' matrices (…, n, n)."""
        shape = blocks[0].shape[:-2]
        whole = np.zeros((*shape, self.places.size, self.places.size), dtype=np.complex128)
        for own, block in zip(self.slices, self.owner, strict=True):
            whole[..., own, own] = blocks[block]
        return whole

    def joined(self, blocks: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return values (…, N) of the blocks' values (…, n)."""
        return np.concatenate([blocks[block] for block in self.owner], axis=-1)

    def moved(
        self, blocks: Sequence[npt.NDArray[Any]], vectors: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        """Return the blocks' matrices (…, n, n) applied to vectors (…, N)."""
        parts = [
            (blocks[block] @ vectors[..., own, None])[..., 0]
            for own, block in zip(self.slices, self.owner, strict=True)
        ]
        return np.concatenate(parts, axis=-1)

    def from_given(self, vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return vectors (…, N), given in the states H is written in, by sectors."""
        return vectors[..., self.places] if self.basis is None else vectors @ self.basis.conj()

    def to_given(self, vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return vectors (…, N) by sectors in the states H is written in."""
        if self.basis is not None:
            return vectors @ self.basis.T
        given = np.empty_like(vectors)
        given[..., self.places] = vectors
        return given

    def matrix(self, blocks: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return the blocks' matrices (…, n, n) as one in the states H is written in."""
        if self.basis is None:
            whole = np.zeros((*blocks[0].shape[:-2], *(self.places.size,) * 2), np.complex128)
            for own, block in zip(self.slices, self.owner, strict=True):
                states = self.places[own]
                whole[..., states[:, None], states] = blocks[block]
            return whole
        adjoint = dagger(self.basis)
        parts = [
            blocks[block] @ adjoint[own] for own, block in zip(self.slices, self.owner, strict=True)
        ]
        return self.basis @ np.concatenate(parts, axis=-2)

    def order(self, times: FloatArray) -> Order:
        """Return the coordinates in order of energy at times (lanes, K)."""
        everywhere = np.arange(times.shape[0])
        energies = [np.linalg.eigvalsh(lanes.matrices(times, everywhere)) for lanes in self.blocks]
        sector = np.repeat(np.arange(len(self.slices)), self.sizes)
        return Order.of(self.joined(energies), sector, unknown_energy(self.blocks, times))


def may_have_sectors(lanes: Lanes) -> bool:
    """Whether a search for sectors may find some."""
    hamiltonian = lanes.hamiltonian
    if not isinstance(hamiltonian, TermHamiltonian) or hamiltonian.dimension < _SMALLEST:
        return False
    with one_thread:
        return not _are_linked(lanes, hamiltonian)


def _are_linked(lanes: Lanes, hamiltonian: TermHamiltonian) -> bool:
    """Whether H at one end of a window links an eigenvector at the other end to all the others.

    What commutes with both is then a multiple of the identity. If not, a search has to tell.
    """
    levels = hamiltonian.dimension
    if not (levels <= _ALWAYS_TRIED or (levels <= LARGEST_ROTATED and is_full(hamiltonian))):
        return False
    ends = lanes.ends
    lowest, last = ends.vectors[:, 0, :, :1], ends.matrices[:, 1]
    apart = ends.gaps[:, 0] > APART
    links = np.abs((last @ lowest).conj().swapaxes(-1, -2) @ ends.vectors[:, 0])[:, 0, 1:]
    linked = links.min(axis=-1) > ZERO_ROTATED * np.abs(last).max(axis=(1, 2))
    return bool((apart & linked).any())


def is_full(hamiltonian: TermHamiltonian) -> bool:
    """Whether some constant matrix is stored as an array with few zeros."""
    full = hamiltonian.dimension**2 // 2
    return not hamiltonian.is_sparse and any(
        np.count_nonzero(matrix) > full for matrix in hamiltonian.matrices
    )


def _with_twin(lanes: Lanes, evolution: Evolution, **cuts: Any) -> Evolution:
    """Return the evolution beside that of a block which differs by what is lost of it.

    Where the block is much smaller than what it was cut from, rounding of that shows.
    """
    hamiltonian = lanes.hamiltonian
    if lanes.lost is None or not isinstance(hamiltonian, TermHamiltonian):
        return evolution
    times, everywhere = lanes.samples, np.arange(lanes.count)
    own = np.max(np.abs(lanes.traceless(times, everywhere)), axis=(2, 3))
    lost = np.max(lanes.last_digits(times, everywhere), axis=(2, 3))
    if np.all(lost <= _MUCH * UNIT * own):
        return evolution
    moved = lanes.lost[:, None, None] * pattern(hamiltonian.dimension)
    twin = block(lanes, hamiltonian, np.stack(hamiltonian.matrices) + moved)
    other = plan.solve(twin, UnitaryKernel(hamiltonian.dimension), **cuts)
    return dataclasses.replace(evolution, shifted=other.propagator)


def _given(
    lanes: Lanes,
    hamiltonian: TermHamiltonian,
    places: npt.NDArray[np.intp],
    slices: tuple[slice, ...],
) -> Sectored:
    """Return sectors of the states H is written in: their matrix elements stay as they are."""
    offsets = hamiltonian.offsets()
    different: list[npt.NDArray[Any]] = []
    owner = []
    for own in slices:
        states = places[own]
        part = np.stack([dense(matrix[states][:, states]) for matrix in hamiltonian.matrices])
        np.einsum("kii->ki", part)[...] -= offsets[:, None]
        same = (k for k, other in enumerate(different) if np.array_equal(part, other))
        owner.append(next(same, len(different)))
        if owner[-1] == len(different):
            different.append(part)
    blocks = tuple(block(lanes, hamiltonian, part) for part in different)
    return Sectored(blocks, tuple(owner), slices, None, places, common(lanes, hamiltonian))


def _rotated(
    lanes: Lanes,
    hamiltonian: TermHamiltonian,
    places: npt.NDArray[np.intp],
    slices: tuple[slice, ...],
    basis: Matrices,
) -> Sectored:
    """Return sectors of superpositions; in the bases of equal ones the matrices are the same."""
    stack = hamiltonian.traceless_matrices()
    basis = basis[:, places]
    defect = float(np.abs(np.sum(np.abs(basis) ** 2, axis=0) - 1).max())
    turned = dagger(basis) @ stack @ basis
    parts = [turned[:, own, own] for own in slices]
    parts = [0.5 * (part + dagger(part)) for part in parts]
    scale = np.max(np.abs(stack), axis=(1, 2), keepdims=True)
    scale = np.where(scale > 0, scale, 1.0)
    first, turns = equal_blocks([part / scale for part in parts])
    mismatch, differs, columns = 0.0, np.zeros(len(stack)), []
    for k, own in enumerate(slices):
        turn: Any = turns[k] if first.count(first[k]) > 1 else np.eye(own.stop - own.start)
        columns.append(basis[:, own] @ turn)
        parts[k] = dagger(turn) @ parts[k] @ turn
        off = np.abs(parts[k] - parts[first[k]])
        mismatch = max(mismatch, float((off / scale).max()))
        differs = np.maximum(differs, off.max(axis=(1, 2)))
    different = list(dict.fromkeys(first))
    lost = lost_of_terms(hamiltonian)
    return Sectored(
        tuple(
            dataclasses.replace(block(lanes, hamiltonian, parts[k]), lost=lost) for k in different
        ),
        tuple(different.index(k) for k in first),
        slices,
        np.concatenate(columns, axis=1),
        places,
        common(lanes, hamiltonian),
        max(1.0, defect / UNIT),
        mismatch,
        np.max(np.where(_apart(slices), np.abs(turned), 0.0), axis=(1, 2)),
        differs,
    )


def _apart(slices: tuple[slice, ...]) -> npt.NDArray[np.bool_]:
    """Whether two coordinates belong to different sectors."""
    own = np.repeat(np.arange(len(slices)), [part.stop - part.start for part in slices])
    return np.asarray(own[:, None] != own)


def block(lanes: Lanes, hamiltonian: TermHamiltonian, stack: npt.NDArray[Any]) -> Lanes:
    """Return the problem with these matrices (K, n, n) as its terms."""
    stack = 0.5 * (stack + dagger(stack))
    real = not np.iscomplexobj(stack) or not np.any(stack.imag)
    size = stack.shape[-1]
    made: Hamiltonian = hamiltonian._with(
        matrices=tuple(stack.real.copy() if real else stack),
        dimension=size,
        labels=tuple(str(k) for k in range(size)),
        _stack=None,
        _permutations=(),
        _split=None,
    )
    return dataclasses.replace(lanes, hamiltonian=made)


def lost_of_terms(hamiltonian: TermHamiltonian) -> FloatArray:
    """Return what a change of basis may lose of the elements of every constant matrix."""
    largest = np.max(hamiltonian.sizes(), axis=-1)
    return UNIT * np.sqrt(hamiltonian.dimension) * np.where(largest > 0, largest, 1.0)


def common(lanes: Lanes, hamiltonian: TermHamiltonian) -> Lanes | None:
    """Return the multiple of the identity in H as a problem of one level, if there is any."""
    offsets = hamiltonian.offsets()
    return block(lanes, hamiltonian, offsets[:, None, None]) if offsets.any() else None
