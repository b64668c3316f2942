"""The lowest point of a seam: minimum-energy intersections and crossings of uncoupled states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, describe, fail, integer
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._quasidegenerate import (
    EPSILON,
    Group,
    check_point,
    check_reach,
    check_several_levels,
    directions,
    energy_derivatives,
    hamiltonian_at,
    mean_curvature,
)
from anticrossing.geometry._seam_approach import approach, metric, restarts
from anticrossing.geometry._seam_kink import kinks, lowest_around
from anticrossing.geometry._seam_minimum import DegenerateLevels, SeamFunction, SeamPoint, minimise
from anticrossing.geometry.intersection import Intersection, characterise
from anticrossing.geometry.intersections import find_intersection, refuse_region
from anticrossing.hamiltonian import Hamiltonian

_MOST_RESTORING_STEPS = 30
_SAME = 1e-13  # of the largest level: the components of a multiplet
_RESTARTS = 20


def minimum_energy_intersection(
    hamiltonian: Hamiltonian,
    start: npt.ArrayLike,
    *,
    levels: tuple[int, int] = (0, 1),
    reach: float = 1.0,
    gap_tolerance: float | None = None,
) -> Intersection:
    """Find the lowest point of the seam on which two levels meet.

    From the intersection nearest to the start, Newton steps within the seam minimise the mean
    energy: with the multipliers ``Jᵀλ = −∇E`` of the conditions, the gradient ``N·∇E`` and the
    Hessian ``N·∇²(E + λ·W)·Nᵀ`` along the directions N of the seam, all from exact derivatives of
    H. After each step the point is brought back to the seam.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Any number f of coordinates; single parameter values.
    start : array_like, shape (f,)
        Where to begin.
    levels, reach, gap_tolerance
        See `find_intersection`.

    Returns
    -------
    Intersection
        A local minimum of the energy along the seam. An isolated intersection is returned itself.

    Raises
    ------
    InputError
        As for `find_intersection`.
    ConvergenceError
        If no intersection is found, or the energy has no minimum along the seam, or the levels
        are the same in a whole region.

    References
    ----------
    M. J. Bearpark, M. A. Robb, H. B. Schlegel, Chem. Phys. Lett. 223, 269 (1994);
    D. R. Yarkony, Rev. Mod. Phys. 68, 985 (1996).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(
    ...     [["(x**2 + y**2 + z**2)/2 + x", "y"], ["y", "(x**2 + y**2 + z**2)/2 - x + z + 1"]],
    ...     coordinates=["x", "y", "z"])
    >>> lowest = minimum_energy_intersection(H, [0.3, 0.2, 1.0])    # on y = 0, 2x = z + 1
    >>> (lowest.position.round(12) + 0).tolist(), round(lowest.energy, 12)
    ([0.2, 0.0, -0.6], 0.4)
    """
    first = find_intersection(
        hamiltonian, start, levels=levels, reach=reach, gap_tolerance=gap_tolerance
    )
    if not first:
        raise ConvergenceError(
            f"No intersection of levels {levels[0]} and {levels[1]} was found from "
            f"{describe(start)} (the gap stays at {first.gap:.6g}): try another start."
        )
    group = Group.of(hamiltonian, levels, first.position[np.newaxis], reach)
    point = minimise(DegenerateLevels(hamiltonian, group, gap_tolerance), first.position, reach)
    if point is None:
        raise ConvergenceError(
            "The energy along the seam of intersections has no minimum that could be reached from "
            f"{describe(start)}: try another start."
        )
    return refuse_region(
        hamiltonian, characterise(hamiltonian, group, point, reach, gap_tolerance), reach, start
    )


@dataclass(frozen=True, eq=False)
class MinimumEnergyCrossing(Result):
    """The lowest point at which levels of two sets of states cross, their coupling left out.

    Attributes
    ----------
    position : array, shape (f,)
        The coordinates.
    energy : float
        The common energy.
    coupling : complex
        ⟨a|H|b⟩ between the two crossing states (energy), for instance the spin–orbit coupling. Its
        modulus does not depend on phases. Of a multiplet the effective coupling √Σ|⟨a|H|b⟩|² over
        all its components, which does not depend on the basis within it either.
    gradients : array, shape (2, f)
        The gradients of the two levels; parallel at a minimum, since only their difference keeps
        the energy from falling along the seam.
    smooth : bool
        False where one of the levels meets a neighbour in its own set, a kink of the seam: then
        coupling and gradients belong to one of the states that meet.
    degeneracies : (int, int)
        How many states of either set have the energy of the level: (1, 3) for a singlet and a
        triplet.
    """

    position: FloatArray
    energy: float
    coupling: complex
    gradients: FloatArray
    smooth: bool = True
    degeneracies: tuple[int, int] = (1, 1)

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("coordinate", text="coordinates"),
        "energy": shown(text="common energy"),
        "coupling": shown(text="coupling of the two states"),
        "gradients": shown("state", "coordinate", text="gradient of the level"),
        "is_sloped": shown(text="whether both levels rise to the same side"),
        "smooth": shown(text="whether the seam is smooth here"),
        "degeneracies": shown("state", text="states that have the energy of the level"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw both levels along the direction in which their difference grows."""
        ax = new_axes() if ax is None else ax
        rho = np.linspace(-1.0, 1.0, 101)
        direction = self.gradient_difference
        direction = direction / max(float(np.linalg.norm(direction)), 1e-300)
        for state, gradient in enumerate(self.gradients):
            ax.plot(rho, self.energy + rho * float(gradient @ direction), label=f"state {state}")
        ax.set(xlabel="distance from the crossing", ylabel="energy")
        ax.legend()
        return ax

    @property
    def gradient_difference(self) -> FloatArray:
        """∇(E_b − E_a), shape (f,): the direction of passage."""
        return np.asarray(self.gradients[1] - self.gradients[0])

    @property
    def is_sloped(self) -> bool:
        """Whether both levels rise towards the same side of the seam."""
        return bool(self.gradients[0] @ self.gradients[1] > 0)


