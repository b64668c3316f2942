"""Taylor series of whole propagators along a straight line in time, about the middle of a step.

On a step of length h, with s ∈ [−1, 1] the time from its middle in units of h/2, H = A + s B. The
coefficients of U(s) = Σ_m V_m s^m follow from V_0 = 1,

    V_{m+1} = −i h/(2(m+1)) (A V_m + B V_{m−1}) ,

and the step is U(1) U(−1)†, from the even and the odd orders: half the phase has to be expanded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger, norm_bound

_UNIT = 1.1e-16
_MOST_ORDERS = 100  # half a step of nine radians takes thirty


@dataclass(frozen=True)
class StraightPanel:
    """H = `constant` + s `slope` on one panel, s ∈ [−1, 1].

    `rate` is the error allowed per time; steps are at most `longest` radians long.
    """

    constant: ComplexArray
    slope: ComplexArray
    width: float
    rate: float
    longest: float

    def follow(
        self, columns: ComplexArray, tell: Callable[[float], None]
    ) -> tuple[ComplexArray, float, int]:
        """Return columns (N, C) at the end of the panel; the error, and how many steps they took.

        The error is infinite where a series does not come to its end.
        """
        ends = np.stack([self.constant - self.slope, self.constant + self.slope])
        count = max(1, int(np.ceil(self.width * np.max(norm_bound(ends)) / self.longest)))
        error = 0.0
        for step in range(count):
            middle = self.constant + ((2 * step + 1) / count - 1) * self.slope
            forth, back, missed = self._halves(middle, self.slope / count, self.width / count)
            columns = forth @ (dagger(back) @ columns)
            error += missed
            if not np.isfinite(error):
                break
            tell((step + 1) / count)
        return columns, error, count

    def _halves(
        self, middle: ComplexArray, slope: ComplexArray, width: float
    ) -> tuple[ComplexArray, ComplexArray, float]:
        """Return U(1), U(−1) of a step and the error of their product."""
        levels = middle.shape[-1]
        both = np.stack([middle, slope]) * (-0.5j * width)
        # The newest order and the one before lie in turn above and below each other.
        terms = [np.concatenate([both[k], both[1 - k]], axis=1) for k in range(2)]
        latest = np.zeros((2, levels, levels), dtype=np.complex128)
        latest[0] = np.eye(levels)
        stacked = latest.reshape(2 * levels, levels)
        sums, new = latest.copy(), np.empty((levels, levels), dtype=np.complex128)
        allowed = max(0.25 * self.rate * width, _UNIT)
        size = grown = np.sqrt(levels)
        for order in range(_MOST_ORDERS):
            np.matmul(terms[order % 2], stacked, out=new)
            new *= 1 / (order + 1)
            latest[1 - order % 2] = new
            sums[1 - order % 2] += new
            before, size = size, np.sqrt(np.vdot(new, new).real)
            grown += size
            if size + before <= allowed:
                break
        else:
            return sums[0], sums[0], np.inf
        error = 2 * (size + before + _UNIT * grown / np.sqrt(levels))
        return sums[0] + sums[1], sums[0] - sums[1], float(error)
