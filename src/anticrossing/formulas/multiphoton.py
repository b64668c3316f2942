"""Multiphoton resonances of a periodically driven two-level system, and their shifts.

``H(t) = ½ [[ε(t), g], [g, −ε(t)]]``, ``ε(t) = ε₀ + A cos ωt``. In the frame that turns with the
drive the coupling falls into Fourier components ``g_n = g J_n(A/ω)``, one for each number n of
quanta; component n is resonant where ``ε₀ = nω``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, non_negative, positive, real_array
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.formulas._periodic import (
    MOST_ORDER,
    components,
    decay_times,
    fast_check,
    separate_check,
)
from anticrossing.formulas.result import (
    DomainCheck,
    FloatArray,
    Prediction,
    broadcast,
    check_variables,
    failures,
    unwrap,
)


@dataclass(frozen=True, eq=False)
class MultiphotonResonances(Result):
    """The resonances of a periodic drive, one for each number of quanta.

    Arrays have the shape of the drive's parameters with the orders as last axis.

    Attributes
    ----------
    orders : array of int, shape (k,)
        n.
    positions : array, shape (..., k)
        Offsets ``ε₀ = nω − Σ_{m≠n} g_m² / (2ω(n − m))`` of the resonances: to second order in g
        they are repelled by each other (generalised Bloch–Siegert shift).
    couplings : array, shape (..., k)
        ``g_n = g J_n(A/ω)``, of either sign: the frequency of the resonant oscillation.
    half_widths : array, shape (..., k)
        Half the full width at half maximum along the offset: ``|g_n|``; with T₁ and T₂
        ``√(1 + g_n² T₁T₂)/T₂``.
    rates : array, shape (..., k), or None
        With T₂, the golden-rule rate ``g_n² T₂/2`` on resonance.
    checks : tuple of DomainCheck
        Fast passages; separate resonances.
    """

    orders: npt.NDArray[np.intp]
    positions: FloatArray
    couplings: FloatArray
    half_widths: FloatArray
    rates: FloatArray | None
    checks: tuple[DomainCheck, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "order": shown("order", text="number of quanta"),
        "coupling": shown("order", text="coupling g_n of the resonance"),
        "position": shown("order", text="offset of the resonance"),
        "half_width": shown("order", text="half width along the offset"),
        "rate": shown("order", text="golden-rule rate on resonance"),
    }

    @property
    def valid(self) -> bool:
        """Whether every check holds."""
        return not self.warnings

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check that fails."""
        return failures(self.checks)

    def variables(self) -> dict[str, Variable]:
        return {**super().variables(), **check_variables(self.checks)}


