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
            return _less_first(hamiltonian)
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


def shared_energy(hamiltonian: Hamiltonian, x: float) -> float:
    """Return what `traceless` takes from every level at x."""
    inner = traceless(hamiltonian)
    if inner is hamiltonian:
        return 0.0
    if not (isinstance(hamiltonian, TermHamiltonian) and isinstance(inner, TermHamiltonian)):
        return float((hamiltonian(x) - inner(x))[0, 0].real)
    pairs = zip(hamiltonian.matrices, inner.matrices, strict=True)
    taken = np.array([_first(one) - _first(other) for one, other in pairs])
    weights = hamiltonian._coefficient_values(
        hamiltonian.formulas, np.asarray(x, dtype=np.float64), hamiltonian.parameters
    )
    return float(np.asarray(weights) @ taken)


def _first(matrix: Any) -> float:
    """Return the first diagonal element, of a `LinearOperator` by one product."""
    if hasattr(matrix, "matvec"):
        return float(np.real((matrix @ np.eye(1, matrix.shape[0])[0])[0]))
    return float(matrix.diagonal()[0].real)


def _less_first(hamiltonian: TermHamiltonian) -> Hamiltonian:
    """Return H less the first diagonal element of every term: whole diagonals are not known."""
    import scipy.sparse
    import scipy.sparse.linalg

    one: Any = scipy.sparse.identity(hamiltonian.dimension, format="csr")
    rest = []
    for matrix in hamiltonian.matrices:
        taken = _first(matrix) * one
        operator = hasattr(matrix, "matvec")
        rest.append(matrix - (scipy.sparse.linalg.aslinearoperator(taken) if operator else taken))
    return hamiltonian._with(matrices=tuple(rest), _stack=None, _split=None)


def _less_trace(matrices: npt.NDArray[Any]) -> npt.NDArray[Any]:
    mean = np.trace(matrices, axis1=-2, axis2=-1).real / matrices.shape[-1]
    return np.asarray(matrices - mean[..., None, None] * np.eye(matrices.shape[-1]))
