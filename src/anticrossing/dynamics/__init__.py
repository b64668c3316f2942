"""Exact evolution: the panel solver, its results, and a slow reference."""

from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.open_systems import OpenPropagation
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.unitary import Propagation

__all__ = ["LogProbability", "OpenPropagation", "Propagation", "log_probability", "propagate"]
