"""Berry's universal history of a slow transition: the error function in time.

In superadiabatic states of the optimal order the upper state fills in one smooth step, whatever the
Hamiltonian: only the complex time t_c at which the gap vanishes enters. With D(t) = ∫ gap dt from
the real reference time,

    c(t) = exp(i D(t_c)) ½ erfc(−T),    T = (D(t) − Re D(t_c)) / √(2 Im D(t_c)).

T is the natural time; the factor ½ erfc(−T) is the Stokes multiplier of the small exponential. The
Stokes line through t_c, on which it is switched on, crosses the real axis at T = 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, positive, real_array
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas._branch_points import along_axis
from anticrossing.formulas.complex_time import Formula, branch_points
from anticrossing.formulas.result import (
    ComplexArray,
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    unwrap,
)

_SMALLEST_ACTION = 4.0  # the history is then right within 10 % of the final amplitude
_OVERLAP = 1.0  # natural widths between two steps
_EQUATION = "P(t) = |sum_k s_k exp(i D_k) erfc(-T_k)/2|^2, T_k = (D(t) - Re D_k)/sqrt(2 Im D_k)"


@dataclass(frozen=True, eq=False)
class TransitionHistory(Prediction):
    """The population of the other level during a slow passage, in optimal superadiabatic states.

    Attributes
    ----------
    amplitude : complex or ndarray
        c(t), up to the dynamical phase; its square is `value`.
    natural_time : float or ndarray
        T, of the step that counts most.
    optimal_order : float or ndarray
        The order of the superadiabatic states that this history belongs to: the whole part of
        Im D(t_c), at which the terms of the superadiabatic series are smallest.
    """

    amplitude: complex | ComplexArray = 0j
    natural_time: float | FloatArray = 0.0
    optimal_order: float | FloatArray = 0.0

    _variables: ClassVar[Mapping[str, Shown]] = {
        **Prediction._variables,
        "amplitude": shown(text="amplitude of the other level"),
        "natural_time": shown(text="time in natural widths of the step"),
        "optimal_order": shown(text="optimal order of superadiabatic states"),
    }


def landau_zener_history(
    *, time: npt.ArrayLike, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike
) -> TransitionHistory:
    """Population of the other level during a slow Landau–Zener passage.

    ``P(t) = exp(−2F) (½ erfc(−T))²`` with ``F = πg²/4α``, ``T = D(t)/√(2F)`` and
    ``D(t) = ½ [t √(g² + α²t²) + (g²/α) asinh(αt/g)]``.

    It holds in superadiabatic states of the optimal order ``n ≈ F``, within 10 % of the final
    amplitude for ``F ≥ 4`` and 5 % for ``F ≥ 12``; between the eigenstates of H
    the population is of the order of ``(α/2g²)²`` on the way.

    Parameters
    ----------
    time : array_like
        Time ``t`` (ħ / energy) from the crossing.
    gap : array_like
        Minimum adiabatic gap ``g`` (energy), positive.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.

    Returns
    -------
    TransitionHistory
        The population with ``log_value``, amplitude, natural time and optimal order.

    Raises
    ------
    InputError
        If the gap or the rate is not positive, or a time is not finite.

    References
    ----------
    M. V. Berry, Proc. R. Soc. A 429, 61 (1990); R. Lim, M. V. Berry, J. Phys. A 24, 3255
    (1991).

    Examples
    --------
    >>> half = landau_zener_history(time=0.0, gap=1.0, sweep_rate=0.1)    # half the amplitude
    >>> final = landau_zener_history(time=1e3, gap=1.0, sweep_rate=0.1)
    >>> round(final.value / half.value, 12), final.optimal_order
    (4.0, 7.0)
    """
    t, g, rate = broadcast(
        time=real_array("time", time),
        gap=positive("gap", gap),
        sweep_rate=positive("sweep_rate", sweep_rate),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        action = 0.25 * np.pi * g**2 / rate
        u = rate * t / g
        # asinh u + u √(1 + u²), over √(2F) at once: neither g²/α nor u² may overflow alone.
        natural = (
            np.sqrt(2 / np.pi) * (0.5 * g / np.sqrt(rate)) * (u * np.hypot(1, u) + np.arcsinh(u))
        )
    if not np.all(np.isfinite(action)):
        raise fail("sweep_rate", "leave g²/α a number", "it is too small")
    return _history(
        "Landau-Zener history",
        "P(t) = exp(-2 F) (erfc(-T)/2)^2, F = pi gap^2 / (4 sweep_rate), T = D(t)/sqrt(2 F)",
        np.asarray(natural)[None],
        np.asarray(action, np.float64)[None],
        np.zeros((1, *t.shape)),
        np.ones((1, *t.shape)),
        [],
    )


def transition_history(
    gap: Formula | None = None,
    *,
    time: npt.ArrayLike,
    detuning: Formula | None = None,
    coupling: Formula | None = None,
    squared: bool = False,
    near: float | complex = 0.0,
    window: tuple[float, float] | None = None,
    height: float | None = None,
    variable: str = "t",
    parameters: Mapping[str, float] | None = None,
    signs: Sequence[float] | None = None,
) -> TransitionHistory:
    """Population of the other level during a slow passage with any smooth gap.

    ``P(t) = |Σ_k s_k exp(i D_k) ½ erfc(−T_k)|²``, ``T_k = (D(t) − Re D_k)/√(2 Im D_k)``: each
    complex zero ``t_k`` of the gap, with ``D_k = D(t_k)``, switches its amplitude on.

    Parameters
    ----------
    gap, detuning, coupling, squared, near, window, height, variable, parameters, signs
        As of `dykhne_davis_pechukas`, whose probability is the limit of late times.
    time : array_like
        Real times ``t`` (ħ / energy).

    Returns
    -------
    TransitionHistory

    Raises
    ------
    InputError, ConvergenceError
        As `dykhne_davis_pechukas`; and for a gap that closes at a real time.

    References
    ----------
    M. V. Berry, Proc. R. Soc. A 429, 61 (1990); V. Betz, S. Teufel, Ann. Henri Poincaré 6,
    217 (2005), for the same step with proof.

    Examples
    --------
    >>> history = transition_history("sqrt(1 + (0.1*t)**2)", time=[-50.0, 0.0, 50.0])
    >>> print((history.value / history.value[-1]).round(6))
    [0.   0.25 1.  ]
    """
    t = real_array("time", time)
    found = branch_points(
        gap,
        detuning=detuning,
        coupling=coupling,
        squared=squared,
        near=near,
        window=window,
        height=height,
        variable=variable,
        parameters=parameters,
        signs=signs,
    )
    if found.closes:
        raise fail("gap", "stay open at real times", f"it closes at t = {found.centre:g}")
    flat, inverse = np.unique(t.ravel(), return_inverse=True)
    # Piece by piece, so that every piece is short; the reference time starts both directions.
    edges = np.union1d(flat, [found.centre])
    pieces = [along_axis(found.square, a, b) for a, b in itertools.pairwise(edges)]
    total = np.concatenate([[0.0], np.cumsum(pieces)])
    total -= total[np.searchsorted(edges, found.centre)]
    along = total[np.searchsorted(edges, flat)][inverse.ravel()].reshape(t.shape)
    shape = (-1,) + (1,) * t.ndim
    actions, chosen = found.actions.reshape(shape), found.signs.reshape(shape)
    natural = (along - actions.real) / np.sqrt(2 * actions.imag)
    checks = []
    if found.assumed:
        checks.append(
            DomainCheck(
                "zeros whose sign was assumed",
                float(found.zeros.size),
                0.0,
                "the gap alone does not determine the signs of several amplitudes",
            )
        )
    if found.zeros.size > 1:
        width = np.sqrt(2 * found.actions.imag)
        apart = np.diff(np.sort(found.actions.real)) / np.max(width)
        checks.append(
            DomainCheck(
                "natural widths between two steps",
                float(np.min(apart)),
                _OVERLAP,
                "no single order of superadiabatic states is optimal for both",
                at_least=True,
            )
        )
    ones = np.ones_like(natural)
    return _history(
        "transition history",
        _EQUATION,
        natural,
        actions.imag * ones,
        actions.real * ones,
        chosen * ones,
        checks,
    )


def _history(
    name: str,
    equation: str,
    natural: FloatArray,
    action: FloatArray,
    phase: FloatArray,
    signs: FloatArray,
    checks: list[DomainCheck],
) -> TransitionHistory:
    """Add the steps along the first axis up, in logarithms."""
    from scipy.special import log_ndtr

    logarithm = log_ndtr(np.sqrt(2) * natural) - action  # of each amplitude
    largest = np.max(logarithm, axis=0)
    reference = np.where(np.isfinite(largest), largest, 0.0)
    relative = np.sum(signs * np.exp(1j * phase + logarithm - reference), axis=0)
    amplitude = relative * np.exp(reference)
    with np.errstate(divide="ignore"):
        log_value = 2 * (np.log(np.abs(relative)) + reference)
    first = np.argmin(action, axis=0)[None]
    least = np.take_along_axis(action, first, axis=0)[0]
    order = DomainCheck(
        "Im D",
        unwrap(np.asarray(least)),
        _SMALLEST_ACTION,
        "the passage is not slow enough for a universal history",
        at_least=True,
    )
    return TransitionHistory(
        value=unwrap(np.asarray(np.exp(log_value))),
        name=name,
        checks=(order, *checks),
        equation=equation,
        log_value=unwrap(np.asarray(log_value)),
        amplitude=unwrap(np.asarray(amplitude)),
        natural_time=unwrap(np.take_along_axis(natural, first, axis=0)[0]),
        optimal_order=unwrap(np.floor(least)),
    )
