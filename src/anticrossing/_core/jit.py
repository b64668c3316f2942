# mypy: allow-untyped-calls
"""Compiled functions: which of them Numba keeps between runs, and when it compiles them again.

Only what Python calls is kept, together with everything it calls, and only one process compiles it
while the others wait. Machine code depends on what a process compiled before, in the order in which
it adds numbers up: all processes that share a cache run the same code, to the last bit of results.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anticrossing._core.kept_kernels import compiled, merged

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def inner(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that only compiled functions call: Python cannot call it."""
    within = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return lambda function: merged(function, {**OPTIONS, **within, **options})


def entry(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that Python calls, and keep the machine code between runs.

    Numba compiles it again where its own file has changed; here, where any file with kernels has
    that it may call.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        file = Path(function.__code__.co_filename)
        return compiled(function, {**OPTIONS, **options}, lambda: _stamp(file))

    return decorate


_IMPORT = f"from {__name__} import".encode()


@functools.cache
def _stamp(file: Path) -> tuple[tuple[str, int, int], ...]:
    """Return a stamp that changes when a source file behind the machine code changes."""
    # These are the files with kernels beside one, those that they import, and this one.
    beside = [path for path in file.parent.glob("*.py") if _imports(path)]
    found, waiting = {Path(__file__)}, [file, *beside]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path)
    status = ((path, path.stat()) for path in sorted(found))
    return tuple(
        (os.path.relpath(path, file.parent), s.st_mtime_ns, s.st_size) for path, s in status
    )


@functools.cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Return what a file with kernels imports: kernels, and constants; nothing for another file."""
    if not _holds_kernels(path):
        return ()
    root = path.parent
    while (root / "__init__.py").exists():
        root = root.parent
    found = [Path(__file__)]
    for module, names in _names_imported(path):
        place = root.joinpath(*module.split("."))
        constants = any(name.strip("_").isupper() for name in names)
        found += [file for file in _files(place) if constants or _holds_kernels(file)]
        found += [f for name in names for f in _files(place / name) if _holds_kernels(f)]
    return tuple(found)


@functools.cache
def _holds_kernels(path: Path) -> bool:
    """Whether a file imports this one, or decorates with what a file beside it that does offers."""
    imported = _names_imported(path)
    if any(module == __name__ for module, _ in imported):
        return True
    decorators = set(re.findall(r"^@(\w+)", _text(path), re.MULTILINE))
    near = (path.with_name(f"{m.rpartition('.')[2]}.py") for m, n in imported if decorators & {*n})
    return any(_IMPORT in file.read_bytes() for file in near if file.is_file())


@functools.cache
def _names_imported(path: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the modules, and what of them, that a file names behind `from`."""
    # Found in its text: to parse all files with kernels would take a tenth of a second in every
    # run.
    lines = re.findall(r"^\s*from ([\w.]+) import (\([^)]*\)|.*)", _text(path), re.MULTILINE)
    return tuple((module, tuple(re.findall(r"\w+", names))) for module, names in lines)


def _files(place: Path) -> list[Path]:
    return [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]


def _text(path: Path) -> str:
    return path.read_text("utf8", errors="replace")
