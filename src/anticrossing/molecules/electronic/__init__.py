"""Electronic states at one geometry at a time: energies, gradients, couplings or overlaps.

What enters here answers for one point, from a function, a Hamiltonian or a program; what moves
nuclei over many points is in `anticrossing.molecules.trajectories`.
"""

from anticrossing._core.public import guard
from anticrossing.molecules.electronic.base import ElectronicStates, StatePoint
from anticrossing.molecules.electronic.cached import CachedStates
from anticrossing.molecules.electronic.given import FunctionStates, HamiltonianStates
from anticrossing.molecules.electronic.programs import AseStates, PyscfStates
from anticrossing.molecules.electronic.state_averaged import CasscfStates

__all__ = [
    "AseStates",
    "CachedStates",
    "CasscfStates",
    "ElectronicStates",
    "FunctionStates",
    "HamiltonianStates",
    "PyscfStates",
    "StatePoint",
]

guard(__name__)
