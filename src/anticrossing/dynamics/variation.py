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
from anticrossing.dynamics._many_level import MOST_ROTATIONS, NEAR_PHASE
from anticrossing.dynamics._stacks import (
    BoolArray,
    alignments,
    diagonals,
    in_middle_frame,
    inverse_cayley,
    largest_entries,
    nodes_resolve,
    picard,
    rotate,
    tails,
)
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES, Kernel, PanelResults, unresolved
from anticrossing.dynamics.lanes import Lanes

Slopes = Callable[[Lanes, FloatArray, npt.NDArray[np.intp]], npt.NDArray[Any]]
_STRONGEST = 8.0  # row sum of what is integrated as it is
_HOPELESS = 1e-6  # last coefficients of the rotation into the eigenframes
_MOST_CORRECTIONS = 60
_RESOLVED = 20.0  # radians that the nodes resolve as an oscillation
_ROUNDING = 4e-15
IndexArray = npt.NDArray[np.intp]


class VariationKernel(Kernel):
    """i y′ = H y with derivatives; a propagator is [[U, 0, …], [∂₁U, U, 0, …], …].

    Products of such propagators are again of this form, so that panels multiply to the whole.

    Parameters
    ----------
    slopes : callable
        Takes lanes, times (P, n) and the lane of every panel (P,); returns the derivatives of H in
        radians per time at the nodes, (P, n, K, N, N).
    levels, count : int
        N and K.
    """

    def __init__(self, slopes: Slopes, levels: int, count: int) -> None:
        self.slopes, self.levels, self.count = slopes, levels, count
        self.size = levels * (1 + count)
        self.grid = grid(MANY_LEVEL_NODES)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        matrices = lanes.traceless(times, lane)
        slopes = self.slopes(lanes, times, lane)
        found = _Panels(matrices, slopes, half_width, self.grid, tolerance)
        error = found.error + unresolved(self.grid, half_width, matrices)
        propagator = self.together(found.propagator, found.derivatives)
        return PanelResults(found.accepted, propagator, error, found.phase)

    def together(self, propagator: ComplexArray, derivatives: ComplexArray) -> ComplexArray:
        """Return the propagator of this kernel of U (…, N, N) and ∂U (…, K, N, N)."""
        n, k = self.levels, self.count
        whole = np.zeros((*propagator.shape[:-2], 1 + k, n, 1 + k, n), dtype=np.complex128)
        for j in range(1 + k):
            whole[..., j, :, j, :] = propagator
        for j in range(k):
            whole[..., 1 + j, :, 0, :] = derivatives[..., j, :, :]
        return whole.reshape(*propagator.shape[:-2], self.size, self.size)

    def apart(self, product: npt.NDArray[Any]) -> tuple[ComplexArray, ComplexArray]:
        """Return U (…, N, N) and ∂U (…, K, N, N) of a product of such propagators."""
        n, k = self.levels, self.count
        parts = product.reshape(*product.shape[:-2], 1 + k, n, 1 + k, n)[..., 0, :]
        return parts[..., 0, :, :], parts[..., 1:, :, :]

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        propagator, derivatives = self.apart(product)
        cleaned, defect = nearer_unitary(propagator)
        # U†∂U is anti-Hermitian.
        inside = dagger(cleaned)[..., None, :, :] @ derivatives
        inside = 0.5 * (inside - dagger(inside))
        return self.together(cleaned, cleaned[..., None, :, :] @ inside), defect


