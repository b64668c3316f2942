"""Exact unitary evolution of H(x(t)): `propagate` and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    real_array,
    real_number,
)
from anticrossing.drive import Drive
from anticrossing.dynamics import panels
from anticrossing.hamiltonian import Hamiltonian

BASES = ("adiabatic", "superadiabatic", "diabatic")


@dataclass(frozen=True)
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
        Bound on the amplitude neglected: the sum of what each panel left coupled.
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


def propagate(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    breakpoints: npt.ArrayLike | None = None,
) -> Propagation:
    """Solve i dψ/dt = H(x(t)) ψ across the drive's window, at a cost independent of slowness.

    The window is cut into panels on which the state is followed in superadiabatic frames, so slow
    evolution needs no more panels than fast; see the theory page of the documentation.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels. Array parameters make a batch.
    drive : Drive
        x(t) and its window. Its array parameters broadcast against the Hamiltonian's.
    initial : int or array, shape (N,)
        The initial level in the read-out basis (0 is the lowest), or a state vector in the basis H
        is written in.
    basis : {"adiabatic", "superadiabatic", "diabatic"}
        Read-out at both ends: eigenstates of H; eigenstates corrected for the finite sweep rate,
        which converge much faster with the window; or the basis H is written in.
    times : array, shape (K,) or batch shape + (K,), optional
        Increasing times inside the window at which the state is wanted.
    tolerance : float
        Wanted accuracy of the probabilities, between 1e-13 and 1e-2.
    breakpoints : array, optional
        Further times at which the evolution is not smooth; the drive's own are known.

    Returns
    -------
    Propagation

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work, or an H(x) that is not finite.
    ConvergenceError
        If H(x(t)) is not smooth at a time that is not a breakpoint.

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-1000, 1000, rate=1.0)
    >>> result = ac.propagate(ac.models.LandauZener(gap=1.0), sweep)
    >>> round(float(result.transition_matrix[1, 0]), 8)   # exp(−π/2) = 0.20787958
    0.20787958
    """
    check_kinds(hamiltonian, drive)
    choice("basis", basis, BASES)
    accuracy = real_number("tolerance", tolerance)
    if not 1e-13 <= accuracy <= 1e-2:
        raise fail("tolerance", "lie between 1e-13 and 1e-2", f"it is {accuracy:g}")
    lanes = panels.Lanes.of(hamiltonian, drive)
    wanted = _check_times(lanes, times)
    state = _check_initial(hamiltonian.dimension, initial)
    cuts = None
    if breakpoints is not None:
        given = np.atleast_1d(np.asarray(breakpoints, dtype=np.float64))
        cuts = np.broadcast_to(given, (lanes.count, given.shape[-1]))
    panel_tolerance = max(0.02 * accuracy, panels.SMALLEST_TOLERANCE)
    evolution = panels.solve(lanes, tolerance=panel_tolerance, breakpoints=cuts, times=wanted)

    warnings: list[str] = []
    first, last, residual = _readout(lanes, basis, accuracy, warnings)
    amplitudes = _dagger(last) @ evolution.propagator @ first
    transition = np.abs(amplitudes) ** 2
    if isinstance(state, int):
        probabilities = transition[..., state]
        vector = first[..., state]
    else:
        vector = np.broadcast_to(state, (lanes.count, state.size))
        final = evolution.propagator @ vector[..., None]
        probabilities = np.abs((_dagger(last) @ final)[..., 0]) ** 2
    states = (evolution.snapshots @ vector[:, None, :, None])[..., 0]
    populations = _populations(lanes, wanted, states, basis)

    batch, levels = lanes.batch_shape, hamiltonian.dimension
    return Propagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=probabilities.reshape(*batch, levels),
        propagator=evolution.propagator.reshape(*batch, levels, levels),
        amplitudes=amplitudes.reshape(*batch, levels, levels),
        times=wanted.reshape(*batch, -1) if wanted is not None else np.empty((*batch, 0)),
        states=states.reshape(*batch, -1, levels),
        populations=populations.reshape(*batch, -1, levels),
        basis=basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=evolution.error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        phase_error=(evolution.phase * np.finfo(np.float64).eps).reshape(batch),
        readout_residual=None if residual is None else residual.reshape(batch),
        warnings=tuple(warnings),
        description=f"{hamiltonian!r} under {drive!r}",
    )


def check_kinds(hamiltonian: Any, drive: Any) -> None:
    """Raise `InputError` unless these are a one-coordinate Hamiltonian and a drive that fit."""
    if not isinstance(hamiltonian, Hamiltonian):
        raise fail("hamiltonian", "be a Hamiltonian", f"it is {describe(hamiltonian)}")
    if not isinstance(drive, Drive):
        raise fail("drive", "be a drive from `anticrossing.drive`", f"it is {describe(drive)}")
    if len(hamiltonian.coordinates) != 1:
        raise fail(
            "hamiltonian",
            "have one coordinate to be driven",
            f"it has {len(hamiltonian.coordinates)}",
        )
    try:
        np.broadcast_shapes(hamiltonian.batch_shape, drive.batch_shape)
    except ValueError:
        raise InputError(
            f"The batch shapes of Hamiltonian {hamiltonian.batch_shape} and drive "
            f"{drive.batch_shape} must broadcast, but they do not."
        ) from None


def _check_times(lanes: panels.Lanes, times: npt.ArrayLike | None) -> FloatArray | None:
    if times is None:
        return None
    array = real_array("times", times)
    if array.ndim == 0:
        array = array[None]
    try:
        wanted = np.broadcast_to(array, (*lanes.batch_shape, array.shape[-1]))
    except ValueError:
        raise fail(
            "times",
            f"have shape (K,) or {lanes.batch_shape} + (K,)",
            f"its shape is {array.shape}",
        ) from None
    wanted = wanted.reshape(lanes.count, -1)
    if np.any(np.diff(wanted, axis=-1) <= 0):
        raise fail("times", "increase strictly", "they do not")
    if np.any(wanted < lanes.start[:, None]) or np.any(wanted > lanes.stop[:, None]):
        raise fail(
            "times",
            f"lie in the window [{lanes.start.max():.6g}, {lanes.stop.min():.6g}]",
            f"they run from {wanted.min():.6g} to {wanted.max():.6g}",
        )
    return wanted


def _check_initial(levels: int, initial: Any) -> int | ComplexArray:
    if isinstance(initial, (int, np.integer)) and not isinstance(initial, bool):
        if not 0 <= initial < levels:
            raise fail("initial", f"be a level from 0 to {levels - 1}", f"it is {initial}")
        return int(initial)
    try:
        state = np.asarray(initial, dtype=np.complex128)
    except (TypeError, ValueError):
        raise fail(
            "initial", "be a level or a state vector", f"it is {describe(initial)}"
        ) from None
    if state.shape != (levels,):
        raise fail(
            "initial", f"be a level or have shape ({levels},)", f"its shape is {state.shape}"
        )
    if not np.all(np.isfinite(state)) or abs(np.linalg.norm(state) - 1) > 1e-8:
        raise fail("initial", "be a state of norm 1", f"its norm is {np.linalg.norm(state):.6g}")
    return state


def _readout(
    lanes: panels.Lanes, basis: str, accuracy: float, warnings: list[str]
) -> tuple[ComplexArray, ComplexArray, FloatArray | None]:
    """Return the read-out frames at both ends (columns are states), and their residual."""
    levels = lanes.hamiltonian.dimension
    if basis == "diabatic":
        identity = np.broadcast_to(
            np.eye(levels, dtype=np.complex128), (lanes.count, levels, levels)
        )
        return identity, identity, None
    if basis == "superadiabatic":
        first, last, residual = panels.end_frames(lanes, tolerance=0.1 * accuracy)
        if np.any(~np.isfinite(residual)):
            raise InputError(
                "The superadiabatic basis does not exist at the ends of this window: the levels "
                "are degenerate there. Use another `basis` or window."
            )
        if np.any(residual > accuracy):
            warnings.append(
                f"superadiabatic states at the ends still couple by {residual.max():.1e}: "
                "the window is short"
            )
        return first, last, residual
    first, last = (_eigenvectors(lanes, end, warnings) for end in (lanes.start, lanes.stop))
    return first, last, None


def _eigenvectors(lanes: panels.Lanes, when: FloatArray, warnings: list[str]) -> ComplexArray:
    matrices = lanes.matrices(when[:, None], np.arange(lanes.count))[:, 0]
    energies, vectors = np.linalg.eigh(matrices)
    scale = np.max(np.abs(energies), axis=-1, keepdims=True)
    if np.any(np.diff(energies, axis=-1) <= 1e-12 * scale):
        warnings.append(
            "levels are degenerate at an end of the window: the adiabatic basis is not unique there"
        )
    return vectors.astype(np.complex128)


def _populations(
    lanes: panels.Lanes, times: FloatArray | None, states: ComplexArray, basis: str
) -> FloatArray:
    if times is None or basis == "diabatic":
        return np.abs(states) ** 2
    matrices = lanes.matrices(times, np.arange(lanes.count))
    _, vectors = np.linalg.eigh(matrices)
    return np.abs((_dagger(vectors) @ states[..., None])[..., 0]) ** 2


def _dagger(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return a.conj().swapaxes(-1, -2)
