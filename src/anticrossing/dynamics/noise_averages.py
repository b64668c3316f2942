"""Averages over classical noise: over values that stand still, and over a process that remembers.

Values that stand still are a batch of evolutions, at the places of the trapezoidal rule, which
converges faster than any power for a Gaussian; they are halved until the average settles. A process
is one linear equation for all of its states (`noise_blocks`), with more and more states where it is
the limit of such.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics import liouville, panels, steps
from anticrossing.dynamics.densities import Densities
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noise_blocks import BlockKernel, BlockMesh, Blocks, displaced
from anticrossing.dynamics.panels import Evolution
from anticrossing.dynamics.readout import readout
from anticrossing.dynamics.request import Request, density
from anticrossing.environment import Environment
from anticrossing.environment.noise.base import MarkovNoise, Noise, split

METHOD = "average over noise"
LARGEST_BLOCKS = 2000
"""The most numbers that density matrices beside all states of a noise may have."""

_LARGEST_PANELS = 600  # numbers, of a generator whose spectrum is split
_REACH, _WIDEST, _MOST_PLACES = 8.5, 0.75, 40_000  # of a Gaussian, in its root mean squares
_SHIFT = 0.381966  # of a step, of the rule that looks between the places
_VISIBLE = 4.0  # steps, in roots of the rate of H, in which no passage hides
_CHUNK = 256  # evolutions side by side
# As good at least are coherences, as long as that takes no more numbers or places than so many.
_COHERENT, _MOST_FOR_COHERENCES = 1e-6, 400
_MOST_RESOLUTION = 12
_UNIT = 2.3e-16
# Seconds on one core: an order of the Taylor series, and for every element of the generator and
# column; a panel whose spectrum is split, and for every element of it; panels of a window.
_ORDER, _ELEMENT, _PER_RADIAN = 3e-7, 3e-10, 5.0
_PANEL, _PANEL_EACH, _PANELS = 3e-3, 1.5e-4, 60.0


def follow(request: Request, environment: Environment, initial: ComplexArray) -> Densities:
    """Carry Hermitian matrices `initial` (lanes, M, N, N), averaged over the noise.

    The environment's parameters are flat.
    """
    noises, rest = split(environment)
    _check(request.lanes, noises)
    still = [noise for noise in noises if not isinstance(noise, MarkovNoise)]
    moving = [noise for noise in noises if isinstance(noise, MarkovNoise)]
    seen = _Seen.of(request, initial)
    notes = tuple(note for noise in noises for note in noise.notes)
    if moving or rest.parts:
        average = functools.partial(_blocks, request, moving, rest, initial)
    else:
        average = functools.partial(_closed, request, initial)
    if all(noise.is_exact for noise in moving):
        found = _still(request, seen, still, average)
        return replace(found, warnings=(*found.warnings, *notes))
    return _refined(request, seen, still, moving, average, notes)


_Average = Callable[[Lanes, int], Densities]


def _check(lanes: Lanes, noises: Sequence[Noise]) -> None:
    """Refuse noise on the coordinate of a path."""
    if lanes.path is not None and any(noise.operator is None for noise in noises):
        raise InputError(
            "Noise on a coordinate along a `drive.Path` is not followed: give the `operator` that "
            "fluctuates."
        )


def _refined(
    request: Request,
    seen: _Seen,
    still: Sequence[Noise],
    moving: Sequence[MarkovNoise],
    average: _Average,
    notes: tuple[str, ...],
) -> Densities:
    """Raise the resolution of a process until the averages settle."""
    levels = request.lanes.hamiltonian.dimension
    found = _still(request, seen, still, average, 0)
    left: _Left | None = None
    used = 0
    for resolution in range(1, _MOST_RESOLUTION):
        numbers = levels**2 * math.prod(noise.states(resolution) for noise in moving)
        if numbers > LARGEST_BLOCKS:
            if left is None:
                raise _too_large(numbers, "to see whether the averages settle")
            break
        dear = not found.by_steps and numbers > _MOST_FOR_COHERENCES
        if left is not None and left.is_little and dear:
            break
        finer = _still(request, seen, still, average, resolution)
        left = seen.distance(finer.states, found.states)
        found, used = finer, numbers // levels**2
        if left.is_little and left.coherent:
            break
    assert left is not None
    said = left.said(
        "averages over the noise",
        f"with {used} states of it; `dynamics.sample_paths` draws paths instead",
    )
    warnings = dict.fromkeys([*found.warnings, *notes, *said])
    return replace(found, error=found.error + left.probabilities, warnings=tuple(warnings))


def _too_large(numbers: int, why: str) -> InputError:
    return InputError(
        f"Density matrices beside all states of the noise would be {numbers} numbers {why}, but at "
        f"most {LARGEST_BLOCKS} are followed: `dynamics.sample_paths` draws paths instead."
    )


@dataclass(frozen=True)
class _Seen:
    """Which probabilities are read: of states `ways` (lanes, T, N, N), from combinations of starts.

    `starts` (lanes, S, M) take the M matrices that are followed to the S initial ones.
    """

    ways: ComplexArray
    starts: ComplexArray
    accuracy: float

    @classmethod
    def of(cls, request: Request, initial: ComplexArray) -> _Seen:
        read, levels = readout(request, []), initial.shape[-1]
        ways = np.concatenate([read.between, read.last[:, None]], axis=1)
        if not request.whole:
            one = np.ones((initial.shape[0], 1, 1), dtype=np.complex128)
            return cls(ways, one, request.accuracy)
        first = read.first
        states = np.einsum("lia,lja->laij", first, first.conj())
        if not isinstance(request.initial, int):
            given = np.broadcast_to(density(request.initial), (len(first), 1, levels, levels))
            states = np.concatenate([states, given], axis=1)
        starts = np.einsum("lsij,lmij->lsm", states, initial.conj())
        return cls(ways, np.asarray(starts), request.accuracy)

    def distance(self, one: ComplexArray, other: ComplexArray) -> _Left:
        """Return by how much averages differ."""
        moved = np.einsum("lsm,ltmij->ltsij", self.starts, one - other)
        read = np.einsum("ltia,ltsij,ltja->ltsa", self.ways.conj(), moved, self.ways)
        return _Left(
            np.max(np.abs(read), axis=(1, 2, 3)),
            float(np.max(np.linalg.norm(moved, axis=(-2, -1)))),
            0.5 * self.accuracy,
        )


@dataclass(frozen=True)
class _Left:
    """By how much averages differ at most: in probabilities (lanes,), and in states."""

    probabilities: FloatArray
    states: float
    allowed: float

    @property
    def is_little(self) -> bool:
        """Whether the probabilities have settled."""
        return bool(np.all(self.probabilities <= self.allowed))

    @property
    def coherent(self) -> bool:
        """Whether the states have settled, coherences too, though not as well perhaps."""
        return self.states <= max(_COHERENT, 20 * self.allowed)

    def larger(self, other: _Left) -> _Left:
        """Return the larger of two."""
        both = np.maximum(self.probabilities, other.probabilities)
        return _Left(both, max(self.states, other.states), self.allowed)

    def said(self, of: str, more: str) -> list[str]:
        """Return what has not settled, in words."""
        if not self.is_little:
            return [f"{of} settle to {np.max(self.probabilities):.1g} only, {more}"]
        if not self.coherent:
            return [f"the coherences in {of} settle to {self.states:.1g} only, {more}"]
        return []


@dataclass
class _Sum:
    """A trapezoidal rule of step 1, growing by what lies between: weighted sums of states."""

    states: ComplexArray | float = 0.0
    weight: float = 0.0
    error: FloatArray | float = 0.0
    phase: FloatArray | float = 0.0
    panels: FloatArray | float = 0
    evaluated: int = 0
    places: int = 0
    by_steps: bool = True
    of: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def mean(self) -> ComplexArray:
        return np.asarray(self.states / self.weight)


def _still(
    request: Request, seen: _Seen, still: Sequence[Noise], average: _Average, resolution: int = 0
) -> Densities:
    """Average over noise that stands still what `average` gives at each of its values."""
    lanes = request.lanes
    channels = _channels(still, lanes.count)
    if not channels:
        return average(lanes, resolution)
    step, hidden = _first_step(lanes, channels)
    dimension = len(channels)
    total = _Sum()
    every = _places(step, dimension)
    _add(total, lanes, channels, every, average, resolution)
    left: _Left | None = None
    while True:
        finer = _places(0.5 * step, dimension)
        enough = left is not None and left.is_little and len(finer) > _MOST_FOR_COHERENCES
        if left is not None and (enough or len(finer) > _MOST_PLACES):
            break
        odd = np.any(np.round(finer / (0.5 * step)).astype(np.int64) % 2 != 0, axis=1)
        before, step = total.mean(), 0.5 * step
        _add(total, lanes, channels, finer[odd], average, resolution)
        left = seen.distance(total.mean(), before)
        if left.is_little and left.coherent:
            # What turns by whole turns from place to place looks as if it stood still.
            other = _Sum()
            _add(other, lanes, channels, _places(step, dimension, _SHIFT), average, resolution)
            left = left.larger(seen.distance(total.mean(), other.mean()))
            if left.is_little and left.coherent:
                break
    warnings = list(dict.fromkeys(total.warnings))
    warnings += left.said(
        "averages over noise that stands still", f"with {total.places} values of it"
    )
    if hidden:
        warnings.append(
            f"passages that happen at few values of the noise, closer than {hidden:.1g} of its "
            "root mean square, may be missed by the average"
        )
    return Densities(
        total.mean(),
        np.asarray(total.error / total.weight + left.probabilities),
        np.asarray(total.phase),
        np.asarray(total.panels, dtype=np.intp),
        total.evaluated,
        f"{total.of[0]}, {total.places} values of noise that stands still",
        tuple(warnings),
        total.by_steps,
    )


@dataclass(frozen=True)
class _Channel:
    """What fluctuates: the coordinate or an operator, with a root mean square in every lane."""

    noise: Noise
    rms: FloatArray


def _channels(still: Sequence[Noise], lanes: int) -> list[_Channel]:
    """Return noises that stand still, those of one operator added up."""
    found: list[_Channel] = []
    for noise in still:
        variance = np.broadcast_to(noise.variance, (lanes,))
        for k, channel in enumerate(found):
            if _same(channel.noise, noise):
                found[k] = replace(channel, rms=np.sqrt(channel.rms**2 + variance))
                break
        else:
            found.append(_Channel(noise, np.sqrt(variance)))
    return found


def _same(one: Noise, other: Noise) -> bool:
    if one.operator is None or other.operator is None:
        return one.operator is other.operator
    return np.array_equal(one.operator, other.operator)


def _places(step: float, dimension: int, shift: float = 0.0) -> FloatArray:
    """Return the places of a rule, (Q, dimension), in root mean squares."""
    most = int(_REACH / step) + 1
    along = (np.arange(-most, most + 1) + shift) * step
    if along.size**dimension > 4 * _MOST_PLACES:
        return np.empty((along.size**dimension, 0))
    grids = np.meshgrid(*([along] * dimension), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1)


def _first_step(lanes: Lanes, channels: Sequence[_Channel]) -> tuple[float, float]:
    """Return the step of the first rule, and how far places lie apart if that is too far.

    A passage whose gap the noise closes takes place at few values of it: as far apart as the root
    of the rate of H, seen from the part of the operator that does not commute with what moves.
    """
    moved = np.diff(lanes.window.matrices, axis=1)
    rate = np.linalg.norm(moved, 2, axis=(-2, -1)) * (moved.shape[1] + 1)
    rate = np.max(rate, axis=1) / (lanes.stop - lanes.start)
    wanted = _WIDEST
    for channel in channels:
        operator = channel.noise.operator
        if operator is None:
            continue
        size = np.linalg.norm(moved, axis=(-2, -1))
        across = np.linalg.norm(operator @ moved - moved @ operator, axis=(-2, -1))
        with np.errstate(divide="ignore", invalid="ignore"):
            across = np.max(np.where(size > 0, across / size, 0.0), axis=1)
            spread = channel.rms * across * lanes.hamiltonian.units.angular
            steps_ = np.where((rate > 0) & (spread > 0), _VISIBLE * np.sqrt(rate) / spread, np.inf)
        wanted = min(wanted, float(np.min(steps_)))
    narrow = (0.5 * _MOST_PLACES) ** (1 / len(channels))
    least = 2 * _REACH / (narrow / 2)
    return (wanted, 0.0) if wanted >= least else (least, least)


def _add(
    total: _Sum,
    lanes: Lanes,
    channels: Sequence[_Channel],
    places: FloatArray,
    average: _Average,
    resolution: int,
) -> None:
    """Add evolutions at some places (Q, n) of the noise."""
    weights = np.exp(-0.5 * np.sum(places**2, axis=1))
    there = weights > 1e-18
    places, weights = places[there], weights[there]
    chunk = max(1, _CHUNK // lanes.count)
    noises = [channel.noise for channel in channels]
    for first in range(0, weights.size, chunk):
        some, weight = places[first : first + chunk], weights[first : first + chunk]
        values = [channel.rms[:, None] * some[:, k] for k, channel in enumerate(channels)]
        shift, added = displaced(noises, values, lanes.count)
        found = average(lanes.repeated(weight.size, shift, added), resolution)

        def mean(array: FloatArray, weight: FloatArray = weight) -> FloatArray:
            return np.asarray(array.reshape(lanes.count, -1) @ weight)

        states = found.states.reshape(lanes.count, weight.size, *found.states.shape[1:])
        total.states = total.states + np.einsum("lq...,q->l...", states, weight)
        total.weight += float(weight.sum())
        total.error = total.error + mean(found.error)
        total.phase = np.maximum(total.phase, found.phase.reshape(lanes.count, -1).max(axis=1))
        total.panels = total.panels + found.panels.reshape(lanes.count, -1).sum(axis=1)
        total.evaluated += found.evaluated
        total.places += weight.size
        total.by_steps &= found.by_steps
        total.of.append(found.method)
        total.warnings += found.warnings


def _repeated(array: FloatArray | None, lanes: Lanes) -> FloatArray | None:
    """Return what belongs to every lane for all of its copies."""
    return None if array is None else np.repeat(array, lanes.copies, axis=0)


def _closed(request: Request, initial: ComplexArray, lanes: Lanes, resolution: int) -> Densities:
    """Evolve without an environment: panels of propagators."""
    levels = lanes.hamiltonian.dimension
    found: Evolution = panels.solve(
        lanes,
        UnitaryKernel(levels),
        tolerance=request.panel_tolerance,
        breakpoints=_repeated(request.breakpoints, lanes),
        times=_repeated(request.times, lanes),
    )
    every = np.concatenate([found.snapshots, found.propagator[:, None]], axis=1)[:, :, None]
    start = np.repeat(initial, lanes.copies, axis=0)[:, None]
    states = every @ start @ dagger(every)
    # Coherences have the rounding of the phases between levels.
    error = 2 * found.error + _UNIT * found.phase
    taken = found.phase, found.panels, found.evaluated
    return Densities(states, error, *taken, f"{METHOD}: {found.method}", by_steps=False)


def _blocks(
    request: Request,
    moving: Sequence[MarkovNoise],
    rest: Environment,
    initial: ComplexArray,
    lanes: Lanes,
    resolution: int,
) -> Densities:
    """Follow density matrices beside all states of a process, by the cheaper method."""
    count = math.prod(noise.states(resolution) for noise in moving)
    numbers = count * lanes.hamiltonian.dimension**2
    if numbers > LARGEST_BLOCKS:
        raise _too_large(numbers, f"({count} states of the noise)")
    blocks = Blocks.of(lanes, moving, rest, resolution)
    levels, columns = lanes.hamiltonian.dimension, initial.shape[1]
    given = np.repeat(initial, lanes.copies, axis=0)
    times = _repeated(request.times, lanes)
    cuts = blocks.breakpoints(_repeated(request.breakpoints, lanes))
    strength = blocks.strength()
    by_steps = np.sum(_PER_RADIAN * strength * (_ORDER + _ELEMENT * blocks.elements * columns))
    by_panels = lanes.count * _PANELS * (_PANEL + _PANEL_EACH * blocks.size**2)

    def start(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        whole = np.einsum("lk,lmd->lmkd", blocks.root, numbers)
        return whole.reshape(lanes.count, columns, -1)

    def mean(after: npt.NDArray[Any]) -> npt.NDArray[Any]:
        parts = after.reshape(*after.shape[:-1], blocks.states, levels**2)
        return np.einsum("lk,ltmkd->ltmd", blocks.root, parts)

    rows = given.reshape(lanes.count, columns, -1)
    states: npt.NDArray[Any]
    if blocks.size > _LARGEST_PANELS or by_steps < by_panels:
        basis = liouville.hermitian_basis(levels).reshape(levels**2, -1)
        found = steps.carry(
            lanes,
            BlockMesh(blocks),
            start((rows @ basis.conj().T).real),
            tolerance=request.panel_tolerance,
            phase=strength,
            breakpoints=cuts,
            times=times,
        )
        states, error, method = mean(found.states) @ basis, found.error, "steps"
        taken = strength, found.panels, found.evaluated
    else:
        evolution = panels.solve(
            lanes,
            BlockKernel(blocks),
            tolerance=request.panel_tolerance,
            breakpoints=cuts,
            times=times,
        )
        every = np.concatenate([evolution.snapshots, evolution.propagator[:, None]], axis=1)
        after = every @ start(rows).swapaxes(-1, -2)[:, None]
        states = mean(after.swapaxes(-1, -2))
        error, method = evolution.error, evolution.method
        taken = evolution.phase, evolution.panels, evolution.evaluated
    states = hermitian_part(states.reshape(*states.shape[:-1], levels, levels))
    excess = np.trace(states - given[:, None], axis1=-2, axis2=-1).real / levels
    states = states - excess[..., None, None] * np.eye(levels)
    error = error + levels * np.max(np.abs(excess), axis=(1, 2))
    said = f"{METHOD}: {method}, {blocks.states} states of it"
    return Densities(states, error, *taken, said, by_steps=method == "steps")
