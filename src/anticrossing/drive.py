"""Drives x(t): how the coordinate moves in time.

A drive has a window [start_time, stop_time], a position x(t), a velocity dx/dt, and breakpoints:
the times inside the window at which x(t) is continuous but not smooth. Parameters may be arrays;
their broadcast shape is the batch shape.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing import _plain, expression
from anticrossing._public import guard
from anticrossing._unchanging import Unchanging
from anticrossing.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    known_keys,
    named_values,
    parameter,
    positive,
    real_array,
)

if TYPE_CHECKING:
    import sympy


_FARTHEST = 1e300  # positions beyond this have no difference that can be represented


class Drive(Unchanging, abc.ABC):
    """A path x(t) on a time window, possibly a batch of them.

    `start_time` and `stop_time` have the batch shape; ``drive(t)`` has shape
    ``batch_shape + t.shape``.
    """

    name: str
    parameters: Mapping[str, FloatArray]
    start_time: FloatArray
    stop_time: FloatArray

    def __call__(self, t: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the position x(t)."""
        times, parameters = self._outer(t)
        return self.evaluate(times, parameters)

    def velocity(self, t: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return dx/dt."""
        times, parameters = self._outer(t)
        return self.evaluate_velocity(times, parameters)

    @abc.abstractmethod
    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Return x(t) for times and parameters that run along the same axes (t may be complex)."""

    @abc.abstractmethod
    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        """Return dx/dt with the conventions of `evaluate`."""

    @property
    @abc.abstractmethod
    def breakpoints(self) -> FloatArray:
        """Times strictly inside the window at which x(t) is not smooth, shape (k,)."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The broadcast shape of all parameters."""
        shapes = [np.shape(value) for value in self.parameters.values()]
        return np.broadcast_shapes(*shapes, self.start_time.shape, self.stop_time.shape)

    @property
    def start(self) -> FloatArray:
        """The position at the start of the window, shape `batch_shape`."""
        return self._at(self.start_time)

    @property
    def stop(self) -> FloatArray:
        """The position at the end of the window, shape `batch_shape`."""
        return self._at(self.stop_time)

    def flat_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, FloatArray]:
        """Return every parameter broadcast to `batch_shape` and flattened to one axis."""
        return {
            key: np.broadcast_to(value, batch_shape).reshape(-1)
            for key, value in self.parameters.items()
        }

    def __repr__(self) -> str:
        from anticrossing.hamiltonian import describe_value

        values = ", ".join(f"{key}={describe_value(v)}" for key, v in self.parameters.items())
        return f"{self.name}({values})"

    def _at(self, times: FloatArray) -> FloatArray:
        batch = self.batch_shape
        parameters = {k: np.broadcast_to(v, batch) for k, v in self.parameters.items()}
        return np.asarray(self.evaluate(np.broadcast_to(times, batch), parameters))

    def _outer(self, t: npt.ArrayLike) -> tuple[npt.NDArray[Any], dict[str, FloatArray]]:
        array = np.asarray(t)
        times = array.astype(np.complex128) if np.iscomplexobj(array) else real_array("t", t)
        batch = self.batch_shape
        parameters = {
            key: np.broadcast_to(value, batch).reshape(batch + (1,) * times.ndim)
            for key, value in self.parameters.items()
        }
        return np.broadcast_to(times, batch + times.shape), parameters


