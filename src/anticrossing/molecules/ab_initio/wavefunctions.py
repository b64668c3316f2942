"""Overlaps and dipoles of complete-active-space wave functions, from orbitals and CI vectors."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, require


def pyscf(module: str) -> Any:
    """Import a module of PySCF, or raise naming the extra."""
    return require(f"pyscf.{module}", "pyscf", "An ab initio calculation")


def state_overlaps(bra: Any, ket: Any) -> FloatArray:
    """Return ``S_ij = ⟨φ_i(bra)|φ_j(ket)⟩`` of two CASSCF calculations at different geometries.

    The overlap of two determinants is, for each spin, the determinant of the overlaps of their
    orbitals. With the core orbitals c in all of them and the active ones a it factorises exactly
    into ``det S_cc`` and minors of the Schur complement ``S_aa − S_ac S_cc⁻¹ S_ca``.

    Parameters
    ----------
    bra, ket : pyscf.mcscf.CASSCF
        Converged, state-averaged, with equal active spaces.

    Returns
    -------
    array, shape (m, m)

    References
    ----------
    F. Plasser et al., J. Chem. Theory Comput. 12, 1207 (2016).
    """
    gto = pyscf("gto")
    atomic = gto.intor_cross("int1e_ovlp", bra.mol, ket.mol)
    orbitals = bra.mo_coeff.T @ atomic @ ket.mo_coeff
    core, active = bra.ncore, slice(bra.ncore, bra.ncore + bra.ncas)
    inner = orbitals[:core, :core]
    outer = orbitals[active, active]
    factor = 1.0
    if core:
        outer = outer - orbitals[active, :core] @ np.linalg.solve(inner, orbitals[:core, active])
        factor = float(np.linalg.det(inner)) ** 2  # both spins
    alpha, beta = (_string_overlaps(outer, count) for count in bra.nelecas)
    left, right = np.array(bra.ci), np.array(ket.ci)
    overlaps: FloatArray = factor * np.einsum(
        "iab,ac,jcd,bd->ij", left, alpha, right, beta, optimize=True
    )
    return overlaps


def state_dipoles(calculation: Any) -> FloatArray:
    """Return the dipole matrix (3, m, m) between the states of one CASSCF calculation (e·a₀)."""
    direct_spin1 = pyscf("fci.direct_spin1")
    mol, core, count = calculation.mol, calculation.ncore, calculation.ncas
    integrals = mol.intor_symmetric("int1e_r", comp=3)
    orbitals = calculation.mo_coeff
    active = orbitals[:, core : core + count]
    inner = np.einsum("cpq,pk,qk->c", integrals, orbitals[:, :core], orbitals[:, :core])
    nuclear = mol.atom_charges() @ mol.atom_coords()
    between = np.einsum("cpq,pk,ql->ckl", integrals, active, active, optimize=True)
    m = len(calculation.ci)
    result = np.zeros((3, m, m))
    for i in range(m):
        for j in range(i + 1):
            density = direct_spin1.trans_rdm1(
                calculation.ci[i], calculation.ci[j], count, calculation.nelecas
            )
            result[:, i, j] = result[:, j, i] = -np.einsum("ckl,lk->c", between, density)
        result[:, i, i] += nuclear - 2 * inner
    return result


def _string_overlaps(orbitals: FloatArray, count: int) -> FloatArray:
    """Return the minors of the orbital overlaps for all strings of `count` electrons."""
    # The order is PySCF's: strings as binary numbers, ascending.
    strings = sorted(
        combinations(range(orbitals.shape[0]), count),
        key=lambda occupied: sum(1 << orbital for orbital in occupied),
    )
    rows = np.array(strings, dtype=np.intp).reshape(len(strings), count)
    blocks = orbitals[rows[:, np.newaxis, :, np.newaxis], rows[np.newaxis, :, np.newaxis, :]]
    minors: FloatArray = np.linalg.det(blocks)
    return minors
