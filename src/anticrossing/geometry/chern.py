"""Chern numbers of levels over closed surfaces in configuration space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    real_array,
)
from anticrossing._core.linalg import polar
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._paths import (
    CLOSED_GAP,
    borders,
    check_levels,
    check_single,
    describe_point,
    eigenframes,
    matrices,
    own_shape,
    same_matrix,
    smallest_values,
)
from anticrossing.hamiltonian import Hamiltonian, Matrices, number_array

Surface = Callable[[FloatArray, FloatArray], npt.ArrayLike]

_LARGEST_FLUX = 0.5  # radians through one plaquette; below π it is unique
_CLEAR = 0.8  # least overlap of neighbours
_ORTHOGONAL = 1e-8  # overlap below which no phase relates two vectors
_MOST_POINTS = 2_000_000
_MOST_MINIMA = 16


@dataclass(frozen=True)
class Torus:
    """The torus of two periodic coordinates, such as a Brillouin zone: (u, v) to a point (…, 2).

    Parameters
    ----------
    periods : (float, float)
        Lengths after which H repeats.
    origin : (float, float)
        The point at u = v = 0.

    Examples
    --------
    >>> Torus()(np.array(0.5), np.array(0.0)).round(3)
    array([3.142, 0.   ])
    """

    periods: tuple[float, float] = (2 * np.pi, 2 * np.pi)
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("periods", "origin"):
            if real_array(name, getattr(self, name)).shape != (2,):
                raise fail(name, "be two numbers", f"it is {describe(getattr(self, name))}")
        if np.any(np.asarray(self.periods) == 0):
            raise fail("periods", "not be zero", f"they are {describe(self.periods)}")

    def __call__(self, u: FloatArray, v: FloatArray) -> FloatArray:
        return np.stack((u, v), axis=-1) * np.asarray(self.periods) + np.asarray(self.origin)


@dataclass(frozen=True)
class Sphere:
    """A sphere in three coordinates: θ = πu, φ = 2πv, oriented outwards.

    Parameters
    ----------
    centre : (float, float, float)
    radius : float
        Positive.

    Examples
    --------
    >>> Sphere(radius=2.0)(np.array(0.0), np.array(0.0))
    array([0., 0., 2.])
    """

    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = 1.0

    def __post_init__(self) -> None:
        if real_array("centre", self.centre).shape != (3,):
            raise fail("centre", "be three numbers", f"it is {describe(self.centre)}")
        if real_array("radius", self.radius).ndim or self.radius <= 0:
            raise fail("radius", "be a positive number", f"it is {describe(self.radius)}")

    def __call__(self, u: FloatArray, v: FloatArray) -> FloatArray:
        sine = np.where((u == 0) | (u == 1), 0.0, np.sin(np.pi * u))  # sin π is not quite zero
        x, y = sine * np.cos(2 * np.pi * v), sine * np.sin(2 * np.pi * v)
        return self.radius * np.stack((x, y, np.cos(np.pi * u)), axis=-1) + np.asarray(self.centre)


@dataclass(frozen=True, eq=False)
class ChernNumber(Result):
    """A Chern number and what it rests on.

    Attributes
    ----------
    value : int
        C.
    residual : float
        Difference of the summed fluxes, over 2π, from that integer: rounding.
    largest_flux : float
        The largest flux through one plaquette (radians); the integer is certain below π if nothing
        is hidden between the points.
    smallest_gap : float
        The smallest gap between the levels and the others on the surface (infinite without others).
    smallest_gap_at : array, shape (f,)
        Where that is.
    grid : (int, int)
        Number of plaquettes in the two directions.
    """

    value: int
    residual: float
    largest_flux: float
    smallest_gap: float
    smallest_gap_at: FloatArray
    grid: tuple[int, int]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "value": shown(text="Chern number"),
        "residual": shown(text="distance of the summed flux from the integer"),
        "largest_flux": shown(text="largest flux through a plaquette", unit="rad"),
        "smallest_gap": shown(text="smallest gap to other levels on the surface"),
        "smallest_gap_at": shown("coordinate", text="place of the smallest gap"),
        "grid": shown("direction", text="number of plaquettes"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Refuse: a Chern number is a single number."""
        raise InputError("A Chern number is a single number: draw `plaquette_fluxes` instead.")

    def __int__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return (
            f"Chern number {self.value} ({self.grid[0]} x {self.grid[1]} plaquettes with fluxes up "
            f"to {self.largest_flux:.2g}; smallest gap {self.smallest_gap:.4g} at "
            f"{describe_point(self.smallest_gap_at)})"
        )


