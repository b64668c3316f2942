"""The Landau-Zener problem on a finite window, exactly, from Kummer's confluent function.

With ``z = √α t``, ``v² = δ = g²/4α`` and ``M = ₁F₁`` the evolution under
``H(t) = ½ [[α t, g], [g, −α t]]`` from the crossing at ``t = 0`` is::

    U(t, 0) = [[ E, −O* ],        E = e^{−iz²/4} M(iδ/2, 1/2, iz²/2)
               [ O,  E* ]],       O = −i v z e^{−iz²/4} M(1 + iδ/2, 3/2, iz²/2)

with ``E`` even and ``O`` odd in ``t``, and ``U(t₁, t₀) = U(t₁, 0) U(t₀, 0)†``. The same solution is
more often written with the parabolic cylinder functions ``D_{iδ}(±e^{−iπ/4} z)``, each of which is
a combination of these two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    choice,
    fail,
    non_negative,
    positive,
    real_array,
)
from anticrossing._core.variables import Shown, shown
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
_AGREEMENT = 1e-20  # two working precisions must agree to this, far below double rounding
_START_BITS = 100
_MOST_BITS = 6400
_LARGEST_RATIO = 1000.0  # of gap² to the rate: the digits needed grow with it, and so does the time
_SMALLEST_ORDER = 1e-40  # of Kummer's function; below it a zero is as good, and quicker


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
        Jump probability, transition matrix and propagator. The value is exact; the one check
        tells whether it may be compared with the infinite-time formula. A point costs 5 to 20 ms
        up to ``g²/α`` of 100 and 0.5 s at 1000, where the working precision must grow.

    Raises
    ------
    InputError
        If ``start >= stop``, the gap is negative, the rate is not positive, or ``g²/α > 1000``.
    ConvergenceError
        If the special functions do not settle at any precision tried.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932); N. V. Vitanov, B. M. Garraway, Phys. Rev. A 53,
    4288 (1996).

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
        equation="U(t1, 0) U(t0, 0)^+ from 1F1(i delta/2; 1/2; i sweep_rate t^2/2)",
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
    ConvergenceError
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
    with np.errstate(over="ignore"):
        ratio = float(np.max(arrays[0] * (arrays[0] / arrays[1]), initial=0.0))
    if ratio > _LARGEST_RATIO:
        most = f"not exceed {_LARGEST_RATIO:g} in gap²/sweep_rate"
        raise fail("gap", most, f"that is {ratio:.3g}: use `propagate`")
    return arrays


def _evaluate(
    gap: float, rate: float, start: float, stop: float
) -> tuple[ComplexArray, dict[str, FloatArray]]:
    """Propagator and both probability matrices of one point, raising precision until settled."""
    import mpmath

    # A jump amplitude e^{-πδ} is left over from terms of order one in F(z₁) F(z₀)⁻¹: 4.5 δ bits go.
    delta = gap**2 / (4 * rate)
    bits = _START_BITS + int(5 * delta)
    solve: Callable[..., Any] = _kummer
    previous: list[Any] | None = None
    while bits <= _MOST_BITS + 5 * delta:
        with mpmath.workprec(bits):
            try:
                u = solve(mpmath.mpf(gap), mpmath.mpf(rate), mpmath.mpf(start), mpmath.mpf(stop))
            except (mpmath.libmp.NoConvergence, ValueError, ZeroDivisionError):
                solve = _taylor  # slower, but it has no turning region
                continue
            entries, probabilities = _read_out(u, gap, rate, start, stop)
            numbers = [*entries, *(p for table in probabilities.values() for p in table)]
        if previous is not None and _settled(previous, numbers):
            propagator = np.array([complex(x) for x in entries]).reshape(2, 2)
            return propagator, {
                key: np.array([float(p) for p in table]).reshape(2, 2)
                for key, table in probabilities.items()
            }
        previous = numbers
        bits += max(60, bits // 2)
    raise ConvergenceError(
        f"The hypergeometric functions did not settle at gap={gap:g}, sweep_rate={rate:g}, "
        f"window [{start:g}, {stop:g}]; try a smaller window or gap."
    )


def _settled(previous: list[Any], numbers: list[Any]) -> bool:
    import mpmath

    # Probabilities are compared relatively, down to the smallest double.
    return all(
        mpmath.fabs(old - new) <= _AGREEMENT * (mpmath.fabs(new) + mpmath.mpf(1e-300))
        or (mpmath.fabs(new) < 1e-300 and mpmath.fabs(old) < 1e-300)
        for old, new in zip(previous, numbers, strict=True)
    )


def _read_out(
    u: Any, gap: float, rate: float, start: float, stop: float
) -> tuple[list[Any], dict[str, list[Any]]]:
    """Probabilities in both bases at full precision, so that tiny ones keep relative accuracy."""
    import mpmath

    def probabilities(matrix: Any) -> list[Any]:
        return [mpmath.fabs(matrix[i, j]) ** 2 for i in range(2) for j in range(2)]

    def lower_upper(time: float) -> Any:
        angle = mpmath.atan2(mpmath.mpf(gap), mpmath.mpf(rate) * mpmath.mpf(time)) / 2
        c, s = mpmath.cos(angle), mpmath.sin(angle)
        return mpmath.matrix([[-s, c], [c, s]])

    adiabatic = lower_upper(stop).T * u * lower_upper(start)
    entries = [u[i, j] for i in range(2) for j in range(2)]
    return entries, {"diabatic": probabilities(u), "adiabatic": probabilities(adiabatic)}


def _kummer(gap: Any, rate: Any, start: Any, stop: Any) -> Any:
    """``U = U(t₁, 0) U(t₀, 0)†`` with mpmath's confluent hypergeometric function."""
    import mpmath

    v = gap / (2 * mpmath.sqrt(rate))
    half = mpmath.mpf(1) / 2
    order = mpmath.mpc(0, v * v / 2 if v * v > _SMALLEST_ORDER else 0)

    def from_the_crossing(time: Any) -> Any:
        z = mpmath.sqrt(rate) * time
        # Exact, as a phase of many turns must be: three doubles have few digits.
        square = mpmath.fmul(rate, mpmath.fmul(time, time, exact=True), exact=True)
        phase, argument = mpmath.expj(-square / 4), mpmath.mpc(0, square / 2)
        even = phase * mpmath.hyp1f1(order, half, argument)
        odd = -1j * v * z * phase * mpmath.hyp1f1(1 + order, 3 * half, argument)
        return mpmath.matrix([[even, -mpmath.conj(odd)], [odd, mpmath.conj(even)]])

    last = from_the_crossing(stop)
    if start == -stop:  # U(-t, 0) is U(t, 0) with its odd part turned
        even, odd = last[0, 0], last[1, 0]
        return last * mpmath.matrix([[mpmath.conj(even), -mpmath.conj(odd)], [odd, even]])
    return last * from_the_crossing(start).H


