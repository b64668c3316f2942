"""Tables of numbers in text, as programs and spreadsheets of any country write them."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anticrossing._core.checks import FloatArray, InputError
from anticrossing._core.reading import read_text, reading

_NUMBER = re.compile(
    r"([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eEdDqQ]([+-]?\d{1,6})|([+-]\d{3}))?", re.ASCII
)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.IGNORECASE | re.ASCII)
_UNIT = re.compile(r"(?P<name>.*\S)\s*[\[(](?P<unit>[^\[\]()]*)[\])]|(?P<one>[^/]+)/(?P<other>.+)")
_SEPARATORS = (";", "\t", ",")


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table of numbers with named columns.

    Attributes
    ----------
    path : Path
    header : tuple of str
        What heads each of the n columns.
    row_units : tuple of str
        The unit of each column from a row of units below the header, empty without one.
    values : array, shape (k, n)
        NaN where a cell is empty.
    lines : tuple of int
        The line of every row in the file, from 1.
    comments : tuple of str
        The lines that begin with ``#`` or ``!``, without that.
    """

    path: Path
    header: tuple[str, ...]
    row_units: tuple[str, ...]
    values: FloatArray
    lines: tuple[int, ...]
    comments: tuple[str, ...]

    def named(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return names and units, where a header such as ``E [eV]`` or ``R/bohr`` holds both.

        Raises
        ------
        InputError
            If a header and the row of units contradict each other.
        """
        names, units = list[str](), list[str]()
        for head, below in zip(self.header, self.row_units, strict=True):
            found = _UNIT.fullmatch(head)
            name, unit = head, ""
            if found:
                name = (found["name"] or found["one"]).strip()
                unit = (found["unit"] or found["other"] or "").strip()
            if unit and below and unit != below:
                raise InputError(
                    f"{self.path}: column `{name}` must have one unit, but it has {unit} and "
                    f"{below}."
                )
            names.append(name)
            units.append(unit or below)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{self.path}: column names must differ, but `{twice}` stands twice.")
        return tuple(names), tuple(units)


def read_table(
    path: Path,
    *,
    empty: bool = True,
    units: bool = True,
    named: Callable[[tuple[str, ...], int], Sequence[str] | None] | None = None,
    words: Mapping[str, Callable[[str], float]] | None = None,
) -> TextTable:
    """Read a table of numbers from a text.

    Columns are separated by semicolons, tabs, commas or blanks, whichever the header uses.
    Where it is not the comma, numbers may have decimal commas. Exponents are those of C or of
    Fortran (``1.5D-03``, ``1.5-103``). The first line that is no comment heads the columns; where
    it holds numbers the comment above does. A row of units may follow.

    Parameters
    ----------
    path : Path
    empty : bool
        Whether cells may be empty.
    units : bool
        Whether a row of units may stand below the header.
    named : callable, optional
        Names the columns of programs whose headers do not: ``named(comments, count)``.
    words : mapping, optional
        For columns, by their names in small letters: what number stands for a word in them; for
        another word `ValueError`.

    Raises
    ------
    InputError
        Naming line and column, for a cell that is no number, a row of another length, decimal
        commas beside decimal points, or a text without a header or without numbers.
    OSError
        If the file cannot be read.
    """
    comments: list[str] = []
    lines: list[tuple[int, str]] = []
    above = ""  # the last comment before the numbers
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if text.startswith(("#", "!")):
            comments.append(text[1:].strip())
            above = above if lines else comments[-1]
        elif text:
            lines.append((number, line.strip(" ")))
    if not lines:
        what = "is empty" if not comments else "holds comments only"
        raise InputError(f"{path}: a header and lines of numbers are needed, but the file {what}.")
    separator = _separator(path, lines)
    comma = separator != ","
    header = _cells(path, *lines[0], separator)
    own = named(tuple(comments), len(header)) if named is not None else None
    if own is not None:
        header = list(own)
    elif all(is_number(cell, comma) for cell in header):
        same = separator if separator in above else " "
        heads = _cells(path, lines[0][0], above, same)
        if len(heads) != len(header) or any(is_number(cell, comma) for cell in heads):
            raise InputError(
                f"{path}, line {lines[0][0]}: a header with column names is needed, but the first "
                "line holds numbers."
            )
        header = heads
    else:
        del lines[0]
    _check_header(path, header, lines[0][0] if lines else 1)
    below = [""] * len(header)
    if units and lines:
        cells = _cells(path, *lines[0], separator)
        if len(cells) == len(header) and _are_units(cells, comma):
            below = [cell.strip("[]() ") for cell in cells]
            del lines[0]
    if not lines:
        raise InputError(f"{path}: lines of numbers are needed, but there are none.")
    values = np.empty((len(lines), len(header)))
    marks: dict[str, tuple[int, str]] = {}
    for row, (number, line) in enumerate(lines):
        cells = _cells(path, number, line, separator)
        if len(cells) != len(header):
            hint = ""
            if separator == "," and len(cells) == 2 * len(header):
                hint = " (decimal commas need semicolons between the columns)"
            raise InputError(
                f"{path}, line {number}: {len(header)} numbers are needed, but there are "
                f"{len(cells)}{hint}."
            )
        for column, cell in enumerate(cells):
            where = f"{path}, line {number}: `{header[column]}` must be"
            try:
                values[row, column] = parse_number(cell, comma)
            except ValueError:
                if cell == "" and empty:
                    values[row, column] = np.nan
                    continue
                word = (words or {}).get(header[column].lower())
                if word is not None:
                    with contextlib.suppress(ValueError):
                        values[row, column] = word(cell)
                        continue
                raise InputError(f"{where} a number, but it is {_shown(cell)}.") from None
            if comma and ("," in cell or "." in cell):
                marks.setdefault("," if "," in cell else ".", (number, header[column]))
    if len(marks) > 1:
        number, name = max(marks.values())
        raise InputError(
            f"{path}, line {number}: `{name}` must have the decimal sign of the numbers above, but "
            "it has another: points and commas are mixed."
        )
    return TextTable(
        path, tuple(header), tuple(below), values, tuple(n for n, _ in lines), tuple(comments)
    )


def parse_number(text: str, comma: bool = False) -> float:
    """Return the number that a text of C or Fortran means, or raise `ValueError`.

    Examples
    --------
    >>> parse_number("-1.5D-03"), parse_number("1.5-103"), parse_number("2,5", comma=True)
    (-0.0015, 1.5e-103, 2.5)
    """
    plain = text.replace(",", ".") if comma and "." not in text else text
    if _NOT_FINITE.fullmatch(plain):
        return float(plain)
    found = _NUMBER.fullmatch(plain)
    if found is None:
        raise ValueError(f"no number: {text[:40]!r}")
    sign, whole, part, exponent, bare = found.groups()
    return float(f"{sign}{whole or '0'}.{part or '0'}e{exponent or bare or '0'}")


def is_number(text: str, comma: bool = False) -> bool:
    """Whether a text of C or Fortran means a number."""
    try:
        parse_number(text, comma)
    except ValueError:
        return False
    return True


def _are_units(cells: list[str], comma: bool) -> bool:
    return any(cells) and not any(is_number(cell, comma) for cell in cells)


def _cells(path: Path, number: int, line: str, separator: str) -> list[str]:
    """Return the cells of a line; between blanks ``E (eV)`` is one."""
    if separator == " ":
        cells = list[str]()
        for word in line.split():
            if cells and re.fullmatch(r"\[.*\]|\(.*\)", word):
                cells[-1] += f" {word}"
            else:
                cells.append(word.rstrip(",") or word)
        return cells
    with reading(path, f"a table: line {number}"):
        (found,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [cell.strip() for cell in found]


def _separator(path: Path, lines: list[tuple[int, str]]) -> str:
    """Return what separates the columns: what divides the first two lines alike."""
    marks = [mark for mark in _SEPARATORS if mark in lines[0][1]]
    for mark in (*marks, " "):
        counts = {len(_cells(path, *line, mark)) for line in lines[:2]}
        if len(counts) == 1 and counts != {1}:
            return mark
    return marks[0] if marks else " "


def _check_header(path: Path, header: list[str], number: int) -> None:
    if "" in header or len(set(header)) < len(header):
        twice = next((name for name in header if name and header.count(name) > 1), None)
        found = "one is empty" if twice is None else f"{_shown(twice)} stands twice"
        raise InputError(
            f"{path}, line {max(number - 1, 1)}: column names must be present and different, but "
            f"{found}."
        )
    for name in header:
        if not name.isprintable() or len(name) > 200:
            raise InputError(f"{path}: column names must be short text, but one is {_shown(name)}.")


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")
