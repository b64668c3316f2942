"""Slow evolution of a large H within its lowest levels, with a bound on what leaves them.

The state is followed on the pieces of `_followed`, by the panels that any small H is followed by.
With φ = B c for the state that is followed and q = i v Y c beside it (v = dx/dt),

    (d/dt + iH)(φ + q) = i v² Q (dY/dx) c + i v′ Y c − i v² B K c + O(v³),

K the part of (dB/dx)†Y that is not Hermitian. So the error of the amplitudes is at most |v| ‖Y c‖
where the evolution starts, and wherever the number of levels changes, and the integral over time of
the norm of the right-hand side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray, fail
from anticrossing._core.linalg import nearer_unitary
from anticrossing._core.threads import one_thread
from anticrossing.drive import Drive
from anticrossing.dynamics import _many_level
from anticrossing.dynamics._followed import NODES, Follower, Piece
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES
from anticrossing.hamiltonian.sparse import SparseHamiltonian

_EPSILON = float(np.finfo(np.float64).eps)
_CONNECTION = 4.0 * NODES  # what differentiation makes of what the nodes miss
_EIGENVALUE = 4.0 * _EPSILON  # of the largest energy: the rounding of an eigenvalue
_PANEL_TOLERANCE = 1e-13
_MOST_ROUNDS = 60
_SAMPLES = 4097  # of the velocity


@dataclass
class Followed:
    """The state in the lowest levels.

    Attributes
    ----------
    amplitudes : array, shape (k,)
        In the eigenstates at the end.
    state : array, shape (N,)
        The state, without what is mixed into it from the other levels.
    at_times : list of array
        The amplitudes at the requested times.
    leakage : float
        Bound on the error of the amplitudes by what the other levels do.
    numerical : float
        The same by nodes, panels and rounding.
    levels : int
        The fewest levels that were followed at once.
    solved : int
        How many eigenproblems it took.
    """

    amplitudes: ComplexArray
    state: ComplexArray
    at_times: list[ComplexArray] = field(default_factory=list)
    leakage: float = 0.0
    numerical: float = 0.0
    levels: int = 0
    solved: int = 0


class Path:
    """A drive that does not turn, of a single parameter point: positions, velocities, times."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self.start, self.stop = float(drive.start_time), float(drive.stop_time)
        self.ends = float(drive.start), float(drive.stop)
        self.breakpoints = np.asarray(drive.breakpoints, dtype=np.float64).ravel()
        grid_times = np.linspace(self.start, self.stop, _SAMPLES)
        self.samples = np.unique(np.concatenate([grid_times, self.breakpoints]))
        self.velocities = self.velocity(self.samples)

    @property
    def turns(self) -> bool:
        """Whether the drive moves both ways, or not at all."""
        largest = float(np.max(np.abs(self.velocities)))
        sign = np.sign(self.ends[1] - self.ends[0])
        return bool(sign == 0 or np.any(sign * self.velocities < -1e-12 * largest))

    def position(self, times: FloatArray) -> FloatArray:
        """Return x at times inside the window, within its ends."""
        found = np.real(self._drive(times))
        return np.clip(found, min(self.ends), max(self.ends))

    def velocity(self, times: FloatArray) -> FloatArray:
        """Return dx/dt."""
        return np.asarray(np.real(self._drive.velocity(times)), dtype=np.float64)

    def times(self, positions: FloatArray) -> FloatArray:
        """Return when the path is at positions, by halving."""
        low = np.full(positions.shape, self.start)
        high = np.full(positions.shape, self.stop)
        sign = 1.0 if self.ends[1] > self.ends[0] else -1.0
        for _ in range(64):
            middle = low + (high - low) / 2
            before = sign * (self.position(middle) - positions) < 0
            low, high = np.where(before, middle, low), np.where(before, high, middle)
        found = low + (high - low) / 2
        found = np.where(positions == self.ends[0], self.start, found)
        return np.where(positions == self.ends[1], self.stop, found)

    def variation(self, edges: FloatArray) -> FloatArray:
        """Return how much the velocity changes in every interval between increasing edges."""
        times = np.unique(np.concatenate([self.samples, edges]))
        speed = self.velocity(times)
        place = np.clip(np.searchsorted(edges, times[:-1], side="right") - 1, 0, edges.size - 2)
        inside = (times[:-1] >= edges[0]) & (times[1:] <= edges[-1])
        changes = np.where(inside, np.abs(np.diff(speed)), 0.0)
        return np.bincount(place, changes, minlength=edges.size - 1).astype(np.float64)


