"""Hamiltonians and drives from the tables of a file.

Numbers are checked by the constructors they are meant for, so that each check has one place; here
are the keys a file may hold, and sizes.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from anticrossing import drive as drives
from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, InputError, choice, fail, known_keys, positive
from anticrossing.drive import Drive
from anticrossing.geometry import read_data
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.hamiltonian.level_table import read_levels
from anticrossing.models import MODELS, ising_problem, transverse_field_driver
from anticrossing.spectrum import levels as energies
from anticrossing.studies import tables
from anticrossing.studies.level_tables import (
    AnnealingTable,
    BallisticTable,
    FormulaTable,
    IsingProblem,
    OwnHamiltonian,
    PathTable,
    UnitsTable,
)
from anticrossing.studies.schema import Table, arguments_of, decode
from anticrossing.units import ENERGIES, LENGTHS, MASSES, NATURAL, TIMES, Units, velocity

LARGEST_DIMENSION = 64
MOST_COORDINATES = 32  # of a path
_LOOKS = 401  # along a drive, fewer at matrices that take longer
_LOOK_WORK = 4e7
_LARGEST_SIZE = {
    "spin": (LARGEST_DIMENSION - 1) / 2,
    "qubits": 40,
    "cutoff": (LARGEST_DIMENSION - 1) // 2,
    "levels": 8,
}
MOST_QUBITS = 6  # or sites
MOST_FOLLOWED = 16
"""Qubits or sites where one state alone is followed."""

Overrides = Mapping[str, FloatArray]
"""Values that replace keys of a table, one array each, while many points are computed at once."""


@functools.cache
def model_table(name: str) -> type[Table]:
    """Return the structure of [hamiltonian] for a named model: the arguments of its function."""
    return AnnealingTable if name == "Annealing" else arguments_of(name, MODELS[name], tag="model")


DRIVES: dict[str, Callable[..., Drive]] = {
    "linear": drives.Linear,
    "tanh": drives.Tanh,
    "sinusoidal": drives.Sinusoidal,
    "piecewise": drives.Piecewise,
    "gaussian": drives.Gaussian,
    "sech": drives.Sech,
    "chirp": drives.Chirp,
    "trapezoid": drives.Trapezoid,
    "cosine": drives.Cosine,
    "slepian": drives.Slepian,
    "fast-adiabatic": drives.FastAdiabatic,
    "samples": drives.Samples,
    "annealing": drives.AnnealingSchedule,
}


@functools.cache
def drive_table(kind: str) -> type[Table]:
    """Return the structure of [drive] for a kind of drive: the arguments of its function."""
    if kind in DRIVES:
        return arguments_of(kind, DRIVES[kind], tag="kind")
    others: dict[str, type[Table]] = {
        "formula": FormulaTable,
        "ballistic": BallisticTable,
        "path": PathTable,
    }
    return others[kind]


ALONE = (*DRIVES, "formula", "ballistic")
"""Kinds of drives of one coordinate."""

KINDS = (*ALONE, "path")


def units(entries: Mapping[str, Any]) -> Units:
    """Build the units of a file."""
    with tables.inside("units"):
        given = decode(entries, UnitsTable, "units")
        return Units(given.energy, given.time, given.coordinate)


def hamiltonian(
    entries: Mapping[str, Any],
    file_units: Units,
    overrides: Overrides | None = None,
    *,
    most_coordinates: int = 1,
    qubits: int = MOST_QUBITS,
) -> Hamiltonian:
    """Build H(x) from the table [hamiltonian], of one coordinate unless more are allowed."""
    overrides = overrides or {}
    with tables.inside("hamiltonian"):
        forms = [key for key in ("model", "matrix", "terms", "table") if key in entries]
        if len(forms) != 1:
            found = " and ".join(f"`{form}`" for form in forms) or "none of them"
            raise InputError(
                "It must contain one of `model`, `matrix`, `terms` or `table`, but it contains "
                f"{found}."
            )
        if forms[0] == "model":
            result = _named_model(entries, overrides, qubits)
        elif forms[0] == "table":
            result = _from_table(entries, file_units)
        else:
            result = _own_hamiltonian(entries, forms[0], overrides, most_coordinates)
        _check_sizes(forms[0], result, most_coordinates, max(LARGEST_DIMENSION, 2**qubits))
        return _with_units(result, file_units)


def drive(
    entries: Mapping[str, Any],
    hamiltonian_units: Units,
    overrides: Overrides | None = None,
    *,
    where: str = "drive",
) -> Drive:
    """Build x(t) from the table [drive], or from that of one coordinate of a path."""
    overrides = overrides or {}
    with tables.inside(where):
        kinds = KINDS if where == "drive" else ALONE
        kind = choice("kind", tables.required(entries, "kind"), kinds)
        if kind == "path":
            return _path(entries, hamiltonian_units, overrides)
        given: Any = decode(_without(entries, overrides), drive_table(kind), where)
        if kind == "formula":
            return _formula(given, overrides)
        if kind == "ballistic":
            return _ballistic(given, hamiltonian_units, overrides)
        return _made(DRIVES[kind], entries, overrides, tag="kind")


def problem(
    entries: Mapping[str, Any],
    overrides: Mapping[str, Overrides] | None = None,
    qubits: int = MOST_QUBITS,
) -> tuple[Hamiltonian, Drive]:
    """Build H and its drive from a file; along a path H is one of the coordinate t."""
    overrides = overrides or {}
    moved = entries["drive"]
    most = MOST_COORDINATES if moved.get("kind") == "path" else 1
    built = hamiltonian(
        entries["hamiltonian"],
        units(entries.get("units", {})),
        overrides.get("hamiltonian"),
        most_coordinates=most,
        qubits=qubits,
    )
    moving = drive(moved, built.units, overrides.get("drive"))
    with tables.inside("drive"):
        return drives.compose(built, moving)


def look_along(hamiltonian: Hamiltonian, drive: Drive) -> None:
    """Raise where H has no value along a drive, at some times of its window."""
    looks = int(np.clip(_LOOK_WORK / hamiltonian.dimension**3, 3, _LOOKS))
    times = np.linspace(float(drive.start_time), float(drive.stop_time), looks)
    with tables.inside("hamiltonian"):
        energies(hamiltonian, np.asarray(drive(times)))


# ---- Hamiltonians -----------------------------------------------------------------------------


def _named_model(entries: Mapping[str, Any], overrides: Overrides, qubits: int) -> Hamiltonian:
    name = choice("model", entries["model"], MODELS)
    own = inspect.signature(MODELS[name]).parameters
    scanned = {key: value for key, value in overrides.items() if key in own}
    plain = {key: value for key, value in entries.items() if key in own or key == "model"}
    given: Any = decode(_without(plain, scanned), model_table(name), "hamiltonian")
    if isinstance(given, AnnealingTable):
        known_keys("[hamiltonian]", entries, plain)
        return MODELS[name](**_annealing(given, qubits))
    for key, largest in {**_LARGEST_SIZE, "sites": qubits}.items():
        value = getattr(given, key, None)
        limit = largest if getattr(given, "reduced", True) else qubits
        if isinstance(value, (int, float)) and value > limit:
            raise fail(key, f"be at most {limit} in a file", f"it is {value}")
    fields = getattr(given, "fields", ())
    if isinstance(fields, list) and len(fields) > qubits:
        must = f"hold at most {qubits} numbers in a file"
        raise fail("fields", must, f"it holds {len(fields)}")
    result: Hamiltonian = _made(MODELS[name], plain, scanned, tag="model")
    # Parameters of the matrix that are no arguments of the function, such as `coupling_2`.
    rest = {key: value for key, value in {**entries, **overrides}.items() if key not in plain}
    known_keys("[hamiltonian]", rest, {**own, **result.parameters} if rest else ())
    return result.replace(**{k: v for k, v in rest.items() if k not in own}) if rest else result


def _annealing(given: AnnealingTable, qubits: int) -> dict[str, Any]:
    """Turn the short forms of an annealing problem into matrices."""
    if isinstance(given.problem, IsingProblem):
        fields = given.problem.fields
        if len(fields) > qubits:
            raise fail("fields", f"have at most {qubits} entries", f"it has {len(fields)}")
        problem = ising_problem(fields, {(i, j): J for i, j, J in given.problem.couplings})
    else:
        problem = constant_matrix("problem", given.problem)
    if isinstance(given.initial, str):
        choice("initial", given.initial, ("transverse field",))
        initial = transverse_field_driver(max(len(problem).bit_length() - 1, 1))
    else:
        initial = constant_matrix("initial", given.initial)
    return {"initial": initial, "problem": problem}


def _own_hamiltonian(
    entries: Mapping[str, Any], form: str, overrides: Overrides, most_coordinates: int
) -> Hamiltonian:
    given = decode(entries, OwnHamiltonian, "hamiltonian")
    if given.coordinates is not None and most_coordinates == 1:
        raise fail("coordinates", "be left out", "a coordinate that is driven is called x")
    details = {k: v for k in ("coordinates", "labels") if (v := getattr(given, k)) is not None}
    parameters = _parameters(given.parameters, overrides)
    if form == "matrix":
        rows = given.matrix or []
        _check_rows("matrix", rows)
        built = Hamiltonian.from_matrix(rows, parameters=parameters, **details)
        _check_used(parameters, [entry for row in rows for entry in row])
        return built
    terms: list[Any] = []
    for index, term in enumerate(given.terms or []):
        _check_rows(f"terms[{index}] matrix", term.matrix)
        matrix = constant_matrix(f"terms[{index}] matrix", term.matrix)
        terms.append((term.coefficient, matrix))
    built = Hamiltonian.from_terms(terms, parameters=parameters, **details)
    _check_used(parameters, [coefficient for coefficient, _ in terms])
    return built


def _from_table(entries: Mapping[str, Any], file_units: Units) -> Hamiltonian:
    """Read a diabatic table, or diabatize an adiabatic one."""
    given = decode(entries, OwnHamiltonian, "hamiltonian")
    known_keys("[hamiltonian]", entries, ("table", "labels"))
    path = tables.local_file("table", str(given.table))
    units = None if file_units == NATURAL else file_units
    try:
        if "matrices" in read_levels(path, units).arrays:
            return Hamiltonian.from_table(path, units=units, labels=given.labels)
        diabats = read_data(path, units=units).diabatize()
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from None
    return diabats.hamiltonian(name="Table", labels=given.labels)


def constant_matrix(name: str, rows: list[list[float | str]]) -> list[list[complex]]:
    """Return a square matrix of constants given as a list of rows."""
    for row in rows:
        if len(row) != len(rows):
            raise fail(name, "be square", f"it has {len(rows)} rows and a row of {len(row)}")
    return [
        [complex(expression.parse(x, ()) if isinstance(x, str) else x) for x in row] for row in rows
    ]


def optional_matrix(name: str, rows: list[list[float | str]] | None) -> list[list[complex]] | None:
    """Return the same, or None where nothing is given."""
    return None if rows is None else constant_matrix(name, rows)


def _check_rows(name: str, rows: list[Any]) -> None:
    if len(rows) > LARGEST_DIMENSION:
        raise fail(name, f"have at most {LARGEST_DIMENSION} rows in a file", f"it has {len(rows)}")


def _check_sizes(form: str, built: Hamiltonian, most: int, levels: int) -> None:
    names = built.coordinates
    if len(names) > most:
        raise fail(
            form,
            'have one coordinate to be driven, or a [drive] of kind "path"'
            if most == 1
            else f"have at most {most} coordinates",
            f"{built.name} has {len(names)} ({', '.join(names)})",
        )
    if built.dimension > levels:
        must = f"have at most {levels} levels in a file"
        raise fail(form, must, f"it has {built.dimension}")


def _with_units(result: Hamiltonian, file_units: Units) -> Hamiltonian:
    if file_units == NATURAL or result.units == file_units:
        return result
    if result.units != NATURAL:
        raise InputError(
            f"The model {result.name} is in {result.units.energy}, {result.units.time} and "
            f"{result.units.coordinate}: leave [units] out or repeat these."
        )
    return result.with_units(file_units)


# ---- drives -----------------------------------------------------------------------------------


def _formula(given: FormulaTable, overrides: Overrides) -> Drive:
    parameters = _parameters(given.parameters, overrides)
    built = drives.FormulaDrive(
        given.formula,
        _time(given.start_time, parameters),
        _time(given.stop_time, parameters),
        parameters=parameters,
        breakpoints=given.breakpoints,
    )
    _check_used(parameters, [given.formula, given.start_time, given.stop_time])
    return built


def _time(value: float | str, parameters: Mapping[str, Any]) -> Any:
    """Return an end of the window, which may be a formula of the drive's parameters."""
    if not isinstance(value, str):
        return value
    parsed = expression.parse(value, parameters)
    symbols = [expression.symbol(key) for key in parameters]
    with np.errstate(all="ignore"):
        return np.asarray(expression.compile_function(symbols, parsed)(*parameters.values()))


