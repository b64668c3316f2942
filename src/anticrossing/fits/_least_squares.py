"""Weighted least squares through lmfit, in coordinates in which it is well conditioned.

Positive parameters are fitted by their logarithm, so that a starting value that is three times off
is a short step away, and T₂ by ln(T₂/2T₁) ≤ 0, which keeps the physical bound T₂ ≤ 2T₁ whatever T₁
does. Uncertainties are carried back to the parameters themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, fail, require
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.result import FitResult, FittedParameter

Model = Callable[[Mapping[str, float]], FloatArray]

POSITIVE = ("gap", "t1", "t2", "amplitude_scale", "visibility")
_FARTHEST = 12.0  # e-foldings (or natural units) that a parameter may move from its start
_STEP = 1e-3  # of the numerical derivatives, in e-foldings
_SINGULAR = 1e-6  # relative singular values below this are the noise of the derivatives
_UNDETERMINED = 1.0  # a deviation of one e-folding or one natural unit: anything goes
_AT_LIMIT = 1e-4
_LOOSE = 1e-6  # relative changes at which the search stops
_IMPROBABLE = 1e-3


@dataclass(frozen=True)
class Coordinates:
    """The fitted coordinates u and the parameters p(u) they stand for.

    Attributes
    ----------
    initial : dict of str to float
        Values of all parameters; those that are not in `varied` keep them.
    varied : tuple of str
    scales : dict of str to float
        Natural units of the parameters that are not positive.
    """

    initial: Mapping[str, float]
    varied: tuple[str, ...]
    scales: Mapping[str, float]

    def start(self) -> FloatArray:
        """Return u at the starting values."""
        return np.array([self._coordinate(name, self.initial) for name in self.varied])

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest u."""
        middle = self.start()
        lower, upper = middle - _FARTHEST, middle + _FARTHEST
        for index, name in enumerate(self.varied):
            if name == "t2":
                upper[index] = 0.0
            elif name == "t1" and "t2" in self.initial and "t2" not in self.varied:
                lower[index] = np.log(0.5 * self.initial["t2"])
        return lower, upper

    def parameters(self, u: FloatArray) -> dict[str, float]:
        """Return all parameters at u."""
        values = dict(self.initial)
        for name, coordinate in zip(self.varied, u, strict=True):
            if name == "t2":
                continue
            positive = name in POSITIVE
            values[name] = float(np.exp(coordinate) if positive else coordinate * self.scales[name])
        if "t2" in self.varied:
            share = float(np.exp(min(u[self.varied.index("t2")], 0.0)))
            values["t2"] = 2 * values["t1"] * share
        return values

    def jacobian(self, u: FloatArray) -> FloatArray:
        """Return ∂p/∂u of the varied parameters, shape (K, K)."""
        values = self.parameters(u)
        matrix = np.diag(
            [values[name] if name in POSITIVE else self.scales[name] for name in self.varied]
        )
        if "t1" in self.varied and "t2" in self.varied:
            matrix[self.varied.index("t2"), self.varied.index("t1")] = values["t2"]
        return matrix

    def _coordinate(self, name: str, values: Mapping[str, float]) -> float:
        if name == "t2":
            return float(min(np.log(values["t2"] / (2 * values["t1"])), 0.0))
        return float(np.log(values[name]) if name in POSITIVE else values[name] / self.scales[name])


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a search ended: u, weighted residuals, their derivatives, evaluations of the model."""

    u: FloatArray
    residuals: FloatArray
    jacobian: FloatArray
    evaluations: int
    converged: bool

    @property
    def chi_square(self) -> float:
        """Σ residuals²."""
        return float(self.residuals @ self.residuals)


def minimise(model: Model, data: Measurement, coordinates: Coordinates, most: int) -> Minimum:
    """Return the nearest minimum of χ²; `most` limits the steps of the search."""
    lmfit = require("lmfit", "fit", "A fit")
    weight = 1.0 if data.error is None else 1 / data.error
    count = 0

    def residual(u: FloatArray) -> FloatArray:
        nonlocal count
        count += 1
        return np.asarray((model(coordinates.parameters(u)) - data.population) * weight)

    lower, upper = coordinates.bounds()

    def derivative(u: FloatArray) -> FloatArray:
        columns = []
        for index in range(u.size):
            ends = np.stack([u, u])
            ends[:, index] += (-_STEP, _STEP)
            ends = np.clip(ends, lower, upper)
            width = ends[1, index] - ends[0, index]
            columns.append((residual(ends[1]) - residual(ends[0])) / width)
        return np.stack(columns, axis=-1)

    start = np.clip(coordinates.start(), lower + _AT_LIMIT, upper - _AT_LIMIT)
    parameters = lmfit.Parameters()
    for name, value, low, high in zip(coordinates.varied, start, lower, upper, strict=True):
        parameters.add(name, value=value, min=low, max=high)

    def vector(values: Any) -> FloatArray:
        return np.array([values[name].value for name in coordinates.varied])

    with np.errstate(all="ignore"):
        usable = bool(np.isfinite(np.sum(residual(start) ** 2)))
    if not usable:
        raise fail("data", "have errors that residuals can be divided by", "they are too small")
    outcome = lmfit.Minimizer(
        lambda values: residual(vector(values)), parameters, max_nfev=10**9
    ).minimize(
        method="least_squares",
        jac=lambda values: derivative(vector(values)),
        max_nfev=most,
        ftol=_LOOSE**1.5,
        xtol=_LOOSE,
        gtol=_LOOSE**2,
    )
    u = vector(outcome.params)
    return Minimum(u, residual(u), derivative(u), count, bool(outcome.success))


def report(
    name: str, model: Model, data: Measurement, coordinates: Coordinates, minimum: Minimum
) -> FitResult:
    """Return the result at a minimum, with uncertainties and notes."""
    values = coordinates.parameters(minimum.u)
    prediction = model(values)
    freedom = len(data) - minimum.u.size
    spread = 1.0 if data.error is not None else float(np.sqrt(minimum.chi_square / freedom))
    singular, directions = np.linalg.svd(minimum.jacobian, full_matrices=False)[1:]
    known = singular > _SINGULAR * max(float(singular[0]), spread)
    inverse = np.zeros(singular.size)
    inverse[known] = spread / singular[known]
    change = coordinates.jacobian(minimum.u)
    root = change @ directions.T * inverse
    covariance = root @ root.T
    # An infinite deviation along one direction leaves every parameter that it moves unknown.
    moved = np.abs(change @ directions[~known].T).max(axis=1, initial=0.0)
    unknown = moved > 1e-3 * np.abs(change).max(axis=1)
    covariance[unknown, :] = covariance[:, unknown] = np.inf

    deviations = np.where(known, inverse, np.inf)
    sizes = [
        abs(values[name]) if name in POSITIVE else coordinates.scales[name]
        for name in coordinates.varied
    ]
    loose = (change @ directions[deviations > _UNDETERMINED].T).T / sizes
    notes = [_undetermined(coordinates.varied, direction) for direction in loose]
    notes += _ran_out(coordinates, minimum.u)
    determined = not notes
    widths = np.sqrt(np.sum((directions.T * inverse) ** 2, axis=1))
    if "t2" in coordinates.varied:
        index = coordinates.varied.index("t2")
        width = widths[index] if widths[index] < _UNDETERMINED else 0.0  # that has its own note
        if minimum.u[index] > -max(10 * _AT_LIMIT, width):
            notes.append(
                "`t2` reaches its limit 2·`t1` within its error: no pure dephasing is seen"
            )
    if not minimum.converged:
        notes.append("the search stopped before it converged; give better starting values")
    if data.error is not None:
        notes += _goodness(minimum.chi_square, freedom)
    errors = dict(zip(coordinates.varied, np.sqrt(np.diag(covariance)), strict=True))
    parameters = {
        key: FittedParameter(key, value, float(errors.get(key, 0.0)), key in errors)
        for key, value in values.items()
    }
    difference = data.population - prediction
    return FitResult(
        model=name,
        data=data,
        parameters=parameters,
        varied=coordinates.varied,
        covariance=covariance,
        prediction=prediction,
        residuals=difference if data.error is None else difference / data.error,
        chi_square=minimum.chi_square,
        degrees_of_freedom=freedom,
        evaluations=minimum.evaluations,
        determined=determined,
        warnings=tuple(dict.fromkeys(notes)),
    )


def _undetermined(varied: tuple[str, ...], direction: FloatArray) -> str:
    """Return the note on relative changes of the parameters that leave the model as it is."""
    share = np.abs(direction) / np.abs(direction).max()
    names = [f"`{n}`" for n, s in zip(varied, share, strict=True) if s > 0.15]
    if len(names) == 1:
        return f"the data do not determine {names[0]}"
    together = ", ".join(names[:-1]) + " and " + names[-1]
    return f"the data do not determine {together} separately, only a combination: hold one fixed"


def _ran_out(coordinates: Coordinates, u: FloatArray) -> list[str]:
    lower, upper = coordinates.bounds()
    return [
        f"`{name}` ran to the end of its range"
        for name, at, low, high in zip(coordinates.varied, u, lower, upper, strict=True)
        if at < low + 10 * _AT_LIMIT or (at > high - 10 * _AT_LIMIT and name != "t2")
    ]


def _goodness(chi_square: float, freedom: int) -> list[str]:
    from scipy.special import gammainc, gammaincc

    if gammaincc(0.5 * freedom, 0.5 * chi_square) < _IMPROBABLE:
        return ["χ² is too large: the model or the stated errors do not describe the data"]
    if gammainc(0.5 * freedom, 0.5 * chi_square) < _IMPROBABLE:
        return ["χ² is too small: the stated errors look too large"]
    return []
