"""A level at rest in a wide band, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, non_negative, real_array, real_number
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import DomainCheck, broadcast, failures
from anticrossing.thermodynamics.arguments import equilibrium_parameters
from anticrossing.thermodynamics.equilibrium import fermi


@dataclass(frozen=True, eq=False)
class RestingLevel(Result):
    """What `resting_level` returns; arrays have the shape of the arguments.

    Attributes
    ----------
    occupation : float or array
        ``∫ A(E) f(E) dE`` with the Lorentzian A of width Γ.
    golden_rule_occupation : float or array
        ``f(ε)``.
    coupling_energy : float, array or None
        ``⟨V⟩``, with the bottom of the band only.
    checks : tuple of DomainCheck
    """

    occupation: FloatArray
    golden_rule_occupation: FloatArray
    coupling_energy: FloatArray | None
    checks: tuple[DomainCheck, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "occupation": shown(text="occupation of the level"),
        "golden_rule_occupation": shown(text="occupation by the golden rule"),
        "coupling_energy": shown(text="energy of the coupling"),
    }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is outside the domain, in words."""
        return failures(self.checks)


def resting_level(
    energies: npt.ArrayLike,
    *,
    rate: npt.ArrayLike,
    temperature: float,
    chemical_potential: float = 0.0,
    band_bottom: float | None = None,
) -> RestingLevel:
    """Return occupation and coupling energy of a level in equilibrium with a wide band.

    ``p = ∫ A(E) f(E) dE = 1/2 − Im ψ(z)/π`` with the digamma function, ``z = 1/2 + [Γ/2 + i(ε −
    μ)]/2πT`` and the Lorentzian ``A = (Γ/2π)/[(E − ε)² + Γ²/4]``; and, counted from a bottom D
    below the level at which all is full::

        ⟨V⟩ = (Γ/π) [Re ψ(z) − ½ ln (D² + Γ²/4)/(2πT)²]

    Neither vanishes with the level spacing at fixed Γ; the golden rule has f(ε) and 0 for them.

    Parameters
    ----------
    energies : array_like
        ``ε`` (energy).
    rate : array_like
        ``Γ = 2πγ² · density of states`` (energy), not negative.
    temperature, chemical_potential : float
        Of the band (energy).
    band_bottom : float, optional
        The lower edge of the band (energy), without which ⟨V⟩ is infinite.

    Returns
    -------
    RestingLevel

    Raises
    ------
    InputError
        For numbers out of range, or a bottom above a level or μ.

    References
    ----------
    A.-P. Jauho, N. S. Wingreen, Y. Meir, Phys. Rev. B 50, 5528 (1994), the occupation as an
    integral over energies.

    Examples
    --------
    >>> level = resting_level(0.5, rate=0.5, temperature=0.1, band_bottom=-20.0)
    >>> round(float(level.occupation), 6), round(float(level.coupling_energy), 6)
    (0.163417, -0.57695)
    """
    from scipy.special import digamma

    epsilon, gamma = broadcast(
        energies=real_array("energies", energies), rate=non_negative("rate", rate)
    )
    warmth, mu = equilibrium_parameters(temperature, chemical_potential)
    away, scale = epsilon - mu, 2 * np.pi * warmth
    with np.errstate(over="ignore", invalid="ignore"):
        sharp = 0.5 + 1j * away / scale
        z = sharp + 0.5 * gamma / scale
    if not np.all(np.isfinite(z)):
        raise fail("temperature", "not be that far below the energies", f"it is {warmth:g}")
    bare = fermi(epsilon, temperature=warmth, chemical_potential=mu)
    # f(ε) keeps its digits in the tails; what the width adds is a difference of digammas.
    occupation = np.clip(bare - np.imag(digamma(z) - digamma(sharp)) / np.pi, 0.0, 1.0)
    if band_bottom is None:
        return RestingLevel(occupation, bare, None)
    bottom = real_number("band_bottom", band_bottom)
    depth = epsilon - bottom
    if np.any(depth <= 0) or mu <= bottom:
        raise fail("band_bottom", "lie below the level and μ", f"it is {bottom:g}")
    logs = np.log(np.hypot(depth, 0.5 * gamma) / scale)
    energy = gamma / np.pi * (np.real(digamma(z)) - logs)
    nearest = np.minimum(depth, mu - bottom)
    checks = (
        DomainCheck(
            "width of the level / distance from the bottom of the band",
            gamma / nearest,
            0.05,
            "the edge of the band bends the level's line",
        ),
        DomainCheck(
            "temperature / distance of μ from the bottom of the band",
            warmth / (mu - bottom),
            0.05,
            "the bottom of the band is not full",
        ),
    )
    return RestingLevel(occupation, bare, energy, checks)
