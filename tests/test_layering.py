"""Imports run downward, late ones too; nothing runs in a circle; importing the package is light."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anticrossing

ROOT = Path(anticrossing.__file__).parent
LAYERS = [
    {"_core", "_version"},
    {"units"},
    {"plot", "sweeps"},
    {"hamiltonian", "drive", "environment"},
    {"models", "spectrum", "formulas", "geometry"},
    {"dynamics"},
    {"molecules"},
    {"analysis"},
    {"thermodynamics", "control", "fits"},
    {"studies"},
    {"reproduce"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
MODULES = {
    ".".join(("anticrossing", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in ROOT.rglob("*.py")
}


@functools.cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield everything that can run: all but what is only for type checkers."""
    for child in ast.iter_child_nodes(node):
        types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not types:
            yield child
            yield from executed(child)


@functools.cache
def imported(module: str) -> frozenset[str]:
    """Modules of the package that a module imports, within functions too."""
    found = set()
    for node in executed(syntax(MODULES[module])):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(found & set(MODULES))


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_module_has_a_layer_and_imports_run_downward() -> None:
    rooms = {room(module) for module in MODULES} - {"", "__main__"}
    assert rooms == set(RANK)
    upward = [
        f"{module} imports {name}"
        for module in MODULES
        if room(module) in RANK
        for name in imported(module)
        if RANK.get(room(name), len(LAYERS)) > RANK[room(module)]
    ]
    assert upward == []


def test_nothing_runs_in_a_circle() -> None:
    left = {module: set(imported(module)) - {module} for module in MODULES}
    while True:
        leaves = {module for module, names in left.items() if not names & set(left)}
        if not leaves:
            break
        left = {module: names for module, names in left.items() if module not in leaves}
    among = {module: names & set(left) for module, names in left.items()}
    # What only leads into a circle is in none.
    while idle := {m for m in among if not any(m in names for names in among.values())}:
        among = {m: names for m, names in among.items() if m not in idle}
    assert among == {}


def test_formulas_and_dynamics_never_import_each_other() -> None:
    for one, other in (("formulas", "dynamics"), ("dynamics", "formulas")):
        for module in MODULES:
            if room(module) == one:
                assert not [name for name in imported(module) if room(name) == other], module


def test_relative_imports_are_not_used() -> None:
    for path in MODULES.values():
        for node in ast.walk(syntax(path)):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, anticrossing;"
        "heavy = {'matplotlib', 'dask', 'xarray', 'pandas', 'sympy', 'numba', 'mpmath', 'rich'};"
        "heavy |= {'scipy', 'msgspec', 'click'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"