class FormulaDrive(Drive):
    """A drive given by a formula x(t; p); the base of every smooth named drive."""

    def __init__(
        self,
        formula: Any,
        start_time: npt.ArrayLike,
        stop_time: npt.ArrayLike,
        *,
        parameters: Mapping[str, npt.ArrayLike] | None = None,
        breakpoints: Sequence[float] = (),
        name: str = "Formula",
    ) -> None:
        from anticrossing._terms import as_expression

        self.name = name
        self.parameters = {
            expression.check_name(key): parameter(key, value)
            for key, value in named_values("parameters", parameters).items()
        }
        if "t" in self.parameters:
            raise fail("parameters", "not be called `t`", "that is the time")
        names = ("t", *self.parameters)
        simple = _plain.read(formula, names)
        self._formula: _plain.Formula = simple or as_expression(formula, names, "formula")
        if simple is None:
            _check_real(self._formula)
        self.start_time, self.stop_time = _check_window(start_time, stop_time)
        try:
            _ = self.batch_shape
        except ValueError:
            window = {"start_time": self.start_time, "stop_time": self.stop_time}
            raise _shape_clash({**self.parameters, **window}) from None
        self._breakpoints = real_array("breakpoints", breakpoints, ndim=1)
        outside = (self._breakpoints <= self.start_time.min()) | (
            self._breakpoints >= self.stop_time.max()
        )
        if np.any(outside):
            raise fail(
                "breakpoints",
                "lie inside the window",
                f"{self._breakpoints[outside][0]:g} does not",
            )
        ends = np.stack([self.start, self.stop])
        if not np.all(np.isfinite(ends)):
            raise fail(
                "formula", "be finite on the window", f"{formula} is not, at one of its ends"
            )

    @functools.cached_property
    def formula(self) -> sympy.Expr:
        """x(t) as SymPy."""
        found = self._formula
        return found.symbolic() if isinstance(found, _plain.Plain) else found

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        return self._compute(self._formula, t, parameters)

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        return self._compute(_plain.differentiate(self._formula, "t"), t, parameters)

    @property
    def breakpoints(self) -> FloatArray:
        return self._breakpoints

    def replace(self, **parameters: npt.ArrayLike) -> FormulaDrive:
        """Return a copy on the same time window with some formula parameters replaced."""
        known_keys("parameters", parameters, self.parameters)
        return FormulaDrive(
            self.formula,
            self.start_time,
            self.stop_time,
            parameters={**self.parameters, **parameters},
            breakpoints=self._breakpoints.tolist(),
            name=self.name,
        )

    def _compute(
        self, formula: _plain.Formula, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        arguments = (t, *(parameters[key] for key in self.parameters))
        shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
        with np.errstate(all="ignore"):
            value = _plain.compile_formula(("t", *self.parameters), formula)(*arguments)
        return np.array(np.broadcast_to(value, shape))


class PiecewiseDrive(Drive):
    """Straight segments between given points; the knots are breakpoints."""

    def __init__(self, times: npt.ArrayLike, values: npt.ArrayLike) -> None:
        self.name = "Piecewise"
        self.parameters = {}
        self.times = real_array("times", times, ndim=1)
        self.values = real_array("values", values, ndim=1)
        if self.times.size < 2:
            raise fail("times", "contain at least two times", f"it has {self.times.size}")
        if self.times.shape != self.values.shape:
            raise fail(
                "values",
                f"have one value for each of the {self.times.size} times",
                f"it has {self.values.size}",
            )
        if np.any(np.diff(self.times) <= 0):
            raise fail("times", "increase strictly", f"they are {describe(self.times.tolist())}")
        with np.errstate(all="ignore"):
            slopes = np.diff(self.values) / np.diff(self.times)
        if not np.all(np.isfinite(slopes)) or not np.isfinite(self.times[-1] - self.times[0]):
            raise fail("values", "change at a finite rate", "a segment is too steep or too long")
        self.start_time = np.asarray(self.times[0])
        self.stop_time = np.asarray(self.times[-1])

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        if np.iscomplexobj(t):
            raise InputError("A piecewise drive has no continuation to complex times.")
        return np.asarray(np.interp(t, self.times, self.values))

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        slopes = np.diff(self.values) / np.diff(self.times)
        segment = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, slopes.size - 1)
        return np.asarray(slopes[segment])

    @property
    def breakpoints(self) -> FloatArray:
        return self.times[1:-1]

    def __repr__(self) -> str:
        return f"Piecewise({self.times.size - 1} segments, t = {self.times[0]} … {self.times[-1]})"


