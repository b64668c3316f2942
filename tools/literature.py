"""What the docstrings cite: papers, with the functions that name them and where in the paper.

    python tools/literature.py

prints each paper with its title, those without one first. A citation stands under "References" in
a public docstring: authors, journal volume, page (year), and what of the paper is meant. Several
are separated by semicolons.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import anticrossing

SOURCES = Path(__file__).parents[1] / "docs" / "sources"
_YEAR = re.compile(r"\((?:[^()]*, )?(\d{4})\)")
_INITIALS = re.compile(r"(?:\b[A-Z][a-z]?\.[- ]?)+(?=\w)")
_RANGE = re.compile(r"\(([A-Z]?\.?(?:\d+\.)?)(\d+)\)(?:[–-]| to )\((?:[A-Z]?\.?(?:\d+\.)?)(\d+)\)")
_EQUATION = re.compile(r"\([A-Z]?\.?\d+(?:\.\d+)?\)")
_PART = r"[A-Z]?\.?(?:\d+|[IVX]+)(?:\.\d+)*\b"
_PARTS = re.compile(
    rf"(theorem|lemma|proposition|figure|section|table|appendix)(?:s|es)? "
    rf"({_PART}(?:(?:, and |, | and ){_PART})*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Statement:
    """One equation or sentence of a source, and where the project has it."""

    where: str
    says: str
    functions: tuple[str, ...]
    command: str
    example: str
    doc: str
    note: str
    misprint: str


@dataclass(frozen=True)
class Source:
    """One of the texts that the project started from."""

    title: str
    authors: str
    paper: str
    about: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Citation:
    """One paper in one docstring."""

    name: str
    authors: str
    paper: str
    year: int
    detail: str

    @property
    def places(self) -> frozenset[str]:
        """Equations, theorems, figures, sections that are named, small: "(a5)", "theorem 2"."""
        return places(self.detail)


def places(text: str) -> frozenset[str]:
    """Return the equations, theorems, figures and sections that a text names, ranges in full."""
    found = set(_EQUATION.findall(text))
    for kind, parts in _PARTS.findall(text.replace("appendices", "appendixes")):
        found |= {f"{kind} {part}" for part in re.findall(_PART, parts)}
    for prefix, first, last in _RANGE.findall(text):
        found |= {f"({prefix}{k})" for k in range(int(first), int(last) + 1)}
    return frozenset(label.lower() for label in found)


def rooms() -> Iterator[ModuleType]:
    """Yield the public modules: those that say what they offer."""
    for name in anticrossing.__all__:
        value = getattr(anticrossing, name)
        if isinstance(value, ModuleType):
            yield value
            for inner in pkgutil.iter_modules(getattr(value, "__path__", ())):
                if inner.ispkg and not inner.name.startswith("_"):
                    yield importlib.import_module(f"{value.__name__}.{inner.name}")


def objects() -> dict[str, Any]:
    """Return every public function, class and method by its public name."""
    found: dict[str, Any] = {}
    for room in rooms():
        for name in getattr(room, "__all__", ()):
            value = getattr(room, name)
            if isinstance(value, ModuleType):
                continue
            found.setdefault(f"{room.__name__}.{name}", value)
            if inspect.isclass(value):
                for key, member in vars(value).items():
                    if not key.startswith("_"):
                        found[f"{room.__name__}.{name}.{key}"] = member
    return found


def citations() -> list[Citation]:
    """Return what all public docstrings cite; each object once."""
    found: list[Citation] = []
    seen: set[int] = set()
    for name, value in objects().items():
        if id(value) in seen or not (doc := inspect.getdoc(value)):
            continue
        seen.add(id(value))
        parts = re.split(r"^References\n-+\n", doc, maxsplit=1, flags=re.MULTILINE)
        if len(parts) == 2:
            section = re.split(r"\n\w+\n-+\n", parts[1], maxsplit=1)[0]
            found += _parsed(name, " ".join(section.split()))
    return found


def _parsed(name: str, text: str) -> Iterator[Citation]:
    """Split the text of a section at its years."""
    starts: list[tuple[int, int, int]] = []  # of the authors, behind the year, the year
    begin = 0
    for match in _YEAR.finditer(text):
        person = _INITIALS.search(text, begin, match.start())
        if person:
            starts.append((person.start(), match.end(), int(match[1])))
            begin = match.end()
    for k, (start, end, year) in enumerate(starts):
        stop = starts[k + 1][0] if k + 1 < len(starts) else len(text)
        chunks = text[start:end].split(", ")
        people = 0
        while _INITIALS.match(chunks[people].removeprefix("and ")) and not re.search(
            r"\d", chunks[people]
        ):
            people += 1
        yield Citation(
            name,
            ", ".join(chunks[:people]),
            ", ".join(chunks[people:]),
            year,
            text[end:stop].strip(" ;,."),
        )


def titles() -> dict[str, str]:
    """Return the title of each paper, by its place of publication."""
    return _read("literature")


def is_book(paper: str) -> bool:
    """Whether the place of publication is a title already: no volume, no page."""
    return not re.search(r"\d", _YEAR.sub("", paper)) and not paper.startswith("in ")


def source(name: str) -> Source:
    """Return the statements of a source, with the functions that cite their numbers."""
    table = _read(name)
    paper = table.get("paper", "")
    cited: dict[str, list[str]] = {}
    for citation in citations() if paper else ():
        if citation.paper == paper:
            for place in citation.places:
                cited.setdefault(place, []).append(citation.name)
    statements = []
    for row in table["statement"]:
        listed = [f"anticrossing.{function}" for function in row.pop("functions", ())]
        functions = tuple(dict.fromkeys([*cited.get(row["where"].lower(), ()), *listed]))
        rest = {key: row.pop(key, "") for key in ("command", "example", "doc", "note", "misprint")}
        statements.append(Statement(**row, **rest, functions=functions))
    return Source(table["title"], table["authors"], paper, table["about"], tuple(statements))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((SOURCES / f"{name}.toml").read_text(encoding="utf-8"))


def main() -> None:
    """Print the papers."""
    cited: dict[str, list[Citation]] = {}
    for citation in citations():
        cited.setdefault(citation.paper, []).append(citation)
    known = titles()
    for paper, uses in sorted(
        cited.items(), key=lambda item: (item[0] in known, item[1][0].authors)
    ):
        print(f"{uses[0].authors}, {known.get(paper, '')}, {paper}")
        for use in uses:
            print(
                f"    {use.name.removeprefix('anticrossing.')}  {use.detail}  {sorted(use.places)}"
            )


if __name__ == "__main__":
    main()
