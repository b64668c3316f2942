"""Thermal rates as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import require
from anticrossing.studies.outcome import variable
from anticrossing.studies.rates.result import RatesOutcome

if TYPE_CHECKING:
    import xarray


def to_dataset(result: RatesOutcome) -> xarray.Dataset:
    """Return a result as an `xarray.Dataset`."""
    xarray = require("xarray", "files", "A dataset")

    study = result.experiment
    unit = study.units.rate or "1"
    rates = [result.rates.get(name, np.nan) for name in study.formulas]
    inside = [
        name in result.predictions and result.predictions[name].valid for name in study.formulas
    ]
    conditions = [
        (name, check) for name, found in result.predictions.items() for check in found.checks
    ]
    coordinates: dict[str, Any] = {
        "formula": ("formula", list(study.formulas)),
        "condition": ("condition", [f"{name}: {check.quantity}" for name, check in conditions]),
    }
    variables: dict[str, Any] = {
        "rate": variable(("formula",), rates, "thermal rate", unit),
        "inside_domain": variable(("formula",), inside, "every check holds"),
        "check": variable(("condition",), [check.worst for _, check in conditions], "value"),
        "limit": variable(
            ("condition",), [check.limit for _, check in conditions], "largest allowed"
        ),
    }
    if result.scan is not None:
        scan = result.scan
        name = scan.scan.name
        coordinates[name] = variable(
            (name,), scan.scan.values, scan.scan.label, study.units.of(name) or "1"
        )
        variables["scan_rate"] = variable(
            ("formula", name), scan.rates, "thermal rate along the scan", unit
        )
        variables["scan_inside_domain"] = variable(
            ("formula", name), scan.inside, "every check holds along the scan"
        )
    return xarray.Dataset(variables, coords=coordinates, attrs=result.attributes())
