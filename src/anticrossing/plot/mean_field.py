"""Levels that act on themselves: loops, swallow tails, and what is unstable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import real_array, shaped_like
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

__all__ = ["loop_diagram"]


@draws()
def loop_diagram(
    coordinate: npt.ArrayLike,
    potentials: npt.ArrayLike,
    growth: npt.ArrayLike,
    *,
    cusps: npt.ArrayLike = (),
    name: str = "coordinate",
    unit: str = "",
    energy_unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw the sheets of levels that act on themselves, unstable ones dashed, with their cusps.

    Parameters
    ----------
    coordinate : array, shape (K,)
    potentials : array, shape (K, M)
        A column a sheet, NaN where it does not exist.
    growth : array, shape (K, M)
        How fast small deviations grow: dashed where it is not zero.
    cusps : array, shape (C,), optional
        Where two sheets end.
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
    >>> model = ac.models.TwoModeCondensate(gap=1.0, interaction=2.0)
    >>> found = ac.spectrum.mean_field_levels(model, -2, 2)
    >>> axes = loop_diagram(found.x, found.potentials, found.growth, cusps=found.cusps)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['unstable', 'cusp']
    """
    x = real_array("coordinate", coordinate, ndim=1)
    # Gaps are where a sheet does not exist.
    values = np.asarray(potentials, dtype=np.float64)
    grows = np.asarray(growth, dtype=np.float64)
    shaped_like("growth", grows, "potentials", values.shape)
    shaped_like("coordinate", x, "potentials", values.shape[:1])
    count = values.shape[1]
    unstable = False
    for index in range(count):
        color = style.level_color(index, count)
        wild = grows[:, index] > 0
        unstable |= bool(wild.any())
        # Each part reaches to the neighbouring point, so that the two join.
        reach = wild | np.roll(wild, 1) | np.roll(wild, -1)
        ax.plot(x, np.where(wild, np.nan, values[:, index]), color=color, lw=1.8, zorder=2)
        if wild.any():
            dashed = np.where(reach, values[:, index], np.nan)
            ax.plot(x, dashed, color=color, lw=1.2, ls=(0, (4, 2)), zorder=2)
    if unstable:
        ax.plot([], [], color=style.MUTED, lw=1.2, ls=(0, (4, 2)), label="unstable")
    places = np.ravel(np.asarray(cusps, dtype=np.float64))
    if places.size:
        rows = [values[np.argmin(np.abs(x - place))] for place in places]
        ends = [
            (place, value)
            for place, row in zip(places, rows, strict=True)
            for value in _meeting(row)
        ]
        ax.plot(*zip(*ends, strict=True), "o", color=style.EXACT_COLOR, ms=4, label="cusp", ls="")
    ax.set(xlim=(x[0], x[-1]), xlabel=style.label(name, unit))
    ax.set_ylabel(style.label("chemical potential", energy_unit))
    ax.set_title("Levels that act on themselves")
    style.grid(ax)
    style.strip_legend(ax, columns=2)
    return ax


def _meeting(row: npt.NDArray[np.float64]) -> list[float]:
    """Return where the two nearest sheets of a place meet."""
    known = np.sort(row[~np.isnan(row)])
    if known.size < 2:
        return list(known)
    nearest = int(np.argmin(np.diff(known)))
    return [float(known[nearest])]


guard(__name__)
