"""What `propagate` was asked: arguments checked, read-out frames at the ends of the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    hermitian,
    real_array,
    real_number,
)
from anticrossing.drive import Drive
from anticrossing.dynamics import panels
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

LARGEST_USUAL = 1e-9  # many panels add up
BASES = ("adiabatic", "superadiabatic", "diabatic")


@dataclass(frozen=True)
class Request:
    """A checked call of `propagate`.

    Attributes
    ----------
    lanes : Lanes
        The parameter points.
    initial : int or array
        The initial level, or a state vector.
    basis : str
        One of `BASES`.
    accuracy : float
        Wanted accuracy of the probabilities.
    times : array, shape (lanes, K), or None
        Requested times.
    breakpoints : array, shape (lanes, k), or None
        Times where panels must end.
    description : str
        The problem in words.
    """

    lanes: Lanes
    initial: int | ComplexArray
    basis: str
    accuracy: float
    times: FloatArray | None
    breakpoints: FloatArray | None
    description: str

    @classmethod
    def check(
        cls,
        hamiltonian: Hamiltonian,
        drive: Drive,
        initial: Any,
        basis: str,
        times: npt.ArrayLike | None,
        tolerance: float,
        breakpoints: npt.ArrayLike | None,
        batch_shape: tuple[int, ...] = (),
        open_system: bool = False,
    ) -> Request:
        """Check the arguments; `batch_shape` is that of an environment."""
        check_kinds(hamiltonian, drive, batch_shape)
        choice("basis", basis, BASES)
        accuracy = check_tolerance(tolerance)
        lanes = Lanes.of(hamiltonian, drive, batch_shape)
        wanted = _check_times(lanes, times)
        state = _check_initial(hamiltonian.dimension, initial, open_system)
        cuts = None
        if breakpoints is not None:
            given = np.atleast_1d(real_array("breakpoints", breakpoints))
            if given.ndim != 1:
                raise fail("breakpoints", "have shape (k,)", f"its shape is {given.shape}")
            cuts = np.broadcast_to(given, (lanes.count, given.shape[-1]))
        description = f"{hamiltonian!r} under {drive!r}"
        return cls(lanes, state, basis, accuracy, wanted, cuts, description)

    @property
    def panel_tolerance(self) -> float:
        """The coupling that one panel may neglect."""
        return max(0.02 * self.accuracy, panels.SMALLEST_TOLERANCE)

    def shaped_times(self) -> FloatArray:
        """Return the requested times with the batch axes first."""
        batch = self.lanes.batch_shape
        return np.empty((*batch, 0)) if self.times is None else self.times.reshape(*batch, -1)


def check_kinds(hamiltonian: Any, drive: Any, batch_shape: tuple[int, ...] = ()) -> None:
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
        np.broadcast_shapes(hamiltonian.batch_shape, drive.batch_shape, batch_shape)
    except ValueError:
        environment = f" and environment {batch_shape}" if batch_shape else ""
        raise InputError(
            f"The batch shapes of Hamiltonian {hamiltonian.batch_shape}, drive "
            f"{drive.batch_shape}{environment} must broadcast, but they do not."
        ) from None


def check_single_open(hamiltonian: Any, drive: Any, environment: Any) -> None:
    """Raise `InputError` unless these fit together and are one parameter point, not a batch."""
    check_kinds(hamiltonian, drive)
    if not isinstance(environment, Environment):
        raise fail("environment", "be an environment", f"it is {describe(environment)}")
    for name, shape in (
        ("hamiltonian", hamiltonian.batch_shape),
        ("drive", drive.batch_shape),
        ("environment", environment.batch_shape),
    ):
        if shape != ():
            raise fail(name, "be a single parameter point", f"its batch shape is {shape}")
    environment.check(hamiltonian.dimension)


def check_tolerance(tolerance: Any) -> float:
    """Return the wanted accuracy of probabilities, or raise `InputError`."""
    accuracy = real_number("tolerance", tolerance)
    if not 1e-13 <= accuracy <= 1e-2:
        raise fail("tolerance", "lie between 1e-13 and 1e-2", f"it is {accuracy:g}")
    return accuracy


def _check_times(lanes: Lanes, times: npt.ArrayLike | None) -> FloatArray | None:
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


def _check_initial(levels: int, initial: Any, open_system: bool) -> int | ComplexArray:
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
    if open_system and state.shape == (levels, levels):
        return _check_density(hermitian("initial", state))
    if state.shape != (levels,):
        raise fail(
            "initial", f"be a level or have shape ({levels},)", f"its shape is {state.shape}"
        )
    if not np.all(np.isfinite(state)) or abs(np.linalg.norm(state) - 1) > 1e-8:
        raise fail("initial", "be a state of norm 1", f"its norm is {np.linalg.norm(state):.6g}")
    return state


def _check_density(rho: ComplexArray) -> ComplexArray:
    if abs(np.trace(rho) - 1) > 1e-8:
        raise fail("initial", "have trace 1", f"its trace is {np.trace(rho).real:.6g}")
    lowest = float(np.linalg.eigvalsh(rho)[0])
    if lowest < -1e-10:
        raise fail("initial", "be positive", f"it has the eigenvalue {lowest:.3g}")
    return rho


def readout_frames(
    lanes: Lanes, basis: str, accuracy: float, warnings: list[str]
) -> tuple[ComplexArray, ComplexArray, FloatArray | None]:
    """Return the read-out frames at both ends (columns are states), and their residual."""
    levels = lanes.hamiltonian.dimension
    if basis == "diabatic":
        identity = np.broadcast_to(
            np.eye(levels, dtype=np.complex128), (lanes.count, levels, levels)
        )
        return identity, identity, None
    if basis == "superadiabatic":
        for end in (lanes.start, lanes.stop):
            _eigenvectors(lanes, end, warnings)  # notes degenerate ends
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


def _eigenvectors(lanes: Lanes, when: FloatArray, warnings: list[str]) -> ComplexArray:
    matrices = lanes.traceless(when[:, None], np.arange(lanes.count))[:, 0]
    energies, vectors = np.linalg.eigh(matrices)
    scale = np.max(np.abs(energies), axis=-1, keepdims=True)
    note = "levels are degenerate at an end of the window: the adiabatic basis is not unique there"
    if note not in warnings and np.any(np.diff(energies, axis=-1) <= 1e-12 * scale):
        warnings.append(note)
    return vectors.astype(np.complex128)


def dagger(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return a.conj().swapaxes(-1, -2)


def unreached(error: FloatArray, accuracy: float) -> tuple[str, ...]:
    """Say it where the error estimate exceeds the wanted accuracy."""
    worst = float(np.max(error, initial=0.0))
    if worst <= max(accuracy, LARGEST_USUAL):
        return ()
    return (
        f"the wanted accuracy {accuracy:.1g} is not reached: the error may be {worst:.1g}, as H is "
        "known no better where it changes so fast, or a phase so long (a double has 16 digits)",
    )
