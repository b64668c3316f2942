"""From any starts to where levels meet, or to where they come closest, all starts at once.

``½ Σ(E_k − Ē)²`` over the group of levels is smooth where they meet. Gauss-Newton steps on its
residual converge quadratically to an intersection (also along a seam, where they are the shortest);
Newton steps with the exact second derivatives converge quadratically to a gap that stays open.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.geometry._quasidegenerate import (
    EPSILON,
    Expansion,
    Group,
    constraint_hessian,
    curvature,
    expand,
    gauss_newton,
    half_square,
)
from anticrossing.hamiltonian import Hamiltonian

BoolArray = npt.NDArray[np.bool_]

_MOST_STEPS = 200
_POLISHING_STEPS = 3
_MOST_RESTORING_STEPS = 20
_FARTHEST = 1e6  # times the reach: whoever gets there follows a gap that closes at infinity
_ENOUGH = 0.1  # a Gauss-Newton step must reduce the half square to this part, or Newton is tried


def descend(
    hamiltonian: Hamiltonian,
    group: Group,
    starts: FloatArray,
    reach: float,
    bounds: FloatArray | None = None,
) -> tuple[FloatArray, BoolArray]:
    """Follow every start, shape (S, f), down to an intersection or a minimum of the gap.

    Parameters
    ----------
    reach : float
        The first radius of trust.
    bounds : array, shape (f, 2), optional
        Starts that leave this box are dropped.

    Returns
    -------
    points : array, shape (S, f)
    converged : array of bool, shape (S,)
    """
    points = starts.copy()
    count = len(points)
    values = half_square(hamiltonian, group, points)
    converged = np.zeros(count, dtype=bool)
    lost = ~np.isfinite(values)
    radius = np.full(count, reach)
    for _ in range(_MOST_STEPS):
        running = np.flatnonzero(~(converged | lost))
        if running.size == 0:
            break
        here = points[running]
        expansion = expand(hamiltonian, group, here)
        at_root = expansion.gap <= expansion.noise
        length = radius[running]
        shift = _clip(gauss_newton(expansion), length)
        trial = half_square(hamiltonian, group, here + shift)
        poor = ~at_root & (trial > _ENOUGH * values[running])
        stationary = np.zeros(running.size, dtype=bool)
        if poor.any():
            newton, still = _newton_step(
                hamiltonian, group, here[poor], _select(expansion, poor), length[poor]
            )
            value = half_square(hamiltonian, group, here[poor] + newton)
            better = (value < trial[poor]) | still
            shift[poor] = np.where(better[:, np.newaxis], newton, shift[poor])
            trial[poor] = np.where(better, value, trial[poor])
            stationary[poor] = still
        size = np.linalg.norm(shift, axis=-1)
        blur = 64 * EPSILON * np.linalg.norm(here, axis=-1)  # of the positions
        accepted = trial <= values[running] + expansion.gap * expansion.noise
        # nothing improves any more: H is not smooth here
        stalled = ~accepted & (length <= np.maximum(1e-13 * reach, blur))
        points[running] = np.where(accepted[:, np.newaxis], here + shift, here)
        values[running] = np.where(accepted, trial, values[running])
        edge = accepted & (size >= 0.99 * length)
        radius[running] = np.where(
            edge, 2 * length, np.where(accepted, length, 0.25 * np.minimum(size, length))
        )
        settled = at_root | stalled | (stationary & (size <= np.maximum(1e-11 * reach, blur)))
        converged[running] = settled
        lost[running] = np.linalg.norm(points[running] - starts[running], axis=-1) > (
            _FARTHEST * reach
        )
        if bounds is not None:
            outside = _far_outside(points[running], bounds)
            lost[running] |= outside
    return _polish(hamiltonian, group, points, converged & ~lost), converged & ~lost


def restore(
    hamiltonian: Hamiltonian, group: Group, point: FloatArray, threshold: float | None = None
) -> FloatArray | None:
    """Return the nearby point of the seam that Gauss-Newton steps lead to, or None.

    The largest gap that counts as zero is `threshold`, by default what rounding can make.
    """
    here = point[np.newaxis]
    value = half_square(hamiltonian, group, here)
    if not np.isfinite(value[0]):
        return None
    for _ in range(_MOST_RESTORING_STEPS):
        expansion = expand(hamiltonian, group, here)
        met = expansion.gap[0] <= (expansion.noise[0] if threshold is None else threshold)
        there = here + gauss_newton(expansion)
        new = half_square(hamiltonian, group, there)
        if not new[0] < value[0]:
            return here[0] if met else None
        if expansion.gap[0] <= expansion.noise[0]:
            return np.asarray(there[0])
        here, value = there, new
    return None


def _polish(
    hamiltonian: Hamiltonian, group: Group, points: FloatArray, chosen: BoolArray
) -> FloatArray:
    """Take the last Gauss-Newton steps to the rounding of the position, as long as they help."""
    points = points.copy()
    where = np.flatnonzero(chosen)
    for _ in range(_POLISHING_STEPS):
        if where.size == 0:
            break
        expansion = expand(hamiltonian, group, points[where])
        at_root = expansion.gap <= expansion.noise
        where, shift = where[at_root], gauss_newton(expansion)[at_root]
        new = half_square(hamiltonian, group, points[where] + shift)
        old = 0.5 * np.sum(expansion.residual[at_root] ** 2, axis=-1)
        where, shift = where[new <= old], shift[new <= old]
        points[where] += shift
    return points


def _newton_step(
    hamiltonian: Hamiltonian,
    group: Group,
    points: FloatArray,
    expansion: Expansion,
    radius: FloatArray,
) -> tuple[FloatArray, BoolArray]:
    """Return the step that goes down along every axis of the Hessian, and where it is the last."""
    # Directions of negative curvature are followed downhill; a point that is stationary but no
    # minimum is left along the most negative one.
    gradient = np.einsum("sca,sc->sa", expansion.jacobian, expansion.residual)
    bend = curvature(hamiltonian, group, points, expansion)
    hessian = np.einsum("sca,scb->sab", expansion.jacobian, expansion.jacobian)
    hessian = hessian + constraint_hessian(bend, expansion.residual)
    bends, axes = np.linalg.eigh(hessian)
    largest = np.abs(bends).max(axis=-1, keepdims=True)
    sizes = np.maximum(np.abs(bends), np.where(largest > 0, 1e-10 * largest, 1.0))
    along = np.einsum("sab,sa->sb", axes, gradient)
    # in a direction in which the gap does not change, rounding of the gradient is no reason to move
    force = np.linalg.norm(expansion.jacobian, axis=(-2, -1)) * np.linalg.norm(
        expansion.residual, axis=-1
    )
    along = np.where(np.abs(along) > 16 * EPSILON * force[:, np.newaxis], along, 0.0)
    shift = _clip(-np.einsum("sab,sb->sa", axes, along / sizes), radius)
    size = np.linalg.norm(shift, axis=-1)
    blur = 64 * EPSILON * np.linalg.norm(points, axis=-1)
    small = size <= np.maximum(1e-9 * group.reach, blur)
    saddle = small & (bends[:, 0] < -1e-6 * largest[:, 0])
    shift = np.where(saddle[:, np.newaxis], radius[:, np.newaxis] * axes[:, :, 0], shift)
    return shift, small & ~saddle


def _clip(shift: FloatArray, radius: FloatArray) -> FloatArray:
    size = np.linalg.norm(shift, axis=-1)
    return shift * (radius / np.maximum(size, radius))[:, np.newaxis]


def _select(expansion: Expansion, chosen: BoolArray) -> Expansion:
    return Expansion(**{key: value[chosen] for key, value in vars(expansion).items()})


def _far_outside(points: FloatArray, bounds: FloatArray) -> BoolArray:
    width = bounds[:, 1] - bounds[:, 0]
    beyond = np.maximum(bounds[:, 0] - points, points - bounds[:, 1])
    return np.any(beyond > width, axis=-1)
