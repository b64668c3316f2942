"""Thermal rates by one or several formulas: experiment file, result, tables and dataset."""

from anticrossing.studies.rates.file import RatesStudy, read
from anticrossing.studies.rates.result import RatesOutcome, RatesScan

__all__ = ["RatesOutcome", "RatesScan", "RatesStudy", "read"]
