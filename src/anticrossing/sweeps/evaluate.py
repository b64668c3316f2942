"""Computing one chunk, here or in another process: values where it works, reasons where not."""

from __future__ import annotations

import dataclasses
import functools
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import describe
from anticrossing._core.threads import one_thread
from anticrossing.sweeps.grid import MOST_AXES, IntArray, Values

Outputs = dict[str, npt.NDArray[Any]]
OUTPUT = "value"
"""The name of what a function returns that gives it none."""
_LONGEST_REASON = 500


@dataclass(frozen=True, eq=False)
class Job:
    """The points of one chunk, with all that is needed to compute them anywhere."""

    number: int
    function: Any  # callable, or None on the way to a worker that knows it
    vectorised: bool
    seed: int | None
    indices: IntArray
    points: Mapping[str, Values]
    strict: bool = False

    def without_function(self) -> Job:
        """Return the job for a worker that has been given the function."""
        return dataclasses.replace(self, function=None)


@dataclass(frozen=True, eq=False)
class Group:
    """Points whose outputs have the same names and shapes: `values` are arrays (n, …)."""

    positions: IntArray
    values: Outputs


@dataclass(frozen=True, eq=False)
class Block:
    """What came out of a job; positions count its points from 0."""

    groups: Sequence[Group]
    failures: Mapping[int, str]
    error: BaseException | None = None
    """What ends the sweep, if a failure does."""


def evaluate(job: Job) -> Block:
    """Compute a chunk."""
    with one_thread:  # the results of BLAS depend on how many it has
        return _vectorised(job) if job.vectorised else _one_by_one(job)


def evaluate_pickled(function: bytes, job: Job) -> Block:
    """Compute a chunk with a function that this process reads once, and not for every chunk."""
    return evaluate(dataclasses.replace(job, function=_loaded(function)))


@functools.lru_cache(maxsize=4)
def _loaded(function: bytes) -> Callable[..., Any]:
    return pickle.loads(function)


def _vectorised(job: Job) -> Block:
    size = job.indices.size
    try:
        return Block([Group(np.arange(size), _call_many(job, slice(0, size)))], {})
    except _failures():  # which point is to blame is found out below
        return _one_by_one(job)


def _failures() -> tuple[type[BaseException], ...]:
    """What ends a point and not the sweep; asked, and asyncio imported, when something failed."""
    import asyncio

    return (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)


def _one_by_one(job: Job) -> Block:
    found: dict[tuple[Any, ...], list[tuple[int, Outputs]]] = {}
    failures = {}
    for k in range(job.indices.size):
        try:
            if job.vectorised:
                many = _call_many(job, slice(k, k + 1))
                outputs = {name: array[0] for name, array in many.items()}
            else:
                outputs = _call_one(job, k)
        except _failures() as error:
            if job.strict:
                return Block([], {}, error)
            failures[k] = reason(error)
        else:
            kind = tuple((name, a.shape, a.dtype.kind) for name, a in sorted(outputs.items()))
            found.setdefault(kind, []).append((k, outputs))
    groups = []
    for rows in found.values():
        names = rows[0][1]
        values = {name: np.stack([outputs[name] for _, outputs in rows]) for name in names}
        groups.append(Group(np.array([k for k, _ in rows], dtype=np.int64), values))
    return Block(groups, failures)


def _call_one(job: Job, k: int) -> Outputs:
    arguments = {name: values[k].item() for name, values in job.points.items()}
    if job.seed is not None:
        arguments["rng"] = _generator(job.seed, job.indices[k])
    return _outputs(job.function(**arguments))


def _call_many(job: Job, part: slice) -> Outputs:
    arguments: dict[str, Any] = {name: values[part].copy() for name, values in job.points.items()}
    if job.seed is not None:
        arguments["rng"] = [_generator(job.seed, index) for index in job.indices[part]]
    outputs = _outputs(job.function(**arguments))
    size = len(job.indices[part])
    for name, array in outputs.items():
        if array.ndim == 0 or array.shape[0] != size:
            raise ValueError(
                f"the output `{name}` for {size} points must have {size} as its first dimension, "
                f"but its shape is {array.shape}"
            )
    return outputs


def _generator(seed: int, index: Any) -> np.random.Generator:
    """Return the generator of a point: it depends on the seed and the point, nothing else."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(index),)))


def _outputs(result: Any) -> Outputs:
    """Return what a function gave as named arrays of float64 or complex128."""
    named = result if isinstance(result, Mapping) else {OUTPUT: result}
    if not named:
        raise ValueError("the function returned nothing")
    outputs = {}
    for name, value in named.items():
        if not isinstance(name, str):
            raise TypeError(f"an output must have a name, but one is {describe(name)}")
        if np.ma.is_masked(value):
            raise ValueError(f"the output `{name}` must hold numbers, but some of it is masked")
        array = np.asarray(value)
        if array.ndim > MOST_AXES:
            raise ValueError(
                f"the output `{name}` must have at most {MOST_AXES} axes, but it has {array.ndim}"
            )
        if array.dtype.kind not in "biufc":
            kind = type(value).__name__
            raise TypeError(f"the output `{name}` must hold numbers, but it is of type {kind}")
        outputs[name] = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return outputs


def reason(error: BaseException) -> str:
    """Return an exception as one line that is the same in every process, and fits into a file."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - one that cannot even say what is wrong
        said = ""
    text = " ".join(f"{type(error).__name__}: {said}".split()).rstrip(": ")
    plain = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    text = "".join(plain)
    text = re.sub(r"\b0x[0-9a-f]{6,}", "0x…", text)
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"
