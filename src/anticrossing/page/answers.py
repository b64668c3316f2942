"""What the page asks: to read an experiment, to show it piece by piece, to download it.

Whatever is sent becomes the text of an experiment file first, and is read as such a file is.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anticrossing import studies
from anticrossing._core.checks import AnticrossingError, InputError, choice, describe, fail
from anticrossing._core.provenance import plain
from anticrossing._core.reading import read_text
from anticrossing.page import fringes, passages, planes, starts
from anticrossing.plot.figure import render
from anticrossing.studies import Outcome, Study
from anticrossing.studies.file import LARGEST_FILE, read_tables, read_toml
from anticrossing.studies.kinds.geometry import GeometryStudy
from anticrossing.studies.kinds.interferogram import InterferogramStudy
from anticrossing.studies.kinds.passage import PassageStudy
from anticrossing.studies.toml_text import text_of

Tables = Mapping[str, Any]


class View(NamedTuple):
    """What shows a kind of study: its name, what refuses sizes, what yields pieces by name."""

    name: str
    check: Callable[[Any], None]
    pieces: Callable[[Any, Tables], Iterator[tuple[str, Callable[[], Any]]]]


_VIEWS: dict[type[Study], View] = {
    PassageStudy: View("passage", passages.check, passages.pieces),
    InterferogramStudy: View("interferogram", fringes.check, fringes.pieces),
    GeometryStudy: View("geometry", planes.check, planes.pieces),
}


# ---- reading ----------------------------------------------------------------------------------


def study_of(text: str, name: str = "experiment") -> Study:
    """Return the study of a text that the page can show.

    Raises
    ------
    InputError
        For what is no experiment file, for one that names another file, since what is typed reads
        nothing from the disk, and for kinds and sizes that only the command line takes.
    """
    entries = read_toml(text)
    for table, key in (("geometry", "sharc"), ("hamiltonian", "table")):
        given = entries.get(table)
        if isinstance(given, Mapping) and key in given:
            raise InputError(f"The page reads no other files: leave `{key}` out of [{table}].")
    study = read_tables(entries, text, name)
    if type(study) not in _VIEWS:
        raise InputError(
            "The page shows a passage, an interferogram or the geometry of levels, but this is "
            "another kind of study: use  anticrossing run."
        )
    _VIEWS[type(study)].check(study)
    return study


def opened(file: Path) -> str:
    """Return the text of a file that the page can show."""
    try:
        return study_of(read_text(file, LARGEST_FILE), file.stem).text
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(file)) else f"{file}: {text}") from None


def _tables(asked: Mapping[str, Any]) -> Tables:
    """Return the tables that were sent."""
    tables = asked.get("tables")
    if not isinstance(tables, Mapping):
        raise fail("tables", "be the tables of an experiment", f"it is {describe(tables)}")
    return tables


# ---- answers ----------------------------------------------------------------------------------


def read(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a text, or the text of tables, after they have been checked."""
    text = asked.get("text")
    if text is None:
        text = text_of(_tables(asked))
    if not isinstance(text, str):
        raise fail("text", "be the text of an experiment", f"it is {describe(text)}")
    study = study_of(text)
    tables = read_toml(text)
    if "drive" in tables and not {"scan", "sweep"} & tables.keys():
        tables |= _scan(tables["drive"])
    return {"kind": _VIEWS[type(study)].name, "tables": plain(tables), "text": text}


def _scan(drive: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table [scan] over how fast a drive is, where one number says that."""
    for key in ("rate", "frequency", "kinetic_energy", "width"):
        value = drive.get(key)
        if isinstance(value, (int, float)) and value != 0:
            return {"scan": starts.scan(f"drive.{key}", float(value))}
    return {}


def picture(asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the pieces of a picture as plain numbers, after the experiment has been checked.

    Its scan is checked with the piece that shows it: what comes before need not wait for that.
    """
    tables = _tables(asked)
    text = text_of(tables)
    alone = {key: table for key, table in tables.items() if key != "scan"}
    return _pieces(study_of(text_of(alone)), tables, text)


def _pieces(study: Study, tables: Tables, text: str) -> Iterator[dict[str, Any]]:
    """Yield the pieces; one that cannot be made says why."""
    yield {"piece": "text", "text": text}
    for name, make in _VIEWS[type(study)].pieces(study, tables):
        try:
            with np.errstate(all="ignore"):  # what overflows on the way, checks refuse
                made = plain(make())
            yield {"piece": name, **made}
        except AnticrossingError as error:
            yield {"piece": name, "line": str(error)}
    yield {"piece": "end"}


def download(asked: Mapping[str, Any]) -> tuple[bytes, str, str]:
    """Return what is downloaded, its type, and the name of the file."""
    wanted = choice("wanted", asked.get("wanted"), _DOWNLOADS)
    tables = _tables(asked)
    study = study_of(text_of(tables))
    kind, file, make = _DOWNLOADS[wanted]
    name = re.sub(r"[^A-Za-z0-9]+", "_", str(tables.get("title", ""))).strip("_")
    return make(study), kind, f"{name[:60]}{Path(file).suffix}" if name else file


def _data(outcome: Outcome) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.nc"
        outcome.save(target)
        return target.read_bytes()


# The type, the name of the file as  anticrossing run  gives it, and what makes it.
_DOWNLOADS: dict[str, tuple[str, str, Callable[[Study], bytes]]] = {
    "experiment": ("application/toml", "experiment.toml", lambda study: study.text.encode()),
    "figure": (
        "image/svg+xml",
        "figure.svg",
        lambda study: render(studies.run(study).figure(), "svg"),
    ),
    "data": ("application/x-netcdf", "result.nc", lambda study: _data(studies.run(study))),
}


def warm_up() -> None:
    """Load what the first picture needs, while the browser is still opening."""
    with contextlib.suppress(AnticrossingError):
        for tables in starts.VIEWS.values():
            for _ in picture({"tables": tables}):
                pass
