"""Local adiabatic schedules: as fast as the gap allows at every point of the path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    InputError,
    choice,
    fail,
    integer,
    level as check_level,
    positive_number,
    real_array,
    real_number,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.control._sectors import CLOSED, Block, block_along, check_single, closed_gap
from anticrossing.drive import Drive
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.hamiltonian.sparse import SparseHamiltonian
from anticrossing.spectrum._lanczos import lowest_levels

NUMERATORS = ("matrix_element", "norm")
_NODES = 21
_RESOLVED = 1e-9  # Lanczos vectors carry no more than that into 1/gap⁴
_UNCOUPLED = 1e-9  # of ‖∂H|0⟩‖, a matrix element that is rounding
_WARM = 1e-3  # of a random vector beside the states found before, so that no sector is lost
_FIRST_PANELS = 8
_MOST_PANELS = 20_000
_RESOLVED = 1e-12
_ROUNDING = 32 * np.finfo(np.float64).eps  # of the levels, on which the gaps depend
_VARIES = 4.0  # by how much the speed may change over a panel
_NEWTON = 12
_FARTHEST = 1e300


class LocalAdiabatic(Drive):
    """A schedule x(t) of `local_adiabatic_schedule`, smooth, with the window [0, duration].

    Attributes
    ----------
    adiabaticity : float
        ε, the constant ratio of the rate of change to the squared gap.
    duration : float
        The run time.
    """

    def __init__(
        self,
        edges: FloatArray,
        coefficients: FloatArray,
        ends: tuple[float, float],
        adiabaticity: float,
    ) -> None:
        self.name = "LocalAdiabatic"
        self.parameters = {}
        self.adiabaticity = adiabaticity
        self._edges = real_array("edges", edges, ndim=1) / adiabaticity
        self._coefficients = real_array("coefficients", coefficients, ndim=2)
        self._slopes = chebyshev.chebder(self._coefficients, axis=1)
        self._ends = ends
        self.start_time = np.asarray(0.0)
        self.stop_time = np.asarray(self._edges[-1])

    @property
    def duration(self) -> float:
        """The run time."""
        return float(self.stop_time)

    @property
    def breakpoints(self) -> FloatArray:
        return np.empty(0)

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        panel, u, _ = self._locate(t)
        value = chebyshev.chebval(u, np.moveaxis(self._coefficients[panel], -1, 0), tensor=False)
        value = np.where(t == self._edges[0], self._ends[0], value)
        return np.asarray(np.where(t == self._edges[-1], self._ends[1], value))

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        panel, u, half = self._locate(t)
        slope = chebyshev.chebval(u, np.moveaxis(self._slopes[panel], -1, 0), tensor=False)
        return np.asarray(slope / half)

    def __repr__(self) -> str:
        return f"LocalAdiabatic(adiabaticity={self.adiabaticity:.6g}, duration={self.duration:.6g})"

    def _locate(self, t: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        if np.iscomplexobj(t):
            raise InputError("A local adiabatic schedule has no continuation to complex times.")
        last = self._edges.size - 2
        panel = np.clip(np.searchsorted(self._edges, t, side="right") - 1, 0, last)
        half = 0.5 * (self._edges[panel + 1] - self._edges[panel])
        return panel, (t - self._edges[panel]) / half - 1, half


def local_adiabatic_schedule(
    hamiltonian: Hamiltonian,
    start: float,
    stop: float,
    *,
    adiabaticity: float | None = None,
    error: float | None = None,
    duration: float | None = None,
    level: int = 0,
    numerator: str = "matrix_element",
    levels: int | None = None,
) -> LocalAdiabatic:
    """Return the sweep whose adiabatic condition holds equally well at every moment.

    ``|dx/dt| = ε [Σ_n |⟨n|∂_x H|0⟩|² / (E_n − E_0)⁴]^{−1/2}``; for two levels
    ``ε gap² / |⟨1|∂_x H|0⟩|``. Two levels then jump with the probability
    ``4ε²/(1 + 4ε²) · sin²(½√(1 + 4ε²) ∫gap dt)`` exactly.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with one coordinate and single parameter values.
    start, stop : float
        First and last position, in either order.
    adiabaticity, error, duration : float
        Exactly one of: ε itself; the largest jump probability of two levels, 4ε²/(1 + 4ε²), which
        sets ε; the run time, which sets it too. Of several levels `error` is an estimate.
    level : int
        The level to be followed, counted at `start`; only the levels of its symmetry sector matter.
    numerator : {"matrix_element", "norm"}
        ``"norm"`` replaces every matrix element by half the spread of the eigenvalues of ∂_x H,
        which is never smaller: a slower schedule that needs no eigenvectors, due to Roland and
        Cerf for the search problem. `error`, which would only be bounded, cannot be given then.

    Returns
    -------
    LocalAdiabatic
        A drive on the time window [0, duration].

    Raises
    ------
    InputError
        Unless exactly one of the three is given; for a level that is coupled to no other, or meets
        one of its sector.
    ConvergenceError
        If the rule has no finite smooth solution, as where the matrix element vanishes.

    References
    ----------
    J. Roland, N. J. Cerf, Phys. Rev. A 65, 042308 (2002), eqs. (14)–(19).

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.Grover(qubits=10)
    >>> schedule = local_adiabatic_schedule(H, 0.0, 1.0, adiabaticity=0.1, numerator="norm")
    >>> round(schedule.duration, 4)         # (√N/ε) arctan √(N − 1)
    492.6532
    >>> float(schedule(0.0)), float(schedule(schedule.duration))
    (0.0, 1.0)
    """
    check_single(hamiltonian)
    first, last = real_number("start", start), real_number("stop", stop)
    if first == last:
        raise fail("stop", "differ from `start`", "the path is empty")
    choice("numerator", numerator, NUMERATORS)
    level = check_level("level", level, hamiltonian.dimension)
    epsilon = _adiabaticity(adiabaticity, error, duration, numerator)
    angular = hamiltonian.units.angular
    if levels is None:
        slowness = _of_sector(hamiltonian, level, numerator, np.linspace(first, last, 33))
    else:
        slowness = _of_lowest(hamiltonian, level, numerator, levels)

    def cost(x: FloatArray) -> tuple[FloatArray, float]:
        """Return 1/|dx/dt| at ε = 1, and its relative rounding."""
        values, rounding = slowness(x)
        return values / angular, rounding

    edges, coefficients = _solve(cost, first, last)
    if duration is not None:
        epsilon = float(edges[-1]) / positive_number("duration", duration)
    return LocalAdiabatic(edges, coefficients, (first, last), epsilon)


def _adiabaticity(
    adiabaticity: float | None, error: float | None, duration: float | None, numerator: str
) -> float:
    """Return ε; NaN where the duration is to set it."""
    given = {"adiabaticity": adiabaticity, "error": error, "duration": duration}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise InputError(
            "Exactly one of the arguments `adiabaticity`, `error` and `duration` must be given, "
            f"but {', '.join(named) if named else 'none'} {'is' if len(named) < 2 else 'are'}."
        )
    value = real_number(named[0], given[named[0]])
    if not 0 < value < _FARTHEST:
        raise fail(named[0], "be positive", f"it is {value:g}")
    if error is None:
        return value if adiabaticity is not None else float("nan")
    if numerator == "norm":
        raise fail("error", 'not be given with numerator "norm"', "it would only be a bound")
    if value >= 1:
        raise fail("error", "be below 1", f"it is {value:g}")
    return float(0.5 * np.sqrt(value / (1 - value)))


_Cost = Callable[[FloatArray], tuple[FloatArray, float]]


def _of_sector(hamiltonian: Hamiltonian, level: int, numerator: str, x: FloatArray) -> _Cost:
    """Return the cost with all levels of the sector that holds the level."""
    block, rank = block_along(hamiltonian, x, level)
    if block.dimension == 1:
        raise fail(
            "level", "be coupled to another one", f"level {level} has a symmetry sector of its own"
        )
    return lambda points: _cost(block, rank, numerator, points)


def _of_lowest(hamiltonian: Hamiltonian, level: int, numerator: str, levels: int) -> _Cost:
    """Return the cost with the lowest levels alone."""
    count = integer("levels", levels, minimum=2, maximum=max(2, hamiltonian.dimension - 1))
    if level != 0:
        raise fail("level", "be 0 with `levels`", f"it is {level}")
    if numerator != "matrix_element":
        raise fail("numerator", 'be "matrix_element" with `levels`', f"it is {numerator!r}")
    return LowestLevels(hamiltonian, count).cost


def _cost(block: Block, rank: int, numerator: str, x: FloatArray) -> tuple[FloatArray, float]:
    energies, vectors = block.levels(x)
    others = np.arange(block.dimension) != rank
    gaps = np.abs(energies[:, others] - energies[:, rank, None])
    if gaps.min() <= CLOSED * np.abs(energies).max():
        raise closed_gap(float(x[np.argmin(gaps.min(axis=-1))]))
    rounding = _ROUNDING * float(np.abs(energies).max() / gaps.min())
    slope = block.slope(x)
    if numerator == "norm":
        values = np.linalg.eigvalsh(slope)
        size = 0.5 * (values[:, -1] - values[:, 0])
        return np.asarray(size * np.sqrt(np.sum(gaps**-4.0, axis=-1))), rounding
    elements = dagger(vectors) @ slope @ vectors[:, :, rank, None]
    ratio = np.abs(elements[:, others, 0]) / gaps**2
    return np.asarray(np.sqrt(np.sum(ratio**2, axis=-1))), rounding


def _solve(
    cost: Callable[[FloatArray], tuple[FloatArray, float]], first: float, last: float
) -> tuple[FloatArray, FloatArray]:
    """Return panel edges in time (ε = 1) and the Chebyshev coefficients of x(t) on each panel."""
    points = grid(_NODES)
    ends = np.linspace(first, last, _FIRST_PANELS + 1)
    waiting = [(float(a), float(b)) for a, b in zip(ends[-2::-1], ends[:0:-1], strict=True)]
    times, series = [0.0], []
    while waiting:
        a, b = waiting.pop()
        panel = _panel(cost, a, b, points)
        if panel is not None:
            times.append(times[-1] + panel[0])
            series.append(panel[1])
            continue
        middle = 0.5 * (a + b)
        if abs(b - a) <= 1e-13 * abs(last - first) or len(series) > _MOST_PANELS:
            raise ConvergenceError(
                f"The local adiabatic rule has no smooth finite solution near x = {middle:.9g}, "
                'where the matrix element vanishes or has a kink. Try numerator="norm".'
            )
        waiting += [(middle, b), (a, middle)]
    return np.array(times), np.array(series)


def _panel(
    cost: Callable[[FloatArray], tuple[FloatArray, float]], a: float, b: float, points: Grid
) -> tuple[float, FloatArray] | None:
    """Return the time spent on [a, b] and x(t) as a series; None if the panel is too long."""
    half = 0.5 * (b - a)
    density, rounding = cost(a + half * (points.nodes + 1))
    density = abs(half) * density
    resolved = max(_RESOLVED, rounding)
    if not density.min() > density.max() / _VARIES:
        return None
    inner = points.to_coefficients @ density
    if np.abs(inner[-2:]).max() > resolved * density.max():
        return None
    time = chebyshev.chebint(inner, lbnd=-1)
    total = float(chebyshev.chebval(1.0, time))
    wanted = 0.5 * total * (points.nodes + 1)
    u = points.nodes.copy()
    for _ in range(_NEWTON):
        u = np.clip(u - (chebyshev.chebval(u, time) - wanted) / chebyshev.chebval(u, inner), -1, 1)
    u[[0, -1]] = -1, 1
    # Tested before the position is added, whose rounding a narrow panel would show.
    coefficients = points.to_coefficients @ u
    if np.abs(coefficients[-2:]).max() > resolved:
        return None
    coefficients *= half
    coefficients[0] += a + half
    return total, np.asarray(coefficients)


class LowestLevels:
    """``[Σ_n |⟨n|∂H|0⟩|²/(E_n − E_0)⁴]^½`` from above, with the k lowest levels.

    What the other levels add is at most ``(‖∂H|0⟩‖² − Σ_{n<k} |⟨n|∂H|0⟩|²)/(E_{k−1} − E_0)⁴``.
    """

    def __init__(self, hamiltonian: Hamiltonian, count: int) -> None:
        if not isinstance(hamiltonian, TermHamiltonian):
            must = "be left out unless H is a sum of terms"
            raise fail("levels", must, f"H is a {type(hamiltonian).__name__}")
        self._hamiltonian = hamiltonian
        self._terms = SparseHamiltonian(hamiltonian)
        self._slopes = hamiltonian._differentiated(hamiltonian.coordinates[0])
        self._count = count
        self._random = np.random.default_rng(0).normal(size=self._terms.size)
        self._random /= np.linalg.norm(self._random)
        self._latest = self._random

    def cost(self, x: FloatArray) -> tuple[FloatArray, float]:
        """Return the cost at points x, and how well it is known, relative."""
        with one_thread:
            return np.array([self._at(float(point)) for point in x]), _RESOLVED

    def _at(self, x: float) -> float:
        matrix = self._terms.at(x)
        start = self._latest + _WARM * self._random
        energies, states = lowest_levels(matrix.linear_operator(), self._count, start)
        self._latest = states.sum(axis=1) / np.sqrt(self._count)
        gaps = energies[1:] - energies[0]
        point = np.asarray(x)
        factors = self._hamiltonian._coefficient_values(
            self._slopes, point, self._hamiltonian.parameters
        )
        moved = self._terms.combined(np.asarray(factors)) @ states[:, 0]
        parts = np.abs(states.conj().T @ moved) ** 2
        whole = float(np.linalg.norm(moved) ** 2)
        coupled = parts[1:] > _UNCOUPLED**2 * whole
        if np.any(gaps[coupled] <= CLOSED * np.abs(energies).max()):
            raise closed_gap(x)
        rest = max(whole - float(parts.sum()), 0.0)
        ratio = parts[1:][coupled] / gaps[coupled] ** 4
        return float(np.sqrt(ratio.sum() + rest / gaps[-1] ** 4))
