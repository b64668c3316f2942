"""Memory of arrays: handing it back to the system and asking again takes a fifth of the time."""

from __future__ import annotations

import functools

import numpy as np

_LARGEST_KEPT = 2**25 - 2**16  # of what the C library of Linux may keep of one array


@functools.cache
def keep_memory() -> None:
    """Let the C library keep the memory of arrays for the next ones.

    It keeps as much as the largest array that has been freed asks for, up to 32 MiB; one that is
    never written to takes no memory.
    """
    np.empty(_LARGEST_KEPT, dtype=np.uint8)
