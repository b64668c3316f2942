"""Fits: from populations to gap, T₁, T₂ and the drive; from spectra and surfaces to H.

What enters needs data; its model comes from `anticrossing.formulas`, `anticrossing.dynamics` or
`anticrossing.spectrum`. Sampling a posterior needs emcee: ``pip install 'anticrossing[fit]'``.
"""

from anticrossing._core.public import guard
from anticrossing.fits._level_crossings import FittedCrossing
from anticrossing.fits.information import NextMeasurement
from anticrossing.fits.interferogram import fit_interferogram, synthetic_interferogram
from anticrossing.fits.kinetics import KineticFit, fit_kinetics
from anticrossing.fits.levels import fit_levels
from anticrossing.fits.levels_result import LevelFit, OtherAssignment
from anticrossing.fits.lines import Lines, read_lines
from anticrossing.fits.measurement import Measurement, read_measurement
from anticrossing.fits.passages import fit_passages, synthetic_passages
from anticrossing.fits.peaks import find_lines
from anticrossing.fits.posterior import Posterior
from anticrossing.fits.result import FitResult, FittedParameter
from anticrossing.fits.vibronic import fit_vibronic
from anticrossing.fits.vibronic_result import VibronicFit

__all__ = [
    "FitResult",
    "FittedCrossing",
    "FittedParameter",
    "KineticFit",
    "LevelFit",
    "Lines",
    "Measurement",
    "NextMeasurement",
    "OtherAssignment",
    "Posterior",
    "VibronicFit",
    "find_lines",
    "fit_interferogram",
    "fit_kinetics",
    "fit_levels",
    "fit_passages",
    "fit_vibronic",
    "read_lines",
    "read_measurement",
    "synthetic_interferogram",
    "synthetic_passages",
]

guard(__name__)
