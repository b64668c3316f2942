"""Closed forms for the populations of a two-level system under a fast periodic drive.

``H(t) = ½ [[ε(t), g], [g, −ε(t)]]``, ``ε(t) = ε₀ + A cos ωt``, with the Fourier components
``g_n = g J_n(A/ω)`` of the coupling as in `anticrossing.formulas.multiphoton`. Relaxation (T₁)
here leads to one diabatic state and dephasing (T₂) acts on the coherence of the diabatic states.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import non_negative, positive
from anticrossing.formulas._periodic import (
    components,
    decay_times,
    drive_arguments,
    fast_check,
    separate_check,
)
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_duration
from anticrossing.formulas.result import DomainCheck, Prediction, broadcast, unwrap


def fast_passage_population(
    *,
    gap: npt.ArrayLike,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    t1: npt.ArrayLike,
    t2: npt.ArrayLike,
) -> Prediction:
    """Time-averaged population that a fast periodic drive excites: a sum of separate resonances.

    ``p = ½ Σ_n g_n² / (g_n² + (ε₀ − nω)² T₂/T₁ + 1/(T₁T₂))``, ``g_n = g J_n(A/ω)``.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap g (energy), not negative.
    offset : array_like
        ε₀ (energy).
    amplitude : array_like
        A (energy), not negative.
    frequency : array_like
        Angular frequency ω of the drive (radians / time), positive.
    t1, t2 : array_like
        Relaxation time of the diabatic populations and coherence time, positive, T₂ ≤ 2T₁.

    Returns
    -------
    Prediction
        Population of the diabatic state that relaxation empties, with checks that the passages are
        fast and the resonances separate. Where they overlap `transition_rate` adds them correctly.

    Raises
    ------
    InputError
        If an argument is out of its range, T₂ > 2T₁, or the shapes do not broadcast.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010); S. Ashhab, J. R. Johansson,
    A. M. Zagoskin, F. Nori, Phys. Rev. A 75, 063414 (2007).

    Examples
    --------
    >>> place = dict(gap=0.1, offset=2.0, amplitude=5.0, frequency=1.0)
    >>> result = fast_passage_population(**place, t1=1000.0, t2=500.0)    # two quanta, resonant
    >>> round(result.value, 6), result.valid
    (0.460956, True)
    """
    g, eps, a, omega = drive_arguments(gap, offset, amplitude, frequency)
    relax, dephase = decay_times(t1, t2)
    g, eps, a, omega, relax, dephase = broadcast(
        gap=g, offset=eps, amplitude=a, frequency=omega, t1=relax, t2=dephase
    )
    total, strongest = np.zeros(g.shape), np.zeros(g.shape)
    for n, bessel in components(a, omega):
        squared = (g * bessel) ** 2
        strongest = np.maximum(strongest, squared)
        total += squared / (
            squared + (eps - n * omega) ** 2 * dephase / relax + 1 / (relax * dephase)
        )
    half_width = np.sqrt(1 + strongest * relax * dephase) / dephase
    return Prediction(
        unwrap(total / 2),
        "fast passage, separate resonances",
        (fast_check(g, a, omega), separate_check(half_width, omega)),
        "p = (1/2) sum_n g_n^2 / (g_n^2 + (offset - n frequency)^2 T2/T1 + 1/(T1 T2)), "
        "g_n = gap J_n(amplitude/frequency)",
    )


def transition_rate(
    *,
    gap: npt.ArrayLike,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    t2: npt.ArrayLike,
) -> Prediction:
    """Rate at which a fast periodic drive exchanges the diabatic states, resonances overlapping.

    ``W = ½ Σ_n g_n² T₂ / (1 + (ε₀ − nω)² T₂²)``, ``g_n = g J_n(A/ω)``: the golden rule for every
    resonance. `rate_population` turns it into a population.

    Parameters
    ----------
    gap, offset, amplitude, frequency : array_like
        As for `fast_passage_population`.
    t2 : array_like
        Coherence time of the diabatic states, positive.

    Returns
    -------
    Prediction
        The rate (1 / time), with the check that the passages are fast and the one that the coupling
        does not act coherently.

    Raises
    ------
    InputError
        If an argument is out of its range or the shapes do not broadcast.

    References
    ----------
    D. M. Berns, W. D. Oliver, S. O. Valenzuela, A. V. Shytov, K. K. Berggren, L. S. Levitov,
    T. P. Orlando, Phys. Rev. Lett. 97, 150502 (2006).

    Examples
    --------
    >>> place = dict(gap=0.01, offset=0.0, amplitude=5.0, frequency=1.0)
    >>> round(transition_rate(**place, t2=5.0).value, 8)
    1.051e-05
    """
    g, eps, a, omega = drive_arguments(gap, offset, amplitude, frequency)
    g, eps, a, omega, dephase = broadcast(
        gap=g, offset=eps, amplitude=a, frequency=omega, t2=positive("t2", t2)
    )
    total, strongest = np.zeros(g.shape), np.zeros(g.shape)
    for n, bessel in components(a, omega):
        squared = (g * bessel) ** 2
        strongest = np.maximum(strongest, squared)
        total += squared * dephase / (1 + ((eps - n * omega) * dephase) ** 2)
    coherent = DomainCheck(
        "strongest coupling gap J_n times T2",
        unwrap(np.sqrt(strongest) * dephase),
        1.0,
        "a resonance turns coherently before it dephases: only the stationary population, not the "
        "approach to it, follows from a rate",
    )
    return Prediction(
        unwrap(total / 2),
        "transition rate, fast passage",
        (fast_check(g, a, omega), coherent),
        "W = (1/2) sum_n g_n^2 T2 / (1 + (offset - n frequency)^2 T2^2)",
    )


def classical_transition_rate(
    *, gap: npt.ArrayLike, offset: npt.ArrayLike, amplitude: npt.ArrayLike, frequency: npt.ArrayLike
) -> Prediction:
    """Rate at which passages exchange the diabatic states if no coherence survives between them.

    ``W = (ω/π) (1 − P)``, ``P = exp(−πg²/2α)``, ``α = ω √(A² − ε₀²)``: two passages a period, each
    of which leaves the diabatic state with probability 1 − P; zero where the drive does not reach
    the crossing. `transition_rate` tends to it for passages that are fast and dephase in between.

    Parameters
    ----------
    gap, offset, amplitude, frequency : array_like
        As for `fast_passage_population`.

    Returns
    -------
    Prediction
        The rate (1 / time), with the checks that passages are rare changes of state and shorter
        than the time between them.

    Raises
    ------
    InputError
        If an argument is out of its range or the shapes do not broadcast.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010).

    Examples
    --------
    >>> place = dict(gap=0.01, offset=0.0, amplitude=5.0, frequency=1.0)
    >>> round(classical_transition_rate(**place).value, 8)
    1e-05
    """
    g, eps, a, omega = drive_arguments(gap, offset, amplitude, frequency)
    g, eps, a, omega = broadcast(gap=g, offset=eps, amplitude=a, frequency=omega)
    reach = (a - np.abs(eps)) * (a + np.abs(eps))
    met = reach > 0
    rate = omega * np.sqrt(np.where(met, reach, 1.0))
    leave = np.where(met, -np.expm1(-0.5 * np.pi * g**2 / rate), 0.0)
    # Between two crossings the drive spends 2 arccos(|ε₀|/A)/ω on its short side.
    apart = 2 * np.arccos(np.clip(np.abs(eps) / np.where(met, a, 1.0), 0, 1)) / omega
    with np.errstate(divide="ignore"):
        ratio = np.where(met, passage_duration(g, rate) / apart, 0.0)
    checks = (
        DomainCheck(
            "probability 1 - P to change state in a passage",
            unwrap(np.asarray(leave)),
            RATIO_LIMIT,
            "so much happens in one passage that a constant rate does not describe it",
        ),
        DomainCheck(
            "passage duration / time to the next",
            unwrap(np.asarray(ratio)),
            RATIO_LIMIT,
            "the drive turns before a passage is over",
        ),
    )
    return Prediction(
        unwrap(np.asarray(omega / np.pi * leave)),
        "transition rate, incoherent passages",
        checks,
        "W = (frequency / pi) (1 - P), P = exp(-pi gap^2 / (2 sweep_rate))",
    )


def rate_population(*, rate: npt.ArrayLike | Prediction, t1: npt.ArrayLike) -> Prediction:
    """Stationary population that a rate in both directions keeps up against relaxation.

    ``p = W / (2W + 1/T₁)``.

    Parameters
    ----------
    rate : array_like or Prediction
        W (1 / time), not negative; the checks of a `Prediction` are carried along.
    t1 : array_like
        Relaxation time, positive.

    Returns
    -------
    Prediction
        The population, at most one half.

    Raises
    ------
    InputError
        If the rate is negative, T₁ is not positive, or the shapes do not broadcast.

    References
    ----------
    D. M. Berns et al., Phys. Rev. Lett. 97, 150502 (2006).

    Examples
    --------
    >>> rate_population(rate=0.5, t1=1.0).value
    0.25
    """
    carried = rate.checks if isinstance(rate, Prediction) else ()
    w = non_negative("rate", rate.value if isinstance(rate, Prediction) else rate)
    w, relax = broadcast(rate=w, t1=positive("t1", t1))
    return Prediction(
        unwrap(np.asarray(w / (2 * w + 1 / relax))),
        "rate equation",
        carried,
        "p = W / (2 W + 1/T1)",
    )
