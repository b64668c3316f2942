"""Hamiltonians with a name and a paper; `MODELS` lists them for experiment files.

A model enters as a function of keywords that returns a `Hamiltonian`. It knows no dynamics.
"""

from __future__ import annotations

from collections.abc import Callable

from anticrossing._core.public import guard
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.annealer import Annealer as Annealer
from anticrossing.models.annealing import (
    Annealing as Annealing,
    Grover as Grover,
    ising_problem as ising_problem,
    transverse_field_driver as transverse_field_driver,
)
from anticrossing.models.atoms import (
    LambdaSystem as LambdaSystem,
    NVCentre as NVCentre,
    RydbergChain as RydbergChain,
    RydbergPair as RydbergPair,
)
from anticrossing.models.circuits import CoupledTransmons as CoupledTransmons, Transmon as Transmon
from anticrossing.models.condensates import (
    AtomMolecule as AtomMolecule,
    BoseHubbardDimer as BoseHubbardDimer,
    TwoModeCondensate as TwoModeCondensate,
)
from anticrossing.models.conical import (
    ConicalIntersection as ConicalIntersection,
    JahnTeller as JahnTeller,
)
from anticrossing.models.landau_zener import LandauZener as LandauZener
from anticrossing.models.lattice import (
    BlochBands as BlochBands,
    TransverseIsing as TransverseIsing,
    TransverseIsingMode as TransverseIsingMode,
    ising_momenta as ising_momenta,
)
from anticrossing.models.molecular import (
    SODIUM_IODIDE_MASS as SODIUM_IODIDE_MASS,
    SodiumIodide as SodiumIodide,
)
from anticrossing.models.multilevel import BowTie as BowTie, DemkovOsherov as DemkovOsherov
from anticrossing.models.operator_file import (
    OperatorModel as OperatorModel,
    read_operator as read_operator,
    write_operator as write_operator,
)
from anticrossing.models.qubit import FluxQubit as FluxQubit
from anticrossing.models.retinal import RETINAL_MASSES as RETINAL_MASSES, Retinal as Retinal
from anticrossing.models.sharc import (
    SharcModel as SharcModel,
    read_sharc as read_sharc,
    write_sharc as write_sharc,
)
from anticrossing.models.spin import SpinInField as SpinInField, spin_matrices as spin_matrices
from anticrossing.models.spin_boson import SpinBoson as SpinBoson
from anticrossing.models.spin_orbit import SingletTripletCrossing as SingletTripletCrossing
from anticrossing.models.tully import (
    TULLY_MASS as TULLY_MASS,
    TullyDual as TullyDual,
    TullyExtended as TullyExtended,
    TullySimple as TullySimple,
)
from anticrossing.models.vibronic_coupling import (
    Pyrazine as Pyrazine,
    VibronicCoupling as VibronicCoupling,
)
from anticrossing.models.xyz import write_xyz as write_xyz

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


guard(__name__)
