"""The search for coefficients: sequential quadratic programming, from several starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from anticrossing._core.checks import FloatArray, InputError
from anticrossing.control._problem import Problem
from anticrossing.control._shapes import Limits

_BELOW = 0.9  # of the goal, at which a start is good enough
_FLOOR = 0.1  # of the goal, added before logarithms are taken
_PRECISION = 1e-7  # of the logarithm of the infidelity
_STEPS = 0.1  # of the goal, by which finer steps may change the answer
_FEASIBLE = 1e-9
_FINER = 6


@dataclass
class Best:
    """The best drive so far.

    Attributes
    ----------
    coefficients, phases : array
    values : array, shape (P,)
        Infidelities.
    figure : float
        What counts of them.
    evaluations : int
    starts : list of float
        What each start reached.
    problem : Problem
        With steps that were fine enough.
    """

    problem: Problem
    coefficients: FloatArray
    phases: FloatArray
    values: FloatArray = field(default_factory=lambda: np.ones(1))
    figure: float = np.inf
    evaluations: int = 0
    starts: list[float] = field(default_factory=list)


class _Enough(Exception):
    """The goal is reached, or nothing is left to spend."""


def search(
    problem: Problem,
    limits: Limits,
    trials: FloatArray,
    weights: FloatArray | None,
    *,
    scale: float,
    goal: float,
    evaluations: int,
) -> Best:
    """Return the best of the searches that begin with each of the trial coefficients."""
    best = Best(problem, trials[0], np.zeros(problem.ensemble.target.phases))
    for trial in trials:
        found = _from(problem, limits, trial, weights, scale, goal, evaluations)
        best.evaluations += found.evaluations
        best.starts.append(found.figure)
        if found.figure < best.figure:
            found.evaluations, found.starts = best.evaluations, best.starts
            best = found
        problem = best.problem
        if best.figure <= goal:
            break
    return best


def _from(
    problem: Problem,
    limits: Limits,
    trial: FloatArray,
    weights: FloatArray | None,
    scale: float,
    goal: float,
    evaluations: int,
) -> Best:
    """Return what one start reaches, with steps as fine as its answer needs."""
    target = problem.ensemble.target
    phases = target.first_phases(problem.asked, problem.final(trial))
    best = Best(problem, trial, phases)
    for _ in range(_FINER):
        best.figure = np.inf
        _descend(best, limits, weights, scale, goal, evaluations)
        finer = best.problem.finer()
        values = finer.value(best.coefficients, best.phases)[0]
        figure = figure_of(values, weights)
        apart = abs(figure - best.figure)
        if apart <= _STEPS * max(goal, min(figure, best.figure)):
            best.values, best.figure = values, figure
            return best
        best.problem = finer
    return best


def figure_of(values: FloatArray, weights: FloatArray | None) -> float:
    """Return the mean of infidelities, or the worst where there are no weights."""
    return float(values.max() if weights is None else values @ weights)


def _descend(
    best: Best,
    limits: Limits,
    weights: FloatArray | None,
    scale: float,
    goal: float,
    evaluations: int,
) -> None:
    """Improve the best drive; variables are coefficients in units of `scale`, phases, the worst."""
    problem = best.problem
    count, free = problem.shape.count, best.phases.size
    matrix, bound = problem.shape.conditions(limits)
    floor = _FLOOR * goal
    spent = 0
    kept: list[tuple[FloatArray, FloatArray, FloatArray]] = []

    def at(v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return logarithms of infidelities and their derivatives."""
        nonlocal spent
        inner = v[: count + free]
        if not kept or not np.array_equal(kept[-1][0], inner):
            if spent >= evaluations:
                raise _Enough
            spent += 1
            best.evaluations += 1
            coefficients, phases = scale * inner[:count], inner[count:]
            values, slopes = problem.value(coefficients, phases)
            slopes[:, :count] *= scale
            kept[:] = [(inner.copy(), values, slopes)]
            figure = figure_of(values, weights)
            inside = np.all(matrix @ coefficients <= bound + _FEASIBLE * scale)
            if inside and figure < best.figure:
                best.coefficients, best.phases = coefficients, phases.copy()
                best.values, best.figure = values, figure
                if figure <= _BELOW * goal:
                    raise _Enough
        _, values, slopes = kept[-1]
        return values, slopes

    begin = np.concatenate([best.coefficients / scale, best.phases])
    try:
        if weights is None:
            _least_worst(at, begin, matrix, bound / scale, floor, evaluations)
        else:
            _least_mean(at, begin, matrix, bound / scale, floor, evaluations, weights)
    except _Enough:
        pass
    if not np.isfinite(best.figure):
        raise InputError("The bounds must leave room for a drive, but no drive obeys them all.")


_At = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def _least_worst(
    at: _At, begin: FloatArray, matrix: FloatArray, bound: FloatArray, floor: float, most: int
) -> None:
    """Minimise s with log(infidelity + floor) ≤ s at every point, s being one more variable."""
    from scipy.optimize import LinearConstraint, minimize

    size = begin.size
    last = np.zeros(size + 1)
    last[-1] = 1.0

    def room(v: FloatArray) -> FloatArray:
        return np.asarray(v[-1] - np.log(at(v[:-1])[0] + floor))

    def slopes(v: FloatArray) -> FloatArray:
        values, by = at(v[:-1])
        return np.hstack([-by / (values + floor)[:, None], np.ones((values.size, 1))])

    conditions: list[object] = [{"type": "ineq", "fun": room, "jac": slopes}]
    if matrix.size:
        whole = np.zeros((matrix.shape[0], size + 1))
        whole[:, : matrix.shape[1]] = matrix
        conditions.append(LinearConstraint(whole, -np.inf, bound))
    worst = float(np.log(np.max(at(begin)[0]) + floor))
    minimize(
        lambda v: float(v[-1]),
        np.append(begin, worst),
        jac=lambda v: last,
        method="SLSQP",
        constraints=conditions,
        options={"maxiter": most, "ftol": _PRECISION},
    )


def _least_mean(
    at: _At,
    begin: FloatArray,
    matrix: FloatArray,
    bound: FloatArray,
    floor: float,
    most: int,
    weights: FloatArray,
) -> None:
    """Minimise the logarithm of the mean."""
    from scipy.optimize import LinearConstraint, minimize

    whole = np.zeros((matrix.shape[0], begin.size))
    whole[:, : matrix.shape[1]] = matrix

    def logarithm(v: FloatArray) -> tuple[float, FloatArray]:
        values, by = at(v)
        total = float(values @ weights) + floor
        return float(np.log(total)), weights @ by / total

    minimize(
        logarithm,
        begin,
        jac=True,
        method="SLSQP",
        constraints=[LinearConstraint(whole, -np.inf, bound)] if matrix.size else [],
        options={"maxiter": most, "ftol": _PRECISION},
    )
