"""The lowest point at which two levels meet, from energies and gradients without couplings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    choice,
    fail,
    integer,
    positive_number,
    real_array,
    returned,
    two_levels,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._gradient_steps import Ending, Goal, quasi_newton, smoothed_penalty

Levels = Callable[[FloatArray], tuple[npt.ArrayLike, npt.ArrayLike]]
"""Of a point (f,): energies (N,) and their gradients (N, f)."""

_FIRST_STEPS = 60  # of the branching plane alone, before a penalty leads nearer
_LOOSE_GAP = 100.0  # times the tolerance: where a penalty hands over
_WIDTH = 0.01  # of the gap at the start: the first α of the penalty
_STRENGTH = 3.5
_ROUNDING = 16 * float(np.finfo(np.float64).eps)
_APART = 1e-3  # of the slope of the gap: less is no conical intersection


@dataclass(frozen=True, eq=False)
class CrossingPoint(Result):
    """The lowest point of a seam, found by `find_crossing_point`.

    Attributes
    ----------
    position : array, shape (f,)
        The coordinates.
    energy : float
        The mean of the two levels there.
    gap : float
        What is left between them.
    gradients : array, shape (2, f)
        The gradients of both levels.
    seam_gradient : float
        The length of the gradient of the mean energy along the seam, zero at a minimum.
    error_estimate : float
        How far the energy may be above the lowest one of the seam, by the gap and by what a
        quadratic model of the seam still gains.
    method : str
        ``"branching-plane"``, ``"seam"`` or ``"penalty"``: what ended the search.
    evaluations : int
        How often energies and gradients were asked for.
    """

    position: FloatArray
    energy: float
    gap: float
    gradients: FloatArray
    seam_gradient: float
    error_estimate: float
    method: str
    evaluations: int

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("coordinate", text="coordinates"),
        "energy": shown(text="mean energy of the two levels"),
        "gap": shown(text="what is left between them"),
        "gradients": shown("state", "coordinate", text="gradient of the level"),
        "seam_gradient": shown(text="gradient of the mean along the seam"),
        "error_estimate": shown(text="how far the energy may be from the lowest"),
        "evaluations": shown(text="calls of the surfaces"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"method": self.method}

    def plot(self, ax: Any = None) -> Any:
        """Draw both levels along the direction in which their difference grows."""
        ax = new_axes() if ax is None else ax
        rho = np.linspace(-1.0, 1.0, 101)
        direction = self.gradients[1] - self.gradients[0]
        direction = direction / max(float(np.linalg.norm(direction)), 1e-300)
        for state, gradient in enumerate(self.gradients):
            ax.plot(rho, self.energy + rho * float(gradient @ direction), label=f"state {state}")
        ax.set(xlabel="distance from the crossing", ylabel="energy")
        ax.legend()
        return ax

    def __str__(self) -> str:
        return (
            f"levels meet at energy {self.energy:.9g} (gap {self.gap:.1e}, gradient along the "
            f"seam {self.seam_gradient:.1e}, error about {self.error_estimate:.1e}): "
            f"{self.method}, {self.evaluations} evaluations"
        )


def find_crossing_point(
    surfaces: Levels,
    start: npt.ArrayLike,
    *,
    levels: tuple[int, int] = (0, 1),
    kind: str = "conical",
    method: str | None = None,
    longest_step: float = 0.3,
    gap_tolerance: float = 1e-6,
    gradient_tolerance: float = 1e-5,
    steps: int = 200,
) -> CrossingPoint:
    """Find the lowest point at which two levels meet, from their energies and gradients.

    With x the unit vector of ``Δg = ∇(E_b − E_a)`` a step removes the gap along x and lowers
    ``Ē = (E_a + E_b)/2`` within the seam, by a quadratic model whose Hessian is updated. Levels
    that are coupled part along a second direction y too, which no gradient shows at one point: it
    is remembered from the Δg of the steps before (the branching-plane update), and near the cone
    the gradients on both sides of it tell y. Two points of a cone, ``Δ² = ρᵀAρ``, also tell where
    its tip is: ``u = Δ Δg = Aρ`` at both gives ``u′·ρ``. The penalty is ``Ē + σ Δ²/(Δ + α)``, α
    made smaller and σ larger until the gap is closed.

    Parameters
    ----------
    surfaces : callable
        Of an array (f,): energies (N,) and gradients (N, f), as `ElectronicStates` are.
    start : array_like, shape (f,)
        Where to begin.
    levels : (int, int)
        Which two of the N states.
    kind : {"conical", "crossing"}
        Levels that a coupling keeps apart but at points of codimension two, numbered by energy; or
        levels of different spin or symmetry, each followed as itself.
    method : {"branching-plane", "penalty"}, optional
        For ``kind="conical"``: one of the two alone; by default the first, and where it does not
        arrive the second to lead nearer. A crossing needs no second direction: its default is
        Lagrange's function of one condition ("seam" in the result).
    longest_step : float
        In units of the coordinates.
    gap_tolerance : float
        The gap that is closed enough (energy).
    gradient_tolerance : float
        The gradient along the seam that is zero enough (energy per coordinate).
    steps : int
        How many at most, of each method that is tried.

    Returns
    -------
    CrossingPoint
        A local minimum.

    Raises
    ------
    InputError
        For arguments of wrong shapes, or a function that returns something else.
    ConvergenceError
        With the gap and the gradient that are left, or where levels sought as conical are not
        coupled.

    References
    ----------
    S. Maeda, K. Ohno, K. Morokuma, J. Chem. Theory Comput. 6, 1538 (2010), eqs. (5)–(7), the update
    of y; B. G. Levine, J. D. Coe, T. J. Martínez, J. Phys. Chem. B 112, 405 (2008), eq. (7), the
    penalty; J. N. Harvey, M. Aschi, H. Schwarz, W. Koch, Theor. Chem. Acc. 99, 95 (1998).

    Examples
    --------
    >>> def surfaces(q):
    ...     mean, slope = (q @ q) / 2, q                  # (x² + y² + z²)/2 ± √(d² + y²)
    ...     d, y = q[0] - (q[2] + 1) / 2, q[1]            # with d = x − (z + 1)/2
    ...     r = np.hypot(d, y)
    ...     part = (d * np.array([1, 0, -0.5]) + y * np.array([0, 1, 0])) / r
    ...     return [mean - r, mean + r], [slope - part, slope + part]
    >>> found = find_crossing_point(surfaces, [0.3, 0.4, 1.0])
    >>> found.position.round(4) + 0, round(found.energy, 6)         # on x = (z + 1)/2, y = 0
    (array([ 0.4,  0. , -0.2]), 0.1)
    """
    point = real_array("start", start, ndim=1)
    if not point.size:
        raise fail("start", "hold at least one coordinate", "it is empty")
    choice("kind", kind, ("conical", "crossing"))
    if method is not None:
        choice("method", method, ("branching-plane", "penalty"))
        if method == "branching-plane" and kind == "crossing":
            raise fail("method", "be 'penalty' or left out for a crossing", f"it is {method!r}")
    pair = _Pair(surfaces, levels, point.size)
    goal = Goal(
        gap=positive_number("gap_tolerance", gap_tolerance),
        gradient=positive_number("gradient_tolerance", gradient_tolerance),
        longest=positive_number("longest_step", longest_step),
        steps=integer("steps", steps, minimum=1),
    )
    conical = kind == "conical" and point.size > 1
    name, end = _search(pair, _off_the_seam(pair, point, goal), goal, conical, method)
    if not end.reached(goal):
        raise ConvergenceError(
            f"After {pair.calls} evaluations levels {levels[0]} and {levels[1]} are {end.gap:.3g} "
            f"apart, and the mean falls along the seam with {end.seam_gradient:.3g}: try another "
            "start, a shorter `longest_step`, more `steps` or wider tolerances."
        )
    _check_apart(pair, end, goal)
    if kind == "conical" and name != "penalty" and end.second is not None:
        _check_cone(pair, end, goal)
    force = float(np.linalg.norm(end.slopes.mean(axis=0)))
    steep = float(np.linalg.norm(end.slopes[1] - end.slopes[0]))
    energy = float(end.energies.mean())
    return CrossingPoint(
        position=end.point,
        energy=energy,
        gap=end.gap,
        gradients=end.slopes,
        seam_gradient=end.seam_gradient,
        error_estimate=_ROUNDING * abs(energy)
        + end.left
        + end.gap * (1.0 + (force / steep if steep > 0 else 0.0)),
        method=name,
        evaluations=pair.calls,
    )


class _Pair:
    """Two levels of what the caller gave; it counts how often it is asked."""

    def __init__(self, surfaces: Levels, levels: tuple[int, int], size: int) -> None:
        if not callable(surfaces):
            raise fail("surfaces", "be a function of the coordinates", "it cannot be called")
        self._surfaces, self._size, self.calls = surfaces, size, 0
        self._levels: Any = levels
        self._checked = False

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        self.calls += 1
        found = self._surfaces(point.copy())
        try:
            energies, gradients = found
        except (TypeError, ValueError):
            raise fail(
                "surfaces", "return energies and gradients", "it returns something else"
            ) from None
        count = len(np.atleast_1d(np.asarray(energies)))
        if not self._checked:
            self._levels = list(two_levels("levels", self._levels, count))
            self._checked = True
        values = returned("surfaces", energies, (count,), np.float64)
        slopes = returned("surfaces", gradients, (count, self._size), np.float64)
        return values[self._levels], slopes[self._levels]


def _search(
    pair: _Pair, point: FloatArray, goal: Goal, conical: bool, method: str | None
) -> tuple[str, Ending]:
    first = "branching-plane" if conical else "seam"
    if method != "penalty":
        few = goal.steps if method else min(goal.steps, _FIRST_STEPS)
        end = quasi_newton(pair, point, _with(goal, steps=few), conical)
        if method or end.reached(goal):
            return first, end
    width = _WIDTH * max(abs(float(np.diff(pair(point)[0])[0])), goal.gap)
    if method is None:
        loose = _with(goal, gap=_LOOSE_GAP * goal.gap, gradient=10 * goal.gradient)
        near = smoothed_penalty(pair, point, loose, width, _STRENGTH)
        end = quasi_newton(pair, near.point, goal, conical)
        if end.reached(goal):
            return first, end
    return "penalty", smoothed_penalty(pair, point, goal, width, _STRENGTH)


def _off_the_seam(pair: _Pair, point: FloatArray, goal: Goal) -> FloatArray:
    """Return the start, moved a little in a seeded direction where the levels already meet.

    There the gradients of degenerate states are as the program happened to choose these.
    """
    if abs(float(np.diff(pair(point)[0])[0])) > goal.gap:
        return point
    aim = np.random.default_rng(0).normal(size=point.size)
    return np.asarray(point + 0.1 * goal.longest * aim / np.linalg.norm(aim))


def _check_apart(pair: _Pair, end: Ending, goal: Goal) -> None:
    """Raise where the levels are the same all around."""
    aims = np.random.default_rng(1).normal(size=(2, end.point.size))
    aims *= 0.03 * goal.longest / np.linalg.norm(aims, axis=1, keepdims=True)
    if all(abs(float(np.diff(pair(end.point + aim)[0])[0])) <= end.gap for aim in aims):
        raise ConvergenceError(
            "The levels are as near to each other all around the point that was found: that is no "
            "crossing. Try another start or other levels."
        )


def _with(goal: Goal, **changes: Any) -> Goal:
    return Goal(**(vars(goal) | changes))


def _check_cone(pair: _Pair, end: Ending, goal: Goal) -> None:
    """Raise where the levels part in one direction only: then less than the seam was searched."""
    assert end.second is not None
    distance = 0.01 * goal.longest
    steep = float(np.linalg.norm(end.slopes[1] - end.slopes[0]))
    gaps = [
        abs(float(np.diff(pair(end.point + sign * distance * end.second)[0])[0]))
        for sign in (1.0, -1.0)
    ]
    if max(gaps) - end.gap <= _APART * steep * distance:
        raise ConvergenceError(
            "The levels part in one direction only, as levels of different symmetry or spin do: "
            "ask for kind='crossing', with each level followed as itself."
        )
