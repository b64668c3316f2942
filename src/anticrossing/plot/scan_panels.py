"""The panels of a scan: final probabilities and differences against the scanned parameter."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.panels import (
    FLOOR,
    VISIBLE,
    Axes,
    place_legend,
    probability_axis,
    state_names,
)
from anticrossing.studies import Result, ScanResult


def scan(axes: Axes, result: Result) -> Axes:
    """Draw final probabilities along a scan: exact points, closed forms as lines.

    A line is drawn solid where the formula is within its domain and dotted where it is not.
    """
    data = _scan(result)
    values, exact = data.scan.values, data.exact
    count = exact.shape[1]
    names = state_names(result)
    initial = result.experiment.question.initial
    if count == 2:
        other = 1 - initial
        for index, (name, predicted) in enumerate(data.predictions.items()):
            style.domain_line(
                axes,
                values,
                predicted[:, other],
                data.valid[name],
                color=style.formula_color(index),
                label=name,
                rank=index,
            )
        axes.plot(
            values, exact[:, other], "o", ms=4, color=style.EXACT_COLOR, label="exact", zorder=3
        )
        shown = exact[:, [other]]
        axes.set_ylabel(f"probability to end in {names[other]}")
    else:
        primary = _primary_name(data)
        ranked = np.argsort(exact.max(axis=0))[::-1]
        chosen = sorted(int(i) for i in ranked[:6] if exact[:, i].max() > VISIBLE)
        for index in chosen:
            color = style.level_color(index, count)
            axes.plot(
                values, exact[:, index], "o", ms=3.6, color=color, label=names[index], zorder=3
            )
            if primary:
                style.domain_line(
                    axes,
                    values,
                    data.predictions[primary][:, index],
                    data.valid[primary],
                    color,
                    rank=2,
                )
        if primary:
            axes.plot([], [], color="#555555", label=primary)
        shown = exact[:, chosen]
        axes.set_ylabel("final probability")
    probability_axis(axes, shown, log=_needs_log(shown))
    style.parameter_axis(axes, values, data.scan.scale, data.scan.label, data.scan.unit)
    axes.set_title("Predicted and exact")
    style.remark(axes, "dotted: outside the domain")
    style.grid(axes)
    place_legend(axes)
    return axes


def scan_differences(axes: Axes, result: Result) -> Axes:
    """Draw how far each closed form is from the exact answer along a scan."""
    data = _scan(result)
    values = data.scan.values
    lowest = result.experiment.question.tolerance
    for index, (name, predicted) in enumerate(data.predictions.items()):
        difference = np.abs(predicted - data.exact).max(axis=1)
        lowest = min(lowest, float(np.nanmin(np.maximum(difference, 1e-16), initial=lowest)))
        style.domain_line(
            axes,
            values,
            np.maximum(difference, 1e-16),
            data.valid[name],
            color=style.formula_color(index),
            label=name,
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            rank=min(index, 1) + 1,
        )
    axes.axhline(result.experiment.question.tolerance, color=style.MUTED, lw=1.0, ls="--")
    axes.set_yscale("log")
    axes.set_ylim(lowest / 5, 3)
    style.logarithmic(axes.yaxis, 0.0, 1.0)
    style.parameter_axis(axes, values, data.scan.scale, data.scan.label, data.scan.unit)
    axes.set_ylabel("largest |predicted − exact|")
    axes.set_title("Difference from the exact answer")
    axes.plot([], [], color=style.MUTED, lw=1.0, ls="--", label="tolerance of the exact answer")
    style.grid(axes)
    axes.legend(loc="best")
    return axes


# ---- helpers ----------------------------------------------------------------------------------


def _primary_name(data: ScanResult) -> str:
    names = sorted(data.predictions, key=lambda name: -int(data.valid[name].sum()))
    return names[0] if names else ""


def _scan(result: Result) -> ScanResult:
    if result.scan is None:
        from anticrossing._core.checks import InputError

        raise InputError("This result has no scan to draw.")
    return result.scan


def _needs_log(values: FloatArray) -> bool:
    positive = values[values > FLOOR]
    return bool(values.shape[1] == 1 and positive.size and np.mean(positive < 2e-2) > 0.25)


guard(__name__)
