"""Colours, markers and text shared by all panels."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, MissingExtraError, require

# Okabe and Ito's palette, which stays distinct for colour-blind readers and in print.
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
FORMULA_COLORS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#555555")
FORMULA_MARKERS = ("D", "s", "^", "v", "P", "X", "*")
EXACT_COLOR = "#1A1A1A"
MUTED = "#8A8A8A"
GRID = "#E4E4E4"

_MOST_MARKERS = 45

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # where it would be put after all labels have been laid out
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "legend.borderpad": 0.3,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "mathtext.fontset": "dejavusans",
    "svg.fonttype": "path",
    "svg.hashsalt": "anticrossing",
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Apply the style alone within a block, and restore the caller's settings after it."""
    matplotlib = load()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def load() -> Any:
    """Import Matplotlib, or raise in one line; a backend it does not know matters to no file."""
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        matplotlib = require("matplotlib", "plot", "A figure")
    except MissingExtraError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with its settings
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"Matplotlib cannot be loaded: {why}.") from None
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:  # as it would have done itself
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    return matplotlib


def level_color(index: int, count: int) -> Any:
    """Return the colour of level `index` of `count`."""
    if count <= len(_PALETTE):
        return _PALETTE[index]
    import matplotlib

    return matplotlib.colormaps["viridis"](0.92 * index / max(count - 1, 1))


def formula_color(index: int) -> str:
    """Return the colour of the formula number `index`."""
    return FORMULA_COLORS[index % len(FORMULA_COLORS)]


_PRETTY = {
    "mPhi0": "mΦ₀",
    "uPhi0": "µΦ₀",
    "Phi0": "Φ₀",
    "angstrom": "Å",
    "ueV": "µeV",
    "us": "µs",
    "um": "µm",
    "cm^-1": "cm⁻¹",
    "atomic": "ħ/hartree",
}


def plain(text: str) -> str:
    """Return text from a file so that Matplotlib shows it as it is (no mathematics)."""
    return text.replace("$", r"\$")


def unit(name: str) -> str:
    """Return a unit as it is written in print."""
    return plain("/".join(_PRETTY.get(part, part) for part in name.split("/")))


def label(quantity: str, unit_name: str) -> str:
    """Return an axis label: the quantity, and its unit in parentheses if it has one."""
    return f"{plain(quantity)} ({unit(unit_name)})" if unit_name else plain(quantity)


def number(value: float) -> str:
    """Return a number with three digits, in the usual notation of a figure."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", "−")
    return scientific(value)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def scientific(value: float) -> str:
    """Return a number with three digits as "2×10⁻³", or "10⁻³".

    Raised digits of the font are drawn many times faster than Matplotlib's mathematics.
    """
    mantissa, exponent = f"{value:.2e}".split("e")
    power = "10" + str(int(exponent)).translate(_RAISED)
    factor = f"{float(mantissa):g}".replace("-", "−")
    return power if factor == "1" else f"{factor}×{power}"


def logarithmic(axis: Any, low: float, high: float) -> None:
    """Label a logarithmic axis so that its numbers never run into each other."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if low > 0 and high / low < 300:
        few = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
        axis.set_major_locator(LogLocator(subs=few if high / low < 12 else (1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_major_formatter(FuncFormatter(lambda value, _: scientific(value)))
        axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))  # a tick costs a millisecond to draw
    axis.set_minor_formatter(NullFormatter())


def strip_legend(axes: Any, columns: int = 3) -> None:
    """Put the legend into a free strip above the data."""
    entries = len(axes.get_legend_handles_labels()[1])
    if not entries:
        return
    rows = -(-entries // columns)
    low, high = axes.get_ylim()
    share = 0.04 + 0.075 * rows
    if axes.get_yscale() == "log":
        axes.set_ylim(low, high * (high / low) ** share)
    else:
        axes.set_ylim(low, high + share * (high - low))
    axes.legend(
        loc="upper center",
        ncols=min(columns, entries),
        columnspacing=1.2,
        handlelength=1.8,
        borderaxespad=0.2,
    )


def remark(axes: Any, text: str) -> None:
    """Write a short remark at the right end of the title's line."""
    axes.text(
        1.0,
        1.02,
        text,
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        fontsize=7.5,
        color="#555555",
    )


def grid(axes: Any) -> None:
    """Draw a quiet grid."""
    axes.grid(True, color=GRID, linewidth=0.6)


def parameter_axis(axes: Any, values: FloatArray, scale: str, name: str, unit_name: str) -> None:
    """Set the axis of a scanned parameter."""
    if scale == "log" and values[0] > 0:
        axes.set_xscale("log")
        logarithmic(axes.xaxis, float(values[0]), float(values[-1]))
    axes.set_xlabel(label(name, unit_name))


def domain_line(
    axes: Any,
    x: FloatArray,
    y: FloatArray,
    valid: npt.NDArray[np.bool_],
    color: Any,
    label: str | None = None,
    marker: str | None = None,
    rank: int = 0,
) -> None:
    """Draw y(x) solid between points that are both valid, dotted elsewhere.

    A higher `rank` is drawn thinner and later, so that lines on top of each other all show.
    """
    width, size = max(3.4 - 1.1 * rank, 1.0), max(5.5 - 1.2 * rank, 2.8)
    solid = valid[:-1] & valid[1:]
    for index, style_name in ((True, "-"), (False, (0, (1, 1.6)))):
        pieces = solid == index
        masked = np.full((x.size - 1, 3, 2), np.nan)
        masked[:, 0] = np.stack([x[:-1], y[:-1]], axis=-1)
        masked[:, 1] = np.stack([x[1:], y[1:]], axis=-1)
        points = masked[pieces].reshape(-1, 2)
        axes.plot(points[:, 0], points[:, 1], ls=style_name, color=color, lw=width, zorder=2)
    if marker is not None and x.size <= _MOST_MARKERS:
        axes.plot(x, y, ls="none", marker=marker, ms=size, color=color, zorder=3)
    if label is not None:
        axes.plot([], [], color=color, lw=width, marker=marker, ms=size, label=label)
