"""Closed forms for a passage through an avoided crossing while the environment dephases it.

Canonical form: ``H = ½ [[x, g], [g, −x]]`` with ``x = ε t``, ``ε`` being the rate of the diabatic
energy difference, and ``dρ/dt = −i[H, ρ] − (γ/2) [√H, [√H, ρ]]``: coherences between the
instantaneous eigenstates decay at ``γ √(x² + g²)``. The slow-time form ``ε dρ/dx = L ρ`` has the
same ``L``, so its rates are rates in physical time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, non_negative, positive
from anticrossing._core.variables import Shown, shown
from anticrossing.environment import Nodes, Strength
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import (
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    context,
    unwrap,
)

_SOURCE_CHECK = "terms of higher order in the sweep rate are not small"


@dataclass(frozen=True, eq=False)
class DephasingPrediction(Prediction):
    """A transition probability that is the sum of a coherent and an incoherent part.

    Attributes
    ----------
    coherent : float or ndarray
        The Landau–Zener probability without the environment.
    incoherent : float or ndarray
        What dephasing adds, to first order in the sweep rate.
    """

    coherent: float | FloatArray = 0.0
    incoherent: float | FloatArray = 0.0

    _variables: ClassVar[Mapping[str, Shown]] = {
        **Prediction._variables,
        "coherent": shown(text="Landau–Zener probability without the environment"),
        "incoherent": shown(text="what dephasing adds"),
    }


def dephasing_landau_zener(
    *, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, gamma: Any
) -> DephasingPrediction:
    """Probability to leave the ground state in one passage with eigenbasis dephasing.

    ``p = exp(−πg²/2ε) + ε ∫ γ/(1+γ²) · g²/(64 e⁵) dx``, ``e = ½√(x² + g²)``; for a constant ``γ``
    the integral is ``(2/3g²) γ/(1+γ²)``.

    The two terms are the coherent and the fully incoherent limit; the remainder is bounded by
    ``C γ ε²``, with the same ``C`` for all ``γ`` and ``ε`` but not for all ``g``. To leading order
    in ``ε`` it is minus the square of the incoherent term, because the populations obey a rate
    equation.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g`` (energy), positive.
    sweep_rate : array_like
        Rate ``ε`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    gamma : array_like, text or callable
        Dimensionless strength ``γ ≥ 0``: numbers, a formula in ``x``, or a vectorised function of
        ``x`` (the diabatic energy difference).

    Returns
    -------
    DephasingPrediction
        The probability with its parts `coherent` and `incoherent`. Where the check holds the value
        is within 3 % of the exact one, for constant ``γ`` between 0.01 and 10.

    Raises
    ------
    InputError
        If the gap or the rate is not positive, ``γ`` is negative somewhere, or the integral over
        a varying ``γ`` does not converge.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), Theorem 3, equations (1.4)
    and (1.5).

    Examples
    --------
    >>> p = dephasing_landau_zener(gap=1.0, sweep_rate=0.01, gamma=0.3)    # exact: 1.831722e-3
    >>> print(f"{p.value:.6e}")
    1.834862e-03
    >>> varying = dephasing_landau_zener(gap=1.0, sweep_rate=0.01, gamma="0.3 + 0*x")
    >>> abs(varying.value / p.value - 1) < 1e-12
    True
    """
    g, rate = positive("gap", gap), positive("sweep_rate", sweep_rate)
    strength = Strength.of("gamma", gamma)
    checks: tuple[DomainCheck, ...] = ()
    if strength.values is not None:
        g, rate, value = broadcast(gap=g, sweep_rate=rate, gamma=strength.values)
        integral = 2 / (3 * g**2) * value / (1 + value**2)
    else:
        g, rate = broadcast(gap=g, sweep_rate=rate)
        integral, variation = _varying(strength, g)
        checks = (
            DomainCheck(
                "sweep_rate / (gap · length over which gamma changes)",
                unwrap(np.asarray(rate * variation / g)),
                RATIO_LIMIT,
                "gamma changes within one precession",
            ),
        )
    return _sum(
        g,
        rate,
        rate * integral,
        "Landau-Zener with dephasing",
        "p = exp(-pi gap^2 / (2 sweep_rate)) + sweep_rate * "
        "int gamma/(1 + gamma^2) gap^2/(64 e^5) dx",
        checks,
    )


def constant_rate_dephasing_landau_zener(
    *, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, rate: npt.ArrayLike
) -> DephasingPrediction:
    """Probability to leave the ground state when eigenbasis coherences decay at a constant rate.

    ``p = exp(−πg²/2ε) + (ε/2g²) Q(λ/g)``,
    ``Q(y) = (π/2) y (2 + √(1+y²)) / (√(1+y²) (1 + √(1+y²))²)``

    Weak dephasing opens the transition, strong dephasing closes it again: ``Q → 3πy/8`` for
    ``y → 0`` and ``Q → π/2y`` for ``y → ∞``.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g`` (energy), positive.
    sweep_rate : array_like
        Rate ``ε`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    rate : array_like
        ``λ ≥ 0``: the decay rate, in physical time, of the coherence between the instantaneous
        eigenstates.

    Returns
    -------
    DephasingPrediction
        The probability with its parts `coherent` and `incoherent`.

    Raises
    ------
    InputError
        If the gap or the sweep rate is not positive, or `rate` is negative.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), Theorem 3 with
    ``γ = λ/√(x² + g²)``, integrated.

    Examples
    --------
    >>> p = constant_rate_dephasing_landau_zener(gap=1.0, sweep_rate=0.01, rate=1.0)
    >>> print(f"{p.value:.6e}")
    3.253226e-03
    """
    g, sweep, decay = broadcast(
        gap=positive("gap", gap),
        sweep_rate=positive("sweep_rate", sweep_rate),
        rate=non_negative("rate", rate),
    )
    y = decay / g
    root = np.hypot(1, y)
    shape = 0.5 * np.pi * y * (2 + root) / (root * (1 + root) ** 2)
    return _sum(
        g,
        sweep,
        sweep / (2 * g**2) * shape,
        "Landau-Zener with dephasing at a constant rate",
        "p = exp(-pi gap^2 / (2 sweep_rate)) + sweep_rate/(2 gap^2) Q(rate/gap)",
        (),
    )


def fixed_axis_dephasing_landau_zener(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    rate: npt.ArrayLike,
    window: npt.ArrayLike | None = None,
) -> Prediction:
    """Probability to keep the diabatic state under strong dephasing along the diabatic axis.

    ``P = ½(1 + exp(−(2g²/α) arctan(αT/Γ)))`` over ``[−T, T]``; without a window the limit
    ``½(1 + exp(−πg²/α))``, whatever ``Γ`` is.

    With ``V = g/2`` the exponent is ``(8V²/α) arctan(αT/Γ)``. Strong dephasing freezes the
    diabatic state (quantum Zeno effect) only if the sweep stays within the line width, ``Γ ≫ αT``:
    then ``1 − P → g²T/Γ``, which vanishes as the watching gets stronger. A long sweep mixes the
    two states instead.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g = 2|V|`` (energy), not negative.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    rate : array_like
        ``Γ > 0``, the decay rate of the coherence between the diabatic states.
    window : array_like, optional
        ``T``, the time from the start of the sweep to the crossing and from there to its end.

    Returns
    -------
    Prediction
        The diabatic survival; the state is prepared and read out in the diabatic basis.

    Raises
    ------
    InputError
        If the gap is negative, or one of the other arguments is not positive.

    References
    ----------
    Adiabatic elimination of the coherence in the optical Bloch equations, integrated over the
    sweep; see Y. Kayanuma, J. Phys. Soc. Jpn. 53, 108 (1984), for the infinite sweep;
    B. Misra, E. C. G. Sudarshan, J. Math. Phys. 18, 756 (1977) (Zeno).

    Examples
    --------
    >>> mixed = fixed_axis_dephasing_landau_zener(gap=0.6, sweep_rate=1.0, rate=10.0, window=60.0)
    >>> round(mixed.value, 3)                                               # exact: 0.6815
    0.682
    """
    g, alpha, decay = (
        non_negative("gap", gap),
        positive("sweep_rate", sweep_rate),
        positive("rate", rate),
    )
    half = np.asarray(np.inf) if window is None else context("window", window)
    g, alpha, decay, half = broadcast(gap=g, sweep_rate=alpha, rate=decay, window=half)
    exponent = -2 * g**2 / alpha * np.arctan(alpha * half / decay)
    checks = [
        DomainCheck(
            "(gap / rate)^2",
            unwrap(np.asarray((g / decay) ** 2)),
            RATIO_LIMIT,
            "the coherence does not decay faster than the coupling turns it",
        ),
        DomainCheck(
            "sweep_rate / rate^2",
            unwrap(np.asarray(alpha / decay**2)),
            RATIO_LIMIT,
            "the detuning changes within one coherence time",
        ),
        DomainCheck(
            "1 / (rate · window)",
            unwrap(np.asarray(1 / (decay * half))),
            RATIO_LIMIT,
            "the sweep is over before the coherence has settled",
        ),
    ]
    return Prediction(
        unwrap(np.asarray(0.5 * (1 + np.exp(exponent)))),
        "strong dephasing along the diabatic axis",
        tuple(checks),
        "P = 1/2 (1 + exp(-(2 gap^2 / sweep_rate) arctan(sweep_rate window / rate)))",
    )


def _sum(
    gap: FloatArray,
    sweep_rate: FloatArray,
    incoherent: FloatArray,
    name: str,
    equation: str,
    checks: tuple[DomainCheck, ...],
) -> DephasingPrediction:
    coherent = np.exp(-0.5 * np.pi * gap**2 / sweep_rate)
    order = DomainCheck(
        "sweep_rate / gap^2", unwrap(np.asarray(sweep_rate / gap**2)), RATIO_LIMIT, _SOURCE_CHECK
    )
    return DephasingPrediction(
        value=unwrap(np.asarray(coherent + incoherent)),
        name=name,
        checks=(order, *checks),
        equation=equation,
        coherent=unwrap(np.asarray(coherent)),
        incoherent=unwrap(np.asarray(incoherent)),
    )


def _varying(strength: Strength, gap: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the integral of the first-order term for every gap, and 1/length of γ's change."""
    # ``x = g u/√(1 − u²)`` turns it into ``(1/2g²) ∫ (1 − u²) γ/(1 + γ²) du`` over (−1, 1).
    from scipy.integrate import quad

    def at(x: FloatArray) -> FloatArray:
        empty = np.empty((*x.shape, 0))
        lane = np.zeros(x.shape, dtype=np.intp)
        nodes = Nodes(x, x, empty, empty.astype(np.complex128), 1.0, lane, np.zeros(x.shape))
        return strength(nodes)

    integral, variation = np.empty(gap.shape), np.empty(gap.shape)
    sample = np.sin(np.linspace(-1.4, 1.4, 401))
    for index in np.ndindex(gap.shape):
        g = float(gap[index])

        def weighted(u: Any, g: float = g) -> Any:
            position = np.asarray(g * u / np.sqrt((1 - u) * (1 + u)))
            value = at(np.atleast_1d(position)).reshape(position.shape)
            return (1 - u**2) * value / (1 + value**2)

        total, error, *rest = quad(
            weighted, -1, 1, epsabs=1e-14, epsrel=1e-11, limit=500, full_output=True
        )
        if len(rest) > 1 and error > 1e-6 * abs(total):
            raise fail(
                "gamma",
                "be integrable over the sweep",
                f"the integral of gamma/(1 + gamma^2) did not converge (error {error:.1g})",
            )
        if not 1e-300 <= g * g <= 1e300:
            raise fail("gap", "have a square that a double holds", f"it is {g:g}")
        integral[index] = total / (2 * g**2)
        # Weighted like the integrand, so that only changes that matter count.
        x = g * sample / np.sqrt(1 - sample**2)
        value = at(x)
        weight = 1 - sample**2
        largest = float(np.max(weight * value))
        slope = weight * np.abs(np.gradient(value, x))
        variation[index] = float(np.max(slope)) / largest if largest > 0 else 0.0
    return integral, variation
