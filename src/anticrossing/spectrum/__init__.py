"""What H(x) is along its coordinate: levels, symmetry sectors, crossings, exceptional points.

What enters needs H(x) and a stretch of one coordinate, with levels that decay a plane, but no time:
a drive belongs to `anticrossing.analysis`, several coordinates to `anticrossing.geometry`.
"""

from anticrossing._core.public import guard
from anticrossing.spectrum.crossings import find_crossings as find_crossings
from anticrossing.spectrum.dressed import dressed_states as dressed_states
from anticrossing.spectrum.exceptional_points import (
    ExceptionalPoints as ExceptionalPoints,
    find_exceptional_points as find_exceptional_points,
)
from anticrossing.spectrum.found import Crossing as Crossing, Crossings as Crossings
from anticrossing.spectrum.levels import (
    eigenvectors as eigenvectors,
    levels as levels,
    tracked_levels as tracked_levels,
)
from anticrossing.spectrum.mean_field import (
    MeanFieldLevels as MeanFieldLevels,
    StationaryStates as StationaryStates,
    mean_field_levels as mean_field_levels,
    stationary_states as stationary_states,
)
from anticrossing.spectrum.named_symmetry import Symmetry as Symmetry
from anticrossing.spectrum.point_groups import (
    CharacterTable as CharacterTable,
    character_table as character_table,
)
from anticrossing.spectrum.sampled import (
    SampledCrossings as SampledCrossings,
    sampled_crossings as sampled_crossings,
)
from anticrossing.spectrum.symmetry import Sectors as Sectors, sectors as sectors

guard(__name__)
