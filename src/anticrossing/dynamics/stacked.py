"""Propagators beside their derivatives, [U, ∂₁U, ∂₂U, …], and their products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import grading
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes


def product(later: npt.NDArray[Any], earlier: npt.NDArray[Any]) -> ComplexArray:
    """Return [U, ∂U, …] of one time after another, (…, 1 + K, D, D)."""
    found = later @ earlier[..., :1, :, :]
    found[..., 1:, :, :] += later[..., :1, :, :] @ earlier[..., 1:, :, :]
    return np.asarray(found)


class StackedKernel(Kernel):
    """A kernel whose propagators are such stacks.

    Attributes
    ----------
    count : int
        K, the number of derivatives.
    followed : float
        Radians of a panel from which the eigenframe of two levels is followed.
    """

    count: int
    followed: float

    @property
    def shape(self) -> tuple[int, ...]:
        return (1 + self.count, self.size, self.size)

    def identity(self) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = np.zeros(self.shape, dtype=self.dtype)
        found[0] = np.eye(self.size)
        return found

    def multiply(self, later: npt.NDArray[Any], earlier: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return product(later, earlier)

    def graded(
        self,
        lanes: Lanes,
        lane: npt.NDArray[np.intp],
        left: FloatArray,
        right: FloatArray,
        tolerance: float,
    ) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        if lanes.hamiltonian.dimension != 2:
            return lane, left, right
        chosen = grading.turning(self.followed)
        return grading.graded(lanes, lane, left, right, self.grid.size, tolerance, chosen)
