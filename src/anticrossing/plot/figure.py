"""Figures of several panels, and saving them, without pyplot."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

from anticrossing._core.files import write_bytes
from anticrossing._core.public import guard
from anticrossing.plot import style

Figure = Any
"""A `matplotlib.figure.Figure`."""


def panels_of(title: str, rows: int) -> tuple[Figure, Any]:
    """Return a figure with a title and `rows` times two axes, with fixed margins."""
    from anticrossing._core.notebook_figure import Figure as ShownFigure

    # Fixed margins: a layout solver would triple the time a figure takes.
    height = 0.8 + 3.5 * rows
    drawn = ShownFigure(figsize=(10.4, height))
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
