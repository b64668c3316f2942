"""Many periods of levels that decay: the pieces of one period, and the powers of them all.

A window is walked from one requested time to the next: the rest of a period, powers of whole ones,
the beginning of another. Every factor keeps its size as a logarithm, so that nothing underflows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import many_periods, panels
from anticrossing.dynamics.many_periods import Periods
from anticrossing.dynamics.no_jump import LosingKernel
from anticrossing.dynamics.panels import ROUNDING, Evolution, Pieces


@dataclass(frozen=True)
class _Factor:
    """A propagator e^shift · matrix, and the error of the matrix."""

    matrix: ComplexArray
    shift: float
    error: float

    def then(self, later: _Factor) -> _Factor:
        """Return this one followed by another, its matrix of norm 1."""
        product = later.matrix @ self.matrix
        before, after, size = (
            float(np.linalg.norm(a, 2)) for a in (self.matrix, later.matrix, product)
        )
        missed = after * self.error + later.error * before + self.error * later.error
        error = missed / size + ROUNDING * len(product)
        return _Factor(product / size, self.shift + later.shift + np.log(size), error)


def solve(
    periods: Periods,
    kernel: LosingKernel,
    *,
    tolerance: float,
    breakpoints: FloatArray | None,
    times: FloatArray,
) -> Evolution:
    """Return pieces that end at `times` (lanes, K), the last the end; propagators are one period's.

    The kernel knows their shifts.
    """
    places = periods.places(times)
    count = periods.count
    one = panels.solve(
        periods.first,
        kernel,
        tolerance=max(tolerance / float(count.max()), panels.SMALLEST_TOLERANCE),
        breakpoints=many_periods.cuts(periods, breakpoints),
        times=places.phases,
    )
    made = []
    for lane in range(periods.lanes.count):
        own = one.pieces.at(np.flatnonzero(one.pieces.lane == lane))
        shifts = kernel.shifts(own.lane, own.left, own.right)
        first = [_Factor(*f) for f in zip(own.propagator, shifts, own.error, strict=True)]
        ends = np.searchsorted(own.right, places.phases[lane], side="right")[places.index[lane]]
        walked = _walk(first, places.count[lane].tolist(), ends.tolist())
        now, edges = periods.lanes.start[lane], list[float]()
        factors: list[_Factor] = []
        for time, some in zip(times[lane], walked, strict=True):
            if time > now:
                some = some or [_Factor(np.eye(kernel.size, dtype=np.complex128), 0.0, 0.0)]
                edges += np.linspace(now, time, len(some) + 1)[:-1].tolist()
                factors, now = factors + some, time
        right = np.array([*edges[1:], now])
        pieces = Pieces(
            np.full(right.size, lane),
            np.array(edges),
            right,
            np.array([f.matrix for f in factors]),
            np.array([f.error for f in factors]),
            np.zeros(right.size),
        )
        shifts = np.array([f.shift for f in factors])
        kernel.take_out(pieces.lane, pieces.left, right, shifts)
        made.append(pieces)
    return replace(
        one,
        pieces=Pieces.in_order(made),
        phase=count * one.phase,
        error=count * one.error,
        method=f"{one.method}, {many_periods.METHOD}",
        shifted=None,
        unknown=None if one.unknown is None else count * one.unknown,
    )


def _walk(first: list[_Factor], counts: list[int], ends: list[int]) -> Iterator[list[_Factor]]:
    """Yield the factors to every place: whole periods, and factors of the next one."""
    whole = first[0]
    for factor in first[1:]:
        whole = whole.then(factor)
    powers = [whole]
    period, begun = 0, 0
    for count, end in zip(counts, ends, strict=True):
        found: list[_Factor] = []
        if count > period:
            if begun:
                found, period, begun = first[begun:], period + 1, 0
            left = count - period
            while len(powers) < left.bit_length():
                powers.append(powers[-1].then(powers[-1]))
            found = found + [powers[k] for k in range(left.bit_length()) if left >> k & 1]
            period = count
        yield found + first[begun:end]
        begun = end
