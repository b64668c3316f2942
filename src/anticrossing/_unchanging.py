"""Objects that do not change: what they are given is copied, and public attributes are set once."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np


class Unchanging:
    """Base of objects whose public attributes are set once and hold nothing that can be changed.

    Arrays are copied and made read-only, also within tuples, lists and mappings.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            if name in self.__dict__:
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
    """Return a copy of arrays that cannot be written to; anything else as it is."""
    if isinstance(value, np.ndarray):
        if value.base is not None or value.flags.writeable:
            value = value.copy()
            value.flags.writeable = False
        return value
    if isinstance(value, (dict, MappingProxyType)):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    if type(value) in (tuple, list):
        return type(value)(frozen(item) for item in value)
    return value