def follow(
    terms: SparseHamiltonian,
    path: Path,
    initial: int | ComplexArray,
    levels: int,
    times: FloatArray,
    tell: Callable[[float], None],
) -> Followed:
    """Carry a state along a path within the lowest levels."""
    follower = Follower(terms, levels)
    with one_thread:
        pieces = follower.pieces(*path.ends, tell)
    forward = path.ends[1] > path.ends[0]
    if not forward:
        pieces.reverse()
    angular = terms.hamiltonian.units.angular
    motion = _first(pieces[0], initial, forward)
    before: Piece | None = None
    with one_thread:
        for piece in pieces:
            if before is not None:
                _hand_over(motion, before, piece, forward, path)
            elif motion.leakage > 0.5:
                raise fail(
                    "initial",
                    f"lie in the {piece.levels} lowest levels, which can be told from the others",
                    f"a part of {motion.leakage:.2g} does not",
                )
            _along(motion, piece, path, forward, times, angular)
            before = piece
    last = pieces[-1]
    end = -1 if forward else 0
    motion.state = motion.amplitudes @ (last.last if forward else last.first)
    motion.amplitudes = last.eigen[end].conj().T @ motion.amplitudes
    motion.levels = min(piece.levels for piece in pieces)
    motion.solved = follower.solved
    return motion


def _first(piece: Piece, initial: int | ComplexArray, forward: bool) -> Followed:
    """Return the state at the start, in the basis of the first piece."""
    basis = piece.first if forward else piece.last
    if isinstance(initial, int):
        if initial >= piece.levels:
            raise fail(
                "initial",
                f"be one of the {piece.levels} lowest levels, which can be told from the others at "
                "the start",
                f"it is {initial}",
            )
        amplitudes = piece.eigen[0 if forward else -1][:, initial].astype(np.complex128)
        return Followed(amplitudes, amplitudes @ basis)
    amplitudes = basis.conj() @ initial
    missing = float(np.linalg.norm(initial - amplitudes @ basis))
    return Followed(amplitudes, initial, leakage=missing if missing > 1e-10 else 0.0)


def _hand_over(motion: Followed, before: Piece, piece: Piece, forward: bool, path: Path) -> None:
    """Write the state in the basis of the next piece."""
    old = before.last if forward else before.first
    new = piece.first if forward else piece.last
    overlap = new.conj() @ old.T
    carried = overlap @ motion.amplitudes
    lost = float(np.linalg.norm(motion.amplitudes - overlap.conj().T @ carried))
    if before.levels == piece.levels:
        motion.numerical += lost
    else:
        motion.leakage += lost
        edge = np.array([before.right if forward else before.left])
        speed = float(np.abs(path.velocity(path.times(edge)))[0])
        ends = (-1, 0) if forward else (0, -1)
        motion.leakage += speed * (
            _weighted(before.mixing[ends[0]], before.eigen[ends[0]], motion.amplitudes)
            + _weighted(piece.mixing[ends[1]], piece.eigen[ends[1]], carried)
        )
    motion.amplitudes = carried


def _weighted(norms: FloatArray, eigen: npt.NDArray[Any], amplitudes: ComplexArray) -> float:
    """Return a bound on the norm of what eigenstates of given norms add up to."""
    return float(norms @ np.abs(eigen.conj().T @ amplitudes))


