"""Vectorised step for panels of the Lindblad equation of an N-level system, all panels at once.

The analogue of `_many_level` for ρ stacked row by row into D = N² numbers. The Hamiltonian's frame
is followed with N×N matrices first, as far as the superadiabatic iteration carries; what the
environment couples in that frame is then removed pair by pair of the D elements, like the coupling
of levels there, with complex "energies": decay separates elements as well as rotation does.

Two things must stay exact at any slowness. Dephasing does not touch populations, so their
eigenvalue is zero by construction, never a computed number. And populations are described by the
trace and all of them but one: the trace is then one coordinate, whose row of the generator is zero.

Shapes: P panels, n nodes, N levels, D = N²; all generators are scaled to τ ∈ [−1, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import ComplexArray, FloatArray
from anticrossing.dynamics._many_level import (
    CLUSTER_PHASES,
    MOST_PICARD,
    MOST_ROTATIONS,
    NEAR_PHASE,
    STRONGEST_PICARD,
    BoolArray,
    _along_nodes,
    _dagger,
    _diagonal,
    _in_middle_frame,
    _inverse_cayley,
    _largest,
    _polar,
    _resolved,
    _rotate,
    _tail,
)
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.liouville import commutator, dissipator, eigen_generator, in_basis, kron
from anticrossing.environment import EigenRates, Nodes

# Row sums of a kernel above this lose digits: Picard iteration passes through terms of size e^sum.
_STRONGEST_KERNEL = 8.0
# Populations that relax by more than this on a panel are followed in the modes of their relaxation.
_RELAXED = 3.0
_WORST_MODES = 1e4
# Elements of ρ that shrink by more than e to this power are gone: 1e-16.
_DEAD = 37.0
_CHUNK_NUMBERS = 400_000

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
class _Bath:
    """The environment of some panels: rates in the eigenbasis, jumps in the middle frame."""

    rates: EigenRates | None
    jumps: list[ComplexArray]

    def of(self, index: npt.NDArray[Any]) -> _Bath:
        rates = self.rates
        if rates is not None:
            rates = EigenRates(rates.coherence[index], rates.transfer[index])
        return _Bath(rates, [jump[index] for jump in self.jumps])

    def generator(
        self, h: ComplexArray, frame: ComplexArray | None, eigenbasis: ComplexArray
    ) -> ComplexArray:
        """Return −i[h, ·] and the dissipators in `frame`, whose eigenvectors are `eigenbasis`."""
        total = commutator(h)
        if self.rates is not None:
            total += in_basis(eigen_generator(self.rates), eigenbasis)
        for jump in self.jumps:
            total += dissipator(jump if frame is None else _dagger(frame) @ jump @ frame)
        return total


@dataclass
class _Ends:
    """The change of basis at the two ends of every panel, and what the ends are reached by."""

    left_inverse: ComplexArray
    right: ComplexArray

    def of(self, index: npt.NDArray[Any]) -> _Ends:
        return _Ends(self.left_inverse[index], self.right[index])


def solve_panels(
    matrices: npt.NDArray[Any],
    nodes: Nodes,
    rates: EigenRates | None,
    jumps: list[ComplexArray],
    half_width: FloatArray,
    grid: Grid,
    tolerance: float,
) -> Solutions:
    """Solve dρ/dt = −i[H, ρ] + D[ρ] on every panel.

    Parameters
    ----------
    matrices : array, shape (P, n, N, N)
        H at the nodes, in radians per time.
    nodes : Nodes
        The same nodes, with the eigenvectors to which `rates` belong.
    rates : EigenRates or None
        Rates per time in the instantaneous eigenbasis.
    jumps : list of arrays, each of shape (P, n, N, N)
        Jump operators in the basis of H.
    half_width : array, shape (P,)
        Half the duration of every panel.
    grid : Grid
        The nodes.
    tolerance : float
        Bound on what is neglected on one panel.
    """
    panels, n, levels, _ = matrices.shape
    result = Solutions.empty(panels, levels**2)
    step = max(1, _CHUNK_NUMBERS // (n * levels**4))
    for first in range(0, panels, step):
        index = np.arange(first, min(first + step, panels))
        h = half_width[index][:, None, None, None]
        scaled = None
        if rates is not None:
            scaled = EigenRates(rates.coherence[index] * h, rates.transfer[index] * h)
        roots = [np.sqrt(h) * jump[index] for jump in jumps]
        solved = _solve_chunk(
            matrices[index],
            nodes.vectors[index],
            _Bath(scaled, roots),
            half_width[index],
            grid,
            tolerance,
        )
        result.put(index, solved)
    return result


def _solve_chunk(
    matrices: npt.NDArray[Any],
    vectors: ComplexArray,
    bath: _Bath,
    half_width: FloatArray,
    grid: Grid,
    tolerance: float,
) -> Solutions:
    panels, _, levels, _ = matrices.shape
    g, energies, frame = _in_middle_frame(matrices, half_width, grid)
    bath.jumps = [_dagger(frame)[:, None] @ jump @ frame[:, None] for jump in bath.jumps]
    resolved = _resolved(grid, g, tolerance)
    result = Solutions.empty(panels, levels**2)
    spread = (energies[:, -1] - energies[:, 0]) * half_width

    index = np.flatnonzero(resolved & (spread < STRONGEST_PICARD))
    if index.size:
        eigenbasis = _dagger(frame[index])[:, None] @ vectors[index]
        total = bath.of(index).generator(g[index], None, eigenbasis)
        _separate_trace(total, levels)
        fine = _resolved_pairs(grid, total, tolerance)
        index, total = index[fine], total[fine]
        if index.size:
            solved = _finish(total, _trace_ends(index.size, levels), grid, tolerance)
            result.put(index, _in_original(solved, frame[index], frame[index]))

    index = np.flatnonzero(resolved & ~result.accepted)
    if index.size == 0:
        return result
    g, frame, bath = g[index], frame[index], bath.of(index)
    energies, vectors = np.linalg.eigh(g)
    phases = 2 * np.min(np.diff(energies, axis=-1), axis=1)
    tried: BoolArray | None = None
    for threshold in CLUSTER_PHASES:
        joined = phases < threshold
        todo = ~result.accepted[index]
        if tried is not None:
            todo &= np.any(joined != tried, axis=-1)
        tried = joined
        for clustered in (False, True):
            rows = np.flatnonzero(todo & (joined.any(axis=-1) == clustered))
            if rows.size == 0:
                continue
            solved, left, right = _superadiabatic(
                g[rows],
                energies[rows],
                vectors[rows],
                joined[rows] if clustered else None,
                bath.of(rows),
                grid,
                tolerance,
            )
            solved = _in_original(solved, frame[rows] @ left, frame[rows] @ right)
            result.put(index[rows], solved)
    return result


def _superadiabatic(
    g: ComplexArray,
    energies: FloatArray,
    vectors: ComplexArray,
    joined: BoolArray | None,
    bath: _Bath,
    grid: Grid,
    tolerance: float,
) -> tuple[Solutions, ComplexArray, ComplexArray]:
    """Follow the frame of H, then remove what the environment couples in it.

    Returns the solutions in the frames at the two ends, and those frames.
    """
    panels, n, levels = energies.shape
    result = Solutions.empty(panels, levels**2)
    left = np.broadcast_to(np.eye(levels, dtype=np.complex128), (panels, levels, levels)).copy()
    right = left.copy()
    same = np.broadcast_to(np.eye(levels, dtype=np.bool_), (panels, levels, levels))
    if joined is not None:
        first = np.zeros((panels, 1), dtype=int)
        block = np.concatenate([first, np.cumsum(~joined, axis=-1)], axis=-1)
        same = block[:, :, None] == block[:, None, :]
    usable, h, frame, alignment, fine = _follow(g, energies, vectors, same, grid, tolerance)
    if usable.size == 0:
        return result, left, right
    left[usable], right[usable] = frame[:, 0], frame[:, -1]

    eigenbasis = _dagger(frame) @ vectors[usable]
    total = bath.of(usable).generator(h, frame, eigenbasis)
    _separate_trace(total, levels)
    fine &= _resolved_pairs(grid, total, tolerance)
    usable, total, alignment, same = usable[fine], total[fine], alignment[fine], same[usable[fine]]
    if usable.size == 0:
        return result, left, right
    ends = _trace_ends(usable.size, levels)
    if joined is not None:
        together = kron(same.astype(float), same.astype(float)) > 0
        solved = _eliminate(total, ends, grid, tolerance, still=True, blocks=(together, alignment))
        result.put(usable, solved)
        return result, left, right

    populations = np.arange(1, levels) * (levels + 1)
    middle = total[:, n // 2]
    relaxing = 2 * np.max(np.abs(_diagonal(middle)[:, populations]), axis=-1) > _RELAXED
    rows = np.flatnonzero(~relaxing)
    if rows.size:
        solved = _eliminate(total[rows], ends.of(rows), grid, tolerance, still=True)
        result.put(usable[rows], solved)
    rows = np.flatnonzero(relaxing)
    if rows.size:
        modes, inverse, good = _relaxation_modes(middle[rows], levels)
        rows, modes, inverse = rows[good], modes[good], inverse[good]
    if rows.size:
        changed = inverse[:, None] @ total[rows] @ modes[:, None]
        changed[:, :, 0] = 0.0
        there = _Ends(inverse @ ends.left_inverse[rows], ends.right[rows] @ modes)
        result.put(usable[rows], _eliminate(changed, there, grid, tolerance, still=False))
    return result, left, right


def _follow(
    g: ComplexArray,
    energies: FloatArray,
    vectors: ComplexArray,
    same: BoolArray,
    grid: Grid,
    tolerance: float,
) -> tuple[IndexArray, ComplexArray, ComplexArray, ComplexArray, BoolArray]:
    """Carry H into its superadiabatic frame, keeping that frame at every node.

    Returns the usable panels, H there, the frames, the alignment of the eigenvectors with them, and
    which of those panels are worth going on with.
    """
    n = energies.shape[1]
    same = same[:, None]
    alignment, aligned = _polar(np.where(same, _dagger(vectors), 0.0))
    usable = np.flatnonzero(aligned)
    if usable.size == 0:
        return usable, g[:0], g[:0], g[:0], aligned[:0]
    rotation = _inverse_cayley(vectors[usable] @ alignment[usable])
    g, frame = _rotate(g[usable], rotation, grid)
    resolved = _resolved(grid, g, tolerance)
    usable, g, frame = usable[resolved], g[resolved], frame[resolved]
    energies, alignment, same = energies[usable], alignment[usable], same[usable]
    if usable.size == 0:
        return usable, g, frame, alignment, aligned[:0]

    difference = energies[..., :, None] - energies[..., None, :]
    phase = 2 * np.min(np.abs(difference), axis=1)[:, None]
    near = same | (phase < NEAR_PHASE)
    inverse = np.where(near, 0.0, 1.0 / np.where(near, 1.0, difference))
    weight = np.where(near, 0.0, np.minimum(1.0, n**2 / np.maximum(phase, 1.0)))
    best = _largest(weight * g)
    best_g, best_frame = g.copy(), frame.copy()
    active = np.flatnonzero(best > tolerance)
    for _ in range(MOST_ROTATIONS):
        if active.size == 0:
            break
        u = alignment[active]
        off = np.where(near[active], 0.0, g[active])
        s = -_dagger(u) @ ((u @ off @ _dagger(u)) * inverse[active]) @ u
        g[active], q = _rotate(g[active], s, grid)
        frame[active] = frame[active] @ q
        size = _largest(weight[active] * g[active])
        better = size < best[active]
        going_on = better & (size < 0.5 * best[active]) & (size > tolerance)
        rows = active[better]
        best[rows] = size[better]
        best_g[rows], best_frame[rows] = g[rows], frame[rows]
        active = active[going_on]
    # A remainder that turns faster than the nodes resolve would be refused in the end anyway.
    turned = 2 * np.max(np.abs(difference), axis=1)
    left_over = np.max(np.abs(weight * best_g), axis=1) > tolerance
    hopeless = np.any(left_over & (turned > 6.0 * n), axis=(1, 2))
    independent = (best <= tolerance)[:, None, None, None]
    best_g = np.where(near | ~independent, best_g, 0.0)
    return usable, best_g, best_frame, alignment, ~hopeless


def _eliminate(
    g: ComplexArray,
    ends: _Ends,
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
    values = _diagonal(g).copy()
    if blocks is not None:
        change = kron(blocks[1], blocks[1].conj())
        to_eigenbasis = change @ ends.right[:, None]
        from_eigenbasis = ends.left_inverse[:, None] @ _dagger(change)
        values = _diagonal(to_eigenbasis @ g @ from_eigenbasis).copy()
        near = blocks[0][:, None]
    values[..., 0] = 0.0
    values[..., populations] = 0.0
    difference = values[..., :, None] - values[..., None, :]
    phase = 2 * np.min(np.abs(difference), axis=1)[:, None]
    near = near | (phase < NEAR_PHASE)
    weight = np.where(near, 0.0, np.minimum(1.0, n**2 / np.maximum(phase, 1.0)))
    g = g.copy()
    ends = _Ends(ends.left_inverse.copy(), ends.right.copy())
    best = _largest(weight * _survival(g, grid)[:, None] * g)
    best_g, best_ends = g.copy(), _Ends(ends.left_inverse.copy(), ends.right.copy())
    active = np.flatnonzero(best > tolerance)
    for _ in range(MOST_ROTATIONS):
        if active.size == 0:
            break
        off = np.where(near[active], 0.0, g[active])
        if to_eigenbasis is not None and from_eigenbasis is not None:
            there, back = to_eigenbasis[active], from_eigenbasis[active]
            s = back @ _quotient(there @ off @ back, difference[active], near[active]) @ there
            s[:, :, 0] = 0.0
        else:
            current = _diagonal(g[active]).copy()
            current[..., 0] = 0.0
            current[..., populations] = 0.0
            apart = current[..., :, None] - current[..., None, :]
            s = _quotient(off, apart, near[active])
        # Beyond norm 2 the rotation may not exist, and the iteration would not converge.
        gentle = np.max(np.minimum(_row_sums(s), _row_sums(s.swapaxes(-1, -2))), axis=1) < 1.9
        active, s = active[gentle], s[gentle]
        if active.size == 0:
            break
        g[active], q_right, q_left_inverse = _transform(g[active], s, grid)
        ends.right[active] = ends.right[active] @ q_right
        ends.left_inverse[active] = q_left_inverse @ ends.left_inverse[active]
        alive = _survival(g[active], grid)[:, None]
        size_now = _largest(weight[active] * alive * g[active])
        better = size_now < best[active]
        going_on = better & (size_now < 0.5 * best[active]) & (size_now > tolerance)
        rows = active[better]
        best[rows] = size_now[better]
        best_g[rows], best_ends.right[rows] = g[rows], ends.right[rows]
        best_ends.left_inverse[rows] = ends.left_inverse[rows]
        active = active[going_on]

    independent = best <= tolerance
    kept = np.where(near | ~independent[:, None, None, None], best_g, 0.0)
    finished = _finish(kept, best_ends, grid, tolerance)
    finished.error = np.where(independent, np.maximum(2 * best, finished.error), finished.error)
    return finished


def _row_sums(a: ComplexArray) -> FloatArray:
    return np.asarray(np.max(np.sum(np.abs(a), axis=-1), axis=-1))


def _quotient(off: ComplexArray, difference: ComplexArray, near: BoolArray) -> ComplexArray:
    return np.asarray(np.where(near, 0.0, -off / np.where(near, 1.0, difference)))


def _transform(
    g: ComplexArray, s: ComplexArray, grid: Grid
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return Q⁻¹GQ − Q⁻¹Q′ with Q = (1 − s/2)⁻¹(1 + s/2), Q at the end and Q⁻¹ at the start.

    The series of s is cut where it sinks into rounding noise, as in `_many_level`.
    """
    coefficients = _along_nodes(grid.to_coefficients, s)
    envelope = np.max(np.abs(coefficients), axis=(2, 3))
    noise = 4 * np.max(envelope[:, -3:], axis=1)
    significant = envelope > noise[:, None]
    kept = np.flip(np.maximum.accumulate(np.flip(significant, axis=1), axis=1), axis=1)
    coefficients = coefficients * kept[:, :, None, None]
    half = 0.5 * _along_nodes(grid.from_coefficients, coefficients)
    slope = _along_nodes(grid.slope_from_coefficients, coefficients)
    identity = np.eye(g.shape[-1])
    # (1 − s/2)⁻¹(1 + s/2) = 2(1 − s/2)⁻¹ − 1, and Q⁻¹Q′ = (1 + s/2)⁻¹ s′ (1 − s/2)⁻¹.
    minus, plus = np.linalg.inv(identity - half), np.linalg.inv(identity + half)
    q, q_inverse = 2 * minus - identity, 2 * plus - identity
    changed = q_inverse @ g @ q - plus @ slope @ minus
    changed[:, :, 0] = 0.0
    return np.asarray(changed), np.asarray(q[:, -1]), np.asarray(q_inverse[:, 0])


