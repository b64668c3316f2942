import itertools

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    CrossingStep,
    demkov_osherov,
    finite_window_propagator,
    independent_crossings,
    landau_zener,
    stokes_phase,
    stueckelberg_two_passages,
    transfer_matrices,
    transfer_matrix,
)


@pytest.mark.parametrize("delta", [1e-6, 0.3, 5.0, 29.9, 30.1, 1e4])
def test_stokes_phase_against_the_definition_in_many_digits(delta):
    with mpmath.workdps(40):
        d = mpmath.mpf(delta)
        exact = mpmath.pi / 4 + d * (mpmath.log(d) - 1) + mpmath.im(mpmath.loggamma(1 - 1j * d))
    value = stokes_phase(gap=2 * np.sqrt(delta), sweep_rate=1.0)
    assert value == pytest.approx(float(exact), rel=1e-10)


def test_stokes_phase_limits():
    assert stokes_phase(gap=0.0, sweep_rate=1.0) == pytest.approx(np.pi / 4)
    assert stokes_phase(gap=[1.0, 2.0, 1e6], sweep_rate=1.0)[-1] < 1e-11


@pytest.mark.parametrize("gap", [0.3, 1.0, 2.0])
def test_transfer_matrix_is_the_propagator_without_adiabatic_phases(gap):
    stop = 300.0

    def lower_upper(t):
        angle = np.arctan2(gap, t) / 2
        return np.array([[-np.sin(angle), np.cos(angle)], [np.cos(angle), np.sin(angle)]])

    half = quad(lambda t: 0.5 * np.hypot(t, gap), 0, stop, epsabs=1e-11, epsrel=1e-13, limit=200)[0]
    u = finite_window_propagator(gap=gap, sweep_rate=1.0, start=-stop, stop=stop)
    adiabatic = lower_upper(stop).T @ u @ lower_upper(-stop)
    phases = np.exp(-1j * half * np.array([1, -1]))  # removes e^{+i half} of the lower level
    expected = phases[:, None] * adiabatic * phases
    assert np.max(np.abs(transfer_matrix(gap=gap, sweep_rate=1.0) - expected)) < 1e-5


def test_transfer_matrix_is_unitary_and_broadcasts():
    matrix = transfer_matrix(gap=[[0.1], [3.0]], sweep_rate=[1.0, 2.0, 5.0], direction=-1)
    assert matrix.shape == (2, 3, 2, 2)
    product = matrix @ matrix.conj().swapaxes(-1, -2)
    assert np.allclose(product, np.eye(2), atol=1e-15)
    assert abs(matrix[1, 0, 1, 0]) ** 2 == pytest.approx(
        landau_zener(gap=3.0, sweep_rate=1.0).value
    )


def _to_and_fro(gap):
    """ε(t) = 0.5 + 5 cos 0.3 t: probability and phase of the two passages of one period."""
    offset, amplitude, omega = 0.5, 5.0, 0.3
    first = np.arccos(-offset / amplitude) / omega
    rate = amplitude * omega * np.sin(omega * first)
    zeta = quad(
        lambda t: 0.5 * np.hypot(offset + amplitude * np.cos(omega * t), gap),
        first,
        2 * np.pi / omega - first,
        epsabs=1e-12,
    )[0]
    return landau_zener(gap=gap, sweep_rate=rate).value, zeta


def test_two_passages_of_a_periodic_drive(two_level, adiabatic_matrix):
    gap = 0.2
    result = stueckelberg_two_passages(*_to_and_fro(gap))
    assert result.value == pytest.approx(0.074821, abs=5e-7)
    hamiltonian = two_level(lambda t: 0.5 + 5 * np.cos(0.3 * t), gap)
    exact = adiabatic_matrix(hamiltonian, 0.0, 2 * np.pi / 0.3, 1e-11)[1, 0]
    assert exact == pytest.approx(0.076019, abs=5e-7)
    assert result.value == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("gap", [0.2, 0.6, 1.0])
def test_transfer_matrices_of_a_to_and_fro_drive(gap, two_level, adiabatic_matrix):
    p, zeta = _to_and_fro(gap)
    sequence = [CrossingStep((0, 1), p, direction=-1), CrossingStep((0, 1), p, direction=1)]
    u = transfer_matrices(sequence, [[-zeta, zeta]], levels=2)
    assert abs(u[1, 0]) ** 2 == pytest.approx(stueckelberg_two_passages(p, zeta).value, rel=1e-12)
    hamiltonian = two_level(lambda t: 0.5 + 5 * np.cos(0.3 * t), gap)
    exact = adiabatic_matrix(hamiltonian, 0.0, 2 * np.pi / 0.3, 1e-10)
    assert np.max(np.abs(np.abs(u) ** 2 - exact)) < 0.02


