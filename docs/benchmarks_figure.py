"""Draw the figure of docs/benchmarks.md:  python docs/benchmarks_figure.py [DIRECTORY]."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from anticrossing import plot
from anticrossing.plot import style

HERE = Path(__file__).parent
COLORS = {
    "anticrossing": "#1f5a96",
    "QuTiP sesolve": "#d1701f",
    "dynamiqs sesolve": "#3c8c5a",
    "SciPy DOP853": "#777777",
    "riccati": "#8a5aa8",
}


def benchmarks() -> Figure:
    """Time against the length of a sweep, and against the number of levels."""
    stored = json.loads((HERE / "benchmarks.json").read_text(encoding="utf-8"))
    with style.style():
        figure = Figure(figsize=(7.4, 3.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, draw in ((left, _lengths), (right, _levels)):
            axes.set(xscale="log", yscale="log")
            draw(axes, stored["series"])
            axes.legend(frameon=False, fontsize=7.5)
            style.grid(axes)
    return figure


def _lengths(axes: Any, series: dict[str, Any]) -> None:
    """Two levels over ever longer windows; what was not run is dashed."""
    rows = series["sweep"]["rows"]
    for name in ("anticrossing", "QuTiP sesolve", "dynamiqs sesolve", "SciPy DOP853"):
        _curve(axes, rows, name, name)
    _curve(axes, series["scalar"]["rows"], "riccati", "riccati (scalar equation)")
    axes.set(xlabel="oscillations", ylabel="time (s)", title="Two levels, P to 1e-8")
    axes.set(ylim=(3e-5, 1e4))


def _curve(axes: Any, rows: list[dict[str, Any]], name: str, label: str) -> None:
    ran, guessed = [], []
    for row in rows:
        figures = row["ours"] if name == "anticrossing" else row["rivals"].get(name, {})
        if "seconds" in figures:
            ran.append((row["oscillations"], figures["seconds"]))
        elif "would_take" in figures:
            guessed.append((row["oscillations"], figures["would_take"]))
    if ran:
        axes.plot(*zip(*ran, strict=True), "o-", ms=3.5, lw=1.4, color=COLORS[name], label=label)
    if ran and guessed:
        axes.plot(*zip(ran[-1], *guessed, strict=True), ls=":", lw=1.2, color=COLORS[name])


def _levels(axes: Any, series: dict[str, Any]) -> None:
    """Generic levels at three rates."""
    styles = {"10": "o-", "0.1": "s--", "1e-08": "^:"}
    present: set[int] = set()
    for rate, line in styles.items():
        rows = [r for r in series["generic"]["rows"] if r["name"].endswith(f"rate {rate}")]
        levels = [int(row["name"].split()[0]) for row in rows]
        present.update(levels)
        times = {"anticrossing": [row["ours"]["seconds"] for row in rows]}
        if all("seconds" in row["rivals"]["QuTiP sesolve"] for row in rows):
            times["QuTiP sesolve"] = [r["rivals"]["QuTiP sesolve"]["seconds"] for r in rows]
        for name, own in times.items():
            label = f"{name.split()[0]}, rate {rate}"
            axes.plot(levels, own, line, ms=3.5, lw=1.4, color=COLORS[name], label=label)
    axes.set(xlabel="levels", ylabel="time (s)", title="Generic levels, one state to 1e-8")
    axes.set_xticks(sorted(present), labels=[str(number) for number in sorted(present)])
    axes.minorticks_off()


def main(directory: Path) -> None:
    """Write the figure as a PNG file."""
    directory.mkdir(parents=True, exist_ok=True)
    plot.save_figure(benchmarks(), directory / "benchmarks.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "images")
