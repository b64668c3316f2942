"""Breadth-first panels: the exact propagator whose cost does not depend on how slow the sweep is.

The window of every parameter point ("lane") is cut into panels. All open panels of all lanes go to
the panel kernel in one batch; refused ones are halved and tried again. Panels do not depend on each
other, so there is no step to accumulate and no step limit; at the end the pieces are multiplied in
order. The kernel never calls back: H is evaluated at all nodes of all open panels at once.
"""

from __future__ import annotations

import contextlib
import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl

from anticrossing._threads import processors
from anticrossing.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing.dynamics import _many_level
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES, Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import FunctionHamiltonian

FIRST_PANELS = 8
SMALLEST_TOLERANCE = 2e-13
_MOST_ROUNDS = 70
# Open panels per lane at which a function must be noisy; formulas are smooth, however many periods
# they run through.
_MOST_OPEN_FUNCTION, _MOST_OPEN_FORMULA = 2**14, 2**22
_CHUNK_NUMBERS = 1_000_000  # matrix elements handled at once, which bounds memory
_THREAD_NUMBERS = 20_000  # matrix elements that make another thread worth starting


@dataclass
class Pieces:
    """The accepted panels of all lanes."""

    lane: npt.NDArray[np.intp]
    left: FloatArray
    right: FloatArray
    propagator: npt.NDArray[Any]
    error: FloatArray
    phase: FloatArray


@dataclass(frozen=True)
class Evolution:
    """Propagators of all lanes: to the end, and to every requested time."""

    propagator: npt.NDArray[Any]
    snapshots: npt.NDArray[Any]
    panels: npt.NDArray[np.intp]
    evaluated: int
    rounds: int
    error: FloatArray
    phase: FloatArray


def solve(
    lanes: Lanes,
    kernel: Kernel,
    *,
    tolerance: float,
    breakpoints: FloatArray | None = None,
    times: FloatArray | None = None,
) -> Evolution:
    """Propagate every lane across its window.

    Parameters
    ----------
    lanes : Lanes
        What to propagate.
    kernel : Kernel
        The equation, and how one panel of it is solved.
    tolerance : float
        Bound on the neglected coupling of one panel (an amplitude).
    breakpoints : array, shape (lanes, k), optional
        Times where panels must end; NaN entries and times outside the window are ignored.
    times : array, shape (lanes, k), optional
        Times at which the propagator is wanted, inside the window and increasing.
    """
    lane, left, right = _first_panels(lanes, breakpoints, times)
    accepted: list[Pieces] = []
    evaluated = 0
    function = isinstance(lanes.hamiltonian, FunctionHamiltonian)
    most_open = lanes.count * (_MOST_OPEN_FUNCTION if function else _MOST_OPEN_FORMULA)
    for round_number in range(1, _MOST_ROUNDS + 1):
        evaluated += lane.size
        with _blas_limit():
            pieces, refused = _solve_round(lanes, kernel, lane, left, right, tolerance)
        accepted.extend(pieces)
        if refused.size == 0:
            break
        lane, left, right = lane[refused], left[refused], right[refused]
        if lane.size > most_open:
            where = float(left[np.argmax(np.bincount(lane)[lane])])
            raise ConvergenceError(
                f"H(x(t)) cannot be resolved to this tolerance near t = {where:.6g}: {lane.size} "
                "panels are still open. It may carry numerical noise: give a smoother function or "
                "a larger tolerance."
            )
        middle = left + 0.5 * (right - left)
        stuck = (middle <= left) | (middle >= right) | (round_number == _MOST_ROUNDS)
        if stuck.any():
            where = float(left[stuck][0])
            raise ConvergenceError(
                f"The evolution is not smooth near t = {where:.9g} (position "
                f"{float(np.ravel(lanes.drive(where))[0]):.6g}): give that time as a breakpoint, "
                "or a larger tolerance."
            )
        lane = np.concatenate([lane, lane])
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return _assemble(lanes, kernel, accepted, times, evaluated, round_number)


def end_frames(lanes: Lanes, *, tolerance: float) -> tuple[ComplexArray, ComplexArray, FloatArray]:
    """Return the superadiabatic frames at both ends of every window, and what they leave coupled.

    The frame at an end is the best one over panels of decreasing width that touch it; columns are
    ordered by energy.
    """
    points = grid(MANY_LEVEL_NODES)
    levels = lanes.hamiltonian.dimension
    frames = np.zeros((2, lanes.count, levels, levels), dtype=np.complex128)
    best = np.full((2, lanes.count), np.inf)
    lane = np.arange(lanes.count)
    for halvings in range(1, 40):
        width = (lanes.stop - lanes.start) * 0.5**halvings
        open_ends = best > tolerance
        if not open_ends.any():
            break
        for end, origin in enumerate((lanes.start, lanes.stop - width)):
            todo = lane[open_ends[end]]
            if todo.size == 0:
                continue
            half = 0.5 * width[todo]
            times = (origin[todo] + half)[:, None] + half[:, None] * points.nodes
            solved = _many_level.superadiabatic_frames(
                lanes.matrices(times, todo), half, points, tolerance
            )
            better = solved.residual < best[end, todo]
            side = solved.left if end == 0 else solved.right
            frames[end, todo[better]] = side[better]
            best[end, todo[better]] = solved.residual[better]
    return frames[0], frames[1], best.max(axis=0)


