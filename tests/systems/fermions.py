"""Fermions in their whole Fock space, for a few modes."""

from __future__ import annotations

import numpy as np


def lowering_operators(modes: int) -> list[np.ndarray]:
    """Jordan–Wigner matrices of c_0 … c_{n−1} on the 2ⁿ-dimensional Fock space."""
    lower, parity, one = np.array([[0, 1], [0, 0]]), np.diag([1, -1]), np.eye(2)
    operators = []
    for k in range(modes):
        total = np.eye(1)
        for factor in [parity] * k + [lower] + [one] * (modes - k - 1):
            total = np.kron(total, factor)
        operators.append(total)
    return operators
