"""The fitted coordinates: parameters in a form in which a fit is well conditioned.

Positive parameters are fitted by their logarithm, so that a starting value that is three times off
is a short step away, and T₂ by ln(T₂/2T₁) ≤ 0, which keeps the physical bound T₂ ≤ 2T₁ whatever T₁
does. Uncertainties are carried back to the parameters themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import read_only

POSITIVE = ("gap", "t1", "t2", "amplitude_scale", "visibility", "temperature", "offset_noise")
ERRORS = ("false_positive", "false_negative")
MOST_ERROR = 0.5  # a read-out that errs more often has its answers exchanged
FARTHEST = 12.0  # e-foldings (or natural units) that a parameter may move from its start
AT_LIMIT = 1e-4


@read_only
@dataclass(frozen=True)
class Coordinates:
    """The fitted coordinates u and the parameters p(u) they stand for.

    Attributes
    ----------
    initial : dict of str to float
        Values of all parameters; those that are not in `varied` keep them.
    varied : tuple of str
    scales : dict of str to float
        Natural units of the parameters that are not positive; one where none is given.
    """

    initial: Mapping[str, float]
    varied: tuple[str, ...]
    scales: Mapping[str, float]

    def start(self) -> FloatArray:
        """Return u at the starting values."""
        return self.coordinates(self.initial)

    def coordinates(self, values: Mapping[str, float]) -> FloatArray:
        """Return u of parameters."""
        return np.array([self._coordinate(name, values) for name in self.varied])

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest u."""
        middle = self.start()
        lower, upper = middle - FARTHEST, middle + FARTHEST
        for index, name in enumerate(self.varied):
            if name == "t2":
                upper[index] = 0.0
            elif name == "t1" and "t2" in self.initial and "t2" not in self.varied:
                lower[index] = np.log(0.5 * self.initial["t2"])
            elif name in ERRORS:
                lower[index], upper[index] = 0.0, MOST_ERROR
        return lower, upper

    def parameters(self, u: FloatArray) -> dict[str, Any]:
        """Return all parameters at u, shape (K,); of shape (S, K), arrays of shape (S, 1)."""
        values: dict[str, Any] = dict(self.initial)
        columns = u.tolist() if u.ndim == 1 else u.T[..., None]
        for name, coordinate in zip(self.varied, columns, strict=True):
            if name == "t2":
                continue
            positive = name in POSITIVE
            values[name] = np.exp(coordinate) if positive else coordinate * self.scale(name)
        if "t2" in self.varied:
            share = np.exp(np.minimum(columns[self.varied.index("t2")], 0.0))
            values["t2"] = 2 * values["t1"] * share
        if u.ndim == 1:
            values = {name: float(value) for name, value in values.items()}
        return values

    def jacobian(self, values: Mapping[str, float]) -> FloatArray:
        """Return ∂p/∂u of the varied parameters, shape (K, K)."""
        matrix = np.diag([self.size(name, values) for name in self.varied])
        if "t1" in self.varied and "t2" in self.varied:
            matrix[self.varied.index("t2"), self.varied.index("t1")] = values["t2"]
        return matrix

    def size(self, name: str, values: Mapping[str, float]) -> float:
        """Return what a parameter changes by where its coordinate changes by one."""
        return abs(values[name]) if name in POSITIVE else self.scale(name)

    def scale(self, name: str) -> float:
        """Return the natural unit of a parameter that is not positive."""
        return self.scales.get(name, 1.0)

    def _coordinate(self, name: str, values: Mapping[str, float]) -> float:
        if name == "t2":
            return float(min(np.log(values["t2"] / (2 * values["t1"])), 0.0))
        return float(np.log(values[name]) if name in POSITIVE else values[name] / self.scale(name))
