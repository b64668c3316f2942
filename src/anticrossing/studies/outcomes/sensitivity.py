"""What probabilities depend on, as a table and as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anticrossing.analysis import Sensitivity
from anticrossing.studies.outcome import Cell, Table


def sensitivity_table(known: Sensitivity, names: Mapping[int, str]) -> Table:
    """Return slopes of the probabilities of the named levels, and errors that they have."""
    rows: list[tuple[Cell, ...]] = []
    for k, name in enumerate(known.names):
        given = None if known.deviations is None else float(known.deviations[k])
        rows.append((name, given, *(float(known.slopes[k, j]) for j in names)))
    note = ""
    if known.total is not None:
        rows.append(("σ of P", None, *(float(known.total[j]) for j in names)))
        note = "σ of P: what independent errors ± make of the probabilities, to first order."
    columns = ("parameter", "±", *(f"∂P({name})" for name in names.values()))
    return Table("what the probabilities depend on", columns, tuple(rows), note)


def sensitivity_numbers(known: Sensitivity | None) -> dict[str, Any] | None:
    """Return the same for JSON."""
    if known is None:
        return None
    return {
        "parameters": list(known.names),
        "slopes": known.slopes,
        "deviations": known.deviations,
        "total": known.total,
    }
