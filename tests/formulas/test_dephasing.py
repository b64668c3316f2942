"""Dephasing closed forms against generators built by hand and against exact evolution."""

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.environment import Dephasing, FixedAxisDephasing
from anticrossing.formulas import (
    canonical_dephasing,
    constant_rate_dephasing_landau_zener,
    dephasing_landau_zener,
    fixed_axis_dephasing_landau_zener,
)
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.lindblad import bloch_generator, bloch_ground, magnus, superoperator


def jump(gap, rate, reach, steps, **decay):
    """Probability to leave the ground state, by Magnus steps on the Bloch equations."""
    evolution = magnus(bloch_generator(gap, rate, **decay), -reach / rate, reach / rate, steps)
    return 0.5 * (1 - bloch_ground(gap, reach) @ evolution @ bloch_ground(gap, -reach))


def exact(gap, rate, environment, reach=1e4):
    result = ac.propagate(
        ac.models.LandauZener(gap=gap),
        ac.drive.Linear(-reach, reach, rate),
        environment=environment,
        tolerance=1e-13,
    )
    return result.transition_matrix[..., 1, 0]


# ---- Lemma 1 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_canonical_form_is_the_same_generator(seed):
    rng = np.random.default_rng(seed)
    energies, vectors = np.linalg.eigh(random_hermitian(rng, 2))
    values = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
    jumps = [vectors @ np.diag(pair) @ vectors.conj().T for pair in values]
    original = superoperator(vectors @ np.diag(energies) @ vectors.conj().T, jumps)

    kappa, gamma = canonical_dephasing(energies=energies, functions=[tuple(f) for f in values])
    sign = vectors @ np.diag([-1.0, 1.0]) @ vectors.conj().T
    # √H′ = sgn(κ)√|κ| (P₊ − P₋), and the double commutator is a jump operator √γ √H′.
    canonical = superoperator(kappa * sign, [np.sqrt(gamma * abs(kappa)) * sign])
    assert np.allclose(original, canonical, atol=1e-13)
    spectrum = np.linalg.eigvals(original)
    coherence = spectrum[np.argsort(np.abs(spectrum))[2:]]
    assert np.allclose(coherence.real, -2 * gamma * abs(kappa), atol=1e-12)
    assert np.allclose(np.sort(coherence.imag), [-2 * abs(kappa), 2 * abs(kappa)], atol=1e-12)


def test_canonical_form_of_functions_of_the_energy_broadcasts():
    gaps = np.array([1.0, 2.0, 4.0])
    kappa, gamma = canonical_dephasing(
        energies=(-gaps / 2, gaps / 2), functions=[lambda e: 0.3 * e, lambda e: 0.1 + 0 * e]
    )
    assert np.allclose(kappa, gaps / 2)
    assert np.allclose(gamma, 0.09 * gaps / 2)


def test_square_root_of_h_returns_its_own_strength():
    root = lambda e: np.sqrt(0.3) * np.sign(e) * np.sqrt(np.abs(e))  # noqa: E731
    kappa, gamma = canonical_dephasing(energies=(-0.7, 0.7), functions=[root])
    assert (kappa, gamma) == (pytest.approx(0.7), pytest.approx(0.3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"energies": (1.0, 1.0), "functions": []}, "do not rotate"),
        ({"energies": (0.0, 1.0), "functions": [(1.0, 1j)]}, "do not rotate"),
        ({"energies": (0.0, 1.0), "functions": [3.0]}, "pair"),
        ({"energies": (0.0, 1.0), "functions": [(0.0, np.nan)]}, "finite"),
        ({"energies": (0.0, 1.0, 2.0), "functions": []}, "pair"),
        ({"energies": (0.0, 1.0), "functions": [lambda e: (1 - 2 * e) * 1e160]}, "double range"),
        ({"energies": (0.0, 1.0), "functions": [lambda e: np.zeros(3)]}, "number"),
        ({"energies": ([0.0, 1.0], 2.0), "functions": [lambda e: np.zeros(3)]}, "each point"),
        ({"energies": ([0.0, 1.0], 2.0), "functions": [(np.zeros(3), 1.0)]}, "broadcast"),
    ],
)
def test_canonical_form_refuses(arguments, message):
    with pytest.raises(InputError, match=message):
        canonical_dephasing(**arguments)


# ---- Theorem 3 --------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.01, slow(0.1), slow(1.0), 10.0])
def test_three_percent_where_the_check_holds(gamma):
    prediction = dephasing_landau_zener(gap=1.0, sweep_rate=0.1, gamma=gamma)
    value = jump(1.0, 0.1, 20, 60_000, eigenbasis=lambda x: gamma * np.hypot(x, 1.0))
    assert prediction.valid
    assert value == pytest.approx(prediction.value, rel=0.03)
    assert not dephasing_landau_zener(gap=1.0, sweep_rate=0.5, gamma=gamma).valid


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.1, 1.824407e-2), (0.01, 1.831722e-3), (1e-4, 1.8348287e-5), (1e-6, 1.834862048e-7)],
)
def test_exact_values_and_their_remainder(rate, expected):
    value = exact(1.0, rate, Dephasing(0.3))
    assert value == pytest.approx(expected, rel=3e-7)
    prediction = dephasing_landau_zener(gap=1.0, sweep_rate=rate, gamma=0.3)
    assert abs(value - prediction.value) <= 0.12 * 0.3 * rate**2


