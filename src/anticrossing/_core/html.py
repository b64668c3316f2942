"""What `str` prints of a result as HTML for a notebook: tables, conditions, notes, a verdict.

It is read off the text, so that both say the same: columns are two spaces or more apart, a blank
line ends a table, a condition begins with "within" or "OUTSIDE". Colours have to do on a light page
and on a dark one: text keeps the colour of the page, what stands out has a translucent ground.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from anticrossing._core.variables import Variable

_GOOD, _BAD, _CARE, _PLAIN = "46,160,67", "214,64,56", "227,160,8", "128,128,128"
_SHADE = "0,114,178"
_TABLE = '<table style="margin:6px 0">'
_LEFT = "text-align:left"
_HEAD = f"{_LEFT};border-bottom:1px solid rgba({_PLAIN},.6)"
_COLUMNS = re.compile(r"\s{2,}")
_WORDS = re.compile(r"(OUTSIDE its domain|within its domain|OUTSIDE|DOES NOT AGREE)")
_NOTE = re.compile(r"(note|warning): ")
_MOST_STATES = 8
_MOST_MATRICES = 4
_DARKEST = 0.45


def render(
    text: str, variables: Mapping[str, Variable], verdict: str = "", good: bool | None = None
) -> str:
    """Return the text as HTML, and below it the small matrices among the variables.

    The line that is the verdict has a ground in green or amber, for `good` true or false.
    """
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    parts = [part for lines in paragraphs for part in _paragraph(lines.split("\n"), verdict, good)]
    if parts[0].startswith("<div>"):
        parts[0] = f'<div style="font-weight:bold">{parts[0].removeprefix("<div>")}'
    return f"<div>{''.join([*parts, *_matrices(variables)])}</div>"


def facts(title: str, rows: Mapping[str, str], picture: str = "") -> str:
    """Return a title and named facts as HTML, with a picture that is HTML already beside them."""
    body = "".join(
        f"<tr>{_name(escape(name))}{_cell(escape(text))}</tr>" for name, text in rows.items()
    )
    table = f"{_TABLE}<tbody>{body}</tbody></table>" if body else ""
    beside = f'<div style="margin:6px 0">{picture}</div>' if picture else ""
    return (
        f'<div><div style="font-weight:bold">{escape(title)}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:16px">{table}{beside}</div></div>'
    )


def _paragraph(lines: Sequence[str], verdict: str, good: bool | None) -> Iterator[str]:
    """Yield lines, and tables of the lines that have columns."""
    rows: list[tuple[int, list[str]]] = []
    array: list[str] = []
    for line in lines:
        said = line.strip()
        if array or said.startswith("["):
            yield from _table(rows)
            rows, array = [], [*array, said]
            if "".join(array).count("[") == "".join(array).count("]"):
                yield _array(array)
                array = []
            continue
        cells = _COLUMNS.split(said)
        if len(cells) > 1 and said != verdict and not _NOTE.match(said):
            rows.append((len(line) - len(line.lstrip()), cells))
            continue
        yield from _table(rows)
        rows = []
        if said == verdict:
            yield _ground(escape(said), _PLAIN if good is None else _GOOD if good else _CARE)
        elif _NOTE.match(said):
            yield _ground(escape(said), _CARE)
        else:
            yield f"<div>{_marked(said)}</div>"
    yield from _table(rows)
    if array:
        yield f"<pre>{escape(chr(10).join(array))}</pre>"


def _table(rows: Sequence[tuple[int, list[str]]]) -> Iterator[str]:
    """Yield the rows as a table, a line by itself as a line."""
    if not rows:
        return
    (indent, first), condition = rows[0], rows[0][1][0] in ("within", "OUTSIDE")
    if len(rows) == 1 and indent == 0 and not condition:
        yield f"<div>{_marked('  '.join(first))}</div>"
        return
    headed = not condition and len(rows) > 1 and (indent == 0 or indent > rows[1][0])
    head = ""
    if headed:
        names = ["", *first] if len(first) < len(rows[1][1]) else first
        head = f"<thead><tr>{''.join(map(_head, names))}</tr></thead>"
    body = "".join(
        f"<tr>{_name(_marked(cells[0], alone=True))}{''.join(_cell(_marked(c)) for c in cells[1:])}"
        "</tr>"
        for _, cells in rows[headed:]
    )
    yield f"{_TABLE}{head}<tbody>{body}</tbody></table>"


def _head(name: str) -> str:
    return f'<th scope="col" style="{_HEAD}">{escape(name)}</th>'


def _name(html: str) -> str:
    return f'<th scope="row" style="{_LEFT}">{html}</th>'


def _cell(html: str, dark: float = 0.0) -> str:
    ground = f";background:rgba({_SHADE},{dark:.2g})" if dark else ""
    return f'<td style="{_LEFT}{ground}">{html}</td>'


def _array(lines: Sequence[str]) -> str:
    """Return a printed array; a small matrix of numbers as a table."""
    text = "\n".join(lines)
    cells = [row.split() for row in re.findall(r"\[([^\[\]]+)\]", text)]
    try:
        values = np.array([[complex(cell) for cell in row] for row in cells])
    except ValueError:  # rows that differ, or "…" for what was left out
        values = np.zeros(0)
    if not text.startswith("[[") or text.startswith("[[[") or not _fits(values):
        return f"<pre>{escape(text)}</pre>"
    return f"{_TABLE}<tbody>{_shaded([''] * len(cells), cells, np.abs(values))}</tbody></table>"


def _marked(text: str, *, alone: bool = False) -> str:
    """Return the text with the words that say whether something holds on a coloured ground."""
    if alone and text == "within":
        return _badge(text, _GOOD)
    parts = _WORDS.split(text)
    parts[::2] = [escape(part) for part in parts[::2]]
    parts[1::2] = [_badge(p, _GOOD if p.startswith("within") else _BAD) for p in parts[1::2]]
    return "".join(parts)


def _badge(text: str, color: str) -> str:
    return (
        f'<span style="background:rgba({color},.25);border-radius:3px;padding:0 4px">'
        f"{escape(text)}</span>"
    )


def _ground(html: str, color: str) -> str:
    """Return a paragraph on a coloured ground; `html` is escaped already."""
    return (
        f'<p style="background:rgba({color},.13);border-left:4px solid rgb({color});'
        f'padding:3px 8px">{html}</p>'
    )


def _fits(values: Any) -> bool:
    """Return whether an array is a matrix of numbers that is small enough to be read."""
    square = values.ndim == 2 and values.dtype.kind in "fiuc"
    return square and min(values.shape) > 0 and max(values.shape) <= _MOST_STATES


def _matrices(variables: Mapping[str, Variable]) -> list[str]:
    """Return the first small matrices as tables."""
    fit = [
        (name, variable)
        for name, variable in variables.items()
        if _fits(np.asarray(variable.values))
    ]
    return [_matrix(name, variable, variables) for name, variable in fit[:_MOST_MATRICES]]


def _matrix(name: str, variable: Variable, variables: Mapping[str, Variable]) -> str:
    values = np.asarray(variable.values)
    down, across = (
        _places(variables, dim, size) for dim, size in zip(variable.dims, values.shape, strict=True)
    )
    corner = f"{variable.dims[0]} \\ {variable.dims[1]}"
    size = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    cells = [[_number(value, size) for value in row] for row in values]
    caption = escape(f"{name}: {variable.text}" if variable.text else name)
    return (
        f'{_TABLE}<caption style="{_LEFT};white-space:nowrap">{caption}</caption>'
        f"<thead><tr>{''.join(map(_head, [corner, *across]))}</tr></thead>"
        f"<tbody>{_shaded(down, cells, np.abs(values))}</tbody></table>"
    )


def _shaded(names: Sequence[str], cells: Sequence[Sequence[str]], sizes: Any) -> str:
    """Return rows with each number on a ground as dark as it is large; empty names are left out."""
    finite = np.isfinite(sizes)
    largest = float(np.max(sizes, where=finite, initial=0.0)) or 1.0
    shares = np.divide(sizes, largest, out=np.zeros(sizes.shape), where=finite)
    return "".join(
        f"<tr>{_name(escape(name)) if name else ''}"
        + "".join(map(_cell, map(escape, row), _DARKEST * shared))
        + "</tr>"
        for name, row, shared in zip(names, cells, shares, strict=True)
    )


def _places(variables: Mapping[str, Variable], dim: str, size: int) -> list[str]:
    """Return the values of the coordinate along a dimension, or numbers if it has none."""
    along = variables.get(dim)
    if along is None or along.dims != (dim,):
        return [str(k) for k in range(size)]
    return [f"{v:.4g}" if isinstance(v, float) else str(v) for v in np.asarray(along.values)]


def _number(value: Any, size: float) -> str:
    """Return a number to four digits; complex ones to as many places in the whole matrix."""
    if not np.iscomplexobj(value):
        return f"{value:.4g}"
    form = ".4f" if 0.1 <= size < 100 else ".3e"
    return f"{value.real:{form}}{value.imag:+{form}}i"