def Linear(start: npt.ArrayLike, stop: npt.ArrayLike, rate: npt.ArrayLike) -> FormulaDrive:
    """Sweep the coordinate uniformly: x(t) = rate·t, from x = `start` to x = `stop`.

    Time zero is where x = 0, so the window in time is [start/rate, stop/rate].

    Parameters
    ----------
    start, stop : float or array
        First and last position, in units of the coordinate.
    rate : float or array
        dx/dt ≠ 0, coordinate per time; negative for a sweep downwards.

    Raises
    ------
    InputError
        If the rate is zero, the window empty, or the rate points away from `stop`.

    Examples
    --------
    >>> sweep = Linear(-10, 10, rate=0.5)
    >>> float(sweep.start_time), float(sweep(4.0))
    (-20.0, 2.0)
    """
    first, last, slope = _ends_and_rate(start, stop, rate)
    with np.errstate(all="ignore"):
        span = last - first
        start_time, stop_time = first / slope, last / slope
    if np.any(span == 0):
        raise fail("stop", "differ from `start`", "the window is empty")
    if np.any(np.sign(span) != np.sign(slope)):
        raise fail(
            "stop",
            "lie after `start` in the direction of `rate`",
            f"start is {describe(start)}, stop is {describe(stop)} and rate is {describe(rate)}",
        )
    return FormulaDrive("rate*t", start_time, stop_time, parameters={"rate": slope}, name="Linear")


def Tanh(
    start: npt.ArrayLike, stop: npt.ArrayLike, rate: npt.ArrayLike, duration: npt.ArrayLike
) -> FormulaDrive:
    """Ramp smoothly between two plateaus: x(t) = c + a·tanh(rate·t/a), c, a = (stop ± start)/2.

    Parameters
    ----------
    start, stop : float or array
        The plateaus approached at early and late times.
    rate : float or array
        dx/dt at the centre of the ramp (t = 0), with the sign of ``stop - start``.
    duration : float or array
        Length of the time window, which is [−duration/2, duration/2].

    Examples
    --------
    >>> ramp = Tanh(-1.0, 1.0, rate=0.1, duration=400.0)
    >>> float(ramp(0.0)), round(float(ramp.velocity(0.0)), 3)
    (0.0, 0.1)
    """
    first, last, slope = _ends_and_rate(start, stop, rate)
    half = positive("duration", duration) / 2
    if np.any(last == first):
        raise fail("stop", "differ from `start`", "the ramp is flat")
    if np.any(np.sign(last - first) != np.sign(slope)):
        raise fail("rate", "have the sign of `stop - start`", f"it is {describe(rate)}")
    return FormulaDrive(
        "centre + amplitude*tanh(rate*t/amplitude)",
        -half,
        half,
        parameters={"centre": (last + first) / 2, "amplitude": (last - first) / 2, "rate": slope},
        name="Tanh",
    )


def Sinusoidal(
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    *,
    start_time: npt.ArrayLike = 0.0,
    stop_time: npt.ArrayLike | None = None,
    phase: npt.ArrayLike = 0.0,
) -> FormulaDrive:
    """Drive periodically: x(t) = offset + amplitude·cos(frequency·t + phase).

    Parameters
    ----------
    offset, amplitude : float or array
        In units of the coordinate.
    frequency : float or array
        Angular frequency ω > 0, radians per time.
    start_time, stop_time : float or array
        The window; by default one period from 0.
    phase : float or array
        In radians.

    Examples
    --------
    >>> drive = Sinusoidal(0.5, 5.0, 0.3)
    >>> round(float(drive.stop_time), 4), float(drive(0.0))
    (20.944, 5.5)
    """
    omega = positive("frequency", frequency)
    if stop_time is None:
        begin = real_array("start_time", start_time)
        try:
            stop_time = begin + 2 * np.pi / omega
        except ValueError:
            raise _shape_clash({"frequency": omega, "start_time": begin}) from None
    return FormulaDrive(
        "offset + amplitude*cos(frequency*t + phase)",
        start_time,
        stop_time,
        parameters={
            "offset": real_array("offset", offset),
            "amplitude": real_array("amplitude", amplitude),
            "frequency": omega,
            "phase": real_array("phase", phase),
        },
        name="Sinusoidal",
    )


