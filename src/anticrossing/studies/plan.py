"""The tables [scan] and [sweep]: which parameters take which values.

A scan is a sweep of one parameter whose points are shown beside the study itself:

.. code-block:: toml

    [scan]
    parameter = "drive.rate"
    from = 1e-4                  # or  values = […]
    to = 1e-2
    points = 25
    scale = "log"                # or "linear"
    label = "sweep rate"         # optional, for axes and tables
    unit = "mPhi0/ns"

    [sweep]                      # in place of [scan], for several parameters
    zipped = false               # true: the parameters vary together
    output = ["probability"]     # for a driven level "occupation", "entropy_production", …
    chunk_size = 100             # points, optional

    [[sweep.parameters]]         # one or several, each as [scan]
    parameter = "drive.rate"
    values = [1e-4, 1e-3]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from anticrossing._core.checks import FloatArray, InputError, describe, fail, integer, positive
from anticrossing._core.unchanging import Unchanging, record
from anticrossing.studies import tables
from anticrossing.studies.schema import Table, decode
from anticrossing.sweeps.grid import Grid, read_chunk_size, read_grid

LARGEST_SCAN = 2000  # points


class AxisTable(Table, frozen=True, kw_only=True):
    """A parameter, ``TABLE.KEY``, and the values that it takes.

    Attributes
    ----------
    parameter
        The table and the key, "TABLE.KEY".
    values
        Instead of a range: numbers that increase, or that decrease.
    from
        The first value.
    to
        The last value.
    points
        How many values.
    scale
        "linear", the default, or "log".
    label
        For axes and tables.
    unit
        For axes and tables.
    """

    parameter: str
    values: list[float] | None = None
    start: float | None = msgspec.field(name="from", default=None)
    stop: float | None = msgspec.field(name="to", default=None)
    points: int | None = None
    scale: Literal["linear", "log"] | None = None
    label: str = ""
    unit: str = ""


class SweepTable(Table, frozen=True, kw_only=True):
    """Parameters that vary, and what is computed at every point.

    Attributes
    ----------
    parameters
        Tables with the keys of [scan].
    zipped
        true: the parameters vary together; else every combination is computed.
    output
        What is kept, a list of names.
    chunk_size
        How many points are written at a time.
    """

    parameters: list[AxisTable]
    zipped: bool = False
    output: list[str] | None = None
    chunk_size: int | None = None


@record
class Axis:
    """One parameter and its values.

    Attributes
    ----------
    parameter : str
        The key with its table, such as ``"drive.rate"``.
    values : array, shape (P,)
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

    def __str__(self) -> str:
        low, high = self.values[0], self.values[-1]
        unit = f" {self.unit}" if self.unit else ""
        points = "1 point" if self.values.size == 1 else f"{self.values.size} points"
        return f"scan of {self.parameter} from {low:g} to {high:g}{unit}, {points}"


@dataclass(eq=False)
class Plan(Unchanging):
    """What varies in a study, and what is asked at every point.

    Attributes
    ----------
    table : str
        "scan" or "sweep".
    axes : tuple of Axis
        The parameters.
    grid : Grid
        Their points.
    outputs : tuple of str or None
    chunk_size : int or None
    """

    table: str
    axes: tuple[Axis, ...]
    grid: Grid
    outputs: tuple[str, ...] | None
    chunk_size: int | None

    def middle(self, entries: Mapping[str, Any]) -> dict[str, float]:
        """Return the middle of the values of every parameter that the tables leave out."""
        return {
            axis.parameter: float(axis.values[axis.values.size // 2])
            for axis in self.axes
            if isinstance(entries.get(axis.parameter.partition(".")[0]), Mapping)
            and tables.given(entries, axis.parameter) is None
        }

    def details(self) -> dict[str, dict[str, str]]:
        """Return what the parameters are called in full."""
        return {axis.parameter: {"long_name": axis.label} for axis in self.axes}


def read(entries: Mapping[str, Any]) -> Plan | None:
    """Check the tables [scan] and [sweep] but for what the parameters mean."""
    if "scan" in entries and "sweep" in entries:
        raise InputError("A file is scanned or swept: leave [scan] or [sweep] out.")
    if "scan" in entries:
        with tables.inside("scan"):
            axis = _axis(decode(entries["scan"], AxisTable, "scan"))
            return Plan("scan", (axis,), _grid((axis,), zipped=False), None, None)
    if "sweep" not in entries:
        return None
    with tables.inside("sweep"):
        given = decode(entries["sweep"], SweepTable, "sweep")
        if not given.parameters:
            must = "be a list of at least one table"
            raise fail("parameters", must, f"it is {describe(given.parameters)}")
        axes: list[Axis] = []
        for number, table in enumerate(given.parameters, start=1):
            with tables.inside(f"sweep.parameters {number}"):
                axes.append(_axis(table))
                if axes[-1].parameter in [axis.parameter for axis in axes[:-1]]:
                    named = f"{axes[-1].parameter!r} is named twice"
                    raise fail("parameter", "be named once", named)
        return Plan(
            "sweep",
            tuple(axes),
            _grid(tuple(axes), zipped=given.zipped),
            None if given.output is None else tuple(given.output),
            read_chunk_size(given.chunk_size),
        )


def _grid(axes: tuple[Axis, ...], *, zipped: bool) -> Grid:
    values = {axis.parameter: axis.values for axis in axes}
    units = {axis.parameter: axis.unit for axis in axes if axis.unit}
    return read_grid(values, zipped=zipped, units=units)


def _axis(given: AxisTable) -> Axis:
    if "." not in given.parameter or not all(given.parameter.split(".")):
        raise fail("parameter", "be `TABLE.KEY`", f"it is {describe(given.parameter)}")
    values, scale = _range(given) if given.values is None else _listed(given)
    label = given.label or given.parameter.partition(".")[2].replace("_", " ")
    return Axis(given.parameter, values, scale, label, given.unit)


def _listed(given: AxisTable) -> tuple[FloatArray, str]:
    for key in ("start", "stop", "points"):
        if getattr(given, key) is not None:
            named = {"start": "from", "stop": "to"}.get(key, key)
            raise fail("values", "stand alone", f"`{named}` is given too")
    points = np.asarray(given.values, dtype=np.float64)
    if points.size == 0:
        raise fail("values", "be a list of at least one number", "it is empty")
    steps = np.diff(points)
    if np.any(steps == 0) or (np.any(steps < 0) and np.any(steps > 0)):
        raise fail("values", "increase or decrease strictly", f"they are {describe(given.values)}")
    low, high = points.min(), points.max()
    return points, given.scale or ("log" if low > 0 and high / 20 > low else "linear")


def _range(given: AxisTable) -> tuple[FloatArray, str]:
    for name, value in (("from", given.start), ("to", given.stop), ("points", given.points)):
        if value is None:
            raise tables.missing(name)
    assert given.start is not None
    assert given.stop is not None
    if given.start == given.stop:
        raise fail("to", "differ from `from`", f"both are {given.start:g}")
    count = integer("points", given.points, minimum=2, maximum=LARGEST_SCAN)
    scale = given.scale or "linear"
    if scale == "log":
        positive("from", min(given.start, given.stop))
        return np.geomspace(given.start, given.stop, count), scale
    if not np.isfinite(given.stop - given.start):
        raise fail("to", "leave a finite range", f"it begins at {given.start:g}")
    return np.linspace(given.start, given.stop, count), scale
