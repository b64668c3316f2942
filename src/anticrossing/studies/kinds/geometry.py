"""Where levels of several coordinates meet: intersections, phases around them, couplings.

.. code-block:: toml

    [hamiltonian]
    model = "JahnTeller"
    linear = 1.0
    quadratic = 0.1
    # … or  sharc = "LVC.template"  in [geometry], in place of [hamiltonian]
    [geometry]
    bounds = [[-12, 12], [-12, 12]]
    levels = [0, 1]
    radius = 0.1                 # of the loops around the intersections
    points = [[1.0, 0.0]]        # where energies and couplings are wanted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    positive_number,
)
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.geometry import (
    Intersections,
    berry_phase,
    derivative_couplings,
    find_intersections,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import read_sharc
from anticrossing.spectrum import levels as energies_at
from anticrossing.studies import levels, tables
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

MOST_COORDINATES = 64
_MOST_STARTS = 10_000
_LARGEST_WORK = 8e5  # of all searches: some minutes
_CORNERS = 32  # of a loop
_ACROSS = 81  # points of the map in each direction


class GeometryTable(TableOfFile, frozen=True, kw_only=True):
    """The box that is searched, the two levels, and what is asked around what is found.

    Attributes
    ----------
    bounds : coordinate
        The box: [low, high] for each coordinate.
    levels
        The two levels, neighbours.
    starts
        Random starts of the search; too few miss intersections.
    seed
        Of the random starts.
    radius : coordinate
        Of the loops around the intersections; 1 % of the narrowest side by default.
    points : coordinate
        Places where levels and the derivative coupling are wanted.
    sharc
        Instead of [hamiltonian]: a file LVC.template below the current directory.
    """

    bounds: list[tuple[float, float]]
    levels: tuple[int, int] = (0, 1)
    starts: int = 200
    seed: int = 0
    radius: float | None = None
    points: list[list[float]] = []
    sharc: str | None = None


class GeometryFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of the geometry of levels."""

    geometry: GeometryTable
    hamiltonian: dict[str, Any] | None = None
    units: dict[str, Any] = {}


