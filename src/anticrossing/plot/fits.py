"""Pictures of fits: the model beside its data, what is left between them, correlations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.drawing import colours_over_two, draws
from anticrossing._core.public import guard
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    FitResult = Any
    Fitted = Any

__all__ = ["correlation_matrix", "fit_residuals", "fitted_population"]

_WIDEST = 3.0  # standard deviations at which the colours of residuals end


@draws(6.4, 4.0)
def fitted_population(result: FitResult, *, ax: Axes = None) -> Axes:
    """Draw what a fit makes of the data: a line along one coordinate, colours over two.

    Parameters
    ----------
    result : FitResult
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    _points(result, result.prediction, "fitted population", ax)
    return ax


@draws(6.4, 4.0)
def fit_residuals(result: FitResult, *, ax: Axes = None) -> Axes:
    """Draw measured − fitted, in units of the error where it is known.

    Parameters
    ----------
    result : FitResult
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    known = result.data.weighed
    label = "residual (errors)" if known else "residual"
    widest = _WIDEST if known else float(np.max(np.abs(result.residuals)))
    _points(result, result.residuals, label, ax, cmap="RdBu_r", vmin=-widest, vmax=widest)
    if len(_moving(result)) == 1:
        ax.axhline(0.0, color="0.6", linewidth=0.8)
    return ax


@draws(4.6, 4.0)
def correlation_matrix(result: Fitted, *, ax: Axes = None) -> Axes:
    """Draw the correlations between the errors of the fitted parameters.

    Parameters
    ----------
    result : FitResult, LevelFit
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    names, matrix = result.varied, result.correlations
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    places = np.arange(len(names))
    ax.set_xticks(places, [str(place + 1) for place in places])
    ax.set_yticks(places, [f"{n.replace('_', ' ')}  {k}" for k, n in enumerate(names, start=1)])
    ax.tick_params(which="minor", length=0)
    ax.set_xlabel("parameter")
    for (row, column), value in np.ndenumerate(matrix):
        text = "–" if np.isnan(value) else f"{value:.2f}"
        colour = "white" if abs(value) > 0.6 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax, label="correlation")
    return ax


def _moving(result: FitResult) -> list[tuple[str, FloatArray]]:
    """Return the coordinates that differ between the points, at least one."""
    every = list(result.data.coordinates.items())
    return [(name, values) for name, values in every if np.ptp(values) > 0] or every[:1]


def _points(result: FitResult, values: FloatArray, label: str, ax: Any, **colours: Any) -> None:
    """Draw numbers at the points of the data."""
    first, *others = _moving(result)
    ax.set_xlabel(result.data.label(first[0]))
    if not others:
        order = np.argsort(first[1])
        ax.plot(first[1][order], values[order], marker="." if colours else None, ls=_line(colours))
        ax.set_ylabel(label)
        return
    second = others[0]
    ax.set_ylabel(result.data.label(second[0]))
    colours_over_two(ax, first[1], second[1], values, label, **colours)


def measured_population(result: FitResult, ax: Any) -> None:
    """Draw the data of a fit as `fitted_population` draws the fit."""
    if len(_moving(result)) > 1:
        largest = float(max(result.prediction.max(), result.data.population.max()))
        least = float(min(result.prediction.min(), result.data.population.min()))
        limits = {"vmin": least, "vmax": largest}
        _points(result, result.data.population, "measured population", ax, **limits)
    else:
        result.plot(ax)


def _line(colours: Any) -> str:
    return "" if colours else "-"


guard(__name__)
