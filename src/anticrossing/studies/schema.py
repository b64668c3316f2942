"""What a file may hold, declared as msgspec structures, and read with one grammar of errors."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import msgspec

from anticrossing._core.checks import InputError, choice, describe, fail, known_keys
from anticrossing.studies import tables

Numbers = float | list[Any]
"""A number, or a list of numbers (a list of lists for a matrix)."""
Step = str | int
"""A key or an index on the way to a value."""
Matrix = list[list[float | str]]
"""Rows of numbers and formulas."""

_Made = TypeVar("_Made", bound="Table")
_WORDS = {
    "float": "a number",
    "int": "an integer",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_WHERE = re.compile(r"^(.*?)(?: - at `\$(.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


class Table(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of every table of a file."""


def decode(entries: Any, kind: type[_Made], where: str) -> _Made:
    """Return a table of a file as its structure; `where` is its name in the file.

    Raises
    ------
    InputError
        For a key that is unknown or missing, or a value of another type, with the path in the file.
    """
    if not isinstance(entries, Mapping):
        raise fail(where, "be a table", f"it is {describe(entries)}")
    try:
        return msgspec.convert(tables.thawed(entries), kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error), entries, kind, where) from None


def arguments_of(name: str, make: Callable[..., Any], *, tag: str = "") -> type[Table]:
    """Return the structure of a table that holds the arguments of a function.

    With a `tag` it has a key of that name, whose value is the name of the function.
    """
    fields: list[Any] = [(tag, Literal[name])] if tag else []
    for key, parameter in _parameters(make).items():
        kind = _kind(str(parameter.annotation))
        default = parameter.default
        if default is inspect.Parameter.empty:
            fields.append((key, kind))
        elif isinstance(default, (int, float, str, bool)):
            fields.append((key, kind, default))
        else:
            fields.append((key, kind | None, None))
    made: Any = msgspec.defstruct(name, fields, bases=(Table,), kw_only=True)
    return cast("type[Table]", made)


