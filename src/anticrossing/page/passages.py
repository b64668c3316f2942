"""A passage on the page: levels, populations, the verdict, and the closed forms over the scan."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import fail
from anticrossing._core.threads import few_threads
from anticrossing.analysis import PassageEvent, passage
from anticrossing.analysis.meetings import find_events, sample_path
from anticrossing.dynamics import propagate
from anticrossing.formulas import DomainCheck
from anticrossing.spectrum import Crossings, levels
from anticrossing.studies import parse
from anticrossing.studies.curves import curve_positions, sample_times
from anticrossing.studies.kinds.passage import PassageStudy, predicted_along
from anticrossing.studies.points import scan
from anticrossing.studies.tables import given
from anticrossing.studies.toml_text import text_of

_MOST_LEVELS = 16
_SAMPLES = 240  # of a curve: more than half the pixels it is drawn in
_OUTPUTS = ("probability", "error_estimate")


def check(study: PassageStudy) -> None:
    """Raise unless the levels are so few that each is to be seen."""
    count = study.hamiltonian.dimension
    if count > _MOST_LEVELS:
        found = f"it has {count}: use  anticrossing run"
        raise fail("hamiltonian", f"have at most {_MOST_LEVELS} levels on the page", found)


def pieces(
    study: PassageStudy, tables: Mapping[str, Any]
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield each piece by name with what makes it: what follows the eye first, comes first."""
    events: tuple[PassageEvent, ...] = ()

    def drawn() -> dict[str, Any]:
        nonlocal events
        with few_threads(study.hamiltonian.dimension):
            crossings, events, _ = find_events(study.hamiltonian, study.drive, study.environment)
        return _levels(study, crossings)

    yield "levels", drawn
    yield "populations", lambda: _populations(study, events)
    yield "verdict", lambda: _verdict(study)
    if "scan" in tables:
        yield from _along(tables)


def _levels(study: PassageStudy, crossings: Crossings) -> dict[str, Any]:
    hamiltonian, units = study.hamiltonian, study.hamiltonian.units
    _, positions = sample_path(study.drive)
    curve = curve_positions(crossings, positions, _SAMPLES)
    return {
        "position": curve,
        "levels": levels(hamiltonian, curve).T,
        "diabats": np.diagonal(hamiltonian(curve), axis1=-2, axis2=-1).real.T,
        "crossings": [
            {
                "position": one.position,
                "energy": one.centre_energy,
                "gap": one.gap,
                "levels": list(one.levels),
                "avoided": one.kind == "avoided",
            }
            for one in crossings
        ],
        "x": units.label(hamiltonian.coordinates[0], "coordinate"),
        "y": units.label("energy", "energy"),
    }


def _populations(study: PassageStudy, events: Sequence[PassageEvent]) -> dict[str, Any]:
    times = sample_times(events, study.drive, _SAMPLES)
    evolution = propagate(study.hamiltonian, study.drive, times=times, **study.settings)
    return {
        "time": times,
        "populations": np.asarray(evolution.populations).T,
        "states": study.states,
        "error": float(np.max(evolution.error_estimate)),
        "x": study.hamiltonian.units.label("time", "time"),
    }


def _verdict(study: PassageStudy) -> dict[str, Any]:
    found = passage(study.hamiltonian, study.drive, symmetry=study.symmetry, **study.settings)
    return {
        "verdict": found.verdict,
        "trusted": any(one.valid for one in found.predictions),
        "notes": list(found.notes()),
        "states": study.states,
        "exact": found.exact.probabilities,
        "error": float(found.exact.error_estimate),
        "predictions": [
            {
                "name": one.name,
                "equation": one.equation,
                "probabilities": one.probabilities,
                "difference": one.difference,
                "valid": one.valid,
                "checks": [_check(check) for check in one.checks],
            }
            for one in found.predictions
        ],
    }


def _check(check: DomainCheck) -> dict[str, Any]:
    return {**check.summary(), "share": check.share}


def _along(tables: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield the exact answer over the scan, then the closed forms point by point."""
    study: Any = None
    scanned = None

    def exact() -> dict[str, Any]:
        nonlocal study, scanned
        study = parse(text_of(tables))
        scanned = scan(study, _OUTPUTS)
        assert scanned is not None
        axis = scanned.axis
        return {
            "parameter": axis.parameter,
            "label": f"{axis.label} ({axis.unit})" if axis.unit else axis.label,
            "logarithmic": axis.scale == "log",
            "values": axis.values,
            "now": given(study.tables, axis.parameter),
            "exact": np.asarray(scanned["probability"]).T,
            "states": study.states,
            "notes": list(scanned.failures),
        }

    yield "rates", exact
    if scanned is None:
        return
    for index, found, reason in predicted_along(study, scanned):
        shown = [
            {"name": one.name, "probabilities": one.probabilities, "valid": one.valid}
            for one in found
        ]
        point = {"index": index, "found": shown, "reason": reason}
        yield "predicted", functools.partial(dict, point)
