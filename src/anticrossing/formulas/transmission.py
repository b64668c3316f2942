"""From non-adiabatic to adiabatic rates: Landau-Zener transmission at a crossing of parabolas.

The bath is one classical coordinate of frequency ω that passes the crossing again and again; phases
between passages are averaged out, probabilities are followed. ħ = k_B = 1, one unit of energy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing.checks import choice, positive, real_array
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.rates import adiabaticity
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap

REGIONS = ("normal", "inverted")
AVERAGES = ("thermal", "mean exponent")

# ∫₀^∞ dε e^{−ε} f(√ε) by the trapezoidal rule in y = ln √ε, at whose ends the integrand vanishes.
_Y = np.arange(-20.0, 2.0, 0.05)
SPEEDS = np.exp(_Y)
SPEED_WEIGHTS = 2 * 0.05 * SPEEDS**2 * np.exp(-(SPEEDS**2))


def landau_zener_transmission(
    *,
    coupling: npt.ArrayLike,
    reorganization_energy: npt.ArrayLike,
    temperature: npt.ArrayLike,
    frequency: npt.ArrayLike,
    region: str = "normal",
    average: str = "thermal",
) -> Prediction:
    """Fraction κ of the thermal passages of a crossing that lead to the other diabatic state.

    With ``q = 1 − exp(−2πV²/(v ΔF))``, the probability of one passage to change diabatic state
    (to stay on the adiabatic level), and passages repeated without phase::

        κ = 2q/(1 + q)     normal region: the crossing lies between the minima
        κ = 2q(1 − q)      inverted region: both minima on one side, passed to and fro

    averaged over the thermal flux, or with q of the mean exponent ``π^{3/2}V²/(ω√(λT))``.

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` (energy), of either sign.
    reorganization_energy : array_like
        ``λ > 0`` (energy).
    temperature : array_like
        ``T > 0`` (energy).
    frequency : array_like
        Frequency ``ω > 0`` of the parabolas (energy).
    region : {"normal", "inverted"}
        Where the crossing lies.
    average : {"thermal", "mean exponent"}
        κ averaged over velocities, or the closed expression of Newton and Sutin, which puts the
        mean of ``1/v`` into the exponent. Both have the same two limits.

    Returns
    -------
    Prediction
        κ, between 0 and 1, broadcast over the arguments.

    Raises
    ------
    InputError
        If λ, T or ω is not positive, or an option is unknown.

    References
    ----------
    M. D. Newton, N. Sutin, Annu. Rev. Phys. Chem. 35, 437 (1984); B. S. Brunschwig, J. Logan,
    M. D. Newton, N. Sutin, J. Am. Chem. Soc. 102, 5798 (1980).

    Examples
    --------
    >>> common = dict(reorganization_energy=1.0, temperature=0.025, frequency=0.01)
    >>> landau_zener_transmission(coupling=[1e-4, 0.01, 0.1], **common).value.round(5)
    array([7.0000e-05, 3.9132e-01, 1.0000e+00])
    """
    where, how = choice("region", region, REGIONS), choice("average", average, AVERAGES)
    v, energy, heat, omega = broadcast(
        coupling=real_array("coupling", coupling),
        reorganization_energy=positive("reorganization_energy", reorganization_energy),
        temperature=positive("temperature", temperature),
        frequency=positive("frequency", frequency),
    )
    value = _transmission(adiabaticity(v, energy, heat, omega), where == "inverted", how)
    return Prediction(
        value=unwrap(value),
        name=f"Landau-Zener transmission, {where} region, {how}",
        checks=_checks(v, energy, heat, omega),
        equation="kappa = 2 q (1 - q)" if where == "inverted" else "kappa = 2 q / (1 + q)",
    )


def landau_zener_rate(
    *,
    coupling: npt.ArrayLike,
    reorganization_energy: npt.ArrayLike,
    reaction_free_energy: npt.ArrayLike,
    temperature: npt.ArrayLike,
    frequency: npt.ArrayLike,
    average: str = "thermal",
) -> Prediction:
    """Rate for a coupling of any strength: transition-state theory times Landau-Zener transmission.

    ``k = κ (ω/2π) exp(−(ΔG + λ)²/4λT)`` with κ of `landau_zener_transmission`; the region is the
    inverted one where ``|ΔG| > λ``. For weak coupling it is the Marcus rate, exactly; for strong
    coupling in the normal region κ → 1 leaves the attempt frequency. The barrier is that of the
    diabatic crossing.

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` (energy), of either sign.
    reorganization_energy : array_like
        ``λ > 0`` (energy).
    reaction_free_energy : array_like
        ``ΔG`` of the final minus the initial state (energy).
    temperature : array_like
        ``T > 0`` (energy).
    frequency : array_like
        Frequency ``ω > 0`` of the parabolas (energy).
    average : {"thermal", "mean exponent"}
        As in `landau_zener_transmission`.

    Returns
    -------
    Prediction
        The rate (energy / ħ), broadcast over the arguments.

    Raises
    ------
    InputError
        If λ, T or ω is not positive, or the option is unknown.

    References
    ----------
    M. D. Newton, N. Sutin, Annu. Rev. Phys. Chem. 35, 437 (1984).

    Examples
    --------
    >>> common = dict(reorganization_energy=1.0, reaction_free_energy=-0.8, temperature=0.025)
    >>> from anticrossing.formulas.rates import marcus
    >>> weak = landau_zener_rate(coupling=1e-5, frequency=0.01, **common)
    >>> round(weak.value / marcus(coupling=1e-5, **common).value, 5)
    1.0
    """
    how = choice("average", average, AVERAGES)
    v, energy, free, heat, omega = broadcast(
        coupling=real_array("coupling", coupling),
        reorganization_energy=positive("reorganization_energy", reorganization_energy),
        reaction_free_energy=real_array("reaction_free_energy", reaction_free_energy),
        temperature=positive("temperature", temperature),
        frequency=positive("frequency", frequency),
    )
    barrier = (free + energy) ** 2 / (4 * energy)
    kappa = _transmission(adiabaticity(v, energy, heat, omega), np.abs(free) > energy, how)
    excess = DomainCheck(
        "temperature / barrier",
        unwrap(heat / np.maximum(barrier, 1e-300)),
        0.5,
        "there is no barrier to wait before: the population does not decay with a rate",
    )
    return Prediction(
        value=unwrap(kappa * omega / (2 * np.pi) * np.exp(-barrier / heat)),
        name=f"Landau-Zener rate, {how}",
        checks=(excess, *_checks(v, energy, heat, omega)),
        equation="k = kappa (omega / 2 pi) exp(-(dG + lambda)^2 / (4 lambda T))",
    )


def thermal_average(exponent: FloatArray, inverted: npt.ArrayLike) -> FloatArray:
    """Return κ averaged over the flux, whose Landau-Zener exponent is ``exponent/√(πε/T)``."""
    scaled = exponent[..., np.newaxis] / (np.sqrt(np.pi) * SPEEDS)
    both = np.broadcast_to(np.asarray(inverted)[..., np.newaxis], scaled.shape)
    return np.asarray(_passages(scaled, both) @ SPEED_WEIGHTS)


def _transmission(exponent: FloatArray, inverted: npt.ArrayLike, average: str) -> FloatArray:
    if average == "thermal":
        return thermal_average(exponent, inverted)
    return _passages(exponent, np.broadcast_to(inverted, exponent.shape))


def _passages(exponent: FloatArray, inverted: npt.NDArray[np.bool_]) -> FloatArray:
    change, keep = -np.expm1(-exponent), np.exp(-exponent)
    return np.asarray(np.where(inverted, 2 * change * keep, 2 * change / (1 + change)))


def _checks(
    coupling: FloatArray, energy: FloatArray, temperature: FloatArray, frequency: FloatArray
) -> tuple[DomainCheck, ...]:
    ratio = frequency / (4 * temperature)
    exponent = adiabaticity(coupling, energy, temperature, frequency)
    # Where passages are adiabatic the barrier is that of the lower level, lower by |V|.
    lowered = -np.expm1(-exponent) * np.abs(coupling) / temperature
    return (
        DomainCheck(
            "adiabatic lowering of the barrier / temperature",
            unwrap(np.asarray(lowered)),
            RATIO_LIMIT,
            "the adiabatic barrier is lower than that of the crossing by the coupling",
        ),
        DomainCheck(
            "quantum change of the exponent",
            unwrap(np.asarray(energy / (4 * temperature) * (1 - np.tanh(ratio) / ratio))),
            RATIO_LIMIT,
            "the coordinate does not move classically at this temperature",
        ),
    )
