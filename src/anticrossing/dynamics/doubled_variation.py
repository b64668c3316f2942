"""One panel of a linear equation y′ = G(t) y and its derivatives by doubled steps.

As in `doubling`, with [U, ∂U, …] in the place of U: the product of two such stacks follows the
product rule, and all else is the same. The first steps are short: U is a Taylor series about their
middles, and ∂U = ∫U(end, τ) ∂G(τ) U(τ, start) dτ a sum over a few Gauss nodes. G is −iH with H
Hermitian, or a real generator of decay, which only has to be bounded. Where its first row is zero,
as for a trace, that of U is kept exactly, and what was off before is forgotten as fast as U decays:
steps are followed from the end, until nothing is left of what was before.

Inside, a stack is an array (D, 1 + K, D) of rows, derivatives and columns: times a matrix from
either side it is one product of a tall or of a wide matrix.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev, legendre

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics._stack_sizes import largest, norms
from anticrossing.dynamics.chebyshev import Grid, resampling, transform
from anticrossing.dynamics.doubling import ROUNDING, bessel_order

Stack = npt.NDArray[Any]
_Sizes = tuple[float, float, float]
_FEW = 2**15  # numbers of stacks, whose sizes are soon known
_FIRST = 1.0  # radians, and decay, of the first steps
MOST_STEPS = 1e4  # that are left: beyond that there is little that takes many panels
MOST_ROUNDING = 22.0  # panel tolerances, to which it may add up in a window
_FEW_STEPS, _MOST_NODES, _MORE_NODES = 128, 56, 8
_LOCAL_NODES = 9  # of G within a first step, the middle one of them
_MOST_ORDERS = 40
_UNIT = 1.1e-16
_REMEMBERED = 30.0  # over the slowest decay: the share of a panel that is not forgotten
_FORGOTTEN = 1e-18  # less does not count beside 1
_NOISE = 16 * _UNIT  # of one coefficient of propagators, for every doubling


class DoubledPanel:
    """y′ = G y and its derivatives on [−1, 1], at the nodes of a grid.

    G and ∂G are real, or anti-Hermitian.

    Parameters
    ----------
    generators : array, shape (n, D, D)
    slopes : array, shape (n, K, D, D)
    grid : Grid
    tolerance : float
        The error of U, and of ∂U relative to how large it may be.
    """

    def __init__(self, generators: Stack, slopes: Stack, grid: Grid, tolerance: float) -> None:
        self.tolerance = tolerance
        self.keeps_first = not np.any(generators[:, 0])
        # Slopes in units in which they are as large as G, so that one tolerance serves all.
        self.norm = float(np.max(np.sum(np.abs(generators), axis=-1)))
        size = np.max(np.sum(np.abs(slopes), axis=-1), axis=(0, 2))
        self.units = np.where(size > 0, size, 1.0) / max(self.norm, 1.0)
        every = np.concatenate([generators[:, None], slopes / self.units[:, None, None]], axis=1)
        every = np.ascontiguousarray(every.swapaxes(1, 2))
        middle = every[grid.size // 2].copy()  # without the rounding of sums
        series = _combined(grid.to_coefficients, every - middle)
        series[0] += middle
        size = np.max(np.abs(series), axis=(1, 2, 3))
        self.series = series[: 1 + int(np.max(np.flatnonzero(size > 4e-15 * np.max(size))))]
        change = _combined(grid.derivative, generators)
        self.slope = float(np.max(np.sum(np.abs(change), axis=-1)))
        self.error = 0.0

    def follow(self) -> Stack | None:
        """Return [U, ∂U, …] (1 + K, D, D), or None where G is not resolved within a step."""
        parts = max(0, int(np.ceil(np.log2(max(2 * self.norm / _FIRST, 1.0)))))
        family = self._first(2.0 / 2**parts)
        if family is None:
            return None
        whole, doubt = self._across(family, -1.0, 1.0)
        found = whole.swapaxes(0, 1).copy()
        found[1:] *= self.units[:, None, None]
        sizes = np.max(np.sum(np.abs(found[1:]), axis=-1), axis=-1)
        self.error = float(np.max(doubt.slopes * self.units / (1 + sizes), initial=doubt.first))
        return found

    def _across(self, family: _Family, left: float, right: float) -> tuple[Stack, _Doubt]:
        while True:
            steps = round((right - left) / family.step)
            if steps <= _FEW_STEPS:
                return self._multiplied(family, left, steps)
            wider = self._doubled(family, left, right)
            if wider is None:
                middle = 0.5 * (left + right)
                second, after = self._across(family, middle, right)
                if self._forgets(second):
                    return second, after
                first, before = self._across(family, left, middle)
                sizes = self._sizes(second[None]), self._sizes(first[None])
                return _product(second, first), _joined(after, before, *sizes)
            family = wider

    def _forgets(self, later: Stack) -> bool:
        """Whether nothing of what was before is left: of U, at most 1, and of ∂U."""
        if not self.keeps_first:
            return False
        _, left, slopes = self._sizes(later[None])
        return max(left * max(2 * self.norm, 1.0), slopes) < _FORGOTTEN

    def _multiplied(self, family: _Family, left: float, steps: int) -> tuple[Stack, _Doubt]:
        half = 0.5 * steps * family.step
        factors = self._at(family, steps, left + half, half, equal=True)
        doubt, sizes = family.doubt, self._sizes_of(family)
        while len(factors) > 1:
            pairs = len(factors) // 2
            rest = factors[2 * pairs :]
            later, earlier = factors[1 : 2 * pairs : 2], factors[0 : 2 * pairs : 2]
            doubt = _joined(doubt, doubt, sizes, sizes)
            factors = _product(later, earlier)
            if len(rest):
                factors = np.concatenate([factors, rest])
            few = factors.size <= _FEW
            sizes = self._sizes(factors) if few else self._of_products(sizes, factors)
        return factors[0], doubt

    def _at(
        self, family: _Family, count: int, middle: float, half: float, equal: bool = False
    ) -> Stack:
        """Return the stacks over steps whose middles are other nodes, or `equal`."""
        found = family.at(count, middle, half, equal)
        if self.keeps_first:  # the rounding of sums would add up
            found[:, 0, 0] = np.eye(1, found.shape[-1])
        return found

    def _sizes(self, stacks: Stack) -> _Sizes:
        """Return bounds on ∂U in stacks (n, D, 1 + K, D), and on U and ∂U as they act on no trace.

        No ∂U counts for less than 1.
        """
        size, left, slopes = norms(_numbers(stacks), int(self.keeps_first))
        size = max(1.0, size)
        if not self.keeps_first:
            return size, 1.0, size
        # No map enlarges a density matrix; of what has no trace this much is left.
        root = float(np.sqrt(0.5 * stacks.shape[-1]))
        return size, min(left * root, 1.0), min(slopes * root, size)

    def _of_products(self, sizes: _Sizes, found: Stack) -> _Sizes:
        """Return the same of products of stacks of these sizes, of which U alone is looked at."""
        size, kept, forgetting = sizes
        left = min(kept**2, self._sizes(found[:, :, :1])[1])
        return size * (1 + kept), left, 2 * kept * forgetting

    def _sizes_of(self, family: _Family) -> _Sizes:
        """Return the same of a family, at its nodes."""
        if family.sizes is None:
            family.sizes = self._sizes(family.values)
        return family.sizes

    def _doubled(self, family: _Family, left: float, right: float) -> _Family | None:
        middle, step = 0.5 * (left + right), 2 * family.step
        half, doublings = 0.5 * (right - left) - family.step, family.doublings + 1
        allowed = max(0.1 * self.tolerance * step, _NOISE * (1 + doublings))
        size = bessel_order(step * self.slope * half, allowed) + len(self.series)
        # The product of two polynomials has twice their degree.
        size = min(size, 2 * family.known + 1)
        while size <= _MOST_NODES:
            shift = 0.5 * family.step
            later, earlier = (self._at(family, size, middle + s, half) for s in (shift, -shift))
            found = _Family(_product(later, earlier), middle, half, step, doublings)
            tail = found.settle(allowed)
            if tail <= allowed:
                sizes = self._sizes_of(family)
                doubt = _joined(family.doubt, family.doubt, sizes, sizes)
                found.doubt = doubt.more(max(tail - _NOISE * (1 + doublings), 0.0), found.size)
                return found
            size += _MORE_NODES
        return None

    def _first(self, step: float) -> _Family | None:
        """Return short steps."""
        half, degree = 1.0 - 0.5 * step, len(self.series) - 1
        allowed = max(0.1 * self.tolerance * step, _NOISE)
        size = bessel_order(step * self.slope * half, allowed) + degree if half > 0 else 1
        middles = half * transform(size)[0] if half > 0 else np.zeros(1)
        nodes, weights, to_powers = _gauss()
        x = middles[:, None] + 0.5 * step * nodes
        every = _combined(chebyshev.chebvander(x.ravel(), degree), self.series)
        levels = every.shape[-1]
        every = every.reshape(size, nodes.size, *every.shape[1:])
        at_nodes = every.swapaxes(0, 1)
        if degree >= nodes.size and step * _last(at_nodes) > allowed:
            return None
        centre = at_nodes[nodes.size // 2, :, :, 0]
        terms = _combined(to_powers, at_nodes[:, :, :, 0] - centre)
        terms[0] += centre
        terms *= 0.5 * step
        many = np.max(np.abs(terms), axis=(1, 2, 3)) > 0.1 * _UNIT
        terms = terms[: int(np.flatnonzero(many)[-1]) + 1 if many.any() else 1]
        powers = [np.broadcast_to(np.eye(levels, dtype=terms.dtype), terms[0].shape)]
        for order in range(1, _MOST_ORDERS):
            before = powers[: -1 - len(terms) : -1]
            powers.append(sum(a @ v for a, v in zip(terms, before, strict=False)) / order)
            if np.max(np.abs(powers[-1])) < 0.1 * _UNIT:
                break
        # The way from the middle to the end, and from the start to the middle.
        even, odd = np.sum(powers[::2], axis=0), np.sum(powers[1::2], axis=0)
        start, end = even - odd, even + odd
        back = dagger(start) if np.iscomplexobj(start) else np.linalg.inv(start)
        stack = np.empty((size, *self.series.shape[1:]), dtype=terms.dtype)
        # Without the rounding of what stays.
        stack[:, :, 0] = np.eye(levels) + 2 * odd @ back
        if self.units.size:
            at = np.vander(nodes, len(powers), increasing=True)
            inside = _combined(at, np.stack(powers)).swapaxes(0, 1)  # (m, q, D, D)
            moved = every[:, :, :, 1:].reshape(size, nodes.size, -1, levels)
            moved = moved @ (inside @ back[:, None])
            inverse = dagger(inside) if np.iscomplexobj(inside) else np.linalg.inv(inside)
            ahead = (0.5 * step * weights)[:, None, None] * (end[:, None] @ inverse)
            ahead = ahead.swapaxes(1, 2).reshape(size, levels, -1)
            found = ahead @ moved.reshape(size, nodes.size * levels, -1)
            stack[:, :, 1:] = found.reshape(stack[:, :, 1:].shape)
        family = _Family(stack, 0.0, half, step)
        if size > 1 and family.settle(allowed) > allowed:
            return None
        return family


def expected(real: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how many steps doubling leaves, and what U is off by then, nearly, (P,) each.

    That is on panels of generators (P, n, D, D) of [−1, 1] whose first rows are zero. Rounding is
    forgotten when the slowest mode has decayed, and what was before takes no steps.
    """
    norm = np.max(np.sum(np.abs(real), axis=-1), axis=(1, 2))
    change = 2 * np.max(np.sum(np.abs(real - real[:, [real.shape[1] // 2]]), axis=-1), axis=(1, 2))
    few = real[:, [0, real.shape[1] // 2, -1], 1:, 1:]
    with one_thread:
        slowest = -np.max(np.linalg.eigvals(few).real, axis=(1, 2), initial=-np.inf)
    slowest = np.maximum(slowest, 1e-300)
    forgotten = 2 * (1 + np.log(real.shape[-1])) / slowest
    steps = np.sqrt(change) * np.minimum(_REMEMBERED / slowest, 1.0)
    return steps, ROUNDING * norm * np.minimum(forgotten, 2.0)


@dataclass(frozen=True)
class _Doubt:
    """What U is off by, at most, what it is where it acts on no trace, and what ∂U is."""

    first: float = 0.5 * ROUNDING
    traceless: float = 0.5 * ROUNDING
    slopes: float = 0.5 * ROUNDING

    def more(self, missed: float, size: float) -> _Doubt:
        """Return it with what is missed, relative to the size of ∂U, or 1."""
        return _Doubt(self.first + missed, self.traceless + missed, self.slopes + missed * size)


def _joined(after: _Doubt, before: _Doubt, later: _Sizes, earlier: _Sizes) -> _Doubt:
    """Return what products of stacks of some sizes are off by, at most."""
    size, kept, forgetting = later
    size_before, kept_before, _ = earlier
    own = 0.5 * ROUNDING
    traceless = after.traceless * kept_before + kept * (before.traceless + own * kept_before)
    slopes = after.slopes + kept * before.slopes + own * (size + kept * size_before)
    slopes += forgetting * before.first + after.traceless * size_before
    return _Doubt(after.first + kept * before.first + own, traceless, slopes)


class _Family:
    """Stacks (n, D, 1 + K, D) over steps whose middles are Chebyshev nodes about `middle`."""

    doubt = _Doubt()
    size = 1.0
    sizes: _Sizes | None = None

    def __init__(
        self, values: Stack, middle: float, half: float, step: float, doublings: int = 0
    ) -> None:
        self.values, self.middle, self.half = values, middle, half
        self.step, self.doublings, self.known = step, doublings, len(values)

    def settle(self, allowed: float) -> float:
        """Note how many coefficients matter; return the size of the last two.

        Each derivative is compared with its size, or 1.
        """
        _, to_coefficients = transform(len(self.values))
        numbers = _numbers(self.values)
        size = np.maximum(np.max(largest(numbers), axis=0), 1.0)
        self.size = float(np.max(size))
        # Derivatives take as many as propagators, or a few more.
        of_propagators = largest(_combined(to_coefficients, numbers[:, :, :1]))
        known = np.flatnonzero(of_propagators[:, 0] > 0.1 * allowed)
        self.known = 3 + int(np.max(known, initial=0))
        return float(np.max(largest(_combined(to_coefficients[-2:], numbers)) / size))

    def at(self, count: int, middle: float, half: float, equal: bool = False) -> Stack:
        """Return the stacks over steps whose middles are other nodes, or `equal`."""
        if self.half == 0.0:
            return self.values
        place = (middle - self.middle) / self.half, half / self.half
        return _combined(resampling(len(self.values), count, *place, equal), self.values)


def _numbers(stacks: Stack) -> FloatArray:
    """Return stacks as real numbers, (n, D, 1 + K, D) or (n, D, 1 + K, 2 D)."""
    return np.ascontiguousarray(stacks).view(np.float64)


def _product(later: Stack, earlier: Stack) -> Stack:
    """Return the stacks (…, D, 1 + K, D) of one time after another."""
    *several, size, count, _ = earlier.shape
    found = later.reshape(*several, size * count, size) @ earlier[..., 0, :]
    found = found.reshape(earlier.shape)
    rest = later[..., 0, :] @ earlier[..., 1:, :].reshape(*several, size, -1)
    found[..., 1:, :] += rest.reshape(*several, size, count - 1, size)
    return found


def _combined(weights: npt.NDArray[Any], matrices: Stack) -> Stack:
    """Return sums (k, …) of arrays (n, …), real or complex, with real weights (k, n)."""
    flat = np.ascontiguousarray(matrices).reshape(len(matrices), -1)
    found = (weights @ flat.view(np.float64)).view(flat.dtype)
    return found.reshape(-1, *matrices.shape[1:])


def _last(values: Stack) -> float:
    """Return the last two Legendre coefficients of values at the Gauss nodes (q, …), at most."""
    nodes, weights, _ = _gauss()
    last = np.arange(nodes.size - 2, nodes.size)
    project = (last + 0.5)[:, None] * legendre.legvander(nodes, last[-1])[:, last].T * weights
    return float(np.max(np.abs(_combined(project, values))))


@functools.cache
def _gauss() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Gauss nodes and weights, and the matrix from values there to powers."""
    nodes, weights = legendre.leggauss(_LOCAL_NODES)
    to_powers = np.linalg.inv(np.vander(nodes, increasing=True))
    return nodes, weights, np.asarray(to_powers, dtype=np.float64)
