"""The result of an ensemble of trajectories as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anticrossing.studies.trajectories.report import SIDES
from anticrossing.studies.trajectories.result import TrajectoriesOutcome

if TYPE_CHECKING:
    import xarray


def to_dataset(result: TrajectoriesOutcome) -> xarray.Dataset:
    """Return means with their errors, channels, hops, and the trajectories that were kept."""
    dataset = result.ensemble.to_dataset()
    for name, mean in result.channels.items():
        dims = ("side", "state")
        dataset[f"channel_{name}"] = (dims, mean.value)
        dataset[f"channel_{name}_error"] = (dims, mean.error)
    if result.channels:
        dataset = dataset.assign_coords(side=list(SIDES))
    dataset.attrs = {**dataset.attrs, **result.attributes()}
    return dataset
