"""All methods alike: code for two states and for any number, phases, one state, rest."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian
from anticrossing.molecules.trajectories import Fixed, run_trajectories


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest", "mash"])
def test_the_code_for_two_states_and_one_coordinate_does_what_the_other_does(method):
    matrix = [["0.01*tanh(1.6*x)", "0.005*exp(-x**2)"], ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)"]]
    one = Hamiltonian.from_matrix(matrix)
    two = Hamiltonian.from_matrix(matrix, coordinates=["x", "y"])
    options = {"step": 10.0, "steps": 200, "count": 130, "seed": 5, "method": method, "keep": 130}
    found = run_trajectories(one, masses=2000.0, initial=Fixed(-4.0, 13.0), box=[-6.0, 6.0],
                             **options)  # fmt: skip
    other = run_trajectories(
        two, masses=[2000.0, 1.0], initial=Fixed([-4.0, 0.0], [13.0, 0.0]),
        box=[[-6.0, -1.0], [6.0, 1.0]], **options,
    )  # fmt: skip
    assert_allclose(other.final_levels, found.final_levels)
    assert_allclose(other.final_positions[:, :1], found.final_positions, atol=1e-9)
    assert_allclose(other.final_weights, found.final_weights, atol=1e-9)
    assert_allclose(other.populations.value, found.populations.value, atol=1e-9)
    assert_allclose(other.energy_drift, found.energy_drift, atol=1e-12)
    kept, same = found.trajectories(), other.trajectories()
    for name in ("weight", "level", "kinetic_energy", "potential_energy"):
        assert_allclose(same[name].values, kept[name].values, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest"])
def test_a_phase_of_the_coupling_changes_nothing(method):
    # For MASH, whose spins start at random angles, it turns the angles.
    phase = np.exp(0.7j)
    options = {
        "masses": 2000.0, "initial": Fixed(-4.0, 13.0), "step": 10.0, "steps": 150, "count": 64,
        "seed": 5, "method": method,
    }  # fmt: skip
    terms = ("0.01*tanh(1.6*x)", np.diag([1.0, -1.0])), ("0.005*exp(-x**2)",)
    real, turned = (
        run_trajectories(
            Hamiltonian.from_terms([terms[0], (*terms[1], [[0, z], [np.conj(z), 0]])]), **options
        )
        for z in (1.0, phase)
    )
    assert_allclose(turned.final_levels, real.final_levels)
    assert_allclose(turned.final_positions, real.final_positions, atol=1e-9)
    assert_allclose(turned.final_weights, real.final_weights, atol=1e-9)


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest"])
def test_one_state_moves_classically(method):
    H = Hamiltonian.from_matrix([["0.5*x**2"]])
    found = run_trajectories(
        H, masses=1.0, initial=Fixed(1.0, 0.0), step=0.001, steps=3000, count=1, seed=0,
        method=method,
    )  # fmt: skip
    assert found.final_positions[0, 0] == pytest.approx(np.cos(3.0), abs=1e-6)
    assert found.populations.value[-1] == pytest.approx(1.0, abs=1e-12)
    assert len(found.hops.time) == 0


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest", "mash"])
def test_a_trajectory_at_rest_where_nothing_pulls_stays(method):
    H = Hamiltonian.from_matrix([[1.0, 0.1], [0.1, 1.0]], coordinates=["x"])
    found = run_trajectories(
        H, masses=1.0, initial=Fixed(0.3, 0.0, state=1), step=0.1, steps=100, count=64, seed=0,
        method=method,
    )  # fmt: skip
    assert_allclose(found.final_positions, 0.3)
    assert_allclose(found.populations.value[-1], [0, 1])
    assert len(found.hops.time) == 0
