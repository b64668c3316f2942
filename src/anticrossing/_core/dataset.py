"""Variables as an `xarray.Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anticrossing._core.checks import require
from anticrossing._core.variables import Variable, real

if TYPE_CHECKING:
    import xarray


def make(variables: Mapping[str, Variable], attributes: Mapping[str, Any]) -> xarray.Dataset:
    """Return a dataset; a variable with the name of its only dimension is a coordinate."""
    make_dataset = require("xarray", "files", "A dataset").Dataset
    everything = {
        name: (dims, values, _said(text, unit))
        for name, (dims, values, text, unit) in real(variables).items()
    }
    coordinates = {name: v for name, v in everything.items() if v[0] == (name,)}
    data = {name: v for name, v in everything.items() if name not in coordinates}
    made: xarray.Dataset = make_dataset(data, coords=coordinates, attrs=dict(attributes))
    return made


def _said(text: str, unit: str) -> dict[str, str]:
    return {key: said for key, said in (("long_name", text), ("units", unit)) if said}
