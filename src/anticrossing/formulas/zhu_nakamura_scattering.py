"""Scattering by the crossing of two straight lines, at any energy, by Zhu and Nakamura.

All is in two numbers: a, small for strong coupling, and b², the energy above the crossing. In the
momentum representation, with ``t`` in place of the momentum, two lines are the two-level system of
splitting ``√((t² − b²)² ± 1)/a`` (+ for slopes of one direction), whose integrals to the branch
points are the phase σ and the exponent δ of the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, positive, real_array
from anticrossing._core.quadrature import gauss_legendre
from anticrossing.formulas.result import (
    ComplexArray,
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    unwrap,
)
from anticrossing.formulas.zhu_nakamura import pair

_FAR = 1e4  # b², from where on the leading terms of σ and δ have eight digits
WEAKEST = 5.0
"""The largest a up to which tunnelling is good to 30 %."""
_STRONGEST = 0.1
_NODES = 160
_REACH = 5.0  # of the integral along its ray, where exp(−t³/3) is 1e-18


def zhu_nakamura_scattering(
    *,
    coupling: npt.ArrayLike,
    slopes: tuple[npt.ArrayLike, npt.ArrayLike],
    reduced_mass: npt.ArrayLike,
    energy: npt.ArrayLike,
) -> Prediction:
    """Probability to leave the crossing of two straight lines on the other diabatic state.

    Both passages together, with their interference, and tunnelling below the crossing, in

    ``a² = √|F₁F₂| |F₁ − F₂|/16μV³`` and ``b² = E |F₁ − F₂|/(2V √|F₁F₂|)``::

        F₁F₂ > 0, b² ≥ 0     P = 4p(1 − p) sin²(σ + φ),  p of one passage, φ of Stokes
        F₁F₂ > 0, b² < 0     P = 4p(1 − p) sin²(arg U),  p = 1/(1 + |U|²)
        F₁F₂ < 0, b² > 1     P = 4cos²θ/(4cos²θ + p²/(1 − p)),  θ = σ − φ
        F₁F₂ < 0, |b²| ≤ 1   P = W²/(1 + W²),  W an integral like Airy's
        F₁F₂ < 0, b² < −1    P = T/((1 + aT/2(1 + a))² + T),  T = B(σ/π) e^{−2δ}

    with σ and δ the elliptic integrals of the lines. Against the exact solution, for a from 0.1 to
    10, the error of P is at most 0.07 near the crossing and 0.015 for b² > 4. Tunnelling through a
    barrier is good to 5 % for a ≤ 5, below lines of one direction to 30 %. For a < 0.1 the narrow
    resonances above a barrier are misplaced by their width.

    Parameters
    ----------
    coupling : array_like
        ``V`` (energy), of either sign, not zero.
    slopes : pair of array_like
        ``F₁, F₂`` of the diabatic states (energy / length), different and not zero.
    reduced_mass : array_like
        ``μ > 0``, ħ = 1.
    energy : array_like
        ``E`` from the crossing of the diabatic states, of either sign.

    Returns
    -------
    Prediction
        P between 0 and 1, broadcast. Checked: ``a ≤ 5`` for ``b² < 4a^{2/3}``, near and below the
        crossing, and ``a ≥ 0.1`` between the barrier and there.

    Raises
    ------
    InputError
        If the coupling, a slope or their difference is zero, or the mass is not positive.

    References
    ----------
    C. Zhu and H. Nakamura, J. Chem. Phys. 101, 10630 (1994), for slopes of opposite direction;
    C. Zhu and H. Nakamura, J. Chem. Phys. 102, 7448 (1995), for slopes of one direction;
    collected in H. Nakamura, Nonadiabatic Transition (2012).

    Examples
    --------
    Weak coupling gives the overlap of two Airy functions:

    >>> from scipy.special import airy
    >>> found = zhu_nakamura_scattering(
    ...     coupling=1e-3, slopes=(1.0, -1.0), reduced_mass=100.0, energy=0.0)
    >>> weak = 4 * np.pi**2 * 1e-6 * 100 ** (2 / 3) * airy(0.0)[0] ** 2
    >>> round(float(found.value / weak), 2)
    1.0
    """
    first, second = pair("slopes", slopes)
    v, mass = np.abs(real_array("coupling", coupling)), positive("reduced_mass", reduced_mass)
    v, mass, first, second, height = broadcast(
        coupling=v, reduced_mass=mass, first_slope=first, second_slope=second,
        energy=real_array("energy", energy),
    )  # fmt: skip
    if np.any(v == 0):
        raise fail("coupling", "not vanish", "it is zero")
    if np.any((first == 0) | (second == 0)):
        raise fail("slopes", "not vanish", "one of them is zero")
    if np.any(first == second):
        raise fail("slopes", "differ, for the diabatic energies to cross", "they are equal")
    with np.errstate(all="ignore"):
        force = np.sqrt(np.abs(first)) * np.sqrt(np.abs(second))
        a = np.sqrt(force / v * (np.abs(first - second) / v) / (16 * mass * v))
        b2 = height / (2 * v) * (np.abs(first - second) / force)
        probability = linear_probability(a, b2, first * np.sign(second) > 0)
    near = b2 < 4 * a ** (2 / 3)
    resonant = (first * np.sign(second) < 0) & (b2 > -1) & (a < 1)
    return Prediction(
        name="Zhu-Nakamura, two straight lines",
        value=unwrap(probability),
        equation="P = 4 p (1 - p) sin^2(psi), and below the crossing",
        checks=(
            DomainCheck(
                "a near and below the crossing", unwrap(np.where(near, a, 0.0)), WEAKEST,
                "for so weak a coupling the Airy functions of perturbation theory are better",
            ),
            DomainCheck(
                "a above a barrier", unwrap(np.where(resonant, a, np.inf)), _STRONGEST,
                "the resonances are narrower than the error of their positions", at_least=True,
            ),
        ),
    )  # fmt: skip


def linear_probability(
    a: FloatArray, b2: FloatArray, one_direction: npt.NDArray[np.bool_]
) -> FloatArray:
    """Return the probability to leave on the other line, for a and b² of any one shape."""
    found = np.empty(b2.shape)
    near = ~one_direction & (np.abs(b2) <= 1)
    for where, formula in (
        (one_direction & (b2 >= 0), _above),
        (one_direction & (b2 < 0), _below),
        (~one_direction & (b2 > 1), _above_barrier),
        (~one_direction & (b2 < -1), _below_barrier),
        (near, _near_barrier),
    ):
        if where.any():
            found[where] = formula(a[where], b2[where])
    return np.clip(found, 0.0, 1.0)


def _above(a: FloatArray, b2: FloatArray) -> FloatArray:
    sigma, delta = _complex_phase(a, b2)
    root = np.sqrt(a)
    shifted = delta * (1 + 5 * root / (root + 0.8) * 10**-sigma)
    p = np.exp(-np.pi / 4 / a * np.sqrt(2 / (b2 + np.sqrt(b2**2 + 0.4 * a**2 + 0.7))))
    return np.asarray(4 * p * (1 - p) * np.sin(sigma + _stokes_phase(shifted)) ** 2)


def _below(a: FloatArray, b2: FloatArray) -> FloatArray:
    delta, sigma = _complex_phase(a, -b2)  # t → it
    sine, cosine = np.sin(sigma) ** 2, np.cos(sigma) ** 2
    small = np.exp(-2 * delta) / _b(sigma / np.pi)
    g1 = 1.8 * a**0.46 * np.exp(-delta)
    g2 = 3 * sigma / (np.pi * delta) * np.log(1.2 + a**2) - 1 / a**2
    # U over √B e^δ
    real = cosine * (1 - g1 * sine * small) ** 2
    imaginary = sine * (1 - (g1 * small) ** 2 * sine * cosine + (2 * g1 * cosine - g2) * small)
    imaginary = np.maximum(imaginary, 0.0)
    return np.asarray(4 * imaginary * small / (small + real + imaginary) ** 2)


def _above_barrier(a: FloatArray, b2: FloatArray) -> FloatArray:
    sigma, delta = _real_phases(a, b2)
    root = np.sqrt(a)
    phase = _stokes_phase(delta) + 0.23 * root / (root + 0.75) * 40**-sigma
    correction = np.sqrt(1 - (0.72 - 0.62 * a**1.43) / b2**2)
    p = np.exp(-np.pi / 4 / a * np.sqrt(2 / b2 / (1 + correction)))
    squared = 4 * np.cos(sigma - phase) ** 2 * -np.expm1(np.log(p))
    return np.asarray(squared / (squared + p**2))


def _below_barrier(a: FloatArray, b2: FloatArray) -> FloatArray:
    delta, sigma = _real_phases(a, -b2)
    sigma = sigma * (1 - 0.32 * 10 ** (-2 / a**2) * np.exp(-delta))
    through = _b(sigma / np.pi) * np.exp(-2 * delta)
    return np.asarray(through / ((1 + a * through / (2 * (1 + a))) ** 2 + through))


def _near_barrier(a: FloatArray, b2: FloatArray) -> FloatArray:
    """Return W²/(1 + W²), ``W ∝ ∫₀^∞ cos(t³/3 − (b² + h₃/(h₄ + a^{1/3}t)) t/a^{2/3}) dt``."""
    x, weights = gauss_legendre(_NODES)
    scale, rise, b = a ** (-2 / 3), np.sqrt(1.23 + b2), b2[:, np.newaxis]
    h2 = 1 + 0.38 / a**2 * (1 + b2) ** (1.2 - 0.4 * b2)
    h3 = ((a - 3 * b2) / (a + 3) * rise)[:, np.newaxis]
    h4 = 0.61 * np.sqrt(2 + b)

    def path(t: npt.NDArray[Any]) -> ComplexArray:
        pull = b + h3 / (h4 + np.cbrt(a)[:, np.newaxis] * t)
        return np.asarray(np.exp(1j * (t**3 / 3 - pull * scale[:, np.newaxis] * t)))

    # Along the real axis to where the phase stands still, then down the valley.
    still = np.sqrt(scale * np.maximum(b2, 0.0))[:, np.newaxis]
    straight = np.sum(path(still * (x + 1) / 2 + 0j) * weights, axis=1) * still[:, 0] / 2
    ray = np.exp(1j * np.pi / 6)
    valley = np.sum(path(still + ray * _REACH * (x + 1) / 2) * weights, axis=1) * ray * _REACH / 2
    w = h2 * scale * (straight + valley).real
    return np.asarray(w**2 / (1 + w**2))


def _complex_phase(a: FloatArray, b2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return σ and δ of ``σ + iδ = (1/a) ∫₀^c √((t² − b²)² + 1) dt``, ``c² = b² + i``."""
    from scipy.special import elliprd, elliprf

    branch = b2 + 1j
    m = branch / np.conj(branch)
    first = elliprf(0, 1 - m, 1)
    second = first - m / 3 * elliprd(0, 1 - m, 1)
    integral = np.sqrt(branch) * np.abs(branch) * ((1 + m) * second - (1 - m) * first) / (3 * m)
    delta = np.where(np.abs(b2) > _FAR, np.pi / 8 / np.sqrt(np.abs(b2)), integral.imag)
    return np.asarray(integral.real / a), np.asarray(delta / a)


def _real_phases(a: FloatArray, b2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ``(1/a) ∫ √|(t² − b²)² − 1| dt`` to √(b² − 1), and half of it on to √(b² + 1)."""
    from scipy.special import ellipe, ellipk, ellipkm1

    inner, outer = b2 - 1, b2 + 1
    m, rest = inner / outer, 2 / outer
    well = ((1 + m) * ellipe(m) - rest * ellipkm1(rest)) / (3 * m) * inner * np.sqrt(outer)
    wall = np.sqrt(outer) / 6 * (2 * b2 * ellipe(rest) - 2 * inner * ellipk(rest))
    return np.asarray(well / a), np.where(b2 > _FAR, np.pi / 8 / np.sqrt(b2), wall) / a


def _stokes_phase(delta: FloatArray) -> FloatArray:
    from scipy.special import loggamma

    x = delta / np.pi
    return np.asarray(x * np.log(x) - x - loggamma(1j * x).imag - np.pi / 4)


def _b(x: FloatArray) -> FloatArray:
    """Return ``B(x) = 2π x^{2x} e^{−2x}/(x Γ²(x))``."""
    from scipy.special import gammaln

    return np.asarray(2 * np.pi / x * np.exp(2 * (x * np.log(x) - x - gammaln(x))))
