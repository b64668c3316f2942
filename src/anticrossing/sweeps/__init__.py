"""One function at every point of a grid: resumable, parallel, and the same whoever computes it.

What enters knows functions, grids, executors and stores, and no physics.
"""

from anticrossing._core.public import guard
from anticrossing.sweeps.errors import SweepError
from anticrossing.sweeps.grid import Zip
from anticrossing.sweeps.run import sweep

__all__ = ["SweepError", "Zip", "sweep"]

guard(__name__)
