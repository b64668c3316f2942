# mypy: allow-untyped-calls
"""Compiled functions: which of them Numba keeps between runs, and when it compiles them again.

Only what Python calls is kept, together with everything it calls, and only one process compiles it
while the others wait. Machine code depends on what a process compiled before, in the order in which
it adds numbers up: all processes that share a cache run the same code, to the last bit of results.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def inner(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that compiled functions call."""
    decorate: Callable[[Callable[..., Any]], Any] = numba.njit(**OPTIONS, **options)
    return decorate


def entry(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that Python calls, and keep the machine code between runs.

    Numba compiles it again where its own file has changed; here, where any file beside it has.
    """
    compiled: Callable[[Callable[..., Any]], Any] = numba.njit(cache=True, **OPTIONS, **options)

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = compiled(function)
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if index is None:
            return dispatcher
        index._source_stamp = _stamp(Path(function.__code__.co_filename).parent)
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


@functools.cache
def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells whether a source file in a folder has changed."""
    files = ((path.name, path.stat()) for path in sorted(folder.glob("*.py")))
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in files)
