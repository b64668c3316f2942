"""Every many-body transition of a few free fermions, with its probability."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from anticrossing._core.checks import ComplexArray, FloatArray, fail
from anticrossing.thermodynamics.modes import (
    BoolArray,
    Transitions,
    checked_correlation,
    checked_log_odds,
    nearest_unitary,
)

MOST_MODES = 11  # 705 432 transitions; one mode more has four times as many


def enumerate_transitions(
    propagator: npt.ArrayLike,
    *,
    occupations: npt.ArrayLike | None = None,
    log_odds: npt.ArrayLike | None = None,
    correlation: npt.ArrayLike | None = None,
) -> Transitions:
    """Return all transitions ``S → S'`` between occupied sets of modes and their probabilities.

    ``P(S → S') = P(S) |det W[S', S]|²``. The minors of all sizes are built level by level, by
    expansion along the last column; minors of more than half of the modes are the complementary
    ones of a unitary matrix. The initial sets follow from independent modes, or from any Gaussian
    state that is measured in these modes (and loses its coherences): ``P(S) = det[s G + (1 − s)(1
    − G)]`` with s the diagonal matrix of occupied modes.

    Parameters
    ----------
    propagator : array, shape (N, N)
        ``W[final mode, initial mode]``, unitary, at most 11 modes.
    occupations, log_odds : array, shape (N,), optional
        Independent initial modes, as for `TwoPointStatistics`.
    correlation : array, shape (N, N), optional
        Instead of them, the correlation matrix ``G_ij = ⟨c_j† c_i⟩`` of a Gaussian state (see
        `GaussianState`), measured in the initial modes.

    Returns
    -------
    Transitions
        The ``(2N choose N)`` transitions that conserve the number of particles.

    Raises
    ------
    InputError
        If there are more than 11 modes, or an argument does not fit.

    Examples
    --------
    >>> found = enumerate_transitions([[0.8, -0.6], [0.6, 0.8]], occupations=[1.0, 0.0])
    >>> for initial, final, p in zip(found.initial, found.final, found.probabilities):
    ...     if p > 0:
    ...         print(initial, final, round(float(p), 4))
    [ True False] [ True False] 0.64
    [ True False] [False  True] 0.36
    """
    unitary = nearest_unitary("propagator", propagator)
    modes = unitary.shape[0]
    if modes > MOST_MODES:
        raise fail(
            "propagator",
            f"have at most {MOST_MODES} modes to be enumerated",
            f"it has {modes}; use `TwoPointStatistics` or `sample_transitions`",
        )
    if correlation is None:
        odds = checked_log_odds(modes, occupations=occupations, log_odds=log_odds)
    elif occupations is not None or log_odds is not None:
        raise fail("correlation", "be the only initial state given", "another is given too")
    else:
        matrix = checked_correlation(modes, correlation)

    initial, final, weights = [], [], []
    below = np.ones((1, 1), dtype=np.complex128)
    half: list[FloatArray] = []
    for count in range(modes + 1):
        sets = _subsets(modes, count)
        if 2 * count <= modes:
            if count:
                below = _next_minors(unitary, below, count)
            squares = np.abs(below) ** 2
            half.append(squares)
        else:
            # complements of lexicographically ordered sets come in the opposite order
            squares = half[modes - count][::-1, ::-1]
        start = _independent(sets, odds) if correlation is None else _gaussian(sets, matrix)
        number = sets.shape[0]
        final.append(np.repeat(sets, number, axis=0))
        initial.append(np.tile(sets, (number, 1)))
        weights.append((squares * start).reshape(-1))
    return Transitions(np.concatenate(initial), np.concatenate(final), np.concatenate(weights))


def _subsets(modes: int, count: int) -> BoolArray:
    """Return the indicators of all sets of `count` modes in lexicographic order."""
    chosen = _members(modes, count)
    sets = np.zeros((chosen.shape[0], modes), dtype=bool)
    np.put_along_axis(sets, chosen, True, axis=1)
    return sets


def _members(modes: int, count: int) -> npt.NDArray[np.intp]:
    found = list(itertools.combinations(range(modes), count))
    return np.array(found, dtype=np.intp).reshape(len(found), count)


def _next_minors(matrix: ComplexArray, smaller: ComplexArray, count: int) -> ComplexArray:
    """Return all minors of size `count` (rows, columns) from the minors one smaller."""
    modes = matrix.shape[0]
    sets = _members(modes, count)
    place = np.zeros(1 << modes, dtype=np.intp)
    place[(1 << _members(modes, count - 1)).sum(axis=1)] = np.arange(smaller.shape[0])
    masks = (1 << sets).sum(axis=1)
    last = sets[:, -1]
    without_last = place[masks - (1 << last)]
    minors = np.zeros((sets.shape[0], sets.shape[0]), dtype=np.complex128)
    for k in range(count):
        row = sets[:, k]
        without_row = place[masks - (1 << row)]
        sign = -1 if (count - 1 - k) % 2 else 1
        minors += (
            sign * matrix[row[:, None], last] * smaller[without_row[:, None], without_last]
        )  # fmt: skip
    return minors


def _independent(sets: BoolArray, log_odds: FloatArray) -> FloatArray:
    logs = np.where(sets, log_expit(log_odds), log_expit(-log_odds))
    return np.exp(logs.sum(axis=1))


def _gaussian(sets: BoolArray, correlation: ComplexArray) -> FloatArray:
    empty = np.eye(correlation.shape[0]) - correlation
    rows = np.where(sets[:, :, None], correlation, empty)
    return np.maximum(np.linalg.det(rows).real, 0.0)  # rounding may leave −1e-17
