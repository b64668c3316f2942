"""Phases around loops, couplings and diabats along a path through configuration space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail, real_array
from anticrossing.analysis import CouplingPeak
from anticrossing.geometry import DiabaticBasis, derivative_couplings
from anticrossing.plot import style
from anticrossing.plot.panels import Axes

_DASHES = (0, (4, 3))
_PEAK_SAMPLES = 801
_SHOWN_WIDTHS = 4.0  # of the peak, to either side of it


def loop_phase(
    axes: Axes, steps: npt.ArrayLike, overlaps: npt.ArrayLike, *, labels: Sequence[str]
) -> Axes:
    """Draw what a transported level gains on the way around loops.

    Real overlaps ⟨φ(0)|φ(s)⟩ are drawn as they are: they come back to −1 where the loop encloses
    an intersection, to +1 where it does not. Of complex ones the phase is drawn, continuously; at
    the end of the loop it is the Berry phase.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    steps : array, shape (k,)
        How much of the loop is done, from 0 to 1.
    overlaps : array, shape (n, k)
        Of one level with itself at the start, on n loops, see `anticrossing.geometry.transport`;
        complex ones so close together that the phase moves by less than π from one to the next.
    labels : sequence of str
        The name of each loop.

    Returns
    -------
    Axes
        The axes given.

    Raises
    ------
    InputError
        If the shapes do not fit, or a complex overlap vanishes on the way: then it has no phase.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> s = np.linspace(0, 1, 51)
    >>> axes = loop_phase(Figure().subplots(), s, [np.cos(np.pi * s)], labels=["around"])
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
        axes.plot(
            done,
            curve,
            color=style.level_color(index, len(curves)),
            label=f"{style.plain(label)}: {end}",
        )
        axes.plot(done[-1], curve[-1], "o", ms=5, color=style.level_color(index, len(curves)))
    axes.axhline(0, color=style.MUTED, lw=0.8)
    axes.set_xlabel("part of the loop")
    axes.set_ylabel("phase gained (radians)" if turning else "overlap with the start")
    axes.set_title("Around a loop")
    style.grid(axes)
    if turning:
        axes.legend(loc="best")
    else:
        axes.set_ylim(-1.1, 1.1)
        axes.set_yticks(np.linspace(-1, 1, 5))
        style.strip_legend(axes, columns=2)
    return axes


def coupling_peak(axes: Axes, peak: CouplingPeak) -> Axes:
    """Draw |d_ij| along a line through an avoided crossing, and what linear diabats would give.

    The closed form is the Lorentzian of the same height h, ``h/(1 + 4h²(s − s₀)²)``. The range is
    narrowed to the peak where the window is far wider.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    peak : CouplingPeak
        See `anticrossing.analysis.coupling_peak`.

    Returns
    -------
    Axes
        The axes given.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from anticrossing import analysis, models
    >>> peak = analysis.coupling_peak(models.LandauZener(gap=1.0), (-50, 50))
    >>> [line.get_label() for line in coupling_peak(Figure().subplots(), peak).lines]
    ['$|d_{0,1}|$', 'linear diabats of this peak']
    """
    low, high = peak.window
    reach = _SHOWN_WIDTHS / peak.height
    shown = max(low, peak.position - reach), min(high, peak.position + reach)
    s = np.linspace(*shown, _PEAK_SAMPLES)
    i, j = peak.levels
    size = np.abs(derivative_couplings(peak.hamiltonian, s)[:, i, j])
    linear = peak.height / (1 + 4 * peak.height**2 * (s - peak.position) ** 2)
    axes.plot(s, size, color=style.level_color(0, 2), lw=2.0, label=f"$|d_{{{i},{j}}}|$")
    axes.plot(
        s, linear, color=style.level_color(1, 2), ls=_DASHES, label="linear diabats of this peak"
    )
    if peak.width is not None:
        axes.annotate(
            "",
            xy=(peak.position - peak.width / 2, peak.height / 2),
            xytext=(peak.position + peak.width / 2, peak.height / 2),
            arrowprops={"arrowstyle": "<->", "color": style.EXACT_COLOR, "lw": 1.0},
        )
    units, name = peak.hamiltonian.units, peak.hamiltonian.coordinates[0]
    axes.set_xlim(*shown)
    axes.set_ylim(0, 1.05 * peak.height)
    axes.set_xlabel(style.label(name, units.coordinate))
    per = f"1/{units.coordinate}" if units.coordinate else ""
    axes.set_ylabel(style.label("derivative coupling", per))
    axes.set_title("Derivative coupling")
    facts = [
        f"gap {style.number(peak.gap)}",
        f"height {style.number(peak.height)}",
        f"area {peak.area / (np.pi / 2):.4g} × π/2",
    ]
    if peak.width is not None:
        facts.insert(2, f"width {style.number(peak.width)}")
    axes.text(
        0.985, 0.84, "\n".join(facts), transform=axes.transAxes, fontsize=8, ha="right", va="top"
    )
    style.grid(axes)
    style.strip_legend(axes, columns=2)
    return axes


