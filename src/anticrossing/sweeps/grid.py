"""The points of a sweep: axes, the parameters along them, and the chunks they are computed in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, describe, fail, integer
from anticrossing._core.unchanging import Unchanging

IntArray = npt.NDArray[np.int64]
Values = npt.NDArray[Any]

POINT = "point"
"""The axis of a sweep whose parameters all vary together."""
RESERVED = ("status", "message", "rng")
MOST_AXES = 32
"""Of the grid, of an output, and of both together."""
_MOST_POINTS = 20_000_000  # half a gigabyte before the first of them is computed
MOST_CHUNKS = 1_000_000
_LONGEST_NAME = 200  # bytes: many systems allow files 255, and names of axes are longer
_CHUNKS = 200  # of a sweep whose chunk size is not given: what a kill can lose is half a percent
_LARGEST_CHUNK = 10_000  # points, of such a sweep
_SMALLEST_BATCH, _FEWEST_BATCHES = 1000, 20  # points and chunks, of a vectorised one


class Zip(Unchanging):
    """Parameters that vary together along one axis.

    Parameters
    ----------
    values : mapping of str to array, shape (P,), optional
        For names that are no identifiers.
    **named : array, shape (P,)
        The same, by keyword.

    Raises
    ------
    InputError
        Without parameters, or if their lengths differ.

    Examples
    --------
    >>> Zip(rate=[0.1, 0.2], gap=[1.0, 2.0])
    Zip(rate, gap) [2 points]
    """

    def __init__(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        if values is not None and not isinstance(values, Mapping):
            raise fail("values", "map names to values", f"it is {describe(values)}")
        given = {**(values or {}), **named}
        if not given:
            raise fail("values", "name at least one parameter", "there are none")
        self.parameters = {name: _values(name, value) for name, value in given.items()}
        sizes = {name: array.size for name, array in self.parameters.items()}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"`{name}` has {size}" for name, size in sizes.items())
            raise InputError(f"Parameters that vary together must be equally many, but {listed}.")

    def __repr__(self) -> str:
        size = next(iter(self.parameters.values())).size
        return f"Zip({', '.join(self.parameters)}) [{size} points]"


@dataclass(eq=False)
class Axis(Unchanging):
    """One dimension of the result, and the parameters that vary along it."""

    name: str
    parameters: Mapping[str, Values]

    @property
    def size(self) -> int:
        """The number of points along the axis."""
        return next(iter(self.parameters.values())).size


@dataclass(eq=False)
class Grid(Unchanging):
    """All points of a sweep, in C order of the axes.

    Attributes
    ----------
    axes : tuple of Axis
    units : mapping of str to str
        Of parameters and outputs.
    """

    axes: tuple[Axis, ...]
    units: Mapping[str, str]

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of points along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """The number of points."""
        return math.prod(self.shape)

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(name for axis in self.axes for name in axis.parameters)

    def points(self, indices: IntArray) -> dict[str, Values]:
        """Return every parameter at the points with these indices (n,): arrays (n,)."""
        along = np.unravel_index(indices, self.shape)
        return {
            name: np.ascontiguousarray(values[where])
            for axis, where in zip(self.axes, along, strict=True)
            for name, values in axis.parameters.items()
        }


@dataclass(frozen=True)
class Chunks:
    """The boxes a grid is cut into: each is computed as a whole, and is one chunk of the store."""

    grid: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, grid: tuple[int, ...], size: int | None, *, vectorised: bool = False) -> Chunks:
        """Return chunks of at most `size` points that follow each other in the order of the grid.

        Without a size there are about 200, so that little is lost when a sweep is killed; of a
        vectorised function, which is slow for few points, down to 20.
        """
        if size is None:
            count = math.prod(grid)
            least = min(_SMALLEST_BATCH, count // _FEWEST_BATCHES) if vectorised else 1
            size = min(max(count // _CHUNKS, least, 1), _LARGEST_CHUNK)
        shape = []
        for length in reversed(grid):
            shape.append(min(length, max(size, 1)))
            # Once an axis is cut, those before it are walked one by one.
            size = size // length if shape[-1] == length else 1
        return cls(grid, tuple(reversed(shape)))

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of chunks along each axis."""
        return tuple(-(-n // k) for n, k in zip(self.grid, self.shape, strict=True))

    @property
    def count(self) -> int:
        """The number of chunks."""
        return math.prod(self.counts)

    def region(self, number: int) -> tuple[slice, ...]:
        """Return the box of chunk `number`."""
        where = np.unravel_index(number, self.counts)
        return tuple(
            slice(int(i) * k, min((int(i) + 1) * k, n))
            for i, k, n in zip(where, self.shape, self.grid, strict=True)
        )

    def indices(self, number: int) -> IntArray:
        """Return the indices of the points of chunk `number`, which increase."""
        ranges = [np.arange(part.start, part.stop) for part in self.region(number)]
        return np.ravel_multi_index(np.ix_(*ranges), self.grid).reshape(-1).astype(np.int64)


def read_grid(grid: Any, *, zipped: bool, units: Mapping[str, str] | None) -> Grid:
    """Check what the user gave as grid."""
    if isinstance(grid, Zip):
        if zipped:
            raise fail("zipped", "be left out", "the grid is a `Zip` already")
        grid = {POINT: grid}
    if not isinstance(grid, Mapping) or not grid:
        raise fail(
            "grid", "map the name of each parameter to its values", f"it is {describe(grid)}"
        )
    if zipped:
        if any(isinstance(value, Zip) for value in grid.values()):
            raise fail("zipped", "be left out", "the grid contains a `Zip`")
        grid = {POINT: Zip(grid)}
    axes = []
    for name, value in grid.items():
        if isinstance(value, Zip):
            _check_name(name)
            axes.append(Axis(name, value.parameters))
            continue
        values = _values(name, value)
        if np.unique(values).size < values.size:
            raise fail(name, "not repeat a value", f"its values are {describe(value)}")
        axes.append(Axis(name, {name: values}))
    result = Grid(tuple(axes), units or {})
    if len(axes) > MOST_AXES:
        raise fail("grid", f"have at most {MOST_AXES} axes", f"it has {len(axes)}")
    if result.size > _MOST_POINTS:
        raise fail("grid", f"have at most {_MOST_POINTS} points", f"it has {result.size}")
    taken = [*result.names, *(a.name for a in axes if a.name not in a.parameters)]
    for name in taken:
        if taken.count(name) > 1:
            raise fail("grid", "name each parameter and axis once", f"`{name}` is named twice")
    for key, unit in result.units.items():
        if not isinstance(key, str) or not isinstance(unit, str):
            raise fail("units", "map names to text", f"it contains {describe({key: unit})}")
    return result


def read_chunk_size(value: Any) -> int | None:
    """Check the number of points of a chunk."""
    return None if value is None else integer("chunk_size", value, minimum=1)


def is_name(name: str) -> bool:
    """Whether a store can have an array of this name, whose file or folder has it too."""
    return (
        name.isprintable()
        and name == name.strip() != ""
        and "/" not in name
        and not name.startswith((".", "__"))
        and name != "zarr.json"
        and len(name.encode()) <= _LONGEST_NAME
    )


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise fail("grid", "have names as keys", f"one is {describe(name)}")
    if name in RESERVED:
        raise fail("grid", f"not name a parameter {name!r}", "that name has a meaning of its own")
    if not is_name(name):
        raise fail("grid", "have names that can be those of files", f"one is {describe(name)}")


def _values(name: Any, values: Any) -> Values:
    _check_name(name)
    if np.ma.is_masked(values):
        raise fail(name, "be a list of values", "some of it is masked")
    try:
        array = np.asarray(values)
    except ValueError:
        raise fail(name, "be a list of values", f"it is {describe(values)}") from None
    if array.ndim != 1 or array.size == 0:
        raise fail(name, "be a list of at least one value", f"its shape is {array.shape}")
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        if not np.all(np.isfinite(array)):
            raise fail(name, "be finite", f"it contains NaN or infinity ({describe(values)})")
    elif array.dtype.kind in "iu":
        if array.max() > np.iinfo(np.int64).max:
            raise fail(name, "fit into 64 bits", f"it contains {array.max()}")
        array = array.astype(np.int64)
    elif array.dtype.kind not in "bU":
        raise fail(name, "hold numbers or text", f"it is {describe(values)}")
    for given, kept in zip(np.asarray(values, dtype=object), array.tolist(), strict=True):
        if given != kept or isinstance(given, (bool, np.bool_)) != isinstance(kept, bool):
            but = f"{describe(given)} would become {describe(kept)}"
            raise fail(name, "hold values that stay as they are in one array", but)
        if isinstance(kept, str) and not kept.isascii() and any(map(_is_half, kept)):
            raise fail(name, "hold text that can be written", f"it contains {kept!r}")
    return array


def _is_half(character: str) -> bool:
    """Whether a character is half of one, which no encoding writes."""
    return "\ud800" <= character <= "\udfff"
