"""Removing couplings between elements of ρ pair by pair, and integrating what remains.

One step for a stack of generators of size D = N² at the nodes of panels, in the coordinates
`_superoperator` sets up: the first is the trace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics._many_level import MOST_ROTATIONS, NEAR_PHASE
from anticrossing.dynamics._stacks import (
    BoolArray,
    diagonals,
    half_and_slope,
    largest_entries,
    picard,
    tails,
)
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.liouville import kron

# Row sums of a kernel above this lose digits: Picard iteration passes through terms of size e^sum.
_STRONGEST_KERNEL = 8.0
# Elements of ρ that shrink by more than e to this power are gone: 1e-16.
_LEAST_ROTATIONS = 2
_SLIGHT = 0.05  # a rotation whose second order is worth a look
DEAD = 37.0

IndexArray = npt.NDArray[np.intp]


@dataclass
class Solutions:
    """What one pass over P panels gives; rows of refused panels hold no meaning.

    `propagator` maps the stacked ρ across the panel in the original basis, shape (P, D, D).
    """

    accepted: BoolArray
    propagator: ComplexArray
    error: FloatArray
    phase: FloatArray

    @classmethod
    def empty(cls, panels: int, size: int) -> Solutions:
        return cls(
            np.zeros(panels, dtype=np.bool_),
            np.zeros((panels, size, size), dtype=np.complex128),
            np.zeros(panels),
            np.zeros(panels),
        )

    def put(self, index: IndexArray, other: Solutions) -> None:
        """Store the accepted rows of `other`, which were solved for the panels `index`."""
        rows = index[other.accepted]
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)[other.accepted]


@dataclass
class Ends:
    """The change of basis at the two ends of every panel, and what the ends are reached by."""

    left_inverse: ComplexArray
    right: ComplexArray

    def of(self, index: npt.NDArray[Any]) -> Ends:
        return Ends(self.left_inverse[index], self.right[index])


def eliminate(
    g: ComplexArray,
    ends: Ends,
    grid: Grid,
    tolerance: float,
    *,
    still: bool,
    blocks: tuple[BoolArray, ComplexArray] | None = None,
) -> Solutions:
    """Remove the couplings between elements of ρ that turn or decay apart, then integrate.

    With `still` the populations count as eigenvalue zero; otherwise each coordinate has its own.
    `blocks` names the elements that stay together, and aligns them with the eigenbasis.
    """
    panels, n, size, _ = g.shape
    levels = math.isqrt(size)
    populations = np.arange(0 if still else levels, levels) * (levels + 1)
    to_eigenbasis = from_eigenbasis = None
    near = np.broadcast_to(np.eye(size, dtype=np.bool_), (panels, 1, size, size))
    values = diagonals(g).copy()
    if blocks is not None:
        change = kron(blocks[1], blocks[1].conj())
        to_eigenbasis = change @ ends.right[:, None]
        from_eigenbasis = ends.left_inverse[:, None] @ dagger(change)
        values = diagonals(to_eigenbasis @ g @ from_eigenbasis).copy()
        near = blocks[0][:, None]
    values[..., 0] = 0.0
    values[..., populations] = 0.0
    difference = values[..., :, None] - values[..., None, :]
    phase = 2 * np.min(np.abs(difference), axis=1)[:, None]
    near = near | (phase < NEAR_PHASE)
    weight = np.where(near, 0.0, np.minimum(1.0, n**2 / np.maximum(phase, 1.0)))
    g = g.copy()
    ends = Ends(ends.left_inverse.copy(), ends.right.copy())
    best = largest_entries(weight * surviving(g, grid)[:, None] * g)
    best_g, best_ends = g.copy(), Ends(ends.left_inverse.copy(), ends.right.copy())
    active = np.flatnonzero(best > tolerance)
    for count in range(MOST_ROTATIONS):
        if active.size == 0:
            break
        off = np.where(near[active], 0.0, g[active])
        if to_eigenbasis is not None and from_eigenbasis is not None:
            there, back = to_eigenbasis[active], from_eigenbasis[active]
            s = back @ _quotient(there @ off @ back, difference[active], near[active]) @ there
            s[:, :, 0] = 0.0
        else:
            current = diagonals(g[active]).copy()
            current[..., 0] = 0.0
            current[..., populations] = 0.0
            apart = current[..., :, None] - current[..., None, :]
            s = _quotient(off, apart, near[active])
        # Beyond norm 2 the rotation may not exist, and the iteration would not converge.
        turned = np.max(np.minimum(row_sums(s), row_sums(s.swapaxes(-1, -2))), axis=1)
        gentle = turned < 1.9
        active, s, turned = active[gentle], s[gentle], turned[gentle]
        if active.size == 0:
            break
        g[active], q, q_inverse = transform(g[active], s, grid)
        ends.right[active] = ends.right[active] @ q[:, -1]
        ends.left_inverse[active] = q_inverse[:, 0] @ ends.left_inverse[active]
        alive = surviving(g[active], grid)[:, None]
        size_now = largest_entries(weight[active] * alive * g[active])
        better = size_now < best[active]
        # What goes by way of a fast element, as the equilibrium may, shows after the first order.
        first = (turned < _SLIGHT) & (count + 1 < _LEAST_ROTATIONS)
        going_on = better & (size_now < 0.5 * best[active]) | first
        going_on &= size_now > tolerance
        rows = active[better]
        best[rows] = size_now[better]
        best_g[rows], best_ends.right[rows] = g[rows], ends.right[rows]
        best_ends.left_inverse[rows] = ends.left_inverse[rows]
        active = active[going_on]

    independent = best <= tolerance
    kept = np.where(near | ~independent[:, None, None, None], best_g, 0.0)
    finished = integrate(kept, best_ends, grid, tolerance)
    finished.error = np.where(independent, np.maximum(2 * best, finished.error), finished.error)
    return finished


def _quotient(off: ComplexArray, difference: ComplexArray, near: BoolArray) -> ComplexArray:
    return np.asarray(np.where(near, 0.0, -off / np.where(near, 1.0, difference)))


def transform(
    g: ComplexArray, s: ComplexArray, grid: Grid
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return Q⁻¹GQ − Q⁻¹Q′ with Q = (1 − s/2)⁻¹(1 + s/2), Q and Q⁻¹, at the nodes."""
    half, slope = half_and_slope(s, grid)
    # Every shift of the origin is smoothed on its own: modes that are gone turn by mere rounding.
    panels, n, size, _ = s.shape
    shift = np.ascontiguousarray(s[..., 0].swapaxes(1, 2)).reshape(-1, n, 1, 1)
    for whole, own in zip((half, slope), half_and_slope(shift, grid), strict=True):
        whole[..., 0] = own.reshape(panels, size, n).swapaxes(1, 2)
    identity = np.eye(g.shape[-1])
    # (1 − s/2)⁻¹(1 + s/2) = 2(1 − s/2)⁻¹ − 1, and Q⁻¹Q′ = (1 + s/2)⁻¹ s′ (1 − s/2)⁻¹.
    minus, plus = np.linalg.inv(identity - half), np.linalg.inv(identity + half)
    q, q_inverse = 2 * minus - identity, 2 * plus - identity
    changed = q_inverse @ g @ q - plus @ slope @ minus
    changed[:, :, 0] = 0.0
    return np.asarray(changed), np.asarray(q), np.asarray(q_inverse)


