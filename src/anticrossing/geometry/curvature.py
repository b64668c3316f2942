"""Berry connection and curvature as fields over configuration space.

Signs: ``A_j = i⟨n|∂_j n⟩``, ``F_ij = ∂_i A_j − ∂_j A_i``. In terms of the derivative couplings
``d_nn = −iA``. For ``H = B·S`` the state of spin component m along the field has the curvature of a
monopole, ``−m B/B³``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail, integer
from anticrossing.geometry._paths import (
    CLOSED_GAP,
    SMALLEST_GAP,
    borders,
    check_hamiltonian,
    check_levels,
    describe_point,
    eigenframes,
    field_points,
    gradients,
    own_shape,
)
from anticrossing.hamiltonian import Hamiltonian, Matrices, number_array

_STRING = 1e-8  # overlap with the reference below which a gauge does not exist


def berry_curvature(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: int | Sequence[int],
    plane: tuple[int | str, int | str] | None = None,
) -> FloatArray:
    """Return the Berry curvature ``F_ij = ∂_i A_j − ∂_j A_i`` of a level, or the trace for several.

    ``F_ij = −2 Im Σ_{n∈S} Σ_{m∉S} ⟨n|∂_iH|m⟩⟨m|∂_jH|n⟩/(E_n − E_m)²``: no phase of an eigenvector
    enters, and a real H has none.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With f ≥ 2 coordinates; parameters may be a batch.
    x : array, shape (..., f)
        Points.
    levels : int or sequence of int
        The set S, counted by energy; levels of S may be degenerate among themselves.
    plane : pair of coordinates, optional
        i and j, as names or numbers; by default all pairs.

    Returns
    -------
    array, shape ``batch_shape + (...)``, or ``(..., f, f)`` without `plane`
        Radians per coordinate squared.

    Raises
    ------
    InputError
        For arguments that cannot be used, or where a level of S meets one outside it.

    References
    ----------
    M. V. Berry, Proc. R. Soc. A 392, 45 (1984), equation (10).

    Examples
    --------
    The field of a monopole: ``F_xy = −m z/r³``.

    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(
    ...     [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z"))
    >>> round(float(berry_curvature(H, [0, 0, 2], levels=1, plane=("x", "y"))), 12)
    -0.125
    """
    _check_field(hamiltonian, levels)
    pair = _check_plane(hamiltonian, plane)
    curvature = curvature_matrix(hamiltonian, x, levels=levels)
    trace = np.trace(curvature, axis1=-2, axis2=-1).real
    return np.asarray(trace if pair is None else trace[..., pair[0], pair[1]])


def curvature_matrix(
    hamiltonian: Hamiltonian, x: npt.ArrayLike, *, levels: int | Sequence[int]
) -> Matrices:
    """Return the Wilczek-Zee curvature of a block of levels, a matrix for each pair of coordinates.

    ``F_ij = ∂_i A_j − ∂_j A_i − i[A_i, A_j]`` with ``A_ab = i⟨a|∇b⟩`` inside the block S, that is
    ``F_ab = i Σ_{m∉S} ⟨a|∂_iH|m⟩⟨m|∂_jH|b⟩/((E_a − E_m)(E_b − E_m)) − (i ↔ j)``. It is written in
    the eigenvectors of the eigenvalue routine; another basis of the block turns it, its
    eigenvalues stay.

    Parameters
    ----------
    hamiltonian, x, levels
        As for `berry_curvature`, m levels.

    Returns
    -------
    array, shape ``batch_shape + (..., f, f, m, m)``
        Hermitian in the last two axes, antisymmetric in the two before.

    Raises
    ------
    InputError
        As for `berry_curvature`.

    References
    ----------
    F. Wilczek, A. Zee, Phys. Rev. Lett. 52, 2111 (1984).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    >>> curvature_matrix(H, [1.0, 0.0], levels=0).shape
    (2, 2, 1, 1)
    """
    chosen = _check_field(hamiltonian, levels)
    _, _, _, slopes = _slopes(hamiltonian, x, chosen)
    product = np.einsum("...iam,...jbm->...ijab", slopes, slopes.conj())
    return np.asarray(1j * (product - product.swapaxes(-4, -3)))


def berry_connection(
    hamiltonian: Hamiltonian, x: npt.ArrayLike, *, level: int, reference: int | npt.ArrayLike
) -> FloatArray:
    """Return the Berry connection ``A_j = i⟨n|∂_j n⟩`` in the gauge in which ⟨r|n⟩ is positive.

    ``A_j = Im(⟨r|D_j n⟩/⟨r|n⟩)`` with ``|D_j n⟩ = Σ_{m≠n} |m⟩⟨m|∂_jH|n⟩/(E_n − E_m)``. A connection
    depends on the gauge (its curl and loop integrals do not), and no gauge need exist everywhere:
    this one fails where ⟨r|n⟩ = 0, on a string that ends at degeneracies. Phases along a path are
    better fixed by `transport`.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With any number f of coordinates; parameters may be a batch.
    x : array, shape (..., f), or (...) for one coordinate
        Points.
    level : int
        Counted by energy.
    reference : int or array, shape (N,)
        The vector |r⟩, or the number of a basis vector.

    Returns
    -------
    array, shape ``batch_shape + (..., f)``, or without the last axis for one coordinate
        Radians per coordinate.

    Raises
    ------
    InputError
        For arguments that cannot be used, where the level meets another, or where ⟨r|n⟩ = 0.

    Examples
    --------
    The monopole's potential with the string along −z, on the equator: ``A_y = −x/(2r(r + z))``.

    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(
    ...     [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z"))
    >>> berry_connection(H, [1.0, 0.0, 0.0], level=1, reference=0).round(12) + 0.0
    array([ 0. , -0.5,  0. ])
    """
    number = integer("level", level, minimum=0)
    chosen = _check_field(hamiltonian, number, several=False)
    fixed = _check_reference(reference, hamiltonian.dimension)
    points, vectors, outside, slopes = _slopes(hamiltonian, x, chosen)
    amplitudes = np.einsum("a,...am->...m", fixed.conj(), vectors)
    here, others = amplitudes[..., number], amplitudes[..., outside]
    lost = np.abs(here) < _STRING * np.linalg.norm(fixed)
    if lost.any():
        place = np.broadcast_to(points, (*lost.shape, points.shape[-1]))[lost][0]
        raise fail(
            "reference",
            "not be orthogonal to the level",
            f"it is at {describe_point(place)}: this gauge does not exist there",
        )
    # slopes holds ⟨n|∂H|m⟩/(E_n − E_m); D_j n needs its conjugate.
    change = np.einsum("...im,...m->...i", slopes[..., 0, :].conj(), others)
    result = (change / here[..., np.newaxis]).imag
    return own_shape(hamiltonian, np.asarray(result))


def _check_field(hamiltonian: Hamiltonian, levels: Any, *, several: bool = True) -> tuple[int, ...]:
    check_hamiltonian(hamiltonian)
    if several and len(hamiltonian.coordinates) < 2:
        raise fail("hamiltonian", "have at least two coordinates", "it has one")
    return check_levels("levels" if several else "level", levels, hamiltonian.dimension)


def _check_plane(hamiltonian: Hamiltonian, plane: Any) -> tuple[int, int] | None:
    if plane is None:
        return None
    names = hamiltonian.coordinates
    if isinstance(plane, str) or not isinstance(plane, Sequence) or len(plane) != 2:
        raise fail("plane", "be a pair of coordinates", f"it is {describe(plane)}")
    pair = [names.index(p) if p in names else p for p in plane]
    for p in pair:
        if isinstance(p, str) or not 0 <= integer("plane", p) < len(names):
            raise fail("plane", f"name two of {', '.join(names)}", f"it is {describe(plane)}")
    if pair[0] == pair[1]:
        raise fail("plane", "be of two different coordinates", f"it is {describe(plane)}")
    return int(pair[0]), int(pair[1])


def _check_reference(reference: Any, dimension: int) -> Matrices:
    if isinstance(reference, (int, np.integer)):
        return np.eye(dimension)[check_levels("reference", reference, dimension)[0]]
    vector = number_array("reference", reference)
    if vector.shape != (dimension,):
        raise fail(
            "reference",
            f"be a basis state's number or a vector of length {dimension}",
            f"it is {describe(reference)}",
        )
    if not np.any(vector):
        raise fail("reference", "not be zero", f"it is {describe(reference)}")
    return np.asarray(vector / np.abs(vector).max())


def _slopes(
    hamiltonian: Hamiltonian, x: npt.ArrayLike, levels: tuple[int, ...]
) -> tuple[FloatArray, Matrices, npt.NDArray[np.intp], Matrices]:
    """Return points, vectors, the levels m outside, and ⟨a|∂_iH|m⟩/(E_a − E_m) (…, f, a, m)."""
    points = field_points(hamiltonian, x)
    energies, vectors = eigenframes(hamiltonian, points)
    gaps = np.diff(energies, axis=-1)[..., borders(levels, hamiltonian.dimension)]
    scale = np.abs(energies).max(axis=-1, initial=0.0)[..., np.newaxis]
    closed = gaps <= np.maximum(CLOSED_GAP * scale, SMALLEST_GAP)
    if closed.any():
        *node, _ = (int(axis[0]) for axis in np.nonzero(closed))
        place = np.broadcast_to(points, (*closed.shape[:-1], points.shape[-1]))[tuple(node)]
        raise fail(
            "x",
            "avoid degeneracies of the level(s)",
            f"at {describe_point(place)} the gap is {gaps[closed][0]:.3g}",
        )
    outside = np.setdiff1d(np.arange(hamiltonian.dimension), levels)
    bras = vectors[..., list(levels)].conj().swapaxes(-1, -2)
    kets = vectors[..., outside]
    differences = (
        energies[..., list(levels)][..., :, np.newaxis] - energies[..., outside][..., np.newaxis, :]
    )
    turned = bras[..., np.newaxis, :, :] @ gradients(hamiltonian, points)
    slopes = turned @ kets[..., np.newaxis, :, :] / differences[..., np.newaxis, :, :]
    return points, vectors, outside, slopes
