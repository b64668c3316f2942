"""The Schrödinger equation and its derivatives with respect to parameters, panel by panel.

∂U = ∫U(τ)⁻¹ ∂A U(τ) dτ turns as fast as the levels do. In the superadiabatic frame F of a
panel, with F⁻¹(A − d/dτ)F = K diagonal and Y′ = K Y, it is F(W Y − Y W(−1))F(−1)⁻¹ with W smooth:

    W′ = [K, W] + F⁻¹ ∂A F

On the diagonal that is an integral, off it a collocation on the panel's own nodes (Levin), so that
the cost does not grow with slowness, and all parameters share the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing.dynamics._many_level import attempts, in_one_block, separate
from anticrossing.dynamics._stacks import (
    ALL_NODES,
    BoolArray,
    diagonals,
    in_middle_frame,
    nodes_resolve,
    picard,
    tails,
)
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.doubled_variation import DoubledPanel
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES, PanelResults, UnitaryKernel, unresolved
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.stacked import LEAST, StackedKernel, acting, in_place

_STRONGEST = 8.0  # row sum of what is integrated as it is
_MOST_CORRECTIONS = 60
_MOST_DOUBLED, _FOLLOWED = 6e4, 3e4  # radians
_RESOLVED = 20.0  # radians that the nodes resolve as an oscillation
_ROUNDING = 4e-15
IndexArray = npt.NDArray[np.intp]
Slopes = Callable[[Lanes, FloatArray, IndexArray], npt.NDArray[Any]]


class VariationKernel(StackedKernel, UnitaryKernel):
    """i y′ = H y with derivatives; what stands for a propagator is [U, ∂₁U, ∂₂U, …].

    Parameters
    ----------
    slopes : callable
        Takes lanes, times (P, n) and the lane of every panel (P,); returns the derivatives of H in
        radians per time at the nodes, (P, n, K, N, N).
    levels, count : int
        N and K.
    phase : float, optional
        Of the whole window, in radians, if it is known: a small one needs few panels.
    """

    def __init__(self, slopes: Slopes, levels: int, count: int, *, phase: float = np.inf) -> None:
        super().__init__(levels, MANY_LEVEL_NODES)
        self.slopes, self.count, self.followed = slopes, count, _FOLLOWED
        self.few = phase < _MOST_DOUBLED  # radians: doubling is cheaper than all else
        if self.few:
            self.first_panels = 1

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        matrices, offset = lanes.split(times, lane)
        slopes, places = acting(self.slopes(lanes, times, lane), half_width, LEAST * tolerance)
        found = _Panels(matrices, slopes, half_width, self.grid, tolerance, self.few)
        error = found.error + unresolved(self.grid, half_width, matrices)
        stacks = in_place(found.propagator, places, self.count)
        solved = PanelResults(found.accepted, stacks, error, found.phase)
        return self.with_common_phase(solved, lanes, times, lane, offset)

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        cleaned, defect = nearer_unitary(product[..., 0, :, :])
        cleaned = cleaned[..., None, :, :]
        # U†∂U is anti-Hermitian.
        inside = dagger(cleaned) @ product[..., 1:, :, :]
        inside = 0.5 * (inside - dagger(inside))
        return np.concatenate([cleaned, cleaned @ inside], axis=-3), defect


class _Panels:
    """[U, ∂U, …] of P panels, or that they are refused."""

    def __init__(
        self,
        matrices: npt.NDArray[Any],
        slopes: npt.NDArray[Any],
        half_width: FloatArray,
        nodes: Grid,
        tolerance: float,
        few: bool,
    ) -> None:
        panels, _, levels, _ = matrices.shape
        self.grid, self.tolerance = nodes, tolerance
        self.accepted = np.zeros(panels, dtype=np.bool_)
        self.propagator = np.zeros((panels, 1 + slopes.shape[2], levels, levels), np.complex128)
        self.error = np.zeros(panels)

        g, energies, frame = in_middle_frame(matrices, half_width, nodes)
        self.phase = (energies[:, -1] - energies[:, 0]) * half_width
        back = dagger(frame)[:, None, None]
        moved = back @ slopes @ frame[:, None, None] * half_width[:, None, None, None, None]
        resolved = nodes_resolve(nodes, g, tolerance) & _resolved(moved, nodes, tolerance)
        ways = [self._direct, self._separate]
        ways.insert(1 if few else 2, self._double)
        for way in ways:
            index = np.flatnonzero(resolved & ~self.accepted)
            if index.size:
                way(index, g[index], moved[index], frame[index])

    def _put(
        self, index: IndexArray, frame: ComplexArray, stack: ComplexArray, error: FloatArray | float
    ) -> None:
        self.propagator[index] = frame[:, None] @ stack @ dagger(frame)[:, None]
        self.accepted[index] = True
        self.error[index] = error

    def _direct(
        self, index: IndexArray, g: ComplexArray, moved: ComplexArray, frame: ComplexArray
    ) -> None:
        """Integrate panels of few turns in the interaction picture of the diagonal."""
        whole = np.ones((index.size, *g.shape[2:]), dtype=np.bool_)
        rows, stack = _solve(g, moved, whole, self.grid, self.tolerance)
        self._put(index[rows], frame[rows], stack, self.tolerance)

    def _separate(
        self, index: IndexArray, g: ComplexArray, moved: ComplexArray, middle: ComplexArray
    ) -> None:
        """Follow the superadiabatic frame; what it leaves coupled is integrated together."""
        energies, vectors = np.linalg.eigh(g)
        for joined, todo in attempts(energies, self.accepted, index):
            rows = np.flatnonzero(todo)
            if rows.size == 0:
                continue
            given = g[rows], energies[rows], vectors[rows], joined[rows], self.grid, self.tolerance
            noise, allowed = np.zeros(g[rows, 0].shape), np.full(rows.size, self.tolerance)
            found = separate(*given, noise, allowed, wanted=ALL_NODES)
            rows, frame = rows[found.rows], found.frame
            slopes = dagger(frame)[:, :, None] @ moved[rows] @ frame[:, :, None]
            fine = np.flatnonzero(_resolved(slopes, self.grid, self.tolerance))
            if fine.size == 0:
                continue
            rows, frame, left = rows[fine], frame[fine], found.residual[fine]
            # Below the tolerance far levels are independent; above it, all are kept together.
            together = found.together[fine] | (left > self.tolerance)[:, None]
            same = in_one_block(together)[:, 0]
            done, stack = _solve(found.g[fine], slopes[fine], same, self.grid, self.tolerance)
            stack = frame[done, -1][:, None] @ stack @ dagger(frame[done, 0])[:, None]
            error = self.tolerance + 2 * np.where(left <= self.tolerance, left, 0.0)[done]
            rows = rows[done]
            self._put(index[rows], middle[rows], stack, error)

    def _double(
        self, index: IndexArray, g: ComplexArray, moved: ComplexArray, frame: ComplexArray
    ) -> None:
        """Double short steps, where phases are not too large for that."""
        for k in np.flatnonzero(self.phase[index] < _MOST_DOUBLED):
            panel = DoubledPanel(-1j * g[k], -1j * moved[k], self.grid, self.tolerance)
            found = panel.follow()
            if found is not None:
                error = self.tolerance + panel.error
                self._put(index[[k]], frame[[k]], found[None], error)


def _resolved(moved: ComplexArray, nodes: Grid, tolerance: float) -> BoolArray:
    """Whether the nodes resolve all derivatives (P, n, K, N, N)."""
    panels, n, count, levels, _ = moved.shape
    if panels == 0:
        return np.empty(0, dtype=np.bool_)
    return nodes_resolve(nodes, moved.reshape(panels, n, count * levels, levels), tolerance)


def _solve(
    g: ComplexArray, moved: ComplexArray, same: BoolArray, nodes: Grid, tolerance: float
) -> tuple[IndexArray, ComplexArray]:
    """Return which panels can be solved with these groups of levels (P, N, N), and [U, ∂U, …].

    What couples different groups is left out.
    """
    angles = nodes.integral @ diagonals(g).real
    turned = np.exp(1j * angles)
    around, back = turned[..., :, None], turned[..., None, :].conj()
    kernel = np.where(same[:, None], -1j * around * g * back, 0.0)
    diagonals(kernel)[...] = 0.0
    strength = np.max(np.sum(np.abs(kernel), axis=-1), axis=(1, 2))
    rows = np.flatnonzero((strength < _STRONGEST) & (tails(nodes, kernel) <= tolerance))
    if rows.size == 0:
        return rows, np.empty((0, 1 + moved.shape[2], *g.shape[2:]), dtype=np.complex128)
    solved, y = picard(kernel[rows], nodes, tolerance)
    rows, y, back = rows[solved], y[solved], back[rows[solved]]
    y, forcing = back.swapaxes(-1, -2) * y, -1j * moved[rows]
    end = y[:, -1, None]
    if same.all():  # y holds all that turns, so that nodes which resolve this integrate it
        inside = dagger(y)[:, :, None] @ forcing @ y[:, :, None]
        if _resolved(inside, nodes, tolerance).all():
            total = np.einsum("n,pnkij->pkij", nodes.weights, inside)
            return rows, np.concatenate([end, end @ total], axis=1)
    inner = np.where(same[rows][:, None], -1j * g[rows], 0.0)
    diagonals(inner)[...] = 0.0
    w, converged = _smooth(diagonals(g[rows]).real, inner[:, :, None], forcing, nodes, tolerance)
    rows, end, w = rows[converged], end[converged], w[converged]
    return rows, np.concatenate([end, w[:, -1] @ end - end @ w[:, 0]], axis=1)


def _smooth(
    energies: FloatArray, inner: ComplexArray, forcing: ComplexArray, nodes: Grid, tolerance: float
) -> tuple[ComplexArray, BoolArray]:
    """Return a solution of W′ = [K, W] + M that the nodes resolve, and where it was found.

    K is −i times `energies` (P, n, N), and `inner` between levels. Of pairs that turn little it is
    the one that begins at zero, of others the one that does not turn.
    """
    levels = energies.shape[-1]
    angles = nodes.integral @ energies
    first, second = np.tril_indices(levels)
    turn = energies[..., first] - energies[..., second]
    phase = np.exp(1j * (angles[..., first] - angles[..., second]))
    panel, pair = np.nonzero(2 * np.min(np.abs(turn), axis=1) >= _RESOLVED)
    inverse = (
        phase.conj().swapaxes(1, 2)[..., None] * nodes.integral * phase.swapaxes(1, 2)[:, :, None]
    )
    turning = turn[panel, :, pair][..., None] * np.eye(nodes.size)
    inverse[panel, pair] = np.linalg.inv(nodes.derivative + 1j * turning)
    w = np.zeros_like(forcing)
    scale = np.max(np.abs(forcing), axis=(1, 2, 3, 4))
    found = np.zeros(energies.shape[0], dtype=np.bool_)
    coupled = inner.any()
    for _ in range(_MOST_CORRECTIONS):
        right = forcing + inner @ w - w @ inner if coupled else forcing
        given = np.moveaxis(right[..., first, second], -1, 1)
        solved = np.moveaxis(inverse @ given, 1, -1)
        new = np.empty_like(w)
        new[..., second, first] = -solved.conj()
        new[..., first, second] = solved
        change = np.max(np.abs(new - w), axis=(1, 2, 3, 4))
        w = new
        found = change <= np.maximum(0.1 * tolerance, _ROUNDING * scale)
        if found.all() or not coupled:
            break
    found |= not coupled
    return w, found & _resolved(w, nodes, tolerance)
