"""Avoided level crossings: find them, predict the passage in closed form, compute it exactly."""

from anticrossing import drive, dynamics, formulas, models, spectrum, units
from anticrossing._version import __version__
from anticrossing.analysis import Passage, passage
from anticrossing.checks import (
    AnticrossingError,
    ConvergenceError,
    InputError,
    MissingExtraError,
)
from anticrossing.drive import Drive
from anticrossing.dynamics import Propagation, propagate
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import find_crossings
from anticrossing.units import Units

__all__ = [
    "AnticrossingError",
    "ConvergenceError",
    "Drive",
    "Hamiltonian",
    "InputError",
    "MissingExtraError",
    "Passage",
    "Propagation",
    "Units",
    "__version__",
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
