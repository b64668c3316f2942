"""Nuclei and electrons together in oscillator functions: stationary states, and motion.

What moves on grids belongs to `anticrossing.molecules.packets`.
"""

from __future__ import annotations

from anticrossing._core.public import guard
from anticrossing.molecules.vibronic.effective_modes import effective_modes
from anticrossing.molecules.vibronic.jahn_teller import jahn_teller_levels
from anticrossing.molecules.vibronic.levels import vibronic_levels
from anticrossing.molecules.vibronic.lower_surface import lower_surface_levels
from anticrossing.molecules.vibronic.propagation import propagate_vibronic
from anticrossing.molecules.vibronic.result import RotorLevels, VibronicLevels, VibronicPropagation

__all__ = [
    "effective_modes",
    "jahn_teller_levels",
    "lower_surface_levels",
    "propagate_vibronic",
    "vibronic_levels",
    "RotorLevels",
    "VibronicLevels",
    "VibronicPropagation",
]

guard(__name__)
