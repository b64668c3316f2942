"""Avoided level crossings: find them, predict the passage in closed form, compute it exactly."""

from anticrossing import drive, dynamics, formulas, models, spectrum, units
from anticrossing._version import __version__
from anticrossing.analysis import (
    Passage,
    adiabatic_expansion,
    coherent_incoherent_split,
    decoherence_regime,
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

__all__ = [
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
    "adiabatic_expansion",
    "coherent_incoherent_split",
    "decoherence_regime",
    "drive",
    "dynamics",
    "find_crossings",
    "formulas",
    "models",
    "passage",
    "propagate",
    "spectrum",
    "units",
]