def _along(
    motion: Followed, piece: Piece, path: Path, forward: bool, times: FloatArray, angular: float
) -> None:
    """Carry the state through one piece, and add what may leave the levels there."""
    order = slice(None) if forward else slice(None, None, -1)
    nodes = path.times(piece.positions)[order]
    wanted = times[(times >= nodes[0]) & (times <= nodes[-1])]
    if motion.at_times:  # a time at the edge belongs to the piece before
        wanted = wanted[wanted > nodes[0]]
    inner = path.breakpoints[(path.breakpoints > nodes[0]) & (path.breakpoints < nodes[-1])]
    edges = np.unique(np.concatenate([nodes, wanted, inner]))
    states = _small_evolution(motion, piece, path, edges)
    at_nodes = states[np.searchsorted(edges, nodes)]
    eigen = piece.eigen[order]
    sizes = np.abs(eigen.conj().swapaxes(1, 2) @ at_nodes[..., None])[..., 0]
    # Between the nodes the populations move: the largest at any node counts at all of them.
    weights = np.max(sizes, axis=0)
    speed = np.abs(path.velocity(nodes))
    half = (piece.right - piece.left) / 2
    rest = speed * ((piece.drift + piece.twist)[order] @ weights)
    motion.leakage += half * float(grid(NODES).weights @ rest)
    mixed = piece.mixing[order] @ weights
    changes = path.variation(nodes)
    motion.leakage += float(np.sum(changes * np.maximum(mixed[1:], mixed[:-1])))
    if nodes[0] == path.start:
        motion.leakage += float(speed[0] * (piece.mixing[order][0] @ sizes[0]))
    largest = float(np.max(np.abs(piece.small)))
    motion.numerical += _CONNECTION * piece.error
    motion.numerical += (4 * piece.energy_error + _EIGENVALUE * largest) * (nodes[-1] - nodes[0])
    for time in wanted:
        amplitudes = states[np.searchsorted(edges, time)]
        motion.at_times.append(_read(piece, path, float(time), amplitudes))
    motion.amplitudes = states[-1]


def _read(piece: Piece, path: Path, time: float, amplitudes: ComplexArray) -> ComplexArray:
    """Return the amplitudes in the eigenstates at a time."""
    small = _small(piece, path, np.array([time]), shifted=False)[0]
    eigen = np.linalg.eigh(small)[1]
    return np.asarray(eigen.conj().T @ amplitudes)


def _small(piece: Piece, path: Path, times: FloatArray, shifted: bool = True) -> ComplexArray:
    """Return the small matrix at times, less what all its levels share."""
    half = (piece.right - piece.left) / 2
    u = np.clip((path.position(times) - piece.left) / half - 1, -1, 1)
    series = np.polynomial.chebyshev.chebvander(u, NODES - 1) @ grid(NODES).to_coefficients
    found = np.tensordot(series, piece.small, 1)
    if shifted:
        square = path.velocity(times) ** 2
        found = found - square[..., None, None] * np.tensordot(series, piece.shift, 1)
    mean = np.trace(found, axis1=-2, axis2=-1).real / piece.levels
    return np.asarray(found - mean[..., None, None] * np.eye(piece.levels), dtype=np.complex128)


def _small_evolution(motion: Followed, piece: Piece, path: Path, edges: FloatArray) -> ComplexArray:
    """Return the amplitudes at all edges of time."""
    states = np.repeat(motion.amplitudes[None], edges.size, axis=0)
    if piece.levels == 1:
        return states
    points = grid(MANY_LEVEL_NODES)
    left, right = edges[:-1], edges[1:]
    done: list[tuple[FloatArray, ComplexArray]] = []
    largest = float(np.max(np.abs(piece.small)))
    for _ in range(_MOST_ROUNDS):
        half = (right - left) / 2
        times = (left + half)[:, None] + half[:, None] * points.nodes
        times[:, 0], times[:, -1] = left, right
        matrices = _small(piece, path, times)
        # Interpolation leaves rounding in the matrix, which no panel resolves.
        noise = _EPSILON * largest * float(half.max())
        tolerance = max(_PANEL_TOLERANCE, noise)
        solved = _many_level.solve_panels(matrices, half, points, tolerance)
        accepted = solved.accepted
        done.append((left[accepted], solved.propagator[accepted]))
        motion.numerical += float(np.sum(solved.error[accepted]))
        left, right = left[~accepted], right[~accepted]
        if not left.size:
            break
        middle = left + (right - left) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    else:
        raise ConvergenceError(
            f"The evolution within the lowest levels is not smooth near t = {left[0]:.9g}: give "
            "that time as a breakpoint of the drive."
        )
    starts = np.concatenate([when for when, _ in done])
    propagators, _ = nearer_unitary(np.concatenate([turn for _, turn in done]))
    order = np.argsort(starts)
    now, next_edge = motion.amplitudes, 1
    for k, index in enumerate(order):
        now = propagators[index] @ now
        ends = starts[order[k + 1]] if k + 1 < order.size else edges[-1]
        if ends == edges[next_edge]:
            states[next_edge] = now
            next_edge += 1
    return states
