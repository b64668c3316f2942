"""Control of a passage: counterdiabatic driving, local adiabatic schedules, optimal rates.

What enters returns a drive, a schedule or a Hamiltonian that keeps a system on its level.
"""

from anticrossing._core.public import guard
from anticrossing.control.counterdiabatic import (
    Counterdiabatic,
    adiabatic_gauge_potential,
    counterdiabatic,
    two_level_counterdiabatic,
)
from anticrossing.control.optimal_rate import OptimalRate, optimal_rate
from anticrossing.control.schedules import LocalAdiabatic, local_adiabatic_schedule

__all__ = [
    "Counterdiabatic",
    "LocalAdiabatic",
    "OptimalRate",
    "adiabatic_gauge_potential",
    "counterdiabatic",
    "local_adiabatic_schedule",
    "optimal_rate",
    "two_level_counterdiabatic",
]

guard(__name__)
