"""The Landau-Zener problem on a finite window, exactly, at any gap, rate and times.

The evolution under ``H(t) = ½ [[α t, g], [g, −α t]]`` in parabolic cylinder functions
``D_{iδ}(±e^{−iπ/4} √α t)`` with ``δ = g²/4α``; `_weber` holds how they are found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import choice, fail, non_negative, positive, real_array
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas._weber import evolution
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_duration
from anticrossing.formulas.result import (
    ComplexArray,
    DomainCheck,
    FloatArray,
    MatrixPrediction,
    broadcast,
    unwrap,
)

BASES = ("adiabatic", "diabatic")
_DIGITS = 32
_SMALL = 1e-20  # an amplitude below this one asks for more digits
_ALL_DIGITS = 200  # for any amplitude whose square is not zero in floating point


@dataclass(frozen=True, eq=False)
class FiniteWindow(MatrixPrediction):
    """The exact passage over a finite window.

    `value` is the probability to jump (adiabatic basis) or to keep the diabatic state (diabatic
    basis): the number that the Landau-Zener formula approximates.

    Attributes
    ----------
    matrix : ndarray
        Probabilities ``[..., final, initial]`` in `basis`, shape ``(..., 2, 2)``.
    propagator : ndarray
        Evolution matrix in the diabatic basis, shape ``(..., 2, 2)``.
    """

    matrix: FloatArray | None = None
    propagator: ComplexArray | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "value": shown(text="probability to jump, or to keep the diabatic state"),
        **MatrixPrediction._variables,
        "propagator": shown("row", "column", text="evolution matrix in the diabatic basis"),
    }

    @property
    def transition_matrix(self) -> FloatArray:
        """The matrix of probabilities, ``[..., final, initial]``."""
        return np.asarray(self.matrix, dtype=np.float64)


def finite_window(
    *,
    gap: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    basis: str = "adiabatic",
) -> FiniteWindow:
    """Exact Landau-Zener transition probability between two finite times.

    ``H(t) = ½ [[α t, g], [g, −α t]]`` from `start` to `stop`, which are *times* (the crossing is at
    ``t = 0``), not detunings. Diabatic read-out differs from the infinite-time formula by an
    amplitude of order ``g/(α T)``; adiabatic read-out by ``g/(α² T³)``-like terms only.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g`` (energy), not negative.
    sweep_rate : array_like
        Rate ``α`` of the diabatic energy difference (energy / time), positive.
    start, stop : array_like
        First and last time, ``start < stop``; the window need not contain the crossing.
    basis : {"adiabatic", "diabatic"}
        States prepared and read out: eigenstates of ``H(start)`` and ``H(stop)``, or the diabatic
        states.

    Returns
    -------
    FiniteWindow
        Jump probability, transition matrix and propagator. Every probability, however small, is
        right to a relative 1e-14, the propagator with its phases to 1e-15: for all double-precision
        arguments taken as exact, and for windows of any length, with or without the crossing. The
        one check tells whether the value may be compared with the infinite-time formula. A point
        takes some milliseconds.

    Raises
    ------
    InputError
        If ``start >= stop``, the gap is negative or the rate is not positive.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932); N. V. Vitanov, B. M. Garraway, Phys. Rev. A 53,
    4288 (1996); F. W. J. Olver, J. Res. Natl. Bur. Stand. 63B, 131 (1959), for the expansion of
    parabolic cylinder functions of large order, uniform in their argument.

    Examples
    --------
    >>> exact = finite_window(gap=1.0, sweep_rate=1.0, start=-50.0, stop=50.0)
    >>> print(f"{exact.value:.6f}")
    0.207883
    >>> exact.transition_matrix.shape
    (2, 2)
    """
    chosen = choice("basis", basis, BASES)
    g, rate, first, last = _arguments(gap, sweep_rate, start, stop)
    propagator = np.empty((*g.shape, 2, 2), dtype=np.complex128)
    matrix = np.empty((*g.shape, 2, 2), dtype=np.float64)
    for index in np.ndindex(g.shape):
        point = [float(array[index]) for array in (g, rate, first, last)]
        propagator[index], probabilities = _evaluate(*point)
        matrix[index] = probabilities[chosen]
    value = matrix[..., 1, 0] if chosen == "adiabatic" else matrix[..., 0, 0]
    reach = np.minimum(-first, last)
    with np.errstate(divide="ignore"):
        ratio = np.where(reach > 0, passage_duration(g, rate) / np.maximum(reach, 0), np.inf)
    check = DomainCheck(
        "passage duration / window",
        unwrap(ratio),
        RATIO_LIMIT,
        "the exact value does not approach the infinite-time formula on this window",
    )
    return FiniteWindow(
        value=unwrap(np.array(value)),
        name=f"finite window, {chosen} basis",
        checks=(check,),
        equation="U(t1, t0) from D_{i g^2/4 sweep_rate}(+-e^{-i pi/4} sqrt(sweep_rate) t)",
        basis=chosen,
        exact=True,
        matrix=matrix,
        propagator=propagator,
    )


def finite_window_propagator(
    *, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, start: npt.ArrayLike, stop: npt.ArrayLike
) -> ComplexArray:
    """Exact evolution matrix of the linear sweep between two finite times, diabatic basis.

    ``U(stop, start)`` of ``H(t) = ½ [[α t, g], [g, −α t]]``; `start` and `stop` are times.

    Parameters
    ----------
    gap, sweep_rate, start, stop : array_like
        As for `finite_window`.

    Returns
    -------
    ndarray
        Complex, shape ``(..., 2, 2)``, index ``[final, initial]``.

    Raises
    ------
    InputError
        As for `finite_window`.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932).

    Examples
    --------
    >>> u = finite_window_propagator(gap=1.0, sweep_rate=1.0, start=-3.0, stop=2.0)
    >>> bool(np.allclose(u @ u.conj().T, np.eye(2), atol=1e-14))
    True
    """
    g, rate, first, last = _arguments(gap, sweep_rate, start, stop)
    propagator = np.empty((*g.shape, 2, 2), dtype=np.complex128)
    for index in np.ndindex(g.shape):
        point = [float(array[index]) for array in (g, rate, first, last)]
        propagator[index], _ = _evaluate(*point)
    return propagator


def _arguments(
    gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, start: npt.ArrayLike, stop: npt.ArrayLike
) -> list[FloatArray]:
    arrays = broadcast(
        gap=non_negative("gap", gap),
        sweep_rate=positive("sweep_rate", sweep_rate),
        start=real_array("start", start),
        stop=real_array("stop", stop),
    )
    if np.any(arrays[2] >= arrays[3]):
        raise fail("stop", "be later than `start`", "the window is reversed or empty")
    return arrays


def _evaluate(
    gap: float, rate: float, start: float, stop: float
) -> tuple[ComplexArray, dict[str, FloatArray]]:
    """Return propagator and both probability matrices of one point."""
    import mpmath

    for digits in (_DIGITS, _ALL_DIGITS):
        (a, b), levels, relative = evolution(gap, rate, start, stop, digits)
        sizes = [mpmath.fabs(x) for x in (a, b, *levels)]
        if relative or min(sizes) > _SMALL:
            break
    with mpmath.workdps(_DIGITS):
        keep, change, stay, jump = (float(size * size) for size in sizes)
    one, two = complex(a), complex(b)
    propagator = np.array([[one, -two.conjugate()], [two, one.conjugate()]])
    tables = {"diabatic": (keep, change), "adiabatic": (stay, jump)}
    return propagator, {name: np.array([[p, q], [q, p]]) for name, (p, q) in tables.items()}
