"""The frames in which `propagate` reads the state, at the ends of the window and on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import _many_level, _stacks
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.superadiabatic import (
    Superadiabatic,
    optimal_states,
    superadiabatic_states,
)

LARGEST_USUAL = 1e-9  # many panels add up
_NO_DISTANCE = 1e-12  # of the largest energy
_LARGEST_NOISE = 1e-13  # of superadiabatic states, beside a tenth of their highest term
_DEGENERATE = (
    "levels are degenerate at an end of the window: the adiabatic basis is not unique there"
)


@dataclass(frozen=True)
class Readout:
    """The read-out states as columns, at both ends (lanes, N, N) and at the requested times."""

    first: ComplexArray
    last: ComplexArray
    between: ComplexArray
    residual: FloatArray | None = None
    order: npt.NDArray[np.intp] | None = None

    def in_eigenbases(
        self, first: ComplexArray, between: ComplexArray
    ) -> tuple[ComplexArray, ComplexArray]:
        """Return the states at the start, and at all times with the end, in given eigenbases."""
        states = np.concatenate([self.between, self.last[:, None]], axis=1)
        return dagger(first) @ self.first, dagger(between) @ states


def readout(request: Request, warnings: list[str]) -> Readout:
    """Return the states in which a request is read out; `warnings` are added to."""
    lanes, basis, times = request.lanes, request.basis, request.times
    levels = lanes.hamiltonian.dimension
    wanted = np.empty((lanes.count, 0)) if times is None else times
    if basis == "diabatic":
        written = np.broadcast_to(np.eye(levels, dtype=complex), (*wanted.shape, levels, levels))
        ends = np.broadcast_to(np.eye(levels, dtype=complex), (lanes.count, levels, levels))
        return Readout(ends, ends, written)
    first, last = (_eigenvectors(lanes, end, warnings) for end in (lanes.start, lanes.stop))
    if basis == "adiabatic":
        matrices = lanes.traceless(wanted, np.arange(lanes.count))
        return Readout(first, last, np.linalg.eigh(matrices)[1].astype(np.complex128))
    if request.order is not None:
        return _of_order(lanes, wanted, request.order, warnings)
    first, last, residual = _end_frames(lanes, tolerance=0.1 * request.accuracy)
    if np.any(~np.isfinite(residual)):
        raise InputError(
            "The superadiabatic basis does not exist at the ends of this window: the levels are "
            "degenerate there. Use another `basis` or window."
        )
    if np.any(residual > request.accuracy):
        warnings.append(
            f"superadiabatic states at the ends still couple by {residual.max():.1e}: the window "
            "is short"
        )
    if times is None:
        return Readout(first, last, np.empty((lanes.count, 0, levels, levels), complex), residual)
    lane = np.repeat(np.arange(lanes.count), times.shape[1])
    states, order = optimal_states(lanes, times.ravel(), lane)
    nowhere = ~np.all(np.isfinite(states.sizes), axis=1)
    if nowhere.any():
        where = float(times.ravel()[nowhere][0])
        warnings.append(
            f"superadiabatic states do not exist at t = {where:.6g}, where levels are degenerate "
            "or H(x(t)) is not smooth: populations are adiabatic"
        )
    _note_noise(states, int(np.max(order, initial=0)), warnings)
    between = states.vectors @ states.rotations(order[lane])
    return Readout(first, last, between.reshape(*times.shape, levels, levels), residual, order)


def _of_order(lanes: Lanes, times: FloatArray, order: int, warnings: list[str]) -> Readout:
    """Return the states of one order everywhere."""
    everywhere = np.concatenate([lanes.start[:, None], times, lanes.stop[:, None]], axis=1)
    lane = np.repeat(np.arange(lanes.count), everywhere.shape[1])
    states = superadiabatic_states(lanes, everywhere.ravel(), lane, order)
    if order and not np.all(np.isfinite(states.sizes)):
        where = float(everywhere.ravel()[~np.all(np.isfinite(states.sizes), axis=1)][0])
        raise InputError(
            f"The superadiabatic basis of order {order} does not exist at t = {where:.6g}: levels "
            "are degenerate there, or H(x(t)) is not smooth. Use another `order` or `basis`."
        )
    _note_noise(states, order, warnings)
    frames = states.vectors @ states.rotations(np.full(lane.size, order))
    frames = frames.reshape(*everywhere.shape, *frames.shape[-2:])
    left_over = states.sizes[:, order + 1].reshape(everywhere.shape)
    return Readout(
        frames[:, 0],
        frames[:, -1],
        frames[:, 1:-1],
        np.maximum(left_over[:, 0], left_over[:, -1]),
        np.full(lanes.count, order),
    )


def _note_noise(states: Superadiabatic, order: int, warnings: list[str]) -> None:
    """Say how far the orders go that the numbers carry, where `order` goes beyond."""
    if order == 0:
        return
    sizes = states.sizes
    sizes[:, 1:] = np.maximum(sizes[:, 1:], sizes[:, :-1])  # every other term may vanish
    known = np.isfinite(states.noise[:, order])
    drowned = states.noise > np.maximum(_LARGEST_NOISE, 0.1 * sizes)
    reached = np.where(drowned.any(axis=1), np.argmax(drowned, axis=1) - 1, order)
    carried = int(np.min(reached[known], initial=order))
    if carried < order:
        warnings.append(
            f"derivatives of H carry superadiabatic states to order {max(carried, 0)} only: those "
            f"of order {order} are known to {np.max(states.noise[known, order]):.1e}"
        )


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


def doubt(request: Request, amplitudes: ComplexArray) -> FloatArray:
    """Return a bound on what rounding of H at both ends does to |amplitudes|² (lanes, N, N).

    Elements of H have a last digit: what that couples turns close levels against each other. Levels
    without any distance are left out; a warning tells of them.
    """
    if request.basis == "diabatic":
        return np.zeros(request.lanes.count)
    size = np.abs(amplitudes)
    first, last = (_angles(request.lanes, end) for end in (request.lanes.start, request.lanes.stop))
    return np.asarray(np.max(2 * size * (size @ first + last @ size), axis=(1, 2)))


def _angles(lanes: Lanes, when: FloatArray) -> FloatArray:
    """Return how well the eigenvectors are known against each other, (lanes, N, N)."""
    h = lanes.traceless(when[:, None], np.arange(lanes.count))[:, 0]
    energies, vectors = np.linalg.eigh(h)
    apart = np.abs(energies[:, :, None] - energies[:, None, :])
    told = apart > _NO_DISTANCE * np.max(np.abs(energies), axis=-1)[:, None, None]
    noise = 2 * _stacks.doubt(h, energies, vectors, np.abs(h))
    return np.where(told, noise / np.where(told, apart, 1.0), 0.0)


def note_degenerate_ends(lanes: Lanes, warnings: list[str]) -> None:
    """Warn where the adiabatic basis is not unique at an end of the window."""
    for end in (lanes.start, lanes.stop):
        _eigenvectors(lanes, end, warnings)


def _eigenvectors(lanes: Lanes, when: FloatArray, warnings: list[str]) -> ComplexArray:
    matrices = lanes.traceless(when[:, None], np.arange(lanes.count))[:, 0]
    energies, vectors = np.linalg.eigh(matrices)
    scale = np.max(np.abs(energies), axis=-1, keepdims=True)
    if _DEGENERATE not in warnings and np.any(np.diff(energies, axis=-1) <= _NO_DISTANCE * scale):
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
