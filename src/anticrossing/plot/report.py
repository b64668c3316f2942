"""The HTML report: one self-contained file that reads well in light and dark."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from anticrossing._version import __version__
from anticrossing.experiment import Result, summarize
from anticrossing.experiment.dataset import versions
from anticrossing.plot.figure import figure, render

_MOST_SCAN_ROWS = 60
_MOST_STATES = 8

_CSS = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5a646e; --line: #d9dee3; --paper: #fff;
  --card: #f5f7f9; --good: #00704f; --bad: #b34700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a3adb7; --line: #3a424a;
  --paper: #15191d; --card: #1e242a; --good: #4cc79b; --bad: #ff9d5c; } }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.2rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .6rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .soft, caption, figcaption { color: var(--soft); font-size: .9rem; }
.verdict { border-left: 4px solid var(--good); background: var(--card); padding: .7rem 1rem;
  margin: 1.2rem 0; }
.verdict.outside { border-color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: nowrap; }
th { font-weight: 600; } .text { text-align: left; white-space: normal; }
.good { color: var(--good); } .bad { color: var(--bad); }
figure { margin: 1.2rem 0; } figure img { width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); border-radius: 6px; }
pre { background: var(--card); border: 1px solid var(--line); padding: .8rem 1rem; overflow-x: auto;
  font-size: .82rem; line-height: 1.4; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: .4rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
"""


def write(result: Result, directory: Path) -> None:
    """Save ``figure.png``, ``figure.svg`` and ``report.html`` into a directory."""
    drawn = figure(result)
    vector = render(drawn, "svg")
    (directory / "figure.svg").write_bytes(vector)
    (directory / "figure.png").write_bytes(render(drawn, "png"))
    (directory / "report.html").write_text(report(result, vector), encoding="utf-8")


