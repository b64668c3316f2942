"""Control of a passage: counterdiabatic driving, local adiabatic schedules, optimal speeds.

What enters answers how to drive, and returns a drive, a Hamiltonian, a rate or speeds.
"""

from anticrossing._core.public import guard
from anticrossing.control.counterdiabatic import (
    Counterdiabatic,
    adiabatic_gauge_potential,
    counterdiabatic,
    two_level_counterdiabatic,
)
from anticrossing.control.least_dissipation import (
    LeastDissipation,
    least_dissipation,
    least_dissipation_protocol,
)
from anticrossing.control.minimum_time import MinimumTime, minimum_time
from anticrossing.control.optimal_drive import OptimalDrive, optimal_drive
from anticrossing.control.optimal_rate import OptimalRate, optimal_rate
from anticrossing.control.schedules import LocalAdiabatic, local_adiabatic_schedule
from anticrossing.control.sequences import (
    CompositePassage,
    DoublePassage,
    composite_passage,
    composite_phases,
    double_passage,
)
from anticrossing.control.speed_limits import SpeedLimit, speed_limit
from anticrossing.control.targets import GateTarget, PopulationTarget, StateTarget, Target

__all__ = [
    "CompositePassage",
    "Counterdiabatic",
    "DoublePassage",
    "LeastDissipation",
    "LocalAdiabatic",
    "GateTarget",
    "MinimumTime",
    "OptimalDrive",
    "OptimalRate",
    "PopulationTarget",
    "SpeedLimit",
    "StateTarget",
    "Target",
    "adiabatic_gauge_potential",
    "composite_passage",
    "composite_phases",
    "counterdiabatic",
    "double_passage",
    "least_dissipation",
    "least_dissipation_protocol",
    "local_adiabatic_schedule",
    "minimum_time",
    "optimal_drive",
    "optimal_rate",
    "speed_limit",
    "two_level_counterdiabatic",
]

guard(__name__)
