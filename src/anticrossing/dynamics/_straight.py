"""H(x(t)) that is a straight line in time: no nodes are needed to find out how it varies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.memory import keep_memory
from anticrossing.dynamics import panels
from anticrossing.dynamics._modes import Modes
from anticrossing.dynamics.lanes import Lanes, refuse_large
from anticrossing.dynamics.panels import Evolution, Pieces
from anticrossing.hamiltonian import TermHamiltonian

_NOISELESS = np.zeros(1)
_HALVES = np.array([[0.5, 0.5], [-0.5, 0.5]])


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
        return cls(lanes, lanes.hamiltonian.units.angular * factors[:, [0, -1]])

    def mesh(self, breakpoints: FloatArray | None, times: FloatArray | None) -> Evolution:
        """Return the multiple of the identity in H, on panels that end at the times given."""
        lanes = self.lanes
        refuse_large(lanes.hamiltonian)
        keep_memory()
        lane, left, right = panels.first_panels(lanes, [breakpoints, times], 1)
        turned, phase = np.ones((lane.size, 1, 1), dtype=np.complex128), np.zeros(lane.size)
        assert isinstance(lanes.hamiltonian, TermHamiltonian)
        if lanes.hamiltonian.offsets().any():
            offset, width = lanes.offset(np.stack([left, right], axis=1), lane), right - left
            phase = width * np.max(np.abs(offset), axis=1)
            turned[:, 0, 0] = np.exp(-0.5j * width * (offset[:, 0] + offset[:, 1]))
        pieces = Pieces(lane, left, right, turned, np.zeros(lane.size), phase)
        count = np.bincount(lane, minlength=lanes.count)
        return Evolution(
            turned[:0],
            turned[:0],
            count,
            lane.size,
            1,
            np.zeros(lanes.count),
            np.asarray(np.bincount(lane, phase, lanes.count), dtype=np.float64),
            pieces,
        )

    def modes(self, lane: int, left: FloatArray, right: FloatArray) -> Modes:
        """Return the modes of a lane on panels: its mean over the window, and what varies."""
        lanes = self.lanes
        assert isinstance(lanes.hamiltonian, TermHamiltonian)
        stack = lanes.hamiltonian.traceless_matrices()
        weights = _HALVES @ self.factors[lane]
        matrices = (weights @ stack.reshape(len(stack), -1)).reshape(2, *stack.shape[1:])
        start, stop = lanes.start[lane], lanes.stop[lane]
        places = np.array([left, right]).T
        places = ((places - start) - (stop - places)) / (stop - start)
        return Modes(matrices, places[..., None], _NOISELESS)
