"""What studies with moving nuclei share: H(x), masses, and values one per coordinate.

A file is in the units of its Hamiltonian, as is everything that it is handed to. Only masses may be
in another unit, `mass_unit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, choice, describe, fail, positive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import VibronicCoupling
from anticrossing.studies import levels, tables
from anticrossing.studies.motion_tables import Vector
from anticrossing.studies.study import Study
from anticrossing.units import ENERGIES, LENGTHS, MASSES, Units

SIDES = ("below", "above")
"""Where a packet is with respect to a dividing position, trajectories to their box."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MotionStudy(Study):
    """A validated file with moving nuclei.

    Attributes
    ----------
    hamiltonian : Hamiltonian
    """

    hamiltonian: Hamiltonian

    @property
    def time_unit(self) -> str:
        """The unit of the times in the file and in the result; empty in natural units."""
        return self.hamiltonian.units.shown_time

    def shown_time(self, time: float) -> str:
        """Return a time as text with its unit."""
        return self.hamiltonian.units.time_text(time)


def hamiltonian(entries: Mapping[str, Any], most_coordinates: int) -> Hamiltonian:
    """Build H(x) from the tables [hamiltonian] and [units], of single numbers."""
    units = levels.units(entries.get("units", {}))
    built = levels.hamiltonian(entries["hamiltonian"], units, most_coordinates=most_coordinates)
    with tables.inside("hamiltonian"):
        if built.batch_shape:
            raise fail("hamiltonian", "hold single numbers", "it holds a list of values")
    return built


def vector(key: str, value: Vector, coordinates: int) -> FloatArray:
    """Return the numbers of a list with one for each coordinate, or one number for them all."""
    if isinstance(value, list) and len(value) != coordinates:
        wanted = f"a number or a list of {coordinates}" if coordinates > 1 else "a single number"
        raise fail(key, f"be {wanted}", f"it is {describe(value)}")
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), (coordinates,)))


def masses(given: Vector | None, unit: str | None, hamiltonian: Hamiltonian) -> FloatArray:
    """Return the masses (f,) with ħ = 1, given in a unit.

    The normal coordinates of a vibronic coupling model bring theirs.
    """
    units, coordinates = hamiltonian.units, len(hamiltonian.coordinates)
    if isinstance(hamiltonian, VibronicCoupling) and given is None:
        if unit is not None:
            raise fail("mass_unit", "come with `masses`", "these are those of the model, 1/ω")
        return np.asarray(1 / hamiltonian.frequencies)
    if given is None:
        raise tables.missing("masses")
    values = np.asarray(positive("masses", vector("masses", given, coordinates)))
    if unit is None:
        return values
    choice("mass_unit", unit, MASSES)
    if units.energy not in ENERGIES or units.coordinate not in LENGTHS:
        raise InputError(
            "`mass_unit` needs a Hamiltonian with a unit of energy and one of length "
            f"({', '.join(LENGTHS)}) as its coordinate: leave it out, or give [units]."
        )
    length, energy = LENGTHS[units.coordinate], ENERGIES[units.energy]
    per_second = Units(units.energy, "s").angular  # energy / ħ
    return np.asarray(values * MASSES[unit] * (length * per_second) ** 2 / energy)


# ---- what is shown ----------------------------------------------------------------------------


def shown_masses(given: Vector | None) -> str:
    """Return the masses as the file gives them."""
    return "masses 1/ω" if given is None else f"mass {shown(given)}"


def shown(value: Any) -> str:
    """Return a number, or the numbers of a list or array, as text; equal ones once."""
    values = np.ravel(value)
    same = values.size > 1 and bool(np.all(values == values[0]))
    return ", ".join(f"{x:g}" for x in (values[:1] if same else values))


def describe_units(units: Units, mass_unit: str | None) -> str:
    """Return the units of everything in the file in one line."""
    if not units.energy:
        return "natural, ħ = 1"
    said = [f"energy in {units.energy}", f"time in {units.shown_time}"]
    if units.coordinate:
        said += [f"coordinate in {units.coordinate}", f"momentum in ħ/{units.coordinate}"]
    atomic = (units.energy, units.coordinate) == ("hartree", "bohr")
    square = f"{units.coordinate}²" if units.coordinate else "coordinate²"
    own = "electron masses" if atomic else f"ħ²/({units.energy} {square})"
    return ", ".join([*said, f"mass in {mass_unit or own}"])


def in_words(probabilities: Any) -> str:
    """Return the probabilities of states as text."""
    return ", ".join(f"P{n} = {p:.5f}" for n, p in enumerate(probabilities))


def probability(value: float) -> float:
    """Return a probability with the digits worth reading: five, and nothing below rounding."""
    return 0.0 if abs(value) < 1e-15 else float(f"{value:.5g}")


def rough(value: float) -> float:
    """Return an error or a bound with the digits worth reading: two."""
    return float(f"{value:.2g}")
