"""The adiabatic expansion of any gapped generator, through the projection on its kernel.

Order n is a_n + b_n with a_n in the kernel of L and b_n in its range,

    L b_n = (a_{n−1} + b_{n−1})′,    a_n = ∫ T(t, τ) 𝒫̇ b_n dτ,

in physical time. Y spans the transported kernel and X is dual to it (𝒫 = YX), so that XY′ = 0 and
a_n = Y α_n with α_n′ = X′ b_n. At every node all of them are Taylor series, found from one of L
by algebra alone: no order differentiates the one before it numerically.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail
from anticrossing.analysis._quadrature import (
    gapless,
    kinked,
    panel_times,
    refine_gap,
    resolved_panels,
)
from anticrossing.analysis._taylor import Taylor
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator, nodes_of
from anticrossing.environment import Environment

_KERNEL = 1e-9  # singular values of L below this, relative to the largest, count as zero
_ROUNDING = 1e-14  # of a density matrix
_KINK = 1e-2  # jumps of b_n between panels above this, relative to the largest, are no rounding


@dataclass(frozen=True)
class Expansion:
    """What an expansion gives: every order n at all times wanted (K), the last of which is the end.

    `bounds` are of the trace norm of what is left out after each order, `sizes` the largest norm
    of each along the window.
    """

    kernel: ComplexArray  # a_n, (order + 1, K, N, N)
    range: ComplexArray  # b_n
    start: ComplexArray  # a_n + b_n at the start, (order + 1, N, N)
    sizes: FloatArray
    bounds: FloatArray
    transport: ComplexArray
    kernel_dimension: int
    panels: int
    jumps: FloatArray  # of b_n between panels
    marks: ComplexArray  # a_n + b_n where resolved panels end, (order + 1, panels, N²)

    @property
    def zeroth(self) -> ComplexArray:
        """a_0, the transported state, at the end."""
        return np.asarray(self.kernel[0, -1])

    @property
    def first(self) -> ComplexArray:
        """a_1 + b_1 at the end."""
        return np.asarray(self.kernel[1, -1] + self.range[1, -1])

    def truncated(self, order: int) -> Expansion:
        """Return the orders up to `order`."""
        n = order + 1
        return replace(
            self,
            kernel=self.kernel[:n],
            range=self.range[:n],
            start=self.start[:n],
            sizes=self.sizes[:n],
            bounds=self.bounds[:n],
        )

    def with_lowest(self, other: Expansion) -> Expansion:
        """Return the expansion with the orders of another, at the end, in place of the lowest."""
        kernel, outside, start = self.kernel.copy(), self.range.copy(), self.start.copy()
        n = other.start.shape[0]
        kernel[:n, -1], outside[:n, -1] = other.kernel[:, -1], other.range[:, -1]
        start[:n] = other.start
        return replace(self, kernel=kernel, range=outside, start=start)

    @property
    def start_state(self) -> ComplexArray:
        """All orders at the start."""
        return np.asarray(self.start.sum(axis=0))


def projector(vectors: ComplexArray, level: int) -> ComplexArray:
    return np.outer(vectors[:, level], vectors[:, level].conj())


@dataclass(frozen=True)
class Kernel:
    """The kernel of L at several times: frames, projection and the inverse on the range."""

    right: ComplexArray
    left: ComplexArray
    projection: ComplexArray
    inverse: ComplexArray
    gap: FloatArray

    @classmethod
    def of(cls, matrices: ComplexArray, times: FloatArray, threshold: float = _KERNEL) -> Kernel:
        u, singular, vh = np.linalg.svd(matrices)
        largest = singular.max(axis=-1, keepdims=True)
        dimension = np.sum(singular <= threshold * largest, axis=-1)
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


def expand(
    lanes: Lanes,
    environment: Environment,
    start: int | ComplexArray,
    order: int = 1,
    times: FloatArray | None = None,
    *,
    pieces: int = 2,
    scale: float = 1.0,
    visit: Callable[[float, float, Orders], None] | None = None,
) -> Expansion:
    """Expand for any gapped generator, with the stationary states in kernel coordinates.

    Resolved panels are cut into `pieces`, and Taylor coefficients are found on circles of `scale`
    times the usual radius: two choices give two numbers whose difference is the error. `visit` is
    called with every panel and the orders at its nodes.
    """

    def at(moments: FloatArray) -> ComplexArray:
        return generator(lanes, environment, moments[None])[0]

    def resolved(moments: FloatArray) -> list[npt.NDArray[Any]]:
        matrices = at(moments)
        return [matrices, Kernel.of(matrices, moments).projection]

    edges, points = resolved_panels(lanes, resolved)
    begin, end = float(lanes.start[0]), float(lanes.stop[0])
    wanted = np.array([end]) if times is None else np.append(times, end)
    first = Kernel.of(at(np.array([begin])), np.array([begin]))
    m = first.right.shape[-1]
    # Y spans the transported kernel, X is dual to it: T(t, start) 𝒫(start) = Y(t) X(start).
    transported = first.right[0]
    dual_start = np.linalg.solve(first.left[0] @ transported, first.left[0])
    weights = _kernel_weights(lanes, dual_start, first, start, m)
    memory = np.zeros((order + 2, m), dtype=np.complex128)
    memory[0] = weights
    levels = lanes.hamiltonian.dimension
    found = np.zeros((2, order + 1, wanted.size, levels**2), dtype=np.complex128)
    start_terms: ComplexArray | None = None
    sizes, jumps, moved = np.zeros(order + 1), np.zeros(order + 1), np.zeros(order + 2)
    gaps, moments, marks = [], [], []
    taylor = Taylor(lanes, environment, scale=scale)
    for parent in itertools.pairwise(edges.tolist()):
        cuts = np.linspace(*parent, pieces + 1)
        for a, b in itertools.pairwise(cuts.tolist()):
            half = 0.5 * (b - a)
            local = panel_times(np.array([a]), np.array([b]), points)[0]
            matrices = at(local)
            series, radius = taylor.at(local, matrices, parent, order + 3)
            kernel = Kernel.of(matrices, local)
            if scale == 1:  # once is enough
                gaps.append(kernel.gap)
                moments.append(local)
            path = _transport(kernel, series[:, 1] / radius, transported, half, points)
            orders = Orders.of(kernel, series, path, memory, radius, half, points)
            memory, transported = orders.memory, path[-1]
            norms = trace_norms(orders.kernel + orders.range, levels)
            sizes = np.maximum(sizes, norms[: order + 1].max(axis=-1))
            slopes = trace_norms(orders.slope, levels)
            moved = moved + half * slopes @ points.weights
            if start_terms is None:
                start_terms = orders.kernel[:, 0] + orders.range[:, 0]
                last = orders.range[:, 0]
            jump = np.abs(orders.range[:, 0] - last)[: order + 1].max(axis=-1)
            apart = (jump > _KINK * sizes) & (jump > _ROUNDING)
            if order > 1 and np.any(apart[:3]):  # of higher orders it may be noise
                raise kinked(a)
            jumps = np.maximum(jumps, jump)
            inside = np.flatnonzero((wanted >= a) & (wanted <= b))
            if inside.size:
                rows = _interpolation(points, (wanted[inside] - 0.5 * (a + b)) / half)
                found[0][:, inside] = np.einsum("kn,jnc->jkc", rows, orders.kernel[: order + 1])
                found[1][:, inside] = np.einsum("kn,jnc->jkc", rows, orders.range[: order + 1])
            last = orders.range[:, -1]
            if b == parent[1]:
                marks.append((orders.kernel + orders.range)[: order + 1, -1])
            if visit is not None:
                visit(a, b, orders)
    if gaps:
        check_gap(np.concatenate(gaps), np.concatenate(moments), at, m)
    assert start_terms is not None
    ends = trace_norms(last, levels) + trace_norms(start_terms, levels)
    square = (levels, levels)
    return Expansion(
        kernel=found[0].reshape(*found.shape[1:3], *square),
        range=found[1].reshape(*found.shape[1:3], *square),
        start=start_terms[: order + 1].reshape(-1, *square),
        sizes=sizes,
        bounds=(ends + moved)[1:],
        transport=np.asarray(transported @ dual_start),
        kernel_dimension=m,
        panels=pieces * (edges.size - 1),
        jumps=jumps,
        marks=np.stack(marks, axis=1),
    )


def trace_norms(vectors: ComplexArray, levels: int) -> FloatArray:
    """Return the sums of singular values of stacked matrices (..., N²)."""
    matrices = vectors.reshape(*vectors.shape[:-1], levels, levels)
    return np.asarray(np.linalg.svd(matrices, compute_uv=False).sum(axis=-1))


def _interpolation(points: Grid, place: FloatArray) -> FloatArray:
    """Return the matrix from values at the nodes to values at places in [−1, 1]."""
    order = np.arange(points.size)
    values = np.cos(order * np.arccos(np.clip(place, -1, 1))[:, None])
    return np.asarray(values @ points.to_coefficients)


def _transport(
    kernel: Kernel, slope: ComplexArray, transported: ComplexArray, half: float, points: Grid
) -> ComplexArray:
    """Return the transported kernel at the nodes of a panel, (n, N², m), from the one before it."""
    moving = -(
        kernel.projection @ slope @ kernel.inverse + kernel.inverse @ slope @ kernel.projection
    )
    # In the frame 𝒫(t)K, K fixed, the transported kernel obeys y′ = A y on m coordinates.
    fixed = kernel.right[points.size // 2]
    framed = kernel.projection @ fixed
    overlap = kernel.left @ fixed
    connection = -np.linalg.solve(overlap, kernel.left @ moving @ (fixed - framed))
    coordinates = np.linalg.solve(kernel.left[0] @ fixed, kernel.left[0] @ transported)
    return np.asarray(framed @ _collocate(connection, coordinates, half, points))


@dataclass(frozen=True)
class Orders:
    """All orders at the nodes of a panel, (order + 2, n, N²), one more than is wanted.

    `slope` is the time derivative of the part in the range, `memory` is α_n at the end.
    """

    kernel: ComplexArray
    range: ComplexArray
    slope: ComplexArray
    memory: ComplexArray

    @classmethod
    def of(
        cls,
        kernel: Kernel,
        series: ComplexArray,
        path: ComplexArray,
        memory: ComplexArray,
        radius: float,
        half: float,
        points: Grid,
    ) -> Orders:
        highest = series.shape[1] - 1
        count = highest  # of the orders 0 … highest − 1
        right, left = _dual_series(kernel, series, path)
        shape = (count, points.size, series.shape[-1])
        parts = np.zeros((3, *shape), dtype=np.complex128)
        end = np.empty_like(memory)
        before = np.zeros((points.size, highest + 1, shape[-1]), dtype=np.complex128)
        for n in range(count):
            top = highest - n
            if n == 0:
                inside = np.zeros((points.size, top + 1, shape[-1]), dtype=np.complex128)
                change = np.zeros((points.size, memory.shape[-1]), dtype=np.complex128)
            else:
                inside = _solve(kernel, series, right, left, before, top, radius)
                change = np.einsum("nmc,nc->nm", left[:, 1], inside[:, 0]) / radius
            along = memory[n] + half * points.integral @ change
            end[n] = along[-1]
            alpha = _alphas(left, inside, along, top)
            within = np.stack(
                [_folded(right[:, : j + 1], alpha[:, : j + 1]) for j in range(top + 1)], axis=1
            )
            parts[0, n], parts[1, n] = within[:, 0], inside[:, 0]
            parts[2, n] = inside[:, 1] / radius
            before = within + inside
        return cls(parts[0], parts[1], parts[2], end)


def _dual_series(
    kernel: Kernel, series: ComplexArray, path: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return the Taylor series of Y and X: LY = 0, XL = 0, XY′ = 0, X′Y = 0."""
    n, count, size, _ = series.shape
    m = path.shape[-1]
    dual = np.linalg.solve(kernel.left @ path, kernel.left)
    right = np.zeros((n, count, size, m), dtype=np.complex128)
    left = np.zeros((n, count, m, size), dtype=np.complex128)
    right[:, 0], left[:, 0] = path, dual
    for j in range(1, count):
        outer = (series[:, 1 : j + 1] @ right[:, :j][:, ::-1]).sum(axis=1)
        inner = (left[:, :j][:, ::-1] @ series[:, 1 : j + 1]).sum(axis=1)
        share = (np.arange(1, j) / j)[:, None, None]
        along = (left[:, 1:j] @ (share * right[:, 1:j])[:, ::-1]).sum(axis=1)
        across = ((share * left[:, 1:j]) @ right[:, 1:j][:, ::-1]).sum(axis=1)
        right[:, j] = -kernel.inverse @ outer - path @ along
        left[:, j] = -inner @ kernel.inverse - across @ dual
    return right, left


