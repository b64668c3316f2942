"""Lowest crossings from energies and gradients alone: quasi-Newton steps and smoothed penalties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize

from anticrossing._core.checks import FloatArray
from anticrossing.geometry._seam_approach import updated

_MOST_HALVINGS = 12
_SUFFICIENT = 1e-4
_NARROWEST = 1e-5  # of the widest direction of a penalty
_SOFTEST = 1e-4  # of the first curvature of the model
_SMOOTHEST = 12  # times the width of the penalty is divided by ten
_STRONGER = 4.0
_SKEW = 0.02  # least sine of the angle between two steps that show the cone
_NEAR = 1e-2  # of the longest step: how far to look at the plane of a cone that is nearer
_PARALLEL = 1e-8  # of a unit vector

Pair = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Goal:
    """When a search has arrived, and how far it may go."""

    gap: float
    gradient: float
    longest: float
    steps: int


@dataclass(frozen=True)
class Ending:
    """Where a search ended: the point, the two levels there, and what is left."""

    point: FloatArray
    energies: FloatArray  # (2,)
    slopes: FloatArray  # (2, f)
    seam_gradient: float
    left: float  # energy that the model expects to gain within the seam
    second: FloatArray | None  # the direction of the coupling, a unit vector

    def reached(self, goal: Goal) -> bool:
        """Whether the levels meet and the energy does not fall along their seam."""
        return self.gap <= goal.gap and self.seam_gradient <= goal.gradient

    @property
    def gap(self) -> float:
        return abs(float(self.energies[1] - self.energies[0]))


def quasi_newton(pair: Pair, start: FloatArray, goal: Goal, conical: bool) -> Ending:
    """Follow steps that close the gap to first order and lower the mean energy along the seam.

    With `conical` a second direction y is left out of the seam: Δg of the steps before, made
    orthogonal to the present one, spans the branching plane with it.
    """
    point = start
    energies, slopes = pair(point)
    force = float(np.linalg.norm(slopes, axis=1).max())
    first = (force / goal.longest if force > 0 else 1.0) * np.eye(start.size)
    largest = float(first[0, 0])
    model, fresh, penalty = first, True, 0.0
    x, y = _across(slopes), None
    before: Ending | None = None
    if conical:
        y = _orthogonal(slopes.mean(axis=0), x)
    for _ in range(goal.steps):
        gap, mean = energies[1] - energies[0], slopes.mean(axis=0)
        steep = float(np.linalg.norm(slopes[1] - slopes[0]))
        distance = _NEAR * goal.longest
        if before is None:  # the plane is not known at all
            distance = max(distance, 3 * abs(gap) / max(steep, 1e-300))
        if y is not None and abs(gap) <= 0.4 * distance * steep and distance <= goal.longest:
            y = _probed(pair, point, distance, x, y)
        here = _ending(point, energies, slopes, model, x, y)
        if here.reached(goal) or not np.isfinite(gap):
            return here
        length = float(np.linalg.norm(slopes[1] - slopes[0]))
        beside = 0.0 if y is None or before is None else _beside(before, here, x, y)
        step, multiplier = _step(model, mean, gap, length, x, y, beside)
        size = float(np.linalg.norm(step))
        if size > goal.longest:
            step = step * (goal.longest / size)
        penalty = max(penalty, 1.5 * abs(multiplier))
        found = _search(pair, point, energies, slopes, step, penalty)
        if found is None:
            if fresh:
                return here
            model, fresh, penalty = first, True, 0.0
            continue
        there, new_energies, new_slopes = found
        new_x = _across(new_slopes)
        new_y = None if y is None else _turned(x, y, new_x)
        turn = _along(new_slopes, new_x, new_y, multiplier) - _along(slopes, x, y, multiplier)
        moved = there - point
        if new_y is not None:  # the model is of the mean within the seam
            change = new_slopes.mean(axis=0) - slopes.mean(axis=0)
            turn, moved = _within(change, new_x, new_y), _within(moved, new_x, new_y)
        if np.linalg.norm(moved) > _PARALLEL * np.linalg.norm(there - point):
            model = _bounded(updated(model, moved, turn), largest)
        fresh = False
        point, energies, slopes, x, y = there, new_energies, new_slopes, new_x, new_y
        before = here
    return _ending(point, energies, slopes, model, x, y)


def smoothed_penalty(
    pair: Pair, start: FloatArray, goal: Goal, width: float, strength: float
) -> Ending:
    """Minimise Ē + σ Δ²/(Δ + α), α made ten times smaller and σ larger until the gap is closed."""
    point = start
    budget = goal.steps
    metric: FloatArray | None = None
    for _ in range(_SMOOTHEST):

        def value(
            x: FloatArray, width: float = width, strength: float = strength
        ) -> tuple[float, FloatArray]:
            energies, slopes = pair(x)
            gap = float(energies[1] - energies[0])
            sign, gap = (1.0, gap) if gap >= 0 else (-1.0, -gap)
            rate = strength * (gap**2 + 2 * width * gap) / (gap + width) ** 2
            cost = energies.mean() + strength * gap**2 / (gap + width)
            return float(cost), slopes.mean(axis=0) + sign * rate * (slopes[1] - slopes[0])

        options: dict[str, Any] = {
            "gtol": goal.gradient / 2,
            "maxiter": budget,
            "hess_inv0": metric,
        }
        found = scipy.optimize.minimize(value, point, jac=True, method="BFGS", options=options)
        moved = float(np.linalg.norm(found.x - point))
        point, metric = found.x, _metric(found.hess_inv)
        budget -= int(found.nit)
        energies, slopes = pair(point)
        gap = abs(float(energies[1] - energies[0]))
        if not np.isfinite(gap) or budget <= 0:
            break
        if strength * gap**2 / (gap + width) <= goal.gap and gap <= goal.gap:
            break
        if gap > width and moved <= goal.longest:  # the penalty is too weak to close the gap
            strength *= _STRONGER
        else:
            width /= 10
    # At a minimum the gradient of the mean lies in the plane of the penalty.
    energies, slopes = pair(point)
    x = _across(slopes)
    model = np.eye(start.size)
    rest = slopes.mean(axis=0) - x * (x @ slopes.mean(axis=0))
    y = rest / np.linalg.norm(rest) if np.linalg.norm(rest) > goal.gradient else None
    return _ending(point, energies, slopes, model, x, y)


def _metric(inverse: FloatArray) -> FloatArray | None:
    """Return what a stage learned of the inverse Hessian, symmetric and positive to the last bit.

    The next stage, whose valley is steeper, does not begin its quasi-Newton steps anew with it.
    """
    if not np.all(np.isfinite(inverse)):
        return None
    spreads, axes = np.linalg.eigh(inverse + inverse.T)
    if not spreads[-1] > 0:
        return None
    found = (axes * np.maximum(spreads, _NARROWEST * spreads[-1])) @ axes.T
    return np.asarray((found + found.T) / 4)


def _probed(
    pair: Pair, point: FloatArray, distance: float, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Return y as the gradients of the gap on both sides of a point next to the seam tell it.

    Where no step is left that turns Δg, what is remembered of the plane grows old.
    """
    sides = [pair(point + sign * distance * y)[1] for sign in (1.0, -1.0)]
    up, down = (slopes[1] - slopes[0] for slopes in sides)
    found = _orthogonal(up - down if up @ down < 0 else up + down, x)
    return y if found is None else found


