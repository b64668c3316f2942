"""A passage as variables, numbers, tables and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.analysis import Passage
from anticrossing.dynamics import Propagation
from anticrossing.studies.outcome import Cell, Outcome, Scanned, Sentences, Table
from anticrossing.studies.outcomes.sensitivity import sensitivity_numbers, sensitivity_table

if TYPE_CHECKING:
    from anticrossing.spectrum import Crossing
    from anticrossing.units import Units

_MOST_STATES = 6  # in a table


@record
class PassageOutcome(Outcome):
    """What came out of a passage.

    Attributes
    ----------
    experiment : PassageStudy
    passage : Passage
        The analysis of the study's own point.
    times, positions : array, shape (K,)
        Where the populations were sampled, denser around the passages.
    populations : array, shape (K, N)
        In the adiabatic basis, or the diabatic one if that is the read-out.
    curve_positions : array, shape (M,)
        Coordinates of the level curves.
    curve_levels : array, shape (M, N)
        Adiabatic levels, sorted by energy.
    curve_diabats : array, shape (M, N)
        Diagonal elements of H.
    scan : Scanned or None
        The exact answer along the scan.
    predicted : dict of str to array, shape (P, N)
        By formula, along the scan; NaN where it does not apply.
    inside : dict of str to bool array, shape (P,)
        Whether every check of the formula's domain holds.
    unpredicted : tuple of str
        Points at which the closed forms could not be evaluated, with the reason.
    """

    experiment: Any
    passage: Passage
    times: FloatArray
    positions: FloatArray
    populations: FloatArray
    curve_positions: FloatArray
    curve_levels: FloatArray
    curve_diabats: FloatArray
    scan: Scanned | None
    predicted: dict[str, FloatArray]
    inside: dict[str, npt.NDArray[np.bool_]]
    unpredicted: tuple[str, ...]

    @property
    def exact(self) -> Propagation:
        """The exact evolution of the study's own point."""
        return self.passage.exact

    @property
    def caption(self) -> str:
        """What the figure shows."""
        return (
            "Levels with their crossings, populations through the passage, and predictions against "
            "the exact answer"
        )

    def _attributes(self) -> dict[str, Any]:
        question = self.experiment.question
        units = self.experiment.hamiltonian.units
        return {
            **super()._attributes(),
            "energy_unit": units.energy or "natural (hbar = 1)",
            "time_unit": units.time or "natural (hbar = 1)",
            "read_out_basis": question.basis,
            "initial": question.initial,
            "tolerance": question.tolerance,
        }

    def figure(self) -> Any:
        """Draw levels, populations, and predictions against the exact answer."""
        from anticrossing.plot import panels, scan_panels, style
        from anticrossing.plot.figure import panels_of

        lower = bool(self.passage.predictions) or self.scan is not None
        with style.style():
            drawn, axes = panels_of(self.experiment.title, 2 if lower else 1)
            panels.levels(self, ax=axes[0][0])
            panels.populations(self, ax=axes[0][1])
            if self.scan is not None:
                scan_panels.scan(self, ax=axes[1][0])
                scan_panels.scan_differences(self, ax=axes[1][1])
            elif lower:
                panels.comparison(self, ax=axes[1][0])
                panels.differences(self, ax=axes[1][1])
        return drawn

    def own_variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        study, exact = self.experiment, self.exact
        hamiltonian, units = study.hamiltonian, study.hamiltonian.units
        energy, time, position = units.energy or "1", units.time or "1", units.coordinate or "1"
        name, size = hamiltonian.coordinates[0], hamiltonian.dimension
        diabatic = study.question.basis == "diabatic"
        read_out = "state" if diabatic else "level"
        labels: Any = list(hamiltonian.labels) if diabatic else np.arange(size)
        found = {
            "time": Variable(("time",), self.times, "time", time),
            name: Variable((name,), self.curve_positions, "coordinate", position),
            "level": Variable(("level",), np.arange(size), "adiabatic level, 0 lowest"),
            "state": Variable(("state",), list(hamiltonian.labels), "diabatic state"),
            "final": Variable(("final",), labels, f"final {read_out}"),
            "initial": Variable(("initial",), labels, f"initial {read_out}"),
            "position": Variable(("time",), self.positions, "coordinate at each time", position),
            "population": Variable(("time", read_out), self.populations, "population"),
            "energy": Variable((name, "level"), self.curve_levels, "adiabatic energy", energy),
            "diabatic_energy": Variable(
                (name, "state"), self.curve_diabats, "diagonal element of H", energy
            ),
            "transition_probability": Variable(
                ("final", "initial"), exact.transition_matrix, "exact transition probability"
            ),
            "exact_probability": Variable(
                ("final",),
                exact.probabilities,
                "exact final probability of the asked initial state",
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
        return {**found, **self._crossings(energy, position), **self._predictions()}

    def _crossings(self, energy: str, position: str) -> dict[str, Variable]:
        listed = list(self.passage.crossings)
        if not listed:
            return {}
        dims = ("crossing",)
        slope = f"{energy}/{position}"
        return {
            "crossing_position": Variable(
                dims, [c.position for c in listed], "coordinate of the crossing", position
            ),
            "crossing_gap": Variable(
                dims, [c.gap for c in listed], "minimum adiabatic gap", energy
            ),
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

    def _formulas(self) -> list[str]:
        named = (prediction.name for prediction in self.passage.predictions)
        return list(dict.fromkeys([*named, *self.predicted]))

    def _predictions(self) -> dict[str, Variable]:
        names = self._formulas()
        if not names:
            return {}
        known = {p.name: p for p in self.passage.predictions}
        missing = np.full(self.exact.probabilities.shape, np.nan)
        rows = [known[name].probabilities if name in known else missing for name in names]
        inside = [name in known and known[name].valid for name in names]
        return {
            "formula": Variable(("formula",), names, "", ""),
            "predicted_probability": Variable(
                ("formula", "final"), np.array(rows), "closed-form final probability"
            ),
            "inside_domain": Variable(("formula",), np.array(inside), "every check holds"),
        }

    def scan_variables(self, scan: Scanned) -> dict[str, Variable]:
        """Return the exact answer and the closed forms along the scan, for the dataset."""
        names, found = self._formulas(), scan.variables()
        if names:
            along, exact = scan.axis.parameter, scan["probability"]
            missing, nowhere = np.full(exact.shape, np.nan), np.zeros(len(exact), dtype=np.bool_)
            found["scan_predicted_probability"] = Variable(
                ("formula", along, "final"),
                np.array([self.predicted.get(name, missing) for name in names]),
                "closed-form final probability, along the scan",
            )
            found["scan_inside_domain"] = Variable(
                ("formula", along),
                np.array([self.inside.get(name, nowhere) for name in names]),
                "every check holds, along the scan",
            )
        return found

    def numbers(self) -> dict[str, Any]:
        """Return everything but the curves as nested dicts."""
        study, analysed, exact = self.experiment, self.passage, self.exact
        units, question = study.hamiltonian.units, study.question
        phase = float(exact.phase)
        return {
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
            "sensitivity": sensitivity_numbers(analysed.sensitivity),
        }

    def scan_numbers(self, scan: Scanned) -> dict[str, Any]:
        """Return the exact answer and the closed forms along the scan, for JSON."""
        return {
            **scan.numbers(),
            "exact": scan["probability"],
            "predictions": {
                name: {"probabilities": values, "valid": self.inside[name]}
                for name, values in self.predicted.items()
            },
            "notes": list(self.unpredicted),
        }

    def own_tables(self) -> list[Table]:
        """Return all tables."""
        units = self.experiment.hamiltonian.units
        found = [crossings_table(self.passage.crossings, units), self._predictions_table()]
        if any(prediction.checks for prediction in self.passage.predictions):
            found.append(self._checks_table())
        found.append(self._exact_table())
        if self.passage.sensitivity is not None:
            shown = self._shown()
            named = {k: self.experiment.states[k] for k in shown}
            found.append(sensitivity_table(self.passage.sensitivity, named))
        return found

    def _shown(self) -> list[int]:
        """Return the states worth a column: the most probable ones."""
        order = np.argsort(-np.asarray(self.exact.probabilities), kind="stable")
        return sorted(order[:_MOST_STATES].tolist())

    def _predictions_table(self) -> Table:
        question, names = self.experiment.question, self.experiment.states
        shown = self._shown()
        exact: tuple[Cell, ...] = tuple(float(self.exact.probabilities[k]) for k in shown)
        rows: list[tuple[Cell, ...]] = [("exact", *exact, None, None)]
        for prediction in self.passage.predictions:
            values = (float(prediction.probabilities[k]) for k in shown)
            difference = float(f"{prediction.difference:.2g}")
            rows.append((prediction.name, *values, difference, bool(prediction.valid)))
        return Table(
            f"final probabilities from {names[question.initial]} ({question.basis} read-out)",
            ("", *(names[k] for k in shown), "difference", "domain"),
            tuple(rows),
        )

    def _checks_table(self) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for prediction in self.passage.predictions:
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
        unchecked = [p.name for p in self.passage.predictions if not p.checks]
        note = f"Without conditions of validity: {', '.join(unchecked)}." if unchecked else ""
        columns = ("formula", "condition", "value", "limit", "", "meaning")
        return Table("domain checks", columns, tuple(rows), note)

    def _exact_table(self) -> Table:
        exact, names = self.exact, self.experiment.states
        shown = self._shown()
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

    def scan_table(self, scan: Scanned) -> Table:
        """Return the most probable states along the scan, and what the closed forms give."""
        names = self.experiment.states
        exact, shown = scan["probability"], self._shown()
        if exact.shape[1] == 2:
            shown = [1 - self.experiment.question.initial]
        columns = [scan.axis.parameter, *(f"exact, {names[k]}" for k in shown)]
        for name in self.predicted:
            columns += [name if len(shown) == 1 else f"{name}, largest difference", "domain"]
        rows = []
        for index, value in enumerate(scan.axis.values.tolist()):
            row: list[Cell] = [value, *(float(exact[index, k]) for k in shown)]
            for name, predicted in self.predicted.items():
                one = predicted[index]
                if not np.isfinite(one).all():
                    row += [None, None]
                    continue
                single = float(one[shown[0]]) if len(shown) == 1 else None
                apart = float(np.abs(one - exact[index]).max())
                row += [apart if single is None else single, bool(self.inside[name][index])]
            rows.append(tuple(row))
        return Table("scan", tuple(columns), tuple(rows), detail=True)

    def own_sentences(self) -> Sentences:
        """Return verdict and notes."""
        analysed = self.passage
        notes = []
        if analysed.log_jump is not None:
            value = analysed.log_jump.log_probability
            notes.append(f"ln P of the jump, on a complex contour, is {value:.10g}")
        if not analysed.predictions:
            notes.append("no closed form applies to this passage")
        notes += [*analysed.warnings, *self.exact.warnings]
        notes += self.unpredicted[:5]
        trusted = any(prediction.valid for prediction in analysed.predictions)
        return Sentences(analysed.verdict, trusted, tuple(notes))

    def scan_sentence(self, scan: Scanned) -> str:
        """Return where the closed forms apply, and how good they are there."""
        if not self.predicted:
            return f"{scan.axis}: no closed form applies"
        said = []
        for name, predicted in self.predicted.items():
            inside = np.isfinite(predicted).all(axis=1) & self.inside[name]
            if not inside.any():
                said.append(f"{name} is nowhere within its domain")
                continue
            worst = float(np.abs(predicted - scan["probability"])[inside].max())
            where = "everywhere" if inside.all() else f"at {int(inside.sum())} points"
            said.append(
                f"{name} is within its domain {where} and differs there by at most {worst:.1e}"
            )
        return f"{scan.axis}: {'; '.join(said)}"


def crossing_rows(crossings: Iterable[Crossing]) -> list[dict[str, Any]]:
    """Return one dict for each crossing."""
    keys = ["position", "levels", "kind", "gap", "coupling", "slope_difference"]
    keys += ["third_level_distance", "centre_energy", "reason"]
    return [{key: getattr(crossing, key) for key in keys} for crossing in crossings]


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
