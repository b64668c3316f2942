"""Thermal rates as variables, numbers, tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.variables import Variable
from anticrossing.formulas import DomainCheck
from anticrossing.studies.outcome import Cell, Scanned, Sentences, Table
from anticrossing.studies.rates_system import TITLES

if TYPE_CHECKING:
    from anticrossing.studies.kinds.rates import RatesOutcome

_WARNING = (
    "Thermal rates of a population in a bath; none of them is the probability of one passage."
)


def variables(result: RatesOutcome) -> dict[str, Variable]:
    """Return everything, for the dataset."""
    study = result.experiment
    unit = study.units.rate or "1"
    predicted = result.predictions
    checks = [(name, check) for name, one in predicted.items() for check in one.checks]
    names = list(study.formulas)
    rates = [result.rates.get(name, np.nan) for name in names]
    inside = [name in predicted and predicted[name].valid for name in names]
    labels = [f"{name}: {check.quantity}" for name, check in checks]
    variables = {
        "formula": Variable(("formula",), names, "", ""),
        "condition": Variable(("condition",), np.array(labels, dtype=str), "", ""),
        "rate": Variable(("formula",), rates, "thermal rate", unit),
        "inside_domain": Variable(("formula",), inside, "every check holds"),
        "check": Variable(("condition",), [check.worst for _, check in checks], "value"),
        "limit": Variable(("condition",), [check.limit for _, check in checks], "largest allowed"),
    }
    if result.scan is not None:
        axis, found = result.scan.axis, result.scan.variables()
        along = found[axis.parameter]._replace(unit=study.units.of(axis.name) or "1")
        rate = found["scan_rate"]._replace(unit=unit)
        variables |= {**found, axis.parameter: along, "scan_rate": rate}
    return variables


def numbers(result: RatesOutcome) -> dict[str, Any]:
    """Return everything as nested dicts."""
    study, system = result.experiment, result.experiment.system
    found: dict[str, Any] = {
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
                "rate": result.rates[name],
                "inside_domain": prediction.valid if prediction.checks else None,
                "checks": [check.summary() for check in prediction.checks],
            }
            for name, prediction in result.predictions.items()
        ],
        "failures": result.failures,
    }
    if result.scan is not None:
        along = {key: np.moveaxis(result.scan[key], 0, 1) for key in ("rate", "inside_domain")}
        found["scan"] = {
            **result.scan.numbers(),
            "failures": {
                name: result.missing[name]
                for name, rates in zip(study.formulas, along["rate"], strict=True)
                if np.isnan(rates).any()
            },
            "rates": dict(zip(study.formulas, along["rate"], strict=True)),
            "inside_domain": dict(zip(study.formulas, along["inside_domain"] == 1, strict=True)),
        }
    return found


# ---- tables -----------------------------------------------------------------------------------


def result_tables(result: RatesOutcome) -> tuple[Table, ...]:
    """Return all tables."""
    found = [_rates_table(result)]
    if any(prediction.checks for prediction in result.predictions.values()):
        found.append(_checks_table(result))
    if result.scan is not None:
        found.append(_scan_table(result, result.scan))
    return tuple(found)


def _rates_table(result: RatesOutcome) -> Table:
    units = result.experiment.units
    rows: list[tuple[Cell, ...]] = []
    for name in result.experiment.formulas:
        if name not in result.predictions:
            rows.append((TITLES[name], None, None, None))
            continue
        rate = result.rates[name]
        domain = result.predictions[name].valid if result.predictions[name].checks else None
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


def _checks_table(result: RatesOutcome) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            TITLES[name],
            check.quantity,
            float(f"{check.worst:.3g}"),
            f"≤ {check.limit:.3g}",
            bool(check.satisfied),
            "" if check.satisfied else check.message,
        )
        for name, prediction in result.predictions.items()
        for check in prediction.checks
    ]
    return Table(
        "domain checks", ("formula", "condition", "value", "limit", "", "meaning"), tuple(rows)
    )


def _scan_table(result: RatesOutcome, scan: Scanned) -> Table:
    study = result.experiment
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


# ---- sentences --------------------------------------------------------------------------------


def sentences(result: RatesOutcome) -> Sentences:
    """Return verdict and notes."""
    study = result.experiment
    unit = f" {study.units.rate}" if study.units.rate else ""
    inside = [
        TITLES[name] for name, found in result.predictions.items() if found.valid and found.checks
    ]
    parts = [f"{TITLES[name]} gives {rate:.4g}{unit}" for name, rate in result.rates.items()]
    if inside:
        verdict = f"Within {'its' if len(inside) == 1 else 'their'} domain: {', '.join(inside)}. "
    else:
        verdict = "No formula is within a domain that could be checked. "
    verdict += (", ".join(parts) if parts else "No rate at the point shown") + "."
    notes = [
        f"{TITLES[name]}: {_exceeded(check)}"
        for name, found in result.predictions.items()
        for check in found.checks
        if not check.satisfied
    ]
    notes += [
        f"{TITLES[name]} gave no rate: {reason.rstrip('.')}"
        for name, reason in result.missing.items()
    ]
    notes += [
        f"{TITLES[name]}: the domain is not checked, for nothing to compare with was given"
        for name, found in result.predictions.items()
        if not found.checks
    ]
    if result.scan is not None:
        notes += [_scan_sentence(result, result.scan), *result.scan.failures[:5]]
    return Sentences(verdict, bool(inside), tuple(notes))


def _exceeded(check: DomainCheck) -> str:
    return f"{check.quantity} is {check.worst:.3g}, above {check.limit:.3g}: {check.message}"


def _scan_sentence(result: RatesOutcome, scan: Scanned) -> str:
    study = result.experiment
    unit = study.units.of(scan.axis.name)
    size = scan.axis.values.size
    low, high = scan.axis.values[0], scan.axis.values[-1]
    text = f"scan of {scan.axis.parameter} from {low:g} to {high:g}{f' {unit}' if unit else ''}"
    said = []
    columns = (scan[key].T for key in ("rate", "inside_domain", "worst_check"))
    for name, rates, inside, worst in zip(study.formulas, *columns, strict=True):
        if np.isfinite(worst).any():
            part = f"{TITLES[name]} is within its domain at {int((inside == 1).sum())} of {size}"
            gaps = " and gives no rate at some" if np.isnan(rates).any() else ""
            said.append(f"{part} points{gaps}")
    return f"{text}: {'; '.join(said)}" if said else text