def row_sums(a: ComplexArray) -> FloatArray:
    return np.asarray(np.max(np.sum(np.abs(a), axis=-1), axis=-1))


def surviving(g: ComplexArray, grid: Grid) -> FloatArray:
    """Return 0 for couplings among elements of ρ that decay to nothing on the panel, else 1.

    Decay of each element alone is no proof: couplings of the same strength can keep a combination
    alive, as strong dephasing along a fixed axis does. A set of elements dies if a logarithmic norm
    of the generator on it is negative enough: from row sums, or from the Hermitian part.
    """
    values = diagonals(g)
    candidates = values.real.swapaxes(1, 2) @ grid.weights < -DEAD
    dead = candidates.copy()
    rows = np.flatnonzero(candidates.any(axis=-1))
    if rows.size:
        magnitude = np.abs(g[rows])
        diagonals(magnitude)[...] = 0.0
        for _ in range(4):
            inside = magnitude @ dead[rows, None, :, None].astype(float)
            growth = values.real[rows] + inside[..., 0]
            dead[rows] &= growth.swapaxes(1, 2) @ grid.weights < -DEAD
        inside = magnitude @ dead[rows, None, :, None].astype(float)
        growth = np.where(dead[rows, None], values.real[rows] + inside[..., 0], -1e300)
        dead[rows] &= (np.max(growth, axis=-1) @ grid.weights < -DEAD)[:, None]
    rows = np.flatnonzero(np.any(dead != candidates, axis=-1))
    if rows.size:
        member = candidates[rows]
        both = member[:, None, :, None] & member[:, None, None, :]
        block = np.where(both, g[rows][:, :: grid.size // 4], 0.0)
        hermitian = hermitian_part(block)
        lowest = np.min(diagonals(hermitian).real, axis=(1, 2))
        diagonals(hermitian)[...] += np.where(member, 0.0, lowest[:, None])[:, None]
        growth = np.max(np.linalg.eigvalsh(hermitian), axis=(1, 2))
        dead[rows] = np.where((2 * growth < -DEAD)[:, None], member, dead[rows])
    return np.where(dead[:, :, None] & dead[:, None, :], 0.0, 1.0)


def remembered(decay: FloatArray) -> FloatArray:
    """Return the share of a panel that is not forgotten at its end, (1 − e^−d)/d of a decay d."""
    decay = np.maximum(decay, 1e-9)
    return np.asarray(-np.expm1(-decay) / decay)


def integrate(
    g: ComplexArray, ends: Ends, grid: Grid, tolerance: float, known: FloatArray | None = None
) -> Solutions:
    """Integrate the remaining generator: eigenvalues by quadrature, couplings by Picard iteration.

    Rounding leaves `known` (P,) open of what lives on the panels.

    The interaction picture contains every rotation, but of the decays only the slowest one among
    elements that are coupled: the others stay in the kernel, so that nothing ever grows.
    """
    panels, n, size, _ = g.shape
    result = Solutions.empty(panels, size)
    known = np.zeros(panels) if known is None else known
    values = diagonals(g).copy()
    values[..., 0] = 0.0
    theta = grid.integral @ values.imag
    decay = grid.integral @ values.real
    result.phase = np.max(np.abs(theta[:, -1]), axis=-1)

    survival = surviving(g, grid)
    coupled = 2 * survival * np.max(np.abs(g), axis=1) > 1e-3 * tolerance
    diagonals(coupled)[...] = True
    group = coupled | coupled.swapaxes(-1, -2)
    for _ in range(int(np.ceil(np.log2(size)))):
        group = (group.astype(np.float32) @ group.astype(np.float32)) > 0
    slowest = np.argmax(np.where(group, decay[:, -1][:, None, :], -np.inf), axis=-1)
    reference = np.take_along_axis(values.real, slowest[:, None, :], axis=-1)
    total = np.take_along_axis(decay[:, -1], slowest, axis=-1)

    kernel = np.where(coupled[:, None], g, 0.0)
    diagonals(kernel)[...] = values.real - reference
    strength = np.max(np.sum(np.abs(kernel), axis=-1), axis=(1, 2))
    inner = np.broadcast_to(np.eye(size, dtype=np.complex128), (panels, size, size)).copy()
    trivial = strength <= 1e-3 * tolerance
    result.accepted |= trivial
    rows = np.flatnonzero(~trivial & (strength < _STRONGEST_KERNEL))
    if rows.size:
        turning = np.exp(1j * theta[rows])
        kernel = turning[..., :, None].conj() * kernel[rows] * turning[..., None, :]
        turned = np.max(np.abs(theta[rows][..., :, None] - theta[rows][..., None, :]), axis=1)
        spread = np.max(np.where(coupled[rows], turned, 0.0), axis=(1, 2))
        allowed = np.maximum(tolerance, known[rows])
        fine = (tails(grid, kernel) <= allowed) & (spread < 3.0 * n)
        rows, kernel = rows[fine], kernel[fine]
    if rows.size:
        solved, y = picard(kernel, grid, tolerance, known[rows])
        inner[rows[solved]] = y[solved, -1]
        result.accepted[rows[solved]] = True
        result.error[rows[solved]] = tolerance

    # In coordinates that are not orthogonal a diagonal element may grow a little: not clipped.
    result.accepted &= np.max(total, axis=-1) < 1.0
    factor = np.exp(1j * theta[:, -1] + np.minimum(total, 1.0))
    result.propagator = ends.right @ (factor[..., None] * inner) @ ends.left_inverse
    return result


def pairs_resolve(grid: Grid, g: ComplexArray, tolerance: float) -> BoolArray:
    """Whether the nodes resolve g: every coupling to the rounding of the elements it couples.

    A global measure would let rapid coherences excuse populations that change between the nodes.
    """
    coefficients = np.einsum("cn,pnab->pcab", grid.tail, g)
    tail = np.max(np.abs(coefficients), axis=1)
    size = np.max(np.abs(diagonals(g)), axis=1)
    levels = math.isqrt(g.shape[-1])
    populations = np.arange(levels) * (levels + 1)
    block = g[:, :, populations[:, None], populations]
    size[:, populations] = np.max(np.abs(block), axis=(1, 2, 3))[:, None]
    scale = np.maximum(size[:, :, None], size[:, None, :])
    allowed = np.maximum(tolerance, 4e-15 * scale)
    return np.asarray(np.all(tail <= allowed, axis=(1, 2)))
