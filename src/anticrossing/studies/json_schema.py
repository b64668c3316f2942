"""The JSON Schema of experiment files, from the structures that read them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import msgspec

from anticrossing.models import MODELS
from anticrossing.studies import environments, file, level_tables, levels, plan
from anticrossing.studies.meanings import Meaning, entries, meanings, summary
from anticrossing.studies.schema import Table

_OPEN: dict[str, tuple[type[Table], ...]] = {  # keys whose table depends on a word within it
    "hamiltonian": (level_tables.OwnHamiltonian, *map(levels.model_table, MODELS)),
    "drive": tuple(map(levels.drive_table, levels.KINDS)),
    "environment": tuple(structure for structure, _ in environments.KINDS.values()),
    "units": (level_tables.UnitsTable,),
}
_VARIED: dict[str, type[Table]] = {"scan": plan.AxisTable, "sweep": plan.SweepTable}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a file, one alternative for each kind of study.

    Examples
    --------
    >>> schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    kinds = [file.kind(name) for name in file.names()]
    tables = [kind.structure for kind in kinds]
    several = [*_OPEN.values(), *(those for kind in kinds for those in kind.choices.values())]
    everything: list[type[Table]] = list(
        dict.fromkeys([*tables, *_VARIED.values(), *itertools.chain(*several)])
    )
    # Two structures may have one name; then their names among the definitions are longer.
    made, found = msgspec.json.schema_components(everything, ref_template="#/$defs/{name}")
    reference = dict(zip(everything, made, strict=True))
    path = found[reference[level_tables.PathTable]["$ref"].removeprefix("#/$defs/")]
    lines = [reference[levels.drive_table(kind)] for kind in levels.ALONE]
    path["additionalProperties"] = {"anyOf": [{"type": "number"}, *lines]}
    text = {"type": "string"}
    for kind in kinds:
        name = reference[kind.structure]["$ref"].removeprefix("#/$defs/")
        properties = found[name]["properties"]
        for key, value in properties.items():
            choices = {**_OPEN, **kind.choices}.get(key, ())
            if choices and "$ref" not in value:
                one = {"anyOf": [reference[structure] for structure in choices]}
                many = {"anyOf": [one, {"type": "array", "items": one}]}
                properties[key] = many if key == "environment" else one
        properties |= {"title": text, "source": text, "description": text}
        properties |= {key: reference[structure] for key, structure in _VARIED.items()}
    for definition in found.values():
        text = definition.get("description", "")
        _describe(definition, text.partition("\n")[0], entries(text, units=True))
    for structure, link in reference.items():
        definition = found[link["$ref"].removeprefix("#/$defs/")]
        _describe(definition, summary(structure), meanings(structure))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An experiment file of anticrossing",
        "anyOf": [reference[structure] for structure in tables],
        "$defs": found,
    }


def _describe(definition: dict[str, Any], text: str, said: Mapping[str, Meaning]) -> None:
    """Say of a table and of every key in it what it means."""
    definition["description"] = text
    for key, value in definition.get("properties", {}).items():
        if key in said:
            value["description"] = str(said[key])
