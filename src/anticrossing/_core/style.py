"""How figures look: settings, colours, labels. `anticrossing.plot.style` adds what panels need."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from anticrossing._core.checks import InputError, MissingExtraError, require

Axes = Any
"""A `matplotlib.axes.Axes`."""

# Okabe and Ito's palette, which stays distinct for colour-blind readers and in print.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MUTED = "#8A8A8A"
GRID = "#E4E4E4"
_TICK = "#333333"

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
    "xtick.color": _TICK,
    "ytick.color": _TICK,
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
def style(changes: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Apply the style alone within a block, and restore the caller's settings after it."""
    matplotlib = load()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, **(changes or {})})
        yield


def load() -> Any:
    """Import Matplotlib, or raise `InputError`; a backend it does not know matters to no file."""
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


def keep_ticks(axes: Axes) -> None:
    """Fix the look of the ticks, which Matplotlib makes only when the figure is drawn."""
    axes.tick_params(which="both", colors=_TICK, labelsize=_STYLE["xtick.labelsize"])


def level_color(index: int, count: int) -> Any:
    """Return the colour of level `index` of `count`."""
    if count <= len(PALETTE):
        return PALETTE[index]
    import matplotlib

    return matplotlib.colormaps["viridis"](0.92 * index / max(count - 1, 1))


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


def grid(axes: Axes) -> None:
    """Draw a quiet grid."""
    axes.grid(True, color=GRID, linewidth=0.6)
