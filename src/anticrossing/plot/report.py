"""The HTML report of a result: figure, tables, checks, and where it comes from."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

from anticrossing._core.files import write_bytes
from anticrossing._core.public import guard
from anticrossing.plot import html
from anticrossing.plot.figure import figure, render
from anticrossing.studies import Outcome, Result, Table, summarize
from anticrossing.studies.outcome import Cell

_MOST_ROWS = 60
_MOST_STATES = 8


def write(result: Result | Outcome, directory: Path) -> None:
    """Save ``figure.png``, ``figure.svg`` and ``report.html`` into a directory."""
    drawn = figure(result)
    vector = render(drawn, "svg")
    write_bytes(directory / "figure.svg", vector)
    write_bytes(directory / "figure.png", render(drawn, "png"))
    write_bytes(directory / "report.html", report(result, vector).encode("utf-8"))


def report(result: Result | Outcome, vector: bytes | None = None) -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    result : Result or Outcome
    vector : bytes, optional
        The figure as SVG, if it has been drawn already.
    """
    drawn = vector or render(figure(result), "svg")
    if isinstance(result, Outcome):
        return html.page(result.experiment.title, _outcome(result, drawn))
    return html.page(result.experiment.title, _passage(result, drawn))


def _passage(result: Result, drawn: bytes) -> list[str]:
    summary = summarize(result)
    experiment = result.experiment
    outside = not any(p["valid"] for p in summary["predictions"])
    caption = (
        "Levels with their crossings, populations through the passage, and predictions against "
        f"the exact answer: {experiment.title}"
    )
    return [
        *html.opening(
            experiment.title, experiment.description, summary["verdict"], outside=outside
        ),
        html.picture(caption, drawn),
        _crossings(summary, result),
        _predictions(summary, result),
        _checks(summary),
        _exact(summary, result),
        _scan(summary, result) if "scan" in summary else "",
        _provenance(summary, result),
    ]


# ---- any other kind of experiment -------------------------------------------------------------


