"""What every kind of experiment but a passage offers, so that one way of printing serves them all.

A kind is a package with a function ``read(entries, heading)`` that turns the tables of a file into
a `Study`; `anticrossing.studies.file` lists it under the table that tells it from the others.
`Study.run` gives an `Outcome`, from which the command line, the report and the files on disk are
made. What they do not say themselves is in the modules of the same package: ``result.run(study,
progress)``, ``report.numbers``, ``report.result_tables`` and ``report.sentences`` of an outcome,
``dataset.to_dataset``. Only the figure is drawn kind by kind, in `anticrossing.plot`.
"""

from __future__ import annotations

import abc
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import fail

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

    @property
    def store(self) -> Path | None:
        """The directory of unfinished work that the file names, if there is one."""
        return None

    def check_target(self, directory: Path) -> None:
        """Refuse a directory for the results that holds the store, or lies in it."""
        if self.store is None:
            return
        store, target = self.store.resolve(), directory.resolve()
        if store.is_relative_to(target) or target.is_relative_to(store):
            raise fail("store", f"lie apart from the results in {directory}", f"it is {store}")

    def run(self, progress: Progress | None = None) -> Outcome:
        """Compute everything that is asked."""
        found: Outcome = _beside(self, "result").run(self, progress)
        return found

    def sweep_target(self, grid: Grid) -> Target:
        """Return what `anticrossing.sweep` computes at every point of a grid."""
        from anticrossing.studies.sweep import experiment_target

        return experiment_target(self, grid)


class Outcome(abc.ABC):
    """What came out of a study: numbers only, everything a figure or a file needs."""

    experiment: Study

    @property
    @abc.abstractmethod
    def caption(self) -> str:
        """What the figure shows, for readers who cannot see it."""

    def numbers(self) -> dict[str, Any]:
        """Return the numbers as nested dicts, lists and arrays, for JSON."""
        found: dict[str, Any] = _beside(self, "report").numbers(self)
        return found

    def tables(self) -> tuple[Table, ...]:
        """Return the numbers worth reading, as tables."""
        found: tuple[Table, ...] = _beside(self, "report").result_tables(self)
        return found

    def sentences(self) -> Sentences:
        """Return the result in words."""
        found: Sentences = _beside(self, "report").sentences(self)
        return found

    def to_dataset(self) -> xarray.Dataset:
        """Return everything as a labelled `xarray.Dataset` with units and provenance."""
        found: xarray.Dataset = _beside(self, "dataset").to_dataset(self)
        return found

    def attributes(self) -> dict[str, str]:
        """Return where the result comes from, what was set up and the verdict, for the dataset."""
        from anticrossing.studies.dataset import provenance

        study = self.experiment
        return {**provenance(study), **study.setup, "verdict": self.sentences().verdict}


def variable(
    dimensions: tuple[str, ...], values: Any, text: str, unit: str = "1"
) -> tuple[tuple[str, ...], Any, dict[str, str]]:
    """Return a variable or coordinate of a dataset with its meaning and its unit."""
    return dimensions, np.asarray(values), {"long_name": text, "units": unit}


def _beside(owner: Study | Outcome, module: str) -> Any:
    """Return a module of the package of a kind, imported when it is first needed."""
    return importlib.import_module(f"{type(owner).__module__.rpartition('.')[0]}.{module}")
