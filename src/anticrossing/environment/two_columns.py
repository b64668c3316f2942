"""Spectra that were measured: what they must be, and files of two columns that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    increasing,
    real_array,
    shaped_like,
)
from anticrossing._core.files import path_of
from anticrossing._core.reading import read_text, reading
from anticrossing._core.text_table import is_number, parse_number

_FEWEST_POINTS = 3


def checked_spectrum(
    frequency: npt.ArrayLike, density: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return frequencies that increase from above 0 and a density ≥ 0 that is not 0 everywhere."""
    omega = increasing("frequency", frequency, _FEWEST_POINTS)
    if omega[0] <= 0:
        raise fail("frequency", "be positive", f"the first is {omega[0]:g}")
    values = shaped_like("density", real_array("density", density), "frequency", omega.shape)
    if np.any(values < 0):
        at = omega[np.argmax(values < 0)]
        raise fail("density", "not be negative", f"it is at ω = {at:.6g}")
    if not np.any(values > 0):
        raise fail("density", "be positive somewhere", "it is 0")
    return omega, values


def read_spectrum(path: str | Path) -> tuple[FloatArray, FloatArray]:
    """Return the two columns of a file, separated by commas or blanks; # begins a remark."""
    source = path_of("path", path)
    rows: list[tuple[float, float]] = []
    with reading(source, "a spectrum"):
        text = read_text(source)
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.partition("#")[0].replace(",", " ").split()
        if not fields:
            continue
        try:
            omega, density = map(parse_number, fields)
        except ValueError:
            if not rows and not any(is_number(field) for field in fields):
                continue  # names
            raise InputError(
                f"Line {number} of {source} must hold two numbers, ω and its density, but it is "
                f"{line.strip()[:60]!r}."
            ) from None
        if not np.isfinite(density):
            raise InputError(f"Line {number} of {source}: the spectrum diverges there.")
        rows.append((omega, density))
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
