"""Spectral densities with a name: Ohmic, Debye, and damped vibration."""

from __future__ import annotations

import inspect

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail
from anticrossing.environment.spectral_density.arguments import relative, single
from anticrossing.environment.spectral_density.densities import SpectralDensity

_NARROWEST = 1e-6  # of its frequency; rounding makes a narrower resonance ragged


class Named(SpectralDensity):
    """Base of densities of so much reorganisation energy and a few numbers of the same names."""

    _energy: float

    @property
    def reorganization_energy(self) -> float:
        return self._energy

    def __repr__(self) -> str:
        given = (
            f"{name}={getattr(self, name):g}" for name in inspect.signature(type(self)).parameters
        )
        return f"{type(self).__name__}({', '.join(given)})"


class Ohmic(Named):
    """An Ohmic bath with exponential cutoff, ``J(ω) = (πλ/ω_c) ω exp(−ω/ω_c)``.

    In terms of Kondo's parameter, ``J = 2πα ω exp(−ω/ω_c)`` with ``λ = 2α ω_c``.

    Parameters
    ----------
    reorganization_energy : float
        λ > 0, energy.
    cutoff : float
        ω_c > 0, energy.

    References
    ----------
    A. J. Leggett et al., Rev. Mod. Phys. 59, 1 (1987).

    Examples
    --------
    >>> bath = Ohmic(reorganization_energy=0.1, cutoff=0.02)
    >>> round(float(bath.continuum(0.02)), 6)
    0.115573
    """

    def __init__(self, *, reorganization_energy: float, cutoff: float) -> None:
        self._energy = single("reorganization_energy", reorganization_energy)
        self.cutoff = single("cutoff", cutoff)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.cutoff,)

    @property
    def slope(self) -> float:
        return np.pi * self._energy / self.cutoff

    def continuum(self, frequency: npt.ArrayLike) -> FloatArray:
        ratio = relative(frequency, self.cutoff)
        with np.errstate(under="ignore"):
            return np.asarray(np.pi * self._energy * ratio * np.exp(-ratio))


class Debye(Named):
    """A Debye (Drude–Lorentz) solvent, ``J(ω) = 2λ ωγ/(ω² + γ²)``.

    The classical energy gap decorrelates as ``exp(−γt)``.

    Parameters
    ----------
    reorganization_energy : float
        λ > 0, energy.
    relaxation_rate : float
        γ > 0, the inverse (longitudinal) relaxation time.

    References
    ----------
    A. Garg, J. N. Onuchic, V. Ambegaokar, J. Chem. Phys. 83, 4491 (1985).

    Examples
    --------
    >>> Debye(reorganization_energy=0.1, relaxation_rate=0.02).characteristic_frequency
    0.02
    """

    def __init__(self, *, reorganization_energy: float, relaxation_rate: float) -> None:
        self._energy = single("reorganization_energy", reorganization_energy)
        self.relaxation_rate = single("relaxation_rate", relaxation_rate)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.relaxation_rate,)

    @property
    def slope(self) -> float:
        return 2 * self._energy / self.relaxation_rate

    def continuum(self, frequency: npt.ArrayLike) -> FloatArray:
        ratio = relative(frequency, self.relaxation_rate)
        return np.asarray(2 * self._energy * ratio / (1 + ratio**2))


class BrownianOscillator(Named):
    """A damped vibration, ``J(ω) = 2λ ω₀²γω/((ω² − ω₀²)² + γ²ω²)``.

    For γ ≫ ω₀ it becomes `Debye` with the rate ω₀²/γ, for γ → 0 one mode with S = λ/ω₀.

    Parameters
    ----------
    reorganization_energy : float
        λ > 0, energy.
    frequency : float
        ω₀ > 0, energy.
    damping : float
        γ > 0, the full width of the resonance, energy; at least 1e-6 ω₀.

    References
    ----------
    A. Garg, J. N. Onuchic, V. Ambegaokar, J. Chem. Phys. 83, 4491 (1985);
    S. Mukamel, Principles of Nonlinear Optical Spectroscopy (1995), chapter 8.

    Examples
    --------
    >>> bath = BrownianOscillator(reorganization_energy=0.1, frequency=0.02, damping=0.004)
    >>> float(bath.continuum(0.02))
    1.0
    """

    def __init__(self, *, reorganization_energy: float, frequency: float, damping: float) -> None:
        self._energy = single("reorganization_energy", reorganization_energy)
        self.frequency = single("frequency", frequency)
        self.damping = single("damping", damping)
        if self.damping < _NARROWEST * self.frequency:
            raise fail(
                "damping",
                f"be at least {_NARROWEST:g} of `frequency` (else take a `Discrete` mode)",
                f"it is {self.damping / self.frequency:.2g} of the frequency",
            )

    @property
    def scales(self) -> tuple[float, ...]:
        slow = self.frequency**2 / self.damping  # the Debye rate of an overdamped oscillator
        return tuple(sorted({min(slow, self.frequency), self.frequency, self.damping}))

    @property
    def slope(self) -> float:
        return 2 * self._energy * self.damping / self.frequency**2

    def continuum(self, frequency: npt.ArrayLike) -> FloatArray:
        ratio = relative(frequency, self.frequency)
        width = self.damping / self.frequency
        return np.asarray(
            2
            * self._energy
            * width
            * ratio
            / (((ratio - 1) * (ratio + 1)) ** 2 + (width * ratio) ** 2)
        )
