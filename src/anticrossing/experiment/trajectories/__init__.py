"""An ensemble of trajectories on coupled levels: experiment file, result, tables and dataset."""

from anticrossing.experiment.trajectories.file import TrajectoriesStudy, read
from anticrossing.experiment.trajectories.result import TrajectoriesOutcome

__all__ = ["TrajectoriesOutcome", "TrajectoriesStudy", "read"]
