"""Trajectories on coupled levels: surface hopping, Ehrenfest, MASH.

All of them are approximations; the exact packets of `anticrossing.molecules.packets` judge them.
"""

from anticrossing._core.public import guard
from anticrossing.molecules.trajectories.ensemble import run_trajectories
from anticrossing.molecules.trajectories.initial import (
    Fixed,
    Gaussian,
    InitialConditions,
    Thermal,
    vertical_excitation,
)
from anticrossing.molecules.trajectories.mapping import mash_population
from anticrossing.molecules.trajectories.result import REASONS, EnsembleResult, HopLog, Mean

__all__ = [
    "run_trajectories",
    "EnsembleResult",
    "HopLog",
    "Mean",
    "REASONS",
    "InitialConditions",
    "Fixed",
    "Gaussian",
    "Thermal",
    "mash_population",
    "vertical_excitation",
]

guard(__name__)
