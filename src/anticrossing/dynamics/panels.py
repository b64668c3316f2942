"""Breadth-first panels: the exact propagator whose cost does not depend on how slow the sweep is.

The window of every parameter point ("lane") is cut into panels. All open panels of all lanes go to
the panel kernel in one batch; refused ones are halved and tried again. Panels do not depend on each
other, so there is no step to accumulate and no step limit; at the end the pieces are multiplied in
order. The kernel never calls back: H is evaluated at all nodes of all open panels at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.memory import keep_memory
from anticrossing._core.threads import one_thread, processors
from anticrossing.dynamics import between_nodes, features
from anticrossing.dynamics.between_nodes import Checks
from anticrossing.dynamics.kernels import Kernel, PanelResults
from anticrossing.dynamics.lanes import Lanes, refuse_large

SUPERADIABATIC = "superadiabatic panels"
SMALLEST_TOLERANCE = 2e-13
_MOST_ROUNDS = 70
_LATE_ROUND, _LARGEST_PHASE, _MANY_OPEN = 8, 1e100, 1024
# Open panels per lane at which a function must be noisy; formulas are smooth, however many periods
# they run through.
_MOST_OPEN_FUNCTION, _MOST_OPEN_FORMULA = 2**14, 2**22
ROUNDING = 4e-16  # that the product of two panels adds
_UNIT = 1.1e-16
LARGEST_DEFECT = 1e-6
_CHUNK_NUMBERS = 1_000_000  # matrix elements handled at once, which bounds memory
_LARGE, _LARGE_CHUNK_NUMBERS = 16, 250_000  # of large matrices: they stay near the processor
_THREAD_NUMBERS = 20_000  # matrix elements that make another thread worth starting


@dataclass
class Pieces:
    """The accepted panels of all lanes; for `shifted` see `PanelResults`."""

    lane: npt.NDArray[np.intp]
    left: FloatArray
    right: FloatArray
    propagator: npt.NDArray[Any]
    error: FloatArray
    phase: FloatArray
    shifted: npt.NDArray[Any] | None = None

    def at(self, places: npt.NDArray[np.intp]) -> Pieces:
        """Return the pieces at some places, in arrays of the shape of `places`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        found: dict[str, Any] = {k: v if v is None else v[places] for k, v in values.items()}
        return Pieces(**found)

    @classmethod
    def in_order(cls, accepted: list[Pieces]) -> Pieces:
        """Return all pieces in order of lanes and time."""
        if any(p.shifted is not None for p in accepted):
            for p in accepted:
                p.shifted = p.propagator if p.shifted is None else p.shifted
        names = [f.name for f in fields(cls) if getattr(accepted[0], f.name) is not None]
        joined = {name: np.concatenate([getattr(p, name) for p in accepted]) for name in names}
        order = np.lexsort((joined["left"], joined["lane"]))
        return cls(**{name: values[order] for name, values in joined.items()})


@dataclass(frozen=True)
class Evolution:
    """Propagators of all lanes: to the end, and to every requested time.

    `shifted` is what the propagator to the end may be as well, where that was tried. `applied` ones
    are times some columns. `unknown` is what the last digits of H add up to over the window, where
    large terms cancel in it. All levels share `common` of the phase.
    """

    propagator: npt.NDArray[Any]
    snapshots: npt.NDArray[Any]
    panels: npt.NDArray[np.intp]
    evaluated: int
    rounds: int
    error: FloatArray
    phase: FloatArray
    pieces: Pieces
    method: str = SUPERADIABATIC
    steps: npt.NDArray[np.intp] | None = None
    shifted: npt.NDArray[Any] | None = None
    applied: bool = False
    unknown: FloatArray | None = None
    common: FloatArray | float = 0.0

    def applied_to(self, columns: ComplexArray) -> Evolution:
        """Return the same with the propagators times columns (lanes, N, C)."""
        return replace(
            self,
            propagator=self.propagator @ columns,
            shifted=None if self.shifted is None else self.shifted @ columns,
            snapshots=self.snapshots @ columns[:, None],
            applied=True,
        )


