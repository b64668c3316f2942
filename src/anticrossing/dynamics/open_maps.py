"""Which kernel carries the maps of density matrices, and several levels by doubled steps.

On panels short enough, or that forget soon enough, the real generator of ρ goes by doubled steps
(`doubled_variation`); superadiabatic frames take the others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import generators, grading, liouville
from anticrossing.dynamics._stacks import tails
from anticrossing.dynamics.doubled_variation import (
    MOST_ROUNDING,
    MOST_STEPS,
    DoubledPanel,
    expected,
)
from anticrossing.dynamics.doubling import METHOD
from anticrossing.dynamics.kernels import FIRST_PANELS, PanelResults
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear import coordinates
from anticrossing.dynamics.open_kernels import BlochKernel, OpenKernel, SuperoperatorKernel
from anticrossing.dynamics.panels import SUPERADIABATIC
from anticrossing.environment import Environment

_LEAST = 20.0  # the norm of the generator times the length of a panel: less takes one step
IndexArray = npt.NDArray[np.intp]


def open_kernel(lanes: Lanes, environment: Environment) -> OpenKernel:
    """Return the kernel of the Lindblad equation for the number of levels."""
    flat, levels = environment.flat(lanes.batch_shape), lanes.hamiltonian.dimension
    compiled = levels == 2 and not environment.noises
    return BlochKernel(flat) if compiled else MapKernel(flat, levels)


class MapKernel(SuperoperatorKernel):
    """N levels: doubled steps where they are cheap and known well enough.

    Attributes
    ----------
    methods : set of str
        What solved panels until now.
    """

    first_panels = 1

    def __init__(self, environment: Environment, levels: int) -> None:
        super().__init__(environment, levels)
        self.methods: set[str] = set()
        self.basis = liouville.hermitian_basis(levels)
        trace = np.trace(self.basis, axis1=1, axis2=2).real
        self.to, self.back = (matrix.real for matrix in coordinates(self.size, trace))

    def graded(
        self, lanes: Lanes, lane: IndexArray, left: FloatArray, right: FloatArray, tolerance: float
    ) -> tuple[IndexArray, FloatArray, FloatArray]:
        whole = self.doubles(lanes, lane, left, right, tolerance)
        parts = max(1, FIRST_PANELS * lanes.count // lane.size)
        return grading.cut(lane, left, right, parts, whole)

    def doubles(
        self, lanes: Lanes, lane: IndexArray, left: FloatArray, right: FloatArray, tolerance: float
    ) -> npt.NDArray[np.bool_]:
        """Whether panels are expected to go by doubled steps."""
        half = 0.5 * (right - left)
        times = np.stack([left, left + half, right], axis=1)
        return self._chosen(
            self._real(lanes, times, lane, half), self._most(lanes, lane, half, tolerance)
        )

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: IndexArray,
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        result = PanelResults.empty(half_width.size, self)
        real = self._real(lanes, times, lane, half_width)
        most = self._most(lanes, lane, half_width, tolerance)
        known = np.maximum(tolerance, generators.ROUNDING * np.max(np.abs(real), axis=(1, 2, 3)))
        chosen = self._chosen(real, most) & (tails(self.grid, real) <= known)
        columns = self.basis.reshape(self.size, self.size).T
        none = np.empty((self.grid.size, 0, self.size, self.size))
        for p in np.flatnonzero(chosen):
            panel = DoubledPanel(real[p], none, self.grid, tolerance)
            found = panel.follow()
            if found is not None and panel.error <= most[p]:
                result.accepted[p], result.error[p] = True, tolerance + panel.error
                result.propagator[p] = columns @ self.back @ found[0] @ self.to @ dagger(columns)
        rows, others = np.flatnonzero(result.accepted), np.flatnonzero(~result.accepted)
        if rows.size:
            self.methods.add(METHOD)
            given = lanes, times[rows], lane[rows], half_width[rows]
            matrices = lanes.traceless(*given[1:3])
            result.error[rows] += self.unresolved(*given, matrices)
            turned = np.ptp(liouville.levels_of(matrices)[0], axis=-1) @ self.grid.weights
            result.phase[rows] = half_width[rows] * turned
        if others.size:
            given = lanes, times[others], lane[others], half_width[others]
            result.put(others, super().solve(*given, tolerance))
            if result.accepted[others].any():
                self.methods.add(SUPERADIABATIC)
        return result

    def _real(
        self, lanes: Lanes, times: FloatArray, lane: IndexArray, half_width: FloatArray
    ) -> FloatArray:
        """Return the generator on [−1, 1] at times (P, n), (P, n, D, D); the trace is the first."""
        whole = liouville.generator_at(*liouville.nodes_of(lanes, times, lane), self.environment)
        found = self.to @ generators.real(whole) @ self.back * half_width[:, None, None, None]
        found[:, :, 0] = 0.0
        return np.asarray(found)

    def _chosen(self, real: FloatArray, most: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether doubled steps are cheap, and expected to add no more rounding than `most`."""
        norm = np.max(np.sum(np.abs(real), axis=-1), axis=(1, 2))
        rows = np.flatnonzero((2 * norm > _LEAST) & np.isfinite(norm))
        chosen = np.zeros(norm.size, dtype=np.bool_)
        steps, rounding = expected(real[rows])
        chosen[rows] = (steps < MOST_STEPS) & (rounding < most[rows])
        return chosen

    def _most(
        self, lanes: Lanes, lane: IndexArray, half_width: FloatArray, tolerance: float
    ) -> FloatArray:
        """Return what the rounding of doubled steps may be on panels."""
        share = 2 * half_width / (lanes.stop - lanes.start)[lane]
        return np.asarray(tolerance * (1.0 + MOST_ROUNDING * share))
