"""The lowest levels of one large matrix, by Lanczos iteration."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing.hamiltonian import Matrices

_COPY = 1e-12  # of the spread: levels closer than this are one


def lowest_levels(
    matrix: Any, count: int, start: npt.NDArray[Any] | None = None, accuracy: float = 0.0
) -> tuple[FloatArray, Matrices]:
    """Return the `count` lowest eigenvalues and eigenvectors of a sparse Hermitian matrix.

    `matrix` may be a `LinearOperator`; `start` is a state near the ones that are wanted. With an
    `accuracy` residuals may be this large, relative to the eigenvalues.
    """
    import scipy.sparse.linalg

    if start is None:
        # Fixed, without symmetry: the same answer at every call, all sectors seen.
        start = np.random.default_rng(0).normal(size=matrix.shape[0])
    size = min(max(2 * count + 8, 20), matrix.shape[0])
    try:
        energies, vectors = scipy.sparse.linalg.eigsh(
            matrix, k=count, which="SA", v0=start, tol=accuracy, ncv=size
        )
    except scipy.sparse.linalg.ArpackNoConvergence:
        raise ConvergenceError(
            f"The lowest {count} of {matrix.shape[0]} levels did not converge: ask for others, so "
            "that the last one is apart from the next."
        ) from None
    order = np.argsort(energies)
    return np.asarray(energies[order]), np.asarray(vectors[:, order])


def lowest_with_copies(
    matrix: Any,
    count: int,
    spread: float,
    start: npt.NDArray[Any] | None = None,
    accuracy: float = 0.0,
) -> tuple[FloatArray, Matrices]:
    """Return what `lowest_levels` does, with every copy of a degenerate level.

    Lanczos iteration from one vector sees a single vector of a degenerate level. The levels found
    are lifted by `spread`, more than the distance of the levels: whatever is still below the last
    of them was missed.
    """
    import scipy.sparse.linalg

    energies, vectors = lowest_levels(matrix, count, start, accuracy)
    for _ in range(count):
        lifted = scipy.sparse.linalg.LinearOperator(
            matrix.shape,
            matvec=functools.partial(_lifted, matrix, vectors, spread),
            dtype=matrix.dtype,
        )
        missed, vector = lowest_levels(lifted, 1, accuracy=accuracy)
        if missed[0] >= energies[count - 1] - _COPY * spread:
            break
        energies = np.append(energies, missed)
        vectors = np.concatenate([vectors, vector], axis=1)
        order = np.argsort(energies, kind="stable")
        energies, vectors = energies[order], vectors[:, order]
    return energies[:count], np.linalg.qr(vectors[:, :count])[0]


def _lifted(matrix: Any, vectors: Matrices, spread: float, v: npt.NDArray[Any]) -> Any:
    v = v.reshape(-1)
    return matrix @ v + spread * (vectors @ (vectors.conj().T @ v))
