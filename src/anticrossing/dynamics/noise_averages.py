"""Averages over classical noise: over values that stand still, and over a process that remembers.

Values that stand still are a batch of evolutions (`still_noise`). A process is one linear equation
for all of its states (`noise_blocks`), with more and more states where it is the limit of such.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics import liouville, panels, steps, still_noise
from anticrossing.dynamics.densities import Densities
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noise_blocks import BlockKernel, BlockMesh, Blocks, follows_levels
from anticrossing.dynamics.open_kernels import BlochKernel
from anticrossing.dynamics.panels import Evolution
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.settling import Left, Seen
from anticrossing.dynamics.still_noise import Average
from anticrossing.environment import Environment
from anticrossing.environment.noise.base import MarkovNoise, Noise, split

METHOD = "average over noise"
LARGEST_BLOCKS = 2000
"""The most numbers that density matrices beside all states of a noise may have."""

_LARGEST_PANELS = 600  # numbers, of a generator whose spectrum is split
_MOST_FOR_COHERENCES = 400  # numbers, on panels, where probabilities have settled
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
    seen = Seen.of(request, initial)
    notes = tuple(note for noise in noises for note in noise.notes)
    alone = split(request.environment)[1] if request.environment is not None else rest
    levels = request.lanes.hamiltonian.dimension  # two have compiled panels
    simple = levels == 2 and not moving and alone.batch_shape == ()
    if simple and rest.parts and not follows_levels(request.lanes, rest):
        average = functools.partial(_forgetful, request, alone, initial)
    elif moving or rest.parts:
        average = functools.partial(_blocks, request, moving, rest, initial)
    else:
        average = functools.partial(_closed, request, initial)
    if all(noise.is_exact for noise in moving):
        found = still_noise.average(request.lanes, seen, still, average)
        return replace(found, warnings=(*found.warnings, *notes))
    return _refined(request, seen, still, moving, average, notes)


def _check(lanes: Lanes, noises: Sequence[Noise]) -> None:
    """Refuse noise on the coordinate of a path."""
    if lanes.path is not None and any(noise.operator is None for noise in noises):
        raise InputError(
            "Noise on a coordinate along a `drive.Path` is not followed: give the `operator` that "
            "fluctuates."
        )


def _refined(
    request: Request,
    seen: Seen,
    still: Sequence[Noise],
    moving: Sequence[MarkovNoise],
    average: Average,
    notes: tuple[str, ...],
) -> Densities:
    """Raise the resolution of a process until the averages settle."""
    levels = request.lanes.hamiltonian.dimension
    found = still_noise.average(request.lanes, seen, still, average, 0)
    left: Left | None = None
    before: Left | None = None
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
        finer = still_noise.average(request.lanes, seen, still, average, resolution)
        before, left = left, seen.distance(finer.states, found.states)
        found, used = finer, numbers // levels**2
        if left.settled(before):
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


def _forgetful(
    request: Request, rest: Environment, initial: ComplexArray, lanes: Lanes, resolution: int
) -> Densities:
    """Solve the Lindblad equation of two levels, its environment one at all values."""
    levels = lanes.hamiltonian.dimension
    kernel = BlochKernel(rest)
    times = _repeated(request.times, lanes)
    found = panels.solve(
        lanes,
        kernel,
        tolerance=request.panel_tolerance,
        breakpoints=_repeated(request.breakpoints, lanes),
        times=times,
    )
    product = np.concatenate([found.snapshots, found.propagator[:, None]], axis=1)
    ends = lanes.stop[:, None]
    ends = ends if times is None else np.concatenate([times, ends], axis=1)
    maps, first, last = kernel.eigen_maps(lanes, product, ends)
    start = dagger(first)[:, None] @ np.repeat(initial, lanes.copies, axis=0) @ first[:, None]
    rows = start.reshape(lanes.count, 1, -1, levels**2).swapaxes(-1, -2)
    inside = (maps @ rows).swapaxes(-1, -2).reshape(*ends.shape, -1, levels, levels)
    states = last[:, :, None] @ inside @ dagger(last)[:, :, None]
    error = found.error + _UNIT * found.phase
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
