"""Fits: from measured populations to gap, T₁, T₂ and the calibration of the drive.

What enters needs data; its model comes from `anticrossing.formulas` or `anticrossing.dynamics`.
Sampling a posterior needs emcee: ``pip install 'anticrossing[fit]'``.
"""

from anticrossing._core.public import guard
from anticrossing.fits.information import NextMeasurement
from anticrossing.fits.interferogram import fit_interferogram, synthetic_interferogram
from anticrossing.fits.measurement import Measurement, read_measurement
from anticrossing.fits.passages import fit_passages, synthetic_passages
from anticrossing.fits.posterior import Posterior
from anticrossing.fits.result import FitResult, FittedParameter

__all__ = [
    "FitResult",
    "FittedParameter",
    "Measurement",
    "NextMeasurement",
    "Posterior",
    "fit_interferogram",
    "fit_passages",
    "read_measurement",
    "synthetic_interferogram",
    "synthetic_passages",
]

guard(__name__)
