"""Pictures of repeated passages: interference maps, cuts through them, quasi-energies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    fail,
    increasing,
    of_shape,
    positive_number,
    real_array,
    real_number,
)
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    QuasiEnergies = Any

__all__ = ["fringes", "interference_map", "quasi_energy_diagram"]

_MOST_NUMBERS = 20  # of resonances
_MOST_GUIDES = 60  # more lines of resonance than this hide the population


@draws(5.6, 4.2)
def interference_map(
    offsets: npt.ArrayLike,
    amplitudes: npt.ArrayLike,
    population: npt.ArrayLike,
    *,
    frequency: float | None = None,
    unit: str = "",
    amplitude_unit: str | None = None,
    largest: float | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw a population as a colour over offset (horizontal) and amplitude (vertical).

    Parameters
    ----------
    offsets : array_like, shape (n,)
        Strictly increasing.
    amplitudes : array_like, shape (m,)
        Strictly increasing.
    population : array_like, shape (n, m)
        At every pair, offsets first.
    frequency : float, optional
        Angular frequency in the unit of the offset; marks the resonances at its multiples on the
        upper edge.
    unit, amplitude_unit : str
        Of offset and amplitude; the second is the unit of the offset if it is not given.
    largest : float, optional
        Population of the brightest colour, by default the largest of all.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A colour bar stands beside them.

    Raises
    ------
    InputError
        If shapes do not fit or coordinates do not increase.

    Examples
    --------
    >>> population = [[0, 0.1], [0, 0.5], [0, 0.1]]
    >>> interference_map([-1, 0, 1], [0, 1], population, unit="GHz").get_xlabel()
    'offset (GHz)'
    """
    x, y = increasing("offsets", offsets), increasing("amplitudes", amplitudes)
    z = of_shape("population", real_array("population", population), (x.size, y.size))
    top = float(z.max()) if largest is None else real_number("largest", largest)
    mesh = ax.pcolormesh(
        x, y, z.T, cmap="cividis", vmin=0, vmax=top or None, shading="nearest", rasterized=True
    )
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("population")
    bar.outline.set_visible(False)
    ax.set_xlabel(style.label("offset", unit))
    ax.set_ylabel(style.label("amplitude", unit if amplitude_unit is None else amplitude_unit))
    ax.set_title("Interference pattern", pad=None if frequency is None else 18)
    if frequency is not None:
        _mark_resonances(ax, x, positive_number("frequency", frequency))
    return ax


@draws()
def fringes(
    coordinate: npt.ArrayLike,
    population: npt.ArrayLike,
    *,
    error: npt.ArrayLike | None = None,
    fit: npt.ArrayLike | None = None,
    fit_coordinate: npt.ArrayLike | None = None,
    name: str = "offset",
    unit: str = "",
    fit_label: str = "fit",
    ax: Axes = None,
) -> Axes:
    """Draw a cut through an interferogram: measured populations, and a fit as a line.

    Parameters
    ----------
    coordinate, population : array_like, shape (n,)
    error : array_like, shape (n,), optional
        Standard deviations.
    fit : array_like, shape (n,) or (k,), optional
        The fitted population, at `fit_coordinate` if that is given.
    fit_coordinate : array_like, shape (k,), optional
    name, unit : str
        Of the coordinate.
    fit_label : str
        In the legend.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If shapes do not fit.

    Examples
    --------
    >>> axes = fringes([0, 1, 2], [0.1, 0.4, 0.1], fit=[0.1, 0.42, 0.1])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['fit', 'measured']
    """
    x = real_array("coordinate", coordinate, ndim=1)
    y = of_shape("population", real_array("population", population), x.shape)
    order = np.argsort(x, kind="stable")
    if error is not None:
        bars = of_shape("error", real_array("error", error), x.shape)[order]
        ax.errorbar(
            x[order], y[order], bars, fmt="none", ecolor=style.MUTED, elinewidth=0.9, zorder=2
        )
    if fit is not None:
        at = x if fit_coordinate is None else real_array("fit_coordinate", fit_coordinate, ndim=1)
        line = np.argsort(at, kind="stable")
        ax.plot(
            at[line],
            of_shape("fit", real_array("fit", fit), at.shape)[line],
            color="#0072B2",
            label=fit_label,
            zorder=3,
        )
    elif fit_coordinate is not None:
        raise fail("fit_coordinate", "be left out without `fit`", "it would be ignored")
    ax.plot(x[order], y[order], "o", ms=3.2, color=style.EXACT_COLOR, label="measured", zorder=2.5)
    ax.set(xlabel=style.label(name, unit), ylabel="population", title="Fringes")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    style.grid(ax)
    style.strip_legend(ax)
    return ax


