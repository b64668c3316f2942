"""Phases around loops, couplings and diabats along a path through configuration space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail, real_array
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    CouplingPeak = Any
    DiabaticBasis = Any

__all__ = ["coupling_curve", "diabats", "loop_phase"]

_DASHES = (0, (4, 3))
_SHOWN_WIDTHS = 4.0  # of the peak, to either side


@draws()
def loop_phase(
    steps: npt.ArrayLike, overlaps: npt.ArrayLike, *, labels: Sequence[str], ax: Axes = None
) -> Axes:
    """Draw what a transported level gains on the way around loops.

    Real overlaps ⟨φ(0)|φ(s)⟩ are drawn as they are: they come back to −1 where the loop encloses
    an intersection, to +1 where it does not. Of complex ones the phase is drawn, continuously; at
    the end of the loop it is the Berry phase.

    Parameters
    ----------
    steps : array, shape (k,)
        How much of the loop is done, from 0 to 1.
    overlaps : array, shape (n, k)
        Of one level with itself at the start, on n loops, see `anticrossing.geometry.transport`;
        complex ones so close together that the phase moves by less than π from one to the next.
    labels : sequence of str
        The name of each loop.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the shapes do not fit, or a complex overlap vanishes on the way: then it has no phase.

    Examples
    --------
    >>> s = np.linspace(0, 1, 51)
    >>> axes = loop_phase(s, [np.cos(np.pi * s)], labels=["around"])
    >>> axes.lines[0].get_label()
    'around: −1'
    """
    done = real_array("steps", steps, ndim=1)
    values = np.asarray(overlaps)
    if values.ndim != 2 or values.shape[1] != done.size or values.shape[0] == 0:
        raise fail("overlaps", f"have shape (n, {done.size})", f"its shape is {values.shape}")
    if values.dtype.kind not in "fciu" or not np.all(np.isfinite(values)):
        raise fail("overlaps", "be finite numbers", f"it is {describe(overlaps)}")
    if len(labels) != len(values):
        raise fail("labels", f"name {len(values)} loop(s)", f"there are {len(labels)}")
    turning = np.iscomplexobj(values)
    if turning and np.abs(values).min() < 1e-8:
        raise fail("overlaps", "not vanish where they are complex", "one does")
    curves = np.unwrap(np.angle(values)) if turning else values
    for index, (label, curve) in enumerate(zip(labels, curves, strict=True)):
        end = f"{curve[-1] / np.pi:.3g}π" if turning else f"{round(curve[-1], 2) + 0.0:+g}"
        end = end.replace("-", "−")
        ax.plot(
            done,
            curve,
            color=style.level_color(index, len(curves)),
            label=f"{style.plain(label)}: {end}",
        )
        ax.plot(done[-1], curve[-1], "o", ms=5, color=style.level_color(index, len(curves)))
    ax.axhline(0, color=style.MUTED, lw=0.8)
    ax.set_xlabel("part of the loop")
    ax.set_ylabel("phase gained (radians)" if turning else "overlap with the start")
    ax.set_title("Around a loop")
    style.grid(ax)
    if turning:
        ax.legend(loc="best")
    else:
        ax.set_ylim(-1.1, 1.1)
        ax.set_yticks(np.linspace(-1, 1, 5))
        style.strip_legend(ax, columns=2)
    return ax


@draws()
def coupling_curve(
    coordinate: npt.ArrayLike,
    coupling: npt.ArrayLike,
    *,
    peak: CouplingPeak | None = None,
    name: str = "coordinate",
    unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw a derivative coupling |d_ij| along a line, and what linear diabats would give.

    The closed form is the Lorentzian that has the height h of the peak,
    ``h/(1 + 4h²(s − s₀)²)``. The range is narrowed to the peak where the line is far longer.

    Parameters
    ----------
    coordinate : array, shape (k,)
        The places s, increasing.
    coupling : array, shape (k,)
        d_ij there, for instance from `anticrossing.geometry.derivative_couplings`; its absolute
        value is drawn.
    peak : CouplingPeak, optional
        Its Lorentzian, width and numbers, see `anticrossing.analysis.coupling_peak`.
    name, unit : str
        Of the coordinate; the units of the Hamiltonian if a peak is given.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the shapes do not fit.

    Examples
    --------
    >>> from anticrossing import analysis, geometry, models
    >>> H = models.LandauZener(gap=1.0)
    >>> s = np.linspace(-5, 5, 201)
    >>> d = geometry.derivative_couplings(H, s)[:, 0, 1]
    >>> axes = coupling_curve(s, d, peak=analysis.coupling_peak(H, (-5, 5)))
    >>> [line.get_label() for line in axes.lines]
    ['$|d_{0,1}|$', 'linear diabats of this peak']
    """
    s = real_array("coordinate", coordinate, ndim=1)
    size = np.abs(np.asarray(coupling))
    if size.shape != s.shape or s.size < 2:
        raise fail("coupling", f"have shape {s.shape}", f"its shape is {size.shape}")
    low, high, text = s[0], s[-1], "$|d|$"
    if peak is not None:
        reach = _SHOWN_WIDTHS / peak.height
        low, high = max(low, peak.position - reach), min(high, peak.position + reach)
        i, j = peak.levels
        text = f"$|d_{{{i},{j}}}|$"
        unit, name = peak.hamiltonian.units.coordinate, peak.hamiltonian.coordinates[0]
    ax.plot(s, size, color=style.level_color(0, 2), lw=2.0, label=text)
    if peak is not None:
        linear = peak.height / (1 + 4 * peak.height**2 * (s - peak.position) ** 2)
        ax.plot(
            s,
            linear,
            color=style.level_color(1, 2),
            ls=_DASHES,
            label="linear diabats of this peak",
        )
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.05 * (size[(s >= low) & (s <= high)].max() if peak is None else peak.height))
    ax.set_xlabel(style.label(name, unit))
    ax.set_ylabel(style.label("derivative coupling", f"1/{unit}" if unit else ""))
    ax.set_title("Derivative coupling")
    style.grid(ax)
    if peak is not None:
        _describe(ax, peak)
        style.strip_legend(ax, columns=2)
    return ax


