"""What all levels share, a multiple of the identity: it moves no crossing, and costs digits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.hamiltonian import FunctionHamiltonian, Hamiltonian, TermHamiltonian
from anticrossing.hamiltonian._arguments import common_offset


@functools.lru_cache(maxsize=64)
def traceless(hamiltonian: Hamiltonian) -> Hamiltonian:
    """Return H less what all levels share, in which the digits of their distances would be lost."""
    if isinstance(hamiltonian, TermHamiltonian):
        matrices = hamiltonian.matrices
        if any(hasattr(matrix, "matvec") for matrix in matrices):
            return hamiltonian  # its diagonal is not known
        shared = common_offset(np.array([matrix.diagonal().real for matrix in matrices]))
        if not shared.any():
            return hamiltonian
        one: Any = np.eye(hamiltonian.dimension)
        if hamiltonian.is_sparse:
            import scipy.sparse

            one = scipy.sparse.identity(hamiltonian.dimension, format="csr")
        rest = tuple(m - c * one if c else m for m, c in zip(matrices, shared, strict=True))
        return hamiltonian._with(matrices=rest, _stack=None, _split=None)
    assert isinstance(hamiltonian, FunctionHamiltonian)
    given = hamiltonian.derivative_function is not None
    return Hamiltonian.from_function(
        lambda x: _less_trace(hamiltonian(x)),
        derivative=(lambda x: _less_trace(hamiltonian.derivative(x))) if given else None,
        vectorised=True,
        dimension=hamiltonian.dimension,
        coordinates=hamiltonian.coordinates,
        **hamiltonian._details(),
    )


def _less_trace(matrices: npt.NDArray[Any]) -> npt.NDArray[Any]:
    mean = np.trace(matrices, axis1=-2, axis2=-1).real / matrices.shape[-1]
    return np.asarray(matrices - mean[..., None, None] * np.eye(matrices.shape[-1]))
