"""Interference fringes of several driven, relaxing levels: their mean populations on a map.

.. code-block:: toml

    [hamiltonian]
    matrix = [["x", 0.2, 0], [0.2, "1 - x", 0.1], [0, 0.1, "2.5 + x/2"]]
    [environment]
    kind = "thermal"
    temperature = 0.3
    t1 = 200.0
    [level_interferogram]
    offset = { from = -3, to = 3, points = 61 }
    amplitude = { from = 0, to = 5, points = 51 }
    frequency = 1.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from anticrossing._core.checks import FloatArray, fail, integer
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.dynamics import LevelInterferogram, level_interferogram
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import environments, levels, tables
from anticrossing.studies.kinds.interferogram import RangeTable, axis_of, draw_map, label_mean
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

_MOST_POINTS = 1_000_000
_LARGEST_WORK = 1e9  # points times levels to the sixth: some minutes


class LevelInterferogramTable(TableOfFile, frozen=True, kw_only=True):
    """The drive and the read-out; see `anticrossing.dynamics.level_interferogram`.

    Attributes
    ----------
    offset : coordinate
        x₀: { from, to, points }, or numbers that increase.
    amplitude : coordinate
        A: { from, to, points }, or numbers that increase.
    frequency : angular
        ω of the drive.
    tones
        Of the drive: a list of [n, w, φ].
    readout
        Whose populations are given: "diabatic" or "adiabatic".
    level
        The level that the figure shows; −1 is the last.
    tolerance
        Of the populations, from 1e-9 to 1e-2.
    """

    offset: RangeTable | list[float]
    amplitude: RangeTable | list[float]
    frequency: float
    tones: tuple[tuple[int, float, float], ...] = ((1, 1.0, 0.0),)
    readout: Literal["diabatic", "adiabatic"] = "diabatic"
    level: int = -1
    tolerance: float = 1e-6


class LevelInterferogramFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of an interferogram of several levels."""

    hamiltonian: dict[str, Any]
    environment: dict[str, Any] | list[Any]
    level_interferogram: LevelInterferogramTable
    units: dict[str, Any] = {}