def test_one_constant_bounds_the_remainder():
    gammas, rates = np.array([0.01, 0.1, 0.3, 1.0, 3.0, 10.0]), np.array([1e-6, 1e-4, 1e-2, 0.1, 1])
    for rate in rates:
        value = exact(1.0, rate, Dephasing(gammas), reach=1e3)
        prediction = dephasing_landau_zener(gap=1.0, sweep_rate=rate, gamma=gammas)
        # What the window leaves out and rounding are far below the bound.
        assert np.all(np.abs(value - prediction.value) <= 0.5 * gammas * rate**2 + 1e-13)


@pytest.mark.parametrize("gamma", [0.1, 0.3, 2.0])
def test_remainder_tends_to_minus_the_square_of_the_first_order(gamma):
    """The populations obey a rate equation, p = ½(1 − e^{−2p₁}) = p₁ − p₁² + …"""
    rate = 1e-4
    prediction = dephasing_landau_zener(gap=1.0, sweep_rate=rate, gamma=gamma)
    remainder = exact(1.0, rate, Dephasing(gamma)) - prediction.value
    assert remainder == pytest.approx(-(prediction.incoherent**2), rel=0.01)


def test_only_the_ratio_of_rate_and_squared_gap_counts():
    first = dephasing_landau_zener(gap=1.0, sweep_rate=0.02, gamma=0.4)
    second = dephasing_landau_zener(gap=3.0, sweep_rate=0.18, gamma=0.4)
    assert second.value == pytest.approx(first.value, rel=1e-13)
    assert exact(3.0, 0.18, Dephasing(0.4)) == pytest.approx(
        exact(1.0, 0.02, Dephasing(0.4)), rel=1e-9
    )


def test_constant_gamma_broadcasts_and_vanishes_into_landau_zener():
    gammas = np.array([[0.0], [0.5]])
    result = dephasing_landau_zener(gap=1.0, sweep_rate=[0.5, 1.0, 2.0], gamma=gammas)
    assert result.value.shape == (2, 3)
    coherent = ac.formulas.landau_zener(gap=1.0, sweep_rate=[0.5, 1.0, 2.0]).value
    assert np.array_equal(result.value[0], coherent)
    assert np.all(result.incoherent[1] > 0)


@pytest.mark.parametrize("formula", ["0.3/(1 + x**2)", "0.2 + 0.1*tanh(x)", "exp(-(x - 1)**2)"])
def test_varying_gamma(formula):
    rate = 0.01
    prediction = dephasing_landau_zener(gap=1.0, sweep_rate=rate, gamma=formula)
    value = exact(1.0, rate, Dephasing(formula), reach=1e3)
    assert prediction.valid
    assert abs(value - prediction.value) < 0.5 * rate**2
    assert value == pytest.approx(prediction.value, rel=0.01)


def test_varying_gamma_by_plain_quadrature():
    gamma = lambda x: 0.5 / (1 + (x - 0.4) ** 2)  # noqa: E731
    integral, _ = quad(
        lambda x: gamma(x) / (1 + gamma(x) ** 2) * 4 / (64 * (0.5 * np.hypot(x, 2)) ** 5),
        -np.inf,
        np.inf,
        epsabs=1e-13,
    )
    result = dephasing_landau_zener(gap=2.0, sweep_rate=[0.1, 0.2], gamma=gamma)
    assert np.allclose(result.incoherent, np.array([0.1, 0.2]) * integral, rtol=1e-10)


def test_sudden_change_of_gamma_is_reported():
    sharp = dephasing_landau_zener(gap=1.0, sweep_rate=0.05, gamma="0.3 + 0.2*tanh(20*x)")
    assert not sharp.valid
    assert "gamma changes" in sharp.warnings[0]


# ---- constant rate ----------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [slow(0.1), 1.0, slow(10.0)])
def test_constant_rate_is_a_rate_in_physical_time(rate):
    prediction = constant_rate_dephasing_landau_zener(gap=1.0, sweep_rate=0.05, rate=rate)
    value = jump(1.0, 0.05, 30, 120_000, eigenbasis=lambda x: rate + 0 * x)
    assert value == pytest.approx(prediction.value - prediction.incoherent**2, rel=5e-3)
    assert exact(1.0, 0.05, Dephasing(rate=rate)) == pytest.approx(value, rel=1e-5)


