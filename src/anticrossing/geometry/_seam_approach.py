"""From anywhere to near the lowest point at which two levels cross: scaled, damped steps.

Each step minimises a quadratic model of the mean energy on the linearised seam, so that the way to
a seam far away is the one of least energy, not the shortest one. The model's Hessian starts from
the curvature of H, which brings stiff and soft coordinates to one scale, and is then updated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from anticrossing._core.checks import FloatArray

_MOST_STEPS = 100
_MOST_HALVINGS = 25
_SOFTEST = 1e-4  # of the largest curvature
_FARTHEST = 1e8  # times the energy that the levels are apart: whoever gets there finds no minimum
_SEED = 20

# energies (2,) and gradients (2, f) of the two levels
Pair = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def metric(curvatures: FloatArray, force: float, reach: float) -> FloatArray:
    """Return a positive definite matrix like `curvatures`, shape (f, f)."""
    bends, axes = np.linalg.eigh(curvatures)
    largest = float(np.abs(bends).max())
    if not largest > 0:
        largest = force / reach if force > 0 else 1.0
    return np.asarray((axes * np.maximum(np.abs(bends), _SOFTEST * largest)) @ axes.T)


def approach(pair: Pair, start: FloatArray, scale: FloatArray, energy: float) -> FloatArray | None:
    """Return the point at which the steps from `start` end; the caller checks what it is.

    None if they lead farther away than an energy this large can explain: down without an end.
    """
    model = scale
    point = start
    values, slopes = pair(point)
    penalty = 0.0
    for _ in range(_MOST_STEPS):
        if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
            break
        gap, across = values[1] - values[0], slopes[1] - slopes[0]
        mean = slopes.mean(axis=0)
        down, over = np.linalg.solve(model, np.stack([mean, across]).T).T
        stiffness = across @ over
        multiplier = (gap - across @ down) / stiffness if stiffness > 0 else 0.0
        step = -(down + multiplier * over)
        penalty = max(penalty, 1.5 * abs(multiplier))
        expected = mean @ step - penalty * abs(gap)
        merit = values.mean() + penalty * abs(gap)
        for _ in range(_MOST_HALVINGS):
            there = point + step
            new_values, new_slopes = pair(there)
            new = new_values.mean() + penalty * abs(new_values[1] - new_values[0])
            if new < merit + 1e-4 * expected:
                break
            step, expected = step / 2, expected / 2
        else:
            break
        turn = (
            new_slopes.mean(axis=0) - mean + multiplier * (new_slopes[1] - new_slopes[0] - across)
        )
        model = updated(model, step, turn)
        point, values, slopes = there, new_values, new_slopes
        if (point - start) @ scale @ (point - start) > _FARTHEST * energy:
            return None
    return point


def restarts(
    start: FloatArray, scale: FloatArray, energy: float, count: int
) -> Iterator[FloatArray]:
    """Yield seeded random points around `start`, at rising energies up to about `energy`."""
    rng = np.random.default_rng(_SEED)
    bends, axes = np.linalg.eigh(scale)
    for k in range(1, count + 1):
        aim = rng.normal(size=len(start))
        aim *= np.sqrt(2 * energy * k / count) / np.linalg.norm(aim)
        yield start + axes @ (aim / np.sqrt(bends))


def updated(model: FloatArray, step: FloatArray, turn: FloatArray) -> FloatArray:
    """Return the BFGS update of the model, damped (Powell) so that it stays positive definite."""
    bent = model @ step
    size = step @ bent
    if not size > 0:
        return model
    if step @ turn < 0.2 * size:
        part = 0.8 * size / (size - step @ turn)
        turn = part * turn + (1 - part) * bent
    return np.asarray(model - np.outer(bent, bent) / size + np.outer(turn, turn) / (step @ turn))
