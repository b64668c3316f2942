"""States of atoms from calculators of ASE, or from methods of PySCF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray, describe, fail, require
from anticrossing.molecules.electronic.base import ElectronicStates, StatePoint, atomic
from anticrossing.units import ENERGIES, LENGTHS, MASSES, Units

_ATOMIC = Units("hartree", "atomic", "bohr")
_HARTREE = ENERGIES["hartree"] / ENERGIES["eV"]
_BOHR = LENGTHS["bohr"] / LENGTHS["angstrom"]
AMU = MASSES["amu"] / MASSES["electron"]


class AtomicStates(ElectronicStates):
    """States over the Cartesian coordinates of atoms, in hartree and bohr."""

    start: FloatArray
    """The geometry that was given, shape (3n,), bohr."""

    def _describe(self, elements: Sequence[str], masses: FloatArray, places: FloatArray) -> None:
        self.coordinates = atomic(list(elements))
        self.units = _ATOMIC
        self.masses = np.repeat(np.asarray(masses, dtype=np.float64) * AMU, 3)
        self.start = np.asarray(places, dtype=np.float64).ravel()


class AseStates(AtomicStates):
    """States of different spin or charge from calculators of ASE, one each (the extra ``ase``).

    Parameters
    ----------
    atoms : ase.Atoms
        The molecule; its positions are `start`, its masses `masses`. It is copied.
    calculators : sequence of ase calculators
        One for each state: energy and forces are asked of it.
    largest_jump, least_overlap : float, optional
        See `ElectronicStates`; hartree.

    Raises
    ------
    MissingExtraError
        Without ASE.
    InputError
        For something that is no `ase.Atoms`, or no calculators.

    Notes
    -----
    Energies are in hartree, coordinates in bohr, masses in electron masses: what ASE tells in eV
    and Å is converted. Nothing is known of couplings or overlaps.
    """

    def __init__(
        self,
        atoms: Any,
        calculators: Sequence[Any],
        *,
        largest_jump: float | None = None,
        least_overlap: float | None = None,
    ) -> None:
        kind = require("ase", "ase", "A calculator of ASE").Atoms
        if not isinstance(atoms, kind):
            raise fail("atoms", "be an ase.Atoms", f"it is {describe(atoms)}")
        if not isinstance(calculators, (list, tuple)) or not calculators:
            raise fail("calculators", "be a list, one for each state", f"it is {calculators!r}")
        for one in calculators:
            if not hasattr(one, "get_potential_energy"):
                raise fail("calculators", "be calculators of ASE", f"one is {describe(one)}")
        self._atoms, self._calculators = atoms.copy(), tuple(calculators)
        self.dimension = len(calculators)
        self._describe(
            atoms.get_chemical_symbols(), atoms.get_masses(), atoms.get_positions() / _BOHR
        )
        self.guards(largest_jump, least_overlap)

    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        energies, gradients = [], []
        for calculator in self._calculators:
            atoms = self._atoms.copy()
            atoms.set_positions(position.reshape(-1, 3) * _BOHR)
            atoms.calc = calculator
            try:
                energies.append(atoms.get_potential_energy() / _HARTREE)
                gradients.append(-atoms.get_forces().ravel() * (_BOHR / _HARTREE))
            except Exception as error:  # of a program: anything
                raise _failed(type(calculator).__name__, error) from error
        return StatePoint(position, np.array(energies), np.array(gradients))

    def __repr__(self) -> str:
        names = ", ".join(type(one).__name__ for one in self._calculators)
        return f"AseStates({self._atoms.get_chemical_formula()}, {names})"


class PyscfStates(AtomicStates):
    """States of one molecule, each from its own method of PySCF (the extra ``pyscf``).

    Parameters
    ----------
    methods : sequence
        One for each state, of the same atoms: Hartree-Fock, density functional or other objects
        that have gradients (``nuc_grad_method``), as RHF for a singlet and UHF with two unpaired
        electrons for a triplet. Each starts from its own last density.
    largest_jump, least_overlap : float, optional
        See `ElectronicStates`; hartree.

    Raises
    ------
    MissingExtraError
        Without PySCF.
    InputError
        For methods without gradients or of different atoms.

    Notes
    -----
    See `CasscfStates` for several states of one wave function, with their couplings.
    """

    def __init__(
        self,
        methods: Sequence[Any],
        *,
        largest_jump: float | None = None,
        least_overlap: float | None = None,
    ) -> None:
        require("pyscf", "pyscf", "A method of PySCF")
        if not isinstance(methods, (list, tuple)) or not methods:
            raise fail("methods", "be a list, one for each state", f"it is {describe(methods)}")
        for one in methods:
            if not hasattr(one, "nuc_grad_method"):
                raise fail("methods", "have gradients", f"one is {describe(one)}")
        mol = methods[0].mol
        names = [mol.atom_pure_symbol(k) for k in range(mol.natm)]
        for one in methods[1:]:
            others = [one.mol.atom_pure_symbol(k) for k in range(one.mol.natm)]
            if others != names or not np.allclose(one.mol.atom_coords(), mol.atom_coords()):
                raise fail("methods", "be of the same atoms", f"one has {' '.join(others)}")
        self._mols = [one.mol.copy() for one in methods]
        self._scanners = [one.nuc_grad_method().as_scanner() for one in methods]
        self._names = [type(one).__name__ for one in methods]
        self.dimension = len(methods)
        self._describe(names, mol.atom_mass_list(isotope_avg=False), mol.atom_coords())
        self.guards(largest_jump, least_overlap)

    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        energies, gradients = [], []
        for mol, scanner, name in zip(self._mols, self._scanners, self._names, strict=True):
            mol = mol.copy()
            mol.set_geom_(position.reshape(-1, 3), unit="bohr")
            try:
                energy, gradient = scanner(mol)
            except Exception as error:  # of a program: anything
                raise _failed(name, error) from error
            if not getattr(scanner, "converged", True):
                raise ConvergenceError(f"{name} of PySCF did not converge at {position}.")
            energies.append(float(energy))
            gradients.append(np.ravel(gradient))
        return StatePoint(position, np.array(energies), np.array(gradients))

    def __repr__(self) -> str:
        mol = self._mols[0]
        return f"PyscfStates({'-'.join(self._names)}, {mol.basis!r}, {mol.natm} atoms)"


def _failed(name: str, error: Exception) -> ConvergenceError:
    return ConvergenceError(f"{name} failed: {type(error).__name__}: {str(error)[:200]}")