def _path(entries: Mapping[str, Any], in_units: Units, overrides: Overrides) -> Drive:
    parts: dict[str, Any] = {}
    for name, given in entries.items():
        if name == "kind":
            continue
        own = {
            key.removeprefix(f"{name}."): value
            for key, value in overrides.items()
            if key == name or key.startswith(f"{name}.")
        }
        if isinstance(given, Mapping):
            parts[name] = drive(given, in_units, own, where=f"drive.{name}")
        elif isinstance(given, (int, float)) and not isinstance(given, bool):
            parts[name] = own.get(name, given)
        else:
            raise fail(name, "be a number or the table of a drive", f"it is {given!r}")
    known_keys("[drive]", (key.partition(".")[0] for key in overrides), parts)
    return drives.Path(**parts)


def _ballistic(given: BallisticTable, in_units: Units, overrides: Overrides) -> Drive:
    if in_units.energy not in ENERGIES or in_units.time not in TIMES:
        raise InputError("A ballistic drive needs the units of energy and time: give [units].")
    if in_units.coordinate not in LENGTHS:
        raise InputError(
            "A ballistic drive needs a unit of length as `coordinate` in [units]"
            f" (one of {', '.join(LENGTHS)})."
        )
    keys = ("start", "stop", "kinetic_energy", "mass")
    known_keys("the parameters that vary", overrides, keys)
    values: dict[str, Any] = {key: overrides.get(key, getattr(given, key)) for key in keys}
    speed = velocity(
        positive("kinetic_energy", values["kinetic_energy"]),
        values["mass"],
        energy=in_units.energy,
        mass_unit=choice("mass_unit", given.mass_unit, MASSES),
        length=in_units.coordinate,
        time=in_units.time,
    )
    direction = np.sign(values["stop"] - np.asarray(values["start"]))
    if np.any(direction == 0):
        raise fail("stop", "differ from `start`", "the window is empty")
    return drives.Linear(values["start"], values["stop"], direction * speed)


