"""What the equation of motion and its window do when a parameter moves."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, flattened, nearest
from anticrossing._core.errors import ConvergenceError
from anticrossing.drive import Clock
from anticrossing.dynamics import liouville
from anticrossing.dynamics.generators import real
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment, Nodes

HAMILTONIAN, DRIVE, ENVIRONMENT = "hamiltonian", "drive", "environment"
IndexArray = npt.NDArray[np.intp]
# Central differences of the eighth order; what they differentiate is smooth on the scale of steps.
_WEIGHTS = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
_OF_SIXTH_ORDER = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
_SHORTER, _AGREE, _NOISE = 5, 1e-7, 1e-14
_STEP = 1e-2
ROUNDING = 2e-13  # of such differences, relative
_LEAST_GAP = 1e-6  # of the spread of the levels


@dataclass(frozen=True)
class Parameter:
    """What to differentiate by: its name as given, whose it is, and how it is called there."""

    name: str
    of: str
    key: str


def find(
    lanes: Lanes, environment: Environment | None, names: Sequence[str], argument: str = "gradient"
) -> tuple[Parameter, ...]:
    """Return the parameters that `names` name, or raise `InputError` that names the argument.

    A name that two have is told apart by ``hamiltonian.``, ``drive.`` or ``environment.``; all
    values of a drive are ``values``.
    """
    known = [Parameter(key, HAMILTONIAN, key) for key in lanes.h_parameters]
    known += [Parameter(key, DRIVE, key) for key in lanes.drive.differentiable]
    if environment is not None:
        known += [Parameter(key, ENVIRONMENT, key) for key in environment.numbers]
    found: list[Parameter] = []
    for name in names:
        found += _named(name, known, argument)
    keys = [(p.of, p.key) for p in found]
    if len(set(keys)) < len(keys):
        raise fail(argument, "name every parameter once", f"it is {list(names)}")
    return tuple(found)


def _named(name: str, known: list[Parameter], argument: str) -> list[Parameter]:
    owner, _, key = name.partition(".")
    if owner in (HAMILTONIAN, DRIVE, ENVIRONMENT):
        known = [Parameter(f"{p.of}.{p.key}", p.of, p.key) for p in known if p.of == owner]
        start = f"{owner}.{key}["
    else:
        start = f"{name}["
    found = [p for p in known if p.name == name] or [p for p in known if p.name.startswith(start)]
    if not found:
        # Of many numbers with an index only the first stands for all; of names that several
        # have, those with an owner.
        bare = {(p.of, p.key.partition("[")[0]): p.name.partition("[")[0] for p in known}
        of = Counter(bare.values())
        listed = ", ".join(f"{o}.{k}" if of[n] > 1 else n for (o, k), n in bare.items()) or "none"
        closest = nearest(name, [p.name for p in known])
        raise fail(
            argument,
            f"name parameters of H, the drive or the environment ({listed})",
            f"{name!r} is none that can be differentiated by{closest}",
        )
    if len({p.of for p in found}) > 1:
        several = " or ".join(f"'{p.of}.{p.key}'" for p in found)
        raise fail(argument, f"say whose parameter it is, {several}", f"it is {name!r}")
    return found


def of_hamiltonian(
    parameters: Sequence[Parameter], lanes: Lanes, times: FloatArray, lane: IndexArray
) -> npt.NDArray[Any]:
    """Return ∂H/∂p of all parameters at fixed times in radians per time, (P, n, K, N, N)."""
    levels, angular = lanes.hamiltonian.dimension, lanes.hamiltonian.units.angular
    x = lanes.positions(times, lane)
    of_h = {key: value[lane][:, None] for key, value in lanes.h_parameters.items()}
    own = [k for k, parameter in enumerate(parameters) if parameter.of == HAMILTONIAN]
    found: npt.NDArray[Any] = np.zeros((*times.shape, len(parameters), levels, levels))
    if own:
        names = [parameters[k].key for k in own]
        given = lanes.hamiltonian.evaluate_parameter_derivatives(x, of_h, names)
        found = found.astype(given.dtype)
        found[:, :, own] = given
    moved = {k: _moved(lanes, times, lane, p) for k, p in enumerate(parameters) if p.of == DRIVE}
    if any(np.any(shift) for shift in moved.values()):
        slope = lanes.hamiltonian.evaluate_derivative(x, of_h)
        found = found.astype(np.result_type(found, slope))
        for k, shift in moved.items():
            found[:, :, k] = shift[..., None, None] * slope
    return np.asarray(angular * found)


def _moved(
    lanes: Lanes, times: FloatArray, lane: IndexArray, parameter: Parameter
) -> npt.NDArray[Any]:
    """Return ∂x/∂p at fixed times, (P, n); along a path nothing but the window is the drive's."""
    if parameter.of != DRIVE or isinstance(lanes.drive, Clock):
        return np.zeros(times.shape)
    of_drive = {key: value[lane][:, None] for key, value in lanes.d_parameters.items()}
    return lanes.drive.evaluate_parameter_derivative(times, of_drive, parameter.key)


