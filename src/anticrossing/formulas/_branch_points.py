"""Complex zeros of a squared gap, and the action from the real axis up to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing._core.checks import ConvergenceError, fail, positive_number, real_number
from anticrossing._core.quadrature import gauss_legendre
from anticrossing.formulas.result import ComplexArray, FloatArray

Analytic = Callable[[ComplexArray], ComplexArray]

_CLOSED = 1e-9  # a gap this small against its surroundings is a true crossing
_NODES, _WEIGHTS = gauss_legendre(16)


def minimum(
    square: Analytic, near: float, window: tuple[float, float] | None
) -> tuple[float, float, bool]:
    """Reference time (minimum of the gap on the real axis), its width, whether the gap closes."""
    from scipy.optimize import minimize_scalar

    def real(t: FloatArray | float) -> Any:
        with np.errstate(all="ignore"):
            return square(np.atleast_1d(np.asarray(t, dtype=np.complex128))).real

    if window is not None:
        start, stop = real_number("window", window[0]), real_number("window", window[1])
        if not start < stop:
            raise fail("window", "be (start, stop) with start < stop", f"it is {window!r}")
    else:
        reach = 4 * minimum_width(real, near)
        start, stop = near - reach, near + reach
    grid = np.linspace(start, stop, 401)
    best = int(np.nanargmin(real(grid)))
    if 0 < best < 400:
        bounds = (grid[best - 1], grid[best + 1])
        centre = float(
            minimize_scalar(
                lambda t: real(t)[0],
                bounds=bounds,
                method="bounded",
                options={"xatol": 1e-13 * (stop - start)},
            ).x
        )
    else:
        centre = near if start <= near <= stop else 0.5 * (start + stop)
    lowest = square(np.array([centre], dtype=np.complex128))[0]
    if not np.isfinite(lowest) or abs(lowest.imag) > 1e-9 * abs(lowest) or lowest.real < 0:
        raise fail("gap", "be real on the real axis", f"its square is {lowest} at t = {centre:g}")
    if lowest.real <= _CLOSED**2 * np.nanmax(real(grid)):
        return centre, 0.0, True
    return centre, minimum_width(real, centre), False


def minimum_width(real: Callable[[FloatArray | float], Any], centre: float) -> float:
    """Distance at which the squared gap has doubled, or else made half of its largest change."""
    distance = np.logspace(-9, 9, 721) * max(1.0, 1e-6 * abs(centre))
    lowest = real(centre)[0]
    change = np.fmax(
        np.abs(real(centre + distance) - lowest), np.abs(real(centre - distance) - lowest)
    )
    change = np.where(np.isfinite(change), change, np.inf)
    if not np.any(change > 1e-12 * abs(lowest)):
        raise fail("gap", "vary in time", f"it is constant around t = {centre:g}")
    target = min(abs(lowest), 0.5 * float(np.max(change)))
    return float(distance[np.argmax(change >= target)])


def strip(
    centre: float,
    width: float,
    window: tuple[float, float] | None,
    height: float | None,
    near: float,
) -> tuple[float, float, float]:
    top = None if height is None else positive_number("height", height)
    if window is None:
        # A second minimum as far beyond `near` as the first is on this side belongs to it.
        reach = max(8 * width, 2 * abs(centre - near) + 3 * width)
        return centre - reach, centre + reach, top or 3 * width
    return float(window[0]), float(window[1]), top or max(3 * width, (window[1] - window[0]) / 2)


def find_zeros(
    square: Analytic, strip: tuple[float, float, float], width: float, near: complex
) -> ComplexArray:
    """Zeros of the squared gap in the strip, by Newton steps from a grid of starts."""
    left, right, top = strip
    across = np.linspace(left, right, 65)
    up = top * np.linspace(0.02, 1.0, 24)
    t = (across[None, :] + 1j * up[:, None]).ravel()
    if near.imag != 0:
        t = np.append(t, complex(near.real, abs(near.imag)))
    longest = min(width, top, (right - left) / 16)
    with np.errstate(all="ignore"):
        for iteration in range(60):
            value = square(t)
            h = longest * (1e-3 if iteration < 40 else 1e-4)
            # A four-point Cauchy stencil: the derivative of an analytic function to O(h⁴).
            slope = sum(square(t + h * r) / r for r in (1, 1j, -1, -1j)) / (4 * h)
            step = value / slope
            size = np.abs(step)
            step = np.where(size > longest, step * (longest / size), step)
            t = t - np.where(np.isfinite(step), step, 0)
        h = longest * 1e-4
        slope = sum(square(t + h * r) / r for r in (1, 1j, -1, -1j)) / (4 * h)
        residual = np.abs(square(t) / slope)
    scale = abs(complex(left, top)) + abs(complex(right, top))
    settled = (residual <= 1e-10 * longest + 1e-14 * scale) & np.isfinite(t)
    inside = (t.imag > 1e-12 * scale) & (t.imag <= 1.05 * top)
    inside &= (t.real >= left - longest) & (t.real <= right + longest)
    found: list[complex] = []
    for candidate in t[settled & inside]:
        if all(abs(candidate - other) > 1e-6 * longest for other in found):
            found.append(complex(candidate))
    return np.array(found, dtype=np.complex128)


def visible(
    square: Analytic, zeros: ComplexArray, origin: float
) -> tuple[ComplexArray, ComplexArray]:
    """Zeros that no other zero hides from the real axis, with the actions up to them."""
    scale = float(np.max(np.abs(zeros - origin)))
    kept = [
        z
        for z in zeros
        if not any(
            abs(other.real - z.real) < 1e-6 * scale and other.imag < z.imag * (1 - 1e-9)
            for other in zeros
        )
    ]
    actions = [along_axis(square, origin, z.real) + _up_to_zero(square, z) for z in kept]
    return np.array(kept), np.array(actions)


def along_axis(square: Analytic, start: float, stop: float) -> float:
    """Return ``∫ gap dt`` between two real times."""

    def integral(panels: int) -> float:
        edges = np.linspace(start, stop, panels + 1)
        half = np.diff(edges) / 2
        t = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
        values = np.sqrt(np.maximum(square(t.astype(np.complex128)).real, 0))
        return float(np.sum(values @ _WEIGHTS * half))

    return _refined(integral).real if stop != start else 0.0


def _up_to_zero(square: Analytic, zero: complex) -> complex:
    """``∫ gap dt`` straight up from ``Re t_c`` to ``t_c``, positive branch at the real end."""
    # With ``t = t_c + (Re t_c − t_c) s²`` the integrand is analytic, and ``gap²/s²`` has no zero on
    # the path, so that its phase can be followed from the real axis.
    leg = zero.real - zero

    def integral(panels: int) -> complex:
        edges = np.linspace(1.0, 0.0, panels + 1)
        half = np.diff(edges) / 2
        s = ((edges[:-1] + half)[:, None] + half[:, None] * _NODES).ravel()
        reduced = square(np.asarray(zero + leg * s**2, dtype=np.complex128)) / s**2
        at_axis = square(np.array([zero.real + 0j]))
        phase = np.unwrap(np.angle(np.concatenate((at_axis, reduced))))
        root = np.sqrt(np.abs(reduced)) * np.exp(0.5j * phase[1:])
        weights = (half[:, None] * _WEIGHTS).ravel()
        return complex(np.sum(weights * root * s * 2 * leg * s))

    return _refined(integral)


def _refined(integral: Callable[[int], complex]) -> complex:
    panels, previous = 8, integral(4)
    while panels <= 8192:
        value = integral(panels)
        if abs(value - previous) <= 1e-13 * abs(value):
            return value
        panels, previous = 2 * panels, value
    if abs(value - previous) <= 1e-9 * abs(value):
        return value
    raise ConvergenceError(
        "The integral of the gap up to its complex zero did not settle; "
        "a singularity lies on the way (give `window=` and `height=` to leave that zero out)."
    )
