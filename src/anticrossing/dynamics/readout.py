"""The frames in which `propagate` reads the state at the ends of the window."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing.dynamics import _many_level
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES
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
    first, last, residual = _end_frames(lanes, tolerance=0.1 * accuracy)
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


def _end_frames(lanes: Lanes, *, tolerance: float) -> tuple[ComplexArray, ComplexArray, FloatArray]:
    """Return the superadiabatic frames at both ends of every window, and what they leave coupled.

    The frame at an end is the best one over panels of decreasing width that touch it; columns are
    ordered by energy.
    """
    points = grid(MANY_LEVEL_NODES)
    levels = lanes.hamiltonian.dimension
    frames = np.zeros((2, lanes.count, levels, levels), dtype=np.complex128)
    best = np.full((2, lanes.count), np.inf)
    lane = np.arange(lanes.count)
    for halvings in range(1, 40):
        width = (lanes.stop - lanes.start) * 0.5**halvings
        open_ends = best > tolerance
        if not open_ends.any():
            break
        for end, origin in enumerate((lanes.start, lanes.stop - width)):
            todo = lane[open_ends[end]]
            if todo.size == 0:
                continue
            half = 0.5 * width[todo]
            times = (origin[todo] + half)[:, None] + half[:, None] * points.nodes
            solved = _many_level.superadiabatic_frames(
                lanes.traceless(times, todo), half, points, tolerance
            )
            better = solved.residual < best[end, todo]
            side = solved.left if end == 0 else solved.right
            frames[end, todo[better]] = side[better]
            best[end, todo[better]] = solved.residual[better]
    return frames[0], frames[1], best.max(axis=0)


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
