"""Two levels over a plane on the page: their surfaces, where they meet, the phase around."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing.geometry import berry_phase
from anticrossing.spectrum import levels
from anticrossing.studies.kinds.geometry import GeometryStudy

_ACROSS = 33  # points of the surfaces in each direction


def check(study: GeometryStudy) -> None:
    """Raise unless the levels are those of a plane."""
    count = len(study.hamiltonian.coordinates)
    if count != 2:
        found = f"it has {count}: use  anticrossing run"
        raise fail("hamiltonian", "have two coordinates on the page", found)


def pieces(
    study: GeometryStudy, tables: Mapping[str, Any]
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield each piece by name with what makes it."""
    yield "surfaces", lambda: _surfaces(study)
    yield "meetings", lambda: _meetings(study)


def _surfaces(study: GeometryStudy) -> dict[str, Any]:
    hamiltonian, units = study.hamiltonian, study.hamiltonian.units
    x, y = (np.linspace(low, high, _ACROSS) for low, high in study.asked.bounds)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    first, second = study.asked.levels
    found = levels(hamiltonian, grid)
    gaps = found[..., second] - found[..., first]
    nearest = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
    return {
        "x": x,
        "y": y,
        "lower": found[..., first],
        "upper": found[..., second],
        "gap": gaps[nearest],
        "at": grid[nearest],
        "labels": [units.label(name, "coordinate") for name in hamiltonian.coordinates],
        "energy": units.label("energy", "energy"),
    }


def _meetings(study: GeometryStudy) -> dict[str, Any]:
    """Return where the levels meet, and the phase of the lower one around the whole box."""
    found = [one for one in study.intersections() if one.found]
    (left, right), (low, high) = study.asked.bounds
    corners: FloatArray = np.array([[right, high], [left, high], [left, low], [right, low]])
    around = berry_phase(study.hamiltonian, corners, level=study.asked.levels[0], closed=True)
    return {
        "meetings": [{"position": one.position, "energy": one.energy} for one in found],
        "phase": float(around),
    }
