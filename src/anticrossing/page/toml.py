"""Tables as the text of an experiment file."""

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


def _lines(table: Mapping[str, Any], *, nested: bool) -> list[str]:
    """Return one line for each key, in a table also for those that hold tables."""
    return [
        f"{_key(key)} = {_value(value)}"
        for key, value in table.items()
        if value is not None and (nested or not isinstance(value, Mapping))
    ]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    """Return a string as TOML has it: as JSON has it, but for the character DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(_lines(value, nested=True))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    raise InputError(f"An experiment file holds no such value: {describe(value)}.")
