"""A level driven through a finite reservoir: the Landau–Zener chain beside the exact evolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from anticrossing._core.checks import InputError, fail, fraction, nearest
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
from anticrossing.studies.outcomes.driven_level import DrivenLevelOutcome
from anticrossing.studies.outcomes.work import WorkTable
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Numbers, Table as TableOfFile
from anticrossing.studies.study import Heading, Study, at
from anticrossing.thermodynamics.driven_level import DrivenLevel

LARGEST_WORK_RESERVOIR = 200  # levels, for the distribution of the work


class DrivenLevelTable(TableOfFile, frozen=True, kw_only=True):
    """Level, reservoir and drive, in natural units, ħ = k_B = 1.

    Attributes
    ----------
    levels : energy
        Of the reservoir, ascending: a list, or { from, to, count }.
    couplings : energy
        γ, half the gaps: a number, or one for each level.
    start : energy
        First energy of the driven level.
    stop : energy
        Last energy of the driven level.
    rate : energy/time
        Speed of the driven level: a number, or one at each level.
    temperature : energy
        k_B T of the reservoir; instead of `beta`.
    beta : 1/energy
        Of the reservoir; instead of `temperature`.
    chemical_potential : energy
        μ of the reservoir.
    initial_occupation
        Of the driven level at the start: from 0 to 1, or "equilibrium".
    """

    levels: LevelRange | list[float]
    couplings: Numbers
    start: float
    stop: float
    rate: Numbers
    temperature: float | None = None
    beta: float | None = None
    chemical_potential: float = 0.0
    initial_occupation: float | str = "equilibrium"


class DrivenLevelFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a driven level."""

    driven_level: DrivenLevelTable
    question: QuestionTable = QuestionTable()
    work: WorkTable | bool | None = None


