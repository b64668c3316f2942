"""The Lindblad generator of an open system as a function of one coordinate, tabulated once.

Where H and the environment depend on time through x(t) alone, a whole grid of drives shares L(x):
Chebyshev series on pieces of the range of x, ever shorter towards narrow crossings, save all
eigenvectors. Density matrices are vectors of real numbers here, r_a = tr(B_a ρ) in an orthonormal
basis of Hermitian matrices, the first of which is a multiple of the identity. Beside a noise that
remembers they are those of all of its K states, in a basis whose first is the noise at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.drive import Formula
from anticrossing.dynamics import liouville, noise_blocks
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.noise_blocks import Blocks
from anticrossing.environment import Environment
from anticrossing.environment.base import Combined
from anticrossing.environment.noise.base import MarkovNoise, split
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
        Chebyshev coefficients of the generator, M = K N² filled up to a multiple of `WIDTH`.
    read : array, shape (P, n, N, M)
        The same of the rows that give the populations.
    speed : array, shape (P,)
        The largest frequency and rate on each piece.
    scale : array, shape (P,)
        The length over which L changes: that of the piece, or infinite where L is linear in x.
    numbers : int
        K N².
    """

    edges: FloatArray
    degrees: FloatArray
    series: FloatArray
    read: FloatArray
    speed: FloatArray
    scale: FloatArray
    numbers: int

    @classmethod
    def of(
        cls,
        hamiltonian: Hamiltonian,
        environment: Environment,
        ends: tuple[float, float],
        adiabatic: bool,
        tail: float,
        *,
        moved: Moved | None = None,
        resolution: int = 0,
    ) -> Table:
        """Tabulate L on a range of x, and the populations of eigenstates or of basis states.

        Of what relaxes and of what is read out `tail` is what the nodes may leave out. What is
        read out does not see what is `moved`, by noise that stands still.
        """
        lanes = Lanes.of(hamiltonian, Formula("t", *ends))
        equation = _Generator.of(lanes, environment, moved or Moved(), resolution)
        basis = identity_first_basis(hamiltonian.dimension)
        nodes, to_series = _chebyshev()
        cuts = np.linspace(*ends, _FIRST_PIECES + 1)
        pieces = np.stack([cuts[:-1], cuts[1:]], axis=1)
        done: list[tuple[FloatArray, ...]] = []
        while pieces.size:
            middle, half = pieces.mean(axis=1), 0.5 * np.diff(pieces, axis=1)[:, 0]
            x = middle[:, None] + half[:, None] * nodes
            values = _values(lanes, equation, x, basis, adiabatic)
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
        edges = np.append(where[:, 0], where[-1, 1])
        return cls(edges, degrees, series, read, speed, scale, equation.whole.size)


@dataclass(frozen=True)
class Moved:
    """What one value of noise that stands still adds to x, and to H."""

    shift: FloatArray | None = None
    added: ComplexArray | None = None


@dataclass(frozen=True)
class _Generator:
    """The generator beside all states of a noise, and what of it does not relax."""

    whole: Blocks
    coherent: Blocks
    turn: FloatArray
    moved: bool

    @classmethod
    def of(
        cls, lanes: Lanes, environment: Environment, moved: Moved, resolution: int
    ) -> _Generator:
        is_moved = moved.shift is not None or moved.added is not None
        there = lanes.repeated(1, moved.shift, moved.added) if is_moved else lanes
        noises, rest = split(environment)
        moving = [noise for noise in noises if isinstance(noise, MarkovNoise)]
        whole = Blocks.of(there, moving, rest, resolution)
        coherent = replace(whole, rest=Combined([]))
        return cls(whole, coherent, noise_blocks.to_first_axis(whole.root)[0], is_moved)

    @property
    def moves(self) -> bool:
        """Whether a noise moves the levels."""
        return self.whole.states > 1 or self.moved

    def __call__(self, x: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return at x (n,) what of it is coherent, and all else, (n, K, N², K, N²) each."""
        lane = np.zeros(1, dtype=np.intp)
        lanes = self.whole.lanes
        shape = (x.size, *(self.whole.states, lanes.hamiltonian.dimension**2) * 2)
        both = [
            blocks.generators(lanes, x[None], lane)[0].reshape(shape)
            for blocks in (self.coherent, self.whole)
        ]
        both = [
            np.einsum("sk,nkalb,rl->nsarb", self.turn, part, self.turn, optimize=True)
            for part in both
        ]
        return both[0], both[1] - both[0]


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
    lanes: Lanes, equation: _Generator, x: FloatArray, basis: ComplexArray, adiabatic: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return at x (P, n) the generator of H, the rest of it, and the rows of the populations."""
    pieces, levels = x.shape[0], basis.shape[1]
    coherent, rest = equation(x.ravel())
    numbers = equation.whole.size
    vectors = basis.reshape(levels**2, -1)
    size = -(-numbers // WIDTH) * WIDTH

    def real(superoperators: ComplexArray) -> FloatArray:
        found = np.zeros((x.size, size, size))
        inside = vectors.conj() @ superoperators.swapaxes(2, 3) @ vectors.T
        found[:, :numbers, :numbers] = inside.real.swapaxes(2, 3).reshape(-1, numbers, numbers)
        return found.reshape(*x.shape, size, size)

    h = lanes.traceless(x.reshape(1, -1), np.zeros(1, dtype=np.intp))[0]
    with one_thread:
        energies, states = np.linalg.eigh(h)
    states = states if adiabatic else np.broadcast_to(np.eye(levels), states.shape)
    read = np.zeros((x.size, levels, size))
    inside = np.einsum("kia,cij,kja->kac", states.conj(), basis, states, optimize=True)
    read[..., : levels**2] = inside.real
    turning = energies[:, -1] - energies[:, 0]
    if equation.moves:
        whole = coherent.reshape(x.size, numbers, numbers)
        turning = np.linalg.norm(whole, 2, axis=(1, 2))
    speed = turning + np.linalg.norm(rest.reshape(x.size, -1), axis=1)
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
