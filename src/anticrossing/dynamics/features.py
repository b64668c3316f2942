"""Where H(x(t)) may do something in a time far shorter than the window, found from its formulas.

A smooth formula is narrow only around the times at which the argument of one of its functions
passes through zero or turns round: exp(−(t − t₀)²/2w²) at t₀, tanh((t − t₀)/w) at t₀,
1/(w² + (t − t₀)²) at t₀. Arguments are smooth on the scale of the window even where the formula is
not, so their zeros and turning points are found by sampling: from the inside out, the places of
every part among the samples of what it is part of, so that two of them may lie as close as they
like. Panels that end at such a time have nodes on the feature. If it happens to vanish there, as
t exp(−t/τ) does, panels that end where the argument is 1, 8, 64, 512 have nodes beside it.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray
from anticrossing._core.plain import Plain
from anticrossing.drive import FormulaDrive, is_drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import TermHamiltonian, formulas_in

if TYPE_CHECKING:
    import sympy

_SAMPLES = 256
_SAMPLES_PER_PERIOD = 24
_MOST_SAMPLES = 2**17
_FEW_HARMONICS = 8  # that make no pulse far narrower than one of them
_SAMPLES_PER_TURN = 4
_MOST_NUMBERS = 2**22  # samples of all parameter points at once
_ZOOM = 17  # points across a bracket in every step of the search
_STEPS, _LEVEL_STEPS = 13, 9
_LEVELS = (1.0, 8.0, 64.0, 512.0)  # of an argument; beyond, exp(u) is no number any more
_HUGE = 1e150
_LARGE_POWER = 8  # cosⁿ and (1 − t²)ⁿ are narrow from here on
_PER_SEGMENT = 8  # samples between two knots of a drive

_Values = Callable[[FloatArray, npt.NDArray[np.intp]], FloatArray]


def find(lanes: Lanes, formulas: Sequence[Any] = ()) -> FloatArray | None:
    """Return times (lanes, k) at which features may lie, padded with NaN, or None.

    `formulas` in x and t belong to an environment. What is a Python function is not looked into.
    """
    if not _parts(lanes, formulas, _watched):
        return None
    count = max(1, _MOST_NUMBERS // _MOST_SAMPLES)
    found: list[list[float]] = []
    for first in range(0, lanes.count, count):
        found += _find(lanes, formulas, np.arange(first, min(first + count, lanes.count)))
    most = max(len(times) for times in found)
    if most == 0:
        return None
    table = np.full((lanes.count, most), np.nan)
    for row, times in zip(table, found, strict=True):
        row[: len(times)] = times
    return table


def edges(lanes: Lanes) -> FloatArray:
    """Return the drive's breakpoints and all features of one lane, in order."""
    found = find(lanes)
    located = np.empty(0) if found is None else found[0]
    cuts = np.concatenate([np.ravel(lanes.drive.breakpoints), located])
    return np.unique(cuts[np.isfinite(cuts)])


def is_plain(lanes: Lanes, formulas: Sequence[Any] = ()) -> bool:
    """Whether H(x(t)) is made of polynomials and few harmonic functions: it has no features."""
    opaque = not isinstance(lanes.hamiltonian, TermHamiltonian)
    watched = not opaque and _parts(lanes, formulas, _watched)
    return not (opaque or watched or _parts(lanes, formulas, _combs))


def comb_samples(lanes: Lanes, formulas: Sequence[Any] = ()) -> int:
    """Return how many samples of a window show the pulses that harmonic functions add up to.

    Σ cₖ cos kt and Π cos 2ᵏt may vanish nearly everywhere; what is left of them is no narrower
    than the angles of a product turn together.
    """
    grid = lanes.start[:, None] + (lanes.stop - lanes.start)[:, None] * np.linspace(0, 1, _SAMPLES)
    lane = np.arange(lanes.count)
    most = 0.0
    for whose, comb in _parts(lanes, formulas, _combs):
        for power, angle in _turning(comb):
            values = _evaluator(lanes, whose, angle)(grid, lane)
            turned = power * np.sum(np.abs(np.diff(values, axis=1)), axis=1)
            most = max(most, float(np.nanmax(np.where(np.isfinite(turned), turned, 0.0))))
    return int(min(_SAMPLES_PER_TURN * most / (2 * np.pi), _MOST_NUMBERS))


