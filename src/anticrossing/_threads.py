"""One thread for small matrices: where BLAS starts its own, eigenvalues take ten times as long."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import Any

_SMALL = 200  # above this dimension the threads of BLAS pay off for eigenvalues


@functools.cache
def _controller() -> Any:
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def few_threads(dimension: int, *, small: int = _SMALL) -> Iterator[None]:
    """Keep BLAS to one thread within the block if matrices of this dimension are small."""
    if dimension > small:
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield


def processors() -> int:
    """Return the number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
