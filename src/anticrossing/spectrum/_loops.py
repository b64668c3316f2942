"""Crossings of levels that act on themselves: avoided and true ones, and cusps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.roots import bracketed
from anticrossing.spectrum._sheets import Sheets
from anticrossing.spectrum.found import Crossing

AVOIDED = "different levels, coupled by H(x)"
CUSP = "two states of one level meet and end"
TAIL = "a level crosses itself: a swallow tail between two cusps"
PASSING = "two levels pass through each other"
_SMALL = 1e-14  # of the energies: a gap that is none
_CURVED = 1e-3  # of the stretch, to differentiate the gap twice


def crossings_of(sheets: Sheets, samples: int, tolerance: float) -> tuple[Crossing, ...]:
    """Return every crossing strictly within the stretch, in order of position."""
    cusps = np.array([cusp.x for cusp in sheets.cusps])
    x = np.unique(np.concatenate([np.linspace(sheets.start, sheets.stop, samples), cusps]))
    # Between two cusps, however close, there are places to look at.
    edges = np.unique(np.concatenate([[sheets.start], cusps, [sheets.stop]]))
    inner = [np.linspace(a, b, 9)[1:-1] for a, b in itertools.pairwise(edges)]
    x = np.unique(np.concatenate([x, *inner]))
    known = [sheets.at(x, k) for k in range(len(sheets.names))]
    potentials = np.stack([one.potentials for one in known], axis=1)
    energies = np.stack([one.energies for one in known], axis=1)
    found = [_cusp(sheets, cusp, x, potentials) for cusp in sheets.cusps]
    found += _true(sheets, x, energies, tolerance)
    found += _avoided(sheets, x, potentials, tolerance)
    return tuple(sorted(found, key=lambda crossing: crossing.position))


def _cusp(sheets: Sheets, cusp: Any, x: FloatArray, potentials: FloatArray) -> Crossing:
    row = potentials[np.argmin(np.abs(x - cusp.x))]
    centre = float(np.nanmean(row[list(cusp.sheets)]))
    first, second = sorted(cusp.sheets)
    return _crossing(cusp.x, (first, second), 0.0, "cusp", CUSP, 0.0, centre, row)


def _true(sheets: Sheets, x: FloatArray, energies: FloatArray, tolerance: float) -> list[Crossing]:
    """Return where the energies of two sheets change order."""
    found = [_true_at(sheets, _clean(tail.x, sheets), *tail.sheets) for tail in sheets.tails]
    known = [{*tail.sheets} for tail in sheets.tails]
    count = len(sheets.names)
    scale = float(np.nanmax(np.abs(energies))) or 1.0
    for one in range(count):
        for other in range(one + 1, count):
            if {one, other} in known or any({one, other} == {*c.sheets} for c in sheets.cusps):
                continue  # found already, or they only meet
            apart = energies[:, one] - energies[:, other]

            def excess(place: float, one: int = one, other: int = other) -> float:
                here = np.array([place])
                first, second = (sheets.at(here, k).energies[0] for k in (one, other))
                return float(first - second)

            apart = np.where(np.abs(apart) < 1e-14 * scale, 0.0, apart)
            told = np.flatnonzero(apart != 0)  # or not a number: one of the sheets is not there
            for k, m in itertools.pairwise(told):
                if apart[k] * apart[m] < 0:
                    place = bracketed(excess, x[k], x[m], xtol=tolerance * (x[-1] - x[0]))
                    found.append(_true_at(sheets, _clean(place, sheets), one, other))
    return found


def _clean(place: float, sheets: Sheets) -> float:
    """Return the place, or 0 where it is zero to the rounding of the stretch."""
    return 0.0 if abs(place) < 1e-15 * (sheets.stop - sheets.start) else float(place)


def _true_at(sheets: Sheets, place: float, one: int, other: int) -> Crossing:
    here = np.array([place])
    row = np.array([sheets.at(here, k).potentials[0] for k in range(len(sheets.names))])
    step = _CURVED * min((abs(c.x - place) for c in sheets.cusps), default=1.0)
    near = place + np.array([-step, step])
    difference = sheets.at(near, one).energies - sheets.at(near, other).energies
    slope = abs(float(difference[1] - difference[0])) / (2 * step)
    reason = TAIL if sheets.branches[one] == sheets.branches[other] else PASSING
    centre = float(np.mean(row[[one, other]]))
    return _crossing(place, (one, other), 0.0, "true", reason, slope, centre, row)


def _avoided(
    sheets: Sheets, x: FloatArray, potentials: FloatArray, tolerance: float
) -> list[Crossing]:
    """Return the local minima of the distance between neighbouring levels."""
    found = []
    names = sorted(set(sheets.branches))
    scale = float(np.nanmax(np.abs(potentials))) or 1.0
    members = {b: [k for k, own in enumerate(sheets.branches) if own == b] for b in names}
    means = {b: float(np.nanmean(potentials[:, members[b]])) for b in names}
    order = sorted(names, key=means.__getitem__)
    for lower, upper in itertools.pairwise(order):
        pairs = [(i, j) for i in members[lower] for j in members[upper]]
        apart = np.stack([np.abs(potentials[:, j] - potentials[:, i]) for i, j in pairs], axis=1)
        apart = np.where(np.isnan(apart), np.inf, apart)
        nearest, far = apart.min(axis=1), float(apart[np.isfinite(apart)].max(initial=0.0))
        inner = (nearest[1:-1] <= nearest[:-2]) & (nearest[1:-1] < nearest[2:])
        for k in np.flatnonzero(inner) + 1:
            i, j = pairs[int(np.argmin(apart[k]))]
            sides = potentials[[k - 1, k + 1], j] - potentials[[k - 1, k + 1], i]
            if sides[0] * sides[1] < 0:
                continue  # they cross truly

            def gap(place: float, i: int = i, j: int = j, far: float = far) -> float:
                here = np.array([place])
                first, second = (sheets.at(here, s).potentials[0] for s in (i, j))
                value = abs(float(second - first))
                return value if np.isfinite(value) else far

            place, least = _minimum(gap, x[k - 1], x[k], x[k + 1], tolerance * (x[-1] - x[0]))
            if least < _SMALL * scale:
                continue  # none to rounding
            row = np.array(
                [sheets.at(np.array([place]), s).potentials[0] for s in range(len(sheets.names))]
            )
            step = _CURVED * (x[k + 1] - x[k - 1])
            curved = (gap(place + step) - 2 * least + gap(place - step)) / step**2
            slope = float(np.sqrt(max(least * curved, 0.0)))
            centre = float(np.mean(row[[i, j]]))
            pair = (min(i, j), max(i, j))
            found.append(_crossing(place, pair, least, "avoided", AVOIDED, slope, centre, row))
    return found


def _minimum(
    function: Callable[[float], float], low: float, middle: float, high: float, accuracy: float
) -> tuple[float, float]:
    if not (function(low) > function(middle) < function(high)):
        return middle, function(middle)
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(
        function, bracket=(low, middle, high), method="brent", options={"xtol": 1e-9}
    )
    # A minimum is known to the square root of rounding; its neighbours tell its middle better.
    place, width = float(best.x), 1e-3 * (high - low)
    if function(place - width) < np.inf and function(place + width) < np.inf:
        for _ in range(3):
            left, centre, right = (function(place + d) for d in (-width, 0.0, width))
            bend = left - 2 * centre + right
            shift = 0.5 * width * (left - right) / bend if bend > 0 else 0.0
            if abs(shift) > width:
                break
            place += shift
            width = max(0.1 * width, 1e3 * accuracy)
    return place, function(place)


def _crossing(
    position: float,
    pair: tuple[int, int],
    gap: float,
    kind: str,
    reason: str,
    slope: float,
    centre: float,
    row: FloatArray,
) -> Crossing:
    others = np.delete(row, pair)
    distance = np.abs(others[:, None] - row[list(pair)]) if others.size else np.empty(0)
    finite = distance[np.isfinite(distance)]
    return Crossing(
        position=float(position),
        levels=pair,
        gap=float(gap),
        kind=kind,
        reason=reason,
        coupling=float(gap) / 2,
        slope_difference=slope,
        third_level_distance=float(finite.min(initial=np.inf)),
        centre_energy=centre,
    )
