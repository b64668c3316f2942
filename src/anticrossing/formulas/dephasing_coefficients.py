"""Coefficients of the adiabatic expansion of a dephased Landau–Zener sweep, in closed form.

Canonical form as in `dephasing_landau_zener`, with slow time ``s = ε t``: ``ε dρ/ds = L_s ρ`` and
``H_s = ½ [[s, g], [g, −s]]``. Everything lies along ``P⁻ − P⁺`` and ``E_s = |+⟩⟨−|``, on which
``L⁻¹E = zE/2e`` with ``z = (i − γ)/(1 + γ²)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import (
    check_flag,
    describe,
    fail,
    level as one_level,
    non_negative,
    positive,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import ComplexArray, FloatArray, broadcast, unwrap


@dataclass(frozen=True, eq=False)
class DephasingCoefficients(Result):
    """The coefficients of the solution ``ρ = P + ε a + ε² (b + …)`` (see `dephasing_coefficients`).

    All matrices are in the basis H is written in, shape (..., 2, 2).

    Attributes
    ----------
    a : array
        The first order: a coherence, and what has moved between the levels.
    b : array
        The part of the second order in the range of L.
    b_slope : array
        ḃ, its derivative in the slow time.
    moved : float or ndarray
        ``(g²/64) ∫ γ/((1+γ²)e⁵) dτ``: the probability that leaves the level, over ε.
    """

    a: ComplexArray
    b: ComplexArray
    b_slope: ComplexArray
    moved: float | FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "moved": shown(text="probability that leaves the level, over the sweep rate"),
        "a": shown("row", "column", text="first order, over the sweep rate"),
        "b": shown("row", "column", text="second order in the range of L, over its square"),
        "b_slope": shown("row", "column", text="slope of b in the slow time"),
    }


def dephasing_coefficients(
    *,
    gap: npt.ArrayLike,
    gamma: Any,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    level: int = 0,
    dual: bool = False,
) -> DephasingCoefficients:
    """Coefficients a and b of the adiabatic expansion under dephasing, in closed form.

    ``a± = ±(g/16e³)(zE + h.c.) ± (g²/64)(P⁻ − P⁺) ∫ γ/((1+γ²)e⁵) dτ``,
    ``b± = ±[(g/32e⁴)(zż − 3s z²/4e²) − (g³/512e³) z ∫ γ/((1+γ²)e⁵) dτ] E + h.c.``,
    ``z = (i−γ)/(1+γ²)``, ``e = ½√(s² + g²)``

    The integrals run from `start` to `stop`, and everything else is taken at `stop`. For the
    dual evolution, ``U*(s, s′)P±_s = P±_s′ + ε â + …``, it is taken at `start`, with
    ``z̄`` for z, the sign of the integral in b and that of the coherence in a changed.

    Parameters
    ----------
    gap : array_like
        Minimum adiabatic gap ``g`` (energy), positive.
    gamma : array_like or text
        Dimensionless strength ``γ ≥ 0``: numbers, or a formula in ``x``, the slow time.
    start, stop : array_like
        ``s′`` and ``s``, values of the diabatic energy difference.
    level : int
        0 for the lower sign (initial state P⁻), 1 for the upper one.
    dual : bool
        Expand the dual evolution of an observable instead.

    Returns
    -------
    DephasingCoefficients

    Raises
    ------
    InputError
        If the gap is not positive, γ is negative somewhere, or numbers leave the double range.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equations (3.7) to (3.9) and
    appendices A.1 and A.2.

    Examples
    --------
    >>> found = dephasing_coefficients(gap=1.0, gamma=0.3, start=-1e4, stop=1e4)
    >>> print(f"{found.moved:.6f}")                                  # (2/3) 0.3/(1 + 0.3²)
    0.183486
    """
    sign = 1.0 if one_level("level", level, 2) else -1.0
    backward = check_flag("dual", dual)
    arrays = {
        "gap": positive("gap", gap),
        "start": real_array("start", start),
        "stop": real_array("stop", stop),
    }
    if isinstance(gamma, str):
        g, begin, end = broadcast(**arrays)
        s = begin if backward else end
        strength, slope, curvature = _formula(gamma, s)
        integral = _integral(gamma, g, begin, end)
    elif callable(gamma):
        must = "be numbers or a formula in x, of which derivatives are known"
        raise fail("gamma", must, f"it is {describe(gamma)}")
    else:
        g, begin, end, strength = broadcast(**arrays, gamma=non_negative("gamma", gamma))
        s = begin if backward else end
        slope = curvature = np.zeros(s.shape)
        integral = 32 / g**4 * strength / (1 + strength**2) * _between(g, begin, end)
    e = 0.5 * np.hypot(s, g)
    z = (1j - strength) / (1 + strength**2)
    zs, zc = slope * z**2, curvature * z**2 + 2 * slope**2 * z**3
    gathered, along = integral, g / (16 * e**3)
    if backward:
        z, zs, zc, gathered, along = z.conj(), zs.conj(), zc.conj(), -integral, -along
    rate = strength / ((1 + strength**2) * e**5)
    third, fourth, sixth = (-n * s / (4 * e ** (n + 2)) for n in (3, 4, 6))
    beta = g / 32 * (z * zs / e**4 - 0.75 * s * z**2 / e**6) - g**3 / 512 * gathered * z / e**3
    turned = (zs**2 + z * zc) / e**4 + z * zs * fourth
    turned -= 0.75 * (z**2 / e**6 + 2 * s * z * zs / e**6 + s * z**2 * sixth)
    grown = rate * z / e**3 + gathered * (zs / e**3 + z * third)
    beta_slope = g / 32 * turned - g**3 / 512 * grown
    coherence, apart = _operators(g, s)
    moved = g**2 / 64 * integral
    found = DephasingCoefficients(
        a=sign * (_hermitian(along * z, coherence) + moved[..., None, None] * apart),
        b=sign * _hermitian(beta, coherence),
        b_slope=sign
        * (
            _hermitian(beta_slope, coherence)
            + (g / (4 * e**2) * beta.real)[..., None, None] * apart
        ),
        moved=unwrap(np.asarray(moved)),
    )
    if not all(np.all(np.isfinite(part)) for part in (found.a, found.b, found.b_slope)):
        raise fail("gap", "leave numbers that a double holds", "powers of it or of x do not")
    return found


def _operators(g: FloatArray, s: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """Return E = |+⟩⟨−| and P⁻ − P⁺ in the diabatic basis."""
    twice = np.hypot(s, g)
    larger = twice + np.abs(s)
    smaller = g**2 / larger  # 2e − |s|, without cancellation
    plus, minus = np.where(s > 0, larger, smaller), np.where(s > 0, smaller, larger)
    coherence = np.empty((*s.shape, 2, 2), dtype=np.complex128)
    coherence[..., 0, 0], coherence[..., 1, 1] = g, -g
    coherence[..., 0, 1], coherence[..., 1, 0] = -plus, minus
    apart = np.empty_like(coherence)
    apart[..., 0, 0], apart[..., 1, 1] = -s, s
    apart[..., 0, 1] = apart[..., 1, 0] = -g
    coherence /= (2 * twice)[..., None, None]
    apart /= twice[..., None, None]
    return coherence, apart


def _hermitian(coefficient: ComplexArray, operator: ComplexArray) -> ComplexArray:
    """Return c E + h.c."""
    half = coefficient[..., None, None] * operator
    return np.asarray(half + half.conj().swapaxes(-1, -2))


def _between(g: FloatArray, begin: FloatArray, end: FloatArray) -> FloatArray:
    """Return ∫ (1 − u²) du from u(s′) to u(s), u = s/√(s² + g²), without cancellation in tails."""

    def tail(s: FloatArray) -> FloatArray:  # from |u| to 1
        far = np.hypot(s, g)
        v = g / far * (g / (far + np.abs(s)))
        return np.asarray(v**2 * (1 - v / 3))

    one, other = tail(begin), tail(end)
    same = np.sign(begin) == np.sign(end)
    inner = np.where(end > 0, one - other, other - one)
    outer = np.sign(end) * (2 / 3 - other) - np.sign(begin) * (2 / 3 - one)
    return np.asarray(np.where(same, inner, outer))


def _formula(text: str, s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return γ, γ̇ and γ̈ of a formula in x."""
    import sympy

    symbol = expression.symbol("x")
    formula = expression.parse(text, ["x"])
    found = []
    for order in range(3):
        derivative = sympy.diff(formula, symbol, order) if order else formula
        values = expression.compile_function([symbol], derivative)(s)
        found.append(np.broadcast_to(np.asarray(values, dtype=np.float64), s.shape))
    _check_strength(found[0], s)
    return found[0], found[1], found[2]


