"""Fringes of a driven qubit on the page: the map of its mean population."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from anticrossing._core.checks import fail
from anticrossing.studies.kinds.interferogram import InterferogramStudy

_MOST_POINTS = 250_000  # of the map, that is a megabyte


def check(study: InterferogramStudy) -> None:
    """Raise unless the map is one, of a size that can be sent."""
    size = study.offsets.size * study.amplitudes.size
    if size > _MOST_POINTS or min(study.offsets.size, study.amplitudes.size) < 2:
        must = f"make a map of at most {_MOST_POINTS} points on the page"
        raise fail("points", must, f"there are {size}: use  anticrossing run")


def pieces(
    study: InterferogramStudy, tables: Mapping[str, Any]
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield the map with what makes it."""
    yield "map", lambda: _map(study)


def _map(study: InterferogramStudy) -> dict[str, Any]:
    found = study.population(study.offsets, study.amplitudes)
    unit = f" ({study.asked.unit})" if study.asked.unit else ""
    return {
        "offsets": study.offsets,
        "amplitudes": study.amplitudes,
        "population": base64.b64encode(found.astype("<f4").tobytes()).decode(),
        "range": [float(found.min()), float(found.max())],
        "mean": float(found.mean()),
        "measured": study.measured,
        "resonances": _resonances(study),
        "x": f"offset{unit}",
        "y": f"amplitude{unit}",
    }


def _resonances(study: InterferogramStudy) -> list[float]:
    """Return the offsets at multiples of the frequency, if they are few."""
    low, high, step = study.offsets[0], study.offsets[-1], study.asked.frequency
    first, last = np.ceil(low / step), np.floor(high / step)
    if not last - first < 30:
        return []
    return [float(n * step) for n in np.arange(first, last + 1)]
