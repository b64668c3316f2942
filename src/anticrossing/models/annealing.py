"""Adiabatic computation: from a simple Hamiltonian to one whose ground state is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    integer,
    is_numeric,
    of_shape,
    real_array,
    real_number,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models._qubits import (
    MOST_QUBITS,
    SPARSE_FROM,
    bit_labels,
    pauli_sum,
    pauli_z_diagonal,
)

_MOST_QUBITS = 1000  # 2^qubits must be a double


def Annealing(*, initial: Any, problem: Any) -> Hamiltonian:
    """Interpolate between two Hamiltonians.

    H(x) = (1 − x) H_initial + x H_problem, for x from 0 to 1.

    Parameters
    ----------
    initial, problem : array or SciPy sparse matrix, shape (N, N)
        Constant Hermitian matrices, e.g. from `transverse_field_driver` and `ising_problem`.

    Returns
    -------
    Hamiltonian
        Without parameters; states are labelled by bits where N is a power of two.

    Raises
    ------
    InputError
        For matrices that are not Hermitian or differ in shape.

    References
    ----------
    E. Farhi, J. Goldstone, S. Gutmann and M. Sipser, arXiv:quant-ph/0001106 (2000).

    Examples
    --------
    >>> problem = ising_problem(fields=[1.0, 0.5], couplings={(0, 1): -1.0})
    >>> H = Annealing(initial=transverse_field_driver(2), problem=problem)
    >>> H(1.0).diagonal()
    array([ 0.5,  1.5,  0.5, -2.5])
    """
    for name, matrix in (("initial", initial), ("problem", problem)):
        if not hasattr(matrix, "tocsr") and not is_numeric(matrix):
            raise fail(name, "be a matrix of numbers", f"it is {describe(matrix)}")
    shapes = [np.shape(matrix) for matrix in (initial, problem)]
    if shapes[0] != shapes[1] or len(shapes[0]) != 2:
        raise fail(
            "problem", "be a matrix of the shape of `initial`", f"{shapes[1]} is not {shapes[0]}"
        )
    size = shapes[0][0]
    qubits = size.bit_length() - 1
    return Hamiltonian.from_terms(
        [("1 - x", initial), ("x", problem)],
        name="Annealing",
        labels=bit_labels(qubits) if size == 2**qubits and qubits else None,
        source="E. Farhi et al., arXiv:quant-ph/0001106 (2000)",
    )


def transverse_field_driver(qubits: int) -> Any:
    """Return −Σ_i σ^x_i (dense below 8 qubits, SciPy sparse from there on).

    Its ground state is the uniform superposition of all bit strings, with energy −qubits.

    Examples
    --------
    >>> transverse_field_driver(1)
    array([[ 0., -1.],
           [-1.,  0.]])
    """
    return pauli_sum(integer("qubits", qubits, minimum=1, maximum=MOST_QUBITS), -1.0)


def ising_problem(
    fields: npt.ArrayLike, couplings: Mapping[tuple[int, int], float] | npt.ArrayLike
) -> Any:
    """Return Σ_i h_i σ^z_i + Σ_{i<j} J_ij σ^z_i σ^z_j as a diagonal matrix.

    Parameters
    ----------
    fields : array, shape (n,)
        h_i (energy).
    couplings : mapping {(i, j): J} or array, shape (n, n)
        J_ij (energy); of an array only the part above the diagonal is read, and the rest must
        be zero or its mirror image.

    Returns
    -------
    array or SciPy sparse matrix, shape (2^n, 2^n)
        Dense below 8 qubits; bit 0 means σ^z = +1, the leftmost bit is qubit 0.

    Raises
    ------
    InputError
        For indices outside the range, a self-coupling, or an asymmetric array.

    Examples
    --------
    >>> ising_problem([0.0, 0.0], {(0, 1): 1.0}).diagonal()
    array([ 1., -1., -1.,  1.])
    """
    local = real_array("fields", fields, ndim=1)
    qubits = integer("len(fields)", local.size, minimum=1, maximum=MOST_QUBITS)
    diagonal: FloatArray = np.zeros(2**qubits)
    for i, field in enumerate(local):
        diagonal += field * pauli_z_diagonal(qubits, i)
    for (i, j), strength in _pairs(couplings, qubits).items():
        diagonal += strength * pauli_z_diagonal(qubits, i) * pauli_z_diagonal(qubits, j)
    if qubits >= SPARSE_FROM:
        import scipy.sparse

        return scipy.sparse.diags_array(diagonal).tocsr()
    return np.diag(diagonal)


def Grover(*, qubits: int, reduced: bool = True) -> Hamiltonian:
    """Adiabatic search for one marked item among N = 2^qubits.

    H(x) = (1 − x)(1 − |s⟩⟨s|) + x(1 − |m⟩⟨m|), s the uniform superposition and m the marked item.
    Only the plane of s and m takes part; there the gap is √(1 − 4(1 − 1/N)x(1 − x)), smallest at
    x = ½, where it is 1/√N.

    Parameters
    ----------
    qubits : int
        Number of qubits, N = 2^qubits.
    reduced : bool
        Return the two-level problem in the plane of s and m (basis: marked, rest); otherwise the
        full N × N one (item 0 is marked), with N − 2 further levels at energy 1.

    Returns
    -------
    Hamiltonian
        Without parameters.

    References
    ----------
    J. Roland and N. J. Cerf, Phys. Rev. A 65, 042308 (2002), eqs. (12)–(17).

    Examples
    --------
    >>> lower, upper = np.linalg.eigvalsh(Grover(qubits=10)(0.5))
    >>> round(float(upper - lower), 12)
    0.03125
    """
    count = 2 ** integer("qubits", qubits, minimum=1, maximum=_MOST_QUBITS)
    if reduced:
        start = np.sqrt([1 / count, 1 - 1 / count])
    elif qubits > 12:
        raise fail("qubits", "be at most 12 for the full matrix", f"it is {qubits}")
    else:
        start = np.full(count, 1 / np.sqrt(count))
    target = np.zeros(start.size)
    target[0] = 1.0
    identity = np.eye(start.size)
    return Hamiltonian.from_terms(
        [("1 - x", identity - np.outer(start, start)), ("x", identity - np.outer(target, target))],
        name="Grover",
        labels=("marked", "rest") if reduced else bit_labels(qubits),
        source="J. Roland and N. J. Cerf, Phys. Rev. A 65, 042308 (2002)",
    )


def _pairs(couplings: Any, qubits: int) -> dict[tuple[int, int], float]:
    if not isinstance(couplings, Mapping):
        matrix = of_shape("couplings", real_array("couplings", couplings, ndim=2), (qubits, qubits))
        lower = np.tril(matrix, -1)
        if np.any(np.diag(matrix)) or (np.any(lower) and np.any(np.triu(matrix, 1) != lower.T)):
            raise fail(
                "couplings", "be upper triangular or symmetric", "it is neither, or has a diagonal"
            )
        return {(i, j): float(matrix[i, j]) for i in range(qubits) for j in range(i + 1, qubits)}
    pairs: dict[tuple[int, int], float] = {}
    for key, strength in couplings.items():
        valid = (
            isinstance(key, tuple)
            and len(key) == 2
            and all(isinstance(i, (int, np.integer)) and 0 <= i < qubits for i in key)
            and key[0] != key[1]
        )
        if not valid:
            raise fail(
                "couplings",
                f"be keyed by pairs of different qubits 0 … {qubits - 1}",
                f"it has the key {describe(key)}",
            )
        pair = (min(key), max(key))
        pairs[pair] = pairs.get(pair, 0.0) + real_number("couplings", strength)
    return pairs
