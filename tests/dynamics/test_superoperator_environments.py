"""Environments in no Lindblad form: here a Lindblad one that hides its form."""

import numpy as np
import pytest

from anticrossing import Hamiltonian, propagate
from anticrossing.drive import Linear
from anticrossing.dynamics import liouville
from anticrossing.environment import Dephasing, Environment, Lindblad
from tests.effort import slow


class Hidden(Environment):
    """The same equation as that of another environment, as a superoperator."""

    keeps_positivity = False

    def __init__(self, inner):
        self.inner = inner

    def eigen_rates(self, nodes):
        return None

    def jump_operators(self, nodes):
        return []

    def superoperator(self, nodes):
        total = sum(liouville.dissipator(jump) for jump in self.inner.jump_operators(nodes))
        rates = self.inner.eigen_rates(nodes)
        if rates is not None:
            total = total + liouville.in_basis(liouville.eigen_generator(rates), nodes.vectors)
        return total


def problem(levels, rate):
    generator = np.random.default_rng(levels)
    coupling = generator.normal(size=(levels, levels)) / levels
    constant = coupling + coupling.T
    slopes = np.diag(np.arange(levels) - 0.5 * (levels - 1))
    decay = np.triu(np.ones((levels, levels)), 1)
    environment = Lindblad([(0.2, slopes), (0.3, decay)]) + Dephasing(rate=0.05)
    hamiltonian = Hamiltonian.from_terms([("1", constant), ("x", slopes)])
    return hamiltonian, Linear(start=-15.0, stop=15.0, rate=rate), environment


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("levels", "rate"), [(2, 1.0), (2, 1e-3), (2, 1e-6), (3, 1.0), slow(3, 1e-4), (4, 30.0)]
)
def test_the_whole_map_is_the_same_in_either_form(levels, rate):
    hamiltonian, drive, environment = problem(levels, rate)
    plain = propagate(hamiltonian, drive, environment=environment)
    hidden = propagate(hamiltonian, drive, environment=Hidden(environment))
    assert np.abs(plain.superoperator - hidden.superoperator).max() < 1e-9
    assert hidden.error_estimate < 1e-6


@pytest.mark.slow
def test_one_state_of_many_levels_is_the_same_in_either_form():
    hamiltonian, drive, environment = problem(13, 300.0)
    found = [
        propagate(hamiltonian, drive, environment=each, initial=0, whole=False).probabilities
        for each in (environment, Hidden(environment))
    ]
    assert np.abs(found[0] - found[1]).max() < 1e-9
