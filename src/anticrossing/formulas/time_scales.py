"""How long one passage takes, and how adiabatic it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import describe, fail, positive
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_duration
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap

_SLOW = 1e16  # of g²/4α: the jump time is 2g/α to rounding


def adiabatic_condition(*, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike) -> Prediction:
    """Largest value of the adiabatic ratio, which is reached at the crossing.

    ``|⟨+|∂ₜH|−⟩| / gap² = α / 2g²`` at ``t = 0``; the passage is adiabatic where it is small.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap (energy), positive.
    sweep_rate : array_like
        Rate of the diabatic energy difference (energy / time), positive.

    Returns
    -------
    Prediction
        The ratio (its `value`), with one check: at most 0.1 for an adiabatic passage.

    Raises
    ------
    InputError
        If the gap or the rate is not positive.

    References
    ----------
    M. Born, V. Fock, Z. Phys. 51, 165 (1928).

    Examples
    --------
    >>> adiabatic_condition(gap=2.0, sweep_rate=1.0).value
    0.125
    """
    g = positive("gap", gap)
    rate = positive("sweep_rate", sweep_rate)
    broadcast(gap=g, sweep_rate=rate)
    value = unwrap(0.5 * rate / g**2)
    check = DomainCheck(
        "sweep_rate / (2 gap^2)", value, RATIO_LIMIT, "the passage is not adiabatic"
    )
    return Prediction(
        value, "adiabatic condition", (check,), "|<+|dH/dt|->| / gap^2 = sweep_rate / (2 gap^2)"
    )


@dataclass(frozen=True, eq=False)
class TimeScales(Result):
    """The times that belong to one passage (see `time_scales`)."""

    impulse: float | FloatArray
    crossing: float | FloatArray
    duration: float | FloatArray
    jump_time: float | FloatArray
    adiabatic_jump_time: float | FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "impulse": shown(text="duration of a sudden passage, 1/√α"),
        "crossing": shown(text="duration of a slow passage, g/α"),
        "duration": shown(text="the longer of the two"),
        "jump_time": shown(text="jump time between diabatic states"),
        "adiabatic_jump_time": shown(text="jump time between adiabatic levels"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the five times as bars; for arrays their course over the points."""
        named = {name: np.ravel(v.values) for name, v in self.variables().items()}
        ax = new_axes() if ax is None else ax
        if np.ndim(self.impulse):
            for name, values in named.items():
                ax.plot(values, label=name)
            ax.legend()
        else:
            ax.barh([*named], np.concatenate([*named.values()]))
        ax.set_title("time scales of one passage")
        return ax


def time_scales(*, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike) -> TimeScales:
    """Times that one passage takes, in the senses in common use.

    With ``δ = g²/4α``::

        impulse              1/√α                      (sudden passage)
        crossing             g/α                       (slow passage)
        duration             max(1/√α, g/α)
        jump_time            P_d(∞)/Ṗ_d(0) = √(1 − e^{−2πδ}) / (√(αδ) sin χ),
                             χ = π/4 + arg Γ(1 − iδ/2) − arg Γ(½ − iδ/2)
        adiabatic_jump_time  P_a(∞)/Ṗ_a(0) = (2g/α) e^{−πδ}

    ``P_d(t)`` is the diabatic transition probability of a passage that began at −∞, ``P_a(t)`` the
    probability to have jumped between adiabatic levels. The jump time tends to ``2√(π/α)`` for fast
    and to ``2g/α`` for slow passages. The adiabatic one means something only for ``δ ≲ 1``: in slow
    passages the adiabatic population rises and falls back, far above its final value.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap (energy), positive.
    sweep_rate : array_like
        Rate of the diabatic energy difference (energy / time), positive.

    Returns
    -------
    TimeScales
        The five times.

    Raises
    ------
    InputError
        If the gap or the rate is not positive.

    References
    ----------
    N. V. Vitanov, Phys. Rev. A 59, 988 (1999), for the jump times.

    Examples
    --------
    >>> scales = time_scales(gap=2.0, sweep_rate=4.0)
    >>> scales.impulse, scales.crossing, scales.duration
    (0.5, 0.5, 0.5)
    """
    g = positive("gap", gap)
    rate = positive("sweep_rate", sweep_rate)
    g, rate = broadcast(gap=g, sweep_rate=rate)
    delta = 0.25 * g**2 / rate
    exponent = 2 * np.pi * delta
    shape = np.divide(-np.expm1(-exponent), exponent, out=np.ones_like(delta), where=exponent > 0)
    jump = np.sqrt(2 * np.pi / rate * shape) / np.sin(_jump_angle(delta))
    jump = np.where(delta < _SLOW, jump, 2 * g / rate)
    times = TimeScales(
        impulse=unwrap(1 / np.sqrt(rate)),
        crossing=unwrap(g / rate),
        duration=unwrap(passage_duration(g, rate)),
        jump_time=unwrap(np.asarray(jump)),
        adiabatic_jump_time=unwrap(np.asarray(2 * g / rate * np.exp(-np.pi * delta))),
    )
    if not all(np.all(np.isfinite(time)) for time in vars(times).values()):
        raise fail(
            "sweep_rate", "leave times within the double range", f"it is {describe(sweep_rate)}"
        )
    return times


def _jump_angle(delta: FloatArray) -> FloatArray:
    from scipy.special import loggamma

    # The two arguments grow like delta ln(delta) and cancel: expand their difference instead.
    small = np.minimum(delta, 50.0)
    exact = 0.25 * np.pi + loggamma(1 - 0.5j * small).imag - loggamma(0.5 - 0.5j * small).imag
    large = np.maximum(delta, 1.0)
    expansion = 1 / (4 * large) + 1 / (24 * large**3) + 1 / (20 * large**5)
    return np.asarray(np.where(delta < 50.0, exact, expansion), dtype=np.float64)
