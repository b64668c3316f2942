"""When a drive meets the crossings of a Hamiltonian, and what interference between them needs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import FloatArray, InputError, fail
from anticrossing._core.result import Result
from anticrossing._core.roots import bracketed_roots
from anticrossing._core.unchanging import frozen
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis.decay import rate_matrices
from anticrossing.drive import Clock, Drive
from anticrossing.dynamics import features
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment
from anticrossing.environment.noise.base import split
from anticrossing.formulas import DomainCheck, Prediction
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Crossing, Crossings, find_crossings
from anticrossing.spectrum._grid import ROUNDING
from anticrossing.spectrum.crossings import raised
from anticrossing.spectrum.offset import traceless

_SAMPLES, _MOST_SAMPLES = 4001, 64_001
_MOST_TURNS = 2000
_BETWEEN = 8  # samples from one place where a drive does something to the next
_ANY = Hamiltonian.affine([[0.0]], [[1.0]])
_HIDDEN = 0.01
_COINCIDE = 1e-12  # of the window: how well the time of a crossing is known
_COINCIDENT = "crossings that coincide"
_KEPT = 0.8  # of the probability to jump
_EXACTLY = 1e-6  # slope of a gap at its minimum, in slopes of the diabatic energies
_MOST_EVENTS = 1000
# Beyond these, following the eigenvectors from crossing to crossing takes longer than all the rest.


@dataclass(frozen=True)
class Place(Result):
    """The local data of a crossing as the drive meets it (ħ = 1: radians per time).

    Attributes
    ----------
    time, position, velocity : float
        When and where, and dx/dt there.
    crossing : Crossing
        The crossing, in the Hamiltonian's own units.
    gap, sweep_rate : float
        g and α in radians per time: they go straight into the formulas.
    """

    time: float
    position: float
    velocity: float
    crossing: Crossing
    gap: float
    sweep_rate: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown(text="time"),
        "position": shown(text="position"),
        "velocity": shown(text="velocity of the drive"),
        "gap": shown(text="gap, radians per time"),
        "sweep_rate": shown(text="rate of the energy difference, radians per time²"),
    }

    def _attributes(self) -> dict[str, Any]:
        i, j = self.levels
        return {"lower_level": i, "upper_level": j}

    @property
    def levels(self) -> tuple[int, int]:
        """The pair of adiabatic levels that meet."""
        return self.crossing.levels


@dataclass(frozen=True)
class PassageEvent(Place):
    """One moment at which the drive takes the system through a crossing.

    Attributes
    ----------
    jump : Prediction
        The Landau–Zener probability to jump between the two adiabatic levels.
    """

    jump: Prediction

    _variables: ClassVar[Mapping[str, Shown]] = {
        **Place._variables,
        "jump": shown(text="Landau–Zener probability to jump"),
    }

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check of `jump` that fails."""
        return self.jump.warnings

    def __str__(self) -> str:
        i, j = self.levels
        head = (
            f"levels {i} and {j} meet at t = {self.time:.6g}, x = {self.position:.6g}: "
            f"gap {self.gap:.6g}, sweep rate {self.sweep_rate:.6g} (radians per time), jump "
            f"probability {float(self.jump):.6g}"
        )
        return "\n".join([head, *(f"  {check}" for check in self.jump.checks)])

    def plot(self, ax: Any = None) -> Any:
        """Draw the checks of `jump` as bars against their limits."""
        return self.jump.plot(ax)


def find_events(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment | None = None,
    search: Callable[..., Crossings] = find_crossings,
) -> tuple[Crossings, tuple[PassageEvent, ...], list[str]]:
    """Return the crossings in reach of the drive, when it meets them, and what was left out.

    A `search` that remembers lets drives through the same stretch share its crossings.
    """
    times, positions = sample_path(drive)
    inner = traceless(hamiltonian)
    stretch = float(positions.min()), float(positions.max())
    found = search(inner, *stretch, points=where_to_look(inner, drive))
    crossings = dataclasses.replace(
        found, found=tuple(raised(c, hamiltonian) for c in found), hamiltonian=hamiltonian
    )
    hamiltonian = inner
    warnings: list[str] = []
    places: list[Place] = []
    for crossing in crossings:
        for time in _times_at(drive, crossing.position, times, positions):
            velocity = float(drive.velocity(time))
            if velocity == 0 or crossing.slope_difference == 0:
                warnings.append(
                    f"at t = {time:.6g} the levels {crossing.levels} meet without moving through "
                    "each other: no closed form covers that"
                )
                continue
            angular = hamiltonian.units.angular
            gap = crossing.gap * angular
            sweep_rate = crossing.slope_difference * abs(velocity) * angular
            places.append(Place(time, crossing.position, velocity, crossing, gap, sweep_rate))
        warnings += _near_turning_points(crossing, times, positions)
        if len(places) > _MOST_EVENTS:
            raise InputError(
                f"The drive must meet at most {_MOST_EVENTS} crossings to be analysed, but it "
                "meets more: shorten the window, or use `propagate` alone."
            )
    places.sort(key=lambda place: place.time)
    events = tuple(_event(hamiltonian, drive, places, k, environment) for k in range(len(places)))
    return crossings, events, warnings


