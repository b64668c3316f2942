"""H and its slopes along trajectories whose states a program gives point by point.

Each trajectory has its own frame U: the product of the overlaps of its states from step to step.
In it ``H = U E U†`` and ``∂_a H = U (∂_a E + (E_j − E_i) d_ij) U†``, so that what diagonalises H
finds the energies, the forces and the overlaps that were given.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.linalg

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing.molecules.electronic.base import ElectronicStates, StatePoint

NOT_STOPPED, JUMPED, LOST, FAILED = range(4)
STOPPED = {
    JUMPED: "an energy jumped by more than its gradients explain",
    LOST: "the overlaps with the states before say that one was lost",
    FAILED: "the program failed",
}
"""Why a trajectory ended before its time, by the code in `Frames.stopped`."""


class Frames:
    """The states of all trajectories now, and the frame that each has carried along."""

    def __init__(self, states: ElectronicStates, count: int) -> None:
        n = states.dimension
        self._states = states
        self._points: list[StatePoint | None] = [None] * count
        self._frames = np.tile(np.eye(n), (count, 1, 1))
        self.stopped = np.zeros(count, dtype=np.int64)

    def move(
        self, positions: FloatArray, running: npt.NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """Return H (T, N, N) and ∂H (T, f, N, N) at the new points; 0 where nothing runs."""
        count, f = positions.shape
        n = self._states.dimension
        values, slopes = np.zeros((count, n, n)), np.zeros((count, f, n, n))
        for i in np.flatnonzero(running & (self.stopped == NOT_STOPPED)):
            before = self._points[i]
            try:
                here = self._states.at(positions[i], before)
            except ConvergenceError:
                if before is None:
                    raise
                self.stopped[i] = FAILED
                continue
            if before is not None:
                turn = _turn(self._states, before, here)
                if turn is None:
                    self.stopped[i] = LOST
                    continue
                if _jump(before, here, turn) > self._states.largest_jump:
                    self.stopped[i] = JUMPED
                    continue
                self._frames[i] = self._frames[i] @ turn
            self._points[i] = here
            values[i], slopes[i] = self._matrices(self._frames[i], here)
        return values, slopes

    def _matrices(self, frame: FloatArray, here: StatePoint) -> tuple[FloatArray, FloatArray]:
        inner = np.zeros((len(here.position), here.energies.size, here.energies.size))
        if here.couplings is not None:
            gaps = here.energies - here.energies[:, np.newaxis]
            inner = here.couplings * gaps
            inner = (inner + inner.swapaxes(1, 2)) / 2
        diagonal = np.arange(here.energies.size)
        inner[:, diagonal, diagonal] = here.gradients.T
        return (frame * here.energies) @ frame.T, frame @ inner @ frame.T


def _turn(states: ElectronicStates, before: StatePoint, here: StatePoint) -> FloatArray | None:
    """Return ⟨i before|j here⟩ as an orthogonal matrix, or None where a state was lost."""
    if here.overlaps is not None:
        left, sizes, right = np.linalg.svd(here.overlaps)
        return left @ right if sizes.min() >= states.least_overlap else None
    shift = here.position - before.position
    if here.couplings is not None and before.couplings is not None:
        mean = (before.couplings + here.couplings) / 2
        return np.asarray(scipy.linalg.expm(np.einsum("a,aij->ij", shift, mean)))
    return curvature_rotation(before, here)


def curvature_rotation(before: StatePoint, here: StatePoint) -> FloatArray:
    """Return the rotation of the states that the curvature of their gaps tells of.

    Where one coupling keeps two levels apart that are linear along the step, Δ² is a parabola p(s)
    of positive discriminant D = 2p p″ − p′², and the states turn by ½[arctan(p′/√D)] from end to
    end: the integral of ½√(Δ″/Δ). With D ≤ 0 the levels part without a coupling, or pass through
    each other, which is a turn by π/2 where p has its minimum within the step.
    """
    n = here.energies.size
    shift = here.position - before.position
    generator = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            (p0, s0), (p1, s1) = (_squared_gap(point, shift, i, j) for point in (before, here))
            middle, slope = (p0 + p1) / 2 + (s0 - s1) / 8, 1.5 * (p1 - p0) - (s0 + s1) / 4
            discriminant = 2 * (s1 - s0) * middle - slope**2
            if s1 <= s0:  # no minimum of the gap is near
                continue
            root = np.sqrt(max(discriminant, 0.0))
            angle = 0.5 * (np.arctan2(s1, root) - np.arctan2(s0, root))
            if discriminant <= 0 and not (s0 < 0 < s1):
                angle = 0.0
            generator[i, j] = angle
    return np.asarray(scipy.linalg.expm(generator - generator.T))


def _squared_gap(point: StatePoint, shift: FloatArray, i: int, j: int) -> tuple[float, float]:
    """Return Δ² and its derivative along the whole step."""
    gap = float(point.energies[j] - point.energies[i])
    return gap**2, 2 * gap * float((point.gradients[j] - point.gradients[i]) @ shift)


def _jump(before: StatePoint, here: StatePoint, turn: FloatArray) -> float:
    """Return the largest change of an energy that the gradients at both ends do not explain.

    States that mix in the step count together: the gradients of one of them alone do not tell.
    """
    shift = here.position - before.position
    share = turn**2
    old, new = before.energies, here.energies
    slope_old, slope_new = before.gradients @ shift, here.gradients @ shift
    # Of level j: what it was, and both slopes, weighted with the states that it came from.
    change = new - share.T @ old - (share.T @ slope_old + slope_new) / 2
    spread = np.sqrt(np.maximum(share.T @ old**2 - (share.T @ old) ** 2, 0.0))
    return float(np.max(np.abs(change) - spread, initial=0.0))