def solve(
    lanes: Lanes,
    kernel: Kernel,
    *,
    tolerance: float,
    breakpoints: FloatArray | None = None,
    times: FloatArray | None = None,
    tried: Pieces | None = None,
) -> Evolution:
    """Propagate every lane across its window.

    Parameters
    ----------
    lanes : Lanes
        What to propagate.
    kernel : Kernel
        The equation, and how one panel is solved.
    tolerance : float
        Bound on the neglected coupling of one panel (an amplitude).
    breakpoints : array, shape (lanes, k), optional
        Times where panels must end; NaN entries and times outside the window are ignored.
    times : array, shape (lanes, k), optional
        Times at which the propagator is wanted, inside the window and increasing.
    tried : Pieces, optional
        Panels to begin with, that another kernel has accepted for the same window and times.
    """
    refuse_large(lanes.hamiltonian)
    keep_memory()
    if tried is not None:
        lane, left, right = tried.lane, tried.left, tried.right
    else:
        wanted = [breakpoints, times, features.find(lanes, kernel.formulas)]
        lane, left, right = first_panels(lanes, wanted, kernel.first_panels)
        lane, left, right = kernel.graded(lanes, lane, left, right, tolerance)
    accepted: list[Pieces] = []
    evaluated, done, windows = 0, 0.0, lanes.stop - lanes.start
    function = lanes.is_function
    most_open = lanes.count * (_MOST_OPEN_FUNCTION if function else _MOST_OPEN_FORMULA)
    checks = Checks.of(lanes, kernel, lane, left, right)
    for round_number in range(1, _MOST_ROUNDS + 1):
        evaluated += lane.size
        with one_thread:
            pieces, refused = _solve_round(lanes, kernel, lane, left, right, tolerance, checks)
        accepted.extend(pieces)
        done += sum(float(np.sum((p.right - p.left) / windows[p.lane])) for p in pieces)
        lanes.tell(done / lanes.count)
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
        if round_number == _LATE_ROUND or lane.size > _MANY_OPEN * lanes.count:
            _check_phases(lanes, lane, left, right)
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


def _check_phases(
    lanes: Lanes, lane: npt.NDArray[np.intp], left: FloatArray, right: FloatArray
) -> None:
    """Refuse phases that no halving helps: their squares leave the range of doubles."""
    # Also phases of many open panels that are not known to a tenth of a radian, as for levels that
    # are degenerate but for a common energy in which a double tells no distance.
    phase = phases(lanes, lane, np.stack([left, right], axis=1))
    if lane.size > _MANY_OPEN * lanes.count and _UNIT * phase.sum() > 0.1 * lanes.count:
        raise ConvergenceError(
            f"H times the length of the window is too large: of {np.sum(phase):.1g} rad in "
            f"{lane.size} panels that are still open nothing is known. Give a shorter window."
        )
    if not np.all(phase < _LARGEST_PHASE):
        raise ConvergenceError(
            f"H times the length of the window is too large: a phase of {np.max(phase):.1g} rad "
            "cannot be followed. Give a shorter window."
        )


def phases(lanes: Lanes, lane: npt.NDArray[np.intp], times: FloatArray) -> FloatArray:
    """Return the largest element of H at increasing `times` (k, n), times their span."""
    with np.errstate(over="ignore", invalid="ignore"):
        h = np.max(np.abs(lanes.traceless(times, lane)), axis=(1, 2, 3))
        return np.asarray(h * (times[:, -1] - times[:, 0]))


