"""Averages over noise that stands still: a trapezoidal rule, halved until they settle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing.dynamics.densities import Densities
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noise_blocks import displaced
from anticrossing.dynamics.settling import Left, Seen
from anticrossing.environment.noise.base import Noise

Average = Callable[[Lanes, int], Densities]
"""The states of lanes, at a resolution of what else fluctuates."""

_REACH, _WIDEST, _MOST_PLACES = 8.5, 0.75, 40_000  # of a Gaussian, in its root mean squares
_SHIFT = 0.381966  # of a step, of the rule that looks between the places
_VISIBLE = 4.0  # steps, in roots of the rate of H, in which no passage hides
_CHUNK = 256  # evolutions side by side
_MOST_CHANNELS = 2
_MOST_FOR_COHERENCES = 1000  # places, where probabilities have settled


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
    methods: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def mean(self) -> ComplexArray:
        return np.asarray(self.states / self.weight)


def average(
    lanes: Lanes, seen: Seen, still: Sequence[Noise], evolve: Average, resolution: int = 0
) -> Densities:
    """Average over noise that stands still what `evolve` gives at each of its values."""
    channels = _channels(still, lanes.count)
    if not channels:
        return evolve(lanes, resolution)
    if len(channels) > _MOST_CHANNELS:
        raise InputError(
            f"Noise that stands still is averaged over at most {_MOST_CHANNELS} operators, but "
            f"there are {len(channels)}: `dynamics.sample_paths` draws values instead."
        )
    step, hidden = _first_step(lanes, channels)
    dimension = len(channels)
    total = _Sum()
    every = _places(step, dimension)
    _add(total, lanes, channels, every, evolve, resolution)
    left: Left | None = None
    while True:
        finer = _places(0.5 * step, dimension)
        enough = left is not None and left.is_little and len(finer) > _MOST_FOR_COHERENCES
        if left is not None and (enough or len(finer) > _MOST_PLACES):
            break
        odd = np.any(np.round(finer / (0.5 * step)).astype(np.int64) % 2 != 0, axis=1)
        before, step = total.mean(), 0.5 * step
        _add(total, lanes, channels, finer[odd], evolve, resolution)
        left = seen.distance(total.mean(), before)
        if left.is_little and left.coherent:
            # What turns by whole turns from place to place looks as if it stood still.
            other = _Sum()
            _add(other, lanes, channels, _places(step, dimension, _SHIFT), evolve, resolution)
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
        f"{total.methods[0]}, {total.places} values of noise that stands still",
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
            steps = np.where((rate > 0) & (spread > 0), _VISIBLE * np.sqrt(rate) / spread, np.inf)
        wanted = min(wanted, float(np.min(steps)))
    narrow = (0.5 * _MOST_PLACES) ** (1 / len(channels))
    least = 2 * _REACH / (narrow / 2)
    return (wanted, 0.0) if wanted >= least else (least, least)


def _add(
    total: _Sum,
    lanes: Lanes,
    channels: Sequence[_Channel],
    places: FloatArray,
    evolve: Average,
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
        found = evolve(lanes.repeated(weight.size, shift, added), resolution)

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
        total.methods.append(found.method)
        total.warnings += found.warnings