def _bounded(model: FloatArray, largest: float) -> FloatArray:
    """Return a model no curvature of which is negligible or absurd."""
    bends, axes = np.linalg.eigh(model)
    return np.asarray((axes * np.clip(bends, _SOFTEST * largest, largest / _SOFTEST)) @ axes.T)


def _ending(
    point: FloatArray,
    energies: FloatArray,
    slopes: FloatArray,
    model: FloatArray,
    x: FloatArray,
    y: FloatArray | None,
) -> Ending:
    rest = _along(slopes, x, y, 0.0)
    left = 0.5 * float(rest @ np.linalg.solve(model, rest))
    return Ending(point, energies, slopes, float(np.linalg.norm(rest)), left, y)


def _step(
    model: FloatArray,
    mean: FloatArray,
    gap: float,
    length: float,
    x: FloatArray,
    y: FloatArray | None,
    beside: float,
) -> tuple[FloatArray, float]:
    """Return the step to the minimum of the model on the seam, and the multiplier of the gap."""
    rows = x[np.newaxis] if y is None else np.stack([x, y])
    wanted = np.zeros(len(rows))
    wanted[0] = -gap / length if length > 0 else 0.0
    if y is not None:
        wanted[1] = beside
    # Within the seam, from the point next to it: no division by what is small.
    closing = rows.T @ wanted
    plane = np.eye(x.size) - rows.T @ rows
    axes = np.linalg.svd(plane)[0][:, : x.size - len(rows)]
    force = axes.T @ (mean + model @ closing)
    inner = -axes @ np.linalg.solve(axes.T @ model @ axes, force) if axes.size else 0.0 * x
    step = closing + inner
    multiplier = -float(x @ (mean + model @ step)) / length if length > 0 else 0.0
    return step, multiplier


