"""Adiabatic states and amplitudes along a path."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian
from anticrossing.molecules.trajectories import Fixed, run_trajectories
from tests.molecules.trajectories.random_vibronic import vibronic


@pytest.mark.slow
def test_levels_of_many_states_along_a_trajectory():
    H = vibronic(modes=3, states=6)
    found = run_trajectories(
        H, masses=1 / H.frequencies, initial=Fixed([1.0, -0.5, 0.3], 0.5, state=5), step=0.01,
        steps=400, count=8, seed=1, method="fssh", keep=8, every=40,
    )  # fmt: skip
    kept = found.trajectories()
    energies = np.linalg.eigvalsh(H(kept.position.values))
    active = np.take_along_axis(energies, kept.level.values[..., None], axis=-1)[..., 0]
    assert_allclose(kept.potential_energy.values, active, atol=1e-12)
    assert_allclose(kept.weight.values.sum(axis=-1), 1.0, atol=1e-12)


@pytest.mark.slow
def test_the_wave_function_is_that_of_the_diabatic_equation():
    from scipy.integrate import solve_ivp

    # Masses so large that the path is a straight line: i ψ' = H(x0 + v t) ψ.
    H = vibronic(modes=2, states=3)
    x0, v, stop = np.array([-1.0, 0.5]), np.array([0.8, -0.3]), 4.0
    psi = np.array([0, 1, 0], dtype=complex)
    exact = solve_ivp(lambda t, y: -1j * H(x0 + v * t) @ y, (0, stop), psi, rtol=1e-11, atol=1e-12)
    errors = []
    for steps in (400, 800):
        found = run_trajectories(
            H, masses=1e12, initial=Fixed(x0, 1e12 * v, state=1, basis="diabatic"),
            step=stop / steps, steps=steps, count=1, seed=0, method="ehrenfest",
        )  # fmt: skip
        expected = np.abs(exact.y[:, -1]) ** 2
        errors.append(np.abs(found.diabatic_populations.value[-1] - expected).max())
    assert errors[1] < 2e-5
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("states", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_degenerate_levels_are_not_mixed_by_rounding(states):
    # Behind the crossing both levels fall onto 100, to the last digit, and the coupling vanishes.
    fall = "0.01/(1 + exp(2*x))"
    matrix = np.zeros((states, states), dtype=object)
    matrix[:2, :2] = [
        [f"100 + {fall}", "0.004*exp(-x**2)"], ["0.004*exp(-x**2)", f"100 - 0.7*{fall}"]
    ]  # fmt: skip
    if states == 3:
        matrix[2, 2] = "100.05"
    for method in ("fssh", "landau-zener", "mash")[: 4 - states + 1]:
        found = run_trajectories(
            Hamiltonian.from_matrix(matrix.tolist()), masses=2000.0, initial=Fixed(-5.0, 20.0),
            step=10.0, steps=1500, every=10, count=192, seed=1, log=100, method=method,
        )  # fmt: skip
        late = found.position.value[:, 0] > 25.0
        assert late.sum() > 50
        # The gap only falls: it has no minimum.
        assert (found.populations.value[-1, 0] < 0.9) == (method != "landau-zener")
        assert np.ptp(found.populations.value[late], axis=0).max() == 0.0
        assert found.hops.count("followed") == 0
        assert np.all(found.hops.time < 1000.0)
        if method != "mash":
            diabatic = found.diabatic_populations.value[late]
            assert np.ptp(diabatic, axis=0).max() < 1e-13


@pytest.mark.slow
def test_norms_and_eigenvectors_survive_many_steps():
    H = vibronic(modes=1, states=3)
    found = run_trajectories(
        H, masses=1 / H.frequencies, initial=Fixed(1.0, 0.0, state=1), step=0.02, steps=100_000,
        count=2, seed=1,
    )  # fmt: skip
    assert np.abs(found.final_weights.sum(axis=1) - 1).max() < 1e-10
    assert_allclose(found.diabatic_populations.value.sum(axis=1), 1.0, atol=1e-10)
