"""What experiments with moving nuclei share: H(x), their units, and values one per coordinate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from anticrossing.checks import fail
from anticrossing.experiment import build, tables
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import NATURAL, Units


def hamiltonian(entries: Mapping[str, Any], most_coordinates: int) -> Hamiltonian:
    """Build H(x) from the table [hamiltonian], of single numbers."""
    given = tables.table(entries, "hamiltonian", required=True)
    built = build.hamiltonian(given, NATURAL, most_coordinates=most_coordinates)
    with tables.inside("hamiltonian"):
        if built.batch_shape:
            raise fail("hamiltonian", "hold single numbers", "it holds a list of values")
    return built


def numbers(entries: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return a number, or a list with one for each coordinate, as a file can hold it."""
    value = tables.required(entries, key) if default is None else entries.get(key, default)
    tables.check_numbers(key, value)
    return value


def number(entries: Mapping[str, Any], key: str, default: float | None = None) -> float:
    """Return a single finite number."""
    value = numbers(entries, key, default)
    if isinstance(value, list):
        raise fail(key, "be a single number", f"it is the list {value}")
    return float(value)


def shown(value: Any) -> str:
    """Return a number, or the numbers of a list or array, as text."""
    return ", ".join(f"{x:g}" for x in np.ravel(value))


def time_unit(units: Units) -> str:
    """Return the unit of time, ħ over that of the energy; empty in natural units."""
    return f"ħ/{units.energy}" if units.energy else ""


def describe_units(units: Units) -> str:
    """Return the units of everything in the file in one line."""
    if not units.energy:
        return "natural, ħ = 1"
    coordinate = units.coordinate or "as the model says"
    atomic = (units.energy, units.coordinate) == ("hartree", "bohr")
    masses = "electron masses" if atomic else "ħ² over energy times coordinate squared"
    return (
        f"ħ = 1: energy in {units.energy}, time in {time_unit(units)}, coordinate in {coordinate}, "
        f"mass in {masses}"
    )
