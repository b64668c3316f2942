"""Many periods of a drive: the propagator of one of them, and its powers.

With U₁ the propagator of the first period, the one from the start to t = nT + s is U(s) U₁ⁿ. Powers
take some log₂ n products, so the cost does not depend on n; what one period leaves open adds up n
times, as it does in truth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, flattened
from anticrossing._core.linalg import nearer_unitary
from anticrossing.drive.repetition import repetition
from anticrossing.dynamics import panels
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution
from anticrossing.environment import Environment

METHOD = "one period and its powers"
FEWEST = 8  # periods: fewer are as soon followed one by one
_RESOLVED = 8 * float(np.finfo(np.float64).eps)  # of a time: nearer ones are one
_Maps = npt.NDArray[Any]


class Once(Protocol):
    """Whatever propagates lanes across their windows."""

    def __call__(
        self, lanes: Lanes, *, tolerance: float, breakpoints: FloatArray, times: FloatArray
    ) -> Evolution: ...


@dataclass(frozen=True)
class Periods:
    """The window of every lane as whole periods, and the rest of one.

    Attributes
    ----------
    lanes : Lanes
        The whole window.
    parts : array, shape (3, lanes)
        Numbers that add up to the period; see `Repetition.parts`.
    """

    lanes: Lanes
    parts: FloatArray

    @classmethod
    def of(cls, lanes: Lanes, environment: Environment | None = None) -> Periods | None:
        """Return the periods in the windows, or None if they are not known, or few."""
        found = repetition(lanes.drive)
        if found is None or (environment is not None and may_depend_on_time(environment)):
            return None
        flat = np.stack([flattened(part, lanes.batch_shape) for part in found.parts()])
        if np.any(lanes.stop - lanes.start < FEWEST * flat.sum(axis=0)):
            return None
        return cls(lanes, flat)

    def pay(self, columns: int) -> bool:
        """Whether all levels over one period take less than so many columns over all periods."""
        levels = self.lanes.hamiltonian.dimension
        return columns >= levels or bool(np.all(self.count >= levels))

    @property
    def count(self) -> npt.NDArray[np.int64]:
        """The periods in every window, the last one whole or not."""
        return self.split(self.lanes.stop[:, None])[0][:, 0] + 1

    @property
    def first(self) -> Lanes:
        """The lanes over the first period alone."""
        stop = self.lanes.start + self.parts.sum(axis=0)
        return dataclasses.replace(self.lanes, stop=stop)

    def split(self, times: FloatArray) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Return n and s of the times nT + s after the start, (lanes, K), with 0 ≤ s < T."""
        start, parts = self.lanes.start[:, None], self.parts[:, :, None]
        period = parts.sum(axis=0)
        elapsed = times - start
        moved = elapsed - times
        lost = (times - (elapsed - moved)) - (start + moved)  # to rounding, without which it is one

        def after(count: FloatArray) -> FloatArray:
            rest = ((elapsed - count * parts[0]) - count * parts[1]) - count * parts[2] + lost
            return np.asarray(rest)

        count = np.floor(elapsed / period)
        for _ in range(2):
            count = count + np.floor(after(count) / period)
        rest = after(count)
        # A time that a double does not tell from the end of a period is one.
        near = _RESOLVED * np.maximum(np.abs(times), np.abs(start))
        ended = rest >= period - near
        rest = np.where(ended | (rest <= near), 0.0, rest)
        return (count + ended).astype(np.int64), rest

    def folded(self, times: FloatArray) -> FloatArray:
        """Return times (lanes, K) moved to the first period; NaN stays."""
        known = np.where(np.isnan(times), self.lanes.start[:, None], times)
        moved = self.lanes.start[:, None] + self.split(known)[1]
        return np.where(np.isnan(times), np.nan, moved)

    def places(self, times: FloatArray) -> Places:
        """Return where times (lanes, K) lie within the first period."""
        count, rest = self.split(times)
        start = self.lanes.start
        moved = np.minimum(start[:, None] + rest, self.first.stop[:, None])
        near = _RESOLVED * np.max(np.abs(times), axis=1, initial=0.0)
        distinct = []
        for k in range(start.size):
            if times.shape[1] > 1 and near[k] > 0:
                _, first, where = np.unique(
                    np.round(rest[k] / near[k]), return_index=True, return_inverse=True
                )
                moved[k] = moved[k, first][where]
            distinct.append(np.unique(moved[k]))
        size = max(own.size for own in distinct)
        stop = self.first.stop
        phases = np.stack(
            [_filled(own, size, *ends) for own, *ends in zip(distinct, start, stop, strict=True)]
        )
        index = [np.searchsorted(own, row) for own, row in zip(phases, moved, strict=True)]
        return Places(count, phases, np.stack(index))


