"""Thermal rates through a crossing: closed forms, each with its domain, and from a Hamiltonian.

A rate enters with the checks that say where it holds. Probabilities of a single passage belong to
`anticrossing.formulas`.
"""

from anticrossing._core.public import guard
from anticrossing.molecules.rates.crossing_modes import CrossingModes, crossing_modes
from anticrossing.molecules.rates.golden_rules import fermi_golden_rule, spin_boson_golden_rule
from anticrossing.molecules.rates.intersystem_crossing import (
    harmonic_partition_ratio,
    intersystem_crossing_rate,
)
from anticrossing.molecules.rates.marcus import marcus, marcus_levich_jortner
from anticrossing.molecules.rates.microcanonical import microcanonical_rate
from anticrossing.molecules.rates.states import RovibrationalStates
from anticrossing.molecules.rates.through_crossing import rate_through_crossing
from anticrossing.molecules.rates.transmission import landau_zener_rate, landau_zener_transmission

__all__ = [
    "CrossingModes",
    "RovibrationalStates",
    "crossing_modes",
    "fermi_golden_rule",
    "harmonic_partition_ratio",
    "intersystem_crossing_rate",
    "landau_zener_rate",
    "landau_zener_transmission",
    "marcus",
    "marcus_levich_jortner",
    "microcanonical_rate",
    "rate_through_crossing",
    "spin_boson_golden_rule",
]

# What leaves the double range on the way is refused or harmless in the end, without noise.
guard(__name__, quiet=True)
