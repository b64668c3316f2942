"""Avoided level crossings: find them, predict the passage in closed form, compute it exactly."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anticrossing._version import __version__

if TYPE_CHECKING:
    from anticrossing import (
        ab_initio,
        control,
        drive,
        dynamics,
        experiment,
        fits,
        formulas,
        geometry,
        models,
        plot,
        reproduce,
        spectral_density,
        spectrum,
        sweeps,
        thermodynamics,
        trajectories,
        units,
        vibronic,
    )
    from anticrossing.analysis.adiabatic_expansion import adiabatic_expansion
    from anticrossing.analysis.coherent_split import coherent_incoherent_split
    from anticrossing.analysis.coupling_peak import coupling_peak
    from anticrossing.analysis.decoherence import decoherence_regime
    from anticrossing.analysis.impulse import AdiabaticImpulse, adiabatic_impulse
    from anticrossing.analysis.intersection_passage import intersection_passage
    from anticrossing.analysis.passage import Passage, passage
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
    from anticrossing.sweeps import sweep
    from anticrossing.units import Units

_LATE_MODULES = (  # imported when first used, which keeps `import anticrossing` quick
    "ab_initio",
    "analysis",
    "control",
    "drive",
    "dynamics",
    "environment",
    "experiment",
    "expression",
    "fits",
    "formulas",
    "geometry",
    "hamiltonian",
    "models",
    "plot",
    "reproduce",
    "spectral_density",
    "spectrum",
    "sweeps",
    "thermodynamics",
    "trajectories",
    "units",
    "vibronic",
)
_LATE_NAMES = {
    "AdiabaticImpulse": "analysis",
    "AnticrossingError": "checks",
    "ConvergenceError": "checks",
    "Dephasing": "environment",
    "Drive": "drive",
    "Environment": "environment",
    "FixedAxisDephasing": "environment",
    "Hamiltonian": "hamiltonian",
    "InputError": "checks",
    "Lindblad": "environment",
    "MissingExtraError": "checks",
    "OpenPropagation": "dynamics",
    "Passage": "analysis",
    "Propagation": "dynamics",
    "ThermalRelaxation": "environment",
    "Units": "units",
    "adiabatic_expansion": "analysis",
    "adiabatic_impulse": "analysis",
    "coherent_incoherent_split": "analysis",
    "coupling_peak": "analysis",
    "decoherence_regime": "analysis",
    "find_crossings": "spectrum",
    "intersection_passage": "analysis",
    "passage": "analysis",
    "propagate": "dynamics",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> Any:
    if name in _LATE_MODULES:
        return importlib.import_module(f"anticrossing.{name}")
    if name in _LATE_NAMES:
        found = getattr(importlib.import_module(f"anticrossing.{_LATE_NAMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'anticrossing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
