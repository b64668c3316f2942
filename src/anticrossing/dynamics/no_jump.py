"""Evolution that loses norm: i dψ/dt = (H − iΓ/2) ψ, or ρ′ = … − ½{Γ, ρ}, however little is left.

On every panel the decay of its slowest mode is taken out and kept as a logarithm, so that nothing
underflows and panels are accurate against what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import liouville
from anticrossing.dynamics._channels import Channels
from anticrossing.dynamics.kernels import PanelResults
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear import Generators, LinearKernel
from anticrossing.dynamics.panels import ROUNDING, Evolution
from anticrossing.environment import Environment

IndexArray = npt.NDArray[np.intp]
_LARGE = 40  # of the generator: its modes cost as much as a panel
_SMOOTH, _ROUNDING = 1e-13, 4e-15
_SPREAD = 3.0  # of a logarithm on a panel whose slowest mode is not resolved


class LosingKernel(LinearKernel):
    """A linear equation whose propagators are known but for factors exp(∫ shift dt), see `shifts`.

    Parameters
    ----------
    generators : callable
        As of `LinearKernel`.
    size : int
    environment : Environment
        What drives the equation beside H.
    amplitudes : bool
        Whether it is one of amplitudes, which feel a multiple of the identity in H, and not of ρ.
    scaled : bool
        Whether the factors are taken out; without, propagators are whole.
    """

    def __init__(
        self,
        generators: Generators,
        size: int,
        environment: Environment,
        *,
        amplitudes: bool,
        scaled: bool = True,
    ) -> None:
        super().__init__(self._shifted if scaled else generators, size)
        self.scaled = scaled
        self.whole_generators = generators
        self.environment = environment
        self.amplitudes = amplitudes
        self._taken_out: dict[tuple[int, float, float], float] = {}

    @property
    def formulas(self) -> tuple[Any, ...]:
        return self.environment.formulas()

    @property
    def has_functions(self) -> bool:
        return self.environment.has_functions

    def scalars(self, lanes: Lanes, times: FloatArray, lane: IndexArray) -> npt.NDArray[Any] | None:
        return self.environment.scalars(lanes.coordinates(times, lane), times)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: IndexArray,
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        solved = super().solve(lanes, times, lane, half_width, tolerance)
        known = np.isfinite(self.shifts(lane, times[:, 0], times[:, -1]))
        solved.accepted = solved.accepted & known
        if self.amplitudes:
            offset = lanes.offset(times, lane)
            solved = self.with_common_phase(solved, lanes, times, lane, offset)
        return solved

    def shifts(self, lane: IndexArray, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return the logarithms of the factors that propagators of solved panels (P,) lack."""
        if not self.scaled:
            return np.zeros(lane.size)
        keys = zip(lane.tolist(), left.tolist(), right.tolist(), strict=True)
        return np.array([self._taken_out[key] for key in keys])

    def take_out(
        self, lane: IndexArray, left: FloatArray, right: FloatArray, shifts: FloatArray
    ) -> None:
        """Note the logarithms of the factors that propagators of pieces (P,) lack."""
        keys = zip(lane.tolist(), left.tolist(), right.tolist(), strict=True)
        self._taken_out.update(zip(keys, shifts.tolist(), strict=True))

    def _shifted(self, lanes: Lanes, times: FloatArray, lane: IndexArray) -> ComplexArray:
        g = self.whole_generators(lanes, times, lane)
        half, middle = 0.5 * (times[:, -1] - times[:, 0]), times.shape[1] // 2
        few = self.size > _LARGE
        slowest = _slowest(g[:, [0, middle, -1]] if few else g)
        spread = half * np.ptp(slowest, axis=1)
        if few:
            constant = np.ones(lane.size, dtype=np.bool_)
            slowest = np.repeat(slowest[:, [1]], times.shape[1], axis=1)
        else:
            # Where another mode becomes the slowest it has a kink: then a constant has to do.
            missed = half * np.max(np.abs(slowest @ self.grid.tail.T), axis=1)
            largest = half * np.max(np.abs(g), axis=(1, 2, 3))
            constant = missed > np.maximum(_SMOOTH, _ROUNDING * largest)
            slowest[constant] = slowest[constant, middle, None]
        total = np.where(
            constant & (spread > _SPREAD), np.nan, half * (slowest @ self.grid.weights)
        )
        self.take_out(lane, times[:, 0], times[:, -1], total)
        return np.asarray(g - slowest[..., None, None] * np.eye(self.size))


def _slowest(g: ComplexArray) -> FloatArray:
    """Return the largest growth rate among the modes of generators (P, n, D, D)."""
    return np.asarray(np.max(np.linalg.eigvals(g).real, axis=-1))


def amplitude_kernel(environment: Environment, levels: int, *, scaled: bool = True) -> LosingKernel:
    """Return the equation of ψ while nothing of the environment has happened."""
    asks = environment.asks_levels

    def generators(lanes: Lanes, times: FloatArray, lane: IndexArray) -> ComplexArray:
        matrices, nodes = liouville.nodes_of(lanes, times, lane, levels=asks)
        return np.asarray(-1j * matrices - 0.5 * Channels(environment, nodes).loss())

    return LosingKernel(generators, levels, environment, amplitudes=True, scaled=scaled)


