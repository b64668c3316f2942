"""What is solved on a panel: the Schrödinger equation of two or of many levels."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray
from anticrossing.dynamics import _many_level
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.dynamics.lanes import Lanes

TWO_LEVEL_NODES = 21
MANY_LEVEL_NODES = 25


@dataclass
class PanelResults:
    """What a kernel says of P panels; rows of refused panels hold no meaning."""

    accepted: npt.NDArray[np.bool_]
    propagator: npt.NDArray[Any]
    error: FloatArray
    phase: FloatArray


class Kernel(abc.ABC):
    """An equation y′ = A(t) y, solved panel by panel.

    Attributes
    ----------
    grid : Grid
        The Chebyshev nodes of a panel.
    size : int
        The propagator of a panel is a (size, size) matrix.
    """

    grid: Grid
    size: int

    @abc.abstractmethod
    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        """Try the panels with nodes `times` (P, n), which belong to the lanes `lane` (P,)."""

    @abc.abstractmethod
    def finish(self, product: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Remove the rounding that a long product of panels has gathered, where that is known."""


class UnitaryKernel(Kernel):
    """The Schrödinger equation: compiled for two levels, vectorised for more."""

    def __init__(self, levels: int, nodes: int | None = None) -> None:
        self.size = levels
        self.grid = grid(nodes or (TWO_LEVEL_NODES if levels == 2 else MANY_LEVEL_NODES))

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        matrices = lanes.matrices(times, lane)
        if self.size == 2:
            return self._two_levels(matrices, half_width, tolerance)
        solved = _many_level.solve_panels(matrices, half_width, self.grid, tolerance)
        return PanelResults(solved.accepted, solved.propagator, solved.error, solved.phase)

    def finish(self, product: npt.NDArray[Any]) -> npt.NDArray[Any]:
        # One Newton–Schulz step towards the nearest unitary matrix.
        gram = product.conj().swapaxes(-1, -2) @ product
        return 1.5 * product - 0.5 * product @ gram

    def _two_levels(
        self, matrices: npt.NDArray[Any], half_width: FloatArray, tolerance: float
    ) -> PanelResults:
        from anticrossing.dynamics import _two_level

        panels = half_width.size
        propagator = np.empty((panels, 2, 2), dtype=np.complex128)
        info = np.empty((panels, 2))
        status = np.empty(panels, dtype=np.int64)
        _two_level.solve_panels(
            np.ascontiguousarray(matrices, dtype=np.complex128),
            half_width,
            self.grid.derivative,
            self.grid.integral,
            self.grid.weights,
            self.grid.tail,
            tolerance,
            propagator,
            info,
            status,
        )
        return PanelResults(status != _two_level.REFUSED, propagator, info[:, 0], info[:, 1])
