"""A chain of atoms that are driven to Rydberg states."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, check_flag, integer, real_array
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models._qubits import (
    MOST_QUBITS,
    SPARSE_FROM,
    bit_labels,
    pauli_sum,
    pauli_z_diagonal,
)


def RydbergChain(
    *, sites: int, rabi_frequency: npt.ArrayLike, interaction: npt.ArrayLike, periodic: bool = False
) -> Hamiltonian:
    """A chain of atoms driven from the ground to a Rydberg state, as a function of the detuning.

    H(x) = (Ω/2) Σ_i σ^x_i − x Σ_i n_i + V Σ_{i<j} n_i n_j / r_ij⁶, with n_i = 1 for an excited atom
    and r_ij the distance in lattice constants. Its matrices are sparse from 8 atoms on.

    Parameters
    ----------
    sites : int
        The number of atoms, 2 to 20; the dimension is 2^sites.
    rabi_frequency : float or array
        Ω (energy).
    interaction : float or array
        V, the energy of two excited neighbours.
    periodic : bool
        Whether the chain is closed to a ring; r_ij is then the shorter way round it.

    Returns
    -------
    Hamiltonian
        With parameters `rabi_frequency` and `interaction`; states are labelled by bits, 1 for an
        excited atom.

    References
    ----------
    H. Bernien et al., Nature 551, 579 (2017).

    Examples
    --------
    >>> chain = RydbergChain(sites=2, rabi_frequency=0.2, interaction=5.0)
    >>> chain(1.0)[3, 3]                      # two excited neighbours: −2x + V
    np.float64(3.0)
    """
    atoms = integer("sites", sites, minimum=2, maximum=MOST_QUBITS)
    closed = check_flag("periodic", periodic)
    excited = [(1 - pauli_z_diagonal(atoms, i)) / 2 for i in range(atoms)]
    pairs: FloatArray = np.zeros(2**atoms)
    for i in range(atoms):
        for j in range(i + 1, atoms):
            distance = min(j - i, atoms - j + i) if closed else j - i
            pairs += excited[i] * excited[j] / distance**6
    terms: list[tuple[str, Any]] = [
        ("rabi_frequency/2", pauli_sum(atoms, 1.0)),
        ("-x", _diagonal(np.sum(excited, axis=0))),
        ("interaction", _diagonal(pairs)),
    ]
    return Hamiltonian.from_terms(
        terms,
        parameters={
            "rabi_frequency": real_array("rabi_frequency", rabi_frequency),
            "interaction": real_array("interaction", interaction),
        },
        name="RydbergChain",
        labels=bit_labels(atoms),
        source="H. Bernien et al., Nature 551, 579 (2017)",
    )


def _diagonal(values: FloatArray) -> Any:
    """Return a diagonal matrix, dense for few atoms."""
    if values.size < 2**SPARSE_FROM:
        return np.diag(values)
    import scipy.sparse

    return scipy.sparse.diags_array(values).tocsr()
