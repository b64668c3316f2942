"""The sheets of levels that act on themselves, wherever they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.roots import bracketed
from anticrossing.hamiltonian import MeanField
from anticrossing.spectrum._continued import Cusp, Sheet, continued
from anticrossing.spectrum._stationary import (
    LEVELS,
    PLACES,
    Pair,
    States,
    matrices_of,
    newton,
    pair_sheet,
    pair_sheets,
    with_gaps,
)

_SEARCHED = 257  # places at which the number of sheets is compared
_HALVINGS = 60


@dataclass(frozen=True)
class Sheets:
    """All sheets on a stretch.

    Attributes
    ----------
    branches : tuple of int
        Which sheets belong together: they meet in cusps.
    tails : tuple of Cusp
        Where two sheets are known to cross by symmetry.
    found : callable
        ``found(x, sheet)`` describes a sheet at places (K,), NaN where it does not exist.
    """

    model: MeanField
    start: float
    stop: float
    names: tuple[str, ...]
    branches: tuple[int, ...]
    cusps: tuple[Cusp, ...]
    tails: tuple[Cusp, ...]
    complete: bool
    found: Callable[[FloatArray, int], States]

    def at(self, x: FloatArray, sheet: int) -> States:
        """Return what is known of a sheet at places (K,)."""
        return self.found(x, sheet)


def sheets_of(model: MeanField, start: float, stop: float, samples: int = _SEARCHED) -> Sheets:
    """Return the sheets of all levels on a stretch."""
    if model.dimension > 2:
        return _many(model, start, stop)
    x = np.linspace(start, stop, max(samples, _SEARCHED))
    if model.conversions:
        return _of_pairs(model, x, _ends_of_sheets(model, x))
    return _of_pairs(model, x, _pair_cusps(model, x))


def _of_pairs(model: MeanField, x: FloatArray, cusps: list[tuple[float, str, str]]) -> Sheets:
    # A loop may be narrower than the grid: its cusps belong to it.
    every = np.unique(np.concatenate([x, [place for place, _, _ in cusps]]))
    names = tuple(name for name, _ in pair_sheets(model, every))

    keys = {f"{level}{place}": (j, k) for j, level in LEVELS.items() for k, place in PLACES.items()}
    keys |= {level: (j, 0) for j, level in LEVELS.items()}

    latest: list[tuple[FloatArray, dict[str, States]]] = []

    def every_sheet(places: FloatArray) -> dict[str, States]:
        # All sheets of converting modes are roots of one polynomial: they are found together.
        if not latest or not np.array_equal(latest[0][0], places):
            latest[:] = [(places, dict(pair_sheets(model, places)))]
        return latest[0][1]

    def found(places: FloatArray, sheet: int) -> States:
        if not model.conversions:
            return pair_sheet(model, places, keys[names[sheet]])
        known = every_sheet(places)
        if names[sheet] in known:
            return known[names[sheet]]
        nothing = np.full((places.size, 2), np.nan, dtype=np.complex128)
        return with_gaps(model, matrices_of(model, places), nothing)

    meeting = [
        Cusp(place, (names.index(one), names.index(other)))
        for place, one, other in cusps
        if one in names and other in names
    ]
    branches = tuple(
        ("lower", "upper").index(n.split(",")[0]) if n.startswith(("lower", "upper")) else 0
        for n in names
    )
    tails = () if model.conversions else _pair_tails(model, every, names)
    return Sheets(
        model, float(x[0]), float(x[-1]), names, branches, tuple(meeting), tails, True, found
    )


def _pair_tails(model: MeanField, x: FloatArray, names: tuple[str, ...]) -> tuple[Cusp, ...]:
    """Return where D = 0 in a loop: there both outer sheets have s and −s, and one energy."""

    def offset(place: float) -> float:
        return float(Pair.of(model, matrices_of(model, np.array([place]))).offset[0])

    pair = Pair.of(model, matrices_of(model, x))
    level, values = LEVELS[pair.looped], pair.offset
    sheets = [names.index(n) for n in (f"{level}, left", f"{level}, right") if n in names]
    found = []
    for k in np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) <= 0):
        if values[k + 1] == 0 or len(sheets) < 2:
            continue  # the next interval begins there
        place = x[k] if values[k] == 0 else bracketed(offset, x[k], x[k + 1], xtol=1e-300)
        here = Pair.of(model, matrices_of(model, np.array([place])))
        if not np.isnan(here.edge[0]):
            found.append(Cusp(float(place), (sheets[0], sheets[1])))
    return tuple(found)


def _pair_cusps(model: MeanField, x: FloatArray) -> list[tuple[float, str, str]]:
    """Return where D = ±(|q|^⅔ − g^⅔)^{3/2}, and the sheets that meet there."""

    def excess(places: FloatArray, side: int) -> FloatArray:
        pair = Pair.of(model, matrices_of(model, places))
        return np.asarray(pair.offset - side * pair.edge)

    found = []
    level = LEVELS[Pair.of(model, matrices_of(model, x[:1])).looped]
    for side, other in ((-1, ", right"), (1, ", left")):
        values = excess(x, side)
        for k in np.flatnonzero(values[:-1] * values[1:] <= 0):
            low, high = float(x[k]), float(x[k + 1])
            if values[k + 1] == 0 and k + 2 < x.size:
                continue  # the next interval begins there
            sign = np.sign(values[k]) or -np.sign(values[k + 1])
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                if excess(np.array([middle]), side)[0] * sign > 0:
                    low = middle
                else:
                    high = middle
            # Of the two neighbours the one at which the sheets are.
            place = low if excess(np.array([low]), side)[0] * side <= 0 else high
            found.append((place, f"{level}{other}", f"{level}, middle"))
    return sorted(found)


def _ends_of_sheets(model: MeanField, x: FloatArray) -> list[tuple[float, str, str]]:
    """Return where a sheet of converting modes ends, and the sheet that is nearest there."""
    sheets = dict(pair_sheets(model, x))
    found = []
    for name, known in sheets.items():
        there = ~np.isnan(known.potentials)
        for k in np.flatnonzero(there[1:] != there[:-1]):
            inside, outside = (x[k], x[k + 1]) if there[k] else (x[k + 1], x[k])
            count = _number(model, inside)
            for _ in range(_HALVINGS):
                middle = 0.5 * (inside + outside)
                if _number(model, middle) == count:
                    inside = middle
                else:
                    outside = middle
            own = known.states[k if there[k] else k + 1]
            others = {
                other: float(np.nanmin(np.abs(value.states[k : k + 2] - own).max(axis=1)))
                for other, value in sheets.items()
                if other != name and not np.all(np.isnan(value.potentials[k : k + 2]))
            }
            if others:
                found.append((float(inside), name, min(others, key=others.__getitem__)))
    distinct: list[tuple[float, str, str]] = []
    for one in sorted(found):
        if not distinct or abs(one[0] - distinct[-1][0]) > 1e-9 * (x[-1] - x[0]):
            distinct.append(one)
    return distinct


def _number(model: MeanField, place: float) -> int:
    return len(pair_sheets(model, np.array([place])))


def _many(model: MeanField, start: float, stop: float) -> Sheets:
    sheets, cusps, complete = continued(model, start, stop)
    order = {branch: k for k, branch in enumerate(dict.fromkeys(s.branch for s in sheets))}
    several = {b: sum(s.branch == b for s in sheets) > 1 for b in order}
    names, seen = [], dict.fromkeys(order, 0)
    for sheet in sheets:
        part = f", part {seen[sheet.branch]}" if several[sheet.branch] else ""
        seen[sheet.branch] += 1
        names.append(f"level {order[sheet.branch]}{part}")

    def found(places: FloatArray, sheet: int) -> States:
        return _polished(model, sheets[sheet], places)

    branches = tuple(order[s.branch] for s in sheets)
    return Sheets(model, start, stop, tuple(names), branches, tuple(cusps), (), complete, found)


def _polished(model: MeanField, sheet: Sheet, places: FloatArray) -> States:
    """Return a followed sheet at other places."""
    size = sheet.states.shape[1]
    slack = 1e-12 * (sheet.x[-1] - sheet.x[0])
    matrices = matrices_of(model, places)
    states = np.full((places.size, size), np.nan)
    inside = (places >= sheet.x[0] - slack) & (places <= sheet.x[-1] + slack)
    for k in np.flatnonzero(inside):
        near = np.array([np.interp(places[k], sheet.x, column) for column in sheet.states.T])
        near /= np.linalg.norm(near)
        polished = newton(model, matrices[k].real, near)
        # At a cusp itself the equations are singular, and the followed state is the one.
        close = polished is not None and abs(polished @ near) > 0.99
        states[k] = polished if close and polished is not None else near
    return with_gaps(model, matrices, states + 0j)
