"""Free fermions: propagators against other solvers, states against the whole Fock space."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import GaussianState, evolve_fermions, star
from anticrossing.dynamics.reference import propagator as reference_propagator
from tests.effort import slow
from tests.systems import random_hermitian, random_unitary
from tests.systems.fermions import lowering_operators

PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "reference_data" / "driven_level.json").read_text()
)["occupation"]
LEVELS = np.arange(1.0, 10.0)


def gibbs_in_fock_space(h: np.ndarray, beta: float, mu: float) -> np.ndarray:
    c = lowering_operators(len(h))
    many = sum(
        (h[i, j] - mu * (i == j)) * c[i].T @ c[j]
        for i, j in itertools.product(range(len(h)), repeat=2)
    )
    values, vectors = np.linalg.eigh(many)
    weights = np.exp(-beta * (values - values[0]))
    return (vectors * (weights / weights.sum())) @ vectors.conj().T


def entropy_of(rho: np.ndarray) -> float:
    p = np.linalg.eigvalsh(rho)
    p = p[p > 1e-300]
    return float(-np.sum(p * np.log(p)))


def driven(level_count=9, coupling=0.2):
    return ac.models.DemkovOsherov(
        levels=np.arange(1.0, level_count + 1), couplings=np.full(level_count, coupling)
    )


# ---- the propagator of a star -------------------------------------------------------------------


def test_occupation_of_the_driven_level_is_the_published_one():
    fermi = 1 / (np.exp(1.2 * (LEVELS - 3)) + 1)
    times = np.array([float(key) for key in PUBLISHED["p_grid01"]])
    evolution = evolve_fermions(
        driven(),
        ac.drive.Linear(0, 10, rate=1.0),
        state=GaussianState.product([1.0, *fermi]),
        times=times,
    )
    published = np.array(list(PUBLISHED["p_grid01"].values()))
    assert evolution.method == "star"
    assert np.max(np.abs(evolution.occupations[:, 0] - published)) < 1e-12
    assert evolution.error_estimate < 1e-11


@pytest.mark.parametrize(
    "sweep",
    [
        slow(ac.drive.Linear(-4, 6, rate=1.3)),
        ac.drive.Linear(6, -4, rate=-0.7),
        slow(ac.drive.Sinusoidal(offset=2.0, amplitude=3.0, frequency=1.1, stop_time=9.0)),
        slow(ac.drive.Piecewise([0, 2, 3, 7], [0, 4, 4, 1])),
    ],
)
@pytest.mark.slow
def test_star_general_solver_and_runge_kutta_agree(sweep):
    hamiltonian = driven(5, 0.3)
    state = GaussianState.product([0.3, 0.9, 0.7, 0.5, 0.2, 0.1])
    fast = evolve_fermions(hamiltonian, sweep, state=state, method="star")
    general = evolve_fermions(hamiltonian, sweep, state=state, method="panels", tolerance=1e-12)
    slow = reference_propagator(hamiltonian, sweep, rtol=1e-13)
    assert np.max(np.abs(fast.propagator - slow)) < 1e-10
    assert np.max(np.abs(fast.propagator - general.propagator)) < 1e-10
    for name in ("occupations", "currents", "energy", "mode_energies"):
        assert np.max(np.abs(getattr(fast, name) - getattr(general, name))) < 1e-10


@pytest.mark.parametrize("rate", [0.3, slow(1e-2), slow(2e-3)])
def test_steps_of_the_general_solver_agree_with_the_star(rate):
    """Where it does not go by superadiabatic panels, a star of 80 and more panels is dearer."""
    state = GaussianState.product(np.linspace(0.0, 1.0, 10))
    for sweep in (
        ac.drive.Linear(0, 10, rate=rate),
        ac.drive.Sinusoidal(offset=4.0, amplitude=3.0, frequency=1.3 * rate, stop_time=9 / rate),
    ):
        times = np.linspace(float(sweep.start_time), float(sweep.stop_time), 4)
        asked = {"state": state, "times": times}
        star, general = (
            evolve_fermions(driven(), sweep, method=method, **asked)
            for method in ("star", "panels")
        )
        for name in ("occupations", "currents", "mode_energies"):
            apart = np.abs(getattr(star, name) - getattr(general, name))
            assert np.max(apart) < 1e-11
        squares = np.abs(star.propagator) ** 2 - np.abs(general.propagator) ** 2
        assert np.max(np.abs(squares)) <= star.error_estimate + general.error_estimate
        # Of so many steps, that each of them is rounded is most of it.
        assert general.error_estimate < 1e-11 + 3 * star.error_estimate


def test_star_with_several_complex_driven_levels_in_other_places():
    rng = np.random.default_rng(3)
    constant = np.diag(np.linspace(-3, 3, 9)).astype(complex)
    moving = [2, 7]
    fixed = [k for k in range(9) if k not in moving]
    coupling = rng.normal(size=(7, 2)) + 1j * rng.normal(size=(7, 2))
    constant[np.ix_(fixed, moving)] = 0.2 * coupling
    constant[np.ix_(moving, fixed)] = 0.2 * coupling.conj().T
    constant[2, 7], constant[7, 2] = 0.1 + 0.2j, 0.1 - 0.2j
    slope = np.zeros((9, 9))
    slope[2, 2], slope[7, 7] = 1.0, -0.6
    hamiltonian = ac.Hamiltonian.affine(constant, slope, units=ac.Units(energy="MHz", time="us"))
    sweep = ac.drive.Linear(-2, 2, rate=3.0)
    state = GaussianState.thermal(hamiltonian(-2.0), temperature=1 / 0.7, chemical_potential=0.2)
    fast = evolve_fermions(hamiltonian, sweep, state=state, times=[-0.5, 0.1, 0.6])
    general = evolve_fermions(
        hamiltonian, sweep, state=state, times=[-0.5, 0.1, 0.6], method="panels", tolerance=1e-12
    )
    assert (fast.method, general.method) == ("star", "panels")
    assert np.max(np.abs(fast.propagator - general.propagator)) < 1e-10
    assert np.max(np.abs(fast.occupations - general.occupations)) < 1e-10
    assert np.max(np.abs(fast.currents - general.currents)) < 1e-8
    assert np.max(np.abs(fast.energy - general.energy)) < 1e-10


@pytest.mark.parametrize("method", [slow("star"), "panels"])
@pytest.mark.parametrize("times", [slow(None), [-3.0, -1.0, 0.5, 4.0]])
def test_the_propagator_has_the_phase_of_what_all_levels_share(method, times):
    constant, slope = np.diag([8.7, 8.2, 9.3, 10.0, 7.9]), np.diag(np.eye(5)[0])
    constant[0, 1:] = constant[1:, 0] = 0.2, 0.3, -0.1, 0.2
    hamiltonian, state = ac.Hamiltonian.affine(constant, slope), GaussianState.product(np.eye(5)[0])
    sweep = ac.drive.Linear(-3, 4, rate=1.0)
    evolution = evolve_fermions(hamiltonian, sweep, state=state, times=times, method=method)
    exact = reference_propagator(hamiltonian, sweep)
    np.testing.assert_allclose(evolution.propagator, exact, atol=1e-9)


@pytest.mark.parametrize("offset", [slow(0.0), slow(1e9), -1e12])
@pytest.mark.parametrize("method", [slow("star"), slow("panels")])
def test_a_short_pulse_of_the_driven_level_and_an_offset(method, offset):
    """Off resonance until a pulse of a thousandth of the window tunes the level to another."""
    levels, start, length = np.array([0.0, 1.7, 3.1, 4.0]), -6.0, 2e3
    constant = np.diag([0.0, *levels])
    constant[0, 1:] = constant[1:, 0] = 0.3
    bare = [(1, constant), ("x", np.diag([1.0, 0, 0, 0, 0]))]
    shifted = ac.Hamiltonian.from_terms([*bare, (offset, np.eye(5))])
    pulse = ac.drive.Formula(f"{start}+6*exp(-(t-613.7)**2/2)", 0.0, length)
    state = GaussianState.product([1.0, 0.0, 0.5, 0.2, 0.0])
    found = evolve_fermions(shifted, pulse, state=state, method=method)
    assert found.method == method
    busy = reference_propagator(
        ac.Hamiltonian.from_terms(bare),
        ac.drive.Formula(f"{start}+6*exp(-t**2/2)", -12.0, 12.0),
        rtol=1e-13,
    )
    rest = ac.Hamiltonian.from_terms(bare)(start)
    energies, vectors = np.linalg.eigh(rest)

    def wait(time):
        return (vectors * np.exp(-1j * energies * time)) @ vectors.T

    whole = wait(length - 613.7 - 12) @ busy @ wait(613.7 - 12)
    g = whole @ np.diag([1.0, 0.0, 0.5, 0.2, 0.0]) @ whole.conj().T
    currents = 2 * (rest @ g).diagonal().imag
    assert np.max(np.abs(found.occupations[-1] - g.diagonal().real)) < 1e-9
    assert np.max(np.abs(found.currents[-1] - currents)) < 1e-9
    assert found.occupations[-1, 0] < 0.9


@pytest.mark.slow
def test_two_hundred_levels_stay_unitary_and_cost_few_panels():
    levels = np.arange(1.0, 201.0)
    arms = star.Star(
        lambda t: np.asarray(t, dtype=complex)[:, None, None], levels, np.full((200, 1), 0.2 + 0j)
    )
    (piece,) = star.evolve(arms, 95.0, np.array([105.0]), np.array([]))
    defect = piece.propagator.conj().T @ piece.propagator - np.eye(201)
    assert np.max(np.abs(defect)) < 1e-12
    assert piece.panels <= 20
    column = reference_column(levels, 95.0, 105.0)
    assert np.max(np.abs(piece.propagator[:, 0] - column)) < 1e-9


def reference_column(levels, start, stop):
    """The driven level's amplitude through the band, by Runge–Kutta."""
    from scipy.integrate import solve_ivp

    def slope(t, y):
        out = np.concatenate([[t * y[0] + 0.2 * y[1:].sum()], levels * y[1:] + 0.2 * y[0]])
        return -1j * out

    initial = np.eye(201, dtype=complex)[0]
    solution = solve_ivp(slope, (start, stop), initial, method="DOP853", rtol=1e-12, atol=1e-13)
    return solution.y[:, -1]


