"""The tables [rates], [units] and [scan] of thermal rates, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    InputError,
    choice,
    describe,
    fail,
    known_keys,
    nearest,
    non_negative,
    positive,
    real_number,
)
from anticrossing._core.unchanging import read_only
from anticrossing.molecules.rates.transmission import AVERAGES
from anticrossing.studies import tables
from anticrossing.studies.outcome import Study
from anticrossing.studies.rates.surroundings import bath, crossing, vibration
from anticrossing.studies.rates.system import FORMULAS, System
from anticrossing.studies.rates.units import RateUnits, read_units
from anticrossing.studies.scan import ScanValues, read_scan

_ORDER = (
    "coupling",
    "reaction_free_energy",
    "temperature",
    "reorganization_energy",
    "bath",
    "vibration",
    "frequency",
    "average",
    "crossing",
    "density_of_states",
    "bandwidth",
)
_POSITIVE = ("temperature", "frequency", "bandwidth")
_NOT_NEGATIVE = ("reorganization_energy", "density_of_states")


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class RatesStudy(Study):
    """A validated file with the table [rates].

    Attributes
    ----------
    formulas : tuple of str
        Names of `anticrossing.formulas`.
    units : RateUnits
    system : System
        The point shown in detail.
    scan : ScanValues or None
    entries : mapping
        The table [rates].
    """

    formulas: tuple[str, ...]
    units: RateUnits
    system: System
    scan: ScanValues | None
    entries: Mapping[str, Any]

    @property
    def setup(self) -> dict[str, str]:
        """States, environment and units, one line each."""
        system, used = self.system, used_keys(self.formulas)
        energy = f" {self.units.base.energy}" if self.units.base.energy else ""
        states = [f"coupling {system.coupling:g}{energy}"]
        if "reaction_free_energy" in used:
            states.append(f"ΔG = {system.reaction_free_energy:g}{energy}")
        if "temperature" in used:
            given = system.temperature / self.units.thermal_energy(1.0)
            states.append(f"T = {given:g} {self.units.of('temperature')}".rstrip())
        found = {"states": ", ".join(states)}
        parts = []
        if system.reorganization_energy:
            parts.append(f"classical solvent, λ = {system.reorganization_energy:g}{energy}")
        if system.bath is not None:
            parts.append(repr(system.bath))
        if system.vibration is not None:
            quantum = system.vibration
            parts.append(f"vibration of {quantum.frequency:g}{energy}, S = {quantum.huang_rhys:g}")
        if len(parts) > 1:
            parts.append(f"together λ = {system.total_reorganization_energy:g}{energy}")
        if parts:
            found["environment"] = "; ".join(parts)
        if system.crossing is not None:
            point = system.crossing
            found["crossing point"] = (
                f"barrier {point.barrier:g}{energy}, slopes {point.slopes[0]:g} and "
                f"{point.slopes[1]:g}, passage {point.passage}"
            )
        return {**found, "units": str(self.units)}

    @property
    def steps(self) -> int:
        """The number of points of the scan, 0 without one."""
        return 0 if self.scan is None else self.scan.values.size

    def point(self, value: float) -> System:
        """Return the system at one value of the scanned parameter, in the units of the file."""
        if self.scan is None:
            raise InputError("This experiment has no [scan].")
        return _system(
            {**tables.thawed(self.entries), self.scan.name: float(value)},
            self.formulas,
            self.units,
        )


def used_keys(formulas: tuple[str, ...]) -> set[str]:
    """Return the keys of [rates] that at least one of the formulas reads."""
    asked = [FORMULAS[name] for name in formulas]
    return {key for formula in asked for key in (*formula.required, *formula.optional)}


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> RatesStudy:
    """Validate the tables of thermal rates."""
    given = tables.table(entries, "rates", required=True)
    with tables.inside("rates"):
        formulas = _formulas(given)
    units = read_units(entries, crossing="intersystem_crossing_rate" in formulas)
    scan = None
    if "scan" in entries:
        with tables.inside("scan"):
            scan = read_scan(tables.table(entries, "scan"))
            _check_parameter(scan, formulas)
            if scan.unit not in ("", unit := units.of(scan.name)):
                raise fail(
                    "unit", f"be left out or {unit!r}, as in [units]", f"it is {scan.unit!r}"
                )
    base = given
    if scan is not None and scan.name not in given:
        base = {**given, scan.name: float(scan.values[scan.values.size // 2])}
    with tables.inside("rates"):
        system = _system(base, formulas, units)
    study = RatesStudy(
        **{key: heading[key] for key in ("name", "title", "source", "description", "text")},
        formulas=formulas,
        units=units,
        system=system,
        scan=scan,
        entries=given,
    )
    if scan is not None:
        for value in scan.values:
            with tables.inside("scan"):
                try:
                    study.point(float(value))
                except InputError as error:
                    raise InputError(f"At {scan.name} = {value:.6g}: {error}") from None
    return study


def _formulas(given: Mapping[str, Any]) -> tuple[str, ...]:
    asked = tables.required(given, "formulas")
    names = [asked] if isinstance(asked, str) else asked
    if not isinstance(names, list) or not names:
        raise fail("formulas", "be a name or a list of names", f"it is {describe(asked)}")
    found = tuple(choice("formulas", name, FORMULAS) for name in names)
    if len(set(found)) < len(found):
        raise fail("formulas", "name each formula once", f"it is {describe(asked)}")
    return found


def _check_parameter(scan: ScanValues, formulas: tuple[str, ...]) -> None:
    where, _, key = scan.parameter.partition(".")
    known = [key for key in _ORDER if all(key in FORMULAS[name].scanned for name in formulas)]
    if where != "rates" or key not in known:
        names = [f"rates.{name}" for name in known]
        one = "one of " if len(names) > 1 else ""
        raise fail(
            "parameter",
            f"be {one}{', '.join(names)} with these formulas",
            f"it is {describe(scan.parameter)}{nearest(scan.parameter, names)}",
        )


def _system(given: Mapping[str, Any], formulas: tuple[str, ...], units: RateUnits) -> System:
    """Build the system from the table [rates], with every number checked."""
    known_keys("[rates]", given, ("formulas", *_ORDER))
    used = used_keys(formulas)
    for key in given:
        if key not in used and key != "formulas":
            raise InputError(f"The key `{key}` has no meaning for {', '.join(formulas)}.")
    for name in formulas:
        for key in FORMULAS[name].required:
            if key not in given:
                raise InputError(f"The key `{key}` is missing: {name} needs it.")
    numbers = {
        key: _number(key, given[key])
        for key in given
        if key not in ("formulas", "bath", "vibration", "average", "crossing")
    }
    system = System(
        coupling=numbers["coupling"],
        reaction_free_energy=numbers.get("reaction_free_energy", 0.0),
        temperature=units.thermal_energy(numbers.get("temperature", 0.0)),
        reorganization_energy=numbers.get("reorganization_energy", 0.0),
        bath=bath(given["bath"]) if "bath" in given else None,
        vibration=vibration(given["vibration"], with_thermal="marcus_levich_jortner" in formulas)
        if "vibration" in given
        else None,
        frequency=numbers.get("frequency"),
        average=choice("average", given.get("average", "thermal"), AVERAGES),
        density_of_states=numbers.get("density_of_states"),
        bandwidth=numbers.get("bandwidth"),
        crossing=crossing(given["crossing"], units) if "crossing" in given else None,
    )
    _check_environment(system, formulas)
    return system


def _number(key: str, value: Any) -> float:
    tables.check_numbers(key, value)
    number = real_number(key, value)
    if key in _POSITIVE:
        positive(key, number)
    elif key in _NOT_NEGATIVE:
        non_negative(key, number)
    return number


def _check_environment(system: System, formulas: tuple[str, ...]) -> None:
    """Refuse an environment that a formula cannot take, or that leaves it nothing to describe."""
    if "landau_zener_rate" in formulas and system.vibration is not None:
        raise InputError(
            "landau_zener_rate knows a classical bath only: leave `vibration` out, or that formula."
        )
    if system.vibration is not None and system.frequency is not None:
        raise fail("frequency", "be left out beside `vibration`, which has its own", "it is given")
    for name in formulas:
        if name in ("marcus", "landau_zener_rate") and system.total_reorganization_energy == 0:
            raise InputError(f"{name} needs `reorganization_energy`, `bath` or `vibration`.")
        if name == "marcus_levich_jortner" and system.classical_reorganization_energy == 0:
            raise InputError(f"{name} needs `reorganization_energy` or `bath` beside `vibration`.")
        if name == "spin_boson_golden_rule":
            if system.spectral_density is None:
                raise InputError(f"{name} needs `bath` or `vibration`.")
            if system.bath is None and system.reorganization_energy == 0:
                raise InputError(
                    f"{name} needs `reorganization_energy` or `bath` beside `vibration`: single "
                    "modes give lines, not a rate."
                )
    if not np.isfinite(system.total_reorganization_energy):
        raise fail("reorganization_energy", "be finite", "the environment makes it overflow")