class _Panels:
    """U and ∂U of P panels, or that they are refused."""

    def __init__(
        self,
        matrices: npt.NDArray[Any],
        slopes: npt.NDArray[Any],
        half_width: FloatArray,
        nodes: Grid,
        tolerance: float,
    ) -> None:
        panels, _, levels, _ = matrices.shape
        self.grid, self.tolerance = nodes, tolerance
        self.accepted = np.zeros(panels, dtype=np.bool_)
        self.propagator = np.zeros((panels, levels, levels), dtype=np.complex128)
        self.derivatives = np.zeros((panels, slopes.shape[2], levels, levels), dtype=np.complex128)
        self.error, self.phase = np.zeros(panels), np.zeros(panels)

        g, energies, frame = in_middle_frame(matrices, half_width, nodes)
        self.phase = (energies[:, -1] - energies[:, 0]) * half_width
        back = dagger(frame)[:, None, None]
        moved = back @ slopes @ frame[:, None, None] * half_width[:, None, None, None, None]
        resolved = nodes_resolve(nodes, g, tolerance) & _resolved(moved, nodes, tolerance)
        for way in (self._direct, self._separate):
            index = np.flatnonzero(resolved & ~self.accepted)
            if index.size:
                way(index, g[index], moved[index], frame[index])

    def _put(
        self,
        index: IndexArray,
        frame: ComplexArray,
        propagator: ComplexArray,
        derivatives: ComplexArray,
        error: FloatArray | float,
    ) -> None:
        back = dagger(frame)
        self.propagator[index] = frame @ propagator @ back
        self.derivatives[index] = frame[:, None] @ derivatives @ back[:, None]
        self.accepted[index] = True
        self.error[index] = error

    def _direct(
        self, index: IndexArray, g: ComplexArray, moved: ComplexArray, frame: ComplexArray
    ) -> None:
        """Integrate panels of few turns in the interaction picture of the diagonal."""
        whole = np.ones((index.size, *g.shape[2:]), dtype=np.bool_)
        rows, y, slopes = _solve(g, moved, whole, self.grid, self.tolerance)
        self._put(index[rows], frame[rows], y, slopes, self.tolerance)

    def _separate(
        self, index: IndexArray, g: ComplexArray, moved: ComplexArray, middle: ComplexArray
    ) -> None:
        """Follow the superadiabatic frame; what it leaves coupled is integrated together."""
        energies, vectors = np.linalg.eigh(g)
        alignment, near = alignments(vectors)
        rotation = inverse_cayley(vectors * alignment[:, :, None])
        near &= tails(self.grid, rotation) <= _HOPELESS
        index, g, moved, middle = index[near], g[near], moved[near], middle[near]
        energies, rotation = energies[near], rotation[near]
        if index.size == 0:
            return
        g, frame = rotate(g, rotation, self.grid)
        phase = _phases(energies)
        together = phase < NEAR_PHASE
        g, frame, left = self._orders(g, energies, frame, together, phase)
        moved = dagger(frame)[:, :, None] @ moved @ frame[:, :, None]
        together |= (left > self.tolerance)[:, None, None]
        fine = _resolved(moved, self.grid, self.tolerance)
        index, g, moved, middle = index[fine], g[fine], moved[fine], middle[fine]
        if index.size == 0:
            return
        frame, left, together = frame[fine], left[fine], together[fine]
        rows, y, slopes = _solve(g, moved, _closed(together), self.grid, self.tolerance)
        start, end = dagger(frame[rows, 0]), frame[rows, -1]
        error = self.tolerance + 2 * np.where(left <= self.tolerance, left, 0.0)[rows]
        y, slopes = end @ y @ start, end[:, None] @ slopes @ start[:, None]
        self._put(index[rows], middle[rows], y, slopes, error)

    def _orders(
        self,
        g: ComplexArray,
        energies: FloatArray,
        frame: ComplexArray,
        together: BoolArray,
        phase: FloatArray,
    ) -> tuple[ComplexArray, ComplexArray, FloatArray]:
        """Return the generator and the frame of the best order, and what couples far levels."""
        difference = energies[..., :, None] - energies[..., None, :]
        near = together[:, None]
        weight = np.where(
            together, 0.0, np.minimum(1.0, self.grid.size**2 / np.maximum(phase, 1.0))
        )
        inverse = np.where(near, 0.0, 1 / np.where(near, 1.0, difference))
        best = largest_entries(weight[:, None] * g)
        best_g, best_frame = g.copy(), frame.copy()
        active = np.flatnonzero(best > self.tolerance)
        for _ in range(MOST_ROTATIONS):
            if active.size == 0:
                break
            g[active], q = rotate(g[active], -g[active] * inverse[active], self.grid)
            frame[active] = frame[active] @ q
            size = largest_entries(weight[active, None] * g[active])
            better = size < best[active]
            going_on = better & (size < 0.5 * best[active]) & (size > self.tolerance)
            rows = active[better]
            best[rows], best_g[rows], best_frame[rows] = size[better], g[rows], frame[rows]
            active = active[going_on]
        return best_g, best_frame, best


