"""Isomerisation about a double bond through a funnel: retinal in two modes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import positive, real_array
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X
from anticrossing.units import Units

RETINAL_MASSES = (1 / 4.84e-4, 1 / 0.19)
"""Moment of inertia of the torsion and 1/ω of the coupling mode of retinal, ħ²/eV."""


def Retinal(
    *,
    excitation: npt.ArrayLike = 2.48,
    ground_barrier: npt.ArrayLike = 3.6,
    excited_slope: npt.ArrayLike = 1.09,
    frequency: npt.ArrayLike = 0.19,
    tuning: npt.ArrayLike = 0.1,
    coupling: npt.ArrayLike = 0.19,
) -> Hamiltonian:
    """The first step of vision: two states of retinal against one torsion and one coupling mode.

    H(φ, x) = [[½W₀(1 − cos φ), λx], [λx, E₁ − ½W₁(1 − cos φ) + κx]] + ½ωx² 𝟙

    φ is the torsion about the double bond that turns, 0 at *cis* and π at *trans*; x is the
    dimensionless stretch of the chain that couples the states. The ground state of *cis* rises and
    the excited one falls on the way to *trans*; they cross at cos φ = 1 − 2E₁/(W₀ + W₁), 93° here,
    and touch where x = 0 there: a conical intersection. The kinetic energy is
    −½I⁻¹∂²/∂φ² − ½ω∂²/∂x² with I⁻¹ = 4.84·10⁻⁴ eV for retinal: `RETINAL_MASSES` holds I and 1/ω.
    φ has the period 2π: give it a "periodic" axis of the grid.

    Parameters
    ----------
    excitation, ground_barrier, excited_slope : float or array
        E₁, W₀ and W₁, eV: the vertical excitation at *cis*, and by how much the diabatic states
        rise and fall from *cis* to *trans*.
    frequency : float or array
        ω > 0, eV.
    tuning, coupling : float or array
        κ and λ, eV.

    Returns
    -------
    Hamiltonian
        With coordinates (phi, x) and states (S0, S1), named as at *cis*, in eV with times in fs.

    Notes
    -----
    H and all numbers agree with an independent open implementation, QuantumModelLib
    (``Retinal_JPCB2000``).

    References
    ----------
    S. Hahn and G. Stock, J. Phys. Chem. B 104, 1146 (2000); Chem. Phys. 259, 297 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> Retinal()([0.0, 0.0])                  # cis
    array([[0.  , 0.  ],
           [0.  , 2.48]])
    >>> Retinal()([np.pi, 0.0]).round(2)       # trans
    array([[3.6 , 0.  ],
           [0.  , 1.39]])
    """
    lower, upper = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    return Hamiltonian.from_terms(
        [
            ("ground_barrier*(1 - cos(phi))/2", lower),
            ("excitation - excited_slope*(1 - cos(phi))/2 + tuning*x", upper),
            ("frequency*x**2/2", np.eye(2)),
            ("coupling*x", SIGMA_X),
        ],
        parameters={
            "excitation": real_array("excitation", excitation),
            "ground_barrier": real_array("ground_barrier", ground_barrier),
            "excited_slope": real_array("excited_slope", excited_slope),
            "frequency": positive("frequency", frequency),
            "tuning": real_array("tuning", tuning),
            "coupling": real_array("coupling", coupling),
        },
        coordinates=("phi", "x"),
        name="Retinal",
        units=Units("eV", "fs"),
        labels=("S0", "S1"),
        source="S. Hahn and G. Stock, J. Phys. Chem. B 104, 1146 (2000)",
    )
