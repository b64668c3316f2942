"""Density matrices beside every state of a noise: one linear equation of K N² real numbers.

With the process of a classical noise at rest in its state s with the probability p_s, the averages
ρ_s of the density matrix over all paths that end in s obey

    dρ_s/dt = −i[H_s, ρ_s] + D_s(ρ_s) + Σ_r M_sr ρ_r,    H_s = H(x + δ_s) or H(x) + δ_s A,

exactly, whatever the correlation time. What is followed are the numbers of ρ_s p_s^(−1/2), for
which M is symmetric: on panels row by row, by steps in an orthonormal basis of the Hermitian
matrices, where they are real.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import between_nodes, densities, features, generators, liouville
from anticrossing.dynamics.generators import Source
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear import LinearKernel
from anticrossing.dynamics.steps import Mesh
from anticrossing.environment import Environment, Nodes
from anticrossing.environment.noise.base import MarkovNoise, Noise, joint

_SAMPLES = 33  # of the window, for an estimate of the work


@dataclass(frozen=True)
class Blocks:
    """The equation of all lanes, of which many may belong to one parameter point.

    Attributes
    ----------
    lanes : Lanes
        Without the noise.
    rates : array, shape (lanes, K, K)
    root : array, shape (lanes, K)
    rest : Environment
        What else there is, without memory, its parameters flat.
    coupled : sequence of pairs
        Positions (lanes, K, K) and operators (N, N), where all else is the same in all states.
    every : Lanes or None
        Else H_s, K for each of the lanes.
    """

    lanes: Lanes
    rates: FloatArray
    root: FloatArray
    rest: Environment
    coupled: tuple[tuple[FloatArray, ComplexArray], ...] = ()
    every: Lanes | None = None

    @classmethod
    def of(
        cls, lanes: Lanes, noises: Sequence[MarkovNoise], rest: Environment, resolution: int
    ) -> Blocks:
        """Return the equation with noises whose parameters are flat."""
        points = lanes.count // lanes.copies

        def each(array: FloatArray) -> FloatArray:
            whole = np.broadcast_to(array, (points, *array.shape[1:]))
            return np.repeat(whole, lanes.copies, axis=0)

        parts = [noise.process(resolution) for noise in noises]
        operators = [noise.operator for noise in noises if noise.operator is not None]
        if len(operators) == len(noises) and not follows_levels(lanes, rest):
            process, positions = joint(parts)
            coupled = tuple(zip(map(each, positions), operators, strict=True))
            return cls(lanes, each(process.rates), each(process.root), rest, coupled)
        process, positions = joint([part.in_values() for part in parts])
        values = [np.einsum("lkk->lk", each(position)) for position in positions]
        shift, added = displaced(noises, values, lanes.count)
        every = lanes.repeated(process.states, shift, added)
        return cls(lanes, each(process.rates), each(process.root), rest, every=every)

    @property
    def states(self) -> int:
        """K."""
        return int(self.root.shape[-1])

    @property
    def size(self) -> int:
        """K N²."""
        return self.states * self.lanes.hamiltonian.dimension**2

    @property
    def shifts(self) -> bool:
        """Whether the noise is on the coordinate of H."""
        return self.every is not None and self.every.shift is not None

    def inside(
        self, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> tuple[FloatArray, npt.NDArray[np.intp]]:
        """Return times (P K, n) and lanes (P K,) of all states."""
        rows = (lane[:, None] * self.states + np.arange(self.states)).ravel()
        return np.repeat(times, self.states, axis=0), rows

    def nodes_of(
        self, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[Any], Nodes]:
        """Return H at `times` (P, n) of lanes (P,), (P, n, N, N), and the nodes.

        Where states differ those of each, (P K, n, N, N).
        """
        lanes = self.lanes
        if self.every is not None:
            lanes = self.every
            times, lane = self.inside(times, lane)
        matrices, nodes = liouville.nodes_of(lanes, times, lane)
        return matrices, replace(nodes, lane=nodes.lane // lanes.copies)

    def sources(self, times: FloatArray, lane: npt.NDArray[np.intp]) -> list[Source]:
        """Return what the generator is made of at `times` (P, n), of one lane to be a matrix."""
        parts = generators.sources_of(*self.nodes_of(times, lane), self.rest)
        found = [self._lifted(part, lane.size) for part in parts]
        constant = self._real_constant(lane[:1])[0]
        return [*found, Source(np.ones((*times.shape, 1)), lambda w: w[..., None] * constant)]

    def generators(
        self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> ComplexArray:
        """Return the generator at `times` (P, n) of lanes (P,), (P, n, D, D)."""
        inside = liouville.generator_at(*self.nodes_of(times, lane), self.rest)
        numbers = inside.shape[-1]
        total = np.repeat(self._constant(lane)[:, None], times.shape[1], axis=1)
        blocks = total.reshape(*total.shape[:2], self.states, numbers, self.states, numbers)
        each = 1 if self.every is None else self.states
        for s in range(self.states):
            blocks[:, :, s, :, s] += inside[s % each :: each]
        return total

    def turned(self, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return numbers (lanes, n, D) where the noise at rest is the first of all its states.

        Turned again they are what they were.
        """
        parts = numbers.reshape(*numbers.shape[:-1], self.states, -1)
        return np.einsum("lsk,lnkd->lnsd", self.turn, parts).reshape(numbers.shape)

    @functools.cached_property
    def turn(self) -> FloatArray:
        """Reflections (lanes, K, K) that take the noise at rest to the first of all states."""
        return to_first_axis(self.root)

    def turned_generators(
        self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> ComplexArray:
        """Return what `generators` does, of numbers that are turned."""
        total = self.generators(lanes, times, lane)
        parts = total.reshape(*total.shape[:2], *(self.states, total.shape[-1] // self.states) * 2)
        turn = self.turn[lane]
        parts = np.einsum("psk,pnkalb->pnsalb", turn, parts)
        return np.einsum("pnsalb,prl->pnsarb", parts, turn).reshape(total.shape)

    def strength(self) -> FloatArray:
        """Return about the norm of the generator times the window, (lanes,)."""
        fraction = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        lanes, count = self.lanes, self.lanes.count
        times = lanes.start[:, None] + (lanes.stop - lanes.start)[:, None] * fraction
        _, nodes = self.nodes_of(times, np.arange(count))
        size = nodes.angular * (nodes.energies[..., -1] - nodes.energies[..., 0])
        size = size + densities.decay(self.rest, nodes)
        largest = np.max(size.reshape(count, -1, _SAMPLES), axis=1).mean(axis=1)
        largest += np.max(np.sum(np.abs(self.rates), axis=-1), axis=-1)
        for position, operator in self.coupled:
            reach = np.max(np.sum(np.abs(position), axis=-1), axis=-1)
            levels = np.linalg.eigvalsh(operator)
            largest += nodes.angular * reach * (levels[-1] - levels[0])
        return np.asarray((lanes.stop - lanes.start) * largest)

    @property
    def elements(self) -> int:
        """How many elements of the generator are not 0, about."""
        levels = self.lanes.hamiltonian.dimension
        if self.every is not None:
            return int(np.count_nonzero(self.rates[0])) * levels**2 + self.states * levels**4
        there = np.count_nonzero(self._real_constant(np.zeros(1, dtype=np.intp)))
        return int(there) + 2 * self.states * levels**3

    def breakpoints(self, given: FloatArray | None) -> FloatArray | None:
        """Return times where panels must end, those of shifted features among them."""
        found = features.find(self.every) if self.every is not None and self.shifts else None
        if found is None:
            return given
        found = found.reshape(self.lanes.count, -1)
        return found if given is None else np.concatenate([given, found], axis=1)

    def scalars(self, times: FloatArray, lane: npt.NDArray[np.intp]) -> npt.NDArray[Any] | None:
        """Return what drives the equation beside H, (P, n, k), if it may vary."""
        found = []
        if self.every is not None and self.shifts:
            values = between_nodes.driving(self.every, *self.inside(times, lane))
            found.append(_side_by_side(values, lane.size))
        rest = self.rest.scalars(self.lanes.coordinates(times, lane), times)
        if rest is not None:
            found.append(rest)
        return np.concatenate(found, axis=-1) if found else None

    def _constant(self, lane: npt.NDArray[np.intp]) -> ComplexArray:
        """Return what couples the states, (P, D, D), of ρ row by row."""
        levels, angular = self.lanes.hamiltonian.dimension, self.lanes.hamiltonian.units.angular
        total = liouville.kron(self.rates[lane], np.eye(levels**2)).astype(np.complex128)
        for position, operator in self.coupled:
            total += liouville.kron(position[lane], liouville.commutator(angular * operator))
        return np.asarray(total)

    def _real_constant(self, lane: npt.NDArray[np.intp]) -> FloatArray:
        """Return the same in real numbers."""
        levels, angular = self.lanes.hamiltonian.dimension, self.lanes.hamiltonian.units.angular
        total = liouville.kron(self.rates[lane], np.eye(levels**2))
        for position, operator in self.coupled:
            inside = generators.real(liouville.commutator(angular * operator))
            total += liouville.kron(position[lane], inside)
        return np.asarray(total)

    def _lifted(self, part: Source, panels: int) -> Source:
        """Return a part of every block as one of the whole generator."""
        states, differ = self.states, self.every is not None
        values = _side_by_side(part.values, panels) if differ else part.values

        def matrix(weights: FloatArray) -> FloatArray:
            every = states if differ else 1
            each = weights.shape[-1] // every
            inside = part.matrix(weights.reshape(*weights.shape[:-1], every, each))
            size = inside.shape[-1]
            total = np.zeros((*weights.shape[:-1], states, size, states, size))
            for s in range(states):
                total[..., s, :, s, :] = inside[..., s % every, :, :]
            return total.reshape(*weights.shape[:-1], states * size, states * size)

        return Source(values, matrix)


class BlockMesh(Mesh):
    """Panels whose nodes resolve the generator, for steps."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(blocks.rest, blocks.lanes.hamiltonian.dimension)
        self.blocks = blocks
        self.numbers = blocks.size

    @property
    def has_functions(self) -> bool:
        return _has_functions(self.blocks)

    def scalars(
        self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> npt.NDArray[Any] | None:
        return self.blocks.scalars(times, lane)

    def _sources(self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> list[Source]:
        return self.blocks.sources(times, lane)


class BlockKernel(LinearKernel):
    """Panels of turned numbers at a cost that does not grow with slowness."""

    def __init__(self, blocks: Blocks) -> None:
        # The trace is the same row in all lanes, whatever the noise at rest is in each.
        levels = blocks.lanes.hamiltonian.dimension
        trace = np.zeros((blocks.states, levels, levels))
        trace[0] = np.eye(levels)
        super().__init__(blocks.turned_generators, blocks.size, conserved=trace.ravel())
        self.blocks = blocks

    @property
    def formulas(self) -> tuple[Any, ...]:
        return self.blocks.rest.formulas()

    @property
    def has_functions(self) -> bool:
        return _has_functions(self.blocks)

    def scalars(
        self, lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]
    ) -> npt.NDArray[Any] | None:
        return self.blocks.scalars(times, lane)


def displaced(
    noises: Sequence[Noise], values: Sequence[FloatArray], lanes: int
) -> tuple[FloatArray | None, ComplexArray | None]:
    """Return what values (lanes, K) of every noise add to the coordinate, and to H."""
    shift: FloatArray | None = None
    added: ComplexArray | None = None
    for noise, value in zip(noises, values, strict=True):
        whole = np.broadcast_to(value, (lanes, value.shape[-1]))
        if noise.operator is None:
            shift = whole if shift is None else shift + whole
        else:
            new = whole[..., None, None] * noise.operator
            added = new if added is None else added + new
    return shift, added


def to_first_axis(root: FloatArray) -> FloatArray:
    """Return orthogonal matrices (lanes, K, K) that take unit vectors (lanes, K) to the first axis.

    They are reflections.
    """
    axis = root - np.eye(1, root.shape[-1])
    size = np.sum(axis**2, axis=-1)[:, None, None]
    outer = axis[:, :, None] * axis[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        mirrored = np.where(size > 0, 2 * outer / size, 0.0)
    return np.asarray(np.eye(root.shape[-1]) - mirrored)


def follows_levels(lanes: Lanes, rest: Environment) -> bool:
    """Whether an environment depends on the levels of H, which noise moves."""
    _, nodes = liouville.nodes_of(lanes, lanes.start[:1, None], np.zeros(1, dtype=np.intp))
    nodes = replace(nodes, lane=nodes.lane // lanes.copies)
    return rest.eigen_rates(nodes) is not None or rest.superoperator(nodes) is not None


def _side_by_side(values: npt.NDArray[Any], panels: int) -> npt.NDArray[Any]:
    """Return values (P K, n, k) of the states of every panel side by side, (P, n, K k)."""
    whole = values.reshape(panels, -1, *values.shape[1:])
    return np.ascontiguousarray(np.moveaxis(whole, 1, 2)).reshape(panels, values.shape[1], -1)


def _has_functions(blocks: Blocks) -> bool:
    return blocks.rest.has_functions or (blocks.shifts and blocks.lanes.is_function)
