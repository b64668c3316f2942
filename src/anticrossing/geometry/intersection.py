"""What an intersection is: its place, its codimension, the vectors that lift the degeneracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, fail, instance
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._quasidegenerate import (
    EPSILON,
    Group,
    directions,
    expand,
    hamiltonian_at,
    splitting_scale,
)
from anticrossing.hamiltonian import Hamiltonian

_AROUND = 40
_GLANCING = 1e-6  # slopes of the splitting below this part of the slopes of H count as zero

CODIMENSIONS = {"real": 2, "complex": 3, "kramers": 5}
"""Conditions for levels to meet without any further symmetry (von Neumann and Wigner)."""


@dataclass(frozen=True, eq=False)
class Intersection(Result):
    """A point where two levels meet, or where their gap is smallest without closing.

    Near an intersection the two levels are
    ``E ± |B·ρ| + s·ρ``, ρ the distance from it, B the `branching_vectors`, s the `mean_slope`.

    Attributes
    ----------
    position : array, shape (f,)
        The coordinates.
    energy : float
        The mean energy of the two levels there.
    gap : float
        Their distance: zero to rounding at an intersection.
    found : bool
        Whether the levels meet: whether the gap is below `rounding`, or below the `gap_tolerance`
        that was asked for.
    levels : (int, int)
        The two levels, sorted by energy from 0.
    symmetry : str
        ``"real"``, ``"complex"`` or ``"kramers"`` (each level a doublet everywhere).
    branching_vectors : array, shape (c, f)
        Orthogonal vectors, longest first (energy per coordinate), along which the degeneracy is
        lifted; c is the codimension. Without an intersection there are none, c = 0.
    mean_slope : array, shape (f,)
        s, the gradient of the mean energy.
    third_level_distance : float
        Distance in energy to the nearest other level, infinite where there is none.
    rounding : float
        The gap that rounding alone could make.

    Notes
    -----
    Without further symmetry the codimension is 2 for real H, 3 for complex Hermitian H, and 5 for
    Kramers doublets; less where symmetry makes some of the conditions hold by themselves (1 for
    levels of different symmetry). It is the rank of the linearised conditions, not assumed.
    """

    position: FloatArray
    energy: float
    gap: float
    found: bool
    levels: tuple[int, int]
    symmetry: str
    branching_vectors: FloatArray
    mean_slope: FloatArray
    third_level_distance: float
    rounding: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("coordinate", text="coordinates"),
        "energy": shown(text="mean energy of the two levels"),
        "gap": shown(text="their distance"),
        "codimension": shown(text="conditions that make the levels meet"),
        "third_level_distance": shown(text="distance of the nearest other level"),
        "rounding": shown(text="gap that rounding could make"),
        "branching_vectors": shown("direction", "coordinate", text="vectors that split the levels"),
        "mean_slope": shown("coordinate", text="gradient of the mean energy"),
    }

    def _attributes(self) -> dict[str, Any]:
        i, j = self.levels
        return {
            "name": self.kind, "symmetry": self.symmetry, "lower_level": i, "upper_level": j,
        }  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Draw both levels near the intersection along each direction that splits them."""
        if not self.codimension:
            raise InputError("No direction splits these levels: there is nothing to draw.")
        ax = new_axes() if ax is None else ax
        rho = np.linspace(-1.0, 1.0, 101)
        for k, vector in enumerate(self.branching_vectors):
            size = float(np.linalg.norm(vector))
            mean = self.energy + rho * float(self.mean_slope @ vector) / size
            (line,) = ax.plot(rho, mean + np.abs(rho) * size, label=f"direction {k}")
            ax.plot(rho, mean - np.abs(rho) * size, color=line.get_color())
        ax.set(xlabel="distance from the intersection", ylabel="energy")
        ax.legend()
        return ax

    @property
    def codimension(self) -> int:
        """How many independent conditions make the levels meet."""
        return len(self.branching_vectors)

    @property
    def seam_dimension(self) -> int:
        """The dimension f − c of the seam of intersections through this point."""
        return self.position.size - self.codimension

    @property
    def kind(self) -> str:
        """``"conical"`` (c ≥ 2), ``"crossing"`` (c = 1), ``"glancing"`` (c = 0), or ``"avoided"``.

        At a glancing intersection the gap closes faster than linearly in every direction.
        """
        if not self.found:
            return "avoided"
        return ("glancing", "crossing", "conical")[min(self.codimension, 2)]

    def __bool__(self) -> bool:
        return self.found

    def __str__(self) -> str:
        place = ", ".join(f"{value:.8g}" for value in np.round(self.position, 12) + 0.0)
        energy = round(self.energy, 12) + 0.0  # no negative zero
        pair = f"levels {self.levels[0]} and {self.levels[1]}"
        if not self.found:
            return f"no intersection: {pair} come closest at ({place}), gap {self.gap:.6g}"
        return (
            f"{self.kind} intersection of {pair} at ({place}), energy {energy:.8g}: "
            f"codimension {self.codimension}, {self.symmetry}, seam of dimension "
            f"{self.seam_dimension}"
        )


