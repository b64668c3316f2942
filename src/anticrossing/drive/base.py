"""What every drive is: a window, a position x(t), a velocity, and breakpoints."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    flattened,
    joint_shape,
    parameter,
    real_array,
)
from anticrossing._core.facts import Described, lines
from anticrossing._core.unchanging import Unchanging

_POINTS = 241  # of a sketch
WINDOW = ("start_time", "stop_time")


class Argument(NamedTuple):
    """What an argument of a named drive moves: its parameters, and the two ends of its window."""

    shares: Mapping[str, float]
    ends: tuple[Any, Any] = (0.0, 0.0)


class Drive(Described, Unchanging, abc.ABC):
    """A path x(t) on a time window, possibly a batch of them.

    `start_time` and `stop_time` have the batch shape; ``drive(t)`` has shape
    ``batch_shape + t.shape``.
    """

    name: str
    parameters: Mapping[str, FloatArray]
    start_time: FloatArray
    stop_time: FloatArray
    _arguments: Mapping[str, Argument] = MappingProxyType({})

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
    def differentiable(self) -> tuple[str, ...]:
        """The names of what an evolution can be differentiated by."""
        return tuple(dict.fromkeys((*self.parameters, *self._arguments, *WINDOW)))

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        """Return ∂x/∂p at fixed times, with the conventions of `evaluate`."""
        raise NotImplementedError

    def window_derivative(self, parameter: str) -> tuple[Any, Any]:
        """Return how the start and the stop of the window move with a parameter."""
        if parameter in self._arguments:
            return self._arguments[parameter].ends
        return float(parameter == WINDOW[0]), float(parameter == WINDOW[1])

    @property
    @abc.abstractmethod
    def breakpoints(self) -> FloatArray:
        """Times strictly inside the window at which x(t) is not smooth, shape (k,)."""

    def breakpoints_of(self, batch_shape: tuple[int, ...]) -> FloatArray:
        """Return the breakpoints of every point of a batch, shape (points, k), padded with NaN."""
        found = self.breakpoints
        if not batch_shape:
            return found[None]
        return np.broadcast_to(found, (math.prod(batch_shape), found.size))

    def continued(
        self, centres: npt.NDArray[Any], t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        """Return x at complex times t, continued from the smooth piece that holds `centres`."""
        return self.evaluate(t, parameters)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The broadcast shape of all parameters."""
        shapes = [np.shape(value) for value in self.parameters.values()]
        return joint_shape(*shapes, self.start_time.shape, self.stop_time.shape)

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
        return {key: flattened(value, batch_shape) for key, value in self.parameters.items()}

    def __repr__(self) -> str:
        from anticrossing.hamiltonian import describe_value

        values = ", ".join(f"{key}={describe_value(v)}" for key, v in self.parameters.items())
        return f"{self.name}({values})"

    def _facts(self) -> dict[str, str]:
        from anticrossing.hamiltonian import describe_value

        found = {
            "times": f"{describe_value(self.start_time)} … {describe_value(self.stop_time)}",
            "positions": f"{describe_value(self.start)} … {describe_value(self.stop)}",
        }
        found |= {name: describe_value(value) for name, value in self.parameters.items()}
        if self.batch_shape:
            found["batch shape"] = str(self.batch_shape)
        if self.breakpoints.size:
            found["breakpoints"] = str(self.breakpoints.size)
        return found

    def _sketch(self) -> str:
        if self.batch_shape:
            return ""
        t = np.linspace(float(self.start_time), float(self.stop_time), _POINTS)
        x = np.moveaxis(self(t).reshape(t.size, -1), -1, 0)
        return lines(t, x, "t", "x" if len(x) == 1 else "")

    def _at(self, times: FloatArray) -> FloatArray:
        batch = self.batch_shape
        parameters = {k: np.broadcast_to(v, batch) for k, v in self.parameters.items()}
        return np.asarray(self.evaluate(np.broadcast_to(times, batch), parameters))

    def _shares(self, argument: str) -> Mapping[str, float]:
        """Return the parameters that an argument moves, and by how much."""
        if argument in self._arguments:
            return self._arguments[argument].shares
        return {argument: 1.0} if argument in self.parameters else {}

    def _outer(self, t: npt.ArrayLike) -> tuple[npt.NDArray[Any], dict[str, FloatArray]]:
        array = np.asarray(t)
        times = array.astype(np.complex128) if np.iscomplexobj(array) else real_array("t", t)
        batch = self.batch_shape
        parameters = {
            key: np.broadcast_to(value, batch).reshape(batch + (1,) * times.ndim)
            for key, value in self.parameters.items()
        }
        return np.broadcast_to(times, batch + times.shape), parameters


def shape_clash(values: Mapping[str, FloatArray]) -> InputError:
    """Return the error about parameters whose shapes do not broadcast."""
    shapes = ", ".join(f"{key} {value.shape}" for key, value in values.items())
    return InputError(f"Drive parameters must broadcast, but they are {shapes}.")


def check_window(
    start_time: npt.ArrayLike, stop_time: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of a window that is neither empty, reversed nor infinite."""
    start = parameter("start_time", start_time)
    stop = parameter("stop_time", stop_time)
    try:
        with np.errstate(all="ignore"):
            length = stop - start
    except ValueError:
        raise shape_clash({"start_time": start, "stop_time": stop}) from None
    if ((length > 0) & (length < np.inf)).all():
        return start, stop
    if not np.all(np.isfinite(length)):
        raise fail("stop_time", "leave a window of finite length", "the window is too long")
    if np.any(stop == start):
        raise fail("stop_time", "be later than `start_time`", "the window is empty")
    raise fail(
        "stop_time",
        "be later than `start_time`",
        f"the window is reversed ({describe(start_time)} to {describe(stop_time)})",
    )
