"""The whole analysis of a sweep: crossings met, closed forms with their domain, exact answer."""

from anticrossing.analysis.adiabatic_expansion import AdiabaticExpansion, adiabatic_expansion
from anticrossing.analysis.closed_forms import PassagePrediction
from anticrossing.analysis.coherent_split import (
    CoherentIncoherentSplit,
    coherent_incoherent_split,
)
from anticrossing.analysis.decay import DecayRates, decay_rates
from anticrossing.analysis.decoherence import DecoherenceRegime, decoherence_regime
from anticrossing.analysis.meetings import PassageEvent
from anticrossing.analysis.passage import Passage, passage

__all__ = [
    "AdiabaticExpansion",
    "CoherentIncoherentSplit",
    "DecayRates",
    "DecoherenceRegime",
    "Passage",
    "PassageEvent",
    "PassagePrediction",
    "adiabatic_expansion",
    "coherent_incoherent_split",
    "decay_rates",
    "decoherence_regime",
    "passage",
]
