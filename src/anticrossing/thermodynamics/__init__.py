"""Work, heat and entropy of driven levels that meet finite reservoirs.

What enters counts one of the three, or the states that they follow from.

`DrivenLevel` is one Fermi level driven through a reservoir, as a chain of Landau-Zener crossings
and exactly; `MarkovChain` is stochastic thermodynamics in discrete time for any number of states
and reservoirs, with trajectories, counting and cycles; `TwoPointStatistics` counts what any
quadratic Hamiltonian does to free fermions.
"""

from anticrossing._core.public import guard
from anticrossing.thermodynamics.atoms import AtomicStatistics
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.chain_work import ChainWorkStatistics
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.crossing_events import CrossingEvents, crossing_sequence
from anticrossing.thermodynamics.cycles import level_cycle, otto_cycle
from anticrossing.thermodynamics.dissipation import entropy_production
from anticrossing.thermodynamics.driven_level import DrivenLevel
from anticrossing.thermodynamics.enumeration import enumerate_transitions
from anticrossing.thermodynamics.equilibrium import (
    binary_entropy,
    binary_relative_entropy,
    fermi,
    grand_potential,
)
from anticrossing.thermodynamics.exact import ExactLedger
from anticrossing.thermodynamics.fluctuation import (
    EntropyProduction,
    crooks_deviation,
    entropy_production_statistics,
    jarzynski_ratio,
)
from anticrossing.thermodynamics.golden_rule import (
    GoldenRuleRates,
    GoldenRuleSolution,
    golden_rule_occupations,
    golden_rule_rates,
)
from anticrossing.thermodynamics.inversion import (
    lattice_atoms,
    smoothed_density,
    smoothed_log_density,
)
from anticrossing.thermodynamics.markov import MarkovChain
from anticrossing.thermodynamics.markov_counting import CountingStatistics
from anticrossing.thermodynamics.markov_cycle import CyclePerformance
from anticrossing.thermodynamics.markov_ledger import MarkovLedger, MarkovTotals
from anticrossing.thermodynamics.markov_scaled import ScaledCounting
from anticrossing.thermodynamics.markov_trajectories import MarkovTrajectories
from anticrossing.thermodynamics.modes import Transitions
from anticrossing.thermodynamics.reservoirs import Reservoir
from anticrossing.thermodynamics.sampling import sample_transitions
from anticrossing.thermodynamics.sequential_crossings import SequentialCrossings, SequentialLedger
from anticrossing.thermodynamics.slow_limit import thermodynamic_length
from anticrossing.thermodynamics.work import WorkDistribution, WorkStatistics

__all__ = [
    "AtomicStatistics",
    "ChainLedger",
    "ChainWorkStatistics",
    "CountingStatistics",
    "CrossingEvents",
    "CyclePerformance",
    "DrivenLevel",
    "EntropyProduction",
    "ExactLedger",
    "GoldenRuleRates",
    "GoldenRuleSolution",
    "LandauZenerChain",
    "MarkovChain",
    "MarkovLedger",
    "MarkovTotals",
    "MarkovTrajectories",
    "Reservoir",
    "ScaledCounting",
    "SequentialCrossings",
    "SequentialLedger",
    "Transitions",
    "TwoPointStatistics",
    "WorkDistribution",
    "WorkStatistics",
    "binary_entropy",
    "binary_relative_entropy",
    "crooks_deviation",
    "crossing_sequence",
    "entropy_production",
    "entropy_production_statistics",
    "enumerate_transitions",
    "fermi",
    "golden_rule_occupations",
    "golden_rule_rates",
    "grand_potential",
    "jarzynski_ratio",
    "lattice_atoms",
    "level_cycle",
    "otto_cycle",
    "sample_transitions",
    "smoothed_density",
    "smoothed_log_density",
    "thermodynamic_length",
]

guard(__name__)
