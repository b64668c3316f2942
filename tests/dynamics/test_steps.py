"""Density matrices by Taylor series of a real generator, and short panels of two levels."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import anticrossing as ac
from anticrossing.dynamics import generators, liouville
from anticrossing.dynamics.chebyshev import grid
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.lindblad import superoperator

LOWERING = np.array([[0.0, 1.0], [0.0, 0.0]])


def ladder(levels):
    return np.diag(np.sqrt(np.arange(1.0, levels)), 1)


def runge_kutta(slope, start, stop, rho):
    levels = rho.shape[0]
    found = solve_ivp(
        lambda t, y: slope(t, y.reshape(levels, levels)).ravel(),
        (start, stop),
        rho.astype(complex).ravel(),
        method="DOP853",
        rtol=1e-12,
        atol=1e-14,
    )
    return found.y[:, -1].reshape(levels, levels)


def lindblad(h, jump, rho):
    square = jump.conj().T @ jump
    change = jump @ rho @ jump.conj().T - 0.5 * (square @ rho + rho @ square)
    return change - 1j * (h @ rho - rho @ h)


def sparse(levels):
    """A chain of levels with neighbours coupled: most elements of its generator are zero."""
    chain = np.diag(np.full(levels - 1, 0.5), 1)
    return ac.Hamiltonian.affine(
        chain + chain.T, np.diag(np.arange(float(levels)))
    ), chain + chain.T


@pytest.mark.parametrize("levels", [3, slow(5), slow(8)])
def test_a_swept_chain_that_decays_agrees_with_runge_kutta(levels):
    H, chain = sparse(levels)
    diagonal, jump = np.diag(np.arange(float(levels))), 0.3 * ladder(levels)
    result = ac.propagate(
        H,
        ac.drive.Linear(-1, 1, 0.4),
        environment=ac.Lindblad([jump]),
        initial=np.eye(levels)[1],
        times=[-2.5, 0.7],
        whole=False,
    )
    rho, before = np.diag(np.eye(levels)[1]), -2.5
    seen = []
    for time in (0.7, 2.5):
        rho = runge_kutta(
            lambda t, rho: lindblad(chain + 0.4 * t * diagonal, jump, rho), before, time, rho
        )
        seen.append(rho)
        before = time
    assert result.method == "density matrices"
    assert np.array_equal(result.density_matrices[0], np.diag(np.eye(levels)[1]))
    assert np.max(np.abs(result.density_matrices[1] - seen[0])) < 1e-10
    assert np.max(np.abs(result.density_matrix - seen[1])) < 1e-10


def test_an_operator_that_moves_and_a_drive_that_turns_agree_with_runge_kutta():
    rng = np.random.default_rng(4)
    a, b = random_hermitian(rng, 3), random_hermitian(rng, 3)
    jump = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    environment = ac.Lindblad([("0.7*exp(-x**2)", jump)])
    drive = ac.drive.Formula("1.5*sin(1.3*t)", -1, 1.5)
    result = ac.propagate(
        ac.Hamiltonian.affine(a, b), drive, environment=environment, initial=2, whole=False
    )

    def slope(t, rho):
        x = 1.5 * np.sin(1.3 * t)
        return lindblad(a + x * b, 0.7 * np.exp(-(x**2)) * jump, rho)

    vector = np.linalg.eigh(a + 1.5 * np.sin(-1.3) * b)[1][:, 2]
    expected = runge_kutta(slope, -1, 1.5, np.outer(vector, vector.conj()))
    assert result.method == "density matrices"
    assert np.max(np.abs(result.density_matrix - expected)) < 1e-10


def test_no_sweep_at_all_is_the_exponential_of_the_generator():
    rng = np.random.default_rng(7)
    h, jump = random_hermitian(rng, 4), 0.4 * rng.normal(size=(4, 4))
    result = ac.propagate(
        ac.Hamiltonian.affine(h, np.eye(4)),
        ac.drive.Linear(0, 1, 0.25),
        environment=ac.Lindblad([jump]),
        basis="diabatic",
    )
    expected = expm(4 * superoperator(h, [jump]))
    assert result.method == "density matrices"
    assert np.max(np.abs(result.superoperator - expected)) < 1e-11


@pytest.mark.quick(1)
@pytest.mark.parametrize("tolerance", [1e-6, slow(1e-8), slow(1e-9)])
@pytest.mark.parametrize("strength", [0.01, 4.0])
def test_the_estimate_is_above_the_error_and_not_far_above_the_tolerance(tolerance, strength):
    rng = np.random.default_rng(11)
    a, b = random_hermitian(rng, 4), random_hermitian(rng, 4)
    jump = np.sqrt(strength) * ladder(4)
    result = ac.propagate(
        ac.Hamiltonian.affine(a, b),
        ac.drive.Linear(-2, 2, 0.3),
        environment=ac.Lindblad([jump]),
        whole=False,
        tolerance=tolerance,
    )
    vector = np.linalg.eigh(a - 2 * b)[1][:, 0]
    expected = runge_kutta(
        lambda t, rho: lindblad(a + 0.3 * t * b, jump, rho),
        *(-2 / 0.3, 2 / 0.3, np.outer(vector, vector.conj())),
    )
    error = np.max(np.abs(result.density_matrix - expected))
    assert error < result.error_estimate < 10 * tolerance


# A strength of 4 has an exceptional point at the crossing.
@pytest.mark.parametrize("strength", [slow(1e-3), 1.0, 4.0, slow(30.0)])
@pytest.mark.parametrize("rate", [10.0, slow(1.0)])
def test_fast_sweeps_of_two_levels_agree_with_runge_kutta(rate, strength):
    H, jump = ac.models.LandauZener(gap=1.0), np.sqrt(strength) * LOWERING
    result = ac.propagate(H, ac.drive.Linear(-5, 5, rate), environment=ac.Lindblad([jump]))
    still, moving = H(0.0), H(1.0) - H(0.0)
    first, last = (np.linalg.eigh(H(x))[1] for x in (-5.0, 5.0))
    expected = runge_kutta(
        lambda t, rho: lindblad(still + rate * t * moving, jump, rho),
        *(-5 / rate, 5 / rate, np.outer(first[:, 0], first[:, 0])),
    )
    error = np.max(np.abs(result.density_matrix - expected))
    assert error < float(result.error_estimate) + 1e-12
    populations = np.einsum("ia,ij,ja->a", last, expected, last).real
    assert np.allclose(result.transition_matrix[:, 0], populations, atol=1e-10)


@pytest.mark.parametrize("strength", [1e-3, 1.0])
def test_decay_within_a_panel_does_not_cut_it(strength):
    # Relaxation of 6 to 50 on a panel, which no series in its inverse describes.
    environment = ac.Lindblad([np.sqrt(strength) * LOWERING])
    for rate in (1e-2, 1e-3, 1e-4, 1e-5):
        result = ac.propagate(
            ac.models.LandauZener(gap=1.0), ac.drive.Linear(-20, 20, rate), environment=environment
        )
        assert int(result.panels) <= 16
        assert result.evaluated_panels <= 24


def test_a_short_panel_is_the_exponential_where_nothing_varies():
    rng = np.random.default_rng(2)
    points = grid(21)
    h, jump = random_hermitian(rng, 2), rng.normal(size=(2, 2))
    nodes = (1, points.size, 2, 2)
    parts = generators.sources(
        np.broadcast_to(h, nodes),
        np.broadcast_to(np.linalg.eigh(h)[1], nodes),
        None,
        [np.broadcast_to(jump.astype(complex), nodes)],
    )
    good, maps, error = generators.short_panels(parts, np.array([1.5]), points, 1e-12)
    expected = expm(3 * (liouville.commutator(h) + liouville.dissipator(jump.astype(complex))))
    assert good.all()
    assert np.max(np.abs(maps[0] - expected)) < 1e-11
    assert error[0] < 1e-11


def test_a_map_has_its_superoperator_only_where_it_is_asked():
    H, _ = sparse(3)
    sweep, environment = ac.drive.Linear(-1, 1, 1e-6), ac.Lindblad([0.1 * ladder(3)])
    one = ac.propagate(H, sweep, environment=environment, whole=False)
    assert one.method == "doubled steps"
    assert one.superoperator is None
    assert one.transition_matrix is None