def where_to_look(hamiltonian: Hamiltonian, drive: Drive) -> tuple[float, ...] | None:
    """Return the `points` of `find_crossings` along a path: what drives do is in H there."""
    if not isinstance(drive, Clock):
        return None
    return tuple(features.edges(Lanes.of(hamiltonian, drive)).tolist())


@functools.lru_cache(maxsize=64)
def sample_path(drive: Drive) -> tuple[FloatArray, FloatArray]:
    """Return times over the window, dense enough to see every turn of the drive, and positions.

    The arrays are shared, and read-only.

    Raises
    ------
    InputError
        If x(t) is not finite, does not move, or moves back and forth too often to be followed.
    """
    start, stop = float(drive.start_time), float(drive.stop_time)
    inner = _narrow_places(drive, start, stop)
    count = _SAMPLES
    while True:
        times = np.union1d(np.linspace(start, stop, count), inner)
        positions = np.asarray(drive(times), dtype=np.float64)
        # Two uneven fractions of the interval: no oscillation hides from both behind the samples.
        between = times[:-1] + np.diff(times) * np.array([[0.381966], [0.723607]])
        middle = np.asarray(drive(between), dtype=np.float64)
        for at, values in ((times, positions), (between, middle)):
            if not np.all(np.isfinite(values)):
                bad = float(at[~np.isfinite(values)][0])
                raise fail("drive", "be finite on its window", f"x(t) is not at t = {bad:.6g}")
        low, high = float(positions.min()), float(positions.max())
        if not (low < high or np.ptp(middle) > 0):
            raise InputError("The drive does not move: there is nothing to pass.")
        least, most = np.sort(np.stack([positions[:-1], positions[1:]]), axis=0)
        beyond = np.maximum(least - middle, middle - most).max(axis=0)
        moves = np.diff(positions)
        moves = moves[np.abs(moves) > 1e-9 * (high - low)]  # not the rounding of a plateau
        turns = np.count_nonzero(np.sign(moves[:-1]) * np.sign(moves[1:]) < 0)
        resolved = float(beyond.max()) <= 0.1 * (high - low)
        if resolved and turns <= _MOST_TURNS:
            return frozen(times), frozen(positions)
        if turns > _MOST_TURNS:
            raise fail(
                "drive",
                f"turn at most {_MOST_TURNS} times to be analysed",
                "it does so more often: shorten its window, or use `propagate` alone",
            )
        count = 4 * (count - 1) + 1
        if count > _MOST_SAMPLES:
            near = float(times[np.argmax(beyond)])
            raise fail(
                "drive",
                "be smooth between its breakpoints",
                f"near t = {near:.6g} it jumps, or turns too fast to be followed",
            )


