"""Diabatization by transport: the adiabatic states are turned until their coupling vanishes.

Along one coordinate, or along a path, this is exact. On a grid of several coordinates a basis
without coupling exists only where the curl of the couplings within the chosen levels vanishes; what
is left is returned with the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.geometry._diabatic_arguments import (
    chosen_levels,
    grid_origin,
    grid_points,
    point_index,
    transport_order,
    transport_tolerance,
    unitary_mixing,
)
from anticrossing.geometry._diabatic_smoothing import smoothest_gauge
from anticrossing.geometry._diabatic_transport import (
    transporters,
)
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
from anticrossing.geometry._unitary import adjoint, unitary_logarithm
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.hamiltonian import Hamiltonian, Matrices, check_flag

_FLIPS = (
    "a state changes its sign over {} link(s): the grid lies around an intersection with a level "
    "outside the set"
)


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
    them W is the smaller matrix that acts alone as long as the other levels stay out of it.

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
    rows, frame = _frames(vectors[..., chosen], [links], (origin,), [0], anchor)
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


@dataclass(frozen=True, eq=False)
class GridDiabatization(Result):
    """A diabatic basis on a grid of several coordinates, and the coupling that it leaves.

    Attributes
    ----------
    basis : DiabaticBasis
        On points of shape (n₁, …, n_f, f).
    remaining_couplings : tuple of array
        For each coordinate the derivative coupling in the diabatic basis, averaged over each link
        between neighbouring points: shapes (n₁ − 1, n₂, …, m, m), (n₁, n₂ − 1, …, m, m), …
        Infinite where a state changes its sign from one point to the next, as it must somewhere on
        a grid around an intersection with a level outside the set.
    residual_curl : array, shape (n₁, …, n_f, f, f, m, m)
        The curl that no basis of these levels removes, in the diabatic basis; see `residual_curl`.
    """

    basis: DiabaticBasis
    remaining_couplings: tuple[Matrices, ...]
    residual_curl: Matrices

    def variables(self) -> dict[str, Variable]:
        found = self.basis.variables()
        along = found["energy"].dims[:-1]
        pair = ("row", "column")
        for k, coupling in enumerate(self.remaining_couplings):
            dims = tuple(f"link_{k}" if axis == k else name for axis, name in enumerate(along))
            text = f"coupling left along coordinate {k}"
            found[f"remaining_coupling_{k}"] = Variable((*dims, *pair), coupling, text)
        curl = (*along, "first_coordinate", "second_coordinate", *pair)
        found["residual_curl"] = Variable(curl, self.residual_curl, "curl that no basis removes")
        for name, text in (
            ("largest_remaining_coupling", "largest coupling left on a link"),
            ("mean_remaining_coupling", "its root mean square over all links"),
            ("largest_curl", "largest residual curl"),
        ):
            found[name] = Variable((), getattr(self, name), text)
        return found

    def notes(self) -> tuple[str, ...]:
        return self.basis.warnings

    def _attributes(self) -> dict[str, Any]:
        return self.basis._attributes()

    def plot(self, ax: Any = None) -> Any:
        """Draw the size of the coupling left on the links along the first coordinate."""
        ax = new_axes() if ax is None else ax
        size = _norm(self.remaining_couplings[0])
        flat = size.reshape(size.shape[0], -1)
        ax.imshow(flat.T, origin="lower", aspect="auto")
        ax.set_xlabel("link of the first coordinate")
        ax.set_ylabel("point of the others")
        ax.set_title("coupling left")
        return ax

    @property
    def largest_remaining_coupling(self) -> float:
        """The largest Frobenius norm of the coupling left on any link (inverse coordinate)."""
        return max(float(_norm(coupling).max()) for coupling in self.remaining_couplings)

    @property
    def mean_remaining_coupling(self) -> float:
        """The root mean square over all links of the Frobenius norm of the coupling left."""
        squares = np.concatenate([_norm(c).ravel() ** 2 for c in self.remaining_couplings])
        return float(np.sqrt(squares.mean()))

    @property
    def largest_curl(self) -> float:
        """The largest Frobenius norm of the residual curl of two coordinates."""
        return float(_norm(self.residual_curl).max())

    def __str__(self) -> str:
        return (
            f"{self.basis}\n  largest coupling left: {self.largest_remaining_coupling:.4g}, "
            f"root mean square {self.mean_remaining_coupling:.4g}\n"
            f"  largest residual curl: {self.largest_curl:.4g}"
        )


def diabatize_grid(
    hamiltonian: Hamiltonian,
    axes: Sequence[npt.ArrayLike],
    *,
    levels: npt.ArrayLike | None = None,
    reference: Sequence[int] | None = None,
    order: Sequence[str] | None = None,
    smooth: bool = False,
    mixing: npt.ArrayLike | None = None,
    tolerance: float = 1e-11,
) -> GridDiabatization:
    """Return a diabatic basis on a grid of several coordinates, with the coupling that is left.

    The states are transported from the reference along the first coordinate of `order`, from
    there along the second, and so on; along the last coordinate no coupling is left, along the
    others as much as the residual curl between the paths leaves. With `smooth` the basis is then
    turned at every point so that ``Σ ‖d_dia‖²`` over all links is as small as it can be.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With f ≥ 2 coordinates and single parameter values.
    axes : sequence of array
        The values of each coordinate, ascending, at least two each.
    levels : sequence of int, optional
        The adiabatic levels that span the basis, ascending; all by default.
    reference : sequence of int, optional
        The index on each axis of the reference point; the first point by default.
    order : sequence of str, optional
        The names of the coordinates in the order of transport; that of H by default.
    smooth : bool
        Whether to spread the coupling that is left as evenly as possible.
    mixing : array, shape (m, m), optional
        T at the reference; see `diabatize`.
    tolerance : float
        Allowed error of the transport over one link.

    Returns
    -------
    GridDiabatization

    Raises
    ------
    InputError
        As `diabatize`; also for axes that are not ascending, or names that are not coordinates.
    ConvergenceError
        Where a chosen level meets one that was not chosen, or the turning does not converge.

    References
    ----------
    C. A. Mead and D. G. Truhlar, J. Chem. Phys. 77, 6090 (1982) (no strictly diabatic basis);
    M. Baer, Phys. Rep. 358, 75 (2002).

    Examples
    --------
    >>> H = Hamiltonian.from_matrix(
    ...     [["x", "y", "0.3"], ["y", "-x", "0.2*x"], ["0.3", "0.2*x", "5"]], coordinates=["x", "y"]
    ... )
    >>> axes = [np.linspace(-1, 1, 5)] * 2
    >>> diabatize_grid(H, axes).largest_curl               # all three levels
    0.0
    >>> pair = diabatize_grid(H, axes, levels=[0, 1])
    >>> smooth = diabatize_grid(H, axes, levels=[0, 1], smooth=True)
    >>> smooth.mean_remaining_coupling < pair.mean_remaining_coupling < 0.01
    True
    """
    check_single(hamiltonian)
    grid = grid_points(hamiltonian, axes)
    shape = grid.shape[:-1]
    check_flag("smooth", smooth)
    chosen = chosen_levels(hamiltonian, levels)
    names = list(hamiltonian.coordinates)
    sequence = transport_order(order, names)
    origin = grid_origin(reference, shape)
    anchor = unitary_mixing(mixing, chosen.size)
    accuracy = transport_tolerance(tolerance)
    energies, vectors = eigenframes(hamiltonian, grid)
    links = [_links(hamiltonian, grid, axis, chosen, accuracy) for axis in range(len(shape))]
    rows, frame = _frames(vectors[..., chosen], links, origin, sequence, anchor)
    method = "transport along " + ", ".join(names[axis] for axis in sequence)
    left = [_left_over(frame, links[axis], axis) for axis in range(len(shape))]
    spacings = [np.diff(np.asarray(axis, dtype=np.float64)) for axis in axes]
    if smooth:
        gauge = smoothest_gauge(left, spacings, origin)
        rows, frame = rows @ gauge, frame @ gauge
        method += ", then turned to the least coupling"
        left = [_left_over(frame, links[axis], axis) for axis in range(len(shape))]
    couplings = tuple(
        -unitary_logarithm(link) / _along(spacing, axis, len(shape))
        for axis, (link, spacing) in enumerate(zip(left, spacings, strict=True))
    )
    flips = sum(int(np.isinf(_norm(coupling)).sum()) for coupling in couplings)
    basis = DiabaticBasis(
        points=grid,
        energies=energies[..., chosen],
        mixing=rows,
        levels=tuple(chosen.tolist()),
        method=method,
        frame=frame,
        error_estimate=accuracy * sum(shape) if chosen.size < hamiltonian.dimension else 0.0,
        warnings=(_FLIPS.format(flips),) if flips else (),
        units=hamiltonian.units,
    )
    turn = rows[..., np.newaxis, np.newaxis, :, :]
    states = frame @ adjoint(rows)
    curl = adjoint(turn) @ _curl(hamiltonian, grid, energies, vectors, states, chosen) @ turn
    return GridDiabatization(basis, couplings, curl)


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
    return _curl(hamiltonian, points, energies, vectors, vectors[..., chosen], chosen)


def _curl(
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
    slopes = adjoint(outer) @ gradients(hamiltonian, points) @ states[..., np.newaxis, :, :]
    down = slopes / gaps.swapaxes(-1, -2)[..., np.newaxis, :, :]
    product = -np.einsum("...aqi,...bqj->...abij", down.conj(), down)
    return product.swapaxes(-3, -4) - product


def _frames(
    vectors: Matrices,
    links: Sequence[Matrices],
    origin: tuple[int, ...],
    sequence: Sequence[int],
    anchor: Matrices,
) -> tuple[Matrices, Matrices]:
    """Return T and the diabatic states C, carried from the origin along one axis after another.

    A row of T is an adiabatic state: its phase follows that of the same row one point earlier.
    """
    shape = vectors.shape[:-2]
    start = _conventional(vectors[origin])
    dtype = np.result_type(start, anchor, *links)
    frame = np.empty((*shape, *vectors.shape[-2:]), dtype=dtype)
    rows = np.empty((*shape, *anchor.shape), dtype=dtype)
    frame[origin], rows[origin] = start @ anchor, anchor
    where: list[int | slice] = list(origin)
    for axis in sequence:
        where[axis] = slice(None)
        # Axes that have been walked are whole, those to come are at the origin.
        place = tuple(where)
        position = sum(isinstance(entry, slice) for entry in where[:axis])
        part, mixing = (np.moveaxis(a[place], position, 0) for a in (frame, rows))
        found, link = (np.moveaxis(a[place], position, 0) for a in (vectors, links[axis]))
        for old, new in _outward(shape[axis], origin[axis]):
            step = link[old] if new > old else adjoint(link[new])
            part[new] = step @ part[old]
            row = adjoint(found[new]) @ part[new]
            overlap = np.sum(mixing[old] * row.conj(), axis=-1)
            size = np.abs(overlap)
            phase = np.where(size > 1e-8, overlap, 1.0) / np.where(size > 1e-8, size, 1.0)
            mixing[new] = phase[..., np.newaxis] * row
    return rows, frame


def _outward(count: int, origin: int) -> list[tuple[int, int]]:
    """Return the steps (from, to) that reach every index from the origin."""
    return list(pairwise(range(origin, count))) + list(pairwise(range(origin, -1, -1)))


def _links(
    hamiltonian: Hamiltonian,
    grid: FloatArray,
    axis: int,
    chosen: npt.NDArray[np.intp],
    tolerance: float,
) -> Matrices:
    """Return the transporters between neighbours along one axis of the grid."""
    moved = np.moveaxis(grid, axis, 0)
    shape = moved[1:].shape[:-1]
    start, stop = (part.reshape(-1, grid.shape[-1]) for part in (moved[:-1], moved[1:]))
    found = transporters(hamiltonian, start, stop, chosen, tolerance)
    return np.moveaxis(found.reshape(*shape, hamiltonian.dimension, hamiltonian.dimension), 0, axis)


def _left_over(frame: Matrices, link: Matrices, axis: int) -> Matrices:
    """Return C†(next) V C for every link: the identity where no coupling is left."""
    moved, carried = np.moveaxis(frame, axis, 0), np.moveaxis(link, axis, 0)
    return np.moveaxis(adjoint(moved[1:]) @ carried @ moved[:-1], 0, axis)


def _conventional(vectors: Matrices) -> Matrices:
    """Return vectors with the largest component of each real and positive."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[np.newaxis], axis=0)
    return vectors * (np.abs(largest) / largest)


def _along(spacing: FloatArray, axis: int, count: int) -> FloatArray:
    return spacing.reshape((*(-1 if k == axis else 1 for k in range(count)), 1, 1))


def _norm(matrices: Matrices) -> FloatArray:
    return np.sqrt(np.sum(np.abs(matrices) ** 2, axis=(-2, -1)))
