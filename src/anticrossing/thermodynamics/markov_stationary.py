"""The distribution that a stochastic matrix keeps, to the relative accuracy of its elements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray


def product(matrices: FloatArray) -> FloatArray:
    """Return ``M(steps−1) … M(0)``."""
    period = np.eye(matrices.shape[-1])
    for matrix in matrices:
        period = matrix @ period
    return period


def stationary(period: FloatArray) -> FloatArray:
    """Return p = period · p, zero outside the one class of states that is never left.

    The elimination of Grassmann, Taksar and Heyman, Oper. Res. 33, 1107 (1985), subtracts nothing,
    so that states entered with a probability of 1e-160 have their digits too.
    """
    members = recurrent(period)
    flow = period[np.ix_(members, members)].T.copy()  # [initial, final]
    np.fill_diagonal(flow, 0.0)
    count = members.size
    for n in range(count - 1, 0, -1):
        flow[:n, n] /= flow[n, :n].sum()
        flow[:n, :n] += np.multiply.outer(flow[:n, n], flow[n, :n])
        np.fill_diagonal(flow, 0.0)
    weights = np.ones(count)
    for n in range(1, count):
        weights[n] = weights[:n] @ flow[:n, n]
        weights /= weights[: n + 1].max()
    state = np.zeros(period.shape[0])
    state[members] = weights / weights.sum()
    return state


def recurrent(period: FloatArray) -> npt.NDArray[np.intp]:
    """Return the states of the one class that is never left, or raise `ConvergenceError`."""
    from scipy.sparse.csgraph import connected_components

    edges = (period > 0).T
    classes, member_of = connected_components(edges, directed=True, connection="strong")
    left = edges & (member_of[:, None] != member_of)
    closed = np.setdiff1d(np.arange(classes), member_of[left.any(axis=1)])
    if closed.size > 1:
        raise ConvergenceError(
            "The chain has more than one periodic state: its steps leave states unconnected. "
            "Start from a distribution instead."
        )
    return np.flatnonzero(member_of == closed[0])
