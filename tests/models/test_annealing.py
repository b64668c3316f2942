"""Annealing against brute force over bit strings and the closed form of adiabatic search."""

import itertools

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.models import Annealing, Grover, ising_problem, transverse_field_driver


def brute_force_energies(fields, couplings):
    energies = []
    for bits in itertools.product([0, 1], repeat=len(fields)):
        spins = [1 - 2 * bit for bit in bits]
        energy = sum(h * s for h, s in zip(fields, spins, strict=True))
        energy += sum(J * spins[i] * spins[j] for (i, j), J in couplings.items())
        energies.append(energy)
    return energies


def test_ising_problem_lists_the_energy_of_every_bit_string():
    fields = [0.3, -0.7, 0.2, 1.1]
    couplings = {(0, 1): 0.5, (3, 1): -0.4, (2, 3): 0.9}
    problem = ising_problem(fields, couplings)
    np.testing.assert_allclose(np.diag(problem), brute_force_energies(fields, couplings))
    assert np.count_nonzero(problem - np.diag(np.diag(problem))) == 0


def test_ising_problem_reads_symmetric_and_triangular_arrays_alike():
    upper = np.triu(np.arange(9.0).reshape(3, 3), 1)
    np.testing.assert_array_equal(
        ising_problem(np.zeros(3), upper), ising_problem(np.zeros(3), upper + upper.T)
    )
    for bad in (np.eye(3), upper + 2 * upper.T, np.zeros((2, 2))):
        with pytest.raises(InputError, match="couplings"):
            ising_problem(np.zeros(3), bad)


@pytest.mark.parametrize("key", [(0, 0), (0, 7), (0,), "01", (0.5, 1)])
def test_ising_problem_refuses_pairs_that_are_not(key):
    with pytest.raises(InputError, match="couplings"):
        ising_problem([0.0, 0.0], {key: 1.0})


def test_driver_spectrum_is_that_of_independent_spins():
    energies = np.linalg.eigvalsh(transverse_field_driver(4))
    expected = sorted(sum(s) for s in itertools.product([-1, 1], repeat=4))
    np.testing.assert_allclose(energies, expected, atol=1e-13)


def test_annealing_interpolates_and_turns_sparse():
    problem = ising_problem(np.linspace(-1, 1, 9), {(0, 8): 1.0})
    H = Annealing(initial=transverse_field_driver(9), problem=problem)
    assert H.is_sparse
    difference = H.sparse(0.25) - (0.75 * transverse_field_driver(9) + 0.25 * problem)
    assert abs(difference).max() < 1e-15
    assert H.labels[5] == "000000101"
    with pytest.raises(InputError, match="shape"):
        Annealing(initial=np.eye(2), problem=np.eye(3))


def test_grover_gap_closed_form_in_both_representations():
    s, items = 0.37, 16
    expected = np.sqrt(1 - 4 * (1 - 1 / items) * s * (1 - s))
    reduced = np.linalg.eigvalsh(Grover(qubits=4)(s))
    full = np.linalg.eigvalsh(Grover(qubits=4, reduced=False)(s))
    assert reduced[1] - reduced[0] == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(full[:2], reduced, atol=1e-14)
    np.testing.assert_allclose(full[2:], 1.0, atol=1e-14)


def test_grover_stays_within_the_range_of_a_double():
    assert Grover(qubits=1000)(0.5).shape == (2, 2)
    with pytest.raises(InputError, match="at most 1000"):
        Grover(qubits=2000)
