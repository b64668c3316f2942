"""Exceptional points: where two complex levels of H − iΓ/2 and their states become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    instance,
    integer,
    real_number,
    single_point,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.environment import Decay, Nodes
from anticrossing.hamiltonian import Hamiltonian

WIDTH = "width"
"""The name of the factor that widths are multiplied by, as a coordinate of the plane."""

_PER_EDGE = 3  # points on the edge of a cell
_MOST_STEPS = 60
_SAME = 1e-6  # of the plane
_REACH = 1.5  # cells that Newton's method may leave its own by
_LARGEST_OVERLAP = 1e-3  # that two states may lack at a point they share


@dataclass(frozen=True, eq=False, kw_only=True)
class ExceptionalPoints(Result):
    """Exceptional points in a plane, in order of the first coordinate.

    Attributes
    ----------
    coordinates : tuple of str
        The names of the two coordinates.
    positions : array, shape (K, 2)
    energies : array, shape (K,)
        The complex energy E − iΓ/2 that two levels share, in the Hamiltonian's unit.
    turns : array of int, shape (K,)
        +1 or −1: how often the phase of (E₁ − E₂)² turns on a small loop, the first coordinate
        towards the second.
    separations : array, shape (K,)
        |E₁ − E₂| that is left at the positions found.
    """

    coordinates: tuple[str, str]
    positions: FloatArray
    energies: ComplexArray
    turns: npt.NDArray[np.intp]
    separations: FloatArray
    warnings: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("point", "coordinate", text="exceptional point"),
        "energy": shown("point", text="complex energy that two levels share"),
        "turns": shown("point", text="turns of the squared distance on a small loop"),
        "separation": shown("point", text="distance that is left"),
    }

    def __len__(self) -> int:
        return len(self.positions)

    def _attributes(self) -> dict[str, Any]:
        return {"plane": ", ".join(self.coordinates)}


def find_exceptional_points(
    hamiltonian: Hamiltonian,
    decay: Decay,
    plane: Mapping[str, Sequence[float]],
    *,
    points: int = 41,
) -> ExceptionalPoints:
    """Find the points of a plane where two eigenvalues of H − iΓ/2 meet with their eigenvectors.

    Around such a point the phase of (E₁ − E₂)² turns by 2π. Cells of a grid around which the phase
    of Π_{i<j} (E_i − E_j)² turns are looked into by Newton's method. Of two points in one cell that
    turn in opposite directions nothing is seen: take more `points`.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        A single parameter point, of two coordinates or of one.
    decay : Decay
        The widths.
    plane : mapping of str to (low, high)
        Two names with their intervals: the coordinates of H; or the one coordinate and ``width``, a
        factor that all widths are multiplied by.
    points : int
        Grid points along each of them.

    Returns
    -------
    ExceptionalPoints

    Raises
    ------
    InputError
        For a batch, other names, or intervals that are none.

    References
    ----------
    W. D. Heiss, J. Phys. A 45, 444016 (2012).

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=0.6)
    >>> plane = {"x": (-2, 2), "width": (0, 3)}
    >>> found = find_exceptional_points(H, ac.environment.Decay([0, 1]), plane)
    >>> found.positions.round(8) + 0.0                # Γ/2 = g
    array([[0. , 1.2]])
    """
    instance("hamiltonian", hamiltonian, Hamiltonian)
    instance("decay", decay, Decay)
    single_point("hamiltonian", hamiltonian)
    single_point("decay", decay)
    decay.check(hamiltonian.dimension, hamiltonian.coordinates)
    if hamiltonian.dimension < 2:
        raise fail("hamiltonian", "have two levels or more", "it has one")
    names, low, high = _plane(plane, hamiltonian.coordinates)
    count = integer("points", points, minimum=3, maximum=2001)
    problem = _Problem(hamiltonian, decay.flat(()), names)
    axes = [np.linspace(a, b, count) for a, b in zip(low, high, strict=True)]
    cells, turns = _turning_cells(problem, axes)
    span, missed = high - low, 0
    found: list[tuple[FloatArray, complex, int, float]] = []
    for cell, turn in zip(cells, turns, strict=True):
        size = np.array([axis[1] - axis[0] for axis in axes])
        corner = np.array([axes[k][cell[k]] for k in range(2)])
        point = problem.refined(corner + 0.5 * size, size, span)
        if point is None:
            missed += 1
            continue
        place, energy, left = point
        if all(np.max(np.abs(place - other[0]) / span) > _SAME for other in found):
            found.append((place, energy, int(turn), left))
    found.sort(key=lambda entry: tuple(entry[0]))
    warnings: tuple[str, ...] = ()
    if missed:
        warnings = (
            f"in {missed} of the cells that something turns around no point was found: levels may "
            "meet in them without their states, or several points lie close; take more `points`",
        )
    return ExceptionalPoints(
        coordinates=names,
        positions=np.array([entry[0] for entry in found]).reshape(-1, 2),
        energies=np.array([entry[1] for entry in found], dtype=np.complex128),
        turns=np.array([entry[2] for entry in found], dtype=np.intp),
        separations=np.array([entry[3] for entry in found], dtype=np.float64),
        warnings=warnings,
    )


def _plane(
    plane: Any, coordinates: tuple[str, ...]
) -> tuple[tuple[str, str], FloatArray, FloatArray]:
    """Return the names of the two coordinates, and where they begin and end."""
    wanted = set(coordinates) if len(coordinates) == 2 else {*coordinates, WIDTH}
    if len(coordinates) > 2:
        raise fail("hamiltonian", "have one coordinate or two", f"it has {len(coordinates)}")
    if not isinstance(plane, Mapping) or set(plane) != wanted:
        must = f"give intervals of {' and '.join(sorted(wanted))}"
        raise fail("plane", must, f"it is {describe(plane)}")
    first, second = plane
    low, high = np.empty(2), np.empty(2)
    for k, name in enumerate((first, second)):
        if np.shape(plane[name]) != (2,):
            raise fail("plane", "hold pairs (low, high)", f"{name} has {describe(plane[name])}")
        low[k], high[k] = (real_number(name, value) for value in plane[name])
        if not low[k] < high[k]:
            raise fail(name, "have an interval (low, high)", f"it is {describe(plane[name])}")
        if name == WIDTH and name not in coordinates and low[k] < 0:
            raise fail(name, "not be negative", f"it begins at {low[k]:g}")
    return (str(first), str(second)), low, high


@dataclass(frozen=True)
class _Problem:
    """H − iΓ/2 in a plane."""

    hamiltonian: Hamiltonian
    decay: Decay
    names: tuple[str, str]

    def matrices(self, places: FloatArray) -> ComplexArray:
        """Return H − iΓ/2 at places (…, 2), in the Hamiltonian's unit, (…, N, N)."""
        coordinates = self.hamiltonian.coordinates
        order = [self.names.index(name) for name in coordinates]
        x = places[..., order] if len(order) == 2 else places[..., order[0]]
        h = np.asarray(self.hamiltonian(x), dtype=np.complex128)
        energies, vectors = np.linalg.eigh(h)
        shape, angular = places.shape[:-1], self.hamiltonian.units.angular
        nodes = Nodes(
            x,
            np.zeros(shape),
            energies,
            vectors,
            angular,
            np.zeros(shape, dtype=np.intp),
            np.zeros(shape),
        )
        gamma = self.decay.loss(nodes) / angular
        if len(order) == 1:
            factor = places[..., self.names.index(WIDTH)]
            gamma = gamma * factor[..., None, None]
        return np.asarray(h - 0.5j * gamma)

    def pair(self, place: FloatArray) -> tuple[complex, complex]:
        """Return the squared distance and the mean of the two closest levels."""
        values = np.linalg.eigvals(self.matrices(place))
        apart = np.abs(values[:, None] - values)
        np.fill_diagonal(apart, np.inf)
        i, j = np.unravel_index(np.argmin(apart), apart.shape)
        return complex((values[i] - values[j]) ** 2), complex(0.5 * (values[i] + values[j]))

    def refined(
        self, start: FloatArray, cell: FloatArray, span: FloatArray
    ) -> tuple[FloatArray, complex, float] | None:
        """Return the zero of the squared distance near `start`, by Newton's method."""
        place, step = start.copy(), 1e-5 * span
        best = np.inf
        for _ in range(_MOST_STEPS):
            value, _ = self.pair(place)
            if abs(value) >= best and best < 1e-6 * abs(self.scale(place)) ** 2:
                break
            best = min(best, abs(value))
            slopes = np.empty((2, 2))
            for k in range(2):
                shift = np.zeros(2)
                shift[k] = min(step[k], 0.05 * cell[k])
                ahead, behind = self.pair(place + shift)[0], self.pair(place - shift)[0]
                slope = (ahead - behind) / (2 * shift[k])
                slopes[:, k] = slope.real, slope.imag
            if abs(np.linalg.det(slopes)) < 1e-12 * np.linalg.norm(slopes) ** 2:
                return None
            move = -np.linalg.solve(slopes, np.array([value.real, value.imag]))
            largest = np.max(np.abs(move) / cell)
            place = place + move * min(1.0, 0.5 / max(largest, 1e-300))
            if np.any(np.abs(place - start) > _REACH * cell):
                return None
            if largest < 1e-14:
                break
        value, mean = self.pair(place)
        left = float(np.sqrt(abs(value)))
        if left > 1e-5 * self.scale(place) or not self.merged(place):
            return None
        return place, mean, left

    def scale(self, place: FloatArray) -> float:
        """Return the size of H − iΓ/2 without its mean."""
        matrix = self.matrices(place)
        mean = np.trace(matrix) / len(matrix)
        return float(np.linalg.norm(matrix - mean * np.eye(len(matrix))))

    def merged(self, place: FloatArray) -> bool:
        """Whether two eigenvectors are one, not only two eigenvalues."""
        _, vectors = np.linalg.eig(self.matrices(place))
        overlaps = np.abs(vectors.conj().T @ vectors)
        np.fill_diagonal(overlaps, 0.0)
        return bool(np.max(overlaps) > 1 - _LARGEST_OVERLAP)


