"""The single panels: levels, populations, predictions against the exact answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray
from anticrossing.experiment import Result, ScanResult
from anticrossing.plot import style

Axes = Any
"""A `matplotlib.axes.Axes`."""

_MOST_DIABATS = 6  # more dashed lines than this hide the levels
_MOST_LABELS = 12
_MOST_MARKERS = 45
_MOST_NUMBERS = 9
_VISIBLE = 1e-3  # final probabilities below this are not given a curve of their own
_FLOOR = 1e-17


def levels(axes: Axes, result: Result) -> Axes:
    """Draw the adiabatic levels with their crossings marked and numbered.

    The coordinate range is narrowed to the crossings where the window is far wider than they are.
    """
    hamiltonian = result.experiment.hamiltonian
    x, energies = result.curve_positions, result.curve_levels
    count = energies.shape[1]
    crossings = list(result.passage.crossings)
    low, high = _interesting_range(result)
    shown = _within(x, low, high)
    if count <= _MOST_DIABATS and not np.allclose(result.curve_diabats, energies):
        axes.plot(
            x[shown],
            result.curve_diabats[shown],
            color=style.MUTED,
            lw=0.8,
            ls=(0, (4, 3)),
            zorder=1,
        )
        axes.plot([], [], color=style.MUTED, lw=0.8, ls=(0, (4, 3)), label="diabatic energies")
    for index in range(count):
        axes.plot(
            x[shown],
            energies[shown, index],
            color=style.level_color(index, count),
            lw=1.8 if count <= 8 else 1.2,
            zorder=2,
        )
    _mark_crossings(axes, crossings, hamiltonian.units.energy)
    axes.set_xlim(low, high)
    inner = (x >= low) & (x <= high)
    _energy_range(axes, energies[inner], result.curve_diabats[inner])
    axes.set_xlabel(style.label(_coordinate(result), hamiltonian.units.coordinate))
    axes.set_ylabel(style.label("energy", hamiltonian.units.energy))
    axes.set_title("Levels and crossings")
    if high - low < 0.99 * float(np.ptp(x)):
        ends = f"{style.number(float(x[0]))} … {style.number(float(x[-1]))}"
        style.remark(axes, f"detail of the window {ends}")
    style.grid(axes)
    style.strip_legend(axes, columns=2)
    return axes


def populations(axes: Axes, result: Result) -> Axes:
    """Draw the populations through the passage, with the closed form's final values dashed."""
    hamiltonian, question = result.experiment.hamiltonian, result.experiment.question
    values, times = result.populations, result.times
    count = values.shape[1]
    names = (
        [style.plain(label) for label in hamiltonian.labels]
        if question.basis == "diabatic"
        else [f"level {index}" for index in range(count)]
    )
    low, high = _event_range(result)
    shown = _within(times, low, high)
    largest = values.max(axis=0)
    listed = np.argsort(largest)[::-1][:_MOST_LABELS]
    for index in range(count):
        label = names[index] if index in listed and largest[index] > _VISIBLE else None
        axes.plot(
            times[shown], values[shown, index], color=style.level_color(index, count), label=label
        )
    for event in result.passage.events:
        if low < event.time < high:
            axes.axvline(event.time, color=style.MUTED, lw=0.8, ls=":", zorder=1)
    prediction = _primary(result.passage.predictions)
    if prediction is not None:
        final = np.asarray(prediction.probabilities, dtype=np.float64)
        for index in range(count):
            if final[index] > _VISIBLE or count == 2:
                axes.plot(
                    [_last_event(result, low), high],
                    [final[index], final[index]],
                    color=style.level_color(index, count),
                    lw=1.1,
                    ls=(0, (5, 3)),
                )
        axes.plot([], [], color="#555555", lw=1.1, ls=(0, (5, 3)), label=prediction.name)
    axes.set_xlim(low, high)
    _probability_axis(axes, values[shown], log=_small_jump(result))
    axes.set_xlabel(style.label("time", hamiltonian.units.time))
    axes.set_ylabel("population")
    basis = "adiabatic" if question.basis != "diabatic" else "diabatic"
    axes.set_title(f"Populations through the passage, {basis} basis")
    style.grid(axes)
    _place_legend(axes)
    return axes


