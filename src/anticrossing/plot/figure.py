"""The combined figure of a result, and saving figures without pyplot."""

from __future__ import annotations

import functools
import importlib
import io
import textwrap
from pathlib import Path
from typing import Any

from anticrossing._core.checks import describe, fail
from anticrossing._core.files import write_bytes
from anticrossing._core.public import guard
from anticrossing.plot import panels, scan_panels, style
from anticrossing.studies import Outcome, Result

Figure = Any
"""A `matplotlib.figure.Figure`."""

# The modules that register the figures of the other kinds, by the names of their packages.
_DRAWN_IN = {
    "driven_level": "driven_level",
    "packet": "motion",
    "trajectories": "motion",
    "rates": "rates",
}


@functools.singledispatch
def figure(result: Any) -> Figure:
    """Return one figure of a result; every kind of experiment registers its own.

    That of a passage shows levels, populations, and predictions against the exact answer.

    Examples
    --------
    >>> from anticrossing.studies import parse, run
    >>> result = run(parse('''
    ... hamiltonian = { model = "LandauZener", gap = 1.0 }
    ... drive = { kind = "linear", start = -100, stop = 100, rate = 1.0 }
    ... '''))
    >>> len(figure(result).axes)
    4
    """
    raise fail("result", "be a result of an experiment", f"it is {describe(result)}")


@figure.register
def _another_kind(result: Outcome) -> Figure:
    *_, kind, _ = ("", "", *type(result).__module__.split("."))
    if kind in _DRAWN_IN:
        importlib.import_module(f"anticrossing.plot.{_DRAWN_IN[kind]}")
    draw = figure.dispatch(type(result))
    if draw is _another_kind:
        raise fail("result", "be of a kind that has a figure", f"it is {describe(result)}")
    return draw(result)


@figure.register
def _passage(result: Result) -> Figure:
    lower = bool(result.passage.predictions) or result.scan is not None
    with style.style():
        drawn, axes = panels_of(result.experiment.title, 2 if lower else 1)
        panels.levels(axes[0][0], result)
        panels.populations(axes[0][1], result)
        if result.scan is not None:
            scan_panels.scan(axes[1][0], result)
            scan_panels.scan_differences(axes[1][1], result)
        elif lower:
            panels.comparison(axes[1][0], result)
            panels.differences(axes[1][1], result)
    return drawn


def panels_of(title: str, rows: int) -> tuple[Figure, Any]:
    """Return a figure with a title and `rows` times two axes, with fixed margins."""
    from matplotlib.figure import Figure as MatplotlibFigure

    # Fixed margins: a layout solver would triple the time a figure takes.
    height = 0.8 + 3.5 * rows
    drawn = MatplotlibFigure(figsize=(10.4, height))
    short = textwrap.shorten(title, 90, placeholder=" …")
    drawn.text(0.012, 1 - 0.16 / height, style.plain(short), fontsize=13, ha="left", va="top")
    axes = drawn.subplots(rows, 2, squeeze=False)
    drawn.subplots_adjust(
        left=0.078,
        right=0.985,
        top=1 - 0.78 / height,
        bottom=0.55 / height,
        wspace=0.2,
        hspace=0.33,
    )
    return drawn, axes


def save_figure(drawn: Figure, path: str | Path, *, dpi: int = 160) -> None:
    """Save a figure as PNG or SVG, reproducibly (no date in the file)."""
    file = Path(path)
    write_bytes(file, render(drawn, file.suffix.lstrip(".").lower(), dpi=dpi))


def render(drawn: Figure, kind: str, *, dpi: int = 160) -> bytes:
    """Return a figure as the bytes of a PNG or SVG file."""
    buffer = io.BytesIO()
    options: dict[str, Any] = {"metadata": {"Date": None}}
    if kind != "svg":
        # The hardest compression takes three times as long and saves a few per cent.
        options = {"metadata": {"Software": "anticrossing"}, "pil_kwargs": {"compress_level": 3}}
    with style.style():
        drawn.savefig(buffer, format=kind, dpi=dpi, **options)
    return buffer.getvalue()


guard(__name__)
