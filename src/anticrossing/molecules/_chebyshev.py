"""Evolution under a constant H as a series of Chebyshev polynomials of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anticrossing._core.checks import ComplexArray

_ROUNDING = 1e-13  # Bessel functions below it end a series


def bessel_weights(argument: float) -> ComplexArray:
    """Return (2 − δ_n0) (−i)ⁿ J_n of an argument until they vanish."""
    from scipy.special import jv

    orders = np.arange(int(argument + 20 + 8 * argument ** (1 / 3)) + 1)
    bessel = jv(orders, argument)
    used = max(2, int(np.flatnonzero(np.abs(bessel) > _ROUNDING)[-1]) + 1)
    return np.asarray((np.where(orders == 0, 1.0, 2.0) * (-1j) ** (orders % 4) * bessel)[:used])


def series(
    apply: Callable[[ComplexArray], ComplexArray],
    psi: ComplexArray,
    extent: tuple[float, float],
    weights: ComplexArray,
) -> ComplexArray:
    """Return Σ_n w_n T_n[(H − c)/r] ψ; with `bessel_weights` of rt this is e^{ict} e^{−iHt} ψ.

    Weights of several times, (M, T), give (T, …).
    """
    middle, radius = extent
    previous, current = psi, (apply(psi) - middle * psi) / radius
    total = np.multiply.outer(weights[0], previous) + np.multiply.outer(weights[1], current)
    for weight in weights[2:]:
        previous, current = current, 2 * (apply(current) - middle * current) / radius - previous
        for place in np.ndindex(weight.shape):
            total[place] += weight[place] * current
    return np.asarray(total)