def test_a_kink_that_is_not_announced_is_found_by_halving():
    def level(t):
        return np.abs(np.asarray(t) - 1 / 3)[:, None, None].astype(complex)

    arms = star.Star(level, np.array([0.1, 0.5]), np.full((2, 1), 0.3 + 0j))
    (hidden,) = star.evolve(arms, 0.0, np.array([1.0]), np.array([]))
    (told,) = star.evolve(arms, 0.0, np.array([1.0]), np.array([1 / 3]))
    assert told.panels == 2 < hidden.panels
    assert np.max(np.abs(hidden.propagator - told.propagator)) < 1e-10


# ---- observables and states ---------------------------------------------------------------------


def test_currents_are_rates_of_change_and_conserve_particles():
    state = GaussianState.thermal(driven(4)(0.0), temperature=1 / 1.2, chemical_potential=2.0)
    step = 1e-4
    result = evolve_fermions(
        driven(4), ac.drive.Linear(0, 5, rate=1.0), state=state, times=[2.2 - step, 2.2, 2.2 + step]
    )
    slope = (result.occupations[2] - result.occupations[0]) / (2 * step)
    assert np.max(np.abs(slope - result.currents[1])) < 1e-7
    assert np.max(np.abs(result.currents.sum(axis=1))) < 1e-13
    # dE/dt = ⟨∂H/∂t⟩, here the occupation of the driven level (rate one).
    power = (result.energy[2] - result.energy[0]) / (2 * step)
    assert abs(power - result.occupations[1, 0]) < 1e-7


