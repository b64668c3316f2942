"""The noise of a bath of oscillators: what it takes and gives at a frequency, and its shifts.

With B = Σ_k g_k (b_k + b_k†) in equilibrium, J(ω) = π Σ_k g_k² δ(ω − ω_k),

    Γ(ω) = ∫₀^∞ dt e^{iωt} ⟨B(t)B⟩ = ½γ(ω) + i S(ω),     γ(ω) = 2J(ω)/(1 − e^{−ω/T}),

where ω > 0 is given to the bath, γ(−ω) = e^{−ω/T} γ(ω) and γ(0) = 2T lim J(ω)/ω.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, fail
from anticrossing._core.unchanging import Unchanging
from anticrossing.environment.spectral_density import SpectralDensity

_NEAR_ZERO = 1e-10  # of the smallest scale of a bath: below that it is white
_REACH = 3.9  # of the double exponential rule
_STEPS = (0.125, 0.0625, 0.03125, 0.015625)
_ACCURACY = 1e-12  # of integrals
_WORST = 1e-8
_CHUNK = 2_000  # integrals at once
_DEGREE = 15
_FIRST_PIECE = 12.0  # ratio of the ends
_FINEST_PIECE = 1e-5
_SMOOTH = 1e-12

Function = Callable[[FloatArray], FloatArray]


class BathNoise(Unchanging):
    """γ(ω), S(ω) and what universal Lindblad operators need, of a bath at a temperature."""

    def __init__(self, density: SpectralDensity, temperature: float) -> None:
        self.density, self.temperature = density, temperature
        scales = [*density.scales, *([temperature] if temperature > 0 else [])]
        self.scales = tuple(sorted(scales))
        self.white = _NEAR_ZERO * self.scales[0]
        slope = density.slope
        if temperature > 0 and not np.isfinite(slope):
            raise fail(
                "spectral_density",
                "begin at least linearly in the frequency at a temperature above zero",
                "J(ω)/ω diverges for ω → 0, and with it the dephasing at zero frequency",
            )
        self.at_zero = 2 * temperature * slope if temperature > 0 else 0.0
        self._tables: dict[str, _Table] = {}

    def rate(self, omega: FloatArray) -> FloatArray:
        """Return γ(ω), ω > 0 given to the bath."""
        size = np.abs(omega)
        found = np.full(size.shape, self.at_zero)
        there = size > self.white
        values = 2 * self.density.continuum(size[there])
        up = omega[there] < 0
        if self.temperature == 0:
            found[there] = np.where(up, 0.0, values)
            return found
        with np.errstate(over="ignore", under="ignore"):
            ratio = size[there] / self.temperature
            # e^{−ω/T}/(1 − e^{−ω/T}) upwards, 1/(1 − e^{−ω/T}) downwards
            found[there] = values / -np.expm1(-ratio) * np.where(up, np.exp(-ratio), 1.0)
        return found

    def shift(self, omega: FloatArray) -> FloatArray:
        """Return S(ω) = (1/2π) P∫ dx γ(x)/(ω − x)."""
        return self._tabulated("shift", lambda w: self.cross(w, w), omega)

    def mixed(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Return −(1/2π) P∫ dx √γ(a + x) √γ(b + x)/x; for a = b that is S(a)."""
        shape = np.broadcast_shapes(first.shape, second.shape)
        a, b = (np.broadcast_to(part, shape) for part in (first, second))
        found = np.empty(shape)
        same, left, right = a == b, a == 0, b == 0
        found[same] = self.shift(a[same])
        alone = (left | right) & ~same

        def beside_zero(w: FloatArray) -> FloatArray:
            return self.cross(np.zeros(w.shape), w)

        found[alone] = self._tabulated("mixed", beside_zero, (a + b)[alone])
        rest = ~same & ~alone
        found[rest] = self.cross(a[rest], b[rest])
        return found

    def _tabulated(self, name: str, function: Function, omega: FloatArray) -> FloatArray:
        table = self._tables.get(name) or self._tables.setdefault(
            name, _Table(function, self.white)
        )
        return table(omega)

    def cross(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Return `mixed` by quadrature, for a (n,) and b (n,)."""
        found = np.empty(first.size)
        for start in range(0, first.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            found[part] = self._integrals(first[part], second[part])
        return found

    def _integrals(self, a: FloatArray, b: FloatArray) -> FloatArray:
        found, before, todo = np.empty(a.size), np.full(a.size, np.nan), np.arange(a.size)
        for step in _STEPS:
            found[todo], size = self._by_steps(a[todo], b[todo], step)
            change = np.abs(found[todo] - before[todo])
            coarse = ~(change <= _ACCURACY * size)
            before[todo] = found[todo]
            todo, missing = todo[coarse], (change - _WORST * size)[coarse]
            if not todo.size:
                break
        if todo.size and not np.all(missing <= 0):
            raise ConvergenceError(
                "The shifts of levels by the bath cannot be integrated: the spectral density is "
                "too ragged, or has narrow peaks at frequencies that its `scales` do not name."
            )
        return -found / (2 * np.pi)

    def _by_steps(self, a: FloatArray, b: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
        equal = bool(np.all(a == b))

        def even(x: FloatArray) -> FloatArray:
            """The integrand at x and −x together, for x (n, k) > 0."""
            if equal:
                return np.asarray((self.rate(a[:, None] + x) - self.rate(a[:, None] - x)) / x)
            ahead, behind = (
                np.sqrt(self.rate(a[:, None] + y) * self.rate(b[:, None] + y)) for y in (x, -x)
            )
            return np.asarray((ahead - behind) / x)

        # The bath changes its behaviour at zero and at its scales, wherever a and b put them.
        marks = np.array([0.0, *self.scales, *(-s for s in self.scales)])
        shifted = [a[:, None] + marks] if equal else [a[:, None] + marks, b[:, None] + marks]
        cuts = np.abs(np.concatenate(shifted, axis=1))
        edges = np.sort(np.concatenate([np.zeros((a.size, 1)), cuts], axis=1), axis=1)
        return _double_exponential(even, edges, step)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_tables": {}}


def _double_exponential(
    function: Callable[[FloatArray], FloatArray], edges: FloatArray, step: float
) -> tuple[FloatArray, FloatArray]:
    """Return integrals from 0 to ∞ with singular points at `edges` (n, k), and of the size."""
    t = np.arange(-_REACH, _REACH + 0.5 * step, step)
    grown = 0.5 * np.pi * np.sinh(t)
    total, size = np.zeros(edges.shape[0]), np.zeros(edges.shape[0])

    def add(x: FloatArray, weight: FloatArray) -> None:
        nonlocal total, size
        there = (weight > 0) & (x > 0)
        values = np.where(there, function(np.where(there, x, 1.0)) * weight, 0.0)
        total = total + step * np.sum(values, axis=1)
        size = size + step * np.sum(np.abs(values), axis=1)

    with np.errstate(over="ignore", under="ignore"):
        # The distance from the nearer end, without cancellation.
        share = 1 / (1 + np.exp(2 * np.abs(grown)))
        slope = np.pi * np.cosh(t) * share / (1 + np.exp(-2 * np.abs(grown)))
        for left, right in zip(edges.T[:-1], edges.T[1:], strict=True):
            if np.array_equal(left, right):
                continue
            length = (right - left)[:, None]
            x = np.where(t < 0, left[:, None] + length * share, right[:, None] - length * share)
            add(x, length * slope)
        last = edges[:, -1:]
        far = np.exp(np.clip(grown, -700, 200))
        scale = np.maximum(last, np.finfo(float).tiny)
        add(last + scale * far, scale * far * 0.5 * np.pi * np.cosh(t))
    return total, size


class _Table:
    """A function of a frequency of either sign, as Chebyshev series in ln|ω| on pieces.

    Pieces do not depend on what was asked before, so neither do values.
    """

    def __init__(self, function: Function, smallest: float) -> None:
        self.function, self.smallest = function, smallest
        self.zero = float(function(np.zeros(1))[0])
        self.tops = 0  # how many of the coarse pieces are done
        self.growing = threading.Lock()  # panels are solved side by side
        self.sides = tuple((np.full(1, np.log(smallest)), np.empty((0, _DEGREE + 1))) for _ in "+-")

    def __call__(self, omega: FloatArray) -> FloatArray:
        flat = omega.ravel()
        size = np.maximum(np.abs(flat), self.smallest)
        self._reach(float(np.max(size, initial=self.smallest)))
        found = np.empty(flat.size)
        for (edges, series), rows in zip(self.sides, (flat >= 0, flat < 0), strict=True):
            u = np.log(size[rows])
            place = np.clip(np.searchsorted(edges, u) - 1, 0, series.shape[0] - 1)
            left, right = edges[place], edges[place + 1]
            y = np.clip((2 * u - left - right) / (right - left), -1.0, 1.0)
            angle = np.arccos(y)[:, None] * np.arange(series.shape[1])
            found[rows] = np.sum(series[place] * np.cos(angle), axis=1)
        near = np.abs(flat) < self.smallest
        weight = np.abs(flat[near]) / self.smallest
        found[near] = self.zero + weight * (found[near] - self.zero)
        return found.reshape(omega.shape)

    def _reach(self, largest: float) -> None:
        count = int(np.floor(np.log(largest / self.smallest) / np.log(_FIRST_PIECE))) + 1
        if count <= self.tops:
            return
        with self.growing:
            ends = np.arange(self.tops, count + 1)
            if ends.size < 2:
                return
            cuts = np.log(self.smallest) + np.log(_FIRST_PIECE) * ends
            grown = []
            for (edges, series), sign in zip(self.sides, (1.0, -1.0), strict=True):
                right, more = _pieces(self.function, cuts, sign, abs(self.zero))
                grown.append((np.concatenate([edges, right]), np.concatenate([series, more])))
            self.sides = tuple(grown)
            self.tops = count


def _pieces(
    function: Function, cuts: FloatArray, sign: float, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Return right edges in ln ω and Chebyshev coefficients, of ever shorter pieces."""
    angles = np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1)
    nodes = np.cos(angles)
    to_series = np.linalg.inv(np.cos(np.arange(_DEGREE + 1) * angles[:, None]))
    todo = np.stack([cuts[:-1], cuts[1:]], axis=1)
    done: list[tuple[float, npt.NDArray[Any]]] = []
    while todo.size:
        middle, half = todo.mean(axis=1), 0.5 * (todo[:, 1] - todo[:, 0])
        x = np.exp(middle[:, None] + half[:, None] * nodes)
        series = function(sign * x.ravel()).reshape(x.shape) @ to_series.T
        size = np.maximum(scale, np.max(np.abs(series), axis=1))
        good = np.max(np.abs(series[:, -3:]), axis=1) <= _SMOOTH * size
        good |= half < _FINEST_PIECE
        done += [(float(end), row) for (_, end), row in zip(todo[good], series[good], strict=True)]
        rough, centre = todo[~good], middle[~good]
        todo = np.concatenate(
            [np.stack([rough[:, 0], centre], axis=1), np.stack([centre, rough[:, 1]], axis=1)]
        )
    done.sort(key=lambda piece: piece[0])
    return np.array([end for end, _ in done]), np.array([row for _, row in done])
