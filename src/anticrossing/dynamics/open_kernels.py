"""What is solved on a panel with an environment: the Lindblad equation of two or more levels."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import generators, grading, liouville
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.dynamics.kernels import (
    MANY_LEVEL_NODES,
    TWO_LEVEL_NODES,
    Kernel,
    PanelResults,
    unresolved,
)
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import EigenRates, Environment, Nodes

_MOST_RADIANS = 150.0  # of a panel that is followed step by step
# In units of the distance of levels: a weaker environment leaves H its frame, and where that turns
# between the nodes, the frame of a generator that is not much stronger turns as well.
_RIVAL, _RIVAL_TURNING = 0.3, 2.0

# ρ stacked row by row → (x, y, z, 1): the Bloch vector and the trace.
_TO_BLOCH = np.array(
    [[0, 1, 1, 0], [0, 1j, -1j, 0], [1, 0, 0, -1], [1, 0, 0, 1]], dtype=np.complex128
)
_FROM_BLOCH = np.linalg.inv(_TO_BLOCH)
# ρ in the eigenbasis (lower, upper) → (x, y, w, 1), w twice the upper population, and back.
_TO_DEVIATION = np.array(
    [[0, 1, 1, 0], [0, -1j, 1j, 0], [0, 0, 0, 2], [1, 0, 0, 1]], dtype=np.complex128
)
_FROM_DEVIATION = np.array(
    [[0, 0, -0.5, 1], [0.5, 0.5j, 0, 0], [0.5, -0.5j, 0, 0], [0, 0, 0.5, 0]], dtype=np.complex128
)


class OpenKernel(Kernel):
    """A kernel for density matrices; `entering` and `leaving` say what its propagators mean."""

    environment: Environment

    @property
    def formulas(self) -> tuple[Any, ...]:
        return self.environment.formulas()

    @property
    def has_functions(self) -> bool:
        return self.environment.has_functions

    def scalars(
        self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> npt.NDArray[Any] | None:
        return self.environment.scalars(lanes.coordinates(times, lane), times)

    def unresolved(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        matrices: npt.NDArray[Any],
    ) -> FloatArray:
        """Return what the nodes may miss of H and of what else drives the equation."""
        # Coherences turn by differences of levels.
        error = unresolved(self.grid, half_width, 2 * matrices)
        scalars = self.scalars(lanes, times, lane)
        return error if scalars is None else error + unresolved(self.grid, half_width, scalars)

    @abc.abstractmethod
    def frames(self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> ComplexArray:
        """Return the eigenvectors of H at `times` (P, K) of lanes `lane` (P,)."""

    @abc.abstractmethod
    def entering(self, frames: ComplexArray) -> ComplexArray:
        """Return the map from ρ in an eigenbasis, row by row, to what propagators act on."""

    @abc.abstractmethod
    def leaving(self, frames: ComplexArray) -> ComplexArray:
        """Return the map back from what propagators act on to ρ in an eigenbasis."""

    def eigen_maps(
        self, lanes: Lanes, product: npt.NDArray[Any], times: FloatArray
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Return the maps between eigenbases, and these bases at the start and at `times`.

        `product` (lanes, K, size, size) and `times` (lanes, K) belong together; the maps act on ρ
        in the eigenbasis, levels in order of energy, stacked row by row.
        """
        lane = np.arange(lanes.count)
        first = self.frames(lanes, lanes.start[:, None], lane)
        last = self.frames(lanes, times, lane)
        maps = self.leaving(last) @ product @ self.entering(first)
        return np.asarray(maps), first[:, 0], last


