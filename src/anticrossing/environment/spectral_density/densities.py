"""What a spectral density is, as a function, as single modes, and as a sum of others."""

from __future__ import annotations

import abc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    at_most,
    describe,
    fail,
    integer,
    listed,
    non_negative,
    shaped_like,
)
from anticrossing._core.unchanging import Unchanging
from anticrossing.environment.spectral_density.arguments import LARGEST, SMALLEST, scale
from anticrossing.environment.spectral_density.integration import (
    integrate,
    invert_cumulative,
    slope_at_zero,
)

_MOST_MODES = 100_000  # one root each


class SpectralDensity(Unchanging, abc.ABC):
    """Base of all spectral densities: a continuum, single modes, or both.

    Spectral densities add up: ``Debye(...) + Discrete(...)`` is a solvent and a vibration.
    """

    @property
    @abc.abstractmethod
    def reorganization_energy(self) -> float:
        """λ = (1/π) ∫ dω J(ω)/ω, energy."""

    @property
    def frequencies(self) -> FloatArray:
        """Frequencies of the single modes, shape (n,)."""
        return np.zeros(0)

    @property
    def huang_rhys(self) -> FloatArray:
        """Huang–Rhys factors of the single modes, shape (n,)."""
        return np.zeros(0)

    @property
    def scales(self) -> tuple[float, ...]:
        """Frequencies at which the continuum changes its behaviour; none without a continuum."""
        return ()

    def continuum(self, frequency: npt.ArrayLike) -> FloatArray:
        """Return the smooth part of J(ω) for ω > 0 (energy), of the shape of `frequency`."""
        return np.zeros(non_negative("frequency", frequency).shape)

    @property
    def slope(self) -> float:
        """The limit of J(ω)/ω of the continuum for ω → 0, infinite if it diverges."""
        if not self.scales:
            return 0.0
        return slope_at_zero(self.continuum, self.scales[0])

    @property
    def characteristic_frequency(self) -> float:
        """The frequency below which half of the reorganisation energy lies."""
        return float(self.discretize(1).frequencies[0])

    def discretize(self, modes: int) -> Discrete:
        """Return `modes` oscillators that carry the same reorganisation energy, λ/n each.

        ``(1/π) ∫₀^{ω_j} dω J(ω)/ω = (j − ½) λ/n`` for j = 1 … n, and ``S_j = λ/(n ω_j)``: the
        reorganisation energy is conserved exactly, for any n. Single modes are kept as they are.

        Parameters
        ----------
        modes : int
            Number of oscillators n.

        Returns
        -------
        Discrete
            The discretised bath, frequencies ascending.

        Raises
        ------
        InputError
            If the bath has no continuum, or `modes` is not a positive integer.

        References
        ----------
        P. L. Walters, T. C. Allen, N. Makri, J. Comput. Chem. 38, 110 (2017).

        Examples
        --------
        >>> from anticrossing.environment.spectral_density import Debye
        >>> bath = Debye(reorganization_energy=0.2, relaxation_rate=0.01).discretize(3)
        >>> bath.frequencies.round(6), round(bath.reorganization_energy, 12)
        (array([0.002679, 0.01    , 0.037321]), 0.2)
        """
        count = integer("modes", modes, minimum=1, maximum=_MOST_MODES)
        if not self.scales:
            raise fail(
                "modes", "be asked of a bath with a continuum", "this bath consists of single modes"
            )
        share = self.reorganization_energy - float(self.huang_rhys @ self.frequencies)
        targets = np.pi * share * (np.arange(count) + 0.5) / count
        omega = invert_cumulative(lambda w: self.continuum(w) / w, self.scales, targets)
        order = np.argsort(frequencies := np.concatenate((self.frequencies, omega)))
        factors = np.concatenate((self.huang_rhys, share / (count * omega)))
        return Discrete(frequencies=frequencies[order], huang_rhys=factors[order])

    def __add__(self, other: SpectralDensity) -> SpectralDensity:
        if not isinstance(other, SpectralDensity):
            return NotImplemented
        return Combined(self, other)


