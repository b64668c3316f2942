"""Levels that stay close: the same cost at any rate, and what rounding leaves is said."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.models.spin import spin_matrices
from tests.effort import slow

TURN = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
COUPLING, REACH = 0.3, 20.0


def runge_kutta(hamiltonian, reach, rate):
    """|U|² between eigenstates at both ends, by DOP853."""
    n = hamiltonian.dimension
    constant, slope = hamiltonian(0.0), hamiltonian(1.0) - hamiltonian(0.0)
    first, last = (np.linalg.eigh(hamiltonian(x))[1] for x in (-reach, reach))
    solved = solve_ivp(
        lambda x, y: (-1j / rate * ((constant + x * slope) @ y.reshape(n, n))).ravel(),
        (-reach, reach),
        first.astype(complex).ravel(),
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    )
    return np.abs(last.conj().T @ solved.y[:, -1].reshape(n, n)) ** 2


def doublets(splitting):
    """Two doublets that cross, coupled so that both stay doublets."""
    upper, lower = splitting * np.diag([0.5, -0.5]), splitting * np.diag([0.35, -0.35])
    constant = np.block([[upper, COUPLING * TURN], [COUPLING * TURN.T, lower]])
    return ac.Hamiltonian.affine(constant, np.diag([0.5, 0.5, -0.5, -0.5])), upper, lower


def lower_doublet(splitting, rate):
    """The lower doublet of a slow sweep on its own: the upper one is met by e^(-πg²/2α) only.

    Both crossings have the same gap, so its frame does not turn, and up to the square of the
    splitting its Hamiltonian is that of the diabatic doublets in the shares it has of them.
    """
    _, upper, lower = doublets(splitting)
    turned = TURN @ lower @ TURN.T

    def h(x):
        share = 0.5 * (1 - x / np.hypot(x, 2 * COUPLING))
        return share * upper + (1 - share) * turned

    first, last = (np.linalg.eigh(h(x))[1] for x in (-REACH, REACH))
    solved = solve_ivp(
        lambda x, y: -1j / rate * (h(x) @ y),
        (-REACH, REACH),
        first[:, 0].astype(complex),
        method="DOP853",
        rtol=1e-13,
        atol=1e-15,
        max_step=0.05,
    )
    return np.abs(last.T @ solved.y[:, -1]) ** 2


@pytest.mark.parametrize("splitting", [1e-2, 1e-7])
def test_doublets_against_a_runge_kutta_method(splitting):
    hamiltonian = doublets(splitting)[0]
    result = ac.propagate(hamiltonian, ac.drive.Linear(-5, 5, rate=0.3))
    difference = np.max(np.abs(result.transition_matrix - runge_kutta(hamiltonian, 5.0, 0.3)))
    assert difference < 1e-9 + result.error_estimate


@pytest.mark.quick(3)
@pytest.mark.parametrize(
    ("splitting", "rate"),
    [
        slow(1e-7, 1e-4),
        slow(1e-7, 1e-6),
        (1e-7, 1e-8),
        (1e-9, 1e-5),
        slow(1e-9, 1e-8),
        slow(1e-9, 1e-9),
    ],
)
def test_slow_doublets_against_the_lower_one_alone(splitting, rate):
    result = ac.propagate(doublets(splitting)[0], ac.drive.Linear(-REACH, REACH, rate=rate))
    exact = lower_doublet(splitting, rate)
    error = np.max(np.abs(result.transition_matrix[:2, 0] - exact))
    # Doubles of 10 know a splitting to 1e-15, and read-out states to 1e-15 / splitting.
    assert error <= result.error_estimate < 1e-14 / splitting * max(1.0, 1e2 * splitting / rate)
    assert np.max(result.transition_matrix[2:, :2]) < 1e-12


def test_doublets_cost_the_same_at_any_rate():
    rates = 10.0 ** np.arange(-3, -11, -1)
    for splitting in (1e-7, 1e-9):
        drive = ac.drive.Linear(-REACH, REACH, rate=rates)
        panels = ac.propagate(doublets(splitting)[0], drive).panels
        assert panels.max() <= 24
        assert panels.max() <= 3 * panels.min()


def spin_ten():
    """A molecular magnet in kelvin, tesla and microseconds: easy axis z, hard axis x."""
    s_x, s_z = spin_matrices(10)
    two = np.linalg.matrix_power(2 * np.triu(s_x), 2)
    return -0.275 * s_z @ s_z + 0.023 * (two + two.T), 1.3434 * s_z


def tunnel_splitting(matrix):
    """The distance of the two lowest levels from 50 digits."""
    with mpmath.workdps(50):
        energies = mpmath.eigsy(mpmath.matrix(matrix.tolist()), eigvals_only=True)
        return float(energies[1] - energies[0])


def test_a_spin_of_ten_tunnels_at_any_rate():
    constant, slope = spin_ten()
    units = ac.Units("K", "us")
    hamiltonian = ac.Hamiltonian.affine(constant, slope, units=units)
    gap = units.angular * tunnel_splitting(constant[::2, ::2])  # m even
    ground = np.linalg.eigh(constant + 0.001 * slope)[1][:, :2]
    apart = abs(float(np.diff(np.einsum("ij,ik,kj->j", ground, slope, ground))[0]))
    panels = []
    for rate in (1e-1, 1e-5, 1e-9):
        result = ac.propagate(hamiltonian, ac.drive.Linear(-0.02, 0.02, rate=rate))
        alpha = units.angular * apart * rate
        tunnelled = -np.expm1(-np.pi * gap**2 / (2 * alpha))
        assert result.transition_matrix[0, 0] == pytest.approx(tunnelled, rel=1e-5)
        assert abs(result.transition_matrix[0, 0] - tunnelled) < result.error_estimate < 1e-6
        panels.append(int(result.panels))
    assert max(panels) <= 24
    assert max(panels) <= 3 * min(panels)


def quadrupole():
    """A spin 3/2 without a field: two Kramers pairs, with distance 2√((x·1)² + c²)."""
    s_x, s_z = spin_matrices(1.5)
    raising = 2 * np.triu(s_x)
    rhombic = 0.5 * (raising @ raising + (raising @ raising).T)
    constant = 0.3 * rhombic + 0.2 * (s_x @ s_z + s_z @ s_x)
    return ac.Hamiltonian.affine(constant, s_z @ s_z - 1.25 * np.eye(4))


def test_kramers_pairs_jump_together_like_two_levels():
    # The five quadrupoles anticommute: a straight line among them is one passage of both pairs.
    hamiltonian = quadrupole()
    gap = np.diff(np.linalg.eigvalsh(hamiltonian(0.0)))[1]
    panels = []
    for rate in (2.0, 1.0, 0.5, 1e-2, 1e-5, 1e-8):
        result = ac.propagate(hamiltonian, ac.drive.Linear(-10, 10, rate=rate))
        sums = result.transition_matrix[2:, :2].sum(axis=0)
        if rate >= 0.5:
            exact = ac.formulas.finite_window(
                gap=gap, sweep_rate=2 * rate, start=-10 / rate, stop=10 / rate
            )
            assert np.max(np.abs(sums - float(exact.value))) < 1e-10
        else:
            assert np.max(sums) < 1e-3 * rate  # what the ends of the window leave
        panels.append(int(result.panels))
    assert max(panels) <= 3 * min(panels)


def test_sectors_that_cross_inside_a_doublet():
    # Two passages of equal gap; a small slope lets their levels cross at x = 0. No element of the
    # matrix is zero.
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)))[0]
    sigma_x, sigma_z = np.array([[0, 0.3], [0.3, 0]]), np.diag([0.5, -0.5])
    constant = np.kron(np.eye(2), sigma_x)
    slope = np.kron(np.eye(2), sigma_z) + 1e-7 * np.kron(np.diag([1.0, -1.0]), np.eye(2))
    hamiltonian = ac.Hamiltonian.affine(turn @ constant @ turn.T, turn @ slope @ turn.T)
    for rate in (0.2, 1e-4, 1e-7, 1e-10):
        result = ac.propagate(hamiltonian, ac.drive.Linear(-10, 10, rate=rate))
        jump = 0.0
        if rate > 0.1:
            jump = float(
                ac.formulas.finite_window(
                    gap=0.6, sweep_rate=rate, start=-10 / rate, stop=10 / rate
                ).value
            )
        # From the lowest level: its sector's levels end as the second and the fourth.
        expected = [0.0, 1 - jump, 0.0, jump]
        error = np.max(np.abs(result.transition_matrix[:, 0] - expected))
        assert error <= result.error_estimate + 1e-3 * rate * (rate < 0.1)
        assert result.error_estimate < 1e-6
        assert result.panels <= 24


def bands(size, width):
    draw = np.random.default_rng(size)
    coupling = 0.3 * draw.normal(size=(size, size)) / np.sqrt(size)
    inside = (np.diag(width * draw.uniform(-1, 1, size)) for _ in range(2))
    upper, lower = inside
    constant = np.block([[upper, coupling], [coupling.T, lower]])
    return ac.Hamiltonian.affine(constant, np.diag([0.5] * size + [-0.5] * size))


@pytest.mark.parametrize("size", [4, slow(20)])
def test_two_bands_that_cross(size):
    hamiltonian = bands(size, 1e-3)
    fast = ac.propagate(hamiltonian, ac.drive.Linear(-5, 5, rate=1.0))
    reference = runge_kutta(hamiltonian, 5.0, 1.0)
    assert np.max(np.abs(fast.transition_matrix - reference)) < 1e-9
    panels = []
    for rate in (1e-3, 1e-5, 1e-7):
        result = ac.propagate(hamiltonian, ac.drive.Linear(-5, 5, rate=rate))
        if result.method == "superadiabatic panels":  # not steps, where these are cheaper
            panels.append(int(result.panels))
        assert result.error_estimate < 1e-8
        assert np.allclose(result.transition_matrix.sum(axis=0), 1.0, atol=1e-12)
    assert len(panels) >= 2
    assert max(panels) <= 3 * min(panels)
