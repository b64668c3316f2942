"""Crossings of levels that are known on points only: where gaps are smallest, and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    fail,
    increasing,
    instance,
    non_negative_number,
    of_shape,
    positive,
    real_array,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.sampled import scatter
from anticrossing._core.variables import Shown, shown
from anticrossing.spectrum._sampled import minima, nearest
from anticrossing.units import NATURAL, Units

_FEWEST = 5
_CLEAR_JUMP = 10.0  # times what steps miss elsewhere
_NO_JUMP = 1e-6  # of the range of a level
_ALIKE, _MANY = 4.0, 20
_LEVELS = 1000
_FARTHEST = 1e60


@dataclass(frozen=True, eq=False)
class SampledCrossings(Result):
    """The places where neighbouring levels, known on points, come nearest; in order of position.

    Near x₀ the squared gap is Z² = g² + (F₁ − F₂)² (x − x₀)² + …, smooth even where Z has a kink:
    a polynomial through the nearest points of Z² gives g, x₀ and |F₁ − F₂| = √((Z²)″/2). The errors
    are standard deviations or bounds, whichever is larger, of what polynomials of lower degree and
    the scatter of the numbers leave open.

    Attributes
    ----------
    positions, position_errors : array, shape (n,)
        x₀ (coordinate).
    lower_levels : array of int, shape (n,)
        The lower of the two levels, from 0 in order of energy.
    gaps, gap_errors : array, shape (n,)
        g (energy). Below its error, the levels may cross truly.
    slope_differences, slope_errors : array, shape (n,)
        |F₁ − F₂| of the local diabats (energy per coordinate).
    mean_slopes : array, shape (n,)
        (F₁ + F₂)/2 (energy per coordinate).
    energies : array, shape (n,)
        The mean energy of the two levels at x₀.
    at_jumps : array of bool, shape (n,)
        Whether a level jumps within the points that were used: then nothing is known.
    jumps : array, shape (j, 3)
        Discontinuities: the points x_k and x_{k+1} between them, and the size (energy).
    scatter : float
        By how much the energies scatter (energy).
    units : Units
    warnings : tuple of str
    """

    positions: FloatArray
    position_errors: FloatArray
    lower_levels: npt.NDArray[np.intp]
    gaps: FloatArray
    gap_errors: FloatArray
    slope_differences: FloatArray
    slope_errors: FloatArray
    mean_slopes: FloatArray
    energies: FloatArray
    at_jumps: npt.NDArray[np.bool_]
    jumps: FloatArray
    scatter: float
    units: Units = NATURAL
    warnings: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("crossing", text="where", unit="coordinate"),
        "position_error": shown("crossing", text="its error", unit="coordinate"),
        "lower_level": shown("crossing", text="lower level"),
        "gap": shown("crossing", text="smallest gap", unit="energy"),
        "gap_error": shown("crossing", text="its error", unit="energy"),
        "coupling": shown("crossing", text="diabatic coupling", unit="energy"),
        "slope_difference": shown(
            "crossing", text="difference of slopes", unit="energy/coordinate"
        ),
        "slope_error": shown("crossing", text="its error", unit="energy/coordinate"),
        "mean_slope": shown("crossing", text="mean slope", unit="energy/coordinate"),
        "energy": shown("crossing", text="mean energy", unit="energy"),
        "at_jump": shown("crossing", text="beside a discontinuity"),
        "jump": shown("jump", "what", text="discontinuities: before, after, size"),
        "scatter": shown(text="scatter of the energies", unit="energy"),
    }  # fmt: skip

    def __len__(self) -> int:
        return self.positions.size

    @property
    def couplings(self) -> FloatArray:
        """The diabatic couplings V = g/2 (energy)."""
        return self.gaps / 2

    @property
    def trivial(self) -> npt.NDArray[np.bool_]:
        """Whether the gap may be zero within its error: the levels cross truly."""
        return np.asarray(self.gaps <= self.gap_errors)

    def probabilities(self, speed: npt.ArrayLike = 1.0) -> tuple[FloatArray, FloatArray]:
        """Return the probabilities to jump between the adiabatic levels, and their errors.

        ``P = exp(−(π/2ħ) √(Z³/Z̈))`` with ``√(Z³/Z̈) = g²/(|F₁ − F₂| |ẋ|)``: Belyaev and Lebedev.

        Parameters
        ----------
        speed : float or array, broadcast against (n,)
            |dx/dt| > 0 at the crossings, coordinate per ``units.time``; 1 where x is time.

        Returns
        -------
        probability, error : array, shape (..., n)
            The error is 1 beside a discontinuity, and leaves open what the formula leaves open.

        Raises
        ------
        InputError
            For a speed that is not positive.

        References
        ----------
        A. K. Belyaev and O. V. Lebedev, Phys. Rev. A 84, 014701 (2011).
        """
        v = positive("speed", speed)
        factor = 0.5 * np.pi * self.units.angular
        with np.errstate(all="ignore"):
            rate = self.slope_differences * v
            exponent = np.where(self.gaps > 0, factor * self.gaps**2 / rate, 0.0)
            upper = (self.gaps + self.gap_errors) ** 2 / np.maximum(
                rate - self.slope_errors * v, 0.0
            )
            lower = np.maximum(self.gaps - self.gap_errors, 0.0) ** 2 / (
                rate + self.slope_errors * v
            )
            value = np.exp(-exponent)
            least, most = np.exp(-factor * upper), np.exp(-factor * lower)
            error = np.fmax(most - value, value - np.nan_to_num(least))
        unknown = self.at_jumps | ~np.isfinite(error + value)
        return np.nan_to_num(value), np.where(unknown, 1.0, error)

    def plot(self, ax: Any = None) -> Any:
        """Draw the gaps at their positions, with errors.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = new_axes() if ax is None else ax
        axes.errorbar(
            self.positions, self.gaps, self.gap_errors, self.position_errors, fmt="o", markersize=4
        )
        axes.set_xlabel(self.units.label("coordinate", "coordinate"))
        axes.set_ylabel(self.units.label("gap", "energy"))
        return axes

    def notes(self) -> tuple[str, ...]:
        """Return what the points leave open."""
        return self.warnings


