"""Evolution by Taylor series of high order: only the columns that are asked for, step by step.

The steps resolve every oscillation, so the cost grows with the phase; an order costs one product of
H with the columns. Where the phase is small that is much less than eigenvectors at every node of a
panel. `plan` decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import doubling, panels
from anticrossing.dynamics._columns import Followed, Series, eigenvectors_pay
from anticrossing.dynamics._matrix_series import StraightPanel
from anticrossing.dynamics._modes import Modes
from anticrossing.dynamics._straight import Straight
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES, PanelResults, UnitaryKernel, unresolved
from anticrossing.dynamics.lanes import Lanes, tell_nobody
from anticrossing.dynamics.panels import Evolution
from anticrossing.hamiltonian import TermHamiltonian

METHOD = "Taylor series"
_BUDGET = 5.0  # panel tolerances: the error that the steps of a window may add up
_SHORTEST, _LONGEST = 3.0, 9.0  # steps in radians
_UNIT = 1.1e-16


class Mesh(UnitaryKernel):
    """The multiple of the identity in H, on panels that resolve all of H."""

    first_panels = 1

    def __init__(self) -> None:
        super().__init__(1, MANY_LEVEL_NODES)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        if isinstance(lanes.hamiltonian, TermHamiltonian):
            values, offset = lanes.coefficients(times, lane), lanes.offset(times, lane)
        else:
            values, offset = lanes.split(times, lane)
        if not np.all(np.isfinite(values)):
            lanes.split(times, lane)  # says what is wrong
        result = PanelResults.empty(lane.size, self)
        flat = values.reshape(lane.size, self.grid.size, -1)
        with np.errstate(over="ignore", invalid="ignore"):
            tails = np.max(np.abs(self.grid.tail @ flat), axis=(1, 2), initial=0.0)
            largest = np.max(np.abs(flat), axis=(1, 2), initial=0.0)
            result.accepted = half_width * tails <= np.maximum(
                tolerance, 4e-15 * half_width * largest
            )
        result.error = unresolved(self.grid, half_width, values)
        common, size = self.common_phase(lanes, times, lane, offset, result.accepted)
        result.accepted &= np.isfinite(size)
        result.phase = size
        result.propagator = np.exp(-1j * common)[:, None, None]
        return result


def solve(
    lanes: Lanes,
    *,
    tolerance: float,
    phase: FloatArray,
    choose: Callable[[int, int], str | None],
    breakpoints: FloatArray | None,
    times: FloatArray | None,
    columns: ComplexArray | None,
    unknown: FloatArray,
) -> Evolution | None:
    """Propagate columns (lanes, N, C), or all, across every window; None if no method suits.

    `phase` (lanes,) bounds ‖H‖ times the window, nearly; `choose` names the method for a lane on
    so many panels; `unknown` is that of the result.
    """
    straight = Straight.of(lanes)
    if straight is not None:
        mesh = straight.mesh(breakpoints, times)
    else:
        quiet = replace(lanes, tell=tell_nobody)  # the mesh is none of the work
        mesh = panels.solve(
            quiet, Mesh(), tolerance=tolerance, breakpoints=breakpoints, times=times
        )
    levels = lanes.hamiltonian.dimension
    whole = columns is None
    if columns is None:
        columns = np.broadcast_to(np.eye(levels, dtype=complex), (lanes.count, levels, levels))
    wanted = np.empty((lanes.count, 0)) if times is None else times
    final = np.empty(columns.shape, dtype=np.complex128)
    snapshots = np.empty((*wanted.shape, *columns.shape[1:]), dtype=np.complex128)
    error, steps = np.zeros(lanes.count), np.zeros(lanes.count, dtype=np.intp)
    methods = set()
    ends = np.searchsorted(mesh.pieces.lane, np.arange(lanes.count + 1))
    for lane in range(lanes.count):
        rows = slice(ends[lane], ends[lane + 1])
        with one_thread:
            keep = _kept(mesh.pieces.right[rows], wanted[lane])
            size, tell = float(phase[lane]), lanes.told(lane, lanes.count)
            method = choose(lane, keep.size)
            if method is None:
                return None
            found: Followed | None = None
            if method == doubling.METHOD:
                doubled = _doubling(lanes, lane, tolerance)
                found = _by_panels(doubled, mesh, rows, keep, columns[lane], tell)
                if not np.isfinite(found[2]):
                    method, found = METHOD, None  # too rough for steps whose series are short
            if found is None and straight is not None:
                panel = _straight(lanes, lane, straight, tolerance, size)
                found = _by_panels(panel, mesh, rows, keep, columns[lane], tell)
            elif found is None:
                found = _by_modes(lanes, lane, mesh, rows, keep, tolerance, size, columns, tell)
                if found is None:
                    return None
            methods.add(method)
        final[lane], kept, error[lane], steps[lane] = found
        if times is not None:
            at_start = wanted[lane] == lanes.start[lane]
            snapshots[lane, at_start], snapshots[lane, ~at_start] = columns[lane], kept
        if not np.isfinite(error[lane]):
            raise _too_rough(lanes)
    final, defect = _normed(final, whole)
    if snapshots.size:
        snapshots, defects = _normed(snapshots, whole)
        defect = np.maximum(defect, np.max(defects, axis=1))
    return Evolution(
        final,
        snapshots,
        mesh.panels,
        mesh.evaluated,
        mesh.rounds,
        mesh.error + 2 * error + defect,
        mesh.phase + phase,
        mesh.pieces,
        " and ".join(m for m in (METHOD, doubling.METHOD) if m in methods),
        steps,
        unknown=unknown,
        common=mesh.phase,
    )


def _too_rough(lanes: Lanes) -> ConvergenceError:
    return ConvergenceError(
        f"The evolution cannot be followed step by step ({lanes.hamiltonian!r}): give breakpoints "
        "where H(x(t)) changes abruptly."
    )


def _kept(ends: FloatArray, wanted: FloatArray) -> npt.NDArray[np.int64]:
    """Return the place of each panel's end among the wanted times, −1 if it is none of them."""
    if wanted.size == 0:
        return np.full(ends.size, -1)
    inside = np.isin(ends, wanted)
    return np.where(inside, np.cumsum(inside) - 1, -1)


