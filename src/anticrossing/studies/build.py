"""Hamiltonians and drives from the tables of an experiment file.

Numbers are checked by the constructors they are meant for, so that each check has one place; here
are the checks only a file needs: its keys, the types TOML can hold, and sizes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from anticrossing import drive as drives
from anticrossing._core import expression
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    fail,
    known_keys,
    positive,
    real_array,
)
from anticrossing.drive import Drive, FormulaDrive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import MODELS, ising_problem, transverse_field_driver
from anticrossing.studies import tables
from anticrossing.units import ENERGIES, LENGTHS, MASSES, NATURAL, TIMES, Units, velocity

LARGEST_DIMENSION = 64
_LARGEST_SIZE = {"spin": (LARGEST_DIMENSION - 1) / 2, "sites": 6, "qubits": 40}
_LARGEST_ANNEALING = 6  # qubits

_DRIVES: dict[str, Callable[..., Drive]] = {
    "linear": drives.Linear,
    "tanh": drives.Tanh,
    "sinusoidal": drives.Sinusoidal,
    "piecewise": drives.Piecewise,
}
KINDS = (*_DRIVES, "formula", "ballistic")

Overrides = Mapping[str, FloatArray]
"""Values that replace keys of a table: one array while a parameter is scanned, else nothing."""


def units(entries: Mapping[str, Any]) -> Units:
    """Build the units of a file."""
    with tables.inside("units"):
        known_keys("[units]", entries, ("energy", "time", "coordinate"))
        return Units(**{key: tables.text(key, value) for key, value in entries.items()})


def hamiltonian(
    entries: Mapping[str, Any],
    file_units: Units,
    overrides: Overrides | None = None,
    *,
    most_coordinates: int = 1,
) -> Hamiltonian:
    """Build H(x) from the table [hamiltonian], of one coordinate unless more are allowed."""
    overrides = overrides or {}
    with tables.inside("hamiltonian"):
        forms = [key for key in ("model", "matrix", "terms") if key in entries]
        if len(forms) != 1:
            found = " and ".join(f"`{form}`" for form in forms) or "none of them"
            raise InputError(
                f"It must contain one of `model`, `matrix` or `terms`, but it contains {found}."
            )
        if forms[0] == "model":
            result = _named_model(entries, overrides)
        else:
            result = _own_hamiltonian(entries, forms[0], overrides, most_coordinates)
        _check_coordinates(forms[0], result, most_coordinates)
        if result.dimension > LARGEST_DIMENSION:
            raise fail(
                forms[0],
                f"have at most {LARGEST_DIMENSION} levels in a file",
                f"it has {result.dimension}",
            )
        return _with_units(result, file_units)


def drive(
    entries: Mapping[str, Any], hamiltonian_units: Units, overrides: Overrides | None = None
) -> Drive:
    """Build x(t) from the table [drive]."""
    overrides = overrides or {}
    with tables.inside("drive"):
        kind = choice("kind", tables.required(entries, "kind"), KINDS)
        arguments = {key: value for key, value in entries.items() if key != "kind"}
        if kind == "formula":
            return _formula(arguments, overrides)
        if kind == "ballistic":
            return _ballistic(arguments, hamiltonian_units, overrides)
        constructor = _DRIVES[kind]
        _check_arguments(f"a drive of kind {kind!r}", constructor, arguments, overrides)
        return constructor(**{**arguments, **overrides})


# ---- Hamiltonians -----------------------------------------------------------------------------


def _named_model(entries: Mapping[str, Any], overrides: Overrides) -> Hamiltonian:
    name = choice("model", entries["model"], MODELS)
    arguments = {key: value for key, value in entries.items() if key != "model"}
    constructor = MODELS[name]
    if name == "Annealing":
        arguments = _annealing_matrices(arguments)
    own = inspect.signature(constructor).parameters
    scanned = {key: value for key, value in overrides.items() if key in own}
    _check_arguments(f"the model {name}", constructor, arguments, scanned)
    for key, largest in _LARGEST_SIZE.items():
        value = arguments.get(key)
        limit = largest if arguments.get("reduced", True) else _LARGEST_ANNEALING
        if isinstance(value, (int, float)) and value > limit:
            raise fail(key, f"be at most {limit} in a file", f"it is {value}")
    result: Hamiltonian = constructor(**{**arguments, **scanned})
    rest = {key: value for key, value in overrides.items() if key not in own}
    return result.replace(**rest) if rest else result


def _check_coordinates(form: str, built: Hamiltonian, most: int) -> None:
    names = built.coordinates
    if len(names) > most:
        raise fail(
            form,
            "have one coordinate to be driven" if most == 1 else f"have at most {most} coordinates",
            f"{built.name} has {len(names)} ({', '.join(names)})",
        )


def _annealing_matrices(arguments: dict[str, Any]) -> dict[str, Any]:
    """Turn the short forms of an annealing problem into matrices."""
    known_keys("the model Annealing", arguments, ("initial", "problem"))
    problem = tables.required(arguments, "problem")
    initial = tables.required(arguments, "initial")
    if isinstance(problem, dict):
        known_keys("`problem`", problem, ("fields", "couplings"))
        fields = tables.required(problem, "fields")
        tables.check_numbers("fields", fields)
        if isinstance(fields, list) and len(fields) > _LARGEST_ANNEALING:
            raise fail("fields", f"have at most {_LARGEST_ANNEALING} entries", f"{len(fields)}")
        triples = problem.get("couplings", [])
        tables.check_length("couplings", triples)
        tables.check_numbers("couplings", triples)
        couplings: dict[tuple[int, int], float] = {}
        for triple in triples:
            if not isinstance(triple, list) or len(triple) != 3:
                raise fail("couplings", "be a list of [i, j, J]", f"it contains {triple}")
            if any(isinstance(entry, list) for entry in triple):
                raise fail("couplings", "be a list of [i, j, J]", f"it contains {triple}")
            couplings[triple[0], triple[1]] = triple[2]
        problem = ising_problem(fields, couplings)
    else:
        problem = tables.constant_matrix("problem", problem)
    if isinstance(initial, str):
        choice("initial", initial, ("transverse field",))
        initial = transverse_field_driver(max(len(problem).bit_length() - 1, 1))
    else:
        initial = tables.constant_matrix("initial", initial)
    return {"initial": initial, "problem": problem}


def _own_hamiltonian(
    entries: Mapping[str, Any], form: str, overrides: Overrides, most_coordinates: int
) -> Hamiltonian:
    # A driven coordinate is x: a name for it has a meaning only where there can be several.
    named = ("coordinates",) if most_coordinates > 1 else ()
    known_keys("[hamiltonian]", entries, (form, "parameters", "labels", *named))
    parameters = _parameters(entries, overrides)
    details: dict[str, Any] = {}
    if "coordinates" in entries:
        tables.check_length("coordinates", entries["coordinates"])
        details["coordinates"] = [tables.text("coordinates", n) for n in entries["coordinates"]]
    if "labels" in entries:
        tables.check_length("labels", entries["labels"])
        details["labels"] = [tables.text("labels", label) for label in entries["labels"]]
    if form == "matrix":
        rows = entries["matrix"]
        tables.check_length("matrix", rows)
        for row in rows:
            tables.check_length("matrix row", row)
            for entry in row:
                _check_formula("matrix", entry)
        _check_size("matrix", rows)
        return Hamiltonian.from_matrix(rows, parameters=parameters, **details)
    listed = entries["terms"]
    tables.check_length("terms", listed)
    terms = []
    for index, term in enumerate(listed):
        name = f"terms[{index}]"
        if not isinstance(term, dict):
            raise fail(name, "be a table { coefficient = …, matrix = … }", f"it is {term!r}")
        known_keys(name, term, ("coefficient", "matrix"))
        coefficient = tables.required(term, "coefficient")
        _check_formula(f"{name} coefficient", coefficient)
        matrix = tables.required(term, "matrix")
        tables.check_length(f"{name} matrix", matrix)
        _check_size(f"{name} matrix", matrix)
        terms.append((coefficient, tables.constant_matrix(f"{name} matrix", matrix)))
    return Hamiltonian.from_terms(terms, parameters=parameters, **details)


def _check_formula(name: str, value: Any) -> None:
    if not isinstance(value, str):
        tables.check_numbers(name, value)
        if isinstance(value, list):
            raise fail(name, "be a number or a formula", f"it is the list {value}")


def _check_size(name: str, rows: list[Any]) -> None:
    if len(rows) > LARGEST_DIMENSION:
        raise fail(name, f"have at most {LARGEST_DIMENSION} rows in a file", f"it has {len(rows)}")


def _with_units(result: Hamiltonian, file_units: Units) -> Hamiltonian:
    if file_units == NATURAL:
        return result
    if result.units != NATURAL:
        if result.units != file_units:
            raise InputError(
                f"The model {result.name} is in {result.units.energy}, {result.units.time} and "
                f"{result.units.coordinate}: leave [units] out or repeat these."
            )
        return result
    return result.with_units(file_units)


# ---- drives -----------------------------------------------------------------------------------


def _formula(arguments: dict[str, Any], overrides: Overrides) -> Drive:
    known = ("formula", "start_time", "stop_time", "breakpoints", "parameters")
    known_keys("a drive of kind 'formula'", arguments, known)
    parameters = _parameters(arguments, overrides)
    breakpoints = arguments.get("breakpoints", [])
    tables.check_length("breakpoints", breakpoints)
    tables.check_numbers("breakpoints", breakpoints)
    formula = tables.required(arguments, "formula")
    _check_formula("formula", formula)
    return FormulaDrive(
        formula,
        _time("start_time", tables.required(arguments, "start_time"), parameters),
        _time("stop_time", tables.required(arguments, "stop_time"), parameters),
        parameters=parameters,
        breakpoints=breakpoints,
    )


def _time(name: str, value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return an end of the window, which may be a formula of the drive's parameters."""
    if not isinstance(value, str):
        tables.check_numbers(name, value)
        return value
    parsed = expression.parse(value, parameters)
    symbols = [expression.symbol(key) for key in parameters]
    with np.errstate(all="ignore"):
        result = expression.compile_function(symbols, parsed)(*parameters.values())
    return np.asarray(result)