def _survival(g: ComplexArray, grid: Grid) -> FloatArray:
    """Return 0 for couplings among elements of ρ that decay to nothing on the panel, else 1.

    Decay of each element alone is no proof: couplings of the same strength can keep a combination
    alive, as strong dephasing along a fixed axis does. A set of elements dies if a logarithmic norm
    of the generator on it is negative enough: that of row sums, or that of the Hermitian part.
    """
    values = _diagonal(g)
    candidates = values.real.swapaxes(1, 2) @ grid.weights < -_DEAD
    dead = candidates.copy()
    rows = np.flatnonzero(candidates.any(axis=-1))
    if rows.size:
        magnitude = np.abs(g[rows])
        _diagonal(magnitude)[...] = 0.0
        for _ in range(4):
            inside = magnitude @ dead[rows, None, :, None].astype(float)
            growth = values.real[rows] + inside[..., 0]
            dead[rows] &= growth.swapaxes(1, 2) @ grid.weights < -_DEAD
        inside = magnitude @ dead[rows, None, :, None].astype(float)
        growth = np.where(dead[rows, None], values.real[rows] + inside[..., 0], -1e300)
        dead[rows] &= (np.max(growth, axis=-1) @ grid.weights < -_DEAD)[:, None]
    rows = np.flatnonzero(np.any(dead != candidates, axis=-1))
    if rows.size:
        member = candidates[rows]
        both = member[:, None, :, None] & member[:, None, None, :]
        block = np.where(both, g[rows][:, :: grid.size // 4], 0.0)
        hermitian = 0.5 * (block + _dagger(block))
        lowest = np.min(_diagonal(hermitian).real, axis=(1, 2))
        _diagonal(hermitian)[...] += np.where(member, 0.0, lowest[:, None])[:, None]
        growth = np.max(np.linalg.eigvalsh(hermitian), axis=(1, 2))
        dead[rows] = np.where((2 * growth < -_DEAD)[:, None], member, dead[rows])
    return np.where(dead[:, :, None] & dead[:, None, :], 0.0, 1.0)


def _finish(g: ComplexArray, ends: _Ends, grid: Grid, tolerance: float) -> Solutions:
    """Integrate the remaining generator: eigenvalues by quadrature, couplings by Picard iteration.

    The interaction picture contains every rotation, but of the decays only the slowest one among
    elements that are coupled: the others stay in the kernel, so that nothing ever grows.
    """
    panels, n, size, _ = g.shape
    result = Solutions.empty(panels, size)
    values = _diagonal(g).copy()
    values[..., 0] = 0.0
    theta = grid.integral @ values.imag
    decay = grid.integral @ values.real
    result.phase = np.max(np.abs(theta[:, -1]), axis=-1)

    survival = _survival(g, grid)
    coupled = 2 * survival * np.max(np.abs(g), axis=1) > 1e-3 * tolerance
    _diagonal(coupled)[...] = True
    group = coupled | coupled.swapaxes(-1, -2)
    for _ in range(int(np.ceil(np.log2(size)))):
        group = (group.astype(np.float32) @ group.astype(np.float32)) > 0
    slowest = np.argmax(np.where(group, decay[:, -1][:, None, :], -np.inf), axis=-1)
    reference = np.take_along_axis(values.real, slowest[:, None, :], axis=-1)
    total = np.take_along_axis(decay[:, -1], slowest, axis=-1)

    kernel = np.where(coupled[:, None], g, 0.0)
    _diagonal(kernel)[...] = values.real - reference
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
        fine = (_tail(grid, kernel) <= tolerance) & (spread < 3.0 * n)
        rows, kernel = rows[fine], kernel[fine]
    if rows.size:
        solved, y = _picard(kernel, grid, tolerance)
        inner[rows[solved]] = y[solved]
        result.accepted[rows[solved]] = True
        result.error[rows[solved]] = tolerance

    # In coordinates that are not orthogonal a diagonal element may grow a little: not clipped.
    result.accepted &= np.max(total, axis=-1) < 1.0
    factor = np.exp(1j * theta[:, -1] + np.minimum(total, 1.0))
    result.propagator = ends.right @ (factor[..., None] * inner) @ ends.left_inverse
    return result


def _picard(kernel: ComplexArray, grid: Grid, tolerance: float) -> tuple[BoolArray, ComplexArray]:
    """Solve y′ = kernel(τ) y, y(−1) = 1, by iterating the integral equation."""
    identity = np.eye(kernel.shape[-1])
    y = np.broadcast_to(identity, kernel.shape).astype(np.complex128)
    solved = np.zeros(kernel.shape[0], dtype=np.bool_)
    active = np.arange(kernel.shape[0])
    for _ in range(MOST_PICARD):
        new = identity + _along_nodes(grid.integral, kernel[active] @ y[active])
        change = np.max(np.abs(new - y[active]), axis=(1, 2, 3))
        y[active] = new
        done = change < 0.1 * tolerance
        solved[active[done]] = True
        active = active[~done]
        if active.size == 0:
            break
    solved &= _tail(grid, y) <= tolerance
    return solved, y[:, -1]


def _resolved_pairs(grid: Grid, g: ComplexArray, tolerance: float) -> BoolArray:
    """Whether the nodes resolve g: every coupling to rounding of what it couples, no coarser.

    A global measure would let rapid coherences excuse populations that change between the nodes.
    """
    coefficients = np.einsum("cn,pnab->pcab", grid.tail, g)
    tail = np.max(np.abs(coefficients), axis=1)
    size = np.max(np.abs(_diagonal(g)), axis=1)
    levels = math.isqrt(g.shape[-1])
    populations = np.arange(levels) * (levels + 1)
    block = g[:, :, populations[:, None], populations]
    size[:, populations] = np.max(np.abs(block), axis=(1, 2, 3))[:, None]
    scale = np.maximum(size[:, :, None], size[:, None, :])
    allowed = np.maximum(tolerance, 4e-15 * scale)
    return np.asarray(np.all(tail <= allowed, axis=(1, 2)))


# ---- coordinates -------------------------------------------------------------------------------


def _separate_trace(g: ComplexArray, levels: int) -> None:
    """Replace the first population by the trace, in place: (Σp, p₁, …) instead of (p₀, p₁, …)."""
    populations = np.arange(1, levels) * (levels + 1)
    g[..., populations] -= g[..., :1]
    # The sum of the population rows vanishes for every Lindblad generator: make that exact.
    g[..., 0, :] = 0.0


def _trace_ends(panels: int, levels: int) -> _Ends:
    """Return the matrices to and from the coordinates of `_separate_trace`."""
    populations = np.arange(1, levels) * (levels + 1)
    to_trace = np.eye(levels**2, dtype=np.complex128)
    from_trace = to_trace.copy()
    to_trace[0, populations] = 1.0
    from_trace[0, populations] = -1.0
    shape = (panels, levels**2, levels**2)
    return _Ends(np.broadcast_to(to_trace, shape).copy(), np.broadcast_to(from_trace, shape).copy())


def _relaxation_modes(
    middle: ComplexArray, levels: int
) -> tuple[ComplexArray, ComplexArray, BoolArray]:
    """Return the modes of population relaxation at the middle node, (P, D, D), and their inverse.

    Fast modes are counted from their equilibrium there. Panels whose modes are nearly dependent
    (close to an exceptional point) are reported as not usable.
    """
    populations = np.arange(1, levels) * (levels + 1)
    block = middle[:, populations[:, None], populations].real
    source = middle[:, populations, 0].real
    values, vectors = np.linalg.eig(block)
    vectors = vectors.astype(np.complex128)
    good = np.linalg.cond(vectors) < _WORST_MODES
    vectors[~good] = np.eye(levels - 1)
    inverse = np.linalg.inv(vectors)
    fast = 2 * np.abs(values) > _RELAXED
    driven = np.einsum("pij,pj->pi", inverse, source)
    shift = np.where(fast, -driven / np.where(fast, values, 1.0), 0.0)

    shape = (middle.shape[0], levels**2, levels**2)
    modes = np.broadcast_to(np.eye(levels**2, dtype=np.complex128), shape).copy()
    back = modes.copy()
    modes[:, populations[:, None], populations] = vectors
    modes[:, populations, 0] = np.einsum("pij,pj->pi", vectors, shift)
    back[:, populations[:, None], populations] = inverse
    back[:, populations, 0] = -shift
    return modes, back, good


def _in_original(solved: Solutions, left: ComplexArray, right: ComplexArray) -> Solutions:
    """Carry the maps from the frames at the ends to the original basis; clean their symmetries."""
    size = solved.propagator.shape[-1]
    levels = left.shape[-1]
    change = kron(right, right.conj())
    back = _dagger(kron(left, left.conj()))
    mapped = change @ solved.propagator @ back
    # ρ stays Hermitian: the map commutes with "conjugate and swap indices".
    swap = np.arange(size).reshape(levels, levels).T.ravel()
    mapped = 0.5 * (mapped + mapped[:, swap][:, :, swap].conj())
    populations = np.arange(levels) * (levels + 1)
    wanted = np.zeros(size)
    wanted[populations] = 1.0
    missing = wanted - mapped[:, populations].sum(axis=1)
    mapped[:, populations] += missing[:, None] / levels
    solved.propagator = mapped
    return solved
