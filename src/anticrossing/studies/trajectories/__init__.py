"""An ensemble of trajectories on coupled levels: experiment file, result, tables and dataset."""

from anticrossing.studies.trajectories.file import TrajectoriesStudy, read
from anticrossing.studies.trajectories.result import TrajectoriesOutcome

__all__ = ["TrajectoriesOutcome", "TrajectoriesStudy", "read"]
