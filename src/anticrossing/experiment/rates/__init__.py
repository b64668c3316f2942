"""Thermal rates by one or several formulas: experiment file, result, tables and dataset."""

from anticrossing.experiment.rates.file import RatesStudy, read
from anticrossing.experiment.rates.result import RatesOutcome, RatesScan

__all__ = ["RatesOutcome", "RatesScan", "RatesStudy", "read"]
