"""The result of a driven level as a labelled dataset, ready for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing.experiment.dataset import provenance
from anticrossing.experiment.driven_level.result import (
    METHODS,
    DrivenLevelOutcome,
    DrivenLevelScan,
    Work,
)

if TYPE_CHECKING:
    import xarray

_Variable = tuple[tuple[str, ...], Any, dict[str, str]]


def to_dataset(result: DrivenLevelOutcome) -> xarray.Dataset:
    """Return a result as an `xarray.Dataset`."""
    import xarray

    study, chain, exact = result.experiment, result.chain, result.exact
    system = study.system
    coordinates: dict[str, Any] = {
        "time": _data(("time",), exact.times, "time"),
        "level": _data(("level",), system.levels, "energy of the reservoir level"),
        "crossing": _data(("crossing",), chain.positions[1:-1], "level crossed"),
    }
    variables: dict[str, Any] = {
        "position": _data(("time",), result.positions, "energy of the driven level"),
        "occupation": _data(("time",), exact.occupations, "occupation of the driven level, exact"),
        "work": _data(("time",), exact.work, "work done so far, exact"),
        "heat": _data(("time",), exact.heat, "heat from the reservoir so far, exact"),
        "entropy_production": _data(
            ("time",), exact.entropy_production, "entropy production so far, exact"
        ),
        "reservoir_occupation": _data(
            ("time", "level"), exact.reservoir_occupations, "occupation of the reservoir, exact"
        ),
        "coupling": _data(("level",), system.couplings, "half the gap"),
        "speed": _data(("level",), system.rates, "rate of the driven level"),
        "chain_diabatic_probability": _data(
            ("crossing",), chain.diabatic_probabilities, "probability to keep the diabatic state"
        ),
        "chain_occupation_before": _data(
            ("crossing",), chain.occupations[:-1], "occupation of the driven level, chain"
        ),
        "chain_occupation_after": _data(
            ("crossing",), chain.occupations[1:], "occupation of the driven level, chain"
        ),
        "chain_heat": _data(("crossing",), chain.heat[1:], "heat at the crossing, chain"),
        "chain_entropy_production": _data(
            ("crossing",), chain.entropy_production[1:], "entropy production, chain"
        ),
        "mutual_information": _data(
            (), exact.mutual_information, "of level and reservoir at the end, exact"
        ),
        "unitarity_defect": _data(
            (), exact.evolution.unitarity_defect, "estimated error of the exact evolution"
        ),
    }
    if result.work is not None:
        _add_work(result.work, variables, coordinates)
    if result.scan is not None:
        _add_scan(result.scan, variables, coordinates)
    attributes: dict[str, Any] = {
        **provenance(study),
        **study.setup,
        "beta": system.beta,
        "chemical_potential": system.chemical_potential,
        "initial_occupation": float(chain.occupations[0]),
        "verdict": result.sentences().verdict,
    }
    if result.work is not None:
        attributes["work_scheme"] = result.work.question.scheme
    return xarray.Dataset(variables, coords=coordinates, attrs=attributes)


def _add_work(work: Work, variables: dict[str, Any], coordinates: dict[str, Any]) -> None:
    directions = work.question.directions
    # Not "method": `Dataset.sel` has an argument of that name.
    coordinates["solution"] = ("solution", list(METHODS))
    coordinates["direction"] = ("direction", list(directions))
    coordinates["work_value"] = _data(
        ("work_value",), work.values, "work w; −w of the backward drive"
    )
    both = ("solution", "direction")

    def stacked(found: dict[tuple[str, str], Any]) -> Any:
        return np.array([[found[m, d] for d in directions] for m in METHODS])

    variables["work_density"] = _data(
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
        variables[f"work_{name}"] = _data(both, stacked(values), text)
    if work.edges is not None:
        coordinates["work_bin"] = _data(
            ("work_bin",), 0.5 * (work.edges[1:] + work.edges[:-1]), "centre of the bin"
        )
        variables["work_probability"] = _data(
            (*both, "work_bin"), stacked(work.probabilities), "probability of the bin"
        )


def _add_scan(
    scan: DrivenLevelScan, variables: dict[str, Any], coordinates: dict[str, Any]
) -> None:
    text = f"{scan.scan.label} (scanned: {scan.scan.parameter})"
    dimension = f"scanned_{scan.scan.name}"
    coordinates[dimension] = _data((dimension,), scan.scan.values, text, scan.scan.unit or "1")
    variables["scan_inside_domain"] = _data(
        (dimension,), scan.trusted, "every condition of the chain holds"
    )
    for method in ("chain", "exact"):
        for quantity in ("occupation", "entropy_production"):
            variables[f"scan_{method}_{quantity}"] = _data(
                (dimension,),
                getattr(scan, f"{method}_{quantity}"),
                f"{quantity.replace('_', ' ')} at the end, {method}",
            )


def _data(dimensions: tuple[str, ...], values: Any, text: str, unit: str = "1") -> _Variable:
    return dimensions, np.asarray(values), {"long_name": text, "units": unit}