def chern_number(
    hamiltonian: Hamiltonian,
    *,
    levels: int | Sequence[int],
    surface: Surface | None = None,
    grid: int = 24,
) -> ChernNumber:
    """Return the Chern number ``C = (1/2π) ∮ F`` of a set of levels over a closed surface.

    The flux of each plaquette is the phase of the overlaps around it, and the fluxes add up to an
    integer on any grid. The integer is the right one when no flux exceeds π: grid lines are added
    where one exceeds 0.5, and at the smallest gaps, and all are doubled once more; the number must
    stay.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With single parameter values.
    levels : int or sequence of int
        The levels, counted by energy from 0; they may meet each other, but none of the others.
    surface : Torus, Sphere or callable, optional
        Two arrays (u, v) in [0, 1] to points (..., f), oriented by the order of u and v. Opposite
        edges must have the same H, or be single points. By default the torus [0, 2π)² of a
        Hamiltonian with two coordinates.
    grid : int
        Plaquettes in each direction to begin with.

    Returns
    -------
    ChernNumber

    Raises
    ------
    InputError
        For arguments that cannot be used, a surface that is not closed, or a gap that closes on it
        (the message says where).
    ConvergenceError
        If two million points do not suffice.

    References
    ----------
    T. Fukui, Y. Hatsugai, H. Suzuki, J. Phys. Soc. Jpn. 74, 1674 (2005).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(
    ...     [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z"))
    >>> chern_number(H, levels=0, surface=Sphere()).value
    1
    >>> chern_number(H, levels=0, surface=Sphere(centre=(2, 0, 0))).value
    0
    """
    check_single(hamiltonian)
    chosen = check_levels("levels", levels, hamiltonian.dimension)
    number = integer("grid", grid, minimum=4)
    if number**2 > _MOST_POINTS:
        raise fail("grid", f"be at most {math.isqrt(_MOST_POINTS)}", f"it is {describe(grid)}")
    sheet = _Sheet(hamiltonian, chosen, _check_surface(hamiltonian, surface))
    u = v = np.linspace(0.0, 1.0, number + 1)
    sheet.find_edges(u, v)
    places, gap = sheet.gap_minima(u, v)
    where = sheet.points(places[0, 0], places[0, 1])
    u, v = _insert(u, places[:, 0]), _insert(v, places[:, 1])

    u, v, fluxes = sheet.refined(u, v)
    value = _number(fluxes)
    while True:
        u, v, fluxes = sheet.refined(_halved(u), _halved(v))
        if _number(fluxes) == value:
            break
        value = _number(fluxes)
    total = float(fluxes.sum() / (2 * np.pi))
    return ChernNumber(
        value=value,
        residual=abs(total - value),
        largest_flux=float(np.abs(fluxes).max()),
        smallest_gap=gap,
        smallest_gap_at=own_shape(hamiltonian, where),
        grid=(u.size - 1, v.size - 1),
    )


def plaquette_fluxes(vectors: npt.ArrayLike) -> FloatArray:
    """Return the Berry flux through each plaquette of a grid on which eigenvectors are given.

    ``F = −arg(det U_1 det U_2 det U_3 det U_4)`` with the overlaps ``U = V_a†V_b`` around the
    plaquette, first along the first axis: independent of the phases of the vectors and of the basis
    within the set. On a grid that closes the fluxes add up to 2π times the Chern number.

    Parameters
    ----------
    vectors : array, shape (k₁, k₂, N, m)
        Orthonormal vectors (columns). For a closed grid repeat the first line as the last one, with
        the same phases.

    Returns
    -------
    array, shape (k₁ − 1, k₂ − 1)
        Fluxes in (−π, π] (radians).

    Raises
    ------
    InputError
        For other shapes, or where the vectors at neighbouring points are orthogonal.

    Examples
    --------
    >>> plaquette_fluxes(np.broadcast_to([[1.0], [0.0]], (3, 4, 2, 1))).shape
    (2, 3)
    """
    array = number_array("vectors", vectors)
    if array.ndim != 4 or min(array.shape[:2]) < 2 or 0 in array.shape:
        raise fail(
            "vectors",
            "have shape (points, points, N, m), at least two points each way",
            f"its shape is {array.shape}",
        )
    fluxes, least = _fluxes(array)
    if least.min() < _ORTHOGONAL:
        raise fail("vectors", "overlap from each point to the next", "some are orthogonal or zero")
    return fluxes


