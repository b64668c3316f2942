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

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, polar_factor
from anticrossing.dynamics import _spectral
from anticrossing.dynamics._blocks import STRONGEST_PICARD
from anticrossing.dynamics._elimination import Ends, Solutions, eliminate, integrate, pairs_resolve
from anticrossing.dynamics._many_level import (
    CLUSTER_PHASES,
    MOST_ROTATIONS,
    NEAR_PHASE,
    clusterings,
)
from anticrossing.dynamics._pointer_states import pointer_states
from anticrossing.dynamics._stacks import (
    BoolArray,
    diagonals,
    in_middle_frame,
    inverse_cayley,
    largest_entries,
    nodes_resolve,
    rotate,
)
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.liouville import commutator, dissipator, eigen_generator, in_basis, kron
from anticrossing.environment import EigenRates, Nodes

# Populations that relax by more than this on a panel are followed in the modes of their relaxation.
_RELAXED = 3.0
_WORST_MODES = 1e4
_CHUNK_NUMBERS = 400_000

IndexArray = npt.NDArray[np.intp]


@dataclass
class _Bath:
    """The environment of some panels: rates in the eigenbasis, the rest in the middle frame."""

    rates: EigenRates | None
    jumps: list[ComplexArray]
    rest: ComplexArray | None

    def of(self, index: npt.NDArray[Any]) -> _Bath:
        rates = self.rates
        if rates is not None:
            rates = EigenRates(rates.coherence[index], rates.transfer[index])
        rest = None if self.rest is None else self.rest[index]
        return _Bath(rates, [jump[index] for jump in self.jumps], rest)

    def turned(self, frame: ComplexArray) -> _Bath:
        """Return the same, (P, n, …), in a frame (P, N, N) of the basis of H."""
        jumps = [dagger(frame)[:, None] @ jump @ frame[:, None] for jump in self.jumps]
        rest = None if self.rest is None else in_basis(self.rest, dagger(frame)[:, None])
        return _Bath(self.rates, jumps, rest)

    def generator(
        self, h: ComplexArray, frame: ComplexArray | None, eigenbasis: ComplexArray
    ) -> ComplexArray:
        """Return −i[h, ·] and the dissipators in `frame`, whose eigenvectors are `eigenbasis`."""
        total = commutator(h)
        if self.rates is not None:
            total += in_basis(eigen_generator(self.rates), eigenbasis)
        for jump in self.jumps:
            total += dissipator(jump if frame is None else dagger(frame) @ jump @ frame)
        if self.rest is not None:
            total += self.rest if frame is None else in_basis(self.rest, dagger(frame))
        return total


