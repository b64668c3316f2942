"""Where finished chunks go: the interface, and a sweep that is kept in memory."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import require
from anticrossing.sweeps.grid import Chunks
from anticrossing.sweeps.layout import Layout
from anticrossing.sweeps.outputs import PENDING, ChunkData, Schema

if TYPE_CHECKING:
    import xarray


class Storage(abc.ABC):
    """Keeps the chunks of one sweep."""

    layout: Layout
    chunks: Chunks
    schema: Schema | None
    """The outputs, None until a point has succeeded."""

    @abc.abstractmethod
    def status(self) -> npt.NDArray[np.uint8]:
        """Return the status of every point, in the shape of the grid."""

    @abc.abstractmethod
    def begin(self, schema: Schema) -> None:
        """Make room for the outputs."""

    @abc.abstractmethod
    def read(self, number: int) -> ChunkData:
        """Return what is known of a chunk."""

    @abc.abstractmethod
    def write(self, number: int, data: ChunkData) -> None:
        """Keep a finished chunk, as a whole or not at all."""

    @abc.abstractmethod
    def dataset(self) -> xarray.Dataset:
        """Return everything as a labelled dataset."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let others use it."""


class Passing(Storage):
    """Chunks handed on in the order of the grid, and not kept."""

    def __init__(
        self, layout: Layout, chunk_size: int | None, take: Callable[[ChunkData], None]
    ) -> None:
        self.layout, self.chunks, self.schema = layout, layout.chunks(chunk_size), None
        self._take = take
        self._early: dict[int, ChunkData] = {}
        self._next = 0

    def status(self) -> npt.NDArray[np.uint8]:
        return np.full(self.layout.grid.shape, PENDING, dtype=np.uint8)

    def begin(self, schema: Schema) -> None:
        self.layout.dims(schema)
        self.schema = schema

    def read(self, number: int) -> ChunkData:
        raise NotImplementedError("what is handed on is gone")

    def write(self, number: int, data: ChunkData) -> None:
        self._early[number] = data
        while self._next in self._early:
            self._take(self._early.pop(self._next))
            self._next += 1

    def dataset(self) -> xarray.Dataset:
        raise NotImplementedError("what is handed on is gone")

    def close(self) -> None:
        """Nothing is held."""


class Collected(NamedTuple):
    """All points in the order of the grid: outputs (n, …), and why points failed, else ""."""

    values: dict[str, npt.NDArray[Any]]
    messages: list[str]


class Memory(Storage):
    """Chunks in memory, gone when the process ends."""

    def __init__(self, layout: Layout, chunk_size: int | None) -> None:
        self.layout, self.chunks, self.schema = layout, layout.chunks(chunk_size), None
        size = layout.grid.size
        self._status = np.full(size, PENDING, dtype=np.uint8)
        self._messages: npt.NDArray[Any] = np.full(size, "", dtype=object)
        self._values: dict[str, npt.NDArray[Any]] = {}

    def status(self) -> npt.NDArray[np.uint8]:
        return self._status.reshape(self.layout.grid.shape)

    def begin(self, schema: Schema) -> None:
        self.layout.dims(schema)
        self.schema = schema
        self._values = ChunkData.pending(self.layout.grid.size, schema).values

    def read(self, number: int) -> ChunkData:
        where = self.chunks.indices(number)
        values = {name: array[where] for name, array in self._values.items()}
        return ChunkData(self._status[where], self._messages[where], values)

    def write(self, number: int, data: ChunkData) -> None:
        where = self.chunks.indices(number)
        for name, array in data.values.items():
            self._values[name][where] = array
        self._status[where], self._messages[where] = data.status, data.messages

    def collected(self) -> Collected:
        """Return everything as plain arrays."""
        return Collected(self._values, self._messages.tolist())

    def dataset(self) -> xarray.Dataset:
        xarray = require("xarray", "files", "A dataset")

        layout, shape = self.layout, self.layout.grid.shape
        dims = layout.dims(self.schema or {}) if self.schema else {}
        variables: dict[str, Any] = {
            name: (own, self._values[name].reshape(shape + own_shape), layout.details(name))
            for (name, own), own_shape in zip(
                dims.items(), (output.shape for output in (self.schema or {}).values()), strict=True
            )
        }
        grid = layout.grid.dims
        variables["status"] = (grid, self.status(), layout.status_details())
        variables["message"] = (
            grid,
            self._messages.reshape(shape),
            {"long_name": "why the point failed"},
        )
        coordinates: dict[str, Any] = {
            c.name: (c.dim, c.values.copy(), c.attributes) for c in layout.coordinates()
        }
        coordinates.update(
            {name: (name, v, layout.details(name)) for name, v in layout.labels(dims).items()}
        )
        return xarray.Dataset(variables, coords=coordinates, attrs=layout.attributes())

    def close(self) -> None:
        """Nothing is held."""
