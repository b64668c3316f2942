"""The Landau-Zener formula in its several disguises, its limits and its time scales.

Canonical form: ``H(t) = ½ [[α t, g], [g, −α t]]`` with the minimum adiabatic gap ``g = 2|V|`` and
the rate ``α`` of the diabatic energy *difference*. ``P = exp(−π g²/2α)`` is the probability to keep
the diabatic character, that is, to jump between the adiabatic levels.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    describe,
    fail,
    fraction,
    known_keys,
    non_negative,
    positive,
    real_array,
)
from anticrossing.formulas.result import (
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    context,
    unwrap,
)
from anticrossing.spectrum import Crossing

RATIO_LIMIT = 0.1  # "short against" and "small against" mean at most a tenth


def landau_zener(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    window: npt.ArrayLike | None = None,
    next_crossing: npt.ArrayLike | None = None,
    third_level_distance: npt.ArrayLike | None = None,
    dephasing_time: npt.ArrayLike | None = None,
    linear_range: npt.ArrayLike | None = None,
) -> Prediction:
    """Probability to jump between the adiabatic levels in one passage of an avoided crossing.

    ``P = exp(−π g² / 2α)``, with ``α`` the rate of the diabatic energy *difference*.

    The passage takes about ``τ = max(1/√α, g/α)``. Each optional argument adds the check that
    belongs to it; without any, the result says that its domain was not checked.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g = 2|V|`` (energy), not negative.
    sweep_rate : array_like
        ``α = |d(E₁ − E₂)/dt|`` of the diabatic energies (energy / time, ħ = 1), positive.
    window : array_like, optional
        Time between the crossing and the nearer end of the sweep.
    next_crossing : array_like, optional
        Time to the next crossing of either level.
    third_level_distance : array_like, optional
        Energy distance of the nearest third level at the crossing.
    dephasing_time : array_like, optional
        Time in which coherence between the two levels is lost.
    linear_range : array_like, optional
        Time on either side of the crossing over which the diabatic energies stay linear.

    Returns
    -------
    Prediction
        The probability, broadcast over all arguments, with its checks and ``log_value = ln P``.

    Raises
    ------
    InputError
        If the gap is negative, the rate is not positive, or the shapes do not broadcast.

    References
    ----------
    L. D. Landau, Phys. Z. Sowjetunion 2, 46 (1932); C. Zener, Proc. R. Soc. A 137, 696 (1932).

    Examples
    --------
    >>> prediction = landau_zener(gap=1.0, sweep_rate=1.0, window=50.0)
    >>> round(prediction.value, 6), prediction.valid
    (0.20788, True)
    >>> landau_zener(gap=1.0, sweep_rate=1.0, window=2.0).warnings[0]
    'passage duration / window is 0.5, above 0.1: the sweep ends before the passage is over'
    """
    g = non_negative("gap", gap)
    rate = positive("sweep_rate", sweep_rate)
    broadcast(gap=g, sweep_rate=rate)
    checks = passage_checks(
        g,
        rate,
        window=window,
        next_crossing=next_crossing,
        third_level_distance=third_level_distance,
        dephasing_time=dephasing_time,
        linear_range=linear_range,
    )
    exponent = -0.5 * np.pi * g**2 / rate
    return Prediction(
        value=unwrap(np.exp(exponent)),
        name="Landau-Zener",
        checks=checks,
        equation="P = exp(-pi gap^2 / (2 sweep_rate))",
        log_value=unwrap(exponent),
    )


def landau_zener_from_slopes(
    *,
    coupling: npt.ArrayLike,
    slopes: tuple[npt.ArrayLike, npt.ArrayLike],
    velocity: npt.ArrayLike,
    **surroundings: Any,
) -> Prediction:
    """Landau-Zener probability from the diabatic coupling, the two slopes and the velocity.

    ``P = exp(−2π V² / (|F₁ − F₂| v))``: only local quantities at the crossing enter.

    Parameters
    ----------
    coupling : array_like
        Diabatic coupling ``V`` at the crossing (energy), of either sign.
    slopes : pair of array_like
        Slopes ``F₁, F₂`` of the diabatic energies along the coordinate (energy / length).
    velocity : array_like
        Velocity at the crossing (length / time), not zero.
    **surroundings
        The optional context of `landau_zener` (``window=``, ``third_level_distance=`` ...).

    Returns
    -------
    Prediction
        The probability to stay on the diabatic curve (to jump between the adiabatic ones).

    Raises
    ------
    InputError
        If the velocity vanishes or the slopes are equal.

    References
    ----------
    L. D. Landau, Phys. Z. Sowjetunion 2, 46 (1932).

    Examples
    --------
    >>> result = landau_zener_from_slopes(coupling=0.5, slopes=(0.25, -0.25), velocity=2.0)
    >>> round(result.value, 6)
    0.20788
    """
    if not isinstance(slopes, (tuple, list, np.ndarray)) or len(slopes) != 2:
        raise fail("slopes", "be a pair of slopes", f"it is {describe(slopes)}")
    v = real_array("coupling", coupling)
    try:
        difference = real_array("slopes", slopes[0]) - real_array("slopes", slopes[1])
    except ValueError:
        raise fail("slopes", "have shapes that broadcast", f"they are {describe(slopes)}") from None
    speed = np.abs(real_array("velocity", velocity))
    if np.any(difference == 0):
        raise fail("slopes", "differ, for the diabatic curves to cross", "they are equal")
    if np.any(speed == 0):
        raise fail("velocity", "not be zero", "it is zero (a turning point at the crossing)")
    result = landau_zener(gap=2 * np.abs(v), sweep_rate=np.abs(difference) * speed, **surroundings)
    return dataclasses.replace(
        result,
        name="Landau-Zener from slopes",
        equation="P = exp(-2 pi coupling^2 / (|F1 - F2| velocity))",
    )


def landau_zener_from_gap_curvature(
    *, gap: npt.ArrayLike, gap_curvature: npt.ArrayLike, **surroundings: Any
) -> Prediction:
    """Landau-Zener probability from the adiabatic gap and its curvature in time alone.

    ``P = exp(−(π/2) √(Z³ / Z̈))`` at a local minimum in time of the adiabatic gap ``Z(t)``;
    no diabatic states are needed. For linear diabatic energies ``Z̈ = α²/g``.

    Parameters
    ----------
    gap : array_like
        Adiabatic gap ``Z`` at its minimum (energy), positive.
    gap_curvature : array_like
        Second time derivative ``Z̈`` of the gap there (energy / time²), positive.
    **surroundings
        The optional context of `landau_zener`; the rate used for it is ``√(Z Z̈)``.

    Returns
    -------
    Prediction
        The probability to jump between the adiabatic levels.

    Raises
    ------
    InputError
        If the gap or its curvature is not positive.

    References
    ----------
    A. K. Belyaev, O. V. Lebedev, Phys. Rev. A 84, 014701 (2011).

    Examples
    --------
    >>> round(landau_zener_from_gap_curvature(gap=1.0, gap_curvature=1.0).value, 6)
    0.20788
    """
    z = positive("gap", gap)
    curvature = positive("gap_curvature", gap_curvature)
    broadcast(gap=z, gap_curvature=curvature)
    result = landau_zener(gap=z, sweep_rate=np.sqrt(z * curvature), **surroundings)
    return dataclasses.replace(
        result,
        name="Landau-Zener from gap curvature (Belyaev-Lebedev)",
        equation="P = exp(-(pi/2) sqrt(gap^3 / gap_curvature))",
    )


_SURROUNDINGS = tuple(inspect.signature(landau_zener).parameters)[2:]  # all but gap and rate


def landau_zener_at(crossing: Crossing, speed: npt.ArrayLike, **surroundings: Any) -> Prediction:
    """Landau-Zener probability of a crossing that `find_crossings` has found, at a speed.

    ``P = exp(−π g² / (2ħ |F₁ − F₂| v))``, with the gap and the slope difference of the crossing in
    the units of its Hamiltonian; the distance of the nearest third level is checked.

    Parameters
    ----------
    crossing : Crossing
        Where the levels meet.
    speed : array_like
        ``v = |dx/dt|`` there, not zero, in units of the coordinate per ``crossing.units.time``.
    **surroundings
        The optional context of `landau_zener`, in the units of the crossing.

    Returns
    -------
    Prediction
        The probability to jump between the adiabatic levels; 1 for a true crossing.

    Raises
    ------
    InputError
        If the speed vanishes, the two levels do not part, as their slopes are equal, or another
        context is given.

    References
    ----------
    L. D. Landau, Phys. Z. Sowjetunion 2, 46 (1932); C. Zener, Proc. R. Soc. A 137, 696 (1932).

    Examples
    --------
    >>> from anticrossing import Units, find_crossings
    >>> from anticrossing.models import FluxQubit
    >>> qubit = FluxQubit(gap=0.013, persistent_current=231.0)   # GHz, nA: 1.44 GHz/mΦ₀
    >>> (crossing,) = find_crossings(qubit, -1.0, 1.0)
    >>> round(landau_zener_at(crossing, speed=1e-3).value, 3)    # mΦ₀/ns
    0.314
    """
    known_keys("the surroundings of `landau_zener_at`", surroundings, _SURROUNDINGS)
    rate = real_array("speed", speed)
    if np.any(rate == 0):
        raise fail("speed", "not be zero", "it is zero (a turning point at the crossing)")
    if not crossing.slope_difference > 0:
        raise fail("crossing", "be of levels with different slopes", "their slopes are equal")
    angular = crossing.units.angular  # energies as rates: radians per time
    third = surroundings.pop("third_level_distance", crossing.third_level_distance)
    if np.all(np.isfinite(third)):
        surroundings["third_level_distance"] = angular * real_array("third_level_distance", third)
    found = landau_zener(
        gap=crossing.gap * angular,
        sweep_rate=crossing.slope_difference * np.abs(rate) * angular,
        **surroundings,
    )
    return dataclasses.replace(
        found,
        name="Landau-Zener at a crossing",
        equation="P = exp(-pi gap^2 / (2 hbar slope_difference speed))",
    )


def golden_rule(*, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike) -> Prediction:
    """Probability to leave the diabatic state in the fast limit, to lowest order in the coupling.

    ``1 − P → 2π V² / α = π g² / 2α``: Fermi's golden rule with ``1/α`` as density of states.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g = 2|V|`` (energy).
    sweep_rate : array_like
        Rate of the diabatic energy difference (energy / time), positive.

    Returns
    -------
    Prediction
        The adiabatic (stay on the surface) probability ``1 − P``; it exceeds one far outside
        its domain, and its relative error is about half its value inside.

    Raises
    ------
    InputError
        If the gap is negative or the rate is not positive.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932), expanded in the coupling.

    Examples
    --------
    >>> round(golden_rule(gap=0.1, sweep_rate=1.0).value, 6)
    0.015708
    """
    g = non_negative("gap", gap)
    rate = positive("sweep_rate", sweep_rate)
    broadcast(gap=g, sweep_rate=rate)
    value = 0.5 * np.pi * g**2 / rate
    check = DomainCheck(
        "pi gap^2 / (2 sweep_rate)",
        unwrap(value),
        RATIO_LIMIT,
        "the coupling is not a small perturbation of this sweep",
    )
    return Prediction(unwrap(value), "golden rule", (check,), "1 - P = pi gap^2 / (2 sweep_rate)")


def double_passage_average(probability: npt.ArrayLike | Prediction) -> Prediction:
    """Probability to change adiabatic level in two passages whose relative phase averages out.

    ``P₂ = 2P(1 − P)``.

    Parameters
    ----------
    probability : array_like or Prediction
        Single-passage jump probability ``P``; the checks of a `Prediction` are carried along.

    Returns
    -------
    Prediction
        The two-passage probability.

    Raises
    ------
    InputError
        If a probability lies outside [0, 1].

    References
    ----------
    E. C. G. Stückelberg, Helv. Phys. Acta 5, 369 (1932).

    Examples
    --------
    >>> double_passage_average(0.25).value
    0.375
    """
    carried = probability.checks if isinstance(probability, Prediction) else ()
    raw = probability.value if isinstance(probability, Prediction) else probability
    p = fraction("probability", raw)
    return Prediction(
        unwrap(2 * p * (1 - p)), "two passages, phase averaged", carried, "P2 = 2 P (1 - P)"
    )


def passage_duration(gap: FloatArray, sweep_rate: FloatArray) -> FloatArray:
    """Return ``τ = max(1/√α, g/α)``, the time one passage takes."""
    return np.asarray(np.maximum(1 / np.sqrt(sweep_rate), gap / sweep_rate))


def passage_checks(
    gap: FloatArray,
    sweep_rate: FloatArray,
    *,
    window: npt.ArrayLike | None = None,
    next_crossing: npt.ArrayLike | None = None,
    third_level_distance: npt.ArrayLike | None = None,
    dephasing_time: npt.ArrayLike | None = None,
    linear_range: npt.ArrayLike | None = None,
) -> tuple[DomainCheck, ...]:
    """Return the checks of a single coherent two-level passage that the context allows."""
    duration = passage_duration(gap, sweep_rate)
    times = (
        ("window", "window", window, "the sweep ends before the passage is over"),
        (
            "time to next crossing",
            "next_crossing",
            next_crossing,
            "the next crossing comes before this one is over",
        ),
        (
            "dephasing time",
            "dephasing_time",
            dephasing_time,
            "coherence is lost during the passage",
        ),
        (
            "linear range",
            "linear_range",
            linear_range,
            "the diabatic energies are not linear over the passage",
        ),
    )
    checks = [
        DomainCheck(
            f"passage duration / {label}", _ratio(duration, name, scale), RATIO_LIMIT, message
        )
        for label, name, scale, message in times
        if scale is not None
    ]
    if third_level_distance is not None:
        for label, energy in (("gap", gap), ("energy width", np.sqrt(sweep_rate))):
            checks.append(
                DomainCheck(
                    f"{label} / third level distance",
                    _ratio(energy, "third_level_distance", third_level_distance),
                    RATIO_LIMIT,
                    "a third level takes part in the passage",
                )
            )
    return tuple(checks)


def _ratio(numerator: FloatArray, name: str, scale: npt.ArrayLike) -> float | FloatArray:
    top, bottom = broadcast(**{"gap, sweep_rate": numerator, name: context(name, scale)})
    return unwrap(np.asarray(top / bottom))
