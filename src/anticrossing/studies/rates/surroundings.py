"""The sub-tables of [rates]: the bath, a vibration, the crossing point of two surfaces."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from anticrossing._core.checks import (
    InputError,
    choice,
    describe,
    fail,
    known_keys,
    non_negative_number,
    positive,
    positive_number,
)
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Debye,
    Discrete,
    Ohmic,
    SpectralDensity,
)
from anticrossing.molecules.rates import harmonic_partition_ratio
from anticrossing.molecules.rates.intersystem_crossing import PASSAGES
from anticrossing.studies import tables
from anticrossing.studies.rates.system import CrossingPoint, Vibration
from anticrossing.studies.rates.units import RateUnits


class BathKind(NamedTuple):
    """A spectral density that a file can name, and its arguments."""

    make: type[SpectralDensity]
    arguments: tuple[str, ...]


BATHS = {
    "ohmic": BathKind(Ohmic, ("reorganization_energy", "cutoff")),
    "debye": BathKind(Debye, ("reorganization_energy", "relaxation_rate")),
    "brownian": BathKind(BrownianOscillator, ("reorganization_energy", "frequency", "damping")),
    "modes": BathKind(Discrete, ("frequencies", "huang_rhys")),
}
_CROSSING = (
    "slopes",
    "reduced_mass",
    "barrier",
    "passage",
    "partition_ratio",
    "reactant_frequencies",
    "crossing_frequencies",
    "classical",
)


def bath(value: Any) -> SpectralDensity:
    """Build a spectral density from a table, or the sum of those of a list of tables."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise fail("bath", "be a table or a list of tables", f"it is {describe(value)}")
    tables.check_length("bath", parts)
    with tables.inside("rates.bath"):
        return reduce(add, [_part(part) for part in parts])


def _part(given: Mapping[str, Any]) -> SpectralDensity:
    kind = BATHS[choice("kind", tables.required(given, "kind"), BATHS)]
    known_keys("[rates.bath]", given, ("kind", *kind.arguments))
    values = {}
    for key in kind.arguments:
        values[key] = tables.required(given, key)
        tables.check_numbers(key, values[key])
    return kind.make(**values)


def vibration(value: Any, *, with_thermal: bool) -> Vibration:
    """Read the table of a vibration; only `marcus_levich_jortner` asks whether it is thermal."""
    if not isinstance(value, dict):
        raise fail("vibration", "be a table", f"it is {describe(value)}")
    with tables.inside("rates.vibration"):
        known_keys("[rates.vibration]", value, ("frequency", "huang_rhys", "thermal"))
        if "thermal" in value and not with_thermal:
            raise InputError("The key `thermal` has no meaning without marcus_levich_jortner.")
        return Vibration(
            frequency=positive_number("frequency", _single(value, "frequency")),
            huang_rhys=non_negative_number("huang_rhys", _single(value, "huang_rhys")),
            thermal=_flag(value, "thermal"),
        )


def crossing(value: Any, units: RateUnits) -> CrossingPoint:
    """Read the table of a crossing point, and put its mass into natural units."""
    if not isinstance(value, dict):
        raise fail("crossing", "be a table", f"it is {describe(value)}")
    with tables.inside("rates.crossing"):
        known_keys("[rates.crossing]", value, _CROSSING)
        slopes = tables.required(value, "slopes")
        tables.check_numbers("slopes", slopes)
        if np.shape(slopes) != (2,):
            raise fail("slopes", "be a pair of slopes", f"it is {describe(slopes)}")
        passage = choice("passage", value.get("passage", PASSAGES[0]), PASSAGES)
        if slopes[0] == slopes[1]:
            raise fail("slopes", "differ, for the surfaces to cross", "they are equal")
        if passage == "weak coupling" and 0 in slopes:
            raise fail("slopes", "not vanish for weak coupling", "one of them is zero")
        mass = positive_number("reduced_mass", _single(value, "reduced_mass"))
        return CrossingPoint(
            slopes=(float(slopes[0]), float(slopes[1])),
            reduced_mass=units.natural_mass(mass),
            barrier=non_negative_number("barrier", _single(value, "barrier")),
            passage=passage,
            classical=_flag(value, "classical"),
            **_partition(value),
        )


def _partition(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the partition ratio, or the frequencies that give it."""
    lists = ("reactant_frequencies", "crossing_frequencies")
    if "partition_ratio" in given:
        for key in (*lists, "classical"):
            if key in given:
                raise fail(key, "be left out beside `partition_ratio`", "both are given")
        ratio = positive_number("partition_ratio", _single(given, "partition_ratio"))
        return {"partition_ratio": ratio, **dict.fromkeys(lists)}
    if not any(key in given for key in lists):
        raise InputError("The key `partition_ratio` is missing, or both lists of frequencies.")
    found = {}
    for key in lists:
        values = tables.required(given, key)
        tables.check_length(key, values)
        tables.check_numbers(key, values)
        found[key] = positive(key, values)
    # checks that there is one frequency fewer at the crossing
    reactant, at_crossing = (found[key] for key in lists)
    harmonic_partition_ratio(
        reactant_frequencies=reactant, crossing_frequencies=at_crossing, temperature=1.0
    )
    return {"partition_ratio": None, **found}


def _single(given: Mapping[str, Any], key: str) -> float:
    value = tables.required(given, key)
    tables.check_numbers(key, value)
    if isinstance(value, list):
        raise fail(key, "be a single number", f"it is the list {describe(value)}")
    return float(value)


def _flag(given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise fail(key, "be true or false", f"it is {describe(value)}")
    return value
