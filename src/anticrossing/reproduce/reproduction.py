"""What every reproduction returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anticrossing._core.checks import fail
from anticrossing._core.drawing import first_axes
from anticrossing._core.provenance import plain
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing._version import __version__
from anticrossing.studies.directory import MARKER, replace_directory, write_json


@dataclass(frozen=True)
class Number:
    """A published number beside the one of this package.

    Attributes
    ----------
    quantity : str
        What it is, in words.
    published, found : float
    allowed : float
        The largest difference that counts as agreement.
    source : str
        Where it was published.
    """

    quantity: str
    published: float
    found: float
    allowed: float
    source: str

    @property
    def difference(self) -> float:
        """Ours less the published number."""
        return self.found - self.published

    @property
    def agrees(self) -> bool:
        """Whether the difference is allowed."""
        return bool(abs(self.difference) <= self.allowed)


@dataclass(frozen=True, eq=False)
class Reproduction(Result):
    """A published result beside the numbers of this package.

    Attributes
    ----------
    name, title, source : str
    columns : list of str
    rows : list of list
        Numbers and words, one list for each line of the table.
    conclusion : str
        What was found, in words and numbers.
    draw : callable
        Draws into a new Matplotlib figure: ``draw(figure)``.
    size : tuple of float
        Width and height of the figure in inches.
    numbers : tuple of Number
        The published numbers that it is judged by.
    agrees : bool
        Whether these numbers, and all else, are within what is claimed.
    """

    name: str
    title: str
    source: str
    columns: list[str]
    rows: list[list[Any]]
    conclusion: str
    draw: Callable[[Any], None]
    size: tuple[float, float] = (10.4, 4.5)
    numbers: Sequence[Number] = ()
    agrees: bool = True

    def __post_init__(self) -> None:
        agrees = self.agrees and all(number.agrees for number in self.numbers)
        object.__setattr__(self, "agrees", agrees)

    def variables(self) -> dict[str, Variable]:
        """Return the columns of the table, numbers where all entries are numbers."""
        found = {}
        for name, *values in zip(self.columns, *self.rows, strict=True):
            key = re.sub(r"\W+", "_", name).strip("_") or "column"
            while key in found:
                key += "_"
            array = np.array(values)
            found[key] = Variable(
                ("row",), array if array.dtype.kind in "biuf" else array.astype(str), name, ""
            )
        return found

    def _attributes(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "conclusion": self.conclusion,
            "agrees": str(self.agrees),
        }

    def __str__(self) -> str:
        table = [self.columns, *([_entry(cell) for cell in row] for row in self.rows)]
        wide = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ("  ".join(f"{c:<{w}}" for c, w in zip(row, wide, strict=True)) for row in table)
        return "\n".join(
            [self.title, self.source, *(line.rstrip() for line in lines), self.conclusion]
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the figure, which has axes of its own, and return the first of them."""
        if ax is not None:
            raise fail("ax", "be left out", "a reproduction has a figure with axes of its own")
        return first_axes(self.figure())

    def summary(self) -> dict[str, Any]:
        """Return everything but the figure as plain data."""
        content = {
            "anticrossing": __version__,
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "columns": self.columns,
            "rows": self.rows,
            "conclusion": self.conclusion,
            "agrees": self.agrees,
            "numbers": [
                {**asdict(number), "difference": number.difference, "agrees": number.agrees}
                for number in self.numbers
            ],
        }
        return plain(content)

    def figure(self) -> Any:
        """Return the figure (a `matplotlib.figure.Figure`)."""
        from anticrossing.plot import style

        with style.style():
            from anticrossing._core.notebook_figure import Figure

            drawn = Figure(figsize=self.size)
            drawn.text(0.012, 0.97, self.title, fontsize=13, ha="left", va="top")
            self.draw(drawn)
            drawn.subplots_adjust(left=0.075, right=0.985, top=0.83, bottom=0.125, wspace=0.22)
        return drawn

    def write(self, directory: str | Path) -> Path:
        """Write ``figure.png``, ``figure.svg`` and ``summary.json``, all or nothing."""
        from anticrossing.plot import save_figure

        def fill(folder: Path) -> None:
            drawn = self.figure()
            save_figure(drawn, folder / "figure.svg")
            save_figure(drawn, folder / "figure.png")
            write_json(folder / MARKER, self.summary())

        return replace_directory(directory, fill)


def _entry(cell: Any) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
