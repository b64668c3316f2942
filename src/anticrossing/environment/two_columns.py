"""Spectra in files of two columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anticrossing._core.checks import FloatArray, InputError
from anticrossing._core.files import path_of
from anticrossing._core.reading import read_text, reading


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
            omega, density = map(float, fields)
        except ValueError:
            if not rows and not any(_is_number(field) for field in fields):
                continue  # names
            raise InputError(
                f"Line {number} of {source} must hold two numbers, ω and S(ω), but it is "
                f"{line.strip()[:60]!r}."
            ) from None
        if not np.isfinite(density):
            raise InputError(f"Line {number} of {source}: the spectrum diverges there.")
        rows.append((omega, density))
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
