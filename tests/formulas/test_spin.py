import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    finite_window,
    ising_chain_defects,
    ising_mode_excitation,
    landau_zener,
    spin_landau_zener,
)
from tests.effort import slow


def spin_matrices(spin):
    m = np.arange(spin, -spin - 1, -1)
    raising = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    return 0.5 * (raising + raising.T), (raising - raising.T) / 2j, np.diag(m)


@pytest.mark.parametrize("spin", [0.5, 1, 1.5, 3, 10])
def test_matrix_is_that_of_a_rotation(spin):
    """|d^S(β)|² from the exponential of S_y, with cos²(β/2) the two-level probability."""
    for gap in (0.1, 0.8, 1.5):
        p = landau_zener(gap=gap, sweep_rate=1.0).value
        beta = 2 * np.arccos(np.sqrt(p))
        expected = np.abs(expm(-1j * beta * spin_matrices(spin)[1])) ** 2
        matrix = spin_landau_zener(spin=spin, gap=gap, sweep_rate=1.0, basis="diabatic").value
        assert np.allclose(matrix, expected, atol=1e-12)


def test_spin_three_halves_against_the_equation_of_motion(adiabatic_matrix):
    s_x, _, s_z = spin_matrices(1.5)
    numeric = adiabatic_matrix(lambda t: 0.8 * t * s_z + 0.9 * s_x, -50.0, 50.0, 1e-9)
    exact = spin_landau_zener(spin=1.5, gap=0.9, sweep_rate=0.8)
    # the ends: the two-level error g α/(α T)³-like, in amplitude, times a few
    assert np.max(np.abs(numeric - exact.transition_matrix)) < 1e-3


def test_spin_half_is_the_two_level_problem():
    matrix = spin_landau_zener(spin=0.5, gap=1.0, sweep_rate=1.0).transition_matrix
    exact = finite_window(gap=1.0, sweep_rate=1.0, start=-1e4, stop=1e4).transition_matrix
    assert np.allclose(matrix, exact, atol=1e-8)


def test_large_spin_stays_a_probability():
    matrix = spin_landau_zener(spin=60, gap=[0.3, 1.2], sweep_rate=1.0).transition_matrix
    assert matrix.shape == (2, 121, 121)
    assert np.allclose(matrix.sum(axis=-1), 1, atol=1e-11)
    assert np.all(matrix >= 0)


def quench(exchange, quench_time, momenta):
    """Excitation of every mode at the end of the quench, all modes in one integration."""
    gap = 4 * exchange * np.sin(momenta)

    def detuning(t):
        return 4 * exchange * (-t / quench_time - np.cos(momenta))

    def rhs(t, y):
        a, b = y.reshape(2, -1)
        e = detuning(t)
        return np.concatenate((-0.5j * (e * a + gap * b), -0.5j * (gap * a - e * b)))

    angle = np.arctan2(gap, detuning(-10 * quench_time)) / 2
    start = np.concatenate((-np.sin(angle), np.cos(angle))).astype(complex)
    span = (-10 * quench_time, 0.0)
    a, b = solve_ivp(rhs, span, start, method="DOP853", rtol=1e-8).y[:, -1].reshape(2, -1)
    angle = np.arctan2(gap, detuning(0.0)) / 2
    return np.abs(np.cos(angle) * a + np.sin(angle) * b) ** 2


@pytest.mark.parametrize("quench_time", [5.0, slow(20.0)])
def test_ising_defects_against_the_equation_of_motion(quench_time):
    momenta = (np.arange(128) + 0.5) * np.pi / 128
    excited = quench(1.0, quench_time, momenta)
    result = ising_chain_defects(exchange=1.0, quench_time=quench_time, sites=256)
    assert result.value == pytest.approx(excited.mean(), rel=0.01)
    assert result.valid
    modes = ising_mode_excitation(momentum=momenta[:6], exchange=1.0, quench_time=quench_time)
    assert np.max(np.abs(modes.value - excited[:6])) < 5e-3
    assert modes.valid


def test_defects_are_the_integral_over_modes():
    k = np.linspace(0, np.pi / 2, 20001)
    modes = ising_mode_excitation(momentum=k, exchange=0.5, quench_time=400.0).value
    integral = np.sum(0.5 * (modes[1:] + modes[:-1]) * np.diff(k)) / np.pi
    result = ising_chain_defects(exchange=0.5, quench_time=400.0)
    assert result.value == pytest.approx(integral, rel=5e-4)


def test_defects_scale_with_the_square_root_of_the_rate():
    times = np.array([10.0, 40.0, 160.0])
    density = ising_chain_defects(exchange=1.0, quench_time=times).value
    assert np.allclose(density[1:] / density[:-1], 0.5)


def test_domain_of_the_scaling_law():
    assert not ising_chain_defects(exchange=1.0, quench_time=1.0).valid
    assert "shorter" in ising_chain_defects(exchange=1.0, quench_time=1e4, sites=50).warnings[0]
    assert not ising_mode_excitation(momentum=2.0, exchange=1.0, quench_time=50.0).valid


@pytest.mark.parametrize("spin", [0, -0.5, 0.7])
def test_bad_spin(spin):
    with pytest.raises(InputError, match="multiple of 1/2"):
        spin_landau_zener(spin=spin, gap=1.0, sweep_rate=1.0)


def test_bad_quench():
    with pytest.raises(InputError, match="quench_time"):
        ising_chain_defects(exchange=1.0, quench_time=0.0)
    assert ising_chain_defects(exchange=1.0, quench_time=10.0, sites=2).warnings
    with pytest.raises(InputError, match="sites"):
        ising_chain_defects(exchange=1.0, quench_time=10.0, sites=1)
