"""From a characteristic function to the distribution: exponential tilting and Fourier sums.

The tilted law ``p_s(w) = p(w) exp(sw − K(s))``, ``K(s) = ln ⟨exp(sw)⟩ = ln χ(−is)``, has the mean
``K'(s)``. Inverted near its mean it has full relative accuracy, and with it ``p`` has: a ladder of
tilts, each reaching to the next, gives the tails of p as accurately as its middle. Ranges are
chosen from the bound ``P_s(w ≥ a) ≤ exp(K(s + t) − K(s) − ta)``, so that what a Fourier sum folds
over is below rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    fail,
    non_negative_number,
    positive,
    real_array,
    real_number,
)
from anticrossing._core.threads import few_threads
from anticrossing.thermodynamics.arguments import provides

_LOG_OUTSIDE = 41.0  # −ln of the probability a Fourier sum may fold over
_REACH = 8.0  # distance of neighbouring tilts in standard deviations
_ROUNDING = 1e-13  # of a Fourier sum, relative to the sum of absolute values
_LARGEST_LOSS = 14.0  # ln of peak over value, half way between tilts
_MOST_TILTS = 200
_MOST_POINTS = 200_000
_SMALLEST_WIDTH = 1e-100  # its square is still a float
_FINEST_STEP = 1e-5  # smallest lattice step, relative to the largest difference
_OFF_LATTICE = 1e-3  # of the characteristic function: steps are found to 1e-9 only
_CHUNK = 1 << 21


class HasCharacteristicFunction(Protocol):
    """What can be inverted: ``ln χ(u)`` for complex u, and the variance for the scale."""

    @property
    def variance(self) -> float | FloatArray:
        """The variance."""
        ...

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ln χ(u)."""
        ...


@dataclass(frozen=True)
class _Tilt:
    """One tilt s, with K(s) and the mean and standard deviation of the tilted law."""

    s: float
    log_norm: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class _Smoothed:
    """The statistics of w + σξ with a normal ξ; σ = 0 on a lattice, with `resolution` its step."""

    statistics: HasCharacteristicFunction
    width: float
    resolution: float

    def log(self, u: npt.ArrayLike) -> ComplexArray:
        fields = np.asarray(u, dtype=np.complex128)
        return (
            self.statistics.log_characteristic_function(fields) - 0.5 * (self.width * fields) ** 2
        )

    def cumulant_generating(self, s: npt.ArrayLike) -> FloatArray:
        return self.log(-1j * np.asarray(s, dtype=np.float64)).real

    @property
    def scale(self) -> float:
        """The standard deviation of the smoothed quantity."""
        return math.hypot(math.sqrt(float(self.statistics.variance)), self.width)

    def tilt(self, s: float, scale: float) -> _Tilt:
        """Return the tilt s; `scale` estimates its standard deviation."""
        h = 0.05 / scale
        below, here, above = self.cumulant_generating([s - h, s, s + h])
        curvature = max((above - 2 * here + below) / h**2, 0.0)
        deviation = max(math.sqrt(curvature), 1e-3 * self.resolution)
        return _Tilt(s, float(here), float((above - below) / (2 * h)), deviation)

    def ladder(self, low: float, high: float, log_floor: float) -> list[_Tilt]:
        """Return tilts whose laws cover [low, high], or down to densities of exp(log_floor)."""
        first = self.tilt(0.0, max(self.scale, 0.1 * self.resolution))
        found = [first]
        for side in (-1, 1):
            here = first
            for _ in range(_MOST_TILTS):
                end = low if side < 0 else high
                beyond = side * (end - here.mean) <= 0
                exhausted = here.deviation < 0.02 * self.resolution
                if beyond or exhausted or here.log_norm - here.s * here.mean < log_floor:
                    break
                here = self._next(here, side)
                found.append(here)
            else:
                raise ConvergenceError(
                    f"The tail needs more than {_MOST_TILTS} tilts: ask for values nearer to the "
                    "mean, or for a larger width."
                )
        return sorted(found, key=lambda tilt: tilt.s)

    def _next(self, here: _Tilt, side: int) -> _Tilt:
        step = _REACH / here.deviation
        for _ in range(40):
            there = self.tilt(here.s + side * step, here.deviation)
            # Where the two laws meet, neither may be too small: the loss against the best tilt,
            # which lies between them.
            meet = (there.log_norm - here.log_norm) / (there.s - here.s)
            between = 0.5 * (here.s + there.s)
            best = float(self.cumulant_generating([between])[0]) - between * meet
            if here.log_norm - here.s * meet - best < _LARGEST_LOSS:
                # the deviation was found with the scale of the last tilt
                return self.tilt(there.s, there.deviation)
            step *= 0.5
        return there

    def range(self, tilt: _Tilt) -> tuple[float, float]:
        """Return the range outside which the tilted law has less than exp(−41) at either side."""
        t = math.sqrt(2 * _LOG_OUTSIDE) / tilt.deviation * 2.0 ** np.linspace(-4, 4, 17)
        k = self.cumulant_generating(tilt.s + np.concatenate((-t, t))) - tilt.log_norm
        low = np.max(-(k[: t.size] + _LOG_OUTSIDE) / t)
        high = np.min((k[t.size :] + _LOG_OUTSIDE) / t)
        return float(low), float(high)


