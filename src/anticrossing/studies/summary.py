"""The numbers of a result as plain Python data, for JSON and for tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from anticrossing._core.provenance import plain
from anticrossing._version import __version__
from anticrossing.studies.outcome import Outcome
from anticrossing.studies.result import Result


def summarize(result: Result | Outcome) -> dict[str, Any]:
    """Return the numbers of a result as nested dicts and lists; what is not finite is None.

    Examples
    --------
    >>> from anticrossing.studies import parse, run
    >>> result = run(parse('''
    ... hamiltonian = { model = "LandauZener", gap = 1.0 }
    ... drive = { kind = "linear", start = -100, stop = 100, rate = 1.0 }
    ... '''))
    >>> summarize(result)["crossings"][0]["kind"]
    'avoided'
    """
    if isinstance(result, Outcome):
        return _summarize_outcome(result)
    experiment, analysed, exact = result.experiment, result.passage, result.exact
    hamiltonian, question = experiment.hamiltonian, experiment.question
    summary: dict[str, Any] = {
        "anticrossing": __version__,
        "title": experiment.title,
        "source": experiment.source,
        "hamiltonian": repr(hamiltonian),
        "drive": repr(experiment.drive),
        "units": {
            "energy": hamiltonian.units.energy,
            "time": hamiltonian.units.time,
            "coordinate": hamiltonian.units.coordinate,
        },
        "question": {
            "initial": question.initial,
            "basis": question.basis,
            "tolerance": question.tolerance,
        },
        "crossings": crossing_rows(analysed.crossings),
        "passages": [
            {
                "time": event.time,
                "position": event.position,
                "levels": list(event.levels),
                "velocity": event.velocity,
                "gap": event.gap,
                "sweep_rate": event.sweep_rate,
                "jump_probability": float(np.asarray(event.jump.value)),
            }
            for event in analysed.events
        ],
        "predictions": [
            {
                "name": prediction.name,
                "equation": prediction.equation,
                "probabilities": prediction.probabilities,
                "difference": prediction.difference,
                "valid": prediction.valid,
                "checks": [check.summary() for check in prediction.checks],
                "warnings": list(prediction.warnings),
            }
            for prediction in analysed.predictions
        ],
        "exact": {
            "probabilities": exact.probabilities,
            "transition_matrix": exact.transition_matrix,
            "panels": int(exact.panels),
            "error_estimate": float(exact.error_estimate),
            "phase": float(exact.phase),
            "phase_error": float(exact.phase) * float(np.finfo(np.float64).eps),
            "warnings": list(exact.warnings),
        },
        "log_jump": None if analysed.log_jump is None else analysed.log_jump.log_probability,
        "verdict": analysed.verdict,
        "warnings": list(analysed.warnings),
    }
    if result.scan is not None:
        scan = result.scan
        summary["scan"] = {
            "parameter": scan.scan.parameter,
            "values": scan.scan.values,
            "exact": scan.exact,
            "predictions": {
                name: {"probabilities": values, "valid": scan.valid[name]}
                for name, values in scan.predictions.items()
            },
            "notes": list(scan.notes),
        }
    return plain(summary)


def _summarize_outcome(result: Outcome) -> dict[str, Any]:
    said = result.sentences()
    return plain(
        {
            "anticrossing": __version__,
            "title": result.experiment.title,
            "source": result.experiment.source,
            "setup": result.experiment.setup,
            **result.numbers(),
            "verdict": said.verdict,
            "warnings": list(said.notes),
        }
    )


def crossing_rows(crossings: Iterable[Any]) -> list[dict[str, Any]]:
    """Return one dict for each crossing."""
    return plain(
        [
            {
                "position": crossing.position,
                "levels": list(crossing.levels),
                "kind": crossing.kind,
                "gap": crossing.gap,
                "coupling": crossing.coupling,
                "slope_difference": crossing.slope_difference,
                "third_level_distance": crossing.third_level_distance,
                "centre_energy": crossing.centre_energy,
                "reason": crossing.reason,
            }
            for crossing in crossings
        ]
    )
