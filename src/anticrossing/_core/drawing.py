"""Axes to draw into, and a plain picture of variables for results that have no better one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import numpy as np
import numpy.typing as npt

from anticrossing._core import style
from anticrossing._core.checks import InputError
from anticrossing._core.public import guarded
from anticrossing._core.style import Axes
from anticrossing._core.variables import Variable

_MOST_LINES = 20
_MOST_NAMES = 8
_MOST_BARS = 60

# A title at the left would stay there beside one that is set later, outside the style.
_SINGLE = {"axes.titlelocation": "center"}

Arguments = ParamSpec("Arguments")


def new_axes(width: float = 6.4, height: float = 4.0, projection: str | None = None) -> Axes:
    """Return the axes of a new figure, which no state of Matplotlib knows of.

    A notebook shows the figure where these axes are the value of a cell.
    """
    style.load()
    from anticrossing._core.notebook_figure import Figure

    with style.style():
        figure = Figure(figsize=(width, height), layout="constrained")
        style.keep_ticks(figure.add_subplot(projection=projection))
    return first_axes(figure)


def first_axes(figure: Any) -> Axes:
    """Return the first axes of a figure, which a notebook shows whole where they are a value."""
    axes = figure.axes[0]
    axes._repr_png_ = figure._repr_png_
    return axes


def draws(
    width: float = 6.4, height: float = 4.0, projection: str | None = None
) -> Callable[[Callable[Arguments, Axes]], Callable[Arguments, Axes]]:
    """Let a function draw into the axes `ax` that it is given, or into a new figure.

    Given axes keep the settings of their owner, a new figure has the style of this package. The
    kinds of the arguments are checked before anything is drawn.
    """

    def decorate(function: Callable[Arguments, Axes]) -> Callable[Arguments, Axes]:
        @functools.wraps(function)
        def drawn(*args: Any, ax: Any = None, **kwargs: Any) -> Axes:
            checked: Any = guarded(function)
            if ax is not None:
                return checked(*args, ax=ax, **kwargs)
            axes = new_axes(width, height, projection)
            with style.style(_SINGLE):
                return checked(*args, ax=axes, **kwargs)

        return drawn

    return decorate


def colours_over_two(
    ax: Axes,
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    values: npt.NDArray[Any],
    label: str,
    **colours: Any,
) -> None:
    """Draw numbers at points of two coordinates: as cells where they fill a grid, else as dots."""
    x, column = np.unique(first, return_inverse=True)
    y, row = np.unique(second, return_inverse=True)
    if x.size * y.size == values.size and np.unique(row * x.size + column).size == values.size:
        grid = np.full((y.size, x.size), np.nan)
        grid[row, column] = values
        drawn = ax.pcolormesh(x, y, grid, shading="nearest", rasterized=True, **colours)
    else:
        drawn = ax.scatter(first, second, c=values, s=12, **colours)
    ax.figure.colorbar(drawn, ax=ax, label=label)


@draws()
def draw(
    title: str,
    variables: Mapping[str, Variable],
    *,
    error: Variable | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the first variable along a coordinate with numbers; bars along another dimension.

    A standard `error`, of the variable's shape, is a band about lines, and a line on every bar.
    """
    chosen = _along_a_coordinate(variables) or _along_anything(variables)
    if chosen is None:
        raise InputError(f"A {title} holds single numbers: there is nothing to draw.")
    name, axis = chosen
    variable = variables[name]
    values = np.moveaxis(np.asarray(variable.values), axis, 0)
    lines = values.reshape(values.shape[0], -1)[:, :_MOST_LINES]
    count = lines.shape[1]
    colors = [style.level_color(k, count) for k in range(count)]
    names = _names(variables, variable, axis, values.shape[1:])
    spread: npt.NDArray[Any] = np.zeros(lines.shape)
    if error is not None:
        spread = np.moveaxis(np.asarray(error.values), axis, 0).reshape(values.shape[0], -1)
        spread = spread[:, :_MOST_LINES]
    dim = variable.dims[axis]
    along = variables.get(dim)
    assert ax is not None
    if along is not None and np.asarray(along.values).dtype.kind in "fiu":
        for k, (line, color, text) in enumerate(zip(lines.T, colors, names, strict=True)):
            ax.plot(along.values, line, color=color, label=text)
            if error is not None:
                low, high = line - spread[:, k], line + spread[:, k]
                ax.fill_between(along.values, low, high, color=color, alpha=0.25, lw=0)
        ax.set_xlabel(_label(along.text or dim, along.unit))
    elif len(lines) > _MOST_BARS:
        ax.plot(lines)
        ax.set_xlabel(dim)
    else:
        places = np.arange(len(lines))
        width = 0.8 / count
        for k, (line, color, text) in enumerate(zip(lines.T, colors, names, strict=True)):
            where = places + (k + 0.5) * width - 0.4
            ax.bar(where, line, width, color=color, label=text)
            if error is not None:
                ax.errorbar(where, line, spread[:, k], fmt="none", ecolor="black", capsize=3)
        if along is not None:
            ax.set_xticks(places, [style.plain(str(v)) for v in along.values])
        elif len(lines) <= _MOST_LINES:
            ax.set_xticks(places)
        ax.set_xlabel(style.plain(dim))
    ax.set(ylabel=_label(variable.text or name, variable.unit), title=style.plain(title))
    style.grid(ax)
    if 1 < count <= _MOST_NAMES:
        ax.legend(loc="best")
    return ax


def _names(
    variables: Mapping[str, Variable], variable: Variable, axis: int, shape: tuple[int, ...]
) -> list[str | None]:
    """Return the names of the lines, of two-dimensional variables; others have none."""
    if len(shape) != 1:
        return [None] * min(int(np.prod(shape, dtype=int)), _MOST_LINES)
    dim = variable.dims[1 - axis]
    across = variables.get(dim)
    values = range(shape[0]) if across is None else across.values
    shown = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in values]
    return [style.plain(f"{dim} {text}") for text in shown[:_MOST_LINES]]


def _along_a_coordinate(variables: Mapping[str, Variable]) -> tuple[str, int] | None:
    for name, variable in variables.items():
        for axis, dim in enumerate(variable.dims):
            if dim != name and dim in variables and _numbers(variable) and len(variable.dims) < 3:
                return name, axis
    return None


def _along_anything(variables: Mapping[str, Variable]) -> tuple[str, int] | None:
    fit = [n for n, v in variables.items() if v.dims and v.dims != (n,) and _numbers(v)]
    plain = [name for name in fit if len(variables[name].dims) < 3]
    return next(((name, 0) for name in (*plain, *fit)), None)


def _numbers(variable: Variable) -> bool:
    return np.asarray(variable.values).dtype.kind in "fiub"


def _label(text: str, unit: str) -> str:
    return style.label(text, "" if unit == "1" else unit)
