"""Derivative couplings by the quotient formula, of first and second order, and along trajectories.

Everything is exact in the derivatives of H: eigenvectors are never differentiated numerically.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, choice, fail, of_shape, positive, real_array
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.geometry._adiabatic import (
    Adiabatic,
    Indices,
    check_degenerate,
    check_levels,
    drop_axes,
    over_points,
    point_text,
)
from anticrossing.geometry._paths import check_hamiltonian, check_single
from anticrossing.hamiltonian import Hamiltonian, Matrices

ORDERS = ("energy", "character")

_NO_COUPLING = 1e-8  # of the largest slope, between levels that pass through each other
_RECOGNIZED = 0.5  # overlap below which it is open which state continues which


def derivative_couplings(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: Sequence[int] | None = None,
    degenerate: str = "refuse",
    threads: int | None = None,
) -> Matrices:
    """Return the first-order derivative couplings of all pairs of levels.

    ``d_ij = ⟨φ_i|∂φ_j⟩ = ⟨φ_i|∂H|φ_j⟩/(E_j − E_i)`` for i ≠ j, and ``d_ii = 0``: a vector field
    over the coordinates, which grows as 1/distance towards a conical intersection. Only ``|d_ij|``
    is free of the phases of the levels, which differ from point to point here: see
    `trajectory_couplings` for signs that are consistent along a path.

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
        What to do where levels agree to rounding: an error, or NaN for the coupling between them.
        With ``"multiplets"`` levels that stay together, as the components of a triplet, are not
        coupled among themselves; what couples them to others depends on the basis within the
        multiplet, and its norm over the block, ``√Σ_{i∈A, j∈B}|d_ij|²``, does not. Levels that only
        meet are still an error.
    threads : int, optional
        Threads to use, all cores by default; results do not depend on it.

    Returns
    -------
    array, shape (..., f, N, N), for one coordinate (..., N, N)
        Per unit of the coordinate; real and antisymmetric for a real H, otherwise anti-Hermitian.

    Raises
    ------
    InputError
        At a degeneracy (naming levels, point and gap), for points with the wrong number of
        coordinates, or where H or its derivative is not finite.

    References
    ----------
    B. H. Lengsfield, D. R. Yarkony, Adv. Chem. Phys. 82, 1 (1992).

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])     # d₁₂ = V ΔF/(ΔF² x² + 4 V²)
    >>> np.abs(derivative_couplings(H, [0.0, 1.0])[:, 0, 1])
    array([1. , 0.2])
    """
    how = check_degenerate(degenerate)
    chosen = check_levels(hamiltonian, levels)

    def compute(basis: Adiabatic) -> tuple[npt.NDArray[Any], ...]:
        return (couplings_of(basis, chosen, how)[..., chosen[:, np.newaxis], chosen],)

    (found,) = over_points(hamiltonian, x, compute, threads=threads)
    return np.asarray(drop_axes(hamiltonian, found, -3))


def couplings_of(basis: Adiabatic, chosen: Indices, how: str) -> Matrices:
    """Return ``d_ij`` of all levels, with what the option says of those that are degenerate."""
    if how == "refuse":
        basis.refuse_degenerate("derivative couplings", chosen, others=False)
    elif how == "multiplets":
        basis.refuse_parting("derivative couplings", chosen, others=False)
        return np.asarray(basis.kept(basis.couplings, basis.degenerate & ~basis.parted))
    return basis.couplings


def second_order_couplings(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    levels: Sequence[int] | None = None,
    degenerate: str = "refuse",
    threads: int | None = None,
) -> Matrices:
    """Return the second-order derivative couplings of all pairs of levels, by coordinate.

    ``⟨φ_i|∂_a²φ_j⟩ = ∂_a d^a_ij + (d^a d^a)_ij``, in eigenvectors with ``⟨φ_j|∂_aφ_j⟩ = 0`` along
    the coordinate line; the derivative of ``d^a`` follows from the second derivatives of H. Its
    diagonal is ``−Σ_{k≠i}|d^a_ik|²``. The kinetic energy ``−Σ_a ∂_a²/2m_a`` couples levels by
    ``−Σ_a (2 d^a_ij ∂_a + ⟨φ_i|∂_a²φ_j⟩)/2m_a``.

    Parameters
    ----------
    hamiltonian, x, levels, threads
        As for `derivative_couplings`.
    degenerate : {"refuse", "nan"}
        What to do where levels agree to rounding: an error, or NaN for all couplings of them.

    Returns
    -------
    array, shape (..., f, N, N), for one coordinate (..., N, N)
        Per unit of the coordinate squared.

    Raises
    ------
    InputError
        As `derivative_couplings`.

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])
    >>> second_order_couplings(H, 0.0).diagonal()
    array([-1., -1.])
    """
    keep = choice("degenerate", degenerate, ("refuse", "nan")) == "nan"
    chosen = check_levels(hamiltonian, levels)

    def compute(basis: Adiabatic) -> tuple[npt.NDArray[Any], ...]:
        if not keep:
            basis.refuse_degenerate("derivative couplings", chosen)
        found = basis.coupling_derivatives() + basis.couplings @ basis.couplings
        return (found[..., chosen[:, np.newaxis], chosen],)

    (found,) = over_points(hamiltonian, x, compute, order=2, threads=threads)
    return np.asarray(drop_axes(hamiltonian, found, -3))


def diagonal_correction(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    masses: npt.ArrayLike,
    *,
    levels: Sequence[int] | None = None,
    degenerate: str = "refuse",
    threads: int | None = None,
) -> FloatArray:
    """Return the diagonal Born–Oppenheimer correction of every level.

    ``½ Σ_a Σ_{j≠i} |d^a_ij|²/m_a`` (ħ = 1), the energy ``−Σ_a ⟨φ_i|∂_a²φ_i⟩/2m_a``.

    Parameters
    ----------
    hamiltonian, x, levels, threads
        As for `derivative_couplings`.
    masses : float or array, shape (f,)
        Masses of the coordinates, one number for all or one each, positive: such that
        1/(mass · coordinate²) is an energy in the Hamiltonian's units, as in atomic units.
    degenerate : {"refuse", "nan", "multiplets"}
        What to do where levels agree to rounding: an error, or NaN for their corrections. With
        ``"multiplets"`` levels that stay together have one correction, by their couplings to all
        others, averaged over the multiplet; levels that only meet are still an error.

    Returns
    -------
    array, shape (..., N)
        Energy, never negative.

    Raises
    ------
    InputError
        If a mass is not positive, or as `derivative_couplings`.

    References
    ----------
    N. C. Handy, Y. Yamaguchi, H. F. Schaefer, J. Chem. Phys. 84, 4481 (1986).

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])
    >>> diagonal_correction(H, 0.0, masses=1000.0)
    array([0.0005, 0.0005])
    """
    check_hamiltonian(hamiltonian)
    how = check_degenerate(degenerate)
    chosen = check_levels(hamiltonian, levels)
    mass = positive("masses", masses)
    count = len(hamiltonian.coordinates)
    of_shape("masses", mass, (), (count,))
    with np.errstate(over="ignore"):
        inverse = np.broadcast_to(1 / mass, (count,))
    if not np.isfinite(inverse).all():
        raise fail("masses", "have a finite inverse", f"one is {mass.min():g}")

    def compute(basis: Adiabatic) -> tuple[npt.NDArray[Any], ...]:
        if how == "refuse":
            basis.refuse_degenerate("derivative couplings", chosen)
        couplings = basis.couplings
        if how == "multiplets":
            basis.refuse_parting("derivative couplings", chosen)
            couplings = basis.kept(couplings, basis.degenerate & ~basis.parted)
        found = 0.5 * np.einsum("pai,a->pi", np.sum(np.abs(couplings) ** 2, axis=-1), inverse)
        return ((basis.averaged(found) if how == "multiplets" else found)[:, chosen],)

    (found,) = over_points(hamiltonian, x, compute, threads=threads)
    return np.asarray(found)


@dataclass(frozen=True, eq=False)
class TrajectoryCouplings(Result):
    """Levels and couplings along a trajectory, with consistent signs (see `trajectory_couplings`).

    Attributes
    ----------
    energies : array, shape (k, N)
    vectors : array, shape (k, N, N)
        Eigenvectors in columns; each continues its column of the point before, up to the order.
    couplings : array, shape (k, f, N, N), for one coordinate (k, N, N)
        ``d_ij`` between these vectors.
    levels : array of int, shape (k, N)
        Which level, counted by energy, each state of the first point has become.
    """

    energies: FloatArray
    vectors: Matrices
    couplings: Matrices
    levels: npt.NDArray[np.intp]

    def variables(self) -> dict[str, Variable]:
        over = () if self.couplings.ndim == 3 else ("coordinate",)
        return {
            "energy": Variable(("place", "state"), self.energies, "energy of the state"),
            "level": Variable(("place", "state"), self.levels, "level that the state has become"),
            "coupling": Variable(
                ("place", *over, "row", "column"), self.couplings, "derivative coupling"
            ),
            "vectors": Variable(("place", "component", "state"), self.vectors, "eigenvectors"),
        }


def trajectory_couplings(
    hamiltonian: Hamiltonian, x: npt.ArrayLike, *, order: str = "energy"
) -> TrajectoryCouplings:
    """Return derivative couplings along a trajectory, without jumps of sign.

    From point to point every state is continued by the one that it overlaps most with, and the
    overlap made positive. Where levels meet on a point, the vectors of the degenerate space are
    those closest to the vectors before; the coupling between levels that pass through each other
    is zero there.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with f coordinates and single parameter values.
    x : array, shape (k, f), for one coordinate (k,)
        Points in the order of the trajectory, so close that states are recognised.
    order : {"energy", "character"}
        Columns sorted by energy at every point, or each following its state through crossings
        (sorted at the first point). Signs are continuous along each state in both.

    Returns
    -------
    TrajectoryCouplings

    Raises
    ------
    InputError
        If two points are too far apart to recognise the states, if the trajectory meets a
        degeneracy of coupled levels (naming levels, point and gap), or for a batch.

    Notes
    -----
    Rounding mixes levels that pass through each other within ε|H|/gap: right at a crossing that is
    missed by less than about 1e-7 of the width of the spectrum, their coupling is lost in it.

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])
    >>> found = trajectory_couplings(H, np.linspace(-2, 2, 41))
    >>> d = found.couplings[:, 0, 1]
    >>> bool(np.all(d > 0) or np.all(d < 0))
    True
    """
    choice("order", order, ORDERS)
    points = _trajectory(hamiltonian, x)

    def compute(basis: Adiabatic) -> tuple[npt.NDArray[Any], ...]:
        return basis.energies, basis.vectors, basis.slopes, basis.gaps, basis.degenerate

    energies, vectors, slopes, gaps, degenerate = over_points(hamiltonian, points, compute)
    frames, levels = _align(vectors, degenerate)
    if order == "energy":
        frames = np.take_along_axis(frames, np.argsort(levels, axis=-1)[:, np.newaxis], axis=-1)
        columns = np.broadcast_to(np.arange(hamiltonian.dimension), levels.shape)
    else:
        columns = levels
    slopes = frames.conj().swapaxes(-1, -2)[:, np.newaxis] @ slopes @ frames[:, np.newaxis]
    pairs = (
        np.arange(points.shape[0])[:, np.newaxis, np.newaxis],
        columns[:, :, np.newaxis],
        columns[:, np.newaxis, :],
    )
    met = degenerate[pairs]
    coupled = met & (np.abs(slopes).max(axis=1) > _NO_COUPLING * np.abs(slopes).max())
    if coupled.any():
        k, i, j = (int(index) for index in np.argwhere(coupled)[0])
        i, j = sorted((int(columns[k, i]), int(columns[k, j])))
        raise fail(
            "x",
            "avoid degeneracies of coupled levels",
            f"levels {i} and {j} are degenerate at {point_text(hamiltonian, points[k])} "
            f"(gap {energies[k, j] - energies[k, i]:.3g})",
        )
    couplings = slopes / np.where(met, 1.0, gaps[pairs])[:, np.newaxis]
    couplings[np.broadcast_to(met[:, np.newaxis], couplings.shape)] = 0.0
    own = np.arange(hamiltonian.dimension)
    couplings[..., own, own] = 0.0
    return TrajectoryCouplings(
        energies=np.take_along_axis(energies, columns, axis=-1),
        vectors=vectors @ frames,
        couplings=drop_axes(hamiltonian, couplings, -3),
        levels=levels,
    )


def _trajectory(hamiltonian: Hamiltonian, x: npt.ArrayLike) -> FloatArray:
    check_single(hamiltonian)
    points = real_array("x", x, ndim=2 if len(hamiltonian.coordinates) > 1 else 1)
    if points.shape[0] == 0:
        raise fail("x", "hold at least one point", "it is empty")
    return points


def _align(
    vectors: Matrices, degenerate: npt.NDArray[np.bool_]
) -> tuple[Matrices, npt.NDArray[np.intp]]:
    """Return what turns sorted eigenvectors into continued ones, and the level of each of these."""
    # The columns of the first result (k, N, N), unitary, are the states of the first point.
    count, size = vectors.shape[:2]
    overlaps = vectors[1:].conj().swapaxes(-1, -2) @ vectors[:-1]
    frames = np.zeros_like(vectors)
    levels = np.zeros((count, size), dtype=np.intp)
    # Where levels meet nothing tells which vectors to begin with: begin elsewhere if possible.
    isolated = ~degenerate.any(axis=(1, 2))
    start = int(np.argmax(isolated))
    frames[start], levels[start] = np.eye(size), np.arange(size)
    for k in range(start + 1, count):
        frames[k], levels[k] = _continue(overlaps[k - 1] @ frames[k - 1], degenerate[k], k)
    for k in range(start - 1, -1, -1):
        back = overlaps[k].conj().T @ frames[k + 1]
        frames[k], levels[k] = _continue(back, degenerate[k], k + 1)
    first = np.argsort(levels[0])
    return frames[..., first], levels[:, first]


def _continue(
    overlap: Matrices, degenerate: npt.NDArray[np.bool_], step: int
) -> tuple[Matrices, npt.NDArray[np.intp]]:
    """Return the frame next to one with this overlap [level here, state there], and the levels."""
    weights = np.abs(overlap) ** 2
    together = degenerate | np.eye(weights.shape[0], dtype=np.bool_)
    if not degenerate.any() and np.all(weights.diagonal() > 0.5):
        states = np.arange(weights.shape[0])  # no other order can be better
    else:
        from scipy.optimize import linear_sum_assignment

        states = linear_sum_assignment(together @ weights, maximize=True)[1]
    frame = np.zeros_like(overlap)
    done = np.zeros(states.size, dtype=np.bool_)
    for level in range(states.size):
        if done[level]:
            continue
        block = np.flatnonzero(together[level] & ~done)
        done[block] = True
        columns = states[block] = np.sort(states[block])  # which of them is which is open
        left, sizes, right = np.linalg.svd(overlap[block[:, np.newaxis], columns])
        if sizes.min() < _RECOGNIZED:
            raise fail(
                "x",
                "follow the trajectory in smaller steps",
                f"level {level} changes beyond recognition between points {step - 1} and {step} "
                f"(overlap {sizes.min():.2g})",
            )
        frame[block[:, np.newaxis], columns] = left @ right
    return frame, np.argsort(states)
