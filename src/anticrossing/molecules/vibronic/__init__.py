"""Vibronic levels: the stationary states of nuclei and electrons together.

What moves in time belongs to `anticrossing.molecules.packets`.
"""

from __future__ import annotations

from anticrossing._core.public import guard
from anticrossing.molecules.vibronic.jahn_teller import jahn_teller_levels
from anticrossing.molecules.vibronic.levels import vibronic_levels
from anticrossing.molecules.vibronic.lower_surface import lower_surface_levels
from anticrossing.molecules.vibronic.result import RotorLevels, VibronicLevels

__all__ = [
    "jahn_teller_levels",
    "lower_surface_levels",
    "vibronic_levels",
    "RotorLevels",
    "VibronicLevels",
]

guard(__name__)
