"""The tables of `docs/benchmarks.md` and the summary in `README.md`, made from stored figures."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.harness import Series

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "benchmarks.json"
PAGE, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"
DIGITS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
PERIODS = (
    (1e-6, "µs", 1e-3),
    (1e-3, "ms", 1.0),
    (1.0, "s", 120.0),
    (60.0, "min", 7200.0),
    (3600.0, "h", 172800.0),
    (86400.0, "days", 6.3e7),
    (3.156e7, "years", float("inf")),
)
Results = dict[str, Any]


def read() -> Results:
    """Return the stored figures."""
    return dict(json.loads(RESULTS.read_text(encoding="utf-8")))


def write(results: Results) -> None:
    """Store the figures."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")


def write_pages(results: Results) -> None:
    """Put what follows from the figures between the marks of both files."""
    for path, parts in ((PAGE, page_parts(results)), (README, {"benchmarks": summary(results)})):
        text = path.read_text(encoding="utf-8")
        for name, content in parts.items():
            text = replaced(text, name, content)
        path.write_text(text, encoding="utf-8")


def page_parts(results: Results) -> dict[str, str]:
    """Return the generated parts of the page by their names."""
    tables = "\n\n".join(table(series, rows) for series, rows in _series(results))
    return {
        "machine": machines(results),
        "summary": summary(results),
        "lost": lost(results),
        "tables": tables,
    }


def replaced(text: str, name: str, content: str) -> str:
    """Return a text with other content between the marks of a part."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"`{begin}` must be in the file once, before `{end}`")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def _series(results: Results) -> list[tuple[Series, list[Results]]]:
    """Return the series that were measured, with their rows."""
    from benchmarks.cases import SERIES  # whose problems write numbers as the page does

    known = results["series"]
    return [(series, known[series.name]["rows"]) for series in SERIES if series.name in known]


def table(series: Series, rows: list[Results]) -> str:
    """Return a series as a heading, a few sentences and a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row["rivals"]))
    head = ["", "oscillations", "anticrossing", *names]
    lines = [f"### {series.title}", "", series.text, "", _line(head), _line(["---"] * len(head))]
    for row in rows:
        cells = [row["name"], power(row["oscillations"]), _ours(row)]
        lines.append(_line(cells + [_rival(row["rivals"].get(name)) for name in names]))
    own = [row["name"] for row in rows if not independent(row)]
    if own:
        lines += ["", f"Compared with this package at a tighter tolerance alone: {', '.join(own)}."]
    return "\n".join(lines)


def independent(row: Results) -> bool:
    """Whether the answer is known from elsewhere."""
    return not row["reference"].startswith("this package")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ours(row: Results) -> str:
    own = row["ours"]
    return f"{period(own['seconds'])} ({power(own['error'])})"


def _rival(figures: Results | None) -> str:
    if figures is None:
        return ""
    if "would_take" in figures:
        return f"≈ {period(figures['would_take'])}, not run"
    if "not_within" in figures:
        return f"not within {figures['not_within']:g} s"
    if "not_accurate" in figures:
        return "not to 1e-8"
    ratio = f"{number(figures['ratio'])} ×"
    if figures["ratio"] < 1:
        ratio = f"**{ratio}**"
    return f"{ratio}: {figures['method']}, {period(figures['seconds'])} ({power(figures['error'])})"


def compared(results: Results) -> Iterator[tuple[float, str, str]]:
    """Yield ratio, solver and problem of everything that was timed."""
    for series, rows in _series(results):
        for row in rows:
            for name, figures in row["rivals"].items():
                if "ratio" in figures:
                    yield figures["ratio"], name, f"{series.title}, {row['name']}"


def lost(results: Results) -> str:
    """Return the comparisons in which another package is quicker."""
    lines = [
        f"- {problem}: {name} takes {number(ratio)} of our time"
        for ratio, name, problem in sorted(compared(results))
        if ratio < 1
    ]
    return "\n".join(lines) or "Nowhere in these tables."


def summary(results: Results) -> str:
    """Return the sentences of the README that state numbers."""
    found, series = list(compared(results)), results["series"]
    sweeps = series["sweep"]["rows"]
    times = [row["ours"]["seconds"] for row in sweeps]
    reached = [row for row in sweeps if "ratio" in row["rivals"].get("QuTiP sesolve", {})][-1]
    qutip = reached["rivals"]["QuTiP sesolve"]
    batch = series["batch"]["rows"][0]
    quicker = sorted(f for f in found if f[0] < 1)
    lines = [
        f"One sweep of two levels, to 1e-8: {period(times[0])} if their phase goes round once, "
        f"{period(times[-1])} if it goes round {power(sweeps[-1]['oscillations'])} times. At "
        f"{power(reached['oscillations'])} the quickest method of QuTiP takes "
        f"{period(qutip['seconds'])}, {number(qutip['ratio'])} times as long.",
        "Two hundred sweeps at rates around g² take QuTiP in a loop "
        f"{_ratio(batch, 'QuTiP sesolve')} times as long as one call here, as one block "
        f"{_ratio(batch, 'QuTiP, one block')} times, and dynamiqs "
        f"{_ratio(batch, 'dynamiqs sesolve')} times.",
    ]
    if quicker:
        ratio, name, problem = quicker[0]
        lines.append(
            f"In {len(quicker)} of {len(found)} comparisons another package is quicker, up to "
            f"{number(1 / ratio)} times ({name}; {problem})."
        )
    return "\n".join(textwrap.fill(line, 110, break_on_hyphens=False) for line in lines)


def _ratio(row: Results, name: str) -> str:
    """Return how many times as long a rival takes, at least where it was stopped."""
    figures = row["rivals"][name]
    if "not_within" in figures:
        return f"more than {number(figures['not_within'] / row['ours']['seconds'])}"
    return number(figures["ratio"])


def machines(results: Results) -> str:
    """Return on what the figures were measured, and which if they differ."""
    found: dict[str, list[str]] = {}
    load = max(part["machine"]["load"] for part in results["series"].values())
    for series, _ in _series(results):
        facts = machine(results["series"][series.name]["machine"] | {"load": load})
        found.setdefault(facts, []).append(series.title)
    if len(found) == 1:
        return next(iter(found))
    return "\n".join(f"- {'; '.join(titles)}: {facts}" for facts, titles in found.items())


def machine(facts: Results) -> str:
    """Return the facts on which figures depend in one sentence."""
    packages = ", ".join(f"{name} {number_}" for name, number_ in facts["packages"].items())
    return (
        f"Measured on {facts['date']} on {facts['cores']} cores and {facts['memory']} GB "
        f"({facts['system']}, {facts['machine']}) with Python {facts['python']}, {packages}, at a "
        f"load of {facts['load']:.0f}. Calls longer than {facts['longest']:g} s were not run."
    )


def number(value: float) -> str:
    """Return a number to two digits, as people write it."""
    if value >= 1e5:
        return power(value)
    return f"{float(f'{value:.2g}'):,.10g}"


def power(value: float) -> str:
    """Return a number to two digits, with a power of ten if it is far from one."""
    if value == 0:
        return "0"
    if 0.01 <= value < 1e4:
        return f"{float(f'{value:.2g}'):g}"
    digits, exponent = f"{value:.1e}".split("e")
    ten = f"10{str(int(exponent)).translate(DIGITS)}"
    return ten if digits == "1.0" else f"{digits}·{ten}"


def period(seconds: float) -> str:
    """Return a time to two digits in the unit that people use for it."""
    unit, name, _ = next(entry for entry in PERIODS if seconds < entry[2])
    return f"{number(seconds / unit)} {name}"
