"""Exactly solvable pulses and sweeps that are not linear: Rosen-Zener, Demkov-Kunike, tanh.

All are transitions of ``H(t) = ½ [[Δ(t), Ω(t)], [Ω(t), −Δ(t)]]`` from time −∞ to +∞.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import non_negative, positive, real_array
from anticrossing.formulas.result import FloatArray, Prediction, broadcast, unwrap


def rosen_zener(
    *, detuning: npt.ArrayLike, peak_coupling: npt.ArrayLike, width: npt.ArrayLike
) -> Prediction:
    """Transition probability of a sech pulse at constant detuning (exact).

    ``Δ(t) = Δ₀``, ``Ω(t) = Ω₀ sech(t/T)``:
    ``P = sin²(π Ω₀ T/2) sech²(π Δ₀ T/2)``, where ``π Ω₀ T`` is the pulse area.

    Parameters
    ----------
    detuning : array_like
        ``Δ₀``, the distance of the two levels away from the pulse (energy).
    peak_coupling : array_like
        ``Ω₀``, twice the off-diagonal element at the peak (energy).
    width : array_like
        ``T`` (time), positive.

    Returns
    -------
    Prediction
        Probability to change state. The levels do not cross, so the states at both ends are
        diabatic and adiabatic at once.

    Raises
    ------
    InputError
        If the width is not positive.

    References
    ----------
    N. Rosen, C. Zener, Phys. Rev. 40, 502 (1932).

    Examples
    --------
    >>> round(rosen_zener(detuning=0.0, peak_coupling=1.0, width=1.0).value, 12)
    1.0
    """
    result = demkov_kunike(detuning=detuning, chirp=0.0, peak_coupling=peak_coupling, width=width)
    return Prediction(
        result.value,
        "Rosen-Zener",
        (),
        "P = sin^2(pi peak_coupling width / 2) / cosh^2(pi detuning width / 2)",
        exact=True,
    )


def allen_eberly(
    *, chirp: npt.ArrayLike, peak_coupling: npt.ArrayLike, width: npt.ArrayLike
) -> Prediction:
    """Diabatic transition probability of a sech pulse with a tanh chirp through resonance (exact).

    ``Δ(t) = B tanh(t/T)``, ``Ω(t) = Ω₀ sech(t/T)``:
    ``P = 1 − cos²(½ π T √(Ω₀² − B²)) sech²(½ π B T)``, with ``cos`` turning into ``cosh`` for
    ``Ω₀ < B``.

    Parameters
    ----------
    chirp : array_like
        ``B``, half the range of the detuning (energy).
    peak_coupling : array_like
        ``Ω₀`` (energy).
    width : array_like
        ``T`` (time), positive.

    Returns
    -------
    Prediction
        Probability to change the diabatic state, that is, to follow the adiabatic level.

    Raises
    ------
    InputError
        If the width is not positive.

    References
    ----------
    L. Allen, J. H. Eberly, Optical Resonance and Two-Level Atoms (1975); F. T. Hioe, Phys. Rev. A
    30, 2100 (1984).

    Examples
    --------
    >>> round(allen_eberly(chirp=2.0, peak_coupling=2.0, width=1.0).value, 6)
    0.992558
    """
    result = demkov_kunike(detuning=0.0, chirp=chirp, peak_coupling=peak_coupling, width=width)
    return Prediction(
        result.value,
        "Allen-Eberly",
        (),
        "P = 1 - cos^2(pi width sqrt(peak_coupling^2 - chirp^2) / 2) / cosh^2(pi chirp width / 2)",
        exact=True,
    )


def demkov_kunike(
    *,
    detuning: npt.ArrayLike,
    chirp: npt.ArrayLike,
    peak_coupling: npt.ArrayLike,
    width: npt.ArrayLike,
) -> Prediction:
    """Diabatic transition probability of a sech pulse with a tanh chirp (exact).

    ``Δ(t) = Δ₀ + B tanh(t/T)``, ``Ω(t) = Ω₀ sech(t/T)``::

        P = [cosh(πBT) − cos(πT √(Ω₀² − B²))] / [cosh(πBT) + cosh(πΔ₀T)]

    ``B = 0`` is the Rosen-Zener model, ``Δ₀ = 0`` the Allen-Eberly model. Where ``|B| > |Δ₀|`` the
    diabatic levels cross, and P is the probability to follow the adiabatic level; otherwise it is
    the probability to leave it.

    Parameters
    ----------
    detuning : array_like
        ``Δ₀``, the detuning at the peak of the pulse (energy).
    chirp : array_like
        ``B``, half the range of the detuning (energy).
    peak_coupling : array_like
        ``Ω₀``, twice the off-diagonal element at the peak (energy).
    width : array_like
        ``T`` (time), positive.

    Returns
    -------
    Prediction
        Probability to change the diabatic state.

    Raises
    ------
    InputError
        If the width is not positive or the shapes do not broadcast.

    References
    ----------
    Yu. N. Demkov, M. Kunike, Vestn. Leningr. Univ. Fiz. Khim. 16, 39 (1969); K.-A. Suominen,
    B. M. Garraway, Phys. Rev. A 45, 374 (1992).

    Examples
    --------
    >>> result = demkov_kunike(detuning=0.5, chirp=1.0, peak_coupling=1.0, width=1.0)
    >>> round(result.value, 6)
    0.751142
    """
    delta, b, omega, t = broadcast(
        detuning=real_array("detuning", detuning),
        chirp=real_array("chirp", chirp),
        peak_coupling=real_array("peak_coupling", peak_coupling),
        width=positive("width", width),
    )
    x, y = np.pi * np.abs(b) * t, np.pi * np.abs(delta) * t
    # √(Ω² − B²) factorised; where it is imaginary the cosine is a hyperbolic one, below cosh x.
    product = (np.abs(omega) - np.abs(b)) * (np.abs(omega) + np.abs(b))
    z = np.pi * t * np.sqrt(np.abs(product))
    # Numerator cosh x − cos z = 2[sinh²(x/2) + sin²(z/2)], or 2 sinh((x+z)/2) sinh((x−z)/2);
    # everything is scaled by e^{−max(x, y)} so that nothing overflows.
    top = np.maximum(x, y)
    real_root = 2 * (_scaled_sinh(x / 2, top / 2) ** 2 + (np.sin(z / 2) * np.exp(-top / 2)) ** 2)
    # x − z = π²T²Ω²/(x + z) without cancellation; (x + z)/2 + (x − z)/2 stays below the scale
    total = x + np.where(product < 0, z, 0.0)
    difference = np.divide(
        (np.pi * t * omega) ** 2, total, out=np.zeros_like(total), where=total > 0
    )
    bounded = np.minimum(difference, total)
    imaginary_root = (
        2
        * _scaled_sinh(total / 2, total / 2)
        * _scaled_sinh(bounded / 2, bounded / 2)
        * np.exp((total + bounded) / 2 - top)
    )
    numerator = np.where(product >= 0, real_root, imaginary_root)
    denominator = _scaled_cosh(x, top) + _scaled_cosh(y, top)
    return Prediction(
        unwrap(np.asarray(numerator / denominator)),
        "Demkov-Kunike",
        (),
        "P = [cosh(pi B T) - cos(pi T sqrt(Omega^2 - B^2))] / [cosh(pi B T) + cosh(pi Delta T)]",
        exact=True,
    )


def tanh_sweep(
    *,
    gap: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    width: npt.ArrayLike,
    offset: npt.ArrayLike = 0.0,
) -> Prediction:
    """Jump probability of a tanh sweep at constant coupling (exact).

    ``Δ(t) = Δ₀ + B tanh(t/T)``, ``Ω = g``. With the gaps at both ends
    ``E_± = √((Δ₀ ± B)² + g²)``::

        P = sinh(π T (2B + E_+ − E_−)/4) sinh(π T (2B − E_+ + E_−)/4)
            / [sinh(π T E_+/2) sinh(π T E_−/2)]

    This is the second Demkov-Kunike model. For ``Δ₀ = 0`` and slow sweeps it tends to
    ``exp(−π T (√(B² + g²) − B))``, for ``B ≫ g`` to the Landau-Zener formula with ``α = B/T``.

    Parameters
    ----------
    gap : array_like
        Constant coupling ``g = 2|V|``, the smallest gap if the detuning passes zero (energy),
        not negative.
    amplitude : array_like
        ``B``, half the range of the detuning (energy).
    width : array_like
        ``T`` (time), positive.
    offset : array_like
        ``Δ₀`` (energy).

    Returns
    -------
    Prediction
        Probability to jump between the adiabatic levels, with ``log_value``.

    Raises
    ------
    InputError
        If the width is not positive, the gap is negative, or the shapes do not broadcast.

    References
    ----------
    Yu. N. Demkov, M. Kunike, Vestn. Leningr. Univ. Fiz. Khim. 16, 39 (1969).

    Examples
    --------
    >>> round(tanh_sweep(gap=1.0, amplitude=5.0, width=5.0).value, 6)
    0.211106
    """
    g, b, t, delta = broadcast(
        gap=non_negative("gap", gap),
        amplitude=np.abs(real_array("amplitude", amplitude)),
        width=positive("width", width),
        offset=real_array("offset", offset),
    )
    after, before = np.hypot(delta + b, g), np.hypot(delta - b, g)
    # E_+ − E_− = 4 Δ₀ B/(E_+ + E_−), without cancellation
    total = after + before
    difference = np.divide(4 * delta * b, total, out=np.zeros_like(total), where=total > 0)
    quarter = 0.25 * np.pi * t
    with np.errstate(divide="ignore", invalid="ignore"):
        log_value = (
            _log_sinh(quarter * (2 * b + difference))
            + _log_sinh(quarter * (2 * b - difference))
            - _log_sinh(2 * quarter * after)
            - _log_sinh(2 * quarter * before)
        )
    # Without coupling the diabatic state is kept: a jump if the detuning passes zero.
    log_value = np.where(g == 0, np.where(np.abs(delta) < b, 0.0, -np.inf), log_value)
    log_value = np.where((b == 0) & (g > 0), -np.inf, np.minimum(log_value, 0.0))
    return Prediction(
        value=unwrap(np.exp(log_value)),
        name="tanh sweep",
        checks=(),
        equation="P = sinh(pi T (2B + E+ - E-)/4) sinh(pi T (2B - E+ + E-)/4) "
        "/ [sinh(pi T E+/2) sinh(pi T E-/2)]",
        log_value=unwrap(np.asarray(log_value)),
        exact=True,
    )


def _scaled_sinh(x: FloatArray, scale: FloatArray) -> FloatArray:
    """``e^{−s} sinh x`` for ``0 ≤ x ≤ s``."""
    return np.asarray(-0.5 * np.expm1(-2 * x) * np.exp(x - scale))


def _scaled_cosh(x: FloatArray, scale: FloatArray) -> FloatArray:
    """``e^{−s} cosh x`` for ``0 ≤ x ≤ s``."""
    return np.asarray(0.5 * (np.exp(x - scale) + np.exp(-x - scale)))


def _log_sinh(x: FloatArray) -> FloatArray:
    return np.asarray(x + np.log(-np.expm1(-2 * x)) - np.log(2.0))