@record(kw_only=True)
class LevelInterferogramStudy(Study):
    """A validated file with the table [level_interferogram].

    Attributes
    ----------
    hamiltonian, environment
    asked : LevelInterferogramTable
    offsets, amplitudes : array
        The two axes of the map.
    level : int
        The level that the figure shows.
    """

    hamiltonian: Hamiltonian
    environment: Environment
    asked: LevelInterferogramTable
    offsets: FloatArray
    amplitudes: FloatArray
    level: int

    structure: ClassVar[type[TableOfFile]] = LevelInterferogramFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "environment", "level_interferogram")
    outputs: ClassVar[dict[str, Output]] = {
        "mean_population": Output(
            "population averaged over the map", ("level",), default=True, quantity="population"
        ),
        "largest_population": Output(
            "largest population of the map", ("level",), default=True, quantity="population"
        ),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "LandauZener", "gap": 0.2},
        "environment": {"kind": "qubit", "t1": 200.0, "t2": 50.0, "temperature": 0.3},
        "level_interferogram": {
            "offset": {"from": 0.0, "to": 3.0, "points": 31},
            "amplitude": {"from": 0.0, "to": 5.0, "points": 26},
            "frequency": 1.0,
        },
    }

    @classmethod
    def read(
        cls, given: LevelInterferogramFile, entries: Mapping[str, Any], heading: Heading
    ) -> Self:
        """Build levels, surroundings and axes, and try one point."""
        asked = given.level_interferogram
        hamiltonian = levels.hamiltonian(given.hamiltonian, levels.units(given.units))
        environment = environments.environment(environments.tables_of(entries))
        if environment is None:
            raise fail("environment", "relax the levels", "there is none")
        with tables.inside("level_interferogram"):
            offsets, amplitudes = (axis_of(k, getattr(asked, k)) for k in ("offset", "amplitude"))
            if offsets.size * amplitudes.size > _MOST_POINTS:
                found = f"there are {offsets.size * amplitudes.size}"
                raise fail("points", f"make at most {_MOST_POINTS} together", found)
            count = hamiltonian.dimension
            level = integer("level", asked.level, minimum=-count, maximum=count - 1) % count
            study = cls(
                **heading._asdict(),
                tables=entries,
                hamiltonian=hamiltonian,
                environment=environment,
                asked=asked,
                offsets=offsets,
                amplitudes=amplitudes,
                level=level,
            )
            study.found(offsets[:1], amplitudes[:1])
        return study

    def found(self, offsets: FloatArray, amplitudes: FloatArray) -> LevelInterferogram:
        """Return the mean populations at every pair, offsets first."""
        asked = self.asked
        return level_interferogram(
            self.hamiltonian,
            self.environment,
            offset=offsets[:, None],
            amplitude=amplitudes,
            frequency=asked.frequency,
            tones=asked.tones,
            readout=asked.readout,
            tolerance=asked.tolerance,
        )

    @property
    def setup(self) -> dict[str, str]:
        """Levels, surroundings and drive, one line each."""
        ends = [f"{v[0]:g} … {v[-1]:g}" for v in (self.offsets, self.amplitudes)]
        drive = f"offset {ends[0]}, amplitude {ends[1]}, frequency {self.asked.frequency:g}"
        return {
            "hamiltonian": repr(self.hamiltonian),
            "environment": repr(self.environment),
            "drive": drive,
        }

    @property
    def effort(self) -> float:
        """Points of the map and size of the levels, over what takes some minutes."""
        points = self.offsets.size * self.amplitudes.size
        return points * self.hamiltonian.dimension**6 / _LARGEST_WORK

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return the mean and the largest population of every level."""
        found = self.found(self.offsets, self.amplitudes).populations
        known = {
            "mean_population": found.mean(axis=(0, 1)),
            "largest_population": found.max(axis=(0, 1)),
        }
        return {name: known[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> LevelInterferogramOutcome:
        """Compute the map."""
        found = self.found(self.offsets, self.amplitudes)
        scanned = scan(self, chosen_outputs(self, None), progress)
        return LevelInterferogramOutcome(self, found, scanned)


@record
class LevelInterferogramOutcome(Outcome):
    """What came out of an interferogram of several levels.

    Attributes
    ----------
    experiment : LevelInterferogramStudy
    found : LevelInterferogram
    scan : Scanned or None
    """

    experiment: LevelInterferogramStudy
    found: LevelInterferogram
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("offset", "amplitude")

    @property
    def caption(self) -> str:
        """What the figure shows."""
        study = self.experiment
        return (
            f"The mean population of {study.asked.readout} level {study.level} over offset and "
            "amplitude of the drive"
        )

    def own_variables(self) -> dict[str, Variable]:
        """Return the map, for the dataset."""
        study = self.experiment
        dims = ("offset", "amplitude")
        return {
            "offset": Variable(("offset",), study.offsets, "offset"),
            "amplitude": Variable(("amplitude",), study.amplitudes, "amplitude"),
            "population": Variable(
                (*dims, "level"), self.found.populations, "mean population of the level"
            ),
            "error_estimate": Variable(
                dims, self.found.error_estimate, "bound on the error of the populations"
            ),
        }

    def own_tables(self) -> list[Table]:
        """Return what each level has at most, and on average, and the scan."""
        study, populations = self.experiment, self.found.populations
        rows = []
        for level in range(populations.shape[-1]):
            one = populations[..., level]
            i, j = np.unravel_index(int(np.argmax(one)), one.shape)
            at = (float(study.offsets[i]), float(study.amplitudes[j]))
            rows.append((level, float(one.mean()), float(one[i, j]), *at))
        columns = ("level", "mean population", "largest", "at offset", "at amplitude")
        note = f"Of the {study.asked.readout} levels, averaged over a period."
        return [Table("levels", columns, tuple(rows), note)]

    def own_sentences(self) -> Sentences:
        """Return where the population of the shown level is largest."""
        study = self.experiment
        one = self.found.populations[..., study.level]
        i, j = np.unravel_index(int(np.argmax(one)), one.shape)
        verdict = (
            f"The population of {study.asked.readout} level {study.level} is {one[i, j]:.4f} at "
            f"most, at offset {study.offsets[i]:g} and amplitude {study.amplitudes[j]:g}; its mean "
            f"over the map is {one.mean():.4f}, and its error at most "
            f"{self.found.error_estimate.max():.0e}."
        )
        return Sentences(verdict, not self.found.warnings)

    def draw(self, ax: Any) -> None:
        """Draw the map of one level."""
        draw_map(self.experiment, self.found.populations[..., self.experiment.level], ax)

    def draw_beside(self, ax: Any) -> None:
        """Draw the means of all levels over the amplitudes."""
        for level, mean in enumerate(self.found.populations.mean(axis=1).T):
            ax.plot(self.experiment.offsets, mean, label=f"level {level}")
        label_mean(ax)
        ax.legend()


KIND = LevelInterferogramStudy
