"""Quenched chains, baths, lattices and flux qubits against other routes than their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import airy

from anticrossing import environment
from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.drive import Linear, Sinusoidal
from anticrossing.dynamics import periodic_steady_state, propagate
from anticrossing.models import TransverseIsingMode, ising_momenta
from anticrossing.reproduce import amplitude_spectroscopy, kibble_zurek, wubs, zenesini


def followed(
    hamiltonian: Callable[[float], FloatArray], times: list[float], start: FloatArray
) -> ComplexArray:
    """Return states by the Runge–Kutta method of Dormand and Prince of order 8."""
    solved = solve_ivp(
        lambda t, psi: -1j * (hamiltonian(t) @ psi),
        (times[0], times[-1]),
        start.astype(complex),
        method="DOP853",
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
    )
    return solved.y.T


def test_kinks_of_a_ring_by_its_spins() -> None:
    sites, field, tau = 4, 3.0, 0.7
    x, z, one = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0]), np.eye(2)

    def at(site: int, own: FloatArray) -> FloatArray:
        product = np.eye(1)
        for k in range(sites):
            product = np.kron(product, own if k == site else one)
        return product

    bonds = sum(at(k, z) @ at((k + 1) % sites, z) for k in range(sites))
    flips = sum(at(k, x) for k in range(sites))
    ground = np.linalg.eigh(-bonds - field * flips)[1][:, 0]
    end = followed(lambda t: -bonds - (field - t / tau) * flips, [0.0, field * tau], ground)[-1]
    kinks = np.rint((sites - np.diag(bonds)) / 4).astype(int)
    exact = np.bincount(kinks, weights=abs(end) ** 2)
    ring, independent = kibble_zurek.ring_of_spins(sites, field, tau)
    assert np.abs(ring - exact).max() < 1e-9
    assert np.abs(independent - exact).max() < 1e-9


def test_cumulants_of_kinks_are_those_of_their_distribution() -> None:
    left = np.array([0.1, 0.35, 0.8, 0.02])
    distribution = np.ones(1)
    for p in left:
        distribution = np.convolve(distribution, [1 - p, 0, p])
    kinks = np.arange(distribution.size)
    mean = distribution @ kinks
    moments = [mean, distribution @ (kinks - mean) ** 2, distribution @ (kinks - mean) ** 3]
    assert kibble_zurek.cumulants(left) == pytest.approx(moments, rel=1e-13)


@pytest.mark.slow
def test_references_of_a_quench_by_magnus_steps() -> None:
    momenta, tau, steps = ising_momenta(512), 64.0, 100_000
    step = 40 * tau / steps

    def ground(field: float) -> FloatArray:
        half = 0.5 * np.arctan2(np.sin(momenta), field - np.cos(momenta))
        return np.array([-np.sin(half), np.cos(half)])

    up, down = ground(40.0).astype(complex)
    x = 2 * step * np.sin(momenta)
    # Of order 4, as H is linear in time: the commutator of H and its rate is along σ_y.
    y = -2 * step**3 / 3 * np.sin(momenta) / tau
    for index in range(steps):
        z = 2 * step * (40.0 - (index + 0.5) * step / tau - np.cos(momenta))
        angle = np.sqrt(x**2 + y**2 + z**2)
        same, other = np.cos(angle), -1j * np.sin(angle) / angle
        up, down = (
            (same + other * z) * up + other * (x - 1j * y) * down,
            other * (x + 1j * y) * up + (same - other * z) * down,
        )
    left = 1 - np.abs(np.sum(ground(0.0) * [up, down], axis=0)) ** 2
    kinks = kibble_zurek.cumulants(left)
    assert kinks[0] / 512 == pytest.approx(0.01407683, abs=5e-9)
    assert kinks[1] / kinks[0] == pytest.approx(0.58637, abs=5e-6)
    assert kinks[2] / kinks[0] == pytest.approx(0.13472, abs=5e-6)
    quench = Linear(40.0, 0.0, rate=-1 / tau)
    found = propagate(TransverseIsingMode(momentum=momenta), quench).transition_matrix[:, 1, 0]
    assert np.abs(found - left).max() < 1e-8


def test_history_of_a_qubit_and_its_bath() -> None:
    sweep = wubs.Sweep((0.5, 0.3), (1.0, 1.7), 0.6, 3, rate=2.0)
    states = [(s, m, n) for s in (1, -1) for m in range(3) for n in range(3)]

    def element(bra: tuple[int, ...], ket: tuple[int, ...], v_t: float) -> float:
        found = 0.0
        if bra == ket:
            found += 0.5 * v_t * ket[0] + 1.0 * ket[1] + 1.7 * ket[2]
        if bra[1:] == ket[1:] and bra[0] != ket[0]:
            found += 0.25
        qubit = 0.5 * (np.cos(0.6) * ket[0] if bra[0] == ket[0] else np.sin(0.6))
        for own, other, gamma in ((1, 2, 0.5), (2, 1, 0.3)):
            if bra[other] == ket[other] and abs(bra[own] - ket[own]) == 1:
                found += qubit * gamma * np.sqrt(max(bra[own], ket[own]))
        return found

    constant = np.array([[element(bra, ket, 0.0) for ket in states] for bra in states])
    slope = np.diag([0.5 * s for s, _, _ in states])
    start = np.linalg.eigh(constant - 30 * slope)[1][:, 0]
    positions = np.array([-2.0, 0.5, 4.0, 9.0])
    psi = followed(lambda t: constant + 2 * t * slope, [-15.0, *(positions / 2).tolist()], start)
    exact = np.sum(np.abs(psi[1:, 9:]) ** 2, axis=1)
    assert np.abs(sweep.history(positions) - exact).max() < 1e-8


@pytest.mark.slow
def test_probability_with_a_bath_does_not_depend_on_the_states_kept() -> None:
    found = [wubs.Sweep((0.6,), (1.0,), np.pi / 4, n).probability() for n in (9, 12)]
    assert found[0] == pytest.approx(found[1], abs=1e-11)
    assert found[1] == pytest.approx(0.35827, abs=5e-6)


@pytest.mark.slow
def test_steps_in_a_lattice() -> None:
    lattice = zenesini.Lattice(1.0, 0.383)
    times = np.array([0.3, 0.55, 0.9]) * lattice.bloch_period
    n = np.arange(-6, 5)
    beside = 0.25 * (np.eye(n.size, k=1) + np.eye(n.size, k=-1))

    def bands(t: float) -> FloatArray:
        return np.diag((0.383 / np.pi * t + 2.0 * n) ** 2) + beside

    start = np.linalg.eigh(bands(0.0))[1][:, 0]
    psi = followed(bands, [0.0, *times.tolist()], start)[1:]
    lowest = [np.linalg.eigh(bands(t))[1][:, 0] for t in times]
    exact = [abs(own @ state) ** 2 for own, state in zip(lowest, psi, strict=True)]
    assert lattice.survival(times)[:-1] == pytest.approx(exact, abs=1e-8)
    wave = followed(bands, [0.0, *times.tolist()], (n == 0).astype(float))[1:, n == 0]
    assert lattice.at_rest(times) == pytest.approx(np.abs(wave[:, 0]) ** 2, abs=1e-8)


def test_fringes_behind_a_front_are_airy_functions() -> None:
    hamiltonian, flux = amplitude_spectroscopy.qubit(1), -3.0
    amplitudes = np.linspace(2.9, 3.4, 11)
    moved = amplitude_spectroscopy.after_period(hamiltonian, flux, amplitudes)[:, 1]
    slope, omega, gap = 2 * np.pi * 1.44, 2 * np.pi * 0.16, 2 * np.pi * 0.013
    narrow = (2 / (slope * amplitudes * omega**2)) ** (1 / 3)
    law = (np.pi * gap * narrow * airy(-slope * (flux + amplitudes) * narrow)[0]) ** 2
    assert np.abs(moved - law).max() < 0.03 * law.max()


@pytest.mark.slow
def test_a_period_of_eight_levels() -> None:
    hamiltonian = amplitude_spectroscopy.qubit()
    constant, slope = hamiltonian(0.0).real, hamiltonian(1.0).real - hamiltonian(0.0).real
    omega = 2 * np.pi * 0.16
    psi = followed(
        lambda t: 2 * np.pi * (constant + (-3.0 - 21.0 * np.cos(omega * t)) * slope),
        [0.0, 1 / 0.16],
        np.eye(8)[0],
    )[-1]
    found = amplitude_spectroscopy.after_period(hamiltonian, -3.0, np.array([21.0]))[0]
    assert np.abs(found - np.abs(psi) ** 2).max() < 1e-7


def test_populations_after_a_pulse() -> None:
    flux, amplitude = np.array([[-4.0], [2.0]]), np.array([3.0, 7.0, 13.0])
    found = amplitude_spectroscopy.after_pulse(flux, amplitude, levels=2, pulse=400.0)
    assert found.shape == (2, 3, 4)
    assert found.sum(-1) == pytest.approx(np.ones((2, 3)), abs=1e-12)
    rates = [
        amplitude_spectroscopy.exchange_rate(q, 2.0 - x, 7.0)
        for q, x in ((0, 0), (1, 8.4), (1, -8.4))
    ]
    generator = np.zeros((4, 4))
    for rate, (a, b) in zip(rates, ((0, 2), (0, 3), (1, 2)), strict=True):
        generator[a, b] = generator[b, a] = float(rate)
    generator[0, 1] += 0.02
    generator[2, 3] += 0.02
    generator -= np.diag(generator.sum(axis=0))
    assert found[1, 1] == pytest.approx(expm(400 * generator)[:, 2], abs=1e-12)
    # At x = −4 the fronts lie at A = 4 and 12.4.
    assert found[0, 0, 2:].sum() < 0.01 < 0.3 < found[0, 2, 2:].sum()


@pytest.mark.slow
def test_rate_equations_lead_to_the_exact_steady_state() -> None:
    levels, place = 2, (4.0, 6.0)
    relax, dephase = np.zeros((2, 4, 4)), np.diag([1.0, 1.0, -1.0, -1.0])
    relax[0, 0, 1] = relax[1, 2, 3] = 50.0**-0.5
    exact = periodic_steady_state(
        amplitude_spectroscopy.qubit(levels),
        Sinusoidal(*place, 2 * np.pi * 0.16),
        environment=environment.Lindblad([*relax, dephase * 0.5**0.5]),
        basis="diabatic",
        tolerance=1e-6,
    ).populations
    rates = amplitude_spectroscopy.after_pulse(*place, levels=levels, pulse=1e7)
    assert rates == pytest.approx(exact, abs=5e-4)
