"""Figures of results: axes in, axes out. Nothing here computes physics.

Every function draws into the axes it is given and returns them; `figure` puts them together, and
`write` saves figure and report beside the data. No global state of Matplotlib is touched: figures
are made without `pyplot`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anticrossing._core.public import guard
from anticrossing.plot.figure import save_figure
from anticrossing.plot.panels import (
    comparison,
    differences,
    levels,
    populations,
)
from anticrossing.plot.scan_panels import scan, scan_differences

if TYPE_CHECKING:
    from anticrossing.plot.driven_level import (
        entropy_production_surface,
        entropy_steps,
        staircase,
        work_distributions,
    )
    from anticrossing.plot.geometry import coupling_field, gap_map, surfaces
    from anticrossing.plot.geometry_paths import coupling_peak, diabats, loop_phase
    from anticrossing.plot.interference import fringes, interferogram, quasi_energies
    from anticrossing.plot.packets import (
        animate_packet,
        channels,
        density,
        ensemble_populations,
    )
    from anticrossing.plot.rates import inverted_region, temperature_sweep

_LATE = {  # what a passage does not need, imported when first used
    "driven_level": (
        "entropy_production_surface",
        "entropy_steps",
        "staircase",
        "work_distributions",
    ),
    "geometry": ("coupling_field", "gap_map", "surfaces"),
    "geometry_paths": ("coupling_peak", "diabats", "loop_phase"),
    "interference": ("fringes", "interferogram", "quasi_energies"),
    "packets": ("animate_packet", "channels", "density", "ensemble_populations"),
    "rates": ("inverted_region", "temperature_sweep"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATE.items():
        if name in (module, *names):
            found = importlib.import_module(f"anticrossing.plot.{module}")
            guard(found.__name__)
            return found if name == module else getattr(found, name)
    raise AttributeError(f"module 'anticrossing.plot' has no attribute {name!r}")


__all__ = [
    "animate_packet",
    "channels",
    "comparison",
    "coupling_field",
    "coupling_peak",
    "density",
    "diabats",
    "differences",
    "ensemble_populations",
    "entropy_production_surface",
    "entropy_steps",
    "fringes",
    "gap_map",
    "interferogram",
    "inverted_region",
    "levels",
    "loop_phase",
    "populations",
    "quasi_energies",
    "save_figure",
    "scan",
    "scan_differences",
    "staircase",
    "surfaces",
    "temperature_sweep",
    "work_distributions",
]

guard(__name__)