@dataclass(frozen=True, eq=False)
class Intersections(Result, Sequence[Intersection]):
    """What a search from many starts found; a sequence of intersections, lowest energy first.

    Attributes
    ----------
    found : tuple of Intersection
        The different intersections (or points of the seam) in the box.
    hits : tuple of int
        How many starts led to each. Intersections hit once only suggest that more starts would
        find more.
    avoided : tuple of Intersection
        The different minima of the gap in the box at which it stays open, smallest first.
    starts : int
        The number of starts.
    coordinates : tuple of str
        The names of the coordinates.
    warnings : tuple of str
        What the search met and does not return.
    """

    found: tuple[Intersection, ...]
    hits: tuple[int, ...]
    avoided: tuple[Intersection, ...]
    starts: int
    coordinates: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown("intersection", "coordinate", text="coordinates"),
        "coordinate": shown("coordinate", text="name", unit=""),
        "energy": shown("intersection", text="energy at which the levels meet", of="_energies"),
        "hits": shown("intersection", text="starts that led here"),
        "starts": shown(text="number of starts"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the energies of the intersections, lowest first."""
        ax = new_axes() if ax is None else ax
        ax.plot(self._energies, "o")
        ax.set(xlabel="intersection", ylabel="energy")
        return ax

    @property
    def _energies(self) -> FloatArray:
        return np.array([one.energy for one in self.found])

    @overload
    def __getitem__(self, index: int) -> Intersection: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Intersection, ...]: ...
    def __getitem__(self, index: int | slice) -> Intersection | tuple[Intersection, ...]:
        return self.found[index]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Intersection]:
        return iter(self.found)

    @property
    def positions(self) -> FloatArray:
        """The coordinates of all of them, shape (number, f)."""
        rows = [one.position for one in self.found]
        return np.reshape(rows, (len(rows), len(self.coordinates)))

    def __str__(self) -> str:
        lines = [f"{len(self.found)} intersections from {self.starts} starts"]
        lines += [f"{one} ({n} starts)" for one, n in zip(self.found, self.hits, strict=True)]
        if not self.found and self.avoided:
            lines.append(str(self.avoided[0]))
        lines += [f"Warning: {warning}." for warning in self.warnings]
        return "\n".join(lines)


def characterise(
    hamiltonian: Hamiltonian, group: Group, point: FloatArray, reach: float, threshold: float | None
) -> Intersection:
    """Return what the levels do at a point where a search ended."""
    expansion = expand(hamiltonian, group, point[np.newaxis])
    rounding = float(expansion.noise[0])
    gap = max(float(expansion.gap[0]), 0.0)
    met = gap <= (rounding if threshold is None else threshold)
    branching = np.empty((0, point.size))
    if met:
        variation = splitting_scale(hamiltonian, expansion, point, reach)
        split = directions(expansion.jacobian[0], _GLANCING * variation)
        branching = _signed(split.lengths, split.branching) / np.sqrt(group.size)
    energies = expansion.energies[0]
    others = np.r_[energies[: group.first], energies[group.last :]]
    energy = float(expansion.mean[0])
    half = gap / 2
    nearest = np.min(np.abs(others - energy), initial=np.inf) - half
    return Intersection(
        position=point,
        energy=energy,
        gap=gap,
        found=met,
        levels=(group.split - 1, group.split),
        symmetry=group.symmetry,
        branching_vectors=branching,
        mean_slope=expansion.mean_slope[0],
        third_level_distance=float(nearest),
        rounding=rounding,
    )


def same_around(hamiltonian: Hamiltonian, place: Intersection, reach: float) -> bool:
    """Whether two levels are the same in a region at a point, as far as rounding can tell.

    So are components of a multiplet; that is no intersection. The point may be at the border of the
    region: one random direction in four is enough, where levels meet there are none.
    """
    if place.codimension:
        return False
    aims = np.random.default_rng(0).normal(size=(_AROUND, place.position.size))
    aims /= np.linalg.norm(aims, axis=-1, keepdims=True)
    for radius, part in ((0.5, 1e-10), (0.02, 16 * EPSILON)):
        values = hamiltonian_at(hamiltonian, place.position + radius * reach * aims)
        energies = np.linalg.eigvalsh(values[np.isfinite(values).all(axis=(-2, -1))])
        noise = np.maximum(part * np.abs(energies).max(axis=-1), 2 * place.rounding)
        lower, upper = place.levels
        if np.sum(energies[:, upper] - energies[:, lower] <= noise) >= _AROUND / 4:
            return True
    return False


def _signed(lengths: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return the scaled vectors; vectors of equal length lie along the axes if possible."""
    rows: list[FloatArray] = []
    k = 0
    while k < len(lengths):
        equal = int(np.sum(np.abs(lengths[k:] - lengths[k]) <= 1e-9 * lengths[0]))
        projector = vectors[k : k + equal].T @ vectors[k : k + equal]
        for _ in range(equal):
            weight = np.diagonal(projector)
            axis = int(np.flatnonzero(weight >= weight.max() - 1e-9)[0])
            vector = projector[axis] / np.linalg.norm(projector[axis])
            projector = projector - np.outer(vector, vector)
            rows.append(vector)
        k += equal
    return lengths[:, np.newaxis] * np.reshape(rows, vectors.shape)


def check_intersection(intersection: Any, hamiltonian: Hamiltonian | None = None) -> Intersection:
    """Return an intersection that was found (and is one of `hamiltonian`), or raise."""
    instance("intersection", intersection, Intersection)
    if not intersection.found:
        raise fail(
            "intersection",
            "be one at which the levels meet",
            f"their gap stays at {intersection.gap:.6g}",
        )
    if hamiltonian is not None:
        _check_owner(intersection, hamiltonian)
    return intersection


def _check_owner(intersection: Intersection, hamiltonian: Hamiltonian) -> None:
    must = f"be one of {hamiltonian.name}"
    count, here = len(hamiltonian.coordinates), intersection.position.size
    if here != count:
        raise fail("intersection", must, f"that has {count} coordinate(s), not {here}")
    lower, upper = intersection.levels
    if upper >= hamiltonian.dimension:
        raise fail("intersection", must, f"that has no level {upper}")
    values = hamiltonian_at(hamiltonian, intersection.position[np.newaxis])[0]
    gap = np.inf
    if np.isfinite(values).all():
        energies = np.linalg.eigvalsh(values)
        gap = float(energies[upper] - energies[lower])
    # Twice: the other parameters of the search decided about the last digits.
    if gap > 2 * max(intersection.gap, intersection.rounding):
        raise fail("intersection", must, f"there its levels are {gap:.3g} apart")
