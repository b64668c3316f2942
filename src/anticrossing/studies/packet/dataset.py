"""The result of a wave packet as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray, require
from anticrossing.studies.motion import SIDES
from anticrossing.studies.outcome import variable
from anticrossing.studies.packet.result import PacketOutcome

if TYPE_CHECKING:
    import xarray


def to_dataset(result: PacketOutcome) -> xarray.Dataset:
    """Return a result as an `xarray.Dataset`."""
    xarray = require("xarray", "files", "A dataset")

    study, motion, snapshots = result.experiment, result.motion, result.snapshots
    units, names = study.hamiltonian.units, study.hamiltonian.coordinates
    time, energy = study.time_unit or "1", units.energy or "1"
    length, states = units.coordinate, motion.populations.shape[1]
    coordinates: dict[str, Any] = {
        "time": variable(("time",), study.shown_times(motion.times), "time", time),
        "state": variable(("state",), np.arange(states), "adiabatic state, the lowest first"),
        "diabatic_state": ("diabatic_state", [str(label) for label in study.hamiltonian.labels]),
        "coordinate": ("coordinate", list(names)),
        "snapshot": variable(
            ("snapshot",), study.shown_times(snapshots.times), "time of the densities", time
        ),
    }
    places = tuple(f"grid_{name}" for name in names)
    for place, axis in zip(places, motion.grid.axes, strict=True):
        coordinates[place] = variable((place,), axis, "points of the grid", length or "1")
    variables: dict[str, Any] = {
        "population": variable(
            ("time", "state"), motion.populations, "probability of the adiabatic state on the grid"
        ),
        "diabatic_population": variable(
            ("time", "diabatic_state"), motion.diabatic_populations, "probability on the grid"
        ),
        "norm": variable(("time",), motion.norm, "probability on the grid"),
        "energy": variable(("time",), motion.energy, "expectation value on the grid", energy),
        "position": variable(
            ("time", "coordinate"), motion.positions, "mean on the grid", length or "1"
        ),
        "momentum": variable(
            ("time", "coordinate"),
            motion.momenta,
            "mean on the grid",
            f"ħ/{length}" if length else "1",
        ),
        "level": variable(
            (*places, "state"),
            motion.operator.energies.reshape(*motion.grid.shape, states),
            "adiabatic level",
            energy,
        ),
        "density": variable(
            ("snapshot", "state", *places),
            _density(result),
            "probability density by state",
            _per(length, len(names)),
        ),
    }
    if motion.sides:
        coordinates["side"] = ("side", list(motion.sides))
        variables["absorbed"] = variable(
            ("time", "side", "state"), motion.absorbed, "probability absorbed so far"
        )
    channels = result.channels
    if channels is not None:
        coordinates["channel"] = ("channel", list(SIDES))
        variables["channel_probability"] = variable(
            ("channel", "state"), channels, f"on this side of {study.divide:g}, absorbed or not"
        )
    attributes: dict[str, Any] = {
        **result.attributes(),
        "step": float(study.shown_times(motion.step)),
    }
    if result.convergence is not None:
        for key, change in result.convergence.changes.items():
            attributes[f"convergence_{key}"] = change
        for key, text in result.convergence.failures.items():
            attributes[f"convergence_{key}"] = f"failed: {study.in_its_times(text)}"
    return xarray.Dataset(variables, coords=coordinates, attrs=attributes)


def _per(length: str, coordinates: int) -> str:
    """Return the unit of a density."""
    if not length:
        return "1"
    return f"1/{length}" if coordinates == 1 else f"1/{length}^{coordinates}"


def _density(result: PacketOutcome) -> FloatArray:
    snapshots = result.snapshots
    assert snapshots.states is not None
    states, shape = snapshots.operator.states, snapshots.grid.shape
    amplitudes = [snapshots.operator.adiabatic_amplitudes(psi) for psi in snapshots.states]
    return np.asarray(np.abs(np.array(amplitudes)) ** 2).reshape(-1, states, *shape)
