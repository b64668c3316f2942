"""Two states in a bath of oscillators, with the bath written out mode by mode."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import describe, fail, instance, real_number
from anticrossing.environment.spectral_density import Discrete, SpectralDensity
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.units import NATURAL, Units


def SpinBoson(
    *,
    coupling: float,
    reaction_free_energy: float,
    spectral_density: SpectralDensity,
    modes: int | None = None,
    units: Units = NATURAL,
) -> VibronicCoupling:
    """Two states with displaced oscillators, the bath discretised into single modes.

    W(Q) = ½ Σ_k ω_k Q_k² 𝟙 + λ/4 𝟙 + [[0, V], [V, ΔG]] + Σ_k ω_k √(S_k/2) Q_k σ_z

    The minima lie at Q_k = ∓√(S_k/2), with the energies 0 and ΔG, and a vertical transition costs λ
    more than the one between the minima. The kinetic energy is ½ Σ_k ω_k P_k².

    Parameters
    ----------
    coupling : float
        V (energy).
    reaction_free_energy : float
        ΔG between the minima of the second and the first state (energy).
    spectral_density : SpectralDensity
        The bath, J(ω) = π Σ_k S_k ω_k² δ(ω − ω_k).
    modes : int, optional
        Into how many modes a continuum is divided, by `SpectralDensity.discretize`, which keeps the
        reorganisation energy. A `Discrete` bath is taken as it is.
    units : Units
        Units of the energies and of time.

    Returns
    -------
    VibronicCoupling
        States (initial, final), coordinates Q1 … Qn in the order of their frequencies.

    Raises
    ------
    InputError
        If `modes` is missing for a continuum, or given for single modes.

    References
    ----------
    A. J. Leggett et al., Rev. Mod. Phys. 59, 1 (1987).

    Examples
    --------
    >>> from anticrossing.environment.spectral_density import Debye
    >>> W = SpinBoson(
    ...     coupling=0.01, reaction_free_energy=-0.1, modes=4,
    ...     spectral_density=Debye(reorganization_energy=0.4, relaxation_rate=0.02),
    ... )
    >>> gap = W(np.zeros(4))[1, 1] - W(np.zeros(4))[0, 0]
    >>> round(float(gap), 12), W.frequencies.round(5)
    (-0.1, array([0.00398, 0.01336, 0.02993, 0.10055]))
    """
    v = real_number("coupling", coupling)
    free = real_number("reaction_free_energy", reaction_free_energy)
    instance("spectral_density", spectral_density, SpectralDensity)
    if spectral_density.scales:
        if modes is None:
            raise fail("modes", "be given for a bath with a continuum", "it is missing")
        bath = spectral_density.discretize(modes)
    elif modes is not None:
        raise fail("modes", "not be given for a bath of single modes", f"it is {describe(modes)}")
    else:
        bath = Discrete(
            frequencies=spectral_density.frequencies, huang_rhys=spectral_density.huang_rhys
        )
    quarter = bath.reorganization_energy / 4
    slopes = bath.frequencies * np.sqrt(bath.huang_rhys / 2)
    return VibronicCoupling(
        energies=[[quarter, v], [v, free + quarter]],
        frequencies=bath.frequencies,
        linear=slopes[:, np.newaxis, np.newaxis] * np.diag([1.0, -1.0]),
        name="SpinBoson",
        units=units,
        labels=("initial", "final"),
        source="A. J. Leggett et al., Rev. Mod. Phys. 59, 1 (1987)",
    )
