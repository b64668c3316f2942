"""Environments: what dephases and relaxes the levels, in Lindblad form, and what they decay to.

dρ/dt = −i[H, ρ] + Σ_k (L_k ρ L_k† − ½{L_k†L_k, ρ}) − ½{Γ, ρ}. An environment knows neither the
drive nor the solver; it answers one question: at these positions, times and energies, what are its
rates in the instantaneous eigenbasis of H, and what are its jump operators, and its Γ, in the basis
H is written in?
Environments add up: ``Dephasing(...) + ThermalRelaxation(...)``. Classical noise that remembers is
in `noise`; it has neither rates nor jump operators.

Rates are inverse times in the drive's unit; temperatures, and the energies handed to functions, are
in the Hamiltonian's own unit.
"""

from anticrossing._core.public import guard
from anticrossing.environment import noise
from anticrossing.environment.base import Combined, EigenRates, Environment, Nodes
from anticrossing.environment.bath import Bath
from anticrossing.environment.decay import Decay
from anticrossing.environment.dephasing import Dephasing, FixedAxisDephasing
from anticrossing.environment.lindblad import Lindblad
from anticrossing.environment.strength import Strength
from anticrossing.environment.thermal import ThermalRelaxation

__all__ = [
    "Bath",
    "Combined",
    "Decay",
    "Dephasing",
    "EigenRates",
    "Environment",
    "FixedAxisDephasing",
    "Lindblad",
    "Nodes",
    "Strength",
    "ThermalRelaxation",
    "noise",
]

guard(__name__)
