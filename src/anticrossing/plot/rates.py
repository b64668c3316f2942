"""Panels of thermal rates: the inverted region, and the dependence on temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray, fail, positive, real_array
from anticrossing.formulas.result import Prediction
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

    A line is solid where its formula is within its domain and dotted where it is not.

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
        If a line does not have the shape of `reaction_free_energy`.
    """
    force = -real_array("reaction_free_energy", reaction_free_energy, ndim=1)
    _lines(axes, force, rates)
    if reorganization_energy is not None:
        start = float(positive("reorganization_energy", reorganization_energy))
        axes.axvline(start, color=style.MUTED, lw=1.0, ls="--")
        axes.axvspan(start, max(start, float(force.max())), color=style.GRID, alpha=0.5, lw=0)
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
    """
    heat = positive("temperature", temperature)
    if heat.ndim != 1:
        raise fail("temperature", "have 1 dimension(s)", f"its shape is {heat.shape}")
    _lines(axes, 1 / heat, rates)
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
    for index, (name, rate) in enumerate(rates.items()):
        values = np.asarray(rate, dtype=np.float64)[order]
        valid = np.ones(x.shape, dtype=bool)
        if isinstance(rate, Prediction):
            for check in rate.checks:
                valid &= check.satisfied
        color = style.formula_color(index)
        inside, outside = np.where(valid[order], values, np.nan), values
        axes.semilogy(x[order], outside, ls=":", lw=1.2, color=color)
        axes.semilogy(x[order], inside, color=color, label=name)
    axes.set_ylabel("rate k")
    style.grid(axes)
    axes.legend(loc="best")
