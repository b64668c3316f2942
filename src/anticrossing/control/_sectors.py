"""The symmetry sectors of H(x) one by one; levels of one sector avoid each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, instance, one_coordinate, single_point
from anticrossing._core.unchanging import record
from anticrossing.hamiltonian import Hamiltonian, Matrices, check_finite_hermitian
from anticrossing.spectrum.subspace import space_of_level, within
from anticrossing.spectrum.symmetry import LARGEST_ROTATED, sectors

CLOSED = 1e-13  # gap relative to the spread of the levels below which it is rounding


@record
class Block:
    """One sector: H(x) and ∂H/∂x within it.

    Attributes
    ----------
    hamiltonian : Hamiltonian
        H within the sector.
    basis : array, shape (N, n)
        Orthonormal columns that span the sector.
    """

    hamiltonian: Hamiltonian
    basis: Matrices

    @property
    def dimension(self) -> int:
        """The number of levels in the sector."""
        return int(self.basis.shape[-1])

    def value(self, x: FloatArray) -> Matrices:
        """Return H(x) within the sector, shape ``x.shape + (n, n)``."""
        values = self.hamiltonian(x)
        check_finite_hermitian(values, x)
        return np.asarray(values)

    def slope(self, x: FloatArray) -> Matrices:
        """Return ∂H/∂x within the sector, shape ``x.shape + (n, n)``."""
        return np.asarray(self.hamiltonian.derivative(x))

    def levels(self, x: FloatArray) -> tuple[FloatArray, Matrices]:
        """Return the sorted levels and eigenvectors within the sector."""
        energies, vectors = np.linalg.eigh(self.value(x))
        return energies, vectors

    def check_apart(self, x: FloatArray, relative: float = CLOSED) -> None:
        """Raise `InputError` where two levels of the sector meet, to that part of the largest."""
        if self.dimension > 1:
            energies = np.linalg.eigvalsh(self.value(x))
            least = np.diff(energies, axis=-1).min(axis=-1)
            closed = least <= relative * np.abs(energies).max(axis=-1)
            if np.any(closed):
                raise closed_gap(float(np.asarray(x)[closed].ravel()[0]))


def blocks_of(hamiltonian: Hamiltonian, x: FloatArray) -> tuple[Block, ...]:
    """Return the sectors of H along the coordinates `x`."""
    found = sectors(hamiltonian, x)
    if found.count == 1:
        return (Block(hamiltonian, np.eye(hamiltonian.dimension)),)
    basis = np.eye(hamiltonian.dimension) if found.basis is None else found.basis
    columns = (basis[:, found.indices(sector)] for sector in range(found.count))
    return tuple(Block(within(hamiltonian, own), own) for own in columns)


def block_along(hamiltonian: Hamiltonian, x: FloatArray, level: int) -> tuple[Block, int]:
    """Return the block that holds a level of the whole spectrum at x₀, and its number there."""
    if hamiltonian.dimension > LARGEST_ROTATED:
        basis = space_of_level(hamiltonian, x, level, LARGEST_ROTATED)
        if basis is not None:
            block = Block(within(hamiltonian, basis), basis)
            vectors = block.levels(x[:1])[1][0]
            return block, int(np.argmax(np.abs(vectors[0])))  # the level is the first column
    block, rank = block_of_level(blocks_of(hamiltonian, x), float(x[0]), level)
    energies = block.levels(x[:1])[0][0]
    gaps = np.abs(np.delete(energies, rank) - energies[rank])
    if gaps.min(initial=np.inf) <= CLOSED * np.abs(energies).max():  # before many are diagonalised
        raise closed_gap(float(x[0]))
    return block, rank


def block_of_level(blocks: Sequence[Block], x: float, level: int) -> tuple[Block, int]:
    """Return the block that holds a level of the whole spectrum at x, and its number there."""
    energies, owners, ranks = [], [], []
    for block in blocks:
        values = np.linalg.eigvalsh(block.value(np.array(x)))
        for rank, energy in enumerate(values):
            energies.append(float(energy))
            owners.append(block)
            ranks.append(rank)
    place = int(np.argsort(energies, kind="stable")[level])
    return owners[place], ranks[place]


def check_single(hamiltonian: Any) -> Hamiltonian:
    """Return a Hamiltonian of one coordinate and single parameters, or raise `InputError`."""
    instance("hamiltonian", hamiltonian, Hamiltonian)
    one_coordinate("hamiltonian", hamiltonian)
    single_point("hamiltonian", hamiltonian)
    return hamiltonian


def closed_gap(x: float) -> InputError:
    """Return the error for levels of one sector that meet."""
    return InputError(
        f"The levels of each symmetry sector must stay apart, but two of them meet near "
        f"x = {x:.9g}: no eigenstate can be followed through that point."
    )
