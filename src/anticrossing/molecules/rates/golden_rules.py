"""Golden rules: the rate into a continuum, and between two states in a quantum bath.

ħ = k_B = 1: energies, temperatures and frequencies share one unit of energy E, and a rate comes out
in E/ħ. In atomic units that is 1 hartree/ħ = 4.134e16 s⁻¹; in eV it is 1.519e15 s⁻¹.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, instance, non_negative, real_number
from anticrossing.environment.spectral_density import SpectralDensity
from anticrossing.environment.spectral_density.arguments import LARGEST, scale, single
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, Prediction, broadcast, unwrap
from anticrossing.molecules.rates._bath_integral import BathIntegral
from anticrossing.molecules.rates._thermal import (
    adiabaticity,
    exp,
    log,
    quiet,
    rate_arguments,
    weak_passages,
)


def fermi_golden_rule(
    *,
    coupling: npt.ArrayLike,
    density_of_states: npt.ArrayLike,
    bandwidth: npt.ArrayLike | None = None,
) -> Prediction:
    """Rate out of a state into a continuum.

    ``k = 2π V² ρ``. For two electronic states, ``ρ`` is the Franck-Condon weighted density
    ``Σ_mn p_m |⟨m|n⟩|² δ(E_m − E_n)``; the rates of `marcus`, `marcus_levich_jortner` and
    `spin_boson_golden_rule` are this one with a ``ρ`` worked out.

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
    v, density = rate_arguments(coupling=coupling, density_of_states=density_of_states)
    with quiet():
        rate = 2 * np.pi * v * (v * density)
    checks: tuple[DomainCheck, ...] = ()
    if bandwidth is not None:
        top, width = broadcast(rate=rate, bandwidth=rate_arguments(bandwidth=bandwidth)[0])
        with quiet():
            ratio = top / width
        checks = (
            DomainCheck(
                "rate / bandwidth",
                unwrap(np.asarray(ratio)),
                RATIO_LIMIT,
                "the continuum is not flat over the width of the level: no exponential decay",
            ),
        )
    return Prediction(
        unwrap(rate), "Fermi's golden rule", checks, "k = 2 pi coupling^2 density_of_states"
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

    With ``J(ω)`` as in `anticrossing.environment.spectral_density` (``λ = (1/π)∫dω J/ω``)::

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

    >>> from anticrossing.environment.spectral_density import Ohmic
    >>> common = dict(coupling=0.001, reaction_free_energy=0.0, temperature=0.01)
    >>> quantum = spin_boson_golden_rule(
    ...     spectral_density=Ohmic(reorganization_energy=0.5, cutoff=0.02), **common)
    >>> from anticrossing.molecules.rates import marcus
    >>> classical = marcus(reorganization_energy=0.5, **common)
    >>> round(quantum.value / classical.value, 2)
    3.72
    """
    instance("spectral_density", spectral_density, SpectralDensity)
    v, free, heat = rate_arguments(
        coupling=coupling, reaction_free_energy=reaction_free_energy, temperature=temperature
    )
    scale("temperature", temperature)
    slow = real_number("slow_reorganization_energy", slow_reorganization_energy)
    if slow != 0:
        single("slow_reorganization_energy", non_negative("slow_reorganization_energy", slow))
    if np.any(np.abs(free) > LARGEST):
        raise fail(
            "reaction_free_energy", f"be at most {LARGEST:g}", f"it is {np.abs(free).max():g}"
        )
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
    exponent = 2 * log(np.abs(v)) + logarithm
    with quiet():
        strength = np.abs(v) / np.sqrt(variance)
    checks = [
        DomainCheck(
            "coupling / fluctuation of the energy gap",
            unwrap(np.asarray(strength)),
            RATIO_LIMIT,
            "the coupling is not small against what the bath does to the gap",
        )
    ]
    if slow == 0:
        checks.append(
            weak_passages(
                adiabaticity(
                    v,
                    np.asarray(spectral_density.reorganization_energy),
                    heat,
                    np.asarray(spectral_density.characteristic_frequency),
                )
            )
        )
    return Prediction(
        value=unwrap(exp(exponent)),
        name="spin-boson golden rule",
        checks=tuple(checks),
        equation="k = V^2 * integral of exp(-i dG t - Q(t)) over all times",
        log_value=unwrap(exponent),
    )
