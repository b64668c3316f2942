"""The table [units] of thermal rates: energies, times, temperatures, and those of a crossing."""

from __future__ import annotations

from dataclasses import dataclass

from anticrossing._core.checks import InputError, choice
from anticrossing.studies import tables
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.units import ENERGIES, LENGTHS, MASSES, NATURAL, Units, convert_energy


class UnitsTable(TableOfFile, frozen=True, kw_only=True):
    """Units of the numbers; natural ones without it. Length and mass are those of a crossing.

    Attributes
    ----------
    energy
        As of other files; with `time` or not at all.
    time
        Rates are in its inverse.
    temperature
        K, where it is not the unit of energy.
    length
        Of a crossing.
    mass
        Of a crossing.
    """

    energy: str = ""
    time: str = ""
    temperature: str = ""
    length: str = ""
    mass: str = ""


@dataclass(frozen=True)
class RateUnits:
    """What the numbers of a file with rates are in.

    Attributes
    ----------
    base : Units
        Of energies and times; rates are in the inverse of its time.
    temperature : str
        Unit of temperatures, a key of `ENERGIES`; "" where it is the unit of energy.
    length, mass : str
        Of a crossing point; "" where ħ = 1 and the unit of energy decide.
    """

    base: Units = NATURAL
    temperature: str = ""
    length: str = ""
    mass: str = ""

    @property
    def rate(self) -> str:
        """The unit of rates, for labels; "" in natural units."""
        return f"1/{self.base.time}" if self.base.time else ""

    def of(self, key: str) -> str:
        """Return the unit of a key of [rates], for labels."""
        if key == "temperature":
            return self.temperature or self.base.energy
        energy = self.base.energy
        return f"1/{energy}" if energy and key == "density_of_states" else energy

    def thermal_energy(self, temperature: float) -> float:
        """Return a temperature of the file as an energy, in the unit of energy."""
        if not self.temperature:
            return temperature
        return convert_energy(temperature, self.temperature, self.base.energy)

    def natural_mass(self, mass: float) -> float:
        """Return a mass in ħ² over the unit of energy and the unit of length squared."""
        if not self.mass:
            return mass
        per_second = Units(self.base.energy, "s").angular  # E/ħ
        size = MASSES[self.mass] * LENGTHS[self.length] ** 2
        return mass * size * per_second**2 / ENERGIES[self.base.energy]

    def __str__(self) -> str:
        if not self.base.energy:
            return "natural, ħ = k_B = 1: rates in units of energy"
        energy, time = self.base.energy, self.base.time
        text = f"energies in {energy}, temperature in {self.of('temperature')}, rates in 1/{time}"
        return text + (f", length in {self.length}, mass in {self.mass}" if self.mass else "")


def read_units(given: UnitsTable, *, crossing: bool) -> RateUnits:
    """Check the units of a file."""
    with tables.inside("units"):
        if given == UnitsTable():
            return RateUnits()
        for key in ("energy", "time", *(("length", "mass") if crossing else ())):
            if not getattr(given, key):
                raise tables.missing(key)
        for key, known in (("temperature", ENERGIES), ("length", LENGTHS), ("mass", MASSES)):
            value = getattr(given, key)
            if value and not crossing and key != "temperature":
                raise InputError(f"The key `{key}` has no meaning without [rates.crossing].")
            if value:
                choice(key, value, known)
        base = Units(given.energy, given.time)
        return RateUnits(base, given.temperature, given.length, given.mass)