def _beside(before: Ending, here: Ending, x: FloatArray, y: FloatArray) -> float:
    """Return how far the cone is along y, by the gaps and slopes at two points of it.

    Of a cone Δ² = ρᵀAρ the vectors u = Δ ∇Δ = Aρ at both points and their distance give
    u·ρ′ = ρᵀAρ′, which fixes ρ in the plane of both vectors.
    """
    (one, old), (two, new) = ((e.gap, e.gap * (e.slopes[1] - e.slopes[0])) for e in (before, here))
    shift = here.point - before.point
    across = float(old @ y)
    if abs(across) <= _SKEW * float(np.linalg.norm(old)):
        return 0.0
    mixed = 0.5 * (two**2 - float(new @ shift) + one**2 + float(old @ shift))
    along = -two / max(float(np.linalg.norm(here.slopes[1] - here.slopes[0])), 1e-300)
    return (-mixed - float(old @ x) * along) / across


def _search(
    pair: Pair,
    point: FloatArray,
    energies: FloatArray,
    slopes: FloatArray,
    step: FloatArray,
    penalty: float,
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return the first point along a step that is better, or None."""
    gap = abs(float(energies[1] - energies[0]))
    merit = energies.mean() + penalty * gap
    expected = float(slopes.mean(axis=0) @ step) - penalty * gap
    noise = 16 * np.finfo(float).eps * float(np.abs(energies).max())
    for _ in range(_MOST_HALVINGS):
        there = point + step
        new_energies, new_slopes = pair(there)
        new = new_energies.mean() + penalty * abs(float(new_energies[1] - new_energies[0]))
        if new <= merit + _SUFFICIENT * min(expected, 0.0) + noise:
            return there, new_energies, new_slopes
        step, expected = step / 2, expected / 2
    return None


def _along(
    slopes: FloatArray, x: FloatArray, y: FloatArray | None, multiplier: float
) -> FloatArray:
    """Return the gradient of the mean within the seam; of one condition, the Lagrangian's."""
    mean = slopes.mean(axis=0)
    if y is None and multiplier:
        return np.asarray(mean + multiplier * (slopes[1] - slopes[0]))
    return _within(mean, x, y)


def _within(vector: FloatArray, x: FloatArray, y: FloatArray | None) -> FloatArray:
    """Return the part of a vector along the seam."""
    rest = vector - x * (x @ vector)
    return np.asarray(rest if y is None else rest - y * (y @ rest))


def _across(slopes: FloatArray) -> FloatArray:
    """Return the unit vector along the difference of the gradients."""
    difference = slopes[1] - slopes[0]
    size = float(np.linalg.norm(difference))
    if not size > 0:
        return np.eye(difference.size)[0]
    return np.asarray(difference / size)


def _orthogonal(vector: FloatArray, x: FloatArray) -> FloatArray | None:
    """Return the unit vector along what `vector` has besides x; None in one dimension."""
    if x.size < 2:
        return None
    for trial in (vector, *np.eye(x.size)):
        rest = trial - x * (x @ trial)
        size = float(np.linalg.norm(rest))
        if size > _PARALLEL * max(float(np.linalg.norm(trial)), 1e-300):
            return np.asarray(rest / size)
    return None


def _turned(x: FloatArray, y: FloatArray, new_x: FloatArray) -> FloatArray | None:
    """Return the new y: in the plane of the old pair, orthogonal to the new x."""
    along, across = float(y @ new_x), float(x @ new_x)
    new = along * x - across * y
    size = float(np.hypot(along, across))
    if size < _PARALLEL:
        return _orthogonal(y, new_x)
    return _orthogonal(new / size, new_x)
