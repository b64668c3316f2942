"""Derivatives of the exact evolution with respect to parameters of H, drive and environment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing._core.unchanging import assembled, frozen, settled
from anticrossing.dynamics import _line_gradient, liouville, panels, slopes
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.linear_variation import LinearVariationKernel
from anticrossing.dynamics.panels import Evolution, Pieces
from anticrossing.dynamics.request import LARGEST_OPEN_DIMENSION, Request, density
from anticrossing.dynamics.result import Derivative, Propagation
from anticrossing.dynamics.slopes import OpenEquation, Parameter
from anticrossing.dynamics.variation import VariationKernel
from anticrossing.environment import Environment

_NO_DISTANCE = 1e-12  # of the largest energy
_KNOWN = 100.0  # errors, from which a probability has a logarithm


def check(
    request: Request, names: str | Sequence[str], argument: str = "gradient"
) -> tuple[Parameter, ...]:
    """Return the parameters to differentiate by, or raise `InputError` that names an argument."""
    lanes, environment = request.lanes, request.environment
    if request.basis == "superadiabatic":
        must = "be 'adiabatic' or 'diabatic' where a gradient is wanted"
        raise fail("basis", must, "it is 'superadiabatic'")
    levels = lanes.hamiltonian.dimension
    if environment is None and not request.whole:
        raise fail("whole", "be left out where a gradient is wanted", "it is False")
    if environment is not None and environment.noises:
        raise fail(
            argument,
            "be asked for without noise that remembers",
            f"there is {environment.noises[0]!r}",
        )
    if environment is not None and levels > LARGEST_OPEN_DIMENSION:
        most = f"have at most {LARGEST_OPEN_DIMENSION} levels for a gradient with an environment"
        raise fail("hamiltonian", most, f"it has {levels}")
    if isinstance(names, str):
        names = [names]
    if not names:
        raise fail(argument, "name at least one parameter", "it is empty")
    return slopes.find(lanes, environment, names, argument)


def added(
    result: Propagation, request: Request, parameters: Sequence[Parameter], tried: Pieces | None
) -> Propagation:
    """Return the result, which some panels may have given, with its derivatives."""
    with one_thread:
        if request.environment is None:
            found = _closed(request, parameters, result, tried)
        else:
            found = _open(request, parameters, result)
    # Two routes to one evolution.
    known = result.error_estimate + (0.0 if result.phase_error is None else 2 * result.phase_error)
    whole = result.propagator if request.environment is None else result.superoperator
    warnings = result.warnings
    if whole is not None:
        apart = np.max(np.abs(found.whole - whole), axis=(-2, -1))
        if np.any(apart > 10 * (found.error + known)):
            warnings += (
                f"the gradient belongs to an evolution that differs by {np.max(apart):.1e}",
            )
    given = {f.name: getattr(result, f.name) for f in fields(result)}
    given |= {"gradients": frozen(found.derivatives), "warnings": warnings}
    return assembled(Propagation, **given)


def _derivatives(
    result: Propagation, parameters: Sequence[Parameter], **found: npt.NDArray[Any]
) -> dict[str, Derivative]:
    """Return the derivatives of a result by name, of arrays (lanes, K, …).

    Those of the logarithms that are known are added.
    """
    batch, p = result.probabilities.shape[:-1], result.probabilities
    p = np.where(p > _KNOWN * result.error_estimate[..., None], p, np.nan)
    found["log_probabilities"] = found["probabilities"] / p.reshape(-1, 1, p.shape[-1])
    shared = {}
    for name, values in found.items():
        values = values.swapaxes(0, 1)
        shared[name] = settled(values.reshape(len(parameters), *batch, *values.shape[2:]))
    return {
        p.name: assembled(
            Derivative, parameter=p.name, **{name: values[k] for name, values in shared.items()}
        )
        for k, p in enumerate(parameters)
    }


@dataclass(frozen=True)
class _Found:
    """Derivatives by name, the evolution they belong to, and how well that is known."""

    derivatives: dict[str, Derivative]
    whole: ComplexArray
    error: FloatArray


@dataclass(frozen=True)
class _Ends:
    """Read-out states at the start and at all read times, and how they move with parameters.

    `vectors` are (lanes, 1 + R, N, N), `slopes` (lanes, 1 + R, K, N, N); `moved` (lanes, 2, K) are
    the ends of the window. `changes` are of H at fixed times, of the shape of `slopes`.
    """

    vectors: ComplexArray
    slopes: ComplexArray
    moved: FloatArray
    changes: npt.NDArray[Any]

    @classmethod
    def of(cls, request: Request, parameters: Sequence[Parameter]) -> _Ends:
        lanes = request.lanes
        levels, lane = lanes.hamiltonian.dimension, np.arange(lanes.count)
        moved = np.stack([slopes.of_window(lanes, p) for p in parameters], axis=-1)
        times = np.concatenate([lanes.start[:, None], request.times_and_end], axis=1)
        shape = (*times.shape, levels, levels)
        own = slopes.of_hamiltonian(parameters, lanes, times, lane)
        if request.basis == "diabatic":
            vectors = np.broadcast_to(np.eye(levels, dtype=np.complex128), shape)
            return cls(vectors, np.zeros(own.shape, np.complex128), moved, own)
        changes = own.astype(np.complex128)
        if np.any(moved):
            speed = slopes.in_time(lanes, times[:, [0, -1]], lane)[:, :, None]
            changes[:, [0, -1]] += moved[..., None, None] * speed
        if times.shape[1] == 2:
            energies, vectors = lanes.ends.energies, lanes.ends.vectors
        else:
            energies, vectors = liouville.levels_of(lanes.traceless(times, lane))
        vectors = vectors.astype(np.complex128)
        inside = dagger(vectors)[:, :, None] @ changes @ vectors[:, :, None]
        apart = energies[..., None, :] - energies[..., :, None]
        same = np.eye(levels, dtype=np.bool_)
        largest = np.max(np.abs(energies), axis=-1)[..., None, None]
        if np.any((np.abs(apart) <= _NO_DISTANCE * largest) & ~same):
            raise InputError(
                "Levels are degenerate where they are read: adiabatic probabilities have no "
                "derivative there. Use basis='diabatic' or another window."
            )
        mixing = np.where(same, 0.0, inside / np.where(same, 1.0, apart)[:, :, None])
        return cls(vectors, vectors[:, :, None] @ mixing, moved, own)


def _solved(
    request: Request, kernel: Any, evolution: Evolution | None = None, tried: Pieces | None = None
) -> tuple[Evolution, ComplexArray]:
    """Return the evolution, and [U, ∂U] at the requested times and, last, at the end."""
    evolution = evolution or panels.solve(
        request.lanes,
        kernel,
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
        tried=tried,
    )
    every = np.concatenate([evolution.snapshots, evolution.propagator[:, None]], axis=1)
    return evolution, every


def _with_window(
    every: ComplexArray, moved: FloatArray, generators: Callable[[], ComplexArray]
) -> tuple[ComplexArray, ComplexArray]:
    """Return U (lanes, R, D, D) and ∂U (lanes, R, K, D, D), windows moving as they do.

    `generators` gives the ones at the start and at the stop, (lanes, 2, D, D).
    """
    whole, slope = every[:, :, 0], every[:, :, 1:]
    if np.any(moved):
        generator = generators()
        first, last = moved[:, 0, :, None, None], moved[:, 1, :, None, None]
        slope = slope - first[:, None] * (whole @ generator[:, None, 0])[:, :, None]
        slope[:, -1] += last * (generator[:, 1] @ whole[:, -1])[:, None]
    return whole, slope


def _error(
    known: FloatArray, evolution: Evolution, slope: ComplexArray
) -> tuple[FloatArray, FloatArray]:
    """Return how well U is known, (lanes,), and probabilities of it are differentiated, (lanes, K).

    Probabilities themselves are `known` so well.
    """
    # The error of a probability changes with a parameter as fast as phases do, and ∂U is rounded.
    size = np.max(np.sum(np.abs(slope), axis=-1), axis=(1, -1))
    count = evolution.panels[:, None]
    error = (2 * known.reshape(-1, 1) + evolution.error[:, None]) * (1 + size)
    unknown = evolution.error + panels.ROUNDING * evolution.phase
    return unknown, error + panels.ROUNDING * count * size


def _closed(
    request: Request, parameters: Sequence[Parameter], result: Propagation, tried: Pieces | None
) -> _Found:
    """Differentiate the unitary evolution that gave a result."""
    lanes, initial = request.lanes, request.initial
    levels, batch, lane = lanes.hamiltonian.dimension, lanes.batch_shape, np.arange(lanes.count)
    ends = _Ends.of(request, parameters)
    changes = functools.partial(slopes.of_hamiltonian, parameters)
    phase = float(np.max(result.phase))
    kernel = VariationKernel(changes, levels, len(parameters), phase=phase)
    line = None
    if request.times is None:
        line = _line_gradient.follow(lanes, ends.changes, request.panel_tolerance)
    evolution, every = _solved(request, kernel, line, None if kernel.few else tried)
    both = np.stack([lanes.start, lanes.stop], axis=1)
    whole, slope = _with_window(every, ends.moved, lambda: -1j * lanes.matrices(both, lane))
    if isinstance(initial, int):
        state, turned = ends.vectors[:, 0, :, initial], ends.slopes[:, 0, :, :, initial]
    else:
        state = np.broadcast_to(initial, (lanes.count, levels))
        turned = np.zeros((lanes.count, len(parameters), levels), dtype=np.complex128)
    # Axes: lanes, times, parameters, read-out state.
    rows, moved_rows = dagger(ends.vectors[:, 1:]), dagger(ends.slopes[:, 1:])
    states = np.einsum("lrij,lj->lri", whole, state)
    moved_states = np.einsum("lrkij,lj->lrki", slope, state)
    moved_states += np.einsum("lrij,lkj->lrki", whole, turned)
    seen = np.einsum("lrai,lri->lra", rows, states)
    changed = np.einsum("lrkai,lri->lrka", moved_rows, states)
    changed += np.einsum("lrai,lrki->lrka", rows, moved_states)
    populations = 2 * (seen.conj()[:, :, None] * changed).real
    amplitudes = rows[:, -1] @ whole[:, -1] @ ends.vectors[:, 0]
    columns = (whole[:, -1] @ ends.vectors[:, 0])[:, None]
    moved = moved_rows[:, -1] @ columns
    moved += rows[:, -1, None] @ slope[:, -1] @ ends.vectors[:, 0, None]
    moved += (rows[:, -1] @ whole[:, -1])[:, None] @ ends.slopes[:, 0]
    transition = 2 * (amplitudes.conj()[:, None] * moved).real
    unknown, error = _error(result.error_estimate, evolution, slope)
    derived = _derivatives(
        result,
        parameters,
        transition_matrix=transition,
        probabilities=populations[:, -1],
        populations=populations[:, :-1].swapaxes(1, 2),
        error_estimate=error,
        propagator=slope[:, -1],
        amplitudes=moved,
    )
    return _Found(derived, whole[:, -1].reshape(*batch, levels, levels), unknown.reshape(batch))


def _open(request: Request, parameters: Sequence[Parameter], result: Propagation) -> _Found:
    """Differentiate the evolution of density matrices that gave a result."""
    assert request.environment is not None
    lanes, initial = request.lanes, request.initial
    levels, batch, lane = lanes.hamiltonian.dimension, lanes.batch_shape, np.arange(lanes.count)
    ends = _Ends.of(request, parameters)
    kernel = open_kernel(lanes, request.environment, parameters)
    evolution, every = _solved(request, kernel)
    both = np.stack([lanes.start, lanes.stop], axis=1)
    whole, slope = _with_window(every, ends.moved, lambda: kernel.generators(lanes, both, lane))
    columns = liouville.hermitian_basis(levels).reshape(levels**2, -1).T
    whole, slope = (columns @ real @ dagger(columns) for real in (whole, slope))
    # Projectors on read-out states as columns (…, N², N), and how they move.
    states_read, changes = _projectors(ends)
    rows, moved_rows = dagger(states_read[:, 1:]), dagger(changes[:, 1:])
    first, moved_first = states_read[:, 0], changes[:, 0]
    if isinstance(initial, int):
        start, moved_start = first[..., initial], moved_first[..., initial]
    else:
        start = np.broadcast_to(density(initial).ravel(), (lanes.count, levels**2))
        moved_start = np.zeros((lanes.count, len(parameters), levels**2), dtype=np.complex128)
    states = np.einsum("lrij,lj->lri", whole, start)
    moved_states = np.einsum("lrkij,lj->lrki", slope, start)
    moved_states += np.einsum("lrij,lkj->lrki", whole, moved_start)
    populations = np.einsum("lrkai,lri->lrka", moved_rows, states)
    populations += np.einsum("lrai,lrki->lrka", rows, moved_states)
    transition = moved_rows[:, -1] @ (whole[:, -1] @ first)[:, None]
    transition += rows[:, -1, None] @ slope[:, -1] @ first[:, None]
    transition += (rows[:, -1] @ whole[:, -1])[:, None] @ moved_first
    unknown, error = _error(result.error_estimate, evolution, slope)
    error += slopes.ROUNDING * np.max(np.abs(slope), axis=(1, -2, -1))
    shape = (lanes.count, -1, levels, levels)
    derived = _derivatives(
        result,
        parameters,
        transition_matrix=transition.real,
        probabilities=populations[:, -1].real,
        populations=populations[:, :-1].swapaxes(1, 2).real,
        error_estimate=error,
        superoperator=slope[:, -1],
        density_matrix=moved_states[:, -1].reshape(shape),
        density_matrices=moved_states[:, :-1]
        .swapaxes(1, 2)
        .reshape(lanes.count, len(parameters), -1, levels, levels),
    )
    return _Found(
        derived, whole[:, -1].reshape(*batch, levels**2, levels**2), unknown.reshape(batch)
    )


def open_kernel(
    lanes: Lanes, environment: Environment, parameters: Sequence[Parameter]
) -> LinearVariationKernel:
    """Return the equation of ρ, in the basis of Hermitian matrices, and its derivatives."""
    equation = OpenEquation(environment.flat(lanes.batch_shape), tuple(parameters))
    levels = lanes.hamiltonian.dimension
    basis = liouville.hermitian_basis(levels)
    return LinearVariationKernel(
        equation.generators,
        equation.slopes,
        levels**2,
        len(parameters),
        conserved=None if environment.decays else np.trace(basis, axis1=1, axis2=2).real,
    )


def _projectors(ends: _Ends) -> tuple[ComplexArray, ComplexArray]:
    """Return projectors on read-out states, row by row, as columns (…, N², N), and their slopes."""

    def outer(one: ComplexArray, other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = np.einsum("...ia,...ja->...ija", one, other.conj())
        return found.reshape(*found.shape[:-3], -1, found.shape[-1])

    vectors = ends.vectors[:, :, None]
    slope = outer(ends.slopes, vectors) + outer(vectors, ends.slopes)
    return outer(ends.vectors, ends.vectors), slope
