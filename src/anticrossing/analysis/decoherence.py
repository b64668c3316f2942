"""What an environment does to a passage: coherent, incoherent, frozen or relaxed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing.checks import fail, real_number
from anticrossing.formulas.landau_zener import landau_zener, passage_duration

REGIMES = ("coherent", "incoherent", "frozen", "relaxed")
_WEAK = 0.05  # change of the jump probability that still counts as coherent
_STRONG = 0.3  # α/Γ² up to which the coherence follows the sweep, so that a rate equation holds
_FIRST_ORDER = 3.0  # g²/α from which dephasing in the eigenbasis is a small rate
_FROZEN = 10.0  # line width over range of the sweep from which the state counts as frozen
_RELAXED = 3.0  # relaxation times after the crossing: e^{-3} = 5 % of the excitation is left
_LAG = 0.02  # change of the equilibrium population within the last relaxation time


@dataclass(frozen=True)
class DecoherenceRegime:
    """The regime of a passage, the ratios that decide it, and the reasons in words.

    Attributes
    ----------
    regime : {"coherent", "incoherent", "frozen", "relaxed"}
        The regime that describes the passage best.
    clear : bool
        Whether its condition holds with room to spare; if not the passage lies between regimes.
    jump_probability : float
        What the regime's law gives for the probability to end in the other adiabatic level (for
        ``relaxed``: to end in the upper level).
    landau_zener : float
        The coherent probability P, for comparison.
    coherence_loss : float
        How much dephasing and relaxation change P during the passage: small if coherent.
    dephasing_during_passage : float
        ``Γ₂ τ``, coherence decay rate times the duration of the passage.
    line_width_over_range : float
        ``Γ₂/αT``: the line width over the range of the sweep. Large: frozen.
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

    def __str__(self) -> str:
        head = self.regime if self.clear else f"{self.regime} (not clearly: between regimes)"
        lines = [
            f"Decoherence regime: {head}",
            f"  jump probability             {self.jump_probability:.6g}",
            f"  Landau-Zener, coherent       {self.landau_zener:.6g}",
            f"  loss of coherence changes it {self.coherence_loss:.3g}",
            f"  dephasing during passage     {self.dephasing_during_passage:.3g}",
            f"  line width / sweep range     {self.line_width_over_range:.3g}",
            f"  relaxation after crossing    {self.relaxation_after_crossing:.3g}",
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
    temperature: float | None = None,
) -> DecoherenceRegime:
    """Tell which regime a passage with dephasing and relaxation is in, and what its law gives.

    With ``Γ₂ = Γ_φ + Γ₁/2`` and ``T`` the time from the crossing to either end::

        relaxed      Γ₁ T ≥ 3              upper level 1/(1 + e^{ω/T_env}), ω = √(g² + α²T²)
        frozen       Γ₂ ≥ 10 αT            ½(1 + exp(−(2g²/α) arctan(αT/Γ₂)))
        coherent     change of P ≤ 0.05    P = exp(−πg²/2α)
        incoherent   otherwise             rate equation: as frozen, → ½(1 + P²) for long sweeps;
                                           if Γ₂ ≤ g and g² ≥ α between adiabatic states,
                                           ½(1 − (1 − 2P) exp(−(2gΓ_φ/α) arctan(αT/g)))

    tested in this order. Where the result is `clear`, and the window many times longer than g/α,
    its jump probability is within 0.03 of the exact one. A passage that is fast against the
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
        ``P < ½``, and is coherent if that is small.
    window : float
        ``T``, the time from the crossing to the nearer end of the sweep.
    temperature : float, optional
        Of the environment, in the unit of the gap; None means zero.

    Returns
    -------
    DecoherenceRegime

    Raises
    ------
    InputError
        If the gap, the rate or the window is not positive, or a decay rate is negative.

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
    g, alpha, half = (
        _above("gap", gap),
        _above("sweep_rate", sweep_rate),
        _above("window", window),
    )
    dephasing = _not_below("dephasing_rate", dephasing_rate)
    relaxation = _not_below("relaxation_rate", relaxation_rate)
    extra = _not_below("incoherent_transition", incoherent_transition)
    local_rate = _not_below("eigenbasis_rate", eigenbasis_rate)
    environment = 0.0 if temperature is None else _not_below("temperature", temperature)

    decay = dephasing + relaxation / 2
    duration = float(passage_duration(np.asarray(g), np.asarray(alpha)))
    jump = float(landau_zener(gap=g, sweep_rate=alpha))
    passing, width = decay * duration, decay / (alpha * half)
    relaxing = relaxation * half
    adiabatic = g * g >= alpha
    # Strong dephasing: a rate equation between the diabatic states; weak dephasing of a slow
    # passage: one between the adiabatic states.
    reach = float(np.arctan(alpha * half / decay)) if decay > 0 else 0.5 * np.pi
    strong = 0.5 * (1 + np.exp(-2 * g * g / alpha * reach))
    weak_exponent = 2 * g * dephasing / alpha * np.arctan(alpha * half / g)
    weak = 0.5 * (1 - (1 - 2 * jump) * np.exp(-weak_exponent))
    eigenbasis = extra > 0 and dephasing == 0
    mixed = float(weak if adiabatic and decay <= g else strong)
    if eigenbasis:
        mixed = float(0.5 * (1 - (1 - 2 * jump) * np.exp(-2 * extra)))
    fast = eigenbasis and local_rate > 0 and g * g < _FIRST_ORDER * alpha
    if fast:
        # A spin that cannot follow: what is across the field decays, for a time ∫ sin²θ dt = πg/α.
        # Where it follows more often than not, less is across: the smaller exponent wins.
        exponent = np.pi * g * local_rate / alpha
        if jump < 0.5:
            exponent = 1 / (1 / exponent + 1 / (2 * extra))
        mixed = float(0.5 * (1 - (1 - 2 * jump) * np.exp(-exponent)))
    # A fast passage loses at most the difference to complete mixing, and needs the rate for it.
    loss = abs(mixed - jump)
    if not adiabatic and not eigenbasis:
        loss = min(0.5 * np.pi * g * dephasing / alpha, loss)
    loss += min(relaxation * duration, 1.0)

    value: float
    if relaxing >= _RELAXED:
        regime, value = "relaxed", _thermal(np.hypot(g, alpha * half), environment)
        earlier = _thermal(np.hypot(g, alpha * (half - 1 / relaxation)), environment)
        clear = relaxing >= 2 * _RELAXED and abs(earlier - value) <= _LAG
        reasons = [
            f"{relaxing:.3g} relaxation times pass between the crossing and the read-out, so the "
            "final state is the environment's"
        ]
        if abs(earlier - value) > _LAG:
            reasons.append(
                "the levels still move within one relaxation time: the equilibrium lags behind"
            )
    elif eigenbasis and abs(mixed - jump) > (_WEAK if fast else _WEAK * jump):
        regime, value = "incoherent", mixed
        clear = alpha <= 0.1 * g * g and relaxation * duration <= _WEAK
        reasons = [
            f"dephasing in the eigenbasis changes the jump probability from {jump:.3g} "
            f"to {mixed:.3g}"
        ]
        if alpha > 0.1 * g * g:
            reasons.append("the sweep is fast against the gap, where that law is only qualitative")
    elif width >= _FROZEN and not eigenbasis:
        regime, value = "frozen", float(strong)
        clear = (g / decay) * (g / decay) <= 0.1 and decay * half >= 10
        reasons = [
            f"the sweep covers only 1/{width:.3g} of the line width: dephasing watches the "
            "diabatic state and holds it"
        ]
        if not clear:
            reasons.append("the coherence has no time to settle, so the law is only qualitative")
    elif loss <= _WEAK:
        regime, value = "coherent", jump
        clear = loss <= 0.5 * _WEAK
        reasons = [f"loss of coherence changes the jump probability by {loss:.2g} at most"]
        if passing > 1:
            reasons.append(
                "the coupling is weak against the sweep, so that even complete loss of coherence "
                "changes little"
            )
    else:
        regime, value = "incoherent", mixed
        clear = (adiabatic and decay <= g) or alpha <= _STRONG * decay**2
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
    if regime != "relaxed" and relaxing > _WEAK:
        clear = False
        reasons.append(
            f"relaxation after the crossing ({relaxing:.2g} relaxation times) changes the "
            "populations that are read out"
        )
    return DecoherenceRegime(
        regime=regime,
        clear=bool(clear),
        jump_probability=value,
        landau_zener=jump,
        coherence_loss=float(loss),
        dephasing_during_passage=passing,
        line_width_over_range=width,
        relaxation_after_crossing=relaxing,
        reasons=tuple(reasons),
    )


def _thermal(splitting: float, temperature: float) -> float:
    """Return the population of the upper of two levels in equilibrium."""
    if temperature == 0:
        return 0.0
    return float(0.5 * (1 - np.tanh(0.5 * splitting / temperature)))


def _above(name: str, value: float) -> float:
    number = real_number(name, value)
    if number <= 0:
        raise fail(name, "be positive", f"it is {number:g}")
    return number


def _not_below(name: str, value: float) -> float:
    number = real_number(name, value)
    if number < 0:
        raise fail(name, "not be negative", f"it is {number:g}")
    return number
