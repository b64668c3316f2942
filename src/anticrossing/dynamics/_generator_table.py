"""The Lindblad generator of an open system as a function of one coordinate, tabulated once.

Where H and the environment depend on time through x(t) alone, a whole grid of drives shares L(x):
Chebyshev series on pieces of the range of x, ever shorter towards narrow crossings, save all
eigenvectors. Density matrices are vectors of real numbers here, r_a = tr(B_a ρ) in an orthonormal
basis of Hermitian matrices, the first of which is a multiple of the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.drive import Formula
from anticrossing.dynamics import liouville
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

WIDTH = 4  # numbers that a processor takes at once: rows are filled up to a multiple of it
_NODES = 12
_FIRST_PIECES = 32
_FINEST = 1e-9  # of the range: what is not smooth on so short a piece jumps
_H_TAIL = 1e-12  # of H, that nodes may leave out
_NOISE = 1e-14
_NEGLIGIBLE = 1e-14  # of a series: coefficients that are left out


@dataclass(frozen=True)
class Table:
    """L(x) and what is read out, on pieces of a range.

    Attributes
    ----------
    edges : array, shape (P + 1,)
        Where the pieces begin and end.
    degrees : array of int, shape (P,)
        Of the series on each piece.
    series : array, shape (P, n, M, M)
        Chebyshev coefficients of the generator, M = N² filled up to a multiple of `WIDTH`.
    read : array, shape (P, n, N, M)
        The same of the rows that give the populations.
    speed : array, shape (P,)
        The largest frequency and rate on each piece.
    scale : array, shape (P,)
        The length over which L changes: that of the piece, or infinite where L is linear in x.
    """

    edges: FloatArray
    degrees: FloatArray
    series: FloatArray
    read: FloatArray
    speed: FloatArray
    scale: FloatArray

    @classmethod
    def of(
        cls,
        hamiltonian: Hamiltonian,
        environment: Environment,
        ends: tuple[float, float],
        adiabatic: bool,
        tail: float,
    ) -> Table:
        """Tabulate L on a range of x, and the populations of eigenstates or of basis states.

        Of what relaxes and of what is read out `tail` is what the nodes may leave out.
        """
        lanes = Lanes.of(hamiltonian, Formula("t", *ends))
        basis = identity_first_basis(hamiltonian.dimension)
        nodes, to_series = _chebyshev()
        cuts = np.linspace(*ends, _FIRST_PIECES + 1)
        pieces = np.stack([cuts[:-1], cuts[1:]], axis=1)
        done: list[tuple[FloatArray, ...]] = []
        while pieces.size:
            middle, half = pieces.mean(axis=1), 0.5 * np.diff(pieces, axis=1)[:, 0]
            x = middle[:, None] + half[:, None] * nodes
            values = _values(lanes, environment, x, basis, adiabatic)
            h, rest, read, speed = (
                (to_series @ v.reshape(*x.shape, -1)).reshape(v.shape) if v.ndim > 2 else v
                for v in values
            )
            settled = _settled(h, _H_TAIL, 0.0) & _settled(rest, tail, _NOISE * _largest(h))
            settled &= _settled(read, tail, 0.0)
            total = h + rest
            done.append((pieces[settled], total[settled], read[settled], speed[settled]))
            left = pieces[~settled]
            if np.any(left[:, 1] - left[:, 0] < _FINEST * (ends[1] - ends[0])):
                raise ConvergenceError(
                    f"Near x = {left[0, 0]:.6g} the rates or the eigenstates that are read out "
                    "jump, as where levels cross without coupling: read out and relax in fixed "
                    "states, or follow single points with `periodic_steady_state`."
                )
            cut = left.mean(axis=1)
            pieces = np.concatenate(
                [np.stack([left[:, 0], cut], axis=1), np.stack([cut, left[:, 1]], axis=1)]
            )
        joined = [np.concatenate(parts) for parts in zip(*done, strict=True)]
        order = np.argsort(joined[0][:, 0])
        where, series, read, speed = (part[order] for part in joined)
        both = np.concatenate([series, read], axis=2)
        sizes = np.max(np.abs(both), axis=(2, 3))
        telling = sizes > _NEGLIGIBLE * np.max(sizes, axis=1, keepdims=True)
        degrees = np.max(np.arange(_NODES) * telling, axis=1)
        scale = np.where(degrees > 1, np.diff(where, axis=1)[:, 0], np.inf)
        return cls(np.append(where[:, 0], where[-1, 1]), degrees, series, read, speed, scale)


def identity_first_basis(levels: int) -> ComplexArray:
    """Return an orthonormal basis of Hermitian matrices, (N², N, N), the first one ∝ 1."""
    found = liouville.hermitian_basis(levels)
    diagonal = np.arange(levels) * (levels + 1)
    mixed = np.eye(levels)
    mixed[:, 0] = 1.0
    orthonormal = np.linalg.qr(mixed)[0]
    orthonormal *= np.sign(orthonormal[0, 0])
    found[diagonal] = np.einsum("ka,kij->aij", orthonormal, found[diagonal])
    others = np.setdiff1d(np.arange(levels**2), diagonal)
    return found[np.concatenate([diagonal, others])]


def _values(
    lanes: Lanes, environment: Environment, x: FloatArray, basis: ComplexArray, adiabatic: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return at x (P, n) the generator of H, the rest of it, and the rows of the populations."""
    pieces, levels = x.shape[0], basis.shape[1]
    flat = x.reshape(1, -1)
    h = lanes.traceless(flat, np.zeros(1, dtype=np.intp))
    coherent = liouville.commutator(h)[0]
    rest = liouville.generator(lanes, environment, flat)[0] - coherent
    vectors = basis.reshape(levels**2, -1)
    size = -(-(levels**2) // WIDTH) * WIDTH

    def real(superoperator: ComplexArray) -> FloatArray:
        found = np.zeros((x.size, size, size))
        inside = vectors.conj() @ superoperator @ vectors.T
        found[:, : levels**2, : levels**2] = inside.real
        return found.reshape(*x.shape, size, size)

    with one_thread:
        energies, states = np.linalg.eigh(h[0])
    states = states if adiabatic else np.broadcast_to(np.eye(levels), states.shape)
    read = np.zeros((x.size, levels, size))
    inside = np.einsum("kia,cij,kja->kac", states.conj(), basis, states, optimize=True)
    read[..., : levels**2] = inside.real
    speed = energies[:, -1] - energies[:, 0] + np.linalg.norm(rest, axis=(1, 2))
    largest = np.max(speed.reshape(x.shape), axis=1)
    return real(coherent), real(rest), read.reshape(pieces, -1, levels, size), largest


def _largest(series: FloatArray) -> FloatArray:
    return np.asarray(np.max(np.abs(series), axis=(1, 2, 3)))


def _settled(series: FloatArray, share: float, noise: FloatArray | float) -> npt.NDArray[np.bool_]:
    """Whether the last coefficients of each piece (P, n, …) are a small share of the largest."""
    tail = np.max(np.abs(series[:, -2:]), axis=(1, 2, 3))
    return np.asarray(tail <= np.maximum(share * _largest(series), noise))


def _chebyshev() -> tuple[FloatArray, FloatArray]:
    """Return nodes on [−1, 1], and the map from values there to the series' coefficients."""
    nodes = -np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    to_series = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, _NODES - 1))
    return nodes, np.asarray(to_series, np.float64)