def sampled_crossings(
    x: npt.ArrayLike,
    energies: npt.ArrayLike,
    *,
    error: float | None = None,
    groups: npt.ArrayLike | None = None,
    units: Units = NATURAL,
) -> SampledCrossings:
    """Find where neighbouring levels, known on points of one coordinate, come nearest.

    Parameters
    ----------
    x : array, shape (k,)
        Ascending, at least five points: a coordinate, or the time.
    energies : array, shape (k, m)
        In any order at every point: they are sorted.
    error : float, optional
        Standard deviation of the energies; by default what no polynomial of degree five through
        seven points explains.
    groups : array of int, shape (m,), optional
        Which columns are levels of one matrix, such as the multiplicities of states: they are
        sorted and compared among themselves. The levels are numbered group after group.
    units : Units

    Returns
    -------
    SampledCrossings
        Its `warnings` tell of levels that come nearest at an end of the points, and of
        discontinuities.

    Raises
    ------
    InputError
        If shapes do not fit, x does not ascend, or a number is not finite.

    References
    ----------
    A. K. Belyaev and O. V. Lebedev, Phys. Rev. A 84, 014701 (2011).

    Examples
    --------
    >>> x = np.linspace(-3, 3, 31)
    >>> Z = np.sqrt(0.1**2 + x**2)
    >>> found = sampled_crossings(x, np.stack([-Z / 2, Z / 2], axis=1))
    >>> found.gaps.round(6), found.probabilities(0.1)[0].round(6)
    (array([0.1]), array([0.854636]))
    """
    points = increasing("x", x, _FEWEST)
    levels = real_array("energies", energies, ndim=2)
    if len(levels) != points.size or not 1 <= levels.shape[1] <= _LEVELS:
        must = f"have the shape ({points.size}, m), m up to {_LEVELS}"
        raise fail("energies", must, f"its shape is {levels.shape}")
    instance("units", units, Units)
    for name, array in (("x", points), ("energies", levels)):
        if np.abs(array).max() > _FARTHEST:
            raise fail(name, f"be at most {_FARTHEST:g}", f"it reaches {np.abs(array).max():g}")
    count = levels.shape[1]
    apart = np.zeros(count) if groups is None else real_array("groups", groups, ndim=1)
    apart = of_shape("groups", apart, (count,))
    order = np.lexsort((levels, np.broadcast_to(apart, levels.shape)))
    levels = np.take_along_axis(levels, order, axis=1)
    with np.errstate(all="ignore"):  # what is not finite is not known, and said to be so
        return _found(points, levels, np.sort(apart), error, units)


