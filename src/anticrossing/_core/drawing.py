"""A plain picture of variables, for results that have no better one; and axes to draw into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from anticrossing._core.checks import InputError, require
from anticrossing._core.variables import Variable

_MOST_LINES = 20
_MOST_BARS = 60


def new_axes(width: float = 6.4, height: float = 4.0) -> Any:
    """Return the axes of a new figure, which no state of Matplotlib knows of."""
    figure = require("matplotlib.figure", "plot", "A figure").Figure(
        figsize=(width, height), layout="constrained"
    )
    return figure.subplots()


def draw(title: str, variables: Mapping[str, Variable], ax: Any = None) -> Any:
    """Draw the first variable along a coordinate with numbers; bars along another dimension."""
    chosen = _along_a_coordinate(variables) or _along_anything(variables)
    if chosen is None:
        raise InputError(f"A {title} holds single numbers: there is nothing to draw.")
    name, axis = chosen
    variable = variables[name]
    values = np.moveaxis(np.asarray(variable.values), axis, 0)
    lines = values.reshape(values.shape[0], -1)[:, :_MOST_LINES]
    ax = new_axes() if ax is None else ax
    dim = variable.dims[axis]
    along = variables.get(dim)
    if along is not None and np.asarray(along.values).dtype.kind in "fiu":
        ax.plot(along.values, lines)
        ax.set_xlabel(_label(along.text or dim, along.unit))
    elif len(lines) > _MOST_BARS:
        ax.plot(lines)
        ax.set_xlabel(dim)
    else:
        places = np.arange(len(lines))
        width = 0.8 / lines.shape[1]
        for k, line in enumerate(lines.T):
            ax.bar(places + (k + 0.5) * width - 0.4, line, width)
        ax.set_xticks(places, places if along is None else [str(v) for v in along.values])
        ax.set_xlabel(dim)
    ax.set_ylabel(_label(variable.text or name, variable.unit))
    ax.set_title(title)
    return ax


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
    return text if unit in ("1", "") else f"{text} ({unit})"
