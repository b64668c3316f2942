"""The numbers of an experiment file under their names ``TABLE.KEY``: read, and put in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anticrossing._core.checks import InputError
from anticrossing.studies.tables import thawed

Tables = Mapping[str, Any]

HEADING = {"name": "point", "title": "", "source": "", "description": "", "text": ""}
"""That of the experiment at one point of a sweep."""


def with_values(tables: Tables, values: Mapping[str, float]) -> dict[str, Any]:
    """Return the tables of a file with other values of the keys ``TABLE.KEY``."""
    result: dict[str, Any] = thawed(tables)
    for parameter, value in values.items():
        owner, key = owner_of(result, parameter)
        owner[key] = _number(owner.get(key), value)
    return result


def is_given(tables: Tables, parameter: str) -> bool:
    """Whether the tables of a file hold a value for the key ``TABLE.KEY``."""
    owner, key = owner_of(thawed(tables), parameter)
    return key in owner


def owner_of(tables: Mapping[str, Any], parameter: str) -> tuple[dict[str, Any], str]:
    """Return the table that holds a parameter, and its key there."""
    where, *inner, key = (parameter if "." in parameter else f"{parameter}.").split(".")
    owner = tables[where]
    if isinstance(owner, list):
        owner = owner[0]
    for name in inner:  # [packet.grid], [trajectories.initial]
        where = f"{where}.{name}"
        if not isinstance(owner.get(name), dict):
            raise InputError(f"A sweep of `{parameter}` needs the table [{where}].")
        owner = owner[name]
    if key in owner or not any(form in owner for form in ("matrix", "terms", "formula")):
        return owner, key
    nested = owner.setdefault("parameters", {})  # a formula holds its values in a table of its own
    return (nested if isinstance(nested, dict) else owner), key


def _number(given: Any, value: float) -> float | int:
    """Return a swept value; counts stay integers, where the file has one."""
    whole = isinstance(given, int) and float(value).is_integer()
    return int(value) if whole else float(value)
