"""From candidate assignments to a result: the last minimum, covariance, and what is doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from anticrossing._core.checks import FloatArray
from anticrossing.fits import _assignment, _quality
from anticrossing.fits._assignment import Candidate, IntArray, Question
from anticrossing.fits._curvature import Slopes, curved, expected_pulls
from anticrossing.fits._level_passages import READ_OUT, Passages
from anticrossing.fits._transitions import CALIBRATION
from anticrossing.fits.fitted import FittedParameter
from anticrossing.fits.levels_result import LevelFit, OtherAssignment
from anticrossing.fits.lines import Lines

_CLOSE = 10.0  # ln odds: answers that are less probable by more are not told
_MOST_TOLD = 3
_SAME_SPECTRUM = 0.3  # of an error, root mean square
_SAME_VALUES = 3.0  # errors
_FEW_MOVED = 0.03  # of the lines
_ROUNDS = 5  # of the last assignments
_FLIPPED = 1e-3  # of an error
_SINGULAR = 1e-9  # of the largest singular value: exact derivatives
_MANY_OUTLIERS = 3.0  # times the share that was expected
_TOO_NEAR, _MANY_NEAR = 2.0, 0.1  # errors between two transitions, and share of such lines
_RESCALED, _RESCALED_ENOUGH = 4, 1e-6  # times that unknown errors are taken from the scatter
_LEAST_ERROR = 1e-9  # of the error before
_ENOUGH = 10.0  # of ln evidence over nothing but outliers


@dataclass(frozen=True, eq=False)
class _Task:
    """What is fitted, and where it begins."""

    question: Question
    passages: Passages | None
    first: Mapping[str, float]
    varied: tuple[str, ...]

    def named(self, values: FloatArray) -> dict[str, float]:
        return {**self.first, **dict(zip(self.varied, map(float, values), strict=True))}

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        extra = len(self.varied) - self.question.guess.size
        free = np.full(extra, np.inf)
        lower = np.concatenate([self.question.lower, -free])
        return lower, np.concatenate([self.question.upper, free])

    def evaluate(self, values: FloatArray, assigned: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return all residuals and the derivatives of the model over the errors."""
        count = self.question.guess.size
        own = values[:count]
        frequencies, slopes = self.question.transitions.with_derivatives(own[None])
        residuals, jacobian = _assignment.pulled(
            self.question, own, assigned, frequencies[0], slopes[0]
        )
        extra = len(self.varied) - count
        jacobian = np.pad(jacobian, ((0, 0), (0, extra)))
        if self.passages is not None:
            more, derived = self.passages.residuals(self.named(values))
            residuals = np.concatenate([residuals, more])
            jacobian = np.concatenate([jacobian, derived])
        return residuals, jacobian


@dataclass(frozen=True, eq=False)
class _Answer:
    """A candidate at the minimum of all data."""

    values: FloatArray
    assigned: IntArray
    residuals: FloatArray
    jacobian: FloatArray
    evidence: float
    stretch: float
    converged: bool

    @property
    def chi_square(self) -> float:
        return float(self.residuals @ self.residuals)


def fit(
    question: Question,
    lines: Lines,
    passages: Passages | None,
    first: Mapping[str, float],
    varied: tuple[str, ...],
    random: np.random.Generator,
    starts: int,
) -> LevelFit:
    """Return the best answer with its doubts."""
    task = _Task(question, passages, first, varied)
    found = [_towards_guess(question, one) for one in _assignment.search(question, random, starts)]
    different = _different(question, found)
    near = [one for one in different if different[0].evidence - one.evidence < _told(passages)]
    extra = [first[name] for name in varied if name in READ_OUT]
    answers = [
        _minimum(task, np.array([*one.values, *extra]), one.assigned)
        for one in near[: _MOST_TOLD + 1]
    ]
    answers.sort(key=lambda one: -one.evidence)
    if lines.error is None:
        task, answers = _with_errors(task, answers)
    return _report(task, lines, answers)


