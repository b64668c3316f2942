"""Transport between leads: currents in time, what a conductor transmits, and dense reservoirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    DenseLimit = Any
    LevitovLesovik = Any
    TransportLedger = Any

__all__ = ["dense_occupations", "lead_currents", "transmission_window"]

_LEFT, _RIGHT = "#0072B2", "#D55E00"


@draws()
def lead_currents(result: TransportLedger, *, energy: bool = False, ax: Axes = None) -> Axes:
    """Draw the current from every lead against time.

    Parameters
    ----------
    result : TransportLedger
        Of `Junction.evolve`.
    energy : bool
        The energy instead of the particles.
    ax : Axes, optional
        Where to draw.
    """
    values = result.energy_currents if energy else result.particle_currents
    count = len(result.lead_names)
    for k, name in enumerate(result.lead_names):
        color = style.level_color(k, count)
        ax.plot(result.times, values[:, k], color=color, label=style.plain(f"from {name}"))
    ax.axhline(0.0, color="#555555", lw=0.8)
    ax.set(xlabel="time", ylabel=f"{'energy' if energy else 'particle'} current")
    ax.set_title("Currents from the leads")
    style.grid(ax)
    style.strip_legend(ax)
    return ax


@draws()
def transmission_window(result: LevitovLesovik, *, ax: Axes = None) -> Axes:
    """Draw the transmission of a conductor and the Fermi functions of its reservoirs.

    Parameters
    ----------
    result : LevitovLesovik
    ax : Axes, optional
        Where to draw.
    """
    energies, transmitted, left, right = result.spectrum()
    for k, channel in enumerate(transmitted.T):
        label = "transmission" if k == 0 else None
        ax.plot(energies, channel, color=style.EXACT_COLOR, lw=1.5, label=label)
    ax.plot(energies, left, color=_LEFT, lw=1.2, label="left reservoir")
    ax.plot(energies, right, color=_RIGHT, lw=1.2, label="right reservoir")
    ax.fill_between(energies, left, right, color=style.GRID, zorder=0)
    ax.set(xlim=(energies[0], energies[-1]), ylim=(-0.03, 1.05), xlabel="energy")
    ax.set(ylabel="transmission, occupation", title="Transmission and reservoirs")
    style.grid(ax)
    style.strip_legend(ax)
    return ax


@draws()
def dense_occupations(result: DenseLimit, *, ax: Axes = None) -> Axes:
    """Draw the final occupations by the chain and exactly against the level spacing.

    Parameters
    ----------
    result : DenseLimit
        Of `dense_limit`.
    ax : Axes, optional
        Where to draw.
    """
    ax.plot(result.spacings, result.chain, "s-", ms=4, color=_RIGHT, lw=1.0, label="chain")
    ax.plot(result.spacings, result.exact, "o-", ms=4, color=_LEFT, lw=1.0, label="exact")
    dashed = {"lw": 1.0, "ls": (0, (4, 3)), "zorder": 0}
    ax.axhline(result.golden_rule, color=_RIGHT, label="golden rule", **dashed)
    ax.axhline(result.wide_band, color=_LEFT, label="wide band", **dashed)
    if result.spacings.size > 1:
        ax.set_xscale("log")
        style.logarithmic(ax.xaxis, float(result.spacings.min()), float(result.spacings.max()))
    ax.set(xlabel="level spacing", ylabel="final occupation")
    ax.set_title("A reservoir that becomes dense")
    style.grid(ax)
    style.strip_legend(ax, columns=4)
    return ax


guard(__name__)
