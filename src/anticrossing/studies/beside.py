"""Measured spectra that lie in files beside an experiment: read once, and kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anticrossing._core.checks import describe, fail
from anticrossing.environment.two_columns import read_spectrum
from anticrossing.studies import tables

_KEYS = ("frequency", "density")


def with_files(entries: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Return tables in which numbers stand for the names of files in a folder.

    They are those of [environment] with the kind "spectrum", and of its `spectral_density`.
    """
    found = tables.thawed(entries)
    given = found.get("environment")
    parts = given if isinstance(given, list) else [given]
    for number, table in enumerate(parts, start=1):
        where = f"environment {number}" if len(parts) > 1 else "environment"
        if not isinstance(table, dict):
            continue
        if table.get("kind") == "spectrum":
            _read(table, folder, where)
        density = table.get("spectral_density")
        if isinstance(density, dict) and density.get("kind") == "measured":
            _read(density, folder, f"{where}.spectral_density")
    return found


def _read(table: dict[str, Any], folder: Path | None, where: str) -> None:
    """Put the numbers of a file into a table, in place of its name."""
    if "file" not in table:
        return
    with tables.inside(where):
        name = table["file"]
        if not isinstance(name, str) or not name:
            raise fail("file", "be text", f"it is {describe(name)}")
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            raise fail("file", "be a relative path without ..", f"it is {describe(name)}")
        twice = [key for key in _KEYS if key in table]
        if twice:
            raise fail("file", f"be given without `{twice[0]}`", "both are given")
        if folder is None:
            raise fail("file", "lie beside an experiment file", "this text has no folder")
        if not (folder / path).is_file():
            raise fail("file", "be one beside the experiment", f"there is no {name}")
        columns = read_spectrum(folder / path)
        del table["file"]
        table.update(zip(_KEYS, (column.tolist() for column in columns), strict=True))
