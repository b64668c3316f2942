"""The lines of a file on which its tables and keys stand: Python's reader of TOML forgets them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST = 200  # lines of one value; what is longer is not looked through


def positions(text: str) -> dict[str, int]:
    """Return the line, from 1, of every table and key, by the name that messages give it."""
    found: dict[str, int] = {}
    repeated: Counter[str] = Counter()
    table = ""
    for number, statement in _statements(text):
        entries = tomllib.loads(statement)
        if not statement.lstrip().startswith("["):
            for name in _names(entries):
                found.setdefault(f"{table}.{name}".lstrip("."), number)
            continue
        table = _header(entries)
        if statement.lstrip().startswith("[["):
            repeated[table] += 1
            found.setdefault(table, number)
            table = f"{table} {repeated[table]}"
        found.setdefault(table, number)
    return found


def line_of(found: Mapping[str, int], table: str, key: str) -> int | None:
    """Return the line of a key, of its table where it is not there, or None."""
    name = f"{table}.{key}".strip(".")
    while name:
        for one in (name, name.replace(f"{table}.", f"{table} 1.", 1)):
            if one in found:
                return found[one]
        name = name.rpartition(".")[0]
    return None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield every statement of a valid file, which may be of several lines, and its first line."""
    rows: list[str] = []
    for number, row in enumerate(text.splitlines(), start=1):
        rows.append(row)
        if len(rows) > _LONGEST:
            return
        statement = "\n".join(rows)
        try:
            empty = not tomllib.loads(statement)
        except ValueError:
            continue
        if not empty:
            yield number - len(rows) + 1, statement
        rows = []


def _header(entries: Mapping[str, Any]) -> str:
    """Return the name of the table that a header opens."""
    keys: list[str] = []
    inside: Any = entries
    while inside:
        inside = inside[0] if isinstance(inside, list) else inside
        keys += inside
        inside = next(iter(inside.values()), None)
    return ".".join(keys)


def _names(value: Any, where: str = "") -> Iterator[str]:
    """Yield the names of all keys within a value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = f"{where}.{key}".lstrip(".")
            yield name
            yield from _names(item, name)
    elif isinstance(value, list):
        for number, item in enumerate(value, start=1):
            if isinstance(item, (Mapping, list)):
                yield from _names(item, f"{where} {number}")