def _told(passages: Passages | None) -> float:
    """Return how much less probable answers are kept: passages may yet decide."""
    return _CLOSE if passages is None else 10 * _CLOSE


def _towards_guess(question: Question, one: Candidate) -> Candidate:
    """Return the answer with the signs of the guess, where the spectrum does not tell them."""
    model, values = question.transitions, one.values
    before = model.frequencies(values[None])
    for k, name in enumerate(model.varied):
        wanted = question.guess[k] or 1.0
        if name not in model.hamiltonian.parameters or values[k] * wanted >= 0:
            continue
        tried = values.copy()
        tried[k] = -tried[k]
        if not question.lower[k] <= tried[k] <= question.upper[k]:
            continue
        moved = np.abs(model.frequencies(tried[None]) - before)
        if np.nanmax(moved) < _FLIPPED * np.min(question.error):
            values = tried
    if values is one.values:
        return one
    return _assignment.weighed(question, values, one.assigned, one.stretch)


def _different(question: Question, found: list[Candidate]) -> list[Candidate]:
    """Return the answers that differ, the best first; of equals the one nearest to the guess."""
    best: list[Candidate] = []
    for one in found:
        for number, other in enumerate(best):
            if _same(question, one, other):
                if one.evidence > other.evidence:
                    best[number] = one
                break
        else:
            best.append(one)
    return sorted(best, key=lambda one: -one.evidence)


def _same(question: Question, one: Candidate, other: Candidate) -> bool:
    """Whether two answers are one: the same parameters, and the same spectrum or assignments."""
    scaled = other.jacobian * question.spread / other.stretch
    size = scaled @ ((one.values - other.values) / question.spread)
    singular = np.linalg.svd(_padded(scaled), compute_uv=False)
    away = float(np.sqrt(size @ size))  # in errors, along what the lines determine
    if singular[-1] > _SINGULAR * singular[0] and away < _SAME_VALUES:
        return True
    inside = other.assigned >= 0
    if not np.any(inside):
        return not np.any(one.assigned >= 0)
    column, chosen = question.column[inside], other.assigned[inside]
    both = question.transitions.frequencies(np.stack([one.values, other.values]))
    apart = (both[0] - both[1])[column, chosen] / (other.stretch * question.error[inside])
    alike = float(np.sqrt(np.mean(apart**2))) < _SAME_SPECTRUM
    few = np.count_nonzero(one.assigned != other.assigned)
    if alike and few <= max(1.0, _FEW_MOVED * one.assigned.size):
        return bool(singular[-1] <= _SINGULAR * singular[0] or away < _SAME_VALUES)
    return False


def _minimum(task: _Task, values: FloatArray, assigned: IntArray) -> _Answer:
    """Return the answer at the minimum of lines, priors and passages together."""
    question = task.question
    count = question.guess.size
    lower, upper = task.bounds()
    scale = np.concatenate([question.spread, np.ones(values.size - count)])
    converged, stretch = True, 1.0
    for _ in range(_ROUNDS):
        start = np.clip(values, lower, upper)
        if not task.evaluate(start, assigned)[0].size:  # nothing but outliers
            break
        found = least_squares(
            lambda p, lines=assigned: -task.evaluate(p, lines)[0],
            start,
            jac=lambda p, lines=assigned: task.evaluate(p, lines)[1],
            bounds=(lower, upper),
            x_scale=scale,
            xtol=1e-10,
            ftol=1e-12,
            gtol=1e-12,
            max_nfev=100,
        )
        values, converged = found.x, bool(found.success)
        frequencies = question.transitions.frequencies(values[None, :count])[0]
        stretch = _assignment.scatter(question, frequencies)
        again = _assignment.assign(question, frequencies, stretch)
        if np.array_equal(again, assigned):
            break
        assigned = again
    weighed = _assignment.weighed(question, values[:count], assigned, stretch)
    residuals, jacobian = task.evaluate(values, assigned)
    evidence = weighed.evidence
    if task.passages is not None:
        more = residuals[weighed.residuals.size :]
        evidence -= 0.5 * float(more @ more)
    return _Answer(values, assigned, residuals, jacobian, evidence, stretch, converged)


