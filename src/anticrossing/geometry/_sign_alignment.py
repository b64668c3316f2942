"""Signs and order of adiabatic states that continue along a coordinate, from data alone."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError

_MOST_STATES = 10
_NOTICEABLE = 1e-3  # of the largest element: smaller ones need no sign
_UNDECIDED = 0.1
_CLEARLY = 0.2
_SMALL_TURN = 0.1
_EXCHANGED = 0.7


def aligned_signs(x: FloatArray, matrices: FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
    """Return signs s (k, m) that make s_i s_j M_ij continue, and the points left undecided.

    At each point the signs are those with which `matrices` (k, c, m, m) come nearest to the
    straight continuation of the two points before. A point is undecided where two choices
    come about equally near although the matrix is not small.
    """
    k, m = x.size, matrices.shape[-1]
    if m > _MOST_STATES:
        raise InputError(
            f"Signs of at most {_MOST_STATES} states are found from couplings, but there are {m}: "
            "give overlaps."
        )
    choices = np.array([(1, *rest) for rest in product((1, -1), repeat=m - 1)], dtype=np.float64)
    pairs = (choices[:, :, np.newaxis] * choices[:, np.newaxis, :])[:, np.newaxis]
    noticeable = _NOTICEABLE * float(np.abs(matrices).max(initial=0.0))
    off = ~np.eye(m, dtype=bool)
    signs = np.ones((k, m))
    undecided = []
    before, last = matrices[0], matrices[0]
    for index in range(1, k):
        expected = last
        if index > 1:
            step = (x[index] - x[index - 1]) / (x[index - 1] - x[index - 2])
            expected = last + step * (last - before)
        candidates = pairs * matrices[index]
        cost = np.sum((candidates - expected) ** 2, axis=(-3, -2, -1))
        best = int(cost.argmin())
        signs[index] = choices[best]
        before, last = last, candidates[best]
        # Another choice counts only where it changes an element that is not small.
        changed = np.abs(candidates - last)[..., off].max(axis=(-2, -1), initial=0.0)
        rivals = cost[changed > 2 * noticeable]
        if rivals.size and rivals.min() - cost[best] < _UNDECIDED * (rivals.min() + cost[best]):
            undecided.append(index)
    return signs, tuple(undecided)


def swapped_intervals(
    x: FloatArray, energies: FloatArray, couplings: FloatArray | None, overlaps: FloatArray | None
) -> tuple[tuple[int, int], ...]:
    """Return (interval, lower level) of every pair of neighbours that changes places."""
    if overlaps is not None:
        lower = np.abs(np.diagonal(overlaps, 1, -2, -1))
        upper = np.abs(np.diagonal(overlaps, -1, -2, -1))
        return tuple(
            (int(k), int(i)) for k, i in np.argwhere(np.minimum(lower, upper) > _EXCHANGED)
        )
    found = []
    order = np.arange(energies.shape[1])
    followed = energies[:1].copy()
    for k in range(x.size - 1):
        if k >= 1:
            expected = _continued(x, followed, k)[np.argsort(order)]
            for i in range(order.size - 1):
                here = slice(i, i + 2)
                keeps = np.abs(expected[here] - energies[k + 1, here]).sum()
                swaps = np.abs(expected[here][::-1] - energies[k + 1, here]).sum()
                turn = 0.0
                if couplings is not None:
                    sizes = np.abs(couplings[k : k + 2, i, i + 1])
                    turn = float(sizes.max()) * (x[k + 1] - x[k])
                if swaps < _CLEARLY * keeps and turn < _SMALL_TURN:
                    found.append((k, i))
                    order = exchanged(order, i)
        followed = np.concatenate([followed, energies[k + 1][order][np.newaxis]])
    return tuple(found)


def exchanged(order: npt.NDArray[np.intp], i: int) -> npt.NDArray[np.intp]:
    """Return the places of the states after those at i and i + 1 changed places."""
    new = order.copy()
    new[order == i], new[order == i + 1] = i + 1, i
    return new


def _continued(x: FloatArray, curves: FloatArray, k: int) -> FloatArray:
    """Return the curves (k + 1, m) continued to x[k + 1], by a parabola where three points are."""
    nodes = np.arange(max(0, k - 2), k + 1)
    weights = [np.prod([(x[k + 1] - x[b]) / (x[a] - x[b]) for b in nodes if b != a]) for a in nodes]
    return np.asarray(weights) @ curves[nodes]
