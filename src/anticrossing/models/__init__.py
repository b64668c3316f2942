"""Hamiltonians with a name and a paper; `MODELS` lists them for experiment files."""

from __future__ import annotations

from collections.abc import Callable

from anticrossing.hamiltonian import TermHamiltonian
from anticrossing.models.annealing import Annealing, Grover, ising_problem, transverse_field_driver
from anticrossing.models.landau_zener import LandauZener
from anticrossing.models.lattice import (
    BlochBands,
    TransverseIsing,
    TransverseIsingMode,
    ising_momenta,
)
from anticrossing.models.molecular import SODIUM_IODIDE_MASS, SodiumIodide
from anticrossing.models.multilevel import BowTie, DemkovOsherov
from anticrossing.models.qubit import FluxQubit
from anticrossing.models.spin import SpinInField, spin_matrices

MODELS: dict[str, Callable[..., TermHamiltonian]] = {
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
    "ising_momenta",
    "ising_problem",
    "spin_matrices",
    "transverse_field_driver",
    "MODELS",
    "SODIUM_IODIDE_MASS",
]
