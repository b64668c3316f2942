"""The frames in which `propagate` reads the state, at the ends of the window and on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import _stacks
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.superadiabatic import (
    Superadiabatic,
    largest_sizes,
    optimal_order,
    optimal_states,
    superadiabatic_states,
)

LARGEST_USUAL = 1e-9  # many panels add up
CLOSE = 5e-2  # of the wanted accuracy: a bound below it need not be narrow
_NO_DISTANCE = 1e-12  # of the largest energy
_SMALLEST = 1e-300
_LARGEST_NOISE = 1e-13  # of superadiabatic states, beside a tenth of their highest term
_AS_GOOD = 2.0  # times what is left by the best states: others as good
_ENDS = 4.0  # times what is left: both ends, at each twice the first term that is left out
_LARGEST_TERM = 0.1  # of a series whose sum is near a level
ROUNDED = (
    "as H is known no better where it changes so fast, or a phase so long (a double has 16 digits)"
)
SHORT = "as superadiabatic states at the ends of so short a window are known no better"
DEGENERATE = (
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
    return readouts(request, [request.lanes], warnings)[0]


def readouts(request: Request, blocks: Sequence[Lanes], warnings: list[str]) -> list[Readout]:
    """Return them for every one of several blocks of H; the superadiabatic order is one for all."""
    lanes, basis, times = request.lanes, request.basis, request.times
    wanted = np.empty((lanes.count, 0)) if times is None else times
    if basis == "diabatic":
        return [_unit(block, wanted) for block in blocks]
    if basis == "adiabatic":
        return [_adiabatic(block, wanted, warnings) for block in blocks]
    found = [_unit(block, wanted) for block in blocks]  # of one level
    several = [k for k, block in enumerate(blocks) if block.hamiltonian.dimension > 1]
    if several:
        make = _best if request.order is None else _of_order
        made = make(request, [blocks[k] for k in several], wanted, warnings)
        for k, read in zip(several, made, strict=True):
            found[k] = read
    return found


def _unit(lanes: Lanes, times: FloatArray) -> Readout:
    levels = lanes.hamiltonian.dimension
    ends = np.broadcast_to(np.eye(levels, dtype=complex), (lanes.count, levels, levels))
    written = np.broadcast_to(np.eye(levels, dtype=complex), (*times.shape, levels, levels))
    return Readout(ends, ends, written)


def _adiabatic(lanes: Lanes, times: FloatArray, warnings: list[str]) -> Readout:
    """Return the eigenvectors of H."""
    note_degenerate_ends(lanes, warnings)
    levels = lanes.hamiltonian.dimension
    between = np.empty((*times.shape, levels, levels), dtype=np.complex128)
    if times.size:
        matrices = lanes.traceless(times, np.arange(lanes.count))
        with one_thread:
            between[...] = np.linalg.eigh(matrices)[1]
    ends = lanes.ends.vectors.astype(np.complex128, copy=False)
    return Readout(ends[:, 0], ends[:, 1], between)


def _best(
    request: Request, blocks: Sequence[Lanes], times: FloatArray, warnings: list[str]
) -> list[Readout]:
    """Return the states that couple least at the ends, and those of the best order at `times`."""
    lanes = request.lanes
    for block in blocks:
        note_degenerate_ends(block, warnings)
    ends = [_end_frames(block, CLOSE * request.accuracy) for block in blocks]
    residual = np.max([left_over for *_, left_over in ends], axis=0)
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
    if request.times is None:
        nothing = [_unit(block, times).between for block in blocks]
        return [
            Readout(first, last, between, residual)
            for (first, last, _), between in zip(ends, nothing, strict=True)
        ]
    lane = np.repeat(np.arange(lanes.count), times.shape[1])
    states, order, _ = optimal_states(blocks, times.ravel(), lane)
    nowhere = ~np.all([np.all(np.isfinite(own.sizes), axis=1) for own in states], axis=0)
    if nowhere.any():
        where = float(times.ravel()[nowhere][0])
        warnings.append(
            f"superadiabatic states do not exist at t = {where:.6g}, where levels are degenerate "
            "or H(x(t)) is not smooth: populations are adiabatic"
        )
    _note_noise(states, int(np.max(order, initial=0)), warnings)
    between = [own.vectors @ own.rotations(order[lane]) for own in states]
    return [
        Readout(first, last, own.reshape(*times.shape, *own.shape[1:]), residual, order)
        for (first, last, _), own in zip(ends, between, strict=True)
    ]


def _of_order(
    request: Request, blocks: Sequence[Lanes], times: FloatArray, warnings: list[str]
) -> list[Readout]:
    """Return the states of one order everywhere."""
    lanes, order = request.lanes, request.order
    assert order is not None
    for block in blocks:
        note_degenerate_ends(block, warnings)
    everywhere = np.concatenate([lanes.start[:, None], times, lanes.stop[:, None]], axis=1)
    lane = np.repeat(np.arange(lanes.count), everywhere.shape[1])
    states = [superadiabatic_states(block, everywhere.ravel(), lane, order) for block in blocks]
    known = np.all([np.all(np.isfinite(own.sizes), axis=1) for own in states], axis=0)
    if order and not np.all(known):
        where = float(everywhere.ravel()[~known][0])
        raise InputError(
            f"The superadiabatic basis of order {order} does not exist at t = {where:.6g}: levels "
            "are degenerate there, or H(x(t)) is not smooth. Use another `order` or `basis`."
        )
    _note_noise(states, order, warnings)
    found = []
    for own in states:
        frames = own.vectors @ own.rotations(np.full(lane.size, order))
        frames = frames.reshape(*everywhere.shape, *frames.shape[-2:])
        found.append((frames[:, 0], frames[:, -1], frames[:, 1:-1]))
    left_over = largest_sizes(states)[:, order + 1].reshape(everywhere.shape)
    residual = np.maximum(left_over[:, 0], left_over[:, -1])
    if order and np.max(residual) > _LARGEST_TERM:
        best = int(np.min(optimal_order(largest_sizes(states), lane)[0]))
        warnings.append(
            f"superadiabatic states of order {order} are not near levels: the next term of their "
            f"series is {np.max(residual):.1e}, and what the last digits of H do to them is not in "
            f"the error estimate; the best order is {best}"
        )
    return [Readout(*frames, residual, np.full(lanes.count, order)) for frames in found]


def _note_noise(states: Sequence[Superadiabatic], order: int, warnings: list[str]) -> None:
    """Say how far the orders go that the numbers carry, where `order` goes beyond."""
    if order == 0:
        return
    sizes = largest_sizes(states)
    noise = np.max([own.noise for own in states], axis=0)
    sizes[:, 1:] = np.maximum(sizes[:, 1:], sizes[:, :-1])  # every other term may vanish
    known = np.isfinite(noise[:, order])
    drowned = noise > np.maximum(_LARGEST_NOISE, 0.1 * sizes)
    reached = np.where(drowned.any(axis=1), np.argmax(drowned, axis=1) - 1, order)
    carried = int(np.min(reached[known], initial=order))
    if carried < order:
        warnings.append(
            f"derivatives of H carry superadiabatic states to order {max(carried, 0)} only: those "
            f"of order {order} are known to {np.max(noise[known, order]):.1e}"
        )


def _end_frames(lanes: Lanes, enough: float) -> tuple[ComplexArray, ComplexArray, FloatArray]:
    """Return the best superadiabatic frames at both ends of every window, and what they leave."""
    ends, count = np.arange(2 * lanes.count), lanes.count
    times = np.concatenate([lanes.start, lanes.stop])
    (states,), order, left = optimal_states([lanes], times, ends % count, ends, enough)
    frames = states.vectors @ states.rotations(order)
    left = np.maximum(left, states.turned_by_others(order, _AS_GOOD * left))
    return frames[:count], frames[count:], np.maximum(left[:count], left[count:])


def doubt(
    lanes: Lanes,
    basis: str,
    times: FloatArray,
    sizes: FloatArray,
    level: int | npt.NDArray[np.intp] | None,
    enough: float = 0.0,
) -> FloatArray:
    """Return a bound on what rounding of H does to the squares of `sizes` (lanes, K, N, C).

    They are the amplitudes, or roots of probabilities, found at `times` (lanes, K). Elements of H
    have a last digit: what that couples turns close levels against each other, where a state is
    read and where it starts. Levels without any distance are left out; a warning tells of them. Of
    one column `level` is where it starts, if at a level, in all lanes or in each; a bound below
    `enough` may be wider.
    """
    levels = sizes.shape[-2]
    if basis == "diabatic" or levels == 1 or not times.size:
        return np.zeros(lanes.count)
    at_stop = times.shape[1] == 1 and bool((times[:, 0] == lanes.stop).all())
    one = sizes.shape[-1] != levels
    if at_stop and enough > 0:
        for noise in (_noise_of_norms, _noise_left):
            wide = _wide_doubt(lanes, sizes[:, 0], level, noise(lanes), one)
            if (wide <= enough).all():
                return wide
    ends = _angles_at_ends(lanes)[0]
    turned = (ends[:, 1:] if at_stop else _angles(lanes, times)[0]) @ sizes
    if not one:
        turned = turned + sizes @ ends[:, :1]
    elif level is not None:
        turned = turned + np.sum(_of_level(ends[:, 0], level), axis=-1)[:, None, None, None]
    return np.asarray(np.max(_moved(sizes, turned), axis=(1, 2, 3), initial=0.0))


def unsettled(
    request: Request, residual: FloatArray | None, *probabilities: FloatArray | None
) -> FloatArray:
    """Return what probabilities (lanes, …) are off by where superadiabatic states do not converge.

    The best states at both ends still couple by `residual` (lanes,), so that others as good are
    turned against them by several times as much, nearly all within this bound; those of a given
    order are what they are.
    """
    if residual is None or request.order is not None:
        return np.zeros(request.lanes.count)
    angle = np.minimum(_ENDS * residual, 1.0)
    known = [p.reshape(angle.size, -1) for p in probabilities if p is not None]
    p = np.clip(np.concatenate(known, axis=1), 0.0, 1.0)
    return np.asarray(2 * angle * np.sqrt(p * (1 - p)).max(axis=-1, initial=0.0) + angle**2)


def doubt_of_read(
    request: Request, read: Readout, populations: FloatArray, transition: FloatArray | None
) -> FloatArray:
    """Return what the read-out states leave unknown of populations, and of a transition matrix."""
    lanes, times = request.lanes, request.times_and_end
    level = request.initial if isinstance(request.initial, int) else None
    sizes = np.sqrt(np.maximum(populations, 0.0))[..., None]
    found = doubt(lanes, request.basis, times, sizes, level)
    if transition is not None:
        sizes = np.maximum(transition.reshape(lanes.count, 1, *transition.shape[-2:]), 0.0) ** 0.5
        found = np.maximum(found, doubt(lanes, request.basis, times[:, -1:], sizes, None))
    return found + unsettled(request, read.residual, populations, transition)


def _of_level(values: FloatArray, level: int | npt.NDArray[np.intp]) -> FloatArray:
    """Return the column of a level, of one or of each lane, (lanes, N), of values (lanes, N, N)."""
    return values[np.arange(values.shape[0]), :, level]


def _wide_doubt(
    lanes: Lanes,
    sizes: FloatArray,
    level: int | npt.NDArray[np.intp] | None,
    noise: FloatArray,
    one: bool,
) -> FloatArray:
    """Return a wider bound for columns (lanes, N, C) at the stop, `one` or those of all levels.

    Between unit vectors no element of a matrix exceeds its norm; `noise` (lanes, 2) bounds that of
    what eigenvectors leave off the diagonal, and of what is unknown of H, at both ends.
    """
    energies = lanes.ends.energies
    turned = noise[:, 1, None, None] * (_over_distances(energies[:, 1]) @ sizes)
    if not one:
        turned += noise[:, 0, None, None] * (sizes @ _over_distances(energies[:, 0]))
    elif level is not None:
        own = energies[np.arange(lanes.count), 0, level, None]
        over = _over(energies[:, 0] - own, energies[:, 0])
        turned += (noise[:, 0] * over.sum(axis=-1))[:, None, None]
    return np.asarray(_moved(sizes, turned).max(axis=(1, 2)))


def _moved(sizes: FloatArray, turned: FloatArray) -> FloatArray:
    """Return what the squares of `sizes` change by where amplitudes change by up to `turned`."""
    turned = np.minimum(turned, 1.0)
    return np.asarray((2 * sizes + turned) * turned)


def doubt_of_norms(
    levels: int, largest: Sequence[float], apart: Sequence[float], unknown: Sequence[float]
) -> float:
    """Return the widest bound, as if all levels were as close as the closest; or infinity.

    It is that of rows and columns of norm 1, of one lane; of both ends `largest` are the largest
    energies, `apart` the least distances, `unknown` what is unknown of the elements of H.
    """
    turned = 0.0
    for most, least, digits in zip(largest, apart, unknown, strict=True):
        if not least > _NO_DISTANCE * most:
            return math.inf
        turned += _noise_of(levels, most, digits) / max(least, _SMALLEST)
    return 2 * levels**0.5 * turned


def _noise_of_norms(lanes: Lanes) -> FloatArray:
    levels, unknown = lanes.hamiltonian.dimension, lanes.most_unknown[:, [0, -1]]
    return np.asarray(_noise_of(levels, lanes.ends.largest, unknown))


def _noise_of(levels: int, largest: Any, unknown: Any) -> Any:
    """Return a bound from norms alone: LAPACK leaves less than 24 + √N rounding units of ‖H‖."""
    return 2 * (24 + 2 * levels**0.5) * _stacks.LAST_DIGIT * largest + 2 * levels * unknown


def _noise_left(lanes: Lanes) -> FloatArray:
    """Return a closer bound, from what the eigenvectors do leave."""
    # What they leave off the diagonal, (r_f†v_g + v_f†r_g)/2, has no larger elements than the norm
    # of the largest of the residuals r.
    ends, unknown = lanes.ends, lanes.unknown[:, [0, -1]]
    largest = np.maximum(ends.largest, _SMALLEST)  # no square may leave the doubles
    unit = largest[..., None, None]
    matrices, energies = ends.matrices / unit, ends.energies[..., None, :] / unit
    unknown = unknown / unit
    with one_thread:
        residuals = matrices @ ends.vectors - ends.vectors * energies
    left = np.sqrt(np.max(np.sum(_squared(residuals), axis=-2), axis=-1))
    known = _stacks.LAST_DIGIT * np.sqrt(np.sum(_squared(matrices), axis=(-2, -1)))
    lost = np.sqrt(np.sum(unknown * unknown, axis=(-2, -1)))
    return np.asarray(2 * largest * (left + known + lost))


def _squared(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values.real**2 + values.imag**2)


def _over_distances(energies: FloatArray) -> FloatArray:
    """Return 1/|E_f − E_g| of levels (…, N), zero for those that are not told apart."""
    return _over(energies[..., :, None] - energies[..., None, :], energies[..., None, :])


def _over(apart: FloatArray, energies: FloatArray) -> FloatArray:
    """Return the inverse distances of levels whose energies stand along the last axis."""
    apart, largest = np.abs(apart), np.abs(energies).max(axis=-1, keepdims=True)
    return np.divide(1.0, apart, out=np.zeros(apart.shape), where=apart > _NO_DISTANCE * largest)


def _angles(lanes: Lanes, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how well the eigenvectors are known against each other, and over which distances.

    Both are (lanes, K, N, N); levels that are not told apart turn over none.
    """
    everywhere = np.arange(lanes.count)
    h, unknown = lanes.traceless(times, everywhere), lanes.last_digits(times, everywhere)
    with one_thread:
        energies, vectors = np.linalg.eigh(h)
    return _angles_of(h, energies, vectors, unknown)