def _by_modes(
    lanes: Lanes,
    lane: int,
    mesh: Evolution,
    rows: slice,
    keep: npt.NDArray[np.int64],
    tolerance: float,
    phase: float,
    columns: ComplexArray,
    tell: Callable[[float], None],
) -> Followed | None:
    """Follow the columns of one lane in the basis that is cheapest; None if its modes are many."""
    left, right = mesh.pieces.left[rows], mesh.pieces.right[rows]
    width, half = right - left, 0.5 * (right - left)
    times = (left + half)[:, None] + half[:, None] * grid(MANY_LEVEL_NODES).nodes
    times[:, 0], times[:, -1] = left, right
    modes = Modes.of(lanes, lane, times)
    if modes is None:
        return None
    y = columns[lane]
    if eigenvectors_pay(phase, *y.shape) and modes.to_be_diagonalised:
        modes = modes.diagonalised()
    power, degrees, lost = modes.series(grid(MANY_LEVEL_NODES))
    common = -np.angle(mesh.pieces.propagator[rows, 0, 0])
    limits = budget(float(lanes.stop[lane] - lanes.start[lane]), tolerance, phase)
    norm = phase / float(width.sum())
    series = Series(modes.matrices, power, degrees, width, common, keep, norm, *limits)
    basis = modes.basis
    ended, kept, error, steps = series.follow(y if basis is None else dagger(basis) @ y, tell)
    if basis is not None:
        ended, kept = basis @ ended, basis @ kept
    return ended, kept, error + float(width @ lost), steps


def budget(window: float, tolerance: float, phase: float) -> tuple[float, float]:
    """Return the error allowed per time, and how many radians a step of a series may have."""
    allowed = _BUDGET * tolerance
    digits = math.log(0.3 * allowed / (_UNIT * max(phase / _LONGEST, 1.0)))
    return allowed / window, min(max(digits, _SHORTEST), _LONGEST)


_Panels = Callable[[float, float], doubling.Panel | StraightPanel]


def _doubling(lanes: Lanes, lane: int, tolerance: float) -> _Panels:
    """Return what makes panels of doubled steps from their ends."""
    points, window = grid(MANY_LEVEL_NODES), float(lanes.stop[lane] - lanes.start[lane])

    def panel(left: float, right: float) -> doubling.Panel:
        half = 0.5 * (right - left)
        times = (left + half) + half * points.nodes
        times[0], times[-1] = left, right
        matrices = lanes.split(times[None], np.array([lane]))[0][0]
        return doubling.Panel.of(matrices, 2 * half, _BUDGET * tolerance / window, points)

    return panel


def _straight(
    lanes: Lanes, lane: int, straight: Straight, tolerance: float, phase: float
) -> _Panels:
    """Return what makes panels of straight lanes from their ends."""
    window = float(lanes.stop[lane] - lanes.start[lane])
    norm, limits = phase / window, budget(window, tolerance, phase)

    def panel(left: float, right: float) -> StraightPanel:
        return straight.panel(lane, left, right, norm, *limits)

    return panel


def _by_panels(
    make: _Panels,
    mesh: Evolution,
    rows: slice,
    keep: npt.NDArray[np.int64],
    columns: ComplexArray,
    tell: Callable[[float], None],
) -> Followed:
    """Follow the columns panel after panel."""
    left, right = mesh.pieces.left[rows].tolist(), mesh.pieces.right[rows].tolist()
    window = right[-1] - left[0]
    kept = np.empty((int(keep.max(initial=-1)) + 1, *columns.shape), dtype=np.complex128)
    error, steps = 0.0, 0
    for p in range(keep.size):
        before, part = (left[p] - left[0]) / window, (right[p] - left[p]) / window

        def told(share: float, before: float = before, part: float = part) -> None:
            tell(before + share * part)

        columns, missed, count = make(left[p], right[p]).follow(columns, told)
        if not np.isfinite(missed):
            return columns, kept, missed, 0
        columns = columns * mesh.pieces.propagator[rows][p, 0, 0]
        error, steps = error + missed, steps + count
        if keep[p] >= 0:
            kept[keep[p]] = columns
    tell(1.0)
    return columns, kept, error, steps


def _normed(columns: ComplexArray, whole: bool) -> tuple[ComplexArray, FloatArray]:
    """Return columns (…, N, C) nearer to norm 1, whole ones nearer to unitary; and the defect."""
    if whole:
        return nearer_unitary(columns)
    norm = (columns.real**2 + columns.imag**2).sum(axis=-2, keepdims=True)
    defect = np.abs(norm - 1).max(axis=(-2, -1), initial=0.0)
    return columns * (1.5 - 0.5 * norm), np.asarray(defect)
