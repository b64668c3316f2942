"""The lowest eigenvalues of a sparse Hermitian matrix, degenerate ones with their multiplicity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.threads import few_threads

DENSE = 600
"""Below this dimension all eigenvalues are cheaper than a Lanczos iteration."""

Vectors = npt.NDArray[Any]


def lowest(
    matrix: Any, count: int, tolerance: float, *, near: float | None = None
) -> tuple[FloatArray, Vectors]:
    """Return the `count` lowest eigenvalues and their vectors as columns.

    With an energy `near` the lowest level the iteration runs with the inverse of the matrix below
    it: many times fewer steps, where the matrix can be factorised.
    """
    import scipy.linalg
    import scipy.sparse.linalg

    size = matrix.shape[0]
    # The threads of BLAS gain nothing here, and wait for one another where cores are shared.
    with few_threads(1):
        if size <= DENSE or count + 2 >= size // 2:
            return scipy.linalg.eigh(matrix.toarray(), subset_by_index=[0, count - 1])
        try:
            return _repeated(matrix, count, tolerance, near)
        except scipy.sparse.linalg.ArpackError as error:
            raise ConvergenceError(
                f"The Lanczos iteration failed ({error}): use units in which the levels are of "
                "order one, or a larger `tolerance`."
            ) from None


def _repeated(
    matrix: Any, count: int, tolerance: float, near: float | None
) -> tuple[FloatArray, Vectors]:
    """Lanczos iteration, repeated without the vectors found until nothing low is missing."""
    # From one starting vector a Krylov space holds one copy of a degenerate level; the others
    # appear through rounding only, and not always in time.
    import scipy.sparse.linalg as sparse

    size = matrix.shape[0]
    start = np.random.default_rng(0)
    found: Vectors = np.zeros((size, 0), dtype=matrix.dtype)
    energies: FloatArray = np.empty(0)
    below = 0.0
    without = _lifted(matrix)
    if near is not None:
        below, factors = _factorized(matrix, near)
        without = _inverted(factors)
    while True:
        wanted = max(2, count // 4) if energies.size else count
        apply = without(found)
        values, vectors = sparse.eigsh(
            sparse.LinearOperator((size, size), matvec=apply, dtype=matrix.dtype),
            k=wanted,
            which="SA" if near is None else "LM",
            ncv=min(size - 1, 4 * wanted + 30),
            tol=tolerance / 100,
            v0=apply(start.standard_normal(size).astype(matrix.dtype)),
        )
        new = values if near is None else below + 1 / values
        if energies.size and new.min() > energies[count - 1]:
            return energies[:count], found[:, :count]
        basis = np.linalg.qr(np.hstack([found, vectors]))[0]
        energies, rotation = np.linalg.eigh(basis.conj().T @ (matrix @ basis))
        found = basis @ rotation


def _lifted(matrix: Any) -> Callable[[Vectors], Callable[[Vectors], Vectors]]:
    """The matrix with the vectors found moved above its whole spectrum."""
    lift = 2 * float(abs(matrix).sum(axis=1).max())

    def without(found: Vectors) -> Callable[[Vectors], Vectors]:
        return lambda v: matrix @ v + lift * (found @ (found.conj().T @ v))

    return without


def _inverted(factors: Any) -> Callable[[Vectors], Callable[[Vectors], Vectors]]:
    """The inverse of the factorised matrix, with the vectors found projected out."""

    def without(found: Vectors) -> Callable[[Vectors], Vectors]:
        def project(v: Vectors) -> Vectors:
            return np.asarray(v - found @ (found.conj().T @ v))

        return lambda v: project(factors.solve(project(v)))

    return without


def _factorized(matrix: Any, near: float) -> tuple[float, Any]:
    """Return an energy below the whole spectrum, and the factors of matrix − energy."""
    # Without pivoting the factors of a Hermitian matrix have as many negative pivots as it has
    # negative eigenvalues (Sylvester): if there are any, levels lie below, and the energy is
    # lowered.
    import scipy.sparse
    import scipy.sparse.linalg as sparse

    one = scipy.sparse.identity(matrix.shape[0], dtype=matrix.dtype)
    step = max(0.1, 0.01 * abs(near))
    while True:
        below = near - step
        try:
            factors = sparse.splu(
                (matrix - below * one).tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        except RuntimeError:  # a pivot vanished: `below` is an eigenvalue of a leading block
            step *= 2
            continue
        symmetric = np.array_equal(factors.perm_r, factors.perm_c)
        if symmetric and np.all(factors.U.diagonal().real > 0):
            return below, factors
        step *= 2
