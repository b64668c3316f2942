"""Passages in sequence: scattering matrices, Stokes phase, and interference.

The adiabatic-impulse picture: between crossings every level only gathers its phase; at a crossing
two adjacent levels mix as in the Landau-Zener problem. Adiabatic labels (index 0 lowest) and real
eigenvectors transported continuously along the path are used throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    fail,
    fraction,
    integer,
    non_negative,
    one_of,
    positive,
    real_array,
    real_number,
)
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_duration
from anticrossing.formulas.result import (
    ComplexArray,
    DomainCheck,
    FloatArray,
    MatrixPrediction,
    Prediction,
    broadcast,
    unwrap,
)

_MOST_LEVELS = 4096  # a matrix larger than this does not fit


def stokes_phase(*, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike) -> float | FloatArray:
    """Phase that a passage adds to the adiabatic state it leaves behind.

    ``φ_S = π/4 + δ (ln δ − 1) + arg Γ(1 − iδ)``, ``δ = g²/4α``: π/4 for sudden passages, falling to
    zero for slow ones.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap (energy), not negative.
    sweep_rate : array_like
        Rate of the diabatic energy difference (energy / time), positive.

    Returns
    -------
    float or ndarray
        The phase in radians, in (0, π/4].

    Raises
    ------
    InputError
        If the gap is negative or the rate is not positive.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010).

    Examples
    --------
    >>> round(stokes_phase(gap=2.0, sweep_rate=1.0), 6)
    0.087038
    """
    g = non_negative("gap", gap)
    rate = positive("sweep_rate", sweep_rate)
    g, rate = broadcast(gap=g, sweep_rate=rate)
    return unwrap(stokes_of_delta(0.25 * g**2 / rate))


def stokes_of_delta(delta: FloatArray) -> FloatArray:
    """Return φ_S = π/4 + δ(ln δ − 1) + arg Γ(1 − iδ)."""
    from scipy.special import loggamma, xlogy

    # For large δ terms of order δ ln δ cancel to 1/12δ: use Stirling's series there.
    small = np.minimum(delta, 30.0)
    exact = 0.25 * np.pi + xlogy(small, small) - small + loggamma(1 - 1j * small).imag
    inverse = 1 / np.maximum(delta, 1.0)
    series = inverse / 12 + inverse**3 / 360 + inverse**5 / 1260 + inverse**7 / 1680
    return np.asarray(np.where(delta < 30.0, exact, series), dtype=np.float64)


def _stokes_of_probability(p: FloatArray) -> FloatArray:
    """Stokes phase of a passage with jump probability ``P = e^{−2πδ}``."""
    with np.errstate(divide="ignore"):
        delta = -np.log(p) / (2 * np.pi)
    return stokes_of_delta(np.minimum(delta, 1e300))


def transfer_matrix(
    *, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, direction: int = 1
) -> ComplexArray:
    """Scattering matrix of one passage in the basis of its two adiabatic levels.

    ``N = [[√(1−P) e^{iφ_S}, s√P], [−s√P, √(1−P) e^{−iφ_S}]]`` with ``s = direction``: what is left
    of the exact propagator when the adiabatic phases ``∫E dt`` up to and from the crossing are
    removed.

    Parameters
    ----------
    gap, sweep_rate : array_like
        As for `stokes_phase`.
    direction : {1, -1}
        ``+1`` for ``H = ½ [[αt, g], [g, −αt]]``; ``−1`` where the detuning falls, as in the second
        passage of a to-and-fro drive, or where the coupling changes sign.

    Returns
    -------
    ndarray
        Complex, shape ``(..., 2, 2)``, index ``[final, initial]``, lower level first.

    Raises
    ------
    InputError
        As for `stokes_phase`, or if the direction is not ±1.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010), in another gauge.

    Examples
    --------
    >>> (abs(transfer_matrix(gap=1.0, sweep_rate=1.0)) ** 2).round(4)
    array([[0.7921, 0.2079],
           [0.2079, 0.7921]])
    """
    g = non_negative("gap", gap)
    rate = positive("sweep_rate", sweep_rate)
    g, rate = broadcast(gap=g, sweep_rate=rate)
    exponent = 0.5 * np.pi * g**2 / rate
    stay, jump = np.sqrt(-np.expm1(-exponent)), np.exp(-exponent / 2)
    return _scattering(stay, jump, stokes_of_delta(0.25 * g**2 / rate), direction)


def _scattering(
    stay: FloatArray, jump: FloatArray, stokes: FloatArray, direction: int
) -> ComplexArray:
    one_of("direction", direction, (1, -1))
    matrix = np.empty((*stay.shape, 2, 2), dtype=np.complex128)
    matrix[..., 0, 0] = stay * np.exp(1j * stokes)
    matrix[..., 1, 1] = stay * np.exp(-1j * stokes)
    matrix[..., 0, 1] = direction * jump
    matrix[..., 1, 0] = -direction * jump
    return matrix


def stueckelberg_two_passages(probability: npt.ArrayLike, phase: npt.ArrayLike) -> Prediction:
    """Probability to change adiabatic level in a passage to and fro, with interference.

    ``P₂ = 4P(1 − P) sin²(ζ + φ_S)``, with ``φ_S`` belonging to ``P = e^{−2πδ}``.

    Parameters
    ----------
    probability : array_like
        Jump probability ``P`` of a single passage.
    phase : array_like
        ``ζ = ½ ∫ gap dt`` between the passages (radians).

    Returns
    -------
    Prediction
        The probability after both passages.

    Raises
    ------
    InputError
        If a probability lies outside [0, 1].

    References
    ----------
    E. C. G. Stückelberg, Helv. Phys. Acta 5, 369 (1932); S. N. Shevchenko, S. Ashhab, F. Nori,
    Phys. Rep. 492, 1 (2010).

    Examples
    --------
    >>> round(stueckelberg_two_passages(0.5, 0.0).value, 6)
    0.225688
    """
    p, zeta = broadcast(
        probability=fraction("probability", probability), phase=real_array("phase", phase)
    )
    angle = zeta + _stokes_of_probability(p)
    # Two separate passages are at least the phase of one passage apart, about one radian.
    check = DomainCheck(
        "phase between the passages",
        unwrap(np.array(zeta)),
        1.0,
        "the passages are not separated in time",
        at_least=True,
    )
    return Prediction(
        unwrap(4 * p * (1 - p) * np.sin(angle) ** 2),
        "Stueckelberg, two passages",
        (check,),
        "P2 = 4 P (1 - P) sin^2(phase + stokes_phase)",
    )


@dataclass(frozen=True)
class CrossingStep:
    """One crossing in a sequence, met by two adiabatic levels.

    Attributes
    ----------
    levels : (int, int)
        Indices of the two levels, adjacent in energy, lower first.
    jump_probability : float
        Probability to jump between them; 1 for a true crossing.
    direction : int
        Sign of the jump amplitude, ``±1``, see `transfer_matrix`; matters only with phases.
    time : float, optional
        When the crossing is met; crossings must be listed in order of time.
    duration : float, optional
        How long the passage takes; with `time` it gives the check that passages do not overlap.
    """

    levels: tuple[int, int]
    jump_probability: float
    direction: int = 1
    time: float | None = None
    duration: float | None = None

    @classmethod
    def from_gap(
        cls,
        levels: tuple[int, int],
        *,
        gap: float,
        sweep_rate: float,
        direction: int = 1,
        time: float | None = None,
    ) -> CrossingStep:
        """Return the crossing with the Landau-Zener probability and duration of a gap and rate."""
        g, rate = non_negative("gap", gap), positive("sweep_rate", sweep_rate)
        return cls(
            levels=levels,
            jump_probability=float(np.exp(-0.5 * np.pi * g**2 / rate)),
            direction=direction,
            time=time,
            duration=float(passage_duration(g, rate)),
        )


def transfer_matrices(
    crossings: Sequence[CrossingStep], phases: npt.ArrayLike, *, levels: int
) -> ComplexArray:
    """Evolution matrix of independent crossings in sequence, with phases.

    ``U = D_K N_K D_{K−1} … N_1 D_0`` with the scattering matrix ``N_k`` of each crossing and
    ``D_k = diag(exp(−iφ_{k,j}))``, ``φ_{k,j} = ∫E_j dt`` between crossings.

    Parameters
    ----------
    crossings : sequence of CrossingStep
        In order of time.
    phases : array_like, shape (K−1, levels) or (K+1, levels)
        Dynamical phases of every level between the K crossings; with K+1 rows also before the first
        and after the last.
    levels : int
        Number of levels.

    Returns
    -------
    ndarray
        Unitary matrix ``[final, initial]`` in adiabatic labels, shape ``(levels, levels)``.

    Raises
    ------
    InputError
        If the crossings are not in order, name levels that are not adjacent, or `phases` has the
        wrong shape.

    References
    ----------
    Adiabatic-impulse model: S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010).

    Examples
    --------
    >>> there = CrossingStep((0, 1), 0.5)
    >>> back = CrossingStep((0, 1), 0.5, direction=-1)
    >>> u = transfer_matrices([there, back], [[-1.0, 1.0]], levels=2)
    >>> bool(np.isclose(abs(u[1, 0]) ** 2, stueckelberg_two_passages(0.5, 1.0).value))
    True
    """
    n = integer("levels", levels, minimum=2, maximum=_MOST_LEVELS)
    _check_sequence(crossings, n)
    phi = real_array("phases", phases)
    count = len(crossings)
    if phi.shape == (count - 1, n) or (count == 1 and phi.size == 0):
        edge = np.zeros((1, n))
        phi = np.concatenate((edge, phi.reshape(count - 1, n), edge))
    elif phi.shape != (count + 1, n):
        raise fail(
            "phases", f"have shape ({count - 1}, {n}) or ({count + 1}, {n})", f"it is {phi.shape}"
        )
    evolution = np.diag(np.exp(-1j * phi[0]))
    for crossing, phase in zip(crossings, phi[1:], strict=True):
        p = np.asarray(crossing.jump_probability, dtype=np.float64)
        matrix = np.eye(n, dtype=np.complex128)
        matrix[np.ix_(crossing.levels, crossing.levels)] = _scattering(
            np.sqrt(1 - p), np.sqrt(p), _stokes_of_probability(p), crossing.direction
        )
        evolution = np.exp(-1j * phase)[:, None] * (matrix @ evolution)
    return np.asarray(evolution, dtype=np.complex128)


def independent_crossings(
    crossings: Sequence[CrossingStep], *, levels: int, phases: npt.ArrayLike | None = None
) -> MatrixPrediction:
    """Transition probabilities of several crossings passed one after another.

    Without phases the product of the stochastic matrices ``[[1−P, P], [P, 1−P]]`` of the crossings
    (interference averaged out); with phases ``|U|²`` of `transfer_matrices`.

    Parameters
    ----------
    crossings : sequence of CrossingStep
        In order of time.
    levels : int
        Number of levels.
    phases : array_like, optional
        Dynamical phases between the crossings, as for `transfer_matrices`.

    Returns
    -------
    MatrixPrediction
        Probabilities ``[final, initial]`` in adiabatic labels. Where crossings carry times and
        durations, checks that passages sharing a level do not overlap.

    Raises
    ------
    InputError
        As for `transfer_matrices`.

    References
    ----------
    S. Brundobler, V. Elser, J. Phys. A 26, 1211 (1993), for the approximation.

    Examples
    --------
    >>> sequence = [CrossingStep((0, 1), 0.5), CrossingStep((1, 2), 0.25)]
    >>> independent_crossings(sequence, levels=3).transition_matrix
    array([[0.5  , 0.5  , 0.   ],
           [0.375, 0.375, 0.25 ],
           [0.125, 0.125, 0.75 ]])
    """
    n = integer("levels", levels, minimum=2, maximum=_MOST_LEVELS)
    _check_sequence(crossings, n)
    if phases is None:
        matrix = np.eye(n)
        for crossing in crossings:
            p = crossing.jump_probability
            i, j = crossing.levels
            matrix[[i, j]] = np.array([[1 - p, p], [p, 1 - p]]) @ matrix[[i, j]]
    else:
        matrix = np.abs(transfer_matrices(crossings, phases, levels=n)) ** 2
    return MatrixPrediction(
        value=matrix,
        name="independent crossings" + ("" if phases is None else ", with phases"),
        checks=_overlap_checks(crossings),
        equation="product of the matrices of the single crossings",
        basis="adiabatic",
    )


def _check_sequence(crossings: Sequence[CrossingStep], n: int) -> None:
    if len(crossings) == 0:
        raise fail("crossings", "hold at least one crossing", "it is empty")
    latest = -np.inf
    for number, crossing in enumerate(crossings):
        where = f"crossings[{number}]"
        i, j = crossing.levels
        if not 0 <= i < n - 1 or j != i + 1:
            raise fail(
                f"{where}.levels",
                f"be two adjacent levels below {n}, lower first",
                f"it is {crossing.levels!r}",
            )
        fraction(f"{where}.jump_probability", real_number(where, crossing.jump_probability))
        if crossing.time is not None:
            if crossing.time < latest:
                raise fail("crossings", "be in order of time", f"number {number} comes too early")
            latest = crossing.time


def _overlap_checks(crossings: Sequence[CrossingStep]) -> tuple[DomainCheck, ...]:
    ratios = []
    for number, first in enumerate(crossings):
        if first.time is None or first.duration is None:
            continue
        for second in crossings[number + 1 :]:
            if second.time is None or second.duration is None:
                continue
            if set(first.levels) & set(second.levels):
                longest = max(first.duration, second.duration)
                apart = second.time - first.time
                ratios.append(longest / apart if apart > 0 else np.inf)
                break
    if not ratios:
        return ()
    return (
        DomainCheck(
            "passage duration / time to next crossing",
            unwrap(np.max(ratios, keepdims=False)),
            RATIO_LIMIT,
            "passages that share a level overlap",
        ),
    )
