"""The figures of experiments with moving nuclei: a wave packet, an ensemble of trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing.plot import style
from anticrossing.plot.figure import Figure, panels_of
from anticrossing.plot.packets import CONTOURS, density
from anticrossing.plot.scan_panels import outputs
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    PacketOutcome = Any
    Scanned = Any
    TrajectoriesOutcome = Any

_MOST_DRAWN = 50  # trajectories


def packet_figure(result: PacketOutcome) -> Figure:
    """Return populations and densities of a packet."""
    study, motion, snapshots = result.experiment, result.motion, result.snapshots
    times, unit = motion.times, study.time_unit
    with style.style():
        drawn, axes = panels_of(study.title, 2 + (result.scan is not None))
        levels = [f"level {n}" for n in range(motion.populations.shape[1])]
        _curves(axes[0][0], times, motion.populations, levels, unit)
        axes[0][0].set_title("Adiabatic populations")
        if motion.sides:
            lost = motion.absorbed.sum(axis=(1, 2))
            axes[0][0].plot(times, lost, color=style.MUTED, ls="--", label="absorbed")
        style.strip_legend(axes[0][0])
        labels = [_diabatic(label) for label in study.hamiltonian.labels]
        _curves(axes[0][1], times, motion.diabatic_populations, labels, unit)
        axes[0][1].set_title("Diabatic populations")
        style.strip_legend(axes[0][1])
        middle, last = snapshots.times.size // 2, snapshots.times.size - 1
        early = [0, middle] if motion.grid.coordinates == 1 else [middle]
        for place, frames in enumerate((early, [last])):
            moments = snapshots.times[frames]
            density(snapshots, moments.tolist(), ax=axes[1][place])
            shown = ", ".join(f"{time:.4g}" for time in moments)
            lines = f"; {CONTOURS}" if motion.grid.coordinates == 2 else ""
            axes[1][place].set_title(f"Packet at t = {shown} {unit}".rstrip() + lines)
        _scan(axes[-1], result.scan)
    return drawn


def trajectories_figure(result: TrajectoriesOutcome) -> Figure:
    """Return populations of an ensemble, and the paths that were kept."""
    study, ensemble = result.experiment, result.ensemble
    times, unit = ensemble.times, study.time_unit
    with style.style():
        drawn, axes = panels_of(study.title, 1 + (result.scan is not None))
        mean, count = ensemble.populations, ensemble.populations.value.shape[1]
        _curves(axes[0][0], times, mean.value, [f"level {n}" for n in range(count)], unit)
        for level in range(count):
            value, error = mean.value[:, level], mean.error[:, level]
            color = style.level_color(level, count)
            axes[0][0].fill_between(
                times, value - error, value + error, color=color, alpha=0.3, lw=0
            )
        axes[0][0].set_title(f"Adiabatic populations ({ensemble.request.method})")
        style.strip_legend(axes[0][0])
        if ensemble.request.keep:
            _paths(axes[0][1], result)
        else:
            axes[0][1].hist(ensemble.final_positions[:, 0], bins=50, color="#0072B2")
            _position_label(axes[0][1].set_xlabel, result)
            axes[0][1].set(ylabel="trajectories", title="Where they end")
            style.grid(axes[0][1])
        _scan(axes[-1], result.scan)
    return drawn


def _scan(row: Sequence[Axes], scanned: Scanned | None) -> None:
    """Draw the scan, if there is one, in the last row."""
    if scanned is not None:
        outputs(scanned, ax=row[0])
        row[1].set_axis_off()


def _diabatic(label: object) -> str:
    """Return the name of a diabatic state; a bare number is none."""
    shown = str(label)
    return f"diabat {shown}" if shown.isdigit() else style.plain(shown)


def _paths(axes: Axes, result: TrajectoriesOutcome) -> Axes:
    """Draw the first coordinate of the trajectories that were kept, coloured by their level."""
    kept = result.ensemble.trajectories().isel(trajectory=slice(0, _MOST_DRAWN))
    times = kept["time"].values
    levels = kept["level"].values
    positions = kept["position"].values[..., 0]
    count = kept.sizes["state"]
    for level in range(count):
        label: str | None = f"level {level}"
        for path, at in zip(positions, levels, strict=True):
            # The piece before a hop belongs to the level that it leaves.
            on = at == level
            on[1:] |= on[:-1].copy()
            color = style.level_color(level, count)
            axes.plot(times, np.where(on, path, np.nan), color=color, lw=0.8, label=label)
            label = None
    axes.set_xlabel(style.label("time", result.experiment.time_unit))
    _position_label(axes.set_ylabel, result)
    axes.set_title(f"{len(positions)} of {result.ensemble.request.count} trajectories")
    style.grid(axes)
    style.strip_legend(axes)
    return axes


def _position_label(write: Any, result: TrajectoriesOutcome) -> None:
    hamiltonian = result.experiment.hamiltonian
    write(style.label(hamiltonian.coordinates[0], hamiltonian.units.coordinate))


def _curves(axes: Axes, times: Any, values: Any, names: list[str], unit: str) -> None:
    count = values.shape[1]
    for index, name in enumerate(names):
        axes.plot(times, values[:, index], color=style.level_color(index, count), label=name)
    axes.set_ylim(-0.03, 1.05)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set(xlabel=style.label("time", unit), ylabel="population")
    style.grid(axes)
