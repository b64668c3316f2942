"""Exact evolution: the panel solver, its results, and a slow reference."""

from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.fermions import FermionEvolution, evolve_fermions
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.dynamics.open_systems import OpenPropagation
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.unitary import Propagation

__all__ = [
    "FermionEvolution",
    "GaussianState",
    "LogProbability",
    "OpenPropagation",
    "Propagation",
    "evolve_fermions",
    "log_probability",
    "propagate",
]