def diabats(
    axes: Axes,
    basis: DiabaticBasis,
    *,
    coupling_axes: Axes | None = None,
    labels: Sequence[str] | None = None,
    coordinate: str = "coordinate",
) -> Axes:
    """Draw adiabatic and diabatic energies along a path, and the couplings between the diabats.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        For the energies.
    basis : DiabaticBasis
        Along one coordinate or along a path, which is then drawn against its length; see
        `anticrossing.geometry.diabatize`.
    coupling_axes : matplotlib.axes.Axes, optional
        For the absolute values |W_ab| of the couplings, which are not drawn otherwise: their own
        axes, or ``axes.twinx()``.
    labels : sequence of str, optional
        Names of the diabats, ``1``, ``2``, … by default.
    coordinate : str
        Label of the coordinate, without its unit.

    Returns
    -------
    Axes
        The axes given.

    Raises
    ------
    InputError
        For a basis on a grid of several coordinates, or a wrong number of labels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from anticrossing import geometry, models
    >>> basis = geometry.diabatize(models.LandauZener(gap=1.0), np.linspace(-4, 4, 81))
    >>> upper, lower = Figure().subplots(2, 1)
    >>> len(diabats(upper, basis, coupling_axes=lower).lines), len(lower.lines)
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
        axes.plot(s, basis.energies[:, index], color=style.EXACT_COLOR, lw=1.5)
    axes.plot([], [], color=style.EXACT_COLOR, lw=1.5, label="adiabatic")
    for index, name in enumerate(names):
        axes.plot(
            s,
            matrices[:, index, index].real,
            color=style.level_color(index, count),
            ls=_DASHES,
            label=f"diabat {style.plain(name)}",
        )
    axes.set_ylabel(style.label("energy", units.energy))
    axes.set_title("Adiabatic levels and diabats")
    for panel in (axes,) if coupling_axes is None else (axes, coupling_axes):
        panel.set_xlim(s[0], s[-1])
        panel.set_xlabel(style.label(coordinate, units.coordinate))
    style.grid(axes)
    if coupling_axes is not None:
        _couplings(axes, coupling_axes, basis, names)
    style.strip_legend(axes, columns=2)
    return axes


def _couplings(axes: Axes, coupling_axes: Axes, basis: DiabaticBasis, names: list[str]) -> None:
    s, matrices, count = _path(basis), basis.matrices, len(names)
    twins = np.allclose(axes.get_position().bounds, coupling_axes.get_position().bounds)
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    for index, (a, b) in enumerate(pairs):
        look = {"color": style.formula_color(index + 2), "ls": ":", "lw": 1.8}
        label = "coupling" if count == 2 else f"{style.plain(names[a])}–{style.plain(names[b])}"
        coupling_axes.plot(s, np.abs(matrices[:, a, b]), label=label, **look)
        if twins:  # one legend for both
            axes.plot([], [], label=f"{label} (right)", **look)
    top = max(line.get_ydata().max(initial=0.0) for line in coupling_axes.lines)
    coupling_axes.set_ylim(0, 1.3 * top or 1.0)  # below the legend of both
    coupling_axes.set_ylabel(style.label("diabatic coupling", basis.units.energy))
    if twins:
        coupling_axes.spines["right"].set_visible(True)
    else:
        style.grid(coupling_axes)
        style.strip_legend(coupling_axes, columns=3)


def _path(basis: DiabaticBasis) -> FloatArray:
    """Return the coordinate, or the length of the path in several."""
    if basis.points.ndim == 1:
        return basis.points
    steps = np.linalg.norm(np.diff(basis.points, axis=0), axis=-1)
    return np.concatenate([[0.0], np.cumsum(steps)])
