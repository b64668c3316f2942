"""Solutions of i dc/dz = ½ [[z, 2v], [2v, −z]] c to many digits, whatever the size of z and v.

``F(z)`` is the solution whose columns become the levels, upper first, with the phases ∓S(z) as
z → +∞. With δ = v², X = z² + 4δ, τ = z/√X, w = 2v/√X its first column is, in the levels at z,
``A (1, q)``, where::

    S = z√X/4 + δ asinh(z/2v)
    q = −w Σ_k (−i/2X)^k r_k(τ)
    r_{k+1} = 2(1 − τ²) r_k′ − 2(2k + 1) τ r_k + (1 − τ²) Σ_{i+j=k} r_i r_j,   r_1 = 1
    ln A = −iS − ½ ∫_τ^1 Σ_k (−i(1 − τ²)/8δ)^k r_k dτ

This is the expansion of D_{iδ−1}(e^{−iπ/4}z) in Liouville–Green form, uniform in all z ≥ 0: terms
fall until the k-th with k about |∫ E dz| from z to the branch point of E, at least πX/4. Where X is
too small for it, Kummer's series about z = 0 takes few terms. The two sides of the crossing are
joined by e^{−πδ} and the Stokes phase.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

Pair = tuple[Any, Any]
"""The first column (a, b) of a unitary matrix [[a, −b*], [b, a*]]."""

_TERMS = 40
_FAR = 260.0  # of X: from here the terms of the expansion fall below 1e-38 of the first
_SHORT = 2.0  # radians up to which a window is crossed by Taylor series
_GUARD = 40  # bits


@functools.cache
def _polynomials() -> tuple[list[list[int]], list[tuple[list[int], int]]]:
    """Return r_k in powers of τ, and ∫_τ^1 (1 − τ²)^k r_k dτ / y^(k+1) in powers of y = 1 − τ."""
    r: list[list[int]] = [[], [1]]
    for k in range(1, _TERMS):
        inner = [2 * i * c for i, c in enumerate(r[k])][1:]
        for i in range(1, k // 2 + 1):
            twice = 1 if 2 * i == k else 2
            inner = _added(inner, [twice * c for c in _multiplied(r[i], r[k - i])])
        odd = [0] + [-2 * (2 * k + 1) * c for c in r[k]]
        r.append(_added(_added(inner, [0, 0] + [-c for c in inner]), odd))
    integrals: list[tuple[list[int], int]] = [([], 1)]
    for k in range(1, _TERMS + 1):
        shifted: list[int] = []
        for c in reversed(r[k]):
            shifted = _added(_multiplied(shifted, [1, -1]), [c])
        weight = [math.comb(k, j) * 2 ** (k - j) * (-1) ** j for j in range(k + 1)]
        terms = _multiplied(shifted, weight)
        common = math.lcm(*range(k + 1, k + 1 + len(terms)))
        integrals.append(([c * (common // (k + 1 + j)) for j, c in enumerate(terms)], common))
    return r, integrals


def _added(a: list[int], b: list[int]) -> list[int]:
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    return [x + y for x, y in zip(longer, shorter, strict=False)] + longer[len(shorter) :]


def _multiplied(a: list[int], b: list[int]) -> list[int]:
    found = [0] * max(len(a) + len(b) - 1, 0)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            found[i + j] += x * y
    return found


@dataclass(frozen=True)
class Sweep:
    """Gap and rate as numbers of many digits, and what follows from them."""

    gap: Any
    rate: Any
    bits: int  # that phases need before they are reduced to one turn

    @property
    def delta(self) -> Any:
        return self.gap * self.gap / (4 * self.rate)

    @property
    def v(self) -> Any:
        import mpmath

        return self.gap / (2 * mpmath.sqrt(self.rate))


def evolution(
    gap: float, rate: float, start: float, stop: float, digits: int
) -> tuple[Pair, Pair, bool]:
    """Return U(stop, start), the amplitudes to stay on a level and to jump, and how exact they are.

    To `digits`: relatively in every number where the third value is true, otherwise absolutely.
    """
    import mpmath

    with mpmath.workprec(60):
        a, g, t = mpmath.mpf(rate), mpmath.mpf(gap), mpmath.mpf(max(abs(start), abs(stop)))
        phases = [number for number in (a * t * t, g * g / a) if number]
        sweep = Sweep(g, a, max([0, *map(mpmath.mag, phases)]) + 20)
        turned = (mpmath.mpf(stop) - start) * mpmath.sqrt((a * t) ** 2 + g * g) / 2
    with mpmath.workdps(digits + 10):
        last, first = _End(sweep, stop), _End(sweep, start)
        relative = last.far and first.far
        crosses = start < 0 <= stop
        if not gap or turned <= _SHORT:
            u = short(sweep, start, stop) if gap else _phases(sweep, start, stop)
            inner, relative = _product(_product(_inverse(last.frame), u), first.frame), not gap
        else:
            if last.far or first.far:
                states = _product(last.states, _crossing(sweep)) if crosses else last.states
                inner = _product(states, _inverse(first.states))
            else:
                inner = _product(last.from_zero, _inverse(first.from_zero))
            u = _product(_product(last.frame, inner), _inverse(first.frame))
    # The first of the levels is the upper one after the crossing, the lower one before.
    return u, inner[::-1] if crosses else inner, relative


def _product(p: Pair, q: Pair) -> Pair:
    """Return (a, b) of a product of matrices [[a, −b*], [b, a*]]."""
    return p[0] * q[0] - p[1].conjugate() * q[1], p[1] * q[0] + p[0].conjugate() * q[1]


def _inverse(p: Pair) -> Pair:
    return p[0].conjugate(), -p[1]


def _phases(sweep: Sweep, start: float, stop: float) -> Pair:
    """Return U without a gap."""
    import mpmath

    with mpmath.workprec(mpmath.mp.prec + sweep.bits):
        phase = sweep.rate * (mpmath.mpf(stop) ** 2 - mpmath.mpf(start) ** 2) / 4
        phase %= 2 * mpmath.pi
    return mpmath.expj(-phase), mpmath.mpc(0)


class _End:
    """What belongs to one end of a window: its levels, and F(z) in them.

    For z < 0 it is all that of −z, mirrored by σ_z, as H(−z) = −σ_z H(z) σ_z: b changes its sign.
    """

    def __init__(self, sweep: Sweep, time: float) -> None:
        import mpmath

        self.sweep, self.time = sweep, mpmath.mpf(abs(time))
        self.sign = -1 if time < 0 else 1
        with mpmath.workprec(mpmath.mp.prec + sweep.bits):
            drift = sweep.rate * self.time
            self.size = mpmath.sqrt(drift * drift + sweep.gap**2)
            self.X = self.size**2 / sweep.rate
        self.tau = drift / self.size if self.size else mpmath.mpf(1)
        self.w = sweep.gap / self.size if self.size else mpmath.mpf(0)
        self.far = self.X > _FAR

    @functools.cached_property
    def frame(self) -> Pair:
        """The levels in columns."""
        import mpmath

        sine = self.w / mpmath.sqrt(2 * (1 + self.tau))
        return mpmath.sqrt((1 + self.tau) / 2), self.sign * sine

    @property
    def from_zero(self) -> Pair:
        """U(t, 0), with what it leads to in the levels."""
        even, odd = _near(self.sweep, self.time)
        return _product(_inverse(self.frame), (even, self.sign * odd))

    @property
    def states(self) -> Pair:
        """F(z) in the levels."""
        import mpmath

        if not self.far:
            g1, g2 = _origin(self.sweep)
            return _product(self.from_zero, _inverse((g1, self.sign * g2)))
        with mpmath.workprec(mpmath.mp.prec + self.sweep.bits):
            angle = mpmath.asinh(self.sweep.rate * self.time / self.sweep.gap)
            S = (self.time * self.size / 4 + self.sweep.delta * angle) % (2 * mpmath.pi)
        A, B = _far(self.X, self.tau, self.w, S)
        return A, self.sign * B


def _far(X: Any, tau: Any, w: Any, S: Any) -> Pair:
    """Return the first column of F in the levels (upper, lower), in fixed-point numbers inside."""
    import mpmath
    from mpmath.libmp import to_fixed

    r, integrals = _polynomials()
    bits = mpmath.mp.prec + _GUARD
    one, least = 1 << bits, 1 << _GUARD
    y = w * w / (1 + tau)
    ratio, slower = 1 / (2 * X), 1 / (2 * X * (1 + tau))
    T, Y, a, b = (to_fixed(number._mpf_, bits) for number in (tau, y, ratio, slower))
    square = T * T >> bits
    # Powers times 2^(k−1) (2k − 1)!!, the size of r_k, and of 2^−k times the integral.
    sums, phase, power, other, before, size = [0, 0], 0, one, one, one, 1
    for k in range(1, _TERMS + 1):
        term = _horner(r[k][(k - 1) % 2 :: 2], square, bits) // size * power >> bits
        if k % 2:
            numerator, common = integrals[k]
            integral = (_horner(numerator, Y, bits) // (common * size) >> k) * other >> bits
            phase += integral if k % 4 == 1 else -integral
        else:
            term = term * T >> bits
        sums[(k - 1) % 2] += term if (k - 1) % 4 in (0, 3) else -term
        if abs(term) + abs(before) < least:
            break
        before = term
        grows = 2 * (2 * k + 1)
        size, power, other = size * grows, power * a * grows >> bits, other * b * 2 * grows >> bits
    unit = mpmath.ldexp(1, -bits)
    q = w * ratio * mpmath.mpc(-sums[1] * unit, sums[0] * unit)
    A = mpmath.expj(-S + y * slower * phase * unit)
    A /= mpmath.sqrt(1 + q.real**2 + q.imag**2)
    return A, q * A


def _horner(coefficients: list[int], x: int, bits: int) -> int:
    found = 0
    for c in reversed(coefficients):
        found = (found * x >> bits) + (c << bits)
    return found


def _near(sweep: Sweep, time: Any) -> Pair:
    """Return U(t, 0) from E = e^{−iy/2} ₁F₁(iδ/2; ½; iy) and O, with y = αt²/2."""
    import mpmath

    y, alpha = sweep.rate * time * time / 2, sweep.delta / 2
    phase = mpmath.expj(-y / 2)
    even = phase * _kummer(0, 1, alpha, y)
    return even, mpmath.mpc(0, -1) * sweep.gap * time / 2 * phase * _kummer(1, 3, alpha, y)


def _kummer(n: int, twice: int, alpha: Any, y: Any) -> Any:
    """Return ₁F₁(n + iα; twice/2; iy) in fixed-point numbers."""
    import mpmath
    from mpmath.libmp import to_fixed

    growth, k = 0.0, 0  # of the terms, so that the largest has all digits
    while True:
        factor = float(y) * math.hypot(k + n, float(alpha)) / ((k + 0.5 * twice) * (k + 1))
        if factor <= 1 and k:
            break
        growth += max(math.log2(factor), 0.0) if factor else 0.0
        k += 1
    bits = mpmath.mp.prec + int(growth) + _GUARD
    Y, product = to_fixed(y._mpf_, bits), to_fixed((alpha * y)._mpf_, bits)
    real, imaginary = 1 << bits, 0
    sums = [real, imaginary]
    for k in range(1 << 20):
        turn, divisor = (k + n) * Y, (2 * k + twice) * (k + 1)
        real, imaginary = (
            ((-product * real - turn * imaginary) >> (bits - 1)) // divisor,
            ((turn * real - product * imaginary) >> (bits - 1)) // divisor,
        )
        sums[0] += real
        sums[1] += imaginary
        if k > 1 and abs(real) + abs(imaginary) < 4:
            break
    return mpmath.mpc(*(mpmath.ldexp(part, -bits) for part in sums))


def _origin(sweep: Sweep) -> Pair:
    """Return F(0)†, from Kummer's functions at z → ∞."""
    import mpmath

    delta, v = sweep.delta, sweep.v
    turn = mpmath.expj(delta / 2 * (1 + mpmath.log(2)) - delta * mpmath.log(v))
    size = mpmath.sqrt(mpmath.pi) * mpmath.exp(-mpmath.pi * delta / 4)
    half = mpmath.mpf(1) / 2
    g1 = size * turn * mpmath.rgamma(mpmath.mpc(half, -delta / 2))
    g2 = size * v * mpmath.sqrt(half) * mpmath.expj(-3 * mpmath.pi / 4)
    return g1, g2 * mpmath.conj(turn) * mpmath.rgamma(mpmath.mpc(1, delta / 2))


