"""The crossings of fitted levels, and how well their gap, position and slopes are known.

The gap g is a minimum, so ∂g/∂p is the derivative of the gap at a fixed coordinate (Hellmann and
Feynman). Position and slope difference move with the parameters: central differences of a tenth of
each parameter's error, with the crossing found anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import FloatArray, InputError
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.fits._transitions import OFFSET, SCALE, SHIFT, Transition, Transitions
from anticrossing.fits.fitted import FittedParameter
from anticrossing.fits.lines import Lines
from anticrossing.spectrum import Crossing, find_crossings

_STEP = 0.1  # of an error
_MOST_LEVELS = 512


@dataclass(frozen=True, eq=False)
class FittedCrossing(Result):
    """A crossing of fitted levels.

    Attributes
    ----------
    levels : (int, int)
        The two levels.
    kind : str
        ``"avoided"`` or ``"true"``.
    gap : FittedParameter
        Its gap g, in energies of H.
    position : FittedParameter
        Where it lies, as a value of the control.
    slope_difference : FittedParameter
        |F₁ − F₂| of the local diabats in energies of H per unit of the control: a control that
        moves at the rate v sweeps the diabatic energy difference at the rate |F₁ − F₂| v.
    covariance : array, shape (3, 3)
        Of gap, position and slope difference; of a true crossing the gap has none.
    """

    levels: tuple[int, int]
    kind: str
    gap: FittedParameter
    position: FittedParameter
    slope_difference: FittedParameter
    covariance: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "kind": shown(text="avoided or true"),
        "levels": shown("pair", text="the two levels"),
        "values": shown("quantity", text="gap, position, slope difference"),
        "covariance": shown(
            "quantity", "quantity_2", text="covariance of gap, position and slope difference"
        ),
    }

    @property
    def values(self) -> FloatArray:
        """Gap, position, slope difference."""
        return np.array([self.gap.value, self.position.value, self.slope_difference.value])

    def __str__(self) -> str:
        low, high = self.levels
        return (
            f"{self.kind} crossing of levels {low} and {high}: gap {self.gap}, "
            f"position {self.position}, slope difference {self.slope_difference}"
        )


def crossings_of(
    model: Transitions, values: FloatArray, covariance: FloatArray, lines: Lines
) -> tuple[FittedCrossing, ...]:
    """Return the crossings between the outermost controls of the lines."""
    H = model.hamiltonian
    if H.dimension > _MOST_LEVELS or np.ptp(lines.control) == 0:
        return ()
    ends = (float(lines.control.min()), float(lines.control.max()))
    found = _found(model, values, ends)
    if not found:
        return ()
    count = values.size
    own = covariance[:count, :count]
    errors = np.sqrt(np.diag(own))
    slopes = np.zeros((len(found), 3, count))
    for k, name in enumerate(model.varied):
        if name == OFFSET or not np.isfinite(errors[k]) or errors[k] == 0:
            continue
        moved = [values.copy(), values.copy()]
        moved[0][k] -= _STEP * errors[k]
        moved[1][k] += _STEP * errors[k]
        below, above = (_found(model, each, ends) for each in moved)
        for row, one in enumerate(found):
            pair = _same(one, below), _same(one, above)
            if pair[0] is None or pair[1] is None:
                slopes[row, :, k] = np.nan
            else:
                slopes[row, :, k] = (_numbers(pair[1]) - _numbers(pair[0])) / (
                    2 * _STEP * errors[k]
                )
    unknown = ~np.isfinite(errors)
    finite = np.where(np.isfinite(own), own, 0.0)
    made = []
    for row, one in enumerate(found):
        derived = slopes[row]
        derived[0] = _gap_slopes(model, values, one) if one.kind == "avoided" else 0.0
        spread = derived @ finite @ derived.T
        if np.any(unknown):
            spread = np.full((3, 3), np.inf)
        spread = np.where(np.isnan(spread), np.inf, spread)
        deviations = np.sqrt(np.diag(spread))
        varied = bool(count)
        gap, position, slope = (
            FittedParameter(name, float(value), float(error), varied)
            for name, value, error in zip(
                ("gap", "position", "slope_difference"), _numbers(one), deviations, strict=True
            )
        )
        made.append(FittedCrossing(one.levels, one.kind, gap, position, slope, spread))
    return tuple(made)


def _found(model: Transitions, values: FloatArray, ends: tuple[float, float]) -> list[Crossing]:
    """Return the crossings with positions and slopes of the control."""
    named = model.parameters(values)
    scale, shift = named[SCALE], named[SHIFT]
    if scale == 0:
        return []
    H = model.hamiltonian.replace(**model.of_hamiltonian(values))
    start, stop = sorted(shift + scale * end for end in ends)
    # A little beyond, so that a crossing at the edge is still there for other parameters.
    room = 0.01 * (stop - start)
    count = 1 + max(one.upper for one in model.transitions)
    try:
        found = find_crossings(H, start - room, stop + room, count=count)
    except InputError:  # H is not finite a little beyond
        found = find_crossings(H, start, stop, count=count)
    return [
        dataclasses.replace(
            one,
            position=(one.position - shift) / scale,
            slope_difference=one.slope_difference * abs(scale),
        )
        for one in found
    ]


def _numbers(one: Crossing) -> FloatArray:
    return np.array([one.gap, one.position, one.slope_difference])


def _same(one: Crossing, others: list[Crossing]) -> Crossing | None:
    """Return the crossing among others that is nearest, of the same kind and levels."""
    alike = [o for o in others if o.kind == one.kind and o.levels == one.levels]
    return min(alike, key=lambda o: abs(o.position - one.position), default=None)


def _gap_slopes(model: Transitions, values: FloatArray, one: Crossing) -> Any:
    """Return ∂g/∂p at the place of a crossing, in energies of H."""
    low, high = one.levels
    here = model.at(np.array([one.position]), [Transition(low, high)])
    derived = here.with_derivatives(values[None])[1][0, 0, 0] / model.factor
    if OFFSET in model.varied:
        derived[model.varied.index(OFFSET)] = 0.0
    return derived