@dataclass(frozen=True)
class Places:
    """Times as numbers of whole periods and as `index` among `phases` of the first one."""

    count: npt.NDArray[np.int64]
    phases: FloatArray
    index: npt.NDArray[np.intp]

    def joined(self, inside: _Maps, period: _Maps, clean: Callable[[_Maps], _Maps]) -> _Maps:
        """Return the maps to all times (lanes, K, n, n) of those to `phases` and of one period."""
        found = np.take_along_axis(inside, self.index[:, :, None, None], axis=1)
        for digit, power in enumerate(_squares(period, int(self.count.max()), clean)):
            lane, place = np.nonzero((self.count >> digit) & 1)
            found[lane, place] = found[lane, place] @ power[lane]
        return found


def solve(
    periods: Periods,
    once: Once,
    *,
    tolerance: float,
    breakpoints: FloatArray | None,
    times: FloatArray | None,
) -> Evolution:
    """Propagate without environment as `panels.solve` does; `once` propagates over one period."""
    ends = periods.lanes.stop[:, None]
    places = periods.places(ends if times is None else np.concatenate([times, ends], axis=1))
    count = periods.count
    one = once(
        periods.first,
        tolerance=max(tolerance / float(count.max()), panels.SMALLEST_TOLERANCE),
        breakpoints=cuts(periods, breakpoints),
        times=places.phases,
    )

    def clean(product: _Maps) -> _Maps:
        return nearer_unitary(product)[0]

    found = places.joined(one.snapshots, one.propagator, clean)
    shifted = one.shifted
    if shifted is not None:
        shifted = places.joined(one.snapshots, shifted, clean)[:, -1]
    levels = periods.lanes.hamiltonian.dimension
    return dataclasses.replace(
        one,
        propagator=found[:, -1],
        snapshots=found[:, :-1],
        error=count * (one.error + panels.ROUNDING * levels),
        phase=count * one.phase,
        method=f"{one.method}, {METHOD}",
        shifted=shifted,
        unknown=None if one.unknown is None else count * one.unknown,
    )


def kept(
    period: _Maps, count: npt.NDArray[np.int64], clean: Callable[[_Maps], _Maps]
) -> FloatArray:
    """Return how many times over the error of one period is left after `count` of them, (lanes,).

    An error of period k has been through the others since: with c_n, what n periods leave of the
    trace norm of a difference of two states, the errors of 2n periods add up to 1 + c_n times the
    ones of n. With N levels c_n ≤ min(1, √N ‖Mⁿ‖), Mⁿ restricted to matrices without trace.
    """
    size = period.shape[-1]
    levels = round(size**0.5)
    identity = np.eye(levels).ravel()
    traceless = np.eye(size) - np.outer(identity, identity) / levels
    total = np.ones(count.size)
    for power in _squares(period, int(count.max()), clean):
        norm = np.linalg.norm(power @ traceless, 2, axis=(-2, -1))
        total = total * (1 + np.minimum(1.0, np.sqrt(levels) * norm))
    return np.minimum(total, count)


def cuts(periods: Periods, breakpoints: FloatArray | None) -> FloatArray:
    """Return all breakpoints moved to the first period."""
    given = [periods.lanes.breakpoints] + ([] if breakpoints is None else [breakpoints])
    return periods.folded(np.concatenate(given, axis=1))


def _squares(period: _Maps, largest: int, clean: Callable[[_Maps], _Maps]) -> Iterator[_Maps]:
    """Yield the map of 1, 2, 4, … periods, as far as `largest` needs them."""
    yield period
    for _ in range(largest.bit_length() - 1):
        period = clean(period @ period)
        yield period


def _filled(distinct: FloatArray, size: int, start: float, stop: float) -> FloatArray:
    """Return so many different times within a period, among them the given ones, in order."""
    if distinct.size == size:
        return distinct
    others = np.setdiff1d(np.linspace(start, stop, 2 * size + 2)[1:-1], distinct)
    return np.sort(np.concatenate([distinct, others[: size - distinct.size]]))


def may_depend_on_time(environment: Environment) -> bool:
    """Whether rates may change from period to period: t in a formula, or a Python function."""
    if environment.has_functions:
        return True
    return any(expression.symbol("t") in f.free_symbols for f in environment.formulas())