def minimum_energy_crossing(
    hamiltonian: Hamiltonian,
    start: npt.ArrayLike,
    *,
    states: tuple[Sequence[int], Sequence[int]],
    levels: tuple[int, int] = (0, 0),
    reach: float = 1.0,
) -> MinimumEnergyCrossing:
    """Find the lowest point at which a level of one set of states crosses one of another set.

    Steps from the start minimise the energy on the way to the seam; where they do not reach a
    minimum, points around the start are tried, the same ones in every call.

    The blocks of H within the two sets are diagonalised, what couples the sets is left out: as for
    states of different multiplicity, whose surfaces cross on a seam of dimension f − 1 and whose
    spin–orbit coupling then makes the passage. The lower the crossing, the more it matters for
    intersystem crossing; with `coupling` and `gradient_difference` the passage at velocity v has
    the Landau-Zener probability ``exp(−2π|V|² / |v·∇(E_b − E_a)|)`` to stay on the same state.
    A singlet meets a triplet with the effective coupling of all three components; of a triplet that
    meets a singlet only a third can pass (`formulas.multiplet_landau_zener`).

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Any number f of coordinates; single parameter values.
    start : array_like, shape (f,)
        Where to begin.
    states : (sequence of int, sequence of int)
        The basis states of each set, for instance ``([0, 1], [2])``.
    levels : (int, int)
        Which level of each set, sorted by energy from 0.
    reach : float
        The longest first step (coordinate units).

    Returns
    -------
    MinimumEnergyCrossing
        A local minimum of the energy on the seam.

    Raises
    ------
    InputError
        For a start of the wrong length, sets that overlap or are empty.
    ConvergenceError
        If the levels do not cross, or the energy has no minimum on the seam.

    References
    ----------
    N. Koga, K. Morokuma, Chem. Phys. Lett. 119, 371 (1985); J. N. Harvey, M. Aschi, H. Schwarz,
    W. Koch, Theor. Chem. Acc. 99, 95 (1998).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(
    ...     [["(x**2 + y**2)/2", "1/100"], ["1/100", "((x - 2)**2 + (y - 1)**2)/2 + 1/2"]],
    ...     coordinates=["x", "y"])
    >>> crossing = minimum_energy_crossing(H, [0.0, 0.0], states=([0], [1]))  # on 2x + y = 3
    >>> crossing.position.round(12).tolist(), round(crossing.energy, 12), crossing.coupling
    ([1.2, 0.6], 0.9, 0.01)
    """
    check_several_levels(hamiltonian)
    point = check_point("start", hamiltonian, start)
    distance = check_reach(reach, point)
    seam = UncoupledLevels(hamiltonian, *_check_sets(hamiltonian, states, levels))
    scale = seam.scale(point, distance)
    energy = seam.spread(point, scale)
    for begin in (point, *restarts(point, scale, energy, _RESTARTS)):
        end = approach(seam.pair, begin, scale, energy)
        if end is None:
            continue
        met = seam.restore(end)
        lowest = None if met is None else minimise(seam, met, distance)
        if lowest is not None:
            return seam.crossing(lowest)
        corner = seam.lowest_kink(end, distance)
        if corner is not None:
            return seam.crossing(corner, smooth=False)
    raise ConvergenceError(
        "No crossing of the two levels, or no minimum of the energy along their seam, was found "
        f"from {describe(start)} and {_RESTARTS} points around it: try another start."
    )


