"""The tables [driven_level], [question], [work] and [scan] of a driven level, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    integer,
    known_keys,
    nearest,
    positive,
    real_number,
)
from anticrossing._core.unchanging import read_only
from anticrossing.studies import tables
from anticrossing.studies.outcome import Study
from anticrossing.studies.scan import ScanValues, read_scan
from anticrossing.thermodynamics.dissipation import probability
from anticrossing.thermodynamics.driven_level import DIRECTIONS, DrivenLevel

LARGEST_RESERVOIR = 2000  # levels
LARGEST_WORK_RESERVOIR = 200  # levels, for the distribution of the work
SCHEMES = ("coupled", "decoupled")
_LARGEST_EFFORT = 1e8  # panels times (levels + 50)²: about a minute
_PANEL = 120.0  # radians that the exact solver covers with one panel
_LARGEST_INVERSION = 5e8  # range over width times levels cubed: about a minute

_KEYS = (
    "levels",
    "couplings",
    "beta",
    "temperature",
    "chemical_potential",
    "start",
    "stop",
    "rate",
    "initial_occupation",
)
_SCANNED = tuple(key for key in _KEYS if key != "levels")


@dataclass(frozen=True)
class WorkQuestion:
    """Which distributions of the work are asked for, and how finely they are resolved.

    Attributes
    ----------
    scheme : {"coupled", "decoupled"}
        Of the exact two-point measurement.
    directions : tuple of {"forward", "backward"}
    width : float
        Standard deviation σ of the smoothing (energy).
    """

    scheme: str
    directions: tuple[str, ...]
    width: float


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
    work : WorkQuestion or None
    scan : ScanValues or None
    entries : mapping
        The table [driven_level].
    """

    system: DrivenLevel
    initial_occupation: float | None
    samples: int
    work: WorkQuestion | None
    scan: ScanValues | None
    entries: Mapping[str, Any]

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

    @property
    def steps(self) -> int:
        """The number of points of the scan, 0 without one."""
        return 0 if self.scan is None else self.scan.values.size

    def point(self, value: float) -> tuple[DrivenLevel, float | None]:
        """Return system and initial occupation at one value of the scanned parameter."""
        if self.scan is None:
            raise InputError("This experiment has no [scan].")
        return _system({**tables.thawed(self.entries), self.scan.name: float(value)})


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> DrivenLevelStudy:
    """Validate the tables of a driven level."""
    given = tables.table(entries, "driven_level", required=True)
    scan = None
    if "scan" in entries:
        with tables.inside("scan"):
            scan = read_scan(tables.table(entries, "scan"))
            _check_parameter(scan, given)
    base = given
    if scan is not None and scan.name not in given:
        base = {**given, scan.name: float(scan.values[scan.values.size // 2])}
    with tables.inside("driven_level"):
        system, occupation = _system(base)
    study = DrivenLevelStudy(
        **heading,
        system=system,
        initial_occupation=occupation,
        samples=_samples(tables.table(entries, "question"), system.levels.size),
        work=_work(entries, system),
        scan=scan,
        entries=given,
    )
    _check_effort(study)
    return study


# ---- [driven_level] ---------------------------------------------------------------------------


def _system(entries: Mapping[str, Any]) -> tuple[DrivenLevel, float | None]:
    known_keys("[driven_level]", entries, _KEYS)
    for key, value in entries.items():
        if key not in ("levels", "initial_occupation"):
            tables.check_numbers(key, value)
    if ("beta" in entries) == ("temperature" in entries):
        found = "both are given" if "beta" in entries else "neither is"
        raise InputError(f"Exactly one of `beta` and `temperature` is needed, but {found}.")
    if "beta" in entries:
        temperature = 1 / real_number("beta", positive("beta", entries["beta"]))
    else:
        temperature = entries["temperature"]
    system = DrivenLevel(
        levels=_levels(tables.required(entries, "levels")),
        couplings=tables.required(entries, "couplings"),
        temperature=temperature,
        chemical_potential=entries.get("chemical_potential", 0.0),
        start=tables.required(entries, "start"),
        stop=tables.required(entries, "stop"),
        rate=tables.required(entries, "rate"),
    )
    return system, _occupation(entries.get("initial_occupation", "equilibrium"))


def _levels(value: Any) -> Any:
    """Return the levels of a list or of a range."""
    if not isinstance(value, dict):
        if not isinstance(value, list):
            raise fail(
                "levels",
                "be a list or { from = …, to = …, count = … }",
                f"it is {describe(value)}",
            )
        tables.check_numbers("levels", value)
        return value
    known_keys("`levels`", value, ("from", "to", "count"))
    low, high = (real_number(key, tables.required(value, key)) for key in ("from", "to"))
    count = integer("count", tables.required(value, "count"), minimum=2)
    if count > LARGEST_RESERVOIR:
        raise fail("count", f"be at most {LARGEST_RESERVOIR}", f"it is {count}")
    if low >= high:
        raise fail("to", "be above `from`", f"they are {high:g} and {low:g}")
    return np.linspace(low, high, count)


def _occupation(value: Any) -> float | None:
    if isinstance(value, str):
        if value != "equilibrium":
            raise fail(
                "initial_occupation",
                'be a number from 0 to 1 or "equilibrium"',
                f"it is {value!r}{nearest(value, ['equilibrium'])}",
            )
        return None
    tables.check_numbers("initial_occupation", value)
    number = real_number("initial_occupation", value)
    return float(probability("initial_occupation", number))


# ---- [question], [work], [scan] ---------------------------------------------------------------


def _samples(entries: Mapping[str, Any], levels: int) -> int:
    with tables.inside("question"):
        known_keys("[question]", entries, ("samples",))
        default = min(400, max(20, int(3e7 / (levels + 50) ** 2)))
        samples = integer("samples", entries.get("samples", default), minimum=10)
        if samples > 5000:
            raise fail("samples", "be at most 5000", f"it is {samples}")
        return samples


def _work(entries: Mapping[str, Any], system: DrivenLevel) -> WorkQuestion | None:
    count = system.levels.size
    asked = entries.get("work", count <= LARGEST_WORK_RESERVOIR)
    if asked is False:
        return None
    if asked is not True and not isinstance(asked, dict):
        raise fail("work", "be a table, true or false", f"it is {describe(asked)}")
    if count > LARGEST_WORK_RESERVOIR:
        raise InputError(
            f"The distribution of the work can be had for at most {LARGEST_WORK_RESERVOIR} "
            f"reservoir levels, but there are {count}: leave [work] out."
        )
    options: Mapping[str, Any] = {} if asked is True else asked
    with tables.inside("work"):
        known_keys("[work]", options, ("scheme", "directions", "width"))
        scheme = choice("scheme", options.get("scheme", "coupled"), SCHEMES)
        directions = options.get("directions", list(DIRECTIONS))
        if not isinstance(directions, list) or not directions:
            raise fail(
                "directions", "be a list of one or both directions", f"it is {describe(directions)}"
            )
        for direction in directions:
            choice("directions", direction, DIRECTIONS)
        if len(set(directions)) < len(directions):
            raise fail("directions", "name each direction once", f"it is {describe(directions)}")
        return WorkQuestion(scheme, tuple(directions), _width(options, system))


def _width(options: Mapping[str, Any], system: DrivenLevel) -> float:
    """Return the resolution of the density: half a spacing of the levels, unless that is costly."""
    count = system.levels.size
    reach = abs(system.stop - system.start)
    finest = reach * (count + 1) ** 3 / _LARGEST_INVERSION
    if "width" not in options:
        spacing = float(np.median(np.diff(system.levels))) if count > 1 else 0.25 * reach
        return max(0.5 * min(spacing, 0.25 * reach), finest)
    tables.check_numbers("width", options["width"])
    width = real_number("width", positive("width", options["width"]))
    if width < finest:
        raise fail("width", f"be at least {finest:.3g} for {count} levels", f"it is {width:g}")
    return width


def _check_parameter(scan: ScanValues, given: Mapping[str, Any]) -> None:
    where, _, key = scan.parameter.partition(".")
    if where != "driven_level" or key not in _SCANNED:
        known = [f"driven_level.{name}" for name in _SCANNED]
        raise fail(
            "parameter",
            f"be one of {', '.join(known)}",
            f"it is {describe(scan.parameter)}{nearest(scan.parameter, known)}",
        )
    value = given.get(key, 0.0)
    if key != "initial_occupation" and (isinstance(value, bool) or not _is_number(value)):
        raise fail("parameter", "name a single number", f"`{key}` is {describe(value)}")


def _check_effort(study: DrivenLevelStudy) -> None:
    """Refuse what would take far longer than a minute, and scanned values that cannot be used."""
    systems = []
    if study.scan is not None:
        for value in study.scan.values:
            with tables.inside("scan"):
                try:
                    systems.append(study.point(float(value))[0])
                except InputError as error:
                    raise InputError(f"At {study.scan.name} = {value:.6g}: {error}") from None
    panels = study.samples + sum(_panels(system) for system in [study.system, *systems])
    effort = panels * (study.system.levels.size + 50.0) ** 2
    if not effort <= _LARGEST_EFFORT:
        raise InputError(
            f"The exact evolution would take about {effort / _LARGEST_EFFORT:.2g} minutes, and one "
            "is the limit: drive faster, or ask for fewer levels, samples or points of the scan."
        )


def _panels(system: DrivenLevel) -> float:
    """Return about how many panels the exact evolution takes."""
    ends = np.concatenate([system.levels, [system.start, system.stop]])
    duration = float(system.drive.stop_time - system.drive.start_time)
    return 2 + float(np.ptp(ends)) * duration / _PANEL


# ---- helpers ----------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _counted(count: int) -> str:
    return "one level" if count == 1 else f"{count} levels"


def _span(values: FloatArray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:g} … {high:g}"
