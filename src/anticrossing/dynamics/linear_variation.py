"""Any real linear equation y′ = G(t) y and its derivatives by parameters, panel by panel.

Where phases and decays are not too large, steps are doubled (`doubled_variation`). On other panels,
as for the Schrödinger equation (`variation`), with U(1) the propagator of a panel, F the frame in
which K = F⁻¹(G − d/dτ)F has no couplings between groups of modes, and Y′ = K Y::

    W′ = [K, W] + F⁻¹ ∂G F,    ∂U = F(1) (W(1) Y(1) − Y(1) W(−1)) F(−1)⁻¹

Modes may decay as fast as they like: of pairs that turn or decay much W is the solution that does
neither, of others the one that begins at zero, or ends there where the pair grows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import _spectral, grading
from anticrossing.dynamics._elimination import DEAD, Ends, integrate
from anticrossing.dynamics._stacks import (
    ALL_NODES,
    BoolArray,
    diagonals,
    largest_entries,
    picard,
    tails,
)
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.doubled_variation import (
    MOST_ROUNDING,
    MOST_STEPS,
    DoubledPanel,
    expected,
)
from anticrossing.dynamics.kernels import FIRST_PANELS, MANY_LEVEL_NODES, PanelResults, unresolved
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear import Generators, LinearKernel
from anticrossing.dynamics.slopes import ROUNDING
from anticrossing.dynamics.stacked import LEAST, StackedKernel, acting, in_place

_FEW_NUMBERS, _FEW_STEPS = 5, 1e3  # panels of few numbers are soon split
_WEAK = 3.0  # radians, and decay, of a panel that is integrated as it is
_CHUNK_NUMBERS, _ACTING = 200_000, 10  # of so many derivatives: of more few act on a panel
# The norm of G times the length of a panel whose steps are doubled, however long it remembers.
_MOST_DOUBLED = 1e5
_RESOLVED = 20.0  # by which a pair turns or decays, and more
_MOST_CORRECTIONS, _PATIENCE, _SLOWEST = 60, 4, 0.4
_ROUNDING = 4e-15
IndexArray = npt.NDArray[np.intp]


class LinearVariationKernel(StackedKernel, LinearKernel):
    """y′ = G(t) y with derivatives; what stands for a propagator is [U, ∂₁U, ∂₂U, …].

    Parameters
    ----------
    generators, size, conserved, nodes
        As for `LinearKernel`.
    slopes : callable
        Takes what `generators` takes; returns ∂G per time at the nodes, (P, n, K, D, D). What is
        conserved is so at all values of the parameters.
    count : int
        K.
    """

    dtype = np.float64
    first_panels = 1

    def __init__(
        self,
        generators: Generators,
        slopes: Generators,
        size: int,
        count: int,
        *,
        conserved: npt.ArrayLike | None = None,
        nodes: int = MANY_LEVEL_NODES,
    ) -> None:
        super().__init__(generators, size, conserved=conserved, nodes=nodes)
        self.slopes, self.count, self.followed = slopes, count, _MOST_DOUBLED

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: IndexArray,
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        to, back = self._to.real, self._from.real
        panels, width = half_width.size, self.size
        result = PanelResults.empty(panels, self)
        each = self.grid.size * width**2 * (1 + min(self.count, _ACTING))
        step = max(1, _CHUNK_NUMBERS // each)
        for first in range(0, panels, step):
            rows = np.arange(first, min(first + step, panels))
            g = self.generators(lanes, times[rows], lane[rows])
            missed = unresolved(self.grid, half_width[rows], g)
            g = to @ g @ back * half_width[rows][:, None, None, None]
            g[:, :, 0] = 0.0
            known = np.maximum(tolerance, _ROUNDING * largest_entries(g))
            resolved = np.flatnonzero(tails(self.grid, g) <= known)
            if resolved.size == 0:
                continue
            rows, g, missed = rows[resolved], g[resolved], missed[resolved]
            slopes = self.slopes(lanes, times[rows], lane[rows])
            slopes, places = acting(slopes, half_width[rows], LEAST * tolerance)
            slopes = to @ slopes @ back * half_width[rows][:, None, None, None, None]
            slopes[:, :, :, 0] = 0.0
            found = _Panels(g, slopes, self.grid, tolerance)
            result.accepted[rows] = found.accepted
            result.propagator[rows] = in_place(back @ found.propagator @ to, places, self.count)
            result.error[rows], result.phase[rows] = found.error + missed, found.phase
        return result

    def graded(
        self, lanes: Lanes, lane: IndexArray, left: FloatArray, right: FloatArray, tolerance: float
    ) -> tuple[IndexArray, FloatArray, FloatArray]:
        half = 0.5 * (right - left)
        times = np.stack([left, left + half, right], axis=1)
        g = self._to.real @ self.generators(lanes, times, lane) @ self._from.real
        g *= half[:, None, None, None]
        g[:, :, 0] = 0.0
        whole = _doubled(g, self.count, tolerance)
        parts = max(1, FIRST_PANELS * lanes.count // lane.size)
        first = int(np.sum(whole))
        lane, left, right = grading.cut(lane, left, right, parts, whole)
        rest = super().graded(lanes, lane[first:], left[first:], right[first:], tolerance)
        return (
            np.concatenate([lane[:first], rest[0]]),
            np.concatenate([left[:first], rest[1]]),
            np.concatenate([right[:first], rest[2]]),
        )

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        first, defect = super().finish(product[..., 0, :, :])
        first = first.real
        return np.concatenate([first[..., None, :, :], product[..., 1:, :, :]], axis=-3), defect


class _Panels:
    """[U, ∂U] of P panels whose G is resolved, or that they are refused; its first row is zero."""

    def __init__(self, g: FloatArray, slopes: FloatArray, nodes: Grid, tolerance: float) -> None:
        panels, _, count, size, _ = slopes.shape
        self.grid, self.tolerance = nodes, tolerance
        self.accepted = np.zeros(panels, dtype=np.bool_)
        self.propagator = np.zeros((panels, 1 + count, size, size))
        self.error = np.zeros(panels)
        self.phase = np.max(np.abs(diagonals(g)), axis=-1) @ nodes.weights
        resolved = _resolved(slopes, nodes, tolerance)
        weak = np.max(np.sum(np.abs(g), axis=-1), axis=(1, 2)) < _WEAK
        doubled = _doubled(g, count, tolerance)
        for way, chosen in ((self._direct, weak), (self._double, doubled), (self._separate, True)):
            rows = np.flatnonzero(resolved & chosen & ~self.accepted)
            if rows.size:
                way(rows, g[rows], slopes[rows])

    def _direct(self, rows: IndexArray, g: FloatArray, slopes: FloatArray) -> None:
        """Integrate panels on which little happens."""
        solved, propagators = picard(g.astype(np.complex128), self.grid, self.tolerance)
        rows, y = rows[solved], propagators[solved].real
        inside = np.linalg.inv(y)[:, :, None] @ slopes[solved] @ y[:, :, None]
        fine = _resolved(inside, self.grid, self.tolerance)
        rows, y, inside = rows[fine], y[fine], inside[fine]
        end = y[:, -1, None]
        self.propagator[rows, :1] = end
        self.propagator[rows, 1:] = end @ np.einsum("n,pnkij->pkij", self.grid.weights, inside)
        self.accepted[rows], self.error[rows] = True, self.tolerance

    def _double(self, rows: IndexArray, g: FloatArray, slopes: FloatArray) -> None:
        """Double short steps."""
        for row, own, moved in zip(rows, g, slopes, strict=True):
            panel = DoubledPanel(own, moved, self.grid, self.tolerance)
            found = panel.follow()
            if found is not None:
                self.propagator[row], self.accepted[row] = found, True
                self.error[row] = self.tolerance + panel.error

    def _separate(self, index: IndexArray, real: FloatArray, slopes: FloatArray) -> None:
        """Split the spectrum of G into groups that do not couple."""
        g = real.astype(np.complex128)
        accepted = np.zeros(index.size, dtype=np.bool_)
        for split in _spectral.splits(g, self.grid, accepted, told_apart=True):
            parts = _spectral.separate(split.g, split.same, self.grid, self.tolerance, ALL_NODES)
            good = np.flatnonzero(parts.left <= self.tolerance)
            if good.size == 0:
                continue
            rows, same = split.rows[good], split.same[good]
            k = np.where(same[:, None], parts.g[good], 0.0)
            frame = split.frame[good][:, None] @ parts.frame[good]
            inverse = parts.inverse[good] @ split.inverse[good][:, None]
            moved = inverse[:, :, None] @ slopes[rows] @ frame[:, :, None]
            moved[..., 0, :] = 0.0
            one = np.broadcast_to(np.eye(k.shape[-1], dtype=np.complex128), k[:, 0].shape)
            known = split.rounding(g, self.grid)[good]
            solved = integrate(k, Ends(one, one), self.grid, self.tolerance, known)
            w, found = _smooth(k, moved, self.grid, self.tolerance)
            done = solved.accepted & found
            y, w, rows = solved.propagator[done][:, None], w[done], rows[done]
            first, last = inverse[done, 0][:, None], frame[done, -1][:, None]
            place = index[rows]
            self.propagator[place, :1] = (last @ y @ first).real
            self.propagator[place, 1:] = (last @ (w[:, -1] @ y - y @ w[:, 0]) @ first).real
            error = np.maximum(2 * parts.left[good], solved.error)[done]
            self.error[place] = error + known[done]
            self.accepted[place] = accepted[rows] = True


def _doubled(g: FloatArray, count: int, tolerance: float) -> BoolArray:
    """Whether panels (P, n, D, D) go by doubled steps: short ones, and those that soon forget."""
    size = 2 * np.max(np.sum(np.abs(g), axis=-1), axis=(1, 2))
    doubled = np.asarray(size < _MOST_DOUBLED)
    rows = np.flatnonzero(~doubled & np.isfinite(size))
    steps, rounding = expected(g[rows])
    most = MOST_STEPS / np.sqrt(1 + count) if g.shape[-1] > _FEW_NUMBERS else _FEW_STEPS
    doubled[rows] = (steps < most) & (rounding < MOST_ROUNDING * tolerance)
    return doubled


def _resolved(slopes: npt.NDArray[Any], nodes: Grid, tolerance: float | FloatArray) -> BoolArray:
    """Whether the nodes resolve all derivatives (P, n, K, D, D) as well as they are known."""
    panels, n, count, size, _ = slopes.shape
    if panels == 0:
        return np.empty(0, dtype=np.bool_)
    flat = slopes.reshape(panels, n, count * size, size)
    known = np.maximum(tolerance, ROUNDING * largest_entries(flat))
    return np.asarray(tails(nodes, flat) <= known)


def _smooth(
    k: ComplexArray, forcing: ComplexArray, nodes: Grid, tolerance: float
) -> tuple[ComplexArray, BoolArray]:
    """Return a solution of W′ = [K, W] + M that the nodes resolve, and where it was found."""
    panels, n, size, _ = k.shape
    values = diagonals(k)
    apart = (values[..., :, None] - values[..., None, :]).reshape(panels, n, -1).swapaxes(1, 2)
    decay = values.real.swapaxes(1, 2) @ nodes.weights
    dead = decay < -DEAD
    # Of modes that are gone nothing is asked; W keeps no first row, as G has none.
    wanted = ~(dead[:, :, None] & dead[:, None, :])
    wanted[:, 0] = False
    wanted = wanted.reshape(panels, -1)
    inverse = np.zeros((panels, size**2, n, n), dtype=np.complex128)
    inverse[wanted] = _inverses(apart[wanted], nodes)
    inner = k.copy()
    diagonals(inner)[...] = 0.0
    coupled = np.any(inner != 0, axis=(1, 2, 3))
    inner = inner[:, :, None]
    w = _solved(inverse, forcing)
    scale = np.max(np.abs(forcing), axis=(1, 2, 3, 4))
    found: BoolArray = np.logical_not(coupled)
    # Groups whose modes drive each other one way alone converge only once all have answered.
    before = np.full((_PATIENCE, panels), np.inf)
    active = np.flatnonzero(coupled)
    for count in range(_MOST_CORRECTIONS):
        if active.size == 0:
            break
        here, own = w[active], inner[active]
        new = _solved(inverse[active], forcing[active] + own @ here - here @ own)
        change = np.max(np.abs(new - here), axis=(1, 2, 3, 4))
        known = np.maximum(
            _ROUNDING * scale[active], ROUNDING * np.max(np.abs(new), axis=(1, 2, 3, 4))
        )
        done = change <= np.maximum(0.1 * tolerance, known)
        w[active], found[active] = new, done
        last = count % _PATIENCE
        going_on = ~done & (change < _SLOWEST * before[last, active])
        before[last, active] = change
        active = active[going_on]
    # Sums of large slopes leave their rounding in small ones.
    known = np.maximum(tolerance, _ROUNDING * scale)
    return w, found & _resolved(w, nodes, known)


def _solved(inverse: ComplexArray, right: ComplexArray) -> ComplexArray:
    """Apply matrices (P, D², n, n) to the elements of right-hand sides (P, n, K, D, D)."""
    panels, n, count, size, _ = right.shape
    given = right.reshape(panels, n, count, size**2).transpose(0, 3, 1, 2)
    found = (inverse @ given).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(found).reshape(right.shape)


def _inverses(apart: ComplexArray, nodes: Grid) -> ComplexArray:
    """Return the matrices (Q, n, n) that take m to a solution of w′ = Δ w + m at the nodes."""
    matrix = nodes.derivative - apart[..., None] * np.eye(nodes.size)
    near = 2 * np.min(np.abs(apart), axis=1) < _RESOLVED
    grows = apart.real @ nodes.weights > 0
    for chosen, end in ((near & ~grows, 0), (near & grows, -1)):
        matrix[chosen, end] = 0.0
        matrix[chosen, end, end] = 1.0
    inverse = np.linalg.inv(matrix)
    for chosen, end in ((near & ~grows, 0), (near & grows, -1)):
        inverse[chosen, :, end] = 0.0  # w vanishes there
    return np.asarray(inverse)
