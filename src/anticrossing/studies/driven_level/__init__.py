"""A level driven through a finite reservoir: experiment file, result, tables and dataset."""

from anticrossing.studies.driven_level.file import DrivenLevelStudy, WorkQuestion, read
from anticrossing.studies.driven_level.result import (
    DrivenLevelOutcome,
    DrivenLevelScan,
    Work,
)

__all__ = [
    "DrivenLevelOutcome",
    "DrivenLevelScan",
    "DrivenLevelStudy",
    "Work",
    "WorkQuestion",
    "read",
]
