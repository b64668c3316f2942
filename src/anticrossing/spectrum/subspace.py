"""H in a part of its space: a sector, or the smallest space that a state never leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.hamiltonian import Hamiltonian, Matrices, TermHamiltonian
from anticrossing.spectrum._algebra import dense
from anticrossing.spectrum.symmetry import _effective_matrices, _sample_points

_NEW = 1e-10  # share of a vector outside a space below which it is rounding
_SAME = 1e-9  # distance of two levels, of the largest, below which a state may mix both


def within(hamiltonian: Hamiltonian, basis: npt.NDArray[Any]) -> Hamiltonian:
    """Return H in the space of some orthonormal columns."""
    adjoint = basis.conj().T
    if isinstance(hamiltonian, TermHamiltonian):
        size = basis.shape[1]
        projected = [adjoint @ (matrix @ basis) for matrix in hamiltonian.matrices]
        return hamiltonian._with(
            matrices=tuple(0.5 * (matrix + matrix.conj().T) for matrix in projected),
            dimension=size,
            labels=tuple(str(i) for i in range(size)),
            _stack=None,
            _permutations=(),
            _split=None,
        )
    return Hamiltonian.from_function(
        lambda x: adjoint @ hamiltonian(x) @ basis,
        derivative=lambda x: adjoint @ hamiltonian.derivative(x) @ basis,
        vectorised=True,
        dimension=basis.shape[1],
        coordinates=hamiltonian.coordinates,
        units=hamiltonian.units,
    )


def space_of_level(
    hamiltonian: Hamiltonian, x: FloatArray, level: int, most: int
) -> Matrices | None:
    """Return the smallest space that holds a level at x₀ and that no H(x) leaves.

    It is spanned by products of the terms of H applied to the eigenvector (a Krylov space), so
    one diagonalisation finds it where the algebra of all terms is too large to be taken apart.
    The level itself is the first column.
    None if it has more than `most` dimensions, or another level is too close to tell the vector.
    """
    energies, vectors = np.linalg.eigh(dense(hamiltonian(x[0])))
    distances = np.abs(np.delete(energies, level) - energies[level])
    if distances.min() <= _SAME * np.abs(energies).max():
        return None
    matrices = _effective_matrices(hamiltonian, _sample_points(hamiltonian, x))
    matrices = [matrix / size for matrix in matrices if (size := _size(matrix)) > 0]
    basis = new = vectors[:, [level]]
    while new.shape[1]:
        images = np.concatenate([matrix @ new for matrix in matrices], axis=1)
        for _ in range(2):  # once more for what rounding left
            images = images - basis @ (basis.conj().T @ images)
        left, shares, _ = np.linalg.svd(images, full_matrices=False)
        new = left[:, shares > _NEW]
        basis = np.concatenate([basis, new], axis=1)
        if basis.shape[1] > most:
            return None
    return basis


def _size(matrix: Any) -> float:
    """Return a norm that no matrix of rank one makes small, as its largest element would be."""
    values = matrix if isinstance(matrix, np.ndarray) else matrix.data
    return float(np.linalg.norm(values))