def _parameters(make: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return what a function, or the constructor of a class, takes."""
    return inspect.signature(make).parameters


def _kind(annotation: str) -> Any:
    """Return the type of a key from the annotation of an argument."""
    parts = [part.strip("' ") for part in annotation.split(" | ")]
    first = parts[0]
    if first.startswith("Mapping[str"):
        return dict[str, float]
    if "str" in parts and len({*parts} - {"None"}) > 1:  # a number or a formula, perhaps a list
        return float | str if {*parts} <= {"str", "float", "None"} else Numbers | str
    plain = {"bool": bool, "int": int, "str": str, "float": float, "Any": Any}.get(first)
    return plain or Numbers


# ---- errors -----------------------------------------------------------------------------------


def _explain(message: str, entries: Any, kind: Any, where: str) -> InputError:
    """Return an error of the library in our grammar."""
    found = _WHERE.match(message)
    said, path = (found[1], found[2] or "") if found else (message, "")
    steps = _steps(path, entries, kind)
    key = re.search(r"field `(.+)`", said)
    try:
        with tables.inside(_join(where, _tables_on(entries, steps if key else steps[:-1]))):
            if key:
                _explain_key(key[1], said, _struct_at(kind, steps), _join(where, steps))
            _explain_value(said, steps, _value_at(entries, steps), _type_at(kind, steps))
    except InputError as error:
        return error
    raise AssertionError(message)


def _explain_key(key: str, said: str, kind: Any, where: str) -> None:
    if "unknown" in said and kind is not None:
        known_keys(f"[{where}]", [key], [f.encode_name for f in msgspec.structs.fields(kind)])
    if where:
        raise tables.missing(key)
    raise InputError(f"The table [{key}] is missing.").about(key=key, reason="missing")


def _explain_value(said: str, steps: list[Step], value: Any, kind: Any) -> None:
    named = [step for step in steps if not isinstance(step, int)]
    name = named[-1] if named else "table"
    if options := _options(_type_of_items(kind, value)):
        choice(name, value, options)
    if bound := re.search(r"`\w+` (>=|>|<=|<) (\S+)", said):
        bounds = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}
        raise fail(name, f"be {bounds[bound[1]]} {bound[2]}", f"it is {describe(value)}")
    if size := re.search(r"of length (?:>= )?(\d+)", said):
        raise fail(name, f"be a list of {size[1]}", f"it is {describe(value)}")
    if "out of range" in said:
        raise fail(name, "be representable", "it contains a number that is too large")
    wanted = re.search(r"Expected `([^`]+)`", said)
    kinds = [k for k in wanted[1].split(" | ") if k != "null"] if wanted else []
    words = [_WORDS[kind] for kind in _WORDS if kind in kinds and kind != "bool"]
    must = " or ".join(words) + (", " if words and "bool" in kinds else "")
    must += _WORDS["bool"] if "bool" in kinds else ""
    whose = "it contains" if steps and isinstance(steps[-1], int) else "it is"
    error = fail(name, f"be {must}", f"{whose} {describe(tables.thawed(value))}")
    raise error.about(reason="type")


def _join(where: str, steps: list[Step]) -> str:
    """Return the name of a table within a table."""
    parts = [where] if where else []
    for step in steps:
        if isinstance(step, int) and parts:
            parts[-1] += f" {step + 1}"
        else:
            parts.append(str(step))
    return ".".join(parts)


def _steps(path: str, value: Any, kind: Any) -> list[Step]:
    """Return a path, with the key that is wrong where msgspec only says that one is, ``...``."""
    found: list[Step] = []
    for key, index in _STEP.findall(path):
        step: Step = key or index
        if step == "...":
            held = _inside(kind, step)
            step = next(name for name, item in value.items() if not fits(item, held))
        elif index:
            step = int(index)
        found.append(step)
        kind, value = _inside(kind, step), _value_at(value, [step])
    return found


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value of a file can be read as a type."""
    try:
        msgspec.convert(tables.thawed(value), kind)
    except msgspec.ValidationError:
        return False
    return True


def _tables_on(entries: Any, steps: list[Step]) -> list[Step]:
    """Return the steps of a path up to the last table on it."""
    last = 0
    for count, step in enumerate(steps, start=1):
        entries = _value_at(entries, [step])
        last = count if isinstance(entries, Mapping) else last
    return steps[:last]


def _value_at(value: Any, steps: list[Step]) -> Any:
    for step in steps:
        value = value[step]
    return value


def _type_at(kind: Any, steps: list[Step]) -> Any:
    """Return the annotation at a path, None where it cannot be told."""
    for step in steps:
        kind = _inside(kind, step)
    return kind


def _struct_at(kind: Any, steps: list[Step]) -> Any:
    found = [k for k in members(_type_at(kind, steps)) if _is_table(k)]
    return found[0] if len(found) == 1 else None


def _inside(kind: Any, step: Step) -> Any:
    for member in members(kind):
        if isinstance(step, int) and get_origin(member) in (list, tuple):
            return get_args(member)[0]
        if get_origin(member) is dict:
            return get_args(member)[1]
        if _is_table(member):
            for field in msgspec.structs.fields(member):
                if field.encode_name == step:
                    return field.type
    return None


def _type_of_items(kind: Any, value: Any) -> Any:
    """Return what a list holds where one of its entries is meant."""
    listed = [m for m in members(kind) if get_origin(m) in (list, tuple)]
    return get_args(listed[0])[0] if listed and not isinstance(value, (list, tuple)) else kind


def members(kind: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the type alone."""
    union = get_origin(kind) in (typing.Union, types.UnionType)
    return get_args(kind) if union else (kind,)


def _is_table(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, msgspec.Struct)


def _options(kind: Any) -> list[str]:
    """Return the words that a key may hold, if it holds words of a list."""
    found = [m for m in members(kind) if m is not types.NoneType]
    listed = [option for m in found if get_origin(m) is Literal for option in get_args(m)]
    return listed if len(found) == 1 else []
