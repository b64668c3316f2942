"""A result as a labelled dataset, ready for NetCDF: named dimensions, units, provenance."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._version import __version__
from anticrossing.studies.outcome import Study
from anticrossing.studies.passage_file import Experiment
from anticrossing.studies.result import Result

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Contents:
    """What a dataset holds: (dimensions, values, attributes) by name, and its own attributes."""

    variables: dict[str, Any]
    coordinates: dict[str, Any]
    attributes: dict[str, Any]


def to_dataset(result: Result) -> xarray.Dataset:
    """Return a result as an `xarray.Dataset`.

    Complex arrays are split along a dimension ``part`` (real, imaginary), which NetCDF can store.
    """
    import xarray

    found = contents(result)
    return xarray.Dataset(found.variables, coords=found.coordinates, attrs=found.attributes)


def contents(result: Result) -> Contents:
    """Return what `to_dataset` holds, without importing xarray."""
    experiment, exact = result.experiment, result.exact
    hamiltonian = experiment.hamiltonian
    units = hamiltonian.units
    energy, time = units.energy or "1", units.time or "1"
    position = units.coordinate or "1"
    name = hamiltonian.coordinates[0]

    def data(dims: tuple[str, ...], values: Any, text: str, unit: str = "1") -> Any:
        return (dims, np.asarray(values), {"long_name": text, "units": unit})

    size = hamiltonian.dimension
    read_out = "state" if experiment.question.basis == "diabatic" else "level"
    coordinates: dict[str, Any] = {
        "time": data(("time",), result.times, "time", time),
        name: data((name,), result.curve_positions, "coordinate", position),
        "level": data(("level",), np.arange(size), "adiabatic level, 0 lowest"),
        "state": (("state",), list(hamiltonian.labels), {"long_name": "diabatic state"}),
        "part": (("part",), ["real", "imaginary"], {}),
    }
    readout_labels = coordinates[read_out][1]
    for which in ("final", "initial"):
        coordinates[which] = ((which,), readout_labels, {"long_name": f"{which} {read_out}"})
    variables: dict[str, Any] = {
        "position": data(("time",), result.positions, "coordinate at each time", position),
        "population": data(("time", read_out), result.populations, "population"),
        "energy": data((name, "level"), result.curve_levels, "adiabatic energy", energy),
        "diabatic_energy": data(
            (name, "state"), result.curve_diabats, "diagonal element of H", energy
        ),
        "transition_probability": data(
            ("final", "initial"), exact.transition_matrix, "exact transition probability"
        ),
        "exact_probability": data(
            ("final",), exact.probabilities, "exact final probability of the asked initial state"
        ),
        "panels": data((), int(exact.panels), "accepted panels of the exact evolution"),
        "error_estimate": data((), float(exact.error_estimate), "bound on the neglected amplitude"),
    }
    for name_of, matrix, what in (
        ("propagator", exact.propagator, "evolution matrix"),
        ("density_matrix", exact.density_matrix, "final density matrix"),
    ):
        if matrix is not None:
            parts = np.stack([matrix.real, matrix.imag], axis=-1)
            text = f"{what} in the basis H is written in"
            variables[name_of] = data(("row", "column", "part"), parts, text)
    _add_crossings(result, variables, data, energy, position)
    formulas = {p.name: p for p in result.passage.predictions}
    if result.scan is not None:
        _add_scan(result, variables, coordinates, data, list(formulas))
    elif formulas:
        coordinates["formula"] = (("formula",), list(formulas), {})
    if formulas and result.scan is None:
        variables["predicted_probability"] = data(
            ("formula", "final"),
            np.array([p.probabilities for p in formulas.values()]),
            "closed-form final probability",
        )
        variables["inside_domain"] = data(
            ("formula",), np.array([p.valid for p in formulas.values()]), "every check holds"
        )
    return Contents(variables, coordinates, _attributes(result))


def _add_crossings(
    result: Result, variables: dict[str, Any], data: Any, energy: str, position: str
) -> None:
    crossings = list(result.passage.crossings)
    if not crossings:
        return
    dims = ("crossing",)
    variables["crossing_position"] = data(
        dims, [c.position for c in crossings], "coordinate of the crossing", position
    )
    variables["crossing_gap"] = data(
        dims, [c.gap for c in crossings], "minimum adiabatic gap", energy
    )
    variables["crossing_avoided"] = data(
        dims, [c.kind == "avoided" for c in crossings], "avoided (else true)"
    )
    variables["crossing_slope_difference"] = data(
        dims,
        [c.slope_difference for c in crossings],
        "slope difference of the local diabats",
        f"{energy}/{position}",
    )
    variables["crossing_levels"] = data(
        ("crossing", "pair"), [list(c.levels) for c in crossings], "the two levels"
    )


def _add_scan(
    result: Result,
    variables: dict[str, Any],
    coordinates: dict[str, Any],
    data: Any,
    base_formulas: list[str],
) -> None:
    scan = result.scan
    assert scan is not None
    dim = scan.scan.name if scan.scan.name not in coordinates else f"scanned_{scan.scan.name}"
    names = list(dict.fromkeys([*base_formulas, *scan.predictions]))
    coordinates[dim] = data(
        (dim,),
        scan.scan.values,
        f"{scan.scan.label} (scanned: {scan.scan.parameter})",
        scan.scan.unit or "1",
    )
    variables["scan_exact_probability"] = data(
        (dim, "final"), scan.exact, "exact final probability along the scan"
    )
    variables["scan_panels"] = data((dim,), scan.panels, "accepted panels along the scan")
    if not names:
        return
    coordinates["formula"] = (("formula",), names, {})
    missing = np.full(scan.exact.shape, np.nan)
    nowhere = np.zeros(len(scan.exact), dtype=np.bool_)
    variables["scan_predicted_probability"] = data(
        ("formula", dim, "final"),
        np.array([scan.predictions.get(name, missing) for name in names]),
        "closed-form final probability along the scan",
    )
    variables["scan_inside_domain"] = data(
        ("formula", dim),
        np.array([scan.valid.get(name, nowhere) for name in names]),
        "every check holds",
    )
    base = {p.name: p for p in result.passage.predictions}
    variables["predicted_probability"] = data(
        ("formula", "final"),
        np.array([base[n].probabilities if n in base else missing[0] for n in names]),
        "closed-form final probability",
    )
    variables["inside_domain"] = data(
        ("formula",),
        np.array([base[n].valid if n in base else False for n in names]),
        "every check holds",
    )


def _attributes(result: Result) -> dict[str, Any]:
    experiment = result.experiment
    question, units = experiment.question, experiment.hamiltonian.units
    return {
        **provenance(experiment),
        "hamiltonian": repr(experiment.hamiltonian),
        "drive": repr(experiment.drive),
        "read_out_basis": question.basis,
        "initial": question.initial,
        "tolerance": question.tolerance,
        "energy_unit": units.energy or "natural (hbar = 1)",
        "time_unit": units.time or "natural (hbar = 1)",
        "verdict": result.passage.verdict,
    }


def provenance(experiment: Experiment | Study) -> dict[str, str]:
    """Return the attributes that say where a dataset comes from."""
    return {
        "title": experiment.title,
        "source": experiment.source,
        "anticrossing_version": __version__,
        "versions": json.dumps(versions()),
        "experiment_file": experiment.text,
    }


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    import platform
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "sympy")
    return {
        "anticrossing": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
