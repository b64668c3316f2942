"""Exact evolution with an environment."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import interference, liouville, panels
from anticrossing.dynamics.open_kernels import open_kernel
from anticrossing.dynamics.readout import readout_frames, unreached
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment


def evolve(request: Request, environment: Environment) -> Propagation:
    """Carry out a checked request with an environment."""
    lanes, basis = request.lanes, request.basis
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

    levels_at = np.arange(levels) * (levels + 1)
    adiabatic = basis == "adiabatic"
    columns = rows = np.eye(levels**2, dtype=np.complex128)
    if not adiabatic:
        columns, rows = dagger(before[:, 0]), after[:, -1]
    columns = np.broadcast_to(columns[..., levels_at], (lanes.count, levels**2, levels))
    rows = np.broadcast_to(rows[..., levels_at, :], (lanes.count, levels, levels**2))
    error = evolution.error + interference.of_densities(lanes, kernel, evolution, columns, rows)
    warnings = list(unreached(error, request.accuracy))
    readout_frames(lanes, "adiabatic", request.accuracy, warnings)  # notes degenerate ends
    whole = maps[:, -1] if adiabatic else superoperators[:, -1]
    transition = whole[:, levels_at[:, None], levels_at].real

    start = _initial_density(request.initial, first if adiabatic else None, lanes.count, levels)
    start_eigen = dagger(first) @ start @ first
    if isinstance(request.initial, int) and adiabatic:
        start_eigen = np.zeros_like(start)
        start_eigen[:, request.initial, request.initial] = 1.0
    eigen = (maps @ start_eigen.reshape(-1, 1, levels**2, 1)).reshape(*times.shape, levels, levels)
    states = last @ eigen @ dagger(last)
    populations = np.einsum("pkii->pki", eigen if adiabatic else states).real
    final, probabilities = states[:, -1], populations[:, -1]

    batch = lanes.batch_shape
    return Propagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=probabilities.reshape(*batch, levels),
        density_matrix=final.reshape(*batch, levels, levels),
        superoperator=superoperators[:, -1].reshape(*batch, levels**2, levels**2),
        times=request.shaped_times(),
        density_matrices=states[:, :-1].reshape(*batch, -1, levels, levels),
        populations=populations[:, :-1].reshape(*batch, -1, levels),
        basis=basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
    )


def _initial_density(
    initial: int | ComplexArray, frame: ComplexArray | None, lanes: int, levels: int
) -> ComplexArray:
    """Return ρ(start) of every lane in the basis H is written in; levels refer to `frame`."""
    if isinstance(initial, int):
        basis = np.eye(levels, dtype=np.complex128)[None] if frame is None else frame
        vector = np.broadcast_to(basis[..., initial], (lanes, levels))
        return np.asarray(vector[..., :, None] * vector[..., None, :].conj())
    rho = initial if initial.ndim == 2 else np.outer(initial, initial.conj())
    return np.array(np.broadcast_to(rho, (lanes, levels, levels)), dtype=np.complex128)
