"""The whole analysis of a sweep: crossings met, closed forms with their domain, exact answer.

What enters joins several rooms: spectrum, formulas and dynamics.
"""

from anticrossing._core.public import guard
from anticrossing.analysis.adiabatic_expansion import (
    AdiabaticExpansion as AdiabaticExpansion,
    adiabatic_expansion as adiabatic_expansion,
)
from anticrossing.analysis.adiabatic_remainder import (
    AdiabaticRemainder as AdiabaticRemainder,
    adiabatic_remainder as adiabatic_remainder,
)
from anticrossing.analysis.coherent_split import (
    CoherentIncoherentSplit as CoherentIncoherentSplit,
    coherent_incoherent_split as coherent_incoherent_split,
)
from anticrossing.analysis.coupling_peak import (
    CouplingPeak as CouplingPeak,
    coupling_peak as coupling_peak,
)
from anticrossing.analysis.decay import DecayRates as DecayRates, decay_rates as decay_rates
from anticrossing.analysis.decoherence import (
    DecoherenceRegime as DecoherenceRegime,
    decoherence_regime as decoherence_regime,
)
from anticrossing.analysis.impulse import adiabatic_impulse as adiabatic_impulse
from anticrossing.analysis.impulse_result import (
    AdiabaticImpulse as AdiabaticImpulse,
    ImpulsePassage as ImpulsePassage,
)
from anticrossing.analysis.intersection_passage import (
    IntersectionPassage as IntersectionPassage,
    intersection_passage as intersection_passage,
)
from anticrossing.analysis.lindblad_structure import (
    LindbladStructure as LindbladStructure,
    lindblad_structure as lindblad_structure,
    lindblad_structure_at as lindblad_structure_at,
)
from anticrossing.analysis.lindbladian import (
    canonical_gauge as canonical_gauge,
    gauge_transform as gauge_transform,
    lindblad_operators as lindblad_operators,
    lindbladian as lindbladian,
)
from anticrossing.analysis.linear_sweep import (
    LinearSweepConstraints as LinearSweepConstraints,
    linear_sweep_constraints as linear_sweep_constraints,
)
from anticrossing.analysis.meetings import PassageEvent as PassageEvent
from anticrossing.analysis.offers import PassagePrediction as PassagePrediction
from anticrossing.analysis.parallel_transport import (
    ParallelTransport as ParallelTransport,
    parallel_transport as parallel_transport,
)
from anticrossing.analysis.passage import Passage as Passage, passage as passage
from anticrossing.analysis.sensitivity import Sensitivity as Sensitivity

guard(__name__)
