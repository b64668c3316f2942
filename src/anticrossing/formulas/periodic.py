"""Closed forms for a two-level system under a periodic drive: multiphoton resonances and rates.

``H(t) = ½ [[ε(t), g], [g, −ε(t)]]``, ``ε(t) = ε₀ + A cos ωt``. In the frame that turns with the
drive the coupling falls into Fourier components ``g_n = g J_n(A/ω)``, one for each number n of
quanta; component n is resonant where ``ε₀ = nω``. Relaxation (T₁) here leads to one diabatic state
and dephasing (T₂) acts on the coherence of the diabatic states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing.checks import fail, non_negative, positive, real_array
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_duration
from anticrossing.formulas.result import (
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    unwrap,
)

_MOST_ORDER = 1_000_000  # Fourier components: beyond it the sum takes minutes


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
    g, eps, a, omega = _drive(gap, offset, amplitude, frequency)
    relax, dephase = _times(t1, t2)
    g, eps, a, omega, relax, dephase = broadcast(
        gap=g, offset=eps, amplitude=a, frequency=omega, t1=relax, t2=dephase
    )
    total, strongest = np.zeros(g.shape), np.zeros(g.shape)
    for n, bessel in _components(a / omega):
        squared = (g * bessel) ** 2
        strongest = np.maximum(strongest, squared)
        total += squared / (
            squared + (eps - n * omega) ** 2 * dephase / relax + 1 / (relax * dephase)
        )
    half_width = np.sqrt(1 + strongest * relax * dephase) / dephase
    return Prediction(
        unwrap(total / 2),
        "fast passage, separate resonances",
        (_fast_check(g, a, omega), _separate_check(half_width, omega)),
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
    g, eps, a, omega = _drive(gap, offset, amplitude, frequency)
    g, eps, a, omega, dephase = broadcast(
        gap=g, offset=eps, amplitude=a, frequency=omega, t2=positive("t2", t2)
    )
    total, strongest = np.zeros(g.shape), np.zeros(g.shape)
    for n, bessel in _components(a / omega):
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
        (_fast_check(g, a, omega), coherent),
        "W = (1/2) sum_n g_n^2 T2 / (1 + (offset - n frequency)^2 T2^2)",
    )


def classical_transition_rate(
    *,
    gap: npt.ArrayLike,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
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
    g, eps, a, omega = _drive(gap, offset, amplitude, frequency)
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


@dataclass(frozen=True, eq=False)
class MultiphotonResonances:
    """The resonances of a periodic drive, one for each number of quanta.

    Arrays have the shape of the drive's parameters with the orders as last axis.

    Attributes
    ----------
    orders : array of int, shape (k,)
        n.
    positions : array, shape (..., k)
        Offsets ``ε₀ = nω − Σ_{m≠n} g_m² / (2ω(n − m))`` of the resonances: to second order in g
        they are repelled by each other (generalised Bloch–Siegert shift).
    couplings : array, shape (..., k)
        ``g_n = g J_n(A/ω)``, of either sign: the frequency of the resonant oscillation.
    half_widths : array, shape (..., k)
        Half the full width at half maximum along the offset: ``|g_n|``; with T₁ and T₂
        ``√(1 + g_n² T₁T₂)/T₂``.
    rates : array, shape (..., k), or None
        With T₂, the golden-rule rate ``g_n² T₂/2`` on resonance.
    checks : tuple of DomainCheck
        Fast passages; separate resonances.
    """

    orders: npt.NDArray[np.intp]
    positions: FloatArray
    couplings: FloatArray
    half_widths: FloatArray
    rates: FloatArray | None
    checks: tuple[DomainCheck, ...]

    @property
    def valid(self) -> bool:
        """Whether every check holds."""
        return all(bool(np.all(check.satisfied)) for check in self.checks)


def multiphoton_resonances(
    *,
    gap: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    orders: npt.ArrayLike,
    t1: npt.ArrayLike | None = None,
    t2: npt.ArrayLike | None = None,
) -> MultiphotonResonances:
    """Positions, widths and rates of the resonances ``ε₀ ≈ nω`` of a periodic drive.

    ``g_n = g J_n(A/ω)``, ``ε₀ = nω − Σ_{m≠n} g_m² / (2ω(n − m))``.

    Parameters
    ----------
    gap, amplitude, frequency : array_like
        As for `fast_passage_population`.
    orders : array_like of int
        Numbers of quanta n, of either sign.
    t1, t2 : array_like, optional
        Relaxation and coherence time, given together: widths then include them.

    Returns
    -------
    MultiphotonResonances

    Raises
    ------
    InputError
        If an argument is out of its range, only one of the times is given, or orders are no
        integers.

    References
    ----------
    S. Ashhab, J. R. Johansson, A. M. Zagoskin, F. Nori, Phys. Rev. A 75, 063414 (2007); the shift
    is second-order perturbation theory in the components that are not resonant.

    Examples
    --------
    >>> found = multiphoton_resonances(gap=0.2, amplitude=2.0, frequency=1.0, orders=[0, 1, 2])
    >>> found.half_widths.round(4)
    array([0.0448, 0.1153, 0.0706])
    >>> found.positions.round(4)
    array([0.    , 0.9974, 1.9903])
    """
    if (t1 is None) != (t2 is None):
        raise fail("t1", "be given together with `t2`", "only one of them is")
    g = non_negative("gap", gap)
    a, omega = non_negative("amplitude", amplitude), positive("frequency", frequency)
    given = {"gap": g, "amplitude": a, "frequency": omega}
    if t1 is not None and t2 is not None:
        given["t1"], given["t2"] = _times(t1, t2)
    arrays = [array[..., None] for array in broadcast(**given)]
    g, a, omega = arrays[:3]
    n = _orders(orders)
    from scipy.special import jv

    couplings = np.asarray(g * jv(n, a / omega))
    shift, strongest = np.zeros(couplings.shape), np.zeros(couplings.shape)
    for m, bessel in _components(a / omega, reach=int(np.abs(n).max(initial=0))):
        squared = np.broadcast_to((g * bessel) ** 2, couplings.shape)
        strongest = np.maximum(strongest, squared)
        apart = np.where(n == m, np.inf, 2 * omega * (n - m))
        shift -= squared / apart
    half_widths, rates = np.abs(couplings), None
    widest = np.sqrt(strongest)
    if t1 is not None:
        relax, dephase = arrays[3:]
        half_widths = np.sqrt(1 + couplings**2 * relax * dephase) / dephase
        widest = np.sqrt(1 + strongest * relax * dephase) / dephase
        rates = np.asarray(couplings**2 * dephase / 2)
    return MultiphotonResonances(
        orders=n,
        positions=np.asarray(n * omega + shift),
        couplings=couplings,
        half_widths=np.asarray(half_widths),
        rates=rates,
        checks=(_fast_check(g, a, omega), _separate_check(widest, omega)),
    )


def bloch_siegert_shift(*, gap: npt.ArrayLike, amplitude: npt.ArrayLike) -> Prediction:
    """Shift of the one-photon resonance of a linearly polarised drive, beyond rotating waves.

    ``H(t) = ½ [[A cos ωt, g], [g, −A cos ωt]]``: the drive is transverse to the splitting g, with
    the rotating part b = A/4. The time-averaged excitation is greatest at ``ω = g + δ``,
    ``δ = b²/g + b⁴/4g³ − 35b⁶/32g⁵``.

    Parameters
    ----------
    gap : array_like
        Splitting g without the drive (energy), positive.
    amplitude : array_like
        A (energy), not negative.

    Returns
    -------
    Prediction
        δ (radians / time), with the check that the drive is weak; the error is about b⁸/g⁷.

    Raises
    ------
    InputError
        If the gap is not positive or the amplitude negative.

    References
    ----------
    F. Bloch, A. Siegert, Phys. Rev. 57, 522 (1940); J. H. Shirley, Phys. Rev. 138, B979 (1965).

    Examples
    --------
    >>> round(bloch_siegert_shift(gap=1.0, amplitude=0.4).value, 8)
    0.01002391
    """
    g, a = broadcast(gap=positive("gap", gap), amplitude=non_negative("amplitude", amplitude))
    b = a / 4
    check = DomainCheck(
        "amplitude / (4 gap)", unwrap(b / g), 0.3, "the series in the drive does not converge here"
    )
    ratio = (b / g) ** 2
    return Prediction(
        unwrap(np.asarray(g * ratio * (1 + ratio / 4 - 35 * ratio**2 / 32))),
        "Bloch-Siegert shift",
        (check,),
        "shift = b^2/gap + b^4/(4 gap^3) - 35 b^6/(32 gap^5), b = amplitude/4",
    )


def _drive(
    gap: npt.ArrayLike, offset: npt.ArrayLike, amplitude: npt.ArrayLike, frequency: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    return (
        non_negative("gap", gap),
        real_array("offset", offset),
        non_negative("amplitude", amplitude),
        positive("frequency", frequency),
    )


def _times(t1: npt.ArrayLike, t2: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    relax, dephase = positive("t1", t1), positive("t2", t2)
    left, right = broadcast(t1=relax, t2=dephase)
    if np.any(right > 2 * left * (1 + 1e-12)):
        raise fail("t2", "be at most 2 `t1`", "it is longer: relaxation alone dephases faster")
    return relax, dephase


def _orders(orders: npt.ArrayLike) -> npt.NDArray[np.intp]:
    numbers = np.atleast_1d(real_array("orders", orders))
    if numbers.ndim != 1 or numbers.size == 0:
        raise fail("orders", "be one number or a list of them", f"its shape is {numbers.shape}")
    if np.any(numbers != np.round(numbers)) or np.any(np.abs(numbers) > _MOST_ORDER):
        raise fail("orders", f"be integers within ±{_MOST_ORDER}", "it holds others")
    return numbers.astype(np.intp)


def _components(argument: FloatArray, reach: int = 0) -> Iterator[tuple[int, FloatArray]]:
    """Yield n and J_n for every n at which a Bessel function is not zero to rounding."""
    from scipy.special import jv

    largest = float(np.max(argument, initial=0.0))
    if largest > _MOST_ORDER:
        raise fail(
            "amplitude",
            f"be at most {_MOST_ORDER} times `frequency`",
            f"it reaches {largest:.3g} times: there are too many resonances to add",
        )
    # J_n falls faster than exponentially beyond n = z, over a range of z^{1/3}.
    last = int(np.ceil(largest + 12 * largest ** (1 / 3) + 25))
    for n in range(-max(last, reach), max(last, reach) + 1):
        yield n, np.asarray(jv(n, argument))


def _fast_check(gap: FloatArray, amplitude: FloatArray, frequency: FloatArray) -> DomainCheck:
    return DomainCheck(
        "gap^2 / (frequency times the larger of amplitude and frequency)",
        unwrap(np.asarray(gap**2 / (frequency * np.maximum(amplitude, frequency)))),
        RATIO_LIMIT,
        "the passages are not fast: other numbers of quanta mix into each resonance",
    )


def _separate_check(half_width: FloatArray, frequency: FloatArray) -> DomainCheck:
    return DomainCheck(
        "half-width of the strongest resonance / frequency",
        unwrap(np.asarray(half_width / frequency)),
        RATIO_LIMIT,
        "neighbouring resonances overlap and do not simply add",
    )
