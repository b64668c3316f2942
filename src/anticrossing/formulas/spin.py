"""Passages that are products or powers of two-level ones: spins in a swept field, Ising chain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    choice,
    describe,
    fail,
    integer,
    non_negative,
    positive,
    real_array,
    real_number,
)
from anticrossing.formulas.result import (
    DomainCheck,
    FloatArray,
    MatrixPrediction,
    Prediction,
    broadcast,
    unwrap,
)

BASES = ("adiabatic", "diabatic")
_LONGEST_SPIN = 100.0  # one second


def spin_landau_zener(
    *, spin: float, gap: npt.ArrayLike, sweep_rate: npt.ArrayLike, basis: str = "adiabatic"
) -> MatrixPrediction:
    """Transition probabilities of a spin of any length in a swept field (exact).

    ``H(t) = α t S_z + g S_x``: the evolution is a rotation, so that
    ``P(m→m′) = |d^S_{m′m}(β)|²`` with Wigner's d matrix and ``cos²(β/2) = P = exp(−π g²/2α)``.

    Parameters
    ----------
    spin : float
        ``S``, a positive multiple of ½; spin ½ is the two-level Landau-Zener problem.
    gap : array_like
        Smallest distance ``g`` of neighbouring levels (energy), not negative.
    sweep_rate : array_like
        Rate ``α`` of the energy difference of neighbouring diabatic levels (energy / time),
        positive.
    basis : {"adiabatic", "diabatic"}
        Levels sorted by energy at each end, or ``m = S, S−1, … −S``.

    Returns
    -------
    MatrixPrediction
        Probabilities ``[..., final, initial]``, shape ``(..., 2S+1, 2S+1)``.

    Raises
    ------
    InputError
        If the spin is not a positive multiple of one half, or as for `landau_zener`.

    References
    ----------
    F. T. Hioe, J. Opt. Soc. Am. B 4, 1327 (1987); E. Majorana, Nuovo Cimento 9, 43 (1932).

    Examples
    --------
    >>> result = spin_landau_zener(spin=1, gap=1.0, sweep_rate=1.0)
    >>> result.transition_matrix.round(4)
    array([[0.6275, 0.3293, 0.0432],
           [0.3293, 0.3413, 0.3293],
           [0.0432, 0.3293, 0.6275]])
    """
    chosen = choice("basis", basis, BASES)
    length = real_number("spin", spin)
    if length <= 0 or round(2 * length) != 2 * length:
        raise fail("spin", "be a positive multiple of 1/2", f"it is {describe(spin)}")
    if length > _LONGEST_SPIN:
        raise fail("spin", f"be at most {_LONGEST_SPIN:g}", f"it is {describe(spin)}")
    g, rate = broadcast(gap=non_negative("gap", gap), sweep_rate=positive("sweep_rate", sweep_rate))
    exponent = 0.5 * np.pi * g**2 / rate
    matrix = _wigner_squared(round(2 * length), np.exp(-exponent), -np.expm1(-exponent))
    if chosen == "adiabatic":
        # At t → −∞ the lowest level is m = S, at +∞ it is m = −S.
        matrix = matrix[..., ::-1, :]
    return MatrixPrediction(
        value=matrix,
        name=f"Landau-Zener, spin {length:g}, {chosen} labels",
        checks=(),
        equation="P = |d^S_{m'm}(beta)|^2, cos^2(beta/2) = exp(-pi gap^2 / (2 sweep_rate))",
        basis=chosen,
        exact=True,
    )


def _wigner_squared(twice: int, c2: FloatArray, s2: FloatArray) -> FloatArray:
    """``|d^S_{m′m}|²`` from ``cos²(β/2)`` and ``sin²(β/2)``, rows and columns m = S … −S."""
    from scipy.special import eval_jacobi, gammaln

    size = twice + 1
    matrix = np.empty((*c2.shape, size, size))
    for row in range(size):
        for column in range(size):
            # S − m = column, S − m′ = row; reduce to a Jacobi polynomial of the smallest degree.
            degree = min(row, column, twice - row, twice - column)
            a = abs(row - column)
            b = twice - 2 * degree - a
            log_norm = (
                gammaln(twice - degree + 1)
                + gammaln(degree + 1)
                - gammaln(degree + a + 1)
                - gammaln(degree + b + 1)
            )
            polynomial = eval_jacobi(degree, a, b, c2 - s2)
            matrix[..., row, column] = np.exp(log_norm) * s2**a * c2**b * polynomial**2
    return matrix


def ising_mode_excitation(
    *, momentum: npt.ArrayLike, exchange: npt.ArrayLike, quench_time: npt.ArrayLike
) -> Prediction:
    """Probability that one momentum pair of the quenched Ising chain ends excited.

    ``p_k = exp(−2π J τ_Q sin²k)``: the Landau-Zener formula with gap ``4J sin k`` and rate
    ``4J/τ_Q`` for the Hamiltonian of `ising_chain_defects`.

    Parameters
    ----------
    momentum : array_like
        ``k`` in (0, π), lattice spacing 1.
    exchange : array_like
        ``J`` (energy), positive.
    quench_time : array_like
        ``τ_Q`` (time), positive.

    Returns
    -------
    Prediction
        The probability. The quench ends a time ``τ_Q cos k`` after the crossing of mode k, which
        the check compares with the duration of the passage: only long waves pass it fully.

    Raises
    ------
    InputError
        If the exchange or the quench time is not positive.

    References
    ----------
    J. Dziarmaga, Phys. Rev. Lett. 95, 245701 (2005).

    Examples
    --------
    >>> result = ising_mode_excitation(momentum=0.1, exchange=1.0, quench_time=10.0)
    >>> round(result.value, 6), result.valid
    (0.534605, True)
    """
    k, j, tau = broadcast(
        momentum=real_array("momentum", momentum),
        exchange=positive("exchange", exchange),
        quench_time=positive("quench_time", quench_time),
    )
    exponent = -2 * np.pi * j * tau * np.sin(k) ** 2
    # τ = max(1/√α, g/α) = τ_Q max(1/√(4Jτ_Q), sin k), against the time τ_Q cos k left at the end
    duration = np.maximum(0.5 / np.sqrt(j * tau), np.abs(np.sin(k)))
    left = np.cos(k)
    ratio = np.divide(duration, left, out=np.full_like(duration, np.inf), where=left > 0)
    check = DomainCheck(
        "passage duration / time to the end of the quench",
        unwrap(ratio),
        0.25,  # the adiabatic state at the end is off by about the cube of this
        "the quench ends before this mode has passed its crossing",
    )
    return Prediction(
        value=unwrap(np.exp(exponent)),
        name="Ising mode excitation",
        checks=(check,),
        equation="p_k = exp(-2 pi exchange quench_time sin^2 k)",
        log_value=unwrap(np.asarray(exponent)),
    )


def ising_chain_defects(
    *, exchange: npt.ArrayLike, quench_time: npt.ArrayLike, sites: int | None = None
) -> Prediction:
    """Density of defects after a linear quench of the transverse-field Ising chain.

    ``H(t) = −J Σ_n [h(t) σˣ_n + σᶻ_n σᶻ_{n+1}]``, ``h(t) = −t/τ_Q`` from ``t = −∞`` (ground state,
    all spins along the field) to ``t = 0`` (no field). The density of kinks at the end is
    ``n = (1/2π) / √(2 J τ_Q)``  (ħ = 1), the Gaussian integral of ``exp(−2π J τ_Q k²)``.

    Parameters
    ----------
    exchange : array_like
        ``J`` (energy), positive. The single-mode gap is ``4J |sin k|`` at its crossing.
    quench_time : array_like
        ``τ_Q``, the time in which the field falls by ``J`` (in units of J), positive.
    sites : int, optional
        Length of a periodic chain; adds the check that it holds several kinks.

    Returns
    -------
    Prediction
        Kinks per site. The first check is that the quench is slow, ``J τ_Q ≥ 5`` (the leading
        correction is then below one part in a hundred).

    Raises
    ------
    InputError
        If the exchange or the quench time is not positive, or there are fewer than two sites.

    References
    ----------
    J. Dziarmaga, Phys. Rev. Lett. 95, 245701 (2005); W. H. Zurek, U. Dorner, P. Zoller, Phys. Rev.
    Lett. 95, 105701 (2005).

    Examples
    --------
    >>> round(ising_chain_defects(exchange=1.0, quench_time=50.0).value, 6)
    0.015915
    """
    j, tau = broadcast(
        exchange=positive("exchange", exchange), quench_time=positive("quench_time", quench_time)
    )
    value = unwrap(np.asarray(0.5 / (np.pi * np.sqrt(2 * j * tau))))
    checks = [
        DomainCheck(
            "exchange * quench_time",
            unwrap(np.asarray(j * tau)),
            5.0,
            "the quench is too fast for the scaling law",
            at_least=True,
        )
    ]
    if sites is not None:
        count = integer("sites", sites, minimum=2, maximum=10**15)
        checks.append(
            DomainCheck(
                "kinks in the chain",
                unwrap(np.asarray(np.multiply(value, count))),
                2.0,
                "the chain is shorter than the distance between kinks; its gap is finite and the "
                "density falls exponentially instead",
                at_least=True,
            )
        )
    return Prediction(
        value,
        "Ising chain defects (Kibble-Zurek)",
        tuple(checks),
        "n = 1 / (2 pi sqrt(2 exchange quench_time))",
    )
