"""Multiplets that cross as wholes: a singlet and a triplet, or any two sets of equal levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, finite, positive
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.landau_zener import passage_checks
from anticrossing.formulas.result import (
    ComplexArray,
    DomainCheck,
    FloatArray,
    MatrixPrediction,
    unwrap,
)

_EQUAL = 1e-9  # of the largest effective coupling: two that act as one
_SWING = 1e-3  # how much of a probability may swing with the length of the window


@dataclass(frozen=True, eq=False)
class MultipletPrediction(MatrixPrediction):
    """Probabilities of two multiplets that cross, between their sublevels and as wholes.

    Attributes
    ----------
    effective_couplings : array, shape (..., min(m, n))
        The singular values λ_k of the couplings, largest first: each acts between one superposition
        of either multiplet. Their squares add up to Σ|V|², whatever the sublevels.
    transferred : float or array
        The probability to change multiplet from an even mixture of the m sublevels of the first.
    """

    effective_couplings: FloatArray | None = None
    transferred: float | FloatArray = 0.0

    _variables: ClassVar[Mapping[str, Shown]] = {
        **MatrixPrediction._variables,
        "effective_couplings": shown("superposition", text="effective coupling"),
        "transferred": shown(text="probability to change multiplet, unpolarised"),
    }


def multiplet_landau_zener(
    *,
    couplings: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    window: npt.ArrayLike | None = None,
    third_level_distance: npt.ArrayLike | None = None,
    next_crossing: npt.ArrayLike | None = None,
    linear_range: npt.ArrayLike | None = None,
) -> MultipletPrediction:
    """Transition probabilities of m degenerate levels that cross n degenerate levels.

    ``H(t) = ½ α t (1_m ⊕ −1_n) + V + V†`` with constant couplings V between the two sets. The
    singular values ``V = Σ_k λ_k |u_k⟩⟨v_k|`` leave independent passages of two states each, with
    ``P_k = exp(−2πλ_k²/α)``, and dark states that nothing couples::

        P(i→i′) = |δ_ii′ + Σ_k (√P_k − 1) u_i′k u*_ik|²       within the first set
        P(i→j)  = Σ_k |u_ik|² |v_jk|² (1 − P_k)               to the second one

    One level that meets n sublevels has a single effective coupling ``λ = √Σ_m|V_m|²``: it is kept
    with ``exp(−2πλ²/α)``, and sublevel m takes the share ``|V_m|²/λ²`` of the rest. So a singlet
    that meets a triplet passes with ``√Σ_m|⟨T_m|H_SO|S⟩|²``, the same for every choice of axes.
    From the triplet back, only one of three superpositions can reach the singlet: an unpolarised
    triplet gives a third. Where several λ differ, ways through different superpositions interfere
    with a phase that grows as the logarithm of the window: the mean over it is given, and a check
    says how far it swings. Equal λ add as amplitudes.

    Parameters
    ----------
    couplings : array_like, shape (..., m, n), or (n,) for one level that meets n
        V (energy), real or complex.
    sweep_rate : array_like, shape (...)
        Rate ``α`` of the energy difference of the two sets (energy / time), positive.
    window, third_level_distance, next_crossing, linear_range : array_like, optional
        The surroundings, as for `landau_zener`; they are held against the largest λ.

    Returns
    -------
    MultipletPrediction
        Probabilities ``[..., final, initial]`` of the m and then the n states, shape
        ``(..., m+n, m+n)``.

    Raises
    ------
    InputError
        If the couplings are not finite numbers in a matrix, or the rate is not positive.

    References
    ----------
    G. S. Vasilev, S. S. Ivanov, N. V. Vitanov, Phys. Rev. A 75, 013417 (2007); J. R. Morris,
    B. W. Shore, Phys. Rev. A 27, 906 (1983) (the superpositions).

    Examples
    --------
    >>> triplet = multiplet_landau_zener(couplings=[0.03, 0.04j, 0.12], sweep_rate=0.5)
    >>> triplet.effective_couplings.round(4)
    array([0.13])
    >>> triplet.transition_matrix[:, 0].round(4)             # from the singlet
    array([0.8087, 0.0102, 0.0181, 0.163 ])
    >>> back = multiplet_landau_zener(couplings=[[0.03], [0.04j], [0.12]], sweep_rate=0.5)
    >>> round(3 * back.transferred / triplet.transferred, 12)
    1.0
    """
    v = _couplings(couplings)
    rate = positive("sweep_rate", sweep_rate)
    try:
        shape = np.broadcast_shapes(v.shape[:-2], rate.shape)
    except ValueError:
        raise fail(
            "couplings",
            "broadcast with `sweep_rate`",
            f"their shapes are {v.shape} and {rate.shape}",
        ) from None
    first, second = v.shape[-2:]
    v = np.broadcast_to(v, (*shape, first, second))
    rate = np.broadcast_to(rate, shape)
    u, strengths, w = np.linalg.svd(v, full_matrices=False)
    w = np.conj(np.swapaxes(w, -1, -2))
    exponent = -2 * np.pi * strengths * (strengths / rate[..., None])
    lost = np.expm1(exponent / 2)
    matrix = np.empty((*shape, first + second, first + second))
    matrix[..., :first, :first] = _kept(u, lost)
    matrix[..., first:, first:] = _kept(w, lost)
    passed = np.sqrt(-np.expm1(exponent))
    mean, swing = _across(u, w, strengths, passed)
    matrix[..., first:, :first] = np.swapaxes(mean, -1, -2)
    matrix[..., :first, first:] = mean
    surroundings = {
        "window": window,
        "third_level_distance": third_level_distance,
        "next_crossing": next_crossing,
        "linear_range": linear_range,
    }
    given = {name: value for name, value in surroundings.items() if value is not None}
    checks = passage_checks(2 * strengths[..., 0], rate, **given)
    if np.any(swing > 0):
        checks += (
            DomainCheck(
                "swing of a probability between two sublevels",
                unwrap(swing),
                _SWING,
                "ways through several superpositions interfere: means over their phases are given",
            ),
        )
    return MultipletPrediction(
        value=matrix,
        name="Landau-Zener of two multiplets",
        checks=checks,
        equation="P_k = exp(-2 pi lambda_k^2 / sweep_rate), lambda_k the singular values of V",
        exact=True,
        effective_couplings=strengths,
        transferred=unwrap(np.asarray(np.sum(passed**2, axis=-1) / first)),
    )


def _couplings(couplings: npt.ArrayLike) -> ComplexArray:
    try:
        v = np.array(couplings, dtype=np.complex128)
    except (TypeError, ValueError):
        raise fail("couplings", "be a matrix of numbers", "it is not") from None
    if v.ndim == 1:
        v = v[np.newaxis]
    if v.ndim < 2 or 0 in v.shape[-2:]:
        raise fail("couplings", "list at least one coupling", f"its shape is {v.shape}")
    return finite("couplings", v)


def _kept(vectors: ComplexArray, lost: FloatArray) -> FloatArray:
    """Return the probabilities within one set, |1 + Σ_k (√P_k − 1)|u_k⟩⟨u_k||²."""
    change = (vectors * lost[..., None, :]) @ np.conj(np.swapaxes(vectors, -1, -2))
    return np.asarray(np.abs(np.eye(vectors.shape[-2]) + change) ** 2)


def _across(
    u: ComplexArray, w: ComplexArray, strengths: FloatArray, passed: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the mean probabilities from the first set to the second, and how far they swing."""
    # Superpositions of one coupling act as one: their amplitudes add up.
    apart = np.diff(strengths, axis=-1) < -_EQUAL * strengths[..., :1]
    group = np.zeros(strengths.shape, dtype=np.intp)
    group[..., 1:] = np.cumsum(apart, axis=-1)
    back = np.conj(np.swapaxes(w, -1, -2))
    ways = [
        np.abs((u * np.where(group == k, passed, 0.0)[..., None, :]) @ back)
        for k in range(strengths.shape[-1])
    ]
    mean = np.sum([way**2 for way in ways], axis=0)
    swing = np.sum(ways, axis=0) ** 2 - mean
    return mean, np.where(swing > 1e-14, swing, 0.0).max(axis=(-2, -1))
