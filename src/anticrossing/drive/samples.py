"""Drives from numbers: samples of a waveform, Python functions, annealing schedules."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    AnticrossingError,
    FloatArray,
    choice,
    describe,
    fail,
    increasing,
    is_numeric,
    number_between,
    positive_number,
    real_array,
    real_number,
    shaped_like,
)
from anticrossing._core.vectorised import takes_arrays
from anticrossing.drive._pieces import Pieces, approximate, from_powers
from anticrossing.drive.piecewise import PiecewiseDrive
from anticrossing.drive.waveform import WaveformDrive, moved_windows

INTERPOLATIONS = ("cubic", "monotone", "linear", "hold")
_TO_SIGMA = 2.5631031310892007  # 10 % to 90 % of a normal distribution, in standard deviations
_FILTER_ENDS = 8.0  # standard deviations of a filter, beyond which 1e-15 of a step is left
_MOST_SAMPLES = 10**6
_TRIED = 17  # times at which a function is tried with an array
_JUMP = 4 * np.finfo(np.float64).eps


def Samples(
    times: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    interpolation: str = "cubic",
    rise_time: float | None = None,
    amplitude: npt.ArrayLike = 1.0,
    offset: npt.ArrayLike = 0.0,
    delay: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> WaveformDrive:
    """Drive along samples: x(t) = offset + amplitude·w(t − delay), w given at `times`.

    Parameters
    ----------
    times, values : array, shape (k,)
        Strictly increasing times, and w at them.
    interpolation : {"cubic", "monotone", "linear", "hold"}
        Between the samples: a natural cubic spline; cubic pieces that overshoot no sample (PCHIP);
        straight lines; or every value until the next sample, as a generator of waveforms gives them
        out (the last value is that of the end).
    rise_time : float, optional
        Time in which a Gaussian low-pass filter behind the samples rises from 10 % to 90 % of a
        step, for straight lines and held values: w is convolved with a Gaussian of the standard
        deviation σ = rise_time/2.5631.
    amplitude, offset, delay : float or array
        Scale, shift in the coordinate, and in time.
    start_time, stop_time : float or array, optional
        The window, by default that of the samples. Outside of them the first and last value hold.

    Raises
    ------
    InputError
        For times that do not increase, values of another number, or a `rise_time` with a spline.

    References
    ----------
    F. N. Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5, 300 (1984) (monotone pieces).

    Examples
    --------
    >>> held = Samples([0.0, 1.0, 2.0], [0.0, 1.0, 0.5], interpolation="hold", delay=0.25)
    >>> held([0.5, 1.5]).tolist()
    [0.0, 1.0]
    >>> smooth = Samples([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 0.0], amplitude=[1.0, 2.0])
    >>> smooth(1.0).tolist()
    [1.0, 2.0]
    """
    when = increasing("times", times)
    if when.size > _MOST_SAMPLES:
        raise fail("times", f"hold at most {_MOST_SAMPLES} samples", f"it holds {when.size}")
    what = shaped_like("values", real_array("values", values), "times", when.shape)
    form = choice("interpolation", interpolation, INTERPOLATIONS)
    interpolate: Callable[[FloatArray], Pieces]
    if rise_time is None:
        interpolate = functools.partial(_interpolated, when, form=form)
    elif form in ("linear", "hold"):
        sigma = positive_number("rise_time", rise_time) / _TO_SIGMA
        interpolate = functools.partial(_filtered, when, form=form, sigma=sigma)
    else:
        raise fail("rise_time", "be left out with splines", f"`interpolation` is {form!r}")
    shift = real_array("delay", delay)
    return WaveformDrive(
        "Samples",
        interpolate(what),
        {"amplitude": amplitude, "offset": offset, "delay": shift},
        when[0] + shift if start_time is None else start_time,
        when[-1] + shift if stop_time is None else stop_time,
        places={"amplitude": "amplitude", "offset": "offset", "centre": "delay"},
        arguments=moved_windows(start_time, stop_time, delay=(1.0, 1.0)),
        samples=what,
        interpolate=None if form == "monotone" and when.size > 2 else interpolate,
    )


def _interpolated(when: FloatArray, what: FloatArray, form: str) -> Pieces:
    """Return pieces through the samples."""
    if form == "hold":
        return Pieces(when, what[:-1, None].copy(), after=float(what[-1]))
    slopes = np.diff(what) / np.diff(when)
    if form == "linear" or when.size == 2:
        return from_powers(when, np.stack([slopes, what[:-1]]))
    from scipy.interpolate import CubicSpline, PchipInterpolator

    made: Any = CubicSpline(when, what, bc_type="natural")
    if form == "monotone":
        made = PchipInterpolator(when, what)
    return from_powers(when, made.c)


def _filtered(when: FloatArray, what: FloatArray, form: str, sigma: float) -> Pieces:
    """Return the samples behind a Gaussian filter."""
    reach, steps = _FILTER_ENDS * sigma, np.diff(what)
    starts = when[:-1] if form == "linear" else when[1:]
    ends = when[1:]

    def value(t: FloatArray) -> FloatArray:
        # Changes far behind are complete, of those far ahead nothing is seen.
        flat = t.ravel()
        first = np.searchsorted(ends, flat - reach)
        last = np.searchsorted(starts, flat + reach)
        found = what[first].copy()
        for shift in range(int(np.max(last - first, initial=0))):
            k = np.minimum(first + shift, steps.size - 1)
            share = _share((flat - starts[k]) / sigma, (ends[k] - starts[k]) / sigma)
            found += np.where(first + shift < last, steps[k] * share, 0.0)
        return found.reshape(t.shape)

    edges = (ends[:, None] + sigma * np.array([-8.0, -2.0, 0.0, 2.0, 8.0])).ravel()
    outermost = [min(when[0], starts[0]) - reach, when[-1] + reach]
    cuts = np.unique(np.concatenate([edges, starts, outermost]))
    return approximate(value, cuts, tolerance=1e-13, noisy="`values`", first=1)


def _share(since: FloatArray, length: FloatArray) -> FloatArray:
    """Return how much of a straight change has come through the filter, all times in σ."""
    from scipy.special import ndtr

    def integral(u: FloatArray) -> FloatArray:
        return np.asarray(u * ndtr(u) + np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi))

    # Differences of the integral of a normal distribution cancel over short changes.
    long = length > 1.0
    exact = (integral(since) - integral(since - length)) / np.where(long, length, 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    parts = ndtr(since[:, None] - 0.5 * (1 + nodes) * np.where(long, 0.0, length)[:, None])
    return np.where(long, exact, 0.5 * parts @ weights)


def Function(
    function: Callable[..., Any],
    start_time: float,
    stop_time: float,
    *,
    breakpoints: Sequence[float] = (),
    vectorised: bool = False,
    tolerance: float = 1e-13,
    amplitude: npt.ArrayLike = 1.0,
    offset: npt.ArrayLike = 0.0,
) -> WaveformDrive:
    """Drive along a Python function: x(t) = offset + amplitude·f(t).

    The function is called once, when the drive is made: it becomes Chebyshev series, on as many
    pieces as it needs, and jumps and kinks are located by bisection. Derivatives and the
    continuation to complex times are those of the series.

    Parameters
    ----------
    function : callable
        f(t), a number; with `vectorised` an array of the shape of t. It is called at some 4·10⁴
        times: what happens within 3·10⁻⁵ of the window is found where a time falls on it, or where
        the `breakpoints` tell of it.
    start_time, stop_time : float
        The window.
    breakpoints : sequence of float
        Times at which f is known to jump, or bend, or to do something in a very short time.
    vectorised : bool
        Whether the function takes arrays. One that gives in an array what it gives alone, at the
        times tried first, is called with arrays in any case, which is quicker.
    tolerance : float
        How well the series describe f, relative to its largest value, from 1e-14 to 1e-3.
    amplitude, offset : float or array
        Scale and shift of the position.

    Raises
    ------
    InputError
        For a function that fails, or returns anything but finite real numbers.
    ConvergenceError
        If the function is not smooth between few times: it may carry noise.

    Examples
    --------
    >>> bounce = Function(lambda t: abs(t - 0.3), -1.0, 1.0)
    >>> bounce.breakpoints.round(9).tolist(), float(bounce(-0.7).round(12))
    ([0.3], 1.0)
    """
    if not callable(function):
        raise fail("function", "be callable", f"it is {describe(function)}")
    start, stop = real_number("start_time", start_time), real_number("stop_time", stop_time)
    if not 0 < stop - start < np.inf:
        raise fail("stop_time", "be later than `start_time`", f"it is {stop:g} after {start:g}")
    given = real_array("breakpoints", breakpoints, ndim=1)
    if np.any((given <= start) | (given >= stop)):
        raise fail("breakpoints", "lie inside the window", f"they are {describe(breakpoints)}")
    known = np.unique(np.concatenate([[start], given, [stop]]))
    precise = number_between("tolerance", tolerance, 1e-14, 1e-3)
    first = np.linspace(start, stop, _TRIED)
    arrays = vectorised or takes_arrays(function, function, first)
    waveform = approximate(
        _called(function, arrays), known, tolerance=precise, noisy="the function"
    )
    return WaveformDrive(
        "Function",
        waveform,
        {"amplitude": amplitude, "offset": offset},
        start,
        stop,
        places={"amplitude": "amplitude", "offset": "offset"},
    )


def _called(function: Callable[..., Any], vectorised: bool) -> Callable[[FloatArray], FloatArray]:
    """Return a function of arrays that returns checked numbers."""

    def values(t: FloatArray) -> FloatArray:
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused below
                found = (
                    function(t.copy()) if vectorised else [function(float(s)) for s in t.ravel()]
                )
        except AnticrossingError:
            raise
        except Exception as error:
            reason = f"it raised {type(error).__name__}: {error}"
            raise fail("function", "return a number at every time", reason) from error
        if not is_numeric(found) or np.iscomplexobj(found):
            raise fail("function", "return real numbers", f"it returned {describe(found)}")
        array = np.asarray(found, dtype=np.float64)
        if array.size != t.size or (vectorised and array.shape != t.shape):
            must = f"return an array of shape {t.shape}" if vectorised else "return one number"
            raise fail("function", must, f"it returned shape {array.shape}")
        array = array.reshape(t.shape)
        if not np.all(np.isfinite(array)):
            where = float(t[~np.isfinite(array)][0])
            raise fail("function", "return finite numbers", f"it does not at t = {where:.6g}")
        return array

    return values


def AnnealingSchedule(points: npt.ArrayLike) -> PiecewiseDrive:
    """Drive the anneal fraction s(t) along straight lines between points (t, s).

    A pause repeats s; a quench goes to 1 steeply, two points at the same time jump. An anneal
    begins at s = 0; a reverse anneal at s = 1, goes back and returns. The last s is 1 for a result
    that is read out, but need not be.

    Parameters
    ----------
    points : array, shape (k, 2)
        Times, from 0 on, and fractions from 0 to 1, as D-Wave's `anneal_schedule` has them.

    Raises
    ------
    InputError
        For times that go back, or do not begin at 0; fractions beyond 0 and 1, or that begin
        between them.

    Examples
    --------
    >>> pause = AnnealingSchedule([(0, 0), (20, 0.5), (120, 0.5), (140, 1)])
    >>> float(pause(70.0)), float(pause(130.0))
    (0.5, 0.75)
    >>> reverse = AnnealingSchedule([(0, 1), (5, 0.4), (25, 0.4), (30, 1)])
    """
    table = real_array("points", points)
    if table.ndim != 2 or table.shape[1] != 2 or table.shape[0] < 2:
        raise fail("points", "be a list of at least two (t, s)", f"its shape is {table.shape}")
    times, fractions = table[:, 0].copy(), table[:, 1].copy()
    if times[0] != 0 or np.any(np.diff(times) < 0) or times[-1] <= 0:
        raise fail("points", "have times that increase from 0", f"they are {describe(times)}")
    if np.any((fractions < 0) | (fractions > 1)):
        outside = fractions[(fractions < 0) | (fractions > 1)][0]
        raise fail("points", "have fractions from 0 to 1", f"one is {outside:g}")
    if fractions[0] not in (0.0, 1.0):
        raise fail("points", "begin at s = 0, or s = 1 for a reverse anneal", f"{fractions[0]:g}")
    for k in np.flatnonzero(np.diff(times) == 0) + 1:
        times[k] += _JUMP * times[-1]
    if np.any(np.diff(times) <= 0):
        raise fail("points", "have at most two points at one time", "it has more")
    return PiecewiseDrive(times, fractions)
