"""Thermal rates: the inverted region, and the dependence on temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, positive, real_array, real_number
from anticrossing.formulas.result import BoolArray, Prediction
from anticrossing.plot import style
from anticrossing.plot.panels import Axes


def inverted_region(
    axes: Axes,
    reaction_free_energy: npt.ArrayLike,
    rates: Mapping[str, Prediction | npt.ArrayLike],
    *,
    reorganization_energy: float | None = None,
    unit: str = "",
) -> Axes:
    """Draw rates against the driving force ``−ΔG``, on a logarithmic axis.

    A line is solid where its formula is within its domain and dotted where it is not; what is zero
    is left out.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    reaction_free_energy : array_like, shape (n,)
        ``ΔG`` (energy).
    rates : mapping of str to Prediction or array_like
        The lines by name, each of shape (n,).
    reorganization_energy : float, optional
        ``λ``: marks where the inverted region begins.
    unit : str
        Unit of energy, for the labels.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Raises
    ------
    InputError
        If a line does not have the shape of `reaction_free_energy`, or λ is not positive.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from anticrossing.molecules.rates import marcus
    >>> free = np.linspace(-2.0, 0.0, 41)
    >>> rate = marcus(coupling=0.001, reorganization_energy=1.0, reaction_free_energy=free,
    ...               temperature=0.0257)
    >>> axes = inverted_region(Figure().subplots(), free, {"Marcus": rate}, unit="eV")
    >>> axes.get_xlabel()
    'driving force −ΔG (eV)'
    """
    force = -real_array("reaction_free_energy", reaction_free_energy, ndim=1)
    start = None
    if reorganization_energy is not None:
        start = float(
            positive(
                "reorganization_energy", real_number("reorganization_energy", reorganization_energy)
            )
        )
    _lines(axes, force, rates)
    if start is not None:
        inverted(axes, start, max(start, float(force.max())))
    axes.legend(loc="best")
    axes.set_xlabel(style.label("driving force −ΔG", unit))
    axes.set_title("Inverted region")
    return axes


def temperature_sweep(
    axes: Axes,
    temperature: npt.ArrayLike,
    rates: Mapping[str, Prediction | npt.ArrayLike],
    *,
    unit: str = "",
) -> Axes:
    """Draw rates against the inverse temperature: a straight line is an activated process.

    A line is solid where its formula is within its domain and dotted where it is not; what is zero
    is left out.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    temperature : array_like, shape (n,)
        ``T > 0`` (energy).
    rates : mapping of str to Prediction or array_like
        The lines by name, each of shape (n,).
    unit : str
        Unit of energy, for the labels.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Raises
    ------
    InputError
        If a line does not have the shape of `temperature`, or a temperature is not positive.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from anticrossing.molecules.rates import marcus
    >>> heat = np.linspace(0.015, 0.03, 16)
    >>> rate = marcus(coupling=0.001, reorganization_energy=1.0, reaction_free_energy=-0.5,
    ...               temperature=heat)
    >>> axes = temperature_sweep(Figure().subplots(), heat, {"Marcus": rate}, unit="eV")
    >>> axes.get_xlabel()
    '1/T (1/eV)'
    """
    heat = positive("temperature", temperature)
    if heat.ndim != 1:
        raise fail("temperature", "have 1 dimension(s)", f"its shape is {heat.shape}")
    _lines(axes, 1 / heat, rates)
    axes.legend(loc="best")
    axes.set_xlabel(style.label("1/T", f"1/{unit}" if unit else ""))
    axes.set_title("Dependence on temperature")
    return axes


def _lines(axes: Axes, x: FloatArray, rates: Mapping[str, Any]) -> None:
    for name, rate in rates.items():
        values = real_array("rates", rate.value if isinstance(rate, Prediction) else rate)
        if values.shape != x.shape:
            raise fail(
                "rates",
                f"hold lines of shape {x.shape}",
                f"that of {name!r} has the shape {values.shape}",
            )
    order = np.argsort(x)
    inside = [_inside(rate, x.shape)[order] for rate in rates.values()]
    for index, (name, rate) in enumerate(rates.items()):
        values = np.asarray(rate, dtype=np.float64)
        line(axes, x[order], values[order], inside[index], index, name)
    explain_dots(axes, inside)
    axes.set_yscale("log")
    axes.set_ylabel("rate k")
    style.grid(axes)


def _inside(rate: Any, shape: tuple[int, ...]) -> BoolArray:
    """Return where a prediction is within its domain; plain numbers have none to leave."""
    inside = np.ones(shape, dtype=np.bool_)
    for check in rate.checks if isinstance(rate, Prediction) else ():
        inside &= check.satisfied
    return inside


def line(axes: Axes, x: Any, values: Any, inside: Any, index: int, name: str) -> None:
    """Draw one formula: solid within its domain, dotted outside; what is zero has no logarithm.

    Later lines are thinner, so that one on top of another does not hide it.
    """
    color, thick = style.formula_color(index), width(index)
    shown = np.where(values > 0, values, np.nan)
    solid = np.where(inside, shown, np.nan)
    drawn = bool(np.isfinite(solid).any())
    axes.plot(x, shown, ls=":", lw=1.2, color=color, label=None if drawn else name)
    axes.plot(x, solid, lw=thick, color=color, label=name if drawn else None)


def width(index: int) -> float:
    """Return the width of a line: later ones are thinner."""
    return max(3.2 - 0.8 * index, 1.2)


def explain_dots(axes: Axes, inside: Any) -> None:
    """Enter into the legend what dots mean, where there are any."""
    if not np.all(inside):
        axes.plot([], [], ls=":", lw=1.2, color=style.MUTED, label="dotted: outside the domain")


def inverted(axes: Axes, start: float, stop: float) -> None:
    """Mark where the inverted region begins, and shade it."""
    axes.axvspan(start, stop, color=style.GRID, alpha=0.5, lw=0)
    axes.axvline(start, color=style.MUTED, lw=1.0, ls="--", label="−ΔG = λ")
