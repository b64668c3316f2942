"""What the thermal rates share: their arguments, the flux of passages, the checks of their domain.

Everything is written so that numbers of very different size neither overflow nor lose the result:
an exponent beyond the range of floats ends as a rate of zero, never as NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing._core.checks import non_negative, parameter, positive
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, broadcast, unwrap

_POSITIVE = (
    "reorganization_energy",
    "temperature",
    "frequency",
    "bandwidth",
    "reduced_mass",
    "partition_ratio",
)
_NOT_NEGATIVE = ("density_of_states", "huang_rhys", "barrier")

# ∫₀^∞ dε e^{−ε} f(√ε) by the trapezoidal rule in y = ln √ε, at whose ends the integrand vanishes.
_SPEEDS = np.exp(np.arange(-20.0, 2.0, 0.05))
_WEIGHTS = 2 * 0.05 * _SPEEDS**2 * np.exp(-(_SPEEDS**2))
_WEIGHTS /= _WEIGHTS.sum()
_CHUNK = 1 << 12  # elements averaged at once, 14 MB


quiet = functools.partial(
    np.errstate, over="ignore", under="ignore", divide="ignore", invalid="ignore"
)
"""A block in which numbers may leave the range of floats; the result is never NaN."""


def rate_arguments(**given: Any) -> list[FloatArray]:
    """Return the arguments of a rate, each checked by its name, broadcast together."""
    checked = {}
    for name, value in given.items():
        array = parameter(name, value)
        if name in _POSITIVE:
            positive(name, value)
        elif name in _NOT_NEGATIVE:
            non_negative(name, value)
        checked[name] = array
    return broadcast(**checked)


def log(value: FloatArray) -> FloatArray:
    """Return the natural logarithm, −∞ of zero."""
    with quiet():
        return np.asarray(np.log(value))


def exp(exponent: FloatArray) -> FloatArray:
    """Return the exponential, zero where it is below the range of floats."""
    with quiet():
        return np.asarray(np.exp(exponent))


def activation(free: FloatArray, energy: FloatArray, temperature: FloatArray) -> FloatArray:
    """Return ``(ΔG + λ)²/4λT``, the height of the crossing of two parabolas over T."""
    with quiet():
        gap = free + energy
        return np.asarray(gap / energy * (gap / temperature) / 4)


def adiabaticity(
    coupling: FloatArray, energy: FloatArray, temperature: FloatArray, frequency: FloatArray
) -> FloatArray:
    """Return ``π^{3/2} V²/(ω√(λT))``, the thermal mean of the Landau-Zener exponent.

    ``2πV²/(v ΔF)`` at the crossing of two parabolas, averaged over the flux at temperature T.
    """
    with quiet():
        scaled = np.abs(coupling) / np.sqrt(energy) * (np.abs(coupling) / np.sqrt(temperature))
        return np.asarray(np.pi**1.5 * scaled / frequency)


def flux_average(
    mean_exponent: FloatArray, probability: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Average a function of the Landau-Zener exponent over the thermal flux of passages.

    The exponent of a passage with the energy ε is ``mean_exponent/√(πε/T)``.
    """
    flat = mean_exponent.ravel()
    found = np.empty(flat.shape)
    with quiet():
        for start in range(0, flat.size, _CHUNK):
            part = flat[start : start + _CHUNK, np.newaxis] / (np.sqrt(np.pi) * _SPEEDS)
            found[start : start + _CHUNK] = probability(part) @ _WEIGHTS
    return found.reshape(mean_exponent.shape)


# ---- checks of the domain -----------------------------------------------------------------------


def distinct_states(coupling: FloatArray, energy: FloatArray) -> DomainCheck:
    """Return the check that the coupling is small against the reorganisation energy."""
    with quiet():
        ratio = np.abs(coupling) / energy
    return DomainCheck(
        "coupling / reorganization energy",
        unwrap(np.asarray(ratio)),
        RATIO_LIMIT,
        "the coupling is not small: the diabatic states are no longer distinct",
    )


def classical_bath(
    energy: FloatArray,
    temperature: FloatArray,
    frequency: FloatArray,
    free: FloatArray | None = None,
) -> DomainCheck:
    """Return the check that a bath of one frequency moves classically.

    The logarithm of the rate changes by ``(λ/T)[(cosh yu − cosh y)/(2y sinh y) + (1 − u²)/4]``,
    ``y = ω/2T``, ``u = ΔG/λ``, to first order; at ``u = 0`` by ``(λ/4T)(1 − tanh(y/2)/(y/2))``. The
    larger of the two counts, for at ``|u| = 1`` only the prefactor changes.
    """
    with quiet():
        y = frequency / temperature / 2
        change = _quantum_change(y, np.zeros_like(y))
        if free is not None:
            change = np.maximum(change, _quantum_change(y, np.abs(free) / energy))
        exponent = energy / temperature * change
        exponent = np.where(np.isnan(exponent), np.inf, exponent)  # of nothing times infinity
    return DomainCheck(
        "quantum change of the exponent",
        unwrap(np.asarray(exponent)),
        RATIO_LIMIT,
        "the bath does not move classically at this temperature",
    )


def _quantum_change(y: FloatArray, u: FloatArray) -> FloatArray:
    slow = y * np.maximum(u, 1.0) < 5e-3  # there the differences lose their digits
    x = np.where(slow, 1.0, y)
    ratio = (np.exp(x * (u - 1)) + np.exp(-x * (u + 1))) / -np.expm1(-2 * x)  # cosh xu / sinh x
    change = (ratio - 1 / np.tanh(x)) / (2 * x) + (1 - u**2) / 4
    series = (y * (1 - u**2)) ** 2 / 48
    return np.where(slow, series, np.where(np.isnan(change), np.inf, change))


def weak_passages(mean_exponent: FloatArray) -> DomainCheck:
    """Return the check that a single passage hardly ever changes the diabatic state."""
    return DomainCheck(
        "Landau-Zener exponent of one passage",
        unwrap(mean_exponent),
        RATIO_LIMIT,
        "passages of the crossing are not weakly coupled: see landau_zener_rate",
    )


def diabatic_barrier(
    mean_exponent: FloatArray, coupling: FloatArray, temperature: FloatArray
) -> DomainCheck:
    """Return the check that the barrier is the crossing of the diabatic states."""
    # Where passages are adiabatic the barrier lies on the lower level, lower by |V|.
    with quiet():
        lowered = -np.expm1(-mean_exponent) * (np.abs(coupling) / temperature)
    return DomainCheck(
        "adiabatic lowering of the barrier / temperature",
        unwrap(np.asarray(lowered)),
        RATIO_LIMIT,
        "the adiabatic barrier is lower than the crossing by the coupling",
    )