def report(result: Result, vector: bytes | None = None) -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    result : Result
    vector : bytes, optional
        The figure as SVG, if it has been drawn already.
    """
    summary = summarize(result)
    image = base64.b64encode(vector or render(figure(result), "svg")).decode("ascii")
    experiment = result.experiment
    title = escape(experiment.title)
    outside = not any(p["valid"] for p in summary["predictions"])
    parts = [
        f"<h1>{title}</h1>",
        _paragraph(experiment.description),
        f'<p class="verdict{" outside" if outside else ""}">{escape(summary["verdict"])}</p>',
        f'<figure><img alt="Levels with their crossings, populations through the passage, and '
        f'predictions against the exact answer: {title}" '
        f'src="data:image/svg+xml;base64,{image}"></figure>',
        _crossings(summary, result),
        _predictions(summary, result),
        _checks(summary),
        _exact(summary, result),
        _scan(summary, result) if "scan" in summary else "",
        _provenance(summary, result),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


# ---- sections ---------------------------------------------------------------------------------


def _crossings(summary: dict[str, Any], result: Result) -> str:
    units = result.experiment.hamiltonian.units
    rows = [
        [
            str(number),
            show(row["position"], 8),
            f"{row['levels'][0]}, {row['levels'][1]}",
            row["kind"],
            show(row["gap"]),
            show(row["slope_difference"]),
            "none" if row["third_level_distance"] is None else show(row["third_level_distance"]),
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
    text = _table(heads, rows, words={3, 7})
    passages = [
        [
            show(row["time"]),
            f"{row['levels'][0]}, {row['levels'][1]}",
            show(row["velocity"]),
            show(row["gap"]),
            show(row["sweep_rate"]),
            show(row["jump_probability"]),
        ]
        for row in summary["passages"]
    ]
    if passages:
        text += "\n" + _table(
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
    rows = [["exact", *(show(summary["exact"]["probabilities"][i]) for i in columns), "", ""]]
    rows += [
        [
            row["name"],
            *(show(row["probabilities"][i]) for i in columns),
            show(row["difference"], 2),
            _mark(row["valid"]),
        ]
        for row in summary["predictions"]
    ]
    question = result.experiment.question
    start = names[question.initial]
    text = _table(
        ["", *(names[i] for i in columns), "largest difference", "domain"],
        rows,
        words={0},
        raw={len(columns) + 2},
        caption=f"Final probabilities, starting in {start} ({question.basis} read-out).",
    )
    if summary["log_jump"] is not None:
        text += (
            "\n<p>The jump is too improbable to be read off the exact populations; on a complex "
            f"contour ln P = {show(summary['log_jump'], 10)}.</p>"
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
                    show(check["value"], 3),
                    f"{relation} {show(check['limit'], 3)}",
                    _mark(check["satisfied"]),
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
        + _table(heads, rows, words={0, 1, 5}, raw={4})
        + note
    )


def _exact(summary: dict[str, Any], result: Result) -> str:
    exact = summary["exact"]
    names, columns = state_columns(result)
    rows = [[names[i], *(show(exact["transition_matrix"][i][j]) for j in columns)] for i in columns]
    text = _table(
        ["to \\ from", *(names[j] for j in columns)],
        rows,
        words={0},
        caption="Exact transition probabilities.",
    )
    text += (
        f"\n<p class='soft'>{exact['panels']} panels; estimated error "
        f"{show(exact['error_estimate'], 2)} in the amplitudes, "
        f"{show(exact['phase_error'], 2)} rad in a total phase of "
        f"{show(exact['phase'], 3)} rad.</p>"
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
    step = max(1, math.ceil(size / _MOST_SCAN_ROWS))
    target = columns if len(columns) == 1 else []
    rows = []
    for index in range(0, size, step):
        row = [show(scan["values"][index]), *(show(scan["exact"][index][i]) for i in columns)]
        for name in formulas:
            found = scan["predictions"][name]
            predicted = found["probabilities"][index]
            mark = "" if found["valid"][index] else " (outside)"
            if predicted[0] is None:
                row.append("–")
            elif target:
                row.append(show(predicted[target[0]]) + mark)
            else:
                pairs = zip(predicted, scan["exact"][index], strict=True)
                row.append("± " + show(max(abs(a - b) for a, b in pairs), 2) + mark)
        rows.append(row)
    what = "P" if target else "largest difference"
    heads = [
        scan["parameter"],
        *(f"exact, {names[i]}" for i in columns),
        *(f"{name}, {what}" for name in formulas),
    ]
    text = _table(heads, rows, caption="“(outside)”: a check of the formula's domain fails.")
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
        ("Software", ", ".join(f"{name} {number}" for name, number in versions().items())),
    ]
    listed = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in entries)
    return (
        f"<h2>Where this comes from</h2>\n<dl>{listed}</dl>\n"
        f"<p class='soft'>The experiment file; run it again with anticrossing {__version__} to get "
        f"these numbers.</p>\n<pre>{escape(experiment.text.strip())}</pre>"
    )


# ---- helpers ----------------------------------------------------------------------------------


def show(value: float | None, digits: int = 6) -> str:
    """Return a number as text, with a typographic minus and a word for what is missing."""
    if value is None:
        return "–"
    return f"{value:.{digits}g}".replace("-", "−")


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


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _mark(good: bool) -> str:
    return '<span class="good">within</span>' if good else '<span class="bad">outside</span>'


def _table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Iterable[int] = (),
    raw: Iterable[int] = (),
    caption: str = "",
) -> str:
    """Return a table; columns in `words` hold text, those in `raw` hold HTML made here."""
    text_columns, html_columns = set(words), set(raw)

    def cell(tag: str, column: int, content: str) -> str:
        kind = ' class="text"' if column in text_columns else ""
        shown = content if column in html_columns and tag == "td" else escape(content)
        return f"<{tag}{kind}>{shown}</{tag}>"

    head = "".join(cell("th", i, text) for i, text in enumerate(heads))
    body = "\n".join(
        "<tr>" + "".join(cell("td", i, text) for i, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