# ---- shared -----------------------------------------------------------------------------------


def _made(make: Callable[..., Any], entries: Mapping[str, Any], new: Overrides, *, tag: str) -> Any:
    """Call a constructor with what a table holds, and what replaces some of it."""
    thawed = {key: value for key, value in tables.thawed(entries).items() if key != tag}
    with np.errstate(all="ignore"):  # what overflows is refused by name
        return make(**{**thawed, **new})


def _without(entries: Mapping[str, Any], overrides: Overrides) -> Mapping[str, Any]:
    """Return a table to be decoded: keys that are overridden may be missing, not unknown."""
    nested = any(form in entries for form in ("matrix", "terms", "formula"))
    return entries if nested else {**entries, **dict.fromkeys(overrides, 0.0)}


def _parameters(given: Mapping[str, float], overrides: Overrides) -> dict[str, Any]:
    known_keys("the parameters that vary", overrides, given)
    return {**given, **overrides}


def _check_used(parameters: Iterable[str], formulas: Iterable[Any]) -> None:
    """Raise for a parameter that no formula uses."""
    used = {name for text in formulas for name in re.findall(r"[^\W\d]\w*", str(text))}
    if unused := [name for name in parameters if name not in used]:
        raise fail("parameters", "be used in a formula", f"`{unused[0]}` is in none")


def check_single(entries: Mapping[str, Any], **built: Any) -> None:
    """Raise if what was built from a table holds several values where one is meant."""
    for where, one in built.items():
        if one is not None and one.batch_shape:
            deepest = max(entries[where], key=lambda key: _depth(entries[where][key]))
            raise InputError(
                f"In [{where}]: Argument `{deepest}` must be a single number (or a plain list "
                "where one is asked for), but it holds more; several values belong into [scan]."
            )


def _depth(value: Any) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, (list, tuple)) else 0
