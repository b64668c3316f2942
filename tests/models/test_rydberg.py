"""A chain of Rydberg atoms against Kronecker products and the blockade."""

import functools

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.models import RydbergChain
from anticrossing.spectrum import levels


def kron(*matrices):
    return functools.reduce(np.kron, matrices)


@pytest.mark.parametrize("periodic", [False, True])
def test_it_equals_its_kronecker_products(periodic):
    x, n, one = np.array([[0, 1], [1, 0]]), np.diag([0, 1]), np.eye(2)
    atoms, omega, detuning, v = 4, 0.7, 0.3, 5.0
    expected = np.zeros((16, 16))
    for i in range(atoms):
        place = [one] * atoms
        place[i] = omega / 2 * x - detuning * n
        expected += kron(*place)
        for j in range(i + 1, atoms):
            place = [one] * atoms
            place[i] = place[j] = n
            far = min(j - i, atoms - (j - i)) if periodic else j - i
            expected += v / far**6 * kron(*place)
    H = RydbergChain(sites=atoms, rabi_frequency=omega, interaction=v, periodic=periodic)
    np.testing.assert_allclose(H(detuning), expected, atol=1e-14)


def test_blockaded_pairs_oscillate_faster_by_the_root_of_two():
    # With V → ∞ two atoms are two levels coupled by √2 Ω/2, up to Ω²/V.
    energies = levels(RydbergChain(sites=2, rabi_frequency=1.0, interaction=1e7), 0.0)
    assert energies[2] - energies[0] == pytest.approx(np.sqrt(2), abs=1e-6)


def test_a_long_chain_is_sparse_and_a_wrong_one_refused():
    assert RydbergChain(sites=8, rabi_frequency=1.0, interaction=2.0).is_sparse
    with pytest.raises(InputError, match="`sites` must be at least 2"):
        RydbergChain(sites=1, rabi_frequency=1.0, interaction=2.0)
