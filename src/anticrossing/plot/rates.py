"""The figure of a file with [rates]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.plot import style
from anticrossing.plot.figure import Figure, panels_of
from anticrossing.plot.panels import Axes
from anticrossing.plot.rate_curves import explain_dots, line, shade_inverted, width_of

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    RatesOutcome = Any
    Scanned = Any


def figure(result: RatesOutcome, titles: Mapping[str, str]) -> Figure:
    """Return the rates and how far each condition is from its limit; `titles` name the formulas."""
    with style.style():
        drawn, axes = panels_of(result.experiment.title, 1)
        left, right = axes[0]
        if result.scan is None:
            _points(left, result, titles)
            _conditions(right, result, titles)
        else:
            _scanned(left, result, titles)
            _distances(right, result, titles)
    return drawn


def _abscissa(result: RatesOutcome, scan: Scanned) -> tuple[FloatArray, str]:
    """Return what stands on the axis of a scan: −ΔG, 1/T, or the parameter itself."""
    unit, values = result.experiment.units.of(scan.axis.name), scan.axis.values
    if scan.axis.name == "reaction_free_energy":
        return -values, style.label("driving force −ΔG", unit)
    if scan.axis.name == "temperature":
        if unit == "K":
            return 1000 / values, style.label("1000/T", "1/K")
        return 1 / values, style.label("1/T", f"1/{unit}" if unit else "")
    return values, style.label(scan.axis.label, unit)


def _scanned(axes: Axes, result: RatesOutcome, titles: Mapping[str, str]) -> None:
    scan = result.scan
    assert scan is not None
    x, label = _abscissa(result, scan)
    every, trusted = scan["rate"].T, scan["inside_domain"].T == 1
    lines = zip(result.experiment.formulas, every, trusted, strict=True)
    for index, (name, rates, inside) in enumerate(lines):
        line(axes, x, rates, inside, index, titles[name])
    explain_dots(axes, trusted | np.isnan(every))
    axes.set_yscale("log")
    energy = result.experiment.system.total_reorganization_energy
    if scan.axis.name == "reaction_free_energy" and x.min() < energy < x.max():
        shade_inverted(axes, energy, float(x.max()))
    known = {"reaction_free_energy": "Inverted region", "temperature": "Arrhenius plot"}
    _finish(axes, scan, label)
    axes.set_ylabel(style.label("rate k", result.experiment.units.rate))
    axes.set_title(known.get(scan.axis.name, f"Rate against {scan.axis.label}"))


def _distances(axes: Axes, result: RatesOutcome, titles: Mapping[str, str]) -> None:
    """Draw, of each formula, its worst condition over what is allowed: one ends the domain."""
    scan = result.scan
    assert scan is not None
    x, label = _abscissa(result, scan)
    for index, name in enumerate(result.experiment.formulas):
        worst = scan["worst_check"][:, index]
        if np.isfinite(worst).any():
            shown = np.where((worst > 0) & np.isfinite(worst), worst, np.nan)
            color = style.formula_color(index)
            axes.plot(x, shown, lw=width_of(index), color=color, label=titles[name])
    axes.axhline(1.0, color=style.EXACT_COLOR, lw=1.0, ls="--", label="limit")
    axes.set_yscale("log")
    _finish(axes, scan, label)
    axes.set(ylabel="worst condition / its limit", title="Domain: trusted below the limit")


def _finish(axes: Axes, scan: Scanned, label: str) -> None:
    if scan.axis.scale == "log" and scan.axis.name not in ("reaction_free_energy", "temperature"):
        axes.set_xscale("log")
    axes.set_xlabel(label)
    style.grid(axes)
    axes.legend(loc="best")


def _points(axes: Axes, result: RatesOutcome, titles: Mapping[str, str]) -> None:
    names = result.experiment.formulas
    for index, name in enumerate(names):
        rate = result.rates.get(name, 0.0)
        if rate > 0:
            _mark(axes, rate, index, style.formula_color(index), result.predictions[name].valid)
    _rows(axes, [titles[name] for name in names], list(result.rates.values()))
    axes.set_xlabel(style.label("rate k", result.experiment.units.rate))
    axes.set_title("Rates; hollow: outside the domain")


def _conditions(axes: Axes, result: RatesOutcome, titles: Mapping[str, str]) -> None:
    labels: list[str] = []
    ratios: list[float] = []
    for index, name in enumerate(result.experiment.formulas):
        checks = result.predictions[name].checks if name in result.predictions else ()
        for check in checks:
            ratio = check.worst / check.limit
            if np.isfinite(ratio) and ratio > 0:
                _mark(axes, ratio, len(labels), style.formula_color(index), bool(check.satisfied))
            labels.append(f"{titles[name]}: {check.quantity}")
            ratios.append(ratio)
    _rows(axes, labels, [*ratios, 1.0])
    axes.axvline(1.0, color=style.EXACT_COLOR, lw=1.0, ls="--")
    axes.set(xlabel="condition / its limit", title="Domain: trusted left of the line")


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