def smoothed_log_density(
    statistics: HasCharacteristicFunction,
    values: npt.ArrayLike,
    *,
    width: float,
    floor: float = 0.0,
) -> FloatArray:
    """Return ``ln p_σ(w)`` of a quantity smoothed by a normal distribution of width σ.

    ``p_σ(w) = exp(K(s) − sw) (1/2π) ∫ χ_σ(v − is)/χ_σ(−is) exp(−ivw) dv`` with ``χ_σ(u) = χ(u)
    exp(−σ²u²/2)``; for every w the tilt s with the least ``exp(K(s) − sw)`` is used. The
    trapezoidal sum is exact up to what lies outside the range, below 1e-17, and the cut at 1e-16.

    Parameters
    ----------
    statistics : object
        With `log_characteristic_function` and `variance`.
    values : array, shape (...)
        The values w.
    width : float
        Standard deviation σ of the smoothing (unit of w).
    floor : float
        Densities below it need not be relatively accurate, which saves tilts; 0 for all.

    Returns
    -------
    array, shape (...)
        With an absolute error of the density below 1e-13 of its envelope, ``min_s exp(K(s) −
        sw)/σ``: relatively accurate to about 1e-9 in smooth tails however far, as far as χ is, but
        not in deep gaps between peaks. −inf where nothing but rounding is left.

    Raises
    ------
    InputError
        If the width or the floor cannot be used, or the width is too small for the range.
    ConvergenceError
        If values lie too far in the tails.

    Examples
    --------
    >>> from anticrossing.thermodynamics.atoms import AtomicStatistics
    >>> fixed = AtomicStatistics([2.0], [1.0])
    >>> smoothed_log_density(fixed, [2.0, 12.0], width=1.0).round(6)  # −ln √2π − (w − 2)²/2
    array([ -0.918939, -50.918939])
    """
    provides("statistics", statistics, "log_characteristic_function", "variance")
    w = real_array("values", values)
    sigma = checked_width(width)
    least = non_negative_number("floor", floor)
    result = np.full(w.size, -np.inf)
    if w.size == 0:
        return result.reshape(w.shape)
    flat = w.reshape(-1)
    smoothed = _Smoothed(statistics, sigma, sigma)
    ladder = smoothed.ladder(
        float(flat.min()), float(flat.max()), math.log(least) if least > 0 else -math.inf
    )
    bounds = np.array([tilt.log_norm - tilt.s * flat for tilt in ladder])
    choice = np.argmin(bounds, axis=0)
    for number in np.unique(choice):
        chosen = choice == number
        density = _tilted_density(smoothed, ladder[number], flat[chosen])
        with np.errstate(divide="ignore"):
            result[chosen] = bounds[number, chosen] + np.log(density)
    return result.reshape(w.shape)