def _parts(
    lanes: Lanes, formulas: Sequence[Any], of: Callable[[Any, str | None], tuple[Any, ...]]
) -> list[tuple[str, Any]]:
    """Return what `of` finds in every formula, once, and which symbols it uses."""
    moves: dict[str, str | None] = {"environment": None, "hamiltonian": None, "drive": "t"}
    written: list[tuple[str, Any]] = [("environment", formula) for formula in formulas]
    if isinstance(lanes.hamiltonian, TermHamiltonian):
        moves["hamiltonian"] = lanes.hamiltonian.coordinates[0]
        written = [("hamiltonian", f) for f in lanes.hamiltonian.formulas] + written
    elif lanes.path is not None:
        moving = formulas_in(lanes.path, lanes.hamiltonian.coordinates[0])
        written = [("hamiltonian", formula) for formula in moving.values()] + written
    if isinstance(lanes.drive, FormulaDrive):
        written = [("drive", lanes.drive._formula), *written]
    # Plain formulas hold no functions, and SymPy is not imported for them.
    written = [(whose, formula) for whose, formula in written if not isinstance(formula, Plain)]
    found = ((whose, part) for whose, formula in written for part in of(formula, moves[whose]))
    return list(dict.fromkeys(found))


@functools.lru_cache(maxsize=4096)
def _watched(formula: sympy.Expr, moving: str | None) -> tuple[tuple[sympy.Expr, str], ...]:
    """Return what to look at, innermost first, and for what; all symbols move, or one."""
    # Zeros and turning points of arguments are "features"; those of inner arguments are only
    # "samples". "levels" belong to what makes a function large or small: a power is exp(n
    # log|base|).
    import sympy

    arguments: list[Any] = []
    exponents: list[Any] = []
    for part in sympy.preorder_traversal(formula):
        if isinstance(part, sympy.Pow):
            base, exponent = part.args
            if not (exponent.is_Integer and 0 < exponent < _LARGE_POWER):
                arguments += [base, exponent]
                exponents += [exponent, exponent * sympy.log(sympy.Abs(base))]
        elif isinstance(part, sympy.Function) and not _is_smooth(part):
            arguments += part.args
            exponents += part.args
    found: dict[tuple[sympy.Expr, str], None] = {}
    for argument in arguments:
        for part in sympy.preorder_traversal(argument.as_coeff_Mul()[1]):
            if part.args and not part.is_number:
                found[part.as_coeff_Mul()[1], "samples"] = None
    for argument in arguments:
        found.pop((argument.as_coeff_Mul()[1], "samples"), None)
        found[argument.as_coeff_Mul()[1], "features"] = None
    found |= dict.fromkeys((exponent, "levels") for exponent in exponents)
    varying = (part for part in found if _moves(part[0], moving))
    return tuple(sorted(varying, key=lambda part: (sympy.count_ops(part[0]), part[1] == "levels")))


def _moves(formula: sympy.Expr, moving: str | None) -> bool:
    names = {symbol.name for symbol in formula.free_symbols}
    return bool(names) if moving is None else moving in names


def _is_smooth(function: sympy.Expr) -> bool:
    """Whether a function is nowhere far narrower than its argument says, its breakpoints apart."""
    import sympy

    return isinstance(function, (sympy.sin, sympy.cos)) or is_drive(function)


@functools.lru_cache(maxsize=4096)
def _angles(formula: sympy.Expr, moving: str | None) -> tuple[sympy.Expr, ...]:
    """Return the arguments of its harmonic functions."""
    import sympy

    parts = formula.atoms(sympy.sin, sympy.cos)
    return tuple(part.args[0] for part in parts if _moves(part.args[0], moving))


@functools.lru_cache(maxsize=4096)
def _combs(formula: sympy.Expr, moving: str | None) -> tuple[sympy.Expr, ...]:
    """Return the formula if it holds enough harmonic functions to be a train of pulses."""
    return (formula,) if _harmonics(formula, moving) > _FEW_HARMONICS else ()


def _harmonics(formula: sympy.Expr, moving: str | None) -> int:
    """Return how many harmonic functions are added and multiplied, with their powers."""
    import sympy

    if isinstance(formula, (sympy.sin, sympy.cos)):
        return 1 if _moves(formula, moving) else 0
    if isinstance(formula, sympy.Pow) and formula.exp.is_Integer and formula.exp > 0:
        return int(formula.exp) * _harmonics(formula.base, moving)
    return sum(_harmonics(part, moving) for part in formula.args)


