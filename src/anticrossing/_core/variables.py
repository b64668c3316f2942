"""Named numbers with dimensions, meaning and unit: what tables, datasets and files hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from anticrossing._core.checks import InputError

_MOST_WRITTEN = 6  # numbers, else their range
_WORDS = re.compile(r"energy|time|coordinate")


class Variable(NamedTuple):
    """Numbers of a result with their dimensions, meaning and unit.

    A variable with the name of its only dimension is the coordinate along it. Leading axes beyond
    the dimensions belong to parameter points.
    """

    dims: tuple[str, ...]
    values: Any
    text: str
    unit: str = "1"


class Shown(NamedTuple):
    """How an attribute appears among the variables of its class; made by `shown`."""

    dims: tuple[str, ...]
    text: str
    unit: str
    of: str


def shown(*dims: str, text: str, unit: str = "1", of: str = "") -> Shown:
    """Declare a variable of a class of results.

    `unit` may use the words energy, time and coordinate for the units of the result; `of` is the
    attribute that holds the numbers, where its name is neither that of the variable nor its plural.
    """
    return Shown(dims, text, unit, of)


def real(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variables with complex arrays split along a dimension ``part``."""
    found = {}
    for name, variable in variables.items():
        values = np.asarray(variable.values)
        if values.dtype.kind == "c":
            parts = np.stack([values.real, values.imag], axis=-1)
            found["part"] = Variable(("part",), np.array(["real", "imaginary"]), "", "")
            found[name] = variable._replace(dims=(*variable.dims, "part"), values=parts)
        else:
            found[name] = variable._replace(values=values)
    return found


def in_units(unit: str, units: Any) -> str:
    """Return a unit with the words energy, time and coordinate replaced; ``"1"`` for none."""
    if not _WORDS.search(unit):
        return unit
    if units is None or not any(getattr(units, word) for word in ("energy", "coordinate")):
        return "1"
    names = {"energy": units.energy, "time": units.shown_time, "coordinate": units.coordinate}
    named = _WORDS.sub(lambda found: names[found[0]] or "1", unit)
    return re.sub(r"(?<=.)/1\b", "", named)


def value_text(variable: Variable) -> str:
    """Return the value of a scalar to a few digits, with its unit."""
    value = variable.values[()] if isinstance(variable.values, np.ndarray) else variable.values
    number = isinstance(value, (int, float, complex, np.number)) and not isinstance(value, bool)
    text = f"{value:.6g}" if number else str(value)
    return text if variable.unit in ("1", "") else f"{text} {variable.unit}"


def points(count: int) -> tuple[str, ...]:
    """Return names for the axes of the parameter points."""
    if count < 0:
        raise InputError(f"A variable has {-count} axes less than its dimensions.")
    return ("point",) if count == 1 else tuple(f"point_{k}" for k in range(count))


def rows(variables: Mapping[str, Variable]) -> Iterator[tuple[str, str, str]]:
    """Return name, value or extent, and meaning of every variable."""
    for name, variable in variables.items():
        if not variable.dims:
            yield name, value_text(variable), variable.text
            continue
        values = np.asarray(variable.values)
        shape = " × ".join(
            f"{size} {dim}" for dim, size in zip(variable.dims, values.shape, strict=True)
        )
        yield name, f"{shape}{_range(values, variable.unit)}", variable.text


def _range(values: Any, unit: str) -> str:
    if values.dtype.kind not in "fiu" or not values.size or not np.any(np.isfinite(values)):
        return ""
    unit = "" if unit in ("1", "") else f" {unit}"
    if values.ndim == 1 and values.size <= _MOST_WRITTEN:
        return f": {', '.join(f'{value:.6g}' for value in values)}{unit}"
    finite = values[np.isfinite(values)]
    return f": {finite.min():.6g} … {finite.max():.6g}{unit}"
