"""Populations over time, and where curves are drawn finely: where something happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.analysis import PassageEvent
from anticrossing.drive import Drive
from anticrossing.spectrum import Crossing
from anticrossing.units import Units

_WIDTHS = 6.0  # how far around a passage, in its durations, the curves are drawn finely
_FINE_SHARE = 0.6  # share of the samples that goes there


def sample_times(events: Iterable[PassageEvent], drive: Drive, count: int) -> FloatArray:
    """Return times over the whole window, denser where something happens."""
    start, stop = float(drive.start_time), float(drive.stop_time)
    fine = []
    for event in events:
        rate = event.sweep_rate
        if rate <= 0 or not np.isfinite(rate):
            continue
        duration = max(rate**-0.5, event.gap / rate)
        fine.append((event.time - _WIDTHS * duration, event.time + _WIDTHS * duration))
    coarse = count if not fine else int(count * (1 - _FINE_SHARE))
    times = [np.linspace(start, stop, max(coarse, 10))]
    each = max(int(count * _FINE_SHARE / max(len(fine), 1)), 8)
    times += [np.linspace(max(low, start), min(high, stop), each) for low, high in fine]
    return _distinct(np.concatenate(times), stop - start)


def curve_positions(crossings: Iterable[Crossing], positions: FloatArray, count: int) -> FloatArray:
    """Return coordinates of the level curves, denser around the crossings."""
    low, high = float(positions.min()), float(positions.max())
    found = [np.linspace(low, high, count)]
    for crossing in crossings:
        if crossing.slope_difference > 0:
            width = max(crossing.gap / crossing.slope_difference, 1e-6 * (high - low))
            near = crossing.position + width * np.linspace(-4, 4, 33)
            found.append(near[(near > low) & (near < high)])
    return _distinct(np.concatenate(found), high - low)


def _distinct(values: FloatArray, span: float) -> FloatArray:
    """Sort, and drop points closer than rounding can tell apart."""
    ordered = np.sort(values)
    keep = np.concatenate(([True], np.diff(ordered) > 1e-12 * span))
    return ordered[keep]


def draw_populations(
    ax: Any,
    times: FloatArray,
    populations: FloatArray,
    names: Sequence[str],
    units: Units,
    errors: FloatArray | None = None,
) -> None:
    """Draw the first populations (times, levels) by their names, within their errors."""
    from anticrossing.plot import style

    for k, name in enumerate(names):
        color, values = style.level_color(k, len(names)), populations[:, k]
        ax.plot(times, values, color=color, label=name)
        if errors is not None:
            ends = values - errors[:, k], values + errors[:, k]
            ax.fill_between(times, *ends, color=color, alpha=0.25, lw=0)
    style.strip_legend(ax)
    ax.set(xlabel=units.label("t", "time"), ylabel="population")
