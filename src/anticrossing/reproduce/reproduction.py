"""What every reproduction returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anticrossing._core.provenance import plain
from anticrossing._version import __version__
from anticrossing.studies.store import MARKER, replace_directory, write_json


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A published result beside the numbers of this package.

    Attributes
    ----------
    name, title, source : str
    columns : list of str
    rows : list of list
        Numbers and words, one list for each line of the table.
    conclusion : str
        What was found, in words and numbers.
    agrees : bool
        Whether every difference is within what is claimed.
    draw : callable
        Draws into a new Matplotlib figure: ``draw(figure)``.
    size : tuple of float
        Width and height of the figure in inches.
    """

    name: str
    title: str
    source: str
    columns: list[str]
    rows: list[list[Any]]
    conclusion: str
    agrees: bool
    draw: Callable[[Any], None]
    size: tuple[float, float] = (10.4, 4.5)

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
        }
        return plain(content)

    def figure(self) -> Any:
        """Return the figure (a `matplotlib.figure.Figure`)."""
        from matplotlib.figure import Figure

        from anticrossing.plot import style

        with style.style():
            drawn = Figure(figsize=self.size)
            drawn.text(0.012, 0.97, self.title, fontsize=13, ha="left", va="top")
            self.draw(drawn)
            drawn.subplots_adjust(left=0.075, right=0.985, top=0.83, bottom=0.125, wspace=0.22)
        return drawn

    def save(self, directory: str | Path) -> Path:
        """Write ``figure.png``, ``figure.svg`` and ``summary.json``, all or nothing."""
        from anticrossing.plot import save_figure

        def write(folder: Path) -> None:
            drawn = self.figure()
            save_figure(drawn, folder / "figure.svg")
            save_figure(drawn, folder / "figure.png")
            write_json(folder / MARKER, self.summary())

        return replace_directory(directory, write)
