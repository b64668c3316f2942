"""The sum over the quanta that one vibration takes up in an electron transfer, for any parameters.

Σ_n w_n exp(−(ΔG + λ + nω)²/4λT) with w_n of Poisson or, in equilibrium, of Skellam. The logarithm
of a term is concave in n. So the largest term is found by bisection, and only its surroundings are
summed; where they hold very many terms, every k-th of them, for a smooth sum is its own integral.
"""

from __future__ import annotations

import functools

import numpy as np

from anticrossing._core.checks import ConvergenceError
from anticrossing.formulas.result import FloatArray
from anticrossing.molecules.rates._thermal import exp, log, quiet

_REACH = 110  # terms on either side: more than ten standard deviations, and thirty more
_DENSE = 4.0  # terms in one standard deviation, at least, where not all are summed
_BISECTIONS = 110
_CHUNK = 1 << 12
_LARGE = 100.0  # of √(n² + z²), from which on the expansion of I_n(z) is used
_ORDERS = 7  # of that expansion
_TINY = 1e-300
_MOST_QUANTA = 1e10  # beyond which the rounding of n alone is felt in the sixth digit
_GONE = 800.0  # logarithm of what is zero anyway


def log_sum_over_quanta(
    energy: FloatArray,
    free: FloatArray,
    temperature: FloatArray,
    factor: FloatArray,
    frequency: FloatArray,
    *,
    thermal: bool,
) -> FloatArray:
    """Return the logarithm of Σ_n w_n exp(−(ΔG + λ + nω)²/4λT), of the shape of the arguments."""
    arguments = [
        np.ravel(array).astype(np.float64)
        for array in (energy, free, temperature, np.maximum(factor, _TINY), frequency)
    ]
    found, most = np.empty((2, arguments[0].size))
    with quiet():
        for start in range(0, found.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            found[part], most[part] = _log_sum(
                *(array[part] for array in arguments), thermal=thermal
            )
    if np.any(np.isnan(found) | ((most > _MOST_QUANTA) & (found > -_GONE))):
        raise ConvergenceError(
            f"The sum over quanta cannot be resolved: {np.nanmax(most):.2g} of them are taken up "
            "at once. Count so slow a mode to the solvent: add huang_rhys * frequency to its "
            "reorganization energy."
        )
    return found.reshape(energy.shape)


def _log_sum(
    energy: FloatArray,
    free: FloatArray,
    temperature: FloatArray,
    factor: FloatArray,
    frequency: FloatArray,
    *,
    thermal: bool,
) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of the sum, and about how many quanta its largest terms take up."""
    half = frequency / temperature / 2
    order = factor / np.sinh(half) if thermal else np.zeros_like(factor)  # z, of I_n(z)
    quantum = frequency / energy * (frequency / temperature) / 2  # ω²/2λT
    centre = -(free + energy) / frequency  # where the Gaussian is largest

    def slope(n: FloatArray) -> FloatArray:
        size = np.log(np.abs(n) + np.hypot(n, order)) - np.log(2 * factor)
        if not thermal:
            return -size - quantum * (n - centre)
        size = size + np.log(-np.expm1(-2 * half))
        return np.where(n >= 0, -size, 2 * half + size) - quantum * (n - centre)

    # The weights are largest at n = S, and a sum of concave functions between their maxima.
    centre = np.clip(centre, -1e300, 1e300) if thermal else np.clip(centre, 0.0, 1e300)
    low, high = np.minimum(factor, centre), np.maximum(factor, centre)
    for _ in range(_BISECTIONS):
        middle = low + (high - low) / 2
        rising = slope(middle) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    peak = np.rint(low)
    spread = 1 / np.sqrt(1 / np.maximum(np.hypot(peak, order), 1.0) + quantum)
    stride = np.maximum(np.floor(spread / _DENSE), 1.0)
    quanta = peak[:, np.newaxis] + stride[:, np.newaxis] * np.arange(-_REACH, _REACH + 1.0)
    s, z, b = factor[:, np.newaxis], order[:, np.newaxis], half[:, np.newaxis]
    terms = _log_skellam(quanta, s, z, b) if thermal else _log_poisson(quanta, s)
    gap = (free + energy)[:, np.newaxis] + quanta * frequency[:, np.newaxis]
    terms = terms - gap / energy[:, np.newaxis] * (gap / temperature[:, np.newaxis]) / 4
    largest = np.maximum(terms.max(axis=1), -np.finfo(np.float64).max)
    total = np.sum(exp(terms - largest[:, np.newaxis]), axis=1)
    return log(total) + largest + np.log(stride), np.maximum(np.abs(peak), factor)


def _log_poisson(quanta: FloatArray, mean: FloatArray) -> FloatArray:
    """Return ln(e^{−S} Sⁿ/n!), −∞ for n < 0."""
    from scipy.special import gammaln

    n = np.maximum(quanta, 0.0)
    return np.where(quanta < 0, -np.inf, n * np.log(mean) - mean - gammaln(n + 1))


def _log_skellam(quanta: FloatArray, s: FloatArray, z: FloatArray, b: FloatArray) -> FloatArray:
    """Return ln(e^{−S(2n̄+1)} ((n̄+1)/n̄)^{n/2} I_|n|(z)), z = 2S√(n̄(n̄+1)) = S/sinh b, b = ω/2T.

    It is the difference of two Poisson variables with the means S(n̄ + 1) and S n̄ (Skellam). The
    powers of n̄ are taken out of I_n, for either may leave the range of floats where T is low.
    """
    from scipy.special import gammaln, hyp0f1

    n = np.abs(quanta)
    h = np.hypot(n, z)
    mean = s / -np.expm1(-2 * b)  # S(n̄ + 1)
    large = h > _LARGE
    x = np.where(large, 1.0, z)
    m = np.where(large, 1.0, n)
    power = m * np.log(mean) - gammaln(m + 1) + np.log(hyp0f1(m + 1, x**2 / 4)) - s / np.tanh(b)
    wide = np.maximum(h, 1.0)
    uniform = (
        n * (n / (wide + z))
        - s * np.tanh(b / 2)
        - n * np.log((n + wide) / (2 * mean))
        - np.log(2 * np.pi * wide) / 2
        + np.log(_expansion(n / wide, 1 / wide))
    )
    return np.where(large, uniform, power) - np.where(quanta < 0, 2 * b * n, 0.0)


def _expansion(p: FloatArray, small: FloatArray) -> FloatArray:
    """Return Σ_k U_k(p)/nᵏ of the expansion of I_n(z) for large √(n² + z²) (DLMF 10.41.3)."""
    total = np.ones_like(p)
    for k, coefficients in enumerate(_debye_polynomials()):
        # U_k = pᵏ times a polynomial, and p/n = 1/√(n² + z²)
        total = total + small ** (k + 1) * np.polynomial.polynomial.polyval(p, coefficients)
    return total


@functools.cache
def _debye_polynomials() -> tuple[FloatArray, ...]:
    """Return the coefficients of U_k(p)/pᵏ for k = 1, 2, … (DLMF 10.41.9)."""
    Polynomial = np.polynomial.Polynomial
    found, last = [], Polynomial([1.0])
    for k in range(1, _ORDERS):
        last = (
            Polynomial([0, 0, 0.5, 0, -0.5]) * last.deriv()
            + (Polynomial([0.125, 0, -0.625]) * last).integ()
        )
        found.append(np.asarray(last.coef[k:], dtype=np.float64))
    return tuple(found)
