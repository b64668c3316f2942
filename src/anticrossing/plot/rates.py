"""The figure of a file with ``[rates]``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.plot import style
from anticrossing.plot.figure import Figure, figure, panels_of
from anticrossing.plot.panels import Axes
from anticrossing.plot.rate_curves import explain_dots, line, shade_inverted, width_of
from anticrossing.studies.rates.result import RatesOutcome, RatesScan
from anticrossing.studies.rates.system import TITLES


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
        line(axes, x, rates, inside, index, TITLES[name])
    explain_dots(axes, scan.inside | np.isnan(scan.rates))
    axes.set_yscale("log")
    energy = result.experiment.system.total_reorganization_energy
    if scan.scan.name == "reaction_free_energy" and x.min() < energy < x.max():
        shade_inverted(axes, energy, float(x.max()))
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
            axes.plot(x, shown, lw=width_of(index), color=color, label=TITLES[name])
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