def _angles_at_ends(lanes: Lanes) -> tuple[FloatArray, FloatArray]:
    """Return the same at both ends of the window."""
    ends = lanes.ends
    return _angles_of(ends.matrices, ends.energies, ends.vectors, lanes.unknown[:, [0, -1]])


def _angles_of(
    h: npt.NDArray[Any], energies: FloatArray, vectors: npt.NDArray[Any], unknown: FloatArray
) -> tuple[FloatArray, FloatArray]:
    over = _over_distances(energies)
    known = np.abs(h) + unknown / _stacks.LAST_DIGIT
    h, energies, vectors, known = (
        a.reshape(-1, *a.shape[2:]) for a in (h, energies, vectors, known)
    )
    with one_thread:
        noise = 2 * _stacks.doubt(h, energies, vectors, known).reshape(over.shape)
    own = np.einsum("...ii->...i", noise)
    exchanged = (own[..., :, None] + own[..., None, :]) * over > 2.0  # which is lower is not known
    return np.where(exchanged, 1.0, noise * over), over


def note_degenerate_ends(lanes: Lanes, warnings: list[str]) -> None:
    """Warn where the adiabatic basis is not unique at an end of the window."""
    if DEGENERATE not in warnings and (lanes.ends.gaps <= _NO_DISTANCE).any():
        warnings.append(DEGENERATE)


def unreached(error: FloatArray, accuracy: float, why: str = ROUNDED) -> tuple[str, ...]:
    """Return a warning where the error estimate exceeds the wanted accuracy."""
    worst = max(error.ravel().tolist(), default=0.0)
    if worst <= max(accuracy, LARGEST_USUAL):
        return ()
    return (
        f"the wanted accuracy {accuracy:.1g} is not reached: the error may be {worst:.1g}, {why}",
    )
