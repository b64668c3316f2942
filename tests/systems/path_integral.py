"""Two levels and a bath to all orders by a path integral in steps: apart from the library.

The influence of the bath on all paths, exp(−Σ_{j≥k} (s_j − s̄_j)(η_{j−k} s_k − η̄_{j−k} s̄_k)), is a
tensor of one index for each step, kept as a chain of small ones; it does not know the drive, and
serves every sweep. (A. Strathearn et al., Nat. Commun. 9, 3322 (2018); M. R. Jørgensen,
F. A. Pollock, Phys. Rev. Lett. 123, 240602 (2019).)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import expm

EIGENVALUES = np.array([0.5, -0.5])  # of the operator that the bath couples to
DIFFERENCES = np.array([0.0, 1.0, -1.0])
FIRST, SECOND = np.repeat(EIGENVALUES, 2), np.tile(EIGENVALUES, 2)


def twice_integrated(
    density: Callable[[np.ndarray], np.ndarray], temperature: float, times: np.ndarray
) -> np.ndarray:
    """∫₀^t∫₀^t′ of the correlation function (1/π) ∫ J (coth cos ωτ − i sin ωτ) dω."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.concatenate([np.linspace(0, 60, 241), np.geomspace(60, 6000, 1200)[1:]])
    half = 0.5 * np.diff(edges)[:, None]
    w = (edges[:-1, None] + half * (1 + nodes)).ravel()
    weight = (half * weights).ravel() * density(w) / (np.pi * w * w)
    phase = np.multiply.outer(times, w)
    real = 2 * np.sin(0.5 * phase) ** 2 / np.tanh(w / (2 * temperature)) @ weight
    return real - 1j * (phase - np.sin(phase)) @ weight


def influence(
    density: Callable[[np.ndarray], np.ndarray],
    temperature: float,
    step: float,
    steps: int,
    memory: int,
    cut: float = 1e-7,
) -> list[np.ndarray]:
    """The chain of tensors (left, path, right), in order of time."""
    g = twice_integrated(density, temperature, step * np.arange(memory + 2))
    eta = np.concatenate([g[1:2], g[2:] - 2 * g[1:-1] + g[:-2]])

    def factor(distance: int) -> np.ndarray:
        inside = eta[distance] * FIRST - eta[distance].conj() * SECOND
        return np.exp(-np.multiply.outer(DIFFERENCES, inside))

    own = (FIRST - SECOND)[None, :] == DIFFERENCES[:, None]  # the later step knows this alone
    chain: list[np.ndarray] = []
    for j in range(steps):
        chain.append((own * factor(0))[..., None].astype(complex))
        if j == 0:
            chain[0] = chain[0].sum(axis=0, keepdims=True)
            continue
        first = max(0, j - memory)
        if first > 0:  # what the bath has forgotten is orthonormal and stays
            left, _, right = chain[first - 1].shape
            q, r = np.linalg.qr(chain[first - 1].reshape(left * 4, right))
            chain[first - 1] = q.reshape(left, 4, -1)
            chain[first] = np.tensordot(r, chain[first], 1)
        for k in range(first, j):
            tensor, f = chain[k], factor(j - k)
            left, _, right = tensor.shape
            if k == first:
                chain[k] = np.einsum("lmr,vm->lmrv", tensor, f).reshape(left, 4, -1)
            else:
                grown = np.einsum("lmr,vm,vw->lvmrw", tensor, f, np.eye(3))
                chain[k] = grown.reshape(left * 3, 4, -1)
        for k in range(first, j):
            left, _, right = chain[k].shape
            q, r = np.linalg.qr(chain[k].reshape(left * 4, right))
            chain[k] = q.reshape(left, 4, -1)
            chain[k + 1] = np.tensordot(r, chain[k + 1], 1)
        for k in range(j, first, -1):
            left, _, right = chain[k].shape
            u, s, v = np.linalg.svd(chain[k].reshape(left, 4 * right), full_matrices=False)
            keep = max(1, int(np.sum(s > cut * s[0])))
            chain[k] = v[:keep].reshape(keep, 4, right)
            chain[k - 1] = np.tensordot(chain[k - 1], u[:, :keep] * s[:keep], 1)
    return chain


def follow(
    chain: list[np.ndarray],
    hamiltonian: Callable[[float], np.ndarray],
    rho: np.ndarray,
    start: float,
    step: float,
    steps: int,
) -> np.ndarray:
    """ρ after so many steps, half a step of H before and after the bath's each."""
    cap = np.ones(1, dtype=complex)
    for tensor in chain[: steps - 1 : -1]:
        cap = tensor[:, 0, :] @ cap  # equal states on both paths: nothing more is felt
    v = rho.reshape(1, 4).astype(complex)
    for j in range(steps):
        for half in range(2):
            u = expm(-0.5j * step * hamiltonian(start + (j + 0.25 + 0.5 * half) * step))
            v = v @ np.kron(u, u.conj()).T
            if half == 0:
                v = np.einsum("am,amb->bm", v, chain[j])
    return (cap @ v).reshape(2, 2)
