"""Vibronic motion against coherent states, eigenstates of other matrices, and published numbers."""

import functools
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.models import JahnTeller, Pyrazine, VibronicCoupling
from anticrossing.molecules.packets import autocorrelation_spectrum
from anticrossing.molecules.vibronic import _oscillator, propagate_vibronic
from anticrossing.units import NATURAL, Units

REFERENCE = Path(__file__).parents[2] / "reference_data" / "pyrazine_mctdh.json"


def model(coupling=0.5, units=NATURAL):
    return VibronicCoupling(
        energies=np.array([[0.0, 0.1], [0.1, 0.9]], dtype=complex),
        frequencies=[1.0, 0.6],
        linear=[np.diag([0.6, -0.5]), coupling * np.array([[0, 1], [1, 0]])],
        quadratic=0.05 * np.ones((2, 2, 2, 2)),
        units=units,
    )


def exact(W, size, psi, times):
    """States at times, vibrations fastest last, by ladder operators and one exponential."""
    lower = np.diag(np.sqrt(np.arange(1.0, size + 6)), 1)
    x, number = (lower + lower.T) / np.sqrt(2), lower.T @ lower
    one = np.eye(size + 6)

    def along(matrix, mode):
        whole = functools.reduce(np.kron, [matrix if k == mode else one for k in range(2)])
        keep = np.add.outer(np.arange(size) * (size + 6), np.arange(size)).ravel()
        return whole[np.ix_(keep, keep)]

    Q = [along(x, k) for k in range(2)]
    squares = [along(x @ x, 0), along(np.kron(1, x) @ x, 1)]
    H = sum(
        w * np.kron(np.eye(2), along(number, k) + 0.5 * np.eye(size**2))
        for k, w in enumerate(W.frequencies)
    )
    H = H + np.kron(W.constant, np.eye(size**2))
    for k in range(2):
        H = H + np.kron(W.linear[k], Q[k]) + np.kron(W.quadratic[k, k], squares[k]) / 2
    product = functools.reduce(np.kron, [(lower + lower.T) / np.sqrt(2)] * 2)
    keep = np.add.outer(np.arange(size) * (size + 6), np.arange(size)).ravel()
    H = H + np.kron(W.quadratic[0, 1], product[np.ix_(keep, keep)])
    E, U = np.linalg.eigh(H)
    return [U @ (np.exp(-1j * E * t) * (U.conj().T @ psi)) for t in times]


def test_coherent_states_stay_coherent():
    # Q(t) = Q₀ cos ωt + P₀ sin ωt, ⟨ψ(0)|ψ(t)⟩ = Π exp[−|α|²(1 − e^{−iωt}) − iωt/2].
    W = VibronicCoupling(energies=[0.3], frequencies=[1.0, 0.5], linear=np.zeros((2, 1, 1)))
    t = np.linspace(0.0, 6.0, 5)
    result = propagate_vibronic(
        W, t, state=0, centre=[1.0, -2.0], momentum=[0.5, 0.0], tolerance=1e-6
    )
    expected = np.stack([np.cos(t) + 0.5 * np.sin(t), -2 * np.cos(0.5 * t)], axis=1)
    np.testing.assert_allclose(result.positions, expected, atol=1e-5)
    alpha = np.array([(1 + 0.5j), -2.0]) / np.sqrt(2)
    exponent = -(np.abs(alpha) ** 2) * (1 - np.exp(-1j * np.outer(t, [1.0, 0.5])))
    overlap = np.exp(exponent.sum(axis=1) - 1j * (0.75 + 0.3) * t)
    np.testing.assert_allclose(result.autocorrelation, overlap, atol=1e-6)
    np.testing.assert_array_equal(result.autocorrelation_times, t)
    assert abs(result.energy - (0.3 + 0.75 + 0.5 * 1.25 + 0.25 * 4)) < 1e-6


@pytest.mark.quick(1)
@pytest.mark.parametrize("coupling", [0.5, 0.4 + 0.3j])
def test_against_eigenstates(coupling):
    W = model(0.5)
    if np.iscomplex(coupling):
        constant = np.array([[0.0, coupling], [np.conj(coupling), 0.9]])
        W = VibronicCoupling(
            energies=constant, frequencies=W.frequencies, linear=W.linear, quadratic=W.quadratic
        )
    t = np.array([0.5, 4.0])
    result = propagate_vibronic(W, t, state=[1.0, 1.0j], tolerance=1e-6)
    size = 17
    psi = np.zeros((2, size**2), dtype=complex)
    psi[:, 0] = np.array([1.0, 1.0j]) / np.sqrt(2)
    states = exact(W, size, psi.ravel(), t)
    populations = [np.sum(np.abs(one.reshape(2, -1)) ** 2, axis=1) for one in states]
    np.testing.assert_allclose(result.populations, populations, atol=1e-5)
    overlaps = [np.vdot(psi.ravel(), one) for one in states]
    np.testing.assert_allclose(result.autocorrelation, overlaps, atol=1e-5)
    assert result.error_estimate <= 1e-6


