"""Sweeps that are not linear, in closed form: a parabola, and powers of the time.

Both are jumps between the adiabatic levels of ``H(t) = ½ [[ε(t), g], [g, −ε(t)]]`` from time −∞
to +∞, at constant coupling.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, non_negative, nowhere_zero, real_array
from anticrossing.formulas.interference import stokes_of_delta
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_MIXED = 0.27  # error of the uniform formula, per ratio of the two parts of D
_WEAK = 0.9  # g/a^{1/3} up to which that may be the better one
_WEAK_ERROR = 0.6  # error of the first Magnus term, per g²/a^{2/3}
_ERROR = 0.1
_EPSILON = float(np.finfo(np.float64).eps)
_PHASE = 50.0  # beyond it an Airy function is its asymptotic form to rounding
_SMALLEST_EXPONENT = 2.0  # as for `dykhne_davis_pechukas`
_SUM_ERROR = 0.2
_MOST_POWER = 1000


def parabolic_sweep(
    *, gap: npt.ArrayLike, coefficient: npt.ArrayLike, depth: npt.ArrayLike
) -> Prediction:
    """Jump probability where the diabatic energies cross twice, touch, or only come close.

    ``ε(t) = a t² − b``: for ``b/a > 0`` two crossings at ``±√(b/a)``, passed at the rate
    ``2√(ab)``; for ``b = 0`` the levels touch; for ``b/a < 0`` they do not meet and the jump is
    tunnelling. With ``D = ∫₀^{t_c} √(g² + ε²) dt``, ``t_c = √((b + ig)/a)``, a complete elliptic
    integral, and ``z`` the solution of ``(2/3) z^{3/2} = ζ``::

        b > 0   P = 4p(1 − p) π √z Ai²(−z)      p = e^{−2 Im D},  δ = Im D/π
                                                 ζ = Re D + δ(ln δ − 1) + arg Γ(1 − iδ)
        b ≤ 0   P = 8π²κ √z Ai²(z)/Γ²(1 − κ)     κ = Re D/π,  ζ = Im D + κ(ln κ − 1)

    For large ζ the first is Stückelberg's ``4p(1 − p) sin²(Re D + φ_S)`` with the Stokes phase
    φ_S; for large Im D both are the Dykhne–Davis–Pechukas sum over the two complex zeros,
    ``4 e^{−2 Im D} sin² Re D``; for small gaps both are the first order in the coupling,
    ``π² g² a^{−2/3} Ai²(−b/a^{1/3})``, which takes over (as the sine of its root) where the levels
    nearly touch at a small gap. The Airy functions join these limits.

    Parameters
    ----------
    gap : array_like
        Coupling ``g = 2|V|`` (energy), not negative.
    coefficient : array_like
        ``a`` (energy / time²), not zero.
    depth : array_like
        ``b`` (energy).

    Returns
    -------
    Prediction
        Probability to change the adiabatic level, which here is to change the diabatic state, with
        its logarithm and a check of the share of it that the formula leaves open.

    Raises
    ------
    InputError
        If the gap is negative, the coefficient zero, or the shapes do not broadcast.

    References
    ----------
    K.-A. Suominen, Opt. Commun. 93, 126 (1992); C. Zhu, H. Nakamura, J. Chem. Phys. 101, 10630
    (1994); M. S. Child, Molecular Collision Theory (1974) (uniform Airy approximations).

    Examples
    --------
    >>> round(parabolic_sweep(gap=0.3, coefficient=1.0, depth=3.0).value, 5)
    0.12326
    >>> print(parabolic_sweep(gap=1.0, coefficient=1.0, depth=0.3).valid)
    False
    """
    g, a, b = broadcast(
        gap=non_negative("gap", gap),
        coefficient=nowhere_zero("coefficient", coefficient),
        depth=real_array("depth", depth),
    )
    unit = np.cbrt(np.abs(a))
    g, b = np.asarray(g / unit), np.asarray(np.sign(a) * b / unit)
    real, imaginary = _actions(g, b)
    ratio = np.minimum(real, imaginary) / np.maximum(np.maximum(real, imaginary), 1e-300)
    logs = np.where(b > 0, _log_crossing(real, imaginary), _log_tunnelling(real, imaginary))
    small = np.minimum(g, _WEAK)
    weak = (g <= _WEAK) & ((ratio > 0.5) | (_WEAK_ERROR * small**2 < _MIXED * ratio))
    logs = np.where(weak, _log_weak(small, np.clip(b, -2.0, 2.0)), logs)
    logs = np.minimum(np.where(g > 0, logs, -np.inf), 0.0)
    phase = np.where(b > 0, real, 0.0) * _EPSILON  # the rounding of the phase between crossings
    error = np.where(weak, _WEAK_ERROR * small**2, _MIXED * ratio + phase)
    error = np.where(g > 0, error, 0.0)
    check = DomainCheck(
        "share of the probability left open, fringes averaged",
        unwrap(np.asarray(error)),
        _ERROR,
        "the levels nearly touch at a gap that is neither small nor large",
    )
    return Prediction(
        unwrap(np.exp(logs)),
        "parabolic sweep",
        (check,),
        "P = 4p(1-p) pi sqrt(z) Ai(-z)^2, p = exp(-2 Im D), and its continuation to no crossing",
        log_value=unwrap(np.asarray(logs)),
    )


def power_law_sweep(
    *, gap: npt.ArrayLike, coefficient: npt.ArrayLike, power: npt.ArrayLike
) -> Prediction:
    """Jump probability of a sweep ``ε(t) = a t^N``: superparabolic for even, superlinear for odd N.

    The Dykhne–Davis–Pechukas sum over all N complex zeros of the gap above the real axis, whose
    actions are known::

        P = |Σ_{k=1…N} (−1)^k exp(i η e^{iθ_k})|²,   θ_k = π(2k − 1)/2N
        η = g (g/|a|)^{1/N} (√π/2) Γ(1 + 1/2N)/Γ(3/2 + 1/2N)

    N = 1 is Landau–Zener, ``P = e^{−2η}``; N = 2 the levels touch, ``P = 4 e^{−√2 η} sin²(η/√2)``.
    The higher N, the longer the levels stay together, and the more zeros take part.

    Parameters
    ----------
    gap : array_like
        Coupling ``g = 2|V|`` (energy), not negative.
    coefficient : array_like
        ``a`` (energy / time^N), not zero.
    power : array_like
        ``N``, an integer from 1 to 1000.

    Returns
    -------
    Prediction
        Probability to change the adiabatic level, with the check that the sweep is slow.

    Raises
    ------
    InputError
        If the gap is negative, the coefficient zero, the power no such integer, or the shapes do
        not broadcast.

    References
    ----------
    N. V. Vitanov, K.-A. Suominen, Phys. Rev. A 59, 4580 (1999); J. Lehto, K.-A. Suominen, Phys.
    Rev. A 86, 033415 (2012) (even powers).

    Examples
    --------
    >>> round(power_law_sweep(gap=2.0, coefficient=1.0, power=2).value, 4)
    0.1175
    >>> one = power_law_sweep(gap=2.0, coefficient=1.0, power=1)
    >>> round(one.log_value / 3.141592653589793, 12)
    -2.0
    """
    from scipy.special import gammaln

    orders = real_array("power", power)
    if np.any(orders != np.round(orders)) or np.any((orders < 1) | (orders > _MOST_POWER)):
        raise fail("power", f"be an integer from 1 to {_MOST_POWER}", "it is not")
    g, a, n = broadcast(
        gap=non_negative("gap", gap),
        coefficient=nowhere_zero("coefficient", coefficient),
        power=orders,
    )
    shape = gammaln(1 + 0.5 / n) - gammaln(1.5 + 0.5 / n)
    eta = 0.5 * np.sqrt(np.pi) * g * (g / np.abs(a)) ** (1 / n) * np.exp(shape)
    k = np.arange(1, int(n.max(initial=1)) + 1)
    part = k <= n[..., None]
    theta = np.where(part, np.pi * (2 * k - 1) / (2 * n[..., None]), np.pi / 2)
    least = eta * np.sin(np.pi / (2 * n))
    terms = (-1.0) ** k * np.exp(1j * eta[..., None] * np.exp(1j * theta) + least[..., None])
    size = np.abs(np.sum(np.where(part, terms, 0.0), axis=-1))
    total = np.sum(np.where(part, np.abs(terms), 0.0), axis=-1)
    with np.errstate(divide="ignore"):
        logs = np.asarray(2 * np.log(size) - 2 * least)
    checks = (
        DomainCheck(
            "2 Im D",
            unwrap(np.where(n == 1, np.inf, 2 * least)),
            _SMALLEST_EXPONENT,
            "the sweep is not adiabatic enough for this asymptotic formula",
            at_least=True,
        ),
        DomainCheck(
            "error of the sum of the amplitudes",
            unwrap(_phase_error(2 * least, size, total, n)),
            _SUM_ERROR,
            "several amplitudes that are not small do not simply add",
        ),
    )
    return Prediction(
        unwrap(np.exp(logs)),
        "power-law sweep",
        checks,
        "P = |sum_k (-1)^k exp(i eta exp(i theta_k))|^2, theta_k = pi (2k - 1)/(2 power)",
        log_value=unwrap(logs),
    )


def _phase_error(
    exponent: FloatArray, size: FloatArray, total: FloatArray, power: FloatArray
) -> FloatArray:
    """Return the relative error of a probability from the phases that its amplitudes lack."""
    with np.errstate(divide="ignore", invalid="ignore"):
        phase = np.pi / (12 * exponent)
        share = np.minimum(size / total, 1.0)
        error = 2 * np.sqrt(1 - share**2) / share * phase + (phase / share) ** 2
    return np.asarray(np.where(power == 1, 0.0, np.nan_to_num(error, nan=1e300, posinf=1e300)))


def _actions(g: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Re D and Im D for a = 1; they change places with the sign of b."""
    size = np.abs(b)
    large, small = _phase(g, size), _exponent(g, size)
    return np.where(b > 0, large, small), np.where(b > 0, small, large)


