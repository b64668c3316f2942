"""`sweep`: one function at every point of a grid."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import InputError, describe, fail, integer, require
from anticrossing.sweeps import provenance
from anticrossing.sweeps.evaluate import Block, Job, evaluate
from anticrossing.sweeps.executors import InProcess, Runner, runner
from anticrossing.sweeps.grid import IntArray, Zip, read_chunk_size, read_grid
from anticrossing.sweeps.layout import Layout
from anticrossing.sweeps.outputs import FAILED, PENDING, ChunkData, schema_of
from anticrossing.sweeps.progress import Progress, check_progress, reporting
from anticrossing.sweeps.storage import Collected, Memory, Passing, Storage
from anticrossing.sweeps.target import Target, target_of
from anticrossing.sweeps.zarr_store import ZarrStore, read_path

if TYPE_CHECKING:
    import xarray


def sweep(
    function: Callable[..., Any] | Any,
    *,
    grid: Mapping[str, Any] | Zip,
    store: str | os.PathLike[str] | None = None,
    executor: Any = None,
    chunk_size: int | None = None,
    vectorised: bool = False,
    zipped: bool = False,
    seed: int | None = None,
    units: Mapping[str, str] | None = None,
    output_dims: Mapping[str, Sequence[str]] | None = None,
    resume: bool = True,
    retry_failures: bool = False,
    progress: bool | Progress = True,
) -> xarray.Dataset:
    """Compute a function at every point of a grid, so that nothing finished is ever lost.

    The grid is cut into chunks, each written to the store as it finishes. After any interruption
    the same call computes only what is missing, and the result is bitwise the same as without. So
    it is for every executor and number of threads, and for every chunk size as long as a vectorised
    function treats its points independently.

    Parameters
    ----------
    function : callable or experiment
        ``function(**point)`` takes the swept parameters by name and returns a number, an array, or
        a mapping of named ones. What the first successful point returns fixes names, shapes, and
        whether they are complex. Numbers are kept as float64 or complex128. An experiment is one
        of `anticrossing.studies.load`; its parameters are named as in ``[scan]``.
    grid : mapping of str to array, shape (P,)
        The values of each parameter: numbers or text. All combinations are computed, at most 20
        million. A `Zip` in place of values holds parameters that vary together along the axis of
        that name.
    store : path, optional
        A directory, new or that of the same sweep; without it the result is kept in memory.
    executor : int, executor, Dask client or str, optional
        A number of processes, an executor of `concurrent.futures`, a `distributed.Client`, or the
        address of a Dask scheduler. By default this process computes everything.
    chunk_size : int, optional
        The largest number of points of a chunk, rounded down to a box of the grid. By default there
        are about 200 chunks, or at least 20 of up to 1000 points if the function is vectorised.
    vectorised : bool
        Whether the function takes arrays (n,) of many points and returns arrays (n, …). If it
        raises, its points are tried one by one to find the one that fails.
    zipped : bool
        Whether all parameters vary together, along the axis ``point``.
    seed : int, optional
        For a function with the parameter `rng`, which receives a `numpy.random.Generator` that
        depends on the seed and the point only (a list of them if vectorised).
    units : mapping of str to str, optional
        Units of parameters and outputs.
    output_dims : mapping of str to sequence of str, optional
        Names of the axes of outputs that are arrays.
    resume : bool
        Whether a store that exists may be continued.
    retry_failures : bool
        Whether points that failed in an earlier run are computed again.
    progress : bool or callable
        Whether to show a bar with the remaining time, on a terminal or in a notebook; or a function
        ``progress(done, total)``.

    Returns
    -------
    xarray.Dataset
        One dimension for each axis of the grid; the outputs, ``status`` (1 done, 2 failed) and
        ``message``, the reason of each failure, where the outputs are NaN. With a store it is read
        from there when used.

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work; for a store of another sweep, with the
        difference.
    SweepError
        If the store cannot be written or is in use, or the workers are lost. What is finished is
        kept.
    KeyboardInterrupt
        After Ctrl-C, with a message that says how much is finished.

    Examples
    --------
    >>> import numpy as np
    >>> def jump(gap, rate):
    ...     return {"probability": np.exp(-np.pi * gap**2 / (2 * rate))}
    >>> result = sweep(jump, grid={"gap": [0.5, 1.0], "rate": [0.5, 1.0, 2.0]}, vectorised=True)
    >>> result.probability.sel(gap=1.0).round(6).values
    array([0.043214, 0.20788 , 0.455938])
    """
    return compute(
        _read(function, grid, vectorised, zipped, seed, units, output_dims),
        store=store,
        executor=executor,
        chunk_size=chunk_size,
        resume=resume,
        retry_failures=retry_failures,
        progress=progress,
    )


def compute(
    layout: Layout,
    *,
    store: str | os.PathLike[str] | None,
    executor: Any,
    chunk_size: int | None,
    resume: bool,
    retry_failures: bool,
    progress: bool | Progress,
) -> xarray.Dataset:
    """Compute what is missing of a sweep; the arguments are those of `sweep`."""
    size = read_chunk_size(chunk_size)
    check_progress(progress)
    _check_bool("resume", resume)
    _check_bool("retry_failures", retry_failures)
    if retry_failures and (store is None or not resume):
        raise fail("retry_failures", "come with a store to resume", "there is none")
    path = None if store is None else _comparable(store, layout, resume)
    layout.chunks(size)

    def storage() -> Storage:
        if path is not None:
            return ZarrStore(path, layout, size, resume=resume)
        require("xarray", "files", "A sweep")  # before any work
        return Memory(layout, size)

    with _running(layout, storage, executor, store) as (workers, place):
        _Run(place, retry_failures).go(workers, progress)
    return place.dataset()


def stream(
    layout: Layout,
    take: Callable[[ChunkData], None],
    *,
    store: str | os.PathLike[str] | None,
    executor: Any,
    progress: bool | Progress,
) -> None:
    """Compute what is missing of a sweep, and hand on its points one by one, in their order.

    Few are in memory at any moment. What is damaged in the store is computed again.
    """
    path = None if store is None else _comparable(store, layout, resume=True)

    def storage() -> Storage:
        if path is not None:
            return ZarrStore(path, layout, 1, resume=True)
        return Passing(layout, 1, take)

    with _running(layout, storage, executor, store) as (workers, place):
        if path is None:
            _Run(place, retry_failures=True).go(workers, progress)
        else:
            _StoredRun(place, take).go(workers, progress)


def collect(layout: Layout, *, progress: Progress | None) -> Collected:
    """Compute all points in this process, in memory, and return them without a dataset."""
    size = layout.grid.size if layout.target.vectorised else 1
    place = Memory(layout, size)
    _Run(place, retry_failures=False).go(InProcess(), progress or False)
    return place.collected()


@contextlib.contextmanager
def _running(
    layout: Layout, storage: Callable[[], Storage], executor: Any, store: Any
) -> Iterator[tuple[Runner, Storage]]:
    """Yield workers and an open storage; an interrupt says what is kept."""
    with runner(executor, layout.target) as workers:
        place = storage()
        try:
            yield workers, place
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_interrupted(place, store)) from None
        finally:
            place.close()


def _comparable(store: Any, layout: Layout, resume: bool) -> Path:
    """Return the path of a store, if it can be told whether it is that of the same sweep."""
    path = read_path(store)
    if resume and (carried := provenance.unknown(layout.target.identity)):
        raise fail(
            layout.target.argument,
            "carry only what can be compared when its store is resumed"
            + (" (or `resume` be false)" if layout.target.argument == "function" else ""),
            f"it carries an object of the type {carried}",
        )
    return path


class _Run:
    """The loop over the chunks that are missing."""

    def __init__(self, place: Storage, retry_failures: bool) -> None:
        self.place = place
        self.layout: Layout = place.layout
        wanted = np.isin(place.status(), (PENDING, FAILED) if retry_failures else (PENDING,))
        self.total = wanted.size
        self.done = self.total - int(wanted.sum())
        self._wanted = wanted
        chunks = place.chunks
        self.missing = [k for k in range(chunks.count) if wanted[chunks.region(k)].any()]

    def go(self, workers: Runner, progress: bool | Progress) -> None:
        with reporting(progress, self.done, self.total) as report:
            missing = self.missing
            # The first point in the order of the grid that succeeds tells the outputs, whoever is
            # fastest: until one has, chunks are computed a few at a time and entered in order.
            while missing and self.place.schema is None:
                head, missing = missing[: workers.slots], missing[workers.slots :]
                blocks = dict(workers.run(head, self.job))
                for number in head:
                    self.enter(number, blocks.pop(number), report)
            for number, block in workers.run(iter(missing), self.job):
                self.enter(number, block, report)

    def job(self, number: int) -> Job:
        """Return the points of a chunk that are wanted."""
        target, indices = self.layout.target, self._indices(number)
        return Job(
            number,
            target.function,
            target.vectorised,
            self.layout.seed if target.random else None,
            indices,
            self.layout.grid.points(indices),
            target.strict,
        )

    def enter(self, number: int, block: Block, report: Progress) -> ChunkData:
        """Keep a finished chunk, and return it."""
        if block.error is not None:
            raise block.error
        if self.place.schema is None and (schema := schema_of(block)) is not None:
            self.place.begin(schema)
        wanted = self._wanted[self.place.chunks.region(number)]
        positions = np.flatnonzero(wanted)
        if wanted.all():
            data = ChunkData.pending(wanted.size, self.place.schema)
        else:
            data = self.place.read(number)
        data.enter(block, positions, self.place.schema)
        self.place.write(number, data)
        self.done += positions.size
        report(self.done, self.total)
        return data

    def _indices(self, number: int) -> IntArray:
        chunks = self.place.chunks
        return chunks.indices(number)[self._wanted[chunks.region(number)].reshape(-1)]


class _StoredRun(_Run):
    """The same with a store, its chunks handed on in the order of the grid.

    Those that are finished before their turn are read from the store when it comes.
    """

    def __init__(self, place: Storage, take: Callable[[ChunkData], None]) -> None:
        super().__init__(place, retry_failures=True)
        self._take, self._next = take, 0
        self._finished = set(range(place.chunks.count)) - set(self.missing)

    def go(self, workers: Runner, progress: bool | Progress) -> None:
        super().go(workers, progress)
        self._catch_up()

    def enter(self, number: int, block: Block, report: Progress) -> ChunkData:
        self._catch_up()
        data = super().enter(number, block, report)
        if number == self._next:
            self._take(data)
            self._next += 1
        else:
            self._finished.add(number)
        return data

    def _catch_up(self) -> None:
        while self._next in self._finished:
            self._finished.remove(self._next)
            self._take(self._intact(self._next))
            self._next += 1

    def _intact(self, number: int) -> ChunkData:
        """Return a finished chunk of the store, computed again here if it is damaged."""
        try:
            return self.place.read(number)
        except InputError:
            self._wanted[self.place.chunks.region(number)] = True
            return super().enter(number, evaluate(self.job(number)), lambda done, total: None)


def _read(
    function: Any,
    grid: Any,
    vectorised: bool,
    zipped: bool,
    seed: int | None,
    units: Mapping[str, str] | None,
    output_dims: Mapping[str, Sequence[str]] | None,
) -> Layout:
    """Check what is to be computed."""
    for name, flag in (("vectorised", vectorised), ("zipped", zipped)):
        _check_bool(name, flag)
    for name, mapping in (("units", units), ("output_dims", output_dims)):
        if mapping is not None and not isinstance(mapping, Mapping):
            raise fail(name, "be a mapping", f"it is {describe(mapping)}")
    points = read_grid(grid, zipped=zipped, units=units)
    target: Target = target_of(function, points)
    if callable(function):
        dims = {name: tuple(axes) for name, axes in (output_dims or {}).items()}
        target = dataclasses.replace(target, vectorised=vectorised, dims=dims)
    elif vectorised or output_dims:
        named = "vectorised" if vectorised else "output_dims"
        raise fail(named, "be left out for an experiment", "it is given")
    if seed is not None:
        seed = integer("seed", seed, minimum=0)
        if not target.random:
            raise fail("seed", "be left out for a function without `rng`", f"it is {seed}")
    elif target.random:
        raise fail("seed", "be given for a function with `rng`", "it is not")
    return Layout(points, target, seed)


def _check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise fail(name, "be true or false", f"it is {describe(value)}")


def _interrupted(place: Storage, store: Any) -> str:
    """Say what an interrupted sweep leaves."""
    if store is None:
        return "interrupted, and without a store nothing is kept"
    status = place.status()
    done = int((status != PENDING).sum())
    return f"interrupted: {done} of {status.size} points are finished in {store}; resume it"