def _solve(
    kernel: Kernel,
    series: ComplexArray,
    right: ComplexArray,
    left: ComplexArray,
    before: ComplexArray,
    top: int,
    radius: float,
) -> ComplexArray:
    """Return the Taylor series of b: L b is the slope of the order before, and X b = 0."""
    found = np.zeros((series.shape[0], top + 1, series.shape[-1]), dtype=np.complex128)
    for j in range(top + 1):
        source = (j + 1) / radius * before[:, j + 1]
        source = source - _folded(series[:, 1 : j + 1], found[:, :j])
        along = _folded(left[:, 1 : j + 1], found[:, :j])
        found[:, j] = (kernel.inverse @ source[..., None] - right[:, 0] @ along[..., None])[..., 0]
    return found


def _alphas(
    left: ComplexArray, inside: ComplexArray, along: ComplexArray, top: int
) -> ComplexArray:
    """Return the Taylor series of α from its values and α′ = X′ b."""
    alpha = np.zeros((along.shape[0], top + 1, along.shape[-1]), dtype=np.complex128)
    alpha[:, 0] = along
    weighted = np.arange(1, top + 1)[:, None, None] * left[:, 1 : top + 1]
    for j in range(top):
        alpha[:, j + 1] = _folded(weighted[:, : j + 1], inside[:, : j + 1]) / (j + 1)
    return alpha


def _folded(matrices: ComplexArray, vectors: ComplexArray) -> ComplexArray:
    """Return Σ_i M_i v_{j−i}, over the second axes of (n, j, a, b) and (n, j, b)."""
    return np.asarray((matrices @ vectors[:, ::-1, :, None]).sum(axis=1)[..., 0])


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
    lanes: Lanes, dual: ComplexArray, first: Kernel, start: int | ComplexArray, m: int
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


def check_gap(
    gaps: FloatArray, times: FloatArray, at: Callable[[FloatArray], ComplexArray], m: int
) -> None:
    """Raise if the gap above the kernel of dimension `m` closes between the times."""

    def gap(time: float) -> float:
        return float(np.linalg.svd(at(np.array([time]))[0], compute_uv=False)[-m - 1])

    refine_gap(times, gaps, gap)
