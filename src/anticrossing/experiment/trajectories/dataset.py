"""The result of an ensemble of trajectories as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anticrossing.experiment.dataset import provenance
from anticrossing.experiment.motion import time_unit
from anticrossing.experiment.trajectories.report import SIDES
from anticrossing.experiment.trajectories.result import TrajectoriesOutcome

if TYPE_CHECKING:
    import xarray


def to_dataset(result: TrajectoriesOutcome) -> xarray.Dataset:
    """Return means with their errors, channels, hops, and the trajectories that were kept."""
    study, ensemble = result.experiment, result.ensemble
    units = study.request.hamiltonian.units
    dataset = ensemble.to_dataset()
    for name, mean in result.channels.items():
        dims = ("side", "state")
        dataset[f"channel_{name}"] = (dims, mean.value)
        dataset[f"channel_{name}_error"] = (dims, mean.error)
    if result.channels:
        dataset = dataset.assign_coords(side=list(SIDES))
    dataset["time"].attrs.update(long_name="time", units=time_unit(units) or "1")
    for name in ("position", "mean_position"):
        dataset[name].attrs["units"] = units.coordinate or "1"
    for name in ("mean_energy", "mean_kinetic_energy", "kinetic_energy", "potential_energy"):
        dataset[name].attrs["units"] = units.energy or "1"
    dataset.attrs = {
        **dataset.attrs,
        **provenance(study),
        **study.setup,
        "verdict": result.sentences().verdict,
    }
    return dataset
