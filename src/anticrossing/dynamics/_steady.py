"""The state that repeats itself after a period, whatever equation it obeys."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics import densities, interference, liouville, panels
from anticrossing.dynamics._period import GAUSS_POINTS, Period
from anticrossing.dynamics.densities import Work
from anticrossing.dynamics.kernels import FIRST_PANELS
from anticrossing.dynamics.open_kernels import OpenKernel

Frames = Callable[[FloatArray], ComplexArray]
"""The states that are read out, columns (lanes, K, N, N), at times (lanes, K)."""

MANY_PIECES = 4 * FIRST_PANELS  # pieces of an average, where times cost little
_LEAST_CONTRACTION = 1e-11  # below it rounding decides which state repeats itself


class Equation(abc.ABC):
    """A linear equation over one period, and the density matrices in its numbers.

    Attributes
    ----------
    over : Period
    trace : array, shape (lanes, D)
        The row that takes the numbers to the trace, which is kept.
    """

    over: Period
    trace: FloatArray

    @abc.abstractmethod
    def maps(
        self, tolerance: float, times: FloatArray
    ) -> tuple[npt.NDArray[np.inexact], FloatArray, FloatArray]:
        """Return the maps from the start to `times` (lanes, K), and two errors of one period.

        They are what the solver neglected, and the rounding of phases, which no tolerance lessens.
        """

    @abc.abstractmethod
    def matrices(self, numbers: npt.NDArray[np.inexact]) -> ComplexArray:
        """Return the density matrices, (lanes, N, N), in numbers (lanes, D)."""

    @abc.abstractmethod
    def states(
        self, numbers: npt.NDArray[np.inexact], tolerance: float, times: FloatArray
    ) -> ComplexArray:
        """Return the density matrices at `times` (lanes, K) of what starts as `numbers`."""

    @property
    @abc.abstractmethod
    def pieces(self) -> int:
        """How many pieces an average begins with."""


class LindbladEquation(Equation):
    """An environment that forgets: density matrices row by row."""

    def __init__(self, over: Period, kernel: OpenKernel) -> None:
        self.over, self.kernel = over, kernel
        self.levels = over.lanes.hamiltonian.dimension
        one = np.eye(self.levels).ravel()
        self.trace = np.broadcast_to(one, (over.lanes.count, one.size))

    def maps(
        self, tolerance: float, times: FloatArray
    ) -> tuple[ComplexArray, FloatArray, FloatArray]:
        evolution = self.over.solve(self.kernel, tolerance, times)
        eigen, first, last = self.kernel.eigen_maps(self.over.lanes, evolution.snapshots, times)
        before = liouville.kron(first, first.conj())[:, None]
        after = liouville.kron(last, last.conj())
        maps = np.asarray(after @ eigen @ dagger(before))
        return maps, evolution.error, interference.of_phases(evolution)

    def matrices(self, numbers: npt.NDArray[np.inexact]) -> ComplexArray:
        return np.asarray(hermitian_part(numbers.reshape(-1, self.levels, self.levels)))

    def states(
        self, numbers: npt.NDArray[np.inexact], tolerance: float, times: FloatArray
    ) -> ComplexArray:
        work = Work.of(self.over.lanes, self.kernel.environment, times)
        rho = self.matrices(numbers)
        if densities.is_cheaper(work, self.levels, 1):  # steps need not end at the times
            followed = densities.follow(
                self.over.lanes,
                self.kernel.environment,
                rho[:, None],
                work=work,
                tolerance=max(0.02 * tolerance, panels.SMALLEST_TOLERANCE),
                breakpoints=None,
                times=times,
            )
            return followed.states[:, :-1, 0]
        inside, *_ = self.maps(tolerance, times)
        moved = inside @ rho.reshape(-1, 1, self.levels**2, 1)
        return np.asarray(moved.reshape(*times.shape, self.levels, self.levels))

    @property
    def pieces(self) -> int:
        work = Work.of(self.over.lanes, self.kernel.environment)
        many = replace(work, pieces=MANY_PIECES * GAUSS_POINTS)
        return MANY_PIECES if densities.is_cheaper(many, self.levels, 1) else FIRST_PANELS


@dataclass(frozen=True)
class Steady:
    """The states that repeat themselves.

    Attributes
    ----------
    populations : array, shape (lanes, N)
        Averaged over a period.
    start : array, shape (lanes, N, N)
    inside : array, shape (lanes, K, N, N)
        At the requested times.
    contraction, error : array, shape (lanes,)
        What one period takes off the slowest deviation, and a bound on the error.
    """

    populations: FloatArray
    start: ComplexArray
    inside: ComplexArray
    contraction: FloatArray
    error: FloatArray


def steady(
    equation: Equation, wanted: FloatArray, frames: Frames | None, accuracy: float
) -> Steady:
    """Return the states that repeat themselves, at `wanted` times too, and their mean populations.

    Without `frames` populations are those of the states H is written in.
    """
    over = equation.over
    end = over.lanes.stop[:, None]
    maps, error, rounding = equation.maps(accuracy, end)
    contraction = _contraction(maps[:, 0])
    worst = int(np.argmin(contraction))
    if contraction[worst] < _LEAST_CONTRACTION:
        raise ConvergenceError(
            f"The periodic steady state is not unique (parameter point {worst}): a period takes "
            f"only {contraction[worst]:.1e} off some deviation from it. Add what relaxes all "
            "levels, such as `ThermalRelaxation`."
        )
    least = max(float(np.min(rounding)), panels.SMALLEST_TOLERANCE)
    finer = min(max(accuracy * float(contraction[worst]), least), accuracy)
    if finer < accuracy:
        maps, error, _ = equation.maps(finer, end)
    numbers = _fixed_point(maps[:, 0], equation.trace)

    def populations(at: FloatArray) -> FloatArray:
        found = equation.states(numbers, finer, at)
        if frames is not None:
            read = frames(at)
            found = dagger(read) @ found @ read
        return np.asarray(np.einsum("pkii->pki", found).real)

    error = (error + rounding) / contraction
    mean = over.average(populations, 0.1 * np.maximum(accuracy, error), equation.pieces)
    levels = over.lanes.hamiltonian.dimension
    inside = np.empty((over.lanes.count, 0, levels, levels), complex)
    if wanted.size:
        inside = equation.states(numbers, finer, wanted)
    return Steady(mean, equation.matrices(numbers), inside, contraction, error)


def _contraction(maps: npt.NDArray[np.inexact]) -> FloatArray:
    """Return 1 − |λ| for the second-largest eigenvalue of every map."""
    sizes = np.sort(np.abs(np.linalg.eigvals(maps)), axis=-1)
    return np.asarray(1 - sizes[..., -2], np.float64)


def _fixed_point(maps: npt.NDArray[np.inexact], trace: FloatArray) -> npt.NDArray[np.inexact]:
    """Return y = M y with trace 1, (lanes, D)."""
    lane = np.arange(maps.shape[0])
    system = np.eye(maps.shape[-1]) - maps
    # The rows of 1 − M, each times its part of the trace, add up to zero: one gives way to it.
    row = np.argmax(np.abs(trace), axis=-1)
    system[lane, row] = trace
    right = np.zeros((*maps.shape[:-1], 1), dtype=maps.dtype)
    right[lane, row] = 1.0
    return np.asarray(np.linalg.solve(system, right)[..., 0])
