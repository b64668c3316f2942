"""Functions of one variable as Chebyshev series on pieces, cut where they are not smooth."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray

_NODES = 33
_TAIL = 4  # of the coefficients, that must vanish
_BETWEEN = 7  # points off the nodes at which a series is compared with the function
_FIRST_PIECES = 1024  # so that 2¹⁵ points look for what happens in no time
_SUSPICIOUS = 2.0**-24  # of the interval: what needs pieces as short is not smooth
_MOST_OPEN = 2**14
_ROUNDING = 4.0  # units in the last place that tell two times apart

_Function = Callable[[FloatArray], FloatArray]


class Pieces:
    """A function w(s): one Chebyshev series between every two knots, constants outside.

    At an inner knot the series to the left counts, at the outermost the constant.

    Parameters
    ----------
    knots : array, shape (K + 1,)
        Increasing.
    coefficients : array, shape (K, n)
        Of T₀ … T_{n−1} in the variable that runs from −1 to 1 on a piece.
    before, after : float, optional
        The constants; by default the function goes on from its first and last value.
    """

    def __init__(
        self,
        knots: FloatArray,
        coefficients: FloatArray,
        before: float | None = None,
        after: float | None = None,
    ) -> None:
        self.knots = knots
        self.coefficients = coefficients
        signs = (-1.0) ** np.arange(coefficients.shape[1])
        left, right = coefficients @ signs, coefficients.sum(axis=1)
        self.before = float(left[0]) if before is None else before
        self.after = float(right[-1]) if after is None else after
        scale = np.abs(coefficients).sum(axis=1).max(initial=0.0)
        steps = np.append(left, self.after) - np.append(self.before, right)
        self.jumps: npt.NDArray[np.bool_] = np.abs(steps) > 1e-11 * scale
        halves = 0.5 * np.diff(knots)
        slopes = np.polynomial.chebyshev.chebder(coefficients, axis=1) / halves[:, None]
        self._tables = (coefficients, slopes)

    def where(self, s: FloatArray, slack: FloatArray) -> npt.NDArray[np.intp]:
        """Return the piece on which s lies, −1 before all and K after; `slack` is s's rounding."""
        first, last = self.knots[0], self.knots[-1]
        index = np.searchsorted(self.knots, s - slack, side="left") - 1
        end = s + slack if self.jumps[-1] else s - slack
        index = np.where(end >= last, self.knots.size - 1, np.minimum(index, self.knots.size - 2))
        begins = (index < 0) & (s + slack >= first) & (not self.jumps[0])
        return np.where(begins, 0, index)

    def __call__(
        self, s: npt.NDArray[Any], piece: npt.NDArray[np.intp], *, slope: bool = False
    ) -> npt.NDArray[Any]:
        """Return w(s), or dw/ds, of the series of given pieces."""
        table = self._tables[1 if slope else 0]
        k = np.clip(piece, 0, table.shape[0] - 1)
        left, right = self.knots[k], self.knots[k + 1]
        u = np.where(k == piece, ((s - left) - (right - s)) / (right - left), 0.0)
        value = np.asarray(_clenshaw(table.T[:, k], u))
        before, after = (0.0, 0.0) if slope else (self.before, self.after)
        value = np.where(piece < 0, before, value)
        return np.where(piece > table.shape[0] - 1, after, value)


