"""Which kernel carries the maps of density matrices, and several levels by doubled steps.

On panels short enough, or that forget soon enough, the real generator of ρ goes by doubled steps
(`doubled_variation`); superadiabatic frames take the others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import generators, liouville
from anticrossing.dynamics._stacks import diagonals, tails
from anticrossing.dynamics.doubled_variation import DoubledPanel
from anticrossing.dynamics.doubling import METHOD, ROUNDING
from anticrossing.dynamics.kernels import FIRST_PANELS, PanelResults
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear import coordinates
from anticrossing.dynamics.open_kernels import BlochKernel, OpenKernel, SuperoperatorKernel
from anticrossing.dynamics.panels import SUPERADIABATIC
from anticrossing.environment import Environment

# Of a panel by doubled steps: the norm of the generator times its length, which takes one step if it
# is less, and the same of what changes, which takes as many steps as its root.
_LEAST, _MOST = 20.0, 1e8
_MOST_ROUNDING = 22.0  # panel tolerances, to which it may add up in a window, beside one a panel
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
        cut = ~self.doubles(lanes, lane, left, right, tolerance)
        parts = max(1, FIRST_PANELS * lanes.count // lane.size)
        width = (right - left)[cut, None]
        edges = left[cut, None] + width * (np.arange(parts + 1) / parts)
        edges[:, -1] = right[cut]
        return (
            np.concatenate([lane[~cut], np.repeat(lane[cut], parts)]),
            np.concatenate([left[~cut], edges[:, :-1].ravel()]),
            np.concatenate([right[~cut], edges[:, 1:].ravel()]),
        )

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
            result.error[rows] += self.unresolved(*given, lanes.traceless(*given[1:3]))
            result.phase[rows] = np.max(np.abs(diagonals(real[rows])), axis=-1) @ self.grid.weights
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
        middle = real.shape[1] // 2
        change = np.max(np.sum(np.abs(real - real[:, [middle]]), axis=-1), axis=(1, 2))
        rows = np.flatnonzero((2 * norm > _LEAST) & (2 * change < _MOST))
        few = real[rows][:, [0, middle, -1], 1:, 1:]
        with one_thread:
            slowest = -np.max(np.linalg.eigvals(few).real, axis=(1, 2), initial=-np.inf)
        # Of D numbers rounding is forgotten when the slowest mode has decayed.
        forgotten = 2 * (1 + np.log(self.size)) / np.maximum(slowest, 1e-300)
        chosen = np.zeros(norm.size, dtype=np.bool_)
        chosen[rows] = ROUNDING * norm[rows] * np.minimum(forgotten, 2.0) < most[rows]
        return chosen

    def _most(
        self, lanes: Lanes, lane: IndexArray, half_width: FloatArray, tolerance: float
    ) -> FloatArray:
        """Return what the rounding of doubled steps may be on panels."""
        share = 2 * half_width / (lanes.stop - lanes.start)[lane]
        return np.asarray(tolerance * (1.0 + _MOST_ROUNDING * share))
