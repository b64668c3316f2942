"""Writing variables to NetCDF as xarray would, which takes a second to import.

A NetCDF 4 file is an HDF5 file in which every dimension is a dimension scale: the variable of the
same name, or an empty stand-in. Each variable names its dimensions by attached scales.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anticrossing._core.checks import require
from anticrossing._core.files import write_bytes
from anticrossing._core.variables import Variable, real
from anticrossing._version import __version__

_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."


def write(variables: Mapping[str, Variable], attributes: Mapping[str, Any], path: Path) -> None:
    """Write a NetCDF file that xarray reads as the dataset of the same variables.

    The file is encoded in memory first: the encoding library fails badly on a full disk.
    """
    h5py = require("h5py", "files", "A NetCDF file")
    encoded = io.BytesIO()

    everything = real(variables)
    sizes: dict[str, int] = {}
    for dims, values, _, _ in everything.values():
        sizes.update(zip(dims, np.shape(values), strict=True))
    number = {dim: index for index, dim in enumerate(sizes)}
    with h5py.File(encoded, "w", track_order=True) as file:
        for name, value in attributes.items():
            file.attrs[name] = value if isinstance(value, str) else np.atleast_1d(value)
        versions = f"anticrossing={__version__},hdf5={h5py.version.hdf5_version}"
        file.attrs["_NCProperties"] = np.bytes_(f"version=2,{versions},h5py={h5py.__version__}")
        scales: dict[str, Any] = {}
        for dim, size in sizes.items():
            if dim not in everything:
                scales[dim] = file.create_dataset(dim, shape=(size,), dtype=">f4")
                scales[dim].make_scale(f"{_NO_VARIABLE}{size:10}")
        made = {}
        for name, (dims, values, text, unit) in everything.items():
            said = {k: v for k, v in (("long_name", text), ("units", unit)) if v}
            made[name] = _variable(file, name, np.asarray(values), said)
            if dims:
                made[name].attrs["_Netcdf4Coordinates"] = np.array(
                    [number[dim] for dim in dims], dtype=np.int32
                )
            if name in sizes:
                scales[name] = made[name]
                scales[name].make_scale(name)
        for dim, scale in scales.items():
            scale.attrs["_Netcdf4Dimid"] = np.int32(number[dim])
        for name, (dims, _, _, _) in everything.items():
            if dims and name not in scales:
                made[name].attrs["_Netcdf4Dimid"] = np.int32(number[dims[0]])
                for axis, dim in enumerate(dims):
                    made[name].dims[axis].attach_scale(scales[dim])
    write_bytes(path, encoded.getvalue())


def _variable(file: Any, name: str, array: Any, attributes: dict[str, str]) -> Any:
    import h5py

    attributes = dict(attributes)
    if array.dtype.kind == "b":
        array, attributes["dtype"] = array.astype(np.int8), "bool"
    kind = h5py.string_dtype() if array.dtype.kind == "U" else array.dtype
    if array.dtype.kind == "U":
        array = array.astype(object)
    fill = {"fillvalue": np.nan} if array.dtype.kind == "f" else {}
    made = file.create_dataset(name, data=array, dtype=kind, track_order=True, **fill)
    if fill:
        made.attrs["_FillValue"] = np.array([np.nan])
    for key, text in attributes.items():
        made.attrs[key] = text
    return made
