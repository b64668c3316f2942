"""A sweep beside a fast drive: crossings dressed with quanta of the drive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    check_flag,
    fail,
    non_negative,
    non_negative_number,
    positive,
    positive_number,
    real_number,
)
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.interference import stokes_of_delta
from anticrossing.formulas.landau_zener import RATIO_LIMIT, passage_checks
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, broadcast, unwrap

_MOST_QUANTA = 10_000
_EPSILON = float(np.finfo(np.float64).eps)
_SEEN = 1e-12  # weaker crossings than this, of the strongest, are left out


@dataclass(frozen=True, eq=False)
class PhotonAssistedPassage(Prediction):
    """The probability to keep the diabatic state, and the crossings that it is made of.

    Attributes
    ----------
    orders : array of int, shape (k,)
        Numbers n of quanta taken from the drive, in the order in which the crossings are met.
    times : array, shape (k,)
        When: ``t_n = −nω/α``.
    couplings : array, shape (k,)
        ``g_n = g J_n(A/ω)``, the gap of crossing n up to its sign.
    kept : array, shape (k,)
        ``exp(−π g_n²/2α)``, the probability to keep the diabatic state at crossing n alone.
    """

    orders: npt.NDArray[np.intp] | None = None
    times: FloatArray | None = None
    couplings: FloatArray | None = None
    kept: FloatArray | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        **Prediction._variables,
        "orders": shown("crossing", text="number of quanta"),
        "times": shown("crossing", text="time of the crossing"),
        "couplings": shown("crossing", text="coupling of the crossing"),
        "kept": shown("crossing", text="probability to keep the diabatic state there"),
    }


def photon_assisted_passage(
    *,
    gap: float,
    sweep_rate: float,
    amplitude: float,
    frequency: float,
    phase: float = 0.0,
    coherent: bool = True,
) -> PhotonAssistedPassage:
    """Probability to keep the diabatic state in a slow sweep with a fast drive on top.

    ``H(t) = ½ [[ε, g], [g, −ε]]``, ``ε(t) = αt + A cos(ωt + φ)``, from −∞ to ∞. Whenever
    ``αt = −nω`` the drive makes up for the difference with n quanta: a crossing with the gap
    ``|g_n|``, ``g_n = g J_n(A/ω)``, which is passed with ``p_n = exp(−π g_n²/2α)``. Since
    ``Σ_n J_n² = 1`` the exponents add up to that of the sweep alone: the drive cuts one passage
    into many. Their amplitudes add with phases in closed form, ``δ_n = g_n²/4α``::

        U = Π_n [[√p_n, −i√q_n e^{iψ_n}], [−i√q_n e^{−iψ_n}, √p_n]]        in order of time
        ψ_n = −α t_n²/2 + nφ + arg g_n − φ_S(δ_n) + δ_n(ln(δ_n/α) − 1) + 2 Σ_{m≠n} δ_m ln|t_n − t_m|

    The last sum is the light shift by the other crossings. Without coherence between crossings
    ``P = ½(1 + Π_n(1 − 2q_n))``.

    Parameters
    ----------
    gap : float
        ``g = 2|V|`` (energy), not negative.
    sweep_rate : float
        ``α > 0``, rate of the slow part of the energy difference (energy / time).
    amplitude, frequency, phase : float
        A ≥ 0 (energy), ω > 0 (radians / time) and φ of the drive.
    coherent : bool
        Whether amplitudes are added, or probabilities.

    Returns
    -------
    PhotonAssistedPassage
        The probability, with the checks that crossings lie apart, that the drive is fast, and
        that the phases are known.

    Raises
    ------
    InputError
        If an argument is out of its range, or the drive has more than 10 000 quanta.

    References
    ----------
    Y. Kayanuma, Y. Mizumoto, Phys. Rev. A 62, 061401(R) (2000) (crossings with quanta); S. Ashhab,
    J. R. Johansson, A. M. Zagoskin, F. Nori, Phys. Rev. A 75, 063414 (2007) (their gaps).

    Examples
    --------
    >>> assisted = photon_assisted_passage(gap=0.1, sweep_rate=0.02, amplitude=1.0, frequency=1.0)
    >>> assisted.orders[np.argsort(-assisted.couplings**2)[:3]]
    array([ 0,  1, -1])
    >>> alone = np.exp(-np.pi * 0.1**2 / (2 * 0.02))
    >>> bool(np.isclose(np.prod(assisted.kept), alone))      # the exponents add up to one passage
    True
    """
    g = non_negative_number("gap", gap)
    alpha, omega = (
        positive_number("sweep_rate", sweep_rate),
        positive_number("frequency", frequency),
    )
    depth = non_negative_number("amplitude", amplitude) / omega
    phi = real_number("phase", phase)
    add_amplitudes = check_flag("coherent", coherent)
    if not depth <= _MOST_QUANTA:
        raise fail(
            "amplitude", f"be at most {_MOST_QUANTA} times `frequency`", f"it is {depth:.3g} times"
        )
    from scipy.special import jv

    last = int(np.ceil(depth + 12 * depth ** (1 / 3) + 25))
    n = np.arange(last, -last - 1, -1)  # t_n = −nω/α: in order of time
    bessel = np.asarray(jv(n, depth))
    seen = np.abs(bessel) > _SEEN * np.abs(bessel).max()
    n, couplings = n[seen], g * bessel[seen]
    times = -n * (omega / alpha)
    delta = couplings * (couplings / (4 * alpha))
    jumped = -np.expm1(-2 * np.pi * delta)
    kept = np.exp(-2 * np.pi * delta)
    value: float
    if add_amplitudes:
        value = _coherent(n, times, delta, couplings, alpha, omega, phi)
    else:
        value = 0.5 * (1 + float(np.prod(1 - 2 * jumped)))
    strongest = float(np.abs(couplings).max())
    ratio = np.float64(g) / omega  # may overflow, which the checks show
    checks: tuple[DomainCheck, ...] = (
        DomainCheck(
            "duration of a crossing / time between crossings",
            max(strongest / alpha, alpha**-0.5) / (omega / alpha),
            0.3,
            "crossings with different numbers of quanta overlap",
        ),
        DomainCheck(
            "(gap / frequency)^2",
            float(ratio**2),
            RATIO_LIMIT,
            "the drive is not fast: crossings are dressed by more than one number of quanta",
        ),
    )
    if add_amplitudes:
        rounding = _EPSILON * np.abs(times).max() ** 2 * alpha
        checks += (
            DomainCheck(
                "phase left out between crossings, gap^4 / (sweep_rate frequency^2)",
                float(ratio**2 * (g * (g / alpha)) + rounding),
                RATIO_LIMIT,
                "amplitudes add with phases that are known to second order in the gap only",
            ),
        )
    return PhotonAssistedPassage(
        value=value,
        name="photon-assisted passage" + ("" if add_amplitudes else ", phases averaged"),
        checks=checks,
        equation="product of passages with gap |gap J_n(amplitude/frequency)| at t = -n w/a",
        orders=n,
        times=times,
        couplings=couplings,
        kept=kept,
    )


def _coherent(
    n: npt.NDArray[np.intp],
    times: FloatArray,
    delta: FloatArray,
    couplings: FloatArray,
    alpha: float,
    omega: float,
    phi: float,
) -> float:
    from scipy.special import xlogy

    unit = (
        np.float64(omega) / alpha
    )  # of the times; a common unit only turns the phases of the states
    shift = np.zeros(n.size)
    for k in range(n.size):
        away = np.abs(n - n[k]).astype(np.float64)
        away[k] = 1.0
        shift[k] = 2 * float(delta @ np.log(away))
    own = xlogy(delta, delta) - delta - stokes_of_delta(delta)
    # the crossing's own logarithm, δ ln(1/α) in times of one, is δ ln(1/(α unit²)) in these
    own = own - delta * np.log(alpha * unit**2)
    psi = -0.5 * alpha * times**2 + n * phi + np.where(couplings < 0, np.pi, 0.0) + own + shift
    stay, jump = np.exp(-np.pi * delta), np.sqrt(-np.expm1(-2 * np.pi * delta))
    upper, lower = 1.0 + 0j, 0.0 + 0j
    for s, j, turn in zip(stay, jump, np.exp(1j * psi), strict=True):
        upper, lower = s * upper - 1j * j * turn * lower, s * lower - 1j * j / turn * upper
    return float(min(abs(upper) ** 2, 1.0))


def dressed_crossing(
    *,
    rabi_frequency: npt.ArrayLike,
    chirp_rate: npt.ArrayLike,
    carrier: npt.ArrayLike | None = None,
    **surroundings: Any,
) -> Prediction:
    """Probability to stay in the bare state when a field is swept through resonance.

    ``H(t) = ½ [[ω₀, 2Ω cos φ], [2Ω cos φ, −ω₀]]``, ``φ′(t) = ω₀ + βt``. In the frame that turns
    with the field, without the counter-rotating part, it is
    ``½ [[−βt, Ω], [Ω, βt]]``: the dressed levels |1, N + 1⟩ and |2, N⟩ cross with the gap Ω, and::

        P = exp(−π Ω² / 2β)

    The rest, 1 − P, is inverted: rapid adiabatic passage.

    Parameters
    ----------
    rabi_frequency : array_like
        ``Ω`` (energy), not negative.
    chirp_rate : array_like
        ``β > 0`` (radians / time²).
    carrier : array_like, optional
        ``ω₀ > 0``; adds the check that the counter-rotating part is far from resonance.
    **surroundings
        The optional context of `landau_zener`: ``window=``, ``dephasing_time=``, ….

    Returns
    -------
    Prediction
        The probability not to be excited, with ``log_value = ln P``.

    Raises
    ------
    InputError
        If an argument is out of its range, or the shapes do not broadcast.

    References
    ----------
    C. Cohen-Tannoudji, J. Dupont-Roc, G. Grynberg, Atom-Photon Interactions (1992), chapter VI;
    N. V. Vitanov, T. Halfmann, B. W. Shore, K. Bergmann, Annu. Rev. Phys. Chem. 52, 763 (2001).

    Examples
    --------
    >>> round(dressed_crossing(rabi_frequency=0.1, chirp_rate=0.01, carrier=5.0).value, 6)
    0.20788
    """
    omega, beta = broadcast(
        rabi_frequency=non_negative("rabi_frequency", rabi_frequency),
        chirp_rate=positive("chirp_rate", chirp_rate),
    )
    checks = passage_checks(omega, beta, **surroundings)
    if carrier is not None:
        size = np.maximum(omega, np.sqrt(beta))
        checks += (
            DomainCheck(
                "width of the resonance / (2 carrier)",
                unwrap(np.asarray(size / (2 * positive("carrier", carrier)))),
                RATIO_LIMIT,
                "the counter-rotating part of the field is not negligible",
            ),
        )
    exponent = np.asarray(-0.5 * np.pi * omega * (omega / beta))
    return Prediction(
        unwrap(np.exp(exponent)),
        "dressed crossing",
        checks,
        "P = exp(-pi rabi_frequency^2 / (2 chirp_rate))",
        log_value=unwrap(exponent),
    )
