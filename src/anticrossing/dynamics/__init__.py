"""Exact evolution: the panel solver, its results, and a slow reference."""

from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.unitary import Propagation, propagate

__all__ = ["LogProbability", "Propagation", "log_probability", "propagate"]
