"""A fit of an interferogram with exact derivatives against the same with differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from benchmarks.timing import best_of
from scipy.optimize import least_squares

from anticrossing.fits import _likelihood, fit_interferogram, synthetic_interferogram
from anticrossing.fits._least_squares import minimise
from anticrossing.fits._problem import Problem

QUBIT = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5, "offset_shift": 0.4}
START = {"gap": 3.0, "t1": 30.0, "t2": 5.0, "amplitude_scale": 0.47, "offset_shift": 0.0}
WARM = {"temperature": 6.0}
STEP = 1e-3  # of differences; of fourth order they have the error of exact derivatives
NOISE = 1e-9  # of the model behind differences: it enters divided by the step
ROUNDS = {"diabatic": 5, "adiabatic": 1}
TARGET = {"diabatic": 10.0, "adiabatic": 7.0}  # measured: 19, 11


def differences(problem: Problem, order: int) -> Any:
    """Fit with central differences, with the same model, bounds and tolerances."""
    space, data = problem.coordinates, problem.data
    quiet: Any = problem.model
    quiet = replace(quiet, tolerance=NOISE)
    lower, upper = space.bounds()

    def residual(u: np.ndarray) -> np.ndarray:
        q = quiet(space.parameters(np.clip(u, lower, upper)), data.coordinates)[0]
        return _likelihood.residuals(q, data)[0]

    def jacobian(u: np.ndarray) -> np.ndarray:
        columns = []
        for k in range(u.size):
            shift = STEP * np.eye(u.size)[k]
            column = (residual(u + shift) - residual(u - shift)) / (2 * STEP)
            if order == 4:
                wide = (residual(u + 2 * shift) - residual(u - 2 * shift)) / (4 * STEP)
                column = (4 * column - wide) / 3
            columns.append(column)
        return np.stack(columns, axis=-1)

    return least_squares(
        residual,
        space.start(),
        jac=jacobian,
        bounds=(lower, upper),
        ftol=1e-9,
        xtol=1e-6,
        gtol=1e-12,
    )


@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
def test_exact_derivatives_against_differences(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], basis: str
) -> None:
    small = {"offsets": 21, "amplitudes": 9} if basis == "adiabatic" else {}
    options: dict[str, Any] = {"measured": "upper", "frequency": 7.54}
    if basis == "adiabatic":
        options |= {"basis": basis, "readout": "diabatic"}
    data = synthetic_interferogram(seed=1, **QUBIT, **WARM, **options, **small)
    names = (*QUBIT, "temperature")
    start = {**START, "temperature": 4.0}
    found = fit_interferogram(data, **start, vary=names, search=False, **options)
    problem = found.problem
    space = problem.coordinates

    def exact() -> Any:
        return minimise(problem, 80)

    outcome, other = benchmark.pedantic(exact, rounds=1, warmup_rounds=1), differences(problem, 4)
    ours = space.parameters(outcome.u)
    theirs = space.parameters(other.x)
    own, else_, plain = best_of(
        [exact, lambda: differences(problem, 4), lambda: differences(problem, 2)], ROUNDS[basis]
    )
    report(
        f"fit of six parameters to {len(data)} points, {basis}",
        {
            "exact derivatives (s)": own.wall,
            "differences of fourth order (s)": else_.wall,
            "ratio": else_.wall / own.wall,
            "of second order": plain.wall / own.wall,
            "apart (errors)": max(abs(ours[n] - theirs[n]) / found[n].error for n in names),
        },
    )
    assert max(abs(ours[n] - theirs[n]) / found[n].error for n in names) < 0.01
    assert else_.wall / own.wall > TARGET[basis]
