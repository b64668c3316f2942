"""The Schrödinger equation solved with NumPy alone, to check the library against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Matrix = np.ndarray
_MOST_STEPS = 2**19


def propagator(
    hamiltonian: Callable[[float], Matrix], start: float, stop: float, tolerance: float = 1e-12
) -> Matrix:
    """U(stop, start) by Magnus steps of sixth order, twice as many until the last digits stand.

    S. Blanes, F. Casas, J. A. Oteo, J. Ros, Phys. Rep. 470, 151 (2009).
    """
    steps, before = 512, None
    while True:
        u = _steps(hamiltonian, start, stop, steps)
        # Of sixth order, the finer answer is 63 times nearer to the truth than to the coarser.
        if before is not None and np.max(np.abs(u - before)) < 60 * tolerance:
            return u
        if steps >= _MOST_STEPS:
            raise AssertionError(f"the reference does not settle with {steps} steps")
        steps, before = 2 * steps, u


def _steps(hamiltonian: Callable[[float], Matrix], start: float, stop: float, steps: int) -> Matrix:
    h = (stop - start) / steps
    middle = start + (np.arange(steps) + 0.5) * h
    outer = np.sqrt(15) / 10 * h
    a, b, c = (
        -1j * h * np.array([hamiltonian(t) for t in (middle + shift).tolist()])
        for shift in (-outer, 0.0, outer)
    )
    first, second, third = b, np.sqrt(15) / 3 * (c - a), 10 / 3 * (c - 2 * b + a)
    c1 = _commutator(first, second)
    c2 = -_commutator(first, 2 * third + c1) / 60
    exponent = first + third / 12 + _commutator(-20 * first - third + c1, second + c2) / 240
    values, vectors = np.linalg.eigh(1j * exponent)
    pieces = (vectors * np.exp(-1j * values)[:, None, :]) @ vectors.conj().swapaxes(-1, -2)
    while pieces.shape[0] > 1:
        pieces = pieces[1::2] @ pieces[::2]
    return pieces[0]


def _commutator(a: Matrix, b: Matrix) -> Matrix:
    return a @ b - b @ a
