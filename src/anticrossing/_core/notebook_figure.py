"""A Matplotlib figure that a notebook shows without `pyplot`; imported when one is drawn."""

from __future__ import annotations

import io

import matplotlib.figure

from anticrossing._core.style import style

_DPI = 110


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows when it is the value of a cell."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with style():
            self.savefig(buffer, format="png", dpi=_DPI)
        return buffer.getvalue()
