"""Intersystem crossing from a crossing point that was found on the surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, instance, of_shape, positive, real_number
from anticrossing.formulas.result import Prediction
from anticrossing.molecules.rates.intersystem_crossing import intersystem_crossing_rate

if TYPE_CHECKING:
    from anticrossing.geometry import MinimumEnergyCrossing


def rate_through_crossing(
    crossing: MinimumEnergyCrossing,
    *,
    masses: npt.ArrayLike,
    reactant_energy: float,
    temperature: npt.ArrayLike,
    partition_ratio: npt.ArrayLike,
    passage: str = "landau-zener",
    product_energy: float | None = None,
) -> Prediction:
    """Thermal rate through a minimum-energy crossing point of two surfaces.

    `intersystem_crossing_rate` with what the crossing point tells: in mass-weighted coordinates
    the direction of passage is ``n ∝ M^{-1/2} ∇(E_b − E_a)``, the slopes are ``n·M^{-1/2}∇E``, the
    reduced mass is one, and the barrier is the energy of the crossing above the reactant.

    Parameters
    ----------
    crossing : MinimumEnergyCrossing
        From `minimum_energy_crossing`, with its coupling.
    masses : array_like, shape () or (f,)
        Mass of each coordinate: the kinetic energy is ``Σ P_i²/2m_i``. For the dimensionless
        coordinates of a `VibronicCoupling` model that is ``1/ω_i``.
    reactant_energy : float
        Energy of the minimum of the initial surface.
    temperature, partition_ratio, passage
        As in `intersystem_crossing_rate`. Of m degenerate reactant states that meet fewer products
        only so many superpositions pass: that share is part of the ratio, 1/3 from a triplet to a
        singlet.
    product_energy : float, optional
        Energy of the minimum of the final surface, where something tunnels.

    Returns
    -------
    Prediction
        The rate (energy / ħ).

    Raises
    ------
    InputError
        If the masses do not fit, or the reactant or product lies above the crossing.

    References
    ----------
    J. N. Harvey, Phys. Chem. Chem. Phys. 9, 331 (2007).

    Examples
    --------
    Two parabolas of frequency 1, for which ``Q_X/Q_R = ω/T``; Marcus gives 6.868e-07:

    >>> from anticrossing import Hamiltonian
    >>> from anticrossing.geometry import minimum_energy_crossing
    >>> H = Hamiltonian.from_matrix(
    ...     [["x**2/2", "1/1000"], ["1/1000", "(x - 2)**2/2 - 1/2"]], coordinates=["x"])
    >>> crossing = minimum_energy_crossing(H, [0.0], states=([0], [1]))
    >>> rate = rate_through_crossing(
    ...     crossing, masses=1.0, reactant_energy=0.0, temperature=0.2, partition_ratio=5.0)
    >>> f"{rate.value:.3e}"
    '6.867e-07'
    """
    from anticrossing.geometry import MinimumEnergyCrossing

    instance("crossing", crossing, MinimumEnergyCrossing)
    mass = positive("masses", masses)
    count = crossing.position.size
    of_shape("masses", mass, (), (count,))
    reactant = real_number("reactant_energy", reactant_energy)
    if reactant > crossing.energy:
        raise fail(
            "reactant_energy",
            "not lie above the crossing",
            f"it is {reactant:g} and the crossing at {crossing.energy:g}",
        )
    gradients = crossing.gradients / np.sqrt(mass)
    direction = gradients[1] - gradients[0]
    slopes = gradients @ (direction / np.linalg.norm(direction))
    return intersystem_crossing_rate(
        coupling=abs(crossing.coupling),
        slopes=(slopes[0], slopes[1]),
        reduced_mass=1.0,
        barrier=crossing.energy - reactant,
        temperature=temperature,
        partition_ratio=partition_ratio,
        passage=passage,
        product_energy=None
        if product_energy is None
        else real_number("product_energy", product_energy) - reactant,
    )
