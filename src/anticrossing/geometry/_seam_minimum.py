"""Newton's method for the lowest energy along a seam on which conditions hold."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.geometry._descent import restore
from anticrossing.geometry._quasidegenerate import (
    EPSILON,
    Directions,
    Group,
    constraint_hessian,
    curvature,
    directions,
    expand,
    mean_hessian,
)
from anticrossing.hamiltonian import Hamiltonian

_MOST_STEPS = 200
_MOST_HALVINGS = 30
_FARTHEST = 1e4  # times the reach: whoever gets there finds no minimum


@dataclass(frozen=True)
class SeamPoint:
    """A point of a seam: the energy, its gradient, the directions, and the Hessian.

    `hessian` takes the multipliers λ of the conditions and returns ∇²(E + λ·W), shape (f, f).
    """

    energy: float
    slope: FloatArray
    split: Directions
    hessian: Callable[[FloatArray], FloatArray]


class SeamFunction(abc.ABC):
    """The points at which some conditions on the levels hold, and the energy there."""

    @abc.abstractmethod
    def at(self, point: FloatArray) -> SeamPoint:
        """Return energy and directions at a point of the seam, shape (f,)."""

    @abc.abstractmethod
    def restore(self, point: FloatArray) -> FloatArray | None:
        """Return the point of the seam next to a given one, None if it cannot be reached."""


@dataclass(frozen=True)
class DegenerateLevels(SeamFunction):
    """The seam on which a group of levels is degenerate."""

    hamiltonian: Hamiltonian
    group: Group
    threshold: float | None = None

    def at(self, point: FloatArray) -> SeamPoint:
        points = point[np.newaxis]
        expansion = expand(self.hamiltonian, self.group, points)
        bend = curvature(self.hamiltonian, self.group, points, expansion)

        def hessian(multipliers: FloatArray) -> FloatArray:
            bent = constraint_hessian(bend, multipliers[np.newaxis])
            return np.asarray((mean_hessian(bend) + bent)[0])

        return SeamPoint(
            float(expansion.mean[0]),
            expansion.mean_slope[0],
            directions(expansion.jacobian[0]),
            hessian,
        )

    def restore(self, point: FloatArray) -> FloatArray | None:
        return restore(self.hamiltonian, self.group, point, self.threshold)


def minimise(
    seam: SeamFunction, start: FloatArray, reach: float, box: FloatArray | None = None
) -> FloatArray | None:
    """Return the local minimum of the energy along the seam that `start` on it leads to.

    None if there is none within reach, or, with a box (f, 2), if the way down leads far outside.
    """
    point, radius = start, reach
    here = seam.at(point)
    for _ in range(_MOST_STEPS):
        normal, tangent = here.split.branching, here.split.seam
        if len(tangent) == 0:
            return point
        force = tangent @ here.slope
        multipliers = -here.split.left @ (normal @ here.slope / here.split.lengths)
        bends, axes = np.linalg.eigh(tangent @ here.hessian(multipliers) @ tangent.T)
        along = axes.T @ force
        along[np.abs(along) <= 64 * EPSILON * np.linalg.norm(here.slope)] = 0.0
        largest = float(np.max(np.abs(bends)))
        # Along a straight seam with a force there is no minimum: far down, in any unit of energy.
        least = 1e-10 * largest or float(np.linalg.norm(along)) / radius or 1.0
        step = -axes @ (along / np.maximum(np.abs(bends), least))
        size = float(np.linalg.norm(step))
        scale = max(float(np.linalg.norm(point)), reach)
        small = max(1e-9 * reach, 64 * EPSILON * scale)
        if size <= small and bends[0] < -1e-6 * largest:  # on top or a saddle: go down
            step, size = radius * axes[:, 0], radius
        last = size <= small
        if size > radius:
            step = step * (radius / size)
        for _ in range(_MOST_HALVINGS):
            there = seam.restore(point + step @ tangent)
            if there is not None:
                new = seam.at(there)
                slack = (
                    16 * EPSILON * abs(here.energy) + EPSILON * np.linalg.norm(here.slope) * scale
                )
                if new.energy <= here.energy + slack:
                    break
            step = step / 2
        else:
            return None
        length = float(np.linalg.norm(step))
        radius = 2 * radius if length >= 0.99 * radius else max(length, 0.25 * radius)
        point, here = there, new
        if last:
            return point
        if np.linalg.norm(point - start) > _FARTHEST * reach:
            return None
        if box is not None and _far_outside(point, box):
            return None
    return None


def _far_outside(point: FloatArray, box: FloatArray) -> bool:
    width = box[:, 1] - box[:, 0]
    return bool(np.any(np.maximum(box[:, 0] - point, point - box[:, 1]) > width))
