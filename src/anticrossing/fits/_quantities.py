"""Numbers with units as people write them: ``4 MHz``, ``20 µs``, a column ``offset_GHz``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from anticrossing._core.checks import describe, fail
from anticrossing.units import ENERGIES, TIMES

_HBAR = ENERGIES["GHz"] / (2e9 * np.pi)
_TIME = 1e-9
_ENERGY = {name: joule * _TIME / _HBAR for name, joule in ENERGIES.items()}
_TIMES = {name: second / _TIME for name, second in TIMES.items()}
_ENERGY |= {f"rad/{name}": 1 / own for name, own in _TIMES.items()}
_MICRO = str.maketrans({"µ": "u", "μ": "u"})
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*")

KINDS = {
    "gap": "energy",
    "t1": "time",
    "t2": "time",
    "duration": "time",
    "offset": "energy",
    "offset_shift": "energy",
    "offset_noise": "energy",
    "turning": "energy",
    "frequency": "energy",
    "temperature": "energy",
    "window": "energy",
    "sweep_rate": "rate",
    "amplitude": "setting",
    "amplitude_scale": "scale",
}
"""What the numbers of a fit are; the amplitude may be a setting, such as a voltage."""

_EXAMPLES = {
    "energy": "'4 MHz'",
    "time": "'20 us'",
    "rate": "'0.5 GHz/ns'",
    "scale": "'0.1 GHz/mV'",
}


def split_name(name: str) -> tuple[str, str]:
    """Return a column's name and unit: ``offset_GHz``, ``offset (GHz)`` or ``offset [GHz]``."""
    found = re.fullmatch(r"(.*?)\s*[(\[]\s*(.+?)\s*[)\]]", name)
    if found:
        return found[1], found[2]
    stem, _, unit = name.rpartition("_")
    return (stem, unit) if is_unit(stem, unit) else (name, "")


def is_unit(name: str, unit: str) -> bool:
    """Whether a number of that name may have that unit; a setting may have any."""
    kind = KINDS.get(name)
    return bool(unit) and kind is not None and (kind == "setting" or factor(kind, unit) is not None)


def quantity(name: str, value: Any) -> tuple[Any, str]:
    """Return number and unit of an argument; a pair has the unit of its parts."""
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value)
        if not found:
            raise fail(name, "be a number, perhaps with a unit", f"it is {describe(value)}")
        return float(found[1]), found[2] or ""
    if isinstance(value, (list, tuple)) and any(isinstance(part, str) for part in value):
        parts = [quantity(name, part) for part in value]
        if len({unit for _, unit in parts}) > 1:
            raise fail(name, "have one unit", f"it is {describe(value)}")
        return [number for number, _ in parts], parts[0][1]
    return value, ""


def plain(unit: str) -> str:
    """Return a unit with µ, of which there are two, written as u."""
    return unit.translate(_MICRO)


def factor(kind: str, unit: str) -> float | None:
    """Return what a unit is in rad/ns and ns; None if it is no unit of that kind."""
    unit = plain(unit)
    if kind in ("energy", "scale"):
        return _ENERGY.get(unit)
    if kind == "time":
        return _TIMES.get(unit)
    if kind == "rate":
        energy, _, time = unit.rpartition("/")
        found, lasting = _ENERGY.get(energy), _TIMES.get(time)
        return None if found is None or lasting is None else found / lasting
    return None


def needed(name: str, kind: str, unit: str, what: str) -> float:
    """Return what a unit is in rad/ns and ns, or raise `InputError` where it is none."""
    found = factor(kind, unit)
    if found is not None:
        return found
    example = _EXAMPLES[kind]
    if not unit:
        raise fail(
            name, f"have a unit, such as {example}, where other numbers have", f"{what} has none"
        )
    known = ", ".join(TIMES if kind == "time" else ENERGIES)
    raise fail(
        name,
        f"have a unit of {'time' if kind == 'time' else 'energy'}"
        f"{' per time' if kind == 'rate' else ''} ({known})",
        f"{what} has {unit!r}",
    )


def labelled(name: str, units: Mapping[str, str]) -> str:
    """Return a name with its unit in brackets, as axes have it."""
    return f"{name} ({units[name]})" if units.get(name) else name
