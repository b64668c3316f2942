"""The result of a driven level as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import require
from anticrossing.studies.driven_level.result import (
    METHODS,
    DrivenLevelOutcome,
    DrivenLevelScan,
    Work,
)
from anticrossing.studies.outcome import variable

if TYPE_CHECKING:
    import xarray


def to_dataset(result: DrivenLevelOutcome) -> xarray.Dataset:
    """Return a result as an `xarray.Dataset`."""
    xarray = require("xarray", "files", "A dataset")

    system, chain, exact = result.experiment.system, result.chain, result.exact
    coordinates: dict[str, Any] = {
        "time": variable(("time",), exact.times, "time"),
        "level": variable(("level",), system.levels, "energy of the reservoir level"),
        "crossing": variable(("crossing",), chain.positions[1:-1], "level crossed"),
    }
    variables: dict[str, Any] = {
        "position": variable(("time",), result.positions, "energy of the driven level"),
        "occupation": variable(
            ("time",), exact.occupations, "occupation of the driven level, exact"
        ),
        "work": variable(("time",), exact.work, "work done so far, exact"),
        "heat": variable(("time",), exact.heat, "heat from the reservoir so far, exact"),
        "entropy_production": variable(
            ("time",), exact.entropy_production, "entropy production so far, exact"
        ),
        "reservoir_occupation": variable(
            ("time", "level"), exact.reservoir_occupations, "occupation of the reservoir, exact"
        ),
        "coupling": variable(("level",), system.couplings, "half the gap"),
        "speed": variable(("level",), system.rates, "rate of the driven level"),
        "chain_diabatic_probability": variable(
            ("crossing",), chain.diabatic_probabilities, "probability to keep the diabatic state"
        ),
        "chain_occupation_before": variable(
            ("crossing",), chain.occupations[:-1], "occupation of the driven level, chain"
        ),
        "chain_occupation_after": variable(
            ("crossing",), chain.occupations[1:], "occupation of the driven level, chain"
        ),
        "chain_heat": variable(("crossing",), chain.heat[1:], "heat at the crossing, chain"),
        "chain_entropy_production": variable(
            ("crossing",), chain.entropy_production[1:], "entropy production, chain"
        ),
        "mutual_information": variable(
            (), exact.mutual_information, "of level and reservoir at the end, exact"
        ),
        "error_estimate": variable(
            (), exact.evolution.error_estimate, "estimated error of the exact evolution"
        ),
    }
    if result.work is not None:
        _add_work(result.work, variables, coordinates)
    if result.scan is not None:
        _add_scan(result.scan, variables, coordinates)
    attributes: dict[str, Any] = {
        **result.attributes(),
        "beta": system.beta,
        "chemical_potential": system.chemical_potential,
        "initial_occupation": float(chain.occupations[0]),
    }
    if result.work is not None:
        attributes["work_scheme"] = result.work.question.scheme
    return xarray.Dataset(variables, coords=coordinates, attrs=attributes)


def _add_work(work: Work, variables: dict[str, Any], coordinates: dict[str, Any]) -> None:
    directions = work.question.directions
    # Not "method": `Dataset.sel` has an argument of that name.
    coordinates["solution"] = ("solution", list(METHODS))
    coordinates["direction"] = ("direction", list(directions))
    coordinates["work_value"] = variable(
        ("work_value",), work.values, "work w; −w of the backward drive"
    )
    both = ("solution", "direction")

    def stacked(found: dict[tuple[str, str], Any]) -> Any:
        return np.array([[found[m, d] for d in directions] for m in METHODS])

    variables["work_density"] = variable(
        (*both, "work_value"),
        stacked(work.densities),
        f"density of the work, smoothed with width {work.question.width:.6g}",
    )
    laws = work.distributions
    for name, text in (
        ("mean", "mean work"),
        ("variance", "variance of the work"),
        ("skewness", "skewness of the work"),
        ("free_energy_difference", "difference of the grand potentials"),
        ("jarzynski_ratio", "⟨exp(−βw)⟩ exp(βΔΩ)"),
    ):
        values = {key: getattr(law, name) for key, law in laws.items()}
        variables[f"work_{name}"] = variable(both, stacked(values), text)
    if work.edges is not None:
        coordinates["work_bin"] = variable(
            ("work_bin",), 0.5 * (work.edges[1:] + work.edges[:-1]), "centre of the bin"
        )
        variables["work_probability"] = variable(
            (*both, "work_bin"), stacked(work.probabilities), "probability of the bin"
        )


def _add_scan(
    scan: DrivenLevelScan, variables: dict[str, Any], coordinates: dict[str, Any]
) -> None:
    text = f"{scan.scan.label} (scanned: {scan.scan.parameter})"
    dimension = f"scanned_{scan.scan.name}"
    coordinates[dimension] = variable((dimension,), scan.scan.values, text, scan.scan.unit or "1")
    variables["scan_inside_domain"] = variable(
        (dimension,), scan.trusted, "every condition of the chain holds"
    )
    for method in ("chain", "exact"):
        for quantity in ("occupation", "entropy_production"):
            variables[f"scan_{method}_{quantity}"] = variable(
                (dimension,),
                getattr(scan, f"{method}_{quantity}"),
                f"{quantity.replace('_', ' ')} at the end, {method}",
            )
