"""Numbers as they are written: 4 MHz, 20 µs, 15 mK, and columns such as ``offset_GHz``.

A fit runs on angular frequencies in rad/ns and times in ns; what it finds goes back to the units in
which it was asked for. Numbers without any unit are taken as they are, ħ = k_B = 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing.fits._least_squares import Minimum
from anticrossing.fits._parameters import Coordinates
from anticrossing.fits._problem import Model, Problem
from anticrossing.fits._quantities import KINDS, factor, needed, plain, quantity
from anticrossing.fits.measurement import Measurement


@dataclass(frozen=True)
class _InUnits:
    """A model of numbers in rad/ns and ns, asked in other units."""

    model: Model
    factors: Mapping[str, float]
    coordinates: Mapping[str, float]

    @property
    def name(self) -> str:
        return self.model.name

    def __call__(
        self,
        values: Mapping[str, float],
        where: Mapping[str, FloatArray],
        names: Collection[str] = (),
    ) -> tuple[FloatArray, Mapping[str, FloatArray]]:
        inside = {name: value * self.factors.get(name, 1.0) for name, value in values.items()}
        place = {name: value * self.coordinates.get(name, 1.0) for name, value in where.items()}
        q, slopes = self.model(inside, place, names)
        return q, {name: slope * self.factors.get(name, 1.0) for name, slope in slopes.items()}


@dataclass(frozen=True)
class Written:
    """In which units the numbers of a fit were written; none where `units` is empty.

    Attributes
    ----------
    units : dict of str to str
        Of the parameters.
    factors, coordinates : dict of str to float
        What parameters and coordinates are multiplied by.
    """

    units: Mapping[str, str]
    factors: Mapping[str, float]
    coordinates: Mapping[str, float]

    def inside(self, data: Measurement) -> Measurement:
        """Return data in rad/ns and ns."""
        columns = {n: v * self.coordinates.get(n, 1.0) for n, v in data.coordinates.items()}
        return replace(data, coordinates=columns, units={})

    def with_unit(self, name: str, coordinate: str, data: Measurement) -> Written:
        """Return the same with an energy in the unit of a coordinate, where the call gave none."""
        if name in self.units or not data.units.get(coordinate):
            return self
        unit = data.units[coordinate].rpartition("/")[0]
        more = needed(name, "energy", unit, "it")
        return replace(self, units={**self.units, name: unit}, factors={**self.factors, name: more})

    def outside(
        self, problem: Problem, minimum: Minimum, data: Measurement
    ) -> tuple[Problem, Minimum]:
        """Return a solved problem in the units of the data and the call."""
        if not self.units:
            return replace(problem, data=data), minimum
        space = problem.coordinates

        def scaled(values: Mapping[str, float]) -> dict[str, float]:
            return {name: value / self.factors.get(name, 1.0) for name, value in values.items()}

        new = Coordinates(scaled(space.initial), space.varied, scaled(space.scales))
        u = new.coordinates(scaled(space.parameters(minimum.u)))
        model = _InUnits(problem.model, self.factors, self.coordinates)
        return Problem(model, data, new), replace(minimum, u=u)


def read(
    data: Measurement, coordinates: Collection[str], given: Mapping[str, Any]
) -> tuple[Written, dict[str, Any]]:
    """Return the units of data and call, and the numbers of the call in rad/ns and ns.

    Raises
    ------
    InputError
        If some numbers have units and others, that need one, have none.
    """
    split = {name: quantity(name, value) for name, value in given.items()}
    columns = {name: data.units.get(name, "") for name in coordinates if name in data.coordinates}
    measured = {name: unit for name, unit in columns.items() if unit and KINDS[name] != "setting"}
    if not measured and not any(unit for _, unit in split.values()):
        return Written({}, {}, {}), {name: value for name, (value, _) in split.items()}
    factors, units, values = {}, {}, {}
    setting = columns.get("amplitude", "")
    energetic = factor("energy", setting) is not None
    places = {
        name: needed("data", KINDS[name], unit, f"the column `{name}`")
        for name, unit in columns.items()
        if KINDS[name] != "setting"
    }
    if energetic:
        places["amplitude"] = needed("data", "energy", setting, "the column `amplitude`")
    for name, (value, unit) in split.items():
        kind = KINDS.get(name, "number")
        if kind == "scale" and energetic:
            kind = "number"
        if kind == "number":
            if unit:
                raise fail(name, "be a number without a unit", f"it is {given[name]!r}")
            values[name] = value
            continue
        if value is None or (not unit and np.all(np.asarray(value) == 0)):
            values[name] = value
            units[name] = ""
            continue
        if kind == "scale" and unit:
            unit = _per(name, unit, setting)
        factors[name] = needed(name, kind, unit, "it")
        units[name], values[name] = unit, value
    # One unit of time for both times; zeros are in the unit of the offsets.
    if units.get("t1") and units.get("t2") and values.get("t1") and values.get("t2"):
        values["t2"] = values["t2"] * factors["t2"] / factors["t1"]
        factors["t2"], units["t2"] = factors["t1"], units["t1"]
    energy = next((units[name] for name in ("gap", "offset_shift") if units.get(name)), "GHz")
    for name, unit in units.items():
        if not unit and KINDS[name] == "energy":
            units[name], factors[name] = energy, needed(name, "energy", energy, "it")
    inside = {
        name: value if value is None else np.multiply(value, factors.get(name, 1.0))
        for name, value in values.items()
    }
    shown = {
        name: f"{unit}/{setting}" if KINDS[name] == "scale" and setting else unit
        for name, unit in units.items()
        if unit
    }
    return Written(shown, factors, places), inside


def _per(name: str, unit: str, setting: str) -> str:
    """Return the unit of energy in a calibration such as GHz/mV."""
    energy, slash, per = unit.rpartition("/")
    if unit.startswith("rad/") and unit.count("/") == 1:
        energy, slash, per = unit, "", ""
    if not slash:
        return unit
    if setting and plain(per) != plain(setting):
        raise fail(name, f"be per {setting}, as the amplitudes are", f"it is per {per}")
    return energy