def smoothed_density(
    statistics: HasCharacteristicFunction, values: npt.ArrayLike, *, width: float
) -> FloatArray:
    """Return the density of a quantity smoothed by a normal distribution of width σ.

    ``p_σ(w) = (1/2π) ∫ χ(u) exp(−σ²u²/2 − iuw) du``, without tilts: the absolute error is below
    1e-13/σ, at a fraction of the determinants that `smoothed_log_density` needs.

    Parameters
    ----------
    statistics : object
        With `log_characteristic_function` and `variance`.
    values : array, shape (...)
        The values w.
    width : float
        Standard deviation σ of the smoothing (unit of w).

    Returns
    -------
    array, shape (...)
        In 1 / (unit of w).

    Raises
    ------
    InputError
        If the width cannot be used, or is too small for the range.

    Examples
    --------
    >>> from anticrossing.thermodynamics.atoms import AtomicStatistics
    >>> smoothed_density(AtomicStatistics([2.0], [1.0]), [2.0, 3.0], width=1.0).round(6)
    array([0.398942, 0.241971])
    """
    provides("statistics", statistics, "log_characteristic_function", "variance")
    w = real_array("values", values)
    sigma = checked_width(width)
    smoothed = _Smoothed(statistics, sigma, sigma)
    tilt = smoothed.tilt(0.0, smoothed.scale)
    return _tilted_density(smoothed, tilt, w.reshape(-1)).reshape(w.shape)


def checked_width(width: float) -> float:
    """Return the width of a smoothing, positive and with a finite square, or raise."""
    sigma = real_number("width", width)
    positive("width", sigma)
    if not _SMALLEST_WIDTH < sigma < 1 / _SMALLEST_WIDTH:
        raise fail(
            "width",
            f"lie between {_SMALLEST_WIDTH:g} and {1 / _SMALLEST_WIDTH:g}",
            f"it is {sigma:g}",
        )
    return sigma


