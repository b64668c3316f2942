"""A file to begin with, for every kind of study, from the structures that read files."""

from __future__ import annotations

import textwrap
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_origin

import msgspec

from anticrossing._core.checks import choice
from anticrossing.studies import environments, file, level_tables, levels, plan, toml_text
from anticrossing.studies.meanings import Meaning, meanings, summary
from anticrossing.studies.schema import Table, fits, members
from anticrossing.studies.study import Study

_WIDTH = 96
_COLUMN = 34  # where the comments begin
_WORDS = {
    float: "NUMBER",
    int: "NUMBER",
    bool: "true",
    str: "TEXT",
    Literal: "TEXT",
    list: "LIST",
    tuple: "LIST",
}
_TAGS = {
    ("hamiltonian", "model"): Meaning("A name that `anticrossing models` lists."),
    ("drive", "kind"): Meaning(f"One of {', '.join(levels.KINDS)}."),
    ("environment", "kind"): Meaning(f"One of {', '.join(environments.KINDS)}."),
}
_TOP = {
    "source": Meaning("Where the numbers come from."),
    "description": Meaning("One paragraph for the report."),
}


def template(name: str) -> str:
    """Return a commented file of a kind of study: what it needs, and what else it may hold.

    Parameters
    ----------
    name : str
        The kind, the table that tells it; "passage" for [hamiltonian] and [drive].

    Raises
    ------
    InputError
        If there is no such kind.

    Examples
    --------
    >>> from anticrossing import studies
    >>> studies.parse(template("passage")).hamiltonian
    LandauZener(gap=1) [2 levels]
    """
    kind = file.kind(choice("kind", name, file.names()))
    return "\n".join(_lines(name, kind)) + "\n"


def structure_of(kind: type[Study], key: str, value: Mapping[str, Any]) -> type[Table] | None:
    """Return the structure of a table that depends on a word within it, None if none fits."""
    if key == "hamiltonian":
        model = value.get("model")
        return level_tables.OwnHamiltonian if model is None else levels.model_table(model)
    if key == "drive":
        return levels.drive_table(value["kind"])
    if key == "environment":
        return environments.KINDS[value["kind"]][0]
    if key == "units":
        return level_tables.UnitsTable
    return next((one for one in kind.choices.get(key, ()) if fits(value, one)), None)


def _lines(name: str, kind: type[Study]) -> Iterator[str]:
    example = kind.example
    yield f"# {summary(file.module(name))}"
    yield "# What begins with #key may be left out. It shows what holds without the line, or"
    yield "# NUMBER, TEXT, LIST, TABLE where that is nothing. Without [units] ħ = 1."
    yield ""
    yield toml_text.line("title", f"A first file: {name.replace('_', ' ')}")
    for key, meaning in _TOP.items():
        yield from _line(f'#{key} = ""', meaning)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind.structure)}
    for key, field in fields.items():
        if key in example or field.required:
            given = example[key]
            structure = _only_table(field.type) or structure_of(kind, key, given)
            assert structure is not None
            yield from _table(kind, key, structure, given)
        else:
            yield from _optional(kind, key, field)
    if varied := _first_number(kind):
        yield from _commented("scan", plan.AxisTable, {"parameter": varied}, "One number varies.")


def _table(
    kind: type[Study], name: str, structure: type[Table], given: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a table with what is given, and as comments what may stand there too."""
    yield from ("", f"# {summary(structure)}", f"[{name}]")
    if name == "hamiltonian" and "model" in given:
        yield "# Levels of your own, instead of a model and its numbers:"
        yield '#   matrix = [["x/2", "v"], ["v", "-x/2"]]'
        yield "#   parameters = { v = 0.1 }"
    within: list[str] = []
    said = meanings(structure)
    for field in msgspec.structs.fields(structure):
        key = field.encode_name
        meaning = _TAGS.get((name, key)) or said.get(key, Meaning(""))
        inner = _only_table(field.type)
        if key not in given:
            if inner is not None:
                within += _commented(f"{name}.{key}", inner, {}, str(meaning))
            elif meaning.text:  # what has no meaning any more is known, but not shown
                yield from _line(f"#{key} = {_default(field)}", meaning)
            continue
        value = given[key]
        if inner is None and isinstance(value, Mapping):
            inner = structure_of(kind, key, value)
        if inner is None:
            yield from _line(toml_text.line(key, value), meaning)
        else:
            within += _table(kind, f"{name}.{key}", inner, value)
    yield from within


def _optional(kind: type[Study], key: str, field: Any) -> Iterator[str]:
    """Yield a table that may be left out: empty if it may be empty, else as comments."""
    structure = _only_table(field.type)
    if structure is not None:
        yield from _table(kind, key, structure, {})
    elif key == "units":
        yield from _commented(key, level_tables.UnitsTable, {}, summary(level_tables.UnitsTable))
    elif key == "environment":
        kinds = ", ".join(environments.KINDS)
        said = f"What dephases and relaxes: {kinds}."
        yield from _commented(key, environments.KINDS["qubit"][0], {"kind": "qubit"}, said)
    else:
        for structure in filter(_is_table, members(field.type)):
            yield from _commented(key, structure, {}, summary(structure))


def _commented(
    name: str, structure: type[Table], given: Mapping[str, Any], said: str
) -> Iterator[str]:
    yield from ("", *_comment(said), f"#[{name}]")
    meaning = meanings(structure)
    for field in msgspec.structs.fields(structure):
        key = field.encode_name
        value = toml_text.value(given[key]) if key in given else _default(field)
        yield from _line(f"#{key} = {value}", meaning.get(key, Meaning("")))


def _line(code: str, meaning: Meaning) -> Iterator[str]:
    """Yield a line with its comment beside it, or above it where it is long."""
    said = str(meaning)
    if not said:
        yield code
    elif len(code) < _COLUMN and len(said) <= _WIDTH - _COLUMN - 2:
        yield f"{code:<{_COLUMN}}# {said}"
    else:
        yield from _comment(said)
        yield code


def _comment(said: str) -> list[str]:
    return textwrap.wrap(said, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _default(field: Any) -> str:
    """Return what a key has where the file gives nothing, or what it may hold."""
    if field.default not in (None, msgspec.NODEFAULT):
        return toml_text.value(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return toml_text.value(field.default_factory())
    for member in members(field.type):
        kind = get_origin(member) or member
        if kind in _WORDS:
            return _WORDS[kind]
    return "TABLE"


def _only_table(kind: Any) -> type[Table] | None:
    """Return the structure of a key that holds one table and nothing else."""
    found = [member for member in members(kind) if member is not types.NoneType]
    return found[0] if len(found) == 1 and _is_table(found[0]) else None


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Table)


def _first_number(kind: type[Study]) -> str:
    """Return the name of a number of the example that can vary, the last of its table."""
    for where in reversed(kind.varied):
        given = kind.example.get(where, {})
        found = [key for key, value in given.items() if isinstance(value, float)]
        if found and not kind.takes_data:
            return f"{where}.{found[-1]}"
    return ""
