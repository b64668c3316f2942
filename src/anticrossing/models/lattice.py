"""Chains and bands: the transverse-field Ising chain, its fermion modes, two Bloch bands."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, integer, non_negative, real_array
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.models._qubits import (
    MOST_QUBITS,
    SPARSE_FROM,
    bit_labels,
    mirrored_bits,
    moved_bits,
    pauli_sum,
    pauli_z_diagonal,
)
from anticrossing.models.landau_zener import SIGMA_X, SIGMA_Z


def TransverseIsing(
    *, sites: int, coupling: npt.ArrayLike = 1.0, periodic: bool = True
) -> Hamiltonian:
    """The transverse-field Ising chain as a function of the field.

    H(x) = −J Σ_i σ^z_i σ^z_{i+1} − x Σ_i σ^x_i, critical at x = J. Its matrices are sparse from 8
    sites on.

    Parameters
    ----------
    sites : int
        L ≥ 2; the dimension is 2^L.
    coupling : float or array
        J (energy).
    periodic : bool
        Whether site L is site 1 (for L = 2 the one bond then counts twice).

    Returns
    -------
    Hamiltonian
        With the parameter `coupling`; states are labelled by bits, 0 for σ^z = +1.

    References
    ----------
    P. Pfeuty, Ann. Phys. 57, 79 (1970); J. Dziarmaga, Phys. Rev. Lett. 95, 245701 (2005).

    Examples
    --------
    >>> chain = TransverseIsing(sites=4, coupling=1.0)
    >>> round(float(np.linalg.eigvalsh(chain(0.0))[0]), 12)
    -4.0
    """
    length = integer("sites", sites, minimum=2, maximum=MOST_QUBITS)
    bonds = length if periodic else length - 1
    diagonal: FloatArray = np.zeros(2**length)
    for i in range(bonds):
        diagonal -= pauli_z_diagonal(length, i) * pauli_z_diagonal(length, (i + 1) % length)
    exchange: Any
    if length < SPARSE_FROM:
        exchange = np.diag(diagonal)
    else:
        import scipy.sparse

        exchange = scipy.sparse.diags_array(diagonal).tocsr()
    chain = TermHamiltonian(
        [("coupling", exchange), ("x", pauli_sum(length, -1.0))],
        {"coupling": real_array("coupling", coupling)},
        name="TransverseIsing",
        labels=bit_labels(length),
        source="P. Pfeuty, Ann. Phys. 57, 79 (1970)",
    )
    states = np.arange(2**length)
    flipped = states[-1] - states
    if periodic:
        return chain.with_permutations(moved_bits(states, length), flipped)
    return chain.with_permutations(mirrored_bits(states, length), flipped)


def TransverseIsingMode(*, momentum: npt.ArrayLike, coupling: npt.ArrayLike = 1.0) -> Hamiltonian:
    """One pair (k, −k) of fermion modes of the transverse-field Ising chain.

    H_k(x) = 2 [[x − J cos k, J sin k], [J sin k, −(x − J cos k)]], with levels ±ε_k,
    ε_k = 2√(x² + J² − 2xJ cos k). It avoids at x = J cos k with the gap 4J|sin k|. The ground
    energy of the periodic chain of even length is −Σ_k ε_k over `ising_momenta`.

    Parameters
    ----------
    momentum : float or array
        k in radians; an array makes a batch of modes.
    coupling : float or array
        J (energy).

    Returns
    -------
    Hamiltonian
        With parameters `momentum` and `coupling`.

    References
    ----------
    J. Dziarmaga, Phys. Rev. Lett. 95, 245701 (2005), eqs. (5)–(12).

    Examples
    --------
    >>> modes = TransverseIsingMode(momentum=ising_momenta(6))
    >>> modes(1.0).shape
    (3, 2, 2)
    """
    return Hamiltonian.from_terms(
        [("2*(x - coupling*cos(momentum))", SIGMA_Z), ("2*coupling*sin(momentum)", SIGMA_X)],
        parameters={
            "momentum": real_array("momentum", momentum),
            "coupling": real_array("coupling", coupling),
        },
        name="TransverseIsingMode",
        labels=("empty", "pair"),
        source="J. Dziarmaga, Phys. Rev. Lett. 95, 245701 (2005)",
    )


def ising_momenta(sites: int) -> FloatArray:
    """Return the positive momenta k = (2n − 1)π/L, n = 1 … L/2, of the even-parity sector.

    Parameters
    ----------
    sites : int
        L, even.

    Examples
    --------
    >>> ising_momenta(4) / np.pi
    array([0.25, 0.75])
    """
    length = integer("sites", sites, minimum=2, maximum=10**7)
    if length % 2:
        raise fail("sites", "be even", f"it is {length}")
    return np.pi * (2 * np.arange(1, length // 2 + 1) - 1) / length


def BlochBands(*, hopping: npt.ArrayLike, gap: npt.ArrayLike) -> Hamiltonian:
    """Two Bloch bands of a dimerised chain as a function of the quasi-momentum.

    H(x) = [[2J cos(x/2), (g/2) sin(x/2)], [(g/2) sin(x/2), −2J cos(x/2)]] with x the
    quasi-momentum times the length of the two-site cell. The bands are
    ±√(4J² cos²(x/2) + (g²/4) sin²(x/2)), period 2π, closest at the zone boundary x = π. It is the
    chain with alternating hoppings J ± g/4 in the basis of the folded bands ±2J cos(x/2). A
    constant force F (energy per cell) gives x = Ft, and each Bloch period 2π/F passes one crossing
    with sweep rate 2JF.

    Parameters
    ----------
    hopping : float or array
        J, the mean hopping (energy, ≥ 0).
    gap : float or array
        g, the gap at the zone boundary (energy, 0 ≤ g ≤ 4J for it to be the smallest).

    Returns
    -------
    Hamiltonian
        With parameters `hopping` and `gap`.

    References
    ----------
    C. Zener, Proc. R. Soc. A 145, 523 (1934); W. P. Su, J. R. Schrieffer and A. J. Heeger, Phys.
    Rev. Lett. 42, 1698 (1979).

    Examples
    --------
    >>> bands = BlochBands(hopping=1.0, gap=0.2)
    >>> np.round(np.linalg.eigvalsh(bands(np.pi)), 12)
    array([-0.1,  0.1])
    """
    return Hamiltonian.from_terms(
        [("2*hopping*cos(x/2)", SIGMA_Z), ("gap/2*sin(x/2)", SIGMA_X)],
        parameters={"hopping": non_negative("hopping", hopping), "gap": non_negative("gap", gap)},
        name="BlochBands",
        labels=("folded +", "folded -"),
        source="C. Zener, Proc. R. Soc. A 145, 523 (1934)",
    )
