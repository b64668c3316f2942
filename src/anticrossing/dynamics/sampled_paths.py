"""Evolution under drawn realisations of classical noise: means with their standard errors."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    fail,
    integer,
    positive_number,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.threads import one_thread
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.readout import readout
from anticrossing.dynamics.request import Request
from anticrossing.environment import Environment
from anticrossing.environment.noise.base import Noise, split
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import Units

_SAMPLES = 65  # of the window, which tell the largest distance of levels
_STEPS_PER_TIME, _RADIANS = 5.0, 0.5  # the usual step: of a correlation time, and in radians
_MOST_WORK = 2e9  # paths times steps
_TOGETHER = 20_000  # paths side by side
_GAUSS = 0.5 / np.sqrt(3)  # of a step, of the two nodes about its middle
_SMALL = 1e-17


@dataclass(frozen=True, eq=False)
class SampledPropagation(Result):
    """Means over drawn paths of a noise, as `sample_paths` returns them.

    Attributes
    ----------
    probabilities, standard_error : array, shape (N,)
        Final probabilities in the read-out basis, and their standard errors.
    times : array, shape (K,)
        The requested times, if any.
    populations, population_errors : array, shape (K, N)
        The same at those times.
    density_matrix : array, shape (N, N)
        The mean final state, in the basis H is written in.
    step_error : float
        By how much probabilities differ at most from those of the same paths with twice the step.
    basis : str
        The read-out basis.
    paths, steps : int
        How many of both.
    warnings : tuple of str
        What a reader of the numbers should know.
    """

    probabilities: FloatArray
    standard_error: FloatArray
    times: FloatArray
    populations: FloatArray
    population_errors: FloatArray
    density_matrix: ComplexArray
    step_error: float
    basis: str
    paths: int
    steps: int
    warnings: tuple[str, ...]
    description: str
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "probability": shown("level", text="mean final probability", of="probabilities"),
        "standard_error": shown("level", text="standard error of the final probability"),
        "time": shown("time", text="requested time", unit="time", of="times"),
        "population": shown("time", "level", text="mean population", of="populations"),
        "population_error": shown(
            "time", "level", text="standard error of the population", of="population_errors"
        ),
        "density_matrix": shown("row", "column", text="mean final density matrix"),
        "step_error": shown(text="what twice the step changes"),
        "paths": shown(text="paths that were drawn"),
        "steps": shown(text="steps of every path"),
    }

    def variables(self) -> dict[str, Any]:
        """Return the numbers by name; those along the requested times only if there are any."""
        return {name: v for name, v in super().variables().items() if np.size(v.values)}

    def _attributes(self) -> dict[str, Any]:
        return {"problem": self.description, "basis": self.basis}


def sample_paths(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    environment: Environment,
    paths: int,
    rng: np.random.Generator,
    step: float | None = None,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    order: int | None = None,
    times: npt.ArrayLike | None = None,
) -> SampledPropagation:
    """Draw realisations of classical noise and follow every one by steps; return the means.

    Noise enters every step by its exact mean over it, H by its values at two Gauss nodes (the
    Magnus expansion of fourth order). The standard error falls as 1/√paths, so this is for what has
    more states than `propagate` can follow, and for checks of it.

    Parameters
    ----------
    hamiltonian, drive
        As of `propagate`, one parameter point.
    environment : Environment
        Noise with a memory, or a sum of such.
    paths : int
        How many realisations, at least 2.
    rng : numpy.random.Generator
        Draws them.
    step : float, optional
        The longest step; by default a fifth of the shortest correlation time, and half a radian of
        the largest distance of levels.
    initial, basis, order, times
        As of `propagate`; the initial state is a level or a state vector.

    Returns
    -------
    SampledPropagation

    Raises
    ------
    InputError
        For a correlation time below the step, an environment with anything else than such noise,
        a batch, or paths that would take more than 2·10⁹ steps together.

    Examples
    --------
    >>> import anticrossing as ac
    >>> jumping = ac.environment.noise.TelegraphNoise(0.3, 2.0, [[0, 1], [1, 0]])
    >>> problem = ac.models.LandauZener(gap=0.5), ac.drive.Linear(-10, 10, rate=1.0)
    >>> drawn = ac.dynamics.sample_paths(
    ...     *problem, environment=jumping, paths=400, rng=np.random.default_rng(1), basis="diabatic"
    ... )
    >>> exact = ac.propagate(*problem, environment=jumping, basis="diabatic")
    >>> bool(abs(drawn.probabilities - exact.probabilities)[0] < 4 * drawn.standard_error[0])
    True
    """
    count = integer("paths", paths, minimum=2)
    request = Request(
        hamiltonian,
        drive,
        environment=environment,
        initial=initial,
        basis=basis,
        order=order,
        times=times,
        whole=False,
    )
    noises = _check(request, environment)
    lanes, warnings = request.lanes, list[str]()
    read = readout(request, warnings)
    wanted = np.empty(0) if request.times is None else request.times[0]
    longest = _step(lanes, noises, step)
    edges, keep = _edges(lanes, wanted, longest)
    if count * edges.size > _MOST_WORK:
        raise fail(
            "paths",
            f"take at most {_MOST_WORK:.0e} steps together",
            f"{count} of them take {edges.size - 1} steps of {longest:.3g} each",
        )
    start = read.first[0, :, initial] if isinstance(initial, int) else request.initial
    ways = np.concatenate([read.between[0], read.last])
    total = _Total(ways, len(wanted))
    with one_thread:
        for first in range(0, count, _TOGETHER):
            some = min(_TOGETHER, count - first)
            walk = functools.partial(_walk, lanes, noises, np.asarray(start), some)
            means = _means(noises, rng, some, np.diff(edges))
            fine, coarse = walk(edges, keep, means)
            total.add(fine, coarse)
    mean, error = total.statistics(count)
    step_error = float(np.max(np.abs(total.coarse / count - mean)))
    if step_error > np.max(error):
        warnings.append(
            f"twice the step changes the means by {step_error:.1g}, more than their standard "
            f"error: give a shorter `step` than {longest:.3g}"
        )
    return SampledPropagation(
        mean[-1],
        error[-1],
        wanted,
        mean[:-1],
        error[:-1],
        total.density / count,
        step_error,
        request.basis,
        count,
        edges.size - 1,
        tuple(warnings),
        request.description,
        lanes.hamiltonian.units,
    )


def _check(request: Request, environment: Environment) -> tuple[Noise, ...]:
    """Return the noises, or refuse what is not drawn."""
    noises, rest = split(environment)
    if rest.parts or not noises:
        raise fail(
            "environment",
            "be noise with a memory, which is drawn",
            f"it holds {rest!r}, which `propagate` follows",
        )
    if request.lanes.count > 1:
        must = "be a single parameter point, as Hamiltonian, drive and environment"
        raise fail("hamiltonian", must, f"there are {request.lanes.count}")
    if not isinstance(request.initial, int) and request.initial.ndim == 2:
        raise fail("initial", "be a level or a state vector", "it is a density matrix")
    if request.lanes.path is not None and any(noise.operator is None for noise in noises):
        raise InputError(
            "Noise on a coordinate along a `drive.Path` is not followed: give the `operator` that "
            "fluctuates."
        )
    return noises


def _step(lanes: Lanes, noises: Sequence[Noise], given: float | None) -> float:
    """Return the longest step."""
    shortest = min(noise.shortest_time for noise in noises)
    if given is not None:
        step = positive_number("step", given)
        if step > shortest:
            raise fail(
                "step",
                f"not exceed the shortest correlation time, {shortest:.6g}",
                f"it is {step:.6g}",
            )
        return step
    times = np.linspace(lanes.start[0], lanes.stop[0], _SAMPLES)[None]
    levels = np.linalg.eigvalsh(lanes.traceless(times, np.zeros(1, dtype=np.intp)))
    spread = float(np.max(levels[..., -1] - levels[..., 0]))
    for noise in noises:
        if noise.operator is not None:
            own = np.linalg.eigvalsh(noise.operator)
            size = 2 * float(np.sqrt(np.max(noise.variance + noise.mean**2))) * (own[-1] - own[0])
            spread += lanes.hamiltonian.units.angular * size
    return min(shortest / _STEPS_PER_TIME, _RADIANS / max(spread, 1e-300))


def _edges(
    lanes: Lanes, wanted: FloatArray, step: float
) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Return the ends of steps, an even number between requested times, and where these are."""
    start, stop = float(lanes.start[0]), float(lanes.stop[0])
    breaks = lanes.breakpoints[0]
    cuts = np.concatenate([wanted, breaks[np.isfinite(breaks)], [start, stop]])
    cuts = np.unique(cuts[(cuts >= start) & (cuts <= stop)])
    parts = [cuts[:1]]
    for left, right in itertools.pairwise(cuts):
        half = np.ceil((right - left) / (2 * step))
        if half > _MOST_WORK:
            raise fail("step", "give at most 2e+09 steps", f"it is {step:.3g}")
        new = left + (right - left) * np.arange(1, 2 * int(half) + 1) / (2 * int(half))
        new[-1] = right
        parts.append(new)
    edges = np.concatenate(parts)
    return edges, np.searchsorted(edges, wanted)


