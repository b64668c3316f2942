# mypy: allow-untyped-calls
"""Compiled functions: which of them Numba keeps between runs, and when it compiles them again.

Only what Python calls is kept, together with everything it calls, and only one process compiles it
while the others wait. Machine code depends on what a process compiled before, in the order in which
it adds numbers up: all processes that share a cache run the same code, to the last bit of results.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def inner(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that compiled functions alone call: Python has no way in."""
    within = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    decorate: Callable[[Callable[..., Any]], Any] = numba.njit(**OPTIONS, **within, **options)
    return decorate


def entry(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that Python calls, and keep the machine code between runs.

    Numba compiles it again where its own file has changed; here, where any file with kernels has
    that it may call.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**OPTIONS, **options)(function)
        try:
            dispatcher.enable_caching()
        except (RuntimeError, OSError):  # no place that can be written to
            return dispatcher
        index = getattr(dispatcher._cache, "_cache_file", None)
        if index is None:
            return dispatcher
        index._source_stamp = _stamp(Path(function.__code__.co_filename))
        _tolerate(dispatcher._cache)
        load_or_compile = dispatcher.compile

        def alone(signature: Any) -> Any:
            with _locked(Path(f"{index._index_path}.lock")):
                return load_or_compile(signature)

        dispatcher.compile = alone
        return dispatcher

    return decorate


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out, where the system and the place allow it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            path.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(path.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tolerate(cache: Any) -> None:
    """Compile where what is kept cannot be read, and go on where nothing can be kept."""
    load, save = cache.load_overload, cache.save_overload

    def load_overload(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except (OSError, EOFError, ValueError, TypeError, AttributeError, pickle.PickleError):
            return None

    def save_overload(*arguments: Any) -> None:
        with contextlib.suppress(OSError, EOFError, pickle.PickleError):
            save(*arguments)

    cache.load_overload, cache.save_overload = load_overload, save_overload


@functools.cache
def _stamp(file: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells whether a source file that the machine code may depend on has changed.

    These are the files with kernels beside one, those that they import, and this one.
    """
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
    try:
        if not _holds_kernels(path):
            return ()
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ()
    root, package = path.parent, list[str]()
    while (root / "__init__.py").exists():
        package.insert(0, root.name)
        root = root.parent
    modules: dict[str, bool] = {}  # whether a constant may come from it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name: False for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            before = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*before, *filter(None, [node.module])])
            for alias in node.names:
                constant = alias.name.strip("_").isupper()
                modules[name] = modules.get(name, False) or constant
                modules.setdefault(f"{name}.{alias.name}", False)
    found = [Path(__file__)]
    for name, constant in modules.items():
        place = root.joinpath(*name.split("."))
        places = (place.with_suffix(".py"), place / "__init__.py")
        found += [p for p in places if p.is_file() and (constant or _holds_kernels(p))]
    return tuple(found)


@functools.cache
def _holds_kernels(path: Path) -> bool:
    """Whether a file imports this one, or decorates with what a file beside it that does offers."""
    text = path.read_bytes()
    if path.name == "_jit.py" or b"_jit import" in text:
        return path.name != "_jit.py"
    decorators = set(re.findall(rb"^@(\w+)", text, re.MULTILINE))
    for module, names in re.findall(rb"^from [\w.]*?(\w+) import (\([^)]*\)|.*)", text, re.M):
        beside = path.with_name(f"{module.decode()}.py")
        offered = decorators & set(re.findall(rb"\w+", names))
        if offered and beside.is_file() and b"_jit import" in beside.read_bytes():
            return True
    return False
