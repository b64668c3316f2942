"""A diabatic basis on a grid of several coordinates, and the coupling that it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, check_flag
from anticrossing._core.drawing import new_axes
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.geometry._diabatic_arguments import (
    chosen_levels,
    grid_origin,
    grid_points,
    transport_order,
    transport_tolerance,
    unitary_mixing,
)
from anticrossing.geometry._diabatic_smoothing import smoothest_gauge
from anticrossing.geometry._diabatic_transport import carried_frames, transporters
from anticrossing.geometry._paths import check_single, eigenframes
from anticrossing.geometry._unitary import unitary_logarithm
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.geometry.diabatization import curl_of_levels
from anticrossing.hamiltonian import Hamiltonian, Matrices

_FLIPS = (
    "a state changes its sign over {} link(s): the grid lies around an intersection with a level "
    "outside the set"
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
        ax.set(xlabel="link of the first coordinate", ylabel="point of the others")
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
        The names of the coordinates in the order of transport; as in H by default.
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
    rows, frame = carried_frames(vectors[..., chosen], links, origin, sequence, anchor)
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
    states = frame @ dagger(rows)
    curl = (
        dagger(turn) @ curl_of_levels(hamiltonian, grid, energies, vectors, states, chosen) @ turn
    )
    return GridDiabatization(basis, couplings, curl)


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
    return np.moveaxis(dagger(moved[1:]) @ carried @ moved[:-1], 0, axis)


def _along(spacing: FloatArray, axis: int, count: int) -> FloatArray:
    return spacing.reshape((*(-1 if k == axis else 1 for k in range(count)), 1, 1))


def _norm(matrices: Matrices) -> FloatArray:
    return np.sqrt(np.sum(np.abs(matrices) ** 2, axis=(-2, -1)))
