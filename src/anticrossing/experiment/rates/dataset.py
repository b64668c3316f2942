"""Thermal rates as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing.experiment.dataset import provenance
from anticrossing.experiment.rates.result import RatesOutcome

if TYPE_CHECKING:
    import xarray


def to_dataset(result: RatesOutcome) -> xarray.Dataset:
    """Return a result as an `xarray.Dataset`."""
    import xarray

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
        "rate": _data(("formula",), rates, "thermal rate", unit),
        "inside_domain": _data(("formula",), inside, "every check holds"),
        "check": _data(("condition",), [check.worst for _, check in conditions], "value"),
        "limit": _data(("condition",), [check.limit for _, check in conditions], "largest allowed"),
    }
    if result.scan is not None:
        scan = result.scan
        name = scan.scan.name
        coordinates[name] = _data(
            (name,), scan.scan.values, scan.scan.label, study.units.of(name) or "1"
        )
        variables["scan_rate"] = _data(
            ("formula", name), scan.rates, "thermal rate along the scan", unit
        )
        variables["scan_inside_domain"] = _data(
            ("formula", name), scan.inside, "every check holds along the scan"
        )
    attributes = {
        **provenance(study),
        **study.setup,
        "verdict": result.sentences().verdict,
    }
    return xarray.Dataset(variables, coords=coordinates, attrs=attributes)


def _data(
    dimensions: tuple[str, ...], values: Any, text: str, unit: str = "1"
) -> tuple[tuple[str, ...], Any, dict[str, str]]:
    return dimensions, np.asarray(values), {"long_name": text, "units": unit}
