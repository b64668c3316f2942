"""Work, heat and entropy of driven levels that meet finite reservoirs.

What enters counts one of the three, or the states that they follow from.

`DrivenLevel` is one Fermi level driven through a reservoir, as a chain of Landau-Zener crossings
and exactly; `MarkovChain` is stochastic thermodynamics in discrete time for any number of states
and reservoirs; `Junction` is levels between several reservoirs of free fermions, exactly;
`TwoPointStatistics` counts what any quadratic Hamiltonian does to free fermions.
and reservoirs, with trajectories, counting and cycles; `TwoPointStatistics` counts what any
quadratic Hamiltonian does to free fermions.
"""

from anticrossing._core.public import guard
from anticrossing.thermodynamics.atoms import AtomicStatistics
from anticrossing.thermodynamics.breit_wigner import transmission
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.chain_work import ChainWorkStatistics
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.crossing_events import CrossingEvents, crossing_sequence
from anticrossing.thermodynamics.cycles import level_cycle, otto_cycle
from anticrossing.thermodynamics.dense import DenseLimit, dense_limit
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
from anticrossing.thermodynamics.fluctuation_ratio import FluctuationRatio, fluctuation_ratio
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
from anticrossing.thermodynamics.junction import Junction
from anticrossing.thermodynamics.leads import Lead
from anticrossing.thermodynamics.levitov_lesovik import LevitovLesovik
from anticrossing.thermodynamics.markov import MarkovChain
from anticrossing.thermodynamics.markov_counting import CountingStatistics
from anticrossing.thermodynamics.markov_cycle import CyclePerformance
from anticrossing.thermodynamics.markov_ledger import MarkovLedger, MarkovTotals
from anticrossing.thermodynamics.markov_scaled import ScaledCounting
from anticrossing.thermodynamics.markov_trajectories import MarkovTrajectories
from anticrossing.thermodynamics.modes import Transitions
from anticrossing.thermodynamics.reservoirs import Reservoir
from anticrossing.thermodynamics.resting import RestingLevel, resting_level
from anticrossing.thermodynamics.sampling import sample_transitions
from anticrossing.thermodynamics.scattering import MultiTerminal, scattering_matrix
from anticrossing.thermodynamics.sequential_crossings import SequentialCrossings
from anticrossing.thermodynamics.sequential_exact import SequentialExact
from anticrossing.thermodynamics.sequential_ledger import SequentialLedger
from anticrossing.thermodynamics.sequential_statistics import SequentialStatistics
from anticrossing.thermodynamics.sequential_trajectories import SequentialTrajectories
from anticrossing.thermodynamics.slow_limit import thermodynamic_length
from anticrossing.thermodynamics.trajectories import ChainTrajectories
from anticrossing.thermodynamics.transport import TransportLedger
from anticrossing.thermodynamics.wide_band import WideBandSolution, wide_band_occupations
from anticrossing.thermodynamics.work import WorkDistribution, WorkStatistics

__all__ = [
    "AtomicStatistics",
    "ChainLedger",
    "ChainTrajectories",
    "ChainWorkStatistics",
    "CountingStatistics",
    "CrossingEvents",
    "CyclePerformance",
    "DenseLimit",
    "DrivenLevel",
    "EntropyProduction",
    "ExactLedger",
    "FluctuationRatio",
    "GoldenRuleRates",
    "GoldenRuleSolution",
    "Junction",
    "LandauZenerChain",
    "Lead",
    "LevitovLesovik",
    "MarkovChain",
    "MarkovLedger",
    "MarkovTotals",
    "MarkovTrajectories",
    "MultiTerminal",
    "Reservoir",
    "ScaledCounting",
    "RestingLevel",
    "SequentialCrossings",
    "SequentialExact",
    "SequentialLedger",
    "SequentialStatistics",
    "SequentialTrajectories",
    "Transitions",
    "TransportLedger",
    "TwoPointStatistics",
    "WideBandSolution",
    "WorkDistribution",
    "WorkStatistics",
    "binary_entropy",
    "binary_relative_entropy",
    "crooks_deviation",
    "crossing_sequence",
    "dense_limit",
    "entropy_production",
    "entropy_production_statistics",
    "enumerate_transitions",
    "fermi",
    "fluctuation_ratio",
    "golden_rule_occupations",
    "golden_rule_rates",
    "grand_potential",
    "jarzynski_ratio",
    "lattice_atoms",
    "level_cycle",
    "otto_cycle",
    "sample_transitions",
    "scattering_matrix",
    "smoothed_density",
    "smoothed_log_density",
    "thermodynamic_length",
    "resting_level",
    "transmission",
    "wide_band_occupations",
]

guard(__name__)
