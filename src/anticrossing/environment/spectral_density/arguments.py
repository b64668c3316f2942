"""Arguments of baths: energies that neither vanish nor leave the range of floats in products."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, between, non_negative, positive, real_number

SMALLEST, LARGEST = 1e-60, 1e60


def scale(name: str, value: Any) -> FloatArray:
    """Return positive numbers whose products stay in the range of floats."""
    return between(name, positive(name, value), SMALLEST, LARGEST)


def single(name: str, value: Any) -> float:
    """Return one positive number in the range of `scale`."""
    return float(scale(name, real_number(name, value)))


def relative(frequency: Any, unit: float) -> FloatArray:
    """Return frequencies, zero among them, over a unit, at most what can be squared twice."""
    with np.errstate(over="ignore"):
        return np.minimum(non_negative("frequency", frequency) / unit, 1e70)