def test_two_crossings_in_one_direction_add_the_other_way(two_level, adiabatic_matrix):
    """ε = t³ − 9t passes zero three times, up, down, up: direction matters."""
    gap = 1.0

    def detuning(t):
        return t**3 - 9 * t

    roots = (-3.0, 0.0, 3.0)
    slopes = [3 * r**2 - 9 for r in roots]
    phases = []
    for first, second in itertools.pairwise(roots):
        half = quad(lambda t: 0.5 * np.hypot(detuning(t), gap), first, second, epsabs=1e-12)[0]
        phases.append([-half, half])
    sequence = [
        CrossingStep.from_gap((0, 1), gap=gap, sweep_rate=abs(s), direction=int(np.sign(s)), time=r)
        for r, s in zip(roots, slopes, strict=True)
    ]
    predicted = independent_crossings(sequence, levels=2, phases=phases)
    exact = adiabatic_matrix(two_level(detuning, gap), -9.0, 9.0, 1e-10)
    assert np.max(np.abs(predicted.transition_matrix - exact)) < 0.01
    incoherent = independent_crossings(sequence, levels=2)
    assert np.max(np.abs(incoherent.transition_matrix - exact)) > 0.1
    assert predicted.checks[0].value == pytest.approx(1 / 3 / 3)


def test_phase_average_is_the_product_of_stochastic_matrices():
    rng = np.random.default_rng(11)
    sequence = [
        CrossingStep((0, 1), 0.3),
        CrossingStep((1, 2), 0.6),
        CrossingStep((0, 1), 0.8, direction=-1),
        CrossingStep((1, 2), 0.5),
    ]
    mean = np.zeros((3, 3))
    runs = 1000
    for phases in rng.uniform(0, 2 * np.pi, size=(runs, 3, 3)):
        mean += independent_crossings(sequence, levels=3, phases=phases).transition_matrix / runs
    expected = independent_crossings(sequence, levels=3).transition_matrix
    assert np.max(np.abs(mean - expected)) < 4 * 0.5 / np.sqrt(runs)


def test_demkov_osherov_is_a_sequence_of_independent_crossings():
    levels, couplings, rate = [0.2, 1.0, 1.7], [0.3, 0.2, 0.4], 0.9
    # rising through the parallel levels, the sloped level is number 0, then 1, then 2
    sequence = [
        CrossingStep.from_gap(
            (j, j + 1), gap=2 * couplings[j], sweep_rate=rate, time=levels[j] / rate
        )
        for j in range(3)
    ]
    exact = demkov_osherov(levels=levels, couplings=couplings, sweep_rate=rate, basis="adiabatic")
    chained = independent_crossings(sequence, levels=4)
    assert np.allclose(chained.transition_matrix, exact.transition_matrix, rtol=1e-13)
    assert not chained.valid  # these overlap: only the exact solution says that it still holds


def test_true_crossing_exchanges_the_labels():
    matrix = independent_crossings([CrossingStep((0, 1), 1.0)], levels=2).transition_matrix
    assert np.array_equal(matrix, [[0, 1], [1, 0]])
    u = transfer_matrices([CrossingStep((0, 1), 0.0)], np.zeros((2, 2)), levels=2)
    assert np.allclose(np.abs(u), np.eye(2))


def test_outer_phases_multiply_from_both_sides():
    inner = transfer_matrices([CrossingStep((0, 1), 0.4)], np.zeros((0, 2)), levels=2)
    phases = np.array([[0.1, 0.2], [0.3, -0.4]])
    outer = transfer_matrices([CrossingStep((0, 1), 0.4)], phases, levels=2)
    expected = np.exp(-1j * phases[1])[:, None] * inner * np.exp(-1j * phases[0])
    assert np.allclose(outer, expected, atol=1e-15)


def test_unseparated_passages_are_reported():
    assert not stueckelberg_two_passages(0.5, 0.2).valid
    close = [
        CrossingStep((0, 1), 0.5, time=0.0, duration=1.0),
        CrossingStep((1, 2), 0.5, time=2.0, duration=0.1),
    ]
    assert not independent_crossings(close, levels=3).valid
    apart = [
        CrossingStep((0, 1), 0.5, time=0.0, duration=1.0),
        CrossingStep((2, 3), 0.5, time=0.1, duration=1.0),
    ]
    assert independent_crossings(apart, levels=4).valid


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: independent_crossings([], levels=2), "at least one"),
        (lambda: independent_crossings([CrossingStep((0, 2), 0.5)], levels=3), "adjacent"),
        (lambda: independent_crossings([CrossingStep((1, 2), 0.5)], levels=2), "adjacent"),
        (lambda: independent_crossings([CrossingStep((0, 1), 1.5)], levels=2), "between 0 and 1"),
        (
            lambda: independent_crossings(
                [CrossingStep((0, 1), 0.5, time=1.0), CrossingStep((0, 1), 0.5, time=0.0)], levels=2
            ),
            "order of time",
        ),
        (
            lambda: transfer_matrices([CrossingStep((0, 1), 0.5)] * 3, np.zeros((3, 2)), levels=2),
            "phases",
        ),
        (lambda: transfer_matrix(gap=1.0, sweep_rate=1.0, direction=2), "direction"),
        (lambda: stueckelberg_two_passages(-0.1, 1.0), "probability"),
    ],
)
def test_bad_arguments(call, text):
    with pytest.raises(InputError, match=text):
        call()
