"""Superconducting qubits near an avoided crossing."""

from __future__ import annotations

import numpy.typing as npt

from anticrossing._core.checks import non_negative, positive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X, SIGMA_Z
from anticrossing.units import Units

# 2 I_p Φ₀/h = I_p/e: the elementary charge (exact in the SI) turns a current into a frequency.
# In GHz per mΦ₀ for a current in nA: 1e-9 (nA) · 1e-3 (mΦ₀) · 1e-9 (GHz) / e.
GIGAHERTZ_PER_MILLIPHI0_NANOAMPERE = 1e-21 / 1.602176634e-19


def FluxQubit(*, gap: npt.ArrayLike, persistent_current: npt.ArrayLike) -> Hamiltonian:
    """A superconducting flux qubit as a function of its flux bias.

    H(x)/h = −½(ε σ_z + Δ σ_x), ε = 2 I_p Φ₀ x/h, with x the flux bias in mΦ₀ measured from half a
    flux quantum. Energies are frequencies in GHz, times in ns, so phases are 2πEt.

    Parameters
    ----------
    gap : float or array
        Δ, the tunnel splitting E/h at the symmetry point, GHz.
    persistent_current : float or array
        I_p, nA.

    Returns
    -------
    Hamiltonian
        With parameters `gap` and `persistent_current`; the states are the two directions of the
        circulating current. Drives are in mΦ₀ and ns.

    References
    ----------
    T. P. Orlando et al., Phys. Rev. B 60, 15398 (1999); J. E. Mooij et al., Science 285, 1036
    (1999). The numbers below: J. Bylander et al., Nature Physics 7, 565 (2011).

    Examples
    --------
    >>> import numpy as np
    >>> qubit = FluxQubit(gap=5.37, persistent_current=180.0)
    >>> lower, upper = np.linalg.eigvalsh(qubit(5.0))     # 5 mΦ₀ from the symmetry point
    >>> round(float(upper - lower), 3)                     # GHz
    7.771
    """
    return Hamiltonian.from_terms(
        [
            (f"-x*persistent_current*{GIGAHERTZ_PER_MILLIPHI0_NANOAMPERE!r}/2", SIGMA_Z),
            ("-gap/2", SIGMA_X),
        ],
        parameters={
            "gap": non_negative("gap", gap),
            "persistent_current": positive("persistent_current", persistent_current),
        },
        name="FluxQubit",
        units=Units("GHz", "ns", "mPhi0"),
        labels=("clockwise", "anticlockwise"),
        source="T. P. Orlando et al., Phys. Rev. B 60, 15398 (1999)",
    )