def _narrow_places(drive: Drive, start: float, stop: float) -> FloatArray:
    """Return the breakpoints of a drive, what it does in far less than the window, and between."""
    edges = features.edges(Lanes.of(_ANY, drive))
    edges = np.unique([start, *edges[(edges > start) & (edges < stop)], stop])
    if edges.size == 2:
        return edges
    parts = np.arange(max(1, min(_BETWEEN, _MOST_SAMPLES // edges.size)))
    return np.asarray(edges[:-1, None] + np.diff(edges)[:, None] * (parts / parts.size)).ravel()


def _event(
    hamiltonian: Hamiltonian,
    drive: Drive,
    places: list[Place],
    index: int,
    environment: Environment | None,
) -> PassageEvent:
    place = places[index]
    surroundings = {
        "window": min(place.time - float(drive.start_time), float(drive.stop_time) - place.time),
        "third_level_distance": place.crossing.third_level_distance * hamiltonian.units.angular,
    }
    distance = _next_meeting(places, index)
    extra: list[DomainCheck] = []
    if place.crossing.between_sectors:  # nothing happens there, so nothing is needed
        jump = formulas.landau_zener(gap=0.0, sweep_rate=place.sweep_rate)
        return PassageEvent(**vars(place), jump=dataclasses.replace(jump, exact=True))
    window = float(drive.stop_time) - float(drive.start_time)
    if distance is not None and distance <= _COINCIDE * window:
        message = "crossings that share a level coincide: no time lies between them"
        extra.append(DomainCheck(_COINCIDENT, 1.0, 0.0, message))
    elif distance is not None:
        surroundings["next_crossing"] = distance
    if place.gap > 0:
        surroundings["linear_range"] = linear_range(hamiltonian, drive, place)
    if environment is not None:
        coherence = _lost_in_passing(hamiltonian, drive, environment, place)
        if coherence > 0:
            surroundings["dephasing_time"] = 1 / coherence
    jump = formulas.landau_zener(gap=place.gap, sweep_rate=place.sweep_rate, **surroundings)
    if place.crossing.kind == "true":
        extra.append(_rounding_check(hamiltonian, drive, place))
    jump = dataclasses.replace(jump, checks=(*jump.checks, *extra))
    return PassageEvent(**vars(place), jump=jump)


def keeps_state(place: Place) -> bool:
    """Whether the passage is so fast that watching the diabatic states does not change it.

    From P to the ½(1 + P²) of the strongest watching is less than a tenth of 1 − P.
    """
    return float(np.exp(-0.5 * np.pi * place.gap**2 / place.sweep_rate)) >= _KEPT


def _lost_in_passing(
    hamiltonian: Hamiltonian, drive: Drive, environment: Environment, place: Place
) -> float:
    """Return the rate at which the coherence is lost that the passage depends on."""
    noises, rest = split(environment)
    if noises:  # at most as fast as noise of one value turns the levels against each other
        spread = [
            np.ptp(np.linalg.eigvalsh(noise.operator))
            * np.sqrt(np.max(noise.variance + noise.mean**2))
            for noise in noises
            if noise.operator is not None
        ]
        lost = hamiltonian.units.angular * float(np.sum(spread))
        return lost + _lost_in_passing(hamiltonian, drive, rest, place) if rest.parts else lost
    i, j = place.levels
    at = np.array([place.time])
    _, coherence = rate_matrices(hamiltonian, drive, environment, at)
    if keeps_state(place):
        coherence = (
            coherence - rate_matrices(hamiltonian, drive, environment, at, eigenbasis=False)[1]
        )
    return float(coherence[0, i, j])


def _rounding_check(hamiltonian: Hamiltonian, drive: Drive, place: Place) -> DomainCheck:
    """Check whether a gap that the rounding of the levels hides could matter."""
    ends = np.array([float(drive.start), float(drive.stop)])
    largest = float(np.abs(np.linalg.eigvalsh(hamiltonian(ends))).max())
    hidden = ROUNDING * largest * hamiltonian.units.angular
    return DomainCheck(
        "rounding of the levels / square root of the sweep rate",
        hidden / np.sqrt(place.sweep_rate),
        _HIDDEN,
        "the gap is lost in the rounding of levels this large and may not be zero: "
        "a shorter window resolves it",
    )


def _next_meeting(places: list[Place], index: int) -> float | None:
    """Return the time to the nearest other crossing that shares a level, if there is one."""
    # Levels of different sectors only change their order where they cross: nothing happens there.
    place, found = places[index], []
    if place.crossing.between_sectors:
        return None
    for others in (places[:index][::-1], places[index + 1 :]):
        shared = set(place.levels)
        for other in others:
            if other.crossing.between_sectors:
                swap = dict(zip(other.levels, other.levels[::-1], strict=True))
                shared = {swap.get(level, level) for level in shared}
            elif shared & set(other.levels):
                found.append(abs(other.time - place.time))
                break
    return min(found) if found else None


def coincides(place: PassageEvent) -> bool:
    """Whether another crossing that shares a level is met at the same moment."""
    return any(check.quantity == _COINCIDENT for check in place.jump.checks)


@functools.lru_cache(maxsize=8)
def half_places(hamiltonian: Hamiltonian, drive: Drive) -> tuple[Place, ...]:
    """Return the ends of the window at which a gap is smallest: half a crossing each."""
    places = []
    window = float(drive.stop_time) - float(drive.start_time)
    for time in (float(drive.start_time), float(drive.stop_time)):
        position, velocity = float(drive(time)), float(drive.velocity(time))
        energies, vectors = np.linalg.eigh(hamiltonian(position))
        turning = vectors.conj().T @ hamiltonian.derivative(position) @ vectors
        slopes, scale = np.diagonal(turning).real, np.abs(energies).max()
        for i in range(energies.size - 1):
            gap = float(energies[i + 1] - energies[i])
            steepness = 2 * abs(complex(turning[i, i + 1]))
            flat = abs(slopes[i + 1] - slopes[i]) <= _EXACTLY * steepness
            if velocity == 0 or gap <= ROUNDING * scale or steepness == 0 or not flat:
                continue
            others = np.delete(energies, [i, i + 1])
            crossing = Crossing(
                position=position,
                levels=(i, i + 1),
                gap=gap,
                kind="avoided",
                reason="smallest gap at an end of the window",
                coupling=gap / 2,
                slope_difference=steepness,
                third_level_distance=float(
                    np.abs(others[:, None] - energies[[i, i + 1]]).min(initial=np.inf)
                ),
                centre_energy=float(energies[[i, i + 1]].mean()),
            )
            angular = hamiltonian.units.angular
            rate, gap = steepness * abs(velocity) * angular, gap * angular
            if max(rate**-0.5, gap / rate) > window:
                continue
            places.append(Place(time, position, velocity, crossing, gap, rate))
    return tuple(places)


def linear_range(hamiltonian: Hamiltonian, drive: Drive, place: Place) -> float:
    """Return the time over which the shape of the diabatic detuning would change P.

    A relative departure from α|t − t_c| on both sides alike changes the exponent of P by about as
    much, so an improbable jump feels a smaller one; opposite departures cancel to first order.
    """
    duration = max(1 / np.sqrt(place.sweep_rate), place.gap / place.sweep_rate)
    before, after = _departures(hamiltonian, drive, place, np.array([-duration, duration]))
    exponent = np.pi * place.gap**2 / (2 * place.sweep_rate)
    deviation = abs(before + after) / 2 + (before - after) ** 2 / 4
    if place.time in (float(drive.start_time), float(drive.stop_time)):
        # One side cancels nothing, and what a sudden start does is no exponential.
        deviation, exponent = max(abs(before), abs(after)), 1.0
    return float(duration / max(deviation * max(1.0, exponent), 1e-12))


def nonlinearity(
    hamiltonian: Hamiltonian, drive: Drive, place: Place, distances: FloatArray
) -> float:
    """Return the largest relative departure of the detuning from α|t − t_c| at given distances."""
    offsets = np.concatenate([-distances, distances])
    return float(np.max(np.abs(_departures(hamiltonian, drive, place, offsets))))


def _departures(
    hamiltonian: Hamiltonian, drive: Drive, place: Place, offsets: FloatArray
) -> FloatArray:
    """Return √(Z² − g²)/α|t − t_c| − 1 at times t_c + offset; 0 outside the window."""
    times = place.time + offsets
    inside = (times >= float(drive.start_time)) & (times <= float(drive.stop_time))
    departures = np.zeros(offsets.size)
    if not inside.any():
        return departures
    energies = np.linalg.eigvalsh(hamiltonian(drive(times[inside]))) * hamiltonian.units.angular
    i, j = place.levels
    separation = energies[:, j] - energies[:, i]
    detuning = np.sqrt(np.maximum(separation**2 - place.gap**2, 0.0))
    expected = place.sweep_rate * np.abs(offsets[inside])
    # Where the detuning is small against the gap its relative error is rounding, not curvature.
    departures[inside] = (detuning - expected) / np.hypot(expected, 1e-3 * place.gap)
    return departures


def _times_at(
    drive: Drive, position: float, times: FloatArray, positions: FloatArray
) -> list[float]:
    """Return the times at which x(t) passes through `position`."""
    offset = positions - position
    exact = np.flatnonzero(offset[1:-1] == 0) + 1
    roots = [float(times[k]) for k in exact if np.sign(offset[k - 1]) * np.sign(offset[k + 1]) < 0]
    accuracy = 4e-15 * max(abs(times[0]), abs(times[-1]))
    k = np.flatnonzero(np.sign(offset[:-1]) * np.sign(offset[1:]) < 0)
    found = bracketed_roots(lambda t: drive(t) - position, times[k], times[k + 1], accuracy)
    return [*roots, *map(float, found)]


def _near_turning_points(crossing: Crossing, times: FloatArray, positions: FloatArray) -> list[str]:
    moves = np.sign(np.diff(positions))
    turns = np.flatnonzero(moves[:-1] * moves[1:] < 0) + 1
    close = [k for k in turns if abs(positions[k] - crossing.position) < 2 * crossing.width]
    return [
        f"the drive turns at t = {times[k]:.6g}, within the width of the crossing at "
        f"{crossing.position:.6g}: passages there are not separate"
        for k in close
    ]
