"""Independent numerical reference for the closed forms: SciPy's DOP853, dense output matrices."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import solve_ivp

Matrix = np.ndarray


def _propagator(
    hamiltonian: Callable[[float], Matrix], start: float, stop: float, rtol: float = 1e-12
) -> Matrix:
    size = hamiltonian(start).shape[0]

    def rhs(t: float, y: Matrix) -> Matrix:
        return (-1j * (hamiltonian(t) @ y.reshape(size, size))).ravel()

    identity = np.eye(size, dtype=complex).ravel()
    solution = solve_ivp(rhs, (start, stop), identity, method="DOP853", rtol=rtol, atol=rtol / 10)
    assert solution.success
    return solution.y[:, -1].reshape(size, size)


@pytest.fixture
def propagator():
    """U(stop, start) of an arbitrary H(t) by DOP853."""
    return _propagator


@pytest.fixture
def adiabatic_matrix():
    """|U|² between the eigenstates (sorted by energy) of H(start) and H(stop)."""

    def compute(hamiltonian, start, stop, rtol=1e-12):
        u = _propagator(hamiltonian, start, stop, rtol)
        first = np.linalg.eigh(hamiltonian(start))[1]
        last = np.linalg.eigh(hamiltonian(stop))[1]
        return np.abs(last.conj().T @ u @ first) ** 2

    return compute


@pytest.fixture
def two_level():
    """H = ½ [[ε(t), g(t)], [g(t), −ε(t)]] from two functions or numbers."""

    def build(detuning, coupling):
        def hamiltonian(t):
            e = detuning(t) if callable(detuning) else detuning
            g = coupling(t) if callable(coupling) else coupling
            return 0.5 * np.array([[e, g], [g, -e]])

        return hamiltonian

    return build
