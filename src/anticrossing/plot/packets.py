"""Pictures of molecules in motion: densities of packets, populations and channels of ensembles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    InputError,
    MissingExtraError,
    describe,
    fail,
    index as check_index,
    integer,
    real_array,
)
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot._snapshots import Snapshots
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    EnsembleResult = Any
    Mean = Any
    WavePacketPropagation = Any

__all__ = ["animate_packet", "channel_probabilities", "density", "ensemble_populations", "hops"]

CONTOURS = "contours: level 0"
"""What the lines of a map are."""

_LEAST_DPI, _MOST_DPI = 20, 600


@draws()
def density(
    result: WavePacketPropagation,
    times: Sequence[float] | float | None = None,
    *,
    state: int | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw snapshots of a packet: in one coordinate |ψ_n|² upon its level, in two a map.

    In one coordinate every adiabatic state is drawn, later snapshots darker; what is more than
    ten times as high as most snapshots, like a very narrow packet that spreads, is cut off. In two
    there is one snapshot, of the sum over all states or of one, with a colour bar and contours of
    the lowest level.

    Parameters
    ----------
    result : WavePacketPropagation
        Made with ``keep_states=True``.
    times : float or sequence of float, optional
        The recorded times nearest to these are shown; the last one by default.
    state : int, optional
        In two coordinates: the adiabatic state.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the states were not kept, for times outside the run, several times in two coordinates,
        or a state that is not there or would be ignored.
    """
    _check_kept(result)
    wanted = np.atleast_1d(real_array("times", result.times[-1] if times is None else times))
    if wanted.ndim != 1 or not wanted.size:
        raise fail("times", "list at least one number", f"its shape is {wanted.shape}")
    if wanted.min() < result.times[0] or wanted.max() > result.times[-1]:
        raise fail(
            "times", f"lie between 0 and {result.times[-1]:g}", f"they are {describe(times)}"
        )
    frames = [int(np.argmin(np.abs(result.times - time))) for time in wanted]
    snapshots = Snapshots(result)
    if result.grid.coordinates == 2:
        if len(frames) > 1:
            raise fail("times", "be one time in two coordinates", f"there are {len(frames)}")
        if state is not None:
            check_index("state", state, result.operator.states)
        colours = snapshots.draw_map(ax, frames[0], state, None)
        snapshots.draw_colours(colours, ax=ax, pad=0.03)
        part = "all levels" if state is None else f"level {state}"
        ax.set_title(f"Density, {part}, {snapshots.when(frames)}; {CONTOURS}")
        return ax
    if state is not None:
        raise fail("state", "be left out in one coordinate", f"it is {describe(state)}")
    snapshots.draw_levels(ax)
    for place, frame in enumerate(frames):
        snapshots.draw_packet(ax, frame, 0.35 + 0.65 * (place + 1) / len(frames))
    ax.set_title(f"Packet at {snapshots.when(frames)}")
    return ax


