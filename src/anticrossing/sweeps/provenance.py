"""Which sweep it is: what has to agree before the points of two runs may be mixed."""

from __future__ import annotations

import copyreg
import functools
import hashlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

import numpy as np

from anticrossing._core.provenance import versions as every_version

_CODE = "the code of the function, with what it carries,"
_UNKNOWN = "unknown: "
_ATOMS = (bool, float, complex, str, bytes, type(None), type(...), type(NotImplemented))
_LOCKS = (type(threading.Lock()), type(threading.RLock()))  # no number depends on them
# What Hamiltonians derive from their terms when asked, and drives from their samples.
_LATE = ("_stack", "_split", "_tables", "_units")
_OWN = __name__.partition(".")[0]
_BOOKKEEPING = ("__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "_abc_impl")


def versions() -> dict[str, str]:
    """Return the versions of what points depend on, and nothing about the machine."""
    return {name: number for name, number in every_version().items() if name != "sympy"}


def name_of(function: Callable[..., Any]) -> str:
    """Return the qualified name of a function, or of the class of any other callable."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    module = getattr(named, "__module__", None)
    return f"{module}.{named.__qualname__}" if module else str(named.__qualname__)


def identity_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return what tells a function from others: its name, and a digest of what it does.

    The digest covers its code, and what it carries: defaults, closures, bound arguments,
    attributes, and whatever these hold. It cannot see changes in other functions that are called.
    """
    return {"the function": name_of(function), _CODE: digest(function)}


def digest(value: Any) -> str:
    """Return a digest of anything by its content, or the type in it that cannot be compared."""
    try:
        return _Description().of(value)[:16]
    except _Unknown as unknown:
        return f"{_UNKNOWN}{unknown}"
    except RecursionError:
        return f"{_UNKNOWN}{type(value).__name__} (nested too deeply)"


def unknown(identity: Mapping[str, str]) -> str:
    """Return what a function carries that cannot be compared, or an empty text."""
    found = (text for text in identity.values() if text.startswith(_UNKNOWN))
    return next(found, "").removeprefix(_UNKNOWN)


def difference(there: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """Return the first difference between two identities in words, None if they agree."""
    for key in dict.fromkeys([*here, *there]):
        old, new = there.get(key, "not given"), here.get(key, "not given")
        if old != new:
            return f"{key} is {old} there and {new} here"
    return None


class _Unknown(Exception):
    """The name of the type of an object about which nothing can be told."""


class _Description:
    """Texts that are the same in every process for what is the same, and for nothing else."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}
        self._known: dict[int, tuple[Any, str]] = {}  # with the object, so that it stays

    def of(self, value: Any) -> str:
        """Return the description of anything."""
        if type(value) in _ATOMS:
            return repr(value)
        if type(value) is int:  # in decimal digits it may be too long
            return hex(value)
        key = id(value)
        if key in self._open:
            return f"the object around it at level {self._open[key]}"
        if key not in self._known:
            self._open[key] = len(self._open)
            try:
                text = ", ".join(self._parts(value))
            finally:
                del self._open[key]
            self._known[key] = value, hashlib.sha256(text.encode()).hexdigest()
        return self._known[key][1]

    def _parts(self, value: Any) -> Iterator[str]:
        kind = type(value)
        yield name_of(kind)
        if kind in (set, frozenset):  # their order depends on the process
            yield from sorted(map(self.of, value))
        elif kind is np.ndarray and not value.dtype.hasobject:
            yield f"{value.dtype} {value.shape}"
            yield hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        elif inspect.isfunction(value) or inspect.isclass(value):
            yield name_of(value)
            if _is_ours(value):  # the version tells the rest
                return
            try:
                inside = [self.of(part) for part in _inside(value)]
            except _Unknown:
                if not _is_global(value):
                    raise
            else:
                yield from inside
        else:
            yield from map(self.of, _inside(value))


def _inside(value: Any) -> list[Any]:
    """Return all that makes a value of its type what it is."""
    kind = type(value)
    if kind in (list, tuple):
        return list(value)
    if kind in (dict, MappingProxyType):
        return [part for pair in value.items() for part in pair]
    if kind is np.ndarray:
        return [value.shape, value.tolist()]
    if kind in _LOCKS:
        return []
    if isinstance(value, ModuleType):
        return [value.__name__]
    if isinstance(value, CodeType):
        return [value.co_code, value.co_consts, value.co_names, value.co_varnames]
    if inspect.isfunction(value):
        cells = [_cell(cell) for cell in value.__closure__ or ()]
        return [value.__code__, value.__defaults__, value.__kwdefaults__, cells, vars(value)]
    if inspect.isclass(value):
        # Others are found by their names.
        members = {} if _is_global(value) else vars(value)
        return [value.__bases__, {k: v for k, v in members.items() if k not in _BOOKKEEPING}]
    if inspect.ismethod(value) or isinstance(value, (staticmethod, classmethod)):
        return [value.__func__, getattr(value, "__self__", None)]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if inspect.isfunction(compiled := getattr(value, "__dict__", {}).get("py_func")):
        return [compiled]  # of a function compiled by Numba
    return _reduced(value)


def _reduced(value: Any) -> list[Any]:
    """Return what `pickle` would keep of an object."""
    kind = type(value)
    reduce = copyreg.dispatch_table.get(kind)
    try:
        found = value.__reduce_ex__(4) if reduce is None else reduce(value)
    except Exception:  # noqa: BLE001 - whatever an object of somebody else's raises
        raise _Unknown(name_of(kind)) from None
    wrapped = getattr(value, "__dict__", {}).get("__wrapped__")
    if isinstance(found, str):  # it is found by its name
        return [getattr(value, "__module__", None), found, wrapped]
    make, arguments, state, entries, items = (*found, None, None, None)[:5]
    if type(state) is dict:  # without what is computed when it is first asked for
        state = {k: v for k, v in state.items() if k not in _LATE and not _is_cached(kind, k)}
    call = inspect.getattr_static(kind, "__call__", None)
    called = [call] if inspect.isfunction(call) else []
    return [make, arguments, state, list(entries or ()), list(items or ()), called, wrapped]


def _is_cached(kind: type, name: Any) -> bool:
    member = inspect.getattr_static(kind, name, None) if isinstance(name, str) else None
    return isinstance(member, functools.cached_property)


def _is_global(value: Any) -> bool:
    """Whether another process finds a function or a class by its name."""
    place: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        place = getattr(place, part, None)
    return place is value


def _is_ours(value: Any) -> bool:
    """Whether a function or a class is one of this package, found by its name."""
    return str(value.__module__).partition(".")[0] == _OWN and _is_global(value)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later
        return None