def _with_errors(task: _Task, answers: list[_Answer]) -> tuple[_Task, list[_Answer]]:
    """Return the answers with errors that are taken from the scatter of the lines."""
    for _ in range(_RESCALED):
        best, question = answers[0], task.question
        count = int(np.count_nonzero(best.assigned >= 0))
        lines = best.residuals[:count]
        freedom = max(count - best.values.size, 1)
        size = max(float(np.sqrt(lines @ lines / freedom)), _LEAST_ERROR)
        task = replace(task, question=replace(question, error=question.error * size))
        answers = [_minimum(task, one.values, one.assigned) for one in answers]
        answers.sort(key=lambda one: -one.evidence)
        if abs(size - 1) < _RESCALED_ENOUGH:
            break
    return task, answers


def _report(task: _Task, lines: Lines, answers: list[_Answer]) -> LevelFit:
    question, best = task.question, answers[0]
    model, count = question.transitions, question.guess.size
    inside = best.assigned >= 0
    freedom = best.residuals.size - best.values.size
    told = _determination(task, best)
    covariance, notes = told.covariance, told.notes + _ran_out(task, best)
    determined = not notes
    pulls = np.where(told.unknown, 0.0, expected_pulls(_slopes(task, best), told.root))
    if determined:
        notes += curved(task.varied, pulls, "more lines make the errors small enough")
    frequencies = model.frequencies(best.values[None, :count])[0][question.column]
    prediction = np.full(len(lines), np.nan)
    prediction[inside] = frequencies[inside, best.assigned[inside]]
    others = _others(task, answers)
    notes += _doubts(question, best, others, frequencies)
    if lines.error is not None and freedom > 0:
        notes += _quality.goodness(best.chi_square, freedom)
    named = task.named(best.values)
    errors = dict(zip(task.varied, np.sqrt(np.diag(covariance)), strict=True))
    shown = {*model.hamiltonian.parameters, *task.varied}
    shown |= {name for name, usual in CALIBRATION.items() if named[name] != usual}
    if task.passages is not None:
        shown |= set(READ_OUT)
    return LevelFit(
        hamiltonian=model.hamiltonian.replace(**model.of_hamiltonian(best.values[:count])),
        lines=lines,
        parameters={
            name: FittedParameter(name, value, float(errors.get(name, 0.0)), name in errors)
            for name, value in named.items()
            if name in shown
        },
        varied=task.varied,
        covariance=covariance,
        transitions=model.transitions,
        assigned=best.assigned,
        outlier_probability=_outlier_probability(question, frequencies),
        prediction=prediction,
        residuals=(lines.frequency - prediction) / question.error,
        chi_square=best.chi_square,
        degrees_of_freedom=freedom,
        alternatives=others,
        determined=determined,
        expected_pulls=pulls,
        warnings=tuple(dict.fromkeys(notes)),
        model=model,
        passages=None if task.passages is None else task.passages.data,
        passage_residuals=(
            None if task.passages is None else best.residuals[-len(task.passages.data) :]
        ),
    )


def _determination(task: _Task, best: _Answer) -> _quality.Determination:
    """Return the covariance, and notes on combinations that the data do not determine."""
    extra = len(task.varied) - task.question.guess.size
    spread = np.where(task.question.known, 2.0, 1.0) * task.question.spread  # known as it was: fine
    scale = np.concatenate([spread, np.ones(extra)])  # beyond it no less than before the fit
    return _quality.determine(
        task.varied, best.jacobian * scale, np.diag(scale), scale, singular=_SINGULAR
    )


def _slopes(task: _Task, best: _Answer) -> Slopes:
    """Return the derivatives over the errors where the parameters of an answer are moved."""

    def at(moved: FloatArray) -> tuple[FloatArray, FloatArray]:
        jacobian = task.evaluate(best.values + moved, best.assigned)[1]
        return jacobian, np.ones(len(jacobian))

    return at