def solve_panels(
    matrices: npt.NDArray[Any],
    nodes: Nodes,
    rates: EigenRates | None,
    jumps: list[ComplexArray],
    rest: ComplexArray | None,
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
    rest : array, shape (P, n, N², N²), or None
        What else acts on ρ, in no Lindblad form.
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
        bath = _Bath(scaled, roots, None if rest is None else rest[index] * h)
        solved = _solve_chunk(
            matrices[index], nodes.vectors[index], bath, half_width[index], grid, tolerance
        )
        result.put(index, solved)
    rows = np.flatnonzero(~result.accepted)
    for first in range(0, rows.size, step):
        index = rows[first : first + step]
        result.put(
            index,
            split_spectrum(matrices, nodes, rates, jumps, rest, half_width, index, grid, tolerance),
        )
    return result


def split_spectrum(
    matrices: npt.NDArray[Any],
    nodes: Nodes,
    rates: EigenRates | None,
    jumps: list[ComplexArray],
    rest: ComplexArray | None,
    half_width: FloatArray,
    index: IndexArray,
    grid: Grid,
    tolerance: float,
) -> Solutions:
    """Solve the panels `index` of `solve_panels` by the spectrum of the whole generator."""
    levels = matrices.shape[-1]
    result = Solutions.empty(index.size, levels**2)
    h = half_width[index][:, None, None, None]
    bath = _Bath(rates, jumps, rest).of(index)
    frame, jumps = pointer_states(bath.jumps, index.size, levels)
    bath = bath.turned(frame)
    bath.jumps = jumps  # without the rounding of that frame
    back = dagger(frame)[:, None]
    total = bath.generator(
        back @ matrices[index] @ frame[:, None], None, back @ nodes.vectors[index]
    )
    total *= h
    _separate_trace(total, levels)
    decay = np.max(np.abs(diagonals(total).real), axis=(1, 2), initial=0.0)
    rows = np.flatnonzero((2 * decay > _RELAXED) & pairs_resolve(grid, total, tolerance))
    if rows.size:
        solved = _spectral.solve(total[rows], _trace_ends(rows.size, levels), grid, tolerance)
        result.put(rows, _in_original(solved, frame[rows], frame[rows]))
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
    g, energies, frame = in_middle_frame(
        matrices.astype(np.complex128, copy=False), half_width, grid
    )
    bath = bath.turned(frame)
    resolved = nodes_resolve(grid, g, tolerance)
    result = Solutions.empty(panels, levels**2)
    spread = (energies[:, -1] - energies[:, 0]) * half_width

    index = np.flatnonzero(resolved & (spread < STRONGEST_PICARD))
    if index.size:
        eigenbasis = dagger(frame[index])[:, None] @ vectors[index]
        total = bath.of(index).generator(g[index], None, eigenbasis)
        _separate_trace(total, levels)
        fine = pairs_resolve(grid, total, tolerance)
        index, total = index[fine], total[fine]
        if index.size:
            solved = integrate(total, _trace_ends(index.size, levels), grid, tolerance)
            result.put(index, _in_original(solved, frame[index], frame[index]))

    index = np.flatnonzero(resolved & ~result.accepted)
    if index.size == 0:
        return result
    g, frame, bath = g[index], frame[index], bath.of(index)
    energies, vectors = np.linalg.eigh(g)
    phases = 2 * np.min(np.diff(energies, axis=-1), axis=1)
    ways = [phases < least for least in CLUSTER_PHASES]
    for joined, todo in clusterings(ways, result.accepted, index):
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
    """Follow the frame of H, then remove what the environment couples in it."""
    # Returns the solutions in the frames at the two ends, and those frames.
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

    eigenbasis = dagger(frame) @ vectors[usable]
    total = bath.of(usable).generator(h, frame, eigenbasis)
    _separate_trace(total, levels)
    fine &= pairs_resolve(grid, total, tolerance)
    usable, total, alignment, same = usable[fine], total[fine], alignment[fine], same[usable[fine]]
    if usable.size == 0:
        return result, left, right
    ends = _trace_ends(usable.size, levels)
    if joined is not None:
        together = kron(same.astype(float), same.astype(float)) > 0
        solved = eliminate(total, ends, grid, tolerance, still=True, blocks=(together, alignment))
        result.put(usable, solved)
        return result, left, right

    populations = np.arange(1, levels) * (levels + 1)
    middle = total[:, n // 2]
    relaxing = 2 * np.max(np.abs(diagonals(middle)[:, populations]), axis=-1) > _RELAXED
    rows = np.flatnonzero(~relaxing)
    if rows.size:
        solved = eliminate(total[rows], ends.of(rows), grid, tolerance, still=True)
        result.put(usable[rows], solved)
    rows = np.flatnonzero(relaxing)
    if rows.size:
        modes, inverse, good = _relaxation_modes(middle[rows], levels)
        rows, modes, inverse = rows[good], modes[good], inverse[good]
    if rows.size:
        changed = inverse[:, None] @ total[rows] @ modes[:, None]
        changed[:, :, 0] = 0.0
        there = Ends(inverse @ ends.left_inverse[rows], ends.right[rows] @ modes)
        result.put(usable[rows], eliminate(changed, there, grid, tolerance, still=False))
    return result, left, right


def _follow(
    g: ComplexArray,
    energies: FloatArray,
    vectors: ComplexArray,
    same: BoolArray,
    grid: Grid,
    tolerance: float,
) -> tuple[IndexArray, ComplexArray, ComplexArray, ComplexArray, BoolArray]:
    """Carry H into its superadiabatic frame, keeping that frame at every node."""
    # Returns the usable panels, H there, the frames, the alignment of the eigenvectors with them,
    # and which of those panels are worth going on with.
    n = energies.shape[1]
    same = same[:, None]
    alignment, aligned = polar_factor(np.where(same, dagger(vectors), 0.0))
    usable = np.flatnonzero(aligned)
    if usable.size == 0:
        return usable, g[:0], g[:0], g[:0], aligned[:0]
    rotation = inverse_cayley(vectors[usable] @ alignment[usable])
    g, frame = rotate(g[usable], rotation, grid)
    resolved = nodes_resolve(grid, g, tolerance)
    usable, g, frame = usable[resolved], g[resolved], frame[resolved]
    energies, alignment, same = energies[usable], alignment[usable], same[usable]
    if usable.size == 0:
        return usable, g, frame, alignment, aligned[:0]

    difference = energies[..., :, None] - energies[..., None, :]
    phase = 2 * np.min(np.abs(difference), axis=1)[:, None]
    near = same | (phase < NEAR_PHASE)
    inverse = np.where(near, 0.0, 1.0 / np.where(near, 1.0, difference))
    weight = np.where(near, 0.0, np.minimum(1.0, n**2 / np.maximum(phase, 1.0)))
    best = largest_entries(weight * g)
    best_g, best_frame = g.copy(), frame.copy()
    active = np.flatnonzero(best > tolerance)
    for _ in range(MOST_ROTATIONS):
        if active.size == 0:
            break
        u = alignment[active]
        off = np.where(near[active], 0.0, g[active])
        s = -dagger(u) @ ((u @ off @ dagger(u)) * inverse[active]) @ u
        g[active], q = rotate(g[active], s, grid)
        frame[active] = frame[active] @ q
        size = largest_entries(weight[active] * g[active])
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


# ---- coordinates -------------------------------------------------------------------------------


def _separate_trace(g: ComplexArray, levels: int) -> None:
    """Replace the first population by the trace, in place: (Σp, p₁, …) instead of (p₀, p₁, …)."""
    populations = np.arange(1, levels) * (levels + 1)
    g[..., populations] -= g[..., :1]
    # The sum of the population rows vanishes for every Lindblad generator: make that exact.
    g[..., 0, :] = 0.0


def _trace_ends(panels: int, levels: int) -> Ends:
    """Return the matrices to and from the coordinates of `_separate_trace`."""
    populations = np.arange(1, levels) * (levels + 1)
    to_trace = np.eye(levels**2, dtype=np.complex128)
    from_trace = to_trace.copy()
    to_trace[0, populations] = 1.0
    from_trace[0, populations] = -1.0
    shape = (panels, levels**2, levels**2)
    return Ends(np.broadcast_to(to_trace, shape).copy(), np.broadcast_to(from_trace, shape).copy())


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
    back = dagger(kron(left, left.conj()))
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
