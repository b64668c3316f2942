"""Smooth frames of eigenvectors along a path, and what a change of their phases does.

Eigenvectors come out of a computer with arbitrary phases. Parallel transport removes the
arbitrariness along a path: each vector changes by as little as it can, ``⟨φ_j|dφ_j⟩ = 0``, and so
does each space of degenerate vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    last_axis,
    of_shape,
    positive_number,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units
from anticrossing.geometry._paths import (
    CLOSED_GAP,
    borders,
    check_levels,
    check_points,
    check_single,
    describe_point,
    eigenframes,
    own_shape,
    polyline,
)
from anticrossing.geometry._transport import (
    Sampler,
    chain,
    transport_between_dips,
    transport_panels,
)
from anticrossing.hamiltonian import Hamiltonian, Matrices, number_array

ORDERS = ("energy", "tracked")
_EIGENVECTOR = 1e-8  # relative residual above which given vectors are not eigenvectors


@dataclass(frozen=True, eq=False)
class Frames(Result):
    """Energies and transported eigenvectors at k points of a path.

    Attributes
    ----------
    hamiltonian : Hamiltonian
        Whose frames they are.
    points : array, shape (k, f), or (k,) for one coordinate
        The points as given.
    energies : array, shape (k, N)
        ``energies[:, j]`` belongs to column j of `vectors`.
    vectors : array, shape (k, N, N)
        Columns are the transported eigenvectors.
    levels : array of int, shape (k, N)
        The level, counted by energy, on which each column lies.
    blocks : tuple of tuples of int
        The levels that were transported together; empty for tracked levels.
    error : float
        Estimated error of the transport, summed over the path.
    evaluations : int
        How many points were diagonalised.
    """

    hamiltonian: Hamiltonian
    points: FloatArray
    energies: FloatArray
    vectors: Matrices
    levels: npt.NDArray[np.intp]
    blocks: tuple[tuple[int, ...], ...]
    error: float
    evaluations: int

    def variables(self) -> dict[str, Variable]:
        several = self.points.ndim > 1
        units = self.hamiltonian.units
        where = ("place", "coordinate") if several else ("place",)
        coordinate = Variable(where, self.points, "place", in_units("coordinate", units))
        return {
            "position" if several else "place": coordinate,
            "energy": Variable(
                ("place", "state"), self.energies, "energy", in_units("energy", units)
            ),
            "level": Variable(("place", "state"), self.levels, "level of the state"),
            "vectors": Variable(("place", "component", "state"), self.vectors, "eigenvectors"),
            "error": Variable((), self.error, "error of the transport"),
            "evaluations": Variable((), self.evaluations, "points that were diagonalised"),
        }

    def couplings(self) -> Matrices:
        """Return d_ij = ⟨φ_i|∇φ_j⟩ in these frames, with signs that do not jump.

        ``d_ij = ⟨φ_i|∇H|φ_j⟩/(E_j − E_i)``; the diagonal is left zero, which is its value along
        the path.

        Returns
        -------
        array, shape (k, f, N, N), or (k, N, N) for one coordinate

        Raises
        ------
        InputError
            Where two levels are degenerate: the quotient does not exist there.
        """
        return _couplings(self)

    def __str__(self) -> str:
        return (
            f"{self.points.shape[0]} frames of {self.energies.shape[1]} levels, transported with "
            f"{self.evaluations} diagonalisations (error {self.error:.1g})"
        )


def transport(
    hamiltonian: Hamiltonian,
    path: npt.ArrayLike,
    *,
    order: str = "energy",
    blocks: Sequence[Sequence[int]] | None = None,
    initial: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
) -> Frames:
    """Return eigenvectors that are parallel transported along a path of straight segments.

    Between the points the path is refined until the frames at the points are exact to the
    tolerance, however far apart the points are. A single level obeys ``⟨φ_j|dφ_j⟩ = 0``; in a
    block A of levels ``⟨φ_i|dφ_j⟩ = 0`` for all i, j in A. One step multiplies the vectors V' at
    the next point by U†, with U the unitary polar factor of ``V†V'``.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With any number f of coordinates and single parameter values.
    path : array, shape (k, f), or (k,) for one coordinate
        At least two points, in order.
    order : {"energy", "tracked"}
        Columns follow the levels sorted by energy, which must not meet; or go straight on where
        levels cross. A crossing avoided by less than 1e-8 of the largest energy counts as a
        crossing, and one that is narrow against an eighth of the distance of the points may do.
    blocks : sequence of sequences of int, optional
        Levels that are transported together because they meet on the path; a level not named is a
        block of its own. By default levels that are degenerate at every point form blocks. For
        tracked levels blocks are found at every point, and may not be given.
    initial : array, shape (N, N), optional
        Eigenvectors at the first point (columns, in order of energy) to start from: the end of an
        earlier path, say.
    tolerance : float
        Wanted error of the frame at the end.

    Returns
    -------
    Frames

    Raises
    ------
    InputError
        For arguments that cannot be used, or where levels of different blocks meet; the message
        says where.
    ConvergenceError
        If H is not continuous along the path.

    References
    ----------
    T. Kato, J. Phys. Soc. Jpn. 5, 435 (1950); F. Wilczek, A. Zee, Phys. Rev. Lett. 52, 2111
    (1984).

    Examples
    --------
    Once around a conical intersection, the ground state comes back with the other sign.

    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    >>> frames = transport(H, [[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]])
    >>> round(float(frames.vectors[0, :, 0] @ frames.vectors[-1, :, 0]), 12)
    -1.0
    """
    check_single(hamiltonian)
    points = check_points("path", hamiltonian, path)
    if points.shape[0] < 2:
        raise fail("path", "have at least two points", f"it has {points.shape[0]}")
    tracked = choice("order", order, ORDERS) == "tracked"
    wanted = positive_number("tolerance", tolerance)
    size = hamiltonian.dimension
    if tracked and blocks is not None:
        raise fail("blocks", "not be given for tracked levels", f"it is {describe(blocks)}")
    given = None if blocks is None else _check_blocks(blocks, size)
    energies, vectors = eigenframes(hamiltonian, points)
    if initial is not None:
        initial = _check_initial(initial, energies[0], vectors[0])
    if given is None:
        given = () if tracked else _degenerate_blocks(energies)

    mask = np.zeros((size, size), dtype=np.bool_)
    for block in given:
        mask[np.ix_(block, block)] = True
    edges = np.flatnonzero(~np.diagonal(mask, offset=1))
    sampler = Sampler(hamiltonian, polyline(points), np.arange(size), mask, edges, tracked=tracked)
    ticks = np.arange(points.shape[0], dtype=np.float64)
    if tracked:
        panels = transport_panels(sampler, ticks, wanted)
    else:
        panels, _, _ = transport_between_dips(sampler, ticks, wanted)

    first = panels[0].first
    gauge: Matrices = np.eye(size) if initial is None else first.conj().T @ initial
    gauges = chain(sampler, panels, gauge)
    ends = [(panels[0].end_energies[0], first, gauge)]
    ends += [
        (panel.end_energies[1], panel.last, g)
        for panel, g in zip(panels, gauges, strict=True)
        if panel.stop == np.round(panel.stop)  # a point of the path, not of its refinement
    ]
    weights = np.abs(np.stack([g for _, _, g in ends])) ** 2  # [point, level, column]
    followed = np.stack([e for e, _, _ in ends])
    return Frames(
        hamiltonian=hamiltonian,
        points=own_shape(hamiltonian, points),
        energies=np.einsum("kba,kb->ka", weights, followed),
        vectors=np.stack([v @ g for _, v, g in ends]),
        levels=_levels(weights),
        blocks=given,
        error=float(sum(panel.error for panel in panels)),
        evaluations=sampler.evaluations,
    )


def _levels(weights: FloatArray) -> npt.NDArray[np.intp]:
    """Return the sorted level of each column; columns of one block count in their order."""
    mean = np.einsum("kba,b->ka", weights, np.arange(weights.shape[1], dtype=np.float64))
    order = np.argsort(np.round(mean, 6), axis=1, kind="stable")
    return np.argsort(order, axis=1)


def _degenerate_blocks(energies: FloatArray) -> tuple[tuple[int, ...], ...]:
    closed = np.diff(energies, axis=1) <= CLOSED_GAP * np.abs(energies).max()
    number = np.concatenate(([0], np.cumsum(~closed.all(axis=0))))
    return tuple(
        tuple(int(level) for level in np.flatnonzero(number == k)) for k in range(number[-1] + 1)
    )


def _check_blocks(blocks: Any, size: int) -> tuple[tuple[int, ...], ...]:
    if isinstance(blocks, (str, bytes)) or not isinstance(blocks, Sequence):
        raise fail("blocks", "be a list of lists of levels", f"it is {describe(blocks)}")
    if any(np.ndim(block) == 0 for block in blocks):
        raise fail("blocks", "be a list of lists of levels", f"it is {describe(blocks)}")
    result = [check_levels("blocks", block, size) for block in blocks]
    named = [level for block in result for level in block]
    if len(set(named)) < len(named):
        raise fail("blocks", "name each level once", f"it is {describe(blocks)}")
    result += [(level,) for level in range(size) if level not in named]
    for block in result:
        if borders(block, size).size > 2 or block[-1] - block[0] + 1 != len(block):
            raise fail("blocks", "hold neighbouring levels", f"one is {block}")
    return tuple(sorted(result))


def _check_initial(initial: Any, energies: FloatArray, vectors: Matrices) -> Matrices:
    array = of_shape("initial", number_array("initial", initial), vectors.shape)
    overlap = vectors.conj().T @ array
    residual = energies[:, np.newaxis] * overlap - overlap * energies
    unitary = overlap.conj().T @ overlap - np.eye(energies.size)
    scale = max(float(np.abs(energies).max()), np.finfo(np.float64).tiny)
    worst = max(float(np.abs(residual).max()) / scale, float(np.abs(unitary).max()))
    if worst > _EIGENVECTOR:
        raise fail(
            "initial",
            "hold the orthonormal eigenvectors at the first point, in order of energy",
            f"they deviate by {worst:.3g}",
        )
    return array.astype(np.result_type(vectors, array))


def _couplings(frames: Frames) -> Matrices:
    differences = frames.energies[:, np.newaxis, :] - frames.energies[:, :, np.newaxis]
    same = np.eye(frames.energies.shape[1], dtype=np.bool_)
    scale = float(np.abs(frames.energies).max())
    closed = (np.abs(differences) <= CLOSED_GAP * scale) & ~same
    if closed.any():
        k, i, j = (int(axis[0]) for axis in np.nonzero(closed))
        lower, upper = sorted((int(frames.levels[k, i]), int(frames.levels[k, j])))
        raise fail(
            "frames",
            "have no degenerate levels where couplings are asked for",
            f"levels {lower} and {upper} meet at {describe_point(frames.points[k])}",
        )
    several = len(frames.hamiltonian.coordinates) > 1
    axis = (slice(None), np.newaxis) if several else (slice(None),)
    vectors, divisor = frames.vectors[axis], np.where(same, 1.0, differences)[axis]
    slopes = vectors.conj().swapaxes(-1, -2) @ frames.hamiltonian.gradient(frames.points) @ vectors
    return np.where(same, 0.0, slopes / divisor)


@dataclass(frozen=True, eq=False)
class Gauge:
    """A change of phases ``φ_j → e^{iθ_j(R)} φ_j`` and what it does to each quantity.

    ========================================== =====================================
    quantity                                   becomes
    ========================================== =====================================
    energies, ``|d_ij|``, curvature,           unchanged
    Wilson loop spectra, Chern numbers
    eigenvectors φ_j                           ``e^{iθ_j} φ_j``
    couplings d_ij, matrix elements O_ij       ``e^{−i(θ_i − θ_j)}`` times themselves
    diagonal d_jj = ⟨φ_j|∇φ_j⟩                 ``d_jj + i∇θ_j``
    Berry connection A_j = i⟨φ_j|∇φ_j⟩         ``A_j − ∇θ_j``
    ========================================== =====================================

    Phases that are all multiples of π are signs, and keep real quantities real.

    Parameters
    ----------
    phases : array, shape (..., N)
        θ_j (radians) at the points.
    gradients : array, shape (..., f, N), or (..., N) for one coordinate, optional
        ∇θ_j (radians per coordinate), laid out like the couplings; without it the phases do not
        depend on R.

    Raises
    ------
    InputError
        For phases that are not real and finite, or shapes that do not fit.

    Examples
    --------
    >>> gauge = Gauge([0.0, np.pi / 2])
    >>> gauge.couplings(np.array([[0.0, 1.0], [-1.0, 0.0]])).round(3)
    array([[ 0.+0.j,  0.+1.j],
           [-0.+1.j,  0.+0.j]])
    """

    phases: npt.ArrayLike
    gradients: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        phases = real_array("phases", self.phases)
        if phases.ndim == 0 or phases.shape[-1] == 0:
            raise fail("phases", "have one entry for each level", f"its shape is {phases.shape}")
        object.__setattr__(self, "phases", phases)
        if self.gradients is None:
            return
        gradients = real_array("gradients", self.gradients)
        shape = phases.shape
        several = gradients.ndim == phases.ndim + 1
        if gradients.shape != shape and not (
            several and gradients.shape[:-2] + gradients.shape[-1:] == shape
        ):
            raise fail(
                "gradients",
                f"have the shape {shape} of the phases, with a coordinate axis before the last "
                "one if there are several coordinates",
                f"its shape is {gradients.shape}",
            )
        object.__setattr__(self, "gradients", gradients)

    @property
    def factors(self) -> Matrices:
        """``e^{iθ_j}``, shape (..., N); real where all are signs."""
        turns = np.asarray(self.phases) / np.pi
        if np.all(turns == np.round(turns)):
            return np.where(np.round(turns) % 2 == 0, 1.0, -1.0)
        return np.asarray(np.exp(1j * np.asarray(self.phases)))

    def vectors(self, vectors: npt.ArrayLike) -> Matrices:
        """Return eigenvectors (..., N, N), columns, in the new gauge."""
        return self._fits("vectors", vectors, 2, square=False) * self.factors[..., np.newaxis, :]

    def operator(self, matrix: npt.ArrayLike) -> Matrices:
        """Return matrix elements ⟨φ_i|O|φ_j⟩ (..., N, N) in the new gauge."""
        return _turn(self._fits("matrix", matrix, 2), self.factors)

    def couplings(self, couplings: npt.ArrayLike) -> Matrices:
        """Return d (..., f, N, N), or (..., N, N) for one coordinate, in the new gauge."""
        factors = self.factors
        d = number_array("couplings", couplings)
        one = d.ndim < factors.ndim + 2
        d = self._fits("couplings", d, 2 if one else 3)
        if not one:
            factors = factors[..., np.newaxis, :]
        turned = _turn(d, factors)
        if self.gradients is None:
            return turned
        gradients = self._fitting(turned.shape[:-1])
        return np.asarray(turned + 1j * gradients[..., np.newaxis] * np.eye(d.shape[-1]))

    def connection(self, connection: npt.ArrayLike) -> FloatArray:
        """Return A (..., f, N), or (..., N) for one coordinate, in the new gauge."""
        a = real_array("connection", connection)
        phases = np.asarray(self.phases)
        last_axis("connection", a, phases.shape[-1])
        return a if self.gradients is None else np.asarray(a - self._fitting(a.shape))

    def _fits(self, name: str, values: npt.ArrayLike, own: int, *, square: bool = True) -> Matrices:
        """Return finite values with `own` axes after the point axes, the last over levels."""
        array = number_array(name, values)
        shape = np.shape(self.phases)
        wanted = (shape[-1],) * (1 + square)
        fits = array.ndim >= own and array.shape[-len(wanted) :] == wanted
        if fits:
            try:
                np.broadcast_shapes(array.shape[:-own], shape[:-1])
            except ValueError:
                fits = False
        if not fits:
            raise fail(name, f"fit phases of shape {shape}", f"its shape is {array.shape}")
        return array

    def _fitting(self, shape: tuple[int, ...]) -> FloatArray:
        return of_shape("gradients", np.asarray(self.gradients), shape)


def _turn(matrix: Matrices, factors: Matrices) -> Matrices:
    left = factors.conj()[..., :, np.newaxis]
    return np.asarray(left * matrix * factors[..., np.newaxis, :])