def _ballistic(arguments: dict[str, Any], in_units: Units, overrides: Overrides) -> Drive:
    known = ("start", "stop", "kinetic_energy", "mass", "mass_unit")
    known_keys("a drive of kind 'ballistic'", arguments, known)
    merged = {**arguments, **overrides}
    for key in ("start", "stop", "kinetic_energy", "mass"):
        if key not in overrides:
            tables.check_numbers(key, tables.required(merged, key))
    if in_units.energy not in ENERGIES or in_units.time not in TIMES:
        raise InputError("A ballistic drive needs the units of energy and time: give [units].")
    if in_units.coordinate not in LENGTHS:
        raise InputError(
            "A ballistic drive needs a unit of length as `coordinate` in [units]"
            f" (one of {', '.join(LENGTHS)})."
        )
    speed = velocity(
        positive("kinetic_energy", merged["kinetic_energy"]),
        merged["mass"],
        energy=in_units.energy,
        mass_unit=choice("mass_unit", merged.get("mass_unit", "amu"), MASSES),
        length=in_units.coordinate,
        time=in_units.time,
    )
    ends = {key: real_array(key, merged[key]) for key in ("start", "stop")}
    direction = np.sign(ends["stop"] - ends["start"])
    if np.any(direction == 0):
        raise fail("stop", "differ from `start`", "the window is empty")
    return drives.Linear(merged["start"], merged["stop"], direction * speed)


# ---- shared -----------------------------------------------------------------------------------


def _parameters(entries: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    parameters = tables.table(entries, "parameters")
    for key, value in parameters.items():
        tables.check_numbers(key, value)
        if isinstance(value, list):
            raise fail(key, "be a single number (use [scan] for several)", f"it is {value}")
    known_keys("the scanned parameters", overrides, parameters)
    return {**parameters, **overrides}


def _check_arguments(
    what: str,
    constructor: Callable[..., Any],
    arguments: Mapping[str, Any],
    overrides: Overrides,
) -> None:
    """Check keys and types against the constructor's own signature."""
    signature = inspect.signature(constructor).parameters
    known_keys(what, [*arguments, *overrides], signature)
    for key, parameter in signature.items():
        if key in overrides:
            continue
        if key not in arguments:
            if parameter.default is inspect.Parameter.empty:
                raise InputError(f"The key `{key}` of {what} is missing.")
            continue
        value = arguments[key]
        if parameter.annotation in ("bool", bool):
            if not isinstance(value, bool):
                raise fail(key, "be true or false", f"it is {value!r}")
        elif not isinstance(value, np.ndarray) and what != "the model Annealing":
            tables.check_numbers(key, value)
