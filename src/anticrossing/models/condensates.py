"""Condensates in two modes: their mean field, and the quantum particles behind it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import integer, real_array
from anticrossing.hamiltonian import Hamiltonian, MeanField
from anticrossing.models.landau_zener import LandauZener
from anticrossing.models.spin import spin_matrices

_MOST_PARTICLES = 1000


def TwoModeCondensate(*, gap: npt.ArrayLike, interaction: npt.ArrayLike) -> MeanField:
    """A condensate in two modes that cross, such as two Bloch bands or two wells.

    i dψ/dt = ½ [[x − c s, g], [g, −x + c s]] ψ with s = |ψ₁|² − |ψ₂|²; a drive x = αt has sweep
    rate α. For c > 0 (the particles of one mode attract each other more than those of the other)
    the lower level has a loop where c > g, for c < 0 the upper level where −c > g.

    Parameters
    ----------
    gap : float or array
        g (energy), the gap without interaction.
    interaction : float or array
        c (energy).

    Returns
    -------
    MeanField

    References
    ----------
    B. Wu and Q. Niu, Phys. Rev. A 61, 023402 (2000), with γ = x and v = g.

    Examples
    --------
    >>> TwoModeCondensate(gap=1.0, interaction=1.5).dimension
    2
    """
    strength = real_array("interaction", interaction)[..., None, None]
    return MeanField(LandauZener(gap=gap), 0.5 * strength * np.array([[-1.0, 1.0], [1.0, -1.0]]))


def AtomMolecule(*, coupling: npt.ArrayLike) -> MeanField:
    """A condensate of atoms beside one of molecules, which two atoms each make.

    i dψ_a/dt = κ ψ_a* ψ_m, i dψ_m/dt = x ψ_m + κ ψ_a²; |ψ_a|² and |ψ_m|² are the fractions of
    atoms that are free and bound, x is the energy of a molecule less that of two free atoms. Where
    |x| < 2κ molecules alone are unstable, but in the mean field they stay: nothing begins to grow.

    Parameters
    ----------
    coupling : float or array
        κ (energy) = χ √(n/2) for a coupling ½χ Σ (m† a a + h.c.) and n atoms.

    Returns
    -------
    MeanField

    References
    ----------
    A. Ishkhanyan, M. Mackie, A. Carmichael, P. L. Gould, and J. Javanainen, Phys. Rev. A 69, 043612
    (2004).

    Examples
    --------
    >>> AtomMolecule(coupling=0.5).weights
    array([1., 2.])
    """
    detuned = Hamiltonian.from_terms(
        [("x", np.diag([0.0, 1.0]))],
        name="AtomMolecule",
        labels=("atoms", "molecules"),
        source="A. Ishkhanyan et al., Phys. Rev. A 69, 043612 (2004)",
    )
    return MeanField(detuned, conversions=[(0, 1, real_array("coupling", coupling))])


def BoseHubbardDimer(
    *, particles: int, gap: npt.ArrayLike, interaction: npt.ArrayLike
) -> Hamiltonian:
    """N bosons in two modes: the quantum system whose mean field is `TwoModeCondensate`.

    H(x) = x J_z + g J_x − (c/N) J_z² with a spin of N/2; the first state has all particles in the
    first mode. The fraction in the first mode is ½ + ⟨J_z⟩/N.

    Parameters
    ----------
    particles : int
        N, from 1 to 1000.
    gap, interaction : float or array
        g and c (energy), as for `TwoModeCondensate`.

    Returns
    -------
    Hamiltonian
        Of N + 1 levels.

    References
    ----------
    G. J. Milburn, J. Corney, E. M. Wright, and D. F. Walls, Phys. Rev. A 55, 4318 (1997).

    Examples
    --------
    >>> BoseHubbardDimer(particles=1, gap=0.5, interaction=0.0)(1.0)
    array([[ 0.5 ,  0.25],
           [ 0.25, -0.5 ]])
    """
    count = integer("particles", particles, minimum=1, maximum=_MOST_PARTICLES)
    across, along = spin_matrices(count / 2)
    return Hamiltonian.from_terms(
        [("x", along), ("gap", across), ("-interaction", along @ along / count)],
        parameters={
            "gap": real_array("gap", gap),
            "interaction": real_array("interaction", interaction),
        },
        name="BoseHubbardDimer",
        labels=tuple(f"{count - k}, {k}" for k in range(count + 1)),
        source="G. J. Milburn et al., Phys. Rev. A 55, 4318 (1997)",
    )
