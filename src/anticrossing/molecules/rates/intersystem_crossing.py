"""Rates through the minimum-energy crossing point of two surfaces: intersystem crossing.

Non-adiabatic transition-state theory: the crossing seam is the dividing surface, and a passage of
it changes the surface with a probability that depends on the energy ε along the direction of
passage. ħ = k_B = 1; in atomic units energies are in hartree, masses in electron masses, lengths in
bohr, rates in 4.134e16 s⁻¹.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import check_flag, choice, describe, fail, positive
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, unwrap
from anticrossing.formulas.zhu_nakamura_scattering import WEAKEST
from anticrossing.molecules.rates._passages import (
    PASSAGES,
    log_thermal_average,
    probability,
    tunnelling_energy,
)
from anticrossing.molecules.rates._thermal import (
    diabatic_barrier,
    exp,
    flux_average,
    log,
    quiet,
    rate_arguments,
)

_DEPTH_LIMIT = 0.3  # of the barrier, over which the surfaces are taken to be straight


def intersystem_crossing_rate(
    *,
    coupling: npt.ArrayLike,
    slopes: tuple[npt.ArrayLike, npt.ArrayLike],
    reduced_mass: npt.ArrayLike,
    barrier: npt.ArrayLike,
    temperature: npt.ArrayLike,
    partition_ratio: npt.ArrayLike,
    passage: str = "landau-zener",
    product_energy: npt.ArrayLike | None = None,
) -> Prediction:
    """Thermal rate from one surface to another through their minimum-energy crossing point.

    ``k = (T/2π) (Q_X/Q_R) e^{−E_b/T} ⟨P⟩``, ``⟨P⟩ = ∫ dε/T e^{−ε/T} P(ε)``, with a passage out and
    back, ``ΔF = |F₁ − F₂|`` and ``F̄ = √|F₁F₂|``::

        landau-zener     P = 1 − p²,  p = exp(−(2πV²/ΔF) √(μ/2ε)),  ε > 0
        weak coupling    P = 4π²V² (2μ/(F̄ΔF))^{2/3} Ai²(−ε (2μΔF²/F̄⁴)^{1/3}),  any ε

        zhu-nakamura     P of `zhu_nakamura_scattering`, any ε

    The second is of lowest order in V, the third for any V; both tunnel below the crossing, between
    straight lines, from the higher of the lowest energies of reactant and product up. Where that is
    deep the average of the second is ``(2πV²/ΔF) √(2πμ/T) exp(F̄⁴/(24 μ ΔF² T³))``.

    Parameters
    ----------
    coupling : array_like
        ``|V|`` at the crossing (energy); of a singlet with the three components of a triplet,
        the root of the sum of their squares.
    slopes : pair of array_like
        Slopes ``F₁, F₂`` of the two surfaces along the direction of passage (energy / length).
    reduced_mass : array_like
        ``μ > 0`` of that direction.
    barrier : array_like
        Energy ``E_b ≥ 0`` of the crossing point above the reactant minimum; with the zero-point
        energies or without, as in the partition functions.
    temperature : array_like
        ``T > 0`` (energy).
    partition_ratio : array_like
        ``Q_X/Q_R > 0``: partition function of the crossing point without the direction of passage,
        over the partition function of the reactant, each from its own lowest energy; see
        `harmonic_partition_ratio`.
    passage : {"landau-zener", "weak coupling", "zhu-nakamura"}
        The probability of a passage.
    product_energy : array_like, optional
        Lowest energy of the product above that of the reactant, of either sign, at most `barrier`;
        by default not above it. Where something tunnels alone.

    Returns
    -------
    Prediction
        The rate (energy / ħ), broadcast over the arguments, with `log_value`.

    Raises
    ------
    InputError
        If the slopes are equal, a mass or temperature is not positive, or the barrier is negative;
        where something tunnels also if a slope vanishes; if the product lies above the crossing.

    References
    ----------
    J. N. Harvey, Phys. Chem. Chem. Phys. 9, 331 (2007); A. O. Lykhin, D. S. Kaliakin,
    G. E. dePolo, A. A. Kuzubov, S. A. Varganov, Int. J. Quantum Chem. 116, 750 (2016).

    Examples
    --------
    A spin-orbit coupling of 50 cm⁻¹, in atomic units at 300 K:

    >>> result = intersystem_crossing_rate(
    ...     coupling=2.278e-4, slopes=(0.03, -0.05), reduced_mass=12000.0, barrier=0.01,
    ...     temperature=9.5004e-4, partition_ratio=1.0,
    ... )
    >>> f"{result.value * 4.134137e16:.2e}"        # 1/s
    '5.77e+06'
    """
    how = choice("passage", passage, PASSAGES)
    try:
        one, other = slopes
    except (TypeError, ValueError):
        raise fail("slopes", "be a pair of slopes", f"it is {describe(slopes)}") from None
    if how == "landau-zener" and product_energy is not None:
        raise fail("product_energy", "be left out where nothing tunnels", "it is given")
    v, first, second, mass, height, heat, ratio, product = rate_arguments(
        coupling=coupling,
        **{"slopes[0]": one, "slopes[1]": other},
        reduced_mass=reduced_mass,
        barrier=barrier,
        temperature=temperature,
        partition_ratio=partition_ratio,
        product_energy=0.0 if product_energy is None else product_energy,
    )
    if np.any(product > height):
        above = float((product - height).max())
        raise fail("product_energy", "not lie above the crossing", f"it lies {above:g} above")
    depth = height - np.maximum(product, 0.0)
    if np.any(first == second):
        raise fail("slopes", "differ, for the surfaces to cross", "they are equal")
    if how != "landau-zener" and np.any((first == 0) | (second == 0)):
        raise fail("slopes", f"not vanish for passage={how!r}", "one of them is zero")
    with quiet():
        difference = np.abs(first - second)
        # √π times the exponent at the thermal speed √(2T/μ)
        mean_exponent = np.pi**1.5 * (np.sqrt(2 * mass) * np.abs(v) / difference)
        mean_exponent = np.asarray(mean_exponent * (np.abs(v) / np.sqrt(heat)))
        force = np.abs(first / difference * second)
        tunnelling = np.asarray((force / heat) ** 2 / (24 * mass * heat))
        weak = np.sqrt(np.abs(first * second) ** 0.5 * difference / (16 * mass * np.abs(v) ** 3))
        checks = _checks(how, v, mean_exponent, tunnelling, weak, depth, heat)
        if how == "landau-zener":
            averages = log(flux_average(mean_exponent, lambda x: -np.expm1(-2 * x))) - height / heat
        else:
            averages = _averages(how, v, first, second, mass, depth, heat) - height / heat
        if how == "weak coupling":
            closed = log(2 * mean_exponent) + tunnelling - height / heat
            averages = np.where(_shallow(tunnelling, depth / heat), closed, averages)
        logarithm = log(heat) - np.log(2 * np.pi) + log(ratio) + averages
    return Prediction(
        value=unwrap(exp(logarithm)),
        name=f"non-adiabatic transition-state theory, {how}",
        checks=checks,
        equation="k = (T / 2 pi) (Q_X / Q_R) exp(-E_b / T) <P>",
        log_value=unwrap(np.asarray(logarithm)),
    )


def _shallow(tunnelling: FloatArray, barrier: FloatArray) -> npt.NDArray[np.bool_]:
    """Return where nothing tunnels as deep as the lower end, up to e^{−40} of what does.

    Below the crossing ``e^{−ε/T} Ai²`` is ``exp(u − (4/3)(u/β)^{3/2})`` for ``u = −ε/T``, with
    ``β³ = 12·tunnelling``.
    """
    deepest = 3 * tunnelling
    left = barrier - 4 / 3 * np.sqrt(barrier**3 / (12 * tunnelling))
    return (barrier > deepest) & (left < tunnelling - 40)


def _averages(how: str, *arguments: FloatArray) -> FloatArray:
    """Return ``ln⟨P⟩`` from a depth below the crossing up, for arrays of one shape."""
    found = np.empty(arguments[0].shape)
    for index in np.ndindex(found.shape):
        v, first, second, mass, depth, heat = (float(array[index]) for array in arguments)
        one = probability(how, v, (first, second), mass)
        scale = tunnelling_energy((first, second), mass)
        found[index] = log_thermal_average(one, scale, depth, heat)
    return found


def _checks(
    passage: str,
    coupling: FloatArray,
    mean_exponent: FloatArray,
    tunnelling: FloatArray,
    weak: FloatArray,
    barrier: FloatArray,
    temperature: FloatArray,
) -> tuple[DomainCheck, ...]:
    if passage == "landau-zener":
        return (
            DomainCheck(
                "tunnelling exponent",
                unwrap(tunnelling),
                RATIO_LIMIT,
                "tunnelling below the crossing adds to the rate: see passage='weak coupling'",
            ),
            diabatic_barrier(mean_exponent, coupling, temperature),
        )
    strength = DomainCheck(
        "mean Landau-Zener exponent",
        unwrap(mean_exponent),
        RATIO_LIMIT,
        "the coupling is too strong for perturbation theory: see passage='zhu-nakamura'",
    )
    weakness = DomainCheck(
        "a of Zhu and Nakamura",
        unwrap(weak),
        WEAKEST,
        "the coupling is weak: passage='weak coupling' is better",
    )
    return (
        strength if passage == "weak coupling" else weakness,
        DomainCheck(
            "depth of tunnelling / barrier",
            # where Ai² e^{−ε/T} is largest: ε = −T p³/4 with p³/12 the exponent above
            unwrap(np.asarray(3 * tunnelling * temperature / np.maximum(barrier, 1e-300))),
            _DEPTH_LIMIT,
            "tunnelling happens far below the crossing, where the surfaces are not straight",
        ),
    )


def harmonic_partition_ratio(
    *,
    reactant_frequencies: npt.ArrayLike,
    crossing_frequencies: npt.ArrayLike,
    temperature: npt.ArrayLike,
    classical: bool = False,
) -> float | FloatArray:
    """Ratio of harmonic partition functions of a crossing point and a reactant.

    ``Q_X/Q_R = Π_R 2 sinh(ω/2T) / Π_X 2 sinh(ω/2T)``, or ``Π_R (ω/T) / Π_X (ω/T)`` classically.
    Energies count from the minima of the surfaces: the quantum ratio contains the zero-point
    energies, so they do not belong in the barrier.

    Parameters
    ----------
    reactant_frequencies : array_like, shape (f,)
        All ``ω > 0`` at the reactant minimum (energy).
    crossing_frequencies : array_like, shape (f − 1,)
        Those within the seam at the crossing point (energy); one fewer.
    temperature : array_like
        ``T > 0`` (energy).
    classical : bool
        Whether to take the classical limit.

    Returns
    -------
    float or ndarray
        The ratio, of the shape of `temperature`.

    Raises
    ------
    InputError
        If a frequency is not positive, or there is not one fewer at the crossing.

    Examples
    --------
    >>> ratio = harmonic_partition_ratio(
    ...     reactant_frequencies=[0.01], crossing_frequencies=[], temperature=0.1, classical=True)
    >>> round(ratio, 12)
    0.1
    """
    reactant = positive("reactant_frequencies", reactant_frequencies)
    crossing = positive("crossing_frequencies", crossing_frequencies)
    (heat,) = rate_arguments(temperature=temperature)
    check_flag("classical", classical)
    if reactant.ndim != 1 or crossing.shape != (reactant.size - 1,):
        raise fail(
            "crossing_frequencies",
            "hold one frequency fewer than `reactant_frequencies`",
            f"the shapes are {crossing.shape} and {reactant.shape}",
        )

    def levels(omega: FloatArray) -> FloatArray:
        """Return minus the logarithm of the partition function above the zero-point energy."""
        degree = heat[..., np.newaxis]
        terms = log(omega) - log(degree) if classical else log(-np.expm1(-omega / degree))
        return np.asarray(np.sum(terms, axis=-1))

    with quiet():
        difference = levels(reactant) - levels(crossing)
        if not classical:
            difference = difference + (reactant.sum() - crossing.sum()) / (2 * heat)
        ratio = exp(difference)
    if not np.all(np.isfinite(ratio)):
        raise fail("temperature", "be higher", "the ratio is infinite at the one given")
    return unwrap(ratio)
