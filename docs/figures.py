"""Draw the figures of the documentation:  python docs/figures.py [DIRECTORY]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from benchmarks_figure import benchmarks
from matplotlib.figure import Figure
from molecules_figure import pyrazine
from rates_figure import rates

import anticrossing as ac
from anticrossing import plot, studies

HERE = Path(__file__).parent
BLUE, ORANGE, GREY = "#1f5a96", "#d1701f", "#777777"


def flux_qubit() -> Figure:
    """What `anticrossing run examples/flux_qubit.toml` draws."""
    return studies.run(studies.load(HERE.parent / "examples/flux_qubit.toml")).figure()


def readout() -> Figure:
    """The same passage read out at every moment in three bases."""
    gap, rate, start = 2.0, 1.0, -12.0
    times = np.linspace(-8, 12, 801)
    H = ac.models.LandauZener(gap=gap)
    sweeps = ac.drive.Linear(start, times * rate, rate=rate)
    jump = {
        # to keep the diabatic state is to jump between adiabatic levels
        "diabatic": ac.propagate(H, sweeps, basis="diabatic").transition_matrix[:, 0, 0],
        "adiabatic": ac.propagate(H, sweeps).transition_matrix[:, 1, 0],
    }
    away = times > 2.5  # amid the passage no superadiabatic states exist
    later = ac.drive.Linear(start, times[away] * rate, rate=rate)
    superadiabatic = ac.propagate(H, later, basis="superadiabatic").transition_matrix[:, 1, 0]

    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(times, jump["diabatic"], color=GREY, lw=1, label="diabatic: state kept")
    axes.semilogy(times, jump["adiabatic"], color=BLUE, lw=1.2, label="adiabatic: level left")
    axes.semilogy(
        times[away], superadiabatic, color=ORANGE, lw=2, label="superadiabatic: level left"
    )
    limit = float(ac.formulas.landau_zener(gap=gap, sweep_rate=rate))
    axes.axhline(limit, color="black", lw=0.8, ls="--", label="Landau–Zener")
    axes.set(xlabel=r"$t\sqrt{\alpha}$", ylabel="probability", ylim=(1e-6, 2), xlim=(-8, 12))
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def cost() -> Figure:
    """Accepted panels and oscillations against the sweep rate."""
    rates = np.geomspace(1e-6, 1, 25)
    H = ac.models.LandauZener(gap=1.0)
    result = ac.propagate(H, ac.drive.Linear(-1000, 1000, rate=rates))
    ladder = ac.models.DemkovOsherov(
        levels=[-2.0, -1.0, 0.0, 1.0, 2.0], couplings=[0.1, 0.2, 0.15, 0.1, 0.2]
    )
    slow = np.geomspace(1e-6, 1e-1, 11)
    many = ac.propagate(ladder, ac.drive.Linear(-100, 100, rate=slow))

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    oscillations = result.phase / (2 * np.pi)
    axes.loglog(rates, oscillations, color=GREY, ls="--", label="oscillations, two levels")
    axes.loglog(rates, result.panels, "o-", ms=4, color=BLUE, label="panels, two levels, ±1000")
    axes.loglog(slow, many.panels, "s-", ms=4, color=ORANGE, label="panels, six levels, ±100")
    axes.set(xlabel="sweep rate", ylabel="number", ylim=(1, 1e12))
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def geometry() -> Figure:
    """A conical intersection, and the derivative coupling around the four of quadratic E⊗e."""
    radius, angle = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 2 * np.pi, 37))
    disc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    energies = ac.geometry.surfaces(
        ac.models.ConicalIntersection(slope=1.0), disc, degenerate="nan"
    ).energies
    H = ac.models.JahnTeller(linear=1.0, quadratic=0.5)
    cones = ac.geometry.find_intersections(H, [[-6, 6], [-6, 6]])
    # To and fro through the grid: between its points, too, the signs are followed.
    line = np.linspace(-6, 6, 14)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    grid[1::2] = grid[1::2, ::-1]
    path = grid.reshape(-1, 2)
    field = ac.geometry.transport(H, path).couplings()[:, :, 0, 1]
    with plot.style.style():
        figure = Figure(figsize=(7.4, 3.3))
        cone = figure.add_axes((0.005, 0.02, 0.42, 0.89), projection="3d")
        plot.energy_surfaces(disc, energies, intersections=[[0.0, 0.0, 0.0]], ax=cone)
        cone.view_init(elev=14, azim=-62)
        cone.set_box_aspect(None, zoom=1.12)
        cone.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[-1, 0, 1])
        plot.coupling_field(
            path,
            field,
            intersections=[found.position for found in cones],
            ax=figure.add_axes((0.565, 0.135, 0.34, 0.775)),
        ).set_title("Derivative coupling, E⊗e")
    return figure


FIGURES = {
    "pyrazine": pyrazine,
    "flux_qubit": flux_qubit,
    "readout": readout,
    "cost": cost,
    "geometry": geometry,
    "benchmarks": benchmarks,
    "rates": rates,
}


def main(directory: Path) -> None:
    """Write every figure as a PNG file."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        draw().savefig(directory / f"{name}.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "images")
