"""A sweep on disk: a Zarr store that is in order at every moment, whatever stops the process.

Zarr only encodes, into memory; every file is written here, under a temporary name that is then
replaced, so that no file is ever half-written. The order does the rest:

- A chunk of the sweep is one Zarr chunk of every output, and one of ``status``, which is written
  last and says that the chunk is finished. What was written of a chunk before a kill counts for
  nothing and is replaced by the same bytes when the chunk is computed again.
- The outputs become part of the store when the metadata of the group, written last, lists them.
- A new store becomes one when the metadata of the group appears.

Each file is forced to the disk before it replaces anything. A lock that the system takes away from
a process that ends keeps a second one out. It lies within the array ``status``, where Zarr looks
for nothing but chunks, and so do the temporary files.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, fail, require
from anticrossing._core.files import path_of, replace
from anticrossing._core.reading import read_json, reading
from anticrossing.sweeps import provenance
from anticrossing.sweeps.errors import SweepError
from anticrossing.sweeps.grid import Chunks
from anticrossing.sweeps.layout import Layout
from anticrossing.sweeps.outputs import PENDING, ChunkData, Output, Schema
from anticrossing.sweeps.storage import Storage

if TYPE_CHECKING:
    import xarray

_ROOT = "zarr.json"
_PRIVATE = Path("status") / ".sweep"
_TOGETHER = 8  # files
_WHAT = "the store of a sweep"
_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError),
    *(MemoryError, OSError, RuntimeError, TypeError, ValueError),
)


def read_path(store: Any) -> Path:
    """Return the path of a store, or raise if it can be none."""
    path = path_of("store", store)
    try:
        path = path.absolute()
        there = next(place for place in (path, *path.parents) if place.exists())
        occupied = not there.is_dir()
    except OSError as error:
        raise fail("store", "be the path of a directory", f"{error.strerror}: {path}") from None
    if occupied:
        raise fail("store", "be the path of a directory", f"{there} is a file")
    return path


class ZarrStore(Storage):
    """The chunks of a sweep in a directory.

    Raises
    ------
    InputError
        If the directory holds anything but this sweep.
    SweepError
        If another process is writing it, or it cannot be written.
    """

    def __init__(self, path: Path, layout: Layout, chunk_size: int | None, *, resume: bool) -> None:
        self.layout, self.path, self.schema = layout, path, None
        require("xarray", "files", "A sweep with a store")
        self._zarr = require("zarr", "files", "A sweep with a store")
        exists = _is_sweep(path)
        if exists and not resume:
            raise InputError(f"The store {path} exists already: resume it, or choose another.")
        if exists:
            self._compare()  # a foreign store is not even locked
        with self._writing():
            (path / _PRIVATE).mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path)
        self._threads = ThreadPoolExecutor(_TOGETHER)
        try:
            if exists := _is_sweep(path):
                self._compare()
            self._staged: dict[str, Any] = {}  # encoded files that are not on disk yet
            self._memory = self._zarr.storage.MemoryStore(self._staged)
            self._arrays: dict[str, Any] = {}
            self.chunks = self._chunks(chunk_size if not exists else self._old_chunks(chunk_size))
            self._stage()
            if exists:
                self._read_schema()
            else:
                with self._writing():
                    self._flush()
        except BaseException:
            self.close()
            raise

    # ---- the interface ------------------------------------------------------------------------

    def status(self) -> npt.NDArray[np.uint8]:
        with self._reading() as group:
            return np.asarray(_array(group, "status", self.layout.grid.shape)[...])

    def begin(self, schema: Schema) -> None:
        self._stage_outputs(schema)
        with self._writing():
            self._flush()
        self.schema = schema

    def read(self, number: int) -> ChunkData:
        region, shape = self.chunks.region(number), self.layout.grid.shape
        for name, output in (self.schema or {}).items():
            if 0 not in output.shape and not (path := self._chunk_path(name, number)).is_file():
                raise InputError(f"The store {self.path} is damaged: {path} is missing.")

        def flat(name: str) -> npt.NDArray[Any]:
            values = np.asarray(_array(group, name, shape)[region])
            return values.reshape(-1, *values.shape[len(region) :])

        with self._reading() as group:
            values = {name: flat(name) for name in self.schema or {}}
            return ChunkData(flat("status"), flat("message").astype(object), values)

    def write(self, number: int, data: ChunkData) -> None:
        region = self.chunks.region(number)
        shape = tuple(part.stop - part.start for part in region)
        parts = {**data.values, "status": data.status}
        if any(data.messages):
            parts["message"] = data.messages
        with self._writing():
            for name, values in parts.items():
                self._arrays[name][region] = values.reshape(shape + values.shape[1:])
            # A disk forces several files at once in the time of one.
            others = [name for name in parts if name != "status"]
            list(self._threads.map(self._flush_chunk, others))
            if "message" not in parts:  # nothing is kept of a chunk without; an older one must go
                self._chunk_path("message", number).unlink(missing_ok=True)
            self._flush_chunk("status")

    def dataset(self) -> xarray.Dataset:
        xarray = require("xarray", "files", "A dataset")

        with _reading(self.path):
            return xarray.open_zarr(self.path, chunks=None)

    def close(self) -> None:
        self._threads.shutdown()
        os.close(self._lock)

    # ---- what the store holds -----------------------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Any]:
        """Open what is on disk; damage ends in one line."""
        with _reading(self.path):
            yield self._zarr.open_group(self.path, mode="r")

    def _compare(self) -> None:
        """Raise, naming the difference, unless the store belongs to this sweep."""
        here = self.layout.identity()
        with self._reading() as group:
            there = json.loads(_attributes(self.path)["identity"])
            found = provenance.difference(there, here) or self._different_values(group)
        if found:
            raise InputError(
                f"The store {self.path} belongs to another sweep: {found}; choose another."
            )

    def _different_values(self, group: Any) -> str | None:
        for name, _, values, _ in self.layout.coordinates():
            stored = _array(group, name, ())
            if stored.shape != values.shape:
                return f"`{name}` has {stored.size} values there and {values.size} here"
            old = np.asarray(stored[...])
            same = old == values
            if not np.all(same):
                k = int(np.argmin(same))
                return f"`{name}`[{k}] is {old[k]} there and {values[k]} here"
            if values.dtype.kind != "U" and old.dtype != values.dtype:
                return f"`{name}` is of type {old.dtype} there and {values.dtype} here"
        return None

    def _old_chunks(self, chunk_size: int | None) -> tuple[int, ...]:
        """Return the shape of the store's chunks, or raise if another is asked for."""
        with self._reading() as group:
            stored = _array(group, "status", self.layout.grid.shape)
        old: tuple[int, ...] = tuple(stored.chunks)
        if chunk_size is not None and self.layout.chunks(chunk_size).shape != old:
            raise fail(
                "chunk_size",
                "be that of the store, or left out",
                f"the store {self.path} has chunks of {int(np.prod(old))} points",
            )
        return old

    def _chunks(self, size: int | tuple[int, ...] | None) -> Chunks:
        if isinstance(size, tuple):
            return Chunks(self.layout.grid.shape, size)
        return self.layout.chunks(size)

    def _read_schema(self) -> None:
        names = _attributes(self.path).get("outputs")
        if names is None:
            return
        with self._reading() as group:
            stored = {name: _array(group, name, self.chunks.grid) for name in names}
        axes = len(self.chunks.grid)
        self.schema = {
            name: Output(tuple(array.shape[axes:]), array.dtype.kind == "c")
            for name, array in stored.items()
        }
        self._stage_outputs(self.schema)
        for key in [key for key in self._staged if not key.endswith(_ROOT)]:
            del self._staged[key]  # the labels are on disk

    # ---- encoding -----------------------------------------------------------------------------

    def _stage(self) -> None:
        """Encode metadata and coordinates of a new store."""
        self._group = self._zarr.create_group(self._memory, attributes=self.layout.attributes())
        dims, grid = self.layout.grid.dims, self.chunks
        auxiliary = [c.name for c in self.layout.coordinates() if c.name != c.dim]
        # The convention by which readers tell coordinates that are no axes from data.
        linked = {"coordinates": " ".join(auxiliary)} if auxiliary else {}
        self._linked = linked
        for name, dim, values, details in self.layout.coordinates():
            self._coordinate(name, dim, values, details)
        details = {**self.layout.status_details(), **linked}
        self._array("status", grid.grid, grid.shape, dims, np.uint8, PENDING, details)
        details = {"long_name": "why the point failed", **linked}
        self._array("message", grid.grid, grid.shape, dims, str, "", details)
        self._consolidate()

    def _stage_outputs(self, schema: Schema) -> None:
        """Encode the metadata of the outputs, and the labels along their axes."""
        dims = self.layout.dims(schema)
        for name, output in schema.items():
            shape = (*self.chunks.grid, *output.shape)
            chunks = (*self.chunks.shape, *(max(n, 1) for n in output.shape))
            details = {**self.layout.details(name), **self._linked}
            self._array(name, shape, chunks, dims[name], output.dtype, output.missing, details)
        for name, values in self.layout.labels(dims).items():
            self._coordinate(name, name, np.asarray(values), self.layout.details(name))
        self._group.attrs["outputs"] = list(schema)
        self._consolidate()

    def _coordinate(self, name: str, dim: str, values: Any, details: dict[str, Any]) -> None:
        dtype = str if values.dtype.kind == "U" else values.dtype
        missing = "" if dtype is str else np.zeros((), dtype).item()
        # No chunk is left out because it holds the fill value only: what is on disk is complete.
        self._array(name, values.shape, values.shape, (dim,), dtype, missing, details, fill=values)

    def _array(
        self,
        name: str,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dims: tuple[str, ...],
        dtype: Any,
        missing: Any,
        details: dict[str, Any],
        *,
        fill: Any = None,
    ) -> None:
        array = self._arrays[name] = self._group.create_array(
            name,
            shape=shape,
            chunks=chunks,
            dtype=dtype,
            fill_value=missing,
            dimension_names=dims,
            attributes=details,
            # A file with a wrong byte or without one is noticed.
            compressors=self._zarr.codecs.ZstdCodec(level=0, checksum=True),
            config={"write_empty_chunks": dtype is not str},
        )
        if fill is not None:
            array[...] = fill

    def _consolidate(self) -> None:
        with warnings.catch_warnings():
            # That other programs need not understand it does no harm: they read the arrays' own.
            warnings.simplefilter("ignore")
            self._zarr.consolidate_metadata(self._memory)

    # ---- writing ------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write whatever is staged, the metadata of the group last; keep the metadata staged."""
        others = sorted(key for key in self._staged if key != _ROOT)
        list(self._threads.map(self._replace, others, map(str, range(len(others)))))
        self._replace(_ROOT)
        for key in [key for key in self._staged if not key.endswith(_ROOT)]:
            del self._staged[key]

    def _flush_chunk(self, name: str) -> None:
        keys = [key for key in list(self._staged) if key.startswith(f"{name}/c/")]
        for key in keys:
            self._replace(key, name)
            del self._staged[key]

    def _chunk_path(self, name: str, number: int) -> Path:
        counts = self.chunks.counts
        where = [str(int(i)) for i in np.unravel_index(number, counts)]
        inner = self.schema[name].shape if self.schema and name in self.schema else ()
        return self.path.joinpath(name, "c", *where, *("0" for _ in inner))

    def _replace(self, key: str, name: str = "") -> None:
        partial = self.path / _PRIVATE / f"partial{f'-{name}' if name else ''}"
        replace(self.path / key, self._staged[key].to_bytes(), partial)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in one line what the system has against writing, and that nothing is lost."""
        try:
            yield
        except OSError as error:
            kept = "; what is finished is kept" if _is_sweep(self.path) else ""
            why = error.strerror or str(error)
            raise SweepError(f"The store {self.path} cannot be written: {why}{kept}.") from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in one line what libraries raise for damage, and let what others raise pass."""
    try:
        yield
    except TimeoutError:  # of an alarm
        raise
    except _DAMAGE as error:
        with reading(path, _WHAT):
            raise error


