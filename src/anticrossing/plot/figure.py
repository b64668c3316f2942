"""The combined figure of a result, and saving figures without pyplot."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

from anticrossing.experiment import Result
from anticrossing.plot import panels, style

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
        drawn = MatplotlibFigure(figsize=(10.4, 7.8), layout="constrained")
        drawn.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
        drawn.suptitle(
            textwrap.fill(result.experiment.title, 90), fontsize=13, x=0.012, ha="left"
        )
        lower = bool(result.passage.predictions) or result.scan is not None
        axes = drawn.subplots(2 if lower else 1, 2, squeeze=False)
        panels.levels(axes[0][0], result)
        panels.populations(axes[0][1], result)
        if result.scan is not None:
            panels.scan(axes[1][0], result)
            panels.scan_differences(axes[1][1], result)
        elif lower:
            panels.comparison(axes[1][0], result)
            panels.differences(axes[1][1], result)
        else:
            drawn.set_size_inches(10.4, 4.4)
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
