"""From the minimum of χ² to a result: errors, and what stands against trusting them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.fits import _likelihood, _quality
from anticrossing.fits._curvature import curved, of_problem
from anticrossing.fits._least_squares import Minimum
from anticrossing.fits._parameters import AT_LIMIT, ERRORS, Coordinates
from anticrossing.fits._problem import Problem
from anticrossing.fits.fitted import FittedParameter
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.result import FitResult

_SINGULAR = 1e-6  # relative singular values below this are noise
_NEAR = 10 * AT_LIMIT  # an end of a range


def report(problem: Problem, minimum: Minimum, units: Mapping[str, str] | None = None) -> FitResult:
    """Return the result at a minimum, with uncertainties and notes."""
    coordinates, data = problem.coordinates, problem.data
    names = coordinates.varied
    values = coordinates.parameters(minimum.u)
    prediction = problem.population(values)
    freedom = len(data) - minimum.u.size
    spread = 1.0 if data.weighed else float(np.sqrt(minimum.chi_square / freedom))
    told = _quality.determine(
        names,
        minimum.information,
        coordinates.jacobian(values),
        np.array([coordinates.size(name, values) for name in names]),
        singular=_SINGULAR,
        spread=spread,
    )
    notes = told.notes + _ran_out(coordinates, minimum.u)
    if not data.weighed and np.ptp(data.population) == 0:
        # Errors scaled to residuals that vanish would be as small as the search is exact.
        notes.append("all populations are the same and have no errors: they tell a limit at most")
    determined = not notes
    notes += _at_its_limit(names, minimum.u, told.inner)
    if not minimum.converged:
        notes.append("the search stopped before it converged; give better starting values")
    pulls = np.where(told.unknown, 0.0, of_problem(problem, values, told.root, spread))
    notes += curved(names, pulls, "take the `interval`") if determined else []
    if data.weighed:
        notes += _goodness(minimum.chi_square, freedom, prediction, data)
    if spread > 0:
        notes += _quality.far_off(minimum.residuals / spread, freedom, data.weighed)
        notes += _quality.together(minimum.residuals / spread, data.coordinates)
    errors = dict(zip(names, np.sqrt(np.diag(told.covariance)), strict=True))
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
        varied=names,
        covariance=told.covariance,
        prediction=prediction,
        residuals=-minimum.residuals,
        chi_square=minimum.chi_square,
        degrees_of_freedom=freedom,
        evaluations=minimum.evaluations,
        determined=determined,
        warnings=tuple(dict.fromkeys(notes)),
        expected_pulls=pulls,
        problem=problem,
    )


def _ran_out(coordinates: Coordinates, u: FloatArray) -> list[str]:
    names, (lower, upper) = coordinates.varied, coordinates.bounds()
    # These limits have a meaning.
    lower = np.where(np.isin(names, ERRORS), -np.inf, lower)
    upper = np.where(np.isin(names, "t2"), np.inf, upper)
    return _quality.ran_out(names, u, lower, upper, np.full(u.size, _NEAR))


def _at_its_limit(names: tuple[str, ...], u: FloatArray, inner: FloatArray) -> list[str]:
    if "t2" not in names:
        return []
    index = names.index("t2")
    width = float(np.sqrt(np.sum(inner[index] ** 2)))
    width = width if width < 1.0 else 0.0  # that has its own note
    if u[index] <= -max(_NEAR, width):
        return []
    return ["`t2` reaches its limit 2·`t1` within its error: no pure dephasing is seen"]


def _goodness(
    chi_square: float, freedom: int, prediction: FloatArray, data: Measurement
) -> list[str]:
    if data.shots is not None:
        # With few counts the deviance is no χ²: its own mean and variance, point by point.
        mean, variance = _likelihood.deviance_moments(prediction, data.shots)
        expected = freedom / len(data) * mean
        chi_square = freedom + (chi_square - expected) * np.sqrt(2 * len(data) / variance)
    return _quality.goodness(chi_square, freedom)
