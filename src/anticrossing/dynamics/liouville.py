"""The Lindblad generator as a matrix: ρ is stacked row by row, ρ_ij at index i·N + j."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import ComplexArray
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import EigenRates, Environment, Nodes


def nodes_of(
    lanes: Lanes, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[Any], Nodes]:
    """Return H in radians per time at `times` (P, n) of lanes `lane` (P,), and the nodes."""
    matrices = lanes.matrices(times, lane)
    energies, vectors = np.linalg.eigh(matrices)
    x = lanes.drive.evaluate(times, {k: v[lane][:, None] for k, v in lanes.d_parameters.items()})
    angular = lanes.hamiltonian.units.angular
    where = np.broadcast_to(lane[:, None], times.shape)
    nodes = Nodes(x, times, energies / angular, vectors.astype(np.complex128), angular, where)
    return matrices, nodes


def commutator(matrix: npt.NDArray[Any]) -> ComplexArray:
    """Return the superoperator ρ → −i[H, ρ], shape (..., N², N²)."""
    identity = np.eye(matrix.shape[-1])
    return -1j * (kron(matrix, identity) - kron(identity, matrix.swapaxes(-1, -2)))


def dissipator(jump: ComplexArray) -> ComplexArray:
    """Return the superoperator ρ → LρL† − ½{L†L, ρ}, shape (..., N², N²)."""
    identity = np.eye(jump.shape[-1])
    square = jump.conj().swapaxes(-1, -2) @ jump
    anticommutator = kron(square, identity) + kron(identity, square.swapaxes(-1, -2))
    return np.asarray(kron(jump, jump.conj()) - 0.5 * anticommutator)


def eigen_generator(rates: EigenRates) -> ComplexArray:
    """Return the superoperator of rates in the eigenbasis, in that basis, shape (..., N², N²)."""
    levels = rates.transfer.shape[-1]
    shape = rates.transfer.shape[:-2]
    diagonal = -rates.coherence.reshape(*shape, levels**2)
    total = diagonal[..., None] * np.eye(levels**2)
    populations = np.arange(levels) * (levels + 1)
    total[..., populations[:, None], populations] += rates.transfer
    return total


def in_basis(superoperator: ComplexArray, vectors: ComplexArray) -> ComplexArray:
    """Return a superoperator given in the basis `vectors` (columns), in the original basis."""
    change = kron(vectors, vectors.conj())
    return np.asarray(change @ superoperator @ change.conj().swapaxes(-1, -2))


def kron(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the Kronecker product over the last two axes, broadcasting the others."""
    product = np.einsum("...ij,...kl->...ikjl", a, b)
    rows, columns = a.shape[-2] * b.shape[-2], a.shape[-1] * b.shape[-1]
    return product.reshape(*product.shape[:-4], rows, columns)


def generator(lanes: Lanes, environment: Environment, times: npt.NDArray[Any]) -> ComplexArray:
    """Return the full generator of every lane at `times` (lanes, n): (lanes, n, N², N²)."""
    matrices, nodes = nodes_of(lanes, times, np.arange(lanes.count))
    total = commutator(matrices)
    rates = environment.eigen_rates(nodes)
    if rates is not None:
        total = total + in_basis(eigen_generator(rates), nodes.vectors)
    for jump in environment.jump_operators(nodes):
        total = total + dissipator(jump)
    return total
