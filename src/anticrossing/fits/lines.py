"""Measured lines of a spectrum: control, frequency, error, perhaps labels, and their files."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing, style
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    listed,
    nearest,
    real_array,
    shaped_like,
)
from anticrossing._core.files import write_text
from anticrossing._core.reading import read_text, reading
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.units import ENERGIES

CONTROL, FREQUENCY, ERROR, LOWER, UPPER = "control", "frequency", "error", "lower", "upper"
_KNOWN = (CONTROL, FREQUENCY, ERROR, LOWER, UPPER)
_HEADER = re.compile(r"\s*(\w+)\s*(?:[(\[]\s*(.*?)\s*[)\]])?\s*")


@dataclass(frozen=True, eq=False)
class Lines(Result):
    """N lines of a spectrum: transition frequencies measured at values of a control.

    Attributes
    ----------
    control : array, shape (N,)
        What was set: the coordinate of H, or a voltage, a current.
    frequency : array, shape (N,)
        Transition frequencies in `unit`, positive.
    error : array, shape (N,), or None
        Their standard deviations, positive; None if they are not known.
    labels : sequence of (int, int) or None, length N, optional
        The lower and the upper level of a line, counted from 0; None where they are not known.
    unit : str
        Of frequencies and errors: a key of `anticrossing.units.ENERGIES`, such as ``"GHz"`` (a
        frequency f stands for the energy h f), or ``""`` for energies in natural units.
    control_unit : str
        A label.
    source : str
        Where the numbers come from.

    Raises
    ------
    InputError
        If lengths differ, a number is not finite, a frequency or an error is not positive, the unit
        is not known, or a label is no pair of levels, the lower one first.

    Examples
    --------
    >>> lines = Lines([0.0, 0.5], [5.0, 5.2], [0.01, 0.01], unit="GHz", control_unit="V")
    >>> print(lines)
    2 lines: control 0 … 0.5 V, frequency 5 … 5.2 GHz; errors about 0.01 GHz
    """

    control: FloatArray
    frequency: FloatArray
    error: FloatArray | None = None
    labels: Sequence[tuple[int, int] | None] | None = None
    unit: str = ""
    control_unit: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        frequency = listed(FREQUENCY, self.frequency)
        control = shaped_like(
            CONTROL, real_array(CONTROL, self.control), FREQUENCY, frequency.shape
        )
        error = None if self.error is None else real_array(ERROR, self.error)
        if error is not None:
            shaped_like(ERROR, error, FREQUENCY, frequency.shape)
        for name, values in ((FREQUENCY, frequency), (ERROR, error)):
            if values is not None and np.any(values <= 0):
                worst = int(np.argmin(values))
                raise fail(name, "be positive", f"number {worst} is {values[worst]:g}")
        for name, text in (("unit", self.unit), ("control_unit", self.control_unit)):
            if not isinstance(text, str):
                raise fail(name, "be text", f"it is {describe(text)}")
        if self.unit and self.unit not in ENERGIES:
            known = ", ".join(ENERGIES)
            raise fail("unit", f"be one of {known}", f"it is {self.unit!r}")
        object.__setattr__(self, CONTROL, control)
        object.__setattr__(self, FREQUENCY, frequency)
        object.__setattr__(self, ERROR, error)
        object.__setattr__(self, "labels", _labels(self.labels, frequency.size))

    def __len__(self) -> int:
        return self.frequency.size

    def __str__(self) -> str:
        unit, of_control = (f" {u}" if u else "" for u in (self.unit, self.control_unit))
        typical = "unknown" if self.error is None else f"about {np.median(self.error):.2g}{unit}"
        text = (
            f"{len(self)} lines: control {self.control.min():g} … {self.control.max():g}"
            f"{of_control}, frequency {self.frequency.min():g} … {self.frequency.max():g}{unit}; "
            f"errors {typical}"
        )
        named = sum(label is not None for label in self.labels or ())
        return f"{text}; {named} with labels" if named else text

    def to_csv(self, path: str | Path, *, comment: str = "") -> Path:
        """Write the lines as `read_lines` reads them, with 9 significant digits.

        Parameters
        ----------
        path : str or Path
        comment : str
            Written before the header, each line behind a ``#``.
        """
        columns = {CONTROL: self.control, FREQUENCY: self.frequency, ERROR: self.error}
        units = {CONTROL: self.control_unit, FREQUENCY: self.unit, ERROR: self.unit}
        kept = {name: values for name, values in columns.items() if values is not None}
        head = [f"{name} ({units[name]})" if units[name] else name for name in kept]
        cells = [[f"{v:.9g}" for v in values] for values in kept.values()]
        if self.labels is not None:
            head += [LOWER, UPPER]
            cells += [
                ["" if label is None else str(label[end]) for label in self.labels]
                for end in (0, 1)
            ]
        lines = [f"# {line}".rstrip() for line in comment.splitlines()]
        lines += [",".join(head), *(",".join(row) for row in zip(*cells, strict=True))]
        file = Path(path)
        write_text(file, lines)
        return file

    def variables(self) -> dict[str, Variable]:
        """Return controls, frequencies, errors and labels by name, along the dimension ``line``."""
        found = {
            CONTROL: Variable(("line",), self.control, "control", self.control_unit or "1"),
            FREQUENCY: Variable(
                ("line",), self.frequency, "transition frequency", self.unit or "1"
            ),
        }
        if self.error is not None:
            found[ERROR] = Variable(("line",), self.error, "standard deviation", self.unit or "1")
        if self.labels is not None:
            for end, name in enumerate((LOWER, UPPER)):
                given = np.array([-1 if label is None else label[end] for label in self.labels])
                found[name] = Variable(("line",), given, f"{name} level, -1 where not known")
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw the lines, frequency over control.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        axes.errorbar(self.control, self.frequency, self.error, fmt=".", color=style.MUTED, ms=4)
        label_axes(axes, self)
        return axes

    def _attributes(self) -> dict[str, Any]:
        return {"source": self.source}


def label_axes(axes: Any, lines: Lines) -> None:
    """Name the axes of a picture of lines."""
    axes.set_xlabel(style.label("control", lines.control_unit))
    axes.set_ylabel(style.label("transition frequency", lines.unit))


def read_lines(path: str | Path) -> Lines:
    """Read the lines of a spectrum from a CSV file.

    The header names the columns ``control`` and ``frequency``, perhaps ``error``, and ``lower`` and
    ``upper`` for the levels of a line, empty where they are not known. A unit stands in brackets
    behind a name: ``control (V),frequency (GHz),error (MHz)``; errors are converted to the unit of
    the frequencies. Lines that begin with ``#`` are comments.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Lines

    Raises
    ------
    InputError
        For a missing or unknown column, an unknown unit, a line that is not numbers (naming it), or
        numbers that `Lines` refuses.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> text = "control (V),frequency (GHz),lower,upper\\n0.1,5.02,0,1\\n0.2,5.31,,\\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "lines.csv"
    ...     _ = file.write_text(text)
    ...     print(read_lines(file))
    2 lines: control 0.1 … 0.2 V, frequency 5.02 … 5.31 GHz; errors unknown; 1 with labels
    """
    file = Path(path)
    columns, units = _read(file)
    missing = [name for name in (CONTROL, FREQUENCY) if name not in columns]
    if missing:
        found = ", ".join(f"`{name}`" for name in columns)
        raise InputError(
            f"{file}: a column `{missing[0]}` is needed, but there are only {found}"
            f"{nearest(missing[0], columns)}."
        )
    if (LOWER in columns) != (UPPER in columns):
        raise InputError(f"{file}: columns `{LOWER}` and `{UPPER}` are needed together.")
    unit = units[FREQUENCY]
    try:
        error = columns.get(ERROR)
        if error is not None and units[ERROR] not in ("", unit):
            error = np.asarray(error) * _ratio(units[ERROR], unit)
        labels = None
        if LOWER in columns:
            pairs = zip(columns[LOWER], columns[UPPER], strict=True)
            labels = [
                None if math.isnan(low + high) else (int(low), int(high)) for low, high in pairs
            ]
        return Lines(
            columns[CONTROL], columns[FREQUENCY], error, labels, unit, units[CONTROL], str(file)
        )
    except InputError as problem:
        raise InputError(f"{file}: {problem}") from None


def _ratio(source: str, target: str) -> float:
    for name in (source, target):
        if name not in ENERGIES:
            raise fail(ERROR, f"have a unit of {', '.join(ENERGIES)}", f"one is {name!r}")
    return ENERGIES[source] / ENERGIES[target]


def _labels(given: Any, count: int) -> tuple[tuple[int, int] | None, ...] | None:
    """Return labels as pairs of integers, or raise `InputError`."""
    if given is None:
        return None
    if isinstance(given, (str, Mapping)) or not hasattr(given, "__len__") or len(given) != count:
        raise fail("labels", f"be a list of {count} pairs of levels", f"it is {describe(given)}")
    found: list[tuple[int, int] | None] = []
    for number, label in enumerate(given):
        if label is None:
            found.append(None)
            continue
        low, high = (int(level) for level in label)
        if not 0 <= low < high:
            must = "be pairs of levels, the lower one first, or None"
            raise fail("labels", must, f"number {number} is {describe(label)}")
        found.append((low, high))
    return tuple(found)


def _read(file: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Return the columns of a CSV file, and their units."""
    units: dict[str, str] = {}
    rows: list[list[float]] = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        with reading(file, "CSV"):
            (cells,) = csv.reader([line.strip()], skipinitialspace=True)
        if units:
            rows.append(_numbers(file, number, cells, list(units)))
        else:
            units = _head(file, number, cells)
    if not rows:
        raise InputError(f"{file}: a header and lines of numbers are needed, but there are none.")
    return dict(zip(units, np.array(rows).T, strict=True)), units


