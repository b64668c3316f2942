"""Studies: a file in, numbers, tables, a figure and a report out.

What enters reads, runs, shows or keeps a file; the physics is called from the rooms below.

What a file may hold, table by table, is told by `anticrossing.studies.kinds`, and by the command
``anticrossing schema``. Everything is checked before any work; a mistake gives one line that names
the table and the key.
"""

from anticrossing._core.checks import require
from anticrossing._core.public import guard

require("msgspec", "files", "`anticrossing.studies`")

from anticrossing.studies.directory import check_target, replace_directory, save
from anticrossing.studies.file import load, parse
from anticrossing.studies.outcome import Outcome, Output, Scanned, Sentences, Table
from anticrossing.studies.page import report
from anticrossing.studies.plan import Axis, Plan
from anticrossing.studies.points import run, sweep
from anticrossing.studies.study import Study

__all__ = [
    "Axis",
    "Outcome",
    "Output",
    "Plan",
    "Scanned",
    "Sentences",
    "Study",
    "Table",
    "check_target",
    "load",
    "parse",
    "replace_directory",
    "report",
    "run",
    "save",
    "sweep",
]

guard(__name__)
