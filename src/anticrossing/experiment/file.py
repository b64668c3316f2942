"""An experiment file: read, checked in full before any work, and held as one immutable object."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anticrossing.checks import (
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
from anticrossing.drive import Drive
from anticrossing.dynamics.open_systems import LARGEST_DIMENSION
from anticrossing.dynamics.request import BASES, check_tolerance
from anticrossing.environment import Environment
from anticrossing.experiment import build, surroundings, tables
from anticrossing.hamiltonian import Hamiltonian

LARGEST_FILE = 1_000_000  # bytes
LARGEST_SCAN = 2000  # points
_LARGEST_WORK = 400_000  # points times levels squared: about a minute

_TOP = (
    "title",
    "source",
    "description",
    "units",
    "hamiltonian",
    "drive",
    "environment",
    "question",
    "scan",
)
_QUESTION = ("initial", "basis", "tolerance", "samples")
_SCAN = ("parameter", "values", "from", "to", "points", "scale", "label", "unit")


@dataclass(frozen=True)
class Question:
    """What is asked: initial level, read-out basis, accuracy, and points of the curves."""

    initial: int = 0
    basis: str = "adiabatic"
    tolerance: float = 1e-10
    samples: int = 400


@dataclass(frozen=True, eq=False)
class Scan:
    """One parameter that takes several values, and the batch it makes."""

    parameter: str
    values: FloatArray
    scale: str
    label: str
    unit: str
    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None

    @property
    def name(self) -> str:
        """The parameter without its table: ``"rate"`` for ``"drive.rate"``."""
        return self.parameter.partition(".")[2]


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

    def point(self, value: float) -> tuple[Hamiltonian, Drive, Environment | None]:
        """Return Hamiltonian, drive and environment at one value of the scanned parameter."""
        if self.scan is None:
            raise InputError("This experiment has no [scan].")
        where, _, key = self.scan.parameter.partition(".")
        override = {key: np.asarray(value, dtype=np.float64)}
        hamiltonian, drive, environment = self.hamiltonian, self.drive, self.environment
        if where == "drive":
            drive = build.drive(self.tables["drive"], hamiltonian.units, override)
        elif where == "environment":
            environment = surroundings.environment(surroundings.tables_of(self.tables), override)
        else:
            hamiltonian = build.hamiltonian(self.tables["hamiltonian"], hamiltonian.units, override)
        return hamiltonian, drive, environment


def load(path: str | Path) -> Experiment:
    """Read and validate an experiment file (TOML; see `anticrossing.experiment`).

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Experiment

    Raises
    ------
    InputError
        For anything in the file that cannot be used, in one line.
    OSError
        If the file cannot be read.
    """
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{file} is a directory, not an experiment file.")
    if file.exists() and not file.is_file():  # opening a pipe would wait for somebody to write
        raise InputError(f"{file} is not a regular file.")
    with file.open("rb") as stream:
        raw = stream.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise InputError(f"{file} is larger than {LARGEST_FILE} bytes: not an experiment file.")
    try:
        text = raw.decode("utf-8-sig")  # some editors begin a file with a byte-order mark
    except UnicodeDecodeError:
        raise InputError(f"{file} is not a text file (UTF-8).") from None
    try:
        return parse(text.replace("\r\n", "\n"), name=file.stem)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def parse(text: str, *, name: str = "experiment") -> Experiment:
    """Validate the text of an experiment file.

    Examples
    --------
    >>> experiment = parse('''
    ... [hamiltonian]
    ... model = "LandauZener"
    ... gap = 1.0
    ... [drive]
    ... kind = "linear"
    ... start = -100
    ... stop = 100
    ... rate = 1.0
    ... ''')
    >>> experiment.hamiltonian
    LandauZener(gap=1) [2 levels]
    """
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"Not valid TOML: {error}.") from None
    except RecursionError:
        raise InputError("Not valid TOML: it is nested too deeply.") from None
    except ValueError:  # raised for a number of thousands of digits, or a date that cannot be
        raise InputError("Not valid TOML: it contains a number or date out of range.") from None
    known_keys("the file", entries, _TOP)
    heading = {key: tables.text(key, entries.get(key, "")) for key in _TOP[:3]}
    for key in ("hamiltonian", "drive"):
        tables.table(entries, key, required=True)

    scan_entries = tables.table(entries, "scan")
    parameter, values, scale = "", np.empty(0), "linear"
    if "scan" in entries:
        with tables.inside("scan"):
            parameter, values, scale = _scan_values(scan_entries)
            _check_parameter(entries, parameter)
    base = None if not parameter or _given(entries, parameter) else values[values.size // 2]
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
    if parameter:
        batch = _at(entries, parameter, values)
        with tables.inside("scan"):
            _check_batch(parameter, values, *batch)
            label = tables.text("label", scan_entries.get("label", ""))
            unit = tables.text("unit", scan_entries.get("unit", ""))
        label = label or parameter.partition(".")[2].replace("_", " ")
        scan = Scan(parameter, values, scale, label, unit, *batch)
    return Experiment(
        name=name,
        title=heading["title"] or name.replace("_", " "),
        source=heading["source"],
        description=heading["description"],
        text=text,
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
        if levels > LARGEST_DIMENSION:
            raise InputError(
                f"At most {LARGEST_DIMENSION} levels can be given an environment, but there are "
                f"{levels}."
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


def _scan_values(entries: Mapping[str, Any]) -> tuple[str, FloatArray, str]:
    known_keys("[scan]", entries, _SCAN)
    parameter = tables.text("parameter", tables.required(entries, "parameter"))
    if "values" in entries:
        extra = [key for key in ("from", "to", "points") if key in entries]
        if extra:
            raise fail("values", "stand alone", f"`{extra[0]}` is given too")
        values = entries["values"]
        if not isinstance(values, list) or not values:
            raise fail("values", "be a list of at least one number", f"it is {describe(values)}")
        if len(values) > LARGEST_SCAN:
            raise fail("values", f"have at most {LARGEST_SCAN} entries", f"it has {len(values)}")
        for value in values:
            tables.check_numbers("values", value)
            if isinstance(value, list):
                raise fail("values", "be a flat list of numbers", f"it contains {value}")
        points = np.asarray(values, dtype=np.float64)
        if np.any(np.diff(points) <= 0):
            raise fail("values", "increase strictly", f"they are {describe(values)}")
        guess = "log" if points[0] > 0 and points[-1] / points[0] > 20 else "linear"
        return parameter, points, choice("scale", entries.get("scale", guess), ("linear", "log"))
    ends = []
    for key in ("from", "to"):
        value = tables.required(entries, key)
        tables.check_numbers(key, value)
        ends.append(real_number(key, value))
    if ends[0] == ends[1]:
        raise fail("to", "differ from `from`", f"both are {ends[0]:g}")
    count = integer("points", tables.required(entries, "points"), minimum=2)
    if count > LARGEST_SCAN:
        raise fail("points", f"be at most {LARGEST_SCAN}", f"it is {count}")
    scale = choice("scale", entries.get("scale", "linear"), ("linear", "log"))
    low, high = sorted(ends)
    if scale == "log":
        positive("from", low)
        return parameter, np.geomspace(low, high, count), scale
    return parameter, np.linspace(low, high, count), scale


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
