"""Imports run downward only, and importing the package stays light."""

import ast
import functools
import subprocess
import sys
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


@functools.cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "anticrossing":
                found |= {f"anticrossing.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("anticrossing.")}


def test_every_module_has_a_layer_and_imports_run_downward():
    tops = {
        path: path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")
    }
    tops = {path: top for path, top in tops.items() if top not in ("__init__", "__main__")}
    assert set(tops.values()) <= set(RANK)
    upward = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, top in tops.items()
        for name in imported_modules(path) & set(RANK)
        if RANK[name] > RANK[top]
    ]
    assert upward == []


def test_formulas_and_dynamics_never_import_each_other():
    for package, other in (("formulas", "dynamics"), ("dynamics", "formulas")):
        for path in (ROOT / package).rglob("*.py"):
            assert other not in imported_modules(path), path


def test_relative_imports_are_not_used():
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(syntax(path)):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


def test_import_loads_nothing_heavy():
    code = (
        "import sys, anticrossing;"
        "heavy = {'matplotlib', 'dask', 'xarray', 'pandas', 'sympy', 'numba', 'mpmath', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"