def _turning_cells(
    problem: _Problem, axes: Sequence[FloatArray]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the cells around which the phase of the discriminant turns, (K, 2), and how often."""
    fine = [
        np.interp(
            np.arange((axis.size - 1) * _PER_EDGE + 1) / _PER_EDGE, np.arange(axis.size), axis
        )
        for axis in axes
    ]
    along = _turns(
        problem, fine[0], axes[1]
    )  # of the first coordinate, at grid points of the other
    across = _turns(problem, fine[1], axes[0], swapped=True)
    total = along[:, :-1] + across[:, 1:].T - along[:, 1:] - across[:, :-1].T
    turns = np.rint(total / (2 * np.pi)).astype(np.intp)
    cells = np.argwhere(turns != 0)
    return cells, turns[tuple(cells.T)]


def _turns(
    problem: _Problem, fine: FloatArray, other: FloatArray, swapped: bool = False
) -> FloatArray:
    """Return how far the phase turns along every edge, (edges, points of the other)."""
    first, second = np.meshgrid(fine, other, indexing="ij")
    places = np.stack([second, first] if swapped else [first, second], axis=-1)
    try:
        values = np.linalg.eigvals(problem.matrices(places))
    except np.linalg.LinAlgError:
        raise InputError("H − iΓ/2 must be finite in the plane, but it is not.") from None
    levels = values.shape[-1]
    i, j = np.triu_indices(levels, 1)
    phase = np.sum(2 * np.angle(values[..., i] - values[..., j]), axis=-1)
    steps = np.diff(phase, axis=0)
    steps = (steps + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(steps.reshape(-1, _PER_EDGE, other.size).sum(axis=1))
