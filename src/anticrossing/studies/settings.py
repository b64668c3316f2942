"""Values that replace those of a file: ``KEY=VALUE``, both as TOML has them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anticrossing._core.checks import describe, fail
from anticrossing.studies import tables, toml_text

_MUST = "be KEY=VALUE with a value as in TOML"


def changed(entries: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return the tables of a file with other values.

    Parameters
    ----------
    entries : mapping
        The tables.
    settings : sequence of str
        Such as ``drive.rate=2e-3`` or ``drive.kind="linear"``; of several tables of one name
        ``environment.2.t1=5.0`` is in the second.

    Raises
    ------
    InputError
        If one is not of this form, or names a value within what is no table.
    """
    result: dict[str, Any] = tables.thawed(entries)
    for setting in settings:
        keys, value = _split(setting)
        owner: Any = result
        for key in keys[:-1]:
            owner = _inside(owner, key)
        if len(keys) == 1 and keys[0] not in result:
            _check_table(keys[0], result, value)
        if not isinstance(owner, dict):
            where = ".".join(keys[:-1])
            but = f"`{where}` is " + ("a list" if isinstance(owner, list) else "none")
            raise fail("--set", "name a key of one table", but)
        owner[keys[-1]] = value
    return result


def text_with(entries: Mapping[str, Any], settings: Sequence[str]) -> str:
    """Return the text of a file with other values, which its first lines name."""
    heads = [f"# set: {toml_text.value(setting)}" for setting in settings]
    return "\n".join([*heads, toml_text.text_of(entries)])


def name_of(setting: str) -> str:
    """Return the key that a setting names."""
    return ".".join(_split(setting)[0])


def flat(entries: Any, where: str = "") -> Iterator[str]:
    """Yield the names of all values within tables."""
    if isinstance(entries, Mapping):
        for key, item in entries.items():
            yield from flat(item, f"{where}.{key}".lstrip("."))
    else:
        yield where


def keys_of(path: Path) -> list[str]:
    """Return the names of all values of a file, none of one that cannot be read."""
    try:
        return list(flat(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, RecursionError):
        return []


def _split(setting: str) -> tuple[list[str], Any]:
    """Return the parts of the key, and the value."""
    key, equals, value = setting.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise fail("--set", _MUST, f"it is {describe(setting)}")
    try:
        named = tomllib.loads(f"{key} = 0")
        read = tomllib.loads(f"value = {value}")
        if [*read] != ["value"] or "\n" in key:
            raise ValueError
    except (ValueError, RecursionError):
        quoted = f"{key.strip()}={toml_text.value(value.strip())}"
        hint = f"it is {describe(setting)}; text needs quotes: '{quoted}'"
        raise fail("--set", _MUST, hint) from None
    keys: list[str] = []
    inside: Any = named
    while isinstance(inside, dict):
        keys += inside
        inside = inside[keys[-1]]
    return keys, read["value"]


def _inside(owner: Any, key: str) -> Any:
    """Return a table within a table, which is made if there is none."""
    if isinstance(owner, list) and key.isdigit() and 1 <= int(key) <= len(owner):
        return owner[int(key) - 1]
    if not isinstance(owner, dict):
        return None
    found = owner.setdefault(key, {})
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _check_table(key: str, entries: Mapping[str, Any], value: Any) -> None:
    """Raise for a key without its table, with the name that it has."""
    ends = [name for name in flat(entries) if name.endswith(f".{key}")]
    if ends and not isinstance(value, dict):
        but = f"it is `{key}`; did you mean `{ends[0]}`?"
        raise fail("--set", "name a key with its table", but)
