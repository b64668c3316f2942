"""What a unitary evolution gives, before it becomes a result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics.panels import Pieces


@dataclass(frozen=True)
class Outcome:
    """What an evolution gives, parameter points along one axis, and by which panels if by any."""

    propagator: ComplexArray | None
    amplitudes: ComplexArray | None
    probabilities: FloatArray
    final: ComplexArray
    states: ComplexArray
    populations: FloatArray
    error: FloatArray
    phase: FloatArray
    panels: npt.NDArray[np.intp]
    evaluated: int
    method: str
    steps: npt.NDArray[np.intp] | None
    residual: FloatArray | None
    order: npt.NDArray[np.intp] | None
    sectors: tuple[int, ...]
    rounding: float = 1.0
    pieces: Pieces | None = None
