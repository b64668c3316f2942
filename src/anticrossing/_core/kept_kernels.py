# mypy: allow-untyped-calls, allow-subclassing-any
"""Machine code, made once and kept between runs: the one file that touches private parts of Numba.

With a Numba that this file was not tried with, or that does not look as it did, every process
compiles its kernels anew and nothing is kept: results are the same, the start is slower.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import operator
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
    options = {**options, **_pipelines()[0]}
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


def merged(function: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """Compile a function that only compiled functions call, as a part of each of them.

    Numba would first optimise it alone and make machine code that nobody runs.
    """
    return numba.njit(**options, **_pipelines()[1])(function)


@functools.cache
def _pipelines() -> tuple[dict[str, type], dict[str, type]]:
    """Return options for `njit`: for what Python calls, and for what is merged into it."""
    if not _is_tried(numba.__version__):
        return {}, {}
    try:
        return _own_pipelines()
    except (ImportError, AttributeError):
        return {}, {}


_NEEDED = (
    *("codegen.JITCodeLibrary._optimize_final_module", "codegen.JITCPUCodegen.set_env"),
    *("codegen.JITCodeLibrary._finalize_final_module", "compiler.Compiler.compile_extra"),
    *("codegen.JITCodeLibrary._finalize_dynamic_globals", "compiler.Flags.no_compile"),
    *("compiler.CompileResult.entry_point", "environment.lookup_environment"),
)


def _own_pipelines() -> tuple[dict[str, type], dict[str, type]]:
    """Return the same; raise `AttributeError` if Numba has changed."""
    from numba import _dynfunc
    from numba.core import codegen, compiler, environment

    operator.attrgetter(*_NEEDED)(numba.core)

    class Library(codegen.JITCodeLibrary):
        """Code that is neither optimised nor made machine code of."""

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True

    class Part(compiler.Compiler):
        def compile_extra(self, function: Callable[..., Any]) -> Any:
            context, name = self.state.targetctx, function.__qualname__
            library = self.state.library = Library(context.codegen(), name)
            self.state.flags.no_compile = True
            result = super().compile_extra(function)
            kept = result.environment, (library,)
            called = _dynfunc.make_function(result.fndesc.lookup_module(), name, "", 0, *kept)
            context.insert_user_function(called, result.fndesc, [library])
            return result._replace(entry_point=called)

    class Whole(compiler.Compiler):
        def compile_extra(self, function: Callable[..., Any]) -> Any:
            result = super().compile_extra(function)
            for name in (v.name for v in result.library._final_module.global_variables):
                found = environment.lookup_environment(name)
                if found is not None:  # what the errors of its parts are made from
                    self.state.targetctx.codegen().set_env(name, found)
            return result

    return {"pipeline_class": Whole}, {"pipeline_class": Part}


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
