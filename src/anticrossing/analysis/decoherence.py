"""What an environment does to a passage: coherent, incoherent, frozen or relaxed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    at_most,
    level,
    non_negative_number,
    number_between,
    positive_number,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.landau_zener import landau_zener, passage_duration

REGIMES = ("coherent", "incoherent", "frozen", "relaxed")
PROMISED = 0.03  # how far the number of a clear regime may be off
_SMALLEST, _LARGEST = 1e-50, 1e50
_WEAK = 0.05  # change of the jump probability that still counts as coherent
_STRONG = 0.3  # α/Γ² up to which the coherence follows the sweep, so that a rate equation holds
_FIRST_ORDER = 3.0  # g²/α from which dephasing in the eigenbasis is a small rate
_LASTING, _SHORT = 0.1, 2.5  # gΓ/α, dephasings of the eigenbasis in passing: few, and many
_FROZEN = 10.0  # line width over range of the sweep from which the state counts as frozen
_RELAXED = 3.0  # relaxation times after the crossing: e^{-3} = 5 % of the excitation is left
_LAG = 0.02  # change of the equilibrium population within the last relaxation time
_NODES, _WEIGHTS = gauss_legendre(8)
_EDGES = np.concatenate([[0.0], 0.5 ** np.arange(40, 0, -1)])
_EDGES = np.concatenate([_EDGES, 1 - _EDGES[-2::-1]])  # finer towards both ends


@dataclass(frozen=True)
class DecoherenceRegime(Result):
    """The regime of a passage, the ratios that decide it, and the reasons in words.

    Attributes
    ----------
    regime : {"coherent", "incoherent", "frozen", "relaxed"}
        The regime that describes the passage best.
    clear : bool
        Whether its condition holds with room to spare; if not the passage lies between regimes.
    jump_probability : float
        What the regime's law and relaxation before and after the passage give for the probability
        to end in the other adiabatic level (for ``relaxed``: to end in the upper level).
    landau_zener : float
        The coherent probability P, for comparison.
    coherence_loss : float
        How much dephasing and relaxation change P during the passage: small if coherent.
    dephasing_during_passage : float
        ``Γ₂ τ``, coherence decay rate times the duration of the passage.
    line_width_over_range : float
        ``Γ₂/αT``: the line width over half the range of the sweep. Large: frozen.
    relaxation_after_crossing : float
        ``Γ₁ T``: relaxation times between crossing and read-out. Large: relaxed.
    reasons : tuple of str
        Why, in words.
    """

    regime: str
    clear: bool
    jump_probability: float
    landau_zener: float
    coherence_loss: float
    dephasing_during_passage: float
    line_width_over_range: float
    relaxation_after_crossing: float
    reasons: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "jump_probability": shown(text="probability to end in the other level"),
        "landau_zener": shown(text="coherent probability to jump"),
        "coherence_loss": shown(text="change by loss of coherence"),
        "dephasing_during_passage": shown(text="coherence decay during the passage, Γ₂τ"),
        "line_width_over_range": shown(text="line width over the range of the sweep, Γ₂/αT"),
        "relaxation_after_crossing": shown(text="relaxation after the crossing, Γ₁T"),
    }

    def notes(self) -> tuple[str, ...]:
        return self.reasons

    def _attributes(self) -> dict[str, Any]:
        return {"name": self.regime, "clear": str(self.clear)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the four numbers that decide the regime: small ones leave the passage coherent."""
        ax = new_axes(height=2.8) if ax is None else ax
        deciding = list(self._variables.items())[2:]
        sizes = [max(getattr(self, name), 1e-6) for name, _ in deciding]
        ax.barh([variable.text for _, variable in deciding], sizes)
        ax.axvline(1.0, color="black", linewidth=1.0)
        ax.set_xscale("log")
        ax.invert_yaxis()
        ax.set_title(f"decoherence regime: {self.regime}")
        return ax

    def __str__(self) -> str:
        head = self.regime if self.clear else f"{self.regime} (not clearly: between regimes)"
        lines = [
            f"Decoherence regime: {head}",
            f"  jump probability              {self.jump_probability:.6g}",
            f"  Landau-Zener, coherent        {self.landau_zener:.6g}",
            f"  loss of coherence changes it  {self.coherence_loss:.3g}",
            f"  dephasing during passage      {self.dephasing_during_passage:.3g}",
            f"  line width / sweep range      {self.line_width_over_range:.3g}",
            f"  relaxation after crossing     {self.relaxation_after_crossing:.3g}",
        ]
        return "\n".join([*lines, *(f"  {reason}" for reason in self.reasons)])


