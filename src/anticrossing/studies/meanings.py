"""What keys of a file mean, from the docstrings of structures and of functions."""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

from anticrossing.models import MODELS
from anticrossing.studies import levels

_SECTION = re.compile(
    r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=\n\n\w[^\n]*\n-+\n|\Z)", re.DOTALL | re.MULTILINE
)
_ENTRY = re.compile(r"^(\w[\w, ]*?)(?: : ([^\n]*))?\n((?:(?: [^\n]*)?\n?)*)", re.MULTILINE)


class Meaning(NamedTuple):
    """What a key means, in words, and its unit, perhaps none."""

    text: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text.rstrip('.')} ({self.unit})." if self.unit else self.text


def summary(thing: Any) -> str:
    """Return the first line of a docstring, empty where there is none."""
    own = getattr(_function(thing) or thing, "__doc__", None) or ""
    return own.strip().partition("\n")[0]


def meanings(structure: type[Any]) -> dict[str, Meaning]:
    """Return the meaning of every key of a table, by name."""
    found: dict[str, Meaning] = {}
    for owner in (*reversed(structure.__mro__), _function(structure)):
        found.update(entries(getattr(owner, "__doc__", None) or "", units=owner is structure))
    return found


def _function(thing: Any) -> Any:
    """Return the function whose arguments a table holds, if it is made of one."""
    return {**MODELS, **levels.DRIVES}.get(thing.__name__)


def entries(docstring: str, *, units: bool) -> dict[str, Meaning]:
    """Return what a docstring says of parameters or attributes.

    Structures name units where functions, whose arguments have types, name these.
    """
    section = _SECTION.search(inspect.cleandoc(docstring))
    found: dict[str, Meaning] = {}
    for names, unit, text in _ENTRY.findall(section[1] + "\n" if section else ""):
        said = " ".join(text.replace("``", "`").split())
        for key in names.split(", "):
            found[key] = Meaning(said, unit.strip() if units else "")
    return found
