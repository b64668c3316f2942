"""The panel propagator against exact solutions, a Runge–Kutta solver, and its own promises."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing.dynamics import interference, panels
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.reference import propagator as reference_propagator
from tests.effort import cases, slow
from tests.systems import (
    demkov_osherov,
    landau_zener,
    random_hermitian,
    random_unitary,
    schroedinger,
)


def unitarity_defect(u: np.ndarray) -> float:
    return float(np.max(np.abs(u.conj().swapaxes(-1, -2) @ u - np.eye(u.shape[-1]))))


def test_landau_zener_limit_from_sudden_to_adiabatic():
    adiabaticity = np.geomspace(1e-2, 1e3, 41)
    case = landau_zener(1.0, 1 / adiabaticity, 1e5)
    result = ac.propagate(case.hamiltonian, case.drive, tolerance=1e-12)
    assert np.max(np.abs(result.transition_matrix - case.transition_matrix)) < 1e-11
    assert unitarity_defect(result.propagator) < 1e-12


@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
@pytest.mark.parametrize("gap", [0.3, 1.0, 2.5])
def test_finite_windows_match_the_weber_solution(basis, gap):
    for reach in (1.0, 3.0, 10.0, 30.0, 100.0):
        exact = ac.formulas.finite_window(
            gap=gap, sweep_rate=1.0, start=-reach, stop=reach, basis=basis
        )
        result = ac.propagate(
            ac.models.LandauZener(gap=gap),
            ac.drive.Linear(-reach, reach, 1.0),
            basis=basis,
            tolerance=1e-12,
        )
        jump = (1, 0) if basis == "adiabatic" else (0, 0)
        assert abs(result.transition_matrix[jump] - float(exact)) < 1e-10


def test_asymmetric_window_with_unequal_rate_matches_the_weber_solution():
    exact = ac.formulas.finite_window(gap=0.8, sweep_rate=2.0, start=-1.5, stop=20.0)
    result = ac.propagate(ac.models.LandauZener(gap=0.8), ac.drive.Linear(-3.0, 40.0, 2.0))
    assert abs(result.transition_matrix[1, 0] - float(exact)) < 1e-10


@pytest.mark.parametrize(("size", "seed"), [(6, 1), slow(6, 2), slow(6, 3), slow(20, 4)])
def test_demkov_osherov_with_random_levels_couplings_and_rate(size, seed):
    rng = np.random.default_rng(seed)
    case = demkov_osherov(
        np.sort(rng.uniform(-5, 5, size - 1)),
        rng.uniform(0.1, 0.6, size - 1),
        rng.uniform(0.3, 3.0),
        # Parallel levels mix like γ²/(x Δε): close ones reach their final states this late.
        1e8,
    )
    result = ac.propagate(case.hamiltonian, case.drive, tolerance=1e-11)
    assert np.max(np.abs(result.transition_matrix - case.transition_matrix)) < 1e-10
    assert unitarity_defect(result.propagator) < 1e-12


def test_cost_does_not_grow_with_slowness_for_two_levels():
    for rate in 10.0 ** -np.arange(0, 7):
        result = ac.propagate(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1e3, 1e3, rate))
        assert result.panels <= 120


@pytest.mark.slow
def test_cost_does_not_grow_with_slowness_for_a_ladder():
    rng = np.random.default_rng(0)
    H = ac.models.DemkovOsherov(
        levels=np.sort(rng.uniform(-3, 3, 5)), couplings=rng.uniform(0.1, 0.5, 5)
    )
    for rate in 10.0 ** -np.arange(1, 7):
        assert ac.propagate(H, ac.drive.Linear(-100, 100, rate)).panels <= 300


def test_superadiabatic_readout_converges_far_faster_than_adiabatic():
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-50, 50, 1.0)
    formula = np.exp(-np.pi / 2)
    errors = {}
    for basis, element in (("superadiabatic", (1, 0)), ("adiabatic", (1, 0)), ("diabatic", (0, 0))):
        result = ac.propagate(H, drive, basis=basis, tolerance=1e-12)
        errors[basis] = abs(result.transition_matrix[element] / formula - 1)
    # The last two are the checked numbers of the finite window: 2e-5 and 6.3 %.
    assert errors["superadiabatic"] < 1e-11
    assert 1.5e-5 < errors["adiabatic"] < 2.5e-5
    assert 0.0625 < errors["diabatic"] < 0.0635


def test_tanh_ramp_against_demkov_and_kunike():
    for gap, rate in ((1.0, 1.0), (2.0, 1.5), (0.4, 3.0)):
        drive = ac.drive.Tanh(-4.0, 4.0, rate=rate, duration=400.0)
        result = ac.propagate(ac.models.LandauZener(gap=gap), drive, tolerance=1e-12)
        exact = ac.formulas.tanh_sweep(gap=gap, amplitude=4.0, width=4.0 / rate)
        assert abs(result.transition_matrix[1, 0] - float(exact)) < 1e-10


def test_narrow_crossing_away_from_every_node_is_not_missed():
    # Gap 1e-8 of the window, off centre, between levels that are far apart elsewhere.
    position, gap = 0.123456789, 1e-8
    slopes = np.diag([1.0, -1.0, 0.0])
    constant = np.diag([-position, position, 5.0])
    constant[0, 1] = constant[1, 0] = gap / 2
    rate = 1e-16
    result = ac.propagate(ac.Hamiltonian.affine(constant, slopes), ac.drive.Linear(-1, 1, rate))
    expected = np.exp(-np.pi * gap**2 / (2 * 2 * rate))
    assert abs(result.transition_matrix[1, 0] - expected) < 1e-9


def test_true_crossing_is_passed_with_certainty():
    H = ac.Hamiltonian.affine(np.diag([0.0, 0.0, 3.0]), np.diag([1.0, -1.0, 0.0]))
    for rate in (1.0, 1e-4):
        result = ac.propagate(H, ac.drive.Linear(-2, 2, rate))
        assert result.transition_matrix[1, 0] == pytest.approx(1.0, abs=1e-12)


def test_batches_equal_single_points_bit_for_bit():
    gaps, rates = np.array([[0.5], [1.0], [2.0]]), np.array([0.3, 1.0])
    batch = ac.propagate(ac.models.LandauZener(gap=gaps), ac.drive.Linear(-30, 30, rates))
    assert batch.transition_matrix.shape == (3, 2, 2, 2)
    for i, gap in enumerate(gaps[:, 0]):
        for j, rate in enumerate(rates):
            one = ac.propagate(ac.models.LandauZener(gap=gap), ac.drive.Linear(-30, 30, rate))
            assert np.array_equal(one.propagator, batch.propagator[i, j])


def test_states_at_requested_times_follow_the_reference():
    from scipy.integrate import solve_ivp

    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-6, 6, 1.0)
    times = np.linspace(-6, 6, 13)
    result = ac.propagate(H, drive, basis="diabatic", times=times, tolerance=1e-12)
    solution = solve_ivp(
        lambda t, y: -1j * (H(t) @ y),
        (-6, 6),
        np.array([1.0 + 0j, 0.0]),
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
        t_eval=times,
    )
    assert np.max(np.abs(result.states - solution.y.T)) < 1e-9
    assert np.allclose(result.populations, np.abs(result.states) ** 2)
    assert np.array_equal(result.times, times)


def test_piecewise_drive_stops_panels_at_its_knots():
    H = ac.models.LandauZener(gap=0.7)
    drive = ac.drive.Piecewise([0.0, 3.0, 5.0, 11.0], [-3.0, 2.0, -1.0, 4.0])
    result = ac.propagate(H, drive, tolerance=1e-11)
    assert np.max(np.abs(result.propagator - reference_propagator(H, drive))) < 1e-9


def test_initial_state_vector_equals_the_level_it_describes():
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, 1.0)
    _, vectors = np.linalg.eigh(H(-5.0))
    by_vector = ac.propagate(H, drive, initial=vectors[:, 1])
    by_level = ac.propagate(H, drive, initial=1)
    assert np.allclose(by_vector.probabilities, by_level.probabilities, atol=1e-14)


def test_units_enter_once():
    # 1 GHz gap and 1 GHz/ns of detuning: α and g in rad/ns are 2π times the numbers.
    H = ac.Hamiltonian.from_matrix([["x/2", 0.5], [0.5, "-x/2"]], units=ac.Units("GHz", "ns"))
    result = ac.propagate(H, ac.drive.Linear(-2000, 2000, 1.0))
    expected = np.exp(-np.pi * (2 * np.pi) ** 2 / (2 * 2 * np.pi))
    assert result.transition_matrix[1, 0] == pytest.approx(expected, abs=1e-10)


seeds = st.integers(min_value=0, max_value=2**32 - 1)


@cases(25)
@given(seed=seeds, size=st.integers(2, 5), real=st.booleans(), rate=st.floats(0.2, 5.0))
def test_random_hamiltonians_agree_with_the_reference_solver(seed, size, real, rate):
    rng = np.random.default_rng(seed)
    constant, slope = (random_hermitian(rng, size, real=real) for _ in range(2))
    drive = ac.drive.Linear(-4, 5, rate)
    result = ac.propagate(ac.Hamiltonian.affine(constant, slope), drive, tolerance=1e-11)
    assert unitarity_defect(result.propagator) < 1e-12
    expected = schroedinger.propagator(
        lambda t: constant + rate * t * slope, -4 / rate, 5 / rate, tolerance=1e-11
    )
    assert np.max(np.abs(result.propagator - expected)) < 2e-9


@cases(20)
@given(seed=seeds, size=st.integers(2, 5), decades=st.floats(-4, 1))
def test_probabilities_are_invariant_under_a_constant_change_of_basis(seed, size, decades):
    rng = np.random.default_rng(seed)
    constant, slope = random_hermitian(rng, size), random_hermitian(rng, size)
    change = random_unitary(rng, size)
    drive = ac.drive.Linear(-6, 6, 10.0**decades)
    one = ac.propagate(ac.Hamiltonian.affine(constant, slope), drive)
    other = ac.propagate(
        ac.Hamiltonian.affine(
            change @ constant @ change.conj().T, change @ slope @ change.conj().T
        ),
        drive,
    )
    assert np.max(np.abs(one.transition_matrix - other.transition_matrix)) < 5e-10
    assert unitarity_defect(one.propagator) < 1e-12


@cases(15)
@given(seed=seeds, size=st.integers(2, 4), rate=st.floats(0.05, 2.0))
def test_more_nodes_change_nothing(seed, size, rate):
    rng = np.random.default_rng(seed)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    lanes = panels.Lanes.of(H, ac.drive.Linear(-5, 5, rate))
    few = panels.solve(lanes, UnitaryKernel(size, 21), tolerance=1e-12).propagator
    many = panels.solve(lanes, UnitaryKernel(size, 33), tolerance=1e-12).propagator
    assert np.max(np.abs(few - many)) < 1e-9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"basis": "adiabatc"}, "did you mean `adiabatic`"),
        ({"tolerance": 0.0}, "between 1e-13 and 0.01"),
        ({"tolerance": float("nan")}, "finite"),
        ({"initial": 2}, "level from 0 to 1"),
        ({"initial": [1.0, 1.0]}, "norm 1"),
        ({"initial": [1.0, 0.0, 0.0]}, "shape"),
        ({"times": [0.0, 0.0]}, "increase strictly"),
        ({"breakpoints": "a"}, r"be a (real )?number"),
        ({"breakpoints": [[0.0], [1.0]]}, r"have shape \(k,\)"),
        ({"times": [0.0, 99.0]}, "lie in the window"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        ac.propagate(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, 1.0), **arguments)
    assert "\n" not in str(caught.value)


def test_hamiltonian_that_is_not_finite_or_not_hermitian_is_refused():
    drive = ac.drive.Linear(-1, 1, 1.0)
    with pytest.raises(ac.InputError, match="must be finite"):
        ac.propagate(ac.Hamiltonian.from_matrix([["1/x", 0], [0, 1]]), drive)
    skew = ac.Hamiltonian.from_function(lambda x: np.array([[x, 1.0], [0.0, -x]]))
    with pytest.raises(ac.InputError, match="Hermitian"):
        ac.propagate(skew, drive)
    with pytest.raises(ac.InputError, match="must be a Hamiltonian"):
        ac.propagate(np.eye(2), drive)
    with pytest.raises(ac.InputError, match="drive"):
        ac.propagate(ac.models.LandauZener(gap=1.0), 3.0)


def test_jump_in_a_function_costs_panels_but_no_accuracy():
    def matrix(coupling: float) -> ac.Hamiltonian:
        return ac.Hamiltonian.from_matrix([["x", coupling], [coupling, "-x"]])

    H = ac.Hamiltonian.from_function(
        lambda x: np.array([[x, 0.5], [0.5, -x]]) if x < 0.3 else np.array([[x, 2.0], [2.0, -x]])
    )
    exact = (
        ac.propagate(matrix(2.0), ac.drive.Linear(0.3, 1, 1.0)).propagator
        @ ac.propagate(matrix(0.5), ac.drive.Linear(-1, 0.3, 1.0)).propagator
    )
    result = ac.propagate(H, ac.drive.Linear(-1, 1, 1.0))
    assert np.max(np.abs(result.propagator - exact)) < 1e-10


@pytest.mark.slow
def test_noise_in_a_function_is_reported_instead_of_refined_forever():
    def matrix(x):
        value = np.full((*np.shape(x), 2, 2), 0.5)
        value[..., 0, 0], value[..., 1, 1] = x + 1e-5 * np.sin(1e9 * x), -x
        return value

    H = ac.Hamiltonian.from_function(matrix, vectorised=True)
    with pytest.raises(ac.ConvergenceError, match="noise"):
        ac.propagate(H, ac.drive.Linear(-1, 1, 1.0))


def test_function_hamiltonian_equals_the_formula():
    formula = ac.models.LandauZener(gap=0.9)
    function = ac.Hamiltonian.from_function(lambda x: 0.5 * np.array([[x, 0.9], [0.9, -x]]))
    drive = ac.drive.Linear(-8, 8, 0.5)
    assert np.allclose(
        ac.propagate(formula, drive).propagator,
        ac.propagate(function, drive).propagator,
        atol=1e-13,
    )


@pytest.mark.quick(1)
@pytest.mark.parametrize("levels", [3, 6, slow(9)])
@pytest.mark.parametrize("rate", [1e-2, 1e-6])
def test_panels_of_real_matrices_are_those_of_complex_ones(levels, rate):
    """Phases of the states make any H complex, and change nothing else."""
    rng = np.random.default_rng(levels)
    still, moving = rng.normal(size=(2, levels, levels))
    still, moving = still + still.T, np.diag(np.sort(moving.diagonal())) * levels
    phases = np.exp(1j * rng.uniform(0, 2 * np.pi, levels))
    found = []
    for turn in (np.ones(levels), phases):
        a, b = (turn[:, None] * m * turn.conj() for m in (still, moving))
        lanes = Lanes.of(ac.Hamiltonian.affine(a, b), ac.drive.Linear(-3, 3, rate))
        evolution = panels.solve(lanes, UnitaryKernel(levels), tolerance=1e-12)
        whole = turn.conj()[:, None] * evolution.propagator[0] * turn
        one = np.eye(levels, dtype=complex)[None]
        error = evolution.error + interference.of_states(lanes, evolution, one, one)
        found.append((whole, int(evolution.panels[0]), float(error[0])))
    (real, count, error), (other, number, bound) = found
    assert np.max(np.abs(np.abs(real) ** 2 - np.abs(other) ** 2)) <= error + bound < 1e-6
    assert abs(count - number) <= 0.1 * count + 1
