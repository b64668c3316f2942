"""What a notebook shows of a Hamiltonian: its facts, and its levels where they are few."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core import facts
from anticrossing.hamiltonian._arguments import describe_value

_MOST_LEVELS = 12
_POINTS, _COARSE = 121, 25
_REACHES = 10.0 ** np.arange(-4.0, 4.1, 0.25)  # of the coordinate, on both sides of zero
_ENOUGH = 2.0  # times the distance of the levels at zero that they should move


def rows(hamiltonian: Any) -> dict[str, str]:
    """Return facts by name."""
    h = hamiltonian
    named = h.labels != tuple(map(str, range(h.dimension)))
    unit = f" ({h.units.coordinate})" if h.units.coordinate else ""
    plural = "s" if len(h.coordinates) > 1 else ""
    count = str(h.dimension) + (f": {', '.join(h.labels)}" if named else "")
    found = {
        "levels": facts.value_text(count),
        f"coordinate{plural}": facts.value_text(", ".join(h.coordinates) + unit),
    }
    found |= {name: describe_value(value) for name, value in h.parameters.items()}
    found["given as"] = h._given_as()
    if h.batch_shape:
        found["batch shape"] = str(h.batch_shape)
    if h.dims is not None:
        found["factors"] = " × ".join(map(str, h.dims[0]))
    energy, time = h.units.energy, h.units.time
    found["units"] = f"energies in {energy}, times in {time}" if energy else "ħ = 1"
    if h.source:
        found["source"] = facts.value_text(h.source)
    return found


def sketch(hamiltonian: Any) -> str:
    """Return the levels over a window around zero in which they move; nothing for a batch."""
    h = hamiltonian
    if len(h.coordinates) != 1 or h.batch_shape or h.dimension > _MOST_LEVELS:
        return ""
    try:
        reach = _reach(h)
        if reach is None:
            return ""
        x = np.linspace(-reach, reach, _POINTS)
        levels = np.linalg.eigvalsh(h.evaluate(x, h.parameters)).T
    except Exception:  # noqa: BLE001 - a picture more is worth no error
        return ""
    unit = f" ({h.units.coordinate})" if h.units.coordinate else ""
    return facts.lines(x, levels, h.coordinates[0] + unit, "E")


def _reach(h: Any) -> float | None:
    """Return how far levels are looked at on both sides of zero, or None if they do not move."""
    x = _REACHES[:, None] * np.linspace(-1, 1, _COARSE)
    matrices = h.evaluate(x.ravel(), h.parameters)
    good = np.isfinite(matrices).all(axis=(1, 2)).reshape(x.shape).all(axis=1)
    if not good[0]:
        return None
    count = int(np.argmin(good)) if not good.all() else good.size
    levels = np.linalg.eigvalsh(matrices.reshape(*x.shape, *matrices.shape[1:])[:count])
    middle = levels[0, _COARSE // 2]
    moved = np.max(np.ptp(levels, axis=1), axis=-1)
    distance = float(np.ptp(middle))
    if not moved[-1] > 0:
        return None
    enough = np.flatnonzero(moved >= _ENOUGH * distance)
    if distance > 0 and enough.size:
        return float(_REACHES[enough[0]])
    # Levels that meet at zero look the same at every scale; bounded ones are seen where they have
    # moved as far as they do.
    return float(_REACHES[np.flatnonzero(moved >= 0.5 * moved[-1])[0]]) if distance > 0 else 1.0
