"""Averages over noise that stands still: a trapezoidal rule, halved until they settle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray, InputError
from anticrossing.dynamics.densities import Densities
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noise_blocks import displaced
from anticrossing.dynamics.settling import Left, Seen
from anticrossing.environment.noise.base import Noise

Average = Callable[[Lanes, int], Densities]
"""The states of lanes, at a resolution of what else fluctuates."""

_REACH, _WIDEST, _MOST_PLACES = 8.5, 0.75, 40_000  # of a Gaussian, in its root mean squares
_SHIFT = 0.381966  # of a step, of the rule that looks between the places
_RESONANT = 2.0  # of the least width of a resonance, in which none hides
_VISIBLE = 4.0  # steps, in roots of the rate of H, in which no passage hides
_LEAST_WEIGHT = 1e-18  # of a place
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
    lanes: Lanes,
    seen: Seen,
    still: Sequence[Noise],
    evolve: Average,
    resolution: int = 0,
    narrow: FloatArray | None = None,
) -> Densities:
    """Average over noise that stands still what `evolve` gives at each of its values.

    `narrow` (lanes,) is the least width of what a value may be in resonance with, in radians per
    time.
    """
    moved = channels(still, lanes.count)
    if not moved:
        return evolve(lanes, resolution)
    step, hidden = first_step(lanes, moved, narrow)
    dimension = len(moved)
    total = _Sum()
    every = places(step, dimension)
    _add(total, lanes, moved, every, evolve, resolution)
    left: Left | None = None
    while True:
        finer = places(0.5 * step, dimension)
        enough = left is not None and left.is_little and len(finer) > _MOST_FOR_COHERENCES
        if left is not None and (enough or len(finer) > _MOST_PLACES):
            break
        odd = np.any(np.round(finer / (0.5 * step)).astype(np.int64) % 2 != 0, axis=1)
        before, step = total.mean(), 0.5 * step
        _add(total, lanes, moved, finer[odd], evolve, resolution)
        left = seen.distance(total.mean(), before)
        if left.is_little and left.coherent:
            # What turns by whole turns from place to place looks as if it stood still.
            other = _Sum()
            _add(other, lanes, moved, places(step, dimension, _SHIFT), evolve, resolution)
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


def resolving(width: float) -> float:
    """Return a first step for noise so many times wider than a resonance: it cannot hide."""
    return min(_WIDEST, _RESONANT / width) if width > 0 else 1.0


def rule(
    summed: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]],
    dimension: int,
    step: float,
    accuracy: float,
    most: int = _MOST_PLACES,
    seen: Callable[[FloatArray], FloatArray] = np.asarray,
) -> tuple[FloatArray, FloatArray]:
    """Return averages (P, …) that have settled to half of `accuracy`, and their errors (P,).

    What has to settle is `seen` of them. `summed` takes places (Q, n) in root mean squares and
    their weights (Q,), and returns sums of values (P, …) and of their errors (P,).
    """

    def some(where: FloatArray) -> list[FloatArray]:
        weights = np.exp(-0.5 * np.sum(where**2, axis=1))
        there = weights > _LEAST_WEIGHT
        values, errors = summed(where[there], weights[there])
        return [values, errors, np.asarray(weights[there].sum())]

    def apart(one: list[FloatArray], other: list[FloatArray]) -> FloatArray:
        distance = np.abs(seen(one[0]) / one[2] - seen(other[0]) / other[2])
        return np.asarray(np.max(distance.reshape(len(distance), -1), axis=1))

    if len(places(step, dimension)) > most:
        raise _too_many(most)
    total = some(places(step, dimension))
    while True:
        step *= 0.5
        finer = places(step, dimension)
        if len(finer) > most:
            raise _too_many(most)
        odd = np.any(np.round(finer / step).astype(np.int64) % 2 != 0, axis=1)
        before = total
        total = [a + b for a, b in zip(total, some(finer[odd]), strict=True)]
        change = apart(total, before)
        if np.all(change <= 0.5 * accuracy):
            # What turns by whole turns from place to place looks as if it stood still.
            other = some(places(step, dimension, _SHIFT))
            change = np.maximum(change, apart(total, other))
            if np.all(change <= 0.5 * accuracy):
                return total[0] / total[2], total[1] / total[2] + change


def _too_many(most: int) -> ConvergenceError:
    return ConvergenceError(
        f"The average over noise that stands still needs more than {most} of its values: its root "
        "mean square is far wider than the resonances it moves. Allow a larger `tolerance`, or "
        "give less noise or a shorter T₂."
    )


@dataclass(frozen=True)
class Channel:
    """What fluctuates: the coordinate or an operator, with a root mean square in every lane."""

    noise: Noise
    rms: FloatArray


def channels(still: Sequence[Noise], lanes: int) -> list[Channel]:
    """Return noises that stand still, those of one operator added up, or refuse too many."""
    found: list[Channel] = []
    for noise in still:
        variance = np.broadcast_to(noise.variance, (lanes,))
        for k, channel in enumerate(found):
            if _same(channel.noise, noise):
                found[k] = replace(channel, rms=np.sqrt(channel.rms**2 + variance))
                break
        else:
            found.append(Channel(noise, np.sqrt(variance)))
    if len(found) > _MOST_CHANNELS:
        raise InputError(
            f"Noise that stands still is averaged over at most {_MOST_CHANNELS} operators, but "
            f"there are {len(found)}: `dynamics.sample_paths` draws values instead."
        )
    return found


def _same(one: Noise, other: Noise) -> bool:
    if one.operator is None or other.operator is None:
        return one.operator is other.operator
    return np.array_equal(one.operator, other.operator)


def places(step: float, dimension: int, shift: float = 0.0) -> FloatArray:
    """Return the places of a rule, (Q, dimension), in root mean squares."""
    most = int(_REACH / step) + 1
    along = (np.arange(-most, most + 1) + shift) * step
    if along.size**dimension > 4 * _MOST_PLACES:
        return np.empty((along.size**dimension, 0))
    grids = np.meshgrid(*([along] * dimension), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1)


def first_step(
    lanes: Lanes, channels: Sequence[Channel], narrow: FloatArray | None
) -> tuple[float, float]:
    """Return the step of the first rule, and how far places lie apart if that is too far.

    A passage whose gap the noise closes takes place at few values of it: as far apart as the root
    of the rate of H, seen from the part of the operator that does not commute with what moves.
    """
    moved = np.diff(lanes.window.matrices, axis=1)
    rate = np.linalg.norm(moved, 2, axis=(-2, -1)) * (moved.shape[1] + 1)
    rate = np.max(rate, axis=1) / (lanes.stop - lanes.start)
    wanted = _WIDEST
    for channel in channels:
        if narrow is not None:
            wanted = min(wanted, _resolving(lanes, channel, narrow))
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
    along = (0.5 * _MOST_PLACES) ** (1 / len(channels))
    least = 2 * _REACH / (along / 2)
    return (wanted, 0.0) if wanted >= least else (least, least)


def _resolving(lanes: Lanes, channel: Channel, narrow: FloatArray) -> float:
    """Return the step at which no resonance of so small a width lies between places."""
    operator = channel.noise.operator
    if operator is None:
        there = lanes.repeated(2, np.stack([0 * channel.rms, channel.rms], axis=1), None)
        times = np.repeat(lanes.samples, 2, axis=0)
        found = there.traceless(times, np.arange(there.count))
        moved = np.linalg.norm(found[1::2] - found[::2], 2, axis=(-2, -1))
        spread = 2 * np.max(moved, axis=1)
    else:
        levels = np.linalg.eigvalsh(operator)
        spread = channel.rms * (levels[-1] - levels[0]) * lanes.hamiltonian.units.angular
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(spread > 0, _RESONANT * narrow / spread, np.inf)
    return float(np.min(steps))


def _add(
    total: _Sum,
    lanes: Lanes,
    channels: Sequence[Channel],
    places: FloatArray,
    evolve: Average,
    resolution: int,
) -> None:
    """Add evolutions at some places (Q, n) of the noise."""
    weights = np.exp(-0.5 * np.sum(places**2, axis=1))
    there = weights > _LEAST_WEIGHT
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
