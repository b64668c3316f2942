"""Writing the dataset of a passage to NetCDF as xarray would, which takes a second to import."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anticrossing.experiment.dataset import Contents


def write(contents: Contents, path: Path) -> None:
    """Write a NetCDF file that xarray reads as the dataset of the same contents."""
    import h5netcdf
    import h5py

    everything = {**contents.variables, **contents.coordinates}
    with h5netcdf.File(path, "w") as file:
        for name, value in contents.attributes.items():
            file.attrs[name] = value if isinstance(value, str) else np.atleast_1d(value)
        for dims, values, _ in everything.values():
            for dim, size in zip(dims, np.shape(values), strict=True):
                if dim not in file.dimensions:
                    file.dimensions[dim] = size
        for name, (dims, values, attributes) in everything.items():
            array = np.asarray(values)
            extra = {}
            if array.dtype.kind == "U":
                array = array.astype(h5py.string_dtype())
            elif array.dtype.kind == "b":
                array, extra = array.astype(np.int8), {"dtype": "bool"}
            fill = np.nan if array.dtype.kind == "f" else None
            variable = file.create_variable(
                name, dims, dtype=array.dtype, data=array, fillvalue=fill
            )
            for key, text in {**attributes, **extra}.items():
                variable.attrs[key] = text
