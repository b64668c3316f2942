"""Open evolution against theory, a Runge–Kutta solver, and the promises of a quantum channel."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing.dynamics.reference import open_propagator
from tests.effort import cases, slow
from tests.systems import random_hermitian
from tests.systems.lindblad import propagator as lindblad_reference

LANDAU_ZENER = ac.models.LandauZener(gap=1.0)
ENVIRONMENTS = {
    "canonical": ac.Dephasing(0.3),
    "canonical varying": ac.Dephasing("0.2 + 0.1*tanh(x)"),
    "constant rate": ac.Dephasing(rate=0.4),
    "rate of position": ac.Dephasing(rate=lambda x: 0.1 + 0.1 * x**2),
    "functions of H": ac.Dephasing(functions=[lambda e: 0.3 * e + 0.1j * e**2, np.sin]),
    "thermal, T1": ac.ThermalRelaxation(temperature=0.7, t1=3.0),
    "thermal, ohmic": ac.ThermalRelaxation(temperature=0.5, spectral_density=lambda w: 0.2 * w),
    "sum": ac.Dephasing(0.2) + ac.ThermalRelaxation(temperature=0.5, t1=5.0),
}


def lindblad(size: int) -> ac.Lindblad:
    rng = np.random.default_rng(size)
    jump = rng.normal(size=(2, size, size)) + 1j * rng.normal(size=(2, size, size))
    return ac.Lindblad([("0.3*exp(-x**2)*cos(t)", jump[0]), 0.1 * jump[1]])


@pytest.mark.parametrize(
    ("epsilon", "expected", "unit"),
    [
        (0.1, 1.824407e-2, 1e-8),
        (0.01, 1.831722e-3, 1e-9),
        (1e-4, 1.8348287e-5, 1e-12),
        (1e-6, 1.834862048e-7, 1e-16),
    ],
)
def test_checked_values_to_all_printed_digits(epsilon, expected, unit):
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-1e4, 1e4, epsilon), environment=ac.Dephasing(0.3)
    )
    # The last digit was printed rounded or cut off.
    assert abs(result.transition_matrix[1, 0] - expected) < unit
    assert result.panels <= 150


@pytest.mark.parametrize("gamma", [0.01, 0.3, 10.0])
def test_slow_limit_to_second_order(gamma):
    # Adiabatic expansion: populations obey a rate equation, p = ½(1 − e^{−2p₁}) = p₁ − p₁² + …
    epsilon = 1e-6
    first = 2 / 3 * gamma / (1 + gamma**2) * epsilon
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-1e4, 1e4, epsilon), environment=ac.Dephasing(gamma)
    )
    remainder = result.transition_matrix[1, 0] - first
    assert remainder == pytest.approx(-(first**2), rel=1e-3)


def test_remainder_is_uniform_in_gamma_and_epsilon():
    gammas = np.geomspace(0.01, 10, 7)[:, None]
    epsilons = 10.0 ** np.arange(-6, 1)
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-1e4, 1e4, epsilons), environment=ac.Dephasing(gammas)
    )
    theory = np.exp(-np.pi / (2 * epsilons)) + epsilons * 2 / 3 * gammas / (1 + gammas**2)
    ratio = np.abs(result.transition_matrix[..., 1, 0] - theory) / (gammas * epsilons**2)
    assert ratio.max() < 0.5
    assert result.panels[:, :5].max() <= 200


def test_cost_is_flat_in_slowness():
    for epsilon in 10.0 ** -np.arange(2, 7):
        result = ac.propagate(
            LANDAU_ZENER, ac.drive.Linear(-1e4, 1e4, epsilon), environment=ac.Dephasing(0.3)
        )
        assert result.panels <= 150


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("size", [2, slow(3), slow(4)])
def test_random_hamiltonians_agree_with_the_reference_solver(name, size):
    rng = np.random.default_rng(size)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    drive = ac.drive.Linear(-2, 3, 1.0)
    result = ac.propagate(H, drive, environment=ENVIRONMENTS[name], tolerance=1e-11)
    # Rates that follow the gaps of three levels leave noise in which doubling does not settle.
    noisy = size > 2 and name.startswith(("canonical", "functions", "sum"))
    reference = open_propagator if noisy else lindblad_reference
    expected = reference(H, drive, ENVIRONMENTS[name])
    assert np.max(np.abs(result.superoperator - expected)) < 1e-9


@pytest.mark.parametrize("size", [2, 3])
def test_general_operators_agree_with_the_reference_solver(size):
    rng = np.random.default_rng(10 + size)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    drive = ac.drive.Linear(-2, 3, 1.0)
    environment = lindblad(size) + ac.FixedAxisDephasing(0.2, random_hermitian(rng, size))
    result = ac.propagate(H, drive, environment=environment, tolerance=1e-11)
    expected = lindblad_reference(H, drive, environment)
    assert np.max(np.abs(result.superoperator - expected)) < 1e-9


@cases(20)
@given(
    seed=st.integers(0, 2**32 - 1),
    gamma=st.floats(0, 5),
    decades=st.floats(-6, 0.5),
    rate=st.floats(0, 2),
)
def test_two_level_evolution_is_a_channel_at_any_slowness(seed, gamma, decades, rate):
    rng = np.random.default_rng(seed)
    H = ac.Hamiltonian.affine(random_hermitian(rng, 2), random_hermitian(rng, 2))
    environment = ac.Dephasing(gamma) + ac.ThermalRelaxation(temperature=0.5, t1=1 / (rate + 1e-3))
    result = ac.propagate(H, ac.drive.Linear(-5, 5, 10**decades), environment=environment)
    assert abs(np.trace(result.density_matrix) - 1) < 1e-12
    assert np.max(np.abs(result.density_matrix - result.density_matrix.conj().T)) < 1e-12
    assert result.choi_eigenvalues().min() > -1e-10
    assert np.allclose(result.transition_matrix.sum(axis=0), 1, atol=1e-12)


@pytest.mark.quick(1)
@pytest.mark.parametrize("rate", [1.0, 1e-2, 1e-4])
def test_three_level_evolution_is_a_channel_at_any_slowness(rate):
    H = ac.models.DemkovOsherov(levels=[-1.0, 1.0], couplings=[0.3, 0.4])
    environment = ac.Dephasing(rate=0.2) + ac.ThermalRelaxation(temperature=0.5, t1=50.0)
    result = ac.propagate(H, ac.drive.Linear(-10, 10, rate), environment=environment)
    assert abs(np.trace(result.density_matrix) - 1) < 1e-12
    assert result.choi_eigenvalues().min() > -1e-10


@pytest.mark.parametrize("size", [2, 3])
def test_no_environment_strength_is_unitary_evolution(size):
    rng = np.random.default_rng(size)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    drive = ac.drive.Linear(-20, 20, 0.5)
    closed = ac.propagate(H, drive, tolerance=1e-12)
    opened = ac.propagate(H, drive, environment=ac.Dephasing(0.0), tolerance=1e-12)
    assert np.max(np.abs(opened.transition_matrix - closed.transition_matrix)) < 1e-10
    assert np.max(np.abs(opened.purity - 1)) < 1e-10


@pytest.mark.parametrize(
    ("rate", "window", "expected"), [(10, 10, 0.7837), (50, 10, 0.9338), (10, 60, 0.6815)]
)
def test_watched_pot_on_a_finite_window(rate, window, expected):
    result = ac.propagate(
        ac.models.LandauZener(gap=0.6),
        ac.drive.Linear(-window, window, 1.0),
        environment=ac.FixedAxisDephasing(rate),
        basis="diabatic",
    )
    law = 0.5 * (1 + np.exp(-8 * 0.09 * np.arctan(window / rate)))
    assert result.transition_matrix[0, 0] == pytest.approx(expected, abs=1e-3)
    assert result.transition_matrix[0, 0] == pytest.approx(law, abs=1e-3)


def test_fast_relaxation_follows_thermal_equilibrium():
    temperature = 0.8
    environment = ac.ThermalRelaxation(temperature=temperature, t1=1.0)
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-20, 2, 1e-3), environment=environment, initial=1
    )
    upper = 1 / (1 + np.exp(np.sqrt(5) / temperature))
    # Equilibrium moves on by about |dp/dt| T₁ before the level can follow.
    assert result.probabilities[1] == pytest.approx(upper, abs=1e-3)


def test_relaxation_in_a_static_field_is_exponential():
    environment = ac.ThermalRelaxation(temperature=0.01, t1=4.0)
    H = ac.Hamiltonian.from_matrix([["1 + 0*x", 0], [0, "-1"]])
    times = np.array([1.0, 2.0, 5.0])
    result = ac.propagate(
        H, ac.drive.Linear(0, 6, 1.0), environment=environment, initial=1, times=times
    )
    assert np.allclose(result.populations[:, 1], np.exp(-times / 4.0), atol=1e-10)
    assert np.allclose(result.times, times)


def test_dephasing_removes_interference_of_two_passages():
    H, drive = ac.models.LandauZener(gap=0.4), ac.drive.Piecewise([0, 60, 120], [-30, 30, -30])
    jump = np.exp(-np.pi * 0.16 / 2)
    noisy = ac.propagate(H, drive, environment=ac.Dephasing(rate=0.08))
    clean = ac.propagate(H, drive)
    classical = 2 * jump * (1 - jump)
    assert abs(clean.probabilities[1] - classical) > 0.05
    assert noisy.probabilities[1] == pytest.approx(classical, abs=0.03)


def test_batches_of_strengths_equal_single_ones():
    gammas = np.array([0.05, 0.5])
    drive = ac.drive.Linear(-50, 50, [[0.3], [1.0]])
    batch = ac.propagate(LANDAU_ZENER, drive, environment=ac.Dephasing(gammas))
    assert batch.transition_matrix.shape == (2, 2, 2, 2)
    one = ac.propagate(LANDAU_ZENER, ac.drive.Linear(-50, 50, 1.0), environment=ac.Dephasing(0.5))
    assert np.array_equal(batch.superoperator[1, 1], one.superoperator)


def test_density_matrix_as_initial_state():
    rho = np.array([[0.7, 0.2j], [-0.2j, 0.3]])
    drive = ac.drive.Linear(-3, 3, 1.0)
    result = ac.propagate(LANDAU_ZENER, drive, environment=ac.Dephasing(0.1), initial=rho)
    expected = (result.superoperator @ rho.ravel()).reshape(2, 2)
    assert np.allclose(result.density_matrix, expected, atol=1e-14)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ac.Dephasing(-0.1), "not be negative"),
        (lambda: ac.Dephasing(), "exactly one"),
        (lambda: ac.Dephasing(0.1, rate=0.2), "exactly one"),
        (lambda: ac.Dephasing(functions=[np.eye(2)]), "not a function of H"),
        (lambda: ac.Dephasing("gamm"), "unknown name"),
        (lambda: ac.FixedAxisDephasing(-1), "not be negative"),
        (lambda: ac.FixedAxisDephasing(1, [[0, 1], [0, 0]]), "Hermitian"),
        (lambda: ac.ThermalRelaxation(temperature=0.0, t1=1.0), "positive"),
        (lambda: ac.ThermalRelaxation(temperature=-1.0, t1=1.0), "positive"),
        (lambda: ac.ThermalRelaxation(temperature=1.0), "neither was given"),
        (lambda: ac.ThermalRelaxation(temperature=1.0, t1=0.0), "positive"),
        (lambda: ac.Lindblad([]), "at least one"),
        (lambda: ac.Lindblad([np.ones((2, 3))]), "square"),
    ],
)
def test_bad_environments_are_one_clear_line(build, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"environment": 0.3}, "be an Environment"),
        ({"environment": ac.FixedAxisDephasing(1, np.eye(3))}, r"shape \(2, 2\)"),
        ({"environment": ac.Lindblad([np.eye(3)])}, r"shape \(2, 2\)"),
        ({"environment": ac.Dephasing(0.1), "order": 3}, "superadiabatic"),
        ({"environment": ac.Dephasing(lambda x: -1.0 + 0 * x)}, "not negative"),
        ({"environment": ac.Dephasing(0.1), "initial": np.diag([0.5, 0.2])}, "trace 1"),
        ({"environment": ac.Dephasing(0.1), "initial": np.diag([1.5, -0.5])}, "positive"),
        (
            {"environment": ac.Dephasing(functions=[lambda e: e[..., :1]])},
            "return a number for each point",
        ),
    ],
)
def test_bad_open_problems_are_one_clear_line(arguments, message):
    with pytest.raises(ac.InputError, match=message):
        ac.propagate(LANDAU_ZENER, ac.drive.Linear(-1, 1, 1.0), **arguments)


def test_too_many_levels_say_what_larger_ones_need():
    H, sweep = ac.models.SpinInField(spin=6.5, transverse_field=0.1), ac.drive.Linear(-1, 1, 1.0)
    environment = ac.Dephasing(rate=0.1)
    with pytest.raises(ac.InputError, match="follows one initial state"):
        ac.propagate(H, sweep, environment=environment, whole=True)
    larger = ac.Hamiltonian.affine(np.zeros((257, 257)), np.eye(257))
    with pytest.raises(ac.InputError, match="trajectories"):
        ac.propagate(larger, sweep, environment=environment)
