"""Pulses and waveforms with a name: one shape on a constant offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, choice, fail, non_negative, parameter, positive
from anticrossing.drive.base import WINDOW, Argument, shape_clash
from anticrossing.drive.formula import FormulaDrive
from anticrossing.drive.waveform import _ROUNDING, SteppedDrive, moved_windows

_GAUSSIAN_ENDS, _SECH_ENDS = 8.5, 37.0  # widths from the centre, where 2e-16 of a pulse is left


def Gaussian(
    amplitude: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    centre: npt.ArrayLike = 0.0,
    offset: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> FormulaDrive:
    """Drive with a Gaussian pulse: x(t) = offset + amplitude·exp(−(t − centre)²/2·width²).

    The width is the standard deviation σ; the full width at half maximum is √(8 ln 2) σ = 2.3548 σ,
    and the area above the offset is √(2π) σ·amplitude.

    Parameters
    ----------
    amplitude : float or array
        Height above the offset, in units of the coordinate.
    width : float or array
        σ > 0, a time.
    centre, offset : float or array
        Time of the maximum, and position far from it.
    start_time, stop_time : float or array, optional
        The window; by default 8.5 widths on both sides, where 2·10⁻¹⁶ of the pulse is left.

    Examples
    --------
    >>> pulse = Gaussian(1.3, width=0.5, centre=2.0)
    >>> half = 0.5 * np.sqrt(8 * np.log(2)) * 0.5
    >>> float(pulse(2.0)), round(float(pulse(2.0 + half)), 12)
    (1.3, 0.65)
    """
    given = _shape(amplitude, width, centre, offset)
    start, stop = _window(given, start_time, stop_time, _GAUSSIAN_ENDS)
    return FormulaDrive(
        "offset + amplitude*exp(-(t - centre)**2/(2*width**2))",
        start,
        stop,
        parameters=given,
        name="Gaussian",
        arguments=_moved(start_time, stop_time, _GAUSSIAN_ENDS),
    )


def Sech(
    amplitude: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    centre: npt.ArrayLike = 0.0,
    offset: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> FormulaDrive:
    """Drive with a hyperbolic-secant pulse: x(t) = offset + amplitude·sech((t − centre)/width).

    The full width at half maximum is 2 arcosh(2) = 2.6339 widths (that of the square, the intensity
    of a light pulse, 1.7627), and the area above the offset is π·width·amplitude.

    Parameters
    ----------
    amplitude, centre, offset : float or array
        As in `Gaussian`.
    width : float or array
        T > 0, a time.
    start_time, stop_time : float or array, optional
        The window; by default 37 widths on both sides, where 2·10⁻¹⁶ of the pulse is left.

    Examples
    --------
    >>> pulse = Sech(1.0, width=2.0)
    >>> round(float(pulse(2.0 * np.arccosh(2.0))), 12)
    0.5
    """
    import sympy

    given = _shape(amplitude, width, centre, offset)
    start, stop = _window(given, start_time, stop_time, _SECH_ENDS)
    # As a function of its own: the derivative of 1/cosh is ∞/∞ far out.
    t, *names = sympy.symbols("t amplitude width centre offset", real=True)
    height, scale, middle, level = names
    return FormulaDrive(
        level + height * sympy.sech((t - middle) / scale),
        start,
        stop,
        parameters=given,
        name="Sech",
        arguments=_moved(start_time, stop_time, _SECH_ENDS),
    )


def Chirp(
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    rate: npt.ArrayLike,
    *,
    width: npt.ArrayLike | None = None,
    phase: npt.ArrayLike = 0.0,
    centre: npt.ArrayLike = 0.0,
    offset: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> FormulaDrive:
    """Drive with a tone whose frequency changes linearly.

    x(t) = offset + amplitude·cos(phase + frequency·τ + ½ rate·τ²)·exp(−τ²/2·width²), with
    τ = t − centre: the angular frequency at the time t is frequency + rate·τ. Without a width the
    amplitude is constant.

    Parameters
    ----------
    amplitude, offset, phase : float or array
        In units of the coordinate; the phase, at the centre, in radians.
    frequency, rate : float or array
        Angular frequency at the centre, and its derivative (radians per time, and per time²).
    width : float or array, optional
        Standard deviation of a Gaussian envelope, a time.
    centre : float or array
        Where the frequency is `frequency`.
    start_time, stop_time : float or array
        The window; with a width 8.5 of it on both sides by default.

    Examples
    --------
    >>> tone = Chirp(0.1, 5.0, 0.02, start_time=-50.0, stop_time=50.0)
    >>> float(tone(0.0))
    0.1
    """
    given = _checked(
        amplitude=amplitude,
        frequency=frequency,
        rate=rate,
        phase=phase,
        centre=centre,
        offset=offset,
    )
    tone = "amplitude*cos(phase + frequency*(t - centre) + rate*(t - centre)**2/2)"
    if width is not None:
        given["width"] = positive("width", width)
        tone += "*exp(-(t - centre)**2/(2*width**2))"
    elif start_time is None or stop_time is None:
        raise fail("start_time", "be given, and `stop_time`", "a tone without `width` never ends")
    start, stop = _window(given, start_time, stop_time, _GAUSSIAN_ENDS)
    moved = _moved(start_time, stop_time, _GAUSSIAN_ENDS) if width is not None else None
    return FormulaDrive(
        f"offset + {tone}", start, stop, parameters=given, name="Chirp", arguments=moved
    )


def Trapezoid(
    amplitude: npt.ArrayLike,
    hold: npt.ArrayLike,
    rise: npt.ArrayLike,
    fall: npt.ArrayLike | None = None,
    *,
    edges: str = "linear",
    centre: npt.ArrayLike = 0.0,
    offset: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> EdgedDrive:
    """Drive with a flat pulse between two edges.

    x(t) = offset + amplitude·e(u₁)·e(1 − u₂), where u₁ runs from 0 to 1 in the time `rise`, and u₂
    in the time `fall`; e(u) = u with linear edges and ½(1 − cos πu) with cosine edges. An edge of
    no duration is a jump.

    Parameters
    ----------
    amplitude, offset : float or array
        Height of the pulse above the offset, in units of the coordinate.
    hold : float or array
        Time ≥ 0 on the plateau.
    rise, fall : float or array
        Durations ≥ 0 of the edges, of the whole change; equal by default.
    edges : {"linear", "cosine"}
        Their form.
    centre : float or array
        Middle of the whole pulse, which is rise + hold + fall long.
    start_time, stop_time : float or array, optional
        The window; by default the pulse.

    Raises
    ------
    InputError
        For a negative time, or a pulse of no duration.

    Examples
    --------
    >>> pulse = Trapezoid(2.0, hold=4.0, rise=1.0)
    >>> pulse([-3.0, -2.5, 0.0, 2.25]).tolist(), pulse.breakpoints.tolist()
    ([0.0, 1.0, 2.0, 1.5], [-2.0, 2.0])
    """
    given = _checked(amplitude=amplitude, centre=centre, offset=offset)
    given |= {"rise": non_negative("rise", rise), "hold": non_negative("hold", hold)}
    given["fall"] = given["rise"] if fall is None else non_negative("fall", fall)
    return EdgedDrive("Trapezoid", edges, given, start_time, stop_time)


def Cosine(
    amplitude: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    centre: npt.ArrayLike = 0.0,
    offset: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> EdgedDrive:
    """Drive with a raised cosine: x(t) = offset + ½ amplitude·(1 + cos(2π(t − centre)/width)).

    This holds for |t − centre| ≤ width/2; outside x is the offset. The full width at half maximum
    is width/2. It is a `Trapezoid` of two cosine edges, and named Hann in signal processing.

    Parameters
    ----------
    amplitude, centre, offset : float or array
        As in `Gaussian`.
    width : float or array
        The whole duration > 0.
    start_time, stop_time : float or array, optional
        The window; by default the pulse.

    Examples
    --------
    >>> pulse = Cosine(1.0, width=4.0)
    >>> pulse([-2.0, -1.0, 0.0]).round(12).tolist()
    [0.0, 0.5, 1.0]
    """
    given = _shape(amplitude, width, centre, offset)
    return EdgedDrive("Cosine", "cosine", given, start_time, stop_time)


class EdgedDrive(SteppedDrive):
    """A pulse that rises, stays, and falls; made by `Trapezoid` and `Cosine`."""

    def __init__(
        self,
        name: str,
        edges: str,
        parameters: Mapping[str, FloatArray],
        start_time: npt.ArrayLike | None,
        stop_time: npt.ArrayLike | None,
    ) -> None:
        self.edges = choice("edges", edges, ("linear", "cosine"))
        lengths = ("width",) if "width" in parameters else ("rise", "hold", "fall")
        if missing := {"offset", "amplitude", "centre", *lengths} - set(parameters):
            raise fail("parameters", f"hold {', '.join(sorted(missing))}", "it does not")
        try:
            rise, hold, fall = self._times(parameters)
            half = 0.5 * (rise + hold + fall)
            if np.any(half == 0):
                raise fail("hold", "leave a pulse of some duration", "its times are all zero")
            start = parameters["centre"] - half if start_time is None else start_time
            stop = parameters["centre"] + half if stop_time is None else stop_time
        except ValueError as error:
            if type(error) is not ValueError:
                raise
            raise shape_clash(parameters) from None
        moves = {"centre": (1.0, 1.0), "width": (-0.5, 0.5)}
        if "width" not in parameters:
            moves = {"centre": (1.0, 1.0)} | dict.fromkeys(("rise", "hold", "fall"), (-0.5, 0.5))
        arguments = moved_windows(start_time, stop_time, **moves)
        super().__init__(name, parameters, start, stop, arguments)

    @property
    def differentiable(self) -> tuple[str, ...]:
        names = super().differentiable
        rise, _, fall = self._times(self.parameters)
        if np.all(rise > 0) and np.all(fall > 0):
            return names
        # A jump that moves is no derivative that panels can follow.
        return tuple(n for n in names if n in ("amplitude", "offset", *WINDOW))

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        up, down, rising, falling = self._edges(t, parameters)
        if parameter == "offset":
            return np.ones(np.shape(up))
        if parameter == "amplitude":
            return np.asarray(up * down)
        if parameter in WINDOW:
            return np.zeros(np.shape(up))
        # Of the times since the rise began, until the fall ends, and of the lengths of both.
        rise, hold, fall = self._times(parameters)
        half, centre = 0.5 * (rise + hold + fall), parameters["centre"]
        longer = {"rise": (1.0, 0.0), "fall": (0.0, 1.0), "width": (0.5, 0.5)}
        in_rise, in_fall = longer.get(parameter, (0.0, 0.0))
        since, until = (-1.0, 1.0) if parameter == "centre" else (0.5, 0.5)
        first = rising * (since - in_rise * (t - centre + half) / rise)
        last = -falling * (until - in_fall * (centre + half - t) / fall)
        return np.asarray(parameters["amplitude"] * (first * down + up * last))

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        up, down, _, _ = self._edges(t, parameters)
        return np.asarray(parameters["offset"] + parameters["amplitude"] * up * down)

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        up, down, rising, falling = self._edges(t, parameters)
        return np.asarray(parameters["amplitude"] * (rising * down + up * falling))

    def _edges(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return both factors of the pulse, and their derivatives."""
        rise, hold, fall = self._times(parameters)
        half = 0.5 * (rise + hold + fall)
        slack = _ROUNDING * (np.abs(np.real(t)) + np.abs(parameters["centre"]) + half)
        after = t - parameters["centre"] + half
        before = parameters["centre"] + half - t
        up, rising = self._edge(after, rise, slack)
        down, falling = self._edge(before, fall, slack)
        return up, down, rising, -falling

    def _edge(self, since: npt.NDArray[Any], length: Any, slack: Any) -> tuple[Any, Any]:
        """Return e(u) and its derivative for the time since the edge began."""
        real = np.real(since)
        inside = (real > 0) & (real < length)
        done = np.where(length > 0, real >= length, real > slack)
        scale = np.where(length > 0, length, 1.0)
        u = np.where(inside, since / scale, 0.0)
        if self.edges == "linear":
            value, slope = u, np.ones_like(u)
        else:
            value, slope = np.sin(0.5 * np.pi * u) ** 2, 0.5 * np.pi * np.sin(np.pi * u)
        return np.where(done, 1.0, value), np.where(inside, slope / scale, 0.0)

    @staticmethod
    def _times(parameters: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        if "width" in parameters:
            half = 0.5 * parameters["width"]
            return half, 0.0 * half, half
        return parameters["rise"], parameters["hold"], parameters["fall"]

    def _knots(self, parameters: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        rise, hold, fall = self._times(parameters)
        half = 0.5 * (rise + hold + fall)
        first, last = parameters["centre"] - half, parameters["centre"] + half
        corners = [first, first + rise, last - fall, last]
        if "width" in parameters:  # both edges are one cosine
            corners = [first, last]
        knots = np.stack(corners, axis=1)
        sides = np.zeros_like(knots)
        sides[:, 0], sides[:, -1] = rise == 0, -1.0 * (fall == 0)
        return knots, sides

    def __repr__(self) -> str:
        base = super().__repr__()
        return base if self.name == "Cosine" else f"{base[:-1]}, edges={self.edges!r})"


def _checked(**given: npt.ArrayLike) -> dict[str, FloatArray]:
    return {name: parameter(name, value) for name, value in given.items()}


def _shape(
    amplitude: npt.ArrayLike, width: npt.ArrayLike, centre: npt.ArrayLike, offset: npt.ArrayLike
) -> dict[str, FloatArray]:
    given = _checked(amplitude=amplitude, centre=centre, offset=offset)
    return {**given, "width": positive("width", width)}


def _moved(start_time: Any, stop_time: Any, ends: float) -> dict[str, Argument]:
    """Return what centre and width move where they set the window."""
    return moved_windows(start_time, stop_time, centre=(1.0, 1.0), width=(-ends, ends))


def _window(
    given: Mapping[str, FloatArray],
    start_time: npt.ArrayLike | None,
    stop_time: npt.ArrayLike | None,
    ends: float,
) -> tuple[Any, Any]:
    """Return the window, by default so many widths about the centre."""
    if start_time is not None and stop_time is not None:
        return start_time, stop_time
    try:
        start, stop = (
            given["centre"] - ends * given["width"],
            given["centre"] + ends * given["width"],
        )
    except ValueError:
        raise shape_clash(given) from None
    return (start if start_time is None else start_time), (stop if stop_time is None else stop_time)
