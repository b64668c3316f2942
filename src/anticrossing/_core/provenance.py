"""Where numbers come from, and numbers as plain Python data."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from anticrossing._version import __version__

_PACKAGES = ("numpy", "scipy", "numba", "sympy")


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    import platform
    from importlib.metadata import version

    return {
        "anticrossing": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def attributes() -> dict[str, str]:
    """Return the attributes of a dataset that say which software made it."""
    return {"anticrossing_version": __version__, "versions": json.dumps(versions())}


def plain(value: Any) -> Any:
    """Turn NumPy values into Python ones, and what is not finite into None (strict JSON)."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