def _tilted_density(smoothed: _Smoothed, tilt: _Tilt, w: FloatArray) -> FloatArray:
    low, high = smoothed.range(tilt)
    spacing = 2 * math.pi / (high - low)
    points = math.ceil(math.sqrt(2 * 37.0) / smoothed.width / spacing)
    if points > _MOST_POINTS:
        raise fail(
            "width",
            f"be at least {smoothed.width * points / _MOST_POINTS:.3g}",
            f"it is {smoothed.width:.3g}, which needs {float(points):.3g} points; "
            "use `atoms` or `sample` for a finer view",
        )
    v = spacing * np.arange(1, points + 1)
    coefficients = np.exp(smoothed.log(v - 1j * tilt.s) - tilt.log_norm - 1j * v * tilt.mean)
    density = np.zeros(w.size)
    inside = np.flatnonzero((w >= low) & (w <= high))
    chunk = max(1, _CHUNK // points)
    for start in range(0, inside.size, chunk):
        part = inside[start : start + chunk]
        waves = np.exp(-1j * (w[part, None] - tilt.mean) * v)
        with few_threads(0):
            density[part] = (0.5 + (waves @ coefficients).real) * spacing / math.pi
    rounding = _ROUNDING * (0.5 + np.abs(coefficients).sum()) * spacing / math.pi
    return np.where(density > rounding, density, 0.0)


def lattice_atoms(
    statistics: HasCharacteristicFunction, step: float, *, floor: float = 1e-15
) -> tuple[FloatArray, FloatArray]:
    """Return the values ``k · step`` of a lattice quantity and their probabilities.

    ``p_k = exp(K(s) − sk·step) (1/M) Σ_m χ(u_m − is)/χ(−is) exp(−iu_m k·step)``, ``u_m = 2πm/(M
    step)``: exact but for the probability outside M points, below 1e-17.

    Parameters
    ----------
    statistics : object
        With `log_characteristic_function` and `variance`.
    step : float
        The lattice step: every value is a multiple.
    floor : float
        Probabilities above it are relatively accurate; below it, and between peaks, only the
        absolute error is small.

    Returns
    -------
    values, probabilities : array, shape (M,)
        Values in order, with all that has a probability above rounding.

    Raises
    ------
    InputError
        If the step or the floor is not positive, values are no multiples of the step, or it is too
        fine.

    Examples
    --------
    >>> from anticrossing.thermodynamics.atoms import AtomicStatistics
    >>> die = AtomicStatistics([1, 2, 3, 4, 5, 6], [1 / 6] * 6)
    >>> values, p = lattice_atoms(die, 1.0)
    >>> values
    array([1., 2., 3., 4., 5., 6.])
    >>> bool(abs(p - 1 / 6).max() < 1e-14)
    True
    """
    provides("statistics", statistics, "log_characteristic_function", "variance")
    unit = real_number("step", step)
    positive("step", unit)
    least = real_number("floor", floor)
    positive("floor", least)
    lattice = _Smoothed(statistics, 0.0, unit)
    if 2 * lattice.scale / unit > _MOST_POINTS:
        raise fail(
            "step",
            f"be at least {2 * lattice.scale / _MOST_POINTS:.3g}",
            f"it is {unit:.3g}, too fine for a standard deviation of {lattice.scale:.3g}",
        )
    # exp(iuw) at u = 2π/step is one for all multiples, and for nothing else
    if abs(np.expm1(lattice.log(2 * math.pi / unit))) > _OFF_LATTICE:
        raise fail("step", "divide every value", f"some values are no multiples of {unit:.6g}")
    ladder = lattice.ladder(-math.inf, math.inf, math.log(least))
    ranges = [
        (math.floor(low / unit), math.ceil(high / unit))
        for low, high in (lattice.range(tilt) for tilt in ladder)
    ]
    first, last = min(low for low, _ in ranges), max(high for _, high in ranges)
    values: FloatArray = unit * np.arange(first, last + 1, dtype=np.float64)
    bounds = np.array([tilt.log_norm - tilt.s * values for tilt in ladder])
    for row, (low, high) in zip(bounds, ranges, strict=True):
        row[: low - first] = row[high + 1 - first :] = np.inf
    choice = np.argmin(bounds, axis=0)
    probabilities = np.zeros(values.size)
    for number, (tilt, (low, high)) in enumerate(zip(ladder, ranges, strict=True)):
        points = high - low + 1
        fields = 2 * math.pi / (points * unit) * np.arange(points // 2 + 1)
        centred = lattice.log(fields - 1j * tilt.s) - tilt.log_norm - 1j * fields * (low * unit)
        p = np.fft.irfft(np.exp(centred).conj(), n=points)
        chosen = np.flatnonzero(choice == number)
        chosen = chosen[np.isfinite(bounds[number, chosen])]
        within = p[chosen + first - low]
        found = within * np.exp(bounds[number, chosen])
        probabilities[chosen] = np.where(within > _ROUNDING, found, 0.0)
    present = np.flatnonzero(probabilities > 0)
    kept = slice(present[0], present[-1] + 1)
    return values[kept], probabilities[kept]


def lattice_step(
    initial_values: npt.ArrayLike, final_values: npt.ArrayLike, *, relative: float = 1e-9
) -> float | None:
    """Return the largest step of which all ``qT_j − q0_i`` are multiples, or None.

    Parameters
    ----------
    initial_values, final_values : array, shape (N,)
        The values before and after.
    relative : float
        Deviation allowed, relative to the largest difference; steps below 1e-5 of that difference
        are not found.

    Examples
    --------
    >>> lattice_step([0.0, 1.0, 2.0], [10.5, 1.0, 2.0])
    0.5
    >>> lattice_step([0.0, 1.0], [1.0, 2**0.5]) is None
    True
    """
    before = real_array("initial_values", initial_values, ndim=1)
    after = real_array("final_values", final_values, ndim=1)
    # two rows of all the differences generate the others
    differences = np.abs(np.concatenate((after - before[0], after[0] - before)))
    scale = float(differences.max())
    if scale == 0.0:
        return 1.0
    tolerance = relative * scale
    found = 0.0
    for difference in differences:
        a, b = float(difference), found
        while b > 10 * tolerance:
            a, b = b, min(a % b, b - a % b)  # the nearest multiple: rounding leaves −0 or +0
        found = a
        if 0 < found < _FINEST_STEP * scale and found > 10 * tolerance:
            return None
    if found < _FINEST_STEP * scale:
        return None
    step = scale / round(scale / found)
    ratios = differences / step
    return step if np.all(np.abs(ratios - np.round(ratios)) * step <= tolerance) else None
