"""Trajectories on coupled levels: hopping, Ehrenfest, MASH. Approximations; the exact packets of
`anticrossing.dynamics` are what they are judged against."""

from anticrossing._public import guard
from anticrossing.trajectories.ensemble import run_trajectories
from anticrossing.trajectories.initial import (
    Fixed,
    Gaussian,
    InitialConditions,
    Thermal,
    vertical_excitation,
)
from anticrossing.trajectories.result import REASONS, EnsembleResult, HopLog, Mean

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
