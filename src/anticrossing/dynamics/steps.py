"""Density matrices of few levels by Taylor series of their generator, step by step.

Panels resolve the generator, not the phases: on them it is a sum of a few matrices times power
series. The cost grows with the phases that the states run through. The series of a step tells the
state anywhere within it, so requested times are no reason for shorter ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import generators, liouville, panels
from anticrossing.dynamics._modes import Modes
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.generators import ROUNDING, Source
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES, PanelResults
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.open_kernels import SuperoperatorKernel
from anticrossing.environment import Environment

LARGEST_DIMENSION = 8
_BUDGET = 5.0  # panel tolerances: the error that the steps of a window may add up
_SHORTEST, _LONGEST = 3.0, 9.0  # steps in radians
_UNIT = 1.1e-16


@dataclass(frozen=True)
class Stepped:
    """M states of every lane at the times and last at the end.

    Matrices (lanes, K + 1, M, N, N), or in real numbers (lanes, K + 1, M, D).
    """

    states: npt.NDArray[Any]
    error: FloatArray
    panels: npt.NDArray[np.intp]
    evaluated: int


class Mesh(SuperoperatorKernel):
    """Panels whose nodes resolve the generator: nothing is solved on them.

    The generator acts on so many `numbers`.
    """

    first_panels = 1

    def __init__(self, environment: Environment, levels: int) -> None:
        super().__init__(environment, levels)
        self.numbers = self.size
        self.size = 1
        self._latest: tuple[FloatArray, npt.NDArray[np.intp], list[Source]] | None = None

    def sources(self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> list[Source]:
        """Return what the generator is made of at `times` (P, n) of lanes `lane` (P,)."""
        latest = self._latest
        if latest is None or not (
            np.array_equal(latest[0], times) and np.array_equal(latest[1], lane)
        ):
            latest = self._latest = (times, lane, self._sources(lanes, times, lane))
        return latest[2]

    def _sources(self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> list[Source]:
        return generators.sources_of(*liouville.nodes_of(lanes, times, lane), self.environment)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        result = PanelResults.empty(lane.size, self)
        result.propagator[:] = 1.0
        tails, largest = np.zeros(lane.size), np.zeros(lane.size)
        for source in self.sources(lanes, times, lane):
            values = source.values
            tails += np.sum(np.max(np.abs(self.grid.tail @ values), axis=1), axis=-1)
            largest += np.max(np.abs(values), axis=(1, 2), initial=0.0)
        allowed = np.maximum(tolerance, ROUNDING * half_width * largest)
        result.accepted = half_width * tails <= allowed
        beyond = half_width * np.maximum(tails - ROUNDING * largest, 0.0)
        result.error = beyond
        return result

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        return product, np.zeros(product.shape[:-2])


def follow(
    lanes: Lanes,
    environment: Environment,
    initial: ComplexArray,
    *,
    tolerance: float,
    phase: FloatArray,
    breakpoints: FloatArray | None,
    times: FloatArray | None,
) -> Stepped:
    """Carry Hermitian matrices `initial` (lanes, M, N, N), in the basis of H, across the windows.

    `phase` (lanes,) is about the norm of the generator times the window.
    """
    levels = lanes.hamiltonian.dimension
    matrices = liouville.hermitian_basis(levels).reshape(levels**2, -1)
    start = (initial.reshape(*initial.shape[:2], -1) @ matrices.conj().T).real
    mesh = Mesh(environment, levels)
    cuts = {"breakpoints": breakpoints, "times": times}
    found = carry(lanes, mesh, start, tolerance=tolerance, phase=phase, **cuts)
    states = (found.states @ matrices).reshape(*found.states.shape[:-1], levels, levels)
    excess = np.trace(states - initial[:, None], axis1=-2, axis2=-1).real / levels
    states -= excess[..., None, None] * np.eye(levels)
    error = found.error + levels * np.max(np.abs(excess), axis=(1, 2))
    return Stepped(states, error, found.panels, found.evaluated)


def carry(
    lanes: Lanes,
    mesh: Mesh,
    start: FloatArray,
    *,
    tolerance: float,
    phase: FloatArray,
    breakpoints: FloatArray | None,
    times: FloatArray | None,
) -> Stepped:
    """Carry M vectors of real numbers `start` (lanes, M, D) across the windows."""
    cut = panels.solve(lanes, mesh, tolerance=tolerance, breakpoints=breakpoints)
    with one_thread:
        wanted = np.empty((lanes.count, 0)) if times is None else times
        found = np.empty((lanes.count, wanted.shape[1] + 1, *start.shape[1:]))
        error = np.zeros(lanes.count)
        ends = np.searchsorted(cut.pieces.lane, np.arange(lanes.count + 1))
        for lane in range(lanes.count):
            rows = slice(ends[lane], ends[lane + 1])
            left, right = cut.pieces.left[rows], cut.pieces.right[rows]
            walk = _Walk.of(lanes, mesh, lane, left, right, float(phase[lane]), tolerance)
            on = np.searchsorted(right[:-1], wanted[lane])
            found[lane], error[lane] = walk.follow(start[lane], on, wanted[lane] - left[on])
            if not np.isfinite(error[lane]):
                raise ConvergenceError(
                    f"The evolution cannot be followed step by step ({lanes.hamiltonian!r}): give "
                    "breakpoints where H(x(t)) or the environment changes abruptly."
                )
    error += cut.error + ROUNDING * phase
    return Stepped(found, error, cut.panels, cut.evaluated)


@dataclass(frozen=True)
class _Walk:
    """One lane: the modes of the generator, on all panels or on each, and how to step."""

    modes: list[Modes]
    width: FloatArray
    norm: float
    rate: float
    longest: float

    @classmethod
    def of(
        cls,
        lanes: Lanes,
        mesh: Mesh,
        lane: int,
        left: FloatArray,
        right: FloatArray,
        phase: float,
        tolerance: float,
    ) -> _Walk:
        width, window = right - left, float(np.sum(right - left))
        half = 0.5 * width
        times = (left + half)[:, None] + half[:, None] * grid(MANY_LEVEL_NODES).nodes
        times[:, 0], times[:, -1] = left, right
        digits = np.log(0.3 * _BUDGET * tolerance / (_UNIT * max(phase / _LONGEST, 1.0)))
        return cls(
            _modes(lanes, mesh, times, lane),
            width,
            phase / window,
            _BUDGET * tolerance / window,
            float(np.clip(digits, _SHORTEST, _LONGEST)),
        )

    def follow(
        self, start: FloatArray, on: npt.NDArray[np.intp], when: FloatArray
    ) -> tuple[FloatArray, float]:
        """Return what becomes of `start` (M, D), (K + 1, M, D), and the error.

        The last is the end; before, each `when` (K,) after the beginning of the panel `on`.
        """
        from anticrossing.dynamics import _steps

        count, size = start.shape
        y = np.ascontiguousarray(start.T).ravel()
        kept = np.empty((when.size + 1, y.size))
        total = 0.0
        first = np.searchsorted(on, np.arange(self.width.size + 1)).astype(np.int64)
        parts = np.array_split(np.arange(self.width.size), len(self.modes))
        for modes, part in zip(self.modes, parts, strict=True):
            power, degrees, lost = modes.series(grid(MANY_LEVEL_NODES))
            info = np.zeros(2)
            _steps.follow(
                *generators.elements(modes.matrices),
                power,
                degrees,
                self.width[part],
                self.norm,
                when,
                first[part[0] : part[-1] + 2],
                self.rate,
                self.longest,
                y,
                kept,
                info,
            )
            total += float(info[0] + 0.5 * self.width[part] @ lost)
        kept[-1] = y
        return kept.reshape(-1, size, count).swapaxes(-1, -2), 2 * total


def _modes(lanes: Lanes, mesh: Mesh, times: FloatArray, lane: int) -> list[Modes]:
    """Return the modes of the generator at `times` (P, n): for all panels, or for each of them."""
    sources = mesh.sources(lanes, times, np.full(times.shape[0], lane))
    sizes = [source.values.shape[-1] for source in sources]
    cuts = np.cumsum(sizes)[:-1]
    values = np.concatenate([source.values for source in sources], axis=-1)

    def combined(weights: FloatArray) -> FloatArray:
        parts = np.split(weights, cuts, axis=-1)
        total = sum(s.matrix(part) for s, part in zip(sources, parts, strict=True))
        return np.asarray(total)

    if values.shape[0] == 1 or values.shape[-1] < mesh.numbers**2:
        together = Modes.of_values(values, combined)
        if together is not None:
            return [together]
    each = [Modes.of_values(values[[p]], combined, values.shape[1]) for p in range(times.shape[0])]
    return [modes for modes in each if modes is not None]
