"""Thermal rates by one or several formulas of `anticrossing.molecules.rates`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, Self

import msgspec
import numpy as np

from anticrossing._core.checks import (
    ConvergenceError,
    InputError,
    choice,
    describe,
    fail,
    nearest,
    non_negative_number,
    positive,
    positive_number,
    real_number,
)
from anticrossing._core.unchanging import read_only
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Debye,
    Discrete,
    Ohmic,
    SpectralDensity,
)
from anticrossing.formulas import Prediction
from anticrossing.molecules.rates import harmonic_partition_ratio
from anticrossing.molecules.rates.transmission import AVERAGES
from anticrossing.studies import tables
from anticrossing.studies.outcome import Output, Progress, Scanned
from anticrossing.studies.outcomes.rates import RatesOutcome
from anticrossing.studies.points import scan
from anticrossing.studies.rates_system import FORMULAS, CrossingTable, System, VibrationTable
from anticrossing.studies.rates_units import RateUnits, UnitsTable, read_units
from anticrossing.studies.schema import Table as TableOfFile, arguments_of, decode
from anticrossing.studies.study import Heading, Study

_BATHS: dict[str, type[SpectralDensity]] = {
    "ohmic": Ohmic,
    "debye": Debye,
    "brownian": BrownianOscillator,
    "modes": Discrete,
}
_POSITIVE = ("temperature", "frequency", "bandwidth")
_NOT_NEGATIVE = ("reorganization_energy", "density_of_states", "energy")
_OF_CROSSING = ("intersystem_crossing_rate", "microcanonical_rate")
_OUTPUTS = {
    "rate": Output("thermal rate", ("formula",), default=True),
    "inside_domain": Output("every check of the domain holds", ("formula",)),
    "worst_check": Output("the worst condition, over what is allowed", ("formula",)),
}


class RatesTable(TableOfFile, frozen=True, kw_only=True):
    """The formulas, and what they describe; a formula takes what it needs.

    Attributes
    ----------
    formulas
        One name or several: fermi_golden_rule, marcus, …
    coupling : energy
        V, the diabatic coupling.
    reaction_free_energy : energy
        ΔG, negative downhill.
    temperature : temperature
        Of the bath.
    reorganization_energy : energy
        λ of a classical solvent.
    bath
        A quantum bath, or several: tables { kind, reorganization_energy, … }.
    vibration
        A vibration beside the bath: frequency, huang_rhys, thermal.
    frequency : energy
        ħω, typical of the bath.
    average
        How a passage is averaged; see landau_zener_rate.
    energy : energy
        Of an isolated molecule, above the zero-point level of the reactant.
    crossing
        The lowest crossing point of two surfaces: slopes, reduced_mass, barrier, …
    density_of_states : 1/energy
        Of the final states, for the golden rule.
    bandwidth : energy
        Of the final states, for the golden rule.
    """

    formulas: str | list[str]
    coupling: float | None = None
    reaction_free_energy: float | None = None
    temperature: float | None = None
    reorganization_energy: float | None = None
    bath: dict[str, Any] | list[dict[str, Any]] | None = None
    vibration: VibrationTable | None = None
    frequency: float | None = None
    average: str | None = None
    energy: float | None = None
    crossing: CrossingTable | None = None
    density_of_states: float | None = None
    bandwidth: float | None = None


class RatesFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of thermal rates."""

    rates: RatesTable
    units: UnitsTable = UnitsTable()


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class RatesStudy(Study):
    """A validated file with the table [rates].

    Attributes
    ----------
    formulas : tuple of str
        Names of `anticrossing.molecules.rates`.
    units : RateUnits
    system : System
        The point shown in detail.
    """

    formulas: tuple[str, ...]
    units: RateUnits
    system: System

    structure: ClassVar[type[TableOfFile]] = RatesFile
    varied: ClassVar[tuple[str, ...]] = ("rates",)
    example: ClassVar[Mapping[str, Any]] = {
        "rates": {
            "formulas": ["marcus", "landau_zener_rate"],
            "coupling": 0.02,
            "reaction_free_energy": -0.3,
            "temperature": 0.0257,
            "reorganization_energy": 1.0,
            "frequency": 0.01,
        }
    }

    @classmethod
    def read(cls, given: RatesFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check the system and its units."""
        with tables.inside("rates"):
            formulas = _formulas(given.rates.formulas)
        units = read_units(given.units, crossing=any(name in formulas for name in _OF_CROSSING))
        with tables.inside("rates"):
            system = _system(given.rates, formulas, units)
        return cls(
            **heading._asdict(), tables=entries, formulas=formulas, units=units, system=system
        )

    @property
    def setup(self) -> dict[str, str]:
        """States, environment and units, one line each."""
        system, used = self.system, used_keys(self.formulas)
        energy = f" {self.units.base.energy}" if self.units.base.energy else ""
        states = [f"coupling {system.coupling:g}{energy}"]
        if "reaction_free_energy" in used:
            states.append(f"ΔG = {system.reaction_free_energy:g}{energy}")
        if "energy" in used:
            states.append(f"E = {system.energy:g}{energy}")
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

    # ---- points -------------------------------------------------------------------------------

    @property
    def outputs(self) -> dict[str, Output]:
        """The rates by formula, and their domains."""
        return _OUTPUTS

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """The formulas."""
        return {"formula": self.formulas}

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Evaluate every formula; one that gives no rate does not stop the others."""
        found, failures = _evaluate(self.formulas, self.system)
        if not found:
            raise ConvergenceError(next(iter(failures.values())))
        factor = self.units.base.angular
        nothing = float("nan")
        worst = {
            name: max((c.worst / c.limit for c in one.checks), default=nothing)
            for name, one in found.items()
        }
        known = {
            "rate": [factor * float(found[n]) if n in found else np.nan for n in self.formulas],
            "inside_domain": [
                float(found[n].valid) if n in found else np.nan for n in self.formulas
            ],
            "worst_check": [worst.get(n, nothing) for n in self.formulas],
        }
        return {name: np.array(known[name], dtype=np.float64) for name in outputs}

    def check_varied(self, parameter: str) -> None:
        """Raise unless a parameter is one that all formulas take."""
        where, _, key = parameter.partition(".")
        known = [k for k in RatesTable.__struct_fields__ if self._all_scan(k)]
        if where != "rates" or key not in known:
            names = [f"rates.{name}" for name in known]
            one = "one of " if len(names) > 1 else ""
            must = f"be {one}{', '.join(names)} with these formulas"
            but = f"it is {describe(parameter)}{nearest(parameter, names)}"
            raise fail("parameter", must, but)

    def _all_scan(self, key: str) -> bool:
        return all(key in FORMULAS[name].scanned for name in self.formulas)

    def check_points(self) -> None:
        """Raise for a point of the scan that cannot be used, or a unit that is not the file's."""
        assert self.plan is not None
        axis = self.plan.axes[0]
        if axis.unit not in ("", unit := self.units.of(axis.name)):
            must = f"be left out or {unit!r}, as in [units]"
            with tables.inside("scan"):
                raise fail("unit", must, f"it is {axis.unit!r}")
        super().check_points()

    # ---- the result ---------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> RatesOutcome:
        """Evaluate the formulas at the point shown, and along the scan."""
        predictions, failures = _evaluate(self.formulas, self.system)
        scanned = scan(self, tuple(_OUTPUTS), progress)
        if not predictions and scanned is None:
            raise ConvergenceError(next(iter(failures.values())))
        return RatesOutcome(self, predictions, failures, scanned, self._missing(failures, scanned))

    def _missing(self, failures: dict[str, str], scanned: Scanned | None) -> dict[str, str]:
        """Return why formulas gave no rate, at the point shown or first along the scan."""
        found = dict(failures)
        for name, rates in zip(
            self.formulas, () if scanned is None else scanned["rate"].T, strict=False
        ):
            where = np.flatnonzero(np.isnan(rates))
            if scanned is not None and where.size and name not in found:
                value = float(scanned.axis.values[where[0]])
                point = self.at_point(self.tables, {scanned.axis.parameter: value})
                found |= _evaluate((name,), point.system)[1]
        return found


KIND = RatesStudy


# ---- reading ----------------------------------------------------------------------------------


def used_keys(formulas: tuple[str, ...]) -> set[str]:
    """Return the keys of [rates] that at least one of the formulas reads."""
    asked = [FORMULAS[name] for name in formulas]
    return {key for formula in asked for key in (*formula.required, *formula.optional)}


def _formulas(asked: str | list[str]) -> tuple[str, ...]:
    names = [asked] if isinstance(asked, str) else asked
    found = tuple(choice("formulas", name, FORMULAS) for name in names)
    if not found or len(set(found)) < len(found):
        raise fail("formulas", "name each formula once", f"it is {describe(asked)}")
    return found


def _system(given: RatesTable, formulas: tuple[str, ...], units: RateUnits) -> System:
    """Build the system from the table [rates], with every number checked."""
    used = used_keys(formulas)
    present = {k: v for k in given.__struct_fields__ if (v := getattr(given, k)) is not None}
    for key in present:
        if key not in used and key != "formulas":
            raise InputError(f"The key `{key}` has no meaning for {', '.join(formulas)}.")
    for name in formulas:
        for key in FORMULAS[name].required:
            if key not in present:
                raise InputError(f"The key `{key}` is missing: {name} needs it.")
    for key, value in present.items():
        if key in _POSITIVE:
            positive_number(key, value)
        elif key in _NOT_NEGATIVE:
            non_negative_number(key, value)
    thermal = "marcus_levich_jortner" in formulas
    isolated = "microcanonical_rate" in formulas
    system = System(
        coupling=float(present["coupling"]),
        reaction_free_energy=present.get("reaction_free_energy", 0.0),
        temperature=units.thermal_energy(present.get("temperature", 0.0)),
        reorganization_energy=present.get("reorganization_energy", 0.0),
        bath=None if given.bath is None else _bath(given.bath),
        vibration=None if given.vibration is None else _vibration(given.vibration, thermal),
        frequency=given.frequency,
        average=choice("average", present.get("average", "thermal"), AVERAGES),
        energy=present.get("energy", 0.0),
        density_of_states=given.density_of_states,
        bandwidth=given.bandwidth,
        crossing=None if given.crossing is None else _crossing(given.crossing, units, isolated),
    )
    _check_environment(system, formulas)
    return system


def _bath(given: dict[str, Any] | list[dict[str, Any]]) -> SpectralDensity:
    """Build a spectral density from a table, or the sum of several."""
    parts = given if isinstance(given, list) else [given]
    if not parts:
        raise fail("bath", "be a table or a list of tables", "it is empty")
    return reduce(add, map(_part, parts))


def _part(given: Mapping[str, Any]) -> SpectralDensity:
    with tables.inside("rates.bath"):
        kind = choice("kind", tables.required(given, "kind"), _BATHS)
        decode(given, arguments_of(kind, _BATHS[kind], tag="kind"), "rates.bath")
        return _BATHS[kind](**{key: value for key, value in given.items() if key != "kind"})


def _vibration(given: VibrationTable, with_thermal: bool) -> VibrationTable:
    with tables.inside("rates.vibration"):
        if given.thermal is not None and not with_thermal:
            raise InputError("The key `thermal` has no meaning without marcus_levich_jortner.")
        positive_number("frequency", given.frequency)
        non_negative_number("huang_rhys", given.huang_rhys)
        return given


def _crossing(given: CrossingTable, units: RateUnits, isolated: bool) -> CrossingTable:
    """Check a crossing point, and put its mass into natural units."""
    with tables.inside("rates.crossing"):
        if given.slopes[0] == given.slopes[1]:
            raise fail("slopes", "differ, for the surfaces to cross", "they are equal")
        if given.passage != "landau-zener" and 0 in given.slopes:
            raise fail("slopes", f"not vanish for {given.passage!r}", "one of them is zero")
        non_negative_number("barrier", given.barrier)
        _check_partition(given, isolated)
        if (product := given.product_energy) is not None:
            if given.passage == "landau-zener":
                raise fail("product_energy", "be left out where nothing tunnels", "it is given")
            zero_point = [
                sum(given.crossing_frequencies or ()),
                -sum(given.reactant_frequencies or ()),
            ]
            height = given.barrier + (sum(zero_point) / 2 if isolated else 0.0)
            if not real_number("product_energy", product) <= height:
                raise fail(
                    "product_energy", f"be at most the crossing's {height:g}", f"it is {product:g}"
                )
        mass = units.natural_mass(positive_number("reduced_mass", given.reduced_mass))
        return msgspec.structs.replace(given, reduced_mass=mass)


def _check_partition(given: CrossingTable, isolated: bool) -> None:
    """Check the partition ratio, or what gives it; an isolated molecule has to turn."""
    lists = ("reactant_frequencies", "crossing_frequencies")
    turning = ("reactant_rotation", "crossing_rotation")
    for key in turning:
        if (value := getattr(given, key)) is not None:
            positive(key, value)
        elif isolated or any(getattr(given, other) is not None for other in turning):
            raise tables.missing(key)
    present = {
        key: value for key in (*lists, *turning) if (value := getattr(given, key)) is not None
    }
    if isolated and given.partition_ratio is not None:
        raise fail("partition_ratio", "be left out for microcanonical_rate", "it is given")
    if given.partition_ratio is not None:
        positive_number("partition_ratio", given.partition_ratio)
        for key in (*present, *(() if given.classical is None else ("classical",))):
            raise fail(key, "be left out beside `partition_ratio`", "both are given")
        return
    if not present:
        raise InputError("The key `partition_ratio` is missing, or both lists of frequencies.")
    for key in lists:
        if key not in present:
            raise tables.missing(key)
        positive(key, present[key])
    # checks that there is one frequency fewer at the crossing, warm enough for any
    heat = float(np.sum(present["reactant_frequencies"]))
    harmonic_partition_ratio(**{key: present[key] for key in lists}, temperature=heat)
    height = given.barrier + (float(np.sum(present["crossing_frequencies"])) - heat) / 2
    if isolated and height < 0:
        must = "lie above the reactant, zero-point energies included"
        raise fail("barrier", must, f"it lies {-height:g} below")


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


def _evaluate(
    formulas: tuple[str, ...], system: System
) -> tuple[dict[str, Prediction], dict[str, str]]:
    predictions, failures = {}, {}
    for name in formulas:
        try:
            predictions[name] = FORMULAS[name].evaluate(system)
        except ConvergenceError as error:
            failures[name] = str(error)
    return predictions, failures
