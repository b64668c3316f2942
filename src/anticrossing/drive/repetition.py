"""The period of a drive, read off its formula: tones whose frequencies have a common divisor."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression, plain
from anticrossing._core.checks import FloatArray
from anticrossing.drive.base import Drive
from anticrossing.drive.formula import FormulaDrive
from anticrossing.drive.path import Clock, Path

if TYPE_CHECKING:
    import sympy

_MOST_PERIODS = 64  # of the quickest tone, within one period of all
_ROUNDING = 1e-15  # of a frequency: tones that are commensurate but for this are meant to be
_TWO_PI = Fraction("6.28318530717958647692528676655900576839433879875021")
_HALF_DIGITS = 26  # bits of a factor, so that products with numbers of as many bits are exact


class Repetition(NamedTuple):
    """A period of 2π·turns/frequency at every parameter point."""

    frequency: FloatArray
    turns: npt.NDArray[np.int64]

    @property
    def period(self) -> FloatArray:
        """The period as doubles hold it."""
        return np.asarray(2 * np.pi * self.turns / self.frequency)

    def parts(self) -> FloatArray:
        """Return numbers of ever fewer digits that add up to the period, shape (3, …).

        Products of the first with 2²⁷ periods are exact: what is left of a long time after whole
        periods keeps its digits.
        """
        whole = np.stack([self.frequency.ravel(), self.turns.ravel().astype(np.float64)])
        distinct, where = np.unique(whole, axis=1, return_inverse=True)
        found = np.array([_parts(float(w), int(turns)) for w, turns in distinct.T])
        return found[where.ravel()].T.reshape(3, *self.frequency.shape)


def repetition(drive: Drive) -> Repetition | None:
    """Return the period of a drive, or None if its formula shows none."""
    drives = [drive]
    if isinstance(drive, Clock):
        drive = drive.path
    if isinstance(drive, Path):
        drives = list(drive.drives.values())
    found: list[FloatArray] = []
    for one in drives:
        own = _frequencies(one)
        if own is None:
            return None
        found += own
    return _common(found) if found else None


def _frequencies(drive: Drive) -> list[FloatArray] | None:
    """Return the angular frequencies in a drive, or None if it is not periodic."""
    if not isinstance(drive, FormulaDrive):
        return None
    if drive.name == "Sinusoidal":
        return [drive.parameters["frequency"]]
    if isinstance(drive._formula, plain.Plain):  # without functions
        return [] if not plain.depends_on(drive._formula, "t") else None
    tones = _tones(drive.formula)
    if tones is None:
        return None
    names = [expression.symbol(name) for name in drive.parameters]
    values = list(drive.parameters.values())
    return [np.asarray(expression.compile_function(names, tone)(*values), float) for tone in tones]


@functools.lru_cache(maxsize=256)
def _tones(formula: sympy.Expr) -> tuple[sympy.Expr, ...] | None:
    """Return the angular frequencies in a formula, or None if t stands anywhere else."""
    import sympy

    t = expression.symbol("t")
    if t not in formula.free_symbols:
        return ()
    if formula == t:
        return None
    parts, found = formula.args, []
    if isinstance(formula, (sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc)):
        angle = sympy.expand(formula.args[0])
        slopes = {term: sympy.diff(term, t) for term in sympy.Add.make_args(angle)}
        turning = [term for term, slope in slopes.items() if t not in slope.free_symbols]
        found = [sympy.Add(*(slopes[term] for term in turning))]
        parts = tuple(term for term in slopes if term not in turning)
    for part in parts:
        inner = _tones(part)
        if inner is None:
            return None
        found += inner
    return tuple(dict.fromkeys(tone for tone in found if tone != 0))


def _common(frequencies: list[FloatArray]) -> Repetition | None:
    """Return the shortest period of all tones, or None if some have none in common."""
    tones = np.abs(np.stack(np.broadcast_arrays(*frequencies)))
    quickest = np.max(tones, axis=0)
    if not np.all((quickest > 0) & np.isfinite(quickest)):
        return None
    share = tones / quickest
    turns = np.zeros(quickest.shape, dtype=np.int64)
    for number in range(1, _MOST_PERIODS + 1):
        away = np.abs(number * share - np.round(number * share))
        fits = np.all(away <= _ROUNDING * number, axis=0)
        turns = np.where((turns == 0) & fits, number, turns)
        if turns.all():
            return Repetition(quickest, turns)
    return None


def _parts(frequency: float, turns: int) -> tuple[float, float, float]:
    """Return 2π·turns/frequency in three parts."""
    rest = _TWO_PI * turns / Fraction(frequency)
    found: list[Any] = []
    for _ in range(2):
        digits, power = np.frexp(float(rest))
        digits = np.round(np.ldexp(digits, _HALF_DIGITS))
        found.append(float(np.ldexp(digits, power - _HALF_DIGITS)))
        rest -= Fraction(found[-1])
    return found[0], found[1], float(rest)
