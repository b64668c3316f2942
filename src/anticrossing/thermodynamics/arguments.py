"""Checks of what many functions here are given: reservoirs, counting fields, randomness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    at_least,
    describe,
    fail,
    finite,
    is_numeric,
    positive_number,
    real_number,
)

_COLDEST = float(np.finfo(np.float64).tiny)
MOST_SAMPLES = 2 * 10**7  # a few arrays of as many numbers take a gibibyte


class Thermal:
    """What has a temperature, and with it an inverse one."""

    temperature: float

    @property
    def beta(self) -> float:
        """``β = 1/T`` (1 / energy)."""
        return 1 / self.temperature


def checked_temperature(value: Any) -> float:
    """Return ``T > 0`` as a float with a finite inverse, or raise `InputError`."""
    temperature = positive_number("temperature", value)
    at_least("temperature", temperature, _COLDEST)
    return temperature


def equilibrium_parameters(temperature: Any, chemical_potential: Any) -> tuple[float, float]:
    """Return ``T > 0`` and ``μ`` as finite floats, or raise `InputError`."""
    return checked_temperature(temperature), real_number("chemical_potential", chemical_potential)


def counting_field(name: str, value: Any) -> ComplexArray:
    """Return a finite complex number or an array of them, or raise `InputError`."""
    if not is_numeric(value):
        raise fail(name, "be a number or an array of them", f"it is {describe(value)}")
    fields = np.asarray(value, dtype=np.complex128)
    finite(name, fields)
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
