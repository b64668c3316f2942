"""The probability to change the surface at the seam, of the energy along the direction of passage.

Energies count from the crossing point; between straight lines everything depends on a of Zhu and
Nakamura and on ``s = ε/ε₀``, ``ε₀ = (F̄⁴/2μΔF²)^{1/3}``, the energy over which waves tunnel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anticrossing.formulas.result import FloatArray
from anticrossing.formulas.zhu_nakamura_scattering import linear_probability
from anticrossing.molecules.rates._thermal import quiet

PASSAGES = ("landau-zener", "weak coupling", "zhu-nakamura")
EDGE = 60.0
"""Of s, from where on interference is averaged over, and below which nothing tunnels."""

Probability = Callable[[FloatArray], FloatArray]


def tunnelling_energy(slopes: tuple[float, float], mass: float) -> float:
    """Return ε₀."""
    first, second = np.abs(slopes)
    return float(np.cbrt(first * (first / mass) * (second / (slopes[0] - slopes[1])) ** 2 / 2))


def weakness(coupling: float, slopes: tuple[float, float], mass: float) -> float:
    """Return a, infinite without coupling."""
    v, force = abs(coupling), np.sqrt(abs(slopes[0])) * np.sqrt(abs(slopes[1]))
    with quiet():
        squared = force / v * (abs(slopes[0] - slopes[1]) / v) / (16 * mass * v)
    return float(np.sqrt(squared))


def probability(
    passage: str, coupling: float, slopes: tuple[float, float], mass: float
) -> Probability:
    """Return P(ε) of one crossing point, as a function of arrays of energies of either sign."""
    v, difference = abs(coupling), abs(slopes[0] - slopes[1])

    def one(energies: FloatArray) -> FloatArray:
        """Return p, the probability of Landau and Zener to stay on the diabatic surface."""
        with quiet():
            return np.exp(-2 * np.pi * v**2 / difference * np.sqrt(mass / (2 * energies)))

    def landau_zener(energies: FloatArray) -> FloatArray:
        return np.where(energies > 0, 1 - one(np.abs(energies)) ** 2, 0.0)

    if passage == "landau-zener" or v == 0:
        return landau_zener
    scale = tunnelling_energy(slopes, mass)
    a = weakness(v, slopes, mass)
    if passage == "weak coupling":
        return lambda energies: _weak(a, energies / scale)
    one_direction = slopes[0] * np.sign(slopes[1]) > 0

    def zhu_nakamura(energies: FloatArray) -> FloatArray:
        s = np.asarray(energies / scale)
        found = np.zeros(s.shape)
        inside, far = np.abs(s) <= EDGE, s > EDGE
        with quiet():
            b2 = s[inside] * a ** (2 / 3)
            found[inside] = linear_probability(
                np.full(b2.shape, a), b2, np.full(b2.shape, one_direction)
            )
        p = one(energies[far])
        found[far] = 2 * p * (1 - p) if one_direction else 2 * (1 - p) / (2 - p)
        return found

    return zhu_nakamura


def _weak(a: float, s: FloatArray) -> FloatArray:
    """Return ``π² a^{−4/3} Ai²(−s)``, above the edge the mean of its fringes."""
    from scipy.special import airy

    far = s > EDGE
    squared = airy(-np.where(far, 0.0, s))[0] ** 2
    mean = 1 / (2 * np.pi * np.sqrt(np.where(far, s, 1.0)))
    return np.asarray(np.pi**2 * a ** (-4 / 3) * np.where(far, mean, squared))