@record(kw_only=True)
class GeometryStudy(Study):
    """A validated file with the table [geometry].

    Attributes
    ----------
    hamiltonian : Hamiltonian
        Of at least two coordinates.
    asked : GeometryTable
    radius : float
        Of the loops.
    """

    hamiltonian: Hamiltonian
    asked: GeometryTable
    radius: float

    structure: ClassVar[type[TableOfFile]] = GeometryFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "geometry")
    outputs: ClassVar[dict[str, Output]] = {
        "count": Output("number of intersections found", default=True, quantity="intersections"),
        "lowest_energy": Output(
            "energy of the lowest intersection, NaN without one", default=True, quantity="energy"
        ),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "JahnTeller", "linear": 1.0, "quadratic": 0.25},
        "geometry": {"bounds": [[-12.0, 12.0], [-12.0, 12.0]]},
    }

    @classmethod
    def read(cls, given: GeometryFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build the Hamiltonian, and check the box."""
        asked = given.geometry
        hamiltonian = _hamiltonian(given)
        count = len(hamiltonian.coordinates)
        with tables.inside("geometry"):
            if count < 2:
                names = ", ".join(hamiltonian.coordinates)
                raise fail("hamiltonian", "have two coordinates or more", f"it has {names}")
            if len(asked.bounds) != count:
                must = f"be a list of {count} pairs, one for each coordinate"
                raise fail("bounds", must, f"it has {len(asked.bounds)}")
            if any(low >= high for low, high in asked.bounds):
                raise fail("bounds", "hold pairs [low, high]", f"it is {describe(asked.bounds)}")
            first, second = asked.levels
            if second != first + 1 or not 0 <= first < hamiltonian.dimension - 1:
                must = f"be two neighbouring levels below {hamiltonian.dimension}"
                raise fail("levels", must, f"it is {list(asked.levels)}")
            integer("starts", asked.starts, minimum=1, maximum=_MOST_STARTS)
            integer("seed", asked.seed, minimum=0)
            if any(len(point) != count for point in asked.points):
                raise fail("points", f"hold lists of {count} numbers", "one is of another length")
            narrow = 0.01 * min(high - low for low, high in asked.bounds)
            radius = narrow if asked.radius is None else positive_number("radius", asked.radius)
            found = cls(
                **heading._asdict(),
                tables=entries,
                hamiltonian=hamiltonian,
                asked=asked,
                radius=radius,
            )
            if found.effort > 1:
                most = int(asked.starts / found.effort)
                raise fail("starts", f"be at most {most} here", f"it is {asked.starts}")
        return found

    @property
    def effort(self) -> float:
        """Starts times coordinates times matrix elements, over what takes some minutes."""
        each = len(self.hamiltonian.coordinates) * self.hamiltonian.dimension**2
        return self.asked.starts * each / _LARGEST_WORK

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian and box, one line each."""
        pairs = zip(self.hamiltonian.coordinates, self.asked.bounds, strict=True)
        box = ", ".join(f"{name} {low:g} … {high:g}" for name, (low, high) in pairs)
        first, second = self.asked.levels
        return {
            "hamiltonian": repr(self.hamiltonian),
            "search": f"levels {first} and {second}, {self.asked.starts} starts, seed "
            f"{self.asked.seed}",
            "box": box if len(box) < 300 else f"{box[:300]} …",
        }

    def intersections(self) -> Intersections:
        """Return all intersections in the box."""
        asked = self.asked
        return find_intersections(
            self.hamiltonian,
            asked.bounds,
            levels=asked.levels,
            starts=asked.starts,
            seed=asked.seed,
        )

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return number and lowest energy of the intersections."""
        found = [one for one in self.intersections() if one.found]
        lowest = min((one.energy for one in found), default=np.nan)
        known = {"count": float(len(found)), "lowest_energy": float(lowest)}
        return {name: known[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> GeometryOutcome:
        """Find the intersections, go around each, and look at the points."""
        found = self.intersections()
        phases = tuple(_phase(self, one) for one in found)
        points = np.array(self.asked.points, dtype=np.float64)
        points = points.reshape(-1, len(self.hamiltonian.coordinates))
        first, second = self.asked.levels
        strengths = np.zeros(len(points))
        if len(points):
            coupling = derivative_couplings(self.hamiltonian, points)[..., first, second]
            strengths = np.linalg.norm(np.abs(coupling), axis=-1)
        return GeometryOutcome(
            self,
            found,
            phases,
            points,
            energies_at(self.hamiltonian, points),
            strengths,
            *_map(self, found),
            scan(self, chosen_outputs(self, None), progress),
        )


@record
class GeometryOutcome(Outcome):
    """What came out of the geometry of levels.

    Attributes
    ----------
    experiment : GeometryStudy
    intersections : Intersections
    phases : tuple of (float or None)
        The Berry phase of the lower level on a loop around each isolated intersection (radians).
    points : array, shape (P, f)
    energies : array, shape (P, N)
        At the points that were asked for.
    couplings : array, shape (P,)
        The size of the derivative coupling of the two levels there (inverse coordinate).
    plane : array, shape (n, n, 2)
        A plane of the first two coordinates, through the lowest intersection.
    gaps : array, shape (n, n)
        Of the two levels on it.
    scan : Scanned or None
    """

    experiment: GeometryStudy
    intersections: Intersections
    phases: tuple[float | None, ...]
    points: FloatArray
    energies: FloatArray
    couplings: FloatArray
    plane: FloatArray
    gaps: FloatArray
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("row", "column")

    caption: ClassVar[str] = (
        "The gap between the two levels over the first two coordinates, intersections marked"
    )

    def own_variables(self) -> dict[str, Variable]:
        """Return intersections, points and the map, for the dataset."""
        hamiltonian = self.experiment.hamiltonian
        energy, length = hamiltonian.units.energy or "1", hamiltonian.units.coordinate or "1"
        listed, count = list(self.intersections), len(hamiltonian.coordinates)
        places = np.array([one.position for one in listed]).reshape(-1, count)
        phases = [np.nan if phase is None else phase for phase in self.phases]
        each = ("intersection",)
        return {
            "coordinate": Variable(("coordinate",), list(hamiltonian.coordinates), "", ""),
            "intersection_position": Variable((*each, "coordinate"), places, "where", length),
            "intersection_energy": Variable(each, [o.energy for o in listed], "energy", energy),
            "intersection_gap": Variable(each, [o.gap for o in listed], "gap there", energy),
            "intersection_phase": Variable(each, phases, "Berry phase around it", "rad"),
            "point": Variable(("place", "coordinate"), self.points, "points asked for", length),
            "energy": Variable(("place", "level"), self.energies, "levels there", energy),
            "coupling": Variable(("place",), self.couplings, "size of the coupling there"),
            "plane": Variable(("row", "column", "axis"), self.plane, "points of the map", length),
            "gap": Variable(("row", "column"), self.gaps, "gap on the map", energy),
        }

    def own_tables(self) -> list[Table]:
        """Return intersections, points and the scan."""
        hamiltonian = self.experiment.hamiltonian
        names, label = hamiltonian.coordinates, hamiltonian.units.label
        shown = names[:6]
        rows = tuple(
            (
                number,
                one.kind,
                float(one.energy),
                float(one.gap),
                None if phase is None else float(phase / np.pi),
                *(float(x) for x in one.position[: len(shown)]),
            )
            for number, (one, phase) in enumerate(
                zip(self.intersections, self.phases, strict=True), start=1
            )
        )
        columns = ("no.", "kind", label("energy", "energy"), label("gap", "energy"), "phase / π")
        found = [
            Table(
                "intersections",
                (*columns, *shown),
                rows,
                "Phase: of the lower level on a loop around an isolated intersection.",
                empty="the two levels do not meet in the box",
            )
        ]
        if len(self.points):
            levels_ = tuple(f"level {n}" for n in range(self.energies.shape[1]))
            found.append(
                Table(
                    "points",
                    (*shown, *levels_, "coupling"),
                    tuple(
                        (*map(float, x[: len(shown)]), *map(float, e), float(d))
                        for x, e, d in zip(self.points, self.energies, self.couplings, strict=True)
                    ),
                )
            )
        return found

    def own_sentences(self) -> Sentences:
        """Return how many intersections there are, and the lowest."""
        found = [one for one in self.intersections if one.found]
        if not found:
            verdict = "The two levels do not meet in the box."
        else:
            lowest = min(found, key=lambda one: one.energy)
            place = ", ".join(f"{x:.6g}" for x in lowest.position[:6])
            verdict = (
                f"The two levels meet at {len(found)} place{'s' if len(found) > 1 else ''}; the "
                f"lowest, which is {lowest.kind}, is at ({place}), energy {lowest.energy:.8g}."
            )
        notes = ["a search from random starts may miss an intersection: more starts find more"]
        return Sentences(verdict, True, tuple(notes))

    def draw(self, ax: Any) -> None:
        """Draw the gap on the map."""
        from anticrossing.plot import gap_map

        names = self.experiment.hamiltonian.coordinates[:2]
        places = np.array([one.position[:2] for one in self.intersections]).reshape(-1, 2)
        gap_map(
            self.plane, self.gaps, intersections=places, coordinates=names, gap=self._gap, ax=ax
        )

    def draw_beside(self, ax: Any) -> None:
        """Draw a cut through the map."""
        from anticrossing.plot import style

        x, y = self.experiment.hamiltonian.coordinates[:2]
        row = int(np.argmin(self.gaps.min(axis=1)))
        ax.plot(self.plane[row, :, 0], self.gaps[row])
        ax.set(xlabel=x, ylabel=self._gap, title=f"Gap at {y} = {self.plane[row, 0, 1]:.4g}")
        style.grid(ax)

    @property
    def _gap(self) -> str:
        return self.experiment.hamiltonian.units.label("gap", "energy")


KIND = GeometryStudy


def _hamiltonian(given: GeometryFile) -> Hamiltonian:
    """Build the Hamiltonian of the file, or read it from a file of SHARC."""
    name = given.geometry.sharc
    if (name is None) == (given.hamiltonian is None):
        raise InputError("A file with [geometry] has [hamiltonian], or `sharc` in [geometry].")
    if given.hamiltonian is not None:
        units = levels.units(given.units)
        return levels.hamiltonian(given.hamiltonian, units, most_coordinates=MOST_COORDINATES)
    assert name is not None
    with tables.inside("geometry"):
        path = tables.local_file("sharc", name)
        try:
            return read_sharc(path).hamiltonian
        except OSError as error:
            raise InputError(f"The file {name} cannot be read: {error.strerror}.") from None


def _phase(study: GeometryStudy, one: Any) -> float | None:
    """Return the phase of the lower level on a circle in the plane that splits the levels."""
    if not one.found or one.codimension != 2:
        return None
    u, v = (vector / np.linalg.norm(vector) for vector in one.branching_vectors)
    angles = 2 * np.pi * np.arange(_CORNERS) / _CORNERS
    circle = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
    try:
        return berry_phase(
            study.hamiltonian,
            one.position + study.radius * circle,
            level=study.asked.levels[0],
            closed=True,
        )
    except InputError:  # another intersection lies on the loop
        return None


def _map(study: GeometryStudy, found: Intersections) -> tuple[FloatArray, FloatArray]:
    """Return a plane of the first two coordinates, and the gap on it."""
    asked = study.asked
    middle = np.array([0.5 * (low + high) for low, high in asked.bounds])
    listed = list(found)
    centre = min(listed, key=lambda one: one.energy).position if listed else middle
    x, y = (np.linspace(low, high, _ACROSS) for low, high in asked.bounds[:2])
    points = np.broadcast_to(centre, (_ACROSS, _ACROSS, middle.size)).copy()
    points[..., 0], points[..., 1] = np.meshgrid(x, y)
    energies = energies_at(study.hamiltonian, points)
    first, second = asked.levels
    return points[..., :2], energies[..., second] - energies[..., first]