def _fluxes(vectors: Matrices) -> tuple[FloatArray, FloatArray]:
    """Return the flux of each plaquette and the least overlap along its edges."""
    bras = vectors.conj().swapaxes(-1, -2)
    first, least_first = _links(bras[:-1] @ vectors[1:])
    second, least_second = _links(bras[:, :-1] @ vectors[:, 1:])
    around = first[:, :-1] * second[1:] * first[:, 1:].conj() * second[:-1].conj()
    least = np.minimum(
        np.minimum(least_first[:, :-1], least_first[:, 1:]),
        np.minimum(least_second[:-1], least_second[1:]),
    )
    return -np.angle(around), least


def _links(overlaps: Matrices) -> tuple[Matrices, FloatArray]:
    steps, least = polar(overlaps)
    return (steps[..., 0, 0] if steps.shape[-1] == 1 else np.linalg.det(steps)), least


def _number(fluxes: FloatArray) -> int:
    return round(float(fluxes.sum() / (2 * np.pi)))


def _halved(ticks: FloatArray) -> FloatArray:
    return np.sort(np.concatenate((ticks, (ticks[1:] + ticks[:-1]) / 2)))


def _insert(ticks: FloatArray, new: FloatArray) -> FloatArray:
    """Return the ticks with new ones, left out where they would be as good as there."""
    distance = np.abs(new[:, np.newaxis] - ticks).min(axis=1)
    return np.unique(np.concatenate((ticks, new[distance > 1e-6])))