def _means(
    noises: Sequence[Noise], rng: np.random.Generator, paths: int, steps: FloatArray
) -> Iterator[tuple[FloatArray, ...]]:
    """Yield the means of all noises over every step."""
    return zip(*[noise.means(rng, paths, steps) for noise in noises], strict=True)


def _walk(
    lanes: Lanes,
    noises: Sequence[Noise],
    start: ComplexArray,
    paths: int,
    edges: FloatArray,
    keep: npt.NDArray[np.intp],
    means: Iterator[tuple[FloatArray, ...]],
) -> tuple[ComplexArray, ComplexArray]:
    """Return the states (T, paths, N) at requested times and the end, and with twice the step."""
    fine = np.broadcast_to(start, (paths, start.size)).astype(np.complex128)
    coarse = fine.copy()
    kept: list[list[ComplexArray]] = [[], []]
    places = set(keep.tolist())
    before: tuple[FloatArray, ...] = ()
    if 0 in places:
        kept[0].append(fine)
        kept[1].append(coarse)
    for k in range(edges.size - 1):
        mean = next(means)
        fine = _carried(lanes, noises, fine, edges[k], edges[k + 1], mean)
        if k % 2:
            both = tuple(0.5 * (a + b) for a, b in zip(before, mean, strict=True))
            coarse = _carried(lanes, noises, coarse, edges[k - 1], edges[k + 1], both)
        before = mean
        if k + 1 in places:
            kept[0].append(fine)
            kept[1].append(coarse)
    return np.stack([*kept[0], fine]), np.stack([*kept[1], coarse])


