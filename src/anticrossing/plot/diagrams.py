"""Levels along a coordinate with their crossings marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, real_array
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    Crossing = Any

__all__ = ["level_diagram", "level_ladder"]

_MOST_DIABATS = 6  # more dashed lines than this hide the levels
_MOST_NUMBERS = 9


@draws()
def level_diagram(
    coordinate: npt.ArrayLike,
    energies: npt.ArrayLike,
    *,
    crossings: Sequence[Crossing] = (),
    diabats: npt.ArrayLike | None = None,
    name: str = "coordinate",
    unit: str = "",
    energy_unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw levels along a coordinate, with their crossings marked and numbered.

    Parameters
    ----------
    coordinate : array, shape (k,)
        Increasing.
    energies : array, shape (k, N)
        The levels there, lowest first; see `anticrossing.spectrum.levels`.
    crossings : Crossings, optional
        See `anticrossing.find_crossings`.
    diabats : array, shape (k, N), optional
        Diabatic energies, dashed.
    name, unit, energy_unit : str
        Of the coordinate and of the energies.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the shapes do not fit.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, x = ac.models.LandauZener(gap=1.0), np.linspace(-4, 4, 81)
    >>> found = ac.find_crossings(H, -4, 4)
    >>> axes = level_diagram(x, ac.spectrum.levels(H, x), crossings=found, energy_unit="GHz")
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['avoided crossing, gap 1 GHz']
    """
    x = real_array("coordinate", coordinate, ndim=1)
    levels = _along("energies", energies, x)
    dashed = None if diabats is None else _along("diabats", diabats, x)
    count = levels.shape[1]
    if dashed is not None and dashed.shape[1] <= _MOST_DIABATS:
        look = {"color": style.MUTED, "lw": 0.8, "ls": (0, (4, 3)), "zorder": 1}
        ax.plot(x, dashed, **look)
        ax.plot([], [], label="diabatic energies", **look)
    for index in range(count):
        color, width = style.level_color(index, count), 1.8 if count <= 8 else 1.2
        ax.plot(x, levels[:, index], color=color, lw=width, zorder=2)
    _mark(ax, list(crossings), energy_unit)
    ax.set(xlim=(x[0], x[-1]), xlabel=style.label(name, unit))
    ax.set_ylabel(style.label("energy", energy_unit))
    ax.set_title("Levels and crossings" if len(crossings) else "Levels")
    style.grid(ax)
    style.strip_legend(ax, columns=2)
    return ax


@draws(4.8, 4.4)
def level_ladder(
    energies: npt.ArrayLike, *, names: Sequence[str] | None = None, unit: str = "", ax: Axes = None
) -> Axes:
    """Draw discrete levels as a ladder of short lines, degenerate ones side by side.

    Parameters
    ----------
    energies : array, shape (N,)
        Sorted upwards; levels within 10⁻⁶ of the range are drawn side by side.
    names : sequence of str, optional
        What is written beside each level.
    unit : str
        Of the energies.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there are no levels, they are not sorted, or the names do not fit.

    Examples
    --------
    >>> len(level_ladder([0.0, 1.0, 1.0, 2.0], unit="cm^-1").lines)
    4
    """
    levels = real_array("energies", energies, ndim=1)
    if not levels.size or np.any(np.diff(levels) < 0):
        raise fail("energies", "be at least one number, sorted upwards", "they are not")
    if names is not None and len(names) != levels.size:
        raise fail("names", f"name {levels.size} levels", f"there are {len(names)}")
    near = 1e-6 * float(np.ptp(levels))
    groups = np.split(np.arange(levels.size), np.flatnonzero(np.diff(levels) > near) + 1)
    for group in groups:
        width = max(1.0 / group.size, 0.05)
        for place, index in enumerate(group):
            ends = [width * place + 0.02, width * (place + 1) - 0.02]
            ax.plot(ends, [levels[index]] * 2, color=style.level_color(0, 1), lw=2.0)
        if names is not None:
            text = ", ".join(style.plain(names[index]) for index in group)
            ax.text(1.04, levels[group[0]], text, fontsize=8, va="center")
    ax.set_xlim(-0.1, 1.5 if names is not None else 1.1)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set(ylabel=style.label("energy", unit), title="Levels")
    ax.grid(True, axis="y", color=style.GRID, linewidth=0.6)
    return ax


# ---- helpers ----------------------------------------------------------------------------------


def _along(name: str, values: npt.ArrayLike, x: FloatArray) -> FloatArray:
    array = real_array(name, values)
    if array.ndim != 2 or array.shape[0] != x.size or not array.size:
        raise fail(name, f"have shape ({x.size}, N)", f"its shape is {array.shape}")
    return array


def _mark(ax: Axes, crossings: list[Crossing], energy_unit: str) -> None:
    """Mark avoided crossings with circles, true ones with crosses, and number them."""
    unit = f" {style.unit(energy_unit)}" if energy_unit else ""
    for kind, marker, face in (("avoided", "o", "white"), ("true", "X", style.EXACT_COLOR)):
        found = [crossing for crossing in crossings if crossing.kind == kind]
        if not found:
            continue
        label = f"{kind} crossing" + ("s" if len(found) > 1 else "")
        if kind == "avoided":
            gaps = [crossing.gap for crossing in found]
            ends = list(dict.fromkeys(style.number(gap) for gap in (min(gaps), max(gaps))))
            label += f", gap{'s' * (len(ends) - 1)} {' … '.join(ends)}{unit}"
        ax.plot(
            [crossing.position for crossing in found],
            [crossing.centre_energy for crossing in found],
            ls="none",
            marker=marker,
            ms=7.5,
            mfc=face,
            mec=style.EXACT_COLOR,
            mew=1.2,
            label=label,
            zorder=4,
        )
    if not 1 < len(crossings) <= _MOST_NUMBERS:
        return
    for index, crossing in enumerate(crossings, start=1):
        number_crossing(ax, index, crossing)


def number_crossing(ax: Axes, index: int, crossing: Crossing) -> None:
    """Write the number of a crossing beside it."""
    from matplotlib.patheffects import withStroke

    ax.annotate(
        str(index),
        (crossing.position, crossing.centre_energy),
        xytext=(7, -7),
        textcoords="offset points",
        va="top",
        fontsize=8,
        zorder=5,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


guard(__name__)
