"""Panels of repeated passages: interferograms, cuts through them, quasi-energies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    fail,
    positive_number,
    real_array,
    real_number,
)
from anticrossing.plot import style
from anticrossing.plot.panels import Axes

_MOST_GUIDES = 60  # more lines of resonance than this hide the population


def interferogram(
    axes: Axes,
    offsets: npt.ArrayLike,
    amplitudes: npt.ArrayLike,
    population: npt.ArrayLike,
    *,
    frequency: float | None = None,
    unit: str = "",
    amplitude_unit: str | None = None,
    largest: float | None = None,
) -> Axes:
    """Draw a population as a colour over offset (horizontal) and amplitude (vertical).

    Parameters
    ----------
    axes : Axes
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
        Of offset and amplitude; the second is that of the offset if it is not given.
    largest : float, optional
        Population of the brightest colour, by default the largest of all.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If shapes do not fit or coordinates do not increase.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> population = [[0, 0.1], [0, 0.5], [0, 0.1]]
    >>> axes = interferogram(Figure().subplots(), [-1, 0, 1], [0, 1], population)
    >>> axes.get_xlabel()
    'offset'
    """
    x, y = _increasing("offsets", offsets), _increasing("amplitudes", amplitudes)
    z = real_array("population", population)
    if z.shape != (x.size, y.size):
        raise fail("population", f"have shape {(x.size, y.size)}", f"its shape is {z.shape}")
    top = float(z.max()) if largest is None else real_number("largest", largest)
    mesh = axes.pcolormesh(
        x, y, z.T, cmap="cividis", vmin=0, vmax=top or None, shading="nearest", rasterized=True
    )
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.set_label("population")
    bar.outline.set_visible(False)
    axes.set_xlabel(style.label("offset", unit))
    axes.set_ylabel(style.label("amplitude", unit if amplitude_unit is None else amplitude_unit))
    axes.set_title("Interferogram")
    if frequency is not None:
        _mark_resonances(axes, x, positive_number("frequency", frequency))
    return axes


def fringes(
    axes: Axes,
    coordinate: npt.ArrayLike,
    population: npt.ArrayLike,
    *,
    error: npt.ArrayLike | None = None,
    fit: npt.ArrayLike | None = None,
    fit_coordinate: npt.ArrayLike | None = None,
    name: str = "offset",
    unit: str = "",
    fit_label: str = "fit",
) -> Axes:
    """Draw a cut through an interferogram: measured populations, and a fit as a line.

    Parameters
    ----------
    axes : Axes
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

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If shapes do not fit.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = fringes(Figure().subplots(), [0, 1, 2], [0.1, 0.4, 0.1], fit=[0.1, 0.42, 0.1])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['fit', 'measured']
    """
    x = real_array("coordinate", coordinate, ndim=1)
    y = _like("population", population, x)
    order = np.argsort(x, kind="stable")
    if error is not None:
        bars = _like("error", error, x)[order]
        axes.errorbar(
            x[order], y[order], bars, fmt="none", ecolor=style.MUTED, elinewidth=0.9, zorder=2
        )
    if fit is not None:
        at = x if fit_coordinate is None else real_array("fit_coordinate", fit_coordinate, ndim=1)
        line = np.argsort(at, kind="stable")
        axes.plot(at[line], _like("fit", fit, at)[line], color="#0072B2", label=fit_label, zorder=3)
    elif fit_coordinate is not None:
        raise fail("fit_coordinate", "be left out without `fit`", "it would be ignored")
    axes.plot(
        x[order], y[order], "o", ms=3.2, color=style.EXACT_COLOR, label="measured", zorder=2.5
    )
    axes.set_xlabel(style.label(name, unit))
    axes.set_ylabel("population")
    axes.set_title("Fringes")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    style.grid(axes)
    style.strip_legend(axes)
    return axes


def quasi_energies(
    axes: Axes,
    parameter: npt.ArrayLike,
    quasienergies: npt.ArrayLike,
    *,
    frequency: float | None = None,
    name: str = "parameter",
    unit: str = "",
) -> Axes:
    """Draw quasi-energies along a parameter, broken where they leave the zone at ±ω/2.

    Parameters
    ----------
    axes : Axes
    parameter : array_like, shape (n,)
        Strictly increasing.
    quasienergies : array_like, shape (n, levels)
    frequency : float, optional
        Angular frequency ω: marks the edges of the zone, and breaks lines that jump across it.
    name, unit : str
        Of the parameter; quasi-energies are in the same unit.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If shapes do not fit or the parameter does not increase.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = quasi_energies(Figure().subplots(), [0, 1], [[-0.2, 0.2], [-0.1, 0.1]], frequency=1)
    >>> len(axes.get_lines())
    4
    """
    x = _increasing("parameter", parameter)
    energies = real_array("quasienergies", quasienergies, ndim=2)
    if energies.shape[0] != x.size:
        raise fail(
            "quasienergies",
            f"have {x.size} rows, one a parameter",
            f"its shape is {energies.shape}",
        )
    count = energies.shape[1]
    omega = None if frequency is None else positive_number("frequency", frequency)
    for index in range(count):
        shown_x, shown = x, energies[:, index]
        if omega is not None:
            breaks = np.flatnonzero(np.abs(np.diff(shown)) > 0.5 * omega) + 1
            shown_x, shown = np.insert(x, breaks, np.nan), np.insert(shown, breaks, np.nan)
        axes.plot(shown_x, shown, color=style.level_color(index, count))
    if omega is not None:
        for edge in (-0.5 * omega, 0.5 * omega):
            axes.axhline(edge, color=style.MUTED, lw=0.8, ls=(0, (4, 3)), zorder=0)
        axes.set_ylim(-0.54 * omega, 0.54 * omega)
        style.remark(axes, "dashed: edges of the zone, ±ω/2")
    axes.set_xlim(x[0], x[-1])
    axes.set_xlabel(style.label(name, unit))
    axes.set_ylabel(style.label("quasi-energy", unit))
    axes.set_title("Quasi-energies")
    style.grid(axes)
    return axes


# ---- helpers ----------------------------------------------------------------------------------


def _mark_resonances(axes: Axes, x: FloatArray, omega: float) -> None:
    """Number the multiples of ω on an upper axis."""
    orders = np.arange(np.ceil(x[0] / omega), np.floor(x[-1] / omega) + 1)
    if not 0 < orders.size <= _MOST_GUIDES:
        return
    every = -(-orders.size // 15)
    shown = orders[np.mod(orders, every) == 0]
    upper: Any = axes.secondary_xaxis("top")
    upper.set_xticks(shown * omega, [f"{int(n)}".replace("-", "−") for n in shown])
    upper.tick_params(length=2, pad=1, labelsize=7, colors="#555555")
    upper.spines["top"].set_visible(False)
    upper.set_xlabel("ε₀/ω", loc="right", fontsize=7.5, color="#555555", labelpad=2)


def _increasing(name: str, values: npt.ArrayLike) -> FloatArray:
    array = real_array(name, values, ndim=1)
    if array.size < 2 or np.any(np.diff(array) <= 0):
        raise fail(name, "hold at least two increasing numbers", f"it holds {array.size}")
    return array


def _like(name: str, values: npt.ArrayLike, reference: FloatArray) -> FloatArray:
    array = real_array(name, values)
    if array.shape != reference.shape:
        raise fail(name, f"have shape {reference.shape}", f"its shape is {array.shape}")
    return array
