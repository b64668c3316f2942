"""One state under H = Σ f_k(t) M_k by its Taylor series in time: products with the M_k alone.

On a step of length h the f_k are polynomials Σ_j f_kj τ^j, τ from 0 to 1, and the series of the
state, Σ ψ_n τ^n, follows from

    (n + 1) ψ_{n+1} = −i h Σ_k Σ_j f_kj M_k ψ_{n−j}:

one product with each M_k for an order. A step holds some ten radians of the widest distance of
levels; there the order of thirty to fifty that rounding allows is the cheapest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing.dynamics import _state_series_kernels as kernels
from anticrossing.hamiltonian.sparse import SparseTerm, combine

_EPSILON = float(np.finfo(np.float64).eps)
_DEGREE = 12  # of the coefficients on one step
_FIRST_PHASE, _LARGEST_PHASE = 6.0, 24.0
_MOST_ORDERS = 90
_SMALLEST_GROWTH, _LARGEST_GROWTH = 50.0, 2000.0  # of the terms of the series over the state
_PRODUCTS_PER_RADIAN = 6.5
ROWS_PER_TERM = _DEGREE + 1
"""State vectors that each term of a Hamiltonian takes."""

Coefficients = Callable[[FloatArray], FloatArray]


@dataclass
class Motion:
    """What was done so far: the state, the phase that was split off, and the error."""

    state: ComplexArray
    phase: float = 0.0
    error: float = 0.0
    steps: int = 0
    products: int = 0


class TaylorSeries:
    """The evolution of one state; `coefficients` gives the f_k at times, (n, K)."""

    def __init__(self, terms: tuple[SparseTerm, ...], coefficients: Coefficients) -> None:
        self._terms = terms
        self._coefficients = coefficients
        self._centres = np.array([(t.lowest + t.highest) / 2 for t in terms])
        self._spreads = np.array([(t.highest - t.lowest) / 2 for t in terms])
        self._diagonals = [t.diagonal - c for t, c in zip(terms, self._centres, strict=True)]
        size = terms[0].size
        self._ring = np.empty(((_DEGREE + 1) * len(terms), size), dtype=np.complex128)
        # Values at the nodes to Chebyshev coefficients, these to powers of τ.
        nodes = np.cos(np.pi * np.arange(_DEGREE + 1) / _DEGREE)
        self._nodes = (1 + nodes) / 2
        self._to_series = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, _DEGREE))
        self._to_powers = _shifted_powers(_DEGREE)

    def phase(self, start: float, stop: float) -> float:
        """Return half the widest distance of levels, summed over time, in radians."""
        edges = np.linspace(start, stop, 257)
        middle = (edges[1:] + edges[:-1]) / 2
        rates = np.abs(self._coefficients(middle)) @ self._spreads
        return float(np.sum(rates * np.diff(edges)))

    def products(self, phase: float) -> float:
        """Return about how many products with every term a phase takes."""
        return _PRODUCTS_PER_RADIAN * phase

    def advance(
        self,
        motion: Motion,
        start: float,
        stop: float,
        tolerance: float,
        tell: Callable[[float], None],
    ) -> None:
        """Carry `motion` from start to stop, smooth in between, to an error; tell the time."""
        time, phase, longest = start, _FIRST_PHASE, stop - start
        while time < stop:
            length = min(self._length(time, stop, phase), longest)
            last = length >= (stop - time) * (1 - 1e-12)
            length = stop - time if last else length
            allowed = max(tolerance * length / (stop - start), 4 * _EPSILON)
            growth = self._step(motion, time, length, allowed)
            if growth is None:
                longest = length / 2
                if time + longest / 16 <= time:
                    raise ConvergenceError(
                        f"H(x(t)) is not smooth near t = {time:.9g}: give that time as a "
                        "breakpoint, or a larger tolerance."
                    )
                continue
            time = stop if last else time + length
            tell(time)
            longest *= 2
            most = min(max(allowed / (4 * _EPSILON), _SMALLEST_GROWTH), _LARGEST_GROWTH)
            if not last or growth > most:
                ratio = np.log(most) / max(np.log(growth), 0.1)
                phase = min(phase * min(max(ratio, 0.6), 1.4), _LARGEST_PHASE)

    def _length(self, time: float, stop: float, phase: float) -> float:
        """Return the length of a step that holds a phase."""
        rest = stop - time
        rate = float(np.abs(self._coefficients(np.array([time]))[0]) @ self._spreads)
        length = min(rest, phase / rate) if rate > 0 else rest
        for _ in range(3):  # where H grows along the step
            times = time + length * np.array([0.25, 0.5, 0.75, 1.0])
            rates = np.abs(self._coefficients(times)) @ self._spreads
            mean = float(np.mean(rates))
            if mean * length <= 1.2 * phase:
                break
            length = phase / mean
        return length

    def _step(self, motion: Motion, time: float, length: float, allowed: float) -> float | None:
        """Try one step; return how far terms of the series exceed the state, None if refused."""
        values = self._coefficients(time + length * self._nodes)
        series = self._to_series @ values
        sizes = np.abs(series) * self._spreads * length
        missed = float(np.sum(np.max(sizes[-2:], axis=0)))
        # Times are known to rounding, and coefficients to what they change meanwhile.
        turned = np.ptp(values, axis=0) @ self._spreads
        noise = 4 * _EPSILON * max(abs(time), abs(time + length)) * turned
        if not np.all(np.isfinite(series)) or missed > max(allowed, noise):
            return None
        # What is below rounding would only be carried along.
        kept = np.max(sizes, axis=1) > 1e-17 + _EPSILON / 8 * np.max(sizes)
        degree = int(np.max(np.flatnonzero(kept), initial=0))
        powers = self._to_powers[: degree + 1, : degree + 1] @ series[: degree + 1]
        count, rows = len(self._terms), degree + 1
        total, state = motion.state.copy(), motion.state.copy()
        ring = self._ring.view(np.float64)
        squares, norms = 1.0, [1.0]
        radius = float(np.sum(np.abs(powers) @ self._spreads)) * length
        for order in range(_MOST_ORDERS):
            slot = order % rows
            for k, term in enumerate(self._terms):
                out = self._ring[slot * count + k][None]
                combine(state[None], out, self._diagonals[k], term.masks, term.weights)
                term.add_rest(state[None], out, 1.0)
            motion.products += 1
            back = np.arange(min(order, degree) + 1)
            places = (((order - back) % rows)[:, None] * count + np.arange(count)).ravel()
            norm = kernels.next_order(
                ring,
                places,
                powers[back].ravel(),
                length / (order + 1),
                state.view(np.float64),
                total.view(np.float64),
            )
            squares += norm**2
            # A term is at most `ratio` times the largest of those that it follows from.
            norms.append(norm)
            ratio = radius / (order + 2)
            if ratio < 0.5 and rows * max(norms[-rows:]) * ratio / (1 - ratio) <= 0.5 * allowed:
                break
            if not squares < _LARGEST_GROWTH**4:
                return None
        else:
            return None
        growth = float(np.sqrt(squares))
        integral = length * float(powers.T @ (1 / np.arange(1, rows + 1)) @ self._centres)
        motion.state = total
        motion.phase += integral
        motion.error += missed + 0.5 * allowed + 2 * _EPSILON * growth
        motion.steps += 1
        return growth


def _shifted_powers(degree: int) -> FloatArray:
    """Return the coefficients of T_m(2τ − 1) in powers of τ, as columns."""
    columns = np.zeros((degree + 1, degree + 1))
    columns[0, 0] = 1.0
    if degree:
        columns[:2, 1] = -1.0, 2.0
    for m in range(2, degree + 1):
        columns[:, m] = -2 * columns[:, m - 1] - columns[:, m - 2]
        columns[1:, m] += 4 * columns[:-1, m - 1]
    return columns
