"""Families of drives that are linear in their coefficients, with bounds as linear conditions.

``x(t) = base(t) + Σ_k c_k φ_k(t)``. A bound on amplitude or slope is a set of rows ``A c ≤ b``.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing.drive import Drive, Formula, Samples, Spline
from anticrossing.drive.splines import DEGREE, spline_knots

SHAPES = ("splines", "sines", "filtered", "steps")
_PER_MODE = 16  # points per mode at which bounds on sines are kept
_PER_PIECE = 4  # points per piece at which the slope behind a filter is kept
_TO_RISE = 2.5631031310892007  # of a Gaussian filter, from its standard deviation
_TO_SIGMA = math.sqrt(math.log(2.0)) / (2 * math.pi)  # from the frequency passed to 1/√2
_PADDING = 4.0  # standard deviations of the filter before the first and after the last change
FEWEST, MOST = 2, 512


@dataclass(frozen=True)
class Limits:
    """Bounds on a drive; None where there is none."""

    lower: float | None
    upper: float | None
    slope: float | None


class Shape(abc.ABC):
    """A family of drives on the window [0, duration], between a first and a last position."""

    def __init__(self, count: int, duration: float, first: float, last: float) -> None:
        self.count = count
        self.duration = duration
        self.first, self.last = first, last

    @abc.abstractmethod
    def basis(self, times: FloatArray) -> FloatArray:
        """Return φ_k at times, shape (times, count)."""

    @abc.abstractmethod
    def base(self, times: FloatArray) -> FloatArray:
        """Return the part without coefficients, shape (times,)."""

    @abc.abstractmethod
    def conditions(self, limits: Limits) -> tuple[FloatArray, FloatArray]:
        """Return rows A and b of ``A c ≤ b``."""

    @abc.abstractmethod
    def drive(self, coefficients: FloatArray, offset: float = 0.0) -> Drive:
        """Return the drive, shifted by an offset."""

    @abc.abstractmethod
    def start(self) -> FloatArray:
        """Return the coefficients of the plainest drive: straight, or constant."""

    @property
    def edges(self) -> FloatArray:
        """Times between which the drive is smooth, both ends included."""
        return np.array([0.0, self.duration])


class Splines(Shape):
    """Cubic B-splines; the first and the last coefficients are the ends, twice if they are flat."""

    def __init__(
        self, count: int, duration: float, first: float, last: float, *, flat: bool = False
    ) -> None:
        super().__init__(count, duration, first, last)
        self._fixed = 2 if flat else 1
        self._knots = spline_knots(count + 2 * self._fixed, 0.0, duration)

    def _whole(self, coefficients: FloatArray) -> FloatArray:
        ends = np.ones(self._fixed)
        return np.concatenate([self.first * ends, coefficients, self.last * ends])

    def _every(self, times: FloatArray) -> FloatArray:
        from scipy.interpolate import BSpline

        return np.asarray(BSpline.design_matrix(times, self._knots, DEGREE).toarray())

    def basis(self, times: FloatArray) -> FloatArray:
        return self._every(times)[:, self._fixed : -self._fixed]

    def base(self, times: FloatArray) -> FloatArray:
        return np.asarray(self._every(times) @ self._whole(np.zeros(self.count)))

    def conditions(self, limits: Limits) -> tuple[FloatArray, FloatArray]:
        """Bound the coefficients, and their differences: x(t) lies between them everywhere."""
        size = self.count + 2 * self._fixed
        inner = np.eye(size)[:, self._fixed : -self._fixed]
        ends = self._whole(np.zeros(self.count))
        lengths = (self._knots[DEGREE + 1 : -1] - self._knots[1 : -DEGREE - 1]) / DEGREE
        steps = np.diff(np.eye(size), axis=0) / lengths[:, None]
        values = slice(self._fixed, -self._fixed)
        return rows(inner[values], ends[values], steps @ inner, steps @ ends, limits)

    def drive(self, coefficients: FloatArray, offset: float = 0.0) -> Drive:
        return Spline(self._whole(coefficients), 0.0, self.duration, offset=offset)

    def start(self) -> FloatArray:
        # Of a straight line the coefficients are its values at the averages of three knots.
        knots = self._knots
        averages = (knots[1:-3] + knots[2:-2] + knots[3:-1]) / DEGREE
        whole = self.first + (self.last - self.first) * averages / self.duration
        return np.asarray(whole[self._fixed : -self._fixed])

    @property
    def edges(self) -> FloatArray:
        return np.asarray(self._knots[DEGREE:-DEGREE])


class Sines(Shape):
    """A straight line and ``Σ_k c_k sin kπt/T``, the highest frequency being count/2T."""

    def _modes(self, times: FloatArray) -> FloatArray:
        return np.pi / self.duration * np.outer(times, np.arange(1, self.count + 1))

    def basis(self, times: FloatArray) -> FloatArray:
        return np.sin(self._modes(times))

    def base(self, times: FloatArray) -> FloatArray:
        return self.first + (self.last - self.first) * times / self.duration

    def conditions(self, limits: Limits) -> tuple[FloatArray, FloatArray]:
        """Bound a dense grid, the more tightly the more x(t) can exceed it in between."""
        times = np.linspace(0.0, self.duration, _PER_MODE * self.count + 1)
        within = math.cos(0.5 * np.pi / _PER_MODE)
        lower, upper, slope = limits.lower, limits.upper, limits.slope
        if lower is not None and upper is not None:
            middle, half = 0.5 * (lower + upper), 0.5 * (upper - lower) * within
            lower, upper = middle - half, middle + half
        tight = Limits(lower, upper, None if slope is None else slope * within)
        numbers: FloatArray = np.arange(1.0, self.count + 1) * (np.pi / self.duration)
        tangents: FloatArray = numbers * np.cos(self._modes(times))
        ramp = np.full(times.size, (self.last - self.first) / self.duration)
        inner = slice(1, -1)
        return rows(self.basis(times)[inner], self.base(times)[inner], tangents, ramp, tight)

    def drive(self, coefficients: FloatArray, offset: float = 0.0) -> Drive:
        names = [f"c{k}" for k in range(1, self.count + 1)]
        tones = [f"{name}*sin({k}*pi*t/T)" for k, name in enumerate(names, start=1)]
        values = dict(zip(names, coefficients.tolist(), strict=True))
        return Formula(
            " + ".join(["first", "rate*t", *tones]),
            0.0,
            self.duration,
            first=self.first + offset,
            rate=(self.last - self.first) / self.duration,
            T=self.duration,
            **values,
        )

    def start(self) -> FloatArray:
        return np.zeros(self.count)


class Steps(Shape):
    """Constants on equal pieces, from the first moment to the last."""

    @property
    def edges(self) -> FloatArray:
        return np.linspace(0.0, self.duration, self.count + 1)

    def basis(self, times: FloatArray) -> FloatArray:
        piece = np.searchsorted(self.edges[1:-1], times, side="left")
        return np.eye(self.count)[piece]

    def base(self, times: FloatArray) -> FloatArray:
        return np.zeros(times.size)

    def conditions(self, limits: Limits) -> tuple[FloatArray, FloatArray]:
        if limits.slope is not None:
            raise fail("slope", "be left out for steps", f"it is {limits.slope:g}")
        return rows(np.eye(self.count), np.zeros(self.count), None, None, limits)

    def drive(self, coefficients: FloatArray, offset: float = 0.0) -> Drive:
        values = np.append(coefficients, coefficients[-1])
        return Samples(self.edges, values, interpolation="hold", offset=offset)

    def start(self) -> FloatArray:
        middles = (np.arange(self.count) + 0.5) / self.count
        return self.first + (self.last - self.first) * middles


class Filtered(Shape):
    """Constants on equal pieces behind a Gaussian filter; it begins and ends settled."""

    def __init__(
        self, count: int, duration: float, first: float, last: float, *, bandwidth: float
    ) -> None:
        super().__init__(count, duration, first, last)
        self._sigma = _TO_SIGMA / bandwidth
        pad = _PADDING * self._sigma
        if not 2 * pad < duration:
            must = f"leave time to settle: more than {2 * pad:.4g} at this bandwidth"
            raise fail("duration", must, f"it is {duration:g}")
        self._changes = np.linspace(pad, duration - pad, count + 1)

    def _passed(self, times: FloatArray) -> FloatArray:
        from scipy.special import ndtr

        return np.asarray(ndtr((times[:, None] - self._changes) / self._sigma))

    def basis(self, times: FloatArray) -> FloatArray:
        passed = self._passed(times)
        return passed[:, :-1] - passed[:, 1:]

    def base(self, times: FloatArray) -> FloatArray:
        passed = self._passed(times)
        return np.asarray(self.first * (1 - passed[:, 0]) + self.last * passed[:, -1])

    def conditions(self, limits: Limits) -> tuple[FloatArray, FloatArray]:
        """Bound the constants, whose averages x(t) is, and the slope on a dense grid."""
        step = min(self.duration / (_PER_PIECE * self.count), 0.25 * self._sigma)
        times = np.linspace(0.0, self.duration, math.ceil(self.duration / step) + 1)
        u = (times[:, None] - self._changes) / self._sigma
        bells = np.exp(-0.5 * u**2) / (self._sigma * math.sqrt(2 * np.pi))
        tangents = bells[:, :-1] - bells[:, 1:]
        ramp = self.last * bells[:, -1] - self.first * bells[:, 0]
        return rows(np.eye(self.count), np.zeros(self.count), tangents, ramp, limits)

    def drive(self, coefficients: FloatArray, offset: float = 0.0) -> Drive:
        times = np.concatenate([[-self.duration], self._changes, [2 * self.duration]])
        values = np.concatenate([[self.first], coefficients, [self.last, self.last]])
        return Samples(
            times,
            values,
            interpolation="hold",
            rise_time=_TO_RISE * self._sigma,
            offset=offset,
            start_time=0.0,
            stop_time=self.duration,
        )

    def start(self) -> FloatArray:
        middles = (np.arange(self.count) + 0.5) / self.count
        return self.first + (self.last - self.first) * middles

    @property
    def edges(self) -> FloatArray:
        pieces = math.ceil(self.duration / self._sigma)
        return np.linspace(0.0, self.duration, pieces + 1)


def rows(
    values: FloatArray,
    base: FloatArray,
    tangents: FloatArray | None,
    ramp: FloatArray | None,
    limits: Limits,
) -> tuple[FloatArray, FloatArray]:
    """Return conditions on ``base + values·c`` and ``ramp + tangents·c`` as A and b."""
    found: list[tuple[FloatArray, FloatArray]] = []
    if limits.upper is not None:
        found.append((values, limits.upper - base))
    if limits.lower is not None:
        found.append((-values, base - limits.lower))
    if limits.slope is not None and tangents is not None and ramp is not None:
        found += [(tangents, limits.slope - ramp), (-tangents, limits.slope + ramp)]
    if not found:
        return np.empty((0, values.shape[1])), np.empty(0)
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def make(
    kind: str,
    duration: float,
    ends: tuple[float, float],
    *,
    coefficients: int | None,
    bandwidth: float | None,
    flat: bool,
) -> Shape:
    """Return a family of drives; the bandwidth sets the number of coefficients if none is given."""
    count = _count(kind, duration, coefficients, bandwidth)
    if kind == "splines":
        return Splines(count, duration, *ends, flat=flat)
    if flat:
        raise fail("flat_ends", "be False but for splines", f"`shape` is {kind!r}")
    if kind == "sines":
        return Sines(count, duration, *ends)
    if kind == "filtered":
        if bandwidth is None:
            raise fail("bandwidth", "be given for a filtered drive", "it is missing")
        return Filtered(count, duration, *ends, bandwidth=bandwidth)
    if bandwidth is not None:
        raise fail("bandwidth", "be left out for steps", f"it is {bandwidth:g}")
    return Steps(count, duration, *ends)


def _count(kind: str, duration: float, coefficients: int | None, bandwidth: float | None) -> int:
    """Return the number of coefficients, not more than a bandwidth allows."""
    if bandwidth is None or kind == "filtered":
        return 16 if coefficients is None else coefficients
    room = int(2 * bandwidth * duration * (1 + 1e-12))
    if kind == "splines":
        room += DEGREE - 2  # knots 1/(2 bandwidth) apart
    if room < FEWEST:
        must = f"leave at least {FEWEST} coefficients in this duration"
        raise fail("bandwidth", must, f"{bandwidth:g} leaves {max(room, 0)}")
    if coefficients is not None and coefficients > room:
        must = f"be at most {room} at this bandwidth"
        raise fail("coefficients", must, f"it is {coefficients}")
    return min(room, MOST) if coefficients is None else coefficients
