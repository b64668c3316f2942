"""What open evolution may be off by: fast rates beside slow ones, and interference on the way."""

import mpmath as mp
import numpy as np
import pytest

import anticrossing as ac
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.stiff_lindblad import StiffLindblad

SIGMA_X, SIGMA_Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
LOWERING = np.array([[0.0, 1.0], [0.0, 0.0]])
LANDAU_ZENER = ac.models.LandauZener(gap=1.0)
TILTED = np.cos(0.7) * SIGMA_Z + np.sin(0.7) * SIGMA_X


def largest_error(result, still, moving, x, expected):
    """Of ρ and of the populations at the end."""
    vectors = np.linalg.eigh(still + x * moving)[1]
    populations = np.einsum("ia,ij,ja->a", vectors.conj(), expected, vectors).real
    return max(
        np.max(np.abs(result.density_matrix - expected)),
        np.max(np.abs(result.probabilities - populations)),
    )


@pytest.mark.parametrize(
    "fast",
    [
        TILTED,
        slow(SIGMA_Z),
        slow(LOWERING),
        slow(TILTED @ LOWERING @ TILTED),
        slow(TILTED + 0.5j * SIGMA_Z),
    ],
)
@pytest.mark.parametrize("strength", [1e4, 1e8])
@pytest.mark.parametrize("weak", [1e-2, 1.0])
def test_slow_rates_keep_their_digits_beside_fast_ones(fast, strength, weak):
    # Rounded fast rates of 10⁸ would put the populations off by 10⁸ times the unit over the slow
    # rate. The sweep lags behind the steady state by some 10⁻¹².
    jumps = [np.sqrt(strength) * fast, np.sqrt(weak) * LOWERING]
    rate = 1e-12 * strength * weak**2
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-5, 5, rate), environment=ac.Lindblad(jumps)
    )
    still, moving = 0.5 * SIGMA_X, 0.5 * SIGMA_Z
    expected = StiffLindblad(still, moving, jumps).steady(5.0)
    error = largest_error(result, still, moving, 5.0, expected)
    assert error < 5e-12
    assert result.error_estimate < 1e-10
    assert result.panels <= 16


def drawn(seed):
    """H = A + xB of two or three levels, a fast and a slow jump operator, and a sweep."""
    rng = np.random.default_rng(seed)
    levels = 2 + seed % 2
    still, moving = random_hermitian(rng, levels), random_hermitian(rng, levels)
    fast, weak = 10 ** rng.uniform(5, 9), 10 ** rng.uniform(-2, 0.5)
    turn = np.linalg.qr(random_hermitian(rng, levels))[0]
    free = rng.normal(size=(levels, levels)) + 1j * rng.normal(size=(levels, levels))
    step = np.zeros((levels, levels))
    step[0, -1] = 1.0
    axis = turn @ np.diag(rng.normal(size=levels)) @ turn.conj().T
    strong = (
        0.5 * (axis + axis.conj().T),
        turn @ step @ turn.conj().T,
        turn @ np.diag(np.diag(free)) @ turn.conj().T,
        free,
    )[seed // 2 % 4]
    jumps = [np.sqrt(fast) * strong, np.sqrt(weak) * random_hermitian(rng, levels)]
    if seed % 3:
        jumps[1] = np.sqrt(weak) * (step.T if seed % 3 == 1 else free.T)
    return still, moving, jumps, rng.uniform(1, 3), 10 ** rng.uniform(-1, 0.5), fast


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *map(slow, range(1, 56))])
def test_the_estimate_holds_beside_fast_rates(seed):
    still, moving, jumps, x, rate, fast = drawn(seed)
    result = ac.propagate(
        ac.Hamiltonian.affine(still, moving),
        ac.drive.Linear(-x, x, rate),
        environment=ac.Lindblad(jumps),
    )
    ground = np.linalg.eigh(still - x * moving)[1][:, 0]
    expected = StiffLindblad(still, moving, jumps).evolve(
        np.outer(ground, ground.conj()), -x, x, rate, shortest=rate / fast, phase=2.0
    )
    error = largest_error(result, still, moving, x, expected)
    assert error <= float(result.error_estimate)
    assert error < 1e-11