def _phase(g: FloatArray, b: FloatArray) -> FloatArray:
    """Return Re D for b ≥ 0: ⅓√R [(R − b) K(m) + 2b E(m)], R = √(b² + g²), m = (1 + b/R)/2."""
    from scipy.special import ellipe, ellipkm1

    whole = np.maximum(np.hypot(g, b), 1e-300)
    less = np.maximum((g / whole) * (g / (whole + b)), 1e-300)  # 1 − b/R
    integrals = less * ellipkm1(less / 2) + 2 * (b / whole) * ellipe(1 - less / 2)
    return np.asarray(whole**1.5 * integrals / 3)


def _exponent(g: FloatArray, b: FloatArray) -> FloatArray:
    """Return Im D for b ≥ 0: (g²/2) Re ∫₀^{π/2} cos²θ (b + ig sin θ)^{−1/2} dθ."""
    u = (_NODES + 1) / 2  # θ = (π/2) u⁴: the root at θ = 0 is smooth, also for b = 0
    theta = 0.5 * np.pi * u**4
    weights = 0.5 * _WEIGHTS * 2 * np.pi * u**3 * np.cos(theta) ** 2
    scale = np.maximum(np.hypot(g, b), 1e-300)
    relative = (b / scale)[..., None] + 1j * (g / scale)[..., None] * np.sin(theta)
    mean = (relative**-0.5).real @ weights
    return np.asarray(0.5 * g * (g / np.sqrt(scale)) * mean)


