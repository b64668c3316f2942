"""An ensemble as a sweep over its batches, each of which gives arrays of one and the same shape."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.molecules.electronic.base import ElectronicStates
from anticrossing.molecules.trajectories import _chunks, _state
from anticrossing.molecules.trajectories._chunks import Chunk
from anticrossing.molecules.trajectories.request import Request
from anticrossing.sweeps import provenance
from anticrossing.sweeps.grid import read_grid
from anticrossing.sweeps.layout import Layout
from anticrossing.sweeps.target import Target

_FREE = ("threads", "hamiltonian")  # what may differ, or is compared by its content
_OUTPUTS = {
    "sums": ("block", "output", "observable"),
    "squares": ("block", "output", "observable"),
    "kept": ("kept_trajectory", "output", "recorded"),
    "position": ("trajectory", "coordinate"),
    "momentum": ("trajectory", "coordinate"),
    "weights": ("trajectory", "state"),
    "ends": ("trajectory", "end"),
    "log": ("trajectory", "event", "logged"),
}
_ENDS = ("level", "steps", "events", "seed_above", "seed_below", "drift")
_ON_THE_FLY = (*_ENDS, "stopped")
_HALF = np.uint64(2**32)


class Batches:
    """Computes the batches of an ensemble by their number; it can be sent to other processes."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __getstate__(self) -> dict[str, Any]:
        return {"request": self.request}  # machine code stays where it is

    @functools.cached_property
    def compiled(self) -> Any:
        """Machine code for H, or None where it has no formula."""
        if isinstance(self.request.hamiltonian, ElectronicStates):
            return None
        x, _, _ = _chunks.draw_starts(self.request, 0, _state.BLOCK)
        return _chunks.compiled_form(self.request, x)

    @property
    def _ends(self) -> tuple[str, ...]:
        on_the_fly = isinstance(self.request.hamiltonian, ElectronicStates)
        return _ON_THE_FLY if on_the_fly else _ENDS

    @property
    def count(self) -> int:
        """The number of batches."""
        return -(-self.request.count // self.request.batch)

    def range(self, batch: int) -> tuple[int, int]:
        """Return the first trajectory of a batch, and the one after its last."""
        first = batch * self.request.batch
        return first, min(first + self.request.batch, self.request.count)

    def __call__(self, batch: int) -> dict[str, FloatArray]:
        """Follow the trajectories of a batch; rows that it does not have are NaN."""
        request, (first, last) = self.request, self.range(batch)
        starts = _chunks.draw_starts(request, first, last)
        chunk = _chunks.run_chunk(request, self.compiled, first, starts)
        # As numbers of floating point, integers up to 2⁵³ are exact.
        chunk["seed_above"], chunk["seed_below"] = np.divmod(chunk["seeds"], _HALF)
        chunk["ends"] = np.stack([chunk[name] for name in self._ends], axis=-1)
        size = min(request.batch, request.count)
        rows = {
            "sums": -(-size // _state.BLOCK),
            "squares": -(-size // _state.BLOCK),
            "kept": min(request.keep, size),
        }
        found = {name: _padded(chunk[name], rows.get(name, size)) for name in _OUTPUTS}
        return {name: array for name, array in found.items() if array.size}

    def chunk(self, batch: int, values: Mapping[str, FloatArray]) -> Chunk:
        """Return a batch as it was computed, from arrays (…) as they are kept."""
        first, last = self.range(batch)
        size = last - first
        blocks, kept = -(-size // _state.BLOCK), min(max(self.request.keep - first, 0), size)
        rows = {"sums": blocks, "squares": blocks, "kept": kept}
        chunk: Chunk = {name: array[: rows.get(name, size)] for name, array in values.items()}
        ends = dict(zip(self._ends, chunk.pop("ends").T, strict=True))
        chunk["drift"] = ends.pop("drift")
        chunk["seeds"] = ends.pop("seed_above").astype(np.uint64) * _HALF
        chunk["seeds"] += ends.pop("seed_below").astype(np.uint64)
        chunk |= {name: array.astype(np.int64) for name, array in ends.items()}
        log = self._whole_log(batch, chunk.pop("log", np.zeros((size, 0, 5))), chunk["events"])
        noted = np.minimum(chunk["events"], log.shape[1])
        entries = log[np.arange(log.shape[1]) < noted[:, np.newaxis]]
        chunk["log_trajectory"] = first + np.repeat(np.arange(size), noted)
        chunk["log_numbers"], chunk["log_codes"] = entries[:, :2], entries[:, 2:].astype(np.int64)
        columns = 2 * chunk["position"].shape[1] + chunk["weights"].shape[1] + 3
        chunk.setdefault("kept", np.zeros((0, self.request.outputs, columns)))
        return chunk

    def _whole_log(self, batch: int, log: FloatArray, events: FloatArray) -> FloatArray:
        """Return the log (T, L, 5) with room for all hops, if that is wanted.

        Trajectories that had more are followed a second time: their random numbers are the same.
        """
        request, room = self.request, int(events.max(initial=0))
        on_the_fly = isinstance(request.hamiltonian, ElectronicStates)
        if request.log is not None or room <= request.room or on_the_fly:
            return log
        again = np.flatnonzero(events > request.room)
        x, p, seeds = _chunks.draw_starts(request, *self.range(batch))
        starts = x[again], p[again], seeds[again]
        found = np.full((len(log), room, 5), np.nan)
        found[:, : request.room] = log
        # From `count` on there is nothing to keep but the log.
        rerun = _chunks.run_chunk(request, self.compiled, request.count, starts, room=room)
        found[again] = rerun["log"]
        return found

    def layout(self, stored: bool) -> Layout:
        """Return the sweep over the batches; what it depends on only a store has to know."""
        given = {"kept": self.request.keep, "log": self.request.room}
        target = Target(
            function=self,
            identity=self._identity() if stored else {},
            strict=True,
            argument="hamiltonian",
            dims={name: dims for name, dims in _OUTPUTS.items() if given.get(name, 1)},
            labels={"end": self._ends},
            attributes={"function": _NAME},
        )
        grid = read_grid({"batch": np.arange(self.count)}, zipped=False, units=None)
        return Layout(grid, target, seed=None)

    def _identity(self) -> dict[str, str]:
        """Return everything the results depend on."""
        H = self.request.hamiltonian
        found = {"the function": _NAME, "`hamiltonian`": repr(H)}
        for field in fields(self.request):
            if field.name in _FREE:
                continue
            value = getattr(self.request, field.name)
            if field.name == "initial":
                parts = {name: np.asarray(part).tolist() for name, part in vars(value).items()}
                value = f"{type(value).__name__} {parts}"
            elif isinstance(value, np.ndarray):
                value = value.tolist()
            found[f"`{field.name}`"] = str(value)
        return {**found, "the content of `hamiltonian`": provenance.digest(H)}


_NAME = "anticrossing.molecules.trajectories.run_trajectories"


def _padded(array: Any, rows: int) -> FloatArray:
    """Return an array as numbers of floating point with so many rows; those that lack are NaN."""
    if len(array) == rows and array.dtype == np.float64:
        return array
    found = np.full((rows, *array.shape[1:]), np.nan)
    found[: len(array)] = array
    return found
