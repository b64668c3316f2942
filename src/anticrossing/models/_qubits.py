"""Sums of Pauli matrices on several qubits; dense for few, sparse for many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray

SPARSE_FROM = 8
"""Qubits from which operators are SciPy sparse matrices."""

MOST_QUBITS = 20
"""A sum of as many Pauli matrices takes half a gibibyte."""


def pauli_z_diagonal(qubits: int, index: int) -> FloatArray:
    """Return the diagonal of σ^z on one qubit (qubit 0 is the leftmost bit; bit 0 is +1)."""
    states = np.arange(2**qubits)
    bits = (states >> (qubits - 1 - index)) & 1
    signs: FloatArray = 1.0 - 2.0 * bits.astype(np.float64)
    return signs


def pauli_sum(qubits: int, factor: float) -> Any:
    """Return factor · Σ_i σ^x_i."""
    size = 2**qubits
    states = np.arange(size)
    rows = np.concatenate([states] * qubits)
    columns = np.concatenate([states ^ (1 << i) for i in range(qubits)])
    if qubits >= SPARSE_FROM:
        import scipy.sparse

        data = np.full(rows.size, factor)
        return scipy.sparse.csr_matrix((data, (rows, columns)), shape=(size, size))
    matrix = np.zeros((size, size))
    matrix[rows, columns] = factor
    return matrix


def diagonal(values: FloatArray) -> Any:
    """Return a diagonal matrix."""
    if values.size < 2**SPARSE_FROM:
        return np.diag(values)
    import scipy.sparse

    return scipy.sparse.diags_array(values).tocsr()


def bit_labels(qubits: int) -> tuple[str, ...]:
    """Return the bit strings 0…0 to 1…1."""
    return tuple(format(state, f"0{qubits}b") for state in range(2**qubits))


def moved_bits(states: npt.NDArray[np.intp], qubits: int) -> npt.NDArray[np.intp]:
    """Return the states with every bit moved to its left neighbour, the first to the end."""
    return 2 * states % 2**qubits + states // 2 ** (qubits - 1)


def mirrored_bits(states: npt.NDArray[np.intp], qubits: int) -> npt.NDArray[np.intp]:
    """Return the states with their bits in reverse order."""
    bits = (states[:, None] >> np.arange(qubits)) & 1
    return bits @ (2 ** np.arange(qubits)[::-1])