def _log_crossing(real: FloatArray, imaginary: FloatArray) -> FloatArray:
    from scipy.special import airy

    phase = real + stokes_of_delta(imaginary / np.pi) - 0.25 * np.pi
    z = np.cbrt(1.5 * np.clip(phase, -_PHASE, _PHASE)) ** 2 * np.sign(phase)
    near = np.pi * np.sqrt(np.abs(z)) * airy(-z)[0] ** 2
    far = np.sin(phase + 0.25 * np.pi) ** 2
    with np.errstate(divide="ignore"):
        split = np.log(4 * -np.expm1(-2 * imaginary)) - 2 * imaginary
        return np.asarray(split + np.log(np.where(phase > _PHASE, far, near)))


def _log_tunnelling(real: FloatArray, imaginary: FloatArray) -> FloatArray:
    from scipy.special import airye, gammaln, xlogy

    kappa = real / np.pi
    action = np.maximum(imaginary + xlogy(kappa, kappa) - kappa, 0.0)
    z = np.cbrt(1.5 * np.minimum(action, _PHASE)) ** 2
    with np.errstate(divide="ignore"):
        near = np.log(np.pi * np.sqrt(z) * airye(z)[0] ** 2)
        decay = np.where(action > _PHASE, np.log(0.25), near) - 2 * action
        # 1/Γ(1 − κ) = Γ(κ) sin(πκ)/π, for κ of any size
        inverse = np.log(np.abs(np.sinc(kappa))) + gammaln(1 + kappa)
        return np.asarray(np.log(8 * np.pi * kappa) + 2 * inverse + decay)


def _log_weak(g: FloatArray, b: FloatArray) -> FloatArray:
    from scipy.special import airy

    with np.errstate(divide="ignore"):
        return np.asarray(2 * np.log(np.abs(np.sin(np.pi * g * airy(-b)[0]))))
