"""What H(x) is along its coordinate: levels, symmetry sectors, crossings, exceptional points.

What enters needs H(x) and a stretch of one coordinate, with levels that decay a plane, but no time:
a drive belongs to `anticrossing.analysis`, several coordinates to `anticrossing.geometry`.
"""

from anticrossing._core.public import guard
from anticrossing.spectrum.crossings import find_crossings
from anticrossing.spectrum.dressed import dressed_states
from anticrossing.spectrum.exceptional_points import ExceptionalPoints, find_exceptional_points
from anticrossing.spectrum.found import Crossing, Crossings
from anticrossing.spectrum.levels import eigenvectors, levels, tracked_levels
from anticrossing.spectrum.mean_field import (
    MeanFieldLevels,
    StationaryStates,
    mean_field_levels,
    stationary_states,
)
from anticrossing.spectrum.named_symmetry import Symmetry
from anticrossing.spectrum.point_groups import CharacterTable, character_table
from anticrossing.spectrum.sampled import SampledCrossings, sampled_crossings
from anticrossing.spectrum.symmetry import Sectors, sectors

__all__ = [
    "levels",
    "tracked_levels",
    "eigenvectors",
    "dressed_states",
    "sectors",
    "Sectors",
    "find_crossings",
    "find_exceptional_points",
    "ExceptionalPoints",
    "Crossing",
    "Crossings",
    "SampledCrossings",
    "sampled_crossings",
    "Symmetry",
    "CharacterTable",
    "character_table",
    "MeanFieldLevels",
    "StationaryStates",
    "mean_field_levels",
    "stationary_states",
]

guard(__name__)
