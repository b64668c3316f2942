"""Avoided level crossings: find them, predict the passage in closed form, compute it exactly."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anticrossing import drive, dynamics, formulas, models, spectrum, units
from anticrossing._version import __version__
from anticrossing.analysis import (
    AdiabaticImpulse,
    Passage,
    adiabatic_expansion,
    adiabatic_impulse,
    coherent_incoherent_split,
    coupling_peak,
    decoherence_regime,
    intersection_passage,
    passage,
)
from anticrossing.checks import (
    AnticrossingError,
    ConvergenceError,
    InputError,
    MissingExtraError,
)
from anticrossing.drive import Drive
from anticrossing.dynamics import OpenPropagation, Propagation, propagate
from anticrossing.environment import (
    Dephasing,
    Environment,
    FixedAxisDephasing,
    Lindblad,
    ThermalRelaxation,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import find_crossings
from anticrossing.units import Units

if TYPE_CHECKING:
    from anticrossing import (
        ab_initio,
        control,
        experiment,
        fits,
        geometry,
        plot,
        reproduce,
        spectral_density,
        sweeps,
        thermodynamics,
        trajectories,
        vibronic,
    )
    from anticrossing.sweeps import sweep

_LATE = (  # imported when first used
    "ab_initio",
    "control",
    "experiment",
    "fits",
    "geometry",
    "plot",
    "reproduce",
    "spectral_density",
    "sweeps",
    "thermodynamics",
    "trajectories",
    "vibronic",
)


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return importlib.import_module(f"anticrossing.{name}")
    if name == "sweep":
        return importlib.import_module("anticrossing.sweeps").sweep
    raise AttributeError(f"module 'anticrossing' has no attribute {name!r}")


__all__ = [
    "AdiabaticImpulse",
    "AnticrossingError",
    "ConvergenceError",
    "Dephasing",
    "Drive",
    "Environment",
    "FixedAxisDephasing",
    "Hamiltonian",
    "InputError",
    "Lindblad",
    "MissingExtraError",
    "OpenPropagation",
    "Passage",
    "Propagation",
    "ThermalRelaxation",
    "Units",
    "__version__",
    "ab_initio",
    "adiabatic_expansion",
    "adiabatic_impulse",
    "coherent_incoherent_split",
    "control",
    "coupling_peak",
    "decoherence_regime",
    "drive",
    "dynamics",
    "experiment",
    "find_crossings",
    "fits",
    "formulas",
    "geometry",
    "intersection_passage",
    "models",
    "passage",
    "plot",
    "propagate",
    "reproduce",
    "spectral_density",
    "spectrum",
    "sweep",
    "sweeps",
    "thermodynamics",
    "trajectories",
    "units",
    "vibronic",
]
