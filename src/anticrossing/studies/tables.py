"""Checks for what TOML can hold: types, finite numbers, sizes, and where a mistake is."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from anticrossing._core.checks import InputError, describe, fail

LARGEST_LIST = 512
"""Longest list in a file: an experiment is described by hand, data do not belong in it."""


@contextmanager
def inside(where: str) -> Iterator[None]:
    """Prefix every input error raised within by the table it is about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"In [{where}]: {error}") from None


def table(parent: Mapping[str, Any], key: str, *, required: bool = False) -> dict[str, Any]:
    """Return the sub-table `key` (empty if absent), or raise if it is missing or no table."""
    if key not in parent:
        if required:
            raise InputError(f"The table [{key}] is missing.")
        return {}
    value = parent[key]
    if not isinstance(value, dict):
        raise fail(key, "be a table", f"it is {describe(value)}")
    return value


def thawed(value: Any) -> Any:
    """Return a copy of tables as a file gives them, of what an experiment holds for good."""
    if isinstance(value, Mapping):
        return {key: thawed(item) for key, item in value.items()}
    return [thawed(item) for item in value] if isinstance(value, (list, tuple)) else value


def required(entries: Mapping[str, Any], key: str) -> Any:
    """Return `entries[key]`, or raise naming the missing key."""
    if key not in entries:
        raise InputError(f"The key `{key}` is missing.")
    return entries[key]


def text(name: str, value: Any) -> str:
    """Return `value` if it is text."""
    if not isinstance(value, str):
        raise fail(name, "be text", f"it is {describe(value)}")
    # Escape sequences in a file must not reach the terminal that prints its title.
    if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in value):
        raise fail(name, "not contain control characters", f"it is {describe(value)}")
    return value


def check_numbers(name: str, value: Any) -> None:
    """Raise unless `value` is a finite number or a nested list of them (no true, no text)."""
    if isinstance(value, list):
        check_length(name, value)
        for item in value:
            check_numbers(name, item)
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fail(name, "be a number or a list of numbers", f"it contains {describe(value)}")
    if isinstance(value, int) and value.bit_length() > 1000:
        raise fail(name, "be representable", "it contains a number that is too large")
    if not math.isfinite(value):
        raise fail(name, "be finite", f"it contains {value}")


def check_length(name: str, value: Any) -> None:
    """Raise unless `value` is a list of acceptable length."""
    if not isinstance(value, list):
        raise fail(name, "be a list", f"it is {describe(value)}")
    if len(value) > LARGEST_LIST:
        raise fail(name, f"have at most {LARGEST_LIST} entries", f"it has {len(value)}")


def complex_value(name: str, value: Any) -> complex:
    """Return a matrix element: a number, or text such as ``"0.5 - 0.2*I"``."""
    if isinstance(value, str):
        from anticrossing._core.expression import parse

        return complex(parse(value, ()))
    check_numbers(name, value)
    if isinstance(value, list):
        raise fail(name, "be a number", f"it is the list {describe(value)}")
    return complex(value)


def constant_matrix(name: str, value: Any) -> list[list[complex]]:
    """Return a square matrix of constants given as a list of rows."""
    check_length(name, value)
    for row in value:
        check_length(f"{name} row", row)
        if len(row) != len(value):
            raise fail(name, "be square", f"it has {len(value)} rows and a row of {len(row)}")
    return [[complex_value(name, entry) for entry in row] for row in value]
