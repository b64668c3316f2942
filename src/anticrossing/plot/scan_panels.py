"""The panels of a scan: final probabilities and differences against the scanned parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.drawing import draws
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

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    PassageOutcome = Any
    Scanned = Any


@draws()
def scan(result: PassageOutcome, *, ax: Axes = None) -> Axes:
    """Draw final probabilities along a scan: exact points, closed forms as lines.

    A line is drawn solid where the formula is within its domain and dotted where it is not.
    """
    axis = _scan(result).axis
    values, exact = axis.values, _scan(result)["probability"]
    count = exact.shape[1]
    names = state_names(result)
    initial = result.experiment.question.initial
    if count == 2:
        other = 1 - initial
        for index, (name, predicted) in enumerate(result.predicted.items()):
            style.domain_line(
                ax,
                values,
                predicted[:, other],
                result.inside[name],
                color=style.formula_color(index),
                label=name,
                rank=index,
            )
        ax.plot(
            values, exact[:, other], "o", ms=4, color=style.EXACT_COLOR, label="exact", zorder=3
        )
        shown = exact[:, [other]]
        ax.set_ylabel(f"probability to end in {names[other]}")
    else:
        primary = _primary_name(result)
        ranked = np.argsort(exact.max(axis=0))[::-1]
        chosen = sorted(int(i) for i in ranked[:6] if exact[:, i].max() > VISIBLE)
        for index in chosen:
            color = style.level_color(index, count)
            ax.plot(values, exact[:, index], "o", ms=3.6, color=color, label=names[index], zorder=3)
            if primary:
                style.domain_line(
                    ax,
                    values,
                    result.predicted[primary][:, index],
                    result.inside[primary],
                    color,
                    rank=2,
                )
        if primary:
            ax.plot([], [], color="#555555", label=primary)
        shown = exact[:, chosen]
        ax.set_ylabel("final probability")
    probability_axis(ax, shown, log=_needs_log(shown))
    style.parameter_axis(ax, values, axis.scale, axis.label, axis.unit)
    ax.set_title("Predicted and exact")
    style.remark(ax, "dotted: outside the domain")
    style.grid(ax)
    place_legend(ax)
    return ax


@draws()
def scan_differences(result: PassageOutcome, *, ax: Axes = None) -> Axes:
    """Draw how far each closed form is from the exact answer along a scan."""
    axis = _scan(result).axis
    values, exact = axis.values, _scan(result)["probability"]
    lowest = result.experiment.question.tolerance
    for index, (name, predicted) in enumerate(result.predicted.items()):
        difference = np.abs(predicted - exact).max(axis=1)
        lowest = min(lowest, float(np.nanmin(np.maximum(difference, 1e-16), initial=lowest)))
        style.domain_line(
            ax,
            values,
            np.maximum(difference, 1e-16),
            result.inside[name],
            color=style.formula_color(index),
            label=name,
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            rank=min(index, 1) + 1,
        )
    ax.axhline(result.experiment.question.tolerance, color=style.MUTED, lw=1.0, ls="--")
    ax.set(yscale="log", ylim=(lowest / 5, 3))
    style.logarithmic(ax.yaxis, 0.0, 1.0)
    style.parameter_axis(ax, values, axis.scale, axis.label, axis.unit)
    ax.set(ylabel="largest |predicted − exact|", title="Difference from the exact answer")
    ax.plot([], [], color=style.MUTED, lw=1.0, ls="--", label="tolerance of the exact answer")
    style.grid(ax)
    ax.legend(loc="best")
    return ax


@draws()
def outputs(scanned: Scanned, *, ax: Axes = None) -> Axes:
    """Draw what a file asks for along its scan, a line for each entry.

    A second quantity has its own axis, on the right, and dashed lines.
    """
    axis, columns = scanned.axis, scanned.columns()
    count, index = sum(map(len, columns.values())), 0
    for place, (quantity, entries) in zip((ax, None), columns.items(), strict=False):
        own: Any = ax.twinx() if place is None else place
        for name, values in entries:
            look = {"marker": "o", "ms": 3.6, "lw": 1.2, "ls": "--" if place is None else "-"}
            color = style.level_color(index, count)
            own.plot(axis.values, values, color=color, **look)
            ax.plot([], [], color=color, label=name, **look)
            index += 1
        own.set_ylabel(quantity)
        if place is None:
            _make_room(ax, own)
    style.parameter_axis(ax, axis.values, axis.scale, axis.label, axis.unit)
    ax.set_title("Scan")
    style.grid(ax)
    place_legend(ax)
    return ax


# ---- helpers ----------------------------------------------------------------------------------


def _make_room(ax: Any, right: Any) -> None:
    """Leave room for the labels of the right axis, and for the legend above its lines."""
    box = ax.get_position()
    ax.set_position((box.x0, box.y0, 0.87 * box.width, box.height))
    low, high = right.get_ylim()
    right.set_ylim(low, high + 0.2 * (high - low))
    right.grid(False)


def _primary_name(result: PassageOutcome) -> str:
    names = sorted(result.predicted, key=lambda name: -int(result.inside[name].sum()))
    return names[0] if names else ""


def _scan(result: PassageOutcome) -> Scanned:
    if result.scan is None:
        from anticrossing._core.checks import InputError

        raise InputError("This result has no scan to draw.")
    return result.scan


def _needs_log(values: FloatArray) -> bool:
    positive = values[values > FLOOR]
    return bool(values.shape[1] == 1 and positive.size and np.mean(positive < 2e-2) > 0.25)


guard(__name__)
