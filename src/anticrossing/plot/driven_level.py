"""The panels of a driven level: occupation, entropy production, work, and a scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, real_array, real_number
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.figure import Figure, panels_of
from anticrossing.plot.panels import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    DrivenLevelOutcome = Any
    DrivenLevelsOutcome = Any
    Scanned = Any
    Work = Any
    FluctuationRatio = Any

FLOOR = 1e-7
"""Densities are computed to this absolute accuracy; what is smaller is not to be trusted."""
_CHAIN_COLOR = "#D55E00"
_COLORS = {"forward": "#0072B2", "backward": "#D55E00"}
_MARKERS = {"forward": "o", "backward": "s"}
_NAMES = {"forward": "P(w), forward", "backward": "P̃(−w), backward"}
_RATIO_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "marker": "o", "ms": 4.5},
    {"color": _CHAIN_COLOR, "marker": "s", "ms": 4.5},
    {"color": "#009E73", "marker": "^", "ms": 4.5},
    {"color": "#CC79A7", "marker": "v", "ms": 4.5},
)
_MOST_LINES = 25  # more vertical lines than this hide the curves
_MOST_BARS = 60


@draws()
def staircase(result: DrivenLevelOutcome, *, ax: Axes = None) -> Axes:
    """Draw the occupation of the level: the staircase of the chain and the exact curve."""
    chain = result.chain
    crossed = chain.positions[1:-1]
    if crossed.size <= _MOST_LINES:
        for index, position in enumerate(crossed):
            label = "reservoir levels" if index == 0 else None
            ax.axvline(position, color=style.GRID, lw=1.4, zorder=0, label=label)
    ax.plot(
        result.positions,
        result.equilibrium,
        color=style.MUTED,
        lw=1.1,
        ls=(0, (4, 3)),
        label="equilibrium f(ε)",
    )
    ax.plot(result.positions, result.exact.occupations, color="#0072B2", lw=1.5, label="exact")
    ax.stairs(
        chain.occupations, chain.positions, baseline=None, color=_CHAIN_COLOR, lw=1.6, label="chain"
    )
    ax.set_ylim(-0.03, 1.05)
    ax.set_yticks(np.linspace(0, 1, 6))
    _energy_axis(ax, result)
    ax.set(ylabel="occupation of the level", title="Occupation: Landau–Zener chain and exact")
    ax.grid(True, axis="y", color=style.GRID, linewidth=0.6)
    style.strip_legend(ax, columns=4)
    return ax


@draws()
def entropy_steps(result: DrivenLevelOutcome, *, ax: Axes = None) -> Axes:
    """Draw the entropy production of every crossing, its sum so far, and the exact curve."""
    chain = result.chain
    crossed, produced = chain.positions[1:-1], chain.entropy_production
    if 0 < crossed.size <= _MOST_BARS:
        gaps = np.abs(np.diff(chain.positions))
        width = 0.55 * np.minimum(gaps[1:], gaps[:-1])
        ax.bar(
            crossed,
            produced[1:],
            width=width,
            color="#F3C29B",
            edgecolor=_CHAIN_COLOR,
            lw=0.8,
            label="chain, each crossing",
        )
    ax.plot(
        result.positions,
        result.exact.entropy_production,
        color="#0072B2",
        lw=1.5,
        label="exact, so far",
    )
    ax.stairs(
        np.cumsum(produced),
        chain.positions,
        baseline=None,
        color=_CHAIN_COLOR,
        lw=1.6,
        label="chain, so far",
    )
    ax.axhline(0.0, color="#555555", lw=0.8)
    _energy_axis(ax, result)
    ax.set(ylabel="entropy production Σ", title="Entropy production")
    style.grid(ax)
    style.strip_legend(ax, columns=3)
    return ax


@draws()
def work_distributions(
    result: DrivenLevelOutcome | DrivenLevelsOutcome, *, log: bool = False, ax: Axes = None
) -> Axes:
    """Draw P(w) of the forward drive and P̃(−w) of the backward one, and ΔΩ where they cross.

    Bins around the values that the work of the chain can take where there are such, otherwise
    densities smoothed with the width of the question.
    """
    work = _work(result)
    if work.edges is not None:
        highest = _draw_bins(ax, work, work.edges, log)
        ax.set_ylabel("probability")
    else:
        highest = _draw_densities(ax, work)
        ax.set_ylabel("probability density")
        style.remark(ax, f"smoothed, σ = {style.number(work.width)}")
    ax.set_xlim(*_shown(work, 1e-6 if log else 1e-3))
    if log:
        ax.set(yscale="log", ylim=(1e-6 * highest, 2 * highest))
        style.logarithmic(ax.yaxis, 0.0, 1.0)
    else:
        ax.set_ylim(0, 1.05 * highest)
    ax.axvline(
        work.free_energy_difference,
        color=style.EXACT_COLOR,
        lw=1.0,
        ls=(0, (4, 3)),
        label=f"ΔΩ = {style.number(work.free_energy_difference)}",
    )
    both = len(work.question.directions) > 1
    ax.set_xlabel("work w" if both else f"work {_argument(work.question.directions[0])}")
    ax.set_title("Distribution of the work" + (", logarithmic" if log else ""))
    style.grid(ax)
    style.strip_legend(ax, columns=3)
    return ax


@draws()
def fluctuation_line(ratios: Sequence[FluctuationRatio], *, ax: Axes = None) -> Axes:
    """Draw ln P(w)/P̃(−w) of forward and backward drives, and the line β(w − ΔΩ) it must lie on.

    Parameters
    ----------
    ratios : list of FluctuationRatio
        As `anticrossing.thermodynamics.fluctuation_ratio` gives them, up to four.
    ax : Axes, optional
        Where to draw.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), figure 4.
    """
    if not ratios or len(ratios) > len(_RATIO_LOOKS):
        raise fail("ratios", f"be one to {len(_RATIO_LOOKS)} of them", f"there are {len(ratios)}")
    for ratio, look in zip(ratios, _RATIO_LOOKS, strict=False):
        name = ratio.description.removesuffix(", forward") or "ln P(w)/P̃(−w)"
        ends = np.array([ratio.values.min(), ratio.values.max()])
        line = ratio.beta * (ends - ratio.free_energy_difference)
        ax.plot(ends, line, color=look["color"], lw=1.0, ls=(0, (4, 3)), zorder=1)
        ax.plot(ratio.values, ratio.log_ratios, ls="none", mfc="white", mew=1.2, label=name, **look)
    ax.axhline(0.0, color="#555555", lw=0.8)
    ax.set(xlabel="work w", ylabel="ln P(w) / P̃(−w)")
    ax.set_title("Fluctuation theorem: dashed, β(w − ΔΩ)")
    style.grid(ax)
    style.strip_legend(ax, columns=2)
    return ax


@draws()
def fluctuation_differences(ratios: Sequence[FluctuationRatio], *, ax: Axes = None) -> Axes:
    """Draw how far ln P(w)/P̃(−w) is from the line β(w − ΔΩ), on a logarithmic axis."""
    for ratio, look in zip(ratios, _RATIO_LOOKS, strict=False):
        apart = np.maximum(np.abs(ratio.log_ratios - ratio.line), np.finfo(np.float64).eps)
        name = ratio.description.removesuffix(", forward")
        ax.semilogy(ratio.values, apart, ls="none", mfc="white", mew=1.2, label=name, **look)
    ax.set(xlabel="work w", ylabel="distance from the line")
    ax.set_title("Distance from the fluctuation theorem")
    style.logarithmic(ax.yaxis, 0.0, 1.0)
    style.grid(ax)
    return ax


@draws()
def entropy_production_surface(
    diabatic_probabilities: npt.ArrayLike,
    occupations: npt.ArrayLike,
    entropy_production: npt.ArrayLike,
    *,
    reservoir_occupation: float,
    ax: Axes = None,
) -> Axes:
    """Draw the entropy production of one crossing against R and the occupation before it.

    Parameters
    ----------
    diabatic_probabilities : array, shape (m,)
        R, the probability to keep the diabatic state.
    occupations : array, shape (n,)
        p of the driven level before the crossing.
    entropy_production : array, shape (n, m)
        Σ, as `anticrossing.thermodynamics.entropy_production` gives it.
    reservoir_occupation : float
        f of the reservoir level: at p = f no entropy is produced.
    ax : Axes, optional
        Where to draw.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), figure 3.
    """
    from matplotlib.ticker import MaxNLocator

    r = real_array("diabatic_probabilities", diabatic_probabilities, ndim=1)
    p = real_array("occupations", occupations, ndim=1)
    sigma = real_array("entropy_production", entropy_production, ndim=2)
    f = real_number("reservoir_occupation", reservoir_occupation)
    if sigma.shape != (p.size, r.size):
        must = f"have the shape {(p.size, r.size)}"
        raise fail("entropy_production", must, f"its shape is {sigma.shape}")
    levels = MaxNLocator(12).tick_values(0, float(sigma.max()))
    filled = ax.contourf(r, p, sigma, levels, cmap="cividis")
    ax.contour(r, p, sigma, levels[1:-1], colors="white", linewidths=0.4)
    ax.axhline(f, color="white", lw=1.2, ls=(0, (4, 3)))
    ax.annotate(
        f"p = f = {f:g}: no entropy is produced",
        (0.02, f),
        xytext=(0, -4 if f > 0.5 else 4),
        textcoords="offset points",
        color="white",
        fontsize=8.5,
        va="top" if f > 0.5 else "bottom",
    )
    bar = ax.figure.colorbar(filled, ax=ax, pad=0.02)
    bar.set_label("entropy production Σ")
    ax.set_xlabel("R, probability to keep the diabatic state")
    ax.set(ylabel="occupation p before the crossing", title="Entropy production of one crossing")
    return ax


@draws()
def scan_occupation(result: DrivenLevelOutcome, *, ax: Axes = None) -> Axes:
    """Draw the final occupation along a scan, exact points and the chain as a line."""
    data = _scan(result)
    _compare(ax, data, data["chain_occupation"], data["occupation"])
    ax.set_ylim(-0.03, 1.05)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.set(ylabel="final occupation", title="Final occupation")
    style.strip_legend(ax)
    return ax


@draws()
def scan_entropy(result: DrivenLevelOutcome, *, ax: Axes = None) -> Axes:
    """Draw the total entropy production along a scan, exact points and the chain as a line."""
    data = _scan(result)
    _compare(ax, data, data["chain_entropy_production"], data["entropy_production"])
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.set(ylabel="entropy production Σ", title="Total entropy production")
    style.strip_legend(ax)
    return ax


def figure(result: DrivenLevelOutcome) -> Figure:
    """Return occupation and entropy production, the work and its theorem, and the scan."""
    return with_work(result, (staircase, entropy_steps), (scan_occupation, scan_entropy))


def with_work(result: Any, first: Sequence[Any], scanned: Sequence[Any]) -> Figure:
    """Return the panels of driven levels: two to begin with, the work, two along a scan."""
    # The exact points first, those of the chain on top.
    ratios = [] if result.work is None else [*result.work.ratios.values()][::-1]
    rows = 1 + (result.work is not None) + bool(ratios) + (result.scan is not None)
    with style.style():
        drawn, axes = panels_of(result.experiment.title, rows)
        for draw, ax in zip(first, axes[0], strict=True):
            draw(result, ax=ax)
        if result.work is not None:
            work_distributions(result, ax=axes[1][0])
            work_distributions(result, log=True, ax=axes[1][1])
        if ratios:
            fluctuation_line(ratios, ax=axes[2][0])
            fluctuation_differences(ratios, ax=axes[2][1])
        if result.scan is not None:
            for draw, ax in zip(scanned, axes[-1], strict=True):
                draw(result, ax=ax)
    return drawn


# ---- helpers ----------------------------------------------------------------------------------


def _work(result: DrivenLevelOutcome | DrivenLevelsOutcome) -> Work:
    if result.work is None:
        raise InputError("This result has no distribution of the work to draw.")
    return result.work


def _scan(result: DrivenLevelOutcome) -> Scanned:
    if result.scan is None:
        raise InputError("This result has no scan to draw.")
    return result.scan


def _energy_axis(axes: Axes, result: DrivenLevelOutcome) -> None:
    """Let the axis run as the level does, from its start to its end."""
    system = result.experiment.system
    axes.set(xlim=(system.start, system.stop), xlabel="energy of the level")


def _argument(direction: str) -> str:
    return "w" if direction == "forward" else "−w of the backward drive"


def _draw_bins(axes: Axes, work: Work, edges: FloatArray, log: bool) -> float:
    """Draw the exact probabilities as a histogram, with the chain as points on top."""
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


def _compare(axes: Axes, data: Scanned, chain: FloatArray, exact: FloatArray) -> None:
    values = data.axis.values
    style.domain_line(
        axes,
        values,
        chain,
        np.asarray(data["inside_domain"]) == 1,
        _CHAIN_COLOR,
        label="chain",
        rank=1,
    )
    axes.plot(values, exact, "o", ms=4, color=style.EXACT_COLOR, label="exact", zorder=3)
    style.parameter_axis(axes, values, data.axis.scale, data.axis.label, data.axis.unit)
    style.remark(axes, "dotted: outside the domain")
    style.grid(axes)


guard(__name__)
