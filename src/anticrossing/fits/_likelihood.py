"""How likely measured populations are: normal errors, or counts of a known number of shots.

Both are sums of squares, Σ r², that are smallest at the maximum of the likelihood: weighted
differences for normal errors, the deviance of the binomial distribution for counts,

    r² = 2n [f ln(f/q) + (1 − f) ln((1 − f)/(1 − q))],    f = k/n,

which is χ² where n is large. Its expected second derivative is n/(q(1 − q)), Fisher's information.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.fits.measurement import Measurement

_LEAST = 1e-9  # a probability that something was counted for
_SERIES = 1e-3
_MANY = 200  # counts from which on the deviance is a χ²


def residuals(q: FloatArray, data: Measurement) -> tuple[FloatArray, FloatArray]:
    """Return r of probabilities q, and ∂r/∂q; r is negative where q is too small."""
    if data.shots is None:
        weight = np.ones(len(data)) if data.error is None else 1 / data.error
        return (q - data.population) * weight, weight
    inside, below = np.clip(q, _LEAST, 1 - _LEAST), np.asarray(q < _LEAST)
    distance = inside - data.population
    squared = (
        2
        * data.shots
        * (_divergence(data.population, inside) + _divergence(1 - data.population, 1 - inside))
    )
    root = np.copysign(np.sqrt(squared), distance)
    steep = root_information(inside, data.shots)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(root == 0, steep, steep**2 * distance / root)
    # Beyond the edge it goes on as a straight line, so that a search finds its way back.
    beyond = q - inside
    slope = np.where(slope == 0, steep, slope)
    return np.where((beyond != 0) | below, root + slope * beyond, root), slope


def root_information(q: FloatArray, shots: FloatArray) -> FloatArray:
    """Return the root of Fisher's information on q that so many shots bring."""
    inside = np.clip(q, _LEAST, 1 - _LEAST)
    return np.sqrt(shots / (inside * (1 - inside)))


def weights(q: FloatArray, data: Measurement) -> FloatArray:
    """Return the root of Fisher's information on every probability; 1 where errors are unknown."""
    if data.shots is not None:
        return root_information(q, data.shots)
    return np.ones(len(data)) if data.error is None else 1 / data.error


def _divergence(f: FloatArray, q: FloatArray) -> FloatArray:
    """Return f ln(f/q) − f + q without cancellation where they are close."""
    from scipy.special import kl_div

    x = (f - q) / q
    series = q * x * x * (1 / 2 - x * (1 / 6 - x * (1 / 12 - x * (1 / 20 - x / 30))))
    return np.where(np.abs(x) < _SERIES, series, kl_div(f, q))


def deviance_moments(q: FloatArray, shots: FloatArray) -> tuple[float, float]:
    """Return the sums of means and variances of r² over points with probabilities q."""
    from scipy.stats import binom

    inside = np.clip(q, _LEAST, 1 - _LEAST)
    mean, variance = 0.0, 0.0
    for n in np.unique(shots):
        own = inside[shots == n]
        if n * min(own.min(), 1 - own.max()) > _MANY:
            mean, variance = mean + own.size, variance + 2.0 * own.size
            continue
        # The values k that matter lie around nq; their distribution is summed as it is.
        width = np.ceil(8 * np.sqrt(n * own * (1 - own)) + 30)
        low = np.maximum(np.floor(n * own - width), 0)
        high = np.minimum(np.ceil(n * own + width), n)
        steps = np.arange(int((high - low).max()) + 1)
        for start in range(0, own.size, 4096):
            part = slice(start, start + 4096)
            k = np.minimum(low[part, None] + steps, n)
            chance = binom.pmf(k, n, own[part, None]) * (
                low[part, None] + steps <= high[part, None]
            )
            f = k / n
            squared = (
                2 * n * (_divergence(f, own[part, None]) + _divergence(1 - f, 1 - own[part, None]))
            )
            first = np.sum(chance * squared, axis=-1)
            mean += float(np.sum(first))
            variance += float(np.sum(np.sum(chance * squared**2, axis=-1) - first**2))
    return mean, max(variance, 1e-300)
