"""Which transition a line belongs to: a mixture with outliers, annealed from many starts at once.

A line y at a control is one of the T transitions there, missing ones aside, or an outlier anywhere
in the measured range R:

    p(y) = (1 − q)/T Σ_t N(y; f_t, √(σ² + τ²)) + q/R.

Starts are drawn around the guess, and the best by this likelihood at a coarse width τ are kept.
Each is moved by Gauss–Newton steps weighted with the probabilities of the assignments while τ falls
to zero (expectation–maximisation with an annealed width; B. Rao and others call the idea
deterministic annealing). Last, lines are assigned one to one at every control, and the parameters
fitted to them, until nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.special import betaln, logsumexp

from anticrossing._core.checks import FloatArray
from anticrossing.fits._transitions import Transitions

IntArray = npt.NDArray[np.intp]
_SAMPLES = 400  # starts that are looked at
_MOST_WORK = 5e8  # of those that are looked at: controls times cubes of the number of levels
_FEWER = 6  # of those that are followed, where there are many lines, once the width is small
_MANY_LINES = 40
_NEIGHBOURHOODS, _BETTER = 3, 0.1  # times that neighbours are looked at, while ln p rises
_WIDEST, _NARROWEST = 0.15, 1e-3  # τ, of the measured range
_SHRINK = 1.75  # from one width to the next, about
_REACH = 5.0  # widths
_STEPS = 2  # at each width
_ROUNDS = 12  # of one-to-one assignments
_LONGEST = 1.0  # of a step, in spreads of the starts
_ITERATIONS = 6  # of the parameters in each of them
_LOST = 1e6  # errors away
_MOST_SCATTER = 0.02  # scatter of lines about their transitions, of the measured range
_QUARTILE = 0.6745  # half of a normal distribution lies within so many deviations
_DETECTED = 4.0  # odds that a transition is seen, for the threshold of an outlier


@dataclass(frozen=True, eq=False)
class Question:
    """The lines as arrays, and where the parameters may lie.

    Attributes
    ----------
    transitions : Transitions
    column : array, shape (n,)
        The number of the control of every line.
    frequency, error : array, shape (n,)
    allowed : array, shape (n, T)
        Which transitions a line may be.
    band : (float, float)
        The measured range of frequencies.
    outliers : float
        The share of outliers expected, q.
    guess, spread, lower, upper : array, shape (K,)
        Where the search begins, how far around it, and limits.
    known : array of bool, shape (K,)
        Where guess and spread are a measured value and its error, one more datum.
    """

    transitions: Transitions
    column: IntArray
    frequency: FloatArray
    error: FloatArray
    allowed: npt.NDArray[np.bool_]
    band: tuple[float, float]
    outliers: float
    guess: FloatArray
    spread: FloatArray
    lower: FloatArray
    upper: FloatArray
    known: npt.NDArray[np.bool_]

    @property
    def range(self) -> float:
        """R."""
        return self.band[1] - self.band[0]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One answer.

    Attributes
    ----------
    values : array, shape (K,)
    assigned : array, shape (n,)
        The transition of every line, −1 for an outlier.
    evidence : float
        ln of its evidence over that of nothing but outliers.
    chi_square : float
    residuals, jacobian : array, shape (m,) and (m, K)
        (y − f)/σ of the assigned lines and the known parameters, and ∂f/∂p/σ.
    stretch : float
        How many times wider than the stated errors the lines scatter, at least 1.
    """

    values: FloatArray
    assigned: IntArray
    evidence: float
    chi_square: float
    residuals: FloatArray
    jacobian: FloatArray
    stretch: float