def test_the_overlap_is_known_at_twice_the_time():
    W = model()
    half = propagate_vibronic(W, [0.0, 1.5, 3.0], state=1, tolerance=1e-7)
    np.testing.assert_array_equal(half.autocorrelation_times, [0.0, 3.0, 6.0])
    # a phase of the beginning changes no overlap, but is not real
    whole = propagate_vibronic(W, [0.0, 3.0, 6.0], state=[0.0, 1.0j], tolerance=1e-7)
    np.testing.assert_array_equal(whole.autocorrelation_times, [0.0, 3.0, 6.0])
    np.testing.assert_allclose(half.autocorrelation, whole.autocorrelation, atol=1e-6)
    np.testing.assert_allclose(half.populations[2], whole.populations[1], atol=1e-7)


@pytest.mark.slow
def test_far_times_and_near_ones_are_the_same():
    W = model()
    near = propagate_vibronic(W, np.linspace(0, 40, 21), state=1, tolerance=1e-4)
    far = propagate_vibronic(
        W, [40.0], state=1, basis_sizes=[round(n / 1.2) for n in near.basis_sizes], tolerance=1e-3
    )
    np.testing.assert_allclose(far.populations[0], near.populations[-1], atol=1e-4)


def test_units_of_time():
    natural = propagate_vibronic(model(), [2.0], state=1)
    angular = Units("eV", "fs").angular
    W = model(units=Units("eV", "fs"))
    converted = propagate_vibronic(W, [2.0 / angular], state=1)
    np.testing.assert_allclose(converted.populations, natural.populations, atol=1e-9)


def test_spectrum_of_displaced_levels():
    # S₂ of one displaced mode: a Poisson distribution of mean κ²/2ω² at E − κ²/2ω + ω(n + ½).
    W = VibronicCoupling(energies=[0.0, 2.0], frequencies=[1.0], linear=[np.diag([0.0, 1.2])])
    result = propagate_vibronic(W, np.linspace(0, 24, 97), state=1, tolerance=1e-7)
    mean, start = 0.72, 2.0 - 0.72 + 0.5
    spectrum = autocorrelation_spectrum(result, start + np.arange(3), broadening=0.1)
    areas = spectrum.density * 0.1 * np.sqrt(2 * np.pi)
    np.testing.assert_allclose(areas, np.exp(-mean) * mean ** np.arange(3) / [1, 1, 2], atol=1e-6)
    # the fourth level, 2π/2 above the range, would fold into it
    wide = propagate_vibronic(W, np.linspace(0, 24, 13), state=1)
    with pytest.raises(InputError, match="hardly leaves its beginning, but their overlap falls to"):
        autocorrelation_spectrum(wide, start + np.arange(2), broadening=0.2)
    uneven = propagate_vibronic(W, [0.0, 1.0, 3.0], state=1)
    with pytest.raises(InputError, match="equal steps"):
        autocorrelation_spectrum(uneven, [2.0], broadening=1.0)


def test_a_polynomial_with_its_frequencies():
    # any Hamiltonian: E⊗e conserves the vibronic angular momentum, so ⟨Q⟩ of a pure j stays 0
    H = JahnTeller(linear=1.0)
    result = propagate_vibronic(H, [1.0, 2.0], state=[1.0, 1.0j], frequencies=[1.0, 1.0])
    np.testing.assert_allclose(result.positions, 0.0, atol=1e-10)
    np.testing.assert_allclose(result.populations, 0.5, atol=1e-10)
    with pytest.raises(InputError, match="frequencies"):
        propagate_vibronic(H, [1.0], state=0)


@pytest.mark.parametrize("sizes", [(3,), (4, 1), (5, 4, 3), (2, 2, 2, 2)])
def test_truncated_basis(sizes):
    every = itertools.product(*map(range, sizes))
    wanted = [
        n
        for n in every
        if sum(k / max(s - 1, 1) for k, s in zip(n, sizes, strict=True)) <= 1 + 1e-12
    ]
    found = _oscillator.truncated(sizes)
    assert [tuple(row) for row in found.tolist()] == wanted