def test_constant_rate_is_theorem_three_with_a_varying_gamma():
    direct = constant_rate_dephasing_landau_zener(gap=2.0, sweep_rate=0.01, rate=0.7)
    general = dephasing_landau_zener(gap=2.0, sweep_rate=0.01, gamma="0.7/sqrt(x**2 + 4)")
    assert direct.incoherent == pytest.approx(general.incoherent, rel=1e-11)


def test_constant_rate_limits():
    weak = constant_rate_dephasing_landau_zener(gap=2.0, sweep_rate=0.01, rate=1e-6)
    assert weak.incoherent == pytest.approx(0.01 / 8 * 3 * np.pi / 8 * 0.5e-6, rel=1e-10)
    strong = constant_rate_dephasing_landau_zener(gap=2.0, sweep_rate=0.01, rate=2e6)
    assert strong.incoherent == pytest.approx(0.01 / 8 * np.pi / 2e6, rel=1e-10)


# ---- fixed axis -------------------------------------------------------------------------------


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("rate", "window", "expected"), [(10, 10, 0.7837), (50, 10, 0.9338), (10, 60, 0.6815)]
)
def test_strong_dephasing_along_the_diabatic_axis(rate, window, expected):
    prediction = fixed_axis_dephasing_landau_zener(
        gap=0.6, sweep_rate=1.0, rate=rate, window=window
    )
    by_steps = magnus(bloch_generator(0.6, 1.0, axis=rate), -window, window, 40_000)
    result = ac.propagate(
        ac.models.LandauZener(gap=0.6),
        ac.drive.Linear(-window, window, 1.0),
        environment=FixedAxisDephasing(rate),
        basis="diabatic",
    )
    assert 0.5 * (1 + by_steps[2, 2]) == pytest.approx(expected, abs=6e-5)
    assert result.transition_matrix[0, 0] == pytest.approx(expected, abs=6e-5)
    assert prediction.valid
    assert prediction.value == pytest.approx(expected, abs=1e-3)


def test_infinite_sweep_forgets_the_rate():
    values = fixed_axis_dephasing_landau_zener(gap=0.6, sweep_rate=1.0, rate=[1.0, 10.0, 100.0])
    assert np.allclose(values.value, 0.5 * (1 + np.exp(-4 * np.pi * 0.09)), rtol=1e-14)
    jump_probability = ac.formulas.landau_zener(gap=0.6, sweep_rate=1.0).value
    assert values.value[0] == pytest.approx(0.5 * (1 + jump_probability**2), rel=1e-14)


def test_short_sweep_freezes():
    frozen = fixed_axis_dephasing_landau_zener(gap=0.6, sweep_rate=1.0, rate=1e4, window=10.0)
    assert frozen.value == pytest.approx(1 - 0.36 * 10 / 1e4, rel=1e-6)


@pytest.mark.slow
def test_fixed_axis_checks_predict_the_quality():
    rng = np.random.default_rng(4)
    counted = {True: 0, False: 0}
    for _ in range(30):
        gap, rate, window = 10 ** rng.uniform([-1, -0.5, -0.5], [0.3, 1.5, 1.5])
        prediction = fixed_axis_dephasing_landau_zener(
            gap=gap, sweep_rate=1.0, rate=rate, window=window
        )
        evolution = magnus(bloch_generator(gap, 1.0, axis=rate), -window, window, 8_000)
        counted[prediction.valid] += 1
        if prediction.valid:
            assert abs(0.5 * (1 + evolution[2, 2]) - prediction.value) < 5e-3
    assert min(counted.values()) >= 5


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (dephasing_landau_zener, {"gap": 0.0, "gamma": 0.1}, "`gap` must be positive"),
        (dephasing_landau_zener, {"gap": 1.0, "gamma": -0.1}, "`gamma` must not be negative"),
        (dephasing_landau_zener, {"gap": 1.0, "gamma": "x"}, "not negative"),
        (dephasing_landau_zener, {"gap": 1.0, "gamma": "1 + y"}, "y"),
        (dephasing_landau_zener, {"gap": [1, 2], "gamma": [1, 2, 3]}, "broadcast"),
        (constant_rate_dephasing_landau_zener, {"gap": 1.0, "rate": -1.0}, "not be negative"),
        (fixed_axis_dephasing_landau_zener, {"gap": 1.0, "rate": 0.0}, "be positive"),
        (
            fixed_axis_dephasing_landau_zener,
            {"gap": 1.0, "rate": 1.0, "window": -1.0},
            "be positive",
        ),
    ],
)
def test_bad_input(function, arguments, message):
    with pytest.raises(InputError, match=message):
        function(sweep_rate=1.0, **arguments)


@pytest.mark.parametrize("gap", [1e-200, 1e200])
def test_gaps_whose_square_leaves_the_doubles_are_refused(gap):
    with pytest.raises(InputError, match="gap"):
        dephasing_landau_zener(gap=gap, sweep_rate=1.0, gamma="0.3 + 0*x")
