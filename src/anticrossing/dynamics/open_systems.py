"""Exact evolution with an environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import (
    densities,
    interference,
    liouville,
    many_periods,
    noise_averages,
    open_doubts,
    panels,
)
from anticrossing.dynamics.densities import Densities, Work
from anticrossing.dynamics.many_periods import Periods
from anticrossing.dynamics.open_kernels import OpenKernel, SuperoperatorKernel
from anticrossing.dynamics.open_maps import MapKernel, open_kernel
from anticrossing.dynamics.panels import Evolution
from anticrossing.dynamics.readout import (
    ROUNDED,
    Readout,
    doubt_of_read,
    note_degenerate_ends,
    readout,
    unreached,
)
from anticrossing.dynamics.request import LARGEST_OPEN_DIMENSION, Request, density
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment

_MANY_TIMES = 32  # at which a call of two levels looks for a cheaper way than panels


def evolve(request: Request, environment: Environment) -> Propagation:
    """Carry out a checked request with an environment."""
    lanes, levels = request.lanes, request.lanes.hamiltonian.dimension
    flat = environment.flat(lanes.batch_shape)
    open_doubts.refuse_meeting(lanes, flat)
    if flat.noises:
        if request.whole:
            return _map(request, environment, None, None)
        return _follow(request, flat, None)
    if levels > LARGEST_OPEN_DIMENSION:
        return _follow(request, flat, Work.of(lanes, flat, request.times))
    periods = Periods.of(lanes, environment)
    if periods is not None and not (request.whole or np.all(periods.count >= levels**2)):
        periods = None
    work = None
    # Two levels have compiled panels, which keep the digits of small populations; but each of many
    # requested times would end one.
    if levels > 2 or (request.times is not None and request.times.shape[1] >= _MANY_TIMES):
        own = lanes if periods is None else periods.first
        work = Work.of(own, flat, request.times)
        if periods is None and not request.whole:
            kernel = open_kernel(lanes, environment)
            if densities.is_cheaper(work, levels, 1, _doubles(request, kernel)):
                return _follow(request, flat, work)
    return _map(request, environment, work, periods)


def _map(
    request: Request, environment: Environment, work: Work | None, periods: Periods | None
) -> Propagation:
    """Find the map of all density matrices; without `work` by panels."""
    lanes, basis, initial = request.lanes, request.basis, request.initial
    levels = lanes.hamiltonian.dimension
    # The end of the window joins the requested times as the last of them.
    times = request.times_and_end
    kernel = open_kernel(lanes, environment)
    if environment.noises:
        found = _columns(request, kernel, times, None)
    elif periods is None:
        found = _found(request, kernel, times, work)
    else:
        found = _powers(request, kernel, times, work, periods)
    maps, first, last = found.maps, found.first, found.last

    warnings = list(open_doubts.of_equation(lanes, kernel.environment, found.evolution))
    warnings += found.warnings
    read = read_out(request, warnings)
    levels_at = np.arange(levels) * (levels + 1)
    # Read-out states in the eigenbases, where small populations keep their digits.
    start_in, all_in = read.in_eigenbases(first, last)
    if basis == "adiabatic":
        identity = np.eye(levels, dtype=np.complex128)
        start_in, all_in = (np.broadcast_to(identity, a.shape) for a in (start_in, all_in))
    columns = liouville.kron(start_in, start_in.conj())[..., levels_at]
    rows = dagger(liouville.kron(all_in, all_in.conj())[..., levels_at])
    if isinstance(initial, int):
        start_eigen = _projector(start_in[..., initial])
    else:
        start_eigen = dagger(first) @ density(initial) @ first
    error = found.error
    if found.evolution is not None:
        given = start_eigen.reshape(lanes.count, levels**2, 1)
        starts = np.concatenate([columns, given], axis=-1)
        error = error + interference.of_densities(
            lanes, kernel, found.evolution, starts, rows, times
        )
    eigen = (maps @ start_eigen.reshape(-1, 1, levels**2, 1)).reshape(*times.shape, levels, levels)
    populations = np.einsum("pkij,pkia,pkja->pka", eigen, all_in.conj(), all_in).real

    transition, superoperator = None, None
    if request.whole:  # the same fields whichever method was cheaper
        batch = lanes.batch_shape
        transition = (rows[:, -1] @ maps[:, -1] @ columns).real.reshape(*batch, levels, levels)
        before, after = (liouville.kron(frame, frame.conj()) for frame in (first, last[:, -1]))
        superoperator = after @ maps[:, -1] @ dagger(before)
        superoperator = superoperator.reshape(*batch, levels**2, levels**2)
    states = last @ eigen @ dagger(last)
    warnings += open_doubts.of_states(environment, states, superoperator, request.accuracy)
    of = found
    seen = Seen(states, populations, error, of.phase, of.panels, of.evaluated, of.method)
    return propagation(request, read, warnings, seen, transition, superoperator)


@dataclass(frozen=True)
class _Maps:
    """ρ(start) → ρ at the times, between the eigenbases `first` and `last`, and what it took."""

    maps: ComplexArray
    first: ComplexArray
    last: ComplexArray
    error: FloatArray
    phase: FloatArray
    panels: npt.NDArray[np.intp]
    evaluated: int
    method: str
    evolution: Evolution | None = None
    warnings: tuple[str, ...] = ()


def _found(request: Request, kernel: OpenKernel, times: FloatArray, work: Work | None) -> _Maps:
    """Find the maps to `times`, the last of which is the end, by the cheaper method."""
    levels = request.lanes.hamiltonian.dimension
    doubles = _doubles(request, kernel)
    if work is not None and densities.is_cheaper(work, levels, levels**2, doubles):
        return _columns(request, kernel, times, work)
    return _panels(request, kernel, times)


def _doubles(request: Request, kernel: OpenKernel) -> Callable[[], bool]:
    """Return what tells whether maps of all windows go by doubled steps."""
    lanes = request.lanes
    window = np.arange(lanes.count), lanes.start, lanes.stop

    def asked() -> bool:
        if not isinstance(kernel, MapKernel):
            return False
        return bool(np.all(kernel.doubles(lanes, *window, request.panel_tolerance)))

    return asked


def _powers(
    request: Request, kernel: OpenKernel, times: FloatArray, work: Work | None, periods: Periods
) -> _Maps:
    """Find the same by the map of one period and its powers."""
    lanes, levels = request.lanes, request.lanes.hamiltonian.dimension
    places, count = periods.places(times), periods.count
    inner = request._with(
        lanes=periods.first,
        times=places.phases,
        breakpoints=many_periods.cuts(periods, request.breakpoints),
        accuracy=request.accuracy / float(count.max()),
    )
    ends = np.concatenate([places.phases, inner.lanes.stop[:, None]], axis=1)
    one = _found(inner, kernel, ends, work)
    before = liouville.kron(one.first, one.first.conj())[:, None]
    within = liouville.kron(one.last, one.last.conj()) @ one.maps @ dagger(before)
    cleaner = SuperoperatorKernel(kernel.environment, levels)

    def clean(product: ComplexArray) -> ComplexArray:
        return np.asarray(cleaner.finish(product)[0])

    maps = places.joined(within[:, :-1], within[:, -1], clean)
    error = one.error
    if one.evolution is not None:
        error = error + interference.of_phases(one.evolution)
    error = (error + panels.ROUNDING * levels**2) * many_periods.kept(within[:, -1], count, clean)
    first = kernel.frames(lanes, lanes.start[:, None], np.arange(lanes.count))
    last = kernel.frames(lanes, times, np.arange(lanes.count))
    start = liouville.kron(first, first.conj())
    maps = dagger(liouville.kron(last, last.conj())) @ maps @ start
    method = f"{one.method}, {many_periods.METHOD}"
    phase = count * one.phase
    return _Maps(maps, first[:, 0], last, error, phase, one.panels, one.evaluated, method)


def _panels(request: Request, kernel: OpenKernel, times: FloatArray) -> _Maps:
    """Find the maps to `times`, the last of which is the end, by panels of propagators."""
    lanes = request.lanes
    evolution = panels.solve(
        lanes,
        kernel,
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )
    product = np.concatenate([evolution.snapshots, evolution.propagator[:, None]], axis=1)
    maps, first, last = kernel.eigen_maps(lanes, product, times)
    of, method = evolution, panels.SUPERADIABATIC
    if isinstance(kernel, MapKernel):
        method = ", ".join(sorted(kernel.methods))
    return _Maps(maps, first, last, of.error, of.phase, of.panels, of.evaluated, method, evolution)


def _columns(request: Request, kernel: OpenKernel, times: FloatArray, work: Work | None) -> _Maps:
    """Find the same by following a basis of all Hermitian matrices."""
    lanes, levels = request.lanes, request.lanes.hamiltonian.dimension
    start = liouville.hermitian_basis(levels)
    whole = np.broadcast_to(start, (lanes.count, *start.shape))
    found = _carried(request, kernel.environment, whole, work)
    rows = found.states.reshape(*times.shape, levels**2, levels**2)
    product = rows.swapaxes(-1, -2) @ start.reshape(levels**2, levels**2).conj()
    stacked = SuperoperatorKernel(kernel.environment, levels)  # as which these maps are written
    maps, first, last = stacked.eigen_maps(lanes, product, times)
    of = found
    taken = of.error, of.phase, of.panels, of.evaluated, of.method
    return _Maps(maps, first, last, *taken, warnings=of.warnings)


def _carried(
    request: Request, environment: Environment, initial: ComplexArray, work: Work | None
) -> Densities:
    """Carry matrices (lanes, M, N, N) across the windows; noise has no `work` known before."""
    if work is None:
        return noise_averages.follow(request, environment, initial)
    return densities.follow(
        request.lanes,
        environment,
        initial,
        work=work,
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )


def _follow(request: Request, environment: Environment, work: Work | None) -> Propagation:
    """Follow the initial state alone."""
    lanes, initial = request.lanes, request.initial
    levels = lanes.hamiltonian.dimension
    warnings = list(open_doubts.of_equation(lanes, environment, None))
    read = read_out(request, warnings)
    if isinstance(initial, int):
        start = _projector(read.first[..., initial])
    else:
        start = np.broadcast_to(density(initial), (lanes.count, levels, levels))
    found = _carried(request, environment, start[:, None], work)
    warnings += found.warnings
    states = found.states[:, :, 0]
    warnings += open_doubts.of_states(environment, states, None, request.accuracy)
    ways = np.concatenate([read.between, read.last[:, None]], axis=1)
    populations = np.einsum("pkia,pkij,pkja->pka", ways.conj(), states, ways).real
    seen = Seen(
        states, populations, found.error, found.phase, found.panels, found.evaluated, found.method
    )
    return propagation(request, read, warnings, seen)


@dataclass(frozen=True)
class Seen:
    """States and populations at the times and, last, at the end, and what they took."""

    states: ComplexArray
    populations: FloatArray
    error: FloatArray
    phase: FloatArray
    panels: npt.NDArray[np.intp]
    evaluated: int
    method: str
    limit: str = ROUNDED  # why the error may be larger than wanted


def read_out(request: Request, warnings: list[str]) -> Readout:
    """Return the read-out states."""
    read = readout(request, warnings)
    if request.basis == "diabatic":  # the environment's own basis may not be unique
        note_degenerate_ends(request.lanes, warnings)
    return read


def propagation(
    request: Request,
    read: Readout,
    warnings: list[str],
    seen: Seen,
    transition: FloatArray | None = None,
    superoperator: ComplexArray | None = None,
) -> Propagation:
    """Return the result in the shape of the batch."""
    lanes = request.lanes
    levels, batch = lanes.hamiltonian.dimension, lanes.batch_shape
    # No population can be off by more than 1.
    doubt = doubt_of_read(request, read, seen.populations, transition)
    error = np.minimum(seen.error + doubt, 1.0)
    return Propagation(
        transition_matrix=transition,
        probabilities=seen.populations[:, -1].reshape(*batch, levels),
        density_matrix=seen.states[:, -1].reshape(*batch, levels, levels),
        superoperator=superoperator,
        times=request.shaped_times(),
        density_matrices=seen.states[:, :-1].reshape(*batch, -1, levels, levels),
        populations=seen.populations[:, :-1].reshape(*batch, -1, levels),
        basis=request.basis,
        panels=seen.panels.reshape(batch),
        evaluated_panels=seen.evaluated,
        error_estimate=error.reshape(batch),
        phase=seen.phase.reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=(*unreached(error, request.accuracy, seen.limit), *warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
        dims=lanes.hamiltonian.dims,
        method=seen.method,
    )


def _projector(vector: ComplexArray) -> ComplexArray:
    return np.asarray(vector[..., :, None] * vector[..., None, :].conj())
