"""What the page asks: to read an experiment, to show it piece by piece, to download it.

Whatever is sent becomes the text of an experiment file first, and is read as such a file is.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from anticrossing import studies
from anticrossing._core.checks import AnticrossingError, InputError, choice, describe, fail
from anticrossing._core.provenance import plain
from anticrossing.page import fringes, passages, planes, starts
from anticrossing.page.toml import text_of
from anticrossing.plot.figure import render
from anticrossing.studies import Outcome, Study
from anticrossing.studies.file import read_toml

MOST_LEVELS = 16

_PIECES: dict[str, Callable[[Any], Iterator[tuple[str, Callable[[], Any]]]]] = {
    "passage": passages.pieces,
    "interferogram": fringes.pieces,
    "geometry": planes.pieces,
}


def kind_of(tables: Mapping[str, Any]) -> str:
    """Return which view shows an experiment, told by its tables."""
    found = [name for name in _PIECES if name in tables]
    return found[0] if found else "passage"


def study_of(asked: Mapping[str, Any]) -> Study:
    """Return the study of the tables that were sent."""
    tables = asked.get("tables")
    if not isinstance(tables, Mapping):
        raise fail("tables", "be the tables of an experiment", f"it is {describe(tables)}")
    return _checked(studies.parse(text_of(tables)))


def _checked(study: Study) -> Study:
    """Return a study that the page can show, or raise."""
    shown = kind_of(study.tables)
    if type(study).__module__.rpartition(".")[2] != shown:
        found = type(study).__module__.rpartition(".")[2].replace("_", " ")
        raise InputError(
            f"The page shows a passage, an interferogram or the geometry of levels, but this is "
            f"another kind of study ({found}): use  anticrossing run."
        )
    hamiltonian = getattr(study, "hamiltonian", None)
    if hamiltonian is not None and hamiltonian.dimension > MOST_LEVELS:
        must = f"have at most {MOST_LEVELS} levels on the page"
        found = f"it has {hamiltonian.dimension}: use  anticrossing run"
        raise fail("hamiltonian", must, found)
    return study


def opened(file: Path) -> str:
    """Return the text of a file that the page can show."""
    study = studies.load(file)
    try:
        return _checked(study).text
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def read(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a text, or of tables the text, after both have been checked."""
    text = asked.get("text")
    if text is None:
        study = study_of(asked)
        return {"kind": kind_of(study.tables), "text": study.text}
    if not isinstance(text, str):
        raise fail("text", "be the text of an experiment", f"it is {describe(text)}")
    study = _checked(studies.parse(text))
    tables = read_toml(text)
    kind = kind_of(tables)
    if kind == "passage" and "scan" not in tables and "sweep" not in tables:
        tables |= _scan(tables.get("drive", {}))
    return {"kind": kind, "tables": plain(tables), "text": study.text}


def _scan(drive: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table [scan] over how fast a drive is, where one number says that."""
    for key in ("rate", "frequency", "kinetic_energy", "width"):
        value = drive.get(key)
        if isinstance(value, (int, float)) and value != 0:
            return {"scan": starts.scan(f"drive.{key}", float(value))}
    return {}


def pieces(study: Study) -> Iterator[dict[str, Any]]:
    """Yield the pieces of a picture as plain numbers; one that cannot be made says why."""
    yield {"piece": "text", "text": study.text, "setup": study.setup}
    for name, make in _PIECES[kind_of(study.tables)](study):
        try:
            yield {"piece": name, **plain(make())}
        except AnticrossingError as error:
            yield {"piece": name, "line": str(error)}
    yield {"piece": "end"}


def download(asked: Mapping[str, Any]) -> tuple[bytes, str, str]:
    """Return what is downloaded, its type, and the name of the file."""
    wanted = choice("wanted", asked.get("wanted"), _DOWNLOADS)
    study = study_of(asked)
    kind, suffix, make = _DOWNLOADS[wanted]
    name = re.sub(r"[^A-Za-z0-9]+", "_", study.title).strip("_") or "experiment"
    return make(study), kind, f"{name[:60]}.{suffix}"


def _data(outcome: Outcome) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.nc"
        outcome.save(target)
        return target.read_bytes()


_DOWNLOADS: dict[str, tuple[str, str, Callable[[Study], bytes]]] = {
    "experiment": ("application/toml", "toml", lambda study: study.text.encode()),
    "figure": ("image/svg+xml", "svg", lambda study: render(studies.run(study).figure(), "svg")),
    "data": ("application/x-netcdf", "nc", lambda study: _data(studies.run(study))),
}


def warm_up() -> None:
    """Load what the first picture needs, while the browser is still opening."""
    with contextlib.suppress(AnticrossingError):
        for tables in starts.VIEWS.values():
            for _ in pieces(studies.parse(text_of(tables))):
                pass
