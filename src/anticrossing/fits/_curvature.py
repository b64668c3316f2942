"""How far errors of a linear model can be trusted: what its curvature does to fitted parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.fits import _likelihood
from anticrossing.fits._parameters import POSITIVE
from anticrossing.fits._problem import Problem

CURVED = 0.15  # of an error: a mean of pulls that makes the error a poor description
_STEP = 0.1  # of a standard deviation, and of any positive parameter at most

Slopes = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Derivatives of a model by its parameters (N, K) where these are moved, and weights (N,)."""


def expected_pulls(
    slopes_at: Slopes, root: FloatArray, spread: float = 1.0, steps: FloatArray | None = None
) -> FloatArray:
    """Return the expected means of (fitted − true)/error, shape (K,): 0 for a linear model.

    `root` is one of the covariance, `root @ root.T`, of data with `spread` times their errors; its
    columns are moved along by `steps` of them. To lowest order the means come from second
    derivatives of the model: the bias of the fitted parameters (M. J. Box, J. R. Stat. Soc. B 33,
    171 (1971)), which with Fisher's information in the place of weights holds for counts too, and
    the change of the errors with the parameters.
    """
    if spread == 0:
        return np.zeros(len(root))
    slopes, weight = slopes_at(np.zeros(len(root)))
    error = np.sqrt(np.sum(root**2, axis=1))
    known = np.isfinite(error) & (error > 0)
    curved, changed = np.zeros((2, root.shape[1], *slopes.shape))
    for k, direction in enumerate(root.T):
        if np.any(direction):
            step = _STEP if steps is None else steps[k]
            other, heavier = slopes_at(step * direction)
            curved[k] = (other - slopes) / step
            changed[k] = (heavier[:, None] * other - weight[:, None] * slopes) / step
    # The bias is −½ C Σ ∂q w² tr(C ∂²q).
    trace = np.einsum("kni,ik->n", curved, root)
    bias = -0.5 * root @ (root.T @ (slopes.T @ (weight**2 * trace))) / spread**2
    share = np.divide(root, error[:, None], out=np.zeros_like(root), where=known[:, None])
    along = share @ root.T  # the change of all parameters where one moves by its error
    mean = np.divide(bias, error, out=np.zeros_like(bias), where=known)
    for k in map(int, np.flatnonzero(known)):
        turned = np.einsum("a,ani,i->n", share[k], changed, along[k])
        mean[k] += (weight * (slopes @ along[k])) @ turned / spread**2
    return np.asarray(mean)


def curved(names: tuple[str, ...], pulls: FloatArray, advice: str) -> list[str]:
    """Return the note on parameters whose errors are no longer those of a linear model."""
    told = [f"{p:+.2f} for `{n}`" for n, p in zip(names, pulls, strict=True) if abs(p) > CURVED]
    return [
        "the model is curved within the errors: (fitted − true)/error would average to "
        f"{', '.join(told)}; {advice}"
    ] * bool(told)


def of_problem(
    problem: Problem, values: Mapping[str, float], root: FloatArray, spread: float
) -> FloatArray:
    """Return the expected pulls of populations."""
    varied, data = problem.coordinates.varied, problem.data

    def slopes_at(moved: FloatArray) -> tuple[FloatArray, FloatArray]:
        there = dict(values) | {n: values[n] + m for n, m in zip(varied, moved, strict=True)}
        q, found = problem.model(there, data.coordinates, varied)
        slopes = np.stack([found[name] for name in varied], axis=-1)
        return slopes, _likelihood.weights(q, data)

    steps = np.array([_step(varied, values, direction) for direction in root.T])
    return expected_pulls(slopes_at, root, spread, steps)


def _step(varied: tuple[str, ...], values: Mapping[str, float], direction: FloatArray) -> float:
    """Return a step along a direction that stays where the model is defined."""
    move = dict(zip(varied, direction, strict=True))
    relative = [abs(move[name] / values[name]) for name in move if name in POSITIVE]
    step = _STEP / max([1.0, *relative])
    if "t2" not in values:
        return step
    own, other = (values[n] + step * move.get(n, 0.0) for n in ("t2", "t1"))
    return step if own <= 2 * other else -step
