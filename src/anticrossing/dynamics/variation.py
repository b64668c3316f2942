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
from anticrossing.dynamics._blocks import Solutions, narrower, runs, without_noise
from anticrossing.dynamics._many_level import attempts, in_one_block, separate
from anticrossing.dynamics._stacks import (
    ALL_NODES,
    BoolArray,
    along_nodes,
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
from anticrossing.dynamics.stacked import LEAST, StackedKernel, acting, in_place, product

_STRONGEST = 8.0  # row sum of what is integrated as it is
_MOST_CORRECTIONS = 60
_MOST_DOUBLED, _FOLLOWED = 6e4, 3e4  # radians
_FAR = 4.0  # radians over n², from which few terms of a series are enough
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
        done, stack = _solve(g, moved, self.grid, self.tolerance)
        self._put(index[done], frame[done], stack[done], self.tolerance)

    def _separate(
        self, index: IndexArray, g: ComplexArray, moved: ComplexArray, middle: ComplexArray
    ) -> None:
        """Follow the superadiabatic frame; what it leaves coupled is integrated together."""
        energies, vectors = np.linalg.eigh(g)
        for joined, todo in attempts(energies, self.accepted, index):
            rows = np.flatnonzero(todo & ~joined.all(axis=1))
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
            solved = self._apart(found.g[fine], slopes[fine], together)
            done, error = solved.accepted, solved.error
            stack = frame[done, -1][:, None] @ solved.propagator[done]
            stack = stack @ dagger(frame[done, 0])[:, None]
            error = error + self.tolerance + 2 * np.where(left <= self.tolerance, left, 0.0)
            rows = rows[done]
            self._put(index[rows], middle[rows], stack, error[done])

    def _apart(self, g: ComplexArray, moved: ComplexArray, together: BoolArray) -> Solutions:
        """Solve panels on which only neighbours that are `together` (P, N − 1) couple."""
        panels, _, count, levels, _ = moved.shape
        result = Solutions.empty(panels, levels)
        result.propagator = np.zeros((panels, 1 + count, levels, levels), dtype=np.complex128)
        whole = together.all(axis=1)
        rows = np.flatnonzero(whole)
        if rows.size:
            done, result.propagator[rows] = _solve(g[rows], moved[rows], self.grid, self.tolerance)
            result.accepted[rows] = done
        rows = np.flatnonzero(~whole)
        if rows.size:
            result.put(rows, self._blockwise(g[rows], moved[rows], together[rows]))
        return result

    def _blockwise(self, g: ComplexArray, moved: ComplexArray, together: BoolArray) -> Solutions:
        """Solve blocks one by one, and what the derivatives couple between them."""
        panels, n, count, levels, _ = moved.shape
        result = Solutions.empty(panels, levels)
        stack = np.zeros((panels, 1 + count, levels, levels), dtype=np.complex128)
        result.propagator, result.accepted[:] = stack, True
        every = np.concatenate([g[:, :, None], moved], axis=2)
        node, which = np.arange(n)[:, None, None, None], np.arange(1 + count)[:, None, None]
        for size, panel, first in runs(together):
            if size == 1:
                own = np.einsum(
                    "n,nlk->lk", self.grid.weights, every[panel, :, :, first, first].swapaxes(0, 1)
                )
                turned = np.exp(-1j * own[:, 0].real)
                stack[panel, 0, first, first] = turned
                stack[panel, 1:, first, first] = -1j * own[:, 1:] * turned[:, None]
                continue
            places = first[:, None] + np.arange(size)
            rows, columns = places[:, :, None], places[:, None, :]
            h = every[
                panel[:, None, None, None, None],
                node,
                which,
                rows[:, None, None],
                columns[:, None, None],
            ]
            common = np.mean(diagonals(h[:, :, 0]).real, axis=-1)
            diagonals(h[:, :, 0])[...] -= common[..., None]
            h[:, :, 0], _ = without_noise(h[:, :, 0], np.zeros(panel.size), self.grid)
            accepted, found, error = narrower(
                h, self.grid, self.tolerance, _inside, product, parts=4
            )
            found *= np.exp(-1j * (common @ self.grid.weights))[:, None, None, None]
            stack[panel[:, None, None, None], which, rows[:, None], columns[:, None]] = found
            np.logical_and.at(result.accepted, panel, accepted)
            np.add.at(result.error, panel, error)
        same = in_one_block(together)[:, 0]
        forcing = np.where(same[:, None, None], 0.0, -1j * moved)
        w, converged = _smooth(g, forcing, same, self.grid, self.tolerance)
        end = stack[:, :1]
        stack[:, 1:] += w[:, -1] @ end - end @ w[:, 0]
        result.accepted &= converged
        return result

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


def _inside(h: ComplexArray, half_width: FloatArray, nodes: Grid, tolerance: float) -> _Panels:
    """Solve narrower panels of blocks, (P, n, 1 + K, s, s)."""
    return _Panels(h[:, :, 0], h[:, :, 1:], half_width, nodes, tolerance, few=False)


def _solve(
    g: ComplexArray, moved: ComplexArray, nodes: Grid, tolerance: float
) -> tuple[BoolArray, ComplexArray]:
    """Return which panels the nodes resolve in the interaction picture, and [U, ∂U, …]."""
    panels, _, count, levels, _ = moved.shape
    found = np.zeros((panels, 1 + count, levels, levels), dtype=np.complex128)
    angles = nodes.integral @ diagonals(g).real
    turned = np.exp(1j * angles)
    back = turned[..., None, :].conj()
    kernel = -1j * turned[..., :, None] * g * back
    diagonals(kernel)[...] = 0.0
    strength = np.max(np.sum(np.abs(kernel), axis=-1), axis=(1, 2))
    accepted = (strength < _STRONGEST) & (tails(nodes, kernel) <= tolerance)
    rows = np.flatnonzero(accepted)
    if rows.size == 0:
        return accepted, found
    solved, y = picard(kernel[rows], nodes, tolerance)
    y = back[rows].swapaxes(-1, -2) * y
    inside = dagger(y)[:, :, None] @ (-1j * moved[rows]) @ y[:, :, None]
    accepted[rows] = solved & _resolved(inside, nodes, tolerance)
    end = y[:, -1, None]
    found[rows, :1] = end
    found[rows, 1:] = end @ np.einsum("n,pnkij->pkij", nodes.weights, inside)
    return accepted, found


def _smooth(
    g: ComplexArray, forcing: ComplexArray, same: BoolArray, nodes: Grid, tolerance: float
) -> tuple[ComplexArray, BoolArray]:
    """Return a solution W between blocks of W′ = [K, W] + M that the nodes resolve, and where.

    K is −i times those elements of `g` (P, n, N, N) that are in the `same` block (P, N, N), where
    `forcing` M (P, n, K, N, N) is 0. Of pairs that turn little W is the solution that begins at
    zero, of others the one that does not turn. Far pairs take W = (M + … − W′)/iΩ, repeated.
    """
    energies = diagonals(g).real
    inner = np.where(same[:, None], -1j * g, 0.0)[:, :, None]
    diagonals(inner)[...] = 0.0
    turn = energies[..., :, None] - energies[..., None, :]
    least = 2 * np.min(np.abs(turn), axis=1)
    far = ~same & (least >= _FAR * nodes.size**2)
    far_inverse = np.where(far[:, None], -1j / np.where(far[:, None], turn, 1.0), 0.0)[:, :, None]
    panel, first, second = np.nonzero(np.tril(~(far | same)))
    inverse = _inverses(turn[panel, :, first, second], least[panel, first, second], nodes)
    w = np.zeros_like(forcing)
    scale = np.max(np.abs(forcing), axis=(1, 2, 3, 4))
    found = np.zeros(g.shape[0], dtype=np.bool_)
    coupled = inner.any()
    for _ in range(_MOST_CORRECTIONS):
        right = forcing + inner @ w - w @ inner if coupled else forcing
        new = far_inverse * (right - _slope(w, nodes))
        solved = inverse @ right[panel, :, :, first, second]
        new[panel, :, :, first, second] = solved
        new[panel, :, :, second, first] = -solved.conj()
        change = np.max(np.abs(new - w), axis=(1, 2, 3, 4))
        w = new
        found = change <= np.maximum(0.1 * tolerance, _ROUNDING * scale)
        if found.all():
            break
    return w, found & _resolved(w, nodes, tolerance)


def _slope(w: ComplexArray, nodes: Grid) -> ComplexArray:
    """Differentiate (P, n, K, N, N) in time."""
    panels, n, count, levels, _ = w.shape
    found = along_nodes(nodes.derivative, w.reshape(panels, n, count * levels, levels))
    return np.asarray(found.reshape(w.shape))


def _inverses(turn: FloatArray, least: FloatArray, nodes: Grid) -> ComplexArray:
    """Return what takes M to W at the nodes, (Q, n, n), for pairs (Q, n) that turn so much."""
    phase = np.exp(1j * turn @ nodes.integral.T)
    inverse = phase.conj()[..., None] * nodes.integral * phase[:, None]
    turns = np.flatnonzero(least >= _RESOLVED)
    turning = turn[turns][..., None] * np.eye(nodes.size)
    inverse[turns] = np.linalg.inv(nodes.derivative + 1j * turning)
    return np.asarray(inverse)
