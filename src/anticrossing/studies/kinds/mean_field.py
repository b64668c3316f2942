"""Levels that act on themselves, such as those of a condensate, and a state swept along them.

.. code-block:: toml

    [hamiltonian]
    model = "LandauZener"
    gap = 1.0
    [drive]
    kind = "linear"
    start = -30
    stop = 30
    rate = 0.01
    [mean_field]
    interaction = -1.5           # of particles in the same mode: they attract each other
    samples = 400
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from anticrossing._core.checks import fail, integer
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.drive import Drive
from anticrossing.dynamics import MeanFieldEvolution, evolve_mean_field
from anticrossing.hamiltonian import Hamiltonian, MeanField
from anticrossing.spectrum import (
    Crossings,
    MeanFieldLevels,
    find_crossings,
    mean_field_levels,
    stationary_states,
)
from anticrossing.studies import levels, tables
from anticrossing.studies.curves import draw_populations
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

_MOST_SAMPLES = 5000
_MOST_RADIANS = 3e8  # of all points: some minutes
_REACH = 3.0  # widths of the crossings, around them
_LEVELS = 401  # places at which levels are shown


class MeanFieldTable(TableOfFile, frozen=True, kw_only=True):
    """The interaction and the read-out; see `anticrossing.hamiltonian.MeanField`.

    Attributes
    ----------
    interaction : energy
        Of particles in the same mode, or a matrix with a row for each mode; negative ones attract.
    conversions
        Pairs of particles that become one: a list of [single mode, pair mode, strength].
    initial
        The stationary state at the start, by its number from the lowest chemical potential.
    basis
        "adiabatic": levels in the field of the state itself, or "diabatic": modes.
    samples
        Times at which populations are shown.
    tolerance
        Of the fractions.
    """

    interaction: float | list[list[float]] = 0.0
    conversions: list[tuple[int, int, float]] = []
    initial: int = 0
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"
    samples: int = 0
    tolerance: float = 1e-8


class MeanFieldFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of levels that act on themselves."""

    hamiltonian: dict[str, Any]
    drive: dict[str, Any]
    mean_field: MeanFieldTable
    units: dict[str, Any] = {}


