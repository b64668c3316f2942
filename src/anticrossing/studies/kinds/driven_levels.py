"""Several driven levels, or levels that return, through one reservoir: crossings and exact twin.

.. code-block:: toml

    [driven_levels]              # natural units, ħ = k_B = 1
    times = [0, 5, 10]
    energies = [[0, 5, 0.5], [-2.5, 2.6, -2]]
    reservoir = { from = 1, to = 4, count = 4 }
    couplings = 0.2
    beta = 1.2
    chemical_potential = 3.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, fail, nearest, positive_number
from anticrossing._core.unchanging import record
from anticrossing.dynamics.fermions import efforts
from anticrossing.studies import tables
from anticrossing.studies.driven import (
    LevelRange,
    QuestionTable,
    asked_work,
    bath_temperature,
    check_effort,
    counted,
    finest_width,
    reservoir_levels,
    samples_of,
    span,
    work_of,
)
from anticrossing.studies.outcome import Output, Progress
from anticrossing.studies.outcomes.driven_levels import DrivenLevelsOutcome
from anticrossing.studies.outcomes.work import WorkTable
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Numbers, Table as TableOfFile
from anticrossing.studies.study import Heading, Study, at
from anticrossing.thermodynamics.sequential_crossings import SequentialCrossings

MOST_WORK_LEVELS = 200  # driven and reservoir levels, for the distribution of the work
MOST_ACTIVE_LEVELS = 10  # known at a time, for the distribution of the crossings' work


class DrivenLevelsTable(TableOfFile, frozen=True, kw_only=True):
    """Driven levels on straight pieces, reservoir and couplings; ħ = k_B = 1.

    Attributes
    ----------
    times : time
        Of the corners of the paths, ascending.
    energies : energy
        Of each driven level at these times, straight in between.
    reservoir : energy
        Its levels: a list, or { from, to, count }.
    couplings : energy
        γ, half the gaps: a number, one for each level, or such a list for each driven level.
    temperature : energy
        k_B T of the reservoir; instead of `beta`.
    beta : 1/energy
        Of the reservoir; instead of `temperature`.
    chemical_potential : energy
        μ of the reservoir.
    initial_occupations
        Of the driven levels at the start: a list, or "equilibrium".
    stretch
        Factor on all times: large is slow.
    """

    times: list[float]
    energies: list[list[float]]
    reservoir: LevelRange | list[float]
    couplings: Numbers
    temperature: float | None = None
    beta: float | None = None
    chemical_potential: float = 0.0
    initial_occupations: list[float] | str = "equilibrium"
    stretch: float = 1.0


class DrivenLevelsFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of driven levels."""

    driven_levels: DrivenLevelsTable
    question: QuestionTable = QuestionTable()
    work: WorkTable | bool | None = None


