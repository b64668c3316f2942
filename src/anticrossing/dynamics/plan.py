"""Which method solves a problem at least cost: superadiabatic panels, doubled steps, Taylor series.

Panels cost the same at any slowness, doubled steps grow with its root, and a Taylor series takes a
product for every fifth of a radian. The costs were measured side by side on one core; their ratios
decide, and those differ little between processors.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import norm_bound
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import direct, doubling, many_periods, panels
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution

# Microseconds, by the number of levels: one panel tried; one order for one column, and for each of
# many columns.
_LEVELS = (3, 4, 8, 16, 32, 64)
_PANEL = (620.0, 620.0, 1500.0, 5400.0, 19000.0, 105000.0)
_ORDER = (0.12, 0.14, 0.16, 0.27, 0.55, 1.7)
_ORDER_EACH = (0.08, 0.08, 0.09, 0.17, 0.55, 1.4)
# Of doubled steps: before they begin on a panel, and for every one that is left at the end.
_DOUBLED = (800.0, 900.0, 1100.0, 2200.0, 9000.0, 45000.0)
_DOUBLED_EACH = (11.0, 11.0, 11.0, 20.0, 80.0, 410.0)
_PANELS_PER_LEVEL, _FEWEST_PANELS = 4.0, 16.0  # tried, of generic levels on a usual window
_ORDERS_PER_RADIAN = 4.7
_PRODUCTS, _PRODUCTS_EACH = 500.0, 5.0  # of doubled steps
_MOST_ROUNDING = 22.0  # panel tolerances that the rounding of doubled steps may add up to
_LANE = 1000.0  # what one lane costs before its steps begin
_TWO_LEVELS = 1040.0  # of one lane of two levels by their compiled panels
PRODUCTS = "products of H with a state"
_FEWER = 3  # every third place in the window tells how H varies
_FEWEST_LEVELS = 3  # two levels have compiled panels


def solve(
    lanes: Lanes,
    kernel: Kernel,
    *,
    tolerance: float,
    breakpoints: FloatArray | None = None,
    times: FloatArray | None = None,
    columns: ComplexArray | None = None,
) -> Evolution:
    """Propagate every lane across its window by the cheaper method, many periods by powers of one.

    The arguments are those of `panels.solve`. With `columns` (lanes, N, C) the propagator and the
    snapshots of the result are those times the columns, and nothing else need be computed.
    """
    levels = lanes.hamiltonian.dimension
    wanted = levels if columns is None else columns.shape[-1]
    periods = many_periods.Periods.of(lanes)
    if periods is not None and periods.pay(wanted):
        once = functools.partial(solve, kernel=kernel)
        cuts = {"breakpoints": breakpoints, "times": times}
        repeated = many_periods.solve(periods, once, tolerance=tolerance, **cuts)
        return repeated if columns is None else repeated.applied_to(columns)
    if levels >= _FEWEST_LEVELS and not kernel.is_adiabatic(lanes):
        pieces = 1 if times is None else times.shape[-1] + 1
        cheaper = expected(lanes, wanted, tolerance, pieces)
        if cheaper.by_steps:
            found = direct.solve(
                lanes,
                tolerance=tolerance,
                phase=cheaper.phase,
                choose=cheaper.choose,
                breakpoints=breakpoints,
                times=times,
                columns=columns,
                unknown=lanes.unknown_phase,
            )
            if found is not None:
                return found
    found = panels.solve(lanes, kernel, tolerance=tolerance, breakpoints=breakpoints, times=times)
    found = replace(found, unknown=lanes.unknown_phase)
    return found if columns is None else found.applied_to(columns)


@dataclass(frozen=True)
class Expected:
    """What the cheapest method takes: panels or products, and seconds of one core.

    Of every lane `phase` is nearly ∫‖H‖dt, and `turning` the steps that doubling leaves, or zero
    where Taylor series take less than doubled steps at their least.
    """

    method: str
    work: float
    seconds: float
    phase: FloatArray
    turning: FloatArray
    levels: int
    columns: int

    @property
    def unit(self) -> str:
        """What `work` counts."""
        units = {panels.SUPERADIABATIC: "panels", direct.METHOD: PRODUCTS}
        return units.get(self.method, "products of propagators")

    @property
    def by_steps(self) -> bool:
        """Whether the evolution goes step by step."""
        return self.method != panels.SUPERADIABATIC

    def choose(self, lane: int, pieces: int) -> str | None:
        """Return the cheapest method for a lane whose H is known on so many panels.

        None where superadiabatic panels are: more of them resolve H than had been expected.
        """
        if not self.doubles:
            return direct.METHOD
        taylor, doubled = self.costs(pieces)
        if min(taylor[lane], doubled[lane]) > 2 * _panels_cost(self.levels):
            return None
        return doubling.METHOD if doubled[lane] < taylor[lane] else direct.METHOD

    @property
    def doubles(self) -> bool:
        """Whether doubled steps are part of the method."""
        return doubling.METHOD in self.method

    def costs(self, pieces: int) -> tuple[FloatArray, FloatArray]:
        """Return the cost of Taylor series and of doubled steps in every lane."""
        return (
            _steps_cost(self.levels, self.columns, self.phase),
            _doubled_cost(self.levels, pieces, self.turning),
        )


def expected(lanes: Lanes, columns: int, tolerance: float, pieces: int = 1) -> Expected:
    """Return what the cheapest method takes for so many columns in every lane.

    `pieces` are the parts into which times cut a window.
    """
    levels = lanes.hamiltonian.dimension
    phase, turns = phases(lanes), turning(lanes)
    found = Expected(direct.METHOD, 0.0, 0.0, phase, turns, levels, columns)
    taylor, doubled = found.costs(pieces)
    cheaper = doubled < taylor
    lost = _loses(phase, tolerance)  # there panels know the populations better
    by_panels = lanes.count * _panels_cost(levels)
    if np.sum(np.where(cheaper & ~lost, doubled, taylor)) >= by_panels:
        tried = lanes.count * max(_FEWEST_PANELS, _PANELS_PER_LEVEL * levels)
        method = panels.SUPERADIABATIC
        return replace(found, method=method, work=tried, seconds=1e-6 * by_panels)
    seconds = 1e-6 * float(np.sum(np.where(cheaper, doubled, taylor)))
    if not cheaper.any():
        return replace(found, work=by_series(phase, columns), seconds=seconds)
    products = float(np.sum(_PRODUCTS * pieces + _PRODUCTS_EACH * turns[cheaper]))
    method = doubling.METHOD if cheaper.all() else f"{direct.METHOD} and {doubling.METHOD}"
    return replace(found, method=method, work=products, seconds=seconds)


def takes_steps(levels: int, columns: int, phase: float) -> bool:
    """Whether Taylor series of so many radians take less than anything else would."""
    least = _TWO_LEVELS
    if levels >= _FEWEST_LEVELS:
        least = min(_doubled_cost(levels, 1, 0.0), _panels_cost(levels))
    return bool(_steps_cost(levels, columns, phase) <= least)


def by_series(phase: FloatArray, columns: int) -> float:
    """Return how many products Taylor series of so many radians take."""
    return _ORDERS_PER_RADIAN * float(np.sum(phase)) * columns


def stepped(
    levels: int, phase: float, turning: float, tolerance: float, *, pieces: int = 1
) -> float:
    """Return the microseconds that a whole propagator takes step by step.

    `phase` and `turning` are those of `Expected`.
    """
    taylor = _steps_cost(levels, levels, phase)
    lost = _loses(phase, tolerance)
    return float(taylor if lost else min(taylor, _doubled_cost(levels, pieces, turning)))


def _loses(phase: Any, tolerance: float) -> Any:
    """Whether rounding of doubled steps adds up to more than is allowed."""
    return 2 * doubling.ROUNDING * phase > _MOST_ROUNDING * tolerance


def phases(lanes: Lanes) -> FloatArray:
    """Return nearly ∫‖H‖dt of every lane, from above where H varies little or is straight."""
    window = lanes.window
    with one_thread, np.errstate(over="ignore"):
        if lanes.is_straight:
            norms = norm_bound(window.matrices) @ window.shares
        else:
            norms = norm_bound(window.matrices[:, 1:-1]).mean(axis=-1)
        return np.asarray(np.minimum((lanes.stop - lanes.start) * norms, 1e300))


def turning(lanes: Lanes) -> FloatArray:
    """Return √(T ∫‖dH/dt‖dt) of every lane, nearly and from above."""
    if lanes.is_straight:
        few, share = lanes.window.matrices[:, [0, -1]], 1.0
    else:
        h = lanes.window.matrices[:, 1:-1]
        few = h[:, ::_FEWER]
        share = h.shape[1] / (_FEWER * (few.shape[1] - 1))
    with one_thread, np.errstate(over="ignore"):
        moved = share * norm_bound(few[:, 1:] - few[:, :-1]).sum(axis=-1)
        return np.asarray(np.sqrt(np.minimum((lanes.stop - lanes.start) * moved, 1e300)))


def _steps_cost(levels: int, columns: int, phase: Any) -> Any:
    """Return the cost of Taylor series in every lane."""
    costs = _ORDER if columns == 1 else _ORDER_EACH
    each = _interpolated(levels, costs) * columns
    return _LANE + _ORDERS_PER_RADIAN * phase * each


def _doubled_cost(levels: int, pieces: int, turning: Any) -> Any:
    """Return the cost of doubled steps on so many panels in every lane."""
    start, each = (_interpolated(levels, costs) for costs in (_DOUBLED, _DOUBLED_EACH))
    return _LANE + start * pieces + each * turning


def _panels_cost(levels: int) -> float:
    """Return the cost of the panels of one lane."""
    count = max(_FEWEST_PANELS, _PANELS_PER_LEVEL * levels)
    return count * _interpolated(levels, _PANEL)


@functools.cache
def _interpolated(levels: int, costs: tuple[float, ...]) -> float:
    """Return a cost at a number of levels, a power of it between those measured and beyond."""
    x, y = np.log(_LEVELS), np.log(costs)
    at = np.log(levels)
    if at > x[-1]:
        power = 2.0 if costs in (_ORDER, _ORDER_EACH) else 3.0
        return float(np.exp(y[-1] + (at - x[-1]) * power))
    return float(np.exp(np.interp(at, x, y)))
