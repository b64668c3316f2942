"""Moments of the work of levels that exchange their occupations at random, for any number of them.

Joint moments of a given order follow a closed linear equation: an exchange permutes the indices
of a tensor, and a lift adds to one of them. Nothing grows exponentially with the number of levels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray

_ONE, _WORK, _LEVELS = 0, 1, 2  # places of 1, of the work less its mean, of the occupations


def exchange_moments(
    occupations: FloatArray,
    lifts: FloatArray,
    pairs: npt.NDArray[np.int64],
    keep: FloatArray,
    swap: FloatArray,
    *,
    third: bool,
) -> tuple[float, float, float]:
    """Return mean, variance and third central moment (NaN unless wanted) of the work."""
    order = 3 if third else 2
    tensor = _independent(occupations, order)
    systems = lifts.shape[1]
    means = occupations.copy()
    total = 0.0
    for k, lift in enumerate(lifts):
        if k:
            a, b = pairs[k - 1]
            means[[a, b]] = keep[k - 1] * means[[a, b]] + swap[k - 1] * means[[b, a]]
            _exchange(tensor, _LEVELS + int(a), _LEVELS + int(b), keep[k - 1], swap[k - 1])
        mean = float(lift @ means[:systems])
        total += mean
        for axis in range(order):
            rows = np.moveaxis(tensor, axis, 0)
            added = np.tensordot(lift, rows[_LEVELS : _LEVELS + systems], axes=1)
            rows[_WORK] += added - mean * rows[_ONE]
    variance = float(tensor[(_WORK, _WORK, *(_ONE,) * (order - 2))])
    cubed = float(tensor[(_WORK,) * 3]) if third else float("nan")
    return total, max(variance, 0.0), cubed


def _independent(occupations: FloatArray, order: int) -> FloatArray:
    """Return the joint moments of 1, w = 0 and independent occupations, ``n² = n``."""
    first = np.concatenate([[1.0, 0.0], occupations])
    size = first.size
    index = np.arange(size)
    tensor = first
    for _ in range(order - 1):
        tensor = np.multiply.outer(tensor, first)
    # An index that is there twice counts once.
    grid = np.ix_(*(index,) * order)
    pairs = ((0, 1),) if order == 2 else ((0, 1), (0, 2), (1, 2))
    inverse = np.divide(1.0, first, out=np.ones(size), where=first > 0)
    if order == 2:
        return np.where(grid[0] == grid[1], tensor * inverse, tensor)
    same = [grid[a] == grid[b] for a, b in pairs]
    for (a, _), equal in zip(pairs, same, strict=True):
        tensor = np.where(equal & ~(same[0] & same[1]), tensor * inverse[grid[a]], tensor)
    return np.where(same[0] & same[1], first[grid[0]], tensor)


def _exchange(tensor: FloatArray, a: int, b: int, keep: float, swap: float) -> None:
    """Mix a symmetric tensor in place with itself, two places of every index exchanged."""
    old = tensor[[a, b]]
    turned = old[::-1].copy()
    for axis in range(1, tensor.ndim):
        rows = np.moveaxis(turned, axis, 0)
        rows[[a, b]] = rows[[b, a]]
    new = keep * old + swap * turned
    for axis in range(tensor.ndim):
        np.moveaxis(tensor, axis, 0)[[a, b]] = new