def of_window(lanes: Lanes, parameter: Parameter) -> FloatArray:
    """Return how start and stop of every window move, (lanes, 2)."""
    if parameter.of != DRIVE:
        return np.zeros((lanes.count, 2))
    ends = lanes.drive.window_derivative(parameter.key)
    found = [flattened(np.asarray(end, dtype=np.float64), lanes.batch_shape) for end in ends]
    return np.stack(found, axis=1)


def in_time(lanes: Lanes, times: FloatArray, lane: IndexArray) -> npt.NDArray[Any]:
    """Return dH/dt in radians per time, (P, n, N, N)."""
    of_h = {key: value[lane][:, None] for key, value in lanes.h_parameters.items()}
    of_drive = {key: value[lane][:, None] for key, value in lanes.d_parameters.items()}
    speed = lanes.drive.evaluate_velocity(times, of_drive)[..., None, None]
    slope = lanes.hamiltonian.evaluate_derivative(lanes.positions(times, lane), of_h)
    return np.asarray(lanes.hamiltonian.units.angular * speed * slope)


@dataclass(frozen=True)
class OpenEquation:
    """ρ′ = G ρ in the basis of Hermitian matrices, and ∂G; `environment` is flat."""

    environment: Environment
    parameters: tuple[Parameter, ...]

    def generators(self, lanes: Lanes, times: FloatArray, lane: IndexArray) -> FloatArray:
        """Return G at times (P, n), (P, n, D, D)."""
        return real(liouville.generator_at(*self._nodes(lanes, times, lane), self.environment))

    def slopes(self, lanes: Lanes, times: FloatArray, lane: IndexArray) -> FloatArray:
        """Return ∂G at fixed times (P, n), (P, n, K, D, D)."""
        matrices, nodes = self._nodes(lanes, times, lane)
        with_levels = self.environment.those(lambda part: part.asks_levels)
        with_positions = self.environment.those(
            lambda part: part.asks_levels or part.scalars(nodes.x, nodes.t) is not None
        )
        moved = of_hamiltonian(self.parameters, lanes, times, lane)
        # Most values of a drive move nothing here.
        live = [k for k in range(len(self.parameters)) if np.any(moved[:, :, k])]
        size = moved.shape[-1] ** 2
        found = np.zeros((*moved.shape[:3], size, size), dtype=np.complex128)
        found[:, :, live] = liouville.commutator(moved[:, :, live])
        if with_levels is not None and live:
            found[:, :, live] += _along_levels(with_levels, matrices, nodes, moved[:, :, live])
        along = None
        for k, parameter in enumerate(self.parameters):
            if parameter.of == ENVIRONMENT:
                found[:, :, k] = self._by_number(nodes, parameter.key)
                continue
            shift = _shift(lanes, times, lane, parameter)
            if with_positions is not None and np.any(shift):
                along = _by_positions(with_positions, nodes) if along is None else along
                found[:, :, k] += np.einsum(
                    "pnf,pnfij->pnij", shift.reshape(along.shape[:3]), along
                )
        return real(found)

    def _nodes(
        self, lanes: Lanes, times: FloatArray, lane: IndexArray
    ) -> tuple[npt.NDArray[Any], Nodes]:
        return liouville.nodes_of(lanes, times, lane, levels=self.environment.asks_levels)

    def _by_number(self, nodes: Nodes, key: str) -> ComplexArray:
        """Differentiate by a number of the environment.

        What else acts is left out: its rounding may be larger than what a weak part does.
        """
        environment, own = self.environment.alone(key)
        value = np.asarray(environment.numbers[own], dtype=np.float64)
        zero = value == 0
        step = np.where(zero, 1.0, _STEP * np.abs(value))
        # From zero only upwards: what acts is proportional to numbers that may vanish, or to their
        # squares.
        weights: dict[float, float] = {0: -1.5, 1: 2.0, 2: -0.5} if np.any(zero) else _central()

        def at(k: float) -> ComplexArray:
            changed = environment.with_number(own, value + k * step)
            return liouville.environment_at(nodes, changed)

        size = step if step.ndim == 0 else step[nodes.lane][..., None, None]
        return np.asarray(sum(w * at(k) for k, w in weights.items()) / size)


