"""Derivatives of the exact unitary evolution with respect to parameters of H and of the drive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.drive import Clock, FormulaDrive
from anticrossing.dynamics import panels
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Derivative, Propagation
from anticrossing.dynamics.variation import VariationKernel
from anticrossing.hamiltonian import FunctionHamiltonian

_NO_DISTANCE = 1e-12  # of the largest energy


def check(request: Request, names: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of parameters to differentiate by, or raise `InputError`."""
    lanes = request.lanes
    for name, wrong, instead in (
        ("environment", request.environment is not None, "there is one"),
        ("basis", request.basis == "superadiabatic", "it is 'superadiabatic'"),
        ("times", request.times is not None, "some were given"),
        ("whole", not request.whole, "it is False"),
    ):
        if wrong:
            must = "be 'adiabatic' or 'diabatic'" if name == "basis" else "be left out"
            raise fail(name, f"{must} where a gradient is wanted", instead)
    if isinstance(names, str):
        names = [names]
    if not names:
        raise fail("gradient", "name at least one parameter", "it is empty")
    if isinstance(lanes.hamiltonian, FunctionHamiltonian):
        raise fail(
            "gradient",
            "be asked for a Hamiltonian given by formulas",
            "H is a Python function, whose derivatives are not known",
        )
    known = [*lanes.h_parameters, *_driven(lanes)]
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise fail(
                "gradient", f"name parameters of H or the drive ({listed})", f"{name!r} is none"
            )
        if known.count(name) > 1:
            raise fail("gradient", "name one parameter each", f"H and the drive both have {name!r}")
    if len(set(names)) < len(names):
        raise fail("gradient", "name every parameter once", f"it is {names}")
    return tuple(names)


def added(result: Propagation, request: Request, names: Sequence[str]) -> Propagation:
    """Return the result with its derivatives."""
    with one_thread:
        found, propagator, error = _derivatives(request, names)
    assert result.propagator is not None
    assert result.phase_error is not None
    # Two routes to one propagator.
    apart = np.max(np.abs(propagator - result.propagator), axis=(-2, -1))
    doubt = np.any(apart > 10 * (error + result.error_estimate + 2 * result.phase_error))
    warnings = result.warnings
    if doubt:
        warnings += (f"the gradient belongs to a propagator that differs by {np.max(apart):.1e}",)
    return replace(result, gradients=found, warnings=warnings)


def _derivatives(
    request: Request, names: Sequence[str]
) -> tuple[dict[str, Derivative], ComplexArray, FloatArray]:
    """Return the derivatives of a checked request, its propagator, and how well that is known."""
    lanes, basis = request.lanes, request.basis
    levels, batch = lanes.hamiltonian.dimension, lanes.batch_shape

    def slopes(lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        return np.stack([_slope(lanes, times, lane, name) for name in names], axis=2)

    kernel = VariationKernel(slopes, levels, len(names))
    evolution = panels.solve(
        lanes, kernel, tolerance=request.panel_tolerance, breakpoints=request.breakpoints
    )
    propagator, derivatives = kernel.apart(evolution.propagator)
    ends = np.stack([lanes.start, lanes.stop], axis=1)
    every = np.arange(lanes.count)
    at_ends = slopes(lanes, ends, every)  # (lanes, 2, K, N, N)
    first, last = (_frame(lanes, at_ends[:, k], k, basis) for k in (0, 1))
    amplitudes = dagger(last.vectors) @ propagator @ first.vectors
    moved = (
        dagger(last.slopes) @ (propagator @ first.vectors)[:, None]
        + dagger(last.vectors)[:, None] @ derivatives @ first.vectors[:, None]
        + (dagger(last.vectors) @ propagator)[:, None] @ first.slopes
    )
    transition = 2 * (amplitudes.conj()[:, None] * moved).real
    if isinstance(request.initial, int):
        probabilities = transition[..., request.initial]
    else:
        final = dagger(last.vectors) @ propagator @ request.initial
        change = dagger(last.slopes) @ (propagator @ request.initial)[:, None, :, None]
        change = change[..., 0] + (dagger(last.vectors)[:, None] @ derivatives @ request.initial)
        probabilities = 2 * (final.conj()[:, None] * change).real
    # What U misses on a panel is carried on by ∂U, and turns against it by the rounding of phases.
    size = np.max(np.sum(np.abs(derivatives), axis=-1), axis=-1)
    unknown = evolution.error + panels.ROUNDING * evolution.phase
    error = 2 * unknown[:, None] * (1 + size)
    derived = {
        name: Derivative(
            transition[:, k].reshape(*batch, levels, levels),
            probabilities[:, k].reshape(*batch, levels),
            derivatives[:, k].reshape(*batch, levels, levels),
            error[:, k].reshape(batch),
            name,
        )
        for k, name in enumerate(names)
    }
    return derived, propagator.reshape(*batch, levels, levels), unknown.reshape(batch)


def _driven(lanes: Lanes) -> tuple[str, ...]:
    """Return the parameters of the drive that can be differentiated by."""
    drive = lanes.drive
    differentiable = isinstance(drive, FormulaDrive) and not isinstance(drive, Clock)
    return tuple(lanes.d_parameters) if differentiable else ()


def _slope(
    lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp], name: str
) -> npt.NDArray[Any]:
    """Return ∂H/∂p at fixed times in radians per time, (P, n, N, N)."""
    x = lanes.positions(times, lane)
    of_h = {key: value[lane][:, None] for key, value in lanes.h_parameters.items()}
    angular = lanes.hamiltonian.units.angular
    if name in lanes.h_parameters:
        return angular * lanes.hamiltonian.evaluate_parameter_derivative(x, of_h, name)
    drive = lanes.drive
    assert isinstance(drive, FormulaDrive)
    of_drive = {key: value[lane][:, None] for key, value in lanes.d_parameters.items()}
    moved = drive.evaluate_parameter_derivative(times, of_drive, name)
    return angular * moved[..., None, None] * lanes.hamiltonian.evaluate_derivative(x, of_h)


@dataclass(frozen=True)
class _Frame:
    """Read-out states at one end, (lanes, N, N), and how they move, (lanes, K, N, N)."""

    vectors: ComplexArray
    slopes: ComplexArray


def _frame(lanes: Lanes, slopes: npt.NDArray[Any], end: int, basis: str) -> _Frame:
    """Return the read-out states at the start (0) or the stop (1)."""
    levels, count = lanes.hamiltonian.dimension, slopes.shape[1]
    if basis == "diabatic":
        vectors = np.broadcast_to(
            np.eye(levels, dtype=np.complex128), (lanes.count, levels, levels)
        )
        return _Frame(vectors, np.zeros((lanes.count, count, levels, levels), dtype=np.complex128))
    energies = lanes.ends.energies[:, end]
    vectors = lanes.ends.vectors[:, end].astype(np.complex128)
    inside = dagger(vectors)[:, None] @ slopes @ vectors[:, None]
    apart = energies[:, None, :] - energies[:, :, None]
    same = np.eye(levels, dtype=np.bool_)
    largest = np.max(np.abs(energies), axis=-1)[:, None, None]
    if np.any((np.abs(apart) <= _NO_DISTANCE * largest) & ~same):
        raise InputError(
            "Levels are degenerate at an end of the window: adiabatic probabilities have no "
            "derivative there. Use basis='diabatic' or another window."
        )
    mixing = np.where(same, 0.0, inside / np.where(same, 1.0, apart)[:, None])
    return _Frame(vectors, vectors[:, None] @ mixing)
