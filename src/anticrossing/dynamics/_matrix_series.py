"""Taylor series along a straight line in time: of whole propagators, or of a few columns.

Propagators are expanded about the middle of a step. On one of length h, with s ∈ [−1, 1] the time
from its middle in units of h/2, H = A + s B. The coefficients of U(s) = Σ_m V_m s^m follow from
V_0 = 1,

    V_{m+1} = −i h/(2(m+1)) (A V_m + B V_{m−1}) ,

and the step is U(1) U(−1)†, from the even and the odd orders: half the phase has to be expanded.
Where steps are many B is made diagonal, so that an order takes one product of matrices. Columns are
followed by the compiled series of `_taylor`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics._columns import Series, eigenvectors_pay, is_short, kind
from anticrossing.dynamics._taylor import DIAGONAL, follow_line

_UNIT = 1.1e-16
_MANY_STEPS = 3  # from which eigenvectors of B pay off
_MOST_ORDERS = 100  # half a step of nine radians takes thirty


_LINE = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # 1 and s, as power series
_DEGREES = np.array([[0, 1]])
_NOWHERE = np.array([-1])  # a panel's end is not kept
_UNTURNED = np.zeros(1)
# A product of matrices takes less than its columns one by one: from so many levels where the series
# are few, and from more where they are many.
_FEWEST_LEVELS, _MORE_LEVELS, _FEW_RADIANS = 16, 32, 30.0


@dataclass(frozen=True)
class StraightPanel:
    """H = `constant` + s `slope` on one panel, s ∈ [−1, 1].

    `norm` is its mean norm, `largest` bounds it; `rate` is the error allowed per time, and steps
    are at most `longest` radians long.
    """

    constant: ComplexArray
    slope: ComplexArray
    width: float
    norm: float
    largest: float
    rate: float
    longest: float

    def follow(
        self, columns: ComplexArray, tell: Callable[[float], None]
    ) -> tuple[ComplexArray, float, int]:
        """Return columns (N, C) at the end of the panel; the error, and how many steps they took.

        The error is infinite where a series does not come to its end.
        """
        levels, count = columns.shape
        phase = self.width * self.norm
        enough = _FEWEST_LEVELS if phase < _FEW_RADIANS else _MORE_LEVELS
        if levels >= enough and 2 * count > levels:
            found = self._by_products(columns, tell)
            if np.isfinite(found[1]):
                return found
        return self._by_columns(columns, tell)

    def _by_columns(
        self, columns: ComplexArray, tell: Callable[[float], None]
    ) -> tuple[ComplexArray, float, int]:
        """Follow columns one by one, in the eigenbasis of the slope where that pays off."""
        levels, count = columns.shape
        constant, slope, basis = self.constant, self.slope, None
        radians = self.width * self.norm
        if eigenvectors_pay(radians, levels, count) and kind(slope) != DIAGONAL:
            values, basis = np.linalg.eigh(slope)
            constant = hermitian_part(dagger(basis) @ constant @ basis)
            slope, columns = np.diag(values), dagger(basis) @ columns
        limits = (self.norm, self.rate, self.longest)
        if is_short(radians, levels, count):
            found = np.empty(columns.shape, dtype=np.complex128)
            given = (np.asarray(a, dtype=np.complex128) for a in (constant, slope))
            columns = np.ascontiguousarray(columns, dtype=np.complex128)
            error, steps = follow_line(*given, self.width, *limits, columns, found)
        else:
            pair, width = np.stack([constant, slope]), np.array([self.width])
            series = Series(pair, _LINE, _DEGREES, width, _UNTURNED, _NOWHERE, *limits)
            found, _, error, steps = series.follow(columns, tell)
        return found if basis is None else basis @ found, error, steps

    def _by_products(
        self, columns: ComplexArray, tell: Callable[[float], None]
    ) -> tuple[ComplexArray, float, int]:
        count = max(1, int(np.ceil(self.width * self.largest / self.longest)))
        constant, slope, basis, error = self.constant, self.slope, None, 0.0
        if count >= _MANY_STEPS:
            values, basis = np.linalg.eigh(slope)
            constant, slope = dagger(basis) @ constant @ basis, np.diag(values)
            columns = dagger(basis) @ columns
        for step in range(count):
            middle = constant + ((2 * step + 1) / count - 1) * slope
            series = _in_eigenbasis if basis is not None else _together
            allowed = max(0.25 * self.rate * self.width / count, _UNIT)
            factor = -0.5j * self.width / count
            sums, missed = series(factor * middle, factor / count * slope, allowed)
            columns = (sums[0] + sums[1]) @ (dagger(sums[0] - sums[1]) @ columns)
            error += missed
            if not np.isfinite(error):
                break
            tell((step + 1) / count)
        return columns if basis is None else basis @ columns, error, count


def _together(
    first: ComplexArray, second: ComplexArray, allowed: float
) -> tuple[ComplexArray, float]:
    """Return the sums of even and of odd orders of V_{m+1} = (A V_m + B V_{m−1})/(m + 1).

    Both products are one, of the newest order and the one before, in turn above and below.
    """
    terms = [np.concatenate(pair, axis=1) for pair in ((first, second), (second, first))]

    def product(order: int, latest: ComplexArray, new: ComplexArray) -> None:
        np.matmul(terms[order % 2], latest.reshape(-1, latest.shape[-1]), out=new)

    return _summed(product, first.shape[0], allowed)


def _in_eigenbasis(
    first: ComplexArray, second: ComplexArray, allowed: float
) -> tuple[ComplexArray, float]:
    """Return the same for a diagonal B."""
    diagonal = second.diagonal()[:, None]

    def product(order: int, latest: ComplexArray, new: ComplexArray) -> None:
        np.matmul(first, latest[order % 2], out=new)
        latest[1 - order % 2] *= diagonal
        new += latest[1 - order % 2]

    return _summed(product, first.shape[0], allowed)


def _summed(
    product: Callable[[int, ComplexArray, ComplexArray], None], levels: int, allowed: float
) -> tuple[ComplexArray, float]:
    """Return both sums, and the error of the product that is made of them."""
    latest = np.zeros((2, levels, levels), dtype=np.complex128)
    latest[0] = np.eye(levels)
    sums, new = latest.copy(), np.empty((levels, levels), dtype=np.complex128)
    size = grown = np.sqrt(levels)
    for order in range(_MOST_ORDERS):
        product(order, latest, new)
        new *= 1 / (order + 1)
        latest[1 - order % 2] = new
        sums[1 - order % 2] += new
        before, size = size, np.sqrt(np.vdot(new, new).real)
        grown += size
        if size + before <= allowed:
            return sums, float(2 * (size + before + _UNIT * grown / np.sqrt(levels)))
    return sums, np.inf
