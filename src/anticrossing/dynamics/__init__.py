"""Exact evolution: the panel solver, its results, and a slow reference."""

from anticrossing.dynamics.unitary import Propagation, propagate

__all__ = ["Propagation", "propagate"]