@pytest.mark.quick(1)
@pytest.mark.parametrize("strength", [1e6, 1e9, 1e12])
@pytest.mark.parametrize("levels", [2, 3, slow(4)])
def test_watched_levels_hop_at_the_rates_of_second_order_alone(strength, levels):
    # 2|H_ij|²/|…| of coherences that decay at ½|l_i − l_j|² and turn by Im(l_i l_j*). The
    # populations' own elements of the generator cancel: ‖L‖² = 10⁹ left rates of 10⁻⁷ there.
    for seed in range(4):
        rng = np.random.default_rng([seed, levels])
        turn = np.linalg.qr(random_hermitian(rng, levels))[0]
        watched = np.sqrt(strength) * (rng.normal(size=levels) + 1j * rng.normal(size=levels))
        still, moving = random_hermitian(rng, levels), random_hermitian(rng, levels)
        result = ac.propagate(
            ac.Hamiltonian.affine(*(turn @ m @ turn.conj().T for m in (still, moving))),
            ac.drive.Linear(-1, 1, 1.0),
            environment=ac.Lindblad([turn @ np.diag(watched) @ turn.conj().T]),
            initial=turn[:, 0],
        )
        hops = np.zeros((levels, levels))
        for x, weight in zip(*np.polynomial.legendre.leggauss(4), strict=True):
            h = still + x * moving
            energies = np.diag(h).real
            decay = 0.5 * np.abs(watched[:, None] - watched) ** 2 + np.eye(levels)
            turning = (watched[:, None] * watched.conj()).imag - (energies[:, None] - energies)
            hops += weight * 2 * np.abs(h) ** 2 * decay / (decay**2 + turning**2)
        np.fill_diagonal(hops, 0.0)
        expected = hops[:, 0] - np.eye(levels)[0] * hops[:, 0].sum()
        found = np.diag(turn.conj().T @ result.density_matrix @ turn).real - np.eye(levels)[0]
        error, size = np.max(np.abs(found - expected)), np.max(np.abs(expected))
        said = float(result.error_estimate) if result.warnings else 0.0
        assert error <= max(1e-13, said) + 2 * size**2  # hops there and back


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_an_offset_of_a_hermitian_jump_operator_does_nothing(levels, offset):
    rng = np.random.default_rng(levels)
    still, moving, jump = (random_hermitian(rng, levels) for _ in range(3))
    jump = np.round(jump * 4) / 4
    jump -= np.trace(jump).real / levels * np.eye(levels)
    given = jump + offset * np.eye(levels)
    given = 0.5 * (given + given.conj().T)
    hamiltonian, sweep = ac.Hamiltonian.affine(still, moving), ac.drive.Linear(-1, 1, rate=1.0)
    for whole in (None, False):
        plain, shifted = (
            ac.propagate(hamiltonian, sweep, environment=ac.Lindblad([operator]), whole=whole)
            for operator in (jump, given)
        )
        error = np.max(np.abs(plain.density_matrix - shifted.density_matrix))
        assert error < 1e-11 + 4e-16 * offset  # what the sum of both in doubles means
        assert error < shifted.error_estimate + 4e-16 * offset


def beating(seed):
    """An H = xM, whose eigenstates stand still: ρ at any time in closed form, and the result."""
    rng = np.random.default_rng(seed)
    matrix = random_hermitian(rng, 2)
    first, rate, duration = rng.uniform(1, 3), 10 ** rng.uniform(-2, 1), 10 ** rng.uniform(2, 7)
    drive = ac.drive.Linear(first, first + rate * duration, rate)
    start, stop = float(drive.start_time), float(drive.stop_time)
    decay = rng.uniform(5, 60) / (stop - start)
    times = start + (stop - start) * np.sort(rng.uniform(0.001, 0.3, 3))
    vector = rng.normal(size=2) + 1j * rng.normal(size=2)
    vector /= np.linalg.norm(vector)
    level = seed % 2
    result = ac.propagate(
        ac.Hamiltonian.affine(np.zeros((2, 2)), matrix),
        drive,
        environment=ac.Dephasing(rate=decay),
        initial=vector if seed % 3 else level,
        times=times,
        basis="diabatic",
    )
    with mp.workdps(40):
        exact = mp.matrix([[mp.mpc(complex(value)) for value in row] for row in matrix])
        energies, vectors = mp.eighe(exact)
        given = vector if seed % 3 else np.eye(2)[level]
        parts = vectors.H * mp.matrix([mp.mpc(complex(value)) for value in given])
        populations = []
        for time in (*times, stop):
            passed = mp.mpf(float(time)) - mp.mpf(start)
            angle = mp.mpf(first) * passed + mp.mpf(rate) * passed**2 / 2
            coherence = parts[0] * mp.conj(parts[1]) * mp.exp(-mp.mpf(decay) * passed)
            coherence *= mp.expj((energies[1] - energies[0]) * angle)
            rho = mp.matrix(
                [[abs(parts[0]) ** 2, coherence], [mp.conj(coherence), abs(parts[1]) ** 2]]
            )
            seen = vectors * rho * vectors.H
            populations.append([float(mp.re(seen[k, k])) for k in range(2)])
    return result, np.array(populations)


@pytest.mark.parametrize("seeds", [range(10), slow(range(10, 110))])
def test_the_estimate_holds_for_what_relaxes_before_the_end(seeds):
    telling = 0
    for seed in seeds:
        result, expected = beating(seed)
        found = np.concatenate([result.populations, result.probabilities[None]])
        error, estimate = np.max(np.abs(found - expected)), float(result.error_estimate)
        assert error <= estimate
        telling += error > 0.01 * estimate
    assert telling >= len(seeds) // 3  # else nothing would be tested


def test_the_estimate_holds_for_a_superposition_without_environment():
    # Its two parts interfere in the crossing, half of a phase of 5·10⁷ after the start.
    with mp.workdps(50):
        turn, half = mp.expj(-mp.pi / 4), mp.mpf(1) / 2

        def solution(t, sign):
            z = sign * turn * t
            one = mp.pcfd(mp.j / 4 - 1, z)
            slope = sign * turn * (z / 2 * one - mp.pcfd(mp.j / 4, z))
            return [one, (mp.j * slope - t / 2 * one) / half]

        end = mp.mpf(10) ** 4
        first, last = (mp.matrix([solution(t, s) for s in (1, -1)]).T for t in (-end, end))
        vector = mp.matrix([mp.mpf(0.6), mp.mpc(0, 0.8)])
        exact = float(abs((last * mp.lu_solve(first, vector))[0]) ** 2)
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-1e4, 1e4, 1.0), initial=[0.6, 0.8j], basis="diabatic"
    )
    error = abs(result.probabilities[0] - exact)
    assert 1e-10 < error <= float(result.error_estimate) < 1e-7


def test_no_estimate_exceeds_one():
    for environment in (None, ac.Dephasing(rate=1e-12)):
        result = ac.propagate(
            ac.Hamiltonian.affine(np.zeros((2, 2)), 4e5 * TILTED),
            ac.drive.Linear(-1e5, 1e5, 1.0),
            environment=environment,
            initial=[0.6, 0.8j],
            basis="diabatic",
        )
        assert result.error_estimate == 1.0
        assert result.warnings
