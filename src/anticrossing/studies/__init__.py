"""Studies: a file in, numbers, tables, a figure and a report out.

What enters reads, runs, shows or keeps a file; the physics is called from the rooms below.

What a file may hold, table by table, is told by `anticrossing.studies.kinds`, and by the command
``anticrossing schema``. Everything is checked before any work; a mistake gives one line that names
the table and the key.
"""

from anticrossing._core.checks import require
from anticrossing._core.public import guard

require("msgspec", "files", "`anticrossing.studies`")

from anticrossing.studies.directory import (
    check_target as check_target,
    replace_directory as replace_directory,
    save as save,
)
from anticrossing.studies.file import load as load, parse as parse
from anticrossing.studies.outcome import (
    Outcome as Outcome,
    Output as Output,
    Scanned as Scanned,
    Sentences as Sentences,
    Table as Table,
)
from anticrossing.studies.page import report as report
from anticrossing.studies.plan import Axis as Axis, Plan as Plan
from anticrossing.studies.points import run as run, sweep as sweep
from anticrossing.studies.study import Study as Study

guard(__name__)
