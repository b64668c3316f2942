"""Levels, couplings and diabats from electronic-structure programs.

What enters calls such a program, or turns its output into data for `anticrossing.geometry`.
"""

from anticrossing._core.public import guard
from anticrossing.molecules.ab_initio.casscf import (
    ATOMIC_UNITS,
    bond_couplings,
    bond_scan,
    casscf_at,
)
from anticrossing.molecules.ab_initio.collision import DiabaticCrossing, diabatic_crossing
from anticrossing.molecules.ab_initio.derivatives import surfaces_of_outputs
from anticrossing.molecules.ab_initio.outputs import scan_of_outputs
from anticrossing.molecules.ab_initio.spin_orbit import SpinOrbitElements, spin_orbit_of_output
from anticrossing.molecules.ab_initio.wavefunctions import state_dipoles, state_overlaps

__all__ = [
    "ATOMIC_UNITS",
    "DiabaticCrossing",
    "SpinOrbitElements",
    "bond_couplings",
    "bond_scan",
    "casscf_at",
    "diabatic_crossing",
    "scan_of_outputs",
    "spin_orbit_of_output",
    "state_dipoles",
    "state_overlaps",
    "surfaces_of_outputs",
]

guard(__name__)
