"""A Lindblad generator and its operators: the matrix, gauge transformations, the canonical form.

ρ is stacked row by row, ρ_ij at index i·N + j, as everywhere in this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    fail,
    finite,
    hermitian,
    is_numeric,
    of_shape,
    real_number,
    square_matrix,
)
from anticrossing._core.linalg import dagger
from anticrossing.dynamics.liouville import commutator, dissipator
from anticrossing.dynamics.request import LARGEST_OPEN_DIMENSION

_NOTHING = 1e-14  # jump operators with squares below this, relative to the largest, are rounding


def lindbladian(hamiltonian: npt.ArrayLike, jumps: Sequence[npt.ArrayLike] = ()) -> ComplexArray:
    """Return the Lindblad generator of a Hamiltonian and jump operators as a matrix.

    ``Lρ = −i[H, ρ] + Σ_α (Γ_α ρ Γ_α† − ½ {Γ_α†Γ_α, ρ})``

    Parameters
    ----------
    hamiltonian : array, shape (N, N)
        Hermitian H, radians per time.
    jumps : sequence of arrays, shape (N, N)
        Γ_α; their squares are rates per time. Any number of them, none too.

    Returns
    -------
    array, shape (N², N²)
        For ρ stacked row by row: ``(L @ rho.ravel()).reshape(N, N)``.

    Raises
    ------
    InputError
        If H is not Hermitian, a shape does not fit, or N is above 12.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equation (1.1).

    Examples
    --------
    >>> decay = lindbladian([[0, 0], [0, 1]], [[[0, 0.2], [0, 0]]])
    >>> change = (decay @ np.diag([0.0, 1.0]).ravel()).reshape(2, 2)
    >>> change.real.round(12)
    array([[ 0.04,  0.  ],
           [ 0.  , -0.04]])
    """
    matrix, operators = checked_operators(hamiltonian, jumps)
    check_size(matrix.shape[-1])
    with np.errstate(over="ignore", invalid="ignore"):
        return finite("jumps", generator_of(matrix, operators))


def gauge_transform(
    hamiltonian: npt.ArrayLike,
    jumps: Sequence[npt.ArrayLike],
    *,
    shifts: npt.ArrayLike | None = None,
    energy: float = 0.0,
    unitary: npt.ArrayLike | None = None,
) -> tuple[ComplexArray, ComplexArray]:
    """Return other operators of the same Lindblad generator.

    ``Γ_α → Γ′_α + c_α 1``, ``H → H + e 1 + (1/2i) Σ (c̄_α Γ′_α − c_α Γ′_α†)``, ``Γ′ = UΓ``

    The source prints twice this change of H, which changes the generator.

    Parameters
    ----------
    hamiltonian : array, shape (N, N)
        H, radians per time.
    jumps : sequence of arrays, shape (N, N)
        The K operators Γ_α.
    shifts : array, shape (K′,), optional
        c_α, complex (square root of a rate); by default none.
    energy : float
        e, radians per time.
    unitary : array, shape (K′, K), optional
        U with U†U = 1, applied first; with K′ > K operators are added. By default the identity.

    Returns
    -------
    hamiltonian : array, shape (N, N)
    jumps : array, shape (K′, N, N)

    Raises
    ------
    InputError
        If shapes do not fit, or U†U is not the identity.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equation (2.3), corrected.

    Examples
    --------
    >>> H, jumps = np.diag([0.0, 1.0]), [np.array([[0, 0.2], [0, 0]])]
    >>> other = gauge_transform(H, jumps, shifts=[0.3j], energy=2.0)
    >>> bool(np.allclose(lindbladian(*other), lindbladian(H, jumps), atol=1e-15))
    True
    """
    matrix, operators = checked_operators(hamiltonian, jumps)
    if unitary is not None:
        mixing = _complex("unitary", unitary)
        if mixing.ndim != 2 or mixing.shape[1] != operators.shape[0]:
            must = f"have shape (K, {operators.shape[0]})"
            raise fail("unitary", must, f"its shape is {mixing.shape}")
        defect = np.max(np.abs(dagger(mixing) @ mixing - np.eye(mixing.shape[1])), initial=0.0)
        if defect > 1e-10:
            raise fail("unitary", "have orthonormal columns", f"they are off by {defect:.3g}")
        operators = np.tensordot(mixing, operators, axes=1)
    added = real_number("energy", energy)
    count, levels = operators.shape[0], matrix.shape[-1]
    c = np.zeros(count, dtype=np.complex128)
    if shifts is not None:
        c = of_shape("shifts", _complex("shifts", shifts), (count,))
    turned = np.einsum("a,aij->ij", c.conj(), operators)
    shifted = matrix + added * np.eye(levels) + (turned - dagger(turned)) / 2j
    return shifted, operators + c[:, None, None] * np.eye(levels)


def canonical_gauge(
    hamiltonian: npt.ArrayLike, jumps: Sequence[npt.ArrayLike]
) -> tuple[ComplexArray, ComplexArray]:
    """Return the traceless, mutually orthogonal operators of the same Lindblad generator.

    ``tr H = 0``, ``tr Γ_α = 0``, ``tr Γ_α†Γ_β = δ_αβ r_α``, ``r_1 ≥ r_2 ≥ … > 0``

    They are unique but for phases, and for unitary mixing where r_α coincide.

    Parameters
    ----------
    hamiltonian : array, shape (N, N)
        H, radians per time.
    jumps : sequence of arrays, shape (N, N)
        Γ_α.

    Returns
    -------
    hamiltonian : array, shape (N, N)
    jumps : array, shape (K, N, N)
        At most N² − 1; operators that vanish are left out.

    Raises
    ------
    InputError
        If H is not Hermitian or a shape does not fit.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equation (2.3); V. Gorini,
    A. Kossakowski, E. C. G. Sudarshan, J. Math. Phys. 17, 821 (1976).

    Examples
    --------
    >>> H, jumps = canonical_gauge(np.diag([0.0, 1.0]), [np.diag([0.0, 0.2]), np.eye(2)])
    >>> np.diagonal(H).real, len(jumps), np.abs(np.diagonal(jumps[0])).round(12)
    (array([-0.5,  0.5]), 1, array([0.1, 0.1]))
    """
    matrix, operators = checked_operators(hamiltonian, jumps)
    levels = matrix.shape[-1]
    means = np.trace(operators, axis1=-2, axis2=-1) / levels
    matrix, operators = gauge_transform(matrix, list(operators), shifts=-means)
    _, sizes, rows = np.linalg.svd(operators.reshape(-1, levels**2), full_matrices=False)
    kept = sizes**2 > _NOTHING * np.max(sizes**2, initial=0.0)
    found = (sizes[:, None] * rows)[kept].reshape(-1, levels, levels)
    return matrix - np.trace(matrix) / levels * np.eye(levels), found


def lindblad_operators(superoperator: npt.ArrayLike) -> tuple[ComplexArray, ComplexArray]:
    """Return the Hamiltonian and the jump operators of a Lindblad generator, in canonical gauge.

    Parameters
    ----------
    superoperator : array, shape (N², N²)
        A generator for ρ stacked row by row.

    Returns
    -------
    hamiltonian : array, shape (N, N)
    jumps : array, shape (K, N, N)
        As by `canonical_gauge`.

    Raises
    ------
    InputError
        If the matrix generates no completely positive evolution that keeps the trace, to 1e-10 of
        its largest element.

    References
    ----------
    V. Gorini, A. Kossakowski, E. C. G. Sudarshan, J. Math. Phys. 17, 821 (1976).

    Examples
    --------
    >>> H, jumps = lindblad_operators(lindbladian(np.diag([-0.5, 0.5]), [[[0, 0.2], [0, 0]]]))
    >>> np.diagonal(H).real.round(12), np.abs(jumps[0]).round(12)
    (array([-0.5,  0.5]), array([[0. , 0.2],
           [0. , 0. ]]))
    """
    matrix = square_matrix("superoperator", superoperator, single=True)
    levels = round(float(np.sqrt(matrix.shape[0])))
    if levels**2 != matrix.shape[0]:
        raise fail("superoperator", "have shape (N², N²)", f"its shape is {matrix.shape}")
    check_size(levels)
    tensor = matrix.reshape(4 * (levels,))
    scale = np.max(np.abs(matrix), initial=0.0)
    if np.max(np.abs(np.einsum("iikl->kl", tensor))) > 1e-10 * scale:
        raise fail("superoperator", "keep the trace", "it does not")
    # AρB† is vec A (vec B)† in this order of indices.
    choi = tensor.transpose(0, 2, 1, 3).reshape(matrix.shape)
    if np.max(np.abs(choi - dagger(choi))) > 1e-10 * scale:
        raise fail("superoperator", "map Hermitian matrices to Hermitian ones", "it does not")
    one = np.eye(levels).ravel()
    across = np.eye(levels**2) - np.outer(one, one) / levels
    rates, vectors = np.linalg.eigh(across @ (0.5 * (choi + dagger(choi))) @ across)
    if rates[0] < -1e-10 * scale:
        but = f"it has a rate of {rates[0]:.3g}"
        raise fail("superoperator", "generate a completely positive evolution", but)
    order = np.argsort(rates)[::-1]
    order = order[rates[order] > max(_NOTHING * rates[order[0]], 1e-15 * scale)]
    jumps = (np.sqrt(rates[order]) * vectors[:, order]).T.reshape(-1, levels, levels)
    column = choi @ one
    drift = (column / levels).reshape(levels, levels)
    hamiltonian = 0.5j * (drift - dagger(drift))
    return hamiltonian - np.trace(hamiltonian) / levels * np.eye(levels), jumps


def generator_of(hamiltonian: ComplexArray, jumps: ComplexArray) -> ComplexArray:
    """Return the generator of operators that have been checked; a multiple of 1 in H costs none."""
    levels = hamiltonian.shape[-1]
    # A multiple of the identity drops out, and its size must not cost digits.
    total = commutator(hamiltonian - hamiltonian[0, 0].real * np.eye(levels))
    return total + dissipator(jumps).sum(axis=0) if jumps.shape[0] else total


def checked_operators(hamiltonian: Any, jumps: Any) -> tuple[ComplexArray, ComplexArray]:
    """Return H and the jump operators (K, N, N), or raise `InputError`."""
    matrix = hermitian("hamiltonian", hamiltonian, single=True)
    levels = matrix.shape[-1]
    found = np.zeros((len(jumps), levels, levels), dtype=np.complex128)
    for k, jump in enumerate(jumps):
        name = f"jumps[{k}]"
        found[k] = of_shape(name, square_matrix(name, jump, single=True), (levels, levels))
    return matrix.copy(), found


def check_size(levels: int) -> None:
    """Raise `InputError` if a generator of so many levels is too large for a dense matrix."""
    if levels > LARGEST_OPEN_DIMENSION:
        raise fail(
            "hamiltonian",
            f"have at most {LARGEST_OPEN_DIMENSION} levels",
            f"it has {levels}: the generator would be a dense {levels**2} × {levels**2} matrix",
        )


def _complex(name: str, value: Any) -> ComplexArray:
    if not is_numeric(value):
        raise fail(name, "be an array of numbers", "it is not")
    return finite(name, np.array(value, dtype=np.complex128))
