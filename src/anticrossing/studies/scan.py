"""The table [scan]: which parameter takes which values, whatever kind of experiment scans it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    integer,
    known_keys,
    positive,
    real_number,
)
from anticrossing._core.unchanging import read_only
from anticrossing.studies import tables

LARGEST_SCAN = 2000  # points
_KEYS = ("parameter", "values", "from", "to", "points", "scale", "label", "unit")


@read_only
@dataclass(frozen=True, eq=False)
class ScanValues:
    """What the table [scan] says.

    Attributes
    ----------
    parameter : str
        The scanned key with its table, such as ``"drive.rate"``.
    values : array, shape (P,)
        Strictly increasing.
    scale : str
        "linear" or "log".
    label, unit : str
        For axes and tables; the label is the name of the key if the file gives none.
    """

    parameter: str
    values: FloatArray
    scale: str
    label: str
    unit: str

    @property
    def name(self) -> str:
        """The parameter without its table: ``"rate"`` for ``"drive.rate"``."""
        return self.parameter.partition(".")[2]


def read_scan(entries: Mapping[str, Any]) -> ScanValues:
    """Check the entries of [scan] but for what `parameter` means."""
    known_keys("[scan]", entries, _KEYS)
    parameter = tables.text("parameter", tables.required(entries, "parameter"))
    values, scale = _listed(entries) if "values" in entries else _range(entries)
    label = tables.text("label", entries.get("label", ""))
    return ScanValues(
        parameter=parameter,
        values=values,
        scale=scale,
        label=label or parameter.partition(".")[2].replace("_", " "),
        unit=tables.text("unit", entries.get("unit", "")),
    )


def _listed(entries: Mapping[str, Any]) -> tuple[FloatArray, str]:
    extra = [key for key in ("from", "to", "points") if key in entries]
    if extra:
        raise fail("values", "stand alone", f"`{extra[0]}` is given too")
    values = entries["values"]
    if not isinstance(values, list) or not values:
        raise fail("values", "be a list of at least one number", f"it is {describe(values)}")
    if len(values) > LARGEST_SCAN:
        raise fail("values", f"have at most {LARGEST_SCAN} entries", f"it has {len(values)}")
    for value in values:
        tables.check_numbers("values", value)
        if isinstance(value, list):
            raise fail("values", "be a flat list of numbers", f"it contains {value}")
    points = np.asarray(values, dtype=np.float64)
    if np.any(np.diff(points) <= 0):
        raise fail("values", "increase strictly", f"they are {describe(values)}")
    guess = "log" if points[0] > 0 and points[-1] / 20 > points[0] else "linear"
    return points, choice("scale", entries.get("scale", guess), ("linear", "log"))


def _range(entries: Mapping[str, Any]) -> tuple[FloatArray, str]:
    ends = []
    for key in ("from", "to"):
        value = tables.required(entries, key)
        tables.check_numbers(key, value)
        ends.append(real_number(key, value))
    if ends[0] == ends[1]:
        raise fail("to", "differ from `from`", f"both are {ends[0]:g}")
    count = integer("points", tables.required(entries, "points"), minimum=2)
    if count > LARGEST_SCAN:
        raise fail("points", f"be at most {LARGEST_SCAN}", f"it is {count}")
    scale = choice("scale", entries.get("scale", "linear"), ("linear", "log"))
    low, high = sorted(ends)
    if scale == "log":
        positive("from", low)
        return np.geomspace(low, high, count), scale
    return np.linspace(low, high, count), scale
