"""Pulses of least leakage: Slepian's window, and the fast adiabatic pulse through its angle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    fail,
    nowhere_zero,
    number_between,
    parameter,
    positive,
    positive_number,
    real_array,
    real_number,
)
from anticrossing.drive._pieces import Pieces, approximate
from anticrossing.drive.base import shape_clash
from anticrossing.drive.waveform import WaveformDrive, moved_windows

_LARGEST_BANDWIDTH = 60.0
_NODES = 257
_MOST_STEPS = 60


def Slepian(
    amplitude: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    bandwidth: float = 2.0,
    centre: npt.ArrayLike = 0.0,
    offset: npt.ArrayLike = 0.0,
    start_time: npt.ArrayLike | None = None,
    stop_time: npt.ArrayLike | None = None,
) -> WaveformDrive:
    """Drive with Slepian's pulse, of which the least spectrum lies outside of a band.

    x(t) = offset + amplitude·S(2(t − centre)/width)/S(0) for |t − centre| < width/2, and the offset
    outside. S is the prolate spheroidal function of order zero, the solution with the largest λ of
    ``∫₋₁¹ sin c(u − v)/π(u − v) S(v) dv = λ S(u)``, with c = π·bandwidth: of all pulses of this
    duration its share of energy at |ω| < 2c/width is the largest. It is the limit of many samples
    of the DPSS window `scipy.signal.windows.dpss(M, bandwidth)`. At both ends it jumps to the
    offset, the less the larger the bandwidth.

    Parameters
    ----------
    amplitude, centre, offset : float or array
        As in `Gaussian`.
    width : float or array
        The whole duration > 0.
    bandwidth : float
        Half the product of duration and bandwidth, NW, from 0.1 to 60.
    start_time, stop_time : float or array, optional
        The window; by default the pulse.

    References
    ----------
    D. Slepian and H. O. Pollak, Bell Syst. Tech. J. 40, 43 (1961).

    Examples
    --------
    >>> pulse = Slepian(1.0, width=20.0, bandwidth=2.5)
    >>> round(float(pulse(0.0)), 12), float(pulse(9.999)) < 0.02
    (1.0, True)
    """
    wide = positive("width", width)
    middle = parameter("centre", centre)
    try:
        first, last = middle - wide / 2, middle + wide / 2
    except ValueError:
        raise shape_clash({"width": wide, "centre": middle}) from None
    band = number_between("bandwidth", bandwidth, 0.1, _LARGEST_BANDWIDTH)
    waveform = Pieces(np.array([-0.5, 0.5]), _prolate(np.pi * band)[None], 0.0, 0.0)
    return WaveformDrive(
        "Slepian",
        waveform,
        {"amplitude": amplitude, "width": wide, "centre": middle, "offset": offset},
        first if start_time is None else start_time,
        last if stop_time is None else stop_time,
        places={name: name for name in ("amplitude", "width", "centre", "offset")},
        arguments=moved_windows(start_time, stop_time, centre=(1.0, 1.0), width=(-0.5, 0.5)),
    )


def _prolate(c: float) -> FloatArray:
    """Return Chebyshev coefficients of the prolate spheroidal function of order zero, 1 at 0."""
    # In normalised Legendre polynomials the operator −d(1 − u²)d + c²u², d = d/du, is tridiagonal
    # on the even ones, and the function belongs to its smallest eigenvalue.
    from scipy.linalg import eigh_tridiagonal

    size = 24 + int(2 * c)
    n = 2 * np.arange(size)
    square = (2 * n * (n + 1) - 1) / ((2 * n + 3) * (2 * n - 1))
    diagonal = n * (n + 1) + square * c**2
    beside = (n + 2) * (n + 1) / ((2 * n + 3) * np.sqrt((2 * n + 1) * (2.0 * n + 5))) * c**2
    _, vectors = eigh_tridiagonal(diagonal, beside[:-1], select="i", select_range=(0, 0))
    legendre = np.zeros(2 * size)
    legendre[::2] = vectors[:, 0] * np.sqrt(n + 0.5)

    def function(u: FloatArray) -> Any:
        return np.polynomial.legendre.legval(u, legendre)

    chebyshev = np.polynomial.chebyshev.chebinterpolate(function, 2 * size)
    chebyshev[1::2] = 0.0
    kept = np.flatnonzero(np.abs(chebyshev) > 1e-17 * np.abs(chebyshev).max())[-1] + 1
    return np.asarray(chebyshev[:kept] / np.polynomial.chebyshev.chebval(0.0, chebyshev))


def FastAdiabatic(
    start: float,
    stop: float,
    gap: float,
    duration: float,
    *,
    coefficients: Sequence[float] = (1.0,),
    amplitude: npt.ArrayLike = 1.0,
    offset: npt.ArrayLike = 0.0,
) -> WaveformDrive:
    """Drive near an avoided crossing and back with the fast adiabatic pulse of Martinis and Geller.

    The diabatic energy difference is ε(t) = gap/tan θ, where θ is the angle of the Hamiltonian
    ½[[ε, gap], [gap, −ε]]. In the time τ with dt = sin θ dτ the levels are equally far apart, and

    ``θ(τ) = θ_start + (θ_stop − θ_start) Σ_n λ_n (1 − cos 2πnτ/τ_p) / max``

    has little spectrum at their distance. x(t) = offset + amplitude·ε(t).

    Parameters
    ----------
    start, stop : float
        ε at both ends, and at the middle of the pulse.
    gap : float
        g > 0, the gap of the crossing, in the units of ε.
    duration : float
        Of the whole pulse; it begins at t = 0.
    coefficients : sequence of float
        λ₁, λ₂ …, relative to each other; their shape must rise to the middle and fall again. A
        small negative λ₂, such as −0.1, broadens the middle and lowers the leakage of short pulses.
    amplitude, offset : float or array
        From ε to the coordinate.

    Raises
    ------
    InputError
        For equal `start` and `stop`, or coefficients that make a pulse of several humps.

    References
    ----------
    J. M. Martinis and M. R. Geller, Phys. Rev. A 90, 022307 (2014).

    Examples
    --------
    >>> pulse = FastAdiabatic(start=10.0, stop=1.0, gap=0.5, duration=30.0)
    >>> pulse([0.0, 15.0, 30.0]).round(9).tolist()
    [10.0, 1.0, 10.0]
    """
    first, middle = real_number("start", start), real_number("stop", stop)
    if first == middle:
        raise fail("stop", "differ from `start`", "the pulse is flat")
    half_gap, length = positive_number("gap", gap), positive_number("duration", duration)
    weights = real_array("coefficients", coefficients, ndim=1)
    if not 1 <= weights.size <= 8:
        raise fail("coefficients", "hold one to eight numbers", f"it holds {weights.size}")
    nowhere_zero("coefficients", np.sum(np.abs(weights)))
    angles = np.arctan2(half_gap, np.array([first, middle]))
    half = _AngleInTime(angles, weights)

    def energy(t: FloatArray) -> FloatArray:
        theta = half(np.minimum(t, length - t) / length)
        return np.asarray(half_gap / np.tan(theta))

    ends = np.array([0.0, length])
    waveform = approximate(energy, ends, tolerance=1e-13, noisy="the pulse", first=4)
    return WaveformDrive(
        "FastAdiabatic",
        waveform,
        {"amplitude": amplitude, "offset": offset},
        0.0,
        length,
        places={"amplitude": "amplitude", "offset": "offset"},
    )


class _AngleInTime:
    """θ as a function of t, from 0 to ½, where θ(τ) and dt/dτ = sin θ are known."""

    def __init__(self, angles: FloatArray, weights: FloatArray) -> None:
        self.first, self.change = angles[0], angles[1] - angles[0]
        self.order = np.arange(1, weights.size + 1)
        self.weights = weights
        shape = self._shape(np.linspace(0, 0.5, 513))
        self.weights = weights / shape[-1] if shape[-1] else weights
        shape = self._shape(np.linspace(0, 0.5, 513))
        if not shape[-1] or np.any(np.diff(shape) < -1e-12) or not np.all(np.isfinite(shape)):
            raise fail(
                "coefficients", "make a pulse of one hump", "θ turns round before its middle"
            )
        series = np.polynomial.Chebyshev.interpolate(
            lambda tau: np.sin(self.theta(tau)), _NODES - 1, domain=[0.0, 0.5]
        )
        self.time = series.trim(1e-17).integ(lbnd=0.0)
        self.total = 2 * float(self.time(0.5))

    def _shape(self, tau: FloatArray) -> FloatArray:
        waves = np.sin(np.pi * self.order * np.asarray(tau)[..., None]) ** 2
        return np.asarray(waves @ (2 * self.weights))

    def theta(self, tau: FloatArray) -> FloatArray:
        return self.first + self.change * self._shape(tau)

    def __call__(self, t: FloatArray) -> FloatArray:
        wanted = t * self.total
        low, high = np.zeros_like(wanted), np.full_like(wanted, 0.5)
        tau = t.copy()
        for _ in range(_MOST_STEPS):
            miss = self.time(tau) - wanted
            low, high = np.where(miss < 0, tau, low), np.where(miss < 0, high, tau)
            step = tau - miss / np.sin(self.theta(tau))
            fresh = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
            if np.max(np.abs(fresh - tau), initial=0.0) < 1e-15:
                break
            tau = fresh
        return self.theta(tau)