def multiphoton_resonances(
    *,
    gap: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    orders: npt.ArrayLike,
    t1: npt.ArrayLike | None = None,
    t2: npt.ArrayLike | None = None,
) -> MultiphotonResonances:
    """Positions, widths and rates of the resonances ``ε₀ ≈ nω`` of a periodic drive.

    ``g_n = g J_n(A/ω)``, ``ε₀ = nω − Σ_{m≠n} g_m² / (2ω(n − m))``.

    Parameters
    ----------
    gap, amplitude, frequency : array_like
        As for `fast_passage_population`.
    orders : array_like of int
        Numbers of quanta n, of either sign.
    t1, t2 : array_like, optional
        Relaxation and coherence time, given together: widths then include them.

    Returns
    -------
    MultiphotonResonances

    Raises
    ------
    InputError
        If an argument is out of its range, only one of the times is given, or orders are no
        integers.

    References
    ----------
    S. Ashhab, J. R. Johansson, A. M. Zagoskin, F. Nori, Phys. Rev. A 75, 063414 (2007); the shift
    is second-order perturbation theory in the components that are not resonant.

    Examples
    --------
    >>> found = multiphoton_resonances(gap=0.2, amplitude=2.0, frequency=1.0, orders=[0, 1, 2])
    >>> found.half_widths.round(4)
    array([0.0448, 0.1153, 0.0706])
    >>> found.positions.round(4)
    array([0.    , 0.9974, 1.9903])
    """
    if (t1 is None) != (t2 is None):
        raise fail("t1", "be given together with `t2`", "only one of them is")
    g = non_negative("gap", gap)
    a, omega = non_negative("amplitude", amplitude), positive("frequency", frequency)
    given = {"gap": g, "amplitude": a, "frequency": omega}
    if t1 is not None and t2 is not None:
        given["t1"], given["t2"] = decay_times(t1, t2)
    arrays = [array[..., None] for array in broadcast(**given)]
    g, a, omega = arrays[:3]
    n = _orders(orders)
    from scipy.special import jv

    couplings = np.asarray(g * jv(n, a / omega))
    shift, strongest = np.zeros(couplings.shape), np.zeros(couplings.shape)
    for m, bessel in components(a, omega):
        squared = np.broadcast_to((g * bessel) ** 2, couplings.shape)
        strongest = np.maximum(strongest, squared)
        apart = np.where(n == m, np.inf, 2 * omega * (n - m))
        shift -= squared / apart
    half_widths, rates = np.abs(couplings), None
    widest = np.sqrt(strongest)
    if t1 is not None:
        relax, dephase = arrays[3:]
        half_widths = np.sqrt(1 + couplings**2 * relax * dephase) / dephase
        widest = np.sqrt(1 + strongest * relax * dephase) / dephase
        rates = np.asarray(couplings**2 * dephase / 2)
    return MultiphotonResonances(
        orders=n,
        positions=np.asarray(n * omega + shift),
        couplings=couplings,
        half_widths=np.asarray(half_widths),
        rates=rates,
        checks=(fast_check(g, a, omega), separate_check(widest, omega)),
    )


def bloch_siegert_shift(*, gap: npt.ArrayLike, amplitude: npt.ArrayLike) -> Prediction:
    """Shift of the one-photon resonance of a linearly polarised drive, beyond rotating waves.

    ``H(t) = ½ [[A cos ωt, g], [g, −A cos ωt]]``: the drive is transverse to the splitting g, with
    the rotating part b = A/4. The time-averaged excitation is greatest at ``ω = g + δ``,
    ``δ = b²/g + b⁴/4g³ − 35b⁶/32g⁵``.

    Parameters
    ----------
    gap : array_like
        Splitting g without the drive (energy), positive.
    amplitude : array_like
        A (energy), not negative.

    Returns
    -------
    Prediction
        δ (radians / time), with the check that the drive is weak; the error is about b⁸/g⁷.

    Raises
    ------
    InputError
        If the gap is not positive or the amplitude negative.

    References
    ----------
    F. Bloch, A. Siegert, Phys. Rev. 57, 522 (1940); J. H. Shirley, Phys. Rev. 138, B979 (1965).

    Examples
    --------
    >>> round(bloch_siegert_shift(gap=1.0, amplitude=0.4).value, 8)
    0.01002391
    """
    g, a = broadcast(gap=positive("gap", gap), amplitude=non_negative("amplitude", amplitude))
    b = a / 4
    check = DomainCheck(
        "amplitude / (4 gap)", unwrap(b / g), 0.3, "the series in the drive does not converge here"
    )
    ratio = (b / g) ** 2
    return Prediction(
        unwrap(np.asarray(g * ratio * (1 + ratio / 4 - 35 * ratio**2 / 32))),
        "Bloch-Siegert shift",
        (check,),
        "shift = b^2/gap + b^4/(4 gap^3) - 35 b^6/(32 gap^5), b = amplitude/4",
    )


def _orders(orders: npt.ArrayLike) -> npt.NDArray[np.intp]:
    numbers = np.atleast_1d(real_array("orders", orders))
    if numbers.ndim != 1 or numbers.size == 0:
        raise fail("orders", "be one number or a list of them", f"its shape is {numbers.shape}")
    if np.any(numbers != np.round(numbers)) or np.any(np.abs(numbers) > MOST_ORDER):
        raise fail("orders", f"be integers within ±{MOST_ORDER}", "it holds others")
    return numbers.astype(np.intp)
