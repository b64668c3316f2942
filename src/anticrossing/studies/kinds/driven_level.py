"""A level driven through a finite reservoir: the Landau–Zener chain beside the exact evolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import msgspec
import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    fraction,
    integer,
    nearest,
    positive_number,
)
from anticrossing._core.unchanging import read_only
from anticrossing.dynamics.fermions import efforts
from anticrossing.studies import tables
from anticrossing.studies.outcome import Output, Progress
from anticrossing.studies.outcomes.driven_level import DrivenLevelOutcome
from anticrossing.studies.outcomes.work import Work, WorkTable, ratios_of
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Numbers, Table as TableOfFile
from anticrossing.studies.study import Heading, Study, at
from anticrossing.thermodynamics.driven_level import DrivenLevel
from anticrossing.thermodynamics.work import WorkDistribution

LARGEST_RESERVOIR = 2000  # levels
LARGEST_WORK_RESERVOIR = 200  # levels, for the distribution of the work
METHODS = ("landau-zener", "exact")
_LARGEST_EFFORT = 1e8  # of the exact evolution: about a minute
_LARGEST_INVERSION = 5e8  # range over width times levels cubed: about a minute
_POINTS = 601
_DEVIATIONS = 5.0  # how far from their means the distributions are followed
_MOST_BINS = 60  # more, or many that stay empty, are no picture of the distribution
_MOST_SAMPLES = 5000
_OUTPUTS = {
    "occupation": Output("exact final occupation", default=True),
    "entropy_production": Output("exact entropy production", default=True),
    "chain_occupation": Output("final occupation by the Landau-Zener chain"),
    "chain_entropy_production": Output("entropy production by the Landau-Zener chain"),
    "inside_domain": Output("every condition of the chain holds"),
}


class LevelRange(TableOfFile, frozen=True, kw_only=True):
    """Levels at equal distances."""

    start: float = msgspec.field(name="from")
    stop: float = msgspec.field(name="to")
    count: int


class DrivenLevelTable(TableOfFile, frozen=True, kw_only=True):
    """Level, reservoir and drive, in natural units, ħ = k_B = 1."""

    levels: LevelRange | list[float]
    couplings: Numbers
    start: float
    stop: float
    rate: Numbers
    temperature: float | None = None
    beta: float | None = None
    chemical_potential: float = 0.0
    initial_occupation: float | str = "equilibrium"


class QuestionTable(TableOfFile, frozen=True, kw_only=True):
    """Points of the exact curve."""

    samples: int | None = None


class DrivenLevelFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a driven level."""

    driven_level: DrivenLevelTable
    question: QuestionTable = QuestionTable()
    work: WorkTable | bool | None = None


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
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

    @classmethod
    def read(cls, given: DrivenLevelFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check the level, its reservoir and its drive."""
        with tables.inside("driven_level"):
            system = _system(given.driven_level)
            occupation = _occupation(given.driven_level.initial_occupation)
        found = cls(
            **heading._asdict(),
            tables=entries,
            system=system,
            initial_occupation=occupation,
            samples=_samples(given.question, system.levels.size),
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
            "level": f"{system.start:g} → {system.stop:g}, rate {_span(system.rates)}, "
            f"begins {begin}",
            "reservoir": f"{_counted(system.levels.size)} {_span(system.levels)}, couplings "
            f"{_span(system.couplings)}, β = {system.beta:g}, μ = {system.chemical_potential:g}",
            "units": "natural, ħ = k_B = 1",
        }

    # ---- points -------------------------------------------------------------------------------

    @property
    def outputs(self) -> dict[str, Output]:
        """Final occupation and entropy production, exact and by the chain."""
        return _OUTPUTS

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
            if not effort <= _LARGEST_EFFORT:
                raise InputError(
                    f"The exact evolution would take about {effort / _LARGEST_EFFORT:.2g} minutes, "
                    "and one is the limit: drive faster, or ask for fewer levels, samples or "
                    "points of the scan."
                )

    # ---- the result ---------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> DrivenLevelOutcome:
        """Compute everything a driven level is asked for."""
        system = self.system
        start, stop = float(system.drive.start_time), float(system.drive.stop_time)
        times = np.linspace(start, stop, self.samples)
        return DrivenLevelOutcome(
            experiment=self,
            chain=system.run(self.initial_occupation),
            exact=system.evolve(self.initial_occupation, times=times),
            positions=np.asarray(system.drive(times), dtype=np.float64),
            work=None if self.work is None else _work(system, self.work),
            scan=scan(self, tuple(_OUTPUTS), progress),
        )


KIND = DrivenLevelStudy


# ---- reading ----------------------------------------------------------------------------------


def _system(given: DrivenLevelTable) -> DrivenLevel:
    if (given.beta is None) == (given.temperature is None):
        found = "neither is" if given.beta is None else "both are given"
        raise InputError(f"Exactly one of `beta` and `temperature` is needed, but {found}.")
    temperature = given.temperature
    if temperature is None:
        temperature = 1 / positive_number("beta", given.beta)
    return DrivenLevel(
        levels=_levels(given.levels),
        couplings=given.couplings,
        temperature=temperature,
        chemical_potential=given.chemical_potential,
        start=given.start,
        stop=given.stop,
        rate=given.rate,
    )


def _levels(given: LevelRange | list[float]) -> Any:
    """Return the levels of a list or of a range."""
    if isinstance(given, list):
        return given
    integer("count", given.count, minimum=2, maximum=LARGEST_RESERVOIR)
    if given.start >= given.stop:
        raise fail("to", "be above `from`", f"they are {given.stop:g} and {given.start:g}")
    return np.linspace(given.start, given.stop, given.count)


def _occupation(given: float | str) -> float | None:
    if not isinstance(given, str):
        return float(fraction("initial_occupation", given))
    if given != "equilibrium":
        must = 'be a number from 0 to 1 or "equilibrium"'
        raise fail("initial_occupation", must, f"it is {given!r}{nearest(given, ['equilibrium'])}")
    return None


def _samples(given: QuestionTable, levels: int) -> int:
    default = min(400, max(20, int(3e7 / (levels + 50) ** 2)))
    with tables.inside("question"):
        samples = default if given.samples is None else given.samples
        return integer("samples", samples, minimum=10, maximum=_MOST_SAMPLES)


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
    asked = WorkTable() if given is True else given
    with tables.inside("work"):
        listed = asked.directions
        if not listed or len(set(listed)) < len(listed):
            raise fail("directions", "name one or both directions once", f"it is {list(listed)}")
        return msgspec.structs.replace(asked, width=_width(asked.width, system))


def _width(given: float | None, system: DrivenLevel) -> float:
    """Return the resolution of the density: half a spacing of the levels, unless that is costly."""
    count = system.levels.size
    reach = abs(system.stop - system.start)
    finest = reach * (count + 1) ** 3 / _LARGEST_INVERSION
    if given is None:
        spacing = float(np.median(np.diff(system.levels))) if count > 1 else 0.25 * reach
        return max(0.5 * min(spacing, 0.25 * reach), finest)
    if positive_number("width", given) < finest:
        raise fail("width", f"be at least {finest:.3g} for {count} levels", f"it is {given:g}")
    return given


def _effort(system: DrivenLevel, reports: int) -> float:
    """Return about what the exact evolution costs."""
    return min(efforts(system.levels.size + 1, system.phase, reports))


# ---- computing --------------------------------------------------------------------------------


def _work(system: DrivenLevel, question: WorkTable) -> Work:
    distributions: dict[tuple[str, str], WorkDistribution] = {
        (method, direction): system.work_distribution(
            method=method,
            scheme=question.scheme if method == "exact" else None,
            direction=direction,
        )
        for direction in question.directions
        for method in METHODS
    }
    assert question.width is not None
    ends = []
    for (_, direction), found in distributions.items():
        reach = _DEVIATIONS * float(np.sqrt(max(found.variance, 0.0))) + 3 * question.width
        mean = _sign(direction) * found.mean
        ends += [mean - reach, mean + reach]
    values = np.linspace(min(ends), max(ends), _POINTS)
    densities = {
        key: found.density(_sign(key[1]) * values, width=question.width)
        for key, found in distributions.items()
    }
    edges, probabilities = _bins(system, distributions, min(ends), max(ends))
    ratios = ratios_of(distributions, question.width)
    return Work(question, distributions, values, densities, edges, probabilities, ratios)


def _bins(
    system: DrivenLevel,
    distributions: dict[tuple[str, str], WorkDistribution],
    low: float,
    high: float,
) -> tuple[FloatArray | None, dict[tuple[str, str], FloatArray]]:
    """Return bins centred on the lattice of the chain's work, and their probabilities."""
    steps = np.diff(system.chain.positions)
    step = float(np.abs(steps).min())
    ratios = steps / step
    on_lattice = bool(np.all(np.abs(ratios - np.round(ratios)) < 1e-9 * np.abs(ratios)))
    on_lattice = on_lattice and float(np.median(np.abs(ratios))) < 2
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    if not on_lattice or last - first > _MOST_BINS:
        return None, {}
    edges: FloatArray = (np.arange(first, last + 2, dtype=np.float64) - 0.5) * step
    try:
        # The edges of −w, mirrored: the bins come in reverse order.
        probabilities = {
            key: found.probabilities(edges)
            if key[1] == "forward"
            else found.probabilities(-edges[::-1])[::-1]
            for key, found in distributions.items()
        }
    except InputError:  # the only thing refused here is a work with too many values
        return None, {}
    return edges, probabilities


def _sign(direction: str) -> float:
    return 1.0 if direction == "forward" else -1.0


def _counted(count: int) -> str:
    return "one level" if count == 1 else f"{count} levels"


def _span(values: FloatArray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:g} … {high:g}"
