"""Superadiabatic frames of a chosen order at any time of the window.

Level j is sought as φ with φ_j = 1 in the eigenbasis of H at the time, as a formal solution of
i φ′ = (H − λ) φ in powers of the slowness: φ = Σ φ_k, where φ_k holds k time derivatives of H, each
over a gap. Every coefficient is followed as a Taylor series in time, so that no derivative is ever
taken of a number: with Φ_k[m] the Taylor coefficients of all levels side by side,

    (e_a − e_j) Φ_k[m] = i (m+1) Φ_{k−1}[m+1] − Σ_{l≥1} H_l Φ_k[m−l] + Σ′ λ_{k′}[m′] Φ_{k−k′}[m−m′].

The Taylor coefficients of H come from a circle in complex time where H is analytic, and from
Chebyshev points on the real axis where it is known there alone. Diagonalising again and again on
a panel, as the propagator does, loses the coupling of high orders to rounding unless the panel has
just the right width: at order 20 of a passage with g²/α = 20 it is off by a third on 25 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import polar_factor
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import FunctionHamiltonian

HIGHEST_ORDER = 40
_ATTEMPTS = (8, 20, HIGHEST_ORDER)  # the work grows with the fourth power of the orders
_FEW_LEVELS = 16  # of more the last attempt would take minutes
_POINTS = 64  # on a circle
_FEW = 8
_REAL_NODES = 33
_CHANGE = 4.0  # of H on the circle, in units of the smallest distance of two levels
_OTHER = 0.8  # of the radius: what differs between the two is rounding
_TAIL, _REAL_TAIL = 1e-14, 1e-13
_HALVINGS = 90
_DEGENERATE = 1e-12
_FLOOR = 1e-16  # couplings below are rounding of the adiabatic frame
_LARGEST_BLOCK = 4_000_000  # numbers at once

_Lane = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Superadiabatic:
    """Superadiabatic states of every order at P times.

    Attributes
    ----------
    terms : array, shape (P, orders + 2, N, N)
        ``terms[:, k]`` are the k-th terms in the eigenbasis, columns are levels; NaN where levels
        are degenerate.
    noise : array, shape (P, orders + 2)
        How much the terms differ between two ways to take the derivatives, in sum up to each.
    vectors : array, shape (P, N, N)
        The eigenvectors of H.
    """

    terms: ComplexArray
    noise: FloatArray
    vectors: ComplexArray

    @property
    def sizes(self) -> FloatArray:
        """The largest element of every term, shape (P, orders + 2)."""
        return np.asarray(np.max(np.abs(self.terms), axis=(-2, -1)))

    def turned_by_others(self, order: _Lane, allowed: FloatArray) -> FloatArray:
        """Return by how much states of orders that leave no more than allowed (P,) differ."""
        sums = np.cumsum(self.terms[:, :-2], axis=1)
        off = sums - np.take_along_axis(sums, order[:, None, None, None], axis=1)
        turned = np.max(np.abs(off), axis=(-2, -1))
        left = following(np.maximum(self.sizes, self.noise))
        return np.asarray(np.max(turned, axis=1, where=left <= allowed[:, None], initial=0.0))

    def rotations(self, order: _Lane) -> ComplexArray:
        """Return the states of an `order` (P,) in the eigenbasis, orthonormal, (P, N, N)."""
        taken = np.arange(self.terms.shape[1]) <= order[:, None]
        total = np.where(taken[:, :, None, None], self.terms, 0.0).sum(axis=1)
        columns = total / np.linalg.norm(total, axis=-2, keepdims=True)
        # Two levels are orthogonal already, others to the order that is left out.
        return columns if columns.shape[-1] == 2 else polar_factor(columns)[0]


def superadiabatic_states(
    lanes: Lanes, times: FloatArray, lane: _Lane, orders: int
) -> Superadiabatic:
    """Return the states up to an order, and one term more, at `times` (P,) of lanes `lane` (P,)."""
    levels = lanes.hamiltonian.dimension
    per_time = max(_POINTS * levels**2, (orders + 2) ** 2 * levels**2)
    step = max(1, _LARGEST_BLOCK // per_time)
    parts = [
        _states(lanes, times[k : k + step], lane[k : k + step], orders)
        for k in range(0, times.size, step)
    ]
    names = ("terms", "noise", "vectors")
    return Superadiabatic(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def optimal_states(
    blocks: Sequence[Lanes],
    times: FloatArray,
    lane: _Lane,
    group: _Lane | None = None,
    enough: float = 0.0,
) -> tuple[list[Superadiabatic], _Lane, FloatArray]:
    """Return states of every block of H at `times` (P,) of lanes `lane` (P,).

    Also the order of every lane, or `group` (P,) of times, that is optimal for all of them
    together, and what that leaves; where it is `enough` there may be better ones.
    """
    group = lane if group is None else group
    few = max(block.hamiltonian.dimension for block in blocks) <= _FEW_LEVELS
    for orders in _ATTEMPTS if few else _ATTEMPTS[:-1]:
        states = [superadiabatic_states(block, times, lane, orders) for block in blocks]
        noise = np.max([own.noise for own in states], axis=0)
        order, left = optimal_order(np.maximum(largest_sizes(states), noise), group)
        # The terms fall and then grow: a least one inside is the least of all.
        if np.max(order, initial=0) < orders - 1 or np.max(left, initial=0.0) <= enough:
            break
    return states, order, left


def largest_sizes(states: Sequence[Superadiabatic]) -> FloatArray:
    """Return the largest element of every term in any of the blocks, shape (P, orders + 2)."""
    return np.asarray(np.max([own.sizes for own in states], axis=0))


def optimal_order(sizes: FloatArray, group: _Lane) -> tuple[_Lane, FloatArray]:
    """Return for every group the order whose next terms are least at the worst of its times.

    And the size of these terms.
    """
    worst = np.zeros((int(np.max(group, initial=-1)) + 1, sizes.shape[1]))
    np.maximum.at(worst, group, np.where(np.isfinite(sizes), sizes, np.inf))
    left = following(worst)
    return np.argmin(left, axis=1), np.min(left, axis=1)


def following(sizes: FloatArray) -> FloatArray:
    """Return the size of the terms that every order leaves out first, shape (P, orders + 1)."""
    # Every other term vanishes in the middle of a symmetric passage: two are looked at.
    return np.maximum(np.hypot(sizes[:, 1:-1], sizes[:, 2:]), _FLOOR)


def _states(lanes: Lanes, times: FloatArray, lane: _Lane, orders: int) -> Superadiabatic:
    start = lanes.traceless(times[:, None], lane)[:, 0]
    energies, vectors = np.linalg.eigh(start)
    vectors = vectors.astype(np.complex128)
    apart = np.min(np.diff(energies, axis=-1), axis=-1)
    scale = np.max(np.abs(energies), axis=-1)
    terms = np.full((times.size, orders + 2, *start.shape[1:]), np.nan + 0j)
    terms[:, 0] = np.eye(start.shape[-1])
    noise = np.full(terms.shape[:2], np.inf)
    rows = np.flatnonzero(apart > _DEGENERATE * scale)
    if rows.size:
        v = vectors[rows]
        both = []
        for factor in (1.0, _OTHER):
            series, radius = _taylor(
                lanes, times[rows], lane[rows], start[rows], orders + 1, factor
            )
            inside = v.conj().swapaxes(-1, -2)[:, None] @ series @ v[:, None]
            both.append(_expand(energies[rows], inside, radius))
        terms[rows] = both[0]
        with np.errstate(over="ignore", invalid="ignore"):
            difference = np.max(np.abs(both[0] - both[1]), axis=(-2, -1))
        difference = np.where(np.isfinite(difference), difference, np.inf)
        noise[rows] = np.cumsum(difference, axis=1)
    return Superadiabatic(terms, noise, vectors)


def _expand(energies: FloatArray, series: ComplexArray, radius: FloatArray) -> ComplexArray:
    """Return the terms Φ_k(0), (P, L, N, N), from the Taylor series of H in units of `radius`."""
    from anticrossing.dynamics import _series

    terms = np.zeros(series.shape, dtype=np.complex128)
    _series.expand(energies, np.ascontiguousarray(series), radius, terms)
    return terms


def _taylor(
    lanes: Lanes,
    times: FloatArray,
    lane: _Lane,
    start: npt.NDArray[np.complex128],
    length: int,
    factor: float,
) -> tuple[ComplexArray, FloatArray]:
    """Return Taylor coefficients of H times powers of a radius, (P, length + 1, N, N), and it."""
    apart = np.min(np.diff(np.linalg.eigvalsh(start), axis=-1), axis=-1)
    left, right = _smooth_piece(lanes, times, lane)
    radius = 0.5 * (right - left)
    analytic = not isinstance(lanes.hamiltonian, FunctionHamiltonian)
    analytic = analytic and not lanes.drive.breakpoints.size
    few = np.exp(2j * np.pi * (np.arange(_FEW) + 0.5) / _FEW) if analytic else np.array([-1, 1.0])
    todo = np.arange(times.size)
    for _ in range(_HALVINGS):
        if analytic:
            around = times[todo, None] + radius[todo, None] * few
        else:
            middle = _middle(times[todo], radius[todo], left[todo], right[todo])
            around = middle[:, None] + radius[todo, None] * few
        with np.errstate(all="ignore"):
            change = np.abs(_values(lanes, around, lane[todo]) - start[todo, None])
        change = np.max(change, axis=(1, 2, 3))
        far = ~(change <= _CHANGE * apart[todo])
        radius[todo[far]] *= 0.5
        todo = todo[far]
        if todo.size == 0:
            break
    taken = _circle if analytic else _interval
    # Where large terms cancel no circle is so small that only rounding is left.
    known = np.max(lanes.last_digits(times[:, None], lane), axis=(1, 2, 3))
    return taken(lanes, times, lane, radius, left, right, length, factor, known)


def _values(lanes: Lanes, times: npt.NDArray[np.complex128], lane: _Lane) -> ComplexArray:
    """Return H at real or complex times; NaN where it is not finite."""
    x = lanes.positions(times, lane)
    h = {k: v[lane][:, None] for k, v in lanes.h_parameters.items()}
    values, _ = lanes.hamiltonian.evaluate_split(x, h)
    return np.asarray(lanes.hamiltonian.units.angular * values)


def _circle(
    lanes: Lanes,
    times: FloatArray,
    lane: _Lane,
    radius: FloatArray,
    left: FloatArray,
    right: FloatArray,
    length: int,
    factor: float,
    known: FloatArray,
) -> tuple[ComplexArray, FloatArray]:
    radius = radius * factor
    points = np.exp(2j * np.pi * np.arange(_POINTS) / _POINTS)
    levels = lanes.hamiltonian.dimension
    series = np.zeros((times.size, length + 1, levels, levels), dtype=np.complex128)
    todo = np.arange(times.size)
    for _ in range(_HALVINGS):
        around = times[todo, None] + radius[todo, None] * points
        with np.errstate(all="ignore"):
            values = _values(lanes, around, lane[todo])
            found = np.fft.fft(values, axis=1) / _POINTS
        size = np.max(np.abs(found), axis=(2, 3))
        # An analytic function has no negative powers, and what it has falls off.
        tail = np.max(size[:, _POINTS * 2 // 3 :], axis=1)
        good = tail <= np.maximum(_TAIL * np.max(size, axis=1), known[todo])
        series[todo[good]] = found[good, : length + 1]
        todo = todo[~good]
        if todo.size == 0:
            break
        radius[todo] *= 0.5
    series[todo] = np.nan
    return series, radius


def _interval(
    lanes: Lanes,
    times: FloatArray,
    lane: _Lane,
    radius: FloatArray,
    left: FloatArray,
    right: FloatArray,
    length: int,
    factor: float,
    known: FloatArray,
) -> tuple[ComplexArray, FloatArray]:
    points = grid(_REAL_NODES)
    radius = radius * factor
    levels = lanes.hamiltonian.dimension
    series = np.zeros((times.size, length + 1, levels, levels), dtype=np.complex128)
    todo = np.arange(times.size)
    for _ in range(_HALVINGS):
        middle = _middle(times[todo], radius[todo], left[todo], right[todo])
        around = middle[:, None] + radius[todo, None] * points.nodes
        around = np.clip(around, left[todo, None], right[todo, None])
        values = lanes.traceless(around, lane[todo])
        found = np.einsum("cn,pnab->pcab", points.to_coefficients, values).astype(np.complex128)
        size = np.max(np.abs(found), axis=(2, 3))
        largest = np.max(size, axis=1)
        good = np.max(size[:, -3:], axis=1) <= np.maximum(_REAL_TAIL * largest, known[todo])
        for row in np.flatnonzero(good):
            # Coefficients below rounding would only feed noise to the derivatives.
            degree = int(np.flatnonzero(size[row] > 4e-16 * largest[row])[-1])
            at = (times[todo[row]] - middle[row]) / radius[todo[row]]
            coefficients, faculty = found[row, : degree + 1], 1.0
            for k in range(min(degree, length) + 1):
                faculty *= max(k, 1)
                value = np.polynomial.chebyshev.chebval(at, coefficients)
                series[todo[row], k] = value / faculty
                coefficients = np.polynomial.chebyshev.chebder(coefficients)
        todo = todo[~good]
        if todo.size == 0:
            break
        radius[todo] *= 0.5
    series[todo] = np.nan
    return series, radius


def _middle(
    times: FloatArray, radius: FloatArray, left: FloatArray, right: FloatArray
) -> FloatArray:
    return np.asarray(np.clip(times, left + radius, right - radius))


def _smooth_piece(lanes: Lanes, times: FloatArray, lane: _Lane) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the piece between breakpoints on which each time lies."""
    left, right = lanes.start[lane].copy(), lanes.stop[lane].copy()
    for cut in np.ravel(lanes.drive.breakpoints):
        left = np.where((cut <= times) & (cut > left) & (cut < right), cut, left)
        right = np.where((cut > times) & (cut < right), cut, right)
    return left, right
