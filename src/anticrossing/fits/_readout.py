"""What a detector makes of a population: contrast and background, or errors of single shots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, fail, real_number
from anticrossing.fits._parameters import ERRORS, MOST_ERROR

CONTRAST = ("visibility", "background")
READOUT = (*CONTRAST, *ERRORS)
PERFECT = {"visibility": 1.0, "background": 0.0, "false_positive": 0.0, "false_negative": 0.0}

Slopes = Mapping[str, FloatArray]


def checked(given: Mapping[str, Any], varied: tuple[str, ...]) -> dict[str, float]:
    """Return the values of the read-out, or raise `InputError`."""
    values = {name: real_number(name, given[name]) for name in READOUT}
    if values["visibility"] <= 0:
        raise fail("visibility", "be positive", f"it is {values['visibility']:g}")
    for name in ERRORS:
        if not 0 <= values[name] < MOST_ERROR:
            raise fail(name, f"be at least 0 and below {MOST_ERROR}", f"it is {values[name]:g}")
    used = [
        [name for name in names if name in varied or values[name] != PERFECT[name]]
        for names in (CONTRAST, ERRORS)
    ]
    if all(used):
        raise fail(
            used[0][0],
            "be left out where read-out errors are given",
            f"`{used[1][0]}` is: q = false_positive + (1 − false_positive − false_negative)·p",
        )
    return values


def read(
    population: FloatArray, slopes: Slopes, values: Mapping[str, float]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return what is read of a population, and its derivatives.

    ``q = background + visibility·p``, or ``q = false_positive + (1 − false_positive −
    false_negative)·p``; one of the two is the identity.
    """
    first, second = values["false_positive"], values["false_negative"]
    true = 1 - first - second
    contrast = values["visibility"]
    shown = first + true * population
    found = {name: contrast * true * slope for name, slope in slopes.items()}
    found |= {
        "visibility": shown,
        "background": np.ones_like(population),
        "false_positive": contrast * (1 - population),
        "false_negative": -contrast * population,
    }
    return values["background"] + contrast * shown, found
