"""The manual from the command line: pages, and what the package itself says of its names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import unicodedata
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import quote

import click

from anticrossing._core.checks import InputError, nearest
from anticrossing.cli import terminal
from anticrossing.cli.app import app
from anticrossing.cli.names import ADDRESS, PAGES, TOLD, Known, names

_REFERENCES = re.compile(
    r"^References\n-+\n(.*?)(?=\n\n\w[^\n]*\n-+\n|\Z)", re.DOTALL | re.MULTILINE
)
_MOST = 20
_NEAR = 0.66  # among hundreds of names something is always half alike


@app.command("docs")
@click.argument("topic", nargs=-1, type=Known("topics"))
@click.option("--print", "printed", is_flag=True, help="Print, and open no browser.")
def docs_command(topic: tuple[str, ...], printed: bool) -> None:
    """Open the manual: a page, a function or class, a subject, or where a paper's equation is.

    Without a TOPIC the pages are listed. --print works without a network: for a name it prints
    what the package says of it, for words such as  docs quantum jumps  or  docs Zener 1932  the
    pages that tell of it and the functions that are called so or cite it.
    """
    asked = " ".join(topic)
    if not asked:
        terminal.print_names(f"pages of {ADDRESS}", PAGES)
        return
    where, lines = _found(asked)
    if printed or not sys.stdout.isatty() or click.launch(where):
        for line in lines:
            print(line)
    print(where)


def _found(asked: str) -> tuple[str, list[str]]:
    """Return the address of a topic, and what can be said of it here."""
    page = asked.lower().removesuffix(".md").replace("-", "_")
    if page in PAGES:
        return f"{ADDRESS}{page}.html", [PAGES[page]]
    where = f"{ADDRESS}search.html?q={quote(asked.rpartition('.')[2])}"
    words = _plain(asked).split()
    pages = [page for page in PAGES if _has(" ".join((PAGES[page], *TOLD.get(page, ()))), words)]
    lines = [f"{page}: {PAGES[page]}" for page in pages]
    named = {name: thing for name, thing in _objects() if _is_called(name, asked)}
    for name, thing in list(named.items())[:1]:
        told = (inspect.getdoc(thing) or "").splitlines()
        return where, [_headed(name, thing), "", *told, "", *lines]
    cited = [
        f"{name}: {text}"
        for name, thing in _objects()
        for text in _citations(thing)
        if _has(text, words)
    ]
    where = f"{ADDRESS}{pages[0]}.html" if pages else where
    own = [f"{name}: {_summary(thing)}" for name, thing in _objects() if _has_name(name, words)]
    if not own and not cited:
        said = [(name, thing) for name, thing in _objects() if _has(inspect.getdoc(thing), words)]
        own = [f"{name}: {_summary(thing)}" for name, thing in said]
    lines += own + cited
    if not lines:
        known = [*names("topics"), *(name.rpartition(".")[2] for name, _ in _objects())]
        raise InputError(
            f"Nothing is called {asked!r}, and no page, description or reference has these words"
            f"{nearest(asked, known, _NEAR)}"
        )
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return where, [*lines[:_MOST], *more]


def _plain(text: str) -> str:
    """Return a text with small letters alone, and spaces for dashes and underscores."""
    return re.sub(r"[-–_\s]+", " ", unicodedata.normalize("NFKC", text).casefold())


def _has(text: str | None, words: list[str]) -> bool:
    plain = _plain(text or "")
    return all(word in plain for word in words)


def _has_name(name: str, words: list[str]) -> bool:
    """Tell whether the words make the name of an object, but for a plural."""
    own, wanted = name.rpartition(".")[2].replace("_", "").casefold(), "".join(words)
    return own.removesuffix("s") == wanted.removesuffix("s")


def _summary(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _objects() -> Iterator[tuple[str, Any]]:
    """Yield every public function and class with its name, such as ``models.LandauZener``."""

    public = sys.modules["anticrossing"]
    for name in public.__all__:
        value = getattr(public, name)
        if isinstance(value, ModuleType):
            yield from _of(value)
            for inner in pkgutil.iter_modules(getattr(value, "__path__", ())):
                if inner.ispkg and inner.name[0] != "_":
                    yield from _of(importlib.import_module(f"{value.__name__}.{inner.name}"))


def _of(room: ModuleType) -> Iterator[tuple[str, Any]]:
    where = room.__name__.partition(".")[2]
    for name in getattr(room, "__all__", ()):
        value = getattr(room, name)
        if callable(value):
            yield f"{where}.{name}", value


def _is_called(name: str, asked: str) -> bool:
    wanted = asked.removeprefix("ac.").removeprefix("anticrossing.")
    return name == wanted or name.endswith(f".{wanted}")


def _headed(name: str, thing: Any) -> str:
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    bare = [one.replace(annotation=one.empty) for one in found.parameters.values()]
    return f"{name}{found.replace(parameters=bare, return_annotation=found.empty)}"


def _citations(thing: Any) -> list[str]:
    """Return what a docstring cites, one paper each."""
    section = _REFERENCES.search(inspect.getdoc(thing) or "")
    return [" ".join(text.split()) for text in section[1].split(";")] if section else []
