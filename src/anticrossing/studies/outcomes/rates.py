"""Thermal rates as variables, numbers, tables and sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.formulas import DomainCheck, Prediction
from anticrossing.studies.outcome import Cell, Outcome, Scanned, Sentences, Table
from anticrossing.studies.rates_system import TITLES

_WARNING = (
    "Rates of a population, in a bath or of isolated molecules; none is the probability of one "
    "passage."
)


@record
class RatesOutcome(Outcome):
    """What came out of the formulas of a file.

    Attributes
    ----------
    experiment : RatesStudy
    predictions : dict of str to Prediction
        By formula, at the point shown in detail, in natural units; those that gave a rate.
    failures : dict of str to str
        By formula: why it gave no rate there.
    scan : Scanned or None
    missing : dict of str to str
        By formula: why it gave no rate there or, first, along the scan.
    """

    experiment: Any
    predictions: dict[str, Prediction]
    failures: dict[str, str]
    scan: Scanned | None
    missing: dict[str, str]

    @property
    def rates(self) -> dict[str, float]:
        """The rates by formula, in the unit of the file."""
        factor = self.experiment.units.base.angular
        return {name: factor * float(found) for name, found in self.predictions.items()}

    @property
    def caption(self) -> str:
        """What the figure shows."""
        if self.scan is None:
            return "the rate by each formula; how far each condition is from its limit"
        label = self.scan.axis.label
        return f"rates against the {label}; how far the conditions are from their limits"

    def figure(self) -> Any:
        """Draw the rates and how far each condition is from its limit."""
        from anticrossing.plot.rates import figure

        return figure(self, TITLES)

    def own_variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        study = self.experiment
        unit = study.units.rate or "1"
        predicted = self.predictions
        checks = [(name, check) for name, one in predicted.items() for check in one.checks]
        names = list(study.formulas)
        rates = [self.rates.get(name, np.nan) for name in names]
        inside = [name in predicted and predicted[name].valid for name in names]
        labels = [f"{name}: {check.quantity}" for name, check in checks]
        return {
            "formula": Variable(("formula",), names, "", ""),
            "condition": Variable(("condition",), np.array(labels, dtype=str), "", ""),
            "rate": Variable(("formula",), rates, "thermal rate", unit),
            "inside_domain": Variable(("formula",), inside, "every check holds"),
            "check": Variable(("condition",), [check.worst for _, check in checks], "value"),
            "limit": Variable(
                ("condition",), [check.limit for _, check in checks], "largest allowed"
            ),
        }

    def scan_variables(self, scan: Scanned) -> dict[str, Variable]:
        """Return a scan with its units, for the dataset."""
        axis, units, found = scan.axis, self.experiment.units, scan.variables()
        along = found[axis.parameter]._replace(unit=units.of(axis.name) or "1")
        rate = found["scan_rate"]._replace(unit=units.rate or "1")
        return {**found, axis.parameter: along, "scan_rate": rate}

    def numbers(self) -> dict[str, Any]:
        """Return everything as nested dicts."""
        study, system = self.experiment, self.experiment.system
        return {
            "units": {
                "energy": study.units.base.energy,
                "temperature": study.units.of("temperature"),
                "rate": study.units.rate,
            },
            "reorganization_energy": system.total_reorganization_energy or None,
            "formulas": [
                {
                    "formula": name,
                    "title": TITLES[name],
                    "equation": prediction.equation,
                    "rate": self.rates[name],
                    "inside_domain": prediction.valid if prediction.checks else None,
                    "checks": [check.summary() for check in prediction.checks],
                }
                for name, prediction in self.predictions.items()
            ],
            "failures": self.failures,
        }

    def scan_numbers(self, scan: Scanned) -> dict[str, Any]:
        """Return a scan by formula, for JSON."""
        formulas = self.experiment.formulas
        rates = dict(zip(formulas, scan["rate"].T, strict=True))
        gaps = [name for name, values in rates.items() if np.isnan(values).any()]
        return {
            **scan.numbers(),
            "failures": {name: self.missing[name] for name in gaps},
            "rates": rates,
            "inside_domain": dict(zip(formulas, scan["inside_domain"].T == 1, strict=True)),
        }

    def own_tables(self) -> list[Table]:
        """Return all tables."""
        found = [self._rates_table()]
        if any(prediction.checks for prediction in self.predictions.values()):
            found.append(self._checks_table())
        return found

    def _rates_table(self) -> Table:
        units = self.experiment.units
        rows: list[tuple[Cell, ...]] = []
        for name in self.experiment.formulas:
            if name not in self.predictions:
                rows.append((TITLES[name], None, None, None))
                continue
            rate = self.rates[name]
            domain = self.predictions[name].valid if self.predictions[name].checks else None
            rows.append((TITLES[name], rate, 1 / rate if rate > 0 else None, domain))
        return Table(
            "rates",
            (
                "formula",
                f"rate ({units.rate})" if units.rate else "rate",
                f"1 / rate ({units.base.time})" if units.rate else "1 / rate",
                "domain",
            ),
            tuple(rows),
            _WARNING,
        )

    def _checks_table(self) -> Table:
        rows: list[tuple[Cell, ...]] = [
            (
                TITLES[name],
                check.quantity,
                float(f"{check.worst:.3g}"),
                f"≤ {check.limit:.3g}",
                bool(check.satisfied),
                "" if check.satisfied else check.message,
            )
            for name, prediction in self.predictions.items()
            for check in prediction.checks
        ]
        return Table(
            "domain checks", ("formula", "condition", "value", "limit", "", "meaning"), tuple(rows)
        )

    def scan_table(self, scan: Scanned) -> Table:
        """Return rates and domains along the scan."""
        study = self.experiment
        columns = [scan.axis.parameter]
        for name in study.formulas:
            columns += [TITLES[name], "domain"]
        rows: list[tuple[Cell, ...]] = []
        for index, value in enumerate(scan.axis.values.tolist()):
            row: list[Cell] = [value]
            for rates, inside in zip(scan["rate"].T, scan["inside_domain"].T, strict=True):
                missing = bool(np.isnan(rates[index]))
                row += [None, None] if missing else [float(rates[index]), bool(inside[index] == 1)]
            rows.append(tuple(row))
        unit = study.units.of(scan.axis.name)
        note = f"{scan.axis.parameter} in {unit}, rates in {study.units.rate}." if unit else ""
        return Table("scan", tuple(columns), tuple(rows), note, detail=True)

    def own_sentences(self) -> Sentences:
        """Return verdict and notes."""
        study = self.experiment
        unit = f" {study.units.rate}" if study.units.rate else ""
        inside = [
            TITLES[name] for name, found in self.predictions.items() if found.valid and found.checks
        ]
        parts = [f"{TITLES[name]} gives {rate:.4g}{unit}" for name, rate in self.rates.items()]
        if inside:
            verdict = (
                f"Within {'its' if len(inside) == 1 else 'their'} domain: {', '.join(inside)}. "
            )
        else:
            verdict = "No formula is within a domain that could be checked. "
        verdict += (", ".join(parts) if parts else "No rate at the point shown") + "."
        notes = [
            f"{TITLES[name]}: {_exceeded(check)}"
            for name, found in self.predictions.items()
            for check in found.checks
            if not check.satisfied
        ]
        notes += [
            f"{TITLES[name]} gave no rate: {reason.rstrip('.')}"
            for name, reason in self.missing.items()
        ]
        notes += [
            f"{TITLES[name]}: the domain is not checked, for nothing to compare with was given"
            for name, found in self.predictions.items()
            if not found.checks
        ]
        return Sentences(verdict, bool(inside), tuple(notes))

    def scan_sentence(self, scan: Scanned) -> str:
        """Return at how many points the formulas are within their domains."""
        study = self.experiment
        unit = study.units.of(scan.axis.name)
        size = scan.axis.values.size
        low, high = scan.axis.values[0], scan.axis.values[-1]
        text = f"scan of {scan.axis.parameter} from {low:g} to {high:g}{f' {unit}' if unit else ''}"
        said = []
        columns = (scan[key].T for key in ("rate", "inside_domain", "worst_check"))
        for name, rates, inside, worst in zip(study.formulas, *columns, strict=True):
            if np.isfinite(worst).any():
                part = (
                    f"{TITLES[name]} is within its domain at {int((inside == 1).sum())} of {size}"
                )
                gaps = " and gives no rate at some" if np.isnan(rates).any() else ""
                said.append(f"{part} points{gaps}")
        return f"{text}: {'; '.join(said)}" if said else text


def _exceeded(check: DomainCheck) -> str:
    return f"{check.quantity} is {check.worst:.3g}, above {check.limit:.3g}: {check.message}"
