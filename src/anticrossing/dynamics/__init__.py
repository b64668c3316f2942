"""Exact evolution along a drive: the panel solver, its results, and a slow reference.

What enters solves an equation of motion to a tolerance and says how well. Closed forms stay in
`anticrossing.formulas`: neither room imports the other, so that each tests the other.
"""

from anticrossing._core.public import guard
from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.driven_qubit import DrivenQubit, driven_qubit
from anticrossing.dynamics.effort import Effort
from anticrossing.dynamics.fermions import FermionEvolution, evolve_fermions
from anticrossing.dynamics.filter_functions import FilterFunction, filter_function
from anticrossing.dynamics.floquet import Floquet, floquet
from anticrossing.dynamics.gate import Gate
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.dynamics.interferogram import Interferogram, interferogram
from anticrossing.dynamics.jumps import QuantumJumps, quantum_jumps
from anticrossing.dynamics.level_interferogram import LevelInterferogram, level_interferogram
from anticrossing.dynamics.mean_field import MeanFieldEvolution, evolve_mean_field
from anticrossing.dynamics.periodic import (
    PeriodicSteadyState,
    one_period_propagator,
    periodic_steady_state,
)
from anticrossing.dynamics.propagation import estimate, propagate
from anticrossing.dynamics.quasi_energies import QuasiEnergies, Resonance, quasi_energies
from anticrossing.dynamics.result import Derivative, Propagation
from anticrossing.dynamics.sampled_paths import SampledPropagation, sample_paths
from anticrossing.dynamics.state_evolution import StateEvolution

__all__ = [
    "Derivative",
    "DrivenQubit",
    "Effort",
    "FermionEvolution",
    "FilterFunction",
    "Floquet",
    "Gate",
    "GaussianState",
    "Interferogram",
    "LevelInterferogram",
    "LogProbability",
    "MeanFieldEvolution",
    "PeriodicSteadyState",
    "Propagation",
    "QuantumJumps",
    "QuasiEnergies",
    "Resonance",
    "SampledPropagation",
    "StateEvolution",
    "driven_qubit",
    "estimate",
    "evolve_fermions",
    "evolve_mean_field",
    "filter_function",
    "floquet",
    "interferogram",
    "level_interferogram",
    "log_probability",
    "one_period_propagator",
    "periodic_steady_state",
    "propagate",
    "quantum_jumps",
    "quasi_energies",
    "sample_paths",
]

guard(__name__)
