"""Several states of one state-averaged CASSCF wave function, by PySCF."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray, check_flag, fail, integer
from anticrossing.molecules.ab_initio.wavefunctions import pyscf, state_overlaps
from anticrossing.molecules.electronic.base import StatePoint
from anticrossing.molecules.electronic.programs import AtomicStates

_ENERGY = 1e-10
_ORBITALS = 1e-6


class CasscfStates(AtomicStates):
    """Singlet states of a state-averaged CASSCF, with overlaps or couplings (the extra ``pyscf``).

    Each point starts from the orbitals of the point before it, which keeps the active space.

    Parameters
    ----------
    mol : pyscf.gto.Mole
        The molecule without symmetry; its geometry is `start`.
    active_electrons, active_orbitals : int
        The active space, about the Fermi level of Hartree-Fock.
    states : int
        How many, with equal weights.
    couplings : bool
        Whether to compute ``⟨φ_i|∂φ_j⟩`` by response, which costs about as much as the gradients.
        Overlaps are always there.
    largest_jump, least_overlap : float, optional
        See `ElectronicStates`; hartree.

    Raises
    ------
    MissingExtraError
        Without PySCF.
    InputError
        For a molecule with symmetry, or an active space that cannot be.

    References
    ----------
    F. Plasser et al., J. Chem. Theory Comput. 12, 1207 (2016), overlaps; I. F. Galván et al.,
    J. Chem. Theory Comput. 12, 3636 (2016), couplings of a state average.
    """

    def __init__(
        self,
        mol: Any,
        *,
        active_electrons: int,
        active_orbitals: int,
        states: int = 2,
        couplings: bool = False,
        largest_jump: float | None = None,
        least_overlap: float | None = None,
    ) -> None:
        kind = pyscf("gto").Mole
        if not isinstance(mol, kind):
            raise fail("mol", "be a pyscf.gto.Mole", f"it is a {type(mol).__name__}")
        if mol.symmetry:
            raise fail("mol", "be built without symmetry", "it has one")
        self._electrons = integer("active_electrons", active_electrons, minimum=1)
        self._orbitals = integer("active_orbitals", active_orbitals, minimum=1)
        if self._electrons > min(2 * self._orbitals, mol.nelectron):
            most = min(2 * self._orbitals, mol.nelectron)
            raise fail("active_electrons", f"be at most {most}", f"it is {active_electrons}")
        self.dimension = integer("states", states, minimum=1)
        self._couplings = check_flag("couplings", couplings)
        self.provides = "both" if self._couplings else "overlaps"
        self._mol = mol.copy()
        names = [mol.atom_pure_symbol(k) for k in range(mol.natm)]
        self._describe(names, mol.atom_mass_list(isotope_avg=False), mol.atom_coords())
        self.guards(largest_jump, least_overlap)

    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        solver = self._converged(position, before)
        gradients = [
            np.ravel(solver.nuc_grad_method().kernel(state=k)) for k in range(self.dimension)
        ]
        couplings = overlaps = None
        if self._couplings:
            couplings = self._nonadiabatic(solver)
        if before is not None:
            overlaps = state_overlaps(self._wave(before), solver)
        wave = {"orbitals": np.array(solver.mo_coeff), "ci": np.array(solver.ci)}
        energies = np.array(solver.e_states)
        return StatePoint(position, energies, np.array(gradients), couplings, overlaps, wave)

    def _converged(self, position: FloatArray, before: StatePoint | None) -> Any:
        scf, mcscf = pyscf("scf"), pyscf("mcscf")
        field = scf.RHF(self._at(position))
        field.conv_tol = 1e-12
        field.verbose = 0
        field.kernel()
        solver = mcscf.CASSCF(field, self._orbitals, self._electrons)
        solver.fix_spin_(ss=0)
        solver = solver.state_average([1 / self.dimension] * self.dimension)
        solver.conv_tol, solver.conv_tol_grad = _ENERGY, _ORBITALS
        solver.fcisolver.conv_tol = 1e-13
        solver.max_cycle_macro = 200
        guess = None
        if before is not None:
            old = self._wave(before)
            guess = mcscf.project_init_guess(solver, old.mo_coeff, old.mol)
        solver.kernel(guess)
        if not solver.converged:
            raise ConvergenceError(f"CASSCF did not converge at {position}.")
        if before is not None:
            new = solver.ci
            signs = np.sign(np.diag(state_overlaps(self._wave(before), solver)))
            solver.ci = [c if s >= 0 else -c for c, s in zip(new, signs, strict=True)]
        return solver

    def _nonadiabatic(self, solver: Any) -> FloatArray:
        method = pyscf("nac.sacasscf").NonAdiabaticCouplings
        n, f = self.dimension, len(self.coordinates)
        found = np.zeros((f, n, n))
        for i in range(n):
            for j in range(i + 1, n):
                found[:, i, j] = np.ravel(method(solver).kernel(state=(i, j), use_etfs=False))
                found[:, j, i] = -found[:, i, j]
        return found

    def _at(self, position: FloatArray) -> Any:
        mol = self._mol.copy()
        mol.set_geom_(position.reshape(-1, 3), unit="bohr")
        return mol

    def _wave(self, point: StatePoint) -> Any:
        """Return what `state_overlaps` reads of a calculation, made from its arrays."""
        active = self._electrons // 2
        core = (self._mol.nelectron - self._electrons) // 2
        return SimpleNamespace(
            mol=self._at(point.position),
            mo_coeff=point.wave["orbitals"],
            ci=list(point.wave["ci"]),
            ncore=core,
            ncas=self._orbitals,
            nelecas=(self._electrons - active, active),
        )

    def __repr__(self) -> str:
        space = f"{self._electrons}, {self._orbitals}"
        return f"CasscfStates(CAS({space}), {self._mol.basis!r}, {self.dimension} states)"
