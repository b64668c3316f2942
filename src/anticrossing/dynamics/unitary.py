"""Exact unitary evolution."""

from __future__ import annotations

import numpy as np

from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import interference, plan
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.readout import readout, unreached
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation


def evolve(request: Request) -> Propagation:
    """Carry out a checked request without environment."""
    with one_thread:  # once: each change of BLAS's threads costs as much as a small panel
        return _evolved(request)


def _evolved(request: Request) -> Propagation:
    lanes, state = request.lanes, request.initial
    levels = lanes.hamiltonian.dimension
    warnings: list[str] = []
    read = readout(request, warnings)
    first, last = read.first, read.last
    vector = first[..., [state]] if isinstance(state, int) else state[:, None]
    vector = np.broadcast_to(vector, (lanes.count, levels, 1))
    evolution = plan.solve(
        lanes,
        UnitaryKernel(levels),
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
        columns=None if request.whole else vector,
    )
    sources = first if request.whole else vector
    error = evolution.error + interference.of_states(lanes, evolution, sources, last)
    warnings[:0] = unreached(error, request.accuracy)
    final, states = evolution.propagator, evolution.snapshots
    if request.whole:
        final, states = final @ vector, states @ vector[:, None]
    probabilities = np.abs((dagger(last) @ final)[..., 0]) ** 2
    populations = np.abs((dagger(read.between) @ states)[..., 0]) ** 2

    batch = lanes.batch_shape
    propagator = amplitudes = None
    if request.whole:
        propagator = evolution.propagator.reshape(*batch, levels, levels)
        amplitudes = (dagger(last) @ evolution.propagator @ first).reshape(propagator.shape)

    return Propagation(
        transition_matrix=None if amplitudes is None else np.abs(amplitudes) ** 2,
        probabilities=probabilities.reshape(*batch, levels),
        propagator=propagator,
        amplitudes=amplitudes,
        final_state=final.reshape(*batch, levels),
        times=request.shaped_times(),
        states=states.reshape(*batch, -1, levels),
        populations=populations.reshape(*batch, -1, levels),
        basis=request.basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        method=evolution.method,
        steps=None if evolution.steps is None else evolution.steps.reshape(batch),
        error_estimate=error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        phase_error=(evolution.phase * np.finfo(np.float64).eps).reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
    )