@functools.lru_cache(maxsize=4096)
def _turning(formula: sympy.Expr) -> tuple[tuple[int, sympy.Expr], ...]:
    """Return the angles of every product in it, one for all that turn together, and their power."""
    import sympy

    if isinstance(formula, (sympy.sin, sympy.cos)):
        return ((1, formula.args[0]),) if formula.free_symbols else ()
    if isinstance(formula, sympy.Pow) and formula.exp.is_Integer and formula.exp > 0:
        return tuple((int(formula.exp) * power, angle) for power, angle in _turning(formula.base))
    found = [part for parts in formula.args for part in _turning(parts)]
    if isinstance(formula, sympy.Mul) and found:
        together = sum(power for power, _ in found)
        return tuple(dict.fromkeys((together, angle) for _, angle in found))
    return tuple(dict.fromkeys(found))


def _find(lanes: Lanes, formulas: Sequence[Any], lane: npt.NDArray[np.intp]) -> list[list[float]]:
    start, stop = lanes.start[lane, None], lanes.stop[lane, None]
    evaluate = functools.partial(_evaluator, lanes)
    samples = _SAMPLES
    angles = _parts(lanes, formulas, _angles)
    if angles:
        grid = start + (stop - start) * np.linspace(0, 1, _SAMPLES)
        turned = sum(
            np.sum(np.abs(np.diff(evaluate(*angle)(grid, lane), axis=1)), axis=1)
            for angle in angles
        )
        periods = float(np.nanmax(np.where(np.isfinite(turned), turned, 0.0))) / (2 * np.pi)
        samples = int(min(max(samples, _SAMPLES_PER_PERIOD * periods), _MOST_SAMPLES))
    grid = _grid(lanes, lane, samples)
    features: list[list[float]] = [[] for _ in lane]
    levels: list[list[float]] = [[] for _ in lane]
    of_drive: list[tuple[_Values, str]] = []
    of_rest: list[tuple[_Values, str]] = []
    for whose, part in _parts(lanes, formulas, _watched):
        (of_drive if whose == "drive" else of_rest).append((evaluate(whose, part[0]), part[1]))
    if of_rest:
        of_drive.append((lanes.positions, "samples"))
    for values, what in of_drive + of_rest:
        rows, times = (_beside if what == "levels" else _watch)(values, grid, lane)
        grid = _with(grid, rows, times)
        if what != "samples":
            kept = levels if what == "levels" else features
            for row, time in zip(rows.tolist(), times.tolist(), strict=True):
                kept[row].append(time)
    width = 1e-12 * (stop - start)[:, 0]
    return [_distinct(*times) for times in zip(features, levels, width, strict=True)]