def test_entropies_and_energy_match_the_fock_space():
    rng = np.random.default_rng(8)
    h = random_hermitian(rng, 5)
    state = GaussianState.thermal(h, temperature=1 / 0.8, chemical_potential=0.3)
    rho = gibbs_in_fock_space(h, 0.8, 0.3)
    c = lowering_operators(5)
    correlations = [[np.trace(rho @ c[j].T @ c[i]) for j in range(5)] for i in range(5)]
    assert np.max(np.abs(state.correlation_matrix - correlations)) < 1e-13
    assert abs(state.entropy() - entropy_of(rho)) < 1e-12
    # Jordan–Wigner strings do not reach into the first modes, so their partial trace is the part.
    part = np.einsum("iaja->ij", rho.reshape(4, 8, 4, 8))
    rest = np.einsum("aiaj->ij", rho.reshape(4, 8, 4, 8))
    assert abs(state.entropy([0, 1]) - entropy_of(part)) < 1e-12
    assert abs(state.entropy([2, 3, 4]) - entropy_of(rest)) < 1e-12
    information = entropy_of(part) + entropy_of(rest) - entropy_of(rho)
    assert abs(state.mutual_information([0, 1], [2, 3, 4]) - information) < 1e-12
    assert abs(state.energy(h) - np.trace(rho @ _second_quantised(h, c)).real) < 1e-12


def _second_quantised(h, c):
    return sum(h[i, j] * c[i].T @ c[j] for i in range(len(h)) for j in range(len(h)))