def comparison(axes: Axes, result: Result) -> Axes:
    """Draw the exact final probabilities as bars and each closed form as points upon them."""
    exact = result.exact.probabilities
    predictions = list(result.passage.predictions)
    final = np.arange(exact.size)
    axes.bar(final, exact, width=0.62, color="#D9DEE4", edgecolor="#9AA4AF", lw=0.8, label="exact")
    offsets = np.linspace(-0.2, 0.2, len(predictions)) if len(predictions) > 1 else np.zeros(1)
    for index, prediction in enumerate(predictions):
        axes.plot(
            final + offsets[index],
            prediction.probabilities,
            ls="none",
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            ms=5.5,
            color=style.formula_color(index),
            mfc=style.formula_color(index) if prediction.valid else "white",
            label=prediction.name + ("" if prediction.valid else " (outside its domain)"),
        )
    positive = exact[exact > _FLOOR]
    axes.set_xticks(final, _state_names(result))
    axes.set_xlim(-0.6, exact.size - 0.4)
    small = bool(positive.size) and positive.min() < 5e-3 and exact.size <= 8
    if small:
        axes.set_yscale("log")
        axes.set_ylim(max(positive.min() / 20, 1e-18), 3)
        style.logarithmic(axes.yaxis, 0.0, 1.0)
    else:
        axes.set_ylim(0, 1.02)
        axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_ylabel("final probability")
    axes.set_title("Predictions against the exact answer")
    style.grid(axes)
    style.strip_legend(axes, columns=2)
    return axes


