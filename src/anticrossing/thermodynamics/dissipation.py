"""Entropy produced at one Landau-Zener crossing of a system level with a reservoir level."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, hyp2f1, kl_div, log_expit, logit

from anticrossing._core.checks import FloatArray, fraction
from anticrossing._core.unchanging import record
from anticrossing.formulas.result import broadcast, unwrap
from anticrossing.thermodynamics.equilibrium import binary_entropy


@record
class Filling:
    """Occupations with their complements, so that neither loses its digits near one.

    Attributes
    ----------
    occupied, vacant : array
        ``p`` and ``1 − p``, each to full relative precision.
    log_odds : array
        ``ln(p/(1−p))``, finite also where one of the two is below the smallest float.
    """

    occupied: FloatArray
    vacant: FloatArray
    log_odds: FloatArray

    @classmethod
    def of(cls, occupation: FloatArray) -> Filling:
        """Return the filling of given occupations."""
        return cls(occupation, 1 - occupation, logit(occupation))

    @classmethod
    def thermal(cls, energies: FloatArray, beta: float, chemical_potential: float) -> Filling:
        """Return the Fermi filling of levels."""
        log_odds = -beta * (energies - chemical_potential)
        return cls(expit(log_odds), expit(-log_odds), log_odds)

    def __getitem__(self, index: Any) -> Filling:
        return Filling(self.occupied[index], self.vacant[index], self.log_odds[index])

    def excess_over(self, other: Filling) -> FloatArray:
        """Return ``p − q``, taken between the smaller of occupations and vacancies."""
        return np.where(
            self.occupied < 0.5, self.occupied - other.occupied, other.vacant - self.vacant
        )

    def relative_entropy(self, other: Filling) -> FloatArray:
        """Return ``D(p|q)`` through the log odds of q, so that q may round to 0 or 1."""
        energy = _times(self.occupied, -log_expit(other.log_odds))
        energy = energy + _times(self.vacant, -log_expit(-other.log_odds))
        return np.asarray(np.maximum(energy - binary_entropy(self.occupied), 0.0))


def entropy_production(
    diabatic_probability: npt.ArrayLike,
    occupation: npt.ArrayLike,
    reservoir_occupation: npt.ArrayLike,
) -> float | FloatArray:
    """Entropy produced when a level crosses a reservoir level and mixes occupations with it.

    With ``p′ = R p + (1−R) f`` the paper's equation (6) is, in its simplest form::

        Σ = D(p|f) − D(p′|f) ≥ 0

    with ``D`` the binary relative entropy. It vanishes for ``R = 1`` and for ``p = f``, and is
    evaluated as ``D(p|p′) + (p−p′)(logit p′ − logit f)``, two terms that are never negative, so
    that it keeps its relative precision where it is small.

    Parameters
    ----------
    diabatic_probability : array_like
        Probability ``R`` to keep the diabatic state at the crossing.
    occupation : array_like
        Occupation ``p`` of the system level before the crossing.
    reservoir_occupation : array_like
        Occupation ``f`` of the reservoir level before the crossing.

    Returns
    -------
    float or ndarray
        ``Σ`` (k_B = 1), broadcast over the arguments; infinite if f = 0 or 1 and p ≠ f, R < 1.

    Raises
    ------
    InputError
        If an argument is not a probability, or the shapes do not broadcast.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), equation (6) and figure 3.

    Examples
    --------
    >>> round(entropy_production(0.5, 1.0, 0.75), 6)
    0.239444
    """
    keep, p, f = broadcast(
        diabatic_probability=fraction("diabatic_probability", diabatic_probability),
        occupation=fraction("occupation", occupation),
        reservoir_occupation=fraction("reservoir_occupation", reservoir_occupation),
    )
    return unwrap(np.asarray(entropy_of_mixing(keep, 1 - keep, Filling.of(p), Filling.of(f))))


def mix(keep: FloatArray, swap: FloatArray, one: Filling, other: Filling) -> Filling:
    """Return ``R p + (1−R) q``, both complements as sums of positive terms."""
    occupied = keep * one.occupied + swap * other.occupied
    vacant = keep * one.vacant + swap * other.vacant
    with np.errstate(divide="ignore"):
        log_odds = np.log(occupied) - np.log(vacant)
    return Filling(occupied, vacant, log_odds)


def entropy_of_mixing(
    keep: FloatArray, swap: FloatArray, before: Filling, reservoir: Filling
) -> FloatArray:
    """Return ``D(p|f) − D(p′|f)`` without cancellation; `swap` is ``1 − R``."""
    after = mix(keep, swap, before, reservoir)
    gap = before.excess_over(reservoir)
    moved = -swap * gap  # p′ − p
    left = keep * gap  # p′ − f
    relative = _divergence_term(before.occupied, moved, after.occupied)
    relative = relative + _divergence_term(before.vacant, -moved, after.vacant)
    force = _log_ratio(left, reservoir.occupied) - _log_ratio(-left, reservoir.vacant)
    # Far from the reservoir's filling nothing cancels, and its log odds do not underflow.
    near = np.abs(left) < 0.5 * np.minimum(reservoir.occupied, reservoir.vacant)
    with np.errstate(invalid="ignore"):
        force = np.where(near, force, after.log_odds - reservoir.log_odds)
    force = np.where((moved == 0) | (left == 0), 0.0, force)
    return np.asarray(relative + np.maximum(-moved * force, 0.0))


def _divergence_term(p: FloatArray, moved: FloatArray, after: FloatArray) -> FloatArray:
    """Return ``p ln(p/(p+x)) + x``, which is ``x²/2p`` to lowest order and never negative."""
    near = np.abs(moved) < 0.5 * p
    ratio = np.where(near, moved, 0.0) / np.where(near, p, 1.0)
    return np.where(near, 0.5 * moved * ratio * hyp2f1(1, 2, 3, -ratio), kl_div(p, after))


def _log_ratio(change: FloatArray, base: FloatArray) -> FloatArray:
    """Return ``ln(1 + change/base)`` where the change is small, else zero."""
    near = np.abs(change) < 0.5 * base
    return np.log1p(np.where(near, change, 0.0) / np.where(near, base, 1.0))


def _times(weight: FloatArray, value: FloatArray) -> FloatArray:
    """Return the product, zero where the weight is zero even if the value is infinite."""
    return np.where(weight == 0, 0.0, weight) * np.where(weight == 0, 0.0, value)
