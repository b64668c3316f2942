"""A linear passage in contact with a bath of oscillators: cold, strongly, and weakly coupled.

Canonical form: ``H(t) = ½ [[α t, g], [g, −α t]] + A ⊗ Σ_k g_k (b_k + b_k†) + Σ_k ω_k b_k†b_k`` with
``A = ½ (cos θ σ_z + sin θ σ_x)`` and ``J(ω) = π Σ_k g_k² δ(ω − ω_k)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, loggamma

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    non_negative,
    non_negative_number,
    positive,
    positive_number,
    real_array,
)
from anticrossing.environment.bath_noise import BathNoise
from anticrossing.environment.spectral_density import SpectralDensity
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, Prediction, broadcast, unwrap

_COLD = 0.1  # temperature over the coupling, that is none
_RANGE, _WIDTHS = 40.0, 9.0  # cutoffs and thermal widths, beyond which a rate is 1e-17
_FORGOTTEN = 40.0  # −ln of what is left of a correlation
_MOST_TIMES = 1 << 20
_FINER = 8  # than the least frequencies, for interpolation
_STEPS = 16_001
_FURTHEST = 14.0  # asinh of the energy difference over the gap


def cold_bath_landau_zener(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    reorganization_energy: npt.ArrayLike,
    strength: npt.ArrayLike,
    angle: npt.ArrayLike = 0.0,
    temperature: npt.ArrayLike = 0.0,
) -> Prediction:
    """Probability to keep the diabatic state, in contact with any bath at zero temperature.

    ``P = exp(−π W²/2α)``, ``W² = (g − ½ λ sin 2θ)² + S sin²θ``: exact for an infinite sweep from
    the ground state, whatever the frequencies. A bath that couples to σ_z alone does not count.

    Parameters
    ----------
    gap : array_like
        Gap ``g = 2V`` (energy), of either sign: θ is counted from it.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    reorganization_energy : array_like
        ``λ = Σ g_k²/ω_k = (1/π) ∫ J/ω dω`` (energy), not negative.
    strength : array_like
        ``S = Σ g_k² = (1/π) ∫ J dω`` (energy²), not negative.
    angle : array_like
        ``θ`` of the operator (radians).
    temperature : array_like
        Checked to be small against W.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        For negative numbers, a rate that is not positive, or shapes that do not broadcast.

    References
    ----------
    M. Wubs, K. Saito, S. Kohler, P. Hänggi, Y. Kayanuma, Phys. Rev. Lett. 97, 200404 (2006).

    Examples
    --------
    >>> cold = cold_bath_landau_zener(
    ...     gap=0.5, sweep_rate=1.0, reorganization_energy=0.36, strength=0.36, angle=0.7853981634
    ... )
    >>> round(1 - cold.value, 5)
    0.35827
    """
    g, rate, energy, size, theta, heat = broadcast(
        gap=real_array("gap", gap),
        sweep_rate=positive("sweep_rate", sweep_rate),
        reorganization_energy=non_negative("reorganization_energy", reorganization_energy),
        strength=non_negative("strength", strength),
        angle=real_array("angle", angle),
        temperature=non_negative("temperature", temperature),
    )
    squared = (g - 0.5 * energy * np.sin(2 * theta)) ** 2 + size * np.sin(theta) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        warm = np.where(heat > 0, heat / np.sqrt(squared), 0.0)
    check = DomainCheck(
        "temperature / coupling", unwrap(warm), _COLD, "the bath is not at zero temperature"
    )
    return Prediction(
        value=unwrap(np.exp(-0.5 * np.pi * squared / rate)),
        name="Landau-Zener with a bath at zero temperature",
        checks=(check,),
        equation="P = exp(-pi W^2/(2 sweep_rate)), W^2 = (gap - lambda sin(2 theta)/2)^2 "
        "+ S sin(theta)^2",
    )


def polaron_rate(
    *, energy: npt.ArrayLike, gap: float, kondo: float, cutoff: float, temperature: float
) -> FloatArray:
    """Rate from one diabatic state to the other that gives an energy to a strongly coupled bath.

    ``Γ(ε) = (g²/4) ∫ dt e^{iεt − Q(t)}`` with the bath of θ = 0, ``J = 2πα ω e^{−ω/ω_c}``, and

    ``e^{−Q} = (1 + iω_c t)^{−2α} |Γ(1 + T/ω_c + iTt)/Γ(1 + T/ω_c)|^{4α}``.

    Parameters
    ----------
    energy : array_like
        ``ε`` given to the bath (energy); the rates of ε and −ε obey detailed balance.
    gap : float
        ``g = 2|V|`` (energy), not negative.
    kondo : float
        Kondo's parameter ``α``, positive (λ = 2αω_c).
    cutoff : float
        ``ω_c`` (energy), positive.
    temperature : float
        T ≥ 0 (energy).

    Returns
    -------
    array, of the shape of `energy`

    Raises
    ------
    InputError
        For numbers outside their range, or a temperature so low that the bath's memory is millions
        of times longer than its fastest oscillation.

    References
    ----------
    A. J. Leggett et al., Rev. Mod. Phys. 59, 1 (1987);
    U. Weiss, Quantum Dissipative Systems (4th ed., 2012).

    Examples
    --------
    >>> cold = polaron_rate(energy=[2.0, -2.0], gap=0.1, kondo=0.5, cutoff=10.0, temperature=0.0)
    >>> cold.round(8)                                           # (π g²/2ω_c) e^{−ε/ω_c} at α = ½
    array([0.00128606, 0.        ])
    """
    epsilon = real_array("energy", energy)
    g = non_negative_number("gap", gap)
    alpha, omega = positive_number("kondo", kondo), positive_number("cutoff", cutoff)
    heat = non_negative_number("temperature", temperature)
    if heat == 0:
        ratio = np.maximum(epsilon, 0.0) / omega
        there = np.where(ratio > 0, ratio, 1.0)
        power = np.where(ratio > 0, np.exp((2 * alpha - 1) * np.log(there) - there), 0.0)
        return np.asarray(0.5 * np.pi * g**2 / omega * power / np.exp(gammaln(2 * alpha)))
    furthest = _reach(alpha, omega, heat) + np.max(np.abs(epsilon), initial=0.0)
    step = np.pi / furthest
    count = int(np.ceil(_forgetting(alpha, omega, heat) / step)) + 2
    if count > _MOST_TIMES:
        raise InputError(
            f"The temperature {heat:.3g} is too low for this integral at kondo = {alpha:.3g} and "
            f"cutoff = {omega:.3g}: it needs {count:.1g} times. Take temperature = 0."
        )
    t = step * np.arange(count)
    kernel = _correlation(t, alpha, omega, heat)
    kernel[0] *= 0.5
    # e^{−Q(−t)} is the conjugate: twice the real part of the half line.
    size = _FINER * count
    places = np.fft.fftshift(np.fft.fftfreq(size, step)) * 2 * np.pi
    values = 2 * step * np.fft.fftshift(np.fft.ifft(kernel, size) * size).real
    found = CubicSpline(places, values)(epsilon)
    return np.asarray(0.25 * g**2 * np.maximum(found, 0.0))


def polaron_landau_zener(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    kondo: float,
    cutoff: float,
    temperature: float,
) -> Prediction:
    """Probability to keep the diabatic state, hopping at `polaron_rate` along an infinite sweep.

    ``p′ = −Γ(αt) p + Γ(−αt)(1 − p)``. All rates together are ``∫Γ dε = πg²/2``, whatever the bath:
    P is ``exp(−πg²/2α)`` at T = 0, and tends to ``½(1 + exp(−πg²/α))`` for a hot one.

    Parameters
    ----------
    gap : array_like
        ``g = 2|V|`` (energy), not negative.
    sweep_rate : array_like
        Rate of the diabatic energy difference (energy / time, ħ = 1), positive.
    kondo, cutoff, temperature : float
        As of `polaron_rate`.

    Returns
    -------
    Prediction
        With checks that hops are slower than the bath forgets, and the gap smaller than its cutoff.

    Raises
    ------
    InputError
        As of `polaron_rate`, and for shapes that do not broadcast.

    References
    ----------
    P. Ao, J. Rammer, Phys. Rev. Lett. 62, 3004 (1989); Phys. Rev. B 43, 5397 (1991);
    Y. Kayanuma, H. Nakayama, Phys. Rev. B 57, 13099 (1998), for the hot limit.

    Examples
    --------
    >>> warm = polaron_landau_zener(gap=0.3, sweep_rate=0.2, kondo=0.5, cutoff=5.0, temperature=2.0)
    >>> round(warm.value, 4)
    0.512
    """
    g, rate = broadcast(gap=non_negative("gap", gap), sweep_rate=positive("sweep_rate", sweep_rate))
    alpha, omega = positive_number("kondo", kondo), positive_number("cutoff", cutoff)
    heat = non_negative_number("temperature", temperature)
    if heat == 0:
        value, slow = np.exp(-0.5 * np.pi * g**2 / rate), np.zeros(g.shape)
    else:
        scale = min(heat, omega)
        u = np.linspace(-1, 1, _STEPS) * np.arcsinh(_reach(alpha, omega, heat) / scale)
        epsilon = scale * np.sinh(u)
        middle = 0.5 * (epsilon[1:] + epsilon[:-1])
        down, up = (
            polaron_rate(energy=s * middle, gap=1.0, kondo=alpha, cutoff=omega, temperature=heat)
            for s in (1, -1)
        )
        factor = g[..., None] ** 2 / rate[..., None]
        value = _hopping(down * np.diff(epsilon), up * np.diff(epsilon), factor, start=1.0)
        most = g**2 * float(np.max(down + up))
        slow = most * _forgetting(alpha, omega, heat) / _FORGOTTEN
    checks = (
        DomainCheck("hops / memory of the bath", unwrap(slow), RATIO_LIMIT, "hops are coherent"),
        DomainCheck(
            "gap / cutoff", unwrap(g / omega), RATIO_LIMIT, "the bath does not follow the gap"
        ),
    )
    return Prediction(
        value=unwrap(value),
        name="Landau-Zener by hops of a polaron",
        checks=checks if heat > 0 else (),
        equation="p' = -Gamma(alpha t) p + Gamma(-alpha t) (1 - p)",
    )


def weak_bath_landau_zener(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    spectral_density: SpectralDensity,
    temperature: float,
) -> Prediction:
    """Population of the upper level after a slow sweep from the lower one, by golden-rule rates.

    ``p′ = −γ(E)(g/2E)² p + γ(−E)(g/2E)² (1 − p)``, ``E = √(g² + α²t²)``,
    ``γ(ω) = 2J(ω)/(1 − e^{−ω/T})``, for a bath that couples to ½σ_z: adiabatic levels that a weak
    bath excites near the crossing and cools after it.

    Parameters
    ----------
    gap : array_like
        ``g`` (energy), positive.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    spectral_density : SpectralDensity
        J(ω) of a continuum.
    temperature : float
        T ≥ 0 (energy).

    Returns
    -------
    Prediction
        With checks that no coherent jump competes, and that the bath is weak.

    Raises
    ------
    InputError
        For numbers outside their range, or a spectral density that is no bath.

    References
    ----------
    P. Ao, J. Rammer, Phys. Rev. B 43, 5397 (1991);
    P. Nalbach, M. Thorwart, Phys. Rev. Lett. 103, 220401 (2009).

    Examples
    --------
    >>> from anticrossing.environment.spectral_density import Ohmic
    >>> bath = Ohmic(reorganization_energy=0.04, cutoff=10.0)
    >>> slow = weak_bath_landau_zener(
    ...     gap=1.0, sweep_rate=0.1, spectral_density=bath, temperature=1.0
    ... )
    >>> round(slow.value, 4)
    0.052
    """
    g, rate = broadcast(gap=positive("gap", gap), sweep_rate=positive("sweep_rate", sweep_rate))
    heat = non_negative_number("temperature", temperature)
    if not spectral_density.scales or spectral_density.frequencies.size:
        raise fail("spectral_density", "be a continuum", "it has single modes")
    noise = BathNoise(spectral_density, heat)
    u = np.linspace(-_FURTHEST, _FURTHEST, _STEPS)
    middle, step = 0.5 * (u[1:] + u[:-1]), u[1] - u[0]
    cosh = np.cosh(middle)
    energy = g[..., None] * cosh
    # (g/2E)² dt = g du / (4 α cosh u)
    time = 0.25 * (g / rate)[..., None] / cosh * step
    down, up = noise.rate(energy) * time, noise.rate(-energy) * time
    value = _hopping(up, down, np.ones(1), start=1.0)
    value = 1 - value
    jump = np.exp(-0.5 * np.pi * g**2 / rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        coherent = np.where(jump > 0, jump / value, 0.0)
    most = 0.25 * np.max(noise.rate(energy) / cosh**2, axis=-1)
    checks = (
        DomainCheck("coherent jump / this one", unwrap(coherent), RATIO_LIMIT, "the sweep is fast"),
        DomainCheck("rate / gap", unwrap(most / g), RATIO_LIMIT, "the bath is not weak"),
    )
    return Prediction(
        value=unwrap(value),
        name="slow sweep with a weak bath",
        checks=checks,
        equation="p' = -gamma(E) (gap/2E)^2 p + gamma(-E) (gap/2E)^2 (1 - p)",
    )


def _hopping(away: FloatArray, back: FloatArray, factor: FloatArray, *, start: float) -> Any:
    """Carry p over steps (…, n): p′ = −away p + back (1 − p), each exactly."""
    away, back = away * factor, back * factor
    total = away + back
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(total > 0, back / total, 0.0)
    kept = np.exp(-total)
    p = np.full(total.shape[:-1], start)
    for k in range(total.shape[-1]):
        p = rest[..., k] + (p - rest[..., k]) * kept[..., k]
    return p


def _correlation(
    t: FloatArray, alpha: float, omega: float, heat: float
) -> npt.NDArray[np.complex128]:
    """Return e^{−Q(t)}."""
    ratio = heat / omega
    thermal = 4 * alpha * (loggamma(1 + ratio + 1j * heat * t).real - gammaln(1 + ratio))
    return np.asarray(np.exp(thermal - 2 * alpha * np.log(1 + 1j * omega * t)))


def _reach(alpha: float, omega: float, heat: float) -> float:
    """Return the energy beyond which rates are 1e-17 of their largest."""
    return _RANGE * omega + _WIDTHS * float(np.sqrt(4 * alpha * omega * heat))


def _forgetting(alpha: float, omega: float, heat: float) -> float:
    """Return the time after which e^{−Q} has fallen to e^{−40}."""
    high = 1 / omega
    while np.abs(_correlation(np.array([high]), alpha, omega, heat)[0]) > np.exp(-_FORGOTTEN):
        high *= 2
    return high
