"""From non-adiabatic to adiabatic rates: Landau-Zener transmission at a crossing of parabolas.

The bath is one classical coordinate of frequency ω that passes the crossing again and again; phases
between passages are averaged out, probabilities are followed. ħ = k_B = 1, one unit of energy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import choice
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, unwrap
from anticrossing.molecules.rates._thermal import (
    activation,
    adiabaticity,
    classical_bath,
    diabatic_barrier,
    exp,
    flux_average,
    quiet,
    rate_arguments,
)

REGIONS = ("normal", "inverted")
AVERAGES = ("thermal", "mean exponent")
_LARGEST_TEMPERATURE = 0.5  # in barriers


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
    v, energy, heat, omega = rate_arguments(
        coupling=coupling,
        reorganization_energy=reorganization_energy,
        temperature=temperature,
        frequency=frequency,
    )
    exponent = adiabaticity(v, energy, heat, omega)
    inverted = np.full(v.shape, where == "inverted")
    return Prediction(
        value=unwrap(_transmission(exponent, inverted, how)),
        name=f"Landau-Zener transmission, {where} region, {how}",
        checks=(diabatic_barrier(exponent, v, heat), classical_bath(energy, heat, omega)),
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
    coupling in the normal region κ → 1 leaves the attempt frequency. The barrier is the height of
    the diabatic crossing.

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
    >>> from anticrossing.molecules.rates import marcus
    >>> weak = landau_zener_rate(coupling=1e-5, frequency=0.01, **common)
    >>> round(weak.value / marcus(coupling=1e-5, **common).value, 5)
    1.0
    """
    how = choice("average", average, AVERAGES)
    v, energy, free, heat, omega = rate_arguments(
        coupling=coupling,
        reorganization_energy=reorganization_energy,
        reaction_free_energy=reaction_free_energy,
        temperature=temperature,
        frequency=frequency,
    )
    exponent = adiabaticity(v, energy, heat, omega)
    with quiet():
        kappa = _transmission(exponent, np.abs(free) > energy, how)
    barrier = activation(free, energy, heat)  # over T
    with quiet():
        excess = DomainCheck(
            "temperature / barrier",
            unwrap(np.asarray(1 / barrier)),
            _LARGEST_TEMPERATURE,
            "there is no barrier to wait before: the population does not decay with a rate",
        )
    return Prediction(
        value=unwrap(kappa * omega / (2 * np.pi) * exp(-barrier)),
        name=f"Landau-Zener rate, {how}",
        checks=(
            excess,
            diabatic_barrier(exponent, v, heat),
            classical_bath(energy, heat, omega, free),
        ),
        equation="k = kappa (omega / 2 pi) exp(-(dG + lambda)^2 / (4 lambda T))",
    )


def _transmission(
    exponent: FloatArray, inverted: npt.NDArray[np.bool_], average: str
) -> FloatArray:
    if average == "mean exponent":
        return np.where(inverted, _inverted(exponent), _normal(exponent))
    normal, other = flux_average(exponent, _normal), flux_average(exponent, _inverted)
    return np.where(inverted, other, normal)


def _normal(exponent: FloatArray) -> FloatArray:
    change = -np.expm1(-exponent)
    return np.asarray(2 * change / (1 + change))


def _inverted(exponent: FloatArray) -> FloatArray:
    return np.asarray(-2 * np.expm1(-exponent) * np.exp(-exponent))
