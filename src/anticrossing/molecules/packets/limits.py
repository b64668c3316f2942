"""What a grid, a time step and the memory can hold; what goes beyond is refused before any work."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.watch import EDGE, FAST, edge_weights

MOST_STEPS = 50_000_000
_MOST_BYTES = 8 * 2**30
_DEVIATIONS = 3.0  # standard deviations of energy and momentum that must be held
_TAIL = 4.7534  # standard deviations beyond which a Gaussian has the probability EDGE on one side
CARRIED = 1e-4  # of the density, below which a point does not matter
_TURN = 2 * np.pi  # of the kinetic phase in one time step
_APART = 1.5 * np.pi  # phase of a gap in one time step: the levels seem 2π/h less their gap apart
_ROTATION = 0.1  # angle of the adiabatic states that may go unseen: a probability of 1e-2 at most
_BEND = 0.25  # phase in one time step by which H(x) may differ from a straight line


@dataclass(frozen=True, eq=False)
class Reach:
    """The largest kinetic energy to expect, and the points (of the flat grid) to be reached."""

    kinetic: float
    inside: npt.NDArray[np.bool_]


def reach(operator: GridHamiltonian, psi: ComplexArray) -> Reach:
    """Return how far a normalised state goes in energy and place, with three standard deviations.

    It is fastest at the lowest potential among the points that it can reach with that energy.
    """
    from scipy.ndimage import label

    grid = operator.grid
    kinetic = 0.0
    for axis, weight in enumerate(operator.momentum_weights(psi)):
        kinetic += usual_momentum(operator, axis, weight) ** 2 / (2 * float(operator.masses[axis]))
    weights = np.abs(operator.adiabatic_amplitudes(psi)) ** 2 * grid.volume
    mean, spread = _moments(weights, operator.energies.T)
    highest = kinetic + mean + _DEVIATIONS * spread
    lowest = operator.energies[:, 0].reshape(grid.shape)
    regions, _ = label(lowest <= highest)
    density = np.sum(np.abs(psi) ** 2, axis=0)
    home = int(regions[np.unravel_index(int(np.argmax(density)), grid.shape)])
    # A state that begins inside a wall narrower than itself has no region.
    connected = np.isin(regions, _joined(regions, home, grid.bases))
    inside = (connected if home else density > CARRIED * density.max()).ravel()
    bottom = float(operator.energies[inside, 0].min())
    return Reach(max(kinetic, highest - bottom), inside)


def _joined(regions: npt.NDArray[Any], home: int, bases: tuple[str, ...]) -> list[int]:
    """Return the regions that meet `home`, also across the seams of periodic coordinates."""
    found, waiting = {home}, [home]
    seams = [
        (regions.take(0, axis), regions.take(-1, axis))
        for axis, name in enumerate(bases)
        if name == "periodic"
    ]
    while waiting:
        one = waiting.pop()
        for first, last in seams:
            others = {*last[first == one].tolist(), *first[last == one].tolist()} - {0} - found
            found |= others
            waiting += others
    return sorted(found)


def usual_momentum(operator: GridHamiltonian, axis: int, weight: FloatArray) -> float:
    """Return mean and three standard deviations of the momentum along a coordinate."""
    mean, spread = _moments(weight, operator.grid.momenta[axis])
    return abs(mean) + _DEVIATIONS * spread


def _moments(weights: FloatArray, values: FloatArray) -> tuple[float, float]:
    mean = float(np.sum(weights * values))
    return mean, float(np.sqrt(max(float(np.sum(weights * values**2)) - mean**2, 0.0)))


def check_room(operator: GridHamiltonian, psi: ComplexArray) -> None:
    """Refuse a grid that is too coarse or too small for this initial state."""
    grid = operator.grid
    for end, touching in edge_weights(operator, psi).items():
        if touching > EDGE:
            raise touches(end, touching)
    for axis, weight in enumerate(operator.momentum_weights(psi)):
        # At the edge itself an aliased packet sits, so its own moments are not enough.
        largest = float(grid.largest_momenta[axis])
        if float(weight[np.abs(grid.momenta[axis]) > FAST * largest].sum()) > EDGE:
            needed = usual_momentum(operator, axis, weight)
            raise too_coarse(operator, axis, max(needed, 1.25 * largest))
    fastest = reach(operator, psi).kinetic
    for axis in range(grid.coordinates):
        momentum = float(np.sqrt(2 * operator.masses[axis] * fastest))
        if momentum > grid.largest_momenta[axis]:
            raise too_coarse(operator, axis, momentum)


def check_given_momentum(operator: GridHamiltonian, momenta: FloatArray, width: FloatArray) -> None:
    """Refuse a Gaussian whose momentum the grid would fold back, before it is put there."""
    for axis, largest in enumerate(operator.grid.largest_momenta):
        momentum = (abs(momenta[axis]) + _TAIL / width[axis]) / FAST
        if momentum > largest:
            raise too_coarse(operator, axis, momentum)


def check_step(operator: GridHamiltonian, psi: ComplexArray, step: float) -> None:
    """Refuse a time step so long that the motion would not follow H(x).

    Kicks at intervals h cannot tell energies apart that differ by 2π/h. For levels this matters
    only if they mix, for kinetic energies only where H(x) bends over the distance of a step.
    """
    found = reach(operator, psi)
    gap = mixing_gap(operator, found.inside)
    longest, reason = np.inf, ""
    h = step * operator.angular
    if h * gap > _APART:
        longest, reason = _APART / gap, f"for levels that mix {gap:.3g} apart"
    straight = _longest_straight(operator, found, h)
    if straight < min(h, longest):
        longest, reason = (
            straight,
            "so that H(x) is nearly straight over the distance of one step with the kinetic energy "
            f"{found.kinetic:.3g} to expect",
        )
    if longest < h:
        most, unit = below(longest / operator.angular), operator.units.shown_time
        unit = f" {unit}" if unit else ""
        raise fail("step", f"be at most {most}{unit} {reason}", f"it is {step:.3g}{unit}")


def _longest_straight(operator: GridHamiltonian, found: Reach, step: float) -> float:
    """Return the longest time step up to `step` (ħ = 1) over which H(x) is straight enough."""
    allowed, refused = _TURN / max(found.kinetic, np.finfo(float).tiny), step
    if step <= allowed:
        return step
    velocities = np.sqrt(2 * found.kinetic / operator.masses)
    curves = [_bends(operator, found.inside, axis, step * v) for axis, v in enumerate(velocities)]

    def bent(h: float) -> bool:
        """Whether the phase of h by which H(x) differs from a straight line is too large."""
        return any(
            0.5 * h * sizes[np.searchsorted(distances, h * v, side="right") - 1] > _BEND
            for (distances, sizes), v in zip(curves, velocities, strict=True)
        )

    if not bent(step):
        return step
    for _ in range(20):
        middle = 0.5 * (allowed + refused)
        allowed, refused = (allowed, middle) if bent(middle) else (middle, refused)
    return allowed


def mixing_gap(operator: GridHamiltonian, inside: npt.NDArray[np.bool_]) -> float:
    """Return the widest gap beyond which the adiabatic states still turn by a noticeable angle.

    Between neighbouring points the states n and m turn by ``|⟨n|ΔH|m⟩|/gap``. The angles are added
    up along every line of the grid, from the widest gap down.
    """
    grid, states = operator.grid, operator.states
    potential = operator.potential.reshape(*grid.shape, states, states)
    energies = operator.energies.reshape(*grid.shape, states)
    vectors = operator.vectors.reshape(*grid.shape, states, states)
    reached = inside.reshape(grid.shape)
    widest = 0.0
    for axis in range(grid.coordinates):
        H, levels, frames, there = (
            np.moveaxis(part, axis, 0) for part in (potential, energies, vectors, reached)
        )
        change = frames[:-1].conj().swapaxes(-1, -2) @ np.diff(H, axis=0) @ frames[:-1]
        both = there[:-1] & there[1:]
        for n in range(states):
            for m in range(n):
                gaps = levels[:-1, ..., n] - levels[:-1, ..., m]
                turned = np.where(both, np.abs(change[..., n, m]), 0.0)
                with np.errstate(over="ignore"):
                    angles = turned / np.maximum(gaps, np.finfo(float).tiny)
                order = np.argsort(-gaps, axis=0)
                total = np.cumsum(np.take_along_axis(angles, order, axis=0), axis=0)
                seen = np.take_along_axis(gaps, order, axis=0)[total > _ROTATION]
                widest = max(widest, float(seen.max(initial=0.0)))
    return widest


def _bends(
    operator: GridHamiltonian, inside: npt.NDArray[np.bool_], axis: int, farthest: float
) -> tuple[FloatArray, FloatArray]:
    """Return distances d and the largest ‖H(x + d′) − 2H(x) + H(x − d′)‖ for any d′ ≤ d."""
    shape, spacing = operator.grid.shape, float(operator.grid.spacings[axis])
    H = np.moveaxis(operator.potential.reshape(*shape, -1), axis, 0)
    there = np.moveaxis(inside.reshape(shape), axis, 0)
    distances, sizes, points = [0.0], [0.0], 1
    while points * spacing <= farthest and np.isfinite(sizes[-1]):
        away, bent = 2 * points, np.inf  # over more than the whole region nothing is straight
        ends = there[away:] & there[:-away]
        if ends.any():
            second = (H[away:] - 2 * H[points:-points] + H[:-away])[ends]
            bent = float(np.linalg.norm(second, axis=-1).max())
        distances.append(points * spacing)
        sizes.append(max(sizes[-1], bent))
        points = max(points + 1, round(1.1 * points))
    return np.array(distances), np.array(sizes)


def below(value: float) -> str:
    """Return a largest allowed value as text of three digits, rounded down so that it will do."""
    return f"{_rounded(value, math.floor):.3g}"


def above(value: float) -> str:
    """Return a smallest allowed value as text of three digits, rounded up so that it will do."""
    return f"{_rounded(value, math.ceil):.3g}"


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    if not 0 < value < math.inf:
        return value
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return towards(value / unit) * unit


def check_memory(values: float, size: int) -> None:
    """Refuse to keep more than the memory of an ordinary machine."""
    if values * size > _MOST_BYTES:
        raise fail(
            "samples",
            f"keep at most {_MOST_BYTES / 2**30:.0f} GiB",
            f"they take {values * size / 2**30:.3g} GiB",
        )


def too_coarse(operator: GridHamiltonian, axis: int, momentum: float) -> InputError:
    """Return the error that says what spacing a momentum needs."""
    return fail(
        "grid",
        f"have a spacing of at most {below(np.pi / momentum)} along "
        f"{operator.hamiltonian.coordinates[axis]} for the momentum {momentum:.3g} to expect",
        f"it is {operator.grid.spacings[axis]:.3g}",
    )


def touches(end: str, probability: float) -> InputError:
    """Return the error of an initial packet at the boundary."""
    return fail(
        "grid",
        "hold the initial packet",
        f"it touches the boundary at {end} with probability {probability:.1e}",
    )
