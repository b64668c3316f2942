"""Roots between two places whose signs were found elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray

_MOST_STEPS = 200
_ROUNDING = 1e-6  # of the value at the other end, generously


def bracketed(function: Callable[[float], float], low: float, high: float, **options: Any) -> float:
    """Return the root of a function by Brent's method, given where its sign changes.

    The signs usually come from many points at once, which processors round otherwise than single
    ones. Where an end is a root to rounding, its sign may differ here: that end is the root.
    """
    from scipy.optimize import brentq

    first, last = function(low), function(high)
    small, large = sorted((abs(first), abs(last)))
    if np.sign(first) * np.sign(last) > 0 and small < _ROUNDING * large:
        return float(low if abs(first) == small else high)
    return float(brentq(function, low, high, **options))


def bracketed_roots(
    function: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray, accuracy: float
) -> FloatArray:
    """Return a root between each `low` and `high`, where `function` has opposite signs.

    Chandrupatla's method: inverse quadratic interpolation where it is safe, else bisection
    (T. R. Chandrupatla, Adv. Eng. Softw. 28, 145 (1997)).
    """
    a, b = np.array(high, dtype=np.float64), np.array(low, dtype=np.float64)
    if not a.size:
        return a
    fa, fb = np.asarray(function(a)), np.asarray(function(b))
    step = np.full(a.shape, 0.5)
    best = np.where(np.abs(fb) < np.abs(fa), b, a)
    for _ in range(_MOST_STEPS):
        new = a + step * (b - a)
        fnew = np.asarray(function(new))
        same = np.sign(fnew) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = new, fnew
        nearer = np.abs(fb) < np.abs(fa)
        best, least = np.where(nearer, b, a), np.where(nearer, fb, fa)
        width = np.abs(b - a)
        smallest = (0.5 * accuracy + 4e-16 * np.abs(best)) / np.where(width > 0, width, 1.0)
        done = (least == 0) | (width == 0) | (smallest > 0.5)
        if done.all():
            break
        with np.errstate(all="ignore"):  # what divides by zero here is not used
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            guess = fa / (fb - fa) * fc / (fb - fc)
            guess += (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        step = np.clip(np.where(safe, guess, 0.5), smallest, 1 - smallest)
        step = np.where(done, 0.0, step)  # what is found stays where it is
        # A finished bracket must not change: its `best` is kept by moving to it for good.
        a, fa = np.where(done, best, a), np.where(done, least, fa)
        b, fb = np.where(done, best, b), np.where(done, least, fb)
    return best