def _check_strength(values: FloatArray, s: FloatArray) -> None:
    bad = ~(np.isfinite(values) & (values >= 0))
    if np.any(bad):
        where = float(np.asarray(s)[bad].ravel()[0])
        raise fail("gamma", "be finite and not negative", f"it is not at x = {where:.6g}")


def _integral(text: str, g: FloatArray, begin: FloatArray, end: FloatArray) -> FloatArray:
    """Return ∫ γ/((1+γ²)e⁵) dτ of a formula, with x = g u/√(1 − u²)."""
    from scipy.integrate import quad

    symbol = expression.symbol("x")
    function = expression.compile_function([symbol], expression.parse(text, ["x"]))
    integral = np.empty(g.shape)
    for index in np.ndindex(g.shape):
        width = float(g[index])

        def weighted(angle: float, width: float = width) -> float:
            # u = sin(angle): the ends of the window need not be resolved as 1 − u.
            x = np.asarray(width * np.tan(angle))
            value = np.asarray(function(x), dtype=np.float64)
            _check_strength(value, x)
            return float(np.cos(angle) ** 3 * value / (1 + value**2))

        low, high = (float(np.arctan2(edge[index], width)) for edge in (begin, end))
        total, error, *rest = quad(
            weighted, low, high, epsabs=1e-15, epsrel=1e-12, limit=500, full_output=True
        )
        if len(rest) > 1 and error > 1e-8 * abs(total):
            must = "be smooth between start and stop"
            raise fail("gamma", must, f"its integral did not converge (error {error:.1g})")
        integral[index] = 32 / width**4 * total
    return integral
