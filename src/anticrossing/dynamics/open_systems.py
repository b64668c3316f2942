"""Exact evolution with an environment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import densities, interference, liouville, many_periods, panels
from anticrossing.dynamics.many_periods import Periods
from anticrossing.dynamics.open_kernels import OpenKernel, SuperoperatorKernel, open_kernel
from anticrossing.dynamics.panels import Evolution
from anticrossing.dynamics.readout import note_degenerate_ends, readout, unreached
from anticrossing.dynamics.request import LARGEST_OPEN_DIMENSION, Request
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment


def evolve(request: Request, environment: Environment) -> Propagation:
    """Carry out a checked request with an environment."""
    lanes, levels = request.lanes, request.lanes.hamiltonian.dimension
    flat = environment.flat(lanes.batch_shape)
    if levels > LARGEST_OPEN_DIMENSION:
        return _follow(request, flat)
    periods = Periods.of(lanes, environment)
    if periods is not None and not (request.whole or np.all(periods.count >= levels**2)):
        periods = None
    if periods is None and not request.whole and densities.is_cheaper(lanes, flat, 1):
        return _follow(request, flat)
    return _map(request, environment, periods)


def _map(request: Request, environment: Environment, periods: Periods | None) -> Propagation:
    """Find the map of all density matrices, panel by panel."""
    lanes, basis, initial = request.lanes, request.basis, request.initial
    levels = lanes.hamiltonian.dimension
    # The end of the window joins the requested times as the last of them.
    ends = lanes.stop[:, None]
    times = ends if request.times is None else np.concatenate([request.times, ends], axis=1)
    kernel = open_kernel(lanes, environment)
    found = (
        _found(request, kernel, times)
        if periods is None
        else _powers(request, kernel, times, periods)
    )
    maps, first, last = found.maps, found.first, found.last
    before = liouville.kron(first, first.conj())[:, None]
    after = liouville.kron(last, last.conj())
    superoperators = after @ maps @ dagger(before)

    warnings: list[str] = []
    read = readout(request, warnings)
    if basis == "diabatic":
        note_degenerate_ends(lanes, warnings)  # where the environment's own basis is not unique
    levels_at = np.arange(levels) * (levels + 1)
    # Read-out states in the eigenbases, where small populations keep their digits.
    start_in, all_in = read.in_eigenbases(first, last)
    if basis == "adiabatic":
        identity = np.eye(levels, dtype=np.complex128)
        start_in, all_in = (np.broadcast_to(identity, a.shape) for a in (start_in, all_in))
    columns = liouville.kron(start_in, start_in.conj())[..., levels_at]
    rows = dagger(liouville.kron(all_in[:, -1], all_in[:, -1].conj())[..., levels_at])
    error = found.error
    if found.evolution is not None:
        error = error + interference.of_densities(lanes, kernel, found.evolution, columns, rows)
    warnings[:0] = unreached(error, request.accuracy)
    transition = (rows @ maps[:, -1] @ columns).real

    if isinstance(initial, int):
        vector = start_in[..., initial]
        start_eigen = vector[..., :, None] * vector[..., None, :].conj()
    else:
        start_eigen = dagger(first) @ _density(initial) @ first
    eigen = (maps @ start_eigen.reshape(-1, 1, levels**2, 1)).reshape(*times.shape, levels, levels)
    states = last @ eigen @ dagger(last)
    populations = np.einsum("pkij,pkia,pkja->pka", eigen, all_in.conj(), all_in).real
    final, probabilities = states[:, -1], populations[:, -1]

    batch = lanes.batch_shape
    whole, superoperator = None, None
    if request.whole:  # the same fields whichever method was cheaper
        whole = transition.reshape(*batch, levels, levels)
        superoperator = superoperators[:, -1].reshape(*batch, levels**2, levels**2)
    return Propagation(
        transition_matrix=whole,
        probabilities=probabilities.reshape(*batch, levels),
        density_matrix=final.reshape(*batch, levels, levels),
        superoperator=superoperator,
        times=request.shaped_times(),
        density_matrices=states[:, :-1].reshape(*batch, -1, levels, levels),
        populations=populations[:, :-1].reshape(*batch, -1, levels),
        basis=basis,
        panels=found.panels.reshape(batch),
        evaluated_panels=found.evaluated,
        error_estimate=error.reshape(batch),
        phase=found.phase.reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
        method=found.method,
    )


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


def _found(request: Request, kernel: OpenKernel, times: FloatArray) -> _Maps:
    """Find the maps to `times`, the last of which is the end, by the cheaper method."""
    lanes = request.lanes
    directly = densities.is_cheaper(lanes, kernel.environment, lanes.hamiltonian.dimension**2)
    return (_columns if directly else _panels)(request, kernel, times)


def _powers(request: Request, kernel: OpenKernel, times: FloatArray, periods: Periods) -> _Maps:
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
    one = _found(inner, kernel, ends)
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
    return _Maps(maps, first, last, of.error, of.phase, of.panels, of.evaluated, method, evolution)


def _columns(request: Request, kernel: OpenKernel, times: FloatArray) -> _Maps:
    """Find the same by following a basis of all Hermitian matrices."""
    lanes, levels = request.lanes, request.lanes.hamiltonian.dimension
    start = densities.basis(levels)
    found = densities.follow(
        lanes,
        kernel.environment,
        np.broadcast_to(start, (lanes.count, *start.shape)),
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )
    rows = found.states.reshape(*times.shape, levels**2, levels**2)
    product = rows.swapaxes(-1, -2) @ start.reshape(levels**2, levels**2).conj()
    maps, first, last = kernel.eigen_maps(lanes, product, times)
    of, method = found, densities.METHOD
    return _Maps(maps, first, last, of.error, of.phase, of.panels, of.evaluated, method)


def _follow(request: Request, environment: Environment) -> Propagation:
    """Follow the initial state alone."""
    lanes, basis, initial = request.lanes, request.basis, request.initial
    levels, batch = lanes.hamiltonian.dimension, lanes.batch_shape
    warnings: list[str] = []
    read = readout(request, warnings)
    if basis == "diabatic":
        note_degenerate_ends(lanes, warnings)
    if isinstance(initial, int):
        vector = read.first[..., initial]
        start = vector[..., :, None] * vector[..., None, :].conj()
    else:
        start = np.broadcast_to(_density(initial), (lanes.count, levels, levels))
    found = densities.follow(
        lanes,
        environment,
        start[:, None],
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )
    states = found.states[:, :, 0]
    warnings[:0] = unreached(found.error, request.accuracy)
    seen = np.concatenate([read.between, read.last[:, None]], axis=1)
    populations = np.einsum("pkia,pkij,pkja->pka", seen.conj(), states, seen).real
    return Propagation(
        transition_matrix=None,
        probabilities=populations[:, -1].reshape(*batch, levels),
        density_matrix=states[:, -1].reshape(*batch, levels, levels),
        times=request.shaped_times(),
        density_matrices=states[:, :-1].reshape(*batch, -1, levels, levels),
        populations=populations[:, :-1].reshape(*batch, -1, levels),
        basis=basis,
        panels=found.panels.reshape(batch),
        evaluated_panels=found.evaluated,
        error_estimate=found.error.reshape(batch),
        phase=found.phase.reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
        method=densities.METHOD,
    )


def _density(initial: ComplexArray) -> ComplexArray:
    """Return ρ of a state vector or a density matrix."""
    return initial if initial.ndim == 2 else np.outer(initial, initial.conj())
