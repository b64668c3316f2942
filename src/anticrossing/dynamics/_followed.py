"""The lowest levels of a large H(x) along x, as a small matrix: piece by piece, on Chebyshev nodes.

On a piece the k lowest states span P(x). Its basis B(x) is carried along without turning within
itself, B†dB/dx = 0, so that in P the motion is i dc/dt = B†HB c and does not hold the speed. What
the rest of the levels does to it follows from Y(x), the solution of H Y − Y (B†HB) = dB/dx in the
complement Q of P: at the speed v = dx/dt the state in Q is i v Y c, and P feels −v² (dB/dx)†Y.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.hamiltonian.sparse import Combined, SparseHamiltonian
from anticrossing.spectrum._lanczos import lowest_levels, lowest_with_copies

Array = npt.NDArray[Any]

NODES = 17
_FIRST_PIECE = 1 / 16  # of the stretch
_NARROWEST = 2.0**-24  # of the stretch
_FEW_ABOVE = 2.0**-6  # of the stretch: pieces above this width hold the levels asked for
_SPARE = 4  # levels beyond the ones asked for
_RESOLVED = 2e-12  # of the last Chebyshev coefficients of the small matrix, over its spread
_RESOLVED_BASIS = 2e-11  # the same of the basis
_CLOSE = 1e-7  # of the spread: P must be this far from the rest
_SOLVED, _MOST_STEPS = 1e-9, 400  # of the conjugate gradients for Y
_WARM = 1e-3  # of noise in a warm start, that no sector is missing


@dataclass(frozen=True)
class Piece:
    """The k lowest levels on one stretch of x, at its nodes (n of them).

    Attributes
    ----------
    left, right : float
        The stretch.
    small : array, shape (n, k, k)
        B†HB in angular units.
    shift : array, shape (n, k, k)
        (dB/dx)†Y, Hermitian part: times −v² what the rest of the levels adds.
    eigen : array, shape (n, k, k)
        Eigenvectors of `small`, as columns.
    mixing, drift, twist : array, shape (n, k)
        Norms, for every eigenvector, of Y, of its derivative in Q and of the part of (dB/dx)†Y that
        is not Hermitian.
    first, last : array, shape (k, N)
        The basis at both ends, as rows.
    error : float
        What the nodes miss of the basis, an amplitude; `energy_error` of the small matrix.
    """

    left: float
    right: float
    small: Array
    shift: Array
    eigen: Array
    mixing: FloatArray
    drift: FloatArray
    twist: FloatArray
    first: Array
    last: Array
    error: float
    energy_error: float

    @property
    def levels(self) -> int:
        """How many levels are followed."""
        return self.small.shape[-1]

    @property
    def positions(self) -> FloatArray:
        """The nodes, in x."""
        return x_of(self.left, self.right)


class Follower:
    """Finds the pieces of a stretch; `solved` counts the eigenproblems."""

    def __init__(self, terms: SparseHamiltonian, levels: int) -> None:
        self._terms = terms
        self._angular = terms.hamiltonian.units.angular
        self._wanted = levels
        self._most = min(levels + _SPARE, terms.size - 3)
        self._grid: Grid = grid(NODES)
        self._latest: dict[float, tuple[FloatArray, Array]] = {}
        self.solved = 0

    def pieces(
        self, start: float, stop: float, tell: Callable[[float], None] = lambda share: None
    ) -> list[Piece]:
        """Return the pieces from the lower to the upper end of a stretch, and tell how far."""
        low, high = min(start, stop), max(start, stop)
        found: list[Piece] = []
        a, width = low, (high - low) * _FIRST_PIECE
        while a < high:
            # Two last pieces of one width rather than a short one.
            rest = high - a
            width = rest if width >= rest else min(width, rest / 2)
            b = high if width == rest else a + width
            piece = self._piece(a, b, width / (high - low))
            if piece is not None:
                found.append(piece)
                a, width = b, 2 * width
                tell((a - low) / (high - low))
                continue
            width *= 0.5
            if width <= _NARROWEST * (high - low) or a + width <= a:
                raise ConvergenceError(
                    f"The lowest {self._wanted} levels cannot be told from the others near "
                    f"x = {a:.9g}: ask for another number of `levels`."
                )
        return found

    def _piece(self, a: float, b: float, width: float) -> Piece | None:
        """Return the piece between two places, None where the nodes do not resolve it."""
        x = x_of(a, b)
        # A degenerate level would be missed at some of these three, if at any.
        thorough = (0, NODES // 2, NODES - 1)
        solved = [self._levels(float(point), k in thorough) for k, point in enumerate(x)]
        self._latest = {float(x[k]): solved[k] for k in thorough}
        energies = self._angular * np.array([e for e, _ in solved])
        rows = np.array([v for _, v in solved])
        flat = rows.reshape(-1, rows.shape[-1])
        count = rows.shape[1]
        overlaps = (flat.conj() @ flat.T).reshape(NODES, count, NODES, count).swapaxes(1, 2)
        fewest = self._wanted if width > _FEW_ABOVE else 1
        for k in range(self._most, fewest - 1, -1):
            turned = self._turned(energies, overlaps, rows, k)
            if turned is not None:
                return self._described(a, b, energies, rows, k, *turned)
        return None

    def _levels(self, x: float, thorough: bool) -> tuple[FloatArray, Array]:
        """Return the lowest levels at x, in the units of H, and their states as rows."""
        if x in self._latest:
            return self._latest[x]
        self.solved += 1
        matrix = self._terms.at(x)
        start = np.random.default_rng(0).normal(size=self._terms.size)
        if self._latest:
            near = min(self._latest, key=lambda other: abs(other - x))
            mixed = self._latest[near][1].sum(axis=0)
            start = mixed + _WARM * start * np.linalg.norm(mixed) / np.linalg.norm(start)
        operator, count = matrix.linear_operator(), self._most + 1
        if thorough:
            spread = 1.1 * (matrix.highest - matrix.lowest)
            found = lowest_with_copies(operator, count, spread, start)
        else:
            found = lowest_levels(operator, count, start)
        return found[0], np.ascontiguousarray(found[1].T)

    def _turned(
        self, energies: FloatArray, overlaps: Array, rows: Array, k: int
    ) -> tuple[Array, Array, float, float] | None:
        """Return the basis of k levels in their states, and its connection, if resolved."""
        spread = float(np.max(energies[:, -1] - energies[:, 0]))
        gap = float(np.min(energies[:, k] - energies[:, k - 1]))
        if gap <= _CLOSE * spread:
            return None
        middle = NODES // 2
        left, size, right = np.linalg.svd(overlaps[:, middle, :k, :k])
        if np.min(size) < 0.1:
            return None
        turn = left @ right
        small = dagger(turn) @ (energies[:, :k, None] * turn)
        tail = np.abs(np.tensordot(self._grid.tail, small, 1)).max()
        scale = max(spread, float(np.max(np.abs(energies))) * 0.01)
        if tail > _RESOLVED * scale:
            return None
        last = np.tensordot(self._grid.tail, turn.swapaxes(1, 2) @ rows[:, :k], 1)
        missed = float(np.max(np.linalg.norm(last, axis=-1)))
        if missed > _RESOLVED_BASIS:
            return None
        between = dagger(turn)[:, None] @ overlaps[:, :, :k, :k] @ turn[None]
        connection = np.einsum("ij,ijab->iab", self._grid.derivative, between)
        return turn, (connection - dagger(connection)) / 2, missed, float(tail)

    def _described(
        self,
        a: float,
        b: float,
        energies: FloatArray,
        rows: Array,
        k: int,
        turn: Array,
        connection: Array,
        missed: float,
        tail: float,
    ) -> Piece:
        turn = turn @ _without_connection(self._grid, connection)
        half = (b - a) / 2
        own = rows[:, :k]
        basis = turn.swapaxes(1, 2) @ own
        slope = np.tensordot(self._grid.derivative / half, basis, 1)
        slope = _outside(own, slope)
        mixed = np.empty_like(slope)
        guess = np.zeros_like(slope[0])
        for node, point in enumerate(x_of(a, b)):
            back = turn[node].conj()
            solved = self._mixed(
                self._terms.at(float(point)),
                energies[node, :k],
                float(energies[node, k]),
                own[node],
                back @ slope[node],
                back @ guess,
            )
            mixed[node] = guess = turn[node].T @ solved
        drift = _outside(own, np.tensordot(self._grid.derivative / half, mixed, 1))
        felt = slope.conj() @ mixed.swapaxes(1, 2)
        shift = (felt + dagger(felt)) / 2
        eigen = dagger(turn)
        back = turn.conj()
        return Piece(
            a,
            b,
            dagger(turn) @ (energies[:, :k, None] * turn),
            shift,
            eigen,
            np.linalg.norm(back @ mixed, axis=-1),
            np.linalg.norm(back @ drift, axis=-1),
            np.linalg.norm((felt - shift) @ eigen, axis=-2),
            basis[0],
            basis[-1],
            missed,
            tail,
        )

    def _mixed(
        self,
        matrix: Combined,
        energies: FloatArray,
        above: float,
        own: Array,
        source: Array,
        guess: Array,
    ) -> Array:
        """Solve (H − E_m) y_m = source_m outside P, by conjugate gradients for all m at once."""
        y = _outside(own, guess)
        residual = _outside(own, source - self._shifted(matrix, energies, y))
        step = residual.copy()
        square = np.sum(np.abs(residual) ** 2, axis=1)
        goal = _SOLVED**2 * np.sum(np.abs(source) ** 2, axis=1)
        for _ in range(_MOST_STEPS):
            open_rows = square > goal
            if not open_rows.any():
                break
            product = _outside(own, self._shifted(matrix, energies, step))
            length = np.sum(step.conj() * product, axis=1).real
            scale = np.where(open_rows & (length > 0), square / np.where(length > 0, length, 1), 0)
            y += scale[:, None] * step
            residual -= scale[:, None] * product
            after = np.sum(np.abs(residual) ** 2, axis=1)
            step = residual + np.where(open_rows, after / square, 0.0)[:, None] * step
            square = np.where(open_rows, after, square)
        return y

    def _shifted(self, matrix: Combined, energies: FloatArray, rows: Array) -> Array:
        return self._angular * matrix.rows(rows) - energies[:, None] * rows


def x_of(a: float, b: float) -> FloatArray:
    """Return the nodes of a piece."""
    half = (b - a) / 2
    x = (a + half) + half * grid(NODES).nodes
    x[0], x[-1] = a, b
    return np.asarray(x)


def _outside(own: Array, rows: Array) -> Array:
    """Return rows without their parts along the rows `own`."""
    return rows - (rows @ dagger(own)) @ own


def _without_connection(points: Grid, connection: Array) -> Array:
    """Return U with dU/du = −A U, and U = 1 at the left end, unitary at every node."""
    nodes, k = connection.shape[:2]
    matrix = np.kron(points.derivative, np.eye(k)).astype(connection.dtype)
    blocks = matrix.reshape(nodes, k, nodes, k)
    index = np.arange(nodes)
    blocks[index, :, index, :] += connection
    source = -matrix[k:, :k]
    found = np.linalg.solve(matrix[k:, k:], source).reshape(nodes - 1, k, k)
    left, _, right = np.linalg.svd(np.concatenate([np.eye(k)[None], found]))
    return left @ right
