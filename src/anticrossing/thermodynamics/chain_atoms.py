"""Exact distribution of a sum of lifts that a two-state Markov chain pays while occupied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail
from anticrossing._core.result import Result
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.atoms import draw_atoms

# Values closer than this fraction of the largest possible work count as equal: lifts are
# differences of rounded energies.
EQUAL = 1e-11


@record
class WorkAtoms(Result):
    """The values that the work can take, with their probabilities.

    Attributes
    ----------
    values : array, shape (K,)
        Work (energy), increasing.
    log_probabilities : array, shape (K,)
        Natural logarithms of the probabilities, finite also far in the tails.
    step : float or None
        Energy of which all values are multiples, where there is one.
    multiples : array of int, shape (K,), or None
        ``values / step``.
    """

    values: FloatArray
    log_probabilities: FloatArray
    step: float | None
    multiples: npt.NDArray[np.int64] | None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "step": shown(text="energy of which all values are multiples"),
        "work": shown("work", text="work", of="values"),
        "probability": shown("work", text="probability of the value"),
        "log_probability": shown("work", text="its logarithm"),
        "multiple": shown("work", text="value over step"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value."""
        return draw_atoms(self.values, self.probabilities, ax, label="work")

    @property
    def probabilities(self) -> FloatArray:
        """Probabilities of the values; they sum to one."""
        return np.exp(self.log_probabilities)

    def __str__(self) -> str:
        kind = "" if self.step is None else f", multiples of {self.step:g}"
        return (
            f"{self.values.size} values of the work from {self.values[0]:g} to "
            f"{self.values[-1]:g}{kind}"
        )


def common_step(lifts: FloatArray, limit: int) -> float | None:
    """Return the energy of which all lifts are multiples, unless they add to over `limit`."""
    sizes = np.abs(lifts)
    tolerance = EQUAL * float(sizes.sum())
    step = float(sizes.max())
    for size in sizes:
        a, b = step, float(size)
        while b > tolerance:
            rest = a % b
            a, b = b, min(rest, b - rest)
        step = a
        if sizes.sum() > limit * step:
            return None
    multiples = np.round(sizes / step)
    step = float(sizes.sum() / multiples.sum())  # the roundings of single lifts average out
    if np.any(np.abs(sizes - multiples * step) > tolerance):
        return None
    return step


def enumerate_atoms(
    lifts: FloatArray,
    log_initial: FloatArray,
    log_transitions: FloatArray,
    *,
    step: float | None,
    maximum_atoms: int,
) -> WorkAtoms:
    """Follow the joint weights of work so far and occupation; equal values are merged."""
    if step is None:
        moves, equal = lifts, EQUAL * float(np.abs(lifts).sum())
    else:
        moves, equal = np.round(lifts / step), 0.5
    values = np.zeros(1)
    weights = log_initial[:, None]
    for k, move in enumerate(moves):
        if k:
            paths = log_transitions[k - 1][:, :, None] + weights
            weights = np.logaddexp(paths[:, 0], paths[:, 1])
        values, weights = lifted(values, weights, np.array([move]), equal)
        if values.size > maximum_atoms:
            raise fail(
                "maximum_atoms",
                "not be below the number of values the work can take",
                f"there are more than {maximum_atoms} after {k} of {moves.size - 1} crossings; "
                "use the characteristic function or samples",
            )
    log_probabilities = np.logaddexp(weights[0], weights[1])
    reached = log_probabilities > -np.inf
    values, log_probabilities = values[reached], log_probabilities[reached]
    if step is None:
        return WorkAtoms(values, log_probabilities, None, None)
    return WorkAtoms(values * step, log_probabilities, step, values.astype(np.int64))


def lifted(
    values: FloatArray, state: FloatArray, lifts: FloatArray, equal: float
) -> tuple[FloatArray, FloatArray]:
    """Return the values of work, and the log weights (2, …, values), after lifts of the levels.

    Values that are equal are merged, and those that cannot be are left out.
    """
    moving = np.flatnonzero(lifts)
    for s in moving:
        empty, full = np.take(state, 0, axis=s), np.take(state, 1, axis=s)
        every = np.concatenate([values, values + lifts[s]])
        order = np.argsort(every, kind="stable")
        nothing = np.full_like(empty, -np.inf)
        joined = np.stack(
            [np.concatenate([empty, nothing], axis=-1), np.concatenate([nothing, full], axis=-1)],
            axis=s,
        )[..., order]
        every = every[order]
        starts = np.flatnonzero(np.concatenate(([True], np.diff(every) > equal)))
        state = np.logaddexp.reduceat(joined, starts, axis=-1)
        values = every[starts]
        alive = np.any(state > -np.inf, axis=tuple(range(state.ndim - 1)))
        values, state = values[alive], state[..., alive]
    return values, state
