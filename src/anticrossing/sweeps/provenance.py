"""Which sweep it is: what has to agree before the points of two runs may be mixed."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

import numpy as np

from anticrossing._version import __version__

_PACKAGES = ("numpy", "scipy", "numba")


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on, and nothing about the machine."""
    import platform
    from importlib.metadata import version

    return {
        "anticrossing": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def name_of(function: Callable[..., Any]) -> str:
    """Return the qualified name of a function, or of the class of any other callable."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    module = getattr(named, "__module__", None)
    return f"{module}.{named.__qualname__}" if module else str(named.__qualname__)


def identity_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return what tells a function from others: its name, and a digest of what it does.

    The digest covers its code, its defaults, the arguments bound by `functools.partial`, and plain
    values in its closure or, for an object that can be called, in its attributes. It cannot see
    changes in other functions that are called.
    """
    digest = hashlib.sha256(_canonical(function).encode()).hexdigest()
    return {"the function": name_of(function), "the code of the function": digest[:16]}


def difference(there: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """Return the first difference between two identities in words, None if they agree."""
    for key in dict.fromkeys([*here, *there]):
        old, new = there.get(key, "not given"), here.get(key, "not given")
        if old != new:
            return f"{key} is {old} there and {new} here"
    return None


def _canonical(value: Any) -> str:
    """Return text that is the same in every process for what is the same."""
    if isinstance(value, functools.partial):
        parts = [value.func, list(value.args), dict(value.keywords)]
        return f"partial{_canonical(parts)}"
    if isinstance(value, np.ndarray):
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"array {value.dtype} {value.shape} {content}"
    if isinstance(value, (str, bytes, int, float, complex, type(None), np.generic)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_canonical(k)}: {_canonical(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_canonical, value)) + "]"
    if isinstance(value, (set, frozenset)):  # their order depends on the process
        return "{" + ", ".join(sorted(map(_canonical, value))) + "}"
    if isinstance(value, CodeType):
        details = (value.co_consts, value.co_names, value.co_varnames)
        return f"code {value.co_code.hex()} {_canonical(details)}"
    if inspect.isfunction(value):
        cells = [_cell(cell) for cell in value.__closure__ or ()]
        # A function may refer to itself: those in its closure are described by their code alone.
        cells = [cell.__code__ if inspect.isfunction(cell) else cell for cell in cells]
        state = [value.__code__, value.__defaults__, value.__kwdefaults__, cells]
        return f"{name_of(value)} {_canonical(state)}"
    if inspect.ismethod(value):
        return f"method {_canonical(value.__func__)} of {_canonical(value.__self__)}"
    compiled = getattr(value, "py_func", None)  # of a function compiled by Numba
    if compiled is not None:
        return _canonical(compiled)
    if callable(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        call = vars(type(value)).get("__call__")
        return f"{name_of(value)} {_canonical(call)} {_plain(vars(value))}"
    return name_of(value) if callable(value) else f"an object of {name_of(type(value))}"


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later
        return None


def _plain(attributes: Mapping[str, Any]) -> str:
    """Describe the attributes of an object, without following objects that refer to it."""
    kept = {k: v for k, v in attributes.items() if not callable(v)}
    return _canonical(kept)
