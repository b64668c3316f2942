"""The adiabatic expansion of any gapped generator, through the projection on its kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail
from anticrossing.analysis._quadrature import gapless, panel_times, refine_gap, resolved_panels
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator, nodes_of
from anticrossing.environment import Environment

_KERNEL = 1e-9  # singular values of L below this, relative to the largest, count as zero


@dataclass(frozen=True)
class Expansion:
    zeroth: ComplexArray
    first: ComplexArray
    start_state: ComplexArray
    transport: ComplexArray
    kernel_dimension: int
    panels: int


def projector(vectors: ComplexArray, level: int) -> ComplexArray:
    return np.outer(vectors[:, level], vectors[:, level].conj())


@dataclass(frozen=True)
class _Kernel:
    """The kernel of L at several times: frames, projection and the inverse on the range."""

    right: ComplexArray
    left: ComplexArray
    projection: ComplexArray
    inverse: ComplexArray
    gap: FloatArray

    @classmethod
    def of(cls, matrices: ComplexArray, times: FloatArray) -> _Kernel:
        u, singular, vh = np.linalg.svd(matrices)
        largest = singular.max(axis=-1, keepdims=True)
        dimension = np.sum(singular <= _KERNEL * largest, axis=-1)
        if dimension.min() != dimension.max():
            raise gapless(float(times[np.argmax(dimension)]))
        m = int(dimension[0])
        right = vh[..., -m:, :].conj().swapaxes(-1, -2)
        left = u[..., -m:].conj().swapaxes(-1, -2)
        overlap = left @ right
        # A Lindblad generator has no Jordan block at zero: small overlaps mean a closing gap.
        if np.any(np.linalg.svd(overlap, compute_uv=False)[..., -1] < 1e-7):
            raise gapless(float(times[0]))
        projection = right @ np.linalg.solve(overlap, left)
        shift = largest[..., None]
        inverse = np.linalg.inv(matrices + shift * projection) - projection / shift
        return cls(right, left, projection, inverse, singular[..., -m - 1])


def expand(lanes: Lanes, environment: Environment, start: int | ComplexArray) -> Expansion:
    """Expand for any gapped generator, with the stationary states in kernel coordinates."""

    def at(times: FloatArray) -> ComplexArray:
        return generator(lanes, environment, times[None])[0]

    def resolved(times: FloatArray) -> list[npt.NDArray[Any]]:
        matrices = at(times)
        return [matrices, _Kernel.of(matrices, times).projection]

    edges, points = resolved_panels(lanes, resolved)
    left, right = edges[:-1], edges[1:]
    size = lanes.hamiltonian.dimension**2
    begin = float(lanes.start[0])
    first = _Kernel.of(at(np.array([begin])), np.array([begin]))
    m = first.right.shape[-1]
    # Y spans the transported kernel, X is dual to it: T(t, start) 𝒫(start) = Y(t) X(start).
    transported = first.right[0]
    dual_start = np.linalg.solve(first.left[0] @ transported, first.left[0])
    memory = np.zeros((m, m), dtype=np.complex128)
    start_slope: ComplexArray | None = None
    last: tuple[ComplexArray, ComplexArray] | None = None
    gaps = []
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        half = 0.5 * (b - a)
        times = panel_times(np.array([a]), np.array([b]), points)[0]
        matrices = at(times)
        kernel = _Kernel.of(matrices, times)
        gaps.append(kernel.gap)
        slope = (points.derivative @ matrices.reshape(points.size, -1)).reshape(matrices.shape)
        slope = slope / half
        moving = -(
            kernel.projection @ slope @ kernel.inverse + kernel.inverse @ slope @ kernel.projection
        )
        # In the frame 𝒫(t)K, K fixed, the transported kernel obeys y′ = A y on m coordinates.
        fixed = kernel.right[points.size // 2]
        framed = kernel.projection @ fixed
        overlap = kernel.left @ fixed
        outside = fixed - framed
        connection = -np.linalg.solve(overlap, kernel.left @ moving @ outside)
        coordinates = np.linalg.solve(kernel.left[0] @ fixed, kernel.left[0] @ transported)
        coordinates = _collocate(connection, coordinates, half, points)
        path = framed @ coordinates
        dual = np.linalg.solve(kernel.left @ path, kernel.left)
        inverse_slope = kernel.inverse @ moving @ path
        flow = dual @ moving @ inverse_slope
        memory = memory + half * np.einsum("n,nij->ij", points.weights, flow)
        transported = path[-1]
        if start_slope is None:
            start_slope = inverse_slope[0]
        last = (path[-1], inverse_slope[-1])
    _check_gap(np.concatenate(gaps), panel_times(left, right, points).ravel(), at, m)
    assert last is not None
    assert start_slope is not None
    weights = _kernel_weights(lanes, dual_start, first, start, m)

    def square(vector: ComplexArray) -> ComplexArray:
        return np.asarray(vector.reshape(lanes.hamiltonian.dimension, -1))

    return Expansion(
        zeroth=square(last[0] @ weights),
        first=square(last[1] @ weights + last[0] @ (memory @ weights)),
        start_state=square(first.right[0] @ weights + start_slope @ weights),
        transport=np.asarray((last[0] @ dual_start).reshape(size, size)),
        kernel_dimension=m,
        panels=left.size,
    )


def _collocate(
    connection: ComplexArray, initial: ComplexArray, half: float, points: Grid
) -> ComplexArray:
    """Solve y′ = A y on a panel: y at all nodes, shape (n, m, m), from y at the first."""
    n, m = points.size, connection.shape[-1]
    system = np.eye(n * m, dtype=np.complex128).reshape(n, m, n, m)
    system -= half * np.einsum("kl,lij->kilj", points.integral, connection)
    right = np.broadcast_to(initial, (n, m, m)).reshape(n * m, m)
    return np.asarray(np.linalg.solve(system.reshape(n * m, n * m), right).reshape(n, m, m))


def _kernel_weights(
    lanes: Lanes, dual: ComplexArray, first: _Kernel, start: int | ComplexArray, m: int
) -> ComplexArray:
    _, nodes = nodes_of(lanes, lanes.start[:, None], np.zeros(1, dtype=np.intp))
    state = start if not isinstance(start, int) else projector(nodes.vectors[0, 0], start)
    vector = state.ravel()
    if m > 1 and np.max(np.abs(first.projection[0] @ vector - vector)) > 1e-7:
        raise fail(
            "initial",
            "be stationary at the start: a combination of the "
            f"{m} stationary states of this environment",
            "it is not",
        )
    return np.asarray(dual @ vector)


def _check_gap(
    gaps: FloatArray, times: FloatArray, at: Callable[[FloatArray], ComplexArray], m: int
) -> None:
    def gap(time: float) -> float:
        return float(np.linalg.svd(at(np.array([time]))[0], compute_uv=False)[-m - 1])

    refine_gap(times, gaps, gap)
