"""Objects that do not change: what they are given is copied, and public attributes are set once."""

from __future__ import annotations

import abc
import functools
from types import MappingProxyType
from typing import Any, Self

import numpy as np


class _Sealing(abc.ABCMeta):
    """Objects take no further public attributes once they are made."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        made._seal()
        return made


class Unchanging(metaclass=_Sealing):
    """Base of objects whose public attributes are set once and hold nothing that can be changed.

    Arrays are copied and made read-only, also within tuples and mappings; lists become tuples.
    """

    def _seal(self) -> None:
        self.__dict__["_sealed"] = True

    def _with(self, **attributes: Any) -> Self:
        """Return another object that differs in these attributes."""
        made = object.__new__(type(self))
        kept = vars(self).keys() - attributes.keys() - {"_sealed"}
        made.__dict__.update((name, vars(self)[name]) for name in kept)
        for name, value in attributes.items():
            setattr(made, name, value)
        made._seal()
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, np.ndarray):
            value = frozen(value)
        if not name.startswith("_"):
            if name in self.__dict__ or "_sealed" in self.__dict__:
                raise AttributeError(
                    f"A {type(self).__name__} does not change, so its `{name}` cannot be set: make "
                    "another one."
                )
            value = frozen(value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} does not change: `{name}` stays.")

    def __getstate__(self) -> dict[str, Any]:
        # A view of a mapping cannot be pickled; it is made anew.
        return {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            self.__dict__[name] = value if name.startswith("_") else frozen(value)


def frozen(value: Any) -> Any:
    """Return a read-only copy of arrays, and tuples for lists; anything else as it is."""
    if isinstance(value, np.ndarray):
        if value.base is not None or value.flags.writeable:
            value = value.copy()
            value.flags.writeable = False
        return value
    if isinstance(value, (dict, MappingProxyType)):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    if type(value) in (tuple, list):
        return tuple(frozen(item) for item in value)
    return value


def read_only(made: type) -> None:
    """Let the arrays of a frozen dataclass be views that cannot be written to."""
    make = made.__init__  # type: ignore[misc]

    @functools.wraps(make)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.flags.writeable:
                view = self.__dict__[name] = value.view()
                view.flags.writeable = False

    made.__init__ = __init__  # type: ignore[misc]
