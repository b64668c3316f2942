"""The HTML report of a result: figure, tables, checks, and where it comes from."""

from __future__ import annotations

import math
from html import escape

from anticrossing.plot.figure import render
from anticrossing.studies import html
from anticrossing.studies.outcome import Cell, Outcome, Table

_MOST_ROWS = 60


def files(result: Outcome) -> dict[str, bytes]:
    """Return figure and report as files by name."""
    drawn = result.figure()
    vector = render(drawn, "svg")
    return {
        "figure.svg": vector,
        "figure.png": render(drawn, "png"),
        "report.html": report(result, vector).encode("utf-8"),
    }


def report(result: Outcome, vector: bytes | None = None) -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    result : Outcome
    vector : bytes, optional
        The figure as SVG, if it has been drawn already.
    """
    drawn = vector or render(result.figure(), "svg")
    return html.page(result.experiment.title, _parts(result, drawn))


def _parts(result: Outcome, drawn: bytes) -> list[str]:
    experiment, said = result.experiment, result.sentences()
    notes = [f"<p class='soft'>Note: {escape(note)}.</p>" for note in said.notes]
    facts = [
        ("Source", experiment.source or "not stated"),
        *((name.capitalize(), line) for name, line in experiment.setup.items()),
        ("Software", html.software()),
    ]
    return [
        *html.opening(
            experiment.title, experiment.description, said.verdict, outside=not said.trusted
        ),
        html.picture(f"{result.caption}: {experiment.title}", drawn),
        *notes,
        *(_outcome_table(content) for content in result.tables()),
        html.provenance(facts, experiment.text),
    ]


def _outcome_table(content: Table) -> str:
    title = f"<h2>{escape(content.title[0].upper() + content.title[1:])}</h2>\n"
    if not content.rows:
        return f"{title}<p>{escape(content.empty.capitalize())}.</p>"
    columns = range(len(content.columns))
    marks = [i for i in columns if any(isinstance(row[i], bool) for row in content.rows)]
    step = max(1, math.ceil(len(content.rows) / _MOST_ROWS))
    rows = [[_entry(cell) for cell in row] for row in content.rows[::step]]
    note = content.note
    if step > 1:
        note += f" One row in {step} of {len(content.rows)}; summary.json has them all."
    return title + html.table(
        content.columns,
        rows,
        words=[i for i in columns if content.holds_words(i)],
        raw=marks,
        caption=note.strip(),
    )


def _entry(cell: Cell) -> str:
    if isinstance(cell, bool):
        return html.mark(cell)
    return cell if isinstance(cell, str) else html.show(cell)
