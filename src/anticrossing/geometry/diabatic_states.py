"""Diabatic states from what they look like: reference states, or a property such as the dipole.

Each function acts at every point on its own and returns the unitary T, ``T[..., adiabatic,
diabatic]``; the diabatic matrix is ``W = T†ET`` (`DiabaticBasis`). No path enters, so nothing
depends on one, and the derivative coupling that is left is not controlled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, real_array
from anticrossing._core.linalg import dagger, polar
from anticrossing.geometry._diabatic_arguments import chosen_levels
from anticrossing.geometry._paths import check_single, eigenframes, field_points, own_shape
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.hamiltonian import Hamiltonian, Matrices, number_array

_LOST = 1e-6
_MOST_SWEEPS = 100


def block_diagonalize(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    references: npt.ArrayLike,
    *,
    levels: npt.ArrayLike | None = None,
) -> DiabaticBasis:
    """Return the diabatic states nearest to reference states within a set of adiabatic levels.

    With ``S = ⟨φ_i|χ_a⟩`` the overlaps of the levels with the references χ,
    ``T = S (S†S)^{-1/2}``: of all orthonormal states of the set those with the least
    ``Σ_a ‖|a⟩ − |χ_a⟩‖²``. For all levels of H and orthonormal references these are the references.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With single parameter values.
    x : array, shape (…), or (…, f) for f coordinates
        The points.
    references : array, shape (N, m)
        The reference states in the basis of H, columns; linearly independent.
    levels : sequence of int, optional
        The m adiabatic levels; the lowest m by default.

    Returns
    -------
    DiabaticBasis

    Raises
    ------
    InputError
        If shapes do not fit, the numbers of levels and references differ, or somewhere the levels
        have no part in one of the references (then the states are not defined).

    References
    ----------
    T. Pacher, L. S. Cederbaum, H. Köppel, J. Chem. Phys. 89, 7367 (1988).

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", "0.1", "0"], ["0.1", "-x", "0.2"], ["0", "0.2", "4"]])
    >>> basis = block_diagonalize(H, [0.0], np.eye(3)[:, :2])
    >>> np.round(basis.matrices[0], 4)                # −0.2²/4 at second order in the coupling
    array([[-0.   ,  0.0999],
           [ 0.0999, -0.01  ]])
    """
    check_single(hamiltonian)
    points = field_points(hamiltonian, x)
    chi = number_array("references", references)
    if (
        chi.ndim != 2
        or chi.shape[0] != hamiltonian.dimension
        or not 1 <= chi.shape[1] <= hamiltonian.dimension
    ):
        raise fail(
            "references",
            f"have shape ({hamiltonian.dimension}, m), one column for each state",
            f"their shape is {chi.shape}",
        )
    chosen = chosen_levels(hamiltonian, np.arange(chi.shape[1]) if levels is None else levels)
    if chosen.size != chi.shape[1]:
        raise fail("levels", f"be as many as the {chi.shape[1]} references", f"it is {chosen}")
    energies, vectors = eigenframes(hamiltonian, points)
    states = vectors[..., chosen]
    mixing, smallest = polar(dagger(states) @ chi)
    if np.any(smallest < _LOST):
        raise fail(
            "levels",
            "have a part in every reference",
            f"they have none in one of them at {np.count_nonzero(smallest < _LOST)} of "
            f"{smallest.size} points",
        )
    return DiabaticBasis(
        points=own_shape(hamiltonian, points),
        energies=energies[..., chosen],
        mixing=mixing,
        levels=tuple(chosen.tolist()),
        method="nearest to reference states",
        frame=states @ mixing,
        units=hamiltonian.units,
    )


def property_mixing(properties: npt.ArrayLike) -> FloatArray:
    """Return the mixing T that makes a real property diagonal, eigenvalues ascending.

    ``T† A T = diag``, with the largest element of each column positive. Where the property of the
    diabatic states differs much and is little changed by the distance, as the dipole of an ionic
    and a covalent state, these are they.

    Parameters
    ----------
    properties : array, shape (…, m, m)
        The real symmetric matrix of the property between the adiabatic states.

    Returns
    -------
    array, shape (…, m, m)

    Raises
    ------
    InputError
        For a matrix that is not real and symmetric.

    References
    ----------
    H.-J. Werner and W. Meyer, J. Chem. Phys. 74, 5802 (1981).

    Examples
    --------
    >>> np.round(property_mixing([[0.0, 1.0], [1.0, 0.0]]), 4)
    array([[-0.7071,  0.7071],
           [ 0.7071,  0.7071]])
    """
    matrix = _symmetric("properties", properties)
    _, vectors = np.linalg.eigh(matrix)
    return _positive(vectors)


def generalized_mulliken_hush(energies: npt.ArrayLike, dipoles: npt.ArrayLike) -> FloatArray:
    """Return the mixing T of two states that removes their transition dipole.

    The dipole vectors are projected on the direction of the difference of the diabatic dipoles,
    the eigenvector of largest eigenvalue of ``(μ₁₁ − μ₂₂)(μ₁₁ − μ₂₂)ᵀ + 4 μ₁₂ μ₁₂ᵀ``, and that
    component is made diagonal. With parallel vectors
    ``|V₁₂| = |μ₁₂| ΔE / √((μ₁₁ − μ₂₂)² + 4μ₁₂²)``.

    Parameters
    ----------
    energies : array, shape (…, 2)
        The adiabatic energies.
    dipoles : array, shape (…, 2, 2) or (…, c, 2, 2)
        The dipole matrix, one component or c of them.

    Returns
    -------
    array, shape (…, 2, 2)
        Columns in order of the projected dipole; the projection points to the side of positive sum
        of components.

    Raises
    ------
    InputError
        For other than two states, or shapes that do not fit.

    References
    ----------
    R. J. Cave and M. D. Newton, Chem. Phys. Lett. 249, 15 (1996).

    Examples
    --------
    >>> E = np.array([-0.1, 0.1])
    >>> T = generalized_mulliken_hush(E, [[1.0, 0.5], [0.5, 1.0]])
    >>> round(float(abs((T.T @ np.diag(E) @ T)[0, 1])), 12)     # |μ₁₂| ΔE/√(4μ₁₂²) = ΔE/2
    0.1
    """
    levels = real_array("energies", energies)
    matrix = _symmetric("dipoles", dipoles)
    if levels.ndim == 0 or levels.shape[-1] != 2 or matrix.shape[-1] != 2:
        raise fail(
            "dipoles",
            "belong to two states, as the energies",
            f"the shapes are {matrix.shape} and {levels.shape}",
        )
    if matrix.ndim == levels.ndim + 1:
        matrix = matrix[..., np.newaxis, :, :]
    if matrix.ndim != levels.ndim + 2 or matrix.shape[:-3] != levels.shape[:-1]:
        raise fail(
            "dipoles",
            f"have shape {(*levels.shape[:-1], 2, 2)} or with components before the last two axes",
            f"its shape is {np.shape(dipoles)}",
        )
    difference = matrix[..., 0, 0] - matrix[..., 1, 1]
    between = matrix[..., 0, 1]
    spread = difference[..., :, np.newaxis] * difference[..., np.newaxis, :]
    spread = spread + 4 * between[..., :, np.newaxis] * between[..., np.newaxis, :]
    direction = np.linalg.eigh(spread)[1][..., -1]
    side = np.where(direction.sum(axis=-1) < 0, -1.0, 1.0)[..., np.newaxis]
    return property_mixing(np.einsum("...c,...cij->...ij", side * direction, matrix))


def boys_localization(dipoles: npt.ArrayLike) -> FloatArray:
    """Return the mixing T of the states whose dipoles lie farthest apart.

    Of all orthogonal T the one with the largest ``Σ_{a<b} |μ_aa − μ_bb|²``, equivalently
    ``Σ_a |μ_aa|²``, by Jacobi rotations of pairs of states. For two states and one component it is
    the result of `property_mixing`.

    Parameters
    ----------
    dipoles : array, shape (…, c, m, m)
        The c components of the dipole matrix between the adiabatic states.

    Returns
    -------
    array, shape (…, m, m)
        Columns in order of the sum of the components of their dipole, the largest element of each
        positive.

    Raises
    ------
    InputError
        For matrices that are not real and symmetric, or a rotation that does not converge.

    References
    ----------
    J. E. Subotnik, S. Yeganeh, R. J. Cave, M. A. Ratner, J. Chem. Phys. 129, 244101 (2008).

    Examples
    --------
    >>> np.round(boys_localization([[[0.0, 1.0], [1.0, 0.0]]]), 4)
    array([[-0.7071,  0.7071],
           [ 0.7071,  0.7071]])
    """
    matrix = _symmetric("dipoles", dipoles).copy()
    if matrix.ndim < 3:
        raise fail("dipoles", "have shape (…, components, m, m)", f"its shape is {matrix.shape}")
    count = matrix.shape[-1]
    mixing = np.broadcast_to(np.eye(count), (*matrix.shape[:-3], count, count)).copy()
    for _ in range(_MOST_SWEEPS):
        largest = 0.0
        for a in range(count):
            for b in range(a + 1, count):
                angle = _jacobi_angle(matrix[..., a, a], matrix[..., b, b], matrix[..., a, b])
                largest = max(largest, float(np.abs(angle).max(initial=0.0)))
                _rotate(matrix, mixing, a, b, angle)
        if largest < 1e-14:
            break
    else:
        raise InputError("The localization of the dipoles did not converge.")
    order = np.argsort(np.diagonal(matrix, axis1=-2, axis2=-1).sum(axis=-2), axis=-1)
    return _positive(np.take_along_axis(mixing, order[..., np.newaxis, :], axis=-1))


def _jacobi_angle(first: FloatArray, second: FloatArray, between: FloatArray) -> FloatArray:
    """Return the angle that maximises |μ_aa|² + |μ_bb|², within ±π/4."""
    half = (first - second) / 2
    # With δ, μ_ab turning by 2θ the sum of squares is const + A cos 4θ + B sin 4θ.
    cosine = np.sum(half**2 - between**2, axis=-1)
    sine = 2 * np.sum(half * between, axis=-1)
    return np.arctan2(sine, cosine) / 4


def _rotate(matrix: FloatArray, mixing: FloatArray, a: int, b: int, angle: FloatArray) -> None:
    """Turn states a and b by the angle, in place."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)
    mixing[..., [a, b]] = mixing[..., [a, b]] @ turn
    wide = turn[..., np.newaxis, :, :]
    matrix[..., [a, b]] = matrix[..., [a, b]] @ wide
    matrix[..., [a, b], :] = wide.swapaxes(-1, -2) @ matrix[..., [a, b], :]


def _positive(vectors: FloatArray) -> FloatArray:
    """Return columns with the largest element of each positive, the last of equal ones."""
    size = np.abs(vectors)
    near = size >= size.max(axis=-2, keepdims=True) * (1 - 1e-8)
    last = near.shape[-2] - 1 - near[..., ::-1, :].argmax(axis=-2)
    picked = np.take_along_axis(vectors, last[..., np.newaxis, :], axis=-2)
    return vectors * np.where(picked < 0, -1.0, 1.0)


def _symmetric(name: str, matrix: npt.ArrayLike) -> FloatArray:
    array = real_array(name, matrix)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] == 0:
        raise fail(name, "have square matrices as last two axes", f"its shape is {array.shape}")
    if not np.allclose(array, array.swapaxes(-1, -2), rtol=0, atol=1e-9 * _scale(array)):
        raise fail(name, "be symmetric", "it differs from its transpose")
    return array


def _scale(array: Matrices) -> float:
    return float(np.abs(array).max(initial=0.0))
