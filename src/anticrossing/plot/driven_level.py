"""The panels of a driven level: occupation, entropy production, work, and a scan."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, fail, integer, real_number
from anticrossing.plot import style
from anticrossing.plot.figure import Figure, figure, panels_of
from anticrossing.plot.panels import Axes
from anticrossing.studies.driven_level import DrivenLevelOutcome, DrivenLevelScan, Work
from anticrossing.studies.driven_level.result import FLOOR
from anticrossing.thermodynamics.dissipation import entropy_production
from anticrossing.thermodynamics.equilibrium import fermi

_CHAIN_COLOR = "#D55E00"
_COLORS = {"forward": "#0072B2", "backward": "#D55E00"}
_MARKERS = {"forward": "o", "backward": "s"}
_NAMES = {"forward": "P(w), forward", "backward": "P̃(−w), backward"}
_MOST_LINES = 25  # more vertical lines than this hide the curves
_MOST_BARS = 60


def staircase(axes: Axes, result: DrivenLevelOutcome) -> Axes:
    """Draw the occupation of the level: the staircase of the chain and the exact curve."""
    chain, system = result.chain, result.experiment.system
    crossed = chain.positions[1:-1]
    if crossed.size <= _MOST_LINES:
        for index, position in enumerate(crossed):
            label = "reservoir levels" if index == 0 else None
            axes.axvline(position, color=style.GRID, lw=1.4, zorder=0, label=label)
    thermal = fermi(
        result.positions,
        temperature=system.temperature,
        chemical_potential=system.chemical_potential,
    )
    axes.plot(
        result.positions,
        thermal,
        color=style.MUTED,
        lw=1.1,
        ls=(0, (4, 3)),
        label="equilibrium f(ε)",
    )
    axes.plot(result.positions, result.exact.occupations, color="#0072B2", lw=1.5, label="exact")
    axes.stairs(
        chain.occupations, chain.positions, baseline=None, color=_CHAIN_COLOR, lw=1.6, label="chain"
    )
    axes.set_ylim(-0.03, 1.05)
    axes.set_yticks(np.linspace(0, 1, 6))
    _energy_axis(axes, result)
    axes.set_ylabel("occupation of the level")
    axes.set_title("Occupation: Landau–Zener chain and exact")
    axes.grid(True, axis="y", color=style.GRID, linewidth=0.6)
    style.strip_legend(axes, columns=4)
    return axes


def entropy_steps(axes: Axes, result: DrivenLevelOutcome) -> Axes:
    """Draw the entropy production of every crossing, its sum so far, and the exact curve."""
    chain = result.chain
    crossed, produced = chain.positions[1:-1], chain.entropy_production
    if 0 < crossed.size <= _MOST_BARS:
        gaps = np.abs(np.diff(chain.positions))
        width = 0.55 * np.minimum(gaps[1:], gaps[:-1])
        axes.bar(
            crossed,
            produced[1:],
            width=width,
            color="#F3C29B",
            edgecolor=_CHAIN_COLOR,
            lw=0.8,
            label="chain, each crossing",
        )
    axes.plot(
        result.positions,
        result.exact.entropy_production,
        color="#0072B2",
        lw=1.5,
        label="exact, so far",
    )
    axes.stairs(
        np.cumsum(produced),
        chain.positions,
        baseline=None,
        color=_CHAIN_COLOR,
        lw=1.6,
        label="chain, so far",
    )
    axes.axhline(0.0, color="#555555", lw=0.8)
    _energy_axis(axes, result)
    axes.set_ylabel("entropy production Σ")
    axes.set_title("Entropy production")
    style.grid(axes)
    style.strip_legend(axes, columns=3)
    return axes


def work_distributions(axes: Axes, result: DrivenLevelOutcome, *, log: bool = False) -> Axes:
    """Draw P(w) of the forward drive and P̃(−w) of the backward one, and ΔΩ where they cross.

    Bins around the values that the work of the chain can take where there are such, otherwise
    densities smoothed with the width of the question.
    """
    work = _work(result)
    if work.edges is not None:
        highest = _draw_bins(axes, work, work.edges, log)
        axes.set_ylabel("probability")
    else:
        highest = _draw_densities(axes, work)
        axes.set_ylabel("probability density")
        style.remark(axes, f"smoothed, σ = {style.number(work.question.width)}")
    axes.set_xlim(*_shown(work, 1e-6 if log else 1e-3))
    if log:
        axes.set_yscale("log")
        axes.set_ylim(1e-6 * highest, 2 * highest)
        style.logarithmic(axes.yaxis, 0.0, 1.0)
    else:
        axes.set_ylim(0, 1.05 * highest)
    axes.axvline(
        work.free_energy_difference,
        color=style.EXACT_COLOR,
        lw=1.0,
        ls=(0, (4, 3)),
        label=f"ΔΩ = {style.number(work.free_energy_difference)}",
    )
    both = len(work.question.directions) > 1
    axes.set_xlabel("work w" if both else f"work {_argument(work.question.directions[0])}")
    axes.set_title("Distribution of the work" + (", logarithmic" if log else ""))
    style.grid(axes)
    style.strip_legend(axes, columns=3)
    return axes


def entropy_production_surface(
    axes: Axes, reservoir_occupation: float = 0.75, *, points: int = 121
) -> Axes:
    """Draw the entropy production of one crossing against R and the occupation before it.

    Parameters
    ----------
    axes : Axes
    reservoir_occupation : float
        f of the reservoir level, between 0 and 1.
    points : int
        In each direction.

    Raises
    ------
    InputError
        If f is 0 or 1, where the entropy production is infinite, or outside them.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), figure 3.
    """
    from matplotlib.ticker import MaxNLocator

    f = real_number("reservoir_occupation", reservoir_occupation)
    if not 0 < f < 1:
        raise fail("reservoir_occupation", "lie strictly between 0 and 1", f"it is {f:g}")
    integer("points", points, minimum=2)
    r = p = np.linspace(0, 1, points)
    sigma = np.asarray(entropy_production(r[None, :], p[:, None], f))
    levels = MaxNLocator(12).tick_values(0, float(sigma.max()))
    filled = axes.contourf(r, p, sigma, levels, cmap="cividis")
    axes.contour(r, p, sigma, levels[1:-1], colors="white", linewidths=0.4)
    axes.axhline(f, color="white", lw=1.2, ls=(0, (4, 3)))
    axes.annotate(
        f"p = f = {f:g}: no entropy is produced",
        (0.02, f),
        xytext=(0, -4 if f > 0.5 else 4),
        textcoords="offset points",
        color="white",
        fontsize=8.5,
        va="top" if f > 0.5 else "bottom",
    )
    bar = axes.figure.colorbar(filled, ax=axes, pad=0.02)
    bar.set_label("entropy production Σ")
    axes.set_xlabel("R, probability to keep the diabatic state")
    axes.set_ylabel("occupation p before the crossing")
    axes.set_title("Entropy production of one crossing")
    return axes


def scan_occupation(axes: Axes, result: DrivenLevelOutcome) -> Axes:
    """Draw the final occupation along a scan, exact points and the chain as a line."""
    data = _scan(result)
    _compare(axes, data, data.chain_occupation, data.exact_occupation)
    axes.set_ylim(-0.03, 1.05)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_ylabel("final occupation")
    axes.set_title("Final occupation")
    style.strip_legend(axes)
    return axes


def scan_entropy(axes: Axes, result: DrivenLevelOutcome) -> Axes:
    """Draw the total entropy production along a scan, exact points and the chain as a line."""
    data = _scan(result)
    _compare(axes, data, data.chain_entropy_production, data.exact_entropy_production)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel("entropy production Σ")
    axes.set_title("Total entropy production")
    style.strip_legend(axes)
    return axes


@figure.register
def _driven_level(result: DrivenLevelOutcome) -> Figure:
    rows = 1 + (result.work is not None) + (result.scan is not None)
    with style.style():
        drawn, axes = panels_of(result.experiment.title, rows)
        staircase(axes[0][0], result)
        entropy_steps(axes[0][1], result)
        if result.work is not None:
            work_distributions(axes[1][0], result)
            work_distributions(axes[1][1], result, log=True)
        if result.scan is not None:
            scan_occupation(axes[-1][0], result)
            scan_entropy(axes[-1][1], result)
    return drawn


# ---- helpers ----------------------------------------------------------------------------------


def _work(result: DrivenLevelOutcome) -> Work:
    if result.work is None:
        raise InputError("This result has no distribution of the work to draw.")
    return result.work


def _scan(result: DrivenLevelOutcome) -> DrivenLevelScan:
    if result.scan is None:
        raise InputError("This result has no scan to draw.")
    return result.scan


def _energy_axis(axes: Axes, result: DrivenLevelOutcome) -> None:
    """Let the axis run as the level does, from its start to its end."""
    system = result.experiment.system
    axes.set_xlim(system.start, system.stop)
    axes.set_xlabel("energy of the level")


def _argument(direction: str) -> str:
    return "w" if direction == "forward" else "−w of the backward drive"


def _draw_bins(axes: Axes, work: Work, edges: FloatArray, log: bool) -> float:
    """Draw the exact probabilities as a histogram and those of the chain as points upon it."""
    centres = 0.5 * (edges[1:] + edges[:-1])
    for direction in work.question.directions:
        color = _COLORS[direction]
        exact, chain = (work.probabilities[m, direction] for m in ("exact", "landau-zener"))
        settings: dict[str, Any] = {"color": color, "label": f"{_NAMES[direction]}, exact"}
        axes.stairs(exact, edges, fill=not log, alpha=1.0 if log else 0.28, lw=1.3, **settings)
        axes.plot(
            centres,
            np.where(chain > FLOOR**2, chain, np.nan),
            ls="none",
            marker=_MARKERS[direction],
            ms=4.5,
            mfc="white",
            mew=1.3,
            color=color,
            label=f"{_NAMES[direction]}, chain",
            zorder=3,
        )
    return max(float(values.max()) for values in work.probabilities.values())


def _draw_densities(axes: Axes, work: Work) -> float:
    for direction in work.question.directions:
        color = _COLORS[direction]
        exact, chain = (work.densities[m, direction] for m in ("exact", "landau-zener"))
        for values, look, method in (
            (exact, {"color": color, "lw": 2.6, "alpha": 0.45}, "exact"),
            (chain, {"color": color, "lw": 1.1}, "chain"),
        ):
            shown = np.where(values > FLOOR, values, np.nan)
            axes.plot(work.values, shown, label=f"{_NAMES[direction]}, {method}", **look)
    return max(float(values.max()) for values in work.densities.values())


def _shown(work: Work, share: float) -> tuple[float, float]:
    """Return the range in which some curve is above this share of its largest value."""
    if work.edges is not None:
        left, right, curves = work.edges[:-1], work.edges[1:], work.probabilities
    else:
        left, right, curves = work.values, work.values, work.densities
    visible = np.zeros(left.size, dtype=np.bool_)
    for values in curves.values():
        visible |= values > share * values.max()
    margin = 0.02 * float(right[visible].max() - left[visible].min())
    return float(left[visible].min()) - margin, float(right[visible].max()) + margin


def _compare(axes: Axes, data: DrivenLevelScan, chain: FloatArray, exact: FloatArray) -> None:
    values = data.scan.values
    style.domain_line(axes, values, chain, data.trusted, _CHAIN_COLOR, label="chain", rank=1)
    axes.plot(values, exact, "o", ms=4, color=style.EXACT_COLOR, label="exact", zorder=3)
    style.parameter_axis(axes, values, data.scan.scale, data.scan.label, data.scan.unit)
    style.remark(axes, "dotted: outside the domain")
    style.grid(axes)