@record(kw_only=True)
class MeanFieldStudy(Study):
    """A validated file with the table [mean_field].

    Attributes
    ----------
    model : MeanField
    drive : Drive
    asked : MeanFieldTable
    """

    model: MeanField
    drive: Drive
    asked: MeanFieldTable

    structure: ClassVar[type[TableOfFile]] = MeanFieldFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "drive", "mean_field")
    outputs: ClassVar[dict[str, Output]] = {
        "probability": Output("final fraction in the level", ("final",), default=True),
        "error_estimate": Output("estimated error of the fractions"),
        "cusps": Output("number of cusps of the levels"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "LandauZener", "gap": 1.0},
        "drive": {"kind": "linear", "start": -20.0, "stop": 20.0, "rate": 0.1},
        "mean_field": {"interaction": -1.5, "samples": 100},
    }

    @classmethod
    def read(cls, given: MeanFieldFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build everything, and look for the state at the start."""
        hamiltonian, drive = levels.problem(entries)
        levels.check_single(entries, hamiltonian=hamiltonian, drive=drive)
        levels.look_along(hamiltonian, drive)
        asked = given.mean_field
        with tables.inside("mean_field"):
            integer("samples", asked.samples, minimum=0, maximum=_MOST_SAMPLES)
            if not 1e-12 <= asked.tolerance <= 1e-2:
                raise fail("tolerance", "be from 1e-12 to 1e-2", f"it is {asked.tolerance:g}")
            model = MeanField(hamiltonian, asked.interaction, conversions=asked.conversions)
            count = stationary_states(model, float(drive.start)).states.shape[0]
            integer("initial", asked.initial, minimum=0, maximum=count - 1)
        return cls(**heading._asdict(), tables=entries, model=model, drive=drive, asked=asked)

    def followed(self, samples: int) -> MeanFieldEvolution:
        """Follow the state, with its populations at so many times."""
        window = float(self.drive.start_time), float(self.drive.stop_time)
        return evolve_mean_field(
            self.model,
            self.drive,
            initial=self.asked.initial,
            basis=self.asked.basis,
            times=np.linspace(*window, samples) if samples > 1 else None,
            tolerance=self.asked.tolerance,
        )

    @property
    def _stretch(self) -> tuple[float, float]:
        """Where the drive leads, as a stretch of the coordinate."""
        window = np.linspace(float(self.drive.start_time), float(self.drive.stop_time), 257)
        x = np.asarray(self.drive(window))
        low, high = float(x.min()), float(x.max())
        return (low, high) if low < high else (low - 1.0, high + 1.0)

    def _around(self, crossings: Crossings) -> tuple[float, float]:
        """Return the part of the stretch where levels cross or turn back, and a little more."""
        low, high = self._stretch
        if not len(crossings):
            return low, high
        first, last = float(crossings.positions[0]), float(crossings.positions[-1])
        widths = [c.width for c in crossings.avoided if np.isfinite(c.width)]
        reach = _REACH * max(last - first, *widths, 1e-6 * (high - low))
        return max(low, first - reach), min(high, last + reach)

    @property
    def setup(self) -> dict[str, str]:
        """Modes and drive, one line each."""
        return {"modes": repr(self.model), "drive": repr(self.drive)}

    @property
    def effort(self) -> float:
        """The phase, over what takes some minutes."""
        window = float(self.drive.stop_time - self.drive.start_time)
        energies = self.model.hamiltonian(np.linspace(*self._stretch, 9))
        size = float(np.mean(np.linalg.norm(energies, ord=2, axis=(-2, -1))))
        size += float(np.max(np.abs(self.model.acting)))
        return size * window * self.model.units.angular * self.model.dimension / _MOST_RADIANS

    @property
    def path(self) -> tuple[Hamiltonian, Drive] | None:
        """H without what acts on itself, and its drive."""
        return (self.model.hamiltonian, self.drive)

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """Levels by number, modes by their label."""
        count = self.model.dimension
        named = [str(label) for label in self.model.hamiltonian.labels]
        return {"final": named if self.asked.basis == "diabatic" else list(range(count))}

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return final fractions and their error, and how many cusps there are."""
        known: dict[str, Any] = {}
        if {"probability", "error_estimate"} & set(outputs):
            found = self.followed(0)
            known["probability"] = found.probabilities
            known["error_estimate"] = float(found.error_estimate)
        if "cusps" in outputs:
            known["cusps"] = float(mean_field_levels(self.model, *self._stretch).cusps.size)
        return {name: known[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> MeanFieldOutcome:
        """Find levels and crossings, and follow the state."""
        crossings = find_crossings(self.model, *self._stretch)
        return MeanFieldOutcome(
            self,
            mean_field_levels(self.model, *self._around(crossings), samples=_LEVELS),
            crossings,
            self.followed(self.asked.samples),
            scan(self, chosen_outputs(self, None), progress),
        )


@record
class MeanFieldOutcome(Outcome):
    """What came out of levels that act on themselves.

    Attributes
    ----------
    experiment : MeanFieldStudy
    levels : MeanFieldLevels
    crossings : Crossings
    evolution : MeanFieldEvolution
    scan : Scanned or None
    """

    experiment: MeanFieldStudy
    levels: MeanFieldLevels
    crossings: Crossings
    evolution: MeanFieldEvolution
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("time", "level")

    caption: ClassVar[str] = (
        "Levels that act on themselves, unstable ones dashed, and the state along the drive"
    )

    @property
    def _of_state(self) -> str:
        """What fractions are told of."""
        return "level" if self.evolution.basis == "adiabatic" else "mode"

    def own_variables(self) -> dict[str, Variable]:
        """Return levels and evolution, for the dataset."""
        return {**self.levels.variables(), **self.evolution.variables()}

    def own_tables(self) -> list[Table]:
        """Return the crossings and cusps, and the final fractions."""
        rows = tuple((c.kind, c.position, self._sheets(c.levels), c.gap) for c in self.crossings)
        found = self.evolution
        name = self._of_state
        final = tuple((f"{name} {k}", float(p)) for k, p in enumerate(found.probabilities))
        return [
            Table(
                "crossings and cusps",
                ("kind", "position", "sheets", "gap"),
                rows,
                empty="No crossings on the way of the drive.",
            ),
            Table("final fractions", (name, "fraction"), final),
        ]

    def _sheets(self, pair: tuple[int, int]) -> str:
        return " and ".join(self.levels.names[k].replace(", ", " ") for k in pair)

    def own_sentences(self) -> Sentences:
        """Return whether a level turns back, and what is left of the state that began."""
        found, cusps = self.evolution, self.levels.cusps
        loops = (
            f"Levels turn back at {cusps.size} cusps, from x = {cusps[0]:.6g} to {cusps[-1]:.6g}"
            if cusps.size
            else "No level turns back"
        )
        best = int(np.argmax(found.probabilities))
        name = self._of_state
        verdict = (
            f"{loops}; the state ends with {found.probabilities[best]:.6g} in {name} {best}, known "
            f"to {float(found.error_estimate):.0e}."
        )
        notes = (*found.warnings, *self.levels.warnings)
        return Sentences(verdict, not found.warnings and self.levels.complete, notes)

    def draw(self, ax: Any) -> None:
        """Draw the levels."""
        from anticrossing.plot import loop_diagram

        known, units = self.levels, self.experiment.model.units
        loop_diagram(
            known.x,
            known.potentials,
            known.growth,
            cusps=known.cusps,
            name=known.coordinate,
            unit=units.coordinate,
            energy_unit=units.energy,
            ax=ax,
        )

    def draw_beside(self, ax: Any) -> None:
        """Draw fractions along the drive, or the final ones."""
        found = self.evolution
        count = found.probabilities.size
        names = [f"{self._of_state} {k}" for k in range(count)]
        if found.times.size:
            draw_populations(ax, found.times, found.populations, names, self.experiment.model.units)
            ax.set_ylabel("fraction")
        else:
            ax.bar(range(count), found.probabilities)
            ax.set_xticks(range(count), names)
            ax.set_ylabel("final fraction")


KIND = MeanFieldStudy
