"""A condensate in two modes that cross: loops of its levels, and how it leaves them.

Canonical form: ``i dψ/dt = ½ [[αt − c s, g], [g, −αt + c s]] ψ`` with ``s = |ψ₁|² − |ψ₂|²``. For
``c > 0`` the lower level, for ``c < 0`` the upper one turns back in a loop where ``|c| > g``. What
is here is about that level; `interaction` is |c|.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import non_negative, positive
from anticrossing._core.quadrature import gauss_legendre
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap

_NODES = 200


def mean_field_loop(*, gap: npt.ArrayLike, interaction: npt.ArrayLike) -> Prediction:
    """Half the width of the loop of a level that acts on itself (exact).

    Between the cusps at ``x = ±x_c`` the level has three branches, of which one is unstable::

        x_c = (|c|^⅔ − g^⅔)^{3/2},   0 where |c| ≤ g

    Parameters
    ----------
    gap : array_like
        Gap ``g`` without interaction (energy), not negative.
    interaction : array_like
        ``|c|`` (energy), not negative.

    Returns
    -------
    Prediction
        ``x_c``, an energy difference of the two modes.

    Raises
    ------
    InputError
        If an argument is negative, or the shapes do not broadcast.

    References
    ----------
    B. Wu and Q. Niu, Phys. Rev. A 61, 023402 (2000): the cusps are where two real roots of
    their equation of fourth degree merge.

    Examples
    --------
    >>> round(mean_field_loop(gap=1.0, interaction=2.0).value, 6)
    0.450196
    """
    g, c = broadcast(
        gap=non_negative("gap", gap), interaction=non_negative("interaction", interaction)
    )
    return Prediction(
        value=unwrap(np.asarray(np.maximum(np.cbrt(c) ** 2 - np.cbrt(g) ** 2, 0.0) ** 1.5)),
        name="loop of a mean-field level",
        equation="x_c = (interaction^(2/3) - gap^(2/3))^(3/2)",
        exact=True,
    )


def mean_field_exponent(*, gap: npt.ArrayLike, interaction: npt.ArrayLike) -> Prediction:
    """The exponent of tunnelling below the critical interaction, as a part of Landau and Zener's.

    With r = |c|/g < 1 the probability to leave the level falls as exp(−q πg²/2α)::

        q = (4/π) ∫₀^{y_c} (1 + y²)^{1/4} [(1 + y²)^{−3/2} − r]^{3/2} dy,   y_c = √(r^{−⅔} − 1)

    the action of small deviations up to the complex time at which their frequency vanishes. It is 1
    without interaction and 0 from the critical one on.

    Parameters
    ----------
    gap : array_like
        Gap ``g`` without interaction (energy), positive.
    interaction : array_like
        ``|c|`` (energy), not negative.

    Returns
    -------
    Prediction
        q.

    Raises
    ------
    InputError
        If the gap is not positive, the interaction negative, or the shapes do not broadcast.

    References
    ----------
    J. Liu, L. Fu, B.-Y. Ou, S.-G. Chen, D.-I. Choi, B. Wu, and Q. Niu, Phys. Rev. A 66, 023404
    (2002).

    Examples
    --------
    >>> round(mean_field_exponent(gap=1.0, interaction=0.5).value, 6)
    0.177072
    """
    g, c = broadcast(gap=positive("gap", gap), interaction=non_negative("interaction", interaction))
    return Prediction(
        value=unwrap(np.asarray(_exponent(c / g))),
        name="exponent of mean-field tunnelling",
        equation="q = (4/pi) int_0^yc (1 + y^2)^(1/4) ((1 + y^2)^(-3/2) - c/g)^(3/2) dy",
    )


def _exponent(ratio: FloatArray) -> FloatArray:
    """Return q; with y = tan θ and θ = θ_c (1 − w²) the integrand is smooth at both ends."""
    nodes, weights = gauss_legendre(_NODES)
    w, weights = 0.5 * (nodes + 1), 0.5 * weights
    r = np.minimum(ratio, 1.0)[..., None]
    cosine = np.cbrt(r)  # of the angle at which the frequency vanishes
    edge = np.arctan2(np.sqrt(np.maximum(1 - cosine**2, 0.0)), cosine)
    theta = edge * (1 - w**2)
    falls = np.maximum(np.cos(theta) ** 3 - r, 0.0)
    integrand = falls**1.5 * np.cos(theta) ** -2.5 * 2 * w * edge
    found = np.sum(np.where(np.cos(theta) > 0, integrand, 0.0) * weights, axis=-1)
    return np.asarray(4 / np.pi * found)


def mean_field_landau_zener(
    *, gap: npt.ArrayLike, interaction: npt.ArrayLike, sweep_rate: npt.ArrayLike
) -> Prediction:
    """Probability to leave a level that acts on itself, in a slow sweep.

    Above the critical interaction the level ends at a cusp however slow the sweep is. The state is
    left on an orbit whose area in phase space is that of the loop through the cusp::

        P = (1 − (g/|c|)^⅔)^{3/2} = x_c / |c|,   |c| > g,  α → 0

    with ``x_c`` of `mean_field_loop`: it tends to 1, as a full condensate is trapped by itself.
    Below it, and up to a factor below 1 that falls with the rate (except at c = 0, where the law is
    exact)::

        P ≲ exp(−q π g²/2α),   |c| < g

    with q of `mean_field_exponent`. In between, where ||c|/g − 1| ≲ √α/g, P ∝ (α/g²)^{3/4}.

    Parameters
    ----------
    gap : array_like
        Gap ``g`` without interaction (energy), positive.
    interaction : array_like
        ``|c|`` (energy), not negative.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.

    Returns
    -------
    Prediction
        The fraction that leaves the level, with its checks.

    Raises
    ------
    InputError
        If gap or rate are not positive, the interaction is negative, or the shapes do not
        broadcast.

    References
    ----------
    J. Liu et al., Phys. Rev. A 66, 023404 (2002) (exponent, the power ¾, P as an area). The area is
    elementary: with sin β = (g/|c|)^⅓ the loop runs from s = cos β to s = cos 3β.

    Examples
    --------
    >>> slow = mean_field_landau_zener(gap=1.0, interaction=[1.5, 4.0], sweep_rate=1e-4)
    >>> slow.value.round(5), slow.valid
    (array([0.11527, 0.46842]), True)
    """
    g, c, rate = broadcast(
        gap=positive("gap", gap),
        interaction=non_negative("interaction", interaction),
        sweep_rate=positive("sweep_rate", sweep_rate),
    )
    ratio, slowness = c / g, rate / g**2
    logarithm = -_exponent(ratio) * np.pi / (2 * slowness)
    trapped = np.maximum(1 - np.cbrt(1 / np.maximum(ratio, 1.0)) ** 2, 0.0) ** 1.5
    above = ratio >= 1
    value = np.where(above, trapped, np.exp(logarithm))
    near = np.where(ratio > 0, np.sqrt(slowness) / np.maximum(np.abs(ratio - 1), 1e-300), 0.0)
    added = np.where(above, slowness**0.75 / np.maximum(trapped, 1e-300), 0.0)
    fast = np.where(~above & (ratio > 0), slowness, 0.0)
    checks = (
        DomainCheck(
            "sqrt(rate)/gap / distance from the critical interaction",
            unwrap(np.asarray(near)),
            0.5,
            "so near the critical interaction P is a power of the rate, about (rate/gap^2)^(3/4)/2",
        ),
        DomainCheck(
            "(rate/gap^2)^(3/4) / P of the slow limit",
            unwrap(np.asarray(added)),
            RATIO_LIMIT,
            "the sweep is too fast for the slow limit, to which about half of this part is added",
        ),
        DomainCheck(
            "rate / gap^2",
            unwrap(np.asarray(fast)),
            RATIO_LIMIT,
            "the sweep is too fast for the exponential law of a level that acts on itself",
        ),
    )
    with np.errstate(divide="ignore"):
        logs = np.where(above, np.log(trapped), logarithm)
    return Prediction(
        value=unwrap(np.asarray(value)),
        name="Landau-Zener of a level that acts on itself",
        checks=checks,
        equation="P = (1 - (gap/interaction)^(2/3))^(3/2), or exp(-q pi gap^2/(2 sweep_rate))",
        log_value=unwrap(np.asarray(logs)),
    )
