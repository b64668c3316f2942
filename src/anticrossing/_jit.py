# mypy: allow-untyped-calls
"""Compiled functions: which of them Numba keeps between runs, and when it compiles them again.

Only what Python calls is kept, together with everything it calls. Were the parts kept as well, a
function compiled beside a part that another process has just stored could not inline it, and the
last digit of results would depend on who compiled first.
"""

from __future__ import annotations

from collections.abc import Callable
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
        if index is not None:
            index._source_stamp = _stamp(Path(function.__code__.co_filename).parent)
        return dispatcher

    return decorate


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells whether a source file in a folder has changed."""
    files = ((path.name, path.stat()) for path in sorted(folder.glob("*.py")))
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in files)
