"""The Lindblad generator as a matrix: ρ is stacked row by row, ρ_ij at index i·N + j."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, kron as kron
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import EigenRates, Environment, Nodes


def nodes_of(
    lanes: Lanes, times: npt.NDArray[Any], lane: npt.NDArray[np.intp], *, levels: bool = True
) -> tuple[npt.NDArray[Any], Nodes]:
    """Return H in radians per time at `times` (P, n) of lanes `lane` (P,), and the nodes.

    H comes without the multiple of the identity, which density matrices do not feel; nodes without
    `levels` hold no numbers for energies and eigenvectors, which cost most of it.
    """
    matrices, offset = lanes.split(times, lane)
    if not levels:
        energies = np.full(matrices.shape[:-1], np.nan)
        vectors = np.broadcast_to(np.array(np.nan), matrices.shape)
    else:
        energies, vectors = levels_of(matrices)
    x = lanes.coordinates(times, lane)
    angular = lanes.hamiltonian.units.angular
    where = np.broadcast_to(lane[:, None], times.shape)
    nodes = Nodes(
        x,
        times,
        energies / angular,
        vectors.astype(np.complex128),
        angular,
        where,
        offset / angular,
    )
    return matrices, nodes


def levels_of(matrices: npt.NDArray[Any]) -> tuple[FloatArray, npt.NDArray[Any]]:
    """Return eigenvalues, ascending, and eigenvectors of (…, N, N)."""
    if matrices.shape[-1] == 2:
        return two_level_energies(matrices), two_level_vectors(matrices)
    energies, vectors = np.linalg.eigh(matrices)
    return energies, vectors


def two_level_energies(matrices: npt.NDArray[Any]) -> FloatArray:
    """Return the two eigenvalues of (…, 2, 2), ascending; far quicker than LAPACK one by one."""
    mean = 0.5 * (matrices[..., 0, 0] + matrices[..., 1, 1]).real
    d = 0.5 * (matrices[..., 0, 0] - matrices[..., 1, 1]).real
    half = np.hypot(d, np.abs(matrices[..., 0, 1]))
    return np.stack([mean - half, mean + half], axis=-1)


def two_level_vectors(matrices: npt.NDArray[Any]) -> ComplexArray:
    """Return the eigenvectors (lower, upper) of (…, 2, 2) in the phases of the compiled kernel."""
    d = 0.5 * (matrices[..., 0, 0] - matrices[..., 1, 1]).real
    c = matrices[..., 0, 1].astype(np.complex128)
    # Ratios first, as in the kernel: small couplings lose their digits in products and squares.
    largest = np.maximum(np.abs(c.real), np.abs(c.imag))
    scale = np.maximum(np.abs(d), largest)
    with np.errstate(divide="ignore", invalid="ignore"):
        phase = c.real / largest + 1j * (c.imag / largest)
        length = np.abs(phase)
        phase = phase / length
        across = largest / scale * length
        energy = np.hypot(d / scale, across)
        cosine = np.sqrt(0.5 * (1 + np.abs(d) / scale / energy))
        sine = 0.5 * across / (energy * cosine)
    size = largest
    rising = d >= 0
    q = np.where(size == 0, np.where(rising, 1.0, 0.0), np.where(rising, cosine, sine))
    s = np.where(size == 0, np.where(rising, 0.0, 1.0), np.where(rising, sine, cosine) * phase)
    vectors = np.empty((*d.shape, 2, 2), dtype=np.complex128)
    vectors[..., 0, 0], vectors[..., 1, 0] = -s, q
    vectors[..., 0, 1], vectors[..., 1, 1] = q, s.conj()
    return vectors


def commutator(matrix: npt.NDArray[Any]) -> ComplexArray:
    """Return the superoperator ρ → −i[H, ρ], shape (..., N², N²)."""
    identity = np.eye(matrix.shape[-1])
    return -1j * (kron(matrix, identity) - kron(identity, matrix.swapaxes(-1, -2)))


def dissipator(jump: ComplexArray) -> ComplexArray:
    """Return the superoperator ρ → LρL† − ½{L†L, ρ}, shape (..., N², N²)."""
    levels = jump.shape[-1]
    identity = np.eye(levels)
    square = dagger(jump) @ jump
    anticommutator = kron(square, identity) + kron(identity, square.swapaxes(-1, -2))
    total = np.asarray(kron(jump, jump.conj()) - 0.5 * anticommutator)
    # What the diagonal of L does to populations cancels: as a difference it would leave the
    # rounding of ‖L‖², a rate that may be larger than the slow ones beside it.
    own = np.einsum("...ii->...i", jump)
    leaving = np.sum(np.where(identity > 0, 0.0, np.abs(jump) ** 2), axis=-2)
    first, second = own[..., :, None], own[..., None, :]
    decay = np.abs(first - second) ** 2 + leaving[..., :, None] + leaving[..., None, :]
    turning = first.imag * second.real - first.real * second.imag
    exact = 1j * turning - 0.5 * decay
    np.einsum("...ii->...i", total)[...] = exact.reshape(*total.shape[:-1])
    return total


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
    return np.asarray(change @ superoperator @ dagger(change))


def generator(lanes: Lanes, environment: Environment, times: npt.NDArray[Any]) -> ComplexArray:
    """Return the full generator of every lane at `times` (lanes, n): (lanes, n, N², N²)."""
    return generator_at(*nodes_of(lanes, times, np.arange(lanes.count)), environment)


def generator_at(
    matrices: npt.NDArray[Any], nodes: Nodes, environment: Environment
) -> ComplexArray:
    """Return the full generator of H (..., N, N) at the nodes: (..., N², N²)."""
    return np.asarray(commutator(matrices) + environment_at(nodes, environment))


def environment_at(nodes: Nodes, environment: Environment) -> ComplexArray:
    """Return what an environment adds to the generator at the nodes: (..., N², N²).

    What levels that decay lose is a part of it.
    """
    levels = nodes.vectors.shape[-1]
    total = np.zeros((*nodes.t.shape, levels**2, levels**2), dtype=np.complex128)
    if environment.decays:
        loss = environment.loss(nodes)
        if loss is not None:
            one = np.eye(levels)
            total -= 0.5 * (kron(loss, one) + kron(one, loss.swapaxes(-1, -2)))
        if environment.without_decay is None:
            return total
        environment = environment.without_decay
    rates = environment.eigen_rates(nodes)
    if rates is not None:
        total += in_basis(eigen_generator(rates), nodes.vectors)
    for jump in environment.jump_operators(nodes):
        total += dissipator(jump)
    rest = environment.superoperator(nodes)
    return total if rest is None else total + rest


def choi_eigenvalues(superoperator: ComplexArray) -> FloatArray:
    """Return the eigenvalues of the Choi matrices of maps (..., N², N²)."""
    *batch, size, _ = superoperator.shape
    levels = round(size**0.5)
    tensor = superoperator.reshape(*batch, levels, levels, levels, levels)
    # S[(i,j),(k,l)] → C[(k,i),(l,j)]
    choi = np.moveaxis(tensor, (-4, -3, -2, -1), (-3, -1, -4, -2))
    return np.asarray(np.linalg.eigvalsh(choi.reshape(*batch, size, size)), np.float64)


def hermitian_basis(levels: int) -> ComplexArray:
    """Return an orthonormal basis of the Hermitian matrices, shape (N², N, N)."""
    found = np.zeros((levels, levels, levels, levels), dtype=np.complex128)
    for i in range(levels):
        found[i, i, i, i] = 1.0
        for k in range(i):
            found[i, k, i, k] = found[i, k, k, i] = np.sqrt(0.5)
            found[k, i, i, k], found[k, i, k, i] = 1j * np.sqrt(0.5), -1j * np.sqrt(0.5)
    return found.reshape(levels**2, levels, levels)