@dataclass(frozen=True)
class UncoupledLevels(SeamFunction):
    """The seam on which one level of each of two blocks of H have the same energy."""

    hamiltonian: Hamiltonian
    states: tuple[list[int], list[int]]
    levels: tuple[int, int]

    def at(self, point: FloatArray) -> SeamPoint:
        (low, high), (low_slope, high_slope), (low_bend, high_bend) = self._pair(point)

        def hessian(multipliers: FloatArray) -> FloatArray:
            mean = (low_bend + high_bend) / 2
            return np.asarray(mean + multipliers[0] * (high_bend - low_bend))

        split = directions((high_slope - low_slope)[np.newaxis])
        return SeamPoint((low + high) / 2, (low_slope + high_slope) / 2, split, hessian)

    def restore(self, point: FloatArray) -> FloatArray | None:
        here = point
        value = np.inf
        for _ in range(_MOST_RESTORING_STEPS):
            (low, high), (low_slope, high_slope), _ = self._pair(here)
            slope = high_slope - low_slope
            if not np.isfinite(high - low) or not slope.any():
                return None
            if not abs(high - low) < value:
                noise = 64 * EPSILON * (abs(low) + abs(high) + np.abs(slope) @ np.abs(here))
                return here if value <= noise else None
            value = abs(high - low)
            here = here - (high - low) / (slope @ slope) * slope
        return None

    def pair(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the energies, shape (2,), and gradients, shape (2, f), of the two levels."""
        energies, slopes, _ = self._pair(point)
        return np.array(energies), np.array(slopes)

    def scale(self, point: FloatArray, reach: float) -> FloatArray:
        """Return the mean curvature of the states at a point, made positive definite."""
        states = self.states[0] + self.states[1]
        bend = mean_curvature(self.hamiltonian, point, states)
        return metric(bend, float(np.abs(self.pair(point)[1]).max()), reach)

    def spread(self, point: FloatArray, scale: FloatArray) -> float:
        """Return an energy: how far apart the levels are, and how far one step takes them."""
        energies, slopes = self.pair(point)
        relaxation = np.einsum("ka,ka->k", slopes, np.linalg.solve(scale, slopes.T).T)
        return float(abs(energies[1] - energies[0]) + relaxation.max())

    def lowest_kink(self, near: FloatArray, reach: float) -> FloatArray | None:
        """Return the lowest minimum at a kink of the seam that `near` leads to."""
        found = []
        for kink in kinks(self.hamiltonian, self.states, self.levels):
            met = kink.restore(near)
            point = None if met is None else minimise(kink, met, reach)
            if point is not None and lowest_around(kink, self.levels, point, reach):
                found.append((kink.at(point).energy, point.tolist()))
        return np.array(min(found)[1]) if found else None

    def crossing(self, point: FloatArray, smooth: bool = True) -> MinimumEnergyCrossing:
        """Describe the crossing at a point of the seam."""
        values = hamiltonian_at(self.hamiltonian, point[np.newaxis])[0]
        ends = []
        for states, level in zip(self.states, self.levels, strict=True):
            energies, vectors = np.linalg.eigh(values[np.ix_(states, states)])
            same = np.abs(energies - energies[level]) <= _SAME * np.abs(energies).max()
            # At a kink levels meet that are no multiplet.
            ends.append(vectors[:, same if smooth else [level]])
        block = ends[0].conj().T @ values[np.ix_(*self.states)] @ ends[1]
        coupling = block[0, 0] if block.size == 1 else np.complex128(np.linalg.norm(block))
        (low, high), slopes, _ = self._pair(point)
        return MinimumEnergyCrossing(
            position=point,
            energy=(low + high) / 2,
            coupling=coupling.item(),
            gradients=np.stack(slopes),
            smooth=smooth,
            degeneracies=(ends[0].shape[1], ends[1].shape[1]),
        )

    def _pair(self, point: FloatArray) -> tuple[Any, Any, Any]:
        found = [
            energy_derivatives(self.hamiltonian, point, states, level)
            for states, level in zip(self.states, self.levels, strict=True)
        ]
        return tuple(zip(*found, strict=True))  # type: ignore[return-value]


def _check_sets(
    hamiltonian: Hamiltonian, states: Any, levels: Any
) -> tuple[tuple[list[int], list[int]], tuple[int, int]]:
    if not isinstance(states, (tuple, list)) or len(states) != 2:
        raise fail("states", "be two lists of basis states", f"it is {describe(states)}")
    sets = []
    for part in states:
        if not isinstance(part, Sequence) or isinstance(part, str) or len(part) == 0:
            raise fail("states", "be two lists of basis states", f"it is {describe(states)}")
        sets.append([integer("states", state, minimum=0) for state in part])
    together = sets[0] + sets[1]
    if max(together) >= hamiltonian.dimension:
        raise fail("states", f"be at most {hamiltonian.dimension - 1}", f"it is {describe(states)}")
    if len(set(together)) < len(together):
        raise fail("states", "be different", f"it is {describe(states)}")
    if not isinstance(levels, (tuple, list)) or len(levels) != 2:
        raise fail("levels", "be one level of each set", f"it is {describe(levels)}")
    chosen = [integer("levels", level, minimum=0) for level in levels]
    for level, part in zip(chosen, sets, strict=True):
        if level >= len(part):
            raise fail("levels", f"be at most {len(part) - 1} here", f"it is {describe(levels)}")
    return (sets[0], sets[1]), (chosen[0], chosen[1])
