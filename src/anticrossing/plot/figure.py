"""The combined figure of a result, and saving figures without pyplot."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

from anticrossing.experiment import Result
from anticrossing.plot import panels, scan_panels, style

Figure = Any
"""A `matplotlib.figure.Figure`."""


def figure(result: Result) -> Figure:
    """Return one figure: levels, populations, and predictions against the exact answer.

    Examples
    --------
    >>> from anticrossing.experiment import parse, run
    >>> result = run(parse('''
    ... hamiltonian = { model = "LandauZener", gap = 1.0 }
    ... drive = { kind = "linear", start = -100, stop = 100, rate = 1.0 }
    ... '''))
    >>> len(figure(result).axes)
    4
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    with style.style():
        lower = bool(result.passage.predictions) or result.scan is not None
        height = 7.8 if lower else 4.3
        # Fixed margins: a layout solver would triple the time a figure takes.
        drawn = MatplotlibFigure(figsize=(10.4, height))
        title = textwrap.shorten(result.experiment.title, 90, placeholder=" …")
        drawn.text(0.012, 1 - 0.16 / height, style.plain(title), fontsize=13, ha="left", va="top")
        axes = drawn.subplots(2 if lower else 1, 2, squeeze=False)
        drawn.subplots_adjust(
            left=0.078,
            right=0.985,
            top=1 - 0.78 / height,
            bottom=0.55 / height,
            wspace=0.2,
            hspace=0.33,
        )
        panels.levels(axes[0][0], result)
        panels.populations(axes[0][1], result)
        if result.scan is not None:
            scan_panels.scan(axes[1][0], result)
            scan_panels.scan_differences(axes[1][1], result)
        elif lower:
            panels.comparison(axes[1][0], result)
            panels.differences(axes[1][1], result)
    return drawn


def save_figure(drawn: Figure, path: str | Path, *, dpi: int = 160) -> None:
    """Save a figure as PNG or SVG, reproducibly (no date in the file)."""
    file = Path(path)
    file.write_bytes(render(drawn, file.suffix.lstrip(".").lower(), dpi=dpi))


def render(drawn: Figure, kind: str, *, dpi: int = 160) -> bytes:
    """Return a figure as the bytes of a PNG or SVG file."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": "anticrossing"}
    with style.style():
        drawn.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()
