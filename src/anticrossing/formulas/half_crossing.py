"""A sweep that starts, or stops, exactly where two levels are closest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import choice, non_negative, positive
from anticrossing.formulas.landau_zener import passage_checks
from anticrossing.formulas.result import Prediction, broadcast, unwrap

BASES = ("adiabatic", "diabatic")


def half_crossing(
    *, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, basis: str = "adiabatic", **surroundings: Any
) -> Prediction:
    """Probability of half a Landau-Zener passage, from the smallest gap to infinity (exact).

    ``H(t) = ½ [[α t, g], [g, −α t]]`` from ``t = 0`` to ∞, or from −∞ to 0. With ``δ = g²/4α``
    the diabatic state is kept with ``½ (1 + e^{−πδ})``, and the adiabatic level is left with::

        P = ½ + Re(E O),  E O = π √(δ/2) e^{−3iπ/4 − πδ/2} / [Γ(½ − iδ/2) Γ(1 + iδ/2)]

    which falls only as ``(α/2g²)²`` where the passage is slow: the start is sudden.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g = 2|V|`` (energy), not negative.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time), positive.
    basis : {"adiabatic", "diabatic"}
        Jump between adiabatic levels, or survival of a diabatic state.
    **surroundings
        The optional context of `landau_zener`: ``window=`` is the time on the one side.

    Returns
    -------
    Prediction
        The probability to jump (adiabatic) or to keep the diabatic state.

    Raises
    ------
    InputError
        If the gap is negative, the rate is not positive, or the shapes do not broadcast.

    References
    ----------
    N. V. Vitanov, B. M. Garraway, Phys. Rev. A 53, 4288 (1996); B. Damski, W. H. Zurek,
    Phys. Rev. A 73, 063405 (2006).

    Examples
    --------
    >>> round(half_crossing(gap=1.0, sweep_rate=1.0).value, 6)
    0.136949
    >>> round(half_crossing(gap=1.0, sweep_rate=1.0, basis="diabatic").value, 6)
    0.727969
    """
    from scipy.special import loggamma

    chosen = choice("basis", basis, BASES)
    g, rate = broadcast(gap=non_negative("gap", gap), sweep_rate=positive("sweep_rate", sweep_rate))
    delta = g**2 / (4 * rate)
    if chosen == "diabatic":
        value, equation = (1 + np.exp(-np.pi * delta)) / 2, "P = (1 + exp(-pi delta)) / 2"
    else:
        log_gammas = loggamma(0.5 - 0.5j * delta) + loggamma(1 + 0.5j * delta)
        product = np.pi * np.sqrt(delta / 2) * np.exp(-0.75j * np.pi - np.pi * delta / 2)
        # For large δ the sum cancels to its asymptotic value.
        small = np.maximum(0.5 + (product * np.exp(-log_gammas)).real, 0.0)
        large = 1 / (8 * np.maximum(delta, 1.0)) ** 2
        value = np.where(delta > 1e3, large, small)
        equation = "P = 1/2 + Re(E O), delta = gap^2 / (4 sweep_rate)"
    return Prediction(
        value=unwrap(np.asarray(value)),
        name=f"half crossing, {chosen} basis",
        checks=passage_checks(g, rate, **surroundings),
        equation=equation,
        exact=True,
    )
