"""Exact nuclear wave packets on coupled surfaces, in one or two coordinates.

Energies, times and coordinates are in the units of the Hamiltonian, as for `propagate`; momenta in
ħ/coordinate, masses in ħ²/(energy × coordinate²), so that p²/2m is an energy. Without units ħ = 1.
"""

from anticrossing._core.public import guard
from anticrossing.molecules.packets.absorber import Absorber
from anticrossing.molecules.packets.convergence import ConvergenceReport, check_convergence
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.lower_surface import SurfacePropagation, propagate_lower_surface
from anticrossing.molecules.packets.packets import WavePacket
from anticrossing.molecules.packets.propagation import propagate_packet
from anticrossing.molecules.packets.result import WavePacketPropagation
from anticrossing.molecules.packets.scattering import ScatteringProbabilities, scatter
from anticrossing.molecules.packets.spectrum import PacketSpectrum, autocorrelation_spectrum
from anticrossing.molecules.packets.stationary import StationaryStates, stationary_states
from anticrossing.molecules.packets.step import choose_step

__all__ = [
    "Absorber",
    "ConvergenceReport",
    "Grid",
    "PacketSpectrum",
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

guard(__name__)
