"""Taylor coefficients in time of a Lindblad generator at the nodes of a panel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import chebyshev

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.analysis._quadrature import panel_times
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.continuation import continued_generator
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator
from anticrossing.environment import Environment

_CIRCLE = 64  # points on a circle in the complex plane, more than twice the highest coefficient
# More levels cost more: half as many points for a few coefficients, real times for fewer still.
_SMALL, _HALF_CIRCLE, _FEW, _VERY_FEW = 4, 32, 8, 4
_LARGEST, _SHRINK, _TRIES = 2.0, 0.7, 12  # radius of the circle, in half-widths of the panel
_MOST_NUMBERS = 4_000_000  # in one array
_ANALYTIC = 1e-12  # negative powers below this, relative to the largest, are rounding
_REAL_NODES = (33, 27)  # two noises, of which the difference tells how much there is
_ROUNDING = 4e-16


@dataclass
class Taylor:
    """Taylor coefficients of one generator: by circles in complex time, or on the real axis."""

    lanes: Lanes
    environment: Environment
    scale: float = 1.0
    _able: bool | None = field(default=None, repr=False)
    _share: float = field(default=_LARGEST, repr=False)

    def at(
        self, times: FloatArray, values: ComplexArray, panel: tuple[float, float], count: int
    ) -> tuple[ComplexArray, float]:
        """Return c_j r^j for j < count, shape (n, count, N², N²), at times on a panel, and r.

        `values` is the generator at the times. On the panel, which may reach beyond them, it is
        smooth.
        """
        half = 0.5 * (panel[1] - panel[0])
        # The larger the circle, the less of a coefficient is rounding; the next panel is alike.
        share = min(_LARGEST, self._share / _SHRINK)
        cheap = self.lanes.hamiltonian.dimension > _SMALL and count <= _VERY_FEW
        for _ in range(0 if cheap or self._able is False else _TRIES):
            radius = self.scale * share * half
            found = self._circle(times, values, radius, count)
            if found is not None:
                self._share = share
                return found, radius
            if self._able is False:
                break
            share *= _SHRINK
        return self._real(times, panel, count, half), half

    def _circle(
        self, times: FloatArray, centre: ComplexArray, radius: float, count: int
    ) -> ComplexArray | None:
        """Return the coefficients from values on circles, None where these are not analytic."""
        most = max(_MOST_NUMBERS // (_CIRCLE * centre[0].size), 1)
        if times.size > most:  # a few nodes at a time, for the memory they take
            parts = []
            for k in range(0, times.size, most):
                part = self._circle(times[k : k + most], centre[k : k + most], radius, count)
                if part is None:
                    return None
                parts.append(part)
            return np.concatenate(parts)
        large = self.lanes.hamiltonian.dimension > _SMALL
        m = _HALF_CIRCLE if large and count <= _FEW else _CIRCLE
        angles = 2 * np.pi * np.arange(m // 2 + 1) / m
        shifts = radius * np.exp(1j * angles)
        shifts[[0, -1]] = radius, -radius
        try:
            values = continued_generator(self.lanes, self.environment, times, shifts)
        except Exception:  # noqa: BLE001 - a function of the user's that takes no complex numbers
            self._able = False
            return None
        self._able = True
        # L maps Hermitian matrices to Hermitian ones, which gives the lower half of the circle.
        lower = _mirrored(values[:, -2:0:-1])
        circle = np.concatenate([values, lower], axis=1)
        powers = np.fft.fft(circle, axis=1) / m
        largest = np.max(np.abs(powers[:, 0]))
        # The mean over a circle is the value in its middle, and negative powers vanish.
        wrong = max(np.max(np.abs(powers[:, -6:])), np.max(np.abs(powers[:, 0] - centre)))
        if not wrong <= _ANALYTIC * largest:
            return None
        return np.asarray(powers[:, :count])

    def _real(
        self, times: FloatArray, panel: tuple[float, float], count: int, half: float
    ) -> ComplexArray:
        """Return the coefficients from a Chebyshev series on the panel, in units of its half."""
        points = grid(_REAL_NODES[self.scale != 1])
        left, right = np.array([panel[0]]), np.array([panel[1]])
        nodes = panel_times(left, right, points)
        values = generator(self.lanes, self.environment, nodes)[0]
        size = values.shape[-1]
        series = points.to_coefficients @ values.reshape(points.size, -1)
        # What is below rounding would only be amplified.
        largest = np.max(np.abs(values))
        kept = np.flatnonzero(np.max(np.abs(series), axis=-1) > _ROUNDING * largest)
        series = series[: (int(kept[-1]) if kept.size else 0) + 1]
        place = (times - 0.5 * (panel[0] + panel[1])) / half
        found = np.zeros((times.size, count, size, size), dtype=np.complex128)
        factorial = 1.0
        for order in range(min(count, series.shape[0])):
            factorial *= max(order, 1)
            slopes = chebyshev.chebder(series, order) if order else series
            terms = chebyshev.chebvander(place, slopes.shape[0] - 1) @ slopes
            found[:, order] = terms.reshape(-1, size, size) / factorial
        return found


def _mirrored(values: ComplexArray) -> ComplexArray:
    """Return the superoperator at the conjugate time, from the one that keeps Hermiticity."""
    levels = int(np.sqrt(values.shape[-1]))
    shape = (*values.shape[:-2], *4 * (levels,))
    exchanged = values.reshape(shape).swapaxes(-1, -2).swapaxes(-3, -4)
    return np.asarray(exchanged.reshape(values.shape).conj())
