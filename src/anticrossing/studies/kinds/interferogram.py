"""Interference fringes of a driven, relaxing qubit: its mean population over offset and amplitude.

.. code-block:: toml

    [interferogram]              # energies in one unit, ħ = 1
    gap = 0.2
    offset = { from = -6, to = 6, points = 121 }
    amplitude = { from = 0, to = 10, points = 101 }
    frequency = 1.0
    t1 = 1000.0
    t2 = 50.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np

from anticrossing._core.checks import FloatArray, describe, fail, integer
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.dynamics import interferogram
from anticrossing.environment.noise import QuasiStaticNoise
from anticrossing.studies import tables
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

_MOST_POINTS = 4_000_000
_LARGEST_WORK = 2e8  # points of all maps: some minutes
_MOST_RESONANCES = 8  # in a table
_NUMBERS = ("gap", "frequency", "t1", "t2", "temperature", "equilibrium")


class RangeTable(TableOfFile, frozen=True, kw_only=True):
    """Values at equal distances.

    Attributes
    ----------
    from
        The first value.
    to
        The last value.
    points
        How many values.
    """

    start: float = msgspec.field(name="from")
    stop: float = msgspec.field(name="to")
    points: int


class InterferogramTable(TableOfFile, frozen=True, kw_only=True):
    """The qubit, its drive, and what relaxes it; see `anticrossing.dynamics.interferogram`.

    Attributes
    ----------
    gap : energy
        g, the smallest distance of the two levels.
    offset : energy
        ε₀: { from, to, points }, or numbers that increase.
    amplitude : energy
        A: { from, to, points }, or numbers that increase.
    frequency : angular
        ω of the drive.
    t1 : time
        T₁.
    t2 : time
        T₂ ≤ 2T₁.
    temperature : energy
        k_B T; 0 unless it or `equilibrium` is given.
    equilibrium
        Instead of `temperature`: the upper population in equilibrium.
    noise : energy
        Root mean square of noise of the offset that stands still while a point is measured.
    basis
        Where T₁ and T₂ act: "diabatic" or "adiabatic".
    readout
        Whose population is given: "diabatic" or "adiabatic"; by default as `basis`.
    tolerance
        Of the populations, from 1e-10 to 1e-2.
    unit
        Of the energies, for axes and tables.
    """

    gap: float
    offset: RangeTable | list[float]
    amplitude: RangeTable | list[float]
    frequency: float
    t1: float
    t2: float
    temperature: float | None = None
    equilibrium: float | None = None
    noise: float | None = None
    basis: Literal["diabatic", "adiabatic"] = "diabatic"
    readout: Literal["diabatic", "adiabatic"] | None = None
    tolerance: float = 1e-6
    unit: str = ""


class InterferogramFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of an interferogram."""

    interferogram: InterferogramTable


