"""Parallel transport of the stationary states of a driven open system."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    check_flag,
    fail,
    real_number,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis._kernel import Kernel, check_gap
from anticrossing.analysis._quadrature import panel_times, resolved_panels
from anticrossing.analysis._taylor import Taylor
from anticrossing.drive import Drive
from anticrossing.dynamics.chebyshev import Grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator
from anticrossing.dynamics.request import check_single_open
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

_MOST_ROUNDS = 200


@dataclass(frozen=True, eq=False)
class ParallelTransport(Result):
    """The parallel transport T(s, s′) of stationary states (see `parallel_transport`).

    Attributes
    ----------
    start, stop : float
        The times s′ and s.
    matrix : array, shape (N², N²)
        T(s, s′), for ρ stacked row by row.
    start_projection, stop_projection : array, shape (N², N²)
        𝒫 at both times, on the kernel of L along its range; for the dual transport 𝒫*.
    kernel_dimension : int
        The number of stationary states.
    is_dual : bool
        Whether it is the transport of 𝒫*.
    error_estimate : float
        The largest difference from a computation with other panels.
    panels : int
        Panels between the two times.
    """

    start: float
    stop: float
    matrix: ComplexArray
    start_projection: ComplexArray
    stop_projection: ComplexArray
    kernel_dimension: int
    is_dual: bool
    error_estimate: float
    panels: int

    _variables: ClassVar[Mapping[str, Shown]] = {
        "start": shown(text="time s′ from which states are carried", unit="time"),
        "stop": shown(text="time s to which they are carried", unit="time"),
        "kernel_dimension": shown(text="number of stationary states"),
        "is_dual": shown(text="whether the dual projection is carried"),
        "intertwining_error": shown(text="largest element of T𝒫′ − 𝒫T"),
        "error_estimate": shown(text="numerical error"),
        "panels": shown(text="panels"),
        "choi_eigenvalues": shown("eigenvalue", text="Choi eigenvalues on stationary states"),
        "matrix": shown("row_squared", "column_squared", text="T(s, s′), stacked by rows"),
        "stationary": shown("row_squared", "column_squared", text="T(s, s′) on stationary states"),
        "start_projection": shown("row_squared", "column_squared", text="projection 𝒫 at s′"),
        "stop_projection": shown("row_squared", "column_squared", text="projection 𝒫 at s"),
    }

    @property
    def stationary(self) -> ComplexArray:
        """T(s, s′)𝒫(s′), completely positive and trace preserving unless it is the dual."""
        return np.asarray(self.matrix @ self.start_projection)

    @property
    def dual(self) -> ComplexArray:
        """T(s, s′)*, the dual map, which is the transport of 𝒫* from s to s′."""
        return np.asarray(dagger(self.matrix))

    @property
    def intertwining_error(self) -> float:
        """How far ``T(s, s′)𝒫(s′) = 𝒫(s)T(s, s′)`` is from true: the largest element."""
        return float(np.abs(self.stationary - self.stop_projection @ self.matrix).max())

    @property
    def choi_eigenvalues(self) -> FloatArray:
        """Eigenvalues of the Choi matrix of `stationary`: none is negative."""
        levels = int(np.sqrt(self.matrix.shape[0]))
        choi = self.stationary.reshape(4 * (levels,)).transpose(0, 2, 1, 3)
        flat = choi.reshape(self.matrix.shape)
        return np.linalg.eigvalsh(0.5 * (flat + dagger(flat)))

    def apply(self, state: npt.ArrayLike) -> ComplexArray:
        """Return T(s, s′) of a matrix (N, N).

        Raises
        ------
        InputError
            If the shape does not fit.
        """
        array = np.asarray(state, dtype=np.complex128)
        levels = int(np.sqrt(self.matrix.shape[0]))
        if array.shape != (levels, levels):
            raise fail("state", f"have shape {(levels, levels)}", f"its shape is {array.shape}")
        return np.asarray((self.matrix @ array.ravel()).reshape(levels, levels))

    def _attributes(self) -> dict[str, Any]:
        return {"carried": "dual projection" if self.is_dual else "stationary states"}


def parallel_transport(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    start: float | None = None,
    stop: float | None = None,
    dual: bool = False,
) -> ParallelTransport:
    """Return the parallel transport of the stationary states between two times of a drive.

    ``∂T(s, s′)/∂s = [𝒫̇_s, 𝒫_s] T(s, s′)``, ``T(s′, s′) = 1``

    It carries the kernel of L at s′ to the kernel at s, ``T𝒫′ = 𝒫T``, keeps trace norms there, and
    depends on the path of x, not on the speed. Any environment with a gap, any number of levels.

    Parameters
    ----------
    hamiltonian, drive, environment
        A single parameter point each.
    start, stop : float, optional
        s′ and s, two times of the window in either order; by default its ends.
    dual : bool
        Carry the dual projection 𝒫* instead: ``T*(s, s′)``, which is the dual of ``T(s′, s)``.

    Returns
    -------
    ParallelTransport

    Raises
    ------
    InputError
        For arguments that cannot be used, or a generator whose zero eigenvalue is not isolated.
    ConvergenceError
        If the generator is not smooth at a time that is not a breakpoint.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equations (2.9), (2.10) and (2.12),
    Proposition 1.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-9, 9, rate=0.1)
    >>> moved = parallel_transport(H, sweep, ac.Dephasing(0.3))
    >>> ground = np.outer(*2 * [np.linalg.eigh(H(-9.0))[1][:, 0]])
    >>> lowest = np.linalg.eigh(H(9.0))[1][:, 0]
    >>> round(float((lowest @ moved.apply(ground) @ lowest).real), 12)
    1.0
    """
    hamiltonian, drive = check_single_open(hamiltonian, drive, environment)
    is_dual = check_flag("dual", dual)
    lanes = Lanes.of(hamiltonian, drive)
    begin = float(lanes.start[0]) if start is None else real_number("start", start)
    end = float(lanes.stop[0]) if stop is None else real_number("stop", stop)
    for name, time in (("start", begin), ("stop", end)):
        if not lanes.start[0] <= time <= lanes.stop[0]:
            must = f"lie in the window [{lanes.start[0]:.6g}, {lanes.stop[0]:.6g}]"
            raise fail(name, must, f"it is {time:.6g}")
    both = np.array([begin, end])
    ends = Kernel.of(generator(lanes, environment, both[None])[0], both)
    projections = dagger(ends.projection) if is_dual else ends.projection
    size = hamiltonian.dimension**2
    matrix, panels, error = np.eye(size, dtype=np.complex128), 0, 0.0
    if begin != end:
        part = replace(lanes, start=both.min(keepdims=True), stop=both.max(keepdims=True))
        backward = end < begin
        matrix, panels = _carried(part, environment, is_dual, backward, 1, ends)
        other, _ = _carried(part, environment, is_dual, backward, 2, ends)
        error = float(np.abs(matrix - other).max())
    return ParallelTransport(
        start=begin,
        stop=end,
        matrix=matrix,
        start_projection=projections[0],
        stop_projection=projections[1],
        kernel_dimension=ends.right.shape[-1],
        is_dual=is_dual,
        error_estimate=error,
        panels=panels,
    )


def _carried(
    lanes: Lanes, environment: Environment, dual: bool, backward: bool, pieces: int, ends: Kernel
) -> tuple[ComplexArray, int]:
    """Return the transport over the whole window, forward or backward, and the panels it took."""

    def at(moments: FloatArray) -> ComplexArray:
        return generator(lanes, environment, moments[None])[0]

    def resolved(moments: FloatArray) -> list[npt.NDArray[Any]]:
        matrices = at(moments)
        return [matrices, Kernel.of(matrices, moments).projection]

    edges, points = resolved_panels(lanes, resolved)
    taylor = Taylor(lanes, environment, scale=1.0 if pieces == 1 else 0.7)
    total = np.eye(lanes.hamiltonian.dimension**2, dtype=np.complex128)
    gaps, moments = [], []
    for parent in itertools.pairwise(edges.tolist()):
        for a, b in itertools.pairwise(np.linspace(*parent, pieces + 1).tolist()):
            times = panel_times(np.array([a]), np.array([b]), points)[0]
            matrices = at(times)
            series, radius = taylor.at(times, matrices, parent, 2)
            kernel = Kernel.of(matrices, times)
            gaps.append(kernel.gap)
            moments.append(times)
            slope = series[:, 1] / radius
            # [𝒫̇, 𝒫] with 𝒫̇ = −(𝒫 L̇ L⁻¹ + L⁻¹ L̇ 𝒫).
            turn = kernel.projection @ slope @ kernel.inverse
            turn = turn - kernel.inverse @ slope @ kernel.projection
            turn = -dagger(turn) if dual else turn
            step = _step(turn, 0.5 * (b - a), points)
            total = total @ np.linalg.inv(step) if backward else step @ total
    if pieces == 1:
        check_gap(np.concatenate(gaps), np.concatenate(moments), at, ends.right.shape[-1])
    return total, pieces * (edges.size - 1)


def _step(turn: ComplexArray, half: float, points: Grid) -> ComplexArray:
    """Solve T′ = G T over a panel by Picard's iteration, which converges like the exponential."""
    one = np.eye(turn.shape[-1])
    path = np.broadcast_to(one, turn.shape).astype(np.complex128)
    for _ in range(_MOST_ROUNDS):
        change = turn @ path
        new = one + half * np.tensordot(points.integral, change, axes=1)
        done = np.abs(new - path).max() <= 2e-15 * np.abs(new).max()
        path = new
        if done:
            return np.asarray(path[-1])
    raise ConvergenceError("The stationary states turn too far on one panel.")
