"""Maximum likelihood with exact derivatives, in coordinates in which it is well conditioned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing.fits._parameters import AT_LIMIT
from anticrossing.fits._problem import Problem

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
