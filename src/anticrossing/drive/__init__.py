"""Drives x(t): how the coordinate moves in time.

A drive has a window [start_time, stop_time], a position x(t), a velocity dx/dt, and breakpoints:
the times inside the window at which x(t) is continuous but not smooth. Parameters may be arrays;
their broadcast shape is the batch shape. A drive knows no levels. A `Path` holds one drive, or a
number, for each of several coordinates.
"""

from anticrossing._core.public import guard
from anticrossing.drive._sampled import is_drive as is_drive
from anticrossing.drive.base import Drive as Drive
from anticrossing.drive.foreign import from_qutip as from_qutip
from anticrossing.drive.formula import (
    Formula as Formula,
    FormulaDrive as FormulaDrive,
    Linear as Linear,
    Sinusoidal as Sinusoidal,
    Tanh as Tanh,
)
from anticrossing.drive.path import Clock as Clock, Path as Path, compose as compose
from anticrossing.drive.piecewise import Piecewise as Piecewise, PiecewiseDrive as PiecewiseDrive
from anticrossing.drive.pulses import (
    Chirp as Chirp,
    Cosine as Cosine,
    EdgedDrive as EdgedDrive,
    Gaussian as Gaussian,
    Sech as Sech,
    Trapezoid as Trapezoid,
)
from anticrossing.drive.pulses_slepian import FastAdiabatic as FastAdiabatic, Slepian as Slepian
from anticrossing.drive.samples import (
    AnnealingSchedule as AnnealingSchedule,
    Function as Function,
    Samples as Samples,
)
from anticrossing.drive.splines import Spline as Spline
from anticrossing.drive.sums import Sum as Sum, SumDrive as SumDrive
from anticrossing.drive.waveform import WaveformDrive as WaveformDrive

guard(__name__)