def _carried(
    lanes: Lanes,
    noises: Sequence[Noise],
    psi: ComplexArray,
    left: float,
    right: float,
    means: tuple[FloatArray, ...],
) -> ComplexArray:
    """Return states (paths, N) after one step, with the means of the noises (paths,) over it."""
    step = right - left
    times = 0.5 * (left + right) + step * np.array([[-_GAUSS, _GAUSS]])
    h = _hamiltonians(lanes, noises, times, means)
    first, second = step * h[:, 0], step * h[:, 1]
    turned = first @ second
    turned = 1j * (np.sqrt(3) / 12) * (turned - dagger(turned))
    generator = 0.5 * (first + second) + turned
    return _exponential(generator, psi)


def _hamiltonians(
    lanes: Lanes, noises: Sequence[Noise], times: FloatArray, means: tuple[FloatArray, ...]
) -> ComplexArray:
    """Return H at two times (1, 2) with all noises, (paths, 2, N, N) or (1, 2, N, N)."""
    zero = np.zeros(1, dtype=np.intp)
    paths = means[0].size
    shift = [m for noise, m in zip(noises, means, strict=True) if noise.operator is None]
    if shift:
        moved = lanes.repeated(paths, np.sum(shift, axis=0)[None], None)
        h = moved.traceless(np.repeat(times, paths, axis=0), np.arange(paths))
    else:
        h = lanes.traceless(times, zero)
    h = h.astype(np.complex128)
    for noise, mean in zip(noises, means, strict=True):
        if noise.operator is not None:
            added = lanes.hamiltonian.units.angular * noise.operator
            h = h + mean[:, None, None, None] * added
    return h


def _exponential(generator: ComplexArray, psi: ComplexArray) -> ComplexArray:
    """Return exp(−i G) ψ for Hermitian matrices (paths, N, N) and states (paths, N)."""
    if psi.shape[-1] == 2:
        common = 0.5 * (generator[:, 0, 0] + generator[:, 1, 1]).real
        d = 0.5 * (generator[:, 0, 0] - generator[:, 1, 1]).real
        c = generator[:, 0, 1]
        angle = np.sqrt(d**2 + c.real**2 + c.imag**2)
        cosine, sine = np.cos(angle), np.sinc(angle / np.pi)
        up = (cosine - 1j * d * sine) * psi[:, 0] - 1j * sine * c * psi[:, 1]
        down = (cosine + 1j * d * sine) * psi[:, 1] - 1j * sine * c.conj() * psi[:, 0]
        return np.asarray(np.exp(-1j * common)[:, None] * np.stack([up, down], axis=1))
    term, total, order = psi[..., None], psi[..., None], 0
    while np.max(np.abs(term)) > _SMALL:
        order += 1
        term = (-1j / order) * (generator @ term)
        total = total + term
    return np.asarray(total[..., 0])


class _Total:
    """Sums over paths of populations, of their squares, and of the final state."""

    def __init__(self, ways: ComplexArray, times: int) -> None:
        self.ways = ways
        shape = (times + 1, ways.shape[-1])
        self.sum, self.squares, self.coarse = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.density: Any = 0.0

    def add(self, fine: ComplexArray, coarse: ComplexArray) -> None:
        """Add states (T, paths, N)."""
        found = np.abs(fine @ self.ways.conj()) ** 2
        self.sum += found.sum(axis=1)
        self.squares += (found**2).sum(axis=1)
        self.coarse += (np.abs(coarse @ self.ways.conj()) ** 2).sum(axis=1)
        self.density = self.density + fine[-1].T @ fine[-1].conj()

    def statistics(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Return means and their standard errors."""
        mean = self.sum / count
        variance = np.maximum(self.squares / count - mean**2, 0.0) / (count - 1)
        return mean, np.sqrt(variance)
