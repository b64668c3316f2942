"""Maximum likelihood with exact derivatives, in coordinates in which it is well conditioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing.fits import _likelihood
from anticrossing.fits._doubts import goodness, undetermined
from anticrossing.fits._parameters import AT_LIMIT, Coordinates
from anticrossing.fits._problem import Problem
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.result import FitResult, FittedParameter

_SINGULAR = 1e-6  # relative singular values below this are noise
_UNDETERMINED = 1.0  # a deviation of one e-folding or one natural unit: anything goes
_LOOSE = 1e-6  # relative changes at which the search stops


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a search ended: u, residuals, root of the information, evaluations of the model."""

    u: FloatArray
    residuals: FloatArray
    information: FloatArray
    evaluations: int
    converged: bool

    @property
    def chi_square(self) -> float:
        """Σ residuals²."""
        return float(self.residuals @ self.residuals)


def minimise(problem: Problem, most: int, loose: float = _LOOSE) -> Minimum:
    """Return the nearest minimum of χ²; `most` limits the steps of the search."""
    from scipy.optimize import least_squares

    coordinates = problem.coordinates
    seen: dict[bytes, tuple[FloatArray, FloatArray, FloatArray]] = {}
    count = 0

    def at(u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        nonlocal count
        key = u.tobytes()
        if key not in seen:
            count += 1
            seen.clear()
            seen[key] = problem.residuals(u)
        return seen[key]

    lower, upper = coordinates.bounds()
    room = np.minimum(AT_LIMIT, 0.25 * (upper - lower))
    start = np.clip(coordinates.start(), lower + room, upper - room)
    with np.errstate(all="ignore"):
        usable = bool(np.isfinite(np.sum(at(start)[0] ** 2)))
    if not usable:
        raise fail("data", "have errors that residuals can be divided by", "they are too small")
    outcome = least_squares(
        lambda u: at(u)[0],
        start,
        jac=lambda u: at(u)[1],
        bounds=(lower, upper),
        max_nfev=most,
        ftol=loose**1.5,
        xtol=loose,
        gtol=loose**2,
    )
    u = np.asarray(outcome.x)
    final, _, information = at(u)
    return Minimum(u, final, information, count, bool(outcome.success))


def nearest(problem: Problem, most: int, loose: float) -> Problem:
    """Return the problem with its starting values moved to the nearest minimum."""
    space = problem.coordinates
    found = space.parameters(minimise(problem, most, loose).u)
    return replace(problem, coordinates=replace(space, initial=found))


def report(problem: Problem, minimum: Minimum, units: Mapping[str, str] | None = None) -> FitResult:
    """Return the result at a minimum, with uncertainties and notes."""
    coordinates, data = problem.coordinates, problem.data
    values = coordinates.parameters(minimum.u)
    prediction = problem.population(values)
    freedom = len(data) - minimum.u.size
    known_errors = data.error is not None or data.shots is not None
    spread = 1.0 if known_errors else float(np.sqrt(minimum.chi_square / freedom))
    singular, directions = np.linalg.svd(minimum.information, full_matrices=False)[1:]
    known = singular > _SINGULAR * max(float(singular[0]), spread)
    inverse = np.zeros(singular.size)
    inverse[known] = spread / singular[known]
    change = coordinates.jacobian(values)
    root = change @ directions.T * inverse
    covariance = root @ root.T
    # An infinite deviation along one direction leaves every parameter that it moves unknown.
    moved = np.abs(change @ directions[~known].T).max(axis=1, initial=0.0)
    unknown = moved > 1e-3 * np.abs(change).max(axis=1)
    covariance[unknown, :] = covariance[:, unknown] = np.inf

    deviations = np.where(known, inverse, np.inf)
    sizes = [coordinates.size(name, values) for name in coordinates.varied]
    loose = (change @ directions[deviations > _UNDETERMINED].T).T / sizes
    notes = [undetermined(coordinates.varied, direction) for direction in loose]
    notes += _ran_out(coordinates, minimum.u)
    if not known_errors and np.ptp(data.population) == 0:
        # Errors scaled to residuals that vanish would be as small as the search is exact.
        notes.append("all populations are the same and have no errors: they tell a limit at most")
    determined = not notes
    widths = np.sqrt(np.sum((directions.T * inverse) ** 2, axis=1))
    if "t2" in coordinates.varied:
        index = coordinates.varied.index("t2")
        width = widths[index] if widths[index] < _UNDETERMINED else 0.0  # that has its own note
        if minimum.u[index] > -max(10 * AT_LIMIT, width):
            notes.append(
                "`t2` reaches its limit 2·`t1` within its error: no pure dephasing is seen"
            )
    if not minimum.converged:
        notes.append("the search stopped before it converged; give better starting values")
    if known_errors:
        notes += _goodness(minimum.chi_square, freedom, prediction, data)
    errors = dict(zip(coordinates.varied, np.sqrt(np.diag(covariance)), strict=True))
    parameters = {
        key: FittedParameter(
            key, value, float(errors.get(key, 0.0)), key in errors, (units or {}).get(key, "")
        )
        for key, value in values.items()
    }
    return FitResult(
        model=problem.model.name,
        data=data,
        parameters=parameters,
        varied=coordinates.varied,
        covariance=covariance,
        prediction=prediction,
        residuals=-minimum.residuals,
        chi_square=minimum.chi_square,
        degrees_of_freedom=freedom,
        evaluations=minimum.evaluations,
        determined=determined,
        warnings=tuple(dict.fromkeys(notes)),
        problem=problem,
    )


def _ran_out(coordinates: Coordinates, u: FloatArray) -> list[str]:
    lower, upper = coordinates.bounds()
    limited = ("t2", "false_positive", "false_negative")  # their limits have a meaning
    return [
        f"`{name}` ran to the end of its range"
        for name, at, low, high in zip(coordinates.varied, u, lower, upper, strict=True)
        if (at < low + 10 * AT_LIMIT and name not in limited[1:])
        or (at > high - 10 * AT_LIMIT and name not in limited[:1])
    ]


def _goodness(
    chi_square: float, freedom: int, prediction: FloatArray, data: Measurement
) -> list[str]:
    expected = float(freedom)
    if data.shots is not None:
        # With few counts the deviance is no χ²: its own mean and variance, point by point.
        mean, variance = _likelihood.deviance_moments(prediction, data.shots)
        expected = freedom / len(data) * mean
        chi_square = freedom + (chi_square - expected) * np.sqrt(2 * len(data) / variance)
    return goodness(chi_square, freedom)
