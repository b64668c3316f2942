"""Unitary matrices by the stack: exponential, logarithm, one Magnus step."""

from __future__ import annotations

import numpy as np

from anticrossing._core.linalg import dagger
from anticrossing.hamiltonian import Matrices

MAGNUS_NODES = np.array([0.5 - np.sqrt(0.15), 0.5, 0.5 + np.sqrt(0.15)])
"""Where in a step `magnus_exponent` wants the generator: the Gauss nodes of [0, 1]."""

_FLIPPED = 1e-8  # distance of an eigenvalue from −1 below which it is −1


def unitary_logarithm(matrices: Matrices) -> Matrices:
    """Return the anti-Hermitian logarithm of unitary matrices near the identity.

    ``log U = 2 artanh((U + 1)⁻¹(U − 1))`` through the Hermitian Cayley transform, which is exact
    and keeps real matrices real. A matrix with an eigenvalue −1, such as every real one of negative
    determinant, has no such logarithm: its result is infinite.
    """
    one = np.eye(matrices.shape[-1])
    flipped = np.linalg.svd(matrices + one, compute_uv=False)[..., -1] < _FLIPPED
    matrices = np.where(flipped[..., np.newaxis, np.newaxis], one, matrices)
    cayley = np.linalg.solve(matrices + one, matrices - one)
    half, modes = np.linalg.eigh(-1j * (cayley - dagger(cayley)) / 2)
    result = (modes * (2j * np.arctan(half))[..., np.newaxis, :]) @ dagger(modes)
    result[flipped] = np.inf
    return result if np.iscomplexobj(matrices) else result.real


def unitary_exponential(generators: Matrices) -> Matrices:
    """Return exp of anti-Hermitian matrices, real where they are real."""
    phases, modes = np.linalg.eigh(-1j * generators)
    result = (modes * np.exp(1j * phases)[..., np.newaxis, :]) @ dagger(modes)
    return result if np.iscomplexobj(generators) else result.real


def magnus_exponent(a: Matrices) -> Matrices:
    """Return Ω with ``exp Ω`` the solution of V' = A V over one step, to sixth order in it.

    ``a`` (3, …) is A at the `MAGNUS_NODES` times the length of the step (S. Blanes, F. Casas,
    J. A. Oteo, J. Ros, Phys. Rep. 470, 151 (2009)).
    """
    first = a[1]
    second = np.sqrt(15) / 3 * (a[2] - a[0])
    third = 10 / 3 * (a[2] - 2 * a[1] + a[0])
    inner = _commutator(first, second)
    outer = -_commutator(first, 2 * third + inner) / 60
    last = _commutator(inner - 20 * first - third, second + outer)
    return np.asarray(first + third / 12 + last / 240)


def _commutator(a: Matrices, b: Matrices) -> Matrices:
    return a @ b - b @ a