def search(question: Question, random: np.random.Generator, kept: int) -> list[Candidate]:
    """Return answers from the guess and the best other starts, `kept` at first, the best first."""
    starts, widths = _starts(question, random, kept)
    last = len(widths) - 1
    for number, width in enumerate(widths):
        for _ in range(_STEPS):
            starts = _moved(question, starts, width)
        many = question.frequency.size > _MANY_LINES and len(starts) > _FEWER
        if many and number in (last // 3, last):
            likely = _likelihood(question, question.transitions.frequencies(starts), width)
            starts = starts[np.argsort(-likely)[: max(_FEWER, len(starts) // 2)]]
    found = [settled(question, start) for start in starts]
    found.sort(key=lambda one: -one.evidence)
    if question.frequency.size <= _MANY_LINES:
        for _ in range(_NEIGHBOURHOODS):
            best = found[0].evidence
            found += _neighbours(question, found[0])
            found.sort(key=lambda one: -one.evidence)
            if found[0].evidence <= best + _BETTER:
                break
    return found


def _neighbours(question: Question, one: Candidate) -> list[Candidate]:
    """Return the answers that one leads to where one of its outliers is taken for a line.

    Where lines are hardly more than parameters a false one can hold an answer in its place.
    """
    found = []
    for line in np.nonzero(one.assigned < 0)[0]:
        for transition in np.nonzero(question.allowed[line])[0]:
            taken = one.assigned.copy()
            rivals = (question.column == question.column[line]) & (taken == transition)
            taken[rivals] = -1
            taken[line] = transition
            found.append(settled(question, one.values, taken))
    return found


def _starts(
    question: Question, random: np.random.Generator, kept: int
) -> tuple[FloatArray, FloatArray]:
    """Return the guess and the best of many starts around it, (S, K), and the widths τ.

    The first width is what the starts leave open, or more.
    """
    model = question.transitions
    work = model.control.size * model.hamiltonian.dimension**3
    count = int(np.clip(_MOST_WORK / work, 2 * kept, _SAMPLES))
    shape = (count, question.guess.size)
    drawn = question.guess + question.spread * random.standard_normal(shape)
    box = np.isfinite(question.lower) & np.isfinite(question.upper) & ~question.known
    low, high = (np.where(box, end, 0.0) for end in (question.lower, question.upper))
    drawn = np.where(box, low + (high - low) * random.random(shape), drawn)
    drawn = np.clip(drawn, question.lower, question.upper)
    drawn[0] = question.guess
    frequencies = model.frequencies(drawn)
    apart = np.abs(frequencies - frequencies[:1])
    left_open = float(np.median(apart[np.isfinite(apart)])) if np.any(np.isfinite(apart)) else 0.0
    narrow = _NARROWEST * question.range
    widest = max(_WIDEST * question.range, left_open)
    steps = 1 + int(np.ceil(np.log(widest / narrow) / np.log(_SHRINK)))
    widths = np.geomspace(widest, narrow, steps)
    likely = _likelihood(question, frequencies, widths[1])
    likely[0] = np.inf
    return np.asarray(drawn[np.argsort(-likely, kind="stable")[:kept]]), widths


def _log_densities(
    question: Question, frequencies: FloatArray, width: float
) -> tuple[FloatArray, FloatArray]:
    """Return y − f (S, n, T), and ln of each part of the mixture, (S, n, T + 1)."""
    away = question.frequency[:, None] - frequencies[:, question.column, :]
    variance = question.error**2 + width**2
    wide = max(question.range, _REACH * width)  # or all lines far from a poor guess were outliers
    parts = np.full((*away.shape[:2], away.shape[2] + 1), np.log(question.outliers / wide))
    weight = np.log((1 - question.outliers) / np.maximum(question.allowed.sum(axis=1), 1))
    density = (
        -0.5 * away**2 / variance[:, None] + (weight - 0.5 * np.log(2 * np.pi * variance))[:, None]
    )
    density = np.where(question.allowed & np.isfinite(away), density, -np.inf)
    parts[..., :-1] = density
    return np.nan_to_num(away), parts


def _likelihood(question: Question, frequencies: FloatArray, width: float) -> FloatArray:
    """Return ln p of all lines at every set of parameters."""
    _, parts = _log_densities(question, frequencies, width)
    return np.asarray(np.sum(logsumexp(parts, axis=-1), axis=-1))


def _moved(question: Question, values: FloatArray, width: float) -> FloatArray:
    """Return all sets after one Gauss–Newton step with probable assignments."""
    frequencies, slopes = question.transitions.with_derivatives(values)
    away, parts = _log_densities(question, frequencies, width)
    share = np.exp(parts - logsumexp(parts, axis=-1, keepdims=True))[..., :-1]
    weight = share / (question.error**2 + width**2)[:, None]
    scaled = slopes[:, question.column] * question.spread  # (S, n, T, K)
    flat = np.nan_to_num(scaled).reshape(len(values), -1, values.shape[1])
    weighted = (weight.reshape(len(values), -1, 1) * flat).swapaxes(1, 2)
    normal = weighted @ flat + np.eye(values.shape[1])  # the spread is worth one datum
    pull = (weighted @ away.reshape(len(values), -1, 1))[..., 0]
    pull += (question.guess - values) / question.spread
    step = np.linalg.solve(normal, pull[..., None])[..., 0]
    size = np.max(np.abs(step), axis=-1, keepdims=True)
    step *= np.minimum(1.0, _LONGEST / np.maximum(size, 1e-300))
    return np.clip(values + question.spread * step, question.lower, question.upper)


def scatter(question: Question, frequencies: FloatArray) -> float:
    """Return how many times wider than the stated errors lines lie about the nearest transition."""
    away = np.abs(question.frequency[:, None] - frequencies[question.column])
    away = np.where(question.allowed & np.isfinite(away), away, np.inf)
    nearest = np.minimum(np.min(away, axis=1), question.range) / question.error
    most = _MOST_SCATTER * question.range / float(np.median(question.error))
    return float(np.clip(np.median(nearest) / _QUARTILE, 1.0, max(most, 1.0)))


def assign(question: Question, frequencies: FloatArray, stretch: float) -> IntArray:
    """Return the transition of every line, −1 for an outlier, one to one at every control.

    A line that fits worse than by r² = 2 ln(4 (1 − q) R / q σ √2π) is an outlier.
    """
    odds = _DETECTED * (1 - question.outliers) / question.outliers
    error = stretch * question.error
    farthest = 2 * np.log(np.maximum(odds * question.range / (error * np.sqrt(2 * np.pi)), 2.0))
    away = (question.frequency[:, None] - frequencies[question.column]) / error[:, None]
    gain = np.where(question.allowed & np.isfinite(away), farthest[:, None] - away**2, 0.0)
    gain = np.maximum(gain, 0.0)
    chosen = np.full(question.column.size, -1, dtype=np.intp)
    best = np.argmax(gain, axis=1)
    fits = gain[np.arange(gain.shape[0]), best] > 0
    order = np.argsort(question.column, kind="stable")
    for lines in np.split(order, np.nonzero(np.diff(question.column[order]))[0] + 1):
        inside = lines[fits[lines]]
        wanted = best[inside]
        if np.unique(wanted).size < inside.size:
            rows, columns = linear_sum_assignment(gain[inside], maximize=True)
            kept = gain[inside[rows], columns] > 0
            chosen[inside[rows[kept]]] = columns[kept]
        else:
            chosen[inside] = wanted
    return chosen


def settled(question: Question, start: FloatArray, assigned: IntArray | None = None) -> Candidate:
    """Return the answer that a start, and perhaps first assignments, lead to, one to one."""
    values, damping = start, 1e-3
    frequencies, slopes = question.transitions.with_derivatives(values[None])
    stretch = scatter(question, frequencies[0])
    if assigned is None:
        assigned = assign(question, frequencies[0], stretch)
    for _ in range(_ROUNDS):
        before = assigned
        for _ in range(_ITERATIONS):
            residuals, jacobian = pulled(question, values, assigned, frequencies[0], slopes[0])
            scaled = jacobian * question.spread
            normal = scaled.T @ scaled
            size = float(np.trace(normal)) or 1.0
            normal += np.diag(damping * np.diag(normal) + 1e-12 * size)
            step = question.spread * np.linalg.solve(normal, scaled.T @ residuals)
            tried = np.clip(values + step, question.lower, question.upper)
            new, new_slopes = question.transitions.with_derivatives(tried[None])
            lower = pulled(question, tried, assigned, new[0], new_slopes[0])[0]
            now, then = float(lower @ lower), float(residuals @ residuals)
            if now <= then:
                values, frequencies, slopes = tried, new, new_slopes
                damping = max(damping / 10, 1e-9)
                if then - now < 1e-3 * stretch**2:
                    break
            else:
                damping *= 10
        stretch = scatter(question, frequencies[0])
        assigned = assign(question, frequencies[0], stretch)
        if np.array_equal(assigned, before):
            break
    return weighed(question, values, assigned, stretch)


def weighed(
    question: Question, values: FloatArray, assigned: IntArray, stretch: float
) -> Candidate:
    """Return an answer with its evidence."""
    frequencies, slopes = question.transitions.with_derivatives(values[None])
    residuals, jacobian = pulled(question, values, assigned, frequencies[0], slopes[0])
    chi_square = float(residuals @ residuals)
    evidence = _evidence(question, assigned, frequencies[0], chi_square, jacobian, values, stretch)
    return Candidate(values, assigned, evidence, chi_square, residuals, jacobian, stretch)


def pulled(
    question: Question,
    values: FloatArray,
    assigned: IntArray,
    frequencies: FloatArray,
    slopes: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return (y − f)/σ of the assigned lines and the known parameters, and ∂f/∂p/σ.

    Where H is not finite a line counts as far away.
    """
    inside = np.nonzero(assigned >= 0)[0]
    column, chosen = question.column[inside], assigned[inside]
    error = question.error[inside]
    away = (question.frequency[inside] - frequencies[column, chosen]) / error
    away = np.where(np.isfinite(away), away, _LOST)
    slope = np.nan_to_num(slopes[column, chosen] / error[:, None])
    known = question.known
    prior = ((question.guess - values) / question.spread)[known]
    unit = np.diag(1 / question.spread)[known]
    return np.concatenate([away, prior]), np.concatenate([slope, unit])


def _evidence(
    question: Question,
    assigned: IntArray,
    frequencies: FloatArray,
    chi_square: float,
    jacobian: FloatArray,
    values: FloatArray,
    stretch: float,
) -> float:
    """Return ln of the evidence of an answer over that of nothing but outliers.

    Each transition is seen with a probability of its own, between none and one alike, at the
    controls where it lies in the measured range; outliers come with one that is `outliers` on
    average; parameters are normal about the guess (Laplace's approximation).
    """
    inside = assigned >= 0
    count, total = int(np.count_nonzero(inside)), assigned.size
    error = stretch * question.error[inside]
    density = -0.5 * chi_square / stretch**2 - np.sum(
        np.log(error * np.sqrt(2 * np.pi) / question.range)
    )
    low, high = question.band
    within = (frequencies >= low) & (frequencies <= high)
    seen = np.bincount(assigned[inside], minlength=frequencies.shape[1]).astype(np.float64)
    missed = np.maximum(np.count_nonzero(within, axis=0) - seen, 0.0)
    visible = np.sum(betaln(seen + 1, missed + 1))
    strength = 1 / question.outliers
    odd = betaln(total - count + 1, count + strength - 1) - betaln(1, strength - 1)
    scaled = jacobian * question.spread / stretch
    free = np.where(question.known, 0.0, 1.0)
    occam = -0.5 * np.linalg.slogdet(scaled.T @ scaled + np.diag(free))[1]
    away = (values - question.guess) / question.spread * free
    return float(density + visible + odd + occam - 0.5 * away @ away)
