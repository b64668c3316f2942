"""One thread for BLAS while chunks are computed: its results depend on how many it has."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from anticrossing._core.threads import few_threads


class _SharedLimit:
    """A limit that holds from the first thread that asks for it to the last that leaves.

    Threads that each set and restored it for themselves would undo what the others set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limit = contextlib.ExitStack()

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._limit.enter_context(few_threads(1))
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._limit.close()


one_blas_thread = _SharedLimit()
"""Context manager; any number of threads may be inside."""