def _describe(ax: Axes, peak: CouplingPeak) -> None:
    """Mark the width of a peak and write its numbers beside it."""
    units = peak.hamiltonian.units
    inverse = f"1/{units.coordinate}" if units.coordinate else ""
    facts = [
        ("gap", style.number(peak.gap), units.energy),
        ("height", style.number(peak.height), inverse),
        ("area", f"{peak.area / (np.pi / 2):.4g} × π/2", ""),
    ]
    if peak.width is not None:
        facts.insert(2, ("width", style.number(peak.width), units.coordinate))
        ax.annotate(
            "",
            xy=(peak.position - peak.width / 2, peak.height / 2),
            xytext=(peak.position + peak.width / 2, peak.height / 2),
            arrowprops={"arrowstyle": "<->", "color": style.EXACT_COLOR, "lw": 1.0},
        )
    lines = [f"{name} {value} {style.unit(unit)}".rstrip() for name, value, unit in facts]
    ax.text(0.985, 0.84, "\n".join(lines), transform=ax.transAxes, fontsize=8, ha="right", va="top")


@draws()
def diabats(
    basis: DiabaticBasis,
    *,
    labels: Sequence[str] | None = None,
    coordinate: str = "coordinate",
    coupling_ax: Axes | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw adiabatic and diabatic energies along a path, and the couplings between the diabats.

    Parameters
    ----------
    basis : DiabaticBasis
        Along one coordinate or along a path, which is then drawn against its length; see
        `anticrossing.geometry.diabatize`.
    labels : sequence of str, optional
        Names of the diabats, ``1``, ``2``, … by default.
    coordinate : str
        Label of the coordinate, without its unit.
    coupling_ax : matplotlib.axes.Axes, optional
        For the absolute values |W_ab| of the couplings, which are not drawn otherwise: other axes,
        or ``ax.twinx()``.
    ax : matplotlib.axes.Axes, optional
        For the energies, by default the axes of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For a basis on a grid of several coordinates, or a wrong number of labels.

    Examples
    --------
    >>> from anticrossing import geometry, models
    >>> from matplotlib.figure import Figure
    >>> basis = geometry.diabatize(models.LandauZener(gap=1.0), np.linspace(-4, 4, 81))
    >>> upper, lower = Figure().subplots(2, 1)
    >>> len(diabats(basis, coupling_ax=lower, ax=upper).lines), len(lower.lines)
    (5, 1)
    """
    if basis.energies.ndim != 2:
        raise fail(
            "basis",
            "lie along a path",
            f"its points form a grid of shape {basis.energies.shape[:-1]}",
        )
    count = basis.energies.shape[1]
    names = [str(index + 1) for index in range(count)] if labels is None else list(labels)
    if len(names) != count:
        raise fail("labels", f"name {count} diabats", f"there are {len(names)}")
    s, matrices, units = _path(basis), basis.matrices, basis.units
    for index in range(count):
        ax.plot(s, basis.energies[:, index], color=style.EXACT_COLOR, lw=1.5)
    ax.plot([], [], color=style.EXACT_COLOR, lw=1.5, label="adiabatic")
    for index, name in enumerate(names):
        ax.plot(
            s,
            matrices[:, index, index].real,
            color=style.level_color(index, count),
            ls=_DASHES,
            label=f"diabat {style.plain(name)}",
        )
    ax.set(ylabel=style.label("energy", units.energy), title="Adiabatic levels and diabats")
    for panel in (ax,) if coupling_ax is None else (ax, coupling_ax):
        panel.set(xlim=(s[0], s[-1]), xlabel=style.label(coordinate, units.coordinate))
    style.grid(ax)
    if coupling_ax is not None:
        _couplings(ax, coupling_ax, basis, names)
    style.strip_legend(ax, columns=2)
    return ax


def _couplings(ax: Axes, coupling_ax: Axes, basis: DiabaticBasis, names: list[str]) -> None:
    s, matrices, count = _path(basis), basis.matrices, len(names)
    twins = np.allclose(ax.get_position().bounds, coupling_ax.get_position().bounds)
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    for index, (a, b) in enumerate(pairs):
        look = {"color": style.formula_color(index + 2), "ls": ":", "lw": 1.8}
        label = "coupling" if count == 2 else f"{style.plain(names[a])}–{style.plain(names[b])}"
        coupling_ax.plot(s, np.abs(matrices[:, a, b]), label=label, **look)
        if twins:  # one legend for both
            ax.plot([], [], label=f"{label} (right)", **look)
    top = max(line.get_ydata().max(initial=0.0) for line in coupling_ax.lines)
    coupling_ax.set_ylim(0, 1.3 * top or 1.0)  # below the legend of both
    coupling_ax.set_ylabel(style.label("diabatic coupling", basis.units.energy))
    if twins:
        coupling_ax.spines["right"].set_visible(True)
    else:
        style.grid(coupling_ax)
        style.strip_legend(coupling_ax, columns=3)


def _path(basis: DiabaticBasis) -> FloatArray:
    """Return the coordinate, or the length of the path in several."""
    if basis.points.ndim == 1:
        return basis.points
    steps = np.linalg.norm(np.diff(basis.points, axis=0), axis=-1)
    return np.concatenate([[0.0], np.cumsum(steps)])


guard(__name__)
