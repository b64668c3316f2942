"""A passage as variables, numbers, tables and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.variables import Variable
from anticrossing.studies.outcome import Cell, Sentences, Table

if TYPE_CHECKING:
    from anticrossing.spectrum import Crossing
    from anticrossing.studies.kinds.passage import PassageOutcome
    from anticrossing.units import Units

_MOST_STATES = 6  # in a table


# ---- variables --------------------------------------------------------------------------------


def variables(result: PassageOutcome) -> dict[str, Variable]:
    """Return everything, for the dataset."""
    study, exact = result.experiment, result.exact
    hamiltonian, units = study.hamiltonian, study.hamiltonian.units
    energy, time, position = units.energy or "1", units.time or "1", units.coordinate or "1"
    name, size = hamiltonian.coordinates[0], hamiltonian.dimension
    diabatic = study.question.basis == "diabatic"
    read_out = "state" if diabatic else "level"
    labels: Any = list(hamiltonian.labels) if diabatic else np.arange(size)
    found = {
        "time": Variable(("time",), result.times, "time", time),
        name: Variable((name,), result.curve_positions, "coordinate", position),
        "level": Variable(("level",), np.arange(size), "adiabatic level, 0 lowest"),
        "state": Variable(("state",), list(hamiltonian.labels), "diabatic state"),
        "final": Variable(("final",), labels, f"final {read_out}"),
        "initial": Variable(("initial",), labels, f"initial {read_out}"),
        "position": Variable(("time",), result.positions, "coordinate at each time", position),
        "population": Variable(("time", read_out), result.populations, "population"),
        "energy": Variable((name, "level"), result.curve_levels, "adiabatic energy", energy),
        "diabatic_energy": Variable(
            (name, "state"), result.curve_diabats, "diagonal element of H", energy
        ),
        "transition_probability": Variable(
            ("final", "initial"), exact.transition_matrix, "exact transition probability"
        ),
        "exact_probability": Variable(
            ("final",), exact.probabilities, "exact final probability of the asked initial state"
        ),
        "panels": Variable((), int(exact.panels), "accepted panels of the exact evolution"),
        "error_estimate": Variable(
            (), float(exact.error_estimate), "bound on the neglected amplitude"
        ),
    }
    for what, text in (
        ("propagator", "evolution matrix"),
        ("density_matrix", "final density matrix"),
    ):
        if (matrix := getattr(exact, what, None)) is not None:
            dims = ("row", "column")
            found[what] = Variable(dims, matrix, f"{text} in the basis H is written in")
    return {
        **found,
        **_crossings(result, energy, position),
        **_predictions(result),
        **_scan(result),
    }


def _crossings(result: PassageOutcome, energy: str, position: str) -> dict[str, Variable]:
    listed = list(result.passage.crossings)
    if not listed:
        return {}
    dims = ("crossing",)
    slope = f"{energy}/{position}"
    return {
        "crossing_position": Variable(
            dims, [c.position for c in listed], "coordinate of the crossing", position
        ),
        "crossing_gap": Variable(dims, [c.gap for c in listed], "minimum adiabatic gap", energy),
        "crossing_avoided": Variable(
            dims, [c.kind == "avoided" for c in listed], "avoided (else true)"
        ),
        "crossing_slope_difference": Variable(
            dims, [c.slope_difference for c in listed], "slope difference of the diabats", slope
        ),
        "crossing_levels": Variable(
            ("crossing", "pair"), [list(c.levels) for c in listed], "the two levels"
        ),
    }


def _formulas(result: PassageOutcome) -> list[str]:
    named = (prediction.name for prediction in result.passage.predictions)
    return list(dict.fromkeys([*named, *result.predicted]))


def _predictions(result: PassageOutcome) -> dict[str, Variable]:
    names = _formulas(result)
    if not names:
        return {}
    known = {p.name: p for p in result.passage.predictions}
    missing = np.full(result.exact.probabilities.shape, np.nan)
    rows = [known[name].probabilities if name in known else missing for name in names]
    inside = [name in known and known[name].valid for name in names]
    return {
        "formula": Variable(("formula",), names, "", ""),
        "predicted_probability": Variable(
            ("formula", "final"), np.array(rows), "closed-form final probability"
        ),
        "inside_domain": Variable(("formula",), np.array(inside), "every check holds"),
    }


def _scan(result: PassageOutcome) -> dict[str, Variable]:
    scan, names = result.scan, _formulas(result)
    if scan is None:
        return {}
    found = scan.variables()
    if names:
        along, exact = scan.axis.parameter, scan["probability"]
        missing, nowhere = np.full(exact.shape, np.nan), np.zeros(len(exact), dtype=np.bool_)
        found["scan_predicted_probability"] = Variable(
            ("formula", along, "final"),
            np.array([result.predicted.get(name, missing) for name in names]),
            "closed-form final probability, along the scan",
        )
        found["scan_inside_domain"] = Variable(
            ("formula", along),
            np.array([result.inside.get(name, nowhere) for name in names]),
            "every check holds, along the scan",
        )
    return found


# ---- numbers ----------------------------------------------------------------------------------


def numbers(result: PassageOutcome) -> dict[str, Any]:
    """Return everything but the curves as nested dicts."""
    study, analysed, exact = result.experiment, result.passage, result.exact
    units, question = study.hamiltonian.units, study.question
    phase = float(exact.phase)
    found = {
        "hamiltonian": repr(study.hamiltonian),
        "drive": repr(study.drive),
        "units": {key: getattr(units, key) for key in ("energy", "time", "coordinate")},
        "question": {key: getattr(question, key) for key in ("initial", "basis", "tolerance")},
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
            "phase": phase,
            "phase_error": phase * float(np.finfo(np.float64).eps),
            "warnings": list(exact.warnings),
        },
        "log_jump": None if analysed.log_jump is None else analysed.log_jump.log_probability,
    }
    if result.scan is not None:
        found["scan"] = {
            **result.scan.numbers(),
            "exact": result.scan["probability"],
            "predictions": {
                name: {"probabilities": values, "valid": result.inside[name]}
                for name, values in result.predicted.items()
            },
            "notes": list(result.unpredicted),
        }
    return found


def crossing_rows(crossings: Iterable[Crossing]) -> list[dict[str, Any]]:
    """Return one dict for each crossing."""
    keys = ["position", "levels", "kind", "gap", "coupling", "slope_difference"]
    keys += ["third_level_distance", "centre_energy", "reason"]
    return [{key: getattr(crossing, key) for key in keys} for crossing in crossings]


# ---- tables -----------------------------------------------------------------------------------


def result_tables(result: PassageOutcome) -> tuple[Table, ...]:
    """Return all tables."""
    units = result.experiment.hamiltonian.units
    found = [crossings_table(result.passage.crossings, units), _predictions_table(result)]
    if any(prediction.checks for prediction in result.passage.predictions):
        found.append(_checks_table(result))
    found.append(_exact_table(result))
    if result.scan is not None:
        found.append(_scan_table(result))
    return tuple(found)


def crossings_table(crossings: Iterable[Crossing], units: Units) -> Table:
    """Return the crossings on the way of a drive."""
    columns = (
        units.label("position", "coordinate"),
        "levels",
        "kind",
        units.label("gap", "energy"),
        "slope difference",
        "third level",
        "reason",
    )
    rows = tuple(
        (
            float(c.position),
            f"{c.levels[0]}, {c.levels[1]}",
            c.kind,
            float(c.gap),
            float(c.slope_difference),
            float(c.third_level_distance) if math.isfinite(c.third_level_distance) else None,
            c.reason,
        )
        for c in crossings
    )
    return Table(
        "crossings",
        columns,
        rows,
        "Third level: how far the nearest other level is, – where there is none.",
        empty="the levels do not cross on the way of the drive",
    )


def _shown(result: PassageOutcome) -> list[int]:
    """Return the states worth a column: the most probable ones."""
    order = np.argsort(-np.asarray(result.exact.probabilities), kind="stable")
    return sorted(order[:_MOST_STATES].tolist())


def _predictions_table(result: PassageOutcome) -> Table:
    question, names = result.experiment.question, result.experiment.states
    shown = _shown(result)
    exact: tuple[Cell, ...] = tuple(float(result.exact.probabilities[k]) for k in shown)
    rows: list[tuple[Cell, ...]] = [("exact", *exact, None, None)]
    for prediction in result.passage.predictions:
        values = (float(prediction.probabilities[k]) for k in shown)
        difference = float(f"{prediction.difference:.2g}")
        rows.append((prediction.name, *values, difference, bool(prediction.valid)))
    return Table(
        f"final probabilities from {names[question.initial]} ({question.basis} read-out)",
        ("", *(names[k] for k in shown), "difference", "domain"),
        tuple(rows),
    )


def _checks_table(result: PassageOutcome) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for prediction in result.passage.predictions:
        for check in (check.summary() for check in prediction.checks):
            relation = "≥" if check["condition"] == ">=" else "≤"
            value = check["value"]
            rows.append(
                (
                    prediction.name,
                    check["quantity"],
                    None if value is None else float(f"{value:.3g}"),
                    f"{relation} {check['limit']:.3g}",
                    bool(check["satisfied"]),
                    "" if check["satisfied"] else check["message"],
                )
            )
    unchecked = [p.name for p in result.passage.predictions if not p.checks]
    note = f"Without conditions of validity: {', '.join(unchecked)}." if unchecked else ""
    columns = ("formula", "condition", "value", "limit", "", "meaning")
    return Table("domain checks", columns, tuple(rows), note)


def _exact_table(result: PassageOutcome) -> Table:
    exact, names = result.exact, result.experiment.states
    shown = _shown(result)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (names[i], *(float(exact.transition_matrix[i][j]) for j in shown)) for i in shown
    )
    phase = float(exact.phase)
    return Table(
        "exact transition probabilities",
        ("to \\ from", *(names[j] for j in shown)),
        rows,
        f"{int(exact.panels)} panels; estimated error {float(exact.error_estimate):.2g} in the "
        f"amplitudes, {phase * float(np.finfo(np.float64).eps):.2g} rad in a total phase of "
        f"{phase:.3g} rad.",
        detail=True,
    )


def _scan_table(result: PassageOutcome) -> Table:
    scan, names = result.scan, result.experiment.states
    assert scan is not None
    exact, shown = scan["probability"], _shown(result)
    if exact.shape[1] == 2:
        shown = [1 - result.experiment.question.initial]
    columns = [scan.axis.parameter, *(f"exact, {names[k]}" for k in shown)]
    for name in result.predicted:
        columns += [name if len(shown) == 1 else f"{name}, largest difference", "domain"]
    rows = []
    for index, value in enumerate(scan.axis.values.tolist()):
        row: list[Cell] = [value, *(float(exact[index, k]) for k in shown)]
        for name, predicted in result.predicted.items():
            one = predicted[index]
            if not np.isfinite(one).all():
                row += [None, None]
                continue
            single = float(one[shown[0]]) if len(shown) == 1 else None
            apart = float(np.abs(one - exact[index]).max())
            row += [apart if single is None else single, bool(result.inside[name][index])]
        rows.append(tuple(row))
    return Table("scan", tuple(columns), tuple(rows), detail=True)


# ---- sentences --------------------------------------------------------------------------------


def sentences(result: PassageOutcome) -> Sentences:
    """Return verdict and notes."""
    analysed = result.passage
    notes = []
    if analysed.log_jump is not None:
        value = analysed.log_jump.log_probability
        notes.append(f"ln P of the jump, on a complex contour, is {value:.10g}")
    if not analysed.predictions:
        notes.append("no closed form applies to this passage")
    notes += [*analysed.warnings, *result.exact.warnings]
    if result.scan is not None:
        notes += [f"{result.scan.axis}: {_scan_sentence(result)}"]
        notes += [*result.scan.failures[:5], *result.unpredicted[:5]]
    trusted = any(prediction.valid for prediction in analysed.predictions)
    return Sentences(analysed.verdict, trusted, tuple(notes))


def _scan_sentence(result: PassageOutcome) -> str:
    assert result.scan is not None
    if not result.predicted:
        return "no closed form applies"
    said = []
    for name, predicted in result.predicted.items():
        inside = np.isfinite(predicted).all(axis=1) & result.inside[name]
        if not inside.any():
            said.append(f"{name} is nowhere within its domain")
            continue
        worst = float(np.abs(predicted - result.scan["probability"])[inside].max())
        where = "everywhere" if inside.all() else f"at {int(inside.sum())} points"
        said.append(f"{name} is within its domain {where} and differs there by at most {worst:.1e}")
    return "; ".join(said)
