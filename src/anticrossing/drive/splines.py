"""Cubic B-splines: smooth drives whose coefficients bound positions and velocities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, real_array, real_number
from anticrossing.drive._pieces import from_powers
from anticrossing.drive.waveform import WaveformDrive

DEGREE = 3
_FEWEST, _MOST = DEGREE + 1, 10_000


def spline_knots(count: int, start_time: float, stop_time: float) -> FloatArray:
    """Return the knots of so many coefficients: equal pieces, both ends four times."""
    inner = np.linspace(start_time, stop_time, count - DEGREE + 1)
    return np.concatenate([[start_time] * DEGREE, inner, [stop_time] * DEGREE])


def Spline(
    coefficients: npt.ArrayLike,
    start_time: float,
    stop_time: float,
    *,
    amplitude: npt.ArrayLike = 1.0,
    offset: npt.ArrayLike = 0.0,
) -> WaveformDrive:
    """Drive along a cubic B-spline: x(t) = offset + amplitude·Σ_k c_k B_k(t), on equal pieces.

    It begins at c_0 and ends at the last coefficient. As the B_k are positive and add to one, x(t)
    lies between the smallest and the largest coefficient; where the first two are equal it begins
    with zero velocity.

    Parameters
    ----------
    coefficients : array, shape (k,)
        At least four; k − 3 pieces of equal length. x is twice differentiable between them.
    start_time, stop_time : float
        The window.
    amplitude, offset : float or array
        Scale and shift of the position.

    Raises
    ------
    InputError
        For fewer than four coefficients, or an empty window.

    References
    ----------
    C. de Boor, A Practical Guide to Splines (Springer, 1978), chapters IX–XI.

    Examples
    --------
    >>> bump = Spline([0.0, 0.0, 1.0, 1.0, 0.0, 0.0], 0.0, 6.0)
    >>> float(bump(3.0).round(9)), float(bump.velocity(0.0))
    (0.9375, 0.0)
    """
    from scipy.interpolate import BSpline, PPoly

    values = real_array("coefficients", coefficients, ndim=1)
    if not _FEWEST <= values.size <= _MOST:
        must = f"hold from {_FEWEST} to {_MOST} numbers"
        raise fail("coefficients", must, f"it holds {values.size}")
    start, stop = real_number("start_time", start_time), real_number("stop_time", stop_time)
    if not 0 < stop - start < np.inf:
        raise fail("stop_time", "be later than `start_time`", f"it is {stop:g} after {start:g}")
    knots = spline_knots(values.size, start, stop)
    powers = PPoly.from_spline(BSpline(knots, values, DEGREE)).c[:, DEGREE:-DEGREE]
    return WaveformDrive(
        "Spline",
        from_powers(knots[DEGREE:-DEGREE], np.asarray(powers)),
        {"amplitude": amplitude, "offset": offset},
        start,
        stop,
        places={"amplitude": "amplitude", "offset": "offset"},
    )
