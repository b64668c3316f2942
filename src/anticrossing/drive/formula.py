"""Drives given by a formula x(t; p), and the smooth drives with a name."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression, plain
from anticrossing._core.checks import (
    FloatArray,
    between,
    describe,
    fail,
    flattened,
    joint_shape,
    known_keys,
    named_values,
    nowhere_zero,
    parameter,
    positive,
    real_array,
)
from anticrossing._core.unchanging import frozen, settled
from anticrossing.drive.base import Argument, Drive, check_window, shape_clash

if TYPE_CHECKING:
    import sympy

_FARTHEST = 1e300  # positions beyond this have no difference that can be represented
_NO_BREAKPOINTS = settled(np.empty(0))
_LINE = plain.Plain("rate*t", "(rate*t)", ("rate", "t"))


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
        arguments: Mapping[str, Argument] | None = None,
    ) -> None:
        from anticrossing._core.terms import as_expression

        self.name = name
        self._arguments = dict(arguments or {})
        self.parameters = {
            expression.check_name(key): parameter(key, value)
            for key, value in named_values("parameters", parameters).items()
        }
        if "t" in self.parameters:
            raise fail("parameters", "not be called `t`", "that is the time")
        names = ("t", *self.parameters)
        simple = plain.read(formula, names)
        self._formula: plain.Formula = simple or as_expression(formula, names, "formula")
        if simple is None:
            _check_real(self._formula)
        self.start_time, self.stop_time = check_window(start_time, stop_time)
        try:
            batch = self.batch_shape
        except ValueError:
            window = {"start_time": self.start_time, "stop_time": self.stop_time}
            raise shape_clash({**self.parameters, **window}) from None
        self._breakpoints = real_array("breakpoints", breakpoints, ndim=1)
        if self._breakpoints.size:
            self._check_breakpoints()
        both = np.array([flattened(t, batch) for t in (self.start_time, self.stop_time)])
        ends = self.evaluate(both.reshape(2, *batch), self.parameters)
        if not np.isfinite(ends).all():
            raise fail(
                "formula", "be finite on the window", f"{formula} is not, at one of its ends"
            )

    @classmethod
    def _known(
        cls,
        formula: plain.Plain,
        start_time: FloatArray,
        stop_time: FloatArray,
        parameters: Mapping[str, FloatArray],
        name: str,
        arguments: Mapping[str, Argument],
    ) -> FormulaDrive:
        """Return the drive of a formula that is finite on its window; all has been checked."""
        made = object.__new__(cls)
        made.__dict__.update(
            name=name,
            parameters=frozen(parameters),
            start_time=frozen(start_time),
            stop_time=frozen(stop_time),
            _arguments=arguments,
            _formula=formula,
            _breakpoints=_NO_BREAKPOINTS,
        )
        made._seal()
        return made

    def _check_breakpoints(self) -> None:
        """Raise `InputError` for breakpoints outside the window."""
        outside = (self._breakpoints <= self.start_time.min()) | (
            self._breakpoints >= self.stop_time.max()
        )
        if np.any(outside):
            raise fail(
                "breakpoints",
                "lie inside the window",
                f"{self._breakpoints[outside][0]:g} does not",
            )

    @functools.cached_property
    def formula(self) -> sympy.Expr:
        """x(t) as SymPy."""
        found = self._formula
        return found.symbolic() if isinstance(found, plain.Plain) else found

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        return self._compute(self._formula, t, parameters)

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        return self._compute(plain.differentiate(self._formula, "t"), t, parameters)

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        """Return ∂x/∂p at fixed times, with the conventions of `evaluate`."""
        total: Any = np.zeros(np.shape(t))
        for name, share in self._shares(parameter).items():
            slope = self._compute(plain.differentiate(self._formula, name), t, parameters)
            total = total + share * slope
        return np.asarray(total)

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
        self, formula: plain.Formula, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        arguments = (t, *(parameters[key] for key in self.parameters))
        shape = joint_shape(*(np.shape(a) for a in arguments))
        with np.errstate(all="ignore"):
            value = plain.compile_formula(("t", *self.parameters), formula)(*arguments)
        whole = value if np.shape(value) == shape else np.broadcast_to(value, shape)
        return np.array(whole)


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
        forward = (span * slope > 0).all()  # or a product below the smallest number
        arguments = {
            "rate": Argument({"rate": 1.0}, (-start_time / slope, -stop_time / slope)),
            "start": Argument({}, (1 / slope, 0.0)),
            "stop": Argument({}, (0.0, 1 / slope)),
        }
    if not forward and np.any(span == 0):
        raise fail("stop", "differ from `start`", "the window is empty")
    if not forward and np.any(np.sign(span) != np.sign(slope)):
        raise fail(
            "stop",
            "lie after `start` in the direction of `rate`",
            f"start is {describe(start)}, stop is {describe(stop)} and rate is {describe(rate)}",
        )
    window = check_window(start_time, stop_time)
    return FormulaDrive._known(_LINE, *window, {"rate": slope}, "Linear", arguments)


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
        arguments={
            "start": Argument({"centre": 0.5, "amplitude": -0.5}),
            "stop": Argument({"centre": 0.5, "amplitude": 0.5}),
            "duration": Argument({}, (-0.5, 0.5)),
        },
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
    omega, arguments = positive("frequency", frequency), {}
    if stop_time is None:
        begin = real_array("start_time", start_time)
        try:
            stop_time = begin + 2 * np.pi / omega
        except ValueError:
            raise shape_clash({"frequency": omega, "start_time": begin}) from None
        arguments = {
            "frequency": Argument({"frequency": 1.0}, (0.0, -2 * np.pi / omega**2)),
            "start_time": Argument({}, (1.0, 1.0)),
        }
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
        arguments=arguments,
    )


def _ends_and_rate(
    start: npt.ArrayLike, stop: npt.ArrayLike, rate: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return first and last position and the rate ≠ 0, broadcast to one shape."""
    given = {
        name: parameter(name, value)
        for name, value in (("start", start), ("stop", stop), ("rate", rate))
    }
    first, last, slope = given.values()
    scalars = first.ndim == last.ndim == slope.ndim == 0  # as most are, and told in no time
    if scalars and slope and abs(float(first)) <= _FARTHEST and abs(float(last)) <= _FARTHEST:
        return first, last, slope
    for name in ("start", "stop"):
        if (np.abs(given[name]) > _FARTHEST).any():
            between(name, given[name], -_FARTHEST, _FARTHEST)
    if not given["rate"].all():
        nowhere_zero("rate", given["rate"])
    try:
        shape = joint_shape(*(value.shape for value in given.values()))
    except ValueError:
        raise shape_clash(given) from None
    first, last, slope = (
        value if value.shape == shape else np.broadcast_to(value, shape) for value in given.values()
    )
    return first, last, slope


def _check_real(formula: sympy.Expr) -> None:
    import sympy

    if formula.has(sympy.I) and sympy.im(formula) != 0:
        raise fail("formula", "be real", f"it is {formula}")
