"""How the moments of a packet are drawn, with one scale and one window for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    WavePacketPropagation = Any

_SHARE = 0.35  # of the range of the levels that a density of the usual height takes up
_TALLEST = 2.5  # of that, the highest one
_CUT = 10.0  # usual heights: what is higher still is cut off, so that the others can be seen
_MARGIN = 0.08
_MOST_ENERGY = 0.5  # mean kinetic energies above the mean energy: higher walls are cut off
_SEEN = 1e-3  # of the highest density: what a map shows of the grid
_CONTOURS = 12
_TINY = float(np.finfo(float).tiny)


class Snapshots:
    """The recorded moments of a packet whose states were kept."""

    def __init__(self, result: WavePacketPropagation) -> None:
        self.result = result
        self.hamiltonian = result.operator.hamiltonian
        self.grid = result.grid

    def when(self, frames: Sequence[int]) -> str:
        """Return the times as they stand in a title."""
        times = ", ".join(f"{self.result.times[frame]:.4g}" for frame in frames)
        return style.label(f"t = {times}", self.hamiltonian.units.shown_time)

    def densities(self, frame: int) -> FloatArray:
        """Return |ψ_n|² of the adiabatic states, shape (N, *grid.shape)."""
        assert self.result.states is not None
        amplitudes = self.result.operator.adiabatic_amplitudes(self.result.states[frame])
        return np.asarray(np.abs(amplitudes) ** 2).reshape(-1, *self.grid.shape)

    @cached_property
    def _heights(self) -> FloatArray:
        """The highest density at each time (of a map: of all states)."""
        maps = self.grid.coordinates == 2
        heights = []
        for frame in range(len(self.result.times)):
            found = self.densities(frame)
            heights.append((found.sum(axis=0) if maps else found).max())
        return np.array(heights)

    @cached_property
    def usual_height(self) -> float:
        """The median over the times of the highest density."""
        return max(float(np.median(self._heights)), _TINY)

    @cached_property
    def _unit(self) -> float:
        """The energy that a density of 1 is high upon its level."""
        tallest = min(float(self._heights.max()), _CUT * self.usual_height)
        low, high = self.energies
        return _SHARE * (high - low) / max(self.usual_height, tallest / _TALLEST)

    @cached_property
    def _top(self) -> float:
        """The energy that the densities of all times reach, but for what is cut off."""
        levels, top = self.result.operator.energies.T, -np.inf
        for frame, highest in enumerate(self._heights):
            found = self.densities(frame)
            state, place = np.unravel_index(int(found.argmax()), found.shape)
            shown = min(float(highest), _CUT * self.usual_height)
            top = max(top, float(levels[state, place]) + self._unit * shown)
        return top

    @cached_property
    def energies(self) -> tuple[float, float]:
        """The range of energies to show, without the walls."""
        levels, mean = self.result.operator.energies, float(self.result.energy[0])
        low = float(levels.min())
        high = min(float(levels.max()), max(mean + _MOST_ENERGY * abs(mean - low), low + 1e-12))
        return low, high if high > low else low + 1.0

    @cached_property
    def window(self) -> list[tuple[float, float]]:
        """The part of each coordinate of a map in which the packet is seen at any time."""
        seen = np.zeros(self.grid.shape)
        for frame in range(len(self.result.times)):
            np.maximum(seen, self.densities(frame).sum(axis=0), out=seen)
        found = []
        for axis, x in enumerate(self.grid.axes):
            profile = seen.max(axis=1 - axis)
            inside = x[profile > _SEEN * profile.max()]
            room = _MARGIN * (inside[-1] - inside[0])
            found.append((max(x[0], inside[0] - room), min(x[-1], inside[-1] + room)))
        return found

    def draw_levels(self, axes: Axes) -> None:
        """Draw the levels of one coordinate."""
        levels, x, (low, high) = self.result.operator.energies, self.grid.axes[0], self.energies
        for state in range(levels.shape[1]):
            color = style.level_color(state, levels.shape[1])
            axes.plot(x, levels[:, state], color=color, lw=1.0, label=f"level {state}")
        span = high - low
        axes.set_xlim(x[0], x[-1])
        top = max(high + _SHARE * span, self._top)
        axes.set_ylim(low - _MARGIN * span, top + _MARGIN * span)
        units = self.hamiltonian.units
        axes.set_xlabel(style.label(self.hamiltonian.coordinates[0], units.coordinate))
        axes.set_ylabel(style.label("energy", units.energy))
        axes.legend(loc="upper right")

    def draw_packet(self, axes: Axes, frame: int, weight: float) -> None:
        """Draw the densities of one moment upon the levels."""
        levels = self.result.operator.energies
        count = levels.shape[1]
        for state, density in enumerate(self.densities(frame)):
            axes.fill_between(
                self.grid.axes[0],
                levels[:, state],
                levels[:, state] + self._unit * density,
                color=style.level_color(state, count),
                alpha=0.55 * weight,
                lw=0,
            )

    def draw_map(self, axes: Axes, frame: int, state: int | None, height: float | None) -> Any:
        """Draw one moment of two coordinates; `height` is the end of the colours.

        Returned are the colours, for `draw_colours`.
        """
        levels = slice(None) if state is None else slice(state, state + 1)
        shown = self.densities(frame)[levels].sum(axis=0)
        end = max(float(shown.max()) if height is None else height, _TINY)
        colours = axes.pcolormesh(
            *self.grid.axes,
            shown.T,
            cmap="viridis",
            shading="gouraud",
            vmin=0.0,
            vmax=end,
            rasterized=True,
        )
        lowest = self.result.operator.energies[:, 0].reshape(self.grid.shape)
        lines = np.linspace(*self.energies, _CONTOURS + 2)[1:-1]
        lines = lines[(lines > lowest.min()) & (lines < lowest.max())]
        if lines.size:
            axes.contour(
                *self.grid.axes,
                lowest.T,
                levels=lines,
                colors="white",
                linestyles="solid",
                linewidths=0.5,
                alpha=0.45,
            )
        names, unit = self.hamiltonian.coordinates, self.hamiltonian.units.coordinate
        axes.set(xlim=self.window[0], ylim=self.window[1])
        axes.set(xlabel=style.label(names[0], unit), ylabel=style.label(names[1], unit))
        return colours

    def draw_colours(self, colours: Any, **where: Any) -> None:
        """Draw the scale of a map beside it."""
        unit = self.hamiltonian.units.coordinate
        bar = colours.axes.figure.colorbar(colours, **where)
        bar.set_label(style.label("density", f"1/{unit}²" if unit else ""))
        bar.outline.set_visible(False)