def decoherence_regime(
    *,
    gap: float,
    sweep_rate: float,
    dephasing_rate: float = 0.0,
    relaxation_rate: float = 0.0,
    incoherent_transition: float = 0.0,
    eigenbasis_rate: float = 0.0,
    window: float,
    window_before: float | None = None,
    temperature: float | None = None,
    initial: int = 0,
) -> DecoherenceRegime:
    """Tell which regime a passage with dephasing and relaxation is in, and what its law gives.

    With ``Γ₂ = Γ_φ + Γ₁/2`` and ``T`` the time from the crossing to either end::

        relaxed      Γ₁ T ≥ 3              p′ = −Γ₁(p − 1/(1 + e^{ω/T_env})), ω = √(g² + α²t²)
        frozen       Γ₂ ≥ 10 αT            ½(1 + e^{−E}), E = (2g²Γ_φ/αR) arctan(αT/R)
        coherent     change of P ≤ 0.05    P = exp(−πg²/2α)
        incoherent   otherwise             rate equation: as frozen, → ½(1 + P²) for long sweeps;
                                           if Γ₂ ≤ g and g² ≥ α between adiabatic states,
                                           ½(1 − (1 − 2P) e^{−E})

    tested in this order, with ``R² = Γ₂² + g²``; the two sides of a window add half of E each.
    Relaxation before and after the passage is part of every number. Where the result is `clear`,
    and the window many times longer than g/α, its jump probability is within 0.03 of the exact
    one. Frozen is the quantum Zeno effect: watching holds the diabatic state, but only as long as
    the sweep stays within the line width that watching makes. A passage that is fast against the
    coupling stays coherent at almost any dephasing rate, because there is nothing to interfere.

    Parameters
    ----------
    gap : float
        Minimum adiabatic gap ``g`` (energy), positive.
    sweep_rate : float
        Rate ``α`` of the diabatic energy difference (energy / time, ħ = 1), positive.
    dephasing_rate : float
        ``Γ_φ ≥ 0``: decay rate of the coherence between the *diabatic* states by pure dephasing,
        as `FixedAxisDephasing` has it.
    relaxation_rate : float
        ``Γ₁ = 1/T₁ ≥ 0`` between the instantaneous eigenstates.
    incoherent_transition : float
        ``p₁ ≥ 0``: what dephasing in the instantaneous *eigenbasis* adds to first order, the
        `incoherent` part of `formulas.dephasing_landau_zener`. With it the populations follow
        ``½(1 − (1 − 2P) e^{−2p₁})``, and the passage counts as coherent if that is within 5 % of P.
        That law needs ``g² ≥ 3α``.
    eigenbasis_rate : float
        ``Γ ≥ 0``: the rate of that dephasing at the crossing. A faster passage, ``g² < 3α``, loses
        about ``½(2P − 1)(1 − e^{−q})`` by it, ``q = πgΓ/α``, or ``1/q = α/πgΓ + 1/2p₁`` where
        ``P < ½``, and is coherent if that is small. Many dephasings in passing, ``gΓ ≫ α``, leave
        no coherence to jump by: ``½(1 − e^{−2p₁})``, whatever P is.
    window : float
        ``T``, the time from the crossing to the read-out.
    window_before : float, optional
        The time from the start of the sweep to the crossing; None means as long.
    temperature : float, optional
        Of the environment, in the unit of the gap; None means zero.
    initial : {0, 1}
        The level at the start: 0 is the lower one.

    Returns
    -------
    DecoherenceRegime

    Raises
    ------
    InputError
        If the gap, the rate or a window is not positive, a decay rate is negative, or the level is
        neither 0 nor 1.

    References
    ----------
    P. Ao, J. Rammer, Phys. Rev. B 43, 5397 (1991); Y. Kayanuma, J. Phys. Soc. Jpn. 53, 108 (1984).

    Examples
    --------
    >>> result = decoherence_regime(gap=0.6, sweep_rate=1.0, dephasing_rate=20.0, window=400.0)
    >>> result.regime, round(result.jump_probability, 3)
    ('incoherent', 0.667)
    >>> decoherence_regime(gap=0.6, sweep_rate=1.0, dephasing_rate=50.0, window=2.0).regime
    'frozen'
    """
    g, alpha, after = (
        _above("gap", gap),
        _above("sweep_rate", sweep_rate),
        _above("window", window),
    )
    before = after if window_before is None else _above("window_before", window_before)
    dephasing = _not_below("dephasing_rate", dephasing_rate)
    relaxation = _not_below("relaxation_rate", relaxation_rate)
    extra = _not_below("incoherent_transition", incoherent_transition)
    local_rate = _not_below("eigenbasis_rate", eigenbasis_rate)
    environment = 0.0 if temperature is None else _not_below("temperature", temperature)
    level("initial", initial, 2)

    decay = dephasing + relaxation / 2
    duration = float(passage_duration(np.asarray(g), np.asarray(alpha)))
    jump = float(landau_zener(gap=g, sweep_rate=alpha))
    passing, width = decay * duration, 2 * decay / (alpha * (before + after))
    relaxing = relaxation * after
    adiabatic = g * g >= alpha
    # Weak dephasing of a slow passage: a rate equation between the adiabatic states; otherwise one
    # between the diabatic states, which the ends of the window are not quite.
    slow = adiabatic and decay <= g
    course = _Course(g, alpha, relaxation, environment, dephasing, decay)
    eigenbasis = extra > 0 and dephasing == 0
    dephasings = local_rate * g / alpha  # while the field turns
    fast = eigenbasis and local_rate > 0 and g * g < _FIRST_ORDER * alpha
    passed = jump if slow else 1.0
    if eigenbasis:
        course = course.without_flips()
        exponent = 2 * extra
        if fast:
            # A spin that cannot follow: what is across the field decays, for ∫ sin²θ dt = πg/α.
            # Where it follows more often than not, less is across: the smaller exponent wins.
            exponent = np.pi * dephasings
            if jump < 0.5:
                exponent = 1 / (1 / exponent + 1 / (2 * extra))
        coherent = 1 / (1 + 3 * dephasings**2)
        passed = 0.5 * (1 - coherent * (1 - 2 * jump) * np.exp(-exponent))
        passed -= 0.5 * (1 - coherent) * np.exp(-2 * extra)
    diabatic = not slow and not eigenbasis
    mixed = course.without_relaxation().other(passed, before, after, initial, diabatic)
    # A fast passage loses at most the difference to complete mixing, and needs the rate for it.
    loss = abs(mixed - jump)
    if diabatic:
        loss = loss if adiabatic else min(0.5 * np.pi * g * dephasing / alpha, loss)
    loss += min(relaxation * duration, 1.0)

    value, law = course.other(passed, before, after, initial, diabatic), mixed
    if relaxing >= _RELAXED:
        value = course.other(passed, before, after, initial)
        regime, value = "relaxed", 1 - value if initial else value
        now, earlier = (course.equilibrium(t) for t in (after, after - 1 / relaxation))
        clear = relaxing >= 2 * _RELAXED
        reasons = [
            f"{relaxing:.3g} relaxation times pass between the crossing and the read-out, so the "
            "final state is the environment's"
        ]
        if abs(earlier - now) > _LAG:
            reasons.append(
                "the levels still move within one relaxation time: the equilibrium lags behind"
            )
    elif eigenbasis and (
        abs(mixed - jump) > (_WEAK if fast else _WEAK * jump) or (fast and dephasings >= 1)
    ):
        regime = "incoherent"
        clear = (not fast or dephasings >= _SHORT) and relaxation * duration <= _WEAK
        reasons = [
            f"dephasing in the eigenbasis changes the jump probability from {jump:.3g} "
            f"to {mixed:.3g}"
        ]
        if fast and dephasings < _SHORT:
            reasons.append("the sweep is fast against the gap, where that law is only qualitative")
    elif width >= _FROZEN and not eigenbasis:
        regime = "frozen"
        clear = (g / decay) * (g / decay) <= 0.1 and decay * min(before, after) >= 10
        reasons = [
            f"the sweep covers only 1/{width:.3g} of the line width: dephasing watches the "
            "diabatic state and holds it (quantum Zeno effect)"
        ]
        if not clear:
            reasons.append("the coherence has no time to settle, so the law is only qualitative")
    elif loss <= _WEAK:
        regime, law = "coherent", jump
        value = course.without_flips().other(jump, before, after, initial)
        clear = loss <= 0.5 * _WEAK and not (fast and dephasings > _LASTING)
        reasons = [f"loss of coherence changes the jump probability by {loss:.2g} at most"]
        if passing > 1:
            reasons.append(
                "the coupling is weak against the sweep, so that even complete loss of coherence "
                "changes little"
            )
    else:
        regime = "incoherent"
        clear = slow or alpha <= _STRONG * decay * decay
        reasons = [
            f"coherence decays {passing:.3g} times during the passage: the two states mix by a "
            "rate equation"
        ]
        if not clear:
            reasons.append(
                "the decay is neither slow nor fast against the passage: solve the evolution with "
                "the environment instead of trusting this law"
            )
        if width > 1 / _FROZEN:
            reasons.append(
                f"the sweep ends {1 / width:.3g} line widths from the crossing, so mixing is "
                "incomplete"
            )
    if regime != "relaxed" and abs(value - law) > _WEAK:
        clear = False
        reasons.append(
            f"relaxation after the crossing ({relaxing:.2g} relaxation times) and before it "
            f"({relaxation * before:.2g}) changes the populations that are read out"
        )
    if extra > 0 and dephasing > 0 and regime != "relaxed":
        clear = clear and 2 * extra + np.pi * dephasings <= _WEAK
        reasons.append("dephasing in the eigenbasis, which acts too, is left out")
    return DecoherenceRegime(
        regime=regime,
        clear=bool(clear),
        jump_probability=float(value),
        landau_zener=jump,
        coherence_loss=float(loss),
        dephasing_during_passage=passing,
        line_width_over_range=width,
        relaxation_after_crossing=relaxing,
        reasons=tuple(reasons),
    )


