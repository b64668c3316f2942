"""Thermal rates: the inverted region, the dependence on temperature, the figure of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, positive, real_array, real_number
from anticrossing.formulas.result import BoolArray, Prediction
from anticrossing.plot import style
from anticrossing.plot.figure import Figure, figure, panels_of
from anticrossing.plot.panels import Axes
from anticrossing.studies.rates.result import RatesOutcome, RatesScan
from anticrossing.studies.rates.system import TITLES


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
        _inverted(axes, start, max(start, float(force.max())))
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
        _line(axes, x[order], values[order], inside[index], index, name)
    _explain_dots(axes, inside)
    axes.set_yscale("log")
    axes.set_ylabel("rate k")
    style.grid(axes)


def _inside(rate: Any, shape: tuple[int, ...]) -> BoolArray:
    """Return where a prediction is within its domain; plain numbers have none to leave."""
    inside = np.ones(shape, dtype=np.bool_)
    for check in rate.checks if isinstance(rate, Prediction) else ():
        inside &= check.satisfied
    return inside


def _line(axes: Axes, x: Any, values: Any, inside: Any, index: int, name: str) -> None:
    """Draw one formula: solid within its domain, dotted outside; what is zero has no logarithm.

    Later lines are thinner, so that one on top of another does not hide it.
    """
    color, width = style.formula_color(index), _width(index)
    shown = np.where(values > 0, values, np.nan)
    solid = np.where(inside, shown, np.nan)
    drawn = bool(np.isfinite(solid).any())
    axes.plot(x, shown, ls=":", lw=1.2, color=color, label=None if drawn else name)
    axes.plot(x, solid, lw=width, color=color, label=name if drawn else None)


def _width(index: int) -> float:
    return max(3.2 - 0.8 * index, 1.2)


def _explain_dots(axes: Axes, inside: Any) -> None:
    """Enter into the legend what dots mean, where there are any."""
    if not np.all(inside):
        axes.plot([], [], ls=":", lw=1.2, color=style.MUTED, label="dotted: outside the domain")


def _inverted(axes: Axes, start: float, stop: float) -> None:
    """Mark where the inverted region begins, and shade it."""
    axes.axvspan(start, stop, color=style.GRID, alpha=0.5, lw=0)
    axes.axvline(start, color=style.MUTED, lw=1.0, ls="--", label="−ΔG = λ")


# ---- the figure of a file with [rates] ----------------------------------------------------------


@figure.register
def _rates(result: RatesOutcome) -> Figure:
    with style.style():
        drawn, axes = panels_of(result.experiment.title, 1)
        left, right = axes[0]
        if result.scan is None:
            _points(left, result)
            _conditions(right, result)
        else:
            _scanned(left, result, result.scan)
            _distances(right, result, result.scan)
    return drawn


def _abscissa(result: RatesOutcome, scan: RatesScan) -> tuple[FloatArray, str]:
    """Return what stands on the axis of a scan: −ΔG, 1/T, or the parameter itself."""
    unit, values = result.experiment.units.of(scan.scan.name), scan.scan.values
    if scan.scan.name == "reaction_free_energy":
        return -values, style.label("driving force −ΔG", unit)
    if scan.scan.name == "temperature":
        if unit == "K":
            return 1000 / values, style.label("1000/T", "1/K")
        return 1 / values, style.label("1/T", f"1/{unit}" if unit else "")
    return values, style.label(scan.scan.label, unit)


def _scanned(axes: Axes, result: RatesOutcome, scan: RatesScan) -> None:
    x, label = _abscissa(result, scan)
    lines = zip(result.experiment.formulas, scan.rates, scan.inside, strict=True)
    for index, (name, rates, inside) in enumerate(lines):
        _line(axes, x, rates, inside, index, TITLES[name])
    _explain_dots(axes, scan.inside | np.isnan(scan.rates))
    axes.set_yscale("log")
    energy = result.experiment.system.total_reorganization_energy
    if scan.scan.name == "reaction_free_energy" and x.min() < energy < x.max():
        _inverted(axes, energy, float(x.max()))
    titles = {"reaction_free_energy": "Inverted region", "temperature": "Arrhenius plot"}
    _finish(axes, scan, label)
    axes.set_ylabel(style.label("rate k", result.experiment.units.rate))
    axes.set_title(titles.get(scan.scan.name, f"Rate against {scan.scan.label}"))


def _distances(axes: Axes, result: RatesOutcome, scan: RatesScan) -> None:
    """Draw, of each formula, its worst condition over what is allowed: one ends the domain."""
    x, label = _abscissa(result, scan)
    for index, name in enumerate(result.experiment.formulas):
        found = [line for (owner, _), line in scan.checks.items() if owner == name]
        if found:
            worst = np.max(found, axis=0)
            shown = np.where((worst > 0) & np.isfinite(worst), worst, np.nan)
            color = style.formula_color(index)
            axes.plot(x, shown, lw=_width(index), color=color, label=TITLES[name])
    axes.axhline(1.0, color=style.EXACT_COLOR, lw=1.0, ls="--", label="limit")
    axes.set_yscale("log")
    _finish(axes, scan, label)
    axes.set_ylabel("worst condition / its limit")
    axes.set_title("Domain: trusted below the limit")


def _finish(axes: Axes, scan: RatesScan, label: str) -> None:
    if scan.scan.scale == "log" and scan.scan.name not in ("reaction_free_energy", "temperature"):
        axes.set_xscale("log")
    axes.set_xlabel(label)
    style.grid(axes)
    axes.legend(loc="best")


def _points(axes: Axes, result: RatesOutcome) -> None:
    names = result.experiment.formulas
    for index, name in enumerate(names):
        rate = result.rates.get(name, 0.0)
        if rate > 0:
            _mark(axes, rate, index, style.formula_color(index), result.predictions[name].valid)
    _rows(axes, [TITLES[name] for name in names], list(result.rates.values()))
    axes.set_xlabel(style.label("rate k", result.experiment.units.rate))
    axes.set_title("Rates; hollow: outside the domain")


def _conditions(axes: Axes, result: RatesOutcome) -> None:
    labels: list[str] = []
    ratios: list[float] = []
    for index, name in enumerate(result.experiment.formulas):
        checks = result.predictions[name].checks if name in result.predictions else ()
        for check in checks:
            ratio = check.worst / check.limit
            if np.isfinite(ratio) and ratio > 0:
                _mark(axes, ratio, len(labels), style.formula_color(index), bool(check.satisfied))
            labels.append(f"{TITLES[name]}: {check.quantity}")
            ratios.append(ratio)
    _rows(axes, labels, [*ratios, 1.0])
    axes.axvline(1.0, color=style.EXACT_COLOR, lw=1.0, ls="--")
    axes.set_xlabel("condition / its limit")
    axes.set_title("Domain: trusted left of the line")


def _mark(axes: Axes, x: float, y: int, color: str, inside: bool) -> None:
    axes.plot([x], [y], "o", ms=8, color=color, markerfacecolor=color if inside else "white")


def _rows(axes: Axes, names: Sequence[str], values: Sequence[float]) -> None:
    """Write one name above each row of marks, on a logarithmic axis of at least two decades."""
    for index, name in enumerate(names):
        axes.text(0.01, index - 0.18, name, transform=axes.get_yaxis_transform(), fontsize=8)
    axes.set_xscale("log")
    shown = np.array([value for value in values if 0 < value < np.inf] or [1.0])
    axes.set_xlim(
        10 ** np.floor(np.log10(shown.min()) - 0.5), 10 ** np.ceil(np.log10(shown.max()) + 0.5)
    )
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.5, -0.7)
    style.grid(axes)
