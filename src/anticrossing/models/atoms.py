"""Atoms and defects in fields: the Λ system, Rydberg atoms, the nitrogen-vacancy centre."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    check_flag,
    fail,
    integer,
    named_values,
    nowhere_zero,
    parameter,
    positive,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models._qubits import (
    MOST_QUBITS,
    bit_labels,
    diagonal,
    pauli_sum,
    pauli_z_diagonal,
)
from anticrossing.models.spin import spin_matrices
from anticrossing.units import Units

NV_SPLITTING = 2870.0
"""Zero-field splitting D of the ground state of the nitrogen-vacancy centre, MHz."""
NV_GYROMAGNETIC_RATIO = 2.8025
"""γ_e of the nitrogen-vacancy centre, MHz per gauss."""


def LambdaSystem(
    *,
    pump: float | str | None = None,
    stokes: float | str | None = None,
    detuning: float | str = 0.0,
    two_photon_detuning: float | str = 0.0,
    parameters: Mapping[str, npt.ArrayLike] | None = None,
) -> Hamiltonian:
    """Two states and an excited one that is coupled to both of them (rotating-wave approximation).

    H = ½ [[0, Ω_p, 0], [Ω_p, 2Δ, Ω_s], [0, Ω_s, 2δ]] in the states |1⟩, |2⟩ (excited), |3⟩. With
    δ = 0 there is a dark state cos θ|1⟩ − sin θ|3⟩, tan θ = Ω_p/Ω_s, of energy zero: if the
    Stokes pulse comes first, it leads from |1⟩ to |3⟩ (STIRAP).

    Parameters
    ----------
    pump, stokes : float or str, optional
        Ω_p and Ω_s, Rabi frequencies (energy): numbers, or formulas of the coordinate x, which is
        the time if the drive is ``Linear(..., rate=1)``. Without both of them they are the two
        coordinates `pump` and `stokes`.
    detuning, two_photon_detuning : float or str
        Δ and δ (energy), likewise.
    parameters : mapping of str to float or array
        The values of other names in the formulas.

    References
    ----------
    J. R. Kuklinski, U. Gaubatz, F. T. Hioe and K. Bergmann, Phys. Rev. A 40, 6741 (1989);
    N. V. Vitanov, A. A. Rangelov, B. W. Shore and K. Bergmann, Rev. Mod. Phys. 89, 015006 (2017).

    Examples
    --------
    >>> import numpy as np
    >>> system = LambdaSystem(pump="w*exp(-(x - 1)**2)", stokes="w*exp(-(x + 1)**2)",
    ...                       parameters={"w": 20.0})
    >>> bool(abs(np.linalg.eigvalsh(system(0.3))[1]) < 1e-14)            # the dark state
    True
    >>> LambdaSystem(detuning=1.0).coordinates
    ('pump', 'stokes')
    """
    if (pump is None) != (stokes is None):
        missing = "pump" if pump is None else "stokes"
        raise fail(missing, "be given as well", "only one of `pump` and `stokes` is")
    two = pump is None
    ladder = np.zeros((2, 3, 3))
    ladder[0, 0, 1] = ladder[0, 1, 0] = ladder[1, 1, 2] = ladder[1, 2, 1] = 0.5
    return Hamiltonian.from_terms(
        [
            ("pump" if two else pump, ladder[0]),
            ("stokes" if two else stokes, ladder[1]),
            (detuning, np.diag([0.0, 1.0, 0.0])),
            (two_photon_detuning, np.diag([0.0, 0.0, 1.0])),
        ],
        parameters=named_values("parameters", parameters),
        coordinates=("pump", "stokes") if two else "x",
        name="LambdaSystem",
        labels=("1", "2", "3"),
        source="N. V. Vitanov et al., Rev. Mod. Phys. 89, 015006 (2017)",
    )


def RydbergPair(*, rabi: npt.ArrayLike, detuning: npt.ArrayLike, c6: npt.ArrayLike) -> Hamiltonian:
    """Two atoms in a laser that excites a Rydberg state, as a function of their distance x.

    H(x) = ½Ω(σ^x_1 + σ^x_2) − Δ(n_1 + n_2) + C₆ n_1 n_2/x⁶. Within the blockade radius
    (C₆/Ω)^{1/6} at most one atom is excited, and the pair turns at √2 Ω. With `detuning` fixed the
    pair |rr⟩ is in resonance where C₆/x⁶ = 2Δ (facilitation at C₆/x⁶ = Δ).

    Parameters
    ----------
    rabi, detuning : float or array
        Ω and Δ (energy).
    c6 : float or array
        C₆ (energy times distance⁶), positive for repulsion.

    References
    ----------
    M. Saffman, T. G. Walker and K. Mølmer, Rev. Mod. Phys. 82, 2313 (2010).

    Examples
    --------
    >>> RydbergPair(rabi=1.0, detuning=0.0, c6=64.0)(2.0).diagonal()
    array([0., 0., 0., 1.])
    """
    first, second = _excited(2)
    return Hamiltonian.from_terms(
        [
            ("rabi/2", pauli_sum(2, 1.0)),
            ("-detuning", np.diag(first + second)),
            ("c6/x**6", np.diag(first * second)),
        ],
        parameters={
            "rabi": parameter("rabi", rabi),
            "detuning": parameter("detuning", detuning),
            "c6": nowhere_zero("c6", parameter("c6", c6)),
        },
        name="RydbergPair",
        labels=bit_labels(2),
        source="M. Saffman, T. G. Walker and K. Mølmer, Rev. Mod. Phys. 82, 2313 (2010)",
    )


def RydbergChain(
    *,
    sites: int,
    rabi: npt.ArrayLike,
    interaction: npt.ArrayLike | None = None,
    c6: npt.ArrayLike | None = None,
    spacing: npt.ArrayLike | None = None,
    periodic: bool = False,
) -> Hamiltonian:
    """A chain of atoms in a laser that excites a Rydberg state, as a function of the detuning x.

    H(x) = ½Ω Σ_i σ^x_i − x Σ_i n_i + V Σ_{i<j} n_i n_j/|i − j|⁶. For V ≫ Ω neighbours are never
    both excited; from large negative to positive x the ground state changes from no excitation to
    every second atom. The matrices are sparse from 8 atoms on.

    Parameters
    ----------
    sites : int
        Number of atoms, 1 to 20; the dimension is 2^sites.
    rabi : float or array
        Ω (energy).
    interaction : float or array, optional
        V, the interaction of neighbours (energy).
    c6, spacing : float or array, optional
        Instead of it C₆ (energy times distance⁶) and the distance a of neighbours: V = C₆/a⁶.
    periodic : bool
        Whether the chain is closed to a ring; |i − j| is then the shorter way round it.

    Returns
    -------
    Hamiltonian
        With parameters `rabi` and `interaction`; 1 in a label is an excited atom.

    Raises
    ------
    InputError
        Unless either the interaction is given, or both C₆ and the distance.

    References
    ----------
    H. Bernien et al., Nature 551, 579 (2017).

    Examples
    --------
    >>> import numpy as np
    >>> chain = RydbergChain(sites=3, rabi=0.1, interaction=100.0)
    >>> ground = np.linalg.eigh(chain(3.0))[1][:, 0]
    >>> chain.labels[np.argmax(abs(ground))]
    '101'
    """
    count = integer("sites", sites, minimum=1, maximum=MOST_QUBITS)
    closed = check_flag("periodic", periodic)
    if interaction is None:
        if c6 is None or spacing is None:
            raise fail("interaction", "be given, or `c6` and `spacing`", "they are not")
        strength: FloatArray = parameter("c6", c6) / positive("spacing", spacing) ** 6
    elif c6 is not None or spacing is not None:
        raise fail("interaction", "be left out beside `c6` and `spacing`", "all are given")
    else:
        strength = parameter("interaction", interaction)
    excited = _excited(count)
    pairs = np.zeros(2**count)
    for i in range(count):
        for j in range(i + 1, count):
            distance = min(j - i, count - j + i) if closed else j - i
            pairs += excited[i] * excited[j] / float(distance) ** 6
    return Hamiltonian.from_terms(
        [
            ("rabi/2", pauli_sum(count, 1.0)),
            ("-x", diagonal(np.sum(excited, axis=0))),
            ("interaction", diagonal(pairs)),
        ],
        parameters={"rabi": parameter("rabi", rabi), "interaction": strength},
        name="RydbergChain",
        labels=bit_labels(count),
        source="H. Bernien et al., Nature 551, 579 (2017)",
    )


def NVCentre(
    *,
    transverse_field: npt.ArrayLike = 0.0,
    strain: npt.ArrayLike = 0.0,
    zero_field_splitting: npt.ArrayLike = NV_SPLITTING,
    gyromagnetic_ratio: npt.ArrayLike = NV_GYROMAGNETIC_RATIO,
) -> Hamiltonian:
    """The ground state of the nitrogen-vacancy centre in diamond, a spin 1, in a magnetic field.

    H(x)/h = D S_z² + γ(x S_z + B⊥ S_x) + E(S_x² − S_y²), with x the field along the axis of the
    defect in gauss. The levels m = 0 and m = −1 meet at x = D/γ = 1024 G, the level anticrossing of
    the ground state, with the gap √2 γB⊥.

    Parameters
    ----------
    transverse_field : float or array
        B⊥, gauss.
    strain : float or array
        E, MHz.
    zero_field_splitting, gyromagnetic_ratio : float or array
        D in MHz, and γ in MHz per gauss.

    Returns
    -------
    Hamiltonian
        In MHz and µs, states m = 1, 0, −1.

    References
    ----------
    M. W. Doherty et al., Phys. Rep. 528, 1 (2013).

    Examples
    --------
    >>> import numpy as np
    >>> centre = NVCentre(transverse_field=0.5)
    >>> low, high, _ = np.linalg.eigvalsh(centre(2870 / 2.8025))
    >>> round(float(high - low), 3)                           # MHz; √2·2.8025·0.5 = 1.982
    1.982
    """
    s_x, s_z = spin_matrices(1)
    rhombic = np.zeros((3, 3))
    rhombic[0, 2] = rhombic[2, 0] = 1.0
    terms: list[tuple[Any, Any]] = [
        ("zero_field_splitting", s_z @ s_z),
        ("gyromagnetic_ratio*x", s_z),
    ]
    parameters = {
        "zero_field_splitting": positive("zero_field_splitting", zero_field_splitting),
        "gyromagnetic_ratio": positive("gyromagnetic_ratio", gyromagnetic_ratio),
    }
    # Terms of zero would hide the symmetry of a field along the axis.
    if np.any(parameter("transverse_field", transverse_field)):
        terms.append(("gyromagnetic_ratio*transverse_field", s_x))
        parameters["transverse_field"] = parameter("transverse_field", transverse_field)
    if np.any(parameter("strain", strain)):
        terms.append(("strain", rhombic))
        parameters["strain"] = parameter("strain", strain)
    return Hamiltonian.from_terms(
        terms,
        parameters=parameters,
        name="NVCentre",
        units=Units("MHz", "us", "G"),
        labels=("m=1", "m=0", "m=-1"),
        source="M. W. Doherty et al., Phys. Rep. 528, 1 (2013)",
    )


def _excited(count: int) -> list[FloatArray]:
    """Return the diagonal of n_i for every atom; bit 1 is excited."""
    return [(1 - pauli_z_diagonal(count, i)) / 2 for i in range(count)]
