"""Thermal rates against the driving force and against the temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, positive, positive_number, real_array
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    Prediction = Any

__all__ = ["arrhenius", "inverted_region"]


@draws()
def inverted_region(
    reaction_free_energy: npt.ArrayLike,
    rates: Mapping[str, Prediction | npt.ArrayLike],
    *,
    reorganization_energy: float | None = None,
    unit: str = "",
    rate_unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw rates against the driving force ``−ΔG``, on a logarithmic axis.

    A line is solid where its formula is within its domain and dotted where it is not; what is zero
    is left out.

    Parameters
    ----------
    reaction_free_energy : array_like, shape (n,)
        ``ΔG`` (energy).
    rates : mapping of str to Prediction or array_like
        The lines by name, each of shape (n,).
    reorganization_energy : float, optional
        ``λ``: marks where the inverted region begins.
    unit, rate_unit : str
        Of the energies and of the rates, for the labels.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a line does not have the shape of `reaction_free_energy`, or λ is not positive.

    Examples
    --------
    >>> from anticrossing.molecules.rates import marcus
    >>> free = np.linspace(-2.0, 0.0, 41)
    >>> rate = marcus(coupling=0.001, reorganization_energy=1.0, reaction_free_energy=free,
    ...               temperature=0.0257)
    >>> axes = inverted_region(free, {"Marcus": rate}, unit="eV")
    >>> axes.get_xlabel()
    'driving force −ΔG (eV)'
    """
    force = -real_array("reaction_free_energy", reaction_free_energy, ndim=1)
    start = None
    if reorganization_energy is not None:
        start = positive_number("reorganization_energy", reorganization_energy)
    _lines(ax, force, rates, rate_unit)
    if start is not None:
        shade_inverted(ax, start, max(start, float(force.max())))
    ax.legend(loc="best")
    ax.set(xlabel=style.label("driving force −ΔG", unit), title="Inverted region")
    return ax


@draws()
def arrhenius(
    temperature: npt.ArrayLike,
    rates: Mapping[str, Prediction | npt.ArrayLike],
    *,
    unit: str = "",
    rate_unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw rates against the inverse temperature: a straight line is an activated process.

    A line is solid where its formula is within its domain and dotted where it is not; what is zero
    is left out.

    Parameters
    ----------
    temperature : array_like, shape (n,)
        ``T > 0`` (energy).
    rates : mapping of str to Prediction or array_like
        The lines by name, each of shape (n,).
    unit, rate_unit : str
        Of the energies and of the rates, for the labels.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a line does not have the shape of `temperature`, or a temperature is not positive.

    Examples
    --------
    >>> from anticrossing.molecules.rates import marcus
    >>> heat = np.linspace(0.015, 0.03, 16)
    >>> rate = marcus(coupling=0.001, reorganization_energy=1.0, reaction_free_energy=-0.5,
    ...               temperature=heat)
    >>> axes = arrhenius(heat, {"Marcus": rate}, unit="eV")
    >>> axes.get_xlabel()
    '1/T (1/eV)'
    """
    heat = positive("temperature", temperature)
    if heat.ndim != 1:
        raise fail("temperature", "have 1 dimension(s)", f"its shape is {heat.shape}")
    _lines(ax, 1 / heat, rates, rate_unit)
    ax.legend(loc="best")
    ax.set_xlabel(style.label("1/T", f"1/{unit}" if unit else ""))
    ax.set_title("Dependence on temperature")
    return ax


def _lines(ax: Axes, x: FloatArray, rates: Mapping[str, Any], unit: str) -> None:
    for name, rate in rates.items():
        values = real_array("rates", getattr(rate, "value", rate))
        if values.shape != x.shape:
            raise fail(
                "rates",
                f"hold lines of shape {x.shape}",
                f"the line {name!r} has the shape {values.shape}",
            )
    order = np.argsort(x)
    inside = [_inside(rate, x.shape)[order] for rate in rates.values()]
    for index, (name, rate) in enumerate(rates.items()):
        values = np.asarray(rate, dtype=np.float64)
        line(ax, x[order], values[order], inside[index], index, name)
    explain_dots(ax, inside)
    ax.set(yscale="log", ylabel=style.label("rate k", unit))
    style.grid(ax)


def _inside(rate: Any, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return where a prediction is within its domain; plain numbers have none to leave."""
    inside = np.ones(shape, dtype=np.bool_)
    for check in getattr(rate, "checks", ()):
        inside &= check.satisfied
    return inside


def line(ax: Axes, x: Any, values: Any, inside: Any, index: int, name: str) -> None:
    """Draw one formula: solid within its domain, dotted outside; what is zero has no logarithm.

    Later lines are thinner, so that one on top of another does not hide it.
    """
    color, width = style.formula_color(index), width_of(index)
    shown = np.where(values > 0, values, np.nan)
    solid = np.where(inside, shown, np.nan)
    drawn = bool(np.isfinite(solid).any())
    ax.plot(x, shown, ls=":", lw=1.2, color=color, label=None if drawn else name)
    ax.plot(x, solid, lw=width, color=color, label=name if drawn else None)


def width_of(index: int) -> float:
    return max(3.2 - 0.8 * index, 1.2)


def explain_dots(ax: Axes, inside: Any) -> None:
    """Enter into the legend what dots mean, where there are any."""
    if not np.all(inside):
        ax.plot([], [], ls=":", lw=1.2, color=style.MUTED, label="dotted: outside the domain")


def shade_inverted(ax: Axes, start: float, stop: float) -> None:
    """Mark where the inverted region begins, and shade it."""
    ax.axvspan(start, stop, color=style.GRID, alpha=0.5, lw=0)
    ax.axvline(start, color=style.MUTED, lw=1.0, ls="--", label="−ΔG = λ")


guard(__name__)