def differences(axes: Axes, result: Result) -> Axes:
    """Draw how far each closed form is from the exact answer, on a logarithmic scale."""
    predictions = list(result.passage.predictions)
    rows = np.arange(len(predictions))[::-1]
    tolerance = result.experiment.question.tolerance
    for row, (index, prediction) in zip(rows, enumerate(predictions), strict=True):
        value = max(float(prediction.difference), _FLOOR)
        color = style.formula_color(index)
        axes.plot(
            value,
            row,
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            ms=6.5,
            color=color,
            mfc=color if prediction.valid else "white",
        )
        state = "within its domain" if prediction.valid else "outside its domain"
        axes.text(
            0.0,
            row + 0.16,
            f"{prediction.name}: {style.number(float(prediction.difference))}, {state}",
            transform=axes.get_yaxis_transform(),
            fontsize=8,
            ha="left",
            va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
    axes.axvline(tolerance, color=style.MUTED, lw=1.0, ls="--")
    axes.text(
        tolerance,
        -0.62,
        " tolerance of the exact answer",
        color="#555555",
        fontsize=7.5,
        ha="left",
        va="center",
    )
    found = [max(float(p.difference), _FLOOR) for p in predictions]
    axes.set_xscale("log")
    axes.set_xlim(min([tolerance, *found]) / 10, max([10 * tolerance, 1.0, *found]) * 3)
    axes.set_ylim(-0.9, len(predictions) - 0.2)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("largest |predicted − exact| of the final probabilities")
    axes.set_title("Difference from the exact answer")
    axes.grid(True, axis="x", color=style.GRID, linewidth=0.6)
    return axes


def scan(axes: Axes, result: Result) -> Axes:
    """Draw final probabilities along a scan: exact points, closed forms as lines.

    A line is drawn solid where the formula is within its domain and dotted where it is not.
    """
    data = _scan(result)
    values, exact = data.scan.values, data.exact
    count = exact.shape[1]
    names = _state_names(result)
    initial = result.experiment.question.initial
    if count == 2:
        other = 1 - initial
        for index, (name, predicted) in enumerate(data.predictions.items()):
            _domain_line(
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
        chosen = sorted(int(i) for i in ranked[:6] if exact[:, i].max() > _VISIBLE)
        for index in chosen:
            color = style.level_color(index, count)
            axes.plot(
                values, exact[:, index], "o", ms=3.6, color=color, label=names[index], zorder=3
            )
            if primary:
                _domain_line(
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
    _probability_axis(axes, shown, log=_needs_log(shown))
    _parameter_axis(axes, result)
    axes.set_title("Predicted and exact")
    style.remark(axes, "dotted: outside the domain")
    style.grid(axes)
    _place_legend(axes)
    return axes


def scan_differences(axes: Axes, result: Result) -> Axes:
    """Draw how far each closed form is from the exact answer along a scan."""
    data = _scan(result)
    values = data.scan.values
    lowest = result.experiment.question.tolerance
    for index, (name, predicted) in enumerate(data.predictions.items()):
        difference = np.abs(predicted - data.exact).max(axis=1)
        lowest = min(lowest, float(np.nanmin(np.maximum(difference, 1e-16), initial=lowest)))
        _domain_line(
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
    _parameter_axis(axes, result)
    axes.set_ylabel("largest |predicted − exact|")
    axes.set_title("Difference from the exact answer")
    axes.plot([], [], color=style.MUTED, lw=1.0, ls="--", label="tolerance of the exact answer")
    style.grid(axes)
    axes.legend(loc="best")
    return axes


# ---- helpers ----------------------------------------------------------------------------------


def _mark_crossings(axes: Axes, crossings: Sequence[Any], energy_unit: str) -> None:
    from matplotlib.patheffects import withStroke

    unit = f" {style.unit(energy_unit)}" if energy_unit else ""
    numbered = len(crossings) > 1
    for kind, marker, face in (("avoided", "o", "white"), ("true", "X", style.EXACT_COLOR)):
        found = [(i, c) for i, c in enumerate(crossings, start=1) if c.kind == kind]
        if not found:
            continue
        label = f"{kind} crossing" + ("s" if len(found) > 1 else "")
        gaps = [c.gap for _, c in found]
        if kind == "avoided" and len(found) == 1:
            label += f", gap {style.number(gaps[0])}{unit}"
        elif kind == "avoided":
            ends = list(dict.fromkeys(style.number(gap) for gap in (min(gaps), max(gaps))))
            label += f", gap{'s' * (len(ends) - 1)} {' … '.join(ends)}{unit}"
        axes.plot(
            [c.position for _, c in found],
            [c.center_energy for _, c in found],
            ls="none",
            marker=marker,
            ms=7.5,
            mfc=face,
            mec=style.EXACT_COLOR,
            mew=1.2,
            alpha=0.95,
            label=label,
            zorder=4,
        )
        if numbered and len(crossings) <= _MOST_NUMBERS:
            for index, crossing in found:
                axes.annotate(
                    str(index),
                    (crossing.position, crossing.center_energy),
                    xytext=(7, -7),
                    textcoords="offset points",
                    ha="left",
                    va="top",
                    fontsize=8,
                    zorder=5,
                    path_effects=[withStroke(linewidth=2.5, foreground="white")],
                )


def _energy_range(axes: Axes, energies: FloatArray, diabats: FloatArray) -> None:
    """Set the energy range to the curves drawn."""
    low, high = float(energies.min()), float(energies.max())
    if energies.shape[1] <= _MOST_DIABATS:
        low, high = min(low, float(diabats.min())), max(high, float(diabats.max()))
    span = (high - low) or 1.0
    axes.set_ylim(low - 0.06 * span, high + 0.06 * span)


def _last_event(result: Result, otherwise: float) -> float:
    return max((event.time for event in result.passage.events), default=otherwise)


def _interesting_range(result: Result) -> tuple[float, float]:
    x = result.curve_positions
    low, high = float(x[0]), float(x[-1])
    ends = []
    for crossing in result.passage.crossings:
        if crossing.slope_difference > 0 and crossing.gap > 0:
            width = 14 * crossing.gap / crossing.slope_difference
            ends += [crossing.position - width, crossing.position + width]
        else:
            ends.append(crossing.position)
    if not ends or max(ends) - min(ends) > 0.6 * (high - low) or max(ends) == min(ends):
        return low, high
    return max(low, min(ends)), min(high, max(ends))


def _event_range(result: Result) -> tuple[float, float]:
    """Return the times around the passages over which the populations still move visibly."""
    times, values = result.times, result.populations
    start, stop = float(times[0]), float(times[-1])
    moving = np.abs(values - values[-1]).max(axis=1) > 0.02
    resting = np.abs(values - values[0]).max(axis=1) > 0.02
    if not moving.any() or not resting.any():
        return start, stop
    first = float(times[np.argmax(resting)])
    last = float(times[len(times) - 1 - np.argmax(moving[::-1])])
    first, last = min(first, last), max(first, last)
    margin = 0.6 * max(last - first, 1e-3 * (stop - start))
    first, last = max(start, first - margin), min(stop, last + 2 * margin)
    return (first, last) if last - first < 0.6 * (stop - start) else (start, stop)


def _primary(predictions: Sequence[Any]) -> Any:
    """Return the prediction whose end values are drawn.

    The first one that is within its domain and near; if there is none, the nearest within its
    domain, and then the first.
    """
    valid = [p for p in predictions if p.valid]
    near = [p for p in valid if p.difference < 0.05]
    if near or valid:
        return near[0] if near else min(valid, key=lambda p: p.difference)
    return predictions[0] if predictions else None


def _primary_name(data: ScanResult) -> str:
    names = sorted(data.predictions, key=lambda name: -int(data.valid[name].sum()))
    return names[0] if names else ""


def _scan(result: Result) -> ScanResult:
    if result.scan is None:
        from anticrossing.checks import InputError

        raise InputError("This result has no scan to draw.")
    return result.scan


def _state_names(result: Result) -> list[str]:
    hamiltonian = result.experiment.hamiltonian
    if result.experiment.question.basis == "diabatic":
        return [style.plain(label) for label in hamiltonian.labels]
    return [f"level {index}" for index in range(hamiltonian.dimension)]


def _coordinate(result: Result) -> str:
    name = result.experiment.hamiltonian.coordinates[0]
    return "coordinate x" if name == "x" else name


def _small_jump(result: Result) -> bool:
    final = np.sort(result.exact.probabilities)
    return bool(final.size == 2 and 1e-14 < final[0] < 0.01)


def _needs_log(values: FloatArray) -> bool:
    positive = values[values > _FLOOR]
    return bool(values.shape[1] == 1 and positive.size and np.mean(positive < 2e-2) > 0.25)


def _probability_axis(axes: Axes, values: FloatArray, *, log: bool) -> None:
    if log:
        positive = values[values > 1e-16]
        lowest = max(float(positive.min()) / 3, 1e-17) if positive.size else 1e-6
        axes.set_yscale("log")
        axes.set_ylim(lowest, 2)
        style.logarithmic(axes.yaxis, 0.0, 1.0)
    else:
        axes.set_ylim(-0.03, 1.05)
        axes.set_yticks(np.linspace(0, 1, 6))


def _within(values: FloatArray, low: float, high: float) -> slice:
    """Return the stretch of sorted values that covers [low, high], one more on either side."""
    first = max(int(np.searchsorted(values, low)) - 1, 0)
    return slice(first, int(np.searchsorted(values, high, side="right")) + 1)


def _place_legend(axes: Axes) -> None:
    if axes.get_yscale() == "log":
        axes.legend(loc="best")
    else:
        style.strip_legend(axes, columns=4 if len(axes.get_legend_handles_labels()[1]) > 4 else 3)


def _parameter_axis(axes: Axes, result: Result) -> None:
    data = _scan(result)
    values = data.scan.values
    if data.scan.scale == "log" and values[0] > 0:
        axes.set_xscale("log")
        style.logarithmic(axes.xaxis, float(values[0]), float(values[-1]))
    axes.set_xlabel(style.label(data.scan.label, data.scan.unit))


def _domain_line(
    axes: Axes,
    x: FloatArray,
    y: FloatArray,
    valid: npt.NDArray[np.bool_],
    color: Any,
    label: str | None = None,
    marker: str | None = None,
    rank: int = 0,
) -> None:
    """Draw y(x) solid between points that are both valid, dotted elsewhere.

    A higher `rank` is drawn thinner and later, so that lines on top of each other all show.
    """
    width, size = max(3.4 - 1.1 * rank, 1.0), max(5.5 - 1.2 * rank, 2.8)
    solid = valid[:-1] & valid[1:]
    for index, style_name in ((True, "-"), (False, (0, (1, 1.6)))):
        pieces = solid == index
        masked = np.full((x.size - 1, 3, 2), np.nan)
        masked[:, 0] = np.stack([x[:-1], y[:-1]], axis=-1)
        masked[:, 1] = np.stack([x[1:], y[1:]], axis=-1)
        points = masked[pieces].reshape(-1, 2)
        axes.plot(points[:, 0], points[:, 1], ls=style_name, color=color, lw=width, zorder=2)
    if marker is not None and x.size <= _MOST_MARKERS:
        axes.plot(x, y, ls="none", marker=marker, ms=size, color=color, zorder=3)
    if label is not None:
        axes.plot([], [], color=color, lw=width, marker=marker, ms=size, label=label)
