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
        self._limiter: Any = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                _take_control()
                self._limiter = _controller().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._inside == 0:
                return  # forked within: the child has begun anew
            self._inside -= 1
            if self._inside == 0:
                _take_control()
                self._limiter.restore_original_limits()
                self._limiter = None

    def _forked(self) -> None:
        """Begin anew in a child process, which has none of the threads that were inside."""
        self._lock = threading.Lock()
        limiter, self._limiter, self._inside = self._limiter, None, 0
        if limiter is not None:
            _take_control()
            limiter.restore_original_limits()


def _controller() -> Any:
    """Return what reaches the BLAS libraries in the process: SciPy brings one of its own."""
    return _controller_of("scipy.linalg" in sys.modules)


@functools.cache
def _controller_of(with_scipy: bool) -> Any:
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


def _take_control() -> None:
    """Let this thread set the number of threads: OpenBLAS obeys only the one that did so first."""
    for lib in _controller().lib_controllers:
        clear = getattr(lib, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)


one_thread = _OneThread()


def few_threads(dimension: int, *, small: int = _SMALL) -> contextlib.AbstractContextManager[None]:
    """Keep BLAS to one thread within the block if matrices of this dimension are small."""
    return contextlib.nullcontext() if dimension > small else one_thread


def processors() -> int:
    """Return the number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
