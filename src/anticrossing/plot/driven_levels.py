"""The panels of several driven levels: their energies, occupations, work, and a scan."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing._core.style import PALETTE
from anticrossing.plot import style
from anticrossing.plot.driven_level import with_work
from anticrossing.plot.figure import Figure
from anticrossing.plot.panels import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    DrivenLevelsOutcome = Any

_MOST_LINES = 40  # more reservoir levels hide the paths


@draws()
def driven_paths(result: DrivenLevelsOutcome, *, ax: Axes = None) -> Axes:
    """Draw the energies of the driven levels in time, and the reservoir levels that they meet."""
    energies = result.chain.reservoir_energies
    if energies.size <= _MOST_LINES:
        for k, energy in enumerate(energies):
            label = "reservoir levels" if k == 0 else None
            ax.axhline(energy, color=style.GRID, lw=1.4, zorder=0, label=label)
    for s, path in enumerate(result.positions.T):
        ax.plot(result.exact.times, path, color=_color(s), lw=1.5, label=f"level {s}")
    events = result.chain.events
    ax.plot(events.times, energies[events.reservoir_levels], "o", ms=3.5, color="#333333")
    ax.set(xlabel="time", ylabel="energy", title="Driven levels")
    style.strip_legend(ax, columns=4)
    return ax


@draws()
def driven_occupations(result: DrivenLevelsOutcome, *, ax: Axes = None) -> Axes:
    """Draw the occupations of the driven levels: steps of the crossings and exact curves."""
    chain, exact = result.chain, result.exact
    edges = np.concatenate([exact.times[:1], chain.events.times, exact.times[-1:]])
    for s in range(exact.levels):
        color = _color(s)
        ax.plot(exact.times, exact.occupations[:, s], color=color, lw=1.5, label=f"level {s}")
        steps = chain.system_occupations[:, s]
        ax.stairs(steps, edges, baseline=None, color=color, lw=1.2, ls=(0, (4, 2)))
    ax.set(ylim=(-0.03, 1.05), xlabel="time", ylabel="occupation of the level")
    ax.set_title("Occupation: exact, and by crossings (dashed)")
    style.grid(ax)
    style.strip_legend(ax, columns=4)
    return ax


def figure(result: DrivenLevelsOutcome) -> Figure:
    """Return levels and occupations, the work and its theorem, and the scan."""
    scanned = [functools.partial(_scanned, name=name) for name in ("particle_number", "work")]
    return with_work(result, (driven_paths, driven_occupations), scanned)


def _scanned(result: DrivenLevelsOutcome, *, name: str, ax: Axes) -> None:
    """Draw an output along the scan, exact and by crossings."""
    scan = result.scan
    values = scan.axis.values
    ax.plot(values, scan[f"chain_{name}"], color=PALETTE[1], lw=1.4, label="crossings")
    ax.plot(values, scan[name], "o", ms=4, color=style.EXACT_COLOR, label="exact")
    style.parameter_axis(ax, values, scan.axis.scale, scan.axis.label, scan.axis.unit)
    text = name.replace("_", " ")
    ax.set(ylabel=text, title=text.capitalize())
    style.grid(ax)
    style.strip_legend(ax)


def _color(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


guard(__name__)
