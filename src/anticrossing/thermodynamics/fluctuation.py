"""Fluctuation relations: exact identities that link a protocol with equilibrium and its reverse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    fail,
    real_array,
    real_number,
    shaped_like,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import (
    checked_temperature,
    counting_field,
    exponential,
    provides,
)
from anticrossing.thermodynamics.atoms import draw_atoms
from anticrossing.thermodynamics.counting import TwoPointStatistics


class HasLogCharacteristicFunction(Protocol):
    """Anything with ``ln χ(u)`` for complex u."""

    def log_characteristic_function(self, u: npt.ArrayLike, /) -> complex | ComplexArray:
        """Return ln χ(u)."""
        ...


def jarzynski_ratio(
    statistics: HasLogCharacteristicFunction, *, temperature: float, free_energy_difference: float
) -> float:
    """Return ``⟨exp(−βw)⟩ exp(βΔΩ)``, one for a start in equilibrium (Jarzynski's equality).

    Parameters
    ----------
    statistics : object
        Of the work, with `log_characteristic_function`.
    temperature : float
        Temperature of the initial state (energy, k_B = 1).
    free_energy_difference : float
        ``ΔΩ`` between equilibrium at the end and at the start (energy).

    Returns
    -------
    float
        Infinite where it is too large for a float.

    Raises
    ------
    InputError
        If `temperature` is not positive, or an argument cannot be used.

    References
    ----------
    C. Jarzynski, Phys. Rev. Lett. 78, 2690 (1997).

    Examples
    --------
    A level at 0, with μ = 0, lifted to 1 without anything to exchange particles with:

    >>> import numpy as np
    >>> work = TwoPointStatistics(
    ...     propagator=[[1.0]], initial_values=[0.0], final_values=[1.0], occupations=[0.5]
    ... )
    >>> change = np.log(2) - np.log(1 + np.exp(-1.0))
    >>> round(jarzynski_ratio(work, temperature=1.0, free_energy_difference=change), 12)
    1.0
    """
    provides("statistics", statistics, "log_characteristic_function")
    inverse = 1 / checked_temperature(temperature)
    change = real_number("free_energy_difference", free_energy_difference)
    log = np.asarray(statistics.log_characteristic_function(1j * inverse))
    return float(exponential(log.real + inverse * change).real)


def crooks_deviation(
    forward: HasLogCharacteristicFunction,
    backward: HasLogCharacteristicFunction,
    u: npt.ArrayLike,
    *,
    temperature: float,
    free_energy_difference: float,
) -> float:
    """Return the largest ``|χ_F(u + iβ) exp(βΔΩ) − χ_B(−u)|``, zero by Crooks' relation.

    The relation says ``P_F(w) = exp(β(w − ΔΩ)) P_B(−w)``, for all w at once.

    Parameters
    ----------
    forward, backward : object
        Statistics of the work in the protocol and in its reverse, each from equilibrium.
    u : array of float
        Counting fields at which the two sides are compared (1 / energy).
    temperature, free_energy_difference : float
        As for `jarzynski_ratio`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If there is no field, or an argument cannot be used.

    References
    ----------
    G. E. Crooks, Phys. Rev. E 60, 2721 (1999); P. Talkner, P. Hänggi, J. Phys. A 40, F569 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> work = TwoPointStatistics(
    ...     propagator=[[1.0]], initial_values=[0.0], final_values=[1.0], log_odds=[0.0]
    ... )
    >>> reverse = work.backward(log_odds=[-1.0])
    >>> change = np.log(2) - np.log(1 + np.exp(-1.0))
    >>> deviation = crooks_deviation(
    ...     work, reverse, [0.0, 0.7], temperature=1.0, free_energy_difference=change
    ... )
    >>> deviation < 1e-14
    True
    """
    provides("forward", forward, "log_characteristic_function")
    provides("backward", backward, "log_characteristic_function")
    fields = real_array("u", u)
    if fields.size == 0:
        raise fail("u", "hold at least one number", f"its shape is {fields.shape}")
    inverse = 1 / checked_temperature(temperature)
    change = real_number("free_energy_difference", free_energy_difference)
    left = np.asarray(forward.log_characteristic_function(fields + 1j * inverse))
    right = np.asarray(backward.log_characteristic_function(-fields))
    return float(np.max(np.abs(exponential(left + inverse * change) - exponential(right))))


@dataclass(frozen=True, eq=False)
class EntropyProduction(Result):
    """Statistics of ``σ = ln P(S) − ln P'(S')`` over the transitions ``S → S'``.

    Attributes
    ----------
    statistics : TwoPointStatistics
        Of ``σ − offset``.
    offset : float
        ``Σ ln(1 − f_i) − Σ ln(1 − f'_j)``.
    final_log_odds : array, shape (N,), or None
        Of the reference state of the final modes, from which the reverse starts.
    """

    statistics: TwoPointStatistics
    offset: float
    final_log_odds: FloatArray | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mean": shown(text="mean entropy production"),
        "integral_ratio": shown(text="⟨exp(−σ)⟩, one by the integral theorem"),
        "offset": shown(text="constant part of σ"),
    }

    @classmethod
    def between(
        cls, propagator: npt.ArrayLike, initial: FloatArray, final: FloatArray
    ) -> EntropyProduction:
        """Return σ between independent modes, log-odds ±∞ among them: these are not random."""
        before, after = (np.where(np.isfinite(x), x, 0.0) for x in (initial, final))
        statistics = TwoPointStatistics(
            propagator=propagator, initial_values=-before, final_values=-after, log_odds=initial
        )
        # ln of the probability that a mode is empty; that of one surely empty or full is zero
        empty = [np.where(np.isfinite(x), log_expit(-x), 0.0).sum() for x in (initial, final)]
        return cls(statistics, float(empty[0] - empty[1]), final)

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``ln⟨exp(iuσ)⟩`` for complex u of any shape, the phase modulo 2π."""
        fields = counting_field("u", u)
        return self.statistics.log_characteristic_function(fields) + 1j * fields * self.offset

    def backward(self) -> EntropyProduction:
        """Return σ of the reversed protocol, which starts from the final reference state.

        ``P(σ) = exp(σ) P̃(−σ)``, that is ``χ(u + i) = χ̃(−u)``.

        Raises
        ------
        InputError
            If the reference is not known, or a mode at either end is surely empty or full.
        """
        odds = self.final_log_odds
        if odds is None or not np.all(np.isfinite([*odds, *self.statistics.log_odds])):
            raise InputError(
                "The reverse of this process is not defined: a mode is surely empty or full at an "
                "end, so that ln P is infinite there."
            )
        return EntropyProduction(
            self.statistics.backward(log_odds=odds), -self.offset, self.statistics.log_odds
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value of σ."""
        listed = self.statistics.atoms()
        if listed is None:
            raise InputError("σ takes too many values to be drawn.")
        values, probabilities = listed
        return draw_atoms(values + self.offset, probabilities, ax, label="entropy production")

    @property
    def mean(self) -> float:
        """The mean of σ, never negative: a relative entropy."""
        return float(self.statistics.mean) + self.offset

    @property
    def integral_ratio(self) -> float:
        """``⟨exp(−σ)⟩``, which is one for every evolution and every pair of reference states."""
        log = self.statistics.log_characteristic_function(1j)
        return math.exp(float(log.real) - self.offset)


def entropy_production_statistics(
    *, propagator: npt.ArrayLike, log_odds: npt.ArrayLike, final_log_odds: npt.ArrayLike
) -> EntropyProduction:
    """Return the statistics of the total entropy production against a final reference state.

    ``σ = ln P(S) − ln P'(S')`` with P the distribution of the initial and P' the one of independent
    final modes with any log-odds ``ℓ'_j``; ``⟨exp(−σ)⟩ = 1``. With P' the equilibrium at the end,
    ``σ = β(w − ΔΩ)``; with modes of reservoirs at several temperatures, σ is the entropy that flows
    to all of them.

    Parameters
    ----------
    propagator : array, shape (N, N)
        ``W[final mode, initial mode]``, unitary.
    log_odds, final_log_odds : array, shape (N,)
        ``ln(f/(1 − f))`` of the initial modes and of the reference for the final ones, finite.

    Returns
    -------
    EntropyProduction

    Raises
    ------
    InputError
        If the propagator is not unitary, or shapes do not fit.

    References
    ----------
    M. Esposito, U. Harbola, S. Mukamel, Rev. Mod. Phys. 81, 1665 (2009).

    Examples
    --------
    >>> c, s = 0.8, 0.6
    >>> sigma = entropy_production_statistics(
    ...     propagator=[[c, -s], [s, c]], log_odds=[1.0, -1.0], final_log_odds=[1.0, -1.0]
    ... )
    >>> round(sigma.mean, 6), round(sigma.integral_ratio, 12)
    (0.332724, 1.0)
    """
    initial = real_array("log_odds", log_odds, ndim=1)
    final = real_array("final_log_odds", final_log_odds, ndim=1)
    shaped_like("final_log_odds", final, "log_odds", initial.shape)
    return EntropyProduction.between(propagator, initial, final)
