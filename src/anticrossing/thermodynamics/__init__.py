"""Work, heat and entropy of driven levels that meet finite reservoirs.

What enters counts one of the three, or the states that they follow from.

`DrivenLevel` is one Fermi level driven through a reservoir, as a chain of Landau-Zener crossings
and exactly; `MarkovChain` is stochastic thermodynamics in discrete time for any number of states
and reservoirs; `Junction` is levels between several reservoirs of free fermions, exactly;
`TwoPointStatistics` counts what any quadratic Hamiltonian does to free fermions.
"""

from anticrossing._core.public import guard
from anticrossing.thermodynamics.atoms import AtomicStatistics as AtomicStatistics
from anticrossing.thermodynamics.breit_wigner import transmission as transmission
from anticrossing.thermodynamics.chain import LandauZenerChain as LandauZenerChain
from anticrossing.thermodynamics.chain_ledger import ChainLedger as ChainLedger
from anticrossing.thermodynamics.chain_work import ChainWorkStatistics as ChainWorkStatistics
from anticrossing.thermodynamics.counting import TwoPointStatistics as TwoPointStatistics
from anticrossing.thermodynamics.crossing_events import (
    CrossingEvents as CrossingEvents,
    crossing_sequence as crossing_sequence,
)
from anticrossing.thermodynamics.cycles import level_cycle as level_cycle, otto_cycle as otto_cycle
from anticrossing.thermodynamics.dense import DenseLimit as DenseLimit, dense_limit as dense_limit
from anticrossing.thermodynamics.dissipation import entropy_production as entropy_production
from anticrossing.thermodynamics.driven_level import DrivenLevel as DrivenLevel
from anticrossing.thermodynamics.enumeration import enumerate_transitions as enumerate_transitions
from anticrossing.thermodynamics.equilibrium import (
    binary_entropy as binary_entropy,
    binary_relative_entropy as binary_relative_entropy,
    fermi as fermi,
    grand_potential as grand_potential,
)
from anticrossing.thermodynamics.exact import ExactLedger as ExactLedger
from anticrossing.thermodynamics.fluctuation import (
    EntropyProduction as EntropyProduction,
    crooks_deviation as crooks_deviation,
    entropy_production_statistics as entropy_production_statistics,
    jarzynski_ratio as jarzynski_ratio,
)
from anticrossing.thermodynamics.fluctuation_ratio import (
    FluctuationRatio as FluctuationRatio,
    fluctuation_ratio as fluctuation_ratio,
)
from anticrossing.thermodynamics.golden_rule import (
    GoldenRuleRates as GoldenRuleRates,
    GoldenRuleSolution as GoldenRuleSolution,
    golden_rule_occupations as golden_rule_occupations,
    golden_rule_rates as golden_rule_rates,
)
from anticrossing.thermodynamics.inversion import (
    lattice_atoms as lattice_atoms,
    smoothed_density as smoothed_density,
    smoothed_log_density as smoothed_log_density,
)
from anticrossing.thermodynamics.junction import Junction as Junction
from anticrossing.thermodynamics.leads import Lead as Lead
from anticrossing.thermodynamics.levitov_lesovik import LevitovLesovik as LevitovLesovik
from anticrossing.thermodynamics.markov import MarkovChain as MarkovChain
from anticrossing.thermodynamics.markov_counting import CountingStatistics as CountingStatistics
from anticrossing.thermodynamics.markov_cycle import CyclePerformance as CyclePerformance
from anticrossing.thermodynamics.markov_ledger import (
    MarkovLedger as MarkovLedger,
    MarkovTotals as MarkovTotals,
)
from anticrossing.thermodynamics.markov_scaled import ScaledCounting as ScaledCounting
from anticrossing.thermodynamics.markov_trajectories import MarkovTrajectories as MarkovTrajectories
from anticrossing.thermodynamics.modes import Transitions as Transitions
from anticrossing.thermodynamics.reservoirs import Reservoir as Reservoir
from anticrossing.thermodynamics.resting import (
    RestingLevel as RestingLevel,
    resting_level as resting_level,
)
from anticrossing.thermodynamics.sampling import sample_transitions as sample_transitions
from anticrossing.thermodynamics.scattering import (
    MultiTerminal as MultiTerminal,
    scattering_matrix as scattering_matrix,
)
from anticrossing.thermodynamics.sequential_crossings import (
    SequentialCrossings as SequentialCrossings,
)
from anticrossing.thermodynamics.sequential_exact import SequentialExact as SequentialExact
from anticrossing.thermodynamics.sequential_ledger import SequentialLedger as SequentialLedger
from anticrossing.thermodynamics.sequential_statistics import (
    SequentialStatistics as SequentialStatistics,
)
from anticrossing.thermodynamics.sequential_trajectories import (
    SequentialTrajectories as SequentialTrajectories,
)
from anticrossing.thermodynamics.slow_limit import thermodynamic_length as thermodynamic_length
from anticrossing.thermodynamics.trajectories import ChainTrajectories as ChainTrajectories
from anticrossing.thermodynamics.transport import TransportLedger as TransportLedger
from anticrossing.thermodynamics.wide_band import (
    WideBandSolution as WideBandSolution,
    wide_band_occupations as wide_band_occupations,
)
from anticrossing.thermodynamics.work import (
    WorkDistribution as WorkDistribution,
    WorkStatistics as WorkStatistics,
)

guard(__name__)
