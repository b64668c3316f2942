"""The result of thermal rates as numbers, tables and sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing.formulas import DomainCheck
from anticrossing.studies.outcome import Cell, Sentences, Table
from anticrossing.studies.rates.result import RatesOutcome, RatesScan
from anticrossing.studies.rates.system import TITLES

_WARNING = (
    "Thermal rates of a population in a bath; none of them is the probability of one passage."
)


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
        scan = result.scan
        found["scan"] = {
            "parameter": scan.scan.parameter,
            "values": scan.scan.values,
            "rates": dict(zip(study.formulas, scan.rates, strict=True)),
            "inside_domain": dict(zip(study.formulas, scan.inside, strict=True)),
            "failures": scan.failures,
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


def _scan_table(result: RatesOutcome, scan: RatesScan) -> Table:
    study = result.experiment
    columns = [scan.scan.parameter]
    for name in study.formulas:
        columns += [TITLES[name], "domain"]
    rows: list[tuple[Cell, ...]] = []
    for index, value in enumerate(scan.scan.values.tolist()):
        row: list[Cell] = [value]
        for rates, inside in zip(scan.rates, scan.inside, strict=True):
            missing = bool(np.isnan(rates[index]))
            row += [None, None] if missing else [float(rates[index]), bool(inside[index])]
        rows.append(tuple(row))
    unit = study.units.of(scan.scan.name)
    note = f"{scan.scan.parameter} in {unit}, rates in {study.units.rate}." if unit else ""
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
        f"{TITLES[name]} gave no rate: {reason.rstrip('.')}" for name, reason in _missing(result)
    ]
    notes += [
        f"{TITLES[name]}: the domain is not checked, for nothing to compare with was given"
        for name, found in result.predictions.items()
        if not found.checks
    ]
    if result.scan is not None:
        notes.append(_scan_sentence(result, result.scan))
    return Sentences(verdict, bool(inside), tuple(notes))


def _exceeded(check: DomainCheck) -> str:
    return f"{check.quantity} is {check.worst:.3g}, above {check.limit:.3g}: {check.message}"


def _missing(result: RatesOutcome) -> list[tuple[str, str]]:
    scanned = {} if result.scan is None else result.scan.failures
    found = {**result.failures, **{k: v for k, v in scanned.items() if k not in result.failures}}
    return list(found.items())


def _scan_sentence(result: RatesOutcome, scan: RatesScan) -> str:
    values, study = scan.scan.values, result.experiment
    unit = study.units.of(scan.scan.name)
    text = f"scan of {scan.scan.parameter} from {values[0]:g} to {values[-1]:g}"
    text += f" {unit}" if unit else ""
    parts = []
    checked = {name for name, _ in scan.checks}
    for name, rates, inside in zip(study.formulas, scan.rates, scan.inside, strict=True):
        if name not in checked:
            continue
        given = int(np.isfinite(rates).sum())
        part = f"{TITLES[name]} is within its domain at {int(inside.sum())} of {values.size} points"
        parts.append(part if given == values.size else f"{part} and gives no rate at some")
    return f"{text}: {'; '.join(parts)}" if parts else text
