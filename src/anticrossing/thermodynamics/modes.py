"""What every method about independent fermion modes needs: checked input, and transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    describe,
    fail,
    fraction,
    hermitian,
    of_shape,
    real_array,
    shaped_like,
    square_matrix,
)
from anticrossing._core.linalg import nearer_unitary
from anticrossing._core.result import Result
from anticrossing._core.threads import few_threads
from anticrossing._core.variables import Shown, shown

BoolArray = npt.NDArray[np.bool_]

_LARGEST_DEFECT = 1e-6  # of W†W: further from unitary is no propagator
_ROUNDING = 1e-9  # by which eigenvalues of a correlation matrix may leave [0, 1]


@dataclass(frozen=True, eq=False)
class Transitions(Result):
    """Transitions between occupied sets of modes.

    Attributes
    ----------
    initial, final : array of bool, shape (n, N)
        Which modes are occupied before and after.
    probabilities : array, shape (n,)
        Their probabilities.
    """

    initial: BoolArray
    final: BoolArray
    probabilities: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "probability": shown("transition", text="probability"),
        "initial": shown("transition", "mode", text="whether occupied before"),
        "final": shown("transition", "mode", text="whether occupied after"),
    }

    def values(self, initial_values: npt.ArrayLike, final_values: npt.ArrayLike) -> FloatArray:
        """Return ``Σ qT_j − Σ q0_i`` of each, shape (n,); (n, K) for values of shape (K, N).

        Raises
        ------
        InputError
            If the values are not finite, or not one for each mode.
        """
        modes = self.initial.shape[1]
        before = real_array("initial_values", initial_values)
        after = real_array("final_values", final_values)
        if before.ndim not in (1, 2) or before.shape[-1] != modes:
            raise fail(
                "initial_values", f"have shape ({modes},) or (K, {modes})", f"it is {before.shape}"
            )
        shaped_like("final_values", after, "initial_values", before.shape)
        return self.final @ after.T - self.initial @ before.T


def nearest_unitary(name: str, matrix: npt.ArrayLike) -> ComplexArray:
    """Return the unitary matrix next to a nearly unitary one, or raise `InputError`."""
    array = square_matrix(name, matrix, single=True).copy()
    with few_threads(array.shape[0]):
        array, defect = nearer_unitary(array)
    if defect > _LARGEST_DEFECT:
        raise fail(name, "be unitary", f"its W†W differs from the unit matrix by {defect:.3g}")
    with few_threads(array.shape[0]):
        return nearer_unitary(array)[0]


def checked_log_odds(
    modes: int, *, occupations: npt.ArrayLike | None, log_odds: npt.ArrayLike | None
) -> FloatArray:
    """Return the log-odds of N modes, given as such or as occupations, or raise `InputError`."""
    if (occupations is None) == (log_odds is None):
        given = "neither is given" if occupations is None else "both are given"
        raise fail("occupations", "be given, or else `log_odds`", given)
    if occupations is not None:
        name, array = "occupations", logit(fraction("occupations", occupations))
    else:
        name = "log_odds"
        try:
            array = np.array(log_odds, dtype=np.float64)
        except (TypeError, ValueError):
            raise fail(name, "be an array of real numbers", f"it is {describe(log_odds)}") from None
        if np.any(np.isnan(array)):
            raise fail(name, "not contain NaN", f"it is {describe(log_odds)}")
    return of_shape(name, array, (modes,))


def checked_correlation(modes: int, correlation: npt.ArrayLike) -> ComplexArray:
    """Return a correlation matrix of N modes, eigenvalues in [0, 1], or raise `InputError`."""
    array = hermitian("correlation", correlation)
    of_shape("correlation", array, (modes, modes))
    occupied = np.linalg.eigvalsh(array)
    if occupied[0] < -_ROUNDING or occupied[-1] > 1 + _ROUNDING:
        raise fail(
            "correlation",
            "have eigenvalues between 0 and 1",
            f"they reach from {occupied[0]:.3g} to {occupied[-1]:.3g}",
        )
    return array
