"""Maps of steady states averaged over classical noise that remembers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError
from anticrossing.drive import Formula
from anticrossing.dynamics import liouville, noise_blocks, still_noise
from anticrossing.dynamics._generator_table import Moved
from anticrossing.dynamics._level_maps import Work
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noisy_periods import slowest_coherence
from anticrossing.environment.noise.base import MarkovNoise, Noise, split

LARGEST_BLOCKS = 64
"""The most numbers of density matrices beside all states of a noise, for every point of a map."""

_MOST_RESOLUTION = 6
_SAMPLES = 65

Map = tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]
"""Populations (P, N), their errors (P,) and steps (P,)."""


def averaged(work: Work) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp], tuple[str, ...]]:
    """Return a map averaged over the noises, and what a reader should know."""
    noises, _ = split(work.environment)
    still = [noise for noise in noises if not isinstance(noise, MarkovNoise)]
    moving = [noise for noise in noises if isinstance(noise, MarkovNoise)]
    _check_size(work, moving, 0 if all(noise.is_exact for noise in moving) else 1)

    def one(moved: Moved | None) -> Map:
        return _settled(work, moving, moved)

    found = one(None) if not still else _over_values(work, still, one)
    return *found, tuple(dict.fromkeys(note for noise in noises for note in noise.notes))


def _check_size(work: Work, moving: Sequence[MarkovNoise], resolution: int) -> None:
    """Refuse noise that has too many states."""
    numbers = _numbers(work, moving, resolution)
    if numbers > LARGEST_BLOCKS:
        raise InputError(
            f"Density matrices beside all states of the noise would be {numbers} numbers, but at "
            f"most {LARGEST_BLOCKS} are followed at every point of a map: follow single points "
            "with `periodic_steady_state`."
        )


def _numbers(work: Work, moving: Sequence[MarkovNoise], resolution: int) -> int:
    states = math.prod(noise.states(resolution) for noise in moving)
    return states * work.hamiltonian.dimension**2


def _settled(work: Work, moving: Sequence[MarkovNoise], moved: Moved | None) -> Map:
    """Raise the resolution of a process until the map settles: twice, as once may be by chance."""
    found = work.solve(moved)
    if all(noise.is_exact for noise in moving):
        return found
    change = np.full(found[1].shape, np.inf)
    for resolution in range(1, _MOST_RESOLUTION):
        if _numbers(work, moving, resolution) > LARGEST_BLOCKS:
            break
        finer = work.solve(moved, resolution)
        before, change = change, np.max(np.abs(finer[0] - found[0]), axis=1)
        found = finer
        little = change <= 0.5 * work.accuracy
        if np.all(little & (before <= 10 * work.accuracy)):
            break
    return found[0], found[1] + change, found[2]


def _over_values(work: Work, still: Sequence[Noise], one: Callable[[Moved | None], Map]) -> Map:
    """Average maps over the values of noise that stands still."""
    lanes = Lanes.of(work.hamiltonian, Formula("t", *work.ends))
    rest = split(work.environment.flat(()))[1]
    times = np.linspace(*work.ends, _SAMPLES)[None]
    found = np.linalg.eigvals(liouville.generator(lanes, rest, times))
    narrow = slowest_coherence(found.reshape(1, -1))
    channels = still_noise.channels(still, 1)
    step, _ = still_noise.first_step(lanes, channels, narrow)
    most = np.zeros(work.points.shape[0], dtype=np.intp)

    def values(places: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        nonlocal most
        total, error = 0.0, 0.0
        for place, weight in zip(places, weights, strict=True):
            amounts = [channel.rms[:, None] * z for channel, z in zip(channels, place, strict=True)]
            moved = noise_blocks.displaced([channel.noise for channel in channels], amounts, 1)
            populations, missed, steps = one(Moved(*moved))
            total, error = total + weight * populations, error + weight * missed
            most = np.maximum(most, steps)
        return np.asarray(total), np.asarray(error)

    mean, error = still_noise.rule(values, len(channels), step, work.accuracy)
    return mean, error, most