def _clenshaw(coefficients: FloatArray, u: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return Σ_k c_k T_k(u), of coefficients that differ from point to point."""
    one: Any = np.zeros_like(u)
    two: Any = np.zeros_like(u)
    for row in coefficients[:0:-1]:
        one, two = row + 2 * u * one - two, one
    return np.asarray(coefficients[0] + u * one - two)


def from_powers(knots: FloatArray, powers: FloatArray) -> Pieces:
    """Return pieces from coefficients (n, K) of (s − knot)ᵏ, the highest power first."""
    halves = 0.5 * np.diff(knots)
    count = powers.shape[0]
    rows = []
    for half, column in zip(halves, powers.T, strict=True):
        shifted = np.polynomial.Polynomial(column[::-1])(
            np.polynomial.Polynomial([half, half])  # s − knot = h (1 + u)
        )
        chebyshev = np.polynomial.chebyshev.poly2cheb(np.atleast_1d(shifted.coef))
        rows.append(np.pad(chebyshev, (0, count - chebyshev.size)))
    return Pieces(knots, np.array(rows))


def approximate(
    function: _Function,
    edges: FloatArray,
    *,
    tolerance: float,
    noisy: str,
    first: int = _FIRST_PIECES,
) -> Pieces:
    """Return a function between the first and the last of the `edges` to a relative `tolerance`.

    It is looked at on `first` pieces to begin with. Further times at which it jumps or has a kink
    are found by bisection.

    Raises
    ------
    ConvergenceError
        If the function is not smooth to the tolerance between few such times.
    """
    found, series = _cut(function, edges, tolerance, noisy, first, watch=True)
    if found.size:
        edges = np.unique(np.concatenate([edges, found]))
        _, series = _cut(function, edges, tolerance, noisy, first, watch=False)
    left, right, coefficients = _merged(*series, edges, tolerance)
    return Pieces(np.append(left, right[-1]), coefficients)


def _cut(
    function: _Function, edges: FloatArray, tolerance: float, noisy: str, first: int, *, watch: bool
) -> tuple[FloatArray, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return where the function is not smooth, and series on pieces fine enough elsewhere."""
    fit, between, interpolate = _rules()
    length = edges[-1] - edges[0]
    share = np.maximum(np.ceil(first * np.diff(edges) / length).astype(int), 1)
    cuts = np.concatenate(
        [
            np.linspace(a, b, n, endpoint=False)
            for a, b, n in zip(edges[:-1], edges[1:], share, strict=True)
        ]
    )
    left, right = cuts, np.append(cuts[1:], edges[-1])
    done: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    narrow: dict[float, tuple[float, float]] = {}
    scale = 0.0
    while left.size:
        middle, half = 0.5 * (left + right), 0.5 * (right - left)
        nodes = middle[:, None] + half[:, None] * np.append(_nodes(), between)
        # A function that jumps at an end has the value of this side a few units further in.
        size = np.spacing(np.maximum(np.abs(left), np.abs(right)))
        inside = np.minimum(_ROUNDING * size, 0.25 * half)[:, None]
        values = function(np.clip(nodes, left[:, None] + inside, right[:, None] - inside))
        scale = max(scale, float(np.max(np.abs(values))))
        coefficients = values[:, :_NODES] @ fit.T
        missed = np.max(np.abs(values[:, :_NODES] @ interpolate.T - values[:, _NODES:]), axis=1)
        tail = np.max(np.abs(coefficients[:, -_TAIL:]), axis=1)
        # A double tells no times apart within a pulse that is short and far from the time zero.
        steep = np.max(np.abs(np.diff(values[:, :_NODES], axis=1)), axis=1) / half
        suspicious = right - left < _SUSPICIOUS * length
        noise = np.where(suspicious, 0.0, _ROUNDING * size * _NODES * steep)
        good = np.maximum(tail, 0.1 * missed) <= tolerance * scale + noise
        stuck = ~good & (right - left <= 2 * _ROUNDING * size)
        if watch:
            for k in np.flatnonzero(~good & suspicious):
                narrow[float(left[k])] = (float(left[k]), float(right[k]))
        kept = good | stuck
        done.append((left[kept], right[kept], coefficients[kept]))
        left, right, middle = left[~kept], right[~kept], middle[~kept]
        if left.size > _MOST_OPEN:
            raise ConvergenceError(
                f"{noisy[0].upper()}{noisy[1:]} cannot be followed near t = {left[0]:.6g}: it "
                f"is not smooth to {tolerance:.3g} of its size. Give a smoother function, its "
                "`breakpoints`, or a larger `tolerance`."
            )
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    parts = [np.concatenate(column) for column in zip(*done, strict=True)]
    order = np.argsort(parts[0], kind="stable")
    places = _innermost(function, list(narrow.values()))
    return places, (parts[0][order], parts[1][order], parts[2][order])


def _innermost(function: _Function, intervals: list[tuple[float, float]]) -> FloatArray:
    """Return the kink or jump in the shortest of all intervals that overlap."""
    found: list[tuple[float, float]] = []
    for left, right in sorted(intervals, key=lambda ends: ends[1] - ends[0]):
        if not any(a <= right and left <= b for a, b in found):
            found.append((left, right))
    if not found:
        return np.empty(0)
    a, b = np.sort(np.array(found), axis=0).T
    # A kink is where the straight lines from both sides meet, if they do between the ends.
    length = b - a
    low, lower, high, higher = function(np.stack([a, a - length, b, b + length], axis=1)).T
    bend = (higher - high) - (low - lower)
    with np.errstate(all="ignore"):
        share = ((low - high) + (higher - high)) / bend
    return np.asarray(a + length * np.where((share > 0) & (share < 1), share, 0.5))


def _merged(
    left: FloatArray,
    right: FloatArray,
    coefficients: FloatArray,
    edges: FloatArray,
    tolerance: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Join neighbours that one series describes as well."""
    fit = _rules()[0]
    scale = float(np.abs(coefficients).sum(axis=1).max(initial=0.0))
    start = in_vain = 0
    while in_vain < 2:
        first = np.arange(start, left.size - 1, 2)
        first = first[~np.isin(right[first], edges)]
        whole = Pieces(np.append(left, right[-1]), coefficients)
        a, b = left[first, None], right[first + 1, None]
        nodes = 0.5 * (a + b) + 0.5 * (b - a) * _nodes()
        owner = np.where(nodes <= right[first, None], first[:, None], first[:, None] + 1)
        joined = whole(nodes, owner) @ fit.T
        good = np.max(np.abs(joined[:, -_TAIL:]), axis=1, initial=0.0) <= tolerance * scale
        for part in (first, first + 1):  # one of them may be short, and lie between the nodes
            c, d = left[part, None], right[part, None]
            inside = 0.5 * (c + d) + 0.5 * (d - c) * _nodes()
            series = _clenshaw(joined.T[:, :, None], ((inside - a) - (b - inside)) / (b - a))
            missed = np.abs(series - whole(inside, np.broadcast_to(part[:, None], inside.shape)))
            good &= np.max(missed, axis=1, initial=0.0) <= 10 * tolerance * scale
        in_vain, start = (0, start) if np.any(good) else (in_vain + 1, 1 - start)
        keep = np.ones(left.size, dtype=bool)
        keep[first[good] + 1] = False
        right[first[good]], coefficients[first[good]] = b[good, 0], joined[good]
        left, right, coefficients = left[keep], right[keep], coefficients[keep]
    return left, right, np.asarray(coefficients)


@functools.cache
def _nodes() -> FloatArray:
    return -np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))


@functools.cache
def _rules() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the map from values to coefficients, points between the nodes, and the map to them."""
    chebyshev = np.polynomial.chebyshev
    fit = np.asarray(np.linalg.inv(chebyshev.chebvander(_nodes(), _NODES - 1)), np.float64)
    between = -1 + 2 * (np.arange(_BETWEEN) + 0.4142) / _BETWEEN
    return fit, between, chebyshev.chebvander(between, _NODES - 1) @ fit
