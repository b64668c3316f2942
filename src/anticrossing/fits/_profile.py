"""Intervals of one parameter by the profile of the likelihood, the other parameters refitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from anticrossing._core.checks import ConvergenceError
from anticrossing.fits._least_squares import minimise
from anticrossing.fits._parameters import ERRORS, FARTHEST, MOST_ERROR, POSITIVE
from anticrossing.fits._problem import Problem

_MOST_STEPS = 80
_WIDER, _EXACT = 1.6, 1e-3  # of a distance that was too short; of a standard deviation
_BETTER = 1e-2  # in χ²: what may be below the minimum that was found


@dataclass(frozen=True)
class Profile:
    """The likelihood along one parameter, from its maximum on; of data with `spread` errors."""

    problem: Problem
    values: Mapping[str, float]
    name: str
    error: float
    spread: float

    def end(self, wanted: float, side: int) -> float:
        """Return where √Δχ² reaches `wanted` on a side, −1 or 1; a limit where it never does."""
        from scipy.optimize import brentq

        space, logarithmic = self.problem.coordinates, self.name in POSITIVE
        value = self.values[self.name]
        # A positive parameter goes by its logarithm, as in the fit.
        middle, unit = (np.log(value), value) if logarithmic else (value, 1.0)
        natural = 1.0 if logarithmic else space.scale(self.name)
        step = min(self.error / unit, natural)
        limit = self._limit(side)
        last = middle + side * FARTHEST * natural
        if (np.isfinite(limit) and limit != 0) or self.name in ERRORS:
            last = np.log(limit) if logarithmic else limit
        least = float(self.problem.deviance(self.values))
        best = dict(self.values)

        def rise(at: float) -> float:
            nonlocal best
            if at == middle:
                return -wanted
            best, chi_square = self._refitted(best, float(np.exp(at)) if logarithmic else at)
            if chi_square < least - _BETTER * self.spread**2:
                text = ", ".join(f"{n}={best[n]:.6g}" for n in space.varied)
                raise ConvergenceError(f"The fit did not find the lowest χ²: start it from {text}.")
            return float(np.sqrt(max(chi_square - least, 0.0))) / self.spread - wanted

        near, away = middle, wanted * step
        while True:
            far = middle + side * min(away, abs(last - middle))
            if far == near or ((reached := rise(far)) < 0 and far == last):
                return limit
            if reached >= 0:
                break
            near, away = far, _WIDER * away
        root = brentq(rise, near, far, xtol=_EXACT * step, rtol=1e-12)
        return float(np.exp(root) if logarithmic else root)

    def _refitted(self, start: Mapping[str, float], at: float) -> tuple[dict[str, float], float]:
        """Return the parameters with the one held there and the others fitted, and their χ²."""
        held, space = {**start, self.name: at}, self.problem.coordinates
        others = tuple(one for one in space.varied if one != self.name)
        there = replace(self.problem, coordinates=replace(space, initial=held, varied=others))
        if not others:
            return held, float(self.problem.deviance(held))
        found = minimise(there, _MOST_STEPS)
        return there.coordinates.parameters(found.u), found.chi_square

    def _limit(self, side: int) -> float:
        """Return how far the parameter can go at all."""
        values, varied = self.values, self.problem.coordinates.varied
        if self.name in ERRORS:
            return MOST_ERROR if side > 0 else 0.0
        if self.name == "t2" and side > 0 and "t1" not in varied:
            return 2 * values["t1"]
        if self.name == "t1" and side < 0 and "t2" in values and "t2" not in varied:
            return 0.5 * values["t2"]
        return side * np.inf if side > 0 or self.name not in POSITIVE else 0.0
