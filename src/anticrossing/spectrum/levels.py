"""Energy levels of H(x) along its coordinate: sorted, or followed through true crossings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    at_most,
    fail,
    integer,
    listed,
    one_coordinate,
    real_array,
)
from anticrossing.hamiltonian import Hamiltonian, Matrices, TermHamiltonian, check_finite_hermitian
from anticrossing.hamiltonian.sparse import SparseHamiltonian
from anticrossing.spectrum._blocks import LARGEST_DENSE
from anticrossing.spectrum._lanczos import lowest_with_copies
from anticrossing.spectrum.symmetry import sectors


def levels(H: Hamiltonian, x: npt.ArrayLike, *, count: int | None = None) -> FloatArray:
    """Return the energy levels of H(x), sorted upwards.

    Parameters
    ----------
    H : Hamiltonian
        Any; parameters may be a batch.
    x : float or array
        Real coordinates (with several coordinates the last axis runs over them).
    count : int, optional
        Return only the lowest `count` levels; needed for sparse matrices above dimension 512,
        where they are computed by Lanczos iteration.

    Returns
    -------
    array, shape ``batch_shape + x.shape + (N,)`` or ``(…, count)``
        Energies in the Hamiltonian's units.

    Raises
    ------
    InputError
        If H is not finite or not Hermitian at a point, or `count` is missing or too large.

    Examples
    --------
    >>> from anticrossing.models import LandauZener
    >>> levels(LandauZener(gap=[3.0, 8.0]), [0.0, 4.0])[0]
    array([[-1.5,  1.5],
           [-2.5,  2.5]])
    """
    points = real_array("x", x)
    if count is not None:
        integer("count", count, minimum=1)
        at_most("count", count, H.dimension)
    if isinstance(H, TermHamiltonian) and H.is_sparse and H.dimension > LARGEST_DENSE:
        return _sparse_levels(H, points, count)
    values = H(points)
    check_finite_hermitian(values, points)
    energies = _two_levels(values) if H.dimension == 2 else np.linalg.eigvalsh(values)
    return energies if count is None else np.ascontiguousarray(energies[..., :count])


def eigenvectors(H: Hamiltonian, x: npt.ArrayLike) -> tuple[FloatArray, Matrices]:
    """Return the sorted levels and their eigenvectors with phases that vary smoothly along x.

    Each vector is transported: its overlap with the same vector at the previous point is real and
    positive. The phases at the first point come from the eigenvalue routine.

    Parameters
    ----------
    H : Hamiltonian
        With one coordinate; parameters may be a batch.
    x : array, shape (k,)
        Real coordinates in path order.

    Returns
    -------
    energies : array, shape ``batch_shape + (k, N)``
    vectors : array, shape ``batch_shape + (k, N, N)``
        ``vectors[..., i]`` belongs to ``energies[..., i]``.

    Examples
    --------
    >>> from anticrossing.models import LandauZener
    >>> _, vectors = eigenvectors(LandauZener(gap=1.0), np.linspace(-50, 50, 1001))
    >>> round(float(vectors[0, :, 0] @ vectors[-1, :, 0]), 2)     # the ground state turns over
    0.02
    """
    points = _path(H, x)
    values = H(points)
    check_finite_hermitian(values, points)
    energies, vectors = np.linalg.eigh(values)
    overlaps = np.sum(vectors[..., :-1, :, :].conj() * vectors[..., 1:, :, :], axis=-2)
    sizes = np.abs(overlaps)
    # Where two levels cross truly the overlap vanishes and any phase is as good as another.
    phases = np.where(sizes > 1e-8, overlaps, 1.0) / np.where(sizes > 1e-8, sizes, 1.0)
    vectors[..., 1:, :, :] *= np.cumprod(phases.conj(), axis=-2)[..., np.newaxis, :]
    return energies, vectors


def tracked_levels(H: Hamiltonian, x: npt.ArrayLike) -> FloatArray:
    """Return the levels along a path, each one followed through its true crossings.

    Within a symmetry sector levels never cross and keep their order; levels of different sectors
    pass through each other. At the first point the levels are sorted.

    Parameters
    ----------
    H : Hamiltonian
        With one coordinate; parameters may be a batch.
    x : array, shape (k,)
        Real coordinates in path order.

    Returns
    -------
    array, shape ``batch_shape + (k, N)``

    Examples
    --------
    >>> from anticrossing.models import SpinInField
    >>> tracked_levels(SpinInField(spin=1, transverse_field=0.0), [-1.0, 1.0])
    array([[-1.,  0.,  1.],
           [ 1.,  0., -1.]])
    """
    points = _path(H, x)
    found = sectors(H, points)
    values = H(points)
    check_finite_hermitian(values, points)
    columns = []
    for sector in range(found.count):
        inside = found.indices(sector)
        if found.basis is None:
            block = values[..., inside[:, np.newaxis], inside]
        else:
            part = found.basis[:, inside]
            block = part.conj().T @ values @ part
        columns.append(np.linalg.eigvalsh(block))
    energies = np.concatenate(columns, axis=-1)
    order = np.argsort(energies[..., 0, :], axis=-1, kind="stable")
    return np.take_along_axis(energies, order[..., np.newaxis, :], axis=-1)


def _path(H: Hamiltonian, x: npt.ArrayLike) -> FloatArray:
    one_coordinate("H", H)
    return listed("x", x)


def _two_levels(values: Matrices) -> FloatArray:
    """Return E = m ± √(d² + |v|²), exact to rounding in the gap."""
    mean = (values[..., 0, 0] + values[..., 1, 1]).real / 2
    half = np.hypot((values[..., 0, 0] - values[..., 1, 1]).real / 2, np.abs(values[..., 0, 1]))
    return np.stack([mean - half, mean + half], axis=-1)


def _sparse_levels(H: TermHamiltonian, points: FloatArray, count: int | None) -> FloatArray:
    if count is None or count > H.dimension - 2:
        raise fail(
            "count",
            f"be given, at most {H.dimension - 2}, for sparse matrices above dimension "
            f"{LARGEST_DENSE}",
            f"it is {count}",
        )
    several = len(H.coordinates)
    shape = points.shape[:-1] if several > 1 else points.shape
    flat = points.reshape(-1, several) if several > 1 else points.reshape(-1)
    batch = H.batch_shape
    parameters = H.flat_parameters(batch)
    result = np.empty((int(np.prod(batch)), flat.shape[0], count))
    for member in range(result.shape[0]):
        single: Any = H.replace(**{key: value[member] for key, value in parameters.items()})
        terms = SparseHamiltonian(single)
        for index, point in enumerate(flat):
            matrix = terms.at(np.asarray(point))
            spread = 1.1 * (matrix.highest - matrix.lowest)
            result[member, index] = lowest_with_copies(matrix.linear_operator(), count, spread)[0]
    return result.reshape(*batch, *shape, count)
