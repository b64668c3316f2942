"""Evaluating the formulas at one point, and along a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.unchanging import read_only
from anticrossing.formulas import Prediction
from anticrossing.studies.outcome import Outcome, Progress
from anticrossing.studies.rates.file import RatesStudy
from anticrossing.studies.rates.system import FORMULAS, System
from anticrossing.studies.scan import ScanValues


@read_only
@dataclass(frozen=True, eq=False)
class RatesScan:
    """Rates along a scan, arrays of shape (F, P) for F formulas and P points.

    Attributes
    ----------
    scan : ScanValues
    rates : array, shape (F, P)
        In the unit of the file; NaN where a formula gave none.
    inside : array of bool, shape (F, P)
        Where every condition of the formula holds.
    checks : dict of (formula, condition) to array, shape (P,)
        What the conditions compare, over what is allowed: at most one inside the domain.
    failures : dict of str to str
        By formula: why it gave no rate at some points, the first reason.
    """

    scan: ScanValues
    rates: FloatArray
    inside: npt.NDArray[np.bool_]
    checks: dict[tuple[str, str], FloatArray]
    failures: dict[str, str]


@read_only
@dataclass(frozen=True, eq=False)
class RatesOutcome(Outcome):
    """What came out of the formulas of a file.

    Attributes
    ----------
    experiment : RatesStudy
    predictions : dict of str to Prediction
        By formula, at the point shown in detail, in natural units; those that gave a rate.
    failures : dict of str to str
        By formula: why it gave no rate there.
    scan : RatesScan or None
    """

    experiment: RatesStudy
    predictions: dict[str, Prediction]
    failures: dict[str, str]
    scan: RatesScan | None

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
        label = self.scan.scan.label
        return f"rates against the {label}; how far the conditions are from their limits"


def run(study: RatesStudy, progress: Progress | None = None) -> RatesOutcome:
    """Evaluate every formula; one that gives no rate at a point does not stop the others."""
    predictions, failures = _evaluate(study.formulas, study.system)
    scan = None if study.scan is None else _scan(study, study.scan, progress)
    if not predictions and (scan is None or not np.isfinite(scan.rates).any()):
        raise ConvergenceError(next(iter(failures.values())))
    return RatesOutcome(study, predictions, failures, scan)


def _evaluate(
    formulas: tuple[str, ...], system: System
) -> tuple[dict[str, Prediction], dict[str, str]]:
    predictions, failures = {}, {}
    for name in formulas:
        try:
            predictions[name] = FORMULAS[name].evaluate(system)
        except ConvergenceError as error:
            failures[name] = str(error)
    return predictions, failures


def _scan(study: RatesStudy, scan: ScanValues, progress: Progress | None) -> RatesScan:
    shape = (len(study.formulas), scan.values.size)
    rates, inside = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
    checks: dict[tuple[str, str], FloatArray] = {}
    failures: dict[str, str] = {}
    factor = study.units.base.angular
    for column, value in enumerate(scan.values):
        found, failed = _evaluate(study.formulas, study.point(float(value)))
        failures = {**failed, **failures}
        for row, name in enumerate(study.formulas):
            if name not in found:
                continue
            rates[row, column] = factor * float(found[name])
            inside[row, column] = found[name].valid
            for check in found[name].checks:
                line = checks.setdefault((name, check.quantity), np.full(shape[1], np.nan))
                line[column] = check.worst / check.limit
        if progress is not None:
            progress(column + 1, shape[1])
    return RatesScan(scan, rates, inside, checks, failures)
