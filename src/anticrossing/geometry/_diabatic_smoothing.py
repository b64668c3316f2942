"""The smoothest basis on a grid: least squares over the links between its points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.geometry._unitary import unitary_exponential, unitary_logarithm
from anticrossing.hamiltonian import Matrices

_MOST_ROUNDS = 50
_TURNED = 1e-12


def smoothest_gauge(
    links: Sequence[Matrices], spacings: Sequence[FloatArray], origin: tuple[int, ...]
) -> Matrices:
    """Return unitary G at every point that minimises Σ w ‖log(G†(next) R G)‖² over the links R.

    The weight w is the volume of a link over its squared length, so that the sum is the integral of
    the squared coupling. Each round solves the linear least-squares (Poisson) problem of small
    turns; for two real states, whose turns commute, the first round is exact.
    """
    import scipy.sparse
    import scipy.sparse.linalg

    shape = tuple(spacing.size + 1 for spacing in spacings)
    number = np.arange(int(np.prod(shape))).reshape(shape)
    size = links[0].shape[-1]
    rows, weights = [], []
    for axis in range(len(spacings)):
        moved = np.moveaxis(number, axis, 0)
        ends = np.stack([moved[:-1], moved[1:]], axis=-1).reshape(-1, 2)
        rows.append(ends)
        weights.append(_link_weights(spacings, axis).reshape(-1))
    ends, weight = np.concatenate(rows), np.concatenate(weights)
    count = ends.shape[0]
    incidence = scipy.sparse.csr_matrix(
        (
            np.concatenate([np.ones(count), -np.ones(count)]),
            (np.tile(np.arange(count), 2), ends.T.reshape(-1)),
        ),
        shape=(count, number.size),
    )
    free = np.setdiff1d(number.reshape(-1), number[origin])
    weighted = incidence.multiply(weight[:, np.newaxis]).tocsr()
    solve = scipy.sparse.linalg.factorized((incidence.T @ weighted)[free][:, free].tocsc())
    flat = np.concatenate(
        [np.moveaxis(link, axis, 0).reshape(-1, size, size) for axis, link in enumerate(links)]
    )
    gauge = np.tile(np.eye(size, dtype=flat.dtype), (number.size, 1, 1))
    for _ in range(_MOST_ROUNDS):
        turned = dagger(gauge[ends[:, 1]]) @ flat @ gauge[ends[:, 0]]
        logarithms = unitary_logarithm(turned).reshape(count, -1)
        if not np.isfinite(logarithms).all():
            break
        # log(e^{−X_b} R e^{X_a}) ≈ log R + X_a − X_b
        source = weighted.T @ logarithms
        step = np.zeros((number.size, size * size), dtype=flat.dtype)
        step[free] = -np.stack([solve_complex(solve, column) for column in source[free].T], axis=1)
        turns = step.reshape(-1, size, size)
        gauge = gauge @ unitary_exponential((turns - dagger(turns)) / 2)
        if np.abs(turns).max(initial=0.0) < _TURNED:
            return gauge.reshape(*shape, size, size)
    raise ConvergenceError(
        "The smoothest basis was not found: the coupling left between the points is too large. "
        "Use a finer grid, leave out `smooth`, or include the level with which an intersection "
        "lies within the grid."
    )


def solve_complex(solve: object, column: Matrices) -> Matrices:
    """Apply a real sparse factorisation to a real or complex right-hand side."""
    assert callable(solve)
    if np.iscomplexobj(column):
        return solve(column.real.copy()) + 1j * solve(column.imag.copy())
    return solve(np.ascontiguousarray(column))


def _link_weights(spacings: Sequence[FloatArray], axis: int) -> FloatArray:
    """Return volume/length² of every link along `axis`, that axis first."""
    cells = []
    for other, spacing in enumerate(spacings):
        if other == axis:
            cells.append(1 / spacing)
        else:
            ends = np.concatenate([spacing[:1], spacing, spacing[-1:]])
            cells.append((ends[:-1] + ends[1:]) / 2)
    ordered = [cells[axis], *(cell for other, cell in enumerate(cells) if other != axis)]
    weight = ordered[0]
    for cell in ordered[1:]:
        weight = weight[..., np.newaxis] * cell
    return weight
