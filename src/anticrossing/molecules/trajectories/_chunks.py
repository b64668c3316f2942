"""One chunk of an ensemble: draw its starts, run the kernels on threads, collect what is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, describe, fail
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian, check_finite_hermitian
from anticrossing.hamiltonian._compiled import (
    CompiledHamiltonian,
    Structure,
    compile_terms,
    structure,
)
from anticrossing.hamiltonian.functions import FunctionHamiltonian
from anticrossing.molecules.electronic.base import ElectronicStates
from anticrossing.molecules.trajectories import _state, _tracing
from anticrossing.molecules.trajectories._on_the_fly import NOT_STOPPED, Frames
from anticrossing.molecules.trajectories.request import Request

Chunk = dict[str, npt.NDArray[Any]]


Starts = tuple[FloatArray, FloatArray, npt.NDArray[np.uint64]]


def check_starts(request: Request) -> None:
    """Raise `InputError` if a trajectory starts outside of the box, or H is of no use there."""
    low, high = request.box
    bounded = np.isfinite(request.box).any()
    differ = np.any(request.initial.spread(request.masses)[0])
    for first in range(0, (request.count if differ else 1) if bounded else 0, request.batch):
        x, _, _ = draw_starts(request, first, first + request.batch)
        outside = np.flatnonzero(np.any((x < low) | (x > high), axis=-1))
        if outside.size:
            raise fail(
                "box",
                "hold all starting points",
                f"trajectory {first + outside[0]} starts at {describe(x[outside[0]])}",
            )
    x, _, _ = draw_starts(request, 0, _state.BLOCK)
    if isinstance(request.hamiltonian, ElectronicStates):
        request.hamiltonian.at(x[0])  # every point costs, and each is checked when it comes
        return
    where = x if len(request.hamiltonian.coordinates) > 1 else x[:, 0]
    check_finite_hermitian(request.hamiltonian(where), where)


def draw_starts(request: Request, first: int, last: int) -> Starts:
    """Return positions and momenta (T, f) and seeds (T,) of trajectories `first` to `last` − 1.

    There are no more than the ensemble has; `first` begins a block.
    """
    # A counter-based generator: every block has its own stretch of one stream.
    key = np.random.SeedSequence(request.seed).generate_state(2, np.uint64)
    size, last = _state.BLOCK, min(last, request.count)
    blocks = range(first // size, -(-last // size))
    normal = np.empty((len(blocks), size, 2, request.masses.size))
    seeds = np.empty((len(blocks), size), dtype=np.uint64)
    counter = np.random.Philox(key=key)
    generator, start = np.random.Generator(counter), counter.state
    for k, block in enumerate(blocks):
        start["state"]["counter"][2] = block
        counter.state = start  # in a third of the time that another generator takes
        seeds[k] = counter.random_raw(size)
        generator.standard_normal(out=normal[k])
    drawn = normal.reshape(-1, *normal.shape[2:])[: last - first]
    x, p = request.initial.place(request.masses, drawn)
    return x, p, seeds.reshape(-1)[: last - first]


def compiled_form(request: Request, points: FloatArray) -> CompiledHamiltonian | None:
    """Return machine code for H, or None where it has no formula."""
    H = request.hamiltonian
    if isinstance(H, TermHamiltonian):
        return compile_terms(H)
    if isinstance(H, FunctionHamiltonian):
        # Both sides of the origin, where formulas often change, and where it starts.
        trial = np.random.default_rng(0).uniform(-1.0, 1.0, (8, points.shape[1]))
        return _tracing.compile_function(H, np.concatenate([trial, 8 * trial, points]))
    return None


def run_chunk(
    request: Request,
    compiled: CompiledHamiltonian | None,
    first: int,
    starts: Starts,
    room: int | None = None,
) -> Chunk:
    """Return everything about the trajectories from `first` on that start as given.

    Their log has `room`, by default that of the request.
    """
    x, p, seeds = starts
    form = structure_of_elements(request.hamiltonian, x) if compiled is None else compiled.structure
    state, records = _state.allocate(
        form,
        x,
        p / request.masses,
        seeds,
        outputs=request.outputs,
        kept=min(max(request.keep - first, 0), len(x)),
        log=request.room if room is None else room,
        decoherence=_state.DECOHERENCE[request.decoherence or "none"],
    )
    values = np.zeros(1) if compiled is None else compiled.parameters
    model = _state.model(
        form, values, request.masses, request.thermostat, request.stiffness, request.box,
        known=compiled is not None,
    )  # fmt: skip
    # A division by zero in a formula leaves NaN, which is reported below.
    stopped = np.zeros(len(x), dtype=np.int64)
    with ThreadPoolExecutor(request.threads) as pool:
        spread = _Spread(pool, request.threads, len(x))
        try:
            if compiled is None:
                stopped = _lock_step(request, state, model, records, spread)
            else:
                from anticrossing.molecules.trajectories import _kernel

                fill, options = compiled.fill, request.options()
                spread(lambda a, b: _kernel.run(fill, state, model, options, records, a, b))
        except BaseException:
            # An interrupt: the pool waits for its threads, which leave when there is no more to do.
            pool.shutdown(wait=False, cancel_futures=True)
            state.whole[:, _state.ENDED] = 1
            raise
    return _collect(request, state, records, first) | {"stopped": stopped}


class _Spread:
    """Calls a compiled function, which releases the interpreter, on pieces of whole blocks."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int, count: int) -> None:
        blocks = -(-count // _state.BLOCK)
        pieces = min(blocks, 1 if threads == 1 else 4 * threads)
        edges = [min(_state.BLOCK * (blocks * k // pieces), count) for k in range(pieces + 1)]
        self._pool = pool
        self._pieces = list(itertools.pairwise(edges))

    def __call__(self, function: Callable[[int, int], Any]) -> None:
        for future in [self._pool.submit(function, a, b) for a, b in self._pieces]:
            future.result()


def structure_of_elements(hamiltonian: Hamiltonian | ElectronicStates, x: FloatArray) -> Structure:
    """Return the structure whose coefficients are the elements of H themselves."""
    n = hamiltonian.dimension
    units: list[complex] = [1.0]
    if not isinstance(hamiltonian, ElectronicStates):  # those are real
        several = len(hamiltonian.coordinates) > 1
        if np.iscomplexobj(hamiltonian(x if several else x[:, 0])):
            units = [1.0, 1j]
    matrices = []
    for unit in units:
        for i in range(n):
            for j in range(i if unit == 1.0 else i + 1, n):
                matrix = np.zeros((n, n), dtype=type(units[-1]))
                matrix[i, j] = unit
                matrices.append(matrix)
    places = np.indices((len(matrices), x.shape[1])).reshape(2, -1)
    return structure(matrices, places[0].astype(np.int64), places[1].astype(np.int64))


def _elements(matrices: npt.NDArray[Any]) -> FloatArray:
    """Return the elements (…, K) of Hermitian matrices in the order of `structure_of_elements`."""
    n = matrices.shape[-1]
    upper = np.triu_indices(n)
    found = [matrices[..., upper[0], upper[1]].real]
    if np.iscomplexobj(matrices):
        above = np.triu_indices(n, 1)
        found.append(matrices[..., above[0], above[1]].imag)
    return np.concatenate(found, axis=-1)


def _lock_step(
    request: Request,
    state: _state.State,
    model: _state.Model,
    records: _state.Records,
    spread: _Spread,
) -> npt.NDArray[np.int64]:
    """Move all trajectories together, H evaluated for all of them at once.

    Returns why each was stopped before its time (0: it was not).
    """
    from anticrossing.molecules.trajectories import _kernel

    options = request.options()
    evaluate, stopped = _evaluation(request, state)
    step, again, moving = 0, False, np.ones(len(state.motion), dtype=bool)
    while step <= request.steps:
        if step > 0:
            spread(partial(_kernel.drift, state, model, options, again))
        if not np.isfinite(state.motion[:, 0]).all():
            break  # `_collect` says so
        values, gradients = evaluate(moving)
        state.whole[stopped != NOT_STOPPED, _state.ENDED] = 1
        state.coefficients[moving] = _elements(values)
        slopes = _elements(gradients)  # (T, f, K)
        state.slopes[moving] = slopes.swapaxes(1, 2).reshape(len(values), -1)
        spread(partial(_kernel.complete, state, model, options, records, step, again))
        moving = state.whole[:, _state.STAGE] != _state.WHOLE  # a hop divides the step
        again = bool(moving.any())
        if not again:
            step, moving = step + 1, ~moving
    return stopped


def _evaluation(
    request: Request, state: _state.State
) -> tuple[
    Callable[[npt.NDArray[np.bool_]], tuple[npt.NDArray[Any], npt.NDArray[Any]]],
    npt.NDArray[np.int64],
]:
    """Return what gives H and its gradient at the points of some, and who has to stop."""
    H, count = request.hamiltonian, len(state.motion)
    if isinstance(H, ElectronicStates):
        frames = Frames(H, count)

        def follow(some: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
            running = some & (state.whole[:, _state.ENDED] == 0)
            values, slopes = frames.move(state.motion[:, 0], running)
            return values[some], slopes[some]

        return follow, frames.stopped
    several = len(H.coordinates) > 1

    def evaluate(some: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        x = state.motion[some, 0, :] if several else state.motion[some, 0, 0]
        points, parameters, _ = H.flat_points(x)
        return H.evaluate(points, parameters), H.evaluate_gradient(points, parameters)

    return evaluate, np.zeros(count, dtype=np.int64)


def _collect(request: Request, state: _state.State, records: _state.Records, first: int) -> Chunk:
    drift = state.energy[:, _state.DRIFT]
    bad = np.flatnonzero(~np.isfinite(drift))
    if bad.size:
        raise ConvergenceError(
            f"Trajectory {first + bad[0]} ran into NaN or infinity after "
            f"{state.whole[bad[0], _state.STEPS]} steps at most: H may not be finite where it "
            "went; bound the motion with `box`, or shorten `step`."
        )
    return {
        "sums": records.sums,
        "squares": records.squares,
        "kept": records.kept,
        "position": state.motion[:, 0],
        "momentum": state.motion[:, 1] * request.masses,
        "level": state.whole[:, _state.ACTIVE],
        "steps": state.whole[:, _state.STEPS],
        "events": state.whole[:, _state.EVENTS],
        "weights": np.abs(state.waves[:, 0]) ** 2,
        "drift": drift,
        "seeds": state.stream[:, 0],
        "log": state.log,
    }