def Piecewise(times: npt.ArrayLike, values: npt.ArrayLike) -> PiecewiseDrive:
    """Move along straight segments through the points (times, values).

    Parameters
    ----------
    times, values : array, shape (k,)
        Strictly increasing times and the positions at them, k ≥ 2.

    Examples
    --------
    >>> there_and_back = Piecewise([0, 10, 20], [-1, 1, -1])
    >>> float(there_and_back(15.0)), there_and_back.breakpoints
    (0.0, array([10.]))
    """
    return PiecewiseDrive(times, values)


def Formula(
    formula: Any,
    start_time: npt.ArrayLike,
    stop_time: npt.ArrayLike,
    *,
    breakpoints: Sequence[float] = (),
    **parameters: npt.ArrayLike,
) -> FormulaDrive:
    """Drive along any formula of time `t` (safe text or SymPy) on [start_time, stop_time].

    Parameters
    ----------
    formula : str or sympy.Expr
        x(t), e.g. ``"rate*t + bend*t**3"``.
    start_time, stop_time : float or array
        The window.
    breakpoints : sequence of float
        Times inside the window at which the formula is not smooth.
    **parameters
        Values (or arrays) of the other names in the formula.

    Examples
    --------
    >>> drive = Formula("rate*t + bend*t**3", -2, 2, rate=1.0, bend=0.1)
    >>> round(float(drive.velocity(1.0)), 12)
    1.3
    """
    return FormulaDrive(
        formula, start_time, stop_time, parameters=parameters, breakpoints=breakpoints
    )


def _ends_and_rate(
    start: npt.ArrayLike, stop: npt.ArrayLike, rate: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return first and last position and the rate ≠ 0, broadcast to one shape."""
    given = {
        "start": parameter("start", start),
        "stop": parameter("stop", stop),
        "rate": parameter("rate", rate),
    }
    for name in ("start", "stop"):
        if np.any(np.abs(given[name]) > _FARTHEST):
            raise fail(
                name, f"lie within ±{_FARTHEST:g}", f"it is {describe(given[name].tolist())}"
            )
    if np.any(given["rate"] == 0):
        raise fail("rate", "not be zero", f"it is {describe(rate)}")
    try:
        first, last, slope = np.broadcast_arrays(*given.values())
    except ValueError:
        raise _shape_clash(given) from None
    return first, last, slope


def _shape_clash(values: Mapping[str, FloatArray]) -> InputError:
    shapes = ", ".join(f"{key} {value.shape}" for key, value in values.items())
    return InputError(f"Drive parameters must broadcast, but they are {shapes}.")


def _check_real(formula: sympy.Expr) -> None:
    import sympy

    if formula.has(sympy.I) and sympy.im(formula) != 0:
        raise fail("formula", "be real", f"it is {formula}")


def _check_window(
    start_time: npt.ArrayLike, stop_time: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    start = parameter("start_time", start_time)
    stop = parameter("stop_time", stop_time)
    try:
        with np.errstate(all="ignore"):
            length = stop - start
    except ValueError:
        raise _shape_clash({"start_time": start, "stop_time": stop}) from None
    if not np.all(np.isfinite(length)):
        raise fail("stop_time", "leave a window of finite length", "the window is too long")
    if np.any(stop == start):
        raise fail("stop_time", "be later than `start_time`", "the window is empty")
    if np.any(stop < start):
        raise fail(
            "stop_time",
            "be later than `start_time`",
            f"the window is reversed ({describe(start_time)} to {describe(stop_time)})",
        )
    return start, stop


guard(__name__)