def _shift(lanes: Lanes, times: FloatArray, lane: IndexArray, parameter: Parameter) -> FloatArray:
    """Return how what the environment sees as position moves, (P, n) or (P, n, f)."""
    if lanes.path is None:
        return _moved(lanes, times, lane, parameter)
    own = lanes.h_parameters
    values = {key: own[key][lane][:, None] for key in lanes.path.parameters}
    return lanes.path.evaluate_parameter_derivative(times, values, parameter.key)


def _along_levels(
    environment: Environment, matrices: npt.NDArray[Any], nodes: Nodes, moved: npt.NDArray[Any]
) -> ComplexArray:
    """Differentiate what the environment adds along changes (P, n, K, N, N) of energies and states.

    Returns the derivatives (P, n, K, D, D).
    """
    energies = nodes.angular * nodes.energies
    spread = energies[..., -1] - energies[..., 0]
    gap = np.min(np.diff(energies, axis=-1), axis=-1)
    size = np.maximum(gap, _LEAST_GAP * spread)[..., None]
    step = _steps(size, np.linalg.norm(moved, axis=(-2, -1)))
    levels, count = matrices.shape[-1], moved.shape[2]
    common = np.trace(moved, axis1=-2, axis2=-1).real / levels
    moved = moved - common[..., None, None] * np.eye(levels)
    x, t = (np.repeat(a[:, :, None], count, 2) for a in (nodes.x, nodes.t))
    lane = np.repeat(nodes.lane[:, :, None], count, 2)

    def at(by: FloatArray) -> ComplexArray:
        found, vectors = liouville.levels_of(matrices[:, :, None] + by[..., None, None] * moved)
        offset = nodes.offset[..., None] + by * common / nodes.angular
        energies = found / nodes.angular
        there = Nodes(x, t, energies, vectors.astype(np.complex128), nodes.angular, lane, offset)
        return liouville.environment_at(there, environment)

    found, lost = _difference(at, step)
    if np.any(lost):
        raise ConvergenceError(
            f"What {environment!r} does has no derivative at t = {t[lost][0]:g}: it "
            "is not smooth in energies, as γ√|H| where a level crosses the mean of all."
        )
    return found


def _by_positions(environment: Environment, nodes: Nodes) -> ComplexArray:
    """Differentiate what the environment adds by every coordinate alone, (P, n, f, D, D).

    By steps of their own: these fall with the panel, and what does not depend on positions
    would be left with rounding that grows.
    """
    places = nodes.x.reshape(*nodes.t.shape, -1)
    across = np.ptp(places, axis=1, keepdims=True)
    steps = _STEP * np.where(across > 0, across, np.abs(places) + 1.0)
    found = []
    for own, step in zip(np.eye(places.shape[-1]), np.moveaxis(steps, -1, 0), strict=True):

        def at(by: FloatArray, own: FloatArray = own) -> ComplexArray:
            x = (places + by[..., None] * own).reshape(nodes.x.shape)
            return liouville.environment_at(replace(nodes, x=x), environment)

        found.append(_difference(at, step)[0])
    return np.stack(found, axis=2)


def _steps(size: FloatArray, speed: FloatArray) -> FloatArray:
    """Return steps in a parameter that are small against a size, where it matters."""
    with np.errstate(divide="ignore", invalid="ignore"):
        small: FloatArray = size / speed
    found: FloatArray = _STEP * np.where((speed > 0) & np.isfinite(small) & (small > 0), small, 1.0)
    return found


def _difference(
    at: Callable[[FloatArray], ComplexArray], step: FloatArray
) -> tuple[ComplexArray, npt.NDArray[np.bool_]]:
    """Return the derivative of `at`, (…, D, D), by steps (…), and where there is none.

    Steps across which the sixth order differs from the eighth are shortened: a root of an energy
    that is nearly zero is smooth on no other scale.
    """
    for _ in range(_SHORTER):
        values = {k: at(k * step) for k in _central()}
        found, rough = (
            np.sum([w * values[k] for k, w in weights.items()], axis=0, dtype=np.complex128)
            / step[..., None, None]
            for weights in (_central(), _sixth())
        )
        apart, largest, level = (
            np.max(np.abs(given), axis=(-2, -1)) for given in (found - rough, found, values[1])
        )
        coarse = apart > np.maximum(_AGREE * largest, _NOISE * level / step)
        step = np.where(coarse, 0.1 * step, step)
        if not np.any(coarse):
            break
    return found, coarse


@functools.cache
def _central() -> dict[float, float]:
    return _both_ways(_WEIGHTS)


@functools.cache
def _sixth() -> dict[float, float]:
    return _both_ways(_OF_SIXTH_ORDER)


def _both_ways(weights: dict[int, float]) -> dict[float, float]:
    return {sign * k: sign * w for k, w in weights.items() for sign in (1, -1)}
