"""Drives x(t): how the coordinate moves in time.

A drive has a window [start_time, stop_time], a position x(t), a velocity dx/dt, and breakpoints:
the times inside the window at which x(t) is continuous but not smooth. Parameters may be arrays;
their broadcast shape is the batch shape. A drive knows no levels. A `Path` holds one drive, or a
number, for each of several coordinates.
"""

from anticrossing._core.public import guard
from anticrossing.drive._sampled import is_drive
from anticrossing.drive.base import Drive
from anticrossing.drive.formula import Formula, FormulaDrive, Linear, Sinusoidal, Tanh
from anticrossing.drive.path import Clock, Path, compose
from anticrossing.drive.piecewise import Piecewise, PiecewiseDrive

__all__ = [
    "Clock",
    "Drive",
    "Formula",
    "FormulaDrive",
    "Linear",
    "Path",
    "Piecewise",
    "PiecewiseDrive",
    "Sinusoidal",
    "Tanh",
    "compose",
    "is_drive",
]

guard(__name__)
