"""The N-level panel engine for Lindblad equations, on its own: two levels go through it too."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import panels
from anticrossing.dynamics._elimination import surviving
from anticrossing.dynamics._stacks import inverse_cayley
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.open_kernels import SuperoperatorKernel
from anticrossing.dynamics.reference import open_propagator, propagator
from tests.effort import slow
from tests.systems import lindblad, random_hermitian


def solve(hamiltonian, drive, environment, tolerance=1e-11):
    """Return the map ρ → ρ in the original basis, and the number of panels."""
    kernel = SuperoperatorKernel(environment, hamiltonian.dimension)
    evolution = panels.solve(Lanes.of(hamiltonian, drive), kernel, tolerance=tolerance)
    return evolution.propagator[0], int(evolution.panels[0])


def transitions(hamiltonian, drive, change):
    """Return probabilities [final, initial] between the eigenstates of H at the two ends."""
    levels = hamiltonian.dimension
    _, first = np.linalg.eigh(hamiltonian(float(drive(drive.start_time))))
    _, last = np.linalg.eigh(hamiltonian(float(drive(drive.stop_time))))
    before = np.einsum("ai,bi->abi", first, first.conj()).reshape(levels**2, levels)
    after = np.einsum("ai,bi->abi", last, last.conj()).reshape(levels**2, levels)
    return (after.conj().T @ change @ before).real


def check_channel(change):
    """The map keeps the trace and Hermiticity, and is completely positive."""
    levels = round(np.sqrt(change.shape[0]))
    trace = np.eye(levels).ravel()
    assert np.max(np.abs(trace @ change - trace)) < 1e-12
    tensor = change.reshape(levels, levels, levels, levels)
    assert np.max(np.abs(tensor - tensor.transpose(1, 0, 3, 2).conj())) < 1e-12
    choi = tensor.transpose(0, 2, 1, 3).reshape(levels**2, levels**2)
    assert np.linalg.eigvalsh(choi).min() > -1e-10


def operators(size):
    """A Hermitian axis, and jump operators without any symmetry."""
    rng = np.random.default_rng(100 + size)
    jump = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    return random_hermitian(rng, size), jump


def moderate(size):
    axis, jump = operators(size)
    return {
        "canonical": ac.Dephasing(0.3),
        "constant rate": ac.Dephasing(rate=0.4),
        "thermal": ac.ThermalRelaxation(temperature=0.7, t1=5.0),
        "fixed axis": ac.FixedAxisDephasing(0.3, axis),
        "jumps": ac.Lindblad([("0.3*exp(-x**2/4)", jump)]),
        "sum": ac.Dephasing(rate=0.2)
        + ac.ThermalRelaxation(temperature=0.7, t1=4.0)
        + ac.FixedAxisDephasing(0.1, axis),
    }


def stiff(size):
    axis, jump = operators(size)
    return {
        "constant rate": ac.Dephasing(rate=30.0),
        "thermal": ac.ThermalRelaxation(temperature=0.7, t1=0.05),
        "fixed axis": ac.FixedAxisDephasing(30.0, axis),
        "lowering": ac.Lindblad([(3.0, np.triu(np.ones((size, size)), 1)), (0.3, jump)]),
    }


@pytest.mark.quick(5)
@pytest.mark.parametrize("name", moderate(2))
@pytest.mark.parametrize("size", [2, slow(3), slow(4)])
def test_moderate_rates_agree_with_the_reference_solver(size, name):
    rng = np.random.default_rng(size)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    drive, environment = ac.drive.Linear(-3, 3, 0.7), moderate(size)[name]
    change, _ = solve(H, drive, environment)
    # Rates that follow the gaps of three levels leave noise in which doubling does not settle.
    stepwise = (name, size) == ("sum", 2) or (name == "canonical" and size > 2)
    reference = open_propagator if stepwise else lindblad.propagator
    assert np.max(np.abs(change - reference(H, drive, environment))) < 1e-9
    check_channel(change)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "name"),
    [
        *((2, name) for name in ("thermal", "lowering")),
        *(slow(2, name) for name in ("constant rate", "fixed axis")),
        *(slow(3, name) for name in stiff(3)),
    ],
)
def test_decay_far_faster_than_the_sweep_agrees_with_the_reference_solver(size, name):
    rng = np.random.default_rng(size)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    drive, environment = ac.drive.Linear(-4, 4, 0.5), stiff(size)[name]
    change, _ = solve(H, drive, environment)
    expected = open_propagator(H, drive, environment, rtol=1e-10, atol=1e-12)
    assert np.max(np.abs(change - expected)) < 1e-9
    check_channel(change)


@pytest.mark.parametrize("size", [2, slow(3), slow(4)])
def test_without_strength_the_map_is_unitary_conjugation(size):
    rng = np.random.default_rng(size)
    H = ac.Hamiltonian.affine(random_hermitian(rng, size), random_hermitian(rng, size))
    drive = ac.drive.Linear(-4, 4, 0.7)
    u = propagator(H, drive)
    change, _ = solve(H, drive, ac.Dephasing(0.0))
    assert np.max(np.abs(change - np.kron(u, u.conj()))) < 1e-10


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("epsilon", "expected", "digits"),
    [
        (0.1, 1.824407e-2, 3e-7),
        (0.01, 1.831722e-3, 3e-7),
        (1e-4, 1.8348287e-5, 3e-8),
        # Rounding of ρ itself, kept in the original basis, is 2e-8 of this probability.
        (1e-6, 1.834862048e-7, 5e-8),
    ],
)
def test_dephasing_landau_zener_at_any_slowness(epsilon, expected, digits):
    # p = exp(−π/2ε) + (2/3) ε γ/(1 + γ²) + O(γε²), Avron, Fraas, Graf and Grech (2011).
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1e4, 1e4, epsilon)
    change, count = solve(H, drive, ac.Dephasing(0.3))
    p = transitions(H, drive, change)[1, 0]
    assert p == pytest.approx(expected, rel=digits)
    theory = np.exp(-np.pi / (2 * epsilon)) + 2 / 3 * epsilon * 0.3 / 1.09
    assert abs(p - theory) < 0.12 * 0.3 * epsilon**2 + 5e-15
    assert count <= 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        ac.Dephasing(rate=0.3),
        ac.Dephasing(functions=[lambda e: 0.3 * e]),
        ac.ThermalRelaxation(temperature=1.0, t1=10.0),
        ac.ThermalRelaxation(temperature=1.0, spectral_density=lambda w: 1e-3 * w),
    ],
)
def test_cost_is_flat_for_three_levels(environment):
    H = ac.models.DemkovOsherov(levels=[-1.0, 1.2], couplings=[0.4, 0.5])
    for epsilon in (1e-2, 1e-4, 1e-6):
        change, count = solve(H, ac.drive.Linear(-30, 30, epsilon), environment)
        assert count <= 60
        check_channel(change)


@pytest.mark.slow
def test_first_order_of_dephasing_between_three_levels():
    # A pair (0, j) leaves level 0 at the rate 2Γ|⟨j|∂ₜ0⟩|²/(Γ² + ω²), to first order in ε.
    H, rate = ac.models.DemkovOsherov(levels=[-1.0, 1.2], couplings=[0.4, 0.5]), 0.3
    x = np.linspace(-30, 30, 600_001)
    energies, vectors = np.linalg.eigh(H(x))
    slope = vectors.conj().swapaxes(-1, -2) @ H.derivative(x) @ vectors
    omega = energies[:, 1:] - energies[:, :1]
    density = 2 * rate * np.abs(slope[:, 1:, 0] / omega) ** 2 / (rate**2 + omega**2)
    first_order = np.trapezoid(density, x, axis=0)
    epsilon = 1e-5
    drive = ac.drive.Linear(-30, 30, epsilon)
    change, _ = solve(H, drive, ac.Dephasing(rate=rate))
    found = transitions(H, drive, change)[1:, 0] / epsilon
    # The second order also feeds level 2 from level 1.
    assert np.allclose(found, first_order, rtol=1e-3)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-6])
def test_fast_relaxation_ends_in_the_gibbs_state(epsilon):
    H, temperature = ac.models.DemkovOsherov(levels=[-1.0, 1.2], couplings=[0.4, 0.5]), 0.8
    drive = ac.drive.Linear(-30, 1, epsilon)
    change, count = solve(H, drive, ac.ThermalRelaxation(temperature=temperature, t1=1.0))
    energies = np.linalg.eigvalsh(H(1.0))
    gibbs = np.exp(-(energies - energies[0]) / temperature)
    gibbs /= gibbs.sum()
    found = transitions(H, drive, change)
    # Populations lag behind equilibrium by its change within T₁.
    assert np.max(np.abs(found - gibbs[:, None])) < epsilon
    assert count <= 80


def test_frozen_by_strong_dephasing_along_a_fixed_axis():
    # Two decaying coherences keep one combination alive: dropping them because each decays alone
    # would give 1/2 here.
    H, drive = ac.models.LandauZener(gap=0.6), ac.drive.Linear(-10, 10, 1.0)
    change, _ = solve(H, drive, ac.FixedAxisDephasing(1e3))
    law = 0.5 * (1 + np.exp(-8 * 0.09 * np.arctan(10 / 1e3)))
    assert change[0, 0].real == pytest.approx(law, abs=1e-6)
    check_channel(change)


@pytest.mark.parametrize("far", [1e3, 1e6])
def test_a_spectator_level_far_away_changes_nothing(far):
    constant = np.array([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, far]])
    slope = np.diag([-0.5, 0.5, 0.0])
    drive, environment = ac.drive.Linear(-20, 20, 1.0), ac.Dephasing(rate=0.1)
    three, _ = solve(ac.Hamiltonian.affine(constant, slope), drive, environment)
    two, _ = solve(ac.Hamiltonian.affine(constant[:2, :2], slope[:2, :2]), drive, environment)
    inside = np.array([0, 1, 3, 4])
    assert np.max(np.abs(three[np.ix_(inside, inside)] - two)) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        slow(ac.Dephasing(functions=[lambda e: 0.3 * e])),
        ac.FixedAxisDephasing(0.3, np.diag(range(4))),
    ],
)
def test_levels_degenerate_for_ever(environment):
    H = ac.Hamiltonian.affine(
        np.kron([[0.0, 0.5], [0.5, 0.0]], np.eye(2)), np.kron(np.diag([0.5, -0.5]), np.eye(2))
    )
    drive = ac.drive.Linear(-6, 6, 1.0)
    change, _ = solve(H, drive, environment)
    assert np.max(np.abs(change - open_propagator(H, drive, environment))) < 1e-9


@pytest.mark.slow
def test_levels_that_cross_without_coupling():
    constant = np.array([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.4]])
    H = ac.Hamiltonian.affine(constant, np.diag([1.0, -1.0, 0.3]))
    drive, environment = ac.drive.Linear(-6, 6, 1.0), ac.Dephasing(functions=[lambda e: 0.3 * e])
    change, _ = solve(H, drive, environment)
    assert np.max(np.abs(change - open_propagator(H, drive, environment))) < 1e-9


def test_elements_that_decay_each_alone_may_live_together():
    # Two elements that decay at 40 on [−1, 1]. Coupled by ±39.9 their sum lives; coupled by a
    # rotation of any strength both are gone, which the sums of rows do not tell.
    nodes = grid(9)
    for coupling, alive in (([0.0, 0.0], 0), ([39.9, 39.9], 1), ([500.0, -500.0], 0)):
        generator = np.diag([0.0, -40.0, -40.0]).astype(complex)
        generator[1, 2], generator[2, 1] = coupling
        kept = surviving(np.tile(generator, (1, nodes.size, 1, 1)), nodes)[0]
        assert np.all(kept[1:, 1:] == alive)
        assert np.all(kept[0] == 1)


def test_a_frame_that_is_a_reflection_has_no_exponent_and_raises_nothing():
    # −1 is an eigenvalue: q + 1 is singular, by rounding at times to the last digit.
    reflection, turn = np.diag([1.0, -1.0, 1.0]), np.eye(3)
    turn[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    s = inverse_cayley(np.array([[reflection, turn]], dtype=complex))[0]
    assert np.all(s[0] == 0)
    one = np.eye(3)
    assert np.linalg.solve(one - s[1] / 2, one + s[1] / 2) == pytest.approx(turn, abs=1e-15)
