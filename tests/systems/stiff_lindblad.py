"""Lindblad equations with rates of any ratio, in multiple precision: implicit Radau steps."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import mpmath as mp
import numpy as np
from scipy.linalg import lu_factor, lu_solve

STAGES, DIGITS = 12, 34


class StiffLindblad:
    """ρ of A + xB with fixed jump operators: the last populations and all coherences, real numbers.

    The first population is one less the others, so that no rounding of a rate changes the trace.
    """

    def __init__(self, still: np.ndarray, moving: np.ndarray, jumps: Sequence[np.ndarray]) -> None:
        self.levels = still.shape[0]
        with mp.workdps(DIGITS):
            total = self._columns(lambda unit: _commutator(_exact(still), unit))
            for jump in jumps:
                total = total + self._columns(functools.partial(_dissipator, _exact(jump)))
            moved = self._columns(lambda unit: _commutator(_exact(moving), unit))
            (self.matrix, self.source), (self.slope, self.drift) = map(self._affine, (total, moved))

    def steady(self, x: float) -> np.ndarray:
        """The stationary ρ."""
        with mp.workdps(DIGITS):
            matrix = mp.matrix((self.matrix + mp.mpf(x) * self.slope).tolist())
            source = mp.matrix((self.source + mp.mpf(x) * self.drift).tolist())
            return self._density(list(mp.lu_solve(matrix, -source)))

    def evolve(
        self,
        rho: np.ndarray,
        first: float,
        last: float,
        rate: float,
        *,
        shortest: float,
        longest: float = 1.0,
        phase: float | None = None,
    ) -> np.ndarray:
        """ρ at x = `last` of one at x = `first`, by steps of x that double from `shortest` on.

        They stay below `longest`, and below so many radians if `phase` is given.
        """
        with mp.workdps(DIGITS):
            y, x, speed = self._numbers(_exact(rho))[1:], mp.mpf(first), mp.mpf(rate)
            width = shortest
            while x < last:
                step = min(width, longest)
                if phase is not None:
                    step = min(step, phase * rate / float(mp.hypot(1, x)))
                whole = mp.mpf(last) - x
                step = whole if step > 0.9999 * whole else mp.mpf(step)
                y = self._step(x, speed, step, y)
                x, width = x + step, 2 * width
            return self._density(list(y))

    def _step(self, x, rate, step, y):
        nodes, weights = _radau()
        matrices = [self.matrix + (x + step * c) * self.slope for c in nodes]
        sources = [self.source + (x + step * c) * self.drift for c in nodes]
        weights = step / rate * weights
        size = y.size
        rough = np.array([matrix.astype(float) for matrix in matrices])
        blocks = np.einsum("ij,jab->iajb", weights.astype(float), rough)
        factors = lu_factor(np.eye(STAGES * size) - blocks.reshape(STAGES * size, -1))
        found = np.array([y] * STAGES)
        for _ in range(60):  # what doubles solve is refined
            slopes = [m.dot(own) + b for m, own, b in zip(matrices, found, sources, strict=True)]
            left = y + weights.dot(np.array(slopes)) - found
            change = lu_solve(factors, left.astype(float).ravel()).reshape(STAGES, size)
            found = found + change
            if np.max(np.abs(change)) < 1e-20:
                return found[-1]
        raise ArithmeticError("refinement does not converge")

    def _columns(self, image) -> np.ndarray:
        return np.array([self._numbers(image(unit)) for unit in _units(self.levels)]).T

    def _affine(self, total):
        matrix, source = total[1:, 1:].copy(), total[1:, 0].copy()
        matrix[:, : self.levels - 1] -= source[:, None]
        return matrix, source

    def _numbers(self, rho):
        found = [mp.re(rho[i, i]) for i in range(self.levels)]
        for i in range(self.levels):
            for k in range(i):
                found += [mp.re(rho[i, k]), mp.im(rho[i, k])]
        return np.array(found, dtype=object)

    def _density(self, y) -> np.ndarray:
        n, values = self.levels, [float(v) for v in y]
        rho = np.zeros((n, n), dtype=complex)
        rho[range(n), range(n)] = [1 - sum(values[: n - 1]), *values[: n - 1]]
        pairs = [(i, j) for i in range(n) for j in range(i)]
        for k, (i, j) in enumerate(pairs):
            re, im = values[n - 1 + 2 * k : n + 1 + 2 * k]
            rho[i, j], rho[j, i] = re + 1j * im, re - 1j * im
        return rho


def _exact(matrix: np.ndarray) -> mp.matrix:
    return mp.matrix([[mp.mpc(complex(value)) for value in row] for row in matrix])


def _units(levels: int) -> list[mp.matrix]:
    """The Hermitian matrices whose factors the numbers are, in their order."""
    found = []
    for i in range(levels):
        unit = mp.zeros(levels)
        unit[i, i] = 1
        found.append(unit)
    for i in range(levels):
        for k in range(i):
            for value in (mp.mpc(1), mp.j):
                unit = mp.zeros(levels)
                unit[i, k], unit[k, i] = value, mp.conj(value)
                found.append(unit)
    return found


def _commutator(hamiltonian: mp.matrix, unit: mp.matrix) -> mp.matrix:
    return -mp.j * (hamiltonian * unit - unit * hamiltonian)


def _dissipator(jump: mp.matrix, unit: mp.matrix) -> mp.matrix:
    square = jump.H * jump
    return jump * unit * jump.H - (square * unit + unit * square) / 2


@functools.cache
def _radau() -> tuple[np.ndarray, np.ndarray]:
    """The nodes on [0, 1] of the implicit method, the last at the end, and its weights."""

    def zero(x):
        return mp.legendre(STAGES, x) - mp.legendre(STAGES - 1, x)

    about = np.polynomial.legendre.legroots([0] * (STAGES - 1) + [-1, 1])[:-1]
    found = [mp.findroot(zero, mp.mpf(float(x))) for x in np.sort(about.real)]
    nodes = [(1 + x) / 2 for x in [*found, mp.mpf(1)]]
    powers = mp.matrix([[c**k for k in range(STAGES)] for c in nodes])
    integrals = mp.matrix([[c ** (k + 1) / (k + 1) for k in range(STAGES)] for c in nodes])
    weights = integrals * powers**-1
    return np.array(nodes), np.array(weights.tolist(), dtype=object).reshape(STAGES, STAGES)