def test_evolution_keeps_the_entropy_of_the_whole():
    rng = np.random.default_rng(5)
    state = GaussianState.product(rng.uniform(size=6))
    moved = state.evolved(random_unitary(rng, 6))
    assert abs(moved.entropy() - state.entropy()) < 1e-12
    assert abs(moved.particle_number - state.particle_number) < 1e-12
    assert moved.mutual_information([0, 2], [1, 3, 4, 5]) > 0
    assert state.mutual_information([0, 2], [1, 3, 4, 5]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianState([[1.2]]), "eigenvalues in \\[0, 1\\]"),
        (lambda: GaussianState([[0.5, 1], [0, 0.5]]), "Hermitian"),
        (lambda: GaussianState.product([0.2, 1.1]), "lie between 0 and 1"),
        (lambda: GaussianState.product([]), "at least one number"),
        (lambda: GaussianState.thermal([[1.0]], temperature=-1), "`temperature` must be positive"),
        (lambda: GaussianState.product([0.1, 0.2]).entropy([2]), "from 0 to 1"),
        (lambda: GaussianState.product([0.1, 0.2]).entropy([]), "at least one mode"),
        (lambda: GaussianState.product([0.1, 0.2]).mutual_information([0], [0]), "not share"),
        (lambda: GaussianState.product([0.1, 0.2]).entropy([0, [1]]), "integer"),
        (lambda: GaussianState.product([0.1, 0.2]).evolved(np.eye(3)), "shape \\(2, 2\\)"),
        (lambda: GaussianState.product([0.1, 0.2]).evolved(2 * np.eye(2)), "be unitary"),
        (lambda: GaussianState.product([0.1, 0.2]).evolved("one"), "array of numbers"),
        (lambda: GaussianState.product([0.1, 0.2]).energy(np.eye(3)), "shape \\(2, 2\\)"),
    ],
)
def test_states_refuse_what_is_not_one(call, message):
    with pytest.raises(ac.InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state": GaussianState.product([1.0])}, "have 10 modes"),
        ({"state": [1.0] * 10}, "be a GaussianState"),
        ({"times": [0, 11]}, "must lie in the window"),
        ({"times": [3, 2]}, "increase"),
        ({"times": []}, "have shape"),
        ({"method": "stars"}, "did you mean `star`"),
        ({"tolerance": 1}, "tolerance"),
        ({"drive": ac.drive.Linear(0, [5.0, 10.0], rate=1.0)}, "single parameter point"),
    ],
)
def test_evolution_refuses_bad_input_before_work(change, message):
    arguments = {
        "hamiltonian": driven(),
        "drive": ac.drive.Linear(0, 10, rate=1.0),
        "state": GaussianState.product(np.full(10, 0.5)),
    }
    with pytest.raises(ac.InputError, match=message):
        evolve_fermions(**(arguments | change))


def test_states_do_not_follow_changes_of_the_argument():
    matrix = np.diag([0.5, 0.25]).astype(complex)
    state = GaussianState(matrix)
    matrix[0, 0] = 9.0
    assert state.occupations.tolist() == [0.5, 0.25]
    with pytest.raises(ValueError, match="read-only"):
        state.correlation_matrix[0, 0] = 9.0


def test_rough_solutions_still_give_a_state():
    """The general solver at a tolerance so loose that its propagator is not quite unitary."""
    evolution = evolve_fermions(
        driven(),
        ac.drive.Linear(0, 10, rate=1.0),
        state=GaussianState.product(np.full(10, 0.5)),
        method="panels",
        tolerance=1e-2,
    )
    assert evolution.state.particle_number == pytest.approx(5.0, abs=1e-2)


def test_a_star_refuses_a_drive_of_a_billion_panels():
    with pytest.raises(ac.ConvergenceError, match="method 'panels'"):
        evolve_fermions(
            driven(),
            ac.drive.Linear(0, 10, rate=1e-9),
            state=GaussianState.product(np.full(10, 0.5)),
            method="star",
        )


def test_general_hamiltonians_are_not_stars():
    rng = np.random.default_rng(4)
    hamiltonian = ac.Hamiltonian.affine(random_hermitian(rng, 5), np.diag([1.0, 0, 0, 0, 0]))
    state = GaussianState.product(np.full(5, 0.5))
    sweep = ac.drive.Linear(-1, 1, rate=1.0)
    assert evolve_fermions(hamiltonian, sweep, state=state).method == "panels"
    with pytest.raises(ac.InputError, match="make a star"):
        evolve_fermions(hamiltonian, sweep, state=state, method="star")
    slow = ac.drive.Linear(0, 10, rate=1e-4)
    chosen = evolve_fermions(driven(), slow, state=GaussianState.product(np.full(10, 0.5)))
    assert chosen.method == "panels"
