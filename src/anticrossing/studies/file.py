"""A file: read, told which kind of study it is, and checked in full before any work."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from anticrossing._core.checks import InputError, fail, known_keys
from anticrossing._core.reading import read_text
from anticrossing.studies import kinds, plan, tables
from anticrossing.studies.beside import with_files
from anticrossing.studies.schema import decode
from anticrossing.studies.settings import changed, text_with
from anticrossing.studies.study import Heading, Study, chosen_outputs

LARGEST_FILE = 1_000_000  # bytes
_DEEPEST_KEY = 100
_PASSAGE = "passage"

_Made = TypeVar("_Made", bound=Study)


@functools.cache
def names() -> tuple[str, ...]:
    """Return the kinds of studies; the table of that name tells each from the others.

    A passage has none: it is what has [hamiltonian] and [drive].
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(kinds.__path__)))


@functools.cache
def kind(name: str) -> type[Study]:
    """Return the class of a kind of studies."""
    found: type[Study] = module(name).KIND
    return found


def name_of(study: Study) -> str:
    """Return the name of the kind of a study."""
    return type(study).__module__.rpartition(".")[2]


def module(name: str) -> Any:
    """Return the module of a kind of studies."""
    return importlib.import_module(f"{kinds.__name__}.{name}")


def load(path: str | Path, *, settings: Sequence[str] = ()) -> Study:
    """Read and validate a file (TOML; see `anticrossing.studies`).

    Parameters
    ----------
    path : str or Path
    settings : sequence of str
        Values in place of the file's, ``KEY=VALUE`` as in TOML, such as ``drive.rate=2e-3``. The
        study keeps them, and its text is a file that has them.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        For anything in the file that cannot be used, in one line.
    OSError
        If the file cannot be read.
    """
    file = Path(path)
    text = read_text(file, LARGEST_FILE)
    try:
        return parse(text, name=file.stem, settings=settings, folder=file.parent)
    except InputError as error:
        raise error.with_text(f"{file}: {error}") from None


def parse(
    text: str, *, name: str = "experiment", settings: Sequence[str] = (), folder: Path | None = None
) -> Study:
    """Validate the text of a file, whose measured spectra lie in a folder.

    Examples
    --------
    >>> study = parse('''
    ... [hamiltonian]
    ... model = "LandauZener"
    ... gap = 1.0
    ... [drive]
    ... kind = "linear"
    ... start = -100
    ... stop = 100
    ... rate = 1.0
    ... ''')
    >>> study.hamiltonian
    LandauZener(gap=1) [2 levels]
    """
    given = (settings,) if isinstance(settings, str) else tuple(settings)
    written = read_toml(text)
    asked = changed(written, given) if given else written
    entries = with_files(asked, folder)
    if entries != written:
        text = text_with(entries, given)
    read = read_tables(entries, text, name)
    return dataclasses.replace(read, changes=given) if given else read


def read_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text, or raise `InputError`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("Not valid TOML: it contains half a character, a surrogate.") from None
    # The parser takes quadratic time for a key of many parts, a.b.c.…, before it takes too many.
    words = re.findall(r"""[\w.'"-]+""", text.replace(" ", "").replace("\t", ""))
    if any(sum(map(bool, word.split("."))) > _DEEPEST_KEY for word in words):
        raise InputError("Not valid TOML: it is nested too deeply.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"Not valid TOML: {error}.") from None
    except RecursionError:
        raise InputError("Not valid TOML: it is nested too deeply.") from None
    except ValueError:  # raised for a number of thousands of digits, or a date that cannot be
        raise InputError("Not valid TOML: it contains a number or date out of range.") from None


def read_tables(entries: Mapping[str, Any], text: str, name: str) -> Study:
    """Turn the tables of a file into the study of the kind that they tell."""
    try:
        tables.check(entries)
    except RecursionError:
        raise InputError("Not valid TOML: it is nested too deeply.") from None
    chosen = kind(_kind(entries))
    _check_keys(entries, chosen)
    varied = plan.read(entries)
    complete = {key: value for key, value in entries.items() if key not in ("scan", "sweep")}
    if varied is not None:
        with tables.inside(varied.table):
            complete = tables.with_values(complete, varied.middle(complete))
    # The name of a file need not be text.
    title = name.replace("_", " ").encode(errors="replace").decode()
    said = {key: complete.pop(key, "") for key in ("title", "source", "description")}
    for key, value in said.items():
        if not isinstance(value, str):
            raise fail(key, "be text", f"it is {value!r}")
    heading = Heading(name, said["title"] or title, said["source"], said["description"], text)
    study = read_study(chosen, complete, heading)
    return study if varied is None else _with_plan(study, varied)


def read_study(chosen: type[_Made], entries: Mapping[str, Any], heading: Heading) -> _Made:
    """Return the study of tables that hold single values alone."""
    return chosen.read(decode(entries, chosen.structure, ""), entries, heading)


def _with_plan(study: Study, varied: plan.Plan) -> Study:
    """Return the study with what varies, checked."""
    with tables.inside(varied.table):
        for axis in varied.axes:
            study.check_varied(axis.parameter)
        chosen_outputs(study, varied.outputs)
    found = dataclasses.replace(study, plan=varied)
    if varied.table == "scan":
        found.check_points()
    return found


def _kind(entries: Mapping[str, Any]) -> str:
    """Return the kind of a study that the tables of a file tell."""
    found = [name for name in names() if name in entries and name != _PASSAGE]
    if len(found) > 1:
        raise InputError(
            f"A file describes one study, but it has both [{found[0]}] and [{found[1]}]."
        )
    return found[0] if found else _PASSAGE


def _check_keys(entries: Mapping[str, Any], chosen: type[Study]) -> None:
    """Raise for a table that has no meaning beside the one that tells the kind."""
    own = _keys(chosen)
    unknown = [key for key in entries if key not in own]
    if not unknown:
        return
    name = next((name for name in names() if name in entries), "")
    if name and unknown[0] == "hamiltonian":
        raise InputError(f"A file describes one study, but it has both [hamiltonian] and [{name}].")
    if name and unknown[0] in {key for other in names() for key in _keys(kind(other))}:
        raise InputError(f"The table [{unknown[0]}] has no meaning beside [{name}]: leave it out.")
    # Without a table that tells the kind the nearest name may be that of another kind.
    complete = name or ("hamiltonian" in entries and "drive" in entries)
    others = [other for other in names() if other != _PASSAGE]
    known_keys("the file", entries, own if complete else [*own, *others])


def _keys(chosen: type[Study]) -> list[str]:
    fields = [field.encode_name for field in msgspec.structs.fields(chosen.structure)]
    return [*fields, "title", "source", "description", "scan", "sweep"]
