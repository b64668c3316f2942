"""Drives along straight segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    increasing,
    real_array,
    shaped_like,
)
from anticrossing.drive.base import Drive


class PiecewiseDrive(Drive):
    """Straight segments between given points; the knots are breakpoints."""

    def __init__(self, times: npt.ArrayLike, values: npt.ArrayLike) -> None:
        self.name = "Piecewise"
        self.parameters = {}
        self.times = increasing("times", times)
        self.values = shaped_like("values", real_array("values", values), "times", self.times.shape)
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

    def continued(
        self, centres: npt.NDArray[Any], t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        # Straight beyond the ends of its segment, too.
        start, speed = self(centres), self.velocity(centres)
        return np.asarray(start + speed * (t - centres))

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        slopes = np.diff(self.values) / np.diff(self.times)
        segment = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, slopes.size - 1)
        return np.asarray(slopes[segment])

    @property
    def differentiable(self) -> tuple[str, ...]:
        return tuple(f"values[{k}]" for k in range(self.values.size)) + super().differentiable

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        units = np.eye(self.values.size)
        known = [name == parameter for name in self.differentiable[: len(units)]]
        return np.asarray(np.interp(t, self.times, known @ units))

    @property
    def breakpoints(self) -> FloatArray:
        return self.times[1:-1]

    def __repr__(self) -> str:
        return f"Piecewise({self.times.size - 1} segments, t = {self.times[0]} … {self.times[-1]})"


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
