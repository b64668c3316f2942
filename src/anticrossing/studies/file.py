"""An experiment file: read, told which kind it is, and checked in full before any work."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from anticrossing._core.checks import InputError, known_keys
from anticrossing._core.reading import read_text
from anticrossing.studies import passage_file, tables
from anticrossing.studies.outcome import Study
from anticrossing.studies.passage_file import Experiment

LARGEST_FILE = 1_000_000  # bytes
_DEEPEST_KEY = 100
_HEADING = ("title", "source", "description")


def _driven_level(entries: Mapping[str, Any], heading: Mapping[str, str]) -> Study:
    from anticrossing.studies.driven_level import read

    return read(entries, heading)


def _packet(entries: Mapping[str, Any], heading: Mapping[str, str]) -> Study:
    from anticrossing.studies.packet import read

    return read(entries, heading)


def _trajectories(entries: Mapping[str, Any], heading: Mapping[str, str]) -> Study:
    from anticrossing.studies.trajectories import read

    return read(entries, heading)


def _rates(entries: Mapping[str, Any], heading: Mapping[str, str]) -> Study:
    from anticrossing.studies.rates import read

    return read(entries, heading)


class Kind(NamedTuple):
    """A kind of experiment: the tables it takes besides its own, the units of one that takes no
    [units], what reads them."""

    tables: tuple[str, ...]
    units: str
    read: Callable[[Mapping[str, Any], Mapping[str, str]], Study]


KINDS = {
    "driven_level": Kind(
        ("question", "work", "scan"), "it is in natural units, ħ = k_B = 1", _driven_level
    ),
    "packet": Kind(("units", "hamiltonian"), "", _packet),
    "trajectories": Kind(("units", "hamiltonian"), "", _trajectories),
    "rates": Kind(("units", "scan"), "", _rates),
}
"""The kinds of experiments besides a passage, under the table that tells them from it."""


def load(path: str | Path) -> Experiment | Study:
    """Read and validate an experiment file (TOML; see `anticrossing.studies`).

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Experiment or Study
        A `Study` for every kind of experiment but a passage.

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
        return parse(text, name=file.stem)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def parse(text: str, *, name: str = "experiment") -> Experiment | Study:
    """Validate the text of an experiment file.

    Examples
    --------
    >>> experiment = parse('''
    ... [hamiltonian]
    ... model = "LandauZener"
    ... gap = 1.0
    ... [drive]
    ... kind = "linear"
    ... start = -100
    ... stop = 100
    ... rate = 1.0
    ... ''')
    >>> experiment.hamiltonian
    LandauZener(gap=1) [2 levels]
    """
    entries = read_toml(text)
    if "sweep" in entries:
        raise InputError("A file with the table [sweep] is run by  anticrossing sweep FILE.toml.")
    return read_tables(entries, text, name)


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


def read_tables(entries: Mapping[str, Any], text: str, name: str) -> Experiment | Study:
    """Turn the tables of a file into the experiment of the kind that they tell."""
    kind = _kind(entries)
    given = {key: tables.text(key, entries.get(key, "")) for key in _HEADING}
    # The name of a file need not be text.
    given["title"] = given["title"] or name.replace("_", " ").encode(errors="replace").decode()
    heading = {"name": name, "text": text, **given}
    if kind is None:
        return passage_file.read(entries, heading)
    tables.table(entries, kind)
    return KINDS[kind].read(entries, heading)


def _kind(entries: Mapping[str, Any]) -> str | None:
    """Return the table that tells the kind of the experiment, None for a passage."""
    found = [key for key in KINDS if key in entries]
    if "hamiltonian" in entries and not all("hamiltonian" in KINDS[kind].tables for kind in found):
        found.insert(0, "hamiltonian")
    if len(found) > 1:
        raise InputError(
            f"A file describes one experiment, but it has both [{found[0]}] and [{found[1]}]."
        )
    if not found:
        # Without a table that tells the kind the nearest name may be that of another kind.
        kinds = () if "hamiltonian" in entries and "drive" in entries else KINDS
        known_keys("the file", entries, (*_HEADING, *passage_file.TABLES, *kinds))
        return None
    (kind,) = found
    allowed = (*_HEADING, kind, *KINDS[kind].tables)
    for key in passage_file.TABLES:
        if key in entries and key not in allowed:
            reason = KINDS[kind].units if key == "units" else "leave it out"
            raise InputError(f"The table [{key}] has no meaning beside [{kind}]: {reason}.")
    known_keys("the file", entries, allowed)
    return kind
