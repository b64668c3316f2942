"""A passage whose coupling fluctuates much faster, or much slower, than it takes.

Canonical form: ``H(t) = ½ [[α t, g], [g, −α t]] + J(t) σ_x`` with a classical noise of mean zero
and ``⟨J(t) J(t′)⟩ = σ² k(t − t′)``, which forgets within a time ``τ``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import choice, non_negative, positive
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, Prediction, broadcast, context, unwrap

LIMITS = ("fast", "slow")


def noisy_coupling_landau_zener(
    *,
    noise: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    gap: npt.ArrayLike = 0.0,
    limit: str = "fast",
    correlation_time: npt.ArrayLike | None = None,
    window: npt.ArrayLike | None = None,
) -> Prediction:
    """Probability to keep the diabatic state while the coupling fluctuates.

    Noise that is fast against the passage drives transitions wherever its spectrum meets the energy
    difference, for a time ``1/ατ`` before and after the crossing::

        P = ½ [1 + exp(−4π σ²/α) (2 exp(−π g²/2α) − 1)]

    It depends on the variance of the noise and not on its spectrum or its distribution. Noise that
    is slow stands still in one passage; if it is Gaussian, its average is::

        P = exp(−π g²/2α / s) / √s,    s = 1 + 4π σ²/α

    Parameters
    ----------
    noise : array_like
        Root mean square ``σ`` of the coupling's fluctuation (energy, as ``V = g/2``), not negative.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    gap : array_like
        Gap ``g = 2|V|`` of the steady coupling (energy), not negative.
    limit : {"fast", "slow"}
        Which of the two.
    correlation_time : array_like, optional
        Time ``τ`` in which the noise forgets, positive: the limit is then checked.
    window : array_like, optional
        Time between the crossing and the nearer end of the sweep; with `correlation_time` it is
        compared with the time over which fast noise acts.

    Returns
    -------
    Prediction
        The probability to keep the diabatic state, with its checks.

    Raises
    ------
    InputError
        If the noise or the gap is negative, the rate or a time is not positive, `limit` is another
        word, or the shapes do not broadcast.

    References
    ----------
    Y. Kayanuma, J. Phys. Soc. Jpn. 54, 2037 (1985) (both limits, without a steady coupling); V. L.
    Pokrovsky, N. A. Sinitsyn, Phys. Rev. B 67, 144303 (2003) (fast noise beside one).

    Examples
    --------
    >>> fast = noisy_coupling_landau_zener(noise=0.1**0.5, sweep_rate=1.0)
    >>> slow = noisy_coupling_landau_zener(noise=0.1**0.5, sweep_rate=1.0, limit="slow")
    >>> round(fast.value, 5), round(slow.value, 5)
    (0.6423, 0.66569)
    """
    which = choice("limit", limit, LIMITS)
    sigma, rate, g = broadcast(
        noise=non_negative("noise", noise),
        sweep_rate=positive("sweep_rate", sweep_rate),
        gap=non_negative("gap", gap),
    )
    steady = np.pi * g**2 / (2 * rate)
    spread = 4 * np.pi * sigma**2 / rate
    if which == "fast":
        value = 0.5 * (1 + np.exp(-spread) * (2 * np.exp(-steady) - 1))
        equation = "P = (1 + exp(-4 pi noise^2/sweep_rate) (2 exp(-pi gap^2/(2 sweep_rate)) - 1))/2"
    else:
        value = np.exp(-steady / (1 + spread)) / np.sqrt(1 + spread)
        equation = "P = exp(-pi gap^2/(2 sweep_rate)/s)/sqrt(s), s = 1 + 4 pi noise^2/sweep_rate"
    checks: list[DomainCheck] = []
    if correlation_time is not None:
        coupled = g + 2 * sigma
        duration = np.maximum(1 / np.sqrt(rate), coupled / rate)
        tau, took, width = broadcast(
            correlation_time=context("correlation_time", correlation_time),
            duration=duration,
            width=np.maximum(np.sqrt(rate), coupled),
        )
        if which == "fast":
            ratio, name = width * tau, "correlation time / time of one transition"
            message = "the noise does not change within a transition"
        else:
            ratio, name = took / tau, "passage duration / correlation time"
            message = "the noise changes during the passage"
        checks.append(DomainCheck(name, unwrap(np.asarray(ratio)), RATIO_LIMIT, message))
        if window is not None and which == "fast":
            rates, times, ends = broadcast(
                sweep_rate=rate, correlation_time=tau, window=context("window", window)
            )
            reach = unwrap(np.asarray(1 / (rates * times * ends)))
            message = "the sweep ends where the noise still drives transitions"
            checks.append(DomainCheck("reach of the noise / window", reach, RATIO_LIMIT, message))
    return Prediction(
        value=unwrap(np.asarray(value)),
        name=f"Landau-Zener with {which} noise of the coupling",
        checks=tuple(checks),
        equation=equation,
    )
