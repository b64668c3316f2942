"""Where H(x(t)) may do something in a time far shorter than the window, found from its formulas.

A smooth formula is narrow only where the argument of one of its functions passes through zero or
turns round: exp(−(t − t₀)²/2w²) at t₀, tanh((t − t₀)/w) at t₀, 1/(w² + (t − t₀)²) at t₀. Arguments
are smooth on the scale of the window even where the formula is not, so their zeros and turning
points are found by sampling. Panels that end at such a time have nodes on the feature.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing import expression
from anticrossing._plain import Plain
from anticrossing.checks import FloatArray
from anticrossing.drive import FormulaDrive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import TermHamiltonian

if TYPE_CHECKING:
    import sympy

_SAMPLES = 256
_SAMPLES_PER_PERIOD = 24
_MOST_SAMPLES = 2**17
_MOST_NUMBERS = 2**22  # samples of all parameter points at once
_ZOOM = 17  # points across a bracket in every step of the search
_STEPS = 13

_Values = Callable[[FloatArray, npt.NDArray[np.intp]], FloatArray]


def find(lanes: Lanes, formulas: Sequence[Any] = ()) -> FloatArray | None:
    """Return times (lanes, k) at which features may lie, padded with NaN, or None.

    `formulas` in x and t belong to an environment. What is a Python function is not looked into.
    """
    if not _sources(lanes, formulas):
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
    """Whether H(x(t)) is made of polynomials and harmonic functions alone: it has no features."""
    opaque = not isinstance(lanes.hamiltonian, TermHamiltonian)
    return not opaque and not _sources(lanes, formulas)


def _sources(lanes: Lanes, formulas: Sequence[Any]) -> list[tuple[str, sympy.Expr]]:
    """Return the arguments to be watched, with whose symbols they are written in."""
    return _parts(lanes, formulas, _arguments)


def _parts(
    lanes: Lanes, formulas: Sequence[Any], of: Callable[[Any], tuple[sympy.Expr, ...]]
) -> list[tuple[str, sympy.Expr]]:
    """Return what `of` finds in every formula, once, with whose symbols it is written in."""
    written: list[tuple[str, Any]] = [("environment", formula) for formula in formulas]
    if isinstance(lanes.hamiltonian, TermHamiltonian):
        written = [("hamiltonian", f) for f in lanes.hamiltonian.formulas] + written
    if isinstance(lanes.drive, FormulaDrive):
        written = [("drive", lanes.drive._formula), *written]
    # Plain formulas hold no functions, and SymPy is not imported for them.
    written = [(whose, formula) for whose, formula in written if not isinstance(formula, Plain)]
    found = ((whose, part) for whose, formula in written for part in of(formula))
    return list(dict.fromkeys(found))


@functools.lru_cache(maxsize=4096)
def _arguments(formula: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """Return the arguments whose zeros and turning points matter, innermost first."""
    import sympy

    found: dict[sympy.Expr, int] = {}
    for part in sympy.preorder_traversal(formula):
        inner: tuple[Any, ...] = ()
        if isinstance(part, sympy.Pow):
            base, exponent = part.args
            if not (exponent.is_Integer and exponent > 0):
                inner = (base, exponent)
        elif isinstance(part, sympy.Function) and not isinstance(part, (sympy.sin, sympy.cos)):
            inner = part.args
        for argument in inner:
            if argument.free_symbols:
                found[argument] = max(found.get(argument, 0), sympy.count_ops(argument))
    return tuple(sorted(found, key=found.__getitem__))


@functools.lru_cache(maxsize=4096)
def _angles(formula: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """Return the arguments of its harmonic functions."""
    import sympy

    parts = formula.atoms(sympy.sin, sympy.cos)
    return tuple(part.args[0] for part in parts if part.args[0].free_symbols)


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
    grid = start + (stop - start) * np.linspace(0, 1, samples)
    grid[:, -1] = stop[:, 0]
    found: list[list[float]] = [[] for _ in lane]
    for source in _sources(lanes, formulas):
        values = evaluate(*source)
        for row, time in zip(*_watch(values, grid, lane), strict=True):
            found[row].append(float(time))
        if any(found):
            grid = _with(grid, found)
    spacing = 1e-12 * (stop - start)[:, 0]
    return [_distinct(times, width) for times, width in zip(found, spacing, strict=True)]


def _with(grid: FloatArray, found: list[list[float]]) -> FloatArray:
    """Return the grid with the features of every row in it, rows of one length."""
    rows = [np.unique(np.concatenate([row, times])) for row, times in zip(grid, found, strict=True)]
    longest = max(row.size for row in rows)
    return np.stack([np.concatenate([row, np.full(longest - row.size, row[-1])]) for row in rows])


def _distinct(times: list[float], width: float) -> list[float]:
    kept: list[float] = []
    for time in sorted(times):
        if not kept or time - kept[-1] > width:
            kept.append(time)
    return kept


def _watch(
    values: _Values, grid: FloatArray, lane: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return rows and times at which the values pass through zero or turn round."""
    u = values(grid, lane)
    u = np.where(np.isfinite(u), u, 0.0)
    step = np.sign(np.diff(u, axis=1))
    row, column = np.nonzero((u[:, :-1] < 0) != (u[:, 1:] < 0))
    zero = _zoom(values, grid[row, column], grid[row, column + 1], lane[row], turning=False)
    turn_row, turn_column = np.nonzero(step[:, :-1] * step[:, 1:] < 0)
    turn = _zoom(
        values,
        grid[turn_row, turn_column],
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
) -> FloatArray:
    """Narrow brackets of a change of sign, or of a turning point, to rounding."""
    if left.size == 0:
        return left
    index, first = np.arange(left.size), right - left
    for _ in range(_STEPS):
        times = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, _ZOOM)
        times[:, -1] = right
        u = values(times, lane)
        u = np.where(np.isfinite(u), u, 0.0)
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
    coordinate = "" if source == "drive" else lanes.hamiltonian.coordinates[0]
    if source == "environment":
        coordinate = "x"

    def values(times: FloatArray, lane: npt.NDArray[np.intp]) -> FloatArray:
        x = lanes.positions(times, lane) if source != "drive" else times
        arguments = []
        for name in names:
            if name == coordinate:
                arguments.append(x)
            elif name == "t" and source != "hamiltonian":
                arguments.append(times)
            else:
                arguments.append(parameters[name][lane][:, None])
        with np.errstate(all="ignore"):
            result = function(*arguments)
        return np.array(np.broadcast_to(np.real(result), times.shape), dtype=np.float64)

    return values
