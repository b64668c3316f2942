"""Exact unitary evolution."""

from __future__ import annotations

import numpy as np

from anticrossing._core.linalg import dagger
from anticrossing.dynamics import interference, panels
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.readout import doubt, readout, unreached
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation


def evolve(request: Request) -> Propagation:
    """Carry out a checked request without environment."""
    lanes, state = request.lanes, request.initial
    levels = lanes.hamiltonian.dimension
    evolution = panels.solve(
        lanes,
        UnitaryKernel(levels),
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )

    warnings: list[str] = []
    read = readout(request, warnings)
    first, last = read.first, read.last
    error = evolution.error + interference.of_states(lanes, evolution, first, last)
    amplitudes = dagger(last) @ evolution.propagator @ first
    error = error + doubt(request, amplitudes)
    warnings[:0] = unreached(error, request.accuracy)
    transition = np.abs(amplitudes) ** 2
    if isinstance(state, int):
        probabilities = transition[..., state]
        vector = first[..., state]
    else:
        vector = np.broadcast_to(state, (lanes.count, state.size))
        final = evolution.propagator @ vector[..., None]
        probabilities = np.abs((dagger(last) @ final)[..., 0]) ** 2
    states = (evolution.snapshots @ vector[:, None, :, None])[..., 0]
    populations = np.abs((dagger(read.between) @ states[..., None])[..., 0]) ** 2

    batch = lanes.batch_shape
    return Propagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=probabilities.reshape(*batch, levels),
        propagator=evolution.propagator.reshape(*batch, levels, levels),
        amplitudes=amplitudes.reshape(*batch, levels, levels),
        times=request.shaped_times(),
        states=states.reshape(*batch, -1, levels),
        populations=populations.reshape(*batch, -1, levels),
        basis=request.basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        phase_error=(evolution.phase * np.finfo(np.float64).eps).reshape(batch),
        readout_residual=None if read.residual is None else read.residual.reshape(batch),
        readout_order=None if read.order is None else read.order.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
        units=lanes.hamiltonian.units,
    )
