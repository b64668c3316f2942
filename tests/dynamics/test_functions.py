"""H given by a Python function of one point: how often it is called, and that nothing is lost."""

import numpy as np
import pytest

import anticrossing as ac
from tests.effort import slow


class Counted:
    """A sweep through a crossing, with or without a pulse, that counts its calls."""

    def __init__(self, offset=0.0, width=None):
        self.calls, self.offset, self.width = 0, offset, width

    def __call__(self, x):
        self.calls += 1
        coupling = 0.5
        if self.width is not None:
            coupling += 0.2 * np.exp(-(((x - 3.1) / self.width) ** 2)) / self.width
        return np.array([[x, coupling], [coupling, -x]]) / 2 + self.offset * np.eye(2)


@pytest.mark.parametrize(("offset", "most"), [slow(0.0, 18_000), (1e3, 27_000)])
def test_many_times_do_not_multiply_calls(offset, most):
    sweep, times = ac.drive.Linear(-20, 20, rate=1.0), np.linspace(-20, 20, 301)
    matrix = Counted(offset)
    found = ac.propagate(ac.Hamiltonian.from_function(matrix), sweep, times=times)
    # The nodes of 300 panels, some 4000 places between them, and last digits, of an offset too.
    assert matrix.calls < most
    exact = ac.propagate(
        ac.Hamiltonian.affine(matrix(0.0), np.diag([0.5, -0.5])), sweep, times=times
    )
    bound = found.error_estimate + exact.error_estimate
    assert np.max(np.abs(found.populations - exact.populations)) < bound < 1e-6


@pytest.mark.slow
def test_a_pulse_is_seen_between_many_times_as_well():
    sweep, times = ac.drive.Linear(-20, 20, rate=1.0), np.linspace(-20, 20, 301)
    matrix = Counted(width=0.02)
    written = ac.Hamiltonian.from_matrix(
        [["x/2", "c + 0.1*exp(-((x-3.1)/w)**2)/w"], ["c + 0.1*exp(-((x-3.1)/w)**2)/w", "-x/2"]],
        parameters={"c": 0.25, "w": 0.02},
    )
    exact = ac.propagate(written, sweep)
    for when in (None, times):
        found = ac.propagate(ac.Hamiltonian.from_function(matrix), sweep, times=when)
        assert np.max(np.abs(found.transition_matrix - exact.transition_matrix)) < 1e-9


def test_a_batch_and_an_environment_call_it_alike():
    rates = np.array([0.5, 2.0])
    sweep = ac.drive.Linear(-8, 8, rate=rates)
    function = ac.Hamiltonian.from_function(
        lambda x, g: np.array([[x, g], [g, -x]]) / 2, parameters={"g": 0.7}
    )
    written = ac.models.LandauZener(gap=0.7)
    for environment in (None, ac.Dephasing(rate=0.1)):
        one, other = (ac.propagate(H, sweep, environment=environment) for H in (function, written))
        assert np.max(np.abs(one.transition_matrix - other.transition_matrix)) < 1e-9
