"""Imports run downward, late ones too; nothing runs in a circle; importing the package is light."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

from tools import shape

import anticrossing

ROOT = Path(anticrossing.__file__).parent
LAYERS = [
    {"_core", "_version"},
    {"units"},
    {"plot", "sweeps"},
    {"hamiltonian", "drive", "environment"},
    {"models", "spectrum", "formulas", "geometry"},
    {"dynamics"},
    {"qutip", "oqupy", "jax"},
    {"molecules"},
    {"analysis"},
    {"thermodynamics", "control", "fits"},
    {"studies"},
    {"reproduce", "page"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
MODULES = shape.modules(ROOT)
LONG = {"anticrossing.dynamics._bloch"}  # one compiled kernel


@functools.cache
def graph() -> dict[str, set[str]]:
    """What every module imports; every file is read for it."""
    return shape.imports(MODULES)


def test_every_module_has_a_layer_and_imports_run_downward() -> None:
    rooms = {shape.room(module) for module in MODULES} - {"", "__main__"}
    assert rooms == set(RANK)
    upward = [
        f"{module} imports {name}"
        for module in MODULES
        if shape.room(module) in RANK
        for name in graph()[module]
        if RANK.get(shape.room(name), len(LAYERS)) > RANK[shape.room(module)]
    ]
    assert upward == []


def test_nothing_runs_in_a_circle() -> None:
    assert shape.circles(graph()) == {}


def test_circles_are_found() -> None:
    made_up = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set[str]()}
    assert set(shape.circles(made_up)) == {"b", "c"}


def test_files_can_be_read_in_one_sitting() -> None:
    lines = {name: path.read_text(encoding="utf-8").count("\n") for name, path in MODULES.items()}
    long = {name for name, count in lines.items() if count > shape.LONG}
    assert long == LONG


def test_formulas_and_dynamics_never_import_each_other() -> None:
    for one, other in (("formulas", "dynamics"), ("dynamics", "formulas")):
        for module in MODULES:
            if shape.room(module) == one:
                assert not [name for name in graph()[module] if shape.room(name) == other], module


def test_relative_imports_are_not_used() -> None:
    for path in MODULES.values():
        assert not re.search(r"^ *from \.", path.read_text(encoding="utf-8"), re.MULTILINE), path


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