def _grid(lanes: Lanes, lane: npt.NDArray[np.intp], samples: int) -> FloatArray:
    """Return even samples of every window, the knots of the drive, and points between these."""
    start, stop = lanes.start[lane, None], lanes.stop[lane, None]
    grid = start + (stop - start) * np.linspace(0, 1, samples)
    grid[:, -1] = stop[:, 0]
    knots = lanes.breakpoints[lane]
    if knots.shape[1] == 0:
        return grid
    knots = np.clip(np.where(np.isnan(knots), stop, knots), start, stop)
    count = max(1, min(_PER_SEGMENT, _MOST_SAMPLES // knots.shape[1]))
    parts = np.arange(count) / count
    between = knots[:, :-1, None] + np.diff(knots, axis=1)[:, :, None] * parts
    cuts = np.concatenate([between.reshape(lane.size, -1), knots[:, -1:]], axis=1)
    return np.sort(np.concatenate([grid, cuts], axis=1), axis=1)


def _beside(
    values: _Values, grid: FloatArray, lane: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return rows and times at which values that change fast pass through one of the levels."""
    u = np.abs(_finite(values(grid, lane)))
    fast = np.abs(np.diff(u, axis=1)) > 1.0
    below = u[..., None] < _LEVELS
    row, column, which = np.nonzero((below[:, :-1] != below[:, 1:]) & fast[..., None])
    level = np.array(_LEVELS)[which, None]

    def beyond(times: FloatArray, of: npt.NDArray[np.intp]) -> FloatArray:
        return np.abs(values(times, of)) - level

    left, right = grid[row, column], grid[row, column + 1]
    return row, _zoom(beyond, left, right, lane[row], turning=False, steps=_LEVEL_STEPS)


def _finite(u: FloatArray) -> FloatArray:
    """Return numbers for what is infinite or unknown."""
    return np.clip(np.nan_to_num(u, nan=0.0), -_HUGE, _HUGE)


def _with(grid: FloatArray, rows: npt.NDArray[np.intp], times: FloatArray) -> FloatArray:
    """Return the grid with more times in it, rows of one length."""
    if rows.size == 0 or grid.shape[1] > _MOST_SAMPLES:
        return grid
    place = np.concatenate([np.zeros(1, dtype=np.intp), np.cumsum(np.bincount(rows))])
    order = np.argsort(rows, kind="stable")
    added = np.repeat(grid[:, -1:], int(np.diff(place).max()), axis=1)
    added[rows[order], np.arange(rows.size) - place[rows[order]]] = times[order]
    return np.sort(np.concatenate([grid, added], axis=1), axis=1)


def _distinct(found: list[float], beside: list[float], width: float) -> list[float]:
    """Return the times that are a width apart; features go before what lies beside them."""
    kept: list[float] = []
    for time in [*sorted(found), *sorted(beside)]:
        place = bisect.bisect(kept, time)
        near = kept[max(place - 1, 0) : place + 1]
        if all(abs(time - other) > width for other in near):
            kept.insert(place, time)
    return kept


def _watch(
    values: _Values, grid: FloatArray, lane: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return rows and times at which the values pass through zero or turn round."""
    u = _finite(values(grid, lane))
    step = np.sign(np.diff(u, axis=1))
    row, column = np.nonzero((u[:, :-1] < 0) != (u[:, 1:] < 0))
    zero = _zoom(values, grid[row, column], grid[row, column + 1], lane[row], turning=False)
    # On a plateau, be it of two samples that differ by rounding, the last step before it counts.
    last = np.maximum.accumulate(np.where(step != 0, np.arange(step.shape[1]), 0), axis=1)
    before = np.take_along_axis(step, last, axis=1)
    turn_row, turn_column = np.nonzero(before[:, :-1] * step[:, 1:] < 0)
    turn = _zoom(
        values,
        grid[turn_row, last[turn_row, turn_column]],
        grid[turn_row, turn_column + 2],
        lane[turn_row],
        turning=True,
    )
    return np.concatenate([row, turn_row]), np.concatenate([zero, turn])


def _zoom(
    values: _Values,
    left: FloatArray,
    right: FloatArray,
    lane: npt.NDArray[np.intp],
    *,
    turning: bool,
    steps: int = _STEPS,
) -> FloatArray:
    """Narrow brackets of a change of sign, or of a turning point, to rounding."""
    if left.size == 0:
        return left
    index, first = np.arange(left.size), right - left
    for _ in range(steps):
        times = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, _ZOOM)
        times[:, -1] = right
        u = _finite(values(times, lane))
        if turning:
            up = u[:, [_ZOOM // 2]] >= 0.5 * (u[:, [0]] + u[:, [-1]])
            best = np.argmax(np.where(up, u, -u), axis=1)
            low, high = np.maximum(best - 1, 0), np.minimum(best + 1, _ZOOM - 1)
        else:
            low = np.argmax((u[:, :-1] < 0) != (u[:, 1:] < 0), axis=1)
            high = low + 1
        left, right = times[index, low], times[index, high]
    if turning:
        return 0.5 * (left + right)
    # A pole that is met exactly is refused by name; next to it H is only very large.
    unit = 1e-12 * first
    times = np.stack([left, 0.5 * (left + right), unit * np.round(left / unit), right], axis=1)
    u = np.abs(values(times, lane))
    nearest = np.argmin(np.where(np.isfinite(u), u, np.inf), axis=1)
    return np.asarray(times[index, nearest])


def _evaluator(lanes: Lanes, source: str, formula: sympy.Expr) -> _Values:
    """Return the values of a formula at times (P, n) of the lanes (P,)."""
    used = sorted(formula.free_symbols, key=str)
    function = expression.compile_function(used, formula)
    names = [symbol.name for symbol in used]
    parameters: Mapping[str, FloatArray] = (
        lanes.d_parameters if source == "drive" else lanes.h_parameters
    )
    coordinates: tuple[str, ...] = () if source == "drive" else lanes.hamiltonian.coordinates
    if source == "environment":
        coordinates = ("x",) if lanes.path is None else lanes.path.coordinates

    def values(times: FloatArray, lane: npt.NDArray[np.intp]) -> FloatArray:
        x = [times]
        if source == "environment" and lanes.path is not None:
            x = list(np.moveaxis(lanes.coordinates(times, lane), -1, 0))
        elif source != "drive":
            x = [lanes.positions(times, lane)]
        arguments = []
        for name in names:
            if name in coordinates:
                arguments.append(x[coordinates.index(name)])
            elif name == "t" and source != "hamiltonian":
                arguments.append(times)
            else:
                arguments.append(parameters[name][lane][:, None])
        with np.errstate(all="ignore"):
            result = function(*arguments)
        return np.array(np.broadcast_to(np.real(result), times.shape), dtype=np.float64)

    return values
