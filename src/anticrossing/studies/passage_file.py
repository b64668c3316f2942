"""A passage from an experiment file: checked in full, and held as one immutable object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
)
from anticrossing.drive import Drive
from anticrossing.dynamics.request import BASES, LARGEST_OPEN_DIMENSION, check_tolerance
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import build, surroundings, tables
from anticrossing.studies.scan import ScanValues, read_scan

if TYPE_CHECKING:
    from anticrossing.sweeps.grid import Grid
    from anticrossing.sweeps.target import Target

_LARGEST_WORK = 400_000  # points times levels squared: about a minute
_QUESTION = ("initial", "basis", "tolerance", "samples")
TABLES = ("units", "hamiltonian", "drive", "environment", "question", "scan")
"""The tables of such a file."""


@dataclass(frozen=True)
class Question:
    """What is asked: initial level, read-out basis, accuracy, and points of the curves."""

    initial: int = 0
    basis: str = "adiabatic"
    tolerance: float = 1e-10
    samples: int = 400


@dataclass(frozen=True, eq=False)
class Scan(ScanValues):
    """One parameter that takes several values, and the batch it makes."""

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None


@dataclass(frozen=True, eq=False)
class Experiment:
    """A validated experiment file.

    Attributes
    ----------
    name : str
        The file's name without its suffix.
    title, source, description : str
        As in the file.
    text : str
        The file itself, for the record.
    hamiltonian, drive, environment
        The point analysed in detail; the environment is None for unitary evolution.
    question : Question
    scan : Scan or None
    """

    name: str
    title: str
    source: str
    description: str
    text: str
    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None
    question: Question
    scan: Scan | None
    tables: Mapping[str, Any]

    @property
    def steps(self) -> int:
        """The number of points of the scan, 0 without one."""
        return 0 if self.scan is None else self.scan.values.size

    def sweep_target(self, grid: Grid) -> Target:
        """Return what `anticrossing.sweep` computes at every point of a grid."""
        from anticrossing.studies.sweep import experiment_target

        return experiment_target(self, grid)

    def point(self, value: float) -> tuple[Hamiltonian, Drive, Environment | None]:
        """Return Hamiltonian, drive and environment at one value of the scanned parameter."""
        if self.scan is None:
            raise InputError("This experiment has no [scan].")
        where, _, key = self.scan.parameter.partition(".")
        override = {key: np.asarray(value, dtype=np.float64)}
        hamiltonian, drive, environment = self.hamiltonian, self.drive, self.environment
        given = tables.thawed(self.tables)
        if where == "drive":
            drive = build.drive(given["drive"], hamiltonian.units, override)
        elif where == "environment":
            environment = surroundings.environment(surroundings.tables_of(given), override)
        else:
            hamiltonian = build.hamiltonian(given["hamiltonian"], hamiltonian.units, override)
        return hamiltonian, drive, environment


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> Experiment:
    """Validate the tables of a passage; `heading` holds name, title, source, description, text."""
    for key in ("hamiltonian", "drive"):
        tables.table(entries, key, required=True)
    scan_entries = tables.table(entries, "scan")
    chosen = None
    if "scan" in entries:
        with tables.inside("scan"):
            chosen = read_scan(scan_entries)
            _check_parameter(entries, chosen.parameter)
    parameter = "" if chosen is None else chosen.parameter
    base = None
    if chosen is not None and not _given(entries, parameter):
        base = chosen.values[chosen.values.size // 2]
    hamiltonian, drive, environment = _at(entries, parameter, base)
    built_parts = {"hamiltonian": hamiltonian, "drive": drive, "environment": environment}
    for where, built in built_parts.items():
        if built is not None and built.batch_shape:
            given = entries[where]
            deepest = max(given, key=lambda key: _depth(given[key]))
            raise InputError(
                f"In [{where}]: Argument `{deepest}` must be a single number (or a plain list "
                "where one is asked for), but it holds more; several values belong into [scan]."
            )
    question = _question(tables.table(entries, "question"), hamiltonian.dimension)
    if environment is not None:
        _check_open(environment, question, hamiltonian.dimension)
    scan = None
    if chosen is not None:
        batch = _at(entries, parameter, chosen.values)
        with tables.inside("scan"):
            _check_batch(parameter, chosen.values, *batch)
        scan = Scan(parameter, chosen.values, chosen.scale, chosen.label, chosen.unit, *batch)
    return Experiment(
        name=heading["name"],
        title=heading["title"],
        source=heading["source"],
        description=heading["description"],
        text=heading["text"],
        hamiltonian=hamiltonian,
        drive=drive,
        environment=environment,
        question=question,
        scan=scan,
        tables=entries,
    )


def _depth(value: Any) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _at(
    entries: Mapping[str, Any], parameter: str, value: Any
) -> tuple[Hamiltonian, Drive, Environment | None]:
    """Build all three objects, with `value` for the scanned parameter unless it is None."""
    where, _, key = parameter.partition(".")
    override = {} if value is None else {key: np.asarray(value, dtype=np.float64)}
    file_units = build.units(tables.table(entries, "units"))
    hamiltonian = build.hamiltonian(
        entries["hamiltonian"], file_units, override if where == "hamiltonian" else None
    )
    drive = build.drive(entries["drive"], hamiltonian.units, override if where == "drive" else None)
    environment = surroundings.environment(
        surroundings.tables_of(entries), override if where == "environment" else None
    )
    return hamiltonian, drive, environment


def _check_open(environment: Environment, question: Question, levels: int) -> None:
    """Refuse what open evolution cannot do, before any work."""
    with tables.inside("environment"):
        environment.check(levels)
        if levels > LARGEST_OPEN_DIMENSION:
            raise InputError(
                f"At most {LARGEST_OPEN_DIMENSION} levels can be given an environment, but there "
                f"are {levels}."
            )
    if question.basis == "superadiabatic":
        with tables.inside("question"):
            raise fail(
                "basis",
                "be 'adiabatic' or 'diabatic' with an environment",
                "it is 'superadiabatic'",
            )


def _question(entries: Mapping[str, Any], dimension: int) -> Question:
    with tables.inside("question"):
        known_keys("[question]", entries, _QUESTION)
        tolerance = entries.get("tolerance", 1e-10)
        tables.check_numbers("tolerance", tolerance)
        accuracy = check_tolerance(tolerance)
        samples = integer("samples", entries.get("samples", 400), minimum=10)
        if samples > 5000:
            raise fail("samples", "be at most 5000", f"it is {samples}")
        initial = integer("initial", entries.get("initial", 0), minimum=0)
        if initial >= dimension:
            raise fail("initial", f"be a level from 0 to {dimension - 1}", f"it is {initial}")
        return Question(
            initial=initial,
            basis=choice("basis", entries.get("basis", "adiabatic"), BASES),
            tolerance=accuracy,
            samples=samples,
        )


# ---- scan -------------------------------------------------------------------------------------


def _owner(entries: Mapping[str, Any], parameter: str) -> Mapping[str, Any]:
    where, _, key = parameter.partition(".")
    if where == "environment":
        return surroundings.tables_of(entries)[0]
    owner: Mapping[str, Any] = entries[where]
    nested = owner.get("parameters")
    return nested if isinstance(nested, dict) and key in nested else owner


def _given(entries: Mapping[str, Any], parameter: str) -> bool:
    return parameter.partition(".")[2] in _owner(entries, parameter)


def _check_parameter(entries: Mapping[str, Any], parameter: str) -> None:
    where, dot, key = parameter.partition(".")
    if where not in ("hamiltonian", "drive", "environment") or not dot or not key:
        raise fail(
            "parameter",
            "be `hamiltonian.NAME`, `drive.NAME` or `environment.NAME`",
            f"it is {describe(parameter)}",
        )
    if where == "environment":
        surroundings.check_scanned(surroundings.tables_of(entries), key)
    given = _owner(entries, parameter).get(key, 0.0)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise fail("parameter", "name a single number", f"`{key}` is {describe(given)}")


def _check_batch(
    parameter: str,
    values: FloatArray,
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment | None,
) -> None:
    where, _, key = parameter.partition(".")
    target = hamiltonian if where == "hamiltonian" else drive
    if where != "environment" and target.batch_shape != values.shape:
        known = [name for name in target.parameters if np.ndim(target.parameters[name]) == 0]
        raise fail(
            "parameter",
            f"name a parameter of the {where} that can be scanned",
            f"`{key}` is none{nearest(key, known)}",
        )
    work = values.size * hamiltonian.dimension**2
    if work > _LARGEST_WORK:
        raise fail(
            "points",
            f"be at most {_LARGEST_WORK // hamiltonian.dimension**2} "
            f"for {hamiltonian.dimension} levels",
            f"there are {values.size}",
        )
