"""Independent numerical reference for the closed forms: Magnus steps, with NumPy alone."""

import numpy as np
import pytest

from tests.systems import schroedinger


@pytest.fixture
def propagator():
    """U(stop, start) of an arbitrary H(t)."""
    return schroedinger.propagator


@pytest.fixture
def adiabatic_matrix():
    """|U|² between the eigenstates (sorted by energy) of H(start) and H(stop)."""

    def compute(hamiltonian, start, stop, rtol=1e-12):
        u = schroedinger.propagator(hamiltonian, start, stop, rtol)
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
