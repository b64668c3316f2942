"""Objects that do not change: what they are given is copied, and public attributes are set once."""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np

_Made = TypeVar("_Made", bound=type)
_Object = TypeVar("_Object")
_Array = TypeVar("_Array", bound=np.ndarray[Any, Any])

_UNCHANGING = {type(None), bool, int, float, str}  # most attributes that are no arrays


class _Sealing(abc.ABCMeta):
    """Objects take no further public attributes once they are made."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        made._seal()
        return made

    @property
    def __signature__(cls) -> inspect.Signature:
        """What a class is called with, which `__call__` would hide from help and manual."""
        found = inspect.signature(cls.__init__)  # type: ignore[misc]
        own = list(found.parameters.values())[1:]
        return found.replace(parameters=own, return_annotation=inspect.Signature.empty)


class Unchanging(metaclass=_Sealing):
    """Base of objects whose public attributes are set once and hold nothing that can be changed.

    Arrays are copied and made read-only, also within tuples and mappings; lists become tuples.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _freeze_cached(cls)

    def _seal(self) -> None:
        self.__dict__["_sealed"] = True

    def _with(self, **attributes: Any) -> Self:
        """Return a copy with these attributes replaced."""
        made = object.__new__(type(self))
        kept = vars(self).keys() - attributes.keys() - {"_sealed"}
        made.__dict__.update((name, vars(self)[name]) for name in kept)
        for name, value in attributes.items():
            setattr(made, name, value)
        made._seal()
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_" and (name in self.__dict__ or "_sealed" in self.__dict__):
            raise AttributeError(
                f"A {type(self).__name__} does not change, so its `{name}` cannot be set: make "
                "another one."
            )
        self.__dict__[name] = value if type(value) in _UNCHANGING else _kept(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} does not change: `{name}` stays.")

    def __getstate__(self) -> dict[str, Any]:
        return _state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        _restore(self, state)


def frozen(value: Any) -> Any:
    """Return a read-only copy of arrays, and tuples for lists; anything else as it is."""
    if type(value) in _UNCHANGING:
        return value
    if isinstance(value, np.ndarray):
        return value if _is_settled(value) else settled(value.copy())
    if isinstance(value, (dict, MappingProxyType)):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    if type(value) is tuple and _UNCHANGING.issuperset(map(type, value)):
        return value
    if type(value) in (tuple, list):
        return tuple(frozen(item) for item in value)
    return value


def assembled(made: type[_Object], **attributes: Any) -> _Object:
    """Return a frozen dataclass of values that are known to be right: nothing is checked or copied.

    Its arrays belong to it alone, and become read-only in place.
    """
    found = object.__new__(made)
    for value in attributes.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    found.__dict__.update(_defaults(made))  # type: ignore[arg-type]
    found.__dict__.update(attributes)
    return found


@functools.cache
def _defaults(made: type) -> dict[str, Any]:
    """Return the values of fields that need not be given, none of which can be changed."""
    fields = dataclasses.fields(made)
    return {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}


def settled(array: _Array) -> _Array:
    """Make an array that nobody else holds read-only in place, so that it is kept uncopied."""
    array.flags.writeable = False
    return array


def _is_settled(array: np.ndarray[Any, Any]) -> bool:
    """Whether neither an array nor the one that it is a view of can be written to."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner.base is None and not (owner.flags.writeable or array.flags.writeable)


def read_only(made: _Made) -> _Made:
    """Let a frozen dataclass hold nothing that can be changed, and so its copies.

    `guard` does that for what is public; what only hangs from it is decorated.
    """
    if vars(made).get("__setstate__") is _restore:
        return made
    make = made.__init__  # type: ignore[misc]

    @functools.wraps(make)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        _restore(self, vars(self))

    for name, method in (
        ("__init__", __init__),
        ("__getstate__", _state),
        ("__setstate__", _restore),
    ):
        setattr(made, name, method)
    _freeze_cached(made)
    return made


def _kept(name: str, value: Any) -> Any:
    """Return what an attribute holds: only private containers may change."""
    return frozen(value) if name[0] != "_" or isinstance(value, np.ndarray) else value


def _state(self: Any) -> dict[str, Any]:
    return {name: _picklable(value) for name, value in vars(self).items()}


def _restore(self: Any, state: Mapping[str, Any]) -> None:
    self.__dict__.update({name: _kept(name, value) for name, value in state.items()})


def _picklable(value: Any) -> Any:
    """Return dictionaries for views of them, which cannot be pickled."""
    if isinstance(value, MappingProxyType):
        return {key: _picklable(item) for key, item in value.items()}
    return tuple(map(_picklable, value)) if type(value) is tuple else value


def _freeze_cached(made: type) -> None:
    """Let what is computed when first asked for be as unchanging as what was given."""
    for name, member in vars(made).items():
        if isinstance(member, functools.cached_property):
            member.func = _freezing(name, member.func)


def _freezing(name: str, compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(compute)
    def computed(self: Any) -> Any:
        return _kept(name, compute(self))

    return computed