def _is_sweep(path: Path) -> bool:
    """Whether a directory is the store of a sweep; raise if it holds anything else."""
    try:
        entries = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SweepError(f"The store {path} cannot be read: {error.strerror}.") from error
    if _ROOT in entries:
        if (path / _PRIVATE).is_dir() and "identity" in _attributes(path):
            return True
    elif not entries or (path / _PRIVATE).is_dir():
        return False  # a store that was not finished when its process was killed
    elif entries == ["status"] and not any((path / "status").iterdir()):
        return False
    raise InputError(
        f"The store {path} must be a new directory or that of a sweep, but it holds something "
        f"else ({entries[0]}): choose another."
    )


def _array(group: Any, name: str, leading: tuple[int, ...]) -> Any:
    """Return an array on disk whose size is what it should be."""
    array = group[name]
    if array.shape[: len(leading)] != leading or any(
        chunk > max(length, 1) for chunk, length in zip(array.chunks, array.shape, strict=True)
    ):
        raise ValueError(f"`{name}` has the shape {array.shape}, in pieces of {array.chunks}")
    return array


def _attributes(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path / _ROOT)
        attributes = content["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _lock(path: Path) -> int:
    """Return the open lock of a store, or raise if another process holds it."""
    own = getattr(os, "O_CLOEXEC", 0)  # Windows has none
    lock = os.open(path / _PRIVATE / "lock", os.O_RDWR | os.O_CREAT | own, 0o666)
    try:
        _hold(lock)
    except OSError as error:
        os.close(lock)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise
        raise SweepError(f"The store {path} is in use: another process is writing it.") from None
    return lock


def _hold(lock: int) -> None:
    """Lock an open file, or raise `OSError` at once."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
