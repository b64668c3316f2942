"""Levels that decay: a passage to one, and the width that a crossing with a continuum gives.

A width ``Γ`` is the rate at which a population decays, ``exp(−Γ t)``; amplitudes decay at ``Γ/2``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import non_negative, nowhere_zero, positive, real_array
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_checks
from anticrossing.formulas.result import DomainCheck, Prediction, broadcast, context, unwrap

_ENDS = 0.1  # of the exponent, that the ends of a window may cut off


def akulin_schleich(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    width: npt.ArrayLike | None = None,
    window: npt.ArrayLike | None = None,
) -> Prediction:
    """Probability to survive in a level that crosses one which decays (exact for −∞ to ∞).

    With ``H(t) = ½ [[α t, g], [g, −α t]] − (i/2) diag(0, Γ)`` the first diabatic state survives
    with::

        P = exp(−π g²/2α)

    whatever ``Γ`` is. A window cuts off ``(g²/α)(π/2 − arctan(2αT/Γ))`` of the exponent at its two
    ends together, and more survives: see `decaying_window`.

    Parameters
    ----------
    gap : array_like
        Minimum gap ``g = 2|V|`` without decay (energy), not negative.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    width : array_like, optional
        Width ``Γ`` of the level that decays (1 / time), not negative.
    window : array_like, optional
        Time ``T`` between the crossing and the nearer end of the sweep; with `width` it is checked
        against what the ends cut off, alone against the time that the passage takes.

    Returns
    -------
    Prediction
        The survival, with ``log_value = ln P``.

    Raises
    ------
    InputError
        If the gap or the width is negative, the rate is not positive, or shapes do not broadcast.

    References
    ----------
    V. M. Akulin, W. P. Schleich, Phys. Rev. A 46, 4110 (1992); for finite windows Y. Avishai,
    Y. B. Band, Phys. Rev. A 90, 032116 (2014).

    Examples
    --------
    >>> round(akulin_schleich(gap=0.6, sweep_rate=1.0, width=3.0, window=200.0).value, 5)
    0.56808
    >>> akulin_schleich(gap=0.6, sweep_rate=1.0, width=300.0, window=200.0).valid
    False
    """
    g, rate = broadcast(gap=non_negative("gap", gap), sweep_rate=positive("sweep_rate", sweep_rate))
    checks = list(passage_checks(g, rate, window=window))
    if width is not None:
        gamma = non_negative("width", width)
        if window is not None:
            gs, rates, gammas, times = broadcast(
                gap=g, sweep_rate=rate, width=gamma, window=context("window", window)
            )
            cut = gs**2 / rates * np.arctan2(gammas, 2 * rates * times)
            message = "the ends of the window cut off decay: `decaying_window` counts it"
            name = "exponent beyond the window"
            checks.append(DomainCheck(name, unwrap(np.asarray(cut)), _ENDS, message))
    exponent = -0.5 * np.pi * g**2 / rate
    return Prediction(
        value=unwrap(np.asarray(np.exp(exponent))),
        name="Landau-Zener to a decaying level",
        checks=tuple(checks),
        equation="P = exp(-pi gap^2 / (2 sweep_rate)), whatever the width",
        log_value=unwrap(np.asarray(exponent)),
    )


def decaying_window(
    *, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, width: npt.ArrayLike, window: npt.ArrayLike
) -> Prediction:
    """Probability to survive a sweep over ``[−T, T]`` in a level that crosses one which decays.

    The level that decays follows the other one, which so has the width
    ``g²Γ/(Γ² + 4α²t²)``::

        P = exp(−(g²/α) arctan(2αT/Γ))

    Parameters
    ----------
    gap, sweep_rate, width
        As of `akulin_schleich`; the width is positive.
    window : array_like
        Time ``T`` from the crossing to either end (time), positive.

    Returns
    -------
    Prediction
        The survival, with ``log_value = ln P``. It holds to the first order in ``(g/Γ)²`` and
        ``α/Γ²``, or where both ends of the window lie far outside the crossing and the decay has
        taken what was transferred.

    Raises
    ------
    InputError
        If the gap is negative, the others are not positive, or shapes do not broadcast.

    References
    ----------
    V. M. Akulin, W. P. Schleich, Phys. Rev. A 46, 4110 (1992), for T → ∞; the rate is that of a
    level coupled to a broad one.

    Examples
    --------
    >>> found = decaying_window(gap=0.6, sweep_rate=1.0, width=300.0, window=200.0)
    >>> round(found.value, 5), found.valid      # exact 0.71618
    (0.71618, True)
    """
    g, rate, gamma, reach = broadcast(
        gap=non_negative("gap", gap),
        sweep_rate=positive("sweep_rate", sweep_rate),
        width=positive("width", width),
        window=positive("window", window),
    )
    exponent = -(g**2 / rate) * np.arctan2(2 * rate * reach, gamma)
    strong = np.maximum(g**2, rate) / gamma**2
    # Far outside: ends of which g²/(αT)² is left, once the level has decayed.
    far = np.maximum(g / (rate * reach), np.exp(-0.5 * gamma * reach))
    ratio = unwrap(np.asarray(np.minimum(strong, far)))
    check = DomainCheck(
        "departure from a rate, or from a whole passage",
        ratio,
        RATIO_LIMIT,
        "the decay is too weak for a rate and the window too short for a whole passage",
    )
    return Prediction(
        value=unwrap(np.asarray(np.exp(exponent))),
        name="sweep past a decaying level",
        checks=(check,),
        equation="P = exp(-(gap^2/sweep_rate) arctan(2 sweep_rate window/width))",
        log_value=unwrap(np.asarray(exponent)),
    )


def golden_rule_width(*, coupling: npt.ArrayLike, density: npt.ArrayLike) -> Prediction:
    """Width of a level that is coupled to a continuum: autoionisation, radiation, leads.

    ``Γ = 2π |V|² ρ``, with ħ = 1.

    Parameters
    ----------
    coupling : array_like
        Coupling ``V`` to one state of the continuum (energy), of either sign; with states
        normalised per energy (√energy) the density is 1.
    density : array_like
        Density of states ``ρ`` at the energy of the level (1 / energy), not negative.

    Returns
    -------
    Prediction
        The width Γ (energy): the population decays as exp(−Γt).

    Raises
    ------
    InputError
        If the density is negative, or the shapes do not broadcast.

    References
    ----------
    U. Fano, Phys. Rev. 124, 1866 (1961), Eq. (20).

    Examples
    --------
    >>> round(golden_rule_width(coupling=0.05, density=10.0).value, 6)
    0.15708
    """
    v, rho = broadcast(
        coupling=real_array("coupling", coupling), density=non_negative("density", density)
    )
    value = unwrap(np.asarray(2 * np.pi * v**2 * rho))
    return Prediction(value, "golden-rule width", (), "Gamma = 2 pi coupling^2 density")


def predissociation_width(
    *,
    coupling: npt.ArrayLike,
    slope_difference: npt.ArrayLike,
    velocity: npt.ArrayLike,
    quantum: npt.ArrayLike,
    phase: npt.ArrayLike | None = None,
) -> Prediction:
    """Width of a vibrational level whose curve is crossed by a repulsive one (semiclassical).

    The crossing is passed twice in a period ``2π/ω``, each time with the probability
    ``1 − P, P = exp(−2π V²/(ΔF v))``, to leave the bound curve. The two ways to the fragments
    interfere with the phase φ; without one its average is taken::

        Γ = (ω/2π) 4(1 − P) cos² φ,    ⟨Γ⟩ = (ω/2π) 2(1 − P)

    Parameters
    ----------
    coupling : array_like
        Diabatic coupling ``V`` at the crossing (energy), of either sign.
    slope_difference : array_like
        ``ΔF = |F₁ − F₂|`` of the two curves (energy / length), not zero.
    velocity : array_like
        Classical velocity ``v`` at the crossing (length / time), not zero.
    quantum : array_like
        Distance ``ω = dE/dn`` of the vibrational levels (energy), positive.
    phase : array_like, optional
        ``φ = ∫ p₁ dR − ∫ p₂ dR ∓ π/4``, from the inner turning points of the bound and of the
        repulsive curve to the crossing, in radians: −π/4 where ``d(p₁ − p₂)/dR < 0`` there, as for
        a repulsive curve that falls through a rising bound one, +π/4 else.

    Returns
    -------
    Prediction
        The width Γ (energy, ħ = 1). It holds where a passage leaves the curve with a small
        probability, and takes a small part of a vibration: the crossing lies below the level, away
        from turning points.

    Raises
    ------
    InputError
        If a slope difference or a velocity is zero, the quantum is not positive, or the shapes do
        not broadcast.

    References
    ----------
    M. S. Child, Semiclassical Mechanics with Molecular Applications (1991).

    Examples
    --------
    >>> found = predissociation_width(coupling=0.1, slope_difference=5.0, velocity=5.0, quantum=1.0)
    >>> round(found.value, 6), found.valid
    (0.000799, True)
    """
    v, slopes, speed, omega = broadcast(
        coupling=real_array("coupling", coupling),
        slope_difference=np.abs(nowhere_zero("slope_difference", slope_difference)),
        velocity=np.abs(nowhere_zero("velocity", velocity)),
        quantum=positive("quantum", quantum),
    )
    left = -np.expm1(-2 * np.pi * v**2 / (slopes * speed))
    value, equation = omega / np.pi * left, "Gamma = (quantum/pi) (1 - P)"
    if phase is not None:
        value, angle = broadcast(value=np.asarray(value), phase=real_array("phase", phase))
        value = value * 2 * np.cos(angle) ** 2
        equation = "Gamma = (2 quantum/pi) (1 - P) cos(phase)^2"
    check = DomainCheck(
        "probability to leave the curve in one passage",
        unwrap(np.asarray(left)),
        RATIO_LIMIT,
        "the level is gone before it is one: the curves mix, and neither is bound",
    )
    coupled = 2 * np.abs(v) / (slopes * speed)
    duration = np.maximum(1 / np.sqrt(slopes * speed), coupled)
    turning = DomainCheck(
        "passage duration / vibrational period",
        unwrap(np.asarray(duration * omega / (2 * np.pi))),
        RATIO_LIMIT,
        "the crossing is passed near a turning point, where the speed is not constant",
    )
    checks = (check, turning)
    return Prediction(unwrap(np.asarray(value)), "predissociation width", checks, equation)
