"""Trajectories on coupled levels: hopping, Ehrenfest, MASH. Approximations; the exact packets of
`anticrossing.molecules.packets` are what they are judged against."""

from anticrossing._core.public import guard
from anticrossing.molecules.trajectories.ensemble import run_trajectories
from anticrossing.molecules.trajectories.initial import (
    Fixed,
    Gaussian,
    InitialConditions,
    Thermal,
    vertical_excitation,
)
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
    "vertical_excitation",
]

guard(__name__)
