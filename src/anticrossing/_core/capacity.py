"""How much memory the machine has, and the refusal of what does not fit."""

from __future__ import annotations

import os

from anticrossing._core.checks import fail

_PART = 0.75
_GIB = 2.0**30


def total() -> float:
    """Return the bytes of memory that the machine has."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def check(name: str, needed: float, what: str, advice: str) -> None:
    """Raise `InputError` with the numbers if an argument makes something need too much."""
    there = total()
    if needed > _PART * there:
        raise fail(
            name,
            f"fit into three quarters of the {there / _GIB:.3g} GiB of memory",
            f"{what} would take about {needed / _GIB:.3g} GiB{f': {advice}' if advice else ''}",
        )