class Continuum(SpectralDensity):
    """A spectral density given as a function J(ω).

    Parameters
    ----------
    function : callable
        J(ω) ≥ 0 (energy) for an array of ω > 0; J/ω must be integrable from 0 to ∞.
    scales : float or sequence of float
        Frequencies at which J changes its behaviour: peaks, cutoffs. The integrations start from
        them and refine themselves; a narrow peak that is not named may be missed.

    Raises
    ------
    InputError
        If J is negative or not finite, or the reorganisation energy does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> bath = Continuum(lambda w: w**3 * np.exp(-w), scales=1.0)     # λ = Γ(3)/π
    >>> round(bath.reorganization_energy, 10)
    0.6366197724
    """

    def __init__(
        self, function: Callable[[FloatArray], npt.ArrayLike], *, scales: npt.ArrayLike
    ) -> None:
        if not callable(function):
            raise fail("function", "be callable", f"it is {describe(function)}")
        points = scale("scales", scales)
        if points.ndim > 1 or points.size == 0:
            raise fail("scales", "list at least one frequency", f"its shape is {points.shape}")
        self._function = function
        self._scales = tuple(float(x) for x in np.unique(points))
        integral = integrate(lambda w: self.continuum(w) / w, self._scales)
        if integral is None or not integral > 0:
            raise fail(
                "function",
                "give a positive and finite reorganisation energy",
                "the integral of J(ω)/ω "
                + ("vanishes" if integral is not None else "does not converge"),
            )
        if not SMALLEST <= integral <= LARGEST:
            raise fail(
                "function",
                f"give a reorganisation energy between {SMALLEST:g} and {LARGEST:g}",
                f"it is {integral / np.pi:g}",
            )
        self._energy = integral / np.pi

    @property
    def reorganization_energy(self) -> float:
        return self._energy

    @property
    def scales(self) -> tuple[float, ...]:
        return self._scales

    def continuum(self, frequency: npt.ArrayLike) -> FloatArray:
        omega = non_negative("frequency", frequency)
        found = np.asarray(self._function(omega))
        if found.dtype.kind not in "iuf":
            raise fail("function", "return real numbers", f"it returned {describe(found)}")
        values = found.astype(np.float64)
        if values.shape != omega.shape:
            raise fail(
                "function",
                "return one value for each frequency",
                f"it returned the shape {values.shape} for {omega.shape}",
            )
        if not np.all(np.isfinite(values)) or np.any(values < 0):
            raise fail("function", "be finite and not negative", "it is not, at some frequency")
        return values


class Discrete(SpectralDensity):
    """Single modes, ``J(ω) = π Σ_k S_k ω_k² δ(ω − ω_k)``.

    Parameters
    ----------
    frequencies : array_like, shape (n,)
        ω_k > 0, energy.
    huang_rhys : array_like, shape (n,)
        S_k ≥ 0, dimensionless: mean number of quanta set free by the displacement.

    References
    ----------
    K. Huang, A. Rhys, Proc. R. Soc. A 204, 406 (1950).

    Examples
    --------
    >>> Discrete(frequencies=[0.1, 0.2], huang_rhys=[1.0, 0.5]).reorganization_energy
    0.2
    """

    def __init__(self, *, frequencies: npt.ArrayLike, huang_rhys: npt.ArrayLike) -> None:
        omega = scale("frequencies", listed("frequencies", frequencies))
        factors = non_negative("huang_rhys", huang_rhys)
        at_most("huang_rhys", factors, LARGEST)
        shaped_like("huang_rhys", factors, "frequencies", omega.shape)
        self._frequencies, self._huang_rhys = omega.copy(), factors.copy()
        self._frequencies.setflags(write=False)
        self._huang_rhys.setflags(write=False)

    @property
    def reorganization_energy(self) -> float:
        return float(self._huang_rhys @ self._frequencies)

    @property
    def frequencies(self) -> FloatArray:
        return self._frequencies

    @property
    def huang_rhys(self) -> FloatArray:
        return self._huang_rhys

    @property
    def characteristic_frequency(self) -> float:
        order = np.argsort(self._frequencies)
        below = np.cumsum((self._huang_rhys * self._frequencies)[order])
        return float(self._frequencies[order][np.searchsorted(below, below[-1] / 2)])

    def __repr__(self) -> str:
        return f"Discrete({self._frequencies.size} modes, λ={self.reorganization_energy:g})"


class Combined(SpectralDensity):
    """The sum of two spectral densities."""

    def __init__(self, first: SpectralDensity, second: SpectralDensity) -> None:
        self.parts = (first, second)

    @property
    def reorganization_energy(self) -> float:
        return sum(part.reorganization_energy for part in self.parts)

    @property
    def frequencies(self) -> FloatArray:
        return np.concatenate([part.frequencies for part in self.parts])

    @property
    def huang_rhys(self) -> FloatArray:
        return np.concatenate([part.huang_rhys for part in self.parts])

    @property
    def scales(self) -> tuple[float, ...]:
        return tuple(sorted({scale for part in self.parts for scale in part.scales}))

    @property
    def slope(self) -> float:
        return sum(part.slope for part in self.parts)

    def continuum(self, frequency: npt.ArrayLike) -> FloatArray:
        return np.asarray(sum(part.continuum(frequency) for part in self.parts))

    @property
    def characteristic_frequency(self) -> float:
        if self.scales:  # fine enough for a domain check, whatever the single modes are
            return self.discretize(64).characteristic_frequency
        modes = Discrete(frequencies=self.frequencies, huang_rhys=self.huang_rhys)
        return modes.characteristic_frequency

    def __repr__(self) -> str:
        return " + ".join(repr(part) for part in self.parts)