def density_kernel(environment: Environment, levels: int) -> LosingKernel:
    """Return the equation of ρ, row by row, of levels that decay beside another environment."""

    def generators(lanes: Lanes, times: FloatArray, lane: IndexArray) -> ComplexArray:
        matrices, nodes = liouville.nodes_of(lanes, times, lane)
        total = liouville.commutator(matrices)
        return np.asarray(total + liouville.environment_at(nodes, environment))

    return LosingKernel(generators, levels**2, environment, amplitudes=False)


@dataclass(frozen=True)
class Carried:
    """Columns at requested times and, last, at the end: unit vectors times exp(logs).

    Attributes
    ----------
    columns : array, shape (lanes, K, D, C)
    logs : array, shape (lanes, K, C)
        −inf for columns of which nothing is left.
    error : array, shape (lanes, C)
        Bound on the error of any column at any of the times, where norms never grow.
    relative : array, shape (lanes, C)
        Bound on the relative error of the columns at the end.
    """

    columns: ComplexArray
    logs: FloatArray
    error: FloatArray
    relative: FloatArray

    @property
    def values(self) -> ComplexArray:
        """The columns with their norms."""
        with np.errstate(under="ignore"):
            return np.asarray(self.columns * np.exp(self.logs)[..., None, :])


def carry(
    lanes: Lanes, kernel: LosingKernel, evolution: Evolution, columns: ComplexArray, times: Any
) -> Carried:
    """Carry `columns` (lanes, D, C) through the pieces of an evolution, in logarithms.

    `times` (lanes, K) are ends of pieces or starts of windows, the last of them the end.
    """
    pieces = evolution.pieces
    shift = kernel.shifts(pieces.lane, pieces.left, pieces.right)
    count = np.bincount(pieces.lane, minlength=lanes.count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    after = _norms_after(pieces.propagator, shift, count, first, kernel.size)

    y, logs = _normalized(columns.astype(np.complex128), np.zeros((lanes.count, columns.shape[-1])))
    found = np.zeros((*times.shape, *columns.shape[1:]), dtype=np.complex128)
    found_logs = np.full((*times.shape, columns.shape[-1]), -np.inf)
    at_start = times == lanes.start[:, None]
    row, column = np.nonzero(at_start)
    found[row, column], found_logs[row, column] = y[row], logs[row]
    error, lasting = np.zeros(logs.shape), np.full(logs.shape, -np.inf)
    for step in range(int(count.max())):
        active = np.flatnonzero(count > step)
        index = first[active] + step
        own, scale = pieces.propagator[index], shift[index]
        with np.errstate(divide="ignore", under="ignore", over="ignore"):
            # No propagator enlarges a norm: what one does is its error.
            missed = pieces.error[index] + ROUNDING * kernel.size
            excess = np.linalg.norm(own, 2, axis=(-2, -1)) * np.exp(scale) - 1.0
            if kernel.amplitudes:
                missed = np.maximum(missed, excess * np.exp(-scale))
            made = np.log(missed)[:, None] + scale[:, None] + logs[active]
            error[active] += np.exp(made)
            lasting[active] = np.logaddexp(lasting[active], made + after[index][:, None])
        y[active], logs[active] = _normalized(own @ y[active], logs[active] + scale[:, None])
        here = times[active] == pieces.right[index][:, None]
        row, column = np.nonzero(here)
        found[active[row], column] = y[active[row]]
        found_logs[active[row], column] = logs[active[row]]
    with np.errstate(invalid="ignore", over="ignore"):
        relative = np.exp(lasting - logs)
    return Carried(found, found_logs, error, np.where(np.isfinite(relative), relative, np.inf))


def _normalized(y: ComplexArray, logs: FloatArray) -> tuple[ComplexArray, FloatArray]:
    """Return columns (…, D, C) of norm 1, and the logarithms of their norms with what they were."""
    size = np.linalg.norm(y, axis=-2)
    with np.errstate(divide="ignore"):
        logs = logs + np.log(size)
    return y / np.where(size > 0, size, 1.0)[..., None, :], logs


def _norms_after(
    propagators: ComplexArray, shift: FloatArray, count: IndexArray, first: IndexArray, size: int
) -> FloatArray:
    """Return the logarithm of the norm of what comes after every piece, (pieces,)."""
    found = np.zeros(shift.size)
    product = np.tile(np.eye(size, dtype=np.complex128), (count.size, 1, 1))
    logs = np.zeros(count.size)
    for step in range(1, int(count.max()) + 1):
        active = np.flatnonzero(count >= step)
        index = first[active] + count[active] - step
        largest = np.linalg.norm(product[active], 2, axis=(-2, -1))
        with np.errstate(divide="ignore"):
            found[index] = logs[active] + np.log(largest)
        scaled = product[active] / np.where(largest > 0, largest, 1.0)[:, None, None]
        product[active] = scaled @ propagators[index]
        logs[active] = found[index] + shift[index]
    return found
