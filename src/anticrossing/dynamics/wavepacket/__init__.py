"""Exact nuclear wave packets on coupled surfaces, in one or two coordinates.

ħ = 1: times are in units of ħ over that of the energies, masses such that p²/2m is an energy. The
unit of time that a Hamiltonian names (`units.time`, for drives) is not applied; one of it is
`units.angular` of these.
"""

from anticrossing.dynamics.wavepacket.absorber import Absorber
from anticrossing.dynamics.wavepacket.convergence import ConvergenceReport, check_convergence
from anticrossing.dynamics.wavepacket.grid import Grid
from anticrossing.dynamics.wavepacket.lower_surface import (
    SurfacePropagation,
    propagate_lower_surface,
)
from anticrossing.dynamics.wavepacket.packets import WavePacket
from anticrossing.dynamics.wavepacket.propagation import propagate_packet
from anticrossing.dynamics.wavepacket.result import WavePacketPropagation
from anticrossing.dynamics.wavepacket.scattering import ScatteringProbabilities, scatter
from anticrossing.dynamics.wavepacket.spectrum import autocorrelation_spectrum
from anticrossing.dynamics.wavepacket.stationary import StationaryStates, stationary_states
from anticrossing.dynamics.wavepacket.step import choose_step

__all__ = [
    "Absorber",
    "ConvergenceReport",
    "Grid",
    "ScatteringProbabilities",
    "StationaryStates",
    "SurfacePropagation",
    "WavePacket",
    "WavePacketPropagation",
    "autocorrelation_spectrum",
    "check_convergence",
    "choose_step",
    "propagate_lower_surface",
    "propagate_packet",
    "scatter",
    "stationary_states",
]
