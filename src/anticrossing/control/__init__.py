"""Control of a passage: counterdiabatic driving, local adiabatic schedules, optimal speeds.

What enters answers how to drive, and returns a drive, a Hamiltonian, a rate or speeds.
"""

from anticrossing._core.public import guard
from anticrossing.control.counterdiabatic import (
    Counterdiabatic as Counterdiabatic,
    adiabatic_gauge_potential as adiabatic_gauge_potential,
    counterdiabatic as counterdiabatic,
    two_level_counterdiabatic as two_level_counterdiabatic,
)
from anticrossing.control.least_dissipation import (
    LeastDissipation as LeastDissipation,
    least_dissipation as least_dissipation,
    least_dissipation_protocol as least_dissipation_protocol,
)
from anticrossing.control.minimum_time import (
    MinimumTime as MinimumTime,
    minimum_time as minimum_time,
)
from anticrossing.control.optimal_drive import (
    OptimalDrive as OptimalDrive,
    optimal_drive as optimal_drive,
)
from anticrossing.control.optimal_rate import (
    OptimalRate as OptimalRate,
    optimal_rate as optimal_rate,
)
from anticrossing.control.schedules import (
    LocalAdiabatic as LocalAdiabatic,
    local_adiabatic_schedule as local_adiabatic_schedule,
)
from anticrossing.control.sequences import (
    CompositePassage as CompositePassage,
    DoublePassage as DoublePassage,
    composite_passage as composite_passage,
    composite_phases as composite_phases,
    double_passage as double_passage,
)
from anticrossing.control.speed_limits import SpeedLimit as SpeedLimit, speed_limit as speed_limit
from anticrossing.control.targets import (
    GateTarget as GateTarget,
    PopulationTarget as PopulationTarget,
    StateTarget as StateTarget,
    Target as Target,
)

guard(__name__)
