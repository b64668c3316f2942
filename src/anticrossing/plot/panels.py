"""The single panels: levels, populations, predictions against the exact answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.diagrams import number_crossing

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    PassageOutcome = Any

Axes = Any
"""A `matplotlib.axes.Axes`."""

_MOST_DIABATS = 6  # more dashed lines than this hide the levels
_MOST_LABELS = 12
_MOST_NUMBERS = 9
VISIBLE = 1e-3  # final probabilities below this are not given a curve of their own
FLOOR = 1e-17


@draws()
def levels(result: PassageOutcome, *, ax: Axes = None) -> Axes:
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
        ax.plot(
            x[shown],
            result.curve_diabats[shown],
            color=style.MUTED,
            lw=0.8,
            ls=(0, (4, 3)),
            zorder=1,
        )
        ax.plot([], [], color=style.MUTED, lw=0.8, ls=(0, (4, 3)), label="diabatic energies")
    for index in range(count):
        ax.plot(
            x[shown],
            energies[shown, index],
            color=style.level_color(index, count),
            lw=1.8 if count <= 8 else 1.2,
            zorder=2,
        )
    _mark_crossings(ax, crossings, hamiltonian.units.energy)
    ax.set_xlim(low, high)
    inner = (x >= low) & (x <= high)
    _energy_range(ax, energies[inner], result.curve_diabats[inner])
    ax.set_xlabel(style.label(_coordinate(result), hamiltonian.units.coordinate))
    ax.set(ylabel=style.label("energy", hamiltonian.units.energy), title="Levels and crossings")
    if high - low < 0.99 * float(np.ptp(x)):
        ends = f"{style.number(float(x[0]))} … {style.number(float(x[-1]))}"
        style.remark(ax, f"detail of the window {ends}")
    style.grid(ax)
    style.strip_legend(ax, columns=2)
    return ax


@draws()
def populations(result: PassageOutcome, *, ax: Axes = None) -> Axes:
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
        label = names[index] if index in listed and largest[index] > VISIBLE else None
        ax.plot(
            times[shown], values[shown, index], color=style.level_color(index, count), label=label
        )
    for event in result.passage.events:
        if low < event.time < high:
            ax.axvline(event.time, color=style.MUTED, lw=0.8, ls=":", zorder=1)
    prediction = _primary(result.passage.predictions)
    if prediction is not None:
        final = np.asarray(prediction.probabilities, dtype=np.float64)
        for index in range(count):
            if final[index] > VISIBLE or count == 2:
                ax.plot(
                    [_last_event(result, low), high],
                    [final[index], final[index]],
                    color=style.level_color(index, count),
                    lw=1.1,
                    ls=(0, (5, 3)),
                )
        ax.plot([], [], color="#555555", lw=1.1, ls=(0, (5, 3)), label=prediction.name)
    ax.set_xlim(low, high)
    probability_axis(ax, values[shown], log=_small_jump(result))
    ax.set(xlabel=style.label("time", hamiltonian.units.time), ylabel="population")
    basis = "adiabatic" if question.basis != "diabatic" else "diabatic"
    ax.set_title(f"Populations through the passage, {basis} basis")
    style.grid(ax)
    place_legend(ax)
    return ax


@draws()
def comparison(result: PassageOutcome, *, ax: Axes = None) -> Axes:
    """Draw the exact final probabilities as bars and each closed form as points upon them."""
    exact = result.exact.probabilities
    predictions = list(result.passage.predictions)
    final = np.arange(exact.size)
    ax.bar(final, exact, width=0.62, color="#D9DEE4", edgecolor="#9AA4AF", lw=0.8, label="exact")
    offsets = np.linspace(-0.2, 0.2, len(predictions)) if len(predictions) > 1 else np.zeros(1)
    for index, prediction in enumerate(predictions):
        ax.plot(
            final + offsets[index],
            prediction.probabilities,
            ls="none",
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            ms=5.5,
            color=style.formula_color(index),
            mfc=style.formula_color(index) if prediction.valid else "white",
            label=prediction.name + ("" if prediction.valid else " (outside its domain)"),
        )
    positive = exact[exact > FLOOR]
    ax.set_xticks(final, state_names(result))
    ax.set_xlim(-0.6, exact.size - 0.4)
    small = bool(positive.size) and positive.min() < 5e-3 and exact.size <= 8
    if small:
        ax.set(yscale="log", ylim=(max(positive.min() / 20, 1e-18), 3))
        style.logarithmic(ax.yaxis, 0.0, 1.0)
    else:
        ax.set_ylim(0, 1.02)
        ax.set_yticks(np.linspace(0, 1, 6))
    ax.set(ylabel="final probability", title="Predictions against the exact answer")
    style.grid(ax)
    style.strip_legend(ax, columns=2)
    return ax


@draws()
def differences(result: PassageOutcome, *, ax: Axes = None) -> Axes:
    """Draw how far each closed form is from the exact answer, on a logarithmic scale."""
    predictions = list(result.passage.predictions)
    rows = np.arange(len(predictions))[::-1]
    tolerance = result.experiment.question.tolerance
    for row, (index, prediction) in zip(rows, enumerate(predictions), strict=True):
        value = max(float(prediction.difference), FLOOR)
        color = style.formula_color(index)
        ax.plot(
            value,
            row,
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            ms=6.5,
            color=color,
            mfc=color if prediction.valid else "white",
        )
        state = "within its domain" if prediction.valid else "outside its domain"
        ax.text(
            0.0,
            row + 0.16,
            f"{prediction.name}: {style.number(float(prediction.difference))}, {state}",
            transform=ax.get_yaxis_transform(),
            fontsize=8,
            ha="left",
            va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
    ax.axvline(tolerance, color=style.MUTED, lw=1.0, ls="--")
    ax.text(
        tolerance,
        -0.62,
        " tolerance of the exact answer",
        color="#555555",
        fontsize=7.5,
        ha="left",
        va="center",
    )
    found = [max(float(p.difference), FLOOR) for p in predictions]
    ax.set_xscale("log")
    ax.set_xlim(min([tolerance, *found]) / 10, max([10 * tolerance, 1.0, *found]) * 3)
    ax.set_ylim(-0.9, len(predictions) - 0.2)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("largest |predicted − exact| of the final probabilities")
    ax.set_title("Difference from the exact answer")
    ax.grid(True, axis="x", color=style.GRID, linewidth=0.6)
    return ax


# ---- shared with the panels of a scan --------------------------------------------------------


def state_names(result: PassageOutcome) -> list[str]:
    """Return the names of the read-out states."""
    hamiltonian = result.experiment.hamiltonian
    if result.experiment.question.basis == "diabatic":
        return [style.plain(label) for label in hamiltonian.labels]
    return [f"level {index}" for index in range(hamiltonian.dimension)]


def probability_axis(axes: Axes, values: FloatArray, *, log: bool) -> None:
    """Set the axis of a probability, from 0 to 1 or logarithmic."""
    if log:
        positive = values[values > 1e-16]
        lowest = max(float(positive.min()) / 3, 1e-17) if positive.size else 1e-6
        axes.set(yscale="log", ylim=(lowest, 2))
        style.logarithmic(axes.yaxis, 0.0, 1.0)
    else:
        axes.set_ylim(-0.03, 1.05)
        axes.set_yticks(np.linspace(0, 1, 6))


def place_legend(axes: Axes) -> None:
    """Put the legend above the data, or where there is room on a logarithmic axis."""
    if axes.get_yscale() == "log":
        axes.legend(loc="best")
    else:
        style.strip_legend(axes, columns=4 if len(axes.get_legend_handles_labels()[1]) > 4 else 3)


# ---- helpers ----------------------------------------------------------------------------------


def _mark_crossings(axes: Axes, crossings: Sequence[Any], energy_unit: str) -> None:
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
            [c.centre_energy for _, c in found],
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
                number_crossing(axes, index, crossing)


def _energy_range(axes: Axes, energies: FloatArray, diabats: FloatArray) -> None:
    """Set the energy range to the curves drawn."""
    low, high = float(energies.min()), float(energies.max())
    if energies.shape[1] <= _MOST_DIABATS:
        low, high = min(low, float(diabats.min())), max(high, float(diabats.max()))
    span = (high - low) or 1.0
    axes.set_ylim(low - 0.06 * span, high + 0.06 * span)


def _last_event(result: PassageOutcome, otherwise: float) -> float:
    return max((event.time for event in result.passage.events), default=otherwise)


def _interesting_range(result: PassageOutcome) -> tuple[float, float]:
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


def _event_range(result: PassageOutcome) -> tuple[float, float]:
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
    """Return the prediction whose end values are drawn."""
    # The first one that is within its domain and near; if there is none, the nearest within its
    # domain, and then the first.
    valid = [p for p in predictions if p.valid]
    near = [p for p in valid if p.difference < 0.05]
    if near or valid:
        return near[0] if near else min(valid, key=lambda p: p.difference)
    return predictions[0] if predictions else None


def _coordinate(result: PassageOutcome) -> str:
    name = result.experiment.hamiltonian.coordinates[0]
    return "coordinate x" if name == "x" else name


def _small_jump(result: PassageOutcome) -> bool:
    final = np.sort(result.exact.probabilities)
    return bool(final.size == 2 and 1e-14 < final[0] < 0.01)


def _within(values: FloatArray, low: float, high: float) -> slice:
    """Return the stretch of sorted values that covers [low, high], one more on either side."""
    first = max(int(np.searchsorted(values, low)) - 1, 0)
    return slice(first, int(np.searchsorted(values, high, side="right")) + 1)


guard(__name__)
