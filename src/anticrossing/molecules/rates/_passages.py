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
_FRINGE = 0.03  # of s, a twelfth of a fringe at the edge
_TABLE = 12000  # points, a hundredth of s apart
_RANGE = 45.0  # of temperatures, e^{−45}
_STRONGEST = 1e-8  # a, below which nothing changes any more

Probability = Callable[[FloatArray], FloatArray]


def tunnelling_energy(slopes: tuple[float, float], mass: float) -> float:
    """Return ε₀."""
    first, second = np.abs(slopes)
    return float(np.cbrt(first * (first / mass) * (second / (slopes[0] - slopes[1])) ** 2 / 2))


def weakness(coupling: float, slopes: tuple[float, float], mass: float) -> float:
    """Return a, infinite without coupling."""
    v, force = np.float64(abs(coupling)), np.sqrt(abs(slopes[0])) * np.sqrt(abs(slopes[1]))
    with quiet():
        squared = force / v * (abs(slopes[0] - slopes[1]) / v) / (16 * mass * v)
    return float(np.clip(np.sqrt(squared), 1e-100, np.inf))


def probability(
    passage: str, coupling: float, slopes: tuple[float, float], mass: float
) -> Probability:
    """Return P(ε) of one crossing point, as a function of arrays of energies of either sign."""
    v, difference = np.float64(abs(coupling)), abs(slopes[0] - slopes[1])

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
    a = max(a, _STRONGEST)
    one_direction = slopes[0] * np.sign(slopes[1]) > 0

    def near(s: FloatArray) -> FloatArray:
        if s.size > _TABLE:
            table = np.linspace(s.min(), s.max(), _TABLE)
            return np.interp(s, table, near(table))
        b2 = s * a ** (2 / 3)
        with quiet():
            return linear_probability(np.full(s.shape, a), b2, np.full(s.shape, one_direction))

    def zhu_nakamura(energies: FloatArray) -> FloatArray:
        s = np.asarray(energies / scale)
        found = np.zeros(s.shape)
        inside, far = np.abs(s) <= EDGE, s > EDGE
        if inside.any():
            found[inside] = near(s[inside])
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


def log_thermal_average(
    found: Probability, scale: float, depth: float, temperature: float
) -> float:
    """Return ``ln ∫ dε/T e^{−ε/T} P(ε)`` from a depth below the crossing up, by trapezoids."""
    cold = scale / temperature if temperature > scale * 1e-300 else np.inf
    if not np.isfinite(depth / temperature if temperature > depth * 1e-300 else np.inf):
        return -np.inf
    top = _RANGE * temperature
    low, high = max(-depth, -EDGE * scale), min(top, EDGE * scale)
    # As deep as it is cold the maximum is as wide as a fringe, or e^{−ε/T} at the lower end.
    step = scale * min(_FRINGE, 1 / (30 * min(cold, 30.0)))
    energies = np.linspace(low, high, int((high - low) / step) + 2)
    if cold > 30.0:
        energies = np.union1d(energies, low + temperature * np.linspace(0.0, _RANGE, 1500))
    if top > high:
        energies = np.append(energies, np.geomspace(high, top, 400)[1:])
    with quiet():
        exponent = np.log(found(energies)) - energies / temperature
        largest = exponent.max()
        if largest == -np.inf:
            return -np.inf
        total = np.trapezoid(np.exp(exponent - largest), energies) / temperature
    return float(largest + np.log(total))