@dataclass(frozen=True)
class _Course:
    """The population p of the upper level along a linear sweep, p′ = −Γ₁(p − p_eq) − 2w(p − ½)."""

    # Dephasing of the diabatic states flips the levels at the rate w = ½g²Γ_φ/(Γ₂² + g² + α²t²).

    gap: float
    sweep_rate: float
    relaxation: float
    temperature: float
    flipping: float
    decay: float

    def without_flips(self) -> _Course:
        return dataclasses.replace(self, flipping=0.0)

    def without_relaxation(self) -> _Course:
        return dataclasses.replace(self, relaxation=0.0)

    def equilibrium(self, time: npt.ArrayLike) -> Any:
        """Return the population of the upper level in equilibrium."""
        if self.temperature == 0:
            return np.zeros(np.shape(time))
        splitting = np.hypot(self.gap, self.sweep_rate * np.asarray(time))
        return 0.5 * (1 - np.tanh(0.5 * splitting / self.temperature))

    def lost(self, time: npt.ArrayLike) -> Any:
        """Return the integral of all rates from the crossing on."""
        width = np.hypot(self.decay, self.gap)
        turned = np.arctan(self.sweep_rate * np.asarray(time) / width)
        flips = (self.gap / width) * (self.gap * self.flipping / self.sweep_rate) * turned
        return self.relaxation * np.asarray(time) + flips

    def along(self, p: float, start: float, stop: float) -> float:
        """Return p at `stop` from p at `start`."""
        kept = np.exp(self.lost(start) - self.lost(stop))
        if self.relaxation == 0:
            return float(p * kept - 0.5 * np.expm1(self.lost(start) - self.lost(stop)))
        edges = start + (stop - start) * _EDGES
        half = 0.5 * np.diff(edges)[:, None]
        times = edges[:-1, None] + half * (_NODES + 1)
        width = self.decay**2 + self.gap**2 + (self.sweep_rate * times) ** 2
        gained = self.relaxation * self.equilibrium(times) + self.gap**2 * self.flipping / width / 2
        gained *= np.exp(self.lost(times) - self.lost(stop))
        return float(p * kept + np.sum(half * _WEIGHTS * gained))

    def other(
        self, jump: float, before: float, after: float, initial: int, diabatic: bool = False
    ) -> float:
        """Return the probability to end in the other level, with a jump at the crossing.

        `diabatic` states are those that jump; levels are these less well at a near end.
        """
        reach = self.sweep_rate * np.array([before, after])
        alike = reach / np.hypot(reach, self.gap) if diabatic else np.ones(2)
        p = self.along(0.5 + (initial - 0.5) * alike[0], -before, 0.0)
        p = self.along(jump + (1 - 2 * jump) * p, 0.0, after)
        upper = 0.5 + (p - 0.5) * alike[1]
        return float(upper if initial == 0 else 1 - upper)


def _above(name: str, value: float) -> float:
    return number_between(name, positive_number(name, value), _SMALLEST, _LARGEST)


def _not_below(name: str, value: float) -> float:
    # No product may leave the range of floats.
    return at_most(name, non_negative_number(name, value), _LARGEST)