def _taylor(gap: Any, rate: Any, start: Any, stop: Any) -> Any:
    """``U`` by Taylor series in mpmath, step by step: the fallback without special functions."""
    import mpmath

    root = mpmath.sqrt(rate)
    z, end = root * start, root * stop
    v = gap / (2 * root)
    tolerance = mpmath.mpf(2) ** (-mpmath.mp.prec)
    u = mpmath.eye(2)
    while z < end:
        # One step turns the phase by about one radian, so terms fall like 1/n!.
        step = min(end - z, 1 / (1 + abs(z) / 2 + v))
        columns = [_taylor_column(u[0, j], u[1, j], z, v, step, tolerance) for j in range(2)]
        u = mpmath.matrix([[columns[0][0], columns[1][0]], [columns[0][1], columns[1][1]]])
        z += step
    return u


def _taylor_column(c1: Any, c2: Any, z: Any, v: Any, step: Any, tolerance: Any) -> tuple[Any, Any]:
    """One step of ``i c₁' = z c₁/2 + v c₂``, ``i c₂' = v c₁ − z c₂/2`` in powers of the step."""
    a, b = [c1], [c2]
    sum1, sum2, power = c1, c2, step
    n = 0
    while True:
        previous1, previous2 = (a[n - 1], b[n - 1]) if n else (0, 0)
        a.append(-1j * ((z * a[n] + previous1) / 2 + v * b[n]) / (n + 1))
        b.append(-1j * (v * a[n] - (z * b[n] + previous2) / 2) / (n + 1))
        term1, term2 = a[-1] * power, b[-1] * power
        sum1, sum2 = sum1 + term1, sum2 + term2
        if n > 4 and abs(term1) + abs(term2) < tolerance:
            return sum1, sum2
        power *= step
        n += 1
