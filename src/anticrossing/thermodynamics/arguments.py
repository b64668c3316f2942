"""Checks of what many functions here are given: reservoirs, counting fields, randomness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    describe,
    fail,
    is_numeric,
    positive,
    real_number,
)

MOST_SAMPLES = 2 * 10**7  # a few arrays of as many numbers take a gibibyte


def equilibrium_parameters(beta: Any, chemical_potential: Any) -> tuple[float, float]:
    """Return ``β > 0`` and ``μ`` as finite floats, or raise `InputError`."""
    inverse = real_number("beta", beta)
    positive("beta", inverse)
    return inverse, real_number("chemical_potential", chemical_potential)


def counting_field(name: str, value: Any) -> ComplexArray:
    """Return a finite complex number or an array of them, or raise `InputError`."""
    if not is_numeric(value):
        raise fail(name, "be a number or an array of them", f"it is {describe(value)}")
    fields = np.asarray(value, dtype=np.complex128)
    if not np.all(np.isfinite(fields)):
        raise fail(name, "be finite", f"it contains NaN or infinity ({describe(value)})")
    return fields


def generator(name: str, value: Any) -> np.random.Generator:
    """Return a random generator, or raise `InputError`."""
    if not isinstance(value, np.random.Generator):
        raise fail(name, "be a numpy.random.Generator", f"it is {describe(value)}")
    return value


def provides(name: str, value: Any, *attributes: str) -> None:
    """Raise `InputError` unless an object has the attributes."""
    for attribute in attributes:
        if not hasattr(value, attribute):
            raise fail(name, f"have `{attribute}`", f"it is {describe(value)}")


def exponential(logarithm: npt.ArrayLike) -> ComplexArray:
    """Return the exponential of ln χ; one too large for a float is infinite in size."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(np.asarray(logarithm, dtype=np.complex128))