def first_panels(
    lanes: Lanes, wanted: list[FloatArray | None], count: int
) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
    """Cut every window at breakpoints, at requested times, and into a few equal parts."""
    given = [lanes.breakpoints]
    given += [cuts for cuts in wanted if cuts is not None]
    if count == 1 and not any(cuts.shape[1] for cuts in given):
        return np.arange(lanes.count), lanes.start, lanes.stop
    cuts = np.concatenate(given, axis=1)
    start, stop = lanes.start[:, None], lanes.stop[:, None]
    if cuts.shape[1] == 0:
        edges = start + (stop - start) * (np.arange(count + 1) / count)
        edges[:, -1] = lanes.stop
        lane = np.repeat(np.arange(lanes.count), count)
        return lane, edges[:, :-1].ravel(), edges[:, 1:].ravel()
    lane_list, left_list, right_list = [], [], []
    inside = (cuts > start) & (cuts < stop)
    for k in range(lanes.count):
        edges = np.unique(np.concatenate([lanes.start[k : k + 1], cuts[k, inside[k]]]))
        edges = np.append(edges, lanes.stop[k])
        parts = max(1, count // (edges.size - 1))
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
    checks: Checks,
) -> tuple[list[Pieces], npt.NDArray[np.intp]]:
    """Try all given panels, in chunks that run side by side; return pieces and refused indices."""
    numbers = kernel.grid.size * kernel.size**2
    largest = max(1, (_CHUNK_NUMBERS if kernel.size < _LARGE else _LARGE_CHUNK_NUMBERS) // numbers)
    workers = processors()
    # Enough work for a second thread: a few hundred two-level panels, or a few larger ones.
    several = int(lane.size * numbers * kernel.effort) // _THREAD_NUMBERS
    chunks = max(-(-lane.size // largest), min(workers, several, lane.size))
    parts = np.array_split(np.arange(lane.size), max(chunks, 1))

    def one(part: npt.NDArray[np.intp]) -> tuple[Pieces, npt.NDArray[np.bool_]]:
        return _solve_chunk(lanes, kernel, lane[part], left[part], right[part], tolerance, checks)

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
    checks: Checks,
) -> tuple[Pieces, npt.NDArray[np.bool_]]:
    lanes = lanes.remembering()
    half = 0.5 * (right - left)
    times = (left + half)[:, None] + half[:, None] * kernel.grid.nodes
    # The first and last node are panel edges: exactly the same time in both neighbours.
    times[:, 0], times[:, -1] = left, right
    noise = checks.noise(lanes, kernel, times, lane, half)
    allowed = np.maximum(tolerance, noise)
    # Panels on which H itself is known less well than the tolerance are solved as well as it is.
    grade = np.ceil(np.log10(allowed / tolerance) - 1e-9).astype(np.int64)
    if not grade.any():
        solved = kernel.solve(lanes, times, lane, half, tolerance)
    else:
        solved = PanelResults.empty(lane.size, kernel)
        for step in np.unique(grade):
            rows = np.flatnonzero(grade == step)
            bound = tolerance * 10.0**step
            solved.put(rows, kernel.solve(lanes, times[rows], lane[rows], half[rows], bound))
    # What the nodes do not know is left open, however little couples.
    solved.error += np.where(grade > 0, tolerance * 10.0**grade, noise)
    accepted = solved.accepted & np.isfinite(solved.propagator.reshape(lane.size, -1)).all(axis=1)
    if any(checks.probes) and accepted.any():
        rows = np.flatnonzero(accepted)
        seen, missed = between_nodes.seen(
            lanes, kernel, times[rows], lane[rows], half[rows], allowed[rows], checks.probes
        )
        accepted[rows[~seen]] = False
        solved.error[rows] += missed
    pieces = Pieces(
        lane[accepted],
        left[accepted],
        right[accepted],
        solved.propagator[accepted],
        solved.error[accepted],
        solved.phase[accepted],
        None if solved.shifted is None else solved.shifted[accepted],
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
    pieces = Pieces.in_order(accepted)
    lane, right = pieces.lane, pieces.right
    count = np.bincount(lane, minlength=lanes.count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])

    identity = kernel.identity().astype(pieces.propagator.dtype)
    product = np.repeat(identity[None], lanes.count, axis=0)
    wanted = np.empty((lanes.count, 0)) if times is None else times
    snapshots = np.empty((*wanted.shape, *identity.shape), dtype=identity.dtype)
    snapshots[wanted == lanes.start[:, None]] = identity
    shifted = None if pieces.shifted is None else product.copy()
    alike = np.ptp(count) == 0
    every = np.arange(lanes.count)
    for step in range(int(count.max())):
        active = every if alike else np.flatnonzero(count > step)
        index = first[active] + step
        product[active] = kernel.multiply(pieces.propagator[index], product[active])
        if shifted is not None and pieces.shifted is not None:
            shifted[active] = kernel.multiply(pieces.shifted[index], shifted[active])
        if wanted.shape[1]:
            row, column = np.nonzero(wanted[active] == right[index][:, None])
            snapshots[active[row], column] = product[active[row]]
    product, defect = kernel.finish(product)
    snapshots, defects = kernel.finish(snapshots)
    defect = np.max(np.concatenate([defect[:, None], defects], axis=1), axis=1)
    if not np.all(defect <= LARGEST_DEFECT):
        worst = int(np.argmax(np.where(np.isfinite(defect), defect, np.inf)))
        raise ConvergenceError(
            f"The evolution cannot be proven: norm or trace is lost by {defect[worst]:.1g} "
            f"({lanes.hamiltonian!r}, window [{lanes.start[worst]:.6g}, {lanes.stop[worst]:.6g}]). "
            "Give breakpoints where H(x(t)) changes abruptly, or other units."
        )

    error, phase = (
        np.bincount(lane, values, lanes.count).astype(np.float64)
        for values in (pieces.error, pieces.phase)
    )
    error += defect + ROUNDING * kernel.size * count
    return Evolution(
        product, snapshots, count, evaluated, rounds, error, phase, pieces, shifted=shifted
    )
