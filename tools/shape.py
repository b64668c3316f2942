"""The shape of the package: rooms, floors, circles of imports, lines of code and of checks.

`python tools/shape.py [src/anticrossing]` prints a row a room, the top floor first. A line of code
is one with a token, but for docstrings and comments; a check is an `if` that only raises. A floor
is one above the highest room it imports from, late imports and imports for types included.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "anticrossing"
LONG = 450  # lines that can be read in one sitting
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def modules(root: Path) -> dict[str, Path]:
    """Return the files of a package by their dotted names."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = (PACKAGE, *path.relative_to(root).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def room(module: str) -> str:
    """Return the room of a module, "" for the package itself."""
    return module.split(".")[1] if "." in module else ""


def imports(files: dict[str, Path]) -> dict[str, set[str]]:
    """Return the modules of the package that each imports: at the top, late, or for types."""
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        names: set[str] = set()
        for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    names.add(inner if inner in files else node.module)
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        found[module] = names & set(files) - {module}
    return found


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement of a file, without its expressions, which are far more."""
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(tree, name, ()):
            yield node
            yield from _statements(node)


def circles(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return what is left of a graph without all that is in no circle."""
    left = {name: set(names) for name, names in graph.items()}
    while True:
        entered = {name for names in left.values() for name in names}
        kept = {n: names & set(left) for n, names in left.items() if names & set(left)}
        kept = {name: names for name, names in kept.items() if name in entered}
        if kept == left:
            return kept
        left = kept


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Return the floor of each room, 1 the lowest; rooms in a circle have none."""
    rooms: dict[str, set[str]] = {}
    for module, names in graph.items():
        rooms.setdefault(room(module), set()).update(map(room, names))
    found: dict[str, int] = {}
    while True:
        ready = {
            name: 1 + max((found[below] for below in names - {name}), default=0)
            for name, names in rooms.items()
            if name not in found and names - {name} <= set(found)
        }
        if not ready:
            return found
        found |= ready


def lines(path: Path) -> Counter[str]:
    """Return how many lines a file has: in all, of code, of docstrings, of checks."""
    text = path.read_text(encoding="utf-8")
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT:
            code |= set(range(token.start[0], token.end[0] + 1))
    docs: set[int] = set()
    checks: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _SCOPES) and ast.get_docstring(node, clean=False) is not None:
            docs |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))  # type: ignore[operator]
        only = isinstance(node, ast.If) and not node.orelse and len(node.body) == 1
        if only and isinstance(node.body[0], ast.Raise):  # type: ignore[attr-defined]
            checks |= set(range(node.lineno, node.end_lineno + 1))  # type: ignore[attr-defined]
    return Counter(
        files=1, all=text.count("\n"), code=len(code - docs), docs=len(docs), checks=len(checks)
    )


def main(root: Path) -> None:
    """Print the table."""
    files = modules(root)
    graph = imports(files)
    counted = {module: lines(path) for module, path in files.items()}
    rooms: dict[str, Counter[str]] = {}
    for module, found in counted.items():
        rooms.setdefault(room(module) or PACKAGE, Counter()).update(found)
    level = floors(graph)
    print(f"{'floor':>5}  {'room':16}{'files':>6}{'code':>8}{'docs':>8}{'checks':>8}")
    for name in sorted(rooms, key=lambda name: (-level.get(name, 0), name)):
        row = rooms[name]
        shown = level.get(name, level.get("", "-"))
        print(
            f"{shown:>5}  {name:16}{row['files']:6}{row['code']:8}{row['docs']:8}{row['checks']:8}"
        )
    total = sum(rooms.values(), Counter[str]())
    print(
        f"{len(rooms)} rooms, {max(level.values())} floors, {total['files']} files, "
        f"{total['all']} lines, {total['code']} of code, "
        f"{100 * total['checks'] / total['code']:.1f} % of them checks"
    )
    print("modules in circles:", ", ".join(sorted(circles(graph))) or "none")
    long = {m: found["all"] for m, found in counted.items() if found["all"] > LONG}
    shown = ", ".join(f"{m.removeprefix(PACKAGE + '.')} {n}" for m, n in long.items())
    print(f"files over {LONG} lines:", shown or "none")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "src/anticrossing"))
