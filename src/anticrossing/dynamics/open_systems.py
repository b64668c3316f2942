"""Exact evolution with an environment."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import densities, interference, liouville, panels
from anticrossing.dynamics.open_kernels import open_kernel
from anticrossing.dynamics.readout import note_degenerate_ends, readout, unreached
from anticrossing.dynamics.request import LARGEST_OPEN_DIMENSION, Request
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment


def evolve(request: Request, environment: Environment) -> Propagation:
    """Carry out a checked request with an environment."""
    if request.only_initial:
        flat = environment.flat(request.lanes.batch_shape)
        many = request.lanes.hamiltonian.dimension > LARGEST_OPEN_DIMENSION
        if many or densities.is_cheaper(request.lanes, flat):
            return _follow(request, environment)
    return _map(request, environment)


def _map(request: Request, environment: Environment) -> Propagation:
    """Find the map of all density matrices, panel by panel."""
    lanes, basis, initial = request.lanes, request.basis, request.initial
    levels = lanes.hamiltonian.dimension
    kernel = open_kernel(lanes, environment)
    evolution = panels.solve(
        lanes,
        kernel,
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )
    # The end of the window joins the requested times as the last of them.
    ends = lanes.stop[:, None]
    times = ends if request.times is None else np.concatenate([request.times, ends], axis=1)
    product = np.concatenate([evolution.snapshots, evolution.propagator[:, None]], axis=1)
    maps, first, last = kernel.eigen_maps(lanes, product, times)
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
    error = evolution.error + interference.of_densities(lanes, kernel, evolution, columns, rows)
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
    superoperator = None
    if request.only_initial:  # the same fields whichever method was cheaper
        others = np.arange(levels) != (initial if isinstance(initial, int) else -1)
        transition[..., others] = np.nan
    else:
        superoperator = superoperators[:, -1].reshape(*batch, levels**2, levels**2)
    return Propagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=probabilities.reshape(*batch, levels),
        density_matrix=final.reshape(*batch, levels, levels),
        superoperator=superoperator,
        times=request.shaped_times(),
        density_matrices=states[:, :-1].reshape(*batch, -1, levels, levels),
        populations=populations[:, :-1].reshape(*batch, -1, levels),
        basis=basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
    )


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
        start,
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )
    warnings[:0] = unreached(found.error, request.accuracy)
    seen = np.concatenate([read.between, read.last[:, None]], axis=1)
    populations = np.einsum("pkia,pkij,pkja->pka", seen.conj(), found.states, seen).real
    transition = np.full((lanes.count, levels, levels), np.nan)
    if isinstance(initial, int):
        transition[..., initial] = populations[:, -1]
    return Propagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=populations[:, -1].reshape(*batch, levels),
        density_matrix=found.states[:, -1].reshape(*batch, levels, levels),
        times=request.shaped_times(),
        density_matrices=found.states[:, :-1].reshape(*batch, -1, levels, levels),
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
        method="density matrix",
    )


def _density(initial: ComplexArray) -> ComplexArray:
    """Return ρ of a state vector or a density matrix."""
    return initial if initial.ndim == 2 else np.outer(initial, initial.conj())
