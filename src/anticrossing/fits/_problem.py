"""What a fit solves: a model with its derivatives, data, and the parameters that are free."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.fits import _likelihood
from anticrossing.fits._parameters import Coordinates
from anticrossing.fits.measurement import Measurement


class Model(Protocol):
    """What a fit compares with data: populations as they are read, at any points."""

    @property
    def name(self) -> str:
        """What it is, in words."""

    def __call__(
        self,
        values: Mapping[str, float],
        where: Mapping[str, FloatArray],
        names: Collection[str] = (),
    ) -> tuple[FloatArray, Mapping[str, FloatArray]]:
        """Return the populations at points and their derivatives by at least these parameters."""


@dataclass(frozen=True)
class Problem:
    """A model, the data that it shall describe, and the parameters that are free."""

    model: Model
    data: Measurement
    coordinates: Coordinates

    def population(self, values: Mapping[str, float]) -> FloatArray:
        """Return the model at the data."""
        return self.model(values, self.data.coordinates)[0]

    def residuals(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the residuals r, ∂r/∂u, and its root of Fisher's information, at u."""
        values = self.coordinates.parameters(u)
        q, slopes = self.slopes(values, self.data.coordinates)
        r, steep = _likelihood.residuals(q, self.data)
        return r, steep[:, None] * slopes, _likelihood.weights(q, self.data)[:, None] * slopes

    def slopes(
        self, values: Mapping[str, float], where: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the model at some points and its derivatives by u, shape (N, K)."""
        varied = self.coordinates.varied
        q, found = self.model(values, where, varied)
        matrix = np.stack([found[name] for name in varied], axis=-1)
        return q, matrix @ self.coordinates.jacobian(values)

    def deviance(self, values: Mapping[str, Any]) -> FloatArray:
        """Return Σ r² of parameters; they may carry axes in front of the axis of the data."""
        q = self.model(values, self.data.coordinates)[0]
        return np.asarray(np.sum(_likelihood.residuals(q, self.data)[0] ** 2, axis=-1))
