"""The whole analysis of a sweep: crossings met, closed forms with their domain, exact answer.

What enters joins several rooms: spectrum, formulas and dynamics.
"""

from anticrossing._core.public import guard
from anticrossing.analysis.adiabatic_expansion import AdiabaticExpansion, adiabatic_expansion
from anticrossing.analysis.adiabatic_remainder import AdiabaticRemainder, adiabatic_remainder
from anticrossing.analysis.coherent_split import CoherentIncoherentSplit, coherent_incoherent_split
from anticrossing.analysis.coupling_peak import CouplingPeak, coupling_peak
from anticrossing.analysis.decay import DecayRates, decay_rates
from anticrossing.analysis.decoherence import DecoherenceRegime, decoherence_regime
from anticrossing.analysis.impulse import adiabatic_impulse
from anticrossing.analysis.impulse_result import AdiabaticImpulse, ImpulsePassage
from anticrossing.analysis.intersection_passage import IntersectionPassage, intersection_passage
from anticrossing.analysis.lindblad_structure import (
    LindbladStructure,
    lindblad_structure,
    lindblad_structure_at,
)
from anticrossing.analysis.lindbladian import (
    canonical_gauge,
    gauge_transform,
    lindblad_operators,
    lindbladian,
)
from anticrossing.analysis.linear_sweep import LinearSweepConstraints, linear_sweep_constraints
from anticrossing.analysis.meetings import PassageEvent
from anticrossing.analysis.offers import PassagePrediction
from anticrossing.analysis.parallel_transport import ParallelTransport, parallel_transport
from anticrossing.analysis.passage import Passage, passage
from anticrossing.analysis.sensitivity import Sensitivity

__all__ = [
    "AdiabaticExpansion",
    "AdiabaticImpulse",
    "AdiabaticRemainder",
    "CoherentIncoherentSplit",
    "CouplingPeak",
    "DecayRates",
    "DecoherenceRegime",
    "ImpulsePassage",
    "IntersectionPassage",
    "LindbladStructure",
    "ParallelTransport",
    "LinearSweepConstraints",
    "Passage",
    "PassageEvent",
    "PassagePrediction",
    "Sensitivity",
    "adiabatic_expansion",
    "adiabatic_impulse",
    "adiabatic_remainder",
    "canonical_gauge",
    "coherent_incoherent_split",
    "coupling_peak",
    "decay_rates",
    "decoherence_regime",
    "gauge_transform",
    "intersection_passage",
    "lindblad_operators",
    "lindblad_structure",
    "lindblad_structure_at",
    "lindbladian",
    "parallel_transport",
    "linear_sweep_constraints",
    "passage",
]

guard(__name__)
