"""The JSON Schema of experiment files, from the structures that read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from anticrossing.models import MODELS
from anticrossing.studies import environments, file, levels, plan

_OPEN = {  # keys whose table depends on a word within it
    "hamiltonian": (levels.OwnHamiltonian, *map(levels.model_table, MODELS)),
    "drive": tuple(map(levels.drive_table, levels.KINDS)),
    "environment": tuple(structure for structure, _ in environments.KINDS.values()),
    "units": (levels.UnitsTable,),
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a file, one alternative for each kind of study.

    Examples
    --------
    >>> schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    structures = [file.kind(name).structure for name in file.names()]
    everything = [*structures, plan.AxisTable, plan.SweepTable]
    for several in _OPEN.values():
        everything += several
    _, found = msgspec.json.schema_components(everything, ref_template="#/$defs/{name}")
    text = {"type": "string"}
    for structure in structures:
        properties = found[structure.__name__]["properties"]
        for key, value in properties.items():
            if key in _OPEN and "$ref" not in value:
                properties[key] = _any_of(_OPEN[key], several=key == "environment")
        properties |= {"title": text, "source": text, "description": text}
        properties["scan"] = {"$ref": "#/$defs/AxisTable"}
        properties["sweep"] = {"$ref": "#/$defs/SweepTable"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An experiment file of anticrossing",
        "anyOf": [{"$ref": f"#/$defs/{structure.__name__}"} for structure in structures],
        "$defs": found,
    }


def _any_of(structures: Iterable[Any], *, several: bool) -> dict[str, Any]:
    one = {"anyOf": [{"$ref": f"#/$defs/{structure.__name__}"} for structure in structures]}
    return {"anyOf": [one, {"type": "array", "items": one}]} if several else one