def _padded(jacobian: FloatArray) -> FloatArray:
    """Return derivatives of at least as many data as parameters, further ones of zero."""
    short = max(jacobian.shape[1] - jacobian.shape[0], 0)
    return np.pad(jacobian, ((0, short), (0, 0)))


def _ran_out(task: _Task, best: _Answer) -> list[str]:
    lower, upper = task.bounds()
    extra = lower.size - task.question.guess.size
    room = 1e-6 * np.concatenate([task.question.spread, np.ones(extra)])
    return _quality.ran_out(task.varied, best.values, lower, upper, room)


def _outlier_probability(question: Question, frequencies: FloatArray) -> FloatArray:
    """Return the share of q/R in the mixture at every line."""
    error = question.error[:, None]
    away = (question.frequency[:, None] - frequencies) / error
    density = np.where(
        question.allowed & np.isfinite(away),
        np.exp(-0.5 * np.minimum(away**2, 1400.0)) / (error * np.sqrt(2 * np.pi)),
        0.0,
    ).sum(axis=1)
    true = (1 - question.outliers) * density / np.maximum(question.allowed.sum(axis=1), 1)
    odd = question.outliers / question.range
    return np.asarray(odd / (odd + true))


def _others(task: _Task, answers: list[_Answer]) -> tuple[OtherAssignment, ...]:
    best = answers[0]
    return tuple(
        OtherAssignment(
            log_odds=best.evidence - one.evidence,
            values=dict(zip(task.varied, map(float, one.values), strict=True)),
            moved=int(np.count_nonzero(one.assigned != best.assigned)),
            chi_square=one.chi_square,
            assigned=one.assigned,
        )
        for one in answers[1:]
        if best.evidence - one.evidence < _CLOSE and _apart(best, one)
    )[:_MOST_TOLD]


def _apart(best: _Answer, one: _Answer) -> bool:
    """Whether an answer is not the best one again."""
    moved = best.jacobian @ (one.values - best.values) / best.stretch
    few = np.count_nonzero(one.assigned != best.assigned) <= 1
    return not (few and float(np.sqrt(moved @ moved)) < _SAME_VALUES)


def _doubts(
    question: Question, best: _Answer, others: tuple[OtherAssignment, ...], frequencies: FloatArray
) -> list[str]:
    """Return what stands against the assignment."""
    notes = []
    if any(other.moved for other in others):
        odds = min(other.log_odds for other in others if other.moved)
        notes.append(
            f"another assignment fits nearly as well (ln odds {odds:.1f}): see `alternatives`"
        )
    if any(not other.moved for other in others):
        notes.append("other parameters give the same spectrum: see `alternatives`")
    choices = question.allowed.sum(axis=1)
    labelled = question.allowed.shape[1] > 1 and bool(np.all(choices == 1))
    if best.evidence < _ENOUGH and not labelled:
        notes.append("the lines are too few, or fit too badly, to tell that they are assigned well")
    lost, total = int(np.count_nonzero(best.assigned < 0)), best.assigned.size
    if lost > 2 and lost > _MANY_OUTLIERS * question.outliers * total:
        notes.append(f"{lost} of {total} lines belong to no transition")
    inside = np.nonzero(best.assigned >= 0)[0]
    away = np.abs(frequencies[inside] - frequencies[inside, best.assigned[inside], None])
    other = question.allowed[inside].copy()
    other[np.arange(inside.size), best.assigned[inside]] = False
    near = np.any(other & (away < _TOO_NEAR * question.error[inside, None]), axis=1)
    count = int(np.count_nonzero(near))
    if count > 1 and count > _MANY_NEAR * inside.size:
        notes.append(f"{count} lines cannot be told apart: two transitions lie within their errors")
    if not best.converged:
        notes.append("the search stopped before it converged; give better starting values")
    return notes
