"""Exactly solvable crossings of many levels: Demkov-Osherov and bow-tie.

Both give the full matrix of transition probabilities between times −∞ and +∞ as finite products of
two-level Landau-Zener probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    choice,
    fail,
    last_axis,
    listed,
    nowhere_zero,
    real_array,
    real_number,
)
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, MatrixPrediction, context, unwrap

BASES = ("diabatic", "adiabatic")


def demkov_osherov(
    *,
    levels: npt.ArrayLike,
    couplings: npt.ArrayLike,
    sweep_rate: npt.ArrayLike,
    basis: str = "diabatic",
    window: npt.ArrayLike | None = None,
) -> MatrixPrediction:
    """Transition probabilities of one sloped level that crosses parallel ones (exact).

    ``H(x) = x |0⟩⟨0| + Σ_j ε_j |j⟩⟨j| + Σ_j γ_j (|0⟩⟨j| + h.c.)``, ``x = α t``, index 0 the sloped
    level. Each crossing is passed with ``p_j = exp(−2π γ_j²/|α|)``, in the order in which the
    sloped level meets them; with levels numbered in that order and ``q = 1 − p``::

        P(0→0) = Π p_k            P(0→j) = q_j Π_{k<j} p_k      P(j→0) = q_j Π_{k>j} p_k
        P(j→j) = p_j              P(i→j) = q_i q_j Π_{i<k<j} p_k for i<j, zero for i>j

    Levels of equal energy act through one superposition ``Σ γ_j |j⟩``, which is taken into account.
    (Levels that are close but not equal take a time ``∝ 1/|ε_i − ε_j|`` to show these numbers.)

    Parameters
    ----------
    levels : array_like, shape (n,)
        Energies ``ε_j`` of the parallel levels, in any order.
    couplings : array_like, shape (..., n)
        Couplings ``γ_j`` (energy), half the two-level gaps; real, of either sign.
    sweep_rate : array_like, shape (...)
        Rate ``α`` at which the sloped level moves (energy / time), not zero; a negative rate
        reverses the order of the crossings.
    basis : {"diabatic", "adiabatic"}
        Labels of the matrix: index 0 the sloped level and j the parallel ones as given, or levels
        sorted by energy (lowest first) at the beginning and at the end.
    window : array_like, optional
        Distance of the sloped level, at the nearer end of a run, from the nearest parallel level
        (energy); adds the check that the run has left the crossings.

    Returns
    -------
    MatrixPrediction
        Probabilities ``[..., final, initial]``, shape ``(..., n+1, n+1)``.

    Raises
    ------
    InputError
        If the rate is zero, the lengths differ, or levels are equal and labels adiabatic.

    References
    ----------
    Yu. N. Demkov, V. I. Osherov, Sov. Phys. JETP 26, 916 (1968).

    Examples
    --------
    >>> result = demkov_osherov(levels=[0.0, 1.0], couplings=[0.3, 0.3], sweep_rate=1.0)
    >>> result.transition_matrix.round(4)
    array([[0.3227, 0.2454, 0.4319],
           [0.4319, 0.5681, 0.    ],
           [0.2454, 0.1866, 0.5681]])
    """
    chosen = choice("basis", basis, BASES)
    energies = real_array("levels", levels, ndim=1)
    n = energies.size
    if n == 0:
        raise fail("levels", "hold at least one level", "it is empty")
    gamma, rate, shape = _batch("couplings", couplings, "sweep_rate", sweep_rate, n)
    different, group = np.unique(energies, return_inverse=True)
    if chosen == "adiabatic" and different.size < n:
        raise fail("levels", "be different for adiabatic labels", "two of them are equal")

    matrix = np.empty((*shape, n + 1, n + 1))
    for index in np.ndindex(shape):
        matrix[index] = _demkov_osherov(different, group, gamma[index], float(rate[index]))
        if chosen == "adiabatic":
            order = list(1 + np.argsort(energies))
            first, last = ([0, *order], [*order, 0])
            if rate[index] < 0:
                first, last = last, first
            matrix[index] = matrix[index][np.ix_(last, first)]
    checks: tuple[DomainCheck, ...] = ()
    if window is not None:
        distance = context("window", window)
        size = np.maximum(2 * np.sqrt(np.sum(gamma**2, axis=-1)), np.sqrt(np.abs(rate)))
        checks = (
            DomainCheck(
                "width of the crossings / window",
                unwrap(np.asarray(size / distance)),
                RATIO_LIMIT,
                "the sweep ends before the last crossing is over",
            ),
        )
    return MatrixPrediction(
        value=matrix,
        name=f"Demkov-Osherov, {chosen} labels",
        checks=checks,
        equation="products of p_j = exp(-2 pi coupling_j^2 / |sweep_rate|) in causal order",
        basis=chosen,
        exact=True,
    )


def _demkov_osherov(
    energies: FloatArray, group: npt.NDArray[Any], gamma: FloatArray, rate: float
) -> FloatArray:
    """Matrix of one sweep, diabatic labels; `group[j]` is the distinct energy of level j."""
    order = np.arange(energies.size) if rate > 0 else np.arange(energies.size)[::-1]
    strength = np.zeros(energies.size)
    np.add.at(strength, group, gamma**2)
    exponent = -2 * np.pi * strength / abs(rate)
    p, q = np.exp(exponent), -np.expm1(exponent)
    # share[j]: weight of level j in the coupled superposition of its energy (any, if uncoupled)
    share = gamma**2 / np.where(strength > 0, strength, 1.0)[group]

    place = np.empty(energies.size, dtype=int)
    place[order] = np.arange(energies.size)
    survive = np.concatenate(([1.0], np.cumprod(p[order])))

    def passed(after: int, before: int) -> float:
        """Probability to stay on the sloped level at every crossing strictly in between."""
        return float(np.prod(p[order[after + 1 : before]]))

    n = gamma.size
    matrix = np.zeros((n + 1, n + 1))
    matrix[0, 0] = survive[-1]
    for j in range(n):
        at = place[group[j]]
        matrix[j + 1, 0] = share[j] * q[group[j]] * survive[at]
        matrix[0, j + 1] = share[j] * q[group[j]] * passed(at, energies.size)
        for i in range(n):
            source = place[group[i]]
            if source < at:
                matrix[j + 1, i + 1] = (
                    share[i] * share[j] * q[group[i]] * q[group[j]] * passed(source, at)
                )
            elif source == at:
                # The superposition survives with the real amplitude √p; the rest is dark.
                lost = 1 - np.sqrt(p[group[j]])
                if i == j:
                    matrix[j + 1, j + 1] = (1 - share[j] * lost) ** 2
                else:
                    matrix[j + 1, i + 1] = share[i] * share[j] * lost**2
    return matrix


def bow_tie(
    *,
    slopes: npt.ArrayLike,
    couplings: npt.ArrayLike,
    sweep_rate: npt.ArrayLike = 1.0,
    slope_0: float = 0.0,
    offset: float | None = None,
    basis: str = "diabatic",
) -> MatrixPrediction:
    """Transition probabilities where many levels cross at one point (exact).

    ``H(x) = Σ_{j≥0} b_j x |j⟩⟨j| + Σ_{j≥1} V_j (|0⟩⟨j| + h.c.)``, ``x = α t``: every level passes
    through zero at ``x = 0`` and only level 0, flat by default, is coupled to the others. With
    ``p_j = exp(−π V_j² / |α (b_j − b_0)|)``, ``q = 1 − p`` and ``s_j = Π p_i`` over the levels on
    the same side of level 0 (same sign of ``b − b_0``) that are steeper than j (larger
    ``|b − b_0|``)::

        P(j→j) = (1 − q_j s_j)²
        P(j→k) = q_j q_k s_j s_k

    and transitions with level 0 follow from rows and columns summing to one.

    With an `offset` level 0 is split into two parallel ones, |+⟩ and |−⟩, at the energies
    ``±offset/2``, each coupled to level j by ``V_j/√2``: the generalised bow-tie. Every level then
    meets them one after the other, with the same ``p_j`` each time, and the product of these
    passages in order of time is exact: all ways from one level to another have the same phase.
    How large the offset is does not matter; what it splits adds up to the bow-tie.

    Parameters
    ----------
    slopes : array_like, shape (n,)
        Slopes ``b_1 … b_n`` (energy per unit of x), all different.
    couplings : array_like, shape (..., n)
        Couplings ``V_j`` of level 0 with levels 1 … n (energy).
    sweep_rate : array_like, shape (...)
        Rate ``α = dx/dt``, not zero. The probabilities do not depend on its sign.
    slope_0 : float
        Slope ``b_0`` of the level coupled to all others, different from theirs.
    offset : float, optional
        Energy difference of the two levels of the generalised bow-tie, not zero.
    basis : {"diabatic", "adiabatic"}
        Labels of the matrix: index 0 this level (0 and 1 the levels |+⟩ and |−⟩) and then the
        others as given, or levels sorted by energy (lowest first) at −∞ and +∞.

    Returns
    -------
    MatrixPrediction
        Probabilities ``[..., final, initial]``, shape ``(..., n+1, n+1)``; with an offset one more.

    Raises
    ------
    InputError
        If slopes coincide, the rate or the offset is zero, or the lengths differ.

    References
    ----------
    C. E. Carroll, F. T. Hioe, J. Phys. A 19, 1151 (1986), three levels; V. N. Ostrovsky,
    H. Nakamura, J. Phys. A 30, 6939 (1997); Yu. N. Demkov, V. N. Ostrovsky, Phys. Rev. A 61,
    032705 (2000); Yu. N. Demkov, V. N. Ostrovsky, J. Phys. B 34, 2419 (2001) (generalised).

    Examples
    --------
    >>> result = bow_tie(slopes=[1.0, -1.0], couplings=[0.4, 0.4])
    >>> result.transition_matrix.round(4)
    array([[0.044 , 0.478 , 0.478 ],
           [0.478 , 0.3659, 0.1561],
           [0.478 , 0.1561, 0.3659]])
    >>> split = bow_tie(slopes=[1.0, -1.0], couplings=[0.4, 0.4], offset=2.0)
    >>> split.transition_matrix[2].round(4)                  # to the first of the sloped levels
    array([0.239 , 0.239 , 0.3659, 0.1561])
    """
    chosen = choice("basis", basis, BASES)
    others = listed("slopes", slopes)
    b = np.concatenate(([real_number("slope_0", slope_0)], others))
    if np.unique(b).size < b.size:
        raise fail("slopes", "differ from each other and from `slope_0`", "two of them are equal")
    v, rate, shape = _batch("couplings", couplings, "sweep_rate", sweep_rate, b.size - 1)

    apart = None if offset is None else float(nowhere_zero("offset", real_number("offset", offset)))
    hubs = 1 if apart is None else 2
    size = b.size + hubs - 1
    # An offset lifts |+⟩ above |−⟩, or the other way round, at both ends.
    slopes_of_all = np.concatenate((b[:1], b)) if apart is not None else b
    lift = np.zeros(size)
    if apart is not None:
        lift[:2] = apart, -apart
    matrix = np.empty((*shape, size, size))
    for index in np.ndindex(shape):
        r = float(rate[index])
        if apart is None:
            matrix[index] = _bow_tie(b[1:] - b[0], v[index], r)
        else:
            matrix[index] = _split_bow_tie(np.sign(r) * (b[1:] - b[0]), v[index], abs(r), apart)
        if chosen == "adiabatic":
            first, last = (np.lexsort((lift, side * slopes_of_all)) for side in (-r, r))
            matrix[index] = matrix[index][np.ix_(last, first)]
    return MatrixPrediction(
        value=matrix,
        name=f"{'bow-tie' if apart is None else 'generalised bow-tie'}, {chosen} labels",
        checks=(),
        equation="products of p_j = exp(-pi coupling_j^2 / |sweep_rate (slope_j - slope_0)|)",
        basis=chosen,
        exact=True,
    )


def _split_bow_tie(slope: FloatArray, v: FloatArray, rate: float, offset: float) -> FloatArray:
    """Return the matrix where the hub is |+⟩, |−⟩: slopes in the order of time, rate > 0."""
    exponent = -np.pi * v**2 / (rate * np.abs(slope))
    stay, change = np.exp(exponent / 2), np.sqrt(-np.expm1(exponent))
    upper, lower = (0, 1) if offset > 0 else (1, 0)
    amplitudes = np.eye(slope.size + 2)
    for half in (-1, 1):  # before the middle flat levels first, after it steep ones first
        for j in np.argsort(np.abs(slope))[::-half]:
            hub = upper if half * slope[j] > 0 else lower
            pair = [hub, j + 2]
            passage = np.array([[stay[j], -change[j]], [change[j], stay[j]]])
            amplitudes[pair] = passage @ amplitudes[pair]
    return np.asarray(amplitudes**2)


def _bow_tie(slope: FloatArray, v: FloatArray, rate: float) -> FloatArray:
    # Level 0 is split into two parallel ones coupled with V/√2, which separates all crossings. The
    # paths j → 0₋ → m → 0₊ → k over all steeper m interfere without any phase and sum to s.
    exponent = -np.pi * v**2 / np.abs(rate * slope)
    n = slope.size
    same_side = np.sign(slope)[:, None] == np.sign(slope)
    steeper = same_side & (np.abs(slope) > np.abs(slope)[:, None])
    reach = -np.expm1(exponent) * np.exp(steeper @ exponent)
    inner = np.outer(reach, reach)
    np.fill_diagonal(inner, (1 - reach) ** 2)
    matrix = np.empty((n + 1, n + 1))
    matrix[1:, 1:] = inner
    matrix[0, 1:] = 1 - inner.sum(axis=0)
    matrix[1:, 0] = 1 - inner.sum(axis=1)
    matrix[0, 0] = 1 - matrix[1:, 0].sum()
    return np.maximum(matrix, 0)  # rounding may leave −1e-17


def _batch(
    vector_name: str, vector: npt.ArrayLike, rate_name: str, rate: npt.ArrayLike, n: int
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Broadcast couplings (..., n) against rates (...)."""
    values = real_array(vector_name, vector)
    last_axis(vector_name, values, n)
    rates = nowhere_zero(rate_name, rate)
    try:
        shape = np.broadcast_shapes(values.shape[:-1], rates.shape)
    except ValueError:
        raise fail(
            vector_name,
            f"broadcast with `{rate_name}`",
            f"their shapes are {values.shape} and {rates.shape}",
        ) from None
    return np.broadcast_to(values, (*shape, n)), np.broadcast_to(rates, shape), shape
