"""Tables that fit a terminal: no number and no word is ever broken.

Text is wrapped between its words. Where even that is too wide, the columns are shown in several
tables, below each other, each with the columns that say what a row is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_BETWEEN, _EDGES = 3, 2  # characters between two columns, and at both ends of a row


@dataclass(frozen=True)
class Column:
    """A column: its heading and cells, and whether they are words rather than numbers."""

    heading: str
    cells: Sequence[str | Text]
    words: bool

    @property
    def widest(self) -> int:
        """The width in which nothing is wrapped."""
        return max(map(_width, (self.heading, *self.cells)))

    @property
    def narrowest(self) -> int:
        """The width below which a word or a number would be broken."""
        cells = [word for cell in self.cells for word in self._parts(cell)]
        return max(map(_width, (*self.heading.split(), *cells, "")))

    def _parts(self, cell: str | Text) -> list[str]:
        return str(cell).split() if self.words else [str(cell)]


def tables(columns: Sequence[Column], width: int) -> list[Table]:
    """Return columns as a table that fits a width, or as several."""
    return [_table(group, width) for group in _groups(columns, width)]


def _groups(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Return the columns of each table; the leading ones of words, or the first, are in all."""
    if _taken([column.narrowest for column in columns]) <= width:
        return [list(columns)]
    filled = [column for column in columns if column.heading or any(map(str, column.cells))]
    count = next((k for k, column in enumerate(filled) if not column.words), len(filled))
    keys = filled[: min(max(count, 1), 2)]
    groups: list[list[Column]] = []
    group = list(keys)
    for column in filled[len(keys) :]:
        wide = _taken([one.narrowest for one in (*group, column)]) > width
        if wide and len(group) > len(keys):
            groups.append(group)
            group = list(keys)
        group.append(column)
    return [*groups, group]


def _table(columns: Sequence[Column], width: int) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, size in zip(columns, _widths(columns, width), strict=True):
        justify: Any = "left" if column.words else "right"
        table.add_column(column.heading, justify=justify, width=size, overflow="fold")
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the widths of columns: what is left goes to those that wrap most."""
    widths = [column.narrowest for column in columns]
    left = width - _taken(widths)
    while left > 0:
        wanting = [column.widest - size for column, size in zip(columns, widths, strict=True)]
        most = max(wanting)
        if most <= 0:
            break
        at = wanting.index(most)
        step = min(left, max(most - sorted(wanting)[-2] if len(wanting) > 1 else most, 1))
        widths[at] += step
        left -= step
    return widths


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + _BETWEEN * (len(widths) - 1) + _EDGES


def _width(text: str | Text) -> int:
    from rich.cells import cell_len

    return cell_len(str(text))