@draws()
def ensemble_populations(
    ensembles: Mapping[str, EnsembleResult],
    *,
    exact: WavePacketPropagation | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw adiabatic populations of ensembles of trajectories with bands of one standard error.

    Parameters
    ----------
    ensembles : mapping of str to EnsembleResult
        By the name to show. Colours tell ensembles apart, dashes levels above the lowest.
    exact : WavePacketPropagation, optional
        The packet beside them, black; what was absorbed counts on the level it left from.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For ensembles that are none, or if `exact` is not a packet or has another number of levels.
    """
    if not ensembles:
        raise fail("ensembles", "hold at least one result", "it is empty")
    for index, (name, found) in enumerate(ensembles.items()):
        value, error = found.populations.value, found.populations.error
        color = style.formula_color(index)
        for level in range(value.shape[1]):
            ax.plot(
                found.times,
                value[:, level],
                color=color,
                ls=_dashes(level),
                label=style.plain(str(name)) if level == 0 else None,
            )
            low, high = value[:, level] - error[:, level], value[:, level] + error[:, level]
            ax.fill_between(found.times, low, high, color=color, alpha=0.3, lw=0)
    if exact is not None:
        total = exact.populations + exact.absorbed.sum(axis=1)
        counts = {found.populations.value.shape[1] for found in ensembles.values()}
        if counts - {total.shape[1]}:
            raise fail("exact", f"have {counts} levels as the ensembles", f"it has {total.shape}")
        for level, line in enumerate(total.T):
            ax.plot(
                exact.times,
                line,
                color=style.EXACT_COLOR,
                lw=1.2,
                ls=_dashes(level),
                label="exact" if level == 0 else None,
            )
    unit = next(iter(ensembles.values())).request.hamiltonian.units.shown_time
    ax.set(ylabel="population", ylim=(-0.02, 1.02), title="Adiabatic populations")
    ax.set_xlabel(style.label("time", unit))
    style.grid(ax)
    ax.legend(loc="best")
    return ax


@draws()
def channel_probabilities(
    momenta: npt.ArrayLike,
    methods: Mapping[str, Mean],
    *,
    exact: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    channel: str = "transmitted, lower level",
    unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw the probability of one channel against the momentum, with error bars.

    Parameters
    ----------
    momenta : array, shape (n,)
    methods : mapping of str to Mean
        Of shape (n,): probability and standard error by method.
    exact : (array, array), optional
        Momenta and probabilities of a line to compare with, each of shape (k,).
    channel : str
        The name of the channel, for the label of the axis.
    unit : str
        Of the momenta.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For shapes that differ.
    """
    k = real_array("momenta", momenta, ndim=1)
    if not methods:
        raise fail("methods", "hold at least one mean", "it is empty")
    for name, mean in methods.items():
        if np.shape(mean.value) != k.shape or np.shape(mean.error) != k.shape:
            raise fail(
                "methods",
                f"hold means of shape {k.shape}",
                f"{name!r} has the shape {np.shape(mean.value)}",
            )
    if exact is not None:
        line = [real_array("exact", part, ndim=1) for part in exact]
        if line[0].shape != line[1].shape:
            raise fail("exact", "hold two arrays of one shape", "they differ")
        ax.plot(*line, color=style.EXACT_COLOR, lw=1.4, marker="o", ms=3, label="exact")
    spread = 0.012 * float(np.ptp(k)) if k.size > 1 else 0.0
    for index, (name, mean) in enumerate(methods.items()):
        ax.errorbar(
            k + spread * (index - 0.5 * (len(methods) - 1)),  # points must not hide each other
            mean.value,
            mean.error,
            ls="none",
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            ms=4,
            lw=1.0,
            capsize=2,
            color=style.formula_color(index),
            label=style.plain(str(name)),
        )
    ax.set(ylabel=style.plain(f"probability, {channel}"), ylim=(-0.03, 1.03))
    ax.set_xlabel(style.label("momentum", unit))
    style.grid(ax)
    ax.legend(loc="best")
    return ax


@draws()
def hops(result: EnsembleResult, *, bins: int = 40, ax: Axes = None) -> Axes:
    """Draw how many hops there are in time, by what became of them.

    Parameters
    ----------
    result : EnsembleResult
        See `anticrossing.molecules.trajectories.run_trajectories`.
    bins : int
        Intervals of time.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Bars of several colours stand upon each other.
    """
    log, edges = result.hops, np.linspace(result.times[0], result.times[-1], bins + 1)
    names = [name for name in log.reasons if log.count(name)]
    times = [log.time[log.reason == log.reasons.index(name)] for name in names]
    labels = [f"{name}: {found.size}" for name, found in zip(names, times, strict=True)]
    colors = [style.level_color(log.reasons.index(name), len(log.reasons)) for name in names]
    if times:
        ax.hist(times, edges, stacked=True, color=colors, label=labels)
    else:
        ax.set_ylim(0, 1)
        style.remark(ax, "no hops")
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(style.label("time", result.request.hamiltonian.units.shown_time))
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set(ylabel="hops", title="Hops")
    style.grid(ax)
    style.strip_legend(ax, columns=4)
    return ax


def animate_packet(
    result: WavePacketPropagation,
    path: str | Path,
    *,
    frames_per_second: int = 15,
    dpi: int = 90,
    title: str | None = None,
) -> Path:
    """Write the motion of a packet as an animation: ``.gif`` (Pillow) or ``.mp4`` (ffmpeg).

    One frame for each recorded time, drawn as by `density`.

    Parameters
    ----------
    result : WavePacketPropagation
        Made with ``keep_states=True``.
    path : path
        Ends in ``.gif`` or ``.mp4``.
    frames_per_second : int
    dpi : int
        Dots per inch; the frame is 7 by 4 inches, of a map 5.6 by 4.6.
    title : str, optional
        The name of the Hamiltonian by default.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If the states were not kept, for another ending, or a folder that does not exist.
    MissingExtraError
        If the writer that the ending needs is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
    >>> from anticrossing.models import TullySimple
    >>> packet = WavePacket(centre=-8.0, momentum=20.0, width=1.0)
    >>> result = propagate_packet(
    ...     TullySimple(), Grid(-16.0, 16.0, 512), 2000.0, packet, stop=1500.0, step=2.0,
    ...     samples=4, keep_states=True,
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animate_packet(result, f"{folder}/packet.gif", dpi=40).stat().st_size > 1000
    True
    """
    _check_kept(result)
    rate = integer("frames_per_second", frames_per_second, minimum=1)
    resolution = integer("dpi", dpi, minimum=_LEAST_DPI, maximum=_MOST_DPI)
    if not isinstance(path, (str, Path)):
        raise fail("path", "be a path", f"it is {describe(path)}")
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in (".gif", ".mp4"):
        raise fail("path", "end in .gif or .mp4", f"it is {str(path)!r}")
    if not target.parent.is_dir():
        raise fail("path", "lie in a folder that exists", f"it is {str(path)!r}")

    style.load()
    from matplotlib import animation
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    name, package = ("pillow", "Pillow") if ending == ".gif" else ("ffmpeg", "ffmpeg")
    if not animation.writers.is_available(name):
        other = "; a .gif needs only Pillow" if ending == ".mp4" else ""
        raise MissingExtraError(f"A {ending} file needs {package}, which is not installed{other}.")
    shown = style.plain(str(title) if title is not None else result.operator.hamiltonian.name)
    two = result.grid.coordinates == 2
    with style.style():
        drawn = Figure(figsize=(5.6, 4.6) if two else (7.0, 4.0))
        FigureCanvasAgg(drawn)
        axes = drawn.add_axes((0.14, 0.14, 0.64, 0.74) if two else (0.13, 0.14, 0.82, 0.74))
        writer = animation.writers[name](fps=rate)
        snapshots = Snapshots(result)
        with writer.saving(drawn, str(target), resolution):
            for frame in range(len(result.times)):
                axes.clear()
                if two:
                    colours = snapshots.draw_map(axes, frame, None, snapshots.usual_height)
                    if frame == 0:  # the scale is the same at all times
                        place = drawn.add_axes((0.81, 0.14, 0.03, 0.74))
                        snapshots.draw_colours(colours, cax=place, extend="max")
                else:
                    snapshots.draw_levels(axes)
                    snapshots.draw_packet(axes, frame, 1.0)
                lines = f"; {CONTOURS}" if two else ""
                axes.set_title(f"{shown}, {snapshots.when([frame])}{lines}")
                writer.grab_frame()
    return target


def _check_kept(result: WavePacketPropagation) -> None:
    if result.states is None:
        raise InputError("The states were not kept: pass `keep_states=True` to `propagate_packet`.")


def _dashes(level: int) -> Any:
    return ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))[level % 4]


guard(__name__)
