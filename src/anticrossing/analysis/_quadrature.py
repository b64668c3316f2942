"""Adaptive panels on which smooth functions of time are resolved, and gaps that must stay open."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, InputError
from anticrossing.dynamics.chebyshev import Grid, grid
from anticrossing.dynamics.lanes import Lanes

_NODES = 21
_FIRST_PANELS = 8
_MOST_ROUNDS = 60
_MOST_PANELS = 20_000
_RESOLVED = 1e-11
_NOTHING, _FIRST_TOLD = 1e-13, 4  # of an integral, from the fourth halving on: not worth resolving


def resolved_panels(
    lanes: Lanes, functions: Callable[[FloatArray], list[npt.NDArray[Any]]]
) -> tuple[FloatArray, Grid]:
    """Return panel edges on which every function is resolved to rounding.

    Each function of times (n,) gives values whose first axis is time. A panel is halved until the
    last Chebyshev coefficients of each are small against its largest value on the panel. For
    the first function, which is to be integrated, they may also be so small that all over the
    window they would leave its integral as it is: on a plateau of the drive it is nothing but
    rounding.
    """
    points = grid(_NODES)
    start, stop = float(lanes.start[0]), float(lanes.stop[0])
    cuts = [c for c in lanes.drive.breakpoints if start < c < stop]
    edges = np.unique(np.concatenate([np.linspace(start, stop, _FIRST_PANELS + 1), cuts]))
    panels = list(itertools.pairwise(edges.tolist()))
    done: list[tuple[float, float]] = []
    gathered = 0.0  # of the integral of the first function, from the panels that are done
    for rounds in range(_MOST_ROUNDS):
        left = np.array([a for a, _ in panels])
        right = np.array([b for _, b in panels])
        times = panel_times(left, right, points)
        good = np.ones(left.size, dtype=np.bool_)
        parts = np.zeros(left.size)
        for k, values in enumerate(functions(times.ravel())):
            flat = values.reshape(left.size, points.size, -1)
            tail = np.max(np.abs(np.einsum("kn,pnc->pkc", points.tail, flat)), axis=(1, 2))
            largest = np.max(np.abs(flat), axis=(1, 2))
            resolved = tail <= _RESOLVED * largest
            if k == 0:
                parts = largest * (right - left)
                if rounds >= _FIRST_TOLD:
                    resolved |= tail * (stop - start) <= _NOTHING * (gathered + parts.sum())
            good &= resolved
        gathered += float(parts[good].sum())
        done += [panel for panel, ok in zip(panels, good, strict=True) if ok]
        panels = [panel for panel, ok in zip(panels, good, strict=True) if not ok]
        if not panels:
            break
        halves = [(a, 0.5 * (a + b), b) for a, b in panels]
        stuck = [m for a, m, b in halves if b - a <= 1e-12 * (stop - start)]
        if stuck or len(halves) > _MOST_PANELS:
            where = stuck[0] if stuck else panels[0][0]
            raise ConvergenceError(
                f"The generator is not smooth near t = {where:.9g}: levels may meet there, so "
                "that the stationary states are not isolated; or give that time as a breakpoint."
            )
        panels = [piece for a, m, b in halves for piece in ((a, m), (m, b))]
    else:
        raise ConvergenceError(f"The generator is not smooth near t = {panels[0][0]:.9g}.")
    return np.unique(np.array(done)), points


def panel_times(left: FloatArray, right: FloatArray, points: Grid) -> FloatArray:
    """Return the nodes of every panel, shape (panels, nodes).

    The outer ones lie just inside: at a kink of the drive each panel has the velocity of its side.
    """
    half = 0.5 * (right - left)
    times = (left + half)[:, None] + half[:, None] * points.nodes
    inner = np.nextafter(left, right)[:, None], np.nextafter(right, left)[:, None]
    return np.asarray(np.clip(times, *inner))


def refine_gap(times: FloatArray, gaps: FloatArray, gap: Callable[[float], float]) -> None:
    """Raise if the gap closes between nodes: its lowest minima are followed down."""
    from scipy.optimize import minimize_scalar

    inner = np.flatnonzero((gaps[1:-1] <= gaps[:-2]) & (gaps[1:-1] <= gaps[2:])) + 1
    for k in inner[np.argsort(gaps[inner])][:4]:
        low, high = float(times[k - 1]), float(times[k + 1])
        # Towards a zero a gap falls at least by half from one node to the next but one.
        if not low < high or gaps[k] > 0.9 * max(gaps[k - 1], gaps[k + 1]):
            continue
        best = minimize_scalar(
            gap, bounds=(low, high), method="bounded", options={"xatol": 1e-13 * (high - low)}
        )
        if min(best.fun, gaps[k]) < 1e-7 * max(gaps[k - 1], gaps[k + 1]):
            raise gapless(float(best.x))


def kinked(time: float) -> InputError:
    return InputError(
        f"The generator has a kink near t = {time:.6g}: orders above the first need a smooth one; "
        "expand on either side of it."
    )


def gapless(time: float) -> InputError:
    return InputError(
        f"The generator has no gap near t = {time:.6g}: its zero eigenvalue is not isolated there "
        "(levels meet, or a rate vanishes), and the adiabatic expansion does not exist."
    )
