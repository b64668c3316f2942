"""The figures of experiments with moving nuclei: a wave packet, an ensemble of trajectories."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing.experiment.motion import time_unit
from anticrossing.experiment.packet import PacketOutcome
from anticrossing.experiment.trajectories.result import TrajectoriesOutcome
from anticrossing.plot import style
from anticrossing.plot.figure import Figure, figure, panels_of
from anticrossing.plot.packets import density, ensemble_populations
from anticrossing.plot.panels import Axes

_MOST_DRAWN = 50  # trajectories


@figure.register
def _packet(result: PacketOutcome) -> Figure:
    motion, snapshots = result.motion, result.snapshots
    hamiltonian = result.experiment.hamiltonian
    unit = time_unit(hamiltonian.units)
    with style.style():
        drawn, axes = panels_of(result.experiment.title, 2)
        levels = [f"state {n}" for n in range(motion.populations.shape[1])]
        _curves(axes[0][0], motion.times, motion.populations, levels, unit)
        axes[0][0].set_title("Adiabatic populations")
        if motion.sides:
            lost = motion.absorbed.sum(axis=(1, 2))
            axes[0][0].plot(motion.times, lost, color=style.MUTED, ls="--", label="absorbed")
        style.strip_legend(axes[0][0])
        labels = [style.plain(str(label)) for label in hamiltonian.labels]
        _curves(axes[0][1], motion.times, motion.diabatic_populations, labels, unit)
        axes[0][1].set_title("Diabatic populations")
        style.strip_legend(axes[0][1])
        early = [0, snapshots.times.size // 2] if motion.grid.coordinates == 1 else [0]
        for place, frames in enumerate((early, [snapshots.times.size - 1])):
            times = snapshots.times[frames]
            density(axes[1][place], snapshots, times.tolist())
            shown = ", ".join(f"{time:.4g}" for time in times)
            axes[1][place].set_title(style.label(f"Packet at t = {shown}", unit))
    return drawn


@figure.register
def _trajectories(result: TrajectoriesOutcome) -> Figure:
    ensemble = result.ensemble
    with style.style():
        drawn, axes = panels_of(result.experiment.title, 1)
        ensemble_populations(axes[0][0], {ensemble.request.method: ensemble})
        unit = time_unit(ensemble.request.hamiltonian.units)
        axes[0][0].set_xlabel(style.label("time", unit))
        if ensemble.request.keep:
            _paths(axes[0][1], result)
        else:
            axes[0][1].hist(ensemble.final_positions[:, 0], bins=50, color="#0072B2")
            _position_label(axes[0][1].set_xlabel, result)
            axes[0][1].set_ylabel("trajectories")
            axes[0][1].set_title("Where they end")
            style.grid(axes[0][1])
    return drawn


def _paths(axes: Axes, result: TrajectoriesOutcome) -> Axes:
    """Draw the first coordinate of the trajectories that were kept, coloured by their level."""
    kept = result.ensemble.trajectories().isel(trajectory=slice(0, _MOST_DRAWN))
    times, levels = kept["time"].values, kept["level"].values
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
    units = result.experiment.request.hamiltonian.units
    axes.set_xlabel(style.label("time", time_unit(units)))
    _position_label(axes.set_ylabel, result)
    axes.set_title(f"{len(positions)} of {result.ensemble.request.count} trajectories")
    style.grid(axes)
    style.strip_legend(axes)
    return axes


def _position_label(write: Any, result: TrajectoriesOutcome) -> None:
    hamiltonian = result.experiment.request.hamiltonian
    write(style.label(hamiltonian.coordinates[0], hamiltonian.units.coordinate))


def _curves(axes: Axes, times: Any, values: Any, names: list[str], unit: str) -> None:
    count = values.shape[1]
    for index, name in enumerate(names):
        axes.plot(times, values[:, index], color=style.level_color(index, count), label=name)
    axes.set_ylim(-0.03, 1.05)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel(style.label("time", unit))
    axes.set_ylabel("population")
    style.grid(axes)
