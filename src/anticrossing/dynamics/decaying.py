"""Exact evolution of levels that decay: amplitudes, or density matrices beside an environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing.dynamics import decaying_periods, interference, open_doubts, panels
from anticrossing.dynamics.many_periods import Periods
from anticrossing.dynamics.no_jump import LosingKernel, amplitude_kernel, carry, density_kernel
from anticrossing.dynamics.open_systems import read_out
from anticrossing.dynamics.panels import Evolution
from anticrossing.dynamics.readout import Readout, doubt_of_read, readout, unreached
from anticrossing.dynamics.request import Request, density, refuse_noise
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment

METHOD = "panels of a generator that loses norm"
_UNKNOWN = 0.1  # of what survives


def evolve(request: Request, environment: Environment) -> Propagation:
    """Carry out a checked request whose environment lets levels decay."""
    refuse_noise(environment)
    flat = environment.flat(request.lanes.batch_shape)
    if environment.without_decay is None:
        return _amplitudes(request, flat)
    return _densities(request, flat)


def _amplitudes(request: Request, environment: Environment) -> Propagation:
    """Follow i dψ/dt = (H − iΓ/2) ψ."""
    lanes, initial = request.lanes, request.initial
    levels, batch = lanes.hamiltonian.dimension, lanes.batch_shape
    warnings: list[str] = []
    read = readout(request, warnings)
    kernel = amplitude_kernel(environment, levels)
    times, evolution = request.times_and_end, _solved(request, kernel)
    vector = read.first[..., [initial]] if isinstance(initial, int) else initial[:, None]
    vector = np.broadcast_to(vector, (lanes.count, levels, 1))
    columns = np.concatenate([vector, read.first], axis=-1) if request.whole else vector
    carried = carry(lanes, kernel, evolution, columns, times)
    every = carried.values
    rows = np.concatenate([read.between, read.last[:, None]], axis=1)
    populations = np.abs(dagger(rows) @ every[..., :1])[..., 0] ** 2
    propagator = amplitudes = None
    if request.whole:
        columns_at_end = every[:, -1, :, 1:]
        amplitudes = dagger(read.last) @ columns_at_end
        propagator = columns_at_end @ dagger(read.first)
    error = 2 * np.max(carried.error, axis=-1)
    of = evolution.pieces
    lost = np.bincount(of.lane, kernel.shifts(of.lane, of.left, of.right), lanes.count)
    with np.errstate(under="ignore"):
        error += interference.of_states(lanes, evolution, columns, read.last) * np.exp(2 * lost)
    found = populations if amplitudes is None else np.abs(amplitudes) ** 2
    error += doubt_of_read(request, read, populations, found if request.whole else None)
    states = every[..., 0]
    return _propagation(
        request,
        read,
        warnings,
        evolution,
        populations,
        error,
        logs=2 * carried.logs[..., 0],
        relative=2 * carried.relative[:, 0],
        transition_matrix=_shaped(found, batch, levels) if request.whole else None,
        propagator=_shaped(propagator, batch, levels),
        amplitudes=_shaped(amplitudes, batch, levels),
        final_state=states[:, -1].reshape(*batch, levels),
        surviving_state=carried.columns[:, -1, :, 0].reshape(*batch, levels),
        states=states[:, :-1].reshape(*batch, -1, levels),
        phase_error=lanes.phase_error(evolution.phase * np.finfo(np.float64).eps).reshape(batch),
    )


def _densities(request: Request, environment: Environment) -> Propagation:
    """Follow ρ′ = L ρ − ½{Γ, ρ}."""
    lanes, initial = request.lanes, request.initial
    levels, batch = lanes.hamiltonian.dimension, lanes.batch_shape
    warnings: list[str] = []
    read = read_out(request, warnings)
    kernel = density_kernel(environment, levels)
    times, evolution = request.times_and_end, _solved(request, kernel)
    if isinstance(initial, int):
        start = _projectors(read.first)[:, [initial]]
    else:
        start = np.broadcast_to(density(initial), (lanes.count, 1, levels, levels))
    columns = start
    if request.whole:
        units = np.eye(levels**2).reshape(1, -1, levels, levels)
        units = np.broadcast_to(units, (lanes.count, levels**2, levels, levels))
        columns = np.concatenate([start, _projectors(read.first), units], axis=1)
    flat = columns.reshape(lanes.count, -1, levels**2).swapaxes(-1, -2)
    carried = carry(lanes, kernel, evolution, flat, times)
    every = carried.values.swapaxes(-1, -2).reshape(*times.shape, -1, levels, levels)
    every[:, :, : 1 + levels] = 0.5 * (every + dagger(every))[:, :, : 1 + levels]
    rows = np.concatenate([read.between, read.last[:, None]], axis=1)
    seen = np.einsum("lkia,lkcij,lkja->lkca", rows.conj(), every[:, :, : 1 + levels], rows).real
    populations = seen[:, :, 0]
    transition = superoperator = None
    if request.whole:
        transition = seen[:, -1, 1 : 1 + levels].swapaxes(-1, -2)
        maps = carried.values[:, -1, :, 1 + levels :]
        superoperator = maps.reshape(*batch, levels**2, levels**2)
    error = np.sqrt(levels) * np.max(carried.error, axis=-1)
    error += interference.turns(evolution.phase)
    error += doubt_of_read(request, read, populations, transition)
    unit = carried.columns[..., 0].reshape(*times.shape, levels, levels)
    trace = np.einsum("lkii->lk", unit).real
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = carried.logs[..., 0] + np.log(np.maximum(trace, 0.0))
        relative = np.sqrt(levels) * carried.relative[:, 0] / np.abs(trace[:, -1])
    states = every[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        surviving = hermitian_part(unit[:, -1]) / trace[:, -1, None, None]
    warnings += open_doubts.of_equation(lanes, environment, evolution)
    warnings += open_doubts.of_states(environment, states, superoperator, request.accuracy)
    return _propagation(
        request,
        read,
        warnings,
        evolution,
        populations,
        error,
        logs=logs,
        relative=relative,
        transition_matrix=_shaped(transition, batch, levels),
        superoperator=superoperator,
        density_matrix=states[:, -1].reshape(*batch, levels, levels),
        surviving_density_matrix=surviving.reshape(*batch, levels, levels),
        density_matrices=states[:, :-1].reshape(*batch, -1, levels, levels),
    )


def _propagation(
    request: Request,
    read: Readout,
    warnings: list[str],
    evolution: Evolution,
    populations: FloatArray,
    error: FloatArray,
    *,
    logs: FloatArray,
    relative: FloatArray,
    **others: Any,
) -> Propagation:
    """Return the result in the shape of the batch; `logs` (lanes, K) are of what survives."""
    lanes = request.lanes
    levels, batch = lanes.hamiltonian.dimension, lanes.batch_shape
    if np.any(relative > _UNKNOWN):
        warnings.append(
            "the logarithm of what survives is not known at the end: less is left of the initial "
            "state than panels leave open of states that last longer"
        )
    with np.errstate(under="ignore"):
        survivals = np.exp(logs)
    return Propagation(
        probabilities=populations[:, -1].reshape(*batch, levels),
        populations=populations[:, :-1].reshape(*batch, -1, levels),
        times=request.shaped_times(),
        basis=request.basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=np.minimum(error, 1.0).reshape(batch),
        phase=evolution.phase.reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=(*unreached(error, request.accuracy), *warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
        dims=lanes.hamiltonian.dims,
        method=evolution.method.replace(panels.SUPERADIABATIC, METHOD),
        survival=survivals[:, -1].reshape(batch),
        survivals=survivals[:, :-1].reshape(*batch, -1),
        log_survival=logs[:, -1].reshape(batch),
        log_survival_error=relative.reshape(batch),
        **others,
    )


def _solved(request: Request, kernel: LosingKernel) -> Evolution:
    cuts: dict[str, Any] = {
        "tolerance": request.panel_tolerance,
        "breakpoints": request.breakpoints,
    }
    periods = Periods.of(request.lanes, kernel.environment)
    if periods is not None:
        return decaying_periods.solve(periods, kernel, times=request.times_and_end, **cuts)
    return panels.solve(request.lanes, kernel, times=request.times, **cuts)


def _projectors(vectors: ComplexArray) -> ComplexArray:
    """Return |a⟩⟨a| of columns (lanes, N, N), (lanes, N, N, N)."""
    rows = vectors.swapaxes(-1, -2)
    return np.asarray(rows[..., :, None] * rows[..., None, :].conj())


def _shaped(values: npt.NDArray[Any] | None, batch: tuple[int, ...], levels: int) -> Any:
    return None if values is None else values.reshape(*batch, levels, levels)
