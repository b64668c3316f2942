"""Tables of a file as text: TOML is read by Python, and written here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from anticrossing._core.checks import InputError, describe

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def text_of(tables: Mapping[str, Any]) -> str:
    """Return TOML that is read back as the same tables; keys without a value are left out.

    Examples
    --------
    >>> print(text_of({"title": "Two levels", "drive": {"kind": "linear", "rate": 1.0}}), end="")
    title = "Two levels"
    <BLANKLINE>
    [drive]
    kind = "linear"
    rate = 1.0
    """
    try:
        first = _lines(tables, nested=False)
        rest = [
            "\n".join([f"[{_key(name)}]", *_lines(table, nested=True)])
            for name, table in tables.items()
            if isinstance(table, Mapping)
        ]
    except RecursionError:
        raise InputError("Not valid TOML: it is nested too deeply.") from None
    return "\n\n".join([*(["\n".join(first)] if first else []), *rest]) + "\n"


def line(name: str, given: Any) -> str:
    """Return one line, ``key = value``."""
    return f"{_key(name)} = {value(given)}"


def value(given: Any) -> str:
    """Return a value as it is written."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, str):
        return _text(given)
    if isinstance(given, (int, float)):
        return repr(given)
    if isinstance(given, Mapping):
        inner = ", ".join(_lines(given, nested=True))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(given, (list, tuple)):
        return f"[{', '.join(map(value, given))}]"
    raise InputError(f"An experiment file holds no such value: {describe(given)}.")


def _lines(table: Mapping[str, Any], *, nested: bool) -> list[str]:
    """Return one line for each key, in a table also for those that hold tables."""
    return [
        line(name, item)
        for name, item in table.items()
        if item is not None and (nested or not isinstance(item, Mapping))
    ]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(plain: str) -> str:
    """Return a string as TOML has it: as JSON has it, but for the character DEL."""
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007F")