@dataclass
class _Sheet:
    """A closed surface, its eigenvectors on tensor grids, and which of its edges are one."""

    hamiltonian: Hamiltonian
    levels: tuple[int, ...]
    surface: Surface
    closes: tuple[str, str] = ("", "")  # "same" or "point", along u and along v

    def points(self, u: FloatArray, v: FloatArray) -> FloatArray:
        count = len(self.hamiltonian.coordinates)
        u, v = np.broadcast_arrays(u, v)
        points = real_array("surface", self.surface(u, v))
        if points.shape != (*u.shape, count):
            raise fail(
                "surface",
                f"return points of shape {(*u.shape, count)} "
                f"(coordinates {', '.join(self.hamiltonian.coordinates)}) for u and v of shape "
                f"{u.shape}",
                f"it returned shape {points.shape}",
            )
        return points

    def find_edges(self, u: FloatArray, v: FloatArray) -> None:
        """Find how the edges close, or raise `InputError`."""
        zero, one = np.zeros(1), np.ones(1)
        along_u = (self.points(zero, v), self.points(one, v))
        along_v = (self.points(u, zero), self.points(u, one))
        self.closes = (self._closes("u", *along_u), self._closes("v", *along_v))

    def _closes(self, name: str, first: FloatArray, last: FloatArray) -> str:
        low, high = matrices(self.hamiltonian, first), matrices(self.hamiltonian, last)
        if same_matrix(low, high):
            return "same"
        if same_matrix(low, low[:1]) and same_matrix(high, high[:1]):
            return "point"
        worst = int(np.argmax(np.abs(low - high).max(axis=(-2, -1))))
        raise fail(
            "surface",
            "be closed",
            f"H differs between its edges {name} = 0 and {name} = 1, at "
            f"{describe_point(first[worst])} and {describe_point(last[worst])}",
        )

    def gap(self, places: FloatArray) -> FloatArray:
        """Return the gap at places (…, 2) of the unit square."""
        energies, _ = eigenframes(self.hamiltonian, self.points(places[..., 0], places[..., 1]))
        return self._gap(energies)

    def _gap(self, energies: FloatArray) -> FloatArray:
        gaps = np.diff(energies, axis=-1)[..., borders(self.levels, self.hamiltonian.dimension)]
        return np.asarray(gaps.min(axis=-1, initial=np.inf))

    def gap_minima(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, float]:
        """Return places of small gaps, the smallest first, and that gap; raise where it closes."""
        energies, _ = eigenframes(self.hamiltonian, self.points(u[:, np.newaxis], v))
        gaps = self._gap(energies)
        padded = np.pad(gaps, 1, constant_values=np.inf)
        around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
        i, j = np.nonzero((gaps <= around.min(axis=(-2, -1))) & np.isfinite(gaps))
        if i.size == 0:
            return np.zeros((1, 2)), float(gaps.min())
        order = np.argsort(gaps[i, j], kind="stable")[:_MOST_MINIMA]
        centres = np.stack((u[i[order]], v[j[order]]), axis=1)
        places, values = smallest_values(self.gap, centres, np.array([u[1], v[1]]))
        order = np.argsort(values, kind="stable")
        places, values = places[order], values[order]
        if values[0] <= CLOSED_GAP * np.abs(energies).max():
            raise fail(
                "levels",
                "be separated from the others by a gap everywhere on the surface",
                f"it closes at {describe_point(self.points(*places[0]))} (gap {values[0]:.3g})",
            )
        return places, float(values[0])

    def refined(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return grid lines, more where they are needed, and the fluxes between them."""
        while True:
            if u.size * v.size > _MOST_POINTS:
                raise ConvergenceError(
                    f"The Chern number needs more than {_MOST_POINTS} points: the levels nearly "
                    "meet along a line, or H is not continuous on the surface."
                )
            fluxes, least = _fluxes(self._vectors(u, v))
            bad = (np.abs(fluxes) > _LARGEST_FLUX) | (least < _CLEAR)
            if not bad.any():
                return u, v, fluxes
            rows, columns = bad.any(axis=1), bad.any(axis=0)
            new_u = np.unique(np.concatenate((u, ((u[1:] + u[:-1]) / 2)[rows])))
            new_v = np.unique(np.concatenate((v, ((v[1:] + v[:-1]) / 2)[columns])))
            if new_u.size == u.size and new_v.size == v.size:
                raise ConvergenceError(
                    "The Chern number does not converge: H is not continuous on the surface."
                )
            u, v = new_u, new_v

    def _vectors(self, u: FloatArray, v: FloatArray) -> Matrices:
        _, vectors = eigenframes(self.hamiltonian, self.points(u[:, np.newaxis], v))
        vectors = vectors[..., list(self.levels)].copy()
        # One vector for points that are one: the fluxes then add up to an integer.
        if self.closes[0] == "point":
            vectors[0], vectors[-1] = vectors[0, :1], vectors[-1, :1]
        if self.closes[1] == "point":
            vectors[:, 0], vectors[:, -1] = vectors[:1, 0], vectors[:1, -1]
        if self.closes[0] == "same":
            vectors[-1] = vectors[0]
        if self.closes[1] == "same":
            vectors[:, -1] = vectors[:, 0]
        return vectors


def _check_surface(hamiltonian: Hamiltonian, surface: Any) -> Surface:
    count = len(hamiltonian.coordinates)
    if surface is None:
        if count != 2:
            raise fail(
                "surface",
                "be given for a Hamiltonian that does not have two coordinates",
                f"it has {count}",
            )
        return Torus()
    if not callable(surface) or isinstance(surface, type):
        raise fail("surface", "be a Torus, a Sphere or a function", f"it is {describe(surface)}")
    needed = {Torus: 2, Sphere: 3}.get(type(surface), count)
    if needed != count:
        raise fail(
            "surface",
            f"lie in the space of the {count} coordinate(s) of the Hamiltonian",
            f"it is a {type(surface).__name__}, which has {needed}",
        )
    checked: Surface = surface
    return checked
