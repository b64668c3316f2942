"""Which method solves a problem at least cost: superadiabatic panels, or steps by Taylor series.

Panels cost the same at any slowness, steps a product for every fifth of a radian. The costs were
measured side by side on one core; their ratios decide, and those differ little between processors.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import direct, many_periods, panels
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution

# Microseconds, by the number of levels: one panel tried; one order for one column, and for each of
# many columns.
_LEVELS = (3, 4, 8, 16, 32, 64)
_PANEL = (300.0, 300.0, 650.0, 2300.0, 11000.0, 90000.0)
_ORDER = (0.12, 0.12, 0.15, 0.25, 0.7, 2.2)
_ORDER_EACH = (0.06, 0.06, 0.06, 0.08, 0.2, 0.7)
_PANELS_PER_LEVEL, _FEWEST_PANELS = 4.0, 16.0  # tried, of generic levels on a usual window
_ORDERS_PER_RADIAN = 4.7
_LANE = 1000.0  # what the steps of one lane cost before they begin
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
    if levels >= _FEWEST_LEVELS:
        cheaper = expected(lanes, wanted)
        if cheaper.by_steps:
            found = direct.solve(
                lanes,
                tolerance=tolerance,
                phase=cheaper.phase,
                breakpoints=breakpoints,
                times=times,
                columns=columns,
            )
            if found is not None:
                return replace(found, unknown=_unknown(lanes))
    found = panels.solve(lanes, kernel, tolerance=tolerance, breakpoints=breakpoints, times=times)
    found = replace(found, unknown=_unknown(lanes))
    return found if columns is None else found.applied_to(columns)


def _unknown(lanes: Lanes) -> FloatArray:
    """Return what the last digits of H add up to over every window."""
    unknown = np.max(lanes.window.unknown[:, 1:-1], axis=(2, 3))
    return np.asarray((lanes.stop - lanes.start) * unknown.mean(axis=1))


@dataclass(frozen=True)
class Expected:
    """What the cheaper method takes: panels, or products with a state, and seconds of one core."""

    by_steps: bool
    work: float
    seconds: float
    phase: FloatArray


def expected(lanes: Lanes, columns: int) -> Expected:
    """Return what the cheaper method takes for so many columns in every lane."""
    levels, phase = lanes.hamiltonian.dimension, _phases(lanes)
    by_steps = float(np.sum(_steps_cost(levels, columns, phase)))
    by_panels = lanes.count * _panels_cost(levels)
    if by_steps < by_panels:
        products = _ORDERS_PER_RADIAN * float(np.sum(phase)) * columns
        return Expected(True, products, 1e-6 * by_steps, phase)
    panels_tried = lanes.count * max(_FEWEST_PANELS, _PANELS_PER_LEVEL * levels)
    return Expected(False, panels_tried, 1e-6 * by_panels, phase)


def _phases(lanes: Lanes) -> FloatArray:
    """Return nearly ∫‖H‖dt of every lane, from above where H varies little."""
    h = lanes.window.matrices[:, 1:-1]
    # ‖H‖ ≤ ‖H⁴‖_F^(1/4), with the largest element taken out so that no power leaves the doubles.
    parts = (h.real, h.imag) if np.iscomplexobj(h) else (h,)
    largest = np.max([np.max(np.abs(part), axis=(-2, -1)) for part in parts], axis=0)
    # Single precision is enough for that, and takes a third of the time.
    with one_thread, np.errstate(over="ignore"):
        fourth = h / np.where(largest > 0, largest, 1.0)[..., None, None]
        fourth = fourth.astype(np.complex64 if np.iscomplexobj(h) else np.float32)
        for _ in range(2):
            fourth = fourth @ fourth
        norm = largest * np.linalg.norm(fourth, axis=(-2, -1)).astype(np.float64) ** 0.25
        return np.asarray(np.minimum((lanes.stop - lanes.start) * norm.mean(axis=-1), 1e300))


def _steps_cost(levels: int, columns: int, phase: FloatArray) -> FloatArray:
    """Return the cost of steps of every lane."""
    costs = _ORDER if columns == 1 else _ORDER_EACH
    each = _interpolated(levels, costs) * columns
    return _LANE + _ORDERS_PER_RADIAN * phase * each


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
        return float(np.exp(y[-1] + (at - x[-1]) * (3.0 if costs is _PANEL else 2.0)))
    return float(np.exp(np.interp(at, x, y)))