@record(kw_only=True)
class DrivenLevelStudy(Study):
    """A validated file with the table [driven_level].

    Attributes
    ----------
    system : DrivenLevel
        The point computed in detail.
    initial_occupation : float or None
        Of the level at the start; None is its equilibrium there.
    samples : int
        Points of the exact curve.
    work : WorkTable or None
        With a width.
    """

    system: DrivenLevel
    initial_occupation: float | None
    samples: int
    work: WorkTable | None

    structure: ClassVar[type[TableOfFile]] = DrivenLevelFile
    varied: ClassVar[tuple[str, ...]] = ("driven_level",)
    outputs: ClassVar[dict[str, Output]] = {
        "occupation": Output("exact final occupation", default=True),
        "entropy_production": Output("exact entropy production", default=True),
        "chain_occupation": Output("final occupation by the Landau-Zener chain"),
        "chain_entropy_production": Output("entropy production by the Landau-Zener chain"),
        "inside_domain": Output("every condition of the chain holds"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "driven_level": {
            "levels": {"from": 1.0, "to": 5.0, "count": 5},
            "couplings": 0.2,
            "start": 0.0,
            "stop": 6.0,
            "rate": 1.0,
            "beta": 1.2,
            "chemical_potential": 3.0,
            "initial_occupation": 1.0,
        }
    }

    @classmethod
    def read(cls, given: DrivenLevelFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check the level, its reservoir and its drive."""
        with tables.inside("driven_level"):
            system = _system(given.driven_level)
            occupation = _occupation(given.driven_level.initial_occupation)
        with tables.inside("question"):
            samples = samples_of(given.question.samples, system.levels.size)
        found = cls(
            **heading._asdict(),
            tables=entries,
            system=system,
            initial_occupation=occupation,
            samples=samples,
            work=_asked_work(given.work, system),
        )
        found.check_effort([])
        return found

    @property
    def setup(self) -> dict[str, str]:
        """Level, reservoir, crossings and units, one line each."""
        system = self.system
        begin = "in equilibrium" if self.initial_occupation is None else "with occupation "
        begin += "" if self.initial_occupation is None else f"{self.initial_occupation:g}"
        return {
            "level": f"{system.start:g} → {system.stop:g}, rate {span(system.rates)}, "
            f"begins {begin}",
            "reservoir": f"{counted(system.levels.size)} {span(system.levels)}, couplings "
            f"{span(system.couplings)}, β = {system.beta:g}, μ = {system.chemical_potential:g}",
            "units": "natural, ħ = k_B = 1",
        }

    # ---- points -------------------------------------------------------------------------------

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return outputs of chain and exact evolution."""
        system, occupation = self.system, self.initial_occupation
        found: dict[str, Any] = {}
        if "occupation" in outputs or "entropy_production" in outputs:
            exact = system.evolve(occupation)
            found["occupation"] = float(exact.occupations[-1])
            found["entropy_production"] = float(exact.entropy_production[-1])
        if any(name.startswith("chain_") for name in outputs):
            ledger = system.run(occupation)
            found["chain_occupation"] = float(ledger.occupations[-1])
            found["chain_entropy_production"] = float(ledger.totals.entropy_production)
        found["inside_domain"] = float(self.trusted)
        return {name: found[name] for name in outputs}

    @property
    def trusted(self) -> bool:
        """Whether every condition of the chain holds."""
        return all(bool(np.all(check.satisfied)) for check in self.system.checks)

    @classmethod
    def at_point(cls, entries: Mapping[str, Any], values: Mapping[str, float]) -> Self:
        """Return the study at other values, without the work."""
        return super().at_point({"driven_level": entries["driven_level"], "work": False}, values)

    def check_varied(self, parameter: str) -> None:
        """Raise unless a parameter can vary; the initial occupation may be left to equilibrium."""
        if parameter != "driven_level.initial_occupation":
            super().check_varied(parameter)

    def check_points(self) -> None:
        """Raise for a point of the scan that cannot be used, or for too many of them."""
        assert self.plan is not None
        axis, systems = self.plan.axes[0], []
        for value in axis.values:
            with at(axis, value):
                found = self.at_point(self.tables, {axis.parameter: float(value)})
                systems.append(found.system)
        self.check_effort(systems)

    def check_effort(self, systems: Sequence[DrivenLevel]) -> None:
        """Refuse what would take far longer than a minute, with all points of a scan."""
        with tables.inside("driven_level"):
            effort = _effort(self.system, self.samples)
            effort += sum(_effort(system, 2) for system in systems)
            check_effort(effort)

    # ---- the result ---------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> DrivenLevelOutcome:
        """Compute everything a driven level is asked for."""
        system, asked = self.system, self.work
        lifts = np.diff(system.chain.positions)
        start, stop = float(system.drive.start_time), float(system.drive.stop_time)
        times = np.linspace(start, stop, self.samples)
        return DrivenLevelOutcome(
            experiment=self,
            chain=system.run(self.initial_occupation),
            exact=system.evolve(self.initial_occupation, times=times),
            positions=np.asarray(system.drive(times), dtype=np.float64),
            work=None if asked is None else work_of(system, asked, lifts),
            scan=scan(self, tuple(self.outputs), progress),
        )


KIND = DrivenLevelStudy


# ---- reading ----------------------------------------------------------------------------------


def _system(given: DrivenLevelTable) -> DrivenLevel:
    return DrivenLevel(
        levels=reservoir_levels(given.levels),
        couplings=given.couplings,
        temperature=bath_temperature(given.temperature, given.beta),
        chemical_potential=given.chemical_potential,
        start=given.start,
        stop=given.stop,
        rate=given.rate,
    )


def _occupation(given: float | str) -> float | None:
    if not isinstance(given, str):
        return float(fraction("initial_occupation", given))
    if given != "equilibrium":
        must = 'be a number from 0 to 1 or "equilibrium"'
        raise fail("initial_occupation", must, f"it is {given!r}{nearest(given, ['equilibrium'])}")
    return None


def _asked_work(given: WorkTable | bool | None, system: DrivenLevel) -> WorkTable | None:
    count = system.levels.size
    if given is None:
        given = count <= LARGEST_WORK_RESERVOIR
    if given is False:
        return None
    if count > LARGEST_WORK_RESERVOIR:
        raise InputError(
            f"The distribution of the work can be had for at most {LARGEST_WORK_RESERVOIR} "
            f"reservoir levels, but there are {count}: leave [work] out."
        )
    reach = abs(system.stop - system.start)
    spacing = float(np.median(np.diff(system.levels))) if count > 1 else 0.25 * reach
    with tables.inside("work"):
        coarse = 0.5 * min(spacing, 0.25 * reach)
        return asked_work(given, finest_width(reach, count), coarse, count)


def _effort(system: DrivenLevel, reports: int) -> float:
    """Return about what the exact evolution costs."""
    return min(efforts(system.levels.size + 1, system.phase, reports))
