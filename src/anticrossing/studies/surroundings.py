"""Environments from the `[[environment]]` tables of an experiment file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anticrossing._core.checks import (
    InputError,
    choice,
    fail,
    known_keys,
    positive_number,
)
from anticrossing.environment import (
    Dephasing,
    Environment,
    FixedAxisDephasing,
    Lindblad,
    ThermalRelaxation,
)
from anticrossing.studies import tables

Overrides = Mapping[str, Any]


def environment(
    entries: Sequence[Mapping[str, Any]], overrides: Overrides | None = None
) -> Environment | None:
    """Build the sum of all `[[environment]]` tables; None if there are none.

    `overrides` replaces the strength of the only table while it is scanned.
    """
    parts = []
    for number, table in enumerate(entries):
        with tables.inside(f"environment {number + 1}" if len(entries) > 1 else "environment"):
            kind = choice("kind", tables.required(table, "kind"), KINDS)
            build, keys = KINDS[kind]
            known_keys(f"[[environment]] of kind {kind!r}", table, ("kind", *keys))
            arguments = {key: value for key, value in table.items() if key != "kind"}
            for key, value in arguments.items():
                if not isinstance(value, str) and key != "operators":
                    tables.check_numbers(key, value)
            parts.append(build({**arguments, **(overrides or {})}))
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def tables_of(entries: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the environment tables of a file: one `[environment]` or several `[[environment]]`."""
    found = entries.get("environment", [])
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise fail("environment", "be a table or a list of tables", "it is not")
    return found


def _dephasing(arguments: dict[str, Any]) -> Environment:
    return Dephasing(**arguments)


def _fixed_axis(arguments: dict[str, Any]) -> Environment:
    axis = arguments.pop("axis", None)
    rate = tables.required(arguments, "rate")
    return FixedAxisDephasing(rate, None if axis is None else tables.constant_matrix("axis", axis))


def _thermal(arguments: dict[str, Any]) -> Environment:
    tables.required(arguments, "temperature")
    density = arguments.get("spectral_density")
    if isinstance(density, str):
        from anticrossing._core import expression

        formula = expression.parse(density, ["omega"])
        arguments["spectral_density"] = expression.compile_function(
            [expression.symbol("omega")], formula
        )
    return ThermalRelaxation(**arguments)


def _qubit(arguments: dict[str, Any]) -> Environment:
    """T₁ and T₂ as they are measured: relaxation, and pure dephasing at 1/T₂ − 1/2T₁."""
    t1 = positive_number("t1", tables.required(arguments, "t1"))
    t2 = positive_number("t2", tables.required(arguments, "t2"))
    if t2 > 2 * t1 * (1 + 1e-12):
        raise fail("t2", "be at most 2 t1", f"t1 is {t1:g} and t2 is {t2:g}")
    relaxation = ThermalRelaxation(temperature=tables.required(arguments, "temperature"), t1=t1)
    return relaxation + Dephasing(rate=max(1 / t2 - 1 / (2 * t1), 0.0))


def _lindblad(arguments: dict[str, Any]) -> Environment:
    operators = tables.required(arguments, "operators")
    tables.check_length("operators", operators)
    terms = []
    for number, entry in enumerate(operators):
        name = f"operators[{number}]"
        if not isinstance(entry, dict):
            raise fail(name, "be a table with `matrix` and, if wanted, `coefficient`", "it is not")
        known_keys(name, entry, ("coefficient", "matrix"))
        rows = tables.required(entry, "matrix")
        coefficient = entry.get("coefficient", 1.0)
        if not isinstance(coefficient, str):
            tables.check_numbers(f"{name} coefficient", coefficient)
        terms.append((coefficient, tables.constant_matrix(f"{name} matrix", rows)))
    return Lindblad(terms)


KINDS: dict[str, tuple[Callable[[dict[str, Any]], Environment], tuple[str, ...]]] = {
    "dephasing": (_dephasing, ("gamma", "rate")),
    "fixed-axis": (_fixed_axis, ("rate", "axis")),
    "thermal": (_thermal, ("temperature", "t1", "spectral_density")),
    "qubit": (_qubit, ("t1", "t2", "temperature")),
    "lindblad": (_lindblad, ("operators",)),
}
"""Kinds of environments, and the keys each takes."""

SCANNED = {"dephasing": ("gamma", "rate"), "fixed-axis": ("rate",)}
"""Strengths that a scan may vary."""


def check_scanned(entries: Sequence[Mapping[str, Any]], key: str) -> None:
    """Raise unless `environment.KEY` names the strength of the only environment table."""
    if len(entries) != 1:
        raise InputError(
            f"A scan of `environment.{key}` needs exactly one environment table, but there are "
            f"{len(entries)}."
        )
    known = SCANNED.get(str(entries[0].get("kind")), ())
    if key not in known:
        raise fail(
            "parameter",
            "name a strength that can be scanned ("
            + ", ".join(f"environment.{name}" for names in SCANNED.values() for name in names)
            + ")",
            f"it is `environment.{key}` of kind {entries[0].get('kind')!r}",
        )
