"""Evolution by doubled steps: a family of propagators over short steps, squared again and again.

Over a step of length h about the time t the propagator U_h(t) is a smooth function of t, of phases
that change by h dH/dt only, so a few Chebyshev nodes in t know it in a whole stretch of time; and

    U_2h(t) = U_h(t + h/2) U_h(t − h/2)

takes one product of matrices for every node. Slowly changing levels need few nodes: doubling goes
on until the nodes are as many as the steps that are left, about √(T ∫‖dH/dt‖dt) of them. The cost
grows with the root of slowness, where steps that follow the phase grow with slowness itself.

Times are counted from the middle of a panel on which H is a Chebyshev series, and in units of its
width: no energy, however large or small, leaves the doubles when it is squared.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary, norm_bound
from anticrossing._core.threads import processors
from anticrossing.dynamics.chebyshev import Grid, powers, resampling, transform
from anticrossing.dynamics.lanes import tell_nobody

METHOD = "doubled steps"
_FIRST = 2.0  # radians of the first steps
_MOST_NODES, _MORE_NODES = 64, 8
_LOCAL_NODES = 9  # of H within a first step
_MOST_HALVINGS = 20  # of first steps in which H is not resolved
_MOST_ORDERS = 60
_LARGEST_DEFECT = 1e-12
_UNIT = 1.1e-16
_KNOWN = 4e-15  # rounding of a series, in units of its size
_NOISE = 8 * _UNIT  # of one coefficient of propagators, for every doubling
ROUNDING = 4 * _UNIT  # that every radian adds to an amplitude
_SHARE = 0.25  # of the error that is allowed, for each length of steps
# Multiplications that one product of small matrices costs beside its own, and one with a column.
_CALL, _COLUMN_CALL = 1e4, 3e4
_THREAD_WORK = 1e9  # multiplications that make another thread worth starting
_MOST_PARTS = 8  # however many processors there are: they must not change the last digits


@dataclass(frozen=True)
class Family:
    """Propagators (n, N, N) over steps whose middles are Chebyshev nodes about `middle`."""

    values: ComplexArray
    middle: float
    half: float
    step: float
    doublings: int = 0

    def at(self, count: int, middle: float, half: float, equal: bool = False) -> ComplexArray:
        """Return the propagators (k, N, N) over steps whose middles are other nodes, or `equal`."""
        if self.half == 0.0:
            return self.values
        place = (middle - self.middle) / self.half, half / self.half
        return combined(resampling(len(self.values), count, *place, equal), self.values)


def combined(weights: npt.NDArray[Any], matrices: ComplexArray) -> ComplexArray:
    """Return sums (k, N, N) of matrices (n, N, N) with real weights (k, n)."""
    flat = matrices.reshape(len(matrices), -1).view(np.float64)
    return (weights @ flat).view(np.complex128).reshape(-1, *matrices.shape[1:])


@dataclass(frozen=True)
class Panel:
    """H on one panel, (d + 1, N, N) Chebyshev coefficients, and what its steps may leave out.

    `norm` and `slope` bound ‖H‖ and ‖dH/dt‖, nearly; `rate` is the error allowed per time. The unit
    of time is the width of the panel.
    """

    series: ComplexArray
    norm: float
    slope: float
    rate: float

    @classmethod
    def of(cls, matrices: npt.NDArray[Any], width: float, rate: float, grid: Grid) -> Panel:
        """Return the panel of H at the nodes of a grid, (n, N, N)."""
        values = width * np.ascontiguousarray(matrices, dtype=np.complex128)
        series = combined(grid.to_coefficients, values)
        size = np.max(np.abs(series), axis=(1, 2))
        known = np.flatnonzero(size > _KNOWN * np.max(size))
        degree = int(known[-1]) if known.size else 0
        slopes = combined(2 * grid.derivative, values)
        return cls(series[: degree + 1], _largest(values), _largest(slopes), rate * width)

    @property
    def levels(self) -> int:
        """The number N of levels."""
        return int(self.series.shape[-1])

    def follow(
        self, columns: ComplexArray, tell: Callable[[float], None]
    ) -> tuple[ComplexArray, float, int]:
        """Return columns (N, C) at the end of the panel; the error, and how many steps they took.

        The error is infinite where H is not resolved within any step.
        """
        parts = max(0, int(np.ceil(np.log2(max(self.norm / _FIRST, 1.0)))))
        for halvings in range(_MOST_HALVINGS):
            family, missed = self._first(0.5 ** (parts + halvings))
            if missed <= self.allowed(family.step, 0):
                break
        else:
            return columns, np.inf, 0
        left_out = max(missed - self.noise(0), 0.0)
        error = (left_out + ROUNDING) / family.step
        parts = self._parts(family.step, columns.shape[1])
        if parts == 1:
            run = _Run(self, tell)
            return run.across(family, -0.5, 0.5, columns), error + run.error, run.steps
        ends = np.arange(parts + 1) / parts - 0.5
        identity = np.eye(self.levels, dtype=np.complex128)
        runs = [_Run(self, tell_nobody) for _ in range(parts)]
        with ThreadPoolExecutor(processors()) as pool:
            found = pool.map(
                lambda run, left, right: run.across(family, left, right, identity),
                runs,
                ends[:-1],
                ends[1:],
            )
            for done, matrix in enumerate(found, start=1):
                columns = matrix @ columns
                tell(done / parts)
        return columns, error + sum(r.error for r in runs), sum(r.steps for r in runs)

    def _parts(self, step: float, columns: int) -> int:
        """Return how many parts of the panel are worth doing side by side."""
        steps = np.sqrt(self.slope)
        work = 10 * steps * 8.0 * self.levels**3
        if 2 * columns < self.levels or work < _THREAD_WORK:
            return 1
        most = min(_MOST_PARTS, steps / _MOST_NODES, 1 / (8 * step))
        return 2 ** max(0, int(np.log2(max(most, 1.0))))

    def allowed(self, step: float, doublings: int) -> float:
        """Return what the nodes may leave out of one step of this length, in the Frobenius norm."""
        return max(_SHARE * self.rate * step, self.noise(doublings))

    def noise(self, doublings: int) -> float:
        """Return how much of the last coefficients is rounding, which `ROUNDING` accounts for."""
        return float(_NOISE * (1 + doublings) * np.sqrt(self.levels))

    def _first(self, step: float) -> tuple[Family, float]:
        """Return the propagators over short steps, by Taylor series about their middles."""
        half = 0.5 * (1 - step)
        size = self.nodes(step, half, 0) if half > 0 else 1
        middles = half * transform(size)[0] if half > 0 else np.zeros(1)
        degree = len(self.series) - 1
        local = min(max(degree, 1), _LOCAL_NODES - 1) + 1
        inner, to_coefficients = transform(local)
        x = 2 * (middles[:, None] + 0.5 * step * inner)
        values = combined(chebyshev.chebvander(x.ravel(), degree), self.series)
        kept = to_coefficients[: degree + 1]
        values = values.reshape(size, local, self.levels, self.levels)
        coefficients = np.einsum("cn,pnij->cpij", kept, values)
        missed = 0.0
        if degree >= local:
            missed = step * float(np.max(_sizes(coefficients[-2:])))
        to_powers = powers(local)[: len(kept), : len(kept)]
        terms = -0.5j * step * np.einsum("cm,cpij->mpij", to_powers, coefficients)
        many = np.max(np.abs(terms), axis=(1, 2, 3), initial=0.0) > 0.1 * _UNIT
        terms = terms[: int(np.flatnonzero(many)[-1]) + 1 if many.any() else 1]

        last = [np.broadcast_to(np.eye(self.levels, dtype=np.complex128), terms[0].shape)]
        sums = [last[0].copy(), np.zeros_like(terms[0])]  # of even and of odd orders
        for order in range(1, _MOST_ORDERS):
            new = sum(term @ v for term, v in zip(terms, last, strict=False)) / order
            sums[order % 2] += new
            last = [new, *last[: len(terms) - 1]]
            if np.max(np.abs(new)) < 0.1 * _UNIT:
                break
        # The way from the middle to the end, and back to the start.
        whole, defect = nearer_unitary((sums[0] + sums[1]) @ dagger(sums[0] - sums[1]))
        if not np.max(defect) < _LARGEST_DEFECT:  # the series has not come to its end
            return Family(whole, 0.0, half, step), np.inf
        if size > 1:
            missed += _tail(whole)
        return Family(whole, 0.0, half, step), missed

    def nodes(self, step: float, half: float, doublings: int) -> int:
        """Return how many nodes are expected to resolve the propagators of steps."""
        degree = len(self.series) - 1
        expected = bessel_order(step * self.slope * half, self.allowed(step, doublings))
        return expected + int(np.ceil(max(degree - 1, 0) * 2 * half))


@dataclass
class _Run:
    """What is added up while a panel, or a part of it, is followed."""

    panel: Panel
    tell: Callable[[float], None]
    error: float = 0.0
    steps: int = 0
    done: float = 0.0

    def across(self, family: Family, left: float, right: float, y: ComplexArray) -> ComplexArray:
        """Return columns (N, C) at the end of a stretch of time on which the family is known."""
        while True:
            steps = round((right - left) / family.step)
            half = max(0.5 * (right - left) - family.step, 0.0)
            size = self.panel.nodes(2 * family.step, half, family.doublings + 1)
            if steps < 4 or self._are_few(steps, len(family.values), size, y.shape[1]):
                return self._multiplied(family, left, right, steps, y)
            wider = self._doubled(family, left, right, size)
            if wider is None:
                middle = 0.5 * (left + right)
                y = self.across(family, left, middle, y)
                left = middle
            else:
                family = wider

    def _doubled(self, family: Family, left: float, right: float, size: int) -> Family | None:
        """Return the family of steps twice as long, or None where it has too many nodes."""
        middle, step = 0.5 * (left + right), 2 * family.step
        half = 0.5 * (right - left) - family.step
        doublings = family.doublings + 1
        allowed, noise = self.panel.allowed(step, doublings), self.panel.noise(doublings)
        while size <= _MOST_NODES:
            shift = 0.5 * family.step
            later, earlier = (family.at(size, middle + s, half) for s in (shift, -shift))
            values = later @ earlier
            tail = _tail(values)
            if tail <= allowed:
                self.error += (right - left) / step * max(tail - noise, 0.0)
                return Family(values, middle, half, step, doublings)
            size += _MORE_NODES
        return None

    def _are_few(self, steps: int, known: int, size: int, columns: int) -> bool:
        """Whether the steps that are left cost less than doubling them."""
        levels = self.panel.levels
        product, number = 8.0 * levels**3 + _CALL, 4.0 * levels**2
        taken = min(product, 8.0 * levels**2 * columns + _COLUMN_CALL)
        doubled = size * (product + 2 * known * number) + steps / 2 * (size * number + taken)
        return steps * (known * number + taken) <= doubled

    def _multiplied(
        self, family: Family, left: float, right: float, steps: int, y: ComplexArray
    ) -> ComplexArray:
        """Return columns after all steps of a stretch of time, one after the other."""
        factors = family.at(steps, 0.5 * (left + right), 0.5 * (right - left), equal=True)
        if 2 * y.shape[1] < self.panel.levels:
            for factor in factors:
                y = factor @ y
        else:
            while len(factors) > 1:
                pairs = len(factors) // 2
                rest = factors[2 * pairs :]
                factors = factors[1 : 2 * pairs : 2] @ factors[0 : 2 * pairs : 2]
                factors = np.concatenate([factors, rest]) if len(rest) else factors
            y = factors[0] @ y
        self.steps += steps
        self.done += right - left
        self.tell(self.done)
        return y


def _largest(matrices: ComplexArray) -> float:
    """Return the largest norm of Hermitian matrices (n, N, N), nearly and from above."""
    size = _sizes(matrices)
    some = np.argsort(size)[-3:]
    return float(np.max(norm_bound(matrices[some])))


def _tail(values: ComplexArray) -> float:
    """Return how large the last two Chebyshev coefficients of matrices at nodes are."""
    _, to_coefficients = transform(len(values))
    return float(np.sum(_sizes(combined(to_coefficients[-2:], values))))


def _sizes(matrices: ComplexArray) -> FloatArray:
    """Return Frobenius norms of matrices (…, N, N)."""
    return np.asarray(np.sqrt(np.sum(matrices.real**2 + matrices.imag**2, axis=(-2, -1))))


@functools.lru_cache(maxsize=4096)
def bessel_order(phase: float, allowed: float) -> int:
    """Return the order from which Bessel functions of a phase are smaller than what is allowed."""
    # Chebyshev coefficients of e^{iφx}. J_k(φ) ≤ [x e^s/(1 + s)]^k with x = φ/k < 1, s = √(1 − x²).
    k = np.arange(int(phase) + 2, int(phase) + 60 + int(8 * phase ** (1 / 3)))
    x = np.maximum(phase, 1e-30) / k
    s = np.sqrt(1 - x * x)
    bound = k * (np.log(x / (1 + s)) + s)
    return int(k[np.argmax(bound < np.log(allowed))]) + 2
