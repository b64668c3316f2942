"""The decoherence regime of each passage of a drive, from an environment's own rates."""

from __future__ import annotations

import dataclasses

from anticrossing._core.checks import FloatArray
from anticrossing.analysis.decay import decay_rates
from anticrossing.analysis.decoherence import PROMISED, DecoherenceRegime, decoherence_regime
from anticrossing.analysis.meetings import Place
from anticrossing.drive import Drive
from anticrossing.environment import (
    Combined,
    Dephasing,
    Environment,
    FixedAxisDephasing,
    Lindblad,
    ThermalRelaxation,
)
from anticrossing.formulas import constant_rate_dephasing_landau_zener, dephasing_landau_zener
from anticrossing.hamiltonian import Hamiltonian


def regime_of(
    hamiltonian: Hamiltonian, drive: Drive, environment: Environment, place: Place, initial: int = 0
) -> DecoherenceRegime:
    """Return the decoherence regime of one passage from a level, from the environment's rates.

    Dephasing in the eigenbasis counts through the incoherent way it opens, general jump operators
    through what they do to the diabatic states.
    """
    parts = environment.parts if isinstance(environment, Combined) else (environment,)
    dephasing, relaxation, incoherent, temperature = 0.0, 0.0, 0.0, None
    eigenbasis = 0.0
    local = {"gap": place.gap, "sweep_rate": place.sweep_rate}
    for part in parts:
        general = isinstance(part, (FixedAxisDephasing, Lindblad))
        rates = decay_rates(hamiltonian, drive, part, place.time, place.levels, diabatic=general)
        relaxation += rates.relaxation
        if general:
            dephasing += rates.dephasing
        elif rates.dephasing > 0:
            eigenbasis += rates.dephasing
            incoherent += _incoherent(part, rates.dephasing, local)
        if isinstance(part, ThermalRelaxation):
            temperature = part.temperature * hamiltonian.units.angular
    return decoherence_regime(
        **local,
        dephasing_rate=dephasing,
        relaxation_rate=relaxation,
        incoherent_transition=incoherent,
        eigenbasis_rate=eigenbasis,
        window=float(drive.stop_time) - place.time,
        window_before=place.time - float(drive.start_time),
        temperature=temperature,
        initial=int(initial == place.levels[1]),
    )


def held_against(
    regime: DecoherenceRegime, levels: tuple[int, int], initial: int, final: FloatArray
) -> DecoherenceRegime:
    """Return the regime of the only passage, not clear where the exact answer contradicts it."""
    other = levels[0] if initial == levels[1] and regime.regime != "relaxed" else levels[1]
    right = float(final[other])
    if abs(regime.jump_probability - right) <= PROMISED:
        return regime
    reason = f"the exact answer is {right:.4g}: this law does not describe the passage"
    return dataclasses.replace(regime, clear=False, reasons=(*regime.reasons, reason))


def _incoherent(part: Environment, rate: float, local: dict[str, float]) -> float:
    """Return the incoherent probability of eigenbasis dephasing, `rate` at the crossing."""
    if isinstance(part, Dephasing) and part.form == "gamma":
        # For two levels the canonical form decays at γ times the gap.
        law = dephasing_landau_zener(**local, gamma=rate / local["gap"])
        return float(law.incoherent)
    return float(constant_rate_dephasing_landau_zener(**local, rate=rate).incoherent)
