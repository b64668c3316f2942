"""Rates of electron transfer in a classical bath, to second order in the coupling.

ħ = k_B = 1: energies, temperatures and frequencies share one unit of energy E, and a rate comes out
in E/ħ. In atomic units that is 1 hartree/ħ = 4.134e16 s⁻¹; in eV it is 1.519e15 s⁻¹.

Both describe a bath in equilibrium that absorbs the energy difference: no phase survives from one
passage of the crossing to the next. Neither is the Landau-Zener probability of one coherent
passage; `anticrossing.molecules.rates.transmission` connects the two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import check_flag
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap
from anticrossing.molecules.rates._quanta import log_sum_over_quanta
from anticrossing.molecules.rates._thermal import (
    activation,
    adiabaticity,
    classical_bath,
    distinct_states,
    exp,
    log,
    quiet,
    rate_arguments,
    weak_passages,
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
        through the exponent by which it changes the rate, ``(λ/4T)(1 − tanh(ω/4T)/(ω/4T))`` at
        ``ΔG = 0`` and far more in the inverted region; and the adiabaticity ``π^{3/2} V²/(ω√(λT))``
        of one passage.

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
    v, energy, free, heat = rate_arguments(
        coupling=coupling,
        reorganization_energy=reorganization_energy,
        reaction_free_energy=reaction_free_energy,
        temperature=temperature,
    )
    checks = [distinct_states(v, energy)]
    if frequency is not None:
        (omega,) = rate_arguments(frequency=frequency)
        v, energy, free, heat, omega = broadcast(
            coupling=v,
            reorganization_energy=energy,
            reaction_free_energy=free,
            temperature=heat,
            frequency=omega,
        )
        checks.append(classical_bath(energy, heat, omega, free))
        checks.append(weak_passages(adiabaticity(v, energy, heat, omega)))
    logarithm = _log_prefactor(v, energy, heat) - activation(free, energy, heat)
    return Prediction(
        value=unwrap(exp(logarithm)),
        name="Marcus",
        checks=tuple(checks),
        equation="k = 2 pi V^2 (4 pi lambda T)^(-1/2) exp(-(dG + lambda)^2 / (4 lambda T))",
        log_value=unwrap(logarithm),
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
        The rate (energy / ħ), broadcast over the arguments, with `log_value`.

    Raises
    ------
    InputError
        If λ, T or ω is not positive, S is negative, or the shapes do not broadcast.
    ConvergenceError
        If the vibration takes up so many quanta that it belongs to the classical solvent.

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
    check_flag("thermal_mode", thermal_mode)
    v, energy, free, heat, factor, omega = rate_arguments(
        coupling=coupling,
        reorganization_energy=reorganization_energy,
        reaction_free_energy=reaction_free_energy,
        temperature=temperature,
        huang_rhys=huang_rhys,
        frequency=frequency,
    )
    total = log_sum_over_quanta(energy, free, heat, factor, omega, thermal=bool(thermal_mode))
    logarithm = _log_prefactor(v, energy, heat) + total
    checks = [distinct_states(v, energy + factor * omega)]
    if not thermal_mode:
        # A few excited vibrations can carry the rate where they save a barrier: both are summed.
        excited = log_sum_over_quanta(energy, free, heat, factor, omega, thermal=True)
        with quiet():
            change = np.abs(excited - total)
        checks.append(
            DomainCheck(
                "thermal change of the exponent",
                unwrap(np.where(np.isnan(change), np.inf, change)),
                RATIO_LIMIT,
                "the vibration is thermally excited: use thermal_mode=True",
            )
        )
    return Prediction(
        value=unwrap(exp(logarithm)),
        name="Marcus-Levich-Jortner" + (", thermal mode" if thermal_mode else ""),
        checks=tuple(checks),
        equation="k = sum over n of (weight of n quanta) * Marcus(dG + n omega)",
        log_value=unwrap(logarithm),
    )


def _log_prefactor(coupling: FloatArray, energy: FloatArray, temperature: FloatArray) -> FloatArray:
    """Return ``ln(2πV² (4πλT)^{-1/2})``."""
    return np.asarray(
        2 * log(np.abs(coupling)) + (np.log(np.pi) - np.log(energy) - np.log(temperature)) / 2
    )
