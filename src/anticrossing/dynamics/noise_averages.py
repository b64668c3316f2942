"""Averages over classical noise: over values that stand still, and over a process that remembers.

Values that stand still are a batch of evolutions (`still_noise`). A process is one linear equation
for all of its states (`noise_blocks`), with more and more states where it is the limit of such.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
_STEPS = "steps"
LARGEST_BLOCKS = 2000
"""The most numbers that density matrices beside all states of a noise may have."""

_LARGEST_PANELS = 600  # numbers, of a generator whose spectrum is split
_MOST_FOR_COHERENCES = 400  # numbers, on panels, where probabilities have settled
_MOST_RESOLUTION = 12
_UNIT = 2.3e-16
# Seconds on one core: an order of the Taylor series, and for every element of the generator and
# column; a panel whose spectrum is split, and for every element of it; panels of a window.
_ORDER, _ELEMENT, _PER_RADIAN = 3e-7, 3e-10, 5.0
_ONCE = 4e-7  # for every element of a generator that is set up
_STILL = 120  # values of noise that stands still, at least
_PANEL, _PANEL_EACH, _PANELS = 3e-3, 1.5e-4, 60.0


def follow(request: Request, environment: Environment, initial: ComplexArray) -> Densities:
    """Carry Hermitian matrices `initial` (lanes, M, N, N), averaged over the noise.

    The environment's parameters are flat.
    """
    noises, rest = split(environment)
    check(request.lanes, noises)
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
    found = settled(request.lanes, seen, still, moving, average)
    return replace(found, warnings=tuple(dict.fromkeys([*found.warnings, *notes])))


def settled(
    lanes: Lanes,
    seen: Seen,
    still: Sequence[Noise],
    moving: Sequence[MarkovNoise],
    average: Average,
    *,
    largest: int = LARGEST_BLOCKS,
    narrow: FloatArray | None = None,
) -> Densities:
    """Return averages that have settled, or say how far they have.

    At most so many numbers of a process are followed; `narrow` is for noise that stands still.
    """
    exact = all(noise.is_exact for noise in moving)
    states = math.prod(noise.states(0 if exact else 1) for noise in moving)
    numbers = states * lanes.hamiltonian.dimension**2
    if numbers > largest:
        whether = "" if exact else " where it is seen whether averages settle"
        raise InputError(
            f"Density matrices beside all states of the noise would be {numbers} numbers "
            f"({states} states of it{whether}), but at most {largest} are followed here: "
            "`dynamics.sample_paths` draws paths instead."
        )

    def one(resolution: int) -> Densities:
        return still_noise.average(lanes, seen, still, average, resolution, narrow)

    if exact:
        return one(0)
    return _refined(lanes, seen, moving, one, largest)


def check(lanes: Lanes, noises: Sequence[Noise]) -> None:
    """Refuse noise on the coordinate of a path."""
    if lanes.path is not None and any(noise.operator is None for noise in noises):
        raise InputError(
            "Noise on a coordinate along a `drive.Path` is not followed: give the `operator` that "
            "fluctuates."
        )


def _refined(
    lanes: Lanes,
    seen: Seen,
    moving: Sequence[MarkovNoise],
    average: Callable[[int], Densities],
    largest: int,
) -> Densities:
    """Raise the resolution of a process until the averages settle."""
    levels = lanes.hamiltonian.dimension
    found = average(0)
    left: Left | None = None
    before: Left | None = None
    used = 0
    for resolution in range(1, _MOST_RESOLUTION):
        numbers = levels**2 * math.prod(noise.states(resolution) for noise in moving)
        if numbers > largest:
            break
        dear = not found.by_steps and numbers > _MOST_FOR_COHERENCES
        if left is not None and left.is_little and dear:
            break
        finer = average(resolution)
        before, left = left, seen.distance(finer.states, found.states)
        found, used = finer, numbers // levels**2
        if left.settled(before):
            break
    assert left is not None
    said = left.said(
        "averages over the noise",
        f"with {used} states of it; `dynamics.sample_paths` draws paths instead",
    )
    warnings = tuple(dict.fromkeys([*found.warnings, *said]))
    return replace(found, error=found.error + left.probabilities, warnings=warnings)


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
    blocks = Blocks.of(lanes, moving, rest, resolution)
    levels, columns = lanes.hamiltonian.dimension, initial.shape[1]
    given = np.repeat(initial, lanes.copies, axis=0)
    basis = liouville.hermitian_basis(levels).reshape(levels**2, -1)
    numbers = (given.reshape(lanes.count, columns, -1) @ basis.conj().T).real
    start = np.einsum("lk,lmd->lmkd", blocks.root, numbers).reshape(lanes.count, columns, -1)
    found = carried(
        blocks,
        start,
        request.panel_tolerance,
        breakpoints=_repeated(request.breakpoints, lanes),
        times=_repeated(request.times, lanes),
    )
    parts = found.numbers.reshape(*found.numbers.shape[:-1], blocks.states, levels**2)
    states = np.einsum("lk,ltmkd->ltmd", blocks.root, parts) @ basis
    states = hermitian_part(states.reshape(*states.shape[:-1], levels, levels))
    excess = np.trace(states - given[:, None], axis1=-2, axis2=-1).real / levels
    states = states - excess[..., None, None] * np.eye(levels)
    error = found.error + levels * np.max(np.abs(excess), axis=(1, 2))
    said = f"{METHOD}: {found.method}, {blocks.states} states of it"
    taken = found.phase, found.panels, found.evaluated
    return Densities(states, error, *taken, said, by_steps=found.method == _STEPS)


@dataclass(frozen=True)
class Carried:
    """M vectors of the numbers of `Blocks`, (lanes, K + 1, M, D), at times and at the end."""

    numbers: FloatArray
    error: FloatArray
    phase: FloatArray
    panels: npt.NDArray[np.intp]
    evaluated: int
    method: str


def carried(
    blocks: Blocks,
    start: FloatArray,
    tolerance: float,
    *,
    breakpoints: FloatArray | None = None,
    times: FloatArray | None = None,
) -> Carried:
    """Carry real numbers `start` (lanes, M, D) across the windows, by the cheaper method."""
    lanes, cuts = blocks.lanes, blocks.breakpoints(breakpoints)
    if steps_are_cheaper(blocks, start.shape[1]):
        strength = blocks.strength()
        found = steps.carry(
            lanes,
            BlockMesh(blocks),
            start,
            tolerance=tolerance,
            phase=strength,
            breakpoints=cuts,
            times=times,
        )
        return Carried(found.states, found.error, strength, found.panels, found.evaluated, _STEPS)
    whole = panels.solve(
        lanes, BlockKernel(blocks), tolerance=tolerance, breakpoints=cuts, times=times
    )
    levels = lanes.hamiltonian.dimension
    basis = liouville.hermitian_basis(levels).reshape(levels**2, -1)
    every = np.concatenate([whole.snapshots, whole.propagator[:, None]], axis=1)
    rows = (start.reshape(*start.shape[:2], -1, levels**2) @ basis).reshape(start.shape)
    after = (every @ blocks.turned(rows).swapaxes(-1, -2)[:, None]).swapaxes(-1, -2)
    back = blocks.turned(after.reshape(lanes.count, -1, blocks.size))
    parts = back.reshape(*after.shape[:-1], -1, levels**2) @ basis.conj().T
    numbers = parts.reshape(after.shape).real
    taken = whole.phase, whole.panels, whole.evaluated, whole.method
    return Carried(numbers, whole.error, *taken)


def most_seconds(lanes: Lanes, environment: Environment, columns: int) -> float:
    """Return about what an average takes on one core if it settles last of all.

    `columns` density matrices are followed: one, or N² for all. Noise that stands still has some
    hundred values.
    """
    noises, rest = split(environment.flat(lanes.batch_shape))
    moving = [noise for noise in noises if isinstance(noise, MarkovNoise)]
    total = 0.0
    for resolution in range(_MOST_RESOLUTION):
        states = math.prod(noise.states(resolution) for noise in moving)
        if states * lanes.hamiltonian.dimension**2 > LARGEST_BLOCKS:
            break
        blocks = Blocks.of(lanes, moving, rest, resolution)
        total += 2 * min(_seconds(blocks, columns)) + _ONCE * blocks.size**2
        if all(noise.is_exact for noise in moving):
            break
    return total * (_STILL if len(moving) < len(noises) else 1)


def _seconds(blocks: Blocks, columns: int, times: int = 0) -> tuple[float, float]:
    """Return about what steps take, and panels, of which none is longer than between times."""
    each = _ORDER + _ELEMENT * blocks.elements * columns
    by_steps = _PER_RADIAN * float(np.sum(blocks.strength())) * each
    panel = _PANEL + _PANEL_EACH * blocks.size**2
    by_panels = blocks.lanes.count * max(_PANELS, times) * panel
    return by_steps, by_panels if blocks.size <= _LARGEST_PANELS else math.inf


def steps_are_cheaper(blocks: Blocks, columns: int, times: int = 0) -> bool:
    """Whether steps carry so many vectors sooner than panels do, which end at so many times."""
    by_steps, by_panels = _seconds(blocks, columns, times)
    return by_steps < by_panels