def _crossing(sweep: Sweep) -> Pair:
    """Return what leads from z → −∞ to z → ∞: F(0)† times its mirror image."""
    import mpmath

    delta = sweep.delta
    with mpmath.workprec(mpmath.mp.prec + max(mpmath.mag(delta), 0) + 20):
        delta = sweep.delta
        stokes = delta - delta * mpmath.log(delta) - mpmath.loggamma(mpmath.mpc(1, -delta)).imag
        stokes %= 2 * mpmath.pi
    stay = mpmath.sqrt(-mpmath.expm1(-2 * mpmath.pi * delta))
    return mpmath.exp(-mpmath.pi * delta), stay * mpmath.expj(-stokes - 3 * mpmath.pi / 4)


def short(sweep: Sweep, start: float, stop: float) -> Pair:
    """Return U by one Taylor series of ``i a′ = z a/2 + v b``, ``i b′ = v a − z b/2``.

    It holds no sum of large terms, however short the window.
    """
    import mpmath

    root, v = mpmath.sqrt(sweep.rate), sweep.v
    z, step = root * start, root * (mpmath.mpf(stop) - start)
    least = mpmath.ldexp(1, -mpmath.mp.prec)
    # Terms times powers of the step, the ones before first;
    a, b = [mpmath.mpc(0), mpmath.mpc(1)], [mpmath.mpc(0), mpmath.mpc(0)]
    half, square, turn = z * step / 2, step * step / 2, v * step
    n = 0
    while n < 4 or any(abs(part) > least for part in (a[-1], b[-1], a[-2], b[-2])):
        n += 1
        factor = mpmath.mpc(0, -1) / n
        a.append(factor * (half * a[-1] + square * a[-2] + turn * b[-1]))
        b.append(factor * (turn * a[-2] - half * b[-1] - square * b[-2]))
    return mpmath.fsum(a), mpmath.fsum(b)