def _phases(energies: FloatArray) -> FloatArray:
    """Return by how much every two levels turn against each other on a panel, at least."""
    difference = energies[..., :, None] - energies[..., None, :]
    return np.asarray(2 * np.min(np.abs(difference), axis=1))


def _closed(together: BoolArray) -> BoolArray:
    """Return the groups of which `together` (P, N, N) names some pairs."""
    for _ in range(int(np.ceil(np.log2(together.shape[-1])))):
        together = (together.astype(np.float32) @ together.astype(np.float32)) > 0
    return together


def _resolved(moved: ComplexArray, nodes: Grid, tolerance: float) -> BoolArray:
    """Whether the nodes resolve all derivatives (P, n, K, N, N)."""
    return nodes_resolve(nodes, moved.reshape(*moved.shape[:2], -1, moved.shape[-1]), tolerance)


def _solve(
    g: ComplexArray, moved: ComplexArray, same: BoolArray, nodes: Grid, tolerance: float
) -> tuple[IndexArray, ComplexArray, ComplexArray]:
    """Return which panels can be solved with these groups of levels (P, N, N), their U and ∂U.

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
        return rows, g[:0, 0], moved[:0, 0]
    solved, y = picard(kernel[rows], nodes, tolerance)
    rows = rows[solved]
    y, g, forcing, same = (
        back[rows].swapaxes(-1, -2) * y[solved],
        g[rows],
        -1j * moved[rows],
        same[rows],
    )
    # What turns little is a plain integral in the picture in which all groups stand still.
    direct = _between(same, _phases(diagonals(g).real)) < _RESOLVED
    inside = np.where(direct[:, None, None], forcing, 0.0)
    inside = dagger(y)[:, :, None] @ inside @ y[:, :, None]
    flat = inside.reshape(*inside.shape[:2], -1, g.shape[-1])
    fine = tails(nodes, flat) <= np.maximum(tolerance, _ROUNDING * largest_entries(flat))
    rows, y, g, forcing = rows[fine], y[fine], g[fine], forcing[fine]
    same, direct = same[fine], direct[fine]
    w = np.einsum("mn,pnkij->pmkij", nodes.integral, inside[fine])
    w = y[:, :, None] @ w @ dagger(y)[:, :, None]
    if not direct.all():
        smooth, converged = _levin(g, forcing, same, ~direct, nodes, tolerance)
        rows, y, w = rows[converged], y[converged], (w + smooth)[converged]
    end = y[:, -1]
    return rows, end, w[:, -1] @ end[:, None] - end[:, None] @ w[:, 0]


def _between(same: BoolArray, phase: FloatArray) -> FloatArray:
    """Return the least phase between the groups of every two levels, 0 within one."""
    for _ in range(2):
        phase = np.min(np.where(same[:, :, :, None], phase[:, None], np.inf), axis=2)
        phase = phase.swapaxes(-1, -2)
    return np.asarray(np.where(same, 0.0, phase))


def _levin(
    g: ComplexArray,
    forcing: ComplexArray,
    same: BoolArray,
    far: BoolArray,
    nodes: Grid,
    tolerance: float,
) -> tuple[ComplexArray, BoolArray]:
    """Return the smooth solution of W′ = [K, W] + M between far groups, and where it was found."""
    energies = diagonals(g).real
    inner = np.where(same[:, None], -1j * g, 0.0)
    diagonals(inner)[...] = 0.0
    inner = inner[:, :, None]
    panel, a, b = np.nonzero(np.tril(far))
    turn = energies[panel, :, a] - energies[panel, :, b]
    system = np.linalg.inv(nodes.derivative + 1j * turn[:, :, None] * np.eye(nodes.size))
    w = np.zeros_like(forcing)
    scale = np.max(np.abs(forcing), axis=(1, 2, 3, 4))
    found = np.zeros(g.shape[0], dtype=np.bool_)
    for _ in range(_MOST_CORRECTIONS):
        right = forcing + inner @ w - w @ inner
        new = np.zeros_like(w)
        new[panel, ..., a, b] = system @ right[panel, ..., a, b]
        new[panel, ..., b, a] = -new[panel, ..., a, b].conj()
        change = np.max(np.abs(new - w), axis=(1, 2, 3, 4))
        w = new
        found = change <= np.maximum(0.1 * tolerance, _ROUNDING * scale)
        if found.all():
            break
    return w, found