def test_matrix_is_that_of_all_products():
    terms, omega, sizes = _oscillator.monomials(Pyrazine(modes=4)), np.ones(4), (5, 4, 3, 6)
    every, few = _oscillator.product(sizes), _oscillator.truncated(sizes)
    whole = _oscillator.build(terms, omega, every).toarray()
    place = [np.flatnonzero((every == row).all(axis=1))[0] for row in few]
    kept = np.add.outer(2 * np.array(place), [0, 1]).ravel()
    part = _oscillator.build(terms, omega, few).toarray()
    np.testing.assert_allclose(part, whole[np.ix_(kept, kept)], atol=1e-14)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"times": [1.0, 1.0]}, InputError, "times"),
        ({"times": [-1.0]}, InputError, "times"),
        ({"state": 2}, InputError, "state"),
        ({"state": [0.0, 0.0]}, InputError, "state"),
        ({"state": [1.0, 0.0, 0.0]}, InputError, "state"),
        ({"centre": [1.0]}, InputError, "centre"),
        ({"momentum": np.nan}, InputError, "momentum"),
        ({"frequencies": [1.0, 1.0]}, InputError, "frequencies"),
        ({"basis_sizes": [5]}, InputError, "basis_sizes"),
        ({"tolerance": 0.0}, InputError, "tolerance"),
        ({"largest_basis": 3}, InputError, "largest_basis"),
        ({"largest_basis": 30}, ConvergenceError, "largest_basis"),
        ({"hamiltonian": np.eye(2)}, InputError, "hamiltonian"),
    ],
)
def test_bad_input_is_one_line(change, error, message):
    given = {"hamiltonian": model(), "times": [1.0], "state": 1, **change}
    H, times = given.pop("hamiltonian"), given.pop("times")
    with pytest.raises(error, match=message) as caught:
        propagate_vibronic(H, times, **given)
    assert "\n" not in str(caught.value)


def test_an_exponential_of_the_whole_matrix():
    # Chebyshev's series against a Padé approximant, in one and the same small basis
    W, t = model(), 2.5
    numbers = _oscillator.truncated((7, 7))
    H = _oscillator.build(_oscillator.monomials(W), W.frequencies, numbers)
    from anticrossing.molecules.vibronic.propagation import _run

    psi = np.zeros(H.shape[0], dtype=complex)
    psi[1] = 1.0
    found = _run(H, psi, np.array([t]), 1.0, numbers, 2)
    state = expm(-1j * H.toarray() * t) @ psi
    expected = np.sum(np.abs(state.reshape(-1, 2)) ** 2, axis=0)
    np.testing.assert_allclose(found["populations"][0], expected, atol=1e-11)


@pytest.mark.slow
def test_four_modes_of_pyrazine_as_mctdh_has_them():
    reference = json.loads(REFERENCE.read_text())
    result = propagate_vibronic(
        Pyrazine(modes=4, bilinear=True),
        reference["times"],
        state=1,
        basis_sizes=(21, 27, 19, 16),
        tolerance=2e-3,
    )
    assert result.error_estimate < 2e-3
    np.testing.assert_allclose(result.populations[:, 1], reference["populations"], atol=2e-3)
    without = propagate_vibronic(
        Pyrazine(modes=4), reference["times"], state=1, basis_sizes=(21, 27, 19, 16), tolerance=1e-2
    )
    assert abs(without.populations[:, 1] - reference["populations"]).max() > 0.02


@pytest.mark.parametrize("sizes", [None, [7]])
def test_parity_does_not_feign_convergence(sizes):
    """Q² couples functions of one parity; one function more would change nothing."""
    squares = np.array([[[[0.0, 0.5], [0.5, -0.3]]]])
    W = VibronicCoupling(
        energies=[0.0, 1.0], frequencies=[1.0], linear=np.zeros((1, 2, 2)), quadratic=squares
    )
    times = np.linspace(0, 20, 21)
    step = np.sqrt(np.arange(1.0, 62) / 2)
    Q = np.diag(step, 1) + np.diag(step, -1)
    H = np.kron(np.diag(np.arange(60) + 0.5), np.eye(2)) + np.kron(np.eye(60), np.diag([0.0, 1.0]))
    E, U = np.linalg.eigh(H + np.kron((Q @ Q)[:60, :60], squares[0, 0]) / 2)
    psi = (np.exp(-1j * np.outer(times, E)) * U[0]) @ U.T
    expected = (np.abs(psi.reshape(21, 60, 2)) ** 2).sum(axis=1)
    found = propagate_vibronic(W, times, state=0, basis_sizes=sizes)
    assert np.abs(found.populations - expected).max() < found.error_estimate