@record(kw_only=True)
class DrivenLevelsStudy(Study):
    """A validated file with the table [driven_levels].

    Attributes
    ----------
    system : SequentialCrossings
        The point computed in detail.
    times : array, shape (n,)
        Of the corners.
    energies : array, shape (S, n)
        Of the driven levels there.
    initial_occupations : array, shape (S,), or None
        None is equilibrium.
    samples : int
        Points of the exact curves.
    work : WorkTable or None
        With a width.
    """

    system: SequentialCrossings
    times: FloatArray
    energies: FloatArray
    initial_occupations: FloatArray | None
    samples: int
    work: WorkTable | None

    structure: ClassVar[type[TableOfFile]] = DrivenLevelsFile
    varied: ClassVar[tuple[str, ...]] = ("driven_levels",)
    outputs: ClassVar[dict[str, Output]] = {
        "particle_number": Output("particles on the driven levels at the end, exact", default=True),
        "work": Output("work, exact", default=True),
        "heat": Output("heat from the reservoir, exact", default=True),
        "entropy_production": Output("entropy production, exact", default=True),
        "chain_particle_number": Output("particles on the driven levels at the end, by crossings"),
        "chain_work": Output("work, by crossings"),
        "chain_heat": Output("heat from the reservoir, by crossings"),
        "chain_entropy_production": Output("entropy production, by crossings"),
        "inside_domain": Output("every condition of the crossings holds"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "driven_levels": {
            "times": [0.0, 5.0, 10.0],
            "energies": [[0.0, 5.0, 0.5], [-2.5, 2.6, -2.0]],
            "reservoir": {"from": 1.0, "to": 4.0, "count": 4},
            "couplings": 0.2,
            "beta": 1.2,
            "chemical_potential": 3.0,
            "initial_occupations": [1.0, 1.0],
        }
    }

    @classmethod
    def read(cls, given: DrivenLevelsFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check the levels, their reservoir and their paths."""
        asked = given.driven_levels
        with tables.inside("driven_levels"):
            times = positive_number("stretch", asked.stretch) * np.array(asked.times)
            if len({len(path) for path in asked.energies}) > 1:
                raise fail("energies", "hold one list for each level, of one length", "they differ")
            system = SequentialCrossings(
                times=times,
                system_energies=asked.energies,
                reservoir_energies=reservoir_levels(asked.reservoir),
                couplings=asked.couplings,
                temperature=bath_temperature(asked.temperature, asked.beta),
                chemical_potential=asked.chemical_potential,
            )
            occupied = _occupations(asked.initial_occupations)
            system.run(occupied)  # refuses occupations that do not fit
        with tables.inside("question"):
            samples = samples_of(given.question.samples, system.reservoir_energies.size)
        found = cls(
            **heading._asdict(),
            tables=entries,
            system=system,
            times=times,
            energies=np.array(asked.energies, dtype=np.float64),
            initial_occupations=occupied,
            samples=samples,
            work=_asked_work(given.work, system),
        )
        with tables.inside("driven_levels"):
            check_effort(found.exact_effort)
        return found

    @property
    def setup(self) -> dict[str, str]:
        """Levels, reservoir and units, one line each."""
        system, begin = self.system, "in equilibrium"
        if self.initial_occupations is not None:
            begin = "with occupations " + ", ".join(f"{p:g}" for p in self.initial_occupations)
        paths = "; ".join(" → ".join(f"{e:g}" for e in path) for path in self.energies)
        return {
            "levels": f"{paths} at t = {', '.join(f'{t:g}' for t in self.times)}, begin {begin}",
            "reservoir": f"{counted(system.reservoir_energies.size)} "
            f"{span(system.reservoir_energies)}, couplings {span(system.couplings)}, "
            f"β = {system.beta:g}, μ = {system.chemical_potential:g}",
            "units": "natural, ħ = k_B = 1",
        }

    # ---- points -------------------------------------------------------------------------------

    @property
    def trusted(self) -> bool:
        """Whether every condition of the crossings holds."""
        return all(bool(np.all(check.satisfied)) for check in self.system.checks)

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return outputs of crossings and exact evolution."""
        found: dict[str, Any] = {"inside_domain": float(self.trusted)}
        exact_ones = ("particle_number", "work", "heat", "entropy_production")
        if any(name in exact_ones for name in outputs):
            exact = self.system.evolve(self.initial_occupations)
            found["particle_number"] = float(exact.occupations[-1].sum())
            found["work"], found["heat"] = float(exact.work[-1]), float(exact.heat[-1])
            found["entropy_production"] = exact.entropy_production
        ledger = self.system.run(self.initial_occupations)
        found["chain_particle_number"] = float(ledger.system_occupations[-1].sum())
        found["chain_work"] = float(ledger.mechanical_work.sum())
        found["chain_heat"] = float(ledger.heat.sum())
        found["chain_entropy_production"] = float(ledger.entropy_production[-1])
        return {name: found[name] for name in outputs}

    @classmethod
    def at_point(cls, entries: Mapping[str, Any], values: Mapping[str, float]) -> Self:
        """Return the study at other values, without the work and with few samples."""
        few = {"driven_levels": entries["driven_levels"], "work": False}
        return super().at_point({**few, "question": {"samples": 10}}, values)

    @property
    def exact_effort(self) -> float:
        """About what the exact evolution costs."""
        systems, levels = self.energies.shape[0], self.system.reservoir_energies.size
        every = np.concatenate([self.system.reservoir_energies, self.energies.ravel()])
        phase = float(np.ptp(every) * (self.times[-1] - self.times[0]))
        reports = self.samples + self.times.size
        return min(efforts(systems + levels, phase, reports, centre=systems))

    def check_varied(self, parameter: str) -> None:
        """Raise unless a parameter can vary; the time may be stretched without being named."""
        if parameter != "driven_levels.stretch":
            super().check_varied(parameter)

    def check_points(self) -> None:
        """Raise for a point of the scan that cannot be used, or for too many of them."""
        assert self.plan is not None
        axis, effort = self.plan.axes[0], self.exact_effort
        for value in axis.values:
            with at(axis, value):
                effort += self.at_point(self.tables, {axis.parameter: float(value)}).exact_effort
        with tables.inside("driven_levels"):
            check_effort(effort)

    # ---- the result ---------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> DrivenLevelsOutcome:
        """Compute everything driven levels are asked for."""
        system, asked = self.system, self.work
        times = np.linspace(self.times[0], self.times[-1], self.samples)
        lifts = np.diff(system.positions, axis=0).ravel()
        return DrivenLevelsOutcome(
            experiment=self,
            chain=system.run(self.initial_occupations),
            exact=system.evolve(self.initial_occupations, times=times),
            positions=np.stack([np.interp(times, self.times, path) for path in self.energies], -1),
            work=None if asked is None else work_of(system, asked, lifts),
            scan=scan(self, tuple(self.outputs), progress),
        )


KIND = DrivenLevelsStudy


def _occupations(given: list[float] | str) -> FloatArray | None:
    if not isinstance(given, str):
        return np.array(given, dtype=np.float64)
    if given != "equilibrium":
        must = 'be a list of numbers from 0 to 1 or "equilibrium"'
        hint = nearest(given, ["equilibrium"])
        raise fail("initial_occupations", must, f"it is {given!r}{hint}")
    return None


def _asked_work(given: WorkTable | bool | None, system: SequentialCrossings) -> WorkTable | None:
    levels = system.positions.shape[1] + system.reservoir_energies.size
    active = system.work_statistics().active_levels
    possible = levels <= MOST_WORK_LEVELS and active <= MOST_ACTIVE_LEVELS
    if given is None:
        given = possible
    if given is False:
        return None
    if not possible:
        raise InputError(
            f"The distribution of the work can be had for at most {MOST_WORK_LEVELS} levels, of "
            f"which {MOST_ACTIVE_LEVELS} are met again or driven, but there are {levels} and "
            f"{active}: leave [work] out."
        )
    reach = float(np.abs(np.diff(system.positions, axis=0)).sum())
    sorted_levels = np.sort(system.reservoir_energies)
    spacing = float(np.median(np.diff(sorted_levels))) if sorted_levels.size > 1 else 0.25 * reach
    with tables.inside("work"):
        coarse = 0.5 * min(spacing, 0.25 * reach) or 0.5 * system.temperature
        return asked_work(given, finest_width(reach, levels), coarse, levels)
