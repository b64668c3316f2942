"""Transmons: one in the basis of charges, and two that exchange excitations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    fraction,
    integer,
    non_negative,
    parameter,
    positive,
)
from anticrossing.hamiltonian import Hamiltonian

_MOST_CHARGES, _MOST_LEVELS = 500, 12


def Transmon(
    *,
    charging_energy: npt.ArrayLike,
    josephson_energy: npt.ArrayLike,
    coordinate: str = "charge",
    offset_charge: npt.ArrayLike = 0.0,
    asymmetry: npt.ArrayLike = 0.0,
    cutoff: int = 12,
) -> Hamiltonian:
    """A Josephson junction and a capacitor: from the Cooper-pair box to the transmon.

    H = 4E_C (n − n_g)² − ½E_J Σ_n (|n⟩⟨n+1| + |n+1⟩⟨n|), n = −cutoff … cutoff Cooper pairs. The
    coordinate x is the offset charge n_g; or the flux through a loop of two junctions in flux
    quanta, E_J(x) = E_J √(cos² πx + d² sin² πx).

    Levels of neighbouring charges avoid each other at half-integer n_g, with the gap E_J where
    E_J ≪ E_C. For E_J ≫ E_C the levels hardly depend on n_g, and are about
    −E_J + √(8E_C E_J)(m + ½) − E_C(6m² + 6m + 3)/12.

    Parameters
    ----------
    charging_energy, josephson_energy : float or array
        E_C = e²/2C_Σ and E_J (of both junctions together), energies.
    coordinate : {"charge", "flux"}
        What x is.
    offset_charge : float or array
        n_g, where x is the flux.
    asymmetry : float or array
        d = |E_J1 − E_J2|/(E_J1 + E_J2) of the two junctions, from 0 to 1, where x is the flux.
    cutoff : int
        Largest number of pairs; the dimension is 2·cutoff + 1.

    Returns
    -------
    Hamiltonian
        With parameters `charging_energy`, `josephson_energy`; of the flux also `offset_charge` and,
        unless it is zero, `asymmetry`.

    References
    ----------
    J. Koch et al., Phys. Rev. A 76, 042319 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> qubit = Transmon(charging_energy=0.25, josephson_energy=12.5)
    >>> levels = np.linalg.eigvalsh(qubit(0.3))
    >>> (levels[1:3] - levels[0]).round(3)            # √(8·0.25·12.5) − 0.25 = 4.75, roughly
    array([4.735, 9.184])
    """
    most = integer("cutoff", cutoff, minimum=1, maximum=_MOST_CHARGES)
    pairs = np.arange(-most, most + 1.0)
    number, ones = np.diag(pairs), np.ones(pairs.size - 1)
    tunnelling = -0.5 * (np.diag(ones, 1) + np.diag(ones, -1))
    parameters = {
        "charging_energy": positive("charging_energy", charging_energy),
        "josephson_energy": non_negative("josephson_energy", josephson_energy),
    }
    if choice("coordinate", coordinate, ("charge", "flux")) == "charge":
        charge, energy = "x", "josephson_energy"
    else:
        charge, energy = "offset_charge", "josephson_energy*cos(pi*x)"
        parameters["offset_charge"] = parameter("offset_charge", offset_charge)
        if np.any(fraction("asymmetry", asymmetry)):
            energy = "josephson_energy*sqrt(cos(pi*x)**2 + asymmetry**2*sin(pi*x)**2)"
            parameters["asymmetry"] = fraction("asymmetry", asymmetry)
    return Hamiltonian.from_terms(
        [
            ("4*charging_energy", number**2),
            (f"-8*charging_energy*{charge}", number),
            (f"4*charging_energy*{charge}**2", np.eye(pairs.size)),
            (energy, tunnelling),
        ],
        parameters=parameters,
        name="Transmon",
        labels=[f"n={int(n)}" for n in pairs],
        source="J. Koch et al., Phys. Rev. A 76, 042319 (2007)",
    )


def CoupledTransmons(
    *,
    fixed_frequency: npt.ArrayLike,
    anharmonicities: tuple[float, float],
    coupling: npt.ArrayLike,
    tunable_frequency: npt.ArrayLike | None = None,
    asymmetry: npt.ArrayLike = 0.0,
    levels: int = 3,
) -> Hamiltonian:
    """Two transmons as anharmonic oscillators that exchange excitations; the first one is tuned.

    H = Σ_i [ω_i n_i + ½α_i n_i(n_i − 1)] + g(a₁†a₂ + a₁a₂†). The coordinate x is the frequency ω₁;
    or, where `tunable_frequency` says how large it is at zero flux, the flux in flux quanta, with
    ω₁(x) = (ω_max − α₁)(cos² πx + d² sin² πx)^¼ + α₁.

    The states |11⟩ and |20⟩ (first transmon first) meet at ω₁ = ω₂ − α₁, with the gap 2√2 g: the
    crossing of a controlled-Z gate. |10⟩ and |01⟩ meet at ω₁ = ω₂, with the gap 2g.

    Parameters
    ----------
    fixed_frequency : float or array
        ω₂ (energy; angular frequency in natural units).
    anharmonicities : (float, float)
        α₁ and α₂ (energy), negative for transmons.
    coupling : float or array
        g (energy).
    tunable_frequency : float or array, optional
        ω_max, the frequency of the first transmon at zero flux: then x is the flux.
    asymmetry : float or array
        d of the loop of the first transmon, from 0 to 1.
    levels : int
        Of each transmon, from 2 to 12.

    Returns
    -------
    Hamiltonian
        Dimension levels², states labelled by both excitation numbers. Parameters `fixed_frequency`,
        `coupling`, `anharmonicity_1`, `anharmonicity_2`; of the flux `tunable_frequency` and
        `asymmetry`.

    References
    ----------
    F. W. Strauch et al., Phys. Rev. Lett. 91, 167005 (2003); L. DiCarlo et al., Nature 460, 240
    (2009); the flux: J. Koch et al., Phys. Rev. A 76, 042319 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> pair = CoupledTransmons(fixed_frequency=5.0, anharmonicities=(-0.3, -0.3), coupling=0.01)
    >>> two = [pair.labels.index(name) for name in ("20", "11")]
    >>> block = pair(5.3)[np.ix_(two, two)]             # ω₁ = ω₂ − α₁
    >>> round(float(np.ptp(np.linalg.eigvalsh(block))) / 0.01, 6)
    2.828427
    """
    count = integer("levels", levels, minimum=2, maximum=_MOST_LEVELS)
    n = np.arange(count, dtype=np.float64)
    identity = np.eye(count)
    lowering = np.diag(np.sqrt(n[1:]), 1)
    first, second = np.kron(np.diag(n), identity), np.kron(identity, np.diag(n))
    hop = np.kron(lowering.T, lowering)
    pairs = np.diag(n * (n - 1) / 2)
    one, two = anharmonicities
    parameters: dict[str, FloatArray] = {
        "fixed_frequency": parameter("fixed_frequency", fixed_frequency),
        "coupling": parameter("coupling", coupling),
        "anharmonicity_1": parameter("anharmonicities", one),
        "anharmonicity_2": parameter("anharmonicities", two),
    }
    frequency = "x"
    if tunable_frequency is not None:
        parameters["tunable_frequency"] = positive("tunable_frequency", tunable_frequency)
        parameters["asymmetry"] = fraction("asymmetry", asymmetry)
        energy = "(cos(pi*x)**2 + asymmetry**2*sin(pi*x)**2)**0.25"
        frequency = f"(tunable_frequency - anharmonicity_1)*{energy} + anharmonicity_1"
    return Hamiltonian.from_terms(
        [
            (frequency, first),
            ("fixed_frequency", second),
            ("anharmonicity_1", np.kron(pairs, identity)),
            ("anharmonicity_2", np.kron(identity, pairs)),
            ("coupling", hop + hop.T),
        ],
        parameters=parameters,
        name="CoupledTransmons",
        labels=[f"{i}{j}" for i in range(count) for j in range(count)],
        source="L. DiCarlo et al., Nature 460, 240 (2009)",
    )