def _head(file: Path, number: int, cells: list[str]) -> dict[str, str]:
    units: dict[str, str] = {}
    for cell in cells:
        found = _HEADER.fullmatch(cell)
        name = found[1] if found else cell.strip()
        if name not in _KNOWN or name in units:
            known = ", ".join(f"`{known}`" for known in _KNOWN)
            raise InputError(
                f"{file}, line {number}: columns must be of {known}, each once, but one is "
                f"{cell.strip()!r}{nearest(name, _KNOWN)}."
            )
        units[name] = (found[2] or "") if found else ""
    return units


def _numbers(file: Path, number: int, cells: list[str], names: list[str]) -> list[float]:
    if len(cells) != len(names):
        raise InputError(
            f"{file}, line {number}: {len(names)} numbers are needed, but there are {len(cells)}."
        )
    row = []
    for name, cell in zip(names, cells, strict=True):
        empty = name in (LOWER, UPPER) and not cell.strip()
        try:
            row.append(math.nan if empty else float(cell))
            whole = name not in (LOWER, UPPER) or empty or row[-1].is_integer()
        except ValueError:
            whole = False
        if not whole:
            kind = "a level" if name in (LOWER, UPPER) else "a number"
            raise InputError(f"{file}, line {number}: `{name}` must be {kind}, but it is {cell!r}.")
    ends = dict(zip(names, row, strict=True))
    if LOWER in ends and UPPER in ends and math.isnan(ends[LOWER]) != math.isnan(ends[UPPER]):
        raise InputError(f"{file}, line {number}: a line needs both levels, or none.")
    return row
