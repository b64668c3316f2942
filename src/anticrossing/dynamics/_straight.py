"""H(x(t)) that is a straight line in time: no nodes are needed to find out how it varies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.memory import keep_memory
from anticrossing.dynamics import panels
from anticrossing.dynamics._matrix_series import StraightPanel
from anticrossing.dynamics.lanes import Lanes, refuse_large
from anticrossing.dynamics.panels import Evolution, Pieces
from anticrossing.hamiltonian import TermHamiltonian


@dataclass(frozen=True)
class Straight:
    """Lanes on which H is straight in time.

    Attributes
    ----------
    lanes : Lanes
    factors : array, shape (lanes, 2, K)
        Of the constant matrices, at both ends of the window.
    """

    lanes: Lanes
    factors: FloatArray

    @classmethod
    def of(cls, lanes: Lanes) -> Straight | None:
        """Return straight lanes, or None where formulas may bend."""
        factors = lanes.window.factors if lanes.is_straight else None
        if factors is None:
            return None
        return cls(lanes, lanes.hamiltonian.units.angular * factors[:, ::2])

    def mesh(self, breakpoints: FloatArray | None, times: FloatArray | None) -> Evolution:
        """Return the multiple of the identity in H, on panels that end at the times given."""
        lanes = self.lanes
        refuse_large(lanes.hamiltonian)
        keep_memory()
        lane, left, right = panels.first_panels(lanes, [breakpoints, times], 1)
        turned, phase = self.turned(lane, left, right)
        pieces = Pieces(lane, left, right, turned, np.zeros(lane.size), phase)
        count, none = np.bincount(lane, minlength=lanes.count), np.zeros(lanes.count)
        whole = np.bincount(lane, phase, lanes.count).astype(np.float64)
        return Evolution(turned[:0], turned[:0], count, lane.size, 1, none, whole, pieces)

    def turned(
        self, lane: npt.NDArray[np.intp], left: FloatArray, right: FloatArray
    ) -> tuple[ComplexArray, FloatArray]:
        """Return the factors by which that multiple turns on panels, and its phases."""
        turned, phase = np.ones((lane.size, 1, 1), dtype=np.complex128), np.zeros(lane.size)
        assert isinstance(self.lanes.hamiltonian, TermHamiltonian)
        if self.lanes.hamiltonian.offsets().any():
            offset, width = self.lanes.offset(np.stack([left, right], axis=1), lane), right - left
            phase = width * np.max(np.abs(offset), axis=1)
            turned[:, 0, 0] = np.exp(-0.5j * width * (offset[:, 0] + offset[:, 1]))
        return turned, phase

    def panel(
        self, lane: int, left: float, right: float, norm: float, rate: float, longest: float
    ) -> StraightPanel:
        """Return a lane's H on a panel; of `norm` is its mean, for the rest see `StraightPanel`."""
        lanes, hamiltonian = self.lanes, self.lanes.hamiltonian
        assert isinstance(hamiltonian, TermHamiltonian)
        stack = hamiltonian.traceless_matrices()
        start, stop = float(lanes.start[lane]), float(lanes.stop[lane])
        largest = float(lanes.ends.largest[lane].max())
        middle, half = 0.0, 1.0
        if (left, right) != (start, stop):
            first, last = (((t - start) - (stop - t)) / (stop - start) for t in (left, right))
            middle, half = 0.5 * (first + last), 0.5 * (last - first)
        ends, flat = 0.5 * self.factors[lane], stack.reshape(len(stack), -1)
        slope = ends[1] - ends[0]
        constant = (ends[0] + ends[1] + middle * slope) @ flat
        shape, varies = stack.shape[1:], (half * slope) @ flat
        return StraightPanel(
            constant.reshape(shape),
            varies.reshape(shape),
            right - left,
            norm,
            largest,
            rate,
            longest,
        )
