"""What every kind of experiment but a passage offers, so that one way of printing serves them all.

A kind is a package with a function ``read(entries, heading)`` that turns the tables of a file into
a `Study`; `anticrossing.experiment.file` lists it under the table that tells it from the others.
`Study.run` gives an `Outcome`, from which the command line, the report and the files on disk are
made. Only the figure is drawn kind by kind, in `anticrossing.plot`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray

    from anticrossing.sweeps.grid import Grid
    from anticrossing.sweeps.target import Target

Progress = Callable[[int, int], None]
"""Called with (done, total) as the points of a scan finish."""

Cell = str | int | float | bool | None
"""One entry of a table; True and False say whether something is within its domain."""


@dataclass(frozen=True)
class Table:
    """A titled table of a result.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple of Cell
    note : str
        What a reader has to know about the columns.
    detail : bool
        Whether it is only for the report, not for the terminal.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    detail: bool = False

    def holds_words(self, column: int) -> bool:
        """Whether a column holds words and not numbers only."""
        return any(isinstance(row[column], str) for row in self.rows)


@dataclass(frozen=True)
class Sentences:
    """What a result says in words.

    Attributes
    ----------
    verdict : str
        The result in one or two sentences.
    trusted : bool
        Whether every condition of what the verdict rests on holds.
    notes : tuple of str
        What else has to be known, one sentence each, without the full stop.
    """

    verdict: str
    trusted: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Study(abc.ABC):
    """A validated experiment file of any kind but a passage.

    Attributes
    ----------
    name : str
        The file's name without its suffix.
    title, source, description : str
        As in the file.
    text : str
        The file itself, for the record.
    """

    name: str
    title: str
    source: str
    description: str
    text: str

    @property
    @abc.abstractmethod
    def setup(self) -> dict[str, str]:
        """What was set up, one line under each heading."""

    @property
    def steps(self) -> int:
        """The number of points of the scan, 0 without one."""
        return 0

    @abc.abstractmethod
    def run(self, progress: Progress | None = None) -> Outcome:
        """Compute everything that is asked."""

    def sweep_target(self, grid: Grid) -> Target:
        """Return what `anticrossing.sweep` computes at every point of a grid."""
        from anticrossing.experiment.sweep import experiment_target

        return experiment_target(self, grid)


class Outcome(abc.ABC):
    """What came out of a study: numbers only, everything a figure or a file needs."""

    experiment: Study

    @property
    @abc.abstractmethod
    def caption(self) -> str:
        """What the figure shows, for readers who cannot see it."""

    @abc.abstractmethod
    def numbers(self) -> dict[str, Any]:
        """Return the numbers as nested dicts, lists and arrays, for JSON."""

    @abc.abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """Return the numbers worth reading, as tables."""

    @abc.abstractmethod
    def sentences(self) -> Sentences:
        """Return the result in words."""

    @abc.abstractmethod
    def to_dataset(self) -> xarray.Dataset:
        """Return everything as a labelled `xarray.Dataset` with units and provenance."""
