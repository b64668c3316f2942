"""The probability of Zhu and Nakamura for one passage, at energies down to the crossing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import describe, fail, positive, real_array
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap

_FAST = 1e8  # b², from where on ±1 is below rounding


def zhu_nakamura(
    *,
    gap: npt.ArrayLike,
    powers: tuple[npt.ArrayLike, npt.ArrayLike],
    kinetic_energy: npt.ArrayLike,
) -> Prediction:
    """Probability to jump between adiabatic levels in one passage, by Zhu and Nakamura.

    ``p = exp{−(π/4a) √(2/(b² + √|b⁴ ± 1|))}`` with

    ``a² = (ħ²/2μ) √|F₁F₂| |F₁ − F₂|/(2V)³`` and ``b² = E |F₁ − F₂|/(√|F₁F₂| 2V)``,

    E the kinetic energy at the crossing of the diabats along the direction of motion, and the sign
    that of F₁F₂ (+ where both slopes have one direction). The forces enter as powers f = F v along
    the trajectory, with ½μv² = E: then ``ab = ħ|f₁ − f₂|/8V²`` and
    ``b² = E |f₁ − f₂|/(√|f₁f₂| 2V)``. For b² ≫ 1 this is the formula of Landau and Zener.

    Parameters
    ----------
    gap : array_like
        ``2V`` (energy), positive.
    powers : (array_like, array_like)
        Time derivatives of the two diabatic energies at the crossing (energy / time, ħ = 1).
    kinetic_energy : array_like
        E (energy), positive.

    Returns
    -------
    Prediction
        Checked: b² ≥ 1 for slopes of opposite direction, below which the levels are tunnelled
        through.

    Raises
    ------
    InputError
        If gap or energy are not positive, or the powers equal or not two.

    References
    ----------
    C. Zhu and H. Nakamura, J. Chem. Phys. 101, 10630 (1994), for slopes of opposite direction;
    C. Zhu and H. Nakamura, J. Chem. Phys. 102, 7448 (1995), for slopes of one direction;
    in this form L. Yu, C. Xu, Y. Lei, C. Zhu and Z. Wen, Phys. Chem. Chem. Phys. 16, 25883 (2014),
    eqs. 6–9.

    Examples
    --------
    >>> fast = zhu_nakamura(gap=1.0, powers=(1.0, -1.0), kinetic_energy=1e3)
    >>> round(fast.value, 6), round(float(np.exp(-np.pi / 4)), 6)
    (0.455938, 0.455938)
    """
    first, second = pair("powers", powers)
    z, energy = positive("gap", gap), positive("kinetic_energy", kinetic_energy)
    z, energy, first, second = broadcast(
        gap=z, kinetic_energy=energy, first_power=first, second_power=second
    )
    difference = np.abs(first - second)
    if np.any(difference == 0):
        raise fail("powers", "differ, for the diabatic energies to cross", "they are equal")
    product = first * second
    with np.errstate(all="ignore"):
        b2 = energy / z * (difference / np.sqrt(np.abs(first)) / np.sqrt(np.abs(second)))
        # (π/4a) √(2/(b² + √|b⁴ ± 1|)), with π/4ab the exponent of Landau and Zener
        slower = np.sqrt(2 * b2 / (b2 + np.sqrt(np.abs(b2**2 + np.sign(product)))))
        slower = np.where(b2 > _FAST, 1.0, slower)
        log_value = -0.5 * np.pi * z**2 / difference * slower
    check = unwrap(np.where(product < 0, b2, np.inf))
    return Prediction(
        name="Zhu-Nakamura",
        value=unwrap(np.exp(log_value)),
        equation="p = exp(-(pi/4a) sqrt(2/(b^2 + sqrt(|b^4 +- 1|))))",
        checks=(
            DomainCheck(
                "b^2, energy above the crossing", check, 1.0,
                "the levels are tunnelled through", at_least=True,
            ),
        ),
        log_value=unwrap(log_value),
    )  # fmt: skip


def pair(name: str, value: tuple[npt.ArrayLike, npt.ArrayLike]) -> list[FloatArray]:
    """Return the two arrays of a pair."""
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise fail(name, f"be a pair of {name}", f"it is {describe(value)}")
    return [real_array(name, one) for one in value]