def _outcome(result: Outcome, drawn: bytes) -> list[str]:
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
    columns = range(len(content.columns))
    marks = [i for i in columns if any(isinstance(row[i], bool) for row in content.rows)]
    step = max(1, math.ceil(len(content.rows) / _MOST_ROWS))
    rows = [[_entry(cell) for cell in row] for row in content.rows[::step]]
    title = content.title[0].upper() + content.title[1:]
    note = content.note
    if step > 1:
        note += f" One row in {step} of {len(content.rows)}; summary.json has them all."
    return f"<h2>{escape(title)}</h2>\n" + html.table(
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


# ---- sections of a passage --------------------------------------------------------------------


def _crossings(summary: dict[str, Any], result: Result) -> str:
    units = result.experiment.hamiltonian.units
    rows = [
        [
            str(number),
            html.show(row["position"], 8),
            f"{row['levels'][0]}, {row['levels'][1]}",
            row["kind"],
            html.show(row["gap"]),
            html.show(row["slope_difference"]),
            "none"
            if row["third_level_distance"] is None
            else html.show(row["third_level_distance"]),
            row["reason"],
        ]
        for number, row in enumerate(summary["crossings"], start=1)
    ]
    if not rows:
        return "<h2>Crossings</h2>\n<p>The levels do not cross on the way of the drive.</p>"
    heads = [
        "no.",
        units.label("position", "coordinate"),
        "levels",
        "kind",
        units.label("gap", "energy"),
        "slope difference",
        "third level at",
        "reason",
    ]
    text = html.table(heads, rows, words={3, 7})
    passages = [
        [
            html.show(row["time"]),
            f"{row['levels'][0]}, {row['levels'][1]}",
            html.show(row["velocity"]),
            html.show(row["gap"]),
            html.show(row["sweep_rate"]),
            html.show(row["jump_probability"]),
        ]
        for row in summary["passages"]
    ]
    if passages:
        text += "\n" + html.table(
            [
                units.label("time", "time"),
                "levels",
                "velocity",
                "gap",
                "sweep rate",
                "jump probability",
            ],
            passages,
            caption="The moments at which the drive meets them. Here the gap is in radians per "
            "time and the sweep rate in radians per time squared (ħ = 1); the jump probability is "
            "that of Landau and Zener for this passage alone.",
        )
    return "<h2>Crossings</h2>\n" + text


def _predictions(summary: dict[str, Any], result: Result) -> str:
    names, columns = state_columns(result)
    rows = [["exact", *(html.show(summary["exact"]["probabilities"][i]) for i in columns), "", ""]]
    rows += [
        [
            row["name"],
            *(html.show(row["probabilities"][i]) for i in columns),
            html.show(row["difference"], 2),
            html.mark(row["valid"]),
        ]
        for row in summary["predictions"]
    ]
    question = result.experiment.question
    start = names[question.initial]
    text = html.table(
        ["", *(names[i] for i in columns), "largest difference", "domain"],
        rows,
        words={0},
        raw={len(columns) + 2},
        caption=f"Final probabilities, starting in {start} ({question.basis} read-out).",
    )
    if summary["log_jump"] is not None:
        text += (
            "\n<p>The jump is too improbable to be read off the exact populations; on a complex "
            f"contour ln P = {html.show(summary['log_jump'], 10)}.</p>"
        )
    if not summary["predictions"]:
        text += "\n<p>No closed form applies to this passage.</p>"
    return "<h2>Predictions against the exact answer</h2>\n" + text


def _checks(summary: dict[str, Any]) -> str:
    rows = []
    for prediction in summary["predictions"]:
        for check in prediction["checks"]:
            relation = "≥" if check["condition"] == ">=" else "≤"
            rows.append(
                [
                    prediction["name"],
                    check["quantity"],
                    html.show(check["value"], 3),
                    f"{relation} {html.show(check['limit'], 3)}",
                    html.mark(check["satisfied"]),
                    "" if check["satisfied"] else check["message"],
                ]
            )
    if not rows:
        return ""
    unchecked = [p["name"] for p in summary["predictions"] if not p["checks"]]
    note = ""
    if unchecked:
        note = (
            f"\n<p class='soft'>Without conditions of validity: {escape(', '.join(unchecked))}.</p>"
        )
    heads = ["formula", "quantity", "value", "trusted if", "", "what it means"]
    return (
        "<h2>May the formulas be trusted?</h2>\n"
        + html.table(heads, rows, words={0, 1, 5}, raw={4})
        + note
    )


def _exact(summary: dict[str, Any], result: Result) -> str:
    exact = summary["exact"]
    names, columns = state_columns(result)
    rows = [
        [names[i], *(html.show(exact["transition_matrix"][i][j]) for j in columns)] for i in columns
    ]
    text = html.table(
        ["to \\ from", *(names[j] for j in columns)],
        rows,
        words={0},
        caption="Exact transition probabilities.",
    )
    text += (
        f"\n<p class='soft'>{exact['panels']} panels; estimated error "
        f"{html.show(exact['error_estimate'], 2)} in the amplitudes, "
        f"{html.show(exact['phase_error'], 2)} rad in a total phase of "
        f"{html.show(exact['phase'], 3)} rad.</p>"
    )
    for warning in [*summary["warnings"], *exact["warnings"]]:
        text += f"\n<p class='soft'>Note: {escape(warning)}.</p>"
    return "<h2>The exact evolution</h2>\n" + text


def _scan(summary: dict[str, Any], result: Result) -> str:
    scan = summary["scan"]
    names, columns = state_columns(result)
    if len(columns) == 2:
        columns = [1 - result.experiment.question.initial]
    formulas = list(scan["predictions"])
    size = len(scan["values"])
    step = max(1, math.ceil(size / _MOST_ROWS))
    target = columns if len(columns) == 1 else []
    rows = []
    for index in range(0, size, step):
        row = [
            html.show(scan["values"][index]),
            *(html.show(scan["exact"][index][i]) for i in columns),
        ]
        for name in formulas:
            found = scan["predictions"][name]
            predicted = found["probabilities"][index]
            mark = "" if found["valid"][index] else " (outside)"
            if predicted[0] is None:
                row.append("–")
            elif target:
                row.append(html.show(predicted[target[0]]) + mark)
            else:
                pairs = zip(predicted, scan["exact"][index], strict=True)
                row.append("± " + html.show(max(abs(a - b) for a, b in pairs), 2) + mark)
        rows.append(row)
    what = "P" if target else "largest difference"
    heads = [
        scan["parameter"],
        *(f"exact, {names[i]}" for i in columns),
        *(f"{name}, {what}" for name in formulas),
    ]
    text = html.table(heads, rows, caption="“(outside)”: a check of the formula's domain fails.")
    notes = "".join(f"<p class='soft'>Note: {escape(note)}</p>" for note in scan["notes"][:5])
    return "<h2>Scan</h2>\n" + text + notes


def _provenance(summary: dict[str, Any], result: Result) -> str:
    experiment = result.experiment
    entries = [
        ("Source", experiment.source or "not stated"),
        ("Hamiltonian", summary["hamiltonian"]),
        ("Model", experiment.hamiltonian.source or "given in the file"),
        ("Drive", summary["drive"]),
        ("Tolerance", f"{experiment.question.tolerance:g}"),
        ("Software", html.software()),
    ]
    return html.provenance(entries, experiment.text)


# ---- helpers ----------------------------------------------------------------------------------


def state_columns(result: Result) -> tuple[list[str], list[int]]:
    """Return the names of the read-out states and which of them tables show (the largest)."""
    hamiltonian = result.experiment.hamiltonian
    diabatic = result.experiment.question.basis == "diabatic"
    names = [
        str(hamiltonian.labels[i]) if diabatic else f"level {i}"
        for i in range(hamiltonian.dimension)
    ]
    probabilities = result.exact.probabilities
    order = sorted(range(len(names)), key=lambda i: -float(probabilities[i]))
    return names, sorted(order[:_MOST_STATES])


guard(__name__)
