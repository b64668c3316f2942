"""Exact unitary evolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing._core.unchanging import assembled
from anticrossing.dynamics import _mixing, _quick_line, effort, interference, plan, two_levels
from anticrossing.dynamics._outcome import Outcome
from anticrossing.dynamics._own_sectors import Own
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.many_periods import Periods
from anticrossing.dynamics.panels import SUPERADIABATIC, Evolution, Pieces
from anticrossing.dynamics.readout import (
    CLOSE,
    DEGENERATE,
    ROUNDED,
    SHORT,
    Readout,
    doubt,
    readout,
    readouts,
    unreached,
    unsettled,
)
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation
from anticrossing.dynamics.two_levels import Passages

_UNIT = float(np.finfo(np.float64).eps)


def evolve(request: Request, most_hours: float) -> tuple[Propagation, Pieces | None]:
    """Carry out a checked request without environment, unless it takes too long.

    Where panels of all levels did it, they are returned as well.
    """
    with one_thread:  # once: each change of BLAS's threads costs as much as a small panel
        return _evolved(request, most_hours)


def expected(request: Request) -> effort.Effort:
    """Return what a checked request takes."""
    found, line = _effort(request, _sectors(request)), _quick_line.work(request)
    return found if line is None else replace(found, **line)


def _sectors(request: Request) -> Sectored | Own | None:
    """Return the sectors that are followed, those of one state if no other is asked for."""
    if request.whole:
        return Sectored.of(request.lanes, request.symmetry)
    return Own.of(request)


def _evolved(request: Request, most_hours: float) -> tuple[Propagation, Pieces | None]:
    lanes = request.lanes
    warnings: list[str] = []
    found = _quick_line.follow(request) if most_hours >= effort.SHORT else None
    if found is None:
        sectors = _sectors(request)
        if most_hours < effort.SHORT or not effort.is_quick(lanes):
            _effort(request, sectors).check(most_hours)
        if sectors is None:
            found = _whole(request, warnings)
        elif isinstance(sectors, Own):
            found = _by_own_sectors(request, sectors, warnings)
        else:
            found = _by_sectors(request, sectors, warnings)
    batch, levels = lanes.batch_shape, lanes.hamiltonian.dimension
    propagator = amplitudes = transition = None
    if request.whole and found.propagator is not None and found.amplitudes is not None:
        propagator = found.propagator.reshape(*batch, levels, levels)
        amplitudes = found.amplitudes.reshape(*batch, levels, levels)
        transition = np.abs(amplitudes) ** 2
    error, why = found.error, ROUNDED
    if found.residual is not None:
        left = unsettled(
            request, found.residual, found.probabilities, transition, found.populations
        )
        error, why = error + left, SHORT if np.any(left > error) else ROUNDED
    warnings[:0] = unreached(error, request.accuracy, why)
    result = assembled(
        Propagation,
        transition_matrix=transition,
        probabilities=found.probabilities.reshape(*batch, levels),
        propagator=propagator,
        amplitudes=amplitudes,
        final_state=found.final.reshape(*batch, levels),
        times=request.shaped_times(),
        states=found.states.reshape(*batch, -1, levels),
        populations=found.populations.reshape(*batch, -1, levels),
        basis=request.basis,
        panels=found.panels.reshape(batch),
        evaluated_panels=found.evaluated,
        method=found.method,
        steps=None if found.steps is None else found.steps.reshape(batch),
        error_estimate=np.minimum(error, 1.0).reshape(batch),  # of probabilities
        phase=found.phase.reshape(batch),
        phase_error=lanes.phase_error(found.rounding * _UNIT * found.phase).reshape(batch),
        readout_residual=None if found.residual is None else found.residual.reshape(batch),
        readout_order=None if found.order is None else found.order.reshape(batch),
        sectors=found.sectors,
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
        dims=lanes.hamiltonian.dims,
    )
    return result, found.pieces


def _effort(request: Request, sectors: Sectored | Own | None) -> effort.Effort:
    """Return what a request takes, whose sectors are known."""
    times = 0 if request.times is None else request.times.shape[-1]
    if sectors is None:
        blocks = [request.lanes]
    else:
        blocks = list(sectors.sectored.blocks if isinstance(sectors, Own) else sectors.blocks)
    return effort.of_blocks(blocks, times, request.whole, request.panel_tolerance)


def _whole(request: Request, warnings: list[str]) -> Outcome:
    """Follow all levels together."""
    lanes, state = request.lanes, request.initial
    levels = lanes.hamiltonian.dimension
    read = readout(request, warnings)
    first, last = read.first, read.last
    if isinstance(state, int):
        vector = first[..., state : state + 1]
    else:
        vector = np.broadcast_to(state[:, None], (lanes.count, levels, 1))
    cuts = {"breakpoints": request.breakpoints, "times": request.times}
    tolerance = request.panel_tolerance
    evolution: Passages | Evolution | None = None
    pieces = None
    if Periods.of(lanes) is None:
        evolution = two_levels.follow(
            lanes, first, last, tolerance=tolerance, between=read.between, **cuts
        )
    whole = request.whole or evolution is not None
    if evolution is not None:
        error = evolution.error
        if not isinstance(state, int):
            turns = interference.turns(evolution.phase)
            error = error + interference.of_superposition(turns, first, vector[..., 0])
    else:
        columns = None if whole else vector
        evolution = plan.solve(
            lanes, UnitaryKernel(levels), tolerance=tolerance, columns=columns, **cuts
        )
        pieces = evolution.pieces if evolution.method == SUPERADIABATIC else None
        sources = first if whole else vector
        if whole and not isinstance(state, int):
            sources = np.concatenate([first, vector], axis=-1)
        turned = interference.of_states(lanes, evolution, sources, last)
        if request.times is not None:
            part = (lanes, evolution, sources, read.between)
            turned = np.maximum(turned, interference.on_the_way([part], request.times))
        error = evolution.error + turned
    final, states = evolution.propagator, evolution.snapshots
    amplitudes = dagger(last) @ (final @ first if whole else final)
    size = np.abs(amplitudes)
    level = state if isinstance(state, int) else None
    if whole:
        final, states = final @ vector, states @ vector[:, None]
    seen = dagger(read.between) @ states
    # A superposition may lie on close levels that no level alone shares out.
    mixed = whole and level is None
    own = np.abs(dagger(last) @ final) if mixed else size[..., level if whole else 0, None]
    if isinstance(evolution, Passages):
        angles = evolution.angles if request.basis != "diabatic" else 0.0
        shared = np.maximum(size[:, 0, 0] * size[:, 1, 0], own[:, 0, 0] * own[:, 1, 0])
        noise = 2 * shared * angles + np.minimum(angles, 1.0) ** 2
    else:
        stop, enough = lanes.stop[:, None], CLOSE * request.accuracy
        noise = doubt(lanes, request.basis, stop, size[:, None], level, enough)
        if mixed:
            alone = doubt(lanes, request.basis, stop, own[:, None], None, enough)
            noise = np.maximum(noise, alone)
    if request.times is not None:
        between = doubt(lanes, request.basis, request.times, np.abs(seen), level)
        noise = np.maximum(noise, between)
    return Outcome(
        evolution.propagator if whole else None,
        amplitudes if whole else None,
        own[..., 0] ** 2,
        final[..., 0],
        states[..., 0],
        np.abs(seen[..., 0]) ** 2,
        error + noise,
        evolution.phase,
        evolution.panels,
        evolution.evaluated,
        evolution.method,
        evolution.steps,
        read.residual,
        read.order,
        (levels,),
        pieces=pieces,
    )


def _by_sectors(request: Request, sectored: Sectored, warnings: list[str]) -> Outcome:
    """Follow every sector on its own, and put together what all of them give."""
    lanes, state, diabatic = request.lanes, request.initial, request.basis == "diabatic"
    solved = sectored.solve(request.panel_tolerance, request.breakpoints, request.times)
    reads = readouts(request, sectored.blocks, warnings)
    final = [evolution.propagator for evolution in solved.blocks]
    inner = sectored.matrix(final)
    propagator = solved.shared(inner)

    error = solved.error
    if diabatic and sectored.basis is not None:
        # The sectors interfere in states that belong to several of them; but for the common phase.
        error = error + sectored.interference(solved, inner)
    else:
        bounds = [
            np.maximum(
                interference.of_states(block, evolution, read.first, read.last),
                interference.on_the_way(
                    [(block, evolution, read.first, read.between)], _times(request)
                ),
            )
            for block, evolution, read in zip(sectored.blocks, solved.blocks, reads, strict=True)
        ]
        error = error + np.minimum(sectored.rounding * np.max(bounds, axis=0), 1.0)

    first = sectored.diagonal([read.first for read in reads])
    if diabatic:
        amplitudes = propagator
    else:
        jumps = [dagger(r.last) @ u @ r.first for r, u in zip(reads, final, strict=True)]
        when = np.concatenate([_times(request), lanes.stop[:, None]], axis=1)
        starting, order = sectored.order(lanes.start[:, None]), sectored.order(when)
        ties = starting.ties.any() or order.ties[:, -1].any()
        if ties and DEGENERATE not in warnings:
            warnings.append(DEGENERATE)
        noise = []
        for block, read, evolution, last in zip(
            sectored.blocks, reads, solved.blocks, jumps, strict=True
        ):
            between = dagger(read.between) @ evolution.snapshots @ read.first[:, None]
            sizes = np.abs(np.concatenate([between, last[:, None]], axis=1))
            noise.append(doubt(block, request.basis, when, sizes, None))
        amplitudes = solved.shared(sectored.diagonal(jumps))
        amplitudes = np.take_along_axis(amplitudes, order.places[:, -1, :, None], axis=1)
        amplitudes = np.take_along_axis(amplitudes, starting.places, axis=2)
        error = error + starting.doubt(np.abs(amplitudes.swapaxes(1, 2)[:, None]) ** 2)
    if not isinstance(state, int):
        vector = np.broadcast_to(sectored.from_given(state), (lanes.count, state.size))
        turns = solved.turns + sectored.leaked()
        error = error + interference.of_superposition(turns, first, vector)
    elif diabatic:
        unit = np.eye(lanes.hamiltonian.dimension, dtype=np.complex128)[state]
        vector = np.broadcast_to(sectored.from_given(unit), (lanes.count, unit.size))
    else:
        vector = np.take_along_axis(first, starting.places[:, :, state, None], axis=2)[..., 0]

    moved = sectored.moved([u.snapshots for u in solved.blocks], vector[:, None, :])
    ended = sectored.moved(final, vector)
    if diabatic and sectored.basis is not None:
        columns = [vector[:, own, None] for own in sectored.slices]
        followed = [
            (solved.blocks[b], column) for b, column in zip(sectored.owner, columns, strict=True)
        ]
        error = np.maximum(
            error, solved.error + sectored.on_the_way(solved, followed, _times(request))
        )
    states = solved.shared_between(sectored.to_given(moved))
    final_state = solved.shared(sectored.to_given(ended)[..., None])[..., 0]
    if diabatic:
        populations = np.abs(states) ** 2
        probabilities = np.abs(sectored.to_given(ended)) ** 2
    else:
        within = sectored.moved([dagger(read.between) for read in reads], moved)
        at_end = sectored.moved([dagger(read.last) for read in reads], ended)
        inside = np.concatenate([within, at_end[:, None]], axis=1)
        every = np.take_along_axis(np.abs(inside) ** 2, order.places, axis=-1)
        populations, probabilities = every[:, :-1], every[:, -1]
        error = error + np.maximum(
            order.doubt(every), order.last.doubt(np.abs(amplitudes[:, None]) ** 2)
        )
        sizes = np.abs(inside)[..., None]
        level = starting.places[:, 0, state] if isinstance(state, int) else None
        if level is None:
            for place, number in zip(sectored.slices, sectored.owner, strict=True):
                own = sizes[..., place, :]
                noise.append(doubt(sectored.blocks[number], request.basis, when, own, None))
        error = error + np.max(noise, axis=0)
        jumped = np.abs(sectored.diagonal(jumps))[:, None]
        of_state = _mixing.doubt(sectored, when, sizes, level)
        of_all = _mixing.doubt(sectored, lanes.stop[:, None], jumped)
        error = error + np.maximum(of_state, of_all)
    residual, orders = _shared(reads)
    return Outcome(
        propagator,
        amplitudes,
        probabilities,
        final_state,
        states,
        populations,
        error,
        solved.phase,
        solved.panels,
        solved.evaluated,
        solved.method,
        solved.steps,
        residual,
        orders,
        sectored.sizes,
        sectored.rounding,
    )


def _by_own_sectors(request: Request, own: Own, warnings: list[str]) -> Outcome:
    """Follow one state in the sectors that it lives in."""
    lanes, state, diabatic = request.lanes, request.initial, request.basis == "diabatic"
    sectored = own.sectored
    reads = readouts(request, sectored.blocks, warnings)
    if own.level is not None:
        first = sectored.diagonal([read.first for read in reads])
        vector = first[np.arange(lanes.count), :, own.level]
    else:
        unit = np.eye(own.dimension, dtype=np.complex128)
        given = unit[state] if isinstance(state, int) else state
        vector = np.broadcast_to(sectored.from_given(given), (lanes.count, sectored.places.size))
    columns, norms = own.columns(vector)
    solved = sectored.solve(request.panel_tolerance, request.breakpoints, request.times, columns)
    when, stop = _times(request), lanes.stop[:, None]
    # Between sectors of norms n rounding moves an amplitude a: Σ_{i≠j} n_i n_j a of probability.
    several = np.sum(norms, axis=0) ** 2 - np.sum(np.square(norms), axis=0)
    error = solved.error + 2 * own.outside + several * sectored.leaked()

    followed, ended, moved, within, at_end, noise = [], [], [], [], [], []
    latest = [0] * len(reads)
    for place, number, norm in zip(sectored.slices, sectored.owner, norms, strict=True):
        block, evolution, read = sectored.blocks[number], solved.blocks[number], reads[number]
        own_column = [latest[number]]
        latest[number] += 1
        weight = norm[:, None, None]
        final = weight * evolution.propagator[..., own_column]
        snapshots = weight[:, None] * evolution.snapshots[..., own_column]
        shifted = None if evolution.shifted is None else weight * evolution.shifted[..., own_column]
        scaled = replace(
            evolution, propagator=final, snapshots=snapshots, shifted=shifted, applied=True
        )
        followed.append((scaled, weight * columns[number][..., own_column]))
        ended.append(final[..., 0])
        moved.append(snapshots[..., 0])
        at_end.append(np.abs(dagger(read.last) @ final))
        within.append(np.abs(dagger(read.between) @ snapshots))
        level = None
        if own.level is not None:
            level = np.clip(own.level - place.start, 0, place.stop - place.start - 1)
        bound = doubt(block, request.basis, stop, at_end[-1][:, None], level)
        noise.append(np.maximum(bound, doubt(block, request.basis, when, within[-1], level)))

    inner = own.to_given(np.concatenate(ended, axis=-1))
    final_state = solved.shared(inner[..., None])[..., 0]
    states = solved.shared_between(own.to_given(np.concatenate(moved, axis=-1)))
    error = error + np.max(noise, axis=0)
    if diabatic and sectored.basis is not None:
        # The sectors interfere in states that belong to several of them; but for the common phase.
        way = sectored.on_the_way(solved, followed, when)
        error = error + np.maximum(sectored.interference(solved, inner[..., None], followed), way)
    else:
        bounds = [
            np.maximum(
                interference.of_states(block, evolution, column, read.last),
                interference.on_the_way([(block, evolution, column, read.between)], when),
            )
            for block, evolution, column, read in zip(
                sectored.blocks, solved.blocks, columns, reads, strict=True
            )
        ]
        error = error + np.minimum(sectored.rounding * np.max(bounds, axis=0), 1.0)
    probabilities, populations = np.abs(final_state) ** 2, np.abs(states) ** 2
    if not diabatic:
        last = np.concatenate(at_end, axis=1)[:, None]
        inside = np.concatenate([np.concatenate(within, axis=2), last], axis=1)[..., 0]
        everywhen = np.concatenate([when, stop], axis=1)
        error = error + _mixing.doubt(sectored, everywhen, inside[..., None], own.level)
        every, order = own.numbered(inside**2, everywhen)
        probabilities, populations = every[:, -1], every[:, :-1]
        error = error + order.doubt(inside**2)
        if (order.ties[:, -1].any() or own.tied) and DEGENERATE not in warnings:
            warnings.append(DEGENERATE)
    residual, orders = _shared(reads)
    return Outcome(
        None,
        None,
        probabilities,
        final_state,
        states,
        populations,
        error,
        solved.phase,
        solved.panels,
        solved.evaluated,
        solved.method,
        solved.steps,
        residual,
        orders,
        sectored.sizes,
        sectored.rounding,
    )


def _shared(reads: Sequence[Readout]) -> tuple[FloatArray | None, npt.NDArray[np.intp] | None]:
    """Return the residual and the order of several blocks; those of one level have none."""
    residuals = (read.residual for read in reads if read.residual is not None)
    orders = (read.order for read in reads if read.order is not None)
    return next(residuals, None), next(orders, None)


def _times(request: Request) -> Any:
    return np.empty((request.lanes.count, 0)) if request.times is None else request.times
