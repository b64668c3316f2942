"""Adiabatic surfaces of several coordinates: energies, forces, Hessians, and what couples them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, points
from anticrossing.geometry._adiabatic import (
    Adiabatic,
    Indices,
    check_degenerate,
    check_levels,
    drop_axes,
    over_points,
)
from anticrossing.geometry.couplings import couplings_of
from anticrossing.hamiltonian import Hamiltonian, Matrices

_SAME_FORCE = 1e-10  # of the largest second derivative


@dataclass(frozen=True, eq=False)
class Surfaces(Result):
    """Energies, forces and derivative couplings of all levels (see `surfaces`).

    Attributes
    ----------
    energies : array, shape (..., N)
        Sorted upwards, in the Hamiltonian's units.
    forces : array, shape (..., N, f), for one coordinate (..., N)
        ``−∂E_n``, energy per unit of the coordinate.
    couplings : array, shape (..., f, N, N), for one coordinate (..., N, N)
        ``⟨φ_i|∂φ_j⟩`` in the phases of `vectors`, per unit of the coordinate.
    vectors : array, shape (..., N, N)
        Eigenvectors in columns.
    """

    energies: FloatArray
    forces: FloatArray
    couplings: Matrices
    vectors: Matrices

    def variables(self) -> dict[str, Variable]:
        batch = points(self.energies.ndim - 1)
        over = () if self.forces.ndim == self.energies.ndim else ("coordinate",)
        pair = ("row", "column")
        return {
            "energy": Variable((*batch, "level"), self.energies, "energy of the level"),
            "force": Variable((*batch, "level", *over), self.forces, "force on the level"),
            "coupling": Variable((*batch, *over, *pair), self.couplings, "derivative coupling"),
            "vectors": Variable((*batch, "component", "level"), self.vectors, "eigenvectors"),
        }


def surfaces(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: Sequence[int] | None = None,
    degenerate: str = "refuse",
    threads: int | None = None,
) -> Surfaces:
    """Return energies, forces and all derivative couplings from one diagonalisation per point.

    ``F_n = −⟨φ_n|∂H|φ_n⟩`` and ``d_ij = ⟨φ_i|∂H|φ_j⟩/(E_j − E_i)``.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with f coordinates; parameters may be a batch.
    x : float or array, shape (..., f), for one coordinate (...)
        Points in the units of the coordinates.
    levels : sequence of int, optional
        Which levels to return, all by default; levels that are not asked for may be degenerate
        among themselves.
    degenerate : {"refuse", "nan", "multiplets"}
        What to do where levels agree to rounding: an error, or NaN for their forces and for the
        coupling between them. With ``"multiplets"`` levels that stay together, as the components
        of a triplet, are not coupled among themselves: see `derivative_couplings`.
    threads : int, optional
        Threads to use, all cores by default (one for a Hamiltonian given by a Python function);
        results do not depend on it.

    Returns
    -------
    Surfaces
        Arrays of shape ``batch_shape + (...)`` and their own axes.

    Raises
    ------
    InputError
        At a degeneracy (naming levels, point and gap), for points with the wrong number of
        coordinates, or where H or its derivative is not finite.

    References
    ----------
    R. P. Feynman, Phys. Rev. 56, 340 (1939), forces; H. Köppel, W. Domcke, L. S. Cederbaum, Adv.
    Chem. Phys. 57, 59 (1984), couplings.

    Examples
    --------
    >>> cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    >>> found = surfaces(cone, [[3.0, 4.0], [0.0, 2.0]])
    >>> found.energies
    array([[-5.,  5.],
           [-2.,  2.]])
    >>> (found.forces[0] + 0.0).round(12)                 # of either level, in x and y
    array([[ 0.6,  0.8],
           [-0.6, -0.8]])
    >>> np.abs(found.couplings[:, :, 0, 1]).round(12)     # 1/(2 distance), around the cone
    array([[0.08, 0.06],
           [0.25, 0.  ]])
    """
    how = check_degenerate(degenerate)
    chosen = check_levels(hamiltonian, levels)

    def compute(basis: Adiabatic) -> tuple[npt.NDArray[Any], ...]:
        couplings = couplings_of(basis, chosen, how)[..., chosen[:, np.newaxis], chosen]
        force = _forces(basis, chosen, how == "nan")
        return basis.energies[:, chosen], force, couplings, basis.vectors[..., chosen]

    energies, force, couplings, vectors = over_points(hamiltonian, x, compute, threads=threads)
    return Surfaces(
        energies, drop_axes(hamiltonian, force, -1), drop_axes(hamiltonian, couplings, -3), vectors
    )


def forces(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: Sequence[int] | None = None,
    degenerate: str = "refuse",
    threads: int | None = None,
) -> FloatArray:
    """Return the force on the coordinates in every level.

    ``F_n = −∂E_n = −⟨φ_n|∂H|φ_n⟩``. Levels that are degenerate all around the point, with one
    common slope, have one force; where surfaces meet at an angle there is none.

    Parameters
    ----------
    hamiltonian, x, levels, degenerate, threads
        As for `surfaces`.

    Returns
    -------
    array, shape (..., N, f), for one coordinate (..., N)
        Energy per unit of the coordinate.

    Raises
    ------
    InputError
        Where surfaces meet at an angle (naming levels, point and gap), or as for `surfaces`.

    References
    ----------
    R. P. Feynman, Phys. Rev. 56, 340 (1939).

    Examples
    --------
    >>> cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    >>> forces(cone, [3.0, 4.0]).round(12)
    array([[ 0.6,  0.8],
           [-0.6, -0.8]])
    """
    keep = check_degenerate(degenerate) == "nan"
    chosen = check_levels(hamiltonian, levels)
    (found,) = over_points(
        hamiltonian, x, lambda basis: (_forces(basis, chosen, keep),), threads=threads
    )
    return np.asarray(drop_axes(hamiltonian, found, -1))


def hessians(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: Sequence[int] | None = None,
    degenerate: str = "refuse",
    threads: int | None = None,
) -> FloatArray:
    """Return the second derivatives of every adiabatic energy.

    ``∂_a∂_b E_n = ⟨φ_n|∂_a∂_b H|φ_n⟩ + 2 Re Σ_{k≠n} ⟨φ_n|∂_a H|φ_k⟩⟨φ_k|∂_b H|φ_n⟩/(E_n − E_k)``.

    Parameters
    ----------
    hamiltonian, x, levels, threads
        As for `surfaces`.
    degenerate : {"refuse", "nan", "multiplets"}
        What to do where levels agree to rounding: an error, or NaN for their Hessians. With
        ``"multiplets"`` levels that stay together, up to second order, have one Hessian.

    Returns
    -------
    array, shape (..., N, f, f), for one coordinate (..., N)
        Energy per unit of the coordinates squared.

    Raises
    ------
    InputError
        At a degeneracy (naming levels, point and gap), or as for `surfaces`.

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", 1], [1, "-x"]])     # E = ±√(1 + x²)
    >>> hessians(H, 0.0)
    array([-1.,  1.])
    """
    how = check_degenerate(degenerate)
    chosen = check_levels(hamiltonian, levels)

    def compute(basis: Adiabatic) -> tuple[npt.NDArray[Any], ...]:
        if how == "refuse":
            basis.refuse_degenerate("Hessians", chosen)
        if how == "multiplets":
            basis.refuse_parting("Hessians", chosen)
            return (_common_hessians(basis, chosen)[:, chosen],)
        own = np.einsum("pabnn->pnab", basis.second_slopes()).real
        every = np.arange(basis.energies.shape[-1])
        # Divided by E_n − E_k = −gaps[n, k], and nothing for k = n.
        with np.errstate(divide="ignore", invalid="ignore"):
            response = basis.slopes / -basis.gaps[:, np.newaxis]
        response[..., every, every] = 0.0
        # Row n of both: Σ_k (F^a_nk/(E_n − E_k)) conj(F^b_nk).
        left = response.transpose(0, 2, 1, 3)
        right = basis.slopes.conj().transpose(0, 2, 3, 1)
        with np.errstate(invalid="ignore"):  # infinite for degenerate levels, NaN below
            found = own + 2 * (left @ right).real
        found[basis.degenerate.any(axis=-1)] = np.nan
        return (found[:, chosen],)

    (found,) = over_points(hamiltonian, x, compute, order=2, threads=threads)
    return np.asarray(drop_axes(hamiltonian, found, -1, -2))


def _common_hessians(basis: Adiabatic, chosen: Indices) -> FloatArray:
    """Return the Hessians of levels and of multiplets; refuse those that part to second order."""
    second = basis.second_slopes()
    response = basis.kept(basis.couplings, basis.degenerate)  # F_ik/(E_k − E_i), zero within
    # Row i, column j: Σ_k F^a_ik F^b_kj/(E_i − E_k) + the same with a and b exchanged.
    paths = -np.einsum("paik,pbkj->pabij", response, basis.slopes)
    whole = second + paths + paths.swapaxes(1, 2)
    found = np.einsum("pabnn->pnab", whole).real
    for point in np.flatnonzero(basis.degenerate.any(axis=(1, 2))):
        pairs = basis.degenerate[point]
        differ = np.abs(found[point][:, np.newaxis] - found[point]).max(axis=(-2, -1))
        differ += np.abs(whole[point]).max(axis=(0, 1))
        parting = pairs & (differ > _SAME_FORCE * max(np.abs(found[point]).max(), 1e-300))
        if parting[chosen].any():
            basis.refuse_degenerate("Hessians", chosen[parting[chosen].any(axis=1)], int(point))
    return basis.averaged(found)


def _forces(basis: Adiabatic, chosen: Indices, keep: bool) -> FloatArray:
    """Return −⟨φ_n|∂H|φ_n⟩, shape (n, N, f), where it does not depend on the choice of φ_n."""
    found = np.ascontiguousarray(-np.einsum("pann->pna", basis.slopes).real)
    for point in np.flatnonzero(basis.parted.any(axis=(1, 2))):
        ambiguous = basis.parted[point]
        if ambiguous[chosen].any() and not keep:
            basis.refuse_degenerate("forces", chosen[ambiguous[chosen].any(axis=1)], int(point))
        found[point, ambiguous.any(axis=1)] = np.nan
    return found[:, chosen]
