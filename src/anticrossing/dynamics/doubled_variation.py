"""One panel of the Schrödinger equation and its derivatives by doubled steps.

As in `doubling`, with [U, ∂U, …] in the place of U: the product of two such stacks follows the
product rule, and all else is the same. It serves panels on which levels turn too much to be
integrated as they are, and mix too much to be told apart.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics.chebyshev import Grid, powers, transform
from anticrossing.dynamics.doubling import Family, bessel_order, combined
from anticrossing.dynamics.stacked import product

_FIRST = 1.0  # radians of the first steps
_FEW_STEPS, _MOST_NODES, _MORE_NODES = 24, 64, 8
_LOCAL_NODES = 9  # of H within a first step
_MOST_ORDERS = 40
_UNIT = 1.1e-16
_NOISE = 16 * _UNIT  # of one coefficient of propagators, for every doubling


class DoubledPanel:
    """i y′ = H y and its derivatives on [−1, 1], H and ∂H at the nodes of a grid.

    Parameters
    ----------
    matrices : array, shape (n, N, N)
    slopes : array, shape (n, K, N, N)
    grid : Grid
    tolerance : float
        The error of U, and of ∂U relative to how large it may be.
    """

    def __init__(
        self, matrices: ComplexArray, slopes: ComplexArray, grid: Grid, tolerance: float
    ) -> None:
        self.tolerance = tolerance
        # Slopes in units in which they are as large as H, so that one tolerance serves all.
        self.norm = float(np.max(np.sum(np.abs(matrices), axis=-1)))
        size = np.max(np.sum(np.abs(slopes), axis=-1), axis=(0, 2))
        self.units = np.where(size > 0, size, 1.0) / max(self.norm, 1.0)
        every = np.concatenate(
            [matrices[:, None], slopes / self.units[:, None, None]], axis=1
        ).astype(np.complex128)
        series = combined(grid.to_coefficients, every)
        size = np.max(np.abs(series), axis=(1, 2, 3))
        self.series = series[: 1 + int(np.max(np.flatnonzero(size > 4e-15 * np.max(size))))]
        change = combined(grid.derivative, matrices.astype(np.complex128)[:, None])
        self.slope = float(np.max(np.sum(np.abs(change), axis=-1)))
        self.error = 0.0

    def follow(self) -> ComplexArray | None:
        """Return [U, ∂U, …] (1 + K, N, N), or None where H is not resolved within a step."""
        parts = max(0, int(np.ceil(np.log2(max(2 * self.norm / _FIRST, 1.0)))))
        family = self._first(2.0 / 2**parts)
        if family is None:
            return None
        found = self._across(family, -1.0, 1.0)
        found[1:] *= self.units[:, None, None]
        return found

    def _across(self, family: Family, left: float, right: float) -> ComplexArray:
        while True:
            steps = round((right - left) / family.step)
            if steps <= _FEW_STEPS:
                return self._multiplied(family, left, steps)
            wider = self._doubled(family, left, right)
            if wider is None:
                middle = 0.5 * (left + right)
                first = self._across(family, left, middle)
                return product(self._across(family, middle, right), first)
            family = wider

    def _multiplied(self, family: Family, left: float, steps: int) -> ComplexArray:
        factors = family.at(left + (np.arange(steps) + 0.5) * family.step)
        while len(factors) > 1:
            pairs = len(factors) // 2
            rest = factors[2 * pairs :]
            factors = product(factors[1 : 2 * pairs : 2], factors[0 : 2 * pairs : 2])
            factors = np.concatenate([factors, rest])
        return factors[0]

    def _doubled(self, family: Family, left: float, right: float) -> Family | None:
        middle, step = 0.5 * (left + right), 2 * family.step
        half, doublings = 0.5 * (right - left) - family.step, family.doublings + 1
        allowed = max(0.1 * self.tolerance * step, _NOISE * (1 + doublings))
        size = bessel_order(step * self.slope * half, allowed) + len(self.series)
        while size <= _MOST_NODES:
            middles = middle + half * transform(size)[0]
            later, earlier = (family.at(middles + shift * family.step) for shift in (0.5, -0.5))
            values = product(later, earlier)
            tail = _tail(values)
            if tail <= allowed:
                noise = _NOISE * (1 + doublings)
                self.error += (right - left) / step * max(tail - noise, 0.0)
                return Family(values, middle, half, step, doublings)
            size += _MORE_NODES
        return None

    def _first(self, step: float) -> Family | None:
        """Return short steps, by Taylor series about their middles."""
        half, degree = 1.0 - 0.5 * step, len(self.series) - 1
        allowed = max(0.1 * self.tolerance * step, _NOISE)
        size = bessel_order(step * self.slope * half, allowed) + degree if half > 0 else 1
        middles = half * transform(size)[0] if half > 0 else np.zeros(1)
        local = min(max(degree, 1), _LOCAL_NODES - 1) + 1
        inner, to_coefficients = transform(local)
        x = middles[:, None] + 0.5 * step * inner
        values = combined(np.polynomial.chebyshev.chebvander(x.ravel(), degree), self.series)
        values = values.reshape(size, local, *values.shape[1:])
        coefficients = np.einsum("cn,pnkij->cpkij", to_coefficients[: degree + 1], values)
        if degree >= local and step * float(np.max(np.abs(coefficients[-2:]))) > allowed:
            return None
        to_powers = powers(local)[: len(coefficients), : len(coefficients)]
        terms = -0.5j * step * np.einsum("cm,cpkij->mpkij", to_powers, coefficients)
        many = np.max(np.abs(terms), axis=(1, 2, 3, 4)) > 0.1 * _UNIT
        terms = terms[: int(np.flatnonzero(many)[-1]) + 1 if many.any() else 1]
        one = np.zeros_like(terms[0])
        one[:, 0] = np.eye(one.shape[-1])
        last, sums = [one], [one.copy(), np.zeros_like(one)]  # of even and of odd orders
        for order in range(1, _MOST_ORDERS):
            new = sum(product(a, v) for a, v in zip(terms, last, strict=False)) / order
            sums[order % 2] += new
            last = [new, *last[: len(terms) - 1]]
            if np.max(np.abs(new)) < 0.1 * _UNIT:
                break
        back = sums[0] - sums[1]
        inverse = dagger(back[:, :1])
        inverse = np.concatenate([inverse, -inverse @ back[:, 1:] @ inverse], axis=1)
        whole = product(sums[0] + sums[1], inverse)
        if size > 1 and _tail(whole) > allowed:
            return None
        return Family(whole, 0.0, half, step)


def _tail(values: ComplexArray) -> float:
    """Return how large the last coefficients of stacks at nodes are, against their size or 1."""
    _, to_coefficients = transform(len(values))
    last = np.max(np.abs(combined(to_coefficients[-2:], values)), axis=(0, 2, 3))
    return float(np.max(last / np.maximum(np.max(np.abs(values), axis=(0, 2, 3)), 1.0)))
