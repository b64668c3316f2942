"""All that is wrong with a file: after each mistake it is mended in memory, and read again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from anticrossing._core.checks import InputError, nearest_name
from anticrossing.studies import file, tables
from anticrossing.studies.beside import with_files
from anticrossing.studies.levels import look_along
from anticrossing.studies.positions import line_of, positions
from anticrossing.studies.settings import changed, name_of
from anticrossing.studies.study import Study

_MOST = 50
_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_WHOLE = ("", "scan", "sweep")  # what is said of these depends on the tables before
_ABSENT = object()
_GUESSES: tuple[Any, ...] = (1.0, 1, -1.0, _ABSENT, "x", [1.0], [], True, {})


class Problem(NamedTuple):
    """One thing that is wrong with a file.

    Attributes
    ----------
    line : int or None
        Where, from 1, if that can be told.
    text : str
        What, in one sentence.
    """

    line: int | None
    text: str


class Checked(NamedTuple):
    """What is known of a file without running it.

    Attributes
    ----------
    study : Study or None
        What it describes, None where there are problems.
    problems : tuple of Problem
        In the order of the lines.
    complete : bool
        False where more may show once these are corrected.
    """

    study: Study | None
    problems: tuple[Problem, ...]
    complete: bool


class _Repair(NamedTuple):
    """Tables in which one mistake is mended."""

    entries: dict[str, Any]
    guess: bool = False
    renamed: tuple[str, str] | None = None
    spoils: tuple[str, str] | None = None


def check(
    text: str, *, name: str = "experiment", settings: Sequence[str] = (), folder: Path | None = None
) -> Checked:
    """Return what a file describes, or every problem that can be told from the others.

    A key with a wrong name gets the nearest one, and a value that cannot be used another; problems
    that such a guess may have made are not told.

    Parameters
    ----------
    text : str
        The file.
    name : str
        Its name.
    settings : sequence of str
        Changes ``KEY=VALUE``; see `load`.
    folder : Path, optional
        Where measured spectra lie.

    Examples
    --------
    >>> found = check('[hamiltonian]\\nmodel = "LandauZener"\\ngpa = 1.0\\n[driev]\\n')
    >>> [problem.line for problem in found.problems]
    [3, 4, 4]
    """
    try:
        entries = changed(file.read_toml(text), settings)
    except InputError as error:
        line = _LINE.search(str(error))
        return Checked(None, (Problem(int(line[1]) if line else None, str(error)),), False)
    lines = positions(text)
    for setting in settings:
        lines.pop(name_of(setting), None)  # what is wrong with it is not in the file
    try:
        entries = with_files(entries, folder)
    except InputError as error:
        place = line_of(lines, error.table, error.key)
        return Checked(None, (Problem(place, str(error)),), False)
    found = _Search(entries, lines, text, name)
    while isinstance(found.result, InputError) and found.mend():
        pass
    if found.problems:
        ordered = sorted(
            dict.fromkeys(found.problems), key=lambda one: (one.line is None, one.line)
        )
        return Checked(None, tuple(ordered), found.complete)
    study = file.parse(text, name=name, settings=settings, folder=folder)
    try:
        if study.path is not None:
            look_along(*study.path)
    except InputError as error:
        return Checked(None, (Problem(line_of(lines, error.table, ""), str(error)),), False)
    return Checked(study, (), True)


class _Search:
    """Tables that are mended one mistake after another, and what was wrong with them."""

    def __init__(
        self, entries: dict[str, Any], lines: dict[str, int], text: str, name: str
    ) -> None:
        self.entries, self.lines, self.text, self.name = entries, lines, text, name
        self.problems: list[Problem] = []
        self.guessed: set[str] = set()
        self.chosen: set[str] = set()  # tables whose keys depend on a guess: of a model, of a kind
        self.complete = True
        self.result = self._read(entries)

    def mend(self) -> bool:
        """Note a mistake and put something in its place; return whether there may be another."""
        error = self.result
        assert isinstance(error, InputError)
        if error.table not in self.chosen and _sure(error, self.guessed):
            self.problems.append(Problem(line_of(self.lines, error.table, error.key), str(error)))
        else:
            self.complete = False
        if len(self.problems) < _MOST:
            for repair in _repairs(self.entries, error):
                result = self._read(repair.entries)
                if isinstance(result, InputError) and _key(result) in (_key(error), repair.spoils):
                    continue
                self._use(repair, error, result)
                return True
        self.complete = False
        return False

    def _use(self, repair: _Repair, error: InputError, result: Study | InputError) -> None:
        self.entries, self.result = repair.entries, result
        if repair.guess:
            self.guessed.add(error.table)
            if error.options:
                self.chosen.add(error.table)
        if repair.renamed:
            old, new = (f"{error.table}.{key}".lstrip(".") for key in repair.renamed)
            for name in [name for name in self.lines if name == old or name.startswith(f"{old}.")]:
                self.lines[new + name.removeprefix(old)] = self.lines[name]
            if error.reason == "missing":
                said = f"{str(error).rstrip('.')}; is it `{repair.renamed[0]}`?"
                self.problems[-1] = Problem(self.lines.get(old), said)

    def _read(self, entries: Mapping[str, Any]) -> Study | InputError:
        try:
            return file.read_tables(tables.thawed(entries), self.text, self.name)
        except InputError as error:
            return error


def _place(problem: Problem) -> float:
    return float("inf") if problem.line is None else problem.line


def _sure(error: InputError, guessed: set[str]) -> bool:
    """Whether an error cannot come from a guess: names and types do not depend on values."""
    if error.reason or error.options or not guessed:
        return True
    return not (guessed & {error.table, "hamiltonian", "units"} or error.table in _WHOLE)


def _repairs(entries: Mapping[str, Any], error: InputError) -> Iterator[_Repair]:
    """Yield what may stand in place of a mistake, the likeliest first."""
    owner = _owner(entries, error.table)
    if owner is None or not error.key:
        return
    if error.reason == "unknown":
        if error.key not in owner:  # it is the value of another key, such as what varies
            return
        close = nearest_name(error.key, error.options)
        if close is not None and close not in owner:
            yield _renamed(entries, error.table, error.key, close)
        yield _Repair(_with(entries, error, _ABSENT))
        return
    if error.reason == "missing":
        if (close := nearest_name(error.key, owner)) is not None:
            yield _renamed(entries, error.table, close, error.key)
    elif error.key not in owner:
        return
    else:
        if (close := nearest_name(owner[error.key], error.options)) is not None:
            yield _Repair(_with(entries, error, close))
    for value in (*error.options[:1], *_GUESSES):
        if value is not _ABSENT or error.key in owner:
            yield _Repair(_with(entries, error, value), guess=True)


def _renamed(entries: Mapping[str, Any], table: str, old: str, new: str) -> _Repair:
    """Return tables with another name of a key: what then misses the old one is no better."""
    result: dict[str, Any] = tables.thawed(entries)
    owner = _owner(result, table)
    assert owner is not None
    owner[new] = owner.pop(old)
    return _Repair(result, renamed=(old, new), spoils=(table, old))


def _with(entries: Mapping[str, Any], error: InputError, value: Any) -> dict[str, Any]:
    """Return tables with another value of a key, or without it."""
    result: dict[str, Any] = tables.thawed(entries)
    owner = _owner(result, error.table)
    assert owner is not None
    if value is _ABSENT:
        del owner[error.key]
    else:
        owner[error.key] = value
    return result


def _owner(entries: Any, table: str) -> dict[str, Any] | None:
    """Return a table by the name that messages give it, such as "environment 2"."""
    for part in table.split(".") if table else ():
        key, _, number = part.partition(" ")
        entries = entries.get(key) if isinstance(entries, dict) else None
        if isinstance(entries, list):
            at = int(number or 1) - 1
            entries = entries[at] if at < len(entries) else None
    return entries if isinstance(entries, dict) else None


def _key(error: InputError) -> tuple[str, str]:
    return error.table, error.key
