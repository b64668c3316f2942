"""Thermal rates between two diabatic states, to second order in their coupling.

ħ = k_B = 1: energies, temperatures and frequencies share one unit of energy E, and a rate comes out
in E/ħ. In atomic units that is 1 hartree/ħ = 4.134e16 s⁻¹; in eV it is 1.519e15 s⁻¹.

All describe a bath in equilibrium that absorbs the energy difference: no phase survives from one
passage of the crossing to the next. None of them is the Landau-Zener probability of one coherent
passage; `anticrossing.formulas.transmission` connects the two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing.checks import describe, fail, non_negative, positive, real_array, real_number
from anticrossing.formulas._bath_integral import BathIntegral
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import (
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    context,
    unwrap,
)
from anticrossing.spectral_density import SpectralDensity


def fermi_golden_rule(
    *,
    coupling: npt.ArrayLike,
    density_of_states: npt.ArrayLike,
    bandwidth: npt.ArrayLike | None = None,
) -> Prediction:
    """Rate out of a state into a continuum.

    ``k = 2π V² ρ``. For two electronic states, ``ρ`` is the Franck-Condon weighted density
    ``Σ_mn p_m |⟨m|n⟩|² δ(E_m − E_n)``; all other rates of this module are this one with a ``ρ``
    worked out.

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` (energy), of either sign.
    density_of_states : array_like
        Density ``ρ`` of final states at the initial energy (1/energy), not negative.
    bandwidth : array_like, optional
        Energy over which ``V²ρ`` stays constant; adds the check that the decay is exponential.

    Returns
    -------
    Prediction
        The rate (energy / ħ), broadcast over the arguments.

    Raises
    ------
    InputError
        If the density is negative or an argument is not finite.

    References
    ----------
    P. A. M. Dirac, Proc. R. Soc. A 114, 243 (1927).

    Examples
    --------
    >>> round(fermi_golden_rule(coupling=0.01, density_of_states=2.0, bandwidth=1.0).value, 6)
    0.001257
    """
    v = real_array("coupling", coupling)
    density = non_negative("density_of_states", density_of_states)
    v, density = broadcast(coupling=v, density_of_states=density)
    rate = 2 * np.pi * v**2 * density
    checks: tuple[DomainCheck, ...] = ()
    if bandwidth is not None:
        top, width = broadcast(rate=rate, bandwidth=context("bandwidth", bandwidth))
        checks = (
            DomainCheck(
                "rate / bandwidth",
                unwrap(np.asarray(top / width)),
                RATIO_LIMIT,
                "the continuum is not flat over the width of the level: no exponential decay",
            ),
        )
    return Prediction(
        unwrap(rate), "Fermi's golden rule", checks, "k = 2 pi coupling^2 density_of_states"
    )


def marcus(
    *,
    coupling: npt.ArrayLike,
    reorganization_energy: npt.ArrayLike,
    reaction_free_energy: npt.ArrayLike,
    temperature: npt.ArrayLike,
    frequency: npt.ArrayLike | None = None,
) -> Prediction:
    """Non-adiabatic transfer rate in a classical bath (Marcus).

    ``k = 2π V² (4πλT)^{-1/2} exp(−(ΔG + λ)²/4λT)``: a thermal average over a bath in equilibrium,
    not the probability of one passage.

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` (energy), of either sign.
    reorganization_energy : array_like
        ``λ > 0`` (energy).
    reaction_free_energy : array_like
        ``ΔG`` of the final minus the initial state, negative downhill (energy); beyond ``−λ`` the
        rate falls again, the inverted region.
    temperature : array_like
        ``T > 0`` (energy).
    frequency : array_like, optional
        Typical frequency ``ω`` of the bath (energy). Adds two checks: quantum motion of the bath,
        through the exponent ``(λ/4T)(1 − tanh(ω/4T)/(ω/4T))`` by which it changes the rate at
        ``ΔG = 0``, and the adiabaticity ``π^{3/2} V²/(ω√(λT))`` of one passage.

    Returns
    -------
    Prediction
        The rate (energy / ħ), broadcast over the arguments, with `log_value`.

    Raises
    ------
    InputError
        If λ, T or ω is not positive, or the shapes do not broadcast.

    References
    ----------
    R. A. Marcus, J. Chem. Phys. 24, 966 (1956); V. G. Levich, R. R. Dogonadze, Dokl. Akad. Nauk
    SSSR 124, 123 (1959).

    Examples
    --------
    In eV, at room temperature; the largest rate lies at ΔG = −λ:

    >>> result = marcus(
    ...     coupling=0.001, reorganization_energy=1.0, reaction_free_energy=[-0.5, -1.0, -1.5],
    ...     temperature=0.0257, frequency=0.01,
    ... )
    >>> (result.value * 1.519267e15).round(-7)          # 1/s
    array([1.48e+09, 1.68e+10, 1.48e+09])
    """
    v, energy, free, heat = _marcus_arguments(
        coupling, reorganization_energy, reaction_free_energy, temperature
    )
    exponent = -((free + energy) ** 2) / (4 * energy * heat)
    prefactor = v**2 * np.sqrt(np.pi / (energy * heat))
    checks = [_weak(v, energy, "reorganization energy")]
    if frequency is not None:
        omega = positive("frequency", frequency)
        checks += _bath_checks(v, energy, heat, omega)
    return Prediction(
        value=unwrap(prefactor * np.exp(exponent)),
        name="Marcus",
        checks=tuple(checks),
        equation="k = 2 pi V^2 (4 pi lambda T)^(-1/2) exp(-(dG + lambda)^2 / (4 lambda T))",
        log_value=unwrap(_log(prefactor) + exponent),
    )


def marcus_levich_jortner(
    *,
    coupling: npt.ArrayLike,
    reorganization_energy: npt.ArrayLike,
    reaction_free_energy: npt.ArrayLike,
    temperature: npt.ArrayLike,
    huang_rhys: npt.ArrayLike,
    frequency: npt.ArrayLike,
    thermal_mode: bool = False,
) -> Prediction:
    """Transfer rate in a classical solvent together with one quantum vibration.

    With the vibration in its ground state before the transfer::

        k = 2π V² (4πλT)^{-1/2} e^{−S} Σ_n (Sⁿ/n!) exp(−(ΔG + λ + nω)²/4λT)

    With `thermal_mode` it is in equilibrium, ``n̄ = 1/(e^{ω/T} − 1)``, and the weights become
    ``e^{−S(2n̄+1)} ((n̄+1)/n̄)^{n/2} I_|n|(2S√(n̄(n̄+1)))`` for all integers n.

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` (energy), of either sign.
    reorganization_energy : array_like
        ``λ > 0`` of the classical solvent alone (energy); the vibration adds ``Sω``.
    reaction_free_energy : array_like
        ``ΔG`` of the final minus the initial state (energy).
    temperature : array_like
        ``T > 0`` (energy).
    huang_rhys : array_like
        ``S ≥ 0`` of the vibration, dimensionless.
    frequency : array_like
        ``ω > 0`` of the vibration (energy).
    thermal_mode : bool
        Whether the vibration is thermally excited.

    Returns
    -------
    Prediction
        The rate (energy / ħ), broadcast over the arguments.

    Raises
    ------
    InputError
        If λ, T or ω is not positive, S is negative, or the shapes do not broadcast.

    References
    ----------
    J. Jortner, J. Chem. Phys. 64, 4860 (1976).

    Examples
    --------
    The vibration takes up the excess energy, so the inverted region falls less steeply:

    >>> common = dict(coupling=0.001, reaction_free_energy=-2.0, temperature=0.0257)
    >>> quantum = marcus_levich_jortner(
    ...     reorganization_energy=0.7, huang_rhys=2.0, frequency=0.15, **common)
    >>> classical = marcus(reorganization_energy=1.0, **common)
    >>> round(quantum.value / classical.value)
    87
    """
    v, energy, free, heat = _marcus_arguments(
        coupling, reorganization_energy, reaction_free_energy, temperature
    )
    factor = non_negative("huang_rhys", huang_rhys)
    omega = positive("frequency", frequency)
    if not isinstance(thermal_mode, bool):
        raise fail("thermal_mode", "be True or False", f"it is {describe(thermal_mode)}")
    v, energy, free, heat, factor, omega = broadcast(
        coupling=v,
        reorganization_energy=energy,
        reaction_free_energy=free,
        temperature=heat,
        huang_rhys=factor,
        frequency=omega,
    )
    occupation = 1 / np.expm1(np.minimum(omega / heat, 700.0))
    # Quanta beyond the resonance and beyond the Poisson distribution contribute nothing.
    spread = factor * (2 * occupation + 1) if thermal_mode else factor
    width = np.sqrt(2 * energy * heat) / omega
    most = np.max(np.maximum(factor, np.abs(free + energy) / omega) + 12 * np.sqrt(spread + 1))
    most = int(most + 12 * np.max(width)) + 20
    quanta = np.arange(-most if thermal_mode else 0, most + 1)
    s, n_mean, w = factor[..., None], occupation[..., None], omega[..., None]
    weights = _thermal_weights(quanta, s, n_mean) if thermal_mode else _poisson_weights(quanta, s)
    exponent = -((free[..., None] + energy[..., None] + quanta * w) ** 2) / (
        4 * energy[..., None] * heat[..., None]
    )
    total = np.sum(weights * np.exp(exponent), axis=-1)
    checks = [_weak(v, energy + factor * omega, "reorganization energy")]
    if not thermal_mode:
        checks.append(
            DomainCheck(
                "S / (exp(frequency/temperature) - 1)",
                unwrap(factor * occupation),
                RATIO_LIMIT,
                "the vibration is thermally excited: use thermal_mode=True",
            )
        )
    return Prediction(
        value=unwrap(v**2 * np.sqrt(np.pi / (energy * heat)) * total),
        name="Marcus-Levich-Jortner" + (", thermal mode" if thermal_mode else ""),
        checks=tuple(checks),
        equation="k = sum over n of (weight of n quanta) * Marcus(dG + n omega)",
    )


def spin_boson_golden_rule(
    *,
    coupling: npt.ArrayLike,
    reaction_free_energy: npt.ArrayLike,
    temperature: npt.ArrayLike,
    spectral_density: SpectralDensity,
    slow_reorganization_energy: float = 0.0,
) -> Prediction:
    """Golden-rule rate between two states in a quantum bath of any spectral density.

    With ``J(ω)`` as in `anticrossing.spectral_density` (``λ = (1/π)∫dω J/ω``)::

        k = V² ∫_{−∞}^{∞} dt exp(−iΔG t − Q(t))
        Q(t) = (1/π) ∫₀^∞ dω (J/ω²) [coth(ω/2T)(1 − cos ωt) + i sin ωt]

    It is exact to second order in V for harmonic baths: tunnelling of the nuclei, zero-point
    motion and detailed balance ``k(ΔG)/k(−ΔG) = exp(−ΔG/T)`` are included. The integral is taken
    along a line through the saddle point of the integrand; a `ConvergenceError` is raised where
    its relative error could exceed 1e-6 (away from the deep inverted region it is below 1e-8).

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` (energy), of either sign.
    reaction_free_energy : array_like
        ``ΔG``, from minimum to minimum (energy).
    temperature : array_like
        ``T > 0`` (energy).
    spectral_density : SpectralDensity
        `Ohmic`, `Debye`, `BrownianOscillator`, `Continuum`, `Discrete`, or a sum of them.
    slow_reorganization_energy : float
        ``λ_s ≥ 0`` of an additional classical solvent (energy), which adds ``λ_s(Tt² + it)`` to Q.
        Single modes alone need it: they give lines, not a rate.

    Returns
    -------
    Prediction
        The rate (energy / ħ), broadcast over the arguments, with `log_value`.

    Raises
    ------
    InputError
        If T is not positive or λ_s negative.
    ConvergenceError
        If the bath does not broaden the transition, or the rate is too small to be resolved.

    References
    ----------
    A. J. Leggett et al., Rev. Mod. Phys. 59, 1 (1987); V. May, O. Kühn, Charge and
    Energy Transfer Dynamics in Molecular Systems (2011), chapter 6.

    Examples
    --------
    Below room temperature the nuclei tunnel, and the Marcus rate is too small:

    >>> from anticrossing.spectral_density import Ohmic
    >>> common = dict(coupling=0.001, reaction_free_energy=0.0, temperature=0.01)
    >>> quantum = spin_boson_golden_rule(
    ...     spectral_density=Ohmic(reorganization_energy=0.5, cutoff=0.02), **common)
    >>> classical = marcus(reorganization_energy=0.5, **common)
    >>> round(quantum.value / classical.value, 2)
    3.72
    """
    if not isinstance(spectral_density, SpectralDensity):
        raise fail(
            "spectral_density", "be a SpectralDensity", f"it is {describe(spectral_density)}"
        )
    v = real_array("coupling", coupling)
    free = real_array("reaction_free_energy", reaction_free_energy)
    heat = positive("temperature", temperature)
    slow = float(
        non_negative(
            "slow_reorganization_energy",
            real_number("slow_reorganization_energy", slow_reorganization_energy),
        )
    )
    v, free, heat = broadcast(coupling=v, reaction_free_energy=free, temperature=heat)
    logarithm, variance = np.empty(v.shape), np.empty(v.shape)
    points: dict[tuple[float, float], list[tuple[int, ...]]] = {}
    for index in np.ndindex(v.shape):
        points.setdefault((float(heat[index]), float(free[index])), []).append(index)
    integral: BathIntegral | None = None
    for degree, energy in sorted(points):
        if integral is None or integral.temperature != degree:
            integral = BathIntegral(spectral_density, degree, slow)
        found = integral(energy)
        for index in points[degree, energy]:
            logarithm[index], variance[index] = found.log_value, found.variance
    exponent = _log(v**2) + logarithm
    checks = [
        DomainCheck(
            "coupling / fluctuation of the energy gap",
            unwrap(np.abs(v) / np.sqrt(variance)),
            RATIO_LIMIT,
            "the coupling is not small against what the bath does to the gap",
        )
    ]
    if slow == 0:
        checks.append(
            _adiabaticity(
                v,
                np.asarray(spectral_density.reorganization_energy),
                heat,
                np.asarray(spectral_density.characteristic_frequency),
            )
        )
    return Prediction(
        value=unwrap(np.exp(exponent)),
        name="spin-boson golden rule",
        checks=tuple(checks),
        equation="k = V^2 * integral of exp(-i dG t - Q(t)) over all times",
        log_value=unwrap(exponent),
    )


def adiabaticity(
    coupling: FloatArray, energy: FloatArray, temperature: FloatArray, frequency: FloatArray
) -> FloatArray:
    """Return ``π^{3/2} V²/(ω√(λT))``, the thermal mean of the Landau-Zener exponent.

    ``2πV²/(v ΔF)`` at the crossing of two parabolas, averaged over the flux at temperature T.
    """
    return np.asarray(np.pi**1.5 * coupling**2 / (frequency * np.sqrt(energy * temperature)))


def _marcus_arguments(
    coupling: npt.ArrayLike,
    reorganization_energy: npt.ArrayLike,
    reaction_free_energy: npt.ArrayLike,
    temperature: npt.ArrayLike,
) -> list[FloatArray]:
    return broadcast(
        coupling=real_array("coupling", coupling),
        reorganization_energy=positive("reorganization_energy", reorganization_energy),
        reaction_free_energy=real_array("reaction_free_energy", reaction_free_energy),
        temperature=positive("temperature", temperature),
    )


def _log(value: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(value))


def _poisson_weights(quanta: npt.NDArray[np.int_], factor: FloatArray) -> FloatArray:
    from scipy.special import gammaln, xlogy

    return np.asarray(np.exp(xlogy(quanta, factor) - factor - gammaln(quanta + 1)))


def _thermal_weights(
    quanta: npt.NDArray[np.int_], factor: FloatArray, occupation: FloatArray
) -> FloatArray:
    """Return the probability that the vibration takes up n quanta, from equilibrium.

    The difference of two Poisson variables with means S(n̄ + 1) and S n̄ (Skellam).
    """
    down, up = factor * (occupation + 1), factor * occupation
    most = float(np.max(up))
    weights = np.zeros(np.broadcast_shapes(quanta.shape, factor.shape))
    for taken in range(int(most + 12 * np.sqrt(most)) + 25):
        given = quanta + taken
        both = _poisson_weights(np.maximum(given, 0), down) * _poisson_weights(
            np.array([taken]), up
        )
        weights += np.where(given >= 0, both, 0.0)
    return weights


def _weak(coupling: FloatArray, energy: FloatArray, label: str) -> DomainCheck:
    return DomainCheck(
        f"coupling / {label}",
        unwrap(np.asarray(np.abs(coupling) / energy)),
        RATIO_LIMIT,
        "the coupling is not small: the diabatic states are no longer distinct",
    )


def _bath_checks(
    coupling: FloatArray, energy: FloatArray, temperature: FloatArray, frequency: FloatArray
) -> list[DomainCheck]:
    coupling, energy, temperature, frequency = broadcast(
        coupling=coupling,
        reorganization_energy=energy,
        temperature=temperature,
        frequency=frequency,
    )
    ratio = frequency / (4 * temperature)
    return [
        DomainCheck(
            "quantum change of the exponent",
            unwrap(np.asarray(energy / (4 * temperature) * (1 - np.tanh(ratio) / ratio))),
            RATIO_LIMIT,
            "the bath does not move classically at this temperature",
        ),
        _adiabaticity(coupling, energy, temperature, frequency),
    ]


def _adiabaticity(
    coupling: FloatArray, energy: FloatArray, temperature: FloatArray, frequency: FloatArray
) -> DomainCheck:
    return DomainCheck(
        "Landau-Zener exponent of one passage",
        unwrap(adiabaticity(coupling, energy, temperature, frequency)),
        RATIO_LIMIT,
        "passages of the crossing are not weakly coupled: see landau_zener_rate",
    )
