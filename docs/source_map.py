"""The directive that draws the pages on the sources, from their statements and the docstrings.

    ```{statements} fraas_haenggli
    ```

makes a table of the statements in `fraas_haenggli.toml`: a function stands beside a statement if
its docstring cites the number, or the file names it. ``{literature}`` lists every paper cited.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from typing import Any

from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from tools import literature

import anticrossing


class _Generated(Directive):
    """Markdown that is made when the page is read."""

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[Any]:
        from docutils import nodes

        holder = nodes.container()
        self.state.nested_parse(StringList(self.lines(), source="docstrings"), 0, holder)
        return list(holder.children)


class Statements(_Generated):
    """One source, statement by statement."""

    required_arguments = 1

    def lines(self) -> list[str]:
        source = literature.source(self.arguments[0])
        head = f"{source.authors}, *{source.title}*" + (f", {source.paper}" if source.paper else "")
        rows = []
        for statement in source.statements:
            says = _escaped(statement.says)
            if statement.misprint:
                says += f" **Misprint:** {_escaped(statement.misprint)}."
            if statement.note:
                says += f" ({_escaped(statement.note)})"
            rows.append((statement.where, says, ", ".join(_links(statement))))
        table = _table((14, 52, 34), ("", "what it says", "where it is"), rows)
        return [f"{head}. {source.about}", "", *table]


class Literature(_Generated):
    """Every paper that a docstring cites."""

    def lines(self) -> list[str]:
        uses = defaultdict(list)
        for citation in literature.citations():
            uses[citation.paper].append(citation)
        known = literature.titles()
        rows = []
        for paper, found in sorted(uses.items(), key=lambda item: _surname(item[1][0])):
            title = f"*{known[paper]}*, " if paper in known else ""
            names = ", ".join(dict.fromkeys(_function(one.name) for one in found))
            rows.append((f"{found[0].authors}, {title}{paper}", names))
        return _table((60, 40), ("paper", "cited by"), rows)


def _table(
    widths: tuple[int, ...], header: tuple[str, ...], rows: list[tuple[str, ...]]
) -> list[str]:
    """Return a table with columns of these widths."""
    lines = ["```{list-table}", ":header-rows: 1", f":widths: {' '.join(map(str, widths))}", ""]
    for row in (header, *rows):
        lines += [f"{'  ' if k else '* '}- {cell}" for k, cell in enumerate(row)]
    return [*lines, "```"]


def _links(statement: literature.Statement) -> list[str]:
    links = [_function(name) for name in statement.functions]
    if statement.command:
        links.append(f"`{statement.command}`")
    if statement.example:
        links.append(f"`examples/{statement.example}`")
    if statement.doc:
        links.append(f"[{statement.doc.removesuffix('.md').replace('_', ' ')}](../{statement.doc})")
    return links


def _function(name: str) -> str:
    """Link to where the reference has it: at the top if it is there, a method with its class."""
    text = name.removeprefix("anticrossing.")
    room, _, owner = name.rpartition(".")
    if room.rpartition(".")[2][:1].isupper():
        room, _, owner = room.rpartition(".")
    value = getattr(importlib.import_module(room), owner)
    if isinstance(value, type):
        room = value.__module__
    elif owner in anticrossing.__all__:
        room = "anticrossing"
    return f"{{py:obj}}`{text} <{room}.{owner}>`"


def _escaped(text: str) -> str:
    return re.sub(r"([|*_<\\])", r"\\\1", text)


def _surname(citation: literature.Citation) -> str:
    first = re.split(r", | and ", citation.authors)[0]
    return first.removesuffix(" et al.").split()[-1].lower() + str(citation.year)


def _outdated(app: Any, env: Any, *_: Any) -> list[str]:
    return [name for name in env.found_docs if name.startswith("sources/")]


def setup(app: Any) -> dict[str, bool]:
    """Add both directives; their pages are always read again, as docstrings change."""
    app.connect("env-get-outdated", _outdated)
    app.add_directive("statements", Statements)
    app.add_directive("literature", Literature)
    return {"parallel_read_safe": True}
