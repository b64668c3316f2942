"""What a file can hold: finite numbers, sizes, text; where a mistake is; numbers by name."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anticrossing._core.checks import InputError, describe, fail

LARGEST_LIST = 512
"""Longest list in a file: an experiment is described by hand, data do not belong in it."""


@contextmanager
def inside(where: str) -> Iterator[None]:
    """Prefix every input error raised within by the table it is about, unless it has one."""
    try:
        yield
    except InputError as error:
        text = str(error)
        known = not where or text.startswith("In [")
        found = error.with_text(text if known else f"In [{where}]: {text}")
        raise (found if known and error.table else found.about(table=where)) from None


def check(value: Any, name: str = "", where: str = "") -> None:
    """Raise unless a value of a file, and all that is in it, can be used."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            check(item, key, f"{where}.{name}".strip("."))
        return
    with inside(where):
        _check(name, value)
    if isinstance(value, list):
        for item in value:
            check(item, name, where)


def _check(name: str, value: Any) -> None:
    if isinstance(value, list) and len(value) > LARGEST_LIST:
        raise fail(name, f"have at most {LARGEST_LIST} entries", f"it has {len(value)}")
    if isinstance(value, str):
        # Escape sequences in a file must not reach the terminal that prints its title.
        if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in value):
            raise fail(name, "not contain control characters", f"it is {describe(value)}")
    elif isinstance(value, int) and value.bit_length() > 1000:
        raise fail(name, "be representable", "it contains a number that is too large")
    elif isinstance(value, float) and not math.isfinite(value):
        raise fail(name, "be finite", f"it contains {value}")
    elif not isinstance(value, (bool, int, float, list)):
        raise fail(name, "be text, a number, true, false, a list or a table", f"it is {value}")


def local_file(name: str, text: str) -> Path:
    """Return the path of another file that a file names, below the current directory."""
    path = Path(text)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise fail(name, "be a relative path without ..", f"it is {describe(text)}")
    return path


def thawed(value: Any) -> Any:
    """Return a copy of tables as a file gives them, of what a study holds for good."""
    if isinstance(value, Mapping):
        return {key: thawed(item) for key, item in value.items()}
    return [thawed(item) for item in value] if isinstance(value, (list, tuple)) else value


# ---- numbers under their names TABLE.KEY -------------------------------------------------------


def with_values(entries: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """Return the tables of a file with other values of the keys ``TABLE.KEY``."""
    result: dict[str, Any] = thawed(entries)
    for parameter, value in values.items():
        owner, key = owner_of(result, parameter)
        given = owner.get(key)
        # Counts stay integers, where the file has one.
        whole = isinstance(given, int) and float(value).is_integer()
        owner[key] = int(value) if whole else float(value)
    return result


def given(entries: Mapping[str, Any], parameter: str) -> Any:
    """Return what the tables of a file hold for the key ``TABLE.KEY``, None if nothing."""
    owner, key = owner_of(thawed(entries), parameter)
    return owner.get(key)


def owner_of(entries: Mapping[str, Any], parameter: str) -> tuple[dict[str, Any], str]:
    """Return the table that holds a parameter, and its key there."""
    where, *inner, key = (parameter if "." in parameter else f"{parameter}.").split(".")
    owner = entries.get(where)
    if isinstance(owner, list) and len(owner) == 1:
        owner = owner[0]
    if not isinstance(owner, dict):
        count = (
            f"exactly one table [{where}]" if isinstance(owner, list) else f"the table [{where}]"
        )
        raise InputError(f"To vary `{parameter}` there must be {count}.")
    for name in inner:  # [packet.grid], [trajectories.initial]
        where = f"{where}.{name}"
        if not isinstance(owner.get(name), dict):
            raise InputError(f"To vary `{parameter}` there must be the table [{where}].")
        owner = owner[name]
    if key in owner or not any(form in owner for form in ("matrix", "terms", "formula")):
        return owner, key
    nested = owner.setdefault("parameters", {})  # a formula holds its values in a table of its own
    return (nested if isinstance(nested, dict) else owner), key


def required(entries: Mapping[str, Any], key: str) -> Any:
    """Return `entries[key]`, or raise naming the missing key."""
    if key not in entries:
        raise missing(key)
    return entries[key]


def missing(key: str) -> InputError:
    """Return the error of a key that is not there."""
    return InputError(f"The key `{key}` is missing.").about(key=key, reason="missing")
