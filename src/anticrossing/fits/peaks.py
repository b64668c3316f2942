"""Lines of a measured map: peaks of every column, refined with their width and the noise."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.signal import find_peaks, peak_widths

from anticrossing._core.checks import (
    FloatArray,
    check_flag,
    fail,
    increasing,
    integer,
    listed,
    positive_number,
    real_array,
)
from anticrossing.fits.lines import Lines

_NORMAL = 1.4826  # standard deviation of normal noise over its median absolute deviation
_WIDE = 1.5  # half-widths fitted on either side of a peak
_FEWEST = 5  # samples of a fit
_FARTHEST = 1.0  # widths between a sample and the refined peak


def find_lines(
    control: npt.ArrayLike,
    frequency: npt.ArrayLike,
    signal: npt.ArrayLike,
    *,
    dips: bool = False,
    threshold: float = 6.0,
    most: int | None = None,
    unit: str = "",
    control_unit: str = "",
) -> Lines:
    """Find the lines of a map: the peaks of the signal over the frequency at every control.

    The noise of a column is 1.48 times the median deviation of neighbouring samples over √2; a peak
    rises by more than `threshold` times that over its surroundings. Each is refined by a Lorentzian

        s(f) = b + a/(1 + 4 (f − f₀)²/w²)

    over three of its widths. The error of f₀ is that of the fit, and of a peak narrower than two
    samples at least a sample over √12.

    Parameters
    ----------
    control : array, shape (U,)
    frequency : array, shape (F,)
        Increasing.
    signal : array, shape (U, F)
    dips : bool
        Whether lines are dips instead of peaks.
    threshold : float
        Of the prominence of a peak, in units of the noise.
    most : int, optional
        The most peaks of one column: the highest ones.
    unit, control_unit : str
        See `Lines`.

    Returns
    -------
    Lines

    Raises
    ------
    InputError
        If shapes do not fit, frequencies do not increase or are not positive, or there is no peak.

    References
    ----------
    J. von Neumann et al., Ann. Math. Stat. 12, 153 (1941) (noise from differences of neighbours).

    Examples
    --------
    >>> control, frequency = np.linspace(-1, 1, 5), np.linspace(0.5, 2.5, 401)
    >>> centre = np.sqrt(control**2 + 1)[:, None]
    >>> signal = 1 / (1 + 4 * ((frequency - centre) / 0.05) ** 2)
    >>> signal += 0.02 * np.random.default_rng(1).standard_normal(signal.shape)
    >>> find_lines(control, frequency, signal).frequency.round(2)
    array([1.41, 1.12, 1.  , 1.12, 1.41])
    """
    places = listed("control", control)
    along = increasing("frequency", frequency, fewest=_FEWEST)
    shape = (places.size, along.size)
    values = real_array("signal", signal)
    if values.shape != shape:
        must = f"have one row for each control and one column for each frequency, {shape}"
        raise fail("signal", must, f"its shape is {values.shape}")
    if along[0] <= 0:
        raise fail("frequency", "be positive", f"it begins with {along[0]:g}")
    height = positive_number("threshold", threshold)
    count = along.size if most is None else integer("most", most, minimum=1)
    turned = -values if check_flag("dips", dips) else values
    found: list[tuple[float, float, float]] = []
    for place, column in zip(places, turned, strict=True):
        found += [(place, *peak) for peak in _peaks(along, column, height, count)]
    if not found:
        raise fail("signal", f"rise by {height:g} times its noise somewhere", "it never does")
    where, lines, errors = np.array(found).T
    return Lines(where, lines, errors, unit=unit, control_unit=control_unit)


def _peaks(
    frequency: FloatArray, column: FloatArray, threshold: float, most: int
) -> list[tuple[float, float]]:
    """Return refined frequencies and their errors."""
    steps = np.abs(np.diff(column))
    noise = _NORMAL * float(np.median(steps)) / np.sqrt(2)
    least = max(threshold * noise, 1e-9 * float(np.ptp(column)))
    if least == 0:
        return []
    tops, about = find_peaks(column, prominence=least)
    kept = np.sort(np.argsort(-about["prominences"], kind="stable")[:most])
    tops = tops[kept]
    if not tops.size:
        return []
    widths = peak_widths(column, tops, rel_height=0.5)[0]
    return [
        _refined(frequency, column, top, width, noise)
        for top, width in zip(tops, widths, strict=True)
    ]


def _refined(
    frequency: FloatArray, column: FloatArray, top: int, width: float, noise: float
) -> tuple[float, float]:
    """Return the centre of a Lorentzian around a sample, and its error."""
    reach = max(int(np.ceil(_WIDE * width)), _FEWEST // 2)
    first, last = max(top - reach, 0), min(top + reach + 1, frequency.size)
    f, s = frequency[first:last], column[first:last]
    sample = float(np.median(np.diff(f)))
    wide = max(width, 1.0) * sample
    low = sample / np.sqrt(12) if width < 2 else 0.0
    rough = max(sample / np.sqrt(12), 0.5 * wide)
    base = float(s.min())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # its covariance is infinite then
            values, covariance = curve_fit(
                _lorentzian,
                f,
                s,
                p0=(frequency[top], wide, float(column[top]) - base, base),
                sigma=np.full(f.size, max(noise, 1e-9 * float(np.ptp(s)))),
                absolute_sigma=True,
                maxfev=200,
            )
    except (RuntimeError, ValueError, TypeError):
        return float(frequency[top]), rough
    error = float(np.sqrt(covariance[0, 0]))
    if not np.isfinite(error) or abs(values[0] - frequency[top]) > _FARTHEST * wide:
        return float(frequency[top]), rough
    return float(values[0]), float(np.clip(error, max(low, 1e-6 * sample), rough))


def _lorentzian(
    f: FloatArray, centre: float, width: float, height: float, base: float
) -> FloatArray:
    return np.asarray(base + height / (1 + 4 * ((f - centre) / width) ** 2))
