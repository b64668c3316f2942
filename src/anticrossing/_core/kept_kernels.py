# mypy: allow-untyped-calls
"""Machine code that is kept between runs: the one file that touches private parts of Numba.

With a Numba that this file was not tried with, or that does not look as it did, every process
compiles its kernels anew and nothing is kept: results are the same, the start is slower.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numba

OLDEST, FIRST_UNTRIED = (0, 61), (0, 69)
"""The versions of Numba that this file was tried with."""


def compiled(
    function: Callable[..., Any], options: Mapping[str, Any], stamp: Callable[[], object]
) -> Any:
    """Compile a function when it is called, and keep the machine code until the stamp changes.

    One process compiles while the others wait, so that all of them run the same machine code.
    """
    plain = numba.njit(**options)(function)
    if plain is function:  # Numba was told not to compile
        return plain
    if not _is_tried(numba.__version__):
        _warn()
        return plain
    current = stamp()
    try:
        return _keeping(numba.njit(**options)(function), current)
    except (RuntimeError, OSError):  # no place that can be written to
        return plain
    except (AttributeError, TypeError, ValueError):
        _warn()
        return plain


def _keeping(dispatcher: Any, stamp: object) -> Any:
    """Let a dispatcher keep what it compiles; raise `AttributeError` if Numba has changed."""
    dispatcher.enable_caching()
    cache, load_or_compile = dispatcher._cache, dispatcher.compile
    index = cache._cache_file
    lock = Path(f"{index._index_path}.lock")
    if not hasattr(index, "_source_stamp"):
        raise AttributeError("_source_stamp")
    # Numba writes the index before the data: whoever is stopped in between leaves an index that
    # points at machine code of an earlier source or Numba, unless that has another name.
    edition = hashlib.sha256(repr((numba.__version__, stamp)).encode()).hexdigest()[:12]
    stem, number = index._data_name_pattern.split(".{", 1)
    index._data_name_pattern = f"{stem}-{edition}.{{{number}"
    index._source_stamp = stamp
    _tolerate(cache)

    def alone(signature: Any) -> Any:
        with _locked(lock):
            return load_or_compile(signature)

    dispatcher.compile = alone
    return dispatcher


_UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, AttributeError, RuntimeError),
    pickle.PickleError,
)


def _tolerate(cache: Any) -> None:
    """Compile where what is kept cannot be read, and go on where nothing can be kept."""
    load, save = cache.load_overload, cache.save_overload

    def load_overload(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except _UNREADABLE:
            return None

    def save_overload(*arguments: Any) -> None:
        with contextlib.suppress(OSError, EOFError, pickle.PickleError):
            save(*arguments)

    cache.load_overload, cache.save_overload = load_overload, save_overload


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


def _is_tried(version: str) -> bool:
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and OLDEST <= (int(found[1]), int(found[2])) < FIRST_UNTRIED


@functools.cache
def _warn() -> None:
    """Say once that nothing is kept."""
    warnings.warn(
        f"Numba {numba.__version__} is not known to this version of anticrossing: compiled kernels "
        "are not kept between runs, and every start takes longer.",
        RuntimeWarning,
        stacklevel=2,
    )
