"""The frames in which `propagate` reads the state at the ends of the window."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing.dynamics import panels
from anticrossing.dynamics.lanes import Lanes

LARGEST_USUAL = 1e-9  # many panels add up
_DEGENERATE = (
    "levels are degenerate at an end of the window: the adiabatic basis is not unique there"
)


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
    first, last = (_eigenvectors(lanes, end, warnings) for end in (lanes.start, lanes.stop))
    if basis == "adiabatic":
        return first, last, None
    first, last, residual = panels.end_frames(lanes, tolerance=0.1 * accuracy)
    if np.any(~np.isfinite(residual)):
        raise InputError(
            "The superadiabatic basis does not exist at the ends of this window: the levels are "
            "degenerate there. Use another `basis` or window."
        )
    if np.any(residual > accuracy):
        warnings.append(
            f"superadiabatic states at the ends still couple by {residual.max():.1e}: the window "
            "is short"
        )
    return first, last, residual


def _eigenvectors(lanes: Lanes, when: FloatArray, warnings: list[str]) -> ComplexArray:
    matrices = lanes.traceless(when[:, None], np.arange(lanes.count))[:, 0]
    energies, vectors = np.linalg.eigh(matrices)
    scale = np.max(np.abs(energies), axis=-1, keepdims=True)
    if _DEGENERATE not in warnings and np.any(np.diff(energies, axis=-1) <= 1e-12 * scale):
        warnings.append(_DEGENERATE)
    return vectors.astype(np.complex128)


def unreached(error: FloatArray, accuracy: float) -> tuple[str, ...]:
    """Return a warning where the error estimate exceeds the wanted accuracy."""
    worst = float(np.max(error, initial=0.0))
    if worst <= max(accuracy, LARGEST_USUAL):
        return ()
    return (
        f"the wanted accuracy {accuracy:.1g} is not reached: the error may be {worst:.1g}, as H is "
        "known no better where it changes so fast, or a phase so long (a double has 16 digits)",
    )
