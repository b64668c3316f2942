"""How a notebook shows what is put into a computation: its facts as a table, and a sketch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.style import MUTED, PALETTE

_WIDTH, _HEIGHT, _LEFT, _BELOW = 300.0, 150.0, 54.0, 30.0
_MOST_LINES = 12
_LARGEST_MATRIX = 4
_LONGEST = 160


class Described:
    """Base of Hamiltonians, drives and environments.

    Nothing is imported for the sketch, which is drawn in the colours of figures.
    """

    def _facts(self) -> Mapping[str, str]:
        """Return what is to be known about it, by names."""
        return {}

    def _sketch(self) -> str:
        """Return a small picture as SVG, or nothing."""
        return ""

    def _repr_html_(self) -> str:
        from anticrossing._core import html

        return html.facts(repr(self), self._facts(), self._sketch())


def value_text(value: Any) -> str:
    """Return a number, a small matrix, the size of a large one, or anything else as short text."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.ndim != 2 or max(value.shape) > _LARGEST_MATRIX:
            return " × ".join(map(str, value.shape)) + " numbers"
        rows = (" ".join(map(_number, row)) for row in value)
        return "[" + "; ".join(rows) + "]"
    text = _number(value) if isinstance(value, (int, float, complex, np.ndarray)) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _number(value: Any) -> str:
    number = complex(value)
    return f"{number.real:.6g}" if number.imag == 0 else f"{number:.4g}"


def lines(
    across: npt.NDArray[Any], up: npt.NDArray[Any], across_name: str, up_name: str = ""
) -> str:
    """Return curves `up` (K, n) over points (n,) as SVG, with the ends of both axes; or nothing.

    Points that are not finite are left out.
    """
    curves = np.asarray(up, dtype=np.float64)[:_MOST_LINES]
    known = np.isfinite(curves)
    if not known.any() or not np.all(np.isfinite(across)) or not across[-1] > across[0]:
        return ""
    low, high = float(curves[known].min()), float(curves[known].max())
    room = high - low if high > low else 1.0
    if not room < np.inf:
        return ""
    x = _LEFT + (_WIDTH - _LEFT - 8) * (across - across[0]) / (across[-1] - across[0])
    y = 8 + (_HEIGHT - _BELOW - 16) * (1 - (curves - low) / room)
    paths = []
    for k, (row, seen) in enumerate(zip(y, known, strict=True)):
        pairs = [f"{a:.1f},{b:.1f}" for a, b in zip(x[seen], row[seen], strict=True)]
        colour = PALETTE[k % len(PALETTE)]
        paths.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" '
            f'points="{" ".join(pairs)}"/>'
        )
    bottom = _HEIGHT - _BELOW
    paths.append(
        f'<path fill="none" stroke="{MUTED}" d="M{_LEFT} 4V{bottom}H{_WIDTH - 4}"/>'
        + _text(_LEFT, bottom + 13, "start", _end(across[0], across[-1] - across[0]))
        + _text(_WIDTH - 6, bottom + 13, "end", _end(across[-1], across[-1] - across[0]))
        + _text((_LEFT + _WIDTH) / 2, bottom + 25, "middle", across_name)
        + _text(_LEFT - 4, 14, "end", _end(high, room))
        + _text(_LEFT - 4, bottom - 4, "end", _end(low, room))
        + _text(_LEFT - 4, (14 + bottom) / 2, "end", up_name)
    )
    size = f'width="{_WIDTH:g}" height="{_HEIGHT:g}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}"'
    said = f"{up_name or 'curves'} over {across_name}"
    return f'<svg role="img" aria-label="{_escaped(said)}" {size}>{"".join(paths)}</svg>'


def _end(value: float, room: float) -> str:
    """Return the end of an axis that is so long; what is rounding beside it is zero."""
    return f"{value:.3g}" if abs(value) > 1e-12 * room else "0"


def _text(x: float, y: float, anchor: str, text: str) -> str:
    if not text:
        return ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="11" fill="currentColor">'
        f"{_escaped(text)}</text>"
    )


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
