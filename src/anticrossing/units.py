"""Units at the boundary: what one unit of energy and of time mean together.

Inside the library ħ = 1, so the only thing dynamics needs to know about units is the phase, in
radians, that one unit of energy accumulates in one unit of time. A `Units` object carries that one
number and the labels that go on axes and tables; a Hamiltonian holds it, and it is applied in one
place only, where energies meet times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    non_negative,
    positive,
    real_number,
)
from anticrossing._core.foreign import has_unit, held
from anticrossing._core.public import guard

# CODATA 2018 (exact SI values where the SI defines them).
_PLANCK = 6.62607015e-34
_HBAR = _PLANCK / (2 * math.pi)
_ELECTRONVOLT = 1.602176634e-19
_SPEED_OF_LIGHT = 299792458.0
_BOLTZMANN = 1.380649e-23
_HARTREE = 4.3597447222071e-18
_BOHR = 5.29177210903e-11
_DALTON = 1.66053906660e-27
_BOHR_MAGNETON = 9.2740100783e-24
_ELECTRON_MASS = 9.1093837015e-31

ENERGIES = {
    "GHz": _PLANCK * 1e9,
    "MHz": _PLANCK * 1e6,
    "kHz": _PLANCK * 1e3,
    "Hz": _PLANCK,
    "eV": _ELECTRONVOLT,
    "meV": _ELECTRONVOLT * 1e-3,
    "ueV": _ELECTRONVOLT * 1e-6,
    "cm^-1": _PLANCK * _SPEED_OF_LIGHT * 100,
    "hartree": _HARTREE,
    "K": _BOLTZMANN,
    "mK": _BOLTZMANN * 1e-3,
    "J": 1.0,
}
"""Energy units in joule; a frequency unit means h times that frequency (E/h in GHz)."""

TIMES = {
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "ps": 1e-12,
    "fs": 1e-15,
    "atomic": _HBAR / _HARTREE,
}
"""Time units in seconds."""

MAGNETON = {name: _BOHR_MAGNETON / joule for name, joule in ENERGIES.items()}
"""The Bohr magneton in every energy unit per tesla."""

LENGTHS = {"m": 1.0, "um": 1e-6, "nm": 1e-9, "angstrom": 1e-10, "bohr": _BOHR, "pm": 1e-12}
"""Length units in metre."""

MASSES = {"kg": 1.0, "amu": _DALTON, "electron": _ELECTRON_MASS}
"""Mass units in kilogram."""


@dataclass(frozen=True)
class Units:
    """The units of a Hamiltonian's energies, of time, and of its coordinate.

    The phase accumulated is ``angular · E · t`` with ``angular = E_unit · t_unit / ħ``.

    Parameters
    ----------
    energy, time : str
        Keys of `ENERGIES` and `TIMES`, or both ``""`` for natural units (ħ = 1).
    coordinate : str
        A label for the coordinate, e.g. ``"angstrom"``; it carries no factor.

    Raises
    ------
    InputError
        For an unknown unit, or one of energy and time without the other.

    Examples
    --------
    >>> round(Units("GHz", "ns").angular, 6)    # E/h in GHz, t in ns: 2π
    6.283185
    >>> Units().angular
    1.0
    >>> Units("hartree", "atomic").shown_time, Units("eV", "fs").time_text(12.5)
    ('ħ/hartree', '12.5 fs')
    """

    energy: str = ""
    time: str = ""
    coordinate: str = ""

    def __post_init__(self) -> None:
        for name in ("energy", "time", "coordinate"):
            if not isinstance(getattr(self, name), str):
                raise fail(f"units.{name}", "be text", f"it is {describe(getattr(self, name))}")
        if bool(self.energy) != bool(self.time):
            raise fail(
                "units",
                "name both an energy and a time unit",
                f"it names only {self.energy or self.time!r}",
            )
        if self.energy:
            choice("units.energy", self.energy, ENERGIES)
            choice("units.time", self.time, TIMES)

    @property
    def angular(self) -> float:
        """Radians accumulated by one unit of energy in one unit of time."""
        if not self.energy or (self.energy, self.time) == ("hartree", "atomic"):
            return 1.0  # without the rounding of the quotient
        return ENERGIES[self.energy] * TIMES[self.time] / _HBAR

    @property
    def shown_time(self) -> str:
        """The unit of time by the name worth showing: ``"ħ/hartree"`` for ``"atomic"``."""
        return f"ħ/{self.energy}" if self.energy and self.angular == 1.0 else self.time

    def time_text(self, time: float) -> str:
        """Return a time as text with its unit."""
        return f"{time:.6g} {self.shown_time}".rstrip()

    def number(self, quantity: Any) -> Any:
        """Return a quantity of pint or Astropy as the number it is in these units.

        Energies, temperatures (k_B T), frequencies in hertz (h ν) and wavenumbers (h c k) become
        energies; times times; what is per second, but not in hertz, a rate per time; energies or
        hertz per second energies per time. Numbers without a unit stay what they are.

        Raises
        ------
        InputError
            For another dimension, or if these units are natural ones.

        Examples
        --------
        >>> Units("GHz", "ns").number(5.0)
        5.0
        """
        if not has_unit(quantity):
            return quantity
        quantity = held(quantity)
        if getattr(quantity, "dimensionless", False):
            return np.asarray(quantity.to("").magnitude)
        if not self.energy:
            raise fail("quantity", "meet units with a name", "these are natural ones")
        energy, time = ENERGIES[self.energy], TIMES[self.time]
        named = str(getattr(quantity, "units", "")) + str(getattr(quantity, "unit", ""))
        factors = {
            "J": 1 / energy,
            "J/s": time / energy,
            "K": _BOLTZMANN / energy,
            "1/m": _PLANCK * _SPEED_OF_LIGHT / energy,
            "s": 1 / time,
            "1/s": time,
        }
        if "hertz" in named or "Hz" in named:
            factors = {"Hz": _PLANCK / energy, "Hz/s": _PLANCK * time / energy}
        for unit, factor in factors.items():
            try:
                found = quantity.to(unit)
            except Exception:  # noqa: BLE001 - another dimension, told in each its own way
                continue
            value = found.magnitude if hasattr(found, "magnitude") else found.value
            return float(value * factor) if np.ndim(value) == 0 else np.asarray(value) * factor
        raise fail("quantity", "be an energy, a time, or one per the other", f"it is {quantity}")

    def label(self, quantity: str, kind: str) -> str:
        """Return an axis label such as ``"energy / GHz"`` (`kind`: a field of this class)."""
        unit = getattr(self, kind)
        return f"{quantity} ({unit})" if unit else quantity


NATURAL = Units()
"""ħ = 1: energies and inverse times in the same unit."""


def in_time(units: Units) -> Units:
    """Return the units of what has time for its coordinate."""
    return Units(units.energy, units.time, units.shown_time)


def convert_energy(value: float, source: str, target: str) -> float:
    """Convert an energy between two units of `ENERGIES`.

    Examples
    --------
    >>> round(convert_energy(1.0, "eV", "cm^-1"), 3)
    8065.544
    """
    choice("source", source, ENERGIES)
    choice("target", target, ENERGIES)
    return real_number("value", value) * ENERGIES[source] / ENERGIES[target]


def velocity(
    kinetic_energy: float | FloatArray,
    mass: float,
    *,
    energy: str = "eV",
    mass_unit: str = "amu",
    length: str = "angstrom",
    time: str = "fs",
) -> FloatArray:
    """Return the classical velocity v = √(2E/m) in `length` per `time`.

    Parameters
    ----------
    kinetic_energy : float or array
        Kinetic energy E at the point of interest, in `energy` units (≥ 0).
    mass : float
        (Reduced) mass m in `mass_unit` (> 0).
    energy, mass_unit, length, time : str
        Keys of `ENERGIES`, `MASSES`, `LENGTHS`, `TIMES`.

    Examples
    --------
    >>> round(float(velocity(1.0, 19.46)), 5)    # Na–I at 1 eV, in Å/fs
    0.03149
    """
    choice("energy", energy, ENERGIES)
    choice("mass_unit", mass_unit, MASSES)
    choice("length", length, LENGTHS)
    choice("time", time, TIMES)
    energies, masses = non_negative("kinetic_energy", kinetic_energy), positive("mass", mass)
    unit = (2 * ENERGIES[energy] / MASSES[mass_unit]) ** 0.5 * TIMES[time] / LENGTHS[length]
    with np.errstate(all="ignore"):  # roots first: no mass is too small
        found: FloatArray = energies**0.5 / masses**0.5 * unit
    if not np.all(np.isfinite(found)):
        raise fail("mass", "leave a finite velocity", f"it is {describe(mass)}")
    return found


guard(__name__)