@draws()
def quasi_energy_diagram(
    result: QuasiEnergies, *, frequency: float | None = None, unit: str = "", ax: Axes = None
) -> Axes:
    """Draw quasi-energies along a parameter, with their resonances marked.

    Parameters
    ----------
    result : QuasiEnergies
        See `anticrossing.dynamics.quasi_energies`.
    frequency : float, optional
        Angular frequency ω: folds the lines into the zone from −ω/2 to ω/2, broken where they leave
        it, and marks its edges.
    unit : str
        Of the energies.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from anticrossing import dynamics, drive, models
    >>> H = models.LandauZener(gap=0.1)
    >>> turning = drive.Formula("offset + 2*cos(t)", start_time=0, stop_time=20, offset=1.0)
    >>> values = np.linspace(0.8, 1.2, 9)
    >>> result = dynamics.quasi_energies(H, turning, "offset", values, period=2 * np.pi)
    >>> quasi_energy_diagram(result, frequency=1.0).get_xlabel()
    'offset'
    """
    x, energies = result.values, result.branches
    count = energies.shape[1]
    omega = None if frequency is None else positive_number("frequency", frequency)
    for index in range(count):
        shown_x, shown = x, energies[:, index]
        if omega is not None:
            shown = shown - omega * np.ceil(shown / omega - 0.5)
            breaks = np.flatnonzero(np.abs(np.diff(shown)) > 0.5 * omega) + 1
            shown_x, shown = np.insert(x, breaks, np.nan), np.insert(shown, breaks, np.nan)
        ax.plot(shown_x, shown, color=style.level_color(index, count))
    for place, resonance in enumerate(result.resonances):
        label = "resonances with their photons" if place == 0 else None
        ax.axvline(resonance.position, color="#555555", lw=1.0, ls=":", zorder=0, label=label)
        if len(result.resonances) <= _MOST_NUMBERS:
            ax.annotate(
                f"{resonance.photons}",
                (resonance.position, 0.06),
                xycoords=("data", "axes fraction"),
                xytext=(2, 3),
                textcoords="offset points",
                fontsize=7.5,
                color="#555555",
            )
    if omega is not None:
        for edge in (-0.5 * omega, 0.5 * omega):
            ax.axhline(edge, color=style.MUTED, lw=0.8, ls=(0, (4, 3)), zorder=0)
        ax.set_ylim(-0.54 * omega, 0.54 * omega)
        style.remark(ax, "dashed: edges of the zone, ±ω/2")
    ax.set(xlim=(x[0], x[-1]), xlabel=style.plain(result.parameter))
    ax.set(ylabel=style.label("quasi-energy", unit), title="Quasi-energies")
    style.grid(ax)
    style.strip_legend(ax)
    return ax


# ---- helpers ----------------------------------------------------------------------------------


def _mark_resonances(ax: Axes, x: FloatArray, omega: float) -> None:
    """Number the multiples of ω on an upper axis."""
    orders = np.arange(np.ceil(x[0] / omega), np.floor(x[-1] / omega) + 1)
    if not 0 < orders.size <= _MOST_GUIDES:
        return
    every = -(-orders.size // 15)
    shown = orders[np.mod(orders, every) == 0]
    upper: Any = ax.secondary_xaxis("top")
    upper.set_xticks(shown * omega, [f"{int(n)}".replace("-", "−") for n in shown])
    upper.tick_params(length=2, pad=1, labelsize=7, colors="#555555")
    upper.spines["top"].set_visible(False)
    upper.set_xlabel("ε₀/ω", loc="right", fontsize=7.5, color="#555555", labelpad=2)


guard(__name__)
