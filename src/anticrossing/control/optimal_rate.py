"""The fastest linear sweep through an avoided crossing for a given error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core import drawing
from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    InputError,
    fail,
    number_between,
    positive_number,
    real_number,
)
from anticrossing._core.result import Result
from anticrossing._core.roots import bracketed
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import FormulaDrive, Linear
from anticrossing.dynamics.propagation import propagate
from anticrossing.models import LandauZener

_SAMPLES_PER_TURN = 16  # of the oscillation of the jump probability with the sweep time
_MOST_SAMPLES = 40_000
_MARGIN = 1.2  # for first-order estimates of what the ends of the window do
_FIRST_ORDER = 0.1  # amplitude up to which those estimates are trusted
_SUDDEN = 0.02  # phase of a sweep so fast that nothing happens on the way
_LEAST_ERROR = 1e-8  # the exact probabilities must be much more accurate than this
_SMALLEST, _LARGEST, _FARTHEST = 1e-100, 1e100, 1e6  # of the gap, and of the ends in gaps


@dataclass(frozen=True)
class OptimalRate(Result):
    """Rates of the diabatic energy difference for a given probability to jump.

    Attributes
    ----------
    gap, error : float
        g and the allowed probability to jump.
    formula : float
        ``πg² / 2 ln(1/error)``: the rate between infinite times (Landau–Zener).
    rate : float
        The greatest rate at which the exact jump probability on the window does not exceed the
        error; the formula's rate where no window was given.
    safe_rate : float
        The greatest rate up to which no slower sweep exceeds the error: below `rate` where that one
        lies in a dip of the oscillations that the ends of the window cause.
    probability : float
        The jump probability at `rate`: exact on the window, else from the formula.
    drive : FormulaDrive or None
        The sweep at `rate`, for `LandauZener`; None without a window.
    """

    gap: float
    error: float
    formula: float
    rate: float
    safe_rate: float
    probability: float
    drive: FormulaDrive | None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "rate": shown(text="greatest rate within the error"),
        "safe_rate": shown(text="no slower sweep exceeds the error either"),
        "formula": shown(text="rate between infinite times"),
        "probability": shown(text="jump probability at the rate"),
        "gap": shown(text="minimum gap"),
        "error": shown(text="allowed probability to jump"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the Landau–Zener probability against the rate, and the rates that were found.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        rates = np.geomspace(0.3, 3.0, 200) * self.formula
        axes.plot(rates, self.error ** (self.formula / rates), label="infinite window")
        axes.plot(self.rate, self.probability, "o", label="this sweep")
        axes.set(xlabel="sweep rate", ylabel="jump probability")
        axes.legend()
        return axes

    def __str__(self) -> str:
        lines = [
            f"Fastest linear sweep through a gap of {self.gap:.6g} with error {self.error:.3g}",
            f"  infinite window    {self.formula:.8g}",
        ]
        if self.drive is not None:
            lines += [
                f"  this window        {self.rate:.8g} (jump probability {self.probability:.6g})",
                f"  and all below      {self.safe_rate:.8g}",
            ]
        return "\n".join(lines)


def optimal_rate(
    *, gap: float, error: float, start: float | None = None, stop: float | None = None
) -> OptimalRate:
    """Return the greatest rate at which a linear sweep jumps with no more than a given probability.

    ``H = ½ [[x, g], [g, −x]]``, x = αt. Between infinite times ``exp(−πg²/2α) = error`` gives
    ``α = πg² / 2 ln(1/error)``. On a window of detunings the exact probability between adiabatic
    levels decides: it oscillates with the rate, by what the abrupt ends contribute, an amplitude of
    ``αg/2(x² + g²)^{3/2}`` each.

    Parameters
    ----------
    gap : float
        Minimum adiabatic gap g (energy), positive.
    error : float
        Largest probability to jump, between 0 and 1; at least 1e-8 with a window.
    start, stop : float, optional
        First and last detuning of the sweep (energy), start < stop; both or none.

    Returns
    -------
    OptimalRate

    Raises
    ------
    InputError
        For arguments out of range, or a window so short that every rate meets the error.
    ConvergenceError
        If the jump probability oscillates too often between the rates that need to be compared.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932); finite window: N. V. Vitanov, B. M. Garraway, Phys.
    Rev. A 53, 4288 (1996).

    Examples
    --------
    >>> found = optimal_rate(gap=1.0, error=1e-3, start=-20.0, stop=20.0)
    >>> print(f"{found.formula:.5f} {found.rate:.5f} {found.probability:.6f}")
    0.22740 0.22738 0.001000
    """
    g = number_between("gap", positive_number("gap", gap), _SMALLEST, _LARGEST)
    wanted = real_number("error", error)
    if not 0 < wanted < 1:
        raise fail("error", "lie between 0 and 1", f"it is {wanted:g}")
    if (start is None) != (stop is None):
        raise fail("start", "be given together with `stop`", "only one of them is")
    formula = 0.5 * np.pi * g**2 / -np.log(wanted)
    if start is None or stop is None:
        return OptimalRate(g, wanted, formula, formula, formula, wanted, None)
    first, last = real_number("start", start), real_number("stop", stop)
    if first >= last:
        raise fail("stop", "lie above `start`", f"they are {first:g} and {last:g}")
    if max(-first, last) > _FARTHEST * g:
        raise fail(
            "start and stop", f"lie within {_FARTHEST:g} gaps", f"they are {first:g} and {last:g}"
        )
    if wanted < _LEAST_ERROR:
        raise fail("error", f"be at least {_LEAST_ERROR:g} with a window", f"it is {wanted:g}")
    return _on_window(g, wanted, formula, first, last)


def _on_window(g: float, wanted: float, formula: float, first: float, last: float) -> OptimalRate:
    sudden = np.sin(0.5 * (np.arctan2(g, first) - np.arctan2(g, last))) ** 2
    if sudden <= wanted:
        raise InputError(
            f"The window from {first:g} to {last:g} must let a sudden sweep jump with more than "
            f"the error {wanted:g}, but it jumps with {sudden:.3g}: every rate is slow enough."
        )
    model = LandauZener(gap=g)

    def excess(rates: FloatArray) -> FloatArray:
        runs = propagate(model, Linear(first, last, rate=rates), tolerance=1e-12)
        return np.asarray(runs.transition_matrix[..., 1, 0] - wanted)

    rates = _rates_to_compare(g, wanted, first, last)
    above = excess(rates) > 0
    upward = np.flatnonzero(~above[:-1] & above[1:])
    if above[0] or not above[-1] or upward.size == 0:
        raise ConvergenceError(
            "The jump probability does not settle at the ends of the range of rates searched; "
            "choose a wider window or another error."
        )
    found = [_root(excess, rates[k], rates[k + 1]) for k in (upward[-1], upward[0])]
    drive = Linear(first, last, rate=found[0])
    probability = float(propagate(model, drive, tolerance=1e-12).transition_matrix[1, 0])
    return OptimalRate(g, wanted, formula, found[0], found[1], probability, drive)


def _rates_to_compare(g: float, wanted: float, first: float, last: float) -> FloatArray:
    """Return rising rates that see every oscillation between certainly good and certainly bad."""
    # Three amplitudes add with unknown phases: the passage e^{−πg²/4α} and, to first order in the
    # rate, the two ends.
    ends = 0.5 * g * np.array([(x**2 + g**2) ** -1.5 for x in (first, last)]) * _MARGIN
    phase = _gap_integral(last, g) - _gap_integral(first, g)
    root = np.sqrt(wanted)
    lowest, highest = 1e-4 * min(g**2, root / ends.sum()), phase / _SUDDEN
    for _ in range(4):  # each time the ends are found more closely
        grid = np.geomspace(lowest, highest, 4000)
        passed = np.exp(-0.25 * np.pi * g**2 / grid) * (first < 0 < last)
        parts = np.stack([passed, ends[0] * grid, ends[1] * grid])
        good = parts.sum(axis=0) <= root
        least = parts / np.array([[1.0], [_MARGIN**2], [_MARGIN**2]])
        bad = (least + parts - parts.sum(axis=0)).max(axis=0) > root
        lowest = grid[max(int(np.argmin(good)) - 1, 0)]
        first_order = np.flatnonzero(ends.sum() * grid < _FIRST_ORDER)
        open_to = int(first_order[~bad[first_order]].max(initial=0)) + 1
        highest = grid[open_to if open_to in first_order else -1]
    turns = phase * (1 / lowest - 1 / highest) / (2 * np.pi)
    count = int(_SAMPLES_PER_TURN * turns) + 65
    if count > _MOST_SAMPLES:
        raise ConvergenceError(
            f"The jump probability oscillates {turns:.3g} times between the rates to be compared "
            f"({lowest:.3g} and {highest:.3g}): allow a larger error, or use a wider window."
        )
    even = 1 / np.linspace(1 / lowest, 1 / highest, count)
    return np.union1d(even, np.geomspace(lowest, highest, 65))


def _gap_integral(x: float, g: float) -> float:
    """Return ∫√(x² + g²) dx."""
    return float(0.5 * (x * np.hypot(x, g) + g**2 * np.arcsinh(x / g)))


def _root(excess: Callable[[FloatArray], FloatArray], low: float, high: float) -> float:
    return bracketed(
        lambda rate: float(excess(np.asarray(rate))), low, high, xtol=1e-14, rtol=1e-12
    )
