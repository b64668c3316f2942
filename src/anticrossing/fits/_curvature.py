"""How far errors of a linear model can be trusted: what its curvature does to fitted parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.fits import _likelihood
from anticrossing.fits._parameters import POSITIVE
from anticrossing.fits._problem import Problem

_STEP = 0.1  # of a standard deviation, and of any positive parameter at most


def expected_pulls(
    problem: Problem, values: Mapping[str, float], root: FloatArray, spread: float
) -> FloatArray:
    """Return the expected means of (fitted − true)/error, shape (K,): 0 for a linear model.

    `root` is one of the covariance, `root @ root.T`, of data with `spread` times their errors. To
    lowest order the means come from second derivatives of the model: the bias of the fitted
    parameters (M. J. Box, J. R. Stat. Soc. B 33, 171 (1971)), which with Fisher's information in
    the place of weights holds for counts too, and the change of the errors with the parameters.
    """
    if spread == 0:
        return np.zeros(len(root))
    slopes, weight = _slopes(problem, values)
    error = np.sqrt(np.sum(root**2, axis=1))
    known = np.isfinite(error) & (error > 0)
    curved, changed = np.zeros((2, root.shape[1], *slopes.shape))
    for k, direction in enumerate(root.T):
        if np.any(direction):
            step = _step(problem, values, direction)
            moved = {**values}
            for name, part in zip(problem.coordinates.varied, direction, strict=True):
                moved[name] += step * part
            other, heavier = _slopes(problem, moved)
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


def _slopes(problem: Problem, values: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives by the parameters themselves (N, K), and roots of the information."""
    varied, data = problem.coordinates.varied, problem.data
    q, found = problem.model(values, data.coordinates, varied)
    return np.stack([found[name] for name in varied], axis=-1), _likelihood.weights(q, data)


def _step(problem: Problem, values: Mapping[str, float], direction: FloatArray) -> float:
    """Return a step along a direction that stays where the model is defined."""
    move = dict(zip(problem.coordinates.varied, direction, strict=True))
    relative = [abs(move[name] / values[name]) for name in move if name in POSITIVE]
    step = _STEP / max([1.0, *relative])
    if "t2" not in values:
        return step
    own, other = (values[n] + step * move.get(n, 0.0) for n in ("t2", "t1"))
    return step if own <= 2 * other else -step
