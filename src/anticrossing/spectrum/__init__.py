"""What H(x) is along its coordinate: levels, symmetry sectors, crossings.

What enters needs H(x) of one coordinate alone: no drive and no time.
"""

from anticrossing._core.public import guard
from anticrossing.spectrum.crossings import Crossing, Crossings, find_crossings
from anticrossing.spectrum.levels import eigenvectors, levels, tracked_levels
from anticrossing.spectrum.symmetry import Sectors, sectors

__all__ = [
    "levels",
    "tracked_levels",
    "eigenvectors",
    "sectors",
    "Sectors",
    "find_crossings",
    "Crossing",
    "Crossings",
]

guard(__name__)
