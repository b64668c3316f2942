"""One thread for small matrices: where BLAS starts its own, eigenvalues take ten times as long."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from typing import Any

_SMALL = 200  # above this dimension the threads of BLAS pay off for eigenvalues


class _OneThread:
    """Holds BLAS to one thread while anyone wants that, and gives it back when no one does.

    The number of threads belongs to the process: whoever came first has noted what it was, and
    whoever leaves last restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Any, int]] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = [
                    (lib, n) for lib in _libraries() if (n := lib.num_threads) not in (None, 1)
                ]
                _set_threads([(lib, 1) for lib, _ in self._before])
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._inside == 0:
                return  # forked within: the child has begun anew
            self._inside -= 1
            if self._inside == 0:
                before, self._before = self._before, []
                _set_threads(before)

    def _forked(self) -> None:
        """Begin anew in a child process, which has none of the threads that were inside."""
        self._lock = threading.Lock()
        before, self._before, self._inside = self._before, [], 0
        _set_threads(before)


def _libraries() -> tuple[Any, ...]:
    """Return what reaches the BLAS libraries in the process: SciPy brings one of its own."""
    return _libraries_of("scipy.linalg" in sys.modules)


@functools.cache
def _libraries_of(with_scipy: bool) -> tuple[Any, ...]:
    import threadpoolctl

    every = threadpoolctl.ThreadpoolController().lib_controllers
    return tuple(lib for lib in every if lib.user_api == "blas")


def _set_threads(wanted: list[tuple[Any, int]]) -> None:
    """Set the number of threads of libraries: OpenBLAS obeys only the thread that did so first."""
    for lib, number in wanted:
        clear = getattr(lib, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
        lib.set_num_threads(number)


one_thread = _OneThread()


def few_threads(dimension: int, *, small: int = _SMALL) -> contextlib.AbstractContextManager[None]:
    """Keep BLAS to one thread within the block if matrices of this dimension are small."""
    return contextlib.nullcontext() if dimension > small else one_thread


def processors() -> int:
    """Return the number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
