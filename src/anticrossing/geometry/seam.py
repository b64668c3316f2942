"""The seam of intersections, followed from point to point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, fail, positive_number
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._descent import restore
from anticrossing.geometry._quasidegenerate import (
    Directions,
    Group,
    check_several_levels,
    check_vector,
    directions,
    expand,
)
from anticrossing.geometry.intersection import Intersection, check_intersection
from anticrossing.hamiltonian import Hamiltonian

_MOST_POINTS = 100_000
_BEND = 0.1  # largest distance of a corrected point from the tangent, in steps
_SHORTEST = 1e-6  # of the largest step
_FINEST = 1e-12  # of the length: finer steps would be lost in rounding


@dataclass(frozen=True, eq=False)
class Seam(Result):
    """A curve of intersections of two levels.

    Attributes
    ----------
    points : array, shape (k, f)
        Points of the seam in order, the start first.
    energies : array, shape (k,)
        The energy at which the levels meet there.
    arc_length : array, shape (k,)
        The length of the polygon up to each point.
    closed : bool
        Whether the curve came back to its start, which then is the last point too.
    levels : (int, int)
        The two levels.
    """

    points: FloatArray
    energies: FloatArray
    arc_length: FloatArray
    closed: bool
    levels: tuple[int, int]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "arc_length": shown("arc_length", text="length along the seam"),
        "energy": shown("arc_length", text="energy at which the levels meet"),
        "position": shown("arc_length", "coordinate", text="coordinates", of="points"),
        "length": shown(text="length of the seam"),
        "closed": shown(text="whether it comes back to its start"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"lower_level": self.levels[0], "upper_level": self.levels[1]}

    @property
    def length(self) -> float:
        """The length of the polygon."""
        return float(self.arc_length[-1])

    @property
    def lowest(self) -> FloatArray:
        """The point with the lowest energy among `points`, shape (f,)."""
        return np.asarray(self.points[np.argmin(self.energies)])

    def __str__(self) -> str:
        closed = "closed" if self.closed else "open"
        return (
            f"seam of levels {self.levels[0]} and {self.levels[1]}: {len(self.points)} points, "
            f"length {self.length:.6g} ({closed}), energies {self.energies.min():.6g} … "
            f"{self.energies.max():.6g}"
        )


def trace_seam(
    hamiltonian: Hamiltonian,
    intersection: Intersection,
    *,
    length: float,
    step: float,
    direction: npt.ArrayLike | None = None,
) -> Seam:
    """Follow the seam of intersections through a given one.

    Each step goes along the tangent, the directions in which the degeneracy is not lifted to first
    order, and is brought back to the seam by Gauss-Newton steps; it is shortened where the seam
    bends. Every point is an intersection to rounding.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        The one whose intersection is given.
    intersection : Intersection
        Where to begin, for instance from `find_intersection`.
    length : float
        How far to follow the seam (length of the polygon, coordinate units); it ends earlier where
        a one-dimensional seam closes.
    step : float
        The longest step.
    direction : array_like, shape (f,), optional
        Where to go. For a one-dimensional seam only its side matters, and without it the largest
        component of the first tangent is positive. For a seam of higher dimension it is needed:
        each step goes along its projection on the seam.

    Returns
    -------
    Seam

    Raises
    ------
    InputError
        If the intersection is isolated, or `direction` is missing or perpendicular to the seam.
    ConvergenceError
        If the seam cannot be followed, as where its dimension changes.

    References
    ----------
    E. L. Allgower, K. Georg, Numerical Continuation Methods (Springer, 1990), ch. 2;
    D. R. Yarkony, J. Phys. Chem. A 105, 6277 (2001).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> from anticrossing.geometry.intersections import find_intersection
    >>> H = Hamiltonian.from_matrix(
    ...     [["x**2 + y**2 - 1", "z"], ["z", "1 - x**2 - y**2"]], coordinates=["x", "y", "z"])
    >>> circle = trace_seam(H, find_intersection(H, [2.0, 0.0, 0.3]), length=10.0, step=0.05)
    >>> circle.closed, round(circle.length, 3)
    (True, 6.283)
    """
    check_several_levels(hamiltonian)
    check_intersection(intersection, hamiltonian)
    begin = intersection.position
    total = positive_number("length", length)
    longest = positive_number("step", step)
    if longest > total:
        raise fail("step", "not exceed `length`", f"it is {longest:g}, above {total:g}")
    if longest < _FINEST * total:
        raise fail("step", f"be at least {_FINEST:g} of `length`", f"it is {longest:g}")
    if intersection.seam_dimension == 0:
        raise fail("intersection", "belong to a seam", "it is an isolated point")
    if intersection.codimension == 0:
        raise fail(
            "intersection",
            "be conical or a crossing",
            "the degeneracy is not lifted linearly there",
        )
    heading = None
    if direction is not None:
        heading = check_vector("direction", hamiltonian, direction)
    elif intersection.seam_dimension > 1:
        raise fail(
            "direction",
            f"be given on a seam of dimension {intersection.seam_dimension}",
            "it is missing",
        )
    group = Group.of(hamiltonian, intersection.levels, begin[np.newaxis], longest)
    threshold = intersection.gap if intersection.gap > intersection.rounding else None
    curve = _Curve(hamiltonian, group, intersection.codimension, threshold)
    here, energy, tangent = curve.first(begin, heading)
    points, energies, lengths, closed = [here], [energy], [0.0], False
    reach = longest
    one_dimensional = intersection.seam_dimension == 1
    while lengths[-1] < total * (1 - 1e-12):
        size = min(reach, total - lengths[-1])
        closing = begin - here
        # a closed seam is completed by a last step onto its start
        if (
            one_dimensional
            and len(points) > 3
            and np.linalg.norm(closing) <= size
            and closing @ tangent > 0.5 * np.linalg.norm(closing)
        ):
            points.append(points[0])
            energies.append(energies[0])
            lengths.append(lengths[-1] + float(np.linalg.norm(closing)))
            closed = True
            break
        found = curve.next(here, tangent, size, heading)
        if found is None:
            reach = size / 2
            if reach < _SHORTEST * longest:
                place = ", ".join(f"{value:.6g}" for value in here)
                raise ConvergenceError(
                    f"The seam cannot be followed beyond ({place}): its dimension may change there."
                )
            continue
        there, energy, new_tangent = found
        lengths.append(lengths[-1] + float(np.linalg.norm(there - here)))
        points.append(there)
        energies.append(energy)
        here, tangent = there, new_tangent
        reach = min(longest, 1.5 * reach)
        if len(points) > _MOST_POINTS:
            raise ConvergenceError(
                f"The seam was left after {_MOST_POINTS} points: choose a longer `step`."
            )
    return Seam(
        points=np.stack(points),
        energies=np.array(energies),
        arc_length=np.array(lengths),
        closed=closed,
        levels=intersection.levels,
    )


@dataclass(frozen=True)
class _Curve:
    """The steps along a seam of known codimension."""

    hamiltonian: Hamiltonian
    group: Group
    codimension: int
    threshold: float | None

    def first(
        self, point: FloatArray, heading: FloatArray | None
    ) -> tuple[FloatArray, float, FloatArray]:
        energy, split = self._at(point)
        if heading is None:
            tangent = split.seam[0]
            return point, energy, tangent * np.sign(tangent[np.argmax(np.abs(tangent))])
        along = split.seam.T @ (split.seam @ heading)
        size = float(np.linalg.norm(along))
        if size <= 1e-8 * float(np.linalg.norm(heading)):
            raise fail("direction", "have a part along the seam", "it is perpendicular or zero")
        return point, energy, along / size

    def next(
        self, here: FloatArray, tangent: FloatArray, size: float, heading: FloatArray | None
    ) -> tuple[FloatArray, float, FloatArray] | None:
        """Return the next point, its energy and tangent, or None if the step was too long."""
        predicted = here + size * tangent
        there = restore(self.hamiltonian, self.group, predicted, self.threshold)
        if there is None or np.linalg.norm(there - predicted) > _BEND * size:
            return None
        energy, split = self._at(there)
        if split.codimension != self.codimension:
            return None
        # on a surface go on along the given direction, on a curve along the curve
        goal = heading if heading is not None and len(split.seam) > 1 else tangent
        along = split.seam.T @ (split.seam @ goal)
        length = float(np.linalg.norm(along))
        if length <= 1e-8 * float(np.linalg.norm(goal)):
            return None
        along = along / length
        return (there, energy, along) if along @ tangent > 0.5 else None

    def _at(self, point: FloatArray) -> tuple[float, Directions]:
        expansion = expand(self.hamiltonian, self.group, point[np.newaxis])
        return float(expansion.mean[0]), directions(expansion.jacobian[0])