def _found(
    points: FloatArray, levels: FloatArray, groups: FloatArray, error: float | None, units: Units
) -> SampledCrossings:
    noise = _noise(points, levels) if error is None else non_negative_number("error", error)
    # What polynomials miss grows with the distance of the points, scatter does not.
    half = _noise(points[::2], levels[::2]) if points.size >= _MANY else np.inf
    random = error is not None or half < _ALIKE * noise
    jumps = discontinuities(points, levels, noise)
    rows, warnings, left_out = [], list[str](), 0
    for lower in map(int, np.flatnonzero(groups[1:] == groups[:-1])):
        gap = levels[:, lower + 1] - levels[:, lower]
        middle = levels[:, lower : lower + 2].mean(axis=1)
        broken = {k for k, level, _ in jumps if level in (lower, lower + 1)}
        places, ripples = minima(gap, noise if random else 0.0)
        left_out += ripples
        rows += [(lower, *nearest(points, gap, middle, j, noise, random, broken)) for j in places]
        for j, beside, name in ((0, 1, "first"), (-1, -2, "last")):
            if gap[j] < gap[beside] and gap[j] <= gap.min():
                warnings.append(
                    f"levels {lower} and {lower + 1} come nearest at the {name} point, "
                    f"{points[j]:g}: whether they cross lies beyond"
                )
    if left_out:
        warnings.append(f"{left_out} ripple(s) of gaps no deeper than the scatter are left out")
    if jumps:
        warnings.append(
            f"the levels jump at {len(jumps)} place(s), first at {points[jumps[0][0]]:g}"
        )
    table = np.array(sorted(rows, key=lambda row: row[1]), dtype=np.float64).reshape(-1, 10)
    sizes = np.array([[points[k], points[k + 1], size] for k, _, size in jumps]).reshape(-1, 3)
    at, at_error, gap, gap_error, slope, slope_error, mean_slope, energy, jumped = table[:, 1:].T
    return SampledCrossings(
        positions=at,
        position_errors=at_error,
        lower_levels=table[:, 0].astype(np.intp),
        gaps=gap,
        gap_errors=gap_error,
        slope_differences=slope,
        slope_errors=slope_error,
        mean_slopes=mean_slope,
        energies=energy,
        at_jumps=jumped > 0,
        jumps=sizes,
        scatter=noise,
        units=units,
        warnings=tuple(warnings),
    )


def discontinuities(
    x: FloatArray, levels: FloatArray, noise: float
) -> list[tuple[int, int, float]]:
    """Return (k, level, size) where a level jumps between x_k and x_{k+1}.

    A jump J is missed by the straight lines from both sides, by J from the left and −J from the
    right; a kink, as of a narrow crossing, is missed by the same sign from both.
    """
    if x.size < 4:
        return []
    steps = np.diff(x)[:, None]
    slopes = np.diff(levels, axis=0) / steps
    left = (slopes[1:-1] - slopes[:-2]) * steps[1:-1]
    right = (slopes[1:-1] - slopes[2:]) * steps[1:-1]
    jump, kink = (left + right) / 2, np.abs(left - right)
    bend = np.zeros_like(jump)  # of the levels on either side
    second = np.abs(np.diff(slopes, axis=0)) * np.minimum(steps[1:], steps[:-1])
    bend[1:] = np.maximum(bend[1:], second[:-2])
    bend[:-1] = np.maximum(bend[:-1], second[2:])
    usual = _CLEAR_JUMP * np.median(np.abs(jump), axis=0)
    floor = np.maximum(_NO_JUMP * np.ptp(levels), _CLEAR_JUMP * np.nan_to_num(noise))
    found = (np.abs(jump) > np.maximum(kink, 2 * bend)) & (np.abs(jump) > np.maximum(usual, floor))
    return [(int(k) + 1, int(i), float(jump[k, i])) for k, i in np.argwhere(found)]


def _noise(x: FloatArray, levels: FloatArray) -> float:
    """Return the scatter of the levels; sums of all are smooth where two of them cross."""
    whole = scatter(x, levels)
    total = scatter(x, levels.sum(axis=1)) / np.sqrt(levels.shape[1])
    return float(np.nan_to_num(np.fmin(whole, total)))