def _first_panels(
    lanes: Lanes, breakpoints: FloatArray | None, times: FloatArray | None
) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
    """Cut every window at its breakpoints, at the requested times, and into a few equal parts."""
    given = [np.broadcast_to(lanes.drive.breakpoints, (lanes.count, lanes.drive.breakpoints.size))]
    given += [cuts for cuts in (breakpoints, times) if cuts is not None]
    cuts = np.concatenate(given, axis=1)
    start, stop = lanes.start[:, None], lanes.stop[:, None]
    if cuts.shape[1] == 0:
        edges = start + (stop - start) * (np.arange(FIRST_PANELS + 1) / FIRST_PANELS)
        edges[:, -1] = lanes.stop
        lane = np.repeat(np.arange(lanes.count), FIRST_PANELS)
        return lane, edges[:, :-1].ravel(), edges[:, 1:].ravel()
    lane_list, left_list, right_list = [], [], []
    inside = (cuts > start) & (cuts < stop)
    for k in range(lanes.count):
        edges = np.unique(np.concatenate([lanes.start[k : k + 1], cuts[k, inside[k]]]))
        edges = np.append(edges, lanes.stop[k])
        parts = max(1, FIRST_PANELS // (edges.size - 1))
        if parts > 1:
            fine = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(parts) / parts)
            edges = np.append(fine.ravel(), edges[-1])
        lane_list.append(np.full(edges.size - 1, k))
        left_list.append(edges[:-1])
        right_list.append(edges[1:])
    return np.concatenate(lane_list), np.concatenate(left_list), np.concatenate(right_list)


def _solve_round(
    lanes: Lanes,
    kernel: Kernel,
    lane: npt.NDArray[np.intp],
    left: FloatArray,
    right: FloatArray,
    tolerance: float,
) -> tuple[list[Pieces], npt.NDArray[np.intp]]:
    """Try all given panels, in chunks that run side by side; return pieces and refused indices."""
    numbers = kernel.grid.size * kernel.size**2
    largest = max(1, _CHUNK_NUMBERS // numbers)
    workers = processors()
    # Enough work for a second thread: a few hundred two-level panels, or a few larger ones.
    chunks = max(-(-lane.size // largest), min(workers, lane.size * numbers // _THREAD_NUMBERS))
    parts = np.array_split(np.arange(lane.size), max(chunks, 1))

    def one(part: npt.NDArray[np.intp]) -> tuple[Pieces, npt.NDArray[np.bool_]]:
        return _solve_chunk(lanes, kernel, lane[part], left[part], right[part], tolerance)

    if len(parts) == 1 or workers == 1:
        results = [one(part) for part in parts]
    else:
        with ThreadPoolExecutor(workers) as pool:
            results = list(pool.map(one, parts))
    refused = np.concatenate([part[~ok] for part, (_, ok) in zip(parts, results, strict=True)])
    return [pieces for pieces, _ in results], refused


def _solve_chunk(
    lanes: Lanes,
    kernel: Kernel,
    lane: npt.NDArray[np.intp],
    left: FloatArray,
    right: FloatArray,
    tolerance: float,
) -> tuple[Pieces, npt.NDArray[np.bool_]]:
    half = 0.5 * (right - left)
    times = (left + half)[:, None] + half[:, None] * kernel.grid.nodes
    # The first and last node are panel edges: exactly the same time in both neighbours.
    times[:, 0], times[:, -1] = left, right
    solved = kernel.solve(lanes, times, lane, half, tolerance)
    accepted = solved.accepted
    pieces = Pieces(
        lane[accepted],
        left[accepted],
        right[accepted],
        solved.propagator[accepted],
        solved.error[accepted],
        solved.phase[accepted],
    )
    return pieces, accepted


def _assemble(
    lanes: Lanes,
    kernel: Kernel,
    accepted: list[Pieces],
    times: FloatArray | None,
    evaluated: int,
    rounds: int,
) -> Evolution:
    """Multiply the pieces of every lane in order, noting the product at the requested times."""
    lane = np.concatenate([p.lane for p in accepted])
    left = np.concatenate([p.left for p in accepted])
    order = np.lexsort((left, lane))
    lane = lane[order]
    right = np.concatenate([p.right for p in accepted])[order]
    pieces = np.concatenate([p.propagator for p in accepted])[order]
    count = np.bincount(lane, minlength=lanes.count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])

    identity = np.eye(kernel.size, dtype=pieces.dtype)
    product = np.tile(identity, (lanes.count, 1, 1))
    wanted = np.empty((lanes.count, 0)) if times is None else times
    snapshots = np.empty((*wanted.shape, kernel.size, kernel.size), dtype=pieces.dtype)
    snapshots[wanted == lanes.start[:, None]] = identity
    for step in range(int(count.max())):
        active = np.flatnonzero(count > step)
        index = first[active] + step
        product[active] = pieces[index] @ product[active]
        if wanted.shape[1]:
            row, column = np.nonzero(wanted[active] == right[index][:, None])
            snapshots[active[row], column] = product[active[row]]
    product, snapshots = kernel.finish(product), kernel.finish(snapshots)

    def total(values: list[FloatArray]) -> FloatArray:
        return np.bincount(lane, np.concatenate(values)[order], lanes.count).astype(np.float64)

    error, phase = total([p.error for p in accepted]), total([p.phase for p in accepted])
    return Evolution(product, snapshots, count, evaluated, rounds, error, phase)


@functools.cache
def _blas_controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def _blas_limit() -> contextlib.AbstractContextManager[Any]:
    """Keep BLAS to one thread: the matrices are small, and our own threads share the cores."""
    return _blas_controller().limit(limits=1, user_api="blas")
