"""What the adiabatic expansion leaves out, by the formula of the theorem.

With b the part in the range of L of the first order left out, εⁿ included, it is

    ρ − Σ = b_t − U(t, t′) b_t′ − ∫ U(t, τ) ḃ_τ dτ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, integer
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis._kernel import Orders, expand
from anticrossing.analysis._quadrature import panel_times
from anticrossing.analysis.adiabatic_expansion import HIGHEST_ORDER, initial_state, slowness
from anticrossing.drive import Drive
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.request import check_single_open
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

_TURN = 6.0  # of the fastest element of ρ on one panel, which 21 nodes resolve to rounding
_MOST_PANELS = 8_000  # two levels; the cost of a panel grows like the sixth power of the levels
_CHUNK = 16
_EXACT = 1e-13


@dataclass(frozen=True, eq=False)
class AdiabaticRemainder(Result):
    """What the expansion leaves out at the end of the window (see `adiabatic_remainder`).

    Attributes
    ----------
    order : int
        k, the last order of the expansion.
    epsilon : float
        ε of the slow time: |rate| for a linear drive, else 1/duration.
    end : array, shape (N, N)
        ε^{k+1} b at the end.
    start : array, shape (N, N)
        −U ε^{k+1} b of the start.
    memory : array, shape (N, N)
        −ε^{k+1} ∫ U(t, τ) ḃ_τ dτ.
    direct : array, shape (N, N)
        The exact state less the expansion, which cancels down to 1e-13 or so.
    bound : float
        Bound of its trace norm, from that of b alone.
    panels : int
        Panels of the integral.
    """

    order: int
    epsilon: float
    end: ComplexArray
    start: ComplexArray
    memory: ComplexArray
    direct: ComplexArray
    bound: float
    panels: int

    _variables: ClassVar[Mapping[str, Shown]] = {
        "epsilon": shown(text="slowness ε"),
        "trace_norm": shown(text="trace norm of what is left out"),
        "bound": shown(text="bound of that norm"),
        "remainder": shown("row", "column", text="what is left out"),
        "diagonal": shown("state", text="its diagonal in the basis H is written in"),
        "end": shown("row", "column", text="its part from the end"),
        "start": shown("row", "column", text="its part from the start"),
        "memory": shown("row", "column", text="its part from between"),
        "direct": shown("row", "column", text="exact state less the expansion"),
        "panels": shown(text="panels of the integral"),
    }

    @property
    def remainder(self) -> ComplexArray:
        """ε^{k+1} r, the sum of the three parts."""
        return np.asarray(self.end + self.start + self.memory)

    @property
    def diagonal(self) -> FloatArray:
        """The diagonal of `remainder`, which is real."""
        return np.asarray(np.diagonal(self.remainder).real)

    @property
    def coefficient(self) -> ComplexArray:
        """The matrix r of the theorem."""
        return np.asarray(self.remainder / self.epsilon ** (self.order + 1.0))

    @property
    def trace_norm(self) -> float:
        """The trace norm of `remainder`."""
        return float(np.linalg.svd(self.remainder, compute_uv=False).sum())

    def _attributes(self) -> dict[str, Any]:
        return {"order": self.order}


def adiabatic_remainder(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    initial: int | npt.ArrayLike = 0,
    order: int = 1,
) -> AdiabaticRemainder:
    """Return what the adiabatic expansion of some order leaves out, to full relative accuracy.

    ``ε^{k+1} r = b_t − U(t, t′) b_t′ − ∫ U(t, τ) ḃ_τ dτ``, ``b = L⁻¹ d/dt (a_k + b_k)``

    The exact solution is the one that starts in ``P + Σ εⁿ b_n``, as for `adiabatic_expansion`.

    Parameters
    ----------
    hamiltonian, drive, environment
        A single parameter point each.
    initial : int or array, shape (N, N)
        The initial level, or a density matrix that is stationary at the start.
    order : int
        k, from 1 to 19.

    Returns
    -------
    AdiabaticRemainder

    Raises
    ------
    InputError
        As by `adiabatic_expansion`; or if the drive is so slow that the integral over the
        oscillating U is not worth its cost: the bound then tells nearly as much.
    ConvergenceError
        If the generator is not smooth at a time that is not a breakpoint.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equations (2.15) and (2.16).

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-2, 2, rate=0.05)
    >>> rest = adiabatic_remainder(ac.models.LandauZener(gap=1.0), sweep, ac.Dephasing(0.3))
    >>> print(f"{rest.trace_norm:.3e} {abs(rest.remainder - rest.direct).max() < 1e-12}")
    1.581e-04 True
    """
    hamiltonian, drive = check_single_open(hamiltonian, drive, environment)
    k = integer("order", order, minimum=1, maximum=HIGHEST_ORDER - 1)
    state = initial_state(hamiltonian.dimension, initial)
    lanes = Lanes.of(hamiltonian, drive)
    levels = hamiltonian.dimension
    found: list[tuple[float, float, Orders]] = []
    expansion = expand(
        lanes, environment, state, k, visit=lambda a, b, orders: found.append((a, b, orders))
    )
    memory, panels = _memory(lanes, environment, found)
    map_ = propagate(hamiltonian, drive, environment=environment, tolerance=_EXACT).superoperator
    assert map_ is not None
    partial = (expansion.kernel + expansion.range)[:, -1].sum(axis=0)
    exact = map_ @ expansion.start.sum(axis=0).ravel()
    square = (levels, levels)
    return AdiabaticRemainder(
        order=k,
        epsilon=slowness(drive),
        end=found[-1][2].range[k + 1, -1].reshape(square),
        start=-(map_ @ found[0][2].range[k + 1, 0]).reshape(square),
        memory=-memory.reshape(square),
        direct=exact.reshape(square) - partial,
        bound=float(expansion.bounds[k]),
        panels=panels,
    )


def _memory(
    lanes: Lanes, environment: Environment, found: list[tuple[float, float, Orders]]
) -> tuple[ComplexArray, int]:
    """Return ∫ U(t, τ) ḃ_τ dτ: y at the end, where y′ = L y + ḃ and y = 0 at the start."""
    points = grid(21)
    most = max(int(_MOST_PANELS * (2 / lanes.hamiltonian.dimension) ** 6), 200)
    cuts: list[FloatArray] = []
    for a, b, _ in found:
        times = panel_times(np.array([a]), np.array([b]), points)
        size = np.linalg.norm(generator(lanes, environment, times)[0], 2, axis=(-2, -1)).max()
        cuts.append(np.linspace(a, b, int(np.ceil(float(size) * (b - a) / _TURN)) + 2))
    panels = sum(cut.size - 1 for cut in cuts)
    if panels > most:
        raise fail(
            "drive",
            f"be so fast or short that {most} panels resolve every oscillation",
            f"it needs {panels}; see `remainder_bounds` of `adiabatic_expansion`",
        )
    total = np.zeros(found[0][2].slope.shape[-1], dtype=np.complex128)
    for (a, b, orders), cut in zip(found, cuts, strict=True):
        slopes = orders.slope[-1]
        for first in range(0, cut.size - 1, _CHUNK):
            edges = cut[first : first + _CHUNK + 1]
            times = panel_times(edges[:-1], edges[1:], points)
            place = np.clip((times - 0.5 * (a + b)) / (0.5 * (b - a)), -1, 1)
            values = np.cos(np.arange(points.size) * np.arccos(place)[..., None])
            source = values @ (points.to_coefficients @ slopes)
            half = 0.5 * np.diff(edges)
            total = _steps(_generators(lanes, environment, times), source, half, total)
    return total, panels


def _generators(lanes: Lanes, environment: Environment, times: FloatArray) -> ComplexArray:
    """Return the generator at times (p, n): (p, n, N², N²)."""
    flat = generator(lanes, environment, times.reshape(1, -1))[0]
    return np.asarray(flat.reshape(*times.shape, *flat.shape[-2:]))


def _steps(
    matrices: ComplexArray, source: ComplexArray, half: FloatArray, total: ComplexArray
) -> ComplexArray:
    """Carry y over panels: collocation of y′ = L y + f, all panels at once, then one by one."""
    panels, n, size = source.shape
    points = grid(n)
    system = -np.einsum("p,kl,plij->pkilj", half, points.integral, matrices)
    system = system.reshape(panels, n * size, n * size) + np.eye(n * size)
    right = np.zeros((panels, n, size, size + 1), dtype=np.complex128)
    right[..., :size] = np.eye(size)
    right[..., size] = np.einsum("p,kl,pli->pki", half, points.integral, source)
    ends = np.linalg.solve(system, right.reshape(panels, n * size, size + 1))[:, -size:]
    for end in ends:
        total = end[:, :size] @ total + end[:, size]
    return np.asarray(total)
