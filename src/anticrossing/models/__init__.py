"""Hamiltonians with a name and a paper; `MODELS` lists them for experiment files.

A model enters as a function of keywords that returns a `Hamiltonian`. It knows no dynamics.
"""

from __future__ import annotations

from collections.abc import Callable

from anticrossing._core.public import guard
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.annealer import Annealer
from anticrossing.models.annealing import Annealing, Grover, ising_problem, transverse_field_driver
from anticrossing.models.atoms import LambdaSystem, NVCentre, RydbergChain, RydbergPair
from anticrossing.models.circuits import CoupledTransmons, Transmon
from anticrossing.models.condensates import AtomMolecule, BoseHubbardDimer, TwoModeCondensate
from anticrossing.models.conical import ConicalIntersection, JahnTeller
from anticrossing.models.landau_zener import LandauZener
from anticrossing.models.lattice import (
    BlochBands,
    TransverseIsing,
    TransverseIsingMode,
    ising_momenta,
)
from anticrossing.models.molecular import SODIUM_IODIDE_MASS, SodiumIodide
from anticrossing.models.multilevel import BowTie, DemkovOsherov
from anticrossing.models.operator_file import OperatorModel, read_operator, write_operator
from anticrossing.models.qubit import FluxQubit
from anticrossing.models.retinal import RETINAL_MASSES, Retinal
from anticrossing.models.sharc import SharcModel, read_sharc, write_sharc
from anticrossing.models.spin import SpinInField, spin_matrices
from anticrossing.models.spin_boson import SpinBoson
from anticrossing.models.spin_orbit import SingletTripletCrossing
from anticrossing.models.tully import TULLY_MASS, TullyDual, TullyExtended, TullySimple
from anticrossing.models.vibronic_coupling import Pyrazine, VibronicCoupling
from anticrossing.models.xyz import write_xyz

MODELS: dict[str, Callable[..., Hamiltonian]] = {
    "LandauZener": LandauZener,
    "DemkovOsherov": DemkovOsherov,
    "BowTie": BowTie,
    "SpinInField": SpinInField,
    "TransverseIsing": TransverseIsing,
    "TransverseIsingMode": TransverseIsingMode,
    "BlochBands": BlochBands,
    "Annealing": Annealing,
    "Grover": Grover,
    "SodiumIodide": SodiumIodide,
    "FluxQubit": FluxQubit,
    "ConicalIntersection": ConicalIntersection,
    "JahnTeller": JahnTeller,
    "VibronicCoupling": VibronicCoupling,
    "Pyrazine": Pyrazine,
    "Retinal": Retinal,
    "SingletTripletCrossing": SingletTripletCrossing,
    "TullySimple": TullySimple,
    "TullyDual": TullyDual,
    "TullyExtended": TullyExtended,
    "Transmon": Transmon,
    "CoupledTransmons": CoupledTransmons,
    "LambdaSystem": LambdaSystem,
    "RydbergPair": RydbergPair,
    "RydbergChain": RydbergChain,
    "NVCentre": NVCentre,
    "Annealer": Annealer,
    "BoseHubbardDimer": BoseHubbardDimer,
}
"""Every named model by its name."""

__all__ = [
    "LandauZener",
    "DemkovOsherov",
    "BowTie",
    "SpinInField",
    "TransverseIsing",
    "TransverseIsingMode",
    "BlochBands",
    "Annealing",
    "Grover",
    "SodiumIodide",
    "FluxQubit",
    "ConicalIntersection",
    "JahnTeller",
    "VibronicCoupling",
    "Pyrazine",
    "Retinal",
    "SingletTripletCrossing",
    "TullySimple",
    "TullyDual",
    "TullyExtended",
    "Transmon",
    "CoupledTransmons",
    "LambdaSystem",
    "RydbergPair",
    "RydbergChain",
    "NVCentre",
    "Annealer",
    "BoseHubbardDimer",
    "TwoModeCondensate",
    "AtomMolecule",
    "SpinBoson",
    "SharcModel",
    "OperatorModel",
    "read_operator",
    "read_sharc",
    "write_operator",
    "write_sharc",
    "write_xyz",
    "ising_momenta",
    "ising_problem",
    "spin_matrices",
    "transverse_field_driver",
    "MODELS",
    "RETINAL_MASSES",
    "SODIUM_IODIDE_MASS",
    "TULLY_MASS",
]

guard(__name__)
