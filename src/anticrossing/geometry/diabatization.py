"""Diabatization by transport: the adiabatic states are turned until their coupling vanishes.

Along one coordinate, or along a path, this is exact. On a grid of several coordinates a basis
without coupling exists only where the curl of the couplings within the chosen levels vanishes; what
is left is returned with the result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail
from anticrossing._core.linalg import dagger
from anticrossing.geometry._diabatic_arguments import (
    chosen_levels,
    point_index,
    transport_tolerance,
    unitary_mixing,
)
from anticrossing.geometry._diabatic_transport import carried_frames, transporters
from anticrossing.geometry._paths import (
    SMALLEST_GAP,
    check_points,
    check_single,
    describe_point,
    eigenframes,
    field_points,
    gradients,
    own_shape,
)
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.hamiltonian import Hamiltonian, Matrices


def diabatize(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: npt.ArrayLike | None = None,
    reference: int = 0,
    mixing: npt.ArrayLike | None = None,
    tolerance: float = 1e-11,
) -> DiabaticBasis:
    """Return the diabatic basis in which the derivative coupling along a path vanishes.

    ``dT/ds = −d T`` with d the couplings among the chosen levels along the path, or, the same
    without a singularity where these levels meet: the states C obey ``C†C' = 0``, that is
    ``C' = [P', P] C`` with P the projector on the chosen levels.

    For all levels of H the states C do not move and W is H in another constant basis. For some of
    them W is the smaller matrix that acts alone as long as the other levels do not take part.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With single parameter values.
    x : array, shape (k,), or (k, f) for f coordinates
        The path; between its points it is straight.
    levels : sequence of int, optional
        The adiabatic levels that span the basis, ascending; all by default.
    reference : int
        The index of the point where the diabatic states are given by `mixing`.
    mixing : array, shape (m, m), optional
        T at that point, unitary; the identity by default: there the diabatic states are the
        adiabatic ones, with the largest component of each positive.
    tolerance : float
        Allowed error of the transport over a piece of the path between two points.

    Returns
    -------
    DiabaticBasis
        With `frame`, the diabatic states in the basis of H.

    Raises
    ------
    InputError
        For a batch of parameters, points of the wrong shape, levels out of range, or a `mixing`
        that is not unitary.
    ConvergenceError
        Where a chosen level meets one that was not chosen.

    References
    ----------
    F. T. Smith, Phys. Rev. 179, 111 (1969); M. Baer, Chem. Phys. Lett. 35, 112 (1975); the
    transport: T. Kato, J. Phys. Soc. Jpn. 5, 435 (1950).

    Examples
    --------
    >>> from anticrossing.models import LandauZener
    >>> basis = diabatize(LandauZener(gap=1.0), np.linspace(-1e6, 1e6, 3))
    >>> np.round(basis.mixing_angle / np.pi, 5)       # ∫ d₀₁ dx over the crossing is ±π/2
    array([0.  , 0.25, 0.5 ])
    """
    check_single(hamiltonian)
    points = check_points("x", hamiltonian, x)
    if points.shape[0] < 2:
        raise fail("x", "hold at least two points", f"it holds {points.shape[0]}")
    chosen = chosen_levels(hamiltonian, levels)
    origin = point_index("reference", reference, points.shape[0])
    anchor = unitary_mixing(mixing, chosen.size)
    accuracy = transport_tolerance(tolerance)
    energies, vectors = eigenframes(hamiltonian, points)
    links = transporters(hamiltonian, points[:-1], points[1:], chosen, accuracy)
    rows, frame = carried_frames(vectors[..., chosen], [links], (origin,), [0], anchor)
    return DiabaticBasis(
        points=own_shape(hamiltonian, points),
        energies=energies[:, chosen],
        mixing=rows,
        levels=tuple(chosen.tolist()),
        method="transport along the path",
        frame=frame,
        error_estimate=accuracy * (points.shape[0] - 1)
        if chosen.size < hamiltonian.dimension
        else 0.0,
        units=hamiltonian.units,
    )


def residual_curl(
    hamiltonian: Hamiltonian, x: npt.ArrayLike, *, levels: npt.ArrayLike | None = None
) -> Matrices:
    """Return the curl of the couplings within a set of levels that no change of basis removes.

    ``F_ab = ∂_a d_b − ∂_b d_a + [d_a, d_b] = Σ_q (d_b,iq d_a,qj − d_a,iq d_b,qj)``, the sum over
    the levels q outside the set (d_a,ij = ⟨φ_i|∂_a φ_j⟩). It vanishes for all levels together; a
    strictly diabatic basis of the set exists only where it vanishes. The second form, used here, is
    regular where levels of the set meet.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With f coordinates and single parameter values.
    x : array, shape (…, f), or (…) for one coordinate
        The points.
    levels : sequence of int, optional
        The set, ascending; all levels by default.

    Returns
    -------
    array, shape (…, f, f, m, m)
        In the basis of the adiabatic states, whose phases are arbitrary: norms are invariant.

    Raises
    ------
    InputError
        For a batch of parameters, points of the wrong shape, or levels out of range.

    References
    ----------
    M. Baer, Chem. Phys. Lett. 35, 112 (1975); C. A. Mead and D. G. Truhlar, J. Chem. Phys. 77,
    6090 (1982).

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", "y", "0.3"], ["y", "-x", "0"], ["0.3", "0", "5"]],
    ...                             coordinates=["x", "y"])
    >>> residual_curl(H, [0.5, 0.5]).shape, residual_curl(H, [0.5, 0.5], levels=[0, 1]).shape
    ((2, 2, 3, 3), (2, 2, 2, 2))
    """
    check_single(hamiltonian)
    points = field_points(hamiltonian, x)
    chosen = chosen_levels(hamiltonian, levels)
    energies, vectors = eigenframes(hamiltonian, points)
    return curl_of_levels(hamiltonian, points, energies, vectors, vectors[..., chosen], chosen)


def curl_of_levels(
    hamiltonian: Hamiltonian,
    points: FloatArray,
    energies: FloatArray,
    vectors: Matrices,
    states: Matrices,
    chosen: npt.NDArray[np.intp],
) -> Matrices:
    """Return the residual curl in the basis of `states`, the chosen eigenvectors."""
    outside = np.setdiff1d(np.arange(hamiltonian.dimension), chosen)
    gaps = energies[..., chosen, np.newaxis] - energies[..., np.newaxis, outside]
    met = np.any(np.abs(gaps) <= SMALLEST_GAP, axis=(-2, -1))
    if met.any():
        raise fail(
            "x",
            "keep levels of the set apart from the others",
            f"some meet at {describe_point(points[met][0])}",
        )
    # d_iq d_qj with d_iq = ⟨i|∂hamiltonian|q⟩/(E_q − E_i) and d_qj = ⟨q|∂hamiltonian|j⟩/(E_j − E_q)
    outer = vectors[..., np.newaxis, :, :][..., outside]
    slopes = dagger(outer) @ gradients(hamiltonian, points) @ states[..., np.newaxis, :, :]
    down = slopes / gaps.swapaxes(-1, -2)[..., np.newaxis, :, :]
    product = -np.einsum("...aqi,...bqj->...abij", down.conj(), down)
    return product.swapaxes(-3, -4) - product