@record(kw_only=True)
class InterferogramStudy(Study):
    """A validated file with the table [interferogram].

    Attributes
    ----------
    asked : InterferogramTable
    offsets, amplitudes : array
        The two axes of the map.
    """

    asked: InterferogramTable
    offsets: FloatArray
    amplitudes: FloatArray

    structure: ClassVar[type[TableOfFile]] = InterferogramFile
    varied: ClassVar[tuple[str, ...]] = ("interferogram",)
    outputs: ClassVar[dict[str, Output]] = {
        "mean_population": Output("population averaged over the map", default=True),
        "largest_population": Output("largest population of the map", default=True),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "interferogram": {
            "gap": 0.2,
            "offset": {"from": 0.0, "to": 6.0, "points": 61},
            "amplitude": {"from": 0.0, "to": 10.0, "points": 51},
            "frequency": 1.0,
            "t1": 1000.0,
            "t2": 50.0,
        }
    }

    @classmethod
    def read(cls, given: InterferogramFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build the two axes, and try one point with every other number."""
        asked = given.interferogram
        with tables.inside("interferogram"):
            offsets, amplitudes = (axis_of(k, getattr(asked, k)) for k in ("offset", "amplitude"))
            if offsets.size * amplitudes.size > _MOST_POINTS:
                found = f"there are {offsets.size * amplitudes.size}"
                raise fail("points", f"make at most {_MOST_POINTS} together", found)
            study = cls(
                **heading._asdict(),
                tables=entries,
                asked=asked,
                offsets=offsets,
                amplitudes=amplitudes,
            )
            study.population(offsets[:1], amplitudes[:1])
        return study

    def population(self, offsets: FloatArray, amplitudes: FloatArray) -> FloatArray:
        """Return the mean upper population at every pair, offsets first."""
        asked = self.asked
        found = interferogram(
            **{key: value for key in _NUMBERS if (value := getattr(asked, key)) is not None},
            offset=offsets[:, None],
            amplitude=amplitudes,
            basis=asked.basis,
            readout=asked.readout,
            noise=None if asked.noise is None else QuasiStaticNoise(asked.noise),
            tolerance=asked.tolerance,
        )
        return np.asarray(found)

    @property
    def measured(self) -> str:
        """Whose population is meant; of the diabatic states it is not always the upper one's."""
        diabatic = (self.asked.readout or self.asked.basis) == "diabatic"
        return "state with σ_z = +1" if diabatic else "upper level"

    @property
    def setup(self) -> dict[str, str]:
        """Qubit, drive and surroundings, one line each."""
        asked, unit = self.asked, f" {self.asked.unit}" if self.asked.unit else ""
        bath = "" if asked.temperature is None else f", temperature {asked.temperature:g}{unit}"
        if asked.noise is not None:
            bath += f", noise of the offset {asked.noise:g}{unit}"
        ends = [f"{v[0]:g} … {v[-1]:g}{unit}" for v in (self.offsets, self.amplitudes)]
        return {
            "qubit": f"gap {asked.gap:g}{unit}, T₁ = {asked.t1:g}, T₂ = {asked.t2:g}{bath}",
            "drive": f"offset {ends[0]}, amplitude {ends[1]}, frequency {asked.frequency:g}{unit}",
        }

    @property
    def effort(self) -> float:
        """Points of the map, over what takes some minutes."""
        return self.offsets.size * self.amplitudes.size / _LARGEST_WORK

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return the mean and the largest population of the map."""
        found = self.population(self.offsets, self.amplitudes)
        known = {"mean_population": found.mean(), "largest_population": found.max()}
        return {name: float(known[name]) for name in outputs}

    def run(self, progress: Progress | None = None) -> InterferogramOutcome:
        """Compute the map."""
        found = self.population(self.offsets, self.amplitudes)
        return InterferogramOutcome(self, found, scan(self, chosen_outputs(self, None), progress))


@record
class InterferogramOutcome(Outcome):
    """What came out of an interferogram.

    Attributes
    ----------
    experiment : InterferogramStudy
    population : array, shape (offsets, amplitudes)
        The mean population of the upper level.
    scan : Scanned or None
    """

    experiment: InterferogramStudy
    population: FloatArray
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("offset", "amplitude")

    @property
    def caption(self) -> str:
        """What the figure shows."""
        measured = self.experiment.measured
        return f"The mean population of the {measured} over offset and amplitude of the drive"

    def own_variables(self) -> dict[str, Variable]:
        """Return the map, for the dataset."""
        study = self.experiment
        unit = study.asked.unit or "1"
        return {
            "offset": Variable(("offset",), study.offsets, "offset", unit),
            "amplitude": Variable(("amplitude",), study.amplitudes, "amplitude", unit),
            "population": Variable(
                ("offset", "amplitude"), self.population, f"mean population of the {study.measured}"
            ),
            "mean_population": Variable((), float(self.population.mean()), "mean over the map"),
        }

    def own_tables(self) -> list[Table]:
        """Return the multiphoton resonances of the map, and the scan."""
        study = self.experiment
        rows = []
        for n in range(-_MOST_RESONANCES, _MOST_RESONANCES + 1):
            place = n * study.asked.frequency
            if study.offsets.min() <= place <= study.offsets.max():
                row = self.population[int(np.argmin(np.abs(study.offsets - place)))]
                best = int(np.argmax(row))
                cells = (place, float(row.mean()), float(row[best]), float(study.amplitudes[best]))
                rows.append((n, *cells))
        columns = ("photons", "offset", "mean population", "largest", "at amplitude")
        note = "At the offset of the map that is nearest to n times the frequency."
        return [Table("resonances", columns, tuple(rows), note, empty="no resonance in the map")]

    def own_sentences(self) -> Sentences:
        """Return where the population is largest."""
        study = self.experiment
        i, j = np.unravel_index(int(np.argmax(self.population)), self.population.shape)
        verdict = (
            f"The population of the {study.measured} is {self.population[i, j]:.4f} at most, at "
            f"offset {study.offsets[i]:g} and amplitude {study.amplitudes[j]:g}; its mean over the "
            f"map is {self.population.mean():.4f}."
        )
        return Sentences(verdict, True)

    def draw(self, ax: Any) -> None:
        """Draw the map."""
        study = self.experiment
        look = {"frequency": study.asked.frequency, "unit": study.asked.unit}
        draw_map(study, self.population, ax, **look)

    def draw_beside(self, ax: Any) -> None:
        """Draw the mean over the amplitudes."""
        study = self.experiment
        ax.plot(study.offsets, self.population.mean(axis=1))
        label_mean(ax, study.asked.unit)


KIND = InterferogramStudy


def axis_of(name: str, given: RangeTable | list[float]) -> FloatArray:
    """Return the values of a list or of a range, which increase."""
    if isinstance(given, RangeTable):
        integer("points", given.points, minimum=2, maximum=_MOST_POINTS)
        values = np.linspace(given.start, given.stop, given.points)
    else:
        values = np.asarray(given, dtype=np.float64)
    if values.size == 0 or np.any(np.diff(values) <= 0):
        raise fail(name, "increase strictly, with one value at least", f"it is {describe(values)}")
    return values


def draw_map(study: Any, population: FloatArray, ax: Any, **look: Any) -> None:
    """Draw a population over the offsets and amplitudes of a study, if there are several."""
    from anticrossing.plot import interference_map

    if min(population.shape) > 1:
        interference_map(study.offsets, study.amplitudes, population, ax=ax, **look)


def label_mean(ax: Any, unit: str = "") -> None:
    """Label means over the amplitudes."""
    from anticrossing.plot import style

    ax.set(xlabel=style.label("offset", unit), ylabel="population")
    ax.set_title("Mean over the amplitudes")
    style.grid(ax)
