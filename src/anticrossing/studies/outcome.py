"""What comes out of a study: tables, sentences, variables and a figure."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from anticrossing._core.drawing import first_axes
from anticrossing._core.provenance import plain
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, real
from anticrossing._version import __version__
from anticrossing.studies.plan import Axis

_MOST_FAILURES = 5  # in words

Cell = str | int | float | bool | None
"""One entry of a table; True and False say whether something is within its domain."""

Progress = Callable[[int, int], None]
"""Called with (done, total) as the points of a scan finish."""


class Output(NamedTuple):
    """A number that can be had at every point: its meaning and dimensions, whether it is asked for
    unless a file names others, and the axis of the figure that it shares with others."""

    text: str
    dims: tuple[str, ...] = ()
    default: bool = False
    quantity: str = ""


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
    empty : str
        What is said where there are no rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    detail: bool = False
    empty: str = ""

    def holds_words(self, column: int) -> bool:
        """Whether a column holds words and not numbers only."""
        return any(isinstance(row[column], str) for row in self.rows)


class Listed(NamedTuple):
    """Something listed: a heading, a table, and the same numbers for JSON."""

    heading: str
    table: Table
    numbers: dict[str, Any]


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


@dataclass(frozen=True, eq=False)
class Scanned:
    """What a scan gave: `values` holds each output along the axis, NaN where a point failed."""

    axis: Axis
    outputs: Mapping[str, Output]
    values: Mapping[str, Any]
    labels: Mapping[str, Sequence[Any]]
    failures: tuple[str, ...]

    def __getitem__(self, output: str) -> Any:
        return self.values[output]

    def variables(self) -> dict[str, Variable]:
        """Return the outputs along the axis, for the dataset."""
        axis = self.axis
        found = {
            axis.parameter: Variable(
                (axis.parameter,), axis.values, f"{axis.label} (scanned)", axis.unit or "1"
            )
        }
        for name, values in self.values.items():
            output = self.outputs[name]
            found[f"scan_{name}"] = Variable(
                (axis.parameter, *output.dims), values, f"{output.text}, along the scan"
            )
        return found

    def table(self) -> Table:
        """Return the outputs that are asked for by default, one row for each point."""
        named = [pair for columns in self.columns().values() for pair in columns]
        columns = (self.axis.parameter, *(name for name, _ in named))
        cells = [self.axis.values, *(values for _, values in named)]
        rows = tuple(
            tuple(float(cell) if np.isfinite(cell) else None for cell in row)
            for row in zip(*cells, strict=True)
        )
        return Table("scan", columns, rows, detail=True)

    def columns(self) -> dict[str, list[tuple[str, Any]]]:
        """Return what is asked for by default, each entry with its name, by quantity."""
        found: dict[str, list[tuple[str, Any]]] = {}
        for name, values in self.values.items():
            output = self.outputs[name]
            if output.default:
                flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
                sizes = zip(output.dims, np.shape(values)[1:], strict=True)
                labels = itertools.product(*(self.labels.get(d, range(n)) for d, n in sizes))
                named = [f"{name} {', '.join(map(str, label))}".strip() for label in labels]
                found.setdefault(output.quantity, []).extend(zip(named, flat.T, strict=True))
        return found

    def numbers(self) -> dict[str, Any]:
        """Return the outputs along the axis, for JSON."""
        axis = {"parameter": self.axis.parameter, "values": self.axis.values}
        return {**axis, **self.values, "failures": list(self.failures)}


class Outcome(Result, abc.ABC):
    """What came out of a study: numbers only, everything a figure or a file needs."""

    experiment: Any
    scan: Scanned | None
    curves: ClassVar[tuple[str, ...]] = ()
    """Dimensions of the variables that are curves, too long to be read."""

    @property
    @abc.abstractmethod
    def caption(self) -> str:
        """What the figure shows, for readers who cannot see it."""

    @abc.abstractmethod
    def own_variables(self) -> dict[str, Variable]:
        """Return everything but the scan, for the dataset."""

    @abc.abstractmethod
    def own_tables(self) -> list[Table]:
        """Return the numbers worth reading, as tables, but for the scan."""

    @abc.abstractmethod
    def own_sentences(self) -> Sentences:
        """Return the result in words, but for the scan."""

    def draw(self, ax: Any) -> None:
        """Draw what the figure shows on its left."""
        raise NotImplementedError

    def draw_beside(self, ax: Any) -> None:
        """Draw what it shows on its right, unless a scan takes the place."""
        raise NotImplementedError

    def figure(self) -> Any:
        """Return a figure of everything."""
        from anticrossing.plot import scan_panels, style
        from anticrossing.plot.figure import panels_of

        with style.style():
            drawn, axes = panels_of(self.experiment.title, 1)
            self.draw(axes[0, 0])
            if self.scan is None:
                self.draw_beside(axes[0, 1])
            else:
                scan_panels.outputs(self.scan, ax=axes[0, 1])
        return drawn

    def plot(self, ax: Any = None) -> Any:
        """Draw the figure and return the first of its axes; into given axes one variable alone."""
        return first_axes(self.figure()) if ax is None else super().plot(ax)

    def numbers(self) -> dict[str, Any]:
        """Return everything but curves and scan as nested dicts, for JSON."""
        return {
            name: variable.values
            for name, variable in real(self.own_variables()).items()
            if not set(variable.dims) & set(self.curves)
        }

    # What a kind may say of a scan in another way.

    def scan_variables(self, scan: Scanned) -> dict[str, Variable]:
        """Return a scan, for the dataset."""
        return scan.variables()

    def scan_numbers(self, scan: Scanned) -> dict[str, Any]:
        """Return a scan, for JSON."""
        return scan.numbers()

    def scan_table(self, scan: Scanned) -> Table:
        """Return a scan as a table."""
        return scan.table()

    def scan_sentence(self, scan: Scanned) -> str:
        """Return a scan in words."""
        return str(scan.axis)

    # ---- everything ---------------------------------------------------------------------------

    def variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        scan = {} if self.scan is None else self.scan_variables(self.scan)
        return {**self.own_variables(), **scan}

    def tables(self) -> tuple[Table, ...]:
        """Return the numbers worth reading, as tables."""
        found = self.own_tables()
        return tuple(found if self.scan is None else [*found, self.scan_table(self.scan)])

    def sentences(self) -> Sentences:
        """Return the result in words."""
        said = self.own_sentences()
        if self.scan is None:
            return said
        failures = self.scan.failures[:_MOST_FAILURES]
        return replace(said, notes=(*said.notes, self.scan_sentence(self.scan), *failures))

    def summary(self) -> dict[str, Any]:
        """Return the numbers with heading and verdict as plain data; what is not finite is None."""
        study, said = self.experiment, self.sentences()
        scan = {} if self.scan is None else {"scan": self.scan_numbers(self.scan)}
        found = {
            "anticrossing": __version__,
            "title": study.title,
            "source": study.source,
            **({"changes": list(study.changes)} if study.changes else {}),
            "setup": study.setup,
            **scan,
            **self.numbers(),
            "verdict": said.verdict,
            "warnings": list(said.notes),
        }
        return dict(plain(found))

    def notes(self) -> tuple[str, ...]:
        """Return what else has to be known, one sentence each."""
        return self.sentences().notes

    def _attributes(self) -> dict[str, Any]:
        study = self.experiment
        return {
            "title": study.title,
            **study.provenance(),
            **study.setup,
            "verdict": self.sentences().verdict,
        }

    def _verdict(self) -> tuple[str, bool | None]:
        said = self.sentences()
        return said.verdict, said.trusted

    def __str__(self) -> str:
        study, said = self.experiment, self.sentences()
        setup = (f"{name}: {line}" for name, line in study.setup.items())
        return "\n".join([study.title, *setup, *(f"note: {n}" for n in said.notes), said.verdict])
