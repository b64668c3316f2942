"""The result of an ensemble of trajectories as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anticrossing.experiment.trajectories.report import SIDES
from anticrossing.experiment.trajectories.result import TrajectoriesOutcome

if TYPE_CHECKING:
    import xarray

_TIMES = ("time", "hop_time", "stop_time")
_PLACES = ("position", "mean_position", "mean_position_error", "final_position")
_ENERGIES = (
    "mean_energy",
    "mean_energy_error",
    "mean_kinetic_energy",
    "mean_kinetic_energy_error",
    "kinetic_energy",
    "potential_energy",
    "hop_energy",
    "energy_drift",
)


def to_dataset(result: TrajectoriesOutcome) -> xarray.Dataset:
    """Return means with their errors, channels, hops, and the trajectories that were kept."""
    study = result.experiment
    units = study.hamiltonian.units
    dataset = result.ensemble.to_dataset()
    for name, mean in result.channels.items():
        dims = ("side", "state")
        dataset[f"channel_{name}"] = (dims, mean.value)
        dataset[f"channel_{name}_error"] = (dims, mean.error)
    if result.channels:
        dataset = dataset.assign_coords(side=list(SIDES))
    for name in _TIMES:
        dataset[name] = dataset[name].copy(data=study.shown_times(dataset[name]))
    meant = ((_TIMES, study.time_unit), (_PLACES, units.coordinate), (_ENERGIES, units.energy))
    for names, unit in meant:
        for name in names:
            dataset[name].attrs["units"] = unit or "1"
    dataset["time"].attrs["long_name"] = "time"
    step = float(study.shown_times(result.ensemble.request.dt))
    dataset.attrs = {**dataset.attrs, "dt": step, **result.attributes()}
    return dataset