class BlochKernel(OpenKernel):
    """Two levels: the affine equation of the Bloch vector; propagators are real, (4, 4).

    They map (x, y, w, 1) between the eigenframes of H at the two ends.
    """

    dtype = np.float64

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.size = 4
        self.grid = grid(TWO_LEVEL_NODES)

    def graded(
        self,
        lanes: Lanes,
        lane: npt.NDArray[np.intp],
        left: FloatArray,
        right: FloatArray,
        tolerance: float,
    ) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        def followed(panels: grading.Panels) -> npt.NDArray[np.bool_]:
            # Neither step by step nor in the frame of a generator that is stronger than H.
            largest = panels.largest
            chosen = (panels.right - panels.left) * largest > _MOST_RADIANS
            rows = np.flatnonzero(chosen)
            if rows.size:
                times = np.stack([panels.left, panels.right], axis=1)[rows]
                _, nodes = liouville.nodes_of(lanes, times, panels.lane[rows])
                size = _largest_rates(
                    self.environment.jump_operators(nodes),
                    self.environment.eigen_rates(nodes),
                    self.environment.superoperator(nodes),
                    times.shape,
                )
                chosen[rows] = np.max(size, axis=1) < _RIVAL_TURNING * largest[rows]
            return chosen

        return grading.graded(lanes, lane, left, right, self.grid.size, tolerance, followed)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        from anticrossing.dynamics import _bloch

        matrices, nodes = liouville.nodes_of(lanes, times, lane)
        jumps, rates = self.environment.jump_operators(nodes), self.environment.eigen_rates(nodes)
        rest = self.environment.superoperator(nodes)
        panels = half_width.size
        maps = np.zeros((panels, 4, 4))
        maps[:, 3, 3] = 1.0
        affine = np.zeros((panels, 3, 4))
        info = np.zeros((panels, 2))
        status = np.empty(panels, dtype=np.int64)
        _bloch.solve_panels(
            np.ascontiguousarray(matrices, dtype=np.complex128),
            _eigen_rates(nodes, rates),
            self._laboratory(jumps, rest),
            half_width,
            self.grid.derivative,
            self.grid.integral,
            self.grid.tail,
            tolerance,
            affine,
            info,
            status,
        )
        maps[:, :3] = affine
        accepted, error = status == _bloch.ACCEPTED, info[:, 0]
        turning = status == _bloch.TURNING
        refused = _Refused(matrices, nodes, rates, jumps, rest, half_width, turning)
        for way in (refused.short, refused.strong):
            index = np.flatnonzero(~accepted)
            if index.size == 0:
                break
            rows, inside, missed = way(index, self.grid, tolerance)
            maps[rows], error[rows], accepted[rows] = refused.between(rows, inside), missed, True
        error = error + self.unresolved(lanes, times, lane, half_width, matrices)
        return PanelResults(accepted, maps, error, info[:, 1])

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        # The trace is exact by construction; no Bloch vector may grow longer than 1.
        if not self.environment.keeps_positivity:
            return product, np.zeros(product.shape[:-2])
        gram = product[..., :3, :3]
        # Deviations (x, y, w = z + 1): the vector itself is the map of (0, 0, 1 ± 1).
        ends = np.stack([product[..., :3, 3], product[..., :3, 3] + 2 * gram[..., :, 2]], axis=-2)
        ends[..., 2] -= 1.0
        longest = np.max(np.linalg.norm(ends, axis=-1), axis=-1, initial=0.0)
        return product, np.maximum(longest - 1.0, 0.0)

    def frames(self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> ComplexArray:
        return liouville.two_level_vectors(lanes.traceless(times, lane))

    def entering(self, frames: ComplexArray) -> ComplexArray:
        return _TO_DEVIATION

    def leaving(self, frames: ComplexArray) -> ComplexArray:
        return _FROM_DEVIATION

    def _laboratory(self, jumps: list[ComplexArray], rest: ComplexArray | None) -> FloatArray:
        parts = [_dissipator_in_bloch(jump) for jump in jumps]
        parts += [] if rest is None else [_in_bloch(rest)]
        if not parts:
            return np.empty((0, self.grid.size, 3, 4))
        return np.ascontiguousarray(sum(parts))


def _eigen_rates(nodes: Nodes, found: EigenRates | None) -> FloatArray:
    """Return rates as compiled panels take them, (..., 4)."""
    rates = np.zeros((*nodes.t.shape, 4))
    if found is not None:
        # κ of the element between lower and upper level; rates upper → lower and back.
        rates[..., 0] = found.coherence[..., 0, 1].real
        rates[..., 1] = found.coherence[..., 0, 1].imag
        rates[..., 2] = found.transfer[..., 0, 1]
        rates[..., 3] = found.transfer[..., 1, 0]
    return rates


def _largest_rates(
    jumps: list[ComplexArray],
    rates: EigenRates | None,
    rest: ComplexArray | None,
    shape: tuple[int, ...],
) -> FloatArray:
    """Return what an environment does per time at nodes of a shape, at most."""
    size = np.zeros(shape)
    for jump in jumps:
        size += np.sum(np.abs(jump) ** 2, axis=(-2, -1))
    if rates is not None:
        size += np.max(np.abs(rates.coherence), axis=(-2, -1))
        size += np.max(np.abs(rates.transfer), axis=(-2, -1))
    if rest is not None:
        size += np.max(np.abs(rest), axis=(-2, -1))
    return size


def _dissipator_in_bloch(jump: ComplexArray) -> FloatArray:
    """Return what a jump operator (P, n, 2, 2) does to (x, y, z, 1), (P, n, 3, 4)."""
    constant = generators.one_matrix(jump)
    if constant is None:
        return _in_bloch(liouville.dissipator(jump))
    strength, pattern = constant
    return strength[..., None, None] * _in_bloch(liouville.dissipator(pattern))


def _in_bloch(superoperator: ComplexArray) -> FloatArray:
    return np.asarray((_TO_BLOCH @ superoperator @ _FROM_BLOCH).real[..., :3, :])


_NONE = (np.empty(0, dtype=np.intp), np.empty((0, 4, 4), dtype=np.complex128), np.empty(0))


@dataclass(frozen=True)
class _Refused:
    """Panels that the compiled step refused, among all of a call, and other ways to solve them.

    `turning` tells where the eigenframe of H was not resolved. Both ways return which panels they
    solved, their maps of ρ stacked row by row, and the errors.
    """

    matrices: npt.NDArray[Any]
    nodes: Nodes
    rates: EigenRates | None
    jumps: list[ComplexArray]
    rest: ComplexArray | None
    half_width: FloatArray
    turning: npt.NDArray[np.bool_]

    @property
    def splitting(self) -> FloatArray:
        """Distances of the two levels at the nodes, (P, n), per time."""
        energies = self.nodes.energies
        return np.asarray(self.nodes.angular * (energies[..., 1] - energies[..., 0]))

    def decay(self) -> FloatArray:
        """Return what the environment does per time on every panel, at most."""
        size = _largest_rates(self.jumps, self.rates, self.rest, self.nodes.t.shape)
        return np.asarray(np.max(size, axis=1))

    def short(
        self, index: npt.NDArray[np.intp], grid: Grid, tolerance: float
    ) -> tuple[npt.NDArray[np.intp], ComplexArray, FloatArray]:
        """Follow panels of few turns step by step."""
        largest = np.maximum(np.max(self.splitting, axis=1), self.decay())[index]
        index = index[2 * self.half_width[index] * largest < _MOST_RADIANS]
        if index.size == 0:
            return _NONE
        rates = self.rates
        if rates is not None:
            rates = EigenRates(rates.coherence[index], rates.transfer[index])
        parts = generators.sources(
            self.matrices[index],
            self.nodes.vectors[index],
            rates,
            [jump[index] for jump in self.jumps],
            None if self.rest is None else self.rest[index],
        )
        good, maps, error = generators.short_panels(parts, self.half_width[index], grid, tolerance)
        return index[good], maps[good], error[good] + tolerance

    def strong(
        self, index: npt.NDArray[np.intp], grid: Grid, tolerance: float
    ) -> tuple[npt.NDArray[np.intp], ComplexArray, FloatArray]:
        """Split the spectrum of the generator where the environment rivals H."""
        from anticrossing.dynamics import _superoperator

        rival = np.where(self.turning, _RIVAL_TURNING, _RIVAL)
        weak = self.decay() < rival * np.max(self.splitting, axis=1)
        index = index[~weak[index]]
        if index.size == 0 or not (self.jumps or self.rest is not None):
            return _NONE
        solved = _superoperator.split_spectrum(
            self.matrices,
            self.nodes,
            self.rates,
            self.jumps,
            self.rest,
            self.half_width,
            index,
            grid,
            tolerance,
        )
        good = solved.accepted
        return index[good], solved.propagator[good], solved.error[good]

    def between(self, rows: npt.NDArray[np.intp], maps: ComplexArray) -> FloatArray:
        """Return maps of (x, y, w, 1) between the eigenframes at the ends of panels."""
        first, last = (
            liouville.kron(frame, frame.conj())
            for frame in (self.nodes.vectors[rows, 0], self.nodes.vectors[rows, -1])
        )
        found = (_TO_DEVIATION @ dagger(last) @ maps @ first @ _FROM_DEVIATION).real
        found[:, 3] = (0.0, 0.0, 0.0, 1.0)
        return np.asarray(found)


class SuperoperatorKernel(OpenKernel):
    """N levels: ρ stacked row by row; propagators are (N², N²)."""

    def __init__(self, environment: Environment, levels: int) -> None:
        self.environment = environment
        self.levels = levels
        self.size = levels**2
        self.grid = grid(MANY_LEVEL_NODES)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        from anticrossing.dynamics import _superoperator

        matrices, nodes = liouville.nodes_of(lanes, times, lane)
        solved = _superoperator.solve_panels(
            matrices,
            nodes,
            self.environment.eigen_rates(nodes),
            self.environment.jump_operators(nodes),
            self.environment.superoperator(nodes),
            half_width,
            self.grid,
            tolerance,
        )
        error = solved.error + self.unresolved(lanes, times, lane, half_width, matrices)
        return PanelResults(solved.accepted, solved.propagator, error, solved.phase)

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        """Restore the trace and Hermiticity that rounding has touched."""
        n = self.levels
        swap = np.arange(n * n).reshape(n, n).T.ravel()
        mirrored = product[..., swap[:, None], swap].conj()
        defect = np.max(np.abs(product - mirrored), axis=(-2, -1), initial=0.0)
        product = 0.5 * (product + mirrored)
        populations = np.arange(n) * (n + 1)
        excess = product[..., populations, :].sum(axis=-2) - np.eye(n).ravel()
        product[..., populations, :] -= excess[..., None, :] / n
        return product, np.maximum(defect, np.max(np.abs(excess), axis=-1, initial=0.0))

    def frames(self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> ComplexArray:
        return np.linalg.eigh(lanes.traceless(times, lane))[1].astype(np.complex128)

    def entering(self, frames: ComplexArray) -> ComplexArray:
        return np.asarray(liouville.kron(frames, frames.conj()))

    def leaving(self, frames: ComplexArray) -> ComplexArray:
        return np.asarray(dagger(self.entering(frames)))
