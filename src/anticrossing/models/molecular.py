"""Diatomic molecules in a diabatic basis: sodium iodide."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import real_array
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X
from anticrossing.units import Units

SODIUM_IODIDE_MASS = 22.98976928 * 126.904473 / (22.98976928 + 126.904473)
"""Reduced mass of ²³Na¹²⁷I in unified atomic mass units."""

# e²/(4πε₀) in eV·Å, CODATA 2018.
_COULOMB = 14.3996454785

_COVALENT = "0.813*exp(-4.08*(x - 2.67))"
_IONIC = (
    "(2760 + (2.398/x)**8)*exp(-x/0.3489)"
    f" - {_COULOMB}/x"
    f" - {_COULOMB}*(0.408 + 6.431)/(2*x**4)"
    " - 11.3/x**6"
    f" - 2*{_COULOMB}*0.408*6.431/x**7"
    " + asymptote"
)
_COUPLING = "coupling*exp(-0.6931*(x - 6.93)**2)"


def SodiumIodide(
    *, coupling: npt.ArrayLike = 0.055, asymptote: npt.ArrayLike = 2.075
) -> Hamiltonian:
    """The ionic and covalent states of sodium iodide against the bond length.

    With R the coordinate x in Å and energies in eV (covalent atoms at R = ∞ are the zero),

    V_cov = A₁ exp(−β₁(R − R₀)),
    V_ion = (A₂ + (B₂/R)⁸) exp(−R/ρ) − e²/R − e²(λ₊ + λ₋)/2R⁴ − C₂/R⁶ − 2e²λ₊λ₋/R⁷ + ΔE₀,
    V₁₂ = A₁₂ exp(−β₁₂(R − R_x)²),

    A₁ = 0.813 eV, β₁ = 4.08 Å⁻¹, R₀ = 2.67 Å, A₂ = 2760 eV, B₂ = 2.398 eV^{1/8} Å,
    C₂ = 11.3 eV Å⁶, λ₊ = 0.408 Å³, λ₋ = 6.431 Å³, ρ = 0.3489 Å, β₁₂ = 0.6931 Å⁻², R_x = 6.93 Å,
    and e² = 14.39965 eV Å. B₂ carries eV^{1/8} because (B₂/R)⁸ is added to the energy A₂; λ± are
    the polarizabilities of Na⁺ and I⁻ (Rittner's ionic model).

    Parameters
    ----------
    coupling : float or array
        A₁₂, the diabatic coupling at R_x, eV.
    asymptote : float or array
        ΔE₀, the energy of Na⁺ + I⁻ above Na + I at R = ∞, eV.

    Returns
    -------
    Hamiltonian
        States (ionic, covalent), units eV, fs and Å; valid for R > 0. `SODIUM_IODIDE_MASS` is the
        reduced mass that turns a kinetic energy into a velocity.

    Notes
    -----
    The numbers and the formula agree digit by digit with an independent open implementation of
    this model (PHOTOX/ABIN, which cites the same paper). Against physics: ΔE₀ is the ionization
    energy of Na (5.139 eV) minus the electron affinity of I (3.059 eV), 2.080 eV; the ionic well
    has its minimum −3.086 eV at 2.672 Å, the R₀ of the covalent curve (experiment: 2.711 Å), and
    282 cm⁻¹ (experiment: 258 cm⁻¹). R_x is the crossing of the bare Coulomb curve,
    e²/ΔE₀ = 6.94 Å; the polarization terms put the crossing of the two curves at 7.009 Å, where
    the coupling is 0.0548 eV.

    References
    ----------
    V. Engel and H. Metiu, J. Chem. Phys. 90, 6116 (1989), table I; ionic curve after
    M. B. Faist and R. D. Levine, J. Chem. Phys. 64, 2953 (1976).

    Examples
    --------
    >>> import numpy as np
    >>> ionic, covalent = np.diag(SodiumIodide()(2.71))
    >>> round(float(ionic), 2)          # eV, near the bottom of the well
    -3.08
    """
    return Hamiltonian.from_terms(
        [(_IONIC, np.diag([1.0, 0.0])), (_COVALENT, np.diag([0.0, 1.0])), (_COUPLING, SIGMA_X)],
        parameters={
            "coupling": real_array("coupling", coupling),
            "asymptote": real_array("asymptote", asymptote),
        },
        name="SodiumIodide",
        units=Units("eV", "fs", "angstrom"),
        labels=("ionic", "covalent"),
        source="V. Engel and H. Metiu, J. Chem. Phys. 90, 6116 (1989)",
    )
