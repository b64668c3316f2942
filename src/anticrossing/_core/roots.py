"""Roots between two places whose signs were found elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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
