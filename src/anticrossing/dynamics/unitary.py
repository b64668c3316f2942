"""Exact unitary evolution: its result, and how it is put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import interference, panels
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import Request, dagger, readout_frames, unreached


@dataclass(frozen=True, eq=False)
class Propagation:
    """The result of `propagate`. Batch axes come first everywhere.

    Attributes
    ----------
    transition_matrix : array, shape (..., N, N)
        Probability ``[final, initial]`` in the read-out basis.
    probabilities : array, shape (..., N)
        Final probabilities in the read-out basis for the given initial state.
    propagator : array, shape (..., N, N)
        U(stop, start) in the basis H is written in.
    amplitudes : array, shape (..., N, N)
        The propagator between the read-out bases at the two ends.
    times : array, shape (..., K)
        The requested times, if any.
    states : array, shape (..., K, N)
        The state at those times, in the basis H is written in.
    populations : array, shape (..., K, N)
        Its probabilities in the adiabatic basis at those times (diabatic on that read-out).
    basis : str
        The read-out basis.
    panels : array of int, shape (...)
        Accepted panels of every parameter point.
    error_estimate : array, shape (...)
        Bound on the error of `transition_matrix`: the sum of what each panel left coupled, and
        the rounding of phases where ways of different phase interfere.
    phase : array, shape (...)
        The total dynamical phase Φ in radians.
    phase_error : array, shape (...)
        Φ times the rounding unit: the absolute error of phases in `propagator`.
    readout_residual : array, shape (...), or None
        For the superadiabatic basis: the coupling it could not remove at the ends.
    warnings : tuple of str
        What a reader of the numbers should know.
    """

    transition_matrix: FloatArray
    probabilities: FloatArray
    propagator: ComplexArray
    amplitudes: ComplexArray
    times: FloatArray
    states: ComplexArray
    populations: FloatArray
    basis: str
    panels: npt.NDArray[np.intp]
    evaluated_panels: int
    error_estimate: FloatArray
    phase: FloatArray
    phase_error: FloatArray
    readout_residual: FloatArray | None
    warnings: tuple[str, ...]
    description: str

    def __str__(self) -> str:
        worst = int(np.max(self.panels))
        lines = [
            f"Exact evolution of {self.description}",
            f"  read-out           {self.basis} basis",
            f"  parameter points   {self.panels.size}",
            f"  panels             {worst} at most per point, {self.evaluated_panels} tried",
            f"  error estimate     {float(np.max(self.error_estimate)):.1e} (amplitude), "
            f"{float(np.max(self.phase_error)):.1e} rad (phase)",
        ]
        if self.probabilities.ndim == 1:
            values = "  ".join(f"{p:.6g}" for p in self.probabilities)
            lines.append(f"  probabilities      {values}")
        lines += [f"  note               {text}" for text in self.warnings]
        return "\n".join(lines)


def evolve(request: Request) -> Propagation:
    """Carry out a checked request without environment."""
    lanes, state, basis = request.lanes, request.initial, request.basis
    levels = lanes.hamiltonian.dimension
    evolution = panels.solve(
        lanes,
        UnitaryKernel(levels),
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )

    warnings: list[str] = []
    first, last, residual = readout_frames(lanes, basis, request.accuracy, warnings)
    error = evolution.error + interference.of_states(lanes, evolution, first, last)
    warnings[:0] = unreached(error, request.accuracy)
    amplitudes = dagger(last) @ evolution.propagator @ first
    transition = np.abs(amplitudes) ** 2
    if isinstance(state, int):
        probabilities = transition[..., state]
        vector = first[..., state]
    else:
        vector = np.broadcast_to(state, (lanes.count, state.size))
        final = evolution.propagator @ vector[..., None]
        probabilities = np.abs((dagger(last) @ final)[..., 0]) ** 2
    states = (evolution.snapshots @ vector[:, None, :, None])[..., 0]
    populations = _populations(lanes, request.times, states, basis)

    batch = lanes.batch_shape
    return Propagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=probabilities.reshape(*batch, levels),
        propagator=evolution.propagator.reshape(*batch, levels, levels),
        amplitudes=amplitudes.reshape(*batch, levels, levels),
        times=request.shaped_times(),
        states=states.reshape(*batch, -1, levels),
        populations=populations.reshape(*batch, -1, levels),
        basis=basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        phase_error=(evolution.phase * np.finfo(np.float64).eps).reshape(batch),
        readout_residual=None if residual is None else residual.reshape(batch),
        warnings=tuple(warnings),
        description=request.description,
    )


def _populations(
    lanes: Lanes, times: FloatArray | None, states: ComplexArray, basis: str
) -> FloatArray:
    if times is None or basis == "diabatic":
        return np.abs(states) ** 2
    matrices = lanes.traceless(times, np.arange(lanes.count))
    _, vectors = np.linalg.eigh(matrices)
    return np.abs((dagger(vectors) @ states[..., None])[..., 0]) ** 2
