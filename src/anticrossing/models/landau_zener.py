"""The two-level crossing of Landau, Zener, Stückelberg and Majorana."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import real_array
from anticrossing.hamiltonian import Hamiltonian

SIGMA_X = np.array([[0.0, 1.0], [1.0, 0.0]])
SIGMA_Z = np.array([[1.0, 0.0], [0.0, -1.0]])


def LandauZener(*, gap: npt.ArrayLike) -> Hamiltonian:
    """Two levels that cross linearly, with a constant coupling.

    H(x) = ½ [[x, g], [g, −x]]; the coordinate x is the diabatic energy difference, so a drive
    x = αt has sweep rate α, and the adiabatic gap is √(x² + g²).

    Parameters
    ----------
    gap : float or array
        g, the minimum adiabatic gap (energy); the diabatic coupling is V = g/2.

    Returns
    -------
    Hamiltonian
        With the parameter `gap`.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932), eq. (5); L. D. Landau, Phys. Z. Sowjetunion 2, 46
    (1932).

    Examples
    --------
    >>> LandauZener(gap=0.5)(1.0)
    array([[ 0.5 ,  0.25],
           [ 0.25, -0.5 ]])
    """
    return Hamiltonian.from_terms(
        [("x/2", SIGMA_Z), ("gap/2", SIGMA_X)],
        parameters={"gap": real_array("gap", gap)},
        name="LandauZener",
        labels=("up", "down"),
        source="C. Zener, Proc. R. Soc. A 137, 696 (1932)",
    )
