"""What is solved on a panel: the Schrödinger equation of two or of many levels."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import nearer_unitary
from anticrossing.dynamics import _many_level
from anticrossing.dynamics._stacks import NOISE
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.dynamics.lanes import Lanes

FIRST_PANELS = 8  # of a window
TWO_LEVEL_NODES = 21
MANY_LEVEL_NODES = 25
_MOST_OFFSET_HALVINGS, _MOST_OFFSET_PARTS = 40, 2**16
_OFFSET_TOLERANCE = 1e-13


@dataclass
class PanelResults:
    """What a kernel returns for P panels; rows of refused panels hold no meaning.

    `shifted` are propagators of an equation that differs by as much as rounding leaves open, where
    that was tried: close levels feel it.
    """

    accepted: npt.NDArray[np.bool_]
    propagator: npt.NDArray[Any]
    error: FloatArray
    phase: FloatArray
    shifted: npt.NDArray[Any] | None = None

    @classmethod
    def empty(cls, panels: int, kernel: Kernel) -> PanelResults:
        shape = (panels, *kernel.shape)
        return cls(
            np.zeros(panels, dtype=np.bool_),
            np.zeros(shape, dtype=kernel.dtype),
            np.zeros(panels),
            np.zeros(panels),
        )

    def put(self, rows: npt.NDArray[np.intp], other: PanelResults) -> None:
        """Store the results of the panels `rows`."""
        self.accepted[rows], self.propagator[rows] = other.accepted, other.propagator
        self.error[rows], self.phase[rows] = other.error, other.phase
        if other.shifted is not None:
            if self.shifted is None:
                self.shifted = self.propagator.copy()
            self.shifted[rows] = other.shifted
        elif self.shifted is not None:
            self.shifted[rows] = other.propagator


class Kernel(abc.ABC):
    """An equation y′ = A(t) y, solved panel by panel.

    Attributes
    ----------
    grid : Grid
        The Chebyshev nodes of a panel.
    size : int
        The propagator of a panel is a (size, size) matrix, unless `shape` tells otherwise.
    dtype : type
        Of its numbers.
    first_panels : int
        Into how many a window is cut at first.
    effort : float
        What a panel takes beside another with as many numbers.
    """

    first_panels: int = FIRST_PANELS
    effort: float = 1.0

    grid: Grid
    size: int
    dtype: type = np.complex128

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what stands for the propagator of a panel."""
        return (self.size, self.size)

    def identity(self) -> npt.NDArray[Any]:
        """Return the propagator of no time."""
        return np.eye(self.size, dtype=self.dtype)

    def multiply(self, later: npt.NDArray[Any], earlier: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the propagators of one time after another."""
        return np.asarray(later @ earlier)

    @property
    def formulas(self) -> tuple[Any, ...]:
        """The formulas in x and t that drive the equation beside H."""
        return ()

    @property
    def has_functions(self) -> bool:
        """Whether Python functions, known only at points, drive the equation beside H."""
        return False

    def is_adiabatic(self, lanes: Lanes) -> bool:
        """Whether panels are known to cost least, as where no crossing is quick."""
        return False

    def graded(
        self,
        lanes: Lanes,
        lane: npt.NDArray[np.intp],
        left: FloatArray,
        right: FloatArray,
        tolerance: float,
    ) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        """Return the first panels of lanes, cut where they would surely be refused."""
        return lane, left, right

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
    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        """Return products (…, size, size) without the rounding that is known, and how much it was.

        What a product must keep (norm or trace) and does not, before anything is mended, is the one
        measure of its error that owes nothing to how the panels were solved.
        """

    def scalars(
        self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> npt.NDArray[Any] | None:
        """Return what drives the equation beside H at `times` (P, n), (P, n, K), if it may vary."""
        return None

    def with_common_phase(
        self,
        solved: PanelResults,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        offset: FloatArray,
    ) -> PanelResults:
        """Add the phase of the multiple of the identity that was left out of H, (P, n)."""
        if np.any(offset):
            common, size = self.common_phase(lanes, times, lane, offset, solved.accepted)
            solved.accepted = solved.accepted & np.isfinite(size)
            for propagator in (solved.propagator, solved.shifted):
                if propagator is not None:
                    turn = np.exp(-1j * common)
                    propagator *= turn.reshape(-1, *(1,) * (propagator.ndim - 1))
            solved.phase = solved.phase + size
        return solved

    def common_phase(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        offset: FloatArray,
        wanted: npt.NDArray[np.bool_],
    ) -> tuple[FloatArray, FloatArray]:
        """Integrate the multiple of the identity over every wanted panel, and its size."""
        # It commutes with all else: where the panel's nodes do not resolve it, it is integrated on
        # halves of the panel, which cost no more than its own values. A size of infinity: it is not
        # known.
        total, size = np.zeros(lane.size), np.zeros(lane.size)
        owner = np.flatnonzero(wanted)
        left, right, values = times[owner, 0], times[owner, -1], offset[owner]
        for _ in range(_MOST_OFFSET_HALVINGS):
            half = 0.5 * (right - left)
            largest = half * np.max(np.abs(values), axis=1, initial=0.0)
            tail = half * np.max(np.abs(values @ self.grid.tail.T), axis=1, initial=0.0)
            few = np.stack([left, left + half, right], axis=1)
            unknown = np.min(lanes.last_digits_of_offset(few, lane[owner]), axis=1)
            known = np.maximum(4e-15 * largest, NOISE * half * unknown)
            done = tail <= np.maximum(_OFFSET_TOLERANCE, known)
            np.add.at(total, owner[done], half[done] * (values[done] @ self.grid.weights))
            np.add.at(size, owner[done], largest[done] * 2)
            if done.all() or lanes.is_function or owner.size > _MOST_OFFSET_PARTS:
                break
            owner = np.repeat(owner[~done], 2)
            middle = left[~done] + half[~done]
            left = np.stack([left[~done], middle], axis=1).ravel()
            right = np.stack([middle, right[~done]], axis=1).ravel()
            half = 0.5 * (right - left)
            fine = (left + half)[:, None] + half[:, None] * self.grid.nodes
            values = lanes.offset(fine, lane[owner])
            done = np.zeros(owner.size, dtype=np.bool_)
        size[owner[~done]] = np.inf
        return total, size


def unresolved(grid: Grid, half_width: FloatArray, *values: npt.NDArray[Any]) -> FloatArray:
    """Return what integrals of `values` (P, n, ...) over panels may miss beyond the nodes.

    The last Chebyshev coefficients tell what follows them, of which a quadrature sees one part in
    n; rounding is left out.
    """
    total = np.zeros(half_width.size)
    for value in values:
        flat = value.reshape(*value.shape[:2], -1)
        with np.errstate(over="ignore", invalid="ignore"):
            last = np.max(np.abs(grid.tail @ flat), axis=(1, 2), initial=0.0)
            rounding = 4e-15 * np.max(np.abs(flat), axis=(1, 2), initial=0.0)
            total += half_width * np.maximum(last - rounding, 0.0) / grid.size
    return total


def least_noise(lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> FloatArray:
    """Return what is not known of the elements of H where on each panel it is least, (P, N, N)."""
    few = times[:, [0, times.shape[1] // 2, -1]]
    return np.asarray(np.min(lanes.last_digits(few, lane), axis=1))


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
        matrices, offset = lanes.split(times, lane)
        if self.size == 2:
            noise = NOISE * np.max(least_noise(lanes, times, lane), axis=(1, 2))
            solved = self._two_levels(matrices, noise, half_width, tolerance)
        else:
            solved = self._many_levels(lanes, times, lane, matrices, half_width, tolerance)
        return self.with_common_phase(solved, lanes, times, lane, offset)

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        return nearer_unitary(product)

    def _many_levels(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        matrices: npt.NDArray[Any],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        unknown = least_noise(lanes, times, lane)
        found = _many_level.solve_panels(
            matrices, half_width, self.grid, tolerance, unknown=unknown
        )
        error = found.error + unresolved(self.grid, half_width, matrices)
        return PanelResults(found.accepted, found.propagator, error, found.phase, found.shifted)

    def _two_levels(
        self,
        matrices: npt.NDArray[Any],
        noise: FloatArray,
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        from anticrossing.dynamics import _two_level

        panels = half_width.size
        # Refused panels leave theirs as they are: zeros, no garbage that NumPy warns of.
        propagator = np.zeros((panels, 2, 2), dtype=np.complex128)
        info = np.zeros((panels, 2))
        status = np.empty(panels, dtype=np.int64)
        _two_level.solve_panels(
            np.ascontiguousarray(matrices, dtype=np.complex128),
            noise,
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
