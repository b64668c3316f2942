"""Drives x(t): how the coordinate moves in time.

A drive has a window [start_time, stop_time], a position x(t), a velocity dx/dt, and breakpoints:
the times inside the window at which x(t) is continuous but not smooth. Parameters may be arrays;
their broadcast shape is the batch shape. A drive knows no levels. A `Path` holds one drive, or a
number, for each of several coordinates.
"""

from anticrossing._core.public import guard
from anticrossing.drive._sampled import is_drive
from anticrossing.drive.base import Drive
from anticrossing.drive.foreign import from_qutip
from anticrossing.drive.formula import Formula, FormulaDrive, Linear, Sinusoidal, Tanh
from anticrossing.drive.path import Clock, Path, compose
from anticrossing.drive.piecewise import Piecewise, PiecewiseDrive
from anticrossing.drive.pulses import Chirp, Cosine, EdgedDrive, Gaussian, Sech, Trapezoid
from anticrossing.drive.pulses_slepian import FastAdiabatic, Slepian
from anticrossing.drive.samples import AnnealingSchedule, Function, Samples
from anticrossing.drive.splines import Spline
from anticrossing.drive.sums import Sum, SumDrive
from anticrossing.drive.waveform import WaveformDrive

__all__ = [
    "AnnealingSchedule",
    "Chirp",
    "Clock",
    "Cosine",
    "Drive",
    "EdgedDrive",
    "FastAdiabatic",
    "Formula",
    "FormulaDrive",
    "Function",
    "Gaussian",
    "Linear",
    "Path",
    "Piecewise",
    "PiecewiseDrive",
    "Samples",
    "Sech",
    "Sinusoidal",
    "Slepian",
    "Spline",
    "Sum",
    "SumDrive",
    "Tanh",
    "Trapezoid",
    "WaveformDrive",
    "compose",
    "from_qutip",
    "is_drive",
]

guard(__name__)
